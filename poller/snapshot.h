/*
 * snapshot: what the billing knows of the subscribers of one batch, read at
 * the moment of the decision.
 */
#ifndef MBEV_SNAPSHOT_H
#define MBEV_SNAPSHOT_H

#include "billing.h"
#include "civil.h"
#include "db.h"
#include "reset.h"

#include <stdint.h>

/* Discounts that keep a bonus away, by their names in users_custom_fields. */
enum discount {
    DISCOUNT_EXTENDED,
    DISCOUNT_GLOBAL,
    DISCOUNT_PACKET,
    DISCOUNT_SUBS,
    DISCOUNT_DEVICE,
    DISCOUNTS
};

struct tariff {
    bool known;             /* packets has a row for the subscriber's gid */
    char *name;             /* owned; "" when it is not known */
    int64_t fee_millionths; /* fixed_cost */
    int64_t overdraft_millionths; /* razresh_minus */
};

struct subscriber {
    uint64_t uid;
    enum place place;
    bool modern;   /* the schema has users.state */
    int state;     /* users.state, 1 to 4, where it was read; else 0 */
    char *login;   /* owned */
    char *sms_tel; /* owned; "" for NULL */
    char *email;   /* owned; "" for NULL, or where there is none */
    uint64_t gid;
    int64_t credit_kopecks;
    int blocked; /* of one in users, as the next; else 0 */
    int real_ip; /* 1 = the service is on */
    int fee_day; /* date_abonka: day of the month on which the fee is taken */
    struct tariff tariff;
    char *discount[DISCOUNTS]; /* owned; NULL = not set */
    unsigned removable;        /* how many of [discounts] key are set */
    struct civil contract;     /* day of the contract; zero = not known */
};

/* A row of addons_pay_api. */
struct api_row {
    uint64_t id;
    uint64_t uid;
    int64_t category;
    int64_t status; /* 0 waiting, 1 to 4 credited, 5 no such subscriber */
    int64_t millionths;
    struct civil updated;
    char *comment;         /* owned */
    char *mark;            /* owned; misc_id */
    uint64_t credit_event; /* the event that is known to be its credit; 0 =
                              none yet */
};

/* A trace of the staff: a fee for a change of tariff, or a row of logs, with
 * a staff member's number. */
struct staff_trace {
    uint64_t uid;
    struct civil at;
};

/* A discount that was ended, as logs tell it. */
struct ended {
    uint64_t uid;
    struct civil at;
};

/* What the billing says of a subscriber's place in the network. */
enum network_fact {
    NETWORK_LOCAL_IP,
    NETWORK_MAC,
    NETWORK_PORT, /* of the switch, as are the following */
    NETWORK_SWITCH_IP,
    NETWORK_COMMUNITY,
    NETWORK_SNMP_PORT,
    NETWORK_DEVICE_TYPE,
    NETWORK_FACTS
};

struct network {
    uint64_t uid;
    char *text[NETWORK_FACTS]; /* owned; "" = it does not say */
};

/* A reset of a subscriber's sessions, that waits or was carried out. */
struct other_reset {
    uint64_t uid;
    uint64_t event_id;
    bool decided;
    int64_t due_us; /* of one that is not: from now */
};

/* A staff member, whose name is printed on receipts. */
struct cashier {
    uint64_t id;
    char *name; /* owned; "" for NULL */
    char *inn;  /* owned; "" for NULL */
};

struct snapshot {
    struct subscriber *sub; /* owned, ascending by uid, one for each */
    size_t n;
    struct api_row *api; /* owned, ascending by uid and id */
    size_t api_n;
    struct staff_trace *trace; /* owned */
    size_t trace_n;
    struct cashier *cashier; /* owned */
    size_t cashier_n;
    struct seen *seen;  /* owned: sessions in radacct that have not ended... */
    uint64_t *seen_uid; /* owned: ... and whose they are, ascending */
    size_t seen_n;
    struct other_reset *reset; /* owned */
    size_t reset_n;
    struct ended *ended; /* owned */
    size_t ended_n;
    struct network *network; /* owned, ascending by uid */
    size_t network_n;
};

/* Reads the subscribers uids[0..n-1], in any order, repeats allowed. The
 * snapshot is to be freed whatever the result of this and the next eight. */
enum db_status snapshot_load(struct snapshot *snap, struct db *db,
    const struct billing *billing, const uint64_t *uids, size_t n);

/* Adds what users_custom_fields says of them: discounts, contract. */
enum db_status snapshot_load_fields(struct snapshot *snap, struct db *db,
    const struct billing *billing, const struct settings *set,
    const uint64_t *uids, size_t n);

/* Adds the removable discounts of theirs that somebody has ended since that
 * time of the database's clock. */
enum db_status snapshot_load_ended(struct snapshot *snap, struct db *db,
    const struct billing *billing, const struct settings *set,
    const uint64_t *uids, size_t n, const struct civil *since);

/* How many of a subscriber's were ended since that time. */
unsigned snapshot_ended(
    const struct snapshot *snap, uint64_t uid, const struct civil *since);

/* Adds the places of these subscribers in the network; of the switches what the
 * settings say where it stands. */
enum db_status snapshot_load_network(struct snapshot *snap, struct db *db,
    const struct billing *billing, const struct settings *set,
    const uint64_t *uids, size_t n);

/* NULL: not loaded, or there is no such subscriber. */
const struct network *
snapshot_network(const struct snapshot *snap, uint64_t uid);

/* Adds the rows of addons_pay_api of these subscribers that were touched since
 * that time of the database's clock. */
enum db_status snapshot_load_api(struct snapshot *snap, struct db *db,
    const struct billing *billing, const uint64_t *uids, size_t n,
    const struct civil *since);

/* Adds the traces of the staff near that time of the database's clock. */
enum db_status snapshot_load_traces(struct snapshot *snap, struct db *db,
    const struct billing *billing, const uint64_t *uids, size_t n,
    const struct civil *from, const struct civil *to);

/* Adds the staff members with these numbers. */
enum db_status snapshot_load_cashiers(struct snapshot *snap, struct db *db,
    const struct billing *billing, const uint64_t *ids, size_t n);

/* Adds the sessions of these subscribers that the billing sees online. */
enum db_status snapshot_load_online(struct snapshot *snap, struct db *db,
    const struct billing *billing, const uint64_t *uids, size_t n);

/* Adds the resets of these subscribers that belong to events behind that
 * one. */
enum db_status snapshot_load_resets(struct snapshot *snap, struct db *db,
    const uint64_t *uids, size_t n, uint64_t behind);

/* The subscriber; one in PLACE_NONE when there is none. Never NULL. */
const struct subscriber *
snapshot_find(const struct snapshot *snap, uint64_t uid);

/* The rows of addons_pay_api of a subscriber: the first, and how many. */
const struct api_row *
snapshot_api(const struct snapshot *snap, uint64_t uid, size_t *n);

/* The staff member, or NULL. */
const struct cashier *snapshot_cashier(const struct snapshot *snap, int64_t id);

/* The sessions of a subscriber: the first, and how many. */
const struct seen *
snapshot_seen(const struct snapshot *snap, uint64_t uid, size_t *n);

void snapshot_free(struct snapshot *snap);

#endif
