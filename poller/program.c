/* program: see program.h. */
#include "program.h"

#include "bytes.h"
#include "json.h"
#include "reread.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST = 256 * 1024 };

static char *
copy_text(json_object *o)
{
    const char *text = json_object_get_string(o);

    if (!json_object_is_type(o, json_type_string) ||
        strlen(text) != (size_t)json_object_get_string_len(o))
        return NULL;
    return strdup(text);
}

static bool
read_args(struct program *p, json_object *list)
{
    size_t n = json_object_is_type(list, json_type_array)
                   ? json_object_array_length(list)
                   : PROGRAM_ARGS + 1;

    if (n > PROGRAM_ARGS)
        return false;
    for (size_t i = 0; i < n; i++) {
        p->arg[i] = copy_text(json_object_array_get_idx(list, i));
        if (!p->arg[i])
            return false;
        p->n++;
    }
    return true;
}

bool
program_parse(struct program *p, const char *json)
{
    json_object *all, *path = NULL, *args = NULL, *output = NULL;
    bool good;

    *p = (struct program){ 0 };
    errno = 0;
    all = json_tokener_parse(json);
    json_object_object_get_ex(all, "program", &path);
    json_object_object_get_ex(all, "args", &args);
    json_object_object_get_ex(all, "output", &output);
    good = reread_is_same(all, json);
    if (good) {
        p->path = copy_text(path);
        good = p->path && p->path[0] == '/' && read_args(p, args);
        p->output = copy_text(output);
    }
    json_object_put(all);
    return good;
}

static void
add(struct json *json, const char *path, const char *const *arg, size_t n)
{
    json_text(json, "program", path);
    json_open(json, "args", '[');
    for (size_t i = 0; i < n; i++)
        json_text(json, NULL, arg[i]);
    json_close(json, ']');
}

static char *
take(struct bytes *text)
{
    char *copy = bytes_ok(text) ? strdup(bytes_text(text)) : NULL;

    bytes_free(text);
    return copy;
}

char *
program_print(const char *path, const char *const *arg, size_t n)
{
    struct bytes text = bytes_make(LARGEST);
    struct json json = { .out = &text };

    json_open(&json, NULL, '{');
    add(&json, path, arg, n);
    json_close(&json, '}');
    return take(&text);
}

char *
program_print_ended(
    const struct program *p, int code, const char *output, size_t n)
{
    struct bytes text = bytes_make(LARGEST);
    struct json json = { .out = &text };

    json_open(&json, NULL, '{');
    add(&json, p->path, (const char *const *)p->arg, p->n);
    json_int(&json, "exit", code);
    json_textn(&json, "output", output, n);
    json_close(&json, '}');
    return take(&text);
}

void
program_free(struct program *p)
{
    free(p->path);
    free(p->output);
    for (size_t i = 0; i < p->n; i++)
        free(p->arg[i]);
    *p = (struct program){ 0 };
}
