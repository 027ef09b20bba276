/*
 * router_cases: what is said to routers, and what is made of their answers;
 * for test_routers.py.
 *
 *   router_cases < cases > results
 *
 * A case is a line of words divided by blanks; bytes are in hex, "-" for none:
 *
 *   build LOGIN...          which logins are accepted, a digit 0 or 1 for each;
 *                           then, each after a tab, the command lines for them,
 *                           the number of logins in it before each
 *   console WHOLE N OUTPUT  states of the N answers and their sessions, words
 *   words BYTES             each sentence as words divided by commas; at the
 *                           end more or broken
 *   radius SECRET REQUEST REPLY
 *                           verdict and Error-Cause
 *
 * Bytes are read from memory of just their size, so that a sanitizer sees what
 * is read behind them.
 */
#include "routers/console.h"
#include "routers/radius.h"
#include "routers/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_LOGINS = 64, WORDS_SIZE = 512 };

struct raw {
    char *p; /* owned */
    size_t n;
};

static void
refuse(const char *what)
{
    fprintf(stderr, "router_cases: %s\n", what);
    exit(EXIT_FAILURE);
}

static char *
next_word(char **rest)
{
    char *word = strsep(rest, " ");

    if (!word)
        refuse("too few words");
    return word;
}

/* more: bytes of value 0 behind it. To be freed. */
static struct raw
take_bytes(char **rest, size_t more)
{
    const char *hex = next_word(rest);
    size_t n = strcmp(hex, "-") == 0 ? 0 : strlen(hex) / 2;
    struct raw raw = { calloc(1, n + more > 0 ? n + more : 1), n };

    if (!raw.p)
        refuse("out of memory");
    for (size_t i = 0; i < n; i++) {
        const char digits[] = { hex[2 * i], hex[2 * i + 1], '\0' };

        raw.p[i] = (char)strtoul(digits, NULL, 16);
    }
    return raw;
}

static void
print_hex(const char *p, size_t n)
{
    if (n == 0)
        putchar('-');
    for (size_t i = 0; i < n; i++)
        printf("%02x", (unsigned)(unsigned char)p[i]);
}

/* ---- what is said ---- */

static void
print_lines(const char *const *login, size_t n)
{
    while (n > 0) {
        struct bytes line = bytes_make((size_t)2 * CONSOLE_LINE);
        size_t put = console_build(&line, login, n);

        if (put == 0 || !bytes_ok(&line))
            refuse("no line could be built");
        printf("\t%zu %s", put, bytes_text(&line));
        bytes_free(&line);
        login += put;
        n -= put;
    }
}

static void
build(char *rest)
{
    struct raw all[MOST_LOGINS];
    const char *login[MOST_LOGINS];
    size_t n = 0, good = 0;
    char why[64];

    for (; rest && n < MOST_LOGINS; n++) {
        bool accepted;

        all[n] = take_bytes(&rest, 1);
        accepted = console_accepts(all[n].p, why, sizeof why);
        if (accepted)
            login[good++] = all[n].p;
        putchar(accepted ? '1' : '0');
    }
    if (rest)
        refuse("too many logins");
    print_lines(login, good);
    while (n > 0)
        free(all[--n].p);
}

/* ---- what is answered ---- */

static void
console(char *rest)
{
    static const char *const states[] = { "silent", "ended", "error" };
    bool whole = *next_word(&rest) == '1';
    size_t n = strtoul(next_word(&rest), NULL, 10);
    struct raw output = take_bytes(&rest, 0);
    struct console_answer *answer = calloc(n + 1, sizeof *answer);
    char words[WORDS_SIZE];

    if (!answer)
        refuse("out of memory");
    console_read(output.p, output.n, whole, answer, n, words, sizeof words);
    for (size_t i = 0; i < n; i++)
        printf("%s:%u ", states[answer[i].state], answer[i].ended);
    print_hex(words, strlen(words));
    free(answer);
    free(output.p);
}

static void
print_sentence(const struct sentence *s)
{
    for (size_t i = 0; i < s->n; i++) {
        if (i > 0)
            putchar(',');
        print_hex(s->word[i].p, s->word[i].len);
    }
    if (s->n == 0)
        putchar('-');
    putchar(' ');
}

static void
words(char *rest)
{
    struct raw all = take_bytes(&rest, 0);
    enum words_status status;
    struct sentence s;
    size_t at = 0, used = 0;

    while ((status = words_read(all.p + at, all.n - at, &s, &used)) ==
           WORDS_SENTENCE) {
        print_sentence(&s);
        at += used;
    }
    fputs(status == WORDS_MORE ? "more" : "broken", stdout);
    free(all.p);
}

static void
radius(char *rest)
{
    static const char *const verdicts[] = { "none", "ack", "nak" };
    struct raw secret = take_bytes(&rest, 1), request = take_bytes(&rest, 0),
               reply = take_bytes(&rest, 0);
    unsigned cause = 0;
    enum radius_verdict verdict = radius_read((unsigned char *)reply.p, reply.n,
        (unsigned char *)request.p, secret.p, &cause);

    printf("%s %u", verdicts[verdict], cause);
    free(secret.p);
    free(request.p);
    free(reply.p);
}

static const struct kind {
    const char *name;
    void (*run)(char *rest);
} kinds[] = { { "build", build }, { "console", console }, { "words", words },
    { "radius", radius } };

static void
run(char *line)
{
    const char *name = next_word(&line);

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].name, name) == 0) {
            kinds[i].run(line);
            putchar('\n');
            return;
        }
    refuse("no such kind of case");
}

int
main(void)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t n;

    while ((n = getline(&line, &size, stdin)) > 0) {
        line[n - (line[n - 1] == '\n')] = '\0';
        run(line);
    }
    free(line);
    return fflush(stdout) == 0 && !ferror(stdin) ? 0 : EXIT_FAILURE;
}
