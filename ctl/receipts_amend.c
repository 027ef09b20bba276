/*
 * receipts_amend: what the operator does about receipts that came to a bad
 * end: have them made again, or close them.
 *
 * Promises: a receipt that komtet may still make fiscal, or has, is never made
 * again; a doubtful one only by its number. Each is changed in a transaction
 * of its own, which looks again at what it was judged by. A number is never
 * used twice: the running service decides the receipt anew and takes the next.
 */
#include "bytes.h"
#include "orders.h"
#include "receipts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum { LARGEST_SQL = 16 * 1024 };

/* Stages, and why a receipt in one is not made again, or not closed; NULL: it
 * may be. */
static const struct stage {
    const char *name;
    const char *no_retry;
    const char *no_close;
} stages[] = {
    { "new", "it is still to be sent", NULL },
    { "accepted", "komtet has it, a second receipt would be made", NULL },
    { "done", "it is fiscal, a second receipt would be made", "it is fiscal" },
    { "failed", NULL, NULL },
    { "refused", NULL, NULL },
    { "doubtful", NULL, NULL },
    { "burnt", "another number was taken for it",
        "another number was taken for it" },
    { "replaced", "it was made again already", "it was made again already" },
    { "closed", "the operator has closed it", "it is closed already" },
};

/* What is done about a receipt: statements, each ended by a semicolon, behind
 * which stands its id. */
struct change {
    bool again; /* else: closed */
    const char *question;
    const char *done;
    const char *sql[2]; /* "" = none */
};

static const struct change retry = {
    .again = true,
    .question = "make again, under another number",
    .done = "the service makes it again, under the next number",
    .sql = { "UPDATE receipt AS r JOIN delivery AS d"
             " ON d.event_id = r.event_id AND d.action = 'receipt'"
             " AND d.receiver = 0"
             " SET r.stage = 'replaced', r.ended_utc = UTC_TIMESTAMP(3),"
             " d.state = 'ready', d.lane = 'decide', d.payload = NULL,"
             " d.log_id = NULL, d.ask = FALSE, d.due_utc = UTC_TIMESTAMP(3),"
             " d.expires_utc = NULL, d.provider = NULL, d.provider_id = NULL,"
             " d.error_class = NULL, d.error_code = NULL,"
             " d.changed_utc = UTC_TIMESTAMP(3),"
             " d.reason = 'made again, by the operator' WHERE r.id = ",
        "" },
};

static const struct change close_it = {
    .again = false,
    .question = "close, never to be sent again",
    .done = "it is closed and never sent again",
    .sql = { "UPDATE receipt SET stage = 'closed', look_utc = NULL,"
             " ended_utc = UTC_TIMESTAMP(3) WHERE id = ",
        "UPDATE receipt AS r JOIN delivery AS d ON d.event_id = r.event_id"
        " AND d.action = 'receipt' AND d.receiver = 0"
        " AND d.log_id = r.log_id"
        " AND d.state IN ('ready', 'retry', 'dead', 'doubtful', 'held')"
        " SET d.state = 'cancelled', d.changed_utc = UTC_TIMESTAMP(3),"
        " d.reason = 'closed by the operator' WHERE r.id = " },
};

/* Receipts that may be changed. */
struct chosen {
    uint64_t *id; /* owned */
    size_t n;
    bool doubtful; /* one of them */
    bool refused;  /* there were others, which may not */
};

/* --- whether it may be ---------------------------------------------------- */

enum {
    NUMBER,
    EVENT,
    UID,
    KIND,
    SUM,
    STAGE,
    ERROR,
    ID,
    NAME,
    STATE,
    LATEST,
    SAME
};

static const char *const heads[] = { "number", "event", "uid", "kind", "$sum",
    "stage", "error" };

#define COLUMNS                                                                \
    "r.number, r.event_id, r.uid, " RECEIPT_KIND ", r.kopecks, " RECEIPT_STAGE \
    ", r.error, r.id, r.stage, COALESCE(d.state, 'missing'),"                  \
    " NOT EXISTS (SELECT 1 FROM receipt AS n WHERE n.event_id = r.event_id"    \
    " AND n.id > r.id),"                                                       \
    " (SELECT COUNT(*) FROM receipt AS s WHERE s.number = r.number)"

