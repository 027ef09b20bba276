/*
 * json_out: JSON text put together in a growing buffer.
 *
 * Promises that what is appended through it is valid JSON in valid UTF-8,
 * whatever bytes come in, and that the text is followed by a NUL that is not
 * counted (the server looks one byte past the end of a string). The first
 * append that does not fit, or finds no memory, marks the buffer failed and
 * later ones do nothing: ask once, at the end.
 * Never uses the locale and never prints through stdio.
 */
#ifndef MBEV_JSON_OUT_H
#define MBEV_JSON_OUT_H

#include <stdbool.h>
#include <stddef.h>

/* Longest text: the largest max_allowed_packet, so a longer one could
 * neither be stored nor sent, and the server counts strings in 32 bits. */
#define JSON_OUT_MAX ((size_t)1 << 30)

struct json_out {
    char *text;      /* owned; NULL until the first append */
    size_t length;   /* bytes of text */
    size_t capacity; /* bytes allocated */
    bool failed;
};

/* Empties the buffer and forgets a failure; keeps the memory. */
void json_out_clear(struct json_out *out);

/* Releases the memory; the buffer is then as a zeroed one: empty. */
void json_out_free(struct json_out *out);

/* Appends n bytes as they are. */
void json_out_add(struct json_out *out, const char *p, size_t n);

/* Appends n bytes as a JSON string. Each maximal piece that is not UTF-8
 * becomes one U+FFFD, as the Unicode standard (3.9, "maximal subpart")
 * recommends and Python and the browsers do it. */
void json_out_string(struct json_out *out, const char *p, size_t n);

/* Appends a decimal number in the shortest form that keeps its digits: no
 * plus sign, no leading zeros, a zero before a bare point, no negative zero;
 * decimals and exponent stay. Bytes that are no number become a string. */
void json_out_number(struct json_out *out, const char *p, size_t n);

/* True when the n bytes are UTF-8 throughout. */
bool json_out_is_utf8(const char *p, size_t n);

#endif
