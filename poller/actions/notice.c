/*
 * notice: the actions that tell a subscriber something, by SMS or by the
 * social networks.
 */
#include "actions/action.h"

#include "rules/notice.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A change of tariff makes one of two kinds of notice; which, is known when
 * it is decided. */
static bool
is_tariff(enum event_kind kind)
{
    return kind == EVENT_TARIFF_CHANGE;
}

static bool
is_routed(const struct settings *set, enum event_kind kind, enum notice_way way)
{
    return notice_is_on(set, notice_kind_of(kind, ORIGIN_SUBSCRIBER), way) ||
           (is_tariff(kind) &&
               notice_is_on(set, notice_kind_of(kind, ORIGIN_STAFF), way));
}

static bool
sms_routed(const struct settings *set, enum event_kind kind)
{
    return is_routed(set, kind, NOTICE_SMS);
}

static bool
social_routed(const struct settings *set, enum event_kind kind)
{
    return is_routed(set, kind, NOTICE_SOCIAL);
}

/* Of two kinds that it may become, the one that is on, or the longer pause. */
static int64_t
after_ms(const struct settings *set, enum event_kind kind)
{
    int64_t longest = 0;

    for (enum origin origin = ORIGIN_SUBSCRIBER; origin <= ORIGIN_STAFF;
         origin++) {
        enum notice_kind notice = notice_kind_of(kind, origin);
        bool on = notice_is_on(set, notice, NOTICE_SMS) ||
                  notice_is_on(set, notice, NOTICE_SOCIAL);

        if (on && set->notices[notice].after_ms > longest)
            longest = set->notices[notice].after_ms;
    }
    return action_settled_ms(set, kind, longest);
}

static int64_t
expire_ms(const struct settings *set)
{
    return set->notice.expire_ms;
}

static bool
needs_api(const struct facts *facts, const struct settings *set)
{
    (void)set;
    return notice_needs_api(notice_kind_of(facts->event->kind, facts->origin));
}

static bool
add_skipped(struct delivery_list *list, const char *action, unsigned receiver,
    const char *given)
{
    struct delivery *d = delivery_make(action, NULL);

    if (!d)
        return false;
    d->receiver = receiver;
    d->state = DELIVERY_SKIPPED;
    snprintf(d->address, sizeof d->address, "%s", given);
    snprintf(d->reason, sizeof d->reason, "not a phone number");
    delivery_push(list, d);
    return true;
}

/* In quiet hours a message waits in our queue, or at the provider. */
static void
set_time(struct delivery *d, const struct notice *notice,
    const struct facts *facts, const struct settings *set)
{
    if (notice->quiet_us == 0)
        return;
    if (set->notice.plan_at_provider) {
        d->plan_us = notice->quiet_us;
        return;
    }
    d->delay_us = notice->quiet_us - facts->wall_us;
    snprintf(d->reason, sizeof d->reason, "waits for the end of quiet hours");
}

static bool
add_ready(struct delivery_list *list, const char *action, unsigned receiver,
    const struct notice *notice, const struct facts *facts,
    const struct settings *set)
{
    struct delivery *d = delivery_make(action, bytes_text(&notice->text));

    if (!d)
        return false;
    d->receiver = receiver;
    d->state = DELIVERY_READY;
    d->route = *notice->route;
    d->lane = delivery_lane_for(d->route.at[0]);
    d->notice =
        settings_notice_name(notice_kind_of(facts->event->kind, facts->origin));
    snprintf(
        d->address, sizeof d->address, "%s", notice->phone[receiver].number);
    set_time(d, notice, facts, set);
    delivery_push(list, d);
    return action_claim_credit(d, facts, notice->credit);
}

static bool
add_all(struct delivery_list *list, const char *action,
    const struct notice *notice, const struct facts *facts,
    const struct settings *set)
{
    for (unsigned i = 0; i < notice->phones; i++) {
        const struct phone *phone = &notice->phone[i];
        bool good = phone->number[0]
                        ? add_ready(list, action, i, notice, facts, set)
                        : add_skipped(list, action, i, phone->given);

        if (!good)
            return false;
    }
    return true;
}

static bool
decide(struct delivery_list *list, const struct action *action,
    enum notice_way way, const struct facts *facts, const struct settings *set)
{
    struct notice notice;
    bool good;

