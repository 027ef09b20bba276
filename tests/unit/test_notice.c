/* notice: who is told what. */
#include "unit.h"

#include "rules/notice.h"

/* One decision: everything that it depends on, and what came of it. */
struct scene {
    struct settings set;
    struct event event;
    struct subscriber sub;
    uint32_t chance;
    struct notice notice;
};

static char *endings[] = { "Благодарим за пользование нашими услугами!",
    "Звоните: {phone}", "{signature}" };

static int64_t
millionths(int64_t roubles)
{
    return roubles * 1000000;
}

/* A payment of 100 roubles by an active subscriber of a legacy billing, with
 * the recorded text. */
static struct scene
scene_make(void)
{
    return (struct scene){
        .set = {
            .billing = { .moved_subscribers = true, .backdated_ms = 3600000 },
            .company = { .name = "Тест-Телеком", .site = "example.ru",
                .cabinet = "lk.example.ru", .phone = "+7(343)000-00-00",
                .signature = "Ваш Тест-Телеком.", .currency = "руб" },
            .payment = { .sms = true, .minimum_kopecks = 1000,
                .text = "На счет #{login} зачислен платеж: {amount} "
                        "{currency}. {ending}",
                .ending = { endings, 1 } },
        },
        .event = { .kind = EVENT_PAYMENT, .uid = 1001, .row_id = 501,
            .kopecks = 10000, .millionths = millionths(100) },
        .sub = { .uid = 1001, .place = PLACE_USERS, .login = "abonent1",
            .sms_tel = "79001234567" },
    };
}

static struct scene
scene_modern(int state)
{
    struct scene s = scene_make();

    s.sub.modern = true;
    s.sub.state = state;
    return s;
}

static void
decide(struct scene *s)
{
    notice_decide(&s->notice, &s->event, &s->sub, &s->set, s->chance);
}

static void
assert_sent(struct scene *s, const char *text)
{
    decide(s);
    if (!s->notice.send)
        fail_msg("skipped: %s", s->notice.reason);
    assert_string_equal(s->notice.reason, "");
    assert_string_equal(bytes_text(&s->notice.text), text);
    notice_free(&s->notice);
}

static void
assert_passes(struct scene *s)
{
    decide(s);
    if (!s->notice.send)
        fail_msg("skipped: %s", s->notice.reason);
    notice_free(&s->notice);
}

static void
assert_skipped(struct scene *s, const char *reason)
{
    decide(s);
    assert_false(s->notice.send);
    assert_string_equal(s->notice.reason, reason);
    notice_free(&s->notice);
}

static void
the_recorded_text_comes_out_letter_for_letter(void **state)
{
    struct scene s = scene_make();

    (void)state;
    assert_sent(&s, "На счет #abonent1 зачислен платеж: 100.00 руб. "
                    "Благодарим за пользование нашими услугами!");
}

static void
every_field_is_filled(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.event.kopecks = 10050;
    s.set.payment.text =
        "{name};{site};{cabinet};{phone};{signature};{currency};{login};{uid};"
        "{amount};{ending}";
    assert_sent(&s, "Тест-Телеком;example.ru;lk.example.ru;+7(343)000-00-00;"
                    "Ваш Тест-Телеком.;руб;abonent1;1001;100.50;"
                    "Благодарим за пользование нашими услугами!");
}

static void
a_login_with_braces_is_not_expanded(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.set.payment.text = "{login}: {amount}";
    s.sub.login = "{amount}{{";
    assert_sent(&s, "{amount}{{: 100.00");
}

static void
a_company_field_with_braces_is_not_expanded(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.set.payment.text = "{ending}";
    s.set.company.phone = "{login}";
    s.chance = 1;
    s.set.payment.ending.n = 2;
    assert_sent(&s, "Звоните: {login}");
}

static void
chance_picks_the_ending(void **state)
{
    static const char *const want[] = {
        "Благодарим за пользование нашими услугами!",
        "Звоните: +7(343)000-00-00", "Ваш Тест-Телеком."
    };
    struct scene s = scene_make();

    (void)state;
    s.set.payment.text = "{ending}";
    s.set.payment.ending.n = 3;
    for (s.chance = 0; s.chance < 9; s.chance++)
        assert_sent(&s, want[s.chance % 3]);
    s.chance = UINT32_MAX;
    assert_sent(&s, want[UINT32_MAX % 3]);
}

static void
without_endings_there_is_none(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.set.payment.text = "<{ending}>";
    s.set.payment.ending.n = 0;
    s.chance = 5;
    assert_sent(&s, "<>");
}

static void
other_kinds_of_event_have_no_notice(void **state)
{
    (void)state;
    for (enum event_kind kind = 0; kind <= EVENT_KINDS; kind++) {
        struct scene s = scene_make();

        if (kind == EVENT_PAYMENT)
            continue;
        s.event.kind = kind;
        assert_null(notice_settings_of(&s.set, kind));
        decide(&s);
        assert_false(s.notice.send);
        notice_free(&s.notice);
    }
}

