/* bonus: who gets how much on top of a payment. */
#include "unit.h"

#include "rules/bonus.h"

/* One payment: everything that its bonuses depend on, and what came of it. */
struct scene {
    struct settings set;
    struct event event;
    struct subscriber sub;
    struct api_row api[4];
    struct facts facts;
    struct bonus bonus;
};

static const uint64_t EVENT_ID = 90;

/* Amounts in the units of the facts. */
#define ROUBLES(n) ((n)*1000000LL)
#define KOPECKS(n) ((n)*10000LL)

static struct civil
at(const char *text)
{
    struct civil c;

    if (!civil_parse(&c, text))
        fail_msg("no date: %s", text);
    return c;
}

/* 2000 roubles, on an empty account with a fee of 500, of a subscriber of more
 * than three years: both bonuses, 100 and 50. The settings are the defaults. */
static struct scene
scene_make(void)
{
    struct bonus_settings topup = { .on = true,
        .minimum_kopecks = 200000,
        .percent = { 500 },
        .least_kopecks = 1000,
        .most_kopecks = 30000,
        .category = -1 };
    struct bonus_settings loyalty = { .on = true,
        .percent = { 300, 500, 1000 },
        .least_kopecks = 1000,
        .category = -1 };

    return (struct scene){
        .set = { .billing = { .backdated_ms = 3600000,
                     .backdated_money = true,
                     .api_window_ms = 10000,
                     .api_wait_ms = 120000 },
            .bonus_topup = topup,
            .bonus_loyalty = loyalty },
        .event = { .kind = EVENT_PAYMENT,
            .uid = 1001,
            .row_id = 501,
            .kopecks = 200000,
            .millionths = ROUBLES(2000),
            .type = 5,
            .date = at("2026-03-31 12:00:00"),
            .source_key = "payment:bugh_plategi_stat:501:1001:"
                          "2026-03-31 12-00-00:2000.000000" },
        .sub = { .uid = 1001,
            .place = PLACE_USERS,
            .sms_tel = "79001234567",
            .gid = 10,
            .tariff = { .known = true, .fee_millionths = ROUBLES(500) },
            .contract = at("2020-02-15") },
        .facts = { .event_id = EVENT_ID,
            .captured = at("2026-03-31 12:00:00") },
    };
}

/* A payment of this many millionths of a rouble. */
static struct scene
scene_paid(int64_t millionths)
{
    struct scene s = scene_make();

    s.event.millionths = millionths;
    s.event.kopecks = millionths / 10000 + (millionths % 10000 >= 5000);
    return s;
}

/* A payment of type 62. */
static struct scene
scene_api(void)
{
    struct scene s = scene_make();

    s.event.kind = EVENT_API_PAYMENT;
    s.event.type = 62;
    return s;
}

/* Adds a bonus of another payment, ten days old, that was credited. */
static struct api_row *
add(struct scene *s)
{
    struct api_row *row = &s->api[s->facts.api_n++];

    *row = (struct api_row){
        .id = s->facts.api_n,
        .uid = 1001,
        .category = -1,
        .status = 1,
        .millionths = ROUBLES(100),
        .updated = at("2026-03-21 12:00:00"),
        .comment = "",
        .mark = "",
    };
    return row;
}

/* Adds a row that the payment could be the credit of. */
static struct api_row *
add_credit(struct scene *s)
{
    struct api_row *row = add(s);

    row->category = -2;
    row->millionths = s->event.millionths;
    row->updated = s->event.date;
    return row;
}

static const struct bonus *
decide(struct scene *s, enum bonus_kind kind)
{
    s->facts.event = &s->event;
    s->facts.sub = &s->sub;
    s->facts.api = s->api;
    memset(&s->bonus, 'x', sizeof s->bonus);
    if (kind == BONUS_TOPUP)
        bonus_topup(&s->bonus, &s->facts, &s->set);
    else
        bonus_loyalty(&s->bonus, &s->facts, &s->set);
    return &s->bonus;
}

static void
assert_given(struct scene *s, enum bonus_kind kind, int64_t kopecks)
{
    const struct bonus *bonus = decide(s, kind);

    if (bonus->decision.verdict != VERDICT_DO)
        fail_msg("bonus %d refused: %s", (int)kind, bonus->decision.reason);
    assert_string_equal(bonus->decision.reason, "");
    assert_false(bonus->given);
    assert_null(bonus->credit);
    assert_int_equal(bonus->kopecks, kopecks);
}

static void
assert_refused(struct scene *s, enum bonus_kind kind, const char *reason)
{
    const struct bonus *bonus = decide(s, kind);

    assert_string_equal(bonus->decision.reason, reason);
    assert_int_equal(bonus->decision.verdict, VERDICT_SKIP);
    assert_int_equal(bonus->kopecks, 0);
    assert_false(bonus->given);
}

static void
assert_both_given(struct scene *s)
{
    assert_given(s, BONUS_TOPUP, 10000);
    assert_given(s, BONUS_LOYALTY, 5000);
}

