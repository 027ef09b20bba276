/* zone: what the clocks of a time zone show. Needs the system's tables. */
#include "unit.h"

#include "zone.h"

#include <time.h>

enum { US = 1000000 };

static const char YEKATERINBURG[] = "Asia/Yekaterinburg";
static const char MOSCOW[] = "Europe/Moscow";
static const char NEW_YORK[] = "America/New_York";

static const struct zone *
loaded(const char *name)
{
    static struct zone zone;

    if (!zone_load(&zone, name))
        fail_msg("%s is unknown", name);
    return &zone;
}

static void
expect_unknown(const char *name)
{
    struct zone zone;

    if (zone_load(&zone, name))
        fail_msg("\"%s\" is a zone", name);
}

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

static void
expect_shown(const struct zone *zone, int64_t wall_us, const char *want)
{
    struct civil c = zone_local(zone, wall_us);
    char text[CIVIL_TEXT];

    expect_text("shown", civil_print(&c, text), want);
}

static void
expect_instant(const struct zone *zone, const char *shown, const char *want)
{
    struct civil c = civil(shown);

    expect_number(shown, zone_instant_us(zone, &c), utc(want));
}

/* The C library's own answer, with the zone in TZ. */
static struct civil
library_shows(int64_t s)
{
    time_t t = (time_t)s;
    struct tm tm;

    assert_non_null(localtime_r(&t, &tm));
    return (struct civil){ tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
        tm.tm_hour, tm.tm_min, tm.tm_sec };
}

static int
restore_tz(void **state)
{
    (void)state;
    unsetenv("TZ");
    tzset();
    return 0;
}

/* ---- the zone of the kit ---- */

static void
yekaterinburg_is_five_hours_ahead(void **state)
{
    const struct zone *zone = loaded(YEKATERINBURG);

    (void)state;
    assert_int_equal(zone_east_s(zone, utc("2026-07-01")), 5 * 3600);
    assert_int_equal(zone_east_s(zone, utc("2026-12-31")), 5 * 3600);
    expect_shown(zone, utc("2026-12-31 18:59:59"), "2026-12-31 23:59:59");
    expect_shown(zone, utc("2026-12-31 19:00:00"), "2027-01-01 00:00:00");
    expect_instant(zone, "2027-01-01 00:00:00", "2026-12-31 19:00:00");
    expect_instant(zone, "2028-02-29 10:00:00", "2028-02-29 05:00:00");
}

static void
a_fraction_of_a_second_does_not_count(void **state)
{
    const struct zone *zone = loaded(YEKATERINBURG);

    (void)state;
    expect_shown(zone, utc("2026-12-31 19:00:00") - 1, "2026-12-31 23:59:59");
    expect_shown(
        zone, utc("2026-12-31 19:00:00") + 999999, "2027-01-01 00:00:00");
}

static void
time_before_1970_is_rounded_down_too(void **state)
{
    const struct zone *zone = loaded("+05:00");

    (void)state;
    expect_shown(zone, 0, "1970-01-01 05:00:00");
    expect_shown(zone, -1, "1970-01-01 04:59:59");
    expect_shown(zone, -US, "1970-01-01 04:59:59");
    expect_shown(zone, -US - 1, "1970-01-01 04:59:58");
    expect_instant(zone, "1969-12-31 23:59:59", "1969-12-31 18:59:59");
}

/* ---- changes ---- */

static void
moscow_keeps_its_history(void **state)
{
    static const struct {
        const char *at, *before, *after;
    } rows[] = {
        /* Summer time and back for the last time. */
        { "2010-03-27 23:00:00", "2010-03-28 01:59:59", "2010-03-28 03:00:00" },
        { "2010-10-30 23:00:00", "2010-10-31 02:59:59", "2010-10-31 02:00:00" },
        /* Summer time for good. */
        { "2011-03-26 23:00:00", "2011-03-27 01:59:59", "2011-03-27 03:00:00" },
        /* Winter time for good. */
        { "2014-10-25 22:00:00", "2014-10-26 01:59:59", "2014-10-26 01:00:00" },
    };
    const struct zone *zone = loaded(MOSCOW);

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        expect_shown(zone, utc(rows[i].at) - 1, rows[i].before);
        expect_shown(zone, utc(rows[i].at), rows[i].after);
    }
}

