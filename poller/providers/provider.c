/* provider: see provider.h. */
#include "providers/provider.h"

int64_t
provider_longest_ms(const struct provider_ops *ops, const struct settings *set)
{
    struct provider_limits limits = ops->limits(set);
    int64_t unreachable =
        (int64_t)(limits.hosts - 1) * limits.connect_timeout_ms;

    return unreachable + limits.timeout_ms * (ops->build_query ? 2 : 1);
}
