/* ini: see ini.h. */
#include "ini.h"

#include "bytes.h"
#include "utf8.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST_LINE = 8190, LARGEST_FILE = 1 << 20 };

struct reader {
    ini_each *each;
    ini_complain *complain;
    void *arg;
    char section[64];
};

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Cuts blanks off both ends, in place. */
static char *
trim(char *s)
{
    char *end = s + strlen(s);

    while (is_blank(*s))
        s++;
    while (end > s && is_blank(end[-1]))
        end--;
    *end = '\0';
    return s;
}

static char *
unquote(char *s)
{
    size_t n = strlen(s);

    if (n < 2 || s[0] != '"' || s[n - 1] != '"')
        return s;
    s[n - 1] = '\0';
    return s + 1;
}

static const char *
take_section(struct reader *r, char *s)
{
    size_t n = strlen(s);

    if (s[n - 1] != ']')
        return "a section needs its closing bracket: [section]";
    s[n - 1] = '\0';
    s = trim(s + 1);
    if (*s == '\0' || strlen(s) >= sizeof r->section)
        return "a section name has 1 to 63 characters";
    strcpy(r->section, s);
    return NULL;
}

/* Reads one line. Returns what is wrong with it, or NULL. */
static const char *
take_line(struct reader *r, char *s, int line, bool *more)
{
    struct ini_item item = { .section = r->section, .line = line };
    char *equals;

    if (strlen(s) > LONGEST_LINE)
        return "the line is too long";
    if (!utf8_valid(s, strlen(s)))
        return "the line is not valid UTF-8; save the file as UTF-8";
    s = trim(s);
    if (*s == '\0' || *s == ';' || *s == '#')
        return NULL;
    if (*s == '[')
        return take_section(r, s);
    equals = strchr(s, '=');
    if (!equals || equals == s)
        return "expected \"key = value\" or \"[section]\"";
    *equals = '\0';
    item.key = trim(s);
    item.value = unquote(trim(equals + 1));
    *more = r->each(r->arg, &item);
    return NULL;
}

void
ini_parse(char *text, ini_each *each, ini_complain *complain, void *arg)
{
    struct reader r = { .each = each, .complain = complain, .arg = arg };
    bool more = true;

    if (strncmp(text, "\xEF\xBB\xBF", 3) == 0)
        text += 3;
    for (int line = 1; text && more; line++) {
        char *next = strchr(text, '\n');
        const char *wrong;

        if (next)
            *next++ = '\0';
        wrong = take_line(&r, text, line, &more);
        if (wrong)
            complain(arg, line, wrong);
        text = next;
    }
}

static bool
read_all(FILE *f, struct bytes *out)
{
    char chunk[4096];
    size_t n;

    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
        bytes_add(out, chunk, n);
    if (ferror(f))
        return false;
    if (!bytes_ok(out)) {
        errno = EFBIG;
        return false;
    }
    return true;
}

static int
line_of(const char *text, size_t at)
{
    int line = 1;

    for (size_t i = 0; i < at; i++)
        line += text[i] == '\n';
    return line;
}

bool
ini_read(const char *path, ini_each *each, ini_complain *complain, void *arg)
{
    struct bytes all = bytes_make(LARGEST_FILE);
    FILE *f = fopen(path, "re");
    bool good;
    int reason;

    if (!f)
        return false;
    good = read_all(f, &all);
    reason = errno;
    fclose(f);
    if (good && all.n > 0) {
        size_t text = strlen(all.p);

        if (text < all.n)
            complain(arg, line_of(all.p, text),
                "a NUL byte; what follows it was not read");
        ini_parse(all.p, each, complain, arg);
    }
    bytes_free(&all);
    errno = reason;
    return good;
}
