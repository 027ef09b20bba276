/* engine: see engine.h. */
#include "engine.h"

#include "atwork.h"
#include "callback.h"
#include "clock.h"
#include "dry.h"
#include "follow.h"
#include "log.h"
#include "post.h"
#include "reconcile.h"
#include "reload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum {
    PAUSE_FIRST_US = 100000,
    PAUSE_LAST_US = 5000000,
    STAND_BY_US = 1000000,
    ONCE_US = 10000,
    LAST_WORDS_US = 15000000,
    MOST_BUSY = 5,
    JOURNAL_US = 60000000,
    LONG_AWAY_S = 60,
    BUSY_US = 100000, /* what fails at once must not be tried at once */
};

/* How often to look at the server's settings again. */
#define CHECK_US (3600LL * 1000000)

static struct lane *
make_lane(struct engine *e, enum lane_id lane)
{
    static const struct provider_ops *const providers[LANES] = {
        [LANE_SMSPILOT] = &smspilot,
        [LANE_SMSC] = &smsc,
        [LANE_KOMTET] = &komtet,
        [LANE_WEBHOOK] = &webhook,
    };

    if (lane == LANE_ROUTERS)
        return fleet_make(e->set, e->http, &e->fleet);
    if (lane == LANE_EXEC)
        return runner_make(e->set, &e->runner);
    if (lane == LANE_KAFKA)
        return kafka_make(e->set, &e->kafka);
    return post_make(e->set, e->http, &e->zone, providers[lane]);
}

static bool
make_lanes(struct engine *e)
{
    for (enum lane_id i = LANE_DECIDE + 1; i < LANES; i++) {
        e->lane[i] = make_lane(e, i);
        if (!e->lane[i])
            return false;
    }
    return true;
}

void
engine_complain_lacking(const struct engine *e)
{
    const char *lacking = komtet.lacks(e->set);

    if (lacking && (e->set->receipt.payments || e->set->receipt.refunds))
        log_error("engine: receipts are made, kept and not sent: %s; fill it "
                  "in and reload",
            lacking);
}

static bool
engine_open(struct engine *e, struct editions *editions,
    const struct db_settings *db_settings, bool once)
{
    const struct settings *set = editions_now(editions);

    *e = (struct engine){ .editions = editions,
        .set = set,
        .once = once,
        .owner.lock_fd = -1,
        .journal.fd = -1,
        .recover_us = INT64_MAX };
    e->wake.bell_fd = e->wake.signal_fd = e->wake.timer_fd = -1;
    supervise_open(&e->supervise);
    e->dice = (uint32_t)clock_wall_us() | 1;
    e->db = db_make(db_settings);
    e->http = http_make();
    e->follow = follow_make();
    e->callback = callback_make(e);
    e->page = page_make(e);
    e->reconcile = reconcile_make();
    if (!e->db || !e->http || !e->follow || !e->callback || !e->page ||
        !e->reconcile || !make_lanes(e)) {
        log_fatal("engine: out of memory");
        return false;
    }
    if (!zone_load(&e->zone, set->notice.time_zone)) {
        log_fatal("engine: there is no time zone %s", set->notice.time_zone);
        return false;
    }
    engine_complain_lacking(e);
    dry_tell(e->set);
    if (!owner_open(&e->owner, set) ||
        !wake_open(&e->wake, once ? NULL : set->service.doorbell,
            set->service.safety_poll_ms * 1000))
        return false;
    e->wake.fleet = e->fleet;
    e->wake.runner = e->runner;
    e->wake.kafka = e->kafka;
    return true;
}

static void
engine_close(struct engine *e)
{
    supervise_close(&e->supervise);
    http_close(&e->http);
    follow_close(&e->follow);
    callback_close(&e->callback);
    page_close(&e->page);
    reconcile_close(&e->reconcile);
    for (enum lane_id i = 0; i < LANES; i++)
        lane_close(&e->lane[i]);
    delivery_drop_all(&e->unsure);
    delivery_drop_all(&e->results);
    db_close(&e->db);
    journal_close(&e->journal);
    wake_close(&e->wake);
    owner_close(&e->owner);
}

/* A server that keeps commits in memory needs our own record of attempts. So
 * does one that did before a crash: what it forgot then stands there. */
