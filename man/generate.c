/*
 * generate: makes a page of the manual from its template.
 *
 *   generate TEMPLATE >PAGE
 *
 * A line of the template that is @SETTINGS@ or @VERBS@ becomes what the tables
 * of the programs say (settings_keys[], ctl_verbs[]); @VERSION@, @CONF_FILE@,
 * @STATE_DIR@, @DOORBELL@, @CONTROL@, @SHARE_DIR@ and @LIBRARY_FILE@ within a
 * line become what is built into them. All else stays as it is.
 *
 * It runs while the project is built, and is not installed.
 */
#include "mdoc.h"

#include "ctl.h"
#include "settings.h"
#include "settings_value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum { LARGEST_PAGE = 1 << 20, LARGEST_VALUE = 64 * 1024, LONGEST_LINE = 1024 };

/* --- settings ------------------------------------------------------------ */

static const char *
type_name(enum key_type type)
{
    static const char *const names[] = {
        [KEY_TEXT] = "Text",
        [KEY_TEMPLATE] = "Template",
        [KEY_TEXTS] = "Templates, the key repeated for each",
        [KEY_LIST] = "Texts, the key repeated for each",
        [KEY_BOOL] = "Yes or no",
        [KEY_NUMBER] = "Whole number",
        [KEY_DURATION] = "Time",
        [KEY_MONEY] = "Amount",
        [KEY_PERCENT] = "Percentage",
        [KEY_ROUTE] = "Channels",
        [KEY_HOURS] = "Hours of the day, or no",
    };

    return names[type];
}

static bool
has_bounds(const struct settings_key *key)
{
    return key->type == KEY_NUMBER || key->type == KEY_DURATION ||
           key->type == KEY_MONEY || key->type == KEY_PERCENT;
}

/* A bound, as it would stand in the file. */
static void
add_bound(struct bytes *out, const struct settings_key *key, int64_t bound)
{
    struct bytes text = bytes_make(LARGEST_VALUE);

    settings_value_print(&text, &bound, key, 0);
    mdoc_literal(out, bytes_text(&text));
    bytes_free(&text);
}

/* Each value of the default, in quotes: a text may have blanks in it. */
static void
add_preset(struct bytes *out, const struct settings_key *key)
{
    const char *value = key->preset;

    if (!*value) {
        bytes_str(out, "empty");
        return;
    }
    for (;;) {
        size_t n = strcspn(value, "\n");

        mdoc_quote(out, value, n);
        if (value[n] == '\0')
            return;
        bytes_str(out, ",\n");
        value += n + 1;
    }
}

static void
add_traits(struct bytes *out, const struct settings_key *key)
{
    if (key->traits & KEY_SECRET)
        bytes_str(out, "A secret: it is never shown, and it may be\n"
                       ".Sy @credential:\\& Ns Ar NAME .\n");
    if (key->traits & KEY_RESTART)
        bytes_str(out, "Needs a restart.\n");
}

static void
add_key(struct bytes *out, const struct settings_key *key)
{
    bytes_str(out, ".It Cm ");
    mdoc_word(out, key->name);
    bytes_chr(out, '\n');
    mdoc_prose(out, key->help);
    bytes_str(out, ".br\n");
    bytes_str(out, type_name(key->type));
    if (has_bounds(key)) {
        bytes_str(out, " from ");
        add_bound(out, key, key->min);
        bytes_str(out, " to ");
        add_bound(out, key, key->max);
    }
    bytes_str(out, "; default:\n");
    add_preset(out, key);
    bytes_str(out, ".\n");
    if (key->fields) {
        bytes_str(out, "Fields:\n");
        mdoc_prose(out, key->fields);
    }
    add_traits(out, key);
}

