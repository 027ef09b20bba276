/* dry: see dry.h. */
#include "dry.h"

#include "actions/action.h"
#include "log.h"
#include "wordlist.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char all[] = "all";

bool
dry_holds(const struct settings *set, const char *action)
{
    return wordlist_has(set->service.dry_run, all) ||
           wordlist_has(set->service.dry_run, action);
}

static bool
is_known(const char *word, size_t n)
{
    for (size_t i = 0; i < ACTIONS; i++)
        if (wordlist_is(word, n, actions[i]->name))
            return true;
    return wordlist_is(word, n, all);
}

const char *
dry_wrong(const char *value)
{
    size_t n = 0;

    while ((value = wordlist_next(value + n, &n)))
        if (!is_known(value, n))
            return "expected all, or some of sms, social, receipt, bonus_topup,"
                   " bonus_loyalty, discount_remove, session_reset, exec,"
                   " webhook and kafka, with a comma between them";
    return NULL;
}

void
dry_add_condition(struct bytes *sql, const struct settings *set)
{
    const char *before = " AND (dry OR action NOT IN (";
    size_t n = 0;

    for (size_t i = 0; i < ACTIONS; i++) {
        if (!dry_holds(set, actions[i]->name))
            continue;
        bytes_printf(sql, "%s'%s'", before, actions[i]->name);
        before = ",";
        n++;
    }
    if (n > 0)
        bytes_str(sql, "))");
}

/* Work in the billing is not done; what is noted in our own tables is. */
static void
drop_work(struct delivery *d)
{
    if (!action_find(d->action)->in_billing)
        return;
    free(d->effect);
    d->effect = NULL;
    delivery_drop_steps(d);
}

static void
say_it_asks(struct delivery *d)
{
    char reason[DELIVERY_REASON + 1];

    snprintf(reason, sizeof reason, DRY_ASKS "%.200s", d->reason);
    snprintf(d->reason, sizeof d->reason, "%s", reason);
}

void
dry_seal(struct delivery *d)
{
    d->dry = true;
    if (d->expires_in_us <= 0)
        return; /* it expires, as any other */
    if (d->state == DELIVERY_DOUBTFUL) {
        say_it_asks(d);
    } else if (d->state == DELIVERY_DONE ||
               (d->state == DELIVERY_READY && d->lane != LANE_DECIDE)) {
        drop_work(d);
    } else {
        return;
    }
    d->state = DELIVERY_DRY;
}

void
dry_tell(const struct settings *set)
{
    size_t n;

    if (wordlist_next(set->service.dry_run, &n))
        log_warning("dry run ([service] dry_run): %s: decided and recorded, "
                    "never sent or done; see mbevctl compare",
            set->service.dry_run);
}
