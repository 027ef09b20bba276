/*
 * fuzz: what the targets for libFuzzer share. A target is one program; it is
 * given bytes, and stops (abort) when something that is promised does not hold
 * for them. See scripts/fuzz.sh.
 */
#ifndef MBEV_FUZZ_H
#define MBEV_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "utf8.h"

/* What libFuzzer calls; always returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Says what did not hold, and stops. */
#define holds(condition)                                                       \
    do {                                                                       \
        if (!(condition)) {                                                    \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__,  \
                #condition);                                                   \
            abort();                                                           \
        }                                                                      \
    } while (0)

/* What is left of the input. */
struct fuzz {
    const char *p;
    size_t n;
};

static inline struct fuzz
fuzz_input(const uint8_t *data, size_t size)
{
    /* Memory of no bytes has an address, too. */
    return (struct fuzz){ size ? (const char *)data : "", size };
}

/* The next byte; 0 at the end. */
static inline unsigned
fuzz_byte(struct fuzz *in)
{
    if (in->n == 0)
        return 0;
    in->n--;
    return (unsigned char)*in->p++;
}

/* The next n bytes, or as many as there are, with a NUL behind them, in memory
 * of just that size: a sanitizer sees what is read behind it. To be freed. */
static inline char *
fuzz_text(struct fuzz *in, size_t n)
{
    size_t len = n < in->n ? n : in->n;
    char *text = malloc(len + 1);

    holds(text != NULL);
    memcpy(text, in->p, len);
    text[len] = '\0';
    in->p += len;
    in->n -= len;
    return text;
}

/* The rest. */
static inline char *
fuzz_rest(struct fuzz *in)
{
    return fuzz_text(in, in->n);
}

/* The text up to the next such byte, which is passed over, or the rest. */
static inline char *
fuzz_until(struct fuzz *in, char last)
{
    const char *end = in->n ? memchr(in->p, last, in->n) : NULL;
    char *text = fuzz_text(in, end ? (size_t)(end - in->p) : in->n);

    fuzz_byte(in);
    return text;
}

static inline char *
fuzz_line(struct fuzz *in)
{
    return fuzz_until(in, '\n');
}

/* A file in memory of this content, and its path. It stays until the next
 * one. */
static inline const char *
fuzz_file(const char *p, size_t n)
{
    static char path[64];
    static int fd = -1;

    if (fd < 0)
        fd = memfd_create("fuzz", 0);
    holds(fd >= 0 && fchmod(fd, 0600) == 0 && ftruncate(fd, 0) == 0);
    holds(pwrite(fd, p, n, 0) == (ssize_t)n);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return path;
}

/* True when a text that ends within size bytes is UTF-8. */
static inline bool
fuzz_is_text(const char *text, size_t size)
{
    size_t n = strnlen(text, size);

    return n < size && utf8_valid(text, n);
}

static inline bool
fuzz_has_control(const char *text)
{
    const char *end = text + strlen(text);

    while (text < end) {
        size_t n = utf8_char(text, end);

        if (n && utf8_is_control(text, n))
            return true;
        text += n ? n : 1;
    }
    return false;
}

#endif
