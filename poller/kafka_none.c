/* kafka_none: the lane of a program that was built without Kafka; kafka.h. */
#include "kafka.h"

/* Nothing is started: the lane lacks what it needs. */
static void
start(void *carrier, struct delivery *d)
{
    (void)carrier;
    (void)d;
}

static void
close_nothing(void *carrier)
{
    (void)carrier;
}

static const struct carrier_ops ops = { .start = start,
    .close = close_nothing };

struct lane *
kafka_make(const struct settings *set, struct kafka **kafka)
{
    static const struct lane_traits traits = { .name = "kafka",
        .repeats_safely = true,
        .lacking = true,
        .limits = { .connections = 1 } };

    (void)set;
    *kafka = NULL;
    return lane_make(&traits, &ops, NULL);
}

int
kafka_fd(const struct kafka *kafka)
{
    (void)kafka;
    return -1;
}

void
kafka_run(struct kafka *kafka)
{
    (void)kafka;
}
