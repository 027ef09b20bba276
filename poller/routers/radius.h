/*
 * radius: the request to end a session, and its replies, of RFC 5176.
 *
 * All attributes of a request must fit one session, so what is not known for
 * certain is better left out. A router that has another secret, or does not
 * know our address, keeps silent; and what does not prove that it is a reply
 * to our request, by that secret, is nothing to us.
 */
#ifndef MBEV_RADIUS_H
#define MBEV_RADIUS_H

#include <stdbool.h>
#include <stddef.h>

enum {
    RADIUS_HEADER = 20,    /* bytes, also of the smallest packet */
    RADIUS_LARGEST = 4096, /* bytes of a packet */
    RADIUS_VALUE = 253,    /* bytes of an attribute's value */
};

/* Which session. */
struct disconnect {
    const char *login;
    const char *framed_ip;  /* its IPv4 address; NULL or "" when not known */
    const char *session_id; /* Acct-Session-Id; NULL or "" when not known */
    bool sign;              /* add a Message-Authenticator */
};

/* Builds a Disconnect-Request; to send it again, send the same bytes. Its
 * length, or 0 when it cannot be built: the login is empty, or it or the
 * session id is longer than RADIUS_VALUE, the address is none, the secret is
 * empty, or there is no MD5. */
size_t radius_build(unsigned char packet[RADIUS_LARGEST], unsigned char id,
    const struct disconnect *what, const char *secret);

enum radius_verdict {
    RADIUS_NOT_OURS, /* no reply to this request: to be dropped silently */
    RADIUS_ACK,      /* the session was told to end */
    RADIUS_NAK,      /* it was not; error_cause may say why */
};

/* What an Error-Cause says when the session is not there, which is what we
 * want. */
enum { RADIUS_NO_SESSION = 503 };

/* Judges a datagram of n bytes as the reply to the request. error_cause: that
 * of the reply, 0 when it has none. What follows the length that the packet
 * says is padding; a Message-Authenticator is verified when there is one. */
enum radius_verdict radius_read(const unsigned char *reply, size_t n,
    const unsigned char *request, const char *secret, unsigned *error_cause);

/* What an Error-Cause means, in words; never NULL. */
const char *radius_cause(unsigned cause);

#endif
