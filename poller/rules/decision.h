/*
 * decision: what a rule came to.
 */
#ifndef MBEV_DECISION_H
#define MBEV_DECISION_H

#include <stdbool.h>

enum verdict {
    VERDICT_DO,
    VERDICT_SKIP, /* not to be done */
    VERDICT_WAIT, /* cannot be said yet: look again in a while */
    VERDICT_ASK,  /* cannot be said: the operator must decide */
};

enum { DECISION_REASON = 200 };

struct decision {
    enum verdict verdict;
    char reason[DECISION_REASON]; /* why not, in words for the operator */
};

/* Sets the verdict with its reason. False, so that a condition can return
 * it. */
bool decision_set(struct decision *d, enum verdict verdict, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));

#define decision_skip(d, ...) decision_set(d, VERDICT_SKIP, __VA_ARGS__)

#endif