static enum db_status
keep_journal(struct engine *e)
{
    const char *folder = e->set->service.state_dir;
    bool lazy = e->billing.lazy_flush;
    int64_t period_us = JOURNAL_US;

    if (journal_is_open(&e->journal) || (!lazy && !journal_exists(folder)))
        return DB_OK;
    if (period_us < 10 * e->billing.flush_us)
        period_us = 10 * e->billing.flush_us;
    log_info("engine: the server %s commits in memory for a while "
             "(innodb_flush_log_at_trx_commit %s not 1): attempts are "
             "written to %s as well",
        lazy ? "keeps" : "kept", lazy ? "is" : "was", folder);
    return journal_open(&e->journal, folder, period_us) ? DB_OK : DB_REFUSED;
}

/* Settles what is left from before: our own ended calls, what we never began,
 * and what others left behind. */
static enum db_status
tidy_up(struct engine *e)
{
    enum db_status status = settle_results(e);

    if (status == DB_OK && e->unsure.n > 0)
        status = claim_give_back(e);
    if (status == DB_OK)
        status = janitor_recover(e);
    return status;
}

/* When to look at the server again: soon, when work waits for a right that an
 * operator may grant. */
static int64_t
next_check_us(const struct engine *e)
{
    return clock_boot_us() + (billing_lacks(&e->billing, e->set)
                                     ? e->set->notice.hold_ms * 1000
                                     : CHECK_US);
}

void
engine_keep_words(struct engine *e)
{
    if (db_errno(e->db) == 0)
        return;
    e->why_number = db_errno(e->db);
    snprintf(e->why, sizeof e->why, "%s", db_error(e->db));
}

static void
forget_words(struct engine *e)
{
    e->why_number = 0;
    e->why[0] = '\0';
}

void
engine_keep_first(
    struct engine *e, enum db_status *first, enum db_status status)
{
    if (*first != DB_OK && status != DB_GONE)
        return;
    *first = status;
    if (status != DB_OK)
        engine_keep_words(e);
}

int64_t
engine_server_us(const struct engine *e)
{
    return e->jump.known ? clock_boot_us() + e->jump.apart_us : 0;
}

/* Attempts that the server may forget in a crash stand in the journal of the
 * service that made them, so there one does all. */
static void
choose_sharing(struct engine *e)
{
    bool wanted = e->set->service.share_work && !e->once;

    e->owner.shares = wanted && !e->billing.lazy_flush;
    if (wanted && !e->owner.shares && !e->share.told_lazy)
        log_warning("share: nothing is shared while the server keeps commits "
                    "in memory (innodb_flush_log_at_trx_commit is not 1)");
    e->share.told_lazy = wanted && !e->owner.shares;
}

/* Connects, looks at the server, and asks for the right to act. */
static enum db_status
connect_and_acquire(struct engine *e)
{
    enum db_status status = db_open(e->db);

    e->meter.connects += status == DB_OK;
    if (status == DB_OK)
        status = billing_look(&e->billing, e->db, e->set, &e->trouble);
    if (status == DB_OK)
        status = keep_journal(e);
    if (status != DB_OK)
        return status;
    choose_sharing(e);
    return owner_acquire(&e->owner, e->db);
}

/* What it does, for the operator; it is of use when it acts or stands by. */
static void
take_pose(struct engine *e, enum pose pose)
{
    e->pose = pose;
    if (pose == POSE_ACTS || pose == POSE_STANDS_BY)
        supervise_ready(&e->supervise);
}

/* A new connection after a short fault is not worth a line of its own. */
static void
tell_acting(struct engine *e)
{
    bool beside = !owner_is_main(&e->owner);

    log_at(e->told_acting ? LOG_DEBUG : LOG_INFO,
        "engine: acting on database %s (%s), epoch %llu%s%s", e->billing.name,
        e->billing.modern ? "modern" : "legacy",
        (unsigned long long)e->owner.epoch, beside ? ", beside " : "",
        beside ? e->owner.other : "");
    e->told_acting = true;
}

/* With the right to act just acquired, and perhaps on a new connection. */
static enum db_status
begin(struct engine *e)
{
    enum db_status status = DB_OK;

    tell_acting(e);
    share_begin(e);
    take_pose(e, POSE_ACTS);
    e->due_us = e->look_us = e->orders.look_us = 0;
    e->settle_us = 0;
    e->ripe = (struct ripe){ 0 };
    reconcile_reset(e);
    memset(e->head, 0, sizeof e->head);
    low_forget(&e->low); /* a restarted server may give ids out again */
    e->wake.look_us = 0;
    e->check_us = next_check_us(e);
    engine_keep_first(e, &status, tidy_up(e));
    return status;
}

