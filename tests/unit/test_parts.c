/* parts: how many SMS a text makes. */
#include "unit.h"

#include "rules/parts.h"

/* A text is made of runs: so many times the same. */
struct row {
    const char *label;
    struct {
        unsigned n;
        const char *what;
    } run[4];
    struct parts want;
};

static void
expect_parts(const char *label, const char *text, struct parts want)
{
    struct parts got = parts_count(text);

    if (got.parts != want.parts || got.units != want.units ||
        got.ucs2 != want.ucs2)
        fail_msg("%s: %u parts, %u units, %s instead of %u, %u, %s", label,
            got.parts, got.units, got.ucs2 ? "UCS-2" : "GSM", want.parts,
            want.units, want.ucs2 ? "UCS-2" : "GSM");
}

static void
expect_rows(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char text[8192], *end = text;

        *end = '\0';
        for (size_t r = 0; r < COUNT(rows[i].run); r++)
            for (unsigned k = 0; k < rows[i].run[r].n; k++)
                end = stpcpy(end, rows[i].run[r].what);
        expect_parts(rows[i].label, text, rows[i].want);
    }
}

static void
an_empty_text_makes_none(void **state)
{
    (void)state;
    expect_parts("empty", "", (struct parts){ 0, 0, false });
}

static void
latin_text_fills_160_then_153_each(void **state)
{
    static const struct row rows[] = {
        { "1", { { 1, "a" } }, { 1, 1, false } },
        { "153", { { 153, "a" } }, { 1, 153, false } },
        { "154", { { 154, "a" } }, { 1, 154, false } },
        { "160", { { 160, "a" } }, { 1, 160, false } },
        { "161", { { 161, "a" } }, { 2, 161, false } },
        { "306", { { 306, "a" } }, { 2, 306, false } },
        { "307", { { 307, "a" } }, { 3, 307, false } },
        { "459", { { 459, "a" } }, { 3, 459, false } },
        { "460", { { 460, "a" } }, { 4, 460, false } },
        { "1530", { { 1530, "a" } }, { 10, 1530, false } },
    };

    (void)state;
    expect_rows(rows, COUNT(rows));
}

static void
russian_text_fills_70_then_67_each(void **state)
{
    static const struct row rows[] = {
        { "1", { { 1, "ж" } }, { 1, 1, true } },
        { "67", { { 67, "ж" } }, { 1, 67, true } },
        { "70", { { 70, "ж" } }, { 1, 70, true } },
        { "71", { { 71, "ж" } }, { 2, 71, true } },
        { "134", { { 134, "ж" } }, { 2, 134, true } },
        { "135", { { 135, "ж" } }, { 3, 135, true } },
        { "201", { { 201, "ж" } }, { 3, 201, true } },
        { "202", { { 202, "ж" } }, { 4, 202, true } },
    };

    (void)state;
    expect_rows(rows, COUNT(rows));
}

static void
one_foreign_character_makes_all_ucs2(void **state)
{
    static const struct row rows[] = {
        { "at the end", { { 70, "a" }, { 1, "ж" } }, { 2, 71, true } },
        { "at the start", { { 1, "№" }, { 69, "a" } }, { 1, 70, true } },
        { "within", { { 80, "a" }, { 1, "\t" }, { 79, "a" } },
            { 3, 160, true } },
        { "euros are one there", { { 69, "€" }, { 1, "ж" } }, { 1, 70, true } },
        { "so are braces", { { 134, "{" }, { 1, "ж" } }, { 3, 135, true } },
    };

    (void)state;
    expect_rows(rows, COUNT(rows));
}

static void
a_character_of_the_extension_counts_two(void **state)
{
    static const struct row rows[] = {
        { "1", { { 1, "€" } }, { 1, 2, false } },
        { "80", { { 80, "€" } }, { 1, 160, false } },
        { "81", { { 81, "€" } }, { 2, 162, false } },
        { "over by one", { { 159, "a" }, { 1, "]" } }, { 2, 161, false } },
    };

    (void)state;
    expect_rows(rows, COUNT(rows));
}

static void
a_character_of_the_extension_is_not_split(void **state)
{
    static const struct row rows[] = {
        { "it fits", { { 151, "a" }, { 1, "€" }, { 153, "a" } },
            { 2, 306, false } },
        { "it does not", { { 152, "a" }, { 1, "€" }, { 152, "a" } },
            { 3, 306, false } },
        { "room for one less", { { 152, "a" }, { 1, "€" }, { 151, "a" } },
            { 2, 305, false } },
        { "76 in a part", { { 152, "€" } }, { 2, 304, false } },
        { "never 76 and a half", { { 153, "€" } }, { 3, 306, false } },
        { "in one SMS there is no seam", { { 152, "a" }, { 4, "€" } },
            { 1, 160, false } },
    };

    (void)state;
    expect_rows(rows, COUNT(rows));
}

static void
a_surrogate_pair_counts_two_and_is_not_split(void **state)
{
    static const struct row rows[] = {
        { "one", { { 1, "😀" } }, { 1, 2, true } },
        { "35", { { 35, "😀" } }, { 1, 70, true } },
        { "36", { { 36, "😀" } }, { 2, 72, true } },
        { "33 in a part", { { 66, "😀" } }, { 2, 132, true } },
        { "never 33 and a half", { { 67, "😀" } }, { 3, 134, true } },
        { "it fits", { { 65, "ж" }, { 1, "😀" }, { 67, "ж" } },
            { 2, 134, true } },
        { "it does not", { { 66, "ж" }, { 1, "😀" }, { 66, "ж" } },
            { 3, 134, true } },
        { "in one SMS there is no seam", { { 66, "ж" }, { 2, "😀" } },
            { 1, 70, true } },
        { "the last of the plane", { { 1, "\xEF\xBF\xBF" } }, { 1, 1, true } },
        { "the first above", { { 1, "\xF0\x90\x80\x80" } }, { 1, 2, true } },
    };

    (void)state;
    expect_rows(rows, COUNT(rows));
}

