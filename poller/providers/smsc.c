/*
 * smsc: SMS and messages to social networks through smsc.ru.
 *
 * One POST for each message, form-encoded UTF-8; the reply is JSON, with HTTP
 * status 200 for refusals too, so the body decides. Our number of a message
 * goes with it, but does not keep it from being sent twice; it lets us ask
 * afterwards. So a reply that is not understood throughout is unknown: then
 * smsc is asked, which costs less than a second message.
 *
 * What is said about an outcome is in our words. smsc's own stay apart from
 * them: nobody vouches that they do not repeat a password.
 */
#include "providers/form.h"
#include "providers/provider.h"

#include "hash.h"
#include "utf8.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HOUR_S = 3600, MOSCOW_S = 3 * HOUR_S };
#define MINUTE_US INT64_C(60000000)

enum { LONGEST_URL = 2047 };

/* ---- requests ---- */

/* As after any append that failed: no body is better than half of one. */
static void
spoil(struct bytes *body)
{
    bytes_free(body);
    body->failed = true;
}

/* Two underscores at the beginning make a text a command ("__CALL__..."), and
 * subscribers have their hands in texts. A blank between them takes the
 * meaning away. In front of them it would be of no use should smsc trim the
 * text; for the same reason white space before them does not count. */
static void
add_text(struct bytes *body, const char *text)
{
    size_t white = strspn(text, " \t\n\v\f\r");
    struct bytes safe = bytes_make(body->max);

    if (strncmp(text + white, "__", 2) != 0) {
        form_add(body, "mes", text);
        return;
    }
    bytes_add(&safe, text, white + 1);
    bytes_chr(&safe, ' ');
    bytes_str(&safe, text + white + 1);
    if (bytes_ok(&safe))
        form_add(body, "mes", bytes_text(&safe));
    else
        spoil(body);
    bytes_free(&safe);
}

/* Parameters of the settings, "soc=1&a=b", their values not encoded. */
static void
add_extra(struct bytes *body, const char *extra)
{
    char *copy = strdup(extra), *rest = NULL;

    if (!copy) {
        spoil(body);
        return;
    }
    for (char *name = strtok_r(copy, "&", &rest); name;
         name = strtok_r(NULL, "&", &rest)) {
        char *value = strchr(name, '=');

        if (value)
            *value++ = '\0';
        form_add(body, name, value ? value : "");
    }
    free(copy);
}

static void
add_social(const struct settings *set, struct bytes *body)
{
    add_extra(body, set->smsc.social_extra);
    if (set->smsc.social_valid[0])
        form_add(body, "valid", set->smsc.social_valid);
}

/* When to deliver, and how many hours its zone is ahead of Moscow. Zones that
 * are so by half an hour cannot be told: they get the time of Moscow. Minutes
 * are all that can be told, so the rest of one is waited for: rather late
 * than in quiet hours. */
static void
add_plan(const struct message *message, struct bytes *body)
{
    static const struct zone moscow = { .span = { { INT64_MIN, MOSCOW_S } },
        .n = 1 };
    int64_t plan_us =
        (message->plan_us + MINUTE_US - 1) / MINUTE_US * MINUTE_US;
    const struct zone *zone = message->zone;
    int64_t ahead_s = zone_east_s(zone, plan_us) - MOSCOW_S;
    char when[CIVIL_TEXT], tz[24];
    struct civil at;

    if (ahead_s % HOUR_S != 0) {
        zone = &moscow;
        ahead_s = 0;
    }
    at = zone_local(zone, plan_us);
    snprintf(when, sizeof when, "%02d%02d%02d%02d%02d", at.day, at.month,
        at.year % 100, at.hour, at.minute);
    snprintf(tz, sizeof tz, "%" PRId64, ahead_s / HOUR_S);
    form_add(body, "time", when);
    form_add(body, "tz", tz);
}

/* Our number of the message. Old accounts take only a number of 31 bits: then
 * it is made of ours, always the same one. */
