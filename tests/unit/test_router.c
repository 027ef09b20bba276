/*
 * router: orders that wait for a router, its connection, and how it is when it
 * fails. The router is this program itself, speaking the binary API; the clock
 * is a number, and what is logged is counted. In place of SSH there is a link
 * that does as it is told. Linked with --wrap=clock_boot_us and --wrap=log_at.
 */
#include "unit.h"

#include "bytes.h"
#include "clock.h"
#include "log.h"
#include "routers/router.h"
#include "routers/words.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/* ---- the clock, and the log ---- */

static int64_t now_us;
static unsigned logged[LOG_DEBUG + 1];
static char last_error[2000];

int64_t __wrap_clock_boot_us(void);
void __wrap_log_at(enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

int64_t
__wrap_clock_boot_us(void)
{
    return now_us;
}

void
__wrap_log_at(enum log_level level, const char *fmt, ...)
{
    va_list ap;

    logged[level]++;
    if (level != LOG_ERROR)
        return;
    va_start(ap, fmt);
    vsnprintf(last_error, sizeof last_error, fmt, ap);
    va_end(ap);
}

enum {
    SECOND_US = 1000000,
    CONNECT_S = 5,
    COMMAND_S = 10,
    KEEP_S = 60,
    FIRST_S = 5,
    LONGEST_S = 60,
    REFUSED_S = 600,
    PATIENCE_S = CONNECT_S + COMMAND_S,
    MOST_CLIENTS = 8,
    JOBS = 60,
};

/* ---- the router ---- */

struct client {
    int fd; /* -1 = none */
    struct bytes in;
};

/* What it does with a command that asks for sessions. */
enum manner {
    IN_ORDER, /* answers */
    IN_SILENCE,
    HANGING_UP,
    WITH_ERRORS,
};

struct server {
    int listener;
    int port;
    struct client client[MOST_CLIENTS];
    unsigned connections, logins, commands;
    enum manner manner;
    unsigned for_so_many; /* commands; then in order again; 0 = for all */
    bool refuses, deaf;   /* to the login: a no, or nothing */
    struct bytes log;     /* logins that were asked for, a blank before each */
};

static void
listen_at(struct server *s, int port)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        .sin_port = htons((uint16_t)port) };
    socklen_t n = sizeof at;

    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_true(s->listener >= 0);
    setsockopt(s->listener, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
    assert_int_equal(bind(s->listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(s->listener, MOST_CLIENTS), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&at, &n), 0);
    s->port = ntohs(at.sin_port);
}

static void
hang_up(struct client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    bytes_clear(&c->in);
}

static void
hang_up_all(struct server *s)
{
    for (size_t i = 0; i < MOST_CLIENTS; i++)
        hang_up(&s->client[i]);
}

static void
close_server(struct server *s)
{
    if (s->listener >= 0)
        close(s->listener);
    s->listener = -1;
    hang_up_all(s);
}

static void
say(struct client *c, const char *const *word, size_t n)
{
    struct bytes out = bytes_make(1000);

    for (size_t i = 0; i < n; i++)
        words_add(&out, word[i], strlen(word[i]));
    words_end(&out);
    assert_int_equal(send(c->fd, out.p, out.n, MSG_NOSIGNAL), out.n);
    bytes_free(&out);
}

#define SAY(c, ...)                                                            \
    say(c, (const char *const[]){ __VA_ARGS__ },                               \
        COUNT(((const char *const[]){ __VA_ARGS__ })))

static enum manner
manner_now(struct server *s)
{
    enum manner manner = s->manner;

    if (s->for_so_many && --s->for_so_many == 0)
        s->manner = IN_ORDER;
    return manner;
}

/* The login "bad..." is one that it cannot bear, "on..." has a session, and
 * "end" makes it end the connection. */
static void
find(struct server *s, struct client *c, const char *login)
{
    s->commands++;
    bytes_printf(&s->log, " %s", login);
    if (strcmp(login, "bye") == 0)
        SAY(c, "!done");
    if (strcmp(login, "end") == 0 || strcmp(login, "bye") == 0) {
        hang_up(c);
        return;
    }
    switch (manner_now(s)) {
    case IN_SILENCE:
        return;
    case HANGING_UP:
        hang_up(c);
        return;
    case WITH_ERRORS:
        SAY(c, "!trap", "=message=failure");
        break;
    case IN_ORDER:
        if (strncmp(login, "bad", 3) == 0)
            SAY(c, "!trap", "=message=cannot bear it");
        if (strncmp(login, "on", 2) == 0)
            SAY(c, "!re", "=.id=*1");
        break;
    }
    SAY(c, "!done");
}

static void
log_in(struct server *s, struct client *c)
{
    s->logins++;
    if (s->deaf)
        return;
    if (s->refuses)
        SAY(c, "!trap", "=message=invalid user name or password (6)");
    SAY(c, "!done");
}

static void
answer(struct server *s, struct client *c, const struct sentence *sentence)
{
    char word[2][100];

    for (size_t i = 0; i < 2; i++)
        snprintf(word[i], sizeof word[i], "%.*s",
            i < sentence->n ? (int)sentence->word[i].len : 0,
            i < sentence->n ? sentence->word[i].p : "");
    if (strcmp(word[0], "/login") == 0)
        log_in(s, c);
    else if (strcmp(word[0], "/ppp/active/print") == 0)
        find(s, c, word[1] + strlen("?name="));
    else
        SAY(c, "!done");
}

static void
serve_client(struct server *s, struct client *c)
{
    char some[4096];
    ssize_t n;
    struct sentence sentence;
    size_t used;

    while ((n = recv(c->fd, some, sizeof some, 0)) > 0)
        bytes_add(&c->in, some, (size_t)n);
    while (c->fd >= 0 && words_read(bytes_text(&c->in), c->in.n, &sentence,
                             &used) == WORDS_SENTENCE) {
        answer(s, c, &sentence);
        if (c->fd < 0)
            return;
        memmove(c->in.p, c->in.p + used, c->in.n - used + 1);
        c->in.n -= used;
    }
    if (n == 0)
        hang_up(c);
}

static void
take_client(struct server *s, struct client *c)
{
    c->fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK);
    if (c->fd < 0)
        return;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
    s->connections++;
}

static void
serve(struct server *s)
{
    for (size_t i = 0; i < MOST_CLIENTS; i++) {
        struct client *c = &s->client[i];

        if (c->fd < 0 && s->listener >= 0)
            take_client(s, c);
        if (c->fd >= 0)
            serve_client(s, c);
    }
}

static size_t
clients(const struct server *s)
{
    size_t n = 0;

    for (size_t i = 0; i < MOST_CLIENTS; i++)
        n += s->client[i].fd >= 0;
    return n;
}

/* The one that is connected. */
static struct client *
the_client(struct server *s)
{
    struct client *only = NULL;

    serve(s);
    assert_int_equal(clients(s), 1);
    for (size_t i = 0; i < MOST_CLIENTS; i++)
        if (s->client[i].fd >= 0)
            only = &s->client[i];
    return only;
}

