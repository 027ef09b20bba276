/* civil: dates and times as people write them. */
#include "unit.h"

#include "civil.h"

#include <limits.h>
#include <time.h>

static const struct civil NO_DATE;

static struct civil
parsed(const char *text)
{
    struct civil c;

    if (!civil_parse(&c, text))
        fail_msg("\"%s\" is refused", text);
    return c;
}

static void
expect_printed(const char *label, struct civil c, const char *want)
{
    char text[CIVIL_TEXT];

    expect_text(label, civil_print(&c, text), want);
}

static void
expect_refused(const char *text)
{
    struct civil c = { 1, 2, 3, 4, 5, 6 };

    if (civil_parse(&c, text))
        fail_msg("\"%s\" is taken", text);
    assert_memory_equal(&c, &NO_DATE, sizeof c);
}

static void
a_date_with_a_time_is_read(void **state)
{
    struct civil c = parsed("2026-11-23 20:24:59");

    (void)state;
    assert_int_equal(c.year, 2026);
    assert_int_equal(c.month, 11);
    assert_int_equal(c.day, 23);
    assert_int_equal(c.hour, 20);
    assert_int_equal(c.minute, 24);
    assert_int_equal(c.second, 59);
}

static void
a_date_alone_is_its_midnight(void **state)
{
    (void)state;
    expect_printed("date", parsed("2026-11-23"), "2026-11-23 00:00:00");
}

static void
nothing_is_left_of_what_was_there_before(void **state)
{
    struct civil c = { 1, 2, 3, 4, 5, 6 };

    (void)state;
    assert_true(civil_parse(&c, "2026-11-23"));
    expect_printed("date", c, "2026-11-23 00:00:00");
}

static void
a_fraction_is_dropped(void **state)
{
    (void)state;
    expect_printed(
        "6", parsed("2026-11-23 20:24:59.999999"), "2026-11-23 20:24:59");
    expect_printed("1", parsed("2026-11-23 20:24:59.0"), "2026-11-23 20:24:59");
}

static void
the_ends_of_the_calendar_are_read(void **state)
{
    static const char *const good[] = { "0001-01-01 00:00:00",
        "9999-12-31 23:59:59", "2026-01-31 00:00:00", "2026-04-30 00:00:00",
        "2024-02-29 00:00:00", "2000-02-29 00:00:00", "2026-02-28 00:00:00" };

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++)
        expect_printed(good[i], parsed(good[i]), good[i]);
}

static void
a_day_that_does_not_exist_is_refused(void **state)
{
    static const char *const bad[] = { "0000-00-00", "0000-00-00 00:00:00",
        "0000-01-01", "2026-00-10", "2026-13-10", "2026-10-00", "2026-01-32",
        "2026-04-31", "2026-06-31", "2026-09-31", "2026-11-31", "2026-02-29",
        "2024-02-30", "1900-02-29", "2100-02-29", "2026-99-99" };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        expect_refused(bad[i]);
}

static void
a_time_that_does_not_exist_is_refused(void **state)
{
    static const char *const bad[] = { "2026-11-23 24:00:00",
        "2026-11-23 23:60:00", "2026-11-23 23:59:60", "2026-11-23 99:00:00" };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        expect_refused(bad[i]);
}

static void
anything_else_is_refused(void **state)
{
    static const char *const bad[] = { "", " ", "-", "2", "2026", "2026-",
        "2026-11", "2026-11-", "2026-11-2", "2026-1-23", "26-11-23", "20261123",
        "2026.11.23", "23.11.2026", "2026/11/23", " 2026-11-23", "2026-11-23 ",
        "2026-11-233", "02026-11-23", "-026-11-23", "+026-11-23", "2026-+1-23",
        "2026- 1-23", "2026-11--3", "2026-11-23T20:24:59", "2026-11-23 20",
        "2026-11-23 20:", "2026-11-23 20:24",
        "2026-11-23 20:24:", "2026-11-23 20:24:5", "2026-11-23 2:24:59",
        "2026-11-23  20:24:59", "2026-11-23 20:24:59 ", "2026-11-23 20:24:59Z",
        "2026-11-23 20:24:599", "2026-11-23 20:24:59.", "2026-11-23 20:24:59.x",
        "2026-11-23 20:24:59.1.2", "2026-11-23 20:24:59.5 ",
        "2026-11-23 20:24:59,5", "2026-11-23 -1:24:59", "2026-11-23 20-24-59",
        "now", "null", "2026-11-\xEF\xBC\x92\xEF\xBC\x93" };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        expect_refused(bad[i]);
}

