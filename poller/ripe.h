/*
 * ripe: which receipts are on the server's disk.
 *
 * A server with innodb_flush_log_at_trx_commit other than 1 forgets in a crash
 * what it committed in about the last second. A receipt whose number it forgot
 * would go out again under another number, and so would that of a payment it
 * forgot. So on such a server a receipt is not sent before its row is on disk.
 * InnoDB tells how far its log is (Innodb_lsn_current) and how far it is on
 * disk (Innodb_lsn_flushed); where it does not tell, several times the pause
 * between two writes of the log are waited for.
 */
#ifndef MBEV_RIPE_H
#define MBEV_RIPE_H

#include "db.h"

#include <stdbool.h>
#include <stdint.h>

struct ripe {
    uint64_t safe_id;  /* receipts up to this one are on disk */
    uint64_t next_id;  /* those up to this one will be */
    uint64_t next_lsn; /* when the log is written up to here */
    int64_t next_us;   /* or, when that is not known, then (boot clock) */
};

/* Looks how far the log is. flush_us: pause between two writes of it. */
enum db_status ripe_look(struct ripe *ripe, struct db *db, int64_t flush_us);

/* Whether there are receipts that are not on disk yet. */
bool ripe_waits(const struct ripe *ripe);

#endif
