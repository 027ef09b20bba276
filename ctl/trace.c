/*
 * mbevctl trace [uid:UID]: what happens, as it happens: each event that is
 * taken over, and each delivery as its state changes, until Ctrl-C.
 *
 * It reads our tables by their keys, twice a second, and follows the last five
 * hundred deliveries that are not at their end.
 */
#include "bytes.h"
#include "choice.h"
#include "ctl.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { PAUSE_MS = 500, FOLLOWED = 500, PAGE = 500, LARGEST_SQL = 64 * 1024 };

struct trace {
    struct ctl *ctl;
    uint64_t uid;                   /* 0 = all */
    uint64_t event_id, delivery_id; /* the last that was seen */
    struct {
        uint64_t id;
        char state[16], changed[32];
    } followed[FOLLOWED];
    size_t n;
};

/* --- what is printed ----------------------------------------------------- */

static void
print_column(const struct db_rows *rows, unsigned i)
{
    if (db_col(rows, i) && !out_is_json())
        text_print(stdout, db_col(rows, i));
}

static void
print_event(const struct db_rows *rows)
{
    out_text("at_utc", db_col(rows, 1));
    out_uint("event", db_uint(rows, 0));
    out_text("kind", db_col(rows, 2));
    out_uint("uid", db_uint(rows, 3));
    out_text("problem", db_col(rows, 4));
    out_words("%s  event %" PRIu64 "  %s  uid %" PRIu64, db_col(rows, 1),
        db_uint(rows, 0), db_col(rows, 2), db_uint(rows, 3));
    if (db_col(rows, 4))
        out_words("  PROBLEM: ");
    print_column(rows, 4);
    out_words("\n");
    out_next();
}

enum { ID, EVENT, ACTION, STATE, CHANGED, BY, ADDRESS, REASON, UID };

#define COLUMNS                                                                \
    "d.id, d.event_id, d.action, d.state, d.changed_utc,"                      \
    " COALESCE(d.provider, d.lane), d.address, d.reason, e.uid"

static void
print_delivery(const struct db_rows *rows)
{
    const char *state = db_col(rows, STATE);

    out_text("at_utc", db_col(rows, CHANGED));
    out_uint("event", db_uint(rows, EVENT));
    out_uint("delivery", db_uint(rows, ID));
    out_text("action", db_col(rows, ACTION));
    out_text("state", state);
    out_text("by", db_col(rows, BY));
    out_text("to", db_col(rows, ADDRESS));
    out_text("reason", db_col(rows, REASON));
    out_words("%s  event %" PRIu64 "  %s %s%s%s by %s", db_col(rows, CHANGED),
        db_uint(rows, EVENT), db_col(rows, ACTION), out_colour(state), state,
        out_plain(state), db_col(rows, BY));
    if (db_col(rows, ADDRESS))
        out_words(" to ");
    print_column(rows, ADDRESS);
    if (db_col(rows, REASON))
        out_words(": ");
    print_column(rows, REASON);
    out_words("\n");
    out_next();
}

/* --- what is followed ---------------------------------------------------- */

static bool
is_final(const char *state)
{
    static const char *const final[] = { "done", "skipped", "expired",
        "cancelled", "dead", "dry" };

    for (size_t i = 0; i < sizeof final / sizeof *final; i++)
        if (strcmp(final[i], state) == 0)
            return true;
    return false;
}

/* The oldest makes room. */
static void
follow(struct trace *t, const struct db_rows *rows)
{
    if (is_final(db_col(rows, STATE)))
        return;
    if (t->n == FOLLOWED)
        memmove(t->followed, t->followed + 1, --t->n * sizeof t->followed[0]);
    t->followed[t->n].id = db_uint(rows, ID);
    snprintf(t->followed[t->n].state, sizeof t->followed[0].state, "%s",
        db_col(rows, STATE));
    snprintf(t->followed[t->n].changed, sizeof t->followed[0].changed, "%s",
        db_col(rows, CHANGED));
    t->n++;
}

/* True when it is not as it was. What is at its end is followed no longer. */
static bool
has_changed(struct trace *t, const struct db_rows *rows)
{
    uint64_t id = db_uint(rows, ID);
    size_t i = 0;
    bool changed;

    while (i < t->n && t->followed[i].id != id)
        i++;
    if (i == t->n)
        return false;
    changed = strcmp(t->followed[i].state, db_col(rows, STATE)) != 0 ||
              strcmp(t->followed[i].changed, db_col(rows, CHANGED)) != 0;
    if (!changed)
        return false;
    memmove(&t->followed[i], &t->followed[i + 1],
        (--t->n - i) * sizeof t->followed[0]);
    follow(t, rows);
    return true;
}

