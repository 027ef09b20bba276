/*
 * bare_ingest: the ceiling of ingest. Moves rows from the outbox to event and
 * delivery in batches, with the same statements and the same bytes as mbevd,
 * and nothing around them: it reads no JSON, asks for no subscriber, decides
 * nothing.
 *
 *   bare_ingest SOCKET USER PASSWORD_FILE BATCH
 */
#include "bare.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char reason[] = "bench: 79001234567";

static size_t
insert_events(
    struct db *db, struct bytes *sql, struct bytes *ids, struct db_rows *rows)
{
    size_t n = 0;

    bytes_str(sql, "INSERT INTO event (kind, uid, source_key, captured_utc,"
                   " ingested_utc, problem, body) VALUES ");
    for (; db_next(rows); n++) {
        bytes_printf(ids, "%s%s", n ? "," : "", db_col(rows, 0));
        bytes_printf(sql, "%s('payment',%zu,", n ? "," : "", n % 1000 + 1);
        bytes_printf(sql,
            "'payment:bugh_plategi_stat:%s:1001:2026-01-01 00:00:00"
            ":100.000000',",
            db_col(rows, 0));
        db_text(sql, db_col(rows, 1));
        bytes_str(sql, ",UTC_TIMESTAMP(3),NULL,");
        db_textn(sql, db_col(rows, 3), db_len(rows, 3));
        bytes_chr(sql, ')');
    }
    if (n)
        bare_run(db, sql);
    bytes_clear(sql);
    return n;
}

static void
insert_deliveries(struct db *db, struct bytes *sql, size_t n)
{
    uint64_t event = db_insert_id(db);

    bytes_str(sql,
        "INSERT INTO delivery (event_id, action, receiver, state, due_utc,"
        " epoch, attempts, address, payload, reason, changed_utc,"
        " expires_utc) VALUES ");
    for (size_t i = 0; i < n; i++)
        bytes_printf(sql,
            "%s(%" PRIu64 ",'sms',0,'ready',UTC_TIMESTAMP(3),0,0,"
            "'79001234567','%s',NULL,UTC_TIMESTAMP(3),"
            "'2030-01-01' + INTERVAL 1 DAY)",
            i ? "," : "", event + i, reason);
    bare_run(db, sql);
}

/* Moves one batch; how many rows it had. */
static size_t
move(struct db *db, long batch, struct bytes *sql, struct bytes *ids)
{
    struct db_rows *rows;
    size_t n;

    bytes_printf(sql,
        "SELECT id, captured_utc, kind, body FROM outbox ORDER BY id"
        " LIMIT %ld",
        batch);
    rows = bare_query(db, sql);
    bare_begin(db, sql);
    n = insert_events(db, sql, ids, rows);
    db_rows_close(&rows);
    if (n > 0) {
        insert_deliveries(db, sql, n);
        bytes_printf(
            sql, "DELETE FROM outbox WHERE id IN (%s)", bytes_text(ids));
        bare_run(db, sql);
    }
    bytes_str(sql, "COMMIT");
    bare_run(db, sql);
    bytes_clear(ids);
    return n;
}

int
main(int argc, char **argv)
{
    struct bytes sql = bytes_make(16 << 20), ids = bytes_make(1 << 20);
    struct db *db;
    long batch;

    if (argc != 5)
        return 64;
    db = bare_open(argv[1], argv[2], argv[3]);
    batch = strtol(argv[4], NULL, 10);
    while (move(db, batch, &sql, &ids) > 0)
        ;
    db_close(&db);
    bytes_free(&sql);
    bytes_free(&ids);
    return 0;
}
