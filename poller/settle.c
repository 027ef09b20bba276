/*
 * settle: from ended calls to their recorded results.
 *
 * Promises: the result and the row of the billing's log are written in one
 * transaction that first proves that we still own the work; a result is
 * recorded once, even when the answer to an earlier COMMIT was lost; the
 * statements on the billing's own tables travel in one packet with the COMMIT,
 * so that a service frozen at any point holds no lock there.
 */
#include "atwork.h"
#include "clock.h"
#include "dice.h"
#include "engine.h"
#include "fault.h"
#include "follow.h"
#include "log.h"
#include "rules/parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LARGEST_SQL = 4 << 20,
    SLICE = 250,              /* rows in one statement, and... */
    SLICE_BYTES = 512 * 1024, /* ...bytes in a packet; the least is 1 MiB */
    RESULT_BYTES = 2048,      /* of one, but for its text */
    HELD_PAUSE_US = 5000000,
    LOCK_WAITED_US = 1000000,
};

static struct lane *
lane_of(const struct engine *e, const struct delivery *d)
{
    return e->lane[d->lane];
}

/* What became of it is not known. */
static enum delivery_state
after_unknown(const struct engine *e, struct delivery *d)
{
    d->ask =
        d->lane != LANE_DECIDE && !d->astray && lane_can_ask(lane_of(e, d));
    return d->ask ? DELIVERY_RETRY : DELIVERY_DOUBTFUL;
}

/* Refused for good, which leaves the other channels. */
static enum delivery_state
after_refusal(struct delivery *d)
{
    route_drop(&d->route);
    return d->route.n ? DELIVERY_READY : DELIVERY_DEAD;
}

/* Somebody else's number: it is decided anew, with the next one. */
static enum delivery_state
after_foreign(struct delivery *d)
{
    static const char given_up[] =
        "the number is given up, for somebody else's receipt has it, and the "
        "next one is taken; [receipt] number_prefix keeps numbers apart";

    snprintf(d->outcome.why, sizeof d->outcome.why, "%s", given_up);
    d->lane = LANE_DECIDE;
    return DELIVERY_READY;
}

/* It failed too often, and others did not. */
static enum delivery_state
give_up(struct delivery *d)
{
    char why[sizeof d->outcome.why];

    snprintf(why, sizeof why, "given up after %u attempts: %.900s", d->attempts,
        d->outcome.why);
    snprintf(d->outcome.why, sizeof d->outcome.why, "%s", why);
    return d->ask ? DELIVERY_DOUBTFUL : DELIVERY_DEAD;
}

/* Of what is accepted once, however often it is sent. d->ask: an earlier
 * attempt may have been accepted. */
static enum delivery_state
after_repeatable(const struct engine *e, struct delivery *d)
{
    switch (d->outcome.class) {
    case OUTCOME_ACCEPTED:
        return DELIVERY_DONE;
    case OUTCOME_DUPLICATE:
        return d->ask ? DELIVERY_DONE : after_foreign(d);
    case OUTCOME_PERMANENT:
        return d->ask ? DELIVERY_DOUBTFUL : DELIVERY_DEAD;
    case OUTCOME_CONFIGURATION:
        return DELIVERY_READY;
    case OUTCOME_UNKNOWN:
        d->ask = true;
        break;
    case OUTCOME_TRANSIENT:
    case OUTCOME_ABSENT:
        break;
    }
    return lane_gives_up(lane_of(e, d), d->attempts) ? give_up(d)
                                                     : DELIVERY_RETRY;
}

/* Doing it again does no harm to anything but a new session; it expires soon
 * enough. */
static enum delivery_state
after_reset(struct delivery *d)
{
    d->ask = false;
    if (d->outcome.class == OUTCOME_ACCEPTED)
        return DELIVERY_DONE;
    return d->outcome.class == OUTCOME_PERMANENT ? DELIVERY_DEAD
                                                 : DELIVERY_RETRY;
}

