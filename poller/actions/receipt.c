/*
 * receipt: the action that makes a fiscal receipt for a payment or refund.
 *
 * Promises: the number and every byte of the request are in the tables, by
 * the transaction of the decision, before the first call; a number is never
 * used for anything else again. What became of a number is recorded in table
 * receipt and in the billing's own list of receipts.
 */
#include "actions/action.h"

#include "providers/komtet.h"
#include "providers/provider.h"
#include "rules/credit.h"
#include "rules/receipt.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { LARGEST_SQL = 512 * 1024, LARGEST_BODY = 256 * 1024, UID_TEXT = 24 };

static bool
routed(const struct settings *set, enum event_kind kind)
{
    return receipt_is_on(set, kind);
}

/* A payment of type 62 may be a bonus: that is known a little later. */
static int64_t
after_ms(const struct settings *set, enum event_kind kind)
{
    int64_t ms = set->receipt.after_ms;
    bool api = kind == EVENT_API_PAYMENT || kind == EVENT_API_REFUND;

    return api && set->billing.api_settle_ms > ms ? set->billing.api_settle_ms
                                                  : ms;
}

static bool
needs_api(const struct facts *facts, const struct settings *set)
{
    (void)set;
    return credit_is_api(facts->event);
}

/* --- the decision ------------------------------------------------------- */

static void
add_log_table(struct bytes *sql, const struct settings *set,
    const struct billing *billing, const char *verb)
{
    bytes_printf(sql, "%s ", verb);
    db_name(sql, billing->name);
    bytes_printf(sql, ".%s ", set->receipt.table);
}

/* The number is made as the predecessor makes it: year and month, then the
 * number of the row in the billing's list. */
static void
add_number(struct bytes *sql, const struct settings *set,
    const struct billing *billing, const struct receipt_plan *plan,
    uint64_t uid)
{
    add_log_table(sql, set, billing, "INSERT INTO");
    bytes_printf(sql, "(user_id, contact) VALUES ('%" PRIu64 "',", uid);
    db_text(sql, plan->contact);
    bytes_str(sql, ");SET @mbev_log = LAST_INSERT_ID(), @mbev_number ="
                   " CONCAT(");
    db_text(sql, set->receipt.number_prefix);
    bytes_str(sql, ", DATE_FORMAT(NOW(), '%y%m'), LAST_INSERT_ID());");
    add_log_table(sql, set, billing, "UPDATE");
    bytes_str(sql, "SET int_id = @mbev_number WHERE id = @mbev_log;");
}

static void
add_row(struct bytes *sql, const struct settings *set,
    const struct receipt_plan *plan, const struct facts *facts)
{
    bytes_str(sql,
        "INSERT INTO receipt (event_id, uid, number, log_table, log_id, back,"
        " kopecks, contact, day, created_utc) VALUES (");
    bytes_printf(sql, "%" PRIu64 ",%" PRIu64 ",@mbev_number,'%s',@mbev_log",
        facts->event_id, facts->event->uid, set->receipt.table);
    bytes_printf(sql, ",%d,%" PRId64 ",", plan->back, plan->kopecks);
    db_text(sql, plan->contact);
    bytes_str(sql, ",CURDATE(),UTC_TIMESTAMP(3));");
}

/* Every byte of the request, with the number in its place. */
static void
add_body(struct bytes *sql, const struct settings *set,
    const struct receipt *receipt, uint64_t event_id)
{
    struct bytes head = bytes_make(LARGEST_BODY);
    struct bytes tail = bytes_make(LARGEST_BODY);

    komtet_head(&head, set);
    komtet_tail(&tail, set, receipt);
    bytes_str(sql, "UPDATE delivery SET log_id = @mbev_log, ask = FALSE,"
                   " payload = CONCAT(");
    db_text(sql, bytes_text(&head));
    bytes_str(sql, ", @mbev_number, ");
    db_text(sql, bytes_text(&tail));
    bytes_printf(sql,
        ") WHERE event_id = %" PRIu64
        " AND action = 'receipt' AND receiver = 0;",
        event_id);
    sql->failed |= !bytes_ok(&head) || !bytes_ok(&tail);
    bytes_free(&head);
    bytes_free(&tail);
}

/* What the receipt says. uid: room for the number. */
static struct receipt
print_on(const struct receipt_plan *plan, const struct facts *facts,
    char uid[UID_TEXT])
{
    snprintf(uid, UID_TEXT, "%" PRIu64, facts->event->uid);
    return (struct receipt){
        .back = plan->back,
        .contact = plan->contact,
        .kopecks = plan->kopecks,
        .login = facts->sub->login,
        .uid = uid,
        .cashier = facts->cashier ? facts->cashier->name : NULL,
        .cashier_inn = facts->cashier ? facts->cashier->inn : NULL,
    };
}

