/*
 * claim: from due deliveries to running calls.
 *
 * Promises: an attempt is committed, and on disk, before its call begins; no
 * call is begun after the lease.
 */
#include "atwork.h"
#include "clock.h"
#include "dry.h"
#include "engine.h"
#include "fault.h"
#include "log.h"
#include "relay.h"
#include "resets.h"
#include "stored.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    LARGEST_SQL = 1 << 20,
    MARGIN_US = 1000000,
    SWEEP_US = 10 * 1000000,
    MOST_RESULTS = 500,
    MOST_FORGOTTEN = 16, /* attempts of one delivery lost in one crash */
    BUSY_PAUSE_US = 500000,
    GIVEN_BACK_US = 1000000,
    RIPEN_US = 100000,
    SHUN_US = 30000000,
    FIRST_REST_US = 5000000,
    LONGEST_REST_US = 60000000,
    QUICK_US = 10000,
    GAP_US = 100000, /* what falls due within that is looked for once */
    LOOK_SHARE = 20, /* one part for the question what is due next, two or
                        three for the lanes */
};

/* Results that cannot be recorded just now bound what is begun. */
size_t
claim_room(const struct engine *e, enum lane_id lane)
{
    if (e->results.n >= MOST_RESULTS ||
        (lane == LANE_ROUTERS && !resets_may_begin(e)))
        return 0;
    return lane_room(e->lane[lane]);
}

void
claim_due_by(struct engine *e, int64_t us)
{
    if (us < e->due_us)
        e->due_us = us;
}

long long
claim_rest(struct engine *e, struct rest *rest)
{
    rest->pause_us = rest->pause_us ? rest->pause_us * 2 : FIRST_REST_US;
    if (rest->pause_us > LONGEST_REST_US)
        rest->pause_us = LONGEST_REST_US;
    rest->until_us = clock_boot_us() + rest->pause_us;
    claim_due_by(e, rest->until_us);
    return rest->pause_us / 1000000;
}

/* An operator, who will not hold it for ever. */
void
claim_shun(struct engine *e, uint64_t delivery_id, const char *who)
{
    const struct log_subject about = { .delivery = delivery_id };

    if (e->shunned.n < SHUNNED)
        e->shunned.id[e->shunned.n++] = delivery_id;
    e->shunned.until_us = clock_boot_us() + SHUN_US;
    claim_due_by(e, e->shunned.until_us);
    log_about(trouble_level(&e->trouble, LOG_WARNING, "claim: shun"), &about,
        "%s: delivery %" PRIu64 " waits for a lock that somebody holds on its "
        "row",
        who, delivery_id);
}

void
claim_add_shunned(struct bytes *sql, const struct engine *e)
{
    for (size_t i = 0; i < e->shunned.n; i++)
        bytes_printf(sql, ",%" PRIu64, e->shunned.id[i]);
}

/* It is claimed under the epoch of today. */
static void
set_epoch(const struct engine *e, struct delivery *d)
{
    d->inherited = owner_may_have_lost(&e->owner, d->captured_utc, d->epoch);
    d->epoch = e->owner.epoch;
    d->attempts++;
}

/* --- choosing ------------------------------------------------------------ */

/* Turns the route until its first channel's lane is not shut, if there is one.
 * A message that its provider must be asked about stays there. */
static void
prefer(const struct engine *e, struct delivery *d)
{
    for (size_t i = 0; !d->ask && i < d->route.n &&
                       lane_is_shut(e->lane[delivery_lane_for(d->route.at[0])]);
         i++)
        route_turn(&d->route);
    if (d->route.n)
        d->lane = delivery_lane_for(d->route.at[0]);
}

static void
expire(struct delivery *d)
{
    d->state = DELIVERY_EXPIRED;
    snprintf(d->reason, sizeof d->reason, "too old to be of use");
}

/* What has no payload yet is put together by the database, and read back; and
 * routers are looked up when their resets are claimed. */
