/*
 * envelope: events as they are handed on.
 */
#include "unit.h"

#include "envelope.h"

static const struct envelope plain = {
    .id = 7,
    .identity =
        "payment:bugh_plategi_stat:12:1001:2026-11-23 20:24:00:150.500000",
    .uid = 1001,
    .captured_utc = "2026-11-23 15:24:00.123",
    .body = "{}",
};

#define HEAD                                                                   \
    "{\"version\":1,\"id\":7,\"key\":\"payment:bugh_plategi_stat:12:1001:"     \
    "2026-11-23_20:24:00:150_500000\",\"kind\":\"payment\",\"uid\":1001,"      \
    "\"captured_utc\":\"2026-11-23T15:24:00.123Z\",\"row\":"

/* The envelope around a body; NULL = there is none. */
static char *
around(const char *body, size_t most)
{
    struct envelope envelope = plain;
    struct bytes out = bytes_make(most);
    char *text = NULL;

    envelope.body = body;
    if (envelope_print(&out, &envelope))
        text = strdup(bytes_text(&out));
    bytes_free(&out);
    return text;
}

static void
assert_row(const char *body, const char *want)
{
    char *got = around(body, 100000), all[2000];

    snprintf(all, sizeof all, HEAD "%s}", want);
    if (!got)
        fail_msg("%s: no envelope", body);
    expect_text(body, got, all);
    free(got);
}

static void
it_says_what_happened_to_whom_and_when(void **state)
{
    (void)state;
    assert_row("{}", "{}");
    assert_row("{\"v\":1,\"uid\":1001}", "{\"v\":1,\"uid\":1001}");
}

static void
a_change_of_users_is_named_by_its_time(void **state)
{
    char text[EVENT_KEY + 1];

    (void)state;
    assert_string_equal(
        envelope_key("tariff_change:1001:2026-11-23 15:24:00.123", text),
        "tariff_change:1001:2026-11-23_15:24:00_123");
    assert_string_equal(
        envelope_kind("tariff_change:1001:2026-11-23 15:24:00.123", text),
        "tariff_change");
}

static void
a_number_that_is_not_whole_becomes_a_string(void **state)
{
    (void)state;
    assert_row("{\"summa\":150.500000,\"kopecks\":15050}",
        "{\"summa\":\"150.500000\",\"kopecks\":15050}");
    assert_row("{\"a\":[-0.5,1e3,1E-7,-0,20]}",
        "{\"a\":[\"-0.5\",\"1e3\",\"1E-7\",-0,20]}");
    assert_row("{\"a\":18446744073709551615}", "{\"a\":18446744073709551615}");
}

static void
texts_are_left_as_they_are(void **state)
{
    (void)state;
    assert_row("{\"c\":\"1.5 \\\"руб\\\" \\u0041 {[,\"}",
        "{\"c\":\"1.5 \\\"руб\\\" \\u0041 {[,\"}");
    assert_row(" { \"a\" : null , \"b\":\ttrue,\"c\":[ ],\"d\": false } ",
        "{\"a\":null,\"b\":true,\"c\":[],\"d\":false}");
}

static void
what_is_no_object_has_no_envelope(void **state)
{
    static const char *const wrong[] = { "", "null", "[]", "1", "{", "{}}",
        "{}{}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{'a':1}",
        "{\"a\":01}", "{\"a\":1.}", "{\"a\":.5}", "{\"a\":+1}", "{\"a\":-}",
        "{\"a\":1e}", "{\"a\":NaN}", "{\"a\":\"\n\"}", "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12\"}", "{\"a\":\"", "{\"a\":\"\\", "{\"a\":\"\xFF\"}",
        "{\"a\":tru}", "{\"a\":[1,]}", "{\"a\":[1}", "{\"a\":1 \"b\":2}",
        "[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]",
        "{\"a\":[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]}" };

    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        char *got = around(wrong[i], 100000);

        if (got)
            fail_msg("%s: %s", wrong[i], got);
    }
}

static void
one_that_does_not_fit_is_none(void **state)
{
    char *whole = around("{\"a\":1}", 100000);
    size_t n = strlen(whole);

    (void)state;
    for (size_t most = 0; most < n; most++)
        assert_null(around("{\"a\":1}", most));
    free(whole);
    whole = around("{\"a\":1}", n);
    assert_non_null(whole);
    free(whole);
}

static void
one_above_the_bound_is_none(void **state)
{
    char *body = malloc(ENVELOPE_LARGEST + 100);

    (void)state;
    assert_non_null(body);
    strcpy(body, "{\"a\":\"");
    memset(body + 6, 'x', ENVELOPE_LARGEST);
    strcpy(body + 6 + ENVELOPE_LARGEST, "\"}");
    assert_null(around(body, ENVELOPE_LARGEST));
    free(body);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_says_what_happened_to_whom_and_when),
        cmocka_unit_test(a_change_of_users_is_named_by_its_time),
        cmocka_unit_test(a_number_that_is_not_whole_becomes_a_string),
        cmocka_unit_test(texts_are_left_as_they_are),
        cmocka_unit_test(what_is_no_object_has_no_envelope),
        cmocka_unit_test(one_that_does_not_fit_is_none),
        cmocka_unit_test(one_above_the_bound_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
