/* quiet: hours in which subscribers are not to be disturbed. */
#include "unit.h"

#include "rules/quiet.h"

enum { US = 1000000, DAY_MIN = 24 * 60 };

static const int64_t MIN_US = 60LL * US;

static const char YEKATERINBURG[] = "Asia/Yekaterinburg";

static struct civil
civil(const char *text)
{
    struct civil c;

    assert_true(civil_parse(&c, text));
    return c;
}

static int64_t
utc(const char *text)
{
    struct civil c = civil(text);

    return civil_seconds(&c) * US;
}

static const struct zone *
loaded(const char *name)
{
    static struct zone zone;

    if (!zone_load(&zone, name))
        fail_msg("%s is unknown", name);
    return &zone;
}

static struct hours
hours(const char *text)
{
    struct hours h;

    if (!hours_parse(&h, text))
        fail_msg("\"%s\" is refused", text);
    return h;
}

/* When, by the clocks there, a message of this time goes; it goes now when
 * want is the same. */
static void
expect_goes(const char *quiet, const struct zone *zone, const char *at,
    const char *want)
{
    struct hours h = hours(quiet);
    struct civil local = civil(at);
    int64_t now = zone_instant_us(zone, &local);
    int64_t until = quiet_until_us(&h, zone, now);
    char text[CIVIL_TEXT];

    local = zone_local(zone, until ? until : now);
    expect_text(at, civil_print(&local, text), want);
    if (until)
        expect_number(at, until % US, 0);
    if (until && until <= now)
        fail_msg("%s: until a time that is over", at);
}

struct row {
    const char *at, *want;
};

static void
expect_rows(const char *quiet, const struct zone *zone, const struct row *rows,
    size_t n)
{
    for (size_t i = 0; i < n; i++)
        expect_goes(quiet, zone, rows[i].at, rows[i].want);
}

/* ---- the kit's rule: before 10:00 and from 23:00 in Yekaterinburg ---- */

static void
by_day_a_message_goes_at_once(void **state)
{
    static const struct row rows[] = {
        { "2026-11-23 10:00:00", "2026-11-23 10:00:00" },
        { "2026-11-23 10:00:01", "2026-11-23 10:00:01" },
        { "2026-11-23 12:00:00", "2026-11-23 12:00:00" },
        { "2026-11-23 22:59:59", "2026-11-23 22:59:59" },
    };

    (void)state;
    expect_rows("23:00-10:00", loaded(YEKATERINBURG), rows, COUNT(rows));
}

static void
in_the_evening_it_waits_for_tomorrow(void **state)
{
    static const struct row rows[] = {
        { "2026-11-23 23:00:00", "2026-11-24 10:00:00" },
        { "2026-11-23 23:00:59", "2026-11-24 10:00:00" },
        { "2026-11-23 23:59:59", "2026-11-24 10:00:00" },
    };

    (void)state;
    expect_rows("23:00-10:00", loaded(YEKATERINBURG), rows, COUNT(rows));
}

static void
in_the_morning_it_waits_for_today(void **state)
{
    static const struct row rows[] = {
        { "2026-11-24 00:00:00", "2026-11-24 10:00:00" },
        { "2026-11-24 04:59:59", "2026-11-24 10:00:00" },
        { "2026-11-24 05:00:00", "2026-11-24 10:00:00" }, /* 00:00 UTC */
        { "2026-11-24 09:59:00", "2026-11-24 10:00:00" },
        { "2026-11-24 09:59:59", "2026-11-24 10:00:00" },
    };

    (void)state;
    expect_rows("23:00-10:00", loaded(YEKATERINBURG), rows, COUNT(rows));
}

static void
at_the_end_of_a_month_tomorrow_is_in_the_next(void **state)
{
    static const struct row rows[] = {
        { "2026-01-31 23:30:00", "2026-02-01 10:00:00" },
        { "2026-03-31 23:30:00", "2026-04-01 10:00:00" },
        { "2026-04-30 23:30:00", "2026-05-01 10:00:00" },
        { "2026-08-31 23:30:00", "2026-09-01 10:00:00" },
        { "2026-11-30 23:30:00", "2026-12-01 10:00:00" },
        { "2026-05-01 00:00:00", "2026-05-01 10:00:00" },
    };

    (void)state;
    expect_rows("23:00-10:00", loaded(YEKATERINBURG), rows, COUNT(rows));
}

