/* clock: see clock.h. */
#include "clock.h"

#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

static int64_t
read_us(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t
clock_boot_us(void)
{
    return read_us(CLOCK_BOOTTIME);
}

#ifdef MBEV_FAULTS
/* A test may set the clock: MBEV_CLOCK is the time at the first question, in
 * seconds since 1970 UTC. */
static int64_t
shift_us(void)
{
    static bool known;
    static int64_t shift;
    const char *set = getenv("MBEV_CLOCK");

    if (!known && set)
        shift = atoll(set) * 1000000 - read_us(CLOCK_REALTIME);
    known = true;
    return shift;
}
#else
#define shift_us() 0
#endif

int64_t
clock_wall_us(void)
{
    return read_us(CLOCK_REALTIME) + shift_us();
}
