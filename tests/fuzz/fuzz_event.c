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
    holds(e->kind == EVENT_TURBO ||
          event_kind_has_row(e->kind) == (e->row_id != 0));
    holds((e->row_id == 0) == (*e->source_key == '\0'));
    holds(strspn(e->source_key, safe) == strlen(e->source_key));
}

static void
check_move(const char *body)
{
    char table[EVENT_TABLE + 1];
    struct event e;
    bool good;

    memset(&e, 0xA5, sizeof e);
    memset(table, 0xA5, sizeof table);
    good = event_parse_move(&e, table, body);
    holds(fuzz_is_text(table, sizeof table));
    holds(fuzz_is_text(e.problem, sizeof e.problem));
    holds(good == !*e.problem);
    holds(!good || (e.uid > 0 && e.gid > 0 && *table));
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
    check_move(body);
    free(kind);
    free(body);
    return 0;
}
