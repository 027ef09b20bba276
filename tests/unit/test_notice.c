/* notice: who is told what. */
#include "unit.h"

#include "rules/notice.h"

/* Half past noon in Yekaterinburg. */
#define NOON_US 1795505400000000LL /* 2026-11-24 07:30:00 UTC */

static const int64_t HOUR_US = 3600LL * 1000000;

/* ---- scenes ---- */

enum { MOST_API = 4 };

/* One decision: everything that it depends on, and what came of it. */
struct scene {
    enum notice_kind kind; /* which it is about */
    enum notice_way way;
    struct settings set;
    struct event event;
    enum origin origin;
    struct subscriber sub;
    struct api_row api[MOST_API];
    size_t api_n;
    int64_t wall_us;
    const struct zone *zone;
    uint32_t chance;
    struct notice notice;
};

static const struct zone yekaterinburg = { .span = { { INT64_MIN, 5 * 3600 } },
    .n = 1 };

static char *endings[] = { "Благодарим за пользование нашими услугами!",
    "Звоните: {phone}", "{signature}" };

/* Each kind of notice: the event that it tells about, the sum of its row, its
 * limit and its recorded text. */
static const struct kind {
    enum event_kind event;
    enum origin origin;
    int64_t roubles;
    int64_t limit_kopecks;
    char *text;
    const char *told;
} kinds[NOTICES] = {
    [NOTICE_PAYMENT] = { EVENT_PAYMENT, ORIGIN_SUBSCRIBER, 100, 1000,
        "На счет #{login} зачислен платеж: {amount} {currency}. {ending}",
        "На счет #abonent1 зачислен платеж: 100.00 руб. Благодарим за "
        "пользование нашими услугами!" },
    [NOTICE_REFUND] = { EVENT_REFUND, ORIGIN_SUBSCRIBER, -100, 1000,
        "Со счета #{login} осуществлен возврат средств: {amount} {currency}. "
        "{signature}",
        "Со счета #abonent1 осуществлен возврат средств: 100.00 руб. Ваш "
        "Тест-Телеком." },
    [NOTICE_API_PAYMENT] = { EVENT_API_PAYMENT, ORIGIN_SUBSCRIBER, 100, 1000,
        "На счет #{login} зачислен {comment}: {amount} {currency}. {signature}",
        "На счет #abonent1 зачислен перерасчёт: 100.00 руб. Ваш "
        "Тест-Телеком." },
    [NOTICE_API_REFUND] = { EVENT_API_REFUND, ORIGIN_SUBSCRIBER, -100, 1000,
        "Со счета #{login} осуществлен {comment}: {amount} {currency}. "
        "{signature}",
        "Со счета #abonent1 осуществлен перерасчёт: 100.00 руб. Ваш "
        "Тест-Телеком." },
    [NOTICE_CREDIT] = { EVENT_CREDIT, ORIGIN_SUBSCRIBER, 0, 1,
        "Услуга Кредит в размере {amount} {currency}. подключена. {signature}",
        "Услуга Кредит в размере 300.00 руб. подключена. Ваш Тест-Телеком." },
    [NOTICE_CREDIT_LIMIT] = { EVENT_CREDIT_LIMIT, ORIGIN_SUBSCRIBER, 0, 1,
        "Кредитный лимит в размере {amount} {currency}. установлен. "
        "{signature}",
        "Кредитный лимит в размере 300.00 руб. установлен. Ваш "
        "Тест-Телеком." },
    [NOTICE_TARIFF_CHANGE] = { EVENT_TARIFF_CHANGE, ORIGIN_SUBSCRIBER, 0, 0,
        "Новый тарифный план подключен. {signature}",
        "Новый тарифный план подключен. Ваш Тест-Телеком." },
    [NOTICE_TARIFF_BY_STAFF] = { EVENT_TARIFF_CHANGE, ORIGIN_STAFF, 0, 0,
        "Новый тарифный план подключен: {tariff}. {signature}",
        "Новый тарифный план подключен: Домашний 100. Ваш Тест-Телеком." },
    [NOTICE_FREEZE] = { EVENT_FREEZE, ORIGIN_SUBSCRIBER, 0, 0,
        "Услуга Заморозка подключена. {signature}",
        "Услуга Заморозка подключена. Ваш Тест-Телеком." },
    [NOTICE_UNFREEZE] = { EVENT_UNFREEZE, ORIGIN_SUBSCRIBER, 0, 0,
        "Счёт {login} разморожен.", "Счёт abonent1 разморожен." },
    [NOTICE_BLOCK] = { EVENT_BLOCK, ORIGIN_SUBSCRIBER, 0, 0,
        "Ваша учетная запись #{login} заблокирована. {signature}",
        "Ваша учетная запись #abonent1 заблокирована. Ваш Тест-Телеком." },
    [NOTICE_UNBLOCK] = { EVENT_UNBLOCK, ORIGIN_SUBSCRIBER, 0, 0,
        "Счёт {login} разблокирован.", "Счёт abonent1 разблокирован." },
    [NOTICE_DELETE] = { EVENT_DELETE, ORIGIN_SUBSCRIBER, 0, 0,
        "Ваша учетная запись #{login} удалена. {signature}",
        "Ваша учетная запись #abonent1 удалена. Ваш Тест-Телеком." },
    [NOTICE_REAL_IP] = { EVENT_REAL_IP, ORIGIN_SUBSCRIBER, 0, 0,
        "Услуга Реальный IP подключена. {signature}",
        "Услуга Реальный IP подключена. Ваш Тест-Телеком." },
};

/* Where the subscriber stands then. */
static const enum place standing[NOTICES] = {
    [NOTICE_FREEZE] = PLACE_FROZEN,
    [NOTICE_BLOCK] = PLACE_BLOCKED,
    [NOTICE_DELETE] = PLACE_DELETED,
};

static struct civil
civil(const char *text)
{
    struct civil c;

    assert_true(civil_parse(&c, text));
    return c;
}

/* The row of addons_pay_api that the scene's payment comes from. */
static struct api_row
api_make(const struct event *event)
{
    return (struct api_row){ .id = 70,
        .uid = 1001,
        .category = 5,
        .status = 1,
        .millionths = event->millionths,
        .updated = civil("2026-11-24 12:29:58"),
        .comment = "перерасчёт",
        .mark = "" };
}

