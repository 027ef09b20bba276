/* runner: see runner.h. */
#include "runner.h"

#include "clock.h"
#include "fault.h"
#include "log.h"
#include "program.h"
#include "utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

enum {
    MOST = 16,
    OUTPUT = 8192,
    EVENTS = 2 * MOST,
    SLACK_MS = 1000,
    LAST_LINE = 200,
    FIRST_FD = 3, /* that a program does not get */
};

/* One that runs. */
struct run {
    struct delivery *delivery; /* the lane's; NULL = free */
    struct program program;
    pid_t pid;
    int pid_fd, out_fd; /* out_fd: -1 = nothing more comes */
    int64_t deadline_us;
    int64_t timeout_ms;
    bool killed;
    char output[OUTPUT]; /* the last of it */
    size_t n;
};

struct runner {
    const struct settings *set;
    struct lane *lane;
    int epoll;
    struct run run[MOST];
};

/* --- ending -------------------------------------------------------------- */

static void
close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void
finish(struct runner *r, struct run *run)
{
    struct delivery *d = run->delivery;

    close_fd(&run->pid_fd);
    close_fd(&run->out_fd);
    program_free(&run->program);
    run->delivery = NULL;
    lane_finish(r->lane, d);
}

static void
fail(struct runner *r, struct run *run, enum outcome_class class, int number,
    const char *what)
{
    struct outcome *o = &run->delivery->outcome;

    o->class = class;
    snprintf(o->code, sizeof o->code, "%s", number ? "not run" : "");
    snprintf(o->why, sizeof o->why, "%s%s%s", what, number ? ": " : "",
        number ? strerror(number) : "");
    finish(r, run);
}

/* The last line that says something, for the operator; "" or ": line". */
static void
last_line(const struct run *run, char line[LAST_LINE])
{
    size_t end = run->n, from;

    while (end > 0 && strchr("\r\n\t ", run->output[end - 1]))
        end--;
    from = end;
    while (from > 0 && run->output[from - 1] != '\n')
        from--;
    line[0] = '\0';
    if (end == from)
        return;
    snprintf(line, LAST_LINE, ": ");
    utf8_copy(line + 2, LAST_LINE - 2, run->output + from, end - from);
}

static void
keep_output(struct run *run, int code)
{
    char *payload =
        program_print_ended(&run->program, code, run->output, run->n);

    if (!payload)
        return;
    free(run->delivery->payload);
    run->delivery->payload = payload;
}

static enum outcome_class
class_of(const struct run *run, const siginfo_t *info)
{
    if (info->si_code != CLD_EXITED || run->killed)
        return OUTCOME_UNKNOWN;
    if (info->si_status == EX_OK)
        return OUTCOME_ACCEPTED;
    return info->si_status == EX_TEMPFAIL ? OUTCOME_TRANSIENT
                                          : OUTCOME_PERMANENT;
}

static void
set_outcome(struct run *run, const siginfo_t *info)
{
    struct outcome *o = &run->delivery->outcome;
    bool exited = info->si_code == CLD_EXITED;
    char line[LAST_LINE];

    last_line(run, line);
    o->class = class_of(run, info);
    if (run->killed)
        snprintf(o->why, sizeof o->why,
            "it ran longer than %" PRId64 " s ([exec] timeout) and was "
            "killed%s",
            run->timeout_ms / 1000, line);
    else
        snprintf(o->why, sizeof o->why, "it ended %s %d%s",
            exited ? "with" : "by signal", info->si_status, line);
    if (o->class != OUTCOME_ACCEPTED)
        snprintf(o->code, sizeof o->code, "%s %d", exited ? "exit" : "signal",
            info->si_status);
    keep_output(run, info->si_status);
}

/* --- output -------------------------------------------------------------- */

/* The end of it is kept. */
static void
add_output(struct run *run, const char *p, size_t n)
{
    size_t over;

    if (n >= OUTPUT) {
        p += n - OUTPUT;
        n = OUTPUT;
    }
    over = run->n + n > OUTPUT ? run->n + n - OUTPUT : 0;
    memmove(run->output, run->output + over, run->n - over);
    memcpy(run->output + run->n - over, p, n);
    run->n += n - over;
}

