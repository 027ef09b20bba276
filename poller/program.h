/*
 * program: a program that is to be run for an event, as it stands in
 * delivery.payload: {"program": "/path", "args": ["10.0.0.1", "1001"]}, and
 * when it has run also "exit" and "output".
 */
#ifndef MBEV_PROGRAM_H
#define MBEV_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

enum { PROGRAM_ARGS = 10 };

struct program {
    char *path;              /* owned */
    char *arg[PROGRAM_ARGS]; /* owned */
    size_t n;
    char *output; /* owned; NULL = it has not run, or said nothing */
};

/* Reads it; *p is to be freed whatever the result. False when it is not
 * understood, or, with errno ENOMEM, when memory ran out. */
bool program_parse(struct program *p, const char *json);

/* The text for it; to be freed. NULL when out of memory. */
char *program_print(const char *path, const char *const *arg, size_t n);

/* The same text with what became of it; output of n bytes is made UTF-8. To be
 * freed. NULL when out of memory. */
char *program_print_ended(
    const struct program *p, int code, const char *output, size_t n);

void program_free(struct program *p);

#endif
