/*
 * radius_link: sessions ended by a Disconnect-Request to the router, RFC 5176.
 *
 * There is no connection and no login: a datagram goes out, the same bytes
 * again when nothing comes back, and only what proves itself by the secret is
 * an answer. One request at a time. A session that the billing sees online on
 * this router is named as exactly as it can be; when the router has no such
 * session, and where nothing is known, the login alone is named.
 */
#include "clock.h"
#include "routers/link.h"
#include "routers/radius.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST_HEARD = 32 };

struct radius_link {
    int fd;
    struct peer peer;
    struct order *order; /* under way; the router's; NULL = none */
    size_t seen;         /* which session of it; seen_n = the login alone */
    bool alone;          /* the login alone is to be named, too */
    unsigned char packet[RADIUS_LARGEST];
    size_t len;
    unsigned char id;
    unsigned tries;
    int64_t due_us; /* boot clock: when to send again */
    enum fault fault;
    char words[LINK_WORDS];
};

static void
fail(struct radius_link *link, enum fault fault, const char *words)
{
    link->fault = fault;
    snprintf(link->words, sizeof link->words, "%s", words);
}

static void
fail_by_errno(struct radius_link *link, enum fault fault, const char *what)
{
    char words[LINK_WORDS];

    snprintf(words, sizeof words, "%s: %s", what, strerror(errno));
    fail(link, fault, words);
}

/* A socket that hears nobody but the router. */
static int
open_socket(struct radius_link *link, const struct addrinfo *to,
    const struct addrinfo *from)
{
    int fd =
        socket(to->ai_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        fail_by_errno(link, FAULT_OURS, "there is no socket for it");
    else if (from && bind(fd, from->ai_addr, from->ai_addrlen) != 0)
        fail_by_errno(link, FAULT_OURS, "source_address cannot be used");
    else if (connect(fd, to->ai_addr, to->ai_addrlen) != 0)
        fail_by_errno(link, FAULT_BROKEN, "it cannot be reached");
    return fd;
}

/* Numeric addresses only: nothing here waits for a name server. */
static struct addrinfo *
read_address(const char *address, int port)
{
    const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
        .ai_socktype = SOCK_DGRAM };
    struct addrinfo *list = NULL;
    char text[16];

    snprintf(text, sizeof text, "%d", port);
    return getaddrinfo(address, text, &hints, &list) == 0 ? list : NULL;
}

static int
connect_to(struct radius_link *link)
{
    const char *source = link->peer.all->routers.source_address;
    struct addrinfo *to = read_address(link->peer.address, link->peer.port);
    struct addrinfo *from = *source ? read_address(source, 0) : NULL;
    int fd = -1;

    if (to)
        fd = open_socket(link, to, from);
    else
        fail(link, FAULT_OURS,
            "radnas.nasname must be a numeric address for RADIUS");
    if (link->fault == FAULT_NONE && !*link->peer.secret)
        fail(link, FAULT_OURS, "radnas.secret is empty");
    if (to)
        freeaddrinfo(to);
    if (from)
        freeaddrinfo(from);
    return fd;
}

static void *
open_link(int fd, const struct peer *peer)
{
    struct radius_link *link = calloc(1, sizeof *link);

    (void)fd;
    if (!link)
        return NULL;
    link->peer = *peer;
    link->due_us = INT64_MAX;
    link->id = (unsigned char)clock_boot_us();
    link->fd = connect_to(link);
    return link;
}

static void
close_link(void *arg)
{
    struct radius_link *link = arg;

    if (link->fd >= 0)
        close(link->fd);
    free(link);
}

/* --- requests ---------------------------------------------------------- */

static bool
is_here(const struct radius_link *link, const struct seen *seen)
{
    return strcmp(seen->nas, link->peer.address) == 0;
}

/* Steps to the next session of the order that is on this router. */
static void
next_seen(struct radius_link *link)
{
    const struct order *order = link->order;

    while (
        link->seen < order->seen_n && !is_here(link, &order->seen[link->seen]))
        link->seen++;
}

static void
send_packet(struct radius_link *link)
{
    /* One that cannot be sent now is as one that was lost. */
    (void)!send(link->fd, link->packet, link->len, MSG_NOSIGNAL);
    link->tries++;
    link->due_us =
        clock_boot_us() + link->peer.all->routers.radius_wait_ms * 1000;
}

