/* notice: see notice.h. */
#include "rules/notice.h"

#include "money.h"
#include "rules/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST_TEXT = 4 * 1024, MILLIONTHS = 10000 /* in a kopeck */ };

const struct notice_settings *
notice_settings_of(const struct settings *set, enum event_kind kind)
{
    return kind == EVENT_PAYMENT ? &set->payment : NULL;
}

static bool refuse(struct notice *out, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static bool
refuse(struct notice *out, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(out->reason, sizeof out->reason, fmt, ap);
    va_end(ap);
    return false;
}

/* The minimum is compared with the amount as stored, before it is rounded. */
static bool
amount_fits(struct notice *out, const struct event *event,
    const struct notice_settings *notice)
{
    char amount[MONEY_TEXT], least[MONEY_TEXT];
    int64_t minimum;

    if (event->kopecks == 0)
        return refuse(out, "the amount is 0.00");
    if (__builtin_mul_overflow(
            notice->minimum_kopecks, (int64_t)MILLIONTHS, &minimum))
        minimum = INT64_MAX;
    if (event->millionths >= minimum)
        return true;
    return refuse(out, "the amount %s is below the minimum %s",
        money_print(event->kopecks, amount),
        money_print(notice->minimum_kopecks, least));
}

static bool
young_enough(
    struct notice *out, const struct event *event, const struct settings *set)
{
    if (event->age_s <= set->billing.backdated_ms / 1000)
        return true;
    return refuse(out,
        "the row is back-dated by %lld s, more than the %lld s allowed",
        (long long)event->age_s, (long long)set->billing.backdated_ms / 1000);
}

/* Modern schema: the state decides. */
static bool
state_fits(struct notice *out, int state)
{
    static const char *const names[] = { "in state 0", "active", "frozen",
        "disabled", "deleted" };

    if (state == 1 || state == 2)
        return true;
    return refuse(out, "the subscriber is %s (users.state %d)",
        state >= 0 && state <= 4 ? names[state] : "in no known state", state);
}

/* Legacy schema: the table decides. */
static bool
subscriber_fits(struct notice *out, const struct subscriber *sub,
    const struct settings *set)
{
    switch (sub->place) {
    case PLACE_USERS:
        return !sub->modern || state_fits(out, sub->state);
    case PLACE_FROZEN:
        if (!sub->modern || set->billing.moved_subscribers)
            return true;
        return refuse(out, "the subscriber is only in usersfreeze, which "
                           "does not count ([billing] moved_subscribers)");
    case PLACE_BLOCKED:
        return refuse(out, "the subscriber is blocked (table usersblok)");
    case PLACE_DELETED:
        return refuse(out, "the subscriber is deleted (table usersdel)");
    case PLACE_NONE:
        break;
    }
    return refuse(out, "there is no such subscriber");
}

static bool
has_phone(struct notice *out, const struct subscriber *sub)
{
    out->phones = phone_split(sub->sms_tel, out->phone);
    if (out->phones > 0)
        return true;
    return refuse(out, "the subscriber has no phone (sms_tel is empty)");
}

static void
render(struct notice *out, const struct event *event,
    const struct subscriber *sub, const struct settings *set,
    const struct notice_settings *notice, uint32_t chance)
{
    struct bytes ending = bytes_make(LONGEST_TEXT);
    char amount[MONEY_TEXT], uid[24];
    struct text_field field[] = {
        { "name", set->company.name },
        { "site", set->company.site },
        { "cabinet", set->company.cabinet },
        { "phone", set->company.phone },
        { "signature", set->company.signature },
        { "currency", set->company.currency },
        { "login", sub->login },
        { "uid", uid },
        { "amount", money_print(event->kopecks, amount) },
        { "ending", "" },
    };
    size_t n = sizeof field / sizeof *field;

    snprintf(uid, sizeof uid, "%llu", (unsigned long long)event->uid);
    if (notice->ending.n)
        text_render(
            &ending, notice->ending.text[chance % notice->ending.n], field, n);
    field[n - 1].value = bytes_text(&ending);
    text_render(&out->text, notice->text, field, n);
    bytes_free(&ending);
}

void
notice_decide(struct notice *out, const struct event *event,
    const struct subscriber *sub, const struct settings *set, uint32_t chance)
{
    const struct notice_settings *notice = notice_settings_of(set, event->kind);

    *out = (struct notice){ .text = bytes_make(LONGEST_TEXT) };
    if (!notice || !young_enough(out, event, set) ||
        !amount_fits(out, event, notice) || !subscriber_fits(out, sub, set) ||
        !has_phone(out, sub))
        return;
    render(out, event, sub, set, notice, chance);
    out->send = bytes_ok(&out->text) && out->text.n > 0;
    if (!out->send)
        refuse(out, "the text is empty or longer than 4 KiB");
}

void
notice_free(struct notice *notice)
{
    bytes_free(&notice->text);
}
