/* callback: see callback.h. */
#include "callback.h"

#include "atwork.h"
#include "clock.h"
#include "fault.h"
#include "hash.h"
#include "hmac.h"
#include "listen.h"
#include "log.h"
#include "news.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_WAITING = 64,
    MOST_BYTES = 64 * 1024,
    MOST_CONNECTIONS = 64,
    TIMEOUT_S = 10,
    OPEN_AGAIN_US = 60 * 1000000,
    TELL_AGAIN_US = 60 * 1000000,
    LARGEST_SQL = 8192,
    HTTP_OK = 200,
    HTTP_BAD_REQUEST = 400,
    HTTP_UNAUTHORIZED = 401,
};

/* One that waits to be recorded and answered. */
struct heard {
    struct listen_call *call;
    struct komtet_task task;
};

struct callback {
    struct engine *e;
    struct listen *listen; /* NULL = not open */
    int64_t open_us;       /* boot clock: when to try to open it */
    bool outdated;         /* it is open by other settings */
    struct heard heard[MOST_WAITING];
    size_t n;
    int64_t tell_us; /* when to tell of wrong ones again */
    uint64_t untold; /* how many were wrong and not told of */
};

struct callback *
callback_make(struct engine *e)
{
    struct callback *c = calloc(1, sizeof *c);

    if (c)
        c->e = e;
    return c;
}

void
callback_close(struct callback **callback)
{
    if (!*callback)
        return;
    (*callback)->e->wake.listen[WAKE_CALLBACK] = NULL;
    listen_close(&(*callback)->listen);
    free(*callback);
    *callback = NULL;
}

bool
callback_waits(const struct callback *c)
{
    return c->n > 0;
}

/* --- hearing ------------------------------------------------------------- */

/* The address that Komtet has been told, which its signature covers. */
static const char *
public_url(const struct settings *set)
{
    return *set->callback.url ? set->callback.url : set->receipt.callback_url;
}

/* Compares all of it, so that the time it takes tells nothing. */
static bool
is_same(const char *a, const char *b, size_t n)
{
    unsigned char differ = 0;

    for (size_t i = 0; i < n; i++)
        differ |= (unsigned char)(a[i] ^ b[i]);
    return differ == 0;
}

static bool
is_genuine(const struct settings *set, const struct listen_request *request)
{
    const char *url = public_url(set);
    const struct md5_part parts[] = { { "POST", 4 }, { url, strlen(url) },
        { request->body, request->body_len } };
    char digest[HMAC_MD5_TEXT];

    if (!*set->komtet.secret || !request->header ||
        strlen(request->header) != HMAC_MD5_TEXT - 1 ||
        !hmac_md5_hex(set->komtet.secret, parts, 3, digest))
        return false;
    return is_same(request->header, digest, HMAC_MD5_TEXT - 1);
}

/* Whoever finds the port must not be able to fill the log. */
static int
complain(struct callback *c, const char *what, const char *cure, int status)
{
    c->untold++;
    if (clock_boot_us() >= c->tell_us) {
        log_warning("callback: %s (%" PRIu64
                    " since the last of these lines)%s",
            what, c->untold, cure);
        c->tell_us = clock_boot_us() + TELL_AGAIN_US;
        c->untold = 0;
    }
    return status;
}

/* By what it says, for it has no name yet. */
static bool
read_task(const struct listen_request *request, struct komtet_task *task)
{
    char name[24];
    bool good = false;

    snprintf(name, sizeof name, "%016" PRIx64, hash_text(request->body));
    if (!atwork_refuses(WORK_CALLBACK, name, NULL)) {
        atwork_begin(WORK_CALLBACK, name, NULL);
        fault_point("callback.read");
        good = komtet_task_read(request->body, request->body_len, task);
        atwork_end();
    }
    return good && (*task->id || *task->number);
}

/* 0: it waits. Any other status is its answer. */
static int
take(struct callback *c, struct listen_call *call,
    const struct listen_request *request)
{
    struct heard *heard = &c->heard[c->n];

    if (c->n == MOST_WAITING || c->e->owner.epoch == 0)
        return HTTP_UNAVAILABLE;
    if (!is_genuine(c->e->set, request))
        return complain(c, "the signature is wrong",
            "; check [komtet] secret, and that [callback] url, or else "
            "[receipt] callback_url, is the address that komtet calls",
            HTTP_UNAUTHORIZED);
    if (!read_task(request, &heard->task))
        return complain(c, "it tells of no task", "", HTTP_BAD_REQUEST);
    heard->call = call;
    c->n++;
    return 0;
}

