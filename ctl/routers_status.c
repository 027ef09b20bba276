/*
 * routers_status: what mbevctl status says of routers: how many work, which are
 * held; and how many resets of sessions wait, or came too late.
 */
#include "bytes.h"
#include "ctl.h"

#include <inttypes.h>

enum { MOST_NAMES = 3 };

/* Those that are held since a short while come first. */
static enum db_status
add_names(struct ctl *ctl, struct bytes *text, uint64_t held)
{
    struct bytes sql = bytes_make(256);
    struct db_rows *rows;
    enum db_status status;
    const char *before = ": ";

    bytes_printf(&sql,
        "SELECT address FROM router WHERE state = 'held'"
        " ORDER BY since_utc DESC, nas_id LIMIT %d",
        MOST_NAMES);
    status = ctl_ask(ctl, &sql, &rows);
    if (status != DB_OK)
        return status;
    for (; db_next(rows); before = ", ")
        bytes_printf(text, "%s%s", before, db_col(rows, 0));
    bytes_printf(
        text, "%s; see mbevctl routers", held > MOST_NAMES ? ", ..." : "");
    db_rows_close(&rows);
    return DB_OK;
}

/* No line as long as none was tried. */
static enum db_status
print_routers(struct ctl *ctl)
{
    struct bytes text = bytes_make(1024);
    struct db_rows *rows;
    uint64_t held = 0;
    enum db_status status = db_ask(ctl->db,
        "SELECT SUM(state = 'ok'), SUM(state = 'held') FROM router"
        " HAVING COUNT(*) > 0",
        &rows);

    if (status != DB_OK)
        return status;
    if (db_next(rows)) {
        held = db_uint(rows, 1);
        bytes_printf(
            &text, "%" PRIu64 " ok, %" PRIu64 " held", db_uint(rows, 0), held);
    }
    db_rows_close(&rows);
    if (held > 0)
        status = add_names(ctl, &text, held);
    if (status == DB_OK && text.n > 0)
        status_print("routers", bytes_text(&text), text.n);
    bytes_free(&text);
    return status;
}

static enum db_status
print_resets(struct ctl *ctl)
{
    struct db_rows *rows;
    enum db_status status = db_ask(ctl->db,
        "SELECT CONCAT(SUM(state <> 'expired'), ' wait, ',"
        " SUM(state = 'expired'), ' expired in the last hour') FROM delivery"
        " WHERE action = 'session_reset'"
        " AND (state IN ('ready', 'leased', 'calling', 'retry')"
        " OR (state = 'expired'"
        " AND changed_utc > UTC_TIMESTAMP(3) - INTERVAL 1 HOUR))"
        " HAVING COUNT(*) > 0",
        &rows);

    if (status != DB_OK)
        return status;
    if (db_next(rows))
        status_print("resets", db_col(rows, 0), db_len(rows, 0));
    db_rows_close(&rows);
    return DB_OK;
}

enum db_status
routers_status(struct ctl *ctl)
{
    enum db_status status = print_routers(ctl);

    return status == DB_OK ? print_resets(ctl) : status;
}
