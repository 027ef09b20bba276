/* edition: one reading of the settings, and the next that replaces it. */
#include "unit.h"

#include "edition.h"

#define TEXT(words) "[payment]\nsms = no\ntext = " words "\n"

static struct temp file;
static struct editions editions;
static struct bytes errors;
static size_t changed;

static void
write_text(const char *text)
{
    FILE *f = fopen(file.path, "w");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int
open_first(void **state)
{
    (void)state;
    file = temp_text(TEXT("first"));
    errors = bytes_make(10000);
    changed = 0;
    assert_true(editions_open(&editions, file.path, &errors));
    return 0;
}

static int
close_all(void **state)
{
    (void)state;
    editions_close(&editions);
    assert_null(editions.first);
    bytes_free(&errors);
    unlink(file.path);
    return 0;
}

static void
on_change(void *arg, const struct settings_key *key, const void *before,
    const void *now, bool stays)
{
    (void)arg, (void)key, (void)before, (void)now, (void)stays;
    changed++;
}

static bool
renew(const char *text)
{
    write_text(text);
    return editions_renew(&editions, &errors, on_change, NULL);
}

static const char *
text_now(void)
{
    return editions_now(&editions)->notices[NOTICE_PAYMENT].text;
}

static size_t
count(void)
{
    size_t n = 0;

    for (const struct edition *at = editions.first; at; at = at->next)
        n++;
    return n;
}

/* arg: those in use. */
static bool
is_this(const void *arg, const struct settings *set)
{
    return arg == set;
}

static void
a_new_one_is_in_force_and_the_old_one_is_there(void **state)
{
    const struct settings *first = editions_now(&editions);

    (void)state;
    assert_true(renew(TEXT("second")));
    assert_int_equal(changed, 1);
    assert_string_equal(text_now(), "second");
    assert_string_equal(first->notices[NOTICE_PAYMENT].text, "first");
}

static void
a_wrong_one_changes_nothing(void **state)
{
    const struct settings *first = editions_now(&editions);

    (void)state;
    assert_false(renew(TEXT("{nothing}")));
    assert_int_equal(changed, 0);
    assert_int_equal(count(), 1);
    assert_ptr_equal(editions_now(&editions), first);
    assert_string_equal(text_now(), "first");
    assert_non_null(strstr(bytes_text(&errors), ":3: [payment] text: "));
}

static void
an_old_one_goes_when_it_is_not_in_use(void **state)
{
    const struct settings *first = editions_now(&editions), *second;

    (void)state;
    assert_true(renew(TEXT("second")));
    second = editions_now(&editions);
    assert_true(renew(TEXT("third")));
    editions_tidy(&editions, is_this, first);
    assert_int_equal(count(), 2);
    assert_string_equal(first->notices[NOTICE_PAYMENT].text, "first");
    editions_tidy(&editions, is_this, second);
    assert_int_equal(count(), 1);
    assert_string_equal(text_now(), "third");
}

static void
the_one_in_force_never_goes(void **state)
{
    (void)state;
    editions_tidy(&editions, is_this, NULL);
    assert_int_equal(count(), 1);
    assert_string_equal(text_now(), "first");
}

static void
one_that_was_never_good_is_none(void **state)
{
    struct editions none;

    (void)state;
    assert_false(editions_open(&none, "/nowhere/mbevd.ini", &errors));
    assert_non_null(strstr(bytes_text(&errors), "No such file"));
    editions_close(&none);
}

#define with_first(test)                                                       \
    cmocka_unit_test_setup_teardown(test, open_first, close_all)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        with_first(a_new_one_is_in_force_and_the_old_one_is_there),
        with_first(a_wrong_one_changes_nothing),
        with_first(an_old_one_goes_when_it_is_not_in_use),
        with_first(the_one_in_force_never_goes),
        with_first(one_that_was_never_good_is_none),
    };

    return cmocka_run_group_tests_name("edition", tests, NULL, NULL);
}
