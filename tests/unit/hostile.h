/*
 * hostile: what the tests of parsers share: bytes at random, always the same
 * ones, and copies of just their size, so that a sanitizer sees what is read
 * behind them.
 */
#ifndef MBEV_HOSTILE_H
#define MBEV_HOSTILE_H

#include "unit.h"

/* The next number of a fixed sequence (xorshift64*); state: not 0. */
static inline uint64_t
hostile_next(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 2685821657736338717u;
}

/* A number below n. */
static inline size_t
hostile_below(uint64_t *state, size_t n)
{
    return (size_t)(hostile_next(state) >> 33) % n;
}

/* To be freed. */
static inline void *
hostile_copy(const void *p, size_t n)
{
    char *copy = malloc(n);

    assert_non_null(copy);
    if (n)
        memcpy(copy, p, n);
    return copy;
}

#endif
