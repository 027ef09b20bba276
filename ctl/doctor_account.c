/*
 * doctor_account: whether the providers know our accounts, and what they say
 * of them: SMSPilot and SMSC tell the balance, Komtet whether the queue of
 * tills is switched on. These questions cost nothing and send nothing. Those
 * providers are asked to whom something goes, and that doctor_reach has
 * reached.
 */
#include "doctor.h"

#include "clock.h"
#include "http.h"
#include "money.h"
#include "providers/form.h"
#include "providers/komtet.h"
#include "providers/provider.h"

#include <stdio.h>
#include <string.h>

enum { EACH_MS = 5000, ALL_US = 8000000, WAIT_MS = 100, LONGEST_URL = 2048 };

struct account {
    struct doctor *d;
    void (*tell)(struct doctor *d, const struct http_reply *reply);
    const char *provider;
};

/* --- what they answer -------------------------------------------------- */

/* Below an amount that is of any use. */
static void
tell_balance(struct doctor *d, const char *balance)
{
    int64_t kopecks;

    if (decimal_parse(balance, 2, &kopecks) && kopecks <= 0)
        doctor_tell(d, RESULT_WARNING, "pay, in the cabinet of the provider",
            "the balance is %s", balance);
    else
        doctor_tell(d, RESULT_OK, NULL, "the balance is %s", balance);
}

static void
tell_strange(struct doctor *d, const struct http_reply *reply)
{
    doctor_tell(d, RESULT_WARNING, "is url in that section the right one?",
        "the answer to the question for the balance is not understood (HTTP"
        " %d)",
        reply->status);
}

static void
tell_smspilot(struct doctor *d, const struct http_reply *reply)
{
    json_object *json = reply_json(reply), *error = NULL;
    const char *balance = json ? reply_text(json, "balance") : NULL;
    const char *code = NULL;

    if (json && json_object_object_get_ex(json, "error", &error))
        code = reply_text(error, "code");
    if (code)
        doctor_tell(d, RESULT_FAILED,
            "[smspilot] api_key, as in the cabinet; may this address use it"
            " there? Then: mbevd -t; systemctl reload mbevd",
            "smspilot refuses the account, error %s", code);
    else if (balance)
        tell_balance(d, balance);
    else
        tell_strange(d, reply);
    json_object_put(json);
}

/* 9: the same was asked too often just now. */
static void
tell_smsc(struct doctor *d, const struct http_reply *reply)
{
    json_object *json = reply_json(reply);
    const char *balance = json ? reply_text(json, "balance") : NULL;
    const char *code = json ? reply_text(json, "error_code") : NULL;

    if (code && strcmp(code, "9") == 0)
        doctor_tell(d, RESULT_NOTE, "look again in a minute",
            "smsc was asked too often");
    else if (code)
        doctor_tell(d, RESULT_FAILED,
            "[smsc] login and password, or api_key, as in the cabinet; may this"
            " address use them there? Then: mbevd -t; systemctl reload mbevd",
            "smsc refuses the account, error %s", code);
    else if (balance)
        tell_balance(d, balance);
    else
        tell_strange(d, reply);
    json_object_put(json);
}

static void
tell_komtet(struct doctor *d, const struct http_reply *reply)
{
    struct outcome out;
    bool open = false;

    komtet_queue_read(reply, &out, &open);
    if (out.class == OUTCOME_CONFIGURATION)
        doctor_tell(d, RESULT_FAILED,
            "[komtet] shop, secret and queue, as in the cabinet; then: mbevd"
            " -t; systemctl reload mbevd",
            "komtet refuses the account: %s", out.why);
    else if (out.class != OUTCOME_ACCEPTED)
        doctor_tell(d, RESULT_WARNING, "mbevctl doctor, once more later",
            "komtet does not say how the queue is: %s", out.why);
    else if (!open)
        doctor_tell(d, RESULT_WARNING,
            "switch it on in the cabinet; receipts wait there meanwhile",
            "queue %s of tills is switched off", d->ctl->set->komtet.queue);
    else
        doctor_tell(d, RESULT_OK, NULL, "queue %s of tills is switched on",
            d->ctl->set->komtet.queue);
}

static void
on_reply(void *arg, const struct http_reply *reply)
{
    struct account *a = arg;

    a->d->of = a->provider;
    if (reply->status == 0)
        doctor_tell(a->d, RESULT_NOTE, NULL, "could not be asked: %s",
            reply->error ? reply->error : "no reply");
    else
        a->tell(a->d, reply);
}

/* --- what they are asked ----------------------------------------------- */

