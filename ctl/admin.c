/* admin: see admin.h. */
#include "admin.h"

#include "config_xml.h"

#include <errmsg.h>
#include <errno.h>
#include <mysqld_error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum {
    WEEK_S = 7 * 24 * 3600, /* an ALTER of a large table takes long */
    DEFAULT_WAIT_S = 60,
    MOST_WAIT_S = 24 * 3600,
    MOST_PORT = 65535,
    LARGEST_ERRORS = 64 * 1024,
    LARGEST_SQL = 16 * 1024
};

/* --- words --------------------------------------------------------------- */

#define WORD(member) offsetof(struct admin, member)

static const struct option {
    const char *name;
    size_t at;
    bool flag; /* it has no value */
} options[] = {
    { "--billing", WORD(billing_word), false },
    { "--config-xml", WORD(config_xml), false },
    { "--defaults-file", WORD(defaults_file), false },
    { "--socket", WORD(socket), false },
    { "--host", WORD(host), false },
    { "--port", WORD(port_word), false },
    { "--user", WORD(user), false },
    { "--password-file", WORD(password_file), false },
    { "--sql", WORD(sql_folder), false },
    { "--library", WORD(library_file), false },
    { "--wait", WORD(wait_word), false },
    { "--discard", WORD(discard), true },
    { "--service-ok", WORD(service_ok), true },
};

static const struct option *
find_option(const char *name)
{
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (strcmp(options[i].name, name) == 0)
            return &options[i];
    return NULL;
}

/* NULL, or what is wrong. */
static const char *
read_words(struct admin *a)
{
    struct ctl *ctl = a->ctl;

    for (int i = 0; i < ctl->argc; i++) {
        const struct option *option = find_option(ctl->argv[i]);

        if (!option)
            return "it does not understand its words";
        if (option->flag) {
            *(bool *)((char *)a + option->at) = true;
        } else {
            if (++i >= ctl->argc || !*ctl->argv[i])
                return "an option needs its value";
            *(const char **)((char *)a + option->at) = ctl->argv[i];
        }
    }
    return NULL;
}

static bool
read_number(const char *word, long least, long most, long *out)
{
    char *end;

    if (!word)
        return true;
    errno = 0;
    *out = strtol(word, &end, 10);
    return errno == 0 && end != word && *end == '\0' && *out >= least &&
           *out <= most;
}

static const char *
read_numbers(struct admin *a)
{
    long port = 0, wait_s = DEFAULT_WAIT_S;

    if (!read_number(a->port_word, 1, MOST_PORT, &port))
        return "--port is a number from 1 to 65535";
    if (!read_number(a->wait_word, 0, MOST_WAIT_S, &wait_s))
        return "--wait is a number of seconds, 86400 at most";
    if (a->port_word && !a->host)
        return "--port needs --host";
    if (a->host && a->socket)
        return "--host and --socket exclude each other";
    a->port = (unsigned)port;
    a->wait_ms = wait_s * 1000;
    return NULL;
}

/* --- the password -------------------------------------------------------- */

static int
read_password_file(struct admin *a)
{
    FILE *file = fopen(a->password_file, "re");
    bool read = file && fgets(a->password, sizeof a->password, file);

    if (!read)
        fprintf(stderr, "mbevctl: %s: no password can be read there: %s\n",
            a->password_file, file ? "the file is empty" : strerror(errno));
    if (file)
        fclose(file);
    a->password[strcspn(a->password, "\r\n")] = '\0';
    return read ? EX_OK : EX_NOINPUT;
}

/* At the terminal, without showing it. */
static int
ask_password(struct admin *a)
{
    struct termios shown, hidden;
    bool read;

    if (tcgetattr(STDIN_FILENO, &shown) != 0) {
        fputs("mbevctl: there is no terminal to ask for the password at: say"
              " --password-file or --defaults-file\n",
            stderr);
        return EX_USAGE;
    }
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    fprintf(stderr, "password of %s: ", a->user);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
    read = fgets(a->password, sizeof a->password, stdin) != NULL;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
    fputc('\n', stderr);
    a->password[strcspn(a->password, "\n")] = '\0';
    return read ? EX_OK : EX_NOPERM;
}

/* Who names an account has a password; root by the socket needs none, nor does
 * who has an option file. */
static int
get_password(struct admin *a)
{
    if (a->password_file)
        return read_password_file(a);
    return a->user && !a->defaults_file ? ask_password(a) : EX_OK;
}

