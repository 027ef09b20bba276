/*
 * mdoc: text as source of a manual page, see mdoc(7).
 *
 * Promises that whatever text comes in is shown as it is, by mandoc and by
 * groff: nothing in it is taken for a request, an escape or a typographic
 * quote or dash, and the source is ASCII. The text is UTF-8 of our own tables.
 * What is appended is a line or several, but for mdoc_literal(), mdoc_word()
 * and mdoc_usage(), which stay within one.
 */
#ifndef MBEV_MDOC_H
#define MBEV_MDOC_H

#include "bytes.h"

/* Text within a line. */
void mdoc_literal(struct bytes *out, const char *text);

/* A word behind a macro, which is no macro itself. */
void mdoc_word(struct bytes *out, const char *word);

/* What may follow a verb, "retry NUMBER|all": bold what is typed as it stands,
 * underlined what something is put in for. */
void mdoc_usage(struct bytes *out, const char *text, size_t n);

/* The n bytes of text in quotation marks. No end of line behind it. */
void mdoc_quote(struct bytes *out, const char *text, size_t n);

/* Lines that are filled. One behind a colon is an example, and stands by
 * itself. */
void mdoc_prose(struct bytes *out, const char *text);

/* A help text without capital and full stop, with both. */
void mdoc_sentence(struct bytes *out, const char *text);

/* Help that may have rows of two columns, with two blanks or more between
 * them: those become a list. */
void mdoc_help(struct bytes *out, const char *text);

#endif
