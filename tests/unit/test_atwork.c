/*
 * atwork: what is in hand when a process crashes. Each crash is that of a
 * child, which says what it can of it in a file.
 */
#include "unit.h"

#include "atwork.h"
#include "log.h"

#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char folder[64], file[96];

static int
make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/mbev-unit-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(file, sizeof file, "%s/crashes", folder);
    log_set_level(LOG_FATAL);
    return 0;
}

static int
remove_folder(void **state)
{
    (void)state;
    atwork_close();
    unlink(file);
    rmdir(file);
    return rmdir(folder);
}

/* The test's own handlers would take a crash for a failure of the test. */
static void
become_ordinary(void)
{
    static const int all[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };

    for (size_t i = 0; i < COUNT(all); i++)
        signal(all[i], SIG_DFL);
}

/* A crash for which nothing but the book speaks. */
static int
crash(void (*in_a_child)(void))
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        atwork_close();
        become_ordinary();
        atwork_open(folder);
        in_a_child();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static const char *
written(void)
{
    static char text[65536];
    FILE *f = fopen(file, "re");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;

    text[n] = '\0';
    if (f)
        fclose(f);
    return text;
}

static bool
says(const char *what)
{
    char line[512];

    snprintf(line, sizeof line, " " MBEV_VERSION " %s\n", what);
    return strstr(written(), line) != NULL;
}

static void
crash_deciding(void)
{
    atwork_begin(WORK_DECIDE, "payment:1", "sms");
    raise(SIGSEGV);
}

/* Where nobody has memory; not NULL, which a compiler or a sanitizer knows. */
static volatile int *volatile nowhere = (volatile int *)64;

static void
crash_for_real(void)
{
    atwork_begin(WORK_INGEST, "7", "2026-11-26 05:05:00.123");
    *nowhere = 1;
}

static void
crash_with_nothing(void)
{
    atwork_begin(WORK_DECIDE, "payment:1", "sms");
    atwork_end();
    abort();
}

static void
crash_with_orders(void)
{
    static const char *const calls[] = { "a|session_reset|0",
        "b|session_reset|0" };

    atwork_begin_router("1:10.0.0.1:ssh", calls, 2);
    raise(SIGBUS);
}

static void *
raise_there(void *arg)
{
    raise(SIGFPE);
    return arg;
}

static void
crash_elsewhere(void)
{
    pthread_t thread;

    atwork_begin(WORK_DECIDE, "payment:1", "sms");
    if (pthread_create(&thread, NULL, raise_there, NULL) == 0)
        pthread_join(thread, NULL);
}

static void
be_killed(void)
{
    atwork_begin(WORK_DECIDE, "payment:1", "sms");
    raise(SIGKILL);
}

/* A sanitizer ends the process in its own way, after its report. */
static void
assert_ended_by(int status, int sig)
{
    if (WIFSIGNALED(status))
        assert_int_equal(WTERMSIG(status), sig);
    else
        assert_int_not_equal(WEXITSTATUS(status), 0);
}

static void
what_is_in_hand_is_written_and_the_signal_ends_the_process(void **state)
{
    (void)state;
    assert_ended_by(crash(crash_deciding), SIGSEGV);
    assert_true(says("decide payment:1|sms"));
    assert_ended_by(crash(crash_for_real), SIGSEGV);
    assert_true(says("ingest 7|2026-11-26 05:05:00.123"));
}

static void
with_nothing_in_hand_that_is_written(void **state)
{
    (void)state;
    assert_ended_by(crash(crash_with_nothing), SIGABRT);
    assert_true(says("nothing"));
    assert_false(says("decide payment:1|sms"));
}

static void
all_deliveries_at_a_router_share_the_blame(void **state)
{
    (void)state;
    assert_ended_by(crash(crash_with_orders), SIGBUS);
    assert_true(says("orders 1:10.0.0.1:ssh"));
    assert_true(says("call a|session_reset|0"));
    assert_true(says("call b|session_reset|0"));
    atwork_open(folder);
    assert_true(atwork_suspects(WORK_CALL, "a|session_reset|0", NULL));
    assert_int_equal(atwork_refuses(WORK_CALL, "a|session_reset|0", NULL), 0);
}

static void
a_crash_in_another_thread_is_nobodys(void **state)
{
    (void)state;
    assert_ended_by(crash(crash_elsewhere), SIGFPE);
    assert_true(says("nothing"));
}

static void
a_kill_is_nobodys(void **state)
{
    (void)state;
    assert_int_equal(WTERMSIG(crash(be_killed)), SIGKILL);
    assert_string_equal(written(), "");
}

static void
after_three_crashes_it_is_refused_until_it_was_set_aside(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CRASHES_MOST; i++) {
        atwork_open(folder);
        assert_int_equal(atwork_refuses(WORK_DECIDE, "payment:1", "sms"), 0);
        atwork_close();
        crash(crash_deciding);
    }
    atwork_open(folder);
    assert_int_equal(atwork_refuses(WORK_DECIDE, "payment:1", "sms"), 3);
    assert_int_equal(atwork_refuses(WORK_DECIDE, "payment:2", "sms"), 0);
    atwork_set_aside(WORK_DECIDE, "payment:1", "sms");
    assert_int_equal(atwork_refuses(WORK_DECIDE, "payment:1", "sms"), 0);
    crash(crash_deciding);
    atwork_open(folder);
    assert_int_equal(atwork_refuses(WORK_DECIDE, "payment:1", "sms"), 4);
}

static void
a_file_that_cannot_be_used_stops_nobody(void **state)
{
    (void)state;
    assert_int_equal(mkdir(file, 0700), 0);
    atwork_open(folder);
    assert_int_equal(atwork_refuses(WORK_DECIDE, "payment:1", "sms"), 0);
    assert_ended_by(crash(crash_deciding), SIGSEGV);
}

static void
a_large_file_is_made_smaller_and_its_end_is_kept(void **state)
{
    FILE *f;
    struct stat st;

    (void)state;
    crash(crash_deciding);
    crash(crash_deciding);
    f = fopen(file, "we");
    assert_non_null(f);
    for (int i = 0; i < 20000; i++)
        fprintf(f, "%d 11 %s call old:%d|sms|0\n", i, MBEV_VERSION, i);
    fclose(f);
    crash(crash_deciding);
    crash(crash_deciding);
    atwork_open(folder);
    assert_int_equal(stat(file, &st), 0);
    assert_in_range(st.st_size, 1000, ATWORK_KEPT + 4096);
    assert_true(atwork_suspects(WORK_CALL, "old:19999|sms|0", NULL));
    assert_false(atwork_suspects(WORK_CALL, "old:1|sms|0", NULL));
    crash(crash_deciding);
    atwork_open(folder);
    assert_int_equal(atwork_refuses(WORK_DECIDE, "payment:1", "sms"), 3);
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_in_hand_is_written_and_the_signal_ends_the_process),
        TEST(with_nothing_in_hand_that_is_written),
        TEST(all_deliveries_at_a_router_share_the_blame),
        TEST(a_crash_in_another_thread_is_nobodys),
        TEST(a_kill_is_nobodys),
        TEST(after_three_crashes_it_is_refused_until_it_was_set_aside),
        TEST(a_file_that_cannot_be_used_stops_nobody),
        TEST(a_large_file_is_made_smaller_and_its_end_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
