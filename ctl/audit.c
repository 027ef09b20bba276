/*
 * mbevctl audit: what was done by hand, the newest first.
 */
#include "bytes.h"
#include "ctl.h"

#include <sysexits.h>

enum { MOST_ROWS = 100 };

int
ctl_audit_list(struct ctl *ctl)
{
    static const char *const heads[] = { "at, UTC", "who", "verb", ">event",
        ">delivery", "was", "words" };
    struct bytes sql = bytes_make(1024);
    struct db_rows *rows;

    bytes_printf(&sql,
        "SELECT LEFT(at_utc, 19), who, verb, event_id, delivery_id, was, words"
        " FROM audit ORDER BY id DESC LIMIT %d",
        MOST_ROWS);
    if (ctl_ask(ctl, &sql, &rows) != DB_OK)
        return ctl_failed(ctl);
    table_print_newest("acts", rows, heads, sizeof heads / sizeof *heads,
        MOST_ROWS, "nothing was done by hand");
    db_rows_close(&rows);
    return EX_OK;
}
