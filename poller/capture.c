/* capture: see capture.h. */
#include "capture.h"

#include "atwork.h"
#include "fault.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LARGEST_SQL = 8 << 20,
    ASKED_ALIKE = 50, /* rows in one question for events like theirs */
};

/* A row's date is the time of its capture, where it is a time that can be:
 * then today is that day, and what expires does so from then on. Else it is
 * captured now and its age is what the trigger would say. */
#define IN_UTC(date) "CONVERT_TZ(s." date ", @@session.time_zone, '+00:00')"
#define IS_TIME(date)                                                          \
    "s." date " BETWEEN '1971-01-01' AND NOW() AND " IN_UTC(date) " IS NOT "   \
                                                                  "NULL"
#define CAPTURED(date)                                                         \
    "IF(" IS_TIME(date) ", LEAST(UTC_TIMESTAMP(3), " IN_UTC(                   \
        date) "), UTC_TIMESTAMP(3))"
#define AGE(date)                                                              \
    "IF(" IS_TIME(date) ", 0, TIMESTAMPDIFF(SECOND, s." date ", NOW()))"

/* The expression of sql/triggers.sql. */
#define KOPECKS "CAST(ROUND(ROUND(s.summa, 2) * 100) AS SIGNED)"

struct column {
    const char *name; /* of the member in the body */
    const char *sql;
    bool is_text;
};

/* The body of an event, after table. The first four are used by name. */
enum { ID, UID, DATE, AGE_S, MOST_COLUMNS = 12 };

static const struct source {
    const char *table, *key, *date;
    const char *captured;
    const char *kind; /* "ignore": not captured */
    struct column columns[MOST_COLUMNS];
} sources[CAPTURE_SOURCES] = {
    [CAPTURE_PAYMENTS] = {
        .table = "bugh_plategi_stat",
        .key = "plategid",
        .date = "date",
        .captured = CAPTURED("date"),
        .kind = CAPTURE_MEANING,
        .columns = { { "id", "s.plategid", false },
            { "uid", "s.uid", false },
            { "date", "s.date", true },
            { "age_s", AGE("date"), false },
            { "type", "s.bughtypeid", false },
            { "summa", "s.summa", false },
            { "kopecks", KOPECKS, false },
            { "before", "s.before_billing", false },
            { "who", "s.who", false },
            { "comment", "CONVERT(s.comment USING utf8mb4)", true } },
    },
    [CAPTURE_SERVICES] = {
        .table = "bugh_uslugi_stat",
        .key = "uslid",
        .date = "date_start",
        .captured = CAPTURED("date_start"),
        .kind = "CASE WHEN s.usluga IN (1, 2) THEN 'credit'"
                " WHEN s.usluga = 3 THEN 'turbo' ELSE 'ignore' END",
        .columns = { { "id", "s.uslid", false },
            { "uid", "s.uid", false },
            { "date", "s.date_start", true },
            { "age_s", AGE("date_start"), false },
            { "usluga", "s.usluga", false },
            { "summa", "s.summa", false },
            { "kopecks", KOPECKS, false },
            { "credit", "s.credit", false },
            { "gid", "s.gid", false } },
    },
};

const char *
capture_table(enum capture_source source)
{
    return sources[source].table;
}

const char *
capture_key(enum capture_source source)
{
    return sources[source].key;
}

const char *
capture_date(enum capture_source source)
{
    return sources[source].date;
}

/* --- reading ------------------------------------------------------------- */

static void
add_table(struct bytes *sql, const char *billing, const char *table)
{
    db_name(sql, billing);
    bytes_printf(sql, ".%s", table);
}

static void
add_meaning(struct bytes *sql, const char *billing)
{
    bytes_str(sql,
        "(SELECT COALESCE(BIT_XOR(CRC32(CONCAT(id, ':', meaning))), 0)"
        " FROM (SELECT bughtypeid AS id, CONCAT(kind) AS meaning"
        " FROM payment_kind UNION SELECT bt.bughtypeid, COALESCE(bk.kind,"
        " IF(bt.deposit_action = '+', 'payment', 'ignore')) FROM ");
    add_table(sql, billing, "bugh_plategi_type");
    bytes_str(sql, " AS bt LEFT JOIN payment_kind AS bk"
                   " ON bk.bughtypeid = bt.bughtypeid) AS types"
                   " WHERE meaning <> 'payment')");
}

static void
add_columns(struct bytes *sql, const struct source *s, const char *billing)
{
    bytes_str(sql, "SELECT ");
    if (s == &sources[CAPTURE_PAYMENTS])
        add_meaning(sql, billing);
    else
        bytes_chr(sql, '0');
    bytes_printf(sql, ", %s, %s", s->kind, s->captured);
    for (size_t i = 0; i < MOST_COLUMNS && s->columns[i].name; i++)
        bytes_printf(sql, ", %s", s->columns[i].sql);
}

