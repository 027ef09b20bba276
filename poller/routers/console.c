/* console: see console.h. */
#include "routers/console.h"

#include "utf8.h"

#include <stdio.h>
#include <string.h>

/* ---- command lines ---- */

static bool
has_control(const char *login)
{
    for (; *login; login++)
        if ((unsigned char)*login < 0x20 || *login == 0x7F)
            return true;
    return false;
}

bool
console_accepts(const char *login, char *why, size_t size)
{
    const char *wrong = "";

    if (!*login)
        wrong = "the login is empty";
    else if (strlen(login) > CONSOLE_LOGIN)
        wrong = "the login is longer than 64 bytes";
    else if (has_control(login))
        wrong = "the login has a control character in it";
    snprintf(why, size, "%s", wrong);
    return !*wrong;
}

void
console_add_login(struct bytes *out, const char *login)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "abcdefghijklmnopqrstuvwxyz0123456789._-@";

    for (; *login; login++) {
        if (strchr(plain, *login))
            bytes_chr(out, *login);
        else
            bytes_printf(out, "\\%02X", (unsigned)(unsigned char)*login);
    }
}

/* As after any append that failed: no line is better than half of one. */
static void
spoil(struct bytes *out)
{
    bytes_free(out);
    out->failed = true;
}

/* The variables have names that no property of a session has: in find, a
 * property would hide them. */
void
console_add_block(struct bytes *out, const char *login, unsigned tag)
{
    char why[64];

    if (!console_accepts(login, why, sizeof why)) {
        spoil(out);
        return;
    }
    bytes_str(out, ":do {:local mbevL [/ppp active find name=\"");
    console_add_login(out, login);
    bytes_printf(out,
        "\"]; :local mbevN [:len $mbevL];"
        " :if ($mbevN > 0) do={/ppp active remove $mbevL};"
        " :put (\"MBEV-OK %u \" . $mbevN)} on-error={:put \"MBEV-ERR %u\"}",
        tag, tag);
}

/* False when the line is full; a block that cannot be made spoils it. */
static bool
add_next(struct bytes *out, const char *login, unsigned tag)
{
    static const char joint[] = "; ";
    struct bytes block = bytes_make(CONSOLE_LINE);
    size_t between = tag > 0 ? sizeof joint - 1 : 0;
    bool fits;

    console_add_block(&block, login, tag);
    fits = tag == 0 || out->n + between + block.n < CONSOLE_LINE;
    if (!bytes_ok(&block)) {
        spoil(out);
    } else if (fits) {
        bytes_add(out, joint, between);
        bytes_add(out, block.p, block.n);
    }
    bytes_free(&block);
    return fits;
}

size_t
console_build(struct bytes *out, const char *const *logins, size_t n)
{
    size_t put = 0;

    while (put < n && add_next(out, logins[put], (unsigned)put))
        put++;
    return put;
}

/* ---- output ---- */

struct line {
    const char *p, *end;
};

/* The next line, without its end, moved over in rest; false when there is
 * none. */
static bool
next_line(struct line *rest, bool whole, struct line *line)
{
    size_t left = (size_t)(rest->end - rest->p);
    const char *lf = left ? memchr(rest->p, '\n', left) : NULL;

    if (left == 0 || (!lf && !whole))
        return false;
    *line = (struct line){ rest->p, lf ? lf : rest->end };
    rest->p = lf ? lf + 1 : rest->end;
    while (line->end > line->p && line->end[-1] == '\r')
        line->end--;
    return true;
}

/* Moves over the text; false when something else is there. */
static bool
skip(struct line *line, const char *text)
{
    size_t n = strlen(text);

    if ((size_t)(line->end - line->p) < n || memcmp(line->p, text, n) != 0)
        return false;
    line->p += n;
    return true;
}

/* Moves over a number as the router prints it. One of more than six digits is
 * none: no router has as many sessions. */
static bool
take_number(struct line *line, unsigned *out)
{
    const char *start = line->p;

    *out = 0;
    while (line->p < line->end && *line->p >= '0' && *line->p <= '9' &&
           line->p - start < 6)
        *out = *out * 10 + (unsigned)(*line->p++ - '0');
    return line->p > start && (*start != '0' || line->p - start == 1);
}

/* True when the line is an answer, to the letter. */
static bool
read_answer(struct line line, unsigned *tag, struct console_answer *out)
{
    bool good;

    *out = (struct console_answer){ .state = CONSOLE_ENDED };
    if (skip(&line, "MBEV-ERR ")) {
        out->state = CONSOLE_ERROR;
        good = take_number(&line, tag);
    } else {
        good = skip(&line, "MBEV-OK ") && take_number(&line, tag) &&
               skip(&line, " ") && take_number(&line, &out->ended);
    }
    return good && line.p == line.end;
}

/* What is kept of the other lines. */
struct words {
    char *p;
    size_t n, max;
    bool full; /* something did not fit: nothing behind it does */
};

static void
keep(struct words *words, const char *p, size_t n)
{
    if (words->n + n > words->max)
        words->full = true;
    if (words->full)
        return;
    memcpy(words->p + words->n, p, n);
    words->n += n;
}

static void
keep_line(struct words *words, struct line line)
{
    if (line.p == line.end)
        return;
    if (words->n > 0)
        keep(words, "; ", 2);
    while (line.p < line.end && !words->full) {
        size_t step = utf8_char(line.p, line.end);
        bool safe = step > 0 && !utf8_is_control(line.p, step);

        keep(words, safe ? line.p : "?", safe ? step : 1);
        line.p += step ? step : 1;
    }
}

void
console_read(const char *output, size_t len, bool whole,
    struct console_answer *answer, size_t n, char *words, size_t size)
{
    struct line rest = { output, len ? output + len : output }, line;
    struct words kept = { .p = words,
        .max = size - 1 < CONSOLE_WORDS ? size - 1 : CONSOLE_WORDS };

    for (size_t i = 0; i < n; i++)
        answer[i] = (struct console_answer){ .state = CONSOLE_SILENT };
    while (next_line(&rest, whole, &line)) {
        struct console_answer one;
        unsigned tag = 0;

        if (!read_answer(line, &tag, &one) || tag >= n)
            keep_line(&kept, line);
        else if (answer[tag].state == CONSOLE_SILENT)
            answer[tag] = one;
    }
    words[kept.n] = '\0';
}

bool
console_is_refusal(const char *words)
{
    static const char *const signs[] = { "not enough permissions",
        "bad command name", "syntax error", "expected end of command" };

    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (strstr(words, signs[i]))
            return true;
    return false;
}
