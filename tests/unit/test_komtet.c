/*
 * komtet: receipts, their signature, and what Komtet says of them.
 */
#include "unit.h"

#include "hmac.h"
#include "providers/komtet.h"
#include "providers/provider.h"
#include "utf8.h"

#include <json-c/json.h>

#define SECRET "0123456789abcdef0123456789abcdef"

/* One digit too many. */
#define LONG_ID                                                                \
    "12345678901234567890123456789012345678901234567890123456789012345"

/* One receipt on its way out. */
struct scene {
    struct settings set;
    struct receipt receipt;
    const char *number;
    struct bytes text; /* the body: head, number, tail */
    struct http_request request;
    struct bytes body; /* as it is sent */
};

static struct scene
scene_make(void)
{
    return (struct scene){
        .set = { .company = { .name = "",
                     .site = "",
                     .cabinet = "",
                     .phone = "",
                     .signature = "",
                     .currency = "" },
            .komtet = { .url = "https://kassa.komtet.ru",
                .shop = "testShop01",
                .secret = SECRET,
                .queue = "7001",
                .version = "v1",
                .sign_url = "",
                .ca_file = "/etc/ca.pem",
                .connections = 1,
                .rate = 4,
                .retry_first_ms = 30000,
                .retry_longest_ms = 600000,
                .hold_ms = 60000,
                .connect_timeout_ms = 10000,
                .timeout_ms = 30000 },
            .receipt = { .sno = 1,
                .vat = "no",
                .payment_type = "card",
                .calculation_method = "full_payment",
                .calculation_subject = "service",
                .name = "Internet access (acct N{login})",
                .address = "",
                .place_address = "",
                .callback_url = "",
                .cashier = true,
                .cashier_inn = "required",
                .id_member = "external_id" } },
        .receipt = { .contact = "+79990000001",
            .kopecks = 35050,
            .login = "1001",
            .uid = "17" },
        .number = "26111",
        .text = bytes_make(1 << 20),
        .body = bytes_make(1 << 20),
    };
}

static struct scene
scene_v2(void)
{
    struct scene s = scene_make();

    s.set.komtet.version = "v2";
    s.set.komtet.queue = "7002";
    s.set.receipt.address = "Office";
    return s;
}

static void
drop(struct scene *s)
{
    bytes_free(&s->text);
    bytes_free(&s->body);
}

/* The body as the database puts it together. */
static const char *
text_of(struct scene *s)
{
    struct bytes tail = bytes_make(1 << 20);

    bytes_clear(&s->text);
    komtet_head(&s->text, &s->set);
    bytes_str(&s->text, s->number);
    komtet_tail(&tail, &s->set, &s->receipt);
    assert_true(bytes_ok(&tail));
    bytes_str(&s->text, bytes_text(&tail));
    bytes_free(&tail);
    assert_true(bytes_ok(&s->text));
    return bytes_text(&s->text);
}

/* One whole JSON object. */
static json_object *
parse(const char *text)
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

/* The body has these members and no others, whatever their order. */
static void
assert_body(struct scene *s, const char *want)
{
    json_object *have = parse(text_of(s)), *wanted = parse(want);

    if (!json_object_equal(have, wanted))
        fail_msg("%s\ninstead of\n%s", bytes_text(&s->text), want);
    json_object_put(have);
    json_object_put(wanted);
}

static void
assert_has(struct scene *s, const char *part)
{
    if (!strstr(text_of(s), part))
        fail_msg("\"%s\" has no \"%s\"", bytes_text(&s->text), part);
    json_object_put(parse(bytes_text(&s->text)));
}

static void
assert_lacks(struct scene *s, const char *part)
{
    if (strstr(text_of(s), part))
        fail_msg("\"%s\" has \"%s\"", bytes_text(&s->text), part);
}

/* ---- bodies ---- */

#define V1_POSITION                                                            \
    "\"positions\":[{\"name\":\"Internet access (acct N1001)\","               \
    "\"price\":350.50,\"quantity\":1,\"total\":350.50,\"vat\":\"no\","         \
    "\"calculation_method\":\"full_payment\","                                 \
    "\"calculation_subject\":\"service\"}]"

#define V2_POSITION                                                            \
    "\"positions\":[{\"name\":\"Internet access (acct N1001)\","               \
    "\"price\":350.50,\"quantity\":1,\"total\":350.50,\"vat\":\"no\","         \
    "\"measure\":0,\"payment_method\":\"full_payment\","                       \
    "\"payment_object\":\"service\"}]"

static void
a_v1_receipt_has_just_these_members(void **state)
{
    struct scene s = scene_make();

    (void)state;
    assert_body(&s,
        "{\"external_id\":\"26111\",\"user\":\"+79990000001\","
        "\"print\":false,\"intent\":\"sell\",\"sno\":1,"
        "\"payments\":[{\"type\":\"card\",\"sum\":350.50}]," V1_POSITION "}");
    drop(&s);
}

static void
a_v2_receipt_has_just_these_members(void **state)
{
    struct scene s = scene_v2();

    (void)state;
    assert_body(&s,
        "{\"external_id\":\"26111\",\"intent\":\"sell\",\"print\":false,"
        "\"client\":{\"phone\":\"+79990000001\"},"
        "\"company\":{\"sno\":1,\"payment_address\":\"Office\"},"
        "\"payments\":[{\"type\":\"card\",\"sum\":350.50}]," V2_POSITION "}");
    drop(&s);
}

/* With every member that there can be. */
static struct scene
full(struct scene s)
{
    s.receipt.back = true;
    s.receipt.contact = "user@example.com";
    s.receipt.cashier = "Иванов И.И.";
    s.receipt.cashier_inn = "123456789012";
    s.set.receipt.print = true;
    s.set.receipt.sno = 5;
    s.set.receipt.vat = "122";
    s.set.receipt.measure = 255;
    s.set.receipt.payment_type = "prepayment";
    s.set.receipt.calculation_method = "advance";
    s.set.receipt.calculation_subject = "payment";
    s.set.receipt.address = "Офис";
    s.set.receipt.place_address = "Пермь, ул. Ленина, 1";
    s.set.receipt.callback_url = "https://billing.example.com/komtet?x=1";
    return s;
}

#define FULL_END                                                               \
    "\"payments\":[{\"type\":\"prepayment\",\"sum\":350.50}],"                 \
    "\"cashier\":{\"name\":\"Иванов И.И.\",\"inn\":\"123456789012\"}," \
    "\"callback_url\":\"https://billing.example.com/komtet?x=1\"}"

static void
a_v1_receipt_can_have_more(void **state)
{
    struct scene s = full(scene_make());

    (void)state;
    assert_body(&s,
        "{\"external_id\":\"26111\",\"user\":\"user@example.com\","
        "\"print\":true,\"intent\":\"sellReturn\",\"sno\":5,"
        "\"positions\":[{\"name\":\"Internet access (acct N1001)\","
        "\"price\":350.50,\"quantity\":1,\"total\":350.50,\"vat\":\"122\","
        "\"calculation_method\":\"advance\","
        "\"calculation_subject\":\"payment\"}],"
        "\"payment_address\":\"Офис\","
        "\"place_address\":\"Пермь, ул. Ленина, 1\"," FULL_END);
    drop(&s);
}

static void
a_v2_receipt_can_have_more(void **state)
{
    struct scene s = full(scene_v2());

    (void)state;
    assert_body(&s,
        "{\"external_id\":\"26111\",\"print\":true,\"intent\":\"sellReturn\","
        "\"client\":{\"email\":\"user@example.com\"},"
        "\"company\":{\"sno\":5,\"payment_address\":\"Офис\","
        "\"place_address\":\"Пермь, ул. Ленина, 1\"},"
        "\"positions\":[{\"name\":\"Internet access (acct N1001)\","
        "\"price\":350.50,\"quantity\":1,\"total\":350.50,\"vat\":\"122\","
        "\"measure\":255,\"payment_method\":\"advance\","
        "\"payment_object\":\"payment\"}]," FULL_END);
    drop(&s);
}