static const struct stage *
stage_of(const struct db_rows *row)
{
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++)
        if (strcmp(stages[i].name, db_col(row, NAME)) == 0)
            return &stages[i];
    return NULL;
}

/* Its delivery has come to its end, so that no call of it is under way. */
static bool
has_ended(const struct db_rows *row)
{
    const char *state = db_col(row, STATE);

    return strcmp(state, "dead") == 0 || strcmp(state, "doubtful") == 0;
}

/* Why not; NULL: it may be. */
static const char *
why_not(const struct change *change, const struct db_rows *row)
{
    const struct stage *stage = stage_of(row);
    const char *why = "its stage is not known";

    if (stage)
        why = change->again ? stage->no_retry : stage->no_close;
    if (!why && strcmp(db_col(row, STATE), "calling") == 0)
        why = "it is being sent just now";
    if (why || !change->again)
        return why;
    if (db_uint(row, LATEST) == 0)
        return "another number was taken for it";
    return has_ended(row) ? NULL
                          : "its delivery is not at its end: see "
                            "mbevctl show";
}

static void
refuse(const struct change *change, const struct db_rows *row, const char *why)
{
    fputs("mbevctl: receipt ", stderr);
    text_print(stderr, db_col(row, NUMBER));
    fprintf(stderr, " is not %s: %s\n", change->again ? "made again" : "closed",
        why);
}

/* --- choosing ------------------------------------------------------------- */

/* The newest of a number; or all that may be made again without a doubt. */
static enum db_status
find(struct ctl *ctl, const char *number, struct db_rows **rows)
{
    struct bytes sql = bytes_make(LARGEST_SQL);

    bytes_str(&sql, "SELECT " COLUMNS RECEIPT_FROM " WHERE ");
    if (number) {
        bytes_str(&sql, "r.number = CONVERT(");
        db_text(&sql, number);
        bytes_str(&sql, " USING ascii) ORDER BY r.id DESC LIMIT 1");
    } else {
        bytes_str(&sql, "r.stage IN ('failed', 'refused') ORDER BY r.id");
    }
    return ctl_ask(ctl, &sql, rows);
}

static void
take(struct chosen *c, const struct db_rows *row)
{
    if (db_uint(row, SAME) > 1)
        fprintf(stderr,
            "mbevctl: %" PRIu64 " receipts have this number; this is the "
            "newest\n",
            db_uint(row, SAME));
    c->id[c->n++] = db_uint(row, ID);
    c->doubtful |= strcmp(db_col(row, NAME), "doubtful") == 0;
}

/* Shows those that may be changed and keeps their ids; of the others says why
 * not. False when out of memory. */
static bool
choose(const struct change *change, struct db_rows *rows, struct chosen *c)
{
    struct table *t = NULL;

    c->id = calloc(db_rows_count(rows) + 1, sizeof *c->id);
    while (c->id && db_next(rows)) {
        const char *why = why_not(change, rows);

        if (why) {
            refuse(change, rows, why);
            c->refused = true;
            continue;
        }
        take(c, rows);
        if (!t)
            t = table_make("receipts", heads, sizeof heads / sizeof *heads);
        table_add_row(t, rows);
    }
    table_end(&t);
    return c->id != NULL;
}

/* --- doing ---------------------------------------------------------------- */

static enum db_status
lock(struct ctl *ctl, uint64_t id, struct db_rows **row)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    enum db_status status = db_exec(ctl->db, DB_BEGIN);

    *row = NULL;
    bytes_printf(&sql,
        "SELECT " COLUMNS RECEIPT_FROM " WHERE r.id = %" PRIu64 " FOR UPDATE",
        id);
    if (status == DB_OK)
        status = db_query(ctl->db, &sql, row);
    bytes_free(&sql);
    return status;
}

