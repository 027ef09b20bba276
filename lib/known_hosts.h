/*
 * known_hosts: the public keys of SSH servers that were met before, in a file
 * of our own in OpenSSH's format: ssh-keyscan(1) can fill it, and
 * ssh-keygen -R takes an entry out.
 *
 * The file is read again whenever it has changed; nothing but
 * known_hosts_add() writes it. An entry without a port holds for every port of
 * the host that has none of its own. A host of which any key is known must show
 * one that is known: a key of another type is not taken for new.
 */
#ifndef MBEV_KNOWN_HOSTS_H
#define MBEV_KNOWN_HOSTS_H

#include <stdbool.h>
#include <stddef.h>

struct known_hosts; /* opaque */

enum known {
    KNOWN_SAME,  /* the host has this key */
    KNOWN_OTHER, /* it has another */
    KNOWN_NOT,   /* it was not met before */
};

/* The path is copied; the file need not be there. NULL when out of memory. */
struct known_hosts *known_hosts_make(const char *path);
void known_hosts_close(struct known_hosts **known);

/* Looks whether the file has changed since, and reads it then. False, with the
 * reason in why, when it is there and cannot be read: nothing is known then,
 * and nothing may be taken for new. */
bool known_hosts_refresh(struct known_hosts *known, char *why, size_t size);

/* Counts up each time somebody else has changed the file. */
unsigned known_hosts_version(const struct known_hosts *known);

const char *known_hosts_path(const struct known_hosts *known);

/* How a host stands in the file: "10.0.0.1", or "[10.0.0.1]:2222" when the port
 * is not the usual one. */
void known_hosts_name(char *buf, size_t size, const char *host, int port);

/* The type of the host's key, as in SSH's algorithm lists: "ssh-ed25519"; NULL
 * when none is known. Of several, any one. */
const char *
known_hosts_type(struct known_hosts *known, const char *host, int port);

/* key: as it comes over the wire. */
enum known known_hosts_check(struct known_hosts *known, const char *host,
    int port, const char *key, size_t len);

/* Adds a line to the file, which is made if need be. False, with the reason in
 * why, when it cannot be written. */
bool known_hosts_add(struct known_hosts *known, const char *host, int port,
    const char *key, size_t len, char *why, size_t size);

#endif
