/*
 * relay: what the lanes need that hand events on, webhook and kafka.
 */
#ifndef MBEV_RELAY_H
#define MBEV_RELAY_H

#include "bytes.h"
#include "delivery.h"

/* Appends the condition on a row of delivery that is due in such a lane, " AND
 * ...": none of the same subscriber's that came before waits or is under way.
 * One that is dead, or that the operator has dropped, keeps nobody waiting. */
void relay_add_order(struct bytes *sql, enum lane_id lane);

/* Makes the payload of such a delivery out of event.body. Where none can be
 * made, because the body is no JSON object or is too large, there is none, and
 * the lane says so. False when memory ran out. */
bool relay_fill(struct delivery *d, const char *body);

/* The outcome of one without a payload. */
void relay_fail_empty(struct delivery *d);

#endif
