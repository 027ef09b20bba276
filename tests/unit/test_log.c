/* log: one line for one message, to standard error or to the journal. */
#include "unit.h"

#include "log.h"
#include "utf8.h"

#include <fcntl.h>
#include <inttypes.h>
#include <regex.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

/* What was logged since capture_begin(). */
static char logged[100000];
static int file = -1, standard_error = -1;

static void
capture_begin(void)
{
    struct temp temp = temp_text("");

    file = open(temp.path, O_RDWR | O_APPEND);
    unlink(temp.path);
    assert_true(file >= 0);
    fflush(stderr);
    standard_error = dup(STDERR_FILENO);
    assert_true(standard_error >= 0);
    dup2(file, STDERR_FILENO);
}

static void
capture_end(void)
{
    ssize_t n;

    dup2(standard_error, STDERR_FILENO);
    close(standard_error);
    n = pread(file, logged, sizeof logged - 1, 0);
    close(file);
    assert_true(n >= 0);
    logged[n] = '\0';
}

static int
default_level(void **state)
{
    (void)state;
    log_set_level(LOG_INFO);
    return 0;
}

/* Exactly one line, which ends with this. */
static void
assert_one_line(const char *end)
{
    size_t n = strlen(logged), m = strlen(end);

    assert_ptr_equal(strchr(logged, '\n'), logged + n - 1);
    assert_true(n > m);
    logged[n - 1] = '\0';
    assert_string_equal(logged + n - 1 - m, end);
}

static void
a_line_has_time_level_and_message(void **state)
{
    static const char form[] =
        "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}"
        "[+-][0-9]{4} warning ingest: 3 rows wait\n$";
    regex_t re;

    (void)state;
    capture_begin();
    log_warning("ingest: %d rows %s", 3, "wait");
    capture_end();
    assert_int_equal(regcomp(&re, form, REG_EXTENDED | REG_NOSUB), 0);
    if (regexec(&re, logged, 0, NULL, 0) != 0)
        fail_msg("%s", logged);
    regfree(&re);
}

static void
every_level_is_named(void **state)
{
    static const char *const names[] = { "fatal", "error", "warning", "info",
        "debug" };

    (void)state;
    log_set_level(LOG_DEBUG);
    for (int level = LOG_FATAL; level <= LOG_DEBUG; level++) {
        char end[32];

        capture_begin();
        log_at((enum log_level)level, "x");
        capture_end();
        snprintf(end, sizeof end, " %s x", names[level]);
        assert_one_line(end);
    }
}

static void
levels_beyond_the_chosen_one_are_dropped(void **state)
{
    (void)state;
    for (int chosen = LOG_FATAL; chosen <= LOG_DEBUG; chosen++) {
        log_set_level((enum log_level)chosen);
        for (int level = LOG_FATAL; level <= LOG_DEBUG; level++) {
            capture_begin();
            log_at((enum log_level)level, "x");
            capture_end();
            assert_int_equal(logged[0] != '\0', level <= chosen);
        }
    }
}

static void
a_message_with_newlines_stays_one_line(void **state)
{
    (void)state;
    capture_begin();
    log_info("a%sb", "\nfake error\r\n");
    capture_end();
    assert_one_line(" info a\\x0afake error\\x0d\\x0ab");
}

static void
control_characters_and_broken_bytes_are_shown(void **state)
{
    (void)state;
    capture_begin();
    log_info("%s", "\x1B[2J\x7F\xC2\x9B\xFF\\");
    capture_end();
    assert_one_line(" info \\x1b[2J\\x7f\\xc2\\x9b\\xff\\\\");
}

static void
cyrillic_stays_readable(void **state)
{
    (void)state;
    capture_begin();
    log_info("Не отправлено");
    capture_end();
    assert_one_line(" info Не отправлено");
}

