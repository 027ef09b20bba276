/* credit: which row of addons_pay_api a payment of type 62 comes from. */
#include "unit.h"

#include "rules/credit.h"

/* A payment of type 62 and the rows that may stand behind it. */
struct scene {
    struct settings set;
    struct event event;
    struct api_row api[4];
    struct facts facts;
    struct decision decision;
    const struct api_row *row;
};

static const uint64_t EVENT_ID = 90;

static struct civil
at(const char *text)
{
    struct civil c;

    if (!civil_parse(&c, text))
        fail_msg("no date: %s", text);
    return c;
}

/* A bonus of 100 roubles, booked on New Year's Eve just before midnight. */
static struct scene
scene_make(void)
{
    return (struct scene){
        .set.billing = { .api_window_ms = 10000, .api_wait_ms = 120000 },
        .event = { .kind = EVENT_API_PAYMENT,
            .uid = 1001,
            .row_id = 501,
            .kopecks = 10000,
            .millionths = 100000000,
            .date = at("2026-12-31 23:59:55") },
        .facts = { .event_id = EVENT_ID },
    };
}

/* Adds a row that fits: credited in the same second. */
static struct api_row *
add(struct scene *s)
{
    struct api_row *row = &s->api[s->facts.api_n++];

    *row = (struct api_row){
        .id = s->facts.api_n,
        .uid = 1001,
        .category = -1,
        .status = 1,
        .millionths = s->event.millionths,
        .updated = s->event.date,
        .comment = "",
        .mark = "",
    };
    return row;
}

static void
bind(struct scene *s)
{
    s->facts.event = &s->event;
    s->facts.api = s->api;
}

static enum verdict
decide(struct scene *s)
{
    bind(s);
    memset(&s->decision, 'x', sizeof s->decision);
    s->row = s->api;
    credit_is_bonus(&s->decision, &s->facts, &s->set, &s->row);
    return s->decision.verdict;
}

static void
assert_no_bonus(struct scene *s)
{
    if (decide(s) != VERDICT_DO)
        fail_msg("it is a bonus: %s", s->decision.reason);
    assert_null(s->row);
    assert_string_equal(s->decision.reason, "");
}

static void
assert_bonus(struct scene *s, uint64_t id)
{
    char reason[100];

    snprintf(reason, sizeof reason,
        "the payment is itself a bonus (addons_pay_api %llu)",
        (unsigned long long)id);
    assert_int_equal(decide(s), VERDICT_SKIP);
    assert_string_equal(s->decision.reason, reason);
    assert_non_null(s->row);
    assert_int_equal(s->row->id, id);
}

static void
assert_undecided(struct scene *s, enum verdict verdict)
{
    assert_int_equal(decide(s), verdict);
    assert_null(s->row);
    assert_string_equal(s->decision.reason,
        "row 1 of addons_pay_api, a bonus of the same amount, is not "
        "credited: nobody can say whether this payment is it");
}

/* ---- is the payment itself a bonus ---- */

static void
a_credited_row_of_the_same_amount_makes_it_one(void **state)
{
    struct scene s = scene_make();

    (void)state;
    add(&s);
    assert_bonus(&s, 1);
}

static void
without_rows_it_is_none(void **state)
{
    struct scene s = scene_make();

    (void)state;
    assert_no_bonus(&s);
}

static void
only_payments_of_the_interface_are_asked(void **state)
{
    (void)state;
    for (enum event_kind kind = 0; kind <= EVENT_KINDS; kind++) {
        struct scene s = scene_make();
        bool api = kind == EVENT_API_PAYMENT || kind == EVENT_API_REFUND;

        s.event.kind = kind;
        add(&s);
        assert_int_equal(credit_is_api(&s.event), api);
        if (api)
            assert_bonus(&s, 1);
        else
            assert_no_bonus(&s);
    }
}

static void
every_credited_status_counts(void **state)
{
    (void)state;
    for (int64_t status = -1; status <= 6; status++) {
        struct scene s = scene_make();

        add(&s)->status = status;
        if (status == 0)
            assert_undecided(&s, VERDICT_WAIT);
        else if (status >= 1 && status <= 4)
            assert_bonus(&s, 1);
        else
            assert_no_bonus(&s);
    }
}

static void
only_categories_below_zero_are_bonuses(void **state)
{
    static const struct {
        int64_t category;
        bool bonus;
    } categories[] = { { -32768, true }, { -2, true }, { -1, true },
        { 0, false }, { 1, false }, { 32767, false } };

    (void)state;
    for (size_t i = 0; i < COUNT(categories); i++) {
        struct scene s = scene_make();

        add(&s)->category = categories[i].category;
        if (categories[i].bonus)
            assert_bonus(&s, 1);
        else
            assert_no_bonus(&s);
    }
}

static void
the_amount_is_the_same_to_the_millionth(void **state)
{
    static const int64_t off[] = { 1, -1, 10000, -10000, -200000000 };

    (void)state;
    for (size_t i = 0; i < COUNT(off); i++) {
        struct scene s = scene_make();

        add(&s)->millionths += off[i];
        assert_no_bonus(&s);
    }
}

