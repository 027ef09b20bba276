/* sms: see sms.h. */
#include "actions/sms.h"

#include "rules/notice.h"

#include <stdio.h>
#include <string.h>

const char sms_action[] = "sms";

bool
sms_routed(const struct settings *set, enum event_kind kind)
{
    const struct notice_settings *notice = notice_settings_of(set, kind);

    return notice && notice->sms;
}

static bool
add_skipped(struct delivery_list *list, unsigned receiver, const char *given,
    const char *reason)
{
    struct delivery *d = delivery_make(sms_action, NULL);

    if (!d)
        return false;
    d->receiver = receiver;
    d->state = DELIVERY_SKIPPED;
    snprintf(d->address, sizeof d->address, "%s", given);
    snprintf(d->reason, sizeof d->reason, "%s", reason);
    delivery_push(list, d);
    return true;
}

static bool
add_ready(struct delivery_list *list, unsigned receiver, const char *number,
    const char *text)
{
    struct delivery *d = delivery_make(sms_action, text);

    if (!d)
        return false;
    d->receiver = receiver;
    d->state = DELIVERY_READY;
    snprintf(d->address, sizeof d->address, "%s", number);
    delivery_push(list, d);
    return true;
}

static bool
add_all(struct delivery_list *list, const struct notice *notice)
{
    for (unsigned i = 0; i < notice->phones; i++) {
        const struct phone *phone = &notice->phone[i];
        bool good =
            phone->number[0]
                ? add_ready(list, i, phone->number, bytes_text(&notice->text))
                : add_skipped(list, i, phone->given, "not a phone number");

        if (!good)
            return false;
    }
    return true;
}

bool
sms_decide(struct delivery_list *list, const struct event *event,
    const struct subscriber *sub, const struct settings *set, uint32_t chance)
{
    struct notice notice;
    bool good;

    notice_decide(&notice, event, sub, set, chance);
    good = notice.send ? add_all(list, &notice)
                       : add_skipped(list, 0, "", notice.reason);
    notice_free(&notice);
    return good;
}
