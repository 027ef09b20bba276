/* settings: see settings.h. */
#include "settings.h"

#include "config_xml.h"
#include "ini.h"
#include "money.h"
#include "rules/text.h"
#include "settings_check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_KEYS = 256 };

struct loader {
    struct settings *s;
    const char *path;
    struct bytes *errors;
    int line[MOST_KEYS]; /* where each key was set; 0 = it was not */
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

static const char *
set_text(char **at, const char *value)
{
    char *copy = strdup(value);

    if (!copy)
        return "out of memory";
    free(*at);
    *at = copy;
    return NULL;
}

static const char *
add_text(struct text_list *list, const char *value)
{
    char **more = realloc(list->text, (list->n + 1) * sizeof *more);

    if (!more)
        return "out of memory";
    list->text = more;
    list->text[list->n] = NULL;
    return set_text(&list->text[list->n++], value);
}

static void
drop_texts(struct text_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->text[i]);
    free(list->text);
    *list = (struct text_list){ 0 };
}

static const char *
set_bool(bool *at, const char *value)
{
    static const char *const yes[] = { "yes", "on", "true", "1" };
    static const char *const no[] = { "no", "off", "false", "0" };

    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        if (strcmp(value, yes[i]) == 0 || strcmp(value, no[i]) == 0) {
            *at = strcmp(value, yes[i]) == 0;
            return NULL;
        }
    }
    return "expected yes or no";
}

static const char *
in_bounds(const struct settings_key *k, int64_t value)
{
    static char what[96];

    if (value >= k->min && value <= k->max)
        return NULL;
    snprintf(what, sizeof what, "must be from %lld to %lld%s",
        (long long)k->min, (long long)k->max,
        k->type == KEY_DURATION ? " milliseconds" : "");
    return what;
}

static const char *
set_number(const struct settings_key *k, int64_t *at, const char *value)
{
    int64_t n;

    if (!decimal_parse(value, 0, &n))
        return "expected a whole number";
    *at = n;
    return in_bounds(k, n);
}

static const char *
set_duration(const struct settings_key *k, int64_t *at, const char *value)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = { { "ms", 1 }, { "s", 1000 }, { "min", 60000 },
        { "h", 3600000 } };
    char *unit;
    long long n;

    errno = 0;
    n = strtoll(value, &unit, 10);
    if (errno || unit == value || n < 0 || n > INT64_MAX / 3600000)
        return "expected a duration such as 500 ms, 20 s, 5 min or 24 h";
    while (*unit == ' ')
        unit++;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(unit, units[i].name) == 0) {
            *at = n * units[i].ms;
            return in_bounds(k, *at);
        }
    }
    return "the unit must be ms, s, min or h";
}

static const char *
set_money(const struct settings_key *k, int64_t *at, const char *value)
{
    char least[MONEY_TEXT], most[MONEY_TEXT];
    static char what[96];

    if (!decimal_parse(value, 2, at))
        return k->type == KEY_PERCENT ? "expected a percentage such as 5 or 2.5"
                                      : "expected an amount such as 10.00";
    if (*at >= k->min && *at <= k->max)
        return NULL;
    snprintf(what, sizeof what, "must be from %s to %s",
        money_print(k->min, least), money_print(k->max, most));
    return what;
}

/* Sets one key from its text. Returns what is wrong, or NULL. */
static const char *
set_key(struct settings *s, const struct settings_key *k, const char *value)
{
    void *at = member(s, k);
    const char *wrong;

    switch (k->type) {
    case KEY_TEMPLATE:
    case KEY_TEXTS:
        wrong = text_check(value, k->fields);
        if (wrong)
            return wrong;
        return k->type == KEY_TEXTS ? add_text(at, value) : set_text(at, value);
    case KEY_TEXT:
        return set_text(at, value);
    case KEY_BOOL:
        return set_bool(at, value);
    case KEY_NUMBER:
        return set_number(k, at, value);
    case KEY_DURATION:
        return set_duration(k, at, value);
    case KEY_MONEY:
    case KEY_PERCENT:
        return set_money(k, at, value);
    case KEY_LIST:
        return add_text(at, value);
    case KEY_ROUTE:
        return route_parse(at, value)
                   ? NULL
                   : "expected smspilot, smsc and social, divided by commas, "
                     "none twice";
    case KEY_HOURS:
        return hours_parse(at, value)
                   ? NULL
                   : "expected hours such as 23:00-10:00, or no";
    }
    return "a key of no known type";
}

