/*
 * radius_link: orders carried out by Disconnect-Requests. The router is a
 * socket of this program, the clock a number. Linked with
 * --wrap=clock_boot_us.
 */
#include "unit.h"

#include "clock.h"
#include "md5.h"
#include "routers/link.h"
#include "routers/radius.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/* ---- the clock ---- */

static int64_t now_us;

int64_t __wrap_clock_boot_us(void);

int64_t
__wrap_clock_boot_us(void)
{
    return now_us;
}

enum { TRIES = 3, WAIT_US = 1500000, ACK = 41, NAK = 42 };

/* ---- the router ---- */

struct scene {
    struct settings set;
    struct router_settings router;
    struct peer peer;
    const struct link_ops *ops;
    void *link;
    int fd; /* the router's */
    struct sockaddr_in client;
    unsigned char request[RADIUS_LARGEST]; /* the last that has come */
    size_t len;                            /* 0 = none */
    struct order order;
};

static void
open_link(struct scene *s)
{
    if (s->link)
        s->ops->close(s->link);
    s->link = s->ops->open(-1, &s->peer);
    assert_non_null(s->link);
}

static int
set_up(void **state)
{
    static struct scene scene;
    struct sockaddr_in at = { .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof at;

    now_us = 1000000000;
    scene = (struct scene){ .set.routers = { .source_address = "",
                                .radius_tries = TRIES,
                                .radius_wait_ms = WAIT_US / 1000 },
        .ops = &link_radius };
    scene.fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_true(scene.fd >= 0);
    assert_int_equal(bind(scene.fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(getsockname(scene.fd, (struct sockaddr *)&at, &n), 0);
    scene.peer = (struct peer){ .address = "127.0.0.1",
        .port = ntohs(at.sin_port),
        .user = "mbev",
        .password = "x",
        .secret = "secret",
        .all = &scene.set,
        .set = &scene.router };
    open_link(&scene);
    *state = &scene;
    return 0;
}

static int
tear_down(void **state)
{
    struct scene *s = *state;

    if (s->link)
        s->ops->close(s->link);
    close(s->fd);
    return 0;
}

/* Takes a request that has come; false when there is none. */
static bool
hear(struct scene *s)
{
    socklen_t n = sizeof s->client;
    ssize_t got = recvfrom(s->fd, s->request, sizeof s->request, 0,
        (struct sockaddr *)&s->client, &n);

    s->len = got > 0 ? (size_t)got : 0;
    return got > 0;
}

/* A reply to the last request, with these attributes; its length. */
static size_t
make_reply(const struct scene *s, unsigned char *reply, unsigned char code,
    const void *attributes, size_t n, const char *secret)
{
    const struct md5_part parts[] = { { reply, 4 }, { s->request + 4, 16 },
        { attributes, n }, { secret, strlen(secret) } };

    reply[0] = code;
    reply[1] = s->request[1];
    reply[2] = (unsigned char)((20 + n) >> 8);
    reply[3] = (unsigned char)(20 + n);
    memcpy(reply + 20, attributes, n);
    assert_true(md5_digest(parts, COUNT(parts), reply + 4));
    return 20 + n;
}

static void
send_bytes(struct scene *s, const unsigned char *p, size_t n)
{
    assert_int_equal(
        sendto(s->fd, p, n, 0, (struct sockaddr *)&s->client, sizeof s->client),
        n);
}

static void
send_reply(
    struct scene *s, unsigned char code, const void *attributes, size_t n)
{
    unsigned char reply[RADIUS_LARGEST];

    send_bytes(s, reply, make_reply(s, reply, code, attributes, n, "secret"));
}

static void
say_yes(struct scene *s)
{
    send_reply(s, ACK, "", 0);
}

/* 0 = without a cause. */
static void
say_no(struct scene *s, unsigned cause)
{
    const unsigned char attribute[] = { 101, 6, 0, 0,
        (unsigned char)(cause >> 8), (unsigned char)cause };

    send_reply(s, NAK, attribute, cause ? sizeof attribute : 0);
}

/* The attributes of the last request, as text: "80= 1=u1 8=10.1.2.3 44=ab"; of
 * a signature only that there is one. */
static const char *
attributes(const struct scene *s)
{
    static char text[1000];
    size_t n = 0;

    text[0] = '\0';
    for (size_t at = 20; at < s->len; at += s->request[at + 1]) {
        const unsigned char *value = s->request + at + 2;
        int type = s->request[at], len = s->request[at + 1] - 2;
        char ip[INET_ADDRSTRLEN] = "";

        assert_true(len >= 0);
        if (type == 8)
            inet_ntop(AF_INET, value, ip, sizeof ip);
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%d=%s%.*s",
            n ? " " : "", type, ip, type == 8 || type == 80 ? 0 : len,
            (const char *)value);
    }
    return text;
}

/* ---- the link ---- */

static enum link_status
step(struct scene *s)
{
    return s->ops->step(s->link);
}

static void
give(struct scene *s, const char *login, const struct seen *seen, size_t n)
{
    s->order = (struct order){
        .login = login, .seen = seen, .seen_n = n, .ended = 77
    };
    assert_int_equal(s->ops->send(s->link, &s->order, 1), 1);
}

/* The next request names this. */
static void
assert_asked(struct scene *s, const char *want)
{
    if (!hear(s))
        fail_msg("there is no request for \"%s\"", want);
    assert_int_equal(s->request[0], 40);
    expect_text("attributes", attributes(s), want);
}

static void
assert_silent(struct scene *s)
{
    assert_false(hear(s));
}

static void
assert_done(struct scene *s, unsigned ended)
{
    assert_int_equal(step(s), LINK_READY);
    assert_int_equal(s->order.state, ORDER_DONE);
    assert_int_equal(s->order.ended, ended);
    assert_int_equal(s->ops->due_us(s->link), INT64_MAX);
    assert_silent(s);
}

static void
assert_failed(struct scene *s, enum fault fault, const char *words)
{
    assert_int_equal(step(s), LINK_FAILED);
    assert_int_equal(s->ops->fault(s->link), fault);
    if (strncmp(s->ops->words(s->link), words, strlen(words)) != 0)
        fail_msg("%s", s->ops->words(s->link));
    assert_int_equal(step(s), LINK_FAILED);
}

/* ---- one order ---- */

static void
it_is_ready_at_once(void **state)
{
    struct scene *s = *state;

    assert_int_equal(step(s), LINK_READY);
    assert_int_equal(step(s), LINK_READY);
    assert_true(s->ops->fd(s->link) >= 0);
    assert_int_equal(s->ops->wants(s->link), EPOLLIN);
    assert_int_equal(s->ops->due_us(s->link), INT64_MAX);
    assert_string_equal(s->ops->words(s->link), "");
    assert_false(s->ops->dials);
    assert_silent(s);
}

static void
where_nothing_is_seen_the_login_is_named(void **state)
{
    struct scene *s = *state;

    give(s, "u1", NULL, 0);
    assert_asked(s, "1=u1");
    assert_int_equal(step(s), LINK_WAITS);
    assert_int_equal(s->ops->due_us(s->link), now_us + WAIT_US);
    say_yes(s);
    assert_done(s, 1);
}

static void
a_login_without_a_session_is_done(void **state)
{
    struct scene *s = *state;

    give(s, "u1", NULL, 0);
    assert_asked(s, "1=u1");
    say_no(s, 503);
    assert_done(s, 0);
}

static void
a_session_is_named_as_it_is_seen(void **state)
{
    static const struct {
        struct seen seen;
        const char *want;
    } rows[] = {
        { { "127.0.0.1", "10.1.2.3", "81a0003c" },
            "1=u1 8=10.1.2.3 44=81a0003c" },
        { { "127.0.0.1", "", "81a0003c" }, "1=u1 44=81a0003c" },
        { { "127.0.0.1", "10.1.2.3", "" }, "1=u1 8=10.1.2.3" },
        { { "127.0.0.1", "", "" }, "1=u1" },
        /* An address that is none is better not named. */
        { { "127.0.0.1", "fe80::1", "81a0003c" }, "1=u1 44=81a0003c" },
        { { "127.0.0.1", "10.1.2", "x" }, "1=u1 44=x" },
        { { "127.0.0.1", "?", "" }, "1=u1" },
    };
    struct scene *s = *state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        give(s, "u1", &rows[i].seen, 1);
        assert_asked(s, rows[i].want);
        say_yes(s);
        assert_done(s, 1);
    }
}

static void
sessions_on_other_routers_are_not_named(void **state)
{
    static const struct seen seen[] = { { "10.0.0.1", "10.1.2.3", "a" },
        { "127.0.0.1", "10.1.2.4", "b" }, { "10.0.0.2", "10.1.2.5", "c" },
        { "", "", "d" } };
    struct scene *s = *state;

    give(s, "u1", seen, COUNT(seen));
    assert_asked(s, "1=u1 8=10.1.2.4 44=b");
    say_yes(s);
    assert_done(s, 1);
}

static void
where_all_are_on_others_the_login_is_named(void **state)
{
    static const struct seen seen[] = { { "10.0.0.1", "10.1.2.3", "a" },
        { "127.0.0.11", "", "b" } };
    struct scene *s = *state;

    give(s, "u1", seen, COUNT(seen));
    assert_asked(s, "1=u1");
    say_no(s, 503);
    assert_done(s, 0);
}

static void
each_session_is_named_by_itself(void **state)
{
    static const struct seen seen[] = { { "127.0.0.1", "10.1.2.3", "a" },
        { "10.0.0.1", "", "" }, { "127.0.0.1", "10.1.2.4", "b" } };
    struct scene *s = *state;

    give(s, "u1", seen, COUNT(seen));
    assert_asked(s, "1=u1 8=10.1.2.3 44=a");
    assert_silent(s);
    say_yes(s);
    assert_int_equal(step(s), LINK_WAITS);
    assert_asked(s, "1=u1 8=10.1.2.4 44=b");
    say_yes(s);
    assert_done(s, 2);
}

/* What the billing sees may be old: then there may be another session. */
static void
a_session_that_is_gone_makes_the_login_be_named(void **state)
{
    static const struct seen seen[] = { { "127.0.0.1", "10.1.2.3", "a" },
        { "127.0.0.1", "10.1.2.4", "b" } };
    struct scene *s = *state;

    give(s, "u1", seen, COUNT(seen));
    assert_asked(s, "1=u1 8=10.1.2.3 44=a");
    say_no(s, 503);
    step(s);
    assert_asked(s, "1=u1 8=10.1.2.4 44=b");
    say_yes(s);
    step(s);
    assert_asked(s, "1=u1");
    say_yes(s);
    assert_done(s, 2);
}

static void
that_is_done_once(void **state)
{
    static const struct seen seen = { "127.0.0.1", "", "a" };
    struct scene *s = *state;

    give(s, "u1", &seen, 1);
    hear(s);
    say_no(s, 503);
    step(s);
    assert_asked(s, "1=u1");
    say_no(s, 503);
    assert_done(s, 0);
}

static void
another_no_is_an_error_in_words(void **state)
{
    static const struct {
        unsigned cause;
        const char *words;
    } rows[] = {
        { 0, "Error-Cause 0, without a cause" },
        { 401, "Error-Cause 401, an attribute that it does not support" },
        { 501, "Error-Cause 501, forbidden on the router" },
        { 508, "Error-Cause 508, several sessions fit, which it does not "
               "support" },
        { 999, "Error-Cause 999, a cause that is not in its list" },
    };
    struct scene *s = *state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        give(s, "u1", NULL, 0);
        assert_string_equal(s->ops->words(s->link), "");
        hear(s);
        say_no(s, rows[i].cause);
        assert_int_equal(step(s), LINK_READY);
        assert_int_equal(s->order.state, ORDER_ERROR);
        assert_int_equal(s->order.ended, 0);
        expect_text("words", s->ops->words(s->link), rows[i].words);
        assert_int_equal(s->ops->fault(s->link), FAULT_NONE);
    }
}

