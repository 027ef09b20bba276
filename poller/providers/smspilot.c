/*
 * smspilot: SMS through smspilot.ru, interface API-1.
 *
 * One POST for each message, form-encoded UTF-8; the reply is JSON, with HTTP
 * status 200 for refusals too, so the body decides. The interface has no
 * idempotency key and no look-up by our own number: what may have been taken
 * is never sent again unasked.
 */
#include "providers/provider.h"

#include "utf8.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Error codes that speak of the account, not of the message. 112 is "not
 * enough money". */
static const int configuration_codes[] = { 100, 101, 102, 105, 106, 107, 108,
    112, 113, 115, 200, 201, 204, 226, 400, 401, 630, 631, 632, 633, 634, 640,
    641, 642, 643, 644, 645 };

/* Error codes that may pass by themselves: "system error". */
static const int transient_codes[] = { 110 };

static bool
listed(int code, const int *codes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (codes[i] == code)
            return true;
    return false;
}

/* A code that is not listed is permanent for the message. */
static enum outcome_class
class_of(int code)
{
    if (listed(code, configuration_codes,
            sizeof configuration_codes / sizeof *configuration_codes))
        return OUTCOME_CONFIGURATION;
    if (listed(code, transient_codes,
            sizeof transient_codes / sizeof *transient_codes))
        return OUTCOME_TRANSIENT;
    return OUTCOME_PERMANENT;
}

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

static void
add_parameter(struct bytes *body, const char *name, const char *value)
{
    bytes_printf(body, "%s%s=", body->n ? "&" : "", name);
    add_encoded(body, value);
}

static void
build(const struct settings *set, const struct message *message,
    struct http_request *request, struct bytes *body)
{
    add_parameter(body, "send", message->text);
    add_parameter(body, "to", message->to);
    add_parameter(body, "from", set->smspilot.sender);
    add_parameter(body, "format", "json");
    add_parameter(body, "apikey", set->smspilot.api_key);
    *request = (struct http_request){
        .url = set->smspilot.url,
        .content_type = "application/x-www-form-urlencoded",
        .ca_file = set->smspilot.ca_file,
        .connect_timeout_ms = (long)set->smspilot.connect_timeout_ms,
        .timeout_ms = (long)set->smspilot.timeout_ms,
    };
}

/* A member's text, whether the provider wrote a string or a number. */
static const char *
text_of(json_object *object, const char *name)
{
    json_object *member;

    if (!json_object_object_get_ex(object, name, &member) || !member)
        return NULL;
    if (!json_object_is_type(member, json_type_string) &&
        !json_object_is_type(member, json_type_int))
        return NULL;
    return json_object_get_string(member);
}

static void
take_text(char *to, size_t size, const char *text)
{
    utf8_copy(to, size, text ? text : "", text ? strlen(text) : 0);
}

static void
unknown(struct outcome *out, const char *why)
{
    out->class = OUTCOME_UNKNOWN;
    snprintf(out->why, sizeof out->why, "%s", why);
}

static void
refused(struct outcome *out, const char *code, const char *words)
{
    char why[OUTCOME_CODE + OUTCOME_TEXT + 32];

    out->class = class_of(code ? atoi(code) : 0);
    take_text(out->code, sizeof out->code, code);
    take_text(out->words, sizeof out->words, words);
    snprintf(
        why, sizeof why, "smspilot refused it: %s %s", out->code, out->words);
    utf8_copy(out->why, sizeof out->why, why, strlen(why));
}

/* Text of {"error": {...}}, in the language the account speaks. */
static void
read_error(json_object *error, struct outcome *out)
{
    const char *words = text_of(error, "description");

    if (!words)
        words = text_of(error, "description_ru");
    refused(out, text_of(error, "code"), words ? words : "");
}

static bool
is_made_of(const char *text, const char *characters)
{
    return *text && strspn(text, characters) == strlen(text);
}

/* The one element of "send": we ask for one receiver. */
static void
read_element(json_object *element, struct outcome *out)
{
    const char *status = text_of(element, "status");
    const char *error = text_of(element, "error");
    const char *id = text_of(element, "server_id");

    if (error && !is_made_of(error, "0")) {
        refused(out, error, "the receiver was refused");
    } else if (status && status[0] == '-') {
        refused(out, status, "the receiver was refused");
    } else if (!status || !is_made_of(status, "0123456789")) {
        unknown(out, "the reply of smspilot has no status");
    } else {
        out->class = OUTCOME_ACCEPTED;
        take_text(out->provider_id, sizeof out->provider_id, id);
    }
}

static void
read_json(json_object *json, struct outcome *out)
{
    json_object *error = NULL, *send;

    if (json_object_object_get_ex(json, "error", &error) &&
        json_object_is_type(error, json_type_object))
        read_error(error, out);
    else if (error)
        unknown(out, "the reply of smspilot has an error of no known form");
    else if (json_object_object_get_ex(json, "send", &send) &&
             json_object_is_type(send, json_type_array) &&
             json_object_array_length(send) == 1)
        read_element(json_object_array_get_idx(send, 0), out);
    else
        unknown(out, "the reply of smspilot is JSON of no known form");
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

/* The whole body as one JSON object, or NULL. */
static json_object *
parse(const struct http_reply *reply)
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
    if (whole && json_object_is_type(json, json_type_object))
        return json;
    json_object_put(json);
    return NULL;
}

static void
read_reply(const struct http_reply *reply, struct outcome *out)
{
    json_object *json = parse(reply);

    *out = (struct outcome){ 0 };
    if (reply->status != 200) {
        unknown(out, "");
        snprintf(out->why, sizeof out->why,
            "smspilot answered with HTTP status %d", reply->status);
    } else if (!json) {
        unknown(out, reply->body_len ? "the reply of smspilot is not JSON"
                                     : "the reply of smspilot is empty");
    } else {
        read_json(json, out);
    }
    json_object_put(json);
}

static int64_t
connections(const struct settings *set)
{
    return set->smspilot.connections;
}

const struct provider_ops smspilot = {
    .name = "smspilot",
    .build = build,
    .read = read_reply,
    .connections = connections,
};