/* Bounded: one that never stops talking does not keep us. */
static void
read_output(struct run *run)
{
    char buf[4096];

    for (int i = 0; i < MOST && run->out_fd >= 0; i++) {
        ssize_t n = read(run->out_fd, buf, sizeof buf);

        if (n > 0)
            add_output(run, buf, (size_t)n);
        else if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        else
            close_fd(&run->out_fd);
    }
}

/* --- beginning ----------------------------------------------------------- */

/* What a program sees of ours. */
struct surroundings {
    char event[48], key[16 + DELIVERY_KEY];
    char *env[8];
};

static void
surround(struct surroundings *s, const struct delivery *d)
{
    static char path[] =
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    static char lang[] = "LANG=C.UTF-8";
    size_t n = 0;

    snprintf(s->event, sizeof s->event, "MBEV_EVENT=%" PRIu64, d->event_id);
    snprintf(s->key, sizeof s->key, "MBEV_KEY=%s", d->key);
    s->env[n++] = path;
    s->env[n++] = lang;
    s->env[n++] = s->event;
    s->env[n++] = s->key;
    s->env[n] = NULL;
}

/* Signals as they are for a new process: ours are blocked, and some ignored. */
static int
set_attributes(posix_spawnattr_t *attr)
{
    sigset_t none, all;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(attr, &none);
    posix_spawnattr_setsigdefault(attr, &all);
    posix_spawnattr_setpgroup(attr, 0);
    return posix_spawnattr_setflags(attr,
        POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
}

static int
set_files(posix_spawn_file_actions_t *files, int out)
{
    int error = posix_spawn_file_actions_addopen(
        files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

    if (error == 0)
        error = posix_spawn_file_actions_adddup2(files, out, STDOUT_FILENO);
    if (error == 0)
        error = posix_spawn_file_actions_adddup2(files, out, STDERR_FILENO);
    if (error == 0)
        error = posix_spawn_file_actions_addchdir_np(files, "/");
    if (error == 0)
        error = posix_spawn_file_actions_addclosefrom_np(files, FIRST_FD);
    return error;
}

static int
spawn(struct run *run, int out)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    struct surroundings around = { 0 };
    char *argv[PROGRAM_ARGS + 2] = { run->program.path };
    int error;

    for (size_t i = 0; i < run->program.n; i++)
        argv[i + 1] = run->program.arg[i];
    surround(&around, run->delivery);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attr);
    error = set_attributes(&attr);
    if (error == 0)
        error = set_files(&files, out);
    if (error == 0)
        error = posix_spawn(
            &run->pid, run->program.path, &files, &attr, argv, around.env);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    return error;
}

static bool
watch(struct runner *r, int fd, struct run *run)
{
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = run };

    return epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* One that cannot be watched is not left running. */
static void
give_up(struct run *run)
{
    kill(-run->pid, SIGKILL);
    waitpid(run->pid, NULL, 0);
}

static void
begin(struct runner *r, struct run *run)
{
    int out[2] = { -1, -1 }, error;

    if (pipe2(out, O_CLOEXEC) != 0) {
        fail(r, run, OUTCOME_TRANSIENT, errno, "no pipe");
        return;
    }
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    run->out_fd = out[0];
    error = spawn(run, out[1]);
    close(out[1]);
    if (error) {
        fail(r, run, OUTCOME_CONFIGURATION, error, run->program.path);
        return;
    }
    fault_point("exec.spawned");
    run->pid_fd = pidfd_open(run->pid, 0);
    if (run->pid_fd < 0 || !watch(r, run->pid_fd, run) ||
        !watch(r, run->out_fd, run)) {
        error = errno;
        give_up(run);
        fail(r, run, OUTCOME_UNKNOWN, error, "it could not be watched");
    }
}

static struct run *
free_run(struct runner *r)
{
    for (size_t i = 0; i < MOST; i++)
        if (!r->run[i].delivery)
            return &r->run[i];
    return NULL;
}