static void
it_takes_one_order_at_a_time(void **state)
{
    struct scene *s = *state;
    struct order orders[3] = { { .login = "u1" }, { .login = "u2" },
        { .login = "u3" } };

    assert_int_equal(s->ops->send(s->link, orders, 3), 1);
    assert_asked(s, "1=u1");
    say_yes(s);
    assert_int_equal(step(s), LINK_READY);
    assert_int_equal(orders[0].state, ORDER_DONE);
    assert_int_equal(orders[1].state, ORDER_OPEN);
    assert_silent(s);
}

static void
requests_are_numbered(void **state)
{
    struct scene *s = *state;
    unsigned last = 0;

    for (int i = 0; i < 300; i++) {
        give(s, "u1", NULL, 0);
        assert_asked(s, "1=u1");
        if (i > 0)
            assert_int_equal(s->request[1], (last + 1) % 256);
        last = s->request[1];
        say_yes(s);
        assert_done(s, 1);
    }
}

static void
it_is_signed_where_that_is_set(void **state)
{
    struct scene *s = *state;

    s->set.routers.radius_sign = true;
    give(s, "u1", NULL, 0);
    assert_asked(s, "80= 1=u1");
    say_yes(s);
    assert_done(s, 1);
}

/* ---- silence ---- */

static void
the_same_bytes_go_out_again(void **state)
{
    static const struct seen seen = { "127.0.0.1", "10.1.2.3", "a" };
    struct scene *s = *state;
    unsigned char first[RADIUS_LARGEST];
    size_t len;

    give(s, "u1", &seen, 1);
    assert_true(hear(s));
    len = s->len;
    memcpy(first, s->request, len);
    for (int i = 1; i < TRIES; i++) {
        now_us += WAIT_US - 1;
        assert_int_equal(step(s), LINK_WAITS);
        assert_silent(s);
        now_us += 1;
        assert_int_equal(s->ops->due_us(s->link), now_us);
        assert_int_equal(step(s), LINK_WAITS);
        assert_true(hear(s));
        assert_int_equal(s->len, len);
        assert_memory_equal(s->request, first, len);
        assert_int_equal(s->ops->due_us(s->link), now_us + WAIT_US);
    }
    say_yes(s);
    assert_done(s, 1);
}

