/*
 * utf8: reading UTF-8 that nobody vouches for.
 */
#ifndef MBEV_UTF8_H
#define MBEV_UTF8_H

#include <stdbool.h>
#include <stddef.h>

struct bytes;

/* Length in bytes (1 to 4) of the well-formed character at p, or 0 when the
 * bytes there are none: overlong, surrogate, above U+10FFFF, cut off by end.
 * p < end. */
size_t utf8_char(const char *p, const char *end);

/* True when the n bytes at p are well-formed UTF-8 throughout. */
bool utf8_valid(const char *p, size_t n);

/* True when the well-formed character of n bytes at p is a control character:
 * C0, DEL or C1. */
bool utf8_is_control(const char *p, size_t n);

/* Appends text made safe for a log line or a terminal: control characters,
 * DEL and bytes that are not UTF-8 become \xNN, a backslash is doubled. */
void utf8_escape(struct bytes *out, const char *p, size_t n);

/* Copies n bytes of text into a field of size bytes, cut on a character
 * boundary and ended with a NUL; a byte that is not UTF-8 becomes '?'. */
void utf8_copy(char *to, size_t size, const char *p, size_t n);

#endif
