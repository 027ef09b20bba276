/* channel: the ways by which a message can go. */
#include "unit.h"

#include "channel.h"

static const char ALL[] = "smspilot,smsc,social";

static struct route
route(const char *text)
{
    struct route r;

    if (!route_parse(&r, text))
        fail_msg("\"%s\" is refused", text);
    return r;
}

static void
expect_route(const char *label, const struct route *r, const char *want)
{
    char buf[ROUTE_TEXT];

    expect_text(label, route_print(r, buf), want);
}

static void
expect_read(const char *text, const char *want)
{
    struct route r = route(text);

    expect_route(text, &r, want);
}

static void
each_channel_has_a_name_of_its_own(void **state)
{
    (void)state;
    assert_string_equal(channel_name(CHANNEL_SMSPILOT), "smspilot");
    assert_string_equal(channel_name(CHANNEL_SMSC), "smsc");
    assert_string_equal(channel_name(CHANNEL_SOCIAL), "social");
    for (enum channel c = 0; c < CHANNELS; c++) {
        struct route r = route(channel_name(c));

        assert_int_equal(r.n, 1);
        assert_int_equal(r.at[0], c);
    }
}

static void
a_route_keeps_its_order(void **state)
{
    static const char *const orders[] = { "smspilot,smsc,social",
        "smspilot,social,smsc", "smsc,smspilot,social", "smsc,social,smspilot",
        "social,smspilot,smsc", "social,smsc,smspilot", "smsc,smspilot",
        "smspilot,social", "social" };

    (void)state;
    for (size_t i = 0; i < COUNT(orders); i++)
        expect_read(orders[i], orders[i]);
}

static void
commas_and_blanks_divide(void **state)
{
    static const char *const same[] = { "smspilot smsc social",
        "smspilot, smsc, social", " smspilot ,smsc\t,\tsocial ",
        "smspilot,smsc,social,", ",smspilot,,smsc,,,social,,",
        "\tsmspilot\tsmsc  social\t" };

    (void)state;
    for (size_t i = 0; i < COUNT(same); i++)
        expect_read(same[i], ALL);
}

static void
an_empty_text_is_an_empty_route(void **state)
{
    static const char *const empty[] = { "", " ", ",", " , ,\t" };

    (void)state;
    for (size_t i = 0; i < COUNT(empty); i++) {
        struct route r = route(empty[i]);

        assert_int_equal(r.n, 0);
        expect_route(empty[i], &r, "");
    }
}

static void
what_is_no_channel_is_refused(void **state)
{
    static const char *const bad[] = { "sms", "smspilo", "smspilots", "smscc",
        "socia", "socials", "SMSC", "Smspilot", "no", "none", "smsc;smspilot",
        "smsc.", "smscsmspilot", "smsc,vk", "vk,smsc", "smsc\n", "smsc\r",
        "\"smsc\"", "smsc=1", "smsc,\xD1\x81", "-smsc", "smsc\xC2\xA0social",
        "smspilot,smsc,social,email" };
    struct route r;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        if (route_parse(&r, bad[i]))
            fail_msg("\"%s\" is taken", bad[i]);
}

static void
a_channel_twice_is_refused(void **state)
{
    static const char *const bad[] = { "smsc,smsc", "smsc smsc",
        "smspilot,smsc,smspilot", "smspilot,smsc,social,social",
        "smspilot,smsc,social,smspilot", "social,social,social,social" };
    struct route r;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        if (route_parse(&r, bad[i]))
            fail_msg("\"%s\" is taken", bad[i]);
}

static void
a_very_long_text_is_refused(void **state)
{
    static char text[100000];
    struct route r;

    (void)state;
    memset(text, 'x', sizeof text - 1);
    assert_false(route_parse(&r, text));
    memcpy(text, "smsc", 4);
    assert_false(route_parse(&r, text));
    memset(text + 4, ',', sizeof text - 5);
    assert_true(route_parse(&r, text));
    assert_int_equal(r.n, 1);
}

static void
nothing_is_left_of_the_route_before(void **state)
{
    struct route r = route(ALL);

    (void)state;
    assert_true(route_parse(&r, "social"));
    expect_route("one", &r, "social");
    assert_true(route_parse(&r, ""));
    expect_route("none", &r, "");
}

static void
the_longest_route_fits_its_text(void **state)
{
    char buf[ROUTE_TEXT];
    struct route r = route(ALL);

    (void)state;
    assert_int_equal(r.n, CHANNELS);
    memset(buf, 'x', sizeof buf);
    assert_ptr_equal(route_print(&r, buf), buf);
    assert_string_equal(buf, ALL);
}

static void
dropping_takes_the_first_until_none_is_left(void **state)
{
    struct route r = route(ALL);

    (void)state;
    route_drop(&r);
    expect_route("once", &r, "smsc,social");
    route_drop(&r);
    expect_route("twice", &r, "social");
    route_drop(&r);
    expect_route("three times", &r, "");
    route_drop(&r);
    expect_route("once too often", &r, "");
    assert_int_equal(r.n, 0);
}

static void
turning_puts_the_first_at_the_end(void **state)
{
    struct route r = route(ALL);

    (void)state;
    route_turn(&r);
    expect_route("once", &r, "smsc,social,smspilot");
    route_turn(&r);
    expect_route("twice", &r, "social,smspilot,smsc");
    route_turn(&r);
    expect_route("full circle", &r, ALL);
}

static void
turning_two_swaps_them(void **state)
{
    struct route r = route("smspilot,smsc");

    (void)state;
    route_turn(&r);
    expect_route("once", &r, "smsc,smspilot");
    route_turn(&r);
    expect_route("twice", &r, "smspilot,smsc");
}

static void
turning_one_or_none_changes_nothing(void **state)
{
    struct route one = route("smsc"), none = route("");

    (void)state;
    route_turn(&one);
    expect_route("one", &one, "smsc");
    route_turn(&none);
    expect_route("none", &none, "");
}

static void
what_is_dropped_after_a_turn_is_the_next(void **state)
{
    struct route r = route(ALL);

    (void)state;
    route_turn(&r);
    route_drop(&r);
    expect_route("both", &r, "social,smspilot");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_channel_has_a_name_of_its_own),
        cmocka_unit_test(a_route_keeps_its_order),
        cmocka_unit_test(commas_and_blanks_divide),
        cmocka_unit_test(an_empty_text_is_an_empty_route),
        cmocka_unit_test(what_is_no_channel_is_refused),
        cmocka_unit_test(a_channel_twice_is_refused),
        cmocka_unit_test(a_very_long_text_is_refused),
        cmocka_unit_test(nothing_is_left_of_the_route_before),
        cmocka_unit_test(the_longest_route_fits_its_text),
        cmocka_unit_test(dropping_takes_the_first_until_none_is_left),
        cmocka_unit_test(turning_puts_the_first_at_the_end),
        cmocka_unit_test(turning_two_swaps_them),
        cmocka_unit_test(turning_one_or_none_changes_nothing),
        cmocka_unit_test(what_is_dropped_after_a_turn_is_the_next),
    };

    return cmocka_run_group_tests_name("channel", tests, NULL, NULL);
}
