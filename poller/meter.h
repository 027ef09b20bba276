/*
 * meter: what went through since the start, in numbers: by lane and result,
 * how long it took from the capture until it was accepted, and what came in the
 * last minute. Memory alone; table pulse (see pulse.h) outlives a restart.
 */
#ifndef MBEV_METER_H
#define MBEV_METER_H

#include "delivery.h"

#include <stdint.h>

enum meter_result {
    METER_GOOD,  /* done; of events: captured */
    METER_AGAIN, /* an attempt failed and is repeated */
    METER_BAD,   /* dead, doubtful or expired; of events: not understood */
    METER_SKIPPED,
    METER_RESULTS
};

/* "good", "again", "bad", "skipped". */
const char *meter_result_name(enum meter_result result);

enum {
    METER_EVENTS = LANES, /* in place of a lane */
    METER_LINES,
    METER_BOUNDS = 10,
    METER_TICKS = 7, /* six whole ones are a minute */
    METER_CLASSES = OUTCOME_DUPLICATE + 1
};

/* Upper bounds of the times to acceptance, in milliseconds. */
extern const int64_t meter_bounds_ms[METER_BOUNDS];

struct meter_line {
    uint64_t n[METER_RESULTS];         /* since the start */
    uint64_t written[METER_RESULTS];   /* of these in table pulse */
    uint64_t errors[METER_CLASSES];    /* calls that failed, by class */
    uint64_t within[METER_BOUNDS + 1]; /* accepted within that time, but not
                                          within a shorter; the last: longer */
    int64_t sum_ms;                    /* of all these times */
    int64_t good_us;                   /* boot clock: the last success; 0 =
                                          none yet */
    struct {
        int64_t at; /* which ten seconds of the boot clock */
        uint64_t n[METER_RESULTS];
    } tick[METER_TICKS];
};

struct meter {
    struct meter_line line[METER_LINES];
    uint64_t connects; /* to the database */
    int64_t new_us;    /* boot clock: since when something is not in table
                          pulse; 0 = all is */
};

/* lane: or METER_EVENTS. */
void meter_count(
    struct meter *meter, unsigned lane, enum meter_result result, uint64_t n);

/* Counts what became of a delivery, by its state, lane and last outcome.
 * server_us: the database's clock, microseconds since 1970 UTC; 0 = not
 * known. */
void meter_delivery(
    struct meter *meter, const struct delivery *d, int64_t server_us);

/* How many in the last minute. */
uint64_t meter_recent(
    const struct meter *meter, unsigned lane, enum meter_result result);

/* "decide", "smspilot" ...; "events". */
const char *meter_line_name(unsigned lane);

#endif
