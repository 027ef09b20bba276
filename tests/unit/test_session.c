/*
 * session: after which events the sessions of a subscriber are ended, and the
 * delivery that comes of it. A subscriber, an event and the other resets of
 * the same subscriber make a scene; most tests change one thing of it.
 */
#include "unit.h"

#include "sql.h"

#include "actions/action.h"
#include "reset.h"
#include "rules/session.h"

/* ---- scenes ---- */

struct scene {
    struct settings set;
    struct billing billing;
    struct event event;
    struct subscriber sub;
    struct facts facts;
    struct delivery_list list;
};

static const struct action *const session = &action_session_reset;

enum { DAY = 24, AFTER_MS = 2000, PATIENCE_MS = 10000, LATER_US = 200000 };

/* One that fits: active, with a credit, on the day of the fee. */
static struct scene
scene_of(enum event_kind kind)
{
    return (struct scene){
        .set = { .billing = { .backdated_ms = 3600000 },
            .session_reset = { .after_ms = AFTER_MS,
                .expire_ms = 900000,
                .repeat_within_ms = 120000,
                .target = "all" } },
        .billing = { .name = "mikbill", .has_routers = true },
        .event = { .kind = kind,
            .uid = 1001,
            .kopecks = 10000,
            .millionths = 100000000 },
        .sub = { .uid = 1001,
            .place = PLACE_USERS,
            .login = "u1",
            .credit_kopecks = 5000,
            .fee_day = DAY },
        .facts = { .event_id = 9, .captured.day = DAY, .age_ms = AFTER_MS },
    };
}

static struct scene
scene_make(void)
{
    return scene_of(EVENT_PAYMENT);
}

static void
bind(struct scene *s)
{
    s->facts.event = &s->event;
    s->facts.sub = &s->sub;
}

static void
assert_decided(struct scene *s, const char *label, enum verdict verdict,
    const char *reason, int64_t wait_us)
{
    struct decision d;
    int64_t us = -1;

    bind(s);
    memset(&d, 'x', sizeof d);
    session_decide(&d, &us, &s->facts, &s->set);
    expect_number(label, d.verdict, verdict);
    expect_text(label, d.reason, reason);
    expect_number(label, us, wait_us);
}

static void
assert_done(struct scene *s, const char *label)
{
    assert_decided(s, label, VERDICT_DO, "", 0);
}

static void
assert_skipped(struct scene *s, const char *label, const char *reason)
{
    assert_decided(s, label, VERDICT_SKIP, reason, 0);
}

/* Which conditions an event has. */
enum { ACTIVE = 1, FEE_DAY = 2, CREDIT = 4, USERS = 8, LOGIN = 16 };

static const struct {
    enum event_kind kind;
    unsigned wants;
} kinds[] = {
    { EVENT_PAYMENT, LOGIN | USERS | ACTIVE | FEE_DAY },
    { EVENT_API_PAYMENT, LOGIN | USERS | ACTIVE | FEE_DAY },
    { EVENT_REFUND, LOGIN | USERS | ACTIVE },
    { EVENT_API_REFUND, LOGIN | USERS | ACTIVE },
    { EVENT_CREDIT, LOGIN | USERS | ACTIVE | CREDIT },
    { EVENT_CREDIT_LIMIT, LOGIN | USERS | ACTIVE | CREDIT },
    { EVENT_TARIFF_CHANGE, LOGIN | USERS },
    { EVENT_FREEZE, LOGIN },
    { EVENT_UNFREEZE, LOGIN },
    { EVENT_BLOCK, LOGIN },
    { EVENT_UNBLOCK, LOGIN },
    { EVENT_DELETE, LOGIN },
    { EVENT_REAL_IP, LOGIN | USERS },
    { EVENT_TURBO, LOGIN | USERS },
};

/* For each event: whether it is skipped for this reason, or done. */
#define for_each_kind(s, name, condition, reason, change)                      \
    for (size_t i_ = 0; i_ < COUNT(kinds); i_++) {                             \
        struct scene s = scene_of(kinds[i_].kind);                             \
        const char *name = event_kind_name(kinds[i_].kind);                    \
                                                                               \
        change;                                                                \
        if (kinds[i_].wants & (condition))                                     \
            assert_skipped(&s, name, reason);                                  \
        else                                                                   \
            assert_done(&s, name);                                             \
    }

