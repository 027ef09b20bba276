/* radius: see radius.h. */
#include "routers/radius.h"

#include "hmac.h"
#include "md5.h"

#include <arpa/inet.h>
#include <string.h>

enum { DISCONNECT_REQUEST = 40, DISCONNECT_ACK = 41, DISCONNECT_NAK = 42 };

enum {
    USER_NAME = 1,
    FRAMED_IP_ADDRESS = 8,
    ACCT_SESSION_ID = 44,
    MESSAGE_AUTHENTICATOR = 80,
    ERROR_CAUSE = 101,
};

/* Offsets in a packet. */
enum { CODE = 0, ID = 1, LENGTH = 2, AUTHENTICATOR = 4 };

/* ---- both ways ---- */

/* The authenticator of a packet of n bytes, with this one in its place: all
 * zeros for a request, that of the request for a reply. */
static bool
authenticate(const unsigned char *packet, size_t n, const unsigned char *with,
    const char *secret, unsigned char out[MD5_BYTES])
{
    const struct md5_part parts[] = {
        { packet, AUTHENTICATOR },
        { with, MD5_BYTES },
        { packet + RADIUS_HEADER, n - RADIUS_HEADER },
        { secret, strlen(secret) },
    };

    return md5_digest(parts, sizeof parts / sizeof *parts, out);
}

static const unsigned char zeros[MD5_BYTES];

/* The same for the Message-Authenticator whose value is at this offset: it is
 * signed as if it were all zeros. */
static bool
sign(const unsigned char *packet, size_t n, size_t at,
    const unsigned char *with, const char *secret, unsigned char out[MD5_BYTES])
{
    const struct md5_part parts[] = {
        { packet, AUTHENTICATOR },
        { with, MD5_BYTES },
        { packet + RADIUS_HEADER, at - RADIUS_HEADER },
        { zeros, MD5_BYTES },
        { packet + at + MD5_BYTES, n - at - MD5_BYTES },
    };

    return hmac_md5(secret, parts, sizeof parts / sizeof *parts, out);
}

static size_t
length_of(const unsigned char *packet)
{
    return (size_t)packet[LENGTH] << 8 | packet[LENGTH + 1];
}

/* ---- requests ---- */

/* The length of the packet with one attribute more. */
static size_t
add(unsigned char *packet, size_t n, unsigned char type, const void *value,
    size_t len)
{
    packet[n] = type;
    packet[n + 1] = (unsigned char)(len + 2);
    memcpy(packet + n + 2, value, len);
    return n + 2 + len;
}

static bool
is_given(const char *text)
{
    return text && *text;
}

/* Appends what says which session; false when something of it cannot be. */
static bool
add_session(unsigned char *packet, size_t *n, const struct disconnect *what)
{
    size_t login_len = is_given(what->login) ? strlen(what->login) : 0;
    size_t id_len = is_given(what->session_id) ? strlen(what->session_id) : 0;
    struct in_addr ip;

    if (login_len == 0 || login_len > RADIUS_VALUE || id_len > RADIUS_VALUE)
        return false;
    *n = add(packet, *n, USER_NAME, what->login, login_len);
    if (is_given(what->framed_ip)) {
        if (inet_pton(AF_INET, what->framed_ip, &ip) != 1)
            return false;
        *n = add(packet, *n, FRAMED_IP_ADDRESS, &ip, sizeof ip);
    }
    if (id_len > 0)
        *n = add(packet, *n, ACCT_SESSION_ID, what->session_id, id_len);
    return true;
}

/* Fills in the signature, if there is to be one at this offset, and then the
 * authenticator, which covers it. */
static bool
seal(unsigned char *packet, size_t n, size_t signature, const char *secret)
{
    unsigned char digest[MD5_BYTES];

    if (signature > 0) {
        if (!sign(packet, n, signature, zeros, secret, digest))
            return false;
        memcpy(packet + signature, digest, MD5_BYTES);
    }
    return authenticate(packet, n, zeros, secret, packet + AUTHENTICATOR);
}

size_t
radius_build(unsigned char packet[RADIUS_LARGEST], unsigned char id,
    const struct disconnect *what, const char *secret)
{
    size_t n = RADIUS_HEADER, signature = 0;

    if (!*secret)
        return 0;
    if (what->sign) {
        signature = n + 2;
        n = add(packet, n, MESSAGE_AUTHENTICATOR, zeros, MD5_BYTES);
    }
    if (!add_session(packet, &n, what))
        return 0;
    packet[CODE] = DISCONNECT_REQUEST;
    packet[ID] = id;
    packet[LENGTH] = (unsigned char)(n >> 8);
    packet[LENGTH + 1] = (unsigned char)n;
    return seal(packet, n, signature, secret) ? n : 0;
}

