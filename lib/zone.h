/*
 * zone: what the clocks of a time zone show.
 *
 * The system's own tables are asked once, when the zone is loaded; after that
 * all is arithmetic. Good from 1990 to 2060.
 */
#ifndef MBEV_ZONE_H
#define MBEV_ZONE_H

#include "civil.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ZONE_MOST = 256 };

struct zone {
    struct {
        int64_t from_s; /* since 1970 UTC */
        int32_t east_s; /* seconds ahead of UTC from then on */
    } span[ZONE_MOST];
    size_t n;
};

/* Loads a zone: a name of the system's tables ("Asia/Yekaterinburg") or an
 * offset ("+05:00"). False when there is no such zone. Changes and restores
 * the environment: only while the process has one thread. */
bool zone_load(struct zone *zone, const char *name);

/* Seconds ahead of UTC at this time (microseconds since 1970 UTC). */
int64_t zone_east_s(const struct zone *zone, int64_t wall_us);

/* What the clocks show at this time; and when they show this, in microseconds
 * since 1970 UTC: the first time, if they are put back and show it twice; the
 * moment of the jump, if they are put forward over it. */
struct civil zone_local(const struct zone *zone, int64_t wall_us);
int64_t zone_instant_us(const struct zone *zone, const struct civil *local);

#endif
