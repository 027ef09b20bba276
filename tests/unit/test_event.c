/* event: a captured change, read from the JSON that the triggers wrote. */
#include "unit.h"

#include "event.h"

/* Members of a body, as the trigger on bugh_plategi_stat writes them. */
#define TABLE "\"table\":\"bugh_plategi_stat\","
#define ID "\"id\":501,"
#define UID "\"uid\":1001,"
#define DATE "\"date\":\"2026-11-23 20:24:00\","
#define AGE "\"age_s\":7,"
#define SUM "\"summa\":100.500000,"
#define KOPECKS "\"kopecks\":10050"
#define TYPE ",\"type\":5"
#define BEFORE ",\"before\":-3.000000"

static const char payment[] =
    "{\"v\":1," TABLE ID UID DATE AGE SUM KOPECKS TYPE BEFORE
    ",\"who\":3,\"comment\":\"Касса №1\"}";

static const char KEY[] =
    "payment:bugh_plategi_stat:501:1001:2026-11-23 20:24:00:100.500000";

static const struct civil NO_DATE;

static struct event
parsed(const char *kind, const char *body)
{
    struct event e;

    if (!event_parse(&e, kind, body))
        fail_msg("%s: %s", body, e.problem);
    assert_string_equal(e.problem, "");
    return e;
}

static void
assert_date(const char *label, const struct event *e, const char *want)
{
    char text[CIVIL_TEXT];

    expect_text(label, civil_print(&e->date, text), want);
}

static void
a_payment_is_read(void **state)
{
    struct event e = parsed("payment", payment);

    (void)state;
    assert_int_equal(e.kind, EVENT_PAYMENT);
    assert_int_equal(e.uid, 1001);
    assert_int_equal(e.row_id, 501);
    assert_int_equal(e.age_s, 7);
    assert_int_equal(e.kopecks, 10050);
    assert_int_equal(e.millionths, 100500000);
    assert_int_equal(e.before_millionths, -3000000);
    assert_int_equal(e.type, 5);
    assert_date("date", &e, "2026-11-23 20:24:00");
    assert_string_equal(e.source_key, KEY);
}

static void
every_kind_that_has_a_row_is_read(void **state)
{
    static const char *const kinds[] = { "payment", "refund", "api_payment",
        "api_refund", "credit_limit", "credit" };

    (void)state;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct event e = parsed(kinds[i], payment);
        size_t n = strlen(kinds[i]);

        expect_text("kind", event_kind_name(e.kind), kinds[i]);
        expect_number(kinds[i], e.row_id, 501);
        expect_number(kinds[i], strncmp(e.source_key, kinds[i], n), 0);
        expect_text(kinds[i], e.source_key + n, KEY + strlen("payment"));
    }
}

static void
a_tariff_change_has_no_row_and_no_key(void **state)
{
    struct event e = parsed("tariff_change",
        "{\"v\":1,\"table\":\"users\",\"uid\":1001,\"gid_old\":5,"
        "\"gid_new\":6}");

    (void)state;
    assert_int_equal(e.kind, EVENT_TARIFF_CHANGE);
    assert_int_equal(e.uid, 1001);
    assert_int_equal(e.row_id, 0);
    assert_int_equal(e.kopecks, 0);
    assert_int_equal(e.before_millionths, 0);
    assert_int_equal(e.type, 0);
    assert_memory_equal(&e.date, &NO_DATE, sizeof NO_DATE);
    assert_string_equal(e.source_key, "");
}

static void
a_change_of_state_is_its_subscriber(void **state)
{
    static const char *const kinds[] = { "freeze", "unfreeze", "block",
        "unblock", "delete" };

    (void)state;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct event e = parsed(kinds[i],
            "{\"v\":1,\"table\":\"users\",\"uid\":1001,\"state_old\":1,"
            "\"state_new\":2}");

        assert_int_equal(e.kind, event_kind_of(kinds[i]));
        assert_true(event_kind_is_state(e.kind));
        assert_false(event_kind_has_row(e.kind));
        assert_int_equal(e.uid, 1001);
        assert_string_equal(e.source_key, "");
    }
}

static void
real_ip_is_on_when_it_became_1(void **state)
{
    (void)state;
    for (int now = 0; now <= 2; now++) {
        char body[100];
        struct event e;

        snprintf(body, sizeof body,
            "{\"v\":1,\"table\":\"users\",\"uid\":1001,\"real_ip_old\":%d,"
            "\"real_ip_new\":%d}",
            now == 0, now);
        e = parsed("real_ip", body);
        assert_int_equal(e.kind, EVENT_REAL_IP);
        assert_int_equal(e.on, now == 1);
    }
}

