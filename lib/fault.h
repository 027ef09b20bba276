/*
 * fault: named points at which a test can stop, kill, delay or fail the
 * program.
 *
 * Compiled in by -DMBEV_FAULTS=ON only; otherwise a point costs nothing.
 * The environment variable MBEV_FAULT says what happens, e.g.
 *
 *   MBEV_FAULT=ingest.events:stop          raise SIGSTOP at the first pass
 *   MBEV_FAULT=claim.committed:kill:3      raise SIGKILL at the third
 *   MBEV_FAULT=settle.begun:sleep          sleep one second at the first
 *   MBEV_FAULT=decide.one:crash:2+         abort at the second and each later
 *   MBEV_FAULT=decide.one@1001:crash:1+    the same, where it is about 1001
 *   MBEV_FAULT=owner.commit:fail           what is begun there fails
 *
 * Several are divided by commas. Points are named after the duty and what has
 * just been done there, or is about to be. With MBEV_FAULT_TRACE each pass is
 * written to that file, a name on a line.
 */
#ifndef MBEV_FAULT_H
#define MBEV_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#ifdef MBEV_FAULTS

void fault_point(const char *name);

/* The same; about: what is at work, as a subscriber or a row. */
void fault_point_at(const char *name, uint64_t about);

/* The same; true when what follows shall fail. */
bool fault_fails(const char *name);

#else

#define fault_point(name) ((void)0)
#define fault_point_at(name, about) ((void)0)
#define fault_fails(name) false

#endif

#endif
