/*
 * mbevctl lag: how long things took, over the newest thousand of each.
 */
#include "bytes.h"
#include "ctl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum { NEWEST = 1000 };

/* One line: what it is, and the query for the milliseconds of each. */
static const struct lag {
    const char *name;
    const char *sql;
} lags[] = {
    { "captured to taken over",
        "SELECT TIMESTAMPDIFF(MICROSECOND, captured_utc, ingested_utc) DIV 1000"
        " FROM event ORDER BY id DESC LIMIT 1000" },
#define TO_DONE(name, action)                                                  \
    {                                                                          \
        name,                                                                  \
            "SELECT TIMESTAMPDIFF(MICROSECOND, e.captured_utc, d.changed_utc)" \
            " DIV 1000 FROM (SELECT event_id, changed_utc, action, state"      \
            " FROM delivery ORDER BY id DESC LIMIT 1000) AS d"                 \
            " JOIN event AS e ON e.id = d.event_id"                            \
            " WHERE d.state = 'done' AND d.action = '" action "'"              \
    }
    TO_DONE("captured to SMS accepted", "sms"),
    TO_DONE("captured to social message accepted", "social"),
    TO_DONE("captured to receipt accepted", "receipt"),
    TO_DONE("captured to top-up bonus", "bonus_topup"),
    TO_DONE("captured to loyalty bonus", "bonus_loyalty"),
    TO_DONE("captured to sessions ended", "session_reset"),
};

static int
compare(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static void
add_row(struct table *t, const char *name, int64_t *ms, size_t n)
{
    qsort(ms, n, sizeof *ms, compare);
    table_add_text(t, name);
    table_add_uint(t, n);
    table_add_uint(t, (uint64_t)ms[n / 2]);
    table_add_uint(t, (uint64_t)ms[n * 95 / 100]);
    table_add_uint(t, (uint64_t)ms[n * 99 / 100]);
    table_add_uint(t, (uint64_t)ms[n - 1]);
}

/* A clock that was set back makes nought of it. */
static enum db_status
measure(struct ctl *ctl, struct table *t, const struct lag *lag)
{
    int64_t ms[NEWEST];
    struct db_rows *rows;
    enum db_status status = db_ask(ctl->db, lag->sql, &rows);
    size_t n = 0;

    if (status != DB_OK)
        return status;
    while (n < NEWEST && db_next(rows))
        ms[n++] = *db_col(rows, 0) == '-' ? 0 : (int64_t)db_uint(rows, 0);
    if (n > 0)
        add_row(t, lag->name, ms, n);
    db_rows_close(&rows);
    return DB_OK;
}

int
ctl_lag(struct ctl *ctl)
{
    static const char *const heads[] = { "what", ">of", ">median, ms",
        ">95 %, ms", ">99 %, ms", ">longest, ms" };
    static const char *const members[] = { "what", "of", "median_ms", "p95_ms",
        "p99_ms", "longest_ms" };
    struct table *t = table_make(
        "lags", out_is_json() ? members : heads, sizeof heads / sizeof *heads);
    enum db_status status = DB_OK;

    for (size_t i = 0; i < sizeof lags / sizeof *lags && status == DB_OK; i++)
        status = measure(ctl, t, &lags[i]);
    if (status != DB_OK) {
        table_drop(&t);
        return ctl_failed(ctl);
    }
    table_end(&t);
    out_words(
        "\nWhat waits by its settings (after, quiet hours) counts from the "
        "capture, too.\n");
    return EX_OK;
}
