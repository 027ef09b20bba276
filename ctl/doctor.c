/*
 * mbevctl doctor [-v]: checks what an operator or a DBA would want checked,
 * and says of each finding what to do.
 *
 * Promises: it changes nothing, in the database or on this host; nothing it
 * asks takes the server longer than a few seconds; no check keeps another from
 * being made, whatever is out of order; no password is printed.
 */
#include "doctor.h"

#include "billing.h"
#include "bytes.h"
#include "log.h"
#include "trouble.h"

#include <curl/curl.h>
#include <errmsg.h>
#include <mysqld_error.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum {
    FAILED = 1,
    ANSWER_S = 8,
    LONGEST_TEXT = 8 * 1024,
    LARGEST_ERRORS = 64 * 1024
};

static const char *const result_words[RESULTS] = { "ok", "note", "warning",
    "FAILED" };

/* In the order in which they are told. */
static const struct doctor_group *const groups[] = { &doctor_host,
    &doctor_server, &doctor_clock, &doctor_capture, &doctor_triggers,
    &doctor_grants, &doctor_service, &doctor_reach, &doctor_account, NULL };

/* --- findings ---------------------------------------------------------- */

static bool
add(struct doctor *d, const struct finding *finding)
{
    struct finding *more = realloc(d->finding, (d->n + 1) * sizeof *d->finding);

    if (!more)
        return false;
    d->finding = more;
    d->finding[d->n++] = *finding;
    return true;
}

static void
tell(struct doctor *d, enum result result, const char *cure, const char *found)
{
    struct bytes name = bytes_make(LONGEST_TEXT);
    struct finding f = { .result = result };

    bytes_printf(
        &name, "%s%s%s", d->check, d->of ? " " : "", d->of ? d->of : "");
    f.check = name.p;
    f.found = strdup(found);
    f.cure = result != RESULT_OK && cure ? strdup(cure) : NULL;
    d->of = NULL;
    if (f.check && f.found && add(d, &f))
        return;
    free(f.check);
    free(f.found);
    free(f.cure);
    d->no_memory = true;
}

void
doctor_tell(struct doctor *d, enum result result, const char *cure,
    const char *fmt, ...)
{
    char found[LONGEST_TEXT];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(found, sizeof found, fmt, ap);
    va_end(ap);
    tell(d, result, cure, found);
}

bool
doctor_was_ok(const struct doctor *d, const char *check)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->finding[i].result == RESULT_OK &&
            strcmp(d->finding[i].check, check) == 0)
            return true;
    return false;
}

void
doctor_drop(struct doctor *d)
{
    for (size_t i = 0; i < d->n; i++) {
        free(d->finding[i].check);
        free(d->finding[i].found);
        free(d->finding[i].cure);
    }
    free(d->finding);
    d->finding = NULL;
    d->n = 0;
}

/* --- the database ------------------------------------------------------ */

/* It is away, or what is ours is not as it must be. */
static bool
is_grave(unsigned number)
{
    static const unsigned grave[] = { ER_NO_SUCH_TABLE, ER_BAD_FIELD_ERROR,
        ER_TABLEACCESS_DENIED_ERROR, ER_COLUMNACCESS_DENIED_ERROR };

    for (size_t i = 0; i < sizeof grave / sizeof *grave; i++)
        if (grave[i] == number)
            return true;
    return number >= CR_MIN_ERROR && number <= CR_MAX_ERROR;
}

void
doctor_refused(struct doctor *d, enum result result)
{
    const struct db *db = d->ctl->db;
    const char *cure = trouble_cure(db_errno(db));

    d->gone = db_errno(db) >= CR_MIN_ERROR && db_errno(db) <= CR_MAX_ERROR;
    if (is_grave(db_errno(db)))
        result = RESULT_FAILED;
    doctor_tell(d, result, *cure ? cure + 2 : NULL, "cannot be asked: %s",
        db_error(db));
}

bool
doctor_ask(struct doctor *d, enum result result, const char *sql,
    struct db_rows **rows)
{
    if (db_ask(d->ctl->db, sql, rows) == DB_OK)
        return true;
    doctor_refused(d, result);
    return false;
}