/* --- connections --------------------------------------------------------- */

static const char *
or_empty(const char *word)
{
    return word ? word : "";
}

/* What the words do not say, the option file does; without one it is root. */
static struct db_settings
make_settings(const struct admin *a)
{
    return (struct db_settings){ .host = or_empty(a->host),
        .port = a->port,
        .socket = or_empty(a->socket),
        .user = a->user || a->defaults_file ? or_empty(a->user) : "root",
        .password = a->password,
        .database = "",
        .answer_s = WEEK_S,
        .defaults_file = a->defaults_file };
}

/* The socket of the service's configuration is the server's, too. */
static void
use_configured_socket(struct admin *a)
{
    if (!a->host && !a->socket && !a->defaults_file && a->configured &&
        !*a->set.database.host && *a->set.database.socket)
        a->socket = a->set.database.socket;
}

int
admin_failed(const struct db *db)
{
    unsigned number = db_errno(db);

    fprintf(stderr, "mbevctl: the database %s: ",
        number >= CR_MIN_ERROR ? "is away" : "refuses");
    text_print(stderr, db_error(db));
    if (number == ER_ACCESS_DENIED_ERROR ||
        number == ER_ACCESS_DENIED_NO_PASSWORD_ERROR)
        fputs("; run it with sudo, or name the administrator's account: "
              "--defaults-file, or --user and --password-file",
            stderr);
    else if (number >= CR_MIN_ERROR)
        fputs("; does the server run? Name its --socket, or --host", stderr);
    fputc('\n', stderr);
    return EX_UNAVAILABLE;
}

bool
admin_link(const struct admin *a, struct link *link, const char *database,
    unsigned answer_s, db_progress *progress, void *arg)
{
    link->settings = a->db_settings;
    link->settings.database = or_empty(database);
    if (answer_s)
        link->settings.answer_s = answer_s;
    link->db = db_make(&link->settings);
    if (!link->db) {
        fputs("mbevctl: out of memory\n", stderr);
        return false;
    }
    if (progress)
        db_on_progress(link->db, progress, arg);
    if (db_open(link->db) == DB_OK)
        return true;
    admin_failed(link->db);
    return false;
}

void
link_close(struct link *link)
{
    db_close(&link->db);
}

bool
admin_text(struct db *db, const char *sql, char *out, size_t size)
{
    struct db_rows *rows;
    bool there;

    *out = '\0';
    if (db_ask(db, sql, &rows) != DB_OK)
        return false;
    there = db_next(rows) && db_col(rows, 0);
    if (there)
        snprintf(out, size, "%s", db_col(rows, 0));
    db_rows_close(&rows);
    return there;
}

uint64_t
admin_number(struct db *db, const char *sql)
{
    char text[32];

    return admin_text(db, sql, text, sizeof text) ? strtoull(text, NULL, 10)
                                                  : 0;
}

void
admin_table(struct bytes *sql, const struct admin *a, const char *table)
{
    db_name(sql, a->billing);
    bytes_chr(sql, '.');
    db_name(sql, table);
}

/* --- the whole ----------------------------------------------------------- */

static void
read_settings(struct admin *a)
{
    struct bytes errors = bytes_make(LARGEST_ERRORS);

    a->configured = settings_load_database(&a->set, a->ctl->config, &errors);
    snprintf(a->config_words, sizeof a->config_words, "%.*s",
        (int)strcspn(bytes_text(&errors), "\n"), bytes_text(&errors));
    bytes_free(&errors);
    a->ctl->set = &a->set;
}

int
admin_open(struct admin *a, struct ctl *ctl)
{
    const char *wrong;
    int code;

    *a = (struct admin){ .ctl = ctl };
    read_settings(a);
    wrong = read_words(a);
    if (!wrong)
        wrong = read_numbers(a);
    if (wrong)
        return ctl_complain(ctl, wrong);
    code = get_password(a);
    if (code != EX_OK)
        return code;
    use_configured_socket(a);
    a->db_settings = make_settings(a);
    a->db = db_make(&a->db_settings);
    if (!a->db)
        return EX_OSERR;
    /* It is idle while a large table is altered. */
    if (db_open(a->db) != DB_OK ||
        db_exec(a->db, "SET SESSION wait_timeout = 604800") != DB_OK)
        return admin_failed(a->db);
    return EX_OK;
}

