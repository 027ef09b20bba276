/*
 * claim: from due deliveries to running calls.
 *
 * Promises: an attempt is committed, and on disk, before its call begins; a
 * call that could not end within the lease is not begun.
 */
#include "clock.h"
#include "engine.h"
#include "fault.h"
#include "log.h"
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
};

/* Results that cannot be recorded just now bound what is begun. */
size_t
claim_room(const struct engine *e)
{
    return e->results.n < MOST_RESULTS ? lane_room(e->sms) : 0;
}

void
claim_due_by(struct engine *e, int64_t us)
{
    if (us < e->due_us)
        e->due_us = us;
}

/* The first due rows of one state, straight off the index. */
static void
add_due_of(struct bytes *sql, const char *state, size_t room)
{
    bytes_printf(sql,
        "(SELECT id, due_utc FROM delivery WHERE state = '%s'"
        " AND due_utc <= UTC_TIMESTAMP(3) ORDER BY due_utc, id LIMIT %zu)",
        state, room);
}

/* Reads what is due, oldest first, at most room rows. */
static enum db_status
read_due(struct engine *e, size_t room, struct delivery_list *due)
{
    struct bytes sql = bytes_make(2048);
    struct db_rows *rows;
    struct delivery *d;
    enum db_status status;

    bytes_str(&sql, "SELECT " STORED_COLUMNS
                    ", COALESCE(d.expires_utc <= UTC_TIMESTAMP(3), 0) FROM (");
    add_due_of(&sql, "ready", room);
    bytes_str(&sql, " UNION ALL ");
    add_due_of(&sql, "retry", room);
    bytes_printf(&sql,
        ") AS due JOIN " STORED_FROM " AND d.id = due.id"
        " ORDER BY d.due_utc, d.id LIMIT %zu",
        room);
    status = db_query(e->db, &sql, &rows);
    bytes_free(&sql);
    if (status != DB_OK)
        return status;
    while (db_next(rows) && (d = stored_read(rows))) {
        if (db_uint(rows, STORED_COLUMNS_N))
            d->state = DELIVERY_EXPIRED;
        delivery_push(due, d);
    }
    db_rows_close(&rows);
    return DB_OK;
}

/* When the next one falls due, so that we sleep until then. */
static enum db_status
read_next_due(struct engine *e)
{
    struct db_rows *rows;
    enum db_status status = db_ask(e->db,
        "SELECT TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(3), MIN(due_utc))"
        " FROM delivery WHERE state = 'ready' AND due_utc > UTC_TIMESTAMP(3)"
        " UNION ALL "
        "SELECT TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(3), MIN(due_utc))"
        " FROM delivery WHERE state = 'retry' AND due_utc > UTC_TIMESTAMP(3)",
        &rows);

    if (status != DB_OK)
        return status;
    while (db_next(rows))
        if (db_col(rows, 0))
            claim_due_by(e, clock_boot_us() + (int64_t)db_uint(rows, 0));
    db_rows_close(&rows);
    return DB_OK;
}

/* One statement for each row: "id IN (...)" may read a whole table and wait
 * for rows that an operator is changing. */
static enum db_status
mark(struct engine *e, const struct delivery_list *list, const char *change)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    enum db_status status;

    if (list->n == 0)
        return DB_OK;
    for (const struct delivery *d = list->first; d; d = d->next)
        bytes_printf(&sql,
            "UPDATE delivery SET changed_utc = UTC_TIMESTAMP(3), %s"
            " WHERE id = %" PRIu64 " AND state IN ('ready', 'retry')%s",
            change, d->id, d->next ? ";" : "");
    status = db_run(e->db, &sql);
    bytes_free(&sql);
    /* The operator changed one of them meanwhile. */
    if (status == DB_OK && db_matched_all(e->db) != list->n)
        return DB_BUSY;
    return status;
}

static enum db_status
commit_claim(struct engine *e, const struct delivery_list *calling,
    const struct delivery_list *expired, bool *unsure)
{
    char change[128];
    enum db_status status = owner_begin(&e->owner, e->db);

    *unsure = false;
    if (status != DB_OK)
        return status;
    fault_point("claim.begun");
    snprintf(change, sizeof change,
        "state = 'calling', claims = claims + 1, attempts = attempts + 1,"
        " epoch = %" PRIu64,
        e->owner.epoch);
    status = mark(e, calling, change);
    if (status == DB_OK)
        status = mark(
            e, expired, "state = 'expired', reason = 'too old to be of use'");
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
    struct delivery_list *calling, struct delivery_list *expired)
{
    struct delivery *d;

