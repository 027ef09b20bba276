/*
 * stored: deliveries as they stand in the tables.
 */
#ifndef MBEV_STORED_H
#define MBEV_STORED_H

#include "db.h"
#include "delivery.h"
#include "event.h"
#include "head.h"

/* What to select from delivery d and event e, for stored_read(). */
#define STORED_COLUMNS                                                         \
    "d.id, d.event_id, d.epoch, d.attempts, d.receiver, d.log_id, e.uid,"      \
    " COALESCE(d.address, ''), d.payload, " EVENT_IDENTITY_SQL(                \
        "e") ", d.action, d.lane, COALESCE(d.route, ''), d.ask,"               \
             " COALESCE(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', d.plan_utc)," \
             " 0), COALESCE(d.expires_utc <= UTC_TIMESTAMP(3), 0),"            \
             " COALESCE(d.notice, ''), e.captured_utc"
#define STORED_FROM "delivery d JOIN event e ON e.id = d.event_id"
enum { STORED_COLUMNS_N = 18 };

/* The delivery in the current row; in state expired when its time is over.
 * NULL when out of memory. */
struct delivery *stored_read(const struct db_rows *rows);

/* Appends FROM and what follows it: the deliveries that are due in a lane, from
 * its head on, the oldest first, at most so many. also: a further condition on
 * a row, " AND ...", or "". */
void stored_add_due(struct bytes *sql, enum lane_id lane,
    const struct head *head, const char *also, size_t most);

/* Appends the head of an INSERT, the row of a delivery, and, for deliveries
 * that may have a row already (id is not 0), the tail that renews it. base: ""
 * or, in SQL, what is to be added to the delivery's event_id. */
void stored_add_insert(struct bytes *sql);
void
stored_add_row(struct bytes *sql, const struct delivery *d, const char *base);
void stored_add_renewal(struct bytes *sql);

/* Appends one statement for many rows, ended by a semicolon: of the deliveries
 * with these ids those that are (a condition on delivery d) get the columns of
 * change ("d.state = 'calling'"). Each is found in the primary key: see
 * db_ids(). */
void stored_add_change(struct bytes *sql, const uint64_t *id, size_t n,
    const char *change, const char *are);

/* The same for a list, in as many statements as it takes. */
void stored_add_changes(struct bytes *sql, const struct delivery_list *list,
    const char *change, const char *are);

#endif
