/* facts: see facts.h. */
#include "rules/facts.h"

#include <stdlib.h>
#include <string.h>

enum origin
facts_origin(const struct snapshot *snap, const struct event *event,
    const struct civil *captured, const struct settings *set)
{
    int64_t at = civil_seconds(captured);
    int64_t window = set->billing.tariff_origin_window_ms / 1000;

    for (size_t i = 0; i < snap->trace_n; i++) {
        const struct staff_trace *trace = &snap->trace[i];

        if (trace->uid == event->uid &&
            llabs(civil_seconds(&trace->at) - at) <= window)
            return ORIGIN_STAFF;
    }
    return strcmp(set->billing.tariff_origin, "staff") == 0 ? ORIGIN_STAFF
                                                            : ORIGIN_SUBSCRIBER;
}

bool
facts_are_young(
    struct decision *d, const struct event *event, const struct settings *set)
{
    if (event->age_s <= set->billing.backdated_ms / 1000)
        return true;
    return decision_skip(d,
        "the row is back-dated by %lld s, more than the %lld s allowed",
        (long long)event->age_s, (long long)set->billing.backdated_ms / 1000);
}
