/* log: see log.h. */
#include "log.h"

#include "bytes.h"
#include "clock.h"
#include "utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { LONGEST = 8192 };

static const struct {
    const char *word;
    int priority; /* of syslog(3) */
} levels[] = {
    [LOG_FATAL] = { "fatal", 2 },
    [LOG_ERROR] = { "error", 3 },
    [LOG_WARNING] = { "warning", 4 },
    [LOG_INFO] = { "info", 6 },
    [LOG_DEBUG] = { "debug", 7 },
};
static enum log_level threshold = LOG_INFO;
static struct sockaddr_un journal;
static int journal_fd = -1;

void
log_set_level(enum log_level level)
{
    threshold = level;
}

int
log_level_of(const char *word)
{
    for (int i = LOG_ERROR; i <= LOG_DEBUG; i++)
        if (strcmp(word, levels[i].word) == 0)
            return i;
    return -1;
}

/* --- the journal --------------------------------------------------------- */

/* JOURNAL_STREAM is inherited, standard error may be another file by now. */
static bool
is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    char mine[64];
    struct stat file;

    if (!stream || fstat(STDERR_FILENO, &file) != 0)
        return false;
    snprintf(mine, sizeof mine, "%" PRIuMAX ":%" PRIuMAX,
        (uintmax_t)file.st_dev, (uintmax_t)file.st_ino);
    return strcmp(stream, mine) == 0;
}

void
log_open(const char *path)
{
    log_close();
    if (!is_journal() || strlen(path) >= sizeof journal.sun_path)
        return;
    journal = (struct sockaddr_un){ .sun_family = AF_UNIX };
    strcpy(journal.sun_path, path);
    journal_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

void
log_close(void)
{
    if (journal_fd >= 0)
        close(journal_fd);
    journal_fd = -1;
}

/* "NAME=value", or, of a value of several lines, NAME, its length in eight
 * bytes and the value. */
static void
add_field(struct bytes *entry, const char *name, const char *value)
{
    uint64_t n = strlen(value);

    bytes_str(entry, name);
    if (!strchr(value, '\n')) {
        bytes_chr(entry, '=');
    } else {
        bytes_chr(entry, '\n');
        for (unsigned i = 0; i < sizeof n; i++)
            bytes_chr(entry, (char)(n >> 8 * i & 0xFF));
    }
    bytes_str(entry, value);
    bytes_chr(entry, '\n');
}

static void
add_number(struct bytes *entry, const char *name, uint64_t value)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRIu64, value);
    if (value)
        add_field(entry, name, text);
}

/* False when the journal did not take it: it is away, or too busy, or the
 * entry is too long. */
static bool
send_entry(
    enum log_level level, const struct log_subject *about, const char *text)
{
    struct bytes entry = bytes_make(6 * LONGEST);
    bool sent;

    add_field(&entry, "MESSAGE", text);
    bytes_printf(&entry, "PRIORITY=%d\n", levels[level].priority);
    add_field(&entry, "SYSLOG_IDENTIFIER", program_invocation_short_name);
    add_number(&entry, "MBEV_EVENT", about->event);
    add_number(&entry, "MBEV_DELIVERY", about->delivery);
    add_number(&entry, "MBEV_UID", about->uid);
    if (about->lane)
        add_field(&entry, "MBEV_LANE", about->lane);
    sent = bytes_ok(&entry) &&
           sendto(journal_fd, entry.p, entry.n, MSG_NOSIGNAL,
               (struct sockaddr *)&journal, sizeof journal) >= 0;
    bytes_free(&entry);
    return sent;
}

/* --- lines --------------------------------------------------------------- */

static void
add_time(struct bytes *line)
{
    int64_t us = clock_wall_us();
    time_t s = (time_t)(us / 1000000);
    struct tm tm;
    char day[32], zone[8];

    localtime_r(&s, &tm);
    strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm);
    strftime(zone, sizeof zone, "%z", &tm);
    bytes_printf(line, "%s.%03d%s", day, (int)(us % 1000000 / 1000), zone);
}

/* The journal knows the time itself, and wants the priority. */
static void
write_line(enum log_level level, const char *text)
{
    struct bytes line = bytes_make(5 * LONGEST);

    if (journal_fd >= 0)
        bytes_printf(&line, "<%d>", levels[level].priority);
    else
        add_time(&line);
    bytes_printf(&line, "%s%s %s\n", journal_fd >= 0 ? "" : " ",
        levels[level].word, text);
    if (bytes_ok(&line) && write(STDERR_FILENO, line.p, line.n) < 0) {
        /* Nobody is left to tell when standard error itself fails. */
    }
    bytes_free(&line);
}

static void say(enum log_level level, const struct log_subject *about,
    const char *fmt, va_list ap) __attribute__((format(printf, 3, 0)));

static void
say(enum log_level level, const struct log_subject *about, const char *fmt,
    va_list ap)
{
    struct bytes text = bytes_make(4 * LONGEST);
    char raw[LONGEST];

    if (level > threshold || vsnprintf(raw, sizeof raw, fmt, ap) < 0)
        return;
    utf8_escape(&text, raw, strlen(raw));
    if (bytes_ok(&text) &&
        (journal_fd < 0 || !send_entry(level, about, bytes_text(&text))))
        write_line(level, bytes_text(&text));
    bytes_free(&text);
}

void
log_at(enum log_level level, const char *fmt, ...)
{
    static const struct log_subject nothing;
    va_list ap;

    va_start(ap, fmt);
    say(level, &nothing, fmt, ap);
    va_end(ap);
}

void
log_about(
    enum log_level level, const struct log_subject *about, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say(level, about, fmt, ap);
    va_end(ap);
}
