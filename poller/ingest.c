/*
 * ingest: from the outbox to events and deliveries.
 *
 * Promises: a batch moves in one transaction, so a row is either still in the
 * outbox or has its event and its deliveries; rows are always read from the
 * start of the outbox, so one that committed late is found; a row that cannot
 * be understood becomes an event with its problem written down. It locks
 * nothing that the billing's transactions need.
 */
#include "actions/sms.h"
#include "dice.h"
#include "engine.h"
#include "event.h"
#include "fault.h"
#include "log.h"
#include "snapshot.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LARGEST_BATCH_SQL = 8 << 20,
    LARGEST_BODIES = 256 << 10,
    FULL_PACKET = 256 << 10, /* far below any max_allowed_packet */
    MOST_DELETED = 500,      /* in one statement */
};

/* One row of the outbox and what became of it. Texts belong to the rows. */
struct item {
    struct event event;
    uint64_t outbox_id;
    const char *captured; /* "2026-11-23 20:24:00.123" */
    const char *kind;
    const char *body;
    int64_t age_ms;
    bool known; /* the same event is already stored */
};

struct batch {
    struct db_rows *rows;
    struct item *item;
    size_t n;
    struct snapshot snap;
    struct delivery_list work;
    bool unsure; /* the answer to COMMIT never came */
};

static void
free_batch(struct batch *b)
{
    db_rows_close(&b->rows);
    free(b->item);
    snapshot_free(&b->snap);
    delivery_drop_all(&b->work);
}

static void
read_item(struct item *item, const struct db_rows *rows)
{
    item->outbox_id = db_uint(rows, 0);
    item->captured = db_col(rows, 1);
    item->kind = db_col(rows, 2);
    item->body = db_col(rows, 3);
    item->age_ms = (int64_t)(db_uint(rows, 4) / 1000);
    if (!event_parse(&item->event, item->kind, item->body))
        log_error("ingest: outbox row %" PRIu64 " (%s) is not understood: "
                  "%s; kept as an event without work",
            item->outbox_id, item->kind, item->event.problem);
}

static enum db_status
read_outbox(struct engine *e, struct batch *b)
{
    struct bytes sql = bytes_make(512);
    enum db_status status;
    size_t bodies = 0;

    bytes_printf(&sql,
        "SELECT id, captured_utc, kind, body, GREATEST(0,"
        " TIMESTAMPDIFF(MICROSECOND, captured_utc, UTC_TIMESTAMP(3)))"
        " FROM outbox ORDER BY id LIMIT %" PRId64,
        e->set->service.batch);
    status = db_query(e->db, &sql, &b->rows);
    bytes_free(&sql);
    if (status != DB_OK)
        return status;
    b->item = calloc(db_rows_count(b->rows) + 1, sizeof *b->item);
    if (!b->item)
        return DB_REFUSED;
    while (bodies < LARGEST_BODIES && db_next(b->rows)) {
        read_item(&b->item[b->n++], b->rows);
        bodies += db_len(b->rows, 3);
    }
    return DB_OK;
}

static bool
wants_work(const struct engine *e, const struct item *item)
{
    return !item->known && !item->event.problem[0] &&
           sms_routed(e->set, item->event.kind);
}

static enum db_status
load_snapshot(struct engine *e, struct batch *b)
{
    uint64_t *uids = calloc(b->n + 1, sizeof *uids);
    enum db_status status;
    size_t n = 0;

    if (!uids)
        return DB_REFUSED;
    for (size_t i = 0; i < b->n; i++)
        if (wants_work(e, &b->item[i]))
            uids[n++] = b->item[i].event.uid;
    snapshot_free(&b->snap);
    status = snapshot_load(&b->snap, e->db, &e->billing, uids, n);
    free(uids);
    return status;
}

