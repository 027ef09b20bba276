/*
 * memory_cases: what is read and built while memory runs out. Each case is done
 * once with memory, then again and again, its first allocation failing, its
 * second, and so on until all succeed. Each time it comes to the same as with
 * memory, or says that it could not: never to something else.
 *
 * With tests/harness/oom.c loaded before libc; see test_cases.py.
 */
#include "event.h"
#include "journal.h"
#include "known_hosts.h"
#include "log.h"
#include "providers/komtet.h"
#include "providers/provider.h"
#include "reset.h"
#include "routers/console.h"
#include "routers/words.h"
#include "rules/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

void oom_arm(unsigned long n) __attribute__((weak));
bool oom_came(void) __attribute__((weak));

enum { RESULT = 8192, MOST = 100000 };

static char folder[] = "/tmp/mbev-memory-XXXXXX";
static char hosts_path[64], ini_path[64];
static struct settings set;

/* ---- cases: what came of it, or false ---- */

static bool
event(char *to)
{
    struct event e;
    bool good = event_parse(&e, "payment",
        "{\"table\":\"bugh_plategi_stat\",\"id\":501,\"uid\":1001,\"date\":"
        "\"2026-11-26 05:05:42\",\"age_s\":1,\"type\":5,\"who\":3,\"summa\":"
        "100.500000,\"kopecks\":10050,\"before\":-20.500000}");

    if (e.no_memory)
        return false;
    snprintf(to, RESULT,
        "%d %s %" PRIu64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64
        " %" PRId64 " %s",
        good, e.problem, e.uid, e.kopecks, e.millionths, e.before_millionths,
        e.type, e.who, e.source_key);
    return true;
}

static bool
order(char *to)
{
    struct reset r;
    bool good = reset_parse(&r,
        "{\"login\":\"u1\",\"seen\":[{\"nas\":\"10.0.0.1\",\"ip\":\"10.1.2.3\","
        "\"session\":\"81a0003c\"},{\"nas\":\"10.0.0.2\"}],\"only\":true,"
        "\"left\":[3,7]}");
    char *text = good ? reset_print(&r) : NULL;

    snprintf(to, RESULT, "%s", text ? text : "");
    good = text != NULL;
    free(text);
    reset_free(&r);
    return good;
}

/* Unknown is what leads to a question, or to nothing more being sent. */
static bool
reply(char *to, void (*read)(const struct http_reply *, struct outcome *),
    int status, const char *body)
{
    const struct http_reply r = { .status = status,
        .body = body,
        .body_len = strlen(body),
        .maybe_sent = true };
    struct outcome out;

    read(&r, &out);
    snprintf(to, RESULT, "%d %s", (int)out.class, out.provider_id);
    return out.class != OUTCOME_UNKNOWN;
}

static bool
pilot_took_it(char *to)
{
    return reply(to, smspilot.read, 200,
        "{\"send\":[{\"server_id\":\"10000\",\"phone\":\"7\",\"status\":\"0\"}"
        "],\"balance\":\"11908.50\"}");
}

static bool
pilot_refused_it(char *to)
{
    return reply(to, smspilot.read, 200,
        "{\"error\":{\"code\":\"233\",\"description\":\"stop list\"}}");
}

static bool
smsc_took_it(char *to)
{
    return reply(to, smsc.read, 200, "{\"id\":\"MBEV-01\",\"cnt\":1}");
}

static bool
smsc_refused_it(char *to)
{
    return reply(to, smsc.read, 200, "{\"id\":12,\"error_code\":7}");
}

static bool
smsc_has_it_not(char *to)
{
    return reply(to, smsc.read_query, 200, "{\"status\":-3}");
}

static bool
smsc_has_it(char *to)
{
    return reply(
        to, smsc.read_query, 200, "{\"status\":1,\"last_date\":\"x\"}");
}

static bool
till_took_it(char *to)
{
    return reply(to, komtet.read, 200, "{\"id\":90001,\"state\":\"new\"}");
}

static bool
till_had_it(char *to)
{
    return reply(to, komtet.read, 422,
        "{\"code\":\"VLD11\",\"title\":\"t\",\"description\":\"d\",\"task\":"
        "{\"id\":\"90001\",\"state\":\"done\"}}");
}