/* ---- ours ---- */

struct scene {
    struct settings set;
    struct temp known_hosts;
    struct router_world world;
    struct router_row row;
    struct router *router;
    struct server server;
    struct job job[JOBS];
    char login[JOBS][20];
    bool told[JOBS];
    char why[JOBS][500]; /* "" = it was done */
    size_t n;
    struct bytes order; /* in which they ended: logins, a blank before each */
};

static void
done(void *arg, struct job *job, const char *why)
{
    struct scene *s = arg;
    size_t i = (size_t)(job - s->job);

    assert_true(i < s->n);
    assert_false(s->told[i]);
    s->told[i] = true;
    snprintf(s->why[i], sizeof s->why[i], "%s", why ? why : "");
    bytes_printf(&s->order, " %s", s->login[i]);
}

static struct settings
settings_make(int port)
{
    return (struct settings){ .routers = {
                                  .usual = { .transport = "api",
                                      .port = port,
                                      .connect_timeout_ms = CONNECT_S * 1000,
                                      .timeout_ms = COMMAND_S * 1000,
                                      .login_suffix = "",
                                      .key_file = "",
                                      .host_key = "accept-new",
                                      .kex = "",
                                      .hostkeys = "",
                                      .ciphers = "",
                                      .macs = "",
                                      .api_login = "plain",
                                      .api_tls = "verify" },
                                  .connections = 4,
                                  .keep_ms = KEEP_S * 1000,
                                  .hold_first_ms = FIRST_S * 1000,
                                  .hold_longest_ms = LONGEST_S * 1000,
                                  .hold_refused_ms = REFUSED_S * 1000,
                                  .known_hosts = "",
                                  .ca_file = "",
                                  .source_address = "",
                                  .radius_tries = 2,
                                  .radius_wait_ms = 1000,
                              } };
}

static struct router *
make(struct scene *s)
{
    s->router = router_make(&s->world, &s->row);
    assert_non_null(s->router);
    return s->router;
}

static int
set_up(void **state)
{
    static struct scene scene;

    now_us = 1000LL * SECOND_US;
    memset(logged, 0, sizeof logged);
    last_error[0] = '\0';
    scene = (struct scene){ .known_hosts = temp_text(""),
        .order = bytes_make(10000),
        .server = { .log = bytes_make(10000) },
        .row = { .id = 7,
            .address = "127.0.0.1",
            .user = "mbev",
            .password = "secret",
            .secret = "",
            .radius_port = 3799 } };
    for (size_t i = 0; i < MOST_CLIENTS; i++)
        scene.server.client[i] =
            (struct client){ .fd = -1, .in = bytes_make(1 << 16) };
    listen_at(&scene.server, 0);
    scene.set = settings_make(scene.server.port);
    scene.world = (struct router_world){ .set = &scene.set,
        .http = http_make(),
        .known = known_hosts_make(scene.known_hosts.path),
        .epoll = epoll_create1(EPOLL_CLOEXEC),
        .done = done,
        .arg = &scene };
    assert_non_null(scene.world.http);
    assert_non_null(scene.world.known);
    make(&scene);
    *state = &scene;
    return 0;
}

static int
tear_down(void **state)
{
    struct scene *s = *state;

    http_close(&s->world.http);
    router_close(&s->router);
    assert_null(s->router);
    assert_int_equal(s->world.connected, 0);
    for (size_t i = 0; i < s->n; i++)
        assert_true(s->told[i]);
    known_hosts_close(&s->world.known);
    close(s->world.epoll);
    close_server(&s->server);
    for (size_t i = 0; i < MOST_CLIENTS; i++)
        bytes_free(&s->server.client[i].in);
    bytes_free(&s->server.log);
    bytes_free(&s->order);
    unlink(s->known_hosts.path);
    return 0;
}

/* ---- turns ---- */

/* One of ours, without that of the server. */
static void
turn_ours(struct scene *s, int ms)
{
    struct epoll_event event[4];
    int n;

    http_wait(s->world.http, &s->world.epoll, 1, ms);
    n = epoll_wait(s->world.epoll, event, COUNT(event), 0);
    for (int i = 0; i < n; i++)
        router_wake(event[i].data.ptr);
    router_tick(s->router, now_us);
}

static void
turn(struct scene *s)
{
    turn_ours(s, 2);
    serve(&s->server);
}

static void
settle(struct scene *s)
{
    for (int i = 0; i < 8; i++)
        turn(s);
}

/* The i-th order so far; returns i. */
static size_t
give(struct scene *s, const char *login)
{
    size_t i = s->n++;

    assert_true(i < JOBS);
    snprintf(s->login[i], sizeof s->login[i], "%s", login);
    s->job[i] = (struct job){ .order = { .login = s->login[i] } };
    router_add(s->router, &s->job[i]);
    return i;
}

static void
wait_for(struct scene *s, size_t i)
{
    for (int j = 0; !s->told[i] && j < 1000; j++)
        turn(s);
    if (!s->told[i])
        fail_msg("nothing came of %s", s->login[i]);
}

static void
assert_done(struct scene *s, size_t i, unsigned ended)
{
    wait_for(s, i);
    expect_text(s->login[i], s->why[i], "");
    expect_number(s->login[i], s->job[i].order.ended, ended);
    assert_int_equal(s->job[i].order.state, ORDER_DONE);
}

static void
assert_failed(struct scene *s, size_t i, const char *why)
{
    wait_for(s, i);
    if (!strstr(s->why[i], why))
        fail_msg("%s: \"%s\" instead of \"%s\"", s->login[i], s->why[i], why);
    assert_string_not_equal(s->why[i], "");
}

/* At once, and nobody was asked. */
static void
assert_fails_at_once(struct scene *s, const char *why)
{
    unsigned connections = s->server.connections;
    size_t i = give(s, "u1");

    if (!s->told[i])
        fail_msg("it is not held");
    assert_failed(s, i, why);
    settle(s);
    assert_int_equal(s->server.connections, connections);
}

static void
assert_held(struct scene *s, int64_t until_us, const char *why)
{
    struct router_state how = router_state(s->router);

    assert_int_not_equal(how.fault, FAULT_NONE);
    expect_number("until", how.until_us - now_us, until_us - now_us);
    if (!strstr(how.why, why))
        fail_msg("\"%s\" instead of \"%s\"", how.why, why);
    assert_int_equal(s->world.connected, 0);
}

static void
assert_well(struct scene *s)
{
    struct router_state how = router_state(s->router);

    assert_int_equal(how.fault, FAULT_NONE);
    assert_string_equal(how.why, "");
}

/* ---- in order ---- */

static void
an_order_is_carried_out(void **state)
{
    struct scene *s = *state;

    assert_done(s, give(s, "on1"), 1);
    assert_done(s, give(s, "off"), 0);
    assert_well(s);
    assert_int_equal(s->job[0].id, 7);
    assert_ptr_equal(s->job[0].router, s->router);
    assert_int_equal(logged[LOG_ERROR], 0);
}

