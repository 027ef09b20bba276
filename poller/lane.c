/* lane: see lane.h. */
#include "lane.h"

#include "clock.h"
#include "log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST_TROUBLES = 5, SLACK_US = 500000 };

struct lane {
    const struct settings *set;
    struct http *http;
    const struct zone *zone;
    const struct provider_ops *ops;
    struct provider_limits limits;
    bool lacking;       /* settings without which nothing can be sent */
    struct call *first; /* under way */
    size_t active;
    size_t others; /* requests that are not a delivery's */
    struct delivery_list finished;
    int64_t turn_us;       /* when the next request may begin */
    int64_t held_until_us; /* 0 = not held */
    int64_t held_since_us;
    unsigned troubles; /* calls in a row that say it is out of order */
};

struct call {
    struct call *next;
    struct lane *lane;
    struct delivery *delivery;
    int64_t begun_us;
    size_t host;      /* which address of the provider */
    size_t unreached; /* how many of them could not be reached */
};

struct lane *
lane_make(const struct settings *set, struct http *http,
    const struct zone *zone, const struct provider_ops *ops)
{
    struct lane *lane = calloc(1, sizeof *lane);

    if (lane) {
        lane->set = set;
        lane->http = http;
        lane->zone = zone;
        lane->ops = ops;
        lane->limits = ops->limits(set);
        lane->lacking = ops->lacks && ops->lacks(set);
    }
    return lane;
}

/* The first address; but one that leaves questions unanswered may be out of
 * order: each next question goes to the next address. */
static size_t
first_host(const struct lane *lane, const struct delivery *d)
{
    return d->ask && d->attempts > 2 ? (d->attempts - 2) % lane->limits.hosts
                                     : 0;
}

static struct call *
link_call(struct lane *lane, struct delivery *d)
{
    struct call *call = calloc(1, sizeof *call);

    if (!call)
        return NULL;
    call->lane = lane;
    call->delivery = d;
    call->host = first_host(lane, d);
    call->begun_us = clock_boot_us();
    call->next = lane->first;
    lane->first = call;
    lane->active++;
    return call;
}

/* Takes the call out and frees it; the delivery is the caller's again. */
static struct delivery *
unlink_call(struct call *call)
{
    struct lane *lane = call->lane;
    struct delivery *d = call->delivery;
    struct call **at = &lane->first;

    while (*at && *at != call)
        at = &(*at)->next;
    if (*at)
        *at = call->next;
    lane->active--;
    free(call);
    return d;
}

void
lane_close(struct lane **lane)
{
    if (!*lane)
        return;
    for (struct call *call = (*lane)->first, *next; call; call = next) {
        next = call->next;
        delivery_free(call->delivery);
        free(call);
    }
    delivery_drop_all(&(*lane)->finished);
    free(*lane);
    *lane = NULL;
}

bool
lane_can_ask(const struct lane *lane)
{
    return lane->ops->build_query != NULL;
}

int64_t
lane_ask_after_ms(const struct lane *lane)
{
    return lane->limits.ask_after_ms;
}

bool
lane_repeats(const struct lane *lane)
{
    return lane->ops->repeats_safely;
}

int64_t
lane_retry_first_ms(const struct lane *lane)
{
    return lane->limits.retry_first_ms;
}

int64_t
lane_retry_longest_ms(const struct lane *lane)
{
    return lane->limits.retry_longest_ms;
}

int64_t
lane_longest_ms(const struct lane *lane)
{
    return provider_longest_ms(lane->ops, lane->set);
}

bool
lane_is_held(const struct lane *lane)
{
    return lane->held_until_us && clock_boot_us() < lane->held_until_us;
}

/* How many requests may begin now by the gap between two of them. */
static size_t
turns(const struct lane *lane)
{
    int64_t now_us = clock_boot_us(), gap_us = lane->limits.gap_us;

    if (gap_us == 0)
        return SIZE_MAX;
    return now_us < lane->turn_us
               ? 0
               : (size_t)((now_us - lane->turn_us) / gap_us) + 1;
}

