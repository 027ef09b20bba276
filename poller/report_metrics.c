/* report_metrics: the state of the service as metrics for Prometheus; see
 * report.h. Labels are names of lanes, results, states and classes: few, and
 * never anything of a subscriber. */
#include "clock.h"
#include "engine.h"
#include "report.h"
#include "view.h"

#include <inttypes.h>

#define SECOND_US 1000000LL

/* What a metric is made of. */
struct source {
    const struct engine *e;
    const struct view *view;
};

enum { NONE = -1 }; /* no such value just now */

static void
begin(struct bytes *out, const char *name, const char *type, const char *help)
{
    bytes_printf(
        out, "# HELP mbev_%s %s\n# TYPE mbev_%s %s\n", name, help, name, type);
}

/* --- of the whole -------------------------------------------------------- */

static int64_t
since_s(int64_t us)
{
    return us > 0 ? (clock_boot_us() - us) / SECOND_US : NONE;
}

static int64_t
lease_s(const struct source *s)
{
    int64_t us = s->e->owner.until_us - clock_boot_us();

    return us > 0 ? us / SECOND_US : 0;
}

static int64_t
database_up(const struct source *s)
{
    return s->e->pose >= POSE_STANDS_BY;
}

static int64_t
reconnects(const struct source *s)
{
    return s->e->meter.connects > 0 ? (int64_t)s->e->meter.connects - 1 : 0;
}

static int64_t
data_age(const struct source *s)
{
    return since_s(s->view->read_us);
}

static int64_t
captured(const struct source *s)
{
    return (int64_t)s->e->meter.line[METER_EVENTS].n[METER_GOOD];
}

static int64_t
not_understood(const struct source *s)
{
    return (int64_t)s->e->meter.line[METER_EVENTS].n[METER_BAD];
}

static int64_t
library(const struct source *s)
{
    return s->view->read_us ? s->view->library : NONE;
}

static int64_t
overdue(const struct source *s)
{
    return (int64_t)s->e->late.n;
}

static const struct single {
    const char *name, *type, *help;
    int64_t (*get)(const struct source *s);
} singles[] = {
    { "database_up", "gauge", "1 while the database answers", database_up },
    { "database_reconnects_total", "counter",
        "connections to the database after the first", reconnects },
    { "lease_seconds", "gauge", "for how long the work is still ours",
        lease_s },
    { "data_age_seconds", "gauge",
        "age of what is told from the database's tables", data_age },
    { "events_captured_total", "counter", "events taken over from the outbox",
        captured },
    { "events_not_understood_total", "counter",
        "of these, events with a problem: mbevctl status", not_understood },
    { "library_up", "gauge",
        "1 while mbev.so answers: without it nothing is captured", library },
    { "receipts_overdue", "gauge",
        "receipts that are not fiscal after [receipt] alarm", overdue },
};

static void
add_singles(struct bytes *out, const struct source *s)
{
    for (size_t i = 0; i < sizeof singles / sizeof *singles; i++) {
        int64_t value = singles[i].get(s);

        if (value == NONE)
            continue;
        begin(out, singles[i].name, singles[i].type, singles[i].help);
        bytes_printf(out, "mbev_%s %" PRId64 "\n", singles[i].name, value);
    }
}

/* What was counted in the tables. */
static const struct counted {
    const char *name, *help;
    enum view_figure figure;
    bool age;
} counted[] = {
    { "outbox_rows", "captured and not taken over yet", VIEW_OUTBOX, false },
    { "outbox_oldest_seconds", "age of the oldest of them", VIEW_OUTBOX, true },
    { "receipts_open", "receipts that are not fiscal yet", VIEW_RECEIPTS,
        false },
    { "receipts_oldest_seconds", "age of the oldest of them", VIEW_RECEIPTS,
        true },
    { "receipts_refused", "receipts that wait for the operator",
        VIEW_RECEIPTS_REFUSED, false },
    { "gaps_open", "tables whose trigger cannot capture now", VIEW_GAPS,
        false },
    { "late_rows", "rows of the last day that were captured late", VIEW_LATE,
        false },
    { "routers", "routers that were ever asked", VIEW_ROUTERS, false },
    { "routers_held", "of these, left alone for a while", VIEW_ROUTERS_HELD,
        false },
};

static void
add_counted(struct bytes *out, const struct view *view)
{
    for (size_t i = 0; i < sizeof counted / sizeof *counted; i++) {
        enum view_figure figure = counted[i].figure;

        begin(out, counted[i].name, "gauge", counted[i].help);
        bytes_printf(out, "mbev_%s %" PRIu64 "\n", counted[i].name,
            counted[i].age ? view->figure[figure].age_s
                           : view->figure[figure].n);
    }
}

static void
add_state(struct bytes *out, const struct engine *e)
{
    static const struct {
        enum pose pose;
        const char *name;
    } states[] = {
        { POSE_ACTS, "acting" },
        { POSE_STANDS_BY, "standing_by" },
        { POSE_WAITS, "away" },
    };

    begin(out, "build_info", "gauge", "1; the version is a label");
    bytes_str(out, "mbev_build_info{version=\"" MBEV_VERSION "\"} 1\n");
    begin(out, "service_state", "gauge", "1 for the state of the service");
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        bytes_printf(out, "mbev_service_state{state=\"%s\"} %d\n",
            states[i].name, e->pose == states[i].pose);
}

/* --- of each lane -------------------------------------------------------- */

