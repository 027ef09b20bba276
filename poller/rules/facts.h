/*
 * facts: all that a rule may look at. Rules are pure functions of these and
 * of the settings: no database, no network, no clock of their own.
 */
#ifndef MBEV_FACTS_H
#define MBEV_FACTS_H

#include "civil.h"
#include "event.h"
#include "rules/decision.h"
#include "settings.h"
#include "snapshot.h"
#include "zone.h"

/* Who changed a tariff. */
enum origin { ORIGIN_SUBSCRIBER, ORIGIN_STAFF };

struct facts {
    const struct event *event;
    uint64_t event_id; /* 0 = not stored yet */
    const struct subscriber *sub;
    struct civil captured;     /* when, by the database's clock */
    int64_t age_ms;            /* since then */
    const struct api_row *api; /* the subscriber's rows of addons_pay_api */
    size_t api_n;
    enum origin origin;            /* of a change of tariff */
    const struct cashier *cashier; /* who booked a payment; NULL = unknown */
    const struct seen *seen;       /* sessions that the billing sees online */
    size_t seen_n;
    const struct network *network; /* for programs; NULL = not known */
    uint64_t reset_event;          /* of a later event whose reset of the same
                                      subscriber is or was carried out; 0 = none */
    bool reset_waits;              /* a later one is not decided yet... */
    int64_t reset_due_us;          /* ... and will be so long from now */
    unsigned ended;          /* removable discounts that another program has
                                ended since then; counted in a dry run */
    bool dry;                /* what is decided is done by another program,
                                perhaps already: see dry.h */
    int64_t wall_us;         /* now, microseconds since 1970 UTC */
    const struct zone *zone; /* of the quiet hours */
    uint32_t chance;         /* picks what is picked at random */
};

/* Whether the row was not back-dated by more than the settings allow; else the
 * decision says why it starts nothing. */
bool facts_are_young(
    struct decision *d, const struct event *event, const struct settings *set);

/* Who changed a tariff, by what the staff leaves behind: MikBill books a fee
 * for the change (types 23 and 26) and writes logs, and both carry the number
 * of the staff member who did it. A trace of the same subscriber not further
 * from the capture than the window means the staff; none means what the
 * setting says. */
enum origin facts_origin(const struct snapshot *snap, const struct event *event,
    const struct civil *captured, const struct settings *set);

#endif