static enum db_status
take_up(struct engine *e)
{
    enum db_status status = DB_OK;

    forget_words(e);
    engine_keep_first(e, &status, connect_and_acquire(e));
    return status == DB_OK && e->owner.epoch ? begin(e) : status;
}

enum db_status
engine_take_up_again(struct engine *e)
{
    enum db_status status = owner_acquire(&e->owner, e->db);

    return status == DB_OK && e->owner.epoch ? begin(e) : status;
}

/* The server's settings and the billing's tables may change under us. */
static enum db_status
check_server(struct engine *e)
{
    struct billing billing;
    enum db_status status;

    if (clock_boot_us() < e->check_us)
        return DB_OK;
    e->check_us = next_check_us(e);
    status = billing_look(&billing, e->db, e->set, &e->trouble);
    if (status != DB_OK)
        return status;
    if (billing.modern != e->billing.modern)
        log_warning("engine: the billing is of the %s generation now, with%s "
                    "users.state; run sql/grants.sql and sql/triggers.sql in "
                    "its database, so that the triggers fit",
            billing.modern ? "modern" : "legacy", billing.modern ? "" : "out");
    e->billing = billing;
    e->check_us = next_check_us(e);
    choose_sharing(e);
    e->share.look_us = 0;
    return keep_journal(e);
}

/* How many calls are under way, and how many have ended. */
static size_t
active(const struct engine *e)
{
    size_t n = 0;

    for (enum lane_id i = LANE_DECIDE + 1; i < LANES; i++)
        n += lane_active(e->lane[i]);
    return n;
}

static size_t
finished(const struct engine *e)
{
    size_t n = 0;

    for (enum lane_id i = LANE_DECIDE + 1; i < LANES; i++)
        n += lane_finished(e->lane[i])->n;
    return n;
}

/* What only we know and the tables do not. */
static size_t
owed_results(const struct engine *e)
{
    return e->results.n + e->unsure.n + finished(e);
}

/* When a lane that something waits for has room again by itself. */
static int64_t
first_room(const struct engine *e)
{
    int64_t us = INT64_MAX;

    for (enum lane_id i = LANE_DECIDE + 1; i < LANES; i++)
        if (e->backlog[i] && lane_room_us(e->lane[i]) < us)
            us = lane_room_us(e->lane[i]);
    return us;
}

/* --- duties -------------------------------------------------------------- */

static int64_t
results_us(const struct engine *e)
{
    if (finished(e) > 0)
        return 0;
    return e->results.n > 0 ? e->settle_us : INT64_MAX;
}

static int64_t
unsure_us(const struct engine *e)
{
    return e->unsure.n > 0 ? e->unsure_us : INT64_MAX;
}

static int64_t
outbox_us(const struct engine *e)
{
    return e->wake.look_us;
}

/* Main has taken something over that is ours to do. */
static void
hear_main(struct engine *e)
{
    e->due_us = e->look_us = 0;
    wake_took(&e->wake, e->wake.rings);
}

static enum db_status
take_new(struct engine *e)
{
    size_t taken = 0;
    enum db_status status;

    if (!wake_due(&e->wake))
        return DB_OK;
    if (!owner_is_main(&e->owner)) {
        hear_main(e);
        return DB_OK;
    }
    status = ingest_batch(e, &taken);
    wake_took(&e->wake, taken);
    if (taken > 0)
        e->idle = false;
    if (taken >= (size_t)e->set->service.batch)
        e->wake.look_us = 0;
    return status;
}

static int64_t
queues_us(const struct engine *e)
{
    return claim_is_due(e) ? 0 : claim_due_us(e);
}

static int64_t
callbacks_us(const struct engine *e)
{
    return callback_waits(e->callback) ? 0 : INT64_MAX;
}

static int64_t
recover_us(const struct engine *e)
{
    return e->recover_us;
}

static enum db_status
take_missed(struct engine *e)
{
    bool wrote = false;
    enum db_status status = reconcile_turn(e, &wrote);

    if (wrote) {
        e->wake.look_us = 0;
        e->idle = false;
    }
    return status;
}

static int64_t
late_us(const struct engine *e)
{
    return e->late.look_us;
}

static enum db_status
look_for_late(struct engine *e)
{
    return late_look(&e->late, e->db, e->set->receipt.alarm_ms);
}

static int64_t
routers_us(const struct engine *e)
{
    return fleet_record_us(e->fleet);
}

static enum db_status
record_routers(struct engine *e)
{
    return fleet_record(e->fleet, e->db, &e->owner);
}

