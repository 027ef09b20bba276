/* phone: what stands in a subscriber's phone field. */
#include "unit.h"

#include "rules/phone.h"
#include "utf8.h"

/* "|" stands between the numbers found, "?" for what is no number. */
static void
found(const char *field, char *out, size_t size)
{
    struct phone phone[PHONE_MOST];
    size_t n = phone_split(field, phone), have = 0;

    out[0] = '\0';
    for (size_t i = 0; i < n; i++)
        have += (size_t)snprintf(out + have, size - have, "%s%s", i ? "|" : "",
            phone[i].number[0] ? phone[i].number : "?");
}

struct row {
    const char *field;
    const char *want;
};

static void
check(const struct row *rows, size_t n)
{
    char out[256];

    for (size_t i = 0; i < n; i++) {
        found(rows[i].field, out, sizeof out);
        expect_text(rows[i].field, out, rows[i].want);
    }
}

static void
separators_are_dropped(void **state)
{
    static const struct row rows[] = {
        { "79001234567", "79001234567" },
        { "+79001234567", "79001234567" },
        { "+7 (900) 123-45-67", "79001234567" },
        { "7(900)1234567", "79001234567" },
        { "7-900-123-45-67", "79001234567" },
        { "7.900.123.45.67", "79001234567" },
        { "7 900 123 45 67", "79001234567" },
        { "7\t900\t1234567", "79001234567" },
        { "  79001234567  ", "79001234567" },
        { "\r\n79001234567\r\n", "79001234567" },
        { "+ 7 900 123 45 67", "79001234567" },
        { "(7900) 1234567.", "79001234567" },
    };

    (void)state;
    check(rows, COUNT(rows));
}

static void
eleven_digits_with_8_begin_with_7(void **state)
{
    static const struct row rows[] = {
        { "89001234567", "79001234567" },
        { "8 (900) 123-45-67", "79001234567" },
        { "+89001234567", "79001234567" },
        { "88001234567", "78001234567" },
        { "83431234567", "73431234567" },
    };

    (void)state;
    check(rows, COUNT(rows));
}

static void
ten_digits_with_9_get_a_7(void **state)
{
    static const struct row rows[] = {
        { "9001234567", "79001234567" },
        { "(900) 123-45-67", "79001234567" },
        { "+9001234567", "79001234567" },
    };

    (void)state;
    check(rows, COUNT(rows));
}

static void
eleven_to_fifteen_digits_pass(void **state)
{
    static const struct row rows[] = {
        { "12025550123", "12025550123" },
        { "99001234567", "99001234567" },
        { "375291234567", "375291234567" },
        { "+380 44 123-45-67", "380441234567" },
        { "8612345678901", "8612345678901" },
        { "890012345678", "890012345678" },
        { "12345678901234", "12345678901234" },
        { "123456789012345", "123456789012345" },
    };

    (void)state;
    check(rows, COUNT(rows));
}

static void
other_lengths_are_no_numbers(void **state)
{
    static const struct row rows[] = {
        { "0", "?" },
        { "00", "?" },
        { "-", "?" },
        { "+", "?" },
        { "112", "?" },
        { "123456", "?" },
        { "900123456", "?" },
        { "1234567890", "?" },
        { "8001234567", "?" },
        { "1234567890123456", "?" },
        { "12345678901234567890123456789012", "?" },
        { "0000000000000000000000000000000000000000", "?" },
    };

    (void)state;
    check(rows, COUNT(rows));
}

static void
an_empty_or_blank_field_holds_nothing(void **state)
{
    static const struct row rows[] = {
        { "", "" },
        { " ", "" },
        { "                                ", "" },
        { "\t\r\n", "" },
        { ",", "" },
        { " , ; / | ", "" },
    };

    (void)state;
    check(rows, COUNT(rows));
}

static void
several_numbers_are_receivers_each(void **state)
{
    static const struct row rows[] = {
        { "79001234567,79007654321", "79001234567|79007654321" },
        { "89001234567, 89007654321", "79001234567|79007654321" },
        { "9001234567;9007654321", "79001234567|79007654321" },
        { "9001234567/9007654321", "79001234567|79007654321" },
        { "9001234567|9007654321", "79001234567|79007654321" },
        { "+79001234567+79007654321", "79001234567|79007654321" },
        { "+79001234567 +79007654321", "79001234567|79007654321" },
        { "89001234567+79007654321", "79001234567|79007654321" },
        { "9001234567 9007654321", "79001234567|79007654321" },
        { "89001234567  9007654321", "79001234567|79007654321" },
        { "79001234567\n79007654321", "79001234567|79007654321" },
        { "8(900)1234567,8(900)7654321", "79001234567|79007654321" },
        { "9001234567,9007654321,9001112233",
            "79001234567|79007654321|79001112233" },
        { "9001234567,9007654321 9001112233",
            "79001234567|79007654321|79001112233" },
        { ",79001234567,,79007654321,", "79001234567|79007654321" },
        { ", +79001234567", "79001234567" },
        { "8 900 123-45-67, 8 900 765-43-21", "79001234567|79007654321" },
    };

    (void)state;
    check(rows, COUNT(rows));
}

