/*
 * mbevctl: the operator's command.
 *
 *   mbevctl [-c FILE] VERB [WORDS]
 */
#include "bytes.h"
#include "ctl.h"
#include "settings.h"
#include "utf8.h"

#include <errmsg.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

static const struct verb {
    const char *name;
    const char *words;
    const char *help;
    int most; /* words it takes */
    int (*run)(struct ctl *ctl);
} verbs[] = {
    { "status", "", "does it work: service, backlog, results", 0, ctl_status },
    { "queue", "[STATE]", "deliveries not done, or those in a state", 1,
        ctl_queue },
};

static void
print_usage(FILE *to)
{
    fputs("usage: mbevctl [-c FILE] VERB [WORDS]\n\n", to);
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        fprintf(to, "  %-8s %-8s %s\n", verbs[i].name, verbs[i].words,
            verbs[i].help);
    fputs(
        "\n  -c, --config FILE  configuration of mbevd (default " MBEV_CONF_FILE
        ")\n"
        "      --version      print the version\n"
        "  -h, --help         print this\n",
        to);
}

int
ctl_failed(const struct ctl *ctl)
{
    const char *words = db_error(ctl->db);
    struct bytes safe = bytes_make(4096);

    utf8_escape(&safe, words, strlen(words));
    fprintf(stderr, "mbevctl: the database %s: %s\n",
        db_errno(ctl->db) >= CR_MIN_ERROR ? "is away" : "refuses",
        bytes_text(&safe));
    bytes_free(&safe);
    return EX_UNAVAILABLE;
}

static int
with_database(
    const struct verb *verb, const struct settings *set, int argc, char **argv)
{
    const struct db_settings db_settings = settings_database(set);
    struct ctl ctl = { set, db_make(&db_settings), argc, argv };
    int code = EX_OSERR;

    if (ctl.db)
        code = db_open(ctl.db) == DB_OK ? verb->run(&ctl) : ctl_failed(&ctl);
    db_close(&ctl.db);
    return code;
}

static int
with_settings(const struct verb *verb, const char *path, int argc, char **argv)
{
    struct bytes errors = bytes_make(64 * 1024);
    struct settings set;
    int code = EX_CONFIG;

    if (settings_load(&set, path, &errors))
        code = with_database(verb, &set, argc, argv);
    else
        fputs(bytes_text(&errors), stderr);
    settings_free(&set);
    bytes_free(&errors);
    return code;
}

static const struct verb *
find_verb(const char *name)
{
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

int
main(int argc, char **argv)
{
    static const struct option options[] = {
        { "config", required_argument, NULL, 'c' },
        { "version", no_argument, NULL, 'v' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    const char *config = MBEV_CONF_FILE;
    const struct verb *verb;
    int c;

    while ((c = getopt_long(argc, argv, "+c:h", options, NULL)) != -1) {
        switch (c) {
        case 'c':
            config = optarg;
            break;
        case 'v':
            puts("mbevctl " MBEV_VERSION);
            return EX_OK;
        case 'h':
            print_usage(stdout);
            return EX_OK;
        default:
            print_usage(stderr);
            return EX_USAGE;
        }
    }
    verb = optind < argc ? find_verb(argv[optind]) : NULL;
    if (!verb || argc - optind - 1 > verb->most) {
        print_usage(stderr);
        return EX_USAGE;
    }
    return with_settings(verb, config, argc - optind - 1, argv + optind + 1);
}
