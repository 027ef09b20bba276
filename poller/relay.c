/* relay: see relay.h. */
#include "relay.h"

#include "envelope.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Asked row by row, and answered by the nearest that was handed on or is still
 * to be: what comes before that one has waited for it in turn. So a subscriber
 * of many years costs no more than one of today. */
void
relay_add_order(struct bytes *sql, enum lane_id lane)
{
    bytes_printf(sql,
        " AND COALESCE((SELECT d0.state = 'done' FROM event AS e0"
        " STRAIGHT_JOIN delivery AS d0 ON d0.event_id = e0.id"
        " AND d0.action = '%s' AND d0.state IN ('done', 'ready', 'retry',"
        " 'calling', 'held')"
        " WHERE e0.uid = (SELECT own.uid FROM event AS own"
        " WHERE own.id = delivery.event_id) AND e0.id < delivery.event_id"
        " ORDER BY e0.id DESC LIMIT 1), 1)",
        delivery_lane_name(lane));
}

bool
relay_fill(struct delivery *d, const char *body)
{
    struct bytes text = bytes_make(ENVELOPE_LARGEST);
    char identity[DELIVERY_KEY + 1];
    struct envelope envelope = {
        .id = d->event_id,
        .identity = delivery_identity(d, identity),
        .uid = d->uid,
        .captured_utc = d->captured_utc,
        .body = body,
    };
    bool good = envelope_print(&text, &envelope), memory;

    free(d->payload);
    d->payload = good ? strdup(bytes_text(&text)) : NULL;
    memory = good ? d->payload != NULL : !bytes_no_memory(&text);
    bytes_free(&text);
    return memory;
}

void
relay_fail_empty(struct delivery *d)
{
    d->outcome = (struct outcome){ .class = OUTCOME_PERMANENT };
    snprintf(d->outcome.code, sizeof d->outcome.code, "no event");
    snprintf(d->outcome.why, sizeof d->outcome.why,
        "its row is no JSON object, or is larger than %d KiB as JSON",
        ENVELOPE_LARGEST / 1024);
}
