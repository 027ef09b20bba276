/*
 * doctor_grants: whether the account has each right that sql/grants.sql gives
 * to mbev_service.
 *
 * Rights by a role are not seen. Of a table on which the account has none, the
 * server does not tell whether it exists.
 */
#include "doctor.h"

#include <stdio.h>
#include <string.h>

enum { LARGEST_SQL = 64 * 1024, LARGEST_CURE = 4096 };

struct word {
    const char *text;
    size_t n;
};

/* Who cannot work without it. */
enum use {
    USE_ALWAYS,
    USE_RECEIPTS,
    USE_RESETS,
    USE_ONLINE,
    USE_REWARDS,
    USE_DISCOUNTS,
    USE_SOMETIMES, /* nobody, or only for a detail */
};

/* A GRANT. */
static const struct grant {
    const char *table; /* NULL: all tables of our database */
    const char *rights;
    const char *columns; /* NULL: all */
    bool ours;
    bool may_lack; /* not every billing has the table */
    enum use use;
} grants[] = {
    { NULL, "SELECT", NULL, true, false, USE_ALWAYS },
    { "outbox", "INSERT, DELETE", NULL, true, false, USE_ALWAYS },
    { "event", "INSERT, UPDATE, DELETE", NULL, true, false, USE_ALWAYS },
    { "delivery", "INSERT, UPDATE, DELETE", NULL, true, false, USE_ALWAYS },
    { "owner", "INSERT, UPDATE", NULL, true, false, USE_ALWAYS },
    { "api_credit", "INSERT, DELETE", NULL, true, false, USE_ALWAYS },
    { "receipt", "INSERT, UPDATE", NULL, true, false, USE_ALWAYS },
    { "till", "INSERT, UPDATE", NULL, true, false, USE_ALWAYS },
    { "router", "INSERT, UPDATE, DELETE", NULL, true, false, USE_ALWAYS },
    { "milestone", "INSERT, DELETE", NULL, true, false, USE_ALWAYS },
    { "forgotten", "INSERT, UPDATE", NULL, true, false, USE_ALWAYS },
    { "gap", "INSERT, UPDATE, DELETE", NULL, true, false, USE_ALWAYS },
    { "pause", "INSERT, UPDATE, DELETE", NULL, true, false, USE_ALWAYS },
    { "audit", "INSERT", NULL, true, false, USE_ALWAYS },
    { "pulse", "INSERT, UPDATE, DELETE", NULL, true, false, USE_ALWAYS },
    { "users", "SELECT", NULL, false, false, USE_ALWAYS },
    { "usersfreeze", "SELECT", NULL, false, false, USE_ALWAYS },
    { "bugh_plategi_stat", "SELECT", NULL, false, false, USE_ALWAYS },
    { "bugh_uslugi_stat", "SELECT", NULL, false, false, USE_ALWAYS },
    { "bugh_plategi_type", "SELECT", NULL, false, false, USE_ALWAYS },
    { "usersblok", "SELECT", NULL, false, true, USE_SOMETIMES },
    { "usersdel", "SELECT", NULL, false, true, USE_SOMETIMES },
    { "packets", "SELECT", NULL, false, true, USE_REWARDS },
    { "stuff_personal", "SELECT", NULL, false, true, USE_SOMETIMES },
    /* and use_api, where the billing has it */
    { "radnas", "SELECT",
        "id,nasname,nastype,naslogin,naspass,secret,impruport", false, true,
        USE_RESETS },
    { "radacct", "SELECT",
        "uid,nasipaddress,framedipaddress,acctsessionid,acctterminatecause",
        false, true, USE_ONLINE },
    { "addons_pay_api", "SELECT, INSERT", NULL, false, true, USE_REWARDS },
    { "addons_pay_api_category", "SELECT, INSERT", NULL, false, true,
        USE_REWARDS },
    { "users_custom_fields", "SELECT, DELETE", NULL, false, true,
        USE_DISCOUNTS },
    { "logs", "SELECT, INSERT", NULL, false, true, USE_DISCOUNTS },
    { "sms_logs", "SELECT, INSERT, UPDATE", NULL, false, false, USE_ALWAYS },
    { "receipts_log", "CREATE, SELECT, INSERT, UPDATE", NULL, false, false,
        USE_RECEIPTS },
    { "__komtet_receipts_log", "CREATE, SELECT, INSERT, UPDATE", NULL, false,
        false, USE_RECEIPTS },
};