static void
moscow_does_not_change_any_more(void **state)
{
    const struct zone *zone = loaded(MOSCOW);

    (void)state;
    assert_int_equal(zone_east_s(zone, utc("2011-12-31")), 4 * 3600);
    assert_int_equal(zone_east_s(zone, utc("2013-07-01")), 4 * 3600);
    for (int64_t at = utc("2014-10-25 22:00:00"); at < utc("2060-01-01");
         at += 3600LL * 24 * US)
        assert_int_equal(zone_east_s(zone, at), 3 * 3600);
}

static void
new_york_goes_forward_in_march(void **state)
{
    const struct zone *zone = loaded(NEW_YORK);
    int64_t at = utc("2026-03-08 07:00:00");

    (void)state;
    expect_shown(zone, at - 1, "2026-03-08 01:59:59");
    expect_shown(zone, at, "2026-03-08 03:00:00");
    expect_instant(zone, "2026-03-08 01:59:59", "2026-03-08 06:59:59");
    expect_instant(zone, "2026-03-08 03:00:00", "2026-03-08 07:00:00");
}

static void
new_york_goes_back_in_november(void **state)
{
    const struct zone *zone = loaded(NEW_YORK);
    int64_t at = utc("2026-11-01 06:00:00");

    (void)state;
    expect_shown(zone, at - 1, "2026-11-01 01:59:59");
    expect_shown(zone, at, "2026-11-01 01:00:00");
    expect_instant(zone, "2026-11-01 00:59:59", "2026-11-01 04:59:59");
    expect_instant(zone, "2026-11-01 02:00:00", "2026-11-01 07:00:00");
}