/* Lengths at which the cut falls into a character and onto its end. */
static void
a_huge_message_is_cut_and_stays_one_line(void **state)
{
    static char huge[20001];

    (void)state;
    for (size_t shift = 0; shift < 2; shift++) {
        size_t n;

        memset(huge, 'x', shift);
        for (size_t i = shift; i + 2 < sizeof huge; i += 2)
            memcpy(huge + i, "Я", 3);
        capture_begin();
        log_info("%s", huge);
        capture_end();
        n = strlen(logged);
        assert_in_range(n, 8000, 8300);
        assert_ptr_equal(strchr(logged, '\n'), logged + n - 1);
        assert_true(utf8_valid(logged, n));
    }
}

static void
a_huge_message_of_control_characters_is_written(void **state)
{
    static char huge[20001];
    size_t n;

    (void)state;
    memset(huge, '\n', sizeof huge - 1);
    capture_begin();
    log_info("%s", huge);
    capture_end();
    n = strlen(logged);
    assert_in_range(n, 4 * 8000, 4 * 8300);
    assert_ptr_equal(strchr(logged, '\n'), logged + n - 1);
}

static void
words_are_levels(void **state)
{
    (void)state;
    assert_int_equal(log_level_of("error"), LOG_ERROR);
    assert_int_equal(log_level_of("warning"), LOG_WARNING);
    assert_int_equal(log_level_of("info"), LOG_INFO);
    assert_int_equal(log_level_of("debug"), LOG_DEBUG);
}

static void
other_words_are_no_levels(void **state)
{
    (void)state;
    assert_true(log_level_of("fatal") == -1);
    assert_true(log_level_of("") == -1);
    assert_true(log_level_of("INFO") == -1);
    assert_true(log_level_of("information") == -1);
}

/* ---- systemd's journal ---- */

/* A stand-in for its socket. */
static struct {
    char path[64];
    int fd;
} journal;

static void
bind_journal(void)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };

    strcpy(addr.sun_path, journal.path);
    journal.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_true(journal.fd >= 0);
    assert_int_equal(
        bind(journal.fd, (struct sockaddr *)&addr, sizeof addr), 0);
}

/* Standard error, which is captured, is the journal's. */
static void
journal_begin(void)
{
    struct temp temp = temp_text("");
    struct stat stream;
    char text[64];

    capture_begin();
    unlink(temp.path);
    strcpy(journal.path, temp.path);
    bind_journal();
    assert_int_equal(fstat(STDERR_FILENO, &stream), 0);
    snprintf(text, sizeof text, "%" PRIuMAX ":%" PRIuMAX,
        (uintmax_t)stream.st_dev, (uintmax_t)stream.st_ino);
    setenv("JOURNAL_STREAM", text, 1);
    log_open(journal.path);
}

static void
journal_end(void)
{
    capture_end();
    log_close();
    unsetenv("JOURNAL_STREAM");
    close(journal.fd);
    unlink(journal.path);
}

/* The next entry is this, and nothing was written to standard error. */
static void
assert_entry(const char *want, size_t n)
{
    char entry[60000];
    ssize_t got = recv(journal.fd, entry, sizeof entry, 0);

    assert_int_equal(got, n);
    assert_memory_equal(entry, want, n);
}

static void
the_journal_gets_message_priority_and_name(void **state)
{
    static const int priorities[] = { 2, 3, 4, 6, 7 };

    (void)state;
    log_set_level(LOG_DEBUG);
    journal_begin();
    for (int level = LOG_FATAL; level <= LOG_DEBUG; level++) {
        char want[100];

        log_at((enum log_level)level, "%d rows", level);
        snprintf(want, sizeof want,
            "MESSAGE=%d rows\nPRIORITY=%d\nSYSLOG_IDENTIFIER=test_log\n", level,
            priorities[level]);
        assert_entry(want, strlen(want));
    }
    journal_end();
    assert_string_equal(logged, "");
}

