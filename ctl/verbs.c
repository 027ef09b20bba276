/*
 * verbs: the table of verbs, and what is made from it: mbevctl help, and the
 * completion for bash.
 */
#include "ctl.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { WIDTH = 76 };

#define WHAT                                                                   \
    "WHAT is an event by its number, delivery:17, uid:1001, or all; behind\n"  \
    "it perhaps which of these: state=dead, lane=smspilot, action=sms,\n"      \
    "error=CODE, older=2h. Shows them and asks first.\n"

#define OF_DELIVERIES                                                          \
    "all delivery: uid: state= lane= action= error= older= --yes --dry-run "   \
    "--reason"

#define AS_ADMINISTRATOR                                                       \
    "The account is root by the server's socket, without a password, unless\n" \
    "--defaults-file FILE, or --user NAME and perhaps --host NAME and\n"       \
    "--port N, say otherwise; its password is asked for, or stands in\n"       \
    "--password-file FILE. The billing is --billing NAME, or that of\n"        \
    "MikBill's own file, --config-xml FILE, or what is found. A busy table\n"  \
    "is tried for --wait SECONDS (60), never longer than 3 s at a time.\n"     \
    "--sql FOLDER and --library FILE: where ours are, if not from packages.\n"

#define OF_ADMINISTRATOR                                                       \
    "--yes --dry-run --reason --billing --config-xml --defaults-file "         \
    "--socket --host --port --user --password-file --wait --sql --library"

#define LANES_OFFERED                                                          \
    "all decide smspilot smsc komtet routers exec webhook kafka"

