/* delivery: one thing to be done about one event, for one receiver. */
#include "unit.h"

#include "delivery.h"
#include "hash.h"

static struct delivery *
numbered(uint64_t id)
{
    struct delivery *d = delivery_make("sms", NULL);

    assert_non_null(d);
    d->id = id;
    return d;
}

static void
a_new_delivery_has_a_copy_of_its_payload(void **state)
{
    char text[] = "Платёж";
    struct delivery *d = delivery_make("sms", text);

    (void)state;
    assert_non_null(d);
    text[0] = 'x';
    assert_string_equal(d->payload, "Платёж");
    assert_string_equal(d->action, "sms");
    assert_int_equal(d->state, DELIVERY_READY);
    assert_int_equal(d->id, 0);
    assert_int_equal(d->attempts, 0);
    assert_string_equal(d->address, "");
    assert_string_equal(d->key, "");
    assert_null(d->provider);
    assert_null(d->effect);
    assert_int_equal(d->lane, LANE_DECIDE);
    assert_int_equal(d->route.n, 0);
    assert_int_equal(d->plan_us, 0);
    assert_int_equal(d->delay_us, 0);
    assert_true(d->expires_in_us == INT64_MAX);
    assert_false(d->ask);
    delivery_free(d);
}

static void
a_delivery_may_have_no_payload(void **state)
{
    struct delivery *d = delivery_make("sms", NULL);

    (void)state;
    assert_non_null(d);
    assert_null(d->payload);
    delivery_free(d);
    delivery_free(NULL);
}

/* What is leaked here, a build with sanitizers tells. */
static void
payload_and_effect_go_with_the_delivery(void **state)
{
    struct delivery_list list = { 0 };
    struct delivery *d = delivery_make("bonus_topup", "100.00");

    (void)state;
    assert_non_null(d);
    d->effect = strdup("INSERT INTO addons_pay_api");
    assert_non_null(d->effect);
    delivery_free(d);
    for (int i = 0; i < 3; i++) {
        d = delivery_make("bonus_topup", "100.00");
        assert_non_null(d);
        d->effect = strdup("INSERT INTO addons_pay_api");
        delivery_push(&list, d);
    }
    delivery_drop_all(&list);
    assert_int_equal(list.n, 0);
}

static void
the_key_is_made_of_event_action_and_receiver(void **state)
{
    struct delivery *d = numbered(1);

    (void)state;
    d->receiver = 2;
    delivery_set_key(d, "payment:t:501:1001:2026-11-23 20:24:00:100.000000");
    assert_string_equal(
        d->key, "payment:t:501:1001:2026-11-23 20:24:00:100.000000|sms|2");
    delivery_free(d);
}

static void
each_receiver_has_a_key_of_its_own(void **state)
{
    struct delivery *a = numbered(1), *b = numbered(1);

    (void)state;
    b->receiver = 1;
    delivery_set_key(a, "payment:1");
    delivery_set_key(b, "payment:1");
    assert_string_not_equal(a->key, b->key);
    delivery_free(a);
    delivery_free(b);
}

static void
the_longest_identity_leaves_room_for_the_rest(void **state)
{
    struct delivery *d = numbered(1);
    char identity[121];

    (void)state;
    memset(identity, 'x', sizeof identity - 1);
    identity[sizeof identity - 1] = '\0';
    d->receiver = 3;
    delivery_set_key(d, identity);
    assert_int_equal(strlen(d->key), 120 + strlen("|sms|3"));
    assert_string_equal(d->key + 120, "|sms|3");
    delivery_free(d);
}

static void
each_attempt_has_a_key_of_its_own(void **state)
{
    struct delivery *d = numbered(1);
    char first[DELIVERY_ATTEMPT_KEY], last[DELIVERY_ATTEMPT_KEY];

    (void)state;
    delivery_set_key(d, "payment:1");
    assert_string_equal(delivery_attempt_key(d, 1, first), "payment:1|sms|0|1");
    memset(d->key, 'x', DELIVERY_KEY);
    delivery_attempt_key(d, UINT32_MAX, last);
    assert_string_equal(last + DELIVERY_KEY, "|4294967295");
    delivery_free(d);
}

