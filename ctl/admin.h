/*
 * admin: how install, upgrade and uninstall reach the database server: as its
 * administrator, by the words of the command line; and which billing they are
 * about.
 *
 * Without words: as root, by the server's socket on this host, without a
 * password. A password is never taken from the command line.
 */
#ifndef MBEV_CTL_ADMIN_H
#define MBEV_CTL_ADMIN_H

#include "ctl.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

enum { ADMIN_NAME = 256, ADMIN_PASSWORD = 512 };

struct admin {
    struct ctl *ctl;

    /* Words of the command line; NULL = not said. */
    const char *billing_word;
    const char *config_xml;
    const char *defaults_file;
    const char *socket;
    const char *host;
    const char *port_word;
    const char *user;
    const char *password_file;
    const char *sql_folder;
    const char *library_file;
    const char *wait_word;
    bool discard;    /* uninstall: also what is not done */
    bool service_ok; /* the service that acts is known to be new */

    unsigned port;
    int64_t wait_ms; /* how long a lock is waited for, try by try */
    char password[ADMIN_PASSWORD];

    /* The configuration of the service, as far as it can be read. */
    struct settings set;
    bool configured;        /* it was read, and nothing is wrong with it */
    char config_words[512]; /* else what is */

    char billing[ADMIN_NAME];
    char configured_billing[ADMIN_NAME]; /* what the configuration says */
    struct db_settings db_settings;
    struct db *db; /* open, no default database */
};

/* A further connection of the administrator. */
struct link {
    struct db_settings settings;
    struct db *db;
};

/* Reads the words, the configuration and a password, and connects. EX_OK, or
 * what was said on standard error; to be closed in any case. */
int admin_open(struct admin *a, struct ctl *ctl);
void admin_close(struct admin *a);

/* Finds the billing: by the words, by what is installed, by the configuration,
 * or as the only one there is. Codes as above. */
int admin_find_billing(struct admin *a);

/* Connects once more; database: the default one, NULL = none; answer_s as of
 * db_settings. False: said. The link is to be closed in any case. */
bool admin_link(const struct admin *a, struct link *link, const char *database,
    unsigned answer_s, db_progress *progress, void *arg);
void link_close(struct link *link);

/* Says on standard error what the server refused. Returns EX_UNAVAILABLE. */
int admin_failed(const struct db *db);

/* Asks for one text or number; "" and 0, and false, when there is no row, or
 * it is NULL, or the server refuses. */
bool admin_text(struct db *db, const char *sql, char *out, size_t size);
uint64_t admin_number(struct db *db, const char *sql);

/* Appends the table of the billing, with both names in backticks. */
void admin_table(struct bytes *sql, const struct admin *a, const char *table);

/* Waits so long, or until a signal comes, such as Ctrl-C. */
void admin_pause_ms(int64_t ms);

#endif
