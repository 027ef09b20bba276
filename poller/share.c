/* share: see share.h. */
#include "share.h"

#include "clock.h"
#include "engine.h"
#include "log.h"

#include <stdio.h>
#include <string.h>

enum { LOOK_US = 2000000, LEAVING_US = 100000 };

/* --- what to give away --------------------------------------------------- */

static bool
acts(const struct owner_row *row)
{
    return !row->over && *row->holder;
}

/* The one that acts and has least. */
static const struct owner_row *
neediest(const struct owner_rows *rows, const struct owner_row *ours)
{
    const struct owner_row *least = NULL;

    for (size_t i = 0; i < rows->n; i++) {
        const struct owner_row *row = &rows->at[i];

        if (row != ours && acts(row) &&
            (!least || owner_count(row->parts) < owner_count(least->parts)))
            least = row;
    }
    return least;
}

/* A row that acts and is not ours. */
static const struct owner_row *
find_other(const struct owner_rows *rows, const struct owner_row *ours,
    const char *name)
{
    for (size_t i = 0; i < rows->n; i++)
        if (&rows->at[i] != ours && acts(&rows->at[i]) &&
            strcmp(rows->at[i].name, name) == 0)
            return &rows->at[i];
    return NULL;
}

/* The last n of them. */
static uint32_t
take_last(uint32_t parts, unsigned n)
{
    uint32_t taken = 0;

    for (unsigned i = OWNER_PARTS; i > 0 && n > 0; i--)
        if (parts >> (i - 1) & 1) {
            taken |= UINT32_C(1) << (i - 1);
            n--;
        }
    return taken;
}

uint32_t
share_plan(const struct owner_rows *rows, const struct owner_row *ours,
    bool shares, const struct owner_row **to)
{
    unsigned acting = 0, fair, have = owner_count(ours->parts), want;

    if (!shares) {
        *to = find_other(rows, ours, OWNER_MAIN);
        return *to ? ours->parts : 0;
    }
    for (size_t i = 0; i < rows->n; i++)
        acting += acts(&rows->at[i]);
    *to = neediest(rows, ours);
    if (!*to)
        return 0;
    fair = OWNER_PARTS / acting;
    want = owner_count((*to)->parts);
    if (have <= fair || want >= fair)
        return 0;
    want = fair - want;
    return take_last(ours->parts, want < have - fair ? want : have - fair);
}

/* --- the duty ------------------------------------------------------------ */

/* Nobody else has a part before we give one away. */
int64_t
share_due_us(const struct engine *e)
{
    if (!e->owner.shares && owner_is_main(&e->owner) &&
        e->owner.parts == OWNER_ALL)
        return INT64_MAX;
    return e->share.look_us;
}

/* Something that owner_acquire() changes: main is free, a service left parts
 * behind, or we were given some. */
static bool
wants_more(const struct engine *e, const struct owner_row *ours)
{
    const struct owner_rows *rows = &e->share.others;
    bool main = owner_is_main(&e->owner);

    for (size_t i = 0; i < rows->n; i++) {
        const struct owner_row *row = &rows->at[i];

        if (row->over && (main ? row->parts != 0 && row != ours
                               : strcmp(row->name, OWNER_MAIN) == 0))
            return true;
    }
    return ours->parts != e->owner.parts || (main && owner_missing(rows));
}

static const struct owner_row *
find_row(const struct owner_rows *rows, const struct owner *owner)
{
    for (size_t i = 0; i < rows->n; i++)
        if (strcmp(rows->at[i].name, owner->name) == 0 &&
            rows->at[i].epoch == owner->epoch)
            return &rows->at[i];
    return NULL;
}

void
share_begin(struct engine *e)
{
    unsigned n = owner_count(e->owner.parts);

    for (enum lane_id lane = LANE_DECIDE + 1; lane < LANES; lane++)
        if (lane != LANE_ROUTERS && lane != LANE_EXEC && lane != LANE_KAFKA)
            lane_set_share(e->lane[lane], n, OWNER_PARTS);
    if (n != (e->share.told ? e->share.told : OWNER_PARTS))
        log_info("share: works for %u of %u parts of the subscribers", n,
            (unsigned)OWNER_PARTS);
    e->share.told = n;
    e->share.look_us = 0;
}

/* Not yet, while something is under way in them. */
static enum db_status
give(struct engine *e, const struct owner_row *to)
{
    uint32_t parts = e->owner.leaving;
    bool given;
    enum db_status status = owner_give(&e->owner, e->db, to, parts, &given);

    e->share.look_us = clock_boot_us() + LEAVING_US;
    if (status != DB_OK || !given)
        return status;
    e->owner.leaving = 0;
    log_info("share: gave %u of %u parts of the subscribers to %s",
        owner_count(parts), (unsigned)OWNER_PARTS, to->holder);
    share_begin(e);
    return DB_OK;
}

/* Who may not act beside another one any more, and has nothing left, stands
 * by. */
static void
leave(struct engine *e)
{
    log_info("share: gave all away, and stands by");
    owner_release(&e->owner, e->db);
}

/* What was begun to be given away is first brought to its end, as long as the
 * one that is to get it acts. */
static enum db_status
divide(struct engine *e, const struct owner_row *ours)
{
    const struct owner_rows *rows = &e->share.others;
    const struct owner_row *to;

    if (e->owner.leaving) {
        to = find_other(rows, ours, e->share.to);
        if (to)
            return give(e, to);
        e->owner.leaving = 0;
        e->due_us = e->look_us = 0;
    }
    e->owner.leaving = share_plan(rows, ours, e->owner.shares, &to);
    if (e->owner.leaving == 0)
        return DB_OK;
    snprintf(e->share.to, sizeof e->share.to, "%s", to->name);
    return give(e, to);
}

enum db_status
share_look(struct engine *e)
{
    const struct owner_row *ours;
    enum db_status status = owner_look(&e->owner, e->db, &e->share.others);

    if (status != DB_OK)
        return status;
    e->share.look_us = clock_boot_us() + LOOK_US;
    ours = find_row(&e->share.others, &e->owner);
    if (!ours)
        return DB_OK; /* the next transaction finds out */
    if (wants_more(e, ours))
        return engine_take_up_again(e);
    if (!e->owner.shares && !owner_is_main(&e->owner) && ours->parts == 0) {
        leave(e);
        return DB_OK;
    }
    return divide(e, ours);
}

/* --- doorbells ----------------------------------------------------------- */

/* A holder is "host:machine:doorbell". */
static size_t
host_length(const char *holder)
{
    const char *bell = strrchr(holder, ':');

    return bell ? (size_t)(bell - holder) + 1 : 0;
}

void
share_ring(const struct engine *e)
{
    const struct owner_rows *rows = &e->share.others;
    size_t n = host_length(e->owner.holder);

    for (size_t i = 0; i < rows->n; i++) {
        const struct owner_row *row = &rows->at[i];

        if (acts(row) && n == host_length(row->holder) &&
            strncmp(row->holder, e->owner.holder, n) == 0 &&
            strcmp(row->holder, e->owner.holder) != 0)
            wake_ring(&e->wake, row->holder + n);
    }
}