static void
blanks_divide_only_what_is_a_number_each(void **state)
{
    static const struct row rows[] = {
        { "9001234567 89007654321", "79001234567|79007654321" },
        { "8 900 1234567 8 900 7654321", "?" },
        { "79001234567 12", "7900123456712" },
        { "79001234567 123456", "?" },
    };

    (void)state;
    check(rows, COUNT(rows));
}

static void
a_number_there_twice_is_given_once(void **state)
{
    static const struct row rows[] = {
        { "79001234567,79001234567", "79001234567" },
        { "89001234567, +7 900 123-45-67", "79001234567" },
        { "9001234567 89001234567", "79001234567" },
        { "9001234567,9007654321,89001234567", "79001234567|79007654321" },
    };

    (void)state;
    check(rows, COUNT(rows));
}

static void
letters_make_it_no_number(void **state)
{
    static const struct row rows[] = {
        { "no", "?" },
        { "нет", "?" },
        { "нет телефона", "?" },
        { "тел. 89001234567", "?" },
        { "89001234567 Иван", "?" },
        { "89001234567доб5", "?" },
        { "8900123456O", "?" },
        { "8900123456О", "?" },
        { "8*9001234567", "?" },
        { "8_9001234567", "?" },
        { "8900\xC2\xA0"
          "1234567",
            "?" },
        { "８９００1234567", "?" },
        { "\xFF"
          "89001234567",
            "?" },
        { "89001234567,нет", "79001234567|?" },
        { "мама/89001234567", "?|79001234567" },
    };

    (void)state;
    check(rows, COUNT(rows));
}

static void
a_field_cut_by_its_column_gives_what_is_whole(void **state)
{
    static const struct row rows[] = {
        { "89001234567,89007654321,89001112", "79001234567|79007654321|?" },
        { "+7 (900) 123-45-67, +7 (900) 765", "79001234567|?" },
        { "+79001234567,+79007654321,+79001", "79001234567|79007654321|?" },
        { "8(900)123-45-67;8(900)765-43-21;", "79001234567|79007654321" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        expect_number(rows[i].field, strlen(rows[i].field), 32);
    check(rows, COUNT(rows));
}

static void
at_most_four_are_found(void **state)
{
    static const struct row rows[] = {
        { "9000000001,9000000002,9000000003,9000000004,9000000005",
            "79000000001|79000000002|79000000003|79000000004" },
        { "1,2,3,4,5,6", "?|?|?|?" },
        { "9000000001 9000000002 9000000003 9000000004 9000000005",
            "79000000001|79000000002|79000000003|79000000004" },
    };

    (void)state;
    check(rows, COUNT(rows));
}

static void
what_was_given_is_kept_without_blanks_around(void **state)
{
    struct phone phone[PHONE_MOST];

    (void)state;
    assert_int_equal(phone_split("  8 (900) 123-45-67 ; нет ", phone), 2);
    assert_string_equal(phone[0].given, "8 (900) 123-45-67");
    assert_string_equal(phone[1].given, "нет");
    assert_string_equal(phone[1].number, "");
}

static void
what_was_given_is_cut_on_a_character_boundary(void **state)
{
    static const char field[] = "xабвгдежзийклмнопрстуфхцчшщъыьэю";
    struct phone phone[PHONE_MOST];

    (void)state;
    assert_int_equal(phone_split(field, phone), 1);
    assert_string_equal(phone[0].number, "");
    assert_true(utf8_valid(phone[0].given, strlen(phone[0].given)));
    assert_int_equal(strlen(phone[0].given), PHONE_GIVEN - 1);
    assert_memory_equal(phone[0].given, field, PHONE_GIVEN - 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(separators_are_dropped),
        cmocka_unit_test(eleven_digits_with_8_begin_with_7),
        cmocka_unit_test(ten_digits_with_9_get_a_7),
        cmocka_unit_test(eleven_to_fifteen_digits_pass),
        cmocka_unit_test(other_lengths_are_no_numbers),
        cmocka_unit_test(an_empty_or_blank_field_holds_nothing),
        cmocka_unit_test(several_numbers_are_receivers_each),
        cmocka_unit_test(blanks_divide_only_what_is_a_number_each),
        cmocka_unit_test(a_number_there_twice_is_given_once),
        cmocka_unit_test(letters_make_it_no_number),
        cmocka_unit_test(a_field_cut_by_its_column_gives_what_is_whole),
        cmocka_unit_test(at_most_four_are_found),
        cmocka_unit_test(what_was_given_is_kept_without_blanks_around),
        cmocka_unit_test(what_was_given_is_cut_on_a_character_boundary),
    };

    return cmocka_run_group_tests_name("phone", tests, NULL, NULL);
}
