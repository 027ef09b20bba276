/*
 * engine: the loop, and what its duties share.
 *
 *   outbox --ingest--> event + delivery --claim--> lane --> provider
 *                                          settle <--/
 *
 * One thread, one database connection. Each duty has its file and does one
 * transaction at a time; whatever a transaction did not commit is found and
 * done again from what the tables say.
 */
#ifndef MBEV_ENGINE_H
#define MBEV_ENGINE_H

#include "actions/action.h"
#include "billing.h"
#include "db.h"
#include "delivery.h"
#include "edition.h"
#include "head.h"
#include "http.h"
#include "journal.h"
#include "kafka.h"
#include "lane.h"
#include "late.h"
#include "low.h"
#include "meter.h"
#include "orders.h"
#include "owner.h"
#include "page.h"
#include "pulse.h"
#include "retain.h"
#include "ripe.h"
#include "routers/fleet.h"
#include "runner.h"
#include "settings.h"
#include "share.h"
#include "supervise.h"
#include "trouble.h"
#include "wake.h"
#include "zone.h"

#include <stdbool.h>
#include <stdint.h>

enum { SHUNNED = 16 };

/* A pause of work for which something was locked. */
struct rest {
    int64_t until_us; /* boot clock */
    int64_t pause_us; /* how long it is, or was; 0 = the last try went well */
};

/* What it does, in the operator's view; in the last two it has a connection. */
enum pose {
    POSE_BEGINS, /* it did not reach the database yet */
    POSE_WAITS,  /* for the database, which is away or refuses */
    POSE_STANDS_BY,
    POSE_ACTS,
};

struct engine {
    struct editions *editions;
    const struct settings *set; /* in force */
    bool once;                  /* until nothing is due any more */
    struct db *db;
    struct http *http;
    struct lane *lane[LANES]; /* NULL for LANE_DECIDE */
    struct fleet *fleet;      /* belongs to its lane */
    struct runner *runner;    /* the same */
    struct kafka *kafka;      /* the same */
    struct zone zone;         /* of the quiet hours */
    struct owner owner;
    struct share share;
    struct wake wake;
    struct journal journal; /* open when the server's commits need it */
    struct billing billing;
    struct ripe ripe;
    struct late late;
    struct retain retain;
    struct orders orders;   /* of the operator */
    struct low low;         /* of the outbox */
    struct trouble trouble; /* with the database, as far as it was told */
    struct supervise supervise;
    uint32_t dice; /* see dice.h */

    struct head head[LANES];
    bool backlog[LANES]; /* more deliveries may be due than were taken */
    bool hurry[LANES];   /* its hold was ended: see reload.h */
    int64_t due_us;      /* boot clock: when deliveries may be due next... */
    int64_t look_us;     /* ... and before which it is not looked again */
    int64_t settle_us; /* boot clock: results that met a lock wait until then */
    struct rest deciding; /* something holds tables of the billing: nothing is
                             decided until then... */
    struct rest resets;   /* ... no reset is decided... */
    struct rest routers;  /* ... and none is claimed */
    struct rest removing; /* nothing old is removed */
    int64_t radacct_us;   /* boot clock: until then radacct is not read */
    struct {
        uint64_t id[SHUNNED]; /* deliveries that somebody holds */
        size_t n;
        int64_t until_us; /* boot clock */
    } shunned;
    struct {
        bool known;
        int64_t apart_us; /* the server's clock, less our boot clock */
        int64_t look_us;  /* boot clock: when to compare them again */
    } jump;
    int64_t check_us;      /* boot clock: when to look at the server again */
    int64_t recover_us;    /* boot clock: when something that another host's
                              service has begun is over; INT64_MAX = nothing */
    struct follow *follow; /* see follow.h */
    struct callback *callback;   /* see callback.h */
    struct page *page;           /* see page.h */
    struct reconcile *reconcile; /* see reconcile.h */
    struct delivery_list unsure; /* in calling, but perhaps not committed:
                                    never started, to be given back */
    int64_t unsure_us; /* boot clock: they wait for a lock until then */
    struct delivery_list results;         /* ended, not settled yet */
    bool idle;                            /* nothing new came in this round */
    uint64_t sent, done, skipped, failed; /* since the start */
    struct meter meter;                   /* the same in detail */
    struct pulse pulse;

    char why[512]; /* the database's words for the failure that counts in this
                      round, see engine_keep_first(); "" = it did not fail */
    unsigned why_number;
    bool told_acting; /* since another service acted */
    enum pose pose;
    bool bad_file; /* the last reload changed nothing */
};

/* Runs until told to stop, or with once until nothing is due any more. By the
 * settings in force, which a SIGHUP reads again. Returns the exit code of the
 * process. */