/* What the kit of 2020 sent. */
static void
a_v1_receipt_can_look_as_once(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.set.receipt.id_member = "task_id";
    s.set.receipt.discount_member = true;
    s.set.receipt.name = "Домашний интернет (Л/СЧ N{login})";
    s.set.receipt.address = "Офис";
    s.receipt.login = "abonent1";
    s.receipt.contact = "+79001234567";
    s.receipt.kopecks = 10000;
    s.receipt.cashier = "Иванова Анна";
    s.receipt.cashier_inn = "123456789012";
    assert_body(&s,
        "{\"task_id\":\"26111\",\"user\":\"+79001234567\",\"print\":false,"
        "\"intent\":\"sell\",\"sno\":1,"
        "\"payments\":[{\"type\":\"card\",\"sum\":100.00}],"
        "\"positions\":[{\"name\":\"Домашний интернет (Л/СЧ Nabonent1)\","
        "\"price\":100.00,\"quantity\":1,\"total\":100.00,\"discount\":0,"
        "\"vat\":\"no\",\"calculation_method\":\"full_payment\","
        "\"calculation_subject\":\"service\"}],"
        "\"cashier\":{\"name\":\"Иванова Анна\",\"inn\":\"123456789012\"},"
        "\"payment_address\":\"Офис\"}");
    drop(&s);
}

static void
v2_has_nothing_of_that(void **state)
{
    struct scene s = scene_v2();

    (void)state;
    s.set.receipt.id_member = "task_id";
    s.set.receipt.discount_member = true;
    assert_has(&s, "{\"external_id\":\"26111\",");
    assert_lacks(&s, "task_id");
    assert_lacks(&s, "discount");
    drop(&s);
}

static void
the_number_stands_between_head_and_tail(void **state)
{
    static const char *const versions[] = { "v1", "v2" };
    struct scene s = scene_make();
    struct bytes part = bytes_make(1 << 20);

    (void)state;
    for (size_t i = 0; i < COUNT(versions); i++) {
        s.set.komtet.version = (char *)versions[i];
        bytes_clear(&part);
        komtet_head(&part, &s.set);
        assert_string_equal(bytes_text(&part), "{\"external_id\":\"");
        bytes_clear(&part);
        komtet_tail(&part, &s.set, &s.receipt);
        assert_int_equal(strncmp(bytes_text(&part), "\",\"", 3), 0);
    }
    bytes_free(&part);
    drop(&s);
}

/* ---- texts ---- */

static const char *
string_in(json_object *json, const char *name)
{
    json_object *member = NULL;

    assert_true(json_object_object_get_ex(json, name, &member));
    assert_true(json_object_is_type(member, json_type_string));
    return json_object_get_string(member);
}

static json_object *
position_in(json_object *json)
{
    json_object *positions = NULL;

    assert_true(json_object_object_get_ex(json, "positions", &positions));
    assert_int_equal(json_object_array_length(positions), 1);
    return json_object_array_get_idx(positions, 0);
}

/* The position is called this; the number stays where it belongs. */
static void
assert_name(struct scene *s, const char *want)
{
    json_object *json = parse(text_of(s));
    const char *got = string_in(position_in(json), "name");

    expect_text(s->receipt.login, got, want);
    expect_text(want, string_in(json, "external_id"), s->number);
    json_object_put(json);
}

static void
a_login_cannot_leave_its_text(void **state)
{
    static const char *const logins[] = { "a\"b", "\\", "a\\\"", "\"",
        "\",\"price\":0.01,\"x\":\"", "\"}],\"external_id\":\"666", "a/b",
        "\\u0022", "{number}", "{login}", "{{", "%s%n", "26111", "</script>",
        "абонент", "Ё \xE2\x84\x96 \xF0\x9F\x98\x80", "\xE2\x80\xA8", "" };
    struct scene s = scene_make();

    (void)state;
    s.set.receipt.name = "{login}";
    for (size_t i = 0; i < COUNT(logins); i++) {
        s.receipt.login = logins[i];
        s.set.komtet.version = "v1";
        assert_name(&s, logins[i]);
        s.set.komtet.version = "v2";
        assert_name(&s, logins[i]);
    }
    drop(&s);
}

static void
what_a_till_cannot_print_is_replaced(void **state)
{
    static const struct {
        const char *login, *want;
    } rows[] = {
        { "a\tb\r\nc", "a b  c" },
        { "\x01\x1F\x7F", "   " },
        { "\xC2\x80\xC2\x9F\xC2\xA0", "  \xC2\xA0" },
        { "a\xFF", "a?" },
        { "\xC3", "?" },
        { "\xC0\xAF", "??" },
        { "\xED\xA0\x80", "???" },
        { "\xF4\x90\x80\x80", "????" },
        { "\xD0\xD0\x81", "?\xD0\x81" },
        { "\"\xE2\x84", "\"??" },
    };
    struct scene s = scene_make();

    (void)state;
    s.set.receipt.name = "{login}";
    for (size_t i = 0; i < COUNT(rows); i++) {
        s.receipt.login = rows[i].login;
        assert_name(&s, rows[i].want);
    }
    drop(&s);
}

static void
every_byte_makes_json_and_utf8(void **state)
{
    struct scene s = scene_make();

    (void)state;
    for (int a = 1; a < 256; a++) {
        for (int b = 1; b < 256; b++) {
            const char login[] = { (char)a, (char)b, '\0' };

            s.receipt.login = login;
            s.receipt.contact = login;
            s.receipt.cashier = login;
            s.receipt.cashier_inn = login;
            json_object_put(parse(text_of(&s)));
        }
    }
    drop(&s);
}

static void
no_other_text_can_leave_its_place(void **state)
{
    static char evil[] = "\"},\\\n\xFF{\"x\":\"";
    static const char safe[] = "\"},\\ ?{\"x\":\"";
    struct scene s = scene_make();
    json_object *json, *cashier = NULL;

    (void)state;
    s.receipt.contact = s.receipt.cashier = evil;
    s.receipt.cashier_inn = "123456789012";
    s.set.receipt.address = s.set.receipt.place_address = evil;
    s.set.receipt.callback_url = s.set.receipt.vat = evil;
    json = parse(text_of(&s));
    assert_true(json_object_object_get_ex(json, "cashier", &cashier));
    assert_string_equal(string_in(json, "user"), safe);
    assert_string_equal(string_in(cashier, "name"), safe);
    assert_string_equal(string_in(json, "payment_address"), safe);
    assert_string_equal(string_in(json, "place_address"), safe);
    assert_string_equal(string_in(json, "callback_url"), safe);
    assert_string_equal(string_in(position_in(json), "vat"), safe);
    assert_int_equal(json_object_object_length(json), 11);
    json_object_put(json);
    drop(&s);
}

/* n times the same. */
static const char *
times(const char *one, size_t n)
{
    static struct bytes text;

    bytes_free(&text);
    text = bytes_make(1 << 20);
    while (n-- > 0)
        bytes_str(&text, one);
    return bytes_text(&text);
}

static void
a_name_is_cut_after_128_characters(void **state)
{
    static const struct {
        const char *one;
        const char *want; /* what it is read as */
    } rows[] = { { "x", "x" }, { "Ё", "Ё" }, { "\xE2\x84\x96", "\xE2\x84\x96" },
        { "\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80" }, { "\"", "\"" },
        { "\\", "\\" }, { "\xFF", "?" }, { "\n", " " } };
    static const size_t lengths[] = { 127, 128, 129, 1000 };
    struct scene s = scene_make();
    char want[128 * 4 + 1], login[1000 * 4 + 1];

    (void)state;
    s.set.receipt.name = "{login}";
    s.receipt.login = login;
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (size_t j = 0; j < COUNT(lengths); j++) {
            size_t n = lengths[j] < 128 ? lengths[j] : 128;

            snprintf(want, sizeof want, "%s", times(rows[i].want, n));
            snprintf(login, sizeof login, "%s", times(rows[i].one, lengths[j]));
            assert_name(&s, want);
        }
    }
    times("", 0);
    drop(&s);
}