/* The texts stand as they are printed. */
/* clang-format off */
const struct verb ctl_verbs[] = {
    { "status", "", "does it work: service, lanes, what needs somebody",
        "Ends with 69 when no service acts, so that monitoring can use it.\n",
        "", 0, 0, NEEDS_DATABASE, ctl_status },
    { "doctor", "[-v]", "check everything, and say what to do",
        "Server, library, triggers, rights, clocks, files, providers, routers;\n"
        "changes nothing, at any time. Shows what is not well; -v: every check.\n"
        "Ends with 1 when something has failed.\n",
        "-v", 0, 1, NEEDS_NOTHING, ctl_doctor },
    { "top", "[SECONDS]", "the lanes, again and again",
        "Every two seconds, or as many as are given; Ctrl-C ends it.\n", "", 0,
        1, NEEDS_DATABASE, ctl_top },
    { "lag", "", "how long things took: capture, ingest, acceptance",
        "Over the newest thousand of each.\n", "", 0, 0, NEEDS_DATABASE,
        ctl_lag },
    { "queue", "[STATE]", "deliveries not done, or those in a state", "",
        "ready calling done retry doubtful dead expired skipped cancelled held dry",
        0, 1, NEEDS_DATABASE, ctl_queue },
    { "show", "ID|LOGIN", "the story of an event, or of a subscriber",
        "ID is the number of an event as queue prints it, or delivery:17, or\n"
        "uid:1001. Anything else is a login, also login:1001.\n",
        "delivery: uid: login:", 1, 1, NEEDS_DATABASE, ctl_show },
    { "trace", "[uid:UID]", "what happens, as it happens",
        "Each event as it is taken over, and each delivery as its state\n"
        "changes, of all subscribers or of one; Ctrl-C ends it. With --json\n"
        "each is an object on a line of its own.\n",
        "uid:", 0, 1, NEEDS_DATABASE, ctl_trace },
    { "retry", "WHAT", "try again what is dead, expired, dropped or waits",
        WHAT
        "Of all, and of uid:, only what is dead or expired, unless state= says\n"
        "otherwise. The same text goes to the same address; what is too old by\n"
        "now gets one hour. What was left by a dry run is decided anew, and done.\n"
        "What may have been sent is not touched: see\n"
        "resolve; nor are receipts that were refused: see receipts retry.\n",
        OF_DELIVERIES, 1, 8, NEEDS_DATABASE, ctl_change },
    { "drop", "WHAT", "never do what is still to be done",
        WHAT
        "What has failed or is doubtful leaves the lists with it when state=\n"
        "says so. Undone by retry; of what is doubtful, by resolve. Receipts:\n"
        "see receipts close.\n",
        OF_DELIVERIES, 1, 8, NEEDS_DATABASE, ctl_change },
    { "hold", "WHAT", "keep back what waits, until release",
        WHAT "Behind a receipt the later ones of its subscriber wait, too.\n",
        OF_DELIVERIES, 1, 8, NEEDS_DATABASE, ctl_change },
    { "release", "WHAT", "let go what was held",
        WHAT "What is too old by now expires.\n", OF_DELIVERIES, 1, 8,
        NEEDS_DATABASE, ctl_change },
    { "resolve", "sent|unsent WHAT", "say what became of what is doubtful",
        WHAT "sent: it is done; the billing's log of messages stays as it is.\n"
             "unsent: it is sent again. Look in the provider's cabinet first: nobody\n"
             "else knows.\n",
        "sent unsent " OF_DELIVERIES, 2, 9, NEEDS_DATABASE, ctl_change },
    { "pause", "LANE|all", "begin nothing in a lane, until resume",
        "LANE is smspilot, smsc, komtet, routers, exec, webhook, kafka, or\n"
        "decide: what is decided some time after its event (receipts,\n"
        "bonuses, ends of sessions, what has an after in its section). What\n"
        "is under way comes to its end; what comes meanwhile goes another\n"
        "way if it has one, else it waits, and expires in its time.\n",
        LANES_OFFERED " --dry-run --reason", 1, 1, NEEDS_DATABASE, ctl_pause },
    { "resume", "LANE|all", "end a pause", "",
        LANES_OFFERED " --dry-run --reason", 1, 1, NEEDS_DATABASE, ctl_pause },
    { "flush", "[LANE]", "try at once whatever waits after a failure",
        "Also the providers and routers that are held because they failed. Not\n"
        "what the provider is to be asked about first: it needs its pause.\n",
        LANES_OFFERED " --dry-run --reason", 0, 1, NEEDS_DATABASE, ctl_flush },
    { "replay", "--from DATE [TIME] --to DATE [TIME] [--kind KIND,...]",
        "capture what the triggers missed, of some days",
        "Payments and credits dated so that were not captured. DATE is\n"
        "2026-11-25, TIME 18:30, by the billing's clock. Shows them and asks\n"
        "first; --dry-run: shows them only.\n",
        "--from --to --kind --dry-run --yes --reason", 4, 8, NEEDS_DATABASE,
        ctl_replay },
    { "compare", "[--from DATE [TIME]] [--to DATE [TIME]] [--all]",
        "a dry run beside what another program did",
        "What was decided in a dry run ([service] dry_run), and what another\n"
        "program left in the billing for it: rows of sms_logs, of the list of\n"
        "receipts, of addons_pay_api, of logs. Of the last 24 hours, or of those\n"
        "days, by the billing's clock. Shows what differs, or --all, and counts:\n"
        "same        both did the same\n"
        "differs     both did it, not in the same way\n"
        "only we     they left no trace of it\n"
        "only they   we would not have done it, and why\n"
        "no trace    ends of sessions leave none: look at what we would do\n"
        "undecided   it is not due yet\n"
        "Ends with 1 when something differs. What only we would have done since\n"
        "the other program was switched off is done with: mbevctl retry EVENT\n",
        "--from --to --all", 0, 7, NEEDS_DATABASE, ctl_compare },
    { "receipts", "[MONTH|DAY] | retry NUMBER|all | close NUMBER",
        "fiscal receipts: by day, what is open, one day",
        "receipts                     the last 31 days, and what is not fiscal\n"
        "                             yet, or in error\n"
        "receipts 2026-11             those days\n"
        "receipts 2026-11-25          every receipt of a day\n"
        "receipts retry NUMBER|all    have what was refused made again, under\n"
        "                             the next number\n"
        "receipts close NUMBER        settled outside, never to be sent again\n"
        "The last two ask first.\n",
        "retry close all --yes --dry-run --reason", 0, 2, NEEDS_DATABASE,
        ctl_receipts },
    { "routers", "", "the routers on which sessions are ended, how they are",
        "", "", 0, 0, NEEDS_DATABASE, ctl_routers },
    { "gaps", "", "what was captured late, or may have been missed", "", "", 0,
        0, NEEDS_DATABASE, ctl_gaps },
    { "audit", "", "what was done by hand, and by whom", "", "", 0, 0,
        NEEDS_DATABASE, ctl_audit_list },
    { "test", "[SECTION] | WAY ADDRESS [...]",
        "show the texts, or try a provider or a router",
        "test [SECTION]               the texts of a notice: payment..., or the\n"
        "                             request of a receipt; nothing is sent\n"
        "test sms PHONE [TEXT]        send a message by the ways of [payment]\n"
        "test social PHONE [TEXT]     the same to the social networks\n"
        "test receipt                 the request, and whether komtet lets us in\n"
        "test router ADDRESS [LOGIN]  log in to a router of radnas, and end the\n"
        "                             sessions of LOGIN; without it those of a\n"
        "                             name that nobody has; also test nas\n"
        "--dry-run shows the request, without secrets, and sends nothing. What\n"
        "is sent is paid, and asked about first. Ends with 1 when it fails.\n",
        "sms social receipt router nas --dry-run --yes", 0, 3, NEEDS_SETTINGS,
        ctl_test },
    { "config", "[SECTION]", "the settings as they hold, without secrets", "",
        "", 0, 1, NEEDS_SETTINGS, ctl_config },
    { "install", "[OPTIONS]", "lay library, tables, accounts and triggers into"
                               " the server",
        "On the database server's host, with sudo. Shows what is there and what\n"
        "is to be done, and asks first; proves behind it that a payment is\n"
        "captured. Run it again after whatever went wrong: it goes on. Where\n"
        "mbev_service has no password yet, it gets that of mbevd.ini.\n"
        AS_ADMINISTRATOR
        "--service-ok: the service that acts elsewhere is of this version.\n",
        OF_ADMINISTRATOR " --service-ok", 0, 26, NEEDS_NOTHING, ctl_install },
    { "upgrade", "[OPTIONS]", "bring what install has laid to this version",
        "As install, where it was installed before. The service goes first: one\n"
        "of an earlier version is refused. The server loads a new library\n"
        "without a restart.\n"
        AS_ADMINISTRATOR
        "--service-ok: the service that acts elsewhere is of this version.\n",
        OF_ADMINISTRATOR " --service-ok", 0, 26, NEEDS_NOTHING, ctl_upgrade },
    { "uninstall", "[OPTIONS]", "take all of it out of the server again",
        "The triggers first. Refuses the rest while work is not done; a service\n"
        "that acts is given --wait seconds to do it. --discard: throw it away.\n"
        AS_ADMINISTRATOR,
        OF_ADMINISTRATOR " --discard", 0, 26, NEEDS_NOTHING, ctl_uninstall },
    { "completion", "", "completion for bash",
        "Load it with: source <(mbevctl completion)\n", "", 0, 0, NEEDS_NOTHING,
        ctl_completion },
    { "help", "[VERB]", "this, or all about a verb", "", "", 0, 1,
        NEEDS_NOTHING, ctl_help },
    { 0 },
};
/* clang-format on */

