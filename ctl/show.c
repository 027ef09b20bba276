/*
 * mbevctl show ID: all that is known about one event and what is done about
 * it; of a subscriber, by number or login, the latest events.
 */
#include "bytes.h"
#include "choice.h"
#include "delivery.h"
#include "program.h"
#include "receipts.h"
#include "reset.h"
#include "who.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { LATEST = 20, LARGEST_ORDER = 64 * 1024 };

static const struct field event_fields[] = {
    { "kind", "kind" },
    { "subscriber", "IF(uid > 0, uid, 'none is named')" },
    { "captured", "CONCAT(captured_utc, ' UTC')" },
    { "ingested", "CONCAT(ingested_utc, ' UTC')" },
    { "now", "CONCAT(UTC_TIMESTAMP(3), ' UTC')" },
    { "problem", "problem" },
};
enum { EVENT_FIELDS = sizeof event_fields / sizeof *event_fields };

/* What only matters while something is still to come, or to be cleared up. */
#define PENDING(sql)                                                           \
    "IF(state IN ('done', 'skipped', 'cancelled'), NULL, " sql ")"
#define IS_AMOUNT "action LIKE 'bonus%'"
#define IS_RECEIPT "action = 'receipt'"
#define IS_ORDER "action IN ('session_reset', 'exec')"

static const struct field delivery_fields[] = {
    { "  reason", "reason" },
    { "  action", "action" },
    { "  receiver", "CONCAT(receiver, ' (counted from 0)')" },
    { "  to", "address" },
    { "  text",
        "IF(" IS_AMOUNT " OR " IS_RECEIPT " OR " IS_ORDER ", NULL, payload)" },
    { "  request", "IF(" IS_RECEIPT ", payload, NULL)" },
    { "  amount", "IF(" IS_AMOUNT ", payload, NULL)" },
    { "  attempts", "attempts" },
    { "  due", PENDING("CONCAT(due_utc, ' UTC')") },
    { "  expires", PENDING("CONCAT(expires_utc, ' UTC')") },
    { "  planned",
        "CONCAT(plan_utc, ' UTC: the provider is to deliver it then')" },
    { "  lane", PENDING("lane") },
    { "  route", PENDING("NULLIF(route, '')") },
    { "  ask",
        "IF(ask, IF(" IS_RECEIPT ", 'yes: an earlier try may have been"
        " accepted; komtet takes each number once', 'yes: a reply was lost,"
        " the provider is asked about it before it is sent'), NULL)" },
    { "  provider", "provider" },
    { "  its number", "provider_id" },
    { "  error", "NULLIF(CONCAT_WS(', code ', error_class, error_code), '')" },
    { "  sms_logs", "IF(" IS_RECEIPT ", NULL, CONCAT('sms_id ', log_id))" },
    { "  changed", "CONCAT(changed_utc, ' UTC')" },
};
enum { DELIVERY_FIELDS = sizeof delivery_fields / sizeof *delivery_fields };

/* A state in words: of a message, of a receipt, of a reset of sessions, and of
 * what is undecided or has its work in the billing. */
static const struct words {
    const char *message;
    const char *receipt;
    const char *reset;
    const char *other;
} words[DELIVERY_STATES] = {
    [DELIVERY_READY] = { "waits until it is due and its lane has room",
        "waits until it is due and its lane has room",
        "waits until it is due and its lane has room",
        "not decided yet, waits until it is due" },
    [DELIVERY_LEASED] = { "is claimed and waits for its turn",
        "is claimed and waits for its turn",
        "is claimed and waits for its turn",
        "is claimed and waits for its turn" },
    [DELIVERY_CALLING] = { "is being handed to the provider",
        "is being handed to komtet", "the routers are being told",
        "is being done" },
    [DELIVERY_DONE] = { "the provider has accepted it",
        "komtet has accepted it",
        "a session was ended, or all routers have answered",
        "written into the billing" },
    [DELIVERY_RETRY] = { "failed, is tried again when it is due",
        "failed, is tried again when it is due",
        "not all routers have done it, is tried again when it is due",
        "could not be decided, is tried again when it is due" },
    [DELIVERY_DOUBTFUL] = { "nobody knows whether it went out; it is not "
                            "repeated unasked",
        "refused, but an earlier try may have been accepted",
        "nobody knows whether it was done", "the operator must decide" },
    [DELIVERY_DEAD] = { "refused for good",
        "komtet or the till refused it for good", "refused for good",
        "refused for good" },
    [DELIVERY_EXPIRED] = { "was not sent in time to be of use",
        "was not sent in time to be of use",
        "was not done in time to be of use",
        "was not done in time to be of use" },
    [DELIVERY_SKIPPED] = { "the rules say no", "the rules say no",
        "the rules say no, or another one does it", "the rules say no" },
    [DELIVERY_CANCELLED] = { "by the operator", "by the operator",
        "by the operator", "by the operator" },
    [DELIVERY_DRY] = { "a dry run: would be sent, was not",
        "a dry run: would be sent, was not",
        "a dry run: would be done, was not",
        "a dry run: would be done, was not" },
    [DELIVERY_HELD] = { "held back by the operator until it is released",
        "held back by the operator until it is released",
        "held back by the operator until it is released",
        "held back by the operator until it is released" },
};

