/* decision: see decision.h. */
#include "rules/decision.h"

#include <stdarg.h>
#include <stdio.h>

bool
decision_set(struct decision *d, enum verdict verdict, const char *fmt, ...)
{
    va_list ap;

    d->verdict = verdict;
    va_start(ap, fmt);
    vsnprintf(d->reason, sizeof d->reason, fmt, ap);
    va_end(ap);
    return false;
}
