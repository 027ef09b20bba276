/*
 * mbevctl compare: what was decided in a dry run, beside what another program
 * has really done.
 *
 * One of ours and one of theirs belong together when they are the same work for
 * the same subscriber at the same time: first those that are equal, then those
 * with the same receiver or the same text. What our service did itself, while
 * it was no dry run, takes its own rows away before.
 */
#include "bytes.h"
#include "ctl.h"
#include "delivery.h"
#include "dry.h"
#include "money.h"
#include "period.h"
#include "rules/notice.h"
#include "theirs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum {
    LARGEST_SQL = 64 * 1024,
    LARGEST_CELL = 8192,
    EARLY_S = 2, /* their rows have whole seconds only */
    LATE_S = 60, /* and come while the payment is booked */
};

enum verdict_of {
    SAME,
    DIFFERS,
    ONLY_WE,
    ONLY_THEY,
    NO_TRACE,
    UNDECIDED,
    NEITHER,
    VERDICTS
};

static const char *const verdicts[VERDICTS] = { "same", "differs", "only we",
    "only they", "no trace", "undecided", "neither" };

static const struct {
    const char *name; /* in delivery.action */
    enum work work;
} actions[] = {
    { "sms", WORK_MESSAGE },
    { "social", WORK_MESSAGE },
    { "receipt", WORK_RECEIPT },
    { "bonus_topup", WORK_TOPUP },
    { "bonus_loyalty", WORK_LOYALTY },
    { "discount_remove", WORK_DISCOUNT },
    { "session_reset", WORK_RESET },
};
enum { ACTIONS_N = sizeof actions / sizeof *actions };

static const char *const work_names[WORKS] = { "message", "receipt",
    "bonus_topup", "bonus_loyalty", "discount_remove", "session_reset" };

/* A delivery of ours. Texts belong to the rows. */
struct ours {
    uint64_t id, event_id, uid;
    size_t action; /* in actions */
    enum delivery_state state;
    bool dry;
    enum notice_kind notice;
    int64_t at_s;
    const char *at, *to, *text, *reason;
    struct trace *theirs; /* that belongs to it; NULL = none */
    enum verdict_of verdict;
};

struct comparison {
    struct ctl *ctl;
    struct period period;
    bool all;
    struct db_rows *rows;
    struct ours *ours; /* owned */
    size_t n;
    struct theirs theirs;
    struct table *table;
    uint64_t count[ACTIONS_N + 1][VERDICTS]; /* the last: of no action */
};

/* --- words ---------------------------------------------------------------- */

/* NULL, or what is wrong. */
static const char *
read_words(struct comparison *c, const struct ctl *ctl)
{
    char words[128];

    for (int i = 0; i < ctl->argc; i++) {
        bool from = strcmp(ctl->argv[i], "--from") == 0;
        size_t n;

        if (strcmp(ctl->argv[i], "--all") == 0) {
            c->all = true;
            continue;
        }
        n = period_join(ctl, i + 1, words, sizeof words);
        if ((!from && strcmp(ctl->argv[i], "--to") != 0) || n > 2 ||
            !(from ? period_read_from(&c->period, words)
                   : period_read_to(&c->period, words)))
            return "compare does not understand its words";
        i += (int)n;
    }
    if (c->period.from[0] && c->period.to[0] &&
        strcmp(c->period.from, c->period.to) > 0)
        return "--from lies behind --to";
    return NULL;
}

/* What was not said: the last 24 hours. */
static enum db_status
fill_period(struct comparison *c)
{
    struct db_rows *rows;
    enum db_status status = db_ask(c->ctl->db,
        "SELECT DATE_FORMAT(NOW() - INTERVAL 1 DAY, '%Y-%m-%d %H:%i:%s'),"
        " DATE_FORMAT(NOW(), '%Y-%m-%d %H:%i:%s')",
        &rows);

    if (status != DB_OK)
        return status;
    if (db_next(rows) && !c->period.from[0])
        snprintf(c->period.from, PERIOD_TIME, "%.19s", db_col(rows, 0));
    if (!c->period.to[0])
        snprintf(c->period.to, PERIOD_TIME, "%.19s", db_col(rows, 1));
    db_rows_close(&rows);
    return DB_OK;
}