static void
the_journal_gets_what_a_message_is_about(void **state)
{
    static const char want[] =
        "MESSAGE=a message\\x0a\nPRIORITY=6\nSYSLOG_IDENTIFIER=test_log\n"
        "MBEV_EVENT=7\nMBEV_DELIVERY=18446744073709551615\nMBEV_UID=1001\n"
        "MBEV_LANE=smsc\n";
    const struct log_subject about = {
        .event = 7, .delivery = UINT64_MAX, .uid = 1001, .lane = "smsc"
    };

    (void)state;
    journal_begin();
    log_about(LOG_INFO, &about, "a message\n");
    assert_entry(want, sizeof want - 1);
    journal_end();
}

static void
what_is_not_known_is_no_field(void **state)
{
    static const char want[] = "MESSAGE=x\nPRIORITY=4\n"
                               "SYSLOG_IDENTIFIER=test_log\nMBEV_UID=1\n";
    const struct log_subject about = { .uid = 1 };

    (void)state;
    journal_begin();
    log_about(LOG_WARNING, &about, "x");
    assert_entry(want, sizeof want - 1);
    journal_end();
}

static void
a_value_of_several_lines_has_its_length_in_front(void **state)
{
    static const char want[] =
        "MESSAGE=x\nPRIORITY=6\nSYSLOG_IDENTIFIER=test_log\n"
        "MBEV_LANE\n\3\0\0\0\0\0\0\0a\nb\n";
    const struct log_subject about = { .lane = "a\nb" };

    (void)state;
    journal_begin();
    log_about(LOG_INFO, &about, "x");
    assert_entry(want, sizeof want - 1);
    journal_end();
}

static void
without_a_journal_a_message_goes_to_standard_error(void **state)
{
    const struct log_subject about = { .uid = 1001 };

    (void)state;
    journal_begin();
    close(journal.fd);
    unlink(journal.path);
    log_about(LOG_ERROR, &about, "it is\naway");
    journal_end();
    assert_string_equal(logged, "<3>error it is\\x0aaway\n");
}

static void
a_journal_that_was_restarted_is_found_again(void **state)
{
    static const char want[] =
        "MESSAGE=again\nPRIORITY=6\nSYSLOG_IDENTIFIER=test_log\n";

    (void)state;
    journal_begin();
    close(journal.fd);
    unlink(journal.path);
    bind_journal();
    log_info("again");
    assert_entry(want, sizeof want - 1);
    journal_end();
}

/* It reads nothing here: its socket is full after a few. */
static void
what_the_journal_has_no_room_for_goes_to_standard_error(void **state)
{
    static char huge[8001];

    (void)state;
    memset(huge, 'x', sizeof huge - 1);
    journal_begin();
    for (int i = 0; i < 1000; i++)
        log_info("%s", huge);
    journal_end();
    assert_memory_equal(logged, "<6>info xxx", 11);
}

static void
another_standard_error_is_no_journal(void **state)
{
    (void)state;
    journal_begin();
    setenv("JOURNAL_STREAM", "1:2", 1);
    log_open(journal.path);
    log_info("x");
    journal_end();
    assert_one_line(" info x");
}

#define at_default(test)                                                       \
    cmocka_unit_test_setup_teardown(test, default_level, default_level)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        at_default(a_line_has_time_level_and_message),
        at_default(every_level_is_named),
        at_default(levels_beyond_the_chosen_one_are_dropped),
        at_default(a_message_with_newlines_stays_one_line),
        at_default(control_characters_and_broken_bytes_are_shown),
        at_default(cyrillic_stays_readable),
        at_default(a_huge_message_is_cut_and_stays_one_line),
        at_default(a_huge_message_of_control_characters_is_written),
        at_default(words_are_levels),
        at_default(other_words_are_no_levels),
        at_default(the_journal_gets_message_priority_and_name),
        at_default(the_journal_gets_what_a_message_is_about),
        at_default(what_is_not_known_is_no_field),
        at_default(a_value_of_several_lines_has_its_length_in_front),
        at_default(without_a_journal_a_message_goes_to_standard_error),
        at_default(a_journal_that_was_restarted_is_found_again),
        at_default(what_the_journal_has_no_room_for_goes_to_standard_error),
        at_default(another_standard_error_is_no_journal),
    };

    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
