/* event: see event.h. */
#include "event.h"

#include "money.h"
#include "reread.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const names[EVENT_KINDS] = {
    [EVENT_PAYMENT] = "payment",
    [EVENT_REFUND] = "refund",
    [EVENT_API_PAYMENT] = "api_payment",
    [EVENT_API_REFUND] = "api_refund",
    [EVENT_CREDIT_LIMIT] = "credit_limit",
    [EVENT_CREDIT] = "credit",
    [EVENT_TARIFF_CHANGE] = "tariff_change",
    [EVENT_FREEZE] = "freeze",
    [EVENT_UNFREEZE] = "unfreeze",
    [EVENT_BLOCK] = "block",
    [EVENT_UNBLOCK] = "unblock",
    [EVENT_DELETE] = "delete",
    [EVENT_REAL_IP] = "real_ip",
    [EVENT_TURBO] = "turbo",
};

const char *
event_kind_name(enum event_kind kind)
{
    return kind < EVENT_KINDS ? names[kind] : NULL;
}

enum event_kind
event_kind_of(const char *name)
{
    enum event_kind kind = 0;

    while (kind < EVENT_KINDS && strcmp(names[kind], name) != 0)
        kind++;
    return kind;
}

bool
event_kind_has_row(enum event_kind kind)
{
    return kind <= EVENT_CREDIT || kind == EVENT_TURBO;
}

bool
event_kind_is_state(enum event_kind kind)
{
    return kind >= EVENT_FREEZE && kind <= EVENT_DELETE;
}