static void
on_heard(
    void *arg, struct listen_call *call, const struct listen_request *request)
{
    int status = take(arg, call, request);

    if (status)
        listen_answer(call, status);
}

void
callback_renew(struct callback *c)
{
    c->outdated = true;
}

/* Whoever waits is answered first. */
static void
close_outdated(struct callback *c)
{
    if (!c->outdated || c->n > 0)
        return;
    c->e->wake.listen[WAKE_CALLBACK] = NULL;
    listen_close(&c->listen);
    c->outdated = false;
    c->open_us = 0;
}

void
callback_listen(struct engine *e)
{
    struct callback *c = e->callback;
    const struct listen_route route = { .path = e->set->callback.path };
    const struct listen_settings set = {
        .address = e->set->callback.address,
        .port = (uint16_t)e->set->callback.port,
        .routes = &route,
        .routes_n = 1,
        .header = "X-HMAC-Signature",
        .rate = (unsigned)e->set->callback.rate,
        .most_bytes = MOST_BYTES,
        .timeout_s = TIMEOUT_S,
        .most_connections = MOST_CONNECTIONS,
    };
    char why[256];

    close_outdated(c);
    if (!e->set->callback.on || c->listen || clock_boot_us() < c->open_us)
        return;
    c->listen = listen_open(&set, on_heard, c, why, sizeof why);
    e->wake.listen[WAKE_CALLBACK] = c->listen;
    if (c->listen)
        log_info("callback: listening on %s port %u", set.address,
            (unsigned)listen_port(c->listen));
    else if (c->open_us == 0)
        log_error(
            "callback: komtet is not heard: %s; tried again each minute", why);
    c->open_us = clock_boot_us() + OPEN_AGAIN_US;
}

/* --- recording ----------------------------------------------------------- */

/* The server compares no other text with a number of ours, which is ASCII, but
 * fails: the task of somebody else may be called anything. */
static enum db_status
read_candidates(
    struct engine *e, const struct komtet_task *task, struct db_rows **rows)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    enum db_status status;

    bytes_printf(&sql,
        "SELECT " RECEIPT_COLUMNS " FROM receipt AS r WHERE %s CONVERT(",
        *task->number ? "r.number =" : "r.task_id =");
    db_text(&sql, *task->number ? task->number : task->id);
    bytes_str(&sql, " USING ascii) ORDER BY r.id DESC");
    status = db_query(e->db, &sql, rows);
    bytes_free(&sql);
    return status;
}

/* A number that we took and have not sent yet may be somebody else's: that is
 * no news of ours. */
static bool
is_ours(const struct receipt_row *row, const struct komtet_task *task)
{
    int64_t sum = task->fiscal.s_kopecks;

    return news_fits(row, task) && row->sent && !row->burnt &&
           (*row->task_id || sum == KOMTET_NO_SUM || sum == row->kopecks);
}

/* *found: it is about a receipt of ours. */
static enum db_status
find(struct engine *e, struct news *news, bool *found)
{
    struct db_rows *rows;
    enum db_status status = read_candidates(e, &news->task, &rows);

    *found = false;
    if (status != DB_OK)
        return status;
    while (!*found && db_next(rows)) {
        news_read_row(&news->receipt, rows);
        *found = is_ours(&news->receipt, &news->task);
    }
    db_rows_close(&rows);
    if (!*found)
        log_warning("callback: komtet tells of task %s, number %s, which is "
                    "no receipt of ours",
            news->task.id, news->task.number);
    return DB_OK;
}

static enum db_status
record(struct engine *e, const struct komtet_task *task)
{
    struct news news = { .outcome.class = OUTCOME_ACCEPTED, .task = *task };
    bool found;
    enum db_status status = find(e, &news, &found);

    return status == DB_OK && found ? news_record(e, &news) : status;
}

/* One that meets a lock does not keep the others from being recorded. */
enum db_status
callback_due(struct engine *e)
{
    struct callback *c = e->callback;
    enum db_status all = DB_OK;

    fault_point("callback.heard");
    for (size_t i = 0; i < c->n; i++) {
        enum db_status one = DB_GONE;

        if (all != DB_GONE && !e->owner.lost)
            one = record(e, &c->heard[i].task);
        fault_point("callback.booked");
        listen_answer(
            c->heard[i].call, one == DB_OK ? HTTP_OK : HTTP_UNAVAILABLE);
        if (!e->owner.lost)
            engine_keep_first(e, &all, one);
    }
    c->n = 0;
    return e->owner.lost ? DB_REFUSED : all;
}
