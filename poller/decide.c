/*
 * decide: what is to be done about an event, when it falls due.
 *
 * Promises: a decision is made from what the billing says at that moment; it
 * is recorded together with the work that it makes in the billing, and those
 * statements travel in one packet with the COMMIT: the work is done once, and
 * a service frozen at any point holds no lock on a row of the billing. Such
 * work is decided one after the other, each by itself.
 */
#include "atwork.h"
#include "clock.h"
#include "dice.h"
#include "dry.h"
#include "engine.h"
#include "fault.h"
#include "log.h"
#include "rules/credit.h"
#include "rules/decision.h"
#include "snapshot.h"
#include "stored.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LARGEST_SQL = 8 << 20,
    MOST_DUE = 100,
    BUSY_PAUSE_US = 5000000,
    RADACCT_REST_US = 60000000,
    LOCK_WAITED_US = 1000000,
    MONTH_BACK = -1,
    DAY_BACK_S = 86400,
};

/* --- deciding ---------------------------------------------------------- */

/* What only a reset of sessions needs to know. Of other resets of the
 * subscriber those of later events count. */
static void
set_sessions(
    struct facts *facts, const struct question *q, const struct snapshot *snap)
{
    facts->seen = snapshot_seen(snap, q->event->uid, &facts->seen_n);
    for (size_t i = 0; i < snap->reset_n; i++) {
        const struct other_reset *other = &snap->reset[i];

        if (other->uid != q->event->uid || other->event_id <= q->event_id)
            continue;
        if (other->decided) {
            facts->reset_event = other->event_id;
        } else {
            facts->reset_waits = true;
            if (other->due_us > facts->reset_due_us)
                facts->reset_due_us = other->due_us;
        }
    }
}

static void
set_facts(struct facts *facts, struct engine *e, const struct question *q,
    const struct snapshot *snap)
{
    *facts = (struct facts){
        .event = q->event,
        .event_id = q->event_id,
        .sub = snapshot_find(snap, q->event->uid),
        .age_ms = q->age_ms,
        .dry = q->dry,
        .wall_us = clock_wall_us(),
        .zone = &e->zone,
        .chance = dice_roll(&e->dice),
    };
    civil_parse(&facts->captured, q->captured);
    facts->origin = facts_origin(snap, q->event, &facts->captured, e->set);
    facts->cashier = snapshot_cashier(snap, q->event->who);
    facts->api = snapshot_api(snap, q->event->uid, &facts->api_n);
    facts->ended = snapshot_ended(snap, q->event->uid, &facts->captured);
    facts->network = snapshot_network(snap, q->event->uid);
    set_sessions(facts, q, snap);
}

/* What crashes the service does so here, in what it is decided from. A question
 * that is set aside has none. */
static bool
take_up(struct facts *facts, struct engine *e, const struct question *q,
    const struct snapshot *snap)
{
    if (q->crashes)
        return false;
    atwork_begin(WORK_DECIDE, q->identity, q->action->name);
    set_facts(facts, e, q, snap);
    return true;
}

/* Which questions a part of the snapshot is for, and from when on. */
struct need {
    uint64_t *uids;
    size_t n;
    struct civil first, last; /* captured */
};

static void
add_need(struct need *need, const struct facts *facts)
{
    if (need->n == 0 || civil_compare(&facts->captured, &need->first) < 0)
        need->first = facts->captured;
    if (need->n == 0 || civil_compare(&facts->captured, &need->last) > 0)
        need->last = facts->captured;
    need->uids[need->n++] = facts->event->uid;
}

static struct civil
shift(struct civil at, int64_t seconds)
{
    static const struct zone utc = { .span = { { INT64_MIN, 0 } }, .n = 1 };

    return zone_local(&utc, (civil_seconds(&at) + seconds) * 1000000);
}

