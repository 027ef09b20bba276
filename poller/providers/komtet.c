/*
 * komtet: fiscal receipts through kassa.komtet.ru; see komtet.h.
 *
 * One POST for each receipt, JSON, signed together with its method and
 * address. The HTTP status decides, and in 422 the code. Our number in the
 * body makes a repetition safe: a number is taken once, and the second time
 * refused with VLD11. So a reply that is not understood is unknown, and the
 * same bytes are sent again.
 */
#include "providers/komtet.h"
#include "providers/form.h"
#include "providers/provider.h"

#include "hmac.h"
#include "money.h"
#include "rules/text.h"
#include "utf8.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST_NAME = 128, LARGEST_NAME = 64 * 1024, FIRST_BYTES = 200 };
enum { INN_DIGITS = 12 };
enum { LONGEST_URL = 2047, LONGEST_PATH = 255, LONGEST_HEADER = 255 };

/* ---- bodies ---- */

static bool
is_v2(const struct settings *set)
{
    return strcmp(set->komtet.version, "v2") == 0;
}

/* As after any append that failed: no body is better than half of one. */
static void
spoil(struct bytes *out)
{
    bytes_free(out);
    out->failed = true;
}

/* A character of n bytes, or a byte that is none (n = 0). A till cannot print
 * a control character, and must not refuse a receipt for one. */
static void
add_character(struct bytes *out, const char *p, size_t n)
{
    if (n == 0) {
        bytes_chr(out, '?');
    } else if (utf8_is_control(p, n)) {
        bytes_chr(out, ' ');
    } else {
        if (*p == '"' || *p == '\\')
            bytes_chr(out, '\\');
        bytes_add(out, p, n);
    }
}

/* The text as a JSON string, of most characters at most. */
static void
add_string(struct bytes *out, const char *text, size_t most)
{
    const char *end = text + strlen(text);

    bytes_chr(out, '"');
    for (; text < end && most > 0; most--) {
        size_t n = utf8_char(text, end);

        add_character(out, text, n);
        text += n ? n : 1;
    }
    bytes_chr(out, '"');
}

/* The next member of an object. */
static void
add_member(struct bytes *out, const char *name, const char *text)
{
    bytes_printf(out, ",\"%s\":", name);
    add_string(out, text, SIZE_MAX);
}

/* One that is left out when it is empty. */
static void
add_filled(struct bytes *out, const char *name, const char *text)
{
    if (*text)
        add_member(out, name, text);
}

static void
add_name(struct bytes *out, const struct settings *set,
    const struct receipt *receipt)
{
    const struct text_field field[] = {
        { "name", set->company.name },
        { "site", set->company.site },
        { "cabinet", set->company.cabinet },
        { "phone", set->company.phone },
        { "signature", set->company.signature },
        { "currency", set->company.currency },
        { "login", receipt->login },
        { "uid", receipt->uid },
    };
    struct bytes name = bytes_make(LARGEST_NAME);

    text_render(&name, set->receipt.name, field, sizeof field / sizeof *field);
    if (bytes_ok(&name))
        add_string(out, bytes_text(&name), LONGEST_NAME);
    else
        spoil(out);
    bytes_free(&name);
}

/* What version 2 calls otherwise, and what only one of them has. */
static void
add_position(struct bytes *out, const struct settings *set,
    const struct receipt *receipt, const char *sum)
{
    bool v2 = is_v2(set);

    bytes_str(out, ",\"positions\":[{\"name\":");
    add_name(out, set, receipt);
    bytes_printf(out, ",\"price\":%s,\"quantity\":1,\"total\":%s", sum, sum);
    if (!v2 && set->receipt.discount_member)
        bytes_str(out, ",\"discount\":0");
    add_member(out, "vat", set->receipt.vat);
    if (v2)
        bytes_printf(out, ",\"measure\":%" PRId64, set->receipt.measure);
    add_member(out, v2 ? "payment_method" : "calculation_method",
        set->receipt.calculation_method);
    add_member(out, v2 ? "payment_object" : "calculation_subject",
        set->receipt.calculation_subject);
    bytes_str(out, "}]");
}

static void
add_payments(struct bytes *out, const struct settings *set, const char *sum)
{
    bytes_str(out, ",\"payments\":[{\"type\":");
    add_string(out, set->receipt.payment_type, SIZE_MAX);
    bytes_printf(out, ",\"sum\":%s}]", sum);
}

static bool
is_blank(const char *text)
{
    return !text || text[strspn(text, " \t\n\v\f\r")] == '\0';
}

