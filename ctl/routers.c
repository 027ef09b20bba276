/*
 * mbevctl routers: every router of the billing that is meant by the settings,
 * and how the service has found it; and those that it still remembers.
 *
 * Of radnas nothing is read but address and id: no login, no password.
 */
#include "bytes.h"
#include "ctl.h"
#include "routers/radnas.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { LARGEST_SQL = 64 * 1024 };

/* How the service has found it; the router is r, or NULLs. */
#define STATE                                                                  \
    "CASE WHEN r.state IS NULL THEN 'not tried yet'"                           \
    " WHEN r.state = 'ok' THEN 'ok'"                                           \
    " WHEN r.until_utc > UTC_TIMESTAMP(3) THEN CONCAT('held until ',"          \
    " TIME_FORMAT(r.until_utc, '%H:%i:%s'))"                                   \
    " ELSE 'failed, the next reset tries it' END"

#define GONE "'not in radnas any more'"

/* Columns of both questions. */
#define COLUMNS(state)                                                         \
    ", r.transport, " state ", LEFT(r.since_utc, 19), COALESCE(r.ended, 0),"   \
    " IF(r.state = 'held', r.reason, NULL), IF(r.state = 'held', r.cure, "     \
    "NULL)"

enum column {
    ADDRESS,
    ID,
    USE_API, /* NULL: it is not in radnas, as far as can be seen */
    TRANSPORT,
    STATE_WORDS,
    SINCE,
    ENDED,
    REASON,
    CURE,
};

static void
add_column(struct table *t, const struct db_rows *rows, enum column column)
{
    if (db_is_count(rows, column))
        table_add_uint(t, db_uint(rows, column));
    else
        table_add(t, db_col(rows, column), db_len(rows, column));
}

static void
add_note(struct table *t, const struct db_rows *rows, const char *name,
    enum column column)
{
    if (db_col(rows, column))
        table_note(t, name, db_col(rows, column), db_len(rows, column));
}

/* By the settings as they are now, which the service may not have read yet. */
static const char *
transport_of(const struct settings *set, const struct db_rows *rows)
{
    return router_transport(settings_router(set, db_col(rows, ADDRESS)),
        db_uint(rows, USE_API) != 0);
}

static void
add_router(
    struct table *t, const struct db_rows *rows, const struct settings *set)
{
    const char *transport = db_col(rows, USE_API) ? transport_of(set, rows)
                                                  : db_col(rows, TRANSPORT);
    bool off = strcmp(transport, "off") == 0;

    add_column(t, rows, ADDRESS);
    add_column(t, rows, ID);
    table_add_text(t, off ? NULL : transport);
    if (off)
        table_add_text(t, transport);
    else
        add_column(t, rows, STATE_WORDS);
    add_column(t, rows, SINCE);
    add_column(t, rows, ENDED);
    if (off)
        return;
    add_note(t, rows, "reason", REASON);
    add_note(t, rows, "cure", CURE);
}

static void
add_routers(struct table *t, struct db_rows *rows, const struct settings *set)
{
    while (rows && db_next(rows))
        add_router(t, rows, set);
}

/* Those of radnas. */
static enum db_status
ask_listed(
    struct ctl *ctl, const struct billing *billing, struct db_rows **rows)
{
    struct bytes sql = bytes_make(LARGEST_SQL);

    bytes_str(&sql, "SELECT CONVERT(n.nasname USING utf8mb4), n.id, ");
    bytes_str(&sql, billing->has_use_api ? "n.use_api <> 0" : "0");
    bytes_str(&sql, COLUMNS(STATE) " FROM ");
    radnas_name(&sql, billing);
    bytes_str(&sql, " AS n LEFT JOIN router AS r ON r.nas_id = n.id WHERE ");
    radnas_condition(&sql, ctl->set);
    bytes_str(&sql, " ORDER BY n.id");
    return ctl_ask(ctl, &sql, rows);
}

/* Those that are remembered, and not listed. */
static enum db_status
ask_others(
    struct ctl *ctl, const struct billing *billing, struct db_rows **rows)
{
    struct bytes sql = bytes_make(LARGEST_SQL);

    bytes_str(&sql, "SELECT r.address, r.nas_id, NULL");
    bytes_str(&sql, billing->has_routers ? COLUMNS(GONE) : COLUMNS(STATE));
    bytes_str(&sql, " FROM router AS r");
    if (billing->has_routers) {
        bytes_str(&sql, " WHERE NOT EXISTS (SELECT 1 FROM ");
        radnas_name(&sql, billing);
        bytes_str(&sql, " AS n WHERE n.id = r.nas_id AND ");
        radnas_condition(&sql, ctl->set);
        bytes_chr(&sql, ')');
    }
    bytes_str(&sql, " ORDER BY r.nas_id");
    return ctl_ask(ctl, &sql, rows);
}

static void
print(struct ctl *ctl, struct db_rows *listed, struct db_rows *others)
{
    static const char *const heads[] = { "address", ">radnas", "transport",
        "state (UTC)", "since, UTC", ">sessions ended" };
    struct table *t;

    if ((!listed || db_rows_count(listed) == 0) && db_rows_count(others) == 0) {
        out_words("no routers\n");
        if (!out_is_json())
            return;
    }
    t = table_make("routers", heads, sizeof heads / sizeof *heads);
    add_routers(t, listed, ctl->set);
    add_routers(t, others, ctl->set);
    table_end(&t);
}

int
ctl_routers(struct ctl *ctl)
{
    struct db_rows *listed = NULL, *others = NULL;
    struct billing billing;
    enum db_status status =
        billing_look_for_routers(&billing, ctl->db, ctl->set);

    if (status == DB_OK && billing.has_routers)
        status = ask_listed(ctl, &billing, &listed);
    if (status == DB_OK)
        status = ask_others(ctl, &billing, &others);
    if (status == DB_OK)
        print(ctl, listed, others);
    if (status == DB_OK && !billing.has_routers)
        out_words("\nradnas is not shown: %s\n", BILLING_NO_ROUTERS);
    db_rows_close(&listed);
    db_rows_close(&others);
    return status == DB_OK ? EX_OK : ctl_failed(ctl);
}
