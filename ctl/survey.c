/* survey: see survey.h. */
#include "survey.h"

#include "billing.h"
#include "control.h"
#include "doctor.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { LARGEST_SQL = 16 * 1024, LONGEST_LINE = 1024, MOST_TRIGGERS = 64 };

static const char definer[] = "mbev_trigger@localhost";

/* --- triggers ------------------------------------------------------------ */

/* Columns of the list of triggers. */
enum column { TABLE, NAME, DEFINER, LABELLED, DIGEST, EVENT };

/* Whether the billing has that table, or that column of it. */
static bool
has(const struct admin *a, const char *table, const char *column)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    bool there;

    bytes_str(&sql, "SELECT COUNT(*) FROM information_schema.COLUMNS"
                    " WHERE TABLE_SCHEMA = ");
    db_text(&sql, a->billing);
    bytes_str(&sql, " AND TABLE_NAME = ");
    db_text(&sql, table);
    if (column) {
        bytes_str(&sql, " AND COLUMN_NAME = ");
        db_text(&sql, column);
    }
    there = admin_number(a->db, bytes_text(&sql)) > 0;
    bytes_free(&sql);
    return there;
}

/* The digest as trigger_report() of grants.sql makes it. */
static bool
ask_triggers(const struct admin *a, struct db_rows **rows)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    enum db_status status;

    bytes_str(&sql,
        "SELECT EVENT_OBJECT_TABLE, TRIGGER_NAME, DEFINER,"
        " ACTION_STATEMENT LIKE 'mikbill\\_events:%',"
        " SHA2(REPLACE(REPLACE(REPLACE(REPLACE(ACTION_STATEMENT, ' ', ''),"
        " CHAR(9), ''), CHAR(10), ''), CHAR(13), ''), 256),"
        " CONCAT(ACTION_TIMING, ' ', EVENT_MANIPULATION)"
        " FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = ");
    db_text(&sql, a->billing);
    bytes_str(&sql, " ORDER BY EVENT_OBJECT_TABLE, TRIGGER_NAME");
    status = db_query(a->db, &sql, rows);
    bytes_free(&sql);
    if (status != DB_OK)
        admin_failed(a->db);
    return status == DB_OK;
}

/* The trigger of ours that has this name. */
static bool
find_ours(const char *name, struct doctor_trigger *found)
{
    for (size_t i = 0; doctor_trigger(i, found); i++)
        if (strcmp(found->name, name) == 0)
            return true;
    return false;
}

static bool
is_our_table(const char *table)
{
    struct doctor_trigger t;

    for (size_t i = 0; doctor_trigger(i, &t); i++)
        if (strcmp(t.table, table) == 0)
            return true;
    return false;
}

static bool
is_by_us(const struct db_rows *rows)
{
    return strcmp(db_col(rows, DEFINER), definer) == 0 &&
           db_uint(rows, LABELLED) != 0;
}

static bool
is_as_made(
    const struct survey *s, const struct doctor_trigger *t, const char *digest)
{
    return strcmp(digest, s->modern && t->state ? t->state : t->digest) == 0;
}

static void
count_trigger(struct survey *s, const struct db_rows *rows)
{
    struct doctor_trigger t;

    if (!find_ours(db_col(rows, NAME), &t)) {
        s->ours += is_by_us(rows);
    } else if (!is_by_us(rows)) {
        snprintf(s->stranger, sizeof s->stranger, "%s", t.name);
    } else {
        s->ours++;
        s->good += is_as_made(s, &t, db_col(rows, DIGEST));
    }
}

static bool
look_at_triggers(struct survey *s, const struct admin *a)
{
    struct doctor_trigger t;
    struct db_rows *rows;

    s->modern = has(a, "users", "state");
    for (size_t i = 0; doctor_trigger(i, &t); i++)
        s->wanted += has(a, t.table, NULL);
    if (!ask_triggers(a, &rows))
        return false;
    while (db_next(rows))
        count_trigger(s, rows);
    db_rows_close(&rows);
    return true;
}

/* --- the service --------------------------------------------------------- */

