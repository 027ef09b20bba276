/* pulse: see pulse.h. */
#include "clock.h"
#include "engine.h"
#include "log.h"

#include <inttypes.h>

enum { LARGEST_SQL = 8192, WRITE_US = 60 * 1000000, COUNTS = METER_BAD + 1 };

#define SWEEP_US (3600LL * 1000000)
#define SLOT "UTC_TIMESTAMP() - INTERVAL (UNIX_TIMESTAMP() % 300) SECOND"

int64_t
pulse_due_us(const struct engine *e)
{
    return e->meter.new_us ? e->meter.new_us + WRITE_US : INT64_MAX;
}

static bool
has_news(const struct meter_line *line)
{
    for (unsigned i = 0; i < COUNTS; i++)
        if (line->n[i] != line->written[i])
            return true;
    return false;
}

static void
add_line(struct bytes *sql, const struct meter *meter, unsigned lane)
{
    const struct meter_line *line = &meter->line[lane];

    bytes_str(sql, "(" SLOT);
    bytes_printf(sql, ",'%s'", meter_line_name(lane));
    for (unsigned i = 0; i < COUNTS; i++)
        bytes_printf(sql, ",%" PRIu64, line->n[i] - line->written[i]);
    bytes_chr(sql, ')');
}

static void
add_insert(struct bytes *sql, const struct meter *meter)
{
    const char *before = "INSERT INTO pulse (slot_utc, name, good, again, bad)"
                         " VALUES ";

    for (unsigned i = 0; i < METER_LINES; i++) {
        if (!has_news(&meter->line[i]))
            continue;
        bytes_str(sql, before);
        add_line(sql, meter, i);
        before = ",";
    }
    bytes_str(sql, " ON DUPLICATE KEY UPDATE good = good + VALUES(good),"
                   " again = again + VALUES(again), bad = bad + VALUES(bad);");
}

static void
note_written(struct meter *meter)
{
    for (unsigned i = 0; i < METER_LINES; i++)
        for (unsigned j = 0; j < COUNTS; j++)
            meter->line[i].written[j] = meter->line[i].n[j];
    meter->new_us = 0;
}

enum db_status
pulse_write(struct engine *e)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    bool sweeps = clock_boot_us() >= e->pulse.sweep_us;
    enum db_status status;

    if (e->meter.new_us == 0)
        return DB_OK;
    add_insert(&sql, &e->meter);
    if (sweeps)
        bytes_str(&sql, "DELETE FROM pulse WHERE slot_utc <"
                        " UTC_TIMESTAMP() - INTERVAL 8 DAY;");
    status = owner_run(&e->owner, e->db, &sql);
    if (status == DB_OK) {
        note_written(&e->meter);
        if (sweeps)
            e->pulse.sweep_us = clock_boot_us() + SWEEP_US;
        return DB_OK;
    }
    e->meter.new_us = clock_boot_us();
    if (status == DB_GONE || e->owner.lost ||
        trouble_is_general(db_errno(e->db)))
        return status;
    trouble_tell(&e->trouble, LOG_WARNING,
        "pulse: the counts for the status page cannot be written: %s; see "
        "sql/grants.sql",
        db_error(e->db));
    return DB_OK;
}
