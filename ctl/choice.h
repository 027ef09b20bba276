/*
 * choice: the deliveries that an operator means with some words.
 *
 *   17  delivery:17  uid:1001  all
 *   state=dead,expired  lane=smspilot  action=sms  error=CODE  older=2h
 */
#ifndef MBEV_CHOICE_H
#define MBEV_CHOICE_H

#include "bytes.h"

#include <stdbool.h>
#include <stdint.h>

/* Appends the condition on delivery d that the n words stand for, for
 * " WHERE ". *many: neither an event nor a delivery was named; *stated: states
 * were. NULL,
 * or what is wrong, for people. */
const char *choice_add(
    struct bytes *sql, char *const *words, int n, bool *many, bool *stated);

/* Reads digits and nothing else. */
bool choice_number(const char *word, uint64_t *out);

#endif
