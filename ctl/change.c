/*
 * mbevctl retry, drop, hold, release, resolve: what the operator changes about
 * deliveries.
 *
 * Promises: what is being sent just now is never touched, and the service
 * never sends what was changed before it looked; a hundred are changed in a
 * transaction, with a note of who did it, and what Ctrl-C leaves is found by
 * the same command again. Receipts that komtet may have are left to mbevctl
 * receipts.
 */
#include "bytes.h"
#include "choice.h"
#include "ctl.h"
#include "delivery.h"
#include "orders.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum { BATCH = 100, SHOWN = 20, LARGEST_SQL = 256 * 1024 };

#define BIT(state) (1u << DELIVERY_##state)

/* As it was; in a lane of messages it may have no way left. */
#define AGAIN                                                                  \
    "d.state = 'ready', d.due_utc = UTC_TIMESTAMP(3),"                         \
    " d.expires_utc = IF(d.expires_utc < UTC_TIMESTAMP(3) + INTERVAL 1 HOUR,"  \
    " UTC_TIMESTAMP(3) + INTERVAL 1 HOUR, d.expires_utc),"                     \
    " d.plan_utc = IF(d.plan_utc < UTC_TIMESTAMP(3), NULL, d.plan_utc),"       \
    " d.route = IF(COALESCE(d.route, '') = '', CASE d.lane"                    \
    " WHEN 'smspilot' THEN 'smspilot'"                                         \
    " WHEN 'smsc' THEN IF(d.action = 'social', 'social', 'smsc') END,"         \
    " d.route)"

static const struct change {
    const char *name;
    const char *word;   /* behind the name; NULL = none */
    unsigned from;      /* states it may be in */
    unsigned all;       /* those that "all" means */
    unsigned receipts;  /* those of a receipt that has a number */
    const char *set;    /* assignments to d */
    const char *reason; /* why it is in its state then */
    const char *done;   /* what was done, behind a number */
} changes[] = {
    { "retry", NULL,
        BIT(DEAD) | BIT(EXPIRED) | BIT(RETRY) | BIT(READY) | BIT(CANCELLED),
        BIT(DEAD) | BIT(EXPIRED), BIT(RETRY) | BIT(READY), AGAIN,
        "tried again by the operator", "are tried again" },
    { "drop", NULL,
        BIT(READY) | BIT(RETRY) | BIT(HELD) | BIT(DOUBTFUL) | BIT(DEAD) |
            BIT(EXPIRED),
        BIT(READY) | BIT(RETRY) | BIT(HELD), 0, "d.state = 'cancelled'",
        "dropped by the operator", "are dropped" },
    { "hold", NULL, BIT(READY) | BIT(RETRY), BIT(READY) | BIT(RETRY),
        BIT(READY) | BIT(RETRY), "d.state = 'held'", "held by the operator",
        "are held" },
    { "release", NULL, BIT(HELD), BIT(HELD), BIT(HELD),
        "d.state = 'ready', d.due_utc = UTC_TIMESTAMP(3)",
        "released by the operator", "are released" },
    { "resolve", "sent", BIT(DOUBTFUL), BIT(DOUBTFUL), 0, "d.state = 'done'",
        "it was sent, says the operator", "are done" },
    { "resolve", "unsent", BIT(DOUBTFUL), BIT(DOUBTFUL), 0,
        AGAIN ", d.ask = FALSE", "it was not sent, says the operator",
        "are sent again" },
};

static const struct change *
find_change(const char *name, const char *word)
{
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
        if (strcmp(changes[i].name, name) == 0 &&
            (!changes[i].word || strcmp(changes[i].word, word) == 0))
            return &changes[i];
    return NULL;
}

/* A delivery that may be changed, and how it was. */
struct one {
    uint64_t id, event_id;
    enum delivery_state state;
};

struct chosen {
    struct one *one; /* owned */
    size_t n;
    bool refused; /* there were others, which may not */
};

/* --- choosing ------------------------------------------------------------- */

enum { EVENT, ID, UID, KIND, ACTION, STATE, ADDRESS, REASON, LANE };

static const char *const heads[] = { "event", "delivery", "uid", "kind",
    "action", "state", "to", "reason" };

#define COLUMNS                                                                \
    "d.event_id, d.id, e.uid, e.kind, d.action, d.state, d.address, "          \
    "d.reason, d.lane"

static enum delivery_state
state_of(const struct db_rows *row)
{
    enum delivery_state s = 0;

    while (s < DELIVERY_HELD &&
           strcmp(delivery_state_name(s), db_col(row, STATE)) != 0)
        s++;
    return s;
}

