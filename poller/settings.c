/* settings: see settings.h. */
#include "settings.h"

#include "config_xml.h"
#include "credential.h"
#include "ini.h"
#include "settings_check.h"
#include "settings_router.h"
#include "settings_value.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define AT(member) offsetof(struct settings, member)

static const char credential[] = "@credential:";

enum { MOST_KEYS = 512, CREDENTIAL = sizeof credential - 1 };

struct loader {
    struct settings *s;
    const char *path;
    struct bytes *errors;
    int line[MOST_KEYS]; /* where each key was set; 0 = it was not */
    mode_t mode;         /* of the file; 0 = it is to be as it is */
};

static void *
member(struct settings *s, const struct settings_key *k)
{
    return (char *)s + k->at;
}

/* Reports one error; line 0 = none. */
static void
complain(
    struct loader *l, int line, const struct settings_key *k, const char *what)
{
    bytes_str(l->errors, l->path);
    if (line)
        bytes_printf(l->errors, ":%d", line);
    bytes_str(l->errors, ": ");
    if (k)
        bytes_printf(l->errors, "[%s] %s: ", k->section, k->name);
    bytes_printf(l->errors, "%s\n", what);
}

/* The same about an exception for a router; k is not always one of its keys. */
static void
complain_router(struct loader *l, const struct special_router *router,
    const struct settings_key *k, const char *what)
{
    bytes_printf(l->errors, "%s:%d: [routers] router: %.64s: ", l->path,
        router->line, router->address);
    if (settings_router_has(k->at))
        bytes_printf(l->errors, "%s: ", k->name);
    bytes_printf(l->errors, "%s\n", what);
}

/* Reports about a key by its place in struct settings. */
static void
complain_at(
    void *arg, const struct special_router *router, size_t at, const char *what)
{
    struct loader *l = arg;

    for (size_t i = 0; i < settings_keys_n; i++) {
        const struct settings_key *k = &settings_keys[i];

        if (k->at == at && router)
            complain_router(l, router, k, what);
        else if (k->at == at)
            complain(l, l->line[i], k, what);
    }
}

/* Sets a key to each newline-divided value of a default. */
static bool
preset_key(struct settings *s, const struct settings_key *k)
{
    char *all = strdup(k->preset), *rest = all, *one;
    bool good = all != NULL;

    if (!settings_value_is_list(k))
        good = good && !settings_value_set(member(s, k), k, k->preset);
    else
        while (good && *k->preset && (one = strsep(&rest, "\n")))
            good = !settings_value_set(member(s, k), k, one);
    free(all);
    return good;
}

static bool
preset_all(struct settings *s)
{
    *s = (struct settings){ 0 };
    for (size_t i = 0; i < settings_keys_n; i++)
        if (!preset_key(s, &settings_keys[i]))
            return false;
    return true;
}

static bool
known_section(const char *name)
{
    for (size_t i = 0; i < settings_sections_n; i++)
        if (strcmp(settings_sections[i].name, name) == 0)
            return true;
    return false;
}

static void
complain_unknown(struct loader *l, const struct ini_item *item)
{
    struct bytes what = bytes_make(512);
    /* Whoever writes "password: x" has put the secret into the key. */
    size_t n = strcspn(item->key, " \t:");

    if (known_section(item->section))
        bytes_printf(&what, "[%.64s] has no key \"%.*s\"", item->section,
            (int)(n < 64 ? n : 64), item->key);
    else
        bytes_printf(&what, "there is no section [%.64s]", item->section);
    bytes_str(&what, "; mbevd --ini prints all");
    complain(l, item->line, NULL, bytes_text(&what));
    bytes_free(&what);
}

static bool
is_credential(const char *value)
{
    return strncmp(value, credential, CREDENTIAL) == 0;
}

