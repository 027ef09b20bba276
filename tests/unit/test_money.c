/* money: amounts as integers. */
#include "unit.h"

#include "money.h"

static const int64_t UNTOUCHED = 424242;

static int64_t
parsed(const char *text, int places)
{
    int64_t value = UNTOUCHED;

    if (!decimal_parse(text, places, &value))
        fail_msg("\"%s\" is refused", text);
    return value;
}

static void
assert_refused(const char *text, int places)
{
    int64_t value = UNTOUCHED;

    if (decimal_parse(text, places, &value))
        fail_msg("\"%s\" with %d places is taken", text, places);
    expect_number(text, value, UNTOUCHED);
}

static void
whole_numbers_are_scaled(void **state)
{
    (void)state;
    assert_int_equal(parsed("0", 2), 0);
    assert_int_equal(parsed("100", 2), 10000);
    assert_int_equal(parsed("100", 0), 100);
    assert_int_equal(parsed("100", 6), 100000000);
    assert_int_equal(parsed("007", 0), 7);
}

static void
decimals_fill_the_places_from_the_left(void **state)
{
    (void)state;
    assert_int_equal(parsed("12.5", 2), 1250);
    assert_int_equal(parsed("12.05", 2), 1205);
    assert_int_equal(parsed("0.01", 2), 1);
    assert_int_equal(parsed("0.000001", 6), 1);
    assert_int_equal(parsed("9.999999", 6), 9999999);
}

static void
a_minus_is_a_sign(void **state)
{
    (void)state;
    assert_int_equal(parsed("-12.5", 2), -1250);
    assert_int_equal(parsed("-0.01", 2), -1);
    assert_int_equal(parsed("-0", 2), 0);
    assert_int_equal(parsed("-0.00", 2), 0);
}

static void
zeros_may_follow_the_places(void **state)
{
    (void)state;
    assert_int_equal(parsed("10.500000", 2), 1050);
    assert_int_equal(parsed("10.000000", 0), 10);
    assert_int_equal(parsed("-1.100000000000000000000000000", 1), -11);
}

static void
more_decimals_than_places_are_refused(void **state)
{
    (void)state;
    assert_refused("10.501", 2);
    assert_refused("10.5001", 2);
    assert_refused("0.0000001", 6);
    assert_refused("1.5", 0);
    assert_refused("1.0001", 2);
}

static void
the_largest_and_the_smallest_fit(void **state)
{
    (void)state;
    assert_true(parsed("9223372036854775807", 0) == INT64_MAX);
    assert_true(parsed("-9223372036854775808", 0) == INT64_MIN);
    assert_true(parsed("92233720368547758.07", 2) == INT64_MAX);
    assert_true(parsed("-92233720368547758.08", 2) == INT64_MIN);
    assert_true(parsed("9223372036854.775807", 6) == INT64_MAX);
}

static void
one_beyond_them_does_not(void **state)
{
    (void)state;
    assert_refused("9223372036854775808", 0);
    assert_refused("-9223372036854775809", 0);
    assert_refused("92233720368547758.08", 2);
    assert_refused("-92233720368547758.09", 2);
    assert_refused("9223372036854775807", 2);
    assert_refused("9223372036854775807", 1);
    assert_refused("18446744073709551616", 0);
    assert_refused("99999999999999999999999999", 0);
}

static void
what_is_no_number_is_refused(void **state)
{
    static const char *const garbage[] = { "", "-", "+", "+1", "--1", "-+1",
        ".", ".5", "-.5", "5.", "-5.", "1.2.3", "1,5", "1 000", " 1", "1 ",
        "1e5", "1E5", "0x10", "12a", "a12", "nan", "inf", "null", "1\n", "½",
        "１", "1.-5", "1.+5", "1.5a", "1.00a" };

    (void)state;
    for (size_t i = 0; i < COUNT(garbage); i++)
        for (int places = 0; places <= 6; places += 2)
            assert_refused(garbage[i], places);
}

static void
amounts_have_two_decimals_and_a_point(void **state)
{
    static const struct {
        int64_t kopecks;
        const char *want;
    } amounts[] = { { 0, "0.00" }, { 1, "0.01" }, { 10, "0.10" },
        { 99, "0.99" }, { 100, "1.00" }, { 10050, "100.50" },
        { 123456789012, "1234567890.12" }, { -1, "-0.01" }, { -99, "-0.99" },
        { -5000, "-50.00" }, { INT64_MAX, "92233720368547758.07" },
        { INT64_MIN, "-92233720368547758.08" } };
    char buf[MONEY_TEXT];

    (void)state;
    for (size_t i = 0; i < COUNT(amounts); i++)
        expect_text(
            "amount", money_print(amounts[i].kopecks, buf), amounts[i].want);
}

static void
print_fills_and_returns_the_buffer(void **state)
{
    char buf[MONEY_TEXT];

    (void)state;
    assert_ptr_equal(money_print(1, buf), buf);
}

static void
what_is_printed_reads_back(void **state)
{
    static const int64_t values[] = { 0, 1, -1, 99, 100, -12345, INT64_MAX,
        INT64_MIN };
    char buf[MONEY_TEXT];

    (void)state;
    for (size_t i = 0; i < COUNT(values); i++)
        assert_true(parsed(money_print(values[i], buf), 2) == values[i]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers_are_scaled),
        cmocka_unit_test(decimals_fill_the_places_from_the_left),
        cmocka_unit_test(a_minus_is_a_sign),
        cmocka_unit_test(zeros_may_follow_the_places),
        cmocka_unit_test(more_decimals_than_places_are_refused),
        cmocka_unit_test(the_largest_and_the_smallest_fit),
        cmocka_unit_test(one_beyond_them_does_not),
        cmocka_unit_test(what_is_no_number_is_refused),
        cmocka_unit_test(amounts_have_two_decimals_and_a_point),
        cmocka_unit_test(print_fills_and_returns_the_buffer),
        cmocka_unit_test(what_is_printed_reads_back),
    };

    return cmocka_run_group_tests_name("money", tests, NULL, NULL);
}