/* ---- who, and after what ---- */

static void
one_that_fits_is_done_after_each_event(void **state)
{
    (void)state;
    assert_int_equal(COUNT(kinds), EVENT_KINDS);
    for_each_kind(s, name, 0, "", (void)0);
}

static void
what_is_no_event_ends_nothing(void **state)
{
    struct scene s = scene_of(EVENT_KINDS);

    (void)state;
    assert_skipped(&s, "none", "no such event");
}

static void
the_blocked_are_reset_by_a_change_of_tariff_only(void **state)
{
    static const int blocked[] = { 1, 2, -1, 255 };

    (void)state;
    for (size_t i = 0; i < COUNT(blocked); i++)
        for_each_kind(s, name, ACTIVE, "the subscriber is blocked",
            s.sub.blocked = blocked[i]);
}

static void
in_a_modern_billing_only_the_active_are_reset(void **state)
{
    (void)state;
    for (int number = 0; number <= 5; number++) {
        char reason[100];

        snprintf(reason, sizeof reason,
            "the subscriber is not active (state %d)", number);
        for_each_kind(s, name, number == 1 ? 0 : ACTIVE, reason,
            (s.sub.modern = true, s.sub.state = number));
    }
}

static void
an_active_one_may_be_blocked_all_the_same(void **state)
{
    (void)state;
    for_each_kind(s, name, ACTIVE, "the subscriber is blocked",
        (s.sub.modern = true, s.sub.state = 1, s.sub.blocked = 1));
}

static void
in_a_legacy_billing_there_is_no_state(void **state)
{
    (void)state;
    for (int number = 0; number <= 4; number++)
        for_each_kind(s, name, 0, "", s.sub.state = number);
}

static void
a_payment_resets_on_the_day_of_the_fee_only(void **state)
{
    static const int days[] = { 0, 1, DAY - 1, DAY + 1, 31, 32, -1 };

    (void)state;
    for (size_t i = 0; i < COUNT(days); i++) {
        char reason[100];

        snprintf(reason, sizeof reason,
            "it is not the day of the monthly fee (%d, users.date_abonka)",
            days[i]);
        for_each_kind(s, name, FEE_DAY, reason, s.sub.fee_day = days[i]);
    }
}

/* The day is that of the capture: another one may have begun since. */
static void
it_is_the_day_of_the_capture_that_counts(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.event.date = (struct civil){ .day = DAY + 1 };
    assert_done(&s, "another date in the row");
    s.facts.captured.day = 1;
    assert_skipped(&s, "captured on the 1st",
        "it is not the day of the monthly fee (24, users.date_abonka)");
    s.sub.fee_day = 1;
    assert_done(&s, "fee on the 1st");
}

static void
a_credit_must_be_there(void **state)
{
    (void)state;
    for_each_kind(
        s, name, CREDIT, "there is no credit", s.sub.credit_kopecks = 0);
}

static void
any_other_credit_is_one(void **state)
{
    static const int64_t credits[] = { 1, -1, -5000, INT64_MAX, INT64_MIN };

    (void)state;
    for (size_t i = 0; i < COUNT(credits); i++)
        for_each_kind(s, name, 0, "", s.sub.credit_kopecks = credits[i]);
}

static void
the_amount_does_not_matter(void **state)
{
    static const int64_t amounts[] = { 0, 1, -10000, INT64_MAX };

    (void)state;
    for (size_t i = 0; i < COUNT(amounts); i++)
        for_each_kind(s, name, 0, "",
            (s.event.kopecks = amounts[i], s.event.millionths = amounts[i]));
}