const struct verb *
ctl_find_verb(const char *name)
{
    for (const struct verb *v = ctl_verbs; v->name; v++)
        if (strcmp(v->name, name) == 0)
            return v;
    return NULL;
}

static void
print_usage(FILE *to, const struct verb *verb)
{
    fprintf(to, "usage: mbevctl %s%s%s\n", verb->name, *verb->words ? " " : "",
        verb->words);
}

int
ctl_complain(const struct ctl *ctl, const char *what)
{
    const struct verb *verb = ctl_find_verb(ctl->verb);

    fprintf(stderr, "mbevctl: %s\n", what);
    if (verb) {
        print_usage(stderr, verb);
        fprintf(stderr, "mbevctl help %s tells more\n", verb->name);
    }
    return EX_USAGE;
}

/* --- help ---------------------------------------------------------------- */

static int
help_all(void)
{
    fputs("usage: mbevctl [-c FILE] VERB [WORDS]\n\n", stdout);
    for (const struct verb *v = ctl_verbs; v->name; v++)
        printf("  %-10s  %s\n", v->name, v->help);
    fputs("\n"
          "mbevctl help VERB tells what a verb takes.\n"
          "\n"
          "  -c, --config FILE  the configuration of mbevd, if not\n"
          "                     " MBEV_CONF_FILE "\n"
          "      --json         answer with one JSON object, for programs\n"
          "  -y, --yes          do not ask\n"
          "      --dry-run      change and send nothing\n"
          "      --reason TEXT  why it is done, kept with it: see audit\n"
          "      --version      print the version\n"
          "  -h, --help         print this\n"
          "\n"
          "Ends with 0; 1 a test or a check fails; 64 wrong words; 65 it may\n"
          "not be done; 66 nothing of that number or address; 69 the database "
          "is\n"
          "away or refuses, or no service acts; 73 a file cannot be written; "
          "75\n"
          "interrupted, or a table is held by somebody; 77 the answer was no; "
          "78\n"
          "the configuration is wrong.\n",
        stdout);
    return EX_OK;
}

