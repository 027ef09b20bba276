/* bytes: a growing, bounded byte buffer. Linked with --wrap=realloc. */
#include "unit.h"

#include "bytes.h"

void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);

static bool memory_is_out;

void *
__wrap_realloc(void *p, size_t size)
{
    return memory_is_out ? NULL : __real_realloc(p, size);
}

static void
assert_failed_and_empty(const struct bytes *b)
{
    assert_false(bytes_ok(b));
    assert_int_equal(b->n, 0);
    assert_string_equal(bytes_text(b), "");
}

static void
a_new_buffer_is_empty_and_good(void **state)
{
    struct bytes b = bytes_make(10);

    (void)state;
    assert_true(bytes_ok(&b));
    assert_int_equal(b.n, 0);
    assert_null(b.p);
    assert_string_equal(bytes_text(&b), "");
    bytes_free(&b);
}

static void
appends_follow_each_other(void **state)
{
    struct bytes b = bytes_make(100);

    (void)state;
    bytes_str(&b, "one ");
    bytes_add(&b, "two three", 4);
    bytes_chr(&b, '3');
    assert_true(bytes_ok(&b));
    assert_string_equal(bytes_text(&b), "one two 3");
    assert_int_equal(b.n, 9);
    bytes_free(&b);
}

static void
numbers_are_decimal(void **state)
{
    struct bytes b = bytes_make(100);

    (void)state;
    bytes_uint(&b, 0);
    bytes_chr(&b, ' ');
    bytes_uint(&b, 10);
    bytes_chr(&b, ' ');
    bytes_uint(&b, UINT64_MAX);
    assert_string_equal(bytes_text(&b), "0 10 18446744073709551615");
    bytes_free(&b);
}

static void
a_nul_that_is_not_counted_follows(void **state)
{
    struct bytes b = bytes_make(1000);

    (void)state;
    for (size_t i = 0; i < 1000; i++) {
        bytes_chr(&b, 'x');
        assert_int_equal(b.n, i + 1);
        assert_int_equal(b.p[b.n], '\0');
    }
    bytes_free(&b);
}

static void
bytes_of_value_nul_are_kept(void **state)
{
    struct bytes b = bytes_make(10);

    (void)state;
    bytes_add(&b, "a\0b", 3);
    bytes_chr(&b, '\0');
    bytes_chr(&b, 'c');
    assert_int_equal(b.n, 5);
    assert_memory_equal(b.p, "a\0b\0c", 6);
    bytes_free(&b);
}

static void
nothing_may_be_appended(void **state)
{
    struct bytes b = bytes_make(0);

    (void)state;
    bytes_add(&b, NULL, 0);
    bytes_str(&b, "");
    bytes_printf(&b, "%s", "");
    assert_true(bytes_ok(&b));
    assert_string_equal(bytes_text(&b), "");
    bytes_free(&b);
}

static void
the_bound_itself_is_allowed(void **state)
{
    struct bytes b = bytes_make(8);

    (void)state;
    bytes_str(&b, "12345678");
    assert_true(bytes_ok(&b));
    assert_string_equal(bytes_text(&b), "12345678");
    bytes_free(&b);
}

static void
one_byte_beyond_the_bound_empties(void **state)
{
    struct bytes b = bytes_make(8);

    (void)state;
    bytes_str(&b, "12345678");
    bytes_chr(&b, '9');
    assert_failed_and_empty(&b);
    bytes_free(&b);
}

static void
an_append_larger_than_any_memory_fails(void **state)
{
    struct bytes b = bytes_make(8);

    (void)state;
    bytes_str(&b, "1");
    bytes_add(&b, "", SIZE_MAX);
    assert_failed_and_empty(&b);
    assert_false(bytes_no_memory(&b));
    bytes_free(&b);
}

static void
after_a_failure_nothing_is_appended(void **state)
{
    struct bytes b = bytes_make(2);

    (void)state;
    bytes_str(&b, "123");
    bytes_chr(&b, 'x');
    bytes_add(&b, "y", 1);
    bytes_printf(&b, "%d", 1);
    assert_failed_and_empty(&b);
    bytes_free(&b);
}

