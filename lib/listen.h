/*
 * listen: a small HTTP server for what providers report to us (callbacks) and
 * for pages about ourselves, run from the caller's own loop: it has no thread
 * and never waits. It listens on a TCP port or on a Unix socket.
 *
 * Promises: the routes that are named are served, and nothing else of this host
 * can be seen; no body beyond a bound is kept; no more requests than a rate are
 * passed on; a connection that does not bring its request in time is ended,
 * however many bytes it drips; and the number of connections is bounded. What
 * is refused is answered here: another path 404, another method 405, a long
 * body 413, beyond the rate 429, and, where that is wanted, another host's name
 * 421. Whether a request is genuine is the user's to tell.
 *
 * It speaks no TLS and knows no addresses: a web server stands in front.
 */
#ifndef MBEV_LISTEN_H
#define MBEV_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct listen;      /* opaque; one thread */
struct listen_call; /* a request that waits for its answer; opaque */

enum { LISTEN_ROUTES = 8 }; /* most of them */

/* What is served, and how. */
struct listen_route {
    const char *path; /* "/komtet" */
    bool get;         /* by GET, and by HEAD; else by POST */
};

struct listen_settings {
    const char *socket;  /* a Unix socket with this path, in place of address
                            and port; NULL = none */
    const char *address; /* numeric, IPv4 or IPv6 */
    uint16_t port;       /* 0 = any free one, see listen_port() */
    const struct listen_route *routes;
    size_t routes_n;
    const char *header; /* name of a header that the user wants to see; NULL =
                           none */
    const char *const *always; /* headers of every answer: name, value, name...,
                                  and NULL at the end; stay with the caller;
                                  NULL = none */
    bool own_names; /* only who calls us by a numeric address or as localhost,
                       and by our port, is served: a page of somebody else,
                       whose name leads here, is not (DNS rebinding) */
    unsigned rate;  /* most requests a second that are passed on, as many
                       of them at once; at least 1 */
    size_t most_bytes; /* longest body */
    long timeout_s;    /* for a connection to bring its next whole request and
                          to take the answer; none runs while the user has a
                          call to answer */
    unsigned most_connections; /* further ones wait to be accepted; those with
                                  an unanswered call count, too */
};

/* Valid until listen_heard() returns. */
struct listen_request {
    size_t route;     /* which one of the settings */
    const char *body; /* any bytes; a NUL that is not counted follows */
    size_t body_len;
    const char *header; /* value of the header, of the first one if it came
                           more than once; NULL = it did not come */
};

/* Told of each whole request for a route, from within listen_run(). To be
 * answered once, from within or later. */
typedef void listen_heard(
    void *arg, struct listen_call *call, const struct listen_request *request);

/* Opens the port; the settings are copied. Of a socket: any account of the
 * owner's group may connect (0660), a file that nobody listens on any more is
 * replaced, and it is removed at the end. NULL when that fails, with the reason
 * and the cure in why. */
struct listen *listen_open(const struct listen_settings *set,
    listen_heard *heard, void *arg, char *why, size_t why_size);

/* Ends all connections, frees, sets NULL. Calls that were not answered are
 * dropped: they must not be answered any more. Not from within heard(). */
void listen_close(struct listen **l);

/* The descriptor to poll for reading: when it is, call listen_run(). */
int listen_fd(const struct listen *l);

/* Call listen_run() after so many milliseconds at the latest; -1 = no limit.
 * To be asked before each sleep, for every function here may change it. */
int listen_timeout_ms(const struct listen *l);

/* Moves all connections on and tells about requests. May be called any time,
 * but not from within heard(). */
void listen_run(struct listen *l);

/* The port that is listened on; 0 = it is a socket. */
uint16_t listen_port(const struct listen *l);

/* The value of a parameter behind the ? of the address, NULL when it is not
 * there. Valid until the call is answered. */
const char *listen_query(const struct listen_call *call, const char *name);

/* Whether the client takes an answer in this encoding ("gzip"). */
bool listen_takes(const struct listen_call *call, const char *encoding);

/* Answers: status 200 has no body, others have their name as text/plain. The
 * call is over with this. Its client may be gone by then, which is not told;
 * one that has closed its sending side counts as gone. */
void listen_answer(struct listen_call *call, int status);

/* What is answered. */
struct listen_content {
    const char *type;     /* of the body: "text/html" */
    const char *encoding; /* "gzip"; NULL = none */
    const void *body;
    size_t n;
    bool constant; /* the body stays as it is; else it is copied */
};

/* Answers with this; of HEAD the body is left out. */
void listen_answer_with(
    struct listen_call *call, int status, const struct listen_content *content);

#endif
