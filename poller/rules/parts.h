/*
 * parts: how many SMS a text makes, and so what it costs.
 *
 * 3GPP TS 23.038 and 23.040. A text goes in the 7-bit default alphabet when
 * that has all its characters, else in UCS-2. One SMS carries 160 septets or
 * 70 UCS-2 units; each part of a longer text 153 or 67, for its header takes
 * the rest.
 */
#ifndef MBEV_PARTS_H
#define MBEV_PARTS_H

#include <stdbool.h>

struct parts {
    unsigned parts; /* SMS; 0 = the text is empty */
    unsigned units; /* septets, or UTF-16 units, of the text */
    bool ucs2;
};

/* Counts a text. A byte that is not UTF-8 is one UCS-2 unit: it goes as '?',
 * but the count is not to be below the bill. */
struct parts parts_count(const char *utf8);

#endif