/* Says which event the new deliveries, from *d on, belong to. */
static void
adopt(struct delivery *d, const struct item *item, size_t i)
{
    char identity[EVENT_KEY + 1];

    /* The same as EVENT_IDENTITY_SQL. */
    if (item->event.source_key[0])
        snprintf(identity, sizeof identity, "%s", item->event.source_key);
    else
        snprintf(identity, sizeof identity, "%s:%" PRIu64 ":%.32s", item->kind,
            item->event.uid, item->captured);
    for (; d; d = d->next) {
        d->event = i;
        d->uid = item->event.uid;
        d->age_ms = item->age_ms;
        delivery_set_key(d, identity);
    }
}

static bool
decide(struct engine *e, struct batch *b)
{
    delivery_drop_all(&b->work);
    for (size_t i = 0; i < b->n; i++) {
        const struct item *item = &b->item[i];
        struct delivery *last = b->work.last;
        const struct subscriber *sub;

        if (!wants_work(e, item))
            continue;
        sub = snapshot_find(&b->snap, item->event.uid);
        if (!sms_decide(
                &b->work, &item->event, sub, e->set, dice_roll(&e->dice)))
            return false;
        adopt(last ? last->next : b->work.first, item, i);
    }
    return true;
}

/* What can be started at once is born in state calling; what was captured too
 * long ago is not started at all. */
static void
choose_states(struct engine *e, struct batch *b)
{
    size_t room = claim_room(e);

    for (struct delivery *d = b->work.first; d; d = d->next) {
        if (d->state == DELIVERY_SKIPPED)
            continue;
        if (d->age_ms >= e->set->notice.expire_ms) {
            d->state = DELIVERY_EXPIRED;
            snprintf(d->reason, sizeof d->reason, "too old to be of use");
        } else if (room > 0) {
            room--;
            d->state = DELIVERY_CALLING;
            d->epoch = e->owner.epoch;
            d->attempts = 1;
        } else {
            e->backlog = true;
        }
    }
}

static enum db_status
insert_events(struct engine *e, struct batch *b, uint64_t *first)
{
    struct bytes sql = bytes_make(LARGEST_BATCH_SQL);
    enum db_status status = DB_OK;
    const char *comma = "";

    bytes_str(&sql, "INSERT INTO event (kind, uid, source_key, captured_utc,"
                    " ingested_utc, problem, body) VALUES ");
    for (size_t i = 0; i < b->n; i++) {
        const struct item *item = &b->item[i];
        const struct event *event = &item->event;

        if (item->known)
            continue;
        bytes_printf(&sql, "%s(", comma);
        db_text(&sql, item->kind);
        bytes_printf(&sql, ",%" PRIu64 ",", event->uid);
        db_text(&sql, event->source_key[0] ? event->source_key : NULL);
        bytes_printf(&sql, ",'%s',UTC_TIMESTAMP(3),", item->captured);
        db_text(&sql, event->problem[0] ? event->problem : NULL);
        bytes_chr(&sql, ',');
        db_text(&sql, item->body);
        bytes_chr(&sql, ')');
        comma = ",";
    }
    if (*comma) {
        status = db_run(e->db, &sql);
        *first = db_insert_id(e->db);
    }
    bytes_free(&sql);
    return status;
}

static void
add_delivery(struct bytes *sql, const struct delivery *d)
{
    bool calling = d->state == DELIVERY_CALLING;

    bytes_printf(sql, "(%" PRIu64 ",'%s',%u,'%s',UTC_TIMESTAMP(3),",
        d->event_id, d->action, d->receiver, delivery_state_name(d->state));
    bytes_printf(sql, "%" PRIu64 ",%d,%u,", d->epoch, calling, d->attempts);
    db_text(sql, d->address);
    bytes_chr(sql, ',');
    db_text(sql, d->payload);
    bytes_chr(sql, ',');
    db_text(sql, d->reason[0] ? d->reason : NULL);
    bytes_str(sql, ",UTC_TIMESTAMP(3),");
}

