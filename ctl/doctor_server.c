/*
 * doctor_server: the database server: what it is, and those of its settings
 * under which something of ours would fail, wait, or be lost.
 */
#include "doctor.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LONG_HISTORY "1000000"

/* 1011 of 10.11, 800 of 8.0. */
#define VERSION                                                                \
    "(SUBSTRING_INDEX(VERSION(), '.', 1) * 100"                                \
    " + SUBSTRING_INDEX(SUBSTRING_INDEX(VERSION(), '.', 2), '.', -1))"
#define IS_MARIADB "VERSION() LIKE '%MariaDB%'"

/* Tables of the billing that have a trigger of ours. */
#define CAPTURED                                                               \
    "('bugh_plategi_stat', 'bugh_uslugi_stat', 'users', 'usersfreeze',"        \
    " 'usersblok', 'usersdel')"

/* Those that a ROLLBACK leaves as they are. */
#define CRUDE_TABLES                                                           \
    " FROM information_schema.TABLES WHERE TABLE_SCHEMA = " SQL_BILLING        \
    " AND TABLE_NAME IN " CAPTURED " AND ENGINE NOT IN (SELECT ENGINE FROM"    \
    " information_schema.ENGINES WHERE TRANSACTIONS = 'YES')"

static const char version[] =
    "SELECT CASE WHEN " VERSION " < IF(" IS_MARIADB ", 1005, 506)"
    " THEN " SQL_FAILED " WHEN " VERSION " >= IF(" IS_MARIADB ", 1300, 900)"
    " THEN " SQL_NOTE " ELSE " SQL_OK " END,"
    " CONCAT(VERSION(), ', ', @@version_comment),"
    " CONCAT('known to work are MariaDB from 10.5 and MySQL or Percona from"
    " 5.6 on', IF(" VERSION " < 1000, ', below 9', ''),"
    " ': try what you do not know with a copy of the billing')";

static const char writable[] =
    "SELECT IF(@@GLOBAL.read_only, " SQL_FAILED ", " SQL_OK "),"
    " IF(@@GLOBAL.read_only, 'the server is read only: the service can do"
    " nothing, and changes may go by uncaptured', 'it may be written'),"
    " 'SET GLOBAL read_only = 0; or, if it is a replica, name the primary in"
    " [database]'";

static const char flushing[] =
    "SELECT IF(@@GLOBAL.innodb_flush_log_at_trx_commit = 1, " SQL_OK
    ", " SQL_NOTE "), CONCAT('innodb_flush_log_at_trx_commit = ',"
    " @@GLOBAL.innodb_flush_log_at_trx_commit,"
    " IF(@@GLOBAL.innodb_flush_log_at_trx_commit = 1, '', ': a crash of the"
    " machine forgets about a second of payments; nothing is sent twice all"
    " the same')),"
    " 'where the disks bear it: SET GLOBAL innodb_flush_log_at_trx_commit = 1,"
    " and the same in my.cnf'";

static const char counter[] =
    "SELECT IF(@@GLOBAL.innodb_autoinc_lock_mode = 0, " SQL_FAILED ", " SQL_OK
    "), CONCAT('innodb_autoinc_lock_mode = ',"
    " @@GLOBAL.innodb_autoinc_lock_mode,"
    " IF(@@GLOBAL.innodb_autoinc_lock_mode = 0, ': statements of the billing"
    " wait for each other at our outbox', '')),"
    " 'innodb_autoinc_lock_mode = 2 in my.cnf, and restart the server'";

static const char rollback[] =
    "SELECT IF(@@GLOBAL.innodb_rollback_on_timeout, " SQL_WARNING ", " SQL_OK
    "), CONCAT('innodb_rollback_on_timeout = ',"
    " IF(@@GLOBAL.innodb_rollback_on_timeout, 'ON: a lock wait that ends takes"
    " the whole transaction back, the payment, too', 'OFF')),"
    " 'innodb_rollback_on_timeout = OFF in my.cnf, and restart the server'";

