/*
 * doctor_capture: our library, our tables, and whether what they capture is
 * taken over.
 */
#include "doctor.h"

#include <errno.h>
#include <inttypes.h>
#include <mysqld_error.h>
#include <stdio.h>
#include <string.h>

enum { LOOK_AGAIN_MS = 600000, LOOKS = 10 };

#define CURE_LIBRARY                                                           \
    "lay mbev.so into the server's plugin_dir (SELECT @@plugin_dir), then "    \
    "mysql < sql/schema.sql, then mysql BILLING < sql/triggers.sql"

/* --- the library ------------------------------------------------------- */

static bool
ask_library(struct doctor *d, const char *sql, struct db_rows **rows)
{
    if (db_ask(d->ctl->db, sql, rows) == DB_OK)
        return true;
    if (db_errno(d->ctl->db) == ER_SP_DOES_NOT_EXIST ||
        db_errno(d->ctl->db) == ER_PROCACCESS_DENIED_ERROR)
        doctor_tell(d, RESULT_FAILED, CURE_LIBRARY,
            "functions of mbev.so are missing, so the triggers capture nothing"
            " (of one that is not there the server says: %s)",
            db_error(d->ctl->db));
    else
        doctor_refused(d, RESULT_FAILED);
    return false;
}

static void
check_library(struct doctor *d)
{
    struct db_rows *rows;

    if (!ask_library(d, "SELECT mbev_version(), mbev_json('v', 1)", &rows))
        return;
    if (!db_next(rows) || !db_col(rows, 0) || !db_col(rows, 1))
        doctor_tell(d, RESULT_FAILED, CURE_LIBRARY,
            "the functions of mbev.so return nothing");
    else if (strcmp(db_col(rows, 0), MBEV_VERSION) != 0)
        doctor_tell(d, RESULT_WARNING,
            "mbevctl upgrade; or lay the mbev.so of this version into"
            " plugin_dir, by rename, and restart the server",
            "the server has loaded version %s, this is %s", db_col(rows, 0),
            MBEV_VERSION);
    else
        doctor_tell(d, RESULT_OK, NULL, "version %s", db_col(rows, 0));
    db_rows_close(&rows);
}

/* What the server's own attempt to ring has met. */
static const struct met {
    int number; /* errno */
    enum result result;
    const char *what;
    const char *cure;
} met[] = {
    { 0, RESULT_OK, "the server rang, and somebody listens", NULL },
    { EAGAIN, RESULT_OK, "enough rings wait for the service already", NULL },
    { ENOENT, RESULT_WARNING, "the server finds no doorbell where it rings",
        CURE_START "; if it runs: [service] doorbell must be the path that "
                   "mbev.so was built with, and PrivateTmp or a chroot of the "
                   "server must not hide it" },
    { ECONNREFUSED, RESULT_WARNING, "nobody listens where the server rings",
        CURE_START },
    { EACCES, RESULT_WARNING, "the server may not ring",
        "chmod o+x the folder of the doorbell; with AppArmor or SELinux allow "
        "the server to write to /run/mikbill-events/doorbell" },
    { EPERM, RESULT_WARNING, "the server may not ring",
        "with AppArmor or SELinux allow the server to write to "
        "/run/mikbill-events/doorbell" },
    { ENAMETOOLONG, RESULT_WARNING,
        "the path where the server rings is too "
        "long",
        "a shorter MBEV_DOORBELL in the environment of the server" },
};

static void
tell_ring(struct doctor *d, int64_t number)
{
    for (size_t i = 0; i < sizeof met / sizeof *met; i++)
        if (met[i].number == number) {
            doctor_tell(d, met[i].result, met[i].cure, "%s%s", met[i].what,
                met[i].result == RESULT_OK
                    ? ""
                    : ": every change is noticed up to a second later");
            return;
        }
    doctor_tell(d, RESULT_WARNING, "see the limits of the server's process",
        "mbev_ring() = %" PRId64 ": %s", -number, strerror((int)number));
}

/* A ring carries nothing: at most the service looks once more. */
static void
check_ring(struct doctor *d)
{
    struct db_rows *rows;

    if (!ask_library(d, "SELECT -mbev_ring()", &rows))
        return;
    tell_ring(d, db_next(rows) ? (int64_t)db_uint(rows, 0) : EINVAL);
    db_rows_close(&rows);
}