/* --- what is read -------------------------------------------------------- */

static void
add_uid(struct bytes *sql, const struct trace *t)
{
    if (t->uid > 0)
        bytes_printf(sql, " AND e.uid = %" PRIu64, t->uid);
}

static enum db_status
read_start(struct trace *t)
{
    struct db_rows *rows;
    enum db_status status = db_ask(t->ctl->db,
        "SELECT COALESCE((SELECT MAX(id) FROM event), 0),"
        " COALESCE((SELECT MAX(id) FROM delivery), 0)",
        &rows);

    if (status != DB_OK)
        return status;
    if (db_next(rows)) {
        t->event_id = db_uint(rows, 0);
        t->delivery_id = db_uint(rows, 1);
    }
    db_rows_close(&rows);
    return DB_OK;
}

static enum db_status
read_events(struct trace *t)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    struct db_rows *rows;
    enum db_status status;

    bytes_printf(&sql,
        "SELECT e.id, e.captured_utc, e.kind, e.uid, e.problem FROM event AS e"
        " WHERE e.id > %" PRIu64,
        t->event_id);
    add_uid(&sql, t);
    bytes_printf(&sql, " ORDER BY e.id LIMIT %d", PAGE);
    status = ctl_ask(t->ctl, &sql, &rows);
    if (status != DB_OK)
        return status;
    while (db_next(rows)) {
        t->event_id = db_uint(rows, 0);
        print_event(rows);
    }
    db_rows_close(&rows);
    return DB_OK;
}

static enum db_status
read_new(struct trace *t)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    struct db_rows *rows;
    enum db_status status;

    bytes_printf(&sql,
        "SELECT " COLUMNS " FROM delivery AS d JOIN event AS e"
        " ON e.id = d.event_id WHERE d.id > %" PRIu64,
        t->delivery_id);
    add_uid(&sql, t);
    bytes_printf(&sql, " ORDER BY d.id LIMIT %d", PAGE);
    status = ctl_ask(t->ctl, &sql, &rows);
    if (status != DB_OK)
        return status;
    while (db_next(rows)) {
        t->delivery_id = db_uint(rows, ID);
        print_delivery(rows);
        follow(t, rows);
    }
    db_rows_close(&rows);
    return DB_OK;
}

static enum db_status
read_followed(struct trace *t)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    struct db_rows *rows;
    enum db_status status;

    if (t->n == 0)
        return DB_OK;
    bytes_str(&sql, "SELECT " COLUMNS " FROM delivery AS d JOIN event AS e"
                    " ON e.id = d.event_id WHERE d.id IN (0");
    for (size_t i = 0; i < t->n; i++)
        bytes_printf(&sql, ",%" PRIu64, t->followed[i].id);
    bytes_str(&sql, ") ORDER BY d.changed_utc");
    status = ctl_ask(t->ctl, &sql, &rows);
    if (status != DB_OK)
        return status;
    while (db_next(rows))
        if (has_changed(t, rows))
            print_delivery(rows);
    db_rows_close(&rows);
    return DB_OK;
}

static enum db_status
look(struct trace *t)
{
    enum db_status status = read_followed(t);

    if (status == DB_OK)
        status = read_events(t);
    if (status == DB_OK)
        status = read_new(t);
    fflush(stdout);
    return status;
}

int
ctl_trace(struct ctl *ctl)
{
    struct trace t = { .ctl = ctl };
    enum db_status status;
    bool ended = false;

    if (ctl->argc > 0 && (strncmp(ctl->argv[0], "uid:", 4) != 0 ||
                             !choice_number(ctl->argv[0] + 4, &t.uid)))
        return ctl_complain(ctl, "say uid:1001, or nothing");
    status = read_start(&t);
    if (status == DB_OK)
        fprintf(stderr, "mbevctl: from event %" PRIu64 " on; Ctrl-C ends it\n",
            t.event_id + 1);
    while (status == DB_OK && !ended) {
        /* What happened until then is told before it ends. */
        ended = ctl_interrupted();
        status = look(&t);
        if (status == DB_GONE)
            status = db_open(ctl->db);
        if (!ended)
            poll(NULL, 0, PAUSE_MS);
    }
    return status == DB_OK ? EX_OK : ctl_failed(ctl);
}
