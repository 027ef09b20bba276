/* meter: see meter.h. */
#include "meter.h"

#include "civil.h"
#include "clock.h"

#include <stdlib.h>
#include <string.h>

#define TICK_US (10LL * 1000000)

const int64_t meter_bounds_ms[METER_BOUNDS] = { 10, 50, 100, 500, 1000, 5000,
    15000, 60000, 300000, 3600000 };

const char *
meter_result_name(enum meter_result result)
{
    static const char *const names[] = { "good", "again", "bad", "skipped" };

    return names[result];
}

const char *
meter_line_name(unsigned lane)
{
    return lane == METER_EVENTS ? "events"
                                : delivery_lane_name((enum lane_id)lane);
}

static void
count_tick(struct meter_line *line, enum meter_result result, uint64_t n)
{
    int64_t at = clock_boot_us() / TICK_US;
    size_t i = (size_t)(at % METER_TICKS);

    if (line->tick[i].at != at) {
        memset(&line->tick[i], 0, sizeof line->tick[i]);
        line->tick[i].at = at;
    }
    line->tick[i].n[result] += n;
}

void
meter_count(
    struct meter *meter, unsigned lane, enum meter_result result, uint64_t n)
{
    struct meter_line *line = &meter->line[lane];

    if (n == 0)
        return;
    line->n[result] += n;
    count_tick(line, result, n);
    if (result == METER_GOOD)
        line->good_us = clock_boot_us();
    if (result != METER_SKIPPED && meter->new_us == 0)
        meter->new_us = clock_boot_us();
}

/* "2026-11-23 20:24:00.123", as milliseconds since 1970. */
static int64_t
read_ms(const char *text)
{
    struct civil at;
    const char *point = strchr(text, '.');

    if (!civil_parse(&at, text))
        return 0;
    return civil_seconds(&at) * 1000 +
           (point ? strtol(point + 1, NULL, 10) : 0);
}

static void
count_time(struct meter_line *line, int64_t ms)
{
    size_t i = 0;

    if (ms < 0)
        ms = 0;
    while (i < METER_BOUNDS && ms > meter_bounds_ms[i])
        i++;
    line->within[i]++;
    line->sum_ms += ms;
}

void
meter_delivery(struct meter *meter, const struct delivery *d, int64_t server_us)
{
    static const enum meter_result results[] = {
        [DELIVERY_READY] = METER_AGAIN,
        [DELIVERY_RETRY] = METER_AGAIN,
        [DELIVERY_DONE] = METER_GOOD,
        [DELIVERY_SKIPPED] = METER_SKIPPED,
        [DELIVERY_DOUBTFUL] = METER_BAD,
        [DELIVERY_DEAD] = METER_BAD,
        [DELIVERY_EXPIRED] = METER_BAD,
        [DELIVERY_HELD] = METER_SKIPPED,
        [DELIVERY_DRY] = METER_SKIPPED,
    };
    struct meter_line *line = &meter->line[d->lane];

    meter_count(meter, d->lane, results[d->state], 1);
    if (d->outcome.class != OUTCOME_ACCEPTED)
        line->errors[d->outcome.class]++;
    if (d->state == DELIVERY_DONE && server_us > 0)
        count_time(line, server_us / 1000 - read_ms(d->captured_utc));
}

uint64_t
meter_recent(const struct meter *meter, unsigned lane, enum meter_result result)
{
    const struct meter_line *line = &meter->line[lane];
    int64_t now = clock_boot_us() / TICK_US;
    uint64_t n = 0;

    for (size_t i = 0; i < METER_TICKS; i++)
        if (line->tick[i].at > now - METER_TICKS)
            n += line->tick[i].n[result];
    return n;
}
