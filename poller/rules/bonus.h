/*
 * bonus: who gets how much on top of a payment.
 *
 * Both bonuses are percentages rounded down to whole tens of roubles, computed
 * in integers throughout.
 */
#ifndef MBEV_BONUS_H
#define MBEV_BONUS_H

#include "rules/decision.h"
#include "rules/facts.h"

enum bonus_kind { BONUS_TOPUP, BONUS_LOYALTY };

enum { BONUS_MARK = 64 };

struct bonus {
    struct decision decision;
    int64_t kopecks; /* when it is to be given */
    /* The row of addons_pay_api of which the payment is the credit, so that no
     * other payment is taken for it; NULL = none. */
    const struct api_row *credit;
    /* The bonus is there already: an earlier try of ours was cut short. */
    bool given;
};

/* For a payment of at least the minimum: a percentage of it, bounded; not
 * more than one in a month. */
void bonus_topup(
    struct bonus *out, const struct facts *facts, const struct settings *set);

/* For a payment of at least the monthly fee when the deposit was below it: a
 * percentage of the fee by the age of the contract. */
void bonus_loyalty(
    struct bonus *out, const struct facts *facts, const struct settings *set);

/* Our mark on the row of addons_pay_api (misc_id): the same for the same
 * payment and kind, however often it is tried. */
const char *bonus_mark(
    const struct event *event, enum bonus_kind kind, char buf[BONUS_MARK]);

#endif