static void
the_connection_is_kept_for_the_next(void **state)
{
    struct scene *s = *state;

    for (int i = 0; i < 5; i++) {
        assert_done(s, give(s, "on1"), 1);
        assert_int_equal(s->world.connected, 1);
        now_us += (KEEP_S - 1) * (int64_t)SECOND_US;
        settle(s);
    }
    assert_int_equal(s->server.connections, 1);
    assert_int_equal(s->server.logins, 1);
}

static void
but_not_for_ever(void **state)
{
    struct scene *s = *state;

    assert_done(s, give(s, "on1"), 1);
    assert_int_equal(
        router_due_us(s->router), now_us + KEEP_S * (int64_t)SECOND_US);
    now_us = router_due_us(s->router);
    settle(s);
    assert_int_equal(s->world.connected, 0);
    assert_int_equal(clients(&s->server), 0);
    assert_int_equal(router_due_us(s->router), INT64_MAX);
    assert_done(s, give(s, "on1"), 1);
    assert_int_equal(s->server.connections, 2);
    assert_int_equal(logged[LOG_ERROR], 0);
}

static void
an_idle_router_that_says_something_is_left(void **state)
{
    struct scene *s = *state;

    assert_done(s, give(s, "on1"), 1);
    SAY(the_client(&s->server), "!fatal", "good-bye");
    settle(s);
    assert_int_equal(s->world.connected, 0);
    assert_well(s);
    assert_done(s, give(s, "on1"), 1);
    assert_int_equal(s->server.connections, 2);
}

static void
orders_that_come_meanwhile_wait_their_turn(void **state)
{
    struct scene *s = *state;

    for (int i = 0; i < JOBS; i++) {
        char login[20];

        snprintf(login, sizeof login, "on%d", i);
        give(s, login);
        if (i % 7 == 0)
            turn(s);
    }
    assert_done(s, JOBS - 1, 1);
    for (size_t i = 0; i < JOBS; i++)
        assert_done(s, i, 1);
    assert_int_equal(s->server.connections, 1);
    /* In the order in which they were given. */
    assert_int_equal(
        strncmp(bytes_text(&s->server.log), " on0 on1 on2 ", 13), 0);
    assert_int_equal(s->server.commands, JOBS);
}

static void
the_settings_of_its_address_hold(void **state)
{
    struct scene *s = *state;
    struct special_router special = { .address = "127.0.0.1",
        .set = s->set.routers.usual };

    router_close(&s->router);
    special.set.transport = "off";
    s->set.routers.special = &special;
    s->set.routers.special_n = 1;
    make(s);
    assert_true(router_is_off(s->router));
    assert_string_equal(router_state(s->router).transport, "off");
    router_close(&s->router);
    s->row.address = "127.0.0.2";
    make(s);
    assert_false(router_is_off(s->router));
    assert_string_equal(router_state(s->router).address, "127.0.0.2");
    s->set.routers.special_n = 0;
    s->set.routers.special = NULL;
}

static void
the_billing_may_choose_the_transport(void **state)
{
    static const struct {
        const char *setting;
        bool api;
        const char *transport;
    } rows[] = {
        { "auto", false, "ssh" },
        { "auto", true, "api" },
        { "ssh", true, "ssh" },
        { "api", false, "api" },
        { "api-tls", false, "api-tls" },
        { "radius", true, "radius" },
        { "off", true, "off" },
    };
    struct scene *s = *state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        router_close(&s->router);
        s->set.routers.usual.transport = (char *)rows[i].setting;
        s->row.api = rows[i].api;
        make(s);
        expect_text(rows[i].setting, router_state(s->router).transport,
            rows[i].transport);
    }
}

static void
what_was_ended_is_counted_until_it_is_recorded(void **state)
{
    struct scene *s = *state;

    assert_false(router_is_new(s->router));
    assert_done(s, give(s, "on1"), 1);
    assert_done(s, give(s, "on2"), 1);
    assert_true(router_is_new(s->router));
    assert_int_equal(router_state(s->router).ended, 2);
    router_was_recorded(s->router);
    assert_false(router_is_new(s->router));
    assert_int_equal(router_state(s->router).ended, 0);
    assert_done(s, give(s, "on3"), 1);
    assert_true(router_is_new(s->router));
    assert_int_equal(router_state(s->router).ended, 1);
}

/* ---- out of order ---- */

static void
one_that_cannot_be_reached_is_held(void **state)
{
    struct scene *s = *state;

    close_server(&s->server);
    assert_failed(s, give(s, "u1"), "it cannot be reached: ");
    assert_held(
        s, now_us + FIRST_S * (int64_t)SECOND_US, "it cannot be reached: ");
    assert_true(router_is_new(s->router));
    assert_fails_at_once(s, "it cannot be reached: ");
    assert_int_equal(logged[LOG_ERROR], 1);
    assert_non_null(strstr(last_error, "router: 127.0.0.1 (radnas 7, api) is "
                                       "held: it cannot be reached: "));
    assert_non_null(strstr(last_error, "tried again in 5 s"));
}

static void
all_that_wait_for_it_fail_with_the_first(void **state)
{
    struct scene *s = *state;

    close_server(&s->server);
    for (int i = 0; i < 5; i++)
        give(s, "u1");
    for (size_t i = 0; i < 5; i++)
        assert_failed(s, i, "it cannot be reached: ");
    assert_int_equal(logged[LOG_ERROR], 1);
    assert_int_equal(logged[LOG_DEBUG], 0);
}

/* Tries it once more, at the end of the hold. */
static void
try_again(struct scene *s, const char *why)
{
    now_us = router_state(s->router).until_us - 1;
    assert_fails_at_once(s, why);
    now_us += 1;
    assert_failed(s, give(s, "u1"), why);
}

static void
each_failure_doubles_the_hold_up_to_the_longest(void **state)
{
    static const int holds_s[] = { 10, 20, 40, 60, 60, 60 };
    struct scene *s = *state;
    int port = s->server.port;

    close_server(&s->server);
    assert_failed(s, give(s, "u1"), "it cannot be reached: ");
    for (size_t i = 0; i < COUNT(holds_s); i++) {
        try_again(s, "it cannot be reached: ");
        assert_held(s, now_us + holds_s[i] * (int64_t)SECOND_US, "reached");
    }
    assert_int_equal(logged[LOG_ERROR], 1);
    listen_at(&s->server, port);
    now_us = router_state(s->router).until_us;
    assert_done(s, give(s, "on1"), 1);
    assert_well(s);
    assert_int_equal(logged[LOG_INFO], 1);
    /* From the first again, and said again. */
    close_server(&s->server);
    settle(s);
    assert_failed(s, give(s, "u1"), "it cannot be reached: ");
    assert_held(s, now_us + FIRST_S * (int64_t)SECOND_US, "reached");
    assert_int_equal(logged[LOG_ERROR], 2);
}

