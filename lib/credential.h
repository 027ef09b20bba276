/*
 * credential: secrets that systemd hands to a service, a file each
 * (LoadCredential= in the unit).
 *
 * They are in the folder that CREDENTIALS_DIRECTORY names; outside the unit
 * (mbevd -t, mbevctl) in that of the running service, which root and the
 * service's own account can read.
 */
#ifndef MBEV_CREDENTIAL_H
#define MBEV_CREDENTIAL_H

#include "bytes.h"

#include <stdbool.h>

enum { CREDENTIAL_MOST = 4096 }; /* bytes of one */

/* Appends the secret of this name, without the newline at its end: text in
 * UTF-8, one line. False, with the reason and the cure in why, but never the
 * secret, when it cannot be had. */
bool credential_read(
    struct bytes *out, const char *name, char *why, size_t why_size);

#endif
