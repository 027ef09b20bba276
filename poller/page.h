/*
 * page: what the service shows of itself: on the control socket, on a port of
 * this host when that is wanted, and in a file for node_exporter.
 *
 *   GET /             the status page
 *   GET /status.json  what it shows, see docs/status-json.md
 *   GET /event.json?id=N   the story of one event
 *   GET /metrics      for Prometheus
 *   GET /health       200 while the service acts or stands by, else 503
 *
 * Promises: nothing can be changed through it. A question waits for the
 * engine's next round when what is known is old, and is answered from memory
 * while the database is away. Statements block the one thread of the service,
 * and so these answers, as long as they last.
 */
#ifndef MBEV_PAGE_H
#define MBEV_PAGE_H

#include "db.h"

#include <stdint.h>

struct engine;
struct page; /* opaque */

/* NULL when out of memory. Opens nothing yet. */
struct page *page_make(struct engine *e);

/* Drops what waits, closes, frees, sets NULL. */
void page_close(struct page **page);

/* Opens what the settings want and is not open; tries again each minute when
 * that fails, which is told once. Writes the file when it is due and the
 * database is away. To be called often, whatever the service does. */
void page_tick(struct engine *e);

/* When a question, or the file, is due (boot clock, microseconds); 0 = now. */
int64_t page_due_us(const struct engine *e);

/* Answers what waits, after a look at the tables; writes the file. DB_OK, or
 * DB_GONE. */
enum db_status page_serve(struct engine *e);

/* The database is away, or another service acts: answers what waits from
 * memory. */
void page_give_up(struct engine *e);

#endif
