/*
 * retain: what came to its end is removed after its time, [service] keep.
 *
 * An event goes with all its deliveries when it is that old, every delivery is
 * done, skipped, expired or cancelled since a day, and none of its receipts
 * still needs somebody: what is dead, doubtful or not finished stays until it
 * is settled. Rows of table receipt are never removed.
 *
 * The events are walked through by their key, a piece in each turn of the loop
 * and none while there is other work, so that what stays is not read again
 * before the next round, an hour later. Each piece is one transaction, with the
 * horizon of memory (table forgotten): up to there rows of the billing are not
 * captured again, for nobody would know that they were.
 */
#ifndef MBEV_RETAIN_H
#define MBEV_RETAIN_H

#include "db.h"

#include <stddef.h>
#include <stdint.h>

struct engine;

struct retain {
    size_t step;                 /* what is gone through now, see retain.c... */
    uint64_t cursor;             /* ... and up to which key */
    int64_t due_us;              /* boot clock: when to go on */
    uint64_t events, deliveries; /* removed in this round */
    int64_t told_us; /* boot clock: when it was told how far it is; 0 = not */
};

/* When there is reason to go on (boot clock); INT64_MAX: never. */
int64_t retain_due_us(const struct engine *e);

/* Removes one piece. What keeps it from that is told in the log and is no
 * failure of the service, unless the connection or the ownership is lost. */
enum db_status retain_due(struct engine *e);

#endif
