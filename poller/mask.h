/*
 * mask: text for other eyes than the operator's own terminal. Phone numbers
 * keep their first two and last four digits, 79*****4567, e-mail addresses the
 * first letter and what stands behind the @.
 */
#ifndef MBEV_MASK_H
#define MBEV_MASK_H

#include "bytes.h"

#include <stddef.h>

/* Appends the text so masked: whatever has ten to fifteen digits in a row
 * counts as a phone number. */
void mask_add(struct bytes *out, const char *p, size_t n);

#endif
