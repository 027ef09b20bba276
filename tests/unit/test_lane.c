/*
 * lane: how many calls at a time, how fast, when it holds itself, and what it
 * sends. The provider is a table of this file, its server this program itself,
 * the clock a number. Linked with --wrap=clock_boot_us.
 */
#include "unit.h"

#include "clock.h"
#include "log.h"
#include "post.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <sys/socket.h>

/* ---- the clock ---- */

static int64_t now_us, step_us; /* it goes on by so much with each look */

int64_t __wrap_clock_boot_us(void);

int64_t
__wrap_clock_boot_us(void)
{
    now_us += step_us;
    return now_us;
}

enum { GAP_US = 250000, HOLD_US = 60000000, MOST_CLIENTS = 8, HOSTS = 2 };

/* ---- the provider ---- */

static struct provider_limits wanted;
static const char *lacking;
static const struct settings *built_by; /* the last request was */
static char url[HOSTS][64];

static struct provider_limits
limits(const struct settings *set)
{
    (void)set;
    return wanted;
}

static const char *
lacks(const struct settings *set)
{
    (void)set;
    return lacking;
}

static void
fill_in(struct http_request *request, size_t host)
{
    *request = (struct http_request){ .url = url[host],
        .content_type = "text/plain",
        .ca_file = "",
        .connect_timeout_ms = 5000,
        .timeout_ms = (long)wanted.timeout_ms };
}

static void
build(const struct settings *set, const struct message *message, size_t host,
    struct http_request *request, struct bytes *body)
{
    built_by = set;
    fill_in(request, host);
    if (strcmp(message->text, "too much") == 0)
        body->failed = true;
    else
        bytes_str(body, message->text);
}

static void
build_query(const struct settings *set, const struct message *message,
    size_t host, struct http_request *request, struct bytes *body)
{
    (void)set;
    fill_in(request, host);
    bytes_printf(body, "%s?", message->text);
}

/* Its replies are the numbers of outcomes. */
static void
read_reply(const struct http_reply *reply, struct outcome *out)
{
    *out =
        (struct outcome){ .class = (enum outcome_class)(reply->body[0] - '0') };
    snprintf(out->why, sizeof out->why, "outcome %s", reply->body);
}

static const struct provider_ops plain = {
    .name = "plain",
    .build = build,
    .read = read_reply,
    .limits = limits,
};

static const struct provider_ops repeating = {
    .name = "repeating",
    .repeats_safely = true,
    .lacks = lacks,
    .build = build,
    .read = read_reply,
    .limits = limits,
};

static const struct provider_ops asking = {
    .name = "asking",
    .build = build,
    .read = read_reply,
    .build_query = build_query,
    .read_query = read_reply,
    .limits = limits,
};

/* ---- its server ---- */

struct client {
    int fd; /* -1 = none */
    struct bytes request;
};

struct server {
    int listener;
    struct client client[MOST_CLIENTS];
    unsigned requests;
};

static void
listen_anywhere(struct server *s)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof at;

    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_true(s->listener >= 0);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(s->listener, MOST_CLIENTS), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&at, &n), 0);
    for (size_t i = 0; i < HOSTS; i++)
        snprintf(url[i], sizeof url[i], "http://127.0.0.1:%u/%zu",
            (unsigned)ntohs(at.sin_port), i);
}

static void
hang_up(struct client *c)
{
    close(c->fd);
    c->fd = -1;
    bytes_clear(&c->request);
}

static void
close_server(struct server *s)
{
    if (s->listener >= 0)
        close(s->listener);
    s->listener = -1;
    for (size_t i = 0; i < MOST_CLIENTS; i++) {
        if (s->client[i].fd >= 0)
            hang_up(&s->client[i]);
        bytes_free(&s->client[i].request);
    }
}

/* The body, once the whole request is there; else NULL. */
static const char *
whole(const struct client *c)
{
    const char *text = bytes_text(&c->request);
    const char *end = strstr(text, "\r\n\r\n");
    const char *length = strstr(text, "Content-Length: ");

    if (!end || !length || strlen(end + 4) < strtoul(length + 16, NULL, 10))
        return NULL;
    return end + 4;
}

static void
receive(struct server *s, struct client *c)
{
    char some[4096];
    ssize_t n = recv(c->fd, some, sizeof some, 0);

    if (n == 0)
        hang_up(c);
    if (n <= 0)
        return;
    bytes_add(&c->request, some, (size_t)n);
    s->requests += whole(c) != NULL;
}

/* Does what can be done at once. */
static void
serve(struct server *s)
{
    for (size_t i = 0; i < MOST_CLIENTS; i++) {
        struct client *c = &s->client[i];

        if (c->fd < 0 && s->listener >= 0)
            c->fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK);
        if (c->fd >= 0)
            receive(s, c);
    }
}

/* ---- a lane ---- */

struct scene {
    struct settings set;
    struct server server;
    struct http *http;
    struct lane *lane;
    uint64_t id; /* of the last delivery */
};

static int
set_up(void **state)
{
    static struct scene scene;

    scene = (struct scene){ .id = 0 };
    for (size_t i = 0; i < MOST_CLIENTS; i++)
        scene.server.client[i] =
            (struct client){ .fd = -1, .request = bytes_make(1 << 16) };
    listen_anywhere(&scene.server);
    scene.http = http_make();
    assert_non_null(scene.http);
    now_us = 1000LL * HOLD_US;
    step_us = 0;
    lacking = NULL;
    wanted = (struct provider_limits){ .connections = 3,
        .hosts = 1,
        .timeout_ms = 5000,
        .connect_timeout_ms = 2000,
        .ask_after_ms = 7000,
        .hold_ms = HOLD_US / 1000,
        .retry_first_ms = 30000,
        .retry_longest_ms = 600000 };
    *state = &scene;
    return 0;
}