/* --- what is lacking --------------------------------------------------- */

#define ME_HOST "SUBSTRING_INDEX(CURRENT_USER(), '@', -1)"
#define ME                                                                     \
    "CONCAT('''', LEFT(CURRENT_USER(), CHAR_LENGTH(CURRENT_USER())"            \
    " - CHAR_LENGTH(" ME_HOST ") - 1), '''@''', " ME_HOST ", '''')"

/* What the account has: of which database, table and column (NULL: of all). */
#define HELD                                                                   \
    "SELECT '%%' AS db, NULL AS tab, NULL AS col, PRIVILEGE_TYPE AS what"      \
    " FROM information_schema.USER_PRIVILEGES WHERE GRANTEE = " ME             \
    " UNION ALL SELECT TABLE_SCHEMA, NULL, NULL, PRIVILEGE_TYPE"               \
    " FROM information_schema.SCHEMA_PRIVILEGES WHERE GRANTEE = " ME           \
    " UNION ALL SELECT REPLACE(TABLE_SCHEMA, '_', '\\_'), TABLE_NAME, NULL,"   \
    " PRIVILEGE_TYPE FROM information_schema.TABLE_PRIVILEGES"                 \
    " WHERE GRANTEE = " ME                                                     \
    " UNION ALL SELECT REPLACE(TABLE_SCHEMA, '_', '\\_'), TABLE_NAME,"         \
    " COLUMN_NAME, PRIVILEGE_TYPE FROM information_schema.COLUMN_PRIVILEGES"   \
    " WHERE GRANTEE = " ME

/* Takes the next of the words, divided by commas; false after the last. */
static bool
next_word(const char **rest, struct word *word)
{
    word->text = *rest + strspn(*rest, ", ");
    word->n = strcspn(word->text, ",");
    *rest = word->text + word->n;
    return word->n > 0;
}

static size_t
count_words(const char *words)
{
    struct word word;
    size_t n = 0;

    while (next_word(&words, &word))
        n++;
    return n;
}

/* Appends a row of what is needed; no column: all. */
static void
add_need(struct bytes *sql, size_t i, const struct word *right,
    const struct word *column)
{
    const struct grant *g = &grants[i];

    bytes_printf(sql,
        "%s SELECT %zu AS nr, %s AS ndb, '%s' AS ntab, '%.*s' AS nwhat,"
        " '%.*s' AS ncol",
        sql->n ? " UNION ALL" : "", i, g->ours ? "DATABASE()" : SQL_BILLING,
        g->table ? g->table : "", (int)right->n, right->text, (int)column->n,
        column->text);
}

static void
add_needs(struct bytes *sql, size_t i)
{
    const char *rights = grants[i].rights;
    struct word right, column = { .text = "" };

    while (next_word(&rights, &right)) {
        const char *columns = grants[i].columns;

        if (!columns)
            add_need(sql, i, &right, &column);
        while (columns && next_word(&columns, &column))
            add_need(sql, i, &right, &column);
    }
}

/* Asks for what is needed and not held, grant by grant. */
static bool
ask(struct doctor *d, struct db_rows **rows)
{
    struct bytes needs = bytes_make(LARGEST_SQL), sql = bytes_make(LARGEST_SQL);
    bool asked;

    for (size_t i = 0; i < sizeof grants / sizeof *grants; i++)
        add_needs(&needs, i);
    bytes_printf(&sql,
        "SELECT nr, nwhat, ncol FROM (%s) AS need LEFT JOIN (" HELD
        ") AS held ON what = nwhat AND ndb LIKE db"
        " AND (tab IS NULL OR tab = ntab) AND (col IS NULL OR col = ncol)"
        " WHERE what IS NULL ORDER BY nr, nwhat, ncol",
        bytes_text(&needs));
    bytes_free(&needs);
    asked = ctl_ask(d->ctl, &sql, rows) == DB_OK;
    if (!asked)
        doctor_refused(d, RESULT_WARNING);
    return asked;
}

/* --- what is told ------------------------------------------------------ */

