/*
 * runner: the lane in which programs are run, several at a time.
 *
 * Without a shell, with nothing of ours but the arguments and a few variables
 * (MBEV_EVENT, MBEV_KEY), in a process group of its own. One that
 * ends with 0 is done; with 75 (EX_TEMPFAIL) it is run again; with anything
 * else it has failed for good. One that takes too long is killed with its
 * group, and nobody knows what it has done. What it puts out is kept, up to a
 * bound.
 */
#ifndef MBEV_RUNNER_H
#define MBEV_RUNNER_H

#include "lane.h"
#include "settings.h"

#include <stdint.h>

struct runner; /* opaque */

/* Makes the lane; *runner is the lane's, and valid as long. NULL when out of
 * memory or of descriptors. */
struct lane *runner_make(const struct settings *set, struct runner **runner);

/* A descriptor that can be read when runner_run() has something to do. */
int runner_fd(const struct runner *runner);

/* Takes what was put out, and what has ended. */
void runner_run(struct runner *runner);

/* When the first must have ended (boot clock, microseconds); INT64_MAX = none
 * runs. */
int64_t runner_due_us(const struct runner *runner);

#endif
