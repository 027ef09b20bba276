/* task: see task.h. */
#include "routers/task.h"

#include "fault.h"
#include "reset.h"
#include "utf8.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST = 1 << 20 };

/* One delivery on its way to all its routers. */
struct task {
    struct lane *lane;
    const struct router_list *all;
    struct delivery *delivery; /* the lane's */
    struct reset reset;
    struct job *job; /* owned: one for each router */
    size_t n, pending;
    size_t failed;
    bool narrow;        /* only where the billing sees the subscriber */
    unsigned ended;     /* sessions */
    struct bytes where; /* they were ended */
    struct bytes why;   /* of the routers that have failed */
};

static void
free_task(struct task *task)
{
    reset_free(&task->reset);
    free(task->job);
    bytes_free(&task->where);
    bytes_free(&task->why);
    free(task);
}

static void
add_done(struct bytes *why, const struct task *task)
{
    size_t asked = task->n - task->failed;

    if (task->ended > 0)
        bytes_printf(why, "%u session%s ended on %s", task->ended,
            task->ended == 1 ? "" : "s", bytes_text(&task->where));
    else if (asked > 0)
        bytes_printf(
            why, "no session on %zu router%s", asked, asked == 1 ? "" : "s");
    else if (task->n == 0)
        bytes_str(why, task->reset.some
                           ? "the routers that failed are not in radnas any "
                             "more"
                           : "there is no router in radnas");
}

/* The billing may be behind: where it sees the subscriber there was no session.
 * Then all the others are asked, too. */
static bool
must_go_further(const struct task *task)
{
    return task->narrow && task->ended == 0 && task->failed == 0;
}

static void
set_reason(struct task *task)
{
    struct outcome *o = &task->delivery->outcome;
    struct bytes why = bytes_make(LARGEST);

    *o = (struct outcome){ 0 };
    add_done(&why, task);
    if (task->failed > 0)
        bytes_printf(&why, "%s%zu of %zu router%s failed: %s",
            why.n ? "; " : "", task->failed, task->n, task->n == 1 ? "" : "s",
            bytes_text(&task->why));
    if (must_go_further(task))
        bytes_str(&why, ", where the billing sees it; the others are next");
    utf8_copy(o->why, sizeof o->why, bytes_text(&why), why.n);
    bytes_free(&why);
}

/* Takes the list over: what is left to be done goes where the work is written
 * down. */
static void
note_left(struct task *task, uint32_t *left, size_t n)
{
    struct reset *r = &task->reset;
    char *payload;

    free(r->left);
    r->left = left;
    r->left_n = n;
    r->some = true;
    payload = reset_print(r);
    if (payload) {
        free(task->delivery->payload);
        task->delivery->payload = payload;
    }
}

static bool
has_done(const struct task *task, uint32_t id)
{
    for (size_t i = 0; i < task->n; i++)
        if (task->job[i].id == id)
            return task->job[i].order.state == ORDER_DONE;
    return false;
}

/* What was asked and failed is tried again; further, whatever was not asked. */
static bool
list_left(struct task *task, bool further)
{
    const struct router_list *all = task->all;
    size_t n = 0;
    uint32_t *left = calloc((further ? all->n : task->n) + 1, sizeof *left);

    if (!left)
        return false;
    for (size_t i = 0; further && i < all->n; i++) {
        uint32_t id = router_state(all->at[i]).id;

        if (!router_is_off(all->at[i]) && !has_done(task, id))
            left[n++] = id;
    }
    for (size_t i = 0; !further && i < task->n; i++)
        if (task->job[i].order.state != ORDER_DONE)
            left[n++] = task->job[i].id;
    note_left(task, left, n);
    return n > 0;
}

static void
end_task(struct task *task)
{
    struct delivery *d = task->delivery;
    bool done = task->failed == 0 || task->ended > 0;
    bool further = must_go_further(task);
    struct lane *lane = task->lane;

    set_reason(task);
    if (further || !done)
        done = !list_left(task, further) && done;
    d->outcome.class = done ? OUTCOME_ACCEPTED : OUTCOME_TRANSIENT;
    free_task(task);
    lane_finish(lane, d);
}

/* Of more than can be shown the rest is left out. */
static void
add_where(struct bytes *to, const char *address, const char *why)
{
    if (to->n < OUTCOME_TEXT)
        bytes_printf(to, "%s%s%s%s", to->n ? ", " : "", address,
            why ? ": " : "", why ? why : "");
}

