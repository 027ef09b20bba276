/* table: rows of an answer in columns; see ctl.h. */
#include "bytes.h"
#include "ctl.h"
#include "utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_COLUMNS = 16, GAP = 2 };

static char *
cell_of(const struct db_rows *rows, unsigned i)
{
    struct bytes cell = bytes_make(64 * 1024);

    if (db_col(rows, i))
        utf8_escape(&cell, db_col(rows, i), db_len(rows, i));
    return cell.p; /* NULL = empty */
}

static void
print_cell(const char *text, size_t width, bool last)
{
    size_t used = text_width(text);

    fputs(text, stdout);
    for (; !last && used < width + GAP; used++)
        putchar(' ');
    if (last)
        putchar('\n');
}

void
table_print(struct db_rows *rows, const char *const *heads, unsigned n)
{
    size_t count = db_rows_count(rows), width[MOST_COLUMNS] = { 0 };
    char **cell = calloc(count * n + 1, sizeof *cell);

    if (!cell)
        return;
    for (unsigned i = 0; i < n; i++)
        width[i] = text_width(heads[i]);
    for (size_t row = 0; db_next(rows); row++) {
        for (unsigned i = 0; i < n; i++) {
            char *text = cell_of(rows, i);

            cell[row * n + i] = text;
            if (text && text_width(text) > width[i])
                width[i] = text_width(text);
        }
    }
    for (unsigned i = 0; i < n; i++)
        print_cell(heads[i], width[i], i + 1 == n);
    for (size_t at = 0; at < count * n; at++) {
        print_cell(cell[at] ? cell[at] : "", width[at % n], at % n + 1 == n);
        free(cell[at]);
    }
    free(cell);
}
