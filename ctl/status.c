/*
 * mbevctl status: does it work, on one screen. Exit code 69 when no service
 * acts, so that monitoring can use it.
 */
#include "receipts.h"

#include <inttypes.h>
#include <mysqld_error.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

static const char MISSING[] = "MISSING: nothing is captured; run "
                              "sql/schema.sql, then sql/triggers.sql";

static const char NOT_INSTALLED[] =
    "not installed: run sql/triggers.sql in the billing's database";

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
        status_print("billing", NOT_INSTALLED, strlen(NOT_INSTALLED));
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

/* A line and the query that gives its text, or no row when there is nothing to
 * say. */
static const struct line {
    const char *label;
    const char *sql;
} lines[] = {
    { "shared",
        "SELECT GROUP_CONCAT(BIT_COUNT(parts), ' of 32 parts: ',"
        " IF(lease_until_utc > UTC_TIMESTAMP(3), '', 'NOBODY, after '), holder"
        " ORDER BY name = 'main' DESC, name SEPARATOR '; ') FROM owner"
        " WHERE parts <> 0 OR lease_until_utc > UTC_TIMESTAMP(3)"
        " HAVING COUNT(*) > 1" },
    { "undecided",
        "SELECT CONCAT(COUNT(*), ' wait to be decided, ',"
        " SUM(due_utc <= UTC_TIMESTAMP(3)), ' of them due; the first at ',"
        " MIN(due_utc), ' UTC') FROM delivery"
        " WHERE state IN ('ready', 'retry') AND lane = 'decide'"
        " HAVING COUNT(*) > 0" },
    /* Decided, never tried, and not due yet: kept for the end of them. */
    { "quiet",
        "SELECT CONCAT(COUNT(*), ' wait for the end of quiet hours, the first"
        " until ', MIN(due_utc), ' UTC') FROM delivery"
        " WHERE state = 'ready' AND lane <> 'decide'"
        " AND due_utc > UTC_TIMESTAMP(3) AND provider IS NULL"
        " HAVING COUNT(*) > 0" },
    /* What waits because a provider refuses the account. */
    { "REFUSED",
        "SELECT CONCAT(COUNT(*), ' wait, the last because ',"
        " SUBSTRING_INDEX(MAX(CONCAT(changed_utc, '|', reason)), '|', -1))"
        " FROM delivery WHERE state = 'ready'"
        " AND error_class = 'configuration' HAVING COUNT(*) > 0" },
    { "PAUSED", "SELECT CONCAT(GROUP_CONCAT(lane ORDER BY lane SEPARATOR ', '),"
                " ': nothing is begun there; see mbevctl resume') FROM pause"
                " HAVING COUNT(*) > 0" },
    { "held",
        "SELECT CONCAT(COUNT(*), ' are held back by hand since ',"
        " MIN(changed_utc), ' UTC; see mbevctl queue held, mbevctl release')"
        " FROM delivery WHERE state = 'held' HAVING COUNT(*) > 0" },
    { "dry run",
        "SELECT CONCAT(COUNT(*), ' are recorded as in a dry run, not done, the"
        " last at ', MAX(changed_utc), ' UTC; see mbevctl compare')"
        " FROM delivery WHERE state = 'dry' HAVING COUNT(*) > 0" },
    { "doubtful",
        "SELECT CONCAT(COUNT(*), ' may have been sent or not, the oldest since"
        " ', MIN(changed_utc), ' UTC; see mbevctl queue doubtful, mbevctl help"
        " resolve') FROM delivery WHERE state = 'doubtful'"
        " HAVING COUNT(*) > 0" },
    { "dead",
        "SELECT CONCAT(COUNT(*), ' were refused for good, the last at ',"
        " MAX(changed_utc), ' UTC; see mbevctl queue dead, mbevctl help"
        " retry') FROM delivery WHERE state = 'dead' HAVING COUNT(*) > 0" },
};

static enum db_status
print_line(struct ctl *ctl, const struct line *line)
{
    struct db_rows *rows;
    enum db_status status = db_ask(ctl->db, line->sql, &rows);

    if (status != DB_OK)
        return status;
    if (db_next(rows))
        status_print(line->label, db_col(rows, 0), db_len(rows, 0));
    db_rows_close(&rows);
    return DB_OK;
}

static enum db_status
print_lines(struct ctl *ctl)
{
    enum db_status status = DB_OK;

    for (size_t i = 0; i < sizeof lines / sizeof *lines && status == DB_OK; i++)
        status = print_line(ctl, &lines[i]);
    return status;
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
    char text[96];
    struct db_rows *rows;

    if (db_ask(ctl->db,
            "SELECT COUNT(*), GREATEST(0, COALESCE(TIMESTAMPDIFF(SECOND,"
            " MIN(captured_utc), UTC_TIMESTAMP(3)), 0)) FROM outbox",
            &rows) != DB_OK)
        return false;
    if (db_next(rows)) {
        snprintf(text, sizeof text, "%" PRIu64 " waiting, oldest %" PRIu64 " s",
            db_uint(rows, 0), db_uint(rows, 1));
        status_print("outbox", text, strlen(text));
        out_uint("outbox_rows", db_uint(rows, 0));
        out_uint("outbox_oldest_s", db_uint(rows, 1));
    }
    db_rows_close(&rows);
    return true;
}

static bool
print_problems(struct ctl *ctl)
{
    char text[160];
    struct db_rows *rows;

    if (db_ask(ctl->db,
            "SELECT COUNT(*), MAX(id) FROM event WHERE problem IS NOT NULL"
            " AND id > (SELECT GREATEST(MAX(id), 100000) - 100000 FROM event)",
            &rows) != DB_OK)
        return false;
    if (db_next(rows) && db_uint(rows, 0) > 0) {
        snprintf(text, sizeof text,
            "%" PRIu64 " events were not understood, the last is %" PRIu64
            "; see mbevctl show %" PRIu64,
            db_uint(rows, 0), db_uint(rows, 1), db_uint(rows, 1));
        status_print("problems", text, strlen(text));
    }
    db_rows_close(&rows);
    return true;
}

int
ctl_status(struct ctl *ctl)
{
    bool acting = false;

    status_print("version", MBEV_VERSION, strlen(MBEV_VERSION));
    if (!print_library(ctl) || !print_installation(ctl) ||
        !print_owner(ctl, &acting) || !print_outbox(ctl) ||
        print_lines(ctl) != DB_OK || gaps_status(ctl) != DB_OK ||
        receipts_status(ctl) != DB_OK || routers_status(ctl) != DB_OK ||
        !print_problems(ctl))
        return ctl_failed(ctl);
    out_bool("acting", acting);
    out_words("\n");
    if (lanes_print(ctl) != DB_OK)
        return ctl_failed(ctl);
    return acting ? EX_OK : EX_UNAVAILABLE;
}
