/* settings: what the operator can choose. */
#include "unit.h"

#include "settings.h"

#include <sys/stat.h>

/* Ends a file in which nothing else is wrong. */
#define QUIET "\n[payment]\nsms = no\n"

/* A file that was read, with its name in the errors made "F". */
struct loaded {
    struct settings s;
    struct bytes errors;
    bool good;
};

static void
shorten(struct bytes *errors, const char *path)
{
    struct bytes out = bytes_make(100000);
    const char *p = bytes_text(errors), *at;

    while ((at = strstr(p, path))) {
        bytes_add(&out, p, (size_t)(at - p));
        bytes_chr(&out, 'F');
        p = at + strlen(path);
    }
    bytes_str(&out, p);
    bytes_free(errors);
    *errors = out;
}

static struct loaded
load(const char *text)
{
    struct temp file = temp_text(text);
    struct loaded l = { .errors = bytes_make(100000) };

    l.good = settings_load(&l.s, file.path, &l.errors);
    unlink(file.path);
    shorten(&l.errors, file.path);
    return l;
}

static void
drop(struct loaded *l)
{
    settings_free(&l->s);
    bytes_free(&l->errors);
}

static struct loaded
load_good(const char *text)
{
    struct loaded l = load(text);

    if (!l.good)
        fail_msg("%s: %s", text, bytes_text(&l.errors));
    assert_string_equal(bytes_text(&l.errors), "");
    return l;
}

static void
assert_errors(const char *text, const char *want)
{
    struct loaded l = load(text);

    if (strcmp(bytes_text(&l.errors), want) != 0)
        fail_msg("%s:\n%sinstead of\n%s", text, bytes_text(&l.errors), want);
    assert_false(l.good);
    drop(&l);
}

/* ---- values ---- */

static void
without_settings_the_defaults_hold(void **state)
{
    struct loaded l = load_good(QUIET);

    (void)state;
    assert_string_equal(l.s.database.host, "");
    assert_int_equal(l.s.database.port, 3306);
    assert_string_equal(l.s.database.user, "mbev_service");
    assert_string_equal(l.s.database.password, "");
    assert_string_equal(l.s.database.billing, "mikbill");
    assert_string_equal(l.s.database.events, "mikbill_events");
    assert_int_equal(l.s.service.safety_poll_ms, 1000);
    assert_int_equal(l.s.service.lease_ms, 20000);
    assert_int_equal(l.s.service.batch, 500);
    assert_int_equal(l.s.service.reconcile_ms, 60000);
    assert_int_equal(l.s.service.reconcile_window_ms, 86400000);
    assert_true(l.s.billing.moved_subscribers);
    assert_int_equal(l.s.billing.backdated_ms, 3600000);
    assert_string_equal(l.s.company.currency, "руб");
    assert_string_equal(l.s.notice.not_sent, "Не отправлено");
    assert_int_equal(l.s.notice.expire_ms, 86400000);
    assert_string_equal(l.s.smspilot.url, "https://smspilot.ru/api.php");
    assert_string_equal(l.s.smspilot.sender, "INFORM");
    assert_int_equal(l.s.notices[NOTICE_PAYMENT].limit_kopecks, 1000);
    assert_int_equal(l.s.notices[NOTICE_PAYMENT].ending.n, 3);
    drop(&l);
}

static void
the_defaults_of_the_rules_are_those_agreed_on(void **state)
{
    struct loaded l = load_good(QUIET);

    (void)state;
    assert_true(l.s.billing.backdated_money);
    assert_int_equal(l.s.billing.api_settle_ms, 15000);
    assert_int_equal(l.s.billing.api_window_ms, 10000);
    assert_int_equal(l.s.billing.api_wait_ms, 120000);
    assert_string_equal(l.s.billing.tariff_origin, "subscriber");
    assert_int_equal(l.s.billing.tariff_origin_window_ms, 10000);
    assert_string_equal(l.s.notice.time_zone, "Asia/Yekaterinburg");
    assert_false(l.s.notice.plan_at_provider);
    assert_int_equal(l.s.smspilot.datetime_offset_min, 0);
    drop(&l);
}

static void
the_defaults_of_smsc_are_those_of_its_sheet(void **state)
{
    struct loaded l = load_good(QUIET);

    (void)state;
    assert_int_equal(l.s.smsc.url.n, 2);
    assert_string_equal(l.s.smsc.url.text[0], "https://smsc.ru/sys");
    assert_string_equal(l.s.smsc.url.text[1], "https://www2.smsc.ru/sys");
    assert_string_equal(l.s.smsc.login, "");
    assert_string_equal(l.s.smsc.password, "");
    assert_string_equal(l.s.smsc.api_key, "");
    assert_string_equal(l.s.smsc.sender, "");
    assert_string_equal(l.s.smsc.social_extra, "soc=1");
    assert_string_equal(l.s.smsc.social_valid, "00:01");
    assert_string_equal(l.s.smsc.id_style, "text");
    assert_int_equal(l.s.smsc.connections, 4);
    assert_int_equal(l.s.smsc.timeout_ms, 20000);
    assert_int_equal(l.s.smsc.connect_timeout_ms, 10000);
    assert_int_equal(l.s.smsc.ask_after_ms, 65000);
    drop(&l);
}

static void
the_defaults_of_bonuses_are_those_of_the_kit(void **state)
{
    struct loaded l = load_good(QUIET);
    const struct bonus_settings *topup = &l.s.bonus_topup;
    const struct bonus_settings *loyalty = &l.s.bonus_loyalty;

    (void)state;
    assert_false(topup->on);
    assert_int_equal(topup->minimum_kopecks, 200000);
    assert_int_equal(topup->percent[0], 500);
    assert_int_equal(topup->least_kopecks, 1000);
    assert_int_equal(topup->most_kopecks, 30000);
    assert_int_equal(topup->category, -1);
    assert_false(loyalty->on);
    assert_int_equal(loyalty->percent[0], 300);
    assert_int_equal(loyalty->percent[1], 500);
    assert_int_equal(loyalty->percent[2], 1000);
    assert_int_equal(loyalty->least_kopecks, 1000);
    assert_int_equal(loyalty->most_kopecks, 0);
    assert_int_equal(loyalty->category, -1);
    drop(&l);
}

static void
the_default_discounts_are_those_of_the_kit_in_its_order(void **state)
{
    static const char *const keys[] = { "ext_discount_extended",
        "ext_discount_global", "ext_discount_global_fixed",
        "ext_discount_packet", "ext_discount_packet_fixed", "ext_discount_subs",
        "ext_discount_subs_fixed", "ext_discount_device",
        "ext_discount_device_fixed" };
    struct loaded l = load_good(QUIET);

    (void)state;
    assert_false(settings_removes_discounts(&l.s));
    assert_int_equal(l.s.discounts.after_ms, 0);
    assert_int_equal(l.s.discounts.keys.n, COUNT(keys));
    for (size_t i = 0; i < COUNT(keys); i++)
        assert_string_equal(l.s.discounts.keys.text[i], keys[i]);
    drop(&l);
}

static void
the_defaults_of_komtet_are_those_of_its_sheet(void **state)
{
    struct loaded l = load_good(QUIET);

    (void)state;
    assert_string_equal(l.s.komtet.url, "https://kassa.komtet.ru");
    assert_string_equal(l.s.komtet.shop, "");
    assert_string_equal(l.s.komtet.secret, "");
    assert_string_equal(l.s.komtet.queue, "");
    assert_string_equal(l.s.komtet.version, "v1");
    assert_string_equal(l.s.komtet.sign_url, "");
    assert_string_equal(l.s.komtet.ca_file, "");
    assert_int_equal(l.s.komtet.connections, 1);
    assert_int_equal(l.s.komtet.rate, 2);
    assert_int_equal(l.s.komtet.connect_timeout_ms, 10000);
    assert_int_equal(l.s.komtet.timeout_ms, 30000);
    assert_int_equal(l.s.komtet.retry_first_ms, 30000);
    assert_int_equal(l.s.komtet.retry_longest_ms, 600000);
    assert_int_equal(l.s.komtet.hold_ms, 60000);
    drop(&l);
}

static void
nobody_gets_a_receipt_by_default(void **state)
{
    struct loaded l = load_good(QUIET);

    (void)state;
    assert_false(l.s.receipt.payments);
    assert_false(l.s.receipt.refunds);
    assert_int_equal(l.s.receipt.after_ms, 0);
    assert_true(l.s.receipt.blocked);
    assert_false(l.s.receipt.email);
    assert_string_equal(l.s.receipt.table, "receipts_log");
    assert_int_equal(l.s.receipt.look_first_ms, 15000);
    assert_int_equal(l.s.receipt.look_longest_ms, 600000);
    assert_int_equal(l.s.receipt.alarm_ms, 86400000);
    drop(&l);
}

static void
what_a_receipt_says_by_default_is_what_the_kit_said(void **state)
{
    struct loaded l = load_good(QUIET);

    (void)state;
    assert_string_equal(l.s.receipt.number_prefix, "");
    assert_int_equal(l.s.receipt.sno, 1);
    assert_string_equal(l.s.receipt.vat, "no");
    assert_string_equal(l.s.receipt.payment_type, "card");
    assert_string_equal(l.s.receipt.calculation_method, "full_payment");
    assert_string_equal(l.s.receipt.calculation_subject, "service");
    assert_int_equal(l.s.receipt.measure, 0);
    assert_string_equal(l.s.receipt.name, "Услуги связи, лицевой счёт {login}");
    assert_string_equal(l.s.receipt.address, "Офис");
    assert_string_equal(l.s.receipt.place_address, "");
    assert_false(l.s.receipt.print);
    assert_string_equal(l.s.receipt.callback_url, "");
    assert_true(l.s.receipt.cashier);
    assert_string_equal(l.s.receipt.cashier_inn, "required");
    assert_string_equal(l.s.receipt.id_member, "external_id");
    assert_false(l.s.receipt.discount_member);
    drop(&l);
}

static void
nobody_listens_for_callbacks_by_default(void **state)
{
    struct loaded l = load_good(QUIET);

    (void)state;
    assert_false(l.s.callback.on);
    assert_string_equal(l.s.callback.address, "127.0.0.1");
    assert_int_equal(l.s.callback.port, 8087);
    assert_string_equal(l.s.callback.path, "/komtet");
    assert_string_equal(l.s.callback.url, "");
    assert_int_equal(l.s.callback.rate, 20);
    drop(&l);
}

static void
only_payments_are_announced_by_default(void **state)
{
    static const struct {
        int64_t limit_kopecks, after_ms;
    } want[NOTICES] = {
        [NOTICE_PAYMENT] = { 1000, 0 },
        [NOTICE_REFUND] = { 1000, 0 },
        [NOTICE_API_PAYMENT] = { 1000, 15000 },
        [NOTICE_API_REFUND] = { 1000, 15000 },
        [NOTICE_CREDIT] = { 1, 1000 },
        [NOTICE_CREDIT_LIMIT] = { 1, 1000 },
        [NOTICE_TARIFF_CHANGE] = { 0, 3000 },
        [NOTICE_TARIFF_BY_STAFF] = { 0, 3000 },
        [NOTICE_REAL_IP] = { 0, 2000 },
    };
    struct loaded l = load_good("[smspilot]\napi_key = KEY\n");

    (void)state;
    for (enum notice_kind kind = 0; kind < NOTICES; kind++) {
        const struct notice_settings *n = &l.s.notices[kind];
        const char *name = settings_notice_name(kind);
        char text[ROUTE_TEXT];
        bool night = kind >= NOTICE_TARIFF_BY_STAFF && kind != NOTICE_REAL_IP;

        expect_number(name, n->sms, kind == NOTICE_PAYMENT);
        expect_number(name, n->social, false);
        expect_text(name, route_print(&n->sms_route, text), "smspilot");
        expect_text(name, route_print(&n->social_route, text), "social");
        expect_number(name, n->limit_kopecks, want[kind].limit_kopecks);
        expect_number(name, n->after_ms, want[kind].after_ms);
        expect_number(name, n->quiet.from_min, night ? 23 * 60 : 0);
        expect_number(name, n->quiet.until_min, night ? 10 * 60 : 0);
        expect_text(name, n->social_text, "");
        assert_true(*n->text != '\0');
    }
    drop(&l);
}

static void
values_of_every_type_are_taken(void **state)
{
    struct loaded l = load_good("[database]\nport = 3307\n"
                                "[service]\nlease = 90 s\nbatch = 5000\n"
                                "[billing]\nmoved_subscribers = off\n"
                                "[company]\nname = \" Тест \"\n"
                                "[smspilot]\napi_key = KEY\n"
                                "[payment]\nsms = yes\nminimum = 0.01\n"
                                "channels = smsc, smspilot\n"
                                "quiet = 22:30-08:00\n"
                                "text = {login} {{}\n"
                                "[smsc]\nlogin = l\npassword = p\n"
                                "[bonus_topup]\npercent = 2.5\n"
                                "[discounts]\nkey = one\nkey = two\n");
    const struct notice_settings *n = &l.s.notices[NOTICE_PAYMENT];

    (void)state;
    assert_int_equal(l.s.database.port, 3307);
    assert_int_equal(l.s.service.lease_ms, 90000);
    assert_int_equal(l.s.service.batch, 5000);
    assert_false(l.s.billing.moved_subscribers);
    assert_string_equal(l.s.company.name, " Тест ");
    assert_true(l.s.notices[NOTICE_PAYMENT].sms);
    assert_int_equal(l.s.notices[NOTICE_PAYMENT].limit_kopecks, 1);
    assert_string_equal(l.s.notices[NOTICE_PAYMENT].text, "{login} {{}");
    assert_int_equal(n->sms_route.n, 2);
    assert_int_equal(n->sms_route.at[0], CHANNEL_SMSC);
    assert_int_equal(n->sms_route.at[1], CHANNEL_SMSPILOT);
    assert_int_equal(n->quiet.from_min, 22 * 60 + 30);
    assert_int_equal(n->quiet.until_min, 8 * 60);
    assert_int_equal(l.s.bonus_topup.percent[0], 250);
    assert_int_equal(l.s.discounts.keys.n, 2);
    assert_string_equal(l.s.discounts.keys.text[0], "one");
    assert_string_equal(l.s.discounts.keys.text[1], "two");
    drop(&l);
}

