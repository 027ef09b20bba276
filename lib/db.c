/* db: see db.h. */
#include "db.h"

#include "fault.h"

#include <errmsg.h>
#include <inttypes.h>
#include <mysql.h>
#include <mysqld_error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    CONNECT_S = 5,
    LARGEST_FIRST = 4096,
    ANSWER_S = 30,
    CLIENT_INTERACTION_TIMEOUT = 4031, /* MySQL 8: idle for too long */
    LOCK_NOWAIT = 3572,                /* MySQL 8: held, and not to wait */
};

struct db {
    const struct db_settings *settings;
    MYSQL *my; /* NULL while closed */
    uint64_t matched;
    uint64_t matched_first;
    uint64_t matched_all;
    uint64_t insert_id_first;
    uint64_t insert_id;
    uint64_t id_step;
    bool in_cluster;
    unsigned number;
    char text[512];
    struct {
        struct bytes sql; /* empty: nothing waits */
        unsigned n;
        void (*none)(void *arg);
        void *arg;
    } first;               /* what waits for the next packet */
    bool in_first;         /* the last error was about that */
    db_progress *progress; /* NULL: nobody wants to know */
    void *progress_arg;
};

struct db_rows {
    MYSQL_RES *res;
    MYSQL_ROW row;
    unsigned long *len;
};

static char userdata[] = "mbev";

static const char session_setup[] =
    "SET SESSION sql_mode='', autocommit=1, innodb_lock_wait_timeout=2,"
    " lock_wait_timeout=2, wait_timeout=600;"
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;";

struct db *
db_make(const struct db_settings *settings)
{
    struct db *db = calloc(1, sizeof *db);

    if (db) {
        db->settings = settings;
        db->id_step = 1;
        db->first.sql = bytes_make(LARGEST_FIRST);
    }
    return db;
}

static void
hang_up(struct db *db)
{
    if (db->my)
        mysql_close(db->my);
    db->my = NULL;
    bytes_clear(&db->first.sql);
}

void
db_close(struct db **db)
{
    if (!*db)
        return;
    hang_up(*db);
    bytes_free(&(*db)->first.sql);
    free(*db);
    *db = NULL;
}

const char *
db_error(const struct db *db)
{
    return db->text;
}

unsigned
db_errno(const struct db *db)
{
    return db->number;
}

bool
db_backslash_is_plain(const struct db *db)
{
    return db->my &&
           (db->my->server_status & SERVER_STATUS_NO_BACKSLASH_ESCAPES) != 0;
}

static bool
read_peer(const struct db *db, struct ucred *peer)
{
    struct sockaddr_storage addr = { .ss_family = AF_UNSPEC };
    socklen_t addr_size = sizeof addr;
    socklen_t size = sizeof *peer;
    int fd = db->my ? (int)mysql_get_socket(db->my) : -1;

    return fd >= 0 &&
           getpeername(fd, (struct sockaddr *)&addr, &addr_size) == 0 &&
           addr.ss_family == AF_UNIX &&
           getsockopt(fd, SOL_SOCKET, SO_PEERCRED, peer, &size) == 0;
}

bool
db_peer(const struct db *db, uid_t *uid)
{
    struct ucred peer;

    if (!read_peer(db, &peer))
        return false;
    *uid = peer.uid;
    return true;
}

pid_t
db_peer_pid(const struct db *db)
{
    struct ucred peer;

    return read_peer(db, &peer) ? peer.pid : 0;
}

void
db_on_progress(struct db *db, db_progress *progress, void *arg)
{
    db->progress = progress;
    db->progress_arg = arg;
}

bool
db_is_held(const struct db *db)
{
    return !db->in_first &&
           (db->number == ER_LOCK_WAIT_TIMEOUT || db->number == LOCK_NOWAIT);
}

static enum db_status
classify(unsigned number)
{
    switch (number) {
    case 0:
        return DB_OK;
    case CR_SERVER_GONE_ERROR:
    case CR_SERVER_LOST:
    case CR_SERVER_LOST_EXTENDED:
    case CR_CONNECTION_ERROR:
    case CR_CONN_HOST_ERROR:
    case CR_COMMANDS_OUT_OF_SYNC:
    case CR_OUT_OF_MEMORY: /* what it could not keep is not read to its end */
    case CR_MALFORMED_PACKET:
    case CR_SSL_CONNECTION_ERROR:
    case ER_NET_PACKET_TOO_LARGE:
    case ER_NET_READ_ERROR:
    case ER_NET_READ_INTERRUPTED:
    case ER_NET_ERROR_ON_WRITE:
    case ER_NET_WRITE_INTERRUPTED:
    case CLIENT_INTERACTION_TIMEOUT:
    case ER_SERVER_SHUTDOWN:
    case ER_NORMAL_SHUTDOWN:
    case ER_CONNECTION_KILLED:
    case ER_UNKNOWN_COM_ERROR: /* a node that is not in its cluster */
        return DB_GONE;
    case ER_LOCK_DEADLOCK:
    case ER_LOCK_WAIT_TIMEOUT:
    case LOCK_NOWAIT:
    case ER_QUERY_INTERRUPTED:
    case ER_STATEMENT_TIMEOUT:
        return DB_BUSY;
    case ER_DUP_ENTRY:
        return DB_DUPLICATE;
    default:
        return DB_REFUSED;
    }
}

