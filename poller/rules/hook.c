/* hook: see rules/hook.h. */
#include "rules/hook.h"

#include "money.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ALLOWED                                                                \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.:_-"

/* A text that could be taken for an option, or for more than one word, is no
 * argument. */
static void
add(struct hook_args *out, const char *text)
{
    size_t n = strlen(text);
    bool good = n < HOOK_TEXT && strspn(text, ALLOWED) == n &&
                (text[0] != '-' || (text[1] >= '0' && text[1] <= '9'));

    snprintf(out->text[out->n++], HOOK_TEXT, "%s", good ? text : "");
}

static void
add_fact(
    struct hook_args *out, const struct facts *facts, enum network_fact fact)
{
    add(out, facts->network ? facts->network->text[fact] : "");
}

static void
add_number(struct hook_args *out, uint64_t number)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRIu64, number);
    add(out, text);
}

static bool
is_money(enum event_kind kind)
{
    switch (kind) {
    case EVENT_PAYMENT:
    case EVENT_REFUND:
    case EVENT_API_PAYMENT:
    case EVENT_API_REFUND:
    case EVENT_CREDIT_LIMIT:
    case EVENT_CREDIT:
        return true;
    default:
        return false;
    }
}

/* A credit is no payment: it has no type. */
static void
add_money(struct hook_args *out, const struct event *event)
{
    char text[MONEY_TEXT];

    add(out, money_print(event->kopecks, text));
    if (event->kind == EVENT_CREDIT)
        add(out, "");
    else
        add_number(out, (uint64_t)event->type);
}

static void
add_facts(struct hook_args *out, const struct facts *facts,
    const enum network_fact *fact, size_t n)
{
    for (size_t i = 0; i < n; i++)
        add_fact(out, facts, fact[i]);
}

void
hook_arguments(struct hook_args *out, const struct facts *facts)
{
    static const enum network_fact most[] = { NETWORK_SWITCH_IP, NETWORK_PORT,
        NETWORK_COMMUNITY, NETWORK_SNMP_PORT, NETWORK_DEVICE_TYPE,
        NETWORK_MAC };
    static const enum network_fact real_ip[] = { NETWORK_SWITCH_IP,
        NETWORK_COMMUNITY, NETWORK_SNMP_PORT, NETWORK_DEVICE_TYPE,
        NETWORK_PORT };

    *out = (struct hook_args){ 0 };
    add_fact(out, facts, NETWORK_LOCAL_IP);
    add_number(out, facts->event->uid);
    if (facts->event->kind == EVENT_REAL_IP)
        add_facts(out, facts, real_ip, sizeof real_ip / sizeof *real_ip);
    else
        add_facts(out, facts, most, sizeof most / sizeof *most);
    if (is_money(facts->event->kind))
        add_money(out, facts->event);
}