/* Of programs, where it is not as of messages. */
static const char *const of_programs[DELIVERY_STATES] = {
    [DELIVERY_CALLING] = "it runs",
    [DELIVERY_DONE] = "it has run and ended with 0",
    [DELIVERY_DOUBTFUL] =
        "nobody knows what it has done; not run again unasked",
    [DELIVERY_DEAD] = "it has run and failed",
    [DELIVERY_EXPIRED] = "was not run in time to be of use",
    [DELIVERY_DRY] = "a dry run: would be run, was not",
};

/* Of events that are handed on. */
static const char *const of_events[DELIVERY_STATES] = {
    [DELIVERY_CALLING] = "is being handed on",
    [DELIVERY_DONE] = "the receiver has taken it",
    [DELIVERY_DOUBTFUL] = "failed, but an earlier try may have arrived",
    [DELIVERY_DEAD] = "refused for good, or given up",
    [DELIVERY_DRY] = "a dry run: would be handed on, was not",
};

static const char *
words_of(enum delivery_state state, enum lane_id lane)
{
    if (lane == LANE_DECIDE)
        return words[state].other;
    if (lane == LANE_ROUTERS)
        return words[state].reset;
    if (lane == LANE_EXEC && of_programs[state])
        return of_programs[state];
    if (delivery_lane_hands_on(lane) && of_events[state])
        return of_events[state];
    return lane == LANE_KOMTET ? words[state].receipt : words[state].message;
}

static void
print_state(const char *state, const char *lane)
{
    struct bytes text = bytes_make(512);
    enum delivery_state s = delivery_state_of(state);

    bytes_str(&text, state);
    if (s < DELIVERY_STATES)
        bytes_printf(&text, ": %s", words_of(s, delivery_lane_of(lane)));
    field_print("  state", bytes_text(&text));
    bytes_free(&text);
}

static void
print_member(const char *name, json_object *value)
{
    struct bytes label = bytes_make(4096);
    const char *text = value ? json_object_get_string(value) : "null";
    size_t n = json_object_is_type(value, json_type_string)
                   ? (size_t)json_object_get_string_len(value)
                   : strlen(text);

    bytes_printf(&label, "  %s", name);
    field_printn(bytes_text(&label), text, n);
    bytes_free(&label);
}

/* The captured row; as it is when it cannot be understood. */
static void
print_body(const char *body, size_t n)
{
    json_object *json = json_tokener_parse(body);
    struct json_object_iterator at, end;

    if (!json_object_is_type(json, json_type_object)) {
        field_printn("body", body, n);
        json_object_put(json);
        return;
    }
    if (!out_is_json())
        field_print("body", "its times are of the billing's clock, not UTC");
    out_group("body");
    at = json_object_iter_begin(json);
    end = json_object_iter_end(json);
    while (!json_object_iter_equal(&at, &end)) {
        print_member(
            json_object_iter_peek_name(&at), json_object_iter_peek_value(&at));
        json_object_iter_next(&at);
    }
    out_end();
    json_object_put(json);
}

/* --- the order of a reset, or of a program ------------------------------- */

/* On which routers. */
static void
print_routers(const struct reset *reset)
{
    struct bytes text = bytes_make(LARGEST_ORDER);

    if (!reset->some)
        bytes_str(&text,
            reset->only ? "those on which it is seen online, else all" : "all");
    else if (reset->left_n == 0)
        bytes_str(&text, "none is left");
    else
        bytes_str(&text, "number");
    for (size_t i = 0; i < reset->left_n; i++)
        bytes_printf(&text, "%s %" PRIu32, i ? "," : "", reset->left[i]);
    if (reset->left_n > 0)
        bytes_str(&text, " of radnas");
    field_printn("  routers", bytes_text(&text), text.n);
    bytes_free(&text);
}

