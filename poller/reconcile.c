/* reconcile: see reconcile.h. */
#include "reconcile.h"

#include "capture.h"
#include "clock.h"
#include "fault.h"
#include "log.h"
#include "trouble.h"
#include "watch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LARGEST_SQL = 8 << 20,
    PAGE_GAP_US = 5000, /* between two pages */
    DRAIN_US = 200000,  /* between two looks at the outbox */
    FULL_EVERY = 10,    /* rounds: the whole window */
    RECENT_S = 3600,    /* the others: from the last mark before this on */
    MARK_S = 3600,      /* between two marks */
    TELL_US = 600 * 1000000,
};

static const char REASON[] = "not captured by its trigger; captured late";

enum stage {
    STAGE_PAUSE, /* between two rounds */
    STAGE_BEGIN, /* of a table */
    STAGE_WALK,
    STAGE_DRAIN, /* rows are missing that may yet be in the outbox */
};

struct reconcile {
    enum stage stage;
    int64_t due_us;
    struct rest rest; /* something of the billing is locked or not allowed */
    struct watch watch;
    bool tried;       /* a round has ended on this connection */
    bool full;        /* this one goes over the whole window */
    unsigned shorter; /* that have ended since the last full one */
    enum capture_source source;
    struct capture_range range; /* its after: how far the walk has come */
    uint64_t meaning;           /* of the payment types, in this walk */
    struct capture_page page;   /* that waits for the outbox */
    uint64_t outbox_id;         /* to be empty up to here */
    struct {
        uint64_t n, first, last;
        int64_t told_us;
    } found[CAPTURE_SOURCES]; /* captured late, and not told yet */
};

struct reconcile *
reconcile_make(void)
{
    return calloc(1, sizeof(struct reconcile));
}

/* --- telling ------------------------------------------------------------- */

/* Not more than one line in ten minutes: table gap has each row. */
static void
tell(struct reconcile *r, enum capture_source source, bool now)
{
    int64_t us = clock_boot_us();

    if (r->found[source].n == 0 || (!now && r->found[source].told_us &&
                                       us < r->found[source].told_us + TELL_US))
        return;
    log_warning("reconcile: %" PRIu64 " rows of %s, %s %" PRIu64 " to %" PRIu64
                ", had not been captured by the trigger and are now; see "
                "mbevctl gaps; when this comes again, run sql/triggers.sql",
        r->found[source].n, capture_table(source), capture_key(source),
        r->found[source].first, r->found[source].last);
    r->found[source].n = 0;
    r->found[source].told_us = us;
}

static void
note_found(struct reconcile *r, const struct capture_page *page)
{
    for (size_t i = 0; i < page->n; i++) {
        uint64_t key = page->row[i].event.row_id;

        if (page->row[i].state != CAPTURE_MISSING)
            continue;
        if (r->found[page->source].n++ == 0)
            r->found[page->source].first = r->found[page->source].last = key;
        if (key < r->found[page->source].first)
            r->found[page->source].first = key;
        if (key > r->found[page->source].last)
            r->found[page->source].last = key;
    }
}

void
reconcile_close(struct reconcile **reconcile)
{
    struct reconcile *r = *reconcile;

    if (!r)
        return;
    for (enum capture_source s = 0; s < CAPTURE_SOURCES; s++)
        tell(r, s, true);
    capture_free(&r->page);
    free(r);
    *reconcile = NULL;
}

/* --- rounds -------------------------------------------------------------- */

void
reconcile_reset(struct engine *e)
{
    struct reconcile *r = e->reconcile;

    capture_free(&r->page);
    r->stage = STAGE_PAUSE;
    r->tried = false;
    r->shorter = FULL_EVERY;
    r->due_us = 0;
    r->rest = (struct rest){ 0 };
}

static bool
is_on(const struct engine *e)
{
    return e->set->service.reconcile_ms > 0;
}

int64_t
reconcile_due_us(const struct engine *e)
{
    return is_on(e) ? e->reconcile->due_us : INT64_MAX;
}

bool
reconcile_is_begun(const struct engine *e)
{
    return is_on(e) && !e->reconcile->tried;
}

static void
end_round(struct engine *e, int64_t due_us)
{
    struct reconcile *r = e->reconcile;

    capture_free(&r->page);
    r->stage = STAGE_PAUSE;
    r->tried = true;
    r->due_us = due_us;
}

