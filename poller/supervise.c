/* supervise: see supervise.h. */
#include "supervise.h"

#include "clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    STATUS_US = 3000000,
    FEEDS = 3, /* in the time of the watchdog */
};

void
supervise_open(struct supervise *s)
{
    *s = (struct supervise){ 0 };
    notify_open(&s->notify);
    s->feed_us = s->notify.watchdog_us ? 0 : INT64_MAX;
}

void
supervise_close(struct supervise *s)
{
    notify_close(&s->notify);
}

void
supervise_ready(struct supervise *s)
{
    if (!s->ready)
        notify_send(&s->notify, "READY=1");
    s->ready = true;
}

bool
supervise_wants_status(struct supervise *s)
{
    int64_t now_us = clock_boot_us();

    if (s->notify.fd < 0 || now_us < s->status_us)
        return false;
    s->status_us = now_us + STATUS_US;
    return true;
}

void
supervise_status(struct supervise *s, const char *status)
{
    if (strcmp(s->status, status) == 0)
        return;
    snprintf(s->status, sizeof s->status, "%s", status);
    notify_send(&s->notify, "STATUS=%s", s->status);
}

/* systemd tells by the time which reload this is. */
void
supervise_reload_begins(struct supervise *s)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    if (s->ready)
        notify_send(&s->notify, "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
            (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

void
supervise_reload_ends(struct supervise *s)
{
    if (s->ready)
        notify_send(&s->notify, "READY=1");
}

void
supervise_stops(struct supervise *s)
{
    if (!s->stopping)
        notify_send(&s->notify, "STOPPING=1");
    s->stopping = true;
}

void
supervise_feed(struct supervise *s)
{
    int64_t now_us = clock_boot_us();

    if (now_us < s->feed_us)
        return;
    notify_send(&s->notify, "WATCHDOG=1");
    s->feed_us = now_us + s->notify.watchdog_us / FEEDS;
}

int64_t
supervise_feed_us(const struct supervise *s)
{
    return s->feed_us;
}
