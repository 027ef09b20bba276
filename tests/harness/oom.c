/*
 * oom: memory that runs out, in any program (LD_PRELOAD).
 *
 *   MBEV_OOM_PROGRAM=NAME the program it is about; not what starts it, nor its
 *                         children
 *   MBEV_OOM_SITES=FILE   writes at the end, for each place that allocates (a
 *                         call stack), the number of its first allocation, and
 *                         the first module of that stack that is not the C
 *                         library: "17 /path/of/mbevd"
 *   MBEV_OOM_AT=N         the N-th allocation fails
 *   MBEV_OOM_FOR=K        and K - 1 after it; 1 when not given
 *   MBEV_OOM_STOP_MS=MS   the program is ended, as if it had done all, after so
 *                         much time of the processor: since its start, or since
 *                         memory ran out
 *
 * A program may also choose for itself, by oom_arm() and oom_came().
 *
 * Counted are all allocations of the process and of its libraries, from 1.
 * With a sanitizer it stands before its library, and
 * ASAN_OPTIONS has verify_asan_link_order=0.
 */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/types.h>
#include <unistd.h>

enum { SITES = 1 << 16, FRAMES = 6, EARLY = 1 << 16, MOST_WRITTEN = 200 };

struct site {
    uint64_t hash;
    unsigned long first;
    void *frame[FRAMES];
    int frames;
};

static struct {
    void *(*malloc)(size_t);
    void *(*calloc)(size_t, size_t);
    void *(*realloc)(void *, size_t);
    void (*free)(void *);
} libc;

static atomic_ulong count;
static unsigned long fail_at, fail_for = 1;
static long stop_ms;
static const char *sites_path;
static pid_t owner;
static struct site sites[SITES];
static _Thread_local bool busy __attribute__((tls_model("initial-exec")));

/* ---- an early end ---- */

static void write_sites(void);

static void
stop(int number)
{
    (void)number;
    busy = true;
    write_sites();
    _exit(0);
}

static void
stop_later(void)
{
    const struct itimerval when = { .it_value = { stop_ms / 1000,
                                        stop_ms % 1000 * 1000 } };

    if (stop_ms > 0 && signal(SIGPROF, stop) != SIG_ERR)
        setitimer(ITIMER_PROF, &when, NULL);
}

/* ---- before the libraries are ready ---- */

/* What is asked for while the functions behind ours are looked up. */
static _Alignas(16) char early[EARLY];
static size_t early_used;

static void *
early_alloc(size_t n)
{
    void *p = early + early_used;

    early_used += (n + 31) / 16 * 16;
    if (early_used > sizeof early)
        abort();
    return p;
}

static bool
is_early(const void *p)
{
    return (const char *)p >= early && (const char *)p < early + sizeof early;
}

static bool
ready(void)
{
    static bool asking;

    if (libc.free)
        return true;
    if (asking)
        return false;
    asking = true;
    libc.malloc = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
    libc.calloc = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "calloc");
    libc.realloc = (void *(*)(void *, size_t))dlsym(RTLD_NEXT, "realloc");
    libc.free = (void (*)(void *))dlsym(RTLD_NEXT, "free");
    asking = false;
    return true;
}

__attribute__((constructor)) static void
begin(void)
{
    const char *at = getenv("MBEV_OOM_AT"), *more = getenv("MBEV_OOM_FOR");
    const char *program = getenv("MBEV_OOM_PROGRAM");
    const char *ms = getenv("MBEV_OOM_STOP_MS");
    void *frame[2];

    if (!program || strcmp(program, program_invocation_short_name) != 0)
        return;

    backtrace(frame, 2); /* the first time, it loads a library */
    sites_path = getenv("MBEV_OOM_SITES");
    if (more)
        fail_for = strtoul(more, NULL, 10);
    if (at)
        fail_at = strtoul(at, NULL, 10);
    if (ms)
        stop_ms = strtol(ms, NULL, 10);
    if (sites_path)
        stop_later();
    owner = getpid();
    unsetenv("LD_PRELOAD");
    count = 0;
}

