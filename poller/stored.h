/*
 * stored: deliveries as they stand in the tables.
 */
#ifndef MBEV_STORED_H
#define MBEV_STORED_H

#include "db.h"
#include "delivery.h"
#include "event.h"

/* What to select from delivery d and event e, for stored_read(). */
#define STORED_COLUMNS                                                         \
    "d.id, d.event_id, d.epoch, d.attempts, d.receiver, d.sms_log_id, e.uid,"  \
    " COALESCE(d.address, ''), COALESCE(d.payload, ''), " EVENT_IDENTITY_SQL(  \
        "e")
#define STORED_FROM "delivery d JOIN event e ON e.id = d.event_id"
enum { STORED_COLUMNS_N = 10 };

/* The delivery in the current row. NULL when out of memory. */
struct delivery *stored_read(const struct db_rows *rows);

#endif
