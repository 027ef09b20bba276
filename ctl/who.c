/* who: see who.h. */
#include "who.h"

#include "billing.h"
#include "bytes.h"

#include <inttypes.h>
#include <string.h>
#include <sysexits.h>

enum { LARGEST_SQL = 16 * 1024, LONGEST_LOGIN = 255 };

/* Which of the tables are there, and the charset of their logins. */
static enum db_status
find_tables(struct ctl *ctl, struct db_rows **tables)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    const char *before = "";

    bytes_str(&sql, "SELECT TABLE_NAME, CHARACTER_SET_NAME"
                    " FROM information_schema.COLUMNS"
                    " WHERE COLUMN_NAME = 'user' AND TABLE_SCHEMA = ");
    db_text(&sql, ctl->set->database.billing);
    bytes_str(&sql, " AND TABLE_NAME IN (");
    for (enum place place = 0; place < BILLING_PLACES; place++) {
        bytes_str(&sql, before);
        db_text(&sql, billing_table(place));
        before = ", ";
    }
    bytes_chr(&sql, ')');
    return ctl_ask(ctl, &sql, tables);
}

/* In the charset of the table, so that its index serves; and once more, because
 * what that charset lacks would become a question mark. */
static void
add_table(struct bytes *sql, const struct ctl *ctl, const struct db_rows *table,
    const char *login)
{
    bytes_str(sql, sql->n ? " UNION " : "");
    bytes_str(sql, "SELECT uid FROM ");
    db_name(sql, ctl->set->database.billing);
    bytes_chr(sql, '.');
    db_name(sql, db_col(table, 0));
    bytes_str(sql, " WHERE user = CONVERT(");
    db_text(sql, login);
    bytes_printf(
        sql, " USING %s) AND CONVERT(user USING utf8mb4) = ", db_col(table, 1));
    db_text(sql, login);
}

static int
take(struct db_rows *rows, const char *login, uint64_t *uid)
{
    if (db_next(rows)) {
        *uid = db_uint(rows, 0);
        if (!db_next(rows))
            return EX_OK;
        fputs("mbevctl: several subscribers have the login ", stderr);
        text_print(stderr, login);
        fprintf(stderr, ": say uid:%" PRIu64 ", uid:%" PRIu64 "...\n", *uid,
            db_uint(rows, 0));
        return EX_NOINPUT;
    }
    fputs("mbevctl: nobody in the billing has the login ", stderr);
    text_print(stderr, login);
    fputs("; an event is named by its number, or delivery:17, or uid:1001\n",
        stderr);
    return EX_NOINPUT;
}

int
who_is(struct ctl *ctl, const char *login, uint64_t *uid)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    struct db_rows *tables, *rows;
    int code;

    if (strlen(login) > LONGEST_LOGIN) {
        fputs("mbevctl: this can be nobody's login: it is too long\n", stderr);
        return EX_NOINPUT;
    }
    if (find_tables(ctl, &tables) != DB_OK)
        return ctl_failed(ctl);
    while (db_next(tables))
        if (db_col(tables, 1))
            add_table(&sql, ctl, tables, login);
    db_rows_close(&tables);
    if (sql.n == 0) {
        fputs("mbevctl: this account does not see the tables of subscribers; "
              "run sql/grants.sql, or say uid:1001\n",
            stderr);
        return EX_UNAVAILABLE;
    }
    if (ctl_ask(ctl, &sql, &rows) != DB_OK)
        return ctl_failed(ctl);
    code = take(rows, login, uid);
    db_rows_close(&rows);
    return code;
}
