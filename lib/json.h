/*
 * json: writes JSON. What is written is always well-formed: commas are set by
 * the writer, and a byte that is not UTF-8 becomes '?'.
 */
#ifndef MBEV_JSON_H
#define MBEV_JSON_H

#include "bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json {
    struct bytes *out; /* the caller's */
    bool comma;        /* something stands before */
};

/* Each appends a value; name: of the member of an object, NULL in an array and
 * at the top. */

/* Begins an object '{' or an array '['. */
void json_open(struct json *json, const char *name, char bracket);
/* Ends it: '}' or ']'. */
void json_close(struct json *json, char bracket);

/* NULL becomes null. */
void json_text(struct json *json, const char *name, const char *text);
void json_textn(struct json *json, const char *name, const char *p, size_t n);
void json_int(struct json *json, const char *name, int64_t value);
void json_flag(struct json *json, const char *name, bool value);
/* One that is written already. */
void json_raw(struct json *json, const char *name, const char *value);

#endif
