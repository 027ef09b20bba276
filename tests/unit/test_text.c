/* text: templates of messages. */
#include "unit.h"

#include "rules/text.h"

static const char FIELDS[] = "login amount ending";

static const struct text_field values[] = {
    { "login", "abonent1" },
    { "amount", "100.50" },
    { "ending", "" },
    { "braces", "{login}{{}" },
};

static void
assert_rendered(const char *template, const char *want)
{
    struct bytes out = bytes_make(1000);

    text_render(&out, template, values, COUNT(values));
    assert_true(bytes_ok(&out));
    assert_string_equal(bytes_text(&out), want);
    bytes_free(&out);
}

static void
assert_wrong(const char *template, const char *want)
{
    const char *what = text_check(template, FIELDS);

    assert_non_null(what);
    assert_string_equal(what, want);
}

static void
fields_are_replaced(void **state)
{
    (void)state;
    assert_rendered(
        "На счёт {login}: {amount} руб.", "На счёт abonent1: 100.50 руб.");
    assert_rendered("{login}{amount}{login}", "abonent1100.50abonent1");
}

static void
an_empty_value_leaves_nothing(void **state)
{
    (void)state;
    assert_rendered("a{ending}b", "ab");
}

static void
text_without_fields_stays(void **state)
{
    (void)state;
    assert_rendered("", "");
    assert_rendered("#1 100% } }} \\n", "#1 100% } }} \\n");
}

static void
two_braces_are_one(void **state)
{
    (void)state;
    assert_rendered("{{login}", "{login}");
    assert_rendered("{{{login}", "{abonent1");
    assert_rendered("{{{{", "{{");
}

static void
a_value_with_braces_is_not_looked_into(void **state)
{
    (void)state;
    assert_rendered("<{braces}>", "<{login}{{}>");
}

static void
rendering_appends(void **state)
{
    struct bytes out = bytes_make(1000);

    (void)state;
    bytes_str(&out, "before ");
    text_render(&out, "{login}", values, COUNT(values));
    assert_string_equal(bytes_text(&out), "before abonent1");
    bytes_free(&out);
}

static void
a_text_beyond_the_bound_fails(void **state)
{
    struct bytes out = bytes_make(10);

    (void)state;
    text_render(&out, "{login}{login}", values, COUNT(values));
    assert_false(bytes_ok(&out));
    bytes_free(&out);
}

static void
good_templates_pass_the_check(void **state)
{
    static const char *const good[] = { "", "no fields }", "{login}", "{{",
        "{{login", "{ending} {amount} {login}", "{{{amount}}}" };

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++)
        if (text_check(good[i], FIELDS))
            fail_msg("\"%s\": %s", good[i], text_check(good[i], FIELDS));
}

static void
an_unknown_field_is_told_with_those_there_are(void **state)
{
    (void)state;
    assert_wrong(
        "{login} {sum}", "unknown field {sum}; there are: login amount ending");
}

static void
a_part_of_a_name_is_unknown(void **state)
{
    (void)state;
    assert_non_null(text_check("{log}", FIELDS));
    assert_non_null(text_check("{login }", FIELDS));
    assert_non_null(text_check("{login amount}", FIELDS));
    assert_non_null(text_check("{Login}", FIELDS));
    assert_non_null(text_check("{}", FIELDS));
}

static void
an_unclosed_brace_is_told(void **state)
{
    static const char what[] =
        "a { is not closed; a brace itself is written {{";

    (void)state;
    assert_wrong("{", what);
    assert_wrong("text {login", what);
    assert_wrong("{login {amount}", what);
    assert_wrong("{{{", what);
}

static void
a_very_long_name_is_cut_in_the_message(void **state)
{
    (void)state;
    assert_wrong("{1234567890123456789012345678901234567890123}",
        "unknown field {1234567890123456789012345678901234567890}; "
        "there are: login amount ending");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_replaced),
        cmocka_unit_test(an_empty_value_leaves_nothing),
        cmocka_unit_test(text_without_fields_stays),
        cmocka_unit_test(two_braces_are_one),
        cmocka_unit_test(a_value_with_braces_is_not_looked_into),
        cmocka_unit_test(rendering_appends),
        cmocka_unit_test(a_text_beyond_the_bound_fails),
        cmocka_unit_test(good_templates_pass_the_check),
        cmocka_unit_test(an_unknown_field_is_told_with_those_there_are),
        cmocka_unit_test(a_part_of_a_name_is_unknown),
        cmocka_unit_test(an_unclosed_brace_is_told),
        cmocka_unit_test(a_very_long_name_is_cut_in_the_message),
    };

    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
