/* ripe: see ripe.h. */
#include "ripe.h"

#include "clock.h"

#include <string.h>

enum { FLUSHES = 5, SLACK_US = 1000000 };

/* How far the log is, and how far it is on disk; 0 = it does not tell. */
struct position {
    uint64_t current, flushed;
};

/* Percona since 5.6 and MariaDB say lsn, MySQL since 8.0.30 redo_log. */
static enum db_status
read_position(struct db *db, struct position *at)
{
    struct db_rows *rows;
    enum db_status status = db_ask(db,
        "SHOW GLOBAL STATUS WHERE Variable_name IN ('Innodb_lsn_current',"
        " 'Innodb_lsn_flushed', 'Innodb_redo_log_current_lsn',"
        " 'Innodb_redo_log_flushed_to_disk_lsn')",
        &rows);

    *at = (struct position){ 0 };
    if (status != DB_OK)
        return status;
    while (db_next(rows)) {
        if (strstr(db_col(rows, 0), "current"))
            at->current = db_uint(rows, 1);
        else
            at->flushed = db_uint(rows, 1);
    }
    db_rows_close(&rows);
    return DB_OK;
}

/* The newest receipt: whatever the log holds now, it holds that. */
static enum db_status
read_newest(struct db *db, uint64_t *id)
{
    struct db_rows *rows;
    enum db_status status =
        db_ask(db, "SELECT COALESCE(MAX(id), 0) FROM receipt", &rows);

    if (status != DB_OK)
        return status;
    *id = db_next(rows) ? db_uint(rows, 0) : 0;
    db_rows_close(&rows);
    return DB_OK;
}

static bool
is_written(const struct ripe *ripe, const struct position *at)
{
    if (ripe->next_lsn > 0 && at->flushed > 0)
        return at->flushed >= ripe->next_lsn;
    return clock_boot_us() >= ripe->next_us;
}

enum db_status
ripe_look(struct ripe *ripe, struct db *db, int64_t flush_us)
{
    struct position at;
    uint64_t newest = 0;
    enum db_status status = read_newest(db, &newest);

    if (status == DB_OK)
        status = read_position(db, &at);
    if (status != DB_OK)
        return status;
    if (ripe_waits(ripe) && is_written(ripe, &at))
        ripe->safe_id = ripe->next_id;
    if (!ripe_waits(ripe) && newest > ripe->safe_id) {
        ripe->next_id = newest;
        ripe->next_lsn = at.current;
        ripe->next_us = clock_boot_us() + FLUSHES * flush_us + SLACK_US;
    }
    return DB_OK;
}

bool
ripe_waits(const struct ripe *ripe)
{
    return ripe->next_id > ripe->safe_id;
}
