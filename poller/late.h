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

/* Counts the receipts that are not fiscal after so many microseconds (given
 * twice), and says since when the oldest: those with a number, and those that
 * wait for one. */
#define LATE_SQL                                                               \
    "SELECT COUNT(*), MIN(since) FROM ("                                       \
    "SELECT created_utc AS since FROM receipt"                                 \
    " WHERE stage IN ('new', 'accepted') AND created_utc <"                    \
    " UTC_TIMESTAMP(3) - INTERVAL %" PRId64 " MICROSECOND"                     \
    " UNION ALL SELECT e.captured_utc FROM delivery AS d"                      \
    " JOIN event AS e ON e.id = d.event_id"                                    \
    " WHERE d.lane = 'decide' AND d.action = 'receipt'"                        \
    " AND d.state IN ('ready', 'retry', 'doubtful') AND e.captured_utc <"      \
    " UTC_TIMESTAMP(3) - INTERVAL %" PRId64 " MICROSECOND) AS late"

/* Looks, when it is time to; alarm_ms: how long is too long. */
enum db_status late_look(struct late *late, struct db *db, int64_t alarm_ms);

#endif