static void
ask(struct radius_link *link)
{
    const struct order *order = link->order;
    struct disconnect what = { .login = order->login,
        .sign = link->peer.all->routers.radius_sign };

    if (link->seen < order->seen_n) {
        what.framed_ip = order->seen[link->seen].ip;
        what.session_id = order->seen[link->seen].session;
    }
    link->len =
        radius_build(link->packet, ++link->id, &what, link->peer.secret);
    /* The billing's idea of an address may be none. */
    if (link->len == 0 && what.framed_ip) {
        what.framed_ip = NULL;
        link->len =
            radius_build(link->packet, link->id, &what, link->peer.secret);
    }
    link->tries = 0;
    if (link->len > 0)
        send_packet(link);
    else
        fail(link, FAULT_OURS, "the request cannot be built");
}

static void
begin_order(struct radius_link *link)
{
    link->seen = 0;
    link->order->ended = 0;
    next_seen(link);
    link->alone = link->seen == link->order->seen_n;
    ask(link);
}

static void
end_order(struct radius_link *link, enum order_state state)
{
    link->order->state = state;
    link->order = NULL;
    link->due_us = INT64_MAX;
}

/* Behind one session the next; at last the login alone, if that is to be. */
static void
go_on(struct radius_link *link)
{
    const struct order *order = link->order;

    if (link->seen < order->seen_n) {
        link->seen++;
        next_seen(link);
        if (link->seen < order->seen_n || link->alone) {
            ask(link);
            return;
        }
    }
    end_order(link, ORDER_DONE);
}

static void
hear_no(struct radius_link *link, unsigned cause)
{
    if (cause == RADIUS_NO_SESSION) {
        link->alone = true;
        go_on(link);
        return;
    }
    snprintf(link->words, sizeof link->words, "Error-Cause %u, %s", cause,
        radius_cause(cause));
    end_order(link, ORDER_ERROR);
}

static void
hear(struct radius_link *link, const unsigned char *reply, size_t n)
{
    unsigned cause = 0;

    switch (radius_read(reply, n, link->packet, link->peer.secret, &cause)) {
    case RADIUS_NOT_OURS:
        break;
    case RADIUS_ACK:
        link->order->ended++;
        go_on(link);
        break;
    case RADIUS_NAK:
        hear_no(link, cause);
        break;
    }
}

/* --- as a link --------------------------------------------------------- */

/* An error of the socket (nobody listens there) is as silence: it may pass
 * within the tries. */
static void
hear_all(struct radius_link *link)
{
    unsigned char reply[RADIUS_LARGEST];
    ssize_t n;

    for (int i = 0; i < MOST_HEARD && link->order; i++) {
        n = recv(link->fd, reply, sizeof reply, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            break;
        if (n > 0)
            hear(link, reply, (size_t)n);
    }
}

static void
send_again(struct radius_link *link)
{
    if (clock_boot_us() < link->due_us)
        return;
    if ((int64_t)link->tries < link->peer.all->routers.radius_tries) {
        send_packet(link);
        return;
    }
    link->due_us = INT64_MAX;
    fail(link, FAULT_BROKEN,
        "it does not answer; it is silent as well when the secret is another, "
        "when it does not expect us at this address, or without /radius "
        "incoming set accept=yes");
}

static enum link_status
step(void *arg)
{
    struct radius_link *link = arg;

    if (link->fault == FAULT_NONE && link->order)
        hear_all(link);
    if (link->fault == FAULT_NONE && link->order)
        send_again(link);
    if (link->fault != FAULT_NONE)
        return LINK_FAILED;
    return link->order ? LINK_WAITS : LINK_READY;
}

static size_t
send_orders(void *arg, struct order *orders, size_t n)
{
    struct radius_link *link = arg;

    (void)n;
    link->order = orders;
    link->words[0] = '\0';
    begin_order(link);
    return 1;
}

static int
fd_of(const void *arg)
{
    return ((const struct radius_link *)arg)->fd;
}

static unsigned
wants(const void *arg)
{
    (void)arg;
    return EPOLLIN;
}

static int64_t
due_us(const void *arg)
{
    return ((const struct radius_link *)arg)->due_us;
}

static enum fault
fault(const void *arg)
{
    return ((const struct radius_link *)arg)->fault;
}

static const char *
words(const void *arg)
{
    return ((const struct radius_link *)arg)->words;
}

const struct link_ops link_radius = {
    .name = "radius",
    .port = 3799,
    .open = open_link,
    .close = close_link,
    .step = step,
    .send = send_orders,
    .fd = fd_of,
    .wants = wants,
    .due_us = due_us,
    .fault = fault,
    .words = words,
};
