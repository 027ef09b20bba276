/*
 * receipts_list: day by day what was sold and given back, to be compared with
 * the reports of the till; what needs somebody; all receipts of one day.
 *
 * Promises: the day of a receipt that is done is that of the till, its sum the
 * one that was sent; sums are added up by the database as decimals and never
 * were a float.
 */
#include "bytes.h"
#include "civil.h"
#include "receipts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { MOST_DAYS = 31, MOST_OPEN = 100, LARGEST_SQL = 16 * 1024 };

/* The day at the till; of what is not done, that of the number. MariaDB takes
 * February 31 for a date until something is added to it. */
#define DAY                                                                    \
    "COALESCE(IF(r.stage = 'done' AND r.fiscal_t REGEXP"                       \
    " '^20[0-9][0-9](0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])(T|$)',"            \
    " DATE(LEFT(r.fiscal_t, 8) + INTERVAL 0 DAY), NULL), r.day)"

/* The minute at the till; of what is not done, by the billing's clock. */
#define TIME                                                                   \
    "IF(r.stage = 'done' AND r.fiscal_t REGEXP '^[0-9]{8}T[0-9]{4}',"          \
    " CONCAT(SUBSTRING(r.fiscal_t, 10, 2), ':', SUBSTRING(r.fiscal_t, 12,"     \
    " 2)), DATE_FORMAT(CONVERT_TZ(r.created_utc, '+00:00',"                    \
    " @@session.time_zone), '%H:%i'))"

/* From what is not done, what is to be given back is subtracted. */
#define KOPECKS                                                                \
    "IF(r.back AND r.stage <> 'done', -1, 1) * CAST(r.kopecks AS SIGNED)"

/* The columns of the table of days: a count and a sum each. */
static const struct bucket {
    const char *head; /* of the count */
    const char *sum;  /* and of the sum, where two may not be called alike */
    const char *name;
    const char *holds;
    bool always; /* shown even when there is none */
} buckets[] = {
    { ">sold", ">sold sum", "sold", "stage = 'done' AND NOT back", true },
    { ">given back", ">given back sum", "given back", "stage = 'done' AND back",
        true },
    { ">open", ">open sum", "open", "stage IN ('new', 'accepted')", false },
    { ">in error", ">in error sum", "in error",
        "stage IN ('failed', 'refused', 'doubtful')", false },
    { ">closed", ">closed sum", "closed", "stage = 'closed'", false },
    { ">void", ">void sum", "void", "stage IN ('burnt', 'replaced')", false },
};
enum { BUCKETS = sizeof buckets / sizeof *buckets };

#define DIFFERS "stage = 'done' AND fiscal_kopecks <> kopecks"

struct sums {
    uint64_t n[BUCKETS];
    int64_t kopecks[BUCKETS];
};

struct day {
    char name[16]; /* 2026-11-25 */
    struct sums sums;
};

struct days {
    struct day day[MOST_DAYS];
    size_t n;
    struct sums total;
    uint64_t differ; /* done, with another sum at the till */
    int64_t differ_kopecks, till_kopecks;
};

/* Expressions for its first and last day. */
struct period {
    char first[48], last[48];
};

/* What may belong to a period: by the column with the index a year wide of it,
 * for a till that was off for long, and cheaper to tell than DAY. */
static void
add_candidates(struct bytes *sql, const struct period *p)
{
    bytes_printf(sql,
        "r.day BETWEEN %s - INTERVAL 1 YEAR AND %s + INTERVAL 2 DAY"
        " AND (r.day BETWEEN %s AND %s OR LEFT(r.fiscal_t, 8) BETWEEN"
        " DATE_FORMAT(%s, '%%Y%%m%%d') AND DATE_FORMAT(%s, '%%Y%%m%%d'))",
        p->first, p->last, p->first, p->last, p->first, p->last);
}

/* --- days ---------------------------------------------------------------- */

/* The receipts of a period, as table x. */
static void
add_period(struct bytes *sql, const struct period *p)
{
    bytes_str(sql, " FROM (SELECT r.stage, r.back, r.kopecks,"
                   " r.fiscal_kopecks, " KOPECKS " AS signed_kopecks, " DAY
                   " AS at FROM receipt AS r WHERE ");
    add_candidates(sql, p);
    bytes_printf(sql, ") AS x WHERE at BETWEEN %s AND %s", p->first, p->last);
}

static void
read_day(const struct db_rows *rows, struct days *days)
{
    struct day *day = &days->day[days->n++];
    unsigned last = 1 + 2 * BUCKETS;

    snprintf(day->name, sizeof day->name, "%s", db_col(rows, 0));
    for (unsigned i = 0; i < BUCKETS; i++) {
        day->sums.n[i] = db_uint(rows, 1 + 2 * i);
        day->sums.kopecks[i] = (int64_t)db_uint(rows, 2 + 2 * i);
        days->total.n[i] += day->sums.n[i];
        days->total.kopecks[i] += day->sums.kopecks[i];
    }
    days->differ += db_uint(rows, last);
    days->differ_kopecks += (int64_t)db_uint(rows, last + 1);
    days->till_kopecks += (int64_t)db_uint(rows, last + 2);
}

