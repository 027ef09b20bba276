/* receipt as an action: the SQL that takes a number and writes every byte of
 * the request, and that of what became of a call. */
#include "unit.h"

#include "sql.h"

#include "actions/action.h"

#include <json-c/json.h>

/* ---- scenes ---- */

/* All that a decision depends on, and the deliveries that it made. */
struct scene {
    struct settings set;
    struct billing billing;
    struct event event;
    struct subscriber sub;
    struct cashier cashier;
    struct api_row api;
    struct facts facts;
    struct delivery_list list;
};

static const struct action *const receipt = &action_receipt;

static struct civil
civil(const char *text)
{
    struct civil c;

    assert_true(civil_parse(&c, text));
    return c;
}

static struct settings
settings_make(void)
{
    return (struct settings){
        .billing = { .moved_subscribers = true,
            .backdated_ms = 3600000,
            .backdated_money = true,
            .api_settle_ms = 15000,
            .api_window_ms = 10000,
            .api_wait_ms = 120000 },
        .company = { .name = "",
            .site = "",
            .cabinet = "",
            .phone = "",
            .signature = "",
            .currency = "" },
        .komtet = { .shop = "testShop01",
            .secret = "0123456789abcdef",
            .queue = "7001",
            .version = "v1" },
        .receipt = { .payments = true,
            .refunds = true,
            .blocked = true,
            .email = true,
            .cashier = true,
            .number_prefix = "",
            .table = "receipts_log",
            .sno = 1,
            .vat = "no",
            .payment_type = "card",
            .calculation_method = "full_payment",
            .calculation_subject = "service",
            .name = "{login}",
            .address = "",
            .place_address = "",
            .callback_url = "",
            .cashier_inn = "required",
            .id_member = "external_id",
            .look_first_ms = 15000 },
    };
}

static struct scene
scene_of(enum event_kind kind)
{
    bool back = kind == EVENT_REFUND || kind == EVENT_API_REFUND;

    return (struct scene){
        .set = settings_make(),
        .billing = { .name = "mikbill", .has_receipts = true },
        .event = { .kind = kind,
            .uid = 1001,
            .row_id = 501,
            .kopecks = back ? -35050 : 35050,
            .millionths = back ? -350500000 : 350500000,
            .date = civil("2026-11-24 12:29:55") },
        .sub = { .uid = 1001,
            .place = PLACE_USERS,
            .login = "abonent1",
            .sms_tel = "8 (900) 123-45-67",
            .email = "" },
        .facts = { .event_id = 9 },
    };
}

static struct scene
scene_make(void)
{
    return scene_of(EVENT_PAYMENT);
}

static void
bind(struct scene *s)
{
    s->facts.event = &s->event;
    s->facts.sub = &s->sub;
    s->facts.cashier = s->cashier.name ? &s->cashier : NULL;
    s->facts.api = &s->api;
}

static void
drop(struct scene *s)
{
    delivery_drop_all(&s->list);
}

/* The one delivery that was made. */
static const struct delivery *
decide(struct scene *s)
{
    drop(s);
    bind(s);
    assert_true(receipt->decide(&s->list, &s->facts, &s->set, &s->billing));
    assert_int_equal(s->list.n, 1);
    assert_string_equal(s->list.first->action, "receipt");
    assert_int_equal(s->list.first->receiver, 0);
    return s->list.first;
}

/* ---- when ---- */

static void
receipts_are_for_payments_and_refunds_that_are_on(void **state)
{
    (void)state;
    for (enum event_kind kind = 0; kind <= EVENT_KINDS; kind++) {
        struct settings set = { 0 };
        bool paid = kind == EVENT_PAYMENT || kind == EVENT_API_PAYMENT;
        bool back = kind == EVENT_REFUND || kind == EVENT_API_REFUND;

        assert_false(receipt->routed(&set, kind));
        set.receipt.payments = true;
        assert_int_equal(receipt->routed(&set, kind), paid);
        set.receipt.payments = false;
        set.receipt.refunds = true;
        assert_int_equal(receipt->routed(&set, kind), back);
    }
}

