/*
 * mbevctl: the operator's command.
 *
 *   mbevctl [-c FILE] VERB [WORDS]
 */
#include "bytes.h"
#include "ctl.h"
#include "settings.h"

#include <errmsg.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

/* What is made ready for a verb. */
enum need {
    NEED_SETTINGS, /* all of the configuration is good */
    NEED_DATABASE, /* it reads our database, and nothing else: the database is
                      open */
    NEED_NOTHING   /* it works with what there is */
};

static const struct verb {
    const char *name;
    const char *words;
    const char *help;
    int least, most; /* words it takes */
    enum need need;
    int (*run)(struct ctl *ctl);
} verbs[] = {
    { "status", "", "does it work: service, backlog, results", 0, 0,
        NEED_DATABASE, ctl_status },
    { "queue", "[STATE]", "deliveries not done, or those in a state", 0, 1,
        NEED_DATABASE, ctl_queue },
    { "show", "ID", "all about an event; a subscriber's latest events", 1, 1,
        NEED_DATABASE, ctl_show },
    { "receipts", "[...]", "fiscal receipts: by day, what is open, a day", 0, 3,
        NEED_DATABASE, ctl_receipts },
    { "routers", "", "the routers on which sessions are ended, how they are", 0,
        0, NEED_DATABASE, ctl_routers },
    { "gaps", "", "what was captured late, or may have been missed", 0, 0,
        NEED_DATABASE, ctl_gaps },
    { "replay", "...", "capture what the triggers missed, of some days", 4, 10,
        NEED_DATABASE, ctl_replay },
    { "test", "[...]", "check the configuration, show the texts; test a router",
        0, 3, NEED_SETTINGS, ctl_test },
    { "doctor", "[-v]", "check everything, and say what to do; -v: all checks",
        0, 1, NEED_NOTHING, ctl_doctor },
};

static void
print_usage(FILE *to)
{
    fputs("usage: mbevctl [-c FILE] VERB [WORDS]\n\n", to);
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        fprintf(to, "  %-8s %-9s  %s\n", verbs[i].name, verbs[i].words,
            verbs[i].help);
    fputs(
        "\n"
        "STATE is a state of a delivery: done, skipped, dead...\n"
        "ID is the number of an event as queue prints it, or delivery:17, or\n"
        "uid:1001.\n"
        "\n"
        "  receipts [MONTH]             the last 31 days, or those of "
        "2026-11;\n"
        "                               and what is not fiscal yet, or in "
        "error\n"
        "  receipts DAY                 every receipt of 2026-11-25\n"
        "  receipts retry NUMBER|all    have what was refused made again, "
        "under\n"
        "                               the next number\n"
        "  receipts close NUMBER        settled outside, never to be sent "
        "again\n"
        "                               (both ask first; --yes: do not ask)\n"
        "  replay --from DATE [TIME] --to DATE [TIME] [--kind KIND,...]\n"
        "         [--dry-run] [--yes]   payments and credits dated so that "
        "were not\n"
        "                               captured; asks first\n"
        "  test [SECTION]               a notice of the configuration: "
        "payment...,\n"
        "                               or receipt\n"
        "  test router ADDRESS [LOGIN]  log in to a router of radnas, and end "
        "the\n"
        "                               sessions of LOGIN; without it those "
        "of a\n"
        "                               name that nobody has\n"
        "\n"
        "  -c, --config FILE  configuration of mbevd (default " MBEV_CONF_FILE
        ")\n"
        "      --version      print the version\n"
        "  -h, --help         print this\n"
        "\n"
        "Ends with 0; 1 a router fails its test, or a check of doctor failed; "
        "64 wrong\n"
        "words; 65 it may not be done; 66 nothing of that number or address; "
        "69 the\n"
        "database is away or refuses, or no service acts; 77 the answer was "
        "no; 78 the\n"
        "configuration is wrong.\n",
        to);
}

enum db_status
ctl_ask(struct ctl *ctl, struct bytes *sql, struct db_rows **rows)
{
    enum db_status status = db_query(ctl->db, sql, rows);

    bytes_free(sql);
    return status;
}

int
ctl_confirm(const char *hint, const char *question)
{
    char answer[16];

    if (!isatty(STDIN_FILENO)) {
        fputs("mbevctl: there is no terminal to ask at: say --yes\n", stderr);
        return EX_USAGE;
    }
    if (hint)
        puts(hint);
    printf("%s? [y/N] ", question);
    fflush(stdout);
    if (fgets(answer, sizeof answer, stdin) &&
        (answer[0] == 'y' || answer[0] == 'Y'))
        return EX_OK;
    puts("nothing is changed");
    return EX_NOPERM;
}

int
ctl_failed(const struct ctl *ctl)
{
    fprintf(stderr, "mbevctl: the database %s: ",
        db_errno(ctl->db) >= CR_MIN_ERROR ? "is away" : "refuses");
    text_print(stderr, db_error(ctl->db));
    fputc('\n', stderr);
    return EX_UNAVAILABLE;
}

int
ctl_with_database(struct ctl *ctl, int (*run)(struct ctl *ctl))
{
    const struct db_settings settings = settings_database(ctl->set);
    int code = EX_OSERR;

    ctl->db = db_make(&settings);
    if (ctl->db)
        code = db_open(ctl->db) == DB_OK ? run(ctl) : ctl_failed(ctl);
    db_close(&ctl->db);
    return code;
}

static int
with_settings(const struct verb *verb, struct ctl ctl)
{
    struct bytes errors = bytes_make(64 * 1024);
    struct settings set;
    bool good = verb->need == NEED_DATABASE
                    ? settings_load_database(&set, ctl.config, &errors)
                    : settings_load(&set, ctl.config, &errors);
    int code = EX_CONFIG;

    ctl.set = &set;
    if (!good)
        fputs(errors.failed ? "more errors than can be listed\n"
                            : bytes_text(&errors),
            stderr);
    else
        code = verb->need == NEED_DATABASE ? ctl_with_database(&ctl, verb->run)
                                           : verb->run(&ctl);
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
    struct ctl ctl = { .config = MBEV_CONF_FILE };
    const struct verb *verb;
    int c;

    while ((c = getopt_long(argc, argv, "+c:h", options, NULL)) != -1) {
        switch (c) {
        case 'c':
            ctl.config = optarg;
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
    ctl.argc = argc - optind - 1;
    ctl.argv = argv + optind + 1;
    verb = ctl.argc >= 0 ? find_verb(argv[optind]) : NULL;
    if (!verb || ctl.argc < verb->least || ctl.argc > verb->most) {
        print_usage(stderr);
        return EX_USAGE;
    }
    return verb->need == NEED_NOTHING ? verb->run(&ctl)
                                      : with_settings(verb, ctl);
}