/* --- our tables -------------------------------------------------------- */

static const char schema[] =
    "SELECT IF(MAX(version) = " SQL_SCHEMA ", " SQL_OK ", " SQL_FAILED "),"
    " CONCAT('version ', COALESCE(MAX(version), 'unknown'),"
    " IF(MAX(version) = " SQL_SCHEMA ", '', CONCAT(', and this program needs ',"
    " " SQL_SCHEMA ", ': a service of this version does nothing'))),"
    " IF(MAX(version) > " SQL_SCHEMA ", 'install the mbevd and mbevctl that"
    " belong to these tables', CONCAT('systemctl stop mbevd; " CURE_SCHEMA
    "; mysql ', " SQL_BILLING ", ' < sql/grants.sql; mysql ', " SQL_BILLING
    ", ' < sql/triggers.sql, all of this version; systemctl start mbevd'))"
    " FROM schema_version";

/* Those that schema.sql makes. */
#define TABLES                                                                 \
    "SELECT 'outbox' AS name UNION ALL SELECT 'event'"                         \
    " UNION ALL SELECT 'delivery' UNION ALL SELECT 'receipt'"                  \
    " UNION ALL SELECT 'till' UNION ALL SELECT 'router'"                       \
    " UNION ALL SELECT 'milestone' UNION ALL SELECT 'forgotten'"               \
    " UNION ALL SELECT 'gap' UNION ALL SELECT 'pause' UNION ALL SELECT "       \
    "'audit'"                                                                  \
    " UNION ALL SELECT 'pulse' UNION ALL SELECT 'api_credit'"                  \
    " UNION ALL SELECT 'owner' UNION ALL SELECT 'payment_kind'"                \
    " UNION ALL SELECT 'installation'"

static const char tables[] =
    "SELECT " SQL_FAILED ", CONCAT(name, ' is missing'), '" CURE_SCHEMA "'"
    " FROM (" TABLES ") AS need WHERE name NOT IN (SELECT TABLE_NAME"
    " FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE())"
    " UNION ALL SELECT " SQL_WARNING
    ", CONCAT(TABLE_NAME, ' is ', COALESCE(ENGINE,"
    " 'broken')), CONCAT('stop mbevd; ALTER TABLE mikbill_events.',"
    " TABLE_NAME, ' ENGINE=InnoDB') FROM information_schema.TABLES"
    " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE'"
    " AND COALESCE(ENGINE, '') <> 'InnoDB'";

static const char installation[] =
    "SELECT CASE WHEN billing <> " SQL_BILLING " THEN " SQL_FAILED
    " WHEN generation <> seen THEN " SQL_FAILED " ELSE " SQL_OK " END,"
    " CASE WHEN billing <> " SQL_BILLING
    " THEN CONCAT('the triggers are on ', billing, ', and [database] billing"
    " is ', " SQL_BILLING ") WHEN generation <> seen THEN CONCAT(billing,"
    " ' was ', generation, ' when triggers.sql ran, and is ', seen, ' now')"
    " ELSE CONCAT(billing, ' (', generation, '), captured since ',"
    " installed_utc, ' UTC') END,"
    " IF(billing <> " SQL_BILLING ", CONCAT('[database] billing = ', billing,"
    " ' in the configuration'), CONCAT('mysql ', billing,"
    " ' < sql/triggers.sql'))"
    " FROM installation, (SELECT IF(SUM(COLUMN_NAME = 'state') > 0, 'modern',"
    " IF(COUNT(*) > 0, 'legacy', NULL)) AS seen"
    " FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = " SQL_BILLING
    " AND TABLE_NAME = 'users') AS present"
    " UNION ALL SELECT " SQL_FAILED ", 'triggers.sql was never run',"
    " CONCAT('mysql ', " SQL_BILLING ", ' < sql/triggers.sql') FROM"
    " (SELECT 1) AS one WHERE NOT EXISTS (SELECT 1 FROM installation)";

/* --- what is captured -------------------------------------------------- */

