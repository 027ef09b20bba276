/* facts: who changed a tariff. */
#include "unit.h"

#include "rules/facts.h"

/* One change of tariff, at midnight, and the traces of the staff around it. */
struct scene {
    struct settings set;
    struct event event;
    struct staff_trace trace[3];
    struct snapshot snap;
};

static struct civil
at(const char *text)
{
    struct civil c;

    if (!civil_parse(&c, text))
        fail_msg("no date: %s", text);
    return c;
}

static struct scene
scene_make(void)
{
    return (struct scene){
        .set.billing = { .tariff_origin = "subscriber",
            .tariff_origin_window_ms = 10000 },
        .event = { .kind = EVENT_TARIFF_CHANGE, .uid = 1001 },
    };
}

static void
leave(struct scene *s, uint64_t uid, const char *text)
{
    s->trace[s->snap.trace_n++] =
        (struct staff_trace){ .uid = uid, .at = at(text) };
}

static enum origin
origin(struct scene *s)
{
    struct civil midnight = at("2026-03-01 00:00:00");

    s->snap.trace = s->trace;
    return facts_origin(&s->snap, &s->event, &midnight, &s->set);
}

static void
without_a_trace_the_setting_decides(void **state)
{
    struct scene s = scene_make();

    (void)state;
    assert_int_equal(origin(&s), ORIGIN_SUBSCRIBER);
    s.set.billing.tariff_origin = "staff";
    assert_int_equal(origin(&s), ORIGIN_STAFF);
}

static void
a_trace_means_the_staff_whatever_the_setting(void **state)
{
    struct scene s = scene_make();

    (void)state;
    leave(&s, 1001, "2026-03-01 00:00:00");
    assert_int_equal(origin(&s), ORIGIN_STAFF);
    s.set.billing.tariff_origin = "staff";
    assert_int_equal(origin(&s), ORIGIN_STAFF);
}

static void
a_trace_counts_within_the_window_to_both_sides(void **state)
{
    static const struct {
        const char *at;
        enum origin want;
    } traces[] = {
        { "2026-02-28 23:59:49", ORIGIN_SUBSCRIBER },
        { "2026-02-28 23:59:50", ORIGIN_STAFF },
        { "2026-03-01 00:00:10", ORIGIN_STAFF },
        { "2026-03-01 00:00:11", ORIGIN_SUBSCRIBER },
        { "2025-03-01 00:00:00", ORIGIN_SUBSCRIBER },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(traces); i++) {
        struct scene s = scene_make();

        leave(&s, 1001, traces[i].at);
        expect_number(traces[i].at, origin(&s), traces[i].want);
    }
}

static void
the_window_of_traces_is_a_setting(void **state)
{
    struct scene s = scene_make();

    (void)state;
    leave(&s, 1001, "2026-02-28 23:59:00");
    assert_int_equal(origin(&s), ORIGIN_SUBSCRIBER);
    s.set.billing.tariff_origin_window_ms = 60000;
    assert_int_equal(origin(&s), ORIGIN_STAFF);
}

static void
traces_at_other_subscribers_do_not_count(void **state)
{
    struct scene s = scene_make();

    (void)state;
    leave(&s, 1000, "2026-03-01 00:00:00");
    leave(&s, 1002, "2026-03-01 00:00:00");
    assert_int_equal(origin(&s), ORIGIN_SUBSCRIBER);
}

static void
one_trace_of_several_is_enough(void **state)
{
    struct scene s = scene_make();

    (void)state;
    leave(&s, 1002, "2026-03-01 00:00:00");
    leave(&s, 1001, "2026-01-01 00:00:00");
    leave(&s, 1001, "2026-03-01 00:00:05");
    assert_int_equal(origin(&s), ORIGIN_STAFF);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_trace_the_setting_decides),
        cmocka_unit_test(a_trace_means_the_staff_whatever_the_setting),
        cmocka_unit_test(a_trace_counts_within_the_window_to_both_sides),
        cmocka_unit_test(the_window_of_traces_is_a_setting),
        cmocka_unit_test(traces_at_other_subscribers_do_not_count),
        cmocka_unit_test(one_trace_of_several_is_enough),
    };

    return cmocka_run_group_tests_name("facts", tests, NULL, NULL);
}
