/*
 * mbevctl test router ADDRESS [LOGIN]: logs in to each router of radnas with
 * that address as the service would, and has it end the sessions of a login, of
 * somebody whom nobody is unless one is named. Tells of each step.
 *
 * Promises: it is the code of the service that speaks; run by root, it goes on
 * as the owner of the service's folder, so that it may read and write what the
 * service may, and no more; nothing is written into the database.
 */
#include "bytes.h"
#include "clock.h"
#include "ctl.h"
#include "log.h"
#include "routers/console.h"
#include "routers/radnas.h"

#include <curl/curl.h>
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

enum {
    FAILED = 1,
    LONGEST_WAIT_MS = 1000,
    LARGEST_WORDS = 8 * 1024,
    LARGEST_ACCOUNT = 16 * 1024
};

struct test {
    struct router_world world;
    struct router *router; /* under test */
    struct router_state state;
    const struct router_settings *set; /* of it */
    struct job job;
    bool met;         /* its key was known before */
    const char *step; /* what comes next */
    bool done;
    bool good;
};

static void print_line(const char *name, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void
print_line(const char *name, const char *fmt, ...)
{
    char words[LARGEST_WORDS];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(words, sizeof words, fmt, ap);
    va_end(ap);
    field_print(name, words);
    fflush(stdout);
}

static bool
goes_by(const struct test *t, const char *transport)
{
    return strcmp(t->state.transport, transport) == 0;
}

/* --- what was reached -------------------------------------------------- */

static bool
is_known(struct test *t)
{
    char why[256];

    return known_hosts_refresh(t->world.known, why, sizeof why) &&
           known_hosts_type(t->world.known, t->state.address, t->state.port) !=
               NULL;
}

static void
print_host_key(struct test *t)
{
    if (strcmp(t->set->host_key, "off") == 0)
        print_line("  host key", "not looked at: host_key is off");
    else if (t->met)
        print_line("  host key", "the known one");
    else
        print_line(
            "  host key", "new, noted in %s", known_hosts_path(t->world.known));
}

static void
print_certificate(const struct test *t)
{
    if (strcmp(t->set->api_tls, "verify") == 0)
        print_line("  certificate", "good");
    else
        print_line(
            "  certificate", "not looked at: api_tls is %s", t->set->api_tls);
}

/* Who is let in has shown who it is. */
static void
print_identity(struct test *t)
{
    if (goes_by(t, "ssh"))
        print_host_key(t);
    if (goes_by(t, "api-tls"))
        print_certificate(t);
}

static void
on_reached(void *arg, enum router_step step)
{
    struct test *t = arg;

    if (goes_by(t, "radius"))
        return;
    if (step == ROUTER_CONNECTED) {
        print_line("  connection", "ok");
        t->step = "  login";
        return;
    }
    print_identity(t);
    print_line("  login", "ok");
    t->step = "  command";
}

/* Where it went wrong. */
static const char *
failed_step(struct test *t, enum fault fault)
{
    switch (fault) {
    case FAULT_KEY:
    case FAULT_STRANGER:
        return "  host key";
    case FAULT_CERTIFICATE:
        return "  certificate";
    case FAULT_ALGORITHMS:
        return "  handshake";
    case FAULT_REFUSED:
        print_identity(t);
        break;
    default:
        break;
    }
    return t->step;
}

/* An order alone may fail, with nothing the matter with the router. */
static void
print_failure(struct test *t, const char *why)
{
    enum fault fault = router_state(t->router).fault;
    char cure[ROUTER_CURE];

    print_line(failed_step(t, fault), "FAILED: %s", why);
    router_cure(t->router, fault == FAULT_NONE ? FAULT_COMMAND : fault, cure,
        sizeof cure);
    print_line("  cure", "%s", cure);
}

static void
on_done(void *arg, struct job *job, const char *why)
{
    struct test *t = arg;

    t->done = true;
    t->good = !why;
    if (why)
        print_failure(t, why);
    else
        print_line("  command", "ok: %u session%s", job->order.ended,
            job->order.ended == 1 ? "" : "s");
}

/* --- one router -------------------------------------------------------- */

static int
wait_ms(const struct test *t)
{
    int64_t ms = (router_due_us(t->router) - clock_boot_us()) / 1000 + 1;

    return ms < 0 ? 0 : ms < LONGEST_WAIT_MS ? (int)ms : LONGEST_WAIT_MS;
}

static void
converse(struct test *t)
{
    router_add(t->router, &t->job);
    while (!t->done || router_is_dialing(t->router)) {
        http_wait(t->world.http, &t->world.epoll, 1, wait_ms(t));
        router_world_run(&t->world);
        router_tick(t->router, clock_boot_us());
    }
}

static void
print_transport(const struct test *t, const struct router_row *row)
{
    if (goes_by(t, "radius"))
        print_line("  transport", "radius, port %d", t->state.port);
    else
        print_line("  transport", "%s, port %d, user %s%s", t->state.transport,
            t->state.port, row->user,
            goes_by(t, "ssh") ? t->set->login_suffix : "");
}

static void
begin(struct test *t, const struct router_row *row)
{
    t->state = router_state(t->router);
    t->set = settings_router(t->world.set, t->state.address);
    t->met = goes_by(t, "ssh") && is_known(t);
    t->step = goes_by(t, "radius") ? "  command" : "  connection";
    t->done = t->good = false;
    print_line("router", "%s, radnas %" PRIu32, row->address, row->id);
}

/* Whether it did what it was told. */
static bool
test_one(struct test *t, const struct router_row *row, const char *login)
{
    t->router = router_make(&t->world, row);
    if (!t->router)
        return false;
    begin(t, row);
    if (router_is_off(t->router)) {
        print_line("  transport", "off, by section [routers]: it is left out");
    } else {
        print_transport(t, row);
        t->job = (struct job){ .order = { .login = login } };
        converse(t);
    }
    router_close(&t->router);
    return t->good;
}

/* --- all with that address --------------------------------------------- */

static int
complain_none(const struct ctl *ctl, const char *address)
{
    struct bytes types = bytes_make(1024);

    for (size_t i = 0; i < ctl->set->routers.nastypes.n; i++)
        bytes_printf(
            &types, "%s%s", i ? ", " : "", ctl->set->routers.nastypes.text[i]);
    fputs("mbevctl: radnas has no router with nasname ", stderr);
    text_print(stderr, address);
    fputs(", a naslogin, and a nastype of [routers] nastype: ", stderr);
    text_print(stderr, bytes_text(&types));
    fputc('\n', stderr);
    bytes_free(&types);
    return EX_NOINPUT;
}

static int
test_all(
    struct ctl *ctl, struct test *t, struct db_rows *rows, const char *login)
{
    const char *address = ctl->argv[1];
    size_t n = 0, good = 0;

    while (db_next(rows)) {
        struct router_row row = radnas_row(rows);

        if (strcmp(row.address, address) != 0)
            continue;
        n++;
        good += test_one(t, &row, login);
    }
    if (n == 0)
        return complain_none(ctl, address);
    return good == n ? EX_OK : FAILED;
}

static int
with_world(struct ctl *ctl, struct db_rows *rows, const char *login)
{
    struct test t = { .world = { .set = ctl->set,
                          .http = http_make(),
                          .done = on_done,
                          .reached = on_reached,
                          .arg = &t } };
    int code = EX_OSERR;

    if (router_world_open(&t.world) && t.world.http)
        code = test_all(ctl, &t, rows, login);
    else
        fputs("mbevctl: out of memory\n", stderr);
    http_close(&t.world.http);
    router_world_close(&t.world);
    return code;
}

/* --- the verb ---------------------------------------------------------- */

/* What root writes or may read, the service perhaps may not. */
static bool
become_service(const struct settings *set)
{
    struct stat folder;
    struct passwd entry, *owner = NULL;
    char buf[LARGEST_ACCOUNT];

    if (geteuid() != 0 || stat(set->service.state_dir, &folder) != 0 ||
        folder.st_uid == 0)
        return true;
    errno = getpwuid_r(folder.st_uid, &entry, buf, sizeof buf, &owner);
    if (owner && initgroups(owner->pw_name, owner->pw_gid) == 0 &&
        setgid(owner->pw_gid) == 0 && setuid(owner->pw_uid) == 0)
        return true;
    fprintf(stderr,
        "mbevctl: cannot go on as the owner of [service] state_dir: %s\n",
        owner || errno ? strerror(errno) : "there is no such account");
    return false;
}

static int
read_and_test(struct ctl *ctl, const char *login)
{
    struct db_rows *rows = NULL;
    struct billing billing;
    enum db_status status =
        billing_look_for_routers(&billing, ctl->db, ctl->set);
    int code;

    if (status == DB_OK && !billing.has_routers) {
        fputs("mbevctl: " BILLING_NO_ROUTERS "\n", stderr);
        return EX_UNAVAILABLE;
    }
    if (status == DB_OK)
        status = radnas_read(ctl->db, &billing, ctl->set, &rows);
    if (status != DB_OK)
        return ctl_failed(ctl);
    code = become_service(ctl->set) ? with_world(ctl, rows, login) : EX_NOPERM;
    db_rows_close(&rows);
    return code;
}

/* A name that nobody has. */
static bool
make_login(char *buf, size_t size)
{
    uint64_t chance;

    if (getrandom(&chance, sizeof chance, 0) != sizeof chance)
        return false;
    snprintf(buf, size, "mbev-test-%016" PRIx64, chance);
    return true;
}

static bool
choose_login(const struct ctl *ctl, char *buf, size_t size)
{
    char why[256];

    if (ctl->argc < 3)
        return make_login(buf, size);
    if (!console_accepts(ctl->argv[2], why, sizeof why)) {
        fprintf(stderr, "mbevctl: this can be nobody's login: %s\n", why);
        return false;
    }
    snprintf(buf, size, "%s", ctl->argv[2]);
    return true;
}

int
ctl_test_router(struct ctl *ctl)
{
    char login[CONSOLE_LOGIN + 1];
    int code;

    if (!choose_login(ctl, login, sizeof login))
        return EX_DATAERR;
    /* What is to be said is said here. */
    log_set_level(LOG_FATAL);
    signal(SIGPIPE, SIG_IGN);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
        return EX_SOFTWARE;
    field_print("sessions of", login);
    code = read_and_test(ctl, login);
    curl_global_cleanup();
    return code;
}
