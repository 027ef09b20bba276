/* settings_router: see settings_router.h. */
#include "settings_router.h"

#include "settings_value.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define AT(member) offsetof(struct settings, member)

static const char blanks[] = " \t";

/* What a key has that the line does not name: no number is below zero. */
enum { UNSET = -1 };

struct adding {
    struct settings *s;
    struct special_router *router;
    settings_complain *complain;
    void *arg;
};

static void
complain(struct adding *a, size_t at, const char *what)
{
    a->complain(a->arg, a->router, at, what);
}

bool
settings_router_has(size_t at)
{
    return at >= AT(routers.usual) &&
           at < AT(routers.usual) + sizeof(struct router_settings);
}

void *
settings_router_at(const struct special_router *router, size_t at)
{
    return (char *)&router->set + (at - AT(routers.usual));
}

/* The next key of struct router_settings after this one, or the first one
 * after NULL; NULL = no more. */
static const struct settings_key *
next(const struct settings_key *k)
{
    for (k = k ? k + 1 : settings_keys; k < settings_keys + settings_keys_n;
         k++)
        if (settings_router_has(k->at))
            return k;
    return NULL;
}

static bool
is_text(const struct settings_key *k)
{
    return k->type == KEY_TEXT;
}

static bool
is_unset(const struct settings_key *k, const void *at)
{
    return is_text(k) ? !*(char *const *)at : *(const int64_t *)at == UNSET;
}

/* A further exception with nothing set; NULL = out of memory. */
static struct special_router *
more(struct settings *s, const char *address)
{
    size_t n = s->routers.special_n;
    struct special_router *all =
        realloc(s->routers.special, (n + 1) * sizeof *all);

    if (!all)
        return NULL;
    s->routers.special = all;
    all[n] = (struct special_router){ .address = strdup(address) };
    if (!all[n].address)
        return NULL;
    for (const struct settings_key *k = next(NULL); k; k = next(k))
        if (!is_text(k))
            *(int64_t *)settings_router_at(&all[n], k->at) = UNSET;
    s->routers.special_n++;
    return &all[n];
}

static void
complain_unknown(struct adding *a, const char *name)
{
    struct bytes what = bytes_make(512);

    bytes_printf(&what, "there is no key \"%.64s\"; expected", name);
    for (const struct settings_key *k = next(NULL); k; k = next(k))
        bytes_printf(&what, " %s", k->name);
    complain(a, AT(routers.lines), bytes_text(&what));
    bytes_free(&what);
}

/* Takes "key=value", which is changed in passing. */
static void
take_pair(struct adding *a, char *pair)
{
    char *value = strchr(pair, '=');
    const char *wrong;

    if (value)
        *value++ = '\0';
    for (const struct settings_key *k = next(NULL); k; k = next(k)) {
        void *at = settings_router_at(a->router, k->at);

        if (strcmp(k->name, pair) != 0)
            continue;
        wrong = !value             ? "expected key=value, without blanks"
                : !is_unset(k, at) ? "is set twice"
                                   : settings_value_set(at, k, value);
        if (wrong)
            complain(a, k->at, wrong);
        return;
    }
    complain_unknown(a, pair);
}

static bool
is_known(const struct settings *s, const char *address)
{
    for (size_t i = 0; i + 1 < s->routers.special_n; i++)
        if (strcasecmp(s->routers.special[i].address, address) == 0)
            return true;
    return false;
}

/* Takes the rest of a line, which is changed in passing. */
static void
take_pairs(struct adding *a, char *rest)
{
    const char *address = a->router->address;
    char *pair = strtok_r(NULL, blanks, &rest);

    if (strchr(address, '='))
        complain(a, AT(routers.lines),
            "the address is missing; expected ADDRESS key=value ...");
    else if (is_known(a->s, address))
        complain(a, AT(routers.lines), "has an exception already");
    else if (!pair)
        complain(a, AT(routers.lines),
            "says nothing; expected ADDRESS key=value ...");
    else
        for (; pair; pair = strtok_r(NULL, blanks, &rest))
            take_pair(a, pair);
}

void
settings_router_add(struct settings *s, const char *text, int line,
    settings_complain *complain_at, void *arg)
{
    struct adding adding = { .s = s, .complain = complain_at, .arg = arg };
    char *words = strdup(text), *rest = NULL, *address = NULL;

    if (words)
        address = strtok_r(words, blanks, &rest);
    if (address)
        adding.router = more(s, address);
    if (adding.router) {
        adding.router->line = line;
        take_pairs(&adding, rest);
    } else if (!words || address) {
        complain(&adding, AT(routers.lines), "out of memory");
    }
    free(words);
}

static bool
complete(const struct settings *s, const struct special_router *router)
{
    for (const struct settings_key *k = next(NULL); k; k = next(k)) {
        void *to = settings_router_at(router, k->at);
        const void *from = (const char *)s + k->at;

        if (!is_unset(k, to))
            continue;
        if (!is_text(k))
            *(int64_t *)to = *(const int64_t *)from;
        else if (settings_value_text(to, *(char *const *)from))
            return false;
    }
    return true;
}

bool
settings_router_complete(struct settings *s)
{
    for (size_t i = 0; i < s->routers.special_n; i++)
        if (!complete(s, &s->routers.special[i]))
            return false;
    return true;
}

void
settings_router_free(struct settings *s)
{
    for (size_t i = 0; i < s->routers.special_n; i++) {
        struct special_router *router = &s->routers.special[i];

        for (const struct settings_key *k = next(NULL); k; k = next(k))
            settings_value_drop(settings_router_at(router, k->at), k);
        free(router->address);
    }
    free(s->routers.special);
    s->routers.special = NULL;
    s->routers.special_n = 0;
}

const struct router_settings *
settings_router(const struct settings *s, const char *address)
{
    for (size_t i = 0; i < s->routers.special_n; i++)
        if (strcasecmp(s->routers.special[i].address, address) == 0)
            return &s->routers.special[i].set;
    return &s->routers.usual;
}

bool
settings_removes_discounts(const struct settings *s)
{
    for (enum event_kind kind = 0; kind < EVENT_KINDS; kind++)
        if (s->discounts.on[kind])
            return true;
    return false;
}

bool
settings_resets(const struct settings *s)
{
    for (enum event_kind kind = 0; kind < EVENT_KINDS; kind++)
        if (s->session_reset.on[kind])
            return true;
    return false;
}

static int64_t
longest_ms(const struct router_settings *set)
{
    return strcmp(set->transport, "off") == 0
               ? 0
               : set->connect_timeout_ms + 2 * set->timeout_ms;
}

int64_t
settings_longest_reset_ms(const struct settings *s)
{
    int64_t ms = longest_ms(&s->routers.usual);

    for (size_t i = 0; i < s->routers.special_n; i++)
        if (longest_ms(&s->routers.special[i].set) > ms)
            ms = longest_ms(&s->routers.special[i].set);
    return ms;
}

static bool
is_radius(const struct router_settings *set)
{
    return strcmp(set->transport, "radius") == 0;
}

bool
settings_needs_radacct(const struct settings *s)
{
    for (size_t i = 0; i < s->routers.special_n; i++)
        if (is_radius(&s->routers.special[i].set))
            return true;
    return is_radius(&s->routers.usual) ||
           strcmp(s->session_reset.target, "online") == 0;
}
