/*
 * orders: what the operator has said by mbevctl while the service runs.
 *
 * It is said in the database, so that it also holds when nobody listens: what
 * is paused stands in table pause, what is held or tried again in the
 * deliveries. A datagram to the doorbell only says that something is new; who
 * misses it learns it within ten seconds.
 */
#ifndef MBEV_ORDERS_H
#define MBEV_ORDERS_H

#include "db.h"
#include "delivery.h"

#include <stdbool.h>
#include <stdint.h>

struct engine;

/* What the datagram begins with, of root or of the service's own account: look
 * at the orders; or look and try again at once what is held, in the lane whose
 * name follows, or in all of them. */
enum { ORDERS_LOOK = 'o', ORDERS_FLUSH = 'f' };

struct orders {
    bool paused[LANES]; /* nothing is begun there */
    int64_t look_us;    /* boot clock: when to look again */
};

/* Reads the orders, and does what they say. */
enum db_status orders_look(struct engine *e);

/* When to do that (boot clock). */
int64_t orders_due_us(const struct engine *e);

#endif
