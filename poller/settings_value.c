/* settings_value: see settings_value.h. */
#include "settings_value.h"

#include "money.h"
#include "rules/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *
settings_value_text(char **at, const char *value)
{
    char *copy = strdup(value);

    if (!copy)
        return "out of memory";
    free(*at);
    *at = copy;
    return NULL;
}

static const char *
add_text(struct text_list *list, const char *value)
{
    char **more = realloc(list->text, (list->n + 1) * sizeof *more);
    char *copy = strdup(value);

    if (more)
        list->text = more;
    if (!more || !copy) {
        free(copy);
        return "out of memory";
    }
    list->text[list->n++] = copy;
    return NULL;
}

static const char *
set_bool(bool *at, const char *value)
{
    static const char *const yes[] = { "yes", "on", "true", "1" };
    static const char *const no[] = { "no", "off", "false", "0" };

    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        if (strcmp(value, yes[i]) == 0 || strcmp(value, no[i]) == 0) {
            *at = strcmp(value, yes[i]) == 0;
            return NULL;
        }
    }
    return "expected yes or no";
}

static const char *
in_bounds(const struct settings_key *k, int64_t value)
{
    static char what[96];

    if (value >= k->min && value <= k->max)
        return NULL;
    snprintf(what, sizeof what, "must be from %lld to %lld%s",
        (long long)k->min, (long long)k->max,
        k->type == KEY_DURATION ? " milliseconds" : "");
    return what;
}

static const char *
set_number(const struct settings_key *k, int64_t *at, const char *value)
{
    int64_t n;

    if (!decimal_parse(value, 0, &n))
        return "expected a whole number";
    *at = n;
    return in_bounds(k, n);
}

static const char *
set_duration(const struct settings_key *k, int64_t *at, const char *value)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = { { "ms", 1 }, { "s", 1000 }, { "min", 60000 },
        { "h", 3600000 }, { "day", 86400000 }, { "days", 86400000 } };
    char *unit;
    long long n;

    errno = 0;
    n = strtoll(value, &unit, 10);
    if (errno || unit == value || n < 0 || n > INT64_MAX / 86400000)
        return "expected a duration such as 500 ms, 20 s, 5 min, 24 h or 7 "
               "days";
    while (*unit == ' ')
        unit++;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(unit, units[i].name) == 0) {
            *at = n * units[i].ms;
            return in_bounds(k, *at);
        }
    }
    return "the unit must be ms, s, min, h or days";
}

static const char *
set_money(const struct settings_key *k, int64_t *at, const char *value)
{
    char least[MONEY_TEXT], most[MONEY_TEXT];
    static char what[96];

    if (!decimal_parse(value, 2, at))
        return k->type == KEY_PERCENT ? "expected a percentage such as 5 or 2.5"
                                      : "expected an amount such as 10.00";
    if (*at >= k->min && *at <= k->max)
        return NULL;
    snprintf(what, sizeof what, "must be from %s to %s",
        money_print(k->min, least), money_print(k->max, most));
    return what;
}

const char *
settings_value_set(void *at, const struct settings_key *k, const char *value)
{
    const char *wrong;

    switch (k->type) {
    case KEY_TEMPLATE:
    case KEY_TEXTS:
        wrong = text_check(value, k->fields);
        if (wrong)
            return wrong;
        return k->type == KEY_TEXTS ? add_text(at, value)
                                    : settings_value_text(at, value);
    case KEY_TEXT:
        return settings_value_text(at, value);
    case KEY_BOOL:
        return set_bool(at, value);
    case KEY_NUMBER:
        return set_number(k, at, value);
    case KEY_DURATION:
        return set_duration(k, at, value);
    case KEY_MONEY:
    case KEY_PERCENT:
        return set_money(k, at, value);
    case KEY_LIST:
        return add_text(at, value);
    case KEY_ROUTE:
        return route_parse(at, value)
                   ? NULL
                   : "expected smspilot, smsc and social, divided by commas, "
                     "none twice";
    case KEY_HOURS:
        return hours_parse(at, value)
                   ? NULL
                   : "expected hours such as 23:00-10:00, or no";
    }
    return "a key of no known type";
}

size_t
settings_value_count(const void *at, const struct settings_key *k)
{
    const struct text_list *list = at;

    return settings_value_is_list(k) ? list->n : 1;
}

/* In the largest unit that gives a whole number. */
static void
print_duration(struct bytes *out, int64_t ms)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = { { "h", 3600000 }, { "min", 60000 }, { "s", 1000 },
        { "ms", 1 } };
    size_t i = 0;

    while (ms % units[i].ms != 0)
        i++;
    if (ms == 0)
        i = sizeof units / sizeof *units - 1;
    bytes_printf(out, "%" PRId64 " %s", ms / units[i].ms, units[i].name);
}

