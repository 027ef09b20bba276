/* state: see rules/state.h. */
#include "rules/state.h"

static bool
number_fits(struct decision *d, unsigned states, int state)
{
    static const char *const names[] = { "in state 0", "active", "frozen",
        "disabled", "deleted" };
    bool known = state >= 0 && state <= 4;

    if (known && (states & STATE(state)))
        return true;
    return decision_skip(d, "the subscriber is %s (users.state %d)",
        known ? names[state] : "in no known state", state);
}

bool
state_fits(struct decision *d, unsigned states, unsigned places,
    const struct subscriber *sub, const struct settings *set)
{
    static const char *const stands[BILLING_PLACES] = {
        [PLACE_USERS] = "the subscriber is active (table users)",
        [PLACE_FROZEN] = "the subscriber is frozen (table usersfreeze)",
        [PLACE_BLOCKED] = "the subscriber is blocked (table usersblok)",
        [PLACE_DELETED] = "the subscriber is deleted (table usersdel)",
    };

    if (sub->place == PLACE_NONE)
        return decision_skip(d, "there is no such subscriber");
    if (sub->place == PLACE_USERS && sub->modern)
        return number_fits(d, states, sub->state);
    if (!(places & PLACE(sub->place)))
        return decision_skip(d, "%s", stands[sub->place]);
    if (!sub->modern || set->billing.moved_subscribers)
        return true;
    return decision_skip(d,
        "the subscriber is only in %s, which does not count "
        "([billing] moved_subscribers)",
        billing_table(sub->place));
}

bool
state_holds(struct decision *d, enum event_kind kind,
    const struct subscriber *sub, const struct settings *set)
{
    switch (kind) {
    case EVENT_FREEZE:
        return state_fits(d, STATE_FROZEN, PLACE(PLACE_FROZEN), sub, set);
    case EVENT_BLOCK:
        return state_fits(d, STATE_BLOCKED, PLACE(PLACE_BLOCKED), sub, set);
    case EVENT_DELETE:
        return state_fits(d, STATE_DELETED, PLACE(PLACE_DELETED), sub, set);
    default:
        return state_fits(d, STATE_ACTIVE, PLACE(PLACE_USERS), sub, set);
    }
}
