/*
 * mbevctl pause, resume, flush: what the operator says about whole lanes.
 */
#include "bytes.h"
#include "ctl.h"
#include "delivery.h"
#include "orders.h"

#include <inttypes.h>
#include <string.h>
#include <sysexits.h>

enum { LARGEST_SQL = 64 * 1024 };

/* LANES for all of them. */
static bool
read_lane(const char *word, enum lane_id *lane)
{
    *lane = LANES;
    if (strcmp(word, "all") == 0)
        return true;
    return delivery_lane_find(word, lane);
}

static const char wrong_lane[] = "a lane is one of decide smspilot smsc komtet "
                                 "routers exec webhook kafka, or all";

static bool
is_meant(enum lane_id lane, enum lane_id meant)
{
    return meant == LANES || lane == meant;
}

/* Who paused it first stays. */
static void
add_pause(struct bytes *sql, const struct ctl *ctl, enum lane_id lane)
{
    bytes_printf(sql,
        "INSERT INTO pause (lane, since_utc, who, reason)"
        " SELECT '%s', at_utc, who, ",
        delivery_lane_name(lane));
    db_text(sql, ctl->reason);
    bytes_str(sql, " FROM audit WHERE id = LAST_INSERT_ID()"
                   " ON DUPLICATE KEY UPDATE pause.lane = pause.lane;");
}

static void
add_resume(struct bytes *sql, enum lane_id lane)
{
    bytes_printf(
        sql, "DELETE FROM pause WHERE lane = '%s';", delivery_lane_name(lane));
}

int
ctl_pause(struct ctl *ctl)
{
    bool resume = strcmp(ctl->verb, "resume") == 0;
    struct bytes sql = bytes_make(LARGEST_SQL);
    enum lane_id meant;
    enum db_status status;

    if (!read_lane(ctl->argv[0], &meant)) {
        bytes_free(&sql);
        return ctl_complain(ctl, wrong_lane);
    }
    bytes_str(&sql, DB_BEGIN ";");
    ctl_note(&sql, ctl, &(struct act){ .words = ctl->argv[0] });
    for (enum lane_id lane = 0; lane < LANES; lane++) {
        if (!is_meant(lane, meant))
            continue;
        if (resume)
            add_resume(&sql, lane);
        else
            add_pause(&sql, ctl, lane);
    }
    bytes_str(&sql, DB_COMMIT);
    status = ctl->dry ? DB_OK : db_commit(ctl->db, &sql);
    bytes_free(&sql);
    if (status != DB_OK)
        return ctl_failed(ctl);
    ctl_ring(ctl, ORDERS_LOOK, NULL);
    out_text(resume ? "resumed" : "paused", ctl->argv[0]);
    out_words("%s: %s\n", ctl->argv[0],
        resume ? "goes on" : "paused, until mbevctl resume");
    return EX_OK;
}

/* --- flush --------------------------------------------------------------- */

static void
add_flush(struct bytes *sql, enum lane_id lane)
{
    bytes_printf(sql,
        "UPDATE delivery SET due_utc = UTC_TIMESTAMP(3)"
        " WHERE state IN ('ready', 'retry') AND lane = '%s'"
        " AND due_utc > UTC_TIMESTAMP(3)"
        " AND error_class IN ('configuration', 'transient') AND ask = FALSE;",
        delivery_lane_name(lane));
}

int
ctl_flush(struct ctl *ctl)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    const char *word = ctl->argc > 0 ? ctl->argv[0] : "all";
    enum lane_id meant;
    enum db_status status = DB_OK;
    uint64_t n = 0;

    if (!read_lane(word, &meant)) {
        bytes_free(&sql);
        return ctl_complain(ctl, wrong_lane);
    }
    ctl_note(&sql, ctl, &(struct act){ .words = word });
    if (!ctl->dry)
        status = db_run(ctl->db, &sql);
    for (enum lane_id lane = 0; lane < LANES && status == DB_OK; lane++) {
        bytes_clear(&sql);
        if (!is_meant(lane, meant) || ctl->dry)
            continue;
        add_flush(&sql, lane);
        status = db_run(ctl->db, &sql);
        n += status == DB_OK ? db_matched_first(ctl->db) : 0;
    }
    bytes_free(&sql);
    if (status != DB_OK)
        return ctl_failed(ctl);
    ctl_ring(ctl, ORDERS_FLUSH, meant == LANES ? NULL : word);
    out_uint("due now", n);
    out_words("%" PRIu64 " are due now\n", n);
    return EX_OK;
}
