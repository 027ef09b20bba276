/*
 * link: a conversation with one router, by one of several protocols.
 *
 * A link takes orders, several in one go, carries them out and marks each with
 * its result. It never waits: the router that owns it calls step() when the
 * descriptor is ready, or when it is due, and keeps the time.
 */
#ifndef MBEV_LINK_H
#define MBEV_LINK_H

#include "known_hosts.h"
#include "reset.h"
#include "settings.h"

enum { LINK_MOST = 32, LINK_WORDS = 512 };

/* A login whose sessions are to be ended. */
struct order {
    const char *login;       /* UTF-8, one that console_accepts() */
    const struct seen *seen; /* what the billing sees online; not all of it
                                need be on this router */
    size_t seen_n;
    enum order_state {
        ORDER_OPEN,
        ORDER_DONE,
        ORDER_ERROR, /* the router says that this one failed */
    } state;
    unsigned ended; /* how many sessions */
};

/* With whom it speaks. All texts stay with the caller. */
struct peer {
    const char *address;
    int port;
    const char *user;
    const char *password;
    const char *secret; /* of RADIUS */
    const struct settings *all;
    const struct router_settings *set;
    struct known_hosts *known;
};

enum link_status {
    LINK_WAITS,
    LINK_READY, /* for orders; those that are not marked have failed, and
                   words() says why */
    LINK_FAILED,
};

/* Why a link, or a router, is of no use. */
enum fault {
    FAULT_NONE,
    FAULT_BROKEN, /* cannot be reached, does not answer: may pass */
    /* Somebody must act: */
    FAULT_REFUSED,     /* the login */
    FAULT_COMMAND,     /* the command: it is not what it should be */
    FAULT_ALGORITHMS,  /* none in common */
    FAULT_KEY,         /* another key than it had */
    FAULT_STRANGER,    /* a key that is not known, and is to be */
    FAULT_CERTIFICATE, /* is not good, or TLS was not agreed on */
    FAULT_OURS,        /* our settings or files */
    FAULT_CRASH,       /* what it says crashes the service */
};

struct link_ops {
    const char *name; /* as in the settings: "ssh" */
    int port;         /* the usual one */
    bool dials;       /* wants a connected socket */
    bool chats;       /* what it says between two commands belongs to none: it
                         can wait for the next */

    /* Begins. fd: the socket, taken over in any case, or -1. NULL when out of
     * memory. */
    void *(*open)(int fd, const struct peer *peer);

    /* Ends it at once and frees. */
    void (*close)(void *link);

    /* Goes on as far as it can. */
    enum link_status (*step)(void *link);

    /* Gives it orders, when it is ready; they stay the caller's until it is
     * ready again or has failed. Returns how many it takes now, from the first
     * on: one at least, LINK_MOST at most. */
    size_t (*send)(void *link, struct order *orders, size_t n);

    /* What to wait for: the descriptor, EPOLLIN and EPOLLOUT; and the time
     * (boot clock, microseconds), INT64_MAX = none. */
    int (*fd)(const void *link);
    unsigned (*wants)(const void *link);
    int64_t (*due_us)(const void *link); /* NULL = none */

    /* Of a failed link: what kind of failure it is. */
    enum fault (*fault)(const void *link);

    /* Words for the operator: why it failed; of one that is ready, what the
     * router has said beside its results. */
    const char *(*words)(const void *link);
};

enum { LINKS = 4 };
extern const struct link_ops link_ssh;
extern const struct link_ops link_api; /* plain */
extern const struct link_ops link_api_tls;
extern const struct link_ops link_radius;

#endif