static void
type_62_waits_for_the_status_of_its_row_at_least(void **state)
{
    static const struct {
        enum event_kind kind;
        int64_t after_ms, want_ms;
    } rows[] = {
        { EVENT_PAYMENT, 0, 0 },
        { EVENT_PAYMENT, 500, 500 },
        { EVENT_REFUND, 500, 500 },
        { EVENT_API_PAYMENT, 500, 15000 },
        { EVENT_API_REFUND, 0, 15000 },
        { EVENT_API_PAYMENT, 20000, 20000 },
        { EVENT_API_REFUND, 15001, 15001 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct settings set = settings_make();

        set.receipt.after_ms = rows[i].after_ms;
        expect_number(event_kind_name(rows[i].kind),
            receipt->after_ms(&set, rows[i].kind), rows[i].want_ms);
    }
}

static void
only_type_62_needs_the_rows_of_the_interface(void **state)
{
    (void)state;
    for (enum event_kind kind = 0; kind < EVENT_KINDS; kind++) {
        struct scene s = scene_of(kind);

        bind(&s);
        expect_number(event_kind_name(kind),
            receipt->needs_api(&s.facts, &s.set),
            kind == EVENT_API_PAYMENT || kind == EVENT_API_REFUND);
    }
}

/* ---- the decision ---- */

/* The whole effect, up to the request. */
#define EFFECT(table, prefix, back, kopecks, contact)                          \
    "INSERT INTO `mikbill`." table " (user_id, contact)"                       \
    " VALUES ('1001','" contact "');"                                          \
    "SET @mbev_log = LAST_INSERT_ID(), @mbev_number = CONCAT('" prefix "',"    \
    " DATE_FORMAT(NOW(), '%y%m'), LAST_INSERT_ID());"                          \
    "UPDATE `mikbill`." table " SET int_id = @mbev_number"                     \
    " WHERE id = @mbev_log;"                                                   \
    "INSERT INTO receipt (event_id, uid, number, log_table, log_id, back,"     \
    " kopecks, contact, day, created_utc) VALUES (9,1001,@mbev_number,'" table \
    "',@mbev_log," back "," kopecks ",'" contact                               \
    "',CURDATE(),UTC_TIMESTAMP(3));"                                           \
    "UPDATE delivery SET log_id = @mbev_log, ask = FALSE,"                     \
    " payload = CONCAT("
#define EFFECT_END                                                             \
    ") WHERE event_id = 9 AND action = 'receipt' AND receiver = 0;"

/* What stands behind the number. */
#define TAIL(intent, user, sum)                                                \
    "\",\"intent\":\"" intent "\",\"print\":false,\"user\":\"" user            \
    "\",\"sno\":1,\"payments\":[{\"type\":\"card\",\"sum\":" sum               \
    "}],\"positions\":[{\"name\":\"abonent1\",\"price\":" sum                  \
    ",\"quantity\":1,\"total\":" sum ",\"vat\":\"no\","                        \
    "\"calculation_method\":\"full_payment\","                                 \
    "\"calculation_subject\":\"service\"}]}"

static void
the_number_is_taken_then_recorded_then_put_into_the_request(void **state)
{
    struct scene s = scene_make();

    (void)state;
    assert_sql(decide(&s)->effect,
        EFFECT("receipts_log", "", "0", "35050",
            "+79001234567") "'{\"external_id\":\"', @mbev_number, "
                            "'" TAIL("sell", "+79001234567",
                                "350.50") "'" EFFECT_END);
    drop(&s);
}

static void
a_refund_says_so_and_has_an_amount_above_zero(void **state)
{
    struct scene s = scene_of(EVENT_REFUND);

    (void)state;
    s.event.kopecks = -1;
    s.event.millionths = -5000;
    assert_sql(decide(&s)->effect,
        EFFECT("receipts_log", "", "1", "1",
            "+79001234567") "'{\"external_id\":\"', @mbev_number, "
                            "'" TAIL("sellReturn", "+79001234567",
                                "0.01") "'" EFFECT_END);
    drop(&s);
}

static void
the_settings_name_the_table_and_the_prefix(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.set.receipt.table = "__komtet_receipts_log";
    s.set.receipt.number_prefix = "A-1_";
    s.set.receipt.id_member = "task_id";
    assert_sql(decide(&s)->effect,
        EFFECT("__komtet_receipts_log", "A-1_", "0", "35050",
            "+79001234567") "'{\"task_id\":\"', @mbev_number, '" TAIL("sell",
            "+79001234567", "350.50") "'" EFFECT_END);
    drop(&s);
}

static void
a_receipt_is_ready_for_its_lane_and_read_back_there(void **state)
{
    struct scene s = scene_make();
    const struct delivery *d = decide(&s);

    (void)state;
    assert_int_equal(d->state, DELIVERY_READY);
    assert_int_equal(d->lane, LANE_KOMTET);
    assert_int_equal(d->route.n, 0);
    assert_string_equal(d->address, "+79001234567");
    assert_string_equal(d->reason, "");
    assert_int_equal(d->delay_us, 0);
    assert_false(d->ask);
    /* Only the database knows the number, and so the request. */
    assert_null(d->payload);
    drop(&s);
}

static void
the_longest_contact_is_kept_whole(void **state)
{
    static char email[] =
        "a123456789.123456789.123456789.123456789.1234567@example.com.org";
    struct scene s = scene_make();

    (void)state;
    assert_int_equal(strlen(email), DELIVERY_ADDRESS);
    s.sub.sms_tel = "";
    s.sub.email = email;
    assert_string_equal(decide(&s)->address, email);
    drop(&s);
}

/* ---- texts that nobody vouches for ---- */

/* The effect with its texts taken out, and where they stand among these. */
#define FORM                                                                   \
    "INSERT INTO @.receipts_log (user_id, contact) VALUES (?,?);"              \
    "SET @mbev_log = LAST_INSERT_ID(), @mbev_number = CONCAT(?,"               \
    " DATE_FORMAT(NOW(), ?), LAST_INSERT_ID());"                               \
    "UPDATE @.receipts_log SET int_id = @mbev_number WHERE id = @mbev_log;"    \
    "INSERT INTO receipt (event_id, uid, number, log_table, log_id, back,"     \
    " kopecks, contact, day, created_utc) VALUES (9,1001,@mbev_number,?,"      \
    "@mbev_log,0,35050,?,CURDATE(),UTC_TIMESTAMP(3));"                         \
    "UPDATE delivery SET log_id = @mbev_log, ask = FALSE,"                     \
    " payload = CONCAT(?, @mbev_number, ?)"                                    \
    " WHERE event_id = 9 AND action = ? AND receiver = 0;"
enum {
    AT_BILLING = 0,
    AT_CONTACT = 2,
    AT_PREFIX = 3,
    AT_UPDATED = 5,
    AT_RECORDED = 7,
    AT_HEAD = 8,
    AT_TAIL = 9,
    PARTS = 11
};

/* One whole JSON object. */
static json_object *
parse_json(const char *text)
{
    json_tokener *tok = json_tokener_new();
    json_object *json;

    json_tokener_set_flags(
        tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    json = json_tokener_parse_ex(tok, text, (int)strlen(text) + 1);
    if (json_tokener_get_error(tok) != json_tokener_success ||
        !json_object_is_type(json, json_type_object))
        fail_msg("no JSON object: %s", text);
    json_tokener_free(tok);
    return json;
}

/* A request with these texts and no member more. */
static json_object *
body_with(const char *contact, const char *name, const char *cashier)
{
    json_object *json = parse_json(
        "{\"external_id\":\"26111\",\"intent\":\"sell\",\"print\":false,"
        "\"sno\":1,\"payments\":[{\"type\":\"card\",\"sum\":350.50}],"
        "\"positions\":[{\"price\":350.50,\"quantity\":1,\"total\":350.50,"
        "\"vat\":\"no\",\"calculation_method\":\"full_payment\","
        "\"calculation_subject\":\"service\"}]}");
    json_object *person = json_object_new_object();
    json_object *position =
        json_object_array_get_idx(json_object_object_get(json, "positions"), 0);

    json_object_object_add(json, "user", json_object_new_string(contact));
    json_object_object_add(position, "name", json_object_new_string(name));
    json_object_object_add(person, "name", json_object_new_string(cashier));
    json_object_object_add(
        person, "inn", json_object_new_string("123456789012"));
    json_object_object_add(json, "cashier", person);
    return json;
}

/* Reads the effect as the server does, and the request that it makes of it
 * with number 26111 as Komtet does. */
static void
assert_request(
    struct scene *s, const char *contact, const char *name, const char *cashier)
{
    struct sql_parts q = sql_parse(decide(s)->effect);
    struct bytes body = bytes_make(100000);
    json_object *have, *want = body_with(contact, name, cashier);

    expect_text("SQL", bytes_text(&q.rest), FORM);
    assert_int_equal(q.n, PARTS);
    expect_text("contact", bytes_text(&q.part[AT_CONTACT]), contact);
    expect_text("contact", bytes_text(&q.part[AT_RECORDED]), contact);
    bytes_printf(&body, "%s26111%s", bytes_text(&q.part[AT_HEAD]),
        bytes_text(&q.part[AT_TAIL]));
    have = parse_json(bytes_text(&body));
    if (!json_object_equal(have, want))
        fail_msg("%s\ninstead of\n%s", bytes_text(&body),
            json_object_to_json_string(want));
    json_object_put(have);
    json_object_put(want);
    bytes_free(&body);
    sql_drop(&q);
    drop(s);
}

static struct scene
scene_with(const char *login, const char *cashier)
{
    struct scene s = scene_make();

    s.sub.login = (char *)login;
    s.cashier.name = (char *)cashier;
    s.cashier.inn = "123456789012";
    return s;
}

/* As somebody wrote it, and as it is printed. */
static const struct {
    const char *given, *printed;
} texts[] = {
    { "abonent1", "abonent1" },
    { "Ёжик «Ё» \xF0\x9F\x98\x80", "Ёжик «Ё» \xF0\x9F\x98\x80" },
    { "O'Neil", "O'Neil" },
    { "'", "'" },
    { "''", "''" },
    { "\"", "\"" },
    { "\\", "\\" },
    { "a\\'b\\\"c\\\\", "a\\'b\\\"c\\\\" },
    { "'); DELETE FROM receipt; -- ", "'); DELETE FROM receipt; -- " },
    { "\\'); DELETE FROM receipt; -- ", "\\'); DELETE FROM receipt; -- " },
    { "', @mbev_number, '", "', @mbev_number, '" },
    { "\",\"sum\":0,\"x\":\"", "\",\"sum\":0,\"x\":\"" },
    { "\\u0000\\n\\0", "\\u0000\\n\\0" },
    { "`;#/*", "`;#/*" },
    { "%s%n{login}{uid}", "%s%n{login}{uid}" },
    { "line\nfeed\r\ttab", "line feed  tab" },
    { "\x01\x02.\x1F\x7F", "  .  " },
    { "a\xC2\x80\xC2\x9F\xC2\xA0z", "a  \xC2\xA0z" },
    { "\xFF\xC0\x80", "???" },
    { "a\xED\xA0\x80\xF4\x90\x80\x80", "a???????" },
    { "Ё\xD0", "Ё?" },
    { "\xD0'\xD0\\\xD0\"", "?'?\\?\"" },
};

static void
a_hostile_login_or_cashier_changes_neither_sql_nor_request(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        for (size_t j = 0; j < COUNT(texts); j++) {
            struct scene s = scene_with(texts[i].given, texts[j].given);

            assert_request(
                &s, "+79001234567", texts[i].printed, texts[j].printed);
        }
    }
}

static void
a_hostile_contact_changes_neither_sql_nor_request(void **state)
{
    static char *const emails[] = { "o'neil@b.c", "''@b.c", "a@b.c'd",
        "a`b@c.d", "a@b.c#--", "%s%n@b.c", "{login}@b.c", "/*a*/@b.c" };

    (void)state;
    for (size_t i = 0; i < COUNT(emails); i++) {
        struct scene s = scene_with("abonent1", "Иванов");

        s.sub.sms_tel = "нет";
        s.sub.email = emails[i];
        assert_request(&s, emails[i], "abonent1", "Иванов");
    }
}

static void
a_hostile_name_of_the_billing_or_prefix_stays_in_its_quotes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(hostile); i++) {
        struct scene s = scene_make();
        struct sql_parts q;

        s.billing.name = hostile[i];
        s.set.receipt.number_prefix = hostile[i];
        q = sql_parse(decide(&s)->effect);
        expect_text("SQL", bytes_text(&q.rest), FORM);
        assert_int_equal(q.n, PARTS);
        expect_text("billing", bytes_text(&q.part[AT_BILLING]), hostile[i]);
        expect_text("prefix", bytes_text(&q.part[AT_PREFIX]), hostile[i]);
        expect_text("billing", bytes_text(&q.part[AT_UPDATED]), hostile[i]);
        sql_drop(&q);
        drop(&s);
    }
}