/* One more word of a line, or the first of the next. */
static void
print_word(size_t *column, const char *word, size_t n, const char *more)
{
    size_t width = 1 + n + strlen(more);

    if (*column + width > WIDTH) {
        printf("\n        ");
        *column = strlen("        ");
    }
    printf(" %.*s%s", (int)n, word, more);
    *column += width;
}

/* Those of the words that it offers which are options. */
static void
print_options(const struct verb *verb)
{
    const char *at = strstr(verb->offers, "--");
    size_t column = strlen("Options:");

    printf("\nOptions:");
    while (at) {
        size_t n = strcspn(at, " ");

        print_word(&column, at, n,
            n == strlen("--reason") && strncmp(at, "--reason", n) == 0 ? " TEXT"
                                                                       : "");
        at = strstr(at + n, "--");
    }
    print_word(&column, "--json", strlen("--json"), "\n");
}

int
ctl_help(struct ctl *ctl)
{
    const struct verb *verb;

    if (ctl->argc < 1)
        return help_all();
    verb = ctl_find_verb(ctl->argv[0]);
    if (!verb)
        return ctl_complain(ctl, "there is no such verb");
    print_usage(stdout, verb);
    printf("\n%s: %s\n%s%s", verb->name, verb->help, *verb->more ? "\n" : "",
        verb->more);
    print_options(verb);
    return EX_OK;
}

/* --- completion ---------------------------------------------------------- */

int
ctl_completion(struct ctl *ctl)
{
    (void)ctl;
    fputs("# mbevctl: completion for bash; made by mbevctl completion\n"
          "_mbevctl() {\n"
          "    local cur=${COMP_WORDS[COMP_CWORD]} verb='' words='' i\n"
          "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
          "        case ${COMP_WORDS[i]} in\n"
          "        -c|--config) ((i++)) ;;\n"
          "        -*) ;;\n"
          "        *) verb=${COMP_WORDS[i]}; break ;;\n"
          "        esac\n"
          "    done\n"
          "    case $verb in\n"
          "    '') words='--config --json --help --version",
        stdout);
    for (const struct verb *v = ctl_verbs; v->name; v++)
        printf(" %s", v->name);
    fputs("' ;;\n", stdout);
    for (const struct verb *v = ctl_verbs; v->name; v++)
        if (v->run != ctl_help)
            printf("    %s) words='%s --json --help' ;;\n", v->name, v->offers);
    fputs("    help) words='", stdout);
    for (const struct verb *v = ctl_verbs; v->name; v++)
        printf("%s ", v->name);
    fputs(
        "' ;;\n"
        "    esac\n"
        "    if [[ ${COMP_WORDS[COMP_CWORD-1]} == @(-c|--config) ]]; then\n"
        "        mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
        "    else\n"
        "        mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
        "    fi\n"
        "    [[ ${COMPREPLY-} == *[:=] ]] && compopt -o nospace\n"
        "    return 0\n"
        "}\n"
        "complete -F _mbevctl mbevctl\n",
        stdout);
    return EX_OK;
}
