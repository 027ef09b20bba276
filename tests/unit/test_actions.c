/* actions: what can be done about an event, and the deliveries it makes. */
#include "unit.h"

#include "sql.h"

#include "actions/action.h"
#include "dry.h"
#include "rules/bonus.h"
#include "rules/decision.h"

/* ---- scenes ---- */

#define NOON_US 1795505400000000LL /* 2026-11-24 12:30 in Yekaterinburg */

static const int64_t HOUR_US = 3600LL * 1000000;

static const struct zone yekaterinburg = { .span = { { INT64_MIN, 5 * 3600 } },
    .n = 1 };

enum { MOST_API = 3 };

/* All that a decision depends on, and the deliveries that it made. */
struct scene {
    struct settings set;
    struct billing billing;
    struct event event;
    uint64_t event_id;
    struct subscriber sub;
    struct api_row api[MOST_API];
    size_t api_n;
    enum origin origin;
    int64_t age_ms;
    int64_t wall_us;
    char mark[BONUS_MARK];
    struct delivery_list list;
};

static struct civil
civil(const char *text)
{
    struct civil c;

    assert_true(civil_parse(&c, text));
    return c;
}

static struct settings
settings_make(void)
{
    static char *keys[] = { "ext_discount_global", "ext_discount_subs" };
    struct settings set = {
        .billing = { .moved_subscribers = true,
            .backdated_ms = 3600000,
            .backdated_money = true,
            .api_settle_ms = 15000,
            .api_window_ms = 10000,
            .api_wait_ms = 120000 },
        .company = { .name = "",
            .site = "",
            .cabinet = "",
            .phone = "",
            .signature = "",
            .currency = "руб" },
        .notice = { .expire_ms = 86400000 },
        .bonus_topup = { .on = true,
            .minimum_kopecks = 200000,
            .percent = { 500 },
            .least_kopecks = 1000,
            .most_kopecks = 30000,
            .category = -1,
            .name = "Bonuses",
            .comment = "For 2000" },
        .bonus_loyalty = { .on = true,
            .percent = { 300, 500, 1000 },
            .least_kopecks = 1000,
            .category = -3,
            .name = "Loyalty",
            .comment = "For years" },
        .discounts = { .on = { [EVENT_TARIFF_CHANGE] = true },
            .after_ms = 500,
            .keys = { keys, 2 } },
    };

    for (enum notice_kind kind = 0; kind < NOTICES; kind++)
        set.notices[kind] = (struct notice_settings){
            .sms = true,
            .social = true,
            .sms_route = { { CHANNEL_SMSPILOT }, 1 },
            .social_route = { { CHANNEL_SOCIAL }, 1 },
            .limit_kopecks = 1000,
            .text = "{login}: {amount} {currency}",
            .social_text = "",
        };
    return set;
}

/* An active subscriber of five years, who pays 2000 roubles with nothing on
 * the account: both bonuses are earned, two discounts are set. */
static struct scene
scene_of(enum event_kind kind)
{
    return (struct scene){
        .set = settings_make(),
        .billing = { .name = "mikbill",
            .has_packets = true,
            .has_fields = true,
            .has_api = true,
            .has_logs = true,
            .locks_at_once = true,
            .undoable = true },
        .event = { .kind = kind,
            .uid = 1001,
            .row_id = 501,
            .kopecks = 200000,
            .millionths = 2000000000,
            .date = civil("2026-11-24 12:29:55"),
            .source_key = "payment:bugh_plategi_stat:501:1001" },
        .event_id = 9,
        .sub = { .uid = 1001,
            .place = PLACE_USERS,
            .login = "abonent1",
            .sms_tel = "8 (900) 123-45-67",
            .gid = 7,
            .credit_kopecks = 30000,
            .tariff = { .known = true,
                .name = "Home",
                .fee_millionths = 500000000 },
            .removable = 2,
            .contract = civil("2021-01-15") },
        .wall_us = NOON_US,
    };
}

static struct scene
scene_make(void)
{
    return scene_of(EVENT_PAYMENT);
}

/* Adds a row of addons_pay_api, touched when the payment was made. */
static struct api_row *
add_api(struct scene *s, int64_t category, int64_t status, int64_t millionths)
{
    struct api_row *row = &s->api[s->api_n++];

    *row = (struct api_row){ .id = 69 + s->api_n,
        .uid = 1001,
        .category = category,
        .status = status,
        .millionths = millionths,
        .updated = s->event.date,
        .comment = "",
        .mark = "" };
    return row;
}

static struct facts
facts_of(const struct scene *s)
{
    return (struct facts){ .event = &s->event,
        .event_id = s->event_id,
        .sub = &s->sub,
        .captured = civil("2026-11-24 12:30:00"),
        .age_ms = s->age_ms,
        .api = s->api,
        .api_n = s->api_n,
        .origin = s->origin,
        .wall_us = s->wall_us,
        .zone = &yekaterinburg };
}

static void
decide(struct scene *s, const struct action *action)
{
    struct facts facts = facts_of(s);

    assert_true(action->decide(&s->list, &facts, &s->set, &s->billing));
    assert_non_null(s->list.first);
}

static bool
needs_api(const struct scene *s, const struct action *action)
{
    struct facts facts = facts_of(s);

    return action->needs_api(&facts, &s->set);
}

static void
drop(struct scene *s)
{
    delivery_drop_all(&s->list);
}

/* The one delivery that was made. */
static const struct delivery *
decide_one(struct scene *s, const struct action *action)
{
    drop(s);
    decide(s, action);
    assert_int_equal(s->list.n, 1);
    assert_string_equal(s->list.first->action, action->name);
    assert_int_equal(s->list.first->receiver, 0);
    return s->list.first;
}

/* Nothing is done, and why. */
static void
assert_refused(struct scene *s, const struct action *action,
    enum delivery_state state, const char *reason)
{
    const struct delivery *d = decide_one(s, action);

    expect_text(action->name, d->reason, reason);
    expect_text(action->name, delivery_state_name(d->state),
        delivery_state_name(state));
    assert_int_equal(d->lane, LANE_DECIDE);
    assert_int_equal(d->route.n, 0);
    assert_null(d->payload);
    assert_string_equal(d->address, "");
    drop(s);
}

static void
assert_skipped(struct scene *s, const struct action *action, const char *reason)
{
    assert_refused(s, action, DELIVERY_SKIPPED, reason);
}

static void
assert_waits(struct scene *s, const struct action *action, const char *reason)
{
    assert_refused(s, action, DELIVERY_READY, reason);
    assert_null(decide_one(s, action)->effect);
    assert_true(decide_one(s, action)->delay_us > 0);
}

/* ---- the list of actions ---- */

static void
actions_stand_in_the_order_of_their_work(void **state)
{
    static const char *const names[] = { "sms", "social", "receipt",
        "bonus_topup", "bonus_loyalty", "discount_remove", "session_reset",
        "exec", "webhook", "kafka" };

    (void)state;
    assert_int_equal(ACTIONS, COUNT(names));
    for (size_t i = 0; i < COUNT(names); i++)
        assert_string_equal(actions[i]->name, names[i]);
}

