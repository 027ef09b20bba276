/*
 * mbevctl install, mbevctl upgrade: lay library, tables, accounts and triggers
 * into the database server, or bring them to this version.
 *
 * What is done is in sql/ and stays what a DBA may run by hand; this is the
 * order of it, with a look before, patience in between, and a proof behind.
 * Each step may be done twice; after an interruption it is simply run again.
 */
#include "account.h"
#include "billing.h"
#include "doctor.h"
#include "fault.h"
#include "proof.h"
#include "sqlfile.h"
#include "survey.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum { LONGEST_WORDS = 2 * PATH_MAX };

struct work {
    struct admin a;
    struct survey s;
    enum account account; /* how it was before */
    bool upgrade;
};

/* --- steps --------------------------------------------------------------- */

struct step {
    const char *name;
    bool (*needed)(const struct work *w);
    void (*describe)(const struct work *w, char *words, size_t size);
    int (*run)(struct work *w);
};

static bool
always(const struct work *w)
{
    (void)w;
    return true;
}

static bool
needs_copy(const struct work *w)
{
    return w->s.library.here && !w->s.library.same;
}

static void
describe_copy(const struct work *w, char *words, size_t size)
{
    snprintf(words, size, "%s into %s, by rename", w->s.library.from,
        w->s.library.folder);
}

static int
run_copy(struct work *w)
{
    return library_copy(&w->s.library);
}

static void
describe_schema(const struct work *w, char *words, size_t size)
{
    (void)w;
    snprintf(words, size,
        "schema.sql: three functions, database mikbill_events, version %d",
        BILLING_SCHEMA);
}

static int
run_schema(struct work *w)
{
    struct sqlfile file = { .name = "schema.sql" };

    return sqlfile_run(&w->a, &file);
}

/* What the server had loaded before, it still has. */
static bool
needs_swap(const struct work *w)
{
    return w->s.may_swap && w->s.library.here && *w->s.library.loaded &&
           (w->s.library.other || !w->s.library.same);
}

static void
describe_swap(const struct work *w, char *words, size_t size)
{
    (void)w;
    snprintf(words, size, "%s",
        "the server loads the new library; changes of subscribers wait some"
        " milliseconds, payments made meanwhile are captured a minute later");
}

static int
run_swap(struct work *w)
{
    return library_swap(&w->a);
}

static void
describe_grants(const struct work *w, char *words, size_t size)
{
    (void)w;
    snprintf(words, size,
        "grants.sql: mbev_trigger, mbev_service, mbev_reader, and what they"
        " may do");
}

static int
run_grants(struct work *w)
{
    struct sqlfile file = { .name = "grants.sql", .database = w->a.billing };

    return sqlfile_run(&w->a, &file);
}

static void
describe_triggers(const struct work *w, char *words, size_t size)
{
    snprintf(words, size,
        "triggers.sql: %u triggers on %s, each while its table is locked for a"
        " moment; no statement waits longer than 3 s",
        w->s.wanted, w->a.billing);
}

static int
run_triggers(struct work *w)
{
    struct sqlfile file = { .name = "triggers.sql", .database = w->a.billing };

    return sqlfile_run(&w->a, &file);
}

/* Of a fresh account it is known only when it is there. */
static bool
needs_password(const struct work *w)
{
    return w->account == ACCOUNT_FRESH;
}

static void
describe_password(const struct work *w, char *words, size_t size)
{
    snprintf(words, size, "mbev_service gets that of %s", w->a.ctl->config);
}

static int
run_password(struct work *w)
{
    return account_set_password(&w->a);
}

static const struct step steps[] = {
    { "library", needs_copy, describe_copy, run_copy },
    { "tables", always, describe_schema, run_schema },
    { "loading", needs_swap, describe_swap, run_swap },
    { "accounts", always, describe_grants, run_grants },
    { "triggers", always, describe_triggers, run_triggers },
    { "password", needs_password, describe_password, run_password },
};
enum { STEPS = sizeof steps / sizeof *steps };

/* --- what forbids it ----------------------------------------------------- */

static int
refuse(const char *why)
{
    fputs("mbevctl: ", stderr);
    text_print(stderr, why);
    fputc('\n', stderr);
    return EX_DATAERR;
}