static int
tear_down(void **state)
{
    struct scene *s = *state;

    http_close(&s->http);
    lane_close(&s->lane);
    assert_null(s->lane);
    close_server(&s->server);
    return 0;
}

/* The limits are to be set before. */
static struct lane *
make(struct scene *s, const struct provider_ops *ops)
{
    s->lane = post_make(&s->set, s->http, NULL, ops);
    assert_non_null(s->lane);
    return s->lane;
}

static struct delivery *
message(struct scene *s, const char *text)
{
    struct delivery *d = delivery_make("receipt", text);

    assert_non_null(d);
    d->id = ++s->id;
    d->attempts = 1;
    d->state = DELIVERY_CALLING;
    return d;
}

static void
start(struct scene *s, const char *text)
{
    lane_start(s->lane, message(s, text));
}

static void
pump(struct scene *s)
{
    http_wait(s->http, NULL, 0, 5);
    serve(&s->server);
}

/* The client that has sent this. */
static struct client *
client_with(struct scene *s, const char *body)
{
    for (int i = 0; i < 1000; i++) {
        for (size_t j = 0; j < MOST_CLIENTS; j++) {
            struct client *c = &s->server.client[j];
            const char *have = whole(c);

            if (have && strcmp(have, body) == 0)
                return c;
        }
        pump(s);
    }
    fail_msg("\"%s\" was not sent", body);
    return NULL;
}

