/* zone: see zone.h. */
#include "zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ZONE_FOLDER "/usr/share/zoneinfo/"
#define FIRST_S 631152000LL /* 1990 */
#define LAST_S 2840140800LL /* 2060 */

enum { DAY_S = 86400, US = 1000000 };

static int32_t
ask(int64_t s)
{
    time_t t = (time_t)s;
    struct tm tm;

    return localtime_r(&t, &tm) ? (int32_t)tm.tm_gmtoff : 0;
}

static bool
add_span(struct zone *zone, int64_t from_s, int32_t east_s)
{
    if (zone->n == ZONE_MOST)
        return false;
    zone->span[zone->n].from_s = from_s;
    zone->span[zone->n++].east_s = east_s;
    return true;
}

/* The first second after low, up to high, that has the offset of high. */
static int64_t
find_change(int64_t low, int64_t high)
{
    int32_t after = ask(high);

    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;

        if (ask(middle) == after)
            high = middle;
        else
            low = middle;
    }
    return high;
}

/* Asks the C library, whose zone is the one to be loaded, day by day. */
static bool
learn(struct zone *zone)
{
    bool good = add_span(zone, INT64_MIN, ask(FIRST_S));

    for (int64_t day = FIRST_S; good && day < LAST_S; day += DAY_S)
        if (ask(day) != ask(day + DAY_S))
            good =
                add_span(zone, find_change(day, day + DAY_S), ask(day + DAY_S));
    return good;
}

/* With this as the zone of the C library, for a moment. */
static bool
learn_from(struct zone *zone, const char *tz)
{
    const char *before = getenv("TZ");
    char *old = before ? strdup(before) : NULL;
    bool good;

    if (before && !old)
        return false;
    good = setenv("TZ", tz, 1) == 0;
    tzset();
    good = good && learn(zone);
    if (old)
        setenv("TZ", old, 1);
    else
        unsetenv("TZ");
    tzset();
    free(old);
    return good;
}

/* The C library silently takes for UTC what is none: a folder, another file. */
static bool
is_table(const char *path)
{
    char magic[4];
    FILE *f = fopen(path, "re");
    bool good = f && fread(magic, sizeof magic, 1, f) == 1 &&
                memcmp(magic, "TZif", sizeof magic) == 0;

    if (f)
        fclose(f);
    return good;
}

static bool
load_name(struct zone *zone, const char *name)
{
    char tz[128];

    if (name[0] == '/' || name[0] == '.' || strstr(name, "..") ||
        snprintf(tz, sizeof tz, ":" ZONE_FOLDER "%s", name) >= (int)sizeof tz)
        return false;
    return is_table(tz + 1) && learn_from(zone, tz);
}

static int
digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : -1000;
}

/* "+05:00" */
static bool
load_offset(struct zone *zone, const char *text)
{
    int hours, minutes;

    if (strlen(text) != 6 || text[3] != ':')
        return false;
    hours = digit(text[1]) * 10 + digit(text[2]);
    minutes = digit(text[4]) * 10 + digit(text[5]);
    if (hours < 0 || hours > 14 || minutes < 0 || minutes > 59)
        return false;
    minutes += hours * 60;
    return add_span(
        zone, INT64_MIN, (text[0] == '-' ? -minutes : minutes) * 60);
}

bool
zone_load(struct zone *zone, const char *name)
{
    *zone = (struct zone){ 0 };
    if (name[0] == '+' || name[0] == '-')
        return load_offset(zone, name);
    return *name && load_name(zone, name);
}

static int64_t
floor_seconds(int64_t wall_us)
{
    return wall_us / US - (wall_us % US < 0);
}

static int64_t
east_at(const struct zone *zone, int64_t s)
{
    size_t i = zone->n;

    while (i > 1 && zone->span[i - 1].from_s > s)
        i--;
    return i ? zone->span[i - 1].east_s : 0;
}

int64_t
zone_east_s(const struct zone *zone, int64_t wall_us)
{
    return east_at(zone, floor_seconds(wall_us));
}

struct civil
zone_local(const struct zone *zone, int64_t wall_us)
{
    int64_t s = floor_seconds(wall_us);
    time_t t = (time_t)(s + east_at(zone, s));
    struct tm tm;

    if (!gmtime_r(&t, &tm))
        return (struct civil){ 0 };
    return (struct civil){ tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
        tm.tm_hour, tm.tm_min, tm.tm_sec };
}

int64_t
zone_instant_us(const struct zone *zone, const struct civil *local)
{
    int64_t s = civil_seconds(local);
    size_t i = 0;

    /* The first span that does not end before the clocks get there. */
    while (
        i + 1 < zone->n && s - zone->span[i].east_s >= zone->span[i + 1].from_s)
        i++;
    s -= zone->span[i].east_s;
    if (i > 0 && s < zone->span[i].from_s)
        s = zone->span[i].from_s;
    return s * US;
}
