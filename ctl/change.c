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

enum { BATCH = 100, SHOWN = 20, TRIES = 3, LARGEST_SQL = 256 * 1024 };

#define BIT(state) (1u << DELIVERY_##state)

/* As it was, with an hour at least; in a lane of messages it may have no way
 * left. */
#define AGAIN                                                                  \
    "d.state = 'ready',"                                                       \
    " d.expires_utc = IF(d.expires_utc < UTC_TIMESTAMP(3) + INTERVAL 1 HOUR,"  \
    " UTC_TIMESTAMP(3) + INTERVAL 1 HOUR, d.expires_utc),"                     \
    " d.plan_utc = IF(d.plan_utc < UTC_TIMESTAMP(3), NULL, d.plan_utc),"       \
    " d.route = IF(COALESCE(d.route, '') = '', CASE d.lane"                    \
    " WHEN 'smspilot' THEN 'smspilot'"                                         \
    " WHEN 'smsc' THEN IF(d.action = 'social', 'social', 'smsc') END,"         \
    " d.route)"

/* What a provider is to be asked about needs its pause: asked too early, it
 * may not know yet what it has. */
#define DUE_NOW                                                                \
    "d.due_utc = IF(d.ask AND d.lane = 'smsc', d.due_utc, UTC_TIMESTAMP(3))"

static const struct change {
    const char *name;
    const char *word;  /* behind the name; NULL = none */
    unsigned from;     /* states it may be in */
    unsigned usual;    /* those that are meant when none is named */
    unsigned receipts; /* those of a receipt that has a number */
    bool ended;        /* nothing of its attempts is open: they count no more */
    const char *set;   /* assignments to d */
    const char *reason; /* why it is in its state then */
    const char *done;   /* what was done, behind a number */
} changes[] = {
    { "retry", NULL,
        BIT(DEAD) | BIT(EXPIRED) | BIT(RETRY) | BIT(READY) | BIT(CANCELLED) |
            BIT(DRY),
        BIT(DEAD) | BIT(EXPIRED), BIT(RETRY) | BIT(READY) | BIT(DRY), true,
        AGAIN ", " DUE_NOW, "tried again by the operator", "are tried again" },
    { "drop", NULL,
        BIT(READY) | BIT(RETRY) | BIT(HELD) | BIT(DOUBTFUL) | BIT(DEAD) |
            BIT(EXPIRED),
        BIT(READY) | BIT(RETRY) | BIT(HELD), 0, false, "d.state = 'cancelled'",
        "dropped by the operator", "are dropped" },
    { "hold", NULL, BIT(READY) | BIT(RETRY), BIT(READY) | BIT(RETRY),
        BIT(READY) | BIT(RETRY), false, "d.state = 'held'",
        "held by the operator", "are held" },
    { "release", NULL, BIT(HELD), BIT(HELD), BIT(HELD), false,
        "d.state = 'ready', " DUE_NOW, "released by the operator",
        "are released" },
    { "resolve", "sent", BIT(DOUBTFUL) | BIT(CANCELLED), BIT(DOUBTFUL), 0,
        false, "d.state = 'done'", "it was sent, says the operator",
        "are done" },
    { "resolve", "unsent", BIT(DOUBTFUL) | BIT(CANCELLED), BIT(DOUBTFUL), 0,
        true, AGAIN ", d.due_utc = UTC_TIMESTAMP(3), d.ask = FALSE",
        "it was not sent, says the operator", "are sent again" },
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
    uint64_t id, event_id, log_id;
    enum delivery_state state;
    enum lane_id lane;
    bool ask;
};

struct chosen {
    struct one *one; /* owned */
    size_t n;
    bool refused; /* there were others, which may not */
};

/* --- choosing ------------------------------------------------------------- */

enum {
    EVENT,
    ID,
    UID,
    KIND,
    ACTION,
    STATE,
    ADDRESS,
    REASON,
    LANE,
    ASK,
    LOG_ID,
    UNKNOWN,
    RECEIVER
};

static const char *const heads[] = { "event", "delivery", "uid", "kind",
    "action", "state", "to", "reason" };

