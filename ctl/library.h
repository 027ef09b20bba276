/*
 * library: mbev.so in the folder from which the database server loads
 * functions, and what of it the server has loaded.
 *
 * The file there is never written to: the server has it mapped, and would
 * crash. A new one is laid beside it and renamed.
 */
#ifndef MBEV_CTL_LIBRARY_H
#define MBEV_CTL_LIBRARY_H

#include "admin.h"

struct library {
    char from[PATH_MAX];   /* the one of this version */
    bool packaged;         /* it can be read */
    char folder[PATH_MAX]; /* plugin_dir, as the server calls it */
    char to[PATH_MAX];     /* the file there */
    bool here;             /* that folder is one of this host */
    bool there;            /* the file is there; known only where here */
    bool same;             /* and is the one of this version */
    char loaded[64];       /* version that the server has loaded; "" = none */
    unsigned functions;    /* how many of the three are registered */
    bool other;            /* what is loaded is not the file of this version */
};

/* The functions, in the order of schema.sql; ended by one without a name. */
struct library_function {
    const char *name, *returns;
};
extern const struct library_function library_functions[];

/* Looks how it is. */
void library_look(struct library *l, const struct admin *a);

/* Lays the one of this version there. */
int library_copy(const struct library *l);

/* Removes it, and one that was left half copied. To be called when no function
 * is registered. */
int library_remove(const struct library *l);

/* MariaDB only. Has the server load the file that lies there in place of what
 * it has loaded, while no change of the billing goes by that could not be found
 * afterwards: the tables without ascending keys are locked meanwhile. All of
 * our triggers are to be made again afterwards. EX_TEMPFAIL when a table could
 * not be had; nothing has changed then. */
int library_swap(const struct admin *a);

#endif
