/* receipt: who gets a fiscal receipt, over how much, and where it is sent. */
#include "unit.h"

#include "rules/receipt.h"

/* One payment or refund: all that its receipt depends on, and what came of
 * it. */
struct scene {
    struct settings set;
    struct event event;
    struct subscriber sub;
    struct api_row api[3];
    struct facts facts;
    struct receipt_plan plan;
};

static const uint64_t EVENT_ID = 90;

#define ROUBLES(n) ((n)*1000000LL) /* millionths */

#define NO_PHONE "the subscriber has no phone (sms_tel is empty)"
#define BAD_PHONE "not a phone number (sms_tel)"
#define NOT_CREDITED(id)                                                       \
    "row " id " of addons_pay_api, a bonus of the same amount, is not "        \
    "credited: nobody can say whether this payment is it"

static struct civil
at(const char *text)
{
    struct civil c;

    if (!civil_parse(&c, text))
        fail_msg("no date: %s", text);
    return c;
}

/* 350.50 of an active subscriber who has a phone. */
static struct scene
scene_of(enum event_kind kind)
{
    bool back = kind == EVENT_REFUND || kind == EVENT_API_REFUND;

    return (struct scene){
        .set = { .billing = { .moved_subscribers = true,
                     .backdated_ms = 3600000,
                     .backdated_money = true,
                     .api_window_ms = 10000,
                     .api_wait_ms = 120000 },
            .receipt = { .payments = true, .refunds = true, .blocked = true } },
        .event = { .kind = kind,
            .uid = 1001,
            .row_id = 501,
            .kopecks = back ? -35050 : 35050,
            .millionths = back ? -350500000 : 350500000,
            .date = at("2026-11-24 12:30:00") },
        .sub = { .uid = 1001,
            .place = PLACE_USERS,
            .login = "abonent1",
            .sms_tel = "79001234567",
            .email = "" },
        .facts = { .event_id = EVENT_ID },
    };
}

static struct scene
scene_make(void)
{
    return scene_of(EVENT_PAYMENT);
}

/* Adds a row that the payment could be the credit of. */
static struct api_row *
add_credit(struct scene *s)
{
    struct api_row *row = &s->api[s->facts.api_n++];

    *row = (struct api_row){
        .id = 70 + s->facts.api_n,
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

static const struct receipt_plan *
decide(struct scene *s)
{
    s->facts.event = &s->event;
    s->facts.sub = &s->sub;
    s->facts.api = s->api;
    memset(&s->plan, 'x', sizeof s->plan);
    receipt_decide(&s->plan, &s->facts, &s->set);
    return &s->plan;
}

/* There is one, over so much, to there. */
static void
assert_receipt(struct scene *s, int64_t kopecks, const char *contact)
{
    const struct receipt_plan *plan = decide(s);
    bool back =
        s->event.kind == EVENT_REFUND || s->event.kind == EVENT_API_REFUND;

    expect_text("reason", plan->decision.reason, "");
    expect_number("verdict", plan->decision.verdict, VERDICT_DO);
    expect_number("kopecks", plan->kopecks, kopecks);
    expect_text("contact", plan->contact, contact);
    expect_number("back", plan->back, back);
    assert_null(plan->credit);
}

static void
assert_usual(struct scene *s)
{
    assert_receipt(s, 35050, "+79001234567");
}

static void
assert_none(struct scene *s, enum verdict verdict, const char *reason)
{
    const struct receipt_plan *plan = decide(s);

    expect_text("reason", plan->decision.reason, reason);
    expect_number(reason, plan->decision.verdict, verdict);
}

static void
assert_skipped(struct scene *s, const char *reason)
{
    assert_none(s, VERDICT_SKIP, reason);
    assert_null(s->plan.credit);
}

/* ---- switched on or off ---- */

static void
payments_and_refunds_of_both_kinds_get_one(void **state)
{
    static const enum event_kind kinds[] = { EVENT_PAYMENT, EVENT_REFUND,
        EVENT_API_PAYMENT, EVENT_API_REFUND };

    (void)state;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct scene s = scene_of(kinds[i]);

        assert_true(receipt_is_on(&s.set, kinds[i]));
        assert_usual(&s);
    }
}

static void
each_direction_has_its_switch(void **state)
{
    static const struct {
        enum event_kind kind;
        bool back;
    } rows[] = { { EVENT_PAYMENT, false }, { EVENT_API_PAYMENT, false },
        { EVENT_REFUND, true }, { EVENT_API_REFUND, true } };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct scene s = scene_of(rows[i].kind);

        s.set.receipt.payments = !rows[i].back;
        s.set.receipt.refunds = rows[i].back;
        assert_true(receipt_is_on(&s.set, rows[i].kind));
        assert_usual(&s);
        s.set.receipt.payments = rows[i].back;
        s.set.receipt.refunds = !rows[i].back;
        assert_false(receipt_is_on(&s.set, rows[i].kind));
        assert_skipped(&s, "switched off ([receipt])");
    }
}

