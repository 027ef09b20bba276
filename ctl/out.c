/* out: the answer as a whole, and its JSON; see out.h. */
#include "out.h"

#include "bytes.h"
#include "utf8.h"

#include <ctype.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DEEPEST = 8, LONGEST_NAME = 64, LONGEST_TEXT = 4 << 20 };

/* The answer of this process. */
static struct {
    bool json, colour, failed;
    bool lines;                  /* an object a line */
    json_object *place[DEEPEST]; /* the root, then what is open within */
    size_t depth;
} out;

bool
out_open(bool json)
{
    const char *term = getenv("TERM");

    out.json = json;
    out.colour = !json && isatty(STDOUT_FILENO) && !getenv("NO_COLOR") &&
                 term && strcmp(term, "dumb") != 0;
    if (!json)
        return true;
    out.place[0] = json_object_new_object();
    return out.place[0] != NULL;
}

void
out_next(void)
{
    if (!out.json)
        return;
    out.lines = true;
    puts(json_object_to_json_string_ext(
        out.place[0], JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(out.place[0]);
    out.place[0] = json_object_new_object();
    out.failed |= !out.place[0];
    fflush(stdout);
}

bool
out_close(void)
{
    bool good = !out.failed;

    if (out.json && !out.lines) {
        const char *text = json_object_to_json_string_ext(
            out.place[0], JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
                              JSON_C_TO_STRING_NOSLASHESCAPE);

        good = good && text && puts(text) >= 0;
    }
    json_object_put(out.place[0]);
    out.place[0] = NULL;
    return fflush(stdout) == 0 && good;
}

bool
out_is_json(void)
{
    return out.json;
}

void
out_words(const char *fmt, ...)
{
    va_list ap;

    if (out.json)
        return;
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
}

/* --- JSON -------------------------------------------------------------- */

/* The name of a member. */
static void
name_member(char *to, const char *from)
{
    size_t n = 0;

    for (; *from && n + 1 < LONGEST_NAME; from++) {
        unsigned char c = (unsigned char)*from;

        if (isalnum(c) || c >= 0x80)
            to[n++] = (char)tolower(c);
        else if ((c == ' ' || c == '_' || c == '/' || c == '-') && n > 0 &&
                 to[n - 1] != '_')
            to[n++] = '_';
    }
    to[n] = '\0';
}

/* Where members go now: the open object, or the last of an open array. */
static json_object *
place(void)
{
    json_object *at = out.place[out.depth];

    if (!json_object_is_type(at, json_type_array))
        return at;
    return json_object_array_get_idx(at, json_object_array_length(at) - 1);
}

/* value is spent. null is a value, too: failed says whether memory ran out. */
static void
put(const char *name, json_object *value, bool failed)
{
    char member[LONGEST_NAME];

    name_member(member, name);
    failed |= !json_object_is_type(place(), json_type_object);
    if (failed || json_object_object_add(place(), member, value) != 0) {
        json_object_put(value);
        out.failed = true;
    }
}

static json_object *
make_text(const char *text, size_t n)
{
    struct bytes safe = bytes_make(LONGEST_TEXT);
    json_object *value;

    if (utf8_valid(text, n) && n <= INT32_MAX)
        return json_object_new_string_len(text, (int)n);
    utf8_escape(&safe, text, n);
    value = bytes_ok(&safe) ? json_object_new_string(bytes_text(&safe)) : NULL;
    bytes_free(&safe);
    return value;
}

void
out_textn(const char *name, const char *text, size_t n)
{
    json_object *value = out.json && text ? make_text(text, n) : NULL;

    if (out.json)
        put(name, value, text && !value);
}

void
out_text(const char *name, const char *text)
{
    out_textn(name, text, text ? strlen(text) : 0);
}

void
out_uint(const char *name, uint64_t n)
{
    json_object *value = out.json ? json_object_new_uint64(n) : NULL;

    if (out.json)
        put(name, value, !value);
}

void
out_bool(const char *name, bool yes)
{
    json_object *value = out.json ? json_object_new_boolean(yes) : NULL;

    if (out.json)
        put(name, value, !value);
}

void
out_more(const char *name, const char *text, size_t n)
{
    char member[LONGEST_NAME];
    json_object *list, *value;

    if (!out.json)
        return;
    name_member(member, name);
    if (!json_object_object_get_ex(place(), member, &list)) {
        list = json_object_new_array();
        put(name, list, !list);
    }
    value = make_text(text, n);
    if (!list || !value || json_object_array_add(list, value) != 0) {
        json_object_put(value);
        out.failed = true;
    }
}

static void
open_place(const char *name, json_object *what)
{
    if (!what || out.depth + 1 >= DEEPEST) {
        json_object_put(what);
        out.failed = true;
        what = NULL;
    } else {
        put(name, what, false);
    }
    if (what)
        out.place[++out.depth] = what;
}

void
out_group(const char *name)
{
    if (out.json)
        open_place(name, json_object_new_object());
}

void
out_list(const char *name)
{
    if (out.json)
        open_place(name, json_object_new_array());
}

void
out_item(void)
{
    json_object *item = out.json ? json_object_new_object() : NULL;

    if (!out.json)
        return;
    if (!item || json_object_array_add(out.place[out.depth], item) != 0) {
        json_object_put(item);
        out.failed = true;
    }
}

void
out_end(void)
{
    if (out.json && out.depth > 0)
        out.depth--;
}

/* --- colour ------------------------------------------------------------ */

enum { RED = 31, GREEN = 32, YELLOW = 33 };

/* What a colour is worth having for: what is wrong, what to look at, what is
 * well. */
static const struct {
    const char *word;
    int colour;
} colours[] = {
    { "done", GREEN },
    { "ok", GREEN },
    { "acting", GREEN },
    { "retry", YELLOW },
    { "held", YELLOW },
    { "paused", YELLOW },
    { "warning", YELLOW },
    { "expired", YELLOW },
    { "doubtful", RED },
    { "dead", RED },
    { "failed", RED },
    { "refused", RED },
    { "FAILED", RED },
    { "REFUSED", RED },
    { "ALARM", RED },
    { "NOT SEEN", RED },
    { "TILL OFF", RED },
    { "PAUSED", RED },
};

static int
colour_of(const char *word)
{
    for (size_t i = 0; out.colour && i < sizeof colours / sizeof *colours; i++)
        if (strcmp(colours[i].word, word) == 0)
            return colours[i].colour;
    return 0;
}

const char *
out_colour(const char *word)
{
    switch (colour_of(word)) {
    case RED:
        return "\x1b[31m";
    case GREEN:
        return "\x1b[32m";
    case YELLOW:
        return "\x1b[33m";
    default:
        return "";
    }
}

const char *
out_plain(const char *word)
{
    return colour_of(word) ? "\x1b[0m" : "";
}