static bool
is_list(const struct settings_key *k)
{
    return k->type == KEY_TEXTS || k->type == KEY_LIST;
}

/* Calls set_key() for each newline-divided value of a default. */
static bool
preset_key(struct settings *s, const struct settings_key *k)
{
    char *all = strdup(k->preset), *rest = all, *one;
    bool good = all != NULL;

    if (!is_list(k))
        good = good && !set_key(s, k, k->preset);
    else
        while (good && *k->preset && (one = strsep(&rest, "\n")))
            good = !set_key(s, k, one);
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

static void
take_value(struct loader *l, size_t i, const struct ini_item *item)
{
    const struct settings_key *k = &settings_keys[i];
    const char *wrong;

    if (l->line[i] && !is_list(k)) {
        complain(l, item->line, k, "is set twice");
        return;
    }
    if (!l->line[i] && is_list(k))
        drop_texts(member(l->s, k));
    l->line[i] = item->line;
    wrong = set_key(l->s, k, item->value);
    if (wrong)
        complain(l, item->line, k, wrong);
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

/* Reports about a key by its place in struct settings. */
static void
complain_at(void *arg, size_t at, const char *what)
{
    struct loader *l = arg;

    for (size_t i = 0; i < settings_keys_n; i++)
        if (settings_keys[i].at == at)
            complain(l, l->line[i], &settings_keys[i], what);
}

#define AT(member) offsetof(struct settings, member)

static void
fill(char **at, const char *value)
{
    if (!**at && value && *value)
        set_text(at, value);
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
        complain_at(l, AT(database.config_xml), wrong);
        return;
    }
    if (!*s->database.socket && strcmp(x.host, "localhost") != 0)
        fill(&s->database.host, x.host);
    if (!*s->database.user && !*s->database.password)
        fill(&s->database.password, x.password);
    fill(&s->database.user, x.username);
    fill(&s->database.billing, x.dbname);
    config_xml_free(&x);
}

static bool
load(struct settings *s, const char *path, struct bytes *errors, bool together)
{
    struct loader l = { .s = s, .path = path, .errors = errors };

    if (settings_keys_n > MOST_KEYS || !preset_all(s)) {
        bytes_str(errors, "the table of settings is broken\n");
        return false;
    }
    if (!ini_read(path, on_item, on_bad_line, &l)) {
        complain(&l, 0, NULL, strerror(errno));
        return false;
    }
    if (*s->database.config_xml)
        use_config_xml(&l);
    fill(&s->database.user, "mbev_service");
    fill(&s->database.billing, "mikbill");
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
    for (size_t i = 0; i < settings_keys_n; i++) {
        const struct settings_key *k = &settings_keys[i];

        if (is_list(k))
            drop_texts(member(s, k));
        else if (k->type == KEY_TEXT || k->type == KEY_TEMPLATE)
            free(*(char **)member(s, k));
    }
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
    add_lines(out, bytes_text(&prefix), k->preset);
    bytes_free(&prefix);
}

void
settings_sample(struct bytes *out)
{
    bytes_str(out, "; mikbill-events: settings of mbevd, with their defaults.\n"
                   "; Check a changed file with: mbevd -t -c FILE\n");
    for (size_t i = 0; i < settings_sections_n; i++) {
        const struct settings_section *section = &settings_sections[i];

        bytes_printf(out, "\n[%s]\n", section->name);
        add_lines(out, "; ", section->help);
        for (size_t j = 0; j < settings_keys_n; j++)
            if (strcmp(settings_keys[j].section, section->name) == 0)
                sample_key(out, &settings_keys[j]);
    }
}
