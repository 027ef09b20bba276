/*
 * webhook: what of it is of use by itself. See provider.h for the rest.
 */
#ifndef MBEV_WEBHOOK_H
#define MBEV_WEBHOOK_H

#include "bytes.h"
#include "settings.h"

#include <stdbool.h>
#include <stdint.h>

/* Appends the key, bytes, that a secret stands for: behind "whsec_" it is
 * base64, else the text itself. False when that is no base64. */
bool webhook_read_secret(struct bytes *key, const char *secret);

/* Appends the value of Webhook-Signature for an event with this key, sent at
 * that time (seconds since 1970): one signature for each secret of the
 * settings. False when it cannot be signed. */
bool webhook_sign(struct bytes *out, const struct settings *set,
    const char *key, int64_t now_s, const struct bytes *body);

#endif
