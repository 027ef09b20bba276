/*
 * wake: what ends the service's sleep.
 *
 * The doorbell: a datagram socket that the database's triggers ring. It rings
 * before the transaction commits, and also when it rolls back, so it is only
 * a hint: after a ring the outbox is looked at when the row should be there by
 * what was seen so far, then after 0.2 ms, then again after twice as long, up
 * to 12.8 ms, then the safety poll takes over, at once when as many rows have
 * come as it rang. Where so many rang at once that a ring may be lost there is
 * one more look, after the longest pause. The operator rings it, too, with
 * another letter: see orders.h. The signals: SIGTERM and SIGINT ask for an
 * orderly stop, SIGHUP for a reload.
 */
#ifndef MBEV_WAKE_H
#define MBEV_WAKE_H

#include "delivery.h"
#include "http.h"
#include "kafka.h"
#include "listen.h"
#include "routers/fleet.h"
#include "runner.h"

#include <stdbool.h>
#include <stdint.h>

/* Who listens. */
enum { WAKE_CALLBACK, WAKE_CONTROL, WAKE_STATUS, WAKE_LISTENERS };

struct wake {
    int bell_fd; /* -1 = no doorbell */
    int signal_fd;
    int timer_fd;
    const char *path;
    struct listen *listen[WAKE_LISTENERS]; /* are moved on, too; NULL = none */
    struct fleet *fleet;                   /* the same */
    struct runner *runner;                 /* the same */
    struct kafka *kafka;                   /* the same */
    int64_t look_us;                       /* boot clock: when to look next */
    int64_t step_us;   /* pause after that look; 0 = only the safety poll */
    int64_t poll_us;   /* the safety poll */
    int64_t first_us;  /* pause before the first look after a ring */
    int64_t rang_us;   /* boot clock: when the last ring came */
    int64_t saw_us;    /* boot clock: when it was looked last */
    size_t rings;      /* that no row has come for */
    bool crowded;      /* some may be lost */
    bool stop;         /* a signal asked for it */
    bool reload;       /* the same */
    bool told;         /* something new by the operator, see orders.h... */
    bool flush[LANES]; /* ... and to try that again at once */
};

/* Opens timer and signals, and the doorbell at path unless path is NULL.
 * False, with the reason logged, when that fails. */
bool wake_open(struct wake *wake, const char *path, int64_t poll_us);
void wake_close(struct wake *wake);

/* Sleeps until something rang, network work is due, or until_us (boot clock)
 * has come, and moves the network on. */
void wake_wait(struct wake *wake, struct http *http, int64_t until_us);

/* True when it is time to look at the outbox; sets the time of the next. */
bool wake_due(struct wake *wake);

/* Rings at another doorbell of this host; whether somebody hears it does not
 * matter. */
void wake_ring(const struct wake *wake, const char *path);

/* The outbox had so many rows. */
void wake_took(struct wake *wake, size_t rows);

#endif