static void
add_notices(struct scene *s)
{
    for (enum notice_kind kind = 0; kind < NOTICES; kind++) {
        s->set.notices[kind] = (struct notice_settings){
            .sms = kind == s->kind,
            .social = kind == s->kind,
            .sms_route = { { CHANNEL_SMSPILOT }, 1 },
            .social_route = { { CHANNEL_SOCIAL }, 1 },
            .limit_kopecks = kinds[kind].limit_kopecks,
            .text = kinds[kind].text,
            .social_text = "",
            .ending = { endings, 1 },
        };
    }
}

/* An event of 100 roubles of an active subscriber of a legacy billing, who has
 * a credit of 300; only this kind of notice is on. */
static struct scene
scene_of(enum notice_kind kind)
{
    const struct kind *k = &kinds[kind];
    struct scene s = {
        .kind = kind,
        .set = {
            .billing = { .moved_subscribers = true, .backdated_ms = 3600000,
                .api_window_ms = 10000 },
            .company = { .name = "Тест-Телеком", .site = "example.ru",
                .cabinet = "lk.example.ru", .phone = "+7(343)000-00-00",
                .signature = "Ваш Тест-Телеком.", .currency = "руб" },
        },
        .event = { .kind = k->event, .uid = 1001, .row_id = 501,
            .on = true, .kopecks = k->roubles * 100, .millionths = k->roubles * 1000000,
            .date = civil("2026-11-24 12:29:55") },
        .origin = k->origin,
        .sub = { .uid = 1001, .place = standing[kind], .real_ip = 1, .login = "abonent1",
            .sms_tel = "79001234567", .gid = 3, .credit_kopecks = 30000,
            .tariff = { .known = true, .name = "Домашний 100" } },
        .api_n = 1,
        .wall_us = NOON_US,
        .zone = &yekaterinburg,
    };

    s.api[0] = api_make(&s.event);
    add_notices(&s);
    return s;
}

static struct scene
scene_make(void)
{
    return scene_of(NOTICE_PAYMENT);
}

static struct scene
scene_modern(enum notice_kind kind, int state)
{
    struct scene s = scene_of(kind);

    s.sub.place = PLACE_USERS;
    s.sub.modern = true;
    s.sub.state = state;
    return s;
}

static struct notice_settings *
notice_of(struct scene *s)
{
    return &s->set.notices[s->kind];
}

static void
set_amount(struct scene *s, int64_t millionths, int64_t kopecks)
{
    s->event.millionths = millionths;
    s->event.kopecks = kopecks;
    s->api[0].millionths = millionths;
}

static void
decide(struct scene *s)
{
    struct facts facts = {
        .event = &s->event,
        .event_id = 9,
        .sub = &s->sub,
        .captured = civil("2026-11-24 12:30:00"),
        .api = s->api,
        .api_n = s->api_n,
        .origin = s->origin,
        .wall_us = s->wall_us,
        .zone = s->zone,
        .chance = s->chance,
    };

    memset(&s->notice, 'x', sizeof s->notice);
    notice_decide(&s->notice, s->way, &facts, &s->set);
}

/* It is told: nothing speaks against it. */
static void
expect_told(struct scene *s)
{
    const char *section = settings_notice_name(s->kind);

    decide(s);
    if (s->notice.decision.verdict != VERDICT_DO)
        fail_msg("%s: %s", section, s->notice.decision.reason);
    expect_text(section, s->notice.decision.reason, "");
    assert_true(s->notice.phones > 0);
    assert_true(s->notice.text.n > 0);
}

static void
assert_passes(struct scene *s)
{
    expect_told(s);
    notice_free(&s->notice);
}

static void
assert_sent(struct scene *s, const char *text)
{
    expect_told(s);
    expect_text(
        settings_notice_name(s->kind), bytes_text(&s->notice.text), text);
    notice_free(&s->notice);
}

static void
assert_skipped(struct scene *s, const char *reason)
{
    const char *section = settings_notice_name(s->kind);

    decide(s);
    expect_number(section, s->notice.decision.verdict, VERDICT_SKIP);
    expect_text(section, s->notice.decision.reason, reason);
    notice_free(&s->notice);
}

/* Told, or skipped for this reason. */
static void
assert_told(struct scene *s, bool told, const char *reason)
{
    if (told)
        assert_passes(s);
    else
        assert_skipped(s, reason);
}

/* ---- kinds ---- */

static void
every_kind_says_its_recorded_text_letter_for_letter(void **state)
{
    (void)state;
    for (enum notice_kind kind = 0; kind < NOTICES; kind++) {
        struct scene s = scene_of(kind);

        assert_sent(&s, kinds[kind].told);
        s.way = NOTICE_SOCIAL;
        assert_sent(&s, kinds[kind].told);
    }
}

static void
every_event_has_its_kind_of_notice(void **state)
{
    (void)state;
    for (enum notice_kind kind = 0; kind < NOTICES; kind++)
        expect_number(settings_notice_name(kind),
            notice_kind_of(kinds[kind].event, kinds[kind].origin), kind);
}

static void
only_a_change_of_tariff_depends_on_who_made_it(void **state)
{
    (void)state;
    for (enum event_kind kind = 0; kind < EVENT_KINDS; kind++) {
        enum notice_kind own = notice_kind_of(kind, ORIGIN_SUBSCRIBER);
        enum notice_kind staff = notice_kind_of(kind, ORIGIN_STAFF);

        expect_number(
            event_kind_name(kind), own < NOTICES, kind != EVENT_TURBO);
        expect_number(
            event_kind_name(kind), own != staff, kind == EVENT_TARIFF_CHANGE);
    }
}

static void
what_is_no_event_has_no_notice(void **state)
{
    struct scene s = scene_make();

    (void)state;
    assert_int_equal(notice_kind_of(EVENT_KINDS, ORIGIN_SUBSCRIBER), NOTICES);
    assert_int_equal(notice_kind_of(EVENT_KINDS, ORIGIN_STAFF), NOTICES);
    s.set.bonus_topup.on = true; /* what stands behind the notices */
    assert_false(notice_is_on(&s.set, NOTICES, NOTICE_SMS));
    assert_false(notice_is_on(&s.set, NOTICES, NOTICE_SOCIAL));
}