/* k and t of CAPTURE_MEANING. */
static void
add_types(struct bytes *sql, const char *billing, const char *type)
{
    bytes_printf(
        sql, " LEFT JOIN payment_kind AS k ON k.bughtypeid = %s", type);
    bytes_str(sql, " LEFT JOIN ");
    add_table(sql, billing, "bugh_plategi_type");
    bytes_printf(sql, " AS t ON t.bughtypeid = %s", type);
}

static void
add_tables(struct bytes *sql, const struct source *s, const char *billing)
{
    bytes_str(sql, " FROM ");
    add_table(sql, billing, s->table);
    bytes_str(sql, " AS s");
    if (s == &sources[CAPTURE_PAYMENTS])
        add_types(sql, billing, "s.bughtypeid");
}

static void
add_range(struct bytes *sql, const struct source *s,
    const struct capture_range *range)
{
    bytes_printf(sql, " WHERE s.%s > %" PRIu64, s->key, range->after);
    if (range->upto > 0)
        bytes_printf(sql, " AND s.%s <= %" PRIu64, s->key, range->upto);
    if (range->from) {
        bytes_printf(sql, " AND s.%s >= ", s->date);
        db_text(sql, range->from);
    }
    if (range->to) {
        bytes_printf(sql, " AND s.%s <= ", s->date);
        db_text(sql, range->to);
    }
    if (range->settled)
        bytes_printf(sql,
            " AND (s.%s <= NOW() - INTERVAL %d SECOND OR s.%s <= %" PRIu64 ")",
            s->date, CAPTURE_SETTLED_S, s->key, range->old);
    bytes_printf(sql, " ORDER BY s.%s LIMIT %d", s->key, CAPTURE_PAGE);
}

/* As mbev_json() writes it: there is no negative zero. */
static json_object *
number(const char *text)
{
    if (*text == '-' && text[strspn(text, "-0.")] == '\0')
        text++;
    return json_object_new_double_s(0, text);
}

static json_object *
member(const struct db_rows *rows, unsigned i, bool is_text)
{
    const char *text = db_col(rows, i);

    if (!text)
        return NULL;
    return is_text ? json_object_new_string_len(text, (int)db_len(rows, i))
                   : number(text);
}

void
capture_add_outbox(struct bytes *sql, const char *billing)
{
    /* MySQL takes it for almost empty, and would read it from its start. */
    bytes_str(sql, " FROM outbox AS o FORCE INDEX (PRIMARY)");
    add_types(sql, billing, "CAST(o.kind AS UNSIGNED)");
}

/* The columns of the body stand behind these. */
enum { MEANING, KIND, CAPTURED, BODY };