static enum db_status
load_subscribers(struct engine *e, const struct question *q, size_t n,
    struct snapshot *snap, struct need *need)
{
    for (size_t i = 0; i < n; i++)
        need->uids[need->n++] = q[i].event->uid;
    return snapshot_load(snap, e->db, &e->billing, need->uids, need->n);
}

/* Discounts and contracts matter to work in the billing alone. */
static enum db_status
load_fields(struct engine *e, const struct question *q, size_t n,
    struct snapshot *snap, struct need *need)
{
    need->n = 0;
    for (size_t i = 0; i < n; i++)
        if (q[i].action->one_by_one)
            need->uids[need->n++] = q[i].event->uid;
    return snapshot_load_fields(
        snap, e->db, &e->billing, e->set, need->uids, need->n);
}

/* A program is told where the subscriber is connected. */
static enum db_status
load_network(struct engine *e, const struct question *q, size_t n,
    struct snapshot *snap, struct need *need)
{
    need->n = 0;
    for (size_t i = 0; i < n; i++)
        if (q[i].action == &action_exec)
            need->uids[need->n++] = q[i].event->uid;
    return snapshot_load_network(
        snap, e->db, &e->billing, e->set, need->uids, need->n);
}

/* In a dry run the discounts may be gone already: another program ended them.
 */
static enum db_status
load_ended(struct engine *e, const struct question *q, size_t n,
    struct snapshot *snap, struct need *need)
{
    struct facts facts;

    need->n = 0;
    for (size_t i = 0; i < n; i++)
        if (q[i].dry && q[i].action == &action_discount_remove &&
            take_up(&facts, e, &q[i], snap))
            add_need(need, &facts);
    atwork_end();
    if (need->n == 0)
        return DB_OK;
    return snapshot_load_ended(
        snap, e->db, &e->billing, e->set, need->uids, need->n, &need->first);
}

/* Who changed a tariff is seen in what the staff left behind. */
static enum db_status
load_traces(struct engine *e, const struct question *q, size_t n,
    struct snapshot *snap, struct need *need)
{
    int64_t window = e->set->billing.tariff_origin_window_ms / 1000;
    struct facts facts;

    need->n = 0;
    for (size_t i = 0; i < n; i++) {
        if (q[i].event->kind == EVENT_TARIFF_CHANGE &&
            take_up(&facts, e, &q[i], snap))
            add_need(need, &facts);
    }
    atwork_end();
    if (need->n == 0)
        return DB_OK;
    need->first = shift(need->first, -window);
    need->last = shift(need->last, window);
    return snapshot_load_traces(snap, e->db, &e->billing, need->uids, need->n,
        &need->first, &need->last);
}

/* Rows of addons_pay_api matter a month back, and around the date of the
 * payment, which may lie before its capture. */
static enum db_status
load_api(struct engine *e, const struct question *q, size_t n,
    struct snapshot *snap, struct need *need)
{
    int64_t oldest_s = 0;
    struct facts facts;

    need->n = 0;
    for (size_t i = 0; i < n; i++) {
        if (q[i].event->problem[0] || !take_up(&facts, e, &q[i], snap) ||
            !q[i].action->needs_api(&facts, e->set))
            continue;
        add_need(need, &facts);
        if (q[i].event->age_s > oldest_s)
            oldest_s = q[i].event->age_s;
    }
    atwork_end();
    if (need->n == 0)
        return DB_OK;
    need->first = shift(
        civil_add_months(need->first, MONTH_BACK), -oldest_s - DAY_BACK_S);
    return snapshot_load_api(
        snap, e->db, &e->billing, need->uids, need->n, &need->first);
}

/* Who took the money is printed on its receipt. */
static enum db_status
load_cashiers(struct engine *e, const struct question *q, size_t n,
    struct snapshot *snap, struct need *need)
{
    need->n = 0;
    for (size_t i = 0; i < n; i++)
        if (q[i].action == &action_receipt && q[i].event->who > 0)
            need->uids[need->n++] = (uint64_t)q[i].event->who;
    return snapshot_load_cashiers(
        snap, e->db, &e->billing, need->uids, need->n);
}

