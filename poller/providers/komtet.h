/*
 * komtet: fiscal receipts through Komtet Kassa, kassa.komtet.ru.
 *
 * The body of a receipt is three texts behind one another: head, number, tail.
 * The number is known only to the database, which puts them together when it
 * makes the row; from then on the body never changes, and is what
 * message->text of provider_ops komtet holds. So whatever stands in a login
 * cannot be taken for the number's place.
 *
 * A receipt that went out is a task at Komtet, in a queue of tills; a task is
 * followed until it is done or failed. Only Komtet's id of a task can be asked
 * for, never our number.
 *
 * Nothing of the secret is in any request or outcome: requests are signed with
 * it. A request built here stays valid until the next one is built.
 */
#ifndef MBEV_KOMTET_H
#define MBEV_KOMTET_H

#include "bytes.h"
#include "http.h"
#include "providers/outcome.h"
#include "settings.h"

#include <stdbool.h>
#include <stdint.h>

struct receipt {
    bool back;           /* money was given back */
    const char *contact; /* "+79001234567", or an e-mail */
    int64_t kopecks;     /* above zero, also of money given back */
    const char *login, *uid;
    const char *cashier, *cashier_inn; /* as in stuff_personal, or NULL */
};

/* Append the two texts. The number between them needs no escapes: letters,
 * digits, - and _, at most 128. What cannot be printed, or is not UTF-8, is
 * replaced. *out fails for an amount below 0.01. */
void komtet_head(struct bytes *out, const struct settings *set);
void komtet_tail(struct bytes *out, const struct settings *set,
    const struct receipt *receipt);

/* Komtet's id of a task as the predecessor's list of receipts can hold it, in a
 * column INT; NULL when it is something else, or too large. */
const char *komtet_int_id(const char *task_id);

/* How far a task is. */
enum komtet_stage {
    KOMTET_OPEN,    /* waits, or is at the till */
    KOMTET_DONE,    /* the receipt is fiscal: final */
    KOMTET_FAILED,  /* the till refused it: final, and the number is used up */
    KOMTET_UNKNOWN, /* a state that is not in the list: not final */
};

enum {
    KOMTET_FISCAL = 64,  /* longest text of fiscal data */
    KOMTET_NUMBER = 128, /* longest number of ours */
    KOMTET_LINK = 511,   /* longest link */
    KOMTET_NO_SUM = -1,
};

/* What the till gave; "" where Komtet said nothing. */
struct komtet_fiscal {
    char i[KOMTET_FISCAL + 1];   /* number of the fiscal document */
    char fn[KOMTET_FISCAL + 1];  /* of the fiscal drive */
    char t[KOMTET_FISCAL + 1];   /* time, YYYYMMDDTHHMM */
    char n[KOMTET_FISCAL + 1];   /* kind: 1 sell, 2 sell return */
    char fp[KOMTET_FISCAL + 1];  /* fiscal sign */
    char rn[KOMTET_FISCAL + 1];  /* of the register */
    char sh[KOMTET_FISCAL + 1];  /* shift */
    char shn[KOMTET_FISCAL + 1]; /* number within the shift */
    int64_t s_kopecks;           /* sum, or KOMTET_NO_SUM */
};

struct komtet_task {
    enum komtet_stage stage;
    bool final;
    char id[OUTCOME_ID + 1];        /* Komtet's, or "" */
    char number[KOMTET_NUMBER + 1]; /* ours, or "" */
    char state[OUTCOME_STATE + 1];  /* Komtet's word */
    char error[OUTCOME_TEXT + 1];   /* why it failed, or "" */
    char link[KOMTET_LINK + 1];     /* to the receipt, or "" */
    struct komtet_fiscal fiscal;
};

/* Ask for a task by Komtet's id, and for the state of our queue. False, and
 * nothing is to be sent, when that is no id or the request cannot be signed.
 */
bool komtet_track_build(const struct settings *set, const char *task_id,
    struct http_request *request);
bool
komtet_queue_build(const struct settings *set, struct http_request *request);

/* Read the reply to that. The outcome says what the asking came to:
 *   accepted       *task or *open is what Komtet knows
 *   absent         there is no such task: it is for the operator, a receipt
 *                  is never sent again because of this
 *   configuration, transient, unknown
 *                  as of a receipt; *task and *open say nothing
 * Whose task it is, the caller compares: id and number. */
void komtet_track_read(const struct http_reply *reply, struct outcome *out,
    struct komtet_task *task);
/* *open: the tills of the queue take receipts; a passive one lets them wait. */
void komtet_queue_read(
    const struct http_reply *reply, struct outcome *out, bool *open);

/* The same for a task that Komtet tells of by itself (callback): the body
 * alone. False when it is none. */
bool
komtet_task_read(const char *body, size_t body_len, struct komtet_task *task);

#endif
