/* view: see view.h. */
#include "view.h"

#include "clock.h"
#include "engine.h"
#include "listing.h"
#include "log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    LARGEST_SQL = 32 * 1024,
    LARGEST_LIST = 256 * 1024,
    PAUSE_US = 2000000,
    CHART_PAUSE_US = 60000000,
    SHARE = 20,   /* one part for us */
    OTHERS = 100, /* numbers of figures in the answer begin there */
};

#define MOST "10001" /* VIEW_MOST and one */
#define AGE(of)                                                                \
    "COALESCE(TIMESTAMPDIFF(SECOND, MIN(" of "), UTC_TIMESTAMP()), 0)"
#define RECEIPTS(stage)                                                        \
    "SELECT COUNT(*), " AGE(                                                   \
        "t") " FROM (SELECT created_utc AS t FROM receipt"                     \
             " FORCE INDEX (waiting) WHERE stage = '" stage                    \
             "' ORDER BY created_utc"                                          \
             " LIMIT " MOST ") AS x"

/* Each gives a number and an age; several of one figure are added up. */
static const struct question_of {
    enum view_figure figure;
    const char *sql;
} questions[] = {
    { VIEW_RECEIPTS, RECEIPTS("new") },
    { VIEW_RECEIPTS, RECEIPTS("accepted") },
    { VIEW_RECEIPTS_REFUSED, RECEIPTS("failed") },
    { VIEW_RECEIPTS_REFUSED, RECEIPTS("refused") },
    { VIEW_RECEIPTS_REFUSED, RECEIPTS("doubtful") },
    { VIEW_GAPS, "SELECT COUNT(*), " AGE(
                     "t") " FROM (SELECT from_utc AS t FROM"
                          " gap WHERE until_utc IS NULL LIMIT " MOST ") AS x" },
    { VIEW_LATE,
        "SELECT COUNT(*), 0 FROM (SELECT row_id FROM gap WHERE until_utc >"
        " UTC_TIMESTAMP() - INTERVAL 1 DAY LIMIT " MOST ") AS x"
        " WHERE row_id IS NOT NULL" },
    { VIEW_ROUTERS_HELD,
        "SELECT COUNT(*), 0 FROM router WHERE state = 'held'" },
    { VIEW_ROUTERS, "SELECT COUNT(*), 0 FROM router" },
};
enum { QUESTIONS = sizeof questions / sizeof *questions };

/* The states that are counted together. */
static const struct counted {
    enum view_state as;
    const char *state;
} counted[] = {
    { VIEW_WAITING, "ready" }, /* as in head_states */
    { VIEW_WAITING, "retry" },
    { VIEW_HELD, "held" },
    { VIEW_DOUBTFUL, "doubtful" },
    { VIEW_DEAD, "dead" },
};
enum { COUNTED = sizeof counted / sizeof *counted };

/* For all its lists. */
static void
each_list(struct view *view, void (*change)(struct bytes *list))
{
    change(&view->pauses);
    change(&view->events);
    change(&view->troubles);
    change(&view->gaps);
    change(&view->routers);
    change(&view->chart);
}

static void
init_list(struct bytes *list)
{
    *list = bytes_make(LARGEST_LIST);
}

void
view_init(struct view *view)
{
    memset(view, 0, sizeof *view);
    each_list(view, init_list);
}

void
view_free(struct view *view)
{
    each_list(view, bytes_free);
}

bool
view_is_old(const struct view *view, bool lists)
{
    int64_t now_us = clock_boot_us();

    return now_us >= view->next_us || (lists && now_us >= view->lists_next_us);
}

/* --- figures ------------------------------------------------------------- */

static void
ask_deliveries(struct bytes *sql, const struct engine *e, unsigned lane)
{
    for (size_t i = 0; i < COUNTED; i++) {
        bytes_printf(sql,
            " UNION ALL SELECT %u, COUNT(*), 0 FROM (SELECT 1 FROM delivery"
            " FORCE INDEX (waiting) WHERE state = '%s' AND lane = '%s'",
            lane * VIEW_STATES + (unsigned)counted[i].as, counted[i].state,
            delivery_lane_name((enum lane_id)lane));
        if (i < HEAD_STATES)
            head_add(sql, &e->head[lane], i);
        bytes_str(sql, " LIMIT " MOST ") AS x");
    }
}

