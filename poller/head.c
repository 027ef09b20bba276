/* head: see head.h. */
#include "head.h"

#include "clock.h"
#include "low.h"

#include <stdio.h>
#include <string.h>

enum { LOOK_US = 1000000 };

const char *const head_states[HEAD_STATES] = { "ready", "retry" };

void
head_add(struct bytes *sql, const struct head *head, size_t state)
{
    if (*head->due_utc[state])
        bytes_printf(sql, " AND due_utc >= '%s'", head->due_utc[state]);
}

static void
add_first_due(struct bytes *sql, const struct head *head, enum lane_id lane)
{
    for (size_t i = 0; i < HEAD_STATES; i++) {
        bytes_printf(sql,
            ",(SELECT MIN(due_utc) FROM delivery"
            " WHERE state = '%s' AND lane = '%s'",
            head_states[i], delivery_lane_name(lane));
        head_add(sql, head, i);
        bytes_chr(sql, ')');
    }
}

/* What comes into a queue is due now at the earliest: so is its head. */
static void
take(struct head *head, const char *now_utc, const struct db_rows *rows,
    unsigned column, bool sweep)
{
    head->empty = sweep;
    for (unsigned i = 0; i < HEAD_STATES; i++) {
        const char *due_utc = db_col(rows, column + i);

        head->empty = head->empty && !due_utc;
        if (!due_utc || strcmp(due_utc, now_utc) > 0)
            due_utc = now_utc;
        snprintf(head->due_utc[i], HEAD_TIME, "%s", due_utc);
    }
}

/* Asks; and how long that took for each, in microseconds. */
static enum db_status
ask(struct db *db, const struct head heads[LANES], const enum lane_id *lanes,
    size_t n, struct db_rows **rows, int64_t *took_us)
{
    struct bytes sql = bytes_make(8192);
    int64_t begun_us = clock_boot_us();
    enum db_status status;

    bytes_str(&sql, "SELECT UTC_TIMESTAMP(3)");
    for (size_t i = 0; i < n; i++)
        add_first_due(&sql, &heads[lanes[i]], lanes[i]);
    status = db_query(db, &sql, rows);
    bytes_free(&sql);
    *took_us = (clock_boot_us() - begun_us) / (int64_t)n;
    return status;
}

static void
forget_times(struct head *head)
{
    for (size_t i = 0; i < HEAD_STATES; i++)
        head->due_utc[i][0] = '\0';
}

/* Those for which it is time; of those that are to be swept the times are
 * forgotten. */
static size_t
choose(struct head heads[LANES], enum lane_id first, enum lane_id last,
    enum lane_id *lanes, bool *sweep)
{
    int64_t now_us = clock_boot_us();
    size_t n = 0;

    for (enum lane_id lane = first; lane <= last; lane++) {
        if (now_us < heads[lane].looked_us + LOOK_US)
            continue;
        sweep[n] = now_us >= heads[lane].sweep_us;
        if (sweep[n])
            forget_times(&heads[lane]);
        lanes[n++] = lane;
    }
    return n;
}

enum db_status
head_look(struct head heads[LANES], struct db *db, enum lane_id first,
    enum lane_id last)
{
    enum lane_id lanes[LANES];
    bool sweep[LANES];
    size_t n = choose(heads, first, last, lanes, sweep);
    struct db_rows *rows;
    int64_t took_us, now_us;
    enum db_status status;

    if (n == 0)
        return DB_OK;
    status = ask(db, heads, lanes, n, &rows, &took_us);
    if (status != DB_OK)
        return status;
    now_us = clock_boot_us();
    for (size_t i = 0, one = db_next(rows); one && i < n; i++) {
        struct head *head = &heads[lanes[i]];

        take(head, db_col(rows, 0), rows, 1 + (unsigned)i * HEAD_STATES,
            sweep[i]);
        head->looked_us = now_us;
        if (sweep[i])
            head->sweep_us = now_us + low_pause_us(took_us);
    }
    db_rows_close(&rows);
    return DB_OK;
}
