/* credit: see credit.h. */
#include "rules/credit.h"

#include <stdlib.h>

enum { KOPECK = 10000 /* millionths */ };

bool
credit_is_api(const struct event *event)
{
    return event->kind == EVENT_API_PAYMENT || event->kind == EVENT_API_REFUND;
}

static bool
in_window(const struct api_row *row, const struct facts *facts,
    const struct settings *set)
{
    int64_t apart =
        civil_seconds(&row->updated) - civil_seconds(&facts->event->date);

    return llabs(apart) < set->billing.api_window_ms / 1000;
}

/* It is known to have become another payment. */
static bool
is_of_another(const struct api_row *row, const struct facts *facts)
{
    return row->credit_event != 0 && row->credit_event != facts->event_id;
}

static bool
reaches(const struct event *event, int64_t millionths, int64_t limit_kopecks)
{
    int64_t limit = limit_kopecks * KOPECK;

    return event->kind == EVENT_API_REFUND ? millionths <= -limit
                                           : millionths >= limit;
}

const struct api_row *
credit_to_announce(const struct facts *facts, const struct settings *set,
    int64_t limit_kopecks)
{
    const struct api_row *found = NULL;

    for (size_t i = 0; i < facts->api_n; i++) {
        const struct api_row *row = &facts->api[i];

        if (row->status != 1 || is_of_another(row, facts) ||
            !in_window(row, facts, set) ||
            !reaches(facts->event, row->millionths, limit_kopecks))
            continue;
        if (row->millionths == facts->event->millionths)
            return row;
        if (!found)
            found = row;
    }
    return found;
}

/* A row that could be this payment's, but for its status. */
static bool
could_be(const struct api_row *row, const struct facts *facts,
    const struct settings *set)
{
    return row->category < 0 && row->millionths == facts->event->millionths &&
           !is_of_another(row, facts) && in_window(row, facts, set);
}

static bool
is_credited(const struct api_row *row)
{
    return row->status >= 1 && row->status <= 4;
}

/* The row that was found for the payment before stays its own, else another
 * payment would lack it; of others the lowest number. */
void
credit_is_bonus(struct decision *d, const struct facts *facts,
    const struct settings *set, const struct api_row **row)
{
    const struct api_row *waiting = NULL;

    *d = (struct decision){ 0 };
    *row = NULL;
    for (size_t i = 0; credit_is_api(facts->event) && i < facts->api_n; i++) {
        const struct api_row *one = &facts->api[i];

        if (!could_be(one, facts, set))
            continue;
        if (is_credited(one) && (!*row || one->credit_event != 0))
            *row = one;
        if (one->status == 0 && !waiting)
            waiting = one;
    }
    if (*row)
        decision_skip(d, "the payment is itself a bonus (addons_pay_api %llu)",
            (unsigned long long)(*row)->id);
    else if (waiting)
        decision_set(d,
            facts->age_ms < set->billing.api_wait_ms ? VERDICT_WAIT
                                                     : VERDICT_ASK,
            "row %llu of addons_pay_api, a bonus of the same amount, is not "
            "credited: nobody can say whether this payment is it",
            (unsigned long long)waiting->id);
}
