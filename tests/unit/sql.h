/*
 * sql: statements taken apart, as the server reads them.
 */
#ifndef MBEV_UNIT_SQL_H
#define MBEV_UNIT_SQL_H

#include "bytes.h"
#include "unit.h"

/* A statement taken apart: its literals and names out of their quotes, in
 * their order; and what is left, with ? and @ in their places. */
struct sql_parts {
    struct bytes rest;
    struct bytes part[32];
    size_t n;
};

/* Reads what stands in these quotes as the server does; returns what follows
 * the closing one. */
static inline const char *
sql_take_quoted(struct sql_parts *q, const char *p)
{
    char quote = *p++;
    struct bytes *part = &q->part[q->n++];

    assert_in_range(q->n, 1, COUNT(q->part));
    *part = bytes_make(10000);
    for (;; p++) {
        if (*p == '\0')
            fail_msg("a %c is not closed: %s", quote, bytes_text(part));
        if (quote == '\'' && *p == '\\')
            p++;
        else if (*p == quote && p[1] == quote)
            p++;
        else if (*p == quote)
            break;
        bytes_chr(part, *p);
    }
    bytes_chr(&q->rest, quote == '`' ? '@' : '?');
    return p + 1;
}

static inline struct sql_parts
sql_parse(const char *sql)
{
    struct sql_parts q = { .rest = bytes_make(100000) };

    assert_non_null(sql);
    while (*sql) {
        if (*sql == '\'' || *sql == '`' || *sql == '"')
            sql = sql_take_quoted(&q, sql);
        else
            bytes_chr(&q.rest, *sql++);
    }
    assert_true(bytes_ok(&q.rest));
    return q;
}

static inline void
sql_drop(struct sql_parts *q)
{
    for (size_t i = 0; i < q->n; i++)
        bytes_free(&q->part[i]);
    bytes_free(&q->rest);
}

static inline void
assert_sql(const char *got, const char *want)
{
    assert_non_null(got);
    expect_text("SQL", got, want);
}

/* The SQL has this form, and these are its literals and names. */
static inline void
assert_parts(
    const char *sql, const char *rest, const char *const *part, size_t n)
{
    struct sql_parts q = sql_parse(sql);

    expect_text(sql, bytes_text(&q.rest), rest);
    expect_number(sql, q.n, n);
    for (size_t i = 0; i < n; i++)
        expect_text(sql, bytes_text(&q.part[i]), part[i]);
    sql_drop(&q);
}

/* Texts that try to leave their quotes. */
static char *const hostile[] = {
    "O'Neil",
    "'",
    "''",
    "\\",
    "a\\",
    "\\'",
    "\\\\'; DROP TABLE users; -- ",
    "'); DELETE FROM users; -- ",
    "\" OR \"\"=\"",
    "`; DROP TABLE users; #",
    "a``b`",
    "%s %n %d",
    "line\nfeed\r\ttab",
    "Бонус «Ё» \xF0\x9F\x98\x80",
    "",
};

#endif
