/*
 * wordlist: a value of the settings that is several words, with commas or
 * blanks between them.
 */
#ifndef MBEV_WORDLIST_H
#define MBEV_WORDLIST_H

#include <stdbool.h>
#include <stddef.h>

/* The next word from at on, not ended by a NUL, its length in *n; NULL = there
 * is none. */
const char *wordlist_next(const char *at, size_t *n);

/* Whether the word of n bytes is this name. */
bool wordlist_is(const char *word, size_t n, const char *name);

/* Whether the name is one of the words. */
bool wordlist_has(const char *list, const char *name);

#endif
