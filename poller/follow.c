/* follow: see follow.h. */
#include "follow.h"

#include "atwork.h"
#include "clock.h"
#include "fault.h"
#include "log.h"
#include "news.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In the book of crashes. */
static const char the_queue[] = "queue";

enum {
    SWEEP_US = 10 * 1000000,
    BUSY_PAUSE_US = 5 * 1000000,
    LOCK_WAITED_US = 1000000,
    GAP_US = 100000, /* what falls due within that is asked about together */
    EACH_TURN = 4,   /* while receipts wait to be sent, every so manieth request
                        is a question */
};

/* A question under way: about a receipt, or about the queue. */
struct ask {
    struct ask *next;
    struct engine *e;
    struct news *news; /* NULL: about the queue; owned */
};

struct follow {
    struct ask *first;
    size_t active;
    struct news *answered, **last; /* not recorded yet, in order */
    size_t answers;
    bool table_read;              /* table till was */
    bool queue_off;               /* as far as is known */
    bool queue_known, queue_news; /* it was answered; and not recorded yet */
    bool waiting;      /* a look found a receipt that the till has not done */
    int64_t record_us; /* boot clock: answers that met a lock wait until then */
    int64_t due_us;    /* boot clock: when receipts may be due next */
    int64_t asked_us;  /* when the last question began */
    int64_t queue_us;  /* when to ask about the queue again */
};

struct follow *
follow_make(void)
{
    struct follow *f = calloc(1, sizeof *f);

    if (f)
        f->last = &f->answered;
    return f;
}

static void
keep_answer(struct follow *f, struct news *news)
{
    news->next = NULL;
    *f->last = news;
    f->last = &news->next;
    f->answers++;
}

static void
free_news(struct follow *f)
{
    for (struct news *n = f->answered, *next; n; n = next) {
        next = n->next;
        free(n);
    }
    f->answered = NULL;
    f->last = &f->answered;
    f->answers = 0;
}

void
follow_close(struct follow **follow)
{
    struct follow *f = *follow;

    if (!f)
        return;
    for (struct ask *a = f->first, *next; a; a = next) {
        next = a->next;
        free(a->news);
        free(a);
    }
    free_news(f);
    free(f);
    *follow = NULL;
}

size_t
follow_active(const struct follow *f)
{
    return f->active + f->answers;
}

void
follow_renew(struct follow *f)
{
    f->table_read = f->queue_known = f->queue_off = false;
    f->queue_us = 0;
}

/* --- asking -------------------------------------------------------------- */

static void
unlink_ask(struct follow *f, struct ask *ask)
{
    struct ask **at = &f->first;

    while (*at && *at != ask)
        at = &(*at)->next;
    if (*at)
        *at = ask->next;
    f->active--;
    lane_end_other(ask->e->lane[LANE_KOMTET]);
    free(ask);
}

static void
read_failure(const struct http_reply *reply, struct outcome *out)
{
    *out = (struct outcome){ .class = OUTCOME_TRANSIENT };
    snprintf(
        out->why, sizeof out->why, "komtet cannot be asked: %s", reply->error);
}

static void
on_task(struct follow *f, struct news *news, const struct http_reply *reply)
{
    if (reply->error)
        read_failure(reply, &news->outcome);
    else
        komtet_track_read(reply, &news->outcome, &news->task);
    if (news->outcome.class == OUTCOME_ACCEPTED &&
        !news_fits(&news->receipt, &news->task)) {
        news->outcome.class = OUTCOME_UNKNOWN;
        snprintf(news->outcome.why, sizeof news->outcome.why,
            "komtet tells of another receipt under this id");
    }
    f->waiting |= !news->task.final;
    keep_answer(f, news);
}

static void
on_queue(struct follow *f, const struct http_reply *reply)
{
    struct outcome out;
    bool active;

    if (reply->error)
        return;
    komtet_queue_read(reply, &out, &active);
    if (out.class != OUTCOME_ACCEPTED) {
        log_warning(
            "receipt: the state of the tills is not known: %s", out.why);
        return;
    }
    if (!active && (!f->queue_known || !f->queue_off))
        log_error("receipt: the queue of tills is switched off in komtet's "
                  "cabinet: receipts wait there until it is on again");
    else if (active && f->queue_off)
        log_info("receipt: the queue of tills is switched on again");
    f->queue_known = f->queue_news = true;
    f->queue_off = !active;
}

static void
on_reply(void *arg, const struct http_reply *reply)
{
    struct ask *ask = arg;
    struct follow *f = ask->e->follow;
    struct news *news = ask->news;

    atwork_begin(WORK_FOLLOW, news ? news->receipt.number : the_queue, NULL);
    fault_point_at("follow.told", news ? news->receipt.uid : 0);
    unlink_ask(f, ask);
    if (news)
        on_task(f, news, reply);
    else
        on_queue(f, reply);
    atwork_end();
}

