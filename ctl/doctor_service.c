/*
 * doctor_service: whether a service acts, and what waits for somebody.
 */
#include "doctor.h"

#include "late.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Rows of a state are counted up to here. */
#define MANY "10000"

#define SOME(condition)                                                        \
    "(SELECT action, lane, reason, changed_utc FROM delivery WHERE " condition \
    " LIMIT " MANY ") AS found"

#define COUNTED "IF(COUNT(*) = " MANY ", '" MANY " or more', COUNT(*))"

/* --- who acts ---------------------------------------------------------- */

static const char owner[] =
    "SELECT lease_until_utc > UTC_TIMESTAMP(3), holder, epoch,"
    " lease_until_utc FROM owner WHERE name = 'main'";

static const char beside[] = "SELECT COUNT(*) FROM owner WHERE name <> 'main'"
                             " AND lease_until_utc > UTC_TIMESTAMP(3)";

/* How many act beside it. */
static uint64_t
count_beside(struct doctor *d)
{
    struct db_rows *rows;
    uint64_t n = 0;

    if (!doctor_ask(d, RESULT_FAILED, beside, &rows))
        return 0;
    if (db_next(rows))
        n = db_uint(rows, 0);
    db_rows_close(&rows);
    return n;
}

/* A holder is "host:machine:doorbell". */
static void
tell_holder(struct doctor *d, const char *holder, const char *epoch)
{
    const char *bell = strrchr(holder, ':');
    uint64_t others = count_beside(d);
    char host[65] = "";
    size_t n;

    gethostname(host, sizeof host - 1);
    n = strlen(host);
    if (others > 0)
        doctor_tell(d, RESULT_OK, NULL,
            "acts: %s, epoch %s, and %llu beside it: mbevctl status", holder,
            epoch, (unsigned long long)others);
    else if (strncmp(holder, host, n) != 0 || holder[n] != ':')
        doctor_tell(d, RESULT_NOTE, NULL,
            "the service of another host acts: %s, epoch %s", holder, epoch);
    else if (bell && strcmp(bell + 1, d->ctl->set->service.doorbell) != 0)
        doctor_tell(d, RESULT_WARNING,
            "name the file of that service: mbevctl -c FILE doctor",
            "the service that acts goes by another configuration, its doorbell"
            " is %s",
            bell + 1);
    else
        doctor_tell(d, RESULT_OK, NULL, "acts: %s, epoch %s", holder, epoch);
}

static void
check_owner(struct doctor *d)
{
    struct db_rows *rows;

    if (!doctor_ask(d, RESULT_FAILED, owner, &rows))
        return;
    if (!db_next(rows))
        doctor_tell(d, RESULT_FAILED, CURE_SCHEMA,
            "table owner has no row 'main', so no service can act");
    else if (db_uint(rows, 0) == 0)
        doctor_tell(d, RESULT_FAILED, CURE_START,
            "NOT RUNNING: no service holds the lease; the last was '%s', until"
            " %s UTC",
            db_col(rows, 1), db_col(rows, 3));
    else
        tell_holder(d, db_col(rows, 1), db_col(rows, 2));
    db_rows_close(&rows);
}

/* --- what waits -------------------------------------------------------- */

static const char doubtful[] =
    "SELECT " SQL_WARNING ", CONCAT(" COUNTED ", ' ', action, ' may have been"
    " done or not, and are not repeated unasked; the last: ',"
    " COALESCE(SUBSTRING_INDEX(MAX(CONCAT(changed_utc, '|', reason)), '|', -1),"
    " 'no reason')), 'mbevctl queue doubtful; README, When something goes"
    " wrong: doubtful' FROM " SOME("state = 'doubtful'") " GROUP BY action";

static const char dead[] =
    "SELECT " SQL_WARNING ", CONCAT(" COUNTED
    ", ' ', action, ' were refused for"
    " good in the last 24 h; the last: ', COALESCE(SUBSTRING_INDEX(MAX(CONCAT("
    "changed_utc, '|', reason)), '|', -1), 'no reason')), 'mbevctl queue dead'"
    " FROM " SOME(
        "state = 'dead'"
        " AND changed_utc > UTC_TIMESTAMP(3) - INTERVAL 1 DAY") " GROUP BY "
                                                                "action";

