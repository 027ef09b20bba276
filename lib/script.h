/*
 * script: the statements of an SQL script, divided as the mysql client divides
 * them: by the delimiter, which a line "DELIMITER word" changes; not within
 * strings and names in quotes; and without its comments, but for those that
 * are for some servers, which begin with an exclamation mark.
 *
 * Other commands of the client (source, \G, ...) are not known here.
 */
#ifndef MBEV_SCRIPT_H
#define MBEV_SCRIPT_H

#include "bytes.h"

#include <stdbool.h>
#include <stddef.h>

enum { SCRIPT_DELIMITER = 16 };

struct script {
    const char *at, *end; /* what is left; stays with the caller */
    int line;             /* where that begins */
    char delimiter[SCRIPT_DELIMITER];
    bool plain_backslash; /* in a string it is a character like others: set it
                             when the server's sql_mode becomes so */
};

enum script_step {
    SCRIPT_STATEMENT,
    SCRIPT_END,
    SCRIPT_WRONG, /* something that is begun does not end, or is too long */
};

/* At the beginning of a text of n bytes. */
struct script script_open(const char *text, size_t n);

/* Steps to the next statement: *sql is replaced by it, without blanks at its
 * ends and without its delimiter, and *line is where it begins, from 1. When it
 * is SCRIPT_WRONG, *wrong says what. A last statement needs no delimiter. */
enum script_step
script_next(struct script *s, struct bytes *sql, int *line, const char **wrong);

#endif
