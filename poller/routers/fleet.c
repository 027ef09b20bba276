/* fleet: see fleet.h. */
#include "routers/fleet.h"

#include "clock.h"
#include "log.h"
#include "reset.h"
#include "routers/radnas.h"
#include "routers/router.h"
#include "utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    struct router **router; /* owned */
    size_t n;
    struct router **leaving; /* owned: gone from radnas, and still dialing */
    size_t leaving_n;
    int64_t loaded_us; /* boot clock; 0 = not yet */
    int64_t due_us;    /* boot clock: when a router has something to do */
    int64_t record_us; /* boot clock: when the table was written last */
    bool fewer;        /* the table has routers that are gone */
};

/* One delivery on its way to all its routers. */
struct task {
    struct fleet *fleet;
    struct delivery *delivery; /* the lane's */
    struct reset reset;
    struct job *job; /* owned: one for each router */
    size_t n, pending;
    size_t failed;
    bool narrow;        /* only where the billing sees the subscriber */
    unsigned ended;     /* sessions */
    struct bytes where; /* they were ended */
    struct bytes why;   /* of the routers that have failed */
};

/* --- deliveries -------------------------------------------------------- */

static void
free_task(struct task *task)
{
    reset_free(&task->reset);
    free(task->job);
    bytes_free(&task->where);
    bytes_free(&task->why);
    free(task);
}

static void
add_done(struct bytes *why, const struct task *task)
{
    size_t asked = task->n - task->failed;

    if (task->ended > 0)
        bytes_printf(why, "%u session%s ended on %s", task->ended,
            task->ended == 1 ? "" : "s", bytes_text(&task->where));
    else if (asked > 0)
        bytes_printf(
            why, "no session on %zu router%s", asked, asked == 1 ? "" : "s");
    else if (task->n == 0)
        bytes_str(why, task->reset.some
                           ? "the routers that failed are not in radnas any "
                             "more"
                           : "there is no router in radnas");
}

/* The billing may be behind: where it sees the subscriber there was no session.
 * Then all the others are asked, too. */
static bool
must_go_further(const struct task *task)
{
    return task->narrow && task->ended == 0 && task->failed == 0;
}

static void
set_reason(struct task *task)
{
    struct outcome *o = &task->delivery->outcome;
    struct bytes why = bytes_make(LARGEST_SQL);

    *o = (struct outcome){ 0 };
    add_done(&why, task);
    if (task->failed > 0)
        bytes_printf(&why, "%s%zu of %zu router%s failed: %s",
            why.n ? "; " : "", task->failed, task->n, task->n == 1 ? "" : "s",
            bytes_text(&task->why));
    if (must_go_further(task))
        bytes_str(&why, ", where the billing sees it; the others are next");
    utf8_copy(o->why, sizeof o->why, bytes_text(&why), why.n);
    bytes_free(&why);
}

/* Takes the list over: what is left to be done goes where the work is written
 * down. */
static void
note_left(struct task *task, uint32_t *left, size_t n)
{
    struct reset *r = &task->reset;
    char *payload;

    free(r->left);
    r->left = left;
    r->left_n = n;
    r->some = true;
    payload = reset_print(r);
    if (payload) {
        free(task->delivery->payload);
        task->delivery->payload = payload;
    }
}

static bool
has_done(const struct task *task, uint32_t id)
{
    for (size_t i = 0; i < task->n; i++)
        if (task->job[i].id == id)
            return task->job[i].order.state == ORDER_DONE;
    return false;
}

/* What was asked and failed is tried again; further, whatever was not asked. */
static bool
list_left(struct task *task, bool further)
{
    const struct fleet *fleet = task->fleet;
    size_t n = 0;
    uint32_t *left = calloc((further ? fleet->n : task->n) + 1, sizeof *left);

    if (!left)
        return false;
    for (size_t i = 0; further && i < fleet->n; i++) {
        uint32_t id = router_state(fleet->router[i]).id;

        if (!router_is_off(fleet->router[i]) && !has_done(task, id))
            left[n++] = id;
    }
    for (size_t i = 0; !further && i < task->n; i++)
        if (task->job[i].order.state != ORDER_DONE)
            left[n++] = task->job[i].id;
    note_left(task, left, n);
    return n > 0;
}

