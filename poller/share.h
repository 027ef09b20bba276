/*
 * share: the subscribers are divided among the services that act.
 *
 * Each part of them stands in one row of table owner. A service that has more
 * than its share gives some away to the one that has least: it begins nothing
 * new in them, waits until nothing is under way there, and moves them to the
 * other's row. Who was given some takes them up under a new epoch. What a
 * service leaves that is gone, main gets (owner.h).
 */
#ifndef MBEV_SHARE_H
#define MBEV_SHARE_H

#include "owner.h"

struct engine;

struct share {
    int64_t look_us;          /* boot clock: when to look at the others next */
    struct owner_rows others; /* who acted then */
    char to[OWNER_NAME + 1];  /* the row that is to get what is leaving */
    unsigned told;            /* how many parts the log said are ours */
    bool told_lazy;           /* that nothing is shared */
};

/* What the row ours should give away, and to which of the rows; 0 = nothing.
 * shares: whether it may act beside others at all. */
uint32_t share_plan(const struct owner_rows *rows, const struct owner_row *ours,
    bool shares, const struct owner_row **to);

/* A duty: when to look (boot clock, microseconds), and the look. */
int64_t share_due_us(const struct engine *e);
enum db_status share_look(struct engine *e);

/* Our parts are known anew: says so, and takes our share of each provider's
 * limits. */
void share_begin(struct engine *e);

/* Rings at the others of this host: they have been given work. */
void share_ring(const struct engine *e);

#endif
