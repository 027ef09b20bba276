/* late: see late.h. */
#include "late.h"

#include "clock.h"
#include "log.h"

#include <inttypes.h>

enum { LOOK_US = 60 * 1000000 };

/* How often the same alarm is repeated. */
#define REPEAT_US (3600LL * 1000000)

static void
tell(struct late *late, int64_t alarm_ms, uint64_t n, const char *oldest)
{
    int64_t now_us = clock_boot_us();

    if (n > 0 && (n > late->n || now_us >= late->told_us + REPEAT_US)) {
        log_error("receipt: ALARM: %" PRIu64 " receipts are not fiscal %" PRId64
                  " min after they were due, the oldest of %s UTC; see mbevctl "
                  "receipts",
            n, alarm_ms / 60000, oldest);
        late->told_us = now_us;
    }
    late->n = n;
}

enum db_status
late_look(struct late *late, struct db *db, int64_t alarm_ms)
{
    struct bytes sql = bytes_make(2048);
    struct db_rows *rows;
    enum db_status status;

    if (clock_boot_us() < late->look_us)
        return DB_OK;
    bytes_printf(&sql, LATE_SQL, alarm_ms * 1000, alarm_ms * 1000);
    status = db_query(db, &sql, &rows);
    bytes_free(&sql);
    if (status != DB_OK)
        return status;
    late->look_us = clock_boot_us() + LOOK_US;
    if (db_next(rows))
        tell(late, alarm_ms, db_uint(rows, 0),
            db_col(rows, 1) ? db_col(rows, 1) : "");
    db_rows_close(&rows);
    return DB_OK;
}
