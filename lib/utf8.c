/* utf8: see utf8.h. */
#include "utf8.h"

#include "bytes.h"

#include <string.h>

/* Which second byte may follow a lead byte: Unicode 15, table 3-7. */
static bool
second_ok(unsigned char lead, unsigned char b)
{
    switch (lead) {
    case 0xE0:
        return b >= 0xA0 && b <= 0xBF;
    case 0xED:
        return b >= 0x80 && b <= 0x9F;
    case 0xF0:
        return b >= 0x90 && b <= 0xBF;
    case 0xF4:
        return b >= 0x80 && b <= 0x8F;
    default:
        return b >= 0x80 && b <= 0xBF;
    }
}

static size_t
length_of(unsigned char lead)
{
    if (lead < 0x80)
        return 1;
    if (lead >= 0xC2 && lead <= 0xDF)
        return 2;
    if (lead >= 0xE0 && lead <= 0xEF)
        return 3;
    if (lead >= 0xF0 && lead <= 0xF4)
        return 4;
    return 0;
}

size_t
utf8_char(const char *p, const char *end)
{
    const unsigned char *u = (const unsigned char *)p;
    size_t n = length_of(u[0]);

    if (n == 0 || (size_t)(end - p) < n)
        return 0;
    if (n > 1 && !second_ok(u[0], u[1]))
        return 0;
    for (size_t i = 2; i < n; i++)
        if ((u[i] & 0xC0) != 0x80)
            return 0;
    return n;
}

bool
utf8_valid(const char *p, size_t n)
{
    const char *end = p + n;

    while (p < end) {
        size_t step = utf8_char(p, end);

        if (step == 0)
            return false;
        p += step;
    }
    return true;
}

/* C1 controls (U+0080 to U+009F) reach some terminals as commands. */
bool
utf8_is_control(const char *p, size_t n)
{
    unsigned char a = (unsigned char)p[0];

    if (n == 1)
        return a < 0x20 || a == 0x7F;
    return n == 2 && a == 0xC2 && (unsigned char)p[1] < 0xA0;
}

void
utf8_escape(struct bytes *out, const char *p, size_t n)
{
    const char *end = p + n;

    while (p < end) {
        size_t step = utf8_char(p, end);

        if (step == 0 || utf8_is_control(p, step)) {
            bytes_printf(out, "\\x%02x", (unsigned)(unsigned char)*p);
            p++;
            continue;
        }
        if (*p == '\\')
            bytes_chr(out, '\\');
        bytes_add(out, p, step);
        p += step;
    }
}

void
utf8_copy(char *to, size_t size, const char *p, size_t n)
{
    const char *end = p + n;
    size_t have = 0;

    while (p < end) {
        size_t step = utf8_char(p, end);
        size_t width = step ? step : 1;

        if (have + width >= size)
            break;
        if (step)
            memcpy(to + have, p, step);
        else
            to[have] = '?';
        have += width;
        p += width;
    }
    to[have] = '\0';
}
