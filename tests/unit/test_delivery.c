/* delivery: one thing to be done about one event, for one receiver. */
#include "unit.h"

#include "delivery.h"

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

static void
dropping_all_empties_the_list(void **state)
{
    struct delivery_list list = { 0 };

    (void)state;
    for (uint64_t id = 1; id <= 3; id++)
        delivery_push(&list, delivery_make("sms", "text"));
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
        "retry", "doubtful", "dead", "expired", "skipped", "cancelled" };

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++)
        assert_string_equal(
            delivery_state_name((enum delivery_state)i), names[i]);
    assert_int_equal(COUNT(names), DELIVERY_CANCELLED + 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_delivery_has_a_copy_of_its_payload),
        cmocka_unit_test(a_delivery_may_have_no_payload),
        cmocka_unit_test(the_key_is_made_of_event_action_and_receiver),
        cmocka_unit_test(each_receiver_has_a_key_of_its_own),
        cmocka_unit_test(the_longest_identity_leaves_room_for_the_rest),
        cmocka_unit_test(a_list_gives_back_in_the_same_order),
        cmocka_unit_test(an_emptied_list_can_be_filled_again),
        cmocka_unit_test(dropping_all_empties_the_list),
        cmocka_unit_test(states_are_named_as_in_the_table),
    };

    return cmocka_run_group_tests_name("delivery", tests, NULL, NULL);
}