static void
payments_have_the_settings_of_payments(void **state)
{
    struct scene s = scene_make();

    (void)state;
    assert_ptr_equal(notice_settings_of(&s.set, EVENT_PAYMENT), &s.set.payment);
}

static void
the_minimum_itself_passes(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.event.kopecks = 1000;
    s.event.millionths = millionths(10);
    assert_passes(&s);
}

static void
the_minimum_is_compared_before_rounding(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.event.kopecks = 1000;
    s.event.millionths = 9999999;
    assert_skipped(&s, "the amount 10.00 is below the minimum 10.00");
    s.event.kopecks = 1000;
    s.event.millionths = 10004999;
    assert_passes(&s);
}

static void
a_smaller_payment_is_skipped(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.event.kopecks = 999;
    s.event.millionths = 9990000;
    assert_skipped(&s, "the amount 9.99 is below the minimum 10.00");
}

static void
a_negative_payment_is_skipped(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.set.payment.minimum_kopecks = 0;
    s.event.kopecks = -5000;
    s.event.millionths = millionths(-50);
    assert_skipped(&s, "the amount -50.00 is below the minimum 0.00");
}

static void
an_amount_of_zero_is_skipped_whatever_the_minimum(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.set.payment.minimum_kopecks = 0;
    s.event.kopecks = 0;
    s.event.millionths = 0;
    assert_skipped(&s, "the amount is 0.00");
    s.event.millionths = 4999;
    assert_skipped(&s, "the amount is 0.00");
}

static void
without_minimum_a_kopeck_passes(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.set.payment.minimum_kopecks = 0;
    s.event.kopecks = 1;
    s.event.millionths = 10000;
    assert_passes(&s);
}

static void
a_minimum_beyond_all_amounts_skips_all(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.set.payment.minimum_kopecks = INT64_MAX;
    s.event.kopecks = 922337203685477;
    s.event.millionths = INT64_MAX - 1;
    assert_skipped(&s, "the amount 9223372036854.77 is below the minimum "
                       "92233720368547758.07");
}

static void
back_dated_by_an_hour_passes(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.event.age_s = 3600;
    assert_passes(&s);
}

static void
back_dated_by_more_than_an_hour_is_skipped(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.event.age_s = 3601;
    assert_skipped(
        &s, "the row is back-dated by 3601 s, more than the 3600 s allowed");
}

static void
back_dated_by_thousands_of_years_is_skipped(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.event.age_s = 315537897599;
    assert_skipped(&s, "the row is back-dated by 315537897599 s, more than "
                       "the 3600 s allowed");
}

static void
a_row_dated_in_the_future_passes(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.event.age_s = -100000;
    assert_passes(&s);
}

static void
the_allowed_back_dating_is_a_setting(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.set.billing.backdated_ms = 0;
    assert_passes(&s);
    s.event.age_s = 1;
    assert_skipped(
        &s, "the row is back-dated by 1 s, more than the 0 s allowed");
    s.set.billing.backdated_ms = 1000;
    assert_passes(&s);
}

static void
legacy_subscribers_in_users_and_usersfreeze_are_told(void **state)
{
    struct scene s = scene_make();

    (void)state;
    assert_passes(&s);
    s.sub.place = PLACE_FROZEN;
    assert_passes(&s);
    s.set.billing.moved_subscribers = false;
    assert_passes(&s);
}

static void
a_blocked_subscriber_is_skipped(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.sub.place = PLACE_BLOCKED;
    assert_skipped(&s, "the subscriber is blocked (table usersblok)");
    s.sub.modern = true;
    assert_skipped(&s, "the subscriber is blocked (table usersblok)");
}

static void
a_deleted_subscriber_is_skipped(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.sub.place = PLACE_DELETED;
    assert_skipped(&s, "the subscriber is deleted (table usersdel)");
    s.sub.modern = true;
    assert_skipped(&s, "the subscriber is deleted (table usersdel)");
}

static void
a_subscriber_who_is_nowhere_is_skipped(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.sub = (struct subscriber){
        .uid = 1001, .place = PLACE_NONE, .login = "", .sms_tel = ""
    };
    assert_skipped(&s, "there is no such subscriber");
}

static void
modern_active_and_frozen_subscribers_are_told(void **state)
{
    struct scene active = scene_modern(1), frozen = scene_modern(2);

    (void)state;
    assert_passes(&active);
    assert_passes(&frozen);
}

