/* utf8: reading UTF-8 that nobody vouches for. */
#include "unit.h"

#include "bytes.h"
#include "utf8.h"

struct sample {
    const char *label;
    const char *p;
    size_t n;
};

/* Not one of these is a character, and none begins with one. */
static const struct sample broken[] = {
    { "a continuation alone", RAW("\x80") },
    { "the last continuation alone", RAW("\xBF") },
    { "overlong NUL", RAW("\xC0\x80") },
    { "overlong slash", RAW("\xC0\xAF") },
    { "overlong U+007F", RAW("\xC1\xBF") },
    { "overlong in three bytes", RAW("\xE0\x80\xAF") },
    { "overlong U+07FF", RAW("\xE0\x9F\xBF") },
    { "overlong in four bytes", RAW("\xF0\x80\x80\xAF") },
    { "overlong U+FFFF", RAW("\xF0\x8F\xBF\xBF") },
    { "first surrogate", RAW("\xED\xA0\x80") },
    { "last surrogate", RAW("\xED\xBF\xBF") },
    { "U+110000", RAW("\xF4\x90\x80\x80") },
    { "lead byte F5", RAW("\xF5\x80\x80\x80") },
    { "lead byte F8", RAW("\xF8\x88\x80\x80\x80") },
    { "byte FE", RAW("\xFE") },
    { "byte FF", RAW("\xFF") },
    { "two bytes, the end cuts one off", RAW("\xD0") },
    { "three bytes, the end cuts one off", RAW("\xE2\x82") },
    { "three bytes, the end cuts two off", RAW("\xE2") },
    { "four bytes, the end cuts one off", RAW("\xF0\x9F\x98") },
    { "four bytes, the end cuts three off", RAW("\xF0") },
    { "second of two is a letter", RAW("\xD0Z") },
    { "second of two is a lead byte", RAW("\xD0\xD0") },
    { "third of three is a letter", RAW("\xE2\x82Z") },
    { "third of three is a lead byte", RAW("\xE2\x82\xC3") },
    { "third of four is a letter", RAW("\xF0\x9FZ\x80") },
    { "fourth of four is a letter", RAW("\xF0\x9F\x98Z") },
};

static size_t
encode(unsigned c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xC0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xE0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3F));
        out[2] = (char)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3F));
    out[2] = (char)(0x80 | (c >> 6 & 0x3F));
    out[3] = (char)(0x80 | (c & 0x3F));
    return 4;
}

static void
every_code_point_is_judged_right(void **state)
{
    (void)state;
    for (unsigned c = 0; c <= 0x110FFF; c++) {
        bool good = c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF);
        char p[4];
        size_t n = encode(c, p);

        if (utf8_char(p, p + n) != (good ? n : 0) || utf8_valid(p, n) != good)
            fail_msg("U+%04X is judged wrong", c);
    }
}

static void
every_class_of_broken_bytes_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(broken); i++) {
        const struct sample *s = &broken[i];

        expect_number(s->label, utf8_char(s->p, s->p + s->n), 0);
        expect_number(s->label, utf8_valid(s->p, s->n), false);
    }
}

static void
broken_bytes_are_found_behind_good_ones(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(broken); i++) {
        char text[32] = "Я";

        memcpy(text + 2, broken[i].p, broken[i].n);
        expect_number(
            broken[i].label, utf8_valid(text, 2 + broken[i].n), false);
    }
}

static void
an_empty_text_is_valid(void **state)
{
    (void)state;
    assert_true(utf8_valid("", 0));
}

static void
a_nul_is_a_character(void **state)
{
    (void)state;
    assert_true(utf8_valid("a\0b", 3));
}

static void
assert_escaped(const char *p, size_t n, const char *want)
{
    struct bytes out = bytes_make(1000);

    utf8_escape(&out, p, n);
    assert_true(bytes_ok(&out));
    assert_string_equal(bytes_text(&out), want);
    bytes_free(&out);
}

static void
escape_leaves_text_alone(void **state)
{
    static const char text[] =
        "Платёж 10,50 ₽ «ok» \xF0\x9F\x98\x80 ~";

    (void)state;
    assert_escaped(RAW(text), text);
}

static void
escape_shows_control_characters(void **state)
{
    (void)state;
    assert_escaped(
        RAW("a\nb\r\tc\x1B[2J\0z"), "a\\x0ab\\x0d\\x09c\\x1b[2J\\x00z");
}