static void
at_the_end_of_a_year_tomorrow_is_in_the_next(void **state)
{
    static const struct row rows[] = {
        { "2026-12-31 22:59:59", "2026-12-31 22:59:59" },
        { "2026-12-31 23:00:00", "2027-01-01 10:00:00" },
        { "2026-12-31 23:59:59", "2027-01-01 10:00:00" },
        { "2027-01-01 00:00:00", "2027-01-01 10:00:00" },
    };

    (void)state;
    expect_rows("23:00-10:00", loaded(YEKATERINBURG), rows, COUNT(rows));
}

static void
at_the_end_of_february_leap_years_count(void **state)
{
    static const struct row rows[] = {
        { "2026-02-28 23:30:00", "2026-03-01 10:00:00" },
        { "2027-02-28 23:30:00", "2027-03-01 10:00:00" },
        { "2028-02-28 23:30:00", "2028-02-29 10:00:00" },
        { "2028-02-29 00:30:00", "2028-02-29 10:00:00" },
        { "2028-02-29 23:30:00", "2028-03-01 10:00:00" },
        { "2000-02-28 23:30:00", "2000-02-29 10:00:00" },
        { "2000-02-29 23:30:00", "2000-03-01 10:00:00" },
    };

    (void)state;
    expect_rows("23:00-10:00", loaded(YEKATERINBURG), rows, COUNT(rows));
}

static void
the_zone_and_not_utc_tells_the_hour(void **state)
{
    const struct zone *zone = loaded(YEKATERINBURG);
    struct hours h = hours("23:00-10:00");

    (void)state;
    assert_int_equal(quiet_until_us(&h, zone, utc("2026-11-23 17:59:59")), 0);
    assert_int_equal(quiet_until_us(&h, zone, utc("2026-11-23 18:00:00")),
        utc("2026-11-24 05:00:00"));
    assert_int_equal(quiet_until_us(&h, zone, utc("2026-11-24 04:59:59")),
        utc("2026-11-24 05:00:00"));
    assert_int_equal(quiet_until_us(&h, zone, utc("2026-11-24 05:00:00")), 0);
}

static void
the_borders_are_exact_to_the_microsecond(void **state)
{
    const struct zone *zone = loaded(YEKATERINBURG);
    struct hours h = hours("23:00-10:00");
    int64_t from = utc("2026-11-23 18:00:00");
    int64_t until = utc("2026-11-24 05:00:00");

    (void)state;
    assert_int_equal(quiet_until_us(&h, zone, from - 1), 0);
    assert_int_equal(quiet_until_us(&h, zone, from), until);
    assert_int_equal(quiet_until_us(&h, zone, until - 1), until);
    assert_int_equal(quiet_until_us(&h, zone, until), 0);
}

/* ---- other hours ---- */

static void
hours_need_not_cross_midnight(void **state)
{
    static const struct row rows[] = {
        { "2026-11-23 00:00:00", "2026-11-23 00:00:00" },
        { "2026-11-23 12:29:59", "2026-11-23 12:29:59" },
        { "2026-11-23 12:30:00", "2026-11-23 13:45:00" },
        { "2026-11-23 13:44:59", "2026-11-23 13:45:00" },
        { "2026-11-23 13:45:00", "2026-11-23 13:45:00" },
        { "2026-11-23 23:59:59", "2026-11-23 23:59:59" },
    };

    (void)state;
    expect_rows("12:30-13:45", loaded(YEKATERINBURG), rows, COUNT(rows));
}

static void
hours_may_begin_or_end_at_midnight(void **state)
{
    static const struct row from[] = {
        { "2026-12-31 23:59:59", "2026-12-31 23:59:59" },
        { "2027-01-01 00:00:00", "2027-01-01 08:00:00" },
        { "2027-01-01 08:00:00", "2027-01-01 08:00:00" },
    };
    static const struct row until[] = {
        { "2026-12-31 21:59:59", "2026-12-31 21:59:59" },
        { "2026-12-31 22:00:00", "2027-01-01 00:00:00" },
        { "2026-12-31 23:59:59", "2027-01-01 00:00:00" },
        { "2027-01-01 00:00:00", "2027-01-01 00:00:00" },
    };

    (void)state;
    expect_rows("00:00-08:00", loaded(YEKATERINBURG), from, COUNT(from));
    expect_rows("22:00-00:00", loaded(YEKATERINBURG), until, COUNT(until));
}

