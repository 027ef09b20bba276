/*
 * mbevctl uninstall: takes out of the database server what install laid there.
 *
 * sql/uninstall.sql does it, and refuses where work is left; then the library
 * goes, and it is looked at whether anything is left. A service that acts may
 * go on meanwhile: it does what is left, when the triggers are gone.
 */
#include "clock.h"
#include "doctor.h"
#include "fault.h"
#include "sqlfile.h"
#include "survey.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum { LEFT_BEHIND = 1, LOOK_MS = 200, LONGEST_WORDS = 2 * PATH_MAX };

struct work {
    struct admin a;
    struct survey s;
};

/* As uninstall.sql counts it. */
static const char undone_work[] =
    "SELECT (SELECT COUNT(*) FROM mikbill_events.outbox)"
    " + (SELECT COUNT(*) FROM mikbill_events.delivery WHERE state IN"
    " ('ready', 'leased', 'calling', 'retry', 'held'))";
static const char open_receipts[] =
    "SELECT COUNT(*) FROM mikbill_events.receipt"
    " WHERE stage IN ('accepted', 'failed', 'refused', 'doubtful')";

static uint64_t
count_undone(const struct work *w)
{
    return admin_number(w->a.db, undone_work) +
           admin_number(w->a.db, open_receipts);
}

static void
print_more(const char *name, const char *words)
{
    field_print_more(name, words, strlen(words));
}

/* --- the plan ------------------------------------------------------------ */

static void
print_plan(const struct work *w)
{
    char words[LONGEST_WORDS];
    uint64_t undone = count_undone(w);

    out_words("\nto be taken out: the triggers first, then functions, database"
              " mikbill_events, accounts, and the library\n");
    snprintf(words, sizeof words, "%" PRIu64, undone);
    field_print("not done yet", words);
    if (undone > 0 && !w->a.discard)
        out_words(
            w->s.service == SERVICE_NONE
                ? "no service acts that would do it, so only the triggers go:"
                  " start it and run this again, or say --discard to have it"
                  " thrown away\n"
                : "the service is left the time to do it; --wait says how"
                  " much\n");
}

/* --- taking out ---------------------------------------------------------- */

static int
run_file(const struct work *w)
{
    struct sqlfile file = { .name = "uninstall.sql",
        .database = w->a.billing,
        .before = w->a.discard ? "SET @mbev_discard_events = 1" : NULL };

    return sqlfile_run(&w->a, &file);
}

/* Without triggers it only becomes less. */
static bool
wait_for_service(const struct work *w)
{
    int64_t until_us = clock_boot_us() + w->a.wait_ms * 1000;

    while (count_undone(w) > 0) {
        if (clock_boot_us() >= until_us || ctl_interrupted())
            return false;
        admin_pause_ms(LOOK_MS);
    }
    return true;
}

static int
take_out(const struct work *w)
{
    int code = run_file(w);

    if (code != EX_DATAERR || w->a.discard || w->s.service == SERVICE_NONE ||
        count_undone(w) == 0)
        return code;
    out_words("the service is given the time to do it\n");
    fflush(stdout);
    if (wait_for_service(w))
        return run_file(w);
    fputs("mbevctl: it is not done yet: mbevctl queue and mbevctl receipts show"
          " it. Run this again later, or with --discard to throw it away\n",
        stderr);
    return EX_DATAERR;
}

static int
remove_library(const struct work *w)
{
    uint64_t users = admin_number(
        w->a.db, "SELECT COUNT(*) FROM mysql.func WHERE dl = 'mbev.so'");

    if (users > 0) {
        fputs("mbevctl: other functions use mbev.so, the file stays: SELECT"
              " name FROM mysql.func WHERE dl = 'mbev.so'\n",
            stderr);
        return EX_DATAERR;
    }
    if (fault_fails("uninstall.library"))
        return EX_TEMPFAIL;
    return w->s.library.here ? library_remove(&w->s.library) : EX_OK;
}

