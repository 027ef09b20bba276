/* settings_check: see settings_check.h. */
#include "settings_check.h"

#include "log.h"

#include <stdio.h>
#include <string.h>

#define AT(member) offsetof(struct settings, member)

enum { MOST_DISCOUNTS = 64 };

struct check {
    const struct settings *s;
    settings_complain *complain;
    void *arg;
};

static void
complain_at(struct check *c, size_t at, const char *what)
{
    c->complain(c->arg, at, what);
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

/* The first notice that may go by this channel, or NULL. */
static const char *
who_uses(const struct settings *s, enum channel channel)
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
    const char *user = who_uses(s, CHANNEL_SMSPILOT);

    if (!is_url(s->smspilot.url))
        complain_at(c, AT(smspilot.url),
            "must begin with https:// (or http:// for a test server)");
    if (user && !*s->smspilot.api_key)
        complain_empty(c, AT(smspilot.api_key), user);
    if (s->service.lease_ms < s->smspilot.timeout_ms + 10000)
        complain_at(c, AT(service.lease_ms),
            "must be at least 10 s longer than [smspilot] timeout");
}

static void
check_smsc(struct check *c)
{
    const struct settings *s = c->s;
    const char *user = who_uses(s, CHANNEL_SMSC);
    int64_t hosts = (int64_t)s->smsc.url.n;

    if (!user)
        user = who_uses(s, CHANNEL_SOCIAL);
    for (size_t i = 0; i < s->smsc.url.n; i++)
        if (!is_url(s->smsc.url.text[i]))
            complain_at(c, AT(smsc.url),
                "must begin with https:// (or http:// for a test server)");
    if (hosts == 0 || hosts > 4)
        complain_at(c, AT(smsc.url), "from one to four addresses are needed");
    if (user && !*s->smsc.api_key && !*s->smsc.login)
        complain_empty(c, AT(smsc.login), user);
    else if (user && !*s->smsc.api_key && !*s->smsc.password)
        complain_empty(c, AT(smsc.password), user);
    if (strcmp(s->smsc.id_style, "text") != 0 &&
        strcmp(s->smsc.id_style, "number") != 0)
        complain_at(c, AT(smsc.id_style), "expected text or number");
    /* A message that has to be asked about first is two exchanges. */
    if (user && s->service.lease_ms < 2 * s->smsc.timeout_ms +
                                          hosts * s->smsc.connect_timeout_ms +
                                          10000)
        complain_at(c, AT(service.lease_ms),
            "must be longer than 10 s, two [smsc] timeout and a "
            "connect_timeout for each url together");
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
    if (strcmp(s->billing.tariff_origin, "subscriber") != 0 &&
        strcmp(s->billing.tariff_origin, "staff") != 0)
        complain_at(
            c, AT(billing.tariff_origin), "expected subscriber or staff");
    if (s->discounts.keys.n > MOST_DISCOUNTS)
        complain_at(c, AT(discounts.keys), "at most 64 keys are possible");
    for (size_t i = 0; i < s->discounts.keys.n; i++)
        if (!*s->discounts.keys.text[i])
            complain_at(c, AT(discounts.keys), "a key is empty");
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
    if (s->service.state_dir[0] != '/' || strlen(s->service.state_dir) > 150)
        complain_at(c, AT(service.state_dir),
            "must be an absolute path of at most 150 characters");
    if (s->notice.retry_longest_ms < s->notice.retry_first_ms)
        complain_at(c, AT(notice.retry_longest_ms),
            "must not be shorter than retry_first");
}

void
settings_check(const struct settings *s, settings_complain *complain, void *arg)
{
    struct check check = { .s = s, .complain = complain, .arg = arg };

    check_service(&check);
    check_smspilot(&check);
    check_smsc(&check);
    check_rules(&check);
}
