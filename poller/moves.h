/*
 * moves: what it means that a subscriber's row left a table.
 *
 * In the legacy generation the billing freezes, blocks, deletes and takes back
 * a subscriber by moving the row between users, usersfreeze, usersblok and
 * usersdel: in one transaction or in several, and inserted first or deleted
 * first. That a row came into one of the last three is an event by itself.
 * Where one went that left is not in it; so its row of the outbox stays there
 * for as long as the billing may take to move it, and then we look where the
 * subscriber is. Who is away by then may have been in users in between: then a
 * row that left users stands in the outbox behind, which waits longer.
 */
#ifndef MBEV_MOVES_H
#define MBEV_MOVES_H

#include "engine.h"
#include "event.h"

/* Kinds of such rows in the outbox: of a table other than users; and of any,
 * perhaps with another tariff in the new place. */
#define MOVES_LEFT "left"
#define MOVES_MOVED "moved"

bool moves_is_kind(const char *kind);

/* Appends the condition that a row of the outbox, o, is none of these or may be
 * looked at. */
void moves_add_ripe(struct bytes *sql, const struct settings *set);

enum { MOVE_BODY = 160 };

struct move {
    bool left;                   /* MOVES_LEFT; else MOVES_MOVED */
    uint64_t outbox_id;          /* its row there */
    char table[EVENT_TABLE + 1]; /* where it was */
    const char *captured;        /* UTC, as in the outbox */
    struct event *event;         /* its uid and gid... */
    char body[MOVE_BODY];        /* of the event, where it is another one */
};

/* Finds out what has happened: event->kind becomes an unfreeze, an unblock or a
 * change of tariff, of which event->gid and the body are the new ones; or stays
 * EVENT_KINDS when it was nothing. */
enum db_status moves_resolve(struct engine *e, struct move *move, size_t n);

#endif