/* One that has a number. */
static bool
is_receipt(const struct db_rows *row)
{
    return strcmp(db_col(row, ACTION), "receipt") == 0 &&
           delivery_lane_of(db_col(row, LANE)) != LANE_DECIDE;
}

static bool
may_be(const struct change *change, const struct db_rows *row)
{
    unsigned from = is_receipt(row) ? change->receipts : change->from;

    return (from & (1u << state_of(row))) != 0;
}

static void
refuse(const struct ctl *ctl, const struct db_rows *row)
{
    fprintf(stderr, "mbevctl: delivery %s is %s: %s does not touch it%s\n",
        db_col(row, ID), db_col(row, STATE), ctl->verb,
        is_receipt(row) ? "; it is a receipt: see mbevctl help receipts"
        : state_of(row) == DELIVERY_DOUBTFUL ? "; see mbevctl help resolve"
                                             : "");
}

static void
add_states(struct bytes *sql, unsigned states)
{
    const char *before = " AND d.state IN (";

    for (enum delivery_state s = 0; s <= DELIVERY_HELD; s++) {
        if (!(states & (1u << s)))
            continue;
        bytes_printf(sql, "%s'%s'", before, delivery_state_name(s));
        before = ", ";
    }
    bytes_chr(sql, ')');
}

/* NULL, or what is wrong. */
static const char *
build(struct ctl *ctl, const struct change *change, struct bytes *sql)
{
    bool all, stated;
    const char *wrong;
    int skip = change->word != NULL;

    bytes_str(sql, "SELECT " COLUMNS " FROM delivery AS d JOIN event AS e"
                   " ON e.id = d.event_id WHERE ");
    if (ctl->argc <= skip)
        return "say which: an event by its number, delivery:17, uid:1001, or "
               "all";
    wrong = choice_add(sql, ctl->argv + skip, ctl->argc - skip, &all, &stated);
    if (all && !stated)
        add_states(sql, change->all);
    bytes_str(sql, " ORDER BY d.id");
    return wrong;
}

/* Shows the first of those that may be changed, and keeps them all. */
static bool
choose(struct ctl *ctl, const struct change *change, struct db_rows *rows,
    struct chosen *c)
{
    struct table *t =
        table_make("deliveries", heads, sizeof heads / sizeof *heads);

    c->one = calloc(db_rows_count(rows) + 1, sizeof *c->one);
    while (c->one && db_next(rows)) {
        if (!may_be(change, rows)) {
            refuse(ctl, rows);
            c->refused = true;
            continue;
        }
        if (c->n < SHOWN || out_is_json())
            table_add_row(t, rows);
        c->one[c->n++] = (struct one){ .id = db_uint(rows, ID),
            .event_id = db_uint(rows, EVENT),
            .state = state_of(rows) };
    }
    if (c->n > 0 || out_is_json())
        table_end(&t);
    else
        table_drop(&t);
    if (c->n > SHOWN)
        out_words("... and %zu more\n", c->n - SHOWN);
    return c->one != NULL;
}

/* --- doing ---------------------------------------------------------------- */

static void
add_change(struct bytes *sql, const struct change *change,
    const struct one *one, size_t n)
{
    uint64_t id[BATCH];

    for (size_t i = 0; i < n; i++)
        id[i] = one[i].id;
    bytes_str(sql, "UPDATE ");
    db_ids(sql, id, n);
    bytes_printf(sql,
        " AS k STRAIGHT_JOIN delivery AS d FORCE INDEX (PRIMARY)"
        " ON d.id = k.id SET %s, d.changed_utc = UTC_TIMESTAMP(3),"
        " d.reason = LEFT(CONCAT_WS('; before: ', '%s', d.reason), 255)"
        " WHERE TRUE",
        change->set, change->reason);
    /* As they were seen: what the service has begun since is left alone. */
    bytes_str(sql, " AND (");
    for (size_t i = 0; i < n; i++)
        bytes_printf(sql, "%sd.id = %" PRIu64 " AND d.state = '%s'",
            i ? " OR " : "", one[i].id, delivery_state_name(one[i].state));
    bytes_str(sql, ");");
}

