/*
 * share: who gives how much to whom.
 */
#include "unit.h"

#include "share.h"

#include <stdio.h>
#include <string.h>

#define ALL OWNER_ALL

/* A row of one that acts; its number is in its name. */
static struct owner_row
acting(int number, uint32_t parts)
{
    struct owner_row row = { .parts = parts, .epoch = 8 };

    snprintf(row.name, sizeof row.name, number ? "beside-%d" : "main", number);
    snprintf(row.holder, sizeof row.holder, "host-%d", number);
    return row;
}

static struct owner_row
gone(int number, uint32_t parts)
{
    struct owner_row row = acting(number, parts);

    row.over = true;
    return row;
}

static uint32_t
plan(const struct owner_rows *rows, size_t ours, const char **to)
{
    const struct owner_row *row = NULL;
    uint32_t parts = share_plan(rows, &rows->at[ours], true, &row);

    *to = row ? row->name : "";
    return parts;
}

static void
test_one_alone_keeps_all(void **state)
{
    struct owner_rows rows = { .at = { acting(0, ALL) }, .n = 1 };
    const char *to;

    (void)state;
    assert_int_equal(plan(&rows, 0, &to), 0);
}

static void
test_the_last_half_goes_to_a_second(void **state)
{
    struct owner_rows rows = { .at = { acting(1, 0), acting(0, ALL) }, .n = 2 };
    const char *to;

    (void)state;
    assert_int_equal(plan(&rows, 1, &to), 0xffff0000u);
    assert_string_equal(to, "beside-1");
    assert_int_equal(plan(&rows, 0, &to), 0);
}

static void
test_nobody_gives_to_one_that_is_gone(void **state)
{
    struct owner_rows rows = { .at = { gone(1, 0), acting(0, ALL) }, .n = 2 };
    const char *to;

    (void)state;
    assert_int_equal(plan(&rows, 1, &to), 0);
}

static void
test_equals_give_nothing(void **state)
{
    struct owner_rows rows = {
        .at = { acting(1, 0xffff0000u), acting(0, 0xffff) }, .n = 2
    };
    const char *to;

    (void)state;
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(plan(&rows, i, &to), 0);
}

static void
test_who_may_not_share_gives_all_to_main(void **state)
{
    struct owner_rows rows = { .at = { acting(1, 0xf0), acting(0, 0xf) },
        .n = 2 };
    const struct owner_row *to;

    (void)state;
    assert_int_equal(share_plan(&rows, &rows.at[0], false, &to), 0xf0);
    assert_string_equal(to->name, "main");
    assert_int_equal(share_plan(&rows, &rows.at[1], false, &to), 0);
    assert_null(to);
}

/* Carries out what each plans, in turn, until nobody plans anything. */
static unsigned
settle_all(struct owner_rows *rows)
{
    for (unsigned rounds = 0; rounds < 64; rounds++) {
        bool moved = false;

        for (size_t i = 0; i < rows->n; i++) {
            const struct owner_row *to;
            uint32_t parts = share_plan(rows, &rows->at[i], true, &to);

            if (parts == 0)
                continue;
            assert_int_equal(parts & ~rows->at[i].parts, 0);
            moved = true;
            rows->at[i].parts &= ~parts;
            rows->at[to - rows->at].parts |= parts;
        }
        if (!moved)
            return rounds;
    }
    return 64;
}

/* However they were divided before: the fewest have as many as all can have,
 * none is lost, and it comes to an end. */
static void
test_any_number_come_to_equal_shares(void **state)
{
    (void)state;
    for (size_t n = 1; n <= OWNER_MOST; n++)
        for (unsigned first = 0; first <= OWNER_PARTS; first++) {
            struct owner_rows rows = { .n = n };
            uint32_t all = 0,
                     some = first < OWNER_PARTS ? (1u << first) - 1 : ALL;

            for (size_t i = 0; i < n; i++)
                rows.at[i] = acting((int)i, 0);
            rows.at[0].parts = some;
            rows.at[n - 1].parts |= ~some;
            assert_in_range(settle_all(&rows), 0, 16);
            for (size_t i = 0; i < n; i++) {
                assert_int_equal(all & rows.at[i].parts, 0);
                all |= rows.at[i].parts;
                assert_true(owner_count(rows.at[i].parts) >= OWNER_PARTS / n);
            }
            assert_int_equal(all, ALL);
        }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_alone_keeps_all),
        cmocka_unit_test(test_the_last_half_goes_to_a_second),
        cmocka_unit_test(test_nobody_gives_to_one_that_is_gone),
        cmocka_unit_test(test_equals_give_nothing),
        cmocka_unit_test(test_who_may_not_share_gives_all_to_main),
        cmocka_unit_test(test_any_number_come_to_equal_shares),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