static void
an_action_is_found_by_its_name_only(void **state)
{
    static const char *const others[] = { "", "SMS", "sms ", "sm", "smsc",
        "bonus", "discount" };

    (void)state;
    for (size_t i = 0; i < ACTIONS; i++)
        assert_ptr_equal(action_find(actions[i]->name), actions[i]);
    for (size_t i = 0; i < COUNT(others); i++)
        if (action_find(others[i]))
            fail_msg("\"%s\" is found", others[i]);
}

static void
only_messages_leave_the_billing_alone(void **state)
{
    (void)state;
    assert_false(action_sms.in_billing);
    assert_false(action_social.in_billing);
    assert_true(action_receipt.in_billing);
    assert_true(action_bonus_topup.in_billing);
    assert_true(action_bonus_loyalty.in_billing);
    assert_true(action_discount_remove.in_billing);
}

static void
only_what_depends_on_the_last_decision_is_decided_alone(void **state)
{
    (void)state;
    assert_false(action_sms.one_by_one);
    assert_false(action_social.one_by_one);
    assert_false(action_receipt.one_by_one);
    assert_true(action_bonus_topup.one_by_one);
    assert_true(action_bonus_loyalty.one_by_one);
    assert_true(action_discount_remove.one_by_one);
}

static void
keys_of_every_action_have_room_for_the_longest_event(void **state)
{
    char identity[EVENT_KEY + 1], tail[40];

    (void)state;
    memset(identity, 'x', sizeof identity - 1);
    identity[sizeof identity - 1] = '\0';
    for (size_t i = 0; i < ACTIONS; i++) {
        struct delivery *d = delivery_make(actions[i]->name, NULL);

        assert_non_null(d);
        d->receiver = 99;
        delivery_set_key(d, identity);
        snprintf(tail, sizeof tail, "|%s|99", actions[i]->name);
        expect_text(tail, d->key + EVENT_KEY, tail);
        delivery_free(d);
    }
}

/* ---- what is not done ---- */