static bool
till_refused_it(char *to)
{
    return reply(to, komtet.read, 422,
        "{\"code\":\"VLD10\",\"title\":\"t\",\"description\":\"d\"}");
}

static bool
built(char *to, struct bytes *out)
{
    bool good = bytes_ok(out);

    snprintf(to, RESULT, "%s", bytes_text(out));
    bytes_free(out);
    return good;
}

static bool
receipt_body(char *to)
{
    const struct receipt what = { .contact = "+79001234567",
        .kopecks = 10050,
        .login = "u\"1",
        .uid = "1001",
        .cashier = "Ann",
        .cashier_inn = "123456789012" };
    struct bytes out = bytes_make(RESULT);

    komtet_head(&out, &set);
    bytes_str(&out, "2026-11-1");
    komtet_tail(&out, &set, &what);
    return built(to, &out);
}

static bool
notice_body(char *to, const struct provider_ops *ops)
{
    const struct message message = { .to = "79001234567",
        .text = " __u1: 100.50 \xD1\x80\xD1\x83\xD0\xB1",
        .id = "MBEV-01",
        .channel = CHANNEL_SOCIAL };
    struct bytes out = bytes_make(RESULT);
    struct http_request request;

    ops->build(&set, &message, 0, &request, &out);
    return built(to, &out);
}

static bool
pilot_body(char *to)
{
    return notice_body(to, &smspilot);
}

static bool
smsc_body(char *to)
{
    return notice_body(to, &smsc);
}

static bool
router_line(char *to)
{
    static const char *const logins[] = { "u1", "u 2", "u3" };
    struct bytes out = bytes_make((size_t)2 * CONSOLE_LINE);
    size_t put = console_build(&out, logins, 3);

    return built(to, &out) && put == 3;
}

static bool
router_words(char *to)
{
    struct bytes out = bytes_make(RESULT);

    words_login(&out, "user", "password");
    words_find(&out, "u1");
    for (size_t i = 0; i < out.n; i++)
        if (out.p[i] == '\0')
            out.p[i] = '0';
    return built(to, &out);
}

static bool template(char *to)
{
    const struct text_field fields[] = { { "login", "u1" } };
    struct bytes out = bytes_make(RESULT);

    text_render(&out, "{login}: {{{login}", fields, 1);
    return built(to, &out);
}

/* No other key may be taken for new. */
static bool
host(char *to)
{
    static const char other[] = "\0\0\0\x0bssh-ed25519\0\0\0\x01x";
    struct known_hosts *known = known_hosts_make(hosts_path);
    char why[100];
    bool good = known && known_hosts_refresh(known, why, sizeof why);
    enum known found = KNOWN_OTHER;

    if (good)
        found =
            known_hosts_check(known, "10.0.0.1", 22, other, sizeof other - 1);
    snprintf(to, RESULT, "%d", (int)found);
    known_hosts_close(&known);
    return good;
}

static bool
configuration(char *to)
{
    struct bytes errors = bytes_make(RESULT);
    struct settings s;
    bool good = settings_load(&s, ini_path, &errors);

    if (good)
        snprintf(to, RESULT, "%s %s %s %s %zu %s %s %" PRId64, s.smsc.password,
            s.database.user, s.database.billing, s.smsc.url.text[0],
            s.notices[NOTICE_PAYMENT].ending.n, s.routers.special[0].address,
            s.routers.special[0].set.transport, s.routers.special[0].set.port);
    settings_free(&s);
    bytes_free(&errors);
    return good;
}

/* What could not be written down, sync says. */
static bool
attempts(char *to)
{
    struct journal j;
    bool good = journal_open(&j, folder, INT64_C(3600000000));

    if (good) {
        journal_begin(&j, "a");
        journal_begin(&j, "b");
        journal_free(&j, "b");
        good = journal_sync(&j);
    }
    snprintf(to, RESULT, "%d %d", good && journal_begun(&j, "a"),
        good && journal_begun(&j, "b"));
    journal_close(&j);
    return good;
}

