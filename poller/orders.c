/* orders: see orders.h. */
#include "orders.h"

#include "clock.h"
#include "engine.h"
#include "log.h"

#include <string.h>

#define LOOK_US (10LL * 1000000)

int64_t
orders_due_us(const struct engine *e)
{
    return e->wake.told ? 0 : e->orders.look_us;
}

static enum db_status
read_paused(struct engine *e, bool paused[LANES])
{
    struct db_rows *rows;
    enum db_status status = db_ask(e->db, "SELECT lane FROM pause", &rows);

    if (status != DB_OK)
        return status;
    while (db_next(rows)) {
        enum lane_id lane;

        if (delivery_lane_find(db_col(rows, 0), &lane))
            paused[lane] = true;
    }
    db_rows_close(&rows);
    return DB_OK;
}

static void
pause_lane(struct engine *e, enum lane_id lane, bool paused)
{
    if (e->orders.paused[lane] == paused)
        return;
    e->orders.paused[lane] = paused;
    if (e->lane[lane])
        lane_pause(e->lane[lane], paused);
    e->backlog[lane] = true;
    log_info("orders: %s %s", delivery_lane_name(lane),
        paused ? "is paused: nothing is begun until mbevctl resume"
               : "goes on");
}

/* The operator may have put something before the head of a queue, and has let
 * go what was locked. */
static void
look_at_everything(struct engine *e)
{
    e->shunned.n = 0;
    e->due_us = e->look_us = 0;
    memset(e->head, 0, sizeof e->head);
}

static void
flush(struct engine *e)
{
    for (enum lane_id lane = LANE_DECIDE + 1; lane < LANES; lane++)
        if (e->wake.flush[lane])
            lane_retry(e->lane[lane]);
    if (e->wake.flush[LANE_ROUTERS])
        fleet_retry(e->fleet);
    memset(e->wake.flush, 0, sizeof e->wake.flush);
}

enum db_status
orders_look(struct engine *e)
{
    bool paused[LANES] = { false };
    enum db_status status = read_paused(e, paused);

    if (status != DB_OK)
        return status;
    e->orders.look_us = clock_boot_us() + LOOK_US;
    for (enum lane_id lane = 0; lane < LANES; lane++)
        pause_lane(e, lane, paused[lane]);
    if (e->wake.told)
        look_at_everything(e);
    flush(e);
    e->wake.told = false;
    return DB_OK;
}