static void
the_name_is_that_of_the_settings(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.set.company.name = "Тест";
    s.set.company.site = "test.ru";
    s.set.company.phone = "8-800";
    s.set.company.cabinet = "lk.test.ru";
    s.set.company.signature = "S";
    s.set.company.currency = "руб";
    s.set.receipt.name = "{{{name}|{site}|{phone}|{cabinet}|{signature}|"
                         "{currency}|{login}|{uid}";
    assert_name(&s, "{Тест|test.ru|8-800|lk.test.ru|S|руб|1001|17");
    drop(&s);
}

static void
a_name_beyond_all_bounds_makes_no_receipt(void **state)
{
    struct scene s = scene_make();
    struct bytes tail = bytes_make(1 << 20);

    (void)state;
    s.receipt.login = times("x", 70000);
    komtet_tail(&tail, &s.set, &s.receipt);
    assert_false(bytes_ok(&tail));
    assert_int_equal(tail.n, 0);
    times("", 0);
    bytes_free(&tail);
    drop(&s);
}

/* ---- people ---- */

#define INN "771234567890"

static void
a_cashier_is_named_as_the_settings_say(void **state)
{
    static const struct {
        bool on;
        const char *inn_is, *name, *inn;
        const char *want; /* NULL = there is none */
    } rows[] = {
        { true, "required", "A", INN, "{\"name\":\"A\",\"inn\":\"" INN "\"}" },
        { true, "optional", "A", INN, "{\"name\":\"A\",\"inn\":\"" INN "\"}" },
        { true, "required", "A", "", NULL },
        { true, "required", "A", "  ", NULL },
        { true, "required", "A", NULL, NULL },
        { true, "required", "A", "7712345678", NULL },
        { true, "required", "A", INN "0", NULL },
        { true, "optional", "A", "77123456789a", "{\"name\":\"A\"}" },
        { true, "optional", "A", "", "{\"name\":\"A\"}" },
        { true, "optional", "A", " ", "{\"name\":\"A\"}" },
        { true, "optional", "A", NULL, "{\"name\":\"A\"}" },
        { true, "optional", "", INN, NULL },
        { true, "optional", " \t", INN, NULL },
        { true, "optional", NULL, INN, NULL },
        { true, "required", NULL, NULL, NULL },
        { false, "required", "A", INN, NULL },
        { false, "optional", "A", NULL, NULL },
    };
    struct scene s = scene_make();
    char part[100];

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        s.set.receipt.cashier = rows[i].on;
        s.set.receipt.cashier_inn = (char *)rows[i].inn_is;
        s.receipt.cashier = rows[i].name;
        s.receipt.cashier_inn = rows[i].inn;
        snprintf(part, sizeof part, ",\"cashier\":%s",
            rows[i].want ? rows[i].want : "");
        if (rows[i].want)
            assert_has(&s, part);
        else
            assert_lacks(&s, "cashier");
    }
    drop(&s);
}

static void
v2_tells_a_phone_from_an_email(void **state)
{
    struct scene s = scene_v2();

    (void)state;
    s.receipt.contact = "+79001234567";
    assert_has(&s, "\"client\":{\"phone\":\"+79001234567\"}");
    s.receipt.contact = "a@b.ru";
    assert_has(&s, "\"client\":{\"email\":\"a@b.ru\"}");
    drop(&s);
}

/* ---- amounts ---- */

static void
amounts_have_two_decimals_at_any_size(void **state)
{
    static const struct {
        int64_t kopecks;
        const char *want;
    } rows[] = {
        { 1, "0.01" },
        { 9, "0.09" },
        { 10, "0.10" },
        { 99, "0.99" },
        { 100, "1.00" },
        { 999, "9.99" },
        { 3333, "33.33" },
        { 10000, "100.00" },
        { 10050, "100.50" },
        { 10056, "100.56" },
        { 123456, "1234.56" },
        { 99999999, "999999.99" },
        { 1234567891, "12345678.91" },
        { 10000000001, "100000000.01" },
        { 12345678912, "123456789.12" },
        { INT64_MAX, "92233720368547758.07" },
    };
    static const char *const versions[] = { "v1", "v2" };
    struct scene s = scene_make();
    char part[100];

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (size_t j = 0; j < COUNT(versions); j++) {
            s.set.komtet.version = (char *)versions[j];
            s.receipt.kopecks = rows[i].kopecks;
            snprintf(part, sizeof part, "[{\"type\":\"card\",\"sum\":%s}]",
                rows[i].want);
            assert_has(&s, part);
            snprintf(part, sizeof part,
                ",\"price\":%s,\"quantity\":1,\"total\":%s,", rows[i].want,
                rows[i].want);
            assert_has(&s, part);
        }
    }
    drop(&s);
}

static void
nothing_and_less_make_no_receipt(void **state)
{
    static const int64_t bad[] = { 0, -1, -10000, INT64_MIN };
    struct scene s = scene_make();
    struct bytes tail = bytes_make(1 << 20);

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        s.receipt.kopecks = bad[i];
        bytes_clear(&tail);
        komtet_tail(&tail, &s.set, &s.receipt);
        assert_false(bytes_ok(&tail));
        assert_string_equal(bytes_text(&tail), "");
    }
    bytes_free(&tail);
    drop(&s);
}

/* ---- requests ---- */

static struct outcome
read_as(int status, const char *text)
{
    /* Memory of just this size, so that a sanitizer sees what is read behind
     * it. */
    size_t n = strlen(text);
    char *copy = malloc(n + 1);
    struct http_reply reply = { .status = status, .body = copy, .body_len = n };
    struct outcome out;

    assert_non_null(copy);
    memcpy(copy, text, n + 1);
    memset(&out, 'x', sizeof out);
    komtet.read(&reply, &out);
    free(copy);
    return out;
}

/* Builds the request for this body. */
static void
build(struct scene *s, const char *text)
{
    struct message message = { .text = text };

    bytes_clear(&s->body);
    komtet.build(&s->set, &message, 0, &s->request, &s->body);
}

static void
assert_headers(
    const struct http_request *request, const char *shop, const char *signature)
{
    char line[200];

    assert_string_equal(request->headers[0], "Accept: application/json");
    snprintf(line, sizeof line, "Authorization: %s", shop);
    assert_string_equal(request->headers[1], line);
    snprintf(line, sizeof line, "X-HMAC-Signature: %s", signature);
    assert_string_equal(request->headers[2], line);
    assert_null(request->headers[3]);
}

static void
the_request_goes_where_the_settings_say(void **state)
{
    struct scene s = scene_make();

    (void)state;
    build(&s, "{}");
    assert_true(bytes_ok(&s.body));
    assert_string_equal(
        s.request.url, "https://kassa.komtet.ru/api/shop/v1/queues/7001/task");
    assert_string_equal(s.request.method, "POST");
    assert_string_equal(s.request.content_type, "application/json");
    assert_string_equal(s.request.ca_file, "/etc/ca.pem");
    assert_int_equal(s.request.connect_timeout_ms, 10000);
    assert_int_equal(s.request.timeout_ms, 30000);
    s.set.komtet.url = "http://127.0.0.1:18080//";
    s.set.komtet.version = "v2";
    s.set.komtet.queue = "777";
    build(&s, "{}");
    assert_string_equal(
        s.request.url, "http://127.0.0.1:18080/api/shop/v2/queues/777/task");
    drop(&s);
}

static void
the_body_goes_out_as_it_is(void **state)
{
    static const char text[] = "{\"a\": \"\\u0401/\\/ Ё\t\"} \n";
    struct scene s = scene_make();

    (void)state;
    build(&s, text);
    assert_string_equal(bytes_text(&s.body), text);
    assert_int_equal(s.body.n, sizeof text - 1);
    drop(&s);
}

