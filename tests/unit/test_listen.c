/*
 * listen: over real sockets. The clients are this program itself, between two
 * turns of the listener, and it is run only when it asked for that: by its
 * descriptor or by its time. Linked with --wrap=calloc,realloc.
 */
#include "unit.h"

#include "bytes.h"
#include "clock.h"
#include "listen.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <malloc.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

enum { MOST_CALLS = 16, MOST_BYTES = 4096, PATIENCE_MS = 5000 };

/* A listener, and what it told. */
struct scene {
    struct listen *l;
    int at_once; /* status to answer with from within; 0 = later */
    struct listen_call *calls[MOST_CALLS]; /* those to be answered later */
    unsigned waiting, heard;
    struct bytes body; /* of the last request */
    char header[64];   /* of the last request; "none" = there was none */
};

struct client {
    int fd; /* -1 = none */
    struct bytes got;
    bool ended; /* the other side has closed */
};

/* One reply, taken off what a client has got. */
struct reply {
    int status; /* 0 = the connection ended before one */
    char head[512], body[512];
};

#define POST(path) "POST " path " HTTP/1.1\r\nHost: h\r\n"
#define GOOD POST("/komtet") "Content-Length: 4\r\nX-Sign: abc\r\n\r\nbody"
#define EMPTY "POST /komtet HTTP/1.1\r\nContent-Length: 0\r\n\r\n"

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);

static bool memory_is_out;

void *
__wrap_calloc(size_t n, size_t size)
{
    return memory_is_out ? NULL : __real_calloc(n, size);
}

void *
__wrap_realloc(void *p, size_t size)
{
    return memory_is_out ? NULL : __real_realloc(p, size);
}

/* ---- the listener ---- */

static void
on_heard(
    void *arg, struct listen_call *call, const struct listen_request *request)
{
    struct scene *s = arg;

    s->heard++;
    bytes_clear(&s->body);
    bytes_add(&s->body, request->body, request->body_len);
    snprintf(s->header, sizeof s->header, "%s",
        request->header ? request->header : "none");
    assert_int_equal(request->body[request->body_len], '\0');
    if (s->at_once) {
        listen_answer(call, s->at_once);
        return;
    }
    assert_true(s->waiting < MOST_CALLS);
    s->calls[s->waiting++] = call;
}

static const struct listen_route komtet = { .path = "/komtet" };

static const struct listen_settings usual = {
    .address = "127.0.0.1",
    .routes = &komtet,
    .routes_n = 1,
    .header = "X-Sign",
    .rate = 100000,
    .most_bytes = MOST_BYTES,
    .timeout_s = 30,
    .most_connections = 20,
};

static void
open_with(struct scene *s, const struct listen_settings *set)
{
    char why[200] = "";

    listen_close(&s->l);
    s->l = listen_open(set, on_heard, s, why, sizeof why);
    if (!s->l)
        fail_msg("%s", why);
}

static int
set_up(void **state)
{
    static struct scene scene;

    scene = (struct scene){ .at_once = 200, .body = bytes_make(1 << 20) };
    open_with(&scene, &usual);
    *state = &scene;
    return 0;
}

static int
tear_down(void **state)
{
    struct scene *s = *state;

    listen_close(&s->l);
    bytes_free(&s->body);
    return 0;
}

/* Sleeps as the listener lets us, at most most_ms, and runs it if it asked for
 * that; false when it had nothing to do. */
static bool
turn(struct scene *s, int most_ms)
{
    struct pollfd poll_fd = { .fd = listen_fd(s->l), .events = POLLIN };
    int ms = listen_timeout_ms(s->l);
    bool due = ms >= 0 && ms <= most_ms;

    if (poll(&poll_fd, 1, due ? ms : most_ms) == 0 && !due)
        return false;
    listen_run(s->l);
    return true;
}

/* Runs until the listener wants to sleep, which it must. */
static void
settle(struct scene *s)
{
    int turns = 0;

    while (turn(s, 0))
        if (++turns > 200)
            fail_msg("the listener is never done");
}

static void
answer_first(struct scene *s, int status)
{
    assert_true(s->waiting > 0);
    listen_answer(s->calls[0], status);
    s->waiting--;
    memmove(s->calls, s->calls + 1, s->waiting * sizeof *s->calls);
}

/* ---- its clients ---- */

