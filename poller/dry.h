/*
 * dry: the dry run, in which actions are decided and recorded but not done.
 *
 * [service] dry_run names the actions. What is captured meanwhile is marked
 * when its delivery is made, and stays marked: it is never done, also when the
 * dry run has ended before it was decided. What was captured before, and is
 * not done yet, waits for the end of the dry run. See mbevctl compare.
 */
#ifndef MBEV_DRY_H
#define MBEV_DRY_H

#include "bytes.h"
#include "delivery.h"
#include "settings.h"

#include <stdbool.h>

/* Whether such work is only decided and recorded now. */
bool dry_holds(const struct settings *set, const char *action);

/* What is wrong with a value of [service] dry_run, for people; NULL = nothing.
 * A constant. */
const char *dry_wrong(const char *value);

/* Appends a condition on deliveries that may be worked on, " AND ...", or
 * nothing while there is no dry run. */
void dry_add_condition(struct bytes *sql, const struct settings *set);

/* How the reason of one begins that would be left to the operator. */
#define DRY_ASKS "would ask the operator: "

/* Makes of a delivery, just decided by an action, what it is in a dry run. */
void dry_seal(struct delivery *d);

/* Says in the log that there is a dry run. */
void dry_tell(const struct settings *set);

#endif