static void
nobody_who_booked_it_is_no_cashier(void **state)
{
    struct scene s = scene_make();

    (void)state;
    assert_null(strstr(decide(&s)->effect, "cashier"));
    s.cashier = (struct cashier){ .name = "Иванов", .inn = "" };
    assert_null(strstr(decide(&s)->effect, "cashier"));
    s.set.receipt.cashier_inn = "optional";
    assert_non_null(
        strstr(decide(&s)->effect, "\"cashier\":{\"name\":\"Иванов\"}"));
    s.set.receipt.cashier = false;
    assert_null(strstr(decide(&s)->effect, "cashier"));
    drop(&s);
}

static void
a_request_that_does_not_fit_is_refused_whole(void **state)
{
    enum { HUGE_TEXT = 300 * 1024 };
    struct scene s = scene_make();
    char *text = calloc(1, HUGE_TEXT);

    (void)state;
    assert_non_null(text);
    memset(text, '\'', HUGE_TEXT - 1);
    s.set.receipt.address = text;
    bind(&s);
    assert_false(receipt->decide(&s.list, &s.facts, &s.set, &s.billing));
    drop(&s);
    free(text);
}

/* ---- what is lacking ---- */

static void
without_an_account_receipts_are_numbered_and_wait(void **state)
{
    struct scene whole = scene_make();

    (void)state;
    decide(&whole);
    for (int i = 0; i < 3; i++) {
        static const char *const reasons[] = { "waits: [komtet] shop is empty",
            "waits: [komtet] secret is empty",
            "waits: [komtet] queue is empty" };
        struct scene s = scene_make();
        const struct delivery *d;

        *(i == 0     ? &s.set.komtet.shop
            : i == 1 ? &s.set.komtet.secret
                     : &s.set.komtet.queue) = "";
        d = decide(&s);
        expect_text("reason", d->reason, reasons[i]);
        assert_int_equal(d->state, DELIVERY_READY);
        assert_int_equal(d->lane, LANE_KOMTET);
        assert_sql(d->effect, whole.list.first->effect);
        drop(&s);
    }
    drop(&whole);
}

