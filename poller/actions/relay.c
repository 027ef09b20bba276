/*
 * relay: the actions that hand every event on, to a webhook and to Kafka. What
 * is sent is made of the event when it is claimed, see envelope.h; nothing that
 * the billing says matters, and nothing expires.
 */
#include "actions/action.h"

#include "wordlist.h"

static bool
is_meant(const char *kinds, enum event_kind kind)
{
    return wordlist_has(kinds, "all") ||
           wordlist_has(kinds, event_kind_name(kind));
}

static bool
webhook_routed(const struct settings *set, enum event_kind kind)
{
    return *set->webhook.url && is_meant(set->webhook.kinds, kind);
}

static bool
kafka_routed(const struct settings *set, enum event_kind kind)
{
    return *set->kafka.brokers && is_meant(set->kafka.kinds, kind);
}

static int64_t
after_ms(const struct settings *set, enum event_kind kind)
{
    (void)set;
    (void)kind;
    return 0;
}

static bool
decide(
    struct delivery_list *list, const struct action *action, enum lane_id lane)
{
    struct delivery *d = delivery_make(action->name, NULL);

    if (!d)
        return false;
    d->state = DELIVERY_READY;
    d->lane = lane;
    delivery_push(list, d);
    return true;
}

static bool
webhook_decide(struct delivery_list *list, const struct facts *facts,
    const struct settings *set, const struct billing *billing)
{
    (void)facts;
    (void)set;
    (void)billing;
    return decide(list, &action_webhook, LANE_WEBHOOK);
}

static bool
kafka_decide(struct delivery_list *list, const struct facts *facts,
    const struct settings *set, const struct billing *billing)
{
    (void)facts;
    (void)set;
    (void)billing;
    return decide(list, &action_kafka, LANE_KAFKA);
}

const struct action action_webhook = {
    .name = "webhook",
    .routed = webhook_routed,
    .after_ms = after_ms,
    .expire_ms = action_never_expires,
    .needs_api = action_needs_no_api,
    .decide = webhook_decide,
};

const struct action action_kafka = {
    .name = "kafka",
    .routed = kafka_routed,
    .after_ms = after_ms,
    .expire_ms = action_never_expires,
    .needs_api = action_needs_no_api,
    .decide = kafka_decide,
};