static void
modern_subscribers_in_other_states_are_skipped(void **state)
{
    static const struct {
        int state;
        const char *reason;
    } others[] = {
        { 0, "the subscriber is in state 0 (users.state 0)" },
        { 3, "the subscriber is disabled (users.state 3)" },
        { 4, "the subscriber is deleted (users.state 4)" },
        { 5, "the subscriber is in no known state (users.state 5)" },
        { -1, "the subscriber is in no known state (users.state -1)" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(others); i++) {
        struct scene s = scene_modern(others[i].state);

        assert_skipped(&s, others[i].reason);
    }
}

static void
legacy_subscribers_have_no_state(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.sub.state = 3;
    assert_passes(&s);
}

static void
modern_subscribers_in_usersfreeze_count_by_setting(void **state)
{
    struct scene s = scene_modern(0);

    (void)state;
    s.sub.place = PLACE_FROZEN;
    assert_passes(&s);
    s.set.billing.moved_subscribers = false;
    assert_skipped(&s, "the subscriber is only in usersfreeze, which does not "
                       "count ([billing] moved_subscribers)");
}

static void
without_phone_there_is_nobody_to_tell(void **state)
{
    static char *const blank[] = { "", " ", "                    " };

    (void)state;
    for (size_t i = 0; i < COUNT(blank); i++) {
        struct scene s = scene_make();

        s.sub.sms_tel = blank[i];
        assert_skipped(&s, "the subscriber has no phone (sms_tel is empty)");
    }
}

static void
every_phone_of_the_field_is_a_receiver(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.sub.sms_tel = "8 (900) 123-45-67, нет, 9007654321";
    decide(&s);
    assert_true(s.notice.send);
    assert_int_equal(s.notice.phones, 3);
    assert_string_equal(s.notice.phone[0].number, "79001234567");
    assert_string_equal(s.notice.phone[1].number, "");
    assert_string_equal(s.notice.phone[1].given, "нет");
    assert_string_equal(s.notice.phone[2].number, "79007654321");
    notice_free(&s.notice);
}

static void
an_empty_text_is_skipped(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.set.payment.text = "";
    assert_skipped(&s, "the text is empty or longer than 4 KiB");
}

static void
a_text_beyond_4_kib_is_skipped(void **state)
{
    struct scene s = scene_make();
    char signature[2049];

    (void)state;
    memset(signature, 'x', sizeof signature - 1);
    signature[sizeof signature - 1] = '\0';
    s.set.company.signature = signature;
    s.set.payment.text = "{signature}{signature}";
    assert_passes(&s);
    s.set.payment.text = "{signature}{signature}.";
    assert_skipped(&s, "the text is empty or longer than 4 KiB");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_recorded_text_comes_out_letter_for_letter),
        cmocka_unit_test(every_field_is_filled),
        cmocka_unit_test(a_login_with_braces_is_not_expanded),
        cmocka_unit_test(a_company_field_with_braces_is_not_expanded),
        cmocka_unit_test(chance_picks_the_ending),
        cmocka_unit_test(without_endings_there_is_none),
        cmocka_unit_test(other_kinds_of_event_have_no_notice),
        cmocka_unit_test(payments_have_the_settings_of_payments),
        cmocka_unit_test(the_minimum_itself_passes),
        cmocka_unit_test(the_minimum_is_compared_before_rounding),
        cmocka_unit_test(a_smaller_payment_is_skipped),
        cmocka_unit_test(a_negative_payment_is_skipped),
        cmocka_unit_test(an_amount_of_zero_is_skipped_whatever_the_minimum),
        cmocka_unit_test(without_minimum_a_kopeck_passes),
        cmocka_unit_test(a_minimum_beyond_all_amounts_skips_all),
        cmocka_unit_test(back_dated_by_an_hour_passes),
        cmocka_unit_test(back_dated_by_more_than_an_hour_is_skipped),
        cmocka_unit_test(back_dated_by_thousands_of_years_is_skipped),
        cmocka_unit_test(a_row_dated_in_the_future_passes),
        cmocka_unit_test(the_allowed_back_dating_is_a_setting),
        cmocka_unit_test(legacy_subscribers_in_users_and_usersfreeze_are_told),
        cmocka_unit_test(a_blocked_subscriber_is_skipped),
        cmocka_unit_test(a_deleted_subscriber_is_skipped),
        cmocka_unit_test(a_subscriber_who_is_nowhere_is_skipped),
        cmocka_unit_test(modern_active_and_frozen_subscribers_are_told),
        cmocka_unit_test(modern_subscribers_in_other_states_are_skipped),
        cmocka_unit_test(legacy_subscribers_have_no_state),
        cmocka_unit_test(modern_subscribers_in_usersfreeze_count_by_setting),
        cmocka_unit_test(without_phone_there_is_nobody_to_tell),
        cmocka_unit_test(every_phone_of_the_field_is_a_receiver),
        cmocka_unit_test(an_empty_text_is_skipped),
        cmocka_unit_test(a_text_beyond_4_kib_is_skipped),
    };

    return cmocka_run_group_tests_name("notice", tests, NULL, NULL);
}
