/* SQL scripts: their statements, written down again one by one, are divided as
 * the same; lines only go up. */
#include "fuzz.h"

#include "script.h"

#include <strings.h>

enum { LARGEST = 1 << 20 };

/* A delimiter that stands in none of them. */
static const char own[] = "\x01-\x02";

static void
divide(const char *text, size_t n, const char *delimiter, struct bytes *list,
    struct bytes *again)
{
    struct script s = script_open(text, n);
    struct bytes sql = bytes_make(LARGEST);
    int line = 0, last = 1;
    const char *wrong = NULL;

    if (delimiter)
        strcpy(s.delimiter, delimiter);
    while (script_next(&s, &sql, &line, &wrong) == SCRIPT_STATEMENT) {
        holds(!wrong && line >= last && bytes_ok(&sql) && sql.n > 0);
        last = line;
        bytes_add(list, sql.p, sql.n);
        bytes_chr(list, '\0');
        bytes_add(again, sql.p, sql.n);
        bytes_printf(again, "\n%s\n", own);
    }
    holds(s.at <= s.end && line > 0);
    bytes_free(&sql);
}

static bool
has(const char *text, size_t n, const char *word)
{
    return memmem(text, n, word, strlen(word)) != NULL;
}

/* What is left out, a comment, can let two pieces of another meet; and of a
 * word DELIMITER only the place tells what it is. */
static bool
is_plain(const char *text, size_t n)
{
    for (size_t i = 0; i + 9 <= n; i++)
        if (strncasecmp(text + i, "delimiter", 9) == 0)
            return false;
    return !has(text, n, own) && !has(text, n, "#") && !has(text, n, "--") &&
           !has(text, n, "/*");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz in = fuzz_input(data, size);
    char *text = fuzz_rest(&in);
    struct bytes first = bytes_make(LARGEST), second = bytes_make(LARGEST);
    struct bytes again = bytes_make(LARGEST), rest = bytes_make(LARGEST);

    divide(text, size, NULL, &first, &again);
    if (bytes_ok(&first) && bytes_ok(&again) && is_plain(text, size)) {
        divide(bytes_text(&again), again.n, own, &second, &rest);
        holds(first.n == second.n &&
              memcmp(bytes_text(&first), bytes_text(&second), first.n) == 0);
    }
    bytes_free(&first);
    bytes_free(&second);
    bytes_free(&again);
    bytes_free(&rest);
    free(text);
    return 0;
}
