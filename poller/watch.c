/* watch: see watch.h. */
#include "watch.h"

#include "fault.h"
#include "log.h"

#include <inttypes.h>
#include <mysqld_error.h>
#include <stdio.h>
#include <string.h>

enum { WATCHED = 6 };

#define CURE "run sql/triggers.sql in the billing's database"

static const struct watched {
    const char *table;
    const char *effect; /* of its trigger being away */
    enum place place;   /* what it is; PLACE_NONE = no table of subscribers */
} watched[WATCHED] = {
    { "bugh_plategi_stat", "payments are captured late", PLACE_NONE },
    { "bugh_uslugi_stat", "credits are captured late", PLACE_NONE },
    { "users", "changes of tariff, state and real IP address may go by",
        PLACE_USERS },
    { "usersfreeze",
        "freezing, unfreezing and changes of tariff of frozen subscribers may "
        "go by",
        PLACE_FROZEN },
    { "usersblok", "blocking and unblocking may go by", PLACE_BLOCKED },
    { "usersdel", "deleting and coming back may go by", PLACE_DELETED },
};

static const char NO_LIBRARY[] = "functions of mbev.so are missing";
static const char NO_TRIGGER[] =
    "its trigger is missing, older than the functions of mbev.so, or does not "
    "fit its columns";

/* What was found of each table. */
struct view {
    const char *lacking[WATCHED]; /* what is wrong; NULL = nothing */
    bool sure;                    /* triggers could be asked about */
    uint64_t gap_id[WATCHED];     /* the open gap; 0 = none */
};

/* Whether the server has our functions. To an account that may call some
 * routine of our database it says that this one is not allowed. */
static enum db_status
look_for_library(struct engine *e, bool *there)
{
    struct db_rows *rows;
    enum db_status status =
        db_ask(e->db, "SELECT mbev_json(), mbev_version()", &rows);

    *there = status == DB_OK;
    if (status == DB_OK)
        db_rows_close(&rows);
    else if (db_errno(e->db) == ER_SP_DOES_NOT_EXIST ||
             db_errno(e->db) == ER_PROCACCESS_DENIED_ERROR)
        return DB_OK;
    return status;
}

/* Not every billing has every table. */
static bool
is_there(const struct engine *e, size_t i)
{
    return watched[i].place == PLACE_NONE || e->billing.has[watched[i].place];
}

/* A trigger that is older than the functions may be in the table cache from
 * before they came back, and goes on without them. When all were made anew
 * since, each is well that is there: MySQL 5.6 does not tell of a trigger when
 * it was made. */
static enum db_status
ask_triggers(struct engine *e, struct db_rows **rows)
{
    struct bytes sql = bytes_make(4096);
    enum db_status status;

    bytes_str(&sql, "SELECT (SELECT COUNT(*) FROM information_schema.columns"
                    " WHERE table_schema = ");
    db_text(&sql, e->billing.name);
    bytes_str(&sql, " AND table_name = 'users' AND column_name = 'state')");
    for (size_t i = 0; i < WATCHED; i++) {
        if (!is_there(e, i)) {
            bytes_str(&sql, ", 1");
            continue;
        }
        bytes_str(&sql, ", has_trigger(");
        db_text(&sql, e->billing.name);
        bytes_printf(&sql, ", '%s', since)", watched[i].table);
    }
    bytes_str(&sql,
        " FROM (SELECT COALESCE(MAX(at_utc), '2000-01-01') AS since"
        " FROM milestone WHERE source = 'library' AND at_utc > (SELECT"
        " COALESCE(MAX(at_utc), '2000-01-01') FROM milestone"
        " WHERE source = 'triggers')) AS library");
    status = db_query(e->db, &sql, rows);
    bytes_free(&sql);
    return status;
}

static enum db_status
look_for_triggers(struct engine *e, struct watch *watch, struct view *v)
{
    struct db_rows *rows;
    enum db_status status = ask_triggers(e, &rows);

    if (status == DB_REFUSED) {
        if (!watch->blind)
            log_warning("watch: whether the triggers are there cannot be "
                        "asked: %s; run sql/grants.sql",
                db_error(e->db));
        watch->blind = true;
        return DB_OK;
    }
    if (status != DB_OK)
        return status;
    watch->blind = false;
    v->sure = db_next(rows);
    for (unsigned i = 0; v->sure && i < WATCHED; i++)
        if (db_uint(rows, i + 1) == 0)
            v->lacking[i] = NO_TRIGGER;
    /* It has become the other generation: look at all of it again. */
    if (v->sure && (db_uint(rows, 0) > 0) != e->billing.modern)
        e->check_us = 0;
    db_rows_close(&rows);
    return DB_OK;
}