/* They need tables that nobody else needs, whose trouble is only theirs. */
static bool
is_reset(const struct question *q)
{
    return q->action == &action_session_reset;
}

/* A table that is locked, or too large to be asked in time, only means that
 * nobody is seen online. */
static enum db_status
load_online(struct engine *e, struct snapshot *snap, const struct need *need)
{
    enum db_status status =
        snapshot_load_online(snap, e->db, &e->billing, need->uids, need->n);

    if (status != DB_BUSY && status != DB_REFUSED)
        return status;
    e->radacct_us = clock_boot_us() + RADACCT_REST_US;
    log_warning("decide: radacct cannot be read (%s): for %d s nobody is seen "
                "online",
        db_error(e->db), RADACCT_REST_US / 1000000);
    return DB_OK;
}

/* Where sessions are, and which other resets there are. */
static enum db_status
load_sessions(struct engine *e, const struct question *q, size_t n,
    struct snapshot *snap, struct need *need)
{
    uint64_t first = UINT64_MAX;
    enum db_status status = DB_OK;

    need->n = 0;
    for (size_t i = 0; i < n; i++) {
        if (!is_reset(&q[i]))
            continue;
        need->uids[need->n++] = q[i].event->uid;
        if (q[i].event_id < first)
            first = q[i].event_id;
    }
    if (need->n == 0)
        return DB_OK;
    if (settings_needs_radacct(e->set) && clock_boot_us() >= e->radacct_us)
        status = load_online(e, snap, need);
    if (status == DB_OK)
        status = snapshot_load_resets(snap, e->db, need->uids, need->n, first);
    return status;
}

static enum db_status
load(
    struct engine *e, const struct question *q, size_t n, struct snapshot *snap)
{
    struct need need = { .uids = calloc(n + 1, sizeof *need.uids) };
    enum db_status status = DB_REFUSED;

    if (need.uids)
        status = load_subscribers(e, q, n, snap, &need);
    if (status == DB_OK)
        status = load_fields(e, q, n, snap, &need);
    if (status == DB_OK)
        status = load_ended(e, q, n, snap, &need);
    if (status == DB_OK)
        status = load_traces(e, q, n, snap, &need);
    if (status == DB_OK)
        status = load_network(e, q, n, snap, &need);
    if (status == DB_OK)
        status = load_cashiers(e, q, n, snap, &need);
    if (status == DB_OK)
        status = load_sessions(e, q, n, snap, &need);
    if (status == DB_OK)
        status = load_api(e, q, n, snap, &need);
    free(need.uids);
    return status;
}

/* Says of the new deliveries, from *d on, which question they answer. The
 * first takes the place of the undecided row. */
static void
adopt(struct delivery *d, const struct settings *set, const struct question *q,
    size_t i)
{
    int64_t expires_in_us = action_expires_in_us(q->action, set, q->age_ms);

    for (uint64_t id = q->delivery_id; d; d = d->next, id = 0) {
        d->id = id;
        d->event = i;
        d->event_id = q->event_id;
        d->uid = q->event->uid;
        d->expires_in_us = expires_in_us;
        d->crashes = q->crashes;
        delivery_set_key(d, q->identity);
        snprintf(
            d->captured_utc, sizeof d->captured_utc, "%s", q->captured_utc);
        if (q->dry)
            dry_seal(d);
    }
}

/* For the operator to decide: a body that this version cannot read, only after
 * going back to an older version; or the service crashed on it. */
static bool
refuse(const struct question *q, struct delivery_list *out)
{
    struct decision refusal = { 0 };

    if (q->crashes)
        decision_set(&refusal, VERDICT_ASK,
            "the service crashed %u times when it decided this; decide it by "
            "hand, or update the service and have it tried once more",
            q->crashes);
    else
        decision_set(&refusal, VERDICT_ASK, "%s", q->event->problem);
    return action_refuse(out, q->action, &refusal);
}

