/* json: see json.h. */
#include "json.h"

#include "utf8.h"

#include <inttypes.h>
#include <string.h>

static void
add_char(struct bytes *out, const char *p, size_t n)
{
    if (n == 0)
        bytes_chr(out, '?');
    else if (*p == '"' || *p == '\\')
        bytes_printf(out, "\\%c", *p);
    else if ((unsigned char)*p < ' ')
        bytes_printf(out, "\\u%04x", (unsigned)*p);
    else
        bytes_add(out, p, n);
}

static void
add_quoted(struct bytes *out, const char *p, size_t n)
{
    const char *end = p + n;

    bytes_chr(out, '"');
    while (p < end) {
        size_t of = utf8_char(p, end);

        add_char(out, p, of);
        p += of ? of : 1;
    }
    bytes_chr(out, '"');
}

/* What comes before a value. */
static void
begin(struct json *json, const char *name)
{
    if (json->comma)
        bytes_chr(json->out, ',');
    json->comma = true;
    if (!name)
        return;
    add_quoted(json->out, name, strlen(name));
    bytes_chr(json->out, ':');
}

void
json_open(struct json *json, const char *name, char bracket)
{
    begin(json, name);
    bytes_chr(json->out, bracket);
    json->comma = false;
}

void
json_close(struct json *json, char bracket)
{
    bytes_chr(json->out, bracket);
    json->comma = true;
}

void
json_textn(struct json *json, const char *name, const char *p, size_t n)
{
    begin(json, name);
    if (p)
        add_quoted(json->out, p, n);
    else
        bytes_str(json->out, "null");
}

void
json_text(struct json *json, const char *name, const char *text)
{
    json_textn(json, name, text, text ? strlen(text) : 0);
}

void
json_int(struct json *json, const char *name, int64_t value)
{
    begin(json, name);
    bytes_printf(json->out, "%" PRId64, value);
}

void
json_raw(struct json *json, const char *name, const char *value)
{
    begin(json, name);
    bytes_str(json->out, value);
}

void
json_flag(struct json *json, const char *name, bool value)
{
    json_raw(json, name, value ? "true" : "false");
}