static void
say(struct scene *s, struct client *c, const char *p, size_t n)
{
    int turns = 0;

    while (n > 0) {
        ssize_t sent = send(c->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (sent < 0 && errno == EAGAIN) {
            turn(s, 1);
            assert_true(++turns < PATIENCE_MS);
            continue;
        }
        if (sent < 0) /* the other side has hung up */
            return;
        p += sent;
        n -= (size_t)sent;
    }
}

static void
say_text(struct scene *s, struct client *c, const char *text)
{
    say(s, c, text, strlen(text));
}

static struct client
client_at(int family, const struct sockaddr *at, socklen_t n)
{
    struct client c = { .fd = socket(family, SOCK_STREAM, 0),
        .got = bytes_make(1 << 20) };
    const int on = 1;

    assert_true(c.fd >= 0);
    assert_int_equal(connect(c.fd, at, n), 0);
    setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return c;
}

static struct client
client_of(const struct scene *s)
{
    const struct sockaddr_in at = { .sin_family = AF_INET,
        .sin_port = htons(listen_port(s->l)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

    return client_at(AF_INET, (const struct sockaddr *)&at, sizeof at);
}

/* One that has said something already. */
static struct client
client_saying(struct scene *s, const char *text)
{
    struct client c = client_of(s);

    say_text(s, &c, text);
    return c;
}

static void
leave(struct client *c)
{
    close(c->fd);
    bytes_free(&c->got);
    c->fd = -1;
}

/* Goes away with a reset instead of a farewell. */
static void
break_off(struct client *c)
{
    const struct linger none = { .l_onoff = 1 };

    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    leave(c);
}

/* Reads what is there. */
static void
take(struct client *c)
{
    char some[4096];
    ssize_t n;

    while ((n = recv(c->fd, some, sizeof some, MSG_DONTWAIT)) > 0)
        bytes_add(&c->got, some, (size_t)n);
    if (n == 0 || errno != EAGAIN)
        c->ended = true;
}

/* Takes one whole reply off; false when it is not there. */
static bool
cut_reply(struct client *c, struct reply *reply, bool bodiless)
{
    const char *text = bytes_text(&c->got);
    const char *end = strstr(text, "\r\n\r\n");
    const char *length = strstr(text, "Content-Length: ");
    size_t head, body = 0;

    if (!end)
        return false;
    head = (size_t)(end + 4 - text);
    if (!bodiless && length && length < end)
        body = strtoul(length + 16, NULL, 10);
    assert_true(head < sizeof reply->head && body < sizeof reply->body);
    if (c->got.n < head + body)
        return false;
    reply->status = atoi(text + strlen("HTTP/1.1 "));
    snprintf(reply->head, sizeof reply->head, "%.*s", (int)head, text);
    snprintf(reply->body, sizeof reply->body, "%.*s", (int)body, end + 4);
    c->got.n -= head + body;
    memmove(c->got.p, c->got.p + head + body, c->got.n + 1);
    return true;
}

static struct reply
reply_to(struct scene *s, struct client *c, bool bodiless)
{
    struct reply reply = { 0 };
    int64_t until_us = clock_boot_us() + PATIENCE_MS * 1000;

    for (take(c); !cut_reply(c, &reply, bodiless) && !c->ended; take(c)) {
        assert_true(clock_boot_us() < until_us);
        turn(s, 1);
    }
    return reply;
}

static int
status_for(struct scene *s, struct client *c)
{
    return reply_to(s, c, false).status;
}

/* Asks over a connection of its own. */
static struct reply
ask(struct scene *s, const char *text)
{
    struct client c = client_saying(s, text);
    struct reply reply = reply_to(s, &c, strncmp(text, "HEAD", 4) == 0);

    leave(&c);
    return reply;
}

static void
assert_ended(struct scene *s, struct client *c)
{
    int64_t until_us = clock_boot_us() + PATIENCE_MS * 1000;

    while (!c->ended) {
        assert_true(clock_boot_us() < until_us);
        turn(s, 1);
        take(c);
    }
    assert_int_equal(c->got.n, 0);
}

static void
assert_silent(struct scene *s, struct client *c)
{
    settle(s);
    take(c);
    assert_false(c->ended);
    assert_int_equal(c->got.n, 0);
}

static void
assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" has no \"%s\"", text, part);
}

static void
assert_lacks(const char *text, const char *part)
{
    if (strcasestr(text, part))
        fail_msg("\"%s\" has \"%s\"", text, part);
}

static unsigned
descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    unsigned n = 0;

    assert_non_null(dir);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

/* ---- what is passed on ---- */

static void
a_post_is_answered_at_once(void **state)
{
    struct scene *s = *state;
    struct reply reply = ask(s, GOOD);

    assert_int_equal(reply.status, 200);
    assert_has(reply.head, "\r\nContent-Length: 0\r\n");
    assert_lacks(reply.head, "server");
    assert_lacks(reply.head, "content-type");
    assert_int_equal(s->heard, 1);
    assert_string_equal(bytes_text(&s->body), "body");
    assert_string_equal(s->header, "abc");
}

static void
a_post_is_answered_later(void **state)
{
    struct scene *s = *state;
    struct client c = client_saying(s, GOOD);

    s->at_once = 0;
    assert_silent(s, &c);
    assert_int_equal(s->heard, 1);
    assert_int_equal(listen_timeout_ms(s->l), -1);
    answer_first(s, 200);
    assert_int_equal(listen_timeout_ms(s->l), 0);
    assert_int_equal(status_for(s, &c), 200);
    assert_int_equal(s->heard, 1);
    leave(&c);
}

static void
what_is_not_200_says_its_name(void **state)
{
    static const struct {
        int status;
        const char *name;
    } rows[] = { { 401, "Unauthorized" }, { 400, "Bad Request" },
        { 503, "Service Unavailable" }, { 500, "Internal Server Error" } };
    struct scene *s = *state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct reply reply;

        s->at_once = rows[i].status;
        reply = ask(s, GOOD);
        assert_int_equal(reply.status, rows[i].status);
        assert_has(reply.head, "\r\nContent-Type: text/plain\r\n");
        assert_string_equal(reply.body, rows[i].name);
    }
}

static void
pipelined_requests_are_answered_in_their_order(void **state)
{
    struct scene *s = *state;
    struct client c = client_saying(s, GOOD EMPTY GOOD);

    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(status_for(s, &c), 200);
        assert_true(s->heard >= i);
    }
    assert_silent(s, &c);
    assert_int_equal(s->heard, 3);
    leave(&c);
}

static void
a_pipelined_request_waits_for_the_answer_before_it(void **state)
{
    struct scene *s = *state;
    struct client c = client_saying(s, GOOD GOOD GOOD);

    s->at_once = 0;
    for (unsigned i = 1; i <= 3; i++) {
        assert_silent(s, &c);
        assert_int_equal(s->heard, i);
        answer_first(s, 200 + (int)i);
        assert_int_equal(status_for(s, &c), 200 + i);
    }
    assert_silent(s, &c);
    leave(&c);
}

