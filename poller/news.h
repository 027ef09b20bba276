/*
 * news: what Komtet says of a receipt that it has, recorded once, whichever
 * way it came: we asked (follow.c), or Komtet told by itself (callback.c).
 */
#ifndef MBEV_NEWS_H
#define MBEV_NEWS_H

#include "engine.h"
#include "providers/komtet.h"

/* A row of table receipt that may still have news. */
struct receipt_row {
    uint64_t id;
    uint64_t event_id;
    uint64_t uid;
    uint64_t log_id;
    int64_t kopecks;
    unsigned looks;
    bool sent;     /* it went out, as far as is known or possible */
    bool burnt;    /* the number is somebody else's */
    bool replaced; /* another number took its place */
    char number[KOMTET_NUMBER + 1];
    char task_id[OUTCOME_ID + 1]; /* "" = not known */
    char log_table[65];
};

struct news {
    struct news *next; /* in a list */
    struct receipt_row receipt;
    struct outcome outcome; /* of the question; accepted: task is valid */
    struct komtet_task task;
};

/* What to select from receipt r, for news_read_row(). Of one that was closed
 * and whose delivery is gone (retain.h) nobody knows any more that it was not
 * sent. */
#define RECEIPT_COLUMNS                                                        \
    "r.id, r.event_id, r.uid, r.log_id, r.kopecks, r.looks,"                   \
    " r.stage IN ('accepted', 'done', 'failed', 'doubtful', 'replaced')"       \
    " OR r.accepted_utc IS NOT NULL"                                           \
    " OR COALESCE((SELECT d.ask OR d.state IN ('calling', 'doubtful')"         \
    " FROM delivery AS d WHERE d.event_id = r.event_id AND d.receiver = 0"     \
    " AND d.action = 'receipt' AND d.log_id = r.log_id), r.stage = 'closed')," \
    " r.stage = 'burnt',"                                                      \
    " r.stage = 'replaced', r.number, COALESCE(r.task_id, ''), r.log_table"

void news_read_row(struct receipt_row *row, const struct db_rows *rows);

/* Whether the task may be this receipt's: by its id and number, as far as both
 * sides know them. */
bool news_fits(const struct receipt_row *row, const struct komtet_task *task);

/* Records all of the list in one transaction, with the billing's list of
 * receipts, and says in the log what came to its end. */
enum db_status news_record(struct engine *e, const struct news *list);

#endif