static void
each_day_of_the_calendar_is_one_after_the_day_before(void **state)
{
    struct civil c = { .year = 1, .month = 1, .day = 1 };
    int64_t want = -62135596800; /* 0001-01-01 */

    (void)state;
    while (c.year < 10000) {
        char text[CIVIL_TEXT];
        struct civil next = { c.year, c.month, c.day + 1, 0, 0, 0 };

        if (civil_seconds(&c) != want)
            fail_msg("%s is off", civil_print(&c, text));
        if (!civil_parse(&next, civil_print(&next, text)))
            next = c.month < 12
                       ? (struct civil){ c.year, c.month + 1, 1, 0, 0, 0 }
                       : (struct civil){ c.year + 1, 1, 1, 0, 0, 0 };
        c = next;
        want += 86400;
    }
    assert_int_equal(want, 253402300800); /* 10000-01-01 */
}

static void
seconds_agree_with_the_c_library(void **state)
{
    static const char *const at[] = { "1970-01-01 00:00:00",
        "1969-12-31 23:59:59", "1900-03-01 00:00:00", "2000-02-29 12:34:56",
        "2026-11-23 20:24:00", "2038-01-19 03:14:08", "9999-12-31 23:59:59",
        "0001-01-01 00:00:01" };

    (void)state;
    for (size_t i = 0; i < COUNT(at); i++) {
        struct civil c = parsed(at[i]);
        struct tm tm = { .tm_year = c.year - 1900,
            .tm_mon = c.month - 1,
            .tm_mday = c.day,
            .tm_hour = c.hour,
            .tm_min = c.minute,
            .tm_sec = c.second };

        expect_number(at[i], civil_seconds(&c), (int64_t)timegm(&tm));
    }
}