static void
one_that_stays_silent_is_broken(void **state)
{
    struct scene *s = *state;
    unsigned requests = 0;

    give(s, "u1", NULL, 0);
    while (now_us += WAIT_US, step(s) == LINK_WAITS)
        requests += hear(s);
    while (hear(s))
        requests++;
    assert_int_equal(requests, TRIES);
    assert_failed(s, FAULT_BROKEN,
        "it does not answer; it is silent as well "
        "when the secret is another,");
    assert_int_equal(s->order.state, ORDER_OPEN);
    assert_silent(s);
}

static void
each_request_has_its_tries(void **state)
{
    static const struct seen seen = { "127.0.0.1", "", "a" };
    struct scene *s = *state;

    give(s, "u1", &seen, 1);
    for (int i = 1; i < TRIES; i++) {
        now_us += WAIT_US;
        assert_int_equal(step(s), LINK_WAITS);
    }
    while (hear(s))
        ;
    s->client.sin_family = AF_INET;
    now_us += WAIT_US - 1;
    say_no(s, 503);
    assert_int_equal(step(s), LINK_WAITS);
    assert_asked(s, "1=u1");
    for (int i = 1; i < TRIES; i++) {
        now_us += WAIT_US;
        assert_int_equal(step(s), LINK_WAITS);
        assert_asked(s, "1=u1");
    }
    now_us += WAIT_US;
    assert_failed(s, FAULT_BROKEN, "it does not answer");
}