/* Nothing of ours is to keep the server busy. */
static enum db_status
prepare(struct doctor *d)
{
    struct bytes sql = bytes_make(4096);
    enum db_status status;

    bytes_str(&sql, "SET SESSION lock_wait_timeout = 1"
                    " /*M! , max_statement_time = 5 */"
                    " /*!50708 , max_execution_time = 5000 */,"
                    " group_concat_max_len = 65536; SET " SQL_BILLING " = ");
    db_text(&sql, d->ctl->set->database.billing);
    bytes_printf(&sql, ", " SQL_SCHEMA " = %d, " SQL_ALARM " = %lld",
        BILLING_SCHEMA, (long long)d->ctl->set->receipt.alarm_ms * 1000);
    status = db_run(d->ctl->db, &sql);
    bytes_free(&sql);
    return status;
}

static const char *
cure_of(unsigned number)
{
    const char *cure = trouble_cure(number);

    if (number >= CR_MIN_ERROR && number <= CR_MAX_ERROR)
        return "systemctl start mariadb (or mysql), if it does not run; and "
               "see [database] socket, host and port";
    return *cure ? cure + 2 : "see [database], and sql/grants.sql";
}

/* Its tables may be missing, and the server be there all the same. */
static enum db_status
open_database(struct doctor *d, struct db_settings *settings)
{
    enum db_status status;

    d->ctl->db = db_make(settings);
    if (!d->ctl->db)
        return DB_GONE;
    status = db_open(d->ctl->db);
    if (status == DB_OK)
        status = prepare(d);
    if (status != DB_OK)
        doctor_tell(d, RESULT_FAILED, cure_of(db_errno(d->ctl->db)),
            "account %s, by %s%s: %s", settings->user,
            *settings->socket ? "socket " : "host ",
            *settings->socket ? settings->socket : settings->host,
            db_error(d->ctl->db));
    else
        doctor_tell(
            d, RESULT_OK, NULL, "answers to account %s", settings->user);
    return status;
}

/* --- the checks -------------------------------------------------------- */

static enum result
result_of(const struct db_rows *rows)
{
    uint64_t number = db_uint(rows, 0);

    return number < RESULTS ? (enum result)number : RESULT_FAILED;
}

static void
run_statement(struct doctor *d, const char *sql, const char *well)
{
    struct db_rows *rows;
    size_t n = 0;

    if (!doctor_ask(d, RESULT_WARNING, sql, &rows))
        return;
    for (; db_next(rows); n++)
        tell(d, result_of(rows), db_col(rows, 2),
            db_col(rows, 1) ? db_col(rows, 1) : "");
    if (n == 0)
        doctor_tell(d, RESULT_OK, NULL, "%s", well ? well : "nothing");
    db_rows_close(&rows);
}

void
doctor_run(struct doctor *d, struct bytes *sql, const char *well)
{
    if (bytes_ok(sql))
        run_statement(d, bytes_text(sql), well);
    else
        d->no_memory = true;
    bytes_free(sql);
}

static bool
can_run(const struct doctor *d, const struct doctor_check *check)
{
    return d->ctl->db || !(check->sql || check->database);
}

static void
run(struct doctor *d, const struct doctor_check *check)
{
    d->check = check->name;
    d->of = NULL;
    if (check->sql)
        run_statement(d, check->sql, check->well);
    else
        check->run(d);
    if (d->gone)
        db_close(&d->ctl->db);
}

/* What was left out is said once. */
static void
run_all(struct doctor *d)
{
    struct bytes out = bytes_make(LONGEST_TEXT);

    for (const struct doctor_group *const *g = groups; *g; g++)
        for (size_t i = 0; i < (*g)->n; i++) {
            const struct doctor_check *check = &(*g)->check[i];

            if (can_run(d, check))
                run(d, check);
            else
                bytes_printf(&out, "%s%s", out.n ? ", " : "", check->name);
        }
    d->check = "not looked at";
    if (out.n > 0)
        doctor_tell(
            d, RESULT_NOTE, NULL, "without the database: %s", bytes_text(&out));
    bytes_free(&out);
}

/* A line of the errors is "what; cure". */
static void
tell_errors(struct doctor *d)
{
    char *all = strdup(bytes_text(d->errors)), *rest = all, *line;

    while (all && (line = strsep(&rest, "\n"))) {
        char *cure = strstr(line, "; ");

        if (cure)
            *cure = '\0';
        if (*line)
            doctor_tell(d, RESULT_FAILED,
                cure ? cure + 2 : "correct it, then: mbevd -t", "%s", line);
    }
    free(all);
}