/* --- what is left -------------------------------------------------------- */

static const char traces[] =
    "SELECT CONCAT('trigger ', TRIGGER_SCHEMA, '.', TRIGGER_NAME)"
    " FROM information_schema.TRIGGERS WHERE DEFINER ="
    " 'mbev_trigger@localhost'"
    " UNION ALL SELECT CONCAT('function ', name) FROM mysql.func"
    " WHERE dl = 'mbev.so'"
    " UNION ALL SELECT CONCAT('database ', SCHEMA_NAME)"
    " FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = 'mikbill_events'"
    " UNION ALL SELECT CONCAT('account ', user, '@', host, ', which you made:"
    " DROP USER') FROM mysql.user WHERE user LIKE 'mbev\\_%'";

static int
look_for_traces(const struct work *w)
{
    struct library now;
    struct db_rows *rows;
    size_t left;

    if (db_ask(w->a.db, traces, &rows) != DB_OK)
        return admin_failed(w->a.db);
    left = db_rows_count(rows);
    while (db_next(rows))
        print_more("left", db_col(rows, 0));
    db_rows_close(&rows);
    library_look(&now, &w->a);
    if (now.there) {
        print_more("left", now.to);
        left++;
    }
    if (!now.here)
        print_more(
            "left", "perhaps mbev.so in the plugin_dir of the other host");
    if (left == 0)
        out_words("nothing of ours is left in the database server\n");
    return left == 0 ? EX_OK : LEFT_BEHIND;
}

static void
tell_next(const struct work *w)
{
    struct bytes sql = bytes_make(4096);

    bytes_str(&sql, "SELECT COUNT(*) FROM information_schema.TABLES WHERE"
                    " TABLE_NAME = 'receipts_log' AND TABLE_SCHEMA = ");
    db_text(&sql, w->a.billing);
    if (admin_number(w->a.db, bytes_text(&sql)) > 0)
        print_more("next",
            "table receipts_log in the billing stays: the list of receipts");
    bytes_free(&sql);
    print_more("next",
        "sudo apt-get purge mikbill-events mikbill-events-server: programs,"
        " " MBEV_CONF_FILE " and " MBEV_STATE_DIR);
}

/* --- the verb ------------------------------------------------------------ */

static int
do_it(const struct work *w)
{
    int code = ctl_confirm(w->a.ctl, NULL, "Take it out");

    if (code == EX_OK)
        code = take_out(w);
    if (code == EX_OK && ctl_interrupted())
        code = EX_TEMPFAIL;
    fault_point("uninstall.done");
    if (code == EX_OK)
        code = remove_library(w);
    if (code != EX_OK)
        return code;
    code = look_for_traces(w);
    tell_next(w);
    return code;
}

/* An account or a trigger may be all that is left of an earlier run. */
static bool
is_bare(const struct survey *s)
{
    return !s->library.there && !s->library.functions && !s->has_database &&
           !s->accounts && !s->ours && !*s->stranger;
}

static int
work(struct work *w)
{
    char path[PATH_MAX];
    int code = admin_find_billing(&w->a);

    if (code != EX_OK)
        return code;
    ctl_interrupted(); /* from now on Ctrl-C is waited for */
    if (!survey_look(&w->s, &w->a) || !survey_print(&w->s, &w->a))
        return EX_UNAVAILABLE;
    if (!sqlfile_find(&w->a, "uninstall.sql", path))
        return EX_NOINPUT;
    if (is_bare(&w->s)) {
        out_words("nothing of ours is here\n");
        return EX_OK;
    }
    print_plan(w);
    return w->a.ctl->dry ? EX_OK : do_it(w);
}

int
ctl_uninstall(struct ctl *ctl)
{
    struct work *w = calloc(1, sizeof *w);
    int code;

    if (!w)
        return EX_OSERR;
    code = admin_open(&w->a, ctl);
    if (code == EX_OK)
        code = work(w);
    admin_close(&w->a);
    free(w);
    return code;
}
