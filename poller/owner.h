/*
 * owner: the right to act, held by one service at a time.
 *
 * The row of table owner carries a lease and an epoch. Taking over raises the
 * epoch; every transaction of ours begins with owner_begin(), which renews
 * the lease and changes nothing when the epoch has moved on. So a service
 * that was stopped and wakes too late commits nothing. Beside the row, a
 * locked file next to the doorbell tells services of the same host apart: who
 * holds it may continue a lease of that name at once.
 */
#ifndef MBEV_OWNER_H
#define MBEV_OWNER_H

#include "db.h"
#include "delivery.h"
#include "settings.h"

#include <stdbool.h>
#include <stdint.h>

struct owner {
    const struct settings *set;
    int lock_fd;           /* the locked file, or -1 */
    char holder[256];      /* this host and doorbell */
    char other[256];       /* who held it when we were refused */
    uint64_t epoch;        /* 0 = we do not own */
    uint64_t last_epoch;   /* the highest that was ours: a server may forget it
                              in a crash, it does not come again */
    uint64_t inherited_id; /* deliveries up to this one may have been begun by
                              another holder, whose journal we do not have */
    char inherited_utc[DELIVERY_UTC + 1]; /* and so may what was captured
                              before, when the server forgot in a crash that
                              it was: the server's start, as we took over... */
    uint64_t inherited_epoch; /* ... under this epoch; what was claimed since,
                                 was claimed by us */
    bool lost;                /* somebody took over while we acted */
    bool told;                /* that the row is missing */
    int64_t until_us;         /* boot clock: ours until then */
    int64_t asked_us;         /* boot clock: when the open transaction began */
};

/* Prepares *owner and locks the file. False, with the reason logged, when
 * another service of this host has it or the folder is missing. */
bool owner_open(struct owner *owner, const struct settings *set);
void owner_close(struct owner *owner);

/* Takes the right over, from ourselves too: a new epoch for each connection.
 * DB_OK and owner->epoch 0: somebody else has it, owner->other. */
enum db_status owner_acquire(struct owner *owner, struct db *db);

/* Whether another holder may have made an attempt of a delivery that the
 * server has forgotten in a crash. epoch: under which it was claimed last. */
bool owner_may_have_lost(
    const struct owner *owner, const char *captured_utc, uint64_t epoch);

/* Starts a transaction and renews the lease in it, in one packet with what is
 * run first: DB_REFUSED of that, and epoch 0, means that somebody took over,
 * and nothing of it is to stay: db_rollback(). */
enum db_status owner_begin(struct owner *owner, struct db *db);

/* Commits: only then does the renewed lease count. */
enum db_status owner_commit(struct owner *owner, struct db *db);

/* Runs the statements, each ended by a semicolon, and the COMMIT in one
 * packet. *sql is spent. */
enum db_status
owner_commit_with(struct owner *owner, struct db *db, struct bytes *sql);

/* Proves that we still own the work and prolongs the lease, in one statement.
 * Errors as of owner_begin(). */
enum db_status owner_renew(struct owner *owner, struct db *db);

/* One transaction of these statements. *sql is spent. */
enum db_status owner_run(struct owner *owner, struct db *db, struct bytes *sql);

/* Gives the lease back, so that another may take over at once. */
void owner_release(struct owner *owner, struct db *db);

#endif
