/* action: see action.h. */
#include "actions/action.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { LOOK_AGAIN_US = 10 * 1000000 };

const struct action *const actions[ACTIONS] = {
    &action_sms,
    &action_social,
    &action_receipt,
    &action_bonus_topup,
    &action_bonus_loyalty,
    &action_discount_remove,
    &action_session_reset,
    &action_exec,
    &action_webhook,
    &action_kafka,
};

const struct action *
action_find(const char *name)
{
    for (size_t i = 0; i < ACTIONS; i++)
        if (strcmp(actions[i]->name, name) == 0)
            return actions[i];
    return NULL;
}

int64_t
action_expires_in_us(
    const struct action *action, const struct settings *set, int64_t age_ms)
{
    int64_t ms = action->expire_ms(set);

    return ms == INT64_MAX ? ms : (ms - age_ms) * 1000;
}

int64_t
action_settled_ms(const struct settings *set, enum event_kind kind, int64_t ms)
{
    int64_t settle_ms = set->billing.state_settle_ms;

    return event_kind_is_state(kind) && settle_ms > ms ? settle_ms : ms;
}

int64_t
action_never_expires(const struct settings *set)
{
    (void)set;
    return INT64_MAX;
}

bool
action_needs_no_api(const struct facts *facts, const struct settings *set)
{
    (void)facts;
    (void)set;
    return false;
}

bool
action_refuse(struct delivery_list *list, const struct action *action,
    const struct decision *decision)
{
    static const enum delivery_state states[] = {
        [VERDICT_DO] = DELIVERY_DONE,
        [VERDICT_SKIP] = DELIVERY_SKIPPED,
        [VERDICT_WAIT] = DELIVERY_READY,
        [VERDICT_ASK] = DELIVERY_DOUBTFUL,
    };
    struct delivery *d = delivery_make(action->name, NULL);

    if (!d)
        return false;
    d->state = states[decision->verdict];
    d->lane = LANE_DECIDE;
    if (decision->verdict == VERDICT_WAIT)
        d->delay_us = LOOK_AGAIN_US;
    snprintf(d->reason, sizeof d->reason, "%s", decision->reason);
    delivery_push(list, d);
    return true;
}

bool
action_claim_credit(
    struct delivery *d, const struct facts *facts, const struct api_row *row)
{
    char sql[160];

    if (!row || facts->event_id == 0 ||
        row->millionths != facts->event->millionths)
        return true;
    snprintf(sql, sizeof sql,
        "INSERT IGNORE INTO api_credit (record_id, event_id)"
        " VALUES (%" PRIu64 ",%" PRIu64 ");",
        row->id, facts->event_id);
    d->effect = strdup(sql);
    return d->effect != NULL;
}