static void
each_kind_and_way_has_a_switch_of_its_own(void **state)
{
    (void)state;
    for (enum notice_kind kind = 0; kind < NOTICES; kind++) {
        struct settings set = { 0 };

        set.notices[kind].sms = true;
        for (enum notice_kind other = 0; other < NOTICES; other++) {
            expect_number(settings_notice_name(other),
                notice_is_on(&set, other, NOTICE_SMS), other == kind);
            assert_false(notice_is_on(&set, other, NOTICE_SOCIAL));
        }
        set.notices[kind].sms = false;
        set.notices[kind].social = true;
        for (enum notice_kind other = 0; other < NOTICES; other++) {
            expect_number(settings_notice_name(other),
                notice_is_on(&set, other, NOTICE_SOCIAL), other == kind);
            assert_false(notice_is_on(&set, other, NOTICE_SMS));
        }
    }
}

static void
a_kind_that_is_switched_off_is_skipped(void **state)
{
    (void)state;
    for (enum notice_kind kind = 0; kind < NOTICES; kind++) {
        struct scene s = scene_of(kind);
        char reason[80];

        snprintf(reason, sizeof reason, "switched off ([%s])",
            settings_notice_name(kind));
        notice_of(&s)->sms = false;
        assert_skipped(&s, reason);
        s.way = NOTICE_SOCIAL;
        assert_passes(&s);
        notice_of(&s)->social = false;
        assert_skipped(&s, reason);
        s.way = NOTICE_SMS;
        notice_of(&s)->sms = true;
        assert_passes(&s);
    }
}

/* ---- amounts of the row ---- */

static void
the_minimum_itself_passes(void **state)
{
    struct scene pay = scene_make(), api = scene_of(NOTICE_API_PAYMENT);

    (void)state;
    set_amount(&pay, 10000000, 1000);
    assert_passes(&pay);
    set_amount(&api, 10000000, 1000);
    assert_passes(&api);
}

static void
the_minimum_is_compared_before_rounding(void **state)
{
    struct scene s = scene_make();

    (void)state;
    set_amount(&s, 9999999, 1000);
    assert_skipped(&s, "the amount 10.00 is below the minimum 10.00");
    set_amount(&s, 10004999, 1000);
    assert_passes(&s);
}

static void
a_smaller_payment_is_skipped(void **state)
{
    struct scene pay = scene_make(), api = scene_of(NOTICE_API_PAYMENT);

    (void)state;
    set_amount(&pay, 9990000, 999);
    assert_skipped(&pay, "the amount 9.99 is below the minimum 10.00");
    set_amount(&api, 9990000, 999);
    assert_skipped(&api, "the amount 9.99 is below the minimum 10.00");
}

static void
a_negative_payment_is_skipped(void **state)
{
    struct scene s = scene_make();

    (void)state;
    notice_of(&s)->limit_kopecks = 0;
    set_amount(&s, -50000000, -5000);
    assert_skipped(&s, "the amount -50.00 is below the minimum 0.00");
}

static void
a_refund_is_announced_up_to_plus_ten(void **state)
{
    static const struct {
        int64_t millionths, kopecks;
        const char *reason;
    } rows[] = {
        { -1000000000, -100000, NULL },
        { -10000000, -1000, NULL },
        { -10000, -1, NULL },
        { 10000, 1, NULL },
        { 10000000, 1000, NULL },
        { 10000001, 1000, "the amount 10.00 is above the limit of 10.00" },
        { 10010000, 1001, "the amount 10.01 is above the limit of 10.00" },
        { 100000000, 10000, "the amount 100.00 is above the limit of 10.00" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct scene s = scene_of(NOTICE_REFUND);

        set_amount(&s, rows[i].millionths, rows[i].kopecks);
        assert_told(&s, !rows[i].reason, rows[i].reason);
    }
}

static void
the_limit_of_a_refund_may_be_negative(void **state)
{
    struct scene s = scene_of(NOTICE_REFUND);

    (void)state;
    notice_of(&s)->limit_kopecks = -1000;
    set_amount(&s, -10000000, -1000);
    assert_passes(&s);
    set_amount(&s, -9999999, -1000);
    assert_skipped(&s, "the amount -10.00 is above the limit of -10.00");
    set_amount(&s, 5000000, 500);
    assert_skipped(&s, "the amount 5.00 is above the limit of -10.00");
}

static void
a_refund_by_the_interface_takes_back_at_least_the_minimum(void **state)
{
    static const struct {
        int64_t millionths, kopecks;
        const char *reason;
    } rows[] = {
        { -1000000000, -100000, NULL },
        { -10000000, -1000, NULL },
        { -9999999, -1000, "the amount -10.00 is above the limit of -10.00" },
        { -9990000, -999, "the amount -9.99 is above the limit of -10.00" },
        { 10000000, 1000, "the amount 10.00 is above the limit of -10.00" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct scene s = scene_of(NOTICE_API_REFUND);

        set_amount(&s, rows[i].millionths, rows[i].kopecks);
        assert_told(&s, !rows[i].reason, rows[i].reason);
    }
}

static void
what_was_taken_is_told_without_its_sign(void **state)
{
    static const enum notice_kind refunds[] = { NOTICE_REFUND,
        NOTICE_API_REFUND };

    (void)state;
    for (size_t i = 0; i < COUNT(refunds); i++) {
        struct scene s = scene_of(refunds[i]);

        notice_of(&s)->text = "{amount}";
        set_amount(&s, -1234567890, -123457);
        assert_sent(&s, "1234.57");
    }
}

static void
what_was_given_is_told_with_two_decimals(void **state)
{
    static const struct {
        int64_t millionths, kopecks;
        const char *told;
    } rows[] = { { 100000000, 10000, "100.00" }, { 100500000, 10050, "100.50" },
        { 10050000, 1005, "10.05" }, { 1234565000, 123456, "1234.56" },
        { 12345678900000000, 1234567890000, "12345678900.00" } };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct scene s = scene_make();

        notice_of(&s)->text = "{amount}";
        set_amount(&s, rows[i].millionths, rows[i].kopecks);
        assert_sent(&s, rows[i].told);
    }
}

static void
an_amount_of_zero_is_skipped_whatever_the_limit(void **state)
{
    static const enum notice_kind of_rows[] = { NOTICE_PAYMENT, NOTICE_REFUND,
        NOTICE_API_PAYMENT, NOTICE_API_REFUND };

    (void)state;
    for (size_t i = 0; i < COUNT(of_rows); i++) {
        struct scene s = scene_of(of_rows[i]);

        notice_of(&s)->limit_kopecks = 0;
        set_amount(&s, 0, 0);
        assert_skipped(&s, "the amount is 0.00");
        set_amount(&s, 4999, 0);
        assert_skipped(&s, "the amount is 0.00");
        set_amount(&s, -4999, 0);
        assert_skipped(&s, "the amount is 0.00");
    }
}

static void
without_minimum_a_kopeck_passes(void **state)
{
    struct scene pay = scene_make(), refund = scene_of(NOTICE_API_REFUND);

    (void)state;
    notice_of(&pay)->limit_kopecks = 0;
    set_amount(&pay, 10000, 1);
    assert_passes(&pay);
    notice_of(&refund)->limit_kopecks = 0;
    set_amount(&refund, -10000, -1);
    assert_passes(&refund);
}

static void
a_limit_beyond_all_amounts_is_never_reached(void **state)
{
    struct scene s = scene_make(), refund = scene_of(NOTICE_REFUND);

    (void)state;
    notice_of(&s)->limit_kopecks = INT64_MAX;
    set_amount(&s, INT64_MAX - 1, 922337203685477);
    assert_skipped(&s, "the amount 9223372036854.77 is below the minimum "
                       "92233720368547758.07");
    notice_of(&refund)->limit_kopecks = INT64_MIN;
    set_amount(&refund, INT64_MIN + 1, -922337203685477);
    assert_skipped(&refund, "the amount -9223372036854.77 is above the limit "
                            "of -92233720368547758.08");
}

/* ---- the subscriber's credit ---- */

static const enum notice_kind of_credit[] = { NOTICE_CREDIT,
    NOTICE_CREDIT_LIMIT };

static void
credit_and_limit_tell_the_subscribers_credit_not_the_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(of_credit); i++) {
        struct scene s = scene_of(of_credit[i]);

        notice_of(&s)->text = "{amount}";
        set_amount(&s, -70000000, -7000);
        assert_sent(&s, "300.00");
        set_amount(&s, 70000000, 7000);
        s.sub.credit_kopecks = 12345;
        assert_sent(&s, "123.45");
    }
}