/* Recorded from the kit, which was given a stand-in in place of Komtet. */
static void
a_recorded_request_of_the_kit_is_signed_as_it_was(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.set.komtet.url = "http://127.0.0.1:18080";
    s.set.komtet.shop = "MARKET42";
    s.set.komtet.secret = "MARKETSECRET";
    s.set.komtet.queue = "777";
    build(&s,
        "{\"task_id\":\"26111\",\"user\":\"+79001234567\",\"print\":false,"
        "\"intent\":\"sell\",\"sno\":1,\"payments\":[{\"type\":\"card\","
        "\"sum\":100}],\"positions\":[{\"name\":\"\\u0414\\u043e\\u043c\\u0430"
        "\\u0448\\u043d\\u0438\\u0439 "
        "\\u0438\\u043d\\u0442\\u0435\\u0440\\u043d"
        "\\u0435\\u0442 (\\u041b\\/\\u0421\\u0427 Nabonent1)\",\"price\":100,"
        "\"quantity\":1,\"total\":100,\"discount\":0,\"vat\":\"no\","
        "\"calculation_method\":\"full_payment\",\"calculation_subject\":"
        "\"service\"}],\"cashier\":{\"name\":\"\\u0418\\u0432\\u0430\\u043d"
        "\\u043e\\u0432\\u0430 \\u0410\\u043d\\u043d\\u0430\",\"inn\":"
        "\"123456789012\"},\"payment_address\":\"\\u041e\\u0444\\u0438\\u0441"
        "\"}");
    assert_headers(&s.request, "MARKET42", "db052bd78ac8448d6dd4a7f5aa4b9813");
    drop(&s);
}

static void
it_is_signed_for_the_address_that_komtet_believes_it_has(void **state)
{
    struct scene s = scene_make();
    char signature[100];

    (void)state;
    build(&s, "{}");
    snprintf(signature, sizeof signature, "%s", s.request.headers[2]);
    s.set.komtet.url = "http://127.0.0.1:1/proxy";
    build(&s, "{}");
    assert_string_not_equal(s.request.headers[2], signature);
    s.set.komtet.sign_url = "https://kassa.komtet.ru/";
    build(&s, "{}");
    assert_string_equal(s.request.headers[2], signature);
    assert_string_equal(
        s.request.url, "http://127.0.0.1:1/proxy/api/shop/v1/queues/7001/task");
    drop(&s);
}

static void
the_secret_itself_is_never_sent(void **state)
{
    struct scene s = scene_make();

    (void)state;
    build(&s, text_of(&s));
    assert_null(strstr(bytes_text(&s.body), SECRET));
    assert_null(strstr(s.request.url, SECRET));
    for (size_t i = 0; s.request.headers[i]; i++)
        assert_null(strstr(s.request.headers[i], SECRET));
    drop(&s);
}

static void
what_does_not_fit_is_not_sent(void **state)
{
    static char shop[1000], queue[1000], url[4000];
    struct scene s = scene_make();

    (void)state;
    memset(shop, 's', sizeof shop - 1);
    memset(queue, '7', sizeof queue - 1);
    memset(url, 'u', sizeof url - 1);
    s.set.komtet.shop = shop;
    build(&s, "{}");
    assert_false(bytes_ok(&s.body));
    assert_int_equal(s.body.n, 0);
    s.set.komtet.shop = "s";
    s.set.komtet.queue = queue;
    build(&s, "{}");
    assert_false(bytes_ok(&s.body));
    assert_false(komtet_queue_build(&s.set, &s.request));
    s.set.komtet.queue = "7";
    s.set.komtet.url = url;
    build(&s, "{}");
    assert_false(bytes_ok(&s.body));
    assert_false(komtet_track_build(&s.set, "90001", &s.request));
    s.set.komtet.url = "https://kassa.komtet.ru";
    s.set.komtet.sign_url = url;
    build(&s, "{}");
    assert_false(bytes_ok(&s.body));
    s.set.komtet.sign_url = "";
    build(&s, "{}");
    assert_true(bytes_ok(&s.body));
    drop(&s);
}

static void
a_task_is_asked_for_by_the_id_that_komtet_gave(void **state)
{
    struct scene s = scene_make();

    (void)state;
    assert_true(komtet_track_build(&s.set, "90001", &s.request));
    assert_string_equal(
        s.request.url, "https://kassa.komtet.ru/api/shop/v1/tasks/90001");
    assert_string_equal(s.request.method, "GET");
    assert_int_equal(s.request.body_len, 0);
    assert_int_equal(s.request.timeout_ms, 30000);
    assert_headers(
        &s.request, "testShop01", "05838dc76208f832fd538e790f8b80aa");
    drop(&s);
}

static void
what_is_no_id_is_not_asked_for(void **state)
{
    static const char *const bad[] = { "", "0", "000", "-1", ".", "..", "1/2",
        "1?x=2", "1#", "1 2", "1\r\n", "1%2F", "Ё", LONG_ID };
    struct scene s = scene_make();

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        if (komtet_track_build(&s.set, bad[i], &s.request))
            fail_msg("\"%s\" became %s", bad[i], s.request.url);
    assert_true(komtet_track_build(
        &s.set, "5f0c7b1e-0000-4000-8000-00000000000a", &s.request));
    drop(&s);
}

static void
the_queue_can_be_asked_for(void **state)
{
    struct scene s = scene_v2();

    (void)state;
    assert_true(komtet_queue_build(&s.set, &s.request));
    assert_string_equal(
        s.request.url, "https://kassa.komtet.ru/api/shop/v2/queues/7002");
    assert_string_equal(s.request.method, "GET");
    assert_headers(
        &s.request, "testShop01", "a10d33f154c8cbb0820b9a842d426b9c");
    drop(&s);
}

static void
limits_are_those_of_the_settings(void **state)
{
    struct scene s = scene_make();

    (void)state;
    assert_string_equal(komtet.name, "komtet");
    assert_int_equal(komtet.limits(&s.set).connections, 1);
    assert_int_equal(komtet.limits(&s.set).gap_us, 250000);
    assert_int_equal(komtet.limits(&s.set).hold_ms, 60000);
    assert_int_equal(komtet.limits(&s.set).retry_first_ms, 30000);
    assert_int_equal(komtet.limits(&s.set).retry_longest_ms, 600000);
    assert_int_equal(komtet.limits(&s.set).hosts, 1);
    assert_int_equal(komtet.limits(&s.set).timeout_ms, 30000);
    assert_int_equal(komtet.limits(&s.set).connect_timeout_ms, 10000);
    assert_int_equal(provider_longest_ms(&komtet, &s.set), 30000);
    drop(&s);
}

static void
only_receipts_may_be_sent_again_unasked(void **state)
{
    (void)state;
    assert_true(komtet.repeats_safely);
    assert_null(komtet.build_query);
    assert_false(smspilot.repeats_safely);
    assert_false(smsc.repeats_safely);
}

/* ---- the vectors of the signature ---- */

static json_object *
vectors(void)
{
    static const char path[] =
        MBEV_SOURCE_DIR "/tests/data/komtet-signature-vectors.json";
    json_object *file = json_object_from_file(path), *all = NULL;

    assert_non_null(file);
    assert_true(json_object_object_get_ex(file, "vectors", &all));
    json_object_get(all);
    json_object_put(file);
    return all;
}

static void
all_vectors_of_the_signature_hold(void **state)
{
    json_object *all = vectors();

    (void)state;
    assert_int_equal(json_object_array_length(all), 16);
    for (size_t i = 0; i < json_object_array_length(all); i++) {
        json_object *v = json_object_array_get_idx(all, i);
        const char *method = string_in(v, "method");
        const char *url = string_in(v, "url"), *body = string_in(v, "body");
        const struct md5_part parts[] = { { method, strlen(method) },
            { url, strlen(url) }, { body, strlen(body) } };
        char got[HMAC_MD5_TEXT];

        assert_true(hmac_md5_hex(string_in(v, "secret"), parts, 3, got));
        expect_text(string_in(v, "name"), got, string_in(v, "signature"));
    }
    json_object_put(all);
}