static enum db_status
begin_round(struct engine *e)
{
    struct reconcile *r = e->reconcile;
    enum db_status status = watch_look(e, &r->watch);

    if (status != DB_OK)
        return status;
    if (r->watch.doubts) {
        r->due_us = clock_boot_us() + WATCH_AGAIN_US;
        return DB_OK;
    }
    r->stage = STAGE_BEGIN;
    r->source = 0;
    r->full = r->shorter + 1 >= FULL_EVERY;
    return DB_OK;
}

static void
end_source(struct engine *e)
{
    struct reconcile *r = e->reconcile;

    tell(r, r->source, false);
    r->stage = STAGE_BEGIN;
    if (++r->source < CAPTURE_SOURCES)
        return;
    r->rest.pause_us = 0;
    r->shorter = r->full ? 0 : r->shorter + 1;
    end_round(e, clock_boot_us() + e->set->service.reconcile_ms * 1000);
}

/* --- marks --------------------------------------------------------------- */

/* What the marks of a table say. */
struct marks {
    uint64_t low;     /* the walk begins above this key */
    uint64_t settled; /* highest key that is old whatever its date says */
    int64_t newest_s; /* age of the newest; INT64_MAX = there is none */
    int64_t begin_s;  /* age of the one that the walk begins at */
    bool stale;       /* there are some before that one */
};

static enum db_status
read_marks(struct engine *e, struct db_rows **rows)
{
    struct bytes sql = bytes_make(512);
    enum db_status status;

    bytes_printf(&sql,
        "SELECT row_id, TIMESTAMPDIFF(SECOND, at_utc, UTC_TIMESTAMP(3))"
        " FROM milestone WHERE source = '%s' ORDER BY at_utc",
        capture_table(e->reconcile->source));
    status = db_query(e->db, &sql, rows);
    bytes_free(&sql);
    return status;
}

/* Keys may be given out again, so a later mark may be lower. */
static void
weigh_marks(struct marks *m, struct db_rows *rows, int64_t window_s)
{
    *m = (struct marks){ .low = UINT64_MAX, .newest_s = INT64_MAX };
    while (db_next(rows)) {
        uint64_t key = db_uint(rows, 0);

        m->newest_s = (int64_t)db_uint(rows, 1);
        if (m->low == UINT64_MAX || m->newest_s > window_s) {
            m->stale = m->low != UINT64_MAX;
            m->low = key;
            m->begin_s = m->newest_s;
        }
        if (key < m->low)
            m->low = key;
        if (m->newest_s > CAPTURE_SETTLED_S)
            m->settled = key;
    }
}

static enum db_status
ask_key(struct engine *e, const char *what, int64_t window_s, uint64_t *key)
{
    enum capture_source source = e->reconcile->source;
    struct bytes sql = bytes_make(1024);
    struct db_rows *rows;
    enum db_status status;

    bytes_printf(&sql, "SELECT %s(%s) FROM ", what, capture_key(source));
    db_name(&sql, e->billing.name);
    bytes_printf(&sql, ".%s", capture_table(source));
    if (window_s > 0)
        bytes_printf(&sql,
            " WHERE %s BETWEEN NOW() - INTERVAL %" PRId64 " SECOND AND NOW()",
            capture_date(source), window_s);
    status = db_query(e->db, &sql, &rows);
    bytes_free(&sql);
    if (status != DB_OK)
        return status;
    *key = db_next(rows) ? db_uint(rows, 0) : 0;
    db_rows_close(&rows);
    return DB_OK;
}

static int64_t
window_s(const struct engine *e)
{
    return e->set->service.reconcile_window_ms / 1000;
}

/* The first mark lies before the rows of the window: what is older was never
 * looked at, and may have been put right by hand. */
static enum db_status
first_key(struct engine *e, uint64_t *key)
{
    enum db_status status = ask_key(e, "MIN", window_s(e), key);

    if (status == DB_OK && *key == 0)
        return ask_key(e, "MAX", 0, key);
    if (*key > 0)
        --*key;
    return status;
}

static void
add_mark(struct bytes *sql, const char *table, uint64_t key)
{
    bytes_printf(sql,
        "INSERT IGNORE INTO milestone (source, at_utc, row_id)"
        " VALUES ('%s', UTC_TIMESTAMP(3), %" PRIu64 ");",
        table, key);
}