static int64_t
waiting(const struct source *s, unsigned lane)
{
    return (int64_t)s->view->deliveries[lane][VIEW_WAITING];
}

static int64_t
held_back(const struct source *s, unsigned lane)
{
    return (int64_t)s->view->deliveries[lane][VIEW_HELD];
}

static int64_t
doubtful(const struct source *s, unsigned lane)
{
    return (int64_t)s->view->deliveries[lane][VIEW_DOUBTFUL];
}

static int64_t
dead(const struct source *s, unsigned lane)
{
    return (int64_t)s->view->deliveries[lane][VIEW_DEAD];
}

static int64_t
paused(const struct source *s, unsigned lane)
{
    return s->view->paused[lane];
}

static int64_t
calls(const struct source *s, unsigned lane)
{
    return s->e->lane[lane] ? (int64_t)lane_active(s->e->lane[lane]) : NONE;
}

static int64_t
is_held(const struct source *s, unsigned lane)
{
    return s->e->lane[lane] ? lane_held_until_us(s->e->lane[lane]) > 0 : NONE;
}

static int64_t
since_success(const struct source *s, unsigned lane)
{
    return since_s(s->e->meter.line[lane].good_us);
}

static const struct by_lane {
    const char *name, *help;
    bool of_tables;
    int64_t (*get)(const struct source *s, unsigned lane);
} by_lane[] = {
    { "deliveries_waiting", "to be done, or to be tried again", true, waiting },
    { "deliveries_held", "held back by the operator", true, held_back },
    { "deliveries_doubtful", "nobody knows whether they were done", true,
        doubtful },
    { "deliveries_dead", "refused for good, and not settled", true, dead },
    { "lane_paused", "1 while the operator pauses it", true, paused },
    { "lane_calls", "calls under way", false, calls },
    { "lane_held", "1 while its breaker holds it", false, is_held },
    { "lane_since_success_seconds", "since the last success", false,
        since_success },
};

static void
add_of_lanes(
    struct bytes *out, const struct source *s, const struct by_lane *of)
{
    bool begun = false;

    for (unsigned lane = 0; lane < LANES; lane++) {
        int64_t value = of->get(s, lane);

        if (value == NONE)
            continue;
        if (!begun)
            begin(out, of->name, "gauge", of->help);
        begun = true;
        bytes_printf(out, "mbev_%s{lane=\"%s\"} %" PRId64 "\n", of->name,
            meter_line_name(lane), value);
    }
}

static void
add_by_lane(struct bytes *out, const struct source *s)
{
    for (size_t i = 0; i < sizeof by_lane / sizeof *by_lane; i++)
        if (!by_lane[i].of_tables || s->view->read_us)
            add_of_lanes(out, s, &by_lane[i]);
}

static void
add_results(struct bytes *out, const struct meter *meter)
{
    begin(out, "deliveries_total", "counter",
        "what became of deliveries: done, to be repeated, failed, not wanted");
    for (unsigned lane = 0; lane < LANES; lane++)
        for (unsigned i = 0; i < METER_RESULTS; i++)
            bytes_printf(out,
                "mbev_deliveries_total{lane=\"%s\",result=\"%s\"} %" PRIu64
                "\n",
                meter_line_name(lane), meter_result_name(i),
                meter->line[lane].n[i]);
}

static void
add_errors(struct bytes *out, const struct meter *meter)
{
    begin(out, "call_errors_total", "counter",
        "calls that failed, by class of error");
    for (unsigned lane = LANE_DECIDE + 1; lane < LANES; lane++)
        for (unsigned i = OUTCOME_TRANSIENT; i <= OUTCOME_UNKNOWN; i++)
            bytes_printf(out,
                "mbev_call_errors_total{lane=\"%s\",class=\"%s\"} %" PRIu64
                "\n",
                meter_line_name(lane), outcome_class_name(i),
                meter->line[lane].errors[i]);
}

static void
add_times_of(struct bytes *out, const struct meter_line *line, const char *lane)
{
    static const char name[] = "mbev_capture_to_accept_seconds";
    uint64_t n = 0;

    for (size_t i = 0; i < METER_BOUNDS; i++) {
        n += line->within[i];
        bytes_printf(out, "%s_bucket{lane=\"%s\",le=\"%g\"} %" PRIu64 "\n",
            name, lane, (double)meter_bounds_ms[i] / 1000, n);
    }
    n += line->within[METER_BOUNDS];
    bytes_printf(out,
        "%s_bucket{lane=\"%s\",le=\"+Inf\"} %" PRIu64 "\n"
        "%s_sum{lane=\"%s\"} %" PRId64 ".%03d\n%s_count{lane=\"%s\"} %" PRIu64
        "\n",
        name, lane, n, name, lane, line->sum_ms / 1000,
        (int)(line->sum_ms % 1000), name, lane, n);
}

static void
add_times(struct bytes *out, const struct meter *meter)
{
    begin(out, "capture_to_accept_seconds", "histogram",
        "from the capture until it was accepted");
    for (unsigned lane = 0; lane < LANES; lane++)
        add_times_of(out, &meter->line[lane], meter_line_name(lane));
}

void
report_metrics(
    struct bytes *out, const struct engine *e, const struct view *view)
{
    const struct source s = { e, view };

    add_state(out, e);
    add_singles(out, &s);
    if (view->read_us)
        add_counted(out, view);
    add_by_lane(out, &s);
    add_results(out, &e->meter);
    add_errors(out, &e->meter);
    add_times(out, &e->meter);
}
