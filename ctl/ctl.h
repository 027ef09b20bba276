/*
 * ctl: what the verbs of mbevctl share.
 *
 * The verbs that look at the service do so through the database alone, so
 * they tell the truth also when the service is down.
 */
#ifndef MBEV_CTL_H
#define MBEV_CTL_H

#include "db.h"
#include "settings.h"

#include <stddef.h>

struct ctl {
    const char *config; /* the file of the settings */
    const struct settings *set;
    struct db *db; /* NULL for a verb without database */
    int argc;      /* words behind the verb */
    char **argv;
};

/* Verbs: each prints its answer and returns an exit code of sysexits.h:
 * EX_OK, EX_USAGE for words that make no sense, EX_NOINPUT when there is
 * nothing of that number, EX_UNAVAILABLE when the database or the service is
 * away. */
int ctl_status(struct ctl *ctl);
int ctl_queue(struct ctl *ctl);
int ctl_show(struct ctl *ctl);
int ctl_test(struct ctl *ctl);

/* Says on standard error what the database refused. Returns EX_UNAVAILABLE. */
int ctl_failed(const struct ctl *ctl);

/* Prints rows as a table with these headings, every cell made safe for a
 * terminal. The last column is not padded. */
void table_print(struct db_rows *rows, const char *const *heads, unsigned n);

/* Prints "name: value" with the values below each other, both made safe for a
 * terminal. Names that begin with blanks belong to the one above them. */
void field_print(const char *name, const char *value);
void field_printn(const char *name, const char *value, size_t n);

/* Columns that text takes on a terminal: characters, not bytes. */
size_t text_width(const char *text);

#endif