/* Builds the request of a vector, if it is one that we make. */
static bool
build_vector(struct scene *s, json_object *v)
{
    char version[8], what[16], id[32], end[16] = "";
    int n = sscanf(string_in(v, "url"),
        "https://kassa.komtet.ru/api/shop/%2[^/]/%15[^/]/%31[^/]/%15s", version,
        what, id, end);

    if (n < 3 || strcmp(end, "multi-tasks") == 0)
        return false;
    s->set.komtet.version = strdup(version);
    s->set.komtet.secret = strdup(string_in(v, "secret"));
    s->set.komtet.queue = strdup(id);
    assert_non_null(s->set.komtet.version);
    assert_non_null(s->set.komtet.secret);
    assert_non_null(s->set.komtet.queue);
    if (strcmp(end, "task") == 0)
        build(s, string_in(v, "body"));
    else if (strcmp(what, "tasks") == 0)
        assert_true(komtet_track_build(&s->set, id, &s->request));
    else
        assert_true(komtet_queue_build(&s->set, &s->request));
    free(s->set.komtet.version);
    free(s->set.komtet.secret);
    free(s->set.komtet.queue);
    return true;
}

static void
requests_have_the_signatures_of_the_vectors(void **state)
{
    json_object *all = vectors();
    size_t built = 0;

    (void)state;
    for (size_t i = 0; i < json_object_array_length(all); i++) {
        json_object *v = json_object_array_get_idx(all, i);
        struct scene s = scene_make();

        if (build_vector(&s, v)) {
            built++;
            assert_string_equal(s.request.url, string_in(v, "url"));
            assert_string_equal(s.request.method, string_in(v, "method"));
            assert_headers(&s.request, "testShop01", string_in(v, "signature"));
        }
        drop(&s);
    }
    assert_int_equal(built, 13);
    json_object_put(all);
}

/* ---- replies to a receipt ---- */

static void
assert_read(int status, const char *text, enum outcome_class class)
{
    struct outcome out = read_as(status, text);

    if (out.class != class)
        fail_msg("%d %s: class %d instead of %d (%s)", status, text, out.class,
            class, out.why);
    if (class != OUTCOME_ACCEPTED && class != OUTCOME_DUPLICATE)
        assert_string_equal(out.provider_id, "");
    if (class != OUTCOME_ACCEPTED)
        assert_string_not_equal(out.why, "");
}

#define TASK                                                                   \
    "{\"id\":90001,\"external_id\":\"26111\",\"print_queue_id\":7001,"         \
    "\"state\":\"new\"}"

static void
a_task_is_accepted_with_its_id_and_state(void **state)
{
    static const int statuses[] = { 200, 201 };

    (void)state;
    for (size_t i = 0; i < COUNT(statuses); i++) {
        struct outcome out = read_as(statuses[i], TASK);

        assert_int_equal(out.class, OUTCOME_ACCEPTED);
        assert_string_equal(out.provider_id, "90001");
        assert_string_equal(out.state, "new");
        assert_string_equal(out.code, "");
        assert_string_equal(out.words, "");
        assert_string_equal(out.why, "");
    }
}

static void
ids_are_numbers_or_texts(void **state)
{
    static const struct {
        const char *text, *id, *state;
    } rows[] = {
        { "{\"id\":1}", "1", "" },
        { "{\"id\":\"90001\",\"state\":\"done\"}", "90001", "done" },
        { "{\"id\":\"5f0c-7b\",\"state\":null}", "5f0c-7b", "" },
        { "{\"id\":9223372036854775807,\"state\":{}}", "9223372036854775807",
            "" },
        { " {\"state\":\"error\",\"id\":7}\r\n", "7", "error" },
        { "{\"id\":7,\"state\":\"0123456789012345678901234567890123\"}", "7",
            "01234567890123456789012345678901" },
        { "{\"id\":7,\"title\":null,\"x\":[1,{}],\"external_id\":null}", "7",
            "" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct outcome out = read_as(200, rows[i].text);

        expect_number(rows[i].text, out.class, OUTCOME_ACCEPTED);
        expect_text(rows[i].text, out.provider_id, rows[i].id);
        expect_text(rows[i].text, out.state, rows[i].state);
    }
}

static void
a_success_without_an_id_is_unknown(void **state)
{
    static const char *const rows[] = { "{}", "{\"id\":null}", "{\"id\":0}",
        "{\"id\":\"\"}", "{\"id\":-1}", "{\"id\":1.5}", "{\"id\":true}",
        "{\"id\":[1]}", "{\"id\":{\"id\":1}}", "{\"id\":\"../1\"}",
        "{\"id\":\"1 2\"}", "{\"ID\":1}", "{\"state\":\"new\"}",
        "{\"title\":\"t\",\"code\":\"VLD11\",\"description\":\"d\"}",
        "{\"id\":\"" LONG_ID "\"}" };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_read(200, rows[i], OUTCOME_UNKNOWN);
        assert_read(201, rows[i], OUTCOME_UNKNOWN);
    }
}

static void
what_is_not_json_is_unknown(void **state)
{
    static const char *const rows[] = { "", " ", "[]", "[" TASK "]", "null",
        "1", "\"id\"", "OK", "<html>maintenance</html>", "{\"id\":1", TASK "x",
        TASK TASK, "{\"id\":1,\"x\":\"\xFF\"}" };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_read(200, rows[i], OUTCOME_UNKNOWN);
        assert_read(422, rows[i], OUTCOME_UNKNOWN);
    }
}

static void
a_reply_cut_anywhere_is_unknown(void **state)
{
    static const char refusal[] = "{\"title\":\"t\",\"code\":\"VLD11\","
                                  "\"description\":\"d\"}";
    char text[200];

    (void)state;
    for (size_t n = 0; n < strlen(TASK); n++) {
        snprintf(text, sizeof text, "%.*s", (int)n, TASK);
        assert_read(200, text, OUTCOME_UNKNOWN);
    }
    for (size_t n = 0; n < strlen(refusal); n++) {
        snprintf(text, sizeof text, "%.*s", (int)n, refusal);
        assert_read(422, text, OUTCOME_UNKNOWN);
    }
}

static void
an_account_that_is_refused_is_the_configuration(void **state)
{
    static const int statuses[] = { 401, 403, 404 };
    static const char *const bodies[] = { "", "<html>", "{}", TASK,
        "{\"title\":\"t\",\"code\":\"VLD11\",\"description\":\"d\"}" };

    (void)state;
    for (size_t i = 0; i < COUNT(statuses); i++)
        for (size_t j = 0; j < COUNT(bodies); j++)
            assert_read(statuses[i], bodies[j], OUTCOME_CONFIGURATION);
}

static void
too_many_requests_are_taken_later(void **state)
{
    static const char *const bodies[] = { "",
        "<html>Internal Server Error</html>", "{}", TASK,
        "{\"title\":\"t\",\"code\":\"VLD11\",\"description\":\"d\"}" };

    (void)state;
    for (size_t j = 0; j < COUNT(bodies); j++)
        assert_read(429, bodies[j], OUTCOME_TRANSIENT);
}

static void
any_other_status_may_come_after_it_was_accepted(void **state)
{
    static const char *const bodies[] = { "", "{}", TASK,
        "{\"title\":\"t\",\"code\":\"VLD11\",\"description\":\"d\"}" };

    (void)state;
    for (int status = 0; status < 700; status++) {
        bool known = status == 200 || status == 201 || status == 401 ||
                     status == 403 || status == 404 || status == 422 ||
                     status == 429;

        for (size_t j = 0; !known && j < COUNT(bodies); j++)
            assert_read(status, bodies[j], OUTCOME_UNKNOWN);
    }
}

