/* head: see head.h. */
#include "head.h"

#include "clock.h"
#include "low.h"

#include <stdio.h>

enum { LOOK_US = 1000000 };

const char *const head_states[HEAD_STATES] = { "ready", "retry" };

void
head_add(struct bytes *sql, const struct head *head, size_t state)
{
    if (*head->due_utc[state])
        bytes_printf(sql, " AND due_utc >= '%s'", head->due_utc[state]);
}

/* What comes into a queue is due now at the earliest: so is its head. */
static void
add_query(struct bytes *sql, const struct head *head, enum lane_id lane)
{
    for (size_t i = 0; i < HEAD_STATES; i++) {
        bytes_printf(sql,
            "%s LEAST(UTC_TIMESTAMP(3), COALESCE((SELECT MIN(due_utc) FROM"
            " delivery WHERE state = '%s' AND lane = '%s'",
            i ? "," : "SELECT", head_states[i], delivery_lane_name(lane));
        head_add(sql, head, i);
        bytes_str(sql, "), UTC_TIMESTAMP(3)))");
    }
}

static void
take(struct head *head, struct db_rows *rows)
{
    if (!db_next(rows))
        return;
    for (unsigned i = 0; i < HEAD_STATES; i++)
        snprintf(head->due_utc[i], HEAD_TIME, "%s", db_col(rows, i));
}

static void
forget_times(struct head *head)
{
    for (size_t i = 0; i < HEAD_STATES; i++)
        head->due_utc[i][0] = '\0';
}

enum db_status
head_look(struct head *head, struct db *db, enum lane_id lane)
{
    struct bytes sql = bytes_make(1024);
    int64_t begun_us = clock_boot_us();
    bool sweep = begun_us >= head->sweep_us;
    struct db_rows *rows;
    enum db_status status;

    if (begun_us < head->look_us)
        return DB_OK;
    if (sweep)
        forget_times(head);
    add_query(&sql, head, lane);
    status = db_query(db, &sql, &rows);
    bytes_free(&sql);
    if (status != DB_OK)
        return status;
    take(head, rows);
    db_rows_close(&rows);
    head->look_us = clock_boot_us() + LOOK_US;
    if (sweep)
        head->sweep_us =
            clock_boot_us() + low_pause_us(clock_boot_us() - begun_us);
    return DB_OK;
}
