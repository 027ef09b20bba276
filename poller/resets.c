/* resets: see resets.h. */
#include "resets.h"

#include "clock.h"
#include "log.h"

#include <inttypes.h>

enum { LARGEST_SQL = 1 << 20 };

bool
resets_may_begin(const struct engine *e)
{
    return e->billing.has_routers && clock_boot_us() >= e->routers.until_us;
}

/* A later reset that was decided, whatever has become of it. */
static void
add_query(struct bytes *sql, const struct delivery_list *due)
{
    bytes_str(sql,
        "SELECT e.id, MAX(l.id) FROM event AS e STRAIGHT_JOIN event AS l"
        " ON l.uid = e.uid AND l.id > e.id STRAIGHT_JOIN delivery AS d"
        " ON d.event_id = l.id AND d.action = 'session_reset'"
        " AND d.lane = 'routers'"
        " AND d.state IN ('ready', 'retry', 'calling', 'done')"
        " WHERE e.id IN (0");
    for (const struct delivery *d = due->first; d; d = d->next)
        bytes_printf(sql, ",%" PRIu64, d->event_id);
    bytes_str(sql, ") GROUP BY e.id");
}

static struct delivery *
find(const struct delivery_list *list, uint64_t event_id)
{
    for (struct delivery *d = list->first; d; d = d->next)
        if (d->event_id == event_id)
            return d;
    return NULL;
}

static void
add_end(struct bytes *sql, uint64_t id, uint64_t later)
{
    bytes_printf(sql,
        "UPDATE delivery SET state = 'skipped', changed_utc = UTC_TIMESTAMP(3),"
        " reason = 'one reset for all, with that of event %" PRIu64 "'"
        " WHERE id = %" PRIu64 " AND state IN ('ready', 'retry');",
        later, id);
}

/* They would end the session that came after the later one. */
static enum db_status
drop_outdone(struct engine *e, struct delivery_list *due)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    struct db_rows *rows;
    enum db_status status;

    add_query(&sql, due);
    status = db_query(e->db, &sql, &rows);
    bytes_clear(&sql);
    while (status == DB_OK && db_next(rows)) {
        struct delivery *d = find(due, db_uint(rows, 0));

        if (!d)
            continue;
        add_end(&sql, d->id, db_uint(rows, 1));
        delivery_remove(due, d);
        delivery_free(d);
        e->skipped++;
    }
    if (status == DB_OK)
        db_rows_close(&rows);
    if (status == DB_OK && sql.n > 0)
        status = owner_run(&e->owner, e->db, &sql);
    bytes_free(&sql);
    return status;
}

enum db_status
resets_prepare(struct engine *e, struct delivery_list *due)
{
    enum db_status status = fleet_load(e->fleet, e->db, &e->billing);
    long long seconds;

    if (status == DB_BUSY || status == DB_REFUSED) {
        seconds = claim_rest(e, &e->routers);
        log_warning("resets: radnas cannot be read (%s); no session is ended "
                    "for %lld s",
            db_error(e->db), seconds);
        delivery_drop_all(due);
        return DB_OK;
    }
    e->routers.pause_us = 0;
    return status == DB_OK ? drop_outdone(e, due) : status;
}
