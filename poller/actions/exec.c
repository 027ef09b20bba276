/*
 * exec: the action that runs a program of the operator's, with the arguments
 * that MikBill gives the shell files of its events.
 */
#include "actions/action.h"

#include "program.h"
#include "rules/hook.h"

#include <inttypes.h>
#include <stdlib.h>

static const char *
program_of(const struct settings *set, const struct facts *facts)
{
    if (facts->event->kind == EVENT_TARIFF_CHANGE &&
        facts->origin == ORIGIN_STAFF)
        return set->exec.tariff_by_staff;
    return set->exec.program[facts->event->kind];
}

static bool
routed(const struct settings *set, enum event_kind kind)
{
    return (set->exec.program[kind] && *set->exec.program[kind]) ||
           (kind == EVENT_TARIFF_CHANGE && *set->exec.tariff_by_staff);
}

static int64_t
after_ms(const struct settings *set, enum event_kind kind)
{
    (void)kind;
    return set->exec.after_ms;
}

static int64_t
expire_ms(const struct settings *set)
{
    return set->exec.expire_ms;
}

static struct delivery *
make(const char *path, const struct facts *facts)
{
    struct hook_args args;
    const char *arg[PROGRAM_ARGS];
    struct delivery *d;
    char *payload;

    hook_arguments(&args, facts);
    for (size_t i = 0; i < args.n; i++)
        arg[i] = args.text[i];
    payload = program_print(path, arg, args.n);
    d = payload ? delivery_make(action_exec.name, payload) : NULL;
    free(payload);
    if (d) {
        d->state = DELIVERY_READY;
        d->lane = LANE_EXEC;
    }
    return d;
}

static bool
decide(struct delivery_list *list, const struct facts *facts,
    const struct settings *set, const struct billing *billing)
{
    const char *path = program_of(set, facts);
    struct decision decision = { 0 };
    struct delivery *d;

    (void)billing;
    if (!*path)
        decision_skip(&decision, "no program is set for it ([exec])");
    else
        facts_are_young(&decision, facts->event, set);
    if (decision.verdict != VERDICT_DO)
        return action_refuse(list, &action_exec, &decision);
    d = make(path, facts);
    if (d)
        delivery_push(list, d);
    return d != NULL;
}

/* With what it has put out. */
static void
record(struct bytes *sql, const struct delivery *d, const struct settings *set)
{
    (void)set;
    bytes_str(sql, "UPDATE delivery SET payload = ");
    db_text(sql, d->payload);
    bytes_printf(sql, " WHERE id = %" PRIu64 ";", d->id);
}

const struct action action_exec = {
    .name = "exec",
    .routed = routed,
    .after_ms = after_ms,
    .expire_ms = expire_ms,
    .needs_api = action_needs_no_api,
    .decide = decide,
    .record = record,
};
