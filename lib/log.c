/* log: see log.h. */
#include "log.h"

#include "bytes.h"
#include "clock.h"
#include "utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LONGEST = 8192 };

static const char *const words[] = { "fatal", "error", "warning", "info",
    "debug" };
static enum log_level threshold = LOG_INFO;

void
log_set_level(enum log_level level)
{
    threshold = level;
}

int
log_level_of(const char *word)
{
    for (int i = LOG_ERROR; i <= LOG_DEBUG; i++)
        if (strcmp(word, words[i]) == 0)
            return i;
    return -1;
}

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

void
log_at(enum log_level level, const char *fmt, ...)
{
    struct bytes line;
    char text[LONGEST];
    va_list ap;
    int n;

    if (level > threshold)
        return;
    va_start(ap, fmt);
    n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n < 0)
        return;
    line = bytes_make(5 * LONGEST);
    add_time(&line);
    bytes_printf(&line, " %s ", words[level]);
    utf8_escape(&line, text, strlen(text));
    bytes_chr(&line, '\n');
    if (bytes_ok(&line) && write(STDERR_FILENO, line.p, line.n) < 0) {
        /* Nobody is left to tell when standard error itself fails. */
    }
    bytes_free(&line);
}