static void
end_task(struct task *task)
{
    struct delivery *d = task->delivery;
    bool done = task->failed == 0 || task->ended > 0;
    bool further = must_go_further(task);
    struct lane *lane = task->fleet->lane;

    set_reason(task);
    if (further || !done)
        done = !list_left(task, further) && done;
    d->outcome.class = done ? OUTCOME_ACCEPTED : OUTCOME_TRANSIENT;
    free_task(task);
    lane_finish(lane, d);
}

/* Of more than can be shown the rest is left out. */
static void
add_where(struct bytes *to, const char *address, const char *why)
{
    if (to->n < OUTCOME_TEXT)
        bytes_printf(to, "%s%s%s%s", to->n ? ", " : "", address,
            why ? ": " : "", why ? why : "");
}

static void
job_done(void *arg, struct job *job, const char *why)
{
    struct task *task = job->owner;
    const char *address = router_state(job->router).address;

    (void)arg;
    if (why) {
        task->failed++;
        job->order.state = ORDER_OPEN;
        add_where(&task->why, address, why);
    } else {
        job->order.state = ORDER_DONE;
        task->ended += job->order.ended;
        if (job->order.ended > 0)
            add_where(&task->where, address, NULL);
    }
    if (--task->pending == 0)
        end_task(task);
}

static bool
is_left(const struct reset *reset, uint32_t id)
{
    for (size_t i = 0; i < reset->left_n; i++)
        if (reset->left[i] == id)
            return true;
    return false;
}

static bool
was_seen_on(const struct reset *reset, const char *address)
{
    for (size_t i = 0; i < reset->seen_n; i++)
        if (strcmp(reset->seen[i].nas, address) == 0)
            return true;
    return false;
}

/* Whether the billing sees the subscriber on a router that we know. */
static bool
is_somewhere(const struct fleet *fleet, const struct reset *reset)
{
    for (size_t i = 0; i < fleet->n; i++)
        if (!router_is_off(fleet->router[i]) &&
            was_seen_on(reset, router_state(fleet->router[i]).address))
            return true;
    return false;
}

static bool
is_meant(const struct reset *reset, bool somewhere, const struct router *router)
{
    struct router_state state = router_state(router);

    if (router_is_off(router))
        return false;
    if (reset->some)
        return is_left(reset, state.id);
    return !reset->only || !somewhere || was_seen_on(reset, state.address);
}

static void
choose_routers(struct task *task, struct router **chosen)
{
    const struct fleet *fleet = task->fleet;
    bool somewhere = is_somewhere(fleet, &task->reset);

    task->narrow = task->reset.only && somewhere && !task->reset.some;
    for (size_t i = 0; i < fleet->n; i++)
        if (is_meant(&task->reset, somewhere, fleet->router[i]))
            chosen[task->n++] = fleet->router[i];
}

/* One more is pending until all are given, for a job may end at once. */
static void
give_out(struct task *task, struct router **chosen)
{
    size_t n = task->n;

    task->pending = n + 1;
    for (size_t i = 0; i < n; i++) {
        task->job[i].owner = task;
        task->job[i].order = (struct order){ .login = task->reset.login,
            .seen = task->reset.seen,
            .seen_n = task->reset.seen_n };
        router_add(chosen[i], &task->job[i]);
    }
    if (--task->pending == 0)
        end_task(task);
}

static void
refuse(struct fleet *fleet, struct delivery *d, enum outcome_class class,
    const char *why)
{
    d->outcome = (struct outcome){ .class = class };
    snprintf(d->outcome.why, sizeof d->outcome.why, "%s", why);
    lane_finish(fleet->lane, d);
}

