/* provider: see provider.h. */
#include "providers/provider.h"

int64_t
provider_longest_ms(const struct provider_ops *ops, const struct settings *set)
{
    int64_t unreachable =
        (int64_t)(ops->hosts(set) - 1) * ops->connect_timeout_ms(set);

    return unreachable + ops->timeout_ms(set) * (ops->build_query ? 2 : 1);
}
