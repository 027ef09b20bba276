/*
 * receipt: which payments and refunds get a fiscal receipt, over which amount,
 * and where it is sent. Pure functions: no database, no network, no clock.
 *
 * By law every payment and refund needs exactly one. None gets one that moved
 * no money: an amount of 0.00, a refund that took nothing back, a payment that
 * is itself a bonus being credited.
 */
#ifndef MBEV_RULES_RECEIPT_H
#define MBEV_RULES_RECEIPT_H

#include "rules/decision.h"
#include "rules/facts.h"
#include "settings.h"

enum { RECEIPT_CONTACT = 64 };

struct receipt_plan {
    struct decision decision;
    bool back;                         /* money is given back */
    int64_t kopecks;                   /* above zero */
    char contact[RECEIPT_CONTACT + 1]; /* "+79001234567", or an e-mail */
    const struct api_row *credit; /* the bonus that the payment is; or NULL */
};

/* Whether receipts are switched on for such events. */
bool receipt_is_on(const struct settings *set, enum event_kind kind);

void receipt_decide(struct receipt_plan *out, const struct facts *facts,
    const struct settings *set);

#endif
