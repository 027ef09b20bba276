/*
 * webhook: hands events on to a program of the operator's by HTTPS, as
 * "Standard Webhooks" wants it; see docs/events.md.
 *
 * The HTTP status decides. The same event has the same key in every attempt,
 * so the receiver can tell a repetition: what may have been taken is sent
 * again.
 */
#include "providers/webhook.h"
#include "providers/provider.h"

#include "base64.h"
#include "envelope.h"
#include "hmac.h"
#include "utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    SECRETS = 2,
    LONGEST_SIGNATURE = 64, /* "v1," and the text for 32 bytes */
    LONGEST_HEADER = 255,
    LARGEST_KEY = 4096,
    FIRST_BYTES = 200,
};

static const char marked[] = "whsec_";

/* ---- requests ---- */

/* What the last request built points to: it owns no memory itself, and
 * libcurl copies all of it when it starts. */
static struct {
    char id[LONGEST_HEADER + 1];
    char idempotency[LONGEST_HEADER + 1];
    char timestamp[LONGEST_HEADER + 1];
    char signature[LONGEST_HEADER + 1];
    const char *headers[6];
} last;

bool
webhook_read_secret(struct bytes *key, const char *secret)
{
    size_t n = strlen(marked);

    if (strncmp(secret, marked, n) == 0)
        return base64_read(key, secret + n);
    bytes_str(key, secret);
    return true;
}

/* Signs with one secret; what is signed is id, time and body with a point
 * between them. */
static bool
add_signature(struct bytes *out, const char *secret, const char *key,
    int64_t now_s, const struct bytes *body)
{
    struct bytes secret_key = bytes_make(LARGEST_KEY);
    unsigned char raw[HMAC_SHA256_BYTES];
    char before[LONGEST_HEADER + 1];
    struct md5_part parts[2];
    bool good = webhook_read_secret(&secret_key, secret);
    int n = snprintf(before, sizeof before, "%s.%" PRId64 ".", key, now_s);

    parts[0] = (struct md5_part){ before, (size_t)n };
    parts[1] = (struct md5_part){ bytes_text(body), body->n };
    good = good && bytes_ok(&secret_key) && n <= LONGEST_HEADER &&
           hmac_sha256(bytes_text(&secret_key), secret_key.n, parts, 2, raw);
    bytes_free(&secret_key);
    bytes_str(out, out->n ? " v1," : "v1,");
    base64_print(out, raw, sizeof raw);
    return good;
}

bool
webhook_sign(struct bytes *out, const struct settings *set, const char *key,
    int64_t now_s, const struct bytes *body)
{
    const char *secrets[SECRETS] = { set->webhook.secret,
        set->webhook.secret_before };
    bool good = true;

    for (size_t i = 0; good && i < SECRETS; i++)
        if (*secrets[i])
            good = add_signature(out, secrets[i], key, now_s, body);
    return good && bytes_ok(out);
}

/* False when it cannot be signed. */
static bool
set_headers(const struct settings *set, const struct message *message,
    const struct bytes *body)
{
    struct bytes signature = bytes_make(SECRETS * LONGEST_SIGNATURE);
    int64_t now_s = message->now_us / 1000000;
    char key[EVENT_KEY + 1];
    bool good;

    envelope_key(message->identity, key);
    good = webhook_sign(&signature, set, key, now_s, body);
    snprintf(last.id, sizeof last.id, "Webhook-Id: %s", key);
    snprintf(
        last.idempotency, sizeof last.idempotency, "Idempotency-Key: %s", key);
    snprintf(last.timestamp, sizeof last.timestamp,
        "Webhook-Timestamp: %" PRId64, now_s);
    snprintf(last.signature, sizeof last.signature, "Webhook-Signature: %s",
        bytes_text(&signature));
    bytes_free(&signature);
    last.headers[0] = "User-Agent: mikbill-events";
    last.headers[1] = last.id;
    last.headers[2] = last.idempotency;
    last.headers[3] = last.timestamp;
    last.headers[4] = last.signature;
    last.headers[5] = NULL;
    return good;
}

