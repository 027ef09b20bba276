/* settings_check: see settings_check.h. */
#include "settings_check.h"

#include "dry.h"
#include "event.h"
#include "log.h"
#include "loopback.h"
#include "providers/webhook.h"
#include "settings_router.h"
#include "wordlist.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define AT(member) offsetof(struct settings, member)

#define SMALL "abcdefghijklmnopqrstuvwxyz"
#define NAME "ABCDEFGHIJKLMNOPQRSTUVWXYZ" SMALL "0123456789_-"

enum {
    MOST_DISCOUNTS = 64,
    MOST_SHOP = 200,
    MOST_WORDS = 8,
    LEAST_SECRET = 24
};

#define LEAST_KEPT_MS (3LL * 24 * 3600 * 1000)

struct check {
    const struct settings *s;
    settings_complain *complain;
    void *arg;
};

static void
complain_at(struct check *c, size_t at, const char *what)
{
    c->complain(c->arg, NULL, at, what);
}

/* A text of the usual settings, or of an exception for a router. */
static const char *
text_at(const struct check *c, const struct special_router *router, size_t at)
{
    return *(char *const *)(router ? settings_router_at(router, at)
                                   : (const char *)c->s + at);
}

static int64_t
number_at(const struct check *c, size_t at)
{
    return *(const int64_t *)((const char *)c->s + at);
}

/* ---- one key, but more than its type ---- */

static const struct choice {
    size_t at;
    const char *word[MOST_WORDS];
} choices[] = {
    { AT(billing.tariff_origin), { "subscriber", "staff" } },
    { AT(smsc.id_style), { "text", "number" } },
    { AT(komtet.version), { "v1", "v2" } },
    { AT(receipt.table), { "receipts_log", "__komtet_receipts_log" } },
    { AT(receipt.payment_type),
        { "card", "cash", "prepayment", "credit", "counter_provisioning" } },
    { AT(receipt.calculation_method),
        { "pre_payment_full", "pre_payment_part", "full_payment", "advance",
            "credit_part", "credit_pay", "credit" } },
    { AT(receipt.cashier_inn), { "required", "optional" } },
    { AT(receipt.id_member), { "external_id", "task_id" } },
    { AT(session_reset.target), { "all", "online" } },
    { AT(kafka.security),
        { "plaintext", "ssl", "sasl_plaintext", "sasl_ssl" } },
    { AT(kafka.mechanism), { "SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN" } },
    { AT(kafka.compression), { "none", "gzip", "lz4", "snappy", "zstd" } },
    { AT(routers.usual.transport),
        { "auto", "ssh", "api", "api-tls", "radius", "off" } },
    { AT(routers.usual.host_key), { "accept-new", "strict", "off" } },
    { AT(routers.usual.api_login), { "plain", "challenge" } },
    { AT(routers.usual.api_tls), { "verify", "anonymous", "off" } },
};

static size_t
count_words(const struct choice *choice)
{
    size_t n = 0;

    while (n < MOST_WORDS && choice->word[n])
        n++;
    return n;
}

static bool
is_chosen(const struct choice *choice, const char *text)
{
    for (size_t i = 0; i < count_words(choice); i++)
        if (strcmp(choice->word[i], text) == 0)
            return true;
    return false;
}

static void
check_choice(struct check *c, const struct special_router *router,
    const struct choice *choice)
{
    struct bytes what = bytes_make(512);
    size_t n = count_words(choice);

    if (!is_chosen(choice, text_at(c, router, choice->at))) {
        for (size_t i = 0; i < n; i++)
            bytes_printf(&what, "%s%s",
                i == 0       ? "expected "
                : i == n - 1 ? " or "
                             : ", ",
                choice->word[i]);
        c->complain(c->arg, router, choice->at, bytes_text(&what));
    }
    bytes_free(&what);
}

#define ALGORITHMS(member)                                                     \
    {                                                                          \
        AT(routers.usual.member), SMALL "0123456789@.,-", 0, SIZE_MAX,         \
            "expected names of small letters, digits and @ . - with a comma "  \
            "between them, without blanks"                                     \
    }

#define COLUMN(member)                                                         \
    {                                                                          \
        AT(exec.member), NAME "$", 0, 64,                                      \
            "must be a name in the billing: letters, digits, _, - and $"       \
    }

