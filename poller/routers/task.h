/*
 * task: one reset, carried out on all routers that are meant.
 *
 * It goes to them at the same time and has ended when the last has answered or
 * failed. It is done when all have answered, or a session was found and ended;
 * else what is left to be done is noted in its payload, and it may be tried
 * again.
 */
#ifndef MBEV_TASK_H
#define MBEV_TASK_H

#include "delivery.h"
#include "lane.h"
#include "routers/router.h"

/* All routers there are. */
struct router_list {
    struct router **at; /* owned */
    size_t n;
};

/* Begins; ends with lane_finish(), perhaps from within. The list stays with the
 * caller, who may change it. */
void task_start(
    struct lane *lane, const struct router_list *all, struct delivery *d);

/* To be told of each job that has ended. */
void task_job_done(void *arg, struct job *job, const char *why);

/* In its place, when nobody wants to know any more: the delivery is left
 * alone. */
void task_forget(void *arg, struct job *job, const char *why);

#endif
