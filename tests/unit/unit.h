/*
 * unit: what the unit tests share. To be included first.
 */
#ifndef MBEV_UNIT_H
#define MBEV_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* A string literal with the NUL bytes inside it: pointer and length. */
#define RAW(literal) literal, sizeof(literal) - 1

/* Fails with the row of a table that did not hold. */
#define expect_text(label, got, want)                                          \
    do {                                                                       \
        if (strcmp(got, want) != 0)                                            \
            fail_msg("%s: \"%s\" instead of \"%s\"", label, got, want);        \
    } while (0)

#define expect_number(label, got, want)                                        \
    do {                                                                       \
        if ((got) != (want))                                                   \
            fail_msg("%s: %lld instead of %lld", label, (long long)(got),      \
                (long long)(want));                                            \
    } while (0)

/* The name of a temporary file. */
struct temp {
    char path[64];
};

/* Makes one with this content. */
static inline struct temp
temp_file(const char *p, size_t n)
{
    struct temp temp = { "/tmp/mbev-unit-XXXXXX" };
    int fd = mkstemp(temp.path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, p, n), n);
    assert_int_equal(close(fd), 0);
    return temp;
}

static inline struct temp
temp_text(const char *text)
{
    return temp_file(text, strlen(text));
}

#endif