static void
a_refused_login_is_held_for_long(void **state)
{
    struct scene *s = *state;

    s->server.refuses = true;
    assert_failed(s, give(s, "u1"), "it refuses the login: invalid user name");
    for (int i = 0; i < 3; i++) {
        assert_held(
            s, now_us + REFUSED_S * (int64_t)SECOND_US, "it refuses the login");
        try_again(s, "it refuses the login");
    }
    assert_int_equal(s->server.commands, 0);
    assert_int_equal(logged[LOG_ERROR], 1);
    assert_non_null(strstr(last_error, "naslogin and naspass"));
}

static void
another_failure_is_said_as_well(void **state)
{
    struct scene *s = *state;

    s->server.refuses = true;
    assert_failed(s, give(s, "u1"), "it refuses the login");
    close_server(&s->server);
    try_again(s, "");
    assert_int_equal(logged[LOG_ERROR], 2);
    assert_non_null(strstr(last_error, "it cannot be reached: "));
}

static void
a_changed_row_lifts_the_hold(void **state)
{
    struct scene *s = *state;

    s->server.refuses = true;
    assert_failed(s, give(s, "u1"), "it refuses the login");
    s->server.refuses = false;
    /* What is as it was cures nothing. */
    assert_true(router_renew(s->router, &s->row));
    assert_fails_at_once(s, "it refuses the login");
    s->row.password = "better";
    assert_true(router_renew(s->router, &s->row));
    assert_done(s, give(s, "on1"), 1);
    assert_well(s);
}

static void
each_part_of_the_row_counts(void **state)
{
    struct scene *s = *state;

    for (int i = 0; i < 5; i++) {
        struct router_row row = s->row;

        close_server(&s->server);
        assert_failed(s, give(s, "u1"), "");
        listen_at(&s->server, s->server.port);
        row.user = i == 0 ? "other" : row.user;
        row.password = i == 1 ? "other" : row.password;
        row.secret = i == 2 ? "other" : row.secret;
        row.radius_port = i == 3 ? 1700 : row.radius_port;
        row.api = i == 4;
        assert_true(router_renew(s->router, &row));
        assert_done(s, give(s, "on1"), 1);
        assert_true(router_hang_up(s->router));
        assert_true(router_renew(s->router, &s->row));
    }
}

static void
a_changed_row_ends_an_idle_connection_only(void **state)
{
    struct scene *s = *state;
    size_t busy;

    assert_done(s, give(s, "on1"), 1);
    s->row.user = "other";
    assert_true(router_renew(s->router, &s->row));
    assert_int_equal(s->world.connected, 0);
    s->server.manner = IN_SILENCE;
    s->server.for_so_many = 1;
    busy = give(s, "u1");
    settle(s);
    s->row.user = "third";
    assert_true(router_renew(s->router, &s->row));
    assert_false(s->told[busy]);
    assert_int_equal(s->world.connected, 1);
    SAY(the_client(&s->server), "!done");
    assert_done(s, busy, 0);
    assert_true(router_renew(s->router, &s->row));
    assert_int_equal(s->world.connected, 0);
}

static void
an_address_that_is_none_is_ours_to_mend(void **state)
{
    struct scene *s = *state;

    router_close(&s->router);
    s->row.address = "a b";
    make(s);
    assert_failed(
        s, give(s, "u1"), "radnas.nasname is no address or name of a host");
    assert_held(s, now_us + REFUSED_S * (int64_t)SECOND_US, "radnas.nasname");
}

/* ---- time ---- */

static void
one_that_does_not_let_us_in_is_broken(void **state)
{
    struct scene *s = *state;
    size_t i;

    s->server.deaf = true;
    i = give(s, "u1");
    settle(s);
    assert_int_equal(s->server.logins, 1);
    assert_int_equal(
        router_due_us(s->router), now_us + COMMAND_S * (int64_t)SECOND_US);
    now_us += COMMAND_S * (int64_t)SECOND_US - 1;
    settle(s);
    assert_false(s->told[i]);
    now_us += 1;
    assert_failed(s, i, "it did not let us in within 10 s");
    assert_held(
        s, now_us + FIRST_S * (int64_t)SECOND_US, "it did not let us in");
    assert_int_equal(s->server.connections, 1);
}

static void
one_that_does_not_answer_is_broken(void **state)
{
    struct scene *s = *state;
    size_t i;

    s->server.manner = IN_SILENCE;
    i = give(s, "u1");
    settle(s);
    assert_int_equal(s->server.commands, 1);
    now_us += COMMAND_S * (int64_t)SECOND_US - 1;
    settle(s);
    assert_false(s->told[i]);
    now_us += 1;
    assert_failed(s, i, "it did not answer within 10 s");
    assert_int_equal(s->server.connections, 1);
    assert_int_equal(s->server.commands, 1);
}

static void
no_order_waits_for_long(void **state)
{
    struct scene *s = *state;
    size_t first, second;

    s->world.connected = 4; /* as many as may be */
    first = give(s, "u1");
    now_us += SECOND_US;
    second = give(s, "u2");
    settle(s);
    assert_int_equal(s->server.connections, 0);
    assert_int_equal(router_due_us(s->router),
        now_us + (PATIENCE_S - 1) * (int64_t)SECOND_US);
    now_us += (PATIENCE_S - 1) * (int64_t)SECOND_US;
    settle(s);
    assert_false(s->told[first]);
    now_us += 1;
    router_tick(s->router, now_us);
    assert_true(s->told[first]);
    assert_failed(s, first, "it is busy, or slow");
    assert_false(s->told[second]);
    s->world.connected = 0;
    assert_done(s, second, 0);
    assert_well(s);
}

static void
what_waits_may_be_withdrawn(void **state)
{
    struct scene *s = *state;
    size_t old, young;

    s->world.connected = 4;
    old = give(s, "u1");
    now_us += SECOND_US;
    young = give(s, "u2");
    router_withdraw(s->router, now_us - SECOND_US, "it is busy, or slow");
    assert_false(s->told[old]);
    router_withdraw(s->router, now_us, "it is busy, or slow");
    assert_true(s->told[old]);
    assert_false(s->told[young]);
    s->world.connected = 0;
    assert_done(s, young, 0);
}

static void
what_is_under_way_is_not_withdrawn(void **state)
{
    struct scene *s = *state;
    size_t i;

    s->server.manner = IN_SILENCE;
    i = give(s, "u1");
    settle(s);
    router_withdraw(s->router, INT64_MAX, "it is busy, or slow");
    assert_false(s->told[i]);
    SAY(the_client(&s->server), "!done");
    assert_done(s, i, 0);
}

