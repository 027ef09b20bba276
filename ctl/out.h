/*
 * out: what a verb prints, as text for people or as one JSON object for
 * programs. A verb says what there is; how it looks is decided here.
 *
 * Text is made safe for a terminal. Names of JSON members are the names of
 * text with blanks as underscores and without marks: "captured, UTC" becomes
 * captured_utc. Amounts are strings of roubles, "150.00"; what the database
 * counts is a number; everything else is a string, or null.
 */
#ifndef MBEV_OUT_H
#define MBEV_OUT_H

#include "db.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* To be called before a verb prints. Text has colours on a terminal only, and
 * not where NO_COLOR is set. False when out of memory. */
bool out_open(bool json);

/* Prints the JSON object, if that is wanted. False when it could not be written
 * or memory ran out: what was printed is not the whole answer. */
bool out_close(void);

bool out_is_json(void);

/* Only as JSON: prints what there is as an object on a line of its own and
 * begins the next: for what never ends. out_close() then prints nothing more.
 */
void out_next(void);

/* Only as text: a line of words, a heading. */
void out_words(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Only as JSON: an object within the object, up to out_end(). */
void out_group(const char *name);

/* Only as JSON: an array of objects, each begun by out_item(), up to
 * out_end(). */
void out_list(const char *name);
void out_item(void);
void out_end(void);

/* Only as JSON: a number, and a yes or no. */
void out_uint(const char *name, uint64_t n);
void out_bool(const char *name, bool yes);

/* Only as JSON: a text; NULL becomes null. */
void out_textn(const char *name, const char *text, size_t n);
void out_text(const char *name, const char *text);

/* Only as JSON: one more text in an array of texts. */
void out_more(const char *name, const char *text, size_t n);

/* How a word such as "done" or "FAILED" is coloured: what to print before and
 * after it; "" where it is not. */
const char *out_colour(const char *word);
const char *out_plain(const char *word);

/* --- tables ------------------------------------------------------------ */

/* A table that is put together cell by cell, row by row; every cell is made
 * safe for a terminal, the last column is not padded. A heading that begins
 * with one of these marks, which is not printed, says that its cells stand to
 * the right, or that they are kopecks and shown as money. A NULL table takes
 * everything and prints nothing. */
enum { HEAD_RIGHT = '>', HEAD_MONEY = '$' };
struct table; /* opaque */

/* At most 16 columns. The headings stay with the caller; name is that of its
 * array in JSON. NULL when out of memory. */
struct table *
table_make(const char *name, const char *const *heads, unsigned n);
void table_add(struct table *t, const char *text, size_t n); /* NULL: empty */
void table_add_text(struct table *t, const char *text);
void table_add_uint(struct table *t, uint64_t n);
void table_add_money(struct table *t, int64_t kopecks);
/* The columns of the row that rows stand at. */
void table_add_row(struct table *t, const struct db_rows *rows);
/* A line of its own, "  name: text", below the row that was added last. */
void table_note(struct table *t, const char *name, const char *text, size_t n);
/* Prints it, frees it, sets *t to NULL; or only frees it. */
void table_end(struct table **t);
void table_drop(struct table **t);

/* Prints all rows as a table. */
void table_print(const char *name, struct db_rows *rows,
    const char *const *heads, unsigned n);

/* The same of the newest rows, of which at most so many were asked for;
 * nothing: what is printed when there are none. */
void table_print_newest(const char *name, struct db_rows *rows,
    const char *const *heads, unsigned n, size_t most, const char *nothing);

/* --- lines ------------------------------------------------------------- */

/* Prints "name: value" with the values below each other, both made safe for a
 * terminal. Names that begin with blanks belong to the one above them. */
void field_print(const char *name, const char *value);
void field_printn(const char *name, const char *value, size_t n);

/* The same of a name that comes more than once: an array in JSON. */
void field_print_more(const char *name, const char *value, size_t n);

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

/* A line of status: "label        text", the text made safe for a terminal. */
void status_print(const char *label, const char *text, size_t n);

/* The same of a label that comes more than once: an array in JSON. */
void status_print_more(const char *label, const char *text, size_t n);

/* --- words ------------------------------------------------------------- */

/* Prints text made safe for a terminal. */
void text_print(FILE *to, const char *text);

/* Columns that text takes on a terminal: characters, not bytes. */
size_t text_width(const char *text);

#endif