static void
assert_both_refused(struct scene *s, const char *reason)
{
    assert_refused(s, BONUS_TOPUP, reason);
    assert_refused(s, BONUS_LOYALTY, reason);
}

static void
one_payment_can_earn_both(void **state)
{
    struct scene s = scene_make();

    (void)state;
    assert_both_given(&s);
}

/* ---- what both ask of payment and subscriber ---- */

static void
a_back_dated_row_earns_them(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.event.age_s = 315537897599;
    assert_both_given(&s);
}

static void
a_back_dated_row_earns_none_where_the_setting_says_so(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.set.billing.backdated_money = false;
    s.event.age_s = 3600;
    assert_both_given(&s);
    s.event.age_s = -100000;
    assert_both_given(&s);
    s.event.age_s = 3601;
    assert_both_refused(&s, "the row is back-dated by 3601 s");
}

static void
only_subscribers_in_users_get_them(void **state)
{
    static const struct {
        enum place place;
        const char *reason;
    } places[] = {
        { PLACE_FROZEN, "the subscriber is in table usersfreeze" },
        { PLACE_BLOCKED, "the subscriber is in table usersblok" },
        { PLACE_DELETED, "the subscriber is in table usersdel" },
        { PLACE_NONE, "there is no such subscriber" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(places); i++) {
        struct scene s = scene_make();

        s.sub.place = places[i].place;
        assert_both_refused(&s, places[i].reason);
        s.sub.modern = true;
        s.sub.state = 1;
        assert_both_refused(&s, places[i].reason);
    }
}

static void
moved_subscribers_get_none_whatever_the_setting(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.sub.modern = true;
    s.sub.place = PLACE_FROZEN;
    s.set.billing.moved_subscribers = true;
    assert_both_refused(&s, "the subscriber is in table usersfreeze");
}

static void
on_a_modern_schema_only_state_1_gets_them(void **state)
{
    char reason[100];

    (void)state;
    for (int i = -1; i <= 5; i++) {
        struct scene s = scene_make();

        s.sub.modern = true;
        s.sub.state = i;
        snprintf(reason, sizeof reason,
            "the subscriber is not active (users.state %d)", i);
        if (i == 1)
            assert_both_given(&s);
        else
            assert_both_refused(&s, reason);
    }
}

static void
on_a_legacy_schema_there_is_no_state(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.sub.state = 3;
    assert_both_given(&s);
}

static void
without_phone_there_are_none(void **state)
{
    static char *const phones[] = { "", " ",
        "                                " };

    (void)state;
    for (size_t i = 0; i < COUNT(phones); i++) {
        struct scene s = scene_make();

        s.sub.sms_tel = phones[i];
        assert_both_refused(
            &s, "the subscriber has no phone (sms_tel is empty)");
    }
}

static void
a_phone_is_any_text(void **state)
{
    static char *const phones[] = { "0", " 7", "no" };

    (void)state;
    for (size_t i = 0; i < COUNT(phones); i++) {
        struct scene s = scene_make();

        s.sub.sms_tel = phones[i];
        assert_both_given(&s);
    }
}

static void
the_tariff_must_be_known(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.sub.tariff.known = false;
    assert_both_refused(&s, "the subscriber's tariff 10 is not in packets");
}

static void
a_deposit_of_just_what_the_tariff_allows_is_enough(void **state)
{
    static const int64_t allowed[] = { 0, ROUBLES(100), KOPECKS(10010), 1 };

    (void)state;
    for (size_t i = 0; i < COUNT(allowed); i++) {
        struct scene s = scene_make();

        s.sub.tariff.overdraft_millionths = allowed[i];
        s.event.before_millionths = -allowed[i];
        assert_both_given(&s);
    }
}

static void
a_deposit_below_what_the_tariff_allows_earns_none(void **state)
{
    static const struct {
        int64_t allowed, before;
        const char *reason;
    } debts[] = {
        { 0, KOPECKS(-1),
            "the deposit before the payment, -0.01, was below the 0.00 that "
            "the tariff allows" },
        { ROUBLES(100), KOPECKS(-10001),
            "the deposit before the payment, -100.01, was below the -100.00 "
            "that the tariff allows" },
        { ROUBLES(100), ROUBLES(-100) - 1,
            "the deposit before the payment, -100.00, was below the -100.00 "
            "that the tariff allows" },
        { 0, INT64_MIN,
            "the deposit before the payment, -9223372036854.77, was below the "
            "0.00 that the tariff allows" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(debts); i++) {
        struct scene s = scene_make();

        s.sub.tariff.overdraft_millionths = debts[i].allowed;
        s.event.before_millionths = debts[i].before;
        assert_both_refused(&s, debts[i].reason);
    }
}

static void
a_tariff_may_allow_any_debt(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.sub.tariff.overdraft_millionths = INT64_MAX;
    s.event.before_millionths = -INT64_MAX;
    assert_both_given(&s);
}

/* ---- discounts ---- */

enum { NOT_SET, ZERO, ONE, VALUES };

static char *const value_of[VALUES] = { NULL, "0", "1" };

/* The rule said the other way round: the first that is set, of what counts
 * under the extended discount or without it, keeps the bonus away. */
static bool
keeps_away(const int value[DISCOUNTS])
{
    static const enum discount under_extended[] = { DISCOUNT_PACKET,
        DISCOUNT_SUBS, DISCOUNT_DEVICE };

    if (value[DISCOUNT_EXTENDED] != ONE)
        return value[DISCOUNT_GLOBAL] == ONE;
    for (size_t i = 0; i < COUNT(under_extended); i++)
        if (value[under_extended[i]] == ONE)
            return true;
    return false;
}

static void
all_243_combinations_of_discounts(void **state)
{
    struct scene s = scene_make();
    int given = 0;

    (void)state;
    for (int n = 0; n < 243; n++) {
        int value[DISCOUNTS], rest = n;

        for (enum discount i = 0; i < DISCOUNTS; i++, rest /= VALUES) {
            value[i] = rest % VALUES;
            s.sub.discount[i] = value_of[value[i]];
        }
        if (keeps_away(value)) {
            assert_both_refused(&s, "the subscriber has a discount");
            continue;
        }
        assert_both_given(&s);
        given++;
    }
    /* 2 * 2 * 27 without any, 3 * 8 under the extended one: as recorded. */
    assert_int_equal(given, 132);
}

static void
values_other_than_0_and_1_are_a_discount_but_not_the_extended_one(void **state)
{
    static char *const others[] = { "", "0.0", "00", "10", "01", "1.0", "-1",
        "yes", " 0", " 1", "0\t" };

    (void)state;
    for (size_t i = 0; i < COUNT(others); i++)
        for (enum discount at = 0; at < DISCOUNTS; at++) {
            struct scene s = scene_make();

            if (at > DISCOUNT_GLOBAL)
                s.sub.discount[DISCOUNT_EXTENDED] = "1";
            s.sub.discount[at] = others[i];
            assert_both_refused(&s, "the subscriber has a discount");
        }
}

static void
blanks_at_the_end_of_a_value_do_not_count(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.sub.discount[DISCOUNT_GLOBAL] = "0  ";
    s.sub.discount[DISCOUNT_EXTENDED] = "0 ";
    assert_both_given(&s);
    s.sub.discount[DISCOUNT_GLOBAL] = "5";
    s.sub.discount[DISCOUNT_EXTENDED] = "1 ";
    assert_both_given(&s);
}

/* ---- the top-up bonus ---- */

static void
the_top_up_is_five_percent_in_whole_tens(void **state)
{
    static const struct {
        int64_t paid, kopecks;
    } payments[] = {
        { ROUBLES(2000), 10000 },
        { ROUBLES(2000) + 1, 10000 },
        { KOPECKS(219999), 10000 },
        { ROUBLES(2200) - 1, 10000 },
        { ROUBLES(2200), 11000 },
        { KOPECKS(599999), 29000 },
        { ROUBLES(6000) - 1, 29000 },
        { ROUBLES(6000), 30000 },
        { ROUBLES(6200), 30000 },
        { ROUBLES(1000000), 30000 },
        { INT64_MAX, 30000 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(payments); i++) {
        struct scene s = scene_paid(payments[i].paid);

        assert_given(&s, BONUS_TOPUP, payments[i].kopecks);
    }
}

static void
a_payment_below_the_minimum_earns_no_top_up(void **state)
{
    static const struct {
        int64_t paid;
        const char *reason;
    } payments[] = {
        { KOPECKS(199999), "the amount 1999.99 is below the minimum 2000.00" },
        { ROUBLES(2000) - 1,
            "the amount 2000.00 is below the minimum 2000.00" },
        { 0, "the amount 0.00 is below the minimum 2000.00" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(payments); i++) {
        struct scene s = scene_paid(payments[i].paid);

        assert_refused(&s, BONUS_TOPUP, payments[i].reason);
    }
}

static void
a_negative_payment_earns_nothing(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.event.kopecks = -200000;
    s.event.millionths = ROUBLES(-2000);
    assert_refused(
        &s, BONUS_TOPUP, "the amount -2000.00 is below the minimum 2000.00");
    assert_refused(&s, BONUS_LOYALTY,
        "the amount -2000.00 is below the monthly fee 500.00");
}

static void
the_percentage_must_reach_the_least_before_it_is_rounded(void **state)
{
    struct scene s = scene_paid(ROUBLES(2100));

    (void)state;
    s.set.bonus_topup.least_kopecks = 10500;
    assert_given(&s, BONUS_TOPUP, 10000);
    s.set.bonus_topup.least_kopecks = 10501;
    assert_refused(&s, BONUS_TOPUP, "the bonus would be below 105.01");
    s = scene_paid(ROUBLES(2100) - 1);
    s.set.bonus_topup.least_kopecks = 10500;
    assert_refused(&s, BONUS_TOPUP, "the bonus would be below 105.00");
}

static void
less_than_ten_roubles_is_no_bonus(void **state)
{
    struct scene s = scene_paid(KOPECKS(19999));

    (void)state;
    s.set.bonus_topup.minimum_kopecks = 1;
    s.set.bonus_topup.least_kopecks = 1;
    assert_refused(&s, BONUS_TOPUP, "the bonus would be less than 10.00");
    s = scene_make();
    s.set.bonus_topup.most_kopecks = 999;
    assert_refused(&s, BONUS_TOPUP, "the bonus would be less than 10.00");
    s = scene_make();
    s.set.bonus_loyalty.most_kopecks = 999;
    assert_refused(&s, BONUS_LOYALTY, "the bonus would be less than 10.00");
}

static void
the_maximum_is_rounded_down_to_tens_too(void **state)
{
    struct scene s = scene_paid(ROUBLES(6000));

    (void)state;
    s.set.bonus_topup.most_kopecks = 29999;
    assert_given(&s, BONUS_TOPUP, 29000);
}

static void
the_top_up_can_be_without_bound(void **state)
{
    struct scene s = scene_paid(ROUBLES(100000));

    (void)state;
    s.set.bonus_topup.most_kopecks = 0;
    assert_given(&s, BONUS_TOPUP, 500000);
}

static void
percentages_have_hundredths(void **state)
{
    struct scene s = scene_paid(ROUBLES(8000));

    (void)state;
    s.set.bonus_topup.percent[0] = 125;
    assert_given(&s, BONUS_TOPUP, 10000);
    s.set.bonus_topup.percent[0] = 124;
    assert_given(&s, BONUS_TOPUP, 9000);
}

static void
the_new_kits_settings_give_a_hundred(void **state)
{
    struct scene small = scene_paid(ROUBLES(2000)),
                 large = scene_paid(ROUBLES(60000));

    (void)state;
    small.set.bonus_topup.most_kopecks = 10000;
    large.set.bonus_topup.most_kopecks = 10000;
    assert_given(&small, BONUS_TOPUP, 10000);
    assert_given(&large, BONUS_TOPUP, 10000);
}

/* ---- one top-up bonus in a month ---- */

static const char once_a_month[] =
    "there was a bonus of this category within a month (addons_pay_api 1)";

static void
a_second_top_up_within_a_month_is_refused(void **state)
{
    struct scene s = scene_make();

    (void)state;
    add(&s);
    assert_refused(&s, BONUS_TOPUP, once_a_month);
    assert_given(&s, BONUS_LOYALTY, 5000);
}

/* A month before: of the last time that is too old to count. */
static void
a_month_ends_on_the_same_day_or_the_last_one(void **state)
{
    static const struct {
        const char *captured, *too_old, *counts;
    } months[] = {
        { "2026-03-31 12:00:00", "2026-02-28 12:00:00", "2026-02-28 12:00:01" },
        { "2026-03-30 12:00:00", "2026-02-28 12:00:00", "2026-02-28 12:00:01" },
        { "2026-03-28 12:00:00", "2026-02-28 12:00:00", "2026-02-28 12:00:01" },
        { "2026-03-01 00:00:00", "2026-02-01 00:00:00", "2026-02-01 00:00:01" },
        { "2028-03-31 00:00:00", "2028-02-29 00:00:00", "2028-02-29 00:00:01" },
        { "2028-03-29 23:59:59", "2028-02-29 23:59:59", "2028-03-01 00:00:00" },
        { "2026-05-31 23:59:59", "2026-04-30 23:59:59", "2026-05-01 00:00:00" },
        { "2026-01-15 10:00:00", "2025-12-15 10:00:00", "2025-12-15 10:00:01" },
        { "2026-12-31 10:00:00", "2026-11-30 10:00:00", "2026-11-30 10:00:01" },
        { "2026-02-28 10:00:00", "2026-01-28 10:00:00", "2026-01-28 10:00:01" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(months); i++) {
        struct scene s = scene_make();
        struct api_row *row = add(&s);

        s.facts.captured = at(months[i].captured);
        row->updated = at(months[i].too_old);
        assert_given(&s, BONUS_TOPUP, 10000);
        row->updated = at(months[i].counts);
        assert_refused(&s, BONUS_TOPUP, once_a_month);
    }
}

static void
a_bonus_given_since_the_capture_counts(void **state)
{
    struct scene s = scene_make();

    (void)state;
    add(&s)->updated = at("2026-03-31 12:00:30");
    assert_refused(&s, BONUS_TOPUP, once_a_month);
}

static void
only_waiting_and_credited_rows_count(void **state)
{
    (void)state;
    for (int64_t status = -1; status <= 5; status++) {
        struct scene s = scene_make();

        add(&s)->status = status;
        if (status == 0 || status == 1)
            assert_refused(&s, BONUS_TOPUP, once_a_month);
        else
            assert_given(&s, BONUS_TOPUP, 10000);
    }
}

static void
only_rows_of_the_top_ups_category_count(void **state)
{
    static const int64_t others[] = { -3, -2, 0, 1 };

    (void)state;
    for (size_t i = 0; i < COUNT(others); i++) {
        struct scene s = scene_make();

        add(&s)->category = others[i];
        assert_given(&s, BONUS_TOPUP, 10000);
        s.set.bonus_topup.category = others[i];
        assert_refused(&s, BONUS_TOPUP, once_a_month);
    }
}

static void
only_amounts_above_zero_count(void **state)
{
    struct scene s = scene_make();

    (void)state;
    add(&s)->millionths = 0;
    assert_given(&s, BONUS_TOPUP, 10000);
    s.api[0].millionths = ROUBLES(-100);
    assert_given(&s, BONUS_TOPUP, 10000);
    s.api[0].millionths = 100;
    assert_refused(&s, BONUS_TOPUP, once_a_month);
}

static void
the_row_that_counts_is_named(void **state)
{
    struct scene s = scene_make();

    (void)state;
    add(&s)->status = 5;
    add(&s)->category = 0;
    add(&s);
    assert_refused(&s, BONUS_TOPUP,
        "there was a bonus of this category within a month "
        "(addons_pay_api 3)");
}

/* ---- our marks ---- */

static void
a_mark_names_kind_and_row(void **state)
{
    struct scene s = scene_make();
    char topup[BONUS_MARK], loyalty[BONUS_MARK];

    (void)state;
    assert_ptr_equal(bonus_mark(&s.event, BONUS_TOPUP, topup), topup);
    bonus_mark(&s.event, BONUS_LOYALTY, loyalty);
    assert_memory_equal(topup, "mbev-topup-501-", 15);
    assert_memory_equal(loyalty, "mbev-loyalty-501-", 17);
    assert_int_equal(strlen(topup), 15 + 16);
    assert_int_equal(strspn(topup + 15, "0123456789abcdef"), 16);
}

static void
the_same_payment_has_the_same_mark(void **state)
{
    struct scene first = scene_make(), again = scene_make();
    char mark[BONUS_MARK], other[BONUS_MARK];

    (void)state;
    again.event.before_millionths = ROUBLES(77);
    again.event.age_s = 5;
    again.facts.event_id = 1;
    assert_string_equal(bonus_mark(&first.event, BONUS_TOPUP, mark),
        bonus_mark(&again.event, BONUS_TOPUP, other));
}

static void
another_payment_has_another_mark(void **state)
{
    struct scene s = scene_make();
    char mark[BONUS_MARK], other[BONUS_MARK];

    (void)state;
    bonus_mark(&s.event, BONUS_TOPUP, mark);
    s.event.row_id = 502;
    assert_string_not_equal(mark, bonus_mark(&s.event, BONUS_TOPUP, other));
    s = scene_make();
    s.event.source_key[strlen(s.event.source_key) - 1] = '1';
    assert_string_not_equal(mark, bonus_mark(&s.event, BONUS_TOPUP, other));
}

static void
the_longest_mark_fits(void **state)
{
    struct scene s = scene_make();
    char mark[BONUS_MARK];

    (void)state;
    s.event.row_id = UINT64_MAX;
    bonus_mark(&s.event, BONUS_LOYALTY, mark);
    assert_int_equal(strlen(mark), 13 + 20 + 1 + 16);
}

/* Adds what an earlier try of this payment left. */
static struct api_row *
add_own(struct scene *s, enum bonus_kind kind, char mark[BONUS_MARK])
{
    struct api_row *row = add(s);

    row->mark = mark;
    bonus_mark(&s->event, kind, mark);
    row->updated = s->facts.captured;
    return row;
}

static void
what_an_earlier_try_gave_is_not_given_again(void **state)
{
    (void)state;
    for (enum bonus_kind kind = BONUS_TOPUP; kind <= BONUS_LOYALTY; kind++)
        for (int64_t status = 0; status <= 5; status++) {
            struct scene s = scene_make();
            char mark[BONUS_MARK];

            add(&s)->status = 5;
            add_own(&s, kind, mark)->status = status;
            decide(&s, kind);
            assert_int_equal(s.bonus.decision.verdict, VERDICT_DO);
            assert_true(s.bonus.given);
            assert_int_equal(s.bonus.kopecks, 0);
        }
}

static void
what_this_payment_earned_for_loyalty_blocks_no_top_up(void **state)
{
    struct scene s = scene_make();
    char mark[BONUS_MARK];

    (void)state;
    add_own(&s, BONUS_LOYALTY, mark);
    assert_given(&s, BONUS_TOPUP, 10000);
}

static void
what_this_payment_earned_as_top_up_blocks_no_loyalty(void **state)
{
    struct scene s = scene_make();
    char mark[BONUS_MARK];

    (void)state;
    add_own(&s, BONUS_TOPUP, mark);
    assert_given(&s, BONUS_LOYALTY, 5000);
}

static void
what_another_payment_earned_for_loyalty_blocks_a_top_up(void **state)
{
    struct scene s = scene_make(), other = scene_make();
    char mark[BONUS_MARK];

    (void)state;
    other.event.row_id = 500;
    add(&s)->mark = mark;
    bonus_mark(&other.event, BONUS_LOYALTY, mark);
    assert_refused(&s, BONUS_TOPUP, once_a_month);
    assert_given(&s, BONUS_LOYALTY, 5000);
}

/* ---- payments that may be a bonus themselves ---- */

static void
assert_both_are_credits(struct scene *s, uint64_t id)
{
    char reason[100];

    snprintf(reason, sizeof reason,
        "the payment is itself a bonus (addons_pay_api %llu)",
        (unsigned long long)id);
    for (enum bonus_kind kind = BONUS_TOPUP; kind <= BONUS_LOYALTY; kind++) {
        assert_refused(s, kind, reason);
        assert_non_null(s->bonus.credit);
        assert_int_equal(s->bonus.credit->id, id);
    }
}

static void
a_payment_of_the_interface_earns_them(void **state)
{
    struct scene s = scene_api();

    (void)state;
    assert_both_given(&s);
}

static void
a_bonus_earns_no_bonus(void **state)
{
    struct scene s = scene_api();

    (void)state;
    add_credit(&s);
    assert_both_are_credits(&s, 1);
}

static void
no_other_payment_suffers_from_a_bonus_nearby(void **state)
{
    struct scene s = scene_make();

    (void)state;
    add_credit(&s);
    add_credit(&s)->status = 0;
    assert_both_given(&s);
}

static void
a_bonus_of_another_amount_nearby_is_not_the_payment(void **state)
{
    struct scene s = scene_api();

    (void)state;
    add_credit(&s)->millionths = ROUBLES(100);
    assert_both_given(&s);
}

static void
of_two_payments_and_one_row_the_other_earns_them(void **state)
{
    struct scene first = scene_api(), second = scene_api();

    (void)state;
    add_credit(&first)->credit_event = EVENT_ID;
    assert_both_are_credits(&first, 1);
    second.facts.event_id = EVENT_ID + 1;
    add_credit(&second)->credit_event = EVENT_ID;
    assert_both_given(&second);
}

static void
a_row_that_waits_is_waited_for_then_asked_about(void **state)
{
    struct scene s = scene_api();

    (void)state;
    add_credit(&s)->status = 0;
    for (enum bonus_kind kind = BONUS_TOPUP; kind <= BONUS_LOYALTY; kind++) {
        s.facts.age_ms = 119999;
        decide(&s, kind);
        assert_int_equal(s.bonus.decision.verdict, VERDICT_WAIT);
        s.facts.age_ms = 120000;
        decide(&s, kind);
        assert_int_equal(s.bonus.decision.verdict, VERDICT_ASK);
        assert_string_equal(s.bonus.decision.reason,
            "row 1 of addons_pay_api, a bonus of the same amount, is not "
            "credited: nobody can say whether this payment is it");
        assert_int_equal(s.bonus.kopecks, 0);
        assert_null(s.bonus.credit);
    }
}

static void
nobody_is_asked_about_what_earns_nothing_anyway(void **state)
{
    struct scene s = scene_api();

    (void)state;
    add_credit(&s)->status = 0;
    s.facts.age_ms = 120000;
    s.sub.sms_tel = "";
    assert_both_refused(&s, "the subscriber has no phone (sms_tel is empty)");
}

/* ---- the loyalty bonus ---- */

static void
loyalty_grows_with_the_years(void **state)
{
    static const struct {
        const char *contract;
        int64_t kopecks;
    } contracts[] = {
        { "2025-03-30", 3000 },
        { "2024-03-31", 3000 },
        { "2024-03-30", 5000 },
        { "2023-03-31", 5000 },
        { "2023-03-30", 10000 },
        { "1999-01-01", 10000 },
        { "0001-01-01", 10000 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(contracts); i++) {
        struct scene s = scene_make();

        s.sub.tariff.fee_millionths = ROUBLES(1000);
        s.sub.contract = at(contracts[i].contract);
        assert_given(&s, BONUS_LOYALTY, contracts[i].kopecks);
    }
}

static void
the_anniversary_itself_is_too_early(void **state)
{
    static const char *const contracts[] = { "2025-03-31", "2025-04-01",
        "2026-03-31", "2027-01-01" };

    (void)state;
    for (size_t i = 0; i < COUNT(contracts); i++) {
        struct scene s = scene_make();

        s.sub.contract = at(contracts[i]);
        assert_refused(
            &s, BONUS_LOYALTY, "the contract is not older than a year");
    }
}

static void
the_time_of_day_makes_no_contract_older(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.sub.contract = at("2025-03-31");
    s.facts.captured = at("2026-03-31 23:59:59");
    assert_refused(&s, BONUS_LOYALTY, "the contract is not older than a year");
    s.facts.captured = at("2026-04-01 00:00:00");
    assert_given(&s, BONUS_LOYALTY, 1000);
}

static void
today_is_the_day_of_the_capture(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.sub.contract = at("2025-03-31");
    s.event.date = at("2026-04-02 00:00:00");
    assert_refused(&s, BONUS_LOYALTY, "the contract is not older than a year");
}

/* The 29th of February has its anniversary on the 28th. */
static void
a_contract_of_a_leap_day_is_a_year_old_after_the_28th(void **state)
{
    static const struct {
        const char *captured;
        int64_t kopecks;
    } days[] = {
        { "2025-02-28 12:00:00", 0 },
        { "2025-03-01 12:00:00", 3000 },
        { "2026-02-28 12:00:00", 3000 },
        { "2026-03-01 12:00:00", 5000 },
        { "2027-02-28 12:00:00", 5000 },
        { "2027-03-01 12:00:00", 10000 },
        { "2028-02-29 12:00:00", 10000 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(days); i++) {
        struct scene s = scene_make();

        s.sub.contract = at("2024-02-29");
        s.sub.tariff.fee_millionths = ROUBLES(1000);
        s.facts.captured = at(days[i].captured);
        if (days[i].kopecks)
            assert_given(&s, BONUS_LOYALTY, days[i].kopecks);
        else
            assert_refused(
                &s, BONUS_LOYALTY, "the contract is not older than a year");
    }
}

static void
without_a_contract_there_is_no_loyalty(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.sub.contract = (struct civil){ 0 };
    assert_refused(&s, BONUS_LOYALTY,
        "the day of the contract is not known "
        "(ext_date_fiz_contract_conclusion)");
    assert_given(&s, BONUS_TOPUP, 10000);
}

static void
the_payment_must_cover_the_fee(void **state)
{
    struct scene exact = scene_paid(ROUBLES(500)),
                 short_by_a_kopeck = scene_paid(KOPECKS(49999)),
                 short_by_less = scene_paid(ROUBLES(500) - 1);

    (void)state;
    assert_given(&exact, BONUS_LOYALTY, 5000);
    assert_refused(&short_by_a_kopeck, BONUS_LOYALTY,
        "the amount 499.99 is below the monthly fee 500.00");
    assert_refused(&short_by_less, BONUS_LOYALTY,
        "the amount 500.00 is below the monthly fee 500.00");
}

static void
the_deposit_must_have_been_below_the_fee(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.event.before_millionths = ROUBLES(500) - 1;
    assert_given(&s, BONUS_LOYALTY, 5000);
    s.event.before_millionths = ROUBLES(500);
    assert_refused(&s, BONUS_LOYALTY,
        "the deposit before the payment, 500.00, already covered the monthly "
        "fee 500.00");
    assert_given(&s, BONUS_TOPUP, 10000);
}

static void
the_first_percentage_of_the_fee_must_be_ten_whatever_the_age(void **state)
{
    static const struct {
        int64_t fee;
        bool enough;
    } fees[] = {
        { ROUBLES(333), false },
        { KOPECKS(33333), false },
        { 333333333, false },
        { 333333334, true },
        { KOPECKS(33334), true },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(fees); i++) {
        struct scene s = scene_make();

        s.sub.tariff.fee_millionths = fees[i].fee;
        if (fees[i].enough)
            assert_given(&s, BONUS_LOYALTY, 3000);
        else
            assert_refused(&s, BONUS_LOYALTY,
                "the first percentage of the monthly fee would be below "
                "10.00");
    }
}

static void
without_a_fee_there_is_no_loyalty(void **state)
{
    struct scene free = scene_make(), odd = scene_make();

    (void)state;
    free.sub.tariff.fee_millionths = 0;
    free.sub.tariff.overdraft_millionths = ROUBLES(100);
    free.event.before_millionths = ROUBLES(-50);
    assert_refused(&free, BONUS_LOYALTY,
        "the first percentage of the monthly fee would be below 10.00");
    odd.sub.tariff.fee_millionths = ROUBLES(-500);
    odd.sub.tariff.overdraft_millionths = ROUBLES(1000);
    odd.event.before_millionths = ROUBLES(-600);
    assert_refused(&odd, BONUS_LOYALTY,
        "the first percentage of the monthly fee would be below 10.00");
}

static void
loyalty_is_rounded_down_to_tens(void **state)
{
    static const struct {
        int64_t fee, one, two, three;
    } fees[] = {
        { 333333334, 1000, 1000, 3000 },
        { KOPECKS(39999), 1000, 1000, 3000 },
        { ROUBLES(400), 1000, 2000, 4000 },
        { KOPECKS(66666), 1000, 3000, 6000 },
        { KOPECKS(66667), 2000, 3000, 6000 },
        { ROUBLES(1000) - 1, 2000, 4000, 9000 },
        { ROUBLES(1000), 3000, 5000, 10000 },
        { ROUBLES(2000), 6000, 10000, 20000 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(fees); i++) {
        struct scene s = scene_make();

        s.sub.tariff.fee_millionths = fees[i].fee;
        s.sub.contract = at("2025-01-01");
        assert_given(&s, BONUS_LOYALTY, fees[i].one);
        s.sub.contract = at("2024-01-01");
        assert_given(&s, BONUS_LOYALTY, fees[i].two);
        s.sub.contract = at("2023-01-01");
        assert_given(&s, BONUS_LOYALTY, fees[i].three);
    }
}

static void
loyalty_has_a_bound_where_the_setting_says_so(void **state)
{
    struct scene s = scene_paid(ROUBLES(5000));

    (void)state;
    s.sub.tariff.fee_millionths = ROUBLES(5000);
    assert_given(&s, BONUS_LOYALTY, 50000);
    s.set.bonus_loyalty.most_kopecks = 10000;
    assert_given(&s, BONUS_LOYALTY, 10000);
}

static void
a_huge_fee_does_not_overflow(void **state)
{
    struct scene s = scene_paid(INT64_MAX);

    (void)state;
    s.sub.tariff.fee_millionths = INT64_MAX;
    assert_given(&s, BONUS_LOYALTY, 92233720368000);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_payment_can_earn_both),
        cmocka_unit_test(a_back_dated_row_earns_them),
        cmocka_unit_test(a_back_dated_row_earns_none_where_the_setting_says_so),
        cmocka_unit_test(only_subscribers_in_users_get_them),
        cmocka_unit_test(moved_subscribers_get_none_whatever_the_setting),
        cmocka_unit_test(on_a_modern_schema_only_state_1_gets_them),
        cmocka_unit_test(on_a_legacy_schema_there_is_no_state),
        cmocka_unit_test(without_phone_there_are_none),
        cmocka_unit_test(a_phone_is_any_text),
        cmocka_unit_test(the_tariff_must_be_known),
        cmocka_unit_test(a_deposit_of_just_what_the_tariff_allows_is_enough),
        cmocka_unit_test(a_deposit_below_what_the_tariff_allows_earns_none),
        cmocka_unit_test(a_tariff_may_allow_any_debt),
        cmocka_unit_test(all_243_combinations_of_discounts),
        cmocka_unit_test(
            values_other_than_0_and_1_are_a_discount_but_not_the_extended_one),
        cmocka_unit_test(blanks_at_the_end_of_a_value_do_not_count),
        cmocka_unit_test(the_top_up_is_five_percent_in_whole_tens),
        cmocka_unit_test(a_payment_below_the_minimum_earns_no_top_up),
        cmocka_unit_test(a_negative_payment_earns_nothing),
        cmocka_unit_test(
            the_percentage_must_reach_the_least_before_it_is_rounded),
        cmocka_unit_test(less_than_ten_roubles_is_no_bonus),
        cmocka_unit_test(the_maximum_is_rounded_down_to_tens_too),
        cmocka_unit_test(the_top_up_can_be_without_bound),
        cmocka_unit_test(percentages_have_hundredths),
        cmocka_unit_test(the_new_kits_settings_give_a_hundred),
        cmocka_unit_test(a_second_top_up_within_a_month_is_refused),
        cmocka_unit_test(a_month_ends_on_the_same_day_or_the_last_one),
        cmocka_unit_test(a_bonus_given_since_the_capture_counts),
        cmocka_unit_test(only_waiting_and_credited_rows_count),
        cmocka_unit_test(only_rows_of_the_top_ups_category_count),
        cmocka_unit_test(only_amounts_above_zero_count),
        cmocka_unit_test(the_row_that_counts_is_named),
        cmocka_unit_test(a_mark_names_kind_and_row),
        cmocka_unit_test(the_same_payment_has_the_same_mark),
        cmocka_unit_test(another_payment_has_another_mark),
        cmocka_unit_test(the_longest_mark_fits),
        cmocka_unit_test(what_an_earlier_try_gave_is_not_given_again),
        cmocka_unit_test(what_this_payment_earned_for_loyalty_blocks_no_top_up),
        cmocka_unit_test(what_this_payment_earned_as_top_up_blocks_no_loyalty),
        cmocka_unit_test(
            what_another_payment_earned_for_loyalty_blocks_a_top_up),
        cmocka_unit_test(a_payment_of_the_interface_earns_them),
        cmocka_unit_test(a_bonus_earns_no_bonus),
        cmocka_unit_test(no_other_payment_suffers_from_a_bonus_nearby),
        cmocka_unit_test(a_bonus_of_another_amount_nearby_is_not_the_payment),
        cmocka_unit_test(of_two_payments_and_one_row_the_other_earns_them),
        cmocka_unit_test(a_row_that_waits_is_waited_for_then_asked_about),
        cmocka_unit_test(nobody_is_asked_about_what_earns_nothing_anyway),
        cmocka_unit_test(loyalty_grows_with_the_years),
        cmocka_unit_test(the_anniversary_itself_is_too_early),
        cmocka_unit_test(the_time_of_day_makes_no_contract_older),
        cmocka_unit_test(today_is_the_day_of_the_capture),
        cmocka_unit_test(a_contract_of_a_leap_day_is_a_year_old_after_the_28th),
        cmocka_unit_test(without_a_contract_there_is_no_loyalty),
        cmocka_unit_test(the_payment_must_cover_the_fee),
        cmocka_unit_test(the_deposit_must_have_been_below_the_fee),
        cmocka_unit_test(
            the_first_percentage_of_the_fee_must_be_ten_whatever_the_age),
        cmocka_unit_test(without_a_fee_there_is_no_loyalty),
        cmocka_unit_test(loyalty_is_rounded_down_to_tens),
        cmocka_unit_test(loyalty_has_a_bound_where_the_setting_says_so),
        cmocka_unit_test(a_huge_fee_does_not_overflow),
    };

    return cmocka_run_group_tests_name("bonus", tests, NULL, NULL);
}
