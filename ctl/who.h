/*
 * who: the subscriber of a login, in the billing's tables.
 */
#ifndef MBEV_WHO_H
#define MBEV_WHO_H

#include "ctl.h"

/* Looks in users and the tables to which frozen, blocked and deleted
 * subscribers are moved. EX_OK with *uid; EX_NOINPUT when there is none, or
 * several, which is said; EX_UNAVAILABLE. */
int who_is(struct ctl *ctl, const char *login, uint64_t *uid);

#endif