/* What binlog_check of schema.sql refuses. */
static const char binary_log[] =
    "SELECT CASE WHEN NOT @@GLOBAL.log_bin THEN " SQL_OK
    " WHEN @@GLOBAL.binlog_format = 'STATEMENT' THEN " SQL_FAILED
    " WHEN @@GLOBAL.binlog_format = 'MIXED'"
    " AND NOT (" IS_MARIADB " AND " VERSION " >= 1006) THEN " SQL_FAILED
    " ELSE " SQL_OK " END,"
    " CASE WHEN NOT @@GLOBAL.log_bin THEN 'there is none'"
    " WHEN @@GLOBAL.binlog_format = 'STATEMENT' THEN"
    " 'binlog_format = STATEMENT: statements of the billing may fail in our"
    " triggers with 1665, and the triggers run again on replicas'"
    " ELSE CONCAT('binlog_format = ', @@GLOBAL.binlog_format) END,"
    " 'SET GLOBAL binlog_format = ''ROW'', the same in my.cnf, and have the"
    " billing connect anew'";

static const char engines[] =
    "SELECT " SQL_NOTE ", CONCAT(TABLE_NAME, ' is ', ENGINE, ': a payment that"
    " is rolled back stays there, and is captured late'),"
    " CONCAT('ALTER TABLE ', TABLE_NAME, ' ENGINE=InnoDB, at night; MikBill"
    " must bear it')" CRUDE_TABLES;

static const char packets[] =
    "SELECT IF(@@max_allowed_packet < 1048576, " SQL_FAILED ", " SQL_OK "),"
    " CONCAT('max_allowed_packet = ', @@max_allowed_packet),"
    " 'SET GLOBAL max_allowed_packet = 16777216, and the same in my.cnf'";

/* Ours is '', whatever the server's is: what the billing stores too long is cut
 * there, so it must be here. */
static const char modes[] =
    "SELECT IF(@@SESSION.sql_mode = '', " SQL_OK ", " SQL_WARNING "),"
    " CONCAT('server: ''', @@GLOBAL.sql_mode, ''', our session: ''',"
    " @@SESSION.sql_mode, ''''), 'see init_connect of the server: it must not"
    " set sql_mode'";

static const char connection[] =
    "SELECT IF(@@character_set_client = 'utf8mb4'"
    " AND @@character_set_connection = 'utf8mb4'"
    " AND @@character_set_results = 'utf8mb4', " SQL_OK ", " SQL_FAILED "),"
    " CONCAT('the connection speaks ', @@character_set_client, ', ',"
    " @@character_set_connection, ', ',"
    " COALESCE(@@character_set_results, 'no conversion')),"
    " 'see init_connect and skip-character-set-client-handshake of the server'";

static const char our_text[] =
    "SELECT " SQL_WARNING ", CONCAT('mikbill_events.', TABLE_NAME, '.',"
    " COLUMN_NAME, ' is ', CHARACTER_SET_NAME, ', not utf8mb4 or ascii: text"
    " may be lost'), 'was it changed by hand? ALTER TABLE ... MODIFY as"
    " sql/schema.sql has it, with mbevd stopped'"
    " FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE()"
    " AND CHARACTER_SET_NAME NOT IN ('utf8mb4', 'ascii') LIMIT 5";

/* The server converts what it knows; latin1 is mostly something else. */
static const char their_text[] =
    "SELECT MAX(IF(CHARACTER_SET_NAME = 'latin1', " SQL_NOTE ", " SQL_OK ")),"
    " CONCAT('text of users and payments is ',"
    " GROUP_CONCAT(DISTINCT CHARACTER_SET_NAME SEPARATOR ', ')),"
    " 'is the text really latin1? If the billing shows it well and mbevctl"
    " test shows it garbled, convert those tables'"
    " FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = " SQL_BILLING
    " AND TABLE_NAME IN ('users', 'bugh_plategi_stat')"
    " AND CHARACTER_SET_NAME IS NOT NULL AND CHARACTER_SET_NAME <> 'ascii'"
    " HAVING COUNT(*) > 0";

/* --- what only some servers tell --------------------------------------- */

/* Reads one value of the server's state; false when there is none of that
 * name. */
static bool
read_state(struct doctor *d, const char *sql, uint64_t *value)
{
    struct db_rows *rows;
    bool there;

    if (db_ask(d->ctl->db, sql, &rows) != DB_OK)
        return false;
    there = db_next(rows);
    if (there)
        *value = db_uint(rows, 1);
    db_rows_close(&rows);
    return there;
}