static int
refuse_library(const struct work *w)
{
    const struct library *l = &w->s.library;
    char why[LONGEST_WORDS];

    if (!l->here && strcmp(l->loaded, MBEV_VERSION) == 0)
        return EX_OK;
    if (!l->here)
        snprintf(why, sizeof why,
            "the server loads functions from %s, which is no folder of this"
            " host: run this there, or lay mbev.so of version " MBEV_VERSION
            " there by hand and run mbevctl again (see"
            " docs/installation.md)",
            l->folder);
    else if (!l->packaged)
        snprintf(why, sizeof why,
            "%s is not there: install package mikbill-events-server on this"
            " host, or name the file: --library",
            l->from);
    else
        return EX_OK;
    return refuse(why);
}

/* A trigger that is newer than the service makes events without work. */
static int
refuse_service(const struct work *w)
{
    char why[LONGEST_WORDS];

    if (w->s.service == SERVICE_OLD)
        snprintf(why, sizeof why,
            "%s. The service goes first: systemctl restart mbevd, where this"
            " version is installed; else systemctl stop mbevd, and start that"
            " of this version afterwards. What is captured waits",
            w->s.service_words);
    else if (w->s.service == SERVICE_UNKNOWN && !w->a.service_ok)
        snprintf(why, sizeof why,
            "%s, and its version is not known here. It must not be older than"
            " " MBEV_VERSION ": stop it meanwhile, or, when it is not, say"
            " --service-ok",
            w->s.service_words);
    else
        return EX_OK;
    return refuse(why);
}

static int
refuse_state(const struct work *w)
{
    char why[LONGEST_WORDS];

    if (w->upgrade && !w->s.schema)
        return refuse("nothing of ours is installed here: mbevctl install");
    if (w->s.schema > BILLING_SCHEMA)
        snprintf(why, sizeof why,
            "our tables have version %" PRIu64 ", this mbevctl has %d:"
            " install the packages that belong to them",
            w->s.schema, BILLING_SCHEMA);
    else if (*w->s.installed && strcmp(w->s.installed, w->a.billing) != 0)
        snprintf(why, sizeof why,
            "mikbill_events serves %s: mbevctl uninstall that one first",
            w->s.installed);
    else if (*w->s.stranger)
        snprintf(why, sizeof why, "trigger %s is not ours: rename or drop it",
            w->s.stranger);
    else
        return EX_OK;
    return refuse(why);
}

/* Before anything is changed. */
static int
find_obstacle(const struct work *w)
{
    static const char *const files[] = { "schema.sql", "grants.sql",
        "triggers.sql" };
    char path[PATH_MAX];
    int code = refuse_state(w);

    for (size_t i = 0; i < sizeof files / sizeof *files && code == EX_OK; i++)
        if (!sqlfile_find(&w->a, files[i], path))
            code = EX_NOINPUT;
    if (code == EX_OK)
        code = refuse_library(w);
    if (code == EX_OK)
        code = refuse_service(w);
    if (code == EX_OK && !proof_server(&w->a))
        code = EX_DATAERR;
    return code;
}

/* --- the plan, and its steps --------------------------------------------- */

/* As JSON an object, so that each can be told from the others. */
static void
print_step(const char *name, const char *words)
{
    if (!out_is_json()) {
        status_print(name, words, strlen(words));
        return;
    }
    out_item();
    out_text("step", name);
    out_text("what", words);
}

/* Whether it will be needed; of an account that is not there yet it is not
 * known before. */
static bool
is_planned(const struct work *w, const struct step *step)
{
    return step->needed(w) ||
           (step->run == run_password && !w->s.accounts && w->a.configured &&
               *w->a.set.database.password);
}

static void
print_plan(const struct work *w)
{
    char words[LONGEST_WORDS];

    out_words("\nto be done:\n");
    out_list("steps");
    for (size_t i = 0; i < STEPS; i++) {
        if (!is_planned(w, &steps[i]))
            continue;
        steps[i].describe(w, words, sizeof words);
        print_step(steps[i].name, words);
    }
    out_end();
}