/* Texts of certain characters only. */
static const struct pattern {
    size_t at;
    const char *of;
    size_t least, most;
    const char *what;
} patterns[] = {
    { AT(komtet.queue), NAME, 0, 64,
        "must be at most 64 letters, digits, _ and -" },
    { AT(receipt.number_prefix), NAME, 0, 32,
        "must be at most 32 letters, digits, _ and -" },
    { AT(receipt.calculation_subject), SMALL "_", 1, SIZE_MAX,
        "expected small letters and _, such as service or payment" },
    COLUMN(switch_table),
    COLUMN(switch_key),
    COLUMN(switch_ip),
    COLUMN(switch_community),
    COLUMN(switch_snmp_port),
    COLUMN(switch_type),
    { AT(kafka.topic), NAME ".", 1, 249,
        "must be a name of at most 249 letters, digits, . _ and -" },
    ALGORITHMS(kex),
    ALGORITHMS(hostkeys),
    ALGORITHMS(ciphers),
    ALGORITHMS(macs),
};

static void
check_pattern(struct check *c, const struct special_router *router,
    const struct pattern *pattern)
{
    const char *text = text_at(c, router, pattern->at);
    size_t n = strlen(text);

    if (n < pattern->least || n > pattern->most ||
        strspn(text, pattern->of) != n)
        c->complain(c->arg, router, pattern->at, pattern->what);
}

static bool
starts_with(const char *s, const char *with)
{
    return strncmp(s, with, strlen(with)) == 0;
}

static bool
is_url(const char *s)
{
    return starts_with(s, "https://") || starts_with(s, "http://");
}

static const struct url {
    size_t at;
    bool may_be_empty;
} urls[] = {
    { AT(smspilot.url), false },
    { AT(komtet.url), false },
    { AT(komtet.sign_url), true },
    { AT(receipt.callback_url), true },
    { AT(callback.url), true },
};

/* Also of one address in a list. */
static void
check_url(struct check *c, size_t at, const char *text)
{
    if (!is_url(text))
        complain_at(
            c, at, "must begin with https:// (or http:// for a test server)");
}

/* Has the exception a text of its own there? */
static bool
differs(const struct check *c, const struct special_router *router, size_t at)
{
    return settings_router_has(at) &&
           strcmp(text_at(c, router, at), text_at(c, NULL, at)) != 0;
}

static void
check_exception(struct check *c, const struct special_router *router)
{
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++)
        if (differs(c, router, choices[i].at))
            check_choice(c, router, &choices[i]);
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        if (differs(c, router, patterns[i].at))
            check_pattern(c, router, &patterns[i]);
}

static void
check_each(struct check *c)
{
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++)
        check_choice(c, NULL, &choices[i]);
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        check_pattern(c, NULL, &patterns[i]);
    for (size_t i = 0; i < c->s->routers.special_n; i++)
        check_exception(c, &c->s->routers.special[i]);
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        const char *text = text_at(c, NULL, urls[i].at);

        if (*text || !urls[i].may_be_empty)
            check_url(c, urls[i].at, text);
    }
}

/* ---- pauses and time limits ---- */

/* Pauses that double, from the first up to the longest; or what has to wait
 * before it is too late. */
static const struct pauses {
    size_t first, longest;
    const char *what;
} pauses[] = {
    { AT(notice.retry_first_ms), AT(notice.retry_longest_ms),
        "must not be shorter than retry_first" },
    { AT(komtet.retry_first_ms), AT(komtet.retry_longest_ms),
        "must not be shorter than retry_first" },
    { AT(receipt.look_first_ms), AT(receipt.look_longest_ms),
        "must not be shorter than look_first" },
    { AT(session_reset.after_ms), AT(session_reset.expire_ms),
        "must not be shorter than after" },
    { AT(exec.after_ms), AT(exec.expire_ms), "must not be shorter than after" },
    { AT(webhook.retry_first_ms), AT(webhook.retry_longest_ms),
        "must not be shorter than retry_first" },
    { AT(kafka.retry_first_ms), AT(kafka.retry_longest_ms),
        "must not be shorter than retry_first" },
    { AT(routers.hold_first_ms), AT(routers.hold_longest_ms),
        "must not be shorter than hold_first" },
    { AT(routers.retry_first_ms), AT(routers.retry_longest_ms),
        "must not be shorter than retry_first" },
};

static void
check_pauses(struct check *c)
{
    for (size_t i = 0; i < sizeof pauses / sizeof *pauses; i++)
        if (number_at(c, pauses[i].longest) < number_at(c, pauses[i].first))
            complain_at(c, pauses[i].longest, pauses[i].what);
}

/* ---- section by section ---- */