/* Deliveries expire counted from the capture, not from now. */
static void
add_expiry(struct bytes *sql, const struct engine *e, const struct batch *b,
    const struct delivery *d)
{
    bytes_printf(sql, "'%s' + INTERVAL %" PRId64 " MICROSECOND)",
        b->item[d->event].captured, e->set->notice.expire_ms * 1000);
}

/* Inserts deliveries from d on, as many as one packet should hold, and gives
 * them their ids. *rest is the first that was left out. */
static enum db_status
insert_some(struct engine *e, struct batch *b, struct delivery *d,
    struct delivery **rest)
{
    struct bytes sql = bytes_make(LARGEST_BATCH_SQL);
    struct delivery *first = d;
    enum db_status status;
    uint64_t id;

    bytes_str(&sql,
        "INSERT INTO delivery (event_id, action, receiver, state, due_utc,"
        " epoch, claims, attempts, address, payload, reason, changed_utc,"
        " expires_utc) VALUES ");
    for (; d && sql.n < FULL_PACKET; d = d->next) {
        if (d != first)
            bytes_chr(&sql, ',');
        add_delivery(&sql, d);
        add_expiry(&sql, e, b, d);
    }
    *rest = d;
    status = db_run(e->db, &sql);
    bytes_free(&sql);
    id = db_insert_id(e->db);
    for (d = first; status == DB_OK && d != *rest; d = d->next) {
        d->id = id;
        id += db_id_step(e->db);
    }
    return status;
}

static enum db_status
insert_deliveries(struct engine *e, struct batch *b)
{
    enum db_status status = DB_OK;
    struct delivery *rest = b->work.first;

    while (rest && status == DB_OK)
        status = insert_some(e, b, rest, &rest);
    return status;
}

/* Gives every delivery the id of its event: those of one INSERT follow each
 * other in known steps. */
static void
number_deliveries(struct engine *e, struct batch *b, uint64_t first)
{
    struct delivery *d = b->work.first;

    for (size_t i = 0; i < b->n; i++) {
        if (b->item[i].known)
            continue;
        for (; d && d->event == i; d = d->next)
            d->event_id = first;
        first += db_id_step(e->db);
    }
}

/* Appends the deletion of rows from to to - 1, by one look-up of the primary
 * key for each. With "id IN (...)" the optimizer may read the whole of a small
 * table and then wait for rows of the billing's open transactions. */
static void
add_delete(struct bytes *sql, const struct batch *b, size_t from, size_t to)
{
    bytes_printf(sql, "DELETE o FROM (SELECT %" PRIu64 " AS id",
        b->item[from].outbox_id);
    for (size_t i = from + 1; i < to; i++)
        bytes_printf(sql, " UNION ALL SELECT %" PRIu64, b->item[i].outbox_id);
    bytes_str(sql, ") AS done STRAIGHT_JOIN outbox AS o FORCE INDEX (PRIMARY)"
                   " ON o.id = done.id;");
}

/* All rows must still be there: otherwise somebody else moved them. */
static enum db_status
delete_outbox(struct engine *e, struct batch *b)
{
    struct bytes sql = bytes_make(LARGEST_BATCH_SQL);
    enum db_status status;

    for (size_t from = 0; from < b->n; from += MOST_DELETED)
        add_delete(&sql, b, from,
            b->n - from < MOST_DELETED ? b->n : from + MOST_DELETED);
    status = db_run(e->db, &sql);
    bytes_free(&sql);
    if (status == DB_OK && db_matched_all(e->db) != b->n) {
        log_warning("ingest: rows vanished from the outbox under our hands; "
                    "the batch is read again");
        return DB_BUSY;
    }
    return status;
}