/* Behind the mark, for what was before it is gone. */
static void
ask_outbox(struct bytes *sql, const struct engine *e)
{
    bytes_printf(sql,
        LISTING_BRIEF "SELECT %u, COUNT(*), " AGE(
            "t") " FROM (SELECT"
                 " captured_utc AS t FROM outbox FORCE INDEX (PRIMARY)"
                 " WHERE id > %" PRIu64 " ORDER BY id LIMIT " MOST ") AS x",
        OTHERS + VIEW_OUTBOX, e->low.id);
}

static void
ask_figures(struct bytes *sql, const struct engine *e)
{
    ask_outbox(sql, e);
    for (unsigned lane = 0; lane < LANES; lane++)
        ask_deliveries(sql, e, lane);
    for (size_t i = 0; i < QUESTIONS; i++)
        bytes_printf(sql, " UNION ALL SELECT %u, x.* FROM (%s) AS x",
            OTHERS + (unsigned)questions[i].figure, questions[i].sql);
}

static void
take_figure(struct view *view, uint64_t number, uint64_t n, uint64_t age_s)
{
    uint64_t at = number - OTHERS;

    if (number < LANES * VIEW_STATES)
        view->deliveries[number / VIEW_STATES][number % VIEW_STATES] += n;
    if (number < OTHERS || at >= VIEW_FIGURES)
        return;
    view->figure[at].n += n;
    if (age_s > view->figure[at].age_s && age_s <= INT64_MAX)
        view->figure[at].age_s = age_s;
}

static enum db_status
read_figures(struct engine *e, struct view *view)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    struct db_rows *rows;
    enum db_status status;

    ask_figures(&sql, e);
    status = db_query(e->db, &sql, &rows);
    bytes_free(&sql);
    if (status != DB_OK)
        return status;
    memset(view->deliveries, 0, sizeof view->deliveries);
    memset(view->figure, 0, sizeof view->figure);
    while (db_next(rows))
        take_figure(view, db_uint(rows, 0), db_uint(rows, 1), db_uint(rows, 2));
    db_rows_close(&rows);
    return DB_OK;
}

/* That it does not answer is no failure of ours. */
static enum db_status
read_library(struct engine *e, struct view *view)
{
    struct db_rows *rows;
    enum db_status status = db_ask(e->db, "SELECT mbev_version()", &rows);

    view->library = status == DB_OK;
    view->library_version[0] = '\0';
    if (status != DB_OK)
        return status == DB_GONE ? DB_GONE : DB_OK;
    if (db_next(rows) && db_col(rows, 0))
        snprintf(view->library_version, sizeof view->library_version, "%s",
            db_col(rows, 0));
    db_rows_close(&rows);
    return DB_OK;
}

/* --- lists --------------------------------------------------------------- */

/* Replaces a list by the answer to a query. */
static enum db_status
read_list(struct engine *e, struct bytes *list, const struct bytes *sql,
    const char *columns)
{
    struct json json = { .out = list };
    struct db_rows *rows;
    enum db_status status = db_query(e->db, sql, &rows);

    if (status != DB_OK)
        return status;
    bytes_clear(list);
    listing_add(&json, NULL, rows, columns);
    db_rows_close(&rows);
    return DB_OK;
}

static enum db_status
read_simple(
    struct engine *e, struct bytes *list, const char *text, const char *columns)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    enum db_status status;

    bytes_printf(&sql, LISTING_BRIEF "%s", text);
    status = read_list(e, list, &sql, columns);
    bytes_free(&sql);
    return status;
}

static enum db_status
read_pauses(struct engine *e, struct view *view)
{
    enum db_status status = read_simple(e, &view->pauses,
        "SELECT lane, since_utc, who, reason FROM pause ORDER BY lane",
        "lane since who reason");
    char quoted[32];

    if (status != DB_OK)
        return status;
    for (unsigned lane = 0; lane < LANES; lane++) {
        snprintf(quoted, sizeof quoted, "\"lane\":\"%s\"",
            delivery_lane_name((enum lane_id)lane));
        view->paused[lane] = strstr(bytes_text(&view->pauses), quoted) != NULL;
    }
    return DB_OK;
}

