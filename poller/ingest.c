/*
 * ingest: from the outbox to events and deliveries.
 *
 * Promises: a batch moves in one transaction, so a row is either still in the
 * outbox or has its event and its deliveries; whatever is still in the outbox
 * is found, also what committed late: the mark behind which it is read (low.h)
 * only saves time; a row that cannot be understood, or on which the service
 * crashed again and again, becomes an event with its problem written down. It
 * locks nothing that the billing's transactions need.
 */
#include "atwork.h"
#include "capture.h"
#include "clock.h"
#include "dry.h"
#include "engine.h"
#include "event.h"
#include "fault.h"
#include "log.h"
#include "moves.h"
#include "stored.h"

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
    const char *captured; /* "2026-11-23 20:24:00.123", UTC */
    const char *local;    /* the same by the database's clock */
    const char *kind;     /* what the event is called */
    const char *body;
    int64_t age_ms;
    char identity[EVENT_KEY + 1];
    struct move *move; /* owned; of a row that left a table, else NULL */
    bool moot;         /* to be ignored, or the same event is already stored */
};

struct batch {
    struct db_rows *rows;
    struct item *item;
    size_t n;
    struct delivery_list work; /* in the order of their items */
    bool unsure;               /* the answer to COMMIT never came */
};

static void
free_batch(struct batch *b)
{
    db_rows_close(&b->rows);
    for (size_t i = 0; i < b->n; i++)
        free(b->item[i].move);
    free(b->item);
    delivery_drop_all(&b->work);
}

/* The same as EVENT_IDENTITY_SQL. */
static void
set_identity(struct item *item)
{
    if (item->event.source_key[0])
        snprintf(item->identity, sizeof item->identity, "%s",
            item->event.source_key);
    else
        snprintf(item->identity, sizeof item->identity,
            "%.16s:%" PRIu64 ":%.32s", item->kind, item->event.uid,
            item->captured);
}

/* Of what left a table of subscribers it is not known yet what it was. */
static bool
read_body(struct item *item)
{
    bool good;

    if (!moves_is_kind(item->kind))
        return event_parse(&item->event, item->kind, item->body);
    item->move = calloc(1, sizeof *item->move);
    item->event.no_memory = !item->move;
    if (!item->move)
        return false;
    *item->move = (struct move){ .left = strcmp(item->kind, MOVES_LEFT) == 0,
        .outbox_id = item->outbox_id,
        .captured = item->captured,
        .event = &item->event };
    good = event_parse_move(&item->event, item->move->table, item->body);
    if (!good) {
        free(item->move);
        item->move = NULL;
    }
    return good;
}

/* id: as text; with the time of the capture, for ids come again, it tells the
 * row from all others. */
static bool
parse_item(struct item *item, const char *id)
{
    unsigned crashes = atwork_refuses(WORK_INGEST, id, item->captured);
    bool good;

    if (crashes) {
        item->event = (struct event){ .kind = event_kind_of(item->kind) };
        snprintf(item->event.problem, sizeof item->event.problem,
            "the service crashed on it %u times; see the README on crashes",
            crashes);
        return false;
    }
    atwork_begin(WORK_INGEST, id, item->captured);
    fault_point_at("ingest.one", item->outbox_id);
    good = read_body(item);
    atwork_end();
    return good;
}

/* Reads what is not to be ignored. False when out of memory. */
static bool
understand(struct item *item, const char *id)
{
    const char *name;

    item->moot = strcmp(item->kind, "ignore") == 0;
    if (item->moot)
        return true;
    if (!parse_item(item, id) && !item->event.no_memory)
        log_error("ingest: outbox row %" PRIu64 " (%s) is not understood: "
                  "%s; kept as an event without work",
            item->outbox_id, item->kind, item->event.problem);
    name = event_kind_name(item->event.kind);
    if (name)
        item->kind = name;
    set_identity(item);
    return !item->event.no_memory;
}

static bool
read_item(struct item *item, const struct db_rows *rows)
{
    item->outbox_id = db_uint(rows, 0);
    item->captured = db_col(rows, 1);
    item->kind = db_col(rows, 2);
    item->body = db_col(rows, 3);
    item->age_ms = (int64_t)(db_uint(rows, 4) / 1000);
    item->local = db_col(rows, 5) ? db_col(rows, 5) : "";
    return understand(item, db_col(rows, 0));
}

/* A change of tariff that stands in the batch is known, too. */
static bool
is_doubled(const struct batch *b, size_t i)
{
    const struct event *event = &b->item[i].event;

    for (size_t j = 0; j < b->n; j++) {
        const struct item *other = &b->item[j];

        if (j != i && !other->moot && (!other->move || j < i) &&
            other->event.kind == EVENT_TARIFF_CHANGE &&
            other->event.uid == event->uid && other->event.gid == event->gid)
            return true;
    }
    return false;
}

