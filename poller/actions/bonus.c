/*
 * bonus: the actions that credit a bonus, as a row of addons_pay_api that the
 * billing's own payment API turns into a payment.
 */
#include "actions/action.h"

#include "money.h"
#include "rules/bonus.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { LARGEST_SQL = 64 * 1024 };

typedef void bonus_rule(
    struct bonus *out, const struct facts *facts, const struct settings *set);

static bool
is_payment(enum event_kind kind)
{
    return kind == EVENT_PAYMENT || kind == EVENT_API_PAYMENT;
}

static bool
topup_routed(const struct settings *set, enum event_kind kind)
{
    return set->bonus_topup.on && is_payment(kind);
}

static bool
loyalty_routed(const struct settings *set, enum event_kind kind)
{
    return set->bonus_loyalty.on && is_payment(kind);
}

/* A payment of type 62 may itself be a bonus: that is known a little later. */
static int64_t
after_ms(const struct settings *set, enum event_kind kind)
{
    return kind == EVENT_API_PAYMENT ? set->billing.api_settle_ms : 0;
}

/* The rows matter only to a payment that would earn the bonus without them. */
static bool
earns(const struct facts *facts, const struct settings *set, bonus_rule *rule)
{
    struct facts without = *facts;
    struct bonus bonus;

    without.api = NULL;
    without.api_n = 0;
    rule(&bonus, &without, set);
    return bonus.decision.verdict == VERDICT_DO;
}

static bool
topup_needs_api(const struct facts *facts, const struct settings *set)
{
    return earns(facts, set, bonus_topup);
}

static bool
loyalty_needs_api(const struct facts *facts, const struct settings *set)
{
    return earns(facts, set, bonus_loyalty);
}

static void
add_table(struct bytes *sql, const struct billing *billing, const char *verb,
    const char *table)
{
    bytes_printf(sql, "%s ", verb);
    db_name(sql, billing->name);
    bytes_printf(sql, ".%s", table);
}

/* The category and the credit. */
static void
add_credit(struct bytes *sql, const struct billing *billing,
    const struct bonus_settings *set, const struct facts *facts,
    const char *mark, const char *amount)
{
    add_table(sql, billing, "INSERT IGNORE INTO", "addons_pay_api_category");
    bytes_printf(
        sql, " (category, categoryname) VALUES (%" PRId64 ",", set->category);
    db_text(sql, set->name);
    bytes_str(sql, ");");
    add_table(sql, billing, "INSERT INTO", "addons_pay_api");
    bytes_str(sql, " (misc_id, category, user_ref, amount, creation_time,"
                   " update_time, status, comment) VALUES (");
    db_text(sql, mark);
    bytes_printf(sql, ",%" PRId64 ",%" PRIu64 ",%s,NOW(),NOW(),0,",
        set->category, facts->event->uid, amount);
    db_text(sql, set->comment);
    bytes_str(sql, ");");
}

static bool
set_effect(struct delivery *d, struct bytes *sql)
{
    bool good = bytes_ok(sql);

    if (good && sql->n > 0) {
        d->effect = strdup(bytes_text(sql));
        good = d->effect != NULL;
    }
    bytes_free(sql);
    return good;
}

static bool
give(struct delivery_list *list, const struct action *action,
    const struct bonus *bonus, const struct bonus_settings *set,
    const struct facts *facts, const struct billing *billing, const char *mark)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    char amount[MONEY_TEXT];
    struct delivery *d = delivery_make(action->name,
        bonus->given ? NULL : money_print(bonus->kopecks, amount));

    if (!d)
        return false;
    d->state = DELIVERY_DONE;
    if (bonus->given)
        snprintf(
            d->reason, sizeof d->reason, "an earlier try had given it already");
    else
        add_credit(&sql, billing, set, facts, mark, amount);
    delivery_push(list, d);
    return set_effect(d, &sql);
}

static bool
decide(struct delivery_list *list, enum bonus_kind kind,
    const struct facts *facts, const struct settings *set,
    const struct billing *billing)
{
    bool topup = kind == BONUS_TOPUP;
    const struct action *action =
        topup ? &action_bonus_topup : &action_bonus_loyalty;
    struct bonus bonus;
    char mark[BONUS_MARK];

    if (topup)
        bonus_topup(&bonus, facts, set);
    else
        bonus_loyalty(&bonus, facts, set);
    if (!billing_can_reward(billing))
        decision_set(&bonus.decision, VERDICT_WAIT, BILLING_NO_REWARD);
    if (bonus.decision.verdict != VERDICT_DO)
        return action_refuse(list, action, &bonus.decision) &&
               action_claim_credit(list->last, facts, bonus.credit);
    return give(list, action, &bonus,
        topup ? &set->bonus_topup : &set->bonus_loyalty, facts, billing,
        bonus_mark(facts->event, kind, mark));
}

static bool
topup_decide(struct delivery_list *list, const struct facts *facts,
    const struct settings *set, const struct billing *billing)
{
    return decide(list, BONUS_TOPUP, facts, set, billing);
}

static bool
loyalty_decide(struct delivery_list *list, const struct facts *facts,
    const struct settings *set, const struct billing *billing)
{
    return decide(list, BONUS_LOYALTY, facts, set, billing);
}

const struct action action_bonus_topup = {
    .name = "bonus_topup",
    .in_billing = true,
    .one_by_one = true,
    .routed = topup_routed,
    .after_ms = after_ms,
    .expire_ms = action_never_expires,
    .needs_api = topup_needs_api,
    .decide = topup_decide,
};

const struct action action_bonus_loyalty = {
    .name = "bonus_loyalty",
    .in_billing = true,
    .one_by_one = true,
    .routed = loyalty_routed,
    .after_ms = after_ms,
    .expire_ms = action_never_expires,
    .needs_api = loyalty_needs_api,
    .decide = loyalty_decide,
};
