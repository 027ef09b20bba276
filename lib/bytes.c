/* bytes: see bytes.h. */
#include "bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SMALLEST = 128 };

struct bytes
bytes_make(size_t max)
{
    return (struct bytes){ .max = max };
}

void
bytes_free(struct bytes *b)
{
    free(b->p);
    *b = bytes_make(b->max);
}

void
bytes_clear(struct bytes *b)
{
    b->n = 0;
    b->failed = b->no_memory = false;
    if (b->p)
        b->p[0] = '\0';
}

bool
bytes_ok(const struct bytes *b)
{
    return !b->failed;
}

bool
bytes_no_memory(const struct bytes *b)
{
    return b->no_memory;
}

const char *
bytes_text(const struct bytes *b)
{
    return b->p ? b->p : "";
}

static void
fail(struct bytes *b)
{
    size_t max = b->max;

    free(b->p);
    *b = bytes_make(max);
    b->failed = true;
}

/* Makes room for n more bytes and the NUL; false when it cannot. */
static bool
reserve(struct bytes *b, size_t n)
{
    size_t need, cap;
    char *p;

    if (b->failed)
        return false;
    if (n > b->max || b->n > b->max - n) {
        fail(b);
        return false;
    }
    need = b->n + n + 1;
    if (need <= b->cap)
        return true;
    cap = b->cap ? b->cap : SMALLEST;
    while (cap < need)
        cap *= 2;
    p = realloc(b->p, cap);
    if (!p) {
        fail(b);
        b->no_memory = true;
        return false;
    }
    b->p = p;
    b->cap = cap;
    return true;
}

void
bytes_add(struct bytes *b, const void *p, size_t n)
{
    if (!reserve(b, n))
        return;
    if (n)
        memcpy(b->p + b->n, p, n);
    b->n += n;
    b->p[b->n] = '\0';
}

void
bytes_str(struct bytes *b, const char *s)
{
    bytes_add(b, s, strlen(s));
}

void
bytes_chr(struct bytes *b, char c)
{
    bytes_add(b, &c, 1);
}

void
bytes_uint(struct bytes *b, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;

    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    bytes_add(b, digits + at, sizeof digits - at);
}

void
bytes_printf(struct bytes *b, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0) {
        fail(b);
        return;
    }
    if (!reserve(b, (size_t)n))
        return;
    va_start(ap, fmt);
    vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->n += (size_t)n;
}