static void
parallel_calls_are_answered_in_any_order(void **state)
{
    struct scene *s = *state;
    struct client clients[5];

    s->at_once = 0;
    for (size_t i = 0; i < COUNT(clients); i++) {
        clients[i] = client_saying(s, GOOD);
        assert_silent(s, &clients[i]);
    }
    assert_int_equal(s->waiting, COUNT(clients));
    for (size_t i = COUNT(clients); i-- > 0;)
        listen_answer(s->calls[i], 400 + (int)i);
    for (size_t i = 0; i < COUNT(clients); i++) {
        assert_int_equal(status_for(s, &clients[i]), 400 + i);
        leave(&clients[i]);
    }
}

/* Answers one that waits from within the telling of another. */
static void
on_second(
    void *arg, struct listen_call *call, const struct listen_request *request)
{
    struct scene *s = arg;

    if (s->heard == 1)
        answer_first(s, 400);
    on_heard(arg, call, request);
}

static void
a_waiting_call_is_answered_while_another_is_told(void **state)
{
    struct scene *s = *state;
    struct client first, second;
    char why[200];

    listen_close(&s->l);
    s->l = listen_open(&usual, on_second, s, why, sizeof why);
    assert_non_null(s->l);
    s->at_once = 0;
    first = client_saying(s, GOOD);
    assert_silent(s, &first);
    second = client_saying(s, GOOD);
    assert_int_equal(status_for(s, &first), 400);
    assert_silent(s, &second);
    answer_first(s, 200);
    assert_int_equal(status_for(s, &second), 200);
    leave(&first);
    leave(&second);
}

static void
a_request_in_single_bytes_is_put_together(void **state)
{
    struct scene *s = *state;
    struct client c = client_of(s);

    for (const char *p = GOOD; *p; p++) {
        assert_silent(s, &c);
        say(s, &c, p, 1);
    }
    assert_int_equal(status_for(s, &c), 200);
    assert_string_equal(bytes_text(&s->body), "body");
    leave(&c);
}

static void
a_chunked_body_is_put_together(void **state)
{
    struct scene *s = *state;

    assert_int_equal(
        ask(s, POST("/komtet") "Transfer-Encoding: chunked\r\n\r\n"
                               "3\r\none\r\n1\r\n,\r\n3\r\ntwo\r\n0\r\n\r\n")
            .status,
        200);
    assert_string_equal(bytes_text(&s->body), "one,two");
}

static void
a_binary_body_is_passed_on_as_it_is(void **state)
{
    struct scene *s = *state;
    struct client c =
        client_saying(s, POST("/komtet") "Content-Length: 1024\r\n\r\n");
    char all[1024];

    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (char)i;
    say(s, &c, all, sizeof all);
    assert_int_equal(status_for(s, &c), 200);
    assert_int_equal(s->body.n, sizeof all);
    assert_memory_equal(s->body.p, all, sizeof all);
    leave(&c);
}

static void
an_empty_body_is_passed_on(void **state)
{
    struct scene *s = *state;

    assert_int_equal(ask(s, EMPTY).status, 200);
    assert_int_equal(s->heard, 1);
    assert_int_equal(s->body.n, 0);
}

static void
who_asks_before_the_body_is_told_to_go_on(void **state)
{
    struct scene *s = *state;
    struct client c = client_saying(
        s, POST("/komtet") "Content-Length: 4\r\nExpect: 100-continue\r\n\r\n");

    assert_int_equal(status_for(s, &c), 100);
    assert_silent(s, &c);
    say_text(s, &c, "body");
    assert_int_equal(status_for(s, &c), 200);
    leave(&c);
}

static void
an_old_client_is_answered_and_left(void **state)
{
    struct scene *s = *state;
    struct client c = client_saying(
        s, "POST /komtet HTTP/1.0\r\nContent-Length: 4\r\n\r\nbody");

    assert_int_equal(status_for(s, &c), 200);
    assert_ended(s, &c);
    leave(&c);
}

static void
a_query_is_not_part_of_the_path(void **state)
{
    assert_int_equal(
        ask(*state, POST("/komtet?a=b") "Content-Length: 0\r\n\r\n").status,
        200);
}

/* ---- the header ---- */

static void
the_header_is_found(void **state)
{
    static const struct {
        const char *lines, *want;
    } rows[] = {
        { "x-sign: one\r\n", "one" },
        { "X-SIGN:two\r\n", "two" },
        { "X-Sign: first\r\nX-Sign: second\r\n", "first" },
        { "X-Sign:\r\n", "" },
        { "X-Sign: a b \r\n", "a b " },
        { "X-Signs: one\r\nSign: two\r\n", "none" },
        { "", "none" },
    };
    struct scene *s = *state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[200];

        snprintf(text, sizeof text,
            POST("/komtet") "%sContent-Length: 0\r\n\r\n", rows[i].lines);
        assert_int_equal(ask(s, text).status, 200);
        expect_text(rows[i].lines, s->header, rows[i].want);
    }
}

/* ---- what is refused ---- */

static void
another_path_is_404(void **state)
{
    static const char *const paths[] = { "/", "/komtet/", "/komtetx", "/komte",
        "/KOMTET", "//komtet", "/x/../komtet", "*", "/../../etc/passwd" };
    struct scene *s = *state;

    for (size_t i = 0; i < COUNT(paths); i++) {
        char text[200];
        struct reply reply;

        snprintf(text, sizeof text,
            "POST %s HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi", paths[i]);
        reply = ask(s, text);
        expect_number(paths[i], reply.status, 404);
        assert_string_equal(reply.body, "Not Found");
        assert_lacks(reply.head, "server");
    }
    assert_int_equal(s->heard, 0);
}

static void
another_method_is_405(void **state)
{
    static const char *const methods[] = { "GET", "HEAD", "PUT", "DELETE",
        "OPTIONS", "TRACE", "post", "POSTS" };
    struct scene *s = *state;

    for (size_t i = 0; i < COUNT(methods); i++) {
        char text[200];
        struct reply reply;

        snprintf(text, sizeof text, "%s /komtet HTTP/1.1\r\nHost: h\r\n\r\n",
            methods[i]);
        reply = ask(s, text);
        expect_number(methods[i], reply.status, 405);
        assert_has(reply.head, "\r\nAllow: POST\r\n");
    }
    assert_int_equal(s->heard, 0);
}

