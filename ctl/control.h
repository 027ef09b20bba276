/*
 * control: what the running service says of itself, on its control socket: what
 * only it knows, and no table.
 */
#ifndef MBEV_CONTROL_H
#define MBEV_CONTROL_H

#include "ctl.h"

#include <json-c/json.h>

/* The object of docs/status-json.md, to be put by the caller. NULL when there
 * is no socket, or no service that answers within two seconds: then there is
 * nothing to be known. */
json_object *control_status(const struct ctl *ctl);

#endif