static void
durations_have_four_units(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } durations[] = { { "0 ms", 0 }, { "500 ms", 500 }, { "500ms", 500 },
        { "20 s", 20000 }, { "20s", 20000 }, { "5 min", 300000 },
        { "24 h", 86400000 }, { "2  h", 7200000 }, { "007 s", 7000 } };
    char text[100];

    (void)state;
    for (size_t i = 0; i < COUNT(durations); i++) {
        struct loaded l;

        snprintf(text, sizeof text, "[billing]\nbackdated = %s" QUIET,
            durations[i].text);
        l = load_good(text);
        expect_number(
            durations[i].text, l.s.billing.backdated_ms, durations[i].ms);
        drop(&l);
    }
}

static void
yes_and_no_have_four_words_each(void **state)
{
    static const char *const words[] = { "no", "yes", "off", "on", "false",
        "true", "0", "1" };
    char text[100];

    (void)state;
    for (size_t i = 0; i < COUNT(words); i++) {
        struct loaded l;

        snprintf(text, sizeof text, "[billing]\nmoved_subscribers = %s" QUIET,
            words[i]);
        l = load_good(text);
        expect_number(words[i], l.s.billing.moved_subscribers, i % 2 != 0);
        drop(&l);
    }
}

static void
bounds_themselves_are_allowed(void **state)
{
    struct loaded low = load_good("[database]\nport = 1\n[service]\nbatch = 1\n"
                                  "safety_poll = 10 ms\nstop_timeout = 0 s\n"
                                  "[smspilot]\nconnections = 1" QUIET);
    struct loaded high = load_good("[database]\nport = 65535\n[service]\n"
                                   "safety_poll = 1 min\nstop_timeout = 1 h\n"
                                   "[smspilot]\nconnections = 64" QUIET);

    (void)state;
    assert_int_equal(low.s.service.safety_poll_ms, 10);
    assert_int_equal(high.s.database.port, 65535);
    drop(&low);
    drop(&high);
}

static void
a_repeated_ending_replaces_the_defaults(void **state)
{
    struct loaded l =
        load_good("[payment]\nending = one\nending =\nending = {site}" QUIET);

    (void)state;
    assert_int_equal(l.s.notices[NOTICE_PAYMENT].ending.n, 3);
    assert_string_equal(l.s.notices[NOTICE_PAYMENT].ending.text[0], "one");
    assert_string_equal(l.s.notices[NOTICE_PAYMENT].ending.text[1], "");
    assert_string_equal(l.s.notices[NOTICE_PAYMENT].ending.text[2], "{site}");
    drop(&l);
}

static void
one_ending_replaces_all_the_defaults(void **state)
{
    struct loaded l = load_good("[payment]\nending = one" QUIET);

    (void)state;
    assert_int_equal(l.s.notices[NOTICE_PAYMENT].ending.n, 1);
    assert_string_equal(l.s.notices[NOTICE_PAYMENT].ending.text[0], "one");
    drop(&l);
}

static void
the_same_key_of_two_notices_is_two_keys(void **state)
{
    struct loaded l = load_good("[refund]\nmaximum = -5.00\ntext = R\n"
                                "[api_refund]\nminimum = 7.00\ntext = A\n"
                                "[tariff_change]\ntext = T\nafter = 1 s\n"
                                "[tariff_by_staff]\ntext = S\n" QUIET);

    (void)state;
    assert_int_equal(l.s.notices[NOTICE_REFUND].limit_kopecks, -500);
    assert_string_equal(l.s.notices[NOTICE_REFUND].text, "R");
    assert_int_equal(l.s.notices[NOTICE_API_REFUND].limit_kopecks, 700);
    assert_string_equal(l.s.notices[NOTICE_API_REFUND].text, "A");
    assert_string_equal(l.s.notices[NOTICE_TARIFF_CHANGE].text, "T");
    assert_int_equal(l.s.notices[NOTICE_TARIFF_CHANGE].after_ms, 1000);
    assert_string_equal(l.s.notices[NOTICE_TARIFF_BY_STAFF].text, "S");
    assert_int_equal(l.s.notices[NOTICE_TARIFF_BY_STAFF].after_ms, 3000);
    drop(&l);
}

static void
percentages_have_up_to_two_decimals(void **state)
{
    static const struct {
        const char *text;
        int64_t hundredths;
    } rows[] = { { "5", 500 }, { "2.5", 250 }, { "0.01", 1 }, { "3.14", 314 },
        { "100", 10000 }, { "100.00", 10000 }, { "007", 700 },
        { "5.500", 550 } };
    char text[100];

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct loaded l;

        snprintf(text, sizeof text, "[bonus_topup]\npercent = %s" QUIET,
            rows[i].text);
        l = load_good(text);
        expect_number(
            rows[i].text, l.s.bonus_topup.percent[0], rows[i].hundredths);
        drop(&l);
    }
}

static void
each_year_of_loyalty_has_its_percentage(void **state)
{
    struct loaded l = load_good("[bonus_loyalty]\npercent_1_year = 0.01\n"
                                "percent_2_years = 0\n"
                                "percent_3_years = 99.99" QUIET);

    (void)state;
    assert_int_equal(l.s.bonus_loyalty.percent[0], 1);
    assert_int_equal(l.s.bonus_loyalty.percent[1], 0);
    assert_int_equal(l.s.bonus_loyalty.percent[2], 9999);
    drop(&l);
}

static void
routes_keep_their_order(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = { { "", "" }, { "smsc", "smsc" },
        { "smspilot,smsc", "smspilot,smsc" },
        { "smsc , smspilot", "smsc,smspilot" },
        { "social smspilot", "social,smspilot" },
        { "social,smsc,smspilot", "social,smsc,smspilot" },
        { ",smsc,", "smsc" } };
    char text[100], got[ROUTE_TEXT];

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct loaded l;

        snprintf(text, sizeof text, "[credit]\nsocial_channels = %s" QUIET,
            rows[i].text);
        l = load_good(text);
        expect_text(rows[i].text,
            route_print(&l.s.notices[NOTICE_CREDIT].social_route, got),
            rows[i].want);
        drop(&l);
    }
}

static void
hours_are_from_and_until_a_minute(void **state)
{
    static const struct {
        const char *text;
        int from_min, until_min;
    } rows[] = { { "23:00-10:00", 1380, 600 }, { "00:00-23:59", 0, 1439 },
        { "08:05-08:06", 485, 486 }, { "12:00-12:00", 720, 720 },
        { "no", 0, 0 } };
    char text[100];

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct loaded l;
        const struct hours *h = &l.s.notices[NOTICE_TARIFF_BY_STAFF].quiet;

        snprintf(text, sizeof text, "[tariff_by_staff]\nquiet = %s" QUIET,
            rows[i].text);
        l = load_good(text);
        expect_number(rows[i].text, h->from_min, rows[i].from_min);
        expect_number(rows[i].text, h->until_min, rows[i].until_min);
        drop(&l);
    }
}

static void
a_repeated_address_replaces_the_defaults(void **state)
{
    struct loaded one = load_good("[smsc]\nurl = http://127.0.0.1:1" QUIET);
    struct loaded four = load_good("[smsc]\nurl = https://a\nurl = https://b\n"
                                   "url = https://c\nurl = https://d" QUIET);

    (void)state;
    assert_int_equal(one.s.smsc.url.n, 1);
    assert_string_equal(one.s.smsc.url.text[0], "http://127.0.0.1:1");
    assert_int_equal(four.s.smsc.url.n, 4);
    assert_string_equal(four.s.smsc.url.text[0], "https://a");
    assert_string_equal(four.s.smsc.url.text[3], "https://d");
    drop(&one);
    drop(&four);
}

static void
amounts_have_bounds_of_their_own(void **state)
{
    struct loaded low = load_good("[payment]\nminimum = 0\nsms = no\n"
                                  "[refund]\nmaximum = -1000000000000.00\n"
                                  "[credit]\nminimum = 0.01\n"
                                  "[bonus_topup]\nmost = 0\n");
    struct loaded high = load_good("[payment]\nsms = no\n"
                                   "minimum = 1000000000000.00\n"
                                   "[refund]\nmaximum = 1000000000000.00\n");

    (void)state;
    assert_int_equal(low.s.notices[NOTICE_PAYMENT].limit_kopecks, 0);
    assert_true(low.s.notices[NOTICE_REFUND].limit_kopecks == -100000000000000);
    assert_int_equal(low.s.notices[NOTICE_CREDIT].limit_kopecks, 1);
    assert_int_equal(low.s.bonus_topup.most_kopecks, 0);
    assert_true(
        high.s.notices[NOTICE_PAYMENT].limit_kopecks == 100000000000000);
    assert_true(high.s.notices[NOTICE_REFUND].limit_kopecks == 100000000000000);
    drop(&low);
    drop(&high);
}

/* ---- errors ---- */

static void
a_bad_number_is_told(void **state)
{
    static const char *const bad[] = { "", "many", "1.5", "1 000", "0x10",
        "99999999999999999999" };
    char text[100];

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        snprintf(text, sizeof text, "[database]\n\nport = %s" QUIET, bad[i]);
        assert_errors(text, "F:3: [database] port: expected a whole number\n");
    }
}

static void
a_number_out_of_bounds_is_told(void **state)
{
    (void)state;
    assert_errors("[database]\nport = 0" QUIET,
        "F:2: [database] port: must be from 1 to 65535\n");
    assert_errors("[database]\nport = 65536" QUIET,
        "F:2: [database] port: must be from 1 to 65535\n");
    assert_errors("[service]\nbatch = -1" QUIET,
        "F:2: [service] batch: must be from 1 to 5000\n");
}

static void
a_bad_duration_is_told(void **state)
{
    static const char *const bad[] = { "", "soon", "-1 s", "h",
        "99999999999999999999 ms", "9223372036854775807 ms" };
    char text[100];

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        snprintf(text, sizeof text, "[notice]\nexpire = %s" QUIET, bad[i]);
        assert_errors(text, "F:2: [notice] expire: expected a duration such "
                            "as 500 ms, 20 s, 5 min, 24 h or 7 days\n");
    }
}

static void
a_notice_must_outlive_its_quiet_hours(void **state)
{
    static const char night[] =
        "F:2: [notice] expire: must be longer than the quiet hours of every "
        "notice\n";
    struct loaded l;

    (void)state;
    l = load_good("[notice]\nexpire = 661 min\n[smspilot]\napi_key = k\n"
                  "[payment]\nsms = yes\nquiet = 23:00-10:00\n");
    drop(&l);
    assert_errors("[notice]\nexpire = 660 min\n[smspilot]\napi_key = k\n"
                  "[payment]\nsms = yes\nquiet = 23:00-10:00\n",
        night);
    assert_errors("[notice]\nexpire = 1 h\n[smspilot]\napi_key = k\n"
                  "[payment]\nsms = no\n"
                  "[credit]\nsms = yes\nquiet = 13:00-14:00\n",
        night);
    /* Hours that are no hours, and those of a notice that is off. */
    l = load_good("[notice]\nexpire = 1 h\n[smspilot]\napi_key = k\n"
                  "[payment]\nsms = yes\nquiet = 12:00-12:00\n"
                  "[credit]\nsms = no\nquiet = 23:00-10:00\n");
    drop(&l);
}

static void
a_bad_unit_is_told(void **state)
{
    static const char *const bad[] = { "5", "5 m", "5 weeks", "1.5 h", "5 S",
        "5 s 3" };
    char text[100];

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        snprintf(text, sizeof text, "[notice]\nexpire = %s" QUIET, bad[i]);
        assert_errors(text,
            "F:2: [notice] expire: the unit must be ms, s, min, h or days\n");
    }
}

static void
a_duration_out_of_bounds_is_told(void **state)
{
    (void)state;
    assert_errors("[service]\nsafety_poll = 9 ms" QUIET,
        "F:2: [service] safety_poll: must be from 10 to 60000 milliseconds\n");
    assert_errors("[service]\nsafety_poll = 2 min" QUIET,
        "F:2: [service] safety_poll: must be from 10 to 60000 milliseconds\n");
}

static void
days_are_kept_three_at_least_or_for_ever(void **state)
{
    static const char *const bad[] = { "1 day", "71 h", "259199999 ms" };
    struct loaded least = load_good("[service]\nkeep = 3 days" QUIET);
    struct loaded ever = load_good("[service]\nkeep = 0 days" QUIET);
    struct loaded usual = load_good(QUIET);
    char text[100];

    (void)state;
    assert_int_equal(least.s.service.keep_ms, 3LL * 24 * 3600 * 1000);
    assert_int_equal(ever.s.service.keep_ms, 0);
    assert_int_equal(usual.s.service.keep_ms, 180LL * 24 * 3600 * 1000);
    drop(&least);
    drop(&ever);
    drop(&usual);
    for (size_t i = 0; i < COUNT(bad); i++) {
        snprintf(text, sizeof text, "[service]\nkeep = %s" QUIET, bad[i]);
        assert_errors(
            text, "F:2: [service] keep: must be 3 days at least, or 0 days\n");
    }
}

static void
a_bad_amount_is_told(void **state)
{
    static const char *const bad[] = { "", "ten", "10.001", "10,00", "10 руб",
        "99999999999999999999" };
    char text[100];

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        snprintf(
            text, sizeof text, "[payment]\nminimum = %s\nsms = no\n", bad[i]);
        assert_errors(
            text, "F:2: [payment] minimum: expected an amount such as 10.00\n");
    }
}

static void
an_amount_out_of_bounds_is_told(void **state)
{
    (void)state;
    assert_errors("[payment]\nsms = no\nminimum = -0.01\n",
        "F:3: [payment] minimum: must be from 0.00 to 1000000000000.00\n");
    assert_errors("[payment]\nsms = no\nminimum = 1000000000000.01\n",
        "F:3: [payment] minimum: must be from 0.00 to 1000000000000.00\n");
    assert_errors("[refund]\nmaximum = -1000000000000.01" QUIET,
        "F:2: [refund] maximum: must be from -1000000000000.00 to "
        "1000000000000.00\n");
    assert_errors("[credit]\nminimum = 0\n[credit_limit]\nminimum = 0" QUIET,
        "F:2: [credit] minimum: must be from 0.01 to 1000000000000.00\n"
        "F:4: [credit_limit] minimum: must be from 0.01 to "
        "1000000000000.00\n");
}

static void
a_bad_percentage_is_told(void **state)
{
    static const char *const bad[] = { "", "five", "5%", "5 %", "0.001", "2,5",
        "99999999999999999999" };
    char text[100];

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        snprintf(
            text, sizeof text, "[bonus_topup]\npercent = %s" QUIET, bad[i]);
        assert_errors(text, "F:2: [bonus_topup] percent: expected a percentage "
                            "such as 5 or 2.5\n");
    }
}

