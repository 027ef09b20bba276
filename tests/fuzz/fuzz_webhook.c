/* Replies of a webhook's receiver. */
#include "fuzz_reply.h"

#include "providers/provider.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_reply r = fuzz_reply(data, size);
    int status = r.reply.status;
    struct outcome out;

    memset(&out, 0xA5, sizeof out);
    webhook.read(&r.reply, &out);
    fuzz_outcome(&out);
    /* The status alone decides. */
    holds((out.class == OUTCOME_ACCEPTED) == (status / 100 == 2));
    holds(out.class != OUTCOME_ABSENT && out.class != OUTCOME_DUPLICATE);
    if (status / 100 == 5 || status == HTTP_TOO_MANY)
        holds(out.class == OUTCOME_TRANSIENT);
    if (status == 410)
        holds(out.class == OUTCOME_PERMANENT);
    holds(strlen(out.words) <= 200);
    free(r.body);
    return 0;
}