/* It was there in time; we were not. */
static void
an_answer_counts_however_late_it_is_read(void **state)
{
    struct scene *s = *state;

    give(s, "u1", NULL, 0);
    assert_true(hear(s));
    say_yes(s);
    now_us += 100LL * WAIT_US;
    assert_done(s, 1);
}

static void
where_nobody_listens_it_is_as_silence(void **state)
{
    struct scene *s = *state;

    close(s->fd);
    s->fd = -1;
    give(s, "u1", NULL, 0);
    for (int i = 1; i < TRIES; i++) {
        assert_int_equal(step(s), LINK_WAITS);
        now_us += WAIT_US;
    }
    assert_int_equal(step(s), LINK_WAITS);
    now_us += WAIT_US;
    assert_failed(s, FAULT_BROKEN, "it does not answer");
}

static void
a_router_that_comes_back_within_the_tries_is_heard(void **state)
{
    struct scene *s = *state;
    struct sockaddr_in at = { .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        .sin_port = htons((uint16_t)s->peer.port) };

    close(s->fd);
    give(s, "u1", NULL, 0);
    assert_int_equal(step(s), LINK_WAITS);
    s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&at, sizeof at), 0);
    now_us += WAIT_US;
    assert_int_equal(step(s), LINK_WAITS);
    assert_asked(s, "1=u1");
    say_yes(s);
    assert_done(s, 1);
}