static void
escape_shows_every_c0_control_and_del(void **state)
{
    (void)state;
    for (int c = 0; c < 0x20; c++) {
        char byte = (char)c, want[8];

        snprintf(want, sizeof want, "\\x%02x", (unsigned)c);
        assert_escaped(&byte, 1, want);
    }
    assert_escaped("\x7F", 1, "\\x7f");
}

static void
escape_shows_every_c1_control(void **state)
{
    (void)state;
    for (unsigned c = 0x80; c < 0xA0; c++) {
        char p[4], want[12];
        size_t n = encode(c, p);

        snprintf(want, sizeof want, "\\xc2\\x%02x", c);
        assert_escaped(p, n, want);
    }
    assert_escaped(RAW("\xC2\xA0"), "\xC2\xA0");
}

static void
control_characters_are_c0_del_and_c1(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 0x800; c++) {
        char p[4];
        size_t n = encode(c, p);

        expect_number("character", utf8_is_control(p, n),
            c < 0x20 || (c >= 0x7F && c < 0xA0));
    }
}

static void
escape_doubles_a_backslash(void **state)
{
    (void)state;
    assert_escaped(RAW("\\x0a \\"), "\\\\x0a \\\\");
}

static void
escape_shows_broken_bytes_one_by_one(void **state)
{
    (void)state;
    assert_escaped(RAW("\xFF"
                       "a\xD0"
                       "b\xE2\x82"),
        "\\xffa\\xd0b\\xe2\\x82");
}

static void
escape_gives_valid_text_for_all_that_is_broken(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(broken); i++) {
        struct bytes out = bytes_make(1000);

        utf8_escape(&out, broken[i].p, broken[i].n);
        expect_number(broken[i].label, utf8_valid(out.p, out.n), true);
        bytes_free(&out);
    }
}

static void
copy_takes_what_fits(void **state)
{
    char to[6];

    (void)state;
    utf8_copy(to, sizeof to, "abcde", 5);
    assert_string_equal(to, "abcde");
    utf8_copy(to, sizeof to, "abcdef", 6);
    assert_string_equal(to, "abcde");
}

static void
copy_cuts_before_the_character_that_does_not_fit(void **state)
{
    static const struct {
        size_t size;
        const char *want;
    } cut[] = { { 1, "" }, { 2, "a" }, { 3, "a" }, { 4, "aЯ" }, { 5, "aЯ" },
        { 6, "aЯ" }, { 7, "aЯ€" }, { 10, "aЯ€" },
        { 11, "aЯ€\xF0\x9F\x98\x80" } };
    static const char text[] = "aЯ€\xF0\x9F\x98\x80";

    (void)state;
    for (size_t i = 0; i < COUNT(cut); i++) {
        char to[16];

        memset(to, 'x', sizeof to);
        utf8_copy(to, cut[i].size, RAW(text));
        expect_text("cut", to, cut[i].want);
    }
}

static void
copy_puts_a_question_mark_for_a_broken_byte(void **state)
{
    char to[16];

    (void)state;
    utf8_copy(to, sizeof to,
        RAW("a\xFF"
            "b\xD0"));
    assert_string_equal(to, "a?b?");
}

static void
copy_reads_no_further_than_told(void **state)
{
    char to[16];

    (void)state;
    utf8_copy(to, sizeof to, "abc", 2);
    assert_string_equal(to, "ab");
    utf8_copy(to, sizeof to, "Я", 1);
    assert_string_equal(to, "?");
    utf8_copy(to, sizeof to, "abc", 0);
    assert_string_equal(to, "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point_is_judged_right),
        cmocka_unit_test(every_class_of_broken_bytes_is_refused),
        cmocka_unit_test(broken_bytes_are_found_behind_good_ones),
        cmocka_unit_test(an_empty_text_is_valid),
        cmocka_unit_test(a_nul_is_a_character),
        cmocka_unit_test(escape_leaves_text_alone),
        cmocka_unit_test(escape_shows_control_characters),
        cmocka_unit_test(escape_shows_every_c0_control_and_del),
        cmocka_unit_test(escape_shows_every_c1_control),
        cmocka_unit_test(control_characters_are_c0_del_and_c1),
        cmocka_unit_test(escape_doubles_a_backslash),
        cmocka_unit_test(escape_shows_broken_bytes_one_by_one),
        cmocka_unit_test(escape_gives_valid_text_for_all_that_is_broken),
        cmocka_unit_test(copy_takes_what_fits),
        cmocka_unit_test(copy_cuts_before_the_character_that_does_not_fit),
        cmocka_unit_test(copy_puts_a_question_mark_for_a_broken_byte),
        cmocka_unit_test(copy_reads_no_further_than_told),
    };

    return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
