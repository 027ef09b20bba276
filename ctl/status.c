/*
 * mbevctl status: does it work, on one screen. Exit code 69 when no service
 * acts, so that monitoring can use it.
 */
#include "bytes.h"
#include "receipts.h"
#include "utf8.h"

#include <inttypes.h>
#include <mysqld_error.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

static const char MISSING[] = "MISSING: nothing is captured; run "
                              "sql/schema.sql, then sql/triggers.sql";

void
status_print(const char *label, const char *text, size_t n)
{
    struct bytes safe = bytes_make(4096);

    utf8_escape(&safe, text, n);
    printf("%-12s %s\n", label, bytes_text(&safe));
    bytes_free(&safe);
}

static bool
print_installation(struct ctl *ctl)
{
    struct db_rows *rows;

    if (db_ask(ctl->db,
            "SELECT CONCAT(billing, ' (', generation, '), captured since ',"
            " installed_utc, ' UTC') FROM installation",
            &rows) != DB_OK)
        return false;
    if (db_next(rows))
        status_print("billing", db_col(rows, 0), db_len(rows, 0));
    else
        puts("billing      not installed: run sql/triggers.sql in the "
             "billing's database");
    db_rows_close(&rows);
    return true;
}

/* The triggers call the library; without it they capture nothing. */
static bool
print_library(struct ctl *ctl)
{
    struct db_rows *rows;

    if (db_ask(ctl->db, "SELECT mbev_version()", &rows) != DB_OK) {
        status_print("library", MISSING, strlen(MISSING));
        return db_errno(ctl->db) == ER_SP_DOES_NOT_EXIST ||
               db_errno(ctl->db) == ER_PROCACCESS_DENIED_ERROR;
    }
    if (db_next(rows))
        status_print("library", db_col(rows, 0), db_len(rows, 0));
    db_rows_close(&rows);
    return true;
}

/* What waits because a provider refuses the account. */
static bool
print_refused(struct ctl *ctl)
{
    struct db_rows *rows;

    if (db_ask(ctl->db,
            "SELECT CONCAT(COUNT(*), ' wait, the last because ',"
            " SUBSTRING_INDEX(MAX(CONCAT(changed_utc, '|', reason)), '|', -1))"
            " FROM delivery WHERE state = 'ready'"
            " AND error_class = 'configuration' HAVING COUNT(*) > 0",
            &rows) != DB_OK)
        return false;
    if (db_next(rows))
        status_print("REFUSED", db_col(rows, 0), db_len(rows, 0));
    db_rows_close(&rows);
    return true;
}

static bool
print_owner(struct ctl *ctl, bool *acting)
{
    struct db_rows *rows;

    if (db_ask(ctl->db,
            "SELECT IF(lease_until_utc > UTC_TIMESTAMP(3),"
            " CONCAT('acting: ', holder, ', epoch ', epoch, ', lease until ',"
            " lease_until_utc, ' UTC'),"
            " 'NOT RUNNING: no service holds the lease; start mbevd'),"
            " lease_until_utc > UTC_TIMESTAMP(3)"
            " FROM owner WHERE name = 'main'",
            &rows) != DB_OK)
        return false;
    *acting = false;
    if (db_next(rows)) {
        status_print("service", db_col(rows, 0), db_len(rows, 0));
        *acting = db_uint(rows, 1) == 1;
    }
    db_rows_close(&rows);
    return true;
}

static bool
print_outbox(struct ctl *ctl)
{
    struct db_rows *rows;

    if (db_ask(ctl->db,
            "SELECT COUNT(*), GREATEST(0, COALESCE(TIMESTAMPDIFF(SECOND,"
            " MIN(captured_utc), UTC_TIMESTAMP(3)), 0)) FROM outbox",
            &rows) != DB_OK)
        return false;
    if (db_next(rows))
        printf("%-12s %" PRIu64 " waiting, oldest %" PRIu64 " s\n", "outbox",
            db_uint(rows, 0), db_uint(rows, 1));
    db_rows_close(&rows);
    return true;
}

/* What is still to be decided: of payments of type 62, say. */
static bool
print_undecided(struct ctl *ctl)
{
    struct db_rows *rows;

    if (db_ask(ctl->db,
            "SELECT CONCAT(COUNT(*), ' wait to be decided, ',"
            " SUM(due_utc <= UTC_TIMESTAMP(3)), ' of them due; the first at ',"
            " MIN(due_utc), ' UTC') FROM delivery"
            " WHERE state IN ('ready', 'retry') AND lane = 'decide'"
            " HAVING COUNT(*) > 0",
            &rows) != DB_OK)
        return false;
    if (db_next(rows))
        status_print("undecided", db_col(rows, 0), db_len(rows, 0));
    db_rows_close(&rows);
    return true;
}

/* Decided, never tried, and not due yet: kept for the end of quiet hours. */
static bool
print_quiet(struct ctl *ctl)
{
    struct db_rows *rows;

    if (db_ask(ctl->db,
            "SELECT CONCAT(COUNT(*), ' wait for the end of quiet hours, the"
            " first until ', MIN(due_utc), ' UTC') FROM delivery"
            " WHERE state = 'ready' AND lane <> 'decide'"
            " AND due_utc > UTC_TIMESTAMP(3) AND provider IS NULL"
            " HAVING COUNT(*) > 0",
            &rows) != DB_OK)
        return false;
    if (db_next(rows))
        status_print("quiet", db_col(rows, 0), db_len(rows, 0));
    db_rows_close(&rows);
    return true;
}

static bool
print_problems(struct ctl *ctl)
{
    struct db_rows *rows;

    if (db_ask(ctl->db,
            "SELECT COUNT(*), MAX(id) FROM event WHERE problem IS NOT NULL",
            &rows) != DB_OK)
        return false;
    if (db_next(rows) && db_uint(rows, 0) > 0)
        printf("%-12s %" PRIu64 " events were not understood, the last is "
               "%" PRIu64 "; see mbevctl show %" PRIu64 "\n",
            "problems", db_uint(rows, 0), db_uint(rows, 1), db_uint(rows, 1));
    db_rows_close(&rows);
    return true;
}

static bool
print_states(struct ctl *ctl)
{
    static const char *const heads[] = { "action", "state", "all", "last 24 h",
        "planned", "last change, UTC" };
    struct db_rows *rows;

    if (db_ask(ctl->db,
            "SELECT action, state, COUNT(*),"
            " SUM(changed_utc > UTC_TIMESTAMP(3) - INTERVAL 1 DAY),"
            " NULLIF(SUM(plan_utc > UTC_TIMESTAMP(3)), 0), MAX(changed_utc)"
            " FROM delivery GROUP BY action, state",
            &rows) != DB_OK)
        return false;
    putchar('\n');
    if (db_rows_count(rows) == 0)
        puts("no deliveries yet");
    else
        table_print(rows, heads, sizeof heads / sizeof *heads);
    db_rows_close(&rows);
    return true;
}

int
ctl_status(struct ctl *ctl)
{
    bool acting = false;

    printf("%-12s %s\n", "version", MBEV_VERSION);
    if (!print_library(ctl) || !print_installation(ctl) ||
        !print_owner(ctl, &acting) || !print_outbox(ctl) ||
        !print_undecided(ctl) || !print_quiet(ctl) || !print_refused(ctl) ||
        gaps_status(ctl) != DB_OK || receipts_status(ctl) != DB_OK ||
        routers_status(ctl) != DB_OK || !print_problems(ctl) ||
        !print_states(ctl))
        return ctl_failed(ctl);
    return acting ? EX_OK : EX_UNAVAILABLE;
}
