/* relay: see relay.h. */
#include "relay.h"

#include "envelope.h"
#include "stored.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LARGEST_SQL = 1 << 20,
    WINDOW = 2 * RELAY_MOST,
    MOST_WINDOWS = 8,
    FIRST_WINDOW = 16, /* more than what is wanted */
    GROWTH = 4,
    MOST_SEEN = MOST_WINDOWS * WINDOW,
};

/* --- choosing ------------------------------------------------------------ */

/* Whether it is a candidate's turn. */
enum turn { TURN_COME, TURN_WAITS, TURN_UNSURE };

/* The first of a subscriber in a window. */
struct candidate {
    uint64_t uid, event_id, id;
    enum turn turn;
};

/* A part of the queue, and what was seen in it or in an earlier one: of each
 * subscriber the first event, later ones last. */
struct window {
    struct candidate candidate[WINDOW];
    size_t n;
    struct candidate seen[MOST_SEEN];
    size_t seen_n;
    size_t size; /* most rows that are read */
    bool full;   /* there may be more behind it */
};

static void
take(struct window *w, const struct db_rows *rows)
{
    struct candidate one = { .uid = db_uint(rows, 2),
        .event_id = db_uint(rows, 1),
        .id = db_uint(rows, 0) };
    size_t i = 0;

    while (i < w->n && w->candidate[i].uid != one.uid)
        i++;
    if (i == w->n || one.event_id < w->candidate[i].event_id)
        w->candidate[i] = one;
    w->n += i == w->n;
}

/* Nothing of a subscriber from the event on that was seen; but one before it
 * may have been put off, and be due later than those that wait for it. */
static void
add_unseen(struct bytes *sql, const struct window *w)
{
    if (w->seen_n == 0)
        return;
    bytes_str(sql, " AND delivery.event_id < (SELECT CASE own.uid");
    for (size_t i = w->seen_n; i > 0; i--)
        bytes_printf(sql, " WHEN %" PRIu64 " THEN %" PRIu64, w->seen[i - 1].uid,
            w->seen[i - 1].event_id);
    bytes_printf(sql,
        " ELSE %" PRId64 " END FROM event AS own"
        " WHERE own.id = delivery.event_id)",
        INT64_MAX);
}

/* The next window: what is due, in its order, and was not seen yet. */
static enum db_status
read_window(struct window *w, struct db *db, enum lane_id lane,
    const struct head *head, const char *also)
{
    struct bytes sql = bytes_make(LARGEST_SQL), all = bytes_make(LARGEST_SQL);
    struct db_rows *rows;
    enum db_status status;

    bytes_str(&all, also);
    add_unseen(&all, w);
    bytes_str(&sql, "SELECT d.id, d.event_id, e.uid");
    stored_add_due(&sql, lane, head, bytes_text(&all), w->size);
    status = bytes_ok(&all) ? db_query(db, &sql, &rows) : DB_REFUSED;
    bytes_free(&all);
    bytes_free(&sql);
    if (status != DB_OK)
        return status;
    w->n = 0;
    w->full = db_rows_count(rows) == w->size;
    while (db_next(rows))
        take(w, rows);
    db_rows_close(&rows);
    for (size_t i = 0; i < w->n; i++)
        w->seen[w->seen_n++] = w->candidate[i];
    return DB_OK;
}

/* By the event that is the nearest before a candidate. */
static enum turn
turn_after(const char *state)
{
    if (!state)
        return TURN_UNSURE; /* that one was not to be handed on */
    switch (delivery_state_of(state)) {
    case DELIVERY_DONE:
        return TURN_COME;
    case DELIVERY_READY:
    case DELIVERY_RETRY:
    case DELIVERY_CALLING:
    case DELIVERY_HELD:
        return TURN_WAITS;
    default:
        return TURN_UNSURE;
    }
}

static void
set_turn(struct candidate *c, size_t n, uint64_t uid, enum turn turn)
{
    for (size_t i = 0; i < n; i++)
        if (c[i].uid == uid)
            c[i].turn = turn;
}

/* Looks at the nearest event before each of n candidates. One that waits has
 * waited in its turn for what comes before it, so no more is to be known. What
 * has none before it may go. */
static enum db_status
look_before(struct db *db, struct candidate *c, size_t n, enum lane_id lane)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    struct db_rows *rows;
    enum db_status status;

    bytes_str(&sql, "SELECT nearest.uid, d.state FROM (SELECT e.uid,"
                    " MAX(e.id) AS id FROM event AS e WHERE ");
    for (size_t i = 0; i < n; i++)
        bytes_printf(&sql, "%s(e.uid = %" PRIu64 " AND e.id < %" PRIu64 ")",
            i ? " OR " : "", c[i].uid, c[i].event_id);
    bytes_printf(&sql,
        " GROUP BY e.uid) AS nearest LEFT JOIN delivery AS d"
        " ON d.event_id = nearest.id AND d.action = '%s'",
        delivery_lane_name(lane));
    status = db_query(db, &sql, &rows);
    bytes_free(&sql);
    if (status != DB_OK)
        return status;
    for (size_t i = 0; i < n; i++)
        c[i].turn = TURN_COME;
    while (db_next(rows))
        set_turn(c, n, db_uint(rows, 0), turn_after(db_col(rows, 1)));
    db_rows_close(&rows);
    return DB_OK;
}

