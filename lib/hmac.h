/*
 * hmac: signatures with a key that both sides have (RFC 2104): HMAC-MD5, which
 * Komtet and RADIUS want, and HMAC-SHA256.
 *
 * They prove to the other side who asks; nothing of ours is protected by them.
 * As for MD5, see md5.h.
 */
#ifndef MBEV_HMAC_H
#define MBEV_HMAC_H

#include "md5.h"

#include <stdbool.h>
#include <stddef.h>

/* Room for 32 lower-case hex digits and the NUL. */
enum { HMAC_MD5_TEXT = 33 };

/* Signs the n parts as if they were one text. False, and out is all zeros,
 * when libcrypto does not offer HMAC-MD5 or memory ran out. */
bool hmac_md5(const char *key, const struct md5_part *parts, size_t n,
    unsigned char out[MD5_BYTES]);

/* The same as text; "" when it failed. */
bool hmac_md5_hex(const char *key, const struct md5_part *parts, size_t n,
    char out[HMAC_MD5_TEXT]);

enum { HMAC_SHA256_BYTES = 32 };

/* HMAC-SHA256 with a key of any bytes, over the n parts as if they were one
 * text. False, and out is all zeros, when memory ran out. */
bool hmac_sha256(const void *key, size_t key_len, const struct md5_part *parts,
    size_t n, unsigned char out[HMAC_SHA256_BYTES]);

#endif
