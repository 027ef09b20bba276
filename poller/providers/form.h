/*
 * form: bodies of application/x-www-form-urlencoded requests, and the JSON
 * that comes back.
 */
#ifndef MBEV_FORM_H
#define MBEV_FORM_H

#include "bytes.h"
#include "http.h"

#include <json-c/json.h>

#define FORM_TYPE "application/x-www-form-urlencoded"

/* Appends name=value; a blank is written '+'. */
void form_add(struct bytes *body, const char *name, const char *value);

/* The whole body of the reply as one JSON object, well-formed and in UTF-8, or
 * NULL. To be put back with json_object_put(). */
json_object *reply_json(const struct http_reply *reply);

/* A member's text, whether the provider wrote a string or a whole number;
 * NULL for anything else. Stays with the object. */
const char *reply_text(json_object *object, const char *name);

#endif