static void
add_id(const struct settings *set, const struct message *message,
    struct bytes *body)
{
    char number[24];

    if (strcmp(set->smsc.id_style, "number") != 0) {
        form_add(body, "id", message->id);
        return;
    }
    snprintf(number, sizeof number, "%" PRIu64,
        hash_text(message->id) % INT32_MAX + 1);
    form_add(body, "id", number);
}

/* What every request has: who asks, about which message, and in which form
 * to reply. Without charset smsc would take the text for windows-1251. */
static void
add_common(const struct settings *set, const struct message *message,
    struct bytes *body)
{
    if (set->smsc.api_key[0]) {
        form_add(body, "apikey", set->smsc.api_key);
    } else {
        form_add(body, "login", set->smsc.login);
        form_add(body, "psw", set->smsc.password);
    }
    add_id(set, message, body);
    form_add(body, "charset", "utf-8");
    form_add(body, "fmt", "3");
}

/* The address of a script. It stays here until the next one is asked for,
 * since a request owns no memory; libcurl copies it when the request starts.
 * One that is too long becomes "", which libcurl refuses to start. */
static const char *
url_of(const struct settings *set, size_t host, const char *script)
{
    static char url[LONGEST_URL + 1];
    const char *folder = set->smsc.url.text[host];
    size_t n = strlen(folder);

    while (n > 0 && folder[n - 1] == '/')
        n--;
    if (snprintf(url, sizeof url, "%.*s/%s", (int)n, folder, script) >
        LONGEST_URL)
        return "";
    return url;
}

static struct http_request
request_to(const struct settings *set, size_t host, const char *script)
{
    return (struct http_request){
        .url = url_of(set, host, script),
        .content_type = FORM_TYPE,
        .ca_file = set->smsc.ca_file,
        .connect_timeout_ms = (long)set->smsc.connect_timeout_ms,
        .timeout_ms = (long)set->smsc.timeout_ms,
    };
}

static void
build(const struct settings *set, const struct message *message, size_t host,
    struct http_request *request, struct bytes *body)
{
    form_add(body, "phones", message->to);
    add_text(body, message->text);
    if (set->smsc.sender[0])
        form_add(body, "sender", set->smsc.sender);
    if (message->channel == CHANNEL_SOCIAL)
        add_social(set, body);
    if (message->plan_us != 0)
        add_plan(message, body);
    add_common(set, message, body);
    *request = request_to(set, host, "send.php");
}

static void
build_query(const struct settings *set, const struct message *message,
    size_t host, struct http_request *request, struct bytes *body)
{
    form_add(body, "phone", message->to);
    add_common(set, message, body);
    *request = request_to(set, host, "status.php");
}

/* ---- replies ---- */

/* What smsc's error codes mean for us. 1, 6 and 8 are also what an account
 * gets that does not have the channel: viber, social networks. 9 may speak of
 * a message that was taken a moment ago. */
static const struct refusal {
    enum outcome_class class;
    const char *meaning;
} refusals[] = {
    [1] = { OUTCOME_PERMANENT, "wrong parameters, or a channel that the "
                               "account does not have" },
    [2] = { OUTCOME_CONFIGURATION, "wrong login, password or key, or the "
                                   "account does not allow our address" },
    [3] = { OUTCOME_CONFIGURATION, "not enough money" },
    [4] = { OUTCOME_CONFIGURATION, "our address is blocked for a while, for "
                                   "too many errors" },
    [5] = { OUTCOME_PERMANENT, "wrong form of a date" },
    [6] = { OUTCOME_PERMANENT, "text or sender is forbidden, or the account "
                               "may not use this channel" },
    [7] = { OUTCOME_PERMANENT, "wrong form of a phone number" },
    [8] = { OUTCOME_PERMANENT, "cannot be delivered to this number, or not by "
                               "this channel" },
    [9] = { OUTCOME_UNKNOWN, "the same request twice within a minute, or too "
                             "many at once" },
};

