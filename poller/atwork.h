/*
 * atwork: what is in hand right now, so that a thing that crashes the service
 * is counted and set aside, and takes no neighbour along.
 *
 * Whoever reads, decides or sends something notes it before and forgets it
 * after. A handler of SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT (the last is
 * also how systemd ends what hangs) appends what is in hand to the file
 * "crashes" in the state folder and lets the signal do what it did before:
 * core dump and exit status stay as they are. A kill, a stop, a loss of power
 * write nothing: they are nobody's fault. At the start the file is read: see
 * crashes.h for what it means.
 *
 * A crash in another thread (libcurl looks names up in some) is nobody's work.
 *
 * The note is one for the process, because a signal is. The file is bounded;
 * what is forgotten with its oldest lines is counted anew.
 */
#ifndef MBEV_ATWORK_H
#define MBEV_ATWORK_H

#include "crashes.h"

/* Largest file that is kept at a start, and what of it is left then. */
enum { ATWORK_FILE = 64 * 1024, ATWORK_KEPT = 32 * 1024 };

/* Reads the file in the folder, tells the log of the last crash and installs
 * the handler. Where the file cannot be read or written, an error says so and
 * the service goes on without: it does its work, only nothing is counted. */
void atwork_open(const char *folder);

/* Takes the handler out again. */
void atwork_close(void);

/* This is in hand, until the next begin or end. The texts, of which part may
 * be NULL, stay where they are until then. */
void atwork_begin(enum work work, const char *what, const char *part);
void atwork_end(void);

/* The same for a conversation with a router: what it is called, and the n
 * deliveries that are under way there, which share the blame. */
void
atwork_begin_router(const char *router, const char *const *calls, size_t n);

/* How many times the service crashed on it when it is to be set aside;
 * else 0. */
unsigned atwork_refuses(enum work work, const char *what, const char *part);

/* The service crashed while it had it in hand: alone, or with others. */
bool atwork_suspects(enum work work, const char *what, const char *part);

/* It was set aside, which is committed: whoever wants it tried again shall get
 * one try. */
void atwork_set_aside(enum work work, const char *what, const char *part);

#endif