static void
print_seen(const struct seen *seen)
{
    struct bytes text = bytes_make(LARGEST_ORDER);

    bytes_printf(&text, "on %s", seen->nas);
    if (*seen->ip)
        bytes_printf(&text, " as %s", seen->ip);
    if (*seen->session)
        bytes_printf(&text, ", session %s", seen->session);
    field_print_more("  seen online", bytes_text(&text), text.n);
    bytes_free(&text);
}

/* As it would be typed: what is in it needs no more quotes. */
static void
print_program(const struct program *program)
{
    struct bytes text = bytes_make(LARGEST_ORDER);

    bytes_str(&text, program->path);
    for (size_t i = 0; i < program->n; i++)
        bytes_printf(
            &text, *program->arg[i] ? " %s" : " '%s'", program->arg[i]);
    field_printn("  program", bytes_text(&text), text.n);
    bytes_free(&text);
    if (program->output && *program->output)
        field_print("  output", program->output);
}

/* As it is when it cannot be understood. */
static void
print_order(const char *payload)
{
    struct program program;
    struct reset reset = { 0 };

    if (program_parse(&program, payload)) {
        print_program(&program);
    } else if (reset_parse(&reset, payload)) {
        print_routers(&reset);
        for (size_t i = 0; i < reset.seen_n; i++)
            print_seen(&reset.seen[i]);
    } else {
        field_print("  order", payload);
    }
    reset_free(&reset);
    program_free(&program);
}

/* --- deliveries --------------------------------------------------------- */

static enum db_status
print_deliveries(struct ctl *ctl, uint64_t event_id)
{
    struct bytes sql = bytes_make(4096);
    struct db_rows *rows;
    enum db_status status;

    bytes_str(&sql, "SELECT id, state, lane, " IS_RECEIPT ", IF(" IS_ORDER
                    ", payload, NULL)");
    fields_add(&sql, delivery_fields, DELIVERY_FIELDS);
    bytes_printf(&sql,
        " FROM delivery WHERE event_id = %" PRIu64 " ORDER BY id", event_id);
    status = ctl_ask(ctl, &sql, &rows);
    if (status != DB_OK)
        return status;
    if (db_rows_count(rows) == 0)
        field_print("no delivery", " nothing was switched on for it, or it "
                                   "was not understood");
    out_list("deliveries");
    while (status == DB_OK && db_next(rows)) {
        out_words("\n");
        out_item();
        field_print("delivery", db_col(rows, 0));
        print_state(db_col(rows, 1), db_col(rows, 2));
        fields_print(rows, 5, delivery_fields, DELIVERY_FIELDS);
        if (db_col(rows, 4))
            print_order(db_col(rows, 4));
        if (db_uint(rows, 3))
            status = receipts_of_event(ctl, event_id);
    }
    out_end();
    db_rows_close(&rows);
    return status;
}

static int
not_found(const char *what, uint64_t id)
{
    fprintf(stderr, "mbevctl: there is no %s %" PRIu64 "\n", what, id);
    return EX_NOINPUT;
}

/* What was done about it by hand. */
static enum db_status
print_acts(struct ctl *ctl, uint64_t event_id)
{
    static const char *const heads[] = { "by hand, UTC", "who", "verb",
        ">delivery", "was", "words" };
    static const char *const members[] = { "at_utc", "who", "verb", "delivery",
        "was", "words" };
    struct bytes sql = bytes_make(1024);
    struct db_rows *rows;
    enum db_status status;

    bytes_printf(&sql,
        "SELECT LEFT(at_utc, 19), who, verb, delivery_id, was, words"
        " FROM audit WHERE event_id = %" PRIu64 " ORDER BY id",
        event_id);
    status = ctl_ask(ctl, &sql, &rows);
    if (status != DB_OK)
        return status;
    if (db_rows_count(rows) > 0) {
        out_words("\n");
        table_print("acts", rows, out_is_json() ? members : heads,
            sizeof heads / sizeof *heads);
    }
    db_rows_close(&rows);
    return DB_OK;
}

