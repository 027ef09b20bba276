/* theirs: see theirs.h. */
#include "theirs.h"

#include "bytes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST_SQL = 64 * 1024, NO_SUCH_TABLE = 1146 };

#define TEXT(column) "CONVERT(" column " USING utf8mb4)"

/* What each query selects: id, uid, seconds, time, to, text, failed, amount. */
enum { ID, UID, SECONDS, TIME, TO, TEXT_, FAILED, AMOUNT, COMMENT, CATEGORY };

static void
add_from(struct bytes *sql, const struct ctl *ctl, const char *table)
{
    bytes_str(sql, " FROM ");
    db_name(sql, ctl->set->database.billing);
    bytes_printf(sql, ".%s", table);
}

static void
add_period(struct bytes *sql, const char *column, const struct period *p)
{
    bytes_printf(sql,
        "%s BETWEEN '%s' - INTERVAL 5 SECOND AND '%s' + INTERVAL 2 MINUTE",
        column, p->from, p->to);
}

static void
add_messages(
    struct bytes *sql, const struct ctl *ctl, const struct period *period)
{
    bytes_str(sql, "SELECT sms_id, uid, UNIX_TIMESTAMP(sms_send_datetime),"
                   " sms_send_datetime, " TEXT("sms_phone") "," TEXT(
                       "sms_text") "," TEXT("sms_error_text") ", 0");
    add_from(sql, ctl, "sms_logs");
    bytes_str(sql, " WHERE sms_type_id = 0 AND uid IS NOT NULL AND ");
    add_period(sql, "sms_send_datetime", period);
    bytes_str(sql, " ORDER BY sms_id");
}

static void
add_receipts(
    struct bytes *sql, const struct ctl *ctl, const struct period *period)
{
    bytes_str(sql,
        "SELECT id, CAST(user_id AS UNSIGNED), UNIX_TIMESTAMP(create_time),"
        " create_time, " TEXT(
            "contact") ", '',"
                       " IF(ext_id IS NULL, COALESCE(" TEXT(
                           "error") ", 'no number of a task'), ''), 0");
    add_from(sql, ctl, ctl->set->receipt.table);
    /* Ours have a row of their own. */
    bytes_printf(sql,
        " WHERE id NOT IN (SELECT log_id FROM receipt"
        " WHERE log_table = '%s') AND ",
        ctl->set->receipt.table);
    add_period(sql, "create_time", period);
    bytes_str(sql, " ORDER BY id");
}

static void
add_bonuses(
    struct bytes *sql, const struct ctl *ctl, const struct period *period)
{
    bytes_str(sql,
        "SELECT record_id, user_ref, UNIX_TIMESTAMP(creation_time),"
        " creation_time, '', " TEXT(
            "comment") ", '',"
                       " CAST(ROUND(ROUND(amount, 2) * 100) AS SIGNED), " TEXT(
                           "comment") ", category");
    add_from(sql, ctl, "addons_pay_api");
    bytes_printf(sql,
        " WHERE category IN (%" PRId64 ",%" PRId64 ")"
        " AND COALESCE(misc_id, '') NOT LIKE 'mbev-%%' AND ",
        ctl->set->bonus_topup.category, ctl->set->bonus_loyalty.category);
    add_period(sql, "creation_time", period);
    bytes_str(sql, " ORDER BY record_id");
}

/* All that went in one second: a removal is one transaction. */
static void
add_discounts(
    struct bytes *sql, const struct ctl *ctl, const struct period *period)
{
    const struct text_list *keys = &ctl->set->discounts.keys;

    bytes_str(sql,
        "SELECT MIN(logid), uid, UNIX_TIMESTAMP(date), date, '',"
        " GROUP_CONCAT(" TEXT("valuename") " SEPARATOR ' '), '', COUNT(*)");
    add_from(sql, ctl, "logs");
    bytes_str(sql, " WHERE stuffid = 0 AND logtypeid = 1 AND valuename IN (''");
    for (size_t i = 0; i < keys->n; i++) {
        bytes_chr(sql, ',');
        db_text(sql, keys->text[i]);
    }
    bytes_str(sql, ") AND ");
    add_period(sql, "date", period);
    bytes_str(sql, " GROUP BY uid, date ORDER BY MIN(logid)");
}