static void
start(void *carrier, struct delivery *d)
{
    struct runner *r = carrier;
    struct run *run = free_run(r); /* there is one: see traits_of() */

    *run = (struct run){ .delivery = d,
        .pid_fd = -1,
        .out_fd = -1,
        .timeout_ms = r->set->exec.timeout_ms };
    run->deadline_us = clock_boot_us() + run->timeout_ms * 1000;
    d->outcome = (struct outcome){ 0 };
    errno = 0;
    if (program_parse(&run->program, d->payload ? d->payload : ""))
        begin(r, run);
    else
        fail(r, run, errno == ENOMEM ? OUTCOME_TRANSIENT : OUTCOME_PERMANENT, 0,
            errno == ENOMEM ? "out of memory" : "its payload names no program");
}

/* --- running ------------------------------------------------------------- */

int
runner_fd(const struct runner *r)
{
    return r->epoll;
}

int64_t
runner_due_us(const struct runner *r)
{
    int64_t us = INT64_MAX;

    for (size_t i = 0; i < MOST; i++)
        if (r->run[i].delivery && !r->run[i].killed &&
            r->run[i].deadline_us < us)
            us = r->run[i].deadline_us;
    return us;
}

static void
look(struct runner *r, struct run *run, int64_t now_us)
{
    siginfo_t info = { 0 };

    read_output(run);
    if (waitid(P_PIDFD, (id_t)run->pid_fd, &info, WEXITED | WNOHANG) == 0 &&
        info.si_pid != 0) {
        read_output(run);
        set_outcome(run, &info);
        finish(r, run);
    } else if (!run->killed && now_us >= run->deadline_us) {
        run->killed = true;
        kill(-run->pid, SIGKILL);
    }
}

/* Few can run, so all are looked at. A descriptor that nothing more comes from
 * is closed, which takes it out of the set. */
void
runner_run(struct runner *r)
{
    int64_t now_us = clock_boot_us();

    for (size_t i = 0; i < MOST; i++)
        if (r->run[i].delivery)
            look(r, &r->run[i], now_us);
}

/* --- the lane ------------------------------------------------------------ */

static struct lane_traits
traits_of(const struct settings *set)
{
    return (struct lane_traits){ .name = "exec",
        .holds = true,
        .longest_ms = set->exec.timeout_ms + SLACK_MS,
        .limits = { .connections = (size_t)set->exec.at_once,
            .retry_first_ms = set->notice.retry_first_ms,
            .retry_longest_ms = set->notice.retry_longest_ms,
            .hold_ms = set->notice.hold_ms } };
}

static struct lane_traits
renew(void *carrier, const struct settings *set, bool anew)
{
    struct runner *r = carrier;

    (void)anew;
    r->set = set;
    return traits_of(set);
}

/* What runs does not outlive us: nobody would hear what became of it. */
static void
close_runner(void *carrier)
{
    struct runner *r = carrier;

    for (size_t i = 0; i < MOST; i++) {
        struct run *run = &r->run[i];

        if (!run->delivery)
            continue;
        log_warning("exec: %s of event %" PRIu64 " still ran and was killed",
            run->program.path, run->delivery->event_id);
        give_up(run);
        close_fd(&run->pid_fd);
        close_fd(&run->out_fd);
        program_free(&run->program);
    }
    close_fd(&r->epoll);
    free(r);
}

static bool
has_room(void *carrier)
{
    return free_run(carrier) != NULL;
}

static const struct carrier_ops ops = {
    .start = start, .has_room = has_room, .renew = renew, .close = close_runner
};

struct lane *
runner_make(const struct settings *set, struct runner **out)
{
    const struct lane_traits traits = traits_of(set);
    struct runner *r = calloc(1, sizeof *r);

    *out = r;
    if (!r)
        return NULL;
    r->set = set;
    r->epoll = epoll_create1(EPOLL_CLOEXEC);
    r->lane = r->epoll >= 0 ? lane_make(&traits, &ops, r) : NULL;
    if (r->lane)
        return r->lane;
    close_runner(r);
    return NULL;
}
