/*
 * reset: the order to end a subscriber's sessions, as it stands in
 * delivery.payload: JSON, and nothing secret in it.
 *
 *   {"login":"u1",
 *    "seen":[{"nas":"10.0.0.1","ip":"10.1.2.3","session":"81a0003c"}],
 *    "only":true, "left":[3,7]}
 */
#ifndef MBEV_RESET_H
#define MBEV_RESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RESET_ADDRESS = 45, RESET_SESSION = 64 };

/* A session that the billing sees online. */
struct seen {
    char nas[RESET_ADDRESS + 1];     /* address of its router */
    char ip[RESET_ADDRESS + 1];      /* of the subscriber, or "" */
    char session[RESET_SESSION + 1]; /* Acct-Session-Id, or "" */
};

struct reset {
    char *login;       /* owned */
    struct seen *seen; /* owned */
    size_t seen_n;
    bool only;      /* on the routers of those sessions alone, if they are
                       known */
    uint32_t *left; /* owned: the routers (radnas.id) that are left to be
                       asked */
    size_t left_n;
    bool some; /* those alone; else all */
};

/* Reads *r from JSON; to be freed in any case. False when it makes no sense, or
 * when out of memory: errno is then ENOMEM. */
bool reset_parse(struct reset *r, const char *json);

/* As JSON, to be freed; NULL when out of memory. */
char *reset_print(const struct reset *r);

void reset_free(struct reset *r);

#endif