static void
without_the_billings_list_receipts_wait(void **state)
{
    struct scene s = scene_make();
    const struct delivery *d;

    (void)state;
    s.billing.has_receipts = false;
    d = decide(&s);
    assert_string_equal(d->reason, BILLING_NO_RECEIPTS);
    assert_int_equal(d->state, DELIVERY_READY);
    assert_int_equal(d->lane, LANE_DECIDE);
    assert_int_equal(d->delay_us, 10000000);
    assert_null(d->effect);
    assert_null(d->payload);
    drop(&s);
}

static void
what_gets_none_does_not_wait_for_the_list(void **state)
{
    struct scene s = scene_make();
    const struct delivery *d;

    (void)state;
    s.billing.has_receipts = false;
    s.sub.sms_tel = "";
    d = decide(&s);
    assert_string_equal(
        d->reason, "the subscriber has no phone (sms_tel is empty)");
    assert_int_equal(d->state, DELIVERY_SKIPPED);
    assert_int_equal(d->lane, LANE_DECIDE);
    assert_null(d->effect);
    drop(&s);
}

/* ---- bonuses that are credited ---- */

static struct scene
scene_credited(int64_t status)
{
    struct scene s = scene_of(EVENT_API_PAYMENT);

    s.api = (struct api_row){ .id = 70,
        .uid = 1001,
        .category = -1,
        .status = status,
        .millionths = s.event.millionths,
        .updated = s.event.date,
        .comment = "",
        .mark = "" };
    s.facts.api_n = 1;
    return s;
}

