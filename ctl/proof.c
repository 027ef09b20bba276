/* proof: see proof.h. */
#include "proof.h"

#include "doctor.h"
#include "library.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { FAILED = 1, ANSWER_S = 30, LARGEST_SQL = 4096 };

static const char server_checks[] =
    "server,read only,replica,counters,lock waits,binary log,gtid,engines,"
    "packets";
static const char capture_checks[] = "library,schema,tables,installation";

/* Checks of a connection of their own: they change its settings. */
struct looking {
    struct ctl ctl;
    struct link link;
    struct bytes errors;
    struct doctor d;
};

static bool
looking_open(struct looking *l, const struct admin *a, const char *database)
{
    *l = (struct looking){ .ctl = *a->ctl, .errors = bytes_make(1) };
    l->d.ctl = &l->ctl;
    l->d.errors = &l->errors;
    if (!admin_link(a, &l->link, database, ANSWER_S, NULL, NULL))
        return false;
    l->ctl.db = l->link.db;
    return doctor_prepare(&l->d);
}

/* One that was lost is closed already. */
static void
looking_close(struct looking *l)
{
    if (l->d.gone)
        l->link.db = l->ctl.db;
    link_close(&l->link);
    doctor_drop(&l->d);
    bytes_free(&l->errors);
}

bool
proof_server(const struct admin *a)
{
    struct looking l;
    bool good = looking_open(&l, a, NULL);

    if (good) {
        doctor_look(&l.d, &doctor_server, server_checks);
        doctor_print(&l.d, false);
        good = doctor_count(&l.d, RESULT_FAILED) == 0;
    }
    looking_close(&l);
    return good;
}

/* --- a change that is captured ------------------------------------------- */

/* A row that a ROLLBACK takes back, and that no trigger of others sees. */
static bool
may_be_tried(const struct admin *a, struct db *db)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    bool may;

    bytes_str(&sql,
        "SELECT COUNT(*) FROM information_schema.TABLES AS t WHERE"
        " TABLE_NAME = 'bugh_plategi_stat' AND ENGINE IN (SELECT ENGINE FROM"
        " information_schema.ENGINES WHERE TRANSACTIONS = 'YES') AND NOT"
        " EXISTS (SELECT 1 FROM information_schema.TRIGGERS WHERE"
        " EVENT_OBJECT_SCHEMA = t.TABLE_SCHEMA AND EVENT_OBJECT_TABLE ="
        " t.TABLE_NAME AND DEFINER <> 'mbev_trigger@localhost')"
        " AND TABLE_SCHEMA = ");
    db_text(&sql, a->billing);
    may = admin_number(db, bytes_text(&sql)) > 0;
    bytes_free(&sql);
    return may;
}

/* A payment with the number 0, which takes none of the billing's numbers. */
static const char payment[] =
    "SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO';"
    "SET @mbev_last = (SELECT COALESCE(MAX(id), 0) FROM"
    " mikbill_events.outbox);"
    "START TRANSACTION;"
    "INSERT INTO bugh_plategi_stat (plategid, uid, date, who, bughtypeid,"
    " before_billing, summa, comment)"
    " VALUES (0, 0, NOW(), 0, 5, 0, 0, 'mikbill-events: is it captured?')";

static const char captured[] =
    "SELECT COUNT(*) FROM mikbill_events.outbox WHERE id > @mbev_last"
    " AND body LIKE '%\"bugh_plategi_stat\"%' AND body LIKE '%\"id\":0,%'";

static void
try_payment(struct doctor *d, const struct admin *a, struct db *db)
{
    d->check = "capture";
    if (!may_be_tried(a, db))
        doctor_tell(d, RESULT_NOTE,
            "book a small payment, and see mbevctl trace",
            "is not tried: bugh_plategi_stat has no transactions, or triggers"
            " of somebody else, too");
    else if (db_exec(db, payment) != DB_OK)
        doctor_tell(d, RESULT_NOTE,
            "book a small payment, and see mbevctl trace",
            "could not be tried: %s", db_error(db));
    else if (admin_number(db, captured) == 1)
        doctor_tell(
            d, RESULT_OK, NULL, "a payment was captured, and taken back");
    else
        doctor_tell(d, RESULT_FAILED,
            "the error log of the server; then run this again",
            "a payment was not captured (it was taken back)");
    db_rollback(db);
}

static void
check_capture(struct doctor *d, const struct admin *a)
{
    struct link link;

    if (admin_link(a, &link, a->billing, ANSWER_S, NULL, NULL))
        try_payment(d, a, link.db);
    link_close(&link);
}

/* --- the service's account ----------------------------------------------- */

/* With its own eyes: rights are seen by who has them. */
static void
check_service(struct looking *l, const struct admin *a)
{
    struct db_settings settings = settings_database(&a->set);
    struct db *admin = l->ctl.db;

    if (!a->configured || !*a->set.database.password)
        return;
    settings.answer_s = ANSWER_S;
    l->ctl.db = db_make(&settings);
    l->d.check = "grants";
    if (l->ctl.db && db_open(l->ctl.db) == DB_OK && doctor_prepare(&l->d))
        doctor_look(&l->d, &doctor_grants, NULL);
    else
        doctor_tell(&l->d, RESULT_WARNING,
            "make the password of the account and that of the configuration"
            " the same: SET PASSWORD, see sql/grants.sql",
            "%s cannot log in as %s says: %s", settings.user, a->ctl->config,
            l->ctl.db ? db_error(l->ctl.db) : "out of memory");
    db_close(&l->ctl.db);
    l->ctl.db = admin;
}

static void
check_loaded(struct doctor *d, const struct admin *a)
{
    struct library library;

    library_look(&library, a);
    d->check = "loaded library";
    if (library.other)
        doctor_tell(d, RESULT_WARNING,
            "restart the database server when it suits; it works until then",
            "the server has another mbev.so loaded than that of this version");
    else
        doctor_tell(d, RESULT_OK, NULL, "is that of this version");
}

int
proof_run(const struct admin *a)
{
    struct looking l;
    bool good = looking_open(&l, a, "mikbill_events");

    if (good) {
        doctor_look(&l.d, &doctor_capture, capture_checks);
        doctor_look(&l.d, &doctor_triggers, NULL);
        check_loaded(&l.d, a);
        check_service(&l, a);
        check_capture(&l.d, a);
        doctor_print(&l.d, true);
        good = doctor_count(&l.d, RESULT_FAILED) == 0 && !l.d.no_memory;
    }
    looking_close(&l);
    return good ? EX_OK : FAILED;
}
