/*
 * db: one connection to a MySQL, MariaDB or Percona server.
 *
 * The session speaks utf8mb4, READ COMMITTED, sql_mode '' (as the billing
 * itself: a value too long for its column is cut on a character boundary),
 * and waits 2 s at most for a row or table lock. Affected rows are the rows
 * matched. Statements are text; whatever is not a constant goes through
 * db_text() or a number.
 *
 * A connection that died is not opened again behind the caller's back: the
 * call says DB_GONE and db_open() starts anew.
 */
#ifndef MBEV_DB_H
#define MBEV_DB_H

#include "bytes.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum db_status {
    DB_OK,
    DB_GONE,      /* connection lost; a COMMIT may or may not have happened */
    DB_BUSY,      /* deadlock, lock wait timeout, or somebody ended the
                     statement: roll back, try again */
    DB_DUPLICATE, /* unique key */
    DB_REFUSED,   /* the server says no: privilege, missing table, ... */
};

struct db_settings {
    const char *host;   /* "" with a socket */
    unsigned port;      /* 0 = 3306 */
    const char *socket; /* "" = by host */
    const char *user;
    const char *password;
    const char *database; /* default database of the session */
    unsigned answer_s;    /* a server that says nothing for so long is as good
                             as gone; 0 = 30 */
    const char *defaults_file; /* option file of the client, whose groups
                                  [client] and [mysql] say what is "" here;
                                  NULL = none */
};

struct db; /* opaque; one thread */

/* A closed connection with these settings, which are not copied and stay
 * with the caller. NULL when out of memory. */
struct db *db_make(const struct db_settings *settings);

/* Closes, frees and sets *db to NULL; a NULL connection is fine. */
void db_close(struct db **db);

/* Connects anew, whatever the state was before. */
enum db_status db_open(struct db *db);

/* The last error: "1146 Table ... doesn't exist". Valid until the next call.
 * Never holds the password. */
const char *db_error(const struct db *db);

/* Its number, 0 for none. */
unsigned db_errno(const struct db *db);

/* Whether a backslash in a string is a character like others, after the last
 * statement: sql_mode NO_BACKSLASH_ESCAPES. Until one set it: false. */
bool db_backslash_is_plain(const struct db *db);

/* The account of this host as which the server runs. False when the server is
 * not reached by a socket of this host, or not at all. */
bool db_peer(const struct db *db, uid_t *uid);

/* The same of its process; 0 when that is not known. */
pid_t db_peer_pid(const struct db *db);

/* Told how far a long statement is, where the server tells that (MariaDB, of
 * ALTER TABLE): stage so many of so many, and how much of that stage, in
 * percent. To be set before db_open(). */
typedef void
db_progress(void *arg, unsigned stage, unsigned stages, double percent);
void db_on_progress(struct db *db, db_progress *progress, void *arg);

/* Whether it is that somebody holds what we need, and may hold it for long; a
 * deadlock, or a statement that was ended, need not come again. Not when it was
 * about what db_put_first() put first. */
bool db_is_held(const struct db *db);

/* Runs the statement or statements, separated by semicolons, and drops what
 * they return. All are tried in order until one fails. */
enum db_status db_run(struct db *db, const struct bytes *sql);
enum db_status db_exec(struct db *db, const char *sql);

/* How a transaction begins and ends. Within it the server waits 3 s for the
 * next packet, then rolls back by itself: whoever is stopped in the middle, or
 * behind a statement that failed in a packet, holds no lock longer. Each to be
 * followed by a semicolon. */
#define DB_BEGIN "SET SESSION wait_timeout = 3; START TRANSACTION"
enum { DB_BEGIN_STATEMENTS = 2 };
#define DB_COMMIT "SET SESSION wait_timeout = 600; COMMIT"