static void
what_is_no_http_is_not_passed_on(void **state)
{
    static const struct {
        const char *text;
        int status; /* 0 = hung up on */
    } rows[] = {
        { "\x16\x03\x01\x02\r\n\r\n", 0 },
        { POST("/komtet") "Content-Length: -1\r\n\r\n", 400 },
        { POST("/komtet") "Content-Length: x\r\n\r\n", 400 },
        { POST("/komtet") "Content-Length: 99999999999999999999\r\n\r\n", 413 },
        { POST("/komtet") "Transfer-Encoding: chunked\r\n\r\nx\r\n", 400 },
    };
    struct scene *s = *state;

    for (size_t i = 0; i < COUNT(rows); i++)
        expect_number(
            rows[i].text, ask(s, rows[i].text).status, rows[i].status);
    assert_int_equal(s->heard, 0);
}

static void
endless_headers_are_refused(void **state)
{
    struct scene *s = *state;
    struct client c = client_saying(s, "POST /komtet HTTP/1.1\r\n");

    for (int i = 0; i < 10000 && !c.ended; i++) {
        say_text(s, &c, "X-More: and more and more and more\r\n");
        turn(s, 0);
        take(&c);
    }
    assert_int_equal(status_for(s, &c), 431);
    leave(&c);
}

static void
a_refusal_leaves_the_connection_in_order(void **state)
{
    struct scene *s = *state;
    struct client c =
        client_saying(s, POST("/no") "Content-Length: 4\r\n\r\nPOST"
                                     "GET /komtet HTTP/1.1\r\n\r\n" GOOD);

    assert_int_equal(status_for(s, &c), 404);
    assert_int_equal(status_for(s, &c), 405);
    assert_int_equal(status_for(s, &c), 200);
    assert_int_equal(s->heard, 1);
    assert_silent(s, &c);
    leave(&c);
}

static void
a_body_of_the_longest_length_is_passed_on(void **state)
{
    struct scene *s = *state;
    struct client c =
        client_saying(s, POST("/komtet") "Content-Length: 4096\r\n\r\n");
    char body[MOST_BYTES];

    memset(body, 'x', sizeof body);
    say(s, &c, body, sizeof body);
    assert_int_equal(status_for(s, &c), 200);
    assert_int_equal(s->body.n, MOST_BYTES);
    leave(&c);
}

static void
the_longest_length_is_of_each_body(void **state)
{
    struct scene *s = *state;
    struct client c = client_of(s);
    char body[MOST_BYTES];

    memset(body, 'x', sizeof body);
    for (int i = 0; i < 3; i++) {
        say_text(s, &c, POST("/komtet") "Content-Length: 4096\r\n\r\n");
        say(s, &c, body, sizeof body);
        assert_int_equal(status_for(s, &c), 200);
    }
    leave(&c);
}

static void
a_longer_body_is_413_before_it_comes(void **state)
{
    struct scene *s = *state;
    struct client c =
        client_saying(s, POST("/komtet") "Content-Length: 4097\r\n\r\n");
    struct reply reply = reply_to(s, &c, false);

    assert_int_equal(reply.status, 413);
    assert_string_equal(reply.body, "Content Too Large");
    assert_has(reply.head, "\r\nConnection: close\r\n");
    assert_ended(s, &c);
    assert_int_equal(s->heard, 0);
    leave(&c);
}

static void
a_long_body_to_another_path_is_not_read_either(void **state)
{
    struct scene *s = *state;
    struct client c =
        client_saying(s, POST("/no") "Content-Length: 4097\r\n\r\n");

    assert_int_equal(status_for(s, &c), 404);
    assert_ended(s, &c);
    leave(&c);
}

/* Says a chunked body of n bytes, in chunks of 1,000, without its end. */
static struct client
client_saying_chunks(struct scene *s, size_t n)
{
    struct client c =
        client_saying(s, POST("/komtet") "Transfer-Encoding: chunked\r\n\r\n");
    char chunk[1000], size[16];

    memset(chunk, 'x', sizeof chunk);
    for (size_t left = n, part; left > 0; left -= part) {
        part = left < sizeof chunk ? left : sizeof chunk;
        snprintf(size, sizeof size, "%zx\r\n", part);
        say_text(s, &c, size);
        say(s, &c, chunk, part);
        say_text(s, &c, "\r\n");
    }
    return c;
}

static void
a_chunked_body_of_the_longest_length_is_passed_on(void **state)
{
    struct scene *s = *state;
    struct client c = client_saying_chunks(s, MOST_BYTES);

    assert_silent(s, &c);
    say_text(s, &c, "0\r\n\r\n");
    assert_int_equal(status_for(s, &c), 200);
    assert_int_equal(s->body.n, MOST_BYTES);
    leave(&c);
}

static void
a_longer_chunked_body_is_413_before_it_ends(void **state)
{
    struct scene *s = *state;
    struct client c = client_saying_chunks(s, MOST_BYTES + 1);
    struct reply reply = reply_to(s, &c, false);

    assert_int_equal(reply.status, 413);
    assert_string_equal(reply.body, "Content Too Large");
    assert_has(reply.head, "\r\nConnection: close\r\n");
    assert_ended(s, &c);
    assert_int_equal(s->heard, 0);
    leave(&c);
}

