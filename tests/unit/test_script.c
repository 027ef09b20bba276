/* script: divides SQL scripts into statements. */
#include "unit.h"

#include "script.h"

/* Each statement as "line|text|", and what is wrong as "line!". */
static void
divide(struct bytes *told, const char *text)
{
    struct script s = script_open(text, strlen(text));
    struct bytes sql = bytes_make(4096);
    const char *wrong;
    int line;

    for (;;) {
        enum script_step step = script_next(&s, &sql, &line, &wrong);

        if (step == SCRIPT_WRONG)
            bytes_printf(told, "%d!", line);
        if (step != SCRIPT_STATEMENT)
            break;
        bytes_printf(told, "%d|%s|", line, bytes_text(&sql));
    }
    bytes_free(&sql);
}

static const struct {
    const char *label, *text, *want;
} cases[] = {
    { "nothing", "", "" },
    { "blanks", " \n\t\r\n", "" },
    { "one", "SELECT 1;", "1|SELECT 1|" },
    { "without an end", "SELECT 1", "1|SELECT 1|" },
    { "two on a line", "DO 1; DO 2;\n", "1|DO 1|1|DO 2|" },
    { "lines", "\n\nDO\n1;\nDO 2;", "3|DO\n1|5|DO 2|" },
    { "nothing between", "DO 1;;\n;DO 2;", "1|DO 1|2|DO 2|" },
    { "string", "SELECT ';';DO 1;", "1|SELECT ';'|1|DO 1|" },
    { "quote in a string", "SELECT 'a\\';';DO 1;", "1|SELECT 'a\\';'|1|DO 1|" },
    { "doubled quote", "SELECT 'a'';';DO 1;", "1|SELECT 'a'';'|1|DO 1|" },
    { "other quotes", "SELECT \"';\";DO 1;", "1|SELECT \"';\"|1|DO 1|" },
    { "name", "SELECT `a\\`;DO 1;", "1|SELECT `a\\`|1|DO 1|" },
    { "comment", "-- it's; so\nDO 1;", "2|DO 1|" },
    { "comment behind", "DO 1; -- a;\nDO 2 # b;\n;", "1|DO 1|2|DO 2|" },
    { "no comment", "SELECT 1--1;", "1|SELECT 1--1|" },
    { "comment at the end", "DO 1;\n--", "1|DO 1|" },
    { "long comment", "/* ' ; */DO/* ; */1;", "1|DO 1|" },
    { "hash in a string", "SELECT '#';", "1|SELECT '#'|" },
    { "for some servers", "/*!50701 LOCK TABLES a WRITE */;\n/*M!1 DO 1 */;",
        "1|/*!50701 LOCK TABLES a WRITE */|2|/*M!1 DO 1 */|" },
    { "delimiter", "DELIMITER //\nDO 1; DO 2 //\ndelimiter ;\nDO 3;",
        "2|DO 1; DO 2|4|DO 3|" },
    { "no delimiter", "DELIMITERS;", "1|DELIMITERS|" },
    { "delimiter within", "DO 1\n+ DELIMITER ;", "1|DO 1\n+ DELIMITER|" },
    { "delimiter without a word", "DELIMITER \nDO 1;", "1!" },
    { "open string", "DO 1;\nDO 'a;\n", "1|DO 1|2!" },
    { "open comment", "DO 1;\nDO /* a;\n", "1|DO 1|2!" },
};

static void
statements_are_divided(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct bytes told = bytes_make(4096);

        divide(&told, cases[i].text);
        expect_text(cases[i].label, bytes_text(&told), cases[i].want);
        bytes_free(&told);
    }
}

/* As in sql/triggers.sql. */
static void
the_server_says_what_a_backslash_is(void **state)
{
    static const char text[] = "DO '\\'; DO 1 -- '\n//";
    static const char *const want[] = { "DO '\\'; DO 1 -- '", "DO '\\'; DO 1" };

    (void)state;
    for (size_t i = 0; i < COUNT(want); i++) {
        struct script s = script_open(text, sizeof text - 1);
        struct bytes sql = bytes_make(64);
        const char *wrong;
        int line;

        strcpy(s.delimiter, "//");
        s.plain_backslash = i > 0;
        assert_int_equal(
            script_next(&s, &sql, &line, &wrong), SCRIPT_STATEMENT);
        expect_text("text", bytes_text(&sql), want[i]);
        assert_int_equal(script_next(&s, &sql, &line, &wrong), SCRIPT_END);
        bytes_free(&sql);
    }
}

static void
what_is_too_long_is_wrong(void **state)
{
    struct script s = script_open("SELECT 1;", 9);
    struct bytes sql = bytes_make(4);
    const char *wrong;
    int line;

    (void)state;
    assert_int_equal(script_next(&s, &sql, &line, &wrong), SCRIPT_WRONG);
    assert_non_null(wrong);
    bytes_free(&sql);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statements_are_divided),
        cmocka_unit_test(the_server_says_what_a_backslash_is),
        cmocka_unit_test(what_is_too_long_is_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