static bool
is_used(const struct settings *set, const struct grant *g)
{
    switch (g->use) {
    case USE_ALWAYS:
        return true;
    case USE_RECEIPTS:
        return (set->receipt.payments || set->receipt.refunds) &&
               strcmp(set->receipt.table, g->table) == 0;
    case USE_RESETS:
        return settings_resets(set);
    case USE_ONLINE:
        return settings_resets(set) && settings_needs_radacct(set);
    case USE_REWARDS:
        return set->bonus_topup.on || set->bonus_loyalty.on;
    case USE_DISCOUNTS:
        return settings_removes_discounts(set);
    case USE_SOMETIMES:
        break;
    }
    return false;
}

/* Who has no right at all on a table does not see whether it is there. */
static enum result
weigh(const struct doctor *d, const struct grant *g, size_t lacking)
{
    size_t columns = g->columns ? count_words(g->columns) : 1;

    if (is_used(d->ctl->set, g))
        return RESULT_FAILED;
    if (g->may_lack && lacking == count_words(g->rights) * columns)
        return RESULT_NOTE;
    return RESULT_WARNING;
}

/* Appends the database and the table. */
static void
add_place(struct bytes *sql, const struct doctor *d, const struct grant *g)
{
    if (!g->table) {
        bytes_str(sql, "`mikbill\\_events`.*");
        return;
    }
    db_name(sql,
        g->ours ? d->ctl->set->database.events : d->ctl->set->database.billing);
    bytes_printf(sql, ".`%s`", g->table);
}

/* Appends the account as the server knows it. */
static void
add_account(struct bytes *sql, struct doctor *d)
{
    struct db_rows *rows;

    if (db_ask(d->ctl->db, "SELECT " ME, &rows) != DB_OK)
        return;
    if (db_next(rows))
        bytes_str(sql, db_col(rows, 0));
    db_rows_close(&rows);
}

/* What of one grant is lacking. */
struct lack {
    const struct grant *grant; /* NULL = nothing yet */
    struct bytes rights;
    size_t n;
};

static void
tell_lack(struct doctor *d, struct lack *lack, const char *account)
{
    const struct grant *g = lack->grant;
    struct bytes cure = bytes_make(LARGEST_CURE);
    enum result result = weigh(d, g, lack->n);

    bytes_printf(&cure, "GRANT %s ON ", bytes_text(&lack->rights));
    add_place(&cure, d, g);
    bytes_printf(&cure, " TO %s; or all of them: mysql %s < sql/grants.sql",
        account, d->ctl->set->database.billing);
    doctor_tell(d, result, bytes_text(&cure), "the account lacks %s on %s%s",
        bytes_text(&lack->rights), g->table ? g->table : "our database",
        result == RESULT_NOTE ? ", or this billing has no such table" : "");
    bytes_free(&cure);
    bytes_free(&lack->rights);
    *lack = (struct lack){ .rights = bytes_make(LARGEST_CURE) };
}

static void
tell_lacks(struct doctor *d, struct db_rows *rows, const char *account)
{
    struct lack lack = { .rights = bytes_make(LARGEST_CURE) };

    while (db_next(rows)) {
        const struct grant *g = &grants[db_uint(rows, 0)];

        if (lack.grant && lack.grant != g)
            tell_lack(d, &lack, account);
        lack.grant = g;
        lack.n++;
        bytes_printf(
            &lack.rights, "%s%s", lack.rights.n ? ", " : "", db_col(rows, 1));
        if (db_len(rows, 2) > 0)
            bytes_printf(&lack.rights, " (%s)", db_col(rows, 2));
    }
    if (lack.grant)
        tell_lack(d, &lack, account);
}

static void
check_grants(struct doctor *d)
{
    struct bytes account = bytes_make(LARGEST_CURE);
    struct db_rows *rows;

    if (!ask(d, &rows))
        return;
    add_account(&account, d);
    if (db_rows_count(rows) == 0)
        doctor_tell(d, RESULT_OK, NULL, "%s has all that grants.sql gives",
            bytes_text(&account));
    else
        tell_lacks(d, rows, bytes_text(&account));
    bytes_free(&account);
    db_rows_close(&rows);
}

static const struct doctor_check checks[] = {
    { .name = "grants", .database = true, .run = check_grants },
};

const struct doctor_group doctor_grants = { checks,
    sizeof checks / sizeof *checks };