static void
beyond_the_rate_it_is_429_until_some_time_later(void **state)
{
    struct scene *s = *state;
    struct listen_settings set = usual;
    int64_t begin_us = clock_boot_us();
    struct client c;
    struct reply reply;

    set.rate = 4;
    open_with(s, &set);
    c = client_saying(s, GOOD GOOD GOOD GOOD GOOD);
    for (int i = 0; i < 4; i++)
        assert_int_equal(status_for(s, &c), 200);
    reply = reply_to(s, &c, false);
    assert_int_equal(reply.status, 429);
    assert_has(reply.head, "\r\nRetry-After: 1\r\n");
    assert_int_equal(s->heard, 4);
    while (reply.status != 200 && clock_boot_us() < begin_us + 1000000) {
        usleep(20000);
        say_text(s, &c, GOOD);
        reply = reply_to(s, &c, false);
    }
    assert_int_equal(reply.status, 200);
    assert_in_range(clock_boot_us() - begin_us, 250000, 1000000);
    leave(&c);
}

static void
the_rate_is_of_headers_not_of_bodies(void **state)
{
    struct scene *s = *state;
    struct listen_settings set = usual;
    struct client first;

    set.rate = 1;
    open_with(s, &set);
    first = client_saying(s, POST("/komtet") "Content-Length: 4\r\n\r\n");
    assert_silent(s, &first);
    assert_int_equal(ask(s, GOOD).status, 429);
    say_text(s, &first, "body");
    assert_int_equal(status_for(s, &first), 200);
    leave(&first);
}

static void
what_is_refused_does_not_count_as_a_request(void **state)
{
    struct scene *s = *state;
    struct listen_settings set = usual;

    set.rate = 1;
    open_with(s, &set);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(ask(s, "GET /komtet HTTP/1.1\r\n\r\n").status, 405);
        assert_int_equal(
            ask(s, POST("/") "Content-Length: 0\r\n\r\n").status, 404);
    }
    assert_int_equal(ask(s, GOOD).status, 200);
}

/* ---- clients that are slow, gone or too many ---- */

static void
only_slow_clients_are_ended(void **state)
{
    struct scene *s = *state;
    struct listen_settings set = usual;
    struct client busy, idle, head, body;
    int64_t begin_us = clock_boot_us();

    set.timeout_s = 1;
    open_with(s, &set);
    busy = client_of(s);
    idle = client_of(s);
    head = client_saying(s, "POST /kom");
    body = client_saying(s, POST("/komtet") "Content-Length: 4000\r\n\r\n");
    while (!idle.ended || !head.ended || !body.ended) {
        assert_true(clock_boot_us() < begin_us + PATIENCE_MS * 1000);
        say_text(s, &busy, GOOD);
        assert_int_equal(status_for(s, &busy), 200);
        say_text(s, &head, "x");
        say_text(s, &body, "x");
        usleep(10000);
        turn(s, 0);
        take(&idle);
        take(&head);
        take(&body);
    }
    assert_in_range(clock_boot_us() - begin_us, 1000000, 3000000);
    assert_silent(s, &busy);
    leave(&busy);
    leave(&idle);
    leave(&head);
    leave(&body);
}

static void
no_time_runs_while_a_call_waits(void **state)
{
    struct scene *s = *state;
    struct listen_settings set = usual;
    struct client c;
    int64_t until_us = clock_boot_us() + 1100000;

    set.timeout_s = 1;
    open_with(s, &set);
    s->at_once = 0;
    c = client_saying(s, GOOD);
    while (clock_boot_us() < until_us)
        turn(s, 50);
    assert_silent(s, &c);
    answer_first(s, 200);
    assert_int_equal(status_for(s, &c), 200);
    settle(s);
    assert_in_range(listen_timeout_ms(s->l), 900, 1000);
    leave(&c);
}

static void
a_client_may_be_gone_before_the_answer(void **state)
{
    static void (*const ways[])(struct client *) = { leave, break_off };
    struct scene *s = *state;
    unsigned before = descriptors();

    s->at_once = 0;
    for (size_t i = 0; i < 2 * COUNT(ways); i++) {
        struct client c = client_saying(s, i < COUNT(ways) ? GOOD : GOOD GOOD);

        assert_silent(s, &c);
        ways[i % COUNT(ways)](&c);
        while (s->waiting > 0) { /* the second request was there, too */
            settle(s);
            answer_first(s, i % 2 ? 200 : 401);
            settle(s);
        }
        assert_int_equal(descriptors(), before);
    }
    s->at_once = 200;
    assert_int_equal(ask(s, GOOD).status, 200);
}

static void
a_client_may_go_while_it_asks(void **state)
{
    static void (*const ways[])(struct client *) = { leave, break_off };
    static const char *const parts[] = { "", "POST /kom", POST("/komtet"),
        POST("/komtet") "Content-Length: 9\r\n\r\nbody" };
    struct scene *s = *state;
    unsigned before = descriptors();

    for (size_t i = 0; i < COUNT(ways) * COUNT(parts); i++) {
        struct client c = client_saying(s, parts[i / COUNT(ways)]);

        settle(s);
        ways[i % COUNT(ways)](&c);
        settle(s);
        assert_int_equal(descriptors(), before);
    }
    assert_int_equal(s->heard, 0);
}

static void
an_impossible_status_ends_the_connection(void **state)
{
    struct scene *s = *state;
    struct client c = client_saying(s, GOOD);

    s->at_once = 1000;
    assert_ended(s, &c);
    leave(&c);
    s->at_once = 0;
    c = client_saying(s, GOOD);
    assert_silent(s, &c);
    answer_first(s, 0);
    assert_ended(s, &c);
    assert_int_equal(s->heard, 2);
    leave(&c);
}

static void
without_memory_for_a_body_it_is_503(void **state)
{
    struct scene *s = *state;
    struct client c = client_saying(s, POST("/komtet"));

    settle(s);
    memory_is_out = true;
    say_text(s, &c, "Content-Length: 4\r\n\r\nbody");
    settle(s);
    memory_is_out = false;
    assert_int_equal(status_for(s, &c), 503);
    assert_int_equal(s->heard, 0);
    say_text(s, &c, GOOD);
    assert_int_equal(status_for(s, &c), 200);
    assert_string_equal(bytes_text(&s->body), "body");
    leave(&c);
}

