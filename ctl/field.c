/* field: lines of "name: value", and of status; see out.h. */
#include "out.h"

#include "bytes.h"
#include "money.h"
#include "utf8.h"

#include <stdio.h>
#include <string.h>

enum {
    LONGEST_NAME = 4096,
    LONGEST_VALUE = 1 << 20,
    LONGEST_STATUS = 4096,
    NAME_WIDTH = 15
};

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

    if (out_is_json()) {
        out_textn(name, value, n);
        return;
    }
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
field_print_more(const char *name, const char *value, size_t n)
{
    if (out_is_json())
        out_more(name, value, n);
    else
        field_printn(name, value, n);
}

void
status_print(const char *label, const char *text, size_t n)
{
    struct bytes safe = bytes_make(LONGEST_STATUS);

    if (out_is_json()) {
        out_textn(label, text, n);
        return;
    }
    utf8_escape(&safe, text, n);
    printf("%s%-12s%s %s\n", out_colour(label), label, out_plain(label),
        bytes_text(&safe));
    bytes_free(&safe);
}

void
status_print_more(const char *label, const char *text, size_t n)
{
    if (out_is_json())
        out_more(label, text, n);
    else
        status_print(label, text, n);
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
