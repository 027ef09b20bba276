/*
 * bytes: a growing, bounded byte buffer.
 *
 * Appending never fails visibly: the first failure (no memory, or the bound
 * reached) empties the buffer and marks it failed, later appends do nothing,
 * and the user asks bytes_ok() once at the end. The content is always
 * followed by a NUL that is not counted.
 */
#ifndef MBEV_BYTES_H
#define MBEV_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
    char *p;        /* content, or NULL while empty; owned */
    size_t n;       /* bytes of content */
    size_t cap;     /* bytes allocated */
    size_t max;     /* bound on n */
    bool failed;    /* an append did not fit or memory ran out */
    bool no_memory; /* the latter */
};

/* An empty buffer that never grows beyond max bytes. Allocates nothing. */
struct bytes bytes_make(size_t max);

/* Releases the content; the buffer is as new, with the same bound. */
void bytes_free(struct bytes *b);

/* Empties the buffer and forgets a failure; keeps the memory. */
void bytes_clear(struct bytes *b);

/* True while every append since the last bytes_clear() fitted. */
bool bytes_ok(const struct bytes *b);

/* True when it is memory that an append did not find: it may later. */
bool bytes_no_memory(const struct bytes *b);

/* The content as a C string, "" when empty or failed; valid until the next
 * append. */
const char *bytes_text(const struct bytes *b);

/* Append n bytes; a C string; one byte; a number in decimal; text formatted as
 * by printf(3). */
void bytes_add(struct bytes *b, const void *p, size_t n);
void bytes_str(struct bytes *b, const char *s);
void bytes_chr(struct bytes *b, char c);
void bytes_uint(struct bytes *b, uint64_t value);
void bytes_printf(struct bytes *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
