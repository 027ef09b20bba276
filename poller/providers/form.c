/* form: see form.h. */
#include "providers/form.h"

#include <stdbool.h>
#include <string.h>

/* Form encoding: unreserved characters stay, a blank is '+'. */
static void
add_encoded(struct bytes *body, const char *s)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "abcdefghijklmnopqrstuvwxyz0123456789-._~";

    for (; *s; s++) {
        if (strchr(plain, *s))
            bytes_chr(body, *s);
        else if (*s == ' ')
            bytes_chr(body, '+');
        else
            bytes_printf(body, "%%%02X", (unsigned)(unsigned char)*s);
    }
}

void
form_add(struct bytes *body, const char *name, const char *value)
{
    bytes_printf(body, "%s%s=", body->n ? "&" : "", name);
    add_encoded(body, value);
}

static bool
is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* True when nothing but white space follows the first n bytes of the body. */
static bool
ends_at(const struct http_reply *reply, size_t n)
{
    while (n < reply->body_len && is_space(reply->body[n]))
        n++;
    return n >= reply->body_len;
}

/* NULL when that is no JSON throughout. */
static json_object *
read_once(const struct http_reply *reply)
{
    json_tokener *tok = json_tokener_new();
    json_object *json;
    bool whole;

    if (!tok)
        return NULL;
    json_tokener_set_flags(tok, JSON_TOKENER_VALIDATE_UTF8);
    /* The NUL is part of what is read: it ends the text. */
    json = json_tokener_parse_ex(tok, reply->body, (int)reply->body_len + 1);
    whole = ends_at(reply, json_tokener_get_parse_end(tok));
    json_tokener_free(tok);
    if (whole)
        return json;
    json_object_put(json);
    return NULL;
}

/* Read twice, for the reason that reread.h gives: a refusal whose code is left
 * out would be another. */
json_object *
reply_json(const struct http_reply *reply)
{
    json_object *json = read_once(reply), *again = read_once(reply);
    bool good = json_object_is_type(json, json_type_object) &&
                json_object_equal(json, again);

    json_object_put(again);
    if (good)
        return json;
    json_object_put(json);
    return NULL;
}

const char *
reply_text(json_object *object, const char *name)
{
    json_object *member;

    if (!json_object_object_get_ex(object, name, &member) || !member)
        return NULL;
    if (!json_object_is_type(member, json_type_string) &&
        !json_object_is_type(member, json_type_int))
        return NULL;
    return json_object_get_string(member);
}
