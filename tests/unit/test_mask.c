/*
 * mask: phone numbers and e-mail addresses cannot be read, all else can.
 */
#include "unit.h"

#include "mask.h"

static void
test_what_is_masked(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        { "", "" },
        { "79001234567", "79*****4567" },
        { "+79001234567", "+79*****4567" },
        { "to 89001234567, uid 1001", "to 89*****4567, uid 1001" },
        { "\"phone\":\"79001234567\"}", "\"phone\":\"79*****4567\"}" },
        { "sub79001234567x", "sub79*****4567x" },
        { "9001234567", "90****4567" },
        { "900123456", "900123456" },
        { "9289440300012345", "9289440300012345" },
        { "ivan@example.com", "i***@example.com" },
        { "<ivan.petrov+1@example.com>", "<i***@example.com>" },
        { "79001234567@example.com", "7***@example.com" },
        { "ё 2026-11-26 20:24:00.123", "ё 2026-11-26 20:24:00.123" },
        { "@", "@" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct bytes out = bytes_make(1024);

        mask_add(&out, rows[i].text, strlen(rows[i].text));
        expect_text(rows[i].text, bytes_text(&out), rows[i].want);
        bytes_free(&out);
    }
}

static void
test_a_nul_is_passed(void **state)
{
    struct bytes out = bytes_make(64);

    (void)state;
    mask_add(&out, RAW("a\0b 79001234567"));
    assert_int_equal(out.n, 15);
    assert_memory_equal(out.p, "a\0b 79*****4567", 15);
    bytes_free(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_masked),
        cmocka_unit_test(test_a_nul_is_passed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
