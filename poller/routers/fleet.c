/* fleet: see fleet.h. */
#include "routers/fleet.h"

#include "clock.h"
#include "log.h"
#include "routers/radnas.h"
#include "routers/roll.h"
#include "routers/router.h"
#include "routers/task.h"

#include <stdlib.h>

enum {
    LARGEST_SQL = 4 << 20,
    MOST_UNDERWAY = 500,
    LOAD_US = 1000000,
    RECORD_US = 1000000,
    UNWRITTEN_US = 60000000,
    CROWDED_US = 5000000,
};

struct fleet {
    struct router_world world;
    struct lane *lane;
    struct router_list all;
    struct router_list leaving; /* gone from radnas, and still dialing */
    int64_t loaded_us;          /* boot clock; 0 = not yet */
    int64_t due_us;    /* boot clock: when a router has something to do */
    int64_t record_us; /* boot clock: when the table was written last */
    bool fewer;        /* the table has routers that are gone */
};

void
fleet_retry(struct fleet *fleet)
{
    for (size_t i = 0; i < fleet->all.n; i++)
        router_retry(fleet->all.at[i]);
}

void
fleet_stop(struct fleet *fleet)
{
    for (size_t i = 0; i < fleet->all.n; i++)
        router_withdraw(
            fleet->all.at[i], INT64_MAX, "not begun, the service stops");
}

/* --- the routers ------------------------------------------------------- */

/* The jobs go without a word: their deliveries are forgotten. */
static void
close_routers(struct router_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        router_close(&list->at[i]);
    free(list->at);
    *list = (struct router_list){ 0 };
}

static void
close_fleet(void *carrier)
{
    struct fleet *fleet = carrier;

    fleet->world.done = task_forget;
    close_routers(&fleet->all);
    close_routers(&fleet->leaving);
    router_world_close(&fleet->world);
    free(fleet);
}

static void
start(void *carrier, struct delivery *d)
{
    struct fleet *fleet = carrier;

    fleet->due_us = 0;
    task_start(fleet->lane, &fleet->all, d);
}

static struct lane_traits
traits_of(const struct settings *set)
{
    return (struct lane_traits){ .name = "routers",
        .repeats_safely = true,
        .longest_ms = settings_longest_reset_ms(set),
        .limits = { .connections = MOST_UNDERWAY,
            .retry_first_ms = set->routers.retry_first_ms,
            .retry_longest_ms = set->routers.retry_longest_ms } };
}

/* Which routers there are may have changed, too: radnas is read again. */
static struct lane_traits
renew(void *carrier, const struct settings *set, bool anew)
{
    struct fleet *fleet = carrier;

    fleet->world.set = set;
    fleet->loaded_us = fleet->due_us = 0;
    for (size_t i = 0; i < fleet->all.n; i++)
        router_reload(fleet->all.at[i], anew);
    return traits_of(set);
}

static bool
list_uses(const struct router_list *list, const struct settings *set)
{
    for (size_t i = 0; i < list->n; i++)
        if (router_uses(list->at[i], set))
            return true;
    return false;
}

static bool
uses(const void *carrier, const struct settings *set)
{
    const struct fleet *fleet = carrier;

    return list_uses(&fleet->all, set) || list_uses(&fleet->leaving, set);
}

static const struct carrier_ops fleet_ops = {
    .start = start, .renew = renew, .uses = uses, .close = close_fleet
};

static struct lane *
make_lane(struct fleet *fleet)
{
    const struct lane_traits traits = traits_of(fleet->world.set);

    return lane_make(&traits, &fleet_ops, fleet);
}

struct lane *
fleet_make(const struct settings *set, struct http *http, struct fleet **out)
{
    struct fleet *fleet = calloc(1, sizeof *fleet);

    if (fleet) {
        fleet->world = (struct router_world){
            .set = set, .http = http, .done = task_job_done, .arg = fleet
        };
        fleet->due_us = INT64_MAX;
        if (router_world_open(&fleet->world))
            fleet->lane = make_lane(fleet);
    }
    *out = fleet;
    if (fleet && fleet->lane)
        return fleet->lane;
    if (fleet)
        close_fleet(fleet);
    return NULL;
}

/* Takes the router with that id out of the old list. */
static struct router *
take_old(struct fleet *fleet, uint32_t id)
{
    for (size_t i = 0; i < fleet->all.n; i++) {
        struct router *router = fleet->all.at[i];

        if (router && router_state(router).id == id) {
            fleet->all.at[i] = NULL;
            return router;
        }
    }
    return NULL;
}

/* One that waits for its connection cannot go before that is told. */
static void
let_go(struct fleet *fleet, struct router *router)
{
    struct router **more;

    if (!router_is_dialing(router)) {
        router_close(&router);
        return;
    }
    more = realloc(
        fleet->leaving.at, (fleet->leaving.n + 1) * sizeof(struct router *));
    if (more) {
        fleet->leaving.at = more;
        fleet->leaving.at[fleet->leaving.n++] = router;
    }
}

