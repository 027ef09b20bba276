/* session: see rules/session.h. */
#include "rules/session.h"

#include "routers/console.h"

enum { LATER_US = 200000, PATIENCE_MS = 10000 };

/* Only who stands in users has sessions that matter; or who was there until
 * now. */
static bool
is_there(struct decision *d, const struct facts *facts)
{
    const struct subscriber *sub = facts->sub;

    if (sub->place == PLACE_USERS ||
        (sub->place != PLACE_NONE && event_kind_is_state(facts->event->kind)))
        return true;
    if (sub->place == PLACE_NONE)
        return decision_skip(d, "there is no such subscriber");
    return decision_skip(
        d, "the subscriber is in table %s", billing_table(sub->place));
}

static bool
is_active(struct decision *d, const struct subscriber *sub)
{
    if (sub->modern && sub->state != 1)
        return decision_skip(
            d, "the subscriber is not active (state %d)", sub->state);
    return sub->blocked == 0 || decision_skip(d, "the subscriber is blocked");
}

/* A payment opens the Internet on the day on which the fee is taken. */
static bool
is_fee_day(struct decision *d, const struct facts *facts)
{
    return facts->sub->fee_day == facts->captured.day ||
           decision_skip(d,
               "it is not the day of the monthly fee (%d, users.date_abonka)",
               facts->sub->fee_day);
}

static bool
has_credit(struct decision *d, const struct subscriber *sub)
{
    return sub->credit_kopecks != 0 || decision_skip(d, "there is no credit");
}

static bool
event_fits(struct decision *d, const struct facts *facts)
{
    const struct subscriber *sub = facts->sub;

    switch (facts->event->kind) {
    case EVENT_PAYMENT:
    case EVENT_API_PAYMENT:
        return is_active(d, sub) && is_fee_day(d, facts);
    case EVENT_REFUND:
    case EVENT_API_REFUND:
        return is_active(d, sub);
    case EVENT_CREDIT:
    case EVENT_CREDIT_LIMIT:
        return is_active(d, sub) && has_credit(d, sub);
    case EVENT_TARIFF_CHANGE:
    case EVENT_FREEZE:
    case EVENT_UNFREEZE:
    case EVENT_BLOCK:
    case EVENT_UNBLOCK:
    case EVENT_DELETE:
    case EVENT_REAL_IP:
    case EVENT_TURBO:
        return true;
    case EVENT_KINDS:
        break;
    }
    return decision_skip(d, "no such event");
}

static bool
can_log_in(struct decision *d, const struct subscriber *sub)
{
    char why[DECISION_REASON];

    return console_accepts(sub->login, why, sizeof why) ||
           decision_skip(d, "the login cannot have a session: %s", why);
}

/* Another of this subscriber that is due later, or as soon, is waited for: it
 * may be not to be done. But not for ever, when there is always one more. */
static bool
is_last(struct decision *d, int64_t *wait_us, const struct facts *facts,
    const struct settings *set)
{
    if (facts->reset_event)
        return decision_skip(d, "one reset for all, with that of event %llu",
            (unsigned long long)facts->reset_event);
    if (!facts->reset_waits ||
        facts->age_ms > set->session_reset.after_ms + PATIENCE_MS)
        return true;
    if (facts->reset_due_us > 0)
        *wait_us = facts->reset_due_us;
    if (*wait_us > PATIENCE_MS * 1000)
        *wait_us = PATIENCE_MS * 1000;
    *wait_us += LATER_US;
    return decision_set(d, VERDICT_WAIT,
        "waits for a later reset of the same subscriber, to be one with it");
}

void
session_decide(struct decision *d, int64_t *wait_us, const struct facts *facts,
    const struct settings *set)
{
    *d = (struct decision){ 0 };
    *wait_us = 0;
    (void)(facts_are_young(d, facts->event, set) && is_there(d, facts) &&
           event_fits(d, facts) && can_log_in(d, facts->sub) &&
           is_last(d, wait_us, facts, set));
}