static void
one_minute_may_be_quiet_and_one_loud(void **state)
{
    static const struct row quiet[] = {
        { "2026-11-23 23:58:59", "2026-11-23 23:58:59" },
        { "2026-11-23 23:59:00", "2026-11-24 00:00:00" },
        { "2026-11-24 00:00:00", "2026-11-24 00:00:00" },
    };
    static const struct row loud[] = {
        { "2026-11-23 09:58:59", "2026-11-23 09:59:00" },
        { "2026-11-23 09:59:00", "2026-11-23 09:59:00" },
        { "2026-11-23 09:59:59", "2026-11-23 09:59:59" },
        { "2026-11-23 10:00:00", "2026-11-24 09:59:00" },
    };

    (void)state;
    expect_rows("23:59-00:00", loaded(YEKATERINBURG), quiet, COUNT(quiet));
    expect_rows("10:00-09:59", loaded(YEKATERINBURG), loud, COUNT(loud));
}

static void
the_same_twice_is_none(void **state)
{
    static const char *const none[] = { "no", "00:00-00:00", "10:00-10:00",
        "23:59-23:59" };
    const struct zone *zone = loaded(YEKATERINBURG);

    (void)state;
    for (size_t i = 0; i < COUNT(none); i++) {
        struct hours h = hours(none[i]);

        for (int m = 0; m < DAY_MIN; m++)
            expect_number(none[i],
                quiet_until_us(
                    &h, zone, utc("2026-11-23 00:00:00") + m * MIN_US),
                0);
    }
}

/* ---- clocks that are changed ---- */

static void
a_night_with_a_change_ends_by_the_clocks(void **state)
{
    const struct zone *zone = loaded("America/New_York");
    struct hours h = hours("23:00-10:00");

    (void)state;
    /* Ten hours of quiet, and twelve. */
    assert_int_equal(quiet_until_us(&h, zone, utc("2026-03-08 04:00:00")),
        utc("2026-03-08 14:00:00"));
    assert_int_equal(quiet_until_us(&h, zone, utc("2026-11-01 03:00:00")),
        utc("2026-11-01 15:00:00"));
}

static void
an_end_that_is_skipped_is_the_moment_of_the_jump(void **state)
{
    static const struct row rows[] = {
        { "2026-03-07 23:30:00", "2026-03-08 03:00:00" },
        { "2026-03-08 01:45:00", "2026-03-08 03:00:00" },
        { "2026-03-08 01:59:59", "2026-03-08 03:00:00" },
        { "2026-03-08 03:00:00", "2026-03-08 03:00:00" },
    };

    (void)state;
    expect_rows("23:00-02:30", loaded("America/New_York"), rows, COUNT(rows));
}

static void
an_end_at_a_midnight_that_is_skipped_is_the_jump(void **state)
{
    static const struct row rows[] = {
        { "2026-03-28 23:30:00", "2026-03-29 01:00:00" },
        { "2026-03-29 01:00:00", "2026-03-29 01:00:00" },
    };

    (void)state;
    expect_rows("23:00-00:00", loaded("Asia/Beirut"), rows, COUNT(rows));
}

static void
a_day_that_is_skipped_is_not_waited_for(void **state)
{
    static const struct row rows[] = {
        { "2011-12-29 23:30:00", "2011-12-31 10:00:00" },
    };
    const struct zone *zone = loaded("Pacific/Apia");
    struct hours h = hours("23:00-10:00");

    (void)state;
    expect_rows("23:00-10:00", zone, rows, COUNT(rows));
    /* It is but ten and a half hours. */
    assert_int_equal(quiet_until_us(&h, zone, utc("2011-12-30 09:30:00")),
        utc("2011-12-30 20:00:00"));
}

/* The clocks of New York show 01:00 to 02:00 twice, from 05:00 UTC. */
static void
an_end_that_is_shown_twice_ends_both_times(void **state)
{
    const struct zone *zone = loaded("America/New_York");
    struct hours h = hours("23:00-01:30");

    (void)state;
    assert_int_equal(quiet_until_us(&h, zone, utc("2026-11-01 05:15:00")),
        utc("2026-11-01 05:30:00"));
    assert_int_equal(quiet_until_us(&h, zone, utc("2026-11-01 05:30:00")), 0);
    assert_int_equal(quiet_until_us(&h, zone, utc("2026-11-01 06:15:00")),
        utc("2026-11-01 06:30:00"));
    assert_int_equal(quiet_until_us(&h, zone, utc("2026-11-01 06:15:00") + 1),
        utc("2026-11-01 06:30:00"));
    assert_int_equal(quiet_until_us(&h, zone, utc("2026-11-01 06:30:00")), 0);
}

