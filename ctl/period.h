/*
 * period: from when to when, as an operator says it: "2026-11-25",
 * "2026-11-25 18:30", "2026-11-25 18:30:15", by the billing's clock.
 */
#ifndef MBEV_PERIOD_H
#define MBEV_PERIOD_H

#include "ctl.h"

#include <stdbool.h>
#include <stddef.h>

enum { PERIOD_TIME = 32 };

/* "" = not said. Both ends are included. */
struct period {
    char from[PERIOD_TIME], to[PERIOD_TIME];
};

/* The words from at on that are no option, joined by blanks; how many. */
size_t period_join(const struct ctl *ctl, int at, char *out, size_t size);

/* Reads one end; of a day, or a minute, the first or the last second. False
 * when the words are no time. */
bool period_read_from(struct period *p, const char *words);
bool period_read_to(struct period *p, const char *words);

#endif
