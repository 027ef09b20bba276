/*
 * receipts_of_event: every number that was taken for an event, and what became
 * of it, in the order in which they were taken.
 */
#include "bytes.h"
#include "receipts.h"

#include <inttypes.h>

static const struct field fields[] = {
    { "  number", "r.number" },
    { "    stage", "CONCAT(r.stage, ': ', " RECEIPT_STAGE ")" },
    { "    kind", RECEIPT_KIND },
    { "$    sum", "r.kopecks" },
    { "    contact", "r.contact" },
    { "    listed as", "CONCAT(r.log_table, '.id ', r.log_id)" },
    { "    taken", "CONCAT(r.created_utc, ' UTC')" },
    { "    accepted", "CONCAT(r.accepted_utc, ' UTC')" },
    { "    ended", "CONCAT(r.ended_utc, ' UTC')" },
    { "    task", "r.task_id" },
    { "    task state", "r.task_state" },
    { "    asked", "IF(r.looks > 0 OR r.look_utc IS NOT NULL, CONCAT(r.looks,"
                   " ' times', IF(r.look_utc IS NULL, '', CONCAT("
                   "', again at ', r.look_utc, ' UTC'))), NULL)" },
    { "    error", "r.error" },
    { "    document", "r.fiscal_i" },
    { "    fiscal sign", "r.fiscal_fp" },
    { "    drive", "r.fiscal_fn" },
    { "    register", "r.fiscal_rn" },
    { "    shift", "CONCAT(r.fiscal_sh, COALESCE(CONCAT(', receipt ',"
                   " r.fiscal_shn), ''))" },
    { "    till's time", "r.fiscal_t" },
    { "    till's kind", "CASE r.fiscal_n WHEN '1' THEN 'sell' WHEN '2' THEN"
                         " 'sell return' ELSE r.fiscal_n END" },
    { "$    till's sum", "r.fiscal_kopecks" },
    { "    link", "r.link" },
};
enum { FIELDS = sizeof fields / sizeof *fields };

enum db_status
receipts_of_event(struct ctl *ctl, uint64_t event_id)
{
    struct bytes sql = bytes_make(16 * 1024);
    struct db_rows *rows;
    enum db_status status;

    bytes_str(&sql, "SELECT r.id");
    fields_add(&sql, fields, FIELDS);
    bytes_printf(&sql,
        RECEIPT_FROM " WHERE r.event_id = %" PRIu64 " ORDER BY r.id", event_id);
    status = db_query(ctl->db, &sql, &rows);
    bytes_free(&sql);
    if (status != DB_OK)
        return status;
    out_list("receipts");
    while (db_next(rows)) {
        out_item();
        fields_print(rows, 1, fields, FIELDS);
    }
    out_end();
    db_rows_close(&rows);
    return DB_OK;
}