/* Keeps the connection's error and says what it means. */
static enum db_status
failed(struct db *db)
{
    enum db_status status;

    db->number = mysql_errno(db->my);
    snprintf(
        db->text, sizeof db->text, "%u %s", db->number, mysql_error(db->my));
    status = classify(db->number);
    if (status == DB_GONE)
        hang_up(db);
    return status == DB_OK ? DB_REFUSED : status;
}

static enum db_status
closed(struct db *db)
{
    db->number = CR_SERVER_GONE_ERROR;
    snprintf(db->text, sizeof db->text, "not connected");
    return DB_GONE;
}

static const char *
or_null(const char *s)
{
    return *s ? s : NULL;
}

/* What the library calls; the connection's own data leads back to us. */
static void
on_progress(const MYSQL *my, unsigned stage, unsigned stages, double percent,
    const char *what, unsigned what_n)
{
    union {
        const MYSQL *told;
        MYSQL *asked;
    } mine = { .told = my }; /* it is not changed by a question */
    void *found = NULL;

    (void)what;
    (void)what_n;
    mysql_get_optionv(mine.asked, MARIADB_OPT_USERDATA, userdata, &found);
    if (found) {
        struct db *db = found;

        db->progress(db->progress_arg, stage, stages, percent);
    }
}

static MYSQL *
prepare(struct db *db)
{
    const struct db_settings *settings = db->settings;
    MYSQL *my = mysql_init(NULL);
    unsigned connect_s = CONNECT_S, no = 0;
    unsigned read_s = settings->answer_s ? settings->answer_s : ANSWER_S;

    if (!my)
        return NULL;
    mysql_options(my, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    mysql_options(my, MYSQL_OPT_CONNECT_TIMEOUT, &connect_s);
    mysql_options(my, MYSQL_OPT_READ_TIMEOUT, &read_s);
    mysql_options(my, MYSQL_OPT_WRITE_TIMEOUT, &read_s);
    mysql_options(my, MYSQL_OPT_LOCAL_INFILE, &no);
    if (settings->defaults_file) {
        mysql_options(my, MYSQL_READ_DEFAULT_FILE, settings->defaults_file);
        mysql_options(my, MYSQL_READ_DEFAULT_GROUP, "mysql");
    }
    if (db->progress) {
        mysql_optionsv(my, MARIADB_OPT_USERDATA, userdata, (void *)db);
        mysql_optionsv(my, MYSQL_PROGRESS_CALLBACK, on_progress);
    }
    return my;
}

/* The step from one id to the next, and whether others may change it. */
static enum db_status
learn_step(struct db *db)
{
    struct db_rows *rows;
    enum db_status status = db_ask(db,
        "SHOW VARIABLES WHERE Variable_name IN ('auto_increment_increment',"
        " 'wsrep_on')",
        &rows);

    if (status != DB_OK)
        return status;
    db->in_cluster = false;
    while (db_next(rows)) {
        if (strcmp(db_col(rows, 0), "wsrep_on") == 0)
            db->in_cluster = strcmp(db_col(rows, 1), "ON") == 0;
        else
            db->id_step = db_uint(rows, 1);
    }
    db_rows_close(&rows);
    return DB_OK;
}

enum db_status
db_keep_step(struct db *db)
{
    uint64_t step = db->id_step;
    enum db_status status = db->in_cluster ? learn_step(db) : DB_OK;

    return status == DB_OK && db->id_step != step ? DB_BUSY : status;
}

enum db_status
db_open(struct db *db)
{
    const struct db_settings *s = db->settings;
    enum db_status status;

    hang_up(db);
    db->my = prepare(db);
    if (!db->my)
        return closed(db);
    if (!mysql_real_connect(db->my, or_null(s->host), or_null(s->user),
            or_null(s->password), or_null(s->database), s->port,
            or_null(s->socket), CLIENT_FOUND_ROWS | CLIENT_MULTI_STATEMENTS)) {
        status = failed(db);
        hang_up(db);
        return status;
    }
    status = db_exec(db, session_setup);
    return status == DB_OK ? learn_step(db) : status;
}

/* Reads the answer of one statement, without its rows. */
static enum db_status
read_answer(struct db *db)
{
    MYSQL_RES *res = mysql_store_result(db->my);

    if (res)
        mysql_free_result(res);
    else if (mysql_field_count(db->my) != 0)
        return failed(db);
    db->matched = mysql_affected_rows(db->my);
    if (mysql_insert_id(db->my))
        db->insert_id = mysql_insert_id(db->my);
    if (!db->insert_id_first)
        db->insert_id_first = db->insert_id;
    return DB_OK;
}

/* Reads the answers of all statements sent, to the last. first: how many of
 * them came first; *none: the last of these matched no row. */
static enum db_status
drain(struct db *db, unsigned first, bool *none)
{
    enum db_status status;
    unsigned n = 0;
    int more;

    do {
        status = read_answer(db);
        if (++n == first)
            *none = db->matched == 0;
        else if (n > first)
            db->matched_all += db->matched;
        if (n == first + 1)
            db->matched_first = db->matched;
        more = status == DB_OK ? mysql_next_result(db->my) : -1;
    } while (more == 0);
    if (more > 0)
        status = failed(db);
    if (status != DB_OK)
        db->insert_id_first = db->insert_id = 0;
    db->in_first = status != DB_OK && n < first;
    return status;
}

static enum db_status
out_of_bounds(struct db *db)
{
    db->number = 0;
    snprintf(db->text, sizeof db->text, "the statement is too large");
    return DB_REFUSED;
}

static enum db_status
send_text(struct db *db, const char *sql, size_t n)
{
    db->number = 0;
    db->text[0] = '\0';
    db->in_first = false;
    db->matched = db->matched_first = db->matched_all = 0;
    db->insert_id_first = db->insert_id = 0;
    if (fault_fails("db.send"))
        hang_up(db);
    if (!db->my)
        return closed(db);
    return mysql_real_query(db->my, sql, n) == 0 ? DB_OK : failed(db);
}

static enum db_status
run_text(struct db *db, const char *sql, size_t n, unsigned first)
{
    enum db_status status = send_text(db, sql, n);
    bool none = false;

    if (status == DB_OK)
        status = drain(db, first, &none);
    if (status == DB_OK && fault_fails("db.sent")) {
        hang_up(db);
        status = closed(db);
    }
    if (status == DB_GONE || !none)
        return status;
    db->number = 0;
    snprintf(db->text, sizeof db->text, "somebody else has the right to act");
    db->first.none(db->first.arg);
    return DB_REFUSED;
}

void
db_put_first(struct db *db, struct bytes *sql, unsigned n,
    void (*none)(void *arg), void *arg)
{
    bytes_free(&db->first.sql);
    db->first.sql = *sql;
    *sql = bytes_make(0);
    db->first.n = n;
    db->first.none = none;
    db->first.arg = arg;
}

/* What waits, and this behind it. */
static enum db_status
run_behind_first(struct db *db, const char *sql, size_t n)
{
    struct bytes all = bytes_make(db->first.sql.n + n + 1);
    enum db_status status;

    bytes_add(&all, bytes_text(&db->first.sql), db->first.sql.n);
    bytes_add(&all, sql, n);
    bytes_clear(&db->first.sql);
    status = bytes_ok(&all) ? run_text(db, all.p, all.n, db->first.n)
                            : out_of_bounds(db);
    bytes_free(&all);
    return status;
}

enum db_status
db_send_first(struct db *db)
{
    return db->first.sql.n > 0 ? run_behind_first(db, "", 0) : DB_OK;
}

static enum db_status
run_in_order(struct db *db, const char *sql, size_t n)
{
    return db->first.sql.n > 0 ? run_behind_first(db, sql, n)
                               : run_text(db, sql, n, 0);
}

enum db_status
db_run(struct db *db, const struct bytes *sql)
{
    if (!bytes_ok(sql))
        return out_of_bounds(db);
    return run_in_order(db, bytes_text(sql), sql->n);
}

/* A node of a cluster that lost the others just then does not know whether
 * these have it. */
static bool
may_have_committed(unsigned number)
{
    return number == ER_QUERY_INTERRUPTED || number == ER_STATEMENT_TIMEOUT ||
           number == ER_ERROR_DURING_COMMIT;
}

enum db_status
db_commit(struct db *db, const struct bytes *sql)
{
    enum db_status status = db_run(db, sql);

    if (status == DB_OK || !may_have_committed(db->number))
        return status;
    hang_up(db);
    return DB_GONE;
}

void
db_rollback(struct db *db)
{
    static const char rollback[] = "ROLLBACK; SET SESSION wait_timeout = 600";
    unsigned number = db->number;
    char text[sizeof db->text];

    memcpy(text, db->text, sizeof text);
    if (db->first.sql.n > 0)
        bytes_clear(&db->first.sql); /* it has not begun */
    else if (db->my && run_text(db, rollback, sizeof rollback - 1, 0) != DB_OK)
        hang_up(db);
    memcpy(db->text, text, sizeof text);
    db->number = number;
}

enum db_status
db_exec(struct db *db, const char *sql)
{
    return run_in_order(db, sql, strlen(sql));
}

uint64_t
db_matched_first(const struct db *db)
{
    return db->matched_first;
}

uint64_t
db_matched(const struct db *db)
{
    return db->matched;
}

uint64_t
db_matched_all(const struct db *db)
{
    return db->matched_all;
}

uint64_t
db_insert_id_first(const struct db *db)
{
    return db->insert_id_first;
}

uint64_t
db_insert_id(const struct db *db)
{
    return db->insert_id;
}

uint64_t
db_id_step(const struct db *db)
{
    return db->id_step;
}

static enum db_status
query_text(struct db *db, const char *sql, size_t n, struct db_rows **rows)
{
    enum db_status status = db_send_first(db);
    struct db_rows *r;
    MYSQL_RES *res;

    *rows = NULL;
    if (status == DB_OK)
        status = send_text(db, sql, n);
    if (status != DB_OK)
        return status;
    res = mysql_store_result(db->my);
    if (!res)
        return failed(db);
    r = calloc(1, sizeof *r);
    if (!r) {
        mysql_free_result(res);
        return out_of_bounds(db);
    }
    r->res = res;
    *rows = r;
    return DB_OK;
}

enum db_status
db_query(struct db *db, const struct bytes *sql, struct db_rows **rows)
{
    *rows = NULL;
    if (!bytes_ok(sql))
        return out_of_bounds(db);
    return query_text(db, bytes_text(sql), sql->n, rows);
}

enum db_status
db_ask(struct db *db, const char *sql, struct db_rows **rows)
{
    return query_text(db, sql, strlen(sql), rows);
}

void
db_rows_close(struct db_rows **rows)
{
    if (!*rows)
        return;
    mysql_free_result((*rows)->res);
    free(*rows);
    *rows = NULL;
}

size_t
db_rows_count(const struct db_rows *rows)
{
    return (size_t)mysql_num_rows(rows->res);
}

bool
db_next(struct db_rows *rows)
{
    rows->row = mysql_fetch_row(rows->res);
    if (!rows->row)
        return false;
    rows->len = mysql_fetch_lengths(rows->res);
    return true;
}

const char *
db_col(const struct db_rows *rows, unsigned i)
{
    return rows->row[i];
}

size_t
db_len(const struct db_rows *rows, unsigned i)
{
    return rows->len[i];
}

uint64_t
db_uint(const struct db_rows *rows, unsigned i)
{
    return rows->row[i] ? strtoull(rows->row[i], NULL, 10) : 0;
}

bool
db_is_count(const struct db_rows *rows, unsigned i)
{
    const MYSQL_FIELD *field = mysql_fetch_field_direct(rows->res, i);

    return rows->row[i] && IS_NUM(field->type) && field->decimals == 0 &&
           *rows->row[i] != '-';
}

/* How many bytes from s on stand in an SQL string as they are. */
static size_t
plain_length(const char *s, size_t n)
{
    size_t i = 0;

    while (i < n && s[i] != '\0' && s[i] != '\'' && s[i] != '\\')
        i++;
    return i;
}

void
db_textn(struct bytes *sql, const char *s, size_t n)
{
    size_t i;

    bytes_chr(sql, '\'');
    while ((i = plain_length(s, n)) < n) {
        bytes_add(sql, s, i);
        bytes_chr(sql, '\\');
        if (s[i])
            bytes_chr(sql, s[i]);
        else
            bytes_chr(sql, '0');
        s += i + 1;
        n -= i + 1;
    }
    bytes_add(sql, s, n);
    bytes_chr(sql, '\'');
}

void
db_text(struct bytes *sql, const char *s)
{
    if (s)
        db_textn(sql, s, strlen(s));
    else
        bytes_str(sql, "NULL");
}

void
db_ids(struct bytes *sql, const uint64_t *id, size_t n)
{
    bytes_str(sql, "(SELECT ");
    bytes_uint(sql, id[0]);
    bytes_str(sql, " AS id");
    for (size_t i = 1; i < n; i++) {
        bytes_str(sql, " UNION ALL SELECT ");
        bytes_uint(sql, id[i]);
    }
    bytes_chr(sql, ')');
}

void
db_name(struct bytes *sql, const char *name)
{
    bytes_chr(sql, '`');
    for (; *name; name++) {
        if (*name == '`')
            bytes_chr(sql, '`');
        bytes_chr(sql, *name);
    }
    bytes_chr(sql, '`');
}
