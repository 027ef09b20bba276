/*
 * api_link: sessions ended through a router's binary API, plain or in TLS.
 *
 * One sentence at a time: the sessions of a login are asked for, and each is
 * ended by its id.
 */
#include "routers/link.h"
#include "routers/words.h"
#include "stream.h"
#include "utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LONGEST_ID = 32,
    LARGEST = 4 * 1024,
    MOST_HEARD = 2000,
    MOST_ROUNDS = 100,
};

enum stage {
    STAGE_LOGIN,     /* the password was sent, or a challenge asked for */
    STAGE_CHALLENGE, /* it was answered */
    STAGE_IDLE,
    STAGE_FIND,
    STAGE_REMOVE,
    STAGE_FAILED,
};

static const char not_an_api[] = "it is no RouterOS API that answers";
static const char no_challenge[] =
    "it offers no challenge, as RouterOS from 6.43 on; api_login must be plain";

struct api_link {
    struct stream *stream;
    struct peer peer;
    enum stage stage;
    struct order *order; /* under way; the router's */
    struct bytes ids;    /* its sessions, each with a NUL behind it */
    size_t at;           /* the one to be ended */
    size_t heard;        /* sentences since the last was sent */
    bool trapped;        /* the router has reported an error in this reply */
    bool gone;           /* of a session that was not there any more */
    enum fault fault;
    char words[LINK_WORDS];
};

static bool
wants_challenge(const struct api_link *link)
{
    return strcmp(link->peer.set->api_login, "challenge") == 0;
}

static void
send_out(struct api_link *link, struct bytes *out)
{
    link->heard = 0;
    stream_send(link->stream, out);
    bytes_free(out);
}

static void
begin(struct api_link *link)
{
    struct bytes out = bytes_make(LARGEST);

    if (wants_challenge(link))
        words_login_begin(&out);
    else
        words_login(&out, link->peer.user, link->peer.password);
    send_out(link, &out);
}

static enum stream_tls
tls_of(const struct router_settings *set)
{
    if (strcmp(set->api_tls, "anonymous") == 0)
        return STREAM_ANONYMOUS;
    return strcmp(set->api_tls, "off") == 0 ? STREAM_ANY : STREAM_VERIFY;
}

static void *
open_with(int fd, const struct peer *peer, enum stream_tls tls)
{
    const struct stream_settings settings = { .tls = tls,
        .host = peer->address,
        .ca_file = peer->all->routers.ca_file,
        .most_in = 2 * (size_t)WORDS_LARGEST };
    struct stream *stream = stream_open(fd, &settings);
    struct api_link *link = calloc(1, sizeof *link);

    if (!stream || !link) {
        stream_close(&stream);
        free(link);
        return NULL;
    }
    link->stream = stream;
    link->ids = bytes_make((size_t)MOST_HEARD * (LONGEST_ID + 1));
    link->peer = *peer;
    begin(link);
    return link;
}

static void *
open_plain(int fd, const struct peer *peer)
{
    return open_with(fd, peer, STREAM_PLAIN);
}

static void *
open_tls(int fd, const struct peer *peer)
{
    return open_with(fd, peer, tls_of(peer->set));
}

static void
close_link(void *arg)
{
    struct api_link *link = arg;

    stream_close(&link->stream);
    bytes_free(&link->ids);
    free(link);
}

static void
fail(struct api_link *link, enum fault fault, const char *what,
    const char *words)
{
    link->stage = STAGE_FAILED;
    link->fault = fault;
    snprintf(link->words, sizeof link->words, "%.100s%s%.300s", what,
        *words ? ": " : "", words);
}

/* --- replies ----------------------------------------------------------- */

/* The router's own words, as far as they can be shown. */
static void
take_message(struct api_link *link, const struct sentence *s)
{
    size_t len = 0;
    const char *text = sentence_value(s, "message", &len);

    link->words[0] = '\0';
    if (text)
        utf8_copy(link->words, sizeof link->words, text, len);
    else if (s->n > 1)
        utf8_copy(
            link->words, sizeof link->words, s->word[1].p, s->word[1].len);
}

