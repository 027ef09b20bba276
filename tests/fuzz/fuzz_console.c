/*
 * What the console of a router prints, and the lines that it is told.
 *
 * The first byte says for how many names; the rest is the output, and also,
 * line by line, the names.
 */
#include "fuzz.h"

#include "routers/console.h"

enum { MOST = 63 };

/* ---- output ---- */

static void
read_into(const char *p, size_t n, bool whole, struct console_answer *answer,
    size_t names)
{
    char *copy = malloc(n ? n : 1), words[CONSOLE_WORDS + 50];

    holds(copy != NULL);
    memcpy(copy, p, n);
    memset(words, 0xA5, sizeof words);
    console_read(copy, n, whole, answer, names, words, sizeof words);
    free(copy);
    holds(fuzz_is_text(words, CONSOLE_WORDS + 1));
    holds(!fuzz_has_control(words));
    console_is_refusal(words);
    for (size_t i = 0; i < names; i++) {
        holds(answer[i].state <= CONSOLE_ERROR);
        holds(answer[i].ended < 1000000);
    }
}

/* What was answered stays answered, whatever comes behind it. */
static void
output(const char *p, size_t n, size_t names, size_t cut)
{
    struct console_answer part[MOST + 1], all[MOST + 1];

    read_into(p, cut < n ? cut : n, false, part, names);
    read_into(p, n, true, all, names);
    for (size_t i = 0; i < names; i++)
        if (part[i].state != CONSOLE_SILENT)
            holds(memcmp(&part[i], &all[i], sizeof part[i]) == 0);
}

/* ---- lines ---- */

/* Between quotes nothing but what stands for itself, and \XX. */
static void
check_login(const char *login)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "abcdefghijklmnopqrstuvwxyz0123456789._-@\\";
    struct bytes out = bytes_make(CONSOLE_LINE);

    console_add_login(&out, login);
    if (bytes_ok(&out))
        holds(strspn(bytes_text(&out), plain) == out.n);
    bytes_free(&out);
}

static void
build(const char *const *login, size_t n)
{
    struct bytes line = bytes_make((size_t)2 * CONSOLE_LINE);
    size_t put = console_build(&line, login, n);

    holds(bytes_ok(&line));
    holds((put > 0) == (n > 0) && put <= n);
    holds(put < 2 || line.n < CONSOLE_LINE);
    holds(!fuzz_has_control(bytes_text(&line)));
    bytes_free(&line);
}

static void
lines(struct fuzz in)
{
    char *login[MOST], why[80];
    size_t n = 0;

    while (in.n > 0 && n < MOST) {
        login[n] = fuzz_line(&in);
        check_login(login[n]);
        if (console_accepts(login[n], why, sizeof why)) {
            holds(!*why);
            n++;
        } else {
            holds(*why);
            free(login[n]);
        }
    }
    build((const char *const *)login, n);
    while (n > 0)
        free(login[--n]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz in = fuzz_input(data, size);
    size_t names = fuzz_byte(&in) % MOST;

    output(in.p, in.n, names, in.n / 2);
    lines(in);
    return 0;
}