/* What an outcome makes of a delivery, of its route and of its question. */
static enum delivery_state
state_after(const struct engine *e, struct delivery *d)
{
    if (d->crashes) {
        d->ask = false;
        return DELIVERY_DOUBTFUL;
    }
    if (d->lane == LANE_ROUTERS)
        return after_reset(d);
    if (d->lane != LANE_DECIDE && lane_repeats(lane_of(e, d)))
        return after_repeatable(e, d);
    if (d->outcome.class == OUTCOME_ACCEPTED) {
        d->ask = false;
        return DELIVERY_DONE;
    }
    /* It was only asked about, in vain: to be asked again. */
    if (d->ask && d->outcome.class != OUTCOME_PERMANENT)
        return DELIVERY_RETRY;
    d->ask = false;
    switch (d->outcome.class) {
    case OUTCOME_TRANSIENT:
        route_turn(&d->route);
        return DELIVERY_RETRY;
    case OUTCOME_PERMANENT:
        return after_refusal(d);
    case OUTCOME_CONFIGURATION:
        route_turn(&d->route);
        return DELIVERY_READY;
    case OUTCOME_ACCEPTED:
    case OUTCOME_UNKNOWN:
    case OUTCOME_ABSENT:
    case OUTCOME_DUPLICATE:
        break;
    }
    return after_unknown(e, d);
}

/* The account is at fault, or the provider, and not this message: the attempt
 * does not count, and it waits until the hold is over. */
static bool
is_outage(const struct engine *e, const struct delivery *d)
{
    return d->outcome.class == OUTCOME_CONFIGURATION ||
           (d->outcome.class == OUTCOME_TRANSIENT && d->lane != LANE_DECIDE &&
               lane_is_held(lane_of(e, d)));
}

/* Doubles with each attempt up to the longest, a quarter more or less. */
static int64_t
retry_pause_us(struct engine *e, const struct delivery *d)
{
    int64_t pause = lane_retry_first_ms(lane_of(e, d)) * 1000;
    int64_t longest = lane_retry_longest_ms(lane_of(e, d)) * 1000;
    unsigned attempts = d->attempts;

    while (--attempts > 0 && pause < longest)
        pause *= 2;
    if (pause > longest)
        pause = longest;
    return pause - pause / 4 + (int64_t)dice_roll(&e->dice) % (pause / 2 + 1);
}

/* Before it is asked about. */
static int64_t
ask_pause_us(struct engine *e, const struct delivery *d)
{
    bool first = d->outcome.class == OUTCOME_UNKNOWN && d->attempts <= 1;

    return lane_ask_after_ms(lane_of(e, d)) * 1000 +
           (first ? 0 : retry_pause_us(e, d));
}

/* With more than one channel, all are tried before the first pause. */
static int64_t
pause_us(struct engine *e, const struct delivery *d)
{
    int64_t until;

    if (d->lane == LANE_DECIDE)
        return 0;
    if (d->ask && lane_can_ask(lane_of(e, d)))
        return ask_pause_us(e, d);
    if (d->outcome.class == OUTCOME_PERMANENT)
        return 0;
    if (!is_outage(e, d) && (d->outcome.class == OUTCOME_TRANSIENT ||
                                d->outcome.class == OUTCOME_UNKNOWN))
        return d->route.n > 1 && d->attempts % d->route.n != 0
                   ? 0
                   : retry_pause_us(e, d);
    /* Until the hold ends, unless another channel is free. */
    until = lane_held_until_us(lane_of(e, d)) - clock_boot_us();
    return until > 0 && d->route.n < 2 ? until : 0;
}

/* Whether it is to be tried again, by whichever channel. */
static bool
goes_on(const struct delivery *d)
{
    return d->state == DELIVERY_RETRY || d->state == DELIVERY_READY;
}

static void
add_pause(struct engine *e, struct bytes *sql, const struct delivery *d)
{
    int64_t us;

    if (!goes_on(d)) {
        bytes_str(sql, "NULL,");
        return;
    }
    us = pause_us(e, d);
    claim_due_by(e, clock_boot_us() + us);
    bytes_printf(sql, "%" PRId64 ",", us);
}

/* Where it waits next: in the lane of the first channel that is left, or where
 * it is when it has no choice of channels. */
static enum lane_id
next_lane(const struct delivery *d)
{
    return d->route.n ? delivery_lane_for(d->route.at[0]) : d->lane;
}

static void
add_way(struct bytes *sql, const struct delivery *d)
{
    char route[ROUTE_TEXT];

    if (goes_on(d))
        bytes_printf(sql, "'%s','%s',", delivery_lane_name(next_lane(d)),
            route_print(&d->route, route));
    else
        bytes_str(sql, "NULL,NULL,");
}

/* All results are one statement. Its first row names their columns and is
 * nobody's; NULL as pause, lane or route leaves what is there. MySQL wants both
 * sides of a choice in one character set. */
#define RESULTS_HEAD                                                           \
    "UPDATE (SELECT 0 AS id, 0 AS epoch, '' AS state, 0 AS given_back,"        \
    " 0 AS ask, 0 AS pause_us, '' AS lane, '' AS route, '' AS provider,"       \
    " '' AS provider_id, '' AS error_class, '' AS error_code, '' AS reason"
