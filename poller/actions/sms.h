/*
 * sms: the action that tells a subscriber something by SMS.
 */
#ifndef MBEV_SMS_H
#define MBEV_SMS_H

#include "delivery.h"
#include "event.h"
#include "settings.h"
#include "snapshot.h"

/* The name of the action. */
extern const char sms_action[];

/* True when such events are announced by SMS at all. */
bool sms_routed(const struct settings *set, enum event_kind kind);

/* Decides about one event and appends its deliveries: one ready for each
 * phone number, one skipped for what is no number, or a single skipped one.
 * False when out of memory. */
bool sms_decide(struct delivery_list *list, const struct event *event,
    const struct subscriber *sub, const struct settings *set, uint32_t chance);

#endif