static void
attempts_of_a_receipt_are_those_of_its_number(void **state)
{
    struct delivery *d = numbered(1);
    char key[DELIVERY_ATTEMPT_KEY];

    (void)state;
    delivery_set_key(d, "payment:1");
    d->lane = LANE_KOMTET;
    d->log_id = 17;
    assert_string_equal(
        delivery_attempt_key(d, 2, key), "payment:1|sms|0|2|17");
    memset(d->key, 'x', DELIVERY_KEY);
    d->log_id = UINT64_MAX;
    delivery_attempt_key(d, UINT32_MAX, key);
    assert_string_equal(key + DELIVERY_KEY, "|4294967295|18446744073709551615");
    delivery_free(d);
}

/* ---- its number for providers ---- */

/* The number of a delivery with this key. */
static const char *
id_of(const char *identity, const char *action, unsigned receiver,
    char buf[DELIVERY_MESSAGE_ID])
{
    struct delivery *d = delivery_make(action, NULL);

    assert_non_null(d);
    d->receiver = receiver;
    delivery_set_key(d, identity);
    delivery_message_id(d, buf);
    delivery_free(d);
    return buf;
}

static void
fingerprints_are_those_of_fnv_1a(void **state)
{
    (void)state;
    assert_true(hash_text("") == 0xcbf29ce484222325u);
    assert_true(hash_text("a") == 0xaf63dc4c8601ec8cu);
    assert_true(hash_text("foobar") == 0x85944171f73967e8u);
    assert_true(hash_text("\xFF") == 0xaf64724c8602eb6eu);
}

/* Written down: it must be the same in the next version and on another
 * machine. */
static void
the_number_of_a_message_is_the_same_for_ever(void **state)
{
    char id[DELIVERY_MESSAGE_ID];

    (void)state;
    assert_string_equal(
        id_of("payment:bugh_plategi_stat:501:1001:2026-11-23 20:24:00:"
              "100.500000",
            "sms", 0, id),
        "MBEV-736f0097c221f3ff");
}

static void
a_short_number_is_filled_with_zeros(void **state)
{
    struct delivery *d = numbered(1);
    char id[DELIVERY_MESSAGE_ID];
    int short_ones = 0;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        snprintf(d->key, sizeof d->key, "%d", i);
        delivery_message_id(d, id);
        assert_int_equal(strlen(id), strlen("MBEV-") + 16);
        assert_int_equal(strncmp(id, "MBEV-", 5), 0);
        assert_int_equal(strspn(id + 5, "0123456789abcdef"), 16);
        short_ones += id[5] == '0';
    }
    assert_true(short_ones > 0);
    delivery_free(d);
}

static void
the_number_stays_in_every_attempt(void **state)
{
    struct delivery *d = delivery_make("sms", "text");
    char first[DELIVERY_MESSAGE_ID], later[DELIVERY_MESSAGE_ID];

    (void)state;
    assert_non_null(d);
    delivery_set_key(d, "payment:1");
    delivery_message_id(d, first);
    d->id = 77;
    d->event_id = 5;
    d->epoch = 9;
    d->attempts = 3;
    d->ask = true;
    d->state = DELIVERY_RETRY;
    d->lane = LANE_SMSC;
    assert_true(route_parse(&d->route, "smsc,social"));
    snprintf(d->address, sizeof d->address, "79001234567");
    d->provider = "smsc";
    assert_string_equal(delivery_message_id(d, later), first);
    delivery_free(d);
}

static void
event_action_and_receiver_make_numbers_of_their_own(void **state)
{
    char a[DELIVERY_MESSAGE_ID], b[DELIVERY_MESSAGE_ID];

    (void)state;
    id_of("payment:1", "sms", 0, a);
    assert_string_equal(id_of("payment:1", "sms", 0, b), a);
    assert_string_not_equal(id_of("payment:2", "sms", 0, b), a);
    assert_string_not_equal(id_of("payment:1", "social", 0, b), a);
    assert_string_not_equal(id_of("payment:1", "sms", 1, b), a);
}

