/*
 * fault: named points at which a test can stop, kill or delay the program.
 *
 * Compiled in by -DMBEV_FAULTS=ON only; otherwise a point costs nothing.
 * The environment variable MBEV_FAULT says what happens, e.g.
 *
 *   MBEV_FAULT=ingest.inserted:stop        raise SIGSTOP at the first pass
 *   MBEV_FAULT=claim.committed:kill:3      raise SIGKILL at the third
 *   MBEV_FAULT=settle.logged:sleep         sleep one second at the first
 *
 * Points are named after the duty and what has just been done there.
 */
#ifndef MBEV_FAULT_H
#define MBEV_FAULT_H

#ifdef MBEV_FAULTS
void fault_point(const char *name);
#else
#define fault_point(name) ((void)0)
#endif

#endif