/* Ends the request for this body. */
static void
answer(struct scene *s, const char *body, enum outcome_class class)
{
    struct client *c = client_with(s, body);
    char reply[64];

    snprintf(reply, sizeof reply,
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d", class);
    assert_int_equal(send(c->fd, reply, strlen(reply), 0), strlen(reply));
    bytes_clear(&c->request);
}

/* The next delivery whose call ends; to be freed. */
static struct delivery *
finished(struct scene *s)
{
    for (int i = 0; lane_finished(s->lane)->n == 0 && i < 1000; i++)
        pump(s);
    assert_int_equal(lane_finished(s->lane)->n, 1);
    return delivery_pop(lane_finished(s->lane));
}

static void
assert_finished(struct scene *s, uint64_t id, enum outcome_class class)
{
    struct delivery *d = finished(s);

    assert_int_equal(d->id, id);
    expect_number(d->outcome.why, d->outcome.class, class);
    delivery_free(d);
}

/* Starts a call that comes to this. */
static void
call(struct scene *s, enum outcome_class class, bool ask)
{
    struct delivery *d = message(s, "text");

    d->ask = ask;
    lane_start(s->lane, d);
    answer(s, "text", class);
    assert_finished(s, d->id, class);
}

static void
call_times(struct scene *s, unsigned n, enum outcome_class class, bool ask)
{
    while (n-- > 0)
        call(s, class, ask);
}

static void
assert_room(struct scene *s, size_t room, int64_t at_us)
{
    expect_number("room", lane_room(s->lane), room);
    expect_number("room at", lane_room_us(s->lane), at_us);
}

static void
assert_held(struct scene *s, int64_t until_us)
{
    assert_true(lane_is_held(s->lane));
    assert_int_equal(lane_held_until_us(s->lane), until_us);
    assert_room(s, 0, until_us);
}

static void
assert_open_for(struct scene *s, size_t room)
{
    assert_false(lane_is_held(s->lane));
    assert_int_equal(lane_held_until_us(s->lane), 0);
    assert_room(s, room, INT64_MAX);
}

static void
assert_open(struct scene *s)
{
    assert_open_for(s, wanted.connections);
}

/* ---- what the provider's table says ---- */

static void
the_lane_tells_how_its_provider_is_treated(void **state)
{
    struct scene *s = *state;
    struct lane *lane = make(s, &plain);

    assert_int_equal(lane_ask_after_ms(lane), 7000);
    assert_int_equal(lane_retry_first_ms(lane), 30000);
    assert_int_equal(lane_retry_longest_ms(lane), 600000);
    assert_int_equal(lane_gap_us(lane), 0);
    assert_false(lane_can_ask(lane));
    assert_false(lane_repeats(lane));
}

static void
only_some_providers_repeat_or_can_be_asked(void **state)
{
    struct scene *s = *state;

    assert_true(lane_repeats(make(s, &repeating)));
    assert_false(lane_can_ask(s->lane));
    lane_close(&s->lane);
    assert_false(lane_repeats(make(s, &asking)));
    assert_true(lane_can_ask(s->lane));
}

static void
a_call_lasts_as_long_as_all_that_it_may_do(void **state)
{
    struct scene *s = *state;

    assert_int_equal(lane_longest_ms(make(s, &repeating)), 5000);
    lane_close(&s->lane);
    wanted.hosts = 2;
    assert_int_equal(lane_longest_ms(make(s, &repeating)), 7000);
    lane_close(&s->lane);
    assert_int_equal(lane_longest_ms(make(s, &asking)), 12000);
}

/* ---- room ---- */

static void
as_many_calls_at_a_time_as_connections(void **state)
{
    struct scene *s = *state;
    struct bytes ids = bytes_make(100);

    make(s, &repeating);
    assert_room(s, 3, INT64_MAX);
    start(s, "a");
    assert_room(s, 2, INT64_MAX);
    start(s, "b");
    start(s, "c");
    assert_room(s, 0, INT64_MAX);
    assert_int_equal(lane_active(s->lane), 3);
    lane_ids(s->lane, &ids);
    assert_string_equal(bytes_text(&ids), ",1,2,3");
    bytes_free(&ids);
    answer(s, "b", OUTCOME_ACCEPTED);
    assert_finished(s, 2, OUTCOME_ACCEPTED);
    assert_room(s, 1, INT64_MAX);
    assert_int_equal(lane_active(s->lane), 2);
    lane_ids(s->lane, &ids);
    assert_string_equal(bytes_text(&ids), ",1,3");
    bytes_free(&ids);
}

static void
other_requests_take_room_until_they_end(void **state)
{
    struct scene *s = *state;

    make(s, &repeating);
    lane_begin_other(s->lane);
    lane_begin_other(s->lane);
    assert_room(s, 1, INT64_MAX);
    start(s, "a");
    assert_room(s, 0, INT64_MAX);
    lane_end_other(s->lane);
    assert_room(s, 1, INT64_MAX);
    assert_int_equal(lane_active(s->lane), 1);
}

/* What ends at once shows the turns alone. */
static void
take_turn(struct scene *s)
{
    lane_begin_other(s->lane);
    lane_end_other(s->lane);
}

static struct scene *
scene_with_gap(void **state, size_t connections)
{
    struct scene *s = *state;

    wanted.gap_us = GAP_US;
    wanted.connections = connections;
    make(s, &repeating);
    assert_int_equal(lane_gap_us(s->lane), GAP_US);
    return s;
}

static void
between_two_requests_there_is_the_gap(void **state)
{
    struct scene *s = scene_with_gap(state, 1);

    for (int i = 0; i < 5; i++) {
        int64_t begun_us = now_us;

        assert_room(s, 1, INT64_MAX);
        take_turn(s);
        assert_room(s, 0, begun_us + GAP_US);
        now_us += GAP_US - 1;
        assert_room(s, 0, begun_us + GAP_US);
        now_us += 1;
    }
}

static void
a_call_takes_its_turn_as_well(void **state)
{
    struct scene *s = scene_with_gap(state, 1);

    call(s, OUTCOME_ACCEPTED, false);
    assert_room(s, 0, now_us + GAP_US);
    now_us += GAP_US;
    assert_room(s, 1, INT64_MAX);
}

static void
turns_that_were_not_used_come_again_up_to_the_connections(void **state)
{
    struct scene *s = scene_with_gap(state, 3);

    for (int idle = 3; idle < 1000; idle *= 10) {
        int64_t begun_us = now_us;

        assert_room(s, 3, INT64_MAX);
        take_turn(s);
        assert_room(s, 2, INT64_MAX);
        take_turn(s);
        assert_room(s, 1, INT64_MAX);
        take_turn(s);
        assert_room(s, 0, begun_us + GAP_US);
        now_us += idle * GAP_US;
    }
}

static void
after_a_burst_there_is_one_turn_for_each_gap(void **state)
{
    struct scene *s = scene_with_gap(state, 3);

    for (int i = 0; i < 3; i++)
        take_turn(s);
    now_us += GAP_US;
    assert_room(s, 1, INT64_MAX);
    now_us += GAP_US;
    assert_room(s, 2, INT64_MAX);
    take_turn(s);
    take_turn(s);
    assert_room(s, 0, now_us + GAP_US);
}

static void
turns_do_not_make_room_where_all_connections_are_taken(void **state)
{
    struct scene *s = scene_with_gap(state, 2);

    lane_begin_other(s->lane);
    start(s, "a");
    now_us += 10 * GAP_US;
    assert_room(s, 0, INT64_MAX);
    lane_end_other(s->lane);
    assert_room(s, 1, INT64_MAX);
}

static void
there_is_never_more_room_than_connections(void **state)
{
    struct scene *s = scene_with_gap(state, 3);

    /* However long it takes to count them. */
    for (int i = 0; i < 3; i++)
        take_turn(s);
    step_us = 5 * GAP_US;
    now_us -= step_us;
    assert_in_range(lane_room(s->lane), 0, 3);
}

/* ---- settings that are lacking ---- */

static void
what_is_lacking_leaves_no_room_for_ever(void **state)
{
    struct scene *s = *state;

    lacking = "[repeating] key is empty";
    wanted.gap_us = GAP_US;
    make(s, &repeating);
    for (int i = 0; i < 3; i++) {
        assert_room(s, 0, INT64_MAX);
        assert_false(lane_is_held(s->lane));
        now_us += 100LL * HOLD_US;
    }
}

/* ---- other settings ---- */

static void
new_settings_are_those_of_the_next_call(void **state)
{
    static const struct settings other;
    struct scene *s = *state;

    make(s, &plain);
    wanted.connections = 7;
    wanted.ask_after_ms = 1;
    wanted.timeout_ms = 9000;
    lane_renew(s->lane, &other, false);
    assert_room(s, 7, INT64_MAX);
    assert_int_equal(lane_ask_after_ms(s->lane), 1);
    assert_int_equal(lane_longest_ms(s->lane), 9000);
    call(s, OUTCOME_ACCEPTED, false);
    assert_ptr_equal(built_by, &other);
}

static void
what_was_lacking_may_be_there(void **state)
{
    struct scene *s = *state;

    lacking = "[repeating] key is empty";
    make(s, &repeating);
    assert_room(s, 0, INT64_MAX);
    lacking = NULL;
    lane_renew(s->lane, &s->set, true);
    assert_room(s, 3, INT64_MAX);
}

static void
a_call_ends_by_the_settings_of_its_begin(void **state)
{
    static const struct settings other;
    struct scene *s = *state;
    struct delivery *d = message(s, "text");

    make(s, &asking);
    d->ask = true;
    lane_start(s->lane, d);
    lane_renew(s->lane, &other, true);
    assert_true(lane_uses(s->lane, &s->set));
    assert_false(lane_uses(s->lane, &other));
    answer(s, "text?", OUTCOME_ABSENT);
    answer(s, "text", OUTCOME_ACCEPTED);
    assert_ptr_equal(built_by, &s->set);
    assert_finished(s, d->id, OUTCOME_ACCEPTED);
    assert_false(lane_uses(s->lane, &s->set));
}

static void
an_account_that_may_be_another_ends_a_hold(void **state)
{
    struct scene *s = *state;

    make(s, &plain);
    call(s, OUTCOME_CONFIGURATION, false);
    lane_renew(s->lane, &s->set, true);
    assert_room(s, 1, INT64_MAX);
    call(s, OUTCOME_ACCEPTED, false);
    assert_open_for(s, 2);
}

static void
other_settings_leave_a_hold(void **state)
{
    struct scene *s = *state;
    int64_t until_us = now_us + HOLD_US;

    make(s, &plain);
    call(s, OUTCOME_CONFIGURATION, false);
    lane_renew(s->lane, &s->set, false);
    assert_held(s, until_us);
}

static void
what_the_account_of_before_says_holds_nothing(void **state)
{
    struct scene *s = *state;
    struct delivery *d = message(s, "old");

    make(s, &plain);
    lane_start(s->lane, d);
    now_us += GAP_US;
    lane_renew(s->lane, &s->set, true);
    answer(s, "old", OUTCOME_CONFIGURATION);
    assert_finished(s, d->id, OUTCOME_CONFIGURATION);
    assert_open(s);
}

static void
fewer_connections_are_fewer_after_a_hold_too(void **state)
{
    struct scene *s = *state;

    wanted.connections = 8;
    make(s, &plain);
    call(s, OUTCOME_CONFIGURATION, false);
    now_us += HOLD_US;
    call(s, OUTCOME_ACCEPTED, false);
    assert_open_for(s, 2);
    wanted.connections = 1;
    lane_renew(s->lane, &s->set, false);
    assert_open_for(s, 1);
}

/* ---- holds ---- */

static void
a_refused_account_holds_the_lane(void **state)
{
    struct scene *s = *state;
    int64_t until_us = now_us + HOLD_US;

    make(s, &plain);
    assert_open(s);
    call(s, OUTCOME_CONFIGURATION, false);
    assert_held(s, until_us);
    now_us = until_us - 1;
    assert_held(s, until_us);
    now_us = until_us;
    assert_false(lane_is_held(s->lane));
}

static void
after_the_hold_there_is_room_for_one(void **state)
{
    struct scene *s = *state;

    make(s, &plain);
    call(s, OUTCOME_CONFIGURATION, false);
    now_us += HOLD_US;
    assert_room(s, 1, INT64_MAX);
    start(s, "probe");
    assert_room(s, 0, INT64_MAX);
    answer(s, "probe", OUTCOME_ACCEPTED);
    assert_finished(s, 2, OUTCOME_ACCEPTED);
    assert_open_for(s, 2);
}

static void
it_opens_step_by_step(void **state)
{
    struct scene *s = *state;

    wanted.connections = 7;
    make(s, &plain);
    assert_open(s);
    call(s, OUTCOME_CONFIGURATION, false);
    now_us += HOLD_US;
    call(s, OUTCOME_ACCEPTED, false);
    assert_open_for(s, 2);
    call(s, OUTCOME_UNKNOWN, false);
    assert_open_for(s, 2);
    call(s, OUTCOME_ACCEPTED, false);
    assert_open_for(s, 4);
    call(s, OUTCOME_PERMANENT, false);
    assert_open(s);
    call(s, OUTCOME_ACCEPTED, false);
    assert_open(s);
}

static void
a_hold_in_the_middle_begins_anew(void **state)
{
    struct scene *s = *state;

    wanted.connections = 7;
    make(s, &plain);
    call(s, OUTCOME_CONFIGURATION, false);
    now_us += HOLD_US;
    call_times(s, 2, OUTCOME_ACCEPTED, false);
    assert_open_for(s, 4);
    call(s, OUTCOME_CONFIGURATION, false);
    assert_held(s, now_us + HOLD_US);
    now_us += HOLD_US;
    assert_room(s, 1, INT64_MAX);
    call(s, OUTCOME_ACCEPTED, false);
    assert_open_for(s, 2);
}

static void
one_connection_is_open_at_once(void **state)
{
    struct scene *s = *state;

    wanted.connections = 1;
    make(s, &plain);
    call(s, OUTCOME_CONFIGURATION, false);
    now_us += HOLD_US;
    call(s, OUTCOME_ACCEPTED, false);
    assert_open_for(s, 1);
}

/* Ends the request for "text" with this status and header. */
static void
answer_with(struct scene *s, int status, const char *header)
{
    struct client *c = client_with(s, "text");
    char reply[256];

    snprintf(reply, sizeof reply,
        "HTTP/1.1 %d X\r\n%s\r\nContent-Length: 1\r\n\r\n%d", status, header,
        OUTCOME_TRANSIENT);
    assert_int_equal(send(c->fd, reply, strlen(reply), 0), strlen(reply));
    bytes_clear(&c->request);
}

static void
who_asks_for_a_pause_gets_it(void **state)
{
    static const struct {
        int status;
        const char *header;
        int64_t held_s; /* 0 = not held */
    } rows[] = { { 429, "Retry-After: 7", 7 }, { 503, "retry-after: 120", 120 },
        { 429, "Retry-After: 999999", 3600 },
        { 429, "Retry-After: Wed, 21 Oct 2099 07:28:00 GMT", 3600 },
        { 429, "Retry-After: 0", 0 }, { 429, "Retry-After: -5", 0 },
        { 429, "Retry-After: soon", 0 }, { 200, "Retry-After: 7", 0 },
        { 500, "Retry-After: 7", 0 },
        { 429, "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT", 0 } };
    struct scene *s = *state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        make(s, &plain);
        start(s, "text");
        answer_with(s, rows[i].status, rows[i].header);
        assert_finished(s, s->id, OUTCOME_TRANSIENT);
        if (rows[i].held_s)
            assert_held(s, now_us + rows[i].held_s * 1000000);
        else
            assert_open(s);
        lane_close(&s->lane);
    }
}

