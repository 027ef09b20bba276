/* billing: see billing.h. */
#include "billing.h"

#include "dry.h"
#include "log.h"

#include <inttypes.h>

enum { SMALLEST_PACKET = 1 << 20 };

static enum db_status
ask_number(struct db *db, const struct bytes *sql, uint64_t *out)
{
    struct db_rows *rows;
    enum db_status status = db_query(db, sql, &rows);

    if (status != DB_OK)
        return status;
    *out = db_next(rows) ? db_uint(rows, 0) : 0;
    db_rows_close(&rows);
    return DB_OK;
}

static enum db_status
check_schema(struct db *db, struct trouble *trouble)
{
    struct bytes sql = bytes_make(256);
    enum db_status status;
    uint64_t version = 0;

    bytes_str(&sql, "SELECT MAX(version) FROM schema_version");
    status = ask_number(db, &sql, &version);
    bytes_free(&sql);
    if (status == DB_REFUSED)
        trouble_tell(trouble, LOG_ERROR,
            "billing: our tables cannot be read: %s; "
            "run sql/schema.sql and sql/grants.sql",
            db_error(db));
    if (status != DB_OK || version == BILLING_SCHEMA)
        return status;
    trouble_tell(trouble, LOG_ERROR,
        "billing: our tables have version %llu, this mbevd needs %d; "
        "run the sql/schema.sql that came with it",
        (unsigned long long)version, BILLING_SCHEMA);
    return DB_REFUSED;
}

/* Whether the billing has that column, as far as this account can see. */
static enum db_status
has_column(struct db *db, const char *billing, const char *table,
    const char *column, bool *has)
{
    struct bytes sql = bytes_make(1024);
    enum db_status status;
    uint64_t n = 0;

    bytes_str(&sql, "SELECT COUNT(*) FROM information_schema.COLUMNS"
                    " WHERE TABLE_SCHEMA=");
    db_text(&sql, billing);
    bytes_str(&sql, " AND TABLE_NAME=");
    db_text(&sql, table);
    bytes_str(&sql, " AND COLUMN_NAME=");
    db_text(&sql, column);
    status = ask_number(db, &sql, &n);
    bytes_free(&sql);
    *has = n > 0;
    return status;
}

static enum db_status
check_billing(
    struct db *db, const char *name, bool *modern, struct trouble *trouble)
{
    bool there;
    enum db_status status = has_column(db, name, "users", "sms_tel", &there);

    if (status == DB_OK && there)
        return has_column(db, name, "users", "state", modern);
    if (status != DB_OK)
        return status;
    trouble_tell(trouble, LOG_ERROR,
        "billing: this account sees no table users with a column "
        "sms_tel in database %s; check [database] billing and run "
        "sql/grants.sql in it",
        name);
    return DB_REFUSED;
}

const char *
billing_table(enum place place)
{
    static const char *const names[BILLING_PLACES] = {
        [PLACE_USERS] = "users",
        [PLACE_FROZEN] = "usersfreeze",
        [PLACE_BLOCKED] = "usersblok",
        [PLACE_DELETED] = "usersdel",
    };

    return names[place];
}

/* Not every billing has all tables of subscribers. */
static enum db_status
check_tables(struct billing *billing, struct db *db, const struct settings *set)
{
    enum db_status status = DB_OK;

    for (enum place p = 0; p < BILLING_PLACES && status == DB_OK; p++) {
        status = has_column(
            db, billing->name, billing_table(p), "sms_tel", &billing->has[p]);
        if (status == DB_OK)
            status = has_column(db, billing->name, billing_table(p), "real_ip",
                &billing->has_real_ip[p]);
        if (status == DB_OK && set->receipt.email)
            status = has_column(db, billing->name, billing_table(p), "email",
                &billing->has_email[p]);
    }
    return status;
}

/* What decisions and work need beside the subscribers. */
static enum db_status
check_extras(struct billing *billing, struct db *db)
{
    const struct {
        const char *table, *column;
        bool *has;
    } extras[] = {
        { "packets", "razresh_minus", &billing->has_packets },
        { "users_custom_fields", "value", &billing->has_fields },
        { "addons_pay_api", "update_time", &billing->has_api },
        { "logs", "stuffid", &billing->has_logs },
        { "stuff_personal", "inn", &billing->has_staff },
        { "radnas", "naspass", &billing->has_routers },
        { "radnas", "use_api", &billing->has_use_api },
        { "radacct", "acctterminatecause", &billing->has_radacct },
    };
    enum db_status status = DB_OK;

    for (size_t i = 0; i < sizeof extras / sizeof *extras && status == DB_OK;
         i++)
        status = has_column(db, billing->name, extras[i].table,
            extras[i].column, extras[i].has);
    return status;
}

