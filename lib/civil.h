/*
 * civil: calendar dates and times of day as people and databases write them,
 * without a zone: "2026-11-23 20:24:00".
 */
#ifndef MBEV_CIVIL_H
#define MBEV_CIVIL_H

#include <stdbool.h>
#include <stdint.h>

struct civil {
    int year, month, day; /* month and day from 1; all 0 = no date */
    int hour, minute, second;
};

enum { CIVIL_TEXT = 64 };

/* Reads "YYYY-MM-DD", with " hh:mm:ss" and a fraction if they follow. False,
 * and *out all zero, for anything else and for a day that does not exist. */
bool civil_parse(struct civil *out, const char *text);

/* Seconds since 1970-01-01 00:00:00 of the same calendar: for differences. */
int64_t civil_seconds(const struct civil *at);

/* So many months later or earlier, as INTERVAL n MONTH of the server: a day
 * that the month does not have becomes its last one. No date stays no date,
 * and so is what lies before the year 1. */
struct civil civil_add_months(struct civil at, int months);

/* Below, equal to or above zero, as a is before, at or after b. */
int civil_compare(const struct civil *a, const struct civil *b);

/* "2026-11-23 20:24:00". */
const char *civil_print(const struct civil *at, char buf[CIVIL_TEXT]);

#endif
