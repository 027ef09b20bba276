/*
 * snapshot: what the billing knows of the subscribers of one batch, read at
 * the moment of the decision with one statement.
 */
#ifndef MBEV_SNAPSHOT_H
#define MBEV_SNAPSHOT_H

#include "billing.h"
#include "db.h"

#include <stdint.h>

struct subscriber {
    uint64_t uid;
    enum place place;
    bool modern;   /* the schema has users.state */
    int state;     /* users.state, 1 to 4, where it was read; else 0 */
    char *login;   /* owned */
    char *sms_tel; /* owned; "" for NULL */
};

struct snapshot {
    struct subscriber *sub; /* owned, ascending by uid, one for each */
    size_t n;
};

/* Reads the subscribers uids[0..n-1], in any order, repeats allowed. The
 * snapshot is to be freed whatever the result. */
enum db_status snapshot_load(struct snapshot *snap, struct db *db,
    const struct billing *billing, const uint64_t *uids, size_t n);

/* The subscriber; one in PLACE_NONE when there is none. Never NULL. */
const struct subscriber *
snapshot_find(const struct snapshot *snap, uint64_t uid);

void snapshot_free(struct snapshot *snap);

#endif