static void
only_those_in_users_have_sessions(void **state)
{
    static const struct {
        enum place place;
        const char *reason;
    } rows[] = {
        { PLACE_FROZEN, "the subscriber is in table usersfreeze" },
        { PLACE_BLOCKED, "the subscriber is in table usersblok" },
        { PLACE_DELETED, "the subscriber is in table usersdel" },
        { PLACE_NONE, "there is no such subscriber" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        for_each_kind(s, name, rows[i].place == PLACE_NONE ? LOGIN : USERS,
            rows[i].reason,
            (s.sub.place = rows[i].place,
                s.set.billing.moved_subscribers = true));
}

static void
a_login_that_cannot_have_a_session_is_left_alone(void **state)
{
    static char longest[65], longer[66];
    const struct {
        char *login;
        const char *why; /* NULL = it can */
    } rows[] = {
        { "", "the login is empty" },
        { "a\nb", "the login has a control character in it" },
        { "\x7F", "the login has a control character in it" },
        { longer, "the login is longer than 64 bytes" },
        { longest, NULL },
        { "a\"b] c$d", NULL },
        { "абонент", NULL },
        { " ", NULL },
    };

    (void)state;
    memset(longest, 'x', sizeof longest - 1);
    memset(longer, 'x', sizeof longer - 1);
    for (size_t i = 0; i < COUNT(rows); i++) {
        char reason[100];

        snprintf(reason, sizeof reason, "the login cannot have a session: %s",
            rows[i].why ? rows[i].why : "");
        for_each_kind(s, name, rows[i].why ? LOGIN : 0, reason,
            s.sub.login = rows[i].login);
    }
}

/* ---- rows of another time ---- */

static void
a_row_that_is_back_dated_too_far_ends_nothing(void **state)
{
    static const struct {
        int64_t backdated_ms, age_s;
        bool done;
    } rows[] = {
        { 3600000, 0, true },
        { 3600000, 3600, true },
        { 3600000, 3601, false },
        { 3600000, -86400, true },
        { 0, 0, true },
        { 0, 1, false },
        { 1999, 1, true },
        { 1999, 2, false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct scene s = scene_make();
        char reason[100];

        s.set.billing.backdated_ms = rows[i].backdated_ms;
        s.event.age_s = rows[i].age_s;
        snprintf(reason, sizeof reason,
            "the row is back-dated by %lld s, more than the %lld s allowed",
            (long long)rows[i].age_s, (long long)rows[i].backdated_ms / 1000);
        if (rows[i].done)
            assert_done(&s, reason);
        else
            assert_skipped(&s, reason, reason);
    }
}

static void
that_is_said_before_anything_else(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.event.age_s = 7200;
    s.sub.place = PLACE_NONE;
    s.facts.reset_event = 10;
    assert_skipped(&s, "all",
        "the row is back-dated by 7200 s, more than the 3600 s allowed");
}

/* ---- several resets of one subscriber ---- */

static void
with_a_later_reset_that_is_decided_it_is_one(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.facts.reset_event = 18446744073709551615ULL;
    assert_skipped(&s, "later",
        "one reset for all, with that of event 18446744073709551615");
    s.facts.reset_waits = true;
    s.facts.reset_due_us = 1000;
    assert_skipped(&s, "later, and a third that waits",
        "one reset for all, with that of event 18446744073709551615");
}

static void
a_later_reset_that_is_not_decided_is_waited_for(void **state)
{
    static const struct {
        int64_t age_ms, due_us, wait_us; /* 0 = it is not waited for */
    } rows[] = {
        { AFTER_MS, 0, LATER_US },
        { AFTER_MS, 1, LATER_US + 1 },
        { AFTER_MS, 1500000, LATER_US + 1500000 },
        { AFTER_MS, -1, LATER_US }, /* is due, and was not looked at yet */
        { AFTER_MS, -5000000, LATER_US },
        { 0, 2000000, LATER_US + 2000000 },
        { AFTER_MS + PATIENCE_MS, 1500000, LATER_US + 1500000 },
        { AFTER_MS + PATIENCE_MS + 1, 1500000, 0 }, /* always one more */
        { 3600000, 1500000, 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct scene s = scene_make();
        char label[20];

        snprintf(label, sizeof label, "row %zu", i);
        s.facts.reset_waits = true;
        s.facts.age_ms = rows[i].age_ms;
        s.facts.reset_due_us = rows[i].due_us;
        if (rows[i].wait_us)
            assert_decided(&s, label, VERDICT_WAIT,
                "waits for a later reset of the same subscriber, to be one "
                "with it",
                rows[i].wait_us);
        else
            assert_done(&s, label);
    }
}

static void
what_is_not_to_be_done_does_not_wait(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.facts.reset_waits = true;
    s.sub.blocked = 1;
    assert_skipped(&s, "blocked", "the subscriber is blocked");
}

/* ---- as an action: when ---- */

static void
it_is_for_events_that_are_on(void **state)
{
    (void)state;
    for (enum event_kind on = 0; on < EVENT_KINDS; on++) {
        struct settings set = { 0 };

        set.session_reset.on[on] = true;
        for (enum event_kind kind = 0; kind < EVENT_KINDS; kind++)
            assert_int_equal(session->routed(&set, kind), kind == on);
    }
}

static void
it_waits_and_expires_as_set(void **state)
{
    struct settings set = { .session_reset = {
                                .after_ms = 1234, .expire_ms = 56789 } };

    (void)state;
    for (enum event_kind kind = 0; kind < EVENT_KINDS; kind++)
        assert_int_equal(session->after_ms(&set, kind), 1234);
    assert_int_equal(session->expire_ms(&set), 56789);
    assert_int_equal(action_expires_in_us(session, &set, 6789), 50000000);
}

static void
it_is_decided_by_itself_and_without_the_interface(void **state)
{
    (void)state;
    assert_string_equal(session->name, "session_reset");
    assert_ptr_equal(action_find("session_reset"), session);
    assert_true(session->in_billing);
    assert_false(session->one_by_one);
    assert_null(session->log);
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct scene s = scene_of(kinds[i].kind);

        bind(&s);
        assert_false(session->needs_api(&s.facts, &s.set));
    }
}

/* ---- as an action: the decision ---- */

/* The one delivery that was made; the list is to be dropped. */
static const struct delivery *
decide(struct scene *s)
{
    delivery_drop_all(&s->list);
    bind(s);
    assert_true(session->decide(&s->list, &s->facts, &s->set, &s->billing));
    assert_int_equal(s->list.n, 1);
    assert_string_equal(s->list.first->action, "session_reset");
    assert_int_equal(s->list.first->receiver, 0);
    return s->list.first;
}

static void
the_routers_are_given_the_login(void **state)
{
    struct scene s = scene_make();
    const struct delivery *d = decide(&s);

    (void)state;
    assert_int_equal(d->state, DELIVERY_READY);
    assert_int_equal(d->lane, LANE_ROUTERS);
    assert_string_equal(d->address, "u1");
    assert_string_equal(d->payload, "{\"login\":\"u1\"}");
    assert_string_equal(d->reason, "");
    assert_int_equal(d->delay_us, 0);
    delivery_drop_all(&s.list);
}

static void
what_the_billing_sees_goes_with_it(void **state)
{
    const struct seen seen[] = {
        { .nas = "10.0.0.1", .ip = "10.1.2.3", .session = "81a0003c" },
        { .nas = "10.0.0.2" },
    };
    struct scene s = scene_make();

    (void)state;
    s.facts.seen = seen;
    s.facts.seen_n = COUNT(seen);
    s.set.session_reset.target = "online";
    assert_string_equal(decide(&s)->payload,
        "{\"login\":\"u1\",\"seen\":[{\"nas\":\"10.0.0.1\",\"ip\":\"10.1.2.3\","
        "\"session\":\"81a0003c\"},{\"nas\":\"10.0.0.2\"}],\"only\":true}");
    s.set.session_reset.target = "all";
    s.facts.seen_n = 0;
    assert_string_equal(decide(&s)->payload, "{\"login\":\"u1\"}");
    delivery_drop_all(&s.list);
}

static void
any_login_is_read_as_it_was_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(hostile); i++) {
        struct scene s = scene_make();
        const struct delivery *d;
        struct reset r;

        s.sub.login = hostile[i];
        d = decide(&s);
        if (d->state == DELIVERY_READY) {
            assert_true(reset_parse(&r, d->payload));
            expect_text("login", r.login, hostile[i]);
            expect_text("address", d->address, hostile[i]);
            reset_free(&r);
        } else {
            assert_int_equal(d->state, DELIVERY_SKIPPED);
            assert_null(d->payload);
            assert_null(d->effect);
        }
        delivery_drop_all(&s.list);
    }
}

/* An older one is left to find that out by itself: its row may be held. */
static void
nothing_is_changed_with_the_decision(void **state)
{
    struct scene s = scene_make();

    (void)state;
    assert_null(decide(&s)->effect);
    delivery_drop_all(&s.list);
}

static void
what_is_skipped_does_nothing(void **state)
{
    struct scene s = scene_make();
    const struct delivery *d;

    (void)state;
    s.sub.blocked = 1;
    d = decide(&s);
    assert_int_equal(d->state, DELIVERY_SKIPPED);
    assert_string_equal(d->reason, "the subscriber is blocked");
    assert_null(d->effect);
    assert_null(d->payload);
    delivery_drop_all(&s.list);
}

static void
what_waits_for_a_later_one_is_looked_at_in_time(void **state)
{
    struct scene s = scene_make();
    const struct delivery *d;

    (void)state;
    s.facts.reset_waits = true;
    s.facts.reset_due_us = 700000;
    d = decide(&s);
    assert_int_equal(d->state, DELIVERY_READY);
    assert_int_equal(d->lane, LANE_DECIDE);
    assert_int_equal(d->delay_us, 700000 + LATER_US);
    assert_null(d->effect);
    delivery_drop_all(&s.list);
}

static void
without_a_right_to_radnas_it_waits_for_one(void **state)
{
    struct scene s = scene_make();
    const struct delivery *d;

    (void)state;
    s.billing.has_routers = false;
    d = decide(&s);
    assert_int_equal(d->state, DELIVERY_READY);
    assert_int_equal(d->lane, LANE_DECIDE);
    assert_string_equal(d->reason, BILLING_NO_ROUTERS);
    assert_true(d->delay_us > 0);
    assert_null(d->effect);
    delivery_drop_all(&s.list);
    s.sub.blocked = 1;
    assert_int_equal(decide(&s)->state, DELIVERY_SKIPPED);
    delivery_drop_all(&s.list);
}

/* ---- as an action: what became of it ---- */

/* What is recorded of a delivery with this payload. */
static struct bytes
recorded(enum delivery_state how, enum outcome_class class, const char *payload)
{
    const struct scene s = scene_make();
    struct delivery *d = delivery_make(session->name, payload);
    struct bytes sql = bytes_make(10000);

    assert_non_null(d);
    d->id = 77;
    d->state = how;
    d->outcome.class = class;
    session->record(&sql, d, &s.set);
    assert_true(bytes_ok(&sql));
    delivery_free(d);
    return sql;
}

static void
what_is_left_is_recorded_for_another_try(void **state)
{
    static const enum outcome_class classes[] = { OUTCOME_TRANSIENT,
        OUTCOME_CONFIGURATION };

    (void)state;
    for (size_t i = 0; i < COUNT(classes); i++) {
        struct bytes sql = recorded(
            DELIVERY_RETRY, classes[i], "{\"login\":\"u1\",\"left\":[3]}");

        assert_sql(bytes_text(&sql),
            "UPDATE delivery AS d JOIN event AS e ON e.id = d.event_id SET"
            " d.payload = '{\"login\":\"u1\",\"left\":[3]}'"
            " WHERE d.id = 77;");
        bytes_free(&sql);
    }
}

/* Each time it would end a new session. */
static void
what_may_have_been_done_is_repeated_for_a_while_only(void **state)
{
    struct bytes sql =
        recorded(DELIVERY_RETRY, OUTCOME_UNKNOWN, "{\"login\":\"u1\"}");

    (void)state;
    assert_sql(bytes_text(&sql),
        "UPDATE delivery AS d JOIN event AS e ON e.id = d.event_id SET"
        " d.payload = '{\"login\":\"u1\"}',"
        " d.expires_utc = LEAST(d.expires_utc,"
        " e.captured_utc + INTERVAL 120000000 MICROSECOND) WHERE d.id = 77;");
    bytes_free(&sql);
}

static void
any_payload_stays_in_its_quotes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(hostile); i++) {
        struct bytes sql =
            recorded(DELIVERY_RETRY, OUTCOME_TRANSIENT, hostile[i]);
        const char *part = hostile[i];
        struct sql_parts q = sql_parse(bytes_text(&sql));

        expect_text("rest", bytes_text(&q.rest),
            "UPDATE delivery AS d JOIN event AS e ON e.id = d.event_id SET"
            " d.payload = ? WHERE d.id = 77;");
        expect_number("parts", q.n, 1);
        if (!strpbrk(part, "\n\r"))
            expect_text("payload", bytes_text(&q.part[0]), part);
        sql_drop(&q);
        bytes_free(&sql);
    }
}

