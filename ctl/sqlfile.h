/*
 * sqlfile: runs one of our SQL files on a connection of its own, statement by
 * statement, as the mysql client would.
 *
 * A statement that waits in vain for a lock is tried again, with growing
 * pauses, for as long as the administrator waits; so each trigger by itself. An
 * error names file and line. Ctrl-C ends it between two statements. How far it
 * is, is shown on a terminal; of a statement that takes long also elsewhere.
 */
#ifndef MBEV_CTL_SQLFILE_H
#define MBEV_CTL_SQLFILE_H

#include "admin.h"

struct sqlfile {
    const char *name;     /* schema.sql */
    const char *database; /* default one; NULL = none */
    const char *before;   /* a statement to be run first; NULL = none */
};

/* EX_OK; EX_DATAERR when the file refuses what it must not be run on;
 * EX_TEMPFAIL when it was interrupted, or a lock was waited for in vain. What
 * went wrong is said on standard error. */
int sqlfile_run(const struct admin *a, const struct sqlfile *file);

/* The path of that file. False, and said, when it cannot be read. */
bool sqlfile_find(const struct admin *a, const char *name, char path[PATH_MAX]);

#endif