/* The newest of each lane, all by the index. */
static enum db_status
read_troubles(struct engine *e, struct view *view)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    const char *before = LISTING_BRIEF;
    enum db_status status;

    for (unsigned i = 0; i < 2 * LANES; i++) {
        bytes_printf(&sql,
            "%s(SELECT id, event_id, action, lane, state, address, reason,"
            " changed_utc FROM delivery FORCE INDEX (waiting) WHERE state ="
            " '%s' AND lane = '%s' ORDER BY due_utc DESC LIMIT 10)",
            before, i < LANES ? "doubtful" : "dead",
            delivery_lane_name((enum lane_id)(i % LANES)));
        before = " UNION ALL ";
    }
    bytes_str(&sql, " ORDER BY changed_utc DESC, id DESC LIMIT 50");
    status = read_list(e, &view->troubles, &sql,
        "#id #event action lane state @address @reason changed");
    bytes_free(&sql);
    return status;
}

static const char events_sql[] =
    "SELECT id, kind, uid, captured_utc, problem, IF(LOCATE('\"kopecks\":',"
    " body) > 0, SUBSTRING_INDEX(SUBSTRING_INDEX(body, '\"kopecks\":', -1),"
    " ',', 1) + 0, NULL), (SELECT GROUP_CONCAT("
    "d.action, ' ', d.state ORDER BY d.id) FROM delivery AS d"
    " WHERE d.event_id = e.id) FROM event AS e ORDER BY id DESC LIMIT 100";

static const char gaps_sql[] =
    "SELECT source, from_utc, reason FROM gap WHERE until_utc IS NULL"
    " ORDER BY source LIMIT 10";

static const char routers_sql[] =
    "SELECT address, until_utc, reason, cure FROM router"
    " WHERE state = 'held' ORDER BY since_utc DESC, nas_id LIMIT 20";

/* Half hours of the last day, counted from now. */
static const char chart_sql[] =
    "SELECT FLOOR(TIMESTAMPDIFF(MINUTE, slot_utc, UTC_TIMESTAMP()) / 30),"
    " SUM(IF(name = 'events', good, 0)), SUM(IF(name = 'events', 0, good)),"
    " SUM(again), SUM(bad) FROM pulse"
    " WHERE slot_utc > UTC_TIMESTAMP() - INTERVAL 1 DAY GROUP BY 1";

static enum db_status
read_chart(struct engine *e, struct view *view)
{
    enum db_status status;

    if (clock_boot_us() < view->chart_next_us)
        return DB_OK;
    status = read_simple(
        e, &view->chart, chart_sql, "#ago #events #good #again #bad");
    if (status == DB_OK)
        view->chart_next_us = clock_boot_us() + CHART_PAUSE_US;
    return status;
}

static enum db_status
read_lists(struct engine *e, struct view *view)
{
    enum db_status status = read_simple(e, &view->events, events_sql,
        "#id kind #uid captured problem #kopecks work");

    if (status == DB_OK)
        status = read_troubles(e, view);
    if (status == DB_OK)
        status = read_simple(e, &view->gaps, gaps_sql, "source since reason");
    if (status == DB_OK)
        status = read_simple(
            e, &view->routers, routers_sql, "address until @reason cure");
    return status == DB_OK ? read_chart(e, view) : status;
}

/* --- both ---------------------------------------------------------------- */

/* When to read again what took so long. */
static int64_t
next_us(int64_t begun_us)
{
    int64_t now_us = clock_boot_us(), pause_us = (now_us - begun_us) * SHARE;

    return now_us + (pause_us > PAUSE_US ? pause_us : PAUSE_US);
}

static enum db_status
forgive(struct engine *e, enum db_status status)
{
    if (status == DB_OK || status == DB_GONE)
        return status;
    log_debug("view: what the status page shows is old: %s", db_error(e->db));
    return DB_OK;
}

enum db_status
view_read(struct engine *e, struct view *view, bool lists)
{
    int64_t begun_us = clock_boot_us();
    enum db_status status = DB_OK;

    if (begun_us >= view->next_us) {
        status = read_figures(e, view);
        if (status == DB_OK)
            status = read_pauses(e, view);
        if (status == DB_OK)
            status = read_library(e, view);
        if (status == DB_OK)
            view->read_us = begun_us;
        view->next_us = next_us(begun_us);
    }
    begun_us = clock_boot_us();
    if (status == DB_OK && lists && begun_us >= view->lists_next_us) {
        status = read_lists(e, view);
        view->lists_next_us = next_us(begun_us);
    }
    return forgive(e, status);
}