static int64_t
server_us(const struct engine *e)
{
    return e->check_us;
}

enum {
    DUTY_BEGINS = 1, /* something new: not when we are to stop */
    DUTY_MAIN = 2,   /* for all subscribers, so of one service alone */
};

/* What there is to do, in the order of a round. First of all what the others go
 * by. */
static const struct duty {
    int64_t (*due_us)(const struct engine *e); /* boot clock; 0 = now,
                                                  INT64_MAX = not by itself */
    enum db_status (*run)(struct engine *e);
    unsigned when;
} duties[] = {
    { server_us, check_server, DUTY_BEGINS },
    { share_due_us, share_look, 0 },
    { reload_hurry_us, reload_hurry, 0 },
    { results_us, settle_results, 0 },
    { unsure_us, claim_give_back, 0 },
    { orders_due_us, orders_look, DUTY_BEGINS },
    { outbox_us, take_new, DUTY_BEGINS },
    { queues_us, claim_due, DUTY_BEGINS },
    { callbacks_us, callback_due, 0 },
    { follow_due_us, follow_due, DUTY_BEGINS },
    { recover_us, janitor_recover, 0 },
    { reconcile_due_us, take_missed, DUTY_BEGINS | DUTY_MAIN },
    { janitor_renew_us, janitor_renew, 0 },
    { late_us, look_for_late, DUTY_BEGINS | DUTY_MAIN },
    { routers_us, record_routers, 0 },
    { retain_due_us, retain_due, DUTY_BEGINS | DUTY_MAIN },
    { pulse_due_us, pulse_write, 0 },
    { page_due_us, page_serve, 0 },
};

enum { DUTIES = sizeof duties / sizeof *duties };

static bool
may_run(const struct engine *e, const struct duty *duty)
{
    return (!(duty->when & DUTY_BEGINS) || !e->wake.stop) &&
           (!(duty->when & DUTY_MAIN) || owner_is_main(&e->owner));
}

/* One round: a duty that fails does not keep the others from theirs while the
 * connection lasts. */
static enum db_status
work(struct engine *e)
{
    enum db_status status = DB_OK;

    forget_words(e);
    e->idle = true;
    for (size_t i = 0; i < DUTIES && status != DB_GONE && e->owner.epoch; i++) {
        if (!may_run(e, &duties[i]) || clock_boot_us() < duties[i].due_us(e))
            continue;
        /* Each is bounded in time; all of them together are not. */
        supervise_feed(&e->supervise);
        engine_keep_first(e, &status, duties[i].run(e));
    }
    return status;
}

/* When to wake up at the latest. */
static int64_t
sleep_until(const struct engine *e)
{
    int64_t us = e->wake.stop ? INT64_MAX : first_room(e);

    for (size_t i = 0; i < DUTIES; i++)
        if (may_run(e, &duties[i]) && duties[i].due_us(e) < us)
            us = duties[i].due_us(e);
    return us;
}

/* A database that is away for long is no restart any more. */
static void
complain_gone(struct engine *e)
{
    const char *cure = trouble_cure(e->why_number);

    if (trouble_goes_on(&e->trouble) < LONG_AWAY_S)
        trouble_tell(&e->trouble, LOG_WARNING,
            "engine: the database is away: %s%s", e->why, cure);
    else
        trouble_tell(&e->trouble, LOG_ERROR,
            "engine: the database is away for more than a minute: %s%s; what "
            "is paid meanwhile waits",
            e->why, cure);
}

static void
complain(struct engine *e, enum db_status status)
{
    const char *words = e->why[0] ? e->why : "see above";

    if (status == DB_OK)
        return;
    if (status == DB_REFUSED && e->owner.lost) {
        e->told_acting = false;
        log_error("engine: another service took the work over, or the "
                  "database was put back to an older state");
        return;
    }
    if (status == DB_GONE) {
        complain_gone(e);
        return;
    }
    trouble_goes_on(&e->trouble);
    if (status == DB_BUSY)
        trouble_tell(
            &e->trouble, LOG_WARNING, "engine: tried again after: %s", words);
    else
        trouble_tell(&e->trouble, LOG_ERROR,
            "engine: the database refuses: %s%s", words,
            trouble_cure(e->why_number));
}

static bool
in_use(const void *arg, const struct settings *set)
{
    const struct engine *e = arg;

    for (enum lane_id i = LANE_DECIDE + 1; i < LANES; i++)
        if (lane_uses(e->lane[i], set))
            return true;
    return false;
}

