/* script: see script.h. */
#include "script.h"

#include <string.h>
#include <strings.h>

static const char delimiter_word[] = "DELIMITER";

struct script
script_open(const char *text, size_t n)
{
    return (struct script){
        .at = text, .end = text + n, .line = 1, .delimiter = ";"
    };
}

static size_t
left(const struct script *s)
{
    return (size_t)(s->end - s->at);
}

static bool
begins(const struct script *s, const char *word)
{
    size_t n = strlen(word);

    return left(s) >= n && memcmp(s->at, word, n) == 0;
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' ||
           c == '\v';
}

/* Takes n bytes, into sql when it is not NULL. */
static void
take(struct script *s, size_t n, struct bytes *sql)
{
    for (size_t i = 0; i < n; i++)
        s->line += s->at[i] == '\n';
    if (sql)
        bytes_add(sql, s->at, n);
    s->at += n;
}

static size_t
line_length(const struct script *s)
{
    const char *end = left(s) ? memchr(s->at, '\n', left(s)) : NULL;

    return end ? (size_t)(end - s->at) : left(s);
}

static void
skip_blanks(struct script *s)
{
    while (left(s) && is_blank(*s->at))
        take(s, 1, NULL);
}

/* --- what is not divided ------------------------------------------------- */

/* A string or a name in quotes, of which s stands at the first. */
static const char *
take_quoted(struct script *s, struct bytes *sql)
{
    char quote = *s->at;
    bool hides = quote != '`' && !s->plain_backslash;
    size_t n = 1;

    for (; n < left(s) && s->at[n] != quote; n++)
        n += s->at[n] == '\\' && hides;
    if (n >= left(s))
        return "a quotation mark that is opened here is not closed";
    take(s, n + 1, sql);
    return NULL;
}

static bool
is_line_comment(const struct script *s)
{
    return begins(s, "#") ||
           (begins(s, "--") && (left(s) == 2 || is_blank(s->at[2])));
}

/* One that some server obeys. */
static bool
is_conditional(const struct script *s)
{
    return begins(s, "/*!") || begins(s, "/*M!") || begins(s, "/*+");
}

/* A comment that no server is to see. */
static const char *
skip_comment(struct script *s)
{
    const char *end = NULL;

    if (left(s) > 2)
        end = memmem(s->at + 2, left(s) - 2, "*/", 2);
    if (!end)
        return "a comment that is opened here is not closed";
    take(s, (size_t)(end - s->at) + 2, NULL);
    return NULL;
}

/* --- the delimiter ------------------------------------------------------- */

static bool
is_delimiter_line(const struct script *s)
{
    size_t n = sizeof delimiter_word - 1;

    return left(s) > n && strncasecmp(s->at, delimiter_word, n) == 0 &&
           (s->at[n] == ' ' || s->at[n] == '\t');
}

/* The word behind DELIMITER, up to the next blank. */
static const char *
change_delimiter(struct script *s)
{
    size_t line = line_length(s), at = sizeof delimiter_word - 1, n = 0;

    while (at < line && is_blank(s->at[at]))
        at++;
    while (at + n < line && !is_blank(s->at[at + n]))
        n++;
    if (n == 0 || n >= SCRIPT_DELIMITER || memchr(s->at + at, '\0', n))
        return "DELIMITER needs a word of 1 to 15 bytes";
    memcpy(s->delimiter, s->at + at, n);
    s->delimiter[n] = '\0';
    take(s, line, NULL);
    return NULL;
}

/* --- statements ---------------------------------------------------------- */

static void
trim_end(struct bytes *sql)
{
    while (sql->n > 0 && is_blank(sql->p[sql->n - 1]))
        sql->p[--sql->n] = '\0';
}

/* Takes what comes next of a statement. *ended: its delimiter came. */
static const char *
take_piece(struct script *s, struct bytes *sql, bool *ended)
{
    char c = *s->at;

    if (begins(s, s->delimiter)) {
        take(s, strlen(s->delimiter), NULL);
        *ended = true;
    } else if (c == '\'' || c == '"' || c == '`') {
        return take_quoted(s, sql);
    } else if (is_line_comment(s)) {
        take(s, line_length(s), NULL);
    } else if (begins(s, "/*") && !is_conditional(s)) {
        bytes_chr(sql, ' ');
        return skip_comment(s);
    } else {
        take(s, 1, sql);
    }
    return NULL;
}

/* Goes to where the next statement begins. */
static const char *
find_beginning(struct script *s)
{
    const char *wrong = NULL;

    skip_blanks(s);
    while (left(s) && !wrong) {
        if (is_line_comment(s))
            take(s, line_length(s), NULL);
        else if (begins(s, s->delimiter))
            take(s, strlen(s->delimiter), NULL);
        else if (is_delimiter_line(s))
            wrong = change_delimiter(s);
        else if (begins(s, "/*") && !is_conditional(s))
            wrong = skip_comment(s);
        else
            break;
        skip_blanks(s);
    }
    return wrong;
}

enum script_step
script_next(struct script *s, struct bytes *sql, int *line, const char **wrong)
{
    bool ended = false;

    bytes_clear(sql);
    *wrong = find_beginning(s);
    *line = s->line;
    while (left(s) && !ended && !*wrong) {
        int at = s->line;

        *wrong = take_piece(s, sql, &ended);
        if (*wrong)
            *line = at;
    }
    if (!*wrong && !bytes_ok(sql))
        *wrong = "the statement is too long, or memory ran out";
    if (*wrong)
        return SCRIPT_WRONG;
    trim_end(sql);
    return sql->n > 0 ? SCRIPT_STATEMENT : SCRIPT_END;
}
