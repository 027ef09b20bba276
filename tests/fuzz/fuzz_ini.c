/* INI files: what is read, written down again, is read as the same. */
#include "fuzz.h"

#include "bytes.h"
#include "ini.h"

enum { LONGEST_SECTION = 63, LARGEST = 1 << 20 };

struct reader {
    struct bytes again; /* the settings, written plainly */
    struct bytes list;  /* the settings, for a comparison */
    int line;           /* of the last one */
    int complaints;
};

static void
trimmed(const char *s)
{
    size_t n = strlen(s);

    if (n > 0)
        holds(!strchr(" \t\r", s[0]) && !strchr(" \t\r", s[n - 1]));
}

static bool
take(void *arg, const struct ini_item *item)
{
    struct reader *r = arg;

    holds(item->line > r->line);
    r->line = item->line;
    holds(strlen(item->section) <= LONGEST_SECTION);
    holds(!strpbrk(item->key, "=\n") && !strchr(item->value, '\n'));
    holds(utf8_valid(item->section, strlen(item->section)));
    holds(utf8_valid(item->key, strlen(item->key)));
    holds(utf8_valid(item->value, strlen(item->value)));
    trimmed(item->section);
    trimmed(item->key);
    if (*item->section)
        bytes_printf(&r->again, "[%s]\n", item->section);
    bytes_printf(&r->again, "%s = \"%s\"\n", item->key, item->value);
    bytes_printf(
        &r->list, "%s\n%s\n%s\n", item->section, item->key, item->value);
    return true;
}

static void
complain(void *arg, int line, const char *what)
{
    struct reader *r = arg;

    holds(line > 0 && *what && !fuzz_has_control(what));
    r->complaints++;
}

static struct reader
read_text(const char *text)
{
    struct reader r = { .again = bytes_make(LARGEST),
        .list = bytes_make(LARGEST) };
    char *copy = strdup(text);

    holds(copy != NULL);
    /* What a first key may begin with: at the start of a file it means
     * something else. */
    bytes_chr(&r.again, '\n');
    ini_parse(copy, take, complain, &r);
    free(copy);
    return r;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz in = fuzz_input(data, size);
    char *text = fuzz_rest(&in);
    struct reader first = read_text(text), second;

    if (bytes_ok(&first.again) && bytes_ok(&first.list)) {
        second = read_text(bytes_text(&first.again));
        holds(second.complaints == 0);
        holds(strcmp(bytes_text(&first.list), bytes_text(&second.list)) == 0);
        bytes_free(&second.again);
        bytes_free(&second.list);
    }
    bytes_free(&first.again);
    bytes_free(&first.list);
    free(text);
    return 0;
}
