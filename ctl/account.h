/*
 * account: the password of mbev_service, which stands in the configuration of
 * the service and is to be that of the account.
 */
#ifndef MBEV_CTL_ACCOUNT_H
#define MBEV_CTL_ACCOUNT_H

#include "admin.h"

enum account {
    ACCOUNT_GOOD,    /* the service can log in */
    ACCOUNT_FRESH,   /* it has no password yet, and the configuration has one */
    ACCOUNT_EMPTY,   /* the configuration has none yet */
    ACCOUNT_DIFFERS, /* each has one, and they are not the same */
    ACCOUNT_OTHER,   /* the service does not use this account */
};

enum account account_look(const struct admin *a);

/* Gives the account the password of the configuration. The server is sent only
 * its digest, which is what it keeps. */
int account_set_password(const struct admin *a);

#endif
