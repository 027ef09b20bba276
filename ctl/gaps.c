/*
 * mbevctl gaps: what was captured late, and changes that nobody captured, as
 * far as it can be known; and what status says of them.
 */
#include "bytes.h"
#include "ctl.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { MOST_ROWS = 100 };

#define RECENT "UTC_TIMESTAMP(3) - INTERVAL 1 DAY"

static enum db_status
print_missed(struct ctl *ctl)
{
    struct db_rows *rows;
    enum db_status status = db_ask(ctl->db,
        "SELECT IF(until_utc IS NULL, 'NOT SEEN', 'gap'),"
        " CONCAT(IF(source LIKE 'bugh%', 'rows of ', 'changes of '), source,"
        " IF(source LIKE 'bugh%', ' were captured late from ',"
        " ' may have been missed from '), from_utc, ' to ',"
        " COALESCE(until_utc, 'now'), ' UTC: ', reason,"
        " IF(until_utc IS NULL, '; run sql/triggers.sql', ''))"
        " FROM gap WHERE row_id IS NULL"
        " AND (until_utc IS NULL OR until_utc > " RECENT ") ORDER BY id",
        &rows);

    if (status != DB_OK)
        return status;
    while (db_next(rows))
        status_print_more(db_col(rows, 0), db_col(rows, 1), db_len(rows, 1));
    db_rows_close(&rows);
    return DB_OK;
}

static enum db_status
print_late(struct ctl *ctl)
{
    struct db_rows *rows;
    enum db_status status = db_ask(ctl->db,
        "SELECT CONCAT(COUNT(*), ' rows of ', source, ' were captured late in"
        " the last 24 h, the last at ', MAX(until_utc), ' UTC; see mbevctl"
        " gaps') FROM gap WHERE row_id IS NOT NULL"
        " AND until_utc > " RECENT " GROUP BY source",
        &rows);

    if (status != DB_OK)
        return status;
    while (db_next(rows))
        status_print_more("late", db_col(rows, 0), db_len(rows, 0));
    db_rows_close(&rows);
    return DB_OK;
}

enum db_status
gaps_status(struct ctl *ctl)
{
    enum db_status status = print_missed(ctl);

    return status == DB_OK ? print_late(ctl) : status;
}

int
ctl_gaps(struct ctl *ctl)
{
    static const char *const heads[] = { "table", ">key", ">uid", "kind",
        "from, UTC", "to, UTC", "what" };
    struct bytes sql = bytes_make(1024);
    struct db_rows *rows;

    bytes_printf(&sql,
        "SELECT source, row_id, IF(row_id IS NULL, NULL, uid), kind,"
        " LEFT(from_utc, 19), COALESCE(LEFT(until_utc, 19), 'now'), reason"
        " FROM gap ORDER BY until_utc IS NULL DESC, id DESC LIMIT %d",
        MOST_ROWS);
    if (ctl_ask(ctl, &sql, &rows) != DB_OK)
        return ctl_failed(ctl);
    table_print_newest(
        "gaps", rows, heads, sizeof heads / sizeof *heads, MOST_ROWS, "none");
    db_rows_close(&rows);
    return EX_OK;
}