/* Another service may have the work by then. */
static void
a_service_that_was_stopped_sends_nothing_more(void **state)
{
    static const int phases = 4;
    struct scene *s = *state;

    for (int phase = 0; phase < phases; phase++) {
        unsigned commands, logins;
        size_t i, waiting;

        s->server.deaf = phase == 1;
        s->server.manner = phase == 3 ? IN_SILENCE : IN_ORDER;
        i = give(s, "u1");
        waiting = give(s, "u2");
        /* 0: it is dialed; 1: it is asked to let us in; 2: it has; 3: it was
         * told the first. */
        if (phase == 1 || phase == 2)
            turn(s);
        for (int j = 0; phase == 3 && j < 8; j++)
            turn(s);
        assert_false(s->told[i]);
        commands = s->server.commands;
        logins = s->server.logins;
        now_us += 3600LL * SECOND_US;
        settle(s);
        assert_true(s->told[i]);
        assert_true(s->told[waiting]);
        assert_string_not_equal(s->why[i], "");
        assert_string_not_equal(s->why[waiting], "");
        assert_int_equal(s->server.commands, commands);
        assert_int_equal(s->server.logins, logins);
        s->server.deaf = false;
        s->server.manner = IN_ORDER;
        now_us += 3600LL * SECOND_US;
        assert_done(s, give(s, "on1"), 1);
        now_us += 3600LL * SECOND_US;
        settle(s);
        assert_int_equal(s->world.connected, 0);
    }
}

static void
nor_over_a_connection_that_was_kept(void **state)
{
    struct scene *s = *state;
    unsigned commands;
    size_t i;

    assert_done(s, give(s, "on1"), 1);
    s->server.manner = IN_SILENCE;
    i = give(s, "u1");
    settle(s);
    commands = s->server.commands;
    now_us += 3600LL * SECOND_US;
    settle(s);
    assert_true(s->told[i]);
    assert_string_not_equal(s->why[i], "");
    assert_int_equal(s->server.commands, commands);
}

/* ---- a kept connection that is dead ---- */

static void
a_kept_connection_that_has_died_is_made_anew(void **state)
{
    struct scene *s = *state;

    assert_done(s, give(s, "on1"), 1);
    hang_up_all(&s->server);
    assert_done(s, give(s, "on2"), 1);
    assert_int_equal(s->server.connections, 2);
    assert_int_equal(logged[LOG_ERROR], 0);
    assert_well(s);
}

static void
one_that_has_died_in_silence_as_well(void **state)
{
    struct scene *s = *state;
    size_t i;

    assert_done(s, give(s, "on1"), 1);
    s->server.manner = IN_SILENCE;
    s->server.for_so_many = 1;
    i = give(s, "on2");
    settle(s);
    assert_false(s->told[i]);
    now_us += COMMAND_S * (int64_t)SECOND_US;
    assert_done(s, i, 1);
    assert_int_equal(s->server.connections, 2);
    assert_int_equal(logged[LOG_ERROR], 0);
}

static void
but_that_is_tried_once(void **state)
{
    struct scene *s = *state;

    assert_done(s, give(s, "on1"), 1);
    s->server.manner = HANGING_UP;
    assert_failed(s, give(s, "on2"), "the connection ended: ");
    assert_int_equal(s->server.connections, 2);
    assert_int_equal(s->server.commands, 3);
    assert_held(
        s, now_us + FIRST_S * (int64_t)SECOND_US, "the connection ended: ");
}

static void
one_that_closes_behind_its_answer_is_well(void **state)
{
    struct scene *s = *state;

    for (int i = 0; i < 3; i++) {
        assert_done(s, give(s, "bye"), 0);
        assert_well(s);
        if (i == 1)
            settle(s);
    }
    assert_int_equal(s->server.connections, 3);
    assert_done(s, give(s, "on1"), 1);
    assert_int_equal(logged[LOG_ERROR], 0);
}

static void
a_new_connection_that_dies_is_not_made_anew(void **state)
{
    struct scene *s = *state;

    s->server.manner = HANGING_UP;
    assert_failed(s, give(s, "on1"), "the connection ended: ");
    assert_int_equal(s->server.connections, 1);
    assert_int_equal(s->server.commands, 1);
}

/* Keeps it busy with one order, so that what is given next goes out together,
 * over a connection that was used before. */
static size_t
keep_busy(struct scene *s)
{
    size_t i;

    s->server.manner = IN_SILENCE;
    s->server.for_so_many = 1;
    i = give(s, "u1");
    settle(s);
    assert_int_equal(s->server.commands, 1);
    return i;
}

static void
what_was_told_and_not_answered_is_told_again_in_its_order(void **state)
{
    struct scene *s = *state;
    size_t before = keep_busy(s), last;

    s->server.manner = IN_SILENCE;
    give(s, "on2");
    give(s, "on3");
    last = give(s, "u4");
    SAY(the_client(&s->server), "!done");
    assert_done(s, before, 0);
    settle(s);
    assert_int_equal(s->server.commands, 2);
    s->server.manner = IN_ORDER;
    hang_up_all(&s->server);
    assert_done(s, last, 0);
    assert_string_equal(bytes_text(&s->server.log), " u1 on2 on2 on3 u4");
    assert_int_equal(s->server.connections, 2);
}

/* ---- orders that a router cannot bear ---- */

static unsigned
asked_for(const struct scene *s, const char *login)
{
    const char *at = bytes_text(&s->server.log);
    unsigned n = 0;

    while ((at = strstr(at, login))) {
        n++;
        at++;
    }
    return n;
}

static void
one_that_cannot_be_borne_takes_no_other_along(void **state)
{
    static const char *const logins[] = { "on1", "on2", "bad", "on3", "u4" };
    struct scene *s = *state;

    for (size_t i = 0; i < COUNT(logins); i++)
        give(s, logins[i]);
    assert_failed(s, 2, "it answers: cannot bear it");
    for (size_t i = 0; i < COUNT(logins); i++)
        if (i != 2)
            assert_done(s, i, i < 4);
    assert_int_equal(asked_for(s, "bad"), 2);
    assert_int_equal(asked_for(s, "on"), 3);
    assert_well(s);
    assert_int_equal(s->server.connections, 1);
}

static void
an_error_that_passes_is_none(void **state)
{
    struct scene *s = *state;

    s->server.manner = WITH_ERRORS;
    s->server.for_so_many = 1;
    assert_done(s, give(s, "on1"), 1);
    assert_int_equal(asked_for(s, "on1"), 2);
}

static void
several_errors_in_a_row_hold_it(void **state)
{
    struct scene *s = *state;

    assert_failed(s, give(s, "bad1"), "it answers: cannot bear it");
    assert_failed(s, give(s, "bad2"), "it answers: cannot bear it");
    assert_well(s);
    assert_failed(s, give(s, "bad3"), "it answers: cannot bear it");
    assert_held(s, now_us + REFUSED_S * (int64_t)SECOND_US,
        "it does not carry out what it is told; it answers: cannot bear it");
    assert_fails_at_once(s, "it does not carry out what it is told");
    assert_int_equal(logged[LOG_ERROR], 1);
    now_us = router_state(s->router).until_us;
    assert_done(s, give(s, "on1"), 1);
    assert_well(s);
}

static void
errors_that_are_not_in_a_row_do_not(void **state)
{
    struct scene *s = *state;

    for (int i = 0; i < 3; i++) {
        assert_failed(s, give(s, "bad1"), "it answers: cannot bear it");
        assert_failed(s, give(s, "bad2"), "it answers: cannot bear it");
        assert_done(s, give(s, "u1"), 0);
    }
    assert_well(s);
}