static void
a_refusal_is_told_with_code_and_words(void **state)
{
    static const struct {
        const char *text, *code, *words, *why;
    } rows[] = {
        { "{\"title\":\"Ошибка\",\"code\":\"VLD7\",\"description\":\"Нет\"}",
            "VLD7", "Ошибка: VLD7: Нет",
            "komtet refused it: Ошибка: VLD7: Нет" },
        { "{\"code\":\"VLD7\"}", "VLD7", "VLD7", "komtet refused it: VLD7" },
        { "{\"code\":7,\"title\":null,\"description\":\"d\"}", "7", "7: d",
            "komtet refused it: 7: d" },
        { "{\"title\":\"t\",\"description\":[]}", "", "t",
            "komtet refused it: t" },
        { "{\"error\":\"e\"}", "", "{\"error\":\"e\"}",
            "komtet refused it: {\"error\":\"e\"}" },
        { "{}", "", "{}", "komtet refused it: {}" },
        { "{\"code\":\"VLD1\"}", "VLD1", "VLD1", "komtet refused it: VLD1" },
        { "{\"code\":\"VLD110\"}", "VLD110", "VLD110",
            "komtet refused it: VLD110" },
        { "{\"title\":\"VLD11\"}", "", "VLD11", "komtet refused it: VLD11" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct outcome out = read_as(422, rows[i].text);

        expect_number(rows[i].text, out.class, OUTCOME_PERMANENT);
        expect_text(rows[i].text, out.code, rows[i].code);
        expect_text(rows[i].text, out.words, rows[i].words);
        expect_text(rows[i].text, out.why, rows[i].why);
        expect_text(rows[i].text, out.provider_id, "");
    }
}

/* It might have been VLD11. */
static void
a_refusal_that_cannot_be_read_is_unknown(void **state)
{
    struct outcome out = read_as(422, "<html>");

    (void)state;
    assert_int_equal(out.class, OUTCOME_UNKNOWN);
    assert_string_equal(out.words, "<html>");
    assert_string_equal(
        out.why, "komtet refused it in words that cannot be read: <html>");
}

static void
a_number_that_is_taken_is_a_duplicate(void **state)
{
    struct outcome out =
        read_as(422, "{\"title\":\"Ошибка валидации\",\"code\":\"VLD11\","
                     "\"description\":\"Чек уже существует\"}");

    (void)state;
    assert_int_equal(out.class, OUTCOME_DUPLICATE);
    assert_string_equal(outcome_class_name(out.class), "duplicate");
    assert_string_equal(out.code, "VLD11");
    assert_string_equal(
        out.words, "Ошибка валидации: VLD11: Чек уже существует");
    assert_string_equal(out.why, "komtet has a receipt of this number already: "
                                 "Ошибка валидации: VLD11: Чек уже существует");
    assert_string_equal(out.provider_id, "");
    assert_string_equal(out.state, "");
}

static void
a_duplicate_may_tell_its_task(void **state)
{
    static const struct {
        const char *task, *id, *state;
    } rows[] = {
        { "{\"id\":90001,\"state\":\"done\"}", "90001", "done" },
        { "{\"id\":\"90001\"}", "90001", "" },
        { "{\"id\":null,\"state\":\"done\"}", "", "" },
        { "{\"id\":\"../x\"}", "", "" },
        { "{}", "", "" },
        { "null", "", "" },
        { "90001", "", "" },
        { "[{\"id\":1}]", "", "" },
        { "\"x\"", "", "" },
    };
    char text[200];

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct outcome out;

        snprintf(text, sizeof text, "{\"code\":\"VLD11\",\"task\":%s}",
            rows[i].task);
        out = read_as(422, text);
        expect_number(text, out.class, OUTCOME_DUPLICATE);
        expect_text(text, out.provider_id, rows[i].id);
        expect_text(text, out.state, rows[i].state);
    }
}

static void
the_beginning_of_a_reply_that_nobody_knows_is_kept(void **state)
{
    struct outcome out = read_as(503, "<html>out of order</html>");
    char text[400];

    (void)state;
    assert_string_equal(out.code, "");
    assert_string_equal(out.words, "<html>out of order</html>");
    assert_string_equal(out.why, "komtet answered with HTTP status 503, out of "
                                 "order: <html>out of order</html>");
    snprintf(text, sizeof text, "<%s", times("Ё", 150));
    out = read_as(503, text);
    assert_int_equal(strlen(out.words), 199);
    assert_true(utf8_valid(out.words, strlen(out.words)));
    out = read_as(401, "");
    assert_string_equal(out.words, "");
    assert_string_equal(out.why, "komtet answered with HTTP status 401, shop "
                                 "or secret is wrong");
    times("", 0);
}

static void
long_words_are_cut_on_a_character_boundary(void **state)
{
    static char text[8000];
    struct outcome out;

    (void)state;
    snprintf(text, sizeof text, "{\"code\":\"%s\",\"title\":\"%s\"}",
        "0123456789012345678901234567890123456789", times("Ё", 3000));
    out = read_as(422, text);
    times("", 0);
    assert_int_equal(out.class, OUTCOME_PERMANENT);
    assert_int_equal(strlen(out.code), OUTCOME_CODE);
    assert_true(strlen(out.words) >= OUTCOME_TEXT - 1);
    assert_true(utf8_valid(out.words, strlen(out.words)));
    assert_true(strlen(out.why) >= OUTCOME_TEXT - 1);
    assert_true(utf8_valid(out.why, strlen(out.why)));
}

/* ---- tasks ---- */

/* What was asked for a task, and what came. */
struct asked {
    struct outcome out;
    struct komtet_task task;
};

static struct asked
track(int status, const char *text)
{
    size_t n = strlen(text);
    char *copy = malloc(n + 1);
    struct http_reply reply = { .status = status, .body = copy, .body_len = n };
    struct asked a;

    assert_non_null(copy);
    memcpy(copy, text, n + 1);
    memset(&a, 'x', sizeof a);
    komtet_track_read(&reply, &a.out, &a.task);
    free(copy);
    return a;
}

static struct komtet_task
task_of(const char *text)
{
    struct asked a = track(200, text);

    if (a.out.class != OUTCOME_ACCEPTED)
        fail_msg("%s: %s", text, a.out.why);
    assert_string_equal(a.out.why, "");
    return a.task;
}

static void
assert_no_fiscal_data(const struct komtet_fiscal *f)
{
    assert_string_equal(f->i, "");
    assert_string_equal(f->fn, "");
    assert_string_equal(f->t, "");
    assert_string_equal(f->n, "");
    assert_string_equal(f->fp, "");
    assert_string_equal(f->rn, "");
    assert_string_equal(f->sh, "");
    assert_string_equal(f->shn, "");
    assert_int_equal(f->s_kopecks, KOMTET_NO_SUM);
}

static void
a_done_task_tells_all_of_its_fiscal_data(void **state)
{
    struct komtet_task task = task_of(
        "{\"id\":90001,\"external_id\":\"26111\",\"state\":\"done\","
        "\"error_description\":null,\"fiscal_data\":{\"i\":\"111\","
        "\"fn\":\"9999078900001234\",\"t\":\"20260120T1405\",\"n\":1,"
        "\"fp\":\"0555555555\",\"s\":\"350.50\",\"rn\":\"0000000001012345\","
        "\"sh\":12,\"shn\":34},\"receipt_url\":\"https://ofd.ru/r?a=1&b=2\"}");

    (void)state;
    assert_int_equal(task.stage, KOMTET_DONE);
    assert_true(task.final);
    assert_string_equal(task.id, "90001");
    assert_string_equal(task.number, "26111");
    assert_string_equal(task.state, "done");
    assert_string_equal(task.error, "");
    assert_string_equal(task.link, "https://ofd.ru/r?a=1&b=2");
    assert_string_equal(task.fiscal.i, "111");
    assert_string_equal(task.fiscal.fn, "9999078900001234");
    assert_string_equal(task.fiscal.t, "20260120T1405");
    assert_string_equal(task.fiscal.n, "1");
    assert_string_equal(task.fiscal.fp, "0555555555");
    assert_string_equal(task.fiscal.rn, "0000000001012345");
    assert_string_equal(task.fiscal.sh, "12");
    assert_string_equal(task.fiscal.shn, "34");
    assert_int_equal(task.fiscal.s_kopecks, 35050);
}

