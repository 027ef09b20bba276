/* atwork: see atwork.h. */
#include "atwork.h"

#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    SIGNALS = 5,
    STACK = 64 * 1024,
    MOST_CALLS = 32,
    REPORT = (MOST_CALLS + 2) * CRASHES_LINE,
    PATH = 200,
};

static const int signals[SIGNALS] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL,
    SIGABRT };

/* What is in hand. */
static struct {
    volatile sig_atomic_t work;
    const char *volatile what;
    const char *volatile part;
    const char *const *volatile calls;
    volatile size_t calls_n;
} hand;

static struct {
    bool open;
    int fd;
    char path[PATH];
    pthread_t thread; /* that does the work */
    struct sigaction before[SIGNALS];
    struct crashes crashes;
} book = { .fd = -1 };

/* --- the note ---------------------------------------------------------- */

/* A signal between two stores finds nothing in hand. */
void
atwork_begin(enum work work, const char *what, const char *part)
{
    hand.work = WORK_NOTHING;
    hand.what = what;
    hand.part = part;
    hand.calls_n = 0;
    hand.work = (sig_atomic_t)work;
}

void
atwork_begin_router(const char *router, const char *const *calls, size_t n)
{
    hand.work = WORK_NOTHING;
    hand.what = router;
    hand.part = NULL;
    hand.calls = calls;
    hand.calls_n = n < MOST_CALLS ? n : MOST_CALLS;
    hand.work = n ? WORK_ORDERS : WORK_ROUTER;
}

void
atwork_end(void)
{
    hand.work = WORK_NOTHING;
}

/* --- the handler: async-signal-safe, down to atwork_open() ------------- */

struct report {
    char text[REPORT];
    size_t n;
};

static void
add(struct report *r, const char *text)
{
    while (*text && r->n < sizeof r->text)
        r->text[r->n++] = *text++;
}

static void
add_number(struct report *r, uint64_t value)
{
    char digits[24];
    size_t i = sizeof digits - 1;

    digits[i] = '\0';
    do {
        digits[--i] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    add(r, digits + i);
}

/* word: NULL = the signal. */
static void
add_line(struct report *r, int sig, const char *word, const char *key)
{
    struct timespec now = { 0 };

    clock_gettime(CLOCK_REALTIME, &now);
    add_number(r, (uint64_t)now.tv_sec);
    add(r, " ");
    if (word)
        add(r, word);
    else
        add_number(r, (uint64_t)sig);
    add(r, " " MBEV_VERSION " ");
    add(r, key);
    add(r, "\n");
}

static void
add_crash(struct report *r, int sig, enum work work, const char *what,
    const char *part)
{
    char key[CRASHES_KEY + 1];

    crashes_key(key, work, what, part);
    add_line(r, sig, NULL, key);
}

static void
add_hand(struct report *r, int sig, bool ours)
{
    enum work work = ours ? (enum work)hand.work : WORK_NOTHING;

    if (work == WORK_NOTHING) {
        add_crash(r, sig, WORK_NOTHING, NULL, NULL);
        return;
    }
    add_crash(r, sig, work, hand.what, hand.part);
    for (size_t i = 0; i < hand.calls_n; i++)
        add_crash(r, sig, WORK_CALL, hand.calls[i], NULL);
}

/* A line that was torn by a full disk ends before ours. */
static bool
write_report(const struct report *r)
{
    return write(book.fd, r->text, r->n) == (ssize_t)r->n &&
           fdatasync(book.fd) == 0;
}

static void
restore_signals(void)
{
    for (size_t i = 0; i < SIGNALS; i++)
        sigaction(signals[i], &book.before[i], NULL);
}

/* What an instruction did it does again, now without us; what was sent is sent
 * again. */
static void
on_crash(int sig, siginfo_t *info, void *context)
{
    static struct report report; /* a stack may be short */
    bool sent = info->si_code <= 0;
    bool ours = info->si_code == SI_USER || pthread_self() == book.thread;

    (void)context;
    report.n = 0;
    add(&report, "\n");
    add_hand(&report, sig, ours);
    if (!write_report(&report)) {
        /* Nobody is left to tell. */
    }
    restore_signals();
    if (sent)
        raise(sig);
}

/* --- the file ---------------------------------------------------------- */

static void
complain(const char *what)
{
    log_error("atwork: %s cannot be %s: %s; what crashes the service is not "
              "counted, and so not set aside; the folder must exist and, with "
              "this file, belong to the service's user ([service] state_dir)",
        book.path, what, strerror(errno));
}

/* Its last bytes, from the first whole line on. NULL, with errno, when that is
 * not possible. *size: of the whole file. */
static char *
read_end(size_t *n, off_t *size)
{
    int fd = open(book.path, O_RDONLY | O_CLOEXEC);
    char *text = malloc(ATWORK_FILE + 1);
    struct stat st;
    ssize_t got = -1;
    off_t from = 0;

    if (fd >= 0 && text && fstat(fd, &st) == 0) {
        *size = st.st_size;
        from = st.st_size > ATWORK_FILE ? st.st_size - ATWORK_FILE : 0;
        got = pread(fd, text, ATWORK_FILE, from);
    }
    if (fd >= 0)
        close(fd);
    if (got < 0) {
        free(text);
        return NULL;
    }
    text[got] = '\0';
    *n = (size_t)got;
    return text;
}

/* The first whole line in it that begins at from or later. */
static const char *
whole_lines(const char *text, size_t from, size_t n)
{
    const char *eol = from ? memchr(text + from, '\n', n - from) : NULL;

    if (from == 0)
        return text;
    return eol ? eol + 1 : text + n;
}

static bool
write_new(const char *path, const char *text, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool good = fd >= 0 && write(fd, text, n) == (ssize_t)n && fsync(fd) == 0;

    if (fd >= 0)
        close(fd);
    return good;
}

/* Leaves its newest lines. What is too large and cannot be made smaller is
 * used as it is. */
static void
shorten(const char *text, size_t n)
{
    const char *kept = whole_lines(text, n - ATWORK_KEPT, n);
    char path[PATH + 8];

    snprintf(path, sizeof path, "%s.new", book.path);
    if (!write_new(path, kept, (size_t)(text + n - kept)) ||
        rename(path, book.path) != 0)
        log_warning(
            "atwork: %s is not made smaller: %s", book.path, strerror(errno));
}

/* The lines since the log was told last. */
static const char *
find_untold(const char *text, const char *end)
{
    const char *at = text, *untold = text;
    char buf[CRASHES_LINE];
    struct crash_line line;

    while (crashes_next_line(&at, end, buf, &line))
        if (strcmp(line.word, "told") == 0)
            untold = at;
    return untold;
}

static void
tell_one(const struct crash_line *line)
{
    const struct crash *crash = crashes_find(&book.crashes, line->key);
    time_t seconds = (time_t)line->seconds;
    struct tm tm;
    char when[40];

    localtime_r(&seconds, &tm);
    strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &tm);
    if (!crash)
        log_error("atwork: the last run crashed at %s (signal %s), in hand: %s",
            when, line->word, line->key);
    else if (crashes_is_enough(crash))
        log_error("atwork: the last run crashed at %s (signal %s), in hand: "
                  "%s: %u crashes, it is set aside",
            when, line->word, line->key, crash->all);
    else
        log_error("atwork: the last run crashed at %s (signal %s), in hand: "
                  "%s: tried again, %u of %u",
            when, line->word, line->key, crash->n, crash->limit);
}

