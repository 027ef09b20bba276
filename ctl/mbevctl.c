/*
 * mbevctl: the operator's command.
 *
 *   mbevctl [-c FILE] VERB [WORDS] [--json] [--yes] [--reason TEXT]
 */
#include "bytes.h"
#include "ctl.h"
#include "settings.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

static int
with_settings(const struct verb *verb, struct ctl *ctl, struct settings *set)
{
    struct bytes errors = bytes_make(64 * 1024);
    bool good = verb->needs == NEEDS_DATABASE
                    ? settings_load_database(set, ctl->config, &errors)
                    : settings_load(set, ctl->config, &errors);
    int code = EX_CONFIG;

    ctl->set = set;
    if (!good)
        fputs(errors.failed ? "more errors than can be listed\n"
                            : bytes_text(&errors),
            stderr);
    else if (verb->needs == NEEDS_DATABASE)
        code = ctl_with_database(ctl, verb->run);
    else
        code = verb->run(ctl);
    ctl->set = NULL;
    bytes_free(&errors);
    return code;
}

static int
ready_and_run(const struct verb *verb, struct ctl *ctl)
{
    struct settings set;
    int code;

    if (verb->needs == NEEDS_NOTHING)
        return verb->run(ctl);
    code = with_settings(verb, ctl, &set);
    settings_free(&set);
    return code;
}

static int
run(const struct verb *verb, struct ctl *ctl, bool json)
{
    int code;

    if (!out_open(json)) {
        fputs("mbevctl: out of memory\n", stderr);
        return EX_OSERR;
    }
    code = ready_and_run(verb, ctl);
    if (out_close())
        return code;
    fputs("mbevctl: the answer could not be written\n", stderr);
    return code == EX_OK ? EX_IOERR : code;
}

/* --- words --------------------------------------------------------------- */

struct wish {
    bool json, help;
};

/* One of the words that the verb offers, which are divided by blanks. */
static bool
is_offered(const struct verb *verb, const char *word)
{
    size_t n = strlen(word);

    for (const char *at = verb->offers; (at = strstr(at, word)); at += n)
        if ((at == verb->offers || at[-1] == ' ') &&
            (at[n] == ' ' || at[n] == '\0'))
            return true;
    return false;
}

/* Takes the word of argv[*i] when every verb means the same by it, with its
 * text. *stays: it is another one. NULL, or what is wrong. */
static const char *
take_word(struct ctl *ctl, const struct verb *verb, struct wish *wish, int *i,
    bool *stays)
{
    const char *word =
        strcmp(ctl->argv[*i], "-y") == 0 ? "--yes" : ctl->argv[*i];

    *stays = false;
    if (strcmp(word, "--json") == 0)
        wish->json = true;
    else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        wish->help = true;
    else if (*word == '-' && !is_offered(verb, word))
        return "it has no such option";
    else if (strcmp(word, "--yes") == 0)
        ctl->yes = true;
    else if (strcmp(word, "--dry-run") == 0)
        ctl->dry = true;
    else if (strcmp(word, "--reason") != 0)
        *stays = true;
    else if (++*i < ctl->argc)
        ctl->reason = ctl->argv[*i];
    else
        return "--reason needs a text";
    return NULL;
}

/* Takes the options out of the words behind the verb; those that only it
 * knows stay. */
static const char *
take_options(struct ctl *ctl, const struct verb *verb, struct wish *wish)
{
    const char *wrong = NULL;
    int n = 0;

    for (int i = 0; i < ctl->argc && !wrong; i++) {
        char *word = ctl->argv[i];
        bool stays;

        wrong = take_word(ctl, verb, wish, &i, &stays);
        if (stays)
            ctl->argv[n++] = word;
    }
    ctl->argc = n;
    return wrong;
}

static int
run_verb(struct ctl *ctl, struct wish wish)
{
    const struct verb *verb = ctl_find_verb(ctl->verb);
    const char *wrong;

    if (!verb) {
        fprintf(stderr, "mbevctl: there is no verb ");
        text_print(stderr, ctl->verb);
        fputs("; mbevctl help lists them\n", stderr);
        return EX_USAGE;
    }
    wrong = take_options(ctl, verb, &wish);
    if (wrong)
        return ctl_complain(ctl, wrong);
    if (wish.help) {
        ctl->argv--; /* the verb itself */
        ctl->argc = 1;
        return ctl_help(ctl);
    }
    if (ctl->argc < verb->least)
        return ctl_complain(ctl, "something is missing");
    if (ctl->argc > verb->most)
        return ctl_complain(ctl, "these are too many words");
    return run(verb, ctl, wish.json);
}

int
main(int argc, char **argv)
{
    static const struct option options[] = {
        { "config", required_argument, NULL, 'c' },
        { "json", no_argument, NULL, 'j' },
        { "version", no_argument, NULL, 'v' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    struct ctl ctl = { .config = MBEV_CONF_FILE };
    struct wish wish = { 0 };
    int c;

    while ((c = getopt_long(argc, argv, "+c:h", options, NULL)) != -1) {
        switch (c) {
        case 'c':
            ctl.config = optarg;
            break;
        case 'j':
            wish.json = true;
            break;
        case 'v':
            puts("mbevctl " MBEV_VERSION);
            return EX_OK;
        case 'h':
            return ctl_help(&ctl);
        default:
            fputs("mbevctl help tells more\n", stderr);
            return EX_USAGE;
        }
    }
    ctl.argc = argc - optind - 1;
    ctl.argv = argv + optind + 1;
    if (ctl.argc < 0) {
        ctl.argc = 0;
        ctl_help(&ctl);
        return EX_USAGE;
    }
    ctl.verb = argv[optind];
    return run_verb(&ctl, wish);
}
