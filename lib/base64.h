/*
 * base64: bytes as text (RFC 4648, section 4).
 */
#ifndef MBEV_BASE64_H
#define MBEV_BASE64_H

#include "bytes.h"

#include <stdbool.h>
#include <stddef.h>

/* Appends the text for n bytes, with '=' at its end where it needs them. */
void base64_print(struct bytes *out, const void *p, size_t n);

/* Appends the bytes for a text; '=' at its end may be left out. False, and
 * nothing is to be made of out, when it is none. */
bool base64_read(struct bytes *out, const char *text);

#endif
