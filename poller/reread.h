/*
 * reread: json-c does not tell when memory runs out: a member is left out, a
 * value becomes null, a long text is cut. So what matters is read twice.
 */
#ifndef MBEV_REREAD_H
#define MBEV_REREAD_H

#include <json-c/json.h>
#include <stdbool.h>

/* Reads the text again: true when it comes to the same, be it to nothing
 * (NULL). False, with errno ENOMEM: memory ran out, now or before. */
bool reread_is_same(json_object *json, const char *text);

#endif
