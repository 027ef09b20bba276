/* late: see late.h. */
#include "late.h"

#include "clock.h"
#include "log.h"

#include <inttypes.h>

enum { LOOK_US = 60 * 1000000 };

/* How often the same alarm is repeated. */
#define REPEAT_US (3600LL * 1000000)

static enum db_status
read_late(struct db *db, int64_t alarm_ms, struct db_rows **rows)
{
    struct bytes sql = bytes_make(2048);
    enum db_status status;

    bytes_printf(&sql,
        "SELECT COUNT(*), MIN(since) FROM ("
        "SELECT created_utc AS since FROM receipt"
        " WHERE stage IN ('new', 'accepted') UNION ALL"
        " SELECT e.captured_utc FROM delivery AS d"
        " JOIN event AS e ON e.id = d.event_id"
        " WHERE d.lane = 'decide' AND d.action = 'receipt'"
        " AND d.state IN ('ready', 'retry', 'doubtful', 'held')) AS late"
        " WHERE since < UTC_TIMESTAMP(3) - INTERVAL %" PRId64 " MICROSECOND",
        alarm_ms * 1000);
    status = db_query(db, &sql, rows);
    bytes_free(&sql);
    return status;
}

static void
add_duration(struct bytes *text, int64_t ms)
{
    int64_t minutes = ms / 60000;

    if (minutes > 0 && minutes % 60 == 0)
        bytes_printf(text, "%" PRId64 " h", minutes / 60);
    else if (minutes > 0)
        bytes_printf(text, "%" PRId64 " min", minutes);
    else
        bytes_printf(text, "%" PRId64 " s", ms / 1000);
}

static void
add_words(struct bytes *words, uint64_t n, const char *since, int64_t alarm_ms)
{
    bytes_printf(words, "%" PRIu64 " receipt%s not fiscal after ", n,
        n == 1 ? " is" : "s are");
    add_duration(words, alarm_ms);
    bytes_printf(
        words, ", the oldest since %s UTC; see mbevctl receipts", since);
}

enum db_status
late_count(struct db *db, int64_t alarm_ms, uint64_t *n, struct bytes *words)
{
    struct db_rows *rows;
    enum db_status status = read_late(db, alarm_ms, &rows);

    *n = 0;
    if (status != DB_OK)
        return status;
    if (db_next(rows))
        *n = db_uint(rows, 0);
    if (*n > 0)
        add_words(words, *n, db_col(rows, 1), alarm_ms);
    db_rows_close(&rows);
    return DB_OK;
}

static void
tell(struct late *late, uint64_t n, const char *words)
{
    int64_t now_us = clock_boot_us();

    if (n > 0 && (n > late->n || now_us >= late->told_us + REPEAT_US)) {
        log_error("receipt: ALARM: %s", words);
        late->told_us = now_us;
    }
    late->n = n;
}

enum db_status
late_look(struct late *late, struct db *db, int64_t alarm_ms)
{
    struct bytes words = bytes_make(512);
    enum db_status status;
    uint64_t n;

    if (clock_boot_us() < late->look_us)
        return DB_OK;
    status = late_count(db, alarm_ms, &n, &words);
    if (status == DB_OK) {
        late->look_us = clock_boot_us() + LOOK_US;
        tell(late, n, bytes_text(&words));
    }
    bytes_free(&words);
    return status;
}