static void
members_may_be_null(void **state)
{
    struct komtet_task task = task_of(
        "{\"id\":null,\"external_id\":null,\"state\":\"new\","
        "\"error_description\":null,\"fiscal_data\":{\"i\":null,\"fn\":null,"
        "\"t\":null,\"n\":null,\"fp\":null,\"s\":null,\"rn\":null,"
        "\"sh\":null,\"shn\":null},\"receipt_url\":null}");

    (void)state;
    assert_int_equal(task.stage, KOMTET_OPEN);
    assert_false(task.final);
    assert_string_equal(task.id, "");
    assert_string_equal(task.number, "");
    assert_string_equal(task.error, "");
    assert_string_equal(task.link, "");
    assert_no_fiscal_data(&task.fiscal);
}

static void
fiscal_data_may_be_missing_or_something_else(void **state)
{
    static const char *const rows[] = { "{\"state\":\"done\"}",
        "{\"state\":\"done\",\"fiscal_data\":null}",
        "{\"state\":\"done\",\"fiscal_data\":{}}",
        "{\"state\":\"done\",\"fiscal_data\":[]}",
        "{\"state\":\"done\",\"fiscal_data\":[{\"i\":1}]}",
        "{\"state\":\"done\",\"fiscal_data\":\"i\"}",
        "{\"state\":\"done\",\"fiscal_data\":7}",
        "{\"state\":\"done\",\"fiscal_data\":{\"i\":{},\"fn\":[1]}}",
        "{\"state\":\"done\",\"fiscal_data\":{\"t\":true,\"n\":false}}",
        "{\"state\":\"done\",\"fiscal_data\":{\"fp\":{\"fp\":1},\"s\":[]}}",
        "{\"state\":\"done\",\"fiscal_data\":{\"sh\":[],\"shn\":{}}}" };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct komtet_task task = task_of(rows[i]);

        expect_number(rows[i], task.stage, KOMTET_DONE);
        assert_no_fiscal_data(&task.fiscal);
    }
}

static void
a_failed_task_tells_why(void **state)
{
    struct komtet_task task =
        task_of("{\"id\":90001,\"external_id\":26111,\"state\":\"error\","
                "\"error_description\":\"Смена превысила 24 часа\","
                "\"fiscal_data\":null}");

    (void)state;
    assert_int_equal(task.stage, KOMTET_FAILED);
    assert_true(task.final);
    assert_string_equal(task.error, "Смена превысила 24 часа");
    assert_string_equal(task.number, "26111");
}

static void
states_are_final_or_not(void **state)
{
    static const struct {
        const char *state;
        enum komtet_stage stage;
        bool final;
    } rows[] = {
        { "new", KOMTET_OPEN, false },
        { "pending", KOMTET_OPEN, false },
        { "processing", KOMTET_OPEN, false },
        { "done", KOMTET_DONE, true },
        { "error", KOMTET_FAILED, true },
        { "Done", KOMTET_UNKNOWN, false },
        { "done ", KOMTET_UNKNOWN, false },
        { "cancelled", KOMTET_UNKNOWN, false },
        { "1", KOMTET_UNKNOWN, false },
    };
    char text[100];

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct komtet_task task;

        snprintf(text, sizeof text, "{\"state\":\"%s\"}", rows[i].state);
        task = task_of(text);
        expect_number(text, task.stage, rows[i].stage);
        expect_number(text, task.final, rows[i].final);
        expect_text(text, task.state, rows[i].state);
    }
}

static void
sums_are_kopecks_without_a_float(void **state)
{
    static const struct {
        const char *sum;
        int64_t kopecks;
    } rows[] = {
        { "\"350.50\"", 35050 },
        { "350.50", 35050 },
        { "350.5", 35050 },
        { "350", 35000 },
        { "\"350\"", 35000 },
        { "0.01", 1 },
        { "0.29", 29 },
        { "1.10", 110 },
        { "123456789.12", 12345678912 },
        { "92233720368547758.07", INT64_MAX },
        { "0", 0 },
        { "350.500000", 35050 },
        { "350.505", KOMTET_NO_SUM },
        { "3.5e2", KOMTET_NO_SUM },
        { "-350.50", KOMTET_NO_SUM },
        { "\"350,50\"", KOMTET_NO_SUM },
        { "\"\"", KOMTET_NO_SUM },
        { "null", KOMTET_NO_SUM },
        { "true", KOMTET_NO_SUM },
        { "{}", KOMTET_NO_SUM },
    };
    char text[100];

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        snprintf(text, sizeof text,
            "{\"state\":\"done\",\"fiscal_data\":{\"s\":%s}}", rows[i].sum);
        expect_number(text, task_of(text).fiscal.s_kopecks, rows[i].kopecks);
    }
}

static void
fiscal_texts_are_whole_or_not_there(void **state)
{
    char text[200];

    (void)state;
    snprintf(text, sizeof text,
        "{\"state\":\"done\",\"fiscal_data\":{\"fp\":\"%064d\"}}", 7);
    assert_int_equal(strlen(task_of(text).fiscal.fp), 64);
    snprintf(text, sizeof text,
        "{\"state\":\"done\",\"fiscal_data\":{\"fp\":\"%065d\"}}", 7);
    assert_string_equal(task_of(text).fiscal.fp, "");
}

static void
a_link_is_one_or_not_there(void **state)
{
    static const struct {
        const char *link, *want;
    } rows[] = {
        { "https://a.ru/1", "https://a.ru/1" },
        { "http://a.ru/1?b=c&d=%20#e", "http://a.ru/1?b=c&d=%20#e" },
        { "HTTPS://a.ru", "" },
        { "javascript:alert(1)", "" },
        { "//a.ru", "" },
        { "", "" },
        { "https://a.ru/ b", "" },
        { "https://a.ru/\\u000ab", "" },
        { "https://a.ru/\\u001b[2J", "" },
        { "https://a.ru/\\\"b", "" },
        { "https://a.ru/<b>", "" },
    };
    char text[700];

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        snprintf(text, sizeof text,
            "{\"state\":\"done\",\"receipt_url\":\"%s\"}", rows[i].link);
        expect_text(text, task_of(text).link, rows[i].want);
    }
    snprintf(text, sizeof text,
        "{\"state\":\"done\",\"receipt_url\":\"https://%0503d\"}", 0);
    assert_int_equal(strlen(task_of(text).link), KOMTET_LINK);
    snprintf(text, sizeof text,
        "{\"state\":\"done\",\"receipt_url\":\"https://%0504d\"}", 0);
    assert_string_equal(task_of(text).link, "");
}