static const struct source {
    enum work work;
    void (*add)(
        struct bytes *sql, const struct ctl *ctl, const struct period *period);
} sources[] = {
    { WORK_MESSAGE, add_messages },
    { WORK_RECEIPT, add_receipts },
    { WORK_TOPUP, add_bonuses },
    { WORK_DISCOUNT, add_discounts },
};

/* Which bonus it is, where both have one category, its comment says. */
static enum work
bonus_of(const struct settings *set, const struct db_rows *rows)
{
    const char *comment = db_col(rows, COMMENT);
    char text[32];

    snprintf(text, sizeof text, "%" PRId64, set->bonus_loyalty.category);
    if (set->bonus_loyalty.category == set->bonus_topup.category)
        return comment && strcmp(comment, set->bonus_loyalty.comment) == 0
                   ? WORK_LOYALTY
                   : WORK_TOPUP;
    return strcmp(db_col(rows, CATEGORY), text) == 0 ? WORK_LOYALTY
                                                     : WORK_TOPUP;
}

static char *
copy(const struct db_rows *rows, unsigned column)
{
    return strdup(db_col(rows, column) ? db_col(rows, column) : "");
}

static int64_t
signed_of(const char *text)
{
    return text ? strtoll(text, NULL, 10) : 0;
}

static bool
take(struct theirs *theirs, enum work work, const struct ctl *ctl,
    struct db_rows *rows)
{
    size_t room = theirs->n + db_rows_count(rows);
    struct trace *trace = realloc(theirs->trace, (room + 1) * sizeof *trace);

    if (!trace)
        return false;
    theirs->trace = trace;
    while (db_next(rows)) {
        struct trace *t = &theirs->trace[theirs->n++];

        *t = (struct trace){
            .work = work == WORK_TOPUP ? bonus_of(ctl->set, rows) : work,
            .id = db_uint(rows, ID),
            .uid = db_uint(rows, UID),
            .at_s = signed_of(db_col(rows, SECONDS)),
            .at = copy(rows, TIME),
            .to = copy(rows, TO),
            .text = copy(rows, TEXT_),
            .failed = copy(rows, FAILED),
            .amount = signed_of(db_col(rows, AMOUNT)),
        };
        if (!t->at || !t->to || !t->text || !t->failed)
            return false;
    }
    return true;
}

static enum db_status
load(struct theirs *theirs, const struct source *source, struct ctl *ctl,
    const struct period *period)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    struct db_rows *rows;
    enum db_status status;

    source->add(&sql, ctl, period);
    status = ctl_ask(ctl, &sql, &rows);
    if (status == DB_REFUSED && db_errno(ctl->db) == NO_SUCH_TABLE)
        return DB_OK;
    if (status != DB_OK)
        return status;
    if (!take(theirs, source->work, ctl, rows))
        status = DB_REFUSED;
    db_rows_close(&rows);
    return status;
}

enum db_status
theirs_load(struct theirs *theirs, struct ctl *ctl, const struct period *period,
    const bool wanted[WORKS])
{
    enum db_status status = DB_OK;

    *theirs = (struct theirs){ 0 };
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        enum work work = sources[i].work;
        bool bonus = work == WORK_TOPUP && wanted[WORK_LOYALTY];

        if (status == DB_OK && (wanted[work] || bonus))
            status = load(theirs, &sources[i], ctl, period);
    }
    return status;
}

void
theirs_free(struct theirs *theirs)
{
    for (size_t i = 0; i < theirs->n; i++) {
        free(theirs->trace[i].at);
        free(theirs->trace[i].to);
        free(theirs->trace[i].text);
        free(theirs->trace[i].failed);
    }
    free(theirs->trace);
}
