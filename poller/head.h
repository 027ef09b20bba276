/*
 * head: where the queue of a lane begins.
 *
 * What has left a queue stays in the index as long as anybody, such as a
 * backup, holds a snapshot from before, and a read from the start wades
 * through all of it. So a lane is read from its head on. Whoever puts
 * something into a queue before its head, as an operator may, is found when the
 * head is looked up from the start again, which is done about each second, and
 * more seldom when it takes long (low.h).
 */
#ifndef MBEV_HEAD_H
#define MBEV_HEAD_H

#include "db.h"
#include "delivery.h"

#include <stdint.h>

/* The states in which a delivery waits: each has a part of the index. */
enum { HEAD_STATES = 2, HEAD_TIME = 32 };
extern const char *const head_states[HEAD_STATES];

/* Zero: nothing is known, the queue is read from the start. */
struct head {
    char due_utc[HEAD_STATES][HEAD_TIME]; /* nothing is due before; "" = not
                                             known */
    int64_t looked_us; /* boot clock: when it was looked up, */
    bool empty;        /* and that nothing waited in the lane then */
    int64_t sweep_us;  /* when to look it up from the start */
};

/* Looks up, in one statement, the heads of the lanes from first to last for
 * which it is time. heads: of all lanes. */
enum db_status head_look(struct head heads[LANES], struct db *db,
    enum lane_id first, enum lane_id last);

/* Appends the condition on column due_utc for the state of this number, " AND
 * ...". */
void head_add(struct bytes *sql, const struct head *head, size_t state);

#endif
