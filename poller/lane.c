/* lane: see lane.h. */
#include "lane.h"

#include "clock.h"
#include "log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_TROUBLES = 5,
    SLOW_START = 2,
    LONGEST_WISH_S = 3600,
};

#define TELL_AGAIN_US (3600LL * 1000000)

struct lane {
    struct lane_traits traits;
    const struct carrier_ops *ops;
    void *carrier;
    unsigned parts, all; /* its share of what the limits say */
    struct delivery_list underway;
    size_t others; /* requests that are not a delivery's */
    struct delivery_list finished;
    int64_t turn_us;       /* when the next request may begin */
    int64_t held_until_us; /* 0 = not held */
    int64_t held_since_us;
    int64_t told_us;   /* when the hold was told of last; 0 = not yet */
    bool paused;       /* by the operator */
    size_t ramp;       /* connections just after a hold; 0 = all */
    unsigned troubles; /* calls in a row that say it is out of order */
    enum outcome_class told_class; /* and why: words differ each time */
    char told_code[OUTCOME_CODE + 1];
};

struct lane *
lane_make(const struct lane_traits *traits, const struct carrier_ops *ops,
    void *carrier)
{
    struct lane *lane = calloc(1, sizeof *lane);

    if (lane) {
        lane->traits = *traits;
        lane->ops = ops;
        lane->carrier = carrier;
        lane->parts = lane->all = 1;
    }
    return lane;
}

void
lane_close(struct lane **lane)
{
    if (!*lane)
        return;
    (*lane)->ops->close((*lane)->carrier);
    delivery_drop_all(&(*lane)->underway);
    delivery_drop_all(&(*lane)->finished);
    free(*lane);
    *lane = NULL;
}

/* The next call tries it, as at the end of a hold. */
void
lane_retry(struct lane *lane)
{
    lane->troubles = 0;
    lane->told_us = 0;
    lane->held_since_us = clock_boot_us();
    if (lane->held_until_us)
        lane->held_until_us = lane->held_since_us;
}

/* Of connections and gap what is ours. */
static size_t
connections(const struct lane *lane)
{
    return (lane->traits.limits.connections * lane->parts + lane->all - 1) /
           lane->all;
}

int64_t
lane_gap_us(const struct lane *lane)
{
    return lane->traits.limits.gap_us * lane->all / lane->parts;
}

static void
limit_ramp(struct lane *lane)
{
    if (lane->ramp >= connections(lane))
        lane->ramp = 0;
}

void
lane_set_share(struct lane *lane, unsigned parts, unsigned all)
{
    lane->parts = parts > 0 ? parts : 1;
    lane->all = all;
    limit_ramp(lane);
}

void
lane_renew(struct lane *lane, const struct settings *set, bool anew)
{
    if (lane->ops->renew)
        lane->traits = lane->ops->renew(lane->carrier, set, anew);
    limit_ramp(lane);
    if (anew)
        lane_retry(lane);
}

bool
lane_uses(const struct lane *lane, const struct settings *set)
{
    return lane->ops->uses && lane->ops->uses(lane->carrier, set);
}

bool
lane_can_ask(const struct lane *lane)
{
    return lane->traits.can_ask;
}

int64_t
lane_ask_after_ms(const struct lane *lane)
{
    return lane->traits.limits.ask_after_ms;
}

bool
lane_repeats(const struct lane *lane)
{
    return lane->traits.repeats_safely;
}

int64_t
lane_retry_first_ms(const struct lane *lane)
{
    return lane->traits.limits.retry_first_ms;
}

int64_t
lane_retry_longest_ms(const struct lane *lane)
{
    return lane->traits.limits.retry_longest_ms;
}

bool
lane_gives_up(const struct lane *lane, unsigned attempts)
{
    unsigned most = lane->traits.limits.most_attempts;

    return most > 0 && attempts >= most && !lane_is_held(lane);
}

int64_t
lane_longest_ms(const struct lane *lane)
{
    return lane->traits.longest_ms;
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
    int64_t now_us = clock_boot_us(), gap_us = lane_gap_us(lane);

    if (gap_us == 0)
        return SIZE_MAX;
    return now_us < lane->turn_us
               ? 0
               : (size_t)((now_us - lane->turn_us) / gap_us) + 1;
}

/* How many calls may be under way now. */
static size_t
width(const struct lane *lane)
{
    if (lane->held_until_us)
        return 1;
    return lane->ramp ? lane->ramp : connections(lane);
}

size_t
lane_room(const struct lane *lane)
{
    size_t most = width(lane);
    size_t used = lane->underway.n + lane->others;
    size_t room = used < most ? most - used : 0, may = turns(lane);

    if (lane->traits.lacking || lane->paused || lane_is_held(lane) ||
        (lane->ops->has_room && !lane->ops->has_room(lane->carrier)))
        return 0;
    return may < room ? may : room;
}

int64_t
lane_room_us(const struct lane *lane)
{
    if (lane->traits.lacking || lane->paused)
        return INT64_MAX;
    if (lane_is_held(lane))
        return lane->held_until_us;
    return turns(lane) == 0 ? lane->turn_us : INT64_MAX;
}

