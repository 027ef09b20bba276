/*
 * low: a mark in a table that is read from its start and emptied there.
 *
 * Rows that were deleted stay in the table's pages as long as anybody, such as
 * a backup, holds a snapshot from before; a read from the start wades through
 * all of them. So a read begins behind the mark. The mark is no promise: ids
 * are not committed in their order, and a row below it is found by a sweep,
 * which reads from the start, about each second. When sweeps themselves take
 * long they are made more seldom.
 */
#ifndef MBEV_LOW_H
#define MBEV_LOW_H

#include <stdint.h>

struct low {
    uint64_t id;      /* nothing is expected up to this one */
    uint64_t next_id; /* what the mark comes to next, 0 = not known... */
    int64_t next_us;  /* ... and when (boot clock) */
    int64_t sweep_us; /* boot clock: when to read from the start again */
};

/* The id behind which to read now (boot clock, microseconds): 0 when it is
 * time for a sweep. */
uint64_t low_from(struct low *low, int64_t now_us);

/* A read behind from was begun then and has ended now. */
void
low_was_read(struct low *low, uint64_t from, int64_t begun_us, int64_t now_us);

/* Rows from first to last were read and are gone, by a commit; the last is of
 * this age. The mark follows when it is older than most transactions last: what
 * was begun before it and is committed until then is found at once. */
void low_took(struct low *low, uint64_t first, uint64_t last, int64_t age_us,
    int64_t now_us);

/* The next read begins at the start. */
void low_forget(struct low *low);

/* How long to leave alone what took so long (microseconds), so that it takes
 * no more than a tenth of the time: 1 s at least, 30 s at most. */
int64_t low_pause_us(int64_t took_us);

#endif