size_t
lane_room(const struct lane *lane)
{
    size_t most = lane->held_until_us ? 1 : lane->limits.connections;
    size_t used = lane->active + lane->others;
    size_t room = used < most ? most - used : 0, may = turns(lane);

    if (lane->lacking || lane_is_held(lane))
        return 0;
    return may < room ? may : room;
}

int64_t
lane_room_us(const struct lane *lane)
{
    if (lane->lacking)
        return INT64_MAX;
    if (lane_is_held(lane))
        return lane->held_until_us;
    return turns(lane) == 0 ? lane->turn_us : INT64_MAX;
}

/* Turns that were not used come again, but no more than there are
 * connections. */
static void
take_turn(struct lane *lane)
{
    int64_t gap_us = lane->limits.gap_us;
    int64_t saved_us = gap_us * (int64_t)(lane->limits.connections - 1);
    int64_t oldest_us = clock_boot_us() - saved_us;

    if (lane->turn_us < oldest_us)
        lane->turn_us = oldest_us;
    lane->turn_us += gap_us;
}

void
lane_begin_other(struct lane *lane)
{
    take_turn(lane);
    lane->others++;
}

void
lane_end_other(struct lane *lane)
{
    lane->others--;
}

int64_t
lane_gap_us(const struct lane *lane)
{
    return lane->limits.gap_us;
}

int64_t
lane_held_until_us(const struct lane *lane)
{
    return lane->held_until_us;
}

void
lane_ids(const struct lane *lane, struct bytes *out)
{
    for (const struct call *call = lane->first; call; call = call->next)
        bytes_printf(out, ",%" PRIu64, call->delivery->id);
}

size_t
lane_active(const struct lane *lane)
{
    return lane->active;
}

struct delivery_list *
lane_finished(struct lane *lane)
{
    return &lane->finished;
}

static void
hold(struct lane *lane, const struct outcome *outcome, int64_t begun_us)
{
    int64_t ms = lane->limits.hold_ms;

    /* Calls that began before the hold only repeat what is known. */
    if (begun_us < lane->held_since_us)
        return;
    log_error("lane: %s is held for %lld s: %s; check section [%s] and the "
              "provider's cabinet",
        lane->ops->name, (long long)ms / 1000, outcome->why, lane->ops->name);
    lane->held_since_us = clock_boot_us();
    lane->held_until_us = lane->held_since_us + ms * 1000;
}

/* A number that is not ours was taken before: one is bad luck, several in a row
 * mean that somebody else counts as we do. */
static bool
is_foreign(const struct delivery *d)
{
    return d->outcome.class == OUTCOME_DUPLICATE && !d->ask;
}

/* Unknown outcomes in a row mean a wrong address or a provider that is out of
 * order: better to wait than to make every message doubtful. Where nothing is
 * lost by waiting, one that cannot be reached is waited for, too. */
static bool
is_trouble(const struct lane *lane, const struct delivery *d)
{
    return d->outcome.class == OUTCOME_UNKNOWN || is_foreign(d) ||
           (lane->ops->repeats_safely && d->outcome.class == OUTCOME_TRANSIENT);
}

static bool
is_understood(const struct delivery *d)
{
    return d->outcome.class == OUTCOME_ACCEPTED ||
           d->outcome.class == OUTCOME_PERMANENT ||
           d->outcome.class == OUTCOME_DUPLICATE;
}

/* What the outcome of one call means for the whole channel. */
static void
learn(struct lane *lane, const struct delivery *d, int64_t begun_us)
{
    lane->troubles = is_trouble(lane, d) ? lane->troubles + 1 : 0;
    if (d->outcome.class == OUTCOME_CONFIGURATION ||
        lane->troubles >= MOST_TROUBLES) {
        hold(lane, &d->outcome, begun_us);
    } else if (is_understood(d) && lane->held_until_us &&
               begun_us >= lane->held_since_us) {
        log_info("lane: %s works again", lane->ops->name);
        lane->held_until_us = 0;
    }
}

