/*
 * view: what the tables say of the work, for the status page and the metrics:
 * read when somebody asks, and kept.
 *
 * Promises: it is read every two seconds at most, and so that it takes no more
 * than a twentieth of the time; each query goes by an index and counts no
 * further than VIEW_MOST; the server ends one after a quarter of a second. One
 * that fails leaves what is known, and keeps nothing else from being done.
 */
#ifndef MBEV_VIEW_H
#define MBEV_VIEW_H

#include "bytes.h"
#include "db.h"
#include "delivery.h"

#include <stdbool.h>
#include <stdint.h>

struct engine;

enum { VIEW_MOST = 10000 }; /* one more means: more than that */

/* What deliveries are counted by. */
enum view_state {
    VIEW_WAITING, /* ready or to be tried again */
    VIEW_HELD,    /* by the operator */
    VIEW_DOUBTFUL,
    VIEW_DEAD,
    VIEW_STATES
};

enum view_figure {
    VIEW_OUTBOX,
    VIEW_RECEIPTS,         /* not fiscal yet */
    VIEW_RECEIPTS_REFUSED, /* that wait for the operator */
    VIEW_GAPS,             /* triggers or library that are missing now */
    VIEW_LATE,             /* rows of the last day that were captured late */
    VIEW_ROUTERS_HELD,
    VIEW_ROUTERS,
    VIEW_FIGURES
};

struct view {
    int64_t read_us;       /* boot clock: when it was read; 0 = never */
    int64_t next_us;       /* when it may be read again */
    int64_t lists_next_us; /* the same of the lists... */
    int64_t chart_next_us; /* ... and of the chart among them */
    uint64_t deliveries[LANES][VIEW_STATES];
    struct {
        uint64_t n;
        uint64_t age_s; /* of the oldest */
    } figure[VIEW_FIGURES];
    bool library; /* mbev.so answers */
    char library_version[32];
    bool paused[LANES];
    struct bytes pauses; /* these are JSON, arrays; "" = not read yet */
    struct bytes events, troubles, gaps, routers, chart;
};

void view_init(struct view *view);
void view_free(struct view *view);

/* Whether the figures, or with lists these, too, may be read again now. */
bool view_is_old(const struct view *view, bool lists);

/* Reads what is old. DB_OK, or DB_GONE. */
enum db_status view_read(struct engine *e, struct view *view, bool lists);

#endif
