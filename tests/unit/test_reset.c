/* reset: an order written down and read again, and what is no order. */
#include "unit.h"

#include "reset.h"

#include <json-c/json.h>

/* What is read from this; to be freed. */
static struct reset
parsed(const char *json)
{
    struct reset r;

    memset(&r, 0xA5, sizeof r);
    if (!reset_parse(&r, json))
        fail_msg("%s: is refused", json);
    return r;
}

static void
assert_refused(const char *json)
{
    struct reset r;

    memset(&r, 0xA5, sizeof r);
    if (reset_parse(&r, json))
        fail_msg("%s: is taken", json);
    reset_free(&r);
}

/* Written down, it is this. */
static void
assert_prints(const struct reset *r, const char *want)
{
    char *got = reset_print(r);

    assert_non_null(got);
    expect_text("JSON", got, want);
    free(got);
}

/* ---- both ways ---- */

static void
what_was_written_is_read_again(void **state)
{
    static const char *const rows[] = {
        "{\"login\":\"u1\"}",
        "{\"login\":\"u1\",\"only\":true}",
        "{\"login\":\"u1\",\"left\":[]}",
        "{\"login\":\"u1\",\"left\":[0,3,7,4294967295]}",
        "{\"login\":\"u1\",\"seen\":[{\"nas\":\"10.0.0.1\",\"ip\":\"10.1.2.3\","
        "\"session\":\"81a0003c\"}]}",
        "{\"login\":\"u1\",\"seen\":[{\"nas\":\"fe80::1\"},{\"ip\":\"1.2.3.4\"}"
        ",{\"session\":\"x\"},{}],\"only\":true,\"left\":[1]}",
        "{\"login\":\"a\\\"b\\\\c\\/d\\n\\u0001\"}",
        "{\"login\":\"абонент Ё\"}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct reset r = parsed(rows[i]);

        assert_prints(&r, rows[i]);
        reset_free(&r);
    }
}

static void
each_part_is_found_in_its_place(void **state)
{
    struct reset r = parsed(
        "{\"left\":[3,7],\"only\":true,\"seen\":[{\"session\":\"81a0003c\","
        "\"nas\":\"10.0.0.1\",\"ip\":\"10.1.2.3\"},{\"nas\":\"::1\"}],"
        "\"login\":\"u1\"}");

    (void)state;
    assert_string_equal(r.login, "u1");
    assert_int_equal(r.seen_n, 2);
    assert_string_equal(r.seen[0].nas, "10.0.0.1");
    assert_string_equal(r.seen[0].ip, "10.1.2.3");
    assert_string_equal(r.seen[0].session, "81a0003c");
    assert_string_equal(r.seen[1].nas, "::1");
    assert_string_equal(r.seen[1].ip, "");
    assert_string_equal(r.seen[1].session, "");
    assert_true(r.only);
    assert_true(r.some);
    assert_int_equal(r.left_n, 2);
    assert_int_equal(r.left[0], 3);
    assert_int_equal(r.left[1], 7);
    reset_free(&r);
}

static void
without_a_list_all_routers_are_meant_with_an_empty_one_none(void **state)
{
    struct reset all = parsed("{\"login\":\"u1\"}");
    struct reset none = parsed("{\"login\":\"u1\",\"left\":[]}");

    (void)state;
    assert_false(all.some);
    assert_false(all.only);
    assert_int_equal(all.seen_n, 0);
    assert_int_equal(all.left_n, 0);
    assert_true(none.some);
    assert_int_equal(none.left_n, 0);
    reset_free(&all);
    reset_free(&none);
}

static void
members_of_a_later_version_are_left_alone(void **state)
{
    struct reset r = parsed("{\"version\":2,\"login\":\"u1\",\"x\":{\"login\":"
                            "\"u2\"},\"seen\":[{\"port\":7}]}");

    (void)state;
    assert_prints(&r, "{\"login\":\"u1\",\"seen\":[{}]}");
    reset_free(&r);
}

static void
freeing_twice_is_fine(void **state)
{
    struct reset r = parsed("{\"login\":\"u1\",\"seen\":[{}],\"left\":[1]}");

    (void)state;
    reset_free(&r);
    assert_null(r.login);
    reset_free(&r);
}

/* ---- what is no order ---- */

static void
what_is_no_object_with_a_login_is_refused(void **state)
{
    static const char *const rows[] = { "", " ", "null", "true", "5", "\"u1\"",
        "[]", "[\"login\",\"u1\"]", "{}", "{\"login\":null}",
        "{\"Login\":\"u1\"}", "{\"x\":{\"login\":\"u1\"}}", "{\"login\":\"u1\"",
        "{\"login\":\"u1\",\"left\":[1", "{\"login\":\"u1}", "login=u1",
        "{login}", "\xFF\xFE{", "{\"login\":}" };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_refused(rows[i]);
}

/* Their JSON would be the login of somebody. */
static void
a_login_that_is_no_text_is_refused(void **state)
{
    static const char *const rows[] = { "{\"login\":5}", "{\"login\":1.5}",
        "{\"login\":true}", "{\"login\":[]}", "{\"login\":{\"a\":\"b\"}}" };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_refused(rows[i]);
}

/* Cut there, it would be the login of another. */
static void
a_login_with_a_nul_in_it_is_refused(void **state)
{
    (void)state;
    assert_refused("{\"login\":\"u1\\u0000x\"}");
    assert_refused("{\"login\":\"\\u0000\"}");
}

