/* wake: see wake.h. */
#include "wake.h"

#include "clock.h"
#include "log.h"
#include "orders.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    RING_WORDS = 31,
    FIRST_STEP_US = 200,
    LAST_STEP_US = 12800,
    LEAST_FIRST_US = 50,
    MOST_FIRST_US = 1600,
    MOST_RINGS = 64,
    FEW_RINGS = 10, /* that any kernel lets wait in a socket */
    LONGEST_SLEEP_MS = 60000
};

static int
open_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

/* Any account of this host may ring, so the database server's can; a ring
 * carries nothing and at most makes us look once more. The operator's words are
 * taken from root and from our own account only: the kernel says who rang. */
static int
open_bell(const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int yes = 1;

    if (fd < 0)
        return -1;
    strncpy(addr.sun_path, path, sizeof addr.sun_path - 1);
    unlink(path);
    if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes) == 0 &&
        bind(fd, (struct sockaddr *)&addr, sizeof addr) == 0 &&
        chmod(path, 0666) == 0)
        return fd;
    close(fd);
    return -1;
}

bool
wake_open(struct wake *wake, const char *path, int64_t poll_us)
{
    *wake = (struct wake){
        .bell_fd = -1,
        .timer_fd = -1,
        .path = path,
        .poll_us = poll_us,
        .first_us = FIRST_STEP_US,
    };
    wake->signal_fd = open_signals();
    wake->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    if (wake->signal_fd < 0 || wake->timer_fd < 0) {
        log_fatal("wake: no signals or timer: %s", strerror(errno));
        return false;
    }
    if (!path)
        return true;
    wake->bell_fd = open_bell(path);
    if (wake->bell_fd >= 0)
        return true;
    log_fatal("wake: cannot make the doorbell %s: %s; the folder must exist "
              "and belong to the service's user",
        path, strerror(errno));
    return false;
}

void
wake_close(struct wake *wake)
{
    if (wake->bell_fd >= 0) {
        unlink(wake->path);
        close(wake->bell_fd);
    }
    if (wake->signal_fd >= 0)
        close(wake->signal_fd);
    if (wake->timer_fd >= 0)
        close(wake->timer_fd);
}

/* Who sent it; somebody without rights when the kernel does not say. */
static uid_t
sender_of(struct msghdr *message)
{
    struct cmsghdr *part = CMSG_FIRSTHDR(message);
    struct ucred sender = { .uid = (uid_t)-1 };

    if (part && part->cmsg_level == SOL_SOCKET &&
        part->cmsg_type == SCM_CREDENTIALS)
        memcpy(&sender, CMSG_DATA(part), sizeof sender);
    return sender.uid;
}

/* "o", or "f" and the name of a lane, or of none. */
static void
hear_operator(struct wake *wake, const char *words)
{
    enum lane_id lane;
    bool all = !delivery_lane_find(words + 1, &lane);

    wake->told = true;
    for (enum lane_id i = 0; *words == ORDERS_FLUSH && i < LANES; i++)
        wake->flush[i] |= all || i == lane;
}

/* False when there is none. */
static bool
hear_ring(struct wake *wake)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(struct ucred))];
    } control;
    char words[RING_WORDS + 1] = { 0 };
    struct iovec text = { .iov_base = words, .iov_len = RING_WORDS };
    struct msghdr message = { .msg_iov = &text,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof control };
    uid_t sender;

    if (recvmsg(wake->bell_fd, &message, 0) < 0)
        return false;
    sender = sender_of(&message);
    if ((*words == ORDERS_LOOK || *words == ORDERS_FLUSH) &&
        (sender == 0 || sender == geteuid()))
        hear_operator(wake, words);
    else
        wake->rings++;
    return true;
}

static void
hear_bell(struct wake *wake)
{
    size_t before = wake->rings;
    int64_t now = clock_boot_us();

    for (int i = 0; i < MOST_RINGS && hear_ring(wake); i++)
        continue;
    if (wake->rings == before)
        return;
    wake->crowded |= wake->rings - before >= FEW_RINGS;
    wake->rang_us = now;
    wake->step_us = FIRST_STEP_US / 2;
    if (now + wake->first_us < wake->look_us)
        wake->look_us = now + wake->first_us;
}