static char *
make_effect(const struct receipt_plan *plan, const struct facts *facts,
    const struct settings *set, const struct billing *billing)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    char uid[UID_TEXT], *effect;
    const struct receipt receipt = print_on(plan, facts, uid);

    add_number(&sql, set, billing, plan, facts->event->uid);
    add_row(&sql, set, plan, facts);
    add_body(&sql, set, &receipt, facts->event_id);
    effect = bytes_ok(&sql) ? strdup(bytes_text(&sql)) : NULL;
    bytes_free(&sql);
    return effect;
}

/* The request as it would be, without a number: none is taken in a dry run. */
static char *
make_dry(const struct receipt_plan *plan, const struct facts *facts,
    const struct settings *set)
{
    struct bytes body = bytes_make(LARGEST_BODY);
    char uid[UID_TEXT], *text;
    const struct receipt receipt = print_on(plan, facts, uid);

    komtet_head(&body, set);
    komtet_tail(&body, set, &receipt);
    text = bytes_ok(&body) ? strdup(bytes_text(&body)) : NULL;
    bytes_free(&body);
    return text;
}

static bool
make(struct delivery_list *list, const struct receipt_plan *plan,
    const struct facts *facts, const struct settings *set,
    const struct billing *billing)
{
    struct delivery *d = delivery_make(action_receipt.name, NULL);
    const char *lacking = komtet.lacks(set);

    if (!d)
        return false;
    d->state = DELIVERY_READY;
    d->lane = LANE_KOMTET;
    snprintf(d->address, sizeof d->address, "%s", plan->contact);
    if (lacking)
        snprintf(d->reason, sizeof d->reason, "waits: %s", lacking);
    if (facts->dry)
        d->payload = make_dry(plan, facts, set);
    else
        d->effect = make_effect(plan, facts, set, billing);
    delivery_push(list, d);
    return d->payload || d->effect;
}

static bool
decide(struct delivery_list *list, const struct facts *facts,
    const struct settings *set, const struct billing *billing)
{
    struct receipt_plan plan;

    receipt_decide(&plan, facts, set);
    if (plan.decision.verdict == VERDICT_DO && !billing->has_receipts &&
        !facts->dry)
        decision_set(&plan.decision, VERDICT_WAIT, BILLING_NO_RECEIPTS);
    if (plan.decision.verdict == VERDICT_DO)
        return make(list, &plan, facts, set, billing);
    return action_refuse(list, &action_receipt, &plan.decision) &&
           action_claim_credit(list->last, facts, plan.credit);
}

/* --- what became of a call ---------------------------------------------- */

/* Komtet has it: its task is followed, where it is known. */
static void
add_accepted(
    struct bytes *sql, const struct delivery *d, const struct settings *set)
{
    const struct outcome *o = &d->outcome;

    bytes_str(sql, "stage = 'accepted', accepted_utc = UTC_TIMESTAMP(3),"
                   " task_state = ");
    db_text(sql, o->state[0] ? o->state : NULL);
    bytes_str(sql, ", task_id = ");
    db_text(sql, o->provider_id[0] ? o->provider_id : NULL);
    bytes_str(sql, ", error = ");
    db_text(sql, o->class == OUTCOME_ACCEPTED ? NULL : o->why);
    bytes_str(sql, ", look_utc = ");
    if (o->provider_id[0])
        bytes_printf(sql, "UTC_TIMESTAMP(3) + INTERVAL %" PRId64 " MICROSECOND",
            set->receipt.look_first_ms * 1000);
    else
        bytes_str(sql, "NULL");
}

/* Somebody else's number: the task that Komtet named is not ours. */
static bool
is_burnt(const struct delivery *d)
{
    return d->state == DELIVERY_READY && d->lane == LANE_DECIDE;
}

/* The stage that the number comes to; NULL: it is still to be sent. */
static const char *
stage_after(const struct delivery *d)
{
    switch (d->state) {
    case DELIVERY_DEAD:
        return "refused";
    case DELIVERY_DOUBTFUL:
        return "doubtful";
    case DELIVERY_READY:
        return is_burnt(d) ? "burnt" : NULL;
    default:
        return NULL;
    }
}

/* It was certainly not taken. What Komtet has told meanwhile of this number
 * (callback) is then of somebody else's receipt. */