/* Whoever keeps the server from forgetting old rows: needs PROCESS. */
static void
tell_oldest(struct doctor *d, uint64_t length)
{
    struct db_rows *rows;
    bool there = false;

    if (db_ask(d->ctl->db,
            "SELECT CONCAT('KILL ', trx_mysql_thread_id), trx_started"
            " FROM information_schema.INNODB_TRX ORDER BY trx_started LIMIT 1",
            &rows) == DB_OK) {
        there = db_next(rows);
        if (there)
            doctor_tell(d, RESULT_WARNING, db_col(rows, 0),
                "history of %" PRIu64 " transactions; one is open since %s",
                length, db_col(rows, 1));
        db_rows_close(&rows);
    }
    if (!there)
        doctor_tell(d, RESULT_WARNING,
            "as root: SELECT * FROM information_schema.INNODB_TRX ORDER BY"
            " trx_started; a backup or a forgotten client?",
            "history of %" PRIu64 " transactions: one is open for long, which"
            " slows every look at a queue down",
            length);
}

static void
check_history(struct doctor *d)
{
    uint64_t length;

    if (!read_state(d, "SHOW GLOBAL STATUS LIKE 'Innodb_history_list_length'",
            &length) &&
        !read_state(d,
            "SELECT NAME, COUNT FROM information_schema.INNODB_METRICS"
            " WHERE NAME = 'trx_rseg_history_len'",
            &length))
        doctor_tell(d, RESULT_NOTE,
            "if you want it seen: GRANT PROCESS ON *.* TO"
            " 'mbev_service'@'localhost'",
            "the length of the history is not seen without PROCESS");
    else if (length > strtoull(LONG_HISTORY, NULL, 10))
        tell_oldest(d, length);
    else
        doctor_tell(
            d, RESULT_OK, NULL, "%" PRIu64 " transactions long", length);
}

static void
check_replica(struct doctor *d)
{
    struct db_rows *rows;
    bool on = false;

    if (!doctor_ask(
            d, RESULT_NOTE, "SHOW GLOBAL STATUS LIKE 'Slave_running'", &rows))
        return;
    if (db_next(rows))
        on = strcmp(db_col(rows, 1), "ON") == 0;
    db_rows_close(&rows);
    if (on)
        doctor_tell(d, RESULT_WARNING, "name the primary in [database]",
            "the server is a replica: what the service writes stays here");
    else
        doctor_tell(d, RESULT_OK, NULL, "the server copies no other");
}

/* A server that has GTIDs and is strict about them: MySQL since 5.6. */
static void
check_gtids(struct doctor *d)
{
    static const char strict[] =
        "SHOW GLOBAL VARIABLES WHERE Variable_name ="
        " 'enforce_gtid_consistency' AND Value NOT IN ('OFF', '0')";
    struct bytes sql = bytes_make(1024);
    struct db_rows *rows;
    bool there;

    if (!doctor_ask(d, RESULT_NOTE, strict, &rows))
        return;
    there = db_next(rows);
    db_rows_close(&rows);
    bytes_printf(&sql,
        "SELECT " SQL_FAILED ", CONCAT('enforce_gtid_consistency is on, and ',"
        " TABLE_NAME, ' has no transactions: statements of the billing on it"
        " fail with 1785'), CONCAT('ALTER TABLE ', TABLE_NAME,"
        " ' ENGINE=InnoDB, at night')" CRUDE_TABLES " AND %d",
        there);
    doctor_run(d, &sql, "nothing is against it");
}

static const struct doctor_check checks[] = {
    { .name = "server", .sql = version },
    { .name = "read only", .sql = writable },
    { .name = "replica", .database = true, .run = check_replica },
    { .name = "commits", .sql = flushing },
    { .name = "counters", .sql = counter },
    { .name = "lock waits", .sql = rollback },
    { .name = "binary log", .sql = binary_log },
    { .name = "gtid", .database = true, .run = check_gtids },
    { .name = "engines", .sql = engines, .well = "all have transactions" },
    { .name = "packets", .sql = packets },
    { .name = "sql_mode", .sql = modes },
    { .name = "character set", .sql = connection },
    { .name = "our text", .sql = our_text, .well = "utf8mb4 and ascii" },
    { .name = "billing's text", .sql = their_text, .well = "is not seen" },
    { .name = "history", .database = true, .run = check_history },
};

const struct doctor_group doctor_server = { checks,
    sizeof checks / sizeof *checks };
