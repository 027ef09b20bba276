/*
 * delivery: one thing to be done about one event, for one receiver.
 *
 * The states and every way between them:
 *
 *   (new) --> skipped                  the rules say no; reason says why
 *   (new) --> ready --> calling        the attempt is committed, then made
 *             ready --> expired        of no use any more
 *             ready --> cancelled      by the operator
 *   calling --> done                   the provider accepted it
 *   calling --> retry                  failed, may pass: due again later
 *   calling --> ready                  not tried after all: attempt given back
 *   calling --> dead                   refused for good, by every channel
 *   calling --> doubtful               nobody knows; never repeated unasked
 *   ready | retry --> held           by the operator, and back to ready
 *   ready --> done | skipped | doubtful
 *                                      decided when it fell due: work in the
 *                                      billing is done with the decision
 *   retry --> calling | expired | cancelled
 *   (new), ready --> dry             a dry run: decided, not done; see dry.h
 *   leased                             claimed and waiting for its turn in a
 *                                      lane; unused while lanes claim only
 *                                      what they can start
 *
 * A delivery may be born in calling: when it is decided in the ingest and its
 * lane has room, the attempt is committed together with the event.
 */
#ifndef MBEV_DELIVERY_H
#define MBEV_DELIVERY_H

#include "channel.h"
#include "log.h"
#include "providers/outcome.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum delivery_state {
    DELIVERY_READY,
    DELIVERY_LEASED,
    DELIVERY_CALLING,
    DELIVERY_DONE,
    DELIVERY_RETRY,
    DELIVERY_DOUBTFUL,
    DELIVERY_DEAD,
    DELIVERY_EXPIRED,
    DELIVERY_SKIPPED,
    DELIVERY_CANCELLED,
    DELIVERY_HELD,
    DELIVERY_DRY,
    DELIVERY_STATES
};

/* As it stands in delivery.state. */
const char *delivery_state_name(enum delivery_state state);
/* DELIVERY_STATES for an unknown name. */
enum delivery_state delivery_state_of(const char *name);

/* Where a delivery waits for its turn. */
enum lane_id {
    LANE_DECIDE, /* it is not decided yet */
    LANE_SMSPILOT,
    LANE_SMSC,
    LANE_KOMTET,
    LANE_ROUTERS,
    LANE_EXEC,
    LANE_WEBHOOK,
    LANE_KAFKA,
    LANES
};

/* As it stands in delivery.lane. */
const char *delivery_lane_name(enum lane_id lane);
/* LANE_DECIDE for an unknown name. */
enum lane_id delivery_lane_of(const char *name);
/* The same where it matters: false for an unknown name. */
bool delivery_lane_find(const char *name, enum lane_id *lane);
/* Whether what waits there for one subscriber goes one after the other. */
bool delivery_lane_in_order(enum lane_id lane);
/* Whether events are handed on there as they are: payload is made when they
 * are claimed, and is not stored. */
bool delivery_lane_hands_on(enum lane_id lane);
/* The lane that serves a channel. */
enum lane_id delivery_lane_for(enum channel channel);

enum {
    DELIVERY_ADDRESS = 64,
    DELIVERY_REASON = 255,
    DELIVERY_KEY = 175,
    DELIVERY_UTC = 23,
};

struct delivery {
    struct delivery *next; /* in whatever list it is */
    uint64_t id;           /* 0 = not stored yet */
    uint64_t event_id;
    size_t event;       /* which event of the batch, while event_id is 0 */
    uint64_t uid;       /* the event's subscriber */
    const char *action; /* a constant: "sms" */
    unsigned receiver;
    enum delivery_state state;
    enum lane_id lane;
    struct route route; /* what of the channels is left to try */
    const char *notice; /* a constant: the section whose quiet hours it keeps;
                           NULL = none */
    int64_t delay_us;   /* to be due so long from now */
    int64_t expires_in_us; /* of no use after; INT64_MAX = never expires */
    int64_t plan_us;       /* to be delivered then, microseconds since 1970
                              UTC; 0 = at once */
    bool ask;              /* an earlier attempt may have been accepted: ask
                              before sending */
    bool dry;              /* it is never done: see dry.h */
    bool astray;    /* nobody knows which channel an attempt was made by */
    uint64_t epoch; /* under which it was claimed */
    bool inherited; /* another service may have made an attempt that the server
                       has forgotten */
    unsigned attempts;
    unsigned crashes; /* of the service, for which it is set aside; or 0 */
    bool judged;      /* settle: what its outcome makes of it is set */
    bool ours;        /* settle: still in calling under our epoch */
    uint64_t log_id;  /* its row in the billing's log of messages, or of
                         receipts; 0 = has none yet */
    char address[DELIVERY_ADDRESS + 1];
    char *payload; /* owned; NULL = none */
    char *effect;  /* owned; SQL that is its work in the billing,
                      run with the decision; NULL = none */
    char **step;   /* owned; such work done before it, each a
                      transaction of its own; NULL = none */
    size_t steps;
    char key[DELIVERY_KEY + 1]; /* identity that outlives a lost commit:
                                   event, action, receiver */
    char captured_utc[DELIVERY_UTC + 1]; /* its event: "2026-11-23
                                            20:24:00.123" */
    char reason[DELIVERY_REASON + 1];
    int64_t begun_us;       /* boot clock: when its last call began */
    struct outcome outcome; /* of the last call, once there was one */
    const char *provider;   /* a constant; NULL = none was asked */
};

/* A new delivery with a copy of payload (may be NULL). NULL when out of
 * memory. */
struct delivery *delivery_make(const char *action, const char *payload);

/* Sets its key: identity is the event's, see event.h. */
void delivery_set_key(struct delivery *d, const char *identity);

/* The event's identity, out of its key. */
const char *
delivery_identity(const struct delivery *d, char buf[DELIVERY_KEY + 1]);

/* The key of its n-th attempt, for the journal. The attempts of a receipt are
 * those of its number, which is on the server's disk before the first: made
 * again under another number, it was not sent before. */
enum { DELIVERY_ATTEMPT_KEY = DELIVERY_KEY + 40 };
const char *delivery_attempt_key(
    const struct delivery *d, unsigned n, char buf[DELIVERY_ATTEMPT_KEY]);

/* Our number of its message for providers: the same in every attempt and
 * after a lost commit, "MBEV-0123456789abcdef". To the social networks it is
 * another message than the SMS that may follow, "MBEV-0123456789abcdef-s": a
 * provider also knows the numbers of those that it refused. */
enum { DELIVERY_MESSAGE_ID = 24 };
const char *
delivery_message_id(const struct delivery *d, char buf[DELIVERY_MESSAGE_ID]);

/* For lines of the log about it. */
struct log_subject delivery_subject(const struct delivery *d);

/* Appends a step, which is copied. False when out of memory. */
bool delivery_add_step(struct delivery *d, const char *sql);

/* Forgets and frees all steps. */
void delivery_drop_steps(struct delivery *d);

void delivery_free(struct delivery *d);

/* A queue of deliveries, first in, first out. */
struct delivery_list {
    struct delivery *first, *last;
    size_t n;
};

void delivery_push(struct delivery_list *list, struct delivery *d);
struct delivery *delivery_pop(struct delivery_list *list); /* NULL: empty */
/* Takes one out that is in the list. */
void delivery_remove(struct delivery_list *list, struct delivery *d);
void delivery_drop_all(struct delivery_list *list);

#endif