static void
take_meaning(struct batch *b, size_t i)
{
    struct item *item = &b->item[i];
    const char *name = event_kind_name(item->event.kind);

    item->moot =
        !name || (item->event.kind == EVENT_TARIFF_CHANGE && is_doubled(b, i));
    if (item->moot)
        return;
    item->kind = name;
    if (item->move->body[0])
        item->body = item->move->body;
    set_identity(item);
}

/* Finds out what has become of the rows that left tables of subscribers. */
static enum db_status
resolve_moves(struct engine *e, struct batch *b)
{
    struct move *move = calloc(b->n + 1, sizeof *move);
    enum db_status status = move ? DB_OK : DB_REFUSED;
    size_t n = 0;

    for (size_t i = 0; move && i < b->n; i++)
        if (b->item[i].move)
            move[n++] = *b->item[i].move;
    if (n > 0)
        status = moves_resolve(e, move, n);
    n = 0;
    for (size_t i = 0; status == DB_OK && i < b->n; i++)
        if (b->item[i].move) {
            *b->item[i].move = move[n++];
            take_meaning(b, i);
        }
    free(move);
    return status;
}

static enum db_status
read_outbox(struct engine *e, struct batch *b)
{
    struct bytes sql = bytes_make(2048);
    int64_t begun_us = clock_boot_us();
    uint64_t from = low_from(&e->low, begun_us);
    enum db_status status;
    size_t bodies = 0;

    bytes_str(&sql,
        "SELECT o.id, o.captured_utc, " CAPTURE_KIND ", o.body, GREATEST(0,"
        " TIMESTAMPDIFF(MICROSECOND, o.captured_utc, UTC_TIMESTAMP(3))),"
        " CONVERT_TZ(o.captured_utc, '+00:00', @@session.time_zone)");
    capture_add_outbox(&sql, e->billing.name);
    bytes_printf(&sql, " WHERE o.id > %" PRIu64 " AND ", from);
    moves_add_ripe(&sql, e->set);
    bytes_printf(&sql, " ORDER BY o.id LIMIT %" PRId64, e->set->service.batch);
    status = db_query(e->db, &sql, &b->rows);
    bytes_free(&sql);
    if (status != DB_OK)
        return status;
    low_was_read(&e->low, from, begun_us, clock_boot_us());
    b->item = calloc(db_rows_count(b->rows) + 1, sizeof *b->item);
    if (!b->item)
        return DB_REFUSED;
    while (bodies < LARGEST_BODIES && db_next(b->rows)) {
        if (!read_item(&b->item[b->n++], b->rows))
            return DB_REFUSED;
        bodies += db_len(b->rows, 3);
    }
    return resolve_moves(e, b);
}

static bool
wants(const struct engine *e, const struct item *item,
    const struct action *action)
{
    return !item->moot && !item->event.problem[0] &&
           action->routed(e->set, item->event.kind);
}

/* Whether it is decided with the ingest, or later in a transaction of its
 * own. */
static bool
is_decided_now(const struct engine *e, const struct item *item,
    const struct action *action)
{
    return !action->in_billing &&
           action->after_ms(e->set, item->event.kind) == 0;
}

static struct question
make_question(const struct engine *e, const struct item *item,
    const struct action *action)
{
    return (struct question){
        .event = &item->event,
        .action = action,
        .identity = item->identity,
        .captured = item->local,
        .captured_utc = item->captured,
        .age_ms = item->age_ms,
        .dry = dry_holds(e->set, action->name),
        .crashes = atwork_refuses(WORK_DECIDE, item->identity, action->name),
    };
}

static bool
add_undecided(
    struct engine *e, struct batch *b, size_t i, const struct action *action)
{
    const struct item *item = &b->item[i];
    struct delivery *d = delivery_make(action->name, NULL);
    int64_t after_ms = action->after_ms(e->set, item->event.kind);

    if (!d)
        return false;
    d->state = DELIVERY_READY;
    d->lane = LANE_DECIDE;
    d->dry = dry_holds(e->set, action->name);
    d->event = i;
    d->uid = item->event.uid;
    if (after_ms > item->age_ms)
        d->delay_us = (after_ms - item->age_ms) * 1000;
    d->expires_in_us = action_expires_in_us(action, e->set, item->age_ms);
    delivery_set_key(d, item->identity);
    delivery_push(&b->work, d);
    return true;
}

/* Decides what can be decided now. *of[k] is then the item that question k was
 * about. */
static enum db_status
answer(struct engine *e, const struct batch *b, struct question *q, size_t *of,
    struct delivery_list *answers)
{
    enum db_status status;
    size_t n = 0;