static void
build(const struct settings *set, const struct message *message, size_t host,
    struct http_request *request, struct bytes *body)
{
    (void)host;
    bytes_str(body, message->text);
    *request = (struct http_request){
        .url = set->webhook.url,
        .content_type = "application/json",
        .ca_file = set->webhook.ca_file,
        .connect_timeout_ms = (long)set->webhook.connect_timeout_ms,
        .timeout_ms = (long)set->webhook.timeout_ms,
        .headers = last.headers,
    };
    if (set_headers(set, message, body))
        return;
    /* Nothing rather than something that is not signed. */
    bytes_free(body);
    body->failed = true;
}

/* ---- replies ---- */

/* The first row that fits. */
static const struct meaning {
    int from, to;
    enum outcome_class class;
    const char *what;
} meanings[] = {
    { 200, 299, OUTCOME_ACCEPTED, "" },
    { 300, 399, OUTCOME_CONFIGURATION,
        "it redirects, which is not followed: set [webhook] url to the new "
        "address" },
    { 401, 401, OUTCOME_CONFIGURATION, "it does not let us in" },
    { 403, 403, OUTCOME_CONFIGURATION, "it does not let us in" },
    { 408, 409, OUTCOME_TRANSIENT, "it could not take it now" },
    { 410, 410, OUTCOME_PERMANENT, "it wants no such event any more" },
    { 425, 425, OUTCOME_TRANSIENT, "it could not take it now" },
    { HTTP_TOO_MANY, HTTP_TOO_MANY, OUTCOME_TRANSIENT, "too much at once" },
    { 400, 499, OUTCOME_PERMANENT, "it refuses the event" },
    { 500, 599, OUTCOME_TRANSIENT, "it is out of order" },
};

static const struct meaning *
meaning_of(int status)
{
    static const struct meaning none = { 0, 0, OUTCOME_UNKNOWN,
        "which says nothing" };

    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (status >= meanings[i].from && status <= meanings[i].to)
            return &meanings[i];
    return &none;
}

/* Its body says what it likes; of one that took the event it is not kept. */
static void
read_reply(const struct http_reply *reply, struct outcome *out)
{
    const struct meaning *meaning = meaning_of(reply->status);
    char why[OUTCOME_TEXT + 1];

    *out = (struct outcome){ .class = meaning->class };
    if (meaning->class == OUTCOME_ACCEPTED)
        return;
    utf8_copy(out->words, FIRST_BYTES + 1, reply->body, reply->body_len);
    snprintf(out->code, sizeof out->code, "HTTP %d", reply->status);
    snprintf(why, sizeof why,
        "the receiver answered with HTTP status %d: %s%s%.*s", reply->status,
        meaning->what, *out->words ? ": " : "", FIRST_BYTES, out->words);
    utf8_copy(out->why, sizeof out->why, why, strlen(why));
}

/* ---- settings ---- */

static const char *
lacks(const struct settings *set)
{
    return *set->webhook.url ? NULL : "[webhook] url is empty";
}

static struct provider_limits
limits(const struct settings *set)
{
    return (struct provider_limits){
        .connections = (size_t)set->webhook.connections,
        .gap_us = 1000000 / set->webhook.rate,
        .hosts = 1,
        .timeout_ms = set->webhook.timeout_ms,
        .connect_timeout_ms = set->webhook.connect_timeout_ms,
        .hold_ms = set->webhook.hold_ms,
        .retry_first_ms = set->webhook.retry_first_ms,
        .retry_longest_ms = set->webhook.retry_longest_ms,
        .most_attempts = (unsigned)set->webhook.attempts,
    };
}

const struct provider_ops webhook = {
    .name = "webhook",
    .repeats_safely = true,
    .lacks = lacks,
    .build = build,
    .read = read_reply,
    .limits = limits,
};
