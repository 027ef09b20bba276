/*
 * ctl: what the verbs of mbevctl share.
 *
 * mbevctl works through the database alone, so it tells the truth also when
 * the service is down.
 */
#ifndef MBEV_CTL_H
#define MBEV_CTL_H

#include "db.h"
#include "settings.h"

struct ctl {
    const struct settings *set;
    struct db *db;
    int argc; /* words behind the verb */
    char **argv;
};

/* Verbs: each prints its answer and returns an exit code of sysexits.h. */
int ctl_status(struct ctl *ctl);
int ctl_queue(struct ctl *ctl);

/* Says on standard error what the database refused. Returns EX_UNAVAILABLE. */
int ctl_failed(const struct ctl *ctl);

/* Prints rows as a table with these headings, every cell made safe for a
 * terminal. The last column is not padded. */
void table_print(struct db_rows *rows, const char *const *heads, unsigned n);

#endif
