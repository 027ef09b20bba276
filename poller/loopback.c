/* loopback: see loopback.h. */
#include "loopback.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
is_loopback(const char *address)
{
    struct in_addr v4;

    if (strcmp(address, "::1") == 0)
        return true;
    return inet_pton(AF_INET, address, &v4) == 1 &&
           ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET;
}

static bool
read_port(uint16_t *port, const char *text)
{
    size_t n = strspn(text, "0123456789");
    long value = strtol(text, NULL, 10);

    *port = (uint16_t)value;
    return n >= 1 && n <= 5 && text[n] == '\0' && value >= 1 && value <= 65535;
}

bool
loopback_read(struct loopback *out, const char *text)
{
    const char *colon = strrchr(text, ':');
    size_t n = colon ? (size_t)(colon - text) : 0;
    bool in_brackets = n > 2 && text[0] == '[' && text[n - 1] == ']';

    *out = (struct loopback){ 0 };
    if (!colon || n >= sizeof out->address || !read_port(&out->port, colon + 1))
        return false;
    snprintf(out->address, sizeof out->address, "%.*s",
        in_brackets ? (int)n - 2 : (int)n, text + in_brackets);
    return in_brackets == (strchr(out->address, ':') != NULL) &&
           is_loopback(out->address);
}