static void
a_byte_that_is_not_utf8_is_one_unit(void **state)
{
    static const struct row rows[] = {
        { "alone", { { 1, "\xFF" } }, { 1, 1, true } },
        { "among latin", { { 69, "a" }, { 1, "\xFF" } }, { 1, 70, true } },
        { "and over", { { 70, "a" }, { 1, "\xFF" } }, { 2, 71, true } },
        { "cut by the end", { { 1, "a" }, { 1, "\xF0\x9F\x98" } },
            { 1, 4, true } },
        { "cut by a letter", { { 1, "\xD0" }, { 1, "a" } }, { 1, 2, true } },
        { "overlong", { { 1, "\xC0\xAF" } }, { 1, 2, true } },
        { "a surrogate", { { 1, "\xED\xA0\xBD" } }, { 1, 3, true } },
        { "above U+10FFFF", { { 1, "\xF4\x90\x80\x80" } }, { 1, 4, true } },
        /* The second byte of a letter of the alphabet, on its own. */
        { "half a letter", { { 1, "\xA3" } }, { 1, 1, true } },
        { "many", { { 71, "\x80" } }, { 2, 71, true } },
    };

    (void)state;
    expect_rows(rows, COUNT(rows));
}

/* The tables of TS 23.038 as code points, for want of the module's own. */
static const struct {
    unsigned first, last, septets;
} gsm[] = {
    { '\n', '\n', 1 },
    { '\f', '\f', 2 },
    { '\r', '\r', 1 },
    { ' ', 'Z', 1 },
    { '[', '^', 2 },
    { '_', '_', 1 },
    { 'a', 'z', 1 },
    { '{', '~', 2 },
    { 0xA1, 0xA1, 1 },
    { 0xA3, 0xA5, 1 },
    { 0xA7, 0xA7, 1 },
    { 0xBF, 0xBF, 1 },
    { 0xC4, 0xC7, 1 },
    { 0xC9, 0xC9, 1 },
    { 0xD1, 0xD1, 1 },
    { 0xD6, 0xD6, 1 },
    { 0xD8, 0xD8, 1 },
    { 0xDC, 0xDC, 1 },
    { 0xDF, 0xE0, 1 },
    { 0xE4, 0xE6, 1 },
    { 0xE8, 0xE9, 1 },
    { 0xEC, 0xEC, 1 },
    { 0xF1, 0xF2, 1 },
    { 0xF6, 0xF6, 1 },
    { 0xF8, 0xF9, 1 },
    { 0xFC, 0xFC, 1 },
    { 0x393, 0x394, 1 },
    { 0x398, 0x398, 1 },
    { 0x39B, 0x39B, 1 },
    { 0x39E, 0x39E, 1 },
    { 0x3A0, 0x3A0, 1 },
    { 0x3A3, 0x3A3, 1 },
    { 0x3A6, 0x3A6, 1 },
    { 0x3A8, 0x3A9, 1 },
    { 0x20AC, 0x20AC, 2 },
};

static struct parts
single(unsigned code)
{
    for (size_t i = 0; i < COUNT(gsm); i++)
        if (code >= gsm[i].first && code <= gsm[i].last)
            return (struct parts){ 1, gsm[i].septets, false };
    return (struct parts){ 1, code > 0xFFFF ? 2 : 1, true };
}

static void
encode(unsigned code, char out[5])
{
    static const unsigned lead[] = { 0, 0, 0xC0, 0xE0, 0xF0 };
    int n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

    for (int i = n - 1; i > 0; i--, code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3F));
    out[0] = (char)(lead[n] | code);
    out[n] = '\0';
}

static void
each_character_of_unicode_is_carried_as_the_standard_says(void **state)
{
    unsigned septets[3] = { 0 };

    (void)state;
    for (unsigned code = 1; code <= 0x10FFFF; code++) {
        char text[5], label[16];
        struct parts want;

        if (code == 0xD800)
            code = 0xE000; /* surrogates are no characters */
        want = single(code);
        encode(code, text);
        snprintf(label, sizeof label, "U+%04X", code);
        expect_parts(label, text, want);
        if (!want.ucs2)
            septets[want.units]++;
    }
    assert_int_equal(septets[1], 127); /* and the escape */
    assert_int_equal(septets[2], 10);
}

static void
a_notice_is_counted(void **state)
{
    (void)state;
    expect_parts("russian",
        "Платёж 100.50 руб. зачислен на счёт abonent1. Баланс: 12.34 руб.",
        (struct parts){ 1, 64, true });
    expect_parts("latin", "Payment 100.50 RUB, account {abonent1}",
        (struct parts){ 1, 40, false });
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_text_makes_none),
        cmocka_unit_test(latin_text_fills_160_then_153_each),
        cmocka_unit_test(russian_text_fills_70_then_67_each),
        cmocka_unit_test(one_foreign_character_makes_all_ucs2),
        cmocka_unit_test(a_character_of_the_extension_counts_two),
        cmocka_unit_test(a_character_of_the_extension_is_not_split),
        cmocka_unit_test(a_surrogate_pair_counts_two_and_is_not_split),
        cmocka_unit_test(a_byte_that_is_not_utf8_is_one_unit),
        cmocka_unit_test(
            each_character_of_unicode_is_carried_as_the_standard_says),
        cmocka_unit_test(a_notice_is_counted),
    };

    return cmocka_run_group_tests_name("parts", tests, NULL, NULL);
}
