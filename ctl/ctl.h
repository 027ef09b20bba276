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
#include <stdint.h>
#include <stdio.h>

struct ctl {
    const char *config; /* the file of the settings */
    const struct settings *set;
    struct db *db; /* NULL for a verb without database */
    int argc;      /* words behind the verb */
    char **argv;
};

/* Verbs: each prints its answer and returns an exit code of sysexits.h:
 * EX_OK, EX_USAGE for words that make no sense, EX_DATAERR for what may not be
 * done, EX_NOINPUT when there is nothing of that number, EX_UNAVAILABLE when
 * the database or the service is away, EX_NOPERM when the operator said no. */
int ctl_status(struct ctl *ctl);
int ctl_queue(struct ctl *ctl);
int ctl_show(struct ctl *ctl);
int ctl_receipts(struct ctl *ctl);
int ctl_routers(struct ctl *ctl);
int ctl_gaps(struct ctl *ctl);
int ctl_replay(struct ctl *ctl);
int ctl_test(struct ctl *ctl);
int ctl_doctor(struct ctl *ctl); /* reads the settings itself */

/* mbevctl test router: see test_router.c. */
int ctl_test_router(struct ctl *ctl);

/* Runs that with the database of the settings open. */
int ctl_with_database(struct ctl *ctl, int (*run)(struct ctl *ctl));

/* Says on standard error what the database refused. Returns EX_UNAVAILABLE. */
int ctl_failed(const struct ctl *ctl);

/* Asks "question? [y/N]", below the hint if there is one. EX_OK: yes. */
int ctl_confirm(const char *hint, const char *question);

/* As db_query() of the verb's connection; *sql is spent. */
enum db_status
ctl_ask(struct ctl *ctl, struct bytes *sql, struct db_rows **rows);

/* A table that is put together cell by cell, row by row; every cell is made
 * safe for a terminal, the last column is not padded. A heading that begins
 * with one of these marks, which is not printed, says that its cells stand to
 * the right, or that they are kopecks and shown as money. A NULL table takes
 * everything and prints nothing. */
enum { HEAD_RIGHT = '>', HEAD_MONEY = '$' };
struct table; /* opaque */

/* At most 16 columns. The headings stay with the caller. NULL when out of
 * memory. */
struct table *table_make(const char *const *heads, unsigned n);
void table_add(struct table *t, const char *text, size_t n); /* NULL: empty */
void table_add_money(struct table *t, int64_t kopecks);
/* The columns of the row that rows stand at. */
void table_add_row(struct table *t, const struct db_rows *rows);
/* A line of its own, "  name: text", below the row that was added last. */
void table_note(struct table *t, const char *name, const char *text, size_t n);
/* Prints it, frees it, sets *t to NULL. */
void table_end(struct table **t);

/* Prints all rows as a table. */
void table_print(struct db_rows *rows, const char *const *heads, unsigned n);

/* The same of the newest rows, of which at most so many were asked for;
 * nothing: what is printed when there are none. */
void table_print_newest(struct db_rows *rows, const char *const *heads,
    unsigned n, size_t most, const char *nothing);

/* Prints "name: value" with the values below each other, both made safe for a
 * terminal. Names that begin with blanks belong to the one above them. */
void field_print(const char *name, const char *value);
void field_printn(const char *name, const char *value, size_t n);

/* A line of an answer and the expression it comes from; NULL = no line. Of a
 * name that begins with HEAD_MONEY the value is kopecks. */
struct field {
    const char *name;
    const char *sql;
};

/* Appends ", " and the expression of each; prints what they gave, which are
 * the columns from first on. */
void fields_add(struct bytes *sql, const struct field *fields, size_t n);
void fields_print(const struct db_rows *rows, unsigned first,
    const struct field *fields, unsigned n);

/* What status says of routers and resets: nothing when there are none. */
enum db_status routers_status(struct ctl *ctl);

/* What status says of changes that were missed, or captured late. */
enum db_status gaps_status(struct ctl *ctl);

/* A line of status: "label        text", the text made safe for a terminal. */
void status_print(const char *label, const char *text, size_t n);

/* Prints text made safe for a terminal. */
void text_print(FILE *to, const char *text);

/* Columns that text takes on a terminal: characters, not bytes. */
size_t text_width(const char *text);

#endif