/* A question about something else takes that room, but opens nothing. */
static void
the_one_may_be_another_request(void **state)
{
    struct scene *s = *state;

    make(s, &repeating);
    call(s, OUTCOME_CONFIGURATION, false);
    now_us += HOLD_US;
    lane_begin_other(s->lane);
    assert_room(s, 0, INT64_MAX);
    lane_end_other(s->lane);
    assert_room(s, 1, INT64_MAX);
}

static void
whatever_the_provider_understood_opens_the_lane(void **state)
{
    static const struct {
        enum outcome_class class;
        bool opens;
    } rows[] = { { OUTCOME_ACCEPTED, true }, { OUTCOME_PERMANENT, true },
        { OUTCOME_DUPLICATE, true }, { OUTCOME_TRANSIENT, false },
        { OUTCOME_UNKNOWN, false }, { OUTCOME_ABSENT, false } };
    struct scene *s = *state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        make(s, &plain);
        call(s, OUTCOME_CONFIGURATION, false);
        now_us += HOLD_US;
        call(s, rows[i].class, false);
        assert_false(lane_is_held(s->lane));
        if (rows[i].opens)
            assert_open_for(s, 2);
        else
            assert_room(s, 1, INT64_MAX);
        lane_close(&s->lane);
    }
}

static void
the_one_may_make_it_hold_again(void **state)
{
    struct scene *s = *state;

    make(s, &plain);
    call(s, OUTCOME_CONFIGURATION, false);
    now_us += 3LL * HOLD_US;
    call(s, OUTCOME_CONFIGURATION, false);
    assert_held(s, now_us + HOLD_US);
}

