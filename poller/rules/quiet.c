/* quiet: see quiet.h. */
#include "rules/quiet.h"

#include <stdio.h>
#include <string.h>

enum { DAY_MIN = 24 * 60 };

/* "23:00" */
static bool
read_minute(const char *p, int *out)
{
    static const char digits[] = "0123456789";

    if (strspn(p, digits) != 2 || p[2] != ':' || strspn(p + 3, digits) != 2)
        return false;
    *out =
        ((p[0] - '0') * 10 + p[1] - '0') * 60 + (p[3] - '0') * 10 + p[4] - '0';
    return p[3] < '6' && *out < DAY_MIN;
}

bool
hours_parse(struct hours *out, const char *text)
{
    *out = (struct hours){ 0 };
    if (strcmp(text, "no") == 0)
        return true;
    return strlen(text) == 11 && text[5] == '-' &&
           read_minute(text, &out->from_min) &&
           read_minute(text + 6, &out->until_min);
}

static bool
is_quiet(const struct hours *h, int minute)
{
    if (h->from_min <= h->until_min)
        return minute >= h->from_min && minute < h->until_min;
    return minute >= h->from_min || minute < h->until_min;
}

/* The day after the one that the clocks show; no change moves a noon off. */
static struct civil
tomorrow(const struct zone *zone, struct civil local)
{
    local.hour = 12;
    local.minute = local.second = 0;
    return zone_local(
        zone, zone_instant_us(zone, &local) + 24LL * 3600 * 1000000);
}

int64_t
quiet_until_us(
    const struct hours *hours, const struct zone *zone, int64_t wall_us)
{
    struct civil local = zone_local(zone, wall_us);
    int minute = local.hour * 60 + local.minute;
    int64_t until_us;

    if (!is_quiet(hours, minute))
        return 0;
    /* The end is today, or tomorrow when today's is over. */
    if (minute >= hours->until_min)
        local = tomorrow(zone, local);
    local.hour = hours->until_min / 60;
    local.minute = hours->until_min % 60;
    local.second = 0;
    until_us = zone_instant_us(zone, &local);
    /* Clocks put back show the end twice, and the first time is over. */
    if (until_us <= wall_us)
        until_us =
            (civil_seconds(&local) - zone_east_s(zone, wall_us)) * 1000000;
    return until_us;
}
