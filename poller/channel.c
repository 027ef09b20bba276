/* channel: see channel.h. */
#include "channel.h"

#include <stdio.h>
#include <string.h>

static const char *const names[CHANNELS] = {
    [CHANNEL_SMSPILOT] = "smspilot",
    [CHANNEL_SMSC] = "smsc",
    [CHANNEL_SOCIAL] = "social",
};

const char *
channel_name(enum channel channel)
{
    return names[channel];
}

static bool
add_name(struct route *route, const char *name, size_t n)
{
    enum channel c = 0;

    while (c < CHANNELS &&
           (strlen(names[c]) != n || strncmp(names[c], name, n) != 0))
        c++;
    if (c == CHANNELS)
        return false;
    for (size_t i = 0; i < route->n; i++)
        if (route->at[i] == c)
            return false;
    route->at[route->n++] = c;
    return true;
}

bool
route_parse(struct route *route, const char *text)
{
    *route = (struct route){ 0 };
    for (;;) {
        size_t n;

        text += strspn(text, ", \t");
        n = strcspn(text, ", \t");
        if (n == 0)
            return true;
        if (!add_name(route, text, n))
            return false;
        text += n;
    }
}

const char *
route_print(const struct route *route, char buf[ROUTE_TEXT])
{
    size_t n = 0;

    buf[0] = '\0';
    for (size_t i = 0; i < route->n; i++)
        n += (size_t)snprintf(
            buf + n, ROUTE_TEXT - n, "%s%s", i ? "," : "", names[route->at[i]]);
    return buf;
}

void
route_drop(struct route *route)
{
    if (route->n == 0)
        return;
    route->n--;
    memmove(route->at, route->at + 1, route->n * sizeof *route->at);
}

void
route_turn(struct route *route)
{
    enum channel first = route->at[0];

    if (route->n < 2)
        return;
    route_drop(route);
    route->at[route->n++] = first;
}
