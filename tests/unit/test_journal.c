/* journal: attempts on our own disk. */
#include "unit.h"

#include "journal.h"
#include "log.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define HOUR_US (3600LL * 1000000)
#define MANY 10000

/* A folder of its own for each test. */
struct place {
    char folder[64];
    char file[96];
    char old[100];
    struct journal j;
};

static struct place place;

static int
make_place(void **state)
{
    (void)state;
    strcpy(place.folder, "/tmp/mbev-unit-XXXXXX");
    if (!mkdtemp(place.folder))
        return -1;
    snprintf(
        place.file, sizeof place.file, "%s/attempts.journal", place.folder);
    snprintf(place.old, sizeof place.old, "%s.1", place.file);
    place.j.fd = -1;
    return 0;
}

static int
remove_place(void **state)
{
    (void)state;
    journal_close(&place.j);
    unlink(place.file);
    unlink(place.old);
    return rmdir(place.folder);
}

static void
open_with(int64_t period_us)
{
    assert_true(journal_open(&place.j, place.folder, period_us));
}

static void
reopen(void)
{
    journal_close(&place.j);
    open_with(HOUR_US);
}

static void
begin(const char *key)
{
    journal_begin(&place.j, key);
}

static bool
begun(const char *key)
{
    return journal_begun(&place.j, key);
}

static void
keep(void)
{
    assert_true(journal_sync(&place.j));
}

static void
write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void
nothing_is_begun_at_first(void **state)
{
    (void)state;
    open_with(HOUR_US);
    assert_true(journal_is_open(&place.j));
    assert_false(begun("k1"));
    assert_false(begun(""));
}

static void
what_is_begun_is_known_at_once(void **state)
{
    (void)state;
    open_with(HOUR_US);
    begin("k1");
    assert_true(begun("k1"));
    assert_false(begun("k2"));
    assert_false(begun("k"));
}

static void
what_is_freed_is_not_begun_any_more(void **state)
{
    (void)state;
    open_with(HOUR_US);
    begin("k1");
    begin("k2");
    journal_free(&place.j, "k1");
    assert_false(begun("k1"));
    assert_true(begun("k2"));
    begin("k1");
    assert_true(begun("k1"));
}

static void
what_was_synced_is_known_after_reopening(void **state)
{
    (void)state;
    open_with(HOUR_US);
    begin("payment:t:1:2:2026-11-23 20:24:00:100.000000|sms|0");
    begin("k2");
    keep();
    journal_free(&place.j, "k2");
    begin("k3");
    keep();
    reopen();
    assert_true(begun("payment:t:1:2:2026-11-23 20:24:00:100.000000|sms|0"));
    assert_false(begun("k2"));
    assert_true(begun("k3"));
}

static void
what_was_not_synced_is_not_known_after_reopening(void **state)
{
    (void)state;
    open_with(HOUR_US);
    begin("k1");
    keep();
    begin("k2");
    reopen();
    assert_true(begun("k1"));
    assert_false(begun("k2"));
}

static void
reopening_again_and_again_adds_up(void **state)
{
    char key[16];

    (void)state;
    open_with(HOUR_US);
    for (int i = 0; i < 5; i++) {
        snprintf(key, sizeof key, "k%d", i);
        begin(key);
        keep();
        reopen();
    }
    for (int i = 0; i < 5; i++) {
        snprintf(key, sizeof key, "k%d", i);
        assert_true(begun(key));
    }
}

static void
syncing_nothing_is_fine(void **state)
{
    struct stat st;

    (void)state;
    open_with(HOUR_US);
    keep();
    keep();
    assert_int_equal(stat(place.file, &st), 0);
    assert_int_equal(st.st_size, 0);
}

