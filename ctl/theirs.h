/*
 * theirs: what another program that works beside us has left in the billing:
 * rows that neither we nor the billing itself wrote. For mbevctl compare.
 *
 *   message   sms_logs, of type 0
 *   receipt   the list of receipts, [receipt] table
 *   bonus     addons_pay_api, of the categories of our bonuses
 *   discount  logs: the removable keys that went at once
 *
 * Ends of sessions leave nothing.
 */
#ifndef MBEV_THEIRS_H
#define MBEV_THEIRS_H

#include "ctl.h"
#include "period.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum work {
    WORK_MESSAGE,
    WORK_RECEIPT,
    WORK_TOPUP,
    WORK_LOYALTY,
    WORK_DISCOUNT,
    WORK_RESET,
    WORKS
};

/* As much of a text as sms_logs can hold. */
enum { LOGGED_PHONE = 20, LOGGED_TEXT = 254 };

struct trace {
    enum work work;
    uint64_t id; /* of its row, or of the first of them */
    uint64_t uid;
    int64_t at_s;   /* seconds since 1970 UTC */
    char *at;       /* the same by the billing's clock; owned */
    char *to;       /* owned; "" = it has none */
    char *text;     /* owned; "" = it has none */
    char *failed;   /* what it says of a failure; owned; "" = none */
    int64_t amount; /* of a bonus: kopecks; of discounts: how many */
    bool taken;     /* for what one of ours would have done */
};

struct theirs {
    struct trace *trace; /* owned, ascending by work and row */
    size_t n;
};

/* Reads what was left in that period by such work as is wanted; tables that the
 * billing does not have hold nothing. To be freed whatever the result. */
enum db_status theirs_load(struct theirs *theirs, struct ctl *ctl,
    const struct period *period, const bool wanted[WORKS]);

void theirs_free(struct theirs *theirs);

#endif
