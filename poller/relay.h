/*
 * relay: what the lanes need that hand events on, webhook and kafka.
 */
#ifndef MBEV_RELAY_H
#define MBEV_RELAY_H

#include "db.h"
#include "delivery.h"
#include "head.h"

#include <stddef.h>
#include <stdint.h>

/* Most that are chosen at once. */
enum { RELAY_MOST = 200 };

/* What may go now in such a lane. */
struct relay_chosen {
    uint64_t id[RELAY_MOST]; /* of deliveries */
    size_t n;
};

/* Chooses what is due, at most so many (up to RELAY_MOST), and of one
 * subscriber only one, when nothing of the same subscriber's that came before
 * waits or is under way. What is dead, or was dropped by the operator, keeps
 * nobody waiting. also: a further condition on delivery, " AND ...". */
enum db_status
relay_choose(struct db *db, enum lane_id lane, const struct head *head,
    const char *also, size_t most, struct relay_chosen *chosen);

/* Makes the payload of such a delivery out of event.body. Where none can be
 * made, because the body is no JSON object or is too large, there is none, and
 * the lane says so. False when memory ran out. */
bool relay_fill(struct delivery *d, const char *body);

/* The outcome of one without a payload. */
void relay_fail_empty(struct delivery *d);

#endif