static const char outbox[] =
    "SELECT CASE WHEN age > 60 THEN " SQL_FAILED " WHEN age > 10 THEN"
    " " SQL_WARNING " ELSE " SQL_OK " END,"
    " CONCAT(IF(n > 100000, 'more than 100000', n), ' captured changes wait to"
    " be taken over', IF(n > 0, CONCAT(', the oldest since ', age, ' s'), '')),"
    " '" CURE_START "' FROM (SELECT COUNT(*) AS n FROM (SELECT 1 FROM outbox"
    " LIMIT 100001) AS waiting) AS counted, (SELECT COALESCE(GREATEST(0,"
    " TIMESTAMPDIFF(SECOND, MIN(captured_utc), UTC_TIMESTAMP(3))), 0) AS age"
    " FROM (SELECT captured_utc FROM outbox ORDER BY id LIMIT 1) AS head)"
    " AS oldest";

static const char gaps[] =
    "SELECT " SQL_FAILED ", CONCAT(source, ' is not captured since ',"
    " from_utc, ' UTC: ', reason), CONCAT('mysql ', " SQL_BILLING ", ' <"
    " sql/triggers.sql', IF(reason LIKE '%mbev.so are missing%',"
    " ', after mysql < sql/schema.sql', ''), IF(source LIKE 'bugh%', '',"
    " '; then look at what was changed in that time: mbevctl gaps'))"
    " FROM gap WHERE row_id IS NULL AND until_utc IS NULL ORDER BY id";

static const char late[] =
    "SELECT " SQL_WARNING ", CONCAT(COUNT(*), ' rows of ', source, ' were"
    " captured late in the last 24 h, the last at ', MAX(until_utc), ' UTC'),"
    " 'mbevctl gaps lists them; if all triggers are well: the error log of the"
    " server' FROM gap WHERE row_id IS NOT NULL"
    " AND until_utc > UTC_TIMESTAMP(3) - INTERVAL 1 DAY GROUP BY source";

static const char events[] =
    "SELECT " SQL_OK ", CONCAT('the last is ', id, ', ', kind, ', captured ',"
    " captured_utc, ' UTC'), NULL FROM event ORDER BY id DESC LIMIT 1";

/* Of the newest only: nothing else finds them quickly. */
static const char problems[] =
    "SELECT " SQL_WARNING ", CONCAT(COUNT(*), ' of the newest 10000 events"
    " were not understood: ', MIN(problem)), CONCAT('mbevctl show ', MAX(id))"
    " FROM event WHERE id > (SELECT GREATEST(MAX(id), 10000) - 10000"
    " FROM event) AND problem IS NOT NULL HAVING COUNT(*) > 0";

/* The service notes each round when it has seen triggers and library. */
static void
check_reconciliation(struct doctor *d)
{
    struct bytes sql = bytes_make(2048);
    int64_t pause_ms = d->ctl->set->service.reconcile_ms;

    if (pause_ms == 0) {
        bytes_free(&sql);
        doctor_tell(d, RESULT_WARNING, "[service] reconcile = 1 min",
            "is off: what a trigger misses is lost");
        return;
    }
    if (pause_ms * LOOKS < LOOK_AGAIN_MS)
        pause_ms = LOOK_AGAIN_MS / LOOKS;
    bytes_printf(&sql,
        "SELECT IF(age > %" PRId64 ", " SQL_WARNING ", " SQL_OK "),"
        " CONCAT('the last round was ', age, ' s ago'), '" CURE_START "'"
        " FROM (SELECT TIMESTAMPDIFF(SECOND, MAX(at_utc), UTC_TIMESTAMP(3))"
        " AS age FROM milestone WHERE source LIKE 'trigger:%%'"
        " OR source = 'library') AS rounds WHERE age IS NOT NULL",
        pause_ms * LOOKS / 1000);
    doctor_run(d, &sql, "there was no round yet");
}

static const struct doctor_check checks[] = {
    { .name = "library", .database = true, .run = check_library },
    { .name = "ring", .database = true, .run = check_ring },
    { .name = "schema", .sql = schema },
    { .name = "tables", .sql = tables, .well = "all are there, and InnoDB" },
    { .name = "installation", .sql = installation },
    { .name = "outbox", .sql = outbox },
    { .name = "gaps", .sql = gaps, .well = "none is open" },
    { .name = "late", .sql = late, .well = "nothing in the last 24 h" },
    { .name = "events", .sql = events, .well = "there is none yet" },
    { .name = "understood", .sql = problems, .well = "all events are" },
    { .name = "reconciliation", .database = true, .run = check_reconciliation },
};

const struct doctor_group doctor_capture = { checks,
    sizeof checks / sizeof *checks };