/* The transport failed: what was not sent may be sent again. */
static void
read_failure(const struct http_reply *reply, struct outcome *out)
{
    *out = (struct outcome){ .class = reply->maybe_sent ? OUTCOME_UNKNOWN
                                                        : OUTCOME_TRANSIENT };
    snprintf(out->code, sizeof out->code, "transport");
    snprintf(out->why, sizeof out->why, "%s: %s",
        reply->maybe_sent ? "no usable reply, it may have been accepted"
                          : "could not be sent",
        reply->error);
}

static void
finish(struct lane *lane, struct delivery *d, int64_t begun_us)
{
    d->provider = lane->ops->name;
    learn(lane, d, begun_us);
    delivery_push(&lane->finished, d);
}

static void on_reply(void *arg, const struct http_reply *reply);

/* The provider is asked first, where it can be. */
static bool
is_asking(const struct call *call)
{
    return call->delivery->ask && call->lane->ops->build_query;
}

/* Sends what is next for the call: the question, or the message. False when
 * out of memory. */
static bool
send_out(struct call *call)
{
    struct lane *lane = call->lane;
    struct delivery *d = call->delivery;
    struct bytes body = bytes_make(256 * 1024);
    char id[DELIVERY_MESSAGE_ID];
    struct message message = { .to = d->address,
        .text = d->payload,
        .id = delivery_message_id(d, id),
        .channel = d->route.at[0],
        .plan_us = d->plan_us > clock_wall_us() ? d->plan_us : 0,
        .zone = lane->zone };
    struct http_request request;
    bool good;

    take_turn(lane);
    if (is_asking(call))
        lane->ops->build_query(
            lane->set, &message, call->host, &request, &body);
    else
        lane->ops->build(lane->set, &message, call->host, &request, &body);
    request.body = bytes_text(&body);
    request.body_len = body.n;
    good = bytes_ok(&body) && http_start(lane->http, &request, on_reply, call);
    bytes_free(&body);
    return good;
}

/* A call that was to be over by now, because the service was stopped for a
 * while, sends nothing more: another owner may have done it. */
static bool
is_over(const struct call *call)
{
    const struct lane *lane = call->lane;
    int64_t last_ms =
        provider_longest_ms(lane->ops, lane->set) - lane->limits.timeout_ms;

    return clock_boot_us() > call->begun_us + last_ms * 1000 + SLACK_US;
}

/* What was certainly not sent may go to the provider's next address. */
static bool
try_next_host(struct call *call, const struct http_reply *reply)
{
    size_t hosts = call->lane->limits.hosts;

    if (!reply->error || reply->maybe_sent || call->unreached + 1 >= hosts ||
        is_over(call))
        return false;
    call->unreached++;
    call->host = (call->host + 1) % hosts;
    return send_out(call);
}

/* The provider was asked and has no such message: it may be sent. */
static bool
send_absent(struct call *call)
{
    struct delivery *d = call->delivery;

    if (!d->ask || d->outcome.class != OUTCOME_ABSENT)
        return false;
    if (is_over(call)) {
        d->outcome.class = OUTCOME_UNKNOWN;
        snprintf(d->outcome.why, sizeof d->outcome.why,
            "the service was held up after it had asked; it will ask again");
        return false;
    }
    d->ask = false;
    return send_out(call);
}

static void
on_reply(void *arg, const struct http_reply *reply)
{
    struct call *call = arg;
    struct lane *lane = call->lane;
    struct outcome *out = &call->delivery->outcome;
    int64_t begun_us = call->begun_us;

    if (try_next_host(call, reply))
        return;
    if (reply->error)
        read_failure(reply, out);
    else if (is_asking(call))
        lane->ops->read_query(reply, out);
    else
        lane->ops->read(reply, out);
    if (send_absent(call))
        return;
    finish(lane, unlink_call(call), begun_us);
}

static void
fail_unsent(struct lane *lane, struct delivery *d)
{
    const struct http_reply reply = { .error = "out of memory" };

    read_failure(&reply, &d->outcome);
    finish(lane, d, clock_boot_us());
}

void
lane_start(struct lane *lane, struct delivery *d)
{
    struct call *call = link_call(lane, d);

    if (!call)
        fail_unsent(lane, d);
    else if (!send_out(call))
        fail_unsent(lane, unlink_call(call));
}