#define COLUMNS                                                                \
    "d.event_id, d.id, e.uid, e.kind, d.action, d.state, d.address, d.reason," \
    " d.lane, d.ask, COALESCE(d.log_id, 0), COALESCE(d.error_class, '') ="     \
    " 'unknown', d.receiver"

static enum delivery_state
state_of(const struct db_rows *row)
{
    return delivery_state_of(db_col(row, STATE));
}

/* One that has a number. */
static bool
is_receipt(const struct db_rows *row)
{
    return strcmp(db_col(row, ACTION), "receipt") == 0 &&
           delivery_lane_of(db_col(row, LANE)) != LANE_DECIDE;
}

/* It was doubtful when it was dropped, and is so still. */
static bool
is_doubtful(const struct db_rows *row)
{
    return state_of(row) == DELIVERY_DOUBTFUL ||
           (state_of(row) == DELIVERY_CANCELLED && db_uint(row, UNKNOWN));
}

/* All receivers of a dry run are decided anew with the first. */
static bool
is_with_another(const struct db_rows *row)
{
    return state_of(row) == DELIVERY_DRY && db_uint(row, RECEIVER) > 0;
}

static bool
may_be(const struct change *change, const struct db_rows *row)
{
    unsigned from = is_receipt(row) ? change->receipts : change->from;

    if (is_with_another(row))
        return false;
    if (!(from & (1u << state_of(row))))
        return false;
    return state_of(row) != DELIVERY_CANCELLED ||
           is_doubtful(row) == (change->word != NULL);
}

static void
refuse(const struct ctl *ctl, const struct db_rows *row, struct bytes *words)
{
    bytes_printf(words, "mbevctl: delivery %s is %s: %s does not touch it%s\n",
        db_col(row, ID), db_col(row, STATE), ctl->verb,
        is_with_another(row) ? "; retry the event, which has several receivers"
        : is_receipt(row)    ? "; it is a receipt: see mbevctl help receipts"
        : is_doubtful(row) ? "; nobody knows whether it was sent: see mbevctl "
                             "help resolve"
                           : "");
}