static bool problem(struct event *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static bool
problem(struct event *e, const char *fmt, ...)
{
    va_list ap;

    e->source_key[0] = '\0';
    va_start(ap, fmt);
    vsnprintf(e->problem, sizeof e->problem, fmt, ap);
    va_end(ap);
    return false;
}

/* The member's text as it stood in the JSON; NULL for null or absent, and when
 * out of memory. */
static const char *
text_of(struct event *e, json_object *body, const char *name)
{
    json_object *member;
    const char *text;

    if (!json_object_object_get_ex(body, name, &member) || !member)
        return NULL;
    text = json_object_get_string(member);
    e->no_memory |= !text;
    return text;
}

/* Reads a member as an integer of 10^-places units, never through a float:
 * json-c keeps the text of a number with a point. Absent or null is zero. */
static bool
number_of(struct event *e, json_object *body, const char *name, int places,
    int64_t *out)
{
    const char *text = text_of(e, body, name);

    *out = 0;
    return !text || decimal_parse(text, places, out);
}

static bool
id_of(struct event *e, json_object *body, const char *name, uint64_t *out)
{
    int64_t value;

    if (!number_of(e, body, name, 0, &value) || value <= 0)
        return false;
    *out = (uint64_t)value;
    return true;
}

static bool
key_safe(const char *s)
{
    return s[strspn(s, "abcdefghijklmnopqrstuvwxyz_0123456789-:. ")] == '\0';
}

/* Identity of an inserted billing row. The same row always gives the same
 * key, whoever captured it; two rows never do, even when the server gives a
 * row number out again. */
static bool
make_key(struct event *e, json_object *body)
{
    const char *table = text_of(e, body, "table");
    const char *date = text_of(e, body, "date");
    const char *sum = text_of(e, body, "summa");
    int n;

    if (!table || !date || !key_safe(table) || !key_safe(date))
        return problem(e, "the body has no table or date");
    civil_parse(&e->date, date);
    n = snprintf(e->source_key, sizeof e->source_key, "%s:%s:%llu:%llu:%s:%s",
        names[e->kind], table, (unsigned long long)e->row_id,
        (unsigned long long)e->uid, date, sum ? sum : "null");
    if (n < 0 || (size_t)n >= sizeof e->source_key || !key_safe(e->source_key))
        return problem(e, "table, date and sum make no usable key");
    return true;
}

static bool
read_uid(struct event *e, json_object *body)
{
    if (!json_object_is_type(body, json_type_object))
        return problem(e, "the body is not a JSON object");
    return id_of(e, body, "uid", &e->uid) || problem(e, "the body has no uid");
}

/* What no row of its own tells of. *read: that was all. */
static bool
read_change(struct event *e, json_object *body, bool *read)
{
    int64_t gid, real_ip, ended;

    if (!number_of(e, body, "gid_new", 0, &gid) ||
        !number_of(e, body, "real_ip_new", 0, &real_ip) ||
        !number_of(e, body, "ended", 0, &ended))
        return problem(e, "gid_new, real_ip_new or ended is not such a number");
    *read = !event_kind_has_row(e->kind) || ended != 0;
    if (e->kind == EVENT_TARIFF_CHANGE)
        e->gid = gid > 0 ? (uint64_t)gid : 0;
    e->on = (e->kind == EVENT_REAL_IP && real_ip == 1) ||
            (e->kind == EVENT_TURBO && ended == 0);
    return true;
}

static bool
read_body(struct event *e, json_object *body)
{
    bool read = false;

    if (!read_uid(e, body))
        return false;
    if (e->kind == EVENT_KINDS)
        return problem(e, "this version knows no such kind of event");
    if (!read_change(e, body, &read) || read)
        return !e->problem[0];
    if (!id_of(e, body, "id", &e->row_id))
        return problem(e, "the body has no id");
    if (!number_of(e, body, "age_s", 0, &e->age_s) ||
        !number_of(e, body, "kopecks", 0, &e->kopecks) ||
        !number_of(e, body, "summa", 6, &e->millionths) ||
        !number_of(e, body, "before", 6, &e->before_millionths) ||
        !number_of(e, body, "type", 0, &e->type) ||
        !number_of(e, body, "who", 0, &e->who))
        return problem(e,
            "age_s, kopecks, summa, before, type or who is not such a number");
    if (e->kind == EVENT_API_PAYMENT && e->millionths < 0)
        e->kind = EVENT_API_REFUND;
    return make_key(e, body);
}

/* Does the member stand so in the body, as mbev_json() writes it? Without a
 * label, it must not be there. */
static bool
is_written(const char *body, const char *name, const char *text)
{
    char label[32];
    const char *at;
    size_t n;

    snprintf(label, sizeof label, "\"%s\":", name);
    at = strstr(body, label);
    if (!at)
        return !text;
    at += strlen(label);
    at += *at == '"';
    text = text ? text : "null";
    n = strlen(text);
    return strncmp(at, text, n) == 0 && strchr("\",}", at[n]);
}

/* True when no memory was lost on what was read. What was written by others,
 * and looks otherwise, is read again, which takes as long as the first time. */
static bool
is_whole(struct event *e, json_object *json, const char *body)
{
    static const char *const members[] = { "uid", "id", "table", "date",
        "age_s", "kopecks", "summa", "before", "type", "who", "gid_new",
        "real_ip_new", "ended", "gid" };
    bool plain = json != NULL;

    for (size_t i = 0; plain && i < sizeof members / sizeof *members; i++)
        plain = is_written(body, members[i], text_of(e, json, members[i]));
    return !e->no_memory && (plain || reread_is_same(json, body));
}

/* Of "api" the one that it is until the sum is known. */
static enum event_kind
kind_of(const char *word)
{
    return strcmp(word, "api") == 0 ? EVENT_API_PAYMENT : event_kind_of(word);
}

bool
event_parse(struct event *e, const char *kind, const char *body)
{
    json_object *json = json_tokener_parse(body);
    bool good;

    *e = (struct event){ .kind = kind_of(kind) };
    good = json ? read_body(e, json) : problem(e, "the body is not JSON");
    e->no_memory = !is_whole(e, json, body);
    json_object_put(json);
    return e->no_memory ? problem(e, "out of memory") : good;
}

static bool
read_move(struct event *e, char table[EVENT_TABLE + 1], json_object *body)
{
    const char *name;
    size_t n;

    if (!read_uid(e, body))
        return false;
    name = text_of(e, body, "table");
    n = name ? strlen(name) : 0;
    if (n == 0 || n > EVENT_TABLE || !key_safe(name) ||
        !id_of(e, body, "gid", &e->gid))
        return problem(e, "the body has no table or gid");
    memcpy(table, name, n + 1);
    return true;
}

bool
event_parse_move(struct event *e, char table[EVENT_TABLE + 1], const char *body)
{
    json_object *json = json_tokener_parse(body);
    bool good;

    *e = (struct event){ .kind = EVENT_KINDS };
    *table = '\0';
    good =
        json ? read_move(e, table, json) : problem(e, "the body is not JSON");
    e->no_memory = !is_whole(e, json, body);
    json_object_put(json);
    return e->no_memory ? problem(e, "out of memory") : good;
}

/* The parts of an identity, see make_key(): all but the date are without a
 * colon. */
struct key_parts {
    const char *row; /* table and number */
    size_t row_n;
    const char *uid;
    size_t uid_n;
    const char *date;
    size_t date_n;
    const char *sum;
};

static bool
split_key(struct key_parts *parts, const char *key)
{
    const char *number, *end;

    parts->row = strchr(key, ':');
    number = parts->row ? strchr(parts->row + 1, ':') : NULL;
    end = number ? strchr(number + 1, ':') : NULL;
    if (!end)
        return false;
    parts->row_n = (size_t)(end - parts->row);
    parts->uid = end;
    parts->date = strchr(end + 1, ':');
    if (!parts->date)
        return false;
    parts->uid_n = (size_t)(parts->date - parts->uid);
    parts->sum = strrchr(parts->date, ':');
    parts->date_n = (size_t)(parts->sum - parts->date);
    return parts->date_n > 0;
}

static bool
same(const char *a, size_t a_n, const char *b, size_t b_n)
{
    return a_n == b_n && memcmp(a, b, a_n) == 0;
}

bool
event_keys_alike(const char *a, const char *b)
{
    struct key_parts x, y;

    if (!split_key(&x, a) || !split_key(&y, b) ||
        !same(x.row, x.row_n, y.row, y.row_n))
        return false;
    return same(x.date, x.date_n, y.date, y.date_n) ||
           (same(x.uid, x.uid_n, y.uid, y.uid_n) && strcmp(x.sum, y.sum) == 0);
}

bool
event_source(
    const char *source_key, char table[EVENT_TABLE + 1], uint64_t *row_id)
{
    const char *name = strchr(source_key, ':'), *end;
    size_t n;
    int used;

    name = name ? name + 1 : "";
    end = strchr(name, ':');
    n = end ? (size_t)(end - name) : 0;
    if (n == 0 || n > EVENT_TABLE)
        return false;
    used = snprintf(table, EVENT_TABLE + 1, "%.*s", (int)n, name);
    return used > 0 && sscanf(end, ":%" SCNu64 ":", row_id) == 1;
}