/* Its beginning is a row of the billing, its end is not. */
static void
turbo_begins_and_ends(void **state)
{
    struct event e = parsed("turbo",
        "{\"v\":1,\"table\":\"bugh_uslugi_stat\",\"id\":7,\"uid\":1001,"
        "\"date\":\"2026-11-24 12:30:00\",\"age_s\":0,\"usluga\":3,"
        "\"summa\":null}");

    (void)state;
    assert_true(e.on);
    assert_int_equal(e.row_id, 7);
    assert_string_equal(
        e.source_key, "turbo:bugh_uslugi_stat:7:1001:2026-11-24 12:30:00:null");
    e = parsed("turbo", "{\"v\":1,\"table\":\"bugh_uslugi_stat\",\"id\":7,"
                        "\"uid\":1001,\"usluga\":3,\"ended\":1}");
    assert_false(e.on);
    assert_int_equal(e.row_id, 0);
    assert_string_equal(e.source_key, "");
}

static void
a_row_that_left_tells_where_it_was(void **state)
{
    static const char longer[] =
        "{\"uid\":1,\"gid\":5,\"table\":\"a_name_longer"
        "_than_tables_have_here\"}";
    static const char *const bad[] = { "{\"uid\":1,\"gid\":5}",
        "{\"uid\":1,\"table\":\"users\"}", "{\"table\":\"users\",\"gid\":5}",
        "{\"uid\":1,\"table\":\"\",\"gid\":5}", "[]", "", longer };
    char table[EVENT_TABLE + 1];
    struct event e;

    (void)state;
    assert_true(event_parse_move(&e, table,
        "{\"v\":1,\"table\":\"usersfreeze\",\"uid\":1001,\"gid\":5}"));
    assert_int_equal(e.kind, EVENT_KINDS);
    assert_int_equal(e.uid, 1001);
    assert_int_equal(e.gid, 5);
    assert_string_equal(table, "usersfreeze");
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_false(event_parse_move(&e, table, bad[i]));
        assert_true(*e.problem);
    }
}

static void
kinds_have_names_of_their_own(void **state)
{
    (void)state;
    for (enum event_kind kind = 0; kind < EVENT_KINDS; kind++) {
        assert_non_null(event_kind_name(kind));
        assert_int_equal(event_kind_of(event_kind_name(kind)), kind);
    }
    assert_null(event_kind_name(EVENT_KINDS));
    assert_int_equal(event_kind_of(""), EVENT_KINDS);
    assert_int_equal(event_kind_of("Payment"), EVENT_KINDS);
    assert_int_equal(event_kind_of("payment "), EVENT_KINDS);
}

static void
an_unknown_kind_keeps_its_subscriber(void **state)
{
    struct event e;

    (void)state;
    assert_false(event_parse(&e, "wedding", payment));
    assert_int_equal(e.kind, EVENT_KINDS);
    assert_int_equal(e.uid, 1001);
    assert_string_equal(e.problem, "this version knows no such kind of event");
    assert_string_equal(e.source_key, "");
}

static void
the_same_row_gives_the_same_key(void **state)
{
    struct event later = parsed("payment",
        "{" KOPECKS "," SUM "\"age_s\":86400," DATE UID ID TABLE
        "\"before\":1.5,\"type\":6,\"comment\":null,\"late\":true}");

    (void)state;
    assert_string_equal(later.source_key, KEY);
}

