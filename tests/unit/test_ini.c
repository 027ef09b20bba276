/* ini: reads a configuration file. */
#include "unit.h"

#include "bytes.h"
#include "ini.h"

#include <errno.h>

/* What the reader told, one line each: "3 [section] key=value" and
 * "4! what is wrong". */
struct told {
    struct bytes text;
    int stop_after; /* items; 0 = never */
    int items;
};

static bool
on_item(void *arg, const struct ini_item *item)
{
    struct told *told = arg;

    bytes_printf(&told->text, "%d [%s] %s=%s\n", item->line, item->section,
        item->key, item->value);
    return ++told->items != told->stop_after;
}

static void
on_wrong(void *arg, int line, const char *what)
{
    struct told *told = arg;

    bytes_printf(&told->text, "%d! %s\n", line, what);
}

static void
assert_parsed(const char *text, const char *want)
{
    struct told told = { .text = bytes_make(100000) };
    char *copy = strdup(text);

    assert_non_null(copy);
    ini_parse(copy, on_item, on_wrong, &told);
    assert_true(bytes_ok(&told.text));
    assert_string_equal(bytes_text(&told.text), want);
    bytes_free(&told.text);
    free(copy);
}

#define WHAT_IS_EXPECTED "expected \"key = value\" or \"[section]\""
#define NO_BRACKET "a section needs its closing bracket: [section]"
#define SECTION_LENGTH "a section name has 1 to 63 characters"
#define NOT_UTF8 "the line is not valid UTF-8; save the file as UTF-8"

static void
settings_come_with_section_and_line(void **state)
{
    (void)state;
    assert_parsed(
        "[a]\nx = 1\n\n[b]\ny=2\nz =3", "2 [a] x=1\n5 [b] y=2\n6 [b] z=3\n");
}

static void
before_the_first_section_it_is_empty(void **state)
{
    (void)state;
    assert_parsed("x = 1\n", "1 [] x=1\n");
}

static void
a_section_may_be_opened_again(void **state)
{
    (void)state;
    assert_parsed("[a]\nx=1\n[b]\n[a]\nx=2\n", "2 [a] x=1\n5 [a] x=2\n");
}

static void
blanks_around_names_and_values_are_dropped(void **state)
{
    (void)state;
    assert_parsed(
        " \t[ a ] \n\t key \t=\t two words  \n", "2 [a] key=two words\n");
}

static void
the_value_is_all_behind_the_first_equals_sign(void **state)
{
    (void)state;
    assert_parsed("url = http://h/?a=b&c==\n", "1 [] url=http://h/?a=b&c==\n");
}

static void
a_value_may_be_empty(void **state)
{
    (void)state;
    assert_parsed("a =\nb = \"\"\n", "1 [] a=\n2 [] b=\n");
}

static void
quotes_keep_blanks_at_both_ends(void **state)
{
    (void)state;
    assert_parsed("a = \"  x \"\n", "1 [] a=  x \n");
}

static void
quotes_inside_a_value_stay(void **state)
{
    (void)state;
    assert_parsed("a = \"x\" y\nb = x \"y\"\nc = \"\nd = \"\"x\"\"\n",
        "1 [] a=\"x\" y\n2 [] b=x \"y\"\n3 [] c=\"\n4 [] d=\"x\"\n");
}

static void
comments_begin_at_the_start_of_a_line_only(void **state)
{
    (void)state;
    assert_parsed("; one = 1\n# two = 2\n  ; three = 3\n\t# four\n"
                  "a = x ; y # z\n",
        "5 [] a=x ; y # z\n");
}

static void
a_byte_order_mark_is_passed_over(void **state)
{
    (void)state;
    assert_parsed("\xEF\xBB\xBF[a]\nx = 1\n", "2 [a] x=1\n");
}

static void
lines_may_end_as_on_windows(void **state)
{
    (void)state;
    assert_parsed(
        "[a]\r\nx = 1\r\n\r\n; c\r\ny = \"2 \"\r\n", "2 [a] x=1\n5 [a] y=2 \n");
}

static void
an_empty_text_says_nothing(void **state)
{
    (void)state;
    assert_parsed("", "");
    assert_parsed("\n\n \n", "");
}

static void
a_line_without_equals_sign_is_complained_of(void **state)
{
    (void)state;
    assert_parsed("a = 1\nnonsense\nb = 2\n= 3\n  = 4\n",
        "1 [] a=1\n2! " WHAT_IS_EXPECTED "\n3 [] b=2\n4! " WHAT_IS_EXPECTED
        "\n5! " WHAT_IS_EXPECTED "\n");
}

static void
an_unclosed_section_is_complained_of(void **state)
{
    (void)state;
    assert_parsed("[a]\n\n[b\nx = 1\n[\n[c] ; c\n",
        "3! " NO_BRACKET "\n4 [a] x=1\n5! " NO_BRACKET "\n6! " NO_BRACKET "\n");
}

static void
a_section_name_of_wrong_length_is_complained_of(void **state)
{
    static const char chars63[] =
        "123456789012345678901234567890123456789012345678901234567890123";
    char text[256], want[256];

    (void)state;
    snprintf(
        text, sizeof text, "[]\n[ ]\n[%s4]\n[%s]\na=1\n", chars63, chars63);
    snprintf(want, sizeof want,
        "1! " SECTION_LENGTH "\n2! " SECTION_LENGTH "\n3! " SECTION_LENGTH
        "\n5 [%s] a=1\n",
        chars63);
    assert_parsed(text, want);
}