/* Starts a question; news is freed when that fails. */
static bool
start(struct engine *e, struct news *news, const struct http_request *request)
{
    struct follow *f = e->follow;
    struct ask *ask = calloc(1, sizeof *ask);

    fault_point("follow.ask");
    if (!ask || !http_start(e->http, request, on_reply, ask)) {
        free(ask);
        free(news);
        return false;
    }
    *ask = (struct ask){ .next = f->first, .e = e, .news = news };
    f->first = ask;
    f->active++;
    f->asked_us = clock_boot_us();
    lane_begin_other(e->lane[LANE_KOMTET]);
    return true;
}

static void
exclude_running(struct bytes *sql, const struct follow *f)
{
    bytes_str(sql, " AND r.id NOT IN (0");
    for (const struct ask *a = f->first; a; a = a->next)
        if (a->news)
            bytes_printf(sql, ",%" PRIu64, a->news->receipt.id);
    for (const struct news *n = f->answered; n; n = n->next)
        bytes_printf(sql, ",%" PRIu64, n->receipt.id);
    bytes_chr(sql, ')');
}

static enum db_status
read_due(struct engine *e, size_t most, struct db_rows **rows)
{
    struct bytes sql = bytes_make(64 * 1024);
    enum db_status status;

    bytes_str(&sql, "SELECT " RECEIPT_COLUMNS " FROM receipt AS r"
                    " WHERE r.stage = 'accepted'"
                    " AND r.look_utc <= UTC_TIMESTAMP(3)");
    exclude_running(&sql, e->follow);
    owner_add_parts(&sql, &e->owner, "r.uid % 32");
    bytes_printf(&sql, " ORDER BY r.look_utc LIMIT %zu", most);
    status = db_query(e->db, &sql, rows);
    bytes_free(&sql);
    return status;
}

static void
give_up(struct engine *e, struct news *news, const char *why)
{
    news->outcome.class = OUTCOME_UNKNOWN;
    snprintf(news->outcome.why, sizeof news->outcome.why, "%s", why);
    keep_answer(e->follow, news);
}

static void
ask_about(struct engine *e, const struct db_rows *rows)
{
    struct news *news = calloc(1, sizeof *news);
    struct http_request request;

    if (!news)
        return;
    news_read_row(&news->receipt, rows);
    if (atwork_refuses(WORK_FOLLOW, news->receipt.number, NULL))
        give_up(e, news,
            "the service crashed when komtet told of it: it is not asked "
            "about any more; see it in the cabinet");
    else if (komtet_track_build(e->set, news->receipt.task_id, &request))
        start(e, news, &request);
    else /* Somebody has changed it. */
        give_up(e, news, "the id of its task at komtet makes no question");
}

/* When the next is due, at the latest the sweep. To be called before what is
 * due is read: what falls due between the two is found by either. */
static enum db_status
read_next_due(struct engine *e)
{
    int64_t now_us = clock_boot_us();
    struct db_rows *rows;
    enum db_status status = db_ask(e->db,
        "SELECT TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(3), MIN(look_utc))"
        " FROM receipt WHERE stage = 'accepted'"
        " AND look_utc > UTC_TIMESTAMP(3)",
        &rows);

    e->follow->due_us = now_us + SWEEP_US;
    if (status != DB_OK)
        return status;
    if (db_next(rows) && db_col(rows, 0) &&
        now_us + (int64_t)db_uint(rows, 0) < e->follow->due_us)
        e->follow->due_us = now_us + (int64_t)db_uint(rows, 0);
    if (e->follow->due_us < now_us + GAP_US)
        e->follow->due_us = now_us + GAP_US;
    db_rows_close(&rows);
    return DB_OK;
}

/* Asks as many as there is room for; when there were more, the rest is due at
 * once. */
static enum db_status
ask_due(struct engine *e)
{
    size_t room = lane_room(e->lane[LANE_KOMTET]);
    struct db_rows *rows;
    enum db_status status = read_next_due(e);

    if (status == DB_OK)
        status = read_due(e, room, &rows);
    if (status != DB_OK)
        return status;
    if (db_rows_count(rows) == room)
        e->follow->due_us = 0;
    while (db_next(rows))
        ask_about(e, rows);
    db_rows_close(&rows);
    return DB_OK;
}

/* Only while receipts wait for the till, or until it is on again. */
static bool
wants_queue(const struct follow *f)
{
    return f->waiting || f->queue_off;
}

static void
ask_queue(struct engine *e)
{
    struct follow *f = e->follow;
    struct http_request request;

    if (!wants_queue(f) || clock_boot_us() < f->queue_us)
        return;
    f->queue_us = clock_boot_us() + e->set->receipt.look_longest_ms * 1000;
    if (atwork_refuses(WORK_FOLLOW, the_queue, NULL))
        return;
    if (komtet_queue_build(e->set, &request) && start(e, NULL, &request))
        f->waiting = false;
}

