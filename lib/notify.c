/* notify: see notify.h. */
#include "notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { LONGEST = 1024 };

/* A path, or with an @ in front a name in the abstract space. The length of an
 * address of either kind; 0 = it is none. */
static socklen_t
make_address(struct sockaddr_un *addr, const char *path)
{
    size_t n = strlen(path);

    *addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
    if ((path[0] != '/' && path[0] != '@') || n < 2 ||
        n >= sizeof addr->sun_path)
        return 0;
    memcpy(addr->sun_path, path, n);
    if (path[0] == '@')
        addr->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
}

static int
open_socket(const char *path)
{
    struct sockaddr_un addr;
    socklen_t len = make_address(&addr, path);
    const struct timeval patience = { .tv_sec = 1 };
    int fd = -1;

    if (len > 0)
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&addr, len) < 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* A watchdog that is meant for another process is none of ours. */
static int64_t
read_watchdog(void)
{
    const char *us = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    long long n = us ? strtoll(us, NULL, 10) : 0;

    if (pid && strtoll(pid, NULL, 10) != getpid())
        return 0;
    return n > 0 ? n : 0;
}

void
notify_open(struct notify *notify)
{
    const char *path = getenv("NOTIFY_SOCKET");

    *notify = (struct notify){ .fd = path ? open_socket(path) : -1 };
    if (notify->fd >= 0)
        notify->watchdog_us = read_watchdog();
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

void
notify_close(struct notify *notify)
{
    if (notify->fd >= 0)
        close(notify->fd);
    *notify = (struct notify){ .fd = -1 };
}

void
notify_send(const struct notify *notify, const char *fmt, ...)
{
    char text[LONGEST];
    va_list ap;
    int n;

    if (notify->fd < 0)
        return;
    va_start(ap, fmt);
    n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n < 0)
        return;
    if (n >= LONGEST)
        n = LONGEST - 1;
    if (send(notify->fd, text, (size_t)n, MSG_NOSIGNAL) < 0) {
        /* It was told what it did not want to hear. */
    }
}