/* As the trigger writes it, with one member more. NULL when out of memory. */
static char *
compose(const struct source *s, const struct db_rows *rows, const char *word)
{
    json_object *body = json_object_new_object();
    const char *text;
    char *copy = NULL;

    if (!body)
        return NULL;
    json_object_object_add(body, "v", json_object_new_int(1));
    json_object_object_add(body, "table", json_object_new_string(s->table));
    for (unsigned i = 0; i < MOST_COLUMNS && s->columns[i].name; i++)
        json_object_object_add(body, s->columns[i].name,
            member(rows, BODY + i, s->columns[i].is_text));
    json_object_object_add(body, "late", json_object_new_string(word));
    text = json_object_to_json_string_ext(
        body, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
    if (text)
        copy = strdup(text);
    json_object_put(body);
    return copy;
}

/* A row on which the service crashed again and again is one that cannot be
 * understood, here as in the ingest. */
static bool
parse_row(
    const struct capture_page *page, struct capture_row *row, const char *kind)
{
    const char *table = sources[page->source].table;
    const char *key = db_col(page->rows, BODY + ID);
    bool good;

    if (atwork_refuses(WORK_CAPTURE, table, key)) {
        snprintf(row->event.problem, sizeof row->event.problem,
            "the service crashed on it");
        return false;
    }
    atwork_begin(WORK_CAPTURE, table, key);
    fault_point_at("capture.one", page->last);
    good = event_parse(&row->event, kind, row->body);
    atwork_end();
    return good;
}

static bool
take_row(struct capture_page *page, const char *word)
{
    struct capture_row *row = &page->row[page->n];
    const char *kind = db_col(page->rows, KIND);

    page->last = db_uint(page->rows, BODY + ID);
    page->meaning = db_uint(page->rows, MEANING);
    if (strcmp(kind, "ignore") == 0)
        return true;
    row->body = compose(&sources[page->source], page->rows, word);
    if (!row->body)
        return false;
    row->captured = db_col(page->rows, CAPTURED);
    row->date = db_col(page->rows, BODY + DATE);
    if (!parse_row(page, row, kind))
        row->state = CAPTURE_ODD;
    page->n++;
    return true;
}

enum db_status
capture_read(struct db *db, const char *billing, enum capture_source source,
    const struct capture_range *range, const char *word,
    struct capture_page *page)
{
    const struct source *s = &sources[source];
    struct bytes sql = bytes_make(16 * 1024);
    enum db_status status;

    *page = (struct capture_page){ .source = source, .last = range->after };
    add_columns(&sql, s, billing);
    add_tables(&sql, s, billing);
    add_range(&sql, s, range);
    status = db_query(db, &sql, &page->rows);
    bytes_free(&sql);
    if (status != DB_OK)
        return status;
    page->row = calloc(db_rows_count(page->rows) + 1, sizeof *page->row);
    if (!page->row)
        return DB_REFUSED;
    page->end = db_rows_count(page->rows) < CAPTURE_PAGE;
    while (db_next(page->rows))
        if (!take_row(page, word))
            return DB_REFUSED;
    return DB_OK;
}

void
capture_free(struct capture_page *page)
{
    for (size_t i = 0; i < page->n; i++)
        free(page->row[i].body);
    free(page->row);
    db_rows_close(&page->rows);
    *page = (struct capture_page){ 0 };
}

/* --- comparing ----------------------------------------------------------- */

static void
set_known(struct capture_page *page, const char *key)
{
    for (size_t i = 0; i < page->n; i++)
        if (page->row[i].state == CAPTURE_MISSING &&
            strcmp(page->row[i].event.source_key, key) == 0)
            page->row[i].state = CAPTURE_KNOWN;
}

static void
count_missing(struct capture_page *page)
{
    page->missing = 0;
    for (size_t i = 0; i < page->n; i++)
        page->missing += page->row[i].state == CAPTURE_MISSING;
}

static enum db_status
find_events(struct db *db, struct capture_page *page)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    struct db_rows *rows;
    enum db_status status;
    const char *comma = "";

    bytes_str(&sql, "SELECT source_key FROM event WHERE source_key IN (");
    for (size_t i = 0; i < page->n; i++)
        if (page->row[i].state == CAPTURE_MISSING) {
            bytes_str(&sql, comma);
            db_text(&sql, page->row[i].event.source_key);
            comma = ",";
        }
    bytes_chr(&sql, ')');
    status = db_query(db, &sql, &rows);
    bytes_free(&sql);
    if (status != DB_OK)
        return status;
    while (db_next(rows))
        set_known(page, db_col(rows, 0));
    db_rows_close(&rows);
    return DB_OK;
}

/* Appends a look-up of all events of that row of the billing, of whatever kind:
 * of the keys that begin with the kind, the table and the row's key. */
static void
add_alike(struct bytes *sql, const struct capture_page *page, uint64_t id)
{
    const char *table = sources[page->source].table;

    for (enum event_kind kind = 0; kind < EVENT_KINDS; kind++) {
        if (!event_kind_has_row(kind))
            continue;
        bytes_printf(sql,
            " OR source_key >= '%s:%s:%" PRIu64 ":' AND source_key <"
            " '%s:%s:%" PRIu64 ";'",
            event_kind_name(kind), table, id, event_kind_name(kind), table, id);
    }
}

static void
set_changed(struct capture_page *page, const char *key)
{
    for (size_t i = 0; i < page->n; i++)
        if (page->row[i].state == CAPTURE_MISSING &&
            event_keys_alike(page->row[i].event.source_key, key))
            page->row[i].state = CAPTURE_CHANGED;
}

/* Rows that were changed by the billing, or whose type has another meaning
 * now, after they were captured. Looks at some from *at on. */
static enum db_status
find_alike(struct db *db, struct capture_page *page, size_t *at)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    struct db_rows *rows;
    enum db_status status;

    bytes_str(&sql, "SELECT source_key FROM event WHERE source_key = ''");
    for (int n = 0; *at < page->n && n < ASKED_ALIKE; ++*at)
        if (page->row[*at].state == CAPTURE_MISSING) {
            add_alike(&sql, page, page->row[*at].event.row_id);
            n++;
        }
    status = db_query(db, &sql, &rows);
    bytes_free(&sql);
    if (status != DB_OK)
        return status;
    while (db_next(rows))
        set_changed(page, db_col(rows, 0));
    db_rows_close(&rows);
    return DB_OK;
}

enum db_status
capture_compare(struct db *db, struct capture_page *page)
{
    enum db_status status = DB_OK;

    count_missing(page);
    if (page->missing > 0)
        status = find_events(db, page);
    count_missing(page);
    for (size_t at = 0; page->missing > 0 && at < page->n && status == DB_OK;)
        status = find_alike(db, page, &at);
    count_missing(page);
    return status;
}

