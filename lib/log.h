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
 * Where standard error is systemd's journal, a message goes there as an entry
 * of its own (systemd.journal-fields(7)): MESSAGE, PRIORITY,
 * SYSLOG_IDENTIFIER, and of what it is about MBEV_EVENT, MBEV_DELIVERY,
 * MBEV_UID and MBEV_LANE. One that the journal does not take goes to standard
 * error after all, with its priority as "<4>" in front.
 *
 * The level, and the way to the journal, are the process-wide state in lib/.
 */
#ifndef MBEV_LOG_H
#define MBEV_LOG_H

#include <stdint.h>

enum log_level { LOG_FATAL, LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

#define LOG_JOURNAL "/run/systemd/journal/socket"

/* Looks whether standard error is the journal (JOURNAL_STREAM says so), whose
 * socket is at this path: LOG_JOURNAL. Without this, and where it is not, lines
 * are written. May be called again; log_close() ends it. */
void log_open(const char *path);
void log_close(void);

/* Messages above this level are dropped; LOG_INFO at the start. */
void log_set_level(enum log_level level);

/* "error", "warning", "info", "debug" to a level; -1 for other words. */
int log_level_of(const char *word);

void log_at(enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* What a message is about, for whoever searches the journal by it. 0 and NULL
 * = nothing that is known. */
struct log_subject {
    uint64_t event, delivery, uid;
    const char *lane;
};

/* The same as log_at(), with fields. */
void log_about(enum log_level level, const struct log_subject *about,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#define log_fatal(...) log_at(LOG_FATAL, __VA_ARGS__)
#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_at(LOG_WARNING, __VA_ARGS__)
#define log_info(...) log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)

#endif
