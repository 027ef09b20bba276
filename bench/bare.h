/*
 * bare: what the programs share that benchmarks compare the service with. Each
 * of them does the row work of one duty, with the same statements and bytes,
 * and nothing around it.
 */
#ifndef MBEV_BARE_H
#define MBEV_BARE_H

#include "db.h"

/* Connects to database mikbill_events, or ends the program. The password is
 * the first line of a file. */
struct db *
bare_open(const char *socket, const char *user, const char *password_file);

/* Ends the program with the server's words. */
_Noreturn void bare_die(struct db *db);

/* Runs statements and clears the text, or ends the program. */
void bare_run(struct db *db, struct bytes *sql);

/* The same for one statement with rows. */
struct db_rows *bare_query(struct db *db, struct bytes *sql);

/* Begins a transaction as the service does: the owner's row is renewed. */
void bare_begin(struct db *db, struct bytes *sql);

#endif