static void
what_is_shown_twice_is_the_first_time(void **state)
{
    static const struct {
        const char *zone, *shown, *first;
    } rows[] = {
        { NEW_YORK, "2026-11-01 01:00:00", "2026-11-01 05:00:00" },
        { NEW_YORK, "2026-11-01 01:59:59", "2026-11-01 05:59:59" },
        { MOSCOW, "2014-10-26 01:00:00", "2014-10-25 21:00:00" },
        { MOSCOW, "2014-10-26 01:59:59", "2014-10-25 21:59:59" },
        { "Australia/Lord_Howe", "2026-04-05 01:45:00", "2026-04-04 14:45:00" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        expect_instant(loaded(rows[i].zone), rows[i].shown, rows[i].first);
}

static void
what_is_skipped_is_the_moment_of_the_jump(void **state)
{
    static const struct {
        const char *zone, *skipped, *jump;
    } rows[] = {
        { NEW_YORK, "2026-03-08 02:00:00", "2026-03-08 07:00:00" },
        { NEW_YORK, "2026-03-08 02:59:59", "2026-03-08 07:00:00" },
        { MOSCOW, "2011-03-27 02:00:00", "2011-03-26 23:00:00" },
        { MOSCOW, "2011-03-27 02:30:00", "2011-03-26 23:00:00" },
        /* A day that Samoa never had. */
        { "Pacific/Apia", "2011-12-30 12:00:00", "2011-12-30 10:00:00" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        expect_instant(loaded(rows[i].zone), rows[i].skipped, rows[i].jump);
}

/* ---- against the C library ---- */

static const char *const many[] = { "UTC", "Asia/Yekaterinburg",
    "Europe/Moscow", "Europe/Kaliningrad", "Europe/Samara", "Europe/Volgograd",
    "Asia/Novosibirsk", "Asia/Kamchatka", "Asia/Almaty", "Asia/Kathmandu",
    "Asia/Gaza", "Asia/Pyongyang", "Europe/London", "Europe/Dublin",
    "Africa/Casablanca", "America/New_York", "America/St_Johns",
    "America/Caracas", "America/Santiago", "Australia/Lord_Howe",
    "Antarctica/Troll", "Pacific/Apia", "Pacific/Kiritimati",
    "Pacific/Chatham" };

/* The first time at which the clocks show what they show at s. */
static void
expect_first(const struct zone *zone, int64_t s, const struct civil *shown)
{
    int64_t first = zone_instant_us(zone, shown) / US;
    struct civil again = zone_local(zone, first * US);

    assert_int_equal(civil_compare(shown, &again), 0);
    assert_true(first <= s);
    /* No zone was put back by a day. */
    for (int64_t at = first - 86400; first < s && at < first; at += 900) {
        again = zone_local(zone, at * US);
        assert_true(civil_compare(shown, &again) != 0);
    }
}

static void
expect_agreement(const char *name, const struct zone *zone, int64_t s)
{
    struct civil want = library_shows(s), got = zone_local(zone, s * US);
    char text[CIVIL_TEXT];

    if (civil_compare(&got, &want) != 0)
        fail_msg("%s at %lld: %s", name, (long long)s, civil_print(&got, text));
    expect_number(name, zone_east_s(zone, s * US), civil_seconds(&want) - s);
    expect_first(zone, s, &want);
}

static void
thousands_of_instants_agree_with_the_c_library(void **state)
{
    uint64_t dice = 20261123;

    (void)state;
    for (size_t i = 0; i < COUNT(many); i++) {
        const struct zone *zone = loaded(many[i]);

        setenv("TZ", many[i], 1);
        tzset();
        for (int n = 0; n < 5000; n++) {
            dice = dice * 6364136223846793005U + 1442695040888963407U;
            /* 1990 to 2060 */
            expect_agreement(many[i], zone,
                631152000 + (int64_t)((dice >> 20) % 2208988800U));
        }
    }
}

static void
each_change_is_known_to_the_second(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(many); i++) {
        const struct zone *zone = loaded(many[i]);

        setenv("TZ", many[i], 1);
        tzset();
        for (size_t k = 1; k < zone->n; k++)
            for (int64_t near = -2; near <= 2; near++)
                expect_agreement(many[i], zone, zone->span[k].from_s + near);
    }
}

/* ---- names and offsets ---- */

static void
offsets_are_read(void **state)
{
    static const struct {
        const char *text;
        int minutes;
    } rows[] = { { "+05:30", 330 }, { "+00:00", 0 }, { "-00:00", 0 },
        { "+05:00", 300 }, { "-03:30", -210 }, { "-00:30", -30 },
        { "+14:00", 840 }, { "-12:00", -720 }, { "+12:45", 765 } };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct zone *zone = loaded(rows[i].text);

        expect_number(rows[i].text, zone_east_s(zone, 0), rows[i].minutes * 60);
        expect_number(rows[i].text, zone_east_s(zone, utc("2026-07-01")),
            rows[i].minutes * 60);
    }
    expect_shown(
        loaded("+05:30"), utc("2026-12-31 18:30:00"), "2027-01-01 00:00:00");
    expect_instant(
        loaded("-03:30"), "2026-12-31 23:00:00", "2027-01-01 02:30:00");
}

static void
anything_like_an_offset_is_unknown(void **state)
{
    static const char *const bad[] = { "+", "-", "+5", "+05", "+0530", "+5:30",
        "+05:3", "+05:300", "+05:60", "+05:99", "+15:00", "+24:00", "+99:99",
        "05:30", "+05.30", "+05:30 ", " +05:30", "++5:30", "+-5:30", "+0x:30",
        "+05:3x", "+0 :30", "+05: 3", "+:5:30", "+/9:00", "+05:/9", "+UTC:0",
        "-\xFF\xFF:\xFF\xFF" };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        expect_unknown(bad[i]);
}

static void
unknown_names_are_unknown(void **state)
{
    static const char *const bad[] = { "", " ", "Mars/Olympus", "Asia/Ekb",
        "asia/yekaterinburg ", "Asia/Yekaterinburg ", " Asia/Yekaterinburg",
        "Asia/Yekaterinburg/", "YEKT", "YEKT-5", "UTC+5", "EST5EDT4,M3.2.0",
        "<+05>-5", ":UTC", "UTC\n" };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        expect_unknown(bad[i]);
}

static void
a_name_cannot_leave_the_folder(void **state)
{
    static const char *const bad[] = { "../etc/passwd", "../../../etc/passwd",
        "/etc/passwd", "/usr/share/zoneinfo/Europe/Moscow", "./Europe/Moscow",
        "Europe/../Europe/Moscow", "Europe/../../zoneinfo/UTC", "..", ".",
        "../zoneinfo/UTC", "Asia/.." };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        expect_unknown(bad[i]);
}

static void
a_folder_or_another_file_is_no_zone(void **state)
{
    static const char *const bad[] = { "Asia", "Asia/", "America/Argentina",
        "zone.tab", "zone1970.tab", "iso3166.tab", "tzdata.zi", "leapseconds" };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        expect_unknown(bad[i]);
}

static void
a_very_long_name_is_unknown(void **state)
{
    char name[5000];

    (void)state;
    for (size_t n = 90; n < sizeof name; n += n < 130 ? 1 : 999) {
        memset(name, 'x', n);
        name[n] = '\0';
        expect_unknown(name);
        /* Nor one that is good when it is cut. */
        memset(name, '/', n);
        memcpy(name, "Europe", 6);
        memcpy(name + n - 7, "Moscow", 7);
        if (n > 200)
            expect_unknown(name);
    }
}

static void
what_was_loaded_before_is_forgotten(void **state)
{
    struct zone zone;

    (void)state;
    assert_true(zone_load(&zone, NEW_YORK));
    assert_true(zone_load(&zone, "+05:00"));
    assert_int_equal(zone.n, 1);
    assert_int_equal(zone_east_s(&zone, utc("2026-07-01")), 5 * 3600);
    assert_false(zone_load(&zone, "Mars/Olympus"));
    assert_int_equal(zone_east_s(&zone, utc("2026-07-01")), 0);
}

static void
the_zones_with_most_changes_have_room(void **state)
{
    static const char *const most[] = { "Asia/Gaza", "Asia/Hebron",
        "Africa/Casablanca", "Africa/El_Aaiun", "Europe/London", NEW_YORK };

    (void)state;
    for (size_t i = 0; i < COUNT(most); i++)
        assert_in_range(loaded(most[i])->n, 50, ZONE_MOST);
}

/* ---- the environment ---- */

static void
expect_tokyo(void)
{
    assert_string_equal(getenv("TZ"), "Asia/Tokyo");
    assert_int_equal(library_shows(0).hour, 9);
}

static void
the_environment_is_restored(void **state)
{
    struct zone zone;

    (void)state;
    setenv("TZ", "Asia/Tokyo", 1);
    tzset();
    assert_true(zone_load(&zone, NEW_YORK));
    expect_tokyo();
    assert_true(zone_load(&zone, "+05:30"));
    expect_tokyo();
    assert_false(zone_load(&zone, "Mars/Olympus"));
    expect_tokyo();
    assert_false(zone_load(&zone, "Asia"));
    expect_tokyo();
}

static void
an_environment_without_tz_stays_without(void **state)
{
    struct zone zone;
    int hour;

    (void)state;
    unsetenv("TZ");
    tzset();
    hour = library_shows(0).hour;
    assert_true(zone_load(&zone, "Asia/Tokyo"));
    assert_null(getenv("TZ"));
    assert_int_equal(library_shows(0).hour, hour);
}

static void
an_empty_tz_stays_empty(void **state)
{
    struct zone zone;

    (void)state;
    setenv("TZ", "", 1);
    assert_true(zone_load(&zone, "Asia/Tokyo"));
    assert_string_equal(getenv("TZ"), "");
    assert_int_equal(library_shows(0).hour, 0);
}

static void
the_zone_of_the_environment_does_not_matter(void **state)
{
    struct zone a, b;

    (void)state;
    assert_true(zone_load(&a, NEW_YORK));
    setenv("TZ", "Australia/Lord_Howe", 1);
    tzset();
    assert_true(zone_load(&b, NEW_YORK));
    assert_int_equal(a.n, b.n);
    for (size_t i = 0; i < a.n; i++) {
        assert_int_equal(a.span[i].from_s, b.span[i].from_s);
        assert_int_equal(a.span[i].east_s, b.span[i].east_s);
    }
}

#define TEST(name) cmocka_unit_test_teardown(name, restore_tz)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(yekaterinburg_is_five_hours_ahead),
        TEST(a_fraction_of_a_second_does_not_count),
        TEST(time_before_1970_is_rounded_down_too),
        TEST(moscow_keeps_its_history),
        TEST(moscow_does_not_change_any_more),
        TEST(new_york_goes_forward_in_march),
        TEST(new_york_goes_back_in_november),
        TEST(what_is_shown_twice_is_the_first_time),
        TEST(what_is_skipped_is_the_moment_of_the_jump),
        TEST(thousands_of_instants_agree_with_the_c_library),
        TEST(each_change_is_known_to_the_second),
        TEST(offsets_are_read),
        TEST(anything_like_an_offset_is_unknown),
        TEST(unknown_names_are_unknown),
        TEST(a_name_cannot_leave_the_folder),
        TEST(a_folder_or_another_file_is_no_zone),
        TEST(a_very_long_name_is_unknown),
        TEST(what_was_loaded_before_is_forgotten),
        TEST(the_zones_with_most_changes_have_room),
        TEST(the_environment_is_restored),
        TEST(an_environment_without_tz_stays_without),
        TEST(an_empty_tz_stays_empty),
        TEST(the_zone_of_the_environment_does_not_matter),
    };

    return cmocka_run_group_tests_name("zone", tests, NULL, NULL);
}