static void
what_moves_no_money_never_gets_one(void **state)
{
    static const enum event_kind kinds[] = { EVENT_CREDIT_LIMIT, EVENT_CREDIT,
        EVENT_TARIFF_CHANGE, EVENT_KINDS };

    (void)state;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct scene s = scene_of(kinds[i]);

        assert_false(receipt_is_on(&s.set, kinds[i]));
        assert_skipped(&s, "switched off ([receipt])");
    }
}

/* ---- back-dated ---- */

static void
a_back_dated_row_gets_one(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.event.age_s = 365 * 86400;
    assert_usual(&s);
}

static void
a_back_dated_row_gets_none_where_it_does_not_count(void **state)
{
    static const enum event_kind kinds[] = { EVENT_PAYMENT, EVENT_REFUND,
        EVENT_API_PAYMENT, EVENT_API_REFUND };

    (void)state;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct scene s = scene_of(kinds[i]);

        s.set.billing.backdated_money = false;
        s.event.age_s = 3601;
        assert_skipped(
            &s, "the row is back-dated by 3601 s ([billing] backdated_money)");
    }
}

static void
an_hour_is_not_back_dated(void **state)
{
    static const int64_t ages[] = { -86400, 0, 3599, 3600 };

    (void)state;
    for (size_t i = 0; i < COUNT(ages); i++) {
        struct scene s = scene_make();

        s.set.billing.backdated_money = false;
        s.event.age_s = ages[i];
        assert_usual(&s);
    }
}

/* ---- where the subscriber is ---- */

static void
every_state_in_users_gets_one(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.set.billing.moved_subscribers = false;
    s.set.receipt.blocked = false;
    for (int modern = 0; modern <= 1; modern++) {
        s.sub.modern = modern;
        for (s.sub.state = 0; s.sub.state <= 5; s.sub.state++)
            assert_usual(&s);
    }
}

static void
in_usersfreeze_it_is_a_matter_of_the_schema_and_the_setting(void **state)
{
    static const struct {
        bool modern, moved, gets;
    } rows[] = { { false, false, true }, { false, true, true },
        { true, true, true }, { true, false, false } };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct scene s = scene_make();

        s.sub.place = PLACE_FROZEN;
        s.sub.modern = rows[i].modern;
        s.set.billing.moved_subscribers = rows[i].moved;
        s.set.receipt.blocked = false;
        if (rows[i].gets)
            assert_usual(&s);
        else
            assert_skipped(&s,
                "the subscriber is only in usersfreeze, which does not count "
                "([billing] moved_subscribers)");
    }
}