#define RESULTS_TAIL                                                           \
    ") AS r STRAIGHT_JOIN delivery AS d FORCE INDEX (PRIMARY) ON d.id = r.id"  \
    " SET d.state = r.state, d.changed_utc = UTC_TIMESTAMP(3),"                \
    " d.attempts = d.attempts - r.given_back, d.ask = r.ask,"                  \
    " d.due_utc = IF(r.pause_us IS NULL, d.due_utc,"                           \
    " UTC_TIMESTAMP(3) + INTERVAL r.pause_us MICROSECOND),"                    \
    " d.lane = IF(r.lane IS NULL, d.lane, CONVERT(r.lane USING ascii)),"       \
    " d.route = IF(r.route IS NULL, d.route, CONVERT(r.route USING ascii)),"   \
    " d.provider = r.provider, d.provider_id = r.provider_id,"                 \
    " d.error_class = r.error_class, d.error_code = r.error_code,"             \
    " d.reason = r.reason WHERE d.state = 'calling' AND d.epoch = r.epoch"

static void
add_result(struct engine *e, struct bytes *sql, const struct delivery *d)
{
    const struct outcome *o = &d->outcome;

    bytes_printf(sql, " UNION ALL SELECT %" PRIu64 ",%" PRIu64 ",'%s',%d,%d,",
        d->id, d->epoch, delivery_state_name(d->state), is_outage(e, d),
        d->ask);
    add_pause(e, sql, d);
    add_way(sql, d);
    db_text(sql, d->provider);
    bytes_chr(sql, ',');
    db_text(sql, o->provider_id[0] ? o->provider_id : NULL);
    bytes_chr(sql, ',');
    db_text(sql, outcome_class_name(o->class));
    bytes_chr(sql, ',');
    db_text(sql, o->code[0] ? o->code : NULL);
    bytes_chr(sql, ',');
    db_text(sql, o->why[0] ? o->why : NULL);
}

static void
free_attempt(struct engine *e, const struct delivery *d)
{
    if (d->outcome.class != OUTCOME_ACCEPTED &&
        d->outcome.class != OUTCOME_UNKNOWN)
        claim_free(e, d);
}

/* It may be due again, and was left out as long as its call lasted. */
static void
look_again(struct engine *e, const struct delivery *d)
{
    if (d->lane != LANE_DECIDE)
        e->backlog[d->lane] = true;
}

/* Drops from the list what is no longer ours to settle: recorded before, or
 * settled by another owner. */
static enum db_status
keep_calling(struct engine *e)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    struct delivery_list all = e->results, kept = { 0 };
    struct db_rows *rows;
    struct delivery *d;
    enum db_status status;

    bytes_str(&sql, "SELECT id FROM delivery WHERE state = 'calling'"
                    " AND (id, epoch) IN ((0, 0)");
    for (d = all.first; d; d = d->next)
        bytes_printf(&sql, ",(%" PRIu64 ",%" PRIu64 ")", d->id, d->epoch);
    bytes_str(&sql, ")");
    status = db_query(e->db, &sql, &rows);
    bytes_free(&sql);
    if (status != DB_OK)
        return status;
    for (d = all.first; d; d = d->next)
        d->ours = false;
    while (db_next(rows))
        for (d = all.first; d; d = d->next)
            d->ours |= d->id == db_uint(rows, 0);
    db_rows_close(&rows);
    while ((d = delivery_pop(&all))) {
        if (d->ours) {
            delivery_push(&kept, d);
        } else {
            free_attempt(e, d);
            look_again(e, d);
            delivery_free(d);
        }
    }
    e->results = kept;
    return DB_OK;
}

/* What the outcome of each makes of it. */
static void
judge(struct engine *e)
{
    for (struct delivery *d = e->results.first; d; d = d->next) {
        atwork_begin(WORK_CALL, d->key, NULL);
        if (!d->judged)
            d->state = state_after(e, d);
        d->judged = true;
    }
    atwork_end();
}

/* *all: each of them was still ours to settle. */
static enum db_status
write_results(struct engine *e, bool *all)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    enum db_status status;

    judge(e);
    bytes_str(&sql, RESULTS_HEAD);
    for (const struct delivery *d = e->results.first; d; d = d->next)
        add_result(e, &sql, d);
    bytes_str(&sql, RESULTS_TAIL);
    status = db_run(e->db, &sql);
    bytes_free(&sql);
    *all = db_matched(e->db) == e->results.n;
    return status;
}

