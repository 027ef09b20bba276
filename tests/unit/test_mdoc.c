/* Text that becomes source of a manual page stays the text that it is. */
#include "mdoc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 4096 };

static void
expect(struct bytes *out, const char *want)
{
    assert_true(bytes_ok(out));
    assert_string_equal(bytes_text(out), want);
    bytes_free(out);
}

static void
test_what_means_something_to_roff_is_escaped(void **state)
{
    struct bytes out = bytes_make(MOST);

    (void)state;
    mdoc_literal(&out, "a\\b \"c\" 'd' `e` ^f~ --yes");
    expect(&out, "a\\eb \\(dqc\\(dq \\(aqd\\(aq \\(gae\\(ga \\(haf\\(ti "
                 "\\-\\-yes");
}

static void
test_all_is_ascii(void **state)
{
    struct bytes out = bytes_make(MOST);

    (void)state;
    mdoc_literal(&out, "Счёт €\xF0\x9F\x98\x80");
    expect(&out, "\\[u0421]\\[u0447]\\[u0451]\\[u0442] \\[u20AC]\\[u1F600]");
}

static void
test_bytes_that_are_no_text_are_left_out(void **state)
{
    struct bytes out = bytes_make(MOST);

    (void)state;
    mdoc_literal(&out, "a\xFF\xC3z");
    expect(&out, "az");
}

static void
test_no_line_is_a_request(void **state)
{
    struct bytes out = bytes_make(MOST);

    (void)state;
    mdoc_prose(&out, ".so /etc/passwd\n'br\nplain");
    expect(&out, "\\&.so /etc/passwd\n\\&\\(aqbr\nplain\n");
}

static void
test_no_word_is_a_macro(void **state)
{
    struct bytes out = bytes_make(MOST);

    (void)state;
    mdoc_word(&out, "Op");
    expect(&out, "\\&Op");
}

static void
test_each_sentence_begins_a_line(void **state)
{
    struct bytes out = bytes_make(MOST);

    (void)state;
    mdoc_prose(&out, "One, e.g. this. Two.\n.3 Then");
    expect(&out, "One, e.g. this.\nTwo.\n\\&.3 Then\n");
}

static void
test_a_line_behind_a_colon_is_an_example(void **state)
{
    struct bytes out = bytes_make(MOST);

    (void)state;
    mdoc_prose(&out, "in the order to try:\nsmspilot,smsc\nand so on");
    expect(&out, "in the order to try:\n.Dl smspilot,smsc\nand so on\n");
}

static void
test_usage_tells_what_is_typed(void **state)
{
    static const char words[] = "[MONTH] | retry --kind KIND,...";
    struct bytes out = bytes_make(MOST);

    (void)state;
    mdoc_usage(&out, words, strlen(words));
    expect(&out, "\\&[\\fIMONTH\\fR] | \\fBretry\\fR \\fB\\-\\-kind\\fR "
                 "\\fIKIND\\fR,...");
}

static void
test_a_sentence_has_capital_and_stop(void **state)
{
    struct bytes out = bytes_make(MOST);

    (void)state;
    mdoc_sentence(&out, "end a pause");
    expect(&out, "End a pause.\n");
}

static void
test_columns_become_a_list(void **state)
{
    struct bytes out = bytes_make(MOST);

    (void)state;
    mdoc_help(&out, "go        begins, and\n"
                    "          goes on\n"
                    "stop ALL  ends\n"
                    "Both ask.\n");
    expect(&out, ".Bl -tag -width Ds -compact\n"
                 ".It Xo\n\\&\\fBgo\\fR\n.Xc\nbegins, and\ngoes on\n"
                 ".It Xo\n\\&\\fBstop\\fR \\fIALL\\fR\n.Xc\nends\n"
                 ".El\nBoth ask.\n");
}

static void
test_nothing_is_nothing(void **state)
{
    struct bytes out = bytes_make(MOST);

    (void)state;
    mdoc_prose(&out, "");
    mdoc_help(&out, "");
    mdoc_usage(&out, "", 0);
    expect(&out, "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_means_something_to_roff_is_escaped),
        cmocka_unit_test(test_all_is_ascii),
        cmocka_unit_test(test_bytes_that_are_no_text_are_left_out),
        cmocka_unit_test(test_no_line_is_a_request),
        cmocka_unit_test(test_no_word_is_a_macro),
        cmocka_unit_test(test_each_sentence_begins_a_line),
        cmocka_unit_test(test_a_line_behind_a_colon_is_an_example),
        cmocka_unit_test(test_usage_tells_what_is_typed),
        cmocka_unit_test(test_a_sentence_has_capital_and_stop),
        cmocka_unit_test(test_columns_become_a_list),
        cmocka_unit_test(test_nothing_is_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
