/*
 * smspilot: SMS through smspilot.ru, interface API-1.
 *
 * One POST for each message, form-encoded UTF-8; the reply is JSON, with HTTP
 * status 200 for refusals too, so the body decides. The interface has no
 * idempotency key and no look-up by our own number: what may have been taken
 * is never sent again unasked.
 */
#include "providers/form.h"
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

/* When to deliver, in the zone in which smspilot reads it. */
static void
add_plan(const struct settings *set, const struct message *message,
    struct bytes *body)
{
    static const struct zone utc = { .span = { { INT64_MIN, 0 } }, .n = 1 };
    struct civil at;
    char text[CIVIL_TEXT];

    if (message->plan_us == 0)
        return;
    at = zone_local(&utc,
        message->plan_us + set->smspilot.datetime_offset_min * 60 * 1000000);
    form_add(body, "send_datetime", civil_print(&at, text));
}

static void
build(const struct settings *set, const struct message *message, size_t host,
    struct http_request *request, struct bytes *body)
{
    (void)host;
    form_add(body, "send", message->text);
    form_add(body, "to", message->to);
    form_add(body, "from", set->smspilot.sender);
    add_plan(set, message, body);
    form_add(body, "format", "json");
    form_add(body, "apikey", set->smspilot.api_key);
    *request = (struct http_request){
        .url = set->smspilot.url,
        .content_type = FORM_TYPE,
        .ca_file = set->smspilot.ca_file,
        .connect_timeout_ms = (long)set->smspilot.connect_timeout_ms,
        .timeout_ms = (long)set->smspilot.timeout_ms,
    };
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

/* The element has a code only; what we say about it is not smspilot's. */
static void
refused_receiver(struct outcome *out, const char *code)
{
    refused(out, code, "the receiver was refused");
    out->words[0] = '\0';
}

/* Text of {"error": {...}}, in the language the account speaks. */
static void
read_error(json_object *error, struct outcome *out)
{
    const char *words = reply_text(error, "description");

    if (!words)
        words = reply_text(error, "description_ru");
    refused(out, reply_text(error, "code"), words ? words : "");
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
    const char *status = reply_text(element, "status");
    const char *error = reply_text(element, "error");
    const char *id = reply_text(element, "server_id");

    if (error && !is_made_of(error, "0")) {
        refused_receiver(out, error);
    } else if (status && status[0] == '-') {
        refused_receiver(out, status);
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

static void
read_reply(const struct http_reply *reply, struct outcome *out)
{
    json_object *json = reply_json(reply);

    *out = (struct outcome){ 0 };
    if (reply->status != 200) {
        unknown(out, "");
        if (reply->status == HTTP_TOO_MANY)
            out->class = OUTCOME_TRANSIENT;
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

static struct provider_limits
limits(const struct settings *set)
{
    return (struct provider_limits){
        .connections = (size_t)set->smspilot.connections,
        .hosts = 1,
        .timeout_ms = set->smspilot.timeout_ms,
        .connect_timeout_ms = set->smspilot.connect_timeout_ms,
        .hold_ms = set->notice.hold_ms,
        .retry_first_ms = set->notice.retry_first_ms,
        .retry_longest_ms = set->notice.retry_longest_ms,
    };
}

const struct provider_ops smspilot = {
    .name = "smspilot",
    .build = build,
    .read = read_reply,
    .limits = limits,
};