static void
print_hours(struct bytes *out, const struct hours *hours)
{
    if (hours->from_min == hours->until_min)
        bytes_str(out, "no");
    else
        bytes_printf(out, "%02d:%02d-%02d:%02d", hours->from_min / 60,
            hours->from_min % 60, hours->until_min / 60, hours->until_min % 60);
}

static void
print_text(struct bytes *out, const char *text)
{
    bytes_str(out, text ? text : "");
}

void
settings_value_print(
    struct bytes *out, const void *at, const struct settings_key *k, size_t i)
{
    char money[MONEY_TEXT], route[ROUTE_TEXT];

    switch (k->type) {
    case KEY_TEXT:
    case KEY_TEMPLATE:
        print_text(out, *(char *const *)at);
        break;
    case KEY_TEXTS:
    case KEY_LIST:
        print_text(out, ((const struct text_list *)at)->text[i]);
        break;
    case KEY_BOOL:
        bytes_str(out, *(const bool *)at ? "yes" : "no");
        break;
    case KEY_NUMBER:
        bytes_printf(out, "%" PRId64, *(const int64_t *)at);
        break;
    case KEY_DURATION:
        print_duration(out, *(const int64_t *)at);
        break;
    case KEY_MONEY:
    case KEY_PERCENT:
        bytes_str(out, money_print(*(const int64_t *)at, money));
        break;
    case KEY_ROUTE:
        bytes_str(out, route_print(at, route));
        break;
    case KEY_HOURS:
        print_hours(out, at);
        break;
    }
}

bool
settings_value_is_list(const struct settings_key *k)
{
    return k->type == KEY_TEXTS || k->type == KEY_LIST;
}

static void
drop_texts(struct text_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->text[i]);
    free(list->text);
    *list = (struct text_list){ 0 };
}

void
settings_value_drop(void *at, const struct settings_key *k)
{
    if (settings_value_is_list(k)) {
        drop_texts(at);
    } else if (k->type == KEY_TEXT || k->type == KEY_TEMPLATE) {
        free(*(char **)at);
        *(char **)at = NULL;
    }
}

static size_t
size_of(const struct settings_key *k)
{
    switch (k->type) {
    case KEY_TEXT:
    case KEY_TEMPLATE:
        return sizeof(char *);
    case KEY_TEXTS:
    case KEY_LIST:
        return sizeof(struct text_list);
    case KEY_BOOL:
        return sizeof(bool);
    case KEY_NUMBER:
    case KEY_DURATION:
    case KEY_MONEY:
    case KEY_PERCENT:
        return sizeof(int64_t);
    case KEY_ROUTE:
        return sizeof(struct route);
    case KEY_HOURS:
        return sizeof(struct hours);
    }
    return 0;
}

static bool
are_same_texts(const struct text_list *a, const struct text_list *b)
{
    for (size_t i = 0; i < a->n && i < b->n; i++)
        if (strcmp(a->text[i], b->text[i]) != 0)
            return false;
    return a->n == b->n;
}

static bool
are_same_routes(const struct route *a, const struct route *b)
{
    for (size_t i = 0; i < a->n && i < b->n; i++)
        if (a->at[i] != b->at[i])
            return false;
    return a->n == b->n;
}

static bool
are_same_hours(const struct hours *a, const struct hours *b)
{
    return a->from_min == b->from_min && a->until_min == b->until_min;
}

bool
settings_value_is_same(
    const struct settings_key *k, const void *a, const void *b)
{
    switch (k->type) {
    case KEY_TEXT:
    case KEY_TEMPLATE:
        return strcmp(*(char *const *)a, *(char *const *)b) == 0;
    case KEY_TEXTS:
    case KEY_LIST:
        return are_same_texts(a, b);
    case KEY_BOOL:
        return *(const bool *)a == *(const bool *)b;
    case KEY_NUMBER:
    case KEY_DURATION:
    case KEY_MONEY:
    case KEY_PERCENT:
        return *(const int64_t *)a == *(const int64_t *)b;
    case KEY_ROUTE:
        return are_same_routes(a, b);
    case KEY_HOURS:
        return are_same_hours(a, b);
    }
    return false;
}

void
settings_value_swap(const struct settings_key *k, void *a, void *b)
{
    char *p = a, *q = b;

    for (size_t i = 0; i < size_of(k); i++) {
        char byte = p[i];

        p[i] = q[i];
        q[i] = byte;
    }
}

void
settings_value_print_all(
    struct bytes *out, const void *at, const struct settings_key *k)
{
    for (size_t i = 0; i < settings_value_count(at, k); i++) {
        bytes_str(out, i ? " | " : "");
        settings_value_print(out, at, k, i);
    }
}