/* Turns that were not used come again, but no more than there are
 * connections. */
void
lane_turn(struct lane *lane)
{
    int64_t gap_us = lane_gap_us(lane);
    int64_t saved_us = gap_us * (int64_t)(connections(lane) - 1);
    int64_t oldest_us = clock_boot_us() - saved_us;

    if (lane->turn_us < oldest_us)
        lane->turn_us = oldest_us;
    lane->turn_us += gap_us;
}

void
lane_begin_other(struct lane *lane)
{
    lane_turn(lane);
    lane->others++;
}

void
lane_end_other(struct lane *lane)
{
    lane->others--;
}

int64_t
lane_held_until_us(const struct lane *lane)
{
    return lane->held_until_us;
}

bool
lane_is_shut(const struct lane *lane)
{
    return lane->paused || lane_is_held(lane);
}

void
lane_pause(struct lane *lane, bool paused)
{
    lane->paused = paused;
}

void
lane_ids(const struct lane *lane, struct bytes *out)
{
    for (const struct delivery *d = lane->underway.first; d; d = d->next)
        bytes_printf(out, ",%" PRIu64, d->id);
}

size_t
lane_active(const struct lane *lane)
{
    return lane->underway.n;
}

struct delivery_list *
lane_finished(struct lane *lane)
{
    return &lane->finished;
}

/* Loudly, once: an outage may last for days. */
static void
tell_hold(struct lane *lane, const struct outcome *outcome, int64_t ms)
{
    bool news = lane->told_us == 0 ||
                clock_boot_us() >= lane->told_us + TELL_AGAIN_US ||
                lane->told_class != outcome->class ||
                strcmp(lane->told_code, outcome->code) != 0;

    log_at(news ? LOG_ERROR : LOG_DEBUG,
        "lane: %s is held for %lld s: %s; then one call tries it; check "
        "section "
        "[%s] and the provider's cabinet",
        lane->traits.name, (long long)ms / 1000, outcome->why,
        lane->traits.name);
    if (!news)
        return;
    lane->told_us = clock_boot_us();
    lane->told_class = outcome->class;
    snprintf(lane->told_code, sizeof lane->told_code, "%s", outcome->code);
}

static int64_t
hold_ms(const struct lane *lane, const struct outcome *outcome)
{
    int64_t wish_s = outcome->retry_after_s;

    if (wish_s <= 0)
        return lane->traits.limits.hold_ms;
    return (wish_s < LONGEST_WISH_S ? wish_s : LONGEST_WISH_S) * 1000;
}

static void
hold(struct lane *lane, const struct outcome *outcome, int64_t begun_us)
{
    int64_t ms = hold_ms(lane, outcome);

    /* Calls that began before the hold only repeat what is known. */
    if (begun_us < lane->held_since_us)
        return;
    tell_hold(lane, outcome, ms);
    lane->held_since_us = clock_boot_us();
    lane->held_until_us = lane->held_since_us + ms * 1000;
}

static void
reopen(struct lane *lane)
{
    log_info("lane: %s works again", lane->traits.name);
    lane->held_until_us = 0;
    lane->told_us = 0;
    lane->ramp = connections(lane) > SLOW_START ? SLOW_START : 0;
}

static void
widen(struct lane *lane)
{
    lane->ramp *= 2;
    limit_ramp(lane);
}

/* A number that is not ours was taken before: one is bad luck, several in a row
 * mean that somebody else counts as we do. */
static bool
is_foreign(const struct delivery *d)
{
    return d->outcome.class == OUTCOME_DUPLICATE && !d->ask;
}

/* In a row they mean a wrong address or a provider that is out of order: better
 * to wait than to burn the attempts of every message, or to make it doubtful.
 */
static bool
is_trouble(const struct delivery *d)
{
    return d->outcome.class == OUTCOME_UNKNOWN ||
           d->outcome.class == OUTCOME_TRANSIENT || is_foreign(d);
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
learn(struct lane *lane, const struct delivery *d)
{
    int64_t begun_us = d->begun_us;

    if (!lane->traits.holds)
        return;
    lane->troubles = is_trouble(d) ? lane->troubles + 1 : 0;
    if (d->outcome.class == OUTCOME_CONFIGURATION ||
        d->outcome.retry_after_s > 0 || lane->troubles >= MOST_TROUBLES)
        hold(lane, &d->outcome, begun_us);
    else if (!is_understood(d) || begun_us < lane->held_since_us)
        return;
    else if (lane->held_until_us)
        reopen(lane);
    else if (lane->ramp)
        widen(lane);
}

void
lane_start(struct lane *lane, struct delivery *d)
{
    d->begun_us = clock_boot_us();
    d->provider = lane->traits.name;
    delivery_push(&lane->underway, d);
    lane->ops->start(lane->carrier, d);
}

void
lane_finish(struct lane *lane, struct delivery *d)
{
    delivery_remove(&lane->underway, d);
    learn(lane, d);
    delivery_push(&lane->finished, d);
}
