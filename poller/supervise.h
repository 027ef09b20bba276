/*
 * supervise: what systemd is told of the service: that it is ready, how it is
 * in a few words, that it reloads, stops, and lives.
 *
 * The watchdog is fed by the loop and by nothing else, so that one that hangs
 * is noticed. What the loop waits for in one go, a statement above all, is
 * bounded by half a minute each: WatchdogSec in the unit leaves room for
 * several.
 */
#ifndef MBEV_SUPERVISE_H
#define MBEV_SUPERVISE_H

#include "notify.h"

#include <stdbool.h>
#include <stdint.h>

enum { SUPERVISE_STATUS = 320 };

struct supervise {
    struct notify notify;
    bool ready, stopping;          /* was told */
    int64_t feed_us;               /* boot clock: when to feed the watchdog */
    int64_t status_us;             /* boot clock: when to tell how it is */
    char status[SUPERVISE_STATUS]; /* as it was told */
};

/* Looks who listens. */
void supervise_open(struct supervise *s);
void supervise_close(struct supervise *s);

/* The service is of use: it acts, or stands by. Told once. */
void supervise_ready(struct supervise *s);

/* Is it time to say how it is? Not more often than each few seconds. */
bool supervise_wants_status(struct supervise *s);

/* Says how it is, when that has changed. */
void supervise_status(struct supervise *s, const char *status);

void supervise_reload_begins(struct supervise *s);
void supervise_reload_ends(struct supervise *s);

/* It stops, and ends what is under way. Told once. */
void supervise_stops(struct supervise *s);

/* Feeds the watchdog when it is time; for the loop only. */
void supervise_feed(struct supervise *s);

/* When to do that at the latest (boot clock, microseconds); INT64_MAX =
 * never. */
int64_t supervise_feed_us(const struct supervise *s);

#endif
