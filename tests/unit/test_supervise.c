/* supervise: what systemd is told, and how often. */
#include "unit.h"

#include "supervise.h"

#include <sys/socket.h>
#include <sys/un.h>

static int64_t now_us;

int64_t __wrap_clock_boot_us(void);

int64_t
__wrap_clock_boot_us(void)
{
    return now_us;
}

enum { SECOND = 1000000 };

static struct supervise s;
static struct temp temp;
static int fd;

static int
open_all(void **state)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };

    (void)state;
    temp = temp_text("");
    unlink(temp.path);
    strcpy(addr.sun_path, temp.path);
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    setenv("NOTIFY_SOCKET", temp.path, 1);
    setenv("WATCHDOG_USEC", "180000000", 1);
    now_us = 1000LL * SECOND;
    supervise_open(&s);
    return 0;
}

static int
close_all(void **state)
{
    (void)state;
    supervise_close(&s);
    close(fd);
    return unlink(temp.path);
}

/* The next datagram; "" = there is none. */
static const char *
heard(void)
{
    static char text[2048];
    ssize_t n = recv(fd, text, sizeof text - 1, 0);

    text[n > 0 ? n : 0] = '\0';
    return text;
}

static void
readiness_is_told_once(void **state)
{
    (void)state;
    supervise_ready(&s);
    supervise_ready(&s);
    assert_string_equal(heard(), "READY=1");
    assert_string_equal(heard(), "");
}

static void
the_stop_is_told_once(void **state)
{
    (void)state;
    supervise_stops(&s);
    supervise_stops(&s);
    assert_string_equal(heard(), "STOPPING=1");
    assert_string_equal(heard(), "");
}

static void
a_status_is_told_when_it_changes(void **state)
{
    (void)state;
    supervise_status(&s, "acting");
    supervise_status(&s, "acting");
    supervise_status(&s, "standing by");
    assert_string_equal(heard(), "STATUS=acting");
    assert_string_equal(heard(), "STATUS=standing by");
    assert_string_equal(heard(), "");
}

static void
a_status_is_not_wanted_often(void **state)
{
    (void)state;
    assert_true(supervise_wants_status(&s));
    assert_false(supervise_wants_status(&s));
    now_us += 3 * SECOND - 1;
    assert_false(supervise_wants_status(&s));
    now_us++;
    assert_true(supervise_wants_status(&s));
}

static void
the_watchdog_is_fed_three_times_in_its_time(void **state)
{
    (void)state;
    assert_int_equal(supervise_feed_us(&s), 0);
    supervise_feed(&s);
    supervise_feed(&s);
    assert_string_equal(heard(), "WATCHDOG=1");
    assert_string_equal(heard(), "");
    assert_int_equal(supervise_feed_us(&s), now_us + 60LL * SECOND);
    now_us += 60LL * SECOND;
    supervise_feed(&s);
    assert_string_equal(heard(), "WATCHDOG=1");
}

static void
a_reload_is_told_of_a_service_that_is_ready(void **state)
{
    long long us;

    (void)state;
    supervise_reload_begins(&s);
    supervise_reload_ends(&s);
    assert_string_equal(heard(), "");
    supervise_ready(&s);
    assert_string_equal(heard(), "READY=1");
    supervise_reload_begins(&s);
    assert_int_equal(
        sscanf(heard(), "RELOADING=1\nMONOTONIC_USEC=%lld", &us), 1);
    assert_true(us > 0);
    supervise_reload_ends(&s);
    assert_string_equal(heard(), "READY=1");
}

static void
without_systemd_nothing_is_due(void **state)
{
    struct supervise none;

    (void)state;
    supervise_open(&none);
    assert_int_equal(supervise_feed_us(&none), INT64_MAX);
    assert_false(supervise_wants_status(&none));
    supervise_ready(&none);
    supervise_close(&none);
    assert_string_equal(heard(), "");
}

#define with_systemd(test)                                                     \
    cmocka_unit_test_setup_teardown(test, open_all, close_all)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        with_systemd(readiness_is_told_once),
        with_systemd(the_stop_is_told_once),
        with_systemd(a_status_is_told_when_it_changes),
        with_systemd(a_status_is_not_wanted_often),
        with_systemd(the_watchdog_is_fed_three_times_in_its_time),
        with_systemd(a_reload_is_told_of_a_service_that_is_ready),
        with_systemd(without_systemd_nothing_is_due),
    };

    return cmocka_run_group_tests_name("supervise", tests, NULL, NULL);
}
