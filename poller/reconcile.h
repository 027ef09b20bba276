/*
 * reconcile: rows of the billing that their triggers did not capture (one was
 * missing, or swallowed an error; a MyISAM table kept what was rolled back) are
 * captured late, once, and told of.
 *
 * Walks over the keys of both tables, page by page, one page in a turn, from
 * the low end of its window to the newest row that is old enough; then again
 * after a pause. What it finds goes into the outbox as if a trigger had written
 * it, and into table gap. AUTO_INCREMENT order is not commit order, so the last
 * hours are walked each time, and the whole window every tenth time.
 *
 * Trouble with the tables of the billing is its own: it rests, and nothing else
 * waits for it.
 */
#ifndef MBEV_RECONCILE_H
#define MBEV_RECONCILE_H

#include "engine.h"

struct reconcile;

/* NULL when out of memory. */
struct reconcile *reconcile_make(void);

/* Tells what was not told yet, frees, sets NULL. */
void reconcile_close(struct reconcile **reconcile);

/* Begins anew, on a new connection. */
void reconcile_reset(struct engine *e);

/* When there is something to do next (boot clock, microseconds). */
int64_t reconcile_due_us(const struct engine *e);

/* Does the next step. *wrote: there is something new in the outbox. */
enum db_status reconcile_turn(struct engine *e, bool *wrote);

/* Whether the first walk over everything is still to end. */
bool reconcile_is_begun(const struct engine *e);

#endif