static bool
may_start_now(const struct engine *e, const struct delivery *d)
{
    return d->payload && d->lane != LANE_ROUTERS &&
           owner_may_serve(&e->owner, d->uid);
}

void
claim_choose(struct engine *e, struct delivery_list *list)
{
    size_t room[LANES] = { 0 };

    for (enum lane_id i = LANE_DECIDE + 1; i < LANES; i++)
        room[i] = claim_room(e, i);
    for (struct delivery *d = list->first; d; d = d->next) {
        if (d->state != DELIVERY_READY)
            continue;
        prefer(e, d);
        if (d->expires_in_us <= 0) {
            expire(d);
        } else if (d->delay_us > 0 || d->lane == LANE_DECIDE) {
            claim_due_by(e, clock_boot_us() + d->delay_us);
        } else if (room[d->lane] > 0 && may_start_now(e, d)) {
            room[d->lane]--;
            d->state = DELIVERY_CALLING;
            set_epoch(e, d);
        } else {
            e->backlog[d->lane] = true;
        }
    }
}

/* --- claiming ------------------------------------------------------------ */

/* Receipts of one subscriber go out in the order of their numbers; and none
 * before its number is on the server's disk. Asked row by row, in the order in
 * which they are due: MariaDB would first put together all that EXISTS () may
 * find, which is a whole backlog for each receipt that is sent. */
static void
add_receipt_order(struct bytes *also, const struct engine *e)
{
    bytes_str(also, " AND (SELECT r.id FROM receipt AS r"
                    " WHERE r.event_id = delivery.event_id"
                    " AND r.log_id = delivery.log_id AND r.stage = 'new'");
    if (e->billing.lazy_flush)
        bytes_printf(also, " AND r.id <= %" PRIu64, e->ripe.safe_id);
    bytes_str(also,
        " AND NOT EXISTS (SELECT 1 FROM receipt AS o JOIN delivery AS earlier"
        " ON earlier.event_id = o.event_id AND earlier.action = 'receipt'"
        " AND earlier.log_id = o.log_id AND earlier.lane = 'komtet'"
        " AND earlier.state IN ('ready', 'retry', 'calling', 'held')"
        " WHERE o.uid = r.uid AND o.stage = 'new' AND o.id < r.id)"
        " LIMIT 1) IS NOT NULL");
}

static enum db_status
look_what_is_ripe(struct engine *e)
{
    enum db_status status;

    if (!e->billing.lazy_flush)
        return DB_OK;
    status = ripe_look(&e->ripe, e->db, e->billing.flush_us);
    if (status == DB_OK && ripe_waits(&e->ripe))
        claim_due_by(e, clock_boot_us() + RIPEN_US);
    return status;
}

/* A server that forgot in a crash that a call had begun shows it as due, while
 * we still wait for its reply. And nothing that somebody was found to hold. */
static void
exclude_some(struct bytes *also, const struct engine *e, enum lane_id lane)
{
    bytes_str(also, " AND id NOT IN (0");
    lane_ids(e->lane[lane], also);
    claim_add_shunned(also, e);
    bytes_chr(also, ')');
    owner_add_parts(also, &e->owner, "part");
    dry_add_condition(also, e->set);
}

/* The rows that were read. What is handed on is made of its event. */
static enum db_status
take_due(struct db_rows *rows, enum lane_id lane, struct delivery_list *due)
{
    bool hands_on = delivery_lane_hands_on(lane);
    struct delivery *d;

    while (db_next(rows) && (d = stored_read(rows))) {
        delivery_push(due, d);
        if (hands_on && !relay_fill(d, db_col(rows, STORED_COLUMNS_N)))
            return DB_REFUSED;
    }
    return DB_OK;
}