static bool
decide_one(struct engine *e, const struct question *q,
    const struct snapshot *snap, struct delivery_list *out)
{
    struct facts facts;
    bool good;

    if (q->event->problem[0] || !take_up(&facts, e, q, snap))
        return refuse(q, out);
    fault_point_at("decide.one", q->event->uid);
    fault_point_at(q->action->name, q->event->uid);
    good = q->action->decide(out, &facts, e->set, &e->billing);
    atwork_end();
    return good;
}

enum db_status
decide_all(struct engine *e, const struct question *q, size_t n,
    struct delivery_list *out)
{
    struct snapshot snap = { 0 };
    enum db_status status = load(e, q, n, &snap);

    for (size_t i = 0; i < n && status == DB_OK; i++) {
        struct delivery *last = out->last;

        if (!decide_one(e, &q[i], &snap, out))
            status = DB_REFUSED;
        adopt(last ? last->next : out->first, e->set, &q[i], i);
    }
    snapshot_free(&snap);
    return status;
}

/* --- what has fallen due ----------------------------------------------- */

struct agenda {
    struct db_rows *rows; /* the texts belong to them */
    struct event *event;
    struct question *question;
    size_t n;
    bool more; /* there may be others */
};

static void
free_agenda(struct agenda *a)
{
    db_rows_close(&a->rows);
    free(a->event);
    free(a->question);
}

/* The actions that this version knows, and nothing that somebody was found to
 * hold. */
static void
add_conditions(struct bytes *sql, const struct engine *e)
{
    bytes_str(sql, " AND action IN (");
    for (size_t i = 0; i < ACTIONS; i++)
        bytes_printf(sql, "%s'%s'", i ? "," : "", actions[i]->name);
    bytes_str(sql, ") AND id NOT IN (0");
    claim_add_shunned(sql, e);
    bytes_chr(sql, ')');
    owner_add_parts(sql, &e->owner, "part");
    dry_add_condition(sql, e->set);
    if (clock_boot_us() < e->resets.until_us)
        bytes_str(sql, " AND action <> 'session_reset'");
}

static enum db_status
ask_due(struct engine *e, struct db_rows **rows)
{
    struct bytes sql = bytes_make(8192), also = bytes_make(2048);
    struct head *head = &e->head[LANE_DECIDE];
    enum db_status status = head_look(e->head, e->db, LANE_DECIDE, LANE_DECIDE);

    add_conditions(&also, e);
    bytes_str(&sql, "SELECT d.id, d.event_id, d.action, e.kind, e.body,");
    bytes_str(&sql, EVENT_IDENTITY_SQL("e"));
    bytes_str(&sql,
        ", CONVERT_TZ(e.captured_utc, '+00:00', @@session.time_zone),"
        " GREATEST(0, TIMESTAMPDIFF(MICROSECOND, e.captured_utc,"
        " UTC_TIMESTAMP(3))), e.uid, e.captured_utc, d.dry");
    stored_add_due(&sql, LANE_DECIDE, head, bytes_text(&also), MOST_DUE);
    if (status == DB_OK)
        status = db_query(e->db, &sql, rows);
    bytes_free(&also);
    bytes_free(&sql);
    return status;
}

/* It writes what the next decision must see, or works in the billing: it is
 * decided in a transaction of its own, so that none waits with locks of
 * another's. */
static bool
is_alone(const struct question *q)
{
    return q->action->one_by_one || credit_is_api(q->event);
}

