/*
 * world: what all routers share: the keys that are known, the connections that
 * are being made, and the epoll that holds their sockets.
 */
#ifndef MBEV_WORLD_H
#define MBEV_WORLD_H

#include "http.h"
#include "known_hosts.h"
#include "settings.h"

#include <stdbool.h>
#include <stddef.h>

struct job; /* see router.h */

/* Steps of a connection that can be told about. */
enum router_step { ROUTER_CONNECTED, ROUTER_LET_IN };

struct router_world {
    const struct settings *set;
    struct http *http;
    struct known_hosts *known; /* owned */
    int epoll;                 /* owned: the routers add their sockets, with
                                  themselves as data */
    size_t connected; /* how many have, or are about to have, a connection */

    /* Tells that a job has ended: done, or failed and why. */
    void (*done)(void *arg, struct job *job, const char *why);

    /* Tells that a connection has come so far; NULL = nobody listens. */
    void (*reached)(void *arg, enum router_step step);
    void *arg;
};

/* Opens the known hosts of the settings, and the epoll. False when out of
 * memory or of descriptors; to be closed in any case, after the routers. */
bool router_world_open(struct router_world *world);
void router_world_close(struct router_world *world);

/* Moves those routers on whose sockets are ready; bounded in time, what is left
 * comes at the next call. */
void router_world_run(struct router_world *world);

#endif