/* ---- what proves nothing ---- */

static void
forged_replies_are_nothing(void **state)
{
    struct scene *s = *state;
    unsigned char reply[RADIUS_LARGEST] = { 0 };
    size_t n;

    give(s, "u1", NULL, 0);
    assert_true(hear(s));
    n = make_reply(s, reply, ACK, "", 0, "another");
    send_bytes(s, reply, n);
    n = make_reply(s, reply, ACK, "", 0, "");
    send_bytes(s, reply, n);
    n = make_reply(s, reply, ACK, "", 0, "secret");
    reply[1]++;
    send_bytes(s, reply, n);
    n = make_reply(s, reply, NAK, "", 0, "secret");
    reply[0] = ACK;
    send_bytes(s, reply, n);
    n = make_reply(s, reply, 2, "", 0, "secret");
    send_bytes(s, reply, n);
    n = make_reply(s, reply, ACK, "", 0, "secret");
    send_bytes(s, reply, n - 1);
    n = make_reply(s, reply, ACK, "\1", 1, "secret");
    send_bytes(s, reply, n);
    n = make_reply(s, reply, ACK, "\1\1", 2, "secret");
    send_bytes(s, reply, n);
    send_bytes(s, s->request, s->len);
    send_bytes(s, s->request, 1);
    send_bytes(s, s->request, 0);
    assert_int_equal(step(s), LINK_WAITS);
    assert_int_equal(s->order.state, ORDER_OPEN);
    say_yes(s);
    assert_done(s, 1);
}

static void
a_second_answer_is_not_that_to_the_next(void **state)
{
    static const struct seen seen[] = { { "127.0.0.1", "", "a" },
        { "127.0.0.1", "", "b" } };
    struct scene *s = *state;

    give(s, "u1", seen, COUNT(seen));
    assert_true(hear(s));
    say_yes(s);
    say_yes(s);
    assert_int_equal(step(s), LINK_WAITS);
    assert_int_equal(step(s), LINK_WAITS);
    assert_int_equal(s->order.ended, 1);
    assert_asked(s, "1=u1 44=b");
    say_yes(s);
    assert_done(s, 2);
}

static void
only_the_router_is_heard(void **state)
{
    struct scene *s = *state;
    unsigned char reply[RADIUS_LARGEST];
    int other = socket(AF_INET, SOCK_DGRAM, 0);
    size_t n;

    give(s, "u1", NULL, 0);
    assert_true(hear(s));
    n = make_reply(s, reply, ACK, "", 0, "secret");
    sendto(other, reply, n, 0, (struct sockaddr *)&s->client, sizeof s->client);
    close(other);
    assert_int_equal(step(s), LINK_WAITS);
    assert_int_equal(s->order.state, ORDER_OPEN);
}

static void
a_flood_does_not_hide_the_answer(void **state)
{
    struct scene *s = *state;

    give(s, "u1", NULL, 0);
    assert_true(hear(s));
    for (int i = 0; i < 100; i++)
        send_bytes(s, (const unsigned char *)"noise", 5);
    say_yes(s);
    for (int i = 0; i < 10 && s->order.state == ORDER_OPEN; i++)
        step(s);
    assert_done(s, 1);
}