/* ---- against the clock itself, minute by minute ---- */

enum { SPAN_MIN = 3 * DAY_MIN };

/* A jump of the clocks, two hours at most, may leave nothing of the rest of
 * the day: what is right then does not matter. */
static bool
jump_may_skip_the_rest(const struct hours *h)
{
    int rest = (h->from_min - h->until_min + DAY_MIN) % DAY_MIN;

    return rest > 0 && rest <= 120;
}

static bool
is_put_back(const int *shown, int m)
{
    return m > 0 && shown[m] < shown[m - 1] &&
           shown[m] != (shown[m - 1] + 1) % DAY_MIN;
}

/* The first minute that is not quiet is when the quiet hours end. When it is
 * one that clocks put back show once more, in the midst of quiet hours, then
 * to wait for the next end is right too. */
static void
expect_as_the_clock(const struct hours *h, const struct zone *zone,
    int64_t start_us, const int *shown)
{
    bool quiet[DAY_MIN] = { false };
    int end = SPAN_MIN, next = SPAN_MIN;

    for (int m = h->from_min; m != h->until_min; m = (m + 1) % DAY_MIN)
        quiet[m] = true;
    for (int m = SPAN_MIN - 1; m >= 0; m--) {
        int64_t now = start_us + m * MIN_US, got;

        if (!quiet[shown[m]]) {
            next = end == m + 1 ? next : end;
            end = m;
        }
        if (end == SPAN_MIN || m % 7 != 0) /* some minutes tell enough */
            continue;
        got = quiet_until_us(h, zone, now + 17 * US + 5);
        if (got != (end == m ? 0 : start_us + end * MIN_US) &&
            (end == m || !is_put_back(shown, end) ||
                got != start_us + next * MIN_US))
            fail_msg("quiet from minute %d until %d, at %lld: until %lld",
                h->from_min, h->until_min, (long long)(now / US),
                (long long)(got / US));
    }
}

static void
expect_all_hours_as_the_clock(const struct zone *zone, const char *around)
{
    /* Nights that begin or end while clocks are changed. */
    static const int minutes[] = { 0, 15, 30, 60, 75, 90, 105, 120, 135, 150,
        180, 600, 1320, 1380, 1395, 1410, 1439 };
    static int shown[SPAN_MIN];
    int64_t start_us = utc(around) - DAY_MIN * MIN_US;

    for (int m = 0; m < SPAN_MIN; m++) {
        struct civil c = zone_local(zone, start_us + m * MIN_US);

        shown[m] = c.hour * 60 + c.minute;
    }
    for (size_t i = 0; i < COUNT(minutes); i++)
        for (size_t k = 0; k < COUNT(minutes); k++) {
            struct hours h = { minutes[i], minutes[k] };

            if (!jump_may_skip_the_rest(&h))
                expect_as_the_clock(&h, zone, start_us, shown);
        }
}

