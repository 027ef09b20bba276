/*
 * jump: the clock of the database server was set.
 *
 * All times in our tables are that clock's. It is compared with the boot clock
 * of this host, which goes on evenly: when it jumps, the operator is told, and
 * when it went back, what waits does not wait for the time to come again.
 */
#include "clock.h"
#include "engine.h"
#include "log.h"

#include <inttypes.h>
#include <stdlib.h>

enum { NOTICED_US = 5000000, LOOK_US = 1000000 };

static enum db_status
read_clock(struct db *db, int64_t *us)
{
    struct db_rows *rows;
    enum db_status status = db_ask(db,
        "SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))",
        &rows);

    if (status != DB_OK)
        return status;
    *us = db_next(rows) ? (int64_t)db_uint(rows, 0) : 0;
    db_rows_close(&rows);
    return DB_OK;
}

/* What was changed in the future, as it is now, begins its pause anew: it waits
 * no longer than it would have. So do calls that another host has begun. And no
 * task is asked about later than ever. */
static enum db_status
pull_in(struct engine *e)
{
    struct bytes sql = bytes_make(4096);
    static const char ahead[] =
        "INTERVAL TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(3), changed_utc)"
        " MICROSECOND";

    bytes_printf(&sql,
        "UPDATE delivery SET due_utc = due_utc - %s,"
        " expires_utc = expires_utc - %s, changed_utc = UTC_TIMESTAMP(3)"
        " WHERE state IN ('ready', 'retry')"
        " AND changed_utc > UTC_TIMESTAMP(3) + INTERVAL %d MICROSECOND;"
        "UPDATE delivery SET changed_utc = UTC_TIMESTAMP(3) WHERE state ="
        " 'calling'"
        " AND changed_utc > UTC_TIMESTAMP(3) + INTERVAL %d MICROSECOND;",
        ahead, ahead, NOTICED_US, NOTICED_US);
    bytes_printf(&sql,
        "UPDATE receipt SET look_utc = UTC_TIMESTAMP(3) WHERE look_utc >"
        " UTC_TIMESTAMP(3) + INTERVAL %" PRId64 " MICROSECOND;",
        2 * e->set->receipt.look_longest_ms * 1000);
    return owner_run(&e->owner, e->db, &sql);
}

static void
tell(struct engine *e, int64_t us)
{
    if (us > 0)
        trouble_tell(&e->trouble, LOG_WARNING,
            "jump: the clock of the database server jumped forward by %" PRId64
            " s: what waited is due that much earlier, and messages and "
            "resets may be too old now",
            us / 1000000);
    else
        trouble_tell(&e->trouble, LOG_WARNING,
            "jump: the clock of the database server jumped back by %" PRId64
            " s: what waited begins its pause anew",
            -us / 1000000);
}

enum db_status
jump_look(struct engine *e)
{
    int64_t before_us = clock_boot_us(), after_us, us, jump_us;
    enum db_status status;

    if (e->jump.known && before_us < e->jump.look_us)
        return DB_OK;
    e->jump.look_us = before_us + LOOK_US;
    status = read_clock(e->db, &us);
    if (status != DB_OK)
        return status;
    after_us = clock_boot_us();
    us -= before_us + (after_us - before_us) / 2;
    jump_us = e->jump.known ? us - e->jump.apart_us : 0;
    if (llabs(jump_us) > NOTICED_US + (after_us - before_us))
        tell(e, jump_us);
    if (!e->jump.known || jump_us < -NOTICED_US)
        status = pull_in(e);
    if (jump_us < 0 && e->recover_us < INT64_MAX)
        e->recover_us = after_us;
    if (status != DB_OK)
        return status;
    e->jump.known = true;
    e->jump.apart_us = us;
    return DB_OK;
}
