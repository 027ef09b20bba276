/*
 * Requests and replies to end a session by RADIUS.
 *
 * A byte of choices; then secret, login, address and session id, a line each;
 * the rest is the reply. By choice its authenticators are made right, which
 * chance never does.
 */
#include "fuzz.h"

#include "hmac.h"
#include "md5.h"
#include "routers/radius.h"

enum {
    SIGN = 1,
    FORGE = 2,
    FORGE_MESSAGE = 4,
    AUTHENTICATOR = 4,
    MESSAGE = 80
};

static const unsigned char zeros[MD5_BYTES];

/* Where the value of the first Message-Authenticator begins, or 0. */
static size_t
message_at(const unsigned char *p, size_t n)
{
    for (size_t at = RADIUS_HEADER; at + 2 <= n && p[at + 1] >= 2;
         at += p[at + 1])
        if (p[at] == MESSAGE && p[at + 1] == 18 && at + 18 <= n)
            return at + 2;
    return 0;
}

static void
forge(unsigned char *p, size_t n, const unsigned char *request,
    const char *secret, bool message)
{
    const unsigned char *with = request + AUTHENTICATOR;
    size_t at = message ? message_at(p, n) : 0;

    p[1] = request[1];
    p[2] = (unsigned char)(n >> 8);
    p[3] = (unsigned char)n;
    if (at > 0) {
        const struct md5_part parts[] = { { p, 4 }, { with, MD5_BYTES },
            { p + RADIUS_HEADER, at - RADIUS_HEADER }, { zeros, MD5_BYTES },
            { p + at + MD5_BYTES, n - at - MD5_BYTES } };

        holds(hmac_md5(secret, parts, COUNT(parts), p + at));
    }
    const struct md5_part parts[] = { { p, 4 }, { with, MD5_BYTES },
        { p + RADIUS_HEADER, n - RADIUS_HEADER }, { secret, strlen(secret) } };

    holds(md5_digest(parts, COUNT(parts), p + AUTHENTICATOR));
}

static void
check_request(const unsigned char *packet, size_t n)
{
    size_t at = RADIUS_HEADER;

    holds(n >= RADIUS_HEADER && n <= RADIUS_LARGEST);
    holds(((size_t)packet[2] << 8 | packet[3]) == n);
    while (at < n) {
        holds(at + 2 <= n && packet[at + 1] >= 3);
        at += packet[at + 1];
    }
    holds(at == n);
}

static void
reply(struct fuzz *in, unsigned choice, const unsigned char *request,
    const char *secret)
{
    size_t n = in->n;
    unsigned char *p = (unsigned char *)fuzz_rest(in);
    bool forged = choice & FORGE && n >= RADIUS_HEADER && n <= RADIUS_LARGEST;
    unsigned cause = 7;
    enum radius_verdict verdict;

    if (forged)
        forge(p, n, request, secret, choice & FORGE_MESSAGE);
    verdict = radius_read(p, n, request, secret, &cause);
    holds(verdict <= RADIUS_NAK);
    holds(verdict != RADIUS_NOT_OURS || cause == 0);
    holds(*radius_cause(cause));
    free(p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz in = fuzz_input(data, size);
    unsigned choice = fuzz_byte(&in);
    char *secret = fuzz_line(&in), *login = fuzz_line(&in),
         *ip = fuzz_line(&in), *id = fuzz_line(&in);
    struct disconnect what = { login, ip, id, choice & SIGN };
    unsigned char *packet = malloc(RADIUS_LARGEST);
    size_t n;

    holds(packet != NULL);
    n = radius_build(packet, (unsigned char)choice, &what, secret);
    if (n > 0) {
        check_request(packet, n);
        reply(&in, choice, packet, secret);
    }
    free(packet);
    free(secret);
    free(login);
    free(ip);
    free(id);
    return 0;
}
