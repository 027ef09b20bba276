/*
 * notice: who is told what. The business rules of messages to subscribers, as
 * pure functions: no database, no network, no clock of their own.
 */
#ifndef MBEV_NOTICE_H
#define MBEV_NOTICE_H

#include "bytes.h"
#include "event.h"
#include "rules/phone.h"
#include "settings.h"
#include "snapshot.h"

enum { NOTICE_REASON = 200 };

struct notice {
    bool send;
    char reason[NOTICE_REASON]; /* why not, in words for the operator */
    struct phone phone[PHONE_MOST];
    size_t phones;
    struct bytes text; /* owned */
};

/* The settings of notices about this kind of event, or NULL when this version
 * has none. */
const struct notice_settings *
notice_settings_of(const struct settings *set, enum event_kind kind);

/* Decides about one event. chance picks the random ending. *out is to be
 * freed. */
void notice_decide(struct notice *out, const struct event *event,
    const struct subscriber *sub, const struct settings *set, uint32_t chance);

void notice_free(struct notice *notice);

#endif