/* Nothing was said yet that could be refused. */
static bool
asks_challenge(const struct api_link *link)
{
    return link->stage == STAGE_LOGIN && wants_challenge(link);
}

static void
refuse_login(struct api_link *link)
{
    char words[LINK_WORDS];

    snprintf(words, sizeof words, "%s", link->words);
    if (asks_challenge(link))
        fail(link, FAULT_OURS, no_challenge, words);
    else
        fail(link, FAULT_REFUSED, "it refuses the login", words);
}

static void
answer_challenge(struct api_link *link, const char *challenge, size_t len)
{
    struct bytes out = bytes_make(LARGEST);

    if (words_login_response(
            &out, link->peer.user, link->peer.password, challenge, len))
        link->stage = STAGE_CHALLENGE;
    else
        fail(link, FAULT_REFUSED, "its challenge cannot be answered", "");
    send_out(link, &out);
}

static void
hear_login(struct api_link *link, const struct sentence *s)
{
    size_t len = 0;
    const char *challenge = sentence_value(s, "ret", &len);

    if (sentence_is(s, "!trap"))
        refuse_login(link);
    else if (!sentence_is(s, "!done"))
        fail(link, FAULT_COMMAND, not_an_api, "");
    else if (challenge && link->stage == STAGE_LOGIN)
        answer_challenge(link, challenge, len);
    else if (asks_challenge(link))
        fail(link, FAULT_OURS, no_challenge, "");
    else
        link->stage = STAGE_IDLE;
}

static void
find(struct api_link *link)
{
    struct bytes out = bytes_make(LARGEST);

    link->stage = STAGE_FIND;
    bytes_clear(&link->ids);
    link->at = 0;
    link->trapped = link->gone = false;
    words_find(&out, link->order->login);
    send_out(link, &out);
}

static void
remove_next(struct api_link *link)
{
    struct bytes out = bytes_make(LARGEST);

    link->stage = STAGE_REMOVE;
    link->trapped = link->gone = false;
    words_remove(&out, bytes_text(&link->ids) + link->at);
    send_out(link, &out);
}

static void
end_order(struct api_link *link, enum order_state state)
{
    link->order->state = state;
    link->stage = STAGE_IDLE;
}

/* Whatever a router makes of the question: nobody else's session is ended. */
static bool
is_of_another(const struct api_link *link, const struct sentence *s)
{
    const char *login = link->order->login;
    size_t len = 0;
    const char *name = sentence_value(s, "name", &len);

    return name && (len != strlen(login) || memcmp(name, login, len) != 0);
}

static void
take_id(struct api_link *link, const struct sentence *s)
{
    size_t len = 0;
    const char *id = sentence_value(s, ".id", &len);

    if (is_of_another(link, s))
        return;
    if (!id || len == 0 || len > LONGEST_ID || memchr(id, '\0', len)) {
        snprintf(link->words, sizeof link->words, "a session without an id");
        link->trapped = true;
        return;
    }
    bytes_add(&link->ids, id, len);
    bytes_chr(&link->ids, '\0');
}

static void
hear_found(struct api_link *link, const struct sentence *s)
{
    if (sentence_is(s, "!re"))
        take_id(link, s);
    if (!sentence_is(s, "!done"))
        return;
    if (link->trapped || !bytes_ok(&link->ids))
        end_order(link, ORDER_ERROR);
    else if (link->ids.n == 0)
        end_order(link, ORDER_DONE);
    else
        remove_next(link);
}

/* A session that is not there any more is no error. */
static void
hear_removed(struct api_link *link, const struct sentence *s)
{
    if (!sentence_is(s, "!done"))
        return;
    if (link->trapped && !link->gone) {
        end_order(link, ORDER_ERROR);
        return;
    }
    link->order->ended += !link->gone;
    link->at += strlen(bytes_text(&link->ids) + link->at) + 1;
    if (link->at < link->ids.n)
        remove_next(link);
    else
        end_order(link, ORDER_DONE);
}

static void
hear_trap(struct api_link *link, const struct sentence *s)
{
    take_message(link, s);
    link->trapped = true;
    link->gone = strncmp(link->words, "no such item", 12) == 0;
}