/* Sets a secret to a credential. Returns what is wrong, or NULL. */
static const char *
take_credential(void *at, const struct settings_key *k, const char *name)
{
    static char why[1024];
    struct bytes secret = bytes_make(CREDENTIAL_MOST);
    const char *wrong = NULL;

    if (!credential_read(&secret, name, why, sizeof why))
        wrong = why;
    else if (!bytes_ok(&secret))
        wrong = "out of memory";
    else
        wrong = settings_value_set(at, k, bytes_text(&secret));
    bytes_free(&secret);
    return wrong;
}

/* A secret that stands in the file itself. */
static const char *
take_secret(const struct loader *l, void *at, const struct settings_key *k,
    const char *value)
{
    const char *wrong = settings_value_set(at, k, value);

    if (!wrong && *value && l->mode & S_IROTH)
        wrong = "everybody on this computer can read it; chown root:mbevd and "
                "chmod 640 the file, or keep it in a credential "
                "(@credential:NAME)";
    return wrong;
}

/* Sets a key, or adds to a list. Returns what is wrong, or NULL. */
static const char *
set_value(const struct loader *l, const struct settings_key *k,
    const struct ini_item *item)
{
    void *at = member(l->s, k);
    bool secret = k->traits & KEY_SECRET;

    if (is_credential(item->value) && secret)
        return take_credential(at, k, item->value + CREDENTIAL);
    if (is_credential(item->value))
        return "only a secret can be a credential";
    return secret ? take_secret(l, at, k, item->value)
                  : settings_value_set(at, k, item->value);
}

static void
take_value(struct loader *l, size_t i, const struct ini_item *item)
{
    const struct settings_key *k = &settings_keys[i];
    const char *wrong;

    if (l->line[i] && !settings_value_is_list(k)) {
        complain(l, item->line, k, "is set twice");
        return;
    }
    if (!l->line[i] && settings_value_is_list(k))
        settings_value_drop(member(l->s, k), k);
    l->line[i] = item->line;
    wrong = set_value(l, k, item);
    if (wrong)
        complain(l, item->line, k, wrong);
    if (k->at == AT(routers.lines))
        settings_router_add(l->s, item->value, item->line, complain_at, l);
}

static bool
on_item(void *arg, const struct ini_item *item)
{
    struct loader *l = arg;

    for (size_t i = 0; i < settings_keys_n; i++) {
        const struct settings_key *k = &settings_keys[i];

        if (strcmp(k->section, item->section) == 0 &&
            strcmp(k->name, item->key) == 0) {
            take_value(l, i, item);
            return true;
        }
    }
    complain_unknown(l, item);
    return true;
}

static void
on_bad_line(void *arg, int line, const char *what)
{
    complain(arg, line, NULL, what);
}

/* Gives a text that was left empty a value. */
static void
fill(struct loader *l, char **at, const char *value)
{
    const char *wrong = NULL;

    if (!**at && value && *value)
        wrong = settings_value_text(at, value);
    if (wrong)
        complain(l, 0, NULL, wrong);
}

/* Takes from the billing's own file what ours left empty. */
static void
use_config_xml(struct loader *l)
{
    struct settings *s = l->s;
    struct config_xml x;
    const char *wrong;

    wrong = config_xml_read(&x, s->database.config_xml);
    if (wrong) {
        complain_at(l, NULL, AT(database.config_xml), wrong);
        return;
    }
    if (!*s->database.socket && strcmp(x.host, "localhost") != 0)
        fill(l, &s->database.host, x.host);
    if (!*s->database.user && !*s->database.password)
        fill(l, &s->database.password, x.password);
    fill(l, &s->database.user, x.username);
    fill(l, &s->database.billing, x.dbname);
    config_xml_free(&x);
}

/* Whoever can write it can have us send what he likes. */
static void
look_at_file(struct loader *l)
{
    struct stat file;

    if (stat(l->path, &file) != 0 || !S_ISREG(file.st_mode))
        return;
    l->mode = file.st_mode;
    if (l->mode & (S_IWGRP | S_IWOTH))
        complain(l, 0, NULL,
            "others than its owner can write it; chown root:mbevd and chmod "
            "640 it");
}

