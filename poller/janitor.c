/*
 * janitor: what must be done now and then.
 */
#include "clock.h"
#include "engine.h"
#include "fault.h"
#include "log.h"
#include "stored.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { RECOVER_MOST = 500, MARGIN_US = 1000000 };

/* Leaves out what another service does, and what is ours since before a
 * reconnect: calls under way, and results that wait to be recorded. */
static void
exclude_others(struct bytes *sql, const struct engine *e)
{
    bytes_str(sql, " AND d.id NOT IN (0");
    for (enum lane_id i = LANE_DECIDE + 1; i < LANES; i++)
        lane_ids(e->lane[i], sql);
    for (const struct delivery *d = e->results.first; d; d = d->next)
        bytes_printf(sql, ",%" PRIu64, d->id);
    bytes_chr(sql, ')');
    owner_add_parts(sql, &e->owner, "d.part");
}

/* A service on another host begins nothing after its lease, but what it has
 * begun may last as long as its provider may take. */
static void
add_over_utc(struct bytes *sql, const struct engine *e)
{
    bytes_str(sql, "d.changed_utc + INTERVAL CASE d.lane");
    for (enum lane_id i = LANE_DECIDE + 1; i < LANES; i++)
        bytes_printf(sql, " WHEN '%s' THEN %" PRId64, delivery_lane_name(i),
            (e->set->service.lease_ms + lane_longest_ms(e->lane[i])) * 1000 +
                MARGIN_US);
    bytes_str(sql, " ELSE 0 END MICROSECOND");
}

/* When the next of them is over for certain that another host's service has
 * begun. */
static enum db_status
read_next_left(struct engine *e)
{
    struct bytes sql = bytes_make(256 * 1024);
    struct db_rows *rows;
    enum db_status status;

    bytes_str(&sql, "SELECT TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(3), MIN(");
    add_over_utc(&sql, e);
    bytes_printf(&sql,
        ")) FROM delivery AS d"
        " WHERE d.state = 'calling' AND d.epoch <> %" PRIu64,
        e->owner.epoch);
    exclude_others(&sql, e);
    status = db_query(e->db, &sql, &rows);
    bytes_free(&sql);
    if (status != DB_OK)
        return status;
    e->recover_us = INT64_MAX;
    if (db_next(rows) && db_col(rows, 0))
        e->recover_us = clock_boot_us() + strtoll(db_col(rows, 0), NULL, 10);
    db_rows_close(&rows);
    return DB_OK;
}

/* Reads what an owner before us, or we on a connection before this one, left
 * behind. */
static enum db_status
read_left_behind(struct engine *e)
{
    struct bytes sql = bytes_make(256 * 1024);
    struct db_rows *rows;
    struct delivery *d;
    enum db_status status;

    bytes_printf(&sql,
        "SELECT " STORED_COLUMNS " FROM " STORED_FROM
        " WHERE d.state = 'calling' AND d.epoch <> %" PRIu64
        " AND (d.id > %" PRIu64 " OR UTC_TIMESTAMP(3) >= ",
        e->owner.epoch, e->owner.inherited_id);
    add_over_utc(&sql, e);
    bytes_chr(&sql, ')');
    exclude_others(&sql, e);
    bytes_printf(&sql, " ORDER BY d.id LIMIT %d", RECOVER_MOST);
    status = db_query(e->db, &sql, &rows);
    bytes_free(&sql);
    if (status != DB_OK)
        return status;
    while (db_next(rows) && (d = stored_read(rows))) {
        d->outcome.class = OUTCOME_UNKNOWN;
        snprintf(d->outcome.why, sizeof d->outcome.why,
            "the service stopped before the reply was recorded; it may have "
            "been sent");
        d->provider = delivery_lane_name(d->lane);
        delivery_push(&e->results, d);
    }
    db_rows_close(&rows);
    return DB_OK;
}

/* Of what was under way when the last owner stopped, nobody knows whether it
 * was accepted: see settle.c for what follows. */
enum db_status
janitor_recover(struct engine *e)
{
    enum db_status status;
    bool more;

    do {
        size_t before = e->results.n;

        status = read_left_behind(e);
        more = e->results.n > before;
        fault_point("janitor.found");
        if (status == DB_OK && more)
            status = settle_results(e);
    } while (status == DB_OK && more);
    return status == DB_OK ? read_next_left(e) : status;
}

int64_t
janitor_renew_us(const struct engine *e)
{
    return e->owner.until_us - e->set->service.lease_ms * 1000 * 2 / 3;
}

enum db_status
janitor_renew(struct engine *e)
{
    return owner_renew(&e->owner, e->db);
}
