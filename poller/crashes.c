/* crashes: see crashes.h. */
#include "crashes.h"

#include "hash.h"

#include <stdlib.h>
#include <string.h>

static const char *const works[WORKS] = {
    [WORK_NOTHING] = "nothing",
    [WORK_INGEST] = "ingest",
    [WORK_CAPTURE] = "capture",
    [WORK_DECIDE] = "decide",
    [WORK_CALL] = "call",
    [WORK_FOLLOW] = "follow",
    [WORK_CALLBACK] = "callback",
    [WORK_ROUTER] = "router",
    [WORK_ORDERS] = "orders",
};

static bool
is_safe(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z') || c == '_' || c == ':' || c == '.' ||
           c == '|' || c == '-' || c == ' ';
}

static size_t
put(char *key, size_t n, const char *text)
{
    for (; *text && n < CRASHES_KEY; text++) {
        key[n] = '?';
        if (is_safe(*text))
            key[n] = *text;
        n++;
    }
    return n;
}

size_t
crashes_key(char key[CRASHES_KEY + 1], enum work work, const char *what,
    const char *part)
{
    size_t n = put(key, 0, works[work]);

    if (what) {
        n = put(key, n, " ");
        n = put(key, n, what);
    }
    if (part) {
        n = put(key, n, "|");
        n = put(key, n, part);
    }
    key[n] = '\0';
    return n;
}

/* --- lines ------------------------------------------------------------- */

/* Cuts the next word off; "" when there is none. */
static char *
cut_word(char **rest)
{
    char *word = *rest, *end = strchr(word, ' ');

    if (end)
        *end = '\0';
    *rest = end ? end + 1 : word + strlen(word);
    return word;
}

static bool
is_number(const char *text)
{
    return *text && text[strspn(text, "0123456789")] == '\0';
}

static void
divide(char *text, struct crash_line *line)
{
    const char *seconds = cut_word(&text), *word = cut_word(&text);

    line->version = cut_word(&text);
    line->key = text;
    line->word = is_number(seconds) && *line->key ? word : "";
    line->seconds = strtoll(seconds, NULL, 10);
}

/* What is longer than any line of ours is none; nor is a last one without its
 * end, which was torn. */
bool
crashes_next_line(const char **at, const char *end, char buf[CRASHES_LINE],
    struct crash_line *line)
{
    size_t left = (size_t)(end - *at), n;
    const char *eol = left ? memchr(*at, '\n', left) : NULL;

    if (!eol)
        return false;
    n = (size_t)(eol - *at);
    if (n >= CRASHES_LINE || memchr(*at, '\0', n))
        n = 0;
    memcpy(buf, *at, n);
    buf[n] = '\0';
    divide(buf, line);
    *at = eol + 1;
    return true;
}

bool
crashes_is_crash(const struct crash_line *line)
{
    return is_number(line->word);
}

/* --- counting ---------------------------------------------------------- */

static struct crash *
find(const struct crashes *c, const char *key)
{
    uint64_t hash = c->n ? hash_text(key) : 0;

    for (size_t i = 0; i < c->n; i++)
        if (c->at[i].key == hash)
            return &c->at[i];
    return NULL;
}

const struct crash *
crashes_find(const struct crashes *c, const char *key)
{
    return find(c, key);
}

static bool
is_about(const char *key, enum work work)
{
    size_t n = strlen(works[work]);

    return strncmp(key, works[work], n) == 0 &&
           (key[n] == ' ' || key[n] == '\0');
}

/* What is known of it, perhaps nothing yet. NULL when out of memory. */
static struct crash *
find_or_add(struct crashes *c, const char *key)
{
    struct crash *crash = find(c, key);

    if (crash)
        return crash;
    if (c->n == c->size) {
        size_t size = c->size ? 2 * c->size : 16;
        struct crash *at = realloc(c->at, size * sizeof *at);

        if (!at)
            return NULL;
        c->at = at;
        c->size = size;
    }
    c->at[c->n] = (struct crash){ .key = hash_text(key),
        .limit =
            is_about(key, WORK_ORDERS) ? CRASHES_MOST_ORDERS : CRASHES_MOST };
    return &c->at[c->n++];
}

static void
count(struct crash *crash, bool aside)
{
    crash->aside |= aside;
    crash->n = aside ? 0 : crash->n + 1;
    crash->all += !aside;
}

bool
crashes_read(struct crashes *c, const char *text, size_t n)
{
    const char *end = text + n;
    char buf[CRASHES_LINE];
    struct crash_line line;

    *c = (struct crashes){ 0 };
    while (crashes_next_line(&text, end, buf, &line)) {
        bool aside = strcmp(line.word, "aside") == 0;
        struct crash *crash;

        if ((!aside && !crashes_is_crash(&line)) ||
            strcmp(line.version, MBEV_VERSION) != 0 ||
            is_about(line.key, WORK_NOTHING))
            continue;
        crash = find_or_add(c, line.key);
        if (!crash) {
            crashes_free(c);
            return false;
        }
        count(crash, aside);
    }
    return true;
}

bool
crashes_is_enough(const struct crash *crash)
{
    return crash && crash->n >= (crash->aside ? 1 : crash->limit);
}

void
crashes_set_aside(struct crashes *c, const char *key)
{
    struct crash *crash = find(c, key);

    if (crash)
        count(crash, true);
}

void
crashes_free(struct crashes *c)
{
    free(c->at);
    *c = (struct crashes){ 0 };
}
