/*
 * hmac: HMAC-MD5, the signature that Komtet wants (RFC 2104).
 *
 * It proves to the provider who asks; nothing of ours is protected by it. MD5
 * is asked for by name and whatever the system prefers: a libcrypto that
 * keeps to FIPS, and has no other provider, does not offer it.
 */
#ifndef MBEV_HMAC_H
#define MBEV_HMAC_H

#include <stdbool.h>
#include <stddef.h>

/* Room for 32 lower-case hex digits and the NUL. */
enum { HMAC_MD5_TEXT = 33 };

struct hmac_part {
    const void *p;
    size_t n;
};

/* Signs the n parts as if they were one text. False, and out is "", when
 * libcrypto does not offer HMAC-MD5 or memory ran out. */
bool hmac_md5_hex(const char *key, const struct hmac_part *parts, size_t n,
    char out[HMAC_MD5_TEXT]);

#endif