/* What else our own tables say of them. */
static enum db_status
write_records(struct engine *e)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    enum db_status status = DB_OK;

    for (const struct delivery *d = e->results.first; d; d = d->next) {
        const struct action *action = action_find(d->action);

        atwork_begin(WORK_CALL, d->key, NULL);
        if (action && action->record)
            action->record(&sql, d, e->set);
    }
    atwork_end();
    if (sql.n > 0 || !bytes_ok(&sql))
        status = db_run(e->db, &sql);
    bytes_free(&sql);
    return status;
}

/* Rows to which nothing refers are one statement. */
static void
add_new_logs(struct engine *e, struct bytes *sql)
{
    size_t n = 0;

    for (const struct delivery *d = e->results.first; d; d = d->next) {
        const struct action *action = action_find(d->action);

        atwork_begin(WORK_CALL, d->key, NULL);
        if (action && action->log_new)
            n += action->log_new(sql, n, d, e->set, &e->billing);
    }
    atwork_end();
    if (n > 0)
        bytes_chr(sql, ';');
}

static enum db_status
write_logs_and_commit(struct engine *e, bool with_log)
{
    struct bytes sql = bytes_make(LARGEST_SQL);

    for (struct delivery *d = e->results.first; with_log && d; d = d->next) {
        const struct action *action = action_find(d->action);

        atwork_begin(WORK_CALL, d->key, NULL);
        if (action && action->log)
            action->log(&sql, d, e->set, &e->billing);
    }
    atwork_end();
    if (with_log)
        add_new_logs(e, &sql);
    return owner_commit_with(&e->owner, e->db, &sql);
}

/* Some were settled before, or by another owner: the rest once more. */
static enum db_status
write_rest(struct engine *e)
{
    enum db_status status;
    bool all = true;

    db_rollback(e->db);
    status = owner_begin(&e->owner, e->db);
    if (status == DB_OK)
        status = keep_calling(e);
    if (status == DB_OK && e->results.n > 0)
        status = write_results(e, &all);
    return status == DB_OK && !all ? DB_BUSY : status;
}

/* *in_log tells whether it was the packet with the billing's log that
 * failed. */
static enum db_status
write_all(struct engine *e, bool with_log, bool *in_log)
{
    enum db_status status = owner_begin(&e->owner, e->db);
    bool all = true;

    *in_log = false;
    if (status != DB_OK)
        return status;
    fault_point("settle.begun");
    status = write_results(e, &all);
    if (status == DB_OK && !all)
        status = write_rest(e);
    if (status == DB_OK)
        status = write_records(e);
    fault_point("settle.results");
    if (status == DB_OK) {
        status = write_logs_and_commit(e, with_log);
        *in_log = status != DB_OK;
    } else {
        db_rollback(e->db);
    }
    fault_point("settle.committed");
    return status;
}

/* A refusal that speaks of that log: trying again would not help. */
static bool
is_of_the_log(const struct db *db)
{
    return db_errno(db) != 0 && !trouble_is_general(db_errno(db));
}

/* How many SMS it made: what the provider will ask money for. */
static void
print_parts(const struct delivery *d, char *buf, size_t size)
{
    struct parts parts = parts_count(d->payload ? d->payload : "");

    buf[0] = '\0';
    if (d->route.n && d->state == DELIVERY_DONE && parts.parts > 1)
        snprintf(buf, size, " (%u parts, %s)", parts.parts,
            parts.ucs2 ? "UCS-2" : "GSM-7");
}

static void
tell(struct engine *e, const struct delivery *d)
{
    enum log_level level = LOG_INFO;
    const struct log_subject about = delivery_subject(d);
    const char *sep = d->outcome.why[0] ? ": " : "";
    char parts[40];

    print_parts(d, parts, sizeof parts);
    meter_delivery(&e->meter, d, engine_server_us(e));
    if (d->state == DELIVERY_DONE)
        e->sent++;
    else
        e->failed++;
    if (d->lane == LANE_ROUTERS && d->state == DELIVERY_RETRY)
        level = LOG_INFO;
    else if (d->lane != LANE_DECIDE &&
             (d->state == DELIVERY_RETRY || d->state == DELIVERY_READY))
        level = LOG_WARNING;
    else if (d->state != DELIVERY_DONE)
        level = LOG_ERROR;
    log_about(level, &about,
        "settle: %s of event %" PRIu64 " (uid %" PRIu64 ")%s%s is %s%s%s%s",
        d->action, d->event_id, d->uid, *d->address ? " to " : "", d->address,
        delivery_state_name(d->state), parts, sep, d->outcome.why);
}

/* Of one subscriber the next may go now; and of a receipt it may be asked what
 * becomes of it. */
