/*
 * stream: bytes both ways over a connected socket, plain or in TLS, without
 * waiting.
 *
 * What is to be sent and what has come are kept in buffers; stream_move() does
 * what the socket allows. The user says it whenever the socket is ready as
 * stream_wants() told.
 */
#ifndef MBEV_STREAM_H
#define MBEV_STREAM_H

#include "bytes.h"

#include <stdbool.h>

enum stream_tls {
    STREAM_PLAIN,
    STREAM_VERIFY,    /* the certificate must be good, for this host */
    STREAM_ANONYMOUS, /* no certificate at all (anonymous Diffie-Hellman): kept
                         secret from who only listens */
    STREAM_ANY,       /* any certificate: the same */
};

struct stream_settings {
    enum stream_tls tls;
    const char *host;    /* name or address in the certificate */
    const char *ca_file; /* "" = the system's */
    size_t most_in;      /* bytes that may wait to be taken */
};

struct stream; /* opaque; one thread */

/* Takes the socket over, in any case. NULL when out of memory. */
struct stream *stream_open(int fd, const struct stream_settings *set);

/* Ends the connection at once, frees, sets NULL. */
void stream_close(struct stream **s);

/* The socket; it stays the stream's. */
int stream_fd(const struct stream *s);

/* Adds to what is to be sent. */
void stream_send(struct stream *s, const struct bytes *what);

/* Sends and receives. False when the connection has ended: see stream_why();
 * what has come before is still there. */
bool stream_move(struct stream *s);

/* What has come and was not taken; and takes n bytes of it. */
const struct bytes *stream_in(const struct stream *s);
void stream_take(struct stream *s, size_t n);

/* What the socket must be ready for: EPOLLIN, EPOLLOUT. */
unsigned stream_wants(const struct stream *s);

/* Why it ended, in words. */
const char *stream_why(const struct stream *s);

/* It ended because of the certificate, or because TLS could not be agreed
 * on. */
bool stream_is_distrusted(const struct stream *s);

#endif