static void
in_usersblok_and_usersdel_it_is_a_matter_of_the_setting(void **state)
{
    static const struct {
        enum place place;
        const char *reason;
    } rows[] = {
        { PLACE_BLOCKED,
            "the subscriber is in table usersblok ([receipt] blocked)" },
        { PLACE_DELETED,
            "the subscriber is in table usersdel ([receipt] blocked)" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (int modern = 0; modern <= 1; modern++) {
            struct scene s = scene_make();

            s.sub.place = rows[i].place;
            s.sub.modern = modern;
            s.set.billing.moved_subscribers = false;
            assert_usual(&s);
            s.set.billing.moved_subscribers = true;
            s.set.receipt.blocked = false;
            assert_skipped(&s, rows[i].reason);
        }
    }
}

static void
nobody_gets_none(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.sub.place = PLACE_NONE;
    assert_skipped(&s, "there is no such subscriber");
}

/* ---- amounts ---- */

/* Of a payment the amount as stored counts, to the millionth. */
static void
a_payment_is_at_least_a_kopeck(void **state)
{
    static const struct {
        int64_t millionths, kopecks;
        const char *reason;
    } rows[] = {
        { 10000, 1, NULL },
        { 10001, 1, NULL },
        { 15000, 2, NULL },
        { ROUBLES(100), 10000, NULL },
        { 9999, 1, "the amount is below 0.01" },
        { 9900, 1, "the amount is below 0.01" },
        { 4000, 0, "the amount is below 0.01" },
        { 0, 0, "the amount is below 0.01" },
        { -10000, -1, "the amount -0.01 is below zero: nothing was paid" },
        { ROUBLES(-100), -10000,
            "the amount -100.00 is below zero: nothing was paid" },
    };
    static const enum event_kind kinds[] = { EVENT_PAYMENT, EVENT_API_PAYMENT };

    (void)state;
    for (size_t i = 0; i < COUNT(rows) * COUNT(kinds); i++) {
        struct scene s = scene_of(kinds[i / COUNT(rows)]);
        size_t row = i % COUNT(rows);

        s.event.millionths = rows[row].millionths;
        s.event.kopecks = rows[row].kopecks;
        if (rows[row].reason)
            assert_skipped(&s, rows[row].reason);
        else
            assert_receipt(&s, rows[row].kopecks, "+79001234567");
    }
}

/* Of a refund the amount as it is rounded: -0.004 is 0.00, -0.005 is -0.01. */
static void
a_refund_takes_something_back(void **state)
{
    static const struct {
        int64_t millionths, kopecks;
        const char *reason;
    } rows[] = {
        { -10000, -1, NULL },
        { -5000, -1, NULL },
        { ROUBLES(-100), -10000, NULL },
        { -4000, 0, "the amount is 0.00" },
        { 0, 0, "the amount is 0.00" },
        { 4000, 0, "the amount is 0.00" },
        { 10000, 1, "the amount 0.01 is above zero: nothing was given back" },
        { ROUBLES(10), 1000,
            "the amount 10.00 is above zero: nothing was given back" },
    };
    static const enum event_kind kinds[] = { EVENT_REFUND, EVENT_API_REFUND };

    (void)state;
    for (size_t i = 0; i < COUNT(rows) * COUNT(kinds); i++) {
        struct scene s = scene_of(kinds[i / COUNT(rows)]);
        size_t row = i % COUNT(rows);

        s.event.millionths = rows[row].millionths;
        s.event.kopecks = rows[row].kopecks;
        if (rows[row].reason)
            assert_skipped(&s, rows[row].reason);
        else
            assert_receipt(&s, -rows[row].kopecks, "+79001234567");
    }
}

static void
no_kopeck_of_a_huge_amount_is_lost(void **state)
{
    /* As much as an event can carry in millionths. */
    static const int64_t huge = INT64_MAX / 10000;
    struct scene paid = scene_make(), back = scene_of(EVENT_REFUND);

    (void)state;
    paid.event.millionths = INT64_MAX;
    paid.event.kopecks = huge;
    assert_receipt(&paid, huge, "+79001234567");
    paid.event.millionths = ROUBLES(123456789) + 120000;
    paid.event.kopecks = 12345678912;
    assert_receipt(&paid, 12345678912, "+79001234567");
    back.event.millionths = INT64_MIN;
    back.event.kopecks = -huge;
    assert_receipt(&back, huge, "+79001234567");
}

/* ---- where it is sent ---- */

static void
the_first_number_that_is_one_is_taken(void **state)
{
    static const struct {
        const char *field, *contact;
    } rows[] = {
        { "79001234567", "+79001234567" },
        { "+79001234567", "+79001234567" },
        { "89001234567", "+79001234567" },
        { "9001234567", "+79001234567" },
        { "8 (900) 123-45-67", "+79001234567" },
        { " +7 900 1234567 ", "+79001234567" },
        { "380501234567", "+380501234567" },
        { "123456789012345", "+123456789012345" },
        { "9001234567,9007654321", "+79001234567" },
        { "нет, 9007654321", "+79007654321" },
        { "12345; 123; 9007654321/9001234567", "+79007654321" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct scene s = scene_make();

        s.sub.sms_tel = (char *)rows[i].field;
        assert_receipt(&s, 35050, rows[i].contact);
    }
}

static void
without_a_number_there_is_none(void **state)
{
    static const struct {
        const char *field, *reason;
    } rows[] = {
        { "", NO_PHONE },
        { "   ", NO_PHONE },
        { " \t,; /", NO_PHONE },
        { "0", BAD_PHONE },
        { "+", BAD_PHONE },
        { "нет", BAD_PHONE },
        { "900123456a", BAD_PHONE },
        { "1234567890", BAD_PHONE },
        { "1234567890123456", BAD_PHONE },
        { "нет, 12345", BAD_PHONE },
        { "79001234567'", BAD_PHONE },
        { "user@example.com", BAD_PHONE },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct scene s = scene_make();

        s.sub.sms_tel = (char *)rows[i].field;
        assert_skipped(&s, rows[i].reason);
        assert_string_equal(s.plan.contact, "");
    }
}

static struct scene
scene_mailed(const char *email)
{
    struct scene s = scene_make();

    s.set.receipt.email = true;
    s.sub.sms_tel = "";
    s.sub.email = (char *)email;
    return s;
}

static void
an_email_is_only_taken_where_the_settings_say_so(void **state)
{
    struct scene s = scene_mailed("user@example.com");

    (void)state;
    assert_receipt(&s, 35050, "user@example.com");
    s.set.receipt.email = false;
    assert_skipped(&s, NO_PHONE);
    s.sub.sms_tel = "нет";
    assert_skipped(&s, BAD_PHONE);
    assert_string_equal(s.plan.contact, "");
    s.set.receipt.email = true;
    assert_receipt(&s, 35050, "user@example.com");
}

static void
a_phone_wins_over_an_email(void **state)
{
    struct scene s = scene_mailed("user@example.com");

    (void)state;
    s.sub.sms_tel = "нет, 89001234567";
    assert_receipt(&s, 35050, "+79001234567");
}

static void
an_address_is_taken_out_of_its_blanks(void **state)
{
    static const struct {
        const char *field, *contact;
    } rows[] = {
        { "a@b.c", "a@b.c" },
        { "  a@b.c", "a@b.c" },
        { "a@b.c  ", "a@b.c" },
        { "\t a@b.c \t", "a@b.c" },
        { "a@b.c d@e.f", "a@b.c" },
        { "User.Name+tag@mail.example.ru", "User.Name+tag@mail.example.ru" },
        { "o'neil_{x}@b-c.org", "o'neil_{x}@b-c.org" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct scene s = scene_mailed(rows[i].field);

        assert_receipt(&s, 35050, rows[i].contact);
    }
}

static void
what_is_no_address_is_not_taken(void **state)
{
    static const char *const fields[] = { "", "  ", "@", "a@", "@b.c", "a.b.c",
        "a@b", "a@b.", "a@.b", "a@.", "a@b@c.d", "a@@b.c", "a b@c.d", "a,b@c.d",
        "a@b.c,d@e.f", "a@b.c;", "<a@b.c>", "\"a\"@b.c", "a\\@b.c", "a@b.c\\",
        "a@b.c\n", "a@b.c\nd", "a\x01@b.c", "a\x7F@b.c", "почта@b.c",
        "a@b.\xD1", "a@b.c\xFF" };

    (void)state;
    for (size_t i = 0; i < COUNT(fields); i++) {
        struct scene s = scene_mailed(fields[i]);

        if (decide(&s)->decision.verdict == VERDICT_DO)
            fail_msg("\"%s\" is taken as %s", fields[i], s.plan.contact);
        assert_skipped(&s, NO_PHONE);
        assert_string_equal(s.plan.contact, "");
    }
}

static void
an_address_has_as_much_room_as_the_contact(void **state)
{
    char email[RECEIPT_CONTACT + 2] = "";
    struct scene s = scene_mailed(email);

    (void)state;
    memset(email, 'a', sizeof email);
    memcpy(email + RECEIPT_CONTACT - 4, "@b.c", 5);
    assert_receipt(&s, 35050, email);
    assert_int_equal(strlen(s.plan.contact), RECEIPT_CONTACT);
    /* One more, which would be an address if it were cut. */
    memcpy(email + RECEIPT_CONTACT - 4, "@b.cc", 6);
    assert_skipped(&s, NO_PHONE);
    assert_string_equal(s.plan.contact, "");
}

static void
a_subscriber_may_have_no_email_at_all(void **state)
{
    struct scene s = scene_mailed(NULL);

    (void)state;
    assert_skipped(&s, NO_PHONE);
    s.sub.sms_tel = "79001234567";
    assert_usual(&s);
}

/* ---- bonuses that are credited ---- */

static void
a_credited_bonus_gets_none_and_names_its_row(void **state)
{
    static const enum event_kind kinds[] = { EVENT_API_PAYMENT,
        EVENT_API_REFUND };

    (void)state;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct scene s = scene_of(kinds[i]);

        add_credit(&s);
        assert_none(&s, VERDICT_SKIP,
            "the payment is itself a bonus (addons_pay_api 71)");
        assert_ptr_equal(s.plan.credit, &s.api[0]);
    }
}

static void
a_bonus_that_is_not_credited_yet_waits(void **state)
{
    struct scene s = scene_of(EVENT_API_PAYMENT);

    (void)state;
    add_credit(&s)->status = 0;
    s.facts.age_ms = 119999;
    assert_none(&s, VERDICT_WAIT, NOT_CREDITED("71"));
    assert_null(s.plan.credit);
}

static void
after_two_minutes_the_operator_is_asked(void **state)
{
    struct scene s = scene_of(EVENT_API_PAYMENT);

    (void)state;
    add_credit(&s)->status = 0;
    s.facts.age_ms = 120000;
    assert_none(&s, VERDICT_ASK, NOT_CREDITED("71"));
    assert_null(s.plan.credit);
}

static void
a_bonus_that_became_another_payment_is_not_this_one(void **state)
{
    struct scene s = scene_of(EVENT_API_PAYMENT);

    (void)state;
    add_credit(&s)->credit_event = EVENT_ID + 1;
    assert_usual(&s);
    s.api[0].status = 0;
    assert_usual(&s);
    s.api[0].status = 1;
    s.api[0].credit_event = EVENT_ID;
    assert_none(
        &s, VERDICT_SKIP, "the payment is itself a bonus (addons_pay_api 71)");
}

static void
what_was_laid_in_otherwise_is_money(void **state)
{
    struct scene s = scene_of(EVENT_API_PAYMENT);

    (void)state;
    add_credit(&s)->category = 4;
    add_credit(&s)->millionths += 1;
    add_credit(&s)->updated = at("2026-11-24 12:30:10");
    assert_usual(&s);
}

static void
other_payments_have_nothing_to_do_with_bonuses(void **state)
{
    static const enum event_kind kinds[] = { EVENT_PAYMENT, EVENT_REFUND };

    (void)state;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct scene s = scene_of(kinds[i]);

        add_credit(&s);
        add_credit(&s)->status = 0;
        assert_usual(&s);
    }
}

/* ---- which reason is told ---- */

/* From the last condition to the first: each hides those before it. */
static void
the_first_condition_that_fails_is_told(void **state)
{
    struct scene s = scene_of(EVENT_API_PAYMENT);

    (void)state;
    add_credit(&s);
    assert_none(
        &s, VERDICT_SKIP, "the payment is itself a bonus (addons_pay_api 71)");
    s.sub.sms_tel = "нет";
    assert_skipped(&s, BAD_PHONE);
    s.event.millionths = 0;
    s.event.kopecks = 0;
    assert_skipped(&s, "the amount is below 0.01");
    s.sub.place = PLACE_NONE;
    assert_skipped(&s, "there is no such subscriber");
    s.set.billing.backdated_money = false;
    s.event.age_s = 7200;
    assert_skipped(
        &s, "the row is back-dated by 7200 s ([billing] backdated_money)");
    s.set.receipt.payments = false;
    assert_skipped(&s, "switched off ([receipt])");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(payments_and_refunds_of_both_kinds_get_one),
        cmocka_unit_test(each_direction_has_its_switch),
        cmocka_unit_test(what_moves_no_money_never_gets_one),
        cmocka_unit_test(a_back_dated_row_gets_one),
        cmocka_unit_test(a_back_dated_row_gets_none_where_it_does_not_count),
        cmocka_unit_test(an_hour_is_not_back_dated),
        cmocka_unit_test(every_state_in_users_gets_one),
        cmocka_unit_test(
            in_usersfreeze_it_is_a_matter_of_the_schema_and_the_setting),
        cmocka_unit_test(
            in_usersblok_and_usersdel_it_is_a_matter_of_the_setting),
        cmocka_unit_test(nobody_gets_none),
        cmocka_unit_test(a_payment_is_at_least_a_kopeck),
        cmocka_unit_test(a_refund_takes_something_back),
        cmocka_unit_test(no_kopeck_of_a_huge_amount_is_lost),
        cmocka_unit_test(the_first_number_that_is_one_is_taken),
        cmocka_unit_test(without_a_number_there_is_none),
        cmocka_unit_test(an_email_is_only_taken_where_the_settings_say_so),
        cmocka_unit_test(a_phone_wins_over_an_email),
        cmocka_unit_test(an_address_is_taken_out_of_its_blanks),
        cmocka_unit_test(what_is_no_address_is_not_taken),
        cmocka_unit_test(an_address_has_as_much_room_as_the_contact),
        cmocka_unit_test(a_subscriber_may_have_no_email_at_all),
        cmocka_unit_test(a_credited_bonus_gets_none_and_names_its_row),
        cmocka_unit_test(a_bonus_that_is_not_credited_yet_waits),
        cmocka_unit_test(after_two_minutes_the_operator_is_asked),
        cmocka_unit_test(a_bonus_that_became_another_payment_is_not_this_one),
        cmocka_unit_test(what_was_laid_in_otherwise_is_money),
        cmocka_unit_test(other_payments_have_nothing_to_do_with_bonuses),
        cmocka_unit_test(the_first_condition_that_fails_is_told),
    };

    return cmocka_run_group_tests_name("receipt", tests, NULL, NULL);
}