static void
a_percentage_out_of_bounds_is_told(void **state)
{
    static const char *const bad[] = { "0", "-5", "100.01", "500" };
    char text[100];

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        snprintf(
            text, sizeof text, "[bonus_topup]\npercent = %s" QUIET, bad[i]);
        assert_errors(
            text, "F:2: [bonus_topup] percent: must be from 0.01 to 100.00\n");
    }
    assert_errors("[bonus_loyalty]\npercent_1_year = 0" QUIET,
        "F:2: [bonus_loyalty] percent_1_year: must be from 0.01 to 100.00\n");
    assert_errors("[bonus_loyalty]\npercent_3_years = 101" QUIET,
        "F:2: [bonus_loyalty] percent_3_years: must be from 0.00 to "
        "100.00\n");
}

static void
a_category_of_a_bonus_is_below_zero(void **state)
{
    static const char *const bad[] = { "0", "1", "-32769" };
    char text[100];

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        snprintf(
            text, sizeof text, "[bonus_loyalty]\ncategory = %s" QUIET, bad[i]);
        assert_errors(
            text, "F:2: [bonus_loyalty] category: must be from -32768 to -1\n");
    }
}

static void
a_bad_route_is_told(void **state)
{
    static const char *const bad[] = { "sms", "SMSC", "smsc;smspilot",
        "smsc,smsc", "smspilot,smsc,smspilot", "smsc,komtet", "yes", "smsc2",
        "smspilo" };
    char text[100];

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        snprintf(text, sizeof text, "[refund]\nchannels = %s" QUIET, bad[i]);
        assert_errors(text, "F:2: [refund] channels: expected smspilot, smsc "
                            "and social, divided by commas, none twice\n");
        snprintf(
            text, sizeof text, "[credit]\nsocial_channels = %s" QUIET, bad[i]);
        assert_errors(text,
            "F:2: [credit] social_channels: expected smspilot, smsc "
            "and social, divided by commas, none twice\n");
    }
}

static void
bad_hours_are_told(void **state)
{
    static const char *const bad[] = { "", "yes", "off", "No", "23:00", "23-10",
        "9:00-10:00", "09:00-10:0", "24:00-10:00", "23:60-10:00",
        "23:00 - 10:00", "23:00-10:00x", "23.00-10.00", "23:00-10:00-12:00",
        "-1:00-10:00" };
    char text[100];

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        snprintf(
            text, sizeof text, "[tariff_change]\nquiet = %s" QUIET, bad[i]);
        assert_errors(text, "F:2: [tariff_change] quiet: expected hours such "
                            "as 23:00-10:00, or no\n");
    }
}

static void
a_bad_offset_of_smspilot_is_told(void **state)
{
    (void)state;
    assert_errors("[smspilot]\ndatetime_offset = -721" QUIET,
        "F:2: [smspilot] datetime_offset: must be from -720 to 840\n");
    assert_errors("[smspilot]\ndatetime_offset = 841" QUIET,
        "F:2: [smspilot] datetime_offset: must be from -720 to 840\n");
    assert_errors("[smspilot]\ndatetime_offset = +05:00" QUIET,
        "F:2: [smspilot] datetime_offset: expected a whole number\n");
}

static void
a_bad_yes_or_no_is_told(void **state)
{
    static const char *const bad[] = { "", "maybe", "Yes", "да", "2" };
    char text[100];

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        snprintf(text, sizeof text, "[billing]\nmoved_subscribers = %s" QUIET,
            bad[i]);
        assert_errors(
            text, "F:2: [billing] moved_subscribers: expected yes or no\n");
    }
}

static void
a_bad_template_is_told(void **state)
{
    (void)state;
    assert_errors("[payment]\ntext = {sum}\nsms = no\n",
        "F:2: [payment] text: unknown field {sum}; there are: name site "
        "cabinet phone signature currency login uid tariff ending amount\n");
    assert_errors("[payment]\nsocial_text = {sum}\nsms = no\n",
        "F:2: [payment] social_text: unknown field {sum}; there are: name "
        "site cabinet phone signature currency login uid tariff ending "
        "amount\n");
    assert_errors("[payment]\ntext = {login\nsms = no\n",
        "F:2: [payment] text: a { is not closed; a brace itself is written "
        "{{\n");
}

/* What a notice has no value for, its text cannot name. */
static void
each_notice_has_its_own_fields(void **state)
{
    (void)state;
    for (enum notice_kind kind = 0; kind < NOTICES; kind++) {
        const char *section = settings_notice_name(kind);
        bool tariff = kind >= NOTICE_TARIFF_CHANGE;
        bool api = kind == NOTICE_API_PAYMENT || kind == NOTICE_API_REFUND;
        char text[200];

        for (int i = 0; i < 2; i++) {
            const char *field = i ? "comment" : "amount";
            struct loaded l;

            snprintf(text, sizeof text,
                "[%s]\nsms = no\ntext = {%s} {tariff} {login}\n%s", section,
                field, kind == NOTICE_PAYMENT ? "" : QUIET);
            l = load(text);
            expect_number(text, l.good, i ? api : !tariff);
            drop(&l);
        }
    }
}

static void
a_bad_ending_is_told(void **state)
{
    (void)state;
    assert_errors("[payment]\nsms = no\nending = good\nending = {login}\n",
        "F:4: [payment] ending: unknown field {login}; there are: name site "
        "cabinet phone signature currency\n");
}

static void
an_unknown_key_is_told(void **state)
{
    (void)state;
    assert_errors("[database]\nhostname = h" QUIET,
        "F:2: [database] has no key \"hostname\"; mbevd --ini prints all\n");
    assert_errors("[database]\nHost = h" QUIET,
        "F:2: [database] has no key \"Host\"; mbevd --ini prints all\n");
}

static void
a_very_long_unknown_key_is_cut(void **state)
{
    char text[2000], want[200];

    (void)state;
    snprintf(text, sizeof text, "[database]\n%01000d = 1" QUIET, 0);
    snprintf(want, sizeof want,
        "F:2: [database] has no key \"%064d\"; mbevd --ini prints all\n", 0);
    assert_errors(text, want);
}

static void
a_key_of_another_section_is_told(void **state)
{
    (void)state;
    assert_errors("[service]\nhost = h" QUIET,
        "F:2: [service] has no key \"host\"; mbevd --ini prints all\n");
}

static void
an_unknown_section_is_told(void **state)
{
    (void)state;
    assert_errors("[mysql]\nhost = h" QUIET,
        "F:2: there is no section [mysql]; mbevd --ini prints all\n");
    assert_errors("host = h" QUIET,
        "F:1: there is no section []; mbevd --ini prints all\n");
}

static void
a_key_set_twice_is_told(void **state)
{
    (void)state;
    assert_errors("[database]\nhost = a\nhost = b" QUIET,
        "F:3: [database] host: is set twice\n");
    assert_errors("[database]\nhost = a\n[payment]\nsms = no\n"
                  "[database]\nhost = a\n",
        "F:6: [database] host: is set twice\n");
}

static void
a_line_of_no_known_form_is_told(void **state)
{
    (void)state;
    assert_errors("[database]\nhost" QUIET,
        "F:2: expected \"key = value\" or \"[section]\"\n");
}

static void
everything_that_is_wrong_is_told_at_once(void **state)
{
    (void)state;
    assert_errors("[database]\nport = x\nnonsense\nhostname = h\n"
                  "[service]\nlog_level = loud" QUIET,
        "F:2: [database] port: expected a whole number\n"
        "F:3: expected \"key = value\" or \"[section]\"\n"
        "F:4: [database] has no key \"hostname\"; mbevd --ini prints all\n"
        "F:6: [service] log_level: expected error, warning, info or debug\n");
}

static void
a_missing_file_is_told(void **state)
{
    struct bytes errors = bytes_make(1000);
    struct settings s;

    (void)state;
    assert_false(settings_load(&s, "/nowhere/mbevd.ini", &errors));
    assert_string_equal(
        bytes_text(&errors), "/nowhere/mbevd.ini: No such file or directory\n");
    settings_free(&s);
    bytes_free(&errors);
}

static void
more_errors_than_fit_are_errors(void **state)
{
    struct temp file = temp_text("nonsense\n" QUIET);
    struct bytes errors = bytes_make(10);
    struct settings s;

    (void)state;
    assert_false(settings_load(&s, file.path, &errors));
    unlink(file.path);
    settings_free(&s);
    bytes_free(&errors);
}

/* ---- what one key alone cannot tell ---- */

static void
sms_without_a_key_is_told(void **state)
{
    (void)state;
    assert_errors("",
        "F: [smspilot] api_key: is empty but [payment] sends by it; copy it "
        "from the provider's cabinet, or switch that off\n");
    assert_errors("[smspilot]\napi_key =\n",
        "F:2: [smspilot] api_key: is empty but [payment] sends by it; copy it "
        "from the provider's cabinet, or switch that off\n");
}

/* Asserts what is wrong about an empty setting of a provider. */
static void
assert_empty(const char *text, const char *key, const char *user)
{
    char want[300];

    snprintf(want, sizeof want,
        "F: %s: is empty but [%s] sends by it; copy it from the provider's "
        "cabinet, or switch that off\n",
        key, user);
    assert_errors(text, want);
}

static void
each_notice_that_is_on_needs_its_provider(void **state)
{
    (void)state;
    for (enum notice_kind kind = 1; kind < NOTICES; kind++) {
        const char *section = settings_notice_name(kind);
        char text[200];

        snprintf(text, sizeof text, "[%s]\nsms = yes" QUIET, section);
        assert_empty(text, "[smspilot] api_key", section);
        snprintf(text, sizeof text, "[%s]\nsms = yes\nchannels = smsc" QUIET,
            section);
        assert_empty(text, "[smsc] login", section);
        snprintf(text, sizeof text, "[%s]\nsocial = yes" QUIET, section);
        assert_empty(text, "[smsc] login", section);
    }
}

static void
a_provider_of_reserve_is_needed_too(void **state)
{
    (void)state;
    assert_empty("[smspilot]\napi_key = KEY\n"
                 "[payment]\nchannels = smspilot,smsc\n",
        "[smsc] login", "payment");
    assert_empty("[smsc]\nlogin = l\npassword = p\n[refund]\nsocial = yes\n"
                 "social_channels = social,smspilot" QUIET,
        "[smspilot] api_key", "refund");
}

static void
what_is_switched_off_needs_no_provider(void **state)
{
    struct loaded l = load_good("[payment]\nsms = no\nsocial = no\n"
                                "channels = smspilot,smsc\n"
                                "social_channels = social,smsc\n");

    (void)state;
    drop(&l);
    l = load_good("[smspilot]\napi_key = KEY\n");
    drop(&l);
    l = load_good("[smsc]\nlogin = l\npassword = p\n"
                  "[payment]\nchannels = smsc\nsocial = yes\n");
    drop(&l);
}

static void
the_first_notice_that_needs_it_is_named(void **state)
{
    (void)state;
    assert_empty("[credit]\nsms = yes\n[refund]\nsms = yes" QUIET,
        "[smspilot] api_key", "refund");
    /* One that sends an SMS by it before one that uses the networks. */
    assert_empty("[refund]\nsocial = yes\n[credit]\nsms = yes\n"
                 "channels = smsc" QUIET,
        "[smsc] login", "credit");
}

static void
smsc_needs_login_and_password_or_a_key(void **state)
{
    struct loaded l =
        load_good("[smsc]\napi_key = K\n[refund]\nsocial = yes" QUIET);

    (void)state;
    drop(&l);
    assert_empty("[smsc]\nlogin = l\n[refund]\nsocial = yes" QUIET,
        "[smsc] password", "refund");
    assert_empty("[smsc]\npassword = p\n[refund]\nsocial = yes" QUIET,
        "[smsc] login", "refund");
}

static void
an_address_of_smsc_that_is_none_is_told(void **state)
{
    static const char *const bad[] = { "", "smsc.ru/sys", "ftp://smsc.ru",
        "HTTPS://smsc.ru" };
    char text[100];

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        snprintf(text, sizeof text, "[smsc]\nurl = %s" QUIET, bad[i]);
        assert_errors(text, "F:2: [smsc] url: must begin with https:// (or "
                            "http:// for a test server)\n");
    }
    assert_errors("[smsc]\nurl = https://a\nurl = b" QUIET,
        "F:3: [smsc] url: must begin with https:// (or http:// for a test "
        "server)\n");
}

static void
five_addresses_of_smsc_are_too_many(void **state)
{
    (void)state;
    assert_errors("[smsc]\nurl = https://a\nurl = https://b\nurl = https://c\n"
                  "url = https://d\nurl = https://e" QUIET,
        "F:6: [smsc] url: from one to four addresses are needed\n");
}

static void
the_form_of_smscs_numbers_is_text_or_number(void **state)
{
    static const char *const bad[] = { "", "Text", "digits", "1" };
    struct loaded l = load_good("[smsc]\nid_style = number" QUIET);
    char text[100];

    (void)state;
    assert_string_equal(l.s.smsc.id_style, "number");
    drop(&l);
    for (size_t i = 0; i < COUNT(bad); i++) {
        snprintf(text, sizeof text, "[smsc]\nid_style = %s" QUIET, bad[i]);
        assert_errors(text, "F:2: [smsc] id_style: expected text or number\n");
    }
}

static void
more_connections_than_smsc_allows_are_told(void **state)
{
    struct loaded l = load_good("[smsc]\nconnections = 15" QUIET);

    (void)state;
    drop(&l);
    assert_errors("[smsc]\nconnections = 16" QUIET,
        "F:2: [smsc] connections: must be from 1 to 15\n");
}

static void
a_way_without_channels_is_told(void **state)
{
    (void)state;
    assert_errors("[refund]\nsms = yes\nchannels =" QUIET,
        "F:3: [refund] channels: is empty but sms is on\n");
    assert_errors("[credit]\nsocial = yes\nsocial_channels =" QUIET,
        "F:3: [credit] social_channels: is empty but social is on\n");
}

static void
a_notice_without_text_is_told(void **state)
{
    static const char smsc[] = "[smsc]\nlogin = l\npassword = p" QUIET;
    struct loaded l;
    char text[300];

    (void)state;
    assert_errors("[smspilot]\napi_key = K\n[payment]\ntext =\n",
        "F:4: [payment] text: is empty but the notice is on\n");
    snprintf(text, sizeof text, "[credit]\ntext =\nsocial = yes\n%s", smsc);
    assert_errors(text, "F:2: [credit] text: is empty but the notice is on\n");
    snprintf(text, sizeof text,
        "[credit]\ntext =\nsocial = yes\nsocial_text = VK\n%s", smsc);
    l = load_good(text);
    drop(&l);
    l = load_good("[credit]\ntext =" QUIET);
    drop(&l);
}