static void
another_row_gives_another_key(void **state)
{
    static const struct {
        const char *differs;
        const char *body;
    } others[] = {
        { "row", "{" TABLE "\"id\":502," UID DATE AGE SUM KOPECKS "}" },
        { "subscriber", "{" TABLE ID "\"uid\":1002," DATE AGE SUM KOPECKS "}" },
        { "date", "{" TABLE ID UID
                  "\"date\":\"2026-11-23 20:24:01\"," AGE SUM KOPECKS "}" },
        { "sum",
            "{" TABLE ID UID DATE AGE "\"summa\":100.500001," KOPECKS "}" },
        { "sign",
            "{" TABLE ID UID DATE AGE "\"summa\":-100.500000," KOPECKS "}" },
        { "sum is null",
            "{" TABLE ID UID DATE AGE "\"summa\":null," KOPECKS "}" },
        { "table",
            "{\"table\":\"bugh_uslugi_stat\"," ID UID DATE AGE SUM KOPECKS
            "}" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(others); i++) {
        struct event e = parsed("payment", others[i].body);

        if (strcmp(e.source_key, KEY) == 0)
            fail_msg("another %s gives the same key", others[i].differs);
    }
    assert_string_not_equal(parsed("refund", payment).source_key, KEY);
}

static void
the_largest_row_has_a_key_that_fits(void **state)
{
    struct event e = parsed("credit_limit",
        "{" TABLE "\"id\":9223372036854775807,\"uid\":9223372036854775807,"
        "\"date\":\"2026-11-23 20:24:00\",\"age_s\":-5,"
        "\"summa\":-9223372036854.775808,\"kopecks\":-922337203685478}");

    (void)state;
    assert_true(e.row_id == INT64_MAX);
    assert_true(e.uid == INT64_MAX);
    assert_true(e.millionths == INT64_MIN);
    assert_int_equal(e.age_s, -5);
    assert_string_equal(e.source_key,
        "credit_limit:bugh_plategi_stat:9223372036854775807:"
        "9223372036854775807:2026-11-23 20:24:00:-9223372036854.775808");
}

static void
a_null_sum_and_a_null_age_are_zero(void **state)
{
    struct event e = parsed("payment",
        "{" TABLE ID UID "\"date\":\"0000-00-00 00:00:00\",\"age_s\":null,"
        "\"summa\":null,\"kopecks\":null,\"before\":null,\"type\":null}");

    (void)state;
    assert_int_equal(e.age_s, 0);
    assert_int_equal(e.kopecks, 0);
    assert_int_equal(e.millionths, 0);
    assert_int_equal(e.before_millionths, 0);
    assert_int_equal(e.type, 0);
    assert_string_equal(e.source_key,
        "payment:bugh_plategi_stat:501:1001:0000-00-00 00:00:00:null");
}

static void
absent_amounts_are_zero(void **state)
{
    struct event e =
        parsed("payment", "{" TABLE ID UID DATE "\"comment\":\"\"}");

    (void)state;
    assert_int_equal(e.kopecks, 0);
    assert_int_equal(e.millionths, 0);
    assert_int_equal(e.before_millionths, 0);
    assert_int_equal(e.type, 0);
}

static void
amounts_are_exact_to_the_millionth(void **state)
{
    static const struct {
        const char *summa;
        int64_t millionths;
    } sums[] = {
        { "0.000000", 0 },
        { "0.000001", 1 },
        { "-0.000001", -1 },
        { "9.999999", 9999999 },
        { "10", 10000000 },
        { "0.1", 100000 },
        { "0.3", 300000 },
        { "2.675", 2675000 },
        { "\"12.34\"", 12340000 },
        { "1234567890.123456", 1234567890123456 },
        { "9007199254.740993", 9007199254740993 },
        { "9223372036854.775807", INT64_MAX },
        { "-9223372036854.775808", INT64_MIN },
    };
    char body[300];

    (void)state;
    for (size_t i = 0; i < COUNT(sums); i++) {
        snprintf(body, sizeof body,
            "{" TABLE ID UID DATE AGE "\"summa\":%s," KOPECKS "}",
            sums[i].summa);
        expect_number(sums[i].summa, parsed("payment", body).millionths,
            sums[i].millionths);
        snprintf(body, sizeof body,
            "{" TABLE ID UID DATE AGE SUM KOPECKS ",\"before\":%s}",
            sums[i].summa);
        expect_number(sums[i].summa, parsed("payment", body).before_millionths,
            sums[i].millionths);
    }
}

static void
api_is_one_of_two_by_its_sign(void **state)
{
    static const struct {
        const char *summa;
        enum event_kind kind;
    } sums[] = {
        { "50", EVENT_API_PAYMENT },
        { "0.000000", EVENT_API_PAYMENT },
        { "null", EVENT_API_PAYMENT },
        { "-0.000001", EVENT_API_REFUND },
        { "-50", EVENT_API_REFUND },
    };
    char body[300];

    (void)state;
    for (size_t i = 0; i < COUNT(sums); i++) {
        struct event e;
        const char *name = event_kind_name(sums[i].kind);

        snprintf(body, sizeof body,
            "{" TABLE ID UID DATE AGE "\"summa\":%s," KOPECKS "}",
            sums[i].summa);
        e = parsed("api", body);
        expect_number(sums[i].summa, e.kind, sums[i].kind);
        assert_memory_equal(e.source_key, name, strlen(name));
    }
}

static void
the_type_is_any_whole_number(void **state)
{
    static const int64_t types[] = { 0, 1, 62, 255, -1, INT64_MAX, INT64_MIN };
    char body[300];

    (void)state;
    for (size_t i = 0; i < COUNT(types); i++) {
        snprintf(body, sizeof body,
            "{" TABLE ID UID DATE AGE SUM KOPECKS ",\"type\":%lld}",
            (long long)types[i]);
        expect_number(body, parsed("payment", body).type, types[i]);
    }
}

static void
a_date_may_have_a_fraction_or_no_time(void **state)
{
    static const struct {
        const char *date, *want;
    } dates[] = {
        { "2026-11-23 20:24:59.999", "2026-11-23 20:24:59" },
        { "2026-11-23", "2026-11-23 00:00:00" },
        { "2028-02-29 23:59:59", "2028-02-29 23:59:59" },
    };
    char body[300];

    (void)state;
    for (size_t i = 0; i < COUNT(dates); i++) {
        struct event e;

        snprintf(body, sizeof body,
            "{" TABLE ID UID "\"date\":\"%s\"," AGE SUM KOPECKS "}",
            dates[i].date);
        e = parsed("payment", body);
        assert_date(dates[i].date, &e, dates[i].want);
    }
}

/* The row counts all the same: it has a key. */
static void
a_date_that_does_not_exist_is_none(void **state)
{
    static const char *const dates[] = { "0000-00-00 00:00:00", "0000-00-00",
        "2026-02-29 10:00:00", "2026-11-23 24:00:00", "", "now" };
    char body[300];

    (void)state;
    for (size_t i = 0; i < COUNT(dates); i++) {
        struct event e;

        snprintf(body, sizeof body,
            "{" TABLE ID UID "\"date\":\"%s\"," AGE SUM KOPECKS "}", dates[i]);
        e = parsed("payment", body);
        assert_memory_equal(&e.date, &NO_DATE, sizeof NO_DATE);
        if (!strstr(e.source_key, dates[i]))
            fail_msg("%s is not in \"%s\"", dates[i], e.source_key);
    }
}

struct bad {
    const char *body;
    uint64_t uid;
};

static void
assert_problem(const struct bad *bad, size_t n, const char *problem)
{
    for (size_t i = 0; i < n; i++) {
        struct event e;

        if (event_parse(&e, "payment", bad[i].body))
            fail_msg("%s is taken", bad[i].body);
        expect_text(bad[i].body, e.problem, problem);
        expect_number(bad[i].body, e.uid, bad[i].uid);
    }
}

static void
what_is_not_json_is_told(void **state)
{
    static const struct bad bad[] = {
        { "", 0 },
        { "nonsense", 0 },
        { "{" UID, 0 },
        { "{\"uid\":1001", 0 },
        { "{\"uid\" 1001}", 0 },
        { "{\"uid\":1001,\"comment\":\"cut", 0 },
        { "{\"uid\":1001,\"x\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
          "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}",
            0 },
    };

    (void)state;
    assert_problem(bad, COUNT(bad), "the body is not JSON");
}

static void
json_that_is_no_object_is_told(void **state)
{
    static const struct bad bad[] = { { "[]", 0 }, { "1001", 0 },
        { "\"uid\"", 0 },
        { "["
          "{\"uid\":1001}"
          "]",
            0 },
        { "true", 0 } };

    (void)state;
    assert_problem(bad, COUNT(bad), "the body is not a JSON object");
}

static void
a_missing_subscriber_is_told(void **state)
{
    static const char *const uids[] = { "null", "0", "-1", "1.5", "true",
        "\"\"", "\"1001abc\"", "{}", "[1001]", "9223372036854775808",
        "99999999999999999999" };
    char body[300];
    struct bad bad = { body, 0 };

    (void)state;
    for (size_t i = 0; i < COUNT(uids); i++) {
        snprintf(body, sizeof body,
            "{" TABLE ID "\"uid\":%s," DATE AGE SUM KOPECKS "}", uids[i]);
        assert_problem(&bad, 1, "the body has no uid");
    }
    bad.body = "{}";
    assert_problem(&bad, 1, "the body has no uid");
}

static void
a_missing_row_number_is_told(void **state)
{
    static const struct bad bad[] = {
        { "{" TABLE UID DATE AGE SUM KOPECKS "}", 1001 },
        { "{" TABLE "\"id\":null," UID DATE AGE SUM KOPECKS "}", 1001 },
        { "{" TABLE "\"id\":0," UID DATE AGE SUM KOPECKS "}", 1001 },
        { "{" TABLE "\"id\":-5," UID DATE AGE SUM KOPECKS "}", 1001 },
        { "{" TABLE "\"id\":\"x\"," UID DATE AGE SUM KOPECKS "}", 1001 },
    };

    (void)state;
    assert_problem(bad, COUNT(bad), "the body has no id");
}

static void
a_number_that_is_none_is_told(void **state)
{
    static const struct bad bad[] = {
        { "{" TABLE ID UID DATE "\"age_s\":1.5," SUM KOPECKS "}", 1001 },
        { "{" TABLE ID UID DATE "\"age_s\":\"old\"," SUM KOPECKS "}", 1001 },
        { "{" TABLE ID UID DATE AGE SUM "\"kopecks\":100.5}", 1001 },
        { "{" TABLE ID UID DATE AGE SUM "\"kopecks\":true}", 1001 },
        { "{" TABLE ID UID DATE AGE "\"summa\":\"abc\"," KOPECKS "}", 1001 },
        { "{" TABLE ID UID DATE AGE "\"summa\":1e5," KOPECKS "}", 1001 },
        { "{" TABLE ID UID DATE AGE "\"summa\":1.0000001," KOPECKS "}", 1001 },
        { "{" TABLE ID UID DATE AGE "\"summa\":{}," KOPECKS "}", 1001 },
        { "{" TABLE ID UID DATE AGE "\"summa\":NaN," KOPECKS "}", 1001 },
        { "{" TABLE ID UID DATE AGE "\"summa\":9223372036854.775808," KOPECKS
          "}",
            1001 },
        { "{" TABLE ID UID DATE AGE SUM KOPECKS ",\"before\":\"much\"}", 1001 },
        { "{" TABLE ID UID DATE AGE SUM KOPECKS ",\"before\":1e5}", 1001 },
        { "{" TABLE ID UID DATE AGE SUM KOPECKS ",\"before\":0.0000001}",
            1001 },
        { "{" TABLE ID UID DATE AGE SUM KOPECKS
          ",\"before\":-9223372036854.775809}",
            1001 },
        { "{" TABLE ID UID DATE AGE SUM KOPECKS ",\"type\":\"\"}", 1001 },
        { "{" TABLE ID UID DATE AGE SUM KOPECKS ",\"type\":5.5}", 1001 },
        { "{" TABLE ID UID DATE AGE SUM KOPECKS ",\"type\":true}", 1001 },
        { "{" TABLE ID UID DATE AGE SUM KOPECKS ",\"type\":[5]}", 1001 },
    };

    (void)state;
    assert_problem(bad, COUNT(bad),
        "age_s, kopecks, summa, before, type or who is not such a "
        "number");
}

static void
a_missing_table_or_date_is_told(void **state)
{
    static const struct bad bad[] = {
        { "{" ID UID DATE AGE SUM KOPECKS "}", 1001 },
        { "{\"table\":null," ID UID DATE AGE SUM KOPECKS "}", 1001 },
        { "{\"table\":\"a'b\"," ID UID DATE AGE SUM KOPECKS "}", 1001 },
        { "{\"table\":\"a|b\"," ID UID DATE AGE SUM KOPECKS "}", 1001 },
        { "{\"table\":\"таблица\"," ID UID DATE AGE SUM KOPECKS "}", 1001 },
        { "{" TABLE ID UID AGE SUM KOPECKS "}", 1001 },
        { "{" TABLE ID UID "\"date\":null," AGE SUM KOPECKS "}", 1001 },
        { "{" TABLE ID UID "\"date\":\"a\\nb\"," AGE SUM KOPECKS "}", 1001 },
    };

    (void)state;
    assert_problem(bad, COUNT(bad), "the body has no table or date");
}

static void
a_key_that_would_not_fit_is_told(void **state)
{
    static const struct bad bad = {
        "{\"table\":\"a_table_with_a_name_that_is_so_long_that_nobody_would_"
        "ever_have_thought_of_it\"," ID UID DATE AGE SUM KOPECKS "}",
        1001,
    };

    (void)state;
    assert_problem(&bad, 1, "table, date and sum make no usable key");
}

static void
a_row_that_was_changed_is_told_from_another_of_its_number(void **state)
{
    static const struct {
        const char *key;
        bool alike;
    } rows[] = {
        { KEY, true },
        /* changed: the kind, the sum, the subscriber, the date */
        { "refund:bugh_plategi_stat:501:1001:2026-11-23 20:24:00:100.500000",
            true },
        { "payment:bugh_plategi_stat:501:1001:2026-11-23 20:24:00:99.000000",
            true },
        { "payment:bugh_plategi_stat:501:7:2026-11-23 20:24:00:100.500000",
            true },
        { "payment:bugh_plategi_stat:501:1001:2026-11-24 20:24:00:100.500000",
            true },
        { "payment:bugh_plategi_stat:501:1001:0000-00-00 00:00:00:100.500000",
            true },
        /* another row */
        { "payment:bugh_plategi_stat:501:7:2026-11-24 20:24:00:100.500000",
            false },
        { "payment:bugh_plategi_stat:501:1001:2026-11-24 20:24:00:99.000000",
            false },
        { "payment:bugh_plategi_stat:502:1001:2026-11-23 20:24:00:100.500000",
            false },
        { "payment:bugh_plategi_stat:50:1001:2026-11-23 20:24:00:100.500000",
            false },
        { "credit:bugh_uslugi_stat:501:1001:2026-11-23 20:24:00:100.500000",
            false },
        /* no identity */
        { "", false },
        { ":", false },
        { "payment:bugh_plategi_stat:501:1001", false },
        { "payment:bugh_plategi_stat:501:1001:", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (event_keys_alike(KEY, rows[i].key) != rows[i].alike ||
            event_keys_alike(rows[i].key, KEY) != rows[i].alike)
            fail_msg("%s", rows[i].key);
    }
}

static void
the_row_stands_in_the_key(void **state)
{
    static const char *const bad[] = { "", "payment",
        "payment:", "payment::7:", "payment:bugh_plategi_stat",
        "payment:bugh_plategi_stat:x:1001",
        "payment:a_table_whose_name_is_far_too_long_for_any:7:1001" };
    char table[EVENT_TABLE + 1];
    uint64_t row_id;

    (void)state;
    assert_true(event_source(KEY, table, &row_id));
    assert_string_equal(table, "bugh_plategi_stat");
    assert_int_equal(row_id, strtoull(strstr(KEY, "stat:") + 5, NULL, 10));
    for (size_t i = 0; i < COUNT(bad); i++)
        if (event_source(bad[i], table, &row_id))
            fail_msg("%s names %s", bad[i], table);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            a_row_that_was_changed_is_told_from_another_of_its_number),
        cmocka_unit_test(a_payment_is_read),
        cmocka_unit_test(every_kind_that_has_a_row_is_read),
        cmocka_unit_test(a_tariff_change_has_no_row_and_no_key),
        cmocka_unit_test(a_change_of_state_is_its_subscriber),
        cmocka_unit_test(real_ip_is_on_when_it_became_1),
        cmocka_unit_test(turbo_begins_and_ends),
        cmocka_unit_test(a_row_that_left_tells_where_it_was),
        cmocka_unit_test(kinds_have_names_of_their_own),
        cmocka_unit_test(an_unknown_kind_keeps_its_subscriber),
        cmocka_unit_test(the_same_row_gives_the_same_key),
        cmocka_unit_test(another_row_gives_another_key),
        cmocka_unit_test(the_largest_row_has_a_key_that_fits),
        cmocka_unit_test(a_null_sum_and_a_null_age_are_zero),
        cmocka_unit_test(absent_amounts_are_zero),
        cmocka_unit_test(amounts_are_exact_to_the_millionth),
        cmocka_unit_test(api_is_one_of_two_by_its_sign),
        cmocka_unit_test(the_type_is_any_whole_number),
        cmocka_unit_test(a_date_may_have_a_fraction_or_no_time),
        cmocka_unit_test(a_date_that_does_not_exist_is_none),
        cmocka_unit_test(what_is_not_json_is_told),
        cmocka_unit_test(json_that_is_no_object_is_told),
        cmocka_unit_test(a_missing_subscriber_is_told),
        cmocka_unit_test(a_missing_row_number_is_told),
        cmocka_unit_test(a_number_that_is_none_is_told),
        cmocka_unit_test(a_missing_table_or_date_is_told),
        cmocka_unit_test(a_key_that_would_not_fit_is_told),
        cmocka_unit_test(the_row_stands_in_the_key),
    };

    return cmocka_run_group_tests_name("event", tests, NULL, NULL);
}