static void
calls_of_before_neither_prolong_a_hold_nor_end_it(void **state)
{
    struct scene *s = *state;
    int64_t until_us;

    make(s, &plain);
    start(s, "a");
    start(s, "b");
    start(s, "c");
    now_us += 1000;
    answer(s, "b", OUTCOME_CONFIGURATION);
    assert_finished(s, 2, OUTCOME_CONFIGURATION);
    until_us = now_us + HOLD_US;
    now_us += 1000;
    answer(s, "c", OUTCOME_CONFIGURATION);
    assert_finished(s, 3, OUTCOME_CONFIGURATION);
    assert_held(s, until_us);
    answer(s, "a", OUTCOME_ACCEPTED);
    assert_finished(s, 1, OUTCOME_ACCEPTED);
    assert_held(s, until_us);
}

static void
five_unknown_outcomes_in_a_row_hold_the_lane(void **state)
{
    static const struct provider_ops *const all[] = { &plain, &repeating,
        &asking };
    struct scene *s = *state;

    for (size_t i = 0; i < COUNT(all); i++) {
        make(s, all[i]);
        call_times(s, 4, OUTCOME_UNKNOWN, false);
        assert_open(s);
        call(s, OUTCOME_UNKNOWN, false);
        assert_held(s, now_us + HOLD_US);
        lane_close(&s->lane);
    }
}

static void
five_that_are_not_in_a_row_do_not(void **state)
{
    static const enum outcome_class between[] = { OUTCOME_ACCEPTED,
        OUTCOME_PERMANENT, OUTCOME_ABSENT };
    struct scene *s = *state;

    make(s, &plain);
    for (size_t i = 0; i < COUNT(between); i++) {
        call_times(s, 4, OUTCOME_UNKNOWN, false);
        call(s, between[i], false);
    }
    call_times(s, 4, OUTCOME_UNKNOWN, false);
    assert_open(s);
}

static void
five_foreign_numbers_hold_the_lane(void **state)
{
    struct scene *s = *state;

    make(s, &repeating);
    call_times(s, 4, OUTCOME_DUPLICATE, false);
    assert_open(s);
    call(s, OUTCOME_DUPLICATE, false);
    assert_held(s, now_us + HOLD_US);
}

static void
numbers_of_our_own_that_were_there_already_do_not(void **state)
{
    struct scene *s = *state;

    make(s, &repeating);
    call_times(s, 4, OUTCOME_DUPLICATE, false);
    call(s, OUTCOME_DUPLICATE, true);
    call_times(s, 4, OUTCOME_DUPLICATE, false);
    call_times(s, 6, OUTCOME_DUPLICATE, true);
    assert_open(s);
}

static void
after_five_the_next_trouble_holds_it_again(void **state)
{
    static const enum outcome_class troubles[] = { OUTCOME_UNKNOWN,
        OUTCOME_DUPLICATE, OUTCOME_TRANSIENT };
    struct scene *s = *state;

    make(s, &repeating);
    call_times(s, 5, OUTCOME_UNKNOWN, false);
    for (size_t i = 0; i < COUNT(troubles); i++) {
        now_us += HOLD_US;
        assert_room(s, 1, INT64_MAX);
        call(s, troubles[i], false);
        assert_held(s, now_us + HOLD_US);
    }
}

static void
once_it_works_troubles_are_counted_anew(void **state)
{
    struct scene *s = *state;

    make(s, &repeating);
    call_times(s, 5, OUTCOME_UNKNOWN, false);
    now_us += HOLD_US;
    call(s, OUTCOME_ACCEPTED, false);
    call_times(s, 4, OUTCOME_UNKNOWN, false);
    assert_open_for(s, 2);
    call(s, OUTCOME_UNKNOWN, false);
    assert_held(s, now_us + HOLD_US);
}

/* ---- providers that cannot be reached ---- */

/* Starts a call where nobody listens. */
static void
call_nobody(struct scene *s)
{
    start(s, "text");
    assert_finished(s, s->id, OUTCOME_TRANSIENT);
}

