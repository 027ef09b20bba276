/*
 * money: amounts as integers. No float touches an amount.
 */
#ifndef MBEV_MONEY_H
#define MBEV_MONEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room for any printed amount: sign, 19 digits, point, NUL. */
enum { MONEY_TEXT = 24 };

/* Reads a decimal number ("-12.5", "100", "0.000001") as an integer of
 * 10^-places units: places 2 gives kopecks, 6 gives millionths.
 * False, and *out untouched, when the text is no such number, has more
 * decimals than places (zeros may follow), or does not fit. */
bool decimal_parse(const char *text, int places, int64_t *out);

/* Prints kopecks with two decimals and a point: 10050 is "100.50". */
const char *money_print(int64_t kopecks, char buf[MONEY_TEXT]);

#endif