static void
a_credit_of_a_kopeck_is_told_and_none_is_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(of_credit); i++) {
        struct scene s = scene_of(of_credit[i]);

        s.sub.credit_kopecks = 1;
        assert_passes(&s);
        s.sub.credit_kopecks = 0;
        assert_skipped(&s, "the subscriber's credit 0.00 is below 0.01");
        s.sub.credit_kopecks = -5000;
        assert_skipped(&s, "the subscriber's credit -50.00 is below 0.01");
    }
}

static void
the_least_credit_is_a_setting(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(of_credit); i++) {
        struct scene s = scene_of(of_credit[i]);

        notice_of(&s)->limit_kopecks = 30000;
        assert_passes(&s);
        notice_of(&s)->limit_kopecks = 30001;
        assert_skipped(&s, "the subscriber's credit 300.00 is below 300.01");
    }
}

static void
only_credit_and_limit_look_at_the_credit(void **state)
{
    (void)state;
    for (enum notice_kind kind = 0; kind < NOTICES; kind++) {
        struct scene s = scene_of(kind);

        s.sub.credit_kopecks = 0;
        assert_told(&s, kind != NOTICE_CREDIT && kind != NOTICE_CREDIT_LIMIT,
            "the subscriber's credit 0.00 is below 0.01");
    }
}

/* ---- changes of tariff ---- */

static const enum notice_kind of_tariff[] = { NOTICE_TARIFF_CHANGE,
    NOTICE_TARIFF_BY_STAFF };

static void
a_change_of_tariff_has_no_amount(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(of_tariff); i++) {
        struct scene s = scene_of(of_tariff[i]);

        set_amount(&s, 0, 0);
        s.sub.credit_kopecks = 0;
        notice_of(&s)->limit_kopecks = 1000;
        assert_passes(&s);
    }
}

static void
who_changed_the_tariff_decides_which_notice_it_is(void **state)
{
    struct scene s = scene_of(NOTICE_TARIFF_CHANGE);

    (void)state;
    s.set.notices[NOTICE_TARIFF_CHANGE].text = "by the subscriber";
    s.set.notices[NOTICE_TARIFF_BY_STAFF].text = "by the staff";
    assert_sent(&s, "by the subscriber");
    s.origin = ORIGIN_STAFF;
    assert_skipped(&s, "switched off ([tariff_by_staff])");
    s.set.notices[NOTICE_TARIFF_BY_STAFF].sms = true;
    assert_sent(&s, "by the staff");
    s.set.notices[NOTICE_TARIFF_CHANGE].sms = false;
    assert_sent(&s, "by the staff");
    s.origin = ORIGIN_SUBSCRIBER;
    assert_skipped(&s, "switched off ([tariff_change])");
}

static void
a_tariff_without_a_name_is_left_out(void **state)
{
    struct scene s = scene_of(NOTICE_TARIFF_CHANGE);

    (void)state;
    notice_of(&s)->text = "<{tariff}>";
    assert_sent(&s, "<Домашний 100>");
    s.sub.tariff = (struct tariff){ .name = "" };
    assert_sent(&s, "<>");
    s.sub.tariff.name = NULL;
    assert_sent(&s, "<>");
}

/* ---- rows of addons_pay_api ---- */

static const char NO_ROW[] = "there is no credited row in addons_pay_api that "
                             "the payment could come from";

static const enum notice_kind of_api[] = { NOTICE_API_PAYMENT,
    NOTICE_API_REFUND };

static bool
is_of_api(enum notice_kind kind)
{
    return kind == NOTICE_API_PAYMENT || kind == NOTICE_API_REFUND;
}

static void
only_the_interface_needs_its_row(void **state)
{
    (void)state;
    for (enum notice_kind kind = 0; kind < NOTICES; kind++) {
        struct scene s = scene_of(kind);

        expect_number(settings_notice_name(kind), notice_needs_api(kind),
            is_of_api(kind));
        s.api_n = 0;
        assert_told(&s, !is_of_api(kind), NO_ROW);
    }
}

static void
only_a_credited_row_is_announced(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(of_api); i++) {
        struct scene s = scene_of(of_api[i]);

        for (s.api[0].status = 0; s.api[0].status <= 5; s.api[0].status++)
            assert_told(&s, s.api[0].status == 1, NO_ROW);
    }
}