const char *
settings_user_of(const struct settings *s, enum channel channel)
{
    for (enum notice_kind kind = 0; kind < NOTICES; kind++) {
        const struct notice_settings *n = &s->notices[kind];

        for (size_t i = 0; i < CHANNELS; i++)
            if ((n->sms && i < n->sms_route.n &&
                    n->sms_route.at[i] == channel) ||
                (n->social && i < n->social_route.n &&
                    n->social_route.at[i] == channel))
                return settings_notice_name(kind);
    }
    return NULL;
}

/* Reports that what a notice needs is empty. */
static void
complain_empty(struct check *c, size_t at, const char *user)
{
    char what[160];

    snprintf(what, sizeof what,
        "is empty but [%s] sends by it; copy it from the provider's cabinet, "
        "or switch that off",
        user);
    complain_at(c, at, what);
}

static void
check_smspilot(struct check *c)
{
    const struct settings *s = c->s;
    const char *user = settings_user_of(s, CHANNEL_SMSPILOT);

    if (user && !*s->smspilot.api_key)
        complain_empty(c, AT(smspilot.api_key), user);
}

static void
check_smsc(struct check *c)
{
    const struct settings *s = c->s;
    const char *user = settings_user_of(s, CHANNEL_SMSC);
    int64_t hosts = (int64_t)s->smsc.url.n;

    if (!user)
        user = settings_user_of(s, CHANNEL_SOCIAL);
    for (size_t i = 0; i < s->smsc.url.n; i++)
        check_url(c, AT(smsc.url), s->smsc.url.text[i]);
    if (hosts == 0 || hosts > 4)
        complain_at(c, AT(smsc.url), "from one to four addresses are needed");
    if (user && !*s->smsc.api_key && !*s->smsc.login)
        complain_empty(c, AT(smsc.login), user);
    else if (user && !*s->smsc.api_key && !*s->smsc.password)
        complain_empty(c, AT(smsc.password), user);
}

static void
check_notice(struct check *c, const struct notice_settings *n)
{
    size_t at = (size_t)((const char *)n - (const char *)c->s);

    if (n->sms && n->sms_route.n == 0)
        complain_at(c, at + offsetof(struct notice_settings, sms_route),
            "is empty but sms is on");
    if (n->social && n->social_route.n == 0)
        complain_at(c, at + offsetof(struct notice_settings, social_route),
            "is empty but social is on");
    if ((n->sms || (n->social && !*n->social_text)) && !*n->text)
        complain_at(c, at + offsetof(struct notice_settings, text),
            "is empty but the notice is on");
}

/* What waits for the end of quiet hours must not expire meanwhile. */
static void
check_expiry(struct check *c, const struct notice_settings *n)
{
    int64_t minutes = n->quiet.until_min - n->quiet.from_min;

    if (minutes < 0)
        minutes += 24 * 60;
    if ((n->sms || n->social) && minutes > 0 &&
        c->s->notice.expire_ms <= minutes * 60 * 1000)
        complain_at(c, AT(notice.expire_ms),
            "must be longer than the quiet hours of every notice");
}

static void
check_rules(struct check *c)
{
    const struct settings *s = c->s;
    struct zone zone;

    for (enum notice_kind kind = 0; kind < NOTICES; kind++)
        check_notice(c, &s->notices[kind]);
    for (enum notice_kind kind = 0; kind < NOTICES; kind++)
        check_expiry(c, &s->notices[kind]);
    if (!zone_load(&zone, s->notice.time_zone))
        complain_at(c, AT(notice.time_zone),
            "is not known here; expected a name such as Europe/Moscow (package "
            "tzdata) or an offset such as +05:00");
    if (s->discounts.keys.n > MOST_DISCOUNTS)
        complain_at(c, AT(discounts.keys), "at most 64 keys are possible");
    for (size_t i = 0; i < s->discounts.keys.n; i++)
        if (!*s->discounts.keys.text[i])
            complain_at(c, AT(discounts.keys), "a key is empty");
}

static bool
receipts_are_on(const struct settings *s)
{
    return s->receipt.payments || s->receipt.refunds;
}

/* It goes into a header. */
static bool
is_shop(const char *text)
{
    const char *p = text;

    while ((unsigned char)*p >= 0x20 && *p != 0x7F)
        p++;
    return *p == '\0' && p - text <= MOST_SHOP;
}

/* An empty shop, secret or queue is no error: receipts wait until there are
 * some. */
static void
check_komtet(struct check *c)
{
    const struct settings *s = c->s;

    if (!is_shop(s->komtet.shop))
        complain_at(c, AT(komtet.shop),
            "must be at most 200 bytes without control characters; copy it "
            "from the provider's cabinet");
}