static int
by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void
thousands_of_messages_have_thousands_of_numbers(void **state)
{
    enum { EVENTS = 5000, MOST = EVENTS * 4 };
    static char ids[MOST][DELIVERY_MESSAGE_ID];
    char identity[100];
    size_t n = 0;

    (void)state;
    for (int i = 0; i < EVENTS; i++) {
        snprintf(identity, sizeof identity,
            "payment:bugh_plategi_stat:%d:1001:2026-11-23 20:24:00:100.000000",
            i);
        for (unsigned receiver = 0; receiver < 2; receiver++) {
            id_of(identity, "sms", receiver, ids[n++]);
            id_of(identity, "social", receiver, ids[n++]);
        }
    }
    qsort(ids, n, sizeof *ids, by_text);
    for (size_t i = 1; i < n; i++)
        assert_string_not_equal(ids[i - 1], ids[i]);
}

/* ---- lists ---- */

static void
a_list_gives_back_in_the_same_order(void **state)
{
    struct delivery_list list = { 0 };

    (void)state;
    for (uint64_t id = 1; id <= 5; id++) {
        delivery_push(&list, numbered(id));
        assert_int_equal(list.n, id);
    }
    for (uint64_t id = 1; id <= 5; id++) {
        struct delivery *d = delivery_pop(&list);

        assert_non_null(d);
        assert_int_equal(d->id, id);
        assert_null(d->next);
        assert_int_equal(list.n, 5 - id);
        delivery_free(d);
    }
    assert_null(delivery_pop(&list));
}

static void
an_emptied_list_can_be_filled_again(void **state)
{
    struct delivery_list list = { 0 };
    struct delivery *d;

    (void)state;
    assert_null(delivery_pop(&list));
    delivery_push(&list, numbered(1));
    delivery_free(delivery_pop(&list));
    assert_null(list.first);
    assert_null(list.last);
    delivery_push(&list, numbered(2));
    delivery_push(&list, numbered(3));
    d = delivery_pop(&list);
    assert_int_equal(d->id, 2);
    delivery_push(&list, d);
    assert_int_equal(list.first->id, 3);
    assert_int_equal(list.last->id, 2);
    delivery_drop_all(&list);
}

/* The list holds these, and nothing else. */
static void
assert_list(const struct delivery_list *list, const char *want)
{
    const struct delivery *d, *last = NULL;
    char got[100] = "";
    size_t n = 0;

    for (d = list->first; d; d = d->next) {
        size_t len = strlen(got);

        snprintf(
            got + len, sizeof got - len, "%llu", (unsigned long long)d->id);
        last = d;
        n++;
    }
    expect_text("list", got, want);
    assert_ptr_equal(list->last, last);
    assert_int_equal(list->n, n);
}

static void
one_is_taken_from_any_place_of_a_list(void **state)
{
    static const struct {
        const char *take; /* one after the other */
        const char *left;
    } rows[] = { { "1", "234" }, { "2", "134" }, { "3", "124" }, { "4", "123" },
        { "14", "23" }, { "41", "23" }, { "23", "14" }, { "432", "1" },
        { "123", "4" }, { "1234", "" }, { "4321", "" }, { "2413", "" } };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct delivery_list list = { 0 };
        struct delivery *d[5];

        for (uint64_t id = 1; id <= 4; id++) {
            d[id] = numbered(id);
            delivery_push(&list, d[id]);
        }
        for (const char *c = rows[i].take; *c; c++) {
            delivery_remove(&list, d[*c - '0']);
            assert_null(d[*c - '0']->next);
            delivery_free(d[*c - '0']);
        }
        assert_list(&list, rows[i].left);
        /* It can be used as before. */
        delivery_push(&list, numbered(5));
        assert_int_equal(list.last->id, 5);
        delivery_drop_all(&list);
    }
}

static void
what_was_taken_can_be_put_into_another_list(void **state)
{
    struct delivery_list from = { 0 }, to = { 0 };

    (void)state;
    for (uint64_t id = 1; id <= 3; id++)
        delivery_push(&from, numbered(id));
    while (from.n > 0) {
        struct delivery *d = from.last;

        delivery_remove(&from, d);
        delivery_push(&to, d);
    }
    assert_list(&from, "");
    assert_list(&to, "321");
    delivery_drop_all(&to);
}