    for (size_t i = 0; i < b->n; i++)
        for (size_t j = 0; j < ACTIONS; j++)
            if (wants(e, &b->item[i], actions[j]) &&
                is_decided_now(e, &b->item[i], actions[j])) {
                of[n] = i;
                q[n++] = make_question(e, &b->item[i], actions[j]);
            }
    if (n == 0)
        return DB_OK;
    status = decide_all(e, q, n, answers);
    for (struct delivery *d = answers->first; d; d = d->next)
        d->event = of[d->event];
    return status;
}

/* All deliveries of the batch, in the order of their events: those that are
 * decided, and those that are still to be. */
static bool
line_up(struct engine *e, struct batch *b, struct delivery_list *answers)
{
    for (size_t i = 0; i < b->n; i++) {
        while (answers->first && answers->first->event == i)
            delivery_push(&b->work, delivery_pop(answers));
        for (size_t j = 0; j < ACTIONS; j++)
            if (wants(e, &b->item[i], actions[j]) &&
                !is_decided_now(e, &b->item[i], actions[j]) &&
                !add_undecided(e, b, i, actions[j]))
                return false;
    }
    return true;
}

static enum db_status
decide(struct engine *e, struct batch *b)
{
    struct question *q = calloc(b->n * ACTIONS + 1, sizeof *q);
    size_t *of = calloc(b->n * ACTIONS + 1, sizeof *of);
    struct delivery_list answers = { 0 };
    enum db_status status = DB_REFUSED;

    delivery_drop_all(&b->work);
    if (q && of)
        status = answer(e, b, q, of, &answers);
    if (status == DB_OK && !line_up(e, b, &answers))
        status = DB_REFUSED;
    delivery_drop_all(&answers);
    free(q);
    free(of);
    return status;
}

/* Appends the INSERT of what is no event yet. Returns how many these are. */
static uint64_t
add_events(struct bytes *sql, const struct batch *b)
{
    const char *comma = "INSERT INTO event (kind, uid, source_key,"
                        " captured_utc, ingested_utc, problem, body) VALUES ";
    uint64_t n = 0;

    for (size_t i = 0; i < b->n; i++) {
        const struct item *item = &b->item[i];
        const struct event *event = &item->event;

        if (item->moot)
            continue;
        bytes_str(sql, comma);
        bytes_chr(sql, '(');
        db_text(sql, item->kind);
        bytes_printf(sql, ",%" PRIu64 ",", event->uid);
        db_text(sql, event->source_key[0] ? event->source_key : NULL);
        bytes_printf(sql, ",'%s',UTC_TIMESTAMP(3),", item->captured);
        db_text(sql, event->problem[0] ? event->problem : NULL);
        bytes_chr(sql, ',');
        db_text(sql, item->body);
        bytes_chr(sql, ')');
        comma = ",";
        n++;
    }
    if (n > 0)
        bytes_chr(sql, ';');
    return n;
}

/* Appends the rows of deliveries from d on, as many as one packet should hold,
 * and counts them. Returns the first that is left out. */
static struct delivery *
add_deliveries(
    struct bytes *sql, struct delivery *d, const char *base, uint64_t *rows)
{
    const char *comma = "";

    stored_add_insert(sql);
    for (; d && (sql->n < FULL_PACKET || !*comma); d = d->next) {
        bytes_str(sql, comma);
        stored_add_row(sql, d, base);
        comma = ",";
        ++*rows;
    }
    bytes_chr(sql, ';');
    return d;
}

/* Gives every delivery the id of its event, the first of which is given: those
 * of one INSERT follow each other in known steps. */
static void
number_events(struct engine *e, struct batch *b, uint64_t first)
{
    struct delivery *d = b->work.first;

    for (size_t i = 0; i < b->n; i++) {
        if (b->item[i].moot)
            continue;
        for (; d && d->event == i; d = d->next)
            d->event_id = first;
        first += db_id_step(e->db);
    }
}

/* Those from d up to rest have just got their rows. */
static void
take_ids(struct db *db, struct delivery *d, const struct delivery *rest)
{
    uint64_t id = db_insert_id(db);

    for (; d != rest; d = d->next) {
        d->id = id;
        id += db_id_step(db);
    }
}

/* Appends the deletion of rows from to to - 1, which waits for no row of the
 * billing's open transactions. */
static void
add_delete(struct bytes *sql, const struct batch *b, size_t from, size_t to)
{
    uint64_t id[MOST_DELETED];

    for (size_t i = from; i < to; i++)
        id[i - from] = b->item[i].outbox_id;
    bytes_str(sql, "DELETE o FROM ");
    db_ids(sql, id, to - from);
    bytes_str(sql, " AS done STRAIGHT_JOIN outbox AS o FORCE INDEX (PRIMARY)"
                   " ON o.id = done.id;");
}