void
wake_ring(const struct wake *wake, const char *path)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };

    if (wake->bell_fd < 0 || strlen(path) >= sizeof to.sun_path)
        return;
    memcpy(to.sun_path, path, strlen(path));
    (void)sendto(wake->bell_fd, "", 0, MSG_DONTWAIT | MSG_NOSIGNAL,
        (struct sockaddr *)&to, sizeof to);
}

static void
hear_signals(struct wake *wake)
{
    struct signalfd_siginfo info;

    while (read(wake->signal_fd, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGHUP)
            wake->reload = true;
        else
            wake->stop = true;
    }
}

static void
set_timer(struct wake *wake, int64_t us)
{
    struct itimerspec at = { .it_value = { .tv_sec = us / 1000000,
                                 .tv_nsec = us % 1000000 * 1000 } };

    timerfd_settime(wake->timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
}

/* The timer ends the sleep, or a connection whose time is over. */
static int
sleep_ms(const struct wake *wake)
{
    int least = LONGEST_SLEEP_MS;

    for (int i = 0; i < WAKE_LISTENERS; i++) {
        int ms = wake->listen[i] ? listen_timeout_ms(wake->listen[i]) : -1;

        if (ms >= 0 && ms < least)
            least = ms;
    }
    return least;
}

void
wake_wait(struct wake *wake, struct http *http, int64_t until_us)
{
    int fds[6 + WAKE_LISTENERS] = { wake->timer_fd, wake->signal_fd };
    unsigned n = 2;
    bool now;

    if (wake->fleet && fleet_due_us(wake->fleet) < until_us)
        until_us = fleet_due_us(wake->fleet);
    if (wake->runner && runner_due_us(wake->runner) < until_us)
        until_us = runner_due_us(wake->runner);
    now = until_us <= clock_boot_us();
    if (wake->fleet)
        fds[n++] = fleet_fd(wake->fleet);
    if (wake->runner)
        fds[n++] = runner_fd(wake->runner);
    if (wake->kafka)
        fds[n++] = kafka_fd(wake->kafka);
    if (wake->bell_fd >= 0)
        fds[n++] = wake->bell_fd;
    for (int i = 0; i < WAKE_LISTENERS; i++)
        if (wake->listen[i])
            fds[n++] = listen_fd(wake->listen[i]);
    if (!now)
        set_timer(wake, until_us);
    http_wait(http, fds, n, now ? 0 : sleep_ms(wake));
    if (wake->fleet)
        fleet_run(wake->fleet);
    if (wake->runner)
        runner_run(wake->runner);
    if (wake->kafka)
        kafka_run(wake->kafka);
    for (int i = 0; i < WAKE_LISTENERS; i++)
        if (wake->listen[i])
            listen_run(wake->listen[i]);
    hear_signals(wake);
    if (wake->bell_fd >= 0)
        hear_bell(wake);
}

bool
wake_due(struct wake *wake)
{
    int64_t now = clock_boot_us();

    if (now < wake->look_us)
        return false;
    wake->saw_us = now;
    if (wake->step_us && wake->step_us < LAST_STEP_US) {
        wake->step_us *= 2;
        wake->look_us = now + wake->step_us;
    } else {
        wake->step_us = 0;
        wake->rings = 0;
        wake->crowded = false;
        wake->look_us = now + wake->poll_us;
    }
    return true;
}

/* Rows were there: at the first look after the ring, or later, then they could
 * not be seen at the first. */
static void
learn_first(struct wake *wake)
{
    int64_t late_us = wake->saw_us - wake->rang_us - wake->first_us;

    if (wake->step_us == FIRST_STEP_US)
        wake->first_us -= wake->first_us / 16;
    else if (late_us > 0)
        wake->first_us += late_us / 2;
    if (wake->first_us < LEAST_FIRST_US)
        wake->first_us = LEAST_FIRST_US;
    if (wake->first_us > MOST_FIRST_US)
        wake->first_us = MOST_FIRST_US;
}

void
wake_took(struct wake *wake, size_t rows)
{
    wake->rings -= rows < wake->rings ? rows : wake->rings;
    if (rows == 0 || wake->step_us == 0)
        return;
    learn_first(wake);
    if (wake->rings > 0)
        return;
    wake->step_us = wake->crowded ? LAST_STEP_US : 0;
    wake->look_us =
        clock_boot_us() + (wake->crowded ? LAST_STEP_US : wake->poll_us);
}
