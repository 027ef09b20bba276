/*
 * story: all that is known about one event, as JSON for the status page: the
 * captured row, what was decided and done, receipts, and what operators did.
 */
#ifndef MBEV_STORY_H
#define MBEV_STORY_H

#include "bytes.h"
#include "db.h"

#include <stdbool.h>
#include <stdint.h>

/* Appends it; *found: there is such an event. Phone numbers and e-mail
 * addresses in it are masked. Each query goes by an index. */
enum db_status
story_read(struct db *db, uint64_t event_id, struct bytes *out, bool *found);

#endif
