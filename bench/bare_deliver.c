/*
 * bare_deliver: the ceiling of delivering messages. Takes due deliveries in
 * batches, marks them as being called in one transaction, and in a second one
 * writes their results and the rows of the billing's log: what mbevd writes
 * around the calls, without the calls.
 *
 *   bare_deliver SOCKET USER PASSWORD_FILE BATCH
 */
#include "bare.h"

#include <inttypes.h>
#include <stdlib.h>

enum { MOST_BATCH = 1000 };

static size_t
read_due(struct db *db, long batch, struct bytes *sql, uint64_t *ids)
{
    struct db_rows *rows;
    size_t n = 0;

    bytes_printf(sql,
        "SELECT id, event_id, address, payload FROM delivery"
        " WHERE state = 'ready' AND lane = 'smspilot'"
        " AND due_utc <= UTC_TIMESTAMP(3) ORDER BY due_utc, id LIMIT %ld",
        batch);
    rows = bare_query(db, sql);
    while (db_next(rows))
        ids[n++] = db_uint(rows, 0);
    db_rows_close(&rows);
    return n;
}

static void
mark(struct db *db, struct bytes *sql, const uint64_t *ids, size_t n)
{
    bare_begin(db, sql);
    bytes_str(sql, "UPDATE ");
    db_ids(sql, ids, n);
    bytes_str(sql,
        " AS one STRAIGHT_JOIN delivery AS d FORCE INDEX (PRIMARY)"
        " ON d.id = one.id SET d.changed_utc = UTC_TIMESTAMP(3),"
        " d.state = 'calling', d.attempts = d.attempts + 1, d.epoch = 1"
        " WHERE d.state IN ('ready', 'retry'); COMMIT");
    bare_run(db, sql);
}

static void
add_results(struct bytes *sql, const uint64_t *ids, size_t n)
{
    bytes_str(sql, "UPDATE (SELECT 0 AS id, '' AS provider_id");
    for (size_t i = 0; i < n; i++)
        bytes_printf(
            sql, " UNION ALL SELECT %" PRIu64 ",'%" PRIu64 "'", ids[i], ids[i]);
    bytes_str(sql, ") AS r STRAIGHT_JOIN delivery AS d FORCE INDEX (PRIMARY)"
                   " ON d.id = r.id SET d.state = 'done',"
                   " d.changed_utc = UTC_TIMESTAMP(3), d.ask = 0,"
                   " d.provider = 'smspilot', d.provider_id = r.provider_id,"
                   " d.error_class = NULL, d.error_code = NULL, d.reason = NULL"
                   " WHERE d.state = 'calling';");
}

static void
record(struct db *db, struct bytes *sql, const uint64_t *ids, size_t n)
{
    bare_begin(db, sql);
    add_results(sql, ids, n);
    bytes_str(sql, "INSERT INTO mikbill.sms_logs (sms_type_id, uid, sms_phone,"
                   " sms_text, sms_error_text) VALUES ");
    for (size_t i = 0; i < n; i++)
        bytes_printf(sql, "%s(0,%" PRIu64 ",'79000000001','bench: 100.00','')",
            i ? "," : "", ids[i] % 1000 + 1);
    bytes_str(sql, "; COMMIT");
    bare_run(db, sql);
}

int
main(int argc, char **argv)
{
    struct bytes sql = bytes_make(16 << 20);
    uint64_t ids[MOST_BATCH];
    struct db *db;
    long batch;
    size_t n;

    if (argc != 5)
        return 64;
    db = bare_open(argv[1], argv[2], argv[3]);
    batch = strtol(argv[4], NULL, 10);
    if (batch < 1 || batch > MOST_BATCH)
        return 64;
    while ((n = read_due(db, batch, &sql, ids)) > 0) {
        mark(db, &sql, ids, n);
        record(db, &sql, ids, n);
    }
    db_close(&db);
    bytes_free(&sql);
    return 0;
}