/* False when out of memory. */
static bool
take_row(struct agenda *a, const struct db_rows *rows)
{
    struct question *q = &a->question[a->n];
    struct event *event = &a->event[a->n];

    *q = (struct question){
        .event = event,
        .action = action_find(db_col(rows, 2)),
        .identity = db_col(rows, 5),
        .captured = db_col(rows, 6) ? db_col(rows, 6) : "",
        .captured_utc = db_col(rows, 9),
        .age_ms = (int64_t)(db_uint(rows, 7) / 1000),
        .event_id = db_uint(rows, 1),
        .delivery_id = db_uint(rows, 0),
        .dry = db_uint(rows, 10) != 0,
    };
    if (!q->action)
        return true;
    q->crashes = atwork_refuses(WORK_DECIDE, q->identity, q->action->name);
    if (q->crashes) {
        event->uid = db_uint(rows, 8);
    } else {
        atwork_begin(WORK_DECIDE, q->identity, q->action->name);
        event_parse(event, db_col(rows, 3), db_col(rows, 4));
        atwork_end();
    }
    a->n++;
    return !event->no_memory;
}

static enum db_status
read_agenda(struct engine *e, struct agenda *a)
{
    enum db_status status = ask_due(e, &a->rows);
    size_t n;

    if (status != DB_OK)
        return status;
    n = db_rows_count(a->rows);
    a->event = calloc(n + 1, sizeof *a->event);
    a->question = calloc(n + 1, sizeof *a->question);
    if (!a->event || !a->question)
        return DB_REFUSED;
    a->n = 0;
    a->more = n == MOST_DUE;
    while (db_next(a->rows))
        if (!take_row(a, a->rows))
            return DB_REFUSED;
    return DB_OK;
}

/* Holds those that are still undecided: an operator may have changed one. */
static void
add_lock(struct bytes *sql, const struct question *q, size_t n)
{
    uint64_t id[MOST_DUE];

    for (size_t i = 0; i < n; i++)
        id[i] = q[i].delivery_id;
    stored_add_change(sql, id, n, "d.epoch = d.epoch",
        "d.lane = 'decide' AND d.state IN ('ready', 'retry')");
}

/* Rows that are new (more receivers of one event), or those that are there. */
static void
add_rows(struct bytes *sql, const struct delivery_list *list, bool fresh)
{
    size_t n = 0;

    for (const struct delivery *d = list->first; d; d = d->next) {
        if ((d->id == 0) != fresh)
            continue;
        if (n++ == 0)
            stored_add_insert(sql);
        else
            bytes_chr(sql, ',');
        stored_add_row(sql, d, "");
    }
    if (n == 0)
        return;
    stored_add_renewal(sql);
    bytes_chr(sql, ';');
}

/* DB_BUSY also when one of them is not undecided any more. */
static enum db_status
write_rows(struct engine *e, const struct question *q, size_t n,
    const struct delivery_list *list)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    enum db_status status;

    add_lock(&sql, q, n);
    add_rows(&sql, list, false);
    add_rows(&sql, list, true);
    status = db_run(e->db, &sql);
    bytes_free(&sql);
    return status == DB_OK && db_matched_first(e->db) != n ? DB_BUSY : status;
}

/* What is to be done in the billing, and the COMMIT, in one packet. */
static enum db_status
work_and_commit(struct engine *e, const struct delivery_list *list)
{
    struct bytes sql = bytes_make(LARGEST_SQL);

    for (const struct delivery *d = list->first; d; d = d->next)
        if (d->effect)
            bytes_str(&sql, d->effect);
    return owner_commit_with(&e->owner, e->db, &sql);
}

/* What must not be done under one lock: each step alone. A failure leaves those
 * of before done, and the rest to the next try. */
static enum db_status
work_in_steps(struct engine *e, const struct delivery_list *list)
{
    enum db_status status = DB_OK;

    for (const struct delivery *d = list->first; d; d = d->next)
        for (size_t i = 0; status == DB_OK && i < d->steps; i++) {
            struct bytes sql = bytes_make(LARGEST_SQL);

            bytes_str(&sql, d->step[i]);
            status = owner_run(&e->owner, e->db, &sql);
        }
    return status;
}

