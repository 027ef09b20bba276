/*
 * fuzz_reply: a provider's reply as input: a line with the HTTP status, then
 * the body; and what holds for every outcome.
 */
#ifndef MBEV_FUZZ_REPLY_H
#define MBEV_FUZZ_REPLY_H

#include "fuzz.h"

#include "http.h"
#include "providers/outcome.h"

struct fuzz_reply {
    struct http_reply reply;
    char *body; /* owned */
};

static inline struct fuzz_reply
fuzz_reply(const uint8_t *data, size_t size)
{
    struct fuzz in = fuzz_input(data, size);
    char *line = fuzz_line(&in);
    struct fuzz_reply r = { .reply.status = atoi(line) % 1000 };

    free(line);
    r.reply.body_len = in.n;
    r.reply.body = r.body = fuzz_rest(&in);
    r.reply.maybe_sent = true;
    return r;
}

/* The outcome is complete; everything else than acceptance has its reason;
 * what an operator reads is text. */
static inline void
fuzz_outcome(const struct outcome *out)
{
    holds(out->class <= OUTCOME_DUPLICATE);
    holds((outcome_class_name(out->class) != NULL) ==
          (out->class != OUTCOME_ACCEPTED));
    holds(fuzz_is_text(out->code, sizeof out->code));
    holds(fuzz_is_text(out->words, sizeof out->words));
    holds(fuzz_is_text(out->why, sizeof out->why));
    holds(fuzz_is_text(out->provider_id, sizeof out->provider_id));
    holds(fuzz_is_text(out->state, sizeof out->state));
    holds(out->class == OUTCOME_ACCEPTED || *out->why);
}

#endif