void
task_job_done(void *arg, struct job *job, const char *why)
{
    struct task *task = job->owner;
    const char *address = router_state(job->router).address;

    (void)arg;
    fault_point_at("task.told", task->delivery->uid);
    if (why) {
        task->failed++;
        job->order.state = ORDER_OPEN;
        add_where(&task->why, address, why);
    } else {
        job->order.state = ORDER_DONE;
        task->ended += job->order.ended;
        if (job->order.ended > 0)
            add_where(&task->where, address, NULL);
    }
    if (--task->pending == 0)
        end_task(task);
}

static bool
is_left(const struct reset *reset, uint32_t id)
{
    for (size_t i = 0; i < reset->left_n; i++)
        if (reset->left[i] == id)
            return true;
    return false;
}

static bool
was_seen_on(const struct reset *reset, const char *address)
{
    for (size_t i = 0; i < reset->seen_n; i++)
        if (strcmp(reset->seen[i].nas, address) == 0)
            return true;
    return false;
}

/* Whether the billing sees the subscriber on a router that we know. */
static bool
is_somewhere(const struct router_list *all, const struct reset *reset)
{
    for (size_t i = 0; i < all->n; i++)
        if (!router_is_off(all->at[i]) &&
            was_seen_on(reset, router_state(all->at[i]).address))
            return true;
    return false;
}

static bool
is_meant(const struct reset *reset, bool somewhere, const struct router *router)
{
    struct router_state state = router_state(router);

    if (router_is_off(router))
        return false;
    if (reset->some)
        return is_left(reset, state.id);
    return !reset->only || !somewhere || was_seen_on(reset, state.address);
}

static void
choose_routers(struct task *task, struct router **chosen)
{
    const struct router_list *all = task->all;
    bool somewhere = is_somewhere(all, &task->reset);

    task->narrow = task->reset.only && somewhere && !task->reset.some;
    for (size_t i = 0; i < all->n; i++)
        if (is_meant(&task->reset, somewhere, all->at[i]))
            chosen[task->n++] = all->at[i];
}

/* One more is pending until all are given, for a job may end at once. */
static void
give_out(struct task *task, struct router **chosen)
{
    size_t n = task->n;

    task->pending = n + 1;
    for (size_t i = 0; i < n; i++) {
        task->job[i].owner = task;
        task->job[i].key = task->delivery->key;
        task->job[i].order = (struct order){ .login = task->reset.login,
            .seen = task->reset.seen,
            .seen_n = task->reset.seen_n };
        router_add(chosen[i], &task->job[i]);
    }
    if (--task->pending == 0)
        end_task(task);
}

static void
refuse(struct lane *lane, struct delivery *d, enum outcome_class class,
    const char *why)
{
    d->outcome = (struct outcome){ .class = class };
    snprintf(d->outcome.why, sizeof d->outcome.why, "%s", why);
    lane_finish(lane, d);
}

static struct task *
make_task(struct lane *lane, const struct router_list *all, struct delivery *d)
{
    struct task *task = calloc(1, sizeof *task);

    if (!task)
        return NULL;
    *task = (struct task){ .lane = lane,
        .all = all,
        .delivery = d,
        .where = bytes_make(LARGEST),
        .why = bytes_make(LARGEST),
        .job = calloc(all->n + 1, sizeof *task->job) };
    if (task->job)
        return task;
    free(task);
    return NULL;
}

void
task_start(struct lane *lane, const struct router_list *all, struct delivery *d)
{
    struct task *task = make_task(lane, all, d);
    struct router **chosen = calloc(all->n + 1, sizeof(struct router *));

    if (!task || !chosen) {
        refuse(lane, d, OUTCOME_TRANSIENT, "out of memory");
    } else if (!reset_parse(&task->reset, d->payload ? d->payload : "")) {
        if (errno == ENOMEM)
            refuse(lane, d, OUTCOME_TRANSIENT, "out of memory");
        else
            refuse(lane, d, OUTCOME_PERMANENT,
                "delivery.payload is not an order that this version reads");
    } else {
        choose_routers(task, chosen);
        give_out(task, chosen);
        task = NULL;
    }
    if (task)
        free_task(task);
    free(chosen);
}

void
task_forget(void *arg, struct job *job, const char *why)
{
    struct task *task = job->owner;

    (void)arg;
    (void)why;
    if (--task->pending == 0)
        free_task(task);
}