/* Appends the rest of the question for what was chosen. */
static void
add_chosen(struct bytes *sql, const struct relay_chosen *chosen)
{
    bytes_str(sql, ", e.body FROM " STORED_FROM " WHERE d.id IN (0");
    for (size_t i = 0; i < chosen->n; i++)
        bytes_printf(sql, ",%" PRIu64, chosen->id[i]);
    bytes_str(sql, ") AND d.state IN ('ready', 'retry')"
                   " ORDER BY d.due_utc, d.id");
}

/* Reads what is due in a lane, oldest first, at most room rows. What is handed
 * on is chosen first, for each subscriber's has an order. */
static enum db_status
read_due(
    struct engine *e, enum lane_id lane, size_t room, struct delivery_list *due)
{
    struct bytes sql = bytes_make(65536), also = bytes_make(32768);
    struct relay_chosen chosen = { .n = room };
    struct db_rows *rows;
    enum db_status status = head_look(e->head, e->db, lane, lane);

    exclude_some(&also, e, lane);
    if (lane == LANE_KOMTET) {
        if (status == DB_OK)
            status = look_what_is_ripe(e);
        add_receipt_order(&also, e);
    }
    bytes_str(&sql, "SELECT " STORED_COLUMNS);
    if (!delivery_lane_hands_on(lane)) {
        stored_add_due(&sql, lane, &e->head[lane], bytes_text(&also), room);
    } else if (status == DB_OK) {
        status = relay_choose(
            e->db, lane, &e->head[lane], bytes_text(&also), room, &chosen);
        add_chosen(&sql, &chosen);
    }
    if (status == DB_OK && chosen.n > 0)
        status = db_query(e->db, &sql, &rows);
    bytes_free(&also);
    bytes_free(&sql);
    if (status != DB_OK || chosen.n == 0)
        return status;
    status = take_due(rows, lane, due);
    db_rows_close(&rows);
    return status;
}

/* When the next one falls due, so that we sleep until then. To be asked before
 * what is due is read: what falls due between the two is found by either. */
static enum db_status
read_next_due(struct engine *e)
{
    struct bytes sql = bytes_make(4096);
    struct db_rows *rows;
    enum db_status status;

    for (size_t i = 0; i < LANES * HEAD_STATES; i++)
        bytes_printf(&sql,
            "%sSELECT TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(3),"
            " MIN(due_utc)) FROM delivery WHERE state = '%s' AND lane = '%s'"
            " AND due_utc > UTC_TIMESTAMP(3)",
            i ? " UNION ALL " : "", head_states[i % HEAD_STATES],
            delivery_lane_name((enum lane_id)(i / HEAD_STATES)));
    status = db_query(e->db, &sql, &rows);
    bytes_free(&sql);
    if (status != DB_OK)
        return status;
    while (db_next(rows))
        if (db_col(rows, 0))
            claim_due_by(e, clock_boot_us() + (int64_t)db_uint(rows, 0));
    db_rows_close(&rows);
    return DB_OK;
}

static enum db_status
mark(struct engine *e, const struct delivery_list *list, const char *change)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    enum db_status status;

    if (list->n == 0)
        return DB_OK;
    stored_add_changes(&sql, list, change, "d.state IN ('ready', 'retry')");
    status = db_run(e->db, &sql);
    bytes_free(&sql);
    /* The operator changed one of them meanwhile. */
    if (status == DB_OK && db_matched_all(e->db) != list->n)
        return DB_BUSY;
    return status;
}

/* How long the quiet hours last into which it falls; 0 = it falls into none,
 * or the provider is to wait for their end. */
static int64_t
quiet_us(struct engine *e, struct delivery *d)
{
    int64_t now_us = clock_wall_us(), until_us;

    if (!d->notice || d->plan_us > now_us)
        return 0;
    until_us =
        quiet_until_us(&e->set->notices[settings_notice_of(d->notice)].quiet,
            &e->zone, now_us);
    if (until_us == 0)
        return 0;
    if (!e->set->notice.plan_at_provider)
        return until_us - now_us;
    d->plan_us = until_us;
    return 0;
}

