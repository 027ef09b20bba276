/* fault: see fault.h. */
#include "fault.h"

#ifdef MBEV_FAULTS

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
act(const char *action)
{
    if (strncmp(action, "stop", 4) == 0)
        raise(SIGSTOP);
    else if (strncmp(action, "kill", 4) == 0)
        raise(SIGKILL);
    else if (strncmp(action, "sleep", 5) == 0)
        sleep(1);
}

void
fault_point(const char *name)
{
    static int passes;
    const char *want = getenv("MBEV_FAULT");
    size_t n = strlen(name);
    const char *count;
    int wanted;

    if (!want || strncmp(want, name, n) != 0 || want[n] != ':')
        return;
    count = strchr(want + n + 1, ':');
    wanted = count ? atoi(count + 1) : 1;
    if (++passes == wanted)
        act(want + n + 1);
}

#else

typedef int fault_seams_are_compiled_out;

#endif