static void
add_sum(struct bytes *sql, const char *condition, const char *kopecks)
{
    bytes_printf(sql, ", SUM(IF(%s, %s, 0))", condition, kopecks);
}

static enum db_status
read_days(struct ctl *ctl, const struct period *p, struct days *days)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    struct db_rows *rows;
    enum db_status status;

    *days = (struct days){ 0 };
    bytes_str(&sql, "SELECT at");
    for (size_t i = 0; i < BUCKETS; i++) {
        add_sum(&sql, buckets[i].holds, "1");
        add_sum(&sql, buckets[i].holds, "signed_kopecks");
    }
    add_sum(&sql, DIFFERS, "1");
    add_sum(&sql, DIFFERS, "kopecks");
    add_sum(&sql, DIFFERS, "fiscal_kopecks");
    add_period(&sql, p);
    bytes_str(&sql, " GROUP BY at ORDER BY at");
    status = ctl_ask(ctl, &sql, &rows);
    if (status != DB_OK)
        return status;
    while (days->n < MOST_DAYS && db_next(rows))
        read_day(rows, days);
    db_rows_close(&rows);
    return DB_OK;
}

static bool
is_shown(const struct days *days, unsigned bucket)
{
    return buckets[bucket].always || days->total.n[bucket] > 0;
}

static void
add_sums(struct table *t, const struct days *days, const char *name,
    const struct sums *sums)
{
    table_add_text(t, name);
    for (unsigned i = 0; i < BUCKETS; i++) {
        if (!is_shown(days, i))
            continue;
        table_add_uint(t, sums->n[i]);
        table_add_money(t, sums->kopecks[i]);
    }
}

static void
print_days(const struct days *days)
{
    const char *heads[1 + 2 * BUCKETS] = { "day" };
    struct table *t;
    unsigned n = 1;

    for (unsigned i = 0; i < BUCKETS; i++) {
        if (!is_shown(days, i))
            continue;
        heads[n++] = buckets[i].head;
        heads[n++] = out_is_json() ? buckets[i].sum : ">sum";
    }
    t = table_make("days", heads, n);
    for (size_t i = 0; i < days->n; i++)
        add_sums(t, days, days->day[i].name, &days->day[i].sums);
    add_sums(t, days, "total", &days->total);
    table_end(&t);
}

/* The till may have another sum than was sent. */
static void
print_difference(const struct days *days)
{
    static const char *const heads[] = { ">receipts", ">sum", ">at the till" };
    struct table *t;

    if (days->differ == 0)
        return;
    out_words(
        "\nthe till has another sum (mbevctl receipts DAY shows which):\n");
    t = table_make("till differs", heads, sizeof heads / sizeof *heads);
    table_add_uint(t, days->differ);
    table_add_money(t, days->differ_kopecks);
    table_add_money(t, days->till_kopecks);
    table_end(&t);
}

/* --- what needs somebody -------------------------------------------------- */

static enum db_status
count_open(struct ctl *ctl, uint64_t *open)
{
    struct db_rows *rows;
    enum db_status status = db_ask(ctl->db,
        "SELECT COUNT(*) FROM receipt AS r WHERE " RECEIPT_IS_OPEN, &rows);

    if (status != DB_OK)
        return status;
    *open = db_next(rows) ? db_uint(rows, 0) : 0;
    db_rows_close(&rows);
    return DB_OK;
}

static enum db_status
print_open(struct ctl *ctl)
{
    static const char *const heads[] = { "number", "event", "uid", "kind",
        "$sum", "contact", "stage", "since, UTC", "error" };
    struct bytes sql = bytes_make(LARGEST_SQL);
    struct db_rows *rows;
    uint64_t open;
    enum db_status status = count_open(ctl, &open);

    bytes_printf(&sql,
        "SELECT * FROM (SELECT r.number, r.event_id, r.uid, " RECEIPT_KIND
        ", r.kopecks, r.contact, " RECEIPT_STAGE ", LEFT(" RECEIPT_SINCE
        ", 19), IF(d.state = 'skipped', d.reason, COALESCE(r.error, d.reason)),"
        " r.id AS in_order" RECEIPT_FROM " WHERE " RECEIPT_IS_OPEN
        " ORDER BY r.id DESC LIMIT %d) AS newest"
        " ORDER BY in_order",
        MOST_OPEN);
    if (status == DB_OK)
        status = ctl_ask(ctl, &sql, &rows);
    bytes_free(&sql);
    if (status != DB_OK)
        return status;
    if (db_rows_count(rows) > 0)
        out_words("\nnot fiscal yet, or in error:\n");
    if (db_rows_count(rows) > 0 || out_is_json())
        table_print("open", rows, heads, sizeof heads / sizeof *heads);
    if (open > MOST_OPEN)
        out_words("(the %d newest of %" PRIu64 ")\n", MOST_OPEN, open);
    db_rows_close(&rows);
    return DB_OK;
}

