/*
 * trouble: what is told, and how often. The clock is a number, and the log
 * counts. Linked with --wrap=clock_boot_us and --wrap=log_at.
 */
#include "unit.h"

#include "clock.h"
#include "trouble.h"

#define SECOND_US INT64_C(1000000)

static int64_t now_us;
static unsigned logged[LOG_DEBUG + 1];
static char last[2000];

int64_t __wrap_clock_boot_us(void);
void __wrap_log_at(enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

int64_t
__wrap_clock_boot_us(void)
{
    return now_us;
}

void
__wrap_log_at(enum log_level level, const char *fmt, ...)
{
    va_list args;

    logged[level]++;
    va_start(args, fmt);
    vsnprintf(last, sizeof last, fmt, args);
    va_end(args);
}

static int
fresh(void **state)
{
    static struct trouble trouble;

    trouble = (struct trouble){ 0 };
    now_us = 1000 * SECOND_US;
    memset(logged, 0, sizeof logged);
    *state = &trouble;
    return 0;
}

/* A failure in each second, with the words that it is told in. */
static void
fail_for(struct trouble *t, int seconds, const char *words)
{
    for (int i = 0; i < seconds; i++) {
        trouble_goes_on(t);
        trouble_tell(t, LOG_ERROR, "%s", words);
        now_us += SECOND_US;
    }
}

/* Rounds that go well. */
static void
be_well_for(struct trouble *t, int seconds)
{
    for (int i = 0; i <= seconds; i++) {
        trouble_calm(t);
        now_us += SECOND_US;
    }
}

static void
what_lasts_is_told_every_ten_minutes(void **state)
{
    struct trouble *t = *state;

    fail_for(t, 600, "away");
    assert_int_equal(logged[LOG_ERROR], 1);
    assert_int_equal(logged[LOG_DEBUG], 599);
    fail_for(t, 600, "away");
    assert_int_equal(logged[LOG_ERROR], 2);
}

static void
other_words_are_told_at_once(void **state)
{
    struct trouble *t = *state;

    for (int i = 0; i < 300; i++) {
        fail_for(t, 1, "lost");
        fail_for(t, 1, "cannot connect");
    }
    assert_int_equal(logged[LOG_ERROR], 2);
}

static void
its_end_is_told_once_with_how_long_it_lasted(void **state)
{
    struct trouble *t = *state;

    fail_for(t, 7, "away");
    be_well_for(t, 10);
    assert_int_equal(logged[LOG_INFO], 1);
    assert_non_null(strstr(last, "works again; the trouble lasted 7 s"));
}

static void
one_success_between_failures_is_not_its_end(void **state)
{
    struct trouble *t = *state;

    for (int i = 0; i < 100; i++) {
        fail_for(t, 1, "away");
        be_well_for(t, 0);
    }
    assert_int_equal(logged[LOG_INFO], 0);
    assert_int_equal(logged[LOG_ERROR], 1);
    be_well_for(t, 3);
    assert_non_null(strstr(last, "lasted 199 s"));
}

/* It comes and goes: told once a minute, with its end. */
static void
what_comes_again_is_told_once_a_minute(void **state)
{
    struct trouble *t = *state;

    for (int i = 0; i < 100; i++) {
        fail_for(t, 1, "away");
        be_well_for(t, 4);
    }
    assert_in_range(logged[LOG_ERROR], 9, 10);
    assert_int_equal(logged[LOG_INFO], logged[LOG_ERROR]);
}

static void
how_long_it_lasts_is_known(void **state)
{
    struct trouble *t = *state;

    assert_int_equal(trouble_goes_on(t), 0);
    now_us += 90 * SECOND_US;
    assert_int_equal(trouble_goes_on(t), 90);
    be_well_for(t, 100);
    assert_int_equal(trouble_goes_on(t), 0);
}

/* More kinds of words than there are places: the oldest go. */
static void
it_remembers_the_newest_words(void **state)
{
    struct trouble *t = *state;
    char words[16];

    for (int i = 0; i < 2 * TROUBLE_WORDS; i++) {
        snprintf(words, sizeof words, "table %d", i);
        fail_for(t, 1, words);
    }
    assert_int_equal(logged[LOG_ERROR], 2 * TROUBLE_WORDS);
    for (int i = TROUBLE_WORDS; i < 2 * TROUBLE_WORDS; i++) {
        snprintf(words, sizeof words, "table %d", i);
        fail_for(t, 1, words);
    }
    assert_int_equal(logged[LOG_ERROR], 2 * TROUBLE_WORDS);
}

static void
what_it_is_about_decides_and_not_the_line(void **state)
{
    struct trouble *t = *state;

    assert_int_equal(trouble_level(t, LOG_WARNING, "refused"), LOG_WARNING);
    assert_int_equal(trouble_level(t, LOG_WARNING, "refused"), LOG_DEBUG);
    assert_int_equal(trouble_level(t, LOG_ERROR, "full"), LOG_ERROR);
}

static void
common_errors_have_a_cure(void **state)
{
    static const struct {
        unsigned number;
        const char *words;
    } rows[] = {
        { 1040, "max_connections" },
        { 1045, "[database]" },
        { 1142, "sql/grants.sql" },
        { 1146, "sql/schema.sql" },
        { 1153, "max_allowed_packet" },
        { 1290, "replica" },
        { 1114, "make room" },
        { 2002, "started" },
        { 4151, "UNLOCK" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        if (!strstr(trouble_cure(rows[i].number), rows[i].words))
            fail_msg("%u: %s", rows[i].number, rows[i].words);
    assert_string_equal(trouble_cure(0), "");
    assert_string_equal(trouble_cure(1205), "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_lasts_is_told_every_ten_minutes, fresh),
        cmocka_unit_test_setup(other_words_are_told_at_once, fresh),
        cmocka_unit_test_setup(
            its_end_is_told_once_with_how_long_it_lasted, fresh),
        cmocka_unit_test_setup(
            one_success_between_failures_is_not_its_end, fresh),
        cmocka_unit_test_setup(what_comes_again_is_told_once_a_minute, fresh),
        cmocka_unit_test_setup(how_long_it_lasts_is_known, fresh),
        cmocka_unit_test_setup(it_remembers_the_newest_words, fresh),
        cmocka_unit_test_setup(
            what_it_is_about_decides_and_not_the_line, fresh),
        cmocka_unit_test_setup(common_errors_have_a_cure, fresh),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