static void
a_credited_bonus_gets_none_and_is_remembered(void **state)
{
    struct scene s = scene_credited(1);
    const struct delivery *d = decide(&s);

    (void)state;
    assert_int_equal(d->state, DELIVERY_SKIPPED);
    assert_string_equal(
        d->reason, "the payment is itself a bonus (addons_pay_api 70)");
    assert_sql(d->effect, "INSERT IGNORE INTO api_credit (record_id, event_id)"
                          " VALUES (70,9);");
    drop(&s);
}

static void
one_that_is_not_credited_waits_and_is_then_for_the_operator(void **state)
{
    struct scene s = scene_credited(0);

    (void)state;
    s.facts.age_ms = 119999;
    assert_int_equal(decide(&s)->state, DELIVERY_READY);
    assert_int_equal(s.list.first->lane, LANE_DECIDE);
    assert_null(s.list.first->effect);
    s.facts.age_ms = 120000;
    assert_int_equal(decide(&s)->state, DELIVERY_DOUBTFUL);
    assert_null(s.list.first->effect);
    drop(&s);
}

/* ---- what became of a call ---- */

/* A receipt whose call came to this. */
static struct delivery
after_call(enum delivery_state to, enum outcome_class class)
{
    return (struct delivery){ .id = 3,
        .event_id = 9,
        .action = "receipt",
        .state = to,
        .lane = LANE_KOMTET,
        .log_id = 111,
        .outcome = { .class = class } };
}