static void
a_line_that_is_not_utf8_is_complained_of(void **state)
{
    (void)state;
    assert_parsed("a = \xCF\xEB\nb = Пл\n; \xFF\n",
        "1! " NOT_UTF8 "\n2 [] b=Пл\n3! " NOT_UTF8 "\n");
}

static void
the_longest_line_is_taken_a_longer_one_is_not(void **state)
{
    static char text[2 * 8200], want[8300];
    char *p = text;

    (void)state;
    p += sprintf(p, "a=%0*d\n", 8188, 1);
    sprintf(p, "b=%0*d\nc=1\n", 8189, 1);
    snprintf(want, sizeof want,
        "1 [] a=%0*d\n2! the line is too long\n3 [] c=1\n", 8188, 1);
    assert_parsed(text, want);
}

static void
the_callee_can_stop_the_reading(void **state)
{
    struct told told = { .text = bytes_make(1000), .stop_after = 2 };
    char text[] = "a=1\nb=2\nc=3\nnonsense\n";

    (void)state;
    ini_parse(text, on_item, on_wrong, &told);
    assert_string_equal(bytes_text(&told.text), "1 [] a=1\n2 [] b=2\n");
    bytes_free(&told.text);
}

static void
assert_file_read(const char *p, size_t n, const char *want)
{
    struct told told = { .text = bytes_make(1000) };
    struct temp file = temp_file(p, n);
    bool good = ini_read(file.path, on_item, on_wrong, &told);

    unlink(file.path);
    assert_true(good);
    assert_string_equal(bytes_text(&told.text), want);
    bytes_free(&told.text);
}

static void
a_file_is_read(void **state)
{
    (void)state;
    assert_file_read(RAW("[a]\nx = 1\n"), "2 [a] x=1\n");
}

static void
a_file_without_last_newline_is_read_to_its_end(void **state)
{
    (void)state;
    assert_file_read(RAW("a=1\nb=2"), "1 [] a=1\n2 [] b=2\n");
}

static void
an_empty_file_is_read(void **state)
{
    (void)state;
    assert_file_read(RAW(""), "");
}

static void
a_nul_byte_is_told_with_its_line(void **state)
{
    (void)state;
    assert_file_read(RAW("a=1\nb=2\0\nc=3\n"),
        "2! a NUL byte; what follows it was not read\n1 [] a=1\n2 [] b=2\n");
}

static void
a_missing_file_is_told_by_errno(void **state)
{
    struct told told = { .text = bytes_make(1000) };
    struct temp file = temp_text("");

    (void)state;
    unlink(file.path);
    errno = 0;
    assert_false(ini_read(file.path, on_item, on_wrong, &told));
    assert_int_equal(errno, ENOENT);
    assert_string_equal(bytes_text(&told.text), "");
}

static void
a_folder_is_no_file(void **state)
{
    struct told told = { .text = bytes_make(1000) };

    (void)state;
    errno = 0;
    assert_false(ini_read("/", on_item, on_wrong, &told));
    assert_int_equal(errno, EISDIR);
}

static void
a_file_larger_than_a_mebibyte_is_refused(void **state)
{
    struct told told = { .text = bytes_make(1000) };
    struct temp file = temp_text("a = 1\n");
    bool good;
    int reason;

    (void)state;
    assert_int_equal(truncate(file.path, (1 << 20) + 1), 0);
    errno = 0;
    good = ini_read(file.path, on_item, on_wrong, &told);
    reason = errno;
    unlink(file.path);
    assert_false(good);
    assert_int_equal(reason, EFBIG);
    assert_string_equal(bytes_text(&told.text), "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_come_with_section_and_line),
        cmocka_unit_test(before_the_first_section_it_is_empty),
        cmocka_unit_test(a_section_may_be_opened_again),
        cmocka_unit_test(blanks_around_names_and_values_are_dropped),
        cmocka_unit_test(the_value_is_all_behind_the_first_equals_sign),
        cmocka_unit_test(a_value_may_be_empty),
        cmocka_unit_test(quotes_keep_blanks_at_both_ends),
        cmocka_unit_test(quotes_inside_a_value_stay),
        cmocka_unit_test(comments_begin_at_the_start_of_a_line_only),
        cmocka_unit_test(a_byte_order_mark_is_passed_over),
        cmocka_unit_test(lines_may_end_as_on_windows),
        cmocka_unit_test(an_empty_text_says_nothing),
        cmocka_unit_test(a_line_without_equals_sign_is_complained_of),
        cmocka_unit_test(an_unclosed_section_is_complained_of),
        cmocka_unit_test(a_section_name_of_wrong_length_is_complained_of),
        cmocka_unit_test(a_line_that_is_not_utf8_is_complained_of),
        cmocka_unit_test(the_longest_line_is_taken_a_longer_one_is_not),
        cmocka_unit_test(the_callee_can_stop_the_reading),
        cmocka_unit_test(a_file_is_read),
        cmocka_unit_test(a_file_without_last_newline_is_read_to_its_end),
        cmocka_unit_test(an_empty_file_is_read),
        cmocka_unit_test(a_nul_byte_is_told_with_its_line),
        cmocka_unit_test(a_missing_file_is_told_by_errno),
        cmocka_unit_test(a_folder_is_no_file),
        cmocka_unit_test(a_file_larger_than_a_mebibyte_is_refused),
    };

    return cmocka_run_group_tests_name("ini", tests, NULL, NULL);
}
