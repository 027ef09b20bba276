/*
 * reload: SIGHUP. The file is read again, and what it says is in force, while
 * the work goes on.
 *
 * Promises: a file with anything wrong changes nothing at all. Nothing that is
 * under way is interrupted: a call, or a conversation with a router, ends by
 * the settings that it was begun with. What cannot change in a running service
 * keeps its value and is named. A secret is never told.
 */
#ifndef MBEV_RELOAD_H
#define MBEV_RELOAD_H

#include "db.h"

#include <stdint.h>

struct engine;

/* Does it, when it was asked for. Between two rounds only. */
void reload_due(struct engine *e);

/* Duty: what a hold has put off that a reload has ended is due at once. */
int64_t reload_hurry_us(const struct engine *e);
enum db_status reload_hurry(struct engine *e);

#endif