/* Cut to 32 bits, it would be another router. */
static void
a_number_that_no_router_can_have_is_refused(void **state)
{
    static const char *const rows[] = { "4294967296", "4294967299", "-1",
        "9223372036854775807", "18446744073709551619",
        "99999999999999999999999999", "-9223372036854775808", "1.5", "1e3",
        "\"3\"", "\"\"", "true", "null", "[3]", "{}" };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char json[100];

        snprintf(
            json, sizeof json, "{\"login\":\"u1\",\"left\":[%s]}", rows[i]);
        assert_refused(json);
        snprintf(
            json, sizeof json, "{\"login\":\"u1\",\"left\":[1,%s,2]}", rows[i]);
        assert_refused(json);
    }
}

/* ... for all routers would be asked again. */
static void
what_is_left_must_be_a_list(void **state)
{
    static const char *const rows[] = { "3", "\"3\"", "{}", "true", "1.5" };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char json[100];

        snprintf(json, sizeof json, "{\"login\":\"u1\",\"left\":%s}", rows[i]);
        assert_refused(json);
    }
}

/* ---- what only helps ---- */

/* A session that cannot be read is one of which nothing is known. */
static void
sessions_of_wrong_types_are_unknown_ones(void **state)
{
    static const struct {
        const char *seen;
        size_t n;
    } rows[] = { { "null", 0 }, { "5", 0 }, { "\"x\"", 0 }, { "{}", 0 },
        { "[]", 0 }, { "[null,5,\"x\",[],{}]", 5 },
        { "[{\"nas\":null,\"ip\":null,\"session\":null}]", 1 } };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char json[100];
        struct reset r;

        snprintf(
            json, sizeof json, "{\"login\":\"u1\",\"seen\":%s}", rows[i].seen);
        r = parsed(json);
        expect_number(json, r.seen_n, rows[i].n);
        for (size_t j = 0; j < r.seen_n; j++) {
            expect_text(json, r.seen[j].nas, "");
            expect_text(json, r.seen[j].ip, "");
            expect_text(json, r.seen[j].session, "");
        }
        reset_free(&r);
    }
}

static void
long_fields_are_cut_on_a_character(void **state)
{
    char json[1000], tail[400];
    struct reset r;

    (void)state;
    memset(tail, 'x', sizeof tail - 1);
    tail[sizeof tail - 1] = '\0';
    snprintf(json, sizeof json,
        "{\"login\":\"u1\",\"seen\":[{\"nas\":\"%s\",\"ip\":\"%.44sЁ\","
        "\"session\":\"%.63sЁ\"}]}",
        tail, tail, tail);
    r = parsed(json);
    assert_int_equal(strlen(r.seen[0].nas), RESET_ADDRESS);
    assert_int_equal(strlen(r.seen[0].ip), RESET_ADDRESS - 1);
    assert_int_equal(strlen(r.seen[0].session), RESET_SESSION - 1);
    reset_free(&r);
}

static void
what_is_not_utf8_becomes_a_question_mark(void **state)
{
    struct reset r = parsed("{\"login\":\"u1\",\"seen\":[{\"session\":\"a\xFF"
                            "b\"}]}");

    (void)state;
    assert_string_equal(r.seen[0].session, "a?b");
    reset_free(&r);
}

static void
many_of_them_are_kept(void **state)
{
    enum { MANY = 3000 };
    struct reset r = { .login = strdup("u1"),
        .seen = calloc(MANY, sizeof *r.seen),
        .seen_n = MANY,
        .left = calloc(MANY, sizeof *r.left),
        .left_n = MANY,
        .some = true };
    struct reset again;
    char *json;

    (void)state;
    assert_non_null(r.login);
    assert_non_null(r.seen);
    assert_non_null(r.left);
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(r.seen[i].session, sizeof r.seen[i].session, "%x", i);
        r.left[i] = i * 7919;
    }
    json = reset_print(&r);
    assert_non_null(json);
    again = parsed(json);
    assert_int_equal(again.seen_n, MANY);
    assert_int_equal(again.left_n, MANY);
    assert_memory_equal(again.left, r.left, MANY * sizeof *r.left);
    assert_string_equal(again.seen[MANY - 1].session, "bb7");
    free(json);
    reset_free(&again);
    reset_free(&r);
}

static void
it_is_json_for_others_as_well(void **state)
{
    struct reset r =
        parsed("{\"login\":\"a\\\"b\\u0007\xD0\x81\",\"left\":[4294967295]}");
    char *json = reset_print(&r);
    struct json_object *all = json_tokener_parse(json), *login = NULL;

    (void)state;
    assert_non_null(all);
    assert_true(json_object_object_get_ex(all, "login", &login));
    assert_string_equal(json_object_get_string(login), "a\"b\x07\xD0\x81");
    json_object_put(all);
    free(json);
    reset_free(&r);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read_again),
        cmocka_unit_test(each_part_is_found_in_its_place),
        cmocka_unit_test(
            without_a_list_all_routers_are_meant_with_an_empty_one_none),
        cmocka_unit_test(members_of_a_later_version_are_left_alone),
        cmocka_unit_test(freeing_twice_is_fine),
        cmocka_unit_test(what_is_no_object_with_a_login_is_refused),
        cmocka_unit_test(a_login_that_is_no_text_is_refused),
        cmocka_unit_test(a_login_with_a_nul_in_it_is_refused),
        cmocka_unit_test(a_number_that_no_router_can_have_is_refused),
        cmocka_unit_test(what_is_left_must_be_a_list),
        cmocka_unit_test(sessions_of_wrong_types_are_unknown_ones),
        cmocka_unit_test(long_fields_are_cut_on_a_character),
        cmocka_unit_test(what_is_not_utf8_becomes_a_question_mark),
        cmocka_unit_test(many_of_them_are_kept),
        cmocka_unit_test(it_is_json_for_others_as_well),
    };

    return cmocka_run_group_tests_name("reset", tests, NULL, NULL);
}