/* One short line for systemctl status. */
static void
tell_status(struct engine *e)
{
    static const char *const poses[] = {
        [POSE_BEGINS] = "starting",
        [POSE_ACTS] = "acting",
        [POSE_STANDS_BY] = "standing by",
        [POSE_WAITS] = "waiting for the database",
    };
    struct bytes text = bytes_make(SUPERVISE_STATUS - 1);

    if (!supervise_wants_status(&e->supervise))
        return;
    bytes_printf(&text, "%s, %zu calls under way, %zu results wait",
        poses[e->pose], active(e), owed_results(e));
    for (enum lane_id i = LANE_DECIDE + 1; i < LANES; i++)
        if (lane_is_held(e->lane[i]))
            bytes_printf(&text, ", %s is held", delivery_lane_name(i));
    if (e->bad_file)
        bytes_str(&text, ", the changed settings are refused: see the journal");
    supervise_status(&e->supervise, bytes_text(&text));
    bytes_free(&text);
}

/* Sleeps, as wake_wait() does, and does what has nothing to do with the
 * database. All waiting is done here: nothing is in hand. */
static void
engine_wait(struct engine *e, int64_t until_us)
{
    int64_t feed_us = supervise_feed_us(&e->supervise);

    supervise_feed(&e->supervise);
    tell_status(e);
    wake_wait(&e->wake, e->http, until_us < feed_us ? until_us : feed_us);
    if (e->wake.stop)
        supervise_stops(&e->supervise);
    reload_due(e);
    editions_tidy(e->editions, in_use, e);
}

/* Sleeps as long after each failure as after the last one twice. */
static void
pause_after(struct engine *e, int64_t *pause_us)
{
    int64_t until = clock_boot_us() + *pause_us;

    while (!e->wake.stop && clock_boot_us() < until)
        engine_wait(e, until);
    *pause_us *= 2;
    if (*pause_us > PAUSE_LAST_US)
        *pause_us = PAUSE_LAST_US;
}

/* Nothing waits any more that could be done now. */
static bool
drained(const struct engine *e)
{
    return e->idle && active(e) == 0 && finished(e) == 0 && e->results.n == 0 &&
           e->unsure.n == 0 && e->recover_us == INT64_MAX &&
           follow_active(e->follow) == 0 && !reconcile_is_begun(e) &&
           !claim_is_due(e) && clock_boot_us() < e->due_us;
}

/* Told to stop, and nothing runs any more or the patience is over. */
static bool
stopped(struct engine *e, int64_t *stop_by_us)
{
    if (!e->wake.stop)
        return false;
    if (*stop_by_us == INT64_MAX) {
        *stop_by_us = clock_boot_us() + e->set->service.stop_ms * 1000;
        fleet_stop(e->fleet);
    }
    return active(e) == 0 || clock_boot_us() >= *stop_by_us;
}

/* What is known is written down. */
static enum db_status
last_words(struct engine *e)
{
    enum db_status status = settle_results(e);

    if (status == DB_OK && fleet_record_us(e->fleet) < INT64_MAX)
        status = fleet_record(e->fleet, e->db, &e->owner);
    return status == DB_OK ? pulse_write(e) : status;
}

/* Results met a lock that somebody holds. */
static bool
results_wait(const struct engine *e)
{
    return e->results.n > 0 && clock_boot_us() < e->settle_us;
}

/* Something ends, or is due, in a moment. */
static bool
waits(const struct engine *e)
{
    int64_t now_us = clock_boot_us();

    return active(e) + follow_active(e->follow) > 0 || reconcile_is_begun(e) ||
           (now_us >= e->due_us && now_us < e->look_us);
}

static void
sleep_a_while(struct engine *e, bool once, int64_t stop_by_us)
{
    int64_t us = sleep_until(e);

    if (once) {
        e->wake.look_us = 0;
        us = waits(e) ? clock_boot_us() + ONCE_US : 0;
        if (results_wait(e))
            us = e->settle_us;
    }
    engine_wait(e, us < stop_by_us ? us : stop_by_us);
}

/* Works while the connection and the right to act last, or until told to stop;
 * owner.epoch is 0 when we gave the right away. *good: something was done
 * without a failure. */