static void
add_deletes(struct bytes *sql, const struct batch *b)
{
    for (size_t from = 0; from < b->n; from += MOST_DELETED)
        add_delete(sql, b, from,
            b->n - from < MOST_DELETED ? b->n : from + MOST_DELETED);
}

static enum db_status
write_rows(struct db *db, struct bytes *sql, uint64_t rows)
{
    enum db_status status = db_run(db, sql);

    if (status != DB_OK || db_matched_all(db) == rows)
        return status;
    log_warning("ingest: rows vanished from the outbox under our hands; the "
                "batch is read again");
    return DB_BUSY;
}

/* Inserts events and deliveries, and with the last of them deletes the rows of
 * the outbox. All of these must still be there: otherwise somebody else moved
 * them. What fits travels in one packet, where the deliveries do not know the
 * ids of their events yet. */
static enum db_status
move_rows(struct engine *e, struct batch *b)
{
    struct bytes sql = bytes_make(LARGEST_BATCH_SQL);
    struct delivery *d = b->work.first, *rest = NULL;
    const char *base = "LAST_INSERT_ID()+";
    uint64_t rows = add_events(&sql, b);
    enum db_status status;

    number_events(e, b, 0);
    do {
        if (d)
            rest = add_deliveries(&sql, d, base, &rows);
        if (!rest) {
            add_deletes(&sql, b);
            rows += b->n;
        }
        status = write_rows(e->db, &sql, rows);
        if (status == DB_OK) {
            if (*base)
                number_events(e, b, db_insert_id_first(e->db));
            take_ids(e->db, d, rest);
        }
        d = rest;
        base = "";
        rows = 0;
        bytes_clear(&sql);
    } while (status == DB_OK && d);
    bytes_free(&sql);
    return status;
}

static enum db_status
write_batch(struct engine *e, struct batch *b)
{
    enum db_status status = owner_begin(&e->owner, e->db);

    if (status != DB_OK)
        return status;
    fault_point("ingest.begun");
    status = move_rows(e, b);
    if (status == DB_OK)
        status = db_keep_step(e->db);
    fault_point("ingest.deleted");
    if (status != DB_OK) {
        db_rollback(e->db);
        return status;
    }
    status = owner_commit(&e->owner, e->db);
    b->unsure = status == DB_GONE;
    return status;
}

/* Marks as moot what is stored already or stands twice in the batch. */
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
                b->item[i].moot = true;
    }
    bytes_chr(&sql, ')');
    status = db_query(e->db, &sql, &rows);
    bytes_free(&sql);
    if (status != DB_OK)
        return status;
    while (db_next(rows))
        for (size_t i = 0; i < b->n; i++)
            if (strcmp(b->item[i].event.source_key, db_col(rows, 0)) == 0)
                b->item[i].moot = true;
    db_rows_close(&rows);
    return DB_OK;
}

static enum db_status
decide_and_write(struct engine *e, struct batch *b)
{
    enum db_status status = decide(e, b);

    if (status != DB_OK)
        return status;
    claim_choose(e, &b->work);
    return write_batch(e, b);
}

static void
move_mark(struct engine *e, const struct batch *b)
{
    const struct item *last = &b->item[b->n - 1];

    low_took(&e->low, b->item[0].outbox_id, last->outbox_id,
        last->age_ms * 1000, clock_boot_us());
}

static void
count_events(struct engine *e, const struct batch *b)
{
    for (size_t i = 0; i < b->n; i++)
        if (!b->item[i].moot)
            meter_count(&e->meter, METER_EVENTS,
                b->item[i].event.problem[0] ? METER_BAD : METER_GOOD, 1);
}

enum db_status
ingest_batch(struct engine *e, size_t *taken)
{
    struct batch b = { 0 };
    enum db_status status = read_outbox(e, &b);

    *taken = 0;
    fault_point("ingest.read");
    if (status == DB_OK && b.n > 0) {
        status = decide_and_write(e, &b);
        if (status == DB_DUPLICATE) {
            status = find_known(e, &b);
            if (status == DB_OK)
                status = decide_and_write(e, &b);
        }
        fault_point("ingest.committed");
        if (b.unsure)
            claim_doubt(e, &b.work);
        if (status == DB_OK) {
            *taken = b.n;
            count_events(e, &b);
            move_mark(e, &b);
            log_debug("ingest: %zu rows, %zu deliveries", b.n, b.work.n);
            if (e->owner.parts != OWNER_ALL && b.work.n > 0)
                share_ring(e);
            status = claim_go_on(e, &b.work);
        } else {
            low_forget(&e->low);
        }
    }
    free_batch(&b);
    return status;
}