static void
a_zone_that_is_none_is_told(void **state)
{
    static const char *const good[] = { "Europe/Moscow", "UTC", "+05:00",
        "-03:30", "Asia/Yekaterinburg" };
    static const char *const bad[] = { "", "Mars/Olympus", "+5", "MSK",
        "../../etc/passwd" };
    char text[100];

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        struct loaded l;

        snprintf(text, sizeof text, "[notice]\ntime_zone = %s" QUIET, good[i]);
        l = load_good(text);
        assert_string_equal(l.s.notice.time_zone, good[i]);
        drop(&l);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        snprintf(text, sizeof text, "[notice]\ntime_zone = %s" QUIET, bad[i]);
        assert_errors(text,
            "F:2: [notice] time_zone: is not known here; expected a name such "
            "as Europe/Moscow (package tzdata) or an offset such as "
            "+05:00\n");
    }
}

static void
the_origin_of_a_tariff_is_subscriber_or_staff(void **state)
{
    static const char *const bad[] = { "", "Staff", "system", "yes" };
    struct loaded l = load_good("[billing]\ntariff_origin = staff" QUIET);
    char text[100];

    (void)state;
    assert_string_equal(l.s.billing.tariff_origin, "staff");
    drop(&l);
    for (size_t i = 0; i < COUNT(bad); i++) {
        snprintf(
            text, sizeof text, "[billing]\ntariff_origin = %s" QUIET, bad[i]);
        assert_errors(text, "F:2: [billing] tariff_origin: expected subscriber "
                            "or staff\n");
    }
}

static void
an_empty_key_of_a_discount_is_told(void **state)
{
    (void)state;
    assert_errors(
        "[discounts]\nkey =" QUIET, "F:2: [discounts] key: a key is empty\n");
    assert_errors("[discounts]\nkey = one\nkey =\nkey = three" QUIET,
        "F:4: [discounts] key: a key is empty\n");
}

static void
an_address_that_is_none_is_told(void **state)
{
    static const char *const bad[] = { "", "smspilot.ru/api.php",
        "ftp://smspilot.ru", "HTTPS://smspilot.ru" };
    char text[100];

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        snprintf(text, sizeof text, "[smspilot]\nurl = %s" QUIET, bad[i]);
        assert_errors(text, "F:2: [smspilot] url: must begin with https:// "
                            "(or http:// for a test server)\n");
    }
}

static void
a_longest_pause_below_the_first_is_told(void **state)
{
    (void)state;
    assert_errors("[notice]\nretry_first = 2 h" QUIET,
        "F: [notice] retry_longest: must not be shorter than retry_first\n");
}

static void
a_log_level_that_is_none_is_told(void **state)
{
    (void)state;
    assert_errors("[service]\nlog_level = fatal" QUIET,
        "F:2: [service] log_level: expected error, warning, info or debug\n");
}

static void
paths_must_be_absolute(void **state)
{
    (void)state;
    assert_errors("[service]\ndoorbell = doorbell\nstate_dir = state" QUIET,
        "F:2: [service] doorbell: must be an absolute path\n"
        "F:3: [service] state_dir: must be an absolute path of at most 150 "
        "characters\n");
    assert_errors("[service]\ndoorbell =\nstate_dir =" QUIET,
        "F:2: [service] doorbell: must be an absolute path\n"
        "F:3: [service] state_dir: must be an absolute path of at most 150 "
        "characters\n");
}

static void
paths_must_not_be_too_long(void **state)
{
    char text[600];
    struct loaded l;

    (void)state;
    snprintf(text, sizeof text,
        "[service]\ndoorbell = /%099d\nstate_dir = /%0149d" QUIET, 0, 0);
    l = load_good(text);
    drop(&l);
    snprintf(text, sizeof text,
        "[service]\ndoorbell = /%0100d\nstate_dir = /%0150d" QUIET, 0, 0);
    assert_errors(text,
        "F:2: [service] doorbell: a socket's path has at most 100 characters\n"
        "F:3: [service] state_dir: must be an absolute path of at most 150 "
        "characters\n");
}

/* ---- receipts ---- */

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* Asserts that the key can have each of the good values, and what is wrong
 * about each of the bad ones. Both lists end with NULL. */
static void
assert_takes(const char *section, const char *key, const char *const *good,
    const char *const *bad, const char *what)
{
    char text[1000], want[1000];

    for (; *good; good++) {
        struct loaded l;

        snprintf(text, sizeof text, "[%s]\n%s = %s" QUIET, section, key, *good);
        l = load_good(text);
        drop(&l);
    }
    snprintf(want, sizeof want, "F:2: [%s] %s: %s\n", section, key, what);
    for (; *bad; bad++) {
        snprintf(text, sizeof text, "[%s]\n%s = %s" QUIET, section, key, *bad);
        assert_errors(text, want);
    }
}

static void
receipts_may_wait_for_an_account(void **state)
{
    struct loaded l =
        load_good("[receipt]\npayments = yes\nrefunds = yes" QUIET);

    (void)state;
    assert_true(l.s.receipt.payments);
    assert_true(l.s.receipt.refunds);
    drop(&l);
}

#define NO_URL "must begin with https:// (or http:// for a test server)"

static void
an_address_of_komtet_that_is_none_is_told(void **state)
{
    (void)state;
    assert_takes("komtet", "url", WORDS("https://a", "http://127.0.0.1:1"),
        WORDS("", "kassa.komtet.ru", "ftp://a", "HTTPS://a"), NO_URL);
}

static void
an_address_to_sign_is_one_or_empty(void **state)
{
    (void)state;
    assert_takes("komtet", "sign_url", WORDS("", "https://a"),
        WORDS("kassa.komtet.ru", "ftp://a"), NO_URL);
}

static void
an_address_for_callbacks_is_one_or_empty(void **state)
{
    (void)state;
    assert_takes("receipt", "callback_url", WORDS("", "https://a/komtet?x=1"),
        WORDS("a.ru/komtet", "/komtet"), NO_URL);
    assert_takes("callback", "url", WORDS("", "https://a/komtet?x=1"),
        WORDS("a.ru/komtet", "/komtet"), NO_URL);
}

static void
komtets_interface_has_two_versions(void **state)
{
    (void)state;
    assert_takes("komtet", "version", WORDS("v1", "v2"),
        WORDS("", "V1", "1", "v3", "v1 v2"), "expected v1 or v2");
}

static void
a_shop_that_fits_into_no_header_is_told(void **state)
{
    char longest[201], longer[202];

    (void)state;
    snprintf(longest, sizeof longest, "%0200d", 0);
    snprintf(longer, sizeof longer, "%0201d", 0);
    assert_takes("komtet", "shop",
        WORDS("", "shop-01", "a b", "Касса", longest),
        WORDS("a\tb",
            "a\x01"
            "b",
            "a\x7F"
            "b",
            longer),
        "must be at most 200 bytes without control characters; copy it from "
        "the provider's cabinet");
}

static void
a_queue_that_fits_into_no_path_is_told(void **state)
{
    char longest[65], longer[66];

    (void)state;
    snprintf(longest, sizeof longest, "%064d", 0);
    snprintf(longer, sizeof longer, "%065d", 0);
    assert_takes("komtet", "queue", WORDS("", "7001", "A-z_0", longest),
        WORDS("7/1", "7 1", "..", "7?", "касса", longer),
        "must be at most 64 letters, digits, _ and -");
}

static void
more_than_komtet_can_take_is_told(void **state)
{
    (void)state;
    assert_takes("komtet", "connections", WORDS("1", "15"), WORDS("0", "16"),
        "must be from 1 to 15");
    assert_takes("komtet", "rate", WORDS("1", "1000"), WORDS("0", "1001"),
        "must be from 1 to 1000");
}

static void
a_longest_pause_of_receipts_below_the_first_is_told(void **state)
{
    struct loaded l = load_good("[komtet]\nretry_first = 10 min\n"
                                "[receipt]\nlook_first = 10 min" QUIET);

    (void)state;
    drop(&l);
    assert_errors("[komtet]\nretry_first = 2 s\nretry_longest = 1 s" QUIET,
        "F:3: [komtet] retry_longest: must not be shorter than retry_first\n");
    assert_errors("[receipt]\nlook_first = 2 s\nlook_longest = 1 s" QUIET,
        "F:3: [receipt] look_longest: must not be shorter than look_first\n");
}

static void
a_prefix_that_fits_into_no_number_is_told(void **state)
{
    char longest[33], longer[34];

    (void)state;
    snprintf(longest, sizeof longest, "%032d", 0);
    snprintf(longer, sizeof longer, "%033d", 0);
    assert_takes("receipt", "number_prefix", WORDS("", "MBEV-", "a_0", longest),
        WORDS("a b", "a\"", "a.", "чек", longer),
        "must be at most 32 letters, digits, _ and -");
}

static void
the_table_of_receipts_is_that_of_either_kit(void **state)
{
    (void)state;
    assert_takes("receipt", "table",
        WORDS("receipts_log", "__komtet_receipts_log"),
        WORDS("", "users", "receipts_log;", "Receipts_log"),
        "expected receipts_log or __komtet_receipts_log");
}

static void
a_tax_system_that_is_none_is_told(void **state)
{
    (void)state;
    assert_takes("receipt", "sno", WORDS("0", "1", "2", "4", "5"), WORDS("3"),
        "3 (imputed income) was withdrawn; expected 0, 1, 2, 4 or 5");
    assert_takes(
        "receipt", "sno", WORDS("1"), WORDS("-1", "6"), "must be from 0 to 5");
}

static void
a_rate_of_vat_that_can_be_none_is_told(void **state)
{
    (void)state;
    assert_takes("receipt", "vat", WORDS("no", "0", "22", "122", "999"),
        WORDS("", "yes", "20%", "20/120", "1220", "-1", "2 0", "no 0"),
        "expected no, or a rate of one to three digits such as 22 or 122");
}

static void
a_payment_is_of_one_of_komtets_types(void **state)
{
    (void)state;
    assert_takes("receipt", "payment_type",
        WORDS("card", "cash", "prepayment", "credit", "counter_provisioning"),
        WORDS("", "Card", "car", "cards", "card,cash"),
        "expected card, cash, prepayment, credit or counter_provisioning");
}

static void
a_payment_is_by_one_of_komtets_methods(void **state)
{
    (void)state;
    assert_takes("receipt", "calculation_method",
        WORDS("pre_payment_full", "pre_payment_part", "full_payment", "advance",
            "credit_part", "credit_pay", "credit"),
        WORDS("", "full", "Advance", "service"),
        "expected pre_payment_full, pre_payment_part, full_payment, advance, "
        "credit_part, credit_pay or credit");
}

static void
a_subject_that_can_be_none_is_told(void **state)
{
    (void)state;
    assert_takes("receipt", "calculation_subject",
        WORDS("service", "payment", "payment_of_the_money"),
        WORDS("", "Service", "a b", "a-b", "1", "услуга"),
        "expected small letters and _, such as service or payment");
}

static void
a_measure_out_of_bounds_is_told(void **state)
{
    (void)state;
    assert_takes("receipt", "measure", WORDS("0", "255"), WORDS("-1", "256"),
        "must be from 0 to 255");
}

static void
a_receipt_must_say_what_was_paid(void **state)
{
    (void)state;
    assert_takes("receipt", "name", WORDS("{login} {uid} {name}", "Связь"),
        WORDS(""), "is empty but a receipt has to say what was paid");
    assert_takes("receipt", "name", WORDS("a"), WORDS("{amount}"),
        "unknown field {amount}; there are: name site cabinet phone signature "
        "currency login uid");
}

static void
a_receipt_of_version_2_needs_a_place(void **state)
{
    static const char *const good[] = {
        "[receipt]\npayments = yes\naddress =" QUIET,
        "[komtet]\nversion = v2\n[receipt]\naddress =" QUIET,
        "[komtet]\nversion = v2\n[receipt]\npayments = yes" QUIET,
    };

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        struct loaded l = load_good(good[i]);

        drop(&l);
    }
    assert_errors("[komtet]\nversion = v2\n"
                  "[receipt]\nrefunds = yes\naddress =" QUIET,
        "F:5: [receipt] address: is empty but [komtet] version v2 requires "
        "it\n");
}

static void
the_inn_of_a_cashier_is_required_or_optional(void **state)
{
    (void)state;
    assert_takes("receipt", "cashier_inn", WORDS("required", "optional"),
        WORDS("", "yes", "no", "Required"), "expected required or optional");
}

static void
the_number_of_a_receipt_has_two_names(void **state)
{
    (void)state;
    assert_takes("receipt", "id_member", WORDS("external_id", "task_id"),
        WORDS("", "id", "external_id\""), "expected external_id or task_id");
}

/* ---- callbacks ---- */

#define LISTEN "\n[callback]\non = yes\nurl = https://a/komtet"

static void
a_callback_is_listened_for_at_an_address_in_numbers(void **state)
{
    static const char *const good[] = { "127.0.0.1", "0.0.0.0", "::1", "::" };
    static const char *const bad[] = { "", "localhost", "127.0.0", "256.0.0.1",
        "127.0.0.1:8087", "[::1]", "::1%lo" };
    char text[200];

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        struct loaded l;

        snprintf(text, sizeof text, LISTEN "\naddress = %s" QUIET, good[i]);
        l = load_good(text);
        drop(&l);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        snprintf(text, sizeof text, LISTEN "\naddress = %s" QUIET, bad[i]);
        assert_errors(text, "F:5: [callback] address: must be an address in "
                            "numbers, such as 127.0.0.1 or ::1\n");
    }
}

static void
the_path_of_a_callback_begins_with_a_slash(void **state)
{
    static const char *const bad[] = { "", "komtet", "https://a/komtet" };
    char text[200];
    struct loaded l = load_good(LISTEN "\npath = /" QUIET);

    (void)state;
    drop(&l);
    for (size_t i = 0; i < COUNT(bad); i++) {
        snprintf(text, sizeof text, LISTEN "\npath = %s" QUIET, bad[i]);
        assert_errors(text, "F:5: [callback] path: must begin with /\n");
    }
}

static void
a_callback_is_signed_for_a_public_address(void **state)
{
    static const char *const good[] = {
        "[callback]\non = yes\nurl = https://a/komtet" QUIET,
        "[callback]\non = yes\n[receipt]\ncallback_url = https://a" QUIET,
    };

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        struct loaded l = load_good(good[i]);

        assert_true(l.s.callback.on);
        drop(&l);
    }
    assert_errors("[callback]\non = yes" QUIET,
        "F: [callback] url: is empty, and so is [receipt] callback_url; set "
        "one of them, or on = no\n");
}

