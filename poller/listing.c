/* listing: see listing.h. */
#include "listing.h"

#include "mask.h"

#include <stdio.h>
#include <string.h>

enum { MOST_NAME = 32, LARGEST_TEXT = 256 * 1024 };

static void
add_masked(struct json *json, const char *name, const char *p, size_t n)
{
    struct bytes masked = bytes_make(LARGEST_TEXT);

    mask_add(&masked, p, n);
    json_textn(
        json, name, bytes_ok(&masked) ? bytes_text(&masked) : NULL, masked.n);
    bytes_free(&masked);
}

static void
add_column(struct json *json, const struct db_rows *rows, unsigned i, char sign,
    const char *name)
{
    const char *text = db_col(rows, i);

    if (sign == '#' && text)
        json_int(json, name, (int64_t)db_uint(rows, i));
    else if (sign == '@' && text)
        add_masked(json, name, text, db_len(rows, i));
    else
        json_textn(json, name, text, db_len(rows, i));
}

void
listing_add_row(
    struct json *json, const struct db_rows *rows, const char *columns)
{
    for (unsigned i = 0; *columns; i++) {
        size_t n = strcspn(columns, " ");
        char name[MOST_NAME];
        bool signs = *columns == '#' || *columns == '@';

        snprintf(name, sizeof name, "%.*s", (int)n - signs, columns + signs);
        add_column(json, rows, i, *columns, name);
        columns += n;
        columns += strspn(columns, " ");
    }
}

void
listing_add(struct json *json, const char *name, struct db_rows *rows,
    const char *columns)
{
    json_open(json, name, '[');
    while (db_next(rows)) {
        json_open(json, NULL, '{');
        listing_add_row(json, rows, columns);
        json_close(json, '}');
    }
    json_close(json, ']');
}
