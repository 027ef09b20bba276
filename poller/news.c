/* news: see news.h. */
#include "news.h"

#include "fault.h"
#include "log.h"
#include "money.h"
#include "utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { LARGEST_SQL = 1 << 20, REASON = 255 };

void
news_read_row(struct receipt_row *row, const struct db_rows *rows)
{
    *row = (struct receipt_row){
        .id = db_uint(rows, 0),
        .event_id = db_uint(rows, 1),
        .uid = db_uint(rows, 2),
        .log_id = db_uint(rows, 3),
        .kopecks = (int64_t)db_uint(rows, 4),
        .looks = (unsigned)db_uint(rows, 5),
        .sent = db_uint(rows, 6) != 0,
        .burnt = db_uint(rows, 7) != 0,
        .replaced = db_uint(rows, 8) != 0,
    };
    utf8_copy(
        row->number, sizeof row->number, db_col(rows, 9), db_len(rows, 9));
    utf8_copy(
        row->task_id, sizeof row->task_id, db_col(rows, 10), db_len(rows, 10));
    utf8_copy(row->log_table, sizeof row->log_table, db_col(rows, 11),
        db_len(rows, 11));
}

bool
news_fits(const struct receipt_row *row, const struct komtet_task *task)
{
    if (*row->task_id && *task->id && strcmp(row->task_id, task->id) != 0)
        return false;
    return !*task->number || strcmp(row->number, task->number) == 0;
}

static bool
is_known(const struct news *news)
{
    return news->outcome.class == OUTCOME_ACCEPTED;
}

/* The till may round or charge otherwise: somebody must see it. */
static bool
sum_differs(const struct news *news)
{
    int64_t sum = news->task.fiscal.s_kopecks;

    return sum != KOMTET_NO_SUM && sum != news->receipt.kopecks;
}

static void
print_failure(const struct komtet_task *task, char text[REASON + 1])
{
    char why[OUTCOME_TEXT + 64];
    int n = snprintf(why, sizeof why, "the till refused it: %s",
        *task->error ? task->error : "no reason given");

    utf8_copy(text, REASON + 1, why, (size_t)n);
}

/* Why it is not as it should be, or "". */
static void
print_error(const struct news *news, char text[REASON + 1])
{
    char sum[MONEY_TEXT], ours[MONEY_TEXT];

    text[0] = '\0';
    if (!is_known(news))
        utf8_copy(
            text, REASON + 1, news->outcome.why, strlen(news->outcome.why));
    else if (news->task.stage == KOMTET_FAILED)
        print_failure(&news->task, text);
    else if (news->task.stage == KOMTET_DONE && sum_differs(news))
        snprintf(text, REASON + 1, "the till has %s in place of %s",
            money_print(news->task.fiscal.s_kopecks, sum),
            money_print(news->receipt.kopecks, ours));
}

/* Pauses between two questions double, up to the longest. */
static int64_t
look_after_us(const struct engine *e, const struct news *news)
{
    int64_t pause = e->set->receipt.look_first_ms;
    int64_t longest = e->set->receipt.look_longest_ms;

    for (unsigned i = 0; i < news->receipt.looks && pause < longest; i++)
        pause *= 2;
    return (pause < longest ? pause : longest) * 1000;
}

static void
add_filled(struct bytes *sql, const char *column, const char *text)
{
    if (!*text)
        return;
    bytes_printf(sql, ", %s = ", column);
    db_text(sql, text);
}

static void
add_fiscal(struct bytes *sql, const struct komtet_task *task)
{
    const struct komtet_fiscal *f = &task->fiscal;

    add_filled(sql, "fiscal_i", f->i);
    add_filled(sql, "fiscal_fn", f->fn);
    add_filled(sql, "fiscal_t", f->t);
    add_filled(sql, "fiscal_n", f->n);
    add_filled(sql, "fiscal_fp", f->fp);
    add_filled(sql, "fiscal_rn", f->rn);
    add_filled(sql, "fiscal_sh", f->sh);
    add_filled(sql, "fiscal_shn", f->shn);
    if (f->s_kopecks != KOMTET_NO_SUM)
        bytes_printf(sql, ", fiscal_kopecks = %" PRId64, f->s_kopecks);
    add_filled(sql, "link", task->link);
}

