/*
 * log: one line for one message, to standard error.
 *
 *   2026-11-23T20:24:00.123+0500 warning ingest: database is gone: ...
 *
 * The levels mean something fixed: error = a delivery lost its try or an
 * operator must act; warning = it will be tried again; info = what was done;
 * debug = how. "fatal" is an error that keeps the service from starting.
 * Whatever a message contains, it stays one line: control characters and
 * bytes that are not UTF-8 are written as \xNN.
 *
 * The level is the one piece of process-wide state in lib/.
 */
#ifndef MBEV_LOG_H
#define MBEV_LOG_H

enum log_level { LOG_FATAL, LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

/* Messages above this level are dropped; LOG_INFO at the start. */
void log_set_level(enum log_level level);

/* "error", "warning", "info", "debug" to a level; -1 for other words. */
int log_level_of(const char *word);

void log_at(enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#define log_fatal(...) log_at(LOG_FATAL, __VA_ARGS__)
#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_at(LOG_WARNING, __VA_ARGS__)
#define log_info(...) log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)

#endif
