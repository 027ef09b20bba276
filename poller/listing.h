/*
 * listing: rows of the database as JSON, for the status page.
 */
#ifndef MBEV_LISTING_H
#define MBEV_LISTING_H

#include "db.h"
#include "json.h"

/* What the columns of a query are called in the JSON, in their order and
 * divided by blanks. A name that begins with '#' is a number, one with '@' a
 * text in which phone numbers and e-mail addresses are masked; the sign itself
 * is not part of the name. */

/* Appends the array of all rows, each an object. */
void listing_add(struct json *json, const char *name, struct db_rows *rows,
    const char *columns);

/* Appends the members of the row that was stepped to. */
void listing_add_row(
    struct json *json, const struct db_rows *rows, const char *columns);

/* What stands before a SELECT so that the server ends it after a quarter of a
 * second, where it can. */
#define LISTING_BRIEF "/*M!100101 SET STATEMENT max_statement_time=0.25 FOR */ "

#endif
