/*
 * post: carries messages and receipts to a provider over HTTP; see lane.h.
 *
 * Where a delivery says so (d->ask) the provider is asked first, and told only
 * what it does not have; d->ask is then false. An address of the provider that
 * cannot be reached is followed by the next.
 */
#ifndef MBEV_POST_H
#define MBEV_POST_H

#include "http.h"
#include "lane.h"
#include "settings.h"

/* A lane to a provider. NULL when out of memory. The arguments stay with the
 * caller; the http is to be closed first. */
struct lane *post_make(const struct settings *set, struct http *http,
    const struct zone *zone, const struct provider_ops *ops);

#endif