static void
the_file_is_for_nobody_else(void **state)
{
    struct stat st;

    (void)state;
    open_with(HOUR_US);
    assert_int_equal(stat(place.file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void
a_closed_journal_is_not_open(void **state)
{
    (void)state;
    open_with(HOUR_US);
    journal_close(&place.j);
    assert_false(journal_is_open(&place.j));
    journal_close(&place.j);
    assert_false(journal_is_open(&place.j));
}

/* ---- after a crash ---- */

static void
a_torn_last_line_does_not_count(void **state)
{
    (void)state;
    write_file(place.file, "A k1\nA k2");
    open_with(HOUR_US);
    assert_true(begun("k1"));
    assert_false(begun("k2"));
    assert_false(begun("k"));
}

static void
what_follows_a_torn_line_counts(void **state)
{
    (void)state;
    write_file(place.file, "A k1\nA k2");
    open_with(HOUR_US);
    begin("k3");
    begin("k4");
    keep();
    reopen();
    assert_true(begun("k1"));
    assert_true(begun("k4"));
    assert_true(begun("k3"));
}

static void
lines_of_no_known_form_are_passed_over(void **state)
{
    (void)state;
    write_file(place.file, "\nA\nA \nnonsense\nAk0\nA k1\n");
    open_with(HOUR_US);
    assert_true(begun("k1"));
    assert_false(begun("k0"));
    assert_false(begun("nonsense"));
}

/* Lets the file grow to so many bytes only. */
static void
limit_file_size(rlim_t bytes)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void
what_follows_a_write_that_failed_half_way_counts(void **state)
{
    bool kept;

    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    open_with(HOUR_US);
    begin("k1");
    keep();
    begin("k2");
    limit_file_size(7);
    kept = journal_sync(&place.j);
    limit_file_size(RLIM_INFINITY);
    assert_false(kept);
    begin("k3");
    keep();
    reopen();
    assert_true(begun("k1"));
    assert_true(begun("k3"));
}

/* ---- rotation ---- */

static void
within_its_period_nothing_is_forgotten(void **state)
{
    char key[16];

    (void)state;
    open_with(HOUR_US);
    for (int i = 0; i < 20; i++) {
        snprintf(key, sizeof key, "k%d", i);
        begin(key);
        keep();
    }
    assert_true(begun("k0"));
    assert_int_not_equal(access(place.old, F_OK), 0);
}

static void
entries_outlive_one_rotation_and_not_two(void **state)
{
    (void)state;
    open_with(0);
    begin("k1");
    keep();
    assert_int_equal(access(place.old, F_OK), 0);
    assert_true(begun("k1"));
    begin("k2");
    keep();
    assert_false(begun("k1"));
    assert_true(begun("k2"));
    begin("k3");
    assert_true(begun("k2"));
    assert_true(begun("k3"));
}

static void
a_period_that_has_passed_rotates(void **state)
{
    (void)state;
    open_with(1);
    begin("k1");
    keep();
    assert_int_equal(access(place.old, F_OK), 0);
}

static void
the_old_file_is_known_after_reopening(void **state)
{
    (void)state;
    open_with(0);
    begin("k1");
    keep();
    begin("k2");
    keep();
    reopen();
    assert_false(begun("k1"));
    assert_true(begun("k2"));
}

static void
freeing_holds_over_a_rotation(void **state)
{
    (void)state;
    open_with(0);
    begin("k1");
    keep();
    journal_free(&place.j, "k1");
    assert_false(begun("k1"));
    keep();
    assert_false(begun("k1"));
    reopen();
    assert_false(begun("k1"));
}

static void
beginning_anew_holds_over_a_rotation(void **state)
{
    (void)state;
    open_with(0);
    begin("k1");
    journal_free(&place.j, "k1");
    keep();
    begin("k1");
    assert_true(begun("k1"));
    keep();
    reopen();
    assert_true(begun("k1"));
}

/* ---- size ---- */

static void
begin_many(void)
{
    char key[16];

    for (int i = 0; i < MANY; i++) {
        snprintf(key, sizeof key, "key-%d", i);
        begin(key);
        if (i % 3 == 0)
            journal_free(&place.j, key);
    }
}

static void
assert_many(void)
{
    char key[16];

    for (int i = 0; i < MANY; i++) {
        snprintf(key, sizeof key, "key-%d", i);
        expect_number(key, begun(key), i % 3 != 0);
        snprintf(key, sizeof key, "other-%d", i);
        expect_number(key, begun(key), false);
    }
}

static void
ten_thousand_entries_are_told_apart(void **state)
{
    (void)state;
    open_with(HOUR_US);
    begin_many();
    assert_many();
    keep();
    assert_many();
    reopen();
    assert_many();
}

static void
an_entry_noted_again_takes_no_more_room(void **state)
{
    (void)state;
    open_with(HOUR_US);
    for (int i = 0; i < MANY; i++)
        begin("k1");
    assert_int_equal(place.j.now.n, 1);
}

/* ---- what cannot be done ---- */

static void
assert_cannot_open(const char *folder)
{
    assert_false(journal_open(&place.j, folder, HOUR_US));
    assert_false(journal_is_open(&place.j));
}

static void
a_missing_folder_is_refused(void **state)
{
    char folder[80];

    (void)state;
    snprintf(folder, sizeof folder, "%s/none", place.folder);
    assert_cannot_open(folder);
}

static void
a_file_instead_of_a_folder_is_refused(void **state)
{
    (void)state;
    write_file(place.file, "");
    assert_cannot_open(place.file);
}

static void
an_unwritable_folder_is_refused(void **state)
{
    bool root = geteuid() == 0;

    (void)state;
    assert_int_equal(chmod(place.folder, 0555), 0);
    if (root)
        assert_int_equal(seteuid(65534), 0);
    journal_open(&place.j, place.folder, HOUR_US);
    if (root)
        assert_int_equal(seteuid(0), 0);
    assert_int_equal(chmod(place.folder, 0700), 0);
    assert_false(journal_is_open(&place.j));
}

static void
an_unreadable_journal_is_refused(void **state)
{
    (void)state;
    assert_int_equal(mkdir(place.file, 0700), 0);
    assert_cannot_open(place.folder);
    assert_int_equal(rmdir(place.file), 0);
}

static void
a_sync_that_fails_is_told(void **state)
{
    int readable;

    (void)state;
    open_with(HOUR_US);
    readable = open(place.file, O_RDONLY);
    assert_true(readable >= 0);
    assert_int_equal(dup2(readable, place.j.fd), place.j.fd);
    close(readable);
    begin("k1");
    assert_false(journal_sync(&place.j));
}

static void
a_file_that_vanished_makes_the_rotation_fail(void **state)
{
    (void)state;
    open_with(0);
    assert_int_equal(unlink(place.file), 0);
    begin("k1");
    assert_false(journal_sync(&place.j));
}

#define in_place(test)                                                         \
    cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        in_place(nothing_is_begun_at_first),
        in_place(what_is_begun_is_known_at_once),
        in_place(what_is_freed_is_not_begun_any_more),
        in_place(what_was_synced_is_known_after_reopening),
        in_place(what_was_not_synced_is_not_known_after_reopening),
        in_place(reopening_again_and_again_adds_up),
        in_place(syncing_nothing_is_fine),
        in_place(the_file_is_for_nobody_else),
        in_place(a_closed_journal_is_not_open),
        in_place(a_torn_last_line_does_not_count),
        in_place(what_follows_a_torn_line_counts),
        in_place(lines_of_no_known_form_are_passed_over),
        in_place(what_follows_a_write_that_failed_half_way_counts),
        in_place(within_its_period_nothing_is_forgotten),
        in_place(entries_outlive_one_rotation_and_not_two),
        in_place(a_period_that_has_passed_rotates),
        in_place(the_old_file_is_known_after_reopening),
        in_place(freeing_holds_over_a_rotation),
        in_place(beginning_anew_holds_over_a_rotation),
        in_place(ten_thousand_entries_are_told_apart),
        in_place(an_entry_noted_again_takes_no_more_room),
        in_place(a_missing_folder_is_refused),
        in_place(a_file_instead_of_a_folder_is_refused),
        in_place(an_unwritable_folder_is_refused),
        in_place(an_unreadable_journal_is_refused),
        in_place(a_sync_that_fails_is_told),
        in_place(a_file_that_vanished_makes_the_rotation_fail),
    };

    log_set_level(LOG_FATAL);
    return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
