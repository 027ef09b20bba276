/*
 * channel: the ways by which a message can go.
 *
 * A channel is one provider used in one manner. What a message may still try
 * is its route: channels in the order of preference, "smspilot,smsc".
 */
#ifndef MBEV_CHANNEL_H
#define MBEV_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>

enum channel {
    CHANNEL_SMSPILOT, /* SMS through SMSPilot */
    CHANNEL_SMSC,     /* SMS through SMSC */
    CHANNEL_SOCIAL,   /* VK, OK... through SMSC */
    CHANNELS
};

struct route {
    enum channel at[CHANNELS]; /* each at most once */
    size_t n;
};

enum { ROUTE_TEXT = 32 };

/* As it stands in the configuration and in delivery.route; a constant. */
const char *channel_name(enum channel channel);

/* Reads names divided by commas or blanks, none twice. False when it is
 * something else; an empty text is an empty route. */
bool route_parse(struct route *route, const char *text);

/* Prints the names, divided by commas. */
const char *route_print(const struct route *route, char buf[ROUTE_TEXT]);

/* Takes the first channel away, or puts it at the end. */
void route_drop(struct route *route);
void route_turn(struct route *route);

#endif
