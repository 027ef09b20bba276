/*
 * lanes: a table of the lanes, for status and top: what waits, what needs
 * somebody, and what went through in the last hour.
 *
 * Of the deliveries only those are read that are not at their end, by the
 * index; what went through is counted by the service, in table pulse.
 */
#include "bytes.h"
#include "control.h"
#include "delivery.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define RECENT "UTC_TIMESTAMP(3) - INTERVAL 1 HOUR"

struct lane_row {
    uint64_t n[DELIVERY_STATES]; /* by state */
    uint64_t late_s;             /* how long the oldest is due */
    uint64_t good, again, bad;   /* in the last hour */
    char paused[320];            /* by whom, since when; "" = not paused */
    int64_t held_s; /* its breaker holds it for so long; -1 = it does not */
};

/* NULL for a name that is no lane's. */
static struct lane_row *
row_of(struct lane_row lanes[LANES], const char *name)
{
    enum lane_id lane;

    return delivery_lane_find(name, &lane) ? &lanes[lane] : NULL;
}

static enum db_status
read_waiting(struct ctl *ctl, struct lane_row lanes[LANES])
{
    struct db_rows *rows;
    enum db_status status = db_ask(ctl->db,
        "SELECT lane, state + 0, COUNT(*), IF(state IN ('ready', 'retry'),"
        " GREATEST(0, TIMESTAMPDIFF(SECOND, MIN(due_utc), UTC_TIMESTAMP(3))),"
        " 0) FROM delivery WHERE state IN ('ready', 'leased', 'calling',"
        " 'retry', 'doubtful', 'dead', 'held') GROUP BY state, lane",
        &rows);

    if (status != DB_OK)
        return status;
    while (db_next(rows)) {
        struct lane_row *row = row_of(lanes, db_col(rows, 0));
        uint64_t state = db_uint(rows, 1) - 1;

        if (!row || state >= DELIVERY_STATES)
            continue;
        row->n[state] = db_uint(rows, 2);
        if (db_uint(rows, 3) > row->late_s)
            row->late_s = db_uint(rows, 3);
    }
    db_rows_close(&rows);
    return DB_OK;
}

static enum db_status
read_pulse(struct ctl *ctl, struct lane_row lanes[LANES])
{
    struct db_rows *rows;
    enum db_status status = db_ask(ctl->db,
        "SELECT name, SUM(good), SUM(again), SUM(bad) FROM pulse"
        " WHERE slot_utc > " RECENT " GROUP BY name",
        &rows);

    if (status != DB_OK)
        return status;
    while (db_next(rows)) {
        struct lane_row *row = row_of(lanes, db_col(rows, 0));

        if (!row)
            continue;
        row->good = db_uint(rows, 1);
        row->again = db_uint(rows, 2);
        row->bad = db_uint(rows, 3);
    }
    db_rows_close(&rows);
    return DB_OK;
}

static enum db_status
read_pauses(struct ctl *ctl, struct lane_row lanes[LANES])
{
    struct db_rows *rows;
    enum db_status status = db_ask(ctl->db,
        "SELECT lane, CONCAT('paused by ', who, ' since ', LEFT(since_utc, 16),"
        " ' UTC', IF(reason IS NULL, '', CONCAT(': ', reason))) FROM pause",
        &rows);

    if (status != DB_OK)
        return status;
    while (db_next(rows)) {
        struct lane_row *row = row_of(lanes, db_col(rows, 0));

        if (row)
            snprintf(row->paused, sizeof row->paused, "%s", db_col(rows, 1));
    }
    db_rows_close(&rows);
    return DB_OK;
}

static json_object *
member(json_object *of, const char *name)
{
    json_object *value = NULL;

    json_object_object_get_ex(of, name, &value);
    return value;
}

/* Of the holds of lanes only the running service knows. */
static void
read_holds(struct ctl *ctl, struct lane_row lanes[LANES])
{
    json_object *status = control_status(ctl), *list = member(status, "lanes");
    size_t n = json_object_is_type(list, json_type_array)
                   ? json_object_array_length(list)
                   : 0;

    for (size_t i = 0; i < n; i++) {
        json_object *lane = json_object_array_get_idx(list, i);
        json_object *name = member(lane, "name");
        struct lane_row *row =
            name ? row_of(lanes, json_object_get_string(name)) : NULL;

        if (row && json_object_get_boolean(member(lane, "holds")))
            row->held_s = json_object_get_int64(member(lane, "held_s"));
    }
    json_object_put(status);
}

/* What keeps it from its work; "" = nothing. */
static void
print_state(const struct lane_row *row, char *text, size_t size)
{
    if (*row->paused)
        snprintf(text, size, "%s", row->paused);
    else if (row->held_s > 0)
        snprintf(text, size, "held for %" PRId64 " s more: its provider fails",
            row->held_s);
    else if (row->held_s == 0)
        snprintf(text, size, "held: one call tries it");
    else
        *text = '\0';
}

/* Nothing is easier to read than a nought. */
static void
add_count(struct table *t, uint64_t n)
{
    if (n > 0 || out_is_json())
        table_add_uint(t, n);
    else
        table_add_text(t, "-");
}

static void
add_row(struct table *t, enum lane_id lane, const struct lane_row *row)
{
    static const enum delivery_state states[] = { DELIVERY_CALLING,
        DELIVERY_RETRY, DELIVERY_HELD, DELIVERY_DOUBTFUL, DELIVERY_DEAD };
    char state[400];

    table_add_text(t, delivery_lane_name(lane));
    add_count(t, row->n[DELIVERY_READY] + row->n[DELIVERY_LEASED]);
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        add_count(t, row->n[states[i]]);
    add_count(t, row->late_s);
    add_count(t, row->good);
    add_count(t, row->again);
    add_count(t, row->bad);
    print_state(row, state, sizeof state);
    table_add_text(t, *state || !out_is_json() ? state : NULL);
}

enum db_status
lanes_print(struct ctl *ctl)
{
    static const char *const heads[] = { "lane", ">waiting", ">calling",
        ">retry", ">held", ">doubtful", ">dead", ">oldest, s", ">done 1 h",
        ">again 1 h", ">failed 1 h", "" };
    static const char *const members[] = { "lane", "waiting", "calling",
        "retry", "held", "doubtful", "dead", "oldest_s", "done_1h", "again_1h",
        "failed_1h", "state" };
    struct lane_row lanes[LANES];
    struct table *t;
    enum db_status status;

    memset(lanes, 0, sizeof lanes);
    for (enum lane_id lane = 0; lane < LANES; lane++)
        lanes[lane].held_s = -1;
    read_holds(ctl, lanes);
    status = read_waiting(ctl, lanes);
    if (status == DB_OK)
        status = read_pulse(ctl, lanes);
    if (status == DB_OK)
        status = read_pauses(ctl, lanes);
    if (status != DB_OK)
        return status;
    t = table_make(
        "lanes", out_is_json() ? members : heads, sizeof heads / sizeof *heads);
    for (enum lane_id lane = 0; lane < LANES; lane++)
        add_row(t, lane, &lanes[lane]);
    table_end(&t);
    return DB_OK;
}
