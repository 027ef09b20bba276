/*
 * settings: what the operator can choose.
 *
 * One table, settings_keys[], holds a row for each key: where it stands in
 * the file, its type, default, bounds and help. Reading, checking (mbevd -t)
 * and the sample file (mbevd --ini) are all made from it.
 */
#ifndef MBEV_SETTINGS_H
#define MBEV_SETTINGS_H

#include "bytes.h"
#include "channel.h"
#include "db.h"
#include "event.h"
#include "rules/quiet.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text_list {
    char **text; /* owned */
    size_t n;
};

/* Who is told about what: a section of the file each. */
enum notice_kind {
    NOTICE_PAYMENT,
    NOTICE_REFUND,
    NOTICE_API_PAYMENT,
    NOTICE_API_REFUND,
    NOTICE_CREDIT,
    NOTICE_CREDIT_LIMIT,
    NOTICE_TARIFF_CHANGE,   /* by the subscriber */
    NOTICE_TARIFF_BY_STAFF, /* by the staff */
    NOTICE_FREEZE,
    NOTICE_UNFREEZE,
    NOTICE_BLOCK,
    NOTICE_UNBLOCK,
    NOTICE_DELETE,
    NOTICE_REAL_IP,
    NOTICES
};

struct notice_settings {
    bool sms;
    bool social;
    struct route sms_route;
    struct route social_route;
    int64_t limit_kopecks; /* least amount; of a refund the greatest */
    int64_t after_ms;      /* time for the billing to finish its own work */
    struct hours quiet;
    char *text;
    char *social_text; /* "" = as text */
    struct text_list ending;
};

/* Years of a contract after which loyalty is worth more. */
enum { LOYALTY_STEPS = 3 };

struct bonus_settings {
    bool on;
    int64_t minimum_kopecks;        /* top-up: least payment */
    int64_t percent[LOYALTY_STEPS]; /* hundredths of a percent, by full years
                                       of the contract; top-up: the first */
    int64_t least_kopecks;          /* a smaller bonus is none */
    int64_t most_kopecks;           /* 0 = no bound */
    int64_t category;
    char *name;    /* of the category, when it is missing */
    char *comment; /* of the credit */
};

/* How to speak to a router. */
struct router_settings {
    char *transport; /* auto, ssh, api, api-tls, radius or off */
    int64_t port;    /* 0 = the transport's usual */
    int64_t connect_timeout_ms;
    int64_t timeout_ms; /* of one command */
    char *login_suffix;
    char *key_file; /* "" = password only */
    char *host_key; /* accept-new, strict or off */
    char *kex;      /* this and the next three: "" = the library's */
    char *hostkeys;
    char *ciphers;
    char *macs;
    char *api_login; /* plain or challenge */
    char *api_tls;   /* verify, anonymous or off */
};

/* An exception for one router: the usual settings but for what its line
 * says. */
struct special_router {
    char *address; /* radnas.nasname */
    struct router_settings set;
    int line; /* where it stands in the file */
};

