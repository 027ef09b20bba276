/*
 * mbevctl replay: payments and credits of some days that were not captured,
 * shown and, when the operator says so, captured.
 *
 *   mbevctl replay --from DATE [TIME] --to DATE [TIME]
 *                  [--kind KIND,...]
 *
 * Dates are those of the rows, by the billing's clock, both ends included. What
 * it captures goes into the outbox as if a trigger had written it, and into
 * table gap; the service does the rest. A row that is captured already has its
 * identity, so it is safe beside a running service.
 */
#include "bytes.h"
#include "capture.h"
#include "ctl.h"
#include "orders.h"
#include "period.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum { LARGEST_SQL = 8 << 20 };

static const char REASON[] = "captured late by mbevctl replay";

struct replay {
    struct ctl *ctl;
    struct period of;
    bool kind[EVENT_KINDS]; /* those that are wanted */
    bool told;              /* a line of progress stands there unended */
    bool listing;           /* else rows are only counted */
    struct table *table;    /* NULL: no row yet */
    struct {
        uint64_t missing, known, changed, odd, refused;
    } n;
};

/* --- words --------------------------------------------------------------- */

static bool
read_kinds(struct replay *r, const char *list)
{
    char word[32];
    bool any = false;

    for (enum event_kind k = 0; k < EVENT_KINDS; k++)
        r->kind[k] = false;
    while (*list) {
        size_t n = strcspn(list, ",");
        enum event_kind kind;

        snprintf(word, sizeof word, "%.*s", (int)(n < 31 ? n : 31), list);
        kind = event_kind_of(word);
        if (kind == EVENT_KINDS || !event_kind_has_row(kind))
            return false;
        r->kind[kind] = any = true;
        list += n + (list[n] == ',');
    }
    return any;
}

static bool
read_from(struct replay *r, const char *words)
{
    return period_read_from(&r->of, words);
}

static bool
read_to(struct replay *r, const char *words)
{
    return period_read_to(&r->of, words);
}

static const struct option {
    const char *name;
    size_t most; /* words behind it */
    bool (*read)(struct replay *r, const char *words);
} options[] = {
    { "--from", 2, read_from },
    { "--to", 2, read_to },
    { "--kind", 1, read_kinds },
};

static const struct option *
find_option(const char *name)
{
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (strcmp(options[i].name, name) == 0)
            return &options[i];
    return NULL;
}

/* NULL, or what is wrong. */
static const char *
read_words(struct replay *r, const struct ctl *ctl)
{
    char words[128];

    for (int i = 0; i < ctl->argc; i++) {
        const struct option *option = find_option(ctl->argv[i]);
        size_t n = period_join(ctl, i + 1, words, sizeof words);

        if (!option || n > option->most || !option->read(r, words))
            return "replay does not understand its words";
        i += (int)n;
    }
    if (!r->of.from[0] || !r->of.to[0])
        return "replay needs --from and --to";
    return strcmp(r->of.from, r->of.to) > 0 ? "--from lies behind --to" : NULL;
}

/* --- rows ---------------------------------------------------------------- */

static const char *
count(struct replay *r, const struct capture_row *row)
{
    switch (row->state) {
    case CAPTURE_MISSING:
        r->n.missing++;
        return r->ctl->dry ? "would be captured" : "to be captured";
    case CAPTURE_KNOWN:
        r->n.known++;
        return "captured already";
    case CAPTURE_CHANGED:
        r->n.changed++;
        return "captured, and changed in the billing since";
    case CAPTURE_ODD:
        r->n.odd++;
        return row->event.problem;
    case CAPTURE_LEFT:
        break;
    }
    r->n.refused++;
    return "refused: older than the installation, or than our memory";
}

static void
show(
    struct replay *r, enum capture_source source, const struct capture_row *row)
{
    static const char *const heads[] = { "table", ">key", ">uid", "kind",
        "$sum", "date", "state" };
    const char *state = count(r, row);

