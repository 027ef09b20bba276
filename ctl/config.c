/*
 * mbevctl config [SECTION]: the settings as they hold, those of the file and
 * the others; of a secret only whether there is one.
 */
#include "bytes.h"
#include "ctl.h"
#include "settings_value.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { LARGEST_VALUE = 64 * 1024 };

static const char MASKED[] = "(set, not shown)";

static void
print_one(const struct settings_key *k, const char *value, size_t n)
{
    if ((k->traits & KEY_SECRET)) {
        value = n > 0 ? MASKED : "";
        n = strlen(value);
    }
    if (settings_value_is_list(k))
        out_more(k->name, value, n);
    else
        out_textn(k->name, value, n);
    if (out_is_json())
        return;
    printf("%s = ", k->name);
    text_print(stdout, value);
    putchar('\n');
}

static void
print_key(const struct settings *set, const struct settings_key *k)
{
    const void *at = (const char *)set + k->at;
    struct bytes value = bytes_make(LARGEST_VALUE);
    size_t n = settings_value_count(at, k);

    if (n == 0) {
        out_list(k->name);
        out_end();
    }
    for (size_t i = 0; i < n; i++) {
        bytes_clear(&value);
        settings_value_print(&value, at, k, i);
        print_one(k, bytes_text(&value), value.n);
    }
    bytes_free(&value);
}

static void
print_section(const struct settings *set, const char *section)
{
    out_words("[%s]\n", section);
    out_group(section);
    for (size_t i = 0; i < settings_keys_n; i++)
        if (strcmp(settings_keys[i].section, section) == 0)
            print_key(set, &settings_keys[i]);
    out_end();
}

int
ctl_config(struct ctl *ctl)
{
    const char *only = ctl->argc > 0 ? ctl->argv[0] : NULL;
    bool any = false;

    for (size_t i = 0; i < settings_sections_n; i++) {
        const char *name = settings_sections[i].name;

        if (only && strcmp(only, name) != 0)
            continue;
        if (any)
            out_words("\n");
        any = true;
        print_section(ctl->set, name);
    }
    return any ? EX_OK : ctl_complain(ctl, "there is no such section");
}