static enum db_status
act(struct engine *e, bool once, bool *good)
{
    int64_t stop_by_us = INT64_MAX, held_us = 0;
    int busy = 0;

    for (;;) {
        enum db_status status;

        if (!once)
            callback_listen(e);
        page_tick(e);
        status = work(e);

        if (status == DB_OK) {
            *good = true;
            trouble_calm(&e->trouble);
            if (e->owner.epoch == 0)
                return DB_OK;
        } else if (status != DB_BUSY || (once && ++busy > MOST_BUSY)) {
            return status;
        } else {
            int64_t pause_us = BUSY_US;

            complain(e, status);
            pause_after(e, &pause_us);
        }
        if (stopped(e, &stop_by_us))
            return last_words(e);
        if (once && status == DB_OK && drained(e))
            return last_words(e);
        if (once && results_wait(e) && e->settle_us != held_us) {
            held_us = e->settle_us;
            if (++busy > MOST_BUSY)
                return DB_BUSY;
        }
        sleep_a_while(e, once, stop_by_us);
    }
}

/* Says once who keeps us waiting. */
static void
stand_by(struct engine *e, bool *told)
{
    enum db_status status = DB_OK;

    if (!*told)
        log_info("engine: standing by, %s acts", e->owner.other);
    *told = true;
    take_pose(e, POSE_STANDS_BY);
    e->told_acting = false;
    for (int64_t until = clock_boot_us() + STAND_BY_US;
         !e->wake.stop && clock_boot_us() < until;) {
        engine_wait(e, until);
        if (status == DB_OK && page_due_us(e) == 0)
            status = page_serve(e);
    }
}

/* Lets the calls under way end, so that their results can be recorded on a new
 * connection. */
static void
finish_calls(struct engine *e, int64_t until_us)
{
    while (active(e) > 0 && clock_boot_us() < until_us)
        engine_wait(e, until_us);
}

static int
exit_code(enum db_status status)
{
    if (status == DB_OK)
        return EX_OK;
    return status == DB_BUSY ? EX_TEMPFAIL : EX_UNAVAILABLE;
}

/* A last connection, to record what only we know; all within a bounded time,
 * because whoever stops us does not wait for ever. */
static void
leave_in_order(struct engine *e)
{
    int64_t pause_us = PAUSE_FIRST_US;
    int64_t until_us = clock_boot_us() + e->set->service.stop_ms * 1000;

    finish_calls(e, until_us);
    until_us += LAST_WORDS_US;
    while (owed_results(e) > 0 && clock_boot_us() < until_us) {
        enum db_status status;

        e->settle_us = 0;
        status = take_up(e);
        /* Another service acts, and has settled them in its way. */
        if (status == DB_OK && e->owner.epoch == 0)
            return;
        if (status == DB_OK && owed_results(e) == 0)
            break;
        e->wake.stop = false;
        pause_after(e, &pause_us);
    }
    if (owed_results(e) > 0)
        log_error("engine: %zu results could not be recorded; they will be "
                  "doubtful at the next start",
            owed_results(e));
}

static int
serve(struct engine *e, bool once)
{
    int64_t pause_us = PAUSE_FIRST_US;
    enum db_status status = DB_OK;
    bool told = false;

    while (!e->wake.stop) {
        bool good = false;

        page_tick(e);
        status = take_up(e);
        if (status == DB_OK && e->owner.epoch) {
            status = act(e, once, &good);
            if (status == DB_OK && e->owner.epoch)
                break;
        }
        if (status != DB_OK)
            take_pose(e, POSE_WAITS);
        page_give_up(e);
        if (good) {
            pause_us = PAUSE_FIRST_US;
            told = false;
        }
        complain(e, status);
        if (once) {
            if (status == DB_OK)
                return EX_TEMPFAIL;
            break;
        }
        if (status == DB_OK)
            stand_by(e, &told);
        else
            pause_after(e, &pause_us);
    }
    if (status != DB_OK || owed_results(e) > 0)
        leave_in_order(e);
    owner_release(&e->owner, e->db);
    return once ? exit_code(status) : EX_OK;
}

int
engine_run(struct editions *editions, bool once)
{
    const struct settings *set = editions_now(editions);
    const struct db_settings db_settings = settings_database(set);
    struct engine e;
    int code = EX_CANTCREAT;

    atwork_open(set->service.state_dir);
    if (engine_open(&e, editions, &db_settings, once)) {
        code = serve(&e, once);
        log_info("engine: stopped; %llu sent, %llu done in the billing, "
                 "%llu failed, %llu skipped",
            (unsigned long long)e.sent, (unsigned long long)e.done,
            (unsigned long long)e.failed, (unsigned long long)e.skipped);
    }
    engine_close(&e);
    atwork_close();
    return code;
}
