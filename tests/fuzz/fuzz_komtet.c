/* Replies of Komtet: to a receipt, to questions about a task and the queue;
 * and what it tells by itself (callback). */
#include "fuzz_reply.h"

#include "providers/komtet.h"
#include "providers/provider.h"

static void
check_fiscal(const struct komtet_fiscal *f)
{
    const char *text[] = { f->i, f->fn, f->t, f->n, f->fp, f->rn, f->sh,
        f->shn };

    for (size_t i = 0; i < COUNT(text); i++)
        holds(fuzz_is_text(text[i], sizeof f->i));
    holds(f->s_kopecks >= KOMTET_NO_SUM);
}

/* Nothing that would end an address in a page. */
static void
check_link(const char *link)
{
    if (!*link)
        return;
    holds(
        strncmp(link, "http://", 7) == 0 || strncmp(link, "https://", 8) == 0);
    holds(!strpbrk(link, " \"'<>\\\x7F\n\r\t"));
}

static void
check_task(const struct komtet_task *task)
{
    bool known = task->stage == KOMTET_DONE || task->stage == KOMTET_FAILED;

    holds(task->stage <= KOMTET_UNKNOWN);
    holds(task->final == known);
    holds(fuzz_is_text(task->id, sizeof task->id));
    holds(fuzz_is_text(task->number, sizeof task->number));
    holds(fuzz_is_text(task->state, sizeof task->state));
    holds(fuzz_is_text(task->error, sizeof task->error));
    holds(fuzz_is_text(task->link, sizeof task->link));
    check_link(task->link);
    check_fiscal(&task->fiscal);
}

static void
receipt(const struct http_reply *reply)
{
    struct outcome out;

    memset(&out, 0xA5, sizeof out);
    komtet.read(reply, &out);
    fuzz_outcome(&out);
    holds(out.class != OUTCOME_ABSENT);
    if (out.class == OUTCOME_ACCEPTED)
        holds(
            *out.provider_id && (reply->status == 200 || reply->status == 201));
    if (out.class == OUTCOME_DUPLICATE || out.class == OUTCOME_PERMANENT)
        holds(reply->status == 422);
}

static void
track(const struct http_reply *reply)
{
    struct komtet_task task;
    struct outcome out;

    memset(&out, 0xA5, sizeof out);
    memset(&task, 0xA5, sizeof task);
    komtet_track_read(reply, &out, &task);
    fuzz_outcome(&out);
    check_task(&task);
    holds(out.class != OUTCOME_DUPLICATE && out.class != OUTCOME_PERMANENT);
    holds((out.class == OUTCOME_ABSENT) == (reply->status == 404));
}

static void
queue(const struct http_reply *reply)
{
    struct outcome out;
    bool open;

    memset(&out, 0xA5, sizeof out);
    komtet_queue_read(reply, &out, &open);
    fuzz_outcome(&out);
    holds(!open || out.class == OUTCOME_ACCEPTED);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_reply r = fuzz_reply(data, size);
    struct komtet_task task;

    receipt(&r.reply);
    track(&r.reply);
    queue(&r.reply);
    memset(&task, 0xA5, sizeof task);
    komtet_task_read(r.reply.body, r.reply.body_len, &task);
    check_task(&task);
    free(r.body);
    return 0;
}