static const char held[] =
    "SELECT " SQL_NOTE ", CONCAT(" COUNTED ", ' deliveries are held back by the"
    " operator, the first since ', MIN(changed_utc), ' UTC'),"
    " 'mbevctl queue held' FROM " SOME("state = 'held'") " HAVING COUNT(*) > 0";

static const char refused[] =
    "SELECT " SQL_FAILED ", CONCAT(lane, ': ', " COUNTED ", ' wait, because ',"
    " SUBSTRING_INDEX(MAX(CONCAT(changed_utc, '|', reason)), '|', -1)),"
    " IF(lane = 'decide', 'mbevctl queue', CONCAT('correct section [', lane,"
    " '] (key, password, money at the provider), then: mbevd -t; systemctl"
    " reload mbevd; nothing is lost'))"
    " FROM " SOME(
        "state = 'ready' AND error_class = 'configuration'") " GROUP BY lane";

static const char overdue[] =
    "SELECT " SQL_WARNING ", CONCAT(lane, ': ', " COUNTED
    ", ' are due since more"
    " than ten minutes', COALESCE(CONCAT('; the last try: ', MAX(reason)),"
    " '')), 'mbevctl queue' FROM " SOME(
        "state IN ('ready', 'retry')"
        " AND due_utc < UTC_TIMESTAMP(3) - INTERVAL 10 MINUTE"
        " AND lane NOT IN (SELECT lane FROM pause)") " GROUP BY lane";

static const char paused[] =
    "SELECT " SQL_WARNING ", CONCAT('lane ', lane, ' is paused since ',"
    " since_utc, ' UTC by ', who, COALESCE(CONCAT(': ', reason), ''), '; ',"
    " (SELECT COUNT(*) FROM delivery AS d WHERE d.lane = p.lane"
    " AND d.state IN ('ready', 'retry')), ' wait in it'),"
    " CONCAT('mbevctl resume ', lane) FROM pause AS p ORDER BY lane";

static const char till[] =
    "SELECT " SQL_WARNING ", CONCAT('queue ', queue, ' of tills is switched off"
    " since ', changed_utc, ' UTC'), 'switch it on in the cabinet of komtet;"
    " what waits there goes on' FROM till WHERE NOT active";

static const char routers[] =
    "SELECT " SQL_WARNING ", CONCAT(address, ' is held since ', since_utc,"
    " ' UTC: ', COALESCE(reason, 'no reason')), COALESCE(cure,"
    " 'mbevctl routers') FROM router WHERE state = 'held' ORDER BY since_utc"
    " DESC LIMIT 5";

static void
check_receipts(struct doctor *d)
{
    struct bytes words = bytes_make(512);
    uint64_t n = 0;

    if (late_count(d->ctl->db, d->ctl->set->receipt.alarm_ms, &n, &words) !=
        DB_OK)
        doctor_refused(d, RESULT_WARNING);
    else if (n > 0)
        doctor_tell(d, RESULT_FAILED,
            "mbevctl receipts lists them, with the reason", "%s",
            bytes_text(&words));
    else
        doctor_tell(d, RESULT_OK, NULL, "none is late");
    bytes_free(&words);
}

static void
check_dry_run(struct doctor *d)
{
    const char *actions = d->ctl->set->service.dry_run;

    if (*actions)
        doctor_tell(d, RESULT_NOTE,
            "mbevctl compare; at the end take it out of [service] dry_run, "
            "and reload",
            "%s: decided and recorded, not done", actions);
    else
        doctor_tell(d, RESULT_OK, NULL, "is off");
}

static const struct doctor_check checks[] = {
    { .name = "service", .database = true, .run = check_owner },
    { .name = "dry run", .database = true, .run = check_dry_run },
    { .name = "refused", .sql = refused, .well = "no account is" },
    { .name = "overdue", .sql = overdue, .well = "nothing" },
    { .name = "doubtful", .sql = doubtful, .well = "nothing" },
    { .name = "dead", .sql = dead, .well = "nothing in the last 24 h" },
    { .name = "held", .sql = held, .well = "nothing" },
    { .name = "paused", .sql = paused, .well = "no lane is" },
    { .name = "receipts", .database = true, .run = check_receipts },
    { .name = "till", .sql = till, .well = "is not switched off" },
    { .name = "routers", .sql = routers, .well = "none is held" },
};

const struct doctor_group doctor_service = { checks,
    sizeof checks / sizeof *checks };