/* That of a person, 12 digits. A receipt must not be refused for what else
 * somebody wrote there. */
static bool
is_inn(const char *text)
{
    return text && strlen(text) == INN_DIGITS &&
           strspn(text, "0123456789") == INN_DIGITS;
}

static void
add_cashier(struct bytes *out, const struct settings *set,
    const struct receipt *receipt)
{
    bool has_inn = is_inn(receipt->cashier_inn);
    bool needs_inn = strcmp(set->receipt.cashier_inn, "optional") != 0;

    if (!set->receipt.cashier || is_blank(receipt->cashier) ||
        (needs_inn && !has_inn))
        return;
    bytes_str(out, ",\"cashier\":{\"name\":");
    add_string(out, receipt->cashier, SIZE_MAX);
    if (has_inn)
        add_member(out, "inn", receipt->cashier_inn);
    bytes_chr(out, '}');
}

static void
add_place(struct bytes *out, const struct settings *set)
{
    add_filled(out, "payment_address", set->receipt.address);
    add_filled(out, "place_address", set->receipt.place_address);
}

/* Whose receipt it is, and by whom. */
static void
add_parties(struct bytes *out, const struct settings *set,
    const struct receipt *receipt)
{
    bool email = strchr(receipt->contact, '@') != NULL;

    if (!is_v2(set)) {
        add_member(out, "user", receipt->contact);
        bytes_printf(out, ",\"sno\":%" PRId64, set->receipt.sno);
        add_place(out, set);
        return;
    }
    bytes_printf(out, ",\"client\":{\"%s\":", email ? "email" : "phone");
    add_string(out, receipt->contact, SIZE_MAX);
    bytes_printf(out, "},\"company\":{\"sno\":%" PRId64, set->receipt.sno);
    add_place(out, set);
    bytes_chr(out, '}');
}

void
komtet_head(struct bytes *out, const struct settings *set)
{
    bytes_printf(
        out, "{\"%s\":\"", is_v2(set) ? "external_id" : set->receipt.id_member);
}

void
komtet_tail(struct bytes *out, const struct settings *set,
    const struct receipt *receipt)
{
    char sum[MONEY_TEXT];

    if (receipt->kopecks <= 0) {
        spoil(out);
        return;
    }
    money_print(receipt->kopecks, sum);
    bytes_printf(out, "\",\"intent\":\"%s\",\"print\":%s",
        receipt->back ? "sellReturn" : "sell",
        set->receipt.print ? "true" : "false");
    add_parties(out, set, receipt);
    add_payments(out, set, sum);
    add_position(out, set, receipt, sum);
    add_cashier(out, set, receipt);
    add_filled(out, "callback_url", set->receipt.callback_url);
    bytes_chr(out, '}');
}

/* ---- requests ---- */

/* What the last request built points to: it owns no memory itself, and
 * libcurl copies all of it when it starts. */
static struct {
    char url[LONGEST_URL + 1];
    char authorization[LONGEST_HEADER + 1];
    char signature[LONGEST_HEADER + 1];
    const char *headers[4];
} last;

/* False when it does not fit. */
static bool
join_url(char url[LONGEST_URL + 1], const char *base, const char *path)
{
    size_t n = strlen(base);

    while (n > 0 && base[n - 1] == '/')
        n--;
    return snprintf(url, LONGEST_URL + 1, "%.*s%s", (int)n, base, path) <=
           LONGEST_URL;
}

/* The signature covers the address that the service believes it has. */
static bool
sign(const struct settings *set, const char *method, const char *path,
    const struct bytes *body, char out[HMAC_MD5_TEXT])
{
    const char *base =
        *set->komtet.sign_url ? set->komtet.sign_url : set->komtet.url;
    char url[LONGEST_URL + 1];
    struct md5_part parts[3];

    if (!join_url(url, base, path))
        return false;
    parts[0] = (struct md5_part){ method, strlen(method) };
    parts[1] = (struct md5_part){ url, strlen(url) };
    parts[2] = (struct md5_part){ bytes_text(body), body->n };
    return hmac_md5_hex(set->komtet.secret, parts, 3, out);
}

static bool
set_headers(const struct settings *set, const char *digest)
{
    int n = snprintf(last.authorization, sizeof last.authorization,
        "Authorization: %s", set->komtet.shop);

    snprintf(
        last.signature, sizeof last.signature, "X-HMAC-Signature: %s", digest);
    last.headers[0] = "Accept: application/json";
    last.headers[1] = last.authorization;
    last.headers[2] = last.signature;
    last.headers[3] = NULL;
    return n <= LONGEST_HEADER;
}