static void
start(void *carrier, struct delivery *d)
{
    struct fleet *fleet = carrier;
    struct task *task = calloc(1, sizeof *task);
    struct router **chosen = calloc(fleet->n + 1, sizeof(struct router *));

    if (task) {
        task->fleet = fleet;
        task->delivery = d;
        task->where = bytes_make(LARGEST_SQL);
        task->why = bytes_make(LARGEST_SQL);
        task->job = calloc(fleet->n + 1, sizeof *task->job);
    }
    if (!task || !chosen || !task->job) {
        refuse(fleet, d, OUTCOME_TRANSIENT, "out of memory");
    } else if (!reset_parse(&task->reset, d->payload ? d->payload : "")) {
        refuse(fleet, d, OUTCOME_PERMANENT,
            "delivery.payload is not an order that this version reads");
    } else {
        choose_routers(task, chosen);
        fleet->due_us = 0;
        give_out(task, chosen);
        task = NULL;
    }
    if (task)
        free_task(task);
    free(chosen);
}

void
fleet_stop(struct fleet *fleet)
{
    for (size_t i = 0; i < fleet->n; i++)
        router_withdraw(
            fleet->router[i], INT64_MAX, "not begun, the service stops");
}

/* --- the routers ------------------------------------------------------- */

static void
close_routers(struct router ***routers, size_t *n)
{
    for (size_t i = 0; i < *n; i++)
        router_close(&(*routers)[i]);
    free(*routers);
    *routers = NULL;
    *n = 0;
}

/* The jobs go without a word: their deliveries are forgotten. */
static void
forget(void *arg, struct job *job, const char *why)
{
    struct task *task = job->owner;

    (void)arg;
    (void)why;
    if (--task->pending == 0)
        free_task(task);
}

static void
close_fleet(void *carrier)
{
    struct fleet *fleet = carrier;

    fleet->world.done = forget;
    close_routers(&fleet->router, &fleet->n);
    close_routers(&fleet->leaving, &fleet->leaving_n);
    router_world_close(&fleet->world);
    free(fleet);
}

static const struct carrier_ops fleet_ops = { .start = start,
    .close = close_fleet };

static struct lane *
make_lane(struct fleet *fleet)
{
    const struct settings *set = fleet->world.set;
    const struct lane_traits traits = { .name = "routers",
        .repeats_safely = true,
        .longest_ms = settings_longest_reset_ms(set),
        .limits = { .connections = MOST_UNDERWAY,
            .retry_first_ms = set->routers.retry_first_ms,
            .retry_longest_ms = set->routers.retry_longest_ms } };

    return lane_make(&traits, &fleet_ops, fleet);
}