/* A code that is not in their list is permanent for the message. */
static const struct refusal *
refusal_of(long code)
{
    static const struct refusal other = { OUTCOME_PERMANENT,
        "a code that is not in its list" };

    if (code >= 1 && code < (long)(sizeof refusals / sizeof *refusals))
        return &refusals[code];
    return &other;
}

enum { STATUS_ABSENT = -3 };

/* What a status says of the message. The number is registered for refused
 * messages too: those were not sent, and without money may be sent again. */
static const struct status {
    long status;
    enum outcome_class class;
    const char *meaning;
} statuses[] = {
    { -2, OUTCOME_ACCEPTED, "stopped" },
    { -1, OUTCOME_ACCEPTED, "waiting to be sent" },
    { 0, OUTCOME_ACCEPTED, "handed to the operator" },
    { 1, OUTCOME_ACCEPTED, "delivered" },
    { 2, OUTCOME_ACCEPTED, "read" },
    { 3, OUTCOME_ACCEPTED, "expired" },
    { 4, OUTCOME_ACCEPTED, "its link was opened" },
    { 20, OUTCOME_ACCEPTED, "cannot be delivered" },
    { 22, OUTCOME_PERMANENT, "wrong number" },
    { 23, OUTCOME_PERMANENT,
        "forbidden: a repetition, too many to one number, stop list, spam "
        "filter or sender" },
    { 24, OUTCOME_ABSENT, "not enough money" },
    { 25, OUTCOME_PERMANENT,
        "the number takes no SMS, or there is no route to it" },
};

static const struct status *
meaning_of(long status)
{
    static const struct status other = { 0, OUTCOME_ACCEPTED,
        "which is not in its list" };

    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        if (statuses[i].status == status)
            return &statuses[i];
    return &other;
}

static void
end_as(struct outcome *out, enum outcome_class class, const char *why)
{
    out->class = class;
    snprintf(out->why, sizeof out->why, "%s", why);
}

/* True when the member is there, of whatever type, and not null. */
static bool
has(json_object *json, const char *name)
{
    json_object *member;

    return json_object_object_get_ex(json, name, &member) && member;
}

/* A member that is a whole number of up to nine digits; false for anything
 * else. */
static bool
take_number(json_object *json, const char *name, long *out)
{
    const char *text = reply_text(json, name), *digits;
    size_t n;

    if (!text)
        return false;
    digits = text + (*text == '-');
    n = strspn(digits, "0123456789");
    if (n < 1 || n > 9 || digits[n])
        return false;
    *out = strtol(text, NULL, 10);
    return true;
}

/* The code and smsc's words about it; false when that is no code. */
static bool
take_error(json_object *json, long *code, struct outcome *out)
{
    const char *words = reply_text(json, "error");

    if (!take_number(json, "error_code", code) || *code < 1)
        return false;
    snprintf(out->code, sizeof out->code, "%ld", *code);
    if (words)
        utf8_copy(out->words, sizeof out->words, words, strlen(words));
    return true;
}

static void
read_refusal(json_object *json, struct outcome *out)
{
    const struct refusal *refusal;
    long code;

    if (!take_error(json, &code, out)) {
        end_as(out, OUTCOME_UNKNOWN,
            "the reply of smsc has an error of no known form");
        return;
    }
    refusal = refusal_of(code);
    out->class = refusal->class;
    snprintf(out->why, sizeof out->why, "smsc refused it with code %ld: %s",
        code, refusal->meaning);
}

/* A number that they gave it, or ours. */
static bool
is_id(const char *text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "abcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t n = strlen(text);

    return n <= OUTCOME_ID && strspn(text, plain) == n && text[0] != '-' &&
           strspn(text, "0") < n;
}

