/* ticker: see ticker.h. */
#include "ticker.h"

#include "clock.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SECOND_US = 1000000, TOLD_EACH_US = 10 * SECOND_US };

struct ticker {
    const char *name;
    unsigned steps, step; /* all of them, and which one it is */
    bool terminal;

    pthread_t thread;
    pthread_mutex_t lock; /* of all below, and of standard error */
    pthread_cond_t over;
    bool closed;
    bool shown; /* a line stands on the terminal */
    int line;
    int64_t begun_us; /* when the step began */
    int64_t told_us;  /* when it was last told elsewhere */
    bool waits;
    unsigned stage, stages; /* 0 = not known */
    double percent;
};

/* --- telling ------------------------------------------------------------- */

static void
clear(struct ticker *t)
{
    if (t->shown)
        fputs("\r\x1b[K", stderr);
    t->shown = false;
}

static void
tell(struct ticker *t)
{
    int64_t seconds = (clock_boot_us() - t->begun_us) / SECOND_US;

    fprintf(stderr, "%s: %u of %u", t->name, t->step, t->steps);
    if (seconds > 0)
        fprintf(stderr, ", line %d, %" PRId64 " s", t->line, seconds);
    if (t->waits)
        fputs(", waits for a table", stderr);
    if (t->stages > 0)
        fprintf(stderr, ", stage %u of %u, %.1f %%", t->stage, t->stages,
            t->percent);
}

static void
show(struct ticker *t)
{
    if (t->terminal) {
        clear(t);
        tell(t);
        t->shown = true;
    } else if (clock_boot_us() - t->told_us >= TOLD_EACH_US) {
        tell(t);
        fputc('\n', stderr);
        t->told_us = clock_boot_us();
    }
    fflush(stderr);
}

static void *
tick(void *arg)
{
    struct ticker *t = arg;
    struct timespec until;

    pthread_mutex_lock(&t->lock);
    while (!t->closed) {
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec++;
        pthread_cond_timedwait(&t->over, &t->lock, &until);
        if (!t->closed && t->step > 0)
            show(t);
    }
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

/* --- the ticker ---------------------------------------------------------- */

struct ticker *
ticker_open(const char *name, unsigned steps, bool terminal)
{
    struct ticker *t = calloc(1, sizeof *t);

    if (!t)
        return NULL;
    t->name = name;
    t->steps = steps;
    t->terminal = terminal;
    t->told_us = clock_boot_us();
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->over, NULL);
    if (pthread_create(&t->thread, NULL, tick, t) == 0)
        return t;
    free(t);
    return NULL;
}

void
ticker_close(struct ticker **t)
{
    if (!*t)
        return;
    pthread_mutex_lock(&(*t)->lock);
    (*t)->closed = true;
    clear(*t);
    pthread_cond_signal(&(*t)->over);
    pthread_mutex_unlock(&(*t)->lock);
    pthread_join((*t)->thread, NULL);
    pthread_cond_destroy(&(*t)->over);
    pthread_mutex_destroy(&(*t)->lock);
    free(*t);
    *t = NULL;
}

void
ticker_step(struct ticker *t, int line)
{
    if (!t)
        return;
    pthread_mutex_lock(&t->lock);
    t->step++;
    t->line = line;
    t->begun_us = clock_boot_us();
    t->waits = false;
    t->stages = 0;
    if (t->terminal)
        show(t);
    pthread_mutex_unlock(&t->lock);
}

void
ticker_progress(
    struct ticker *t, unsigned stage, unsigned stages, double percent)
{
    if (!t)
        return;
    pthread_mutex_lock(&t->lock);
    t->stage = stage;
    t->stages = stages;
    t->percent = percent;
    pthread_mutex_unlock(&t->lock);
}

void
ticker_wait(struct ticker *t)
{
    if (!t)
        return;
    pthread_mutex_lock(&t->lock);
    t->waits = true;
    pthread_mutex_unlock(&t->lock);
}

void
ticker_clear(struct ticker *t)
{
    if (!t)
        return;
    pthread_mutex_lock(&t->lock);
    clear(t);
    t->step = 0; /* until the next one nothing is shown */
    pthread_mutex_unlock(&t->lock);
}