static void
one_that_cannot_be_reached_is_waited_for(void **state)
{
    static const struct provider_ops *const all[] = { &plain, &repeating,
        &asking };
    struct scene *s = *state;

    close_server(&s->server);
    for (size_t i = 0; i < COUNT(all); i++) {
        make(s, all[i]);
        for (int j = 0; j < 4; j++)
            call_nobody(s);
        assert_open(s);
        call_nobody(s);
        assert_held(s, now_us + HOLD_US);
        lane_close(&s->lane);
    }
}

static void
what_was_not_sent_says_so(void **state)
{
    struct scene *s = *state;
    struct delivery *d;

    make(s, &repeating);
    close_server(&s->server);
    start(s, "text");
    d = finished(s);
    assert_int_equal(d->outcome.class, OUTCOME_TRANSIENT);
    assert_string_equal(d->outcome.code, "transport");
    assert_ptr_equal(d->provider, repeating.name);
    if (strncmp(d->outcome.why, "could not be sent: ", 19) != 0)
        fail_msg("%s", d->outcome.why);
    delivery_free(d);
}

static void
what_may_have_been_taken_is_unknown(void **state)
{
    static const char want[] = "no usable reply, it may have been accepted: ";
    struct scene *s = *state;
    struct delivery *d;

    wanted.hosts = 2;
    make(s, &repeating);
    start(s, "text");
    hang_up(client_with(s, "text"));
    d = finished(s);
    assert_int_equal(d->outcome.class, OUTCOME_UNKNOWN);
    assert_string_equal(d->outcome.code, "transport");
    if (strncmp(d->outcome.why, want, sizeof want - 1) != 0)
        fail_msg("%s", d->outcome.why);
    delivery_free(d);
    /* Nor did it go to the next address. */
    assert_int_equal(s->server.requests, 1);
}

static void
what_cannot_be_put_together_was_not_sent(void **state)
{
    struct scene *s = *state;

    make(s, &plain);
    start(s, "too much");
    assert_int_equal(lane_active(s->lane), 0);
    assert_finished(s, 1, OUTCOME_TRANSIENT);
    assert_open(s);
}

static void
the_next_address_is_tried_when_one_cannot_be_reached(void **state)
{
    struct scene *s = *state;

    wanted.hosts = 2;
    make(s, &plain);
    snprintf(url[0], sizeof url[0], "http://127.0.0.1:1/0");
    start(s, "text");
    answer(s, "text", OUTCOME_ACCEPTED);
    assert_finished(s, 1, OUTCOME_ACCEPTED);
}

static void
when_none_can_be_reached_it_ends(void **state)
{
    struct scene *s = *state;

    wanted.hosts = 2;
    make(s, &plain);
    close_server(&s->server);
    start(s, "text");
    assert_finished(s, 1, OUTCOME_TRANSIENT);
    assert_int_equal(lane_active(s->lane), 0);
}

/* ---- questions ---- */

static struct delivery *
doubted(struct scene *s)
{
    struct delivery *d = message(s, "text");

    d->ask = true;
    d->attempts = 2;
    return d;
}

static void
one_that_repeats_is_sent_it_again_and_not_asked(void **state)
{
    struct scene *s = *state;
    struct delivery *d = doubted(s);

    make(s, &repeating);
    lane_start(s->lane, d);
    answer(s, "text", OUTCOME_DUPLICATE);
    assert_ptr_equal(finished(s), d);
    assert_int_equal(d->outcome.class, OUTCOME_DUPLICATE);
    /* That it is ours is known by this. */
    assert_true(d->ask);
    assert_int_equal(s->server.requests, 1);
    delivery_free(d);
}

static void
one_that_can_be_asked_is_asked_first_and_sent_what_it_lacks(void **state)
{
    struct scene *s = *state;
    struct delivery *d = doubted(s);

    make(s, &asking);
    lane_start(s->lane, d);
    answer(s, "text?", OUTCOME_ABSENT);
    answer(s, "text", OUTCOME_ACCEPTED);
    assert_ptr_equal(finished(s), d);
    assert_int_equal(d->outcome.class, OUTCOME_ACCEPTED);
    assert_false(d->ask);
    assert_int_equal(s->server.requests, 2);
    delivery_free(d);
}

static void
what_it_has_is_not_sent(void **state)
{
    static const enum outcome_class answers[] = { OUTCOME_ACCEPTED,
        OUTCOME_UNKNOWN, OUTCOME_TRANSIENT };
    struct scene *s = *state;

    make(s, &asking);
    for (size_t i = 0; i < COUNT(answers); i++) {
        struct delivery *d = doubted(s);

        lane_start(s->lane, d);
        answer(s, "text?", answers[i]);
        assert_finished(s, d->id, answers[i]);
    }
    assert_int_equal(s->server.requests, COUNT(answers));
}

static void
question_and_message_take_a_turn_each(void **state)
{
    struct scene *s = *state;

    wanted.gap_us = GAP_US;
    make(s, &asking);
    lane_start(s->lane, doubted(s));
    answer(s, "text?", OUTCOME_ABSENT);
    answer(s, "text", OUTCOME_ACCEPTED);
    assert_finished(s, 1, OUTCOME_ACCEPTED);
    assert_room(s, 1, INT64_MAX);
}

/* Another owner may have sent it meanwhile. */
static void
a_service_that_was_stopped_sends_nothing_after_the_answer(void **state)
{
    struct scene *s = *state;
    struct delivery *d = doubted(s);

    make(s, &asking);
    lane_start(s->lane, d);
    answer(s, "text?", OUTCOME_ABSENT);
    now_us += (wanted.timeout_ms + 501) * 1000;
    assert_ptr_equal(finished(s), d);
    assert_int_equal(d->outcome.class, OUTCOME_UNKNOWN);
    assert_string_equal(d->outcome.why,
        "the service was held up after it had asked; it will ask again");
    assert_true(d->ask);
    assert_int_equal(s->server.requests, 1);
    delivery_free(d);
}