static void
dropping_all_empties_the_list(void **state)
{
    struct delivery_list list = { 0 };

    (void)state;
    for (uint64_t id = 1; id <= 3; id++) {
        struct delivery *d = delivery_make("sms", "text");

        assert_non_null(d);
        delivery_push(&list, d);
    }
    delivery_drop_all(&list);
    assert_int_equal(list.n, 0);
    assert_null(list.first);
    assert_null(list.last);
    delivery_drop_all(&list);
}

static void
states_are_named_as_in_the_table(void **state)
{
    static const char *const names[] = { "ready", "leased", "calling", "done",
        "retry", "doubtful", "dead", "expired", "skipped", "cancelled", "held",
        "dry" };

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++)
        assert_string_equal(
            delivery_state_name((enum delivery_state)i), names[i]);
    assert_int_equal(COUNT(names), DELIVERY_DRY + 1);
    for (size_t i = 0; i < COUNT(names); i++)
        assert_int_equal(delivery_state_of(names[i]), i);
    assert_int_equal(delivery_state_of("lost"), DELIVERY_STATES);
    assert_int_equal(delivery_state_of(""), DELIVERY_STATES);
}

static void
lanes_are_named_as_in_the_table(void **state)
{
    static const char *const names[] = { "decide", "smspilot", "smsc", "komtet",
        "routers", "exec", "webhook", "kafka" };

    (void)state;
    assert_int_equal(COUNT(names), LANES);
    for (enum lane_id lane = 0; lane < LANES; lane++) {
        assert_string_equal(delivery_lane_name(lane), names[lane]);
        assert_int_equal(delivery_lane_of(names[lane]), lane);
    }
}

static void
a_lane_of_another_version_is_that_of_the_undecided(void **state)
{
    static const char *const names[] = { "", "sms", "SMSC", "smsc ", " smsc",
        "smspilo", "smspilot2", "social", "receipt" };

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++)
        expect_number(names[i], delivery_lane_of(names[i]), LANE_DECIDE);
}

static void
each_channel_has_the_lane_of_its_provider(void **state)
{
    (void)state;
    assert_int_equal(delivery_lane_for(CHANNEL_SMSPILOT), LANE_SMSPILOT);
    assert_int_equal(delivery_lane_for(CHANNEL_SMSC), LANE_SMSC);
    assert_int_equal(delivery_lane_for(CHANNEL_SOCIAL), LANE_SMSC);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_delivery_has_a_copy_of_its_payload),
        cmocka_unit_test(a_delivery_may_have_no_payload),
        cmocka_unit_test(payload_and_effect_go_with_the_delivery),
        cmocka_unit_test(the_key_is_made_of_event_action_and_receiver),
        cmocka_unit_test(each_receiver_has_a_key_of_its_own),
        cmocka_unit_test(the_longest_identity_leaves_room_for_the_rest),
        cmocka_unit_test(each_attempt_has_a_key_of_its_own),
        cmocka_unit_test(attempts_of_a_receipt_are_those_of_its_number),
        cmocka_unit_test(fingerprints_are_those_of_fnv_1a),
        cmocka_unit_test(the_number_of_a_message_is_the_same_for_ever),
        cmocka_unit_test(a_short_number_is_filled_with_zeros),
        cmocka_unit_test(the_number_stays_in_every_attempt),
        cmocka_unit_test(event_action_and_receiver_make_numbers_of_their_own),
        cmocka_unit_test(thousands_of_messages_have_thousands_of_numbers),
        cmocka_unit_test(a_list_gives_back_in_the_same_order),
        cmocka_unit_test(an_emptied_list_can_be_filled_again),
        cmocka_unit_test(one_is_taken_from_any_place_of_a_list),
        cmocka_unit_test(what_was_taken_can_be_put_into_another_list),
        cmocka_unit_test(dropping_all_empties_the_list),
        cmocka_unit_test(states_are_named_as_in_the_table),
        cmocka_unit_test(lanes_are_named_as_in_the_table),
        cmocka_unit_test(a_lane_of_another_version_is_that_of_the_undecided),
        cmocka_unit_test(each_channel_has_the_lane_of_its_provider),
    };

    return cmocka_run_group_tests_name("delivery", tests, NULL, NULL);
}
