/*
 * doctor_triggers: whether our triggers are as sql/triggers.sql of this version
 * makes them, whether their definer can run them, and who else has triggers on
 * these tables.
 *
 * The service's account sees no trigger; trigger_report() of sql/grants.sql
 * looks as their definer, and gives of each body only a digest, which is
 * compared with that of the file this program was built with. So one that was
 * edited is found, and one of an older version, too.
 */
#include "doctor.h"

#include "trigger_hashes.h"

#include <inttypes.h>
#include <mysqld_error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Tables with triggers of ours; not every billing has the last two. */
static const char *const tables[] = { "bugh_plategi_stat", "bugh_uslugi_stat",
    "users", "usersfreeze", "usersblok", "usersdel" };

static const struct ours {
    const char *table;
    const char *name;
    const char *digest;
    const char *state;  /* the same where there is users.state; NULL = digest */
    const char *effect; /* of its not working */
} ours[] = {
    { "bugh_plategi_stat", "mbev_ai_bugh_plategi_stat",
        HASH_mbev_ai_bugh_plategi_stat, NULL, "payments are captured late" },
    { "bugh_uslugi_stat", "mbev_ai_bugh_uslugi_stat",
        HASH_mbev_ai_bugh_uslugi_stat, NULL, "credits are captured late" },
    { "bugh_uslugi_stat", "mbev_au_bugh_uslugi_stat",
        HASH_mbev_au_bugh_uslugi_stat, NULL, "the end of turbo goes by" },
    { "users", "mbev_au_users", HASH_mbev_au_users, HASH_mbev_au_users_state,
        "changes of tariff, state and real IP address go by" },
    { "users", "mbev_ad_users", HASH_mbev_ad_users, NULL,
        "a tariff that changes when a subscriber is moved goes by" },
    { "usersfreeze", "mbev_ai_usersfreeze", HASH_mbev_ai_usersfreeze, NULL,
        "freezing goes by" },
    { "usersfreeze", "mbev_au_usersfreeze", HASH_mbev_au_usersfreeze, NULL,
        "changes of tariff of frozen subscribers go by" },
    { "usersfreeze", "mbev_ad_usersfreeze", HASH_mbev_ad_usersfreeze, NULL,
        "unfreezing goes by" },
    { "usersblok", "mbev_ai_usersblok", HASH_mbev_ai_usersblok, NULL,
        "blocking goes by" },
    { "usersblok", "mbev_ad_usersblok", HASH_mbev_ad_usersblok, NULL,
        "unblocking goes by" },
    { "usersdel", "mbev_ai_usersdel", HASH_mbev_ai_usersdel, NULL,
        "deleting goes by" },
    { "usersdel", "mbev_ad_usersdel", HASH_mbev_ad_usersdel, NULL,
        "coming back from the deleted goes by" },
};

enum { OURS = sizeof ours / sizeof *ours };

bool
doctor_trigger(size_t i, struct doctor_trigger *out)
{
    if (i >= OURS)
        return false;
    *out = (struct doctor_trigger){ .table = ours[i].table,
        .name = ours[i].name,
        .digest = ours[i].digest,
        .state = ours[i].state };
    return true;
}

static const char definer[] = "mbev_trigger@localhost";

/* Columns of a line of trigger_report(), divided by tabs; the name is last. */
enum column {
    TIMING, /* AFTER INSERT */
    PLACE,  /* among those of the same timing; 0 = the server does not know */
    DEFINER,
    SQL_MODE,
    CHARSET,
    DIGEST,
    NAME,
    COLUMNS
};

static void
print_cure(const struct doctor *d, char *buf, size_t size, const char *file)
{
    snprintf(
        buf, size, "mysql %s < sql/%s", d->ctl->set->database.billing, file);
}

/* --- the definer ------------------------------------------------------- */

