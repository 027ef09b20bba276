/*
 * ctl: what the verbs of mbevctl share.
 *
 * The verbs look at the service, and tell it what to do, through the database,
 * so they tell the truth and are obeyed also when the service is down.
 */
#ifndef MBEV_CTL_H
#define MBEV_CTL_H

#include "db.h"
#include "out.h"
#include "settings.h"

#include <stdbool.h>

struct ctl {
    const char *config; /* the file of the settings */
    const struct settings *set;
    struct db *db; /* NULL for a verb without database */
    int argc;      /* words behind the verb */
    char **argv;
    const char *verb;
    const char *reason; /* --reason; NULL = none was given */
    bool yes;           /* --yes: do not ask */
    bool dry;           /* --dry-run: change and send nothing */
};

/* What a verb needs before it runs. */
enum needs { NEEDS_NOTHING, NEEDS_SETTINGS, NEEDS_DATABASE };

/* A verb: help, completion and parsing are made from this. */
struct verb {
    const char *name;
    const char *words;  /* what may follow, for people */
    const char *help;   /* one line */
    const char *more;   /* what else there is to know; lines ended by \n */
    const char *offers; /* words that completion offers, split by blanks */
    int least, most;    /* words it takes */
    enum needs needs;
    int (*run)(struct ctl *ctl);
};

/* Ended by one without a name. */
extern const struct verb ctl_verbs[];

/* NULL when there is none of that name. */
const struct verb *ctl_find_verb(const char *name);

/* Verbs: each prints its answer and returns an exit code of sysexits.h:
 * EX_OK, EX_USAGE for words that make no sense, EX_DATAERR for what may not be
 * done, EX_NOINPUT when there is nothing of that number, EX_UNAVAILABLE when
 * the database or the service is away, EX_NOPERM when the operator said no. */
int ctl_status(struct ctl *ctl);
int ctl_queue(struct ctl *ctl);
int ctl_show(struct ctl *ctl);
int ctl_change(struct ctl *ctl); /* retry, drop, hold, release, resolve */
int ctl_pause(struct ctl *ctl);  /* and resume */
int ctl_flush(struct ctl *ctl);
int ctl_audit_list(struct ctl *ctl);
int ctl_trace(struct ctl *ctl);
int ctl_top(struct ctl *ctl);
int ctl_lag(struct ctl *ctl);
int ctl_receipts(struct ctl *ctl);
int ctl_routers(struct ctl *ctl);
int ctl_gaps(struct ctl *ctl);
int ctl_replay(struct ctl *ctl);
int ctl_compare(struct ctl *ctl);
int ctl_test(struct ctl *ctl);
int ctl_config(struct ctl *ctl);
int ctl_help(struct ctl *ctl);
int ctl_completion(struct ctl *ctl);
int ctl_doctor(struct ctl *ctl); /* reads the settings itself */
int
ctl_install(struct ctl *ctl); /* as the server's administrator, as the next */
int ctl_upgrade(struct ctl *ctl);
int ctl_uninstall(struct ctl *ctl);

/* mbevctl test router: see test_router.c. */
int ctl_test_router(struct ctl *ctl);

/* Runs that with the database of the settings open. */
int ctl_with_database(struct ctl *ctl, int (*run)(struct ctl *ctl));

/* Says on standard error what the database refused. Returns EX_UNAVAILABLE. */
int ctl_failed(const struct ctl *ctl);

/* Says on standard error "mbevctl: ..." and what the verb takes. Returns
 * EX_USAGE. */
int ctl_complain(const struct ctl *ctl, const char *what);

/* Asks "question? [y/N]", below the hint if there is one; not with --yes.
 * EX_OK: yes. */
int ctl_confirm(const struct ctl *ctl, const char *hint, const char *question);

/* As db_query() of the verb's connection; *sql is spent. */
enum db_status
ctl_ask(struct ctl *ctl, struct bytes *sql, struct db_rows **rows);

/* Something that is done by hand, for table audit. */
struct act {
    uint64_t event_id;    /* 0 = not one event */
    uint64_t delivery_id; /* 0 = not one delivery */
    const char *was;      /* its state before; NULL = not one delivery */
    const char *words;    /* what was asked for; --reason is added */
};

/* Appends a statement, ended by a semicolon, that notes who did that with this
 * verb. To go into the transaction that does it. */
void ctl_note(struct bytes *sql, const struct ctl *ctl, const struct act *act);

/* Rings the service's doorbell with a letter of orders.h, and the name of a
 * lane; NULL = all. One that does not hear it, or does not take it from this
 * account, looks within ten seconds. */
void ctl_ring(const struct ctl *ctl, char letter, const char *lane);

/* True once the operator has pressed Ctrl-C, since the first call. */
bool ctl_interrupted(void);

/* What status says of routers and resets: nothing when there are none. */
enum db_status routers_status(struct ctl *ctl);

/* What status says of changes that were missed, or captured late. */
enum db_status gaps_status(struct ctl *ctl);

/* A table of the lanes: what waits, what needs somebody, what went through. */
enum db_status lanes_print(struct ctl *ctl);

#endif
