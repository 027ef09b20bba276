/*
 * probe: whether something answers at an address. Connects, for https:// also
 * checks the certificate, and hangs up: no request is made.
 */
#ifndef MBEV_CTL_PROBE_H
#define MBEV_CTL_PROBE_H

#include <stdbool.h>
#include <stddef.h>

enum { PROBE_WHY = 384, PROBE_URL = 512 };

/* What went wrong. */
enum probe_fault {
    PROBE_GOOD,
    PROBE_NAME,        /* it has no address */
    PROBE_CONNECTION,  /* nobody answers there, or refuses */
    PROBE_CERTIFICATE, /* it is not who it should be, or not known to be */
    PROBE_ENCRYPTION,  /* it and we do not agree how to encrypt */
    PROBE_OTHER
};

struct probe {
    char url[PROBE_URL]; /* https://, or http:// for TCP alone */
    const char *ca_file; /* "" = the system's; stays with the caller */
    const char *source;  /* address of our side; "" = any; the same */

    enum probe_fault fault; /* the result */
    char why[PROBE_WHY];    /* in words */
    long ms;                /* how long it took */

    void *easy; /* of the module, NULL before and after */
};

/* Probes all at the same time; each takes 5 seconds at most, all together 15.
 * False when out of memory. */
bool probe_all(struct probe *probe, size_t n);

#endif
