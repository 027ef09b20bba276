/*
 * settings_router: exceptions for single routers, as [routers] router names
 * them: "ADDRESS key=value key=value ...".
 *
 * The keys are those of [routers] that fill struct router_settings. Only for
 * settings.c, which reads the file, and settings_check.c.
 */
#ifndef MBEV_SETTINGS_ROUTER_H
#define MBEV_SETTINGS_ROUTER_H

#include "settings_check.h"

/* Reads one line into s->routers.special and complains of all that is wrong
 * with it. An empty one is none. */
void settings_router_add(struct settings *s, const char *text, int line,
    settings_complain *complain, void *arg);

/* Once the file is read: gives the exceptions the usual value of each key that
 * they do not name. False when there is not the memory for it. */
bool settings_router_complete(struct settings *s);

/* Is the place in struct settings that of such a key? */
bool settings_router_has(size_t at);

/* Where an exception has the value that usually is at this place. */
void *settings_router_at(const struct special_router *router, size_t at);

/* What one key alone cannot tell of [routers] and [session_reset]. */
void settings_router_check(
    const struct settings *s, settings_complain *complain, void *arg);

void settings_router_free(struct settings *s);

#endif
