/*
 * fleet: all routers, and the lane in which sessions are ended on them.
 *
 * A delivery goes to all routers that are meant, at the same time, and has
 * ended when the last has answered or failed. When a session was found and
 * ended, or all have answered, it is done; else it is tried again, on those
 * alone that have failed. No router waits for another.
 *
 * The routers are those of the billing's table radnas. They are told apart by
 * radnas.id.
 */
#ifndef MBEV_FLEET_H
#define MBEV_FLEET_H

#include "billing.h"
#include "db.h"
#include "http.h"
#include "lane.h"
#include "owner.h"
#include "settings.h"

struct fleet; /* opaque */

/* Makes the lane; *fleet is the lane's, and valid as long. The http is to be
 * closed first. NULL when out of memory or of descriptors. */
struct lane *
fleet_make(const struct settings *set, struct http *http, struct fleet **fleet);

/* Reads radnas again, when that was not done just now. What is under way goes
 * on. */
enum db_status
fleet_load(struct fleet *fleet, struct db *db, const struct billing *billing);

/* A descriptor that can be read when fleet_run() has something to do. */
int fleet_fd(const struct fleet *fleet);

/* Moves all conversations on; bounded in time, what is left comes at the next
 * call. */
void fleet_run(struct fleet *fleet);

/* Gives up what was not begun: the service is to stop. */
void fleet_stop(struct fleet *fleet);

/* Tries also those again that are held, with the next reset. */
void fleet_retry(struct fleet *fleet);

/* When it has something to do by the clock (boot clock, microseconds). */
int64_t fleet_due_us(const struct fleet *fleet);

/* Writes into table router what has changed, now and then. A table that cannot
 * be written is no trouble but its own: DB_OK, or DB_GONE. */
enum db_status
fleet_record(struct fleet *fleet, struct db *db, struct owner *owner);

/* When that is due (boot clock, microseconds); INT64_MAX = nothing to write. */
int64_t fleet_record_us(const struct fleet *fleet);

#endif