static void
every_verdict_but_do_has_its_state(void **state)
{
    static const struct {
        enum verdict verdict;
        enum delivery_state state;
        int64_t delay_us;
    } rows[] = {
        { VERDICT_SKIP, DELIVERY_SKIPPED, 0 },
        { VERDICT_WAIT, DELIVERY_READY, 10000000 },
        { VERDICT_ASK, DELIVERY_DOUBTFUL, 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct decision decision = { 0 };
        struct delivery_list list = { 0 };
        const struct delivery *d;

        decision_set(&decision, rows[i].verdict, "because of %d", 42);
        assert_true(action_refuse(&list, &action_bonus_topup, &decision));
        assert_int_equal(list.n, 1);
        d = list.first;
        assert_string_equal(d->action, "bonus_topup");
        assert_string_equal(d->reason, "because of 42");
        assert_int_equal(d->state, rows[i].state);
        assert_int_equal(d->lane, LANE_DECIDE);
        assert_int_equal(d->delay_us, rows[i].delay_us);
        assert_null(d->payload);
        assert_null(d->effect);
        delivery_drop_all(&list);
    }
}

static void
the_longest_reason_is_kept_whole(void **state)
{
    struct decision decision = { 0 };
    struct delivery_list list = { 0 };

    (void)state;
    decision_skip(&decision, "%0*d", DECISION_REASON + 50, 7);
    assert_int_equal(strlen(decision.reason), DECISION_REASON - 1);
    assert_true(action_refuse(&list, &action_sms, &decision));
    assert_string_equal(list.first->reason, decision.reason);
    delivery_drop_all(&list);
}

/* ---- routing ---- */

static const enum event_kind events[NOTICES] = {
    [NOTICE_PAYMENT] = EVENT_PAYMENT,
    [NOTICE_REFUND] = EVENT_REFUND,
    [NOTICE_API_PAYMENT] = EVENT_API_PAYMENT,
    [NOTICE_API_REFUND] = EVENT_API_REFUND,
    [NOTICE_CREDIT] = EVENT_CREDIT,
    [NOTICE_CREDIT_LIMIT] = EVENT_CREDIT_LIMIT,
    [NOTICE_TARIFF_CHANGE] = EVENT_TARIFF_CHANGE,
    [NOTICE_TARIFF_BY_STAFF] = EVENT_TARIFF_CHANGE,
    [NOTICE_FREEZE] = EVENT_FREEZE,
    [NOTICE_UNFREEZE] = EVENT_UNFREEZE,
    [NOTICE_BLOCK] = EVENT_BLOCK,
    [NOTICE_UNBLOCK] = EVENT_UNBLOCK,
    [NOTICE_DELETE] = EVENT_DELETE,
    [NOTICE_REAL_IP] = EVENT_REAL_IP,
};

/* Which kinds of event an action is for, and no others. */
static void
assert_routed(const struct action *action, const struct settings *set,
    const enum event_kind *want, size_t n)
{
    for (enum event_kind kind = 0; kind <= EVENT_KINDS; kind++) {
        bool routed = false;

        for (size_t i = 0; i < n; i++)
            routed = routed || want[i] == kind;
        if (action->routed(set, kind) != routed)
            fail_msg("%s: %s is%s routed", action->name,
                kind < EVENT_KINDS ? event_kind_name(kind) : "none",
                routed ? " not" : "");
    }
}

static void
messages_are_for_the_events_whose_notice_is_on(void **state)
{
    (void)state;
    for (enum notice_kind kind = 0; kind < NOTICES; kind++) {
        struct settings set = { 0 };

        assert_routed(&action_sms, &set, NULL, 0);
        set.notices[kind].sms = true;
        assert_routed(&action_sms, &set, &events[kind], 1);
        assert_routed(&action_social, &set, NULL, 0);
        set.notices[kind].sms = false;
        set.notices[kind].social = true;
        assert_routed(&action_sms, &set, NULL, 0);
        assert_routed(&action_social, &set, &events[kind], 1);
    }
}

static void
bonuses_are_for_payments(void **state)
{
    static const enum event_kind payments[] = { EVENT_PAYMENT,
        EVENT_API_PAYMENT };
    struct settings set = { 0 };

    (void)state;
    assert_routed(&action_bonus_topup, &set, NULL, 0);
    assert_routed(&action_bonus_loyalty, &set, NULL, 0);
    set.bonus_topup.on = true;
    assert_routed(&action_bonus_topup, &set, payments, 2);
    assert_routed(&action_bonus_loyalty, &set, NULL, 0);
    set.bonus_topup.on = false;
    set.bonus_loyalty.on = true;
    assert_routed(&action_bonus_topup, &set, NULL, 0);
    assert_routed(&action_bonus_loyalty, &set, payments, 2);
}

static void
discounts_end_with_what_is_on(void **state)
{
    (void)state;
    for (enum event_kind kind = 0; kind < EVENT_KINDS; kind++) {
        struct settings set = { 0 };

        assert_routed(&action_discount_remove, &set, NULL, 0);
        assert_false(settings_removes_discounts(&set));
        set.discounts.on[kind] = true;
        assert_routed(&action_discount_remove, &set, &kind, 1);
        assert_true(settings_removes_discounts(&set));
    }
}

/* ---- times ---- */

static void
messages_wait_as_long_as_their_section_says(void **state)
{
    struct settings set = { 0 };

    (void)state;
    for (enum notice_kind kind = 0; kind < NOTICES; kind++) {
        set.notices[kind].after_ms = 1000 + kind;
        set.notices[kind].sms = true;
    }
    for (enum notice_kind kind = 0; kind < NOTICES; kind++) {
        if (events[kind] == EVENT_TARIFF_CHANGE)
            continue;
        expect_number(settings_notice_name(kind),
            action_sms.after_ms(&set, events[kind]), 1000 + kind);
        expect_number(settings_notice_name(kind),
            action_social.after_ms(&set, events[kind]), 1000 + kind);
    }
}

/* The billing may still be moving the subscriber's row. */
static void
what_follows_a_change_of_state_waits_for_the_row_to_be_moved(void **state)
{
    static const struct action *const some[] = { &action_sms, &action_social,
        &action_discount_remove, &action_session_reset };
    struct settings set = { .billing = { .state_settle_ms = 700 } };

    (void)state;
    for (enum event_kind kind = 0; kind < EVENT_KINDS; kind++) {
        for (size_t i = 0; i < COUNT(some); i++) {
            bool state_kind = kind >= EVENT_FREEZE && kind <= EVENT_DELETE;

            set.discounts.after_ms = set.session_reset.after_ms = 0;
            expect_number(event_kind_name(kind), some[i]->after_ms(&set, kind),
                state_kind ? 700 : 0);
            set.discounts.after_ms = set.session_reset.after_ms = 800;
            expect_number(event_kind_name(kind), some[i]->after_ms(&set, kind),
                i >= 2       ? 800
                : state_kind ? 700
                             : 0);
        }
    }
}

/* Who changed it is only known later: it may be either kind. */
static void
a_change_of_tariff_waits_for_the_slower_of_its_two_notices(void **state)
{
    struct settings set = { 0 };

    (void)state;
    set.notices[NOTICE_TARIFF_CHANGE].after_ms = 3000;
    set.notices[NOTICE_TARIFF_CHANGE].sms = true;
    set.notices[NOTICE_TARIFF_BY_STAFF].sms = true;
    set.notices[NOTICE_TARIFF_BY_STAFF].after_ms = 5000;
    assert_int_equal(action_sms.after_ms(&set, EVENT_TARIFF_CHANGE), 5000);
    set.notices[NOTICE_TARIFF_CHANGE].after_ms = 9000;
    assert_int_equal(action_social.after_ms(&set, EVENT_TARIFF_CHANGE), 9000);
    set.notices[NOTICE_TARIFF_CHANGE].sms = false;
    assert_int_equal(action_sms.after_ms(&set, EVENT_TARIFF_CHANGE), 5000);
}

static void
a_bonus_waits_only_for_the_status_of_an_api_payment(void **state)
{
    static const struct action *const bonuses[] = { &action_bonus_topup,
        &action_bonus_loyalty };
    struct settings set = settings_make();

    (void)state;
    for (size_t i = 0; i < COUNT(bonuses); i++) {
        assert_int_equal(bonuses[i]->after_ms(&set, EVENT_PAYMENT), 0);
        assert_int_equal(bonuses[i]->after_ms(&set, EVENT_API_PAYMENT), 15000);
    }
}

static void
discounts_wait_as_the_settings_say(void **state)
{
    struct settings set = settings_make();

    (void)state;
    assert_int_equal(
        action_discount_remove.after_ms(&set, EVENT_TARIFF_CHANGE), 500);
}

/* Work in the billing, and what is handed on. */
static bool
is_done_however_late(const struct action *action)
{
    return action->in_billing || action == &action_webhook ||
           action == &action_kafka;
}

static void
messages_and_resets_expire_and_work_in_the_billing_does_not(void **state)
{
    struct settings set = settings_make();

    set.session_reset.expire_ms = 900000;
    set.exec.expire_ms = 3600000;

    (void)state;
    for (size_t i = 0; i < ACTIONS; i++)
        expect_number(actions[i]->name, actions[i]->expire_ms(&set),
            actions[i] == &action_session_reset ? 900000
            : actions[i] == &action_exec        ? 3600000
            : is_done_however_late(actions[i])  ? INT64_MAX
                                                : 86400000);
}

/* ---- events that are handed on ---- */

static void
every_event_is_handed_on_at_once_where_there_is_an_address(void **state)
{
    struct settings set = settings_make();

    (void)state;
    set.webhook.url = set.kafka.brokers = "";
    set.webhook.kinds = set.kafka.kinds = "all";
    for (enum event_kind kind = 0; kind < EVENT_KINDS; kind++) {
        assert_false(action_webhook.routed(&set, kind));
        assert_false(action_kafka.routed(&set, kind));
    }
    set.webhook.url = "https://example.org/";
    set.kafka.brokers = "kafka:9092";
    for (enum event_kind kind = 0; kind < EVENT_KINDS; kind++) {
        assert_true(action_webhook.routed(&set, kind));
        assert_true(action_kafka.routed(&set, kind));
        assert_int_equal(action_webhook.after_ms(&set, kind), 0);
    }
}

static void
only_the_kinds_that_are_named_are_handed_on(void **state)
{
    struct settings set = settings_make();

    (void)state;
    set.webhook.url = "https://example.org/";
    set.webhook.kinds = "api_payment,  refund";
    for (enum event_kind kind = 0; kind < EVENT_KINDS; kind++)
        expect_number(event_kind_name(kind), action_webhook.routed(&set, kind),
            kind == EVENT_API_PAYMENT || kind == EVENT_REFUND);
}

/* ---- what must be read first ---- */

static void
messages_of_the_interface_need_its_rows(void **state)
{
    (void)state;
    for (enum event_kind kind = 0; kind < EVENT_KINDS; kind++) {
        struct scene s = scene_of(kind);
        bool want = kind == EVENT_API_PAYMENT || kind == EVENT_API_REFUND;

        expect_number(event_kind_name(kind), needs_api(&s, &action_sms), want);
        expect_number(
            event_kind_name(kind), needs_api(&s, &action_social), want);
        assert_false(needs_api(&s, &action_discount_remove));
    }
}

static void
a_bonus_needs_the_rows_only_when_it_would_be_earned(void **state)
{
    struct scene s = scene_make();

    (void)state;
    assert_true(needs_api(&s, &action_bonus_topup));
    assert_true(needs_api(&s, &action_bonus_loyalty));
    s.sub.contract = civil("2026-11-01");
    assert_true(needs_api(&s, &action_bonus_topup));
    assert_false(needs_api(&s, &action_bonus_loyalty));
    s.event.millionths = 1999999999;
    assert_false(needs_api(&s, &action_bonus_topup));
}

/* The rows that are there do not answer whether they are needed. */
static void
what_blocks_a_bonus_does_not_hide_that_it_was_needed(void **state)
{
    struct scene s = scene_of(EVENT_API_PAYMENT);

    (void)state;
    add_api(&s, -1, 1, 2000000000);
    assert_true(needs_api(&s, &action_bonus_topup));
    assert_true(needs_api(&s, &action_bonus_loyalty));
}

/* ---- messages ---- */

static void
assert_message(const struct delivery *d, const struct action *action,
    unsigned receiver, const char *address)
{
    assert_non_null(d);
    expect_text(action->name, d->reason, "");
    assert_ptr_equal(d->action, action->name);
    assert_int_equal(d->state, DELIVERY_READY);
    assert_int_equal(d->receiver, receiver);
    assert_string_equal(d->address, address);
    assert_string_equal(d->payload, "abonent1: 2000.00 руб");
    assert_null(d->effect);
    assert_int_equal(d->delay_us, 0);
    assert_int_equal(d->plan_us, 0);
}

static void
assert_route(const struct delivery *d, enum lane_id lane, const char *route)
{
    char text[ROUTE_TEXT];

    assert_int_equal(d->lane, lane);
    assert_string_equal(route_print(&d->route, text), route);
}

static void
one_phone_is_one_delivery(void **state)
{
    struct scene s = scene_make();

    (void)state;
    assert_message(decide_one(&s, &action_sms), &action_sms, 0, "79001234567");
    assert_route(s.list.first, LANE_SMSPILOT, "smspilot");
    assert_message(
        decide_one(&s, &action_social), &action_social, 0, "79001234567");
    assert_route(s.list.first, LANE_SMSC, "social");
    drop(&s);
}

static void
the_first_channel_of_the_route_is_the_lane(void **state)
{
    static const struct {
        const char *route;
        enum lane_id lane;
    } rows[] = { { "smspilot", LANE_SMSPILOT }, { "smsc", LANE_SMSC },
        { "smspilot,smsc", LANE_SMSPILOT }, { "smsc,smspilot", LANE_SMSC },
        { "social,smspilot", LANE_SMSC },
        { "smspilot,smsc,social", LANE_SMSPILOT } };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct scene s = scene_make();
        struct notice_settings *notice = &s.set.notices[NOTICE_PAYMENT];

        assert_true(route_parse(&notice->sms_route, rows[i].route));
        assert_route(decide_one(&s, &action_sms), rows[i].lane, rows[i].route);
        assert_true(route_parse(&notice->social_route, rows[i].route));
        assert_route(
            decide_one(&s, &action_social), rows[i].lane, rows[i].route);
        drop(&s);
    }
}

