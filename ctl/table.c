/* table: cells in columns; see ctl.h. */
#include "bytes.h"
#include "ctl.h"
#include "money.h"
#include "utf8.h"

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
    size_t n, room; /* cells */
    char **cell;    /* NULL = empty; owned */
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
table_make(const char *const *heads, unsigned n)
{
    struct table *t = calloc(1, sizeof *t);

    if (!t)
        return NULL;
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

void
table_add(struct table *t, const char *text, size_t n)
{
    struct bytes safe = bytes_make(LONGEST_CELL);
    size_t *width;

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
table_add_money(struct table *t, int64_t kopecks)
{
    char text[MONEY_TEXT];

    money_print(kopecks, text);
    table_add(t, text, strlen(text));
}

void
table_note(struct table *t, const char *name, const char *text, size_t n)
{
    struct bytes safe = bytes_make(LONGEST_CELL);
    struct note *more =
        t ? realloc(t->note, (t->notes + 1) * sizeof *more) : NULL;

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
    fputs(text, stdout);
    if (column + 1 == t->columns)
        putchar('\n');
    else
        pad(GAP + (left ? blanks : 0));
}

/* Those behind so many cells; *at: the first that was not printed yet. */
static void
print_notes(const struct table *t, size_t cells, size_t *at)
{
    for (; *at < t->notes && t->note[*at].below == cells; ++*at) {
        const struct note *note = &t->note[*at];

        printf("  %s: %s\n", note->name, note->text ? note->text : "");
        free(note->text);
    }
}

void
table_end(struct table **table)
{
    struct table *t = *table;
    size_t note = 0;

    if (!t)
        return;
    for (unsigned i = 0; i < t->columns; i++)
        print_cell(t, i, head_text(t->heads[i]));
    for (size_t i = 0; i < t->n; i++) {
        print_cell(t, (unsigned)(i % t->columns), t->cell[i] ? t->cell[i] : "");
        free(t->cell[i]);
        print_notes(t, i + 1, &note);
    }
    free(t->cell);
    free(t->note);
    free(t);
    *table = NULL;
}

void
table_add_row(struct table *t, const struct db_rows *rows)
{
    for (unsigned i = 0; t && i < t->columns; i++) {
        if (*t->heads[i] == HEAD_MONEY && db_col(rows, i))
            table_add_money(t, (int64_t)db_uint(rows, i));
        else
            table_add(t, db_col(rows, i), db_len(rows, i));
    }
}

void
table_print(struct db_rows *rows, const char *const *heads, unsigned n)
{
    struct table *t = table_make(heads, n);

    while (db_next(rows))
        table_add_row(t, rows);
    table_end(&t);
}

void
table_print_newest(struct db_rows *rows, const char *const *heads, unsigned n,
    size_t most, const char *nothing)
{
    if (db_rows_count(rows) == 0)
        puts(nothing);
    else
        table_print(rows, heads, n);
    if (db_rows_count(rows) == most)
        printf("(the %zu newest)\n", most);
}
