/*
 * settings_value: one value, from its text.
 *
 * Only for the reading of the file: settings.c and settings_router.c.
 */
#ifndef MBEV_SETTINGS_VALUE_H
#define MBEV_SETTINGS_VALUE_H

#include "settings.h"

#include <stdbool.h>

/* Sets a key from its text; at is the place of its value. A list gets one text
 * more. Returns what is wrong, for people, or NULL. */
const char *
settings_value_set(void *at, const struct settings_key *k, const char *value);

/* Replaces an owned text by a copy of value. Returns what is wrong, or NULL. */
const char *settings_value_text(char **at, const char *value);

/* How many values it has: of a list any number, else one. Appends one of them
 * as it would stand in the file. */
size_t settings_value_count(const void *at, const struct settings_key *k);
void settings_value_print(
    struct bytes *out, const void *at, const struct settings_key *k, size_t i);

/* The same of all, with | between them. */
void settings_value_print_all(
    struct bytes *out, const void *at, const struct settings_key *k);

/* Are two values of a key the same? */
bool settings_value_is_same(
    const struct settings_key *k, const void *a, const void *b);

/* Exchanges them. */
void settings_value_swap(const struct settings_key *k, void *a, void *b);

/* May the key be repeated? */
bool settings_value_is_list(const struct settings_key *k);

/* Frees what the key's value owns, if anything; it is then empty. */
void settings_value_drop(void *at, const struct settings_key *k);

#endif