struct lane *
fleet_make(const struct settings *set, struct http *http, struct fleet **out)
{
    struct fleet *fleet = calloc(1, sizeof *fleet);

    if (fleet) {
        fleet->world = (struct router_world){
            .set = set, .http = http, .done = job_done, .arg = fleet
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
    for (size_t i = 0; i < fleet->n; i++) {
        struct router *router = fleet->router[i];

        if (router && router_state(router).id == id) {
            fleet->router[i] = NULL;
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
        fleet->leaving, (fleet->leaving_n + 1) * sizeof(struct router *));
    if (more) {
        fleet->leaving = more;
        fleet->leaving[fleet->leaving_n++] = router;
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
    for (size_t i = 0; i < fleet->n; i++) {
        if (!fleet->router[i])
            continue;
        let_go(fleet, fleet->router[i]);
        fleet->fewer = true;
    }
    free(fleet->router);
    fleet->router = all;
    fleet->n = n;
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

    for (size_t i = 0; i < fleet->leaving_n; i++) {
        if (router_is_dialing(fleet->leaving[i]))
            fleet->leaving[n++] = fleet->leaving[i];
        else
            router_close(&fleet->leaving[i]);
    }
    fleet->leaving_n = n;
}

/* No more can be connected to: an idle one makes room, if there is one. */
static void
make_room(struct fleet *fleet)
{
    size_t most = (size_t)fleet->world.set->routers.connections;

    for (size_t i = 0; i < fleet->n && fleet->world.connected >= most; i++)
        router_hang_up(fleet->router[i]);
}

/* No more deliveries can be begun: those that wait only for slow routers are
 * given up for now, so that they do not keep the others waiting. */
static void
relieve(struct fleet *fleet, int64_t now_us)
{
    if (lane_active(fleet->lane) >= MOST_UNDERWAY)
        for (size_t i = 0; i < fleet->n; i++)
            router_withdraw(
                fleet->router[i], now_us - CROWDED_US, "it is busy, or slow");
}

static void
tick(struct fleet *fleet)
{
    int64_t now_us = clock_boot_us();

    fleet->due_us = INT64_MAX;
    make_room(fleet);
    relieve(fleet, now_us);
    for (size_t i = 0; i < fleet->n; i++) {
        struct router *router = fleet->router[i];
        int64_t due_us;

        router_tick(router, now_us);
        due_us = router_due_us(router);
        if (due_us < fleet->due_us)
            fleet->due_us = due_us;
    }
    if (fleet->leaving_n)
        see_off(fleet);
}

void
fleet_run(struct fleet *fleet)
{
    router_world_run(&fleet->world);
    tick(fleet);
}

/* --- the table --------------------------------------------------------- */

static size_t
count_new(const struct fleet *fleet)
{
    size_t n = 0;

    for (size_t i = 0; i < fleet->n; i++)
        n += router_is_new(fleet->router[i]);
    return n;
}

int64_t
fleet_record_us(const struct fleet *fleet)
{
    return fleet->fewer || count_new(fleet) > 0 ? fleet->record_us + RECORD_US
                                                : INT64_MAX;
}

static void
add_removal(struct bytes *sql, const struct fleet *fleet)
{
    bytes_str(sql, "DELETE FROM router WHERE nas_id NOT IN (0");
    for (size_t i = 0; i < fleet->n; i++)
        if (!router_is_off(fleet->router[i]))
            bytes_printf(sql, ",%" PRIu32, router_state(fleet->router[i]).id);
    bytes_str(sql, ");");
}

static void
add_state(struct bytes *sql, const struct router *router)
{
    struct router_state state = router_state(router);
    int64_t held_us = state.until_us - clock_boot_us();
    bool held = state.fault != FAULT_NONE;
    char cure[ROUTER_CURE];

    router_cure(router, state.fault, cure, sizeof cure);
    bytes_printf(sql, "(%" PRIu32 ",", state.id);
    db_text(sql, state.address);
    bytes_printf(sql, ",'%s','%s',UTC_TIMESTAMP(3),", state.transport,
        held ? "held" : "ok");
    if (held && held_us > 0)
        bytes_printf(sql,
            "UTC_TIMESTAMP(3) + INTERVAL %" PRId64 " MICROSECOND,", held_us);
    else
        bytes_str(sql, "NULL,");
    bytes_printf(sql, "%" PRIu64 ",", state.ended);
    db_text(sql, held ? state.why : NULL);
    bytes_chr(sql, ',');
    db_text(sql, held ? cure : NULL);
    bytes_str(sql, ",UTC_TIMESTAMP(3))");
}

/* since_utc is set first, from the state of before. */
static void
add_all(struct bytes *sql, const struct fleet *fleet)
{
    const char *comma = "";

    bytes_str(sql,
        "INSERT INTO router (nas_id, address, transport, state,"
        " since_utc, until_utc, ended, reason, cure, changed_utc) VALUES ");
    for (size_t i = 0; i < fleet->n; i++) {
        if (!router_is_new(fleet->router[i]))
            continue;
        bytes_str(sql, comma);
        add_state(sql, fleet->router[i]);
        comma = ",";
    }
    bytes_str(sql,
        " ON DUPLICATE KEY UPDATE since_utc ="
        " IF(state = VALUES(state), since_utc, VALUES(since_utc)),"
        " state = VALUES(state), address = VALUES(address),"
        " transport = VALUES(transport), until_utc = VALUES(until_utc),"
        " ended = ended + VALUES(ended), reason = VALUES(reason),"
        " cure = VALUES(cure),"
        " changed_utc = VALUES(changed_utc);");
}

enum db_status
fleet_record(struct fleet *fleet, struct db *db, struct owner *owner)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    enum db_status status;

    fleet->record_us = clock_boot_us();
    if (fleet->fewer)
        add_removal(&sql, fleet);
    if (count_new(fleet) > 0)
        add_all(&sql, fleet);
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
    for (size_t i = 0; i < fleet->n; i++)
        router_was_recorded(fleet->router[i]);
    fleet->fewer = false;
    return DB_OK;
}
