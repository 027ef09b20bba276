/*
 * credit: which row of addons_pay_api a payment of type 62 comes from.
 *
 * The billing's payment API turns such rows into payments: our bonuses, and
 * whatever else was laid in. The payment does not name its row, so it is
 * found by subscriber, time and amount.
 */
#ifndef MBEV_CREDIT_H
#define MBEV_CREDIT_H

#include "rules/decision.h"
#include "rules/facts.h"

/* Payments of this kind come from the payment API. */
bool credit_is_api(const struct event *event);

/* The row that a payment of type 62 announces: credited (status 1), with an
 * amount of the same sign and at least (refunds: at most) the limit, touched
 * within the window around the payment. Of several the one with the same
 * amount, then the lowest number. NULL when there is none. */
const struct api_row *credit_to_announce(const struct facts *facts,
    const struct settings *set, int64_t limit_kopecks);

/* Whether a payment is itself a bonus being credited: a row of category below
 * zero, status 1 to 4, with the same amount, touched within the window, that
 * is no other payment's. VERDICT_DO: it is none. VERDICT_SKIP: it is, *row.
 * VERDICT_WAIT or _ASK: such a row is not credited yet. */
void credit_is_bonus(struct decision *d, const struct facts *facts,
    const struct settings *set, const struct api_row **row);

#endif