/* Marks how far the table has come, each hour. */
static enum db_status
next_mark(struct engine *e, struct marks *m, struct bytes *sql)
{
    enum db_status status;
    uint64_t key = 0;

    if (m->newest_s < MARK_S)
        return DB_OK;
    if (m->newest_s < INT64_MAX) {
        status = ask_key(e, "MAX", 0, &key);
    } else {
        status = first_key(e, &key);
        m->low = key;
    }
    if (status == DB_OK)
        add_mark(sql, capture_table(e->reconcile->source), key);
    return status;
}

/* Marks before the window go. */
static enum db_status
keep_marks(struct engine *e, struct marks *m)
{
    struct bytes sql = bytes_make(1024);
    enum db_status status = next_mark(e, m, &sql);

    if (e->reconcile->full && m->stale)
        bytes_printf(&sql,
            "DELETE FROM milestone WHERE source = '%s' AND at_utc <"
            " UTC_TIMESTAMP(3) - INTERVAL %" PRId64 " SECOND;",
            capture_table(e->reconcile->source), m->begin_s + 1);
    if (status == DB_OK && sql.n > 0)
        return owner_run(&e->owner, e->db, &sql);
    bytes_free(&sql);
    return status;
}

/* --- what payment types mean --------------------------------------------- */

static enum db_status
read_known_meaning(struct engine *e, uint64_t *meaning, bool *known)
{
    struct db_rows *rows;
    enum db_status status = db_ask(e->db,
        "SELECT row_id FROM milestone WHERE source = 'payment_kind'"
        " ORDER BY at_utc DESC LIMIT 1",
        &rows);

    if (status != DB_OK)
        return status;
    *known = db_next(rows);
    if (*known)
        *meaning = db_uint(rows, 0);
    db_rows_close(&rows);
    return DB_OK;
}

/* Whoever gives a type another meaning means it from then on: rows that were
 * rightly left out before are not captured for it. */
static enum db_status
begin_after(struct engine *e, uint64_t meaning, bool changed)
{
    struct bytes sql = bytes_make(2048);
    enum db_status status = DB_OK;
    uint64_t key = 0;

    if (changed)
        status = ask_key(e, "MAX", 0, &key);
    bytes_str(&sql, "DELETE FROM milestone WHERE source = 'payment_kind';");
    add_mark(&sql, "payment_kind", meaning);
    if (changed) {
        bytes_printf(&sql, "DELETE FROM milestone WHERE source = '%s';",
            capture_table(CAPTURE_PAYMENTS));
        add_mark(&sql, capture_table(CAPTURE_PAYMENTS), key);
    }
    if (status == DB_OK)
        status = owner_run(&e->owner, e->db, &sql);
    else
        bytes_free(&sql);
    if (status == DB_OK && changed)
        log_info("reconcile: payment types have another meaning now: payments "
                 "up to plategid %" PRIu64 " are left as they are; mbevctl "
                 "replay looks at them",
            key);
    return status;
}

static enum db_status
keep_meaning(struct engine *e)
{
    struct reconcile *r = e->reconcile;
    uint64_t before = 0;
    bool known = false;
    enum db_status status;

    if (r->source != CAPTURE_PAYMENTS)
        return DB_OK;
    status = capture_meaning(e->db, e->billing.name, &r->meaning);
    if (status == DB_OK)
        status = read_known_meaning(e, &before, &known);
    if (status == DB_OK && (!known || before != r->meaning))
        status = begin_after(e, r->meaning, known);
    return status;
}

/* --- walking ------------------------------------------------------------- */

static enum db_status
begin_source(struct engine *e)
{
    struct reconcile *r = e->reconcile;
    uint64_t horizon = 0;
    struct marks marks;
    struct db_rows *rows;
    enum db_status status = keep_meaning(e);

    if (status == DB_OK)
        status = capture_horizon(e->db, e->billing.name, r->source, &horizon);
    if (status == DB_OK)
        status = read_marks(e, &rows);
    if (status != DB_OK)
        return status;
    weigh_marks(&marks, rows, r->full ? window_s(e) : RECENT_S);
    db_rows_close(&rows);
    status = keep_marks(e, &marks);
    r->range = (struct capture_range){
        .after = marks.low > horizon ? marks.low : horizon,
        .settled = true,
        .old = marks.settled,
    };
    r->stage = STAGE_WALK;
    return status;
}

/* What waits in the outbox now, up to *id; 0 = nothing. */
static enum db_status
look_at_outbox(struct engine *e, uint64_t *id)
{
    struct db_rows *rows;
    enum db_status status =
        db_ask(e->db, "SELECT COALESCE(MAX(id), 0) FROM outbox", &rows);

    if (status != DB_OK)
        return status;
    *id = db_next(rows) ? db_uint(rows, 0) : 0;
    db_rows_close(&rows);
    return DB_OK;
}