static const char *
stage_of(enum komtet_stage stage)
{
    if (stage == KOMTET_DONE)
        return "done";
    return stage == KOMTET_FAILED ? "failed" : "accepted";
}

/* Of what the news may still change the stage. A doubt ends with any; a
 * receipt that failed may be done after all: somebody has sent it again from
 * Komtet's cabinet, perhaps beside the one that took its place. An answer that
 * says nothing of a task changes none. */
static const char *
stages_before(const struct news *news)
{
    if (!is_known(news))
        return "'new', 'accepted'";
    return news->task.stage == KOMTET_DONE
               ? "'new', 'accepted', 'failed', 'doubtful', 'closed', 'replaced'"
               : "'new', 'accepted', 'doubtful'";
}

static void
add_next_look(
    struct bytes *sql, const struct engine *e, const struct news *news)
{
    bytes_printf(sql,
        ", look_utc = UTC_TIMESTAMP(3) + INTERVAL %" PRId64 " MICROSECOND",
        look_after_us(e, news));
}

static void
add_answer(struct bytes *sql, const struct engine *e, const struct news *news)
{
    const struct komtet_task *task = &news->task;

    bytes_printf(sql, ", stage = '%s'", stage_of(task->stage));
    bytes_str(sql, ", accepted_utc = COALESCE(accepted_utc,"
                   " UTC_TIMESTAMP(3)), task_state = ");
    db_text(sql, task->state);
    add_filled(sql, "task_id", task->id);
    add_fiscal(sql, task);
    if (task->final) {
        bytes_str(sql, ", ended_utc = UTC_TIMESTAMP(3), look_utc = NULL");
    } else {
        bytes_str(sql, ", ended_utc = NULL");
        add_next_look(sql, e, news);
    }
}

static void
add_receipt(struct bytes *sql, const struct engine *e, const struct news *news)
{
    char error[REASON + 1];

    print_error(news, error);
    bytes_str(sql, "UPDATE receipt SET looks = looks + 1, error = ");
    db_text(sql, *error ? error : NULL);
    if (is_known(news))
        add_answer(sql, e, news);
    else
        add_next_look(sql, e, news);
    bytes_printf(sql, " WHERE id = %" PRIu64 " AND stage IN (%s);",
        news->receipt.id, stages_before(news));
}

/* A delivery whose receipt the till refused is dead; one whose receipt Komtet
 * tells of is done, whatever became of its own call. One that is under way is
 * left to its reply, and one whose receipt did not come to this stage, for its
 * end was known before, is left as it is. */
static void
add_delivery(struct bytes *sql, const struct news *news)
{
    bool failed = news->task.stage == KOMTET_FAILED;
    char error[REASON + 1];

    if (!is_known(news))
        return;
    print_error(news, error);
    bytes_printf(sql,
        "UPDATE delivery SET state = '%s', ask = FALSE, changed_utc ="
        " UTC_TIMESTAMP(3), reason = ",
        failed ? "dead" : "done");
    db_text(sql, *error ? error : NULL);
    bytes_printf(sql,
        " WHERE event_id = %" PRIu64
        " AND action = 'receipt' AND receiver = 0 AND log_id = %" PRIu64
        " AND lane = 'komtet' AND state IN ('ready', 'retry', 'doubtful', "
        "'held', %s)"
        " AND EXISTS (SELECT 1 FROM receipt AS r WHERE r.id = %" PRIu64
        " AND r.stage = '%s');",
        news->receipt.event_id, news->receipt.log_id,
        failed ? "'done'" : "'dead'", news->receipt.id,
        stage_of(news->task.stage));
}

/* The billing's list of receipts. What is final there only another end
 * changes. */
