/*
 * library_swap: has the server load another mbev.so while it runs; see
 * library.h.
 *
 * A loaded library stays loaded until its functions are dropped. From then on,
 * and until a table is opened anew, its trigger goes on without them, in
 * silence. Of an inserted row that is found by comparison a minute later; of a
 * change of users nothing could be found. So those tables are locked, emptied
 * from the table cache, and unlocked when the new functions are there: some
 * milliseconds in which the billing waits.
 *
 * Each lock has a connection of its own. Were one connection to wait for the
 * second while it holds the first, a transaction of the billing that has them
 * the other way round would be ended as a deadlock, the billing's, not ours.
 */
#include "library.h"

#include "clock.h"
#include "fault.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum {
    MOST_TABLES = 16,
    LARGEST_SQL = 4096,
    LOADS = 5,
    LOAD_PAUSE_MS = 50,
    FIRST_PAUSE_MS = 100,
    LONGEST_PAUSE_MS = 2000,
    LONGEST_HOLD_US = 1000000 /* until the last lock is begun */
};

struct swap {
    const struct admin *a;
    char table[MOST_TABLES][ADMIN_NAME];
    struct link link[MOST_TABLES];
    size_t n;
    bool busy; /* a table could not be had */
};

/* The tables with a trigger of ours: those whose missed changes are found by
 * comparison, or the others; the least written first. */
static bool
list_tables(struct swap *s, bool found_later)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    struct db_rows *rows;

    bytes_printf(&sql,
        "SELECT DISTINCT EVENT_OBJECT_TABLE FROM information_schema.TRIGGERS"
        " WHERE DEFINER = 'mbev_trigger@localhost' AND%s (EVENT_MANIPULATION ="
        " 'INSERT' AND EVENT_OBJECT_TABLE IN ('bugh_plategi_stat',"
        " 'bugh_uslugi_stat')) AND TRIGGER_SCHEMA = ",
        found_later ? "" : " NOT");
    db_text(&sql, s->a->billing);
    bytes_str(&sql,
        " ORDER BY EVENT_OBJECT_TABLE = 'users', EVENT_OBJECT_TABLE DESC");
    if (db_query(s->a->db, &sql, &rows) != DB_OK) {
        bytes_free(&sql);
        admin_failed(s->a->db);
        return false;
    }
    while (s->n < MOST_TABLES && db_next(rows))
        snprintf(s->table[s->n++], ADMIN_NAME, "%s", db_col(rows, 0));
    db_rows_close(&rows);
    bytes_free(&sql);
    return true;
}

/* --- locks --------------------------------------------------------------- */

static enum db_status
lock_table(struct swap *s, size_t i)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    enum db_status status;

    bytes_str(&sql, "SET SESSION lock_wait_timeout = 1"
                    " /*M!100500 , max_statement_time = 1.5 */; LOCK TABLES ");
    admin_table(&sql, s->a, s->table[i]);
    bytes_str(&sql, " WRITE");
    status = db_run(s->link[i].db, &sql);
    bytes_free(&sql);
    return status;
}

static void
unlock_all(struct swap *s)
{
    for (size_t i = 0; i < s->n; i++)
        link_close(&s->link[i]);
}

static bool
lock_all(struct swap *s)
{
    int64_t until_us = clock_boot_us() + LONGEST_HOLD_US;
    enum db_status status = DB_OK;

    for (size_t i = 0; i < s->n && status == DB_OK; i++) {
        s->busy = clock_boot_us() > until_us;
        if (s->busy)
            return false;
        if (!admin_link(s->a, &s->link[i], s->a->billing, 0, NULL, NULL))
            return false;
        status = lock_table(s, i);
        s->busy = status == DB_BUSY;
        if (status != DB_OK && !s->busy)
            admin_failed(s->link[i].db);
    }
    return status == DB_OK;
}

/* All of them, or none, so that none is held for long; tried until the
 * administrator's patience ends. */
static bool
lock_patiently(struct swap *s)
{
    int64_t until_us = clock_boot_us() + s->a->wait_ms * 1000;
    int64_t next_ms = FIRST_PAUSE_MS;

    for (;;) {
        s->busy = false;
        if (lock_all(s))
            return true;
        unlock_all(s);
        if (!s->busy || clock_boot_us() >= until_us || ctl_interrupted())
            return false;
        admin_pause_ms(next_ms);
        next_ms =
            next_ms * 2 < LONGEST_PAUSE_MS ? next_ms * 2 : LONGEST_PAUSE_MS;
    }
}

/* The next who opens it finds the new functions. */
static bool
reopen(struct swap *s, size_t i)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    bool good;

    bytes_str(&sql, "FLUSH LOCAL TABLES ");
    admin_table(&sql, s->a, s->table[i]);
    bytes_str(&sql, "; UNLOCK TABLES");
    good = db_run(s->link[i].db, &sql) == DB_OK;
    if (!good)
        admin_failed(s->link[i].db);
    bytes_free(&sql);
    return good;
}

/* --- functions ----------------------------------------------------------- */

/* Not into the binary log, as schema.sql makes them. */
static bool
load_anew(const struct admin *a)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    const struct library_function *f;
    bool good;

    bytes_str(&sql, "SET SESSION sql_log_bin = 0;");
    for (f = library_functions; f->name; f++)
        bytes_printf(&sql, "DROP FUNCTION IF EXISTS %s;", f->name);
    for (f = library_functions; f->name; f++)
        bytes_printf(&sql, "CREATE FUNCTION %s RETURNS %s SONAME 'mbev.so';",
            f->name, f->returns);
    bytes_str(&sql, "SET SESSION sql_log_bin = 1");
    fault_point("install.swap");
    good = !fault_fails("install.load") && db_run(a->db, &sql) == DB_OK;
    if (!good)
        admin_failed(a->db);
    bytes_free(&sql);
    return good;
}

/* A statement that was just in a function keeps the old library loaded, and
 * the new functions would be those of it: then once more. */
static bool
load(const struct admin *a)
{
    struct library now;

    for (int i = 0; i < LOADS; i++) {
        if (!load_anew(a))
            return false;
        library_look(&now, a);
        if (!now.other)
            return true;
        admin_pause_ms(LOAD_PAUSE_MS);
    }
    fputs("mbevctl: the server keeps the library that it has loaded, and works"
          " with it; restart it when it suits\n",
        stderr);
    return true;
}

/* Soon, so that little has to be found: but whoever holds such a table is not
 * waited for, for triggers.sql comes next. */
static void
reopen_rest(const struct admin *a)
{
    struct swap s = { .a = a };

    if (!list_tables(&s, true))
        return;
    for (size_t i = 0; i < s.n; i++)
        if (admin_link(a, &s.link[i], a->billing, 0, NULL, NULL) &&
            lock_table(&s, i) == DB_OK)
            reopen(&s, i);
    unlock_all(&s);
}

int
library_swap(const struct admin *a)
{
    struct swap s = { .a = a };
    bool good;

    if (!list_tables(&s, false))
        return EX_UNAVAILABLE;
    if (!lock_patiently(&s)) {
        if (s.busy)
            fputs("mbevctl: the tables of the billing are held by a statement"
                  " or transaction of somebody; the old library goes on"
                  " working. Run it again, when the server is less busy\n",
                stderr);
        return s.busy ? EX_TEMPFAIL : EX_UNAVAILABLE;
    }
    good = load(a);
    for (size_t i = 0; i < s.n; i++)
        good = reopen(&s, i) && good;
    unlock_all(&s);
    reopen_rest(a);
    return good ? EX_OK : EX_UNAVAILABLE;
}
