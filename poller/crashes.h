/*
 * crashes: what the service had in hand when it crashed, counted.
 *
 * A book of lines, each of them
 *
 *   1795669501 11 0.1.0 decide payment:bugh_plategi_stat:7:1001:...|sms
 *
 * when (seconds since 1970, UTC), the signal, the version of the service, what
 * was done, and about what. In the place of a signal stands "aside" where the
 * thing was set aside, and "told" where the log was told of all lines before.
 *
 * A thing is to be set aside when the service crashed on it so many times;
 * when it was set aside before, and somebody wants it tried again, after each
 * further crash. Crashes of another version do not count: it may be cured.
 *
 * Reading a book is a pure function of its bytes.
 */
#ifndef MBEV_CRASHES_H
#define MBEV_CRASHES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum work {
    WORK_NOTHING,
    WORK_INGEST,   /* of a row of the outbox */
    WORK_CAPTURE,  /* late, of a row of the billing */
    WORK_DECIDE,   /* of an action of an event */
    WORK_CALL,     /* of a delivery */
    WORK_FOLLOW,   /* of an accepted receipt: what became of it */
    WORK_CALLBACK, /* what Komtet tells */
    WORK_ROUTER,   /* a conversation with it, before it is told anything */
    WORK_ORDERS,   /* the same when deliveries are under way there */
    WORKS
};

/* How many crashes set a thing aside; and a router that has deliveries under
 * way, which may be to blame: as many as set three of these aside. */
enum { CRASHES_MOST = 3, CRASHES_MOST_ORDERS = 9 };

/* Longest "decide payment:...|sms"; what is longer is cut. */
enum { CRASHES_KEY = 240 };

struct crash {
    uint64_t key; /* fingerprint */
    unsigned n;   /* since it was set aside last */
    unsigned all;
    unsigned limit;
    bool aside; /* it was set aside before */
};

struct crashes {
    struct crash *at; /* owned */
    size_t n, size;
};

/* Prints the key of a thing, NUL-terminated; part may be NULL. What it holds
 * is safe in a line: letters, digits, "_:.|- "; all else becomes '?'. Returns
 * its length. May be called in a handler of signals. */
size_t crashes_key(char key[CRASHES_KEY + 1], enum work work, const char *what,
    const char *part);

/* Reads a book, beginning with whole lines; of what is no such line nothing
 * is taken. False when out of memory. */
bool crashes_read(struct crashes *c, const char *text, size_t n);

/* NULL: nothing is known of it. */
const struct crash *crashes_find(const struct crashes *c, const char *key);

/* It is to be left alone. */
bool crashes_is_enough(const struct crash *crash);

/* It was set aside. */
void crashes_set_aside(struct crashes *c, const char *key);

/* A line of a book: texts are NUL-terminated parts of it. */
struct crash_line {
    int64_t seconds;
    const char *word; /* the signal's number, "aside" or "told" */
    const char *version;
    const char *key;
};

/* Takes the next line of the text at *at, which ends at end, and moves *at
 * behind it. False when there is none left. An empty word: it is no such
 * line. The text in buf is what line points to. */
enum { CRASHES_LINE = CRASHES_KEY + 80 };
bool crashes_next_line(const char **at, const char *end, char buf[CRASHES_LINE],
    struct crash_line *line);

/* It tells of a crash. */
bool crashes_is_crash(const struct crash_line *line);

void crashes_free(struct crashes *c);

#endif
