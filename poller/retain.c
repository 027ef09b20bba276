/* retain: see retain.h. */
#include "retain.h"

#include "clock.h"
#include "engine.h"
#include "event.h"
#include "fault.h"
#include "log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PIECE = 200,       /* events or other rows looked at in one turn */
    MOST_IN_ONE = 500, /* ids in one statement */
    MOST_SOURCES = 4,
    LARGEST_SQL = 1 << 20,
    PAUSE_US = 100000,
    OTHER_WORK_US = 1000000,
    SETTLED_H = 24,
};

#define ROUND_US (3600LL * 1000000)
#define TELL_US (10LL * 1000000)

/* For so long a bonus may be told by a row of addons_pay_api, and by whose
 * payment that became. */
#define CREDIT_MS (32LL * 24 * 3600 * 1000)

#define ENDED "'done', 'skipped', 'expired', 'cancelled', 'dry'"

/* Rows of one table that are to go. */
struct doomed {
    const char *table;
    const char *key;  /* its primary key */
    const char *also; /* what must still hold: " AND ..." */
    uint64_t *id;     /* owned */
    size_t n;
};

enum { FIRST, SECOND, TABLES };

struct piece {
    struct doomed doomed[TABLES];
    struct {
        char table[EVENT_TABLE + 1];
        uint64_t row_id;
    } source[MOST_SOURCES]; /* the highest key of each that is forgotten */
    size_t sources;
    uint64_t last; /* key that was looked at last */
    bool more;     /* and there is more behind it */
};

static bool
make_room(struct piece *p, size_t table, const struct doomed *what, size_t n)
{
    p->doomed[table] = *what;
    p->doomed[table].id = calloc(n + 1, sizeof *p->doomed[table].id);
    return p->doomed[table].id != NULL;
}

static void
free_piece(struct piece *p)
{
    for (size_t i = 0; i < TABLES; i++)
        free(p->doomed[i].id);
}

static void
doom(struct doomed *d, uint64_t id)
{
    d->id[d->n++] = id;
}

/* --- events -------------------------------------------------------------- */

/* A receipt that somebody must still do something about, the rule of "mbevctl
 * receipts": its number is not at its end, or was given up and no other was
 * taken. */
#define RECEIPTS_OPEN                                                          \
    "(SELECT COUNT(*) FROM receipt AS r WHERE r.event_id = e.id"               \
    " AND r.stage NOT IN ('done', 'closed')"                                   \
    " AND NOT (r.stage IN ('burnt', 'replaced')"                               \
    " AND (SELECT COUNT(*) FROM receipt AS n WHERE n.event_id = r.event_id"    \
    " AND n.id > r.id) > 0))"

/* The event with the highest key stays, and that of the delivery with the
 * highest: after a restart old servers would give their numbers out again, and
 * receipts name events by number. */
#define NOT_NEWEST                                                             \
    " AND id <> (SELECT MAX(id) FROM event) AND id <> COALESCE("               \
    "(SELECT event_id FROM delivery ORDER BY id DESC LIMIT 1), 0)"

static void
add_age(struct bytes *sql, const struct engine *e)
{
    bytes_printf(sql, " < UTC_TIMESTAMP(3) - INTERVAL %" PRId64 " MICROSECOND",
        e->set->service.keep_ms * 1000);
}

/* A row for each delivery, or one for an event without any. Its age is that of
 * the ingest: a row of the billing that was captured late has a capture of long
 * ago, and its key may be the highest of all. */
static enum db_status
ask_events(struct engine *e, struct db_rows **rows)
{
    struct bytes sql = bytes_make(4096);
    enum db_status status;

    bytes_printf(&sql,
        "SELECT e.id, e.old, COALESCE(e.source_key, ''), d.id,"
        " d.state IN (" ENDED ") AND d.changed_utc < UTC_TIMESTAMP(3)"
        " - INTERVAL %d HOUR, IF(e.old, " RECEIPTS_OPEN ", 0)"
        " FROM (SELECT id, source_key, ingested_utc",
        SETTLED_H);
    add_age(&sql, e);
    bytes_printf(&sql,
        NOT_NEWEST " AS old FROM event WHERE id > %" PRIu64
                   " ORDER BY id LIMIT %d) AS e"
                   " LEFT JOIN delivery AS d ON d.event_id = e.id"
                   " ORDER BY e.id",
        e->retain.cursor, PIECE);
    status = db_query(e->db, &sql, rows);
    bytes_free(&sql);
    return status;
}

