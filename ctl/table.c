/* table: cells in columns; see out.h. */
#include "out.h"

#include "bytes.h"
#include "money.h"
#include "utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_COLUMNS = 16, GAP = 2, LONGEST_CELL = 64 * 1024 };

/* A line below a row. */
struct note {
    size_t below;     /* so many cells */
    const char *name; /* the caller's */
    char *text;       /* owned; safe */
};

struct table {
    const char *const *heads;
    unsigned columns;
    size_t n; /* cells */
    size_t room;
    char **cell; /* NULL = empty; owned */
    size_t width[MOST_COLUMNS];
    struct note *note; /* owned */
    size_t notes;
};

static const char *
head_text(const char *head)
{
    return head + (*head == HEAD_RIGHT || *head == HEAD_MONEY);
}

struct table *
table_make(const char *name, const char *const *heads, unsigned n)
{
    struct table *t = calloc(1, sizeof *t);

    if (!t)
        return NULL;
    out_list(name);
    t->heads = heads;
    t->columns = n < MOST_COLUMNS ? n : MOST_COLUMNS;
    for (unsigned i = 0; i < t->columns; i++)
        t->width[i] = text_width(head_text(heads[i]));
    return t;
}

static bool
has_room(struct table *t)
{
    size_t room = t->room ? 2 * t->room : 256;
    char **cell;

    if (t->n < t->room)
        return true;
    cell = realloc(t->cell, room * sizeof *cell);
    if (!cell)
        return false;
    t->cell = cell;
    t->room = room;
    return true;
}

/* The heading of the next cell, which begins a row when it is the first. */
static const char *
next_member(struct table *t)
{
    size_t column = t->n++ % t->columns;

    if (column == 0)
        out_item();
    return head_text(t->heads[column]);
}

void
table_add(struct table *t, const char *text, size_t n)
{
    struct bytes safe = bytes_make(LONGEST_CELL);
    size_t *width;

    if (t && out_is_json()) {
        out_textn(next_member(t), text, n);
        return;
    }
    if (!t || !has_room(t))
        return;
    if (text)
        utf8_escape(&safe, text, n);
    width = &t->width[t->n % t->columns];
    if (text_width(bytes_text(&safe)) > *width)
        *width = text_width(bytes_text(&safe));
    t->cell[t->n++] = safe.p;
}

void
table_add_text(struct table *t, const char *text)
{
    table_add(t, text, text ? strlen(text) : 0);
}

void
table_add_uint(struct table *t, uint64_t n)
{
    char text[24];

    if (t && out_is_json()) {
        out_uint(next_member(t), n);
        return;
    }
    snprintf(text, sizeof text, "%" PRIu64, n);
    table_add_text(t, text);
}

void
table_add_money(struct table *t, int64_t kopecks)
{
    char text[MONEY_TEXT];

    table_add_text(t, money_print(kopecks, text));
}

void
table_note(struct table *t, const char *name, const char *text, size_t n)
{
    struct bytes safe = bytes_make(LONGEST_CELL);
    struct note *more;

    if (t && out_is_json())
        out_textn(name, text, n);
    if (!t || out_is_json())
        return;
    more = realloc(t->note, (t->notes + 1) * sizeof *more);
    if (!more)
        return;
    utf8_escape(&safe, text, n);
    t->note = more;
    t->note[t->notes++] =
        (struct note){ .below = t->n, .name = name, .text = safe.p };
}

static void
pad(size_t n)
{
    while (n-- > 0)
        putchar(' ');
}

static void
print_cell(const struct table *t, unsigned column, const char *text)
{
    size_t blanks = t->width[column] - text_width(text);
    bool left = head_text(t->heads[column]) == t->heads[column];

    if (!left)
        pad(blanks);
    printf("%s%s%s", out_colour(text), text, out_plain(text));
    if (column + 1 == t->columns)
        putchar('\n');
    else
        pad(GAP + (left ? blanks : 0));
}

/* Those behind so many cells; *at: the first that was not printed yet. */
static void
print_notes(const struct table *t, size_t cells, size_t *at)
{
    for (; *at < t->notes && t->note[*at].below == cells; ++*at)
        printf("  %s: %s\n", t->note[*at].name,
            t->note[*at].text ? t->note[*at].text : "");
}

static void
print(const struct table *t)
{
    size_t note = 0;
    unsigned column = 0;

    for (unsigned i = 0; i < t->columns; i++)
        print_cell(t, i, head_text(t->heads[i]));
    for (size_t i = 0; t->cell && i < t->n; i++) {
        print_cell(t, column, t->cell[i] ? t->cell[i] : "");
        print_notes(t, i + 1, &note);
        column = column + 1 < t->columns ? column + 1 : 0;
    }
}

static void
drop(struct table **table)
{
    struct table *t = *table;

    for (size_t i = 0; t->cell && i < t->n; i++)
        free(t->cell[i]);
    for (size_t i = 0; i < t->notes; i++)
        free(t->note[i].text);
    free(t->cell);
    free(t->note);
    free(t);
    *table = NULL;
}

void
table_drop(struct table **table)
{
    if (!*table)
        return;
    out_end();
    drop(table);
}

void
table_end(struct table **table)
{
    if (!*table)
        return;
    out_end();
    if (!out_is_json())
        print(*table);
    drop(table);
}

void
table_add_row(struct table *t, const struct db_rows *rows)
{
    for (unsigned i = 0; t && i < t->columns; i++) {
        if (*t->heads[i] == HEAD_MONEY && db_col(rows, i))
            table_add_money(t, (int64_t)db_uint(rows, i));
        else if (db_is_count(rows, i))
            table_add_uint(t, db_uint(rows, i));
        else
            table_add(t, db_col(rows, i), db_len(rows, i));
    }
}

void
table_print(const char *name, struct db_rows *rows, const char *const *heads,
    unsigned n)
{
    struct table *t = table_make(name, heads, n);

    while (db_next(rows))
        table_add_row(t, rows);
    table_end(&t);
}

void
table_print_newest(const char *name, struct db_rows *rows,
    const char *const *heads, unsigned n, size_t most, const char *nothing)
{
    if (db_rows_count(rows) == 0)
        out_words("%s\n", nothing);
    if (db_rows_count(rows) > 0 || out_is_json())
        table_print(name, rows, heads, n);
    if (db_rows_count(rows) == most)
        out_words("(the %zu newest)\n", most);
}