static void
a_row_touched_at_another_time_is_not_announced(void **state)
{
    static const struct {
        const char *updated;
        bool told;
    } rows[] = {
        { "2026-11-24 12:29:45", false },
        { "2026-11-24 12:29:46", true },
        { "2026-11-24 12:29:55", true },
        { "2026-11-24 12:30:04", true },
        { "2026-11-24 12:30:05", false },
        { "2025-11-24 12:29:55", false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(of_api); i++) {
        for (size_t j = 0; j < COUNT(rows); j++) {
            struct scene s = scene_of(of_api[i]);

            s.api[0].updated = civil(rows[j].updated);
            assert_told(&s, rows[j].told, NO_ROW);
        }
    }
}

static void
a_row_below_the_limit_is_not_announced(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(of_api); i++) {
        struct scene s = scene_of(of_api[i]);
        int sign = of_api[i] == NOTICE_API_REFUND ? -1 : 1;

        s.api[0].millionths = sign * 10000000;
        assert_passes(&s);
        s.api[0].millionths = sign * 9999999;
        assert_skipped(&s, NO_ROW);
        s.api[0].millionths = sign * -100000000;
        assert_skipped(&s, NO_ROW);
    }
}

static void
the_comment_is_that_of_the_row_with_the_same_amount(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(of_api); i++) {
        struct scene s = scene_of(of_api[i]);

        notice_of(&s)->text = "{comment}";
        s.api_n = 3;
        for (size_t j = 0; j < s.api_n; j++)
            s.api[j] = api_make(&s.event);
        s.api[0].millionths *= 2;
        s.api[0].comment = "another amount";
        s.api[1].comment = "the lowest";
        s.api[2].comment = "a later one";
        assert_sent(&s, "the lowest");
        s.api[1].millionths *= 3;
        assert_sent(&s, "a later one");
        s.api[2].millionths *= 4;
        assert_sent(&s, "another amount");
    }
}

static void
the_row_that_it_announces_is_handed_on(void **state)
{
    (void)state;
    for (enum notice_kind kind = 0; kind < NOTICES; kind++) {
        struct scene s = scene_of(kind);

        s.api_n = 2;
        s.api[1] = s.api[0];
        s.api[0].millionths *= 2;
        expect_told(&s);
        assert_ptr_equal(s.notice.credit, is_of_api(kind) ? &s.api[1] : NULL);
        notice_free(&s.notice);
    }
}

static void
a_row_that_became_another_payment_is_not_announced(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(of_api); i++) {
        struct scene s = scene_of(of_api[i]);

        s.api[0].credit_event = 9; /* this one */
        assert_passes(&s);
        s.api[0].credit_event = 8;
        assert_skipped(&s, NO_ROW);
        assert_null(s.notice.credit);
    }
}

static void
a_comment_is_never_looked_into(void **state)
{
    struct scene s = scene_of(NOTICE_API_PAYMENT);

    (void)state;
    notice_of(&s)->text = "{comment}: {amount}";
    s.api[0].comment = "{amount} {{ '\"\\ \n {login}";
    assert_sent(&s, "{amount} {{ '\"\\ \n {login}: 100.00");
    s.api[0].comment = "";
    assert_sent(&s, ": 100.00");
}

static void
without_a_row_there_is_no_comment(void **state)
{
    struct scene s = scene_make();

    (void)state;
    notice_of(&s)->text = "<{comment}>";
    assert_sent(&s, "<>");
}

/* ---- dates ---- */

static void
back_dated_by_an_hour_passes(void **state)
{
    (void)state;
    for (enum notice_kind kind = 0; kind < NOTICES; kind++) {
        struct scene s = scene_of(kind);

        s.event.age_s = 3600;
        assert_passes(&s);
    }
}

