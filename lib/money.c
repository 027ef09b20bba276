/* money: see money.h. */
#include "money.h"

#include <inttypes.h>
#include <stdio.h>

static bool
push_digit(int64_t *value, int digit)
{
    return !__builtin_mul_overflow(*value, (int64_t)10, value) &&
           !__builtin_sub_overflow(*value, (int64_t)digit, value);
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Collects the value below zero, where there is room for the smallest. */
bool
decimal_parse(const char *text, int places, int64_t *out)
{
    const char *p = text;
    bool negative = *p == '-';
    int64_t value = 0;
    int decimals = 0;

    p += negative;
    if (!is_digit(*p))
        return false;
    for (; is_digit(*p); p++)
        if (!push_digit(&value, *p - '0'))
            return false;
    if (*p == '.') {
        if (!is_digit(*++p))
            return false;
        for (; is_digit(*p) && decimals < places; p++, decimals++)
            if (!push_digit(&value, *p - '0'))
                return false;
        while (*p == '0')
            p++;
    }
    if (*p != '\0')
        return false;
    for (; decimals < places; decimals++)
        if (!push_digit(&value, 0))
            return false;
    if (!negative && value == INT64_MIN)
        return false;
    *out = negative ? value : -value;
    return true;
}

const char *
money_print(int64_t kopecks, char buf[MONEY_TEXT])
{
    uint64_t u = kopecks < 0 ? 0 - (uint64_t)kopecks : (uint64_t)kopecks;

    snprintf(buf, MONEY_TEXT, "%s%" PRIu64 ".%02u", kopecks < 0 ? "-" : "",
        u / 100, (unsigned)(u % 100));
    return buf;
}