static void
add_states(struct bytes *sql, unsigned states)
{
    const char *before = " AND d.state IN (";

    for (enum delivery_state s = 0; s < DELIVERY_STATES; s++) {
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
    bool many, stated;
    const char *wrong;
    int skip = change->word != NULL;

    bytes_str(sql, "SELECT " COLUMNS " FROM delivery AS d JOIN event AS e"
                   " ON e.id = d.event_id WHERE ");
    if (ctl->argc <= skip)
        return "say which: an event by its number, delivery:17, uid:1001, or "
               "all";
    wrong = choice_add(sql, ctl->argv + skip, ctl->argc - skip, &many, &stated);
    if (many && !stated)
        add_states(sql, change->usual);
    bytes_str(sql, " ORDER BY d.id");
    return wrong;
}

static struct one
read_one(const struct db_rows *row)
{
    return (struct one){ .id = db_uint(row, ID),
        .event_id = db_uint(row, EVENT),
        .log_id = db_uint(row, LOG_ID),
        .state = state_of(row),
        .lane = delivery_lane_of(db_col(row, LANE)),
        .ask = db_uint(row, ASK) != 0 };
}

/* Shows the first of those that may be changed, and keeps them all. Why others
 * may not is of interest when there is none that may. */
static bool
choose(struct ctl *ctl, const struct change *change, struct db_rows *rows,
    struct chosen *c)
{
    struct bytes refusals = bytes_make(LARGEST_SQL);
    struct table *t =
        table_make("deliveries", heads, sizeof heads / sizeof *heads);

    c->one = calloc(db_rows_count(rows) + 1, sizeof *c->one);
    while (c->one && db_next(rows)) {
        if (!may_be(change, rows)) {
            refuse(ctl, rows, &refusals);
            continue;
        }
        if (c->n < SHOWN || out_is_json())
            table_add_row(t, rows);
        c->one[c->n++] = read_one(rows);
    }
    if (c->n > 0 || out_is_json())
        table_end(&t);
    else
        table_drop(&t);
    c->refused = c->n == 0 && refusals.n > 0;
    if (c->refused)
        fputs(bytes_text(&refusals), stderr);
    bytes_free(&refusals);
    if (c->n > SHOWN)
        out_words("... and %zu more\n", c->n - SHOWN);
    return c->one != NULL;
}

/* --- doing ---------------------------------------------------------------- */

/* UPDATE of those rows, with these assignments; only as they were seen: what
 * the service has begun or decided since is left alone. */
static void
add_update(struct bytes *sql, const struct one *one, size_t n, const char *set)
{
    uint64_t id[BATCH];

    for (size_t i = 0; i < n; i++)
        id[i] = one[i].id;
    bytes_str(sql, "UPDATE ");
    db_ids(sql, id, n);
    bytes_printf(sql,
        " AS k STRAIGHT_JOIN delivery AS d FORCE INDEX (PRIMARY)"
        " ON d.id = k.id SET %s WHERE (",
        set);
    for (size_t i = 0; i < n; i++)
        bytes_printf(sql,
            "%sd.id = %" PRIu64 " AND d.state = '%s' AND d.lane = '%s'"
            " AND d.ask = %d AND COALESCE(d.log_id, 0) = %" PRIu64,
            i ? " OR " : "", one[i].id, delivery_state_name(one[i].state),
            delivery_lane_name(one[i].lane), one[i].ask, one[i].log_id);
    bytes_str(sql, ")");
}

static void
add_change(struct bytes *sql, const struct change *change,
    const struct one *one, size_t n)
{
    struct bytes set = bytes_make(8192);

    /* An attempt that ended is none that a holder of before may have lost. */
    if (change->ended) {
        add_update(sql, one, n, "d.epoch = (SELECT MAX(epoch) FROM owner)");
        bytes_str(sql, " AND d.state NOT IN ('ready', 'retry');");
    }
    bytes_printf(&set,
        "%s, d.changed_utc = UTC_TIMESTAMP(3),"
        " d.reason = LEFT(CONCAT_WS('; before: ', '%s', d.reason), 255)",
        change->set, change->reason);
    add_update(sql, one, n, bytes_text(&set));
    bytes_free(&set);
}

/* What a dry run has left is decided anew, and done. */
static void
add_anew(struct bytes *sql, const struct one *one, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (one[i].state == DELIVERY_DRY)
            bytes_printf(sql,
                "UPDATE delivery SET dry = FALSE, lane = 'decide',"
                " route = NULL, notice = NULL, plan_utc = NULL, address = NULL,"
                " payload = NULL WHERE id = %" PRIu64 " AND state = 'ready';",
                one[i].id);
}

static enum db_status
commit_batch(struct ctl *ctl, const struct change *change,
    const struct one *one, size_t n, uint64_t *changed)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    enum db_status status = db_exec(ctl->db, DB_BEGIN);

    add_change(&sql, change, one, n);
    if (status == DB_OK)
        status = db_run(ctl->db, &sql);
    *changed = status == DB_OK ? db_matched(ctl->db) : 0;
    bytes_clear(&sql);
    add_anew(&sql, one, n);
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

/* The service may be in a deadlock with us, which passes. */
static enum db_status
try_batch(struct ctl *ctl, const struct change *change, const struct one *one,
    size_t n, uint64_t *changed)
{
    enum db_status status = commit_batch(ctl, change, one, n, changed);

    for (int i = 0; i < TRIES && status == DB_BUSY; i++)
        status = commit_batch(ctl, change, one, n, changed);
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
        status = try_batch(ctl, change, &one[i], 1, &changed);
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

        status = try_batch(ctl, change, c->one + at, n, &changed);
        if (status == DB_OK && changed == n)
            done += n;
        else if (status == DB_OK)
            status = commit_each(ctl, change, c->one + at, n, &done);
        if (status == DB_OK)
            at += n;
        show_progress(at, c->n);
    }
    ctl_ring(ctl, ORDERS_LOOK, NULL);
    out_uint("changed", done);
    out_words("%" PRIu64 " %s\n", done, change->done);
    if (at < c->n)
        fprintf(stderr,
            "mbevctl: not finished; %zu are as they were: the same command "
            "goes on\n",
            c->n - at);
    if (status != DB_OK)
        return ctl_failed(ctl);
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