static struct delivery
accepted(void)
{
    struct delivery d = after_call(DELIVERY_DONE, OUTCOME_ACCEPTED);

    strcpy(d.outcome.provider_id, "4711");
    strcpy(d.outcome.state, "new");
    return d;
}

static struct delivery
failed(enum delivery_state to, enum outcome_class class)
{
    struct delivery d = after_call(to, class);

    strcpy(d.outcome.why, "komtet: it's \\ no");
    strcpy(d.outcome.words, "it's \\ no");
    d.ask = class == OUTCOME_UNKNOWN || to == DELIVERY_DOUBTFUL;
    return d;
}

/* Somebody else's number: it is decided anew. */
static struct delivery
burnt(void)
{
    struct delivery d = failed(DELIVERY_READY, OUTCOME_DUPLICATE);

    d.lane = LANE_DECIDE;
    strcpy(d.outcome.provider_id, "99");
    strcpy(d.outcome.state, "done");
    return d;
}

static void
assert_recorded(const struct delivery *d, const char *want)
{
    struct settings set = settings_make();
    struct bytes sql = bytes_make(100000);

    receipt->record(&sql, d, &set);
    assert_true(bytes_ok(&sql));
    assert_sql(bytes_text(&sql), want);
    bytes_free(&sql);
}

/* What a call came to is written once, on the row of its number. */
#define ONCE " WHERE event_id = 9 AND log_id = 111 AND stage IN ('new');"
#define NOT_TAKEN                                                              \
    ", task_id = NULL, task_state = NULL, accepted_utc = NULL,"                \
    " look_utc = NULL, link = NULL, fiscal_i = NULL, fiscal_fn = NULL,"        \
    " fiscal_t = NULL, fiscal_n = NULL, fiscal_fp = NULL, fiscal_rn = NULL,"   \
    " fiscal_sh = NULL, fiscal_shn = NULL, fiscal_kopecks = NULL"              \
    " WHERE event_id = 9 AND log_id = 111 AND stage IN ('new', 'accepted',"    \
    " 'done', 'failed');"
#define ACCEPTED                                                               \
    "UPDATE receipt SET stage = 'accepted', accepted_utc = UTC_TIMESTAMP(3),"  \
    " task_state = "
#define AS_TOLD                                                                \
    "UPDATE delivery AS d JOIN receipt AS r ON r.event_id = d.event_id"        \
    " AND r.log_id = d.log_id SET d.state = IF(r.stage = 'failed', 'dead',"    \
    " 'done'), d.reason = r.error WHERE d.id = 3"                              \
    " AND r.stage IN ('accepted', 'done', 'failed');"
#define WHY "'komtet: it\\'s \\\\ no'"

static void
what_komtet_accepted_is_followed(void **state)
{
    struct delivery d = accepted();

    (void)state;
    assert_recorded(&d, ACCEPTED
        "'new', task_id = '4711', error = NULL, look_utc ="
        " UTC_TIMESTAMP(3) + INTERVAL 15000000 MICROSECOND" ONCE AS_TOLD);
}

static void
what_komtet_had_already_is_followed_by_its_task(void **state)
{
    struct delivery d = failed(DELIVERY_DONE, OUTCOME_DUPLICATE);

    (void)state;
    strcpy(d.outcome.provider_id, "4711");
    strcpy(d.outcome.state, "o'k");
    assert_recorded(&d, ACCEPTED
        "'o\\'k', task_id = '4711', error = " WHY ", look_utc ="
        " UTC_TIMESTAMP(3) + INTERVAL 15000000 MICROSECOND" ONCE AS_TOLD);
}

static void
without_the_id_of_its_task_it_cannot_be_asked_about(void **state)
{
    struct delivery d = failed(DELIVERY_DONE, OUTCOME_DUPLICATE);

    (void)state;
    assert_recorded(&d, ACCEPTED "NULL, task_id = NULL, error = " WHY
                                 ", look_utc = NULL" ONCE AS_TOLD);
}

