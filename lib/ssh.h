/*
 * ssh: commands on an SSH server, over a connected socket, without waiting.
 *
 * The user says ssh_step() whenever the socket is ready as ssh_wants() told,
 * keeps the time itself, and ends what lasts too long with ssh_close(). One
 * command at a time; the login is kept for the next.
 *
 * Promises: nothing is said to a server whose key is not the known one, the
 * password least of all; no terminal is asked for, no agent used, nothing
 * forwarded; output is read up to a bound.
 */
#ifndef MBEV_SSH_H
#define MBEV_SSH_H

#include "bytes.h"
#include "known_hosts.h"

#include <stdbool.h>

enum ssh_policy {
    SSH_ACCEPT_NEW, /* a server not met before is believed and noted */
    SSH_STRICT,     /* only those in the file */
    SSH_ANY,        /* no look at the key */
};

/* All texts stay with the caller, for as long as the session. */
struct ssh_settings {
    const char *host; /* as it is known: an address or a name */
    int port;
    const char *user;
    const char *password;
    const char *key_file; /* private key; "" = none */
    const char *kex;      /* comma lists; "" = what the library has */
    const char *hostkeys;
    const char *ciphers;
    const char *macs;
    enum ssh_policy policy;
    struct known_hosts *known;
};

enum ssh_status {
    SSH_WAITS,  /* for the socket */
    SSH_READY,  /* logged in; the command, if there was one, has ended */
    SSH_FAILED, /* for good: see ssh_trouble() */
};

enum ssh_trouble {
    SSH_BROKEN,      /* the connection ended, or what came was not SSH */
    SSH_REFUSED,     /* the server refuses the login */
    SSH_KEY_CHANGED, /* it shows another key than the known one */
    SSH_KEY_UNKNOWN, /* it was not met before, and is not to be believed */
    SSH_NO_COMMON,   /* no algorithm that both have */
    SSH_TOO_MUCH,    /* more output than the bound */
    SSH_OURS,        /* our settings or files are at fault */
};

struct ssh; /* opaque; one thread */

/* Takes the socket over, in any case. NULL when out of memory. */
struct ssh *ssh_open(int fd, const struct ssh_settings *set);

/* Ends the connection at once, frees, sets NULL. */
void ssh_close(struct ssh **ssh);

/* Goes on as far as it can. */
enum ssh_status ssh_step(struct ssh *ssh);

/* The socket; it stays the session's. */
int ssh_fd(const struct ssh *ssh);

/* What the socket must be ready for: EPOLLIN, EPOLLOUT. */
unsigned ssh_wants(const struct ssh *ssh);

/* Begins a command; only when ready. */
void ssh_exec(struct ssh *ssh, const char *command);

/* What the command has printed so far, on both its streams. */
const struct bytes *ssh_output(const struct ssh *ssh);

/* Why it failed: the kind, and words for the operator. */
enum ssh_trouble ssh_trouble(const struct ssh *ssh);
const char *ssh_why(const struct ssh *ssh);

#endif