/* Notes how far the memory of a table of the billing is to end. False when
 * there is no place for it: then the event stays. */
static bool
note_source(struct piece *p, const char *source_key)
{
    char table[EVENT_TABLE + 1];
    uint64_t row_id;
    size_t i = 0;

    if (!event_source(source_key, table, &row_id))
        return !*source_key;
    while (i < p->sources && strcmp(p->source[i].table, table) != 0)
        i++;
    if (i == MOST_SOURCES)
        return false;
    if (i == p->sources) {
        snprintf(p->source[i].table, sizeof p->source[i].table, "%s", table);
        p->source[i].row_id = 0;
        p->sources++;
    }
    if (row_id > p->source[i].row_id)
        p->source[i].row_id = row_id;
    return true;
}

/* An event in the midst of being read, delivery by delivery. */
struct candidate {
    uint64_t id;
    size_t n; /* how many deliveries were doomed before its own */
    bool goes;
    char source_key[EVENT_KEY + 1];
};

static void
end_candidate(struct piece *p, const struct candidate *c)
{
    if (c->id > 0 && c->goes && note_source(p, c->source_key))
        doom(&p->doomed[SECOND], c->id);
    else
        p->doomed[FIRST].n = c->n;
}

static void
begin_candidate(
    struct piece *p, struct candidate *c, const struct db_rows *rows)
{
    *c = (struct candidate){ .id = db_uint(rows, 0),
        .n = p->doomed[FIRST].n,
        .goes = db_uint(rows, 1) && db_uint(rows, 5) == 0 };
    snprintf(c->source_key, sizeof c->source_key, "%s", db_col(rows, 2));
}

/* Events come in the order of their age, or nearly: where none is old, none
 * behind it is. */
static void
take_events(struct piece *p, struct db_rows *rows)
{
    struct candidate c = { 0 };
    bool any_old = false;
    size_t events = 0;

    while (db_next(rows)) {
        if (db_uint(rows, 0) != c.id) {
            end_candidate(p, &c);
            begin_candidate(p, &c, rows);
            any_old |= db_uint(rows, 1) != 0;
            events++;
        }
        if (!db_col(rows, 3))
            continue;
        c.goes &= db_uint(rows, 4) != 0;
        doom(&p->doomed[FIRST], db_uint(rows, 3));
    }
    end_candidate(p, &c);
    p->last = c.id;
    p->more = any_old && events == PIECE;
}

static enum db_status
read_events(struct engine *e, struct piece *p)
{
    static const struct doomed deliveries = {
        .table = "delivery", .key = "id", .also = " AND t.state IN (" ENDED ")"
    };
    static const struct doomed events = {
        .table = "event", .key = "id", .also = ""
    };
    struct db_rows *rows;
    enum db_status status = ask_events(e, &rows);

    if (status != DB_OK)
        return status;
    if (make_room(p, FIRST, &deliveries, db_rows_count(rows)) &&
        make_room(p, SECOND, &events, db_rows_count(rows)))
        take_events(p, rows);
    else
        status = DB_REFUSED;
    db_rows_close(&rows);
    return status;
}

/* --- what belonged to events ---------------------------------------------- */

/* Rows of a table by their key: in column 1 whether each is to go. */
static enum db_status
take_rows(struct engine *e, struct piece *p, struct bytes *sql,
    const struct doomed *what)
{
    struct db_rows *rows;
    enum db_status status = db_query(e->db, sql, &rows);

    bytes_free(sql);
    if (status != DB_OK)
        return status;
    if (!make_room(p, FIRST, what, db_rows_count(rows)))
        status = DB_REFUSED;
    p->more = db_rows_count(rows) == PIECE;
    while (status == DB_OK && db_next(rows)) {
        p->last = db_uint(rows, 0);
        if (db_uint(rows, 1))
            doom(&p->doomed[FIRST], p->last);
    }
    db_rows_close(&rows);
    return status;
}