/* The request for queues/7001/task, or whatever is asked for below the
 * interface. False when it cannot be signed, or something is too long. */
static bool
build_request(const struct settings *set, const char *method, const char *what,
    const struct bytes *body, struct http_request *request)
{
    char path[LONGEST_PATH + 1], digest[HMAC_MD5_TEXT];

    *request = (struct http_request){
        .url = last.url,
        .content_type = "application/json",
        .ca_file = set->komtet.ca_file,
        .connect_timeout_ms = (long)set->komtet.connect_timeout_ms,
        .timeout_ms = (long)set->komtet.timeout_ms,
        .method = method,
        .headers = last.headers,
    };
    return snprintf(path, sizeof path, "/api/shop/%s/%s", set->komtet.version,
               what) <= LONGEST_PATH &&
           join_url(last.url, set->komtet.url, path) &&
           sign(set, method, path, body, digest) && set_headers(set, digest);
}

static void
build(const struct settings *set, const struct message *message, size_t host,
    struct http_request *request, struct bytes *body)
{
    char what[LONGEST_PATH + 1];

    (void)host;
    bytes_str(body, message->text);
    snprintf(what, sizeof what, "queues/%s/task", set->komtet.queue);
    if (!build_request(set, "POST", what, body, request))
        spoil(body);
}

/* Komtet's id of a task: nothing that would be something else in a path. */
static bool
is_id(const char *text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "abcdefghijklmnopqrstuvwxyz0123456789_-";
    size_t n = strlen(text);

    return n <= OUTCOME_ID && strspn(text, plain) == n && text[0] != '-' &&
           strspn(text, "0") < n;
}

const char *
komtet_int_id(const char *task_id)
{
    int64_t value;

    return is_id(task_id) && decimal_parse(task_id, 0, &value) &&
                   value <= INT32_MAX
               ? task_id
               : NULL;
}

static bool
build_get(const struct settings *set, const char *what, const char *id,
    struct http_request *request)
{
    static const struct bytes none;
    char path[LONGEST_PATH + 1];

    snprintf(path, sizeof path, "%s/%s", what, id);
    return build_request(set, "GET", path, &none, request);
}

bool
komtet_track_build(const struct settings *set, const char *task_id,
    struct http_request *request)
{
    return is_id(task_id) && build_get(set, "tasks", task_id, request);
}

bool
komtet_queue_build(const struct settings *set, struct http_request *request)
{
    return build_get(set, "queues", set->komtet.queue, request);
}

/* ---- replies ---- */

/* Statuses of which the body says no more. */
static const struct status {
    int from, to;
    enum outcome_class class;
    const char *meaning;
} statuses[] = {
    { 401, 401, OUTCOME_CONFIGURATION, "shop or secret is wrong" },
    { 403, 403, OUTCOME_CONFIGURATION,
        "access is refused: secret, queue or licence" },
    { 404, 404, OUTCOME_CONFIGURATION, "there is no such queue" },
    { 429, 429, OUTCOME_TRANSIENT, "too many requests" },
    { 500, 599, OUTCOME_UNKNOWN, "out of order" },
};

static const struct status *
meaning_of(int status)
{
    static const struct status other = { 0, 0, OUTCOME_UNKNOWN,
        "which is not in its list" };

    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        if (status >= statuses[i].from && status <= statuses[i].to)
            return &statuses[i];
    return &other;
}

/* A member's text, or "". */
static const char *
text_in(json_object *json, const char *name)
{
    const char *text = json ? reply_text(json, name) : NULL;

    return text ? text : "";
}

static void
take_text(char *to, size_t size, const char *text)
{
    utf8_copy(to, size, text, strlen(text));
}

/* Komtet's words, or else how its reply begins. */
static void
take_words(
    const struct http_reply *reply, json_object *json, struct outcome *out)
{
    const char *code = text_in(json, "code");
    const char *part[] = { text_in(json, "title"), code,
        text_in(json, "description") };
    struct bytes words = bytes_make(2 * reply->body_len + 16);

    take_text(out->code, sizeof out->code, code);
    for (size_t i = 0; i < sizeof part / sizeof *part; i++)
        if (*part[i])
            bytes_printf(&words, "%s%s", words.n ? ": " : "", part[i]);
    if (words.n)
        take_text(out->words, sizeof out->words, bytes_text(&words));
    else
        utf8_copy(out->words, FIRST_BYTES + 1, reply->body, reply->body_len);
    bytes_free(&words);
}