void
capture_leave(struct capture_page *page, size_t i)
{
    page->row[i].state = CAPTURE_LEFT;
    count_missing(page);
}

/* Some rows of the outbox above *id, which follows. *more: there are more. */
static enum db_status
match_some(struct db *db, const char *billing, struct capture_page *page,
    uint64_t *id, bool *more)
{
    struct bytes sql = bytes_make(1024);
    struct db_rows *rows;
    enum db_status status;
    struct event event;

    bytes_str(&sql, "SELECT o.id, " CAPTURE_KIND ", o.body");
    capture_add_outbox(&sql, billing);
    bytes_printf(&sql, " WHERE o.id > %" PRIu64 " ORDER BY o.id LIMIT %d", *id,
        CAPTURE_PAGE);
    status = db_query(db, &sql, &rows);
    bytes_free(&sql);
    if (status != DB_OK)
        return status;
    *more = db_rows_count(rows) == CAPTURE_PAGE;
    while (db_next(rows)) {
        *id = db_uint(rows, 0);
        if (event_parse(&event, db_col(rows, 1), db_col(rows, 2)))
            set_known(page, event.source_key);
    }
    db_rows_close(&rows);
    return DB_OK;
}

enum db_status
capture_match_outbox(
    struct db *db, const char *billing, struct capture_page *page)
{
    enum db_status status = DB_OK;
    uint64_t id = 0;
    bool more = true;

    while (more && status == DB_OK)
        status = match_some(db, billing, page, &id, &more);
    count_missing(page);
    return status;
}

/* --- capturing ----------------------------------------------------------- */

static void
add_outbox(struct bytes *sql, const struct capture_row *row)
{
    bytes_chr(sql, '(');
    db_text(sql, row->captured);
    bytes_chr(sql, ',');
    db_text(sql, event_kind_name(row->event.kind));
    bytes_chr(sql, ',');
    db_text(sql, row->body);
    bytes_chr(sql, ')');
}

static void
add_gap(struct bytes *sql, const struct capture_row *row, const char *table,
    const char *reason)
{
    bytes_printf(sql, "('%s',%" PRIu64 ",%" PRIu64 ",", table,
        row->event.row_id, row->event.uid);
    db_text(sql, event_kind_name(row->event.kind));
    bytes_chr(sql, ',');
    db_text(sql, row->captured);
    bytes_str(sql, ",UTC_TIMESTAMP(3),");
    db_text(sql, reason);
    bytes_chr(sql, ')');
}

void
capture_add(
    struct bytes *sql, const struct capture_page *page, const char *reason)
{
    const char *comma = "";

    bytes_str(sql, "INSERT INTO outbox (captured_utc, kind, body) VALUES ");
    for (size_t i = 0; i < page->n; i++)
        if (page->row[i].state == CAPTURE_MISSING) {
            bytes_str(sql, comma);
            add_outbox(sql, &page->row[i]);
            comma = ",";
        }
    bytes_str(sql, "; INSERT INTO gap (source, row_id, uid, kind, from_utc,"
                   " until_utc, reason) VALUES ");
    comma = "";
    for (size_t i = 0; i < page->n; i++)
        if (page->row[i].state == CAPTURE_MISSING) {
            bytes_str(sql, comma);
            add_gap(sql, &page->row[i], sources[page->source].table, reason);
            comma = ",";
        }
    bytes_chr(sql, ';');
}

/* --- what it rests on ---------------------------------------------------- */

static enum db_status
ask_number(struct db *db, struct bytes *sql, uint64_t *out)
{
    struct db_rows *rows;
    enum db_status status = db_query(db, sql, &rows);

    bytes_free(sql);
    if (status != DB_OK)
        return status;
    if (db_next(rows))
        *out = db_uint(rows, 0);
    db_rows_close(&rows);
    return DB_OK;
}

enum db_status
capture_meaning(struct db *db, const char *billing, uint64_t *meaning)
{
    struct bytes sql = bytes_make(2048);

    *meaning = 0;
    bytes_str(&sql, "SELECT ");
    add_meaning(&sql, billing);
    return ask_number(db, &sql, meaning);
}

enum db_status
capture_horizon(struct db *db, const char *billing, enum capture_source source,
    uint64_t *key)
{
    struct bytes sql = bytes_make(1024);

    *key = UINT64_MAX;
    bytes_printf(&sql,
        "SELECT GREATEST(first_%s, COALESCE((SELECT row_id FROM forgotten"
        " WHERE source = '%s'), 0)) FROM installation WHERE billing = ",
        sources[source].key, sources[source].table);
    db_text(&sql, billing);
    return ask_number(db, &sql, key);
}