/* Which payment a bonus became is known for as long as bonuses look back; when
 * events are kept for less, for good: a row has no time of its own. */
static enum db_status
read_credits(struct engine *e, struct piece *p)
{
    static const struct doomed what = {
        .table = "api_credit", .key = "record_id", .also = ""
    };
    struct bytes sql = bytes_make(1024);

    if (e->set->service.keep_ms < CREDIT_MS) {
        bytes_free(&sql);
        return DB_OK;
    }
    bytes_printf(&sql,
        "SELECT c.record_id, (SELECT e.id FROM event AS e"
        " WHERE e.id = c.event_id) IS NULL FROM (SELECT record_id, event_id"
        " FROM api_credit WHERE record_id > %" PRIu64
        " ORDER BY record_id LIMIT %d) AS c ORDER BY c.record_id",
        e->retain.cursor, PIECE);
    return take_rows(e, p, &sql, &what);
}

/* Gaps that were closed. */
static enum db_status
read_gaps(struct engine *e, struct piece *p)
{
    static const struct doomed what = {
        .table = "gap", .key = "id", .also = ""
    };
    struct bytes sql = bytes_make(1024);

    bytes_str(&sql, "SELECT g.id, COALESCE(g.until_utc");
    add_age(&sql, e);
    bytes_printf(&sql,
        ", 0) FROM gap AS g WHERE g.id > %" PRIu64 " ORDER BY g.id LIMIT %d",
        e->retain.cursor, PIECE);
    return take_rows(e, p, &sql, &what);
}

static enum db_status (*const steps[])(struct engine *, struct piece *) = {
    read_events,
    read_credits,
    read_gaps,
};
enum { STEPS = sizeof steps / sizeof *steps };

/* --- removing ------------------------------------------------------------ */

/* Appends a statement about the doomed rows of a table, t, in parts of what one
 * statement should hold. */
static void
add_each(struct bytes *sql, const struct doomed *d, const char *head,
    const char *tail)
{
    for (size_t from = 0; from < d->n; from += MOST_IN_ONE) {
        size_t n = d->n - from;

        bytes_printf(sql, "%s FROM ", head);
        db_ids(sql, d->id + from, n < MOST_IN_ONE ? n : MOST_IN_ONE);
        bytes_printf(sql,
            " AS doomed STRAIGHT_JOIN %s AS t FORCE INDEX (PRIMARY)"
            " ON t.%s = doomed.id%s%s",
            d->table, d->key, d->also, tail);
    }
}

/* Whoever holds one of the rows is not waited for. */
static enum db_status
lock(struct engine *e, const struct piece *p)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    enum db_status status;

    for (size_t i = 0; i < TABLES; i++)
        add_each(&sql, &p->doomed[i], "SELECT 1", DB_LOCK_NOWAIT);
    status = db_run(e->db, &sql);
    bytes_free(&sql);
    return status;
}

/* All must still be as they were found: an operator may have changed one. */
static enum db_status
erase(struct engine *e, const struct piece *p)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    enum db_status status;
    size_t n = 0;

    for (size_t i = 0; i < TABLES; i++) {
        add_each(&sql, &p->doomed[i], "DELETE t", ";");
        n += p->doomed[i].n;
    }
    status = db_run(e->db, &sql);
    bytes_free(&sql);
    if (status == DB_OK && db_matched_all(e->db) != n)
        return DB_BUSY;
    return status;
}

static void
add_horizon(struct bytes *sql, const struct piece *p)
{
    for (size_t i = 0; i < p->sources; i++) {
        bytes_str(sql, "INSERT INTO forgotten (source, row_id) VALUES (");
        db_text(sql, p->source[i].table);
        bytes_printf(sql,
            ",%" PRIu64 ") ON DUPLICATE KEY UPDATE"
            " row_id = GREATEST(row_id, VALUES(row_id));",
            p->source[i].row_id);
    }
}