    while ((d = delivery_pop(due))) {
        if (d->state == DELIVERY_EXPIRED) {
            delivery_push(expired, d);
            continue;
        }
        d->epoch = e->owner.epoch;
        d->attempts++;
        delivery_push(calling, d);
    }
}

static enum db_status
claim_these(struct engine *e, struct delivery_list *due)
{
    struct delivery_list calling = { 0 }, expired = { 0 };
    enum db_status status;
    bool unsure;

    divide(e, due, &calling, &expired);
    status = commit_claim(e, &calling, &expired, &unsure);
    fault_point("claim.committed");
    if (status == DB_OK) {
        for (const struct delivery *d = expired.first; d; d = d->next)
            log_error("claim: delivery %" PRIu64 " (uid %" PRIu64
                      ") expired: too old to be of use",
                d->id, d->uid);
        status = claim_start(e, &calling);
    } else if (unsure) {
        while (calling.n)
            delivery_push(&e->unsure, delivery_pop(&calling));
    }
    delivery_drop_all(&calling);
    delivery_drop_all(&expired);
    return status;
}

enum db_status
claim_due(struct engine *e)
{
    struct delivery_list due = { 0 };
    size_t room = claim_room(e);
    enum db_status status;

    e->backlog = false;
    e->due_us = clock_boot_us() + SWEEP_US;
    if (room == 0) {
        e->backlog = true;
        return DB_OK;
    }
    status = read_due(e, room, &due);
    if (status == DB_OK && due.n > 0) {
        e->backlog = due.n == room;
        status = claim_these(e, &due);
    }
    delivery_drop_all(&due);
    if (status == DB_BUSY)
        e->due_us = clock_boot_us() + BUSY_PAUSE_US;
    if (status == DB_OK && !e->backlog)
        status = read_next_due(e);
    return status;
}

static bool
ends_within_lease(const struct engine *e)
{
    int64_t longest_us = e->set->smspilot.timeout_ms * 1000 + MARGIN_US;

    return clock_boot_us() + longest_us < e->owner.until_us;
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
set_aside_forgotten(
    struct engine *e, struct delivery_list *list, struct delivery_list *start)
{
    char key[DELIVERY_ATTEMPT_KEY];
    struct delivery *d;

    while ((d = delivery_pop(list))) {
        if (!journal_is_open(&e->journal)) {
            delivery_push(start, d);
        } else if (!was_made_before(e, d)) {
            journal_begin(
                &e->journal, delivery_attempt_key(d, d->attempts, key));
            delivery_push(start, d);
        } else {
            d->outcome.class = OUTCOME_UNKNOWN;
            snprintf(d->outcome.why, sizeof d->outcome.why,
                "the server forgot an earlier attempt in a crash; it may "
                "have been sent");
            delivery_push(&e->results, d);
        }
    }
}

/* What was certainly not taken may be tried again, whatever the server
 * remembers. */
void
claim_free(struct engine *e, const struct delivery *d)
{
    char key[DELIVERY_ATTEMPT_KEY];

    if (journal_is_open(&e->journal))
        journal_free(&e->journal, delivery_attempt_key(d, d->attempts, key));
}

enum db_status
claim_start(struct engine *e, struct delivery_list *list)
{
    struct delivery_list start = { 0 };
    struct delivery *d;
    bool durable;

    set_aside_forgotten(e, list, &start);
    durable = start.n == 0 || !journal_is_open(&e->journal) ||
              journal_sync(&e->journal);
    fault_point("claim.durable");
    while ((d = delivery_pop(&start))) {
        if (durable && ends_within_lease(e)) {
            lane_start(e->sms, d);
            continue;
        }
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
    enum db_status status = owner_begin(&e->owner, e->db);

    if (status == DB_OK) {
        for (const struct delivery *d = e->unsure.first; d; d = d->next)
            bytes_printf(&sql,
                "UPDATE delivery SET state = 'ready', claims = 0,"
                " attempts = attempts - 1, changed_utc = UTC_TIMESTAMP(3)"
                " WHERE id = %" PRIu64 " AND state = 'calling'"
                " AND epoch = %" PRIu64 ";",
                d->id, d->epoch);
        status = db_run(e->db, &sql);
        if (status == DB_OK)
            status = owner_commit(&e->owner, e->db);
        else
            db_rollback(e->db);
    }
    bytes_free(&sql);
    if (status == DB_OK) {
        delivery_drop_all(&e->unsure);
        e->backlog = true;
    }
    return status;
}
