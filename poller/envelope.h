/*
 * envelope: an event as it is handed on to other programs: JSON, see
 * docs/events.md.
 *
 * It is made of what the database says of the event and of nothing else, so it
 * is the same whenever it is made. No number in it has a point: what is not
 * whole is a string.
 */
#ifndef MBEV_ENVELOPE_H
#define MBEV_ENVELOPE_H

#include "bytes.h"
#include "event.h"

#include <stdbool.h>
#include <stdint.h>

enum { ENVELOPE_VERSION = 1 };

/* Most bytes that one should have: what is handed on is bounded. */
enum { ENVELOPE_LARGEST = 256 * 1024 };

struct envelope {
    uint64_t id;              /* event.id */
    const char *identity;     /* EVENT_IDENTITY_SQL; begins with the kind */
    uint64_t uid;             /* the subscriber */
    const char *captured_utc; /* "2026-11-23 20:24:00.123" */
    const char *body;         /* event.body */
};

/* Appends it. False, and nothing is to be made of out, when the body is not a
 * JSON object, when it does not fit, or when memory ran out. */
bool envelope_print(struct bytes *out, const struct envelope *envelope);

/* The event's key for who is to do something about it once: its identity, with
 * neither blanks nor points, so that it may stand in a header and beside other
 * things that are divided by points. Returns out. */
const char *envelope_key(const char *identity, char out[EVENT_KEY + 1]);

/* The kind of event out of its identity. Returns out. */
const char *envelope_kind(const char *identity, char out[EVENT_KEY + 1]);

#endif
