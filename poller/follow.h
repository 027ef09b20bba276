/*
 * follow: what becomes of the receipts that Komtet has accepted. Each is asked
 * about, at growing pauses, until the till is done with it or refuses it; and
 * while some wait, the queue of tills is asked whether it is switched on, and
 * then until it is.
 * Receipts that are late are told of in the log.
 */
#ifndef MBEV_FOLLOW_H
#define MBEV_FOLLOW_H

#include "engine.h"

struct follow;

/* NULL when out of memory. */
struct follow *follow_make(void);

/* Forgets what is under way, frees, sets NULL. The http goes first. */
void follow_close(struct follow **follow);

/* Asks what is due, as far as the lane has room, and records what was
 * answered. */
enum db_status follow_due(struct engine *e);

/* Notes that a receipt may be due to be asked about at us (boot clock). */
void follow_due_by(struct engine *e, int64_t us);

/* When there is something to do next (boot clock, microseconds); now when
 * there is. */
int64_t follow_due_us(const struct engine *e);

/* Questions under way, or answered and not recorded yet. */
size_t follow_active(const struct follow *follow);

/* The settings of the till have changed: what was known of its queue is not. */
void follow_renew(struct follow *follow);

#endif