static void
of_other_ends_nothing_more_is_recorded(void **state)
{
    static const enum delivery_state states[] = { DELIVERY_READY, DELIVERY_DONE,
        DELIVERY_DOUBTFUL, DELIVERY_DEAD, DELIVERY_EXPIRED, DELIVERY_SKIPPED,
        DELIVERY_CANCELLED };

    (void)state;
    for (size_t i = 0; i < COUNT(states); i++) {
        struct bytes sql =
            recorded(states[i], OUTCOME_UNKNOWN, "{\"login\":\"u1\"}");

        expect_text(delivery_state_name(states[i]), bytes_text(&sql), "");
        bytes_free(&sql);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_fits_is_done_after_each_event),
        cmocka_unit_test(what_is_no_event_ends_nothing),
        cmocka_unit_test(the_blocked_are_reset_by_a_change_of_tariff_only),
        cmocka_unit_test(in_a_modern_billing_only_the_active_are_reset),
        cmocka_unit_test(an_active_one_may_be_blocked_all_the_same),
        cmocka_unit_test(in_a_legacy_billing_there_is_no_state),
        cmocka_unit_test(a_payment_resets_on_the_day_of_the_fee_only),
        cmocka_unit_test(it_is_the_day_of_the_capture_that_counts),
        cmocka_unit_test(a_credit_must_be_there),
        cmocka_unit_test(any_other_credit_is_one),
        cmocka_unit_test(the_amount_does_not_matter),
        cmocka_unit_test(only_those_in_users_have_sessions),
        cmocka_unit_test(a_login_that_cannot_have_a_session_is_left_alone),
        cmocka_unit_test(a_row_that_is_back_dated_too_far_ends_nothing),
        cmocka_unit_test(that_is_said_before_anything_else),
        cmocka_unit_test(with_a_later_reset_that_is_decided_it_is_one),
        cmocka_unit_test(a_later_reset_that_is_not_decided_is_waited_for),
        cmocka_unit_test(what_is_not_to_be_done_does_not_wait),
        cmocka_unit_test(it_is_for_events_that_are_on),
        cmocka_unit_test(it_waits_and_expires_as_set),
        cmocka_unit_test(it_is_decided_by_itself_and_without_the_interface),
        cmocka_unit_test(the_routers_are_given_the_login),
        cmocka_unit_test(what_the_billing_sees_goes_with_it),
        cmocka_unit_test(any_login_is_read_as_it_was_written),
        cmocka_unit_test(nothing_is_changed_with_the_decision),
        cmocka_unit_test(what_is_skipped_does_nothing),
        cmocka_unit_test(what_waits_for_a_later_one_is_looked_at_in_time),
        cmocka_unit_test(without_a_right_to_radnas_it_waits_for_one),
        cmocka_unit_test(what_is_left_is_recorded_for_another_try),
        cmocka_unit_test(what_may_have_been_done_is_repeated_for_a_while_only),
        cmocka_unit_test(any_payload_stays_in_its_quotes),
        cmocka_unit_test(of_other_ends_nothing_more_is_recorded),
    };

    return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
