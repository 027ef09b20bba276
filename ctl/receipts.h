/*
 * receipts: what the verbs say of table receipt, in one set of words. In all
 * these expressions the receipt is r and its delivery, which may be missing,
 * is d.
 */
#ifndef MBEV_CTL_RECEIPTS_H
#define MBEV_CTL_RECEIPTS_H

#include "ctl.h"

#define RECEIPT_FROM                                                           \
    " FROM receipt AS r LEFT JOIN delivery AS d ON d.event_id = r.event_id"    \
    " AND d.action = 'receipt' AND d.receiver = 0"

#define RECEIPT_KIND "IF(r.back, 'sell return', 'sell')"

/* It was to be made again, and the rules said no. */
#define RECEIPT_IS_LOST                                                        \
    "r.stage IN ('burnt', 'replaced')"                                         \
    " AND EXISTS (SELECT 1 FROM delivery AS s WHERE s.event_id = r.event_id"   \
    " AND s.action = 'receipt' AND s.receiver = 0 AND s.state = 'skipped')"    \
    " AND NOT EXISTS (SELECT 1 FROM receipt AS n WHERE n.event_id ="           \
    " r.event_id AND n.id > r.id)"

/* What is not at its end, and what may need somebody. */
#define RECEIPT_IS_OPEN                                                        \
    "(r.stage IN ('new', 'accepted', 'failed', 'refused', 'doubtful')"         \
    " OR (" RECEIPT_IS_LOST "))"

#define RECEIPT_SINCE "COALESCE(r.ended_utc, r.accepted_utc, r.created_utc)"

/* The stage in words. */
#define RECEIPT_STAGE                                                          \
    "CASE IF(" RECEIPT_IS_LOST ", 'lost', r.stage)"                            \
    " WHEN 'lost' THEN 'NOT made again: skipped'"                              \
    " WHEN 'new' THEN CASE"                                                    \
    " WHEN d.state = 'calling' THEN 'is being sent'"                           \
    " WHEN d.state IN ('ready', 'retry') THEN IF(d.ask,"                       \
    " 'is sent again, komtet may have it', 'waits to be sent')"                \
    " ELSE CONCAT('not sent, its delivery is ',"                               \
    " COALESCE(d.state, 'missing')) END"                                       \
    " WHEN 'accepted' THEN IF(r.task_id IS NULL,"                              \
    " 'komtet has it, id unknown', 'at the till')"                             \
    " WHEN 'done' THEN 'fiscal'"                                               \
    " WHEN 'failed' THEN 'the till refused it'"                                \
    " WHEN 'refused' THEN 'komtet refused it'"                                 \
    " WHEN 'doubtful' THEN 'refused, but komtet may have it'"                  \
    " WHEN 'burnt' THEN 'the number is somebody else''s'"                      \
    " WHEN 'replaced' THEN 'made again under another number'"                  \
    " WHEN 'closed' THEN 'closed by the operator'"                             \
    " ELSE r.stage END"

/* mbevctl receipts [MONTH | DAY]: see receipts_list.c. NULL: the last days,
 * and what needs somebody. EX_USAGE when the word is neither. */
int receipts_list(struct ctl *ctl, const char *word);

/* mbevctl receipts retry | close: see receipts_amend.c. Word: a number, or
 * "all". */
int receipts_retry(struct ctl *ctl, const char *word);
int receipts_close(struct ctl *ctl, const char *word);

/* Every number that was taken for an event, below its delivery. */
enum db_status receipts_of_event(struct ctl *ctl, uint64_t event_id);

/* What mbevctl status says of receipts: nothing when there are none. */
enum db_status receipts_status(struct ctl *ctl);

#endif
