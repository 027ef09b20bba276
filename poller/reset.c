/* reset: see reset.h. */
#include "reset.h"

#include "utf8.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

static struct json_object *
member(struct json_object *of, const char *name)
{
    struct json_object *o = NULL;

    json_object_object_get_ex(of, name, &o);
    return o;
}

static void
copy_text(char *to, size_t size, struct json_object *of, const char *name)
{
    const char *text = json_object_get_string(member(of, name));

    if (text)
        utf8_copy(to, size, text, strlen(text));
}

static bool
read_seen(struct reset *r, struct json_object *list)
{
    size_t n = json_object_is_type(list, json_type_array)
                   ? json_object_array_length(list)
                   : 0;

    r->seen = calloc(n + 1, sizeof *r->seen);
    for (size_t i = 0; r->seen && i < n; i++) {
        struct json_object *one = json_object_array_get_idx(list, i);
        struct seen *seen = &r->seen[r->seen_n++];

        copy_text(seen->nas, sizeof seen->nas, one, "nas");
        copy_text(seen->ip, sizeof seen->ip, one, "ip");
        copy_text(seen->session, sizeof seen->session, one, "session");
    }
    return r->seen != NULL;
}

static bool
read_left(struct reset *r, struct json_object *list)
{
    size_t n;

    r->some = json_object_is_type(list, json_type_array);
    n = r->some ? json_object_array_length(list) : 0;
    r->left = calloc(n + 1, sizeof *r->left);
    for (size_t i = 0; r->left && i < n; i++)
        r->left[r->left_n++] =
            (uint32_t)json_object_get_int64(json_object_array_get_idx(list, i));
    return r->left != NULL;
}

bool
reset_parse(struct reset *r, const char *json)
{
    struct json_object *all = json_tokener_parse(json);
    const char *login = json_object_get_string(member(all, "login"));
    bool good;

    *r = (struct reset){ 0 };
    r->only = json_object_get_boolean(member(all, "only"));
    if (login)
        r->login = strdup(login);
    good = r->login && read_seen(r, member(all, "seen")) &&
           read_left(r, member(all, "left"));
    json_object_put(all);
    return good;
}

static void
add_text(struct json_object *to, const char *name, const char *text)
{
    if (*text)
        json_object_object_add(to, name, json_object_new_string(text));
}

static struct json_object *
list_seen(const struct reset *r)
{
    struct json_object *list = json_object_new_array();

    for (size_t i = 0; i < r->seen_n; i++) {
        struct json_object *one = json_object_new_object();

        add_text(one, "nas", r->seen[i].nas);
        add_text(one, "ip", r->seen[i].ip);
        add_text(one, "session", r->seen[i].session);
        json_object_array_add(list, one);
    }
    return list;
}

static struct json_object *
list_left(const struct reset *r)
{
    struct json_object *list = json_object_new_array();

    for (size_t i = 0; i < r->left_n; i++)
        json_object_array_add(list, json_object_new_int64(r->left[i]));
    return list;
}

char *
reset_print(const struct reset *r)
{
    struct json_object *all = json_object_new_object();
    const char *text;
    char *copy = NULL;

    add_text(all, "login", r->login);
    if (r->seen_n > 0)
        json_object_object_add(all, "seen", list_seen(r));
    if (r->only)
        json_object_object_add(all, "only", json_object_new_boolean(true));
    if (r->some)
        json_object_object_add(all, "left", list_left(r));
    text = json_object_to_json_string_ext(all, JSON_C_TO_STRING_PLAIN);
    if (text)
        copy = strdup(text);
    json_object_put(all);
    return copy;
}

void
reset_free(struct reset *r)
{
    free(r->login);
    free(r->seen);
    free(r->left);
    *r = (struct reset){ 0 };
}
