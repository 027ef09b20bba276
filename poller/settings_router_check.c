/* settings_router_check: of [routers] and [session_reset], what one key alone
 * cannot tell; see settings_router.h. */
#include "settings_router.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define AT(member) offsetof(struct settings, member)

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

/* ---- files ---- */

static const char *
cannot_be_read(void)
{
    static char what[128];

    snprintf(what, sizeof what, "cannot be read: %s", strerror(errno));
    return what;
}

/* What is wrong with a private key, or NULL. As of OpenSSH, a key that others
 * may read is none. */
static const char *
wrong_key(const char *path)
{
    struct stat file;

    if (*path != '/')
        return "must be an absolute path";
    if (stat(path, &file) != 0 || access(path, R_OK) != 0)
        return cannot_be_read();
    if (!S_ISREG(file.st_mode))
        return "is not a file";
    if (file.st_mode & (S_IRWXG | S_IRWXO))
        return "is open to others than its owner, who must be the account of "
               "the service; chmod 600 it";
    return NULL;
}

static void
check_key(struct check *c, const struct special_router *router)
{
    const char *usual = c->s->routers.usual.key_file;
    const char *path = router ? router->set.key_file : usual;
    const char *wrong = *path ? wrong_key(path) : NULL;

    if (wrong && !(router && strcmp(path, usual) == 0))
        c->complain(c->arg, router, AT(routers.usual.key_file), wrong);
}

/* It is made when it is missing. */
static void
check_known_hosts(struct check *c)
{
    const char *path = c->s->routers.known_hosts;

    if (!*path)
        return;
    if (*path != '/')
        complain_at(c, AT(routers.known_hosts), "must be an absolute path");
    else if (access(path, R_OK) != 0 && errno != ENOENT)
        complain_at(c, AT(routers.known_hosts), cannot_be_read());
}

/* ---- whether a session can be ended, and in time ---- */

static bool
goes_by(const struct router_settings *set, const char *transport)
{
    return strcmp(set->transport, transport) == 0;
}

static bool
all_are_off(const struct settings *s)
{
    for (size_t i = 0; i < s->routers.special_n; i++)
        if (!goes_by(&s->routers.special[i].set, "off"))
            return false;
    return goes_by(&s->routers.usual, "off");
}

/* With and without what the billing knows of the session, each of them as
 * often as may be. */
static void
check_radius(struct check *c, const struct special_router *special)
{
    const struct router_settings *set =
        special ? &special->set : &c->s->routers.usual;

    if (goes_by(set, "radius") &&
        2 * c->s->routers.radius_tries * c->s->routers.radius_wait_ms >
            set->timeout_ms)
        complain_at(c, AT(routers.radius_wait_ms),
            "times twice radius_tries must not be longer than timeout");
}

static void
check_resets(struct check *c)
{
    if (!settings_resets(c->s))
        return;
    if (all_are_off(c->s))
        complain_at(c, AT(routers.usual.transport),
            "is off for every router, but [session_reset] is on; choose one, "
            "or switch that off");
    check_radius(c, NULL);
    for (size_t i = 0; i < c->s->routers.special_n; i++)
        check_radius(c, &c->s->routers.special[i]);
}

void
settings_router_check(
    const struct settings *s, settings_complain *complain, void *arg)
{
    struct check check = { .s = s, .complain = complain, .arg = arg };

    for (size_t i = 0; i < s->routers.nastypes.n; i++)
        if (!*s->routers.nastypes.text[i])
            complain_at(&check, AT(routers.nastypes), "a kind is empty");
    check_key(&check, NULL);
    for (size_t i = 0; i < s->routers.special_n; i++)
        check_key(&check, &s->routers.special[i]);
    check_known_hosts(&check);
    check_resets(&check);
}
