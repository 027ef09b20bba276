/* notify: how systemd is told. */
#include "unit.h"

#include "notify.h"

#include <sys/socket.h>
#include <sys/un.h>

/* A stand-in for systemd's socket: at a path, or "@name". */
static int
listen_at(const char *name)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    socklen_t len =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

    assert_true(fd >= 0);
    strcpy(addr.sun_path, name);
    if (name[0] == '@')
        addr.sun_path[0] = '\0';
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, len), 0);
    return fd;
}

static void
assert_heard(int fd, const char *want)
{
    char text[2048] = "";

    assert_int_equal(recv(fd, text, sizeof text - 1, 0), strlen(want));
    assert_string_equal(text, want);
}

static void
assert_told_at(const char *name)
{
    int fd = listen_at(name);
    struct notify notify;

    setenv("NOTIFY_SOCKET", name, 1);
    notify_open(&notify);
    notify_send(&notify, "READY=1\nSTATUS=%d wait", 3);
    assert_heard(fd, "READY=1\nSTATUS=3 wait");
    notify_close(&notify);
    close(fd);
}

static void
a_socket_at_a_path_is_told(void **state)
{
    struct temp temp = temp_text("");

    (void)state;
    unlink(temp.path);
    assert_told_at(temp.path);
    unlink(temp.path);
}

static void
a_socket_with_an_abstract_name_is_told(void **state)
{
    char name[64];

    (void)state;
    snprintf(name, sizeof name, "@mbev-unit-%d", (int)getpid());
    assert_told_at(name);
}

static void
without_a_socket_nothing_happens(void **state)
{
    static char longer[200] = "/";
    const char *const none[] = { "", "@", "relative", "/nowhere/socket",
        longer };
    struct notify notify;

    (void)state;
    memset(longer + 1, 'x', sizeof longer - 2);
    unsetenv("NOTIFY_SOCKET");
    notify_open(&notify);
    assert_int_equal(notify.fd, -1);
    notify_send(&notify, "READY=1");
    for (size_t i = 0; i < COUNT(none); i++) {
        setenv("NOTIFY_SOCKET", none[i], 1);
        setenv("WATCHDOG_USEC", "1000000", 1);
        notify_open(&notify);
        expect_number(none[i], notify.fd, -1);
        expect_number(none[i], notify.watchdog_us, 0);
        notify_send(&notify, "READY=1");
        notify_close(&notify);
    }
}

static void
no_child_can_speak_for_us(void **state)
{
    struct notify notify;

    (void)state;
    setenv("NOTIFY_SOCKET", "/nowhere/socket", 1);
    setenv("WATCHDOG_USEC", "1000000", 1);
    setenv("WATCHDOG_PID", "1", 1);
    notify_open(&notify);
    assert_null(getenv("NOTIFY_SOCKET"));
    assert_null(getenv("WATCHDOG_USEC"));
    assert_null(getenv("WATCHDOG_PID"));
    notify_close(&notify);
}

/* How often the watchdog wants to be fed; pid: whom it is meant for. */
static int64_t
watchdog(const char *us, const char *pid)
{
    struct temp temp = temp_text("");
    struct notify notify;
    int64_t got;
    int fd;

    unlink(temp.path);
    fd = listen_at(temp.path);
    setenv("NOTIFY_SOCKET", temp.path, 1);
    setenv("WATCHDOG_USEC", us, 1);
    if (pid)
        setenv("WATCHDOG_PID", pid, 1);
    notify_open(&notify);
    got = notify.watchdog_us;
    notify_close(&notify);
    close(fd);
    unlink(temp.path);
    return got;
}

static void
the_watchdog_is_ours_when_it_names_us_or_nobody(void **state)
{
    char mine[16];

    (void)state;
    snprintf(mine, sizeof mine, "%d", (int)getpid());
    assert_int_equal(watchdog("180000000", NULL), 180000000);
    assert_int_equal(watchdog("180000000", mine), 180000000);
    assert_int_equal(watchdog("180000000", "1"), 0);
}

static void
a_watchdog_that_is_no_number_is_none(void **state)
{
    (void)state;
    assert_int_equal(watchdog("", NULL), 0);
    assert_int_equal(watchdog("soon", NULL), 0);
    assert_int_equal(watchdog("-1", NULL), 0);
}

static void
what_is_too_long_is_cut(void **state)
{
    struct temp temp = temp_text("");
    static char huge[3000];
    struct notify notify;
    char text[4096];
    int fd;

    (void)state;
    memset(huge, 'x', sizeof huge - 1);
    unlink(temp.path);
    fd = listen_at(temp.path);
    setenv("NOTIFY_SOCKET", temp.path, 1);
    notify_open(&notify);
    notify_send(&notify, "STATUS=%s", huge);
    assert_int_equal(recv(fd, text, sizeof text, 0), 1023);
    notify_close(&notify);
    close(fd);
    unlink(temp.path);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_socket_at_a_path_is_told),
        cmocka_unit_test(a_socket_with_an_abstract_name_is_told),
        cmocka_unit_test(without_a_socket_nothing_happens),
        cmocka_unit_test(no_child_can_speak_for_us),
        cmocka_unit_test(the_watchdog_is_ours_when_it_names_us_or_nobody),
        cmocka_unit_test(a_watchdog_that_is_no_number_is_none),
        cmocka_unit_test(what_is_too_long_is_cut),
    };

    return cmocka_run_group_tests_name("notify", tests, NULL, NULL);
}
