/*
 * meter: what went through, by lane and result. Linked with
 * --wrap=clock_boot_us.
 */
#include "unit.h"

#include "meter.h"

#define SECOND 1000000LL
#define CAPTURED_US (1795717440LL * SECOND) /* 2026-11-26 18:24:00 UTC */

int64_t __wrap_clock_boot_us(void);

static int64_t now_us;

int64_t
__wrap_clock_boot_us(void)
{
    return now_us;
}

static struct delivery
delivery_in(enum delivery_state state, enum outcome_class class)
{
    return (struct delivery){ .lane = LANE_SMSC,
        .state = state,
        .outcome.class = class,
        .captured_utc = "2026-11-26 18:24:00.250" };
}

static void
test_states_are_counted_as_results(void **state)
{
    static const struct {
        enum delivery_state state;
        enum outcome_class class;
        enum meter_result result;
    } rows[] = {
        { DELIVERY_DONE, OUTCOME_ACCEPTED, METER_GOOD },
        { DELIVERY_RETRY, OUTCOME_TRANSIENT, METER_AGAIN },
        { DELIVERY_READY, OUTCOME_CONFIGURATION, METER_AGAIN },
        { DELIVERY_DEAD, OUTCOME_PERMANENT, METER_BAD },
        { DELIVERY_DOUBTFUL, OUTCOME_UNKNOWN, METER_BAD },
        { DELIVERY_EXPIRED, OUTCOME_ACCEPTED, METER_BAD },
        { DELIVERY_SKIPPED, OUTCOME_ACCEPTED, METER_SKIPPED },
    };

    (void)state;
    now_us = 100 * SECOND;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct meter meter = { 0 };
        struct delivery d = delivery_in(rows[i].state, rows[i].class);
        const struct meter_line *line = &meter.line[LANE_SMSC];

        meter_delivery(&meter, &d, CAPTURED_US);
        for (unsigned r = 0; r < METER_RESULTS; r++)
            expect_number(delivery_state_name(rows[i].state), line->n[r],
                r == rows[i].result);
        expect_number("errors", line->errors[rows[i].class],
            rows[i].class != OUTCOME_ACCEPTED);
        expect_number(
            "success", line->good_us > 0, rows[i].result == METER_GOOD);
        expect_number("new", meter.new_us > 0, rows[i].result != METER_SKIPPED);
    }
}

static void
test_times_to_acceptance_fall_into_buckets(void **state)
{
    static const struct {
        int64_t ms;
        size_t bucket;
    } rows[] = { { -5000, 0 }, { 0, 0 }, { 10, 0 }, { 11, 1 }, { 50, 1 },
        { 500, 3 }, { 1000, 4 }, { 1001, 5 }, { 3600000, 9 },
        { 3600001, METER_BOUNDS } };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct meter meter = { 0 };
        struct delivery d = delivery_in(DELIVERY_DONE, OUTCOME_ACCEPTED);

        meter_delivery(&meter, &d, CAPTURED_US + 250000 + rows[i].ms * 1000);
        expect_number(
            "bucket", meter.line[LANE_SMSC].within[rows[i].bucket], 1);
        expect_number("sum", meter.line[LANE_SMSC].sum_ms,
            rows[i].ms > 0 ? rows[i].ms : 0);
    }
}

static void
test_no_time_is_counted_without_the_clock_of_the_server(void **state)
{
    struct meter meter = { 0 };
    struct delivery d = delivery_in(DELIVERY_DONE, OUTCOME_ACCEPTED);

    (void)state;
    meter_delivery(&meter, &d, 0);
    assert_int_equal(meter.line[LANE_SMSC].n[METER_GOOD], 1);
    assert_int_equal(meter.line[LANE_SMSC].sum_ms, 0);
    assert_int_equal(meter.line[LANE_SMSC].within[0], 0);
}

static void
test_a_minute_is_forgotten_when_it_is_over(void **state)
{
    struct meter meter = { 0 };

    (void)state;
    now_us = 1000 * SECOND;
    meter_count(&meter, METER_EVENTS, METER_GOOD, 5);
    now_us += 30 * SECOND;
    meter_count(&meter, METER_EVENTS, METER_GOOD, 2);
    assert_int_equal(meter_recent(&meter, METER_EVENTS, METER_GOOD), 7);
    now_us += 40 * SECOND;
    assert_int_equal(meter_recent(&meter, METER_EVENTS, METER_GOOD), 2);
    now_us += 60 * SECOND;
    assert_int_equal(meter_recent(&meter, METER_EVENTS, METER_GOOD), 0);
    assert_int_equal(meter.line[METER_EVENTS].n[METER_GOOD], 7);
}

static void
test_lines_have_the_names_of_the_tables(void **state)
{
    (void)state;
    assert_string_equal(meter_line_name(METER_EVENTS), "events");
    for (unsigned lane = 0; lane < LANES; lane++)
        assert_string_equal(
            meter_line_name(lane), delivery_lane_name((enum lane_id)lane));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states_are_counted_as_results),
        cmocka_unit_test(test_times_to_acceptance_fall_into_buckets),
        cmocka_unit_test(
            test_no_time_is_counted_without_the_clock_of_the_server),
        cmocka_unit_test(test_a_minute_is_forgotten_when_it_is_over),
        cmocka_unit_test(test_lines_have_the_names_of_the_tables),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
