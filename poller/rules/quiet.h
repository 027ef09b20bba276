/*
 * quiet: hours in which subscribers are not to be disturbed.
 */
#ifndef MBEV_QUIET_H
#define MBEV_QUIET_H

#include "zone.h"

/* From this minute of the day until that one, which is outside; across
 * midnight when until is the smaller one. The same twice: no quiet hours. */
struct hours {
    int from_min, until_min;
};

/* Reads "23:00-10:00", or "no". False for anything else. */
bool hours_parse(struct hours *out, const char *text);

/* When the quiet hours end that this time falls into; both in microseconds
 * since 1970 UTC. 0 = it falls into none. */
int64_t quiet_until_us(
    const struct hours *hours, const struct zone *zone, int64_t wall_us);

#endif