static void
every_change_is_as_the_clock_shows_it(void **state)
{
    static const struct {
        const char *zone, *around; /* UTC */
    } rows[] = {
        { "Asia/Yekaterinburg", "2026-02-28 19:00:00" },
        { "Asia/Yekaterinburg", "2011-03-26 21:00:00" },
        { "Asia/Yekaterinburg", "2014-10-25 20:00:00" },
        { "Europe/Moscow", "2010-10-30 23:00:00" },
        { "America/New_York", "2026-03-08 07:00:00" },
        { "America/New_York", "2026-11-01 06:00:00" },
        { "America/Havana", "2026-03-08 05:00:00" },
        { "America/Havana", "2026-11-01 05:00:00" },
        { "America/Santiago", "2026-04-05 03:00:00" },
        { "America/Santiago", "2026-09-06 04:00:00" },
        { "Asia/Beirut", "2026-03-28 22:00:00" },
        { "Asia/Beirut", "2026-10-24 21:00:00" },
        { "Australia/Lord_Howe", "2026-04-04 15:00:00" },
        { "Australia/Lord_Howe", "2026-10-03 15:30:00" },
        { "Pacific/Chatham", "2026-04-04 14:00:00" },
        { "Asia/Pyongyang", "2015-08-14 15:00:00" },
        { "Antarctica/Troll", "2026-03-29 01:00:00" },
        { "Antarctica/Troll", "2026-10-25 01:00:00" },
        { "Pacific/Apia", "2011-12-30 10:00:00" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        expect_all_hours_as_the_clock(loaded(rows[i].zone), rows[i].around);
}

/* ---- what is written in the configuration ---- */

static void
hours_are_read(void **state)
{
    static const struct {
        const char *text;
        int from_min, until_min;
    } rows[] = {
        { "23:00-10:00", 1380, 600 },
        { "00:00-23:59", 0, 1439 },
        { "23:59-00:00", 1439, 0 },
        { "09:05-19:59", 545, 1199 },
        { "20:00-20:00", 1200, 1200 },
        { "no", 0, 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct hours h = hours(rows[i].text);

        expect_number(rows[i].text, h.from_min, rows[i].from_min);
        expect_number(rows[i].text, h.until_min, rows[i].until_min);
    }
}

static void
anything_else_is_refused(void **state)
{
    static const char *const bad[] = { "", " ", "-", "no ", " no", "No", "yes",
        "none", "23", "23:00", "23:00-", "-10:00", "23:00-10", "23-10",
        "23:00 10:00", "23:00-10:0", "23:00-10:000", "3:00-10:00", "23:0-10:00",
        "23:00--10:0", "23:00 - 10:00", " 23:00-10:00", "23:00-10:00 ",
        "24:00-10:00", "23:00-24:00", "23:60-10:00", "23:00-10:60",
        "23:00-10:99", "29:00-10:00", "99:99-99:99", "+3:00-10:00",
        "23.00-10.00", "2300-1000", "023:00-1:00", "23:000-1:00", "2x:00-10:00",
        "23:00\xE2\x80\x93-10:00", "\xFF\xFF:\xFF\xFF-10:00",
        "23:00-10:00-11:00" };
    struct hours h;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        if (hours_parse(&h, bad[i]))
            fail_msg("\"%s\" is taken", bad[i]);
}

static void
every_minute_of_the_day_is_read(void **state)
{
    (void)state;
    for (int m = 0; m < DAY_MIN; m++) {
        int other = DAY_MIN - 1 - m;
        char text[48];
        struct hours h;

        snprintf(text, sizeof text, "%02d:%02d-%02d:%02d", m / 60, m % 60,
            other / 60, other % 60);
        h = hours(text);
        expect_number(text, h.from_min, m);
        expect_number(text, h.until_min, other);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_day_a_message_goes_at_once),
        cmocka_unit_test(in_the_evening_it_waits_for_tomorrow),
        cmocka_unit_test(in_the_morning_it_waits_for_today),
        cmocka_unit_test(at_the_end_of_a_month_tomorrow_is_in_the_next),
        cmocka_unit_test(at_the_end_of_a_year_tomorrow_is_in_the_next),
        cmocka_unit_test(at_the_end_of_february_leap_years_count),
        cmocka_unit_test(the_zone_and_not_utc_tells_the_hour),
        cmocka_unit_test(the_borders_are_exact_to_the_microsecond),
        cmocka_unit_test(hours_need_not_cross_midnight),
        cmocka_unit_test(hours_may_begin_or_end_at_midnight),
        cmocka_unit_test(one_minute_may_be_quiet_and_one_loud),
        cmocka_unit_test(the_same_twice_is_none),
        cmocka_unit_test(a_night_with_a_change_ends_by_the_clocks),
        cmocka_unit_test(an_end_that_is_skipped_is_the_moment_of_the_jump),
        cmocka_unit_test(an_end_at_a_midnight_that_is_skipped_is_the_jump),
        cmocka_unit_test(a_day_that_is_skipped_is_not_waited_for),
        cmocka_unit_test(an_end_that_is_shown_twice_ends_both_times),
        cmocka_unit_test(every_change_is_as_the_clock_shows_it),
        cmocka_unit_test(hours_are_read),
        cmocka_unit_test(anything_else_is_refused),
        cmocka_unit_test(every_minute_of_the_day_is_read),
    };

    return cmocka_run_group_tests_name("quiet", tests, NULL, NULL);
}