static const struct {
    const char *name;
    bool (*run)(char *to);
    bool breaks; /* the library may crash */
} cases[] = {
    { "event", event, true },
    { "order to end sessions", order, true },
    { "smspilot: accepted", pilot_took_it, true },
    { "smspilot: refused", pilot_refused_it, true },
    { "smsc: accepted", smsc_took_it, true },
    { "smsc: refused", smsc_refused_it, true },
    { "smsc: not there", smsc_has_it_not, true },
    { "smsc: there", smsc_has_it, true },
    { "komtet: accepted", till_took_it, true },
    { "komtet: accepted before", till_had_it, true },
    { "komtet: refused", till_refused_it, true },
    { "body of a receipt", receipt_body, false },
    { "body for smspilot", pilot_body, false },
    { "body for smsc", smsc_body, false },
    { "line for a console", router_line, false },
    { "words for a router", router_words, false },
    { "template", template, false },
    { "key of a host", host, false },
    { "configuration", configuration, false },
    { "journal", attempts, false },
};

/* ---- all of them ---- */

/* What a child tells of one try. */
static struct told {
    bool came, good;
    char text[RESULT];
} * told;

/* In a child: json-c 0.16 does not survive that a member's name cannot be
 * copied. Then the service is started again, which is an answer, too. False
 * when the child crashed. */
static bool
try_once(size_t i, unsigned long n)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        *told = (struct told){ .came = true };
        oom_arm(n);
        told->good = cases[i].run(told->text);
        told->came = oom_came();
        oom_arm(0);
        _exit(EXIT_SUCCESS);
    }
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

static bool
is_right(size_t i, unsigned long n, const char *want)
{
    if (!try_once(i, n)) {
        printf("%s: allocation %lu fails: crashed\n", cases[i].name, n);
        return cases[i].breaks;
    }
    if (!told->good || strcmp(told->text, want) == 0)
        return true;
    printf("%s: allocation %lu fails: %s instead of %s\n", cases[i].name, n,
        told->text, want);
    return false;
}

static bool
try_all(size_t i)
{
    static char want[RESULT];
    unsigned long n = 0, noticed = 0;
    bool good = true;

    if (!cases[i].run(want)) {
        printf("%s: fails with memory\n", cases[i].name);
        return false;
    }
    do {
        good &= is_right(i, ++n, want);
        noticed += !told->good;
    } while (told->came && n < MOST);
    printf(
        "%s: %lu allocations, %lu times told\n", cases[i].name, n - 1, noticed);
    return good && n < MOST && noticed > 0;
}

static void
write_file(char path[64], const char *name, const char *text)
{
    FILE *file;

    snprintf(path, 64, "%s/%s", folder, name);
    file = fopen(path, "we");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0)
        exit(EXIT_FAILURE);
}

static void
set_up(void)
{
    struct bytes errors = bytes_make(RESULT);

    if (!oom_arm || !mkdtemp(folder)) {
        fprintf(stderr, "memory_cases: start it by test_cases.py\n");
        exit(EXIT_FAILURE);
    }
    told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE,
        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (told == MAP_FAILED)
        exit(EXIT_FAILURE);
    log_set_level(LOG_FATAL);
    umask(077);
    write_file(hosts_path, "known_hosts",
        "10.0.0.1 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAS0VVl9eOk4VR6nzkaYBnVF"
        "pfTxnLIJ6Pccea7tbPtE\n");
    write_file(ini_path, "mbevd.ini",
        "[smspilot]\napi_key = K\nsender = S\n"
        "[smsc]\nurl = http://127.0.0.1:1/a\nurl = http://127.0.0.1:1/b\n"
        "login = L\npassword = P\nsocial_extra = soc=1&a=b\n"
        "[komtet]\nshop = S\nsecret = X\nqueue = 7\n"
        "[payment]\nending = a {name}\nending = b\n"
        "[routers]\nrouter = 10.0.0.1 transport=api port=8728\n");
    if (!settings_load(&set, ini_path, &errors)) {
        fputs(bytes_text(&errors), stderr);
        exit(EXIT_FAILURE);
    }
    bytes_free(&errors);
}

static void
clean_up(void)
{
    static const char *const names[] = { "known_hosts", "mbevd.ini",
        "attempts.journal", "attempts.journal.1" };
    char path[64];

    settings_free(&set);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
}

int
main(int argc, char **argv)
{
    bool good = true;

    setvbuf(stdout, NULL, _IONBF, 0);
    set_up();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (argc < 2 || strcmp(argv[1], cases[i].name) == 0)
            good &= try_all(i);
    clean_up();
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
