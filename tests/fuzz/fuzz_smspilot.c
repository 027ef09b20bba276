/* Replies of SMSPilot. */
#include "fuzz_reply.h"

#include "providers/provider.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_reply r = fuzz_reply(data, size);
    struct outcome out;

    memset(&out, 0xA5, sizeof out);
    smspilot.read(&r.reply, &out);
    fuzz_outcome(&out);
    /* It can neither be asked nor does it know our number. */
    holds(out.class != OUTCOME_ABSENT && out.class != OUTCOME_DUPLICATE);
    if (r.reply.status == HTTP_TOO_MANY)
        holds(out.class == OUTCOME_TRANSIENT);
    else if (r.reply.status != 200)
        holds(out.class == OUTCOME_UNKNOWN);
    free(r.body);
    return 0;
}
