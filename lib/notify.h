/*
 * notify: tells systemd how the service is: the protocol of sd_notify(3),
 * datagrams to the socket that the environment names.
 *
 * Nobody who starts us by hand has such a socket: then all of this does
 * nothing. A datagram that systemd does not take within a second is lost
 * without a word. The environment is cleared at once, so that no child can
 * speak for us.
 */
#ifndef MBEV_NOTIFY_H
#define MBEV_NOTIFY_H

#include <stdint.h>

struct notify {
    int fd;              /* -1 = nobody listens */
    int64_t watchdog_us; /* "WATCHDOG=1" is expected at least this often; 0 =
                            it is not */
};

/* Reads and clears NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID: while the
 * process has one thread. */
void notify_open(struct notify *notify);
void notify_close(struct notify *notify);

/* Sends one datagram: assignments as of sd_notify(3), a line each. One that
 * would be longer than 1 KiB is cut. */
void notify_send(const struct notify *notify, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