/* why: in our words, and behind them Komtet's. */
static void
end_as(struct outcome *out, enum outcome_class class, const char *why)
{
    struct bytes text = bytes_make(2 * sizeof out->why);

    out->class = class;
    bytes_str(&text, why);
    if (*out->words)
        bytes_printf(&text, ": %s", out->words);
    take_text(out->why, sizeof out->why, bytes_text(&text));
    bytes_free(&text);
}

static void
end_by_status(
    const struct http_reply *reply, json_object *json, struct outcome *out)
{
    const struct status *status = meaning_of(reply->status);
    char why[128];

    take_words(reply, json, out);
    snprintf(why, sizeof why, "komtet answered with HTTP status %d, %s",
        reply->status, status->meaning);
    end_as(out, status->class, why);
}

/* False when the object has no id. */
static bool
take_id(json_object *json, struct outcome *out)
{
    const char *id = text_in(json, "id");

    if (!is_id(id))
        return false;
    take_text(out->provider_id, sizeof out->provider_id, id);
    take_text(out->state, sizeof out->state, text_in(json, "state"));
    return true;
}

static void
read_accepted(
    const struct http_reply *reply, json_object *json, struct outcome *out)
{
    if (json && take_id(json, out)) {
        out->class = OUTCOME_ACCEPTED;
        return;
    }
    take_words(reply, json, out);
    end_as(out, OUTCOME_UNKNOWN,
        json                  ? "the reply of komtet has no id of a task"
        : reply->body_len > 0 ? "the reply of komtet is not JSON"
                              : "the reply of komtet is empty");
}

/* A refusal that nobody can read might be VLD11. */
static void
read_refused(
    const struct http_reply *reply, json_object *json, struct outcome *out)
{
    json_object *task;

    take_words(reply, json, out);
    if (!json) {
        end_as(out, OUTCOME_UNKNOWN,
            "komtet refused it in words that cannot be read");
        return;
    }
    if (strcmp(text_in(json, "code"), "VLD11") != 0) {
        end_as(out, OUTCOME_PERMANENT, "komtet refused it");
        return;
    }
    if (json_object_object_get_ex(json, "task", &task))
        take_id(task, out);
    end_as(
        out, OUTCOME_DUPLICATE, "komtet has a receipt of this number already");
}

static void
read_reply(const struct http_reply *reply, struct outcome *out)
{
    json_object *json = reply_json(reply);

    *out = (struct outcome){ .class = OUTCOME_UNKNOWN };
    if (reply->status == 200 || reply->status == 201)
        read_accepted(reply, json, out);
    else if (reply->status == 422)
        read_refused(reply, json, out);
    else
        end_by_status(reply, json, out);
    json_object_put(json);
}

/* ---- tasks ---- */

/* The text of a member, a string or any number; NULL for anything else. */
static const char *
value_in(json_object *json, const char *name)
{
    json_object *member;

    if (!json_object_object_get_ex(json, name, &member) ||
        !(json_object_is_type(member, json_type_string) ||
            json_object_is_type(member, json_type_int) ||
            json_object_is_type(member, json_type_double)))
        return NULL;
    return json_object_get_string(member);
}

/* All of it or nothing: half a number is a wrong one. */
static void
take_whole(char *to, size_t size, json_object *json, const char *name)
{
    const char *text = value_in(json, name);

    take_text(to, size, text && strlen(text) < size ? text : "");
}

static int64_t
sum_in(json_object *json, const char *name)
{
    const char *text = value_in(json, name);
    int64_t kopecks;

    return text && decimal_parse(text, 2, &kopecks) && kopecks >= 0
               ? kopecks
               : KOMTET_NO_SUM;
}

static void
take_fiscal(json_object *json, struct komtet_fiscal *f)
{
    struct {
        const char *name;
        char *to;
    } rows[] = { { "i", f->i }, { "fn", f->fn }, { "t", f->t }, { "n", f->n },
        { "fp", f->fp }, { "rn", f->rn }, { "sh", f->sh }, { "shn", f->shn } };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        take_whole(rows[i].to, KOMTET_FISCAL + 1, json, rows[i].name);
    f->s_kopecks = sum_in(json, "s");
}

/* Something for a page: http or https, and nothing that ends an address. */
static void
take_link(json_object *json, struct komtet_task *task)
{
    const char *at = task->link;

    take_whole(task->link, sizeof task->link, json, "receipt_url");
    if (strncmp(at, "https://", 8) != 0 && strncmp(at, "http://", 7) != 0)
        task->link[0] = '\0';
    for (; *at; at++)
        if ((unsigned char)*at <= ' ' || strchr("\"'<>\\\x7F", *at))
            task->link[0] = '\0';
}

