/*
 * watch: whether the triggers are there and can work. While one is not, changes
 * of its table may go by unseen: that stands as an open row in table gap, since
 * the last time when all was well, and is told once in the log; when all is
 * well again the row is closed.
 *
 * Of bugh_plategi_stat and bugh_uslugi_stat rows are captured late (reconcile);
 * of the tables of subscribers nobody can list what was missed.
 *
 * A billing that becomes one of the modern generation while we run (its users
 * get a column state) is noticed here, too: its trigger on users does not fit
 * any more.
 */
#ifndef MBEV_WATCH_H
#define MBEV_WATCH_H

#include "engine.h"

struct watch {
    bool blind;  /* our function that tells of the triggers cannot be asked,
                    and that was said */
    bool doubts; /* something was missing at the last look: it may only be that
                    it was being replaced, so look again before it is said */
};

/* Looks, and records what it saw; with doubts it has recorded nothing yet, and
 * is to look again WATCH_AGAIN_US later. */
enum { WATCH_AGAIN_US = 1000000 };
enum db_status watch_look(struct engine *e, struct watch *watch);

#endif