static enum db_status
record(struct engine *e, const struct question *q, size_t n,
    const struct delivery_list *list, bool *ours, bool *unsure)
{
    enum db_status status = work_in_steps(e, list);

    if (status == DB_OK)
        status = owner_begin(&e->owner, e->db);
    if (status != DB_OK)
        return status;
    fault_point("decide.begun");
    status = write_rows(e, q, n, list);
    *ours = status != DB_OK;
    fault_point("decide.written");
    if (status == DB_OK) {
        status = work_and_commit(e, list);
        *unsure = status == DB_GONE;
    } else {
        db_rollback(e->db);
    }
    fault_point("decide.committed");
    return status;
}

/* Further receivers have no id until they are read back: they wait for their
 * turn. */
static void
choose_states(struct engine *e, struct delivery_list *list)
{
    claim_choose(e, list);
    for (struct delivery *d = list->first; d; d = d->next) {
        if (d->id == 0 && d->state == DELIVERY_CALLING) {
            d->state = DELIVERY_READY;
            d->epoch = 0;
            d->attempts = 0;
            e->backlog[d->lane] = true;
        }
    }
}

/* *ours: it was a row of our own that made it fail. */
static enum db_status
carry_out(struct engine *e, const struct question *q, size_t n, bool *ours)
{
    struct delivery_list list = { 0 };
    enum db_status status = decide_all(e, q, n, &list);
    bool unsure = false;

    *ours = false;
    if (status == DB_OK) {
        choose_states(e, &list);
        status = record(e, q, n, &list, ours, &unsure);
    }
    if (status == DB_OK)
        status = claim_go_on(e, &list);
    else if (unsure)
        claim_doubt(e, &list);
    delivery_drop_all(&list);
    return status;
}

/* What is wrong with the whole server the engine tells. */
static enum log_level
put_off_level(struct engine *e, enum db_status why, const char *words)
{
    if (trouble_is_general(db_errno(e->db)))
        return LOG_DEBUG;
    return trouble_level(
        &e->trouble, why == DB_BUSY ? LOG_WARNING : LOG_ERROR, words);
}

/* One whose work the billing refuses, or that meets a lock, waits; the others
 * do not wait for it. */
static enum db_status
put_off(struct engine *e, const struct question *q, enum db_status why)
{
    const struct log_subject about = {
        .event = q->event_id, .delivery = q->delivery_id, .uid = q->event->uid
    };
    struct bytes sql = bytes_make(8192);
    int64_t pause_us =
        why == DB_BUSY ? BUSY_PAUSE_US : e->set->notice.hold_ms * 1000;
    char words[256];

    snprintf(words, sizeof words, "the billing %s: %.200s",
        why == DB_BUSY ? "is busy" : "refuses", db_error(e->db));
    log_about(put_off_level(e, why, words), &about,
        "decide: %s of event %" PRIu64 " (uid %" PRIu64 ") waits: %s",
        q->action->name, q->event_id, q->event->uid, words);
    bytes_printf(&sql,
        "UPDATE delivery SET state = 'retry', attempts = attempts + 1,"
        " due_utc = UTC_TIMESTAMP(3) + INTERVAL %" PRId64
        " MICROSECOND, changed_utc = UTC_TIMESTAMP(3), reason = ",
        pause_us);
    db_text(&sql, words);
    bytes_printf(&sql,
        " WHERE id = %" PRIu64
        " AND lane = 'decide' AND state IN ('ready', 'retry');",
        q->delivery_id);
    claim_due_by(e, clock_boot_us() + pause_us);
    return owner_run(&e->owner, e->db, &sql);
}

/* Tables of the billing are locked. */
static void
rest(struct engine *e)
{
    long long s = claim_rest(e, &e->deciding);

    trouble_tell(&e->trouble, LOG_WARNING,
        "decide: tables of the billing are locked (%s); nothing is decided "
        "for %lld s",
        db_error(e->db), s);
}

/* Decides one by itself. What cannot be done now is put where it keeps nobody
 * else from their turn. */
