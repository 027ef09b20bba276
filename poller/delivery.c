/* delivery: see delivery.h. */
#include "delivery.h"

#include "hash.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const states[DELIVERY_STATES] = {
    [DELIVERY_READY] = "ready",
    [DELIVERY_LEASED] = "leased",
    [DELIVERY_CALLING] = "calling",
    [DELIVERY_DONE] = "done",
    [DELIVERY_RETRY] = "retry",
    [DELIVERY_DOUBTFUL] = "doubtful",
    [DELIVERY_DEAD] = "dead",
    [DELIVERY_EXPIRED] = "expired",
    [DELIVERY_SKIPPED] = "skipped",
    [DELIVERY_CANCELLED] = "cancelled",
    [DELIVERY_HELD] = "held",
    [DELIVERY_DRY] = "dry",
};

const char *
delivery_state_name(enum delivery_state state)
{
    return states[state];
}

enum delivery_state
delivery_state_of(const char *name)
{
    enum delivery_state state = 0;

    while (state < DELIVERY_STATES && strcmp(states[state], name) != 0)
        state++;
    return state;
}

static const char *const lanes[LANES] = {
    [LANE_DECIDE] = "decide",
    [LANE_SMSPILOT] = "smspilot",
    [LANE_SMSC] = "smsc",
    [LANE_KOMTET] = "komtet",
    [LANE_ROUTERS] = "routers",
    [LANE_EXEC] = "exec",
    [LANE_WEBHOOK] = "webhook",
    [LANE_KAFKA] = "kafka",
};

const char *
delivery_lane_name(enum lane_id lane)
{
    return lanes[lane];
}

enum lane_id
delivery_lane_of(const char *name)
{
    enum lane_id lane = LANES - 1;

    while (lane > LANE_DECIDE && strcmp(lanes[lane], name) != 0)
        lane--;
    return lane;
}

bool
delivery_lane_find(const char *name, enum lane_id *lane)
{
    *lane = delivery_lane_of(name);
    return strcmp(lanes[*lane], name) == 0;
}

bool
delivery_lane_in_order(enum lane_id lane)
{
    return lane == LANE_KOMTET || delivery_lane_hands_on(lane);
}

bool
delivery_lane_hands_on(enum lane_id lane)
{
    return lane == LANE_WEBHOOK || lane == LANE_KAFKA;
}

enum lane_id
delivery_lane_for(enum channel channel)
{
    return channel == CHANNEL_SMSPILOT ? LANE_SMSPILOT : LANE_SMSC;
}

struct delivery *
delivery_make(const char *action, const char *payload)
{
    struct delivery *d = calloc(1, sizeof *d);

    if (!d)
        return NULL;
    d->action = action;
    d->expires_in_us = INT64_MAX;
    if (payload) {
        d->payload = strdup(payload);
        if (!d->payload) {
            free(d);
            return NULL;
        }
    }
    return d;
}

void
delivery_set_key(struct delivery *d, const char *identity)
{
    snprintf(
        d->key, sizeof d->key, "%s|%s|%u", identity, d->action, d->receiver);
}

/* It holds no bar, and may hold anything else. */
const char *
delivery_identity(const struct delivery *d, char buf[DELIVERY_KEY + 1])
{
    snprintf(buf, DELIVERY_KEY + 1, "%.*s", (int)strcspn(d->key, "|"), d->key);
    return buf;
}

const char *
delivery_attempt_key(
    const struct delivery *d, unsigned n, char buf[DELIVERY_ATTEMPT_KEY])
{
    int used = snprintf(buf, DELIVERY_ATTEMPT_KEY, "%s|%u", d->key, n);

    if (d->lane == LANE_KOMTET)
        snprintf(buf + used, (size_t)(DELIVERY_ATTEMPT_KEY - used), "|%" PRIu64,
            d->log_id);
    return buf;
}

const char *
delivery_message_id(const struct delivery *d, char buf[DELIVERY_MESSAGE_ID])
{
    bool social = d->route.n > 0 && d->route.at[0] == CHANNEL_SOCIAL;

    snprintf(buf, DELIVERY_MESSAGE_ID, "MBEV-%016" PRIx64 "%s",
        hash_text(d->key), social ? "-s" : "");
    return buf;
}

struct log_subject
delivery_subject(const struct delivery *d)
{
    return (struct log_subject){ .event = d->event_id,
        .delivery = d->id,
        .uid = d->uid,
        .lane = delivery_lane_name(d->lane) };
}

void
delivery_free(struct delivery *d)
{
    if (!d)
        return;
    free(d->payload);
    free(d->effect);
    delivery_drop_steps(d);
    free(d);
}

bool
delivery_add_step(struct delivery *d, const char *sql)
{
    char **step = realloc(d->step, (d->steps + 1) * sizeof *step);

    if (!step)
        return false;
    d->step = step;
    step[d->steps] = strdup(sql);
    if (!step[d->steps])
        return false;
    d->steps++;
    return true;
}

void
delivery_drop_steps(struct delivery *d)
{
    for (size_t i = 0; i < d->steps; i++)
        free(d->step[i]);
    free(d->step);
    d->step = NULL;
    d->steps = 0;
}

void
delivery_push(struct delivery_list *list, struct delivery *d)
{
    d->next = NULL;
    if (list->last)
        list->last->next = d;
    else
        list->first = d;
    list->last = d;
    list->n++;
}

struct delivery *
delivery_pop(struct delivery_list *list)
{
    struct delivery *d = list->first;

    if (!d)
        return NULL;
    list->first = d->next;
    if (!list->first)
        list->last = NULL;
    list->n--;
    d->next = NULL;
    return d;
}

void
delivery_remove(struct delivery_list *list, struct delivery *d)
{
    struct delivery **at = &list->first, *before = NULL;

    while (*at != d) {
        before = *at;
        at = &before->next;
    }
    *at = d->next;
    if (list->last == d)
        list->last = before;
    list->n--;
    d->next = NULL;
}

void
delivery_drop_all(struct delivery_list *list)
{
    struct delivery *d;

    while ((d = delivery_pop(list)))
        delivery_free(d);
}