static enum db_status
write_batch(struct engine *e, struct batch *b)
{
    enum db_status status = owner_begin(&e->owner, e->db);
    uint64_t first = 0;

    if (status != DB_OK)
        return status;
    fault_point("ingest.begun");
    status = insert_events(e, b, &first);
    fault_point("ingest.events");
    if (status == DB_OK) {
        number_deliveries(e, b, first);
        status = insert_deliveries(e, b);
    }
    fault_point("ingest.deliveries");
    if (status == DB_OK)
        status = delete_outbox(e, b);
    fault_point("ingest.deleted");
    if (status != DB_OK) {
        db_rollback(e->db);
        return status;
    }
    status = owner_commit(&e->owner, e->db);
    b->unsure = status == DB_GONE;
    return status;
}

/* Marks as known what is stored already or stands twice in the batch. */
static enum db_status
find_known(struct engine *e, struct batch *b)
{
    struct bytes sql = bytes_make(LARGEST_BATCH_SQL);
    struct db_rows *rows;
    enum db_status status;

    bytes_str(&sql, "SELECT source_key FROM event WHERE source_key IN (''");
    for (size_t i = 0; i < b->n; i++) {
        bytes_chr(&sql, ',');
        db_text(&sql, b->item[i].event.source_key);
        for (size_t j = 0; j < i && b->item[i].event.source_key[0]; j++)
            if (strcmp(b->item[i].event.source_key,
                    b->item[j].event.source_key) == 0)
                b->item[i].known = true;
    }
    bytes_chr(&sql, ')');
    status = db_query(e->db, &sql, &rows);
    bytes_free(&sql);
    if (status != DB_OK)
        return status;
    while (db_next(rows))
        for (size_t i = 0; i < b->n; i++)
            if (strcmp(b->item[i].event.source_key, db_col(rows, 0)) == 0)
                b->item[i].known = true;
    db_rows_close(&rows);
    return DB_OK;
}

static enum db_status
decide_and_write(struct engine *e, struct batch *b)
{
    enum db_status status = load_snapshot(e, b);

    if (status != DB_OK)
        return status;
    if (!decide(e, b))
        return DB_REFUSED;
    choose_states(e, b);
    return write_batch(e, b);
}

/* It may have been committed or not: what was to be started is not started but
 * given back. */
static void
keep_unsure(struct engine *e, struct batch *b)
{
    struct delivery *d;

    while ((d = delivery_pop(&b->work))) {
        if (d->state == DELIVERY_CALLING)
            delivery_push(&e->unsure, d);
        else
            delivery_free(d);
    }
}

/* Says what came to its end without a call. */
static void
tell(struct engine *e, const struct delivery *d)
{
    bool expired = d->state == DELIVERY_EXPIRED;

    if (!expired && d->state != DELIVERY_SKIPPED)
        return;
    e->skipped += !expired;
    e->failed += expired;
    log_at(expired ? LOG_ERROR : LOG_INFO,
        "ingest: %s of event %" PRIu64 " (uid %" PRIu64 ") is %s: %s",
        d->action, d->event_id, d->uid, delivery_state_name(d->state),
        d->reason);
}

static enum db_status
start_work(struct engine *e, struct batch *b)
{
    struct delivery_list start = { 0 };
    struct delivery *d;

    while ((d = delivery_pop(&b->work))) {
        tell(e, d);
        if (d->state == DELIVERY_CALLING)
            delivery_push(&start, d);
        else
            delivery_free(d);
    }
    return claim_start(e, &start);
}

enum db_status
ingest_batch(struct engine *e, size_t *taken)
{
    struct batch b = { 0 };
    enum db_status status = read_outbox(e, &b);

    *taken = 0;
    if (status == DB_OK && b.n > 0) {
        status = decide_and_write(e, &b);
        if (status == DB_DUPLICATE) {
            status = find_known(e, &b);
            if (status == DB_OK)
                status = decide_and_write(e, &b);
        }
        fault_point("ingest.committed");
        if (b.unsure)
            keep_unsure(e, &b);
        if (status == DB_OK) {
            *taken = b.n;
            log_debug("ingest: %zu rows, %zu deliveries", b.n, b.work.n);
            status = start_work(e, &b);
        }
    }
    free_batch(&b);
    return status;
}