/* "no", or the number of a rate: which of them there are, the law changes. */
static bool
is_vat(const char *text)
{
    size_t n = strspn(text, "0123456789");

    return strcmp(text, "no") == 0 || (n >= 1 && n <= 3 && text[n] == '\0');
}

static void
check_receipt(struct check *c)
{
    const struct settings *s = c->s;

    if (s->receipt.sno == 3)
        complain_at(c, AT(receipt.sno),
            "3 (imputed income) was withdrawn; expected 0, 1, 2, 4 or 5");
    if (!is_vat(s->receipt.vat))
        complain_at(c, AT(receipt.vat),
            "expected no, or a rate of one to three digits such as 22 or 122");
    if (!*s->receipt.name)
        complain_at(c, AT(receipt.name),
            "is empty but a receipt has to say what was paid");
    if (receipts_are_on(s) && strcmp(s->komtet.version, "v2") == 0 &&
        !*s->receipt.address)
        complain_at(c, AT(receipt.address),
            "is empty but [komtet] version v2 requires it");
}

static bool
is_numeric_address(const char *text)
{
    struct in6_addr address; /* has room for either */

    return inet_pton(AF_INET, text, &address) == 1 ||
           inet_pton(AF_INET6, text, &address) == 1;
}

static void
check_callback(struct check *c)
{
    const struct settings *s = c->s;

    if (!s->callback.on)
        return;
    if (!is_numeric_address(s->callback.address))
        complain_at(c, AT(callback.address),
            "must be an address in numbers, such as 127.0.0.1 or ::1");
    if (s->callback.path[0] != '/')
        complain_at(c, AT(callback.path), "must begin with /");
    if (!*s->callback.url && !*s->receipt.callback_url)
        complain_at(c, AT(callback.url),
            "is empty, and so is [receipt] callback_url; set one of them, or "
            "on = no");
}

static void
check_source(struct check *c)
{
    const char *address = c->s->routers.source_address;

    if (*address && !is_numeric_address(address))
        complain_at(c, AT(routers.source_address),
            "must be an address in numbers, such as 192.0.2.1 or 2001:db8::1");
}

/* Reconciliation looks back a day, and must know what it finds there. */
static void
check_keep(struct check *c)
{
    int64_t ms = c->s->service.keep_ms;

    if (ms > 0 && ms < LEAST_KEPT_MS)
        complain_at(
            c, AT(service.keep_ms), "must be 3 days at least, or 0 days");
}

static void
check_program(struct check *c, size_t at)
{
    const char *path = text_at(c, NULL, at);

    if (*path && (path[0] != '/' || strlen(path) > 255))
        complain_at(c, at,
            "must be the absolute path of a program, without arguments, of at "
            "most 255 characters");
}

static void
check_exec(struct check *c)
{
    for (enum event_kind kind = 0; kind < EVENT_KINDS; kind++)
        check_program(c, AT(exec.program[0]) + kind * sizeof(char *));
    check_program(c, AT(exec.tariff_by_staff));
    if (*c->s->exec.switch_table && !*c->s->exec.switch_key)
        complain_at(
            c, AT(exec.switch_key), "is empty, and switch_table is not");
}

static bool
is_kind(const char *word, size_t n)
{
    for (enum event_kind kind = 0; kind < EVENT_KINDS; kind++)
        if (wordlist_is(word, n, event_kind_name(kind)))
            return true;
    return wordlist_is(word, n, "all");
}

static void
complain_kinds(struct check *c, size_t at)
{
    struct bytes what = bytes_make(1024);

    bytes_str(&what, "expected all, or some of");
    for (enum event_kind kind = 0; kind < EVENT_KINDS; kind++)
        bytes_printf(&what, "%s %s", kind ? "," : "", event_kind_name(kind));
    bytes_str(&what, ", with a comma between them");
    complain_at(c, at, bytes_text(&what));
    bytes_free(&what);
}

static void
check_kinds(struct check *c, size_t at)
{
    const char *word = text_at(c, NULL, at);
    size_t n = 0, words = 0;

    while ((word = wordlist_next(word + n, &n))) {
        words++;
        if (!is_kind(word, n)) {
            complain_kinds(c, at);
            return;
        }
    }
    if (words == 0)
        complain_kinds(c, at);
}

/* Behind the name of a host: its port, if there is one, and its path. What
 * looks like a host and is an account ends otherwise. */
