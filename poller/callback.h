/*
 * callback: what Komtet tells of by itself, when the operator wants it. Each
 * is checked by its signature, recorded as if we had asked, and only then
 * answered with 200; 503 asks Komtet to come again.
 */
#ifndef MBEV_CALLBACK_H
#define MBEV_CALLBACK_H

#include "engine.h"

struct callback;

/* NULL when out of memory. Opens nothing yet. */
struct callback *callback_make(struct engine *e);

/* Drops what waits, closes the port, frees, sets NULL. */
void callback_close(struct callback **callback);

/* Opens the port if the settings want it and it is not open; tries again
 * later when that fails, which is logged once. */
void callback_listen(struct engine *e);

/* Whether something waits to be recorded. */
bool callback_waits(const struct callback *callback);

/* Records what waits, and answers. */
enum db_status callback_due(struct engine *e);

/* Its settings have changed: it is opened anew by them. */
void callback_renew(struct callback *callback);

#endif
