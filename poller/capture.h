/*
 * capture: rows of the billing that the triggers should have captured, read
 * and captured as they would have done it.
 *
 * Promises: a row gets the kind and the identity that its trigger would have
 * given it, so one that was captured twice is one event; the library of the
 * triggers is not needed. It reads the billing without locks and writes only
 * what is ours.
 */
#ifndef MBEV_CAPTURE_H
#define MBEV_CAPTURE_H

#include "db.h"
#include "event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum capture_source { CAPTURE_PAYMENTS, CAPTURE_SERVICES, CAPTURE_SOURCES };

/* Its table in the billing; a constant. */
const char *capture_table(enum capture_source source);

/* The column with its key, and that with its date; constants. */
const char *capture_key(enum capture_source source);
const char *capture_date(enum capture_source source);

/* What a payment type means, as SQL: k is its row of payment_kind, t that of
 * the billing. One of outbox.kind for event_parse(), or ignore. */
#define CAPTURE_MEANING                                                        \
    "COALESCE(k.kind, IF(t.bughtypeid IS NULL OR t.deposit_action = '+',"      \
    " 'payment', 'ignore'))"

/* The same of a row o of the outbox, whose kind may be the number of a type. */
#define CAPTURE_KIND "IF(o.kind < ':', " CAPTURE_MEANING ", o.kind)"

/* Appends the tables o, k and t. */
void capture_add_outbox(struct bytes *sql, const char *billing);

/* Which rows to read: those above a key, in the order of their keys. */
struct capture_range {
    uint64_t after;   /* keys above this ... */
    uint64_t upto;    /* ... up to this one; 0 = no end */
    const char *from; /* dates from this on ... */
    const char *to;   /* ... up to this one; NULL = any */
    bool settled;     /* only rows older than CAPTURE_SETTLED_S, or ... */
    uint64_t old;     /* ... up to this key, whatever their date says */
};

/* On tables without transactions a row is seen before the one that its trigger
 * wrote; in this time the statement has ended. */
enum { CAPTURE_SETTLED_S = 60, CAPTURE_PAGE = 500 };

enum capture_state {
    CAPTURE_MISSING, /* nowhere in what was captured */
    CAPTURE_KNOWN,   /* it has an event, or waits in the outbox */
    CAPTURE_CHANGED, /* captured, and changed in the billing since then */
    CAPTURE_ODD,     /* cannot be understood: event.problem says why */
    CAPTURE_LEFT,    /* missing, and to be left so, says who asked */
};

struct capture_row {
    struct event event; /* event.row_id is its key */
    enum capture_state state;
    const char *captured; /* UTC; belongs to the page */
    const char *date;     /* the row's own; belongs to the page */
    char *body;           /* owned */
};

/* Some rows in a row, of those that are captured at all. */
struct capture_page {
    enum capture_source source;
    struct db_rows *rows;
    struct capture_row *row;
    size_t n, missing;
    uint64_t last;    /* highest key that was read, also of other rows */
    uint64_t meaning; /* what payment types mean: a fingerprint */
    bool end;         /* there are no more now */
};

/* Reads up to CAPTURE_PAGE rows. word: how they come to be captured late, a
 * member of their body. *page is to be freed, also after a failure. */
enum db_status capture_read(struct db *db, const char *billing,
    enum capture_source source, const struct capture_range *range,
    const char *word, struct capture_page *page);
void capture_free(struct capture_page *page);

/* Looks for them in table event. A page whose rows may still wait in the
 * outbox has to be looked at again when they have left it. */
enum db_status capture_compare(struct db *db, struct capture_page *page);

/* Takes for known what waits in the outbox: for who cannot wait until it is
 * empty. What leaves it meanwhile is found by another comparison. */
enum db_status capture_match_outbox(
    struct db *db, const char *billing, struct capture_page *page);

/* Leaves a missing row as it is. */
void capture_leave(struct capture_page *page, size_t i);

/* Appends what captures the missing ones: rows of outbox and of gap, these
 * with the reason. Two statements, each with its semicolon. */
void capture_add(
    struct bytes *sql, const struct capture_page *page, const char *reason);

/* What the payment types mean by now, as a fingerprint: types that are payments
 * do not count, so that a new one, which is none until it has a row, changes
 * nothing. */
enum db_status
capture_meaning(struct db *db, const char *billing, uint64_t *meaning);

/* Rows up to this key are not ours to capture: they are older than the
 * installation, or than the memory of events. UINT64_MAX when nothing is
 * installed. */
enum db_status capture_horizon(struct db *db, const char *billing,
    enum capture_source source, uint64_t *key);

#endif
