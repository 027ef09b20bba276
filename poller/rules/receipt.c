/* receipt: see rules/receipt.h. */
#include "rules/receipt.h"

#include "money.h"
#include "rules/credit.h"
#include "rules/phone.h"

#include <stdio.h>
#include <string.h>

enum { KOPECK = 10000 /* millionths */ };

static bool
is_refund(enum event_kind kind)
{
    return kind == EVENT_REFUND || kind == EVENT_API_REFUND;
}

bool
receipt_is_on(const struct settings *set, enum event_kind kind)
{
    if (is_refund(kind))
        return set->receipt.refunds;
    return set->receipt.payments &&
           (kind == EVENT_PAYMENT || kind == EVENT_API_PAYMENT);
}

static bool
young_enough(
    struct decision *d, const struct event *event, const struct settings *set)
{
    if (set->billing.backdated_money ||
        event->age_s <= set->billing.backdated_ms / 1000)
        return true;
    return decision_skip(d,
        "the row is back-dated by %lld s ([billing] backdated_money)",
        (long long)event->age_s);
}

/* The state of a subscriber does not matter on a modern schema, nor whether a
 * row was moved to usersfreeze on an old one. */
static bool
subscriber_fits(struct decision *d, const struct subscriber *sub,
    const struct settings *set)
{
    switch (sub->place) {
    case PLACE_USERS:
        return true;
    case PLACE_FROZEN:
        if (!sub->modern || set->billing.moved_subscribers)
            return true;
        return decision_skip(d, "the subscriber is only in usersfreeze, which "
                                "does not count ([billing] "
                                "moved_subscribers)");
    case PLACE_BLOCKED:
    case PLACE_DELETED:
        if (set->receipt.blocked)
            return true;
        return decision_skip(d,
            "the subscriber is in table %s ([receipt] blocked)",
            billing_table(sub->place));
    case PLACE_NONE:
        break;
    }
    return decision_skip(d, "there is no such subscriber");
}

/* The least amount is compared with the amount as stored, before it is
 * rounded. */
static bool
payment_fits(struct receipt_plan *out, const struct event *event)
{
    char amount[MONEY_TEXT];

    if (event->kopecks < 0)
        return decision_skip(&out->decision,
            "the amount %s is below zero: nothing was paid",
            money_print(event->kopecks, amount));
    if (event->millionths < KOPECK)
        return decision_skip(&out->decision, "the amount is below 0.01");
    out->kopecks = event->kopecks;
    return true;
}

static bool
refund_fits(struct receipt_plan *out, const struct event *event)
{
    char amount[MONEY_TEXT];

    out->back = true;
    if (event->kopecks == 0)
        return decision_skip(&out->decision, "the amount is 0.00");
    if (event->kopecks > 0)
        return decision_skip(&out->decision,
            "the amount %s is above zero: nothing was given back",
            money_print(event->kopecks, amount));
    out->kopecks = -event->kopecks;
    return true;
}

static bool
amount_fits(struct receipt_plan *out, const struct event *event)
{
    return is_refund(event->kind) ? refund_fits(out, event)
                                  : payment_fits(out, event);
}

/* The first number in the field that is one. */
static bool
takes_phone(struct receipt_plan *out, const struct subscriber *sub)
{
    struct phone phone[PHONE_MOST];
    size_t n = phone_split(sub->sms_tel, phone);

    for (size_t i = 0; i < n; i++) {
        if (!phone[i].number[0])
            continue;
        snprintf(out->contact, sizeof out->contact, "+%s", phone[i].number);
        return true;
    }
    return decision_skip(&out->decision, "%s",
        n ? "not a phone number (sms_tel)"
          : "the subscriber has no phone (sms_tel is empty)");
}

/* As much of a check as keeps out what cannot be an address. */
static bool
is_email(const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                ".!#$%&'*+/=?^_`{|}~-";
    size_t local = strspn(text, plain);
    const char *domain = text + local + 1;
    size_t n = local > 0 && text[local] == '@' ? strspn(domain, plain) : 0;

    return n > 0 && domain[n] == '\0' && memchr(domain, '.', n) &&
           domain[0] != '.' && domain[n - 1] != '.';
}

static bool
takes_email(struct receipt_plan *out, const struct subscriber *sub)
{
    const char *from = sub->email ? sub->email : "";
    size_t n = strcspn(from + strspn(from, " \t"), " \t");

    from += strspn(from, " \t");
    if (n >= sizeof out->contact)
        return false;
    snprintf(out->contact, sizeof out->contact, "%.*s", (int)n, from);
    if (is_email(out->contact))
        return true;
    out->contact[0] = '\0';
    return false;
}

static bool
has_contact(struct receipt_plan *out, const struct subscriber *sub,
    const struct settings *set)
{
    if (takes_phone(out, sub))
        return true;
    if (!set->receipt.email || !takes_email(out, sub))
        return false;
    out->decision = (struct decision){ 0 };
    return true;
}

static bool
is_money(struct receipt_plan *out, const struct facts *facts,
    const struct settings *set)
{
    credit_is_bonus(&out->decision, facts, set, &out->credit);
    return out->decision.verdict == VERDICT_DO;
}

void
receipt_decide(struct receipt_plan *out, const struct facts *facts,
    const struct settings *set)
{
    struct decision *d = &out->decision;

    *out = (struct receipt_plan){ 0 };
    if (!receipt_is_on(set, facts->event->kind)) {
        decision_skip(d, "switched off ([receipt])");
        return;
    }
    if (young_enough(d, facts->event, set) &&
        subscriber_fits(d, facts->sub, set) && amount_fits(out, facts->event) &&
        has_contact(out, facts->sub, set))
        is_money(out, facts, set);
}
