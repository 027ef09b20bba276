/*
 * phone: what stands in a subscriber's phone field, as providers want it.
 *
 * Digits only, with country code: "8 (900) 123-45-67" is 79001234567.
 * Separators are dropped; 11 digits that begin with 8 begin with 7 instead;
 * 10 digits that begin with 9 get a 7; 11 to 15 other digits pass.
 * Anything else is not a phone number.
 */
#ifndef MBEV_PHONE_H
#define MBEV_PHONE_H

#include <stdbool.h>
#include <stddef.h>

enum { PHONE_DIGITS = 15, PHONE_MOST = 4, PHONE_GIVEN = 40 };

struct phone {
    char number[PHONE_DIGITS + 1]; /* "" = not a phone number */
    char given[PHONE_GIVEN + 1];   /* as it stood there, cut, without
                                      blanks around it */
};

/* Takes the field apart: numbers divided by , ; / | or a new +, or by blanks
 * where each part is a number of its own. A number that stands there twice
 * is given once. Returns how many were found, at most PHONE_MOST; 0 when the
 * field is empty or blank. */
size_t phone_split(const char *field, struct phone out[PHONE_MOST]);

#endif
