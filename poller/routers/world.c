/* world: see world.h. */
#include "routers/world.h"

#include "clock.h"
#include "routers/router.h"

#include <sys/epoll.h>
#include <unistd.h>

enum { LONGEST_PATH = 4096, MOST_EVENTS = 64, TURN_US = 2000 };

static struct known_hosts *
make_known_hosts(const struct settings *set)
{
    struct bytes path = bytes_make(LONGEST_PATH);
    struct known_hosts *known;

    if (*set->routers.known_hosts)
        bytes_str(&path, set->routers.known_hosts);
    else
        bytes_printf(&path, "%s/known_hosts", set->service.state_dir);
    known = bytes_ok(&path) ? known_hosts_make(bytes_text(&path)) : NULL;
    bytes_free(&path);
    return known;
}

bool
router_world_open(struct router_world *world)
{
    world->known = make_known_hosts(world->set);
    world->epoll = epoll_create1(EPOLL_CLOEXEC);
    return world->known && world->epoll >= 0;
}

void
router_world_close(struct router_world *world)
{
    known_hosts_close(&world->known);
    if (world->epoll >= 0)
        close(world->epoll);
    world->epoll = -1;
}

void
router_world_run(struct router_world *world)
{
    struct epoll_event event[MOST_EVENTS];
    int64_t until_us = clock_boot_us() + TURN_US;
    int n = epoll_wait(world->epoll, event, MOST_EVENTS, 0);

    for (int i = 0; i < n; i++) {
        router_wake(event[i].data.ptr);
        if (clock_boot_us() >= until_us)
            break;
    }
}
