/* bonus: see bonus.h. */
#include "rules/bonus.h"

#include "hash.h"
#include "money.h"
#include "rules/credit.h"
#include "rules/phone.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ROUBLE 1000000LL /* millionths */

enum { KOPECK = 10000, TEN_KOPECKS = 1000 };

__extension__ typedef __int128 wide;

static bool
young_enough(
    struct decision *d, const struct facts *facts, const struct settings *set)
{
    if (set->billing.backdated_money ||
        facts->event->age_s <= set->billing.backdated_ms / 1000)
        return true;
    return decision_skip(
        d, "the row is back-dated by %" PRId64 " s", facts->event->age_s);
}

static bool
is_active(struct decision *d, const struct subscriber *sub)
{
    if (sub->place == PLACE_NONE)
        return decision_skip(d, "there is no such subscriber");
    if (sub->place != PLACE_USERS)
        return decision_skip(
            d, "the subscriber is in table %s", billing_table(sub->place));
    if (sub->modern && sub->state != 1)
        return decision_skip(
            d, "the subscriber is not active (users.state %d)", sub->state);
    return true;
}

static bool
has_phone(struct decision *d, const struct subscriber *sub)
{
    if (sub->sms_tel[strspn(sub->sms_tel, " ")] != '\0')
        return true;
    return decision_skip(d, "the subscriber has no phone (sms_tel is empty)");
}

/* The deposit before the payment is not below what the tariff allows. */
static bool
not_in_debt(struct decision *d, const struct facts *facts)
{
    const struct tariff *tariff = &facts->sub->tariff;
    int64_t before = facts->event->before_millionths;
    char deposit[MONEY_TEXT], floor[MONEY_TEXT];

    if (!tariff->known)
        return decision_skip(d,
            "the subscriber's tariff %" PRIu64 " is not in packets",
            facts->sub->gid);
    if ((wide)before >= -(wide)tariff->overdraft_millionths)
        return true;
    return decision_skip(d,
        "the deposit before the payment, %s, was below the %s that the tariff "
        "allows",
        money_print(before / KOPECK, deposit),
        money_print(-(tariff->overdraft_millionths / KOPECK), floor));
}

/* Texts equal as the server compares them: blanks at the end do not count. */
static bool
is(const char *value, const char *text)
{
    size_t n = strlen(text);

    return strncmp(value, text, n) == 0 &&
           value[n + strspn(value + n, " ")] == '\0';
}

static bool
unset(const struct subscriber *sub, enum discount discount)
{
    const char *value = sub->discount[discount];

    return !value || is(value, "0");
}

static bool
no_discount(struct decision *d, const struct subscriber *sub)
{
    const char *extended = sub->discount[DISCOUNT_EXTENDED];

    if (unset(sub, DISCOUNT_GLOBAL) && unset(sub, DISCOUNT_EXTENDED))
        return true;
    if (extended && is(extended, "1") && unset(sub, DISCOUNT_PACKET) &&
        unset(sub, DISCOUNT_SUBS) && unset(sub, DISCOUNT_DEVICE))
        return true;
    return decision_skip(d, "the subscriber has a discount");
}

const char *
bonus_mark(
    const struct event *event, enum bonus_kind kind, char buf[BONUS_MARK])
{
    snprintf(buf, BONUS_MARK, "mbev-%s-%" PRIu64 "-%016" PRIx64,
        kind == BONUS_TOPUP ? "topup" : "loyalty", event->row_id,
        hash_text(event->source_key));
    return buf;
}

static bool
has_mark(
    const struct api_row *row, const struct event *event, enum bonus_kind kind)
{
    char mark[BONUS_MARK];

    return strcmp(row->mark, bonus_mark(event, kind, mark)) == 0;
}

/* A row of ours for this payment: the first try came that far. */
static bool
was_given(const struct facts *facts, enum bonus_kind kind)
{
    for (size_t i = 0; i < facts->api_n; i++)
        if (has_mark(&facts->api[i], facts->event, kind))
            return true;
    return false;
}

static bool
is_no_bonus(
    struct bonus *out, const struct facts *facts, const struct settings *set)
{
    credit_is_bonus(&out->decision, facts, set, &out->credit);
    return out->decision.verdict == VERDICT_DO;
}

static bool
is_like(const struct api_row *row, const struct bonus_settings *set,
    int64_t kopecks)
{
    return row->category == set->category &&
           strcmp(row->comment, set->comment) == 0 &&
           (kopecks == 0 || row->millionths == kopecks * KOPECK);
}

/* In a dry run another program may have given the bonuses of this payment:
 * rows that are not older than it, and as ours would be. */
static bool
is_anothers(const struct api_row *row, const struct facts *facts,
    const struct settings *set, int64_t kopecks)
{
    return facts->dry && row->status == 0 &&
           civil_compare(&row->updated, &facts->captured) >= 0 &&
           (is_like(row, &set->bonus_topup, kopecks) ||
               is_like(row, &set->bonus_loyalty, 0));
}

/* Any bonus of the category within a month blocks another one, credited or
 * waiting; but not what this very payment has earned. */
static bool
none_this_month(struct decision *d, const struct facts *facts,
    const struct settings *set, int64_t kopecks)
{
    struct civil since = civil_add_months(facts->captured, -1);

    for (size_t i = 0; i < facts->api_n; i++) {
        const struct api_row *row = &facts->api[i];

        if (row->category != set->bonus_topup.category ||
            row->millionths <= 0 || (row->status != 0 && row->status != 1) ||
            civil_compare(&row->updated, &since) <= 0 ||
            has_mark(row, facts->event, BONUS_LOYALTY) ||
            is_anothers(row, facts, set, kopecks))
            continue;
        return decision_skip(d,
            "there was a bonus of this category within a month "
            "(addons_pay_api %" PRIu64 ")",
            row->id);
    }
    return true;
}

