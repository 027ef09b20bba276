/*
 * http: requests, many at once on one thread, over kept connections.
 *
 * Promises: TLS certificates are checked; redirects, cookies, proxies of the
 * environment and stored credentials are not used; a reply is read up to a
 * bound; a header cannot become two; and a request whose bytes may have
 * reached the server is never sent again behind the caller's back (libcurl
 * would repeat one when a kept connection dies before the reply; here it
 * cannot, because the body of a POST cannot be rewound, and a GET is stopped
 * before it begins a second time).
 */
#ifndef MBEV_HTTP_H
#define MBEV_HTTP_H

#include <stdbool.h>
#include <stddef.h>

struct http; /* opaque; one thread */

/* Statuses by which a server asks for a pause. */
enum { HTTP_TOO_MANY = 429, HTTP_UNAVAILABLE = 503 };

struct http_request {
    const char *url;
    const char *body; /* all of it is copied; a GET has none */
    size_t body_len;
    const char *content_type; /* of the body */
    const char *ca_file;      /* "" = the system's */
    long connect_timeout_ms;
    long timeout_ms;    /* for the whole exchange; a reply that is there by then
                           counts, however late this process gets to read it */
    const char *method; /* "POST" or "GET"; NULL = POST */
    const char *const *headers; /* more of them, "Name: value", ended by a
                                   NULL and copied; NULL = none */
};

struct http_reply {
    int status;       /* HTTP status; 0 = there was no reply */
    const char *body; /* NUL-terminated; "" when there was none */
    size_t body_len;
    bool maybe_sent;    /* the server may have got the request */
    const char *error;  /* why the exchange failed; NULL when it did not */
    long retry_after_s; /* header Retry-After, as seconds or as a date; 0 =
                           there was none, or it is over */
};

/* Told once for each request started, from within http_wait(). */
typedef void http_done(void *arg, const struct http_reply *reply);

/* NULL when out of memory. */
struct http *http_make(void);

/* Ends what is under way without telling anybody, frees, sets NULL. */
void http_close(struct http **http);

/* Starts a request. False, and done is never called, when out of memory, when
 * a header has a control character (it could be read as another header), or
 * when the method is another one. */
bool http_start(struct http *http, const struct http_request *request,
    http_done *done, void *arg);

/* A connection for the caller's own protocol. */
struct http_dial {
    const char *host; /* name or address; [] around IPv6 are not wanted */
    int port;
    const char *source; /* address of our side; "" = any */
    long timeout_ms;
};

/* Told once: a connected socket, which is the caller's from now on, does not
 * block and is closed on exec; or -1 and why. */
typedef void http_connected(void *arg, int fd, const char *error);

/* Begins to connect, from within http_wait(). False, and done is never called,
 * when out of memory, or when the host cannot be one. */
bool http_dial(struct http *http, const struct http_dial *dial,
    http_connected *done, void *arg);

/* Requests started and not yet told about. */
size_t http_active(const struct http *http);

/* Moves all requests on, tells about finished ones, and sleeps until there is
 * network work, one of the n descriptors fds[] can be read, or timeout_ms has
 * passed. */
void http_wait(struct http *http, const int *fds, unsigned n, int timeout_ms);

#endif