static void
each_phone_is_a_receiver(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.sub.sms_tel = "9001234567,9007654321";
    decide(&s, &action_sms);
    assert_int_equal(s.list.n, 2);
    assert_message(s.list.first, &action_sms, 0, "79001234567");
    assert_message(s.list.last, &action_sms, 1, "79007654321");
    assert_route(s.list.last, LANE_SMSPILOT, "smspilot");
    drop(&s);
}

static void
what_is_no_number_is_skipped_beside_the_others(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.sub.sms_tel = "нет, 9007654321";
    decide(&s, &action_social);
    assert_int_equal(s.list.n, 2);
    assert_int_equal(s.list.first->state, DELIVERY_SKIPPED);
    assert_string_equal(s.list.first->action, "social");
    assert_int_equal(s.list.first->receiver, 0);
    assert_int_equal(s.list.first->lane, LANE_DECIDE);
    assert_string_equal(s.list.first->address, "нет");
    assert_string_equal(s.list.first->reason, "not a phone number");
    assert_null(s.list.first->payload);
    assert_message(s.list.last, &action_social, 1, "79007654321");
    drop(&s);
}

static void
a_refusal_of_the_rules_is_one_skipped_delivery(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.sub.place = PLACE_DELETED;
    assert_skipped(
        &s, &action_sms, "the subscriber is deleted (table usersdel)");
    s.sub.place = PLACE_USERS;
    s.sub.sms_tel = "";
    assert_skipped(
        &s, &action_social, "the subscriber has no phone (sms_tel is empty)");
}

static void
deliveries_are_appended(void **state)
{
    struct scene s = scene_make();

    (void)state;
    decide(&s, &action_sms);
    decide(&s, &action_social);
    s.sub.place = PLACE_NONE;
    decide(&s, &action_sms);
    assert_int_equal(s.list.n, 3);
    assert_message(s.list.first, &action_sms, 0, "79001234567");
    assert_message(s.list.first->next, &action_social, 0, "79001234567");
    assert_string_equal(s.list.last->reason, "there is no such subscriber");
    drop(&s);
}

static void
each_way_has_its_text(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.set.notices[NOTICE_PAYMENT].social_text = "VK: {login} '\"\\ \n";
    assert_string_equal(
        decide_one(&s, &action_sms)->payload, "abonent1: 2000.00 руб");
    assert_string_equal(
        decide_one(&s, &action_social)->payload, "VK: abonent1 '\"\\ \n");
    drop(&s);
}

static void
who_changed_the_tariff_decides_which_message_it_is(void **state)
{
    struct scene s = scene_of(EVENT_TARIFF_CHANGE);

    (void)state;
    s.set.notices[NOTICE_TARIFF_CHANGE].text = "yours";
    s.set.notices[NOTICE_TARIFF_BY_STAFF].text = "ours";
    assert_string_equal(decide_one(&s, &action_sms)->payload, "yours");
    s.origin = ORIGIN_STAFF;
    assert_string_equal(decide_one(&s, &action_sms)->payload, "ours");
    s.set.notices[NOTICE_TARIFF_BY_STAFF].sms = false;
    assert_skipped(&s, &action_sms, "switched off ([tariff_by_staff])");
}

static void
without_its_row_a_payment_of_the_interface_is_not_announced(void **state)
{
    struct scene s = scene_of(EVENT_API_PAYMENT);

    (void)state;
    assert_skipped(&s, &action_sms,
        "there is no credited row in addons_pay_api that the payment could "
        "come from");
    s.set.notices[NOTICE_API_PAYMENT].text = "<{comment}>";
    add_api(&s, 4, 1, 2000000000)->comment = "O'Neil \\ \"x\" {amount}";
    assert_string_equal(
        decide_one(&s, &action_sms)->payload, "<O'Neil \\ \"x\" {amount}>");
    drop(&s);
}

/* Of two payments of one amount, each is to find a row of its own. */
static void
the_row_that_is_announced_is_remembered(void **state)
{
    static const char claim[] =
        "INSERT IGNORE INTO api_credit (record_id, event_id) VALUES (70,9);";
    struct scene s = scene_of(EVENT_API_PAYMENT);

    (void)state;
    s.sub.sms_tel = "9001234567,9007654321,нет";
    add_api(&s, 4, 1, 2000000000);
    decide(&s, &action_sms);
    assert_int_equal(s.list.n, 3);
    assert_string_equal(s.list.first->effect, claim);
    assert_string_equal(s.list.first->next->effect, claim);
    assert_null(s.list.last->effect);
    drop(&s);
    decide(&s, &action_social);
    assert_string_equal(s.list.first->effect, claim);
    drop(&s);
}