static bool
load(struct settings *s, const char *path, struct bytes *errors, bool together)
{
    struct loader l = { .s = s, .path = path, .errors = errors };

    if (settings_keys_n > MOST_KEYS || !preset_all(s)) {
        bytes_str(errors, "the table of settings is broken\n");
        return false;
    }
    if (together)
        look_at_file(&l);
    if (!ini_read(path, on_item, on_bad_line, &l)) {
        complain(&l, 0, NULL, strerror(errno));
        return false;
    }
    if (*s->database.config_xml)
        use_config_xml(&l);
    fill(&l, &s->database.user, "mbev_service");
    fill(&l, &s->database.billing, "mikbill");
    if (!settings_router_complete(s)) {
        bytes_str(errors, "out of memory\n");
        return false;
    }
    if (together)
        settings_check(s, complain_at, &l);
    return errors->n == 0 && bytes_ok(errors);
}

bool
settings_load(struct settings *s, const char *path, struct bytes *errors)
{
    return load(s, path, errors, true);
}

bool
settings_load_database(
    struct settings *s, const char *path, struct bytes *errors)
{
    return load(s, path, errors, false);
}

void
settings_replace(struct settings *before, struct settings *now,
    settings_differ *differ, void *arg)
{
    for (size_t i = 0; i < settings_keys_n; i++) {
        const struct settings_key *k = &settings_keys[i];
        void *old = member(before, k), *new = member(now, k);
        bool stays = k->traits & KEY_RESTART;

        if (!settings_value_is_same(k, old, new))
            differ(arg, k, old, new, stays);
        if (stays)
            settings_value_swap(k, old, new);
    }
}

void
settings_print(
    struct bytes *out, const struct settings_key *key, const void *value)
{
    if (key->traits & KEY_SECRET)
        bytes_str(out, "(secret)");
    else
        settings_value_print_all(out, value, key);
}

struct db_settings
settings_database(const struct settings *s)
{
    return (struct db_settings){
        .host = s->database.host,
        .port = (unsigned)s->database.port,
        .socket = s->database.socket,
        .user = s->database.user,
        .password = s->database.password,
        .database = s->database.events,
    };
}

void
settings_free(struct settings *s)
{
    settings_router_free(s);
    for (size_t i = 0; i < settings_keys_n; i++)
        settings_value_drop(member(s, &settings_keys[i]), &settings_keys[i]);
    *s = (struct settings){ 0 };
}

/* Appends text with prefix in front of each of its lines. */
static void
add_lines(struct bytes *out, const char *prefix, const char *text)
{
    for (;;) {
        size_t n = strcspn(text, "\n");

        bytes_str(out, prefix);
        bytes_add(out, text, n);
        bytes_chr(out, '\n');
        if (text[n] == '\0')
            return;
        text += n + 1;
    }
}

static void
sample_key(struct bytes *out, const struct settings_key *k)
{
    struct bytes prefix = bytes_make(128);

    bytes_printf(&prefix, "%s =%s", k->name, *k->preset ? " " : "");
    bytes_chr(out, '\n');
    add_lines(out, "; ", k->help);
    if (k->traits & KEY_RESTART)
        bytes_str(out, "; (needs a restart)\n");
    add_lines(out, bytes_text(&prefix), k->preset);
    bytes_free(&prefix);
}

void
settings_sample(struct bytes *out)
{
    bytes_str(out, "; mikbill-events: settings of mbevd, with their defaults.\n"
                   "; Check a changed file with: mbevd -t -c FILE\n"
                   "; Then: systemctl reload mbevd. A secret (password, key) "
                   "may be\n"
                   "; @credential:NAME, from LoadCredential=NAME:FILE in the "
                   "unit.\n");
    for (size_t i = 0; i < settings_sections_n; i++) {
        const struct settings_section *section = &settings_sections[i];

        bytes_printf(out, "\n[%s]\n", section->name);
        add_lines(out, "; ", section->help);
        for (size_t j = 0; j < settings_keys_n; j++)
            if (strcmp(settings_keys[j].section, section->name) == 0)
                sample_key(out, &settings_keys[j]);
    }
}