void
admin_close(struct admin *a)
{
    db_close(&a->db);
    a->ctl->set = NULL;
    settings_free(&a->set);
    explicit_bzero(a->password, sizeof a->password);
}

/* --- the billing --------------------------------------------------------- */

/* Schemas that have the two tables. */
#define BILLINGS                                                               \
    "SELECT TABLE_SCHEMA FROM information_schema.TABLES"                       \
    " WHERE TABLE_NAME IN ('bugh_plategi_stat', 'users')"                      \
    " GROUP BY TABLE_SCHEMA HAVING COUNT(*) = 2"

static int
read_config_xml(struct admin *a)
{
    struct config_xml x;
    const char *wrong = config_xml_read(&x, a->config_xml);

    if (!wrong) {
        snprintf(a->billing, sizeof a->billing, "%s", x.dbname);
        config_xml_free(&x);
        if (!*a->billing)
            wrong = "it has no parameters/mysql/dbname; say --billing";
    }
    if (wrong)
        fprintf(stderr, "mbevctl: %s: %s\n", a->config_xml, wrong);
    return wrong ? EX_CONFIG : EX_OK;
}

static bool
has_billing(const struct admin *a, const char *name)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    bool has;

    bytes_str(&sql,
        "SELECT COUNT(*) FROM (" BILLINGS ") AS found WHERE TABLE_SCHEMA = ");
    db_text(&sql, name);
    has = admin_number(a->db, bytes_text(&sql)) > 0;
    bytes_free(&sql);
    return has;
}

/* One that the configuration names, not one that it leaves to the default. */
static bool
is_configured(const struct admin *a)
{
    return a->configured &&
           (*a->set.database.config_xml ||
               strcmp(a->set.database.billing, "mikbill") != 0);
}

static int
find_only_one(struct admin *a)
{
    struct db_rows *rows;
    int code = EX_OK;

    if (db_ask(a->db, BILLINGS " ORDER BY 1", &rows) != DB_OK)
        return admin_failed(a->db);
    if (db_rows_count(rows) == 1 && db_next(rows)) {
        snprintf(a->billing, sizeof a->billing, "%s", db_col(rows, 0));
    } else if (db_rows_count(rows) == 0) {
        fputs("mbevctl: this server has no MikBill billing: no database with"
              " bugh_plategi_stat and users. Is it another server? Name its"
              " --host or --socket\n",
            stderr);
        code = EX_NOINPUT;
    } else {
        fputs("mbevctl: which billing is it? Say --billing NAME:", stderr);
        while (db_next(rows)) {
            fputc(' ', stderr);
            text_print(stderr, db_col(rows, 0));
        }
        fputc('\n', stderr);
        code = EX_DATAERR;
    }
    db_rows_close(&rows);
    return code;
}

static int
find_name(struct admin *a)
{
    if (a->billing_word)
        snprintf(a->billing, sizeof a->billing, "%s", a->billing_word);
    else if (a->config_xml)
        return read_config_xml(a);
    else if (admin_text(a->db,
                 "SELECT billing FROM mikbill_events.installation LIMIT 1",
                 a->billing, sizeof a->billing))
        return EX_OK;
    else if (is_configured(a) && has_billing(a, a->set.database.billing))
        snprintf(a->billing, sizeof a->billing, "%s", a->set.database.billing);
    else
        return find_only_one(a);
    return EX_OK;
}

/* What the checks go by. */
static bool
use_billing(struct admin *a)
{
    char *name = strdup(a->billing);

    snprintf(a->configured_billing, sizeof a->configured_billing, "%s",
        a->set.database.billing);
    if (!name)
        return false;
    free(a->set.database.billing);
    a->set.database.billing = name;
    return true;
}

int
admin_find_billing(struct admin *a)
{
    int code = find_name(a);

    if (code != EX_OK)
        return code;
    if (!has_billing(a, a->billing)) {
        fputs("mbevctl: ", stderr);
        text_print(stderr, a->billing);
        fputs(" is no MikBill billing of this server: it has no tables"
              " bugh_plategi_stat and users. Name the billing: --billing\n",
            stderr);
        return EX_NOINPUT;
    }
    return use_billing(a) ? EX_OK : EX_OSERR;
}

void
admin_pause_ms(int64_t ms)
{
    struct timespec pause = { .tv_sec = ms / 1000,
        .tv_nsec = ms % 1000 * 1000000 };

    nanosleep(&pause, NULL);
}