static int
run_steps(struct work *w)
{
    int code = EX_OK;

    for (size_t i = 0; i < STEPS && code == EX_OK; i++) {
        if (steps[i].run == run_password)
            w->account = account_look(&w->a);
        if (!steps[i].needed(w))
            continue;
        if (ctl_interrupted())
            return EX_TEMPFAIL;
        code = fault_fails("install.step") ? EX_TEMPFAIL : steps[i].run(w);
        if (code == EX_OK)
            out_words("%s: done\n", steps[i].name);
        fflush(stdout);
        fault_point("install.done");
    }
    return code;
}

/* --- what is next -------------------------------------------------------- */

static void
next(const char *words)
{
    field_print_more("next", words, strlen(words));
}

static void
tell_password(const struct work *w)
{
    char words[LONGEST_WORDS];

    switch (account_look(&w->a)) {
    case ACCOUNT_EMPTY:
        snprintf(words, sizeof words,
            "[database] password in %s, and run mbevctl install again: it gives"
            " it to mbev_service",
            w->a.ctl->config);
        next(words);
        break;
    case ACCOUNT_DIFFERS:
        snprintf(words, sizeof words,
            "mbev_service has another password than %s says: make them the"
            " same, see grants.sql",
            w->a.ctl->config);
        next(words);
        break;
    case ACCOUNT_GOOD:
    case ACCOUNT_FRESH:
    case ACCOUNT_OTHER:
        break;
    }
}

static void
tell_billing(const struct work *w)
{
    char words[LONGEST_WORDS];

    if (strcmp(w->a.configured_billing, w->a.billing) == 0)
        return;
    snprintf(words, sizeof words, "[database] billing = %s in %s", w->a.billing,
        w->a.ctl->config);
    next(words);
}

static void
tell_next(const struct work *w)
{
    tell_billing(w);
    tell_password(w);
    if (w->s.service == SERVICE_NONE) {
        next("sudo -u mbevd mbevd -t");
        next("sudo systemctl enable --now mbevd");
    }
    next("sudo mbevctl doctor");
}

/* Kept with the other things that were done by hand. */
static void
note(const struct work *w)
{
    struct bytes sql = bytes_make(64 * 1024);
    struct act act = { .words = "version " MBEV_VERSION };
    struct link link;

    ctl_note(&sql, w->a.ctl, &act);
    if (admin_link(&w->a, &link, "mikbill_events", 0, NULL, NULL) &&
        db_run(link.db, &sql) != DB_OK)
        admin_failed(link.db);
    link_close(&link);
    bytes_free(&sql);
}

/* --- the verbs ----------------------------------------------------------- */

static int
do_it(struct work *w)
{
    int code =
        ctl_confirm(w->a.ctl, NULL, w->upgrade ? "Upgrade it" : "Install it");

    if (code == EX_OK)
        code = run_steps(w);
    if (code != EX_OK)
        return code;
    note(w);
    out_words("\n");
    code = proof_run(&w->a);
    tell_next(w);
    return code;
}

static int
work(struct work *w)
{
    int code = admin_find_billing(&w->a);

    if (code != EX_OK)
        return code;
    ctl_interrupted(); /* from now on Ctrl-C is waited for */
    if (!survey_look(&w->s, &w->a) || !survey_print(&w->s, &w->a))
        return EX_UNAVAILABLE;
    w->account = w->s.accounts ? account_look(&w->a) : ACCOUNT_EMPTY;
    code = find_obstacle(w);
    if (code != EX_OK)
        return code;
    print_plan(w);
    return w->a.ctl->dry ? EX_OK : do_it(w);
}

static int
open_and_work(struct ctl *ctl, bool upgrade)
{
    struct work *w = calloc(1, sizeof *w);
    int code;

    if (!w)
        return EX_OSERR;
    w->upgrade = upgrade;
    code = admin_open(&w->a, ctl);
    if (code == EX_OK)
        code = work(w);
    admin_close(&w->a);
    free(w);
    return code;
}

int
ctl_install(struct ctl *ctl)
{
    return open_and_work(ctl, false);
}

int
ctl_upgrade(struct ctl *ctl)
{
    return open_and_work(ctl, true);
}
