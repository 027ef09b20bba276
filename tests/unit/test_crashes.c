/* crashes: reading the book of crashes. */
#include "unit.h"

#include "crashes.h"

#define SMS "call payment:bugh_plategi_stat:7:1001:2026-11-26 05:05:00|sms|0"
#define CRASH(key) "1795669501 11 " MBEV_VERSION " " key "\n"
#define ASIDE(key) "1795669501 aside " MBEV_VERSION " " key "\n"

static struct crashes book;

static int
close_book(void **state)
{
    (void)state;
    crashes_free(&book);
    return 0;
}

static void
take(const char *text)
{
    crashes_free(&book);
    assert_true(crashes_read(&book, text, strlen(text)));
}

static bool
is_enough(const char *key)
{
    return crashes_is_enough(crashes_find(&book, key));
}

static void
the_third_crash_is_enough(void **state)
{
    (void)state;
    take(CRASH(SMS) CRASH(SMS));
    assert_false(is_enough(SMS));
    assert_int_equal(crashes_find(&book, SMS)->n, 2);
    take(CRASH(SMS) CRASH("decide other|sms") CRASH(SMS) CRASH(SMS));
    assert_true(is_enough(SMS));
    assert_false(is_enough("decide other|sms"));
    assert_null(crashes_find(&book, "decide another|sms"));
}

static void
after_it_was_set_aside_each_one_is_enough(void **state)
{
    (void)state;
    take(CRASH(SMS) CRASH(SMS) CRASH(SMS) ASIDE(SMS));
    assert_false(is_enough(SMS));
    take(CRASH(SMS) CRASH(SMS) CRASH(SMS) ASIDE(SMS) CRASH(SMS));
    assert_true(is_enough(SMS));
    assert_int_equal(crashes_find(&book, SMS)->all, 4);
    crashes_set_aside(&book, SMS);
    assert_false(is_enough(SMS));
}

static void
a_router_with_orders_may_crash_as_three_deliveries(void **state)
{
    (void)state;
#define THREE(key) CRASH(key) CRASH(key) CRASH(key)
    take(THREE("orders 1:r:ssh") THREE("orders 1:r:ssh") THREE("router 2:r"));
    assert_false(is_enough("orders 1:r:ssh"));
    assert_true(is_enough("router 2:r"));
    take(THREE("orders 1:r:ssh") THREE("orders 1:r:ssh")
            THREE("orders 1:r:ssh"));
    assert_true(is_enough("orders 1:r:ssh"));
}

static void
what_is_no_line_of_ours_is_not_counted(void **state)
{
    static const char *const others[] = { "", "\n", "\n\n \n  \n   \n",
        "1795669501 11 0.0.0-before " SMS "\n",
        "x 11 " MBEV_VERSION " " SMS "\n",
        "1795669501 " MBEV_VERSION " " SMS "\n",
        "1795669501 11 " MBEV_VERSION " \n", "1795669501 11\n",
        "1795669501 told " MBEV_VERSION " -\n",
        "1795669501 11 " MBEV_VERSION " nothing\n", /* and a torn one: */
        "1795669501 11 " MBEV_VERSION " " SMS };

    (void)state;
    for (size_t i = 0; i < COUNT(others); i++) {
        take(others[i]);
        expect_number(others[i], book.n, 0);
    }
}

static void
lines_that_are_too_long_or_binary_are_left_out(void **state)
{
    static char text[8 * CRASHES_LINE];
    static const char good[] = "\n" CRASH(SMS);
    size_t n = 4 * CRASHES_LINE;

    (void)state;
    memset(text, 'x', n);
    memcpy(text, CRASH(SMS), strlen(CRASH(SMS)));
    memcpy(text + n, good, strlen(good));
    memset(text + 200, 0, 9);
    assert_true(crashes_read(&book, text, n + strlen(good)));
    assert_int_equal(crashes_find(&book, SMS)->n, 2);
}

static void
a_key_is_one_safe_line_of_a_bounded_length(void **state)
{
    char key[CRASHES_KEY + 1], text[2 * CRASHES_KEY];

    (void)state;
    crashes_key(key, WORK_DECIDE, "pay\nment;\x1b[0m\"\xd1\x8f", "sms");
    assert_string_equal(key, "decide pay?ment???0m???|sms");
    crashes_key(key, WORK_NOTHING, NULL, NULL);
    assert_string_equal(key, "nothing");
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_int_equal(crashes_key(key, WORK_CALL, text, text), CRASHES_KEY);
}

static void
many_things_are_told_apart(void **state)
{
    enum { MANY = 1000 };
    static char text[MANY * CRASHES_LINE];
    size_t n = 0;
    char key[64];

    (void)state;
    for (int i = 0; i < MANY; i++)
        n += (size_t)sprintf(
            text + n, "1 6 %s call thing:%d|sms|0\n", MBEV_VERSION, i % 500);
    assert_true(crashes_read(&book, text, n));
    assert_int_equal(book.n, 500);
    for (int i = 0; i < 500; i++) {
        snprintf(key, sizeof key, "call thing:%d|sms|0", i);
        assert_int_equal(crashes_find(&book, key)->n, 2);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(the_third_crash_is_enough, close_book),
        cmocka_unit_test_teardown(
            after_it_was_set_aside_each_one_is_enough, close_book),
        cmocka_unit_test_teardown(
            a_router_with_orders_may_crash_as_three_deliveries, close_book),
        cmocka_unit_test_teardown(
            what_is_no_line_of_ours_is_not_counted, close_book),
        cmocka_unit_test_teardown(
            lines_that_are_too_long_or_binary_are_left_out, close_book),
        cmocka_unit_test(a_key_is_one_safe_line_of_a_bounded_length),
        cmocka_unit_test_teardown(many_things_are_told_apart, close_book),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