static void
a_row_of_another_amount_is_announced_but_not_remembered(void **state)
{
    struct scene s = scene_of(EVENT_API_PAYMENT);

    (void)state;
    add_api(&s, 4, 1, 2000000001);
    assert_message(decide_one(&s, &action_sms), &action_sms, 0, "79001234567");
    drop(&s);
}

static void
what_has_no_number_yet_is_not_remembered(void **state)
{
    struct scene s = scene_of(EVENT_API_PAYMENT);

    (void)state;
    s.event_id = 0;
    add_api(&s, 4, 1, 2000000000);
    assert_message(decide_one(&s, &action_sms), &action_sms, 0, "79001234567");
    drop(&s);
}

/* ---- quiet hours ---- */

/* Eleven in the evening in Yekaterinburg is ten hours and a half after noon. */
static struct scene
scene_by_night(void)
{
    struct scene s = scene_make();

    s.set.notices[NOTICE_PAYMENT].quiet = (struct hours){ 23 * 60, 10 * 60 };
    s.wall_us = NOON_US + 11 * HOUR_US;
    s.sub.sms_tel = "9001234567,9007654321,нет";
    return s;
}

static void
by_night_messages_wait_in_our_queue(void **state)
{
    struct scene s = scene_by_night();
    const struct delivery *d;

    (void)state;
    decide(&s, &action_sms);
    assert_int_equal(s.list.n, 3);
    for (d = s.list.first; d != s.list.last; d = d->next) {
        assert_int_equal(d->state, DELIVERY_READY);
        assert_int_equal(d->lane, LANE_SMSPILOT);
        assert_string_equal(d->payload, "abonent1: 2000.00 руб");
        assert_string_equal(d->reason, "waits for the end of quiet hours");
        assert_int_equal(d->delay_us, 10 * HOUR_US + HOUR_US / 2);
        assert_int_equal(d->plan_us, 0);
    }
    assert_int_equal(d->state, DELIVERY_SKIPPED);
    assert_int_equal(d->delay_us, 0);
    assert_string_equal(d->reason, "not a phone number");
    drop(&s);
}

static void
by_night_messages_may_be_planned_at_the_provider(void **state)
{
    struct scene s = scene_by_night();
    const struct delivery *d;

    (void)state;
    s.set.notice.plan_at_provider = true;
    decide(&s, &action_social);
    assert_int_equal(s.list.n, 3);
    for (d = s.list.first; d != s.list.last; d = d->next) {
        assert_int_equal(d->state, DELIVERY_READY);
        assert_string_equal(d->reason, "");
        assert_int_equal(d->delay_us, 0);
        assert_true(d->plan_us == NOON_US + 21 * HOUR_US + HOUR_US / 2);
    }
    assert_int_equal(d->plan_us, 0);
    drop(&s);
}

static void
by_day_messages_go_at_once_whoever_plans(void **state)
{
    struct scene s = scene_by_night();

    (void)state;
    s.wall_us = NOON_US;
    s.sub.sms_tel = "9001234567";
    assert_message(decide_one(&s, &action_sms), &action_sms, 0, "79001234567");
    s.set.notice.plan_at_provider = true;
    assert_message(decide_one(&s, &action_sms), &action_sms, 0, "79001234567");
    drop(&s);
}

/* ---- bonuses ---- */

#define TOPUP_SQL                                                              \
    "INSERT IGNORE INTO `mikbill`.addons_pay_api_category"                     \
    " (category, categoryname) VALUES (-1,'Bonuses');"                         \
    "INSERT INTO `mikbill`.addons_pay_api (misc_id, category, user_ref,"       \
    " amount, creation_time, update_time, status, comment)"                    \
    " VALUES ('%s',-1,1001,100.00,NOW(),NOW(),0,'For 2000');"

#define LOYALTY_SQL                                                            \
    "INSERT IGNORE INTO `mikbill`.addons_pay_api_category"                     \
    " (category, categoryname) VALUES (-3,'Loyalty');"                         \
    "INSERT INTO `mikbill`.addons_pay_api (misc_id, category, user_ref,"       \
    " amount, creation_time, update_time, status, comment)"                    \
    " VALUES ('%s',-3,1001,50.00,NOW(),NOW(),0,'For years');"

/* The form of both, with their texts taken out. */
#define BONUS_FORM(category, amount)                                           \
    "INSERT IGNORE INTO @.addons_pay_api_category"                             \
    " (category, categoryname) VALUES (" category ",?);"                       \
    "INSERT INTO @.addons_pay_api (misc_id, category, user_ref, amount,"       \
    " creation_time, update_time, status, comment)"                            \
    " VALUES (?," category ",1001," amount ",NOW(),NOW(),0,?);"

static const char *
mark_of(struct scene *s, enum bonus_kind kind)
{
    return bonus_mark(&s->event, kind, s->mark);
}

static void
assert_given(const struct delivery *d, const char *amount)
{
    assert_string_equal(d->reason, "");
    assert_int_equal(d->state, DELIVERY_DONE);
    assert_string_equal(d->payload, amount);
    assert_string_equal(d->address, "");
    assert_int_equal(d->route.n, 0);
    assert_int_equal(d->lane, LANE_DECIDE);
    assert_int_equal(d->delay_us, 0);
}

static void
a_bonus_is_a_category_and_a_waiting_credit(void **state)
{
    struct scene s = scene_make();
    const struct delivery *d;
    char want[1000];

    (void)state;
    d = decide_one(&s, &action_bonus_topup);
    assert_given(d, "100.00");
    snprintf(want, sizeof want, TOPUP_SQL, mark_of(&s, BONUS_TOPUP));
    assert_sql(d->effect, want);
    d = decide_one(&s, &action_bonus_loyalty);
    assert_given(d, "50.00");
    snprintf(want, sizeof want, LOYALTY_SQL, mark_of(&s, BONUS_LOYALTY));
    assert_sql(d->effect, want);
    drop(&s);
}

static void
the_two_bonuses_of_a_payment_have_marks_of_their_own(void **state)
{
    struct scene s = scene_make();
    char topup[BONUS_MARK], loyalty[BONUS_MARK];

    (void)state;
    bonus_mark(&s.event, BONUS_TOPUP, topup);
    bonus_mark(&s.event, BONUS_LOYALTY, loyalty);
    assert_string_not_equal(topup, loyalty);
    assert_non_null(strstr(decide_one(&s, &action_bonus_topup)->effect, topup));
    assert_non_null(
        strstr(decide_one(&s, &action_bonus_loyalty)->effect, loyalty));
    drop(&s);
}

static void
a_hostile_name_or_comment_stays_in_its_quotes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(hostile); i++) {
        for (size_t j = 0; j < COUNT(hostile); j++) {
            struct scene s = scene_make();
            const char *const parts[] = { "mikbill", hostile[i], "mikbill",
                mark_of(&s, BONUS_TOPUP), hostile[j] };

            s.set.bonus_topup.name = hostile[i];
            s.set.bonus_topup.comment = hostile[j];
            assert_parts(decide_one(&s, &action_bonus_topup)->effect,
                BONUS_FORM("-1", "100.00"), parts, COUNT(parts));
            drop(&s);
        }
    }
}