static enum db_status
attempt(struct engine *e, const struct question *q)
{
    int64_t begun_us = clock_boot_us();
    bool ours;
    enum db_status status = carry_out(e, q, 1, &ours);

    if (status == DB_OK || status == DB_GONE || e->owner.lost)
        return status;
    if (status == DB_BUSY && ours && !db_is_held(e->db))
        return status;
    if (status == DB_BUSY && ours) {
        claim_shun(e, q->delivery_id, "decide");
        return DB_OK;
    }
    if (status == DB_BUSY && clock_boot_us() - begun_us > LOCK_WAITED_US)
        rest(e);
    return put_off(e, q, status);
}

static bool
may_go_on(const struct engine *e, enum db_status status)
{
    return status == DB_OK && clock_boot_us() >= e->deciding.until_us;
}

/* Notices are decided together; when that fails, one after the other. */
static enum db_status
decide_together(struct engine *e, const struct agenda *a)
{
    struct question *q = calloc(a->n + 1, sizeof *q);
    enum db_status status = q ? DB_OK : DB_REFUSED;
    size_t n = 0;
    bool ours;

    for (size_t i = 0; q && i < a->n; i++)
        if (!is_alone(&a->question[i]) && !is_reset(&a->question[i]))
            q[n++] = a->question[i];
    if (n > 1)
        status = carry_out(e, q, n, &ours);
    if (n == 1 || (n > 1 && (status == DB_BUSY || status == DB_REFUSED) &&
                      !e->owner.lost)) {
        status = DB_OK;
        for (size_t i = 0; i < n && may_go_on(e, status); i++)
            status = attempt(e, &q[i]);
    }
    free(q);
    return status;
}

/* When somebody holds a row of ours among them, one after the other. */
static enum db_status
carry_out_resets(struct engine *e, const struct question *q, size_t n)
{
    bool ours;
    enum db_status status = carry_out(e, q, n, &ours);

    if (status != DB_BUSY || !ours || !db_is_held(e->db))
        return status;
    if (n == 1) {
        claim_shun(e, q->delivery_id, "decide");
        return DB_OK;
    }
    status = DB_OK;
    for (size_t i = 0; i < n && status == DB_OK; i++)
        status = carry_out_resets(e, &q[i], 1);
    return status;
}

static enum db_status
decide_resets(struct engine *e, const struct agenda *a)
{
    struct question *q = calloc(a->n + 1, sizeof *q);
    enum db_status status = q ? DB_OK : DB_REFUSED;
    long long seconds;
    size_t n = 0;

    for (size_t i = 0; q && i < a->n; i++)
        if (is_reset(&a->question[i]))
            q[n++] = a->question[i];
    if (n > 0)
        status = carry_out_resets(e, q, n);
    free(q);
    if ((status != DB_BUSY && status != DB_REFUSED) || e->owner.lost) {
        e->resets.pause_us = 0;
        return status;
    }
    seconds = claim_rest(e, &e->resets);
    log_warning("decide: resets of sessions wait for %lld s: %s", seconds,
        db_error(e->db));
    return DB_OK;
}

static enum db_status
decide_agenda(struct engine *e, const struct agenda *a)
{
    enum db_status status = decide_together(e, a);

    for (size_t i = 0; i < a->n && may_go_on(e, status); i++)
        if (is_alone(&a->question[i]) && !is_reset(&a->question[i]))
            status = attempt(e, &a->question[i]);
    if (may_go_on(e, status))
        e->deciding.pause_us = 0;
    if (status != DB_GONE && !e->owner.lost)
        engine_keep_first(e, &status, decide_resets(e, a));
    return status;
}

enum db_status
decide_due(struct engine *e)
{
    struct agenda a = { 0 };
    enum db_status status;

    e->backlog[LANE_DECIDE] = false;
    if (clock_boot_us() < e->deciding.until_us) {
        claim_due_by(e, e->deciding.until_us);
        return DB_OK;
    }
    status = read_agenda(e, &a);
    if (status == DB_OK && a.n > 0) {
        status = decide_agenda(e, &a);
        e->backlog[LANE_DECIDE] = a.more && may_go_on(e, status);
    }
    free_agenda(&a);
    return status;
}