/* What was left over when quiet hours began waits for their end. */
static enum db_status
put_to_sleep(struct engine *e, const struct delivery_list *asleep)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    enum db_status status;

    for (const struct delivery *d = asleep->first; d; d = d->next)
        bytes_printf(&sql,
            "UPDATE delivery SET due_utc = UTC_TIMESTAMP(3) + INTERVAL"
            " %" PRId64 " MICROSECOND,"
            " reason = 'waits for the end of quiet hours'"
            " WHERE id = %" PRIu64 " AND state IN ('ready', 'retry');",
            d->delay_us, d->id);
    bytes_str(&sql, "DO 0");
    status = db_run(e->db, &sql);
    bytes_free(&sql);
    return status;
}

static enum db_status
commit_claim(struct engine *e, const struct delivery_list *calling,
    const struct delivery_list *expired, const struct delivery_list *asleep,
    bool *unsure)
{
    char change[160];
    enum db_status status = owner_begin(&e->owner, e->db);

    *unsure = false;
    if (status != DB_OK)
        return status;
    fault_point("claim.begun");
    snprintf(change, sizeof change,
        "d.changed_utc = UTC_TIMESTAMP(3), d.state = 'calling',"
        " d.attempts = d.attempts + 1, d.epoch = %" PRIu64,
        e->owner.epoch);
    status = mark(e, calling, change);
    /* Nobody knows of one that waits to be asked about. */
    if (status == DB_OK)
        status = mark(e, expired,
            "d.changed_utc = UTC_TIMESTAMP(3),"
            " d.state = IF(d.ask, 'doubtful', 'expired'),"
            " d.reason = IF(d.ask, d.reason, CONCAT_WS('; ',"
            " 'too old to be of use', NULLIF(d.reason, '')))");
    if (status == DB_OK && asleep->n > 0)
        status = put_to_sleep(e, asleep);
    fault_point("claim.marked");
    if (status != DB_OK) {
        db_rollback(e->db);
        return status;
    }
    status = owner_commit(&e->owner, e->db);
    *unsure = status == DB_GONE;
    return status;
}

/* Divides what was read by the state it is to get. */
static void
divide(struct engine *e, struct delivery_list *due,
    struct delivery_list *calling, struct delivery_list *expired,
    struct delivery_list *asleep)
{
    struct delivery *d;

    while ((d = delivery_pop(due))) {
        if (d->state == DELIVERY_EXPIRED) {
            delivery_push(expired, d);
            continue;
        }
        d->delay_us = quiet_us(e, d);
        if (d->delay_us > 0) {
            claim_due_by(e, clock_boot_us() + d->delay_us);
            delivery_push(asleep, d);
            continue;
        }
        set_epoch(e, d);
        delivery_push(calling, d);
    }
}

static void
tell_expired(struct engine *e, const struct delivery_list *expired)
{
    for (const struct delivery *d = expired->first; d; d = d->next) {
        const struct log_subject about = delivery_subject(d);

        meter_count(&e->meter, d->lane, METER_BAD, 1);
        log_about(LOG_ERROR, &about,
            "claim: delivery %" PRIu64 " (uid %" PRIu64 ") %s", d->id, d->uid,
            d->ask ? "is doubtful: the provider could not be asked in time"
                   : "expired: too old to be of use");
    }
}

static enum db_status
claim_these(struct engine *e, struct delivery_list *due)
{
    struct delivery_list calling = { 0 }, expired = { 0 }, asleep = { 0 };
    enum db_status status;
    bool unsure;

    divide(e, due, &calling, &expired, &asleep);
    status = commit_claim(e, &calling, &expired, &asleep, &unsure);
    fault_point("claim.committed");
    if (status == DB_OK) {
        tell_expired(e, &expired);
        status = claim_start(e, &calling);
    } else if (unsure) {
        while (calling.n)
            delivery_push(&e->unsure, delivery_pop(&calling));
    }
    delivery_drop_all(&calling);
    delivery_drop_all(&expired);
    delivery_drop_all(&asleep);
    return status;
}