/* Nothing is as urgent: no handler in the body sees these errors. */
static void
tell_no_definer(struct doctor *d)
{
    char cure[512];

    snprintf(cure, sizeof cure,
        "at once: mysql %s < sql/grants.sql; or, to have payments again while "
        "you look: mysql %s < sql/uninstall.sql",
        d->ctl->set->database.billing, d->ctl->set->database.billing);
    doctor_tell(d, RESULT_FAILED, cure,
        "%s is gone: statements of the billing on these tables FAIL with 1449",
        definer);
}

static void
tell_unasked(struct doctor *d)
{
    char cure[512];

    print_cure(d, cure, sizeof cure, "grants.sql");
    switch (db_errno(d->ctl->db)) {
    case ER_NO_SUCH_USER:
        tell_no_definer(d);
        break;
    case ER_SP_DOES_NOT_EXIST:
    case ER_PROCACCESS_DENIED_ERROR:
        doctor_tell(d, RESULT_WARNING, cure,
            "cannot be asked, the accounts are of an earlier version: %s",
            db_error(d->ctl->db));
        break;
    default:
        doctor_refused(d, RESULT_WARNING);
    }
}

static bool
ask_billing(struct doctor *d, const char *function, const char *table,
    struct db_rows **rows)
{
    struct bytes sql = bytes_make(1024);

    bytes_printf(&sql, "SELECT %s(" SQL_BILLING, function);
    if (table) {
        bytes_chr(&sql, ',');
        db_text(&sql, table);
    }
    /* The one that the service itself asks. */
    bytes_str(&sql, "), has_trigger(" SQL_BILLING ", 'users', '2000-01-01'),"
                    " (SELECT COUNT(*) FROM information_schema.columns WHERE"
                    " table_schema = " SQL_BILLING
                    " AND table_name = 'users' AND column_name = 'state')");
    if (ctl_ask(d->ctl, &sql, rows) == DB_OK)
        return true;
    tell_unasked(d);
    return false;
}

static void
check_definer(struct doctor *d)
{
    struct db_rows *rows;
    char cure[512];

    if (!ask_billing(d, "definer_lacks", NULL, &rows))
        return;
    print_cure(d, cure, sizeof cure, "grants.sql");
    if (db_next(rows) && db_col(rows, 0))
        doctor_tell(d, RESULT_FAILED, cure,
            "%s lacks %s: statements of the billing may FAIL with 1142",
            definer, db_col(rows, 0));
    else
        doctor_tell(
            d, RESULT_OK, NULL, "%s is there, with its rights", definer);
    db_rows_close(&rows);
}

/* --- ours -------------------------------------------------------------- */

/* Divides a line of the report; false when it is no such line. */
static bool
divide(char *line, char *column[COLUMNS])
{
    for (unsigned i = 0; i < COLUMNS; i++) {
        column[i] = i + 1 < COLUMNS ? strsep(&line, "\t") : line;
        if (!column[i] || (i + 1 < COLUMNS && !line))
            return false;
    }
    return true;
}

/* What is wrong with a trigger of ours; NULL = nothing. */
static const char *
find_fault(const struct ours *o, bool state, char *const column[COLUMNS])
{
    const char *digest = state && o->state ? o->state : o->digest;

    if (strcmp(column[NAME], o->name) == 0 &&
        strcmp(column[DEFINER], definer) != 0)
        return "its definer is another account";
    if (o->state && !state && strcmp(column[DIGEST], o->state) == 0)
        return "it is made for a billing with users.state, which is not there";
    if (o->state && state && strcmp(column[DIGEST], o->digest) == 0)
        return "it is made for a billing without users.state, which is there";
    if (strcmp(column[DIGEST], digest) != 0)
        return "its body is not that of the triggers.sql of this version: it "
               "was edited, or is of another version";
    if (*column[SQL_MODE])
        return "it was made under another sql_mode";
    if (strcmp(column[CHARSET], "utf8mb4") != 0)
        return "it was made under another character set";
    return NULL;
}

/* merged: the trigger of somebody else that does the work of ours, NULL = none:
 * where the server bears one trigger. */