    if (r->listing && !r->table)
        r->table = table_make("rows", heads, sizeof heads / sizeof *heads);
    table_add_text(r->table, capture_table(source));
    table_add_uint(r->table, row->event.row_id);
    table_add_uint(r->table, row->event.uid);
    table_add_text(r->table, event_kind_name(row->event.kind));
    table_add_money(r->table, row->event.kopecks);
    table_add_text(r->table, row->date ? row->date : "");
    table_add_text(r->table, state);
}

/* First the billing, then what was captured of it, which may move from the
 * outbox to the events meanwhile. */
static enum db_status
compare(struct replay *r, struct capture_page *page, uint64_t horizon)
{
    struct db *db = r->ctl->db;
    enum db_status status = capture_compare(db, page);

    if (status == DB_OK && page->missing > 0)
        status = capture_match_outbox(db, r->ctl->set->database.billing, page);
    if (status == DB_OK && page->missing > 0)
        status = capture_compare(db, page);
    for (size_t i = 0; i < page->n; i++)
        if (page->row[i].state == CAPTURE_MISSING &&
            (page->row[i].event.row_id <= horizon ||
                !r->kind[page->row[i].event.kind]))
            capture_leave(page, i);
    return status;
}

static enum db_status
write_page(struct replay *r, const struct capture_page *page)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    enum db_status status;

    bytes_str(&sql, DB_BEGIN ";");
    capture_add(&sql, page, REASON);
    bytes_str(&sql, DB_COMMIT);
    status = db_run(r->ctl->db, &sql);
    bytes_free(&sql);
    if (status != DB_OK)
        db_rollback(r->ctl->db);
    return status;
}

static enum db_status
do_page(
    struct replay *r, struct capture_page *page, uint64_t horizon, bool write)
{
    enum db_status status = compare(r, page, horizon);

    if (status == DB_OK && write && page->missing > 0)
        status = write_page(r, page);
    for (size_t i = 0; status == DB_OK && i < page->n; i++)
        if (r->kind[page->row[i].event.kind])
            show(r, page->source, &page->row[i]);
    return status;
}

/* The keys between which rows of these dates lie, by the index of the dates. */
static enum db_status
find_keys(struct replay *r, enum capture_source source,
    struct capture_range *range, bool *any)
{
    struct bytes sql = bytes_make(1024);
    const char *key = capture_key(source), *date = capture_date(source);
    struct db_rows *rows;

    bytes_printf(&sql, "SELECT MIN(%s), MAX(%s) FROM ", key, key);
    db_name(&sql, r->ctl->set->database.billing);
    bytes_printf(&sql, ".%s WHERE %s >= ", capture_table(source), date);
    db_text(&sql, r->of.from);
    bytes_printf(&sql, " AND %s <= ", date);
    db_text(&sql, r->of.to);
    if (ctl_ask(r->ctl, &sql, &rows) != DB_OK)
        return DB_REFUSED;
    *any = db_next(rows) && db_col(rows, 0) && db_uint(rows, 0) > 0;
    *range = (struct capture_range){ .from = r->of.from, .to = r->of.to };
    if (*any) {
        range->after = db_uint(rows, 0) - 1;
        range->upto = db_uint(rows, 1);
    }
    db_rows_close(&rows);
    return DB_OK;
}

/* How far it is, by the keys; on a terminal, where it takes more than a page.
 */
static void
show_progress(const struct replay *r, enum capture_source source,
    const struct capture_range *range, uint64_t first, bool end)
{
    uint64_t all = range->upto - first, at = range->after - first;

    if (!isatty(STDERR_FILENO) || (end && !r->told))
        return;
    fprintf(stderr, "\r%s: %3u %%, %" PRIu64 " not captured so far%s",
        capture_table(source), all && !end ? (unsigned)(at * 100 / all) : 100,
        r->n.missing, end ? "\n" : "");
}

