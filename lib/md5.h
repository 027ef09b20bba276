/*
 * md5: MD5, which old protocols ask for (RFC 1321).
 *
 * Nothing of ours is protected by it. MD5 is asked for by name and whatever
 * the system prefers: a libcrypto that keeps to FIPS, and has no other
 * provider, does not offer it.
 */
#ifndef MBEV_MD5_H
#define MBEV_MD5_H

#include <stdbool.h>
#include <stddef.h>

enum { MD5_BYTES = 16 };

struct md5_part {
    const void *p;
    size_t n;
};

/* The digest of the n parts as if they were one text. False, and out is all
 * zeros, when libcrypto does not offer MD5 or memory ran out. */
bool md5_digest(
    const struct md5_part *parts, size_t n, unsigned char out[MD5_BYTES]);

#endif