struct ids {
    uint64_t id[MOST_RESULTS];
    size_t n;
};

static void
take_ids(struct ids *ids, const struct delivery_list *list)
{
    ids->n = 0;
    for (const struct delivery *d = list->first; d && ids->n < MOST_RESULTS;
         d = d->next)
        ids->id[ids->n++] = d->id;
}

/* Somebody holds a row among them, for which all the others would wait again
 * and again. */
static enum db_status
shun_held(struct engine *e, const struct ids *ids)
{
    enum db_status status = DB_OK;

    for (size_t i = 0; i < ids->n && e->shunned.n < SHUNNED &&
                       (status == DB_OK || status == DB_BUSY);
         i++) {
        char sql[256];
        struct db_rows *rows;

        snprintf(sql, sizeof sql,
            "SELECT 1 FROM delivery WHERE id = %" PRIu64 DB_LOCK_NOWAIT,
            ids->id[i]);
        status = db_ask(e->db, sql, &rows);
        if (status == DB_OK)
            db_rows_close(&rows);
        else if (status == DB_BUSY)
            claim_shun(e, ids->id[i], "claim");
    }
    return status;
}

static enum db_status
claim_lane(struct engine *e, enum lane_id lane)
{
    struct delivery_list due = { 0 };
    struct ids ids;
    size_t room = claim_room(e, lane);
    enum db_status status;

    e->backlog[lane] = room == 0;
    if (room == 0)
        return DB_OK;
    if (delivery_lane_hands_on(lane) && room > RELAY_MOST)
        room = RELAY_MOST;
    status = read_due(e, lane, room, &due);
    if (due.n > 0)
        e->backlog[lane] = due.n == room;
    take_ids(&ids, &due);
    if (status == DB_OK && due.n > 0 && lane == LANE_ROUTERS)
        status = resets_prepare(e, &due);
    if (status == DB_OK && due.n > 0)
        status = claim_these(e, &due);
    delivery_drop_all(&due);
    if (status != DB_BUSY)
        return status;
    e->backlog[lane] = false;
    engine_keep_words(e);
    status = shun_held(e, &ids);
    return status == DB_OK ? DB_BUSY : status;
}

/* --- rerouting ----------------------------------------------------------- */

/* What waits in a held lane and has another channel. */
static enum db_status
read_stranded(
    struct engine *e, enum lane_id lane, struct delivery_list *stranded)
{
    struct bytes sql = bytes_make(4096);
    struct db_rows *rows;
    struct delivery *d;
    enum db_status status;

    bytes_printf(&sql,
        "SELECT " STORED_COLUMNS " FROM " STORED_FROM
        " WHERE d.state IN ('ready', 'retry') AND d.lane = '%s'"
        " AND d.due_utc <= UTC_TIMESTAMP(3) AND d.route LIKE '%%,%%'"
        " AND d.ask = 0",
        delivery_lane_name(lane));
    owner_add_parts(&sql, &e->owner, "d.part");
    bytes_printf(&sql, " ORDER BY d.due_utc, d.id LIMIT %d", MOST_RESULTS);
    status = db_query(e->db, &sql, &rows);
    bytes_free(&sql);
    if (status != DB_OK)
        return status;
    while (db_next(rows) && (d = stored_read(rows))) {
        prefer(e, d);
        if (d->lane != lane)
            delivery_push(stranded, d);
        else
            delivery_free(d);
    }
    db_rows_close(&rows);
    return DB_OK;
}

