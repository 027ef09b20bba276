/*
 * low: the mark follows what is gone, and a sweep finds what came below it.
 */
#include "unit.h"

#include "low.h"

#define SECOND 1000000LL

/* A mark after rows 1 to 100, two seconds old, were taken at second 10; the
 * next sweep is due at second 11. */
static struct low
after_old_rows(void)
{
    struct low low = { 0 };

    assert_int_equal(low_from(&low, 10 * SECOND), 0);
    low_was_read(&low, 0, 10 * SECOND, 10 * SECOND);
    low_took(&low, 1, 100, 2 * SECOND, 10 * SECOND);
    return low;
}

static void
test_reads_begin_behind_old_rows_that_are_gone(void **state)
{
    struct low low = after_old_rows();

    (void)state;
    assert_int_equal(low_from(&low, 10 * SECOND + 1), 100);
}

static void
test_young_rows_are_passed_when_they_are_two_seconds_old(void **state)
{
    struct low low = { .sweep_us = 100 * SECOND };

    (void)state;
    low_took(&low, 1, 100, SECOND / 2, 10 * SECOND);
    assert_int_equal(low_from(&low, 11 * SECOND), 0);
    assert_int_equal(low_from(&low, 11 * SECOND + SECOND / 2), 100);
}

static void
test_a_stream_of_young_rows_does_not_hold_the_mark_back(void **state)
{
    struct low low = { .sweep_us = 100 * SECOND };

    (void)state;
    for (uint64_t s = 1; s <= 9; s++) {
        low_from(&low, (int64_t)s * SECOND);
        low_took(&low, s, s, 0, (int64_t)s * SECOND);
    }
    assert_in_range(low_from(&low, 10 * SECOND), 6, 8);
}

static void
test_a_sweep_is_due_each_second(void **state)
{
    struct low low = after_old_rows();

    (void)state;
    assert_int_equal(low_from(&low, 11 * SECOND), 0);
    low_was_read(&low, 0, 11 * SECOND, 11 * SECOND);
    assert_int_equal(low_from(&low, 12 * SECOND - 1), 100);
    assert_int_equal(low_from(&low, 12 * SECOND), 0);
}

static void
test_other_reads_do_not_put_the_sweep_off(void **state)
{
    struct low low = after_old_rows();

    (void)state;
    low_was_read(&low, 100, 10 * SECOND, 11 * SECOND - 1);
    assert_int_equal(low_from(&low, 11 * SECOND), 0);
}

static void
test_sweeps_take_a_tenth_of_the_time_at_most(void **state)
{
    (void)state;
    assert_int_equal(low_pause_us(0), SECOND);
    assert_int_equal(low_pause_us(SECOND / 10), SECOND);
    assert_int_equal(low_pause_us(SECOND), 10 * SECOND);
    assert_int_equal(low_pause_us(60 * SECOND), 30 * SECOND);
}

static void
test_reads_go_on_where_a_sweep_found_something(void **state)
{
    struct low low = after_old_rows();

    (void)state;
    low_took(&low, 20, 30, 5 * SECOND, 10 * SECOND + 1);
    assert_int_equal(low_from(&low, 10 * SECOND + 2), 30);
    /* Of young ones the mark stays before the first. */
    low_took(&low, 20, 30, 0, 10 * SECOND + 3);
    assert_int_equal(low_from(&low, 10 * SECOND + 4), 19);
}

static void
test_a_new_connection_begins_at_the_start(void **state)
{
    struct low low = after_old_rows();

    (void)state;
    low_forget(&low);
    assert_int_equal(low_from(&low, 10 * SECOND + 1), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_begin_behind_old_rows_that_are_gone),
        cmocka_unit_test(
            test_young_rows_are_passed_when_they_are_two_seconds_old),
        cmocka_unit_test(
            test_a_stream_of_young_rows_does_not_hold_the_mark_back),
        cmocka_unit_test(test_a_sweep_is_due_each_second),
        cmocka_unit_test(test_other_reads_do_not_put_the_sweep_off),
        cmocka_unit_test(test_sweeps_take_a_tenth_of_the_time_at_most),
        cmocka_unit_test(test_reads_go_on_where_a_sweep_found_something),
        cmocka_unit_test(test_a_new_connection_begins_at_the_start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
