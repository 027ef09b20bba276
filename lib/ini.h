/*
 * ini: reads a configuration file.
 *
 *   [section]
 *   key = value            ; and # begin a comment at the start of a line only
 *   key = "value"          quotes keep blanks at both ends
 *
 * UTF-8, one setting to a line, lines of at most 8,190 bytes. The reader
 * knows no keys: it hands over each setting with its place.
 */
#ifndef MBEV_INI_H
#define MBEV_INI_H

#include <stdbool.h>

struct ini_item {
    const char *section; /* "" before the first [section] */
    const char *key;
    const char *value;
    int line; /* from 1 */
};

/* Called for each setting; false stops the reading (the callee has told why).
 * The texts are valid during the call only. */
typedef bool ini_each(void *arg, const struct ini_item *item);

/* Called once for each line that cannot be understood. */
typedef void ini_complain(void *arg, int line, const char *what);

/* Reads the file at path. Lines that cannot be understood are complained of
 * and passed over. False when the file cannot be read (errno says why). */
bool
ini_read(const char *path, ini_each *each, ini_complain *complain, void *arg);

/* The same for text in memory, which is changed in passing. */
void ini_parse(char *text, ini_each *each, ini_complain *complain, void *arg);

#endif