enum db_status
billing_look_for_routers(
    struct billing *billing, struct db *db, const struct settings *set)
{
    enum db_status status;

    *billing = (struct billing){ .name = set->database.billing };
    status = has_column(
        db, billing->name, "radnas", "naspass", &billing->has_routers);
    if (status == DB_OK)
        status = has_column(
            db, billing->name, "radnas", "use_api", &billing->has_use_api);
    return status;
}

static enum db_status
check_server(struct billing *billing, struct db *db)
{
    struct bytes sql = bytes_make(256);
    enum db_status status;
    uint64_t knows = 0;

    bytes_str(&sql, "SELECT " DB_KNOWS_NOWAIT);
    status = ask_number(db, &sql, &knows);
    bytes_free(&sql);
    billing->locks_at_once = knows != 0;
    return status;
}

/* Installations that grew from old versions still have MyISAM tables. */
static enum db_status
check_engines(struct billing *billing, struct db *db)
{
    struct bytes sql = bytes_make(1024);
    enum db_status status;
    uint64_t n = 0;

    bytes_str(&sql,
        "SELECT COUNT(*) FROM information_schema.TABLES JOIN"
        " information_schema.ENGINES USING (ENGINE)"
        " WHERE TABLE_NAME IN ('addons_pay_api', 'users_custom_fields',"
        " 'logs') AND TRANSACTIONS <> 'YES' AND TABLE_SCHEMA = ");
    db_text(&sql, billing->name);
    status = ask_number(db, &sql, &n);
    bytes_free(&sql);
    billing->undoable = n == 0;
    return status;
}

static enum db_status
check_durability(struct billing *billing, struct db *db)
{
    struct db_rows *rows;
    enum db_status status = db_ask(db,
        "SELECT @@innodb_flush_log_at_trx_commit,"
        " @@innodb_flush_log_at_timeout",
        &rows);

    if (status != DB_OK)
        return status;
    if (db_next(rows)) {
        billing->lazy_flush = db_uint(rows, 0) != 1;
        billing->flush_us = (int64_t)db_uint(rows, 1) * 1000000;
    }
    db_rows_close(&rows);
    return DB_OK;
}

/* Our batches are made for the smallest packet that servers were ever set up
 * with; a smaller one would end the connection at the first of them. */
static enum db_status
check_packet(struct db *db, struct trouble *trouble)
{
    struct bytes sql = bytes_make(64);
    enum db_status status;
    uint64_t size = 0;

    bytes_str(&sql, "SELECT @@max_allowed_packet");
    status = ask_number(db, &sql, &size);
    bytes_free(&sql);
    if (status != DB_OK || size >= SMALLEST_PACKET)
        return status;
    trouble_tell(trouble, LOG_ERROR,
        "billing: the server takes packets of %" PRIu64 " bytes, and mbevd "
        "needs 1 MB; raise max_allowed_packet at the server",
        size);
    return DB_REFUSED;
}

void
billing_lock_row(struct bytes *sql, const struct billing *billing,
    const char *table, const char *column, uint64_t id)
{
    bytes_str(sql, "SELECT 1 FROM ");
    db_name(sql, billing->name);
    bytes_chr(sql, '.');
    db_name(sql, table);
    bytes_printf(sql, " WHERE %s = %" PRIu64, column, id);
    bytes_str(sql, DB_LOCK_NOWAIT);
}

bool
billing_can_reward(const struct billing *billing)
{
    return billing->has_packets && billing->has_fields && billing->has_api;
}

/* As the predecessor lays it out; numbers that were taken are not taken again
 * when the table was put away. */
static void
add_receipts_table(
    struct bytes *sql, const char *billing, const char *table, uint64_t first)
{
    bytes_str(sql, "CREATE TABLE IF NOT EXISTS ");
    db_name(sql, billing);
    bytes_printf(sql, ".%s", table);
    bytes_str(sql,
        " (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,"
        " create_time TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,"
        " update_time TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP"
        " ON UPDATE CURRENT_TIMESTAMP,"
        " user_id VARCHAR(128) NOT NULL, contact VARCHAR(128) NOT NULL,"
        " int_id VARCHAR(128) NULL, ext_id INT NULL,"
        " state VARCHAR(128) NULL, error VARCHAR(128) NULL)"
        " ENGINE=InnoDB DEFAULT CHARACTER SET utf8"
        " COLLATE utf8_general_ci");
    bytes_printf(sql, " AUTO_INCREMENT=%" PRIu64, first);
}

