/*
 * session: the action that ends a subscriber's sessions on the routers.
 */
#include "actions/action.h"

#include "reset.h"
#include "rules/session.h"
#include "utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
routed(const struct settings *set, enum event_kind kind)
{
    return set->session_reset.on[kind];
}

static int64_t
after_ms(const struct settings *set, enum event_kind kind)
{
    return action_settled_ms(set, kind, set->session_reset.after_ms);
}

static int64_t
expire_ms(const struct settings *set)
{
    return set->session_reset.expire_ms;
}

static struct delivery *
make_reset(const struct facts *facts, const struct settings *set)
{
    const struct subscriber *sub = facts->sub;
    /* Nothing of it is changed. */
    const struct reset reset = { .login = sub->login,
        .seen = (struct seen *)facts->seen,
        .seen_n = facts->seen_n,
        .only = strcmp(set->session_reset.target, "online") == 0 };
    char *payload = reset_print(&reset);
    struct delivery *d =
        payload ? delivery_make(action_session_reset.name, payload) : NULL;

    free(payload);
    if (!d)
        return NULL;
    d->lane = LANE_ROUTERS;
    utf8_copy(d->address, sizeof d->address, sub->login, strlen(sub->login));
    return d;
}

static bool
sees_routers(struct decision *d, const struct billing *billing)
{
    return billing->has_routers ||
           decision_set(d, VERDICT_WAIT, "%s", BILLING_NO_ROUTERS);
}

static bool
decide(struct delivery_list *list, const struct facts *facts,
    const struct settings *set, const struct billing *billing)
{
    struct decision decision;
    struct delivery *d;
    int64_t wait_us;

    session_decide(&decision, &wait_us, facts, set);
    if (decision.verdict != VERDICT_DO || !sees_routers(&decision, billing)) {
        if (!action_refuse(list, &action_session_reset, &decision))
            return false;
        if (wait_us > 0)
            list->last->delay_us = wait_us;
        return true;
    }
    d = make_reset(facts, set);
    if (d)
        delivery_push(list, d);
    return d != NULL;
}

/* What is left to be done. After a crash what may have been done is done again
 * only for a while: each time it would end a new session. */
static void
record(struct bytes *sql, const struct delivery *d, const struct settings *set)
{
    if (d->state != DELIVERY_RETRY)
        return;
    bytes_str(sql, "UPDATE delivery AS d JOIN event AS e ON e.id = d.event_id"
                   " SET d.payload = ");
    db_text(sql, d->payload);
    if (d->outcome.class == OUTCOME_UNKNOWN)
        bytes_printf(sql,
            ", d.expires_utc = LEAST(d.expires_utc,"
            " e.captured_utc + INTERVAL %" PRId64 " MICROSECOND)",
            set->session_reset.repeat_within_ms * 1000);
    bytes_printf(sql, " WHERE d.id = %" PRIu64 ";", d->id);
}

const struct action action_session_reset = {
    .name = "session_reset",
    .in_billing = true,
    .routed = routed,
    .after_ms = after_ms,
    .expire_ms = expire_ms,
    .needs_api = action_needs_no_api,
    .decide = decide,
    .record = record,
};