/* Receipts that have no number yet. */
static enum db_status
print_undecided(struct ctl *ctl)
{
    struct db_rows *rows;
    enum db_status status = db_ask(ctl->db,
        "SELECT COUNT(*), COALESCE(SUM(state = 'doubtful'), 0) FROM delivery"
        " WHERE lane = 'decide' AND action = 'receipt'"
        " AND state IN ('ready', 'retry', 'doubtful', 'held')",
        &rows);

    if (status != DB_OK)
        return status;
    if (!db_next(rows)) {
        db_rows_close(&rows);
        return DB_OK;
    }
    out_uint("undecided", db_uint(rows, 0));
    if (db_uint(rows, 0) > 0)
        out_words("\n%" PRIu64
                  " receipts are not decided yet and have no number;"
                  " %" PRIu64 " of them need the operator: see mbevctl queue\n",
            db_uint(rows, 0), db_uint(rows, 1));
    db_rows_close(&rows);
    return DB_OK;
}

static int
list_days(struct ctl *ctl, const struct period *p)
{
    struct days days;
    enum db_status status = read_days(ctl, p, &days);

    if (status == DB_OK) {
        print_days(&days);
        print_difference(&days);
        status = print_open(ctl);
    }
    if (status == DB_OK)
        status = print_undecided(ctl);
    return status == DB_OK ? EX_OK : ctl_failed(ctl);
}

/* --- one day -------------------------------------------------------------- */

static enum db_status
print_receipts(struct ctl *ctl, const struct period *p)
{
    static const char *const heads[] = { "number", "time", "kind", "$sum",
        "$at the till", "uid", "contact", "stage", "document", "sign",
        "drive" };
    struct bytes sql = bytes_make(LARGEST_SQL);
    struct db_rows *rows;
    enum db_status status;

    bytes_str(&sql, "SELECT r.number, " TIME " AS minute, " RECEIPT_KIND
                    ", r.kopecks, NULLIF(r.fiscal_kopecks,"
                    " CAST(r.kopecks AS SIGNED)), r.uid, r.contact,"
                    " " RECEIPT_STAGE ", r.fiscal_i, r.fiscal_fp,"
                    " r.fiscal_fn" RECEIPT_FROM " WHERE ");
    add_candidates(&sql, p);
    bytes_str(&sql, " AND " DAY);
    bytes_printf(&sql, " = %s ORDER BY minute, r.id", p->first);
    status = ctl_ask(ctl, &sql, &rows);
    if (status != DB_OK)
        return status;
    table_print("receipts", rows, heads, sizeof heads / sizeof *heads);
    db_rows_close(&rows);
    return DB_OK;
}

static void
print_totals(const struct days *days)
{
    static const char *const heads[] = { "total", ">receipts", ">sum" };
    struct table *t;

    out_words("\n");
    t = table_make("totals", heads, sizeof heads / sizeof *heads);
    for (unsigned i = 0; i < BUCKETS; i++) {
        if (!is_shown(days, i))
            continue;
        table_add_text(t, buckets[i].name);
        table_add_uint(t, days->total.n[i]);
        table_add_money(t, days->total.kopecks[i]);
    }
    table_end(&t);
}

static int
list_day(struct ctl *ctl, const struct period *p)
{
    struct days days;
    enum db_status status = print_receipts(ctl, p);

    if (status == DB_OK)
        status = read_days(ctl, p, &days);
    if (status != DB_OK)
        return ctl_failed(ctl);
    print_totals(&days);
    return EX_OK;
}

/* --- which days ----------------------------------------------------------- */

/* Reads "2026-11-25", or "2026-11" as its first day. */
static bool
read_period(struct period *p, const char *word, bool *month)
{
    char text[16];
    struct civil at;

    *month = strlen(word) == strlen("2026-11");
    snprintf(text, sizeof text, "%.10s%s", word, *month ? "-01" : "");
    if (strlen(word) > strlen("2026-11-25") || !civil_parse(&at, text))
        return false;
    snprintf(p->first, sizeof p->first, "DATE'%s'", text);
    snprintf(p->last, sizeof p->last, "%s('%s')", *month ? "LAST_DAY" : "DATE",
        text);
    return true;
}

int
receipts_list(struct ctl *ctl, const char *word)
{
    struct period p = { "CURDATE() - INTERVAL 30 DAY", "CURDATE()" };
    bool month = true;

    if (word && !read_period(&p, word, &month))
        return EX_USAGE;
    return month ? list_days(ctl, &p) : list_day(ctl, &p);
}