int engine_run(struct editions *editions, bool once);

/* Our row of table owner is to change: takes it anew, with all that follows
 * from it. */
enum db_status engine_take_up_again(struct engine *e);

/* Of several failures the first counts, but that the connection is gone counts
 * most. To be called at once: the server's words are kept with it. */
void engine_keep_first(
    struct engine *e, enum db_status *first, enum db_status status);

/* Keeps the words of the last statement, unless it went well: before others run
 * that find out more. */
void engine_keep_words(struct engine *e);

/* Complains of receipts that are wanted and cannot be sent as long as something
 * is not filled in. */
void engine_complain_lacking(const struct engine *e);
/* The database's clock, microseconds since 1970 UTC; 0 = not known. */
int64_t engine_server_us(const struct engine *e);

/* --- duties ---------------------------------------------------------- */

/* ingest.c: moves one batch from the outbox into events and deliveries, and
 * starts what can be started. *taken is how many rows it moved. */
enum db_status ingest_batch(struct engine *e, size_t *taken);

/* An action to be decided about an event. Texts belong to the asker. */
struct question {
    const struct event *event;
    const struct action *action;
    const char *identity; /* of the event, see event.h */
    const char *captured; /* by the database's clock */
    const char *captured_utc;
    int64_t age_ms;       /* since then */
    uint64_t event_id;    /* 0 = not stored yet */
    uint64_t delivery_id; /* the undecided row; 0 = not stored yet */
    unsigned crashes;     /* of the service, for which it is set aside; or 0 */
    bool dry;             /* it is only decided and recorded: see dry.h */
};

/* decide.c: decides n questions with one look at the billing. The deliveries
 * say by their member event which question they answer. */
enum db_status decide_all(struct engine *e, const struct question *q, size_t n,
    struct delivery_list *out);

/* decide.c: decides what has fallen due, does its work in the billing and
 * starts its calls. */
enum db_status decide_due(struct engine *e);

/* claim.c: does whatever has fallen due: decides, takes deliveries as many as
 * the lanes have room for, commits their attempt and starts them. */
enum db_status claim_due(struct engine *e);

/* claim.c: whether there is reason to do that now, and when there is next
 * (boot clock) if no lane has a backlog. */
bool claim_is_due(const struct engine *e);
int64_t claim_due_us(const struct engine *e);

/* claim.c: how many calls may begin now in a lane. */
size_t claim_room(const struct engine *e, enum lane_id lane);

/* claim.c: notes that deliveries may be due at us (boot clock). */
void claim_due_by(struct engine *e, int64_t us);

/* claim.c: begins a pause: each try may cost the lock wait, in which nothing
 * else is done, so each pause is twice as long as the last, from 5 s up to a
 * minute. Returns its length in seconds. */
long long claim_rest(struct engine *e, struct rest *rest);

/* claim.c: leaves a delivery alone for a while: somebody holds its row. who:
 * says so in the log. */
void claim_shun(struct engine *e, uint64_t delivery_id, const char *who);

/* claim.c: appends the ids of those, each behind a comma. */
void claim_add_shunned(struct bytes *sql, const struct engine *e);

/* claim.c: chooses the states of new deliveries: what can be started at once is
 * born in state calling; what was captured too long ago has expired. */
void claim_choose(struct engine *e, struct delivery_list *list);

/* claim.c: notes in the journal that the delivery's attempt was certainly not
 * taken. */
void claim_free(struct engine *e, const struct delivery *d);

/* claim.c: starts deliveries whose attempt has just been committed. */
enum db_status claim_start(struct engine *e, struct delivery_list *list);

/* claim.c: after new rows of deliveries were committed: starts those in state
 * calling, tells of those that came to their end, frees all. */
enum db_status claim_go_on(struct engine *e, struct delivery_list *list);

/* claim.c: the answer to their COMMIT never came: what was to be started is
 * not started but given back; frees the others. */
void claim_doubt(struct engine *e, struct delivery_list *list);

/* claim.c: gives back what was perhaps committed but never started. */
enum db_status claim_give_back(struct engine *e);

/* settle.c: records the results of ended calls, with their sms_logs rows. */
enum db_status settle_results(struct engine *e);

/* jump.c: notices when the server's clock was set, and mends what would wait
 * too long for it. */
enum db_status jump_look(struct engine *e);

/* janitor.c: after a takeover, settles what an earlier owner left in state
 * calling: at once when that was a service of this host, which is dead, else as
 * soon as no call of it can be under way any more. */
enum db_status janitor_recover(struct engine *e);

/* janitor.c: keeps the lease of an idle service: renews it at this time (boot
 * clock, microseconds). */
int64_t janitor_renew_us(const struct engine *e);
enum db_status janitor_renew(struct engine *e);

#endif