    notice_decide(&notice, way, facts, set);
    if (bytes_no_memory(&notice.text))
        good = false;
    else if (notice.decision.verdict == VERDICT_DO)
        good = add_all(list, action->name, &notice, facts, set);
    else
        good = action_refuse(list, action, &notice.decision);
    notice_free(&notice);
    return good;
}

static bool
sms_decide(struct delivery_list *list, const struct facts *facts,
    const struct settings *set, const struct billing *billing)
{
    (void)billing;
    return decide(list, &action_sms, NOTICE_SMS, facts, set);
}

static bool
social_decide(struct delivery_list *list, const struct facts *facts,
    const struct settings *set, const struct billing *billing)
{
    (void)billing;
    return decide(list, &action_social, NOTICE_SOCIAL, facts, set);
}

/* --- the log of messages ------------------------------------------------- */

/* What the billing's pages show: '' or why it did not go out. */
static const char *
error_text(const struct settings *set, const struct outcome *o)
{
    if (o->class == OUTCOME_ACCEPTED)
        return "";
    return o->words[0] ? o->words : set->notice.not_sent;
}

static void
add_table(struct bytes *sql, const struct billing *billing, const char *verb)
{
    bytes_printf(sql, "%s ", verb);
    db_name(sql, billing->name);
    bytes_str(sql, ".sms_logs ");
}

static void
add_head(struct bytes *sql, const struct billing *billing)
{
    add_table(sql, billing, "INSERT INTO");
    bytes_str(
        sql, "(sms_type_id, uid, sms_phone, sms_text, sms_error_text) VALUES ");
}

static void
add_row(struct bytes *sql, const struct delivery *d, const struct settings *set)
{
    bytes_printf(sql, "(0,%" PRIu64 ",", d->uid);
    db_text(sql, d->address);
    bytes_chr(sql, ',');
    db_text(sql, d->payload);
    bytes_chr(sql, ',');
    db_text(sql, error_text(set, &d->outcome));
    bytes_chr(sql, ')');
}

/* The message's first row, which the delivery remembers: it may still
 * change. */
static void
add_remembered(struct bytes *sql, const struct delivery *d,
    const struct settings *set, const struct billing *billing)
{
    add_head(sql, billing);
    add_row(sql, d, set);
    bytes_printf(sql,
        ";UPDATE delivery SET log_id = LAST_INSERT_ID()"
        " WHERE id = %" PRIu64 ";",
        d->id);
}

static void
renew_row(struct bytes *sql, const struct delivery *d,
    const struct settings *set, const struct billing *billing)
{
    billing_lock_row(sql, billing, "sms_logs", "sms_id", d->log_id);
    add_table(sql, billing, "UPDATE");
    bytes_str(sql, "SET sms_error_text = ");
    db_text(sql, error_text(set, &d->outcome));
    bytes_printf(sql, " WHERE sms_id = %" PRIu64 ";", d->log_id);
}

/* It is over with its first call, as most are. */
static bool
is_final(const struct delivery *d)
{
    return d->log_id == 0 && d->state == DELIVERY_DONE;
}

static void
log_message(struct bytes *sql, const struct delivery *d,
    const struct settings *set, const struct billing *billing)
{
    if (d->log_id)
        renew_row(sql, d, set, billing);
    else if (!is_final(d))
        add_remembered(sql, d, set, billing);
}

static size_t
log_final(struct bytes *sql, size_t n, const struct delivery *d,
    const struct settings *set, const struct billing *billing)
{
    if (!is_final(d))
        return 0;
    if (n == 0)
        add_head(sql, billing);
    else
        bytes_chr(sql, ',');
    add_row(sql, d, set);
    return 1;
}

const struct action action_sms = {
    .name = "sms",
    .routed = sms_routed,
    .after_ms = after_ms,
    .expire_ms = expire_ms,
    .needs_api = needs_api,
    .decide = sms_decide,
    .log = log_message,
    .log_new = log_final,
};

const struct action action_social = {
    .name = "social",
    .routed = social_routed,
    .after_ms = after_ms,
    .expire_ms = expire_ms,
    .needs_api = needs_api,
    .decide = social_decide,
    .log = log_message,
    .log_new = log_final,
};
