/*
 * late: the alarm about receipts that are not fiscal so long after they were
 * due, whatever keeps them: told in the log when there are more of them, and
 * each hour.
 */
#ifndef MBEV_LATE_H
#define MBEV_LATE_H

#include "db.h"

#include <stdint.h>

struct late {
    int64_t look_us; /* boot clock: when to look again */
    int64_t told_us; /* when it was told last */
    uint64_t n;      /* how many there were */
};

/* Counts the receipts that are not fiscal after so long: those with a number,
 * and those that wait for one. Of any it appends what is to be told, "3
 * receipts are not fiscal after 24 h, ...". */
enum db_status
late_count(struct db *db, int64_t alarm_ms, uint64_t *n, struct bytes *words);

/* Looks, when it is time to; alarm_ms: how long is too long. */
enum db_status late_look(struct late *late, struct db *db, int64_t alarm_ms);

#endif