/* --- ours ------------------------------------------------------------------
 */

static void
add_query(struct bytes *sql, const struct period *p)
{
#define UTC(at) "CONVERT_TZ('%s', @@session.time_zone, '+00:00')"
    bytes_printf(sql,
        "SELECT d.id, e.id, e.uid, d.action, d.state, d.dry, d.notice,"
        " TIMESTAMPDIFF(SECOND, '1970-01-01', e.captured_utc),"
        " CONVERT_TZ(e.captured_utc, '+00:00', @@session.time_zone),"
        " COALESCE(d.address, ''), COALESCE(d.payload, ''),"
        " COALESCE(d.reason, '') FROM event AS e"
        " JOIN delivery AS d ON d.event_id = e.id"
        " WHERE e.captured_utc >= " UTC(
            "from") " AND e.captured_utc <"
                    " " UTC("to") " + INTERVAL 1 SECOND"
                                  " ORDER BY e.id, d.id",
        p->from, p->to);
#undef UTC
}

static bool
find_action(const char *name, size_t *action)
{
    for (*action = 0; *action < ACTIONS_N; ++*action)
        if (strcmp(actions[*action].name, name) == 0)
            return true;
    return false;
}

static void
take_ours(struct comparison *c, const struct db_rows *rows)
{
    struct ours *o = &c->ours[c->n];

    if (!find_action(db_col(rows, 3), &o->action))
        return;
    o->id = db_uint(rows, 0);
    o->event_id = db_uint(rows, 1);
    o->uid = db_uint(rows, 2);
    o->state = delivery_state_of(db_col(rows, 4));
    o->dry = db_uint(rows, 5) != 0;
    o->notice = db_col(rows, 6) ? settings_notice_of(db_col(rows, 6)) : NOTICES;
    o->at_s = (int64_t)db_uint(rows, 7);
    o->at = db_col(rows, 8) ? db_col(rows, 8) : "";
    o->to = db_col(rows, 9);
    o->text = db_col(rows, 10);
    o->reason = db_col(rows, 11);
    c->n++;
}

static enum db_status
load_ours(struct comparison *c)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    enum db_status status;

    add_query(&sql, &c->period);
    status = ctl_ask(c->ctl, &sql, &c->rows);
    if (status != DB_OK)
        return status;
    c->ours = calloc(db_rows_count(c->rows) + 1, sizeof *c->ours);
    while (c->ours && db_next(c->rows))
        take_ours(c, c->rows);
    return c->ours ? DB_OK : DB_REFUSED;
}

/* Their traces are looked for where one of ours was in a dry run. */
static enum db_status
load_theirs(struct comparison *c)
{
    bool wanted[WORKS] = { false };

    for (size_t i = 0; i < c->n; i++)
        wanted[actions[c->ours[i].action].work] |= c->ours[i].dry;
    for (size_t i = 0; i < ACTIONS_N; i++)
        wanted[actions[i].work] |= dry_holds(c->ctl->set, actions[i].name);
    return theirs_load(&c->theirs, c->ctl, &c->period, wanted);
}

/* --- what belongs together -------------------------------------------------
 */

/* Apart: another subscriber's, other work, or of another time. */
enum likeness { APART, NEAR, ALIKE, EQUAL };

static bool
same_text(const struct comparison *c, const struct ours *o, const char *text)
{
    if (o->notice == NOTICES)
        return strcmp(o->text, text) == 0;
    return notice_same_text(c->ctl->set, o->notice, o->text, text, LOGGED_TEXT);
}

/* Who is told, as far as the column holds it. */
static bool
same_phone(const char *ours, const char *theirs)
{
    return strncmp(ours, theirs, LOGGED_PHONE) == 0;
}

