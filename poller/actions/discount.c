/*
 * discount: the action that ends a subscriber's discounts when the tariff
 * changes, or the subscriber is frozen, blocked or deleted: rows of
 * users_custom_fields go, rows of logs say so.
 */
#include "actions/action.h"

#include "rules/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { LARGEST_SQL = 64 * 1024 };

static bool
routed(const struct settings *set, enum event_kind kind)
{
    return kind < EVENT_KINDS && set->discounts.on[kind];
}

static int64_t
after_ms(const struct settings *set, enum event_kind kind)
{
    return action_settled_ms(set, kind, set->discounts.after_ms);
}

static bool
subscriber_fits(
    struct decision *d, const struct facts *facts, const struct settings *set)
{
    const struct subscriber *sub = facts->sub;

    if (event_kind_is_state(facts->event->kind))
        return state_holds(d, facts->event->kind, sub, set);
    if (sub->place == PLACE_NONE)
        return decision_skip(d, "there is no such subscriber");
    if (sub->place == PLACE_USERS ||
        (sub->place == PLACE_FROZEN &&
            (!sub->modern || set->billing.moved_subscribers)))
        return true;
    return decision_skip(
        d, "the subscriber is in table %s", billing_table(sub->place));
}

static bool
has_discounts(struct decision *d, const struct facts *facts,
    const struct billing *billing)
{
    if (!billing->has_fields || !billing->has_logs)
        return decision_set(d, VERDICT_WAIT,
            "this account sees no table users_custom_fields or logs; run "
            "sql/grants.sql");
    return facts->sub->removable + facts->ended > 0 ||
           decision_skip(d, "no discount is set");
}

/* FROM users_custom_fields, the rows of the subscriber with this key exactly:
 * the table's own collation takes letters of another case for the same. */
static void
add_rows(struct bytes *sql, const struct billing *billing, uint64_t uid,
    const char *key)
{
    bytes_str(sql, " FROM ");
    db_name(sql, billing->name);
    bytes_printf(
        sql, ".users_custom_fields WHERE uid = %" PRIu64 " AND `key` = ", uid);
    db_text(sql, key);
    bytes_str(sql, " AND BINARY `key` = ");
    db_text(sql, key);
}

/* Where a ROLLBACK does not undo: what an earlier try of ours has logged is
 * not logged again. */
static void
add_unless_logged(struct bytes *sql, const struct billing *billing,
    const struct facts *facts, const char *key)
{
    char since[CIVIL_TEXT];

    bytes_str(sql, " AND NOT EXISTS (SELECT 1 FROM ");
    db_name(sql, billing->name);
    bytes_printf(sql,
        ".logs AS l WHERE l.uid = %" PRIu64
        " AND l.logtypeid = 1 AND l.stuffid = 0 AND l.date >= '%s'"
        " AND l.valuename = ",
        facts->event->uid, civil_print(&facts->captured, since));
    db_text(sql, key);
    bytes_chr(sql, ')');
}

static void
add_removal(struct bytes *sql, const struct billing *billing,
    const struct facts *facts, const char *key)
{
    uint64_t uid = facts->event->uid;

    bytes_str(sql, "INSERT INTO ");
    db_name(sql, billing->name);
    bytes_printf(sql,
        ".logs (stuffid, date, logtypeid, uid, gid, ip, valuename, oldvalue,"
        " newvalue) SELECT 0, NOW(), 1, uid, %" PRIu64
        ", NULL, `key`, value, NULL",
        facts->sub->gid);
    add_rows(sql, billing, uid, key);
    if (!billing->undoable)
        add_unless_logged(sql, billing, facts, key);
    bytes_str(sql, "; DELETE");
    add_rows(sql, billing, uid, key);
    bytes_chr(sql, ';');
}

/* Locks what is to go of these keys, at once and without waiting where the
 * server can. What is held by others makes the statement fail, and the work is
 * put off. */
static void
add_lock(struct bytes *sql, const struct billing *billing,
    const struct facts *facts, char *const *keys, size_t n)
{
    bytes_str(sql, "SELECT 1 FROM ");
    db_name(sql, billing->name);
    bytes_printf(sql,
        ".users_custom_fields WHERE uid = %" PRIu64 " AND `key` IN (''",
        facts->event->uid);
    for (size_t i = 0; i < n; i++) {
        bytes_chr(sql, ',');
        db_text(sql, keys[i]);
    }
    bytes_str(sql, ")" DB_LOCK_NOWAIT);
}

static bool
remove_at_once(struct delivery *d, const struct facts *facts,
    const struct text_list *keys, const struct billing *billing)
{
    struct bytes sql = bytes_make(LARGEST_SQL);

    add_lock(&sql, billing, facts, keys->text, keys->n);
    for (size_t i = 0; i < keys->n; i++)
        add_removal(&sql, billing, facts, keys->text[i]);
    d->effect = bytes_ok(&sql) ? strdup(bytes_text(&sql)) : NULL;
    bytes_free(&sql);
    return d->effect != NULL;
}

/* Who waits for a row while holding another may end in a deadlock, and the
 * billing may be its victim. So where the server can only wait, one row is held
 * at a time. */
static bool
remove_one_by_one(struct delivery *d, const struct facts *facts,
    const struct text_list *keys, const struct billing *billing)
{
    bool good = true;

    for (size_t i = 0; good && i < keys->n; i++) {
        struct bytes sql = bytes_make(LARGEST_SQL);

        add_lock(&sql, billing, facts, &keys->text[i], 1);
        add_removal(&sql, billing, facts, keys->text[i]);
        good = bytes_ok(&sql) && delivery_add_step(d, bytes_text(&sql));
        bytes_free(&sql);
    }
    return good;
}

static bool
remove_all(struct delivery_list *list, const struct facts *facts,
    const struct settings *set, const struct billing *billing)
{
    struct delivery *d = delivery_make(action_discount_remove.name, NULL);
    bool good;

    if (!d)
        return false;
    d->state = DELIVERY_DONE;
    snprintf(d->reason, sizeof d->reason, "%u removed",
        facts->sub->removable + facts->ended);
    good = (billing->locks_at_once ? remove_at_once : remove_one_by_one)(
        d, facts, &set->discounts.keys, billing);
    delivery_push(list, d);
    return good;
}

static bool
decide(struct delivery_list *list, const struct facts *facts,
    const struct settings *set, const struct billing *billing)
{
    struct decision decision = { 0 };

    if (!subscriber_fits(&decision, facts, set) ||
        !has_discounts(&decision, facts, billing))
        return action_refuse(list, &action_discount_remove, &decision);
    return remove_all(list, facts, set, billing);
}

const struct action action_discount_remove = {
    .name = "discount_remove",
    .in_billing = true,
    .one_by_one = true,
    .routed = routed,
    .after_ms = after_ms,
    .expire_ms = action_never_expires,
    .needs_api = action_needs_no_api,
    .decide = decide,
};