static void
go_on_after(struct engine *e, const struct delivery *d)
{
    if (!delivery_lane_in_order(d->lane))
        return;
    e->backlog[d->lane] = true;
    if (d->lane == LANE_KOMTET)
        follow_due_by(
            e, clock_boot_us() + e->set->receipt.look_first_ms * 1000);
}

/* Records all of e->results in one transaction, and forgets them. */
static enum db_status
settle_together(struct engine *e)
{
    bool in_log;
    enum db_status status = write_all(e, true, &in_log);

    if ((status == DB_REFUSED || status == DB_DUPLICATE) && in_log &&
        is_of_the_log(e->db)) {
        trouble_tell(&e->trouble, LOG_ERROR,
            "settle: sms_logs or the list of receipts of the billing "
            "cannot be written: %s; results are recorded without it; "
            "see sql/grants.sql",
            db_error(e->db));
        status = write_all(e, false, &in_log);
    }
    if (status != DB_OK)
        return status;
    for (const struct delivery *d = e->results.first; d; d = d->next) {
        if (d->crashes)
            atwork_set_aside(WORK_CALL, d->key, NULL);
        tell(e, d);
        free_attempt(e, d);
        go_on_after(e, d);
    }
    delivery_drop_all(&e->results);
    fault_point("settle.told");
    if (journal_is_open(&e->journal) && !journal_sync(&e->journal))
        return DB_REFUSED;
    return DB_OK;
}

static void
move_all(struct delivery_list *from, struct delivery_list *to)
{
    while (from->n > 0)
        delivery_push(to, delivery_pop(from));
}

/* Somebody holds a row that one of them needs. The others do not wait for it:
 * one after the other until the first for which the server has waited; what is
 * held goes to the end. */
static enum db_status
settle_one_by_one(struct engine *e)
{
    struct delivery_list all = e->results, held = { 0 };
    int64_t begun_us = clock_boot_us();
    enum db_status status = DB_OK;

    e->results = (struct delivery_list){ 0 };
    while (all.n > 0 && (status == DB_OK ||
                            (status == DB_BUSY &&
                                clock_boot_us() < begun_us + LOCK_WAITED_US))) {
        delivery_push(&e->results, delivery_pop(&all));
        status = settle_together(e);
        move_all(&e->results, &held);
    }
    move_all(&held, &all);
    e->results = all;
    if ((status != DB_OK && status != DB_BUSY) || e->results.n == 0)
        return status;
    log_at(trouble_level(&e->trouble, LOG_WARNING, "settle: lock"),
        "settle: %zu results wait for a lock that somebody holds",
        e->results.n);
    e->settle_us = clock_boot_us() + HELD_PAUSE_US;
    return DB_OK;
}

static void
take_finished(struct engine *e, struct delivery_list *to)
{
    for (enum lane_id i = LANE_DECIDE + 1; i < LANES; i++) {
        struct delivery_list *finished = lane_finished(e->lane[i]);

        while (finished->n)
            delivery_push(to, delivery_pop(finished));
    }
}

/* How many bytes the statements of one may take. */
static size_t
weight(const struct delivery *d)
{
    return RESULT_BYTES + (d->payload ? 2 * strlen(d->payload) : 0);
}

/* It changes a row of the billing, and the server may have to wait for that:
 * then no other such row is to be held. */
static bool
goes_alone(const struct engine *e, const struct delivery *d)
{
    return !e->billing.locks_at_once && d->log_id != 0;
}

static void
take_slice(
    struct engine *e, struct delivery_list *from, struct delivery_list *to)
{
    size_t bytes = 0;
    bool alone = false;

    while (from->n && to->n < SLICE && bytes < SLICE_BYTES && !alone) {
        struct delivery *d;

        alone = goes_alone(e, from->first);
        if (alone && to->n > 0)
            break;
        d = delivery_pop(from);
        bytes += weight(d);
        delivery_push(to, d);
    }
}

/* Settles the results in slices that fit into a packet; one that is held goes
 * behind all others. */
enum db_status
settle_results(struct engine *e)
{
    struct delivery_list later = e->results;
    enum db_status status = DB_OK;

    e->results = (struct delivery_list){ 0 };
    take_finished(e, &later);
    while (status == DB_OK && later.n && clock_boot_us() >= e->settle_us) {
        supervise_feed(&e->supervise);
        take_slice(e, &later, &e->results);
        status = settle_together(e);
        if (status == DB_BUSY)
            status = settle_one_by_one(e);
    }
    while (e->results.n)
        delivery_push(&later, delivery_pop(&e->results));
    e->results = later;
    return status;
}