static enum db_status
read_gaps(struct engine *e, struct view *v)
{
    struct db_rows *rows;
    enum db_status status = db_ask(e->db,
        "SELECT source, id FROM gap WHERE until_utc IS NULL AND row_id IS NULL",
        &rows);

    if (status != DB_OK)
        return status;
    while (db_next(rows))
        for (size_t i = 0; i < WATCHED; i++)
            if (strcmp(db_col(rows, 0), watched[i].table) == 0)
                v->gap_id[i] = db_uint(rows, 1);
    db_rows_close(&rows);
    return DB_OK;
}

/* Since when: since it was last seen well. */
static void
add_open(struct bytes *sql, size_t i, const char *reason)
{
    bytes_printf(sql,
        "INSERT INTO gap (source, from_utc, reason) SELECT '%s',"
        " COALESCE(MAX(at_utc), UTC_TIMESTAMP(3)), '%s' FROM milestone"
        " WHERE source = 'trigger:%s';",
        watched[i].table, reason, watched[i].table);
}

static void
add_well(struct bytes *sql, size_t i, uint64_t gap_id)
{
    if (gap_id)
        bytes_printf(sql,
            "UPDATE gap SET until_utc = UTC_TIMESTAMP(3) WHERE id = %" PRIu64
            ";",
            gap_id);
    bytes_printf(sql,
        "DELETE FROM milestone WHERE source = 'trigger:%s';"
        "INSERT INTO milestone (source, at_utc, row_id)"
        " VALUES ('trigger:%s', UTC_TIMESTAMP(3), 0);",
        watched[i].table, watched[i].table);
}

/* Writes what has changed, and when each was last seen well. */
static enum db_status
record(struct engine *e, const struct view *v, bool library)
{
    struct bytes sql = bytes_make(8192);
    enum db_status status;

    if (!library)
        bytes_str(&sql, "DELETE FROM milestone WHERE source = 'library';"
                        "INSERT INTO milestone (source, at_utc, row_id)"
                        " VALUES ('library', UTC_TIMESTAMP(3), 0);");
    for (size_t i = 0; i < WATCHED; i++) {
        if (!v->lacking[i] && v->sure)
            add_well(&sql, i, v->gap_id[i]);
        else if (v->lacking[i] && !v->gap_id[i])
            add_open(&sql, i, v->lacking[i]);
    }
    fault_point("watch.seen");
    status = owner_run(&e->owner, e->db, &sql);
    fault_point("watch.recorded");
    return status;
}

static void
tell(const struct view *v)
{
    for (size_t i = 0; i < WATCHED; i++) {
        if (v->lacking[i] && !v->gap_id[i])
            log_error("watch: %s is not captured, %s: %s; " CURE "%s",
                watched[i].table, v->lacking[i], watched[i].effect,
                v->lacking[i] == NO_LIBRARY ? ", after sql/schema.sql" : "");
        else if (!v->lacking[i] && v->sure && v->gap_id[i])
            log_info("watch: %s is captured again; see mbevctl gaps for since "
                     "when it was not",
                watched[i].table);
    }
}

/* Something is missing that was there before. */
static bool
is_worse(const struct view *v)
{
    for (size_t i = 0; i < WATCHED; i++)
        if (v->lacking[i] && !v->gap_id[i])
            return true;
    return false;
}

static enum db_status
look(struct engine *e, struct watch *watch, struct view *v, bool *library)
{
    enum db_status status = look_for_library(e, library);

    if (status == DB_OK && *library)
        status = look_for_triggers(e, watch, v);
    for (size_t i = 0; status == DB_OK && !*library && i < WATCHED; i++)
        v->lacking[i] = is_there(e, i) ? NO_LIBRARY : NULL;
    return status == DB_OK ? read_gaps(e, v) : status;
}

enum db_status
watch_look(struct engine *e, struct watch *watch)
{
    struct view v = { 0 };
    bool library;
    enum db_status status = look(e, watch, &v, &library);

    watch->doubts = status == DB_OK && is_worse(&v) && !watch->doubts;
    if (watch->doubts)
        return DB_OK;
    if (status == DB_OK)
        status = record(e, &v, library);
    if (status == DB_OK)
        tell(&v);
    return status;
}