static void
several_errors_at_once_hold_it_as_well(void **state)
{
    struct scene *s = *state;

    s->server.manner = WITH_ERRORS;
    for (int i = 0; i < 10; i++)
        give(s, "u1");
    for (size_t i = 0; i < 10; i++)
        assert_failed(s, i, "it ");
    assert_held(s, now_us + REFUSED_S * (int64_t)SECOND_US,
        "it does not carry out what it is told; it answers: failure");
    assert_int_equal(logged[LOG_ERROR], 1);
}

/* ---- connections ---- */

static void
there_are_no_more_connections_than_may_be(void **state)
{
    struct scene *s = *state;
    size_t i;

    s->set.routers.connections = 1;
    s->world.connected = 1;
    i = give(s, "on1");
    settle(s);
    assert_false(s->told[i]);
    assert_int_equal(s->server.connections, 0);
    s->world.connected = 0;
    assert_done(s, i, 1);
}

static void
only_an_idle_connection_is_given_up(void **state)
{
    struct scene *s = *state;
    size_t i;

    assert_false(router_hang_up(s->router));
    s->server.manner = IN_SILENCE;
    i = give(s, "u1");
    assert_true(router_is_dialing(s->router));
    assert_false(router_hang_up(s->router));
    settle(s);
    assert_false(router_is_dialing(s->router));
    assert_false(router_hang_up(s->router));
    SAY(the_client(&s->server), "!done");
    assert_done(s, i, 0);
    assert_true(router_hang_up(s->router));
    assert_int_equal(s->world.connected, 0);
    assert_false(router_hang_up(s->router));
}

static void
one_that_goes_fails_what_it_had(void **state)
{
    struct scene *s = *state;
    size_t busy, waiting;

    s->server.manner = IN_SILENCE;
    busy = give(s, "u1");
    settle(s);
    waiting = give(s, "u2");
    router_close(&s->router);
    assert_null(s->router);
    assert_failed(s, busy, "it is not in radnas any more");
    assert_failed(s, waiting, "it is not in radnas any more");
    assert_int_equal(s->world.connected, 0);
    serve(&s->server);
    assert_int_equal(clients(&s->server), 0);
    router_close(&s->router);
}

/* Its address is now one that is not to be talked to. */
static void
one_that_is_switched_off_fails_what_waits(void **state)
{
    struct scene *s = *state;
    struct special_router special = { .address = "127.0.0.9",
        .set = s->set.routers.usual };
    size_t i;

    special.set.transport = "off";
    s->set.routers.special = &special;
    s->set.routers.special_n = 1;
    s->world.connected = 4;
    i = give(s, "u1");
    assert_false(s->told[i]);
    s->row.address = "127.0.0.9";
    assert_true(router_renew(s->router, &s->row));
    assert_true(router_is_off(s->router));
    assert_failed(s, i, "it is switched off");
    s->world.connected = 0;
    settle(s);
    s->set.routers.special_n = 0;
    s->set.routers.special = NULL;
}

/* ---- without a connection ---- */