static bool
is_end_of_host(const char *s)
{
    if (*s == ':')
        s += 1 + strspn(s + 1, "0123456789");
    return *s == '\0' || *s == '/';
}

/* What is handed on tells of subscribers: it leaves this host encrypted. */
static bool
is_private(const char *url)
{
    static const char *const here[] = { "http://127.0.0.1", "http://[::1]",
        "http://localhost" };

    if (starts_with(url, "https://"))
        return true;
    for (size_t i = 0; i < sizeof here / sizeof *here; i++)
        if (starts_with(url, here[i]) && is_end_of_host(url + strlen(here[i])))
            return true;
    return false;
}

static void
check_signing(struct check *c, size_t at)
{
    const char *secret = text_at(c, NULL, at);
    struct bytes key = bytes_make(4096);

    if (*secret && (strlen(secret) < LEAST_SECRET ||
                       !webhook_read_secret(&key, secret) || !bytes_ok(&key)))
        complain_at(c, at,
            "must be whsec_ and base64, or a text, of 24 characters at least "
            "(openssl rand -base64 32)");
    bytes_free(&key);
}

static void
check_webhook(struct check *c)
{
    const struct settings *s = c->s;

    check_kinds(c, AT(webhook.kinds));
    check_signing(c, AT(webhook.secret));
    check_signing(c, AT(webhook.secret_before));
    if (!*s->webhook.url)
        return;
    if (!is_private(s->webhook.url))
        complain_at(c, AT(webhook.url),
            "must begin with https://, or with http:// and be on this host");
    if (!*s->webhook.secret)
        complain_at(c, AT(webhook.secret),
            "is empty but url is not: nothing is handed on without a "
            "signature (openssl rand -base64 32)");
}

static void
check_kafka(struct check *c)
{
    const struct settings *s = c->s;

    check_kinds(c, AT(kafka.kinds));
    if (!*s->kafka.brokers)
        return;
#ifndef MBEV_KAFKA
    complain_at(c, AT(kafka.brokers),
        "this mbevd was built without Kafka: build it with cmake "
        "-DMBEV_KAFKA=ON, which needs librdkafka, or leave brokers empty");
#endif
    if (starts_with(s->kafka.security, "sasl") && !*s->kafka.user)
        complain_at(c, AT(kafka.user), "is empty but security is sasl");
    if (starts_with(s->kafka.security, "sasl") && !*s->kafka.password)
        complain_at(c, AT(kafka.password), "is empty but security is sasl");
}

/* It asks for no password. */
static void
check_status(struct check *c)
{
    const char *text = c->s->service.status_address;
    struct loopback at;

    if (*text && !loopback_read(&at, text))
        complain_at(c, AT(service.status_address),
            "must be a loopback address and a port, 127.0.0.1:9105 or "
            "[::1]:9105; for others put a web server with TLS and a password "
            "in front of that");
}

static void
check_service(struct check *c)
{
    const struct settings *s = c->s;

    if (log_level_of(s->service.log_level) < 0)
        complain_at(
            c, AT(service.log_level), "expected error, warning, info or debug");
    if (s->service.doorbell[0] != '/')
        complain_at(c, AT(service.doorbell), "must be an absolute path");
    else if (strlen(s->service.doorbell) > 100)
        complain_at(c, AT(service.doorbell),
            "a socket's path has at most 100 characters");
    if (*s->service.control &&
        (s->service.control[0] != '/' || strlen(s->service.control) > 100))
        complain_at(c, AT(service.control),
            "must be an absolute path of at most 100 characters, or empty");
    if (*s->service.metrics_file && s->service.metrics_file[0] != '/')
        complain_at(c, AT(service.metrics_file), "must be an absolute path");
    if (dry_wrong(s->service.dry_run))
        complain_at(c, AT(service.dry_run), dry_wrong(s->service.dry_run));
    check_status(c);
    if (s->service.state_dir[0] != '/' || strlen(s->service.state_dir) > 150)
        complain_at(c, AT(service.state_dir),
            "must be an absolute path of at most 150 characters");
}

void
settings_check(const struct settings *s, settings_complain *complain, void *arg)
{
    struct check check = { .s = s, .complain = complain, .arg = arg };

    check_each(&check);
    check_pauses(&check);
    check_service(&check);
    check_keep(&check);
    check_smspilot(&check);
    check_smsc(&check);
    check_rules(&check);
    check_komtet(&check);
    check_receipt(&check);
    check_callback(&check);
    check_exec(&check);
    check_webhook(&check);
    check_kafka(&check);
    check_source(&check);
    settings_router_check(s, complain, arg);
}
