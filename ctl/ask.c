/* ask: how the verbs reach the database; see ctl.h. */
#include "bytes.h"
#include "ctl.h"
#include "settings.h"

#include <errmsg.h>
#include <mysqld_error.h>
#include <stdio.h>
#include <sysexits.h>

enum db_status
ctl_ask(struct ctl *ctl, struct bytes *sql, struct db_rows **rows)
{
    enum db_status status = db_query(ctl->db, sql, rows);

    bytes_free(sql);
    return status;
}

int
ctl_failed(const struct ctl *ctl)
{
    unsigned number = db_errno(ctl->db);

    fprintf(stderr, "mbevctl: the database %s: ",
        number >= CR_MIN_ERROR ? "is away" : "refuses");
    text_print(stderr, db_error(ctl->db));
    if (number == ER_TABLEACCESS_DENIED_ERROR ||
        number == ER_COLUMNACCESS_DENIED_ERROR)
        fputs("; run sql/grants.sql", stderr);
    if (number == ER_NO_SUCH_TABLE || number == ER_BAD_FIELD_ERROR)
        fputs("; run the sql/schema.sql of this version", stderr);
    fputc('\n', stderr);
    return EX_UNAVAILABLE;
}

int
ctl_with_database(struct ctl *ctl, int (*run)(struct ctl *ctl))
{
    const struct db_settings settings = settings_database(ctl->set);
    int code = EX_OSERR;

    ctl->db = db_make(&settings);
    if (ctl->db)
        code = db_open(ctl->db) == DB_OK ? run(ctl) : ctl_failed(ctl);
    db_close(&ctl->db);
    return code;
}