static void
look_at_settings(struct doctor *d)
{
    d->check = "configuration";
    if (d->errors->failed)
        doctor_tell(
            d, RESULT_FAILED, "mbevd -t", "more errors than can be listed");
    tell_errors(d);
    if (d->n == 0)
        doctor_tell(d, RESULT_OK, NULL, "%s: good", d->ctl->config);
}

static void
look(struct doctor *d, struct settings *set)
{
    struct db_settings settings;

    d->ctl->set = set;
    look_at_settings(d);
    settings = settings_database(set);
    settings.answer_s = ANSWER_S;
    d->check = "database";
    if (d->readable && open_database(d, &settings) != DB_OK)
        db_close(&d->ctl->db);
    run_all(d);
    db_close(&d->ctl->db);
}

/* --- for other verbs ---------------------------------------------------- */

bool
doctor_prepare(struct doctor *d)
{
    d->check = "database";
    if (prepare(d) == DB_OK)
        return true;
    doctor_refused(d, RESULT_FAILED);
    return false;
}

static bool
is_listed(const char *names, const char *name)
{
    size_t n = strlen(name);

    for (const char *at = names; (at = strstr(at, name)); at += n)
        if ((at == names || at[-1] == ',') && (at[n] == ',' || at[n] == '\0'))
            return true;
    return false;
}

void
doctor_look(
    struct doctor *d, const struct doctor_group *group, const char *names)
{
    for (size_t i = 0; i < group->n; i++)
        if (can_run(d, &group->check[i]) &&
            (!names || is_listed(names, group->check[i].name)))
            run(d, &group->check[i]);
}

/* --- the answer -------------------------------------------------------- */

size_t
doctor_count(const struct doctor *d, enum result result)
{
    size_t n = 0;

    for (size_t i = 0; i < d->n; i++)
        n += d->finding[i].result == result;
    return n;
}

static void
print_finding(struct table *t, const struct finding *f)
{
    const char *word = result_words[f->result];

    table_add_text(t, f->check);
    table_add_text(t, word);
    table_add_text(t, f->found);
    if (f->cure)
        table_note(t, "do", f->cure, strlen(f->cure));
}

/* The worst come last, where the eye is when all has been printed... */
void
doctor_print(const struct doctor *d, bool all)
{
    static const char *const heads[] = { "check", "result", "what was found" };
    enum result result = all ? RESULT_OK : RESULT_NOTE;
    struct table *t;

    if (!all && doctor_count(d, RESULT_OK) == d->n && !out_is_json())
        return;
    t = table_make("checks", heads, sizeof heads / sizeof *heads);
    for (; result < RESULTS; result++)
        for (size_t i = 0; i < d->n; i++)
            if (d->finding[i].result == result)
                print_finding(t, &d->finding[i]);
    table_end(&t);
}

/* ... with how many they are below. */
static void
print_count(const struct doctor *d)
{
    struct bytes words = bytes_make(256);
    size_t warnings = doctor_count(d, RESULT_WARNING),
           notes = doctor_count(d, RESULT_NOTE);

    bytes_printf(&words, "%zu failed, %zu warning%s, %zu note%s, %zu ok",
        doctor_count(d, RESULT_FAILED), warnings, warnings == 1 ? "" : "s",
        notes, notes == 1 ? "" : "s", doctor_count(d, RESULT_OK));
    field_print("in all", bytes_text(&words));
    bytes_free(&words);
}

/* --- the verb ---------------------------------------------------------- */

static int
examine(struct ctl *ctl, bool all)
{
    struct bytes errors = bytes_make(LARGEST_ERRORS);
    struct doctor d = { .ctl = ctl, .errors = &errors };
    struct settings set;
    int code;

    settings_load(&set, ctl->config, &errors);
    d.readable = access(ctl->config, R_OK) == 0;
    look(&d, &set);
    doctor_print(&d, all);
    print_count(&d);
    code = d.no_memory                           ? EX_OSERR
           : doctor_count(&d, RESULT_FAILED) > 0 ? FAILED
                                                 : EX_OK;
    doctor_drop(&d);
    settings_free(&set);
    bytes_free(&errors);
    return code;
}

int
ctl_doctor(struct ctl *ctl)
{
    bool all = ctl->argc > 0;
    int code;

    if (all && strcmp(ctl->argv[0], "-v") != 0)
        return ctl_complain(ctl, "it takes -v, or nothing");
    /* What is to be said is said here. */
    log_set_level(LOG_FATAL);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
        return EX_SOFTWARE;
    code = examine(ctl, all);
    curl_global_cleanup();
    return code;
}
