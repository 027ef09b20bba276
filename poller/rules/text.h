/*
 * text: templates of messages.
 *
 *   "Платёж {amount} зачислен на счёт {login}"
 *
 * {name} is replaced by the field of that name; {{ is a brace. A value is
 * never looked into: a login that reads "{amount}" stays as it is.
 */
#ifndef MBEV_TEXT_H
#define MBEV_TEXT_H

#include "bytes.h"

struct text_field {
    const char *name;
    const char *value;
};

/* What is wrong with the template when only these fields exist (their names
 * divided by blanks), or NULL. Valid until the next call. */
const char *text_check(const char *template, const char *fields);

/* Appends the rendered template. A field that is not among the n given is
 * left out: text_check() has seen to it that there is none. */
void text_render(struct bytes *out, const char *template,
    const struct text_field *fields, size_t n);

#endif