static void
back_dated_by_more_than_an_hour_is_skipped(void **state)
{
    (void)state;
    for (enum notice_kind kind = 0; kind < NOTICES; kind++) {
        struct scene s = scene_of(kind);

        s.event.age_s = 3601;
        assert_skipped(&s, "the row is back-dated by 3601 s, more than the "
                           "3600 s allowed");
    }
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

/* A setting of its own is for money, not for messages. */
static void
money_for_back_dated_rows_makes_no_message(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.set.billing.backdated_money = true;
    s.event.age_s = 3601;
    assert_skipped(&s, "the row is back-dated by 3601 s, more than the 3600 s "
                       "allowed");
}

/* ---- subscribers ---- */

/* Who is told: subscribers of these tables, and states of a modern schema. */
static const struct told {
    bool place[BILLING_PLACES];
    bool state[5];
} told[NOTICES] = {
    [NOTICE_PAYMENT] = { { true, true }, { false, true, true } },
    [NOTICE_REFUND] = { { true, true }, { false, true, true } },
    [NOTICE_API_PAYMENT] = { { true, true },
        { false, true, true, true, true } },
    [NOTICE_API_REFUND] = { { true, true }, { false, true, true, true, true } },
    [NOTICE_CREDIT] = { { true }, { false, true } },
    [NOTICE_CREDIT_LIMIT] = { { true }, { false, true } },
    [NOTICE_TARIFF_CHANGE] = { { true }, { false, true } },
    [NOTICE_TARIFF_BY_STAFF] = { { true, true }, { false, true, true } },
    [NOTICE_FREEZE] = { { false, true }, { false, false, true } },
    [NOTICE_UNFREEZE] = { { true }, { false, true } },
    [NOTICE_BLOCK] = { { false, false, true }, { false, false, false, true } },
    [NOTICE_UNBLOCK] = { { true }, { false, true } },
    [NOTICE_DELETE] = { { false, false, false, true },
        { false, false, false, false, true } },
    [NOTICE_REAL_IP] = { { true, true }, { false, true, true } },
};

static const char *const stands[BILLING_PLACES] = {
    "the subscriber is active (table users)",
    "the subscriber is frozen (table usersfreeze)",
    "the subscriber is blocked (table usersblok)",
    "the subscriber is deleted (table usersdel)",
};

static void
legacy_subscribers_are_told_by_their_table(void **state)
{
    (void)state;
    for (enum notice_kind kind = 0; kind < NOTICES; kind++) {
        for (enum place place = 0; place < BILLING_PLACES; place++) {
            struct scene s = scene_of(kind);

            s.sub.place = place;
            assert_told(&s, told[kind].place[place], stands[place]);
            s.set.billing.moved_subscribers = false;
            assert_told(&s, told[kind].place[place], stands[place]);
        }
    }
}

static void
legacy_subscribers_have_no_state(void **state)
{
    (void)state;
    for (enum notice_kind kind = 0; kind < NOTICES; kind++) {
        struct scene s = scene_of(kind);

        s.sub.state = 5;
        assert_passes(&s);
    }
}

static void
who_is_in_no_table_is_told_of_nothing(void **state)
{
    (void)state;
    for (enum notice_kind kind = 0; kind < NOTICES; kind++) {
        struct scene s = scene_of(kind), modern = scene_modern(kind, 0);

        s.sub.place = modern.sub.place = PLACE_NONE;
        assert_skipped(&s, "there is no such subscriber");
        assert_skipped(&modern, "there is no such subscriber");
    }
}

static void
modern_subscribers_are_told_by_their_state(void **state)
{
    static const char *const reasons[] = {
        "the subscriber is in state 0 (users.state 0)",
        "the subscriber is active (users.state 1)",
        "the subscriber is frozen (users.state 2)",
        "the subscriber is disabled (users.state 3)",
        "the subscriber is deleted (users.state 4)",
    };

    (void)state;
    for (enum notice_kind kind = 0; kind < NOTICES; kind++) {
        for (int i = 0; i <= 4; i++) {
            struct scene s = scene_modern(kind, i);

            assert_told(&s, told[kind].state[i], reasons[i]);
        }
    }
}

static void
states_that_nobody_knows_are_skipped(void **state)
{
    static const int states[] = { 5, 32, 33, 255, -1, INT32_MAX, INT32_MIN };

    (void)state;
    for (enum notice_kind kind = 0; kind < NOTICES; kind++) {
        for (size_t i = 0; i < COUNT(states); i++) {
            struct scene s = scene_modern(kind, states[i]);
            char reason[100];

            snprintf(reason, sizeof reason,
                "the subscriber is in no known state (users.state %d)",
                states[i]);
            assert_skipped(&s, reason);
        }
    }
}

static void
modern_subscribers_in_other_tables_count_by_setting(void **state)
{
    (void)state;
    for (enum notice_kind kind = 0; kind < NOTICES; kind++) {
        for (enum place place = PLACE_FROZEN; place < BILLING_PLACES; place++) {
            struct scene s = scene_modern(kind, 0);
            char reason[120];

            s.sub.place = place;
            assert_told(&s, told[kind].place[place], stands[place]);
            s.set.billing.moved_subscribers = false;
            snprintf(reason, sizeof reason,
                "the subscriber is only in %s, which does not count "
                "([billing] moved_subscribers)",
                billing_table(place));
            assert_skipped(
                &s, told[kind].place[place] ? reason : stands[place]);
        }
    }
}

/* ---- the service Real IP ---- */

static void
only_that_real_ip_was_switched_on_is_told(void **state)
{
    struct scene s = scene_of(NOTICE_REAL_IP);

    (void)state;
    s.event.on = false;
    assert_skipped(&s, "the real IP address was switched off");
    s.event.on = true;
    for (s.sub.real_ip = 0; s.sub.real_ip <= 2; s.sub.real_ip++)
        assert_told(&s, s.sub.real_ip == 1,
            "the subscriber has no real IP address any more");
}

/* ---- phones ---- */

static void
without_phone_there_is_nobody_to_tell(void **state)
{
    static char *const blank[] = { "", " ", "                    " };

    (void)state;
    for (enum notice_kind kind = 0; kind < NOTICES; kind++) {
        for (size_t i = 0; i < COUNT(blank); i++) {
            struct scene s = scene_of(kind);

            s.sub.sms_tel = blank[i];
            assert_skipped(
                &s, "the subscriber has no phone (sms_tel is empty)");
        }
    }
}

static void
every_phone_of_the_field_is_a_receiver(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.sub.sms_tel = "8 (900) 123-45-67, нет, 9007654321";
    expect_told(&s);
    assert_int_equal(s.notice.phones, 3);
    assert_string_equal(s.notice.phone[0].number, "79001234567");
    assert_string_equal(s.notice.phone[1].number, "");
    assert_string_equal(s.notice.phone[1].given, "нет");
    assert_string_equal(s.notice.phone[2].number, "79007654321");
    notice_free(&s.notice);
}

/* ---- ways ---- */

static void
each_way_has_its_route(void **state)
{
    (void)state;
    for (enum notice_kind kind = 0; kind < NOTICES; kind++) {
        struct scene s = scene_of(kind);

        expect_told(&s);
        assert_ptr_equal(s.notice.route, &notice_of(&s)->sms_route);
        notice_free(&s.notice);
        s.way = NOTICE_SOCIAL;
        expect_told(&s);
        assert_ptr_equal(s.notice.route, &notice_of(&s)->social_route);
        notice_free(&s.notice);
    }
}

static void
the_social_networks_may_have_a_text_of_their_own(void **state)
{
    (void)state;
    for (enum notice_kind kind = 0; kind < NOTICES; kind++) {
        struct scene s = scene_of(kind);

        notice_of(&s)->social_text = "{login}, {name}";
        assert_sent(&s, kinds[kind].told);
        s.way = NOTICE_SOCIAL;
        assert_sent(&s, "abonent1, Тест-Телеком");
        notice_of(&s)->text = "";
        assert_sent(&s, "abonent1, Тест-Телеком");
    }
}

static void
the_ending_is_for_both_texts(void **state)
{
    struct scene s = scene_make();

    (void)state;
    notice_of(&s)->ending.n = 3;
    notice_of(&s)->social_text = "VK: {ending}";
    s.way = NOTICE_SOCIAL;
    s.chance = 1;
    assert_sent(&s, "VK: Звоните: +7(343)000-00-00");
    s.chance = 2;
    assert_sent(&s, "VK: Ваш Тест-Телеком.");
}

/* ---- texts ---- */

static void
every_field_is_filled(void **state)
{
    struct scene s = scene_of(NOTICE_API_PAYMENT);

    (void)state;
    set_amount(&s, 100500000, 10050);
    notice_of(&s)->text =
        "{name};{site};{cabinet};{phone};{signature};{currency};{login};{uid};"
        "{amount};{tariff};{comment};{ending}";
    assert_sent(&s, "Тест-Телеком;example.ru;lk.example.ru;+7(343)000-00-00;"
                    "Ваш Тест-Телеком.;руб;abonent1;1001;100.50;Домашний 100;"
                    "перерасчёт;Благодарим за пользование нашими услугами!");
}

static void
a_login_with_braces_is_not_expanded(void **state)
{
    struct scene s = scene_make();

    (void)state;
    notice_of(&s)->text = "{login}: {amount}";
    s.sub.login = "{amount}{{";
    assert_sent(&s, "{amount}{{: 100.00");
}

static void
a_tariff_with_braces_is_not_expanded(void **state)
{
    struct scene s = scene_of(NOTICE_TARIFF_BY_STAFF);

    (void)state;
    notice_of(&s)->text = "{tariff}";
    s.sub.tariff.name = "Тариф {login} \"100\"";
    assert_sent(&s, "Тариф {login} \"100\"");
}

static void
a_company_field_with_braces_is_not_expanded(void **state)
{
    struct scene s = scene_make();

    (void)state;
    notice_of(&s)->text = "{ending}";
    s.set.company.phone = "{login}";
    s.chance = 1;
    notice_of(&s)->ending.n = 2;
    assert_sent(&s, "Звоните: {login}");
}

static void
the_largest_uid_is_printed(void **state)
{
    struct scene s = scene_make();

    (void)state;
    notice_of(&s)->text = "{uid}";
    s.event.uid = s.sub.uid = UINT64_MAX;
    assert_sent(&s, "18446744073709551615");
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
    notice_of(&s)->text = "{ending}";
    notice_of(&s)->ending.n = 3;
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
    notice_of(&s)->text = "<{ending}>";
    notice_of(&s)->ending.n = 0;
    s.chance = 5;
    assert_sent(&s, "<>");
}

static void
an_empty_text_is_skipped(void **state)
{
    struct scene s = scene_make();

    (void)state;
    notice_of(&s)->text = "";
    assert_skipped(&s, "the text is empty or longer than 4 KiB");
    s.way = NOTICE_SOCIAL;
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
    notice_of(&s)->text = "{signature}{signature}";
    assert_passes(&s);
    notice_of(&s)->text = "{signature}{signature}.";
    assert_skipped(&s, "the text is empty or longer than 4 KiB");
}

/* ---- quiet hours ---- */

static void
assert_quiet_until(struct scene *s, int64_t until_us)
{
    expect_told(s);
    expect_number(settings_notice_name(s->kind), s->notice.quiet_us, until_us);
    notice_free(&s->notice);
}

static struct scene
scene_quiet(enum notice_kind kind)
{
    struct scene s = scene_of(kind);

    notice_of(&s)->quiet = (struct hours){ 23 * 60, 10 * 60 };
    return s;
}

static void
without_quiet_hours_a_message_goes_by_night_too(void **state)
{
    (void)state;
    for (enum notice_kind kind = 0; kind < NOTICES; kind++) {
        struct scene s = scene_of(kind);

        assert_quiet_until(&s, 0);
        s.wall_us = NOON_US + 12 * HOUR_US;
        assert_quiet_until(&s, 0);
    }
}

static void
outside_quiet_hours_a_message_goes_at_once(void **state)
{
    (void)state;
    for (enum notice_kind kind = 0; kind < NOTICES; kind++) {
        struct scene s = scene_quiet(kind);

        assert_quiet_until(&s, 0);
    }
}

/* 12:30 in Yekaterinburg is the middle: the night ends 21 hours and a half
 * later. */
static void
in_quiet_hours_a_message_waits_for_the_morning(void **state)
{
    (void)state;
    for (enum notice_kind kind = 0; kind < NOTICES; kind++) {
        struct scene s = scene_quiet(kind);
        int64_t morning = NOON_US + 21 * HOUR_US + HOUR_US / 2;

        for (int hours = 11; hours <= 21; hours++) {
            s.wall_us = NOON_US + hours * HOUR_US;
            assert_quiet_until(&s, morning);
        }
        s.wall_us = morning - 1;
        assert_quiet_until(&s, morning);
        s.wall_us = morning;
        assert_quiet_until(&s, 0);
        s.wall_us = NOON_US + 10 * HOUR_US + HOUR_US / 2 - 1;
        assert_quiet_until(&s, 0);
        s.wall_us++;
        assert_quiet_until(&s, morning);
    }
}

static void
quiet_hours_are_the_same_for_both_ways(void **state)
{
    struct scene s = scene_quiet(NOTICE_TARIFF_BY_STAFF);

    (void)state;
    s.way = NOTICE_SOCIAL;
    s.wall_us = NOON_US + 12 * HOUR_US;
    assert_quiet_until(&s, NOON_US + 21 * HOUR_US + HOUR_US / 2);
}

static void
each_kind_has_its_own_quiet_hours(void **state)
{
    struct scene s = scene_of(NOTICE_TARIFF_CHANGE);

    (void)state;
    s.wall_us = NOON_US + 12 * HOUR_US;
    for (enum notice_kind kind = 0; kind < NOTICES; kind++)
        if (kind != NOTICE_TARIFF_CHANGE)
            s.set.notices[kind].quiet = (struct hours){ 23 * 60, 10 * 60 };
    assert_quiet_until(&s, 0);
    s.origin = ORIGIN_STAFF;
    s.set.notices[NOTICE_TARIFF_BY_STAFF].sms = true;
    assert_quiet_until(&s, NOON_US + 21 * HOUR_US + HOUR_US / 2);
}

static void
the_zone_says_when_it_is_night(void **state)
{
    static const struct zone utc = { .span = { { INT64_MIN, 0 } }, .n = 1 };
    struct scene s = scene_quiet(NOTICE_TARIFF_BY_STAFF);

    (void)state;
    s.zone = &utc; /* where it is half past seven */
    assert_quiet_until(&s, NOON_US + 2 * HOUR_US + HOUR_US / 2);
}

static void
what_is_skipped_waits_for_nothing(void **state)
{
    struct scene s = scene_quiet(NOTICE_TARIFF_BY_STAFF);

    (void)state;
    s.wall_us = NOON_US + 12 * HOUR_US;
    s.sub.place = PLACE_NONE;
    decide(&s);
    assert_int_equal(s.notice.decision.verdict, VERDICT_SKIP);
    assert_int_equal(s.notice.quiet_us, 0);
    assert_int_equal(s.notice.text.n, 0);
    assert_int_equal(s.notice.phones, 0);
    notice_free(&s.notice);
}

/* ---- samples ---- */

static void
assert_sample(struct scene *s, enum notice_way way, const char *want)
{
    struct bytes out = bytes_make(1000);

    bytes_str(&out, "> ");
    notice_sample(&out, s->kind, way, &s->set, s->chance);
    assert_int_equal(strncmp(bytes_text(&out), "> ", 2), 0);
    expect_text(settings_notice_name(s->kind), bytes_text(&out) + 2, want);
    bytes_free(&out);
}

static void
every_kind_has_a_sample(void **state)
{
    (void)state;
    for (enum notice_kind kind = 0; kind < NOTICES; kind++) {
        struct scene s = scene_of(kind);

        notice_of(&s)->text =
            "{login} {uid} {amount} {currency} {tariff} {comment} {name} "
            "{ending}";
        notice_of(&s)->social_text = "VK {login}";
        notice_of(&s)->ending.n = 3;
        s.chance = 2;
        assert_sample(&s, NOTICE_SMS,
            "abonent1 1001 1500.00 руб Домашний 100 перерасчёт Тест-Телеком "
            "Ваш Тест-Телеком.");
        assert_sample(&s, NOTICE_SOCIAL, "VK abonent1");
        notice_of(&s)->social_text = "";
        notice_of(&s)->text = "SMS {login}";
        assert_sample(&s, NOTICE_SOCIAL, "SMS abonent1");
    }
}

static void
a_sample_is_shown_of_what_is_off_too(void **state)
{
    struct scene s = scene_make();

    (void)state;
    notice_of(&s)->sms = notice_of(&s)->social = false;
    notice_of(&s)->text = "{amount}";
    assert_sample(&s, NOTICE_SMS, "1500.00");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_says_its_recorded_text_letter_for_letter),
        cmocka_unit_test(every_event_has_its_kind_of_notice),
        cmocka_unit_test(only_a_change_of_tariff_depends_on_who_made_it),
        cmocka_unit_test(what_is_no_event_has_no_notice),
        cmocka_unit_test(each_kind_and_way_has_a_switch_of_its_own),
        cmocka_unit_test(a_kind_that_is_switched_off_is_skipped),
        cmocka_unit_test(the_minimum_itself_passes),
        cmocka_unit_test(the_minimum_is_compared_before_rounding),
        cmocka_unit_test(a_smaller_payment_is_skipped),
        cmocka_unit_test(a_negative_payment_is_skipped),
        cmocka_unit_test(a_refund_is_announced_up_to_plus_ten),
        cmocka_unit_test(the_limit_of_a_refund_may_be_negative),
        cmocka_unit_test(
            a_refund_by_the_interface_takes_back_at_least_the_minimum),
        cmocka_unit_test(what_was_taken_is_told_without_its_sign),
        cmocka_unit_test(what_was_given_is_told_with_two_decimals),
        cmocka_unit_test(an_amount_of_zero_is_skipped_whatever_the_limit),
        cmocka_unit_test(without_minimum_a_kopeck_passes),
        cmocka_unit_test(a_limit_beyond_all_amounts_is_never_reached),
        cmocka_unit_test(
            credit_and_limit_tell_the_subscribers_credit_not_the_row),
        cmocka_unit_test(a_credit_of_a_kopeck_is_told_and_none_is_not),
        cmocka_unit_test(the_least_credit_is_a_setting),
        cmocka_unit_test(only_credit_and_limit_look_at_the_credit),
        cmocka_unit_test(a_change_of_tariff_has_no_amount),
        cmocka_unit_test(who_changed_the_tariff_decides_which_notice_it_is),
        cmocka_unit_test(a_tariff_without_a_name_is_left_out),
        cmocka_unit_test(only_the_interface_needs_its_row),
        cmocka_unit_test(only_a_credited_row_is_announced),
        cmocka_unit_test(a_row_touched_at_another_time_is_not_announced),
        cmocka_unit_test(a_row_below_the_limit_is_not_announced),
        cmocka_unit_test(the_comment_is_that_of_the_row_with_the_same_amount),
        cmocka_unit_test(the_row_that_it_announces_is_handed_on),
        cmocka_unit_test(a_row_that_became_another_payment_is_not_announced),
        cmocka_unit_test(a_comment_is_never_looked_into),
        cmocka_unit_test(without_a_row_there_is_no_comment),
        cmocka_unit_test(back_dated_by_an_hour_passes),
        cmocka_unit_test(back_dated_by_more_than_an_hour_is_skipped),
        cmocka_unit_test(back_dated_by_thousands_of_years_is_skipped),
        cmocka_unit_test(a_row_dated_in_the_future_passes),
        cmocka_unit_test(the_allowed_back_dating_is_a_setting),
        cmocka_unit_test(money_for_back_dated_rows_makes_no_message),
        cmocka_unit_test(legacy_subscribers_are_told_by_their_table),
        cmocka_unit_test(legacy_subscribers_have_no_state),
        cmocka_unit_test(who_is_in_no_table_is_told_of_nothing),
        cmocka_unit_test(modern_subscribers_are_told_by_their_state),
        cmocka_unit_test(states_that_nobody_knows_are_skipped),
        cmocka_unit_test(modern_subscribers_in_other_tables_count_by_setting),
        cmocka_unit_test(only_that_real_ip_was_switched_on_is_told),
        cmocka_unit_test(without_phone_there_is_nobody_to_tell),
        cmocka_unit_test(every_phone_of_the_field_is_a_receiver),
        cmocka_unit_test(each_way_has_its_route),
        cmocka_unit_test(the_social_networks_may_have_a_text_of_their_own),
        cmocka_unit_test(the_ending_is_for_both_texts),
        cmocka_unit_test(every_field_is_filled),
        cmocka_unit_test(a_login_with_braces_is_not_expanded),
        cmocka_unit_test(a_tariff_with_braces_is_not_expanded),
        cmocka_unit_test(a_company_field_with_braces_is_not_expanded),
        cmocka_unit_test(the_largest_uid_is_printed),
        cmocka_unit_test(chance_picks_the_ending),
        cmocka_unit_test(without_endings_there_is_none),
        cmocka_unit_test(an_empty_text_is_skipped),
        cmocka_unit_test(a_text_beyond_4_kib_is_skipped),
        cmocka_unit_test(without_quiet_hours_a_message_goes_by_night_too),
        cmocka_unit_test(outside_quiet_hours_a_message_goes_at_once),
        cmocka_unit_test(in_quiet_hours_a_message_waits_for_the_morning),
        cmocka_unit_test(quiet_hours_are_the_same_for_both_ways),
        cmocka_unit_test(each_kind_has_its_own_quiet_hours),
        cmocka_unit_test(the_zone_says_when_it_is_night),
        cmocka_unit_test(what_is_skipped_waits_for_nothing),
        cmocka_unit_test(every_kind_has_a_sample),
        cmocka_unit_test(a_sample_is_shown_of_what_is_off_too),
    };

    return cmocka_run_group_tests_name("notice", tests, NULL, NULL);
}