static enum komtet_stage
stage_of(const char *state)
{
    static const struct {
        const char *state;
        enum komtet_stage stage;
    } rows[] = {
        { "new", KOMTET_OPEN },
        { "pending", KOMTET_OPEN },
        { "processing", KOMTET_OPEN },
        { "done", KOMTET_DONE },
        { "error", KOMTET_FAILED },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].state, state) == 0)
            return rows[i].stage;
    return KOMTET_UNKNOWN;
}

static const struct komtet_task no_task = {
    .stage = KOMTET_UNKNOWN,
    .fiscal = { .s_kopecks = KOMTET_NO_SUM },
};

/* False when that is no task. */
static bool
take_task(json_object *json, struct komtet_task *task)
{
    const char *state = text_in(json, "state");
    json_object *fiscal;

    if (!*state)
        return false;
    task->stage = stage_of(state);
    task->final = task->stage == KOMTET_DONE || task->stage == KOMTET_FAILED;
    take_text(task->state, sizeof task->state, state);
    take_whole(task->id, sizeof task->id, json, "id");
    take_whole(task->number, sizeof task->number, json, "external_id");
    take_text(
        task->error, sizeof task->error, text_in(json, "error_description"));
    take_link(json, task);
    if (json_object_object_get_ex(json, "fiscal_data", &fiscal))
        take_fiscal(fiscal, &task->fiscal);
    return true;
}

bool
komtet_task_read(const char *body, size_t body_len, struct komtet_task *task)
{
    const struct http_reply as_reply = { .body = body, .body_len = body_len };
    json_object *json = reply_json(&as_reply);
    bool good;

    *task = no_task;
    good = json && take_task(json, task);
    json_object_put(json);
    return good;
}

/* What a question came to that was not answered. */
static void
end_unanswered(const struct http_reply *reply, struct outcome *out)
{
    json_object *json = reply_json(reply);

    *out = (struct outcome){ .class = OUTCOME_UNKNOWN };
    if (reply->status == 200) {
        take_words(reply, json, out);
        end_as(out, OUTCOME_UNKNOWN,
            "komtet answered a question in no known form");
    } else {
        end_by_status(reply, json, out);
    }
    json_object_put(json);
}

void
komtet_track_read(const struct http_reply *reply, struct outcome *out,
    struct komtet_task *task)
{
    *task = no_task;
    if (reply->status == 200 &&
        komtet_task_read(reply->body, reply->body_len, task)) {
        *out = (struct outcome){ .class = OUTCOME_ACCEPTED };
        return;
    }
    end_unanswered(reply, out);
    if (reply->status == 404)
        end_as(out, OUTCOME_ABSENT, "komtet has no such task");
}

void
komtet_queue_read(
    const struct http_reply *reply, struct outcome *out, bool *open)
{
    json_object *json = reply_json(reply);
    const char *state = text_in(json, "state");
    bool known = strcmp(state, "active") == 0 || strcmp(state, "passive") == 0;

    *open = false;
    if (reply->status == 200 && known) {
        *out = (struct outcome){ .class = OUTCOME_ACCEPTED };
        *open = strcmp(state, "active") == 0;
    } else {
        end_unanswered(reply, out);
    }
    json_object_put(json);
}

/* ---- settings ---- */

static const char *
lacks(const struct settings *set)
{
    if (!*set->komtet.shop)
        return "[komtet] shop is empty";
    if (!*set->komtet.secret)
        return "[komtet] secret is empty";
    return *set->komtet.queue ? NULL : "[komtet] queue is empty";
}

static struct provider_limits
limits(const struct settings *set)
{
    return (struct provider_limits){
        .connections = (size_t)set->komtet.connections,
        .gap_us = 1000000 / set->komtet.rate,
        .hosts = 1,
        .timeout_ms = set->komtet.timeout_ms,
        .connect_timeout_ms = set->komtet.connect_timeout_ms,
        .hold_ms = set->komtet.hold_ms,
        .retry_first_ms = set->komtet.retry_first_ms,
        .retry_longest_ms = set->komtet.retry_longest_ms,
    };
}

const struct provider_ops komtet = {
    .name = "komtet",
    .repeats_safely = true,
    .lacks = lacks,
    .build = build,
    .read = read_reply,
    .limits = limits,
};
