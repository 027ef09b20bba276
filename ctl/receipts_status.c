/*
 * receipts_status: what mbevctl status says of fiscal receipts: how many are
 * where, those that are late, and whether the till is switched off.
 */
#include "bytes.h"
#include "late.h"
#include "receipts.h"

#include <inttypes.h>

#define UNDECIDED                                                              \
    "(SELECT COUNT(*) FROM delivery WHERE lane = 'decide'"                     \
    " AND action = 'receipt' AND state IN "

/* How many, in words that follow the number. */
static const struct share {
    const char *words;
    const char *sql;
} shares[] = {
    { "wait to be decided", UNDECIDED "('ready', 'retry'))" },
    { "must be decided by the operator", UNDECIDED "('doubtful'))" },
    { "wait to be sent", "SUM(r.stage = 'new')" },
    { "at the till", "SUM(r.stage = 'accepted' AND r.task_id IS NOT NULL)" },
    { "at komtet with an unknown id",
        "SUM(r.stage = 'accepted' AND r.task_id IS NULL)" },
    { "refused by the till", "SUM(r.stage = 'failed')" },
    { "refused by komtet", "SUM(r.stage = 'refused')" },
    { "doubtful", "SUM(r.stage = 'doubtful')" },
};
enum { SHARES = sizeof shares / sizeof *shares };

static void
add_shares(struct bytes *text, const struct db_rows *rows)
{
    for (unsigned i = 0; i < SHARES; i++)
        if (db_uint(rows, 1 + i) > 0)
            bytes_printf(text, "%s%" PRIu64 " %s", text->n ? ", " : "",
                db_uint(rows, 1 + i), shares[i].words);
}

/* No line when there never was one. */
static enum db_status
print_shares(struct ctl *ctl)
{
    struct bytes sql = bytes_make(4096), text = bytes_make(1024);
    struct db_rows *rows;
    enum db_status status;

    bytes_str(&sql, "SELECT EXISTS (SELECT 1 FROM receipt)");
    for (size_t i = 0; i < SHARES; i++)
        bytes_printf(&sql, ", %s", shares[i].sql);
    bytes_str(&sql, " FROM receipt AS r WHERE " RECEIPT_IS_OPEN);
    status = db_query(ctl->db, &sql, &rows);
    bytes_free(&sql);
    if (status != DB_OK)
        return status;
    if (db_next(rows)) {
        add_shares(&text, rows);
        if (text.n == 0 && db_uint(rows, 0) > 0)
            bytes_str(&text, "all are fiscal, or closed");
    }
    if (text.n > 0)
        status_print("receipts", bytes_text(&text), text.n);
    bytes_free(&text);
    db_rows_close(&rows);
    return DB_OK;
}

/* Of durations that people write: whole hours, or else minutes. */
static enum db_status
print_late(struct ctl *ctl)
{
    struct bytes words = bytes_make(512);
    uint64_t n;
    enum db_status status =
        late_count(ctl->db, ctl->set->receipt.alarm_ms, &n, &words);

    if (n > 0)
        status_print("ALARM", bytes_text(&words), words.n);
    bytes_free(&words);
    return status;
}

/* The queue that was asked about last is the one in use. */
static enum db_status
print_till(struct ctl *ctl)
{
    struct db_rows *rows;
    enum db_status status = db_ask(ctl->db,
        "SELECT CONCAT('queue ', queue, ' was switched off in komtet''s"
        " cabinet at ', changed_utc, ' UTC, and was so still at ',"
        " checked_utc, ' UTC: receipts wait there'), active FROM till"
        " ORDER BY checked_utc DESC LIMIT 1",
        &rows);

    if (status != DB_OK)
        return status;
    if (db_next(rows) && db_uint(rows, 1) == 0)
        status_print("TILL OFF", db_col(rows, 0), db_len(rows, 0));
    db_rows_close(&rows);
    return DB_OK;
}

enum db_status
receipts_status(struct ctl *ctl)
{
    enum db_status status = print_shares(ctl);

    if (status == DB_OK)
        status = print_late(ctl);
    return status == DB_OK ? print_till(ctl) : status;
}