static enum likeness
compare_messages(
    const struct comparison *c, const struct ours *o, const struct trace *t)
{
    bool to = same_phone(o->to, t->to), text = same_text(c, o, t->text);

    if (to && text)
        return EQUAL;
    return to || text ? ALIKE : NEAR;
}

/* How many discounts, or how much money. */
static int64_t
amount_of(const struct ours *o)
{
    int64_t kopecks = 0;

    if (actions[o->action].work == WORK_DISCOUNT)
        return strtoll(o->reason, NULL, 10);
    return decimal_parse(o->text, 2, &kopecks) ? kopecks : 0;
}

static enum likeness
compare_one(
    const struct comparison *c, const struct ours *o, const struct trace *t)
{
    if (t->taken || t->work != actions[o->action].work || t->uid != o->uid ||
        t->at_s < o->at_s - EARLY_S || t->at_s > o->at_s + LATE_S)
        return APART;
    if (t->work == WORK_MESSAGE)
        return compare_messages(c, o, t);
    if (t->work == WORK_RECEIPT)
        return strcmp(o->to, t->to) == 0 ? EQUAL : ALIKE;
    return amount_of(o) == t->amount ? EQUAL : ALIKE;
}

/* We did it, or would have. */
static bool
does(const struct ours *o)
{
    return o->dry ? o->state == DELIVERY_DRY &&
                        strncmp(o->reason, DRY_ASKS, strlen(DRY_ASKS)) != 0
                  : o->state != DELIVERY_SKIPPED;
}

/* The first of theirs that is alike enough and that nobody has. */
static struct trace *
find_trace(
    const struct comparison *c, const struct ours *o, enum likeness least)
{
    for (size_t i = 0; i < c->theirs.n; i++)
        if (compare_one(c, o, &c->theirs.trace[i]) >= least)
            return &c->theirs.trace[i];
    return NULL;
}

static void
match_one(struct comparison *c, struct ours *o, enum likeness least)
{
    struct trace *t = o->theirs ? NULL : find_trace(c, o, least);

    if (!t)
        return;
    o->theirs = t;
    t->taken = true;
    o->verdict = least == EQUAL ? SAME : DIFFERS;
}

/* Those of ours that were, or were not, a dry run, and that do something, or
 * do not. */
static void
match(struct comparison *c, bool dry, bool doing, enum likeness least)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->ours[i].dry == dry && does(&c->ours[i]) == doing)
            match_one(c, &c->ours[i], least);
}

static enum verdict_of
judge(const struct ours *o)
{
    if (o->state == DELIVERY_READY || o->state == DELIVERY_RETRY)
        return UNDECIDED;
    if (!does(o))
        return o->theirs ? ONLY_THEY : NEITHER;
    if (actions[o->action].work == WORK_RESET)
        return NO_TRACE;
    return o->theirs ? o->verdict : ONLY_WE;
}

/* --- telling ---------------------------------------------------------------
 */

static void
add_note(struct comparison *c, const char *name, const char *to,
    const char *text, const char *failed)
{
    struct bytes line = bytes_make(LARGEST_CELL);

    bytes_printf(&line, "%s%s%s", to, *to && *text ? ": " : "", text);
    if (*failed)
        bytes_printf(&line, " (not sent: %s)", failed);
    if (line.n > 0)
        table_note(c->table, name, bytes_text(&line), line.n);
    bytes_free(&line);
}

/* A receipt's request, or an order to routers, is for mbevctl show. */
static const char *
shown_text(const struct ours *o)
{
    enum work work = actions[o->action].work;

    return work == WORK_RECEIPT || work == WORK_RESET ? "" : o->text;
}

static void
add_row(struct comparison *c, uint64_t event_id, const char *at, uint64_t uid,
    const char *action, enum verdict_of verdict, const char *reason)
{
    if (event_id)
        table_add_uint(c->table, event_id);
    else
        table_add(c->table, NULL, 0);
    table_add(c->table, at, strlen(at));
    table_add_uint(c->table, uid);
    table_add_text(c->table, action);
    table_add_text(c->table, verdicts[verdict]);
    table_add(c->table, *reason ? reason : NULL, strlen(reason));
}

