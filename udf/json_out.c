/* json_out: see json_out.h. */
#include "json_out.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY ((size_t)512)

/* ---- the buffer ---- */

void
json_out_clear(struct json_out *out)
{
    out->length = 0;
    out->failed = false;
}

void
json_out_free(struct json_out *out)
{
    free(out->text);
    *out = (struct json_out){ 0 };
}

/* Room for n more bytes and the NUL. Sums stay below 2 * JSON_OUT_MAX. */
static bool
reserve(struct json_out *out, size_t n)
{
    size_t capacity = out->capacity ? out->capacity : FIRST_CAPACITY;
    char *text;

    if (n > JSON_OUT_MAX - out->length)
        return false;
    if (out->length + n < out->capacity)
        return true;
    while (capacity <= out->length + n)
        capacity *= 2;
    text = realloc(out->text, capacity);
    if (!text)
        return false;
    out->text = text;
    out->capacity = capacity;
    return true;
}

void
json_out_add(struct json_out *out, const char *p, size_t n)
{
    if (out->failed)
        return;
    if (!reserve(out, n)) {
        out->failed = true;
        return;
    }
    if (n)
        memcpy(out->text + out->length, p, n);
    out->length += n;
    out->text[out->length] = '\0';
}

static void
add_char(struct json_out *out, char c)
{
    json_out_add(out, &c, 1);
}

/* ---- strings ---- */

/* Well-formed characters by their lead byte: Unicode 15, table 3-7. Bytes
 * after the second are 80 to BF. */
static const struct sequence {
    unsigned char lead_min, lead_max;
    unsigned char length;
    unsigned char second_min, second_max;
} sequences[] = {
    { 0xC2, 0xDF, 2, 0x80, 0xBF },
    { 0xE0, 0xE0, 3, 0xA0, 0xBF },
    { 0xE1, 0xEC, 3, 0x80, 0xBF },
    { 0xED, 0xED, 3, 0x80, 0x9F },
    { 0xEE, 0xEF, 3, 0x80, 0xBF },
    { 0xF0, 0xF0, 4, 0x90, 0xBF },
    { 0xF1, 0xF3, 4, 0x80, 0xBF },
    { 0xF4, 0xF4, 4, 0x80, 0x8F },
};

static const struct sequence *
sequence_of(unsigned char lead)
{
    size_t count = sizeof sequences / sizeof *sequences;

    for (size_t i = 0; i < count; i++)
        if (lead >= sequences[i].lead_min && lead <= sequences[i].lead_max)
            return &sequences[i];
    return NULL;
}

static bool
continues(const struct sequence *s, size_t place, unsigned char byte)
{
    if (place == 1)
        return byte >= s->second_min && byte <= s->second_max;
    return byte >= 0x80 && byte <= 0xBF;
}

/* Length of the character at p, or of the piece that is none (1 to 3
 * bytes); *good tells which. n > 0. */
static size_t
piece_length(const char *p, size_t n, bool *good)
{
    const struct sequence *s;
    size_t i = 1;

    *good = (unsigned char)*p < 0x80;
    if (*good)
        return 1;
    s = sequence_of((unsigned char)*p);
    if (!s)
        return 1;
    while (i < s->length && i < n && continues(s, i, (unsigned char)p[i]))
        i++;
    *good = i == s->length;
    return i;
}

static bool
is_plain(char c)
{
    return (unsigned char)c >= 0x20 && c != '"' && c != '\\';
}

/* How many bytes from p on may stand in a JSON string as they are. */
static size_t
plain_length(const char *p, size_t n)
{
    size_t i = 0;

    while (i < n && is_plain(p[i])) {
        bool good;
        size_t step = piece_length(p + i, n - i, &good);

        if (!good)
            break;
        i += step;
    }
    return i;
}

static void
add_escape(struct json_out *out, char c)
{
    static const char plain[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";
    static const char hex[] = "0123456789abcdef";
    const char *found = c ? strchr(plain, c) : NULL;

    if (found) {
        add_char(out, '\\');
        add_char(out, letters[found - plain]);
        return;
    }
    json_out_add(out, "\\u00", 4);
    add_char(out, hex[(unsigned char)c >> 4]);
    add_char(out, hex[(unsigned char)c & 15]);
}

/* Appends what stands for the bytes at p that are not plain; returns how
 * many they are. */
static size_t
add_special(struct json_out *out, const char *p, size_t n)
{
    bool good;

    if ((unsigned char)*p < 0x80) {
        add_escape(out, *p);
        return 1;
    }
    json_out_add(out, "\xEF\xBF\xBD", 3); /* U+FFFD */
    return piece_length(p, n, &good);
}

void
json_out_string(struct json_out *out, const char *p, size_t n)
{
    size_t done = 0;

    add_char(out, '"');
    while (done < n && !out->failed) {
        size_t plain = plain_length(p + done, n - done);

        json_out_add(out, p + done, plain);
        done += plain;
        if (done < n)
            done += add_special(out, p + done, n - done);
    }
    add_char(out, '"');
}

bool
json_out_is_utf8(const char *p, size_t n)
{
    size_t i = 0;
    bool good = true;

    while (i < n && good)
        i += piece_length(p + i, n - i, &good);
    return good;
}

/* ---- numbers ---- */

struct span {
    const char *p;
    size_t n;
};

struct number {
    bool negative;
    struct span whole;    /* digits before the point */
    struct span decimals; /* digits after it */
    struct span exponent; /* from the e on */
};

static bool
take_one(struct span *in, const char *of)
{
    if (in->n == 0 || *in->p == '\0' || !strchr(of, *in->p))
        return false;
    in->p++;
    in->n--;
    return true;
}

static struct span
take_digits(struct span *in)
{
    struct span digits = { in->p, 0 };

    while (take_one(in, "0123456789"))
        digits.n++;
    return digits;
}

/* Takes a whole exponent, or leaves something behind. */
static struct span
take_exponent(struct span *in)
{
    struct span exponent = *in;

    if (!take_one(in, "eE"))
        return (struct span){ in->p, 0 };
    take_one(in, "+-");
    if (take_digits(in).n == 0)
        *in = exponent;
    exponent.n -= in->n;
    return exponent;
}

static bool
read_number(struct number *number, struct span in)
{
    *number = (struct number){ .negative = in.n > 0 && *in.p == '-' };
    take_one(&in, "+-");
    number->whole = take_digits(&in);
    if (take_one(&in, "."))
        number->decimals = take_digits(&in);
    if (number->whole.n + number->decimals.n == 0)
        return false;
    number->exponent = take_exponent(&in);
    return in.n == 0;
}

static struct span
without_leading_zeros(struct span digits)
{
    while (digits.n > 0 && *digits.p == '0') {
        digits.p++;
        digits.n--;
    }
    return digits;
}

static void
add_span(struct json_out *out, struct span span)
{
    json_out_add(out, span.p, span.n);
}

void
json_out_number(struct json_out *out, const char *p, size_t n)
{
    struct number number;
    struct span whole;

    if (!read_number(&number, (struct span){ p, n })) {
        json_out_string(out, p, n);
        return;
    }
    whole = without_leading_zeros(number.whole);
    if (number.negative && whole.n + without_leading_zeros(number.decimals).n)
        add_char(out, '-');
    if (whole.n)
        add_span(out, whole);
    else
        add_char(out, '0');
    if (number.decimals.n) {
        add_char(out, '.');
        add_span(out, number.decimals);
    }
    add_span(out, number.exponent);
}
