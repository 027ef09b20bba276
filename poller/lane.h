/*
 * lane: where deliveries of one kind are carried out, several at a time.
 *
 * A lane takes what is in state calling, that is, whose attempt is committed,
 * and gives it back with an outcome. How it is carried out is the business of
 * a carrier: post.c speaks to providers over HTTP, routers/fleet.c to routers.
 *
 * A lane is a circuit breaker, where its carrier wants that. It holds itself
 * when the provider refuses the account, asks to be left alone, or when several
 * calls in a row could not be made or came to nothing that is known. Until the
 * hold is over it has no room, then it has room for one, and a call that began
 * after the hold and was understood opens it again: for two calls at a time,
 * then for twice as many with each that is understood. A hold is told once, and
 * once more each hour.
 *
 * In the long run it begins no more requests in a second than the limits say;
 * of those saved up, as many at once as there are connections.
 */
#ifndef MBEV_LANE_H
#define MBEV_LANE_H

#include "delivery.h"
#include "providers/provider.h"

struct lane; /* opaque */

/* What a lane needs to know of what it is for. */
struct lane_traits {
    const char *name;    /* a constant; goes into delivery.provider */
    bool repeats_safely; /* what may have been done is done again as it was */
    bool can_ask;        /* the provider can be asked what became of it */
    bool lacking;        /* settings without which nothing can be done */
    bool holds;          /* a failure holds the lane; else the carrier looks
                            after that itself */
    int64_t longest_ms;  /* that a delivery may be under way */
    struct provider_limits limits;
};

struct carrier_ops {
    /* Carries out a delivery, which stays the lane's; ended by lane_finish(),
     * later or from within. */
    void (*start)(void *carrier, struct delivery *d);

    /* Whether more can be carried at once, apart from the lane's own limits;
     * NULL = always. */
    bool (*has_room)(void *carrier);

    /* The settings have changed: what the lane needs to know of them now. What
     * is under way ends by those that it was begun with. anew: so have those
     * of its own section. NULL = nothing ever changes. */
    struct lane_traits (*renew)(
        void *carrier, const struct settings *set, bool anew);

    /* Whether anything under way was begun with these settings; NULL = never.
     */
    bool (*uses)(const void *carrier, const struct settings *set);

    /* Forgets what is under way and frees. */
    void (*close)(void *carrier);
};

/* NULL when out of memory; the carrier then stays with the caller, else it is
 * the lane's. */
struct lane *lane_make(const struct lane_traits *traits,
    const struct carrier_ops *ops, void *carrier);

/* Forgets what is under way, frees, sets NULL. */
void lane_close(struct lane **lane);

/* The settings have changed. anew: among them those of its own section, so the
 * account may be another one: a hold is over then, and what calls say that were
 * begun before does not count. */
void lane_renew(struct lane *lane, const struct settings *set, bool anew);

/* Its account serves so many of all parts here, the others elsewhere: of
 * connections and of requests in a second it takes that share, and one at
 * least. */
void lane_set_share(struct lane *lane, unsigned parts, unsigned all);

/* Whether anything under way was begun with these settings. */
bool lane_uses(const struct lane *lane, const struct settings *set);

/* Whether its provider can be asked what became of a message, and after which
 * pause. */
bool lane_can_ask(const struct lane *lane);
int64_t lane_ask_after_ms(const struct lane *lane);

/* Whether what may have been accepted is sent again, byte by byte. */
bool lane_repeats(const struct lane *lane);

/* Pauses after a failure that may pass: the first, doubling up to the
 * longest. */
int64_t lane_retry_first_ms(const struct lane *lane);
int64_t lane_retry_longest_ms(const struct lane *lane);

/* Whether one that failed so often, in a way that may pass, is to be given up:
 * it is at fault itself, for the lane is not held. */
bool lane_gives_up(const struct lane *lane, unsigned attempts);

/* Longest that a delivery may be under way in it. */
int64_t lane_longest_ms(const struct lane *lane);

/* How many more deliveries it can start now. */
size_t lane_room(const struct lane *lane);

/* When it has room again by itself (boot clock, microseconds): at the end of a
 * hold, or of the gap between two requests. INT64_MAX when it waits for
 * something else. */
int64_t lane_room_us(const struct lane *lane);

/* Counts a request to the provider that is not a delivery's: a question about
 * something that it accepted before. To be begun only while there is room. */
void lane_begin_other(struct lane *lane);
void lane_end_other(struct lane *lane);

/* Least time between the beginnings of two requests. */
int64_t lane_gap_us(const struct lane *lane);

/* Whether it holds itself just now. */
bool lane_is_held(const struct lane *lane);

/* When a hold ends (boot clock, microseconds); 0 = it is not held. */
int64_t lane_held_until_us(const struct lane *lane);

/* Whether nothing may be begun in it, because it holds itself or the operator
 * has paused it: what may go another way, does. */
bool lane_is_shut(const struct lane *lane);

/* Begins nothing as long as it is paused; what is under way goes on. */
void lane_pause(struct lane *lane, bool paused);

/* Ends a hold now: one call tries it. */
void lane_retry(struct lane *lane);

/* Appends the ids of those under way, each behind a comma. */
void lane_ids(const struct lane *lane, struct bytes *out);

/* How many are under way. */
size_t lane_active(const struct lane *lane);

/* Starts the call for a delivery, which the lane owns from now on. */
void lane_start(struct lane *lane, struct delivery *d);

/* For carriers: its call has ended, with d->outcome. Since lane_start() it
 * is under way, for d->begun_us (boot clock). */
void lane_finish(struct lane *lane, struct delivery *d);

/* For carriers: a request begins now, by the lane's gap. */
void lane_turn(struct lane *lane);

/* Deliveries whose call has ended, with their outcome. The caller takes them
 * from this list. */
struct delivery_list *lane_finished(struct lane *lane);

#endif