static void
add_log(struct bytes *sql, const struct engine *e, const struct news *news)
{
    char error[REASON + 1];

    if (!is_known(news))
        return;
    print_error(news, error);
    billing_lock_row(
        sql, &e->billing, news->receipt.log_table, "id", news->receipt.log_id);
    bytes_str(sql, "UPDATE ");
    db_name(sql, e->billing.name);
    bytes_chr(sql, '.');
    db_name(sql, news->receipt.log_table);
    bytes_str(sql, " SET state = ");
    db_text(sql, news->task.state);
    bytes_str(sql, ", error = ");
    db_text(sql, *error ? error : NULL);
    if (komtet_int_id(news->task.id))
        add_filled(sql, "ext_id", news->task.id);
    bytes_printf(sql,
        " WHERE id = %" PRIu64 " AND COALESCE(state, '') NOT IN ('done'%s);",
        news->receipt.log_id, news->task.final ? "" : ", 'error'");
}

/* *in_log: it was the packet with the billing's list that failed. */
static enum db_status
write_news(
    struct engine *e, const struct news *list, bool with_log, bool *in_log)
{
    struct bytes sql = bytes_make(LARGEST_SQL), log = bytes_make(LARGEST_SQL);
    enum db_status status = owner_begin(&e->owner, e->db);

    *in_log = false;
    if (status != DB_OK)
        return status;
    fault_point("news.begun");
    for (const struct news *n = list; n; n = n->next) {
        add_receipt(&sql, e, n);
        add_delivery(&sql, n);
        if (with_log)
            add_log(&log, e, n);
    }
    status = db_run(e->db, &sql);
    bytes_free(&sql);
    fault_point("news.written");
    if (status == DB_OK) {
        status = owner_commit_with(&e->owner, e->db, &log);
        *in_log = with_log && status != DB_OK;
        fault_point("news.committed");
        return status;
    }
    bytes_free(&log);
    db_rollback(e->db);
    return status;
}

/* It could not be asked; it will be again. */
static bool
is_passing(const struct news *news)
{
    return !is_known(news) && news->outcome.class != OUTCOME_ABSENT;
}

static void
tell(const struct news *news)
{
    const struct receipt_row *r = &news->receipt;
    const struct log_subject about = {
        .event = r->event_id, .uid = r->uid, .lane = komtet.name
    };
    char error[REASON + 1];

    print_error(news, error);
    if (is_known(news) && news->task.stage == KOMTET_DONE && r->replaced)
        log_about(LOG_ERROR, &about,
            "receipt %s (uid %" PRIu64 ") is fiscal after all, although "
            "another one took its place: see mbevctl show %" PRIu64,
            r->number, r->uid, r->event_id);
    else if (*error)
        log_about(is_passing(news) ? LOG_WARNING : LOG_ERROR, &about,
            "receipt %s (uid %" PRIu64 "): %s; see mbevctl receipts", r->number,
            r->uid, error);
    else if (news->task.stage == KOMTET_DONE)
        log_about(LOG_INFO, &about,
            "receipt %s (uid %" PRIu64 ") is fiscal: document %s", r->number,
            r->uid, news->task.fiscal.i);
    else
        log_about(LOG_DEBUG, &about, "receipt %s (uid %" PRIu64 ") is %s",
            r->number, r->uid, news->task.state);
}

static enum db_status
record_together(struct engine *e, const struct news *list)
{
    bool in_log;
    enum db_status status =
        write_news(e, list, e->billing.has_receipts, &in_log);

    if (status == DB_REFUSED && in_log && !e->owner.lost &&
        !trouble_is_general(db_errno(e->db))) {
        trouble_tell(&e->trouble, LOG_ERROR,
            "receipt: the list of receipts of the billing cannot be written: "
            "%s; see sql/grants.sql",
            db_error(e->db));
        status = write_news(e, list, false, &in_log);
    }
    for (const struct news *n = list; status == DB_OK && n; n = n->next)
        tell(n);
    return status;
}

/* Where the server can only wait for a row of the billing, one is held at a
 * time. */
enum db_status
news_record(struct engine *e, const struct news *list)
{
    enum db_status status = DB_OK;

    if (e->billing.locks_at_once)
        return record_together(e, list);
    for (const struct news *n = list; status == DB_OK && n; n = n->next) {
        struct news one = *n;

        one.next = NULL;
        status = record_together(e, &one);
    }
    return status;
}
