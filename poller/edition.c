/* edition: see edition.h. */
#include "edition.h"

#include <stdlib.h>

/* Takes one out of its list and frees it. */
static void
drop(struct edition **at)
{
    struct edition *edition = *at;

    *at = edition->next;
    settings_free(&edition->set);
    free(edition);
}

/* NULL when anything is wrong. */
static struct edition *
read_file(const char *path, struct bytes *errors)
{
    struct edition *edition = calloc(1, sizeof *edition);

    if (!edition)
        bytes_str(errors, "out of memory\n");
    else if (!settings_load(&edition->set, path, errors))
        drop(&edition);
    return edition;
}

bool
editions_open(struct editions *editions, const char *path, struct bytes *errors)
{
    *editions =
        (struct editions){ .path = path, .first = read_file(path, errors) };
    return editions->first != NULL;
}

void
editions_close(struct editions *editions)
{
    while (editions->first)
        drop(&editions->first);
}

const struct settings *
editions_now(const struct editions *editions)
{
    return &editions->first->set;
}

bool
editions_renew(struct editions *editions, struct bytes *errors,
    settings_differ *differ, void *arg)
{
    struct edition *next = read_file(editions->path, errors);

    if (!next)
        return false;
    settings_replace(&editions->first->set, &next->set, differ, arg);
    next->next = editions->first;
    editions->first = next;
    return true;
}

void
editions_tidy(
    struct editions *editions, edition_in_use *in_use, const void *arg)
{
    struct edition **at = &editions->first->next;

    while (*at)
        if (in_use(arg, &(*at)->set))
            at = &(*at)->next;
        else
            drop(at);
}
