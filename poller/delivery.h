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
 *   calling --> dead                   the provider refused it for good
 *   calling --> doubtful               nobody knows; never repeated unasked
 *   retry --> calling | expired | cancelled
 *   leased                             claimed and waiting for its turn in a
 *                                      lane; unused while lanes claim only
 *                                      what they can start
 *
 * A delivery may be born in calling: when it is decided in the ingest and its
 * lane has room, the attempt is committed together with the event.
 */
#ifndef MBEV_DELIVERY_H
#define MBEV_DELIVERY_H

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
};

/* As it stands in delivery.state. */
const char *delivery_state_name(enum delivery_state state);

enum { DELIVERY_ADDRESS = 64, DELIVERY_REASON = 255, DELIVERY_KEY = 175 };

struct delivery {
    struct delivery *next; /* in whatever list it is */
    uint64_t id;           /* 0 = not stored yet */
    uint64_t event_id;
    size_t event;       /* which event of the batch, while event_id is 0 */
    uint64_t uid;       /* the event's subscriber */
    const char *action; /* a constant: "sms" */
    unsigned receiver;
    enum delivery_state state;
    uint64_t epoch; /* under which it was claimed */
    unsigned attempts;
    bool ours;           /* settle: still in calling under our epoch */
    uint64_t sms_log_id; /* 0 = has no row in sms_logs yet */
    int64_t age_ms;      /* since its capture, when it was taken over */
    char address[DELIVERY_ADDRESS + 1];
    char *payload;              /* owned; NULL = none */
    char key[DELIVERY_KEY + 1]; /* identity that outlives a lost commit:
                                   event, action, receiver */
    char reason[DELIVERY_REASON + 1];
    struct outcome outcome; /* of the last call, once there was one */
    const char *provider;   /* a constant; NULL = none was asked */
};

/* A new delivery with a copy of payload (may be NULL). NULL when out of
 * memory. */
struct delivery *delivery_make(const char *action, const char *payload);
/* Sets its key: identity is the event's, see event.h. */
void delivery_set_key(struct delivery *d, const char *identity);

/* The key of its n-th attempt, for the journal. */
enum { DELIVERY_ATTEMPT_KEY = DELIVERY_KEY + 16 };
const char *delivery_attempt_key(
    const struct delivery *d, unsigned n, char buf[DELIVERY_ATTEMPT_KEY]);

void delivery_free(struct delivery *d);

/* A queue of deliveries, first in, first out. */
struct delivery_list {
    struct delivery *first, *last;
    size_t n;
};

void delivery_push(struct delivery_list *list, struct delivery *d);
struct delivery *delivery_pop(struct delivery_list *list); /* NULL: empty */
void delivery_drop_all(struct delivery_list *list);

#endif