/* What was known before we started. */
static enum db_status
read_queue(struct engine *e)
{
    struct bytes sql = bytes_make(1024);
    struct db_rows *rows;
    enum db_status status;

    bytes_str(&sql, "SELECT active FROM till WHERE queue = ");
    db_text(&sql, e->set->komtet.queue);
    status = db_query(e->db, &sql, &rows);
    bytes_free(&sql);
    if (status != DB_OK)
        return status;
    e->follow->queue_off = db_next(rows) && db_uint(rows, 0) == 0;
    e->follow->table_read = true;
    db_rows_close(&rows);
    return DB_OK;
}

/* --- recording ----------------------------------------------------------- */

static enum db_status
record_queue(struct engine *e)
{
    struct bytes sql = bytes_make(4096);
    enum db_status status;

    bytes_str(&sql, "INSERT INTO till (queue, active, changed_utc, checked_utc)"
                    " VALUES (");
    db_text(&sql, e->set->komtet.queue);
    bytes_printf(&sql,
        ",%d,UTC_TIMESTAMP(3),UTC_TIMESTAMP(3)) ON DUPLICATE KEY UPDATE"
        " changed_utc = IF(active = VALUES(active), changed_utc,"
        " VALUES(changed_utc)), active = VALUES(active),"
        " checked_utc = VALUES(checked_utc);",
        !e->follow->queue_off);
    status = owner_run(&e->owner, e->db, &sql);
    if (status == DB_OK)
        e->follow->queue_news = false;
    return status;
}

/* Records the first; one that is held goes to the end. */
static enum db_status
record_first(struct engine *e)
{
    struct follow *f = e->follow;
    struct news *one = f->answered;
    enum db_status status;

    if (!one)
        return DB_OK;
    f->answered = one->next;
    if (!f->answered)
        f->last = &f->answered;
    f->answers--;
    one->next = NULL;
    status = news_record(e, one);
    if (status == DB_OK)
        free(one);
    else
        keep_answer(f, one);
    return status;
}

/* Somebody holds a row that one of them needs. The others do not wait for it:
 * one after the other until the first for which the server has waited. */
static enum db_status
record_one_by_one(struct engine *e)
{
    int64_t until_us = clock_boot_us() + LOCK_WAITED_US;
    enum db_status status = DB_OK;

    for (size_t n = e->follow->answers; n > 0; n--) {
        status = record_first(e);
        if (status != DB_OK &&
            (status != DB_BUSY || clock_boot_us() >= until_us))
            return status;
    }
    return e->follow->answered ? DB_BUSY : DB_OK;
}

/* The next questions are due no sooner than the first pause from now. */
static enum db_status
record_news(struct engine *e)
{
    enum db_status status = news_record(e, e->follow->answered);

    if (status == DB_OK)
        free_news(e->follow);
    else if (status == DB_BUSY)
        status = record_one_by_one(e);
    follow_due_by(e, clock_boot_us() + e->set->receipt.look_first_ms * 1000);
    return status;
}

static enum db_status
record_answers(struct engine *e)
{
    struct follow *f = e->follow;
    enum db_status status = DB_OK;

    if (clock_boot_us() < f->record_us)
        return DB_OK;
    if (f->answered)
        status = record_news(e);
    if (status == DB_OK && f->queue_news)
        status = record_queue(e);
    if (status == DB_BUSY)
        f->record_us = clock_boot_us() + BUSY_PAUSE_US;
    return status;
}

/* --- the duty ------------------------------------------------------------ */

/* While receipts wait to be sent, these go first. */
static int64_t
turn_us(const struct engine *e)
{
    const struct lane *lane = e->lane[LANE_KOMTET];

    if (!e->backlog[LANE_KOMTET])
        return 0;
    return e->follow->asked_us + EACH_TURN * lane_gap_us(lane);
}

/* When there is something to ask, as far as the lane allows. */
static int64_t
ask_us(const struct engine *e)
{
    const struct follow *f = e->follow;
    int64_t us = f->due_us;

    if (wants_queue(f) && f->queue_us < us)
        us = f->queue_us;
    if (turn_us(e) > us)
        us = turn_us(e);
    if (us > clock_boot_us() || lane_room(e->lane[LANE_KOMTET]) > 0)
        return us;
    return lane_room_us(e->lane[LANE_KOMTET]);
}

int64_t
follow_due_us(const struct engine *e)
{
    const struct follow *f = e->follow;
    int64_t us = ask_us(e);

    if ((f->answered || f->queue_news) && f->record_us < us)
        us = f->record_us;
    return us;
}

void
follow_due_by(struct engine *e, int64_t us)
{
    if (us < e->follow->due_us)
        e->follow->due_us = us;
}

enum db_status
follow_due(struct engine *e)
{
    enum db_status status = record_answers(e);

    if (status == DB_OK && !e->follow->table_read)
        status = read_queue(e);
    if (status == DB_OK && clock_boot_us() >= ask_us(e)) {
        status = ask_due(e);
        if (lane_room(e->lane[LANE_KOMTET]) > 0)
            ask_queue(e);
    }
    if (status == DB_BUSY)
        e->follow->due_us = clock_boot_us() + BUSY_PAUSE_US;
    return status;
}