static void
a_question_can_fail_in_these_ways(void **state)
{
    static const struct {
        int status;
        const char *text;
        enum outcome_class class;
    } rows[] = {
        { 200, "", OUTCOME_UNKNOWN },
        { 200, "<html>", OUTCOME_UNKNOWN },
        { 200, "{}", OUTCOME_UNKNOWN },
        { 200, "{\"state\":null}", OUTCOME_UNKNOWN },
        { 200, "{\"state\":\"\"}", OUTCOME_UNKNOWN },
        { 200, "{\"state\":{}}", OUTCOME_UNKNOWN },
        { 200, "[{\"state\":\"done\"}]", OUTCOME_UNKNOWN },
        { 201, "{\"state\":\"done\"}", OUTCOME_UNKNOWN },
        { 302, "{\"state\":\"done\"}", OUTCOME_UNKNOWN },
        { 422, "{\"state\":\"done\"}", OUTCOME_UNKNOWN },
        { 401, "{\"state\":\"done\"}", OUTCOME_CONFIGURATION },
        { 403, "", OUTCOME_CONFIGURATION },
        { 404, "{\"state\":\"done\"}", OUTCOME_ABSENT },
        { 404, "", OUTCOME_ABSENT },
        { 429, "", OUTCOME_TRANSIENT },
        { 500, "{\"state\":\"done\"}", OUTCOME_UNKNOWN },
        { 502, "<html>", OUTCOME_UNKNOWN },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct asked a = track(rows[i].status, rows[i].text);

        expect_number(rows[i].text, a.out.class, rows[i].class);
        assert_string_not_equal(a.out.why, "");
        expect_number(rows[i].text, a.task.stage, KOMTET_UNKNOWN);
        assert_false(a.task.final);
        assert_string_equal(a.task.state, "");
        assert_no_fiscal_data(&a.task.fiscal);
    }
}

static void
a_callback_is_a_task(void **state)
{
    json_object *all = vectors();
    struct komtet_task task;
    size_t found = 0;

    (void)state;
    for (size_t i = 0; i < json_object_array_length(all); i++) {
        json_object *v = json_object_array_get_idx(all, i);
        const char *body = string_in(v, "body");

        if (strcmp(string_in(v, "name"), "callback-done") != 0)
            continue;
        found++;
        assert_true(komtet_task_read(body, strlen(body), &task));
        assert_string_equal(task.id, "90001");
        assert_string_equal(task.number, "SDV-1001");
        assert_int_equal(task.stage, KOMTET_DONE);
        assert_string_equal(task.fiscal.fp, "555555555");
        assert_int_equal(task.fiscal.s_kopecks, 35050);
    }
    assert_int_equal(found, 1);
    assert_false(komtet_task_read("{}", 2, &task));
    assert_false(komtet_task_read("", 0, &task));
    json_object_put(all);
}

static void
an_id_that_an_int_cannot_hold_is_left_out_of_the_list(void **state)
{
    static const char *const good[] = { "1", "90001", "2147483647" };
    static const char *const bad[] = { "", "0", "2147483648", "99999999999",
        "abc", "12a", "-5", LONG_ID };

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++)
        assert_string_equal(komtet_int_id(good[i]), good[i]);
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_null(komtet_int_id(bad[i]));
}

static void
a_queue_is_open_or_not(void **state)
{
    static const struct {
        int status;
        const char *text;
        enum outcome_class class;
        bool open;
    } rows[] = {
        { 200, "{\"id\":7001,\"name\":\"Q\",\"state\":\"active\"}",
            OUTCOME_ACCEPTED, true },
        { 200, "{\"id\":7001,\"name\":null,\"state\":\"passive\"}",
            OUTCOME_ACCEPTED, false },
        { 200, "{\"id\":7001,\"state\":\"other\"}", OUTCOME_UNKNOWN, false },
        { 200, "{\"id\":7001,\"state\":null}", OUTCOME_UNKNOWN, false },
        { 200, "{}", OUTCOME_UNKNOWN, false },
        { 200, "", OUTCOME_UNKNOWN, false },
        { 404, "{\"state\":\"active\"}", OUTCOME_CONFIGURATION, false },
        { 401, "", OUTCOME_CONFIGURATION, false },
        { 503, "", OUTCOME_UNKNOWN, false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct http_reply reply = { .status = rows[i].status,
            .body = rows[i].text,
            .body_len = strlen(rows[i].text) };
        struct outcome out;
        bool open = !rows[i].open;

        komtet_queue_read(&reply, &out, &open);
        expect_number(rows[i].text, out.class, rows[i].class);
        expect_number(rows[i].text, open, rows[i].open);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_v1_receipt_has_just_these_members),
        cmocka_unit_test(a_v2_receipt_has_just_these_members),
        cmocka_unit_test(a_v1_receipt_can_have_more),
        cmocka_unit_test(a_v2_receipt_can_have_more),
        cmocka_unit_test(a_v1_receipt_can_look_as_once),
        cmocka_unit_test(v2_has_nothing_of_that),
        cmocka_unit_test(the_number_stands_between_head_and_tail),
        cmocka_unit_test(a_login_cannot_leave_its_text),
        cmocka_unit_test(what_a_till_cannot_print_is_replaced),
        cmocka_unit_test(every_byte_makes_json_and_utf8),
        cmocka_unit_test(no_other_text_can_leave_its_place),
        cmocka_unit_test(a_name_is_cut_after_128_characters),
        cmocka_unit_test(the_name_is_that_of_the_settings),
        cmocka_unit_test(a_name_beyond_all_bounds_makes_no_receipt),
        cmocka_unit_test(a_cashier_is_named_as_the_settings_say),
        cmocka_unit_test(v2_tells_a_phone_from_an_email),
        cmocka_unit_test(amounts_have_two_decimals_at_any_size),
        cmocka_unit_test(nothing_and_less_make_no_receipt),
        cmocka_unit_test(the_request_goes_where_the_settings_say),
        cmocka_unit_test(the_body_goes_out_as_it_is),
        cmocka_unit_test(a_recorded_request_of_the_kit_is_signed_as_it_was),
        cmocka_unit_test(
            it_is_signed_for_the_address_that_komtet_believes_it_has),
        cmocka_unit_test(the_secret_itself_is_never_sent),
        cmocka_unit_test(what_does_not_fit_is_not_sent),
        cmocka_unit_test(a_task_is_asked_for_by_the_id_that_komtet_gave),
        cmocka_unit_test(what_is_no_id_is_not_asked_for),
        cmocka_unit_test(the_queue_can_be_asked_for),
        cmocka_unit_test(limits_are_those_of_the_settings),
        cmocka_unit_test(only_receipts_may_be_sent_again_unasked),
        cmocka_unit_test(all_vectors_of_the_signature_hold),
        cmocka_unit_test(requests_have_the_signatures_of_the_vectors),
        cmocka_unit_test(a_task_is_accepted_with_its_id_and_state),
        cmocka_unit_test(ids_are_numbers_or_texts),
        cmocka_unit_test(a_success_without_an_id_is_unknown),
        cmocka_unit_test(what_is_not_json_is_unknown),
        cmocka_unit_test(a_reply_cut_anywhere_is_unknown),
        cmocka_unit_test(an_account_that_is_refused_is_the_configuration),
        cmocka_unit_test(too_many_requests_are_taken_later),
        cmocka_unit_test(any_other_status_may_come_after_it_was_accepted),
        cmocka_unit_test(a_refusal_is_told_with_code_and_words),
        cmocka_unit_test(a_refusal_that_cannot_be_read_is_unknown),
        cmocka_unit_test(a_number_that_is_taken_is_a_duplicate),
        cmocka_unit_test(a_duplicate_may_tell_its_task),
        cmocka_unit_test(the_beginning_of_a_reply_that_nobody_knows_is_kept),
        cmocka_unit_test(long_words_are_cut_on_a_character_boundary),
        cmocka_unit_test(a_done_task_tells_all_of_its_fiscal_data),
        cmocka_unit_test(members_may_be_null),
        cmocka_unit_test(fiscal_data_may_be_missing_or_something_else),
        cmocka_unit_test(a_failed_task_tells_why),
        cmocka_unit_test(states_are_final_or_not),
        cmocka_unit_test(sums_are_kopecks_without_a_float),
        cmocka_unit_test(fiscal_texts_are_whole_or_not_there),
        cmocka_unit_test(a_link_is_one_or_not_there),
        cmocka_unit_test(a_question_can_fail_in_these_ways),
        cmocka_unit_test(a_callback_is_a_task),
        cmocka_unit_test(an_id_that_an_int_cannot_hold_is_left_out_of_the_list),
        cmocka_unit_test(a_queue_is_open_or_not),
    };

    return cmocka_run_group_tests_name("komtet", tests, NULL, NULL);
}
