/*
 * action: what can be done about an event.
 *
 * An action knows which events it is for and decides, from facts, which
 * deliveries an event makes. Messages are then handed to providers; work in
 * the billing itself is SQL that travels with the decision.
 */
#ifndef MBEV_ACTION_H
#define MBEV_ACTION_H

#include "billing.h"
#include "delivery.h"
#include "event.h"
#include "rules/decision.h"
#include "rules/facts.h"
#include "settings.h"

struct action {
    const char *name; /* as in delivery.action */

    /* Something is written into the billing with the decision: it is made in
     * a transaction of its own, after the ingest. */
    bool in_billing;

    /* Each decision must see what the last one wrote, and what the subscriber
     * has in users_custom_fields: one event after the other. */
    bool one_by_one;

    /* Whether it is switched on for such events. */
    bool (*routed)(const struct settings *set, enum event_kind kind);

    /* How long to wait after the capture before it is decided. */
    int64_t (*after_ms)(const struct settings *set, enum event_kind kind);

    /* How long after the capture it is of use; INT64_MAX = for ever. */
    int64_t (*expire_ms)(const struct settings *set);

    /* Whether the decision depends on rows of addons_pay_api, by what is known
     * without them. */
    bool (*needs_api)(const struct facts *facts, const struct settings *set);

    /* Decides about one event and appends its deliveries. False when out of
     * memory. */
    bool (*decide)(struct delivery_list *list, const struct facts *facts,
        const struct settings *set, const struct billing *billing);

    /* Append the statements that record what became of a call, each ended by a
     * semicolon: on our own tables, and on the billing's log of such things.
     * NULL = there is nothing more to record than the delivery itself. */
    void (*record)(struct bytes *sql, const struct delivery *d,
        const struct settings *set);
    void (*log)(struct bytes *sql, const struct delivery *d,
        const struct settings *set, const struct billing *billing);

    /* Appends a message's row to the one INSERT of all new rows of that log to
     * which nothing will refer; n: how many it has. Returns 1; or 0 and nothing
     * when that does not hold, and log() is for it. NULL = never. */
    size_t (*log_new)(struct bytes *sql, size_t n, const struct delivery *d,
        const struct settings *set, const struct billing *billing);
};

/* All there are; their order is that in which an event's are decided. */
enum { ACTIONS = 10 };
extern const struct action *const actions[ACTIONS];

/* NULL when there is none of that name. */
const struct action *action_find(const char *name);

/* What is left of that so long after the capture, in microseconds; INT64_MAX =
 * for ever. */
int64_t action_expires_in_us(
    const struct action *action, const struct settings *set, int64_t age_ms);

/* How long to wait after the capture, at least so long: longer while the
 * billing may still move the subscriber's row. */
int64_t
action_settled_ms(const struct settings *set, enum event_kind kind, int64_t ms);

/* For actions that are of use for ever. */
int64_t action_never_expires(const struct settings *set);

/* For actions to which rows of addons_pay_api mean nothing. */
bool action_needs_no_api(const struct facts *facts, const struct settings *set);

/* Appends one delivery that is not carried out: skipped, to be looked at again
 * (still undecided), or for the operator to decide. False when out of
 * memory. */
bool action_refuse(struct delivery_list *list, const struct action *action,
    const struct decision *decision);

/* Gives the delivery the effect that a row of addons_pay_api is known to have
 * become this payment, when its amount says so. False when out of memory. */
bool action_claim_credit(
    struct delivery *d, const struct facts *facts, const struct api_row *row);

extern const struct action action_sms;
extern const struct action action_social;
extern const struct action action_receipt;
extern const struct action action_bonus_topup;
extern const struct action action_bonus_loyalty;
extern const struct action action_discount_remove;
extern const struct action action_session_reset;
extern const struct action action_exec;
extern const struct action action_webhook;
extern const struct action action_kafka;

#endif
