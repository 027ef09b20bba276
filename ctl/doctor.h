/*
 * doctor: what the checks of mbevctl doctor share.
 *
 * A check looks at one thing and tells what it found: one finding or several,
 * each with a result and, where it is not ok, with what to do. Checks change
 * nothing, ask nothing that takes the server long, and do not depend on each
 * other: one that cannot look says so, and the others go on.
 */
#ifndef MBEV_CTL_DOCTOR_H
#define MBEV_CTL_DOCTOR_H

#include "bytes.h"
#include "ctl.h"

#include <stdbool.h>
#include <stddef.h>

/* Better ones are smaller. */
enum result {
    RESULT_OK,
    RESULT_NOTE,    /* worth knowing; nothing need be done */
    RESULT_WARNING, /* works, but not as well as it could, or not for long */
    RESULT_FAILED,  /* something does not work, or is lost */
    RESULTS
};

struct finding {
    enum result result;
    char *check; /* owned, as the next two */
    char *found;
    char *cure; /* NULL = nothing is to be done */
};

struct doctor {
    struct ctl *ctl; /* its db is NULL while the database cannot be asked */
    struct bytes *errors;    /* of the configuration, a line each */
    bool readable;           /* the configuration was read at all */
    bool gone;               /* the database went away in the middle */
    const char *check;       /* the name of the one that runs */
    const char *of;          /* what the next finding is about, behind the name;
                                NULL = nothing more than the name */
    struct finding *finding; /* owned */
    size_t n;
    bool no_memory; /* some are missing */
};

/* One check: a statement or a function. */
struct doctor_check {
    const char *name;

    /* A statement, each row of whose answer is a finding: the number of the
     * result, what was found, what to do (NULL or of no account: nothing).
     * Without a row it is ok, in these words. */
    const char *sql;
    const char *well;

    bool database; /* the function needs it */
    void (*run)(struct doctor *d);
};

struct doctor_group {
    const struct doctor_check *check;
    size_t n;
};

extern const struct doctor_group doctor_host, doctor_server, doctor_clock,
    doctor_capture, doctor_triggers, doctor_grants, doctor_service,
    doctor_reach, doctor_account;

/* The numbers of results in statements. */
#define SQL_OK "0"
#define SQL_NOTE "1"
#define SQL_WARNING "2"
#define SQL_FAILED "3"

/* What statements may refer to: name of the billing, our version of the
 * schema, how long a receipt may take, in microseconds. */
#define SQL_BILLING "@mbev_billing"
#define SQL_SCHEMA "@mbev_schema"
#define SQL_ALARM "@mbev_alarm"

/* Adds a finding of the check that runs; cure may be NULL. */
void doctor_tell(struct doctor *d, enum result result, const char *cure,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Asks the database. When it does not answer, or refuses, that is a finding
 * with this result, or a worse one when the service cannot work so; and false.
 */
bool doctor_ask(struct doctor *d, enum result result, const char *sql,
    struct db_rows **rows);
void doctor_refused(struct doctor *d, enum result result);

/* Whether the check of that name has found something in order. */
bool doctor_was_ok(const struct doctor *d, const char *check);

/* Runs a statement as that of a check; *sql is spent. */
void doctor_run(struct doctor *d, struct bytes *sql, const char *well);

/* --- for other verbs ---------------------------------------------------- */

/* A trigger that triggers.sql makes; false behind the last. Not every billing
 * has each table. */
struct doctor_trigger {
    const char *table, *name;
    const char *digest; /* of the body, as trigger_report() has it */
    const char *state;  /* the same where there is users.state; NULL = digest */
};
bool doctor_trigger(size_t i, struct doctor_trigger *out);

/* Makes the connection d->ctl->db ready for checks. False: said as a finding.
 */
bool doctor_prepare(struct doctor *d);

/* Makes checks of a group, those whose names stand in the list, divided by
 * commas; NULL = all. */
void doctor_look(
    struct doctor *d, const struct doctor_group *group, const char *names);

/* Prints the findings; all: also what is in order. */
void doctor_print(const struct doctor *d, bool all);

size_t doctor_count(const struct doctor *d, enum result result);
void doctor_drop(struct doctor *d);

/* What an operator does in several of these cases. */
#define CURE_SCHEMA "mysql < sql/schema.sql"
#define CURE_GRANTS "mysql BILLING < sql/grants.sql"
#define CURE_TRIGGERS "mysql BILLING < sql/triggers.sql"
#define CURE_START "systemctl start mbevd; journalctl -u mbevd tells why not"

#endif