static enum db_status
move(struct engine *e, const struct delivery_list *stranded)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    char route[ROUTE_TEXT];

    for (const struct delivery *d = stranded->first; d; d = d->next)
        bytes_printf(&sql,
            "UPDATE delivery SET lane = '%s', route = '%s'"
            " WHERE id = %" PRIu64 " AND state IN ('ready', 'retry');",
            delivery_lane_name(d->lane), route_print(&d->route, route), d->id);
    return owner_run(&e->owner, e->db, &sql);
}

/* Messages need not wait for a provider that is out of order when they may
 * go by another. */
static enum db_status
reroute(struct engine *e, enum lane_id lane)
{
    struct delivery_list stranded = { 0 };
    enum db_status status = read_stranded(e, lane, &stranded);

    if (status == DB_OK && stranded.n > 0) {
        status = move(e, &stranded);
        for (const struct delivery *d = stranded.first; d; d = d->next) {
            e->backlog[d->lane] = true;
            /* They bring the time with them since when they are due. */
            e->head[d->lane] = (struct head){ 0 };
        }
        log_info("claim: %zu messages go another way while %s is shut",
            stranded.n, delivery_lane_name(lane));
    }
    delivery_drop_all(&stranded);
    return status;
}

/* --- the duty ------------------------------------------------------------ */

static bool
has_work(const struct engine *e, enum lane_id lane)
{
    if (!e->backlog[lane])
        return false;
    return lane == LANE_DECIDE ? !e->orders.paused[lane]
                               : claim_room(e, lane) > 0;
}

int64_t
claim_due_us(const struct engine *e)
{
    return e->due_us > e->look_us ? e->due_us : e->look_us;
}

bool
claim_is_due(const struct engine *e)
{
    for (enum lane_id lane = 0; lane < LANES; lane++)
        if (has_work(e, lane))
            return true;
    return clock_boot_us() >= claim_due_us(e);
}

static enum db_status
serve(struct engine *e, enum lane_id lane)
{
    if (lane == LANE_DECIDE)
        return e->orders.paused[lane] ? DB_OK : decide_due(e);
    if (!lane_is_shut(e->lane[lane]))
        return claim_lane(e, lane);
    e->backlog[lane] = true;
    return reroute(e, lane);
}

/* While a backup holds a snapshot it takes long to find out that there is
 * nothing: what left a queue since then stands behind what waits in it. Then it
 * is looked less often, so that most of the time is left for the work. Messages
 * of what comes from the outbox do not wait for it. */
static enum db_status
look_at_queues(struct engine *e)
{
    int64_t begun_us = clock_boot_us(), took_us;
    enum db_status status;

    e->due_us = begun_us + SWEEP_US;
    status = read_next_due(e);
    if (status == DB_OK)
        status = head_look(e->head, e->db, 0, LANES - 1);
    took_us = clock_boot_us() - begun_us;
    e->look_us = begun_us + GAP_US;
    if (took_us > QUICK_US)
        e->look_us =
            begun_us +
            (took_us < SWEEP_US / LOOK_SHARE ? took_us * LOOK_SHARE : SWEEP_US);
    return status;
}

/* It was seen in this round that nothing waits there. */
static bool
is_empty(const struct engine *e, enum lane_id lane, int64_t begun_us)
{
    return e->head[lane].empty && e->head[lane].looked_us >= begun_us;
}

enum db_status
claim_due(struct engine *e)
{
    int64_t begun_us = clock_boot_us();
    bool all = begun_us >= claim_due_us(e);
    enum db_status status = DB_OK;

    if (all)
        status = jump_look(e);
    if (begun_us >= e->shunned.until_us)
        e->shunned.n = 0;
    if (all && status == DB_OK)
        status = look_at_queues(e);
    for (enum lane_id lane = 0; lane < LANES && status != DB_GONE; lane++)
        if ((all && !is_empty(e, lane, begun_us)) || has_work(e, lane))
            engine_keep_first(e, &status, serve(e, lane));
    if (status == DB_BUSY)
        e->due_us = clock_boot_us() + BUSY_PAUSE_US;
    return status;
}

