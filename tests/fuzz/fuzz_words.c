/* Sentences of the routers' binary API. */
#include "fuzz.h"

#include "routers/words.h"

/* Without one of its bytes a sentence is not whole. */
static void
check_cut(const char *p, size_t used)
{
    char *copy = malloc(used);
    struct sentence s;
    size_t n;

    holds(copy != NULL);
    memcpy(copy, p, used - 1);
    holds(words_read(copy, used - 1, &s, &n) == WORDS_MORE);
    free(copy);
}

/* Written again, it is read as the same. */
static void
check_again(const struct sentence *s)
{
    struct bytes out = bytes_make((size_t)2 * WORDS_LARGEST);
    struct sentence again;
    size_t used;

    for (size_t i = 0; i < s->n; i++)
        words_add(&out, s->word[i].p, s->word[i].len);
    words_end(&out);
    holds(bytes_ok(&out));
    holds(words_read(out.p, out.n, &again, &used) == WORDS_SENTENCE);
    holds(used == out.n && again.n == s->n);
    for (size_t i = 0; i < s->n; i++)
        holds(again.word[i].len == s->word[i].len &&
              memcmp(again.word[i].p, s->word[i].p, s->word[i].len) == 0);
    bytes_free(&out);
}

static void
check_value(const struct sentence *s, const char *name)
{
    size_t len = 0;
    const char *value = sentence_value(s, name, &len);

    if (value)
        holds(value > s->word[0].p && len <= WORDS_LONGEST);
}

static void
answer_challenge(const struct sentence *s)
{
    struct bytes out = bytes_make(4096);
    size_t len = 0;
    const char *ret = sentence_value(s, "ret", &len);
    bool good = ret && words_login_response(&out, "user", "word", ret, len);

    holds(good == (out.n > 0));
    holds(!good || len == 32);
    bytes_free(&out);
}

static void
check(const char *p, size_t n, const struct sentence *s, size_t used)
{
    holds(used >= 1 && used <= n && s->n <= WORDS_MOST);
    for (size_t i = 0; i < s->n; i++) {
        holds(s->word[i].len >= 1 && s->word[i].len <= WORDS_LONGEST);
        holds(s->word[i].p > p && s->word[i].p + s->word[i].len < p + used);
    }
    check_cut(p, used);
    check_again(s);
    check_value(s, ".id");
    check_value(s, "name");
    check_value(s, "message");
    answer_challenge(s);
    sentence_is(s, "!done");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz in = fuzz_input(data, size);
    enum words_status status;
    struct sentence s;
    size_t used = 0;

    while ((status = words_read(in.p, in.n, &s, &used)) == WORDS_SENTENCE) {
        check(in.p, in.n, &s, used);
        in.p += used;
        in.n -= used;
    }
    if (status == WORDS_MORE)
        holds(in.n < WORDS_LARGEST);
    return 0;
}