static const char *
text_of(json_object *in, const char *name)
{
    json_object *value;

    return json_object_object_get_ex(in, name, &value)
               ? json_object_get_string(value)
               : NULL;
}

/* What it says of itself; false when there is none to be heard here. */
static bool
hear_service(struct survey *s, const struct admin *a)
{
    json_object *json = control_status(a->ctl), *service = NULL;
    const char *version, *state, *trouble;

    if (!json || !json_object_object_get_ex(json, "service", &service)) {
        json_object_put(json);
        return false;
    }
    version = text_of(service, "version");
    state = text_of(service, "state");
    trouble = text_of(service, "trouble");
    s->service = version && strcmp(version, MBEV_VERSION) == 0 ? SERVICE_NEW
                                                               : SERVICE_OLD;
    snprintf(s->service_words, sizeof s->service_words,
        "mbevd %s runs here: %s%s%s", version ? version : "of some version",
        state ? state : "", trouble ? ", " : "", trouble ? trouble : "");
    json_object_put(json);
    return true;
}

static void
look_at_service(struct survey *s, const struct admin *a)
{
    char holder[300];

    snprintf(s->service_words, sizeof s->service_words, "none acts");
    if (hear_service(s, a) || s->schema == 0)
        return;
    if (!admin_text(a->db,
            "SELECT holder FROM mikbill_events.owner"
            " WHERE lease_until_utc > UTC_TIMESTAMP(3)"
            " ORDER BY name = 'main' DESC LIMIT 1",
            holder, sizeof holder))
        return;
    s->service = s->schema < BILLING_SCHEMA ? SERVICE_OLD : SERVICE_UNKNOWN;
    snprintf(s->service_words, sizeof s->service_words, "one acts: %s%s",
        holder, s->service == SERVICE_OLD ? ", of an earlier version" : "");
}

/* --- the whole ----------------------------------------------------------- */

/* Our tables, where they are. */
static void
look_at_tables(struct survey *s, const struct admin *a)
{
    s->schema = admin_number(
        a->db, "SELECT MAX(version) FROM mikbill_events.schema_version");
    admin_text(a->db, "SELECT billing FROM mikbill_events.installation LIMIT 1",
        s->installed, sizeof s->installed);
    s->accounts = (unsigned)admin_number(a->db,
        "SELECT COUNT(*) FROM mysql.user WHERE host = 'localhost' AND user IN"
        " ('mbev_trigger', 'mbev_service', 'mbev_reader')");
}

/* On MySQL a table that is locked has its triggers' tables locked, too, so
 * payments would wait for as long as a table of the billing is busy. In a
 * cluster the functions would go on every node, and the tables be opened anew
 * on one. */
static bool
may_swap(const struct admin *a)
{
    return admin_number(a->db, "SELECT VERSION() LIKE '%MariaDB%'") == 1 &&
           admin_number(a->db, "SELECT @@GLOBAL.wsrep_on") == 0;
}

bool
survey_look(struct survey *s, struct admin *a)
{
    *s = (struct survey){ .schema = 0 };
    library_look(&s->library, a);
    s->may_swap = may_swap(a);
    look_at_tables(s, a);
    if (!look_at_triggers(s, a))
        return false;
    look_at_service(s, a);
    return true;
}

/* --- printing ------------------------------------------------------------ */

static void
print_server(const struct admin *a)
{
    char text[LONGEST_LINE];

    if (admin_text(a->db,
            "SELECT CONCAT(VERSION(), ', ', @@version_comment, ', as ',"
            " CURRENT_USER())",
            text, sizeof text))
        field_print("server", text);
    if (admin_text(a->db,
            "SELECT IF(@@log_bin, CONCAT('binlog_format ', @@binlog_format),"
            " 'none')",
            text, sizeof text))
        field_print("binary log", text);
}

