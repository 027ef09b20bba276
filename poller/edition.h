/*
 * edition: one reading of the settings, and the next that replaces it.
 *
 * Settings never change; a reload makes new ones, which are in force from then
 * on. What was begun with the old ones keeps them until it ends, and says so
 * when it is asked.
 */
#ifndef MBEV_EDITION_H
#define MBEV_EDITION_H

#include "settings.h"

struct edition {
    struct edition *next; /* an older one */
    struct settings set;
};

struct editions {
    const char *path;      /* of the file; stays with the caller */
    struct edition *first; /* in force; then those still in use */
};

/* Reads the file for the first time. False, with *errors as of
 * settings_load(); to be closed in any case. */
bool editions_open(
    struct editions *editions, const char *path, struct bytes *errors);
void editions_close(struct editions *editions);

/* The settings in force; valid while they are, or are in use. Texts of keys
 * that need a restart stay where they are, from edition to edition. */
const struct settings *editions_now(const struct editions *editions);

/* Reads the file again: what has changed is told, and is in force afterwards.
 * False, and nothing has changed, when anything is wrong with it. */
bool editions_renew(struct editions *editions, struct bytes *errors,
    settings_differ *differ, void *arg);

/* Is there anything that was begun with these? */
typedef bool edition_in_use(const void *arg, const struct settings *set);

/* Frees the old ones that are not in use any more. */
void editions_tidy(
    struct editions *editions, edition_in_use *in_use, const void *arg);

#endif
