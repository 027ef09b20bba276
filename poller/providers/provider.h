/*
 * provider: to whom messages are handed.
 *
 * A provider is two pure functions over bytes: one builds the request, one
 * reads the reply. The lane does the talking.
 */
#ifndef MBEV_PROVIDER_H
#define MBEV_PROVIDER_H

#include "bytes.h"
#include "channel.h"
#include "http.h"
#include "providers/outcome.h"
#include "settings.h"
#include "zone.h"

struct message {
    const char *to;       /* digits with country code */
    const char *text;     /* UTF-8; of a receipt the whole body */
    const char *id;       /* our own number of it, the same in every attempt */
    const char *identity; /* of its event */
    int64_t now_us;       /* the time, microseconds since 1970 UTC */
    enum channel channel;
    int64_t plan_us; /* to be delivered then, microseconds since 1970 UTC; 0 =
                        at once */
    const struct zone *zone; /* in which providers are told the time */
};

/* How a provider wants to be treated, as the settings have it. */
struct provider_limits {
    size_t connections; /* most requests at the same time */
    int64_t gap_us;     /* between the beginnings of two; 0 = none */
    size_t hosts;       /* how many addresses it has */
    int64_t timeout_ms; /* of a request */
    int64_t connect_timeout_ms;
    int64_t ask_after_ms;   /* pause before it is asked about a message whose
                               reply was lost */
    int64_t hold_ms;        /* pause of the whole lane */
    int64_t retry_first_ms; /* pause after a failure that may pass, doubling */
    int64_t retry_longest_ms; /* up to this */
    unsigned most_attempts;   /* after so many that failed it is given up,
                                 unless the lane is held: then nobody else's
                                 would pass either; 0 = never */
};

struct provider_ops {
    const char *name; /* as in the configuration and in delivery.provider */

    /* The same bytes have the same effect once, however often they are sent:
     * what may have been accepted is sent again as it was. */
    bool repeats_safely;

    /* What is missing in the settings, in words; NULL = nothing. Without it
     * nothing can be sent. NULL when that is an error of the settings. */
    const char *(*lacks)(const struct settings *set);

    /* Fills in where and how to ask, and writes the body. host counts the
     * provider's addresses from 0. */
    void (*build)(const struct settings *set, const struct message *message,
        size_t host, struct http_request *request, struct bytes *body);

    /* Reads a reply that came complete, whatever its HTTP status. */
    void (*read)(const struct http_reply *reply, struct outcome *out);

    /* The same for the question whether the provider has this message:
     * accepted, absent, or anything else, which means that nobody knows. NULL
     * when the provider cannot be asked. */
    void (*build_query)(const struct settings *set,
        const struct message *message, size_t host,
        struct http_request *request, struct bytes *body);
    void (*read_query)(const struct http_reply *reply, struct outcome *out);

    struct provider_limits (*limits)(const struct settings *set);
};

/* Longest that a delivery may stay with the provider, from the first byte to
 * the last: all hosts, the question first where it can be asked. */
int64_t
provider_longest_ms(const struct provider_ops *ops, const struct settings *set);

extern const struct provider_ops smspilot;
extern const struct provider_ops smsc;
extern const struct provider_ops komtet;
extern const struct provider_ops webhook;

#endif
