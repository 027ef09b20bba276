/* mdoc: see mdoc.h. */
#include "mdoc.h"

#include "utf8.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

enum { ASCII_END = 0x80 };

/* --- characters ---------------------------------------------------------- */

/* What is read as something else where it stands as it is. */
static const struct escape {
    char of;
    const char *as;
} escapes[] = {
    { '\\', "\\e" },
    { '-', "\\-" },
    { '"', "\\(dq" },
    { '\'', "\\(aq" },
    { '`', "\\(ga" },
    { '^', "\\(ha" },
    { '~', "\\(ti" },
};

static void
add_ascii(struct bytes *out, char c)
{
    for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++) {
        if (escapes[i].of == c) {
            bytes_str(out, escapes[i].as);
            return;
        }
    }
    bytes_chr(out, c);
}

/* The code point of a well-formed character of n bytes. */
static unsigned
code_point(const char *p, size_t n)
{
    static const unsigned char first[] = { 0, 0x7F, 0x1F, 0x0F, 0x07 };
    unsigned code = (unsigned char)*p & first[n];

    for (size_t i = 1; i < n; i++)
        code = code << 6 | ((unsigned char)p[i] & 0x3F);
    return code;
}

static void
add_text(struct bytes *out, const char *p, size_t n)
{
    const char *end = p + n;

    while (p < end) {
        size_t size = utf8_char(p, end);

        if ((unsigned char)*p < ASCII_END)
            add_ascii(out, *p);
        else if (size > 0)
            bytes_printf(out, "\\[u%04X]", code_point(p, size));
        p += size > 0 ? size : 1;
    }
}

void
mdoc_literal(struct bytes *out, const char *text)
{
    add_text(out, text, strlen(text));
}

/* A line of text: its first character is no request. */
static void
begin_line(struct bytes *out, char first)
{
    if (first == '.' || first == '\'')
        bytes_str(out, "\\&");
}

/* How many bytes of a line the first sentence takes; all of them when none
 * ends within it. */
static size_t
sentence(const char *p, size_t n)
{
    for (size_t i = 0; i + 2 < n; i++)
        if (p[i] == '.' && p[i + 1] == ' ' && isupper((unsigned char)p[i + 2]))
            return i + 1;
    return n;
}

/* Each sentence begins a line of its own, as mdoc wants it. */
static void
add_line(struct bytes *out, const char *p, size_t n)
{
    while (n > 0) {
        size_t taken = sentence(p, n);

        begin_line(out, *p);
        add_text(out, p, taken);
        bytes_chr(out, '\n');
        taken += taken < n; /* the blank behind it */
        p += taken;
        n -= taken;
    }
}

void
mdoc_word(struct bytes *out, const char *word)
{
    bytes_str(out, "\\&");
    mdoc_literal(out, word);
}

void
mdoc_quote(struct bytes *out, const char *text, size_t n)
{
    bytes_str(out, "\\(lq");
    add_text(out, text, n);
    bytes_str(out, "\\(rq");
}

/* --- usage --------------------------------------------------------------- */

static bool
is_typed(char c)
{
    return islower((unsigned char)c) || c == '-' || c == '_';
}

static bool
is_put_in(char c)
{
    return isupper((unsigned char)c);
}

static size_t
span(const char *p, size_t n, bool (*is)(char c))
{
    size_t length = 0;

    while (length < n && is(p[length]))
        length++;
    return length;
}

void
mdoc_usage(struct bytes *out, const char *text, size_t n)
{
    if (n > 0)
        bytes_str(out, "\\&");
    while (n > 0) {
        size_t typed = span(text, n, is_typed);
        size_t put_in = span(text, n, is_put_in);
        size_t taken = typed + put_in > 0 ? typed + put_in : 1;

        if (typed + put_in > 0)
            bytes_str(out, typed > 0 ? "\\fB" : "\\fI");
        add_text(out, text, taken);
        if (typed + put_in > 0)
            bytes_str(out, "\\fR");
        text += taken;
        n -= taken;
    }
}

/* --- lines --------------------------------------------------------------- */

void
mdoc_prose(struct bytes *out, const char *text)
{
    bool example = false;

    for (;;) {
        size_t n = strcspn(text, "\n");

        if (example)
            bytes_str(out, ".Dl ");
        add_line(out, text, n);
        example = !example && n > 0 && text[n - 1] == ':';
        if (text[n] == '\0')
            return;
        text += n + 1;
    }
}

void
mdoc_sentence(struct bytes *out, const char *text)
{
    size_t n = strlen(text);
    char first = (char)toupper((unsigned char)*text);

    begin_line(out, first);
    add_text(out, &first, 1);
    add_text(out, text + 1, n - 1);
    bytes_str(out, ".\n");
}

/* Where the second column of a line begins; 0 = it has none. */
static size_t
second_column(const char *line, size_t n)
{
    size_t at = 0;

    while (at + 1 < n && !(line[at] == ' ' && line[at + 1] == ' '))
        at++;
    while (at < n && line[at] == ' ')
        at++;
    return at + 1 < n ? at : 0;
}

/* One row of two columns, or what continues the one before. */
static void
add_row(struct bytes *out, const char *line, size_t n, size_t second)
{
    size_t first = second;

    while (first > 0 && line[first - 1] == ' ')
        first--;
    if (first > 0) {
        bytes_str(out, ".It Xo\n");
        mdoc_usage(out, line, first);
        bytes_str(out, "\n.Xc\n");
    }
    add_line(out, line + second, n - second);
}

void
mdoc_help(struct bytes *out, const char *text)
{
    bool list = false;

    while (*text) {
        size_t n = strcspn(text, "\n");
        size_t second = second_column(text, n);

        if (second > 0 && !list)
            bytes_str(out, ".Bl -tag -width Ds -compact\n");
        if (second == 0 && list)
            bytes_str(out, ".El\n");
        list = second > 0;
        if (list)
            add_row(out, text, n, second);
        else
            add_line(out, text, n);
        text += n + (text[n] == '\n');
    }
    if (list)
        bytes_str(out, ".El\n");
}