/* Has statements of a transaction's beginning wait for what db_run() sends
 * next, to go in the same packet; db_send_first() sends them by themselves when
 * they still wait. The last of them is to match one row, or none() is called
 * with arg, db_run() fails with DB_REFUSED, and all of it is to be rolled back.
 * n: how many they are. Each is ended by a semicolon. *sql is spent. What they
 * match counts for none of the functions below. */
void db_put_first(struct db *db, struct bytes *sql, unsigned n,
    void (*none)(void *arg), void *arg);
enum db_status db_send_first(struct db *db);

/* Runs statements that end with DB_COMMIT. DB_GONE, and a new connection is
 * needed, also when one was interrupted: somebody's KILL may have come when the
 * COMMIT was done already. */
enum db_status db_commit(struct db *db, const struct bytes *sql);

/* Behind a SELECT: locks its rows, and fails with DB_BUSY at once when somebody
 * holds one. Who never waits for a row while holding another is in no deadlock.
 * (MySQL below 8 can only wait.) DB_KNOWS_NOWAIT: an expression that says which
 * it is. */
#define DB_LOCK_NOWAIT " FOR UPDATE /*M!100300 NOWAIT */ /*!80001 NOWAIT */;"
#define DB_KNOWS_NOWAIT "(FALSE /*M!100300 OR TRUE */ /*!80001 OR TRUE */)"

/* Rolls back: by the end of the connection when the server does not do what it
 * is told; one that is gone has done so by itself. Keeps the error of before.
 */
void db_rollback(struct db *db);

/* Rows that the first statement of the last db_run() or db_exec() matched, that
 * the last one matched, and that all of them matched together. */
uint64_t db_matched_first(const struct db *db);
uint64_t db_matched(const struct db *db);
uint64_t db_matched_all(const struct db *db);

/* AUTO_INCREMENT of the first row that its first and its last INSERT inserted,
 * 0 when it failed, and the step to the next. */
uint64_t db_insert_id_first(const struct db *db);
uint64_t db_insert_id(const struct db *db);
uint64_t db_id_step(const struct db *db);

/* A node of a cluster changes it, also within a transaction, when nodes come or
 * go. DB_BUSY: it is not any more what db_id_step() has said; what was counted
 * by that is to be undone. */
enum db_status db_keep_step(struct db *db);

struct db_rows; /* opaque; the rows of one answer, held in memory */

/* Runs one statement that returns rows. *rows is to be closed. */
enum db_status
db_query(struct db *db, const struct bytes *sql, struct db_rows **rows);
enum db_status db_ask(struct db *db, const char *sql, struct db_rows **rows);
void db_rows_close(struct db_rows **rows);

size_t db_rows_count(const struct db_rows *rows);

/* Steps to the next row; false after the last. */
bool db_next(struct db_rows *rows);

/* Column i of the row: its text and length; NULL for SQL NULL. */
const char *db_col(const struct db_rows *rows, unsigned i);
size_t db_len(const struct db_rows *rows, unsigned i);
uint64_t db_uint(const struct db_rows *rows, unsigned i); /* 0 for NULL */

/* True when it is a whole number from 0 on by its type: a sum, not digits of a
 * text. */
bool db_is_count(const struct db_rows *rows, unsigned i);

/* Appends a quoted, escaped string literal; NULL becomes the word NULL. */
void db_text(struct bytes *sql, const char *s);
void db_textn(struct bytes *sql, const char *s, size_t n);

/* Appends a derived table with these ids, in column id, for a look-up of each
 * in the primary key of a table: "FROM ... AS k STRAIGHT_JOIN t FORCE INDEX
 * (PRIMARY) ON t.id = k.id". With "id IN (...)" the optimizer may read the
 * whole of a small table, and then wait for rows of other transactions. At
 * least one; the parser bears some hundreds. */
void db_ids(struct bytes *sql, const uint64_t *id, size_t n);

/* Appends an identifier in backticks. */
void db_name(struct bytes *sql, const char *name);

#endif