static void
clear_forgets_a_failure(void **state)
{
    struct bytes b = bytes_make(2);

    (void)state;
    bytes_str(&b, "123");
    bytes_clear(&b);
    assert_true(bytes_ok(&b));
    bytes_str(&b, "12");
    assert_string_equal(bytes_text(&b), "12");
    bytes_str(&b, "3");
    assert_failed_and_empty(&b);
    bytes_free(&b);
}

static void
clear_empties_and_keeps_the_memory(void **state)
{
    struct bytes b = bytes_make(10);
    const char *before;

    (void)state;
    bytes_str(&b, "12");
    before = b.p;
    bytes_clear(&b);
    assert_string_equal(bytes_text(&b), "");
    assert_int_equal(b.n, 0);
    assert_ptr_equal(b.p, before);
    bytes_free(&b);
}

static void
free_makes_it_as_new_with_the_same_bound(void **state)
{
    struct bytes b = bytes_make(3);

    (void)state;
    bytes_str(&b, "123");
    bytes_free(&b);
    assert_null(b.p);
    assert_int_equal(b.n, 0);
    bytes_str(&b, "abc");
    assert_string_equal(bytes_text(&b), "abc");
    bytes_chr(&b, 'd');
    assert_failed_and_empty(&b);
    bytes_free(&b);
    assert_true(bytes_ok(&b));
}

static void
printf_appends_formatted_text(void **state)
{
    struct bytes b = bytes_make(100);

    (void)state;
    bytes_printf(&b, "%d-%s", 12, "x");
    bytes_printf(&b, ";%05.1f", 2.5);
    assert_string_equal(bytes_text(&b), "12-x;002.5");
    assert_int_equal(b.n, 10);
    bytes_free(&b);
}

static void
printf_grows_over_many_sizes(void **state)
{
    struct bytes b = bytes_make(1 << 20);

    (void)state;
    for (int width = 1; width <= 700; width++) {
        size_t before = b.n;

        bytes_printf(&b, "%*d", width, 7);
        assert_int_equal(b.n, before + (size_t)width);
        assert_int_equal(b.p[b.n - 1], '7');
        assert_int_equal(b.p[b.n], '\0');
    }
    bytes_free(&b);
}

static void
printf_beyond_the_bound_empties(void **state)
{
    struct bytes b = bytes_make(4);

    (void)state;
    bytes_printf(&b, "%d", 1234);
    assert_string_equal(bytes_text(&b), "1234");
    bytes_printf(&b, "%d", 5);
    assert_failed_and_empty(&b);
    bytes_free(&b);
}

static void
no_memory_empties(void **state)
{
    struct bytes b = bytes_make(10000);

    (void)state;
    bytes_str(&b, "first");
    memory_is_out = true;
    bytes_printf(&b, "%5000d", 1);
    memory_is_out = false;
    assert_failed_and_empty(&b);
    assert_true(bytes_no_memory(&b));
    bytes_clear(&b);
    assert_false(bytes_no_memory(&b));
    bytes_str(&b, "again");
    assert_string_equal(bytes_text(&b), "again");
    bytes_free(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_buffer_is_empty_and_good),
        cmocka_unit_test(appends_follow_each_other),
        cmocka_unit_test(numbers_are_decimal),
        cmocka_unit_test(a_nul_that_is_not_counted_follows),
        cmocka_unit_test(bytes_of_value_nul_are_kept),
        cmocka_unit_test(nothing_may_be_appended),
        cmocka_unit_test(the_bound_itself_is_allowed),
        cmocka_unit_test(one_byte_beyond_the_bound_empties),
        cmocka_unit_test(an_append_larger_than_any_memory_fails),
        cmocka_unit_test(after_a_failure_nothing_is_appended),
        cmocka_unit_test(clear_forgets_a_failure),
        cmocka_unit_test(clear_empties_and_keeps_the_memory),
        cmocka_unit_test(free_makes_it_as_new_with_the_same_bound),
        cmocka_unit_test(printf_appends_formatted_text),
        cmocka_unit_test(printf_grows_over_many_sizes),
        cmocka_unit_test(printf_beyond_the_bound_empties),
        cmocka_unit_test(no_memory_empties),
    };

    return cmocka_run_group_tests_name("bytes", tests, NULL, NULL);
}
