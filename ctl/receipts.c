/*
 * mbevctl receipts: fiscal receipts for an accountant and an administrator.
 *
 *   mbevctl receipts [MONTH | DAY]
 *   mbevctl receipts retry NUMBER | all
 *   mbevctl receipts close NUMBER
 */
#include "receipts.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

static const struct change {
    const char *name;
    int (*run)(struct ctl *ctl, const char *word);
} changes[] = {
    { "retry", receipts_retry },
    { "close", receipts_close },
};

static const struct change *
find_change(const char *name)
{
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
        if (strcmp(changes[i].name, name) == 0)
            return &changes[i];
    return NULL;
}

static int
complain(void)
{
    fputs("mbevctl: receipts takes a month (2026-11), a day (2026-11-25),\n"
          "retry NUMBER, retry all or close NUMBER\n",
        stderr);
    return EX_USAGE;
}

int
ctl_receipts(struct ctl *ctl)
{
    const char *word = ctl->argc > 0 ? ctl->argv[0] : NULL;
    const struct change *change = word ? find_change(word) : NULL;
    int code;

    if (change && ctl->argc == 2)
        return change->run(ctl, ctl->argv[1]);
    if (ctl->argc > 1 || change)
        return complain();
    code = receipts_list(ctl, word);
    return code == EX_USAGE ? complain() : code;
}