static enum db_status
change_and_commit(struct ctl *ctl, const struct change *change, uint64_t id,
    const struct db_rows *row)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    char words[160];
    enum db_status status;

    snprintf(words, sizeof words, "%s %s", change->again ? "retry" : "close",
        db_col(row, NUMBER));
    for (size_t i = 0; i < 2; i++)
        if (*change->sql[i])
            bytes_printf(&sql, "%s%" PRIu64 ";", change->sql[i], id);
    ctl_note(&sql, ctl,
        &(struct act){ .event_id = db_uint(row, EVENT), .words = words });
    bytes_str(&sql, DB_COMMIT);
    status = db_run(ctl->db, &sql);
    bytes_free(&sql);
    return status;
}

static void
tell(const struct change *change, const struct db_rows *row)
{
    out_words("receipt ");
    if (!out_is_json())
        text_print(stdout, db_col(row, NUMBER));
    out_words(": %s; see mbevctl show %s\n", change->done, db_col(row, EVENT));
    out_more("changed", db_col(row, NUMBER), db_len(row, NUMBER));
}

/* Somebody may have changed it since it was chosen. */
static int
amend_locked(struct ctl *ctl, const struct change *change, uint64_t id,
    struct db_rows *row)
{
    const char *why;

    if (!db_next(row))
        return EX_NOINPUT;
    why = why_not(change, row);
    if (why) {
        refuse(change, row, why);
        return EX_DATAERR;
    }
    if (change_and_commit(ctl, change, id, row) != DB_OK)
        return ctl_failed(ctl);
    tell(change, row);
    return EX_OK;
}

static int
amend(struct ctl *ctl, const struct change *change, uint64_t id)
{
    struct db_rows *row;
    int code;

    if (lock(ctl, id, &row) == DB_OK)
        code = amend_locked(ctl, change, id, row);
    else
        code = ctl_failed(ctl);
    if (code != EX_OK)
        db_rollback(ctl->db);
    db_rows_close(&row);
    return code;
}

/* The operator may have thought for longer than the server keeps a
 * connection. */
static int
amend_all(struct ctl *ctl, const struct change *change, const struct chosen *c)
{
    int code = c->refused ? EX_DATAERR : EX_OK;

    if (ctl->dry)
        return code;
    if (db_open(ctl->db) != DB_OK)
        return ctl_failed(ctl);
    for (size_t i = 0; i < c->n && code != EX_UNAVAILABLE; i++) {
        int one = amend(ctl, change, c->id[i]);

        if (one != EX_OK)
            code = one;
    }
    ctl_ring(ctl, ORDERS_LOOK, NULL);
    return code;
}

/* What there is to be changed, and whether it is to be. */
static int
prepare(struct ctl *ctl, const struct change *change, const char *number,
    struct chosen *c)
{
    struct db_rows *rows;
    bool good;

    if (find(ctl, number, &rows) != DB_OK)
        return ctl_failed(ctl);
    good = choose(change, rows, c);
    db_rows_close(&rows);
    if (!good)
        return EX_OSERR;
    if (c->n > 0)
        return ctl_confirm(ctl,
            c->doubtful && change->again
                ? "komtet may have it: look for it in the cabinet first, or a "
                  "second receipt is made"
                : NULL,
            change->question);
    if (c->refused)
        return EX_DATAERR;
    if (!number)
        out_words("nothing is to be made again\n");
    else
        fputs("mbevctl: there is no receipt of that number\n", stderr);
    return number ? EX_NOINPUT : EX_OK;
}

static int
run(struct ctl *ctl, const struct change *change, const char *number)
{
    struct chosen c = { 0 };
    int code = prepare(ctl, change, number, &c);

    if (code == EX_OK && c.n > 0)
        code = amend_all(ctl, change, &c);
    free(c.id);
    return code;
}

int
receipts_retry(struct ctl *ctl, const char *word)
{
    return run(ctl, &retry, strcmp(word, "all") == 0 ? NULL : word);
}

int
receipts_close(struct ctl *ctl, const char *word)
{
    return run(ctl, &close_it, word);
}
