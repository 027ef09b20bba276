/*
 * state: whom something concerns, by what has become of them: active, frozen,
 * blocked or deleted. Pure functions.
 */
#ifndef MBEV_RULES_STATE_H
#define MBEV_RULES_STATE_H

#include "rules/decision.h"
#include "settings.h"
#include "snapshot.h"

/* Sets of users.state, and of the tables where a row may stand. */
#define STATE(n) (1u << (n))
#define STATE_ACTIVE STATE(1)
#define STATE_FROZEN STATE(2)
#define STATE_BLOCKED STATE(3)
#define STATE_DELETED STATE(4)
#define STATE_ANY (STATE_ACTIVE | STATE_FROZEN | STATE_BLOCKED | STATE_DELETED)
#define PLACE(place) (1u << (place))

/* Whether the subscriber is in one of the states, by users.state on a modern
 * schema; else whether the row stands in one of the tables, of which on a
 * modern schema only those count that [billing] moved_subscribers says. If not,
 * the decision says why. */
bool state_fits(struct decision *d, unsigned states, unsigned places,
    const struct subscriber *sub, const struct settings *set);

/* The same for what follows a freeze, an unfreeze, a block, an unblock or a
 * delete: whether the subscriber is still what that event says. */
bool state_holds(struct decision *d, enum event_kind kind,
    const struct subscriber *sub, const struct settings *set);

#endif
