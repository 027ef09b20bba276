/*
 * resets: what is special about claiming resets of sessions.
 *
 * Promises: trouble with radnas, which is read only when a reset is due, is
 * nobody's but theirs.
 */
#ifndef MBEV_RESETS_H
#define MBEV_RESETS_H

#include "engine.h"

/* Whether any may be claimed now. */
bool resets_may_begin(const struct engine *e);

/* Before these are claimed: reads radnas, and takes out of the list those that
 * a later one of the same subscriber does for them. What cannot begin now is
 * taken out, too. */
enum db_status resets_prepare(struct engine *e, struct delivery_list *due);

#endif
