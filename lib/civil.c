/* civil: see civil.h. */
#include "civil.h"

#include <stdio.h>
#include <string.h>

static bool
is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int
days_in(int year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
        31 };

    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

static bool
exists(const struct civil *c)
{
    return c->year >= 1 && c->month >= 1 && c->month <= 12 && c->day >= 1 &&
           c->day <= days_in(c->year, c->month) && c->hour < 24 &&
           c->minute < 60 && c->second < 60;
}

/* Reads exactly n digits at *at and what must follow them. */
static bool
take(const char **at, int n, char after, int *out)
{
    *out = 0;
    while (n-- > 0) {
        if (**at < '0' || **at > '9')
            return false;
        *out = *out * 10 + (*(*at)++ - '0');
    }
    if (after && *(*at)++ != after)
        return false;
    return true;
}

/* What may follow the seconds: nothing, or a fraction. */
static bool
is_fraction(const char *p)
{
    size_t n = *p == '.' ? strspn(p + 1, "0123456789") : 0;

    return *p == '\0' || (n > 0 && p[1 + n] == '\0');
}

static bool
parse(struct civil *c, const char *p)
{
    if (!take(&p, 4, '-', &c->year) || !take(&p, 2, '-', &c->month) ||
        !take(&p, 2, '\0', &c->day))
        return false;
    if (*p == '\0')
        return exists(c);
    return *p++ == ' ' && take(&p, 2, ':', &c->hour) &&
           take(&p, 2, ':', &c->minute) && take(&p, 2, '\0', &c->second) &&
           is_fraction(p) && exists(c);
}

bool
civil_parse(struct civil *out, const char *text)
{
    struct civil c = { 0 };
    bool good = parse(&c, text);

    *out = good ? c : (struct civil){ 0 };
    return good;
}

/* Days since 1970-01-01 in the Gregorian calendar. */
static int64_t
days_of(const struct civil *at)
{
    int64_t year = at->month <= 2 ? at->year - 1 : at->year;
    int64_t month = (at->month + 9) % 12; /* March is 0 */

    return 365 * year + year / 4 - year / 100 + year / 400 +
           (month * 306 + 5) / 10 + at->day - 1 - 719468;
}

int64_t
civil_seconds(const struct civil *at)
{
    return days_of(at) * 86400 + at->hour * 3600 + at->minute * 60 + at->second;
}

struct civil
civil_add_months(struct civil at, int months)
{
    int64_t all = (int64_t)at.year * 12 + at.month - 1 + months;

    if (at.month == 0 || all < 12) /* the year 0 is none */
        return (struct civil){ 0 };
    at.year = (int)(all / 12);
    at.month = (int)(all % 12) + 1;
    if (at.day > days_in(at.year, at.month))
        at.day = days_in(at.year, at.month);
    return at;
}

int
civil_compare(const struct civil *a, const struct civil *b)
{
    int64_t x = civil_seconds(a), y = civil_seconds(b);

    return (x > y) - (x < y);
}

const char *
civil_print(const struct civil *at, char buf[CIVIL_TEXT])
{
    snprintf(buf, CIVIL_TEXT, "%04d-%02d-%02d %02d:%02d:%02d", at->year,
        at->month, at->day, at->hour, at->minute, at->second);
    return buf;
}