static void
radius_uses_the_port_of_the_billing(void **state)
{
    struct scene *s = *state;
    struct sockaddr_in at = { .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof at;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    char got[4096];
    size_t i;

    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
    router_close(&s->router);
    s->set.routers.usual.transport = "radius";
    s->set.routers.usual.port = 0;
    s->row.secret = "secret";
    s->row.radius_port = ntohs(at.sin_port);
    make(s);
    i = give(s, "u1");
    assert_true(recv(fd, got, sizeof got, 0) > 20);
    assert_false(s->told[i]);
    assert_int_equal(router_due_us(s->router), now_us + SECOND_US);
    now_us += SECOND_US;
    settle(s);
    assert_true(recv(fd, got, sizeof got, 0) > 20);
    now_us += SECOND_US;
    assert_failed(s, i, "it does not answer; ");
    assert_held(
        s, now_us + FIRST_S * (int64_t)SECOND_US, "it does not answer; ");
    assert_int_equal(recv(fd, got, sizeof got, 0), -1);
    close(fd);
}

/* ---- a link of our own ---- */

/* In place of SSH: it says nothing, and does as it is told. */
static struct script {
    int fd;
    enum fault fault;
    const char *words;
    size_t takes;   /* orders at a time; 0 = all */
    int64_t due_us; /* carries out when this has come; 0 = at once */
    bool no_memory;
    bool spoils; /* one "bad" order leaves all of them unanswered */
    struct order *order;
    size_t n;
    struct peer peer;
    struct bytes log; /* logins, a blank before each, and a bar behind each
                         command */
} script;

static void *
script_open(int fd, const struct peer *peer)
{
    char why[100];

    assert_true(known_hosts_refresh(peer->known, why, sizeof why));
    assert_true(fd >= 0);
    if (script.no_memory) {
        close(fd);
        return NULL;
    }
    script.fd = fd;
    script.n = 0;
    script.peer = *peer;
    return &script;
}

static void
script_close(void *link)
{
    (void)link;
    close(script.fd);
}

static bool
is_bad(const struct order *order)
{
    return strncmp(order->login, "bad", 3) == 0;
}

static enum order_state
script_answer(const struct order *order)
{
    if (strncmp(order->login, "silent", 6) == 0)
        return ORDER_OPEN;
    return is_bad(order) ? ORDER_ERROR : ORDER_DONE;
}

/* False when it comes to an order "slow", which is never answered. */
static bool
script_carry_out(void)
{
    bool spoilt = false;

    for (size_t i = 0; i < script.n; i++)
        spoilt |= script.spoils && is_bad(&script.order[i]);
    for (size_t i = 0; i < script.n && !spoilt; i++) {
        if (strcmp(script.order[i].login, "slow") == 0)
            return false;
        script.order[i].state = script_answer(&script.order[i]);
    }
    script.n = 0;
    return true;
}

static enum link_status
script_step(void *link)
{
    (void)link;
    if (script.fault != FAULT_NONE)
        return LINK_FAILED;
    if (script.n > 0 && script.due_us > now_us)
        return LINK_WAITS;
    return script_carry_out() ? LINK_READY : LINK_WAITS;
}

static size_t
script_send(void *link, struct order *orders, size_t n)
{
    (void)link;
    script.order = orders;
    script.n = script.takes && script.takes < n ? script.takes : n;
    for (size_t i = 0; i < script.n; i++)
        bytes_printf(&script.log, " %s", orders[i].login);
    bytes_str(&script.log, "|");
    return script.n;
}

static int
script_fd(const void *link)
{
    (void)link;
    return script.fd;
}

static unsigned
script_wants(const void *link)
{
    (void)link;
    return EPOLLIN;
}

static int64_t
script_due_us(const void *link)
{
    (void)link;
    return script.n > 0 && script.due_us ? script.due_us : INT64_MAX;
}

static enum fault
script_fault(const void *link)
{
    (void)link;
    return script.fault;
}

static const char *
script_words(const void *link)
{
    (void)link;
    return script.words;
}

/* The linker takes this one, and not that of the library. */
const struct link_ops link_ssh = {
    .name = "ssh",
    .port = 22,
    .dials = true,
    .open = script_open,
    .close = script_close,
    .step = script_step,
    .send = script_send,
    .fd = script_fd,
    .wants = script_wants,
    .due_us = script_due_us,
    .fault = script_fault,
    .words = script_words,
};

static struct scene *
scripted(void **state)
{
    struct scene *s = *state;

    router_close(&s->router);
    s->set.routers.usual.transport = "ssh";
    bytes_free(&script.log);
    script = (struct script){ .words = "", .log = bytes_make(10000) };
    make(s);
    return s;
}

static int
tear_down_script(void **state)
{
    int failed = tear_down(state);

    bytes_free(&script.log);
    return failed;
}

static void
write_known_hosts(struct scene *s)
{
    FILE *file = fopen(s->known_hosts.path, "a");

    assert_non_null(file);
    fputs("# something\n", file);
    fclose(file);
}

static void
a_link_is_told_whom_it_speaks_to(void **state)
{
    struct scene *s = scripted(state);

    assert_done(s, give(s, "u1"), 0);
    assert_string_equal(script.peer.address, "127.0.0.1");
    assert_int_equal(script.peer.port, s->server.port);
    assert_string_equal(script.peer.user, "mbev");
    assert_string_equal(script.peer.password, "secret");
    assert_ptr_equal(script.peer.all, &s->set);
    assert_ptr_equal(script.peer.known, s->world.known);
    assert_int_equal(router_state(s->router).port, s->server.port);
    s->set.routers.usual.port = 0;
    assert_int_equal(router_state(s->router).port, 22);
}

/* Somebody may have taken the old one out of it. */
static void
a_wrong_key_is_tried_again_when_the_file_has_changed(void **state)
{
    static const enum fault faults[] = { FAULT_KEY, FAULT_STRANGER };
    struct scene *s = scripted(state);

    for (size_t i = 0; i < COUNT(faults); i++) {
        script.fault = faults[i];
        script.words = "another key";
        assert_failed(s, give(s, "u1"), "another key");
        assert_held(s, now_us + REFUSED_S * (int64_t)SECOND_US, "another key");
        assert_fails_at_once(s, "another key");
        write_known_hosts(s);
        assert_failed(s, give(s, "u1"), "another key");
        assert_fails_at_once(s, "another key");
        script.fault = FAULT_NONE;
        assert_fails_at_once(s, "another key");
        write_known_hosts(s);
        assert_done(s, give(s, "u1"), 0);
        assert_well(s);
        router_hang_up(s->router);
    }
    assert_int_equal(logged[LOG_ERROR], COUNT(faults));
}

static void
other_faults_are_not(void **state)
{
    static const enum fault faults[] = { FAULT_BROKEN, FAULT_REFUSED,
        FAULT_COMMAND, FAULT_ALGORITHMS, FAULT_CERTIFICATE, FAULT_OURS };
    struct scene *s = scripted(state);

    for (size_t i = 0; i < COUNT(faults); i++) {
        script.fault = faults[i];
        script.words = "words";
        assert_failed(s, give(s, "u1"), "words");
        assert_int_equal(router_state(s->router).fault, faults[i]);
        script.fault = FAULT_NONE;
        write_known_hosts(s);
        assert_fails_at_once(s, "words");
        now_us = router_state(s->router).until_us;
        assert_done(s, give(s, "u1"), 0);
        router_hang_up(s->router);
    }
}

static void
each_fault_is_told_with_what_can_be_done(void **state)
{
    static const struct {
        enum fault fault;
        const char *cure;
    } rows[] = {
        { FAULT_BROKEN, "check that it is up" },
        { FAULT_REFUSED, "check naslogin and naspass in radnas" },
        { FAULT_COMMAND, "has the rights" },
        { FAULT_ALGORITHMS, "see kex, hostkeys, ciphers and macs" },
        { FAULT_KEY, "ssh-keygen -f " },
        { FAULT_STRANGER, "ssh-keyscan -p " },
        { FAULT_CERTIFICATE, "see ca_file and api_tls" },
        { FAULT_OURS, "check section [routers]" },
    };
    struct scene *s = scripted(state);

    for (size_t i = 0; i < COUNT(rows); i++) {
        script.fault = rows[i].fault;
        script.words = "words";
        now_us += 3600LL * SECOND_US;
        assert_failed(s, give(s, "u1"), "words");
        if (!strstr(last_error, rows[i].cure))
            fail_msg("%s", last_error);
        assert_non_null(strstr(last_error, " is held: words; "));
    }
    assert_int_equal(logged[LOG_ERROR], COUNT(rows));
}

static void
without_memory_for_a_link_it_is_held(void **state)
{
    struct scene *s = scripted(state);

    script.no_memory = true;
    assert_failed(s, give(s, "u1"), "out of memory, or of sockets");
    assert_held(s, now_us + REFUSED_S * (int64_t)SECOND_US, "out of memory");
}

static void
a_link_may_take_fewer_orders_than_there_are(void **state)
{
    static const char *const logins[] = { "u0", "u1", "u2", "u3", "u4" };
    struct scene *s = scripted(state);

    script.takes = 2;
    s->world.connected = 4;
    for (size_t i = 0; i < COUNT(logins); i++)
        give(s, logins[i]);
    s->world.connected = 0;
    assert_done(s, 4, 0);
    assert_string_equal(bytes_text(&script.log), " u0 u1| u2 u3| u4|");
}

/* As a line of commands that the router cannot read as a whole. */
static void
one_that_spoils_the_command_is_found(void **state)
{
    static const char *const logins[] = { "u0", "u1", "bad", "u3" };
    struct scene *s = scripted(state);

    script.spoils = true;
    script.words = "syntax error";
    s->world.connected = 4;
    for (size_t i = 0; i < COUNT(logins); i++)
        give(s, logins[i]);
    s->world.connected = 0;
    assert_failed(s, 2, "it answers: syntax error");
    for (size_t i = 0; i < COUNT(logins); i++)
        if (i != 2)
            assert_done(s, i, 0);
    assert_string_equal(
        bytes_text(&script.log), " u0 u1 bad u3| u0| u1| bad| u3|");
    assert_well(s);
    /* Then together again. */
    s->world.connected = 4;
    router_hang_up(s->router);
    s->world.connected = 4;
    bytes_clear(&script.log);
    give(s, "u5");
    give(s, "u6");
    s->world.connected = 0;
    assert_done(s, 5, 0);
    assert_string_equal(bytes_text(&script.log), " u5 u6|");
}

static void
silence_about_one_order_is_not_repeated(void **state)
{
    struct scene *s = scripted(state);

    assert_failed(
        s, give(s, "silent"), "it answers: nothing that could be read");
    assert_string_equal(bytes_text(&script.log), " silent|");
    assert_failed(
        s, give(s, "bad"), "it answers: an error, and does not say which");
    assert_string_equal(bytes_text(&script.log), " silent| bad| bad|");
    assert_well(s);
    assert_failed(s, give(s, "silent"), "it answers: nothing");
    assert_held(s, now_us + REFUSED_S * (int64_t)SECOND_US,
        "it does not carry out what it is told");
}

static void
a_link_is_moved_when_it_is_due(void **state)
{
    struct scene *s = scripted(state);
    size_t i;

    script.due_us = now_us + 3LL * SECOND_US;
    i = give(s, "u1");
    settle(s);
    assert_int_equal(router_due_us(s->router), script.due_us);
    now_us = script.due_us - 1;
    settle(s);
    assert_false(s->told[i]);
    now_us += 1;
    router_tick(s->router, now_us);
    assert_true(s->told[i]);
    assert_done(s, i, 0);
}

static void
what_was_answered_before_counts(void **state)
{
    struct scene *s = scripted(state);
    size_t first = give(s, "u1"), second = give(s, "slow"),
           third = give(s, "u3");

    settle(s);
    assert_string_equal(bytes_text(&script.log), " u1 slow u3|");
    assert_false(s->told[first]);
    now_us += COMMAND_S * (int64_t)SECOND_US;
    assert_done(s, first, 0);
    assert_failed(s, second, "it did not answer within 10 s");
    assert_failed(s, third, "it did not answer within 10 s");
    assert_held(s, now_us + FIRST_S * (int64_t)SECOND_US, "it did not answer");
}

/* Orders that go out together, over a connection that was used before. */
static void
give_together(struct scene *s, const char *const *logins, size_t n)
{
    size_t before;

    script.due_us = now_us + SECOND_US;
    before = give(s, "u0");
    settle(s);
    assert_string_equal(bytes_text(&script.log), " u0|");
    for (size_t i = 0; i < n; i++)
        give(s, logins[i]);
    now_us = script.due_us;
    assert_done(s, before, 0);
}

static void
what_was_answered_in_part_is_not_told_again(void **state)
{
    static const char *const logins[] = { "u1", "slow", "u3" };
    struct scene *s = scripted(state);

    give_together(s, logins, COUNT(logins));
    assert_string_equal(bytes_text(&script.log), " u0| u1 slow u3|");
    now_us += COMMAND_S * (int64_t)SECOND_US;
    assert_done(s, 1, 0);
    assert_failed(s, 2, "it did not answer within 10 s");
    assert_failed(s, 3, "it did not answer within 10 s");
    assert_string_equal(bytes_text(&script.log), " u0| u1 slow u3|");
    assert_int_equal(s->server.connections, 1);
}

static void
what_was_not_answered_is_told_again_in_its_order(void **state)
{
    static const char *const logins[] = { "u1", "u2", "u3" };
    struct scene *s = scripted(state);

    give_together(s, logins, COUNT(logins));
    assert_done(s, 3, 0);
    bytes_clear(&script.log);
    give_together(s, logins, 0);
    bytes_clear(&script.log);
    script.due_us = INT64_MAX;
    for (size_t i = 0; i < COUNT(logins); i++)
        give(s, logins[i]);
    settle(s);
    assert_string_equal(bytes_text(&script.log), " u1|");
    now_us += COMMAND_S * (int64_t)SECOND_US;
    script.due_us = 0;
    for (size_t i = 0; i < s->n; i++)
        assert_done(s, i, 0);
    assert_string_equal(bytes_text(&script.log), " u1| u1 u2 u3|");
    assert_int_equal(s->server.connections, 2);
    assert_int_equal(logged[LOG_ERROR], 0);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define SCRIPT_TEST(test)                                                      \
    cmocka_unit_test_setup_teardown(test, set_up, tear_down_script)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_order_is_carried_out),
        TEST(the_connection_is_kept_for_the_next),
        TEST(but_not_for_ever),
        TEST(an_idle_router_that_says_something_is_left),
        TEST(orders_that_come_meanwhile_wait_their_turn),
        TEST(the_settings_of_its_address_hold),
        TEST(the_billing_may_choose_the_transport),
        TEST(what_was_ended_is_counted_until_it_is_recorded),
        TEST(one_that_cannot_be_reached_is_held),
        TEST(all_that_wait_for_it_fail_with_the_first),
        TEST(each_failure_doubles_the_hold_up_to_the_longest),
        TEST(a_refused_login_is_held_for_long),
        TEST(another_failure_is_said_as_well),
        TEST(a_changed_row_lifts_the_hold),
        TEST(each_part_of_the_row_counts),
        TEST(a_changed_row_ends_an_idle_connection_only),
        TEST(an_address_that_is_none_is_ours_to_mend),
        TEST(one_that_does_not_let_us_in_is_broken),
        TEST(one_that_does_not_answer_is_broken),
        TEST(no_order_waits_for_long),
        TEST(what_waits_may_be_withdrawn),
        TEST(what_is_under_way_is_not_withdrawn),
        TEST(a_service_that_was_stopped_sends_nothing_more),
        TEST(nor_over_a_connection_that_was_kept),
        TEST(a_kept_connection_that_has_died_is_made_anew),
        TEST(one_that_has_died_in_silence_as_well),
        TEST(but_that_is_tried_once),
        TEST(one_that_closes_behind_its_answer_is_well),
        TEST(a_new_connection_that_dies_is_not_made_anew),
        TEST(what_was_told_and_not_answered_is_told_again_in_its_order),
        TEST(one_that_cannot_be_borne_takes_no_other_along),
        TEST(an_error_that_passes_is_none),
        TEST(several_errors_in_a_row_hold_it),
        TEST(errors_that_are_not_in_a_row_do_not),
        TEST(several_errors_at_once_hold_it_as_well),
        TEST(there_are_no_more_connections_than_may_be),
        TEST(only_an_idle_connection_is_given_up),
        TEST(one_that_goes_fails_what_it_had),
        TEST(one_that_is_switched_off_fails_what_waits),
        TEST(radius_uses_the_port_of_the_billing),
        SCRIPT_TEST(a_link_is_told_whom_it_speaks_to),
        SCRIPT_TEST(a_wrong_key_is_tried_again_when_the_file_has_changed),
        SCRIPT_TEST(other_faults_are_not),
        SCRIPT_TEST(each_fault_is_told_with_what_can_be_done),
        SCRIPT_TEST(without_memory_for_a_link_it_is_held),
        SCRIPT_TEST(a_link_may_take_fewer_orders_than_there_are),
        SCRIPT_TEST(one_that_spoils_the_command_is_found),
        SCRIPT_TEST(silence_about_one_order_is_not_repeated),
        SCRIPT_TEST(a_link_is_moved_when_it_is_due),
        SCRIPT_TEST(what_was_answered_before_counts),
        SCRIPT_TEST(what_was_answered_in_part_is_not_told_again),
        SCRIPT_TEST(what_was_not_answered_is_told_again_in_its_order),
    };
    int code;

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
        return 1;
    signal(SIGPIPE, SIG_IGN);
    code = cmocka_run_group_tests_name("router", tests, NULL, NULL);
    curl_global_cleanup();
    return code;
}
