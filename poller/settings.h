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
#include "db.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text_list {
    char **text; /* owned */
    size_t n;
};

/* What is told to a subscriber about one kind of event. */
struct notice_settings {
    bool sms;
    int64_t minimum_kopecks;
    char *text;
    struct text_list ending;
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
    } service;
    struct {
        bool moved_subscribers;
        int64_t backdated_ms;
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
    } notice;
    struct {
        char *url;
        char *api_key;
        char *sender;
        char *ca_file;
        int64_t connections;
        int64_t connect_timeout_ms;
        int64_t timeout_ms;
    } smspilot;
    struct notice_settings payment;
};

enum key_type {
    KEY_TEXT,
    KEY_TEMPLATE, /* text with {fields} */
    KEY_TEXTS,    /* the key may be repeated: a list of templates */
    KEY_BOOL,
    KEY_NUMBER,
    KEY_DURATION, /* stored in ms; "500 ms", "20 s", "5 min", "24 h" */
    KEY_MONEY,    /* stored in kopecks; "10.00" */
};

struct settings_key {
    const char *section;
    const char *name;
    enum key_type type;
    bool secret;
    size_t at;          /* offset in struct settings */
    const char *preset; /* default as it would stand in the file; several
                           values of a KEY_TEXTS are divided by newlines */
    int64_t min, max;   /* of numbers and durations */
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
 * config.xml where one is named. Everything that is wrong is appended to
 * *errors, one line each, as "path:line: [section] key: what; cure".
 * True when nothing was wrong. *s is to be freed in any case. */
bool settings_load(struct settings *s, const char *path, struct bytes *errors);

/* How to reach our database; the texts stay with *s. */
struct db_settings settings_database(const struct settings *s);

void settings_free(struct settings *s);

/* Appends the commented sample file: conf/mbevd.ini. */
void settings_sample(struct bytes *out);

#endif
