/*
 * pulse: adds what went through to table pulse, five minutes at a time, for the
 * chart of the last day; and removes what is older than eight days.
 *
 * Counts are written a minute after the first of them, and at an orderly stop.
 * When the answer to a COMMIT is lost they may count twice: it is a chart, not
 * a book. A table that cannot be written keeps nothing else from being done.
 */
#ifndef MBEV_PULSE_H
#define MBEV_PULSE_H

#include "db.h"

#include <stdint.h>

struct engine;

struct pulse {
    int64_t sweep_us; /* boot clock: when to remove old rows */
};

/* When there is something to write (boot clock, microseconds); INT64_MAX =
 * nothing. */
int64_t pulse_due_us(const struct engine *e);

/* Writes it. DB_OK, or what also keeps the service from its work. */
enum db_status pulse_write(struct engine *e);

#endif
