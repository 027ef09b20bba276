/* wordlist: see wordlist.h. */
#include "wordlist.h"

#include <string.h>

static const char between[] = " \t,";

const char *
wordlist_next(const char *at, size_t *n)
{
    at += strspn(at, between);
    *n = strcspn(at, between);
    return *n > 0 ? at : NULL;
}

bool
wordlist_is(const char *word, size_t n, const char *name)
{
    return strlen(name) == n && memcmp(word, name, n) == 0;
}

bool
wordlist_has(const char *list, const char *name)
{
    const char *word = list;
    size_t n = 0;

    while ((word = wordlist_next(word + n, &n)))
        if (wordlist_is(word, n, name))
            return true;
    return false;
}