/* ---- places ---- */

static uint64_t
hash_of(void *const *frame, int n)
{
    uint64_t hash = 1469598103934665603u;

    for (int i = 0; i < n; i++)
        hash = (hash ^ (uintptr_t)frame[i]) * 1099511628211u;
    return hash | 1;
}

static void
note(unsigned long n)
{
    void *frame[FRAMES + 2];
    int frames = backtrace(frame, FRAMES + 2) - 2;
    uint64_t hash = hash_of(frame + 2, frames);
    size_t i = hash % SITES;

    for (size_t tries = 0; tries < SITES; tries++, i = (i + 1) % SITES) {
        struct site *site = &sites[i];

        if (site->hash == 0) {
            site->hash = hash;
            site->first = n;
            site->frames = frames;
            memcpy(site->frame, frame + 2, sizeof site->frame);
        }
        if (site->hash == hash)
            return;
    }
}

static bool
is_system(const char *path)
{
    return strstr(path, "/libc.so") || strstr(path, "/libasan.so") ||
           strstr(path, "/ld-linux") || strstr(path, "oom.so");
}

static const char *
module_of(const struct site *site)
{
    Dl_info info;

    for (int i = 0; i < site->frames; i++)
        if (dladdr(site->frame[i], &info) && info.dli_fname &&
            !is_system(info.dli_fname))
            return info.dli_fname;
    return "?";
}

/* Not safe in a handler of signals: as good as it goes. */
static void
write_sites(void)
{
    FILE *file;

    if (!sites_path || getpid() != owner)
        return;
    file = fopen(sites_path, "we");
    for (size_t i = 0; file && i < SITES; i++)
        if (sites[i].hash)
            fprintf(file, "%lu %.*s\n", sites[i].first, MOST_WRITTEN,
                module_of(&sites[i]));
    if (file)
        fclose(file);
}

__attribute__((destructor)) static void
end(void)
{
    busy = true;
    write_sites();
}

/* ---- allocating ---- */

/* True when this one is to fail. */
static bool
is_out(void)
{
    unsigned long n;

    if (busy || owner == 0 || (!fail_at && !sites_path))
        return false;
    n = atomic_fetch_add(&count, 1) + 1;
    if (sites_path) {
        busy = true;
        note(n);
        busy = false;
    }
    if (!fail_at || n < fail_at || n >= fail_at + fail_for)
        return false;
    if (n == fail_at)
        stop_later();
    errno = ENOMEM;
    return true;
}

void *
malloc(size_t n)
{
    if (!ready())
        return early_alloc(n);
    return is_out() ? NULL : libc.malloc(n);
}

void *
calloc(size_t n, size_t size)
{
    if (!ready())
        return early_alloc(n * size);
    return is_out() ? NULL : libc.calloc(n, size);
}

void *
realloc(void *p, size_t n)
{
    if (!ready())
        abort();
    if (is_early(p)) {
        void *moved = libc.malloc(n);
        size_t most = (size_t)(early + sizeof early - (char *)p);

        return moved ? memcpy(moved, p, n < most ? n : most) : NULL;
    }
    return is_out() ? NULL : libc.realloc(p, n);
}

void
free(void *p)
{
    if (p && !is_early(p) && ready())
        libc.free(p);
}

/* A sanitizer's library has these, too, and asks nobody for their memory. */
char *
strndup(const char *text, size_t most)
{
    size_t n = strnlen(text, most);
    char *copy = malloc(n + 1);

    if (!copy)
        return NULL;
    memcpy(copy, text, n);
    copy[n] = '\0';
    return copy;
}

char *
strdup(const char *text)
{
    return strndup(text, strlen(text));
}

/* ---- for the program itself ---- */

void oom_arm(unsigned long n);
bool oom_came(void);

/* The n-th allocation from now on fails; 0: none. */
void
oom_arm(unsigned long n)
{
    count = 0;
    fail_at = n;
}

/* Did it, since then? */
bool
oom_came(void)
{
    return fail_at > 0 && count >= fail_at;
}
