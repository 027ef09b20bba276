/*
 * clock: the two clocks the service uses. Time carries its unit in its name.
 */
#ifndef MBEV_CLOCK_H
#define MBEV_CLOCK_H

#include <stdint.h>

/* Microseconds since boot, counting the time the machine was suspended.
 * For deadlines, delays and leases; never goes back. */
int64_t clock_boot_us(void);

/* Microseconds since 1970 UTC. For people: logs, quiet hours. */
int64_t clock_wall_us(void);

#endif
