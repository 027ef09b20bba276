/* field: lines of "name: value"; see ctl.h. */
#include "bytes.h"
#include "ctl.h"
#include "money.h"
#include "utf8.h"

#include <stdio.h>
#include <string.h>

enum { LONGEST_NAME = 4096, LONGEST_VALUE = 1 << 20, NAME_WIDTH = 15 };

size_t
text_width(const char *text)
{
    size_t n = 0;

    for (; *text; text++)
        n += ((unsigned char)*text & 0xC0) != 0x80;
    return n;
}

void
text_print(FILE *to, const char *text)
{
    struct bytes safe = bytes_make(LONGEST_VALUE);

    utf8_escape(&safe, text, strlen(text));
    fputs(bytes_text(&safe), to);
    bytes_free(&safe);
}

void
field_printn(const char *name, const char *value, size_t n)
{
    struct bytes safe_name = bytes_make(LONGEST_NAME);
    struct bytes safe = bytes_make(LONGEST_VALUE);
    size_t used;

    utf8_escape(&safe_name, name, strlen(name));
    utf8_escape(&safe, value, n);
    used = text_width(bytes_text(&safe_name)) + 1;
    printf("%s:%*s %s\n", bytes_text(&safe_name),
        used < NAME_WIDTH ? (int)(NAME_WIDTH - used) : 0, "",
        bytes_ok(&safe) ? bytes_text(&safe) : "(too long to be shown)");
    bytes_free(&safe_name);
    bytes_free(&safe);
}

void
field_print(const char *name, const char *value)
{
    field_printn(name, value, strlen(value));
}

void
fields_add(struct bytes *sql, const struct field *fields, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bytes_str(sql, ", ");
        bytes_str(sql, fields[i].sql);
    }
}

void
fields_print(const struct db_rows *rows, unsigned first,
    const struct field *fields, unsigned n)
{
    char money[MONEY_TEXT];

    for (unsigned i = 0; i < n; i++) {
        if (!db_col(rows, first + i))
            continue;
        if (*fields[i].name == HEAD_MONEY)
            field_print(fields[i].name + 1,
                money_print((int64_t)db_uint(rows, first + i), money));
        else
            field_printn(fields[i].name, db_col(rows, first + i),
                db_len(rows, first + i));
    }
}