static bool
was_not_taken(const struct delivery *d)
{
    return d->state != DELIVERY_DONE && !d->ask;
}

/* Takes back what Komtet has told of somebody else's receipt. */
static void
add_nothing_told(struct bytes *sql)
{
    bytes_str(sql,
        ", task_id = NULL, task_state = NULL, accepted_utc = NULL,"
        " look_utc = NULL, link = NULL, fiscal_i = NULL, fiscal_fn = NULL,"
        " fiscal_t = NULL, fiscal_n = NULL, fiscal_fp = NULL,"
        " fiscal_rn = NULL, fiscal_sh = NULL, fiscal_shn = NULL,"
        " fiscal_kopecks = NULL");
}

static void
add_failure(struct bytes *sql, const struct delivery *d)
{
    const char *stage = stage_after(d);

    bytes_str(sql, "error = ");
    db_text(sql, d->outcome.why);
    if (stage || was_not_taken(d))
        bytes_printf(sql, ", stage = '%s', ended_utc = %s",
            stage ? stage : "new", stage ? "UTC_TIMESTAMP(3)" : "NULL");
    if (was_not_taken(d))
        add_nothing_told(sql);
}

/* Komtet may have told of it (callback) before its reply was recorded, or in
 * place of a reply: there is nothing more to be sent. */
static void
add_told(struct bytes *sql, const struct delivery *d)
{
    bytes_printf(sql,
        "UPDATE delivery AS d JOIN receipt AS r ON r.event_id = d.event_id"
        " AND r.log_id = d.log_id SET d.state = IF(r.stage = 'failed', 'dead',"
        " 'done'), d.reason = r.error WHERE d.id = %" PRIu64
        " AND r.stage IN ('accepted', 'done', 'failed');",
        d->id);
}

static void
record(struct bytes *sql, const struct delivery *d, const struct settings *set)
{
    bytes_str(sql, "UPDATE receipt SET ");
    if (d->state == DELIVERY_DONE)
        add_accepted(sql, d, set);
    else
        add_failure(sql, d);
    bytes_printf(sql,
        " WHERE event_id = %" PRIu64 " AND log_id = %" PRIu64
        " AND stage IN ('new'%s);",
        d->event_id, d->log_id,
        was_not_taken(d) ? ", 'accepted', 'done', 'failed'" : "");
    if (!was_not_taken(d))
        add_told(sql, d);
}

/* The row of its number, where that is in the table of today's settings, and
 * unless Komtet has told more of it. */
static void
add_log_row(struct bytes *sql, const struct delivery *d,
    const struct settings *set, const char *task_id)
{
    bytes_printf(sql, " WHERE id = %" PRIu64, d->log_id);
    if (!was_not_taken(d))
        bytes_str(sql, " AND COALESCE(state, '') NOT IN ('done', 'error')");
    bytes_printf(sql,
        " AND EXISTS (SELECT 1 FROM receipt WHERE event_id = %" PRIu64
        " AND log_id = %" PRIu64 " AND log_table = '%s' AND task_id <=> ",
        d->event_id, d->log_id, set->receipt.table);
    db_text(sql, task_id);
    bytes_str(sql, ");");
}

/* The billing's list: Komtet's number and state, or what went wrong. */
static void
log_receipt(struct bytes *sql, const struct delivery *d,
    const struct settings *set, const struct billing *billing)
{
    const struct outcome *o = &d->outcome;
    bool accepted = o->class == OUTCOME_ACCEPTED, ours = !is_burnt(d);
    const char *task_id = ours && o->provider_id[0] ? o->provider_id : NULL;

    if (!billing->has_receipts)
        return;
    billing_lock_row(sql, billing, set->receipt.table, "id", d->log_id);
    add_log_table(sql, set, billing, "UPDATE");
    bytes_str(sql, "SET ext_id = ");
    db_text(sql, task_id ? komtet_int_id(task_id) : NULL);
    bytes_str(sql, ", state = ");
    db_text(sql, ours && o->state[0] ? o->state : NULL);
    bytes_str(sql, ", error = ");
    db_text(sql, accepted ? NULL : o->words[0] ? o->words : o->why);
    add_log_row(sql, d, set, task_id);
}

const struct action action_receipt = {
    .name = "receipt",
    .in_billing = true,
    .routed = routed,
    .after_ms = after_ms,
    .expire_ms = action_never_expires,
    .needs_api = needs_api,
    .decide = decide,
    .record = record,
    .log = log_receipt,
};