/* The same, by the nearest that was handed on or is still to be. With constants
 * the server finds it at once, however long the subscriber has been there; but
 * each costs as much as a query. */
static void
add_question(struct bytes *sql, const struct candidate *c, enum lane_id lane)
{
    bytes_printf(sql,
        "%sSELECT %" PRIu64 ", (SELECT d.state"
        " FROM event AS e STRAIGHT_JOIN delivery AS d ON d.event_id = e.id"
        " AND d.action = '%s' AND d.state IN ('done', 'ready', 'retry',"
        " 'calling', 'held') WHERE e.uid = %" PRIu64 " AND e.id < %" PRIu64
        " ORDER BY e.id DESC LIMIT 1)",
        sql->n ? " UNION ALL " : "", c->uid, delivery_lane_name(lane), c->uid,
        c->event_id);
}

static enum db_status
look_further(struct db *db, struct candidate *c, size_t n, enum lane_id lane)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    struct db_rows *rows = NULL;
    enum db_status status = DB_OK;

    for (size_t i = 0; i < n; i++)
        if (c[i].turn == TURN_UNSURE)
            add_question(&sql, &c[i], lane);
    if (sql.n > 0)
        status = db_query(db, &sql, &rows);
    bytes_free(&sql);
    if (status != DB_OK || !rows)
        return status;
    while (db_next(rows))
        set_turn(c, n, db_uint(rows, 0),
            db_col(rows, 1) ? turn_after(db_col(rows, 1)) : TURN_COME);
    db_rows_close(&rows);
    return DB_OK;
}

static enum db_status
choose_from(struct window *w, struct db *db, enum lane_id lane, size_t most,
    struct relay_chosen *chosen)
{
    enum db_status status = DB_OK;

    for (size_t i = 0, n; i < w->n && chosen->n < most && status == DB_OK;
         i += n) {
        struct candidate *c = &w->candidate[i];

        n = most - chosen->n < w->n - i ? most - chosen->n : w->n - i;
        status = look_before(db, c, n, lane);
        if (status == DB_OK)
            status = look_further(db, c, n, lane);
        for (size_t j = 0; j < n; j++)
            if (status == DB_OK && c[j].turn == TURN_COME)
                chosen->id[chosen->n++] = c[j].id;
    }
    return status;
}

/* Where a window is full of those who wait for another there may be others
 * behind it, whom they must not keep waiting. */
enum db_status
relay_choose(struct db *db, enum lane_id lane, const struct head *head,
    const char *also, size_t most, struct relay_chosen *chosen)
{
    struct window *w = calloc(1, sizeof *w);
    enum db_status status = w ? DB_OK : DB_REFUSED;

    chosen->n = 0;
    if (most > RELAY_MOST)
        most = RELAY_MOST;
    if (w)
        w->size = most + FIRST_WINDOW;
    for (int i = 0; status == DB_OK && i < MOST_WINDOWS; i++) {
        status = read_window(w, db, lane, head, also);
        if (status == DB_OK)
            status = choose_from(w, db, lane, most, chosen);
        if (chosen->n == most || !w->full)
            break;
        w->size = w->size * GROWTH < WINDOW ? w->size * GROWTH : WINDOW;
    }
    free(w);
    return status;
}

/* --- what is sent -------------------------------------------------------- */

bool
relay_fill(struct delivery *d, const char *body)
{
    struct bytes text = bytes_make(ENVELOPE_LARGEST);
    char identity[DELIVERY_KEY + 1];
    struct envelope envelope = {
        .id = d->event_id,
        .identity = delivery_identity(d, identity),
        .uid = d->uid,
        .captured_utc = d->captured_utc,
        .body = body,
    };
    bool good = envelope_print(&text, &envelope), memory;

    free(d->payload);
    d->payload = good ? strdup(bytes_text(&text)) : NULL;
    memory = good ? d->payload != NULL : !bytes_no_memory(&text);
    bytes_free(&text);
    return memory;
}

void
relay_fail_empty(struct delivery *d)
{
    d->outcome = (struct outcome){ .class = OUTCOME_PERMANENT };
    snprintf(d->outcome.code, sizeof d->outcome.code, "no event");
    snprintf(d->outcome.why, sizeof d->outcome.why,
        "its row is no JSON object, or is larger than %d KiB as JSON",
        ENVELOPE_LARGEST / 1024);
}
