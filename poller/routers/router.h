/*
 * router: one access server, the orders that wait for it, and how it is.
 *
 * It is connected to when there is an order, and the connection is kept for
 * the next. One that fails is held for a while, which is said once, in words;
 * whatever it is asked meanwhile fails at once, so that nothing waits for it
 * and it is not stormed. The first order after that tries again.
 */
#ifndef MBEV_ROUTER_H
#define MBEV_ROUTER_H

#include "routers/link.h"
#include "routers/world.h"

#include <stdbool.h>
#include <stdint.h>

struct router; /* opaque */

/* What the billing says of it. Texts are copied. */
struct router_row {
    uint32_t id;
    const char *address;
    const char *user;
    const char *password;
    const char *secret;
    int radius_port;
    bool api; /* the billing itself uses the API */
};

/* A job: an order, and who is to be told. It is the user's; while it waits or
 * is under way, the router's. */
struct job {
    struct job *next;
    struct router *router;
    uint32_t id; /* of the router */
    void *owner;
    const char *key; /* of the delivery that it is for */
    struct order order;
    unsigned tries;
    int64_t since_us; /* boot clock: when it was given */
};

/* How a router with these settings is reached: "ssh", or "off". api: the
 * billing itself uses the API. */
const char *router_transport(const struct router_settings *set, bool api);

/* NULL when out of memory. */
struct router *
router_make(struct router_world *world, const struct router_row *row);

/* Ends the connection, fails what waits, frees, sets NULL. Not while
 * router_is_dialing(). */
void router_close(struct router **router);

/* Takes what the billing says now. What has changed may be what it was held
 * for: it is tried anew. False when out of memory. */
bool router_renew(struct router *router, const struct router_row *row);

/* The world has other settings. What is under way ends by the old ones. anew:
 * among those of the routers something has changed, which may be what it was
 * held for; a connection that is kept is ended then. */
void router_reload(struct router *router, bool anew);

/* Does it still go by these? */
bool router_uses(const struct router *router, const struct settings *set);

/* It is not to be talked to, by its settings: it must not be given a job. */
bool router_is_off(const struct router *router);

/* A connection is being made, and will be told to the router. */
bool router_is_dialing(const struct router *router);

/* Gives it a job. */
void router_add(struct router *router, struct job *job);

/* Something happened at its socket. */
void router_wake(struct router *router);

/* Does what the time asks for. */
void router_tick(struct router *router, int64_t now_us);

/* When there is something to do next (boot clock, microseconds). */
int64_t router_due_us(const struct router *router);

/* Gives up what has waited, and was not begun, since before that time: because
 * it is out of order, or else why. */
void router_withdraw(struct router *router, int64_t before_us, const char *why);

/* Ends a connection that is not in use. True when it had one. */
bool router_hang_up(struct router *router);

/* Ends a hold now: the next job tries it. */
void router_retry(struct router *router);

/* How it is, for the table. */
struct router_state {
    uint32_t id;
    const char *address;
    const char *transport; /* "ssh" */
    int port;
    enum fault fault; /* for which it is held; FAULT_NONE */
    int64_t until_us; /* boot clock, when it is held */
    const char *why;  /* it is held; "" */
    uint64_t ended;   /* sessions, since that was last recorded */
};
struct router_state router_state(const struct router *router);

/* What the operator can do about such a fault of it. */
enum { ROUTER_CURE = 5000 };
void router_cure(
    const struct router *router, enum fault fault, char *buf, size_t size);

/* Whether that has changed since the last router_was_recorded(). */
bool router_is_new(const struct router *router);
void router_was_recorded(struct router *router);

#endif