struct settings {
    struct {
        char *host;
        int64_t port;
        char *socket;
        char *user;
        char *password;
        char *billing;
        char *events;
        char *config_xml;
    } database;
    struct {
        char *doorbell;
        char *state_dir;
        char *log_level;
        int64_t safety_poll_ms;
        int64_t lease_ms;
        int64_t stop_ms;
        int64_t batch;
        int64_t reconcile_ms; /* 0 = off */
        int64_t reconcile_window_ms;
        int64_t keep_ms;      /* 0 = for ever */
        char *control;        /* "" = no control socket */
        char *status_address; /* "" = no status page on a port */
        char *metrics_file;   /* "" = none */
        char *dry_run;        /* "" = none; see dry.h */
        bool share_work;      /* see share.h */
    } service;
    struct {
        bool moved_subscribers;
        int64_t backdated_ms;
        bool backdated_money;
        int64_t api_settle_ms;
        int64_t state_settle_ms;
        int64_t api_window_ms;
        int64_t api_wait_ms;
        char *tariff_origin;
        int64_t tariff_origin_window_ms;
    } billing;
    struct {
        char *name;
        char *site;
        char *cabinet;
        char *phone;
        char *signature;
        char *currency;
    } company;
    struct {
        char *not_sent;
        int64_t retry_first_ms;
        int64_t retry_longest_ms;
        int64_t expire_ms;
        int64_t hold_ms;
        char *time_zone;
        bool plan_at_provider;
    } notice;
    struct {
        char *url;
        char *api_key;
        char *sender;
        char *ca_file;
        int64_t connections;
        int64_t connect_timeout_ms;
        int64_t timeout_ms;
        int64_t datetime_offset_min;
    } smspilot;
    struct {
        struct text_list url;
        char *login;
        char *password;
        char *api_key;
        char *sender;
        char *social_extra;
        char *social_valid;
        char *id_style;
        char *ca_file;
        int64_t connections;
        int64_t connect_timeout_ms;
        int64_t timeout_ms;
        int64_t ask_after_ms;
    } smsc;
    struct {
        char *url;
        char *shop;
        char *secret;
        char *queue;
        char *version;
        char *sign_url; /* "" = as url */
        char *ca_file;
        int64_t connections;
        int64_t connect_timeout_ms;
        int64_t timeout_ms;
        int64_t rate; /* requests a second */
        int64_t retry_first_ms;
        int64_t retry_longest_ms;
        int64_t hold_ms;
    } komtet;
    struct notice_settings notices[NOTICES];
    struct bonus_settings bonus_topup;
    struct bonus_settings bonus_loyalty;
    struct {
        bool on[EVENT_KINDS];
        int64_t after_ms;
        struct text_list keys;
    } discounts;
    struct {
        bool payments;
        bool refunds;
        bool blocked; /* for subscribers in usersblok and usersdel, too */
        bool email;   /* in place of a phone */
        bool print;
        bool cashier;
        bool discount_member; /* v1 */
        int64_t after_ms;
        char *number_prefix;
        char *table;
        int64_t sno;
        char *vat;
        char *payment_type;
        char *calculation_method;
        char *calculation_subject;
        int64_t measure; /* v2 */
        char *name;
        char *address;       /* "" = left out */
        char *place_address; /* "" = left out */
        char *callback_url;  /* "" = left out */
        char *cashier_inn;   /* "required" or "optional" */
        char *id_member;     /* v1 */
        int64_t look_first_ms;
        int64_t look_longest_ms;
        int64_t alarm_ms;
    } receipt;
    struct {
        bool on;
        char *address;
        int64_t port;
        char *path;
        char *url;    /* "" = receipt.callback_url */
        int64_t rate; /* callbacks a second */
    } callback;
    struct {
        bool on[EVENT_KINDS];
        int64_t after_ms;
        int64_t expire_ms;
        int64_t repeat_within_ms;
        char *target; /* all or online */
    } session_reset;
    struct {
        char *program[EVENT_KINDS]; /* "" = none */
        char *tariff_by_staff;      /* "" = none */
        int64_t after_ms;
        int64_t expire_ms;
        int64_t timeout_ms;
        int64_t at_once;
        char *switch_table; /* "" = none; then the others say nothing */
        char *switch_key;
        char *switch_ip; /* columns of it; "" = none */
        char *switch_community;
        char *switch_snmp_port;
        char *switch_type;
    } exec;
    struct {
        char *url; /* "" = no event is handed on */
        char *secret;
        char *secret_before; /* "" = none */
        char *kinds;
        char *ca_file;
        int64_t connections;
        int64_t rate; /* requests a second */
        int64_t connect_timeout_ms;
        int64_t timeout_ms;
        int64_t attempts; /* 0 = without end */
        int64_t retry_first_ms;
        int64_t retry_longest_ms;
        int64_t hold_ms;
    } webhook;
    struct {
        char *brokers; /* "" = no event is handed on */
        char *topic;
        char *kinds;
        char *security;
        char *mechanism;
        char *user;
        char *password;
        char *ca_file;
        char *compression;
        int64_t at_once;
        int64_t timeout_ms;
        int64_t attempts; /* 0 = without end */
        int64_t retry_first_ms;
        int64_t retry_longest_ms;
        int64_t hold_ms;
    } kafka;
    struct {
        struct text_list nastypes;
        struct router_settings usual;
        int64_t connections;
        int64_t keep_ms;
        int64_t hold_first_ms;
        int64_t hold_longest_ms;
        int64_t hold_refused_ms;
        int64_t retry_first_ms;
        int64_t retry_longest_ms;
        char *known_hosts; /* "" = in service.state_dir */
        char *ca_file;
        char *source_address; /* "" = the system's choice */
        int64_t radius_tries;
        int64_t radius_wait_ms;
        bool radius_sign;
        struct text_list lines; /* exceptions as they stand in the file */
        struct special_router *special; /* the same, read; owned */
        size_t special_n;
    } routers;
};