static void
without_memory_for_a_connection_it_is_ended(void **state)
{
    struct scene *s = *state;
    struct client c = client_of(s);

    memory_is_out = true;
    settle(s);
    memory_is_out = false;
    assert_ended(s, &c);
    leave(&c);
    assert_int_equal(ask(s, GOOD).status, 200);
}

static void
one_too_many_is_served_when_another_has_gone(void **state)
{
    struct scene *s = *state;
    struct listen_settings set = usual;
    struct client first, second;

    set.most_connections = 1;
    open_with(s, &set);
    first = client_saying(s, GOOD);
    assert_int_equal(status_for(s, &first), 200);
    second = client_saying(s, GOOD);
    assert_silent(s, &second);
    assert_int_equal(s->heard, 1);
    leave(&first);
    assert_int_equal(status_for(s, &second), 200);
    leave(&second);
}

static void
closing_drops_the_calls_that_wait(void **state)
{
    struct scene *s = *state;
    struct client clients[4];
    unsigned before;

    listen_close(&s->l);
    before = descriptors();
    open_with(s, &usual);
    s->at_once = 0;
    for (size_t i = 0; i < COUNT(clients); i++)
        clients[i] = client_saying(s, i < 3 ? GOOD : "POST /kom");
    settle(s);
    assert_int_equal(s->waiting, 3);
    listen_answer(s->calls[1], 200);
    listen_close(&s->l);
    assert_null(s->l);
    for (size_t i = 0; i < COUNT(clients); i++) {
        take(&clients[i]);
        assert_true(clients[i].ended);
        assert_int_equal(clients[i].got.n, 0);
        leave(&clients[i]);
    }
    assert_int_equal(descriptors(), before);
}

static void
closing_nothing_is_fine(void **state)
{
    struct listen *none = NULL;

    (void)state;
    listen_close(&none);
    assert_null(none);
}

static void
ask_often(struct scene *s, int connections, int requests)
{
    for (int i = 0; i < connections; i++) {
        struct client c = client_of(s);

        for (int j = 0; j < requests; j++) {
            s->at_once = j % 2 ? 200 : 0;
            say_text(s, &c, j % 5 ? GOOD : POST("/") "\r\n" GOOD);
            settle(s);
            if (!s->at_once)
                answer_first(s, 200);
            if (j % 5 == 0)
                assert_int_equal(status_for(s, &c), 404);
            assert_int_equal(status_for(s, &c), 200);
        }
        leave(&c);
    }
    settle(s);
}

static void
two_thousand_requests_leave_nothing_behind(void **state)
{
    struct scene *s = *state;
    unsigned before;
    size_t used;

    ask_often(s, 20, 10);
    before = descriptors();
    used = mallinfo2().uordblks;
    ask_often(s, 100, 20);
    assert_int_equal(s->heard, 2200);
    assert_int_equal(descriptors(), before);
    /* not a byte for each; what free() keeps for later is counted, too */
    assert_true(mallinfo2().uordblks < used + 2000);
}

/* ---- the port ---- */

static void
assert_no_open(
    const struct listen_settings *set, const char *because, const char *cure)
{
    unsigned before = descriptors();
    char why[200] = "";

    assert_null(listen_open(set, on_heard, NULL, why, sizeof why));
    assert_has(why, because);
    assert_has(why, cure);
    assert_int_equal(descriptors(), before);
}

static void
a_port_that_is_taken_is_a_reason(void **state)
{
    struct scene *s = *state;
    struct listen_settings set = usual;
    char name[64];

    set.port = listen_port(s->l);
    snprintf(name, sizeof name, "port %u of 127.0.0.1: Address already in use",
        (unsigned)set.port);
    assert_no_open(&set, name, "choose another port");
}

static void
a_port_is_free_as_soon_as_it_is_closed(void **state)
{
    struct scene *s = *state;
    struct listen_settings set = usual;
    struct client c = client_saying(s, GOOD);

    assert_int_equal(status_for(s, &c), 200);
    set.port = listen_port(s->l);
    listen_close(&s->l);
    open_with(s, &set);
    assert_int_equal(listen_port(s->l), set.port);
    assert_int_equal(ask(s, GOOD).status, 200);
    leave(&c);
}

static void
without_memory_it_does_not_open(void **state)
{
    (void)state;
    memory_is_out = true;
    assert_no_open(&usual, "out of memory", "");
    memory_is_out = false;
}

static void
an_address_that_is_none_is_a_reason(void **state)
{
    static const char *const bad[] = { "", "localhost", "300.0.0.1",
        "127.0.0.1:80", "1.2.3.4.5", "::g", "127.0.0.1 ", "[::1]" };
    struct listen_settings set = usual;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        char name[64];

        set.address = bad[i];
        snprintf(name, sizeof name, "\"%s\" is no address", bad[i]);
        assert_no_open(&set, name, "such as 127.0.0.1 or ::1");
    }
}

static void
an_address_of_another_host_is_a_reason(void **state)
{
    struct listen_settings set = usual;

    (void)state;
    set.address = "192.0.2.1";
    assert_no_open(&set, "192.0.2.1: Cannot assign", "that this host has");
}

