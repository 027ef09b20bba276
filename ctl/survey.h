/*
 * survey: what of ours a database server has, before something is done to it.
 */
#ifndef MBEV_CTL_SURVEY_H
#define MBEV_CTL_SURVEY_H

#include "admin.h"
#include "library.h"

/* How a service goes with new triggers: one of an earlier version would take
 * over their events and do nothing about them. */
enum survey_service {
    SERVICE_NONE,    /* none acts */
    SERVICE_NEW,     /* of this version */
    SERVICE_OLD,     /* of another version */
    SERVICE_UNKNOWN, /* one acts, perhaps elsewhere, and tells no version */
};

struct survey {
    struct library library;
    bool may_swap;     /* the server can load another one while it runs */
    uint64_t schema;   /* version of our tables; 0 = none */
    bool has_database; /* mikbill_events, whatever is in it */
    char installed[ADMIN_NAME]; /* billing that is captured; "" = none */
    bool modern;                /* there is users.state */
    unsigned accounts;          /* of the three */
    unsigned ours;              /* triggers of ours, in this billing */
    unsigned good;              /* those as this version makes them */
    unsigned wanted;            /* how many this version makes */
    char stranger[ADMIN_NAME];  /* one that has a name of ours; "" = none */
    enum survey_service service;
    char service_words[512]; /* about it, for people */
};

/* Looks at everything. False: the server refused, and it is said. */
bool survey_look(struct survey *s, struct admin *a);

/* Prints it. */
bool survey_print(const struct survey *s, const struct admin *a);

#endif