static enum db_status
read_first_number(struct db *db, const char *table, uint64_t *first)
{
    struct bytes sql = bytes_make(1024);
    enum db_status status;

    bytes_str(&sql, "SELECT MAX(log_id) FROM receipt WHERE log_table = ");
    db_text(&sql, table);
    status = ask_number(db, &sql, first);
    bytes_free(&sql);
    ++*first;
    return status;
}

static enum db_status
make_receipts_table(struct db *db, const struct billing *billing,
    const struct settings *set, struct trouble *trouble)
{
    struct bytes sql = bytes_make(2048);
    uint64_t first = 0;
    enum db_status status = read_first_number(db, set->receipt.table, &first);

    add_receipts_table(&sql, billing->name, set->receipt.table, first);
    if (status == DB_OK)
        status = db_run(db, &sql);
    bytes_free(&sql);
    if (status == DB_OK || status == DB_GONE)
        return status;
    trouble_tell(trouble, LOG_ERROR,
        "billing: table %s of receipts is not there and cannot be made: "
        "%s; run sql/grants.sql",
        set->receipt.table, db_error(db));
    return DB_OK;
}

/* In a dry run the billing stays as it is. */
static bool
wants_receipts(const struct settings *set)
{
    return (set->receipt.payments || set->receipt.refunds) &&
           !dry_holds(set, "receipt");
}

/* The list of receipts in the billing: the predecessor's goes on, a new one is
 * made where receipts are switched on. */
static enum db_status
check_receipts(struct billing *billing, struct db *db,
    const struct settings *set, struct trouble *trouble)
{
    const char *table = set->receipt.table;
    bool *has = &billing->has_receipts;
    enum db_status status;

    if (!wants_receipts(set))
        return DB_OK;
    status = has_column(db, billing->name, table, "int_id", has);
    if (status != DB_OK || *has)
        return status;
    status = make_receipts_table(db, billing, set, trouble);
    if (status == DB_OK)
        status = has_column(db, billing->name, table, "int_id", has);
    if (status == DB_OK && *has)
        log_info("billing: table %s of receipts is there now, in database %s",
            table, billing->name);
    return status;
}

static bool
lacks_reward(const struct billing *billing, const struct settings *set)
{
    return (set->bonus_topup.on || set->bonus_loyalty.on) &&
           !billing_can_reward(billing);
}

bool
billing_lacks(const struct billing *billing, const struct settings *set)
{
    return lacks_reward(billing, set) ||
           (settings_resets(set) && !billing->has_routers) ||
           (wants_receipts(set) && !billing->has_receipts);
}

/* Work that is switched on and cannot be done waits; the operator must know. */
static void
complain_unseen(const struct billing *billing, const struct settings *set,
    struct trouble *trouble)
{
    if (wants_receipts(set) && !billing->has_receipts)
        trouble_tell(
            trouble, LOG_ERROR, "billing: receipts wait: " BILLING_NO_RECEIPTS);
    if (lacks_reward(billing, set))
        trouble_tell(
            trouble, LOG_ERROR, "billing: bonuses wait: " BILLING_NO_REWARD);
    if (settings_resets(set) && !billing->has_routers)
        trouble_tell(trouble, LOG_ERROR,
            "billing: session resets wait: " BILLING_NO_ROUTERS);
    if (settings_resets(set) && settings_needs_radacct(set) &&
        !billing->has_radacct)
        trouble_tell(trouble, LOG_ERROR,
            "billing: this account does not see table radacct of the "
            "billing, so nobody is seen online; run sql/grants.sql");
    if (settings_removes_discounts(set) &&
        (!billing->has_fields || !billing->has_logs))
        trouble_tell(trouble, LOG_ERROR,
            "billing: discounts are not removed: this account does not "
            "see users_custom_fields and logs; run sql/grants.sql");
}

enum db_status
billing_look(struct billing *billing, struct db *db, const struct settings *set,
    struct trouble *trouble)
{
    enum db_status status;

    *billing = (struct billing){ .name = set->database.billing };
    status = check_packet(db, trouble);
    if (status == DB_OK)
        status = check_schema(db, trouble);
    if (status == DB_OK)
        status = check_billing(db, billing->name, &billing->modern, trouble);
    if (status == DB_OK)
        status = check_tables(billing, db, set);
    if (status == DB_OK)
        status = check_extras(billing, db);
    if (status == DB_OK)
        status = check_server(billing, db);
    if (status == DB_OK)
        status = check_engines(billing, db);
    if (status == DB_OK)
        status = check_durability(billing, db);
    if (status == DB_OK)
        status = check_receipts(billing, db, set, trouble);
    if (status == DB_OK)
        complain_unseen(billing, set, trouble);
    return status;
}