static void
it_listens_on_ipv6(void **state)
{
    struct scene *s = *state;
    struct listen_settings set = usual;
    struct sockaddr_in6 at = { .sin6_family = AF_INET6,
        .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    int probe = socket(AF_INET6, SOCK_STREAM, 0);
    bool have =
        probe >= 0 && bind(probe, (const struct sockaddr *)&at, sizeof at) == 0;
    struct client c;

    if (probe >= 0)
        close(probe);
    if (!have)
        skip();
    set.address = "::1";
    open_with(s, &set);
    at.sin6_port = htons(listen_port(s->l));
    c = client_at(AF_INET6, (const struct sockaddr *)&at, sizeof at);
    say_text(s, &c, GOOD);
    assert_int_equal(status_for(s, &c), 200);
    leave(&c);
}

static void
the_settings_are_copied(void **state)
{
    struct scene *s = *state;
    char address[] = "127.0.0.1", path[] = "/komtet", header[] = "X-Sign";
    struct listen_route route = { .path = path };
    struct listen_settings set = usual;

    set.address = address;
    set.routes = &route;
    set.header = header;
    open_with(s, &set);
    memset(address, 'x', sizeof address - 1);
    memset(path, 'x', sizeof path - 1);
    memset(header, 'x', sizeof header - 1);
    memset(&route, 0, sizeof route);
    memset(&set, 0, sizeof set);
    assert_int_equal(ask(s, GOOD).status, 200);
    assert_string_equal(s->header, "abc");
}

/* ---- routes ---- */

static const struct listen_route several[] = {
    { "/komtet", false },
    { "/page", true },
    { "/", true },
};

static const char *const guards[] = { "X-Guard", "on", "X-Other", "too", NULL };

static void
open_several(struct scene *s, bool own_names)
{
    struct listen_settings set = usual;

    set.routes = several;
    set.routes_n = COUNT(several);
    set.always = guards;
    set.own_names = own_names;
    set.header = NULL;
    open_with(s, &set);
}

static void
each_route_has_its_method(void **state)
{
    static const struct {
        const char *request;
        int status;
        const char *allow;
    } rows[] = {
        { GOOD, 200, NULL },
        { "GET /page HTTP/1.1\r\nHost: h\r\n\r\n", 200, NULL },
        { "GET /page?id=1 HTTP/1.1\r\nHost: h\r\n\r\n", 200, NULL },
        { "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n", 200, NULL },
        { "GET /komtet HTTP/1.1\r\nHost: h\r\n\r\n", 405,
            "\r\nAllow: POST\r\n" },
        { POST("/page") "Content-Length: 0\r\n\r\n", 405,
            "\r\nAllow: GET, HEAD\r\n" },
        { "GET /pag HTTP/1.1\r\nHost: h\r\n\r\n", 404, NULL },
    };
    struct scene *s = *state;

    open_several(s, false);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct reply reply = ask(s, rows[i].request);

        expect_number(rows[i].request, reply.status, rows[i].status);
        assert_has(reply.head, "\r\nX-Guard: on\r\n");
        assert_has(reply.head, "\r\nX-Other: too\r\n");
        if (rows[i].allow)
            assert_has(reply.head, rows[i].allow);
    }
}

static void
on_question(
    void *arg, struct listen_call *call, const struct listen_request *request)
{
    struct scene *s = arg;
    const char *id = listen_query(call, "id");
    const struct listen_content content = {
        .type = "text/x",
        .encoding = listen_takes(call, "gzip") ? "gzip" : NULL,
        .body = id ? id : "none",
        .n = strlen(id ? id : "none"),
    };

    s->heard++;
    assert_int_equal(request->route, 1);
    assert_null(request->header);
    assert_null(listen_query(call, "no"));
    listen_answer_with(call, 200, &content);
}

static void
a_question_is_answered_with_content(void **state)
{
    struct scene *s = *state;
    struct listen_settings set = usual;
    struct reply reply;
    char why[200];

    set.routes = several;
    set.routes_n = COUNT(several);
    set.header = NULL;
    listen_close(&s->l);
    s->l = listen_open(&set, on_question, s, why, sizeof why);
    reply = ask(s, "GET /page?id=1%202&x HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, "1 2");
    assert_has(reply.head, "\r\nContent-Type: text/x\r\n");
    assert_null(strstr(reply.head, "Content-Encoding"));
    reply = ask(s, "GET /page HTTP/1.1\r\nHost: h\r\n"
                   "Accept-Encoding: br, gzip\r\n\r\n");
    assert_string_equal(reply.body, "none");
    assert_has(reply.head, "\r\nContent-Encoding: gzip\r\n");
    reply = ask(s, "HEAD /page HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(reply.status, 200);
    assert_has(reply.head, "\r\nContent-Length: 4\r\n");
    assert_int_equal(s->heard, 3);
}

static void
only_who_calls_us_by_our_name_is_served(void **state)
{
    static const struct {
        const char *host; /* %u: our port */
        int status;
    } rows[] = {
        { "127.0.0.1:%u", 200 },
        { "localhost:%u", 200 },
        { "LocalHost:%u", 200 },
        { "[::1]:%u", 200 },
        { "10.1.2.3:%u", 200 },
        { "evil.example:%u", 421 },
        { "localhost.evil.example:%u", 421 },
        { "127.0.0.1.evil.example:%u", 421 },
        { "[evil]:%u", 421 },
        { "127.0.0.1", 421 },
        { "localhost", 421 },
        { "127.0.0.1:1", 421 },
        { ":%u", 421 },
        { "", 421 },
    };
    struct scene *s = *state;

    open_several(s, true);
    for (size_t i = 0; i < COUNT(rows); i++) {
        char host[64], text[160];

        snprintf(host, sizeof host, "%s", rows[i].host);
        if (strstr(host, "%u"))
            snprintf(strstr(host, "%u"), 8, "%u", listen_port(s->l));
        snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", host);
        expect_number(rows[i].host, ask(s, text).status, rows[i].status);
    }
    assert_int_equal(ask(s, "GET / HTTP/1.0\r\n\r\n").status, 421);
}

/* ---- a socket ---- */

static void
open_socket_at(struct scene *s, const char *path)
{
    struct listen_settings set = usual;

    set.socket = path;
    set.address = NULL;
    open_with(s, &set);
}

/* What is asked on the socket is answered. */
static int
ask_socket(struct scene *s, const char *path)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    struct client c = { .fd = socket(AF_UNIX, SOCK_STREAM, 0),
        .got = bytes_make(1 << 20) };
    int status;

    snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
    assert_int_equal(connect(c.fd, (const struct sockaddr *)&at, sizeof at), 0);
    say_text(s, &c, GOOD);
    status = status_for(s, &c);
    leave(&c);
    return status;
}

static void
a_socket_is_served(void **state)
{
    struct scene *s = *state;
    char path[64];
    struct stat is;

    snprintf(path, sizeof path, "/tmp/mbev-listen-%d", (int)getpid());
    open_socket_at(s, path);
    assert_int_equal(listen_port(s->l), 0);
    assert_int_equal(stat(path, &is), 0);
    assert_int_equal(is.st_mode & 0777, 0660);
    assert_int_equal(ask_socket(s, path), 200);
    listen_close(&s->l);
    assert_int_equal(stat(path, &is), -1);
}

static void
a_socket_is_replaced_only_when_nobody_listens(void **state)
{
    struct scene *s = *state;
    struct listen_settings set = usual;
    struct listen *second;
    char path[64], why[200] = "";

    snprintf(path, sizeof path, "/tmp/mbev-listen-%d", (int)getpid());
    open_socket_at(s, path);
    set.socket = path;
    second = listen_open(&set, on_heard, s, why, sizeof why);
    assert_null(second);
    assert_has(why, "another program listens there");
    assert_int_equal(ask_socket(s, path), 200);
    listen_close(&s->l);

    /* What a crash leaves. */
    {
        struct sockaddr_un at = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);

        snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
        assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof at), 0);
        close(fd);
    }
    open_socket_at(s, path);
    assert_int_equal(ask_socket(s, path), 200);
}

