/* outcome: see outcome.h. */
#include "providers/outcome.h"

#include <stddef.h>

const char *outcome_class_name(enum outcome_class class)
{
    static const char *const names[] = {
        [OUTCOME_ACCEPTED] = NULL,
        [OUTCOME_TRANSIENT] = "transient",
        [OUTCOME_PERMANENT] = "permanent",
        [OUTCOME_CONFIGURATION] = "configuration",
        [OUTCOME_UNKNOWN] = "unknown",
        [OUTCOME_ABSENT] = "absent",
        [OUTCOME_DUPLICATE] = "duplicate",
    };

    return names[class];
}