static enum db_status
go_over(struct replay *r, enum capture_source source, bool write)
{
    const char *billing = r->ctl->set->database.billing;
    struct capture_range range;
    struct capture_page page;
    uint64_t horizon, first;
    bool any = false, end = false;
    enum db_status status =
        capture_horizon(r->ctl->db, billing, source, &horizon);

    if (status == DB_OK)
        status = find_keys(r, source, &range, &any);
    first = any ? range.after : 0;
    while (status == DB_OK && any && !end && !ctl_interrupted()) {
        status =
            capture_read(r->ctl->db, billing, source, &range, "replay", &page);
        if (status == DB_OK)
            status = do_page(r, &page, horizon, write);
        range.after = page.last;
        end = page.end;
        capture_free(&page);
        show_progress(r, source, &range, first, end);
        r->told = !end;
    }
    return status;
}

static enum db_status
go_over_all(struct replay *r, bool write)
{
    enum db_status status = DB_OK;

    memset(&r->n, 0, sizeof r->n);
    for (enum capture_source s = 0; s < CAPTURE_SOURCES && status == DB_OK; s++)
        status = go_over(r, s, write);
    return status;
}

/* --- the verb ------------------------------------------------------------ */

static void
print_total(const char *before, uint64_t n, const char *what)
{
    if (n > 0)
        out_words("%s%" PRIu64 " %s", before, n, what);
}

static void
print_totals(const struct replay *r, const char *what)
{
    out_uint("missing", r->n.missing);
    out_uint("captured already", r->n.known);
    out_uint("changed since", r->n.changed);
    out_uint("odd", r->n.odd);
    out_uint("refused", r->n.refused);
    out_words("%" PRIu64 " %s; %" PRIu64 " captured already", r->n.missing,
        what, r->n.known);
    print_total(
        "; ", r->n.changed, "captured, and changed in the billing since");
    print_total("; ", r->n.odd, "that cannot be understood");
    print_total("; ", r->n.refused, "refused");
    out_words("\n");
}

static int
complain_interrupted(void)
{
    fputs(
        "mbevctl: interrupted; what was captured stays, the same command goes "
        "on\n",
        stderr);
    return EX_TEMPFAIL;
}

static int
list(struct replay *r)
{
    enum db_status status;

    r->listing = true;
    status = go_over_all(r, false);
    table_end(&r->table);
    r->listing = false;
    if (status != DB_OK)
        return ctl_failed(r->ctl);
    if (ctl_interrupted())
        return complain_interrupted();
    print_totals(r, r->ctl->dry ? "would be captured" : "to be captured");
    return EX_OK;
}

/* Before it begins: part of it may be done. */
static enum db_status
note(struct replay *r)
{
    struct bytes sql = bytes_make(4096);
    char words[160];
    enum db_status status;

    snprintf(words, sizeof words, "from %s to %s, %" PRIu64 " rows", r->of.from,
        r->of.to, r->n.missing);
    ctl_note(&sql, r->ctl, &(struct act){ .words = words });
    status = db_run(r->ctl->db, &sql);
    bytes_free(&sql);
    return status;
}

/* The operator may have thought for longer than the server keeps a
 * connection. */
static int
write_all(struct replay *r)
{
    if (db_open(r->ctl->db) != DB_OK || note(r) != DB_OK ||
        go_over_all(r, true) != DB_OK)
        return ctl_failed(r->ctl);
    ctl_ring(r->ctl, ORDERS_LOOK, NULL);
    print_totals(r, "captured, the service does the rest");
    return ctl_interrupted() ? complain_interrupted() : EX_OK;
}

int
ctl_replay(struct ctl *ctl)
{
    struct replay r = { .ctl = ctl };
    const char *wrong;
    int code;

    for (enum event_kind k = 0; k < EVENT_KINDS; k++)
        r.kind[k] = true;
    wrong = read_words(&r, ctl);
    if (wrong)
        return ctl_complain(ctl, wrong);
    code = list(&r);
    if (code == EX_OK && !ctl->dry && r.n.missing > 0) {
        code = ctl_confirm(ctl, NULL, "capture them");
        if (code == EX_OK)
            code = write_all(&r);
    }
    return code == EX_OK && r.n.refused > 0 ? EX_DATAERR : code;
}
