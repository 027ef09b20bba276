/*
 * mbevctl queue [STATE]: deliveries that are not done, with the reason.
 */
#include "bytes.h"
#include "ctl.h"
#include "delivery.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { MOST_ROWS = 100 };

#define WAITS "d.state IN ('ready', 'leased', 'calling', 'retry')"

static void
build(struct bytes *sql, const char *state)
{
    bytes_str(sql, "SELECT d.event_id, d.id, e.uid, e.kind, d.action, d.state,"
                   " IF(" WAITS ", d.lane, d.provider), d.attempts,"
                   " SUBSTRING(IF(" WAITS ", d.due_utc, d.changed_utc), 6, 14),"
                   " d.address, d.reason"
                   " FROM delivery d JOIN event e ON e.id = d.event_id"
                   " WHERE d.state ");
    if (state) {
        bytes_str(sql, "= ");
        db_text(sql, state);
    } else {
        bytes_str(sql, "IN ('ready', 'leased', 'calling', 'retry',"
                       " 'doubtful', 'dead', 'expired', 'held')");
    }
    bytes_printf(sql, " ORDER BY d.id DESC LIMIT %d", MOST_ROWS);
}

int
ctl_queue(struct ctl *ctl)
{
    static const char *const heads[] = { "event", "delivery", "uid", "kind",
        "action", "state", "by", "tries", "due/ended UTC", "to", "reason" };
    const char *state = ctl->argc > 0 ? ctl->argv[0] : NULL;
    struct bytes sql = bytes_make(2048);
    struct db_rows *rows;
    enum db_status status;

    if (state && delivery_state_of(state) == DELIVERY_STATES) {
        fputs("mbevctl: a state is one of ready leased calling done retry "
              "doubtful dead expired skipped cancelled held dry\n",
            stderr);
        return EX_USAGE;
    }
    build(&sql, state);
    status = db_query(ctl->db, &sql, &rows);
    bytes_free(&sql);
    if (status != DB_OK)
        return ctl_failed(ctl);
    table_print_newest("deliveries", rows, heads, sizeof heads / sizeof *heads,
        MOST_ROWS, "nothing");
    db_rows_close(&rows);
    return EX_OK;
}