static bool
take_routers(struct fleet *fleet, struct db_rows *rows)
{
    struct router **all =
        calloc(db_rows_count(rows) + 1, sizeof(struct router *));
    size_t n = 0;

    if (!all)
        return false;
    while (db_next(rows)) {
        const struct router_row row = radnas_row(rows);
        struct router *router = take_old(fleet, row.id);

        if (!router)
            router = router_make(&fleet->world, &row);
        else if (!router_renew(router, &row))
            router_close(&router);
        if (router)
            all[n++] = router;
    }
    for (size_t i = 0; i < fleet->all.n; i++) {
        if (!fleet->all.at[i])
            continue;
        let_go(fleet, fleet->all.at[i]);
        fleet->fewer = true;
    }
    free(fleet->all.at);
    fleet->all.at = all;
    fleet->all.n = n;
    return true;
}

enum db_status
fleet_load(struct fleet *fleet, struct db *db, const struct billing *billing)
{
    struct db_rows *rows;
    enum db_status status;

    if (!billing->has_routers ||
        (fleet->loaded_us && clock_boot_us() < fleet->loaded_us + LOAD_US))
        return DB_OK;
    status = radnas_read(db, billing, fleet->world.set, &rows);
    if (status != DB_OK)
        return status;
    /* A service before us may have left some there. */
    fleet->fewer |= fleet->loaded_us == 0;
    fleet->loaded_us = clock_boot_us();
    if (!take_routers(fleet, rows))
        status = DB_REFUSED;
    db_rows_close(&rows);
    return status;
}

/* --- running ----------------------------------------------------------- */

int
fleet_fd(const struct fleet *fleet)
{
    return fleet->world.epoll;
}

int64_t
fleet_due_us(const struct fleet *fleet)
{
    return fleet->due_us;
}

/* Those that have left go when nothing is under way to them. */
static void
see_off(struct fleet *fleet)
{
    size_t n = 0;

    for (size_t i = 0; i < fleet->leaving.n; i++) {
        if (router_is_dialing(fleet->leaving.at[i]))
            fleet->leaving.at[n++] = fleet->leaving.at[i];
        else
            router_close(&fleet->leaving.at[i]);
    }
    fleet->leaving.n = n;
}

/* No more can be connected to: an idle one makes room, if there is one. */
static void
make_room(struct fleet *fleet)
{
    size_t most = (size_t)fleet->world.set->routers.connections;

    for (size_t i = 0; i < fleet->all.n && fleet->world.connected >= most; i++)
        router_hang_up(fleet->all.at[i]);
}

/* No more deliveries can be begun: those that wait only for slow routers are
 * given up for now, so that they do not keep the others waiting. */
static void
relieve(struct fleet *fleet, int64_t now_us)
{
    if (lane_active(fleet->lane) >= MOST_UNDERWAY)
        for (size_t i = 0; i < fleet->all.n; i++)
            router_withdraw(
                fleet->all.at[i], now_us - CROWDED_US, "it is busy, or slow");
}

static void
tick(struct fleet *fleet)
{
    int64_t now_us = clock_boot_us();

    fleet->due_us = INT64_MAX;
    make_room(fleet);
    relieve(fleet, now_us);
    for (size_t i = 0; i < fleet->all.n; i++) {
        struct router *router = fleet->all.at[i];
        int64_t due_us;

        router_tick(router, now_us);
        due_us = router_due_us(router);
        if (due_us < fleet->due_us)
            fleet->due_us = due_us;
    }
    if (fleet->leaving.n)
        see_off(fleet);
}

void
fleet_run(struct fleet *fleet)
{
    router_world_run(&fleet->world);
    tick(fleet);
}

/* --- the table --------------------------------------------------------- */

int64_t
fleet_record_us(const struct fleet *fleet)
{
    return fleet->fewer || roll_count_new(&fleet->all) > 0
               ? fleet->record_us + RECORD_US
               : INT64_MAX;
}

enum db_status
fleet_record(struct fleet *fleet, struct db *db, struct owner *owner)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    enum db_status status;

    fleet->record_us = clock_boot_us();
    if (fleet->fewer)
        roll_add_removal(&sql, &fleet->all);
    if (roll_count_new(&fleet->all) > 0)
        roll_add_new(&sql, &fleet->all);
    status = owner_run(owner, db, &sql);
    bytes_free(&sql);
    if (status == DB_GONE || owner->lost)
        return status;
    if (status != DB_OK) {
        fleet->record_us += UNWRITTEN_US;
        log_error("fleet: table router cannot be written: %s; mbevctl routers "
                  "does not tell what is now",
            db_error(db));
        return DB_OK;
    }
    for (size_t i = 0; i < fleet->all.n; i++)
        router_was_recorded(fleet->all.at[i]);
    fleet->fewer = false;
    return DB_OK;
}