/* Who takes over waits as long as a call that has begun may last: see
 * janitor.c. */
static bool
is_ours_still(const struct engine *e)
{
    return clock_boot_us() + MARGIN_US < e->owner.until_us;
}

/* A server that keeps commits in memory may have forgotten in a crash that
 * this attempt, or one after it, was made before; our own disk has not. */
static bool
was_made_before(const struct engine *e, const struct delivery *d)
{
    char key[DELIVERY_ATTEMPT_KEY];

    for (unsigned n = 0; n < MOST_FORGOTTEN; n++)
        if (journal_begun(
                &e->journal, delivery_attempt_key(d, d->attempts + n, key)))
            return true;
    return false;
}

static void
note_attempt(struct engine *e, const struct delivery *d)
{
    char key[DELIVERY_ATTEMPT_KEY];

    journal_begin(&e->journal, delivery_attempt_key(d, d->attempts, key));
}

static void
set_forgotten(struct delivery *d)
{
    d->outcome.class = OUTCOME_UNKNOWN;
    d->astray = d->route.n > 1;
    snprintf(d->outcome.why, sizeof d->outcome.why,
        "the server forgot an earlier attempt in a crash; it may have been "
        "sent");
}

/* The service crashed on it again and again. */
static bool
is_refused(struct delivery *d)
{
    d->crashes = atwork_refuses(WORK_CALL, d->key, NULL);
    if (d->crashes) {
        d->outcome.class = OUTCOME_UNKNOWN;
        snprintf(d->outcome.why, sizeof d->outcome.why,
            "the service crashed on it %u times; it may have been sent; once "
            "that is settled, it may be tried once more",
            d->crashes);
    }
    return d->crashes > 0;
}

/* Another service had the work before us, and attempts that the server forgot
 * stand in its journal, not in ours. Where a repetition does no harm, each may
 * be one. */
static bool
is_inherited(const struct engine *e, const struct delivery *d)
{
    return d->id <= e->owner.inherited_id && lane_repeats(e->lane[d->lane]);
}

/* The same of messages. Only if the server was started anew since their event
 * was captured; and once, for then it has an attempt of ours. */
static bool
is_lost(const struct engine *e, const struct delivery *d)
{
    return journal_is_open(&e->journal) && d->inherited && !d->ask;
}

/* Notes the attempts that are to be made. One that was made before is made
 * again only where that does no harm; one that crashes the service, never. */
static void
set_aside_some(
    struct engine *e, struct delivery_list *list, struct delivery_list *start)
{
    struct delivery *d;

    while ((d = delivery_pop(list))) {
        bool before = journal_is_open(&e->journal) && was_made_before(e, d);

        if (is_refused(d)) {
            d->provider = delivery_lane_name(d->lane);
            delivery_push(&e->results, d);
            continue;
        }
        if (!lane_repeats(e->lane[d->lane]) && (before || is_lost(e, d))) {
            set_forgotten(d);
            delivery_push(&e->results, d);
            continue;
        }
        if (journal_is_open(&e->journal)) {
            d->ask |= before || is_inherited(e, d);
            note_attempt(e, d);
        }
        delivery_push(start, d);
    }
}

/* What is sent once more may have been accepted before, by an attempt that the
 * server has forgotten, and that therefore went by the same key. */
static bool
is_repetition(const struct engine *e, const struct delivery *d)
{
    return d->ask && d->lane != LANE_DECIDE && lane_repeats(e->lane[d->lane]);
}

/* What was certainly not taken may be tried again, whatever the server
 * remembers. */
void
claim_free(struct engine *e, const struct delivery *d)
{
    char key[DELIVERY_ATTEMPT_KEY];

    if (journal_is_open(&e->journal) && !is_repetition(e, d))
        journal_free(&e->journal, delivery_attempt_key(d, d->attempts, key));
}

