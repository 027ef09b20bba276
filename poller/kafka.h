/*
 * kafka: the lane that hands events on to Kafka, many at a time.
 *
 * The producer is librdkafka's, idempotent; its own threads talk to the
 * brokers, and what they report is taken on ours, by a descriptor. A message
 * ends with the report of its delivery, [kafka] timeout at the latest. It
 * never blocks, but for the moment in which a producer without anything under
 * way is ended: when the settings have changed, or after an error that is for
 * good.
 *
 * Chosen when the program is built (MBEV_KAFKA). Without it the lane is there
 * and has nothing to do: settings that ask for it are refused.
 */
#ifndef MBEV_KAFKA_H
#define MBEV_KAFKA_H

#include "lane.h"
#include "settings.h"

struct kafka; /* opaque */

/* Makes the lane; *kafka is the lane's, and valid as long, or NULL where there
 * is nothing to wait for. NULL when out of memory or of descriptors. */
struct lane *kafka_make(const struct settings *set, struct kafka **kafka);

/* A descriptor that can be read when kafka_run() has something to do. */
int kafka_fd(const struct kafka *kafka);

/* Takes what was reported. */
void kafka_run(struct kafka *kafka);

#endif