enum key_type {
    KEY_TEXT,
    KEY_TEMPLATE, /* text with {fields} */
    KEY_TEXTS,    /* the key may be repeated: a list of templates */
    KEY_LIST,     /* the key may be repeated: a list of texts */
    KEY_BOOL,
    KEY_NUMBER,
    KEY_DURATION, /* stored in ms; "500 ms", "20 s", "5 min", "24 h" */
    KEY_MONEY,    /* stored in kopecks; "10.00" */
    KEY_PERCENT,  /* stored in hundredths; "5" or "2.5" */
    KEY_ROUTE,    /* "smspilot,smsc" */
    KEY_HOURS,    /* "23:00-10:00", or "no" */
};

/* What else is true of a key. */
enum {
    KEY_SECRET = 1,  /* is never shown; may be a credential: see settings_load()
                      */
    KEY_RESTART = 2, /* holds until the service is restarted; all others take
                        effect when the file is read again */
};

struct settings_key {
    const char *section;
    const char *name;
    enum key_type type;
    unsigned traits;
    size_t at;          /* offset in struct settings */
    const char *preset; /* default as it would stand in the file; several
                           values of a list are divided by newlines */
    int64_t min, max;   /* of numbers, durations, amounts */
    const char *fields; /* of templates: "login amount ..." */
    const char *help;
};

extern const struct settings_key settings_keys[];
extern const size_t settings_keys_n;

/* Sections and what stands above them in the sample file. */
struct settings_section {
    const char *name;
    const char *help;
};
extern const struct settings_section settings_sections[];
extern const size_t settings_sections_n;

/* Reads the file at path into *s, over the defaults, and the billing's own
 * config.xml where one is named. A secret may be "@credential:NAME", see
 * credential.h; one that stands in the file itself must not be everybody's to
 * read, and the file nobody's to write but its owner's. Everything that is
 * wrong is appended to *errors, one line each, as
 * "path:line: [section] key: what; cure". True when nothing was wrong. *s is
 * to be freed in any case. */
bool settings_load(struct settings *s, const char *path, struct bytes *errors);

/* The same for a reader of our database: each key is checked alone, not whether
 * the keys fit together. settings_database() may then be used, and a value that
 * means something by itself; it is the default where the file has none. */
bool settings_load_database(
    struct settings *s, const char *path, struct bytes *errors);

/* Told of a key that differs: its value before and now. stays: it takes effect
 * at a restart only. */
typedef void settings_differ(void *arg, const struct settings_key *key,
    const void *before, const void *now, bool stays);

/* Makes *now, just read, fit to replace *before while the service runs: tells
 * of each key that differs, and lets those keep their value that need a
 * restart. It is taken out of *before, which gets the new one: so their texts
 * stay where they are. */
void settings_replace(struct settings *before, struct settings *now,
    settings_differ *differ, void *arg);

/* Appends a value as it would stand in the file, those of a list with | between
 * them; of a secret, that it is one. */
void settings_print(
    struct bytes *out, const struct settings_key *key, const void *value);

/* The section of a kind of notice; a constant. */
const char *settings_notice_name(enum notice_kind kind);
/* NOTICES for any other name. */
enum notice_kind settings_notice_of(const char *section);

/* The exception for the router of this address (radnas.nasname), or the usual
 * settings. Stays with *s. */
const struct router_settings *
settings_router(const struct settings *s, const char *address);

/* The section of the first notice that may go by this channel; NULL when there
 * is none. */
const char *settings_user_of(const struct settings *s, enum channel channel);

/* Are discounts ever to be removed? */
bool settings_removes_discounts(const struct settings *s);

/* Is a session ever to be ended? */
bool settings_resets(const struct settings *s);

/* The longest that one may be under way to any router: a connection, the login
 * and one command. */
int64_t settings_longest_reset_ms(const struct settings *s);

/* Is it to be known who is online: to choose a router, or to name a session to
 * it? */
bool settings_needs_radacct(const struct settings *s);

/* How to reach our database; the texts stay with *s. */
struct db_settings settings_database(const struct settings *s);

void settings_free(struct settings *s);

/* Appends the commented sample file: conf/mbevd.ini. */
void settings_sample(struct bytes *out);

#endif
