/*
 * notice: who is told what. The business rules of messages to subscribers, as
 * pure functions: no database, no network, no clock of their own.
 */
#ifndef MBEV_NOTICE_H
#define MBEV_NOTICE_H

#include "bytes.h"
#include "rules/decision.h"
#include "rules/facts.h"
#include "rules/phone.h"
#include "settings.h"

/* By which of its two ways a notice goes. */
enum notice_way { NOTICE_SMS, NOTICE_SOCIAL };

struct notice {
    struct decision decision;
    struct phone phone[PHONE_MOST];
    size_t phones;
    struct bytes text;         /* owned */
    const struct route *route; /* stays with the settings */
    /* The row of addons_pay_api that it announces; NULL = none. */
    const struct api_row *credit;
    int64_t quiet_us; /* until then (microseconds since 1970 UTC) nobody is to
                         be disturbed; 0 = no quiet hours now */
};

/* The kind of notice that tells about such an event; NOTICES for none. Who
 * changed a tariff makes two kinds of it. */
enum notice_kind notice_kind_of(enum event_kind kind, enum origin origin);

/* Whether the notice is switched on in this way; NOTICES never is. */
bool notice_is_on(
    const struct settings *set, enum notice_kind kind, enum notice_way way);

/* Whether it depends on rows of addons_pay_api. */
bool notice_needs_api(enum notice_kind kind);

/* Decides about one event. *out is to be freed. */
void notice_decide(struct notice *out, enum notice_way way,
    const struct facts *facts, const struct settings *set);

/* Appends the text of a notice about a made-up event, for showing. */
void notice_sample(struct bytes *out, enum notice_kind kind,
    enum notice_way way, const struct settings *set, uint32_t chance);

/* Whether two texts of such a notice are the same but for {ending}, which is
 * taken at random. The second may have been cut: no more than most characters
 * of either are looked at. */
bool notice_same_text(const struct settings *set, enum notice_kind kind,
    const char *a, const char *b, size_t most);

void notice_free(struct notice *notice);

#endif