static void
months_are_added_as_the_server_does(void **state)
{
    static const struct {
        const char *from;
        int months;
        const char *want;
    } rows[] = {
        { "2026-11-23 20:24:59", 0, "2026-11-23 20:24:59" },
        { "2026-11-23 20:24:59", 1, "2026-12-23 20:24:59" },
        { "2026-12-23 20:24:59", 1, "2027-01-23 20:24:59" },
        { "2026-12-31 00:00:00", 12, "2027-12-31 00:00:00" },
        { "2026-12-31 00:00:00", -12, "2025-12-31 00:00:00" },
        { "2026-01-15 00:00:00", -1, "2025-12-15 00:00:00" },
        { "2026-12-15 00:00:00", -11, "2026-01-15 00:00:00" },
        { "2026-12-15 00:00:00", -12, "2025-12-15 00:00:00" },
        { "2026-12-15 00:00:00", -13, "2025-11-15 00:00:00" },
        { "2026-01-31 10:00:00", 1, "2026-02-28 10:00:00" },
        { "2024-01-31 10:00:00", 1, "2024-02-29 10:00:00" },
        { "2024-01-30 10:00:00", 1, "2024-02-29 10:00:00" },
        { "2026-03-31 10:00:00", -1, "2026-02-28 10:00:00" },
        { "2024-03-31 10:00:00", -1, "2024-02-29 10:00:00" },
        { "2026-05-31 23:59:59", -1, "2026-04-30 23:59:59" },
        { "2026-05-31 23:59:59", 1, "2026-06-30 23:59:59" },
        { "2026-07-31 23:59:59", 1, "2026-08-31 23:59:59" },
        { "2024-02-29 00:00:00", 12, "2025-02-28 00:00:00" },
        { "2024-02-29 00:00:00", 48, "2028-02-29 00:00:00" },
        { "2024-02-29 00:00:00", -12, "2023-02-28 00:00:00" },
        { "2024-02-29 00:00:00", -1, "2024-01-29 00:00:00" },
        { "2096-02-29 00:00:00", 48, "2100-02-28 00:00:00" },
        { "1996-02-29 00:00:00", 48, "2000-02-29 00:00:00" },
        { "0001-02-01 00:00:00", -1, "0001-01-01 00:00:00" },
        { "9999-11-30 00:00:00", 1, "9999-12-30 00:00:00" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        expect_printed(rows[i].from,
            civil_add_months(parsed(rows[i].from), rows[i].months),
            rows[i].want);
}

static void
no_date_stays_no_date_whatever_is_added(void **state)
{
    static const int months[] = { 0, 1, -1, 12, -12, 36, INT_MAX, INT_MIN };

    (void)state;
    for (size_t i = 0; i < COUNT(months); i++) {
        struct civil c = civil_add_months(NO_DATE, months[i]);

        assert_memory_equal(&c, &NO_DATE, sizeof c);
    }
}

static void
before_the_first_year_there_is_no_date(void **state)
{
    struct civil first = { 1, 1, 31, 10, 0, 0 };
    static const int months[] = { -1, -2, -11, -12, -13, -25, INT_MIN };

    (void)state;
    for (size_t i = 0; i < COUNT(months); i++) {
        struct civil c = civil_add_months(first, months[i]);

        assert_memory_equal(&c, &NO_DATE, sizeof c);
    }
}

static void
so_many_months_that_they_overflow_are_survived(void **state)
{
    struct civil last = { 9999, 12, 31, 0, 0, 0 };
    struct civil c = civil_add_months(last, INT_MAX);

    (void)state;
    assert_int_equal(c.year, 9999 + (INT_MAX / 12) + 1);
    assert_int_equal(c.month, 7); /* 2^31 - 1 is 7 beyond whole years */
    assert_int_equal(c.day, 31);
    assert_int_equal(civil_compare(&c, &last), 1);
}

static void
times_are_compared_to_the_second(void **state)
{
    static const char *const rising[] = { "0001-01-01 00:00:00",
        "1969-12-31 23:59:59", "1970-01-01 00:00:00", "2025-12-31 23:59:59",
        "2026-01-01 00:00:00", "2026-01-01 00:00:01", "2026-01-01 00:01:00",
        "2026-01-01 01:00:00", "2026-01-02 00:00:00", "2026-02-01 00:00:00",
        "2026-02-28 23:59:59", "2026-03-01 00:00:00", "9999-12-31 23:59:59" };

    (void)state;
    for (size_t i = 0; i < COUNT(rising); i++)
        for (size_t j = 0; j < COUNT(rising); j++) {
            struct civil a = parsed(rising[i]), b = parsed(rising[j]);

            expect_number(rising[i], civil_compare(&a, &b), (i > j) - (i < j));
        }
}

static void
no_date_is_before_every_date(void **state)
{
    struct civil first = parsed("0001-01-01");

    (void)state;
    assert_true(civil_compare(&NO_DATE, &first) < 0);
    assert_true(civil_compare(&first, &NO_DATE) > 0);
    assert_int_equal(civil_compare(&NO_DATE, &NO_DATE), 0);
}

static void
what_is_printed_is_read_again(void **state)
{
    (void)state;
    expect_printed(
        "padded", (struct civil){ 26, 1, 2, 3, 4, 5 }, "0026-01-02 03:04:05");
    expect_printed("no date", NO_DATE, "0000-00-00 00:00:00");
}

static void
any_numbers_are_printed_within_the_buffer(void **state)
{
    struct civil wild = { INT_MIN, INT_MIN, INT_MIN, INT_MIN, INT_MIN,
        INT_MIN };
    char text[CIVIL_TEXT];

    (void)state;
    assert_true(strlen(civil_print(&wild, text)) < CIVIL_TEXT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_date_with_a_time_is_read),
        cmocka_unit_test(a_date_alone_is_its_midnight),
        cmocka_unit_test(nothing_is_left_of_what_was_there_before),
        cmocka_unit_test(a_fraction_is_dropped),
        cmocka_unit_test(the_ends_of_the_calendar_are_read),
        cmocka_unit_test(a_day_that_does_not_exist_is_refused),
        cmocka_unit_test(a_time_that_does_not_exist_is_refused),
        cmocka_unit_test(anything_else_is_refused),
        cmocka_unit_test(each_day_of_the_calendar_is_one_after_the_day_before),
        cmocka_unit_test(seconds_agree_with_the_c_library),
        cmocka_unit_test(months_are_added_as_the_server_does),
        cmocka_unit_test(no_date_stays_no_date_whatever_is_added),
        cmocka_unit_test(before_the_first_year_there_is_no_date),
        cmocka_unit_test(so_many_months_that_they_overflow_are_survived),
        cmocka_unit_test(times_are_compared_to_the_second),
        cmocka_unit_test(no_date_is_before_every_date),
        cmocka_unit_test(what_is_printed_is_read_again),
        cmocka_unit_test(any_numbers_are_printed_within_the_buffer),
    };

    return cmocka_run_group_tests_name("civil", tests, NULL, NULL);
}
