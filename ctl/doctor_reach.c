/*
 * doctor_reach: whether providers and routers can be reached from here. They
 * are connected to, providers are asked for their certificate, and that is all:
 * no message is sent, no login made.
 */
#include "doctor.h"

#include "billing.h"
#include "probe.h"
#include "routers/radnas.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_HOSTS = 16, LONGEST_CURE = 2048 };

/* --- providers --------------------------------------------------------- */

/* An address of a provider. */
struct host {
    const char *provider; /* its section */
    bool used;            /* something goes to it */
};

struct hosts {
    struct host host[MOST_HOSTS];
    struct probe probe[MOST_HOSTS];
    size_t n;
};

static void
add_host(struct hosts *h, const char *provider, bool used, const char *url,
    const char *ca_file)
{
    if (h->n == MOST_HOSTS)
        return;
    h->host[h->n] = (struct host){ provider, used };
    h->probe[h->n] = (struct probe){ .ca_file = ca_file, .source = "" };
    snprintf(h->probe[h->n].url, sizeof h->probe->url, "%s", url);
    h->n++;
}

/* Those for which there is an account. */
static void
add_hosts(struct hosts *h, const struct settings *set)
{
    bool smsc = settings_user_of(set, CHANNEL_SMSC) ||
                settings_user_of(set, CHANNEL_SOCIAL);

    if (*set->smspilot.api_key)
        add_host(h, "smspilot", settings_user_of(set, CHANNEL_SMSPILOT) != NULL,
            set->smspilot.url, set->smspilot.ca_file);
    for (size_t i = 0; i < set->smsc.url.n; i++)
        if (*set->smsc.login || *set->smsc.api_key)
            add_host(h, "smsc", smsc, set->smsc.url.text[i], set->smsc.ca_file);
    if (*set->komtet.shop)
        add_host(h, "komtet", set->receipt.payments || set->receipt.refunds,
            set->komtet.url, set->komtet.ca_file);
    if (*set->webhook.url)
        add_host(h, "webhook", true, set->webhook.url, set->webhook.ca_file);
}

/* Another address of the same provider does. */
static bool
has_spare(const struct hosts *h, size_t at)
{
    for (size_t i = 0; i < h->n; i++)
        if (h->host[i].provider == h->host[at].provider &&
            h->probe[i].fault == PROBE_GOOD)
            return true;
    return false;
}

/* Before and behind the name of the section. */
static const struct advice {
    const char *before, *behind;
} advices[] = {
    [PROBE_GOOD] = { "", "" },
    [PROBE_NAME] = { "mend the DNS of this host, /etc/resolv.conf; or is ",
        " url wrong?" },
    [PROBE_CONNECTION] = { "let this host out in the firewall; or is ",
        " url wrong? curl -v tells more" },
    [PROBE_CERTIFICATE] = { "apt-get install ca-certificates, and is the clock "
                            "right? For a server of your own: ",
        " ca_file" },
    [PROBE_ENCRYPTION] = { "TLS 1.2 at least is wanted; is it the right port "
                           "in ",
        " url?" },
    [PROBE_OTHER] = { "is ", " url an address? curl -v tells more" },
};

static const char *
print_cure(const struct hosts *h, size_t at, char buf[LONGEST_CURE])
{
    const struct advice *advice = &advices[h->probe[at].fault];

    snprintf(buf, LONGEST_CURE, "%s[%s]%s", advice->before,
        h->host[at].provider, advice->behind);
    return buf;
}

static void
tell_host(struct doctor *d, const struct hosts *h, size_t at)
{
    const struct probe *p = &h->probe[at];
    bool spare = has_spare(h, at);
    char cure[LONGEST_CURE];

    d->of = h->host[at].provider;
    if (p->fault == PROBE_GOOD)
        doctor_tell(
            d, RESULT_OK, NULL, "%s answers after %ld ms", p->url, p->ms);
    else
        doctor_tell(d,
            h->host[at].used && !spare ? RESULT_FAILED : RESULT_WARNING,
            print_cure(h, at, cure), "%s is not reached: %s%s", p->url, p->why,
            spare               ? "; the other address is"
            : !h->host[at].used ? "; nothing goes there at present"
                                : "");
}

static void
check_providers(struct doctor *d)
{
    struct hosts h = { .n = 0 };

    add_hosts(&h, d->ctl->set);
    if (!probe_all(h.probe, h.n))
        d->no_memory = true;
    for (size_t i = 0; i < h.n; i++)
        tell_host(d, &h, i);
    if (h.n == 0)
        doctor_tell(d, RESULT_NOTE, NULL, "there is no account of any");
}

