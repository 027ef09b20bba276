/* Replies of SMSC, to a message and to a question. */
#include "fuzz_reply.h"

#include "providers/provider.h"

static void
check(const struct http_reply *reply, const struct outcome *out)
{
    fuzz_outcome(out);
    holds(out->class != OUTCOME_DUPLICATE);
    /* It is in our words throughout. */
    holds(!fuzz_has_control(out->why));
    if (reply->status == HTTP_TOO_MANY)
        holds(out->class == OUTCOME_TRANSIENT);
    else if (reply->status != 200)
        holds(out->class == OUTCOME_UNKNOWN);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_reply r = fuzz_reply(data, size);
    struct outcome out;

    memset(&out, 0xA5, sizeof out);
    smsc.read(&r.reply, &out);
    check(&r.reply, &out);
    holds(out.class != OUTCOME_ABSENT);
    holds((out.class == OUTCOME_ACCEPTED) == (*out.provider_id != '\0'));
    memset(&out, 0xA5, sizeof out);
    smsc.read_query(&r.reply, &out);
    check(&r.reply, &out);
    free(r.body);
    return 0;
}
