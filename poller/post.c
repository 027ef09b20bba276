/* post: see post.h. */
#include "post.h"

#include "atwork.h"
#include "clock.h"
#include "fault.h"
#include "relay.h"

#include <stdio.h>
#include <stdlib.h>

enum { SLACK_US = 500000 };

/* By what a call goes, from its begin to its end. */
struct terms {
    const struct settings *set;
    struct provider_limits limits;
    int64_t longest_ms;
};

struct post {
    struct http *http;
    const struct zone *zone;
    const struct provider_ops *ops;
    struct terms terms; /* of the next call */
    struct lane *lane;
    struct call *first; /* under way */
};

struct call {
    struct call *next;
    struct post *post;
    struct terms terms;
    struct delivery *delivery; /* the lane's */
    size_t host;               /* which address of the provider */
    size_t unreached;          /* how many of them could not be reached */
};

/* The first address; but one that leaves questions unanswered may be out of
 * order: each next question goes to the next address. */
static size_t
first_host(const struct terms *terms, const struct delivery *d)
{
    return d->ask && d->attempts > 2 ? (d->attempts - 2) % terms->limits.hosts
                                     : 0;
}

static struct call *
link_call(struct post *post, struct delivery *d)
{
    struct call *call = calloc(1, sizeof *call);

    if (!call)
        return NULL;
    call->post = post;
    call->terms = post->terms;
    call->delivery = d;
    call->host = first_host(&call->terms, d);
    call->next = post->first;
    post->first = call;
    return call;
}

/* Takes the call out and frees it. */
static struct delivery *
unlink_call(struct call *call)
{
    struct delivery *d = call->delivery;
    struct call **at = &call->post->first;

    while (*at && *at != call)
        at = &(*at)->next;
    if (*at)
        *at = call->next;
    free(call);
    return d;
}

static void
close_post(void *carrier)
{
    struct post *post = carrier;

    for (struct call *call = post->first, *next; call; call = next) {
        next = call->next;
        free(call);
    }
    free(post);
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

/* Too much at once, or out of order for a while. */
static void
take_wish(const struct http_reply *reply, struct outcome *out)
{
    if (reply->status == HTTP_TOO_MANY || reply->status == HTTP_UNAVAILABLE)
        out->retry_after_s = reply->retry_after_s;
}

static void on_reply(void *arg, const struct http_reply *reply);

/* The provider is asked first, where it can be. */
static bool
is_asking(const struct call *call)
{
    return call->delivery->ask && call->post->ops->build_query;
}

/* A call that was to be over by now, because the service was stopped for a
 * while, sends nothing more: another owner may have done it. */
static bool
is_over(const struct call *call)
{
    const struct terms *terms = &call->terms;
    int64_t last_ms = terms->longest_ms - terms->limits.timeout_ms;

    return clock_boot_us() >
           call->delivery->begun_us + last_ms * 1000 + SLACK_US;
}

/* Sends what is next for the call: the question, or the message. False when
 * out of memory, or out of time. */
static bool
send_out(struct call *call)
{
    struct post *post = call->post;
    const struct settings *set = call->terms.set;
    struct delivery *d = call->delivery;
    struct bytes body = bytes_make(256 * 1024);
    char id[DELIVERY_MESSAGE_ID], identity[DELIVERY_KEY + 1];
    struct message message = { .to = d->address,
        .text = d->payload,
        .id = delivery_message_id(d, id),
        .identity = delivery_identity(d, identity),
        .now_us = clock_wall_us(),
        .channel = d->route.at[0],
        .plan_us = d->plan_us > clock_wall_us() ? d->plan_us : 0,
        .zone = post->zone };
    struct http_request request;
    bool good;

    lane_turn(post->lane);
    fault_point_at("post.build", d->uid);
    if (is_asking(call))
        post->ops->build_query(set, &message, call->host, &request, &body);
    else
        post->ops->build(set, &message, call->host, &request, &body);
    request.body = bytes_text(&body);
    request.body_len = body.n;
    good = bytes_ok(&body) && !is_over(call);
    fault_point("post.send");
    good = good && http_start(post->http, &request, on_reply, call);
    fault_point("post.sent");
    bytes_free(&body);
    return good;
}

/* What was certainly not sent may go to the provider's next address. */
static bool
try_next_host(struct call *call, const struct http_reply *reply)
{
    size_t hosts = call->terms.limits.hosts;

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
take_reply(struct call *call, const struct http_reply *reply)
{
    struct post *post = call->post;
    struct outcome *out = &call->delivery->outcome;

    fault_point_at("post.replied", call->delivery->uid);
    if (try_next_host(call, reply))
        return;
    if (reply->error)
        read_failure(reply, out);
    else if (is_asking(call))
        post->ops->read_query(reply, out);
    else
        post->ops->read(reply, out);
    take_wish(reply, out);
    fault_point("post.read");
    if (!send_absent(call))
        lane_finish(post->lane, unlink_call(call));
}

static void
on_reply(void *arg, const struct http_reply *reply)
{
    struct call *call = arg;

    atwork_begin(WORK_CALL, call->delivery->key, NULL);
    take_reply(call, reply);
    atwork_end();
}

static void
fail_unsent(struct post *post, struct delivery *d)
{
    const struct http_reply reply = { .error = "out of memory, or held up" };

    read_failure(&reply, &d->outcome);
    lane_finish(post->lane, d);
}

static void
start(void *carrier, struct delivery *d)
{
    struct post *post = carrier;
    struct call *call;

    if (!d->payload && delivery_lane_hands_on(d->lane)) {
        relay_fail_empty(d);
        lane_finish(post->lane, d);
        return;
    }
    call = link_call(post, d);
    atwork_begin(WORK_CALL, d->key, NULL);
    if (!call)
        fail_unsent(post, d);
    else if (!send_out(call))
        fail_unsent(post, unlink_call(call));
    atwork_end();
}

static struct terms
make_terms(const struct provider_ops *ops, const struct settings *set)
{
    return (struct terms){ .set = set,
        .limits = ops->limits(set),
        .longest_ms = provider_longest_ms(ops, set) };
}

static struct lane_traits
traits_of(const struct post *post)
{
    const struct provider_ops *ops = post->ops;
    const struct terms *terms = &post->terms;

    return (struct lane_traits){ .name = ops->name,
        .repeats_safely = ops->repeats_safely,
        .can_ask = ops->build_query != NULL,
        .lacking = ops->lacks && ops->lacks(terms->set),
        .holds = true,
        .longest_ms = terms->longest_ms,
        .limits = terms->limits };
}

static struct lane_traits
renew(void *carrier, const struct settings *set, bool anew)
{
    struct post *post = carrier;

    (void)anew;
    post->terms = make_terms(post->ops, set);
    return traits_of(post);
}

static bool
uses(const void *carrier, const struct settings *set)
{
    const struct post *post = carrier;

    for (const struct call *call = post->first; call; call = call->next)
        if (call->terms.set == set)
            return true;
    return false;
}

static const struct carrier_ops post_ops = {
    .start = start, .renew = renew, .uses = uses, .close = close_post
};

struct lane *
post_make(const struct settings *set, struct http *http,
    const struct zone *zone, const struct provider_ops *ops)
{
    struct post *post = calloc(1, sizeof *post);
    struct lane_traits traits;

    if (!post)
        return NULL;
    *post = (struct post){
        .http = http, .zone = zone, .ops = ops, .terms = make_terms(ops, set)
    };
    traits = traits_of(post);
    post->lane = lane_make(&traits, &post_ops, post);
    if (!post->lane) {
        free(post);
        return NULL;
    }
    return post->lane;
}