static void
a_port_or_rate_of_callbacks_out_of_bounds_is_told(void **state)
{
    (void)state;
    assert_takes("callback", "port", WORDS("1", "65535"), WORDS("0", "65536"),
        "must be from 1 to 65535");
    assert_takes("callback", "rate", WORDS("1", "1000"), WORDS("0", "1001"),
        "must be from 1 to 1000");
}

static void
callbacks_that_are_off_need_nothing(void **state)
{
    struct loaded l = load_good("[callback]\non = no\naddress =\npath =" QUIET);

    (void)state;
    drop(&l);
}

/* ---- resets of sessions, and routers ---- */

static void
no_session_is_ended_by_default(void **state)
{
    struct loaded l = load_good(QUIET);

    (void)state;
    for (enum event_kind kind = 0; kind < EVENT_KINDS; kind++)
        expect_number(event_kind_name(kind), l.s.session_reset.on[kind], false);
    assert_false(settings_resets(&l.s));
    assert_int_equal(l.s.session_reset.after_ms, 2000);
    assert_int_equal(l.s.session_reset.expire_ms, 900000);
    assert_int_equal(l.s.session_reset.repeat_within_ms, 120000);
    assert_string_equal(l.s.session_reset.target, "all");
    drop(&l);
}

static void
the_defaults_of_a_router_suit_most(void **state)
{
    struct loaded l = load_good(QUIET);
    const struct router_settings *usual = &l.s.routers.usual;

    (void)state;
    assert_string_equal(usual->transport, "auto");
    assert_int_equal(usual->port, 0);
    assert_int_equal(usual->connect_timeout_ms, 5000);
    assert_int_equal(usual->timeout_ms, 20000);
    assert_string_equal(usual->login_suffix, "");
    assert_string_equal(usual->key_file, "");
    assert_string_equal(usual->host_key, "accept-new");
    assert_string_equal(usual->kex, "");
    assert_string_equal(usual->hostkeys, "");
    assert_string_equal(usual->ciphers, "");
    assert_string_equal(usual->macs, "");
    assert_string_equal(usual->api_login, "plain");
    assert_string_equal(usual->api_tls, "verify");
    drop(&l);
}

static void
the_defaults_of_all_routers_are_those_agreed_on(void **state)
{
    struct loaded l = load_good(QUIET);

    (void)state;
    assert_int_equal(l.s.routers.nastypes.n, 1);
    assert_string_equal(l.s.routers.nastypes.text[0], "mikrotik");
    assert_int_equal(l.s.routers.connections, 256);
    assert_int_equal(l.s.routers.keep_ms, 60000);
    assert_int_equal(l.s.routers.hold_first_ms, 15000);
    assert_int_equal(l.s.routers.hold_longest_ms, 300000);
    assert_int_equal(l.s.routers.hold_refused_ms, 600000);
    assert_int_equal(l.s.routers.retry_first_ms, 10000);
    assert_int_equal(l.s.routers.retry_longest_ms, 120000);
    assert_string_equal(l.s.routers.known_hosts, "");
    assert_string_equal(l.s.routers.ca_file, "");
    assert_string_equal(l.s.routers.source_address, "");
    assert_int_equal(l.s.routers.radius_tries, 3);
    assert_int_equal(l.s.routers.radius_wait_ms, 3000);
    assert_false(l.s.routers.radius_sign);
    assert_int_equal(l.s.routers.special_n, 0);
    drop(&l);
}

static void
each_kind_of_change_has_a_switch_of_its_own(void **state)
{
    char text[100];

    (void)state;
    for (enum event_kind kind = 0; kind < EVENT_KINDS; kind++) {
        const char *name = event_kind_name(kind);
        struct loaded l;

        snprintf(text, sizeof text, "[session_reset]\n%s = yes" QUIET, name);
        l = load_good(text);
        for (enum event_kind other = 0; other < EVENT_KINDS; other++)
            expect_number(name, l.s.session_reset.on[other], other == kind);
        assert_true(settings_resets(&l.s));
        drop(&l);
    }
}

static void
a_session_is_ended_on_all_routers_or_where_it_is(void **state)
{
    (void)state;
    assert_takes("session_reset", "target", WORDS("all", "online"),
        WORDS("", "All", "none", "all online"), "expected all or online");
}

static void
who_is_online_is_needed_to_choose_a_router_or_to_name_a_session(void **state)
{
    static const char *const yes[] = { "[session_reset]\ntarget = online" QUIET,
        "[routers]\ntransport = radius" QUIET,
        "[routers]\nrouter = a port=1\nrouter = b transport=radius" QUIET };
    struct loaded l = load_good("[session_reset]\npayment = yes\n"
                                "[routers]\nrouter = a transport=api" QUIET);

    (void)state;
    assert_false(settings_needs_radacct(&l.s));
    drop(&l);
    for (size_t i = 0; i < COUNT(yes); i++) {
        l = load_good(yes[i]);
        expect_number(yes[i], settings_needs_radacct(&l.s), true);
        drop(&l);
    }
}

static void
words_that_no_router_understands_are_told(void **state)
{
    (void)state;
    assert_takes("routers", "transport",
        WORDS("auto", "ssh", "api", "api-tls", "radius", "off"),
        WORDS("", "SSH", "rest", "api_tls", "ssh,api"),
        "expected auto, ssh, api, api-tls, radius or off");
    assert_takes("routers", "host_key", WORDS("accept-new", "strict", "off"),
        WORDS("", "no", "yes"), "expected accept-new, strict or off");
    assert_takes("routers", "api_login", WORDS("plain", "challenge"),
        WORDS("", "md5"), "expected plain or challenge");
    assert_takes("routers", "api_tls", WORDS("verify", "anonymous", "off"),
        WORDS("", "no"), "expected verify, anonymous or off");
}

static void
numbers_of_routers_out_of_bounds_are_told(void **state)
{
    (void)state;
    assert_takes("routers", "port", WORDS("0", "65535"), WORDS("-1", "65536"),
        "must be from 0 to 65535");
    assert_takes("routers", "connections", WORDS("1", "1000"),
        WORDS("0", "1001"), "must be from 1 to 1000");
    assert_takes("routers", "radius_tries", WORDS("1", "10"), WORDS("0", "11"),
        "must be from 1 to 10");
}

static void
a_kind_of_router_that_is_empty_is_told(void **state)
{
    struct loaded l =
        load_good("[routers]\nnastype = mikrotik\nnastype = mikrotik-hs" QUIET);

    (void)state;
    assert_int_equal(l.s.routers.nastypes.n, 2);
    assert_string_equal(l.s.routers.nastypes.text[1], "mikrotik-hs");
    drop(&l);
    assert_errors("[routers]\nnastype =" QUIET,
        "F:2: [routers] nastype: a kind is "
        "empty\n");
}

static void
algorithms_are_names_with_commas_between(void **state)
{
    static const char *const keys[] = { "kex", "hostkeys", "ciphers", "macs" };

    (void)state;
    for (size_t i = 0; i < COUNT(keys); i++)
        assert_takes("routers", keys[i],
            WORDS("", "ssh-rsa", "curve25519-sha256@libssh.org,ssh-ed25519",
                "aes128-ctr,3des-cbc", "hmac-sha2-256-etm@openssh.com",
                "arcfour.x"),
            WORDS("a, b", "SSH-RSA", "a;b", "a:b", "+a", "a_b", "a\"b"),
            "expected names of small letters, digits and @ . - with a comma "
            "between them, without blanks");
}

static void
our_side_is_bound_to_an_address_in_numbers(void **state)
{
    (void)state;
    assert_takes("routers", "source_address",
        WORDS("", "192.0.2.1", "::1", "2001:db8::1"),
        WORDS("billing", "192.0.2", "192.0.2.1:22", "[::1]", "fe80::1%eth0"),
        "must be an address in numbers, such as 192.0.2.1 or 2001:db8::1");
}

static void
a_longest_pause_of_routers_below_the_first_is_told(void **state)
{
    struct loaded l =
        load_good("[routers]\nhold_first = 5 min\nretry_first = 2 min\n"
                  "[session_reset]\nafter = 1 s\nexpire = 1 s" QUIET);

    (void)state;
    drop(&l);
    assert_errors("[routers]\nhold_first = 2 s\nhold_longest = 1 s" QUIET,
        "F:3: [routers] hold_longest: must not be shorter than hold_first\n");
    assert_errors("[routers]\nretry_first = 2 s\nretry_longest = 1 s" QUIET,
        "F:3: [routers] retry_longest: must not be shorter than "
        "retry_first\n");
    assert_errors("[session_reset]\nafter = 2 s\nexpire = 1 s" QUIET,
        "F:3: [session_reset] expire: must not be shorter than after\n");
}

#define RESET "[session_reset]\ntariff_change = yes\n"

static void
resets_without_any_way_to_a_router_are_told(void **state)
{
    static const char *const good[] = { "[routers]\ntransport = off" QUIET,
        RESET "[routers]\ntransport = off\nrouter = a transport=api" QUIET,
        RESET "[routers]\nrouter = a transport=off" QUIET };
    static const char wrong[] =
        "F:4: [routers] transport: is off for every router, but "
        "[session_reset] is on; choose one, or switch that off\n";

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        struct loaded l = load_good(good[i]);

        drop(&l);
    }
    assert_errors(RESET "[routers]\ntransport = off" QUIET, wrong);
    assert_errors(
        RESET "[routers]\ntransport = off\nrouter = a port=1" QUIET, wrong);
}

static void
tries_of_radius_that_do_not_fit_its_time_are_told(void **state)
{
    struct loaded l = load_good(RESET "[routers]\ntransport = radius\n"
                                      "radius_wait = 3333 ms" QUIET);

    (void)state;
    drop(&l);
    assert_errors(RESET "[routers]\ntransport = radius\n"
                        "radius_wait = 3334 ms" QUIET,
        "F:5: [routers] radius_wait: times twice radius_tries must not be "
        "longer than timeout\n");
}

/* Loads a file in which %s stands for a path. */
static struct loaded
load_path(const char *form, const char *path)
{
    struct bytes text = bytes_make(1000);
    const char *at = strstr(form, "%s");
    struct loaded l;

    assert_non_null(at);
    bytes_add(&text, form, (size_t)(at - form));
    bytes_printf(&text, "%s%s", path, at + 2);
    l = load(bytes_text(&text));
    bytes_free(&text);
    return l;
}

static void
a_private_key_is_ours_alone(void **state)
{
    static const mode_t good[] = { 0600, 0400 };
    static const mode_t bad[] = { 0640, 0604, 0660, 0610, 0602, 0777 };
    struct temp key = temp_text("KEY");

    (void)state;
    for (size_t i = 0; i < COUNT(good) + COUNT(bad); i++) {
        bool fits = i < COUNT(good);
        mode_t mode = fits ? good[i] : bad[i - COUNT(good)];
        struct loaded l;

        assert_int_equal(chmod(key.path, mode), 0);
        l = load_path("[routers]\nkey_file = %s" QUIET, key.path);
        expect_text("key_file", bytes_text(&l.errors),
            fits ? ""
                 : "F:2: [routers] key_file: is open to others than its owner, "
                   "who must be the account of the service; chmod 600 it\n");
        drop(&l);
    }
    unlink(key.path);
}

static void
a_private_key_that_cannot_be_read_is_told(void **state)
{
    static const struct {
        const char *path, *wrong;
    } rows[] = {
        { "/nowhere/key", "cannot be read: No such file or directory" },
        { "/dev/null/key", "cannot be read: Not a directory" },
        { "/tmp", "is not a file" },
        { "key", "must be an absolute path" },
    };
    char want[200];

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct loaded l =
            load_path("[routers]\nkey_file = %s" QUIET, rows[i].path);

        snprintf(
            want, sizeof want, "F:2: [routers] key_file: %s\n", rows[i].wrong);
        expect_text(rows[i].path, bytes_text(&l.errors), want);
        drop(&l);
        l = load_path("[routers]\nrouter = a key_file=%s" QUIET, rows[i].path);
        snprintf(want, sizeof want, "F:2: [routers] router: a: key_file: %s\n",
            rows[i].wrong);
        expect_text(rows[i].path, bytes_text(&l.errors), want);
        drop(&l);
    }
}

static void
known_keys_may_be_missing_but_not_out_of_reach(void **state)
{
    (void)state;
    assert_takes("routers", "known_hosts",
        WORDS("", "/nowhere/known_hosts", "/dev/null"), WORDS("known_hosts"),
        "must be an absolute path");
    assert_takes("routers", "known_hosts", WORDS(""),
        WORDS("/dev/null/known_hosts"), "cannot be read: Not a directory");
}

/* ---- exceptions for single routers ---- */

static void
an_exception_differs_in_what_it_names(void **state)
{
    struct loaded l = load_good(
        "[routers]\ntransport = ssh\nmacs = hmac-sha1\nport = 2222\n"
        "router = 192.0.2.1 transport=api-tls timeout=500ms port=0 macs=\n"
        "timeout = 7 s\nhost_key = strict" QUIET);
    const struct router_settings *set = settings_router(&l.s, "192.0.2.1");

    (void)state;
    assert_int_equal(l.s.routers.special_n, 1);
    assert_ptr_equal(set, &l.s.routers.special[0].set);
    assert_string_equal(set->transport, "api-tls");
    assert_int_equal(set->timeout_ms, 500);
    assert_int_equal(set->port, 0);
    assert_string_equal(set->macs, "");
    assert_string_equal(set->host_key, "strict");
    assert_int_equal(set->connect_timeout_ms, 5000);
    assert_int_equal(l.s.routers.usual.timeout_ms, 7000);
    assert_string_equal(l.s.routers.usual.transport, "ssh");
    drop(&l);
}

static void
an_exception_may_name_every_key_of_a_router(void **state)
{
    struct loaded l = load_good(
        "[routers]\nrouter = r1 transport=ssh port=65535 connect_timeout=1s "
        "timeout=2min login_suffix=+ct511w key_file= host_key=off "
        "kex=a,b hostkeys=c ciphers=d macs=e api_login=challenge "
        "api_tls=anonymous" QUIET);
    const struct router_settings *set = settings_router(&l.s, "r1");

    (void)state;
    assert_string_equal(set->transport, "ssh");
    assert_int_equal(set->port, 65535);
    assert_int_equal(set->connect_timeout_ms, 1000);
    assert_int_equal(set->timeout_ms, 120000);
    assert_string_equal(set->login_suffix, "+ct511w");
    assert_string_equal(set->key_file, "");
    assert_string_equal(set->host_key, "off");
    assert_string_equal(set->kex, "a,b");
    assert_string_equal(set->hostkeys, "c");
    assert_string_equal(set->ciphers, "d");
    assert_string_equal(set->macs, "e");
    assert_string_equal(set->api_login, "challenge");
    assert_string_equal(set->api_tls, "anonymous");
    drop(&l);
}