/* An event that is gone leaves its receipts. */
static int
show_forgotten(struct ctl *ctl, uint64_t id)
{
    struct bytes sql = bytes_make(256);
    struct db_rows *rows;
    char text[24];
    bool any;

    bytes_printf(
        &sql, "SELECT 1 FROM receipt WHERE event_id = %" PRIu64 " LIMIT 1", id);
    if (ctl_ask(ctl, &sql, &rows) != DB_OK)
        return ctl_failed(ctl);
    any = db_next(rows);
    db_rows_close(&rows);
    if (!any)
        return not_found("event", id);
    snprintf(text, sizeof text, "%" PRIu64, id);
    field_print("event", text);
    field_print("deliveries", "removed with the event, see [service] keep");
    out_words("\n");
    return receipts_of_event(ctl, id) == DB_OK ? EX_OK : ctl_failed(ctl);
}

static int
show_event(struct ctl *ctl, uint64_t id)
{
    struct bytes sql = bytes_make(4096);
    struct db_rows *rows;
    bool found;

    bytes_str(&sql, "SELECT id, body");
    fields_add(&sql, event_fields, EVENT_FIELDS);
    bytes_printf(&sql, " FROM event WHERE id = %" PRIu64, id);
    if (ctl_ask(ctl, &sql, &rows) != DB_OK)
        return ctl_failed(ctl);
    found = db_next(rows);
    if (found) {
        field_print("event", db_col(rows, 0));
        fields_print(rows, 2, event_fields, EVENT_FIELDS);
        print_body(db_col(rows, 1), db_len(rows, 1));
    }
    db_rows_close(&rows);
    if (!found)
        return show_forgotten(ctl, id);
    return print_deliveries(ctl, id) == DB_OK && print_acts(ctl, id) == DB_OK
               ? EX_OK
               : ctl_failed(ctl);
}

static int
show_delivery(struct ctl *ctl, uint64_t id)
{
    struct bytes sql = bytes_make(256);
    struct db_rows *rows;
    uint64_t event_id = 0;
    bool found;

    bytes_printf(&sql, "SELECT event_id FROM delivery WHERE id = %" PRIu64, id);
    if (ctl_ask(ctl, &sql, &rows) != DB_OK)
        return ctl_failed(ctl);
    found = db_next(rows);
    if (found)
        event_id = db_uint(rows, 0);
    db_rows_close(&rows);
    return found ? show_event(ctl, event_id) : not_found("delivery", id);
}

static int
show_subscriber(struct ctl *ctl, uint64_t uid)
{
    static const char *const heads[] = { "event", "kind", "captured, UTC",
        "delivery", "action", "state", "to", "reason" };
    struct bytes sql = bytes_make(2048);
    struct db_rows *rows;
    bool found;

    bytes_printf(&sql,
        "SELECT e.id, e.kind, LEFT(e.captured_utc, 19), d.id, d.action,"
        " d.state, d.address, COALESCE(e.problem, d.reason)"
        " FROM (SELECT id, kind, captured_utc, problem FROM event"
        " WHERE uid = %" PRIu64 " ORDER BY id DESC LIMIT %d) AS e"
        " LEFT JOIN delivery d ON d.event_id = e.id"
        " ORDER BY e.id DESC, d.id",
        uid, LATEST);
    if (ctl_ask(ctl, &sql, &rows) != DB_OK)
        return ctl_failed(ctl);
    found = db_rows_count(rows) > 0;
    if (found) {
        table_print("events", rows, heads, sizeof heads / sizeof *heads);
        out_words(
            "(at most the %d newest; mbevctl show EVENT tells all)\n", LATEST);
    }
    db_rows_close(&rows);
    return found ? EX_OK : not_found("event of subscriber", uid);
}

static int
show_login(struct ctl *ctl, const char *login)
{
    uint64_t uid;
    int code = who_is(ctl, login, &uid);

    if (code != EX_OK)
        return code;
    out_uint("uid", uid);
    out_words("subscriber %" PRIu64 "\n", uid);
    return show_subscriber(ctl, uid);
}

int
ctl_show(struct ctl *ctl)
{
    static const char login[] = "login:";
    static const struct {
        const char *prefix;
        int (*show)(struct ctl *ctl, uint64_t id);
    } ways[] = {
        { "uid:", show_subscriber },
        { "delivery:", show_delivery },
        { "event:", show_event },
        { "", show_event },
    };
    const char *word = ctl->argv[0];
    uint64_t id;

    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        size_t n = strlen(ways[i].prefix);

        if (strncmp(word, ways[i].prefix, n) == 0 &&
            choice_number(word + n, &id))
            return ways[i].show(ctl, id);
    }
    if (strncmp(word, login, strlen(login)) == 0)
        word += strlen(login);
    return show_login(ctl, word);
}
