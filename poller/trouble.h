/*
 * trouble: what is wrong with the database, told once and not with every try.
 *
 * The same words are told again after ten minutes as long as it lasts, and
 * after a minute when it was over in between; until then they are debug lines.
 * So a fault that lasts for a night, or comes and goes, does not fill the log.
 */
#ifndef MBEV_TROUBLE_H
#define MBEV_TROUBLE_H

#include "log.h"

#include <stdbool.h>
#include <stdint.h>

enum { TROUBLE_WORDS = 16 };

/* Zeroed at the start: nothing is wrong. */
struct trouble {
    struct {
        uint64_t hash;   /* of the words; 0 = empty */
        int64_t told_us; /* boot clock */
        uint64_t time;   /* in which time of trouble */
    } told[TROUBLE_WORDS];
    uint64_t time;    /* raised when one is over */
    int64_t since_us; /* boot clock: when this one began; 0 = all is well */
    int64_t last_us;  /* boot clock: the last failure... */
    int64_t well_us;  /* ... and the first success after it; 0 = none yet */
    bool said;        /* something was told of it: its end is, too */
};

/* The level on which something is to be told: the given one, or LOG_DEBUG when
 * what it is about was told a short time ago. */
enum log_level
trouble_level(struct trouble *trouble, enum log_level level, const char *about);

/* Tells it on that level. */
void trouble_tell(struct trouble *trouble, enum log_level level,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The work failed: a time of trouble begins, or goes on. Returns for how long
 * it has lasted, in seconds. */
int64_t trouble_goes_on(struct trouble *trouble);

/* A round of work went well. When it stays so for two seconds, the trouble is
 * over, and that is told. */
void trouble_calm(struct trouble *trouble);

/* What an operator can do about an error of the server, to stand behind its
 * words: "; run sql/grants.sql", or "". */
const char *trouble_cure(unsigned number);

/* Whether an error is about the whole server, and not about the table that it
 * names: it is read only, or its disk is full. */
bool trouble_is_general(unsigned number);

#endif
