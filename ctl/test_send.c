/*
 * test_send: see test_send.h. It is the code of the service that speaks and
 * reads the answer; nothing is written into a database.
 */
#include "test_send.h"

#include "bytes.h"
#include "channel.h"
#include "delivery.h"
#include "http.h"
#include "providers/komtet.h"
#include "providers/provider.h"
#include "rules/phone.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sysexits.h>

enum { FAILED = 1, LARGEST_BODY = 64 * 1024, WAIT_MS = 1000 };

static const char usual_text[] = "Проверка связи";

/* --- the exchange -------------------------------------------------------- */

struct exchange {
    const struct provider_ops *ops;
    struct outcome outcome;
    bool open; /* the queue of tills */
    bool done;
};

static void
fail(struct exchange *x, const struct http_reply *reply)
{
    x->outcome.class = reply->maybe_sent ? OUTCOME_UNKNOWN : OUTCOME_TRANSIENT;
    snprintf(x->outcome.why, sizeof x->outcome.why, "%s", reply->error);
}

static void
on_message(void *arg, const struct http_reply *reply)
{
    struct exchange *x = arg;

    if (reply->error)
        fail(x, reply);
    else
        x->ops->read(reply, &x->outcome);
    x->done = true;
}

static void
on_queue(void *arg, const struct http_reply *reply)
{
    struct exchange *x = arg;

    if (reply->error)
        fail(x, reply);
    else
        komtet_queue_read(reply, &x->outcome, &x->open);
    x->done = true;
}

/* False when out of memory. */
static bool
run(struct exchange *x, const struct http_request *request, http_done *done)
{
    struct http *http =
        curl_global_init(CURL_GLOBAL_DEFAULT) == 0 ? http_make() : NULL;
    bool good = http && http_start(http, request, done, x);

    while (good && !x->done)
        http_wait(http, NULL, 0, WAIT_MS);
    if (http)
        http_close(&http);
    curl_global_cleanup();
    return good;
}

static int
print_outcome(const struct exchange *x)
{
    const char *class = outcome_class_name(x->outcome.class);

    field_print("answer", class ? class : "accepted");
    if (*x->outcome.code)
        field_print("error", x->outcome.code);
    if (*x->outcome.why)
        field_print("why", x->outcome.why);
    if (*x->outcome.provider_id)
        field_print("its number", x->outcome.provider_id);
    return class ? FAILED : EX_OK;
}

/* --- a message ----------------------------------------------------------- */

/* The names by which a message may be asked for. "sms" and "social" go as those
 * of payments would. */
static bool
choose_channel(
    const struct settings *set, const char *word, enum channel *channel)
{
    const struct notice_settings *payment = &set->notices[NOTICE_PAYMENT];
    struct route one;

    if (strcmp(word, "sms") == 0)
        one = payment->sms_route;
    else if (strcmp(word, "social") == 0)
        one = payment->social_route;
    else if (!route_parse(&one, word) || one.n != 1)
        return false;
    *channel = one.at[0];
    return one.n > 0;
}

/* One of the settings that are never shown. */
static bool
is_secret(const struct settings *set, const char *text)
{
    for (size_t i = 0; *text && i < settings_keys_n; i++) {
        const struct settings_key *k = &settings_keys[i];

        if ((k->traits & KEY_SECRET) && k->type == KEY_TEXT &&
            strcmp(*(char *const *)((const char *)set + k->at), text) == 0)
            return true;
    }
    return false;
}

