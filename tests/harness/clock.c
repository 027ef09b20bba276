/*
 * clock: the wall clock of a process, as many microseconds away from the real
 * one as a file says. To be preloaded; MBEV_CLOCK_FILE names the file, eight
 * bytes in the machine's order, which may change at any time. The boot clock
 * and the monotonic one stay real; waits until a time of the wall clock last
 * as long as they should.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND_US INT64_C(1000000)

static int64_t
shift_us(void)
{
    static const volatile int64_t *shift;
    const char *path = getenv("MBEV_CLOCK_FILE");

    if (!shift && path) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        void *at = mmap(NULL, sizeof *shift, PROT_READ, MAP_SHARED, fd, 0);

        close(fd);
        if (fd < 0 || at == MAP_FAILED)
            abort();
        shift = at;
    }
    return shift ? *shift : 0;
}

static struct timespec
moved(struct timespec ts, int64_t us)
{
    int64_t all = ts.tv_sec * SECOND_US + ts.tv_nsec / 1000 + us;

    ts.tv_sec = all / SECOND_US;
    ts.tv_nsec = all % SECOND_US * 1000 + ts.tv_nsec % 1000;
    return ts;
}

int
clock_gettime(clockid_t id, struct timespec *ts)
{
    int code = (int)syscall(SYS_clock_gettime, id, ts);

    if (code == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        *ts = moved(*ts, shift_us());
    return code;
}

int
gettimeofday(struct timeval *tv, void *zone)
{
    struct timespec ts;

    (void)zone;
    clock_gettime(CLOCK_REALTIME, &ts);
    tv->tv_sec = ts.tv_sec;
    tv->tv_usec = ts.tv_nsec / 1000;
    return 0;
}

time_t
time(time_t *seconds)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    if (seconds)
        *seconds = ts.tv_sec;
    return ts.tv_sec;
}

int
pthread_cond_timedwait(
    pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *until)
{
    static int (*real)(
        pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
    struct timespec now, ts = *until;

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
    /* A time of the monotonic clock is far away from that of the wall. */
    clock_gettime(CLOCK_REALTIME, &now);
    if (llabs((long long)now.tv_sec - ts.tv_sec) < 400LL * 86400)
        ts = moved(ts, -shift_us());
    return real(cond, mutex, &ts);
}