static void
a_file_that_is_no_socket_stays(void **state)
{
    struct scene *s = *state;
    struct temp temp = temp_text("precious");
    struct listen_settings set = usual;
    char why[200] = "";

    set.socket = temp.path;
    assert_null(listen_open(&set, on_heard, s, why, sizeof why));
    assert_int_equal(access(temp.path, F_OK), 0);
    unlink(temp.path);
    set.socket = "/no/such/folder/socket";
    assert_null(listen_open(&set, on_heard, s, why, sizeof why));
    assert_has(why, "the folder must exist");
    set.socket = "/a/path/that/is/much/too/long/for/a/socket/because/there/is/"
                 "room/for/little/more/than/a/hundred/bytes/in/its/address";
    assert_null(listen_open(&set, on_heard, s, why, sizeof why));
    assert_has(why, "too long");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_route_has_its_method),
        TEST(a_question_is_answered_with_content),
        TEST(only_who_calls_us_by_our_name_is_served),
        TEST(a_socket_is_served),
        TEST(a_socket_is_replaced_only_when_nobody_listens),
        TEST(a_file_that_is_no_socket_stays),
        TEST(a_post_is_answered_at_once),
        TEST(a_post_is_answered_later),
        TEST(what_is_not_200_says_its_name),
        TEST(pipelined_requests_are_answered_in_their_order),
        TEST(a_pipelined_request_waits_for_the_answer_before_it),
        TEST(parallel_calls_are_answered_in_any_order),
        TEST(a_waiting_call_is_answered_while_another_is_told),
        TEST(a_request_in_single_bytes_is_put_together),
        TEST(a_chunked_body_is_put_together),
        TEST(a_binary_body_is_passed_on_as_it_is),
        TEST(an_empty_body_is_passed_on),
        TEST(who_asks_before_the_body_is_told_to_go_on),
        TEST(an_old_client_is_answered_and_left),
        TEST(a_query_is_not_part_of_the_path),
        TEST(the_header_is_found),
        TEST(another_path_is_404),
        TEST(another_method_is_405),
        TEST(what_is_no_http_is_not_passed_on),
        TEST(endless_headers_are_refused),
        TEST(a_refusal_leaves_the_connection_in_order),
        TEST(a_body_of_the_longest_length_is_passed_on),
        TEST(the_longest_length_is_of_each_body),
        TEST(a_longer_body_is_413_before_it_comes),
        TEST(a_long_body_to_another_path_is_not_read_either),
        TEST(a_chunked_body_of_the_longest_length_is_passed_on),
        TEST(a_longer_chunked_body_is_413_before_it_ends),
        TEST(beyond_the_rate_it_is_429_until_some_time_later),
        TEST(the_rate_is_of_headers_not_of_bodies),
        TEST(what_is_refused_does_not_count_as_a_request),
        TEST(only_slow_clients_are_ended),
        TEST(no_time_runs_while_a_call_waits),
        TEST(a_client_may_be_gone_before_the_answer),
        TEST(a_client_may_go_while_it_asks),
        TEST(an_impossible_status_ends_the_connection),
        TEST(without_memory_for_a_body_it_is_503),
        TEST(without_memory_for_a_connection_it_is_ended),
        TEST(one_too_many_is_served_when_another_has_gone),
        TEST(closing_drops_the_calls_that_wait),
        TEST(closing_nothing_is_fine),
        TEST(two_thousand_requests_leave_nothing_behind),
        TEST(a_port_that_is_taken_is_a_reason),
        TEST(a_port_is_free_as_soon_as_it_is_closed),
        TEST(without_memory_it_does_not_open),
        TEST(an_address_that_is_none_is_a_reason),
        TEST(an_address_of_another_host_is_a_reason),
        TEST(it_listens_on_ipv6),
        TEST(the_settings_are_copied),
    };

    return cmocka_run_group_tests_name("listen", tests, NULL, NULL);
}
