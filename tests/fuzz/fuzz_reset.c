/* Orders to end sessions: what is read, written down again, is the same. */
#include "fuzz.h"

#include "reset.h"

static void
check_same(const struct reset *a, const struct reset *b)
{
    holds(strcmp(a->login, b->login) == 0);
    holds(a->only == b->only && a->some == b->some);
    holds(a->seen_n == b->seen_n && a->left_n == b->left_n);
    for (size_t i = 0; i < a->seen_n; i++) {
        holds(strcmp(a->seen[i].nas, b->seen[i].nas) == 0);
        holds(strcmp(a->seen[i].ip, b->seen[i].ip) == 0);
        holds(strcmp(a->seen[i].session, b->seen[i].session) == 0);
    }
    for (size_t i = 0; i < a->left_n; i++)
        holds(a->left[i] == b->left[i]);
}

static void
check(const struct reset *r)
{
    char *printed = reset_print(r);
    struct reset again;

    for (size_t i = 0; i < r->seen_n; i++) {
        holds(fuzz_is_text(r->seen[i].nas, sizeof r->seen[i].nas));
        holds(fuzz_is_text(r->seen[i].ip, sizeof r->seen[i].ip));
        holds(fuzz_is_text(r->seen[i].session, sizeof r->seen[i].session));
    }
    holds(printed != NULL);
    if (*r->login) {
        holds(reset_parse(&again, printed));
        check_same(r, &again);
        reset_free(&again);
    }
    free(printed);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz in = fuzz_input(data, size);
    char *json = fuzz_rest(&in);
    struct reset r;

    memset(&r, 0xA5, sizeof r);
    if (reset_parse(&r, json))
        check(&r);
    reset_free(&r);
    free(json);
    return 0;
}
