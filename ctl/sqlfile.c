/* sqlfile: see sqlfile.h. */
#include "sqlfile.h"

#include "clock.h"
#include "fault.h"
#include "script.h"
#include "ticker.h"

#include <errno.h>
#include <inttypes.h>
#include <mysqld_error.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum {
    LARGEST_FILE = 1 << 20,
    FIRST_PAUSE_MS = 100,
    LONGEST_PAUSE_MS = 2000,
    WORDS_SHOWN = 60
};

/* One run. */
struct run {
    const struct admin *a;
    const struct sqlfile *file;
    char path[PATH_MAX];
    struct bytes text;
    unsigned n; /* statements it has */
    int line;   /* of the one that runs */
    struct ticker *ticker;
    bool mariadb; /* the server is one */
    bool locked;  /* it has tables locked for us */
    struct link link;
};

/* --- the file ------------------------------------------------------------ */

bool
sqlfile_find(const struct admin *a, const char *name, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/%s",
        a->sql_folder ? a->sql_folder : MBEV_SHARE_DIR "/sql", name);
    if (access(path, R_OK) == 0)
        return true;
    fprintf(stderr,
        "mbevctl: %s: %s; install package mikbill-events-server on this host,"
        " or name the folder: --sql\n",
        path, strerror(errno));
    return false;
}

static bool
read_file(struct run *r)
{
    FILE *file = fopen(r->path, "re");
    char block[4096];
    size_t n;

    while (file && (n = fread(block, 1, sizeof block, file)) > 0)
        bytes_add(&r->text, block, n);
    if (!file || ferror(file) || !bytes_ok(&r->text)) {
        fprintf(stderr, "mbevctl: %s: cannot be read: %s\n", r->path,
            file && !ferror(file) ? "it is too large" : strerror(errno));
        if (file)
            fclose(file);
        return false;
    }
    fclose(file);
    return true;
}

/* How many statements it has; all of it is looked at before any is run. */
static bool
count_statements(struct run *r)
{
    struct script s = script_open(bytes_text(&r->text), r->text.n);
    struct bytes sql = bytes_make(LARGEST_FILE);
    enum script_step step;
    const char *wrong;
    int line;

    while ((step = script_next(&s, &sql, &line, &wrong)) == SCRIPT_STATEMENT)
        r->n++;
    bytes_free(&sql);
    if (step == SCRIPT_WRONG)
        fprintf(stderr, "mbevctl: %s:%d: %s\n", r->path, line, wrong);
    return step == SCRIPT_END;
}

static void
on_progress(void *arg, unsigned stage, unsigned stages, double percent)
{
    struct run *r = arg;

    ticker_progress(r->ticker, stage, stages, percent);
}

static bool
starts_with(const struct bytes *sql, const char *word)
{
    return strncasecmp(bytes_text(sql), word, strlen(word)) == 0;
}

/* --- errors -------------------------------------------------------------- */

/* The words a statement begins with. */
static void
print_words(const struct bytes *sql)
{
    const char *text = bytes_text(sql);
    char words[WORDS_SHOWN + 1];

    snprintf(words, sizeof words, "%.*s", (int)strcspn(text, "\n"), text);
    text_print(stderr, words);
}

/* Why the file itself ended there; false = it did not. MySQL has no compound
 * statement, so there the files tell the reason as a column's name. */
static bool
find_reason(struct run *r, const struct bytes *sql, char *reason, size_t size)
{
    struct db *db = r->link.db;
    const char *error = db_error(db);

    if (db_errno(db) == ER_SIGNAL_EXCEPTION) {
        error += strcspn(error, " ");
        snprintf(reason, size, "%s", error + (*error == ' '));
        return true;
    }
    return db_errno(db) == ER_BAD_FIELD_ERROR &&
           starts_with(sql, "PREPARE mbev_step") &&
           admin_text(db, "SELECT COALESCE(@mbev_obstacle, @mbev_reason)",
               reason, size);
}

static int
tell_error(struct run *r, const struct bytes *sql, enum db_status status)
{
    char error[512], reason[512];

    snprintf(error, sizeof error, "%s", db_error(r->link.db));
    ticker_clear(r->ticker);
    fprintf(stderr, "mbevctl: %s:%d: ", r->path, r->line);
    if (find_reason(r, sql, reason, sizeof reason)) {
        text_print(stderr, reason);
        fputc('\n', stderr);
        return EX_DATAERR;
    }
    text_print(stderr, error);
    fputs(", in: ", stderr);
    print_words(sql);
    if (status == DB_BUSY)
        fprintf(stderr,
            "\n  a statement or transaction of somebody holds the table, and"
            " was waited for %" PRId64 " s. What was done until then works."
            " Run it again, when the server is less busy",
            r->a->wait_ms / 1000);
    else
        fputs("\n  when the cause is gone, run it again: what was done until"
              " then stays, and is not done twice",
            stderr);
    fputc('\n', stderr);
    return status == DB_BUSY ? EX_TEMPFAIL : EX_UNAVAILABLE;
}