static void
tell_ours(struct doctor *d, const struct ours *o, const char *fault,
    const char *merged)
{
    char cure[512];

    print_cure(d, cure, sizeof cure, "triggers.sql");
    d->of = o->table;
    if (fault)
        doctor_tell(
            d, RESULT_FAILED, cure, "%s: %s; %s", o->name, fault, o->effect);
    else if (merged)
        doctor_tell(d, RESULT_OK, NULL,
            "trigger %s has the body of %s in it, as triggers.sql has it",
            merged, o->name);
    else
        doctor_tell(
            d, RESULT_OK, NULL, "%s is as triggers.sql makes it", o->name);
}

/* It fails or changes what it wants, and we are told of what comes of it. */
static void
tell_foreign(struct doctor *d, const char *table, char *const column[COLUMNS])
{
    d->of = table;
    doctor_tell(d, RESULT_NOTE,
        "nothing, if you know it. If it fails the billing's statement fails, "
        "and that is not ours: SHOW CREATE TRIGGER tells what it does",
        "trigger %s is not ours: %s, number %s, definer %s", column[NAME],
        column[TIMING], column[PLACE], column[DEFINER]);
}

/* Its place in ours, or OURS. */
static size_t
find_ours(const char *table, const char *name)
{
    size_t i = 0;

    while (i < OURS && (strcmp(ours[i].table, table) != 0 ||
                           strcmp(ours[i].name, name) != 0))
        i++;
    return i;
}

/* The same by its body, which stands in a trigger of somebody else. */
static size_t
find_merged(const char *table, const char *digest)
{
    size_t i = 0;

    while (i < OURS &&
           (strcmp(ours[i].table, table) != 0 ||
               (strcmp(ours[i].digest, digest) != 0 &&
                   (!ours[i].state || strcmp(ours[i].state, digest) != 0))))
        i++;
    return i;
}

static void
look_through(struct doctor *d, const char *table, bool state, char *report)
{
    const char *fault[OURS], *merged[OURS] = { NULL };
    char *line;

    for (size_t i = 0; i < OURS; i++)
        fault[i] = "it is missing";
    while ((line = strsep(&report, "\n"))) {
        char *column[COLUMNS];
        size_t i;

        if (!divide(line, column))
            continue;
        i = find_ours(table, column[NAME]);
        if (i == OURS && (i = find_merged(table, column[DIGEST])) < OURS)
            merged[i] = column[NAME];
        if (i < OURS)
            fault[i] = find_fault(&ours[i], state, column);
        else
            tell_foreign(d, table, column);
    }
    for (size_t i = 0; i < OURS; i++)
        if (strcmp(ours[i].table, table) == 0)
            tell_ours(d, &ours[i], fault[i], merged[i]);
}

static bool
check_table(struct doctor *d, const char *table)
{
    struct db_rows *rows;
    char *report;

    if (!ask_billing(d, "trigger_report", table, &rows))
        return false;
    report = strdup(db_next(rows) && db_col(rows, 0) ? db_col(rows, 0) : "");
    if (report)
        look_through(d, table, db_uint(rows, 2) > 0, report);
    free(report);
    db_rows_close(&rows);
    return report != NULL;
}

/* Whether the billing has that table, as far as this account can see. */
static bool
is_there(struct doctor *d, const char *table)
{
    struct bytes sql = bytes_make(512);
    struct db_rows *rows;
    bool there;

    bytes_str(&sql, "SELECT 1 FROM information_schema.tables WHERE"
                    " table_schema = " SQL_BILLING " AND table_name = ");
    db_text(&sql, table);
    if (ctl_ask(d->ctl, &sql, &rows) != DB_OK)
        return true;
    there = db_next(rows);
    db_rows_close(&rows);
    return there;
}

static void
check_triggers(struct doctor *d)
{
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        if (is_there(d, tables[i]) && !check_table(d, tables[i]))
            return;
}

static const struct doctor_check checks[] = {
    { .name = "definer", .database = true, .run = check_definer },
    { .name = "trigger", .database = true, .run = check_triggers },
};

const struct doctor_group doctor_triggers = { checks,
    sizeof checks / sizeof *checks };
