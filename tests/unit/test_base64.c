/*
 * base64: bytes as text, and back.
 */
#include "unit.h"

#include "base64.h"

/* RFC 4648, section 10, and bytes that need the last two digits. */
static const struct row {
    const char *bytes;
    size_t n;
    const char *text;
} rows[] = {
    { RAW(""), "" },
    { RAW("f"), "Zg==" },
    { RAW("fo"), "Zm8=" },
    { RAW("foo"), "Zm9v" },
    { RAW("foob"), "Zm9vYg==" },
    { RAW("fooba"), "Zm9vYmE=" },
    { RAW("foobar"), "Zm9vYmFy" },
    { RAW("\xFB\xFF\xBF\0"), "+/+/AA==" },
};

static void
bytes_are_written_as_the_rfc_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct bytes out = bytes_make(100);

        base64_print(&out, rows[i].bytes, rows[i].n);
        expect_text(rows[i].text, bytes_text(&out), rows[i].text);
        bytes_free(&out);
    }
}

static void
assert_read(const char *text, const char *bytes, size_t n)
{
    struct bytes out = bytes_make(100);

    assert_true(base64_read(&out, text));
    expect_number(text, out.n, n);
    assert_memory_equal(bytes_text(&out), bytes, n);
    bytes_free(&out);
}

static void
what_was_written_is_read_with_and_without_its_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char bare[16];

        snprintf(bare, sizeof bare, "%.*s", (int)strcspn(rows[i].text, "="),
            rows[i].text);
        assert_read(rows[i].text, rows[i].bytes, rows[i].n);
        assert_read(bare, rows[i].bytes, rows[i].n);
    }
}

static void
what_nobody_would_write_is_refused(void **state)
{
    static const char *const wrong[] = { "Z",
        "Zg=", "Zh==", "Zg===", "Zm9v=", "=", "Zm 9v", "Zm9v\n", "Zm-_",
        "Zm9vY", "Zg==Zg==" };

    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct bytes out = bytes_make(100);

        expect_number(wrong[i], base64_read(&out, wrong[i]), false);
        bytes_free(&out);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_written_as_the_rfc_says),
        cmocka_unit_test(what_was_written_is_read_with_and_without_its_end),
        cmocka_unit_test(what_nobody_would_write_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
