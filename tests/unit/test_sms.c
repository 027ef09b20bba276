/* sms: the action that tells a subscriber something by SMS. */
#include "unit.h"

#include "actions/sms.h"

static struct settings
settings_make(void)
{
    return (struct settings){
        .billing = { .moved_subscribers = true, .backdated_ms = 3600000 },
        .company = { .name = "",
            .site = "",
            .cabinet = "",
            .phone = "",
            .signature = "",
            .currency = "руб" },
        .payment = { .sms = true,
            .minimum_kopecks = 1000,
            .text = "{login}: {amount} {currency}" },
    };
}

static const struct event payment = { .kind = EVENT_PAYMENT,
    .uid = 1001,
    .kopecks = 10050,
    .millionths = 100500000 };

static struct delivery_list
decided(char *sms_tel)
{
    struct subscriber sub = { .uid = 1001,
        .place = PLACE_USERS,
        .login = "abonent1",
        .sms_tel = sms_tel };
    struct settings set = settings_make();
    struct delivery_list list = { 0 };

    assert_true(sms_decide(&list, &payment, &sub, &set, 0));
    return list;
}

static void
assert_delivery(const struct delivery *d, unsigned receiver,
    enum delivery_state state, const char *address, const char *reason)
{
    assert_non_null(d);
    assert_ptr_equal(d->action, sms_action);
    assert_int_equal(d->receiver, receiver);
    assert_int_equal(d->state, state);
    assert_string_equal(d->address, address);
    assert_string_equal(d->reason, reason);
    if (state == DELIVERY_READY)
        assert_string_equal(d->payload, "abonent1: 100.50 руб");
    else
        assert_null(d->payload);
}

static void
one_phone_is_one_delivery(void **state)
{
    struct delivery_list list = decided("8 (900) 123-45-67");

    (void)state;
    assert_int_equal(list.n, 1);
    assert_delivery(list.first, 0, DELIVERY_READY, "79001234567", "");
    delivery_drop_all(&list);
}

static void
each_phone_is_a_receiver(void **state)
{
    struct delivery_list list = decided("9001234567,9007654321");

    (void)state;
    assert_int_equal(list.n, 2);
    assert_delivery(list.first, 0, DELIVERY_READY, "79001234567", "");
    assert_delivery(list.last, 1, DELIVERY_READY, "79007654321", "");
    delivery_drop_all(&list);
}

static void
what_is_no_number_is_skipped_beside_the_others(void **state)
{
    struct delivery_list list = decided("нет, 9007654321");

    (void)state;
    assert_int_equal(list.n, 2);
    assert_delivery(
        list.first, 0, DELIVERY_SKIPPED, "нет", "not a phone number");
    assert_delivery(list.last, 1, DELIVERY_READY, "79007654321", "");
    delivery_drop_all(&list);
}

static void
a_refusal_of_the_rules_is_one_skipped_delivery(void **state)
{
    struct delivery_list list = decided("");

    (void)state;
    assert_int_equal(list.n, 1);
    assert_delivery(list.first, 0, DELIVERY_SKIPPED, "",
        "the subscriber has no phone (sms_tel is empty)");
    delivery_drop_all(&list);
}

static void
deliveries_are_appended(void **state)
{
    struct delivery_list list = decided("9001234567");
    struct subscriber sub = {
        .uid = 1002, .place = PLACE_NONE, .login = "", .sms_tel = ""
    };
    struct settings set = settings_make();

    (void)state;
    assert_true(sms_decide(&list, &payment, &sub, &set, 0));
    assert_int_equal(list.n, 2);
    assert_delivery(
        list.last, 0, DELIVERY_SKIPPED, "", "there is no such subscriber");
    delivery_drop_all(&list);
}

static void
payments_are_routed_when_sms_is_on(void **state)
{
    struct settings set = settings_make();

    (void)state;
    assert_true(sms_routed(&set, EVENT_PAYMENT));
    set.payment.sms = false;
    assert_false(sms_routed(&set, EVENT_PAYMENT));
}

static void
other_kinds_are_not_routed(void **state)
{
    struct settings set = settings_make();

    (void)state;
    for (enum event_kind kind = 0; kind <= EVENT_KINDS; kind++)
        if (kind != EVENT_PAYMENT)
            assert_false(sms_routed(&set, kind));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_phone_is_one_delivery),
        cmocka_unit_test(each_phone_is_a_receiver),
        cmocka_unit_test(what_is_no_number_is_skipped_beside_the_others),
        cmocka_unit_test(a_refusal_of_the_rules_is_one_skipped_delivery),
        cmocka_unit_test(deliveries_are_appended),
        cmocka_unit_test(payments_are_routed_when_sms_is_on),
        cmocka_unit_test(other_kinds_are_not_routed),
    };

    return cmocka_run_group_tests_name("sms", tests, NULL, NULL);
}
