/* mask: see mask.h. */
#include "mask.h"

#include <stdbool.h>
#include <string.h>

enum { LEAST_DIGITS = 10, MOST_DIGITS = 15, FIRST = 2, LAST = 4 };

#define DIGITS "0123456789"
#define NAME DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._%+-"

/* How many bytes from p on are of these. */
static size_t
span(const char *p, const char *end, const char *of)
{
    const char *at = p;

    while (at < end && *at && strchr(of, *at))
        at++;
    return (size_t)(at - p);
}

static void
add_stars(struct bytes *out, size_t n)
{
    while (n-- > 0)
        bytes_chr(out, '*');
}

static void
add_digits(struct bytes *out, const char *p, size_t n)
{
    if (n < LEAST_DIGITS || n > MOST_DIGITS) {
        bytes_add(out, p, n);
        return;
    }
    bytes_add(out, p, FIRST);
    add_stars(out, n - FIRST - LAST);
    bytes_add(out, p + n - LAST, LAST);
}

/* A word: letters, digits and what else stands in an address. */
static void
add_word(struct bytes *out, const char *p, size_t n, bool is_mail)
{
    const char *end = p + n;

    if (is_mail) {
        bytes_add(out, p, 1);
        add_stars(out, 3);
        return;
    }
    while (p < end) {
        size_t digits = span(p, end, DIGITS);

        if (digits > 0)
            add_digits(out, p, digits);
        else
            bytes_chr(out, *p);
        p += digits > 0 ? digits : 1;
    }
}

void
mask_add(struct bytes *out, const char *p, size_t n)
{
    const char *end = p + n;

    while (p < end) {
        size_t word = span(p, end, NAME);

        if (word > 0)
            add_word(out, p, word, p + word < end && p[word] == '@');
        else
            bytes_chr(out, *p);
        p += word > 0 ? word : 1;
    }
}