static void
read_sent(json_object *json, struct outcome *out)
{
    const char *id = reply_text(json, "id");

    if (has(json, "error_code") || has(json, "error")) {
        read_refusal(json, out);
    } else if (!id || !is_id(id)) {
        end_as(out, OUTCOME_UNKNOWN, "the reply of smsc has no number");
    } else {
        end_as(out, OUTCOME_ACCEPTED, "");
        utf8_copy(out->provider_id, sizeof out->provider_id, id, strlen(id));
    }
}

static const struct outcome absent = {
    .class = OUTCOME_ABSENT,
    .why = "smsc does not have the message",
};

/* The question itself was refused. In older texts code 3 says that there is
 * no such message; of the others only those that concern the account say
 * more than that nobody knows. */
static void
read_unanswered(json_object *json, struct outcome *out)
{
    const struct refusal *refusal;
    long code;

    if (!take_error(json, &code, out)) {
        end_as(out, OUTCOME_UNKNOWN,
            "asked for the message, smsc replied an error of no known form");
        return;
    }
    if (code == 3) {
        *out = absent;
        return;
    }
    refusal = refusal_of(code);
    out->class = refusal->class == OUTCOME_CONFIGURATION ? OUTCOME_CONFIGURATION
                                                         : OUTCOME_UNKNOWN;
    snprintf(out->why, sizeof out->why,
        "asked for the message, smsc refused with code %ld: %s", code,
        refusal->meaning);
}

static void
read_found(json_object *json, struct outcome *out)
{
    long status;

    if (!take_number(json, "status", &status) || status < STATUS_ABSENT) {
        end_as(out, OUTCOME_UNKNOWN,
            "asked for the message, smsc replied no known status");
    } else if (status == STATUS_ABSENT) {
        *out = absent;
    } else {
        out->class = meaning_of(status)->class;
        snprintf(out->why, sizeof out->why,
            "smsc has the message, with status %ld: %s", status,
            meaning_of(status)->meaning);
    }
}

static void
read_status(json_object *json, struct outcome *out)
{
    bool refused = has(json, "error_code") || has(json, "error");

    if (refused && has(json, "status"))
        end_as(out, OUTCOME_UNKNOWN,
            "asked for the message, smsc replied a status and an error");
    else if (refused)
        read_unanswered(json, out);
    else
        read_found(json, out);
}

/* Opens a reply and has it read, when there is anything to read in it. */
static void
read_json(const struct http_reply *reply, struct outcome *out,
    void (*read)(json_object *, struct outcome *))
{
    json_object *json = reply_json(reply);

    *out = (struct outcome){ .class = OUTCOME_UNKNOWN };
    if (reply->status == HTTP_TOO_MANY)
        out->class = OUTCOME_TRANSIENT;
    if (reply->status != 200)
        snprintf(out->why, sizeof out->why, "smsc answered with HTTP status %d",
            reply->status);
    else if (!json)
        end_as(out, OUTCOME_UNKNOWN,
            reply->body_len ? "the reply of smsc is not JSON"
                            : "the reply of smsc is empty");
    else
        read(json, out);
    json_object_put(json);
}

static void
read_reply(const struct http_reply *reply, struct outcome *out)
{
    read_json(reply, out, read_sent);
}

static void
read_query(const struct http_reply *reply, struct outcome *out)
{
    read_json(reply, out, read_status);
}

/* ---- settings ---- */

static struct provider_limits
limits(const struct settings *set)
{
    return (struct provider_limits){
        .connections = (size_t)set->smsc.connections,
        .hosts = set->smsc.url.n,
        .timeout_ms = set->smsc.timeout_ms,
        .connect_timeout_ms = set->smsc.connect_timeout_ms,
        .ask_after_ms = set->smsc.ask_after_ms,
        .hold_ms = set->notice.hold_ms,
        .retry_first_ms = set->notice.retry_first_ms,
        .retry_longest_ms = set->notice.retry_longest_ms,
    };
}

const struct provider_ops smsc = {
    .name = "smsc",
    .build = build,
    .read = read_reply,
    .build_query = build_query,
    .read_query = read_query,
    .limits = limits,
};