static bool
is_logging_in(const struct api_link *link)
{
    return link->stage == STAGE_LOGIN || link->stage == STAGE_CHALLENGE;
}

static void
hear(struct api_link *link, const struct sentence *s)
{
    if (sentence_is(s, "!trap"))
        hear_trap(link, s);
    if (sentence_is(s, "!fatal")) {
        char words[LINK_WORDS];

        take_message(link, s);
        snprintf(words, sizeof words, "%s", link->words);
        fail(link, is_logging_in(link) ? FAULT_REFUSED : FAULT_BROKEN,
            "it ends the connection", words);
        return;
    }
    if (is_logging_in(link))
        hear_login(link, s);
    else if (link->stage == STAGE_FIND)
        hear_found(link, s);
    else if (link->stage == STAGE_REMOVE)
        hear_removed(link, s);
}

/* Reads the sentences that have come whole. True when there were any. An
 * answer that does not end would keep everybody else from being heard. */
static bool
hear_all(struct api_link *link)
{
    bool any = false;

    while (link->stage != STAGE_FAILED) {
        const struct bytes *in = stream_in(link->stream);
        struct sentence s;
        size_t used = 0;
        enum words_status status = words_read(bytes_text(in), in->n, &s, &used);

        if (status == WORDS_MORE)
            break;
        if (status == WORDS_BROKEN)
            fail(link, FAULT_COMMAND, not_an_api, "");
        else if (++link->heard > MOST_HEARD)
            fail(link, FAULT_COMMAND, "its answer does not end", "");
        else if (s.n > 0)
            hear(link, &s);
        stream_take(link->stream, used);
        any = true;
    }
    return any && link->stage != STAGE_FAILED;
}

/* --- as a link --------------------------------------------------------- */

static void
end_broken(struct api_link *link)
{
    enum fault fault =
        stream_is_distrusted(link->stream) ? FAULT_CERTIFICATE : FAULT_BROKEN;

    if (link->stage != STAGE_FAILED)
        fail(link, fault, stream_why(link->stream), "");
}

/* What is heard may make something to send, at once; but one that is always
 * faster does not keep us for ever. A router that has answered and then closed
 * has answered. */
static enum link_status
step(void *arg)
{
    struct api_link *link = arg;
    bool open = true, heard = true;
    bool busy = link->stage == STAGE_FIND || link->stage == STAGE_REMOVE;

    for (int i = 0; i < MOST_ROUNDS && open && heard; i++) {
        open = stream_move(link->stream);
        heard = hear_all(link);
    }
    if (link->stage == STAGE_IDLE && (open || busy))
        return LINK_READY;
    if (!open)
        end_broken(link);
    return link->stage == STAGE_FAILED ? LINK_FAILED : LINK_WAITS;
}

/* One by one, so that each has its own time. */
static size_t
send_orders(void *arg, struct order *orders, size_t n)
{
    struct api_link *link = arg;

    (void)n;
    link->order = orders;
    link->order->ended = 0;
    link->words[0] = '\0';
    find(link);
    return 1;
}

static int
fd_of(const void *arg)
{
    return stream_fd(((const struct api_link *)arg)->stream);
}

static unsigned
wants(const void *arg)
{
    return stream_wants(((const struct api_link *)arg)->stream);
}

static enum fault
fault(const void *arg)
{
    return ((const struct api_link *)arg)->fault;
}

static const char *
words(const void *arg)
{
    return ((const struct api_link *)arg)->words;
}

const struct link_ops link_api = {
    .name = "api",
    .port = 8728,
    .dials = true,
    .open = open_plain,
    .close = close_link,
    .step = step,
    .send = send_orders,
    .fd = fd_of,
    .wants = wants,
    .fault = fault,
    .words = words,
};

const struct link_ops link_api_tls = {
    .name = "api-tls",
    .port = 8729,
    .dials = true,
    .open = open_tls,
    .close = close_link,
    .step = step,
    .send = send_orders,
    .fd = fd_of,
    .wants = wants,
    .fault = fault,
    .words = words,
};