static void
add_settings(struct bytes *out)
{
    for (size_t i = 0; i < settings_sections_n; i++) {
        const struct settings_section *section = &settings_sections[i];

        bytes_printf(out, ".Ss [%s]\\&\n", section->name);
        mdoc_prose(out, section->help);
        bytes_str(out, ".Bl -tag -width Ds\n");
        for (size_t j = 0; j < settings_keys_n; j++)
            if (strcmp(settings_keys[j].section, section->name) == 0)
                add_key(out, &settings_keys[j]);
        bytes_str(out, ".El\n");
    }
}

/* --- verbs --------------------------------------------------------------- */

/* Of the words that completion offers those that are options. */
static void
add_options(struct bytes *out, const struct verb *verb)
{
    const char *at = strstr(verb->offers, "--");

    if (!at)
        return;
    bytes_str(out, ".br\nOptions:\n");
    while (at) {
        size_t n = strcspn(at, " ");

        mdoc_usage(out, at, n);
        if (strncmp(at, "--reason", n) == 0)
            mdoc_usage(out, " TEXT", strlen(" TEXT"));
        at = strstr(at + n, "--");
        bytes_str(out, at ? ",\n" : ".\n");
    }
}

static void
add_verb(struct bytes *out, const struct verb *verb)
{
    bytes_str(out, ".It Xo\n.Ic ");
    mdoc_word(out, verb->name);
    bytes_chr(out, '\n');
    if (*verb->words) {
        mdoc_usage(out, verb->words, strlen(verb->words));
        bytes_chr(out, '\n');
    }
    bytes_str(out, ".Xc\n");
    mdoc_sentence(out, verb->help);
    mdoc_help(out, verb->more);
    add_options(out, verb);
}

static void
add_verbs(struct bytes *out)
{
    bytes_str(out, ".Bl -tag -width Ds\n");
    for (const struct verb *verb = ctl_verbs; verb->name; verb++)
        add_verb(out, verb);
    bytes_str(out, ".El\n");
}

/* --- templates ----------------------------------------------------------- */

static const struct part {
    const char *mark;
    void (*add)(struct bytes *out);
} parts[] = {
    { "@SETTINGS@\n", add_settings },
    { "@VERBS@\n", add_verbs },
};

static const struct name {
    const char *mark;
    const char *text;
} names[] = {
    { "@VERSION@", MBEV_VERSION },
    { "@CONF_FILE@", MBEV_CONF_FILE },
    { "@STATE_DIR@", MBEV_STATE_DIR },
    { "@DOORBELL@", MBEV_DOORBELL },
    { "@CONTROL@", MBEV_CONTROL },
    { "@SHARE_DIR@", MBEV_SHARE_DIR },
    { "@LIBRARY_FILE@", MBEV_LIBRARY_FILE },
};

/* The name that stands here; NULL when there is none. */
static const struct name *
name_at(const char *at)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strncmp(at, names[i].mark, strlen(names[i].mark)) == 0)
            return &names[i];
    return NULL;
}

static void
fill_line(struct bytes *out, const char *line)
{
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (strcmp(line, parts[i].mark) == 0) {
            parts[i].add(out);
            return;
        }
    }
    while (*line) {
        const struct name *name = name_at(line);

        if (name)
            mdoc_literal(out, name->text);
        else
            bytes_chr(out, *line);
        line += name ? strlen(name->mark) : 1;
    }
}

static bool
fill(struct bytes *out, const char *path)
{
    char line[LONGEST_LINE];
    FILE *f = fopen(path, "re");
    bool good;

    if (!f)
        return false;
    while (fgets(line, sizeof line, f))
        fill_line(out, line);
    good = !ferror(f) && bytes_ok(out);
    fclose(f);
    return good;
}

int
main(int argc, char **argv)
{
    struct bytes page = bytes_make(LARGEST_PAGE);
    bool good = argc == 2 && fill(&page, argv[1]) &&
                fwrite(page.p, 1, page.n, stdout) == page.n &&
                fflush(stdout) == 0;

    bytes_free(&page);
    if (good)
        return EX_OK;
    fprintf(stderr, "usage: generate TEMPLATE >PAGE; the template must be "
                    "readable\n");
    return EX_NOINPUT;
}
