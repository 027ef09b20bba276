/* envelope: see envelope.h. */
#include "envelope.h"

#include "json.h"
#include "utf8.h"

#include <stdio.h>
#include <string.h>

enum { DEEPEST = 16 };

/* --- the row ------------------------------------------------------------- */

/* What is left of the text, and where it is written. */
struct reader {
    const char *p;
    struct bytes *out;
};

static bool read_value(struct reader *r, unsigned depth);

static void
skip_blanks(struct reader *r)
{
    r->p += strspn(r->p, " \t\n\r");
}

/* Takes over n bytes as they are. */
static void
take(struct reader *r, size_t n)
{
    bytes_add(r->out, r->p, n);
    r->p += n;
}

/* Takes a character that has a meaning; false when it is another one. */
static bool
take_char(struct reader *r, char c)
{
    skip_blanks(r);
    if (*r->p != c)
        return false;
    take(r, 1);
    return true;
}

/* How long an escape is; 0 = it is none. */
static size_t
escape_length(const char *p)
{
    if (p[1] == 'u')
        return strspn(p + 2, "0123456789abcdefABCDEF") >= 4 ? 6 : 0;
    return p[1] && strchr("\"\\/bfnrt", p[1]) ? 2 : 0;
}

static bool
read_string(struct reader *r)
{
    if (!take_char(r, '"'))
        return false;
    while (*r->p != '"') {
        size_t n = *r->p == '\\' ? escape_length(r->p) : 1;

        if ((unsigned char)*r->p < 0x20 || n == 0)
            return false;
        take(r, n);
    }
    take(r, 1);
    return true;
}

static size_t
count_digits(const char *p)
{
    return strspn(p, "0123456789");
}

/* How long a number is, and whether it is a whole one; 0 = it is none. */
static size_t
number_length(const char *p, bool *whole)
{
    const char *at = p + (*p == '-');
    size_t n = count_digits(at);

    *whole = true;
    if (n == 0 || (n > 1 && *at == '0'))
        return 0;
    at += n;
    if (*at == '.') {
        n = count_digits(at + 1);
        if (n == 0)
            return 0;
        at += 1 + n;
        *whole = false;
    }
    if (*at == 'e' || *at == 'E') {
        at += 1 + (at[1] == '+' || at[1] == '-');
        n = count_digits(at);
        if (n == 0)
            return 0;
        at += n;
        *whole = false;
    }
    return (size_t)(at - p);
}

static bool
read_number(struct reader *r)
{
    bool whole;
    size_t n = number_length(r->p, &whole);

    if (n == 0)
        return false;
    if (!whole)
        bytes_chr(r->out, '"');
    take(r, n);
    if (!whole)
        bytes_chr(r->out, '"');
    return true;
}

static bool
read_word(struct reader *r)
{
    static const char *const words[] = { "true", "false", "null" };

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t n = strlen(words[i]);

        if (strncmp(r->p, words[i], n) == 0) {
            take(r, n);
            return true;
        }
    }
    return false;
}

static bool
read_member(struct reader *r, unsigned depth)
{
    return read_string(r) && take_char(r, ':') && read_value(r, depth);
}

/* An object, or an array. */
static bool
read_group(struct reader *r, unsigned depth)
{
    bool object = *r->p == '{';
    char end = object ? '}' : ']';

    if (depth == DEEPEST)
        return false;
    take(r, 1);
    if (take_char(r, end))
        return true;
    do {
        if (!(object ? read_member(r, depth + 1) : read_value(r, depth + 1)))
            return false;
    } while (take_char(r, ','));
    return take_char(r, end);
}

static bool
read_value(struct reader *r, unsigned depth)
{
    skip_blanks(r);
    if (*r->p == '{' || *r->p == '[')
        return read_group(r, depth);
    if (*r->p == '"')
        return read_string(r);
    return *r->p == '-' || count_digits(r->p) > 0 ? read_number(r)
                                                  : read_word(r);
}

/* The body without blanks; a number that is not whole becomes a string. False
 * when it is not a JSON object. */
static bool
print_row(struct bytes *out, const char *body)
{
    struct reader r = { .p = body, .out = out };

    skip_blanks(&r);
    if (*r.p != '{' || !utf8_valid(body, strlen(body)) || !read_value(&r, 0))
        return false;
    skip_blanks(&r);
    return *r.p == '\0';
}

/* --- the whole ----------------------------------------------------------- */

const char *
envelope_key(const char *identity, char out[EVENT_KEY + 1])
{
    snprintf(out, EVENT_KEY + 1, "%s", identity);
    for (char *p = out; *p; p++)
        if (*p == ' ' || *p == '.')
            *p = '_';
    return out;
}

const char *
envelope_kind(const char *identity, char out[EVENT_KEY + 1])
{
    snprintf(out, EVENT_KEY + 1, "%.*s", (int)strcspn(identity, ":"), identity);
    return out;
}

/* As RFC 3339 writes it. */
static void
print_time(const char *utc, char out[40])
{
    int day = (int)strcspn(utc, " ");

    snprintf(out, 40, "%.*s%s%.20sZ", day > 10 ? 10 : day, utc,
        utc[day] ? "T" : "", utc[day] ? utc + day + 1 : "");
}

bool
envelope_print(struct bytes *out, const struct envelope *envelope)
{
    struct json json = { .out = out };
    char text[EVENT_KEY + 1], time[40];
    bool good;

    print_time(envelope->captured_utc, time);
    json_open(&json, NULL, '{');
    json_int(&json, "version", ENVELOPE_VERSION);
    json_int(&json, "id", (int64_t)envelope->id);
    json_text(&json, "key", envelope_key(envelope->identity, text));
    json_text(&json, "kind", envelope_kind(envelope->identity, text));
    json_int(&json, "uid", (int64_t)envelope->uid);
    json_text(&json, "captured_utc", time);
    json_raw(&json, "row", "");
    good = print_row(out, envelope->body);
    json_close(&json, '}');
    return good && bytes_ok(out);
}