/* What Komtet has told meanwhile is believed of what it may have taken. */
static void
what_ends_a_number_is_its_stage(void **state)
{
    struct delivery refused = failed(DELIVERY_DEAD, OUTCOME_PERMANENT);
    struct delivery doubtful = failed(DELIVERY_DOUBTFUL, OUTCOME_PERMANENT);
    struct delivery foreign = burnt();

    (void)state;
    assert_recorded(&refused,
        "UPDATE receipt SET error = " WHY ", stage = 'refused',"
        " ended_utc = UTC_TIMESTAMP(3)" NOT_TAKEN);
    assert_recorded(&doubtful,
        "UPDATE receipt SET error = " WHY ", stage = 'doubtful',"
        " ended_utc = UTC_TIMESTAMP(3)" ONCE AS_TOLD);
    assert_recorded(&foreign,
        "UPDATE receipt SET error = " WHY ", stage = 'burnt',"
        " ended_utc = UTC_TIMESTAMP(3)" NOT_TAKEN);
}

static void
what_is_sent_again_keeps_its_number(void **state)
{
    struct delivery rows[] = {
        failed(DELIVERY_RETRY, OUTCOME_TRANSIENT),
        failed(DELIVERY_RETRY, OUTCOME_ABSENT),
        failed(DELIVERY_READY, OUTCOME_CONFIGURATION),
    };
    struct delivery unknown = failed(DELIVERY_RETRY, OUTCOME_UNKNOWN);

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_recorded(&rows[i],
            "UPDATE receipt SET error = " WHY
            ", stage = 'new', ended_utc = NULL" NOT_TAKEN);
        rows[i].ask = true;
        assert_recorded(
            &rows[i], "UPDATE receipt SET error = " WHY ONCE AS_TOLD);
    }
    assert_recorded(&unknown, "UPDATE receipt SET error = " WHY ONCE AS_TOLD);
}

/* ---- the billing's list ---- */

static void
assert_logged_in(char *table, const struct delivery *d, const char *want)
{
    struct scene s = scene_make();
    struct bytes sql = bytes_make(100000);

    s.set.receipt.table = table;
    receipt->log(&sql, d, &s.set, &s.billing);
    assert_true(bytes_ok(&sql));
    assert_sql(bytes_text(&sql), want);
    bytes_free(&sql);
}

static void
assert_logged(const struct delivery *d, const char *want)
{
    assert_logged_in("receipts_log", d, want);
}

/* A number in another table than that of the settings is not listed there: its
 * row is somebody else's in this one. And no row that somebody holds is waited
 * for. Of what was not taken, even an end is somebody else's. */
#define LIST_IN(table, ext_id, state, error, unless)                           \
    "SELECT 1 FROM `mikbill`.`" table "` WHERE id = 111" DB_LOCK_NOWAIT        \
    "UPDATE `mikbill`." table " SET ext_id = " ext_id ", state = " state       \
    ", error = " error " WHERE id = 111" unless                                \
    " AND EXISTS (SELECT 1 FROM receipt WHERE event_id = 9 AND log_id = 111"   \
    " AND log_table = '" table "' AND task_id <=> " ext_id ");"
#define LOGGED_IN(table, ext_id, state, error)                                 \
    LIST_IN(table, ext_id, state, error,                                       \
        " AND COALESCE(state, '') NOT IN ('done', 'error')")
#define LOGGED(ext_id, state, error)                                           \
    LOGGED_IN("receipts_log", ext_id, state, error)
#define LOGGED_ANYHOW(ext_id, state, error)                                    \
    LIST_IN("receipts_log", ext_id, state, error, "")
#define WORDS "'it\\'s \\\\ no'"

static void
the_list_has_the_task_and_its_state(void **state)
{
    struct delivery d = accepted();

    (void)state;
    assert_logged(&d, LOGGED("'4711'", "'new'", "NULL"));
}

static void
the_list_is_the_one_that_the_number_was_taken_from(void **state)
{
    struct delivery d = accepted();

    (void)state;
    assert_logged_in("__komtet_receipts_log", &d,
        LOGGED_IN("__komtet_receipts_log", "'4711'", "'new'", "NULL"));
}