static void
each_further_question_goes_to_the_next_address(void **state)
{
    static const struct {
        unsigned attempts;
        const char *path;
    } rows[] = { { 1, "POST /0 " }, { 2, "POST /0 " }, { 3, "POST /1 " },
        { 4, "POST /0 " }, { 5, "POST /1 " } };
    struct scene *s = *state;

    wanted.hosts = 2;
    make(s, &asking);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct delivery *d = doubted(s);
        const char *request;

        d->attempts = rows[i].attempts;
        lane_start(s->lane, d);
        request = bytes_text(&client_with(s, "text?")->request);
        if (strncmp(request, rows[i].path, strlen(rows[i].path)) != 0)
            fail_msg("%u: %.10s", rows[i].attempts, request);
        answer(s, "text?", OUTCOME_UNKNOWN);
        assert_finished(s, d->id, OUTCOME_UNKNOWN);
    }
}

/* ---- a carrier that is not a provider ---- */

/* Notes what it is given; ends some of it at once. */
struct porter {
    struct lane *lane;
    struct delivery *given[8];
    size_t n;
    bool at_once, full, closed;
};

static void
porter_start(void *carrier, struct delivery *d)
{
    struct porter *p = carrier;

    assert_in_range(p->n, 0, COUNT(p->given) - 1);
    p->given[p->n++] = d;
    if (p->at_once)
        lane_finish(p->lane, d);
}

static bool
porter_has_room(void *carrier)
{
    return !((const struct porter *)carrier)->full;
}

static void
porter_close(void *carrier)
{
    struct porter *p = carrier;

    assert_false(p->closed);
    p->closed = true;
}

static const struct carrier_ops porter_ops = {
    .start = porter_start, .has_room = porter_has_room, .close = porter_close
};

static const struct carrier_ops roomy_ops = { .start = porter_start,
    .close = porter_close };

/* A lane that does not hold itself, with room for four. */
static struct lane *
carried_by(struct scene *s, struct porter *p, const struct carrier_ops *ops)
{
    static const struct lane_traits traits = { .name = "porter",
        .repeats_safely = true,
        .longest_ms = 1234,
        .limits = { .connections = 4,
            .hold_ms = HOLD_US / 1000,
            .retry_first_ms = 5,
            .retry_longest_ms = 6 } };

    *p = (struct porter){ .n = 0 };
    p->lane = s->lane = lane_make(&traits, ops, p);
    assert_non_null(s->lane);
    return s->lane;
}

static void
a_carrier_is_given_what_is_started(void **state)
{
    struct scene *s = *state;
    struct porter p;
    struct delivery *d;

    carried_by(s, &p, &porter_ops);
    assert_int_equal(lane_longest_ms(s->lane), 1234);
    assert_true(lane_repeats(s->lane));
    assert_false(lane_can_ask(s->lane));
    start(s, "a");
    start(s, "b");
    assert_int_equal(p.n, 2);
    d = p.given[0];
    assert_string_equal(d->payload, "a");
    assert_string_equal(d->provider, "porter");
    assert_int_equal(d->begun_us, now_us);
    assert_int_equal(lane_active(s->lane), 2);
    /* In whatever order they end. */
    lane_finish(s->lane, p.given[1]);
    assert_finished(s, 2, OUTCOME_ACCEPTED);
    lane_finish(s->lane, d);
    assert_finished(s, 1, OUTCOME_ACCEPTED);
    assert_int_equal(lane_active(s->lane), 0);
    lane_close(&s->lane);
    assert_true(p.closed);
}

static void
a_carrier_may_end_it_at_once(void **state)
{
    struct scene *s = *state;
    struct porter p;

    carried_by(s, &p, &porter_ops);
    p.at_once = true;
    start(s, "a");
    assert_int_equal(lane_active(s->lane), 0);
    assert_finished(s, 1, OUTCOME_ACCEPTED);
    lane_close(&s->lane);
}

static void
a_carrier_may_have_less_room_than_the_lane(void **state)
{
    struct scene *s = *state;
    struct porter p;

    carried_by(s, &p, &porter_ops);
    assert_room(s, 4, INT64_MAX);
    p.full = true;
    assert_room(s, 0, INT64_MAX);
    p.full = false;
    start(s, "a");
    assert_room(s, 3, INT64_MAX);
    lane_close(&s->lane);
    /* One that does not say has room. */
    carried_by(s, &p, &roomy_ops);
    assert_room(s, 4, INT64_MAX);
    lane_close(&s->lane);
}

static void
what_fails_too_often_is_given_up_unless_all_fails(void **state)
{
    struct scene *s = *state;

    wanted.most_attempts = 3;
    make(s, &repeating);
    assert_false(lane_gives_up(s->lane, 2));
    assert_true(lane_gives_up(s->lane, 3));
    assert_true(lane_gives_up(s->lane, 4));
    call(s, OUTCOME_CONFIGURATION, false);
    assert_held(s, now_us + HOLD_US);
    assert_false(lane_gives_up(s->lane, 4));
    now_us += HOLD_US;
    assert_true(lane_gives_up(s->lane, 4));
}

static void
where_there_is_no_bound_nothing_is_given_up(void **state)
{
    struct scene *s = *state;

    make(s, &repeating);
    assert_false(lane_gives_up(s->lane, 0));
    assert_false(lane_gives_up(s->lane, 100000));
}

