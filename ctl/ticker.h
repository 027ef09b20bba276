/*
 * ticker: tells how far something is that has many steps, some of which take
 * long: on a terminal on one line of standard error, renewed every second;
 * elsewhere a line every ten seconds, and none when all is over sooner.
 *
 * A thread of its own does it, for the caller waits in a step.
 */
#ifndef MBEV_CTL_TICKER_H
#define MBEV_CTL_TICKER_H

#include <stdbool.h>

struct ticker; /* opaque */

/* name: what it is, stays with the caller; steps: how many there are; terminal:
 * standard error is one. NULL when out of memory: all of the following is fine
 * with that, and tells nothing. */
struct ticker *ticker_open(const char *name, unsigned steps, bool terminal);
void ticker_close(struct ticker **t);

/* The next step begins; line: where it stands in its file. */
void ticker_step(struct ticker *t, int line);

/* How far the step is: stage so many of so many, and how much of that. */
void ticker_progress(
    struct ticker *t, unsigned stage, unsigned stages, double percent);

/* The step waits for somebody. */
void ticker_wait(struct ticker *t);

/* Takes the line away, for others to be printed. */
void ticker_clear(struct ticker *t);

#endif