static void
a_hostile_name_of_the_billing_stays_in_its_quotes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(hostile); i++) {
        struct scene s = scene_make();
        const char *const parts[] = { hostile[i], "Loyalty", hostile[i],
            mark_of(&s, BONUS_LOYALTY), "For years" };

        s.billing.name = hostile[i];
        assert_parts(decide_one(&s, &action_bonus_loyalty)->effect,
            BONUS_FORM("-3", "50.00"), parts, COUNT(parts));
        drop(&s);
    }
}

/* Not by the event's key either, whatever it is made of. */
static void
a_hostile_key_of_the_event_does_not_reach_the_mark(void **state)
{
    struct scene s = scene_make();
    const char *mark;

    (void)state;
    snprintf(s.event.source_key, sizeof s.event.source_key, "a'b\\c`d");
    mark = mark_of(&s, BONUS_TOPUP);
    assert_int_equal(
        strspn(mark, "abcdefghijklmnopqrstuvwxyz0123456789-"), strlen(mark));
    assert_non_null(strstr(decide_one(&s, &action_bonus_topup)->effect, mark));
    drop(&s);
}

static void
what_an_earlier_try_gave_is_done_without_work(void **state)
{
    static const struct action *const bonuses[] = { &action_bonus_topup,
        &action_bonus_loyalty };

    (void)state;
    for (enum bonus_kind kind = BONUS_TOPUP; kind <= BONUS_LOYALTY; kind++) {
        struct scene s = scene_make();
        const struct delivery *d;

        add_api(&s, -1, 0, 100000000)->mark = s.mark;
        mark_of(&s, kind);
        d = decide_one(&s, bonuses[kind]);
        assert_int_equal(d->state, DELIVERY_DONE);
        assert_string_equal(d->reason, "an earlier try had given it already");
        assert_null(d->effect);
        /* How much that was, this decision does not say. */
        assert_null(d->payload);
        drop(&s);
    }
}

static void
a_bonus_that_is_not_earned_is_skipped_without_work(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.sub.discount[DISCOUNT_GLOBAL] = "10";
    assert_skipped(&s, &action_bonus_topup, "the subscriber has a discount");
    assert_skipped(&s, &action_bonus_loyalty, "the subscriber has a discount");
    assert_null(decide_one(&s, &action_bonus_topup)->effect);
    assert_null(decide_one(&s, &action_bonus_loyalty)->effect);
    drop(&s);
}

static void
while_a_table_is_not_seen_every_bonus_waits(void **state)
{
    (void)state;
    for (int table = 0; table < 3; table++) {
        struct scene s = scene_make();

        s.billing.has_packets = table != 0;
        s.billing.has_fields = table != 1;
        s.billing.has_api = table != 2;
        assert_waits(&s, &action_bonus_topup, BILLING_NO_REWARD);
        assert_waits(&s, &action_bonus_loyalty, BILLING_NO_REWARD);
        /* Also what would not be earned: nobody can say so yet. */
        s.sub.discount[DISCOUNT_GLOBAL] = "10";
        assert_waits(&s, &action_bonus_topup, BILLING_NO_REWARD);
        drop(&s);
    }
}

static void
a_credited_bonus_earns_none_and_is_remembered(void **state)
{
    static const struct action *const bonuses[] = { &action_bonus_topup,
        &action_bonus_loyalty };

    (void)state;
    for (size_t i = 0; i < COUNT(bonuses); i++) {
        struct scene s = scene_of(EVENT_API_PAYMENT);

        add_api(&s, -5, 1, 2000000000);
        assert_skipped(&s, bonuses[i],
            "the payment is itself a bonus (addons_pay_api 70)");
        assert_sql(decide_one(&s, bonuses[i])->effect,
            "INSERT IGNORE INTO api_credit (record_id, event_id)"
            " VALUES (70,9);");
        drop(&s);
    }
}

static void
a_bonus_that_is_not_credited_yet_is_looked_at_again(void **state)
{
    struct scene s = scene_of(EVENT_API_PAYMENT);
    const struct delivery *d;

    (void)state;
    add_api(&s, -5, 0, 2000000000);
    s.age_ms = 119999;
    d = decide_one(&s, &action_bonus_topup);
    assert_int_equal(d->state, DELIVERY_READY);
    assert_int_equal(d->lane, LANE_DECIDE);
    assert_int_equal(d->delay_us, 10000000);
    assert_string_equal(d->reason,
        "row 70 of addons_pay_api, a bonus of the same amount, is not "
        "credited: nobody can say whether this payment is it");
    assert_null(d->payload);
    assert_null(d->effect);
    drop(&s);
}

static void
after_two_minutes_the_operator_must_decide(void **state)
{
    struct scene s = scene_of(EVENT_API_PAYMENT);
    const struct delivery *d;

    (void)state;
    add_api(&s, -5, 0, 2000000000);
    s.age_ms = 120000;
    d = decide_one(&s, &action_bonus_loyalty);
    assert_int_equal(d->state, DELIVERY_DOUBTFUL);
    assert_int_equal(d->delay_us, 0);
    assert_string_equal(d->reason,
        "row 70 of addons_pay_api, a bonus of the same amount, is not "
        "credited: nobody can say whether this payment is it");
    assert_null(d->payload);
    assert_null(d->effect);
    drop(&s);
}

/* ---- discounts ---- */

/* What is done about one key. */
#define ROWS(key)                                                              \
    " FROM `mikbill`.users_custom_fields WHERE uid = 1001 AND `key` = '" key   \
    "' AND BINARY `key` = '" key "'"
#define LOCK(keys)                                                             \
    "SELECT 1 FROM `mikbill`.users_custom_fields WHERE uid = 1001 AND `key`"   \
    " IN (''" keys ") FOR UPDATE /*M!100300 NOWAIT */ /*!80001 NOWAIT */;"
#define COPY(key)                                                              \
    "INSERT INTO `mikbill`.logs (stuffid, date, logtypeid, uid, gid, ip,"      \
    " valuename, oldvalue, newvalue) SELECT 0, NOW(), 1, uid, 7, NULL, `key`," \
    " value, NULL" ROWS(key)
#define REMOVE(key) "; DELETE" ROWS(key) ";"

static const struct action *const discounts = &action_discount_remove;

static struct scene
scene_tariff(void)
{
    return scene_of(EVENT_TARIFF_CHANGE);
}

static void
all_discounts_are_locked_then_logged_and_removed_in_order(void **state)
{
    struct scene s = scene_tariff();
    const struct delivery *d = decide_one(&s, discounts);

    (void)state;
    assert_int_equal(d->state, DELIVERY_DONE);
    assert_string_equal(d->reason, "2 removed");
    assert_null(d->payload);
    assert_int_equal(d->lane, LANE_DECIDE);
    assert_sql(d->effect,
        LOCK(",'ext_discount_global','ext_discount_subs'")
            COPY("ext_discount_global") REMOVE("ext_discount_global")
                COPY("ext_discount_subs") REMOVE("ext_discount_subs"));
    drop(&s);
}