static enum db_status
commit_batch(struct ctl *ctl, const struct change *change,
    const struct one *one, size_t n, uint64_t *changed)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    enum db_status status = db_exec(ctl->db, DB_BEGIN);

    add_change(&sql, change, one, n);
    bytes_str(&sql, "DO 0");
    if (status == DB_OK)
        status = db_run(ctl->db, &sql);
    *changed = status == DB_OK ? db_matched_first(ctl->db) : 0;
    bytes_clear(&sql);
    for (size_t i = 0; i < n; i++)
        ctl_note(&sql, ctl,
            &(struct act){ .event_id = one[i].event_id,
                .delivery_id = one[i].id,
                .was = delivery_state_name(one[i].state),
                .words = change->word });
    bytes_str(&sql, DB_COMMIT);
    /* Somebody was quicker with one of them: none is changed. */
    if (status == DB_OK && *changed == n)
        status = db_commit(ctl->db, &sql);
    bytes_free(&sql);
    if (status != DB_OK || *changed != n)
        db_rollback(ctl->db);
    return status;
}

/* One after the other, so that those can be told that are not as they were. */
static enum db_status
commit_each(struct ctl *ctl, const struct change *change, const struct one *one,
    size_t n, uint64_t *done)
{
    enum db_status status = DB_OK;
    uint64_t changed = 0;

    for (size_t i = 0; i < n && status == DB_OK; i++) {
        status = commit_batch(ctl, change, &one[i], 1, &changed);
        *done += changed;
        if (status == DB_OK && changed == 0)
            fprintf(stderr,
                "mbevctl: delivery %" PRIu64 " was changed meanwhile and is "
                "left alone\n",
                one[i].id);
    }
    return status;
}

static void
show_progress(size_t at, size_t n)
{
    if (n > BATCH && isatty(STDERR_FILENO))
        fprintf(stderr, "\r%zu of %zu%s", at, n, at < n ? "" : "\n");
}

static int
change_all(struct ctl *ctl, const struct change *change, const struct chosen *c)
{
    enum db_status status = DB_OK;
    uint64_t done = 0, changed = 0;
    size_t at = 0;

    while (at < c->n && status == DB_OK && !ctl_interrupted()) {
        size_t n = c->n - at < BATCH ? c->n - at : BATCH;

        status = commit_batch(ctl, change, c->one + at, n, &changed);
        if (status == DB_OK && changed == n)
            done += n;
        else if (status == DB_OK)
            status = commit_each(ctl, change, c->one + at, n, &done);
        at += n;
        show_progress(at, c->n);
    }
    ctl_ring(ctl, ORDERS_LOOK);
    out_uint("changed", done);
    out_words("%" PRIu64 " %s\n", done, change->done);
    if (status != DB_OK)
        return ctl_failed(ctl);
    if (at < c->n)
        fprintf(stderr,
            "mbevctl: interrupted; %zu are as they were: the same "
            "command goes on\n",
            c->n - at);
    return done == c->n && !c->refused ? EX_OK : EX_DATAERR;
}

/* --- the verbs ------------------------------------------------------------ */

static int
confirm(const struct ctl *ctl, const struct change *change, size_t n)
{
    char question[64];

    snprintf(question, sizeof question, "%s%s%s %zu", change->name,
        change->word ? " " : "", change->word ? change->word : "", n);
    return ctl_confirm(ctl, NULL, question);
}

/* The operator may have thought for longer than the server keeps a
 * connection. */
static int
ask_and_change(
    struct ctl *ctl, const struct change *change, const struct chosen *c)
{
    int code;

    if (c->n == 0) {
        if (!c->refused)
            fputs("mbevctl: there is nothing of that kind\n", stderr);
        return c->refused ? EX_DATAERR : EX_NOINPUT;
    }
    if (ctl->dry)
        return EX_OK;
    code = confirm(ctl, change, c->n);
    if (code != EX_OK)
        return code;
    return db_open(ctl->db) == DB_OK ? change_all(ctl, change, c)
                                     : ctl_failed(ctl);
}

int
ctl_change(struct ctl *ctl)
{
    const struct change *change = find_change(ctl->verb, ctl->argv[0]);
    struct bytes sql = bytes_make(LARGEST_SQL);
    struct chosen c = { 0 };
    struct db_rows *rows;
    const char *wrong = change ? build(ctl, change, &sql)
                               : "say sent or unsent, and then which";
    int code;

    if (wrong) {
        bytes_free(&sql);
        return ctl_complain(ctl, wrong);
    }
    if (ctl_ask(ctl, &sql, &rows) != DB_OK)
        return ctl_failed(ctl);
    code = choose(ctl, change, rows, &c) ? EX_OK : EX_OSERR;
    db_rows_close(&rows);
    if (code == EX_OK)
        code = ask_and_change(ctl, change, &c);
    free(c.one);
    return code;
}