static enum db_status
write_missing(struct engine *e, bool *wrote)
{
    struct reconcile *r = e->reconcile;
    struct bytes sql = bytes_make(LARGEST_SQL);
    enum db_status status;

    fault_point("reconcile.found");
    capture_add(&sql, &r->page, REASON);
    status = owner_run(&e->owner, e->db, &sql);
    fault_point("reconcile.written");
    if (status == DB_OK) {
        note_found(r, &r->page);
        *wrote = true;
    }
    return status;
}

static void
next_page(struct engine *e)
{
    struct reconcile *r = e->reconcile;
    bool end = r->page.end;

    r->range.after = r->page.last;
    capture_free(&r->page);
    r->stage = STAGE_WALK;
    r->due_us = clock_boot_us() + PAGE_GAP_US;
    if (end)
        end_source(e);
}

/* First the billing, then what was captured of it. */
static enum db_status
walk(struct engine *e, bool *wrote)
{
    struct reconcile *r = e->reconcile;
    enum db_status status = capture_read(
        e->db, e->billing.name, r->source, &r->range, "reconcile", &r->page);

    if (status != DB_OK)
        return status;
    if (r->source == CAPTURE_PAYMENTS && r->page.n > 0 &&
        r->page.meaning != r->meaning) {
        capture_free(&r->page);
        r->stage = STAGE_BEGIN;
        return DB_OK;
    }
    fault_point("reconcile.read");
    status = capture_compare(e->db, &r->page);
    if (status == DB_OK && r->page.missing > 0) {
        status = look_at_outbox(e, &r->outbox_id);
        if (status == DB_OK && r->outbox_id > 0) {
            r->stage = STAGE_DRAIN;
            r->due_us = clock_boot_us() + DRAIN_US;
            return DB_OK;
        }
        if (status == DB_OK)
            status = write_missing(e, wrote);
    }
    if (status == DB_OK)
        next_page(e);
    return status;
}

/* What waited in the outbox when the page was read has its event, or is still
 * there. New rows have higher ids, so this comes to an end. */
static enum db_status
drain(struct engine *e, bool *wrote)
{
    struct reconcile *r = e->reconcile;
    struct bytes sql = bytes_make(256);
    struct db_rows *rows;
    enum db_status status;
    bool waits;

    bytes_printf(&sql, "SELECT 1 FROM outbox WHERE id <= %" PRIu64 " LIMIT 1",
        r->outbox_id);
    status = db_query(e->db, &sql, &rows);
    bytes_free(&sql);
    if (status != DB_OK)
        return status;
    waits = db_next(rows);
    db_rows_close(&rows);
    r->due_us = clock_boot_us() + DRAIN_US;
    if (waits)
        return DB_OK;
    status = capture_compare(e->db, &r->page);
    if (status == DB_OK && r->page.missing > 0)
        status = write_missing(e, wrote);
    if (status == DB_OK)
        next_page(e);
    return status;
}

static enum db_status
step(struct engine *e, bool *wrote)
{
    switch (e->reconcile->stage) {
    case STAGE_PAUSE:
        fault_point("reconcile.begun");
        return begin_round(e);
    case STAGE_BEGIN:
        return begin_source(e);
    case STAGE_WALK:
        return walk(e, wrote);
    case STAGE_DRAIN:
        return drain(e, wrote);
    }
    return DB_OK;
}

/* Each try may cost the lock wait, in which nothing else is done. */
static void
rest(struct engine *e)
{
    struct reconcile *r = e->reconcile;
    bool first = r->rest.pause_us == 0;
    long long pause_s = claim_rest(e, &r->rest);

    /* What is wrong with the whole server the engine tells. */
    if (first)
        log_at(trouble_is_general(db_errno(e->db)) ? LOG_DEBUG : LOG_WARNING,
            "reconcile: waits for %lld s, then longer, up to a minute: %s",
            pause_s, db_errno(e->db) ? db_error(e->db) : "see above");
    end_round(e, r->rest.until_us);
}

enum db_status
reconcile_turn(struct engine *e, bool *wrote)
{
    enum db_status status = step(e, wrote);

    if (status == DB_OK || status == DB_GONE || e->owner.lost)
        return status;
    rest(e);
    return DB_OK;
}