static void
a_router_without_an_exception_is_usual(void **state)
{
    struct loaded l = load_good("[routers]\nrouter = r1 port=1\n"
                                "router =\t R2 \t port=2 \n"
                                "router = \n" QUIET);

    (void)state;
    assert_int_equal(l.s.routers.special_n, 2);
    assert_int_equal(settings_router(&l.s, "r1")->port, 1);
    assert_int_equal(settings_router(&l.s, "R1")->port, 1);
    assert_int_equal(settings_router(&l.s, "r2")->port, 2);
    assert_ptr_equal(settings_router(&l.s, "r3"), &l.s.routers.usual);
    assert_ptr_equal(settings_router(&l.s, "r"), &l.s.routers.usual);
    assert_ptr_equal(settings_router(&l.s, ""), &l.s.routers.usual);
    drop(&l);
}

#define ROUTER "F:2: [routers] router: "

static void
an_exception_of_no_known_form_is_told(void **state)
{
    static const struct {
        const char *text, *wrong;
    } rows[] = {
        { "r1", "r1: says nothing; expected ADDRESS key=value ..." },
        { "port=1", "port=1: the address is missing; expected ADDRESS "
                    "key=value ..." },
        { "r1 port", "r1: port: expected key=value, without blanks" },
        { "r1 port=1 transport=api port=2", "r1: port: is set twice" },
        { "r1 macs= macs=a", "r1: macs: is set twice" },
        { "r1 timeout=20 s",
            "r1: timeout: the unit must be ms, s, min, h or days\n" ROUTER
            "r1: there is no key \"s\"; expected transport port "
            "connect_timeout timeout login_suffix key_file host_key kex "
            "hostkeys ciphers macs api_login api_tls" },
        { "r1 keep=1s", "r1: there is no key \"keep\"; expected transport port "
                        "connect_timeout timeout login_suffix key_file "
                        "host_key kex hostkeys ciphers macs api_login "
                        "api_tls" },
        { "r1 timeout=1ms",
            "r1: timeout: must be from 100 to 600000 milliseconds" },
        { "r1 port=65536", "r1: port: must be from 0 to 65535" },
        { "r1 port=", "r1: port: expected a whole number" },
    };
    char text[200], want[400];

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        snprintf(
            text, sizeof text, "[routers]\nrouter = %s" QUIET, rows[i].text);
        snprintf(want, sizeof want, ROUTER "%s\n", rows[i].wrong);
        assert_errors(text, want);
    }
}

static void
two_exceptions_for_one_router_are_told(void **state)
{
    (void)state;
    assert_errors("[routers]\nrouter = r1 port=1\nrouter = r2 port=1\n"
                  "router = R1 timeout=1s" QUIET,
        "F:4: [routers] router: R1: has an exception already\n");
}

static void
a_wrong_value_of_an_exception_is_told_where_it_stands(void **state)
{
    (void)state;
    assert_errors("[routers]\nrouter = r1 port=1\nrouter = r2 transport=rest "
                  "host_key=no api_login=md5 api_tls=no kex=A" QUIET,
        "F:3: [routers] router: r2: transport: expected auto, ssh, api, "
        "api-tls, radius or off\n"
        "F:3: [routers] router: r2: host_key: expected accept-new, strict or "
        "off\n"
        "F:3: [routers] router: r2: api_login: expected plain or challenge\n"
        "F:3: [routers] router: r2: api_tls: expected verify, anonymous or "
        "off\n"
        "F:3: [routers] router: r2: kex: expected names of small letters, "
        "digits and @ . - with a comma between them, without blanks\n");
}

static void
a_wrong_usual_value_is_told_once(void **state)
{
    (void)state;
    assert_errors("[routers]\nrouter = r1 port=1\ntransport = rest\nmacs = A\n"
                  "key_file = k" QUIET,
        "F:3: [routers] transport: expected auto, ssh, api, api-tls, radius or "
        "off\n"
        "F:4: [routers] macs: expected names of small letters, digits and @ . "
        "- with a comma between them, without blanks\n"
        "F:5: [routers] key_file: must be an absolute path\n");
}

/* ---- for a reader of our database ---- */

static struct loaded
load_database(const char *text)
{
    struct temp file = temp_text(text);
    struct loaded l = { .errors = bytes_make(100000) };

    l.good = settings_load_database(&l.s, file.path, &l.errors);
    unlink(file.path);
    shorten(&l.errors, file.path);
    return l;
}

static void
a_reader_does_not_mind_what_only_the_service_needs(void **state)
{
    static const char *const files[] = { "", "[smspilot]\napi_key =\n",
        "[notice]\ntime_zone = Mars/Olympus\n",
        "[service]\nlog_level = loud\ndoorbell = x\n", "[discounts]\nkey =\n",
        "[komtet]\nversion = v3\n", "[receipt]\nvat = x\n",
        "[callback]\non = yes\n", "[routers]\nkey_file = k\n",
        "[routers]\nrouter = r1 transport=rest\n" };

    (void)state;
    for (size_t i = 0; i < COUNT(files); i++) {
        struct loaded whole = load(files[i]);
        struct loaded l = load_database(files[i]);

        assert_false(whole.good);
        expect_text(files[i], bytes_text(&l.errors), "");
        assert_true(l.good);
        drop(&whole);
        drop(&l);
    }
}

static void
a_reader_is_told_of_keys_that_are_wrong(void **state)
{
    struct loaded l =
        load_database("[database]\nport = x\n[refund]\nchannels = pigeon\n");

    (void)state;
    assert_false(l.good);
    assert_string_equal(bytes_text(&l.errors),
        "F:2: [database] port: expected a whole number\n"
        "F:4: [refund] channels: expected smspilot, smsc and social, divided "
        "by commas, none twice\n");
    drop(&l);
}

static void
a_reader_is_told_of_a_missing_file(void **state)
{
    struct bytes errors = bytes_make(1000);
    struct settings s;

    (void)state;
    assert_false(settings_load_database(&s, "/nowhere/mbevd.ini", &errors));
    assert_string_equal(
        bytes_text(&errors), "/nowhere/mbevd.ini: No such file or directory\n");
    settings_free(&s);
    bytes_free(&errors);
}

static void
a_reader_knows_how_to_reach_our_database(void **state)
{
    struct loaded l = load_database("[database]\nhost = h\nport = 3307\n"
                                    "socket = /run/s\npassword = p\n"
                                    "events = e\nbilling = b\n");
    struct db_settings db = settings_database(&l.s);

    (void)state;
    assert_true(l.good);
    assert_string_equal(db.host, "h");
    assert_int_equal(db.port, 3307);
    assert_string_equal(db.socket, "/run/s");
    assert_string_equal(db.user, "mbev_service");
    assert_string_equal(db.password, "p");
    assert_string_equal(db.database, "e");
    drop(&l);
}

/* ---- the billing's own file ---- */

#define XML(host)                                                              \
    "<a><parameters><mysql><host>" host "</host><dbname>xml_db</dbname>"       \
    "<username>xml_user</username><password>xml_pass</password></mysql>"       \
    "</parameters></a>"

/* Loads a file with the given lines in [database], where config_xml has this
 * content. */
static struct loaded
load_with_xml(const char *xml, const char *database)
{
    struct temp file = temp_text(xml);
    struct loaded l;
    char text[500];

    snprintf(text, sizeof text, "[database]\n%sconfig_xml = %s" QUIET, database,
        file.path);
    l = load(text);
    unlink(file.path);
    return l;
}

static void
assert_database(struct loaded *l, const char *host, const char *user,
    const char *password, const char *billing)
{
    assert_string_equal(bytes_text(&l->errors), "");
    assert_true(l->good);
    assert_string_equal(l->s.database.host, host);
    assert_string_equal(l->s.database.user, user);
    assert_string_equal(l->s.database.password, password);
    assert_string_equal(l->s.database.billing, billing);
    drop(l);
}

static void
config_xml_fills_what_is_empty(void **state)
{
    struct loaded l = load_with_xml(XML("db.example.ru"), "");

    (void)state;
    assert_database(&l, "db.example.ru", "xml_user", "xml_pass", "xml_db");
}

static void
config_xml_fills_only_what_is_empty(void **state)
{
    struct loaded l = load_with_xml(XML("db.example.ru"),
        "host = h\nuser = u\npassword = p\nbilling = b\n");

    (void)state;
    assert_database(&l, "h", "u", "p", "b");
}

static void
its_password_is_not_for_another_user(void **state)
{
    struct loaded l = load_with_xml(XML("db.example.ru"), "user = u\n");

    (void)state;
    assert_database(&l, "db.example.ru", "u", "", "xml_db");
}

static void
its_localhost_means_the_socket(void **state)
{
    struct loaded l = load_with_xml(XML("localhost"), "");

    (void)state;
    assert_database(&l, "", "xml_user", "xml_pass", "xml_db");
}

static void
a_socket_of_ours_wins_over_its_host(void **state)
{
    struct loaded l = load_with_xml(XML("db.example.ru"), "socket = /run/s\n");

    (void)state;
    assert_database(&l, "", "xml_user", "xml_pass", "xml_db");
}

static void
what_it_leaves_empty_has_the_defaults(void **state)
{
    struct loaded l =
        load_with_xml("<a><parameters><mysql/></parameters></a>", "");

    (void)state;
    assert_database(&l, "", "mbev_service", "", "mikbill");
}

static void
a_config_xml_that_is_missing_is_told(void **state)
{
    (void)state;
    assert_errors("[database]\nconfig_xml = /nowhere/config.xml" QUIET,
        "F:2: [database] config_xml: the file cannot be read; check the path "
        "and its rights\n");
}

static void
a_config_xml_of_another_kind_is_told(void **state)
{
    struct loaded l = load_with_xml("<a/>", "");

    (void)state;
    assert_false(l.good);
    assert_string_equal(bytes_text(&l.errors),
        "F:2: [database] config_xml: the file has no parameters/mysql; is it "
        "MikBill's config.xml?\n");
    drop(&l);
}

/* ---- secrets ---- */

static void
assert_hidden(struct loaded *l)
{
    assert_false(l->good);
    assert_int_not_equal(l->errors.n, 0);
    if (strstr(bytes_text(&l->errors), "hunter2"))
        fail_msg("shown: %s", bytes_text(&l->errors));
    drop(l);
}

static void
secrets_are_not_shown_in_errors(void **state)
{
    static const char *const files[] = {
        "[database]\npassword = a\npassword = hunter2\n",
        "[smspilot]\napi_key = hunter2\napi_key = hunter2\n",
        "[smspilot]\napi_key hunter2\n",
        "[smspilot]\napikey = hunter2\n",
        "[database]\npasswd = hunter2\n",
        "[mysql]\npassword = hunter2\n",
        "password = hunter2\n",
        "[database]\npassword = hunter2\xFF\n",
        "[database]\nport = hunter2\n",
        "[database\npassword = hunter2\n",
        "[service]\nlog_level = hunter2\n",
        "[smsc]\npassword = a\npassword = hunter2\n",
        "[smsc]\napi_key = hunter2\napi_key = hunter2\n",
        "[smsc]\npsw = hunter2\n",
        "[refund]\nchannels = hunter2\n",
        "[refund]\nquiet = hunter2\n",
        "[bonus_topup]\npercent = hunter2\n",
        "[notice]\ntime_zone = hunter2\n",
        "[komtet]\nsecret = a\nsecret = hunter2\n",
        "[komtet]\nsecret hunter2\n",
        "[komtet]\nversion = hunter2\n",
        "[komtet]\nshop = hunter2\x01\n",
        "[komtet]\nqueue = hunter2?\n",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(files); i++) {
        struct loaded l = load(files[i]);

        assert_hidden(&l);
    }
}

static void
a_secret_behind_a_colon_is_not_shown(void **state)
{
    struct loaded l = load("[database]\npassword: hunter2==\n");

    (void)state;
    assert_hidden(&l);
}

static void
secrets_of_config_xml_are_not_shown(void **state)
{
    struct loaded l = load_with_xml(
        "<a><parameters><mysql><password>hunter2<&</password>", "");

    (void)state;
    assert_hidden(&l);
}

static void
passwords_and_keys_are_marked_secret(void **state)
{
    (void)state;
    for (size_t i = 0; i < settings_keys_n; i++) {
        const struct settings_key *k = &settings_keys[i];
        bool secret = strcmp(k->name, "password") == 0 ||
                      strcmp(k->name, "api_key") == 0 ||
                      strncmp(k->name, "secret", 6) == 0;

        expect_number(k->name, (k->traits & KEY_SECRET) != 0, secret);
    }
}

/* ---- events that are handed on ---- */

#define SIGNED "secret = whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n"