static void
post(struct http *http, struct account *a, const char *url,
    const struct bytes *body, const char *ca_file)
{
    struct http_request request = { .url = url,
        .body = bytes_text(body),
        .body_len = body->n,
        .content_type = FORM_TYPE,
        .ca_file = ca_file,
        .connect_timeout_ms = EACH_MS,
        .timeout_ms = EACH_MS };

    if (!bytes_ok(body) || !http_start(http, &request, on_reply, a))
        a->d->no_memory = true;
}

static void
ask_smspilot(const struct settings *set, struct http *http, struct account *a)
{
    struct bytes body = bytes_make(LONGEST_URL);

    form_add(&body, "apikey", set->smspilot.api_key);
    form_add(&body, "balance", "rur");
    form_add(&body, "format", "json");
    post(http, a, set->smspilot.url, &body, set->smspilot.ca_file);
    bytes_free(&body);
}

static void
ask_smsc(const struct settings *set, struct http *http, struct account *a)
{
    struct bytes body = bytes_make(LONGEST_URL);
    char url[LONGEST_URL];

    if (*set->smsc.api_key) {
        form_add(&body, "apikey", set->smsc.api_key);
    } else {
        form_add(&body, "login", set->smsc.login);
        form_add(&body, "psw", set->smsc.password);
    }
    form_add(&body, "cur", "1");
    form_add(&body, "fmt", "3");
    snprintf(url, sizeof url, "%s/balance.php", set->smsc.url.text[0]);
    post(http, a, url, &body, set->smsc.ca_file);
    bytes_free(&body);
}

static void
ask_komtet(const struct settings *set, struct http *http, struct account *a)
{
    struct http_request request = { 0 };

    if (!komtet_queue_build(set, &request)) {
        a->d->no_memory = true;
        return;
    }
    request.connect_timeout_ms = request.timeout_ms = EACH_MS;
    if (!http_start(http, &request, on_reply, a))
        a->d->no_memory = true;
}

/* --- whom -------------------------------------------------------------- */

static bool
uses_smspilot(const struct settings *set)
{
    return settings_user_of(set, CHANNEL_SMSPILOT) && *set->smspilot.api_key;
}

static bool
uses_smsc(const struct settings *set)
{
    return (settings_user_of(set, CHANNEL_SMSC) ||
               settings_user_of(set, CHANNEL_SOCIAL)) &&
           (*set->smsc.api_key || *set->smsc.login) && set->smsc.url.n > 0;
}

static bool
uses_komtet(const struct settings *set)
{
    return (set->receipt.payments || set->receipt.refunds) &&
           !komtet.lacks(set);
}

static const struct asked {
    const char *provider;
    const char *reached; /* name of the check that it is */
    bool (*uses)(const struct settings *set);
    void (*ask)(
        const struct settings *set, struct http *http, struct account *a);
    void (*tell)(struct doctor *d, const struct http_reply *reply);
} providers[] = {
    { "smspilot", "provider smspilot", uses_smspilot, ask_smspilot,
        tell_smspilot },
    { "smsc", "provider smsc", uses_smsc, ask_smsc, tell_smsc },
    { "komtet", "provider komtet", uses_komtet, ask_komtet, tell_komtet },
};
enum { PROVIDERS = sizeof providers / sizeof *providers };

static void
check_receipts(struct doctor *d)
{
    const struct settings *set = d->ctl->set;
    const char *lacking = komtet.lacks(set);

    if (!lacking || !(set->receipt.payments || set->receipt.refunds))
        return;
    d->of = "komtet";
    doctor_tell(d, RESULT_WARNING, "fill it in, and: systemctl reload mbevd",
        "%s: receipts are made, kept and not sent", lacking);
}

static void
check_accounts(struct doctor *d)
{
    int64_t until_us = clock_boot_us() + ALL_US;
    struct account account[PROVIDERS];
    struct http *http = http_make();

    check_receipts(d);
    for (size_t i = 0; http && i < PROVIDERS; i++) {
        account[i] =
            (struct account){ d, providers[i].tell, providers[i].provider };
        if (providers[i].uses(d->ctl->set) &&
            doctor_was_ok(d, providers[i].reached))
            providers[i].ask(d->ctl->set, http, &account[i]);
    }
    while (http && http_active(http) > 0 && clock_boot_us() < until_us)
        http_wait(http, NULL, 0, WAIT_MS);
    http_close(&http);
}

static const struct doctor_check checks[] = {
    { .name = "account", .run = check_accounts },
};

const struct doctor_group doctor_account = { checks,
    sizeof checks / sizeof *checks };
