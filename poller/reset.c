/* reset: see reset.h. */
#include "reset.h"

#include "reread.h"
#include "utf8.h"

#include <errno.h>
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

/* False when no router can have this number: cut, it would be that of
 * another. */
static bool
read_id(uint32_t *id, struct json_object *o)
{
    int64_t n = json_object_get_int64(o);

    *id = (uint32_t)n;
    return json_object_is_type(o, json_type_int) && n >= 0 && n <= UINT32_MAX;
}

/* Without a list all routers are meant; what is no list means nothing. */
static bool
read_left(struct reset *r, struct json_object *list)
{
    size_t n;

    r->some = json_object_is_type(list, json_type_array);
    n = r->some ? json_object_array_length(list) : 0;
    r->left = calloc(n + 1, sizeof *r->left);
    if (!r->left || (list && !r->some))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!read_id(&r->left[r->left_n++], json_object_array_get_idx(list, i)))
            return false;
    return true;
}

/* False when it is no text, or would end before its end: that would be the
 * login of another. */
static bool
read_login(struct reset *r, struct json_object *login)
{
    const char *text = json_object_get_string(login);

    if (!json_object_is_type(login, json_type_string) ||
        strlen(text) != (size_t)json_object_get_string_len(login))
        return false;
    r->login = strdup(text);
    return r->login != NULL;
}

bool
reset_parse(struct reset *r, const char *json)
{
    struct json_object *all = json_tokener_parse(json);
    bool good;

    *r = (struct reset){ 0 };
    r->only = json_object_get_boolean(member(all, "only"));
    good = reread_is_same(all, json) && read_login(r, member(all, "login")) &&
           read_seen(r, member(all, "seen")) &&
           read_left(r, member(all, "left"));
    json_object_put(all);
    return good;
}

/* Puts a value, which is taken over, into an object, or without a name at the
 * end of a list. False when one of them is not there: out of memory. */
static bool
put(struct json_object *to, const char *name, struct json_object *value)
{
    if (to && value &&
        (name ? json_object_object_add(to, name, value)
              : json_object_array_add(to, value)) == 0)
        return true;
    json_object_put(value);
    return false;
}

static bool
put_text(struct json_object *to, const char *name, const char *text)
{
    return !*text || put(to, name, json_object_new_string(text));
}

static bool
put_seen(struct json_object *all, const struct reset *r)
{
    struct json_object *list = json_object_new_array();
    bool good = put(all, "seen", list);

    for (size_t i = 0; good && i < r->seen_n; i++) {
        struct json_object *one = json_object_new_object();

        good = put(list, NULL, one) && put_text(one, "nas", r->seen[i].nas) &&
               put_text(one, "ip", r->seen[i].ip) &&
               put_text(one, "session", r->seen[i].session);
    }
    return good;
}

static bool
put_left(struct json_object *all, const struct reset *r)
{
    struct json_object *list = json_object_new_array();
    bool good = put(all, "left", list);

    for (size_t i = 0; good && i < r->left_n; i++)
        good = put(list, NULL, json_object_new_int64(r->left[i]));
    return good;
}

static bool
put_all(struct json_object *all, const struct reset *r)
{
    return put_text(all, "login", r->login) &&
           (r->seen_n == 0 || put_seen(all, r)) &&
           (!r->only || put(all, "only", json_object_new_boolean(true))) &&
           (!r->some || put_left(all, r));
}

/* The text itself may be cut when memory runs out, and only errno tells. */
char *
reset_print(const struct reset *r)
{
    struct json_object *all = json_object_new_object();
    const char *text = NULL;
    char *copy = NULL;

    errno = 0;
    if (all && put_all(all, r))
        text = json_object_to_json_string_ext(all, JSON_C_TO_STRING_PLAIN);
    if (text && errno != ENOMEM)
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