static void
where_the_server_can_only_wait_one_row_is_held_at_a_time(void **state)
{
    struct scene s = scene_tariff();
    const struct delivery *d;

    (void)state;
    s.billing.locks_at_once = false;
    d = decide_one(&s, discounts);
    assert_int_equal(d->state, DELIVERY_DONE);
    assert_null(d->effect);
    assert_int_equal(d->steps, 2);
    assert_sql(d->step[0],
        LOCK(",'ext_discount_global'") COPY("ext_discount_global")
            REMOVE("ext_discount_global"));
    assert_sql(d->step[1],
        LOCK(",'ext_discount_subs'") COPY("ext_discount_subs")
            REMOVE("ext_discount_subs"));
    drop(&s);
}

static void
a_dry_run_leaves_no_work_in_the_billing(void **state)
{
    struct scene s = scene_tariff();

    (void)state;
    for (int at_once = 0; at_once < 2; at_once++) {
        s.billing.locks_at_once = at_once;
        decide_one(&s, discounts);
        dry_seal(s.list.first);
        assert_int_equal(s.list.first->state, DELIVERY_DRY);
        assert_string_equal(s.list.first->reason, "2 removed");
        assert_null(s.list.first->effect);
        assert_null(s.list.first->step);
        assert_int_equal(s.list.first->steps, 0);
    }
    drop(&s);
}

static void
what_cannot_be_undone_is_not_logged_twice(void **state)
{
    struct scene s = scene_tariff();

    (void)state;
    s.billing.undoable = false;
    s.set.discounts.keys.n = 1;
    assert_sql(decide_one(&s, discounts)->effect,
        LOCK(",'ext_discount_global'")
            COPY("ext_discount_global") " AND NOT EXISTS (SELECT 1 FROM "
                                        "`mikbill`.logs AS l"
                                        " WHERE l.uid = 1001 AND l.logtypeid = "
                                        "1 AND l.stuffid = 0"
                                        " AND l.date >= '2026-11-24 12:30:00'"
                                        " AND l.valuename = "
                                        "'ext_discount_global')" REMOVE(
                                            "ext_discount_global"));
    drop(&s);
}

/* The form of the work about one key, with its texts taken out. */
#define ROWS_FORM                                                              \
    " FROM @.users_custom_fields WHERE uid = 1001 AND @ = ? AND BINARY @ = ?"
#define DISCOUNT_FORM(unless)                                                  \
    "SELECT 1 FROM @.users_custom_fields WHERE uid = 1001 AND @ IN (?,?)"      \
    " FOR UPDATE /*M!100300 NOWAIT */ /*!80001 NOWAIT */;"                     \
    "INSERT INTO @.logs (stuffid, date, logtypeid, uid, gid, ip, valuename,"   \
    " oldvalue, newvalue) SELECT 0, NOW(), 1, uid, 7, NULL, @, value, "        \
    "NULL" ROWS_FORM unless "; DELETE" ROWS_FORM ";"
#define UNLESS_FORM                                                            \
    " AND NOT EXISTS (SELECT 1 FROM @.logs AS l WHERE l.uid = 1001"            \
    " AND l.logtypeid = 1 AND l.stuffid = 0 AND l.date >= ?"                   \
    " AND l.valuename = ?)"

static void
a_hostile_key_stays_in_its_quotes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(hostile); i++) {
        struct scene s = scene_tariff();
        char *key = hostile[i];
        const char *const parts[] = { "mikbill", "key", "", key, "mikbill",
            "key", "mikbill", "key", key, "key", key, "mikbill", "key", key,
            "key", key };
        const char *const careful[] = { "mikbill", "key", "", key, "mikbill",
            "key", "mikbill", "key", key, "key", key, "mikbill",
            "2026-11-24 12:30:00", key, "mikbill", "key", key, "key", key };

        s.set.discounts.keys = (struct text_list){ &key, 1 };
        assert_parts(decide_one(&s, discounts)->effect, DISCOUNT_FORM(""),
            parts, COUNT(parts));
        s.billing.undoable = false;
        assert_parts(decide_one(&s, discounts)->effect,
            DISCOUNT_FORM(UNLESS_FORM), careful, COUNT(careful));
        drop(&s);
    }
}

static void
a_hostile_billing_of_discounts_stays_in_its_quotes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(hostile); i++) {
        struct scene s = scene_tariff();
        char *key = "k";
        const char *name = hostile[i];
        const char *const parts[] = { name, "key", "", key, name, "key", name,
            "key", key, "key", key, name, "key", key, "key", key };

        s.billing.name = name;
        s.set.discounts.keys = (struct text_list){ &key, 1 };
        assert_parts(decide_one(&s, discounts)->effect, DISCOUNT_FORM(""),
            parts, COUNT(parts));
        drop(&s);
    }
}

static void
more_keys_than_fit_are_refused(void **state)
{
    enum { KEYS = 1000 };
    static char *keys[KEYS];
    struct scene s = scene_tariff();
    struct facts facts = facts_of(&s);

    (void)state;
    for (size_t i = 0; i < KEYS; i++)
        keys[i] = "ext_discount_global";
    s.set.discounts.keys = (struct text_list){ keys, KEYS };
    assert_false(discounts->decide(&s.list, &facts, &s.set, &s.billing));
    drop(&s);
}

static void
without_a_discount_nothing_is_done(void **state)
{
    struct scene s = scene_tariff();

    (void)state;
    s.sub.removable = 0;
    assert_skipped(&s, discounts, "no discount is set");
    assert_null(decide_one(&s, discounts)->effect);
    drop(&s);
}

static void
while_a_table_is_not_seen_discounts_wait(void **state)
{
    struct scene s = scene_tariff();
    const char *why = "this account sees no table users_custom_fields or logs; "
                      "run sql/grants.sql";

    (void)state;
    s.billing.has_logs = false;
    assert_waits(&s, discounts, why);
    s.billing.has_logs = true;
    s.billing.has_fields = false;
    assert_waits(&s, discounts, why);
    s.billing.has_fields = true;
    assert_string_equal(decide_one(&s, discounts)->reason, "2 removed");
    drop(&s);
}

/* The subscriber must still be what the event says. */
static void
discounts_go_from_who_is_in_that_state(void **state)
{
    static const struct {
        enum event_kind kind;
        int number;
    } rows[] = { { EVENT_FREEZE, 2 }, { EVENT_BLOCK, 3 }, { EVENT_DELETE, 4 } };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (int number = 1; number <= 4; number++) {
            struct scene s = scene_of(rows[i].kind);
            enum delivery_state want =
                number == rows[i].number ? DELIVERY_DONE : DELIVERY_SKIPPED;

            s.sub.place = (enum place)(number - 1);
            expect_number(event_kind_name(rows[i].kind),
                decide_one(&s, discounts)->state, want);
            s.sub.place = PLACE_USERS;
            s.sub.modern = true;
            s.sub.state = number;
            expect_number(event_kind_name(rows[i].kind),
                decide_one(&s, discounts)->state, want);
            drop(&s);
        }
    }
}