static void
print_billing(const struct survey *s, const struct admin *a)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    char engines[256], line[LONGEST_LINE];

    bytes_str(&sql, "SELECT GROUP_CONCAT(DISTINCT ENGINE) FROM"
                    " information_schema.TABLES WHERE TABLE_NAME IN"
                    " ('bugh_plategi_stat', 'bugh_uslugi_stat', 'users',"
                    " 'usersfreeze') AND TABLE_SCHEMA = ");
    db_text(&sql, a->billing);
    admin_text(a->db, bytes_text(&sql), engines, sizeof engines);
    bytes_free(&sql);
    snprintf(line, sizeof line, "%s, %s, %s", a->billing,
        s->modern ? "modern" : "legacy", engines);
    field_print("billing", line);
}

static void
print_library(const struct library *l)
{
    char line[2 * PATH_MAX];

    field_print("plugin_dir", l->folder);
    if (!l->here)
        snprintf(line, sizeof line, "%s",
            "is laid there by hand: that folder is not one of this host");
    else if (!l->there)
        snprintf(line, sizeof line, "none");
    else
        snprintf(line, sizeof line, "%s",
            l->same ? "there, of this version"
                    : "there, another one than that of this version");
    field_print("library", line);
    snprintf(line, sizeof line, "%u of 3, %s%s", l->functions,
        *l->loaded ? "version " : "none can be called", l->loaded);
    field_print("functions", line);
}

static void
print_ours(const struct survey *s)
{
    char line[LONGEST_LINE];

    if (s->schema)
        snprintf(line, sizeof line, "version %" PRIu64 "%s%s%s", s->schema,
            *s->installed ? ", of " : "", s->installed,
            s->schema == BILLING_SCHEMA ? "" : "; here comes another one");
    else
        snprintf(line, sizeof line, "none");
    field_print("our tables", line);
    snprintf(line, sizeof line, "%u of 3", s->accounts);
    field_print("accounts", line);
    field_print("service", s->service_words);
}

static const char *
state_of(const struct survey *s, const struct db_rows *rows,
    const struct doctor_trigger *t)
{
    if (!is_by_us(rows))
        return "NOT OURS, but with a name of ours";
    return is_as_made(s, t, db_col(rows, DIGEST))
               ? "as it should be"
               : "ours, of another version or edited";
}

static void
add_trigger(
    struct table *t, const char *table, const char *name, const char *state)
{
    table_add_text(t, table);
    table_add_text(t, name);
    table_add_text(t, state);
}

/* Those that are there and concern us. */
static void
add_present(const struct survey *s, struct table *table,
    const struct db_rows *rows, bool *seen)
{
    struct doctor_trigger t;
    char words[ADMIN_NAME + 64];

    for (size_t i = 0; i < MOST_TRIGGERS && doctor_trigger(i, &t); i++)
        if (strcmp(t.name, db_col(rows, NAME)) == 0) {
            seen[i] = true;
            add_trigger(table, t.table, t.name, state_of(s, rows, &t));
            return;
        }
    if (!is_our_table(db_col(rows, TABLE)))
        return;
    snprintf(words, sizeof words, "somebody else's: %s, definer %s",
        db_col(rows, EVENT), db_col(rows, DEFINER));
    add_trigger(table, db_col(rows, TABLE), db_col(rows, NAME), words);
}

static bool
print_triggers(const struct survey *s, const struct admin *a)
{
    static const char *const heads[] = { "table", "trigger", "state" };
    bool seen[MOST_TRIGGERS] = { false };
    struct table *table;
    struct doctor_trigger t;
    struct db_rows *rows;

    if (!ask_triggers(a, &rows))
        return false;
    table = table_make("triggers", heads, sizeof heads / sizeof *heads);
    while (db_next(rows))
        add_present(s, table, rows, seen);
    for (size_t i = 0; i < MOST_TRIGGERS && doctor_trigger(i, &t); i++)
        if (!seen[i] && has(a, t.table, NULL))
            add_trigger(table, t.table, t.name, "missing");
    table_end(&table);
    db_rows_close(&rows);
    return true;
}

bool
survey_print(const struct survey *s, const struct admin *a)
{
    if (!a->configured)
        field_print("no settings", a->config_words);
    print_server(a);
    print_billing(s, a);
    print_library(&s->library);
    print_ours(s);
    return print_triggers(s, a);
}