static bool
is_shown(const struct comparison *c, enum verdict_of verdict)
{
    return c->all || verdict == DIFFERS || verdict == ONLY_WE ||
           verdict == ONLY_THEY;
}

static void
tell_ours(struct comparison *c, const struct ours *o)
{
    enum verdict_of verdict = judge(o);

    c->count[o->action][verdict]++;
    if (!is_shown(c, verdict))
        return;
    add_row(c, o->event_id, o->at, o->uid, actions[o->action].name, verdict,
        o->reason);
    add_note(c, "ours", o->to, shown_text(o), "");
    if (o->theirs)
        add_note(
            c, "theirs", o->theirs->to, o->theirs->text, o->theirs->failed);
}

/* For no event that we know of; one of before belongs to one of before. */
static void
tell_theirs(struct comparison *c, const struct trace *t)
{
    if (strncmp(t->at, c->period.from, 19) < 0 ||
        strncmp(t->at, c->period.to, 19) > 0)
        return;
    c->count[ACTIONS_N][ONLY_THEY]++;
    add_row(c, 0, t->at, t->uid, work_names[t->work], ONLY_THEY,
        "for no captured event that is alike");
    add_note(c, "theirs", t->to, t->text, t->failed);
}

static void
print_rows(struct comparison *c)
{
    static const char *const heads[] = { ">event", "at", ">uid", "action",
        "verdict", "ours says" };

    c->table = table_make("differences", heads, sizeof heads / sizeof *heads);
    for (size_t i = 0; i < c->n; i++)
        if (c->ours[i].dry)
            tell_ours(c, &c->ours[i]);
    for (size_t i = 0; i < c->theirs.n; i++)
        if (!c->theirs.trace[i].taken)
            tell_theirs(c, &c->theirs.trace[i]);
    table_end(&c->table);
}

/* Counts by action; true when something differs. */
static bool
print_counts(struct comparison *c)
{
    static const char *const heads[] = { "action", ">same", ">differs",
        ">only we", ">only they", ">no trace", ">undecided", ">neither" };
    struct table *t = table_make("counts", heads, sizeof heads / sizeof *heads);
    bool differs = false;

    for (size_t i = 0; i <= ACTIONS_N; i++) {
        uint64_t sum = 0;

        for (size_t v = 0; v < VERDICTS; v++)
            sum += c->count[i][v];
        if (sum == 0)
            continue;
        table_add_text(t, i < ACTIONS_N ? actions[i].name : "no event");
        for (size_t v = 0; v < VERDICTS; v++)
            table_add_uint(t, c->count[i][v]);
        differs |= c->count[i][DIFFERS] || c->count[i][ONLY_WE] ||
                   c->count[i][ONLY_THEY];
    }
    table_end(&t);
    return differs;
}

static int
print(struct comparison *c)
{
    out_text("from", c->period.from);
    out_text("to", c->period.to);
    out_words("from %s to %s\n\n", c->period.from, c->period.to);
    if (c->n == 0 && c->theirs.n == 0)
        out_words("nothing was captured in that time\n");
    print_rows(c);
    out_words("\n");
    return print_counts(c) ? EXIT_FAILURE : EX_OK;
}

int
ctl_compare(struct ctl *ctl)
{
    struct comparison c = { .ctl = ctl };
    const char *wrong = read_words(&c, ctl);
    enum db_status status;
    int code;

    if (wrong)
        return ctl_complain(ctl, wrong);
    status = fill_period(&c);
    if (status == DB_OK)
        status = load_ours(&c);
    if (status == DB_OK)
        status = load_theirs(&c);
    match(&c, false, true, EQUAL);
    match(&c, true, true, EQUAL);
    match(&c, true, true, ALIKE);
    match(&c, true, false, NEAR);
    code = status == DB_OK ? print(&c) : ctl_failed(ctl);
    db_rows_close(&c.rows);
    theirs_free(&c.theirs);
    free(c.ours);
    return code;
}