static void
discounts_go_from_users_and_usersfreeze(void **state)
{
    static const struct {
        enum place place;
        bool modern, moved;
        const char *reason;
    } rows[] = {
        { PLACE_USERS, false, false, "2 removed" },
        { PLACE_USERS, true, false, "2 removed" },
        { PLACE_FROZEN, false, false, "2 removed" },
        { PLACE_FROZEN, false, true, "2 removed" },
        { PLACE_FROZEN, true, true, "2 removed" },
        { PLACE_FROZEN, true, false, "the subscriber is in table usersfreeze" },
        { PLACE_BLOCKED, false, true, "the subscriber is in table usersblok" },
        { PLACE_BLOCKED, true, true, "the subscriber is in table usersblok" },
        { PLACE_DELETED, false, true, "the subscriber is in table usersdel" },
        { PLACE_DELETED, true, true, "the subscriber is in table usersdel" },
        { PLACE_NONE, false, true, "there is no such subscriber" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct scene s = scene_tariff();
        bool done = strcmp(rows[i].reason, "2 removed") == 0;
        const struct delivery *d;

        s.sub.place = rows[i].place;
        s.sub.modern = rows[i].modern;
        s.set.billing.moved_subscribers = rows[i].moved;
        d = decide_one(&s, discounts);
        expect_text(rows[i].reason, d->reason, rows[i].reason);
        expect_number(
            rows[i].reason, d->state, done ? DELIVERY_DONE : DELIVERY_SKIPPED);
        expect_number(rows[i].reason, d->effect != NULL, done);
        drop(&s);
    }
}

static void
neither_phone_nor_state_matters_to_discounts(void **state)
{
    struct scene s = scene_tariff();

    (void)state;
    s.sub.sms_tel = "";
    s.sub.modern = true;
    for (s.sub.state = 0; s.sub.state <= 5; s.sub.state++)
        assert_string_equal(decide_one(&s, discounts)->reason, "2 removed");
    s.origin = ORIGIN_STAFF;
    assert_string_equal(decide_one(&s, discounts)->reason, "2 removed");
    drop(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(actions_stand_in_the_order_of_their_work),
        cmocka_unit_test(
            only_what_depends_on_the_last_decision_is_decided_alone),
        cmocka_unit_test(an_action_is_found_by_its_name_only),
        cmocka_unit_test(only_messages_leave_the_billing_alone),
        cmocka_unit_test(keys_of_every_action_have_room_for_the_longest_event),
        cmocka_unit_test(every_verdict_but_do_has_its_state),
        cmocka_unit_test(the_longest_reason_is_kept_whole),
        cmocka_unit_test(messages_are_for_the_events_whose_notice_is_on),
        cmocka_unit_test(bonuses_are_for_payments),
        cmocka_unit_test(discounts_end_with_what_is_on),
        cmocka_unit_test(messages_wait_as_long_as_their_section_says),
        cmocka_unit_test(
            what_follows_a_change_of_state_waits_for_the_row_to_be_moved),
        cmocka_unit_test(
            a_change_of_tariff_waits_for_the_slower_of_its_two_notices),
        cmocka_unit_test(a_bonus_waits_only_for_the_status_of_an_api_payment),
        cmocka_unit_test(discounts_wait_as_the_settings_say),
        cmocka_unit_test(
            messages_and_resets_expire_and_work_in_the_billing_does_not),
        cmocka_unit_test(
            every_event_is_handed_on_at_once_where_there_is_an_address),
        cmocka_unit_test(only_the_kinds_that_are_named_are_handed_on),
        cmocka_unit_test(messages_of_the_interface_need_its_rows),
        cmocka_unit_test(a_bonus_needs_the_rows_only_when_it_would_be_earned),
        cmocka_unit_test(what_blocks_a_bonus_does_not_hide_that_it_was_needed),
        cmocka_unit_test(one_phone_is_one_delivery),
        cmocka_unit_test(the_first_channel_of_the_route_is_the_lane),
        cmocka_unit_test(each_phone_is_a_receiver),
        cmocka_unit_test(what_is_no_number_is_skipped_beside_the_others),
        cmocka_unit_test(a_refusal_of_the_rules_is_one_skipped_delivery),
        cmocka_unit_test(deliveries_are_appended),
        cmocka_unit_test(each_way_has_its_text),
        cmocka_unit_test(who_changed_the_tariff_decides_which_message_it_is),
        cmocka_unit_test(
            without_its_row_a_payment_of_the_interface_is_not_announced),
        cmocka_unit_test(the_row_that_is_announced_is_remembered),
        cmocka_unit_test(
            a_row_of_another_amount_is_announced_but_not_remembered),
        cmocka_unit_test(what_has_no_number_yet_is_not_remembered),
        cmocka_unit_test(by_night_messages_wait_in_our_queue),
        cmocka_unit_test(by_night_messages_may_be_planned_at_the_provider),
        cmocka_unit_test(by_day_messages_go_at_once_whoever_plans),
        cmocka_unit_test(a_bonus_is_a_category_and_a_waiting_credit),
        cmocka_unit_test(the_two_bonuses_of_a_payment_have_marks_of_their_own),
        cmocka_unit_test(a_hostile_name_or_comment_stays_in_its_quotes),
        cmocka_unit_test(a_hostile_name_of_the_billing_stays_in_its_quotes),
        cmocka_unit_test(a_hostile_key_of_the_event_does_not_reach_the_mark),
        cmocka_unit_test(what_an_earlier_try_gave_is_done_without_work),
        cmocka_unit_test(a_bonus_that_is_not_earned_is_skipped_without_work),
        cmocka_unit_test(while_a_table_is_not_seen_every_bonus_waits),
        cmocka_unit_test(a_credited_bonus_earns_none_and_is_remembered),
        cmocka_unit_test(a_bonus_that_is_not_credited_yet_is_looked_at_again),
        cmocka_unit_test(after_two_minutes_the_operator_must_decide),
        cmocka_unit_test(
            all_discounts_are_locked_then_logged_and_removed_in_order),
        cmocka_unit_test(
            where_the_server_can_only_wait_one_row_is_held_at_a_time),
        cmocka_unit_test(a_dry_run_leaves_no_work_in_the_billing),
        cmocka_unit_test(what_cannot_be_undone_is_not_logged_twice),
        cmocka_unit_test(a_hostile_key_stays_in_its_quotes),
        cmocka_unit_test(a_hostile_billing_of_discounts_stays_in_its_quotes),
        cmocka_unit_test(more_keys_than_fit_are_refused),
        cmocka_unit_test(without_a_discount_nothing_is_done),
        cmocka_unit_test(while_a_table_is_not_seen_discounts_wait),
        cmocka_unit_test(discounts_go_from_who_is_in_that_state),
        cmocka_unit_test(discounts_go_from_users_and_usersfreeze),
        cmocka_unit_test(neither_phone_nor_state_matters_to_discounts),
    };

    return cmocka_run_group_tests_name("actions", tests, NULL, NULL);
}