static void
a_late_answer_between_orders_is_nothing(void **state)
{
    struct scene *s = *state;

    give(s, "u1", NULL, 0);
    assert_true(hear(s));
    say_yes(s);
    say_yes(s);
    assert_done(s, 1);
    give(s, "u2", NULL, 0);
    assert_int_equal(step(s), LINK_WAITS);
    assert_asked(s, "1=u2");
    say_no(s, 503);
    assert_done(s, 0);
}

/* ---- what cannot be ---- */

static void
what_cannot_be_is_noticed_at_once(void **state)
{
    static const struct {
        const char *address, *secret, *source;
        enum fault fault;
        const char *words;
    } rows[] = {
        { "router.example.net", "secret", "", FAULT_OURS,
            "radnas.nasname must be a numeric address for RADIUS" },
        { "", "secret", "", FAULT_OURS,
            "radnas.nasname must be a numeric address for RADIUS" },
        { "127.0.0.1", "", "", FAULT_OURS, "radnas.secret is empty" },
        { "127.0.0.1", "secret", "192.0.2.1", FAULT_OURS,
            "source_address cannot be used: Cannot assign requested address" },
        { "127.0.0.1", "secret", "::1", FAULT_OURS,
            "source_address cannot be used: " },
        { "255.255.255.255", "secret", "", FAULT_BROKEN,
            "it cannot be reached: " },
    };
    struct scene *s = *state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        s->peer.address = rows[i].address;
        s->peer.secret = rows[i].secret;
        s->set.routers.source_address = (char *)rows[i].source;
        open_link(s);
        assert_failed(s, rows[i].fault, rows[i].words);
        assert_silent(s);
    }
}

static void
it_may_come_from_an_address_of_ours(void **state)
{
    struct scene *s = *state;

    s->set.routers.source_address = "127.0.0.9";
    open_link(s);
    give(s, "u1", NULL, 0);
    assert_asked(s, "1=u1");
    assert_int_equal(ntohl(s->client.sin_addr.s_addr), INADDR_LOOPBACK + 8);
    say_yes(s);
    assert_done(s, 1);
}

static void
it_is_closed_in_the_middle_of_anything(void **state)
{
    struct scene *s = *state;
    int fd = s->ops->fd(s->link);

    give(s, "u1", NULL, 0);
    s->ops->close(s->link);
    s->link = NULL;
    assert_int_equal(fcntl(fd, F_GETFD), -1);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_is_ready_at_once),
        TEST(where_nothing_is_seen_the_login_is_named),
        TEST(a_login_without_a_session_is_done),
        TEST(a_session_is_named_as_it_is_seen),
        TEST(sessions_on_other_routers_are_not_named),
        TEST(where_all_are_on_others_the_login_is_named),
        TEST(each_session_is_named_by_itself),
        TEST(a_session_that_is_gone_makes_the_login_be_named),
        TEST(that_is_done_once),
        TEST(another_no_is_an_error_in_words),
        TEST(it_takes_one_order_at_a_time),
        TEST(requests_are_numbered),
        TEST(it_is_signed_where_that_is_set),
        TEST(the_same_bytes_go_out_again),
        TEST(one_that_stays_silent_is_broken),
        TEST(each_request_has_its_tries),
        TEST(an_answer_counts_however_late_it_is_read),
        TEST(where_nobody_listens_it_is_as_silence),
        TEST(a_router_that_comes_back_within_the_tries_is_heard),
        TEST(forged_replies_are_nothing),
        TEST(a_second_answer_is_not_that_to_the_next),
        TEST(only_the_router_is_heard),
        TEST(a_flood_does_not_hide_the_answer),
        TEST(a_late_answer_between_orders_is_nothing),
        TEST(what_cannot_be_is_noticed_at_once),
        TEST(it_may_come_from_an_address_of_ours),
        TEST(it_is_closed_in_the_middle_of_anything),
    };

    return cmocka_run_group_tests_name("RADIUS link", tests, NULL, NULL);
}