static bool
append_line(const char *word, const char *key)
{
    struct report *r = calloc(1, sizeof *r);
    bool good = r != NULL;

    if (good) {
        add(r, "\n");
        add_line(r, 0, word, key);
        good = book.fd >= 0 && write_report(r);
    }
    free(r);
    return good;
}

/* Once: not again after the next stop. */
static void
tell_crashes(const char *text, const char *end)
{
    const char *at = find_untold(text, end);
    char buf[CRASHES_LINE];
    struct crash_line line;
    bool told = false;

    while (crashes_next_line(&at, end, buf, &line)) {
        if (!crashes_is_crash(&line))
            continue;
        tell_one(&line);
        told = true;
    }
    if (told)
        append_line("told", "-");
}

static void
take_book(const char *text, size_t n)
{
    if (!crashes_read(&book.crashes, text, n)) {
        errno = ENOMEM;
        complain("read");
    }
}

static void
install_handler(void)
{
    static char stack[STACK];
    const stack_t ours = { .ss_sp = stack, .ss_size = sizeof stack };
    stack_t there = { 0 };
    struct sigaction action = { .sa_sigaction = on_crash,
        .sa_flags = SA_SIGINFO | SA_ONSTACK };

    /* A sanitizer has made one already, and counts on it. */
    if (sigaltstack(NULL, &there) == 0 && (there.ss_flags & SS_DISABLE))
        sigaltstack(&ours, NULL);
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < SIGNALS; i++)
        sigaddset(&action.sa_mask, signals[i]);
    for (size_t i = 0; i < SIGNALS; i++)
        sigaction(signals[i], &action, &book.before[i]);
    book.open = true;
}

void
atwork_open(const char *folder)
{
    off_t size = 0;
    size_t n = 0;
    char *text;
    const char *from = NULL;

    atwork_close();
    snprintf(book.path, sizeof book.path, "%.180s/crashes", folder);
    book.thread = pthread_self();
    text = read_end(&n, &size);
    if (text) {
        from = whole_lines(text, size > (off_t)n ? 1 : 0, n);
        take_book(from, (size_t)(text + n - from));
        if (size > ATWORK_FILE)
            shorten(text, n);
    } else if (errno != ENOENT) {
        complain("read");
    }
    book.fd = open(book.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (book.fd < 0)
        complain("written");
    else
        install_handler();
    if (text)
        tell_crashes(from, text + n);
    free(text);
}

void
atwork_close(void)
{
    if (book.open)
        restore_signals();
    if (book.fd >= 0)
        close(book.fd);
    book.open = false;
    book.fd = -1;
    crashes_free(&book.crashes);
    atwork_end();
}

/* --- what is known ----------------------------------------------------- */

static const struct crash *
known(enum work work, const char *what, const char *part)
{
    char key[CRASHES_KEY + 1];

    if (book.crashes.n == 0)
        return NULL;
    crashes_key(key, work, what, part);
    return crashes_find(&book.crashes, key);
}

unsigned
atwork_refuses(enum work work, const char *what, const char *part)
{
    const struct crash *crash = known(work, what, part);

    return crashes_is_enough(crash) ? crash->all : 0;
}

bool
atwork_suspects(enum work work, const char *what, const char *part)
{
    const struct crash *crash = known(work, what, part);

    return crash && (crash->n > 0 || crash->aside);
}

void
atwork_set_aside(enum work work, const char *what, const char *part)
{
    char key[CRASHES_KEY + 1];

    crashes_key(key, work, what, part);
    crashes_set_aside(&book.crashes, key);
    if (!append_line("aside", key))
        log_warning("atwork: %s cannot be written: a retry of %s is refused "
                    "after the next start",
            book.path, key);
}