static void
a_lane_without_holds_is_never_held(void **state)
{
    static const enum outcome_class classes[] = { OUTCOME_TRANSIENT,
        OUTCOME_PERMANENT, OUTCOME_CONFIGURATION, OUTCOME_UNKNOWN,
        OUTCOME_ABSENT, OUTCOME_DUPLICATE, OUTCOME_ACCEPTED };
    struct scene *s = *state;

    for (size_t i = 0; i < COUNT(classes); i++) {
        struct porter p;

        carried_by(s, &p, &porter_ops);
        for (size_t j = 0; j < COUNT(p.given); j++) {
            start(s, "a");
            p.given[j]->outcome.class = classes[i];
            lane_finish(s->lane, p.given[j]);
            assert_finished(s, s->id, classes[i]);
            assert_false(lane_is_held(s->lane));
            assert_int_equal(lane_held_until_us(s->lane), 0);
            assert_room(s, 4, INT64_MAX);
        }
        lane_close(&s->lane);
    }
}

static void
what_a_carrier_has_is_dropped_with_the_lane(void **state)
{
    struct scene *s = *state;
    struct porter p;

    carried_by(s, &p, &porter_ops);
    start(s, "a");
    start(s, "b");
    start(s, "c");
    lane_finish(s->lane, p.given[1]);
    lane_close(&s->lane);
    assert_true(p.closed);
    assert_null(s->lane);
}

/* ---- the end ---- */

static void
what_is_under_way_is_forgotten_with_the_lane(void **state)
{
    struct scene *s = *state;

    make(s, &repeating);
    start(s, "a");
    start(s, "b");
    call_times(s, 1, OUTCOME_ACCEPTED, false);
    start(s, "too much");
    assert_int_equal(lane_active(s->lane), 2);
    assert_int_equal(lane_finished(s->lane)->n, 1);
    http_close(&s->http);
    lane_close(&s->lane);
    assert_null(s->lane);
    lane_close(&s->lane);
}

#define LANE_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        LANE_TEST(the_lane_tells_how_its_provider_is_treated),
        LANE_TEST(only_some_providers_repeat_or_can_be_asked),
        LANE_TEST(a_call_lasts_as_long_as_all_that_it_may_do),
        LANE_TEST(as_many_calls_at_a_time_as_connections),
        LANE_TEST(other_requests_take_room_until_they_end),
        LANE_TEST(between_two_requests_there_is_the_gap),
        LANE_TEST(a_call_takes_its_turn_as_well),
        LANE_TEST(turns_that_were_not_used_come_again_up_to_the_connections),
        LANE_TEST(after_a_burst_there_is_one_turn_for_each_gap),
        LANE_TEST(turns_do_not_make_room_where_all_connections_are_taken),
        LANE_TEST(there_is_never_more_room_than_connections),
        LANE_TEST(what_is_lacking_leaves_no_room_for_ever),
        LANE_TEST(new_settings_are_those_of_the_next_call),
        LANE_TEST(what_was_lacking_may_be_there),
        LANE_TEST(a_call_ends_by_the_settings_of_its_begin),
        LANE_TEST(an_account_that_may_be_another_ends_a_hold),
        LANE_TEST(other_settings_leave_a_hold),
        LANE_TEST(what_the_account_of_before_says_holds_nothing),
        LANE_TEST(fewer_connections_are_fewer_after_a_hold_too),
        LANE_TEST(a_refused_account_holds_the_lane),
        LANE_TEST(after_the_hold_there_is_room_for_one),
        LANE_TEST(it_opens_step_by_step),
        LANE_TEST(a_hold_in_the_middle_begins_anew),
        LANE_TEST(one_connection_is_open_at_once),
        LANE_TEST(who_asks_for_a_pause_gets_it),
        LANE_TEST(the_one_may_be_another_request),
        LANE_TEST(whatever_the_provider_understood_opens_the_lane),
        LANE_TEST(the_one_may_make_it_hold_again),
        LANE_TEST(calls_of_before_neither_prolong_a_hold_nor_end_it),
        LANE_TEST(five_unknown_outcomes_in_a_row_hold_the_lane),
        LANE_TEST(five_that_are_not_in_a_row_do_not),
        LANE_TEST(five_foreign_numbers_hold_the_lane),
        LANE_TEST(numbers_of_our_own_that_were_there_already_do_not),
        LANE_TEST(after_five_the_next_trouble_holds_it_again),
        LANE_TEST(once_it_works_troubles_are_counted_anew),
        LANE_TEST(one_that_cannot_be_reached_is_waited_for),
        LANE_TEST(what_was_not_sent_says_so),
        LANE_TEST(what_may_have_been_taken_is_unknown),
        LANE_TEST(what_cannot_be_put_together_was_not_sent),
        LANE_TEST(the_next_address_is_tried_when_one_cannot_be_reached),
        LANE_TEST(when_none_can_be_reached_it_ends),
        LANE_TEST(one_that_repeats_is_sent_it_again_and_not_asked),
        LANE_TEST(one_that_can_be_asked_is_asked_first_and_sent_what_it_lacks),
        LANE_TEST(what_it_has_is_not_sent),
        LANE_TEST(question_and_message_take_a_turn_each),
        LANE_TEST(a_service_that_was_stopped_sends_nothing_after_the_answer),
        LANE_TEST(each_further_question_goes_to_the_next_address),
        LANE_TEST(a_carrier_is_given_what_is_started),
        LANE_TEST(a_carrier_may_end_it_at_once),
        LANE_TEST(a_carrier_may_have_less_room_than_the_lane),
        LANE_TEST(what_fails_too_often_is_given_up_unless_all_fails),
        LANE_TEST(where_there_is_no_bound_nothing_is_given_up),
        LANE_TEST(a_lane_without_holds_is_never_held),
        LANE_TEST(what_a_carrier_has_is_dropped_with_the_lane),
        LANE_TEST(what_is_under_way_is_forgotten_with_the_lane),
    };
    int code;

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
        return 1;
    log_set_level(LOG_FATAL);
    code = cmocka_run_group_tests_name("lane", tests, NULL, NULL);
    curl_global_cleanup();
    return code;
}
