/*
 * journal: attempts on our own disk.
 *
 * A server with innodb_flush_log_at_trx_commit other than 1 acknowledges
 * commits that it has only in memory; a crash takes about the last second
 * with it, and with it the record of attempts that were made. Such a server
 * would have us send again. So before the calls of a batch begin, their
 * attempts are also written here and synced, and no attempt begins that
 * stands here as begun and was not freed.
 *
 * An attempt is freed when the provider certainly did not take it. Entries
 * are kept for one to two periods of activity, much longer than a server
 * takes to write its log.
 *
 * (FLUSH ENGINE LOGS would spare us this; on MariaDB it does not write the
 * log when the setting is 0.)
 */
#ifndef MBEV_JOURNAL_H
#define MBEV_JOURNAL_H

#include "bytes.h"

#include <stdbool.h>
#include <stdint.h>

struct journal_set {
    uint64_t *slot; /* fingerprints; the lowest bit says begun */
    size_t size;    /* a power of two, or 0 */
    size_t n;
};

struct journal {
    int fd; /* -1 = not open */
    char path[200];
    struct journal_set now, before;
    struct bytes pending; /* lines not written yet */
    int64_t rotate_us;    /* boot clock */
    int64_t period_us;
};

/* True when an earlier service has kept one in that folder. */
bool journal_exists(const char *folder);

/* Reads what the files in the folder say and opens them for more. False, with
 * the reason logged, when that is not possible. */
bool journal_open(struct journal *j, const char *folder, int64_t period_us);
void journal_close(struct journal *j);
bool journal_is_open(const struct journal *j);

/* True when an attempt under this key was begun and not freed. */
bool journal_begun(const struct journal *j, const char *key);

/* Notes that an attempt begins, or that it was certainly not taken. */
void journal_begin(struct journal *j, const char *key);
void journal_free(struct journal *j, const char *key);

/* Brings all notes to disk. False, with the reason logged: nothing may be
 * begun. */
bool journal_sync(struct journal *j);

#endif