static void
tell_late(const struct delivery *d)
{
    const struct log_subject about = delivery_subject(d);

    log_about(LOG_WARNING, &about,
        "claim: %s of event %" PRIu64 " is not begun now: the lease is nearly "
        "over",
        d->action, d->event_id);
}

enum db_status
claim_start(struct engine *e, struct delivery_list *list)
{
    struct delivery_list start = { 0 };
    struct delivery *d;
    bool durable;

    set_aside_some(e, list, &start);
    durable = start.n == 0 || !journal_is_open(&e->journal) ||
              journal_sync(&e->journal);
    fault_point("claim.durable");
    while ((d = delivery_pop(&start))) {
        if (durable && is_ours_still(e)) {
            lane_start(e->lane[d->lane], d);
            continue;
        }
        if (durable)
            tell_late(d);
        claim_free(e, d);
        delivery_push(&e->unsure, d);
    }
    fault_point("claim.started");
    return durable ? DB_OK : DB_REFUSED;
}

enum db_status
claim_give_back(struct engine *e)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    enum db_status status;

    for (const struct delivery *d = e->unsure.first; d; d = d->next)
        bytes_printf(&sql,
            "UPDATE delivery SET state = 'ready', epoch = 0,"
            " attempts = attempts - 1, changed_utc = UTC_TIMESTAMP(3),"
            " due_utc = UTC_TIMESTAMP(3) + INTERVAL 1 SECOND"
            " WHERE id = %" PRIu64 " AND state = 'calling'"
            " AND epoch = %" PRIu64 ";",
            d->id, d->epoch);
    status = owner_run(&e->owner, e->db, &sql);
    if (status == DB_BUSY)
        e->unsure_us = clock_boot_us() + BUSY_PAUSE_US;
    if (status == DB_OK) {
        delivery_drop_all(&e->unsure);
        claim_due_by(e, clock_boot_us() + GIVEN_BACK_US);
    }
    return status;
}

static void
set_aside_decision(const struct delivery *d)
{
    char identity[DELIVERY_KEY + 1];

    delivery_identity(d, identity);
    atwork_set_aside(WORK_DECIDE, identity, d->action);
}

/* Says what came to its end without a call. */
static void
tell(struct engine *e, const struct delivery *d)
{
    const struct log_subject about = delivery_subject(d);
    const char *sep = d->reason[0] ? ": " : "";
    enum log_level level = LOG_INFO;

    if (d->state == DELIVERY_READY || d->state == DELIVERY_CALLING)
        return;
    if (d->crashes)
        set_aside_decision(d);
    meter_delivery(&e->meter, d, engine_server_us(e));
    e->skipped += d->state == DELIVERY_SKIPPED || d->state == DELIVERY_DRY;
    e->done += d->state == DELIVERY_DONE;
    if (d->state == DELIVERY_EXPIRED || d->state == DELIVERY_DOUBTFUL) {
        e->failed++;
        level = LOG_ERROR;
    }
    log_about(level, &about,
        "decide: %s of event %" PRIu64 " (uid %" PRIu64 ") is %s%s%s",
        d->action, d->event_id, d->uid, delivery_state_name(d->state), sep,
        d->reason);
}

enum db_status
claim_go_on(struct engine *e, struct delivery_list *list)
{
    struct delivery_list start = { 0 };
    struct delivery *d;

    while ((d = delivery_pop(list))) {
        tell(e, d);
        if (d->state == DELIVERY_CALLING)
            delivery_push(&start, d);
        else
            delivery_free(d);
    }
    return claim_start(e, &start);
}

void
claim_doubt(struct engine *e, struct delivery_list *list)
{
    struct delivery *d;

    while ((d = delivery_pop(list))) {
        if (d->state == DELIVERY_CALLING)
            delivery_push(&e->unsure, d);
        else
            delivery_free(d);
    }
}
