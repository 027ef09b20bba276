/* reload: see reload.h. */
#include "reload.h"

#include "callback.h"
#include "dry.h"
#include "engine.h"
#include "follow.h"
#include "log.h"

#include <string.h>

enum { LARGEST_ERRORS = 64 * 1024, LARGEST_LINE = 8000, LARGEST_SQL = 4096 };

/* What differs between two editions. */
struct changes {
    struct bytes names;
    size_t n;
    bool lane[LANES]; /* something of its own section */
    bool callback;
    bool zone;
    bool dry; /* the actions of the dry run */
};

/* --- what has changed ---------------------------------------------------- */

static void
tell_stays(const struct settings_key *key, const void *before)
{
    struct bytes value = bytes_make(LARGEST_LINE);

    settings_print(&value, key, before);
    log_warning("reload: [%s] %s needs a restart: stays %s", key->section,
        key->name, *bytes_text(&value) ? bytes_text(&value) : "empty");
    bytes_free(&value);
}

/* Lanes are named as their sections are. */
static void
note_lane(struct changes *changes, const struct settings_key *key)
{
    for (enum lane_id i = LANE_DECIDE + 1; i < LANES; i++)
        changes->lane[i] |= strcmp(key->section, delivery_lane_name(i)) == 0;
}

static void
on_change(void *arg, const struct settings_key *key, const void *before,
    const void *now, bool stays)
{
    struct changes *changes = arg;

    (void)now;
    if (stays) {
        tell_stays(key, before);
        return;
    }
    note_lane(changes, key);
    changes->callback |= strcmp(key->section, "callback") == 0;
    changes->dry |= strcmp(key->name, "dry_run") == 0;
    changes->zone |= strcmp(key->name, "time_zone") == 0;
    bytes_printf(&changes->names, "%s[%s] %s", changes->n++ ? ", " : "",
        key->section, key->name);
}

/* --- putting it in force ------------------------------------------------- */

/* Of the routers each has a hold of its own. */
static void
renew_lanes(struct engine *e, const struct changes *changes)
{
    for (enum lane_id i = LANE_DECIDE + 1; i < LANES; i++) {
        e->hurry[i] |= changes->lane[i] &&
                       (i == LANE_ROUTERS || lane_held_until_us(e->lane[i]));
        lane_renew(e->lane[i], e->set, changes->lane[i]);
        e->backlog[i] = true;
    }
}

/* All that keeps a value of the settings for itself, or was found out by them.
 */
static void
renew(struct engine *e, const struct changes *changes)
{
    e->set = editions_now(e->editions);
    e->owner.set = e->set;
    e->wake.poll_us = e->set->service.safety_poll_ms * 1000;
    e->wake.look_us = 0;
    log_set_level((enum log_level)log_level_of(e->set->service.log_level));
    if (changes->zone && !zone_load(&e->zone, e->set->notice.time_zone))
        log_error("reload: time zone %s is gone", e->set->notice.time_zone);
    renew_lanes(e, changes);
    if (changes->callback)
        callback_renew(e->callback);
    if (changes->lane[LANE_KOMTET]) {
        follow_renew(e->follow);
        engine_complain_lacking(e);
    }
    if (changes->dry)
        dry_tell(e->set);
    e->due_us = e->look_us = 0;
    e->check_us = 0;
}

/* Each line of the errors is one of the log. */
static void
tell_errors(struct bytes *errors)
{
    char *rest = errors->p, *line;

    if (!*bytes_text(errors))
        log_error("reload: more errors than can be listed");
    while (rest && (line = strsep(&rest, "\n")))
        if (*line)
            log_error("reload: %s", line);
    log_error("reload: nothing has changed: the settings from before hold");
}

void
reload_due(struct engine *e)
{
    struct changes changes = { .names = bytes_make(LARGEST_LINE) };
    struct bytes errors = bytes_make(LARGEST_ERRORS);

    if (!e->wake.reload || e->wake.stop)
        return;
    e->wake.reload = false;
    supervise_reload_begins(&e->supervise);
    e->bad_file = !editions_renew(e->editions, &errors, on_change, &changes);
    if (e->bad_file) {
        tell_errors(&errors);
    } else {
        renew(e, &changes);
        log_info("reload: %s: %zu keys have changed%s%s", e->editions->path,
            changes.n, changes.n ? ": " : "", bytes_text(&changes.names));
    }
    supervise_reload_ends(&e->supervise);
    bytes_free(&errors);
    bytes_free(&changes.names);
}

/* --- afterwards ---------------------------------------------------------- */

int64_t
reload_hurry_us(const struct engine *e)
{
    for (enum lane_id i = LANE_DECIDE + 1; i < LANES; i++)
        if (e->hurry[i])
            return 0;
    return INT64_MAX;
}

/* What was put off; but what is to be asked about needs its pause. Tried once:
 * where somebody holds a row of them, they go when they would have gone. */
enum db_status
reload_hurry(struct engine *e)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    const char *sep = "";
    enum db_status status;

    bytes_str(&sql, "UPDATE delivery SET due_utc = UTC_TIMESTAMP(3)"
                    " WHERE state IN ('ready', 'retry')"
                    " AND due_utc > UTC_TIMESTAMP(3)"
                    " AND error_class IN ('configuration', 'transient')"
                    " AND ask = 0 AND lane IN (");
    for (enum lane_id i = LANE_DECIDE + 1; i < LANES; i++) {
        if (!e->hurry[i])
            continue;
        bytes_printf(&sql, "%s'%s'", sep, delivery_lane_name(i));
        sep = ",";
    }
    bytes_str(&sql, ");");
    status = owner_run(&e->owner, e->db, &sql);
    if (status != DB_GONE)
        memset(e->hurry, 0, sizeof e->hurry);
    claim_due_by(e, 0);
    return status;
}
