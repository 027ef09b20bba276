/*
 * billing: what kind of billing database this is.
 */
#ifndef MBEV_BILLING_H
#define MBEV_BILLING_H

#include "db.h"
#include "settings.h"
#include "trouble.h"

#include <stdbool.h>

/* The version of our tables that this program is made for. */
enum { BILLING_SCHEMA = 8 };

/* Where a subscriber's row may stand. A smaller place wins. */
enum place {
    PLACE_USERS,
    PLACE_FROZEN,
    PLACE_BLOCKED,
    PLACE_DELETED,
    BILLING_PLACES,
    PLACE_NONE = BILLING_PLACES /* in no table */
};

/* The table of a place; a constant. */
const char *billing_table(enum place place);

struct billing {
    const char *name;         /* of its database; belongs to the settings */
    bool modern;              /* users.state exists */
    bool has[BILLING_PLACES]; /* which tables of subscribers exist */
    bool has_email[BILLING_PLACES]; /* which have an e-mail that may be used */
    bool has_real_ip[BILLING_PLACES];
    bool has_packets; /* whether these tables are there */
    bool has_fields;  /* users_custom_fields */
    bool has_api;     /* addons_pay_api */
    bool has_logs;
    bool has_staff;    /* stuff_personal */
    bool has_receipts; /* the table of receipts */
    bool has_routers;  /* radnas */
    bool has_use_api;  /* radnas.use_api */
    bool has_radacct;
    bool locks_at_once; /* rows can be locked without waiting: MySQL below 8
                           can only wait */
    bool undoable;      /* a ROLLBACK takes back what was written to those */
    bool lazy_flush;    /* the server keeps commits in memory for a while */
    int64_t flush_us;   /* for about so long */
};

/* Whether all tables that bonuses depend on can be seen; what to say if not. */
bool billing_can_reward(const struct billing *billing);
#define BILLING_NO_REWARD                                                      \
    "this account does not see packets, users_custom_fields and "              \
    "addons_pay_api; run sql/grants.sql"

#define BILLING_NO_RECEIPTS                                                    \
    "this account does not see the table of [receipt] table, with a column "   \
    "int_id; run sql/grants.sql"

#define BILLING_NO_ROUTERS                                                     \
    "this account does not see table radnas of the billing; run "              \
    "sql/grants.sql"

/* Looks for radnas alone: sets *billing to its name, and what of it this
 * account sees. */
enum db_status billing_look_for_routers(
    struct billing *billing, struct db *db, const struct settings *set);

/* Whether work that is switched on waits for a table, or for a right to it. */
bool billing_lacks(const struct billing *billing, const struct settings *set);

/* Appends what locks a row of one of its tables without waiting; the column is
 * its primary key. */
void billing_lock_row(struct bytes *sql, const struct billing *billing,
    const char *table, const char *column, uint64_t id);

/* Looks at the server behind the connection: our schema's version, the
 * billing's generation, how durable a commit is. DB_REFUSED when the service
 * cannot work there; why is told with the cure. */
enum db_status billing_look(struct billing *billing, struct db *db,
    const struct settings *set, struct trouble *trouble);

#endif
