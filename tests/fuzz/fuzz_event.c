/* Captured changes: a line with the kind, then the body. */
#include "fuzz.h"

#include "event.h"

static void
check_good(const struct event *e, const char *kind)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyz_0123456789-:. ";

    holds(e->kind < EVENT_KINDS && !*e->problem);
    holds(strcmp(event_kind_name(e->kind), kind) == 0);
    holds(e->uid > 0);
    holds((e->kind == EVENT_TARIFF_CHANGE) == (e->row_id == 0));
    holds((e->kind == EVENT_TARIFF_CHANGE) == (*e->source_key == '\0'));
    holds(strspn(e->source_key, safe) == strlen(e->source_key));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz in = fuzz_input(data, size);
    char *kind = fuzz_line(&in), *body = fuzz_rest(&in);
    struct event e, again;
    bool good;

    memset(&e, 0xA5, sizeof e);
    good = event_parse(&e, kind, body);
    holds(fuzz_is_text(e.problem, sizeof e.problem));
    holds(fuzz_is_text(e.source_key, sizeof e.source_key));
    holds(!fuzz_has_control(e.problem));
    if (good)
        check_good(&e, kind);
    else
        holds(*e.problem && !*e.source_key);
    /* The same change is the same event. */
    holds(event_parse(&again, kind, body) == good);
    holds(strcmp(again.source_key, e.source_key) == 0);
    free(kind);
    free(body);
    return 0;
}