/* A percentage (in hundredths) of an amount of millionths is at least so many
 * kopecks: compared exactly. */
static bool
at_least(int64_t millionths, int64_t percent, int64_t kopecks)
{
    return (wide)millionths * percent >= (wide)kopecks * KOPECK * 10000;
}

/* The percentage of the amount, bounded, rounded down to tens of roubles; in
 * kopecks. */
static int64_t
tens(int64_t millionths, int64_t percent, int64_t most_kopecks)
{
    wide kopecks = (wide)millionths * percent / 10000 / KOPECK;

    if (most_kopecks > 0 && kopecks > most_kopecks)
        kopecks = most_kopecks;
    return (int64_t)(kopecks / TEN_KOPECKS * TEN_KOPECKS);
}

static bool
topup_earned(struct decision *d, const struct facts *facts,
    const struct bonus_settings *set)
{
    int64_t paid = facts->event->millionths;
    char amount[MONEY_TEXT], least[MONEY_TEXT];

    if ((wide)paid < (wide)set->minimum_kopecks * KOPECK)
        return decision_skip(d, "the amount %s is below the minimum %s",
            money_print(facts->event->kopecks, amount),
            money_print(set->minimum_kopecks, least));
    if (at_least(paid, set->percent[0], set->least_kopecks))
        return true;
    return decision_skip(d, "the bonus would be below %s",
        money_print(set->least_kopecks, least));
}

static void
give(struct bonus *out, int64_t kopecks)
{
    out->kopecks = kopecks;
    if (kopecks <= 0)
        decision_skip(&out->decision, "the bonus would be less than 10.00");
}

void
bonus_topup(
    struct bonus *out, const struct facts *facts, const struct settings *set)
{
    const struct bonus_settings *bonus = &set->bonus_topup;
    struct decision *d = &out->decision;
    int64_t kopecks;

    *out = (struct bonus){ 0 };
    if (!young_enough(d, facts, set) || !topup_earned(d, facts, bonus) ||
        !is_active(d, facts->sub) || !has_phone(d, facts->sub) ||
        !not_in_debt(d, facts) || !no_discount(d, facts->sub))
        return;
    kopecks =
        tens(facts->event->millionths, bonus->percent[0], bonus->most_kopecks);
    out->given = was_given(facts, BONUS_TOPUP);
    if (out->given || !none_this_month(d, facts, set, kopecks) ||
        !is_no_bonus(out, facts, set))
        return;
    give(out, kopecks);
}

/* More than so many years have passed; the anniversary itself is not more. */
static bool
older_than(const struct facts *facts, int years)
{
    struct civil today = facts->captured;
    struct civil then = civil_add_months(facts->sub->contract, 12 * years);

    today.hour = today.minute = today.second = 0;
    return civil_compare(&today, &then) > 0;
}

/* The contract's step: 0, 1, 2 for more than one, two, three years. */
static bool
loyal(struct decision *d, const struct facts *facts, int *step)
{
    if (facts->sub->contract.year == 0)
        return decision_skip(d, "the day of the contract is not known "
                                "(ext_date_fiz_contract_conclusion)");
    for (*step = LOYALTY_STEPS - 1; *step >= 0; --*step)
        if (older_than(facts, *step + 1))
            return true;
    return decision_skip(d, "the contract is not older than a year");
}

static bool
pays_the_fee(struct decision *d, const struct facts *facts)
{
    int64_t fee = facts->sub->tariff.fee_millionths;
    char amount[MONEY_TEXT], deposit[MONEY_TEXT];

    if (fee <= facts->event->before_millionths)
        return decision_skip(d,
            "the deposit before the payment, %s, already covered the monthly "
            "fee %s",
            money_print(facts->event->before_millionths / KOPECK, deposit),
            money_print(fee / KOPECK, amount));
    if (fee <= facts->event->millionths)
        return true;
    return decision_skip(d, "the amount %s is below the monthly fee %s",
        money_print(facts->event->kopecks, deposit),
        money_print(fee / KOPECK, amount));
}

static bool
loyalty_earned(struct decision *d, const struct facts *facts,
    const struct bonus_settings *set)
{
    char least[MONEY_TEXT];

    if (at_least(facts->sub->tariff.fee_millionths, set->percent[0],
            set->least_kopecks))
        return true;
    return decision_skip(d, "%s of the monthly fee would be below %s",
        "the first percentage", money_print(set->least_kopecks, least));
}

void
bonus_loyalty(
    struct bonus *out, const struct facts *facts, const struct settings *set)
{
    const struct bonus_settings *bonus = &set->bonus_loyalty;
    struct decision *d = &out->decision;
    int step = 0;

    *out = (struct bonus){ 0 };
    if (!young_enough(d, facts, set) || !is_active(d, facts->sub) ||
        !has_phone(d, facts->sub) || !not_in_debt(d, facts) ||
        !loyal(d, facts, &step) || !pays_the_fee(d, facts) ||
        !loyalty_earned(d, facts, bonus) || !no_discount(d, facts->sub))
        return;
    out->given = was_given(facts, BONUS_LOYALTY);
    if (out->given || !is_no_bonus(out, facts, set))
        return;
    give(out, tens(facts->sub->tariff.fee_millionths, bonus->percent[step],
                  bonus->most_kopecks));
}
