/*
 * roll: table router, in which stands how each router was found.
 */
#ifndef MBEV_ROLL_H
#define MBEV_ROLL_H

#include "bytes.h"
#include "routers/task.h"

/* How many have something that does not stand there yet. */
size_t roll_count_new(const struct router_list *all);

/* Appends the statement that writes it; and the one that takes out whoever is
 * not in the list. */
void roll_add_new(struct bytes *sql, const struct router_list *all);
void roll_add_removal(struct bytes *sql, const struct router_list *all);

#endif
