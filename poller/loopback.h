/*
 * loopback: an address of this host that only this host can reach, and a port:
 * "127.0.0.1:9105", "[::1]:9105".
 */
#ifndef MBEV_LOOPBACK_H
#define MBEV_LOOPBACK_H

#include <stdbool.h>
#include <stdint.h>

struct loopback {
    char address[48]; /* without brackets */
    uint16_t port;
};

/* False for anything else, also for addresses that others can reach. */
bool loopback_read(struct loopback *out, const char *text);

#endif