/* ---- replies ---- */

/* What we want to know of a reply's attributes. */
struct attributes {
    size_t signature; /* offset of its value, or 0 */
    unsigned error_cause;
};

/* False when a Message-Authenticator has another length, or a second one
 * would leave open which of them counts. */
static bool
take_signature(struct attributes *out, size_t at, size_t len)
{
    if (len != MD5_BYTES || out->signature > 0)
        return false;
    out->signature = at;
    return true;
}

static void
take_cause(struct attributes *out, const unsigned char *value, size_t len)
{
    if (len == 4 && out->error_cause == 0)
        out->error_cause = (unsigned)value[0] << 24 | (unsigned)value[1] << 16 |
                           (unsigned)value[2] << 8 | value[3];
}

/* False when the attributes do not fill the packet of n bytes. */
static bool
read_attributes(const unsigned char *packet, size_t n, struct attributes *out)
{
    size_t len;

    *out = (struct attributes){ .signature = 0 };
    for (size_t at = RADIUS_HEADER; at < n; at += len) {
        len = n - at < 2 ? 0 : packet[at + 1];
        if (len < 2 || len > n - at)
            return false;
        if (packet[at] == MESSAGE_AUTHENTICATOR &&
            !take_signature(out, at + 2, len - 2))
            return false;
        if (packet[at] == ERROR_CAUSE)
            take_cause(out, packet + at + 2, len - 2);
    }
    return true;
}

static bool
is_authentic(const unsigned char *reply, size_t n, size_t signature,
    const unsigned char *with, const char *secret)
{
    unsigned char digest[MD5_BYTES];

    if (!authenticate(reply, n, with, secret, digest) ||
        memcmp(digest, reply + AUTHENTICATOR, MD5_BYTES) != 0)
        return false;
    if (signature == 0)
        return true;
    return sign(reply, n, signature, with, secret, digest) &&
           memcmp(digest, reply + signature, MD5_BYTES) == 0;
}

/* The length of the packet in a datagram of n bytes; 0 when none is there. */
static size_t
packet_in(const unsigned char *datagram, size_t n)
{
    size_t len = n < RADIUS_HEADER ? 0 : length_of(datagram);

    return len >= RADIUS_HEADER && len <= RADIUS_LARGEST && len <= n ? len : 0;
}

enum radius_verdict
radius_read(const unsigned char *reply, size_t n, const unsigned char *request,
    const char *secret, unsigned *error_cause)
{
    struct attributes attributes;
    size_t len = packet_in(reply, n);

    *error_cause = 0;
    if (len == 0 || reply[ID] != request[ID] ||
        (reply[CODE] != DISCONNECT_ACK && reply[CODE] != DISCONNECT_NAK) ||
        !read_attributes(reply, len, &attributes) ||
        !is_authentic(
            reply, len, attributes.signature, request + AUTHENTICATOR, secret))
        return RADIUS_NOT_OURS;
    *error_cause = attributes.error_cause;
    return reply[CODE] == DISCONNECT_ACK ? RADIUS_ACK : RADIUS_NAK;
}

/* RFC 5176, section 3.5. */
const char *
radius_cause(unsigned cause)
{
    static const struct {
        unsigned cause;
        const char *meaning;
    } rows[] = {
        { 0, "without a cause" },
        { 201, "what was left of the session was removed" },
        { 202, "wrong EAP packet" },
        { 401, "an attribute that it does not support" },
        { 402, "an attribute is missing" },
        { 403, "it is not the router that was named" },
        { 404, "wrong form of the request" },
        { 405, "a service that it does not support" },
        { 406, "an extension that it does not support" },
        { 407, "wrong value of an attribute" },
        { 501, "forbidden on the router" },
        { 502, "a proxy has no route to it" },
        { RADIUS_NO_SESSION, "there is no such session" },
        { 504, "the session cannot be removed" },
        { 505, "a proxy could not do it" },
        { 506, "it has no resources for it" },
        { 507, "the request was begun" },
        { 508, "several sessions fit, which it does not support" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].cause == cause)
            return rows[i].meaning;
    return "a cause that is not in its list";
}