static void
a_webhook_is_encrypted_or_on_this_host(void **state)
{
    static const struct {
        const char *url;
        bool good;
    } rows[] = {
        { "https://example.org/in", true },
        { "http://127.0.0.1:8080/in", true },
        { "http://[::1]/in", true },
        { "http://localhost", true },
        { "http://example.org/in", false },
        { "http://localhost.example.org/", false },
        { "http://127.0.0.1@example.org/", false },
        { "http://127.0.0.1:80@example.org/", false },
        { "http://127.0.0.11/", false },
        { "ftp://example.org/", false },
        { "example.org", false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[300];
        struct loaded l;

        snprintf(text, sizeof text, QUIET "[webhook]\nurl = %s\n" SIGNED,
            rows[i].url);
        l = load(text);
        expect_number(rows[i].url, l.good, rows[i].good);
        drop(&l);
    }
}

static void
kinds_of_events_are_those_there_are(void **state)
{
    static const struct {
        const char *kinds;
        bool good;
    } rows[] = {
        { "all", true },
        { "payment", true },
        { "payment,refund , tariff_change", true },
        { "payments", false },
        { "payment;refund", false },
        { ",", false },
        { "", false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[200];
        struct loaded l;

        snprintf(
            text, sizeof text, QUIET "[webhook]\nkinds = %s\n", rows[i].kinds);
        l = load(text);
        expect_number(rows[i].kinds, l.good, rows[i].good);
        drop(&l);
    }
}

static void
kafka_is_for_who_has_built_it_in(void **state)
{
#ifdef MBEV_KAFKA
    struct loaded l = load(QUIET "[kafka]\nbrokers = localhost:9092\n");

    assert_true(l.good);
    drop(&l);
    assert_errors(QUIET "[kafka]\nbrokers = b:1\nsecurity = sasl_ssl\n",
        "F: [kafka] user: is empty but security is sasl\n"
        "F: [kafka] password: is empty but security is sasl\n");
#else
    struct loaded l = load(QUIET "[kafka]\nbrokers = localhost:9092\n");

    assert_false(l.good);
    assert_non_null(strstr(bytes_text(&l.errors),
        "[kafka] brokers: this mbevd was built without Kafka: build it with "
        "cmake -DMBEV_KAFKA=ON"));
    drop(&l);
#endif
    (void)state;
}

/* ---- who may read the file, and credentials ---- */

#define WITH_SECRET "[smspilot]\n\napi_key = hush\n"

static struct loaded
load_with_mode(const char *text, mode_t mode)
{
    struct temp file = temp_text(text);
    struct loaded l = { .errors = bytes_make(100000) };

    assert_int_equal(chmod(file.path, mode), 0);
    l.good = settings_load(&l.s, file.path, &l.errors);
    unlink(file.path);
    shorten(&l.errors, file.path);
    return l;
}

static void
a_secret_is_not_everybodys_to_read(void **state)
{
    struct loaded l = load_with_mode(WITH_SECRET, 0644);

    (void)state;
    assert_false(l.good);
    assert_string_equal(bytes_text(&l.errors),
        "F:3: [smspilot] api_key: everybody on this computer can read it; "
        "chown root:mbevd and chmod 640 the file, or keep it in a credential "
        "(@credential:NAME)\n");
    drop(&l);
}

static void
what_is_no_secret_may_be_read(void **state)
{
    static const struct {
        const char *text;
        mode_t mode;
    } rows[] = {
        { WITH_SECRET, 0600 },
        { WITH_SECRET, 0640 },
        { QUIET, 0644 },
        { "[smspilot]\napi_key =\n" QUIET, 0644 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct loaded l = load_with_mode(rows[i].text, rows[i].mode);

        expect_text(rows[i].text, bytes_text(&l.errors), "");
        drop(&l);
    }
}

static void
the_file_is_nobodys_to_write_but_its_owners(void **state)
{
    static const mode_t modes[] = { 0660, 0620, 0602, 0666, 0777 };

    (void)state;
    for (size_t i = 0; i < COUNT(modes); i++) {
        struct loaded l = load_with_mode(QUIET, modes[i]);

        expect_number("mode", modes[i], l.good ? 0 : modes[i]);
        assert_string_equal(bytes_text(&l.errors),
            "F: others than its owner can write it; chown root:mbevd and "
            "chmod 640 it\n");
        drop(&l);
    }
}

static char folder[] = "/tmp/mbev-unit-XXXXXX";

/* Lays a credential into the folder of them, or takes it away. */
static void
lay(const char *name, const char *secret)
{
    char path[128];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (!secret) {
        unlink(path);
        return;
    }
    f = fopen(path, "w");
    assert_non_null(f);
    fputs(secret, f);
    fclose(f);
}

static int
make_folder(void **state)
{
    (void)state;
    strcpy(strrchr(folder, '-'), "-XXXXXX");
    setenv("CREDENTIALS_DIRECTORY", mkdtemp(folder), 1);
    return 0;
}

static int
remove_folder(void **state)
{
    (void)state;
    unsetenv("CREDENTIALS_DIRECTORY");
    return rmdir(folder);
}

#define LONG_SECRET "hush, and nobody shall hear"

static void
every_secret_may_be_a_credential(void **state)
{
    (void)state;
    lay("one", LONG_SECRET "\n");
    for (size_t i = 0; i < settings_keys_n; i++) {
        const struct settings_key *k = &settings_keys[i];
        char text[200];
        struct loaded l;

        if (!(k->traits & KEY_SECRET))
            continue;
        snprintf(text, sizeof text, "[%s]\n%s = @credential:one\n" QUIET,
            k->section, k->name);
        l = load_with_mode(text, 0644);
        expect_text(k->name, bytes_text(&l.errors), "");
        expect_text(k->name, *(char **)((char *)&l.s + k->at), LONG_SECRET);
        drop(&l);
    }
    lay("one", NULL);
}

static void
a_credential_that_cannot_be_had_is_told_where_it_is_wanted(void **state)
{
    struct loaded l = load("[smsc]\npassword = @credential:two\n" QUIET);
    const char *errors = bytes_text(&l.errors);

    (void)state;
    assert_false(l.good);
    assert_memory_equal(errors, "F:2: [smsc] password: credential two: ", 38);
    assert_non_null(strstr(errors, "No such file or directory; the unit needs "
                                   "LoadCredential=two:FILE"));
    drop(&l);
}

static void
what_is_no_secret_is_no_credential(void **state)
{
    (void)state;
    assert_errors("[smspilot]\nsender = @credential:one\n" QUIET,
        "F:2: [smspilot] sender: only a secret can be a credential\n");
    assert_errors("[payment]\ntext = @credential:one\nsms = no\n",
        "F:2: [payment] text: only a secret can be a credential\n");
}

/* ---- settings that replace others ---- */

/* What was told of keys that differ. */
static struct bytes differences;

static void
on_difference(void *arg, const struct settings_key *key, const void *before,
    const void *now, bool stays)
{
    assert_null(arg);
    bytes_printf(&differences, "%s %s: ", key->section, key->name);
    settings_print(&differences, key, before);
    bytes_str(&differences, " > ");
    settings_print(&differences, key, now);
    bytes_str(&differences, stays ? " stays\n" : "\n");
}

/* Reads both and lets the second one replace the first. */
static void
replace(struct loaded *before, struct loaded *now)
{
    differences = bytes_make(100000);
    settings_replace(&before->s, &now->s, on_difference, NULL);
}

static void
assert_differences(const char *before, const char *now, const char *want)
{
    struct loaded a = load_good(before), b = load_good(now);

    replace(&a, &b);
    assert_string_equal(bytes_text(&differences), want);
    bytes_free(&differences);
    drop(&a);
    drop(&b);
}

static void
the_same_again_differs_in_nothing(void **state)
{
    static const char text[] = "[routers]\nrouter = 10.0.0.1 port=1\n" QUIET;

    (void)state;
    assert_differences(QUIET, QUIET, "");
    assert_differences(text, text, "");
}

static void
each_type_of_value_is_compared_and_shown(void **state)
{
    (void)state;
    assert_differences("[payment]\nsms = no\n",
        "[smspilot]\nsender = X\nconnections = 5\ntimeout = 90 s\n"
        "connect_timeout = 150 ms\n"
        "[smsc]\nurl = http://a\nurl = http://b\n"
        "[payment]\nsms = no\nsocial = no\nminimum = 12.50\ntext = {login}\n"
        "ending = a\nending = b\nchannels = smsc,smspilot\n"
        "quiet = 23:00-07:30\n"
        "[bonus_topup]\non = yes\npercent = 2.5\n",
        "smspilot sender: INFORM > X\n"
        "smspilot connections: 4 > 5\n"
        "smspilot connect_timeout: 10 s > 150 ms\n"
        "smspilot timeout: 20 s > 90 s\n"
        "smsc url: https://smsc.ru/sys | https://www2.smsc.ru/sys > "
        "http://a | http://b\n"
        "payment channels: smspilot > smsc,smspilot\n"
        "payment minimum: 10.00 > 12.50\n"
        "payment quiet: no > 23:00-07:30\n"
        "payment text: Платёж {amount} {currency}. зачислен на счёт {login}. "
        "{ending} > {login}\n"
        "payment ending: Спасибо, что вы с нами! | Благодарим за оплату! | "
        "Спасибо за оплату! > a | b\n"
        "bonus_topup on: no > yes\n"
        "bonus_topup percent: 5.00 > 2.50\n");
}

static void
a_list_that_is_longer_or_shorter_differs(void **state)
{
    (void)state;
    assert_differences("[smsc]\nurl = http://a\n" QUIET,
        "[smsc]\nurl = http://a\nurl = http://b\n" QUIET,
        "smsc url: http://a > http://a | http://b\n");
    assert_differences("[routers]\nrouter = 10.0.0.1 port=1\n" QUIET, QUIET,
        "routers router: 10.0.0.1 port=1 > \n");
}

static void
a_secret_that_differs_is_not_shown(void **state)
{
    (void)state;
    assert_differences("[smsc]\npassword = hush\n" QUIET,
        "[smsc]\npassword = hushed\n" QUIET,
        "smsc password: (secret) > (secret)\n");
}

static void
what_needs_a_restart_keeps_its_value_and_its_place(void **state)
{
    struct loaded a = load_good("[service]\nstate_dir = /a\nbatch = 1\n"
                                "[database]\nport = 1\n" QUIET),
                  b = load_good("[service]\nstate_dir = /b\nbatch = 2\n"
                                "[database]\nport = 2\n" QUIET),
                  c = load_good(QUIET);
    const char *folder_at = a.s.service.state_dir;
    const char *name = a.s.database.billing; /* is the same everywhere */

    (void)state;
    replace(&a, &b);
    assert_string_equal(bytes_text(&differences),
        "database port: 1 > 2 stays\n"
        "service state_dir: /a > /b stays\n"
        "service batch: 1 > 2\n");
    bytes_free(&differences);
    assert_int_equal(b.s.service.batch, 2);
    assert_int_equal(b.s.database.port, 1);
    drop(&a);
    replace(&b, &c);
    bytes_free(&differences);
    drop(&b);
    assert_ptr_equal(c.s.service.state_dir, folder_at);
    assert_string_equal(folder_at, "/a");
    assert_ptr_equal(c.s.database.billing, name);
    assert_string_equal(name, "mikbill");
    drop(&c);
}

static void
only_what_is_opened_at_the_start_needs_a_restart(void **state)
{
    (void)state;
    for (size_t i = 0; i < settings_keys_n; i++) {
        const struct settings_key *k = &settings_keys[i];
        bool opened = strcmp(k->section, "database") == 0 ||
                      strcmp(k->name, "doorbell") == 0 ||
                      strcmp(k->name, "state_dir") == 0 ||
                      strcmp(k->name, "control") == 0 ||
                      strcmp(k->name, "status_address") == 0 ||
                      strcmp(k->name, "known_hosts") == 0;

        expect_number(k->name, (k->traits & KEY_RESTART) != 0, opened);
    }
}

/* ---- the sample ---- */

static struct bytes
sample(void)
{
    struct bytes out = bytes_make(1 << 20);

    settings_sample(&out);
    assert_true(bytes_ok(&out));
    return out;
}

/* In a build with other folders the defaults are others. */
static void
skip_with_other_folders(void)
{
    if (strcmp(MBEV_DOORBELL, "/run/mikbill-events/doorbell") != 0 ||
        strcmp(MBEV_STATE_DIR, "/var/lib/mikbill-events") != 0)
        skip();
}

static void
the_sample_is_the_file_we_ship(void **state)
{
    static char shipped[1 << 20];
    struct bytes out = sample();
    FILE *f = fopen(MBEV_SOURCE_DIR "/conf/mbevd.ini", "r");
    size_t n;

    (void)state;
    assert_non_null(f);
    n = fread(shipped, 1, sizeof shipped - 1, f);
    fclose(f);
    shipped[n] = '\0';
    skip_with_other_folders();
    assert_string_equal(bytes_text(&out), shipped);
    bytes_free(&out);
}

static void
assert_same(const struct settings *a, const struct settings *b,
    const struct settings_key *k)
{
    const void *at = (const char *)a + k->at, *bt = (const char *)b + k->at;
    const struct text_list *as = at, *bs = bt;

    switch (k->type) {
    case KEY_TEXT:
    case KEY_TEMPLATE:
        expect_text(k->name, *(char *const *)at, *(char *const *)bt);
        break;
    case KEY_TEXTS:
    case KEY_LIST:
        /* "ending =" is one text that is empty: as good as none. */
        if (!*k->preset) {
            expect_number(k->name, as->n, 1);
            expect_text(k->name, as->text[0], "");
            expect_number(k->name, bs->n, 0);
            break;
        }
        expect_number(k->name, as->n, bs->n);
        for (size_t i = 0; i < as->n; i++)
            expect_text(k->name, as->text[i], bs->text[i]);
        break;
    case KEY_BOOL:
        expect_number(k->name, *(const bool *)at, *(const bool *)bt);
        break;
    case KEY_NUMBER:
    case KEY_DURATION:
    case KEY_MONEY:
    case KEY_PERCENT:
        expect_number(k->name, *(const int64_t *)at, *(const int64_t *)bt);
        break;
    case KEY_ROUTE:
        assert_memory_equal(at, bt, sizeof(struct route));
        break;
    case KEY_HOURS:
        assert_memory_equal(at, bt, sizeof(struct hours));
        break;
    }
}

static void
the_sample_read_again_gives_the_defaults(void **state)
{
    struct bytes out = sample();
    struct loaded empty = load("");
    struct loaded read = load(bytes_text(&out));

    (void)state;
    assert_false(read.good);
    assert_non_null(strstr(bytes_text(&read.errors), "[smspilot] api_key: "));
    assert_ptr_equal(strchr(bytes_text(&read.errors), '\n'),
        bytes_text(&read.errors) + read.errors.n - 1);
    for (size_t i = 0; i < settings_keys_n; i++)
        assert_same(&read.s, &empty.s, &settings_keys[i]);
    drop(&empty);
    drop(&read);
    bytes_free(&out);
}

static void
the_sample_with_a_key_is_good(void **state)
{
    struct bytes out = sample(), changed = bytes_make(1 << 20);
    const char *text = bytes_text(&out);
    const char *at = strstr(text, "\napi_key =\n");
    struct loaded l;

    (void)state;
    assert_non_null(at);
    at += strlen("\napi_key =");
    bytes_add(&changed, text, (size_t)(at - text));
    bytes_printf(&changed, " KEY%s", at);
    l = load_good(bytes_text(&changed));
    assert_string_equal(l.s.smspilot.api_key, "KEY");
    drop(&l);
    bytes_free(&out);
    bytes_free(&changed);
}

/* ---- the table of keys ---- */

static const struct settings_key *
find_key(const char *section, const char *name)
{
    for (size_t i = 0; i < settings_keys_n; i++)
        if (strcmp(settings_keys[i].section, section) == 0 &&
            strcmp(settings_keys[i].name, name) == 0)
            return &settings_keys[i];
    return NULL;
}

static void
no_key_and_no_place_stands_there_twice(void **state)
{
    (void)state;
    for (size_t i = 0; i < settings_keys_n; i++) {
        const struct settings_key *k = &settings_keys[i];

        assert_ptr_equal(find_key(k->section, k->name), k);
        for (size_t j = 0; j < i; j++)
            if (settings_keys[j].at == k->at)
                fail_msg("[%s] %s and [%s] %s are one", k->section, k->name,
                    settings_keys[j].section, settings_keys[j].name);
    }
}

static void
sections_and_keys_belong_together(void **state)
{
    (void)state;
    for (size_t i = 0; i < settings_keys_n; i++) {
        size_t known = 0;

        for (size_t j = 0; j < settings_sections_n; j++)
            known += strcmp(settings_sections[j].name,
                         settings_keys[i].section) == 0;
        expect_number(settings_keys[i].section, known, 1);
    }
    for (size_t j = 0; j < settings_sections_n; j++) {
        size_t keys = 0;

        for (size_t i = 0; i < settings_keys_n; i++)
            keys += strcmp(settings_sections[j].name,
                        settings_keys[i].section) == 0;
        if (keys == 0)
            fail_msg("[%s] has no key", settings_sections[j].name);
    }
}

static void
every_notice_has_a_section_with_the_same_keys(void **state)
{
    static const char *const names[] = { "sms", "channels", "social",
        "social_channels", "after", "quiet", "text", "social_text", "ending" };

    (void)state;
    for (enum notice_kind kind = 0; kind < NOTICES; kind++) {
        const char *section = settings_notice_name(kind);
        size_t from = offsetof(struct settings, notices) +
                      kind * sizeof(struct notice_settings);

        for (size_t i = 0; i < COUNT(names); i++) {
            const struct settings_key *k = find_key(section, names[i]);

            if (!k)
                fail_msg("[%s] has no %s", section, names[i]);
            expect_number(section,
                k->at >= from && k->at < from + sizeof(struct notice_settings),
                true);
        }
    }
}

static void
every_key_and_section_is_explained(void **state)
{
    (void)state;
    for (size_t i = 0; i < settings_keys_n; i++)
        expect_number(
            settings_keys[i].name, strlen(settings_keys[i].help) > 0, true);
    for (size_t i = 0; i < settings_sections_n; i++)
        expect_number(settings_sections[i].name,
            strlen(settings_sections[i].help) > 0, true);
}

static void
freeing_twice_does_no_harm(void **state)
{
    struct loaded l = load_good("[routers]\nrouter = r1 port=1" QUIET);

    (void)state;
    settings_free(&l.s);
    assert_null(l.s.database.host);
    assert_int_equal(l.s.notices[NOTICE_PAYMENT].ending.n, 0);
    assert_int_equal(l.s.smsc.url.n, 0);
    assert_int_equal(l.s.discounts.keys.n, 0);
    assert_int_equal(l.s.routers.lines.n, 0);
    assert_int_equal(l.s.routers.special_n, 0);
    drop(&l);
}

#define with_folder(test)                                                      \
    cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_settings_the_defaults_hold),
        cmocka_unit_test(the_defaults_of_the_rules_are_those_agreed_on),
        cmocka_unit_test(the_defaults_of_smsc_are_those_of_its_sheet),
        cmocka_unit_test(the_defaults_of_bonuses_are_those_of_the_kit),
        cmocka_unit_test(
            the_default_discounts_are_those_of_the_kit_in_its_order),
        cmocka_unit_test(the_defaults_of_komtet_are_those_of_its_sheet),
        cmocka_unit_test(nobody_gets_a_receipt_by_default),
        cmocka_unit_test(what_a_receipt_says_by_default_is_what_the_kit_said),
        cmocka_unit_test(nobody_listens_for_callbacks_by_default),
        cmocka_unit_test(only_payments_are_announced_by_default),
        cmocka_unit_test(values_of_every_type_are_taken),
        cmocka_unit_test(durations_have_four_units),
        cmocka_unit_test(yes_and_no_have_four_words_each),
        cmocka_unit_test(bounds_themselves_are_allowed),
        cmocka_unit_test(a_repeated_ending_replaces_the_defaults),
        cmocka_unit_test(one_ending_replaces_all_the_defaults),
        cmocka_unit_test(the_same_key_of_two_notices_is_two_keys),
        cmocka_unit_test(percentages_have_up_to_two_decimals),
        cmocka_unit_test(each_year_of_loyalty_has_its_percentage),
        cmocka_unit_test(routes_keep_their_order),
        cmocka_unit_test(hours_are_from_and_until_a_minute),
        cmocka_unit_test(a_repeated_address_replaces_the_defaults),
        cmocka_unit_test(amounts_have_bounds_of_their_own),
        cmocka_unit_test(a_bad_number_is_told),
        cmocka_unit_test(a_number_out_of_bounds_is_told),
        cmocka_unit_test(a_bad_duration_is_told),
        cmocka_unit_test(a_notice_must_outlive_its_quiet_hours),
        cmocka_unit_test(a_bad_unit_is_told),
        cmocka_unit_test(a_duration_out_of_bounds_is_told),
        cmocka_unit_test(days_are_kept_three_at_least_or_for_ever),
        cmocka_unit_test(a_bad_amount_is_told),
        cmocka_unit_test(an_amount_out_of_bounds_is_told),
        cmocka_unit_test(a_bad_percentage_is_told),
        cmocka_unit_test(a_percentage_out_of_bounds_is_told),
        cmocka_unit_test(a_category_of_a_bonus_is_below_zero),
        cmocka_unit_test(a_bad_route_is_told),
        cmocka_unit_test(bad_hours_are_told),
        cmocka_unit_test(a_bad_offset_of_smspilot_is_told),
        cmocka_unit_test(a_bad_yes_or_no_is_told),
        cmocka_unit_test(a_bad_template_is_told),
        cmocka_unit_test(each_notice_has_its_own_fields),
        cmocka_unit_test(a_bad_ending_is_told),
        cmocka_unit_test(an_unknown_key_is_told),
        cmocka_unit_test(a_very_long_unknown_key_is_cut),
        cmocka_unit_test(a_key_of_another_section_is_told),
        cmocka_unit_test(an_unknown_section_is_told),
        cmocka_unit_test(a_key_set_twice_is_told),
        cmocka_unit_test(a_line_of_no_known_form_is_told),
        cmocka_unit_test(everything_that_is_wrong_is_told_at_once),
        cmocka_unit_test(a_missing_file_is_told),
        cmocka_unit_test(more_errors_than_fit_are_errors),
        cmocka_unit_test(sms_without_a_key_is_told),
        cmocka_unit_test(each_notice_that_is_on_needs_its_provider),
        cmocka_unit_test(a_provider_of_reserve_is_needed_too),
        cmocka_unit_test(what_is_switched_off_needs_no_provider),
        cmocka_unit_test(the_first_notice_that_needs_it_is_named),
        cmocka_unit_test(smsc_needs_login_and_password_or_a_key),
        cmocka_unit_test(an_address_of_smsc_that_is_none_is_told),
        cmocka_unit_test(five_addresses_of_smsc_are_too_many),
        cmocka_unit_test(the_form_of_smscs_numbers_is_text_or_number),
        cmocka_unit_test(more_connections_than_smsc_allows_are_told),
        cmocka_unit_test(a_way_without_channels_is_told),
        cmocka_unit_test(a_notice_without_text_is_told),
        cmocka_unit_test(a_zone_that_is_none_is_told),
        cmocka_unit_test(the_origin_of_a_tariff_is_subscriber_or_staff),
        cmocka_unit_test(an_empty_key_of_a_discount_is_told),
        cmocka_unit_test(an_address_that_is_none_is_told),
        cmocka_unit_test(a_longest_pause_below_the_first_is_told),
        cmocka_unit_test(a_log_level_that_is_none_is_told),
        cmocka_unit_test(paths_must_be_absolute),
        cmocka_unit_test(paths_must_not_be_too_long),
        cmocka_unit_test(receipts_may_wait_for_an_account),
        cmocka_unit_test(an_address_of_komtet_that_is_none_is_told),
        cmocka_unit_test(an_address_to_sign_is_one_or_empty),
        cmocka_unit_test(an_address_for_callbacks_is_one_or_empty),
        cmocka_unit_test(komtets_interface_has_two_versions),
        cmocka_unit_test(a_shop_that_fits_into_no_header_is_told),
        cmocka_unit_test(a_queue_that_fits_into_no_path_is_told),
        cmocka_unit_test(more_than_komtet_can_take_is_told),
        cmocka_unit_test(a_longest_pause_of_receipts_below_the_first_is_told),
        cmocka_unit_test(a_prefix_that_fits_into_no_number_is_told),
        cmocka_unit_test(the_table_of_receipts_is_that_of_either_kit),
        cmocka_unit_test(a_tax_system_that_is_none_is_told),
        cmocka_unit_test(a_rate_of_vat_that_can_be_none_is_told),
        cmocka_unit_test(a_payment_is_of_one_of_komtets_types),
        cmocka_unit_test(a_payment_is_by_one_of_komtets_methods),
        cmocka_unit_test(a_subject_that_can_be_none_is_told),
        cmocka_unit_test(a_measure_out_of_bounds_is_told),
        cmocka_unit_test(a_receipt_must_say_what_was_paid),
        cmocka_unit_test(a_receipt_of_version_2_needs_a_place),
        cmocka_unit_test(the_inn_of_a_cashier_is_required_or_optional),
        cmocka_unit_test(the_number_of_a_receipt_has_two_names),
        cmocka_unit_test(a_callback_is_listened_for_at_an_address_in_numbers),
        cmocka_unit_test(the_path_of_a_callback_begins_with_a_slash),
        cmocka_unit_test(a_callback_is_signed_for_a_public_address),
        cmocka_unit_test(a_port_or_rate_of_callbacks_out_of_bounds_is_told),
        cmocka_unit_test(callbacks_that_are_off_need_nothing),
        cmocka_unit_test(no_session_is_ended_by_default),
        cmocka_unit_test(the_defaults_of_a_router_suit_most),
        cmocka_unit_test(the_defaults_of_all_routers_are_those_agreed_on),
        cmocka_unit_test(each_kind_of_change_has_a_switch_of_its_own),
        cmocka_unit_test(a_session_is_ended_on_all_routers_or_where_it_is),
        cmocka_unit_test(
            who_is_online_is_needed_to_choose_a_router_or_to_name_a_session),
        cmocka_unit_test(words_that_no_router_understands_are_told),
        cmocka_unit_test(numbers_of_routers_out_of_bounds_are_told),
        cmocka_unit_test(a_kind_of_router_that_is_empty_is_told),
        cmocka_unit_test(algorithms_are_names_with_commas_between),
        cmocka_unit_test(our_side_is_bound_to_an_address_in_numbers),
        cmocka_unit_test(a_longest_pause_of_routers_below_the_first_is_told),
        cmocka_unit_test(resets_without_any_way_to_a_router_are_told),
        cmocka_unit_test(tries_of_radius_that_do_not_fit_its_time_are_told),
        cmocka_unit_test(a_private_key_is_ours_alone),
        cmocka_unit_test(a_private_key_that_cannot_be_read_is_told),
        cmocka_unit_test(known_keys_may_be_missing_but_not_out_of_reach),
        cmocka_unit_test(an_exception_differs_in_what_it_names),
        cmocka_unit_test(an_exception_may_name_every_key_of_a_router),
        cmocka_unit_test(a_router_without_an_exception_is_usual),
        cmocka_unit_test(an_exception_of_no_known_form_is_told),
        cmocka_unit_test(two_exceptions_for_one_router_are_told),
        cmocka_unit_test(a_wrong_value_of_an_exception_is_told_where_it_stands),
        cmocka_unit_test(a_wrong_usual_value_is_told_once),
        cmocka_unit_test(a_reader_does_not_mind_what_only_the_service_needs),
        cmocka_unit_test(a_reader_is_told_of_keys_that_are_wrong),
        cmocka_unit_test(a_reader_is_told_of_a_missing_file),
        cmocka_unit_test(a_reader_knows_how_to_reach_our_database),
        cmocka_unit_test(config_xml_fills_what_is_empty),
        cmocka_unit_test(config_xml_fills_only_what_is_empty),
        cmocka_unit_test(its_password_is_not_for_another_user),
        cmocka_unit_test(its_localhost_means_the_socket),
        cmocka_unit_test(a_socket_of_ours_wins_over_its_host),
        cmocka_unit_test(what_it_leaves_empty_has_the_defaults),
        cmocka_unit_test(a_config_xml_that_is_missing_is_told),
        cmocka_unit_test(a_config_xml_of_another_kind_is_told),
        cmocka_unit_test(secrets_are_not_shown_in_errors),
        cmocka_unit_test(a_secret_behind_a_colon_is_not_shown),
        cmocka_unit_test(secrets_of_config_xml_are_not_shown),
        cmocka_unit_test(passwords_and_keys_are_marked_secret),
        cmocka_unit_test(a_secret_is_not_everybodys_to_read),
        cmocka_unit_test(what_is_no_secret_may_be_read),
        cmocka_unit_test(the_file_is_nobodys_to_write_but_its_owners),
        cmocka_unit_test(a_webhook_is_encrypted_or_on_this_host),
        cmocka_unit_test(kinds_of_events_are_those_there_are),
        cmocka_unit_test(kafka_is_for_who_has_built_it_in),
        with_folder(every_secret_may_be_a_credential),
        with_folder(a_credential_that_cannot_be_had_is_told_where_it_is_wanted),
        with_folder(what_is_no_secret_is_no_credential),
        cmocka_unit_test(the_same_again_differs_in_nothing),
        cmocka_unit_test(each_type_of_value_is_compared_and_shown),
        cmocka_unit_test(a_list_that_is_longer_or_shorter_differs),
        cmocka_unit_test(a_secret_that_differs_is_not_shown),
        cmocka_unit_test(what_needs_a_restart_keeps_its_value_and_its_place),
        cmocka_unit_test(only_what_is_opened_at_the_start_needs_a_restart),
        cmocka_unit_test(the_sample_is_the_file_we_ship),
        cmocka_unit_test(the_sample_read_again_gives_the_defaults),
        cmocka_unit_test(the_sample_with_a_key_is_good),
        cmocka_unit_test(no_key_and_no_place_stands_there_twice),
        cmocka_unit_test(sections_and_keys_belong_together),
        cmocka_unit_test(every_notice_has_a_section_with_the_same_keys),
        cmocka_unit_test(every_key_and_section_is_explained),
        cmocka_unit_test(freeing_twice_does_no_harm),
    };

    return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
