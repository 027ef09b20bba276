/* report_json: the state of the service as JSON; see report.h and
 * docs/status-json.md. */
#include "clock.h"
#include "engine.h"
#include "json.h"
#include "report.h"
#include "view.h"

#define SECOND_US 1000000LL

const char *
report_state(const struct engine *e)
{
    static const char *const names[] = {
        [POSE_BEGINS] = "starting",
        [POSE_WAITS] = "away",
        [POSE_STANDS_BY] = "standing by",
        [POSE_ACTS] = "acting",
    };

    return names[e->pose];
}

bool
report_is_healthy(const struct engine *e)
{
    if (e->pose == POSE_ACTS)
        return clock_boot_us() < e->owner.until_us;
    return e->pose == POSE_STANDS_BY;
}

/* Seconds from then (boot clock) until now; null when there was no then. */
static void
add_since(struct json *json, const char *name, int64_t us)
{
    if (us > 0)
        json_int(json, name, (clock_boot_us() - us) / SECOND_US);
    else
        json_raw(json, name, "null");
}

/* Seconds that are left until then. */
static int64_t
left_s(int64_t us)
{
    int64_t left_us = us - clock_boot_us();

    return left_us > 0 ? (left_us + SECOND_US - 1) / SECOND_US : 0;
}

static void
add_counts(
    struct json *json, const char *name, const struct meter *meter, unsigned of)
{
    json_open(json, name, '{');
    for (unsigned i = 0; i < METER_RESULTS; i++)
        json_int(json, meter_result_name(i), (int64_t)meter->line[of].n[i]);
    json_close(json, '}');
}

static void
add_minute(struct json *json, const struct meter *meter, unsigned of)
{
    json_open(json, "minute", '{');
    for (unsigned i = 0; i < METER_SKIPPED; i++)
        json_int(
            json, meter_result_name(i), (int64_t)meter_recent(meter, of, i));
    json_close(json, '}');
}

static void
add_list(struct json *json, const char *name, const struct bytes *list)
{
    json_raw(json, name, list->n ? bytes_text(list) : "[]");
}

static void
add_service(struct json *json, const struct engine *e, const struct view *view)
{
    json_open(json, "service", '{');
    json_text(json, "version", MBEV_VERSION);
    json_text(json, "state", report_state(e));
    json_flag(json, "healthy", report_is_healthy(e));
    json_text(json, "holder",
        e->pose == POSE_STANDS_BY ? e->owner.other : e->owner.holder);
    json_int(json, "lease_s", left_s(e->owner.until_us));
    json_flag(json, "database", e->pose >= POSE_STANDS_BY);
    json_text(
        json, "trouble", e->pose == POSE_WAITS && *e->why ? e->why : NULL);
    json_int(json, "reconnects",
        e->meter.connects > 0 ? (int64_t)e->meter.connects - 1 : 0);
    json_text(json, "billing", e->billing.name);
    add_since(json, "data_s", view->read_us);
    json_close(json, '}');
}

static void
add_figure(struct json *json, const char *name, const struct view *view,
    enum view_figure figure, bool with_age)
{
    json_int(json, name, (int64_t)view->figure[figure].n);
    if (with_age)
        json_int(json, "oldest_s", (int64_t)view->figure[figure].age_s);
}

static void
add_capture(struct json *json, const struct engine *e, const struct view *view)
{
    json_open(json, "capture", '{');
    json_flag(json, "library", view->library);
    json_text(json, "library_version", view->library_version);
    add_figure(json, "outbox", view, VIEW_OUTBOX, true);
    add_figure(json, "late_rows", view, VIEW_LATE, false);
    add_counts(json, "events", &e->meter, METER_EVENTS);
    add_minute(json, &e->meter, METER_EVENTS);
    add_list(json, "gaps", &view->gaps);
    json_close(json, '}');
}

static void
add_lane(struct json *json, const struct engine *e, const struct view *view,
    unsigned lane)
{
    static const char *const names[VIEW_STATES] = {
        [VIEW_WAITING] = "waiting",
        [VIEW_HELD] = "held",
        [VIEW_DOUBTFUL] = "doubtful",
        [VIEW_DEAD] = "dead",
    };
    const struct lane *of = e->lane[lane];

    json_open(json, NULL, '{');
    json_text(json, "name", meter_line_name(lane));
    for (unsigned i = 0; i < VIEW_STATES; i++)
        json_int(json, names[i], (int64_t)view->deliveries[lane][i]);
    json_int(json, "calls", of ? (int64_t)lane_active(of) : 0);
    json_int(json, "held_s", of ? left_s(lane_held_until_us(of)) : 0);
    json_flag(json, "holds", of && lane_held_until_us(of));
    json_flag(json, "paused", view->paused[lane]);
    add_since(json, "success_s", e->meter.line[lane].good_us);
    add_counts(json, "total", &e->meter, lane);
    add_minute(json, &e->meter, lane);
    json_close(json, '}');
}

static void
add_receipts(struct json *json, const struct engine *e, const struct view *view)
{
    json_open(json, "receipts", '{');
    add_figure(json, "open", view, VIEW_RECEIPTS, true);
    add_figure(json, "refused", view, VIEW_RECEIPTS_REFUSED, false);
    json_int(json, "overdue", (int64_t)e->late.n);
    json_close(json, '}');
}

void
report_json(struct bytes *out, const struct engine *e, const struct view *view)
{
    struct json json = { .out = out };

    json_open(&json, NULL, '{');
    add_service(&json, e, view);
    add_capture(&json, e, view);
    json_open(&json, "lanes", '[');
    for (unsigned lane = 0; lane < LANES; lane++)
        add_lane(&json, e, view, lane);
    json_close(&json, ']');
    add_receipts(&json, e, view);
    add_list(&json, "pauses", &view->pauses);
    add_figure(&json, "routers", view, VIEW_ROUTERS, false);
    add_list(&json, "routers_held", &view->routers);
    add_list(&json, "troubles", &view->troubles);
    add_list(&json, "events", &view->events);
    add_list(&json, "chart", &view->chart);
    json_close(&json, '}');
}