/* "name=value" of a form, decoded. */
static void
print_param(const struct settings *set, const char *pair, size_t n)
{
    struct bytes name = bytes_make(LARGEST_BODY);
    const char *equals = memchr(pair, '=', n);
    size_t name_n = equals ? (size_t)(equals - pair) : n;
    int length = 0;
    char *plain, *value = NULL;

    bytes_printf(&name, "  %.*s", (int)name_n, pair);
    plain = strndup(equals ? equals + 1 : "", equals ? n - name_n - 1 : 0);
    for (char *at = plain; at && *at; at++)
        if (*at == '+')
            *at = ' ';
    if (plain)
        value = curl_easy_unescape(NULL, plain, 0, &length);
    if (value && is_secret(set, value))
        field_print(bytes_text(&name), "(set, not shown)");
    else if (value)
        field_printn(bytes_text(&name), value, (size_t)length);
    curl_free(value);
    free(plain);
    bytes_free(&name);
}

static void
print_request(const struct settings *set, const struct http_request *request)
{
    const char *at = request->body;

    field_print("request", request->url);
    out_group("params");
    while (*at) {
        size_t n = strcspn(at, "&");

        print_param(set, at, n);
        at += n + (at[n] == '&');
    }
    out_end();
}

static int
send_one(struct ctl *ctl, const struct provider_ops *ops,
    const struct message *message)
{
    struct bytes body = bytes_make(LARGEST_BODY);
    struct exchange x = { .ops = ops };
    struct http_request request;
    int code;

    ops->build(ctl->set, message, 0, &request, &body);
    request.body = bytes_text(&body);
    request.body_len = body.n;
    print_request(ctl->set, &request);
    code = ctl->dry ? EX_OK : ctl_confirm(ctl, NULL, "send it, it is paid");
    if (code == EX_OK && !ctl->dry)
        code = bytes_ok(&body) && run(&x, &request, on_message)
                   ? print_outcome(&x)
                   : EX_OSERR;
    bytes_free(&body);
    return code;
}

/* The whole word is one number. */
static bool
read_phone(const char *word, struct phone *phone)
{
    struct phone all[PHONE_MOST];

    if (phone_split(word, all) != 1 || !*all[0].number)
        return false;
    *phone = all[0];
    return true;
}

int
test_send(struct ctl *ctl)
{
    static const struct provider_ops *const providers[LANES] = {
        [LANE_SMSPILOT] = &smspilot,
        [LANE_SMSC] = &smsc,
    };
    struct message message = { .text =
                                   ctl->argc > 2 ? ctl->argv[2] : usual_text };
    const struct provider_ops *ops;
    struct phone phone;
    const char *lacks;
    char id[48];
    uint64_t chance;

    if (!choose_channel(ctl->set, ctl->argv[0], &message.channel))
        return ctl_complain(ctl, "a way is sms, social, smspilot or smsc");
    if (!read_phone(ctl->argv[1], &phone))
        return ctl_complain(ctl, "this is not one phone number");
    if (getrandom(&chance, sizeof chance, 0) != sizeof chance)
        return EX_OSERR;
    snprintf(id, sizeof id, "MBEV-TEST-%016" PRIx64, chance);
    ops = providers[delivery_lane_for(message.channel)];
    lacks = ops->lacks ? ops->lacks(ctl->set) : NULL;
    if (lacks) {
        fprintf(stderr, "mbevctl: %s\n", lacks);
        return EX_CONFIG;
    }
    message.to = phone.number;
    message.id = id;
    return send_one(ctl, ops, &message);
}

/* --- komtet -------------------------------------------------------------- */

int
test_komtet(struct ctl *ctl)
{
    struct exchange x = { .open = false };
    struct http_request request;
    int code;

    if (ctl->dry || komtet.lacks(ctl->set))
        return EX_OK;
    out_words("\n");
    out_group("queue");
    if (komtet_queue_build(ctl->set, &request) && run(&x, &request, on_queue)) {
        code = print_outcome(&x);
        if (code == EX_OK)
            field_print("queue", x.open ? "open: the tills take receipts"
                                        : "switched off in komtet's cabinet: "
                                          "receipts wait there");
    } else {
        fputs(
            "mbevctl: the request cannot be made: look at [komtet]\n", stderr);
        code = FAILED;
    }
    out_end();
    return code;
}