static enum db_status
remove_piece(struct engine *e, const struct piece *p)
{
    struct bytes horizon = bytes_make(4096);
    enum db_status status = owner_begin(&e->owner, e->db);

    if (status != DB_OK) {
        bytes_free(&horizon);
        return status;
    }
    fault_point("retain.begun");
    status = lock(e, p);
    if (status == DB_OK)
        status = erase(e, p);
    fault_point("retain.deleted");
    add_horizon(&horizon, p);
    if (status == DB_OK) {
        status = owner_commit_with(&e->owner, e->db, &horizon);
        fault_point("retain.committed");
        return status;
    }
    bytes_free(&horizon);
    db_rollback(e->db);
    return status;
}

/* --- the duty ------------------------------------------------------------ */

static void
end_round(struct retain *r)
{
    if (r->events > 0)
        log_info("retain: %" PRIu64 " events with %" PRIu64 " deliveries were "
                 "removed: finished, and older than [service] keep",
            r->events, r->deliveries);
    *r = (struct retain){ .due_us = clock_boot_us() + ROUND_US };
}

/* A long round tells how far it is, each ten seconds. */
static enum db_status
tell_progress(struct engine *e)
{
    struct retain *r = &e->retain;
    struct db_rows *rows;
    enum db_status status;

    if (r->told_us == 0)
        r->told_us = clock_boot_us();
    if (r->step > 0 || r->events == 0 || clock_boot_us() < r->told_us + TELL_US)
        return DB_OK;
    r->told_us = clock_boot_us();
    status = db_ask(e->db, "SELECT MAX(id) FROM event", &rows);
    if (status != DB_OK)
        return status;
    if (db_next(rows))
        log_info("retain: at event %" PRIu64 " of %" PRIu64 ": %" PRIu64
                 " removed so far; a restart goes on with what is left",
            r->cursor, db_uint(rows, 0), r->events);
    db_rows_close(&rows);
    return DB_OK;
}

static void
go_on(struct retain *r, const struct piece *p)
{
    r->due_us = clock_boot_us() + PAUSE_US;
    r->cursor = p->last;
    if (p->more)
        return;
    r->cursor = 0;
    if (++r->step == STEPS)
        end_round(r);
}

static void
count(struct retain *r, const struct piece *p)
{
    if (r->step > 0)
        return;
    r->deliveries += p->doomed[FIRST].n;
    r->events += p->doomed[SECOND].n;
}

/* What is left out now is looked at again in the next round. */
static enum db_status
leave_out(struct engine *e, enum db_status why)
{
    if (why == DB_BUSY) {
        log_info("retain: somebody holds what is to be removed; it is left "
                 "for later");
        claim_rest(e, &e->removing);
        e->retain.due_us = e->removing.until_us;
    } else {
        log_error("retain: what is finished and old cannot be removed: %s; see "
                  "sql/grants.sql",
            db_error(e->db));
        e->retain.due_us = clock_boot_us() + ROUND_US;
    }
    return DB_OK;
}

int64_t
retain_due_us(const struct engine *e)
{
    return e->set->service.keep_ms > 0 ? e->retain.due_us : INT64_MAX;
}

static bool
is_other_work(const struct engine *e)
{
    return e->wake.look_us == 0 || claim_is_due(e);
}

enum db_status
retain_due(struct engine *e)
{
    struct piece p = { 0 };
    enum db_status status;

    if (is_other_work(e)) {
        e->retain.due_us = clock_boot_us() + OTHER_WORK_US;
        return DB_OK;
    }
    status = steps[e->retain.step](e, &p);
    if (status == DB_OK && p.doomed[FIRST].n + p.doomed[SECOND].n > 0)
        status = remove_piece(e, &p);
    if (status == DB_OK) {
        e->removing.pause_us = 0;
        count(&e->retain, &p);
    }
    if (status == DB_OK || status == DB_BUSY)
        go_on(&e->retain, &p);
    if (status == DB_OK)
        status = tell_progress(e);
    else if (status != DB_GONE && !e->owner.lost)
        status = leave_out(e, status);
    free_piece(&p);
    return status;
}
