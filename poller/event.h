/*
 * event: a captured change, read from the JSON that the triggers wrote.
 */
#ifndef MBEV_EVENT_H
#define MBEV_EVENT_H

#include "civil.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum event_kind {
    EVENT_PAYMENT,
    EVENT_REFUND,
    EVENT_API_PAYMENT,
    EVENT_API_REFUND,
    EVENT_CREDIT_LIMIT,
    EVENT_CREDIT,
    EVENT_TARIFF_CHANGE,
    EVENT_FREEZE,
    EVENT_UNFREEZE,
    EVENT_BLOCK,
    EVENT_UNBLOCK, /* back from the blocked, or from the deleted */
    EVENT_DELETE,
    EVENT_REAL_IP, /* switched on or off */
    EVENT_TURBO,   /* switched on or off */
    EVENT_KINDS    /* how many; also: none of them */
};

/* As it stands in event.kind; NULL for EVENT_KINDS. */
const char *event_kind_name(enum event_kind kind);
enum event_kind event_kind_of(const char *name);

/* Whether such an event is a row inserted by the billing, which can be found
 * there later, and not a change that leaves nothing to compare. The end of
 * turbo is no such row, though its beginning is one. */
bool event_kind_has_row(enum event_kind kind);

/* Whether it says that a subscriber was frozen, blocked, deleted or came back:
 * in the legacy generation the billing moves the row between tables for it. */
bool event_kind_is_state(enum event_kind kind);

/* Identity of an event as SQL over table event: the same for the same change,
 * whatever id it was given. */
#define EVENT_IDENTITY_SQL(e)                                                  \
    "COALESCE(" e ".source_key, CONCAT(" e ".kind, ':', " e ".uid, ':', " e    \
    ".captured_utc))"

enum { EVENT_KEY = 120, EVENT_PROBLEM = 120, EVENT_TABLE = 32 };

struct event {
    enum event_kind kind;
    uint64_t uid;
    uint64_t row_id;    /* key of the inserted billing row; 0 = none */
    int64_t age_s;      /* capture less the row's own date; 0 = not known */
    int64_t kopecks;    /* the amount as the server rounds it */
    int64_t millionths; /* the amount as stored, in 10^-6 roubles */
    int64_t before_millionths; /* deposit before a payment */
    int64_t type;              /* bughtypeid of a payment */
    int64_t who;               /* staff who booked it; 0 = nobody */
    uint64_t gid;              /* tariff: the new one of a change; 0 = none */
    bool on;                   /* of real IP and turbo: switched on */
    struct civil date;         /* the row's own date; zero = none */
    char source_key[EVENT_KEY + 1];  /* identity of an inserted row, or "" */
    char problem[EVENT_PROBLEM + 1]; /* why it cannot be read, or "" */
    bool no_memory; /* that is why: it is to be read again later */
};

/* Reads kind and body (JSON) into *e. The kind "api" is one of two, by the
 * sign of the sum. False when they make no sense: e->problem then says why,
 * and e->uid holds the subscriber if it was found. Pure: touches nothing but
 * *e. */
bool event_parse(struct event *e, const char *kind, const char *body);

/* Reads the body of a row that left a table of subscribers: e->uid, e->gid, and
 * the name of the table. What it means, moves.h finds out: e->kind is
 * EVENT_KINDS. Else as event_parse(). */
bool event_parse_move(
    struct event *e, char table[EVENT_TABLE + 1], const char *body);

/* Of two identities with the same table and row number: whether they are of one
 * row that was changed between two captures, and not of two rows to which the
 * server gave the same number. A change leaves the date, or subscriber and
 * sum. Pure. */
bool event_keys_alike(const char *a, const char *b);

/* Reads from a source_key the table of the inserted row, and its key. False
 * when it is none. */
bool event_source(
    const char *source_key, char table[EVENT_TABLE + 1], uint64_t *row_id);

#endif
