/*
 * provider: to whom messages are handed.
 *
 * A provider is two pure functions over bytes: one builds the request, one
 * reads the reply. The lane does the talking.
 */
#ifndef MBEV_PROVIDER_H
#define MBEV_PROVIDER_H

#include "bytes.h"
#include "http.h"
#include "providers/outcome.h"
#include "settings.h"

struct message {
    const char *to;   /* digits with country code */
    const char *text; /* UTF-8 */
};

struct provider_ops {
    const char *name; /* as in the configuration and in delivery.provider */

    /* Fills in where and how to ask, and writes the body. */
    void (*build)(const struct settings *set, const struct message *message,
        struct http_request *request, struct bytes *body);

    /* Reads a reply that came complete, whatever its HTTP status. */
    void (*read)(const struct http_reply *reply, struct outcome *out);

    /* Most requests at the same time. */
    int64_t (*connections)(const struct settings *set);
};

extern const struct provider_ops smspilot;

#endif