static void
the_window_is_less_than_ten_seconds_to_both_sides(void **state)
{
    static const struct {
        const char *updated;
        bool bonus;
    } rows[] = {
        { "2026-12-31 23:59:45", false },
        { "2026-12-31 23:59:46", true },
        { "2026-12-31 23:59:55", true },
        { "2027-01-01 00:00:04", true },
        { "2027-01-01 00:00:05", false },
        { "2025-12-31 23:59:55", false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct scene s = scene_make();

        add(&s)->updated = at(rows[i].updated);
        if (rows[i].bonus)
            assert_bonus(&s, 1);
        else
            assert_no_bonus(&s);
    }
}

static void
the_window_is_a_setting(void **state)
{
    struct scene s = scene_make();

    (void)state;
    add(&s)->updated = at("2027-01-01 00:00:54");
    s.set.billing.api_window_ms = 59000;
    assert_no_bonus(&s);
    s.set.billing.api_window_ms = 60000;
    assert_bonus(&s, 1);
}

static void
the_window_is_around_the_payments_own_date(void **state)
{
    struct scene s = scene_make();

    (void)state;
    add(&s);
    s.facts.captured = at("2027-03-01 12:00:00");
    assert_bonus(&s, 1);
    s.api[0].updated = s.facts.captured;
    assert_no_bonus(&s);
}

static void
what_is_taken_back_may_be_a_bonus_too(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.event.kind = EVENT_API_REFUND;
    s.event.millionths = -100000000;
    add(&s);
    assert_bonus(&s, 1);
    s.api[0].millionths = 100000000;
    assert_no_bonus(&s);
}

static void
of_several_rows_the_lowest_is_its_own(void **state)
{
    struct scene s = scene_make();

    (void)state;
    add(&s)->category = 1;
    add(&s);
    add(&s);
    assert_bonus(&s, 2);
}

static void
the_row_of_another_payment_is_not_taken(void **state)
{
    struct scene s = scene_make();

    (void)state;
    add(&s)->credit_event = EVENT_ID + 1;
    assert_no_bonus(&s);
    add(&s);
    assert_bonus(&s, 2);
}

static void
its_own_row_is_found_again(void **state)
{
    struct scene s = scene_make();

    (void)state;
    add(&s)->credit_event = EVENT_ID;
    assert_bonus(&s, 1);
}

static void
its_own_row_is_kept_when_a_lower_one_is_credited(void **state)
{
    struct scene s = scene_make();

    (void)state;
    add(&s)->status = 0;
    add(&s);
    assert_bonus(&s, 2);
    s.api[1].credit_event = EVENT_ID;
    s.api[0].status = 1;
    assert_bonus(&s, 2);
}

static void
of_two_payments_and_one_row_one_is_the_bonus(void **state)
{
    struct scene first = scene_make(), second = scene_make();

    (void)state;
    second.facts.event_id = EVENT_ID + 1;
    add(&first);
    assert_bonus(&first, 1);
    add(&second)->credit_event = first.facts.event_id;
    assert_no_bonus(&second);
    first.api[0].credit_event = first.facts.event_id;
    assert_bonus(&first, 1);
}

static void
of_two_payments_and_two_rows_each_has_its_own(void **state)
{
    struct scene second = scene_make();

    (void)state;
    add(&second)->credit_event = EVENT_ID;
    add(&second);
    second.facts.event_id = EVENT_ID + 1;
    assert_bonus(&second, 2);
}

static void
an_event_that_is_not_stored_takes_free_rows_only(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.facts.event_id = 0;
    add(&s)->credit_event = EVENT_ID;
    assert_no_bonus(&s);
    add(&s);
    assert_bonus(&s, 2);
}

static void
a_waiting_row_is_waited_for_then_asked_about(void **state)
{
    struct scene s = scene_make();

    (void)state;
    add(&s)->status = 0;
    assert_undecided(&s, VERDICT_WAIT);
    s.facts.age_ms = 119999;
    assert_undecided(&s, VERDICT_WAIT);
    s.facts.age_ms = 120000;
    assert_undecided(&s, VERDICT_ASK);
    s.set.billing.api_wait_ms = 0;
    s.facts.age_ms = 0;
    assert_undecided(&s, VERDICT_ASK);
}

static void
a_waiting_row_that_does_not_fit_is_no_question(void **state)
{
    struct scene other_amount = scene_make(), other_time = scene_make(),
                 no_bonus = scene_make(), taken = scene_make();

    (void)state;
    add(&other_amount)->millionths--;
    other_amount.api[0].status = 0;
    assert_no_bonus(&other_amount);
    add(&other_time)->updated = at("2026-12-31 23:59:45");
    other_time.api[0].status = 0;
    assert_no_bonus(&other_time);
    add(&no_bonus)->category = 0;
    no_bonus.api[0].status = 0;
    assert_no_bonus(&no_bonus);
    add(&taken)->credit_event = EVENT_ID + 1;
    taken.api[0].status = 0;
    assert_no_bonus(&taken);
}

static void
a_credited_row_beats_a_waiting_one(void **state)
{
    struct scene s = scene_make();

    (void)state;
    add(&s)->status = 0;
    add(&s)->status = 4;
    s.facts.age_ms = 500000;
    assert_bonus(&s, 2);
}

/* ---- which row a payment announces ---- */

enum { LIMIT = 1000 /* kopecks */ };

static const struct api_row *
announced(struct scene *s)
{
    bind(s);
    return credit_to_announce(&s->facts, &s->set, LIMIT);
}

static void
assert_announces(struct scene *s, uint64_t id)
{
    const struct api_row *row = announced(s);

    assert_non_null(row);
    assert_int_equal(row->id, id);
}

static void
any_category_is_announced(void **state)
{
    static const int64_t categories[] = { -1, 0, 5 };

    (void)state;
    for (size_t i = 0; i < COUNT(categories); i++) {
        struct scene s = scene_make();

        add(&s)->category = categories[i];
        assert_announces(&s, 1);
    }
}

static void
nothing_is_announced_without_a_row(void **state)
{
    struct scene s = scene_make();

    (void)state;
    assert_null(announced(&s));
}

static void
only_status_1_is_announced(void **state)
{
    (void)state;
    for (int64_t status = 0; status <= 5; status++) {
        struct scene s = scene_make();

        add(&s)->status = status;
        if (status == 1)
            assert_announces(&s, 1);
        else
            assert_null(announced(&s));
    }
}

static void
the_same_window_holds_for_announcing(void **state)
{
    struct scene s = scene_make();

    (void)state;
    add(&s)->updated = at("2027-01-01 00:00:04");
    assert_announces(&s, 1);
    s.api[0].updated = at("2027-01-01 00:00:05");
    assert_null(announced(&s));
}

static void
a_row_of_another_amount_reaches_the_limit(void **state)
{
    struct scene s = scene_make();

    (void)state;
    add(&s)->millionths = 10000000;
    assert_announces(&s, 1);
    s.api[0].millionths = 9999999;
    assert_null(announced(&s));
    s.api[0].millionths = -100000000;
    assert_null(announced(&s));
}

static void
what_is_taken_back_reaches_the_limit_below_zero(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.event.kind = EVENT_API_REFUND;
    s.event.millionths = -100000000;
    add(&s)->millionths = -10000000;
    assert_announces(&s, 1);
    s.api[0].millionths = -9999999;
    assert_null(announced(&s));
    s.api[0].millionths = 100000000;
    assert_null(announced(&s));
}

static void
the_same_amount_wins_then_the_lowest_number(void **state)
{
    struct scene s = scene_make();

    (void)state;
    add(&s)->millionths = 50000000;
    add(&s)->millionths = 60000000;
    assert_announces(&s, 1);
    add(&s);
    add(&s);
    assert_announces(&s, 3);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_credited_row_of_the_same_amount_makes_it_one),
        cmocka_unit_test(without_rows_it_is_none),
        cmocka_unit_test(only_payments_of_the_interface_are_asked),
        cmocka_unit_test(every_credited_status_counts),
        cmocka_unit_test(only_categories_below_zero_are_bonuses),
        cmocka_unit_test(the_amount_is_the_same_to_the_millionth),
        cmocka_unit_test(the_window_is_less_than_ten_seconds_to_both_sides),
        cmocka_unit_test(the_window_is_a_setting),
        cmocka_unit_test(the_window_is_around_the_payments_own_date),
        cmocka_unit_test(what_is_taken_back_may_be_a_bonus_too),
        cmocka_unit_test(of_several_rows_the_lowest_is_its_own),
        cmocka_unit_test(the_row_of_another_payment_is_not_taken),
        cmocka_unit_test(its_own_row_is_found_again),
        cmocka_unit_test(its_own_row_is_kept_when_a_lower_one_is_credited),
        cmocka_unit_test(of_two_payments_and_one_row_one_is_the_bonus),
        cmocka_unit_test(of_two_payments_and_two_rows_each_has_its_own),
        cmocka_unit_test(an_event_that_is_not_stored_takes_free_rows_only),
        cmocka_unit_test(a_waiting_row_is_waited_for_then_asked_about),
        cmocka_unit_test(a_waiting_row_that_does_not_fit_is_no_question),
        cmocka_unit_test(a_credited_row_beats_a_waiting_one),
        cmocka_unit_test(any_category_is_announced),
        cmocka_unit_test(nothing_is_announced_without_a_row),
        cmocka_unit_test(only_status_1_is_announced),
        cmocka_unit_test(the_same_window_holds_for_announcing),
        cmocka_unit_test(a_row_of_another_amount_reaches_the_limit),
        cmocka_unit_test(what_is_taken_back_reaches_the_limit_below_zero),
        cmocka_unit_test(the_same_amount_wins_then_the_lowest_number),
    };

    return cmocka_run_group_tests_name("credit", tests, NULL, NULL);
}
