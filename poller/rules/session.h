/*
 * session: after which events a subscriber's sessions are ended, so that they
 * come back with the new rights. Pure functions: no database, no network, no
 * clock.
 */
#ifndef MBEV_RULES_SESSION_H
#define MBEV_RULES_SESSION_H

#include "rules/decision.h"
#include "rules/facts.h"
#include "settings.h"

/* VERDICT_WAIT: *wait_us is then how long. Of several resets of one subscriber
 * that wait at the same time the last is carried out, for all. */
void session_decide(struct decision *d, int64_t *wait_us,
    const struct facts *facts, const struct settings *set);

#endif