/* --- routers ----------------------------------------------------------- */

struct routers {
    struct probe *probe; /* owned */
    size_t n;
    size_t radius; /* so many go by datagrams */
};

static bool
add_router(struct routers *r, const struct settings *set,
    const struct router_state *state)
{
    struct probe *more = realloc(r->probe, (r->n + 1) * sizeof *more);
    bool six = strchr(state->address, ':') != NULL;

    if (!more)
        return false;
    r->probe = more;
    more[r->n] =
        (struct probe){ .ca_file = "", .source = set->routers.source_address };
    snprintf(more[r->n].url, sizeof more->url, "http://%s%.255s%s:%d/",
        six ? "[" : "", state->address, six ? "]" : "", state->port);
    r->n++;
    return true;
}

/* The way by which the service would go to it. */
static bool
take_router(
    struct routers *r, const struct settings *set, const struct router_row *row)
{
    struct router_world world = { .set = set };
    struct router *router = router_make(&world, row);
    bool good = router != NULL;

    if (router && !router_is_off(router)) {
        struct router_state state = router_state(router);

        if (strcmp(state.transport, "radius") == 0)
            r->radius++;
        else
            good = add_router(r, set, &state);
    }
    router_close(&router);
    return good;
}

static void
tell_router(struct doctor *d, const struct probe *p)
{
    char place[PROBE_URL], cure[LONGEST_CURE];
    const char *from = p->url + strlen("http://");
    int n; /* bytes of the address */

    snprintf(place, sizeof place, "%.*s", (int)strcspn(from, "/"), from);
    if (p->fault == PROBE_GOOD) {
        doctor_tell(
            d, RESULT_OK, NULL, "%s answers after %ld ms", place, p->ms);
        return;
    }
    n = (int)(strrchr(place, ':') - place);
    snprintf(cure, sizeof cure,
        "check that it is up, and /ip service there; another port: [routers] "
        "router = %.*s port=N; gone for good: transport=off. Then: mbevctl test"
        " router %.*s",
        n, place, n, place);
    doctor_tell(d, RESULT_FAILED, cure, "%s is not reached: %s", place, p->why);
}

static void
tell_routers(struct doctor *d, const struct routers *r)
{
    for (size_t i = 0; i < r->n; i++)
        tell_router(d, &r->probe[i]);
    if (r->radius > 0)
        doctor_tell(d, RESULT_NOTE, "mbevctl test router ADDRESS",
            "%zu by RADIUS: whether they answer cannot be seen without an"
            " order",
            r->radius);
    if (r->n + r->radius == 0)
        doctor_tell(d, RESULT_WARNING,
            "radnas: nastype as in [routers] nastype, nasname, naslogin",
            "radnas has none that is meant, and resets of sessions are on");
}

static void
probe_routers(struct doctor *d, struct db_rows *rows)
{
    struct routers r = { .n = 0 };
    bool good = true;

    while (good && db_next(rows)) {
        struct router_row row = radnas_row(rows);

        good = take_router(&r, d->ctl->set, &row);
    }
    good = good && probe_all(r.probe, r.n);
    if (good)
        tell_routers(d, &r);
    else
        d->no_memory = true;
    free(r.probe);
}

static void
check_routers(struct doctor *d)
{
    struct db_rows *rows = NULL;
    struct billing billing;
    enum db_status status;

    if (!settings_resets(d->ctl->set)) {
        doctor_tell(d, RESULT_OK, NULL, "no session is ever reset");
        return;
    }
    status = billing_look_for_routers(&billing, d->ctl->db, d->ctl->set);
    if (status == DB_OK && !billing.has_routers) {
        doctor_tell(d, RESULT_FAILED, CURE_GRANTS, "%s", BILLING_NO_ROUTERS);
        return;
    }
    if (status == DB_OK)
        status = radnas_read(d->ctl->db, &billing, d->ctl->set, &rows);
    if (status != DB_OK)
        doctor_refused(d, RESULT_WARNING);
    else
        probe_routers(d, rows);
    db_rows_close(&rows);
}

static const struct doctor_check checks[] = {
    { .name = "provider", .run = check_providers },
    { .name = "router", .database = true, .run = check_routers },
};

const struct doctor_group doctor_reach = { checks,
    sizeof checks / sizeof *checks };