static void
the_list_has_komtets_words_for_what_went_wrong(void **state)
{
    static const struct {
        enum delivery_state to;
        enum outcome_class class;
    } rows[] = { { DELIVERY_DEAD, OUTCOME_PERMANENT },
        { DELIVERY_DOUBTFUL, OUTCOME_PERMANENT },
        { DELIVERY_RETRY, OUTCOME_TRANSIENT },
        { DELIVERY_RETRY, OUTCOME_UNKNOWN },
        { DELIVERY_READY, OUTCOME_CONFIGURATION },
        { DELIVERY_DONE, OUTCOME_DUPLICATE } };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct delivery d = failed(rows[i].to, rows[i].class);
        bool taken = d.ask || d.state == DELIVERY_DONE;

        assert_logged(&d, taken ? LOGGED("NULL", "NULL", WORDS)
                                : LOGGED_ANYHOW("NULL", "NULL", WORDS));
        d.outcome.words[0] = '\0';
        assert_logged(&d, taken ? LOGGED("NULL", "NULL", WHY)
                                : LOGGED_ANYHOW("NULL", "NULL", WHY));
    }
}

static void
a_receipt_that_was_there_already_is_listed_with_its_task(void **state)
{
    struct delivery d = failed(DELIVERY_DONE, OUTCOME_DUPLICATE);

    (void)state;
    strcpy(d.outcome.provider_id, "4711");
    strcpy(d.outcome.state, "processing");
    assert_logged(&d, LOGGED("'4711'", "'processing'", WORDS));
}

/* That one may be done; ours is not. */
static void
the_task_of_somebody_elses_number_is_not_listed_as_ours(void **state)
{
    struct delivery d = burnt();

    (void)state;
    assert_logged(&d, LOGGED_ANYHOW("NULL", "NULL", WORDS));
}

static void
without_the_billings_list_nothing_is_logged(void **state)
{
    struct scene s = scene_make();
    struct delivery d = accepted();
    struct bytes sql = bytes_make(1000);

    (void)state;
    s.billing.has_receipts = false;
    receipt->log(&sql, &d, &s.set, &s.billing);
    assert_string_equal(bytes_text(&sql), "");
    bytes_free(&sql);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(receipts_are_for_payments_and_refunds_that_are_on),
        cmocka_unit_test(type_62_waits_for_the_status_of_its_row_at_least),
        cmocka_unit_test(only_type_62_needs_the_rows_of_the_interface),
        cmocka_unit_test(
            the_number_is_taken_then_recorded_then_put_into_the_request),
        cmocka_unit_test(a_refund_says_so_and_has_an_amount_above_zero),
        cmocka_unit_test(the_settings_name_the_table_and_the_prefix),
        cmocka_unit_test(a_receipt_is_ready_for_its_lane_and_read_back_there),
        cmocka_unit_test(the_longest_contact_is_kept_whole),
        cmocka_unit_test(
            a_hostile_login_or_cashier_changes_neither_sql_nor_request),
        cmocka_unit_test(a_hostile_contact_changes_neither_sql_nor_request),
        cmocka_unit_test(
            a_hostile_name_of_the_billing_or_prefix_stays_in_its_quotes),
        cmocka_unit_test(nobody_who_booked_it_is_no_cashier),
        cmocka_unit_test(a_request_that_does_not_fit_is_refused_whole),
        cmocka_unit_test(without_an_account_receipts_are_numbered_and_wait),
        cmocka_unit_test(without_the_billings_list_receipts_wait),
        cmocka_unit_test(what_gets_none_does_not_wait_for_the_list),
        cmocka_unit_test(a_credited_bonus_gets_none_and_is_remembered),
        cmocka_unit_test(
            one_that_is_not_credited_waits_and_is_then_for_the_operator),
        cmocka_unit_test(what_komtet_accepted_is_followed),
        cmocka_unit_test(what_komtet_had_already_is_followed_by_its_task),
        cmocka_unit_test(without_the_id_of_its_task_it_cannot_be_asked_about),
        cmocka_unit_test(what_ends_a_number_is_its_stage),
        cmocka_unit_test(what_is_sent_again_keeps_its_number),
        cmocka_unit_test(the_list_has_the_task_and_its_state),
        cmocka_unit_test(the_list_is_the_one_that_the_number_was_taken_from),
        cmocka_unit_test(the_list_has_komtets_words_for_what_went_wrong),
        cmocka_unit_test(
            a_receipt_that_was_there_already_is_listed_with_its_task),
        cmocka_unit_test(
            the_task_of_somebody_elses_number_is_not_listed_as_ours),
        cmocka_unit_test(without_the_billings_list_nothing_is_logged),
    };

    return cmocka_run_group_tests_name("receipt_action", tests, NULL, NULL);
}
