/*
 * owner: the right to act.
 *
 * A row of table owner carries a lease and an epoch. Taking it over raises the
 * epoch; every transaction of ours begins with owner_begin(), which renews
 * the lease and changes nothing when the epoch has moved on. So a service
 * that was stopped and wakes too late commits nothing. Beside the row, a
 * locked file next to the doorbell tells services of the same host apart: who
 * holds it may continue a lease of that name at once.
 *
 * Row main is held by one service at a time, which takes over what was captured
 * and does what is to be done once. Others may act beside it ([service]
 * share_work), each with a row of its own: the subscribers are divided into
 * OWNER_PARTS parts, and each part stands in one row. The parts of a row whose
 * lease is over go to main; share.c divides them again.
 */
#ifndef MBEV_OWNER_H
#define MBEV_OWNER_H

#include "db.h"
#include "delivery.h"
#include "settings.h"

#include <stdbool.h>
#include <stdint.h>

enum { OWNER_PARTS = 32, OWNER_MOST = 8, OWNER_NAME = 16, OWNER_HOLDER = 255 };

#define OWNER_ALL UINT32_MAX /* all parts */
#define OWNER_MAIN "main"

/* A row of the table, as it was read. */
struct owner_row {
    char name[OWNER_NAME + 1];
    char holder[OWNER_HOLDER + 1];
    uint64_t epoch;
    bool over;      /* its lease */
    uint32_t parts; /* bit n: of subscribers whose uid % OWNER_PARTS is n */
};

struct owner_rows {
    struct owner_row at[OWNER_MOST];
    size_t n;
};

struct owner {
    const struct settings *set;
    bool shares;                   /* may act beside another one */
    int lock_fd;                   /* the locked file, or -1 */
    char holder[OWNER_HOLDER + 1]; /* this host and doorbell */
    char other[OWNER_HOLDER + 1];  /* who holds main, when that is not us */
    char name[OWNER_NAME + 1];     /* of our row */
    uint32_t parts;                /* ours... */
    uint32_t leaving;      /* ... and of these, what is to be another's soon:
                              nothing of it is begun any more */
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
 * Who gets main gets all parts of rows whose lease is over. DB_OK and
 * owner->epoch 0: somebody else has it, owner->other. */
enum db_status owner_acquire(struct owner *owner, struct db *db);

/* Whether ours is the row main. */
bool owner_is_main(const struct owner *owner);

/* The part that a subscriber belongs to. */
unsigned owner_part(uint64_t uid);

/* How many parts these are. */
unsigned owner_count(uint32_t parts);

/* Whether something may be begun for this subscriber. */
bool owner_may_serve(const struct owner *owner, uint64_t uid);

/* Appends " AND WHAT IN (...)" for the parts in which something may be begun;
 * nothing when these are all. what: a part, as SQL. */
void
owner_add_parts(struct bytes *sql, const struct owner *owner, const char *what);

/* Reads the rows of all services; at most OWNER_MOST. */
enum db_status
owner_look(struct owner *owner, struct db *db, struct owner_rows *rows);

/* The parts that stand in no row, because somebody has changed the table: who
 * takes main gets these, too. */
uint32_t owner_missing(const struct owner_rows *rows);

/* Gives some of our parts to another service. Not *given, and nothing is
 * changed, while something is under way in them, or when that service does not
 * act any more. */
enum db_status owner_give(struct owner *owner, struct db *db,
    const struct owner_row *to, uint32_t parts, bool *given);

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
