/*
 * report: what the service knows of itself, for others: as JSON for the status
 * page and mbevctl (docs/status-json.md), and as metrics in the text format of
 * Prometheus, version 0.0.4. From memory alone.
 */
#ifndef MBEV_REPORT_H
#define MBEV_REPORT_H

#include "bytes.h"

#include <stdbool.h>

struct engine;
struct view;

/* Whether it acts, or stands by properly: what GET /health says. */
bool report_is_healthy(const struct engine *e);

/* "acting", "standing by", "starting", "away". */
const char *report_state(const struct engine *e);

/* report_json.c, report_metrics.c: append it. */
void
report_json(struct bytes *out, const struct engine *e, const struct view *view);
void report_metrics(
    struct bytes *out, const struct engine *e, const struct view *view);

#endif
