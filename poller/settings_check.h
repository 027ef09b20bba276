/*
 * settings_check: what one key alone cannot tell.
 *
 * Only for settings.c, which has read each key and knows where it stands.
 */
#ifndef MBEV_SETTINGS_CHECK_H
#define MBEV_SETTINGS_CHECK_H

#include "settings.h"

#include <stddef.h>

/* Told of each error: the exception in which the key stands, or NULL; the key's
 * place in struct settings; what is wrong, and the cure. */
typedef void settings_complain(void *arg, const struct special_router *router,
    size_t at, const char *what);

void settings_check(
    const struct settings *s, settings_complain *complain, void *arg);

#endif