/* --- statements ---------------------------------------------------------- */

/* What is for other servers alone, and a function that MySQL has already, for
 * it knows no IF NOT EXISTS there. */
static bool
is_harmless(const struct run *r, const struct bytes *sql)
{
    unsigned number = db_errno(r->link.db);

    return number == ER_EMPTY_QUERY ||
           (number == ER_UDF_EXISTS && starts_with(sql, "CREATE FUNCTION"));
}

/* Whether it tells this server to do that; what is in a comment for others does
 * not. */
static bool
tells(const struct run *r, const struct bytes *sql, const char *what)
{
    const char *text = bytes_text(sql);

    if (!r->mariadb && starts_with(sql, "/*!"))
        text += strcspn(text, " ") + 1;
    return strncasecmp(text, what, strlen(what)) == 0;
}

/* Tries it until it can have its locks, or was waited for long enough. But
 * nothing is waited for while tables are locked: the billing would wait, too.
 */
static int
run_statement(struct run *r, const struct bytes *sql)
{
    int64_t until_us = clock_boot_us() + r->a->wait_ms * 1000;
    int64_t next_ms = FIRST_PAUSE_MS;
    bool locks =
        tells(r, sql, "LOCK TABLES") || tells(r, sql, "DO '\\'; LOCK TABLES");
    enum db_status status;

    /* Either ends the locks of before. */
    if (locks || tells(r, sql, "UNLOCK TABLES"))
        r->locked = false;
    for (;;) {
        if (ctl_interrupted())
            return EX_TEMPFAIL;
        status = fault_fails("install.statement") ? DB_GONE
                                                  : db_run(r->link.db, sql);
        if (status != DB_BUSY || r->locked || clock_boot_us() >= until_us)
            break;
        ticker_wait(r->ticker);
        admin_pause_ms(next_ms);
        next_ms =
            next_ms * 2 < LONGEST_PAUSE_MS ? next_ms * 2 : LONGEST_PAUSE_MS;
    }
    r->locked |= locks && status == DB_OK;
    if (status == DB_OK || (status == DB_REFUSED && is_harmless(r, sql)))
        return EX_OK;
    return tell_error(r, sql, status);
}

static int
tell_interrupted(struct run *r)
{
    ticker_clear(r->ticker);
    fprintf(stderr,
        "mbevctl: interrupted before %s:%d; run it again: what was done until"
        " then stays\n",
        r->path, r->line);
    return EX_TEMPFAIL;
}

static int
run_statements(struct run *r)
{
    struct script s = script_open(bytes_text(&r->text), r->text.n);
    struct bytes sql = bytes_make(LARGEST_FILE);
    const char *wrong;
    int code = EX_OK;

    while (code == EX_OK &&
           script_next(&s, &sql, &r->line, &wrong) == SCRIPT_STATEMENT) {
        fault_point("install.before");
        ticker_step(r->ticker, r->line);
        code = run_statement(r, &sql);
        s.plain_backslash = db_backslash_is_plain(r->link.db);
        if (code != EX_OK && ctl_interrupted())
            code = tell_interrupted(r);
    }
    bytes_free(&sql);
    return code;
}

static int
run_on_server(struct run *r)
{
    int code = EX_UNAVAILABLE;

    if (!admin_link(r->a, &r->link, r->file->database, 0, on_progress, r)) {
        link_close(&r->link);
        return code;
    }
    r->ticker = ticker_open(
        r->file->name, r->n, isatty(STDERR_FILENO) && !out_is_json());
    r->mariadb =
        admin_number(r->link.db, "SELECT VERSION() LIKE '%MariaDB%'") == 1;
    if (!r->file->before || db_exec(r->link.db, r->file->before) == DB_OK)
        code = run_statements(r);
    else
        admin_failed(r->link.db);
    ticker_close(&r->ticker);
    link_close(&r->link);
    return code;
}

int
sqlfile_run(const struct admin *a, const struct sqlfile *file)
{
    struct run r = { .a = a, .file = file, .text = bytes_make(LARGEST_FILE) };
    int code = EX_NOINPUT;

    if (sqlfile_find(a, file->name, r.path) && read_file(&r) &&
        count_statements(&r))
        code = run_on_server(&r);
    bytes_free(&r.text);
    return code;
}
