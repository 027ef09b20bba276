/* stored: see stored.h. */
#include "stored.h"

#include "actions/action.h"
#include "owner.h"
#include "utf8.h"

#include <inttypes.h>

enum { MOST_IDS = 250 };

/* A name that outlives the row: of an action that this version knows. */
static const char *
action_name(const char *name)
{
    const struct action *action = action_find(name);

    return action ? action->name : "unknown";
}

static const char *
notice_name(const char *name)
{
    enum notice_kind kind = settings_notice_of(name);

    return kind < NOTICES ? settings_notice_name(kind) : NULL;
}

struct delivery *
stored_read(const struct db_rows *rows)
{
    struct delivery *d =
        delivery_make(action_name(db_col(rows, 10)), db_col(rows, 8));

    if (!d)
        return NULL;
    d->id = db_uint(rows, 0);
    d->event_id = db_uint(rows, 1);
    d->epoch = db_uint(rows, 2);
    d->attempts = (unsigned)db_uint(rows, 3);
    d->receiver = (unsigned)db_uint(rows, 4);
    d->log_id = db_uint(rows, 5);
    d->uid = db_uint(rows, 6);
    utf8_copy(d->address, sizeof d->address, db_col(rows, 7), db_len(rows, 7));
    delivery_set_key(d, db_col(rows, 9));
    d->lane = delivery_lane_of(db_col(rows, 11));
    route_parse(&d->route, db_col(rows, 12));
    d->ask = db_uint(rows, 13) != 0;
    d->plan_us = (int64_t)db_uint(rows, 14);
    if (db_uint(rows, 15))
        d->state = DELIVERY_EXPIRED;
    d->notice = notice_name(db_col(rows, 16));
    utf8_copy(d->captured_utc, sizeof d->captured_utc, db_col(rows, 17),
        db_len(rows, 17));
    return d;
}

/* The first due rows of one state, straight off the index. */
static void
add_due_of(struct bytes *sql, size_t state, enum lane_id lane,
    const struct head *head, const char *also, size_t most)
{
    bytes_printf(sql,
        "(SELECT id, due_utc FROM delivery WHERE state = '%s' AND lane = '%s'"
        " AND due_utc <= UTC_TIMESTAMP(3)",
        head_states[state], delivery_lane_name(lane));
    head_add(sql, head, state);
    bytes_printf(sql, "%s ORDER BY due_utc, id LIMIT %zu)", also, most);
}

void
stored_add_due(struct bytes *sql, enum lane_id lane, const struct head *head,
    const char *also, size_t most)
{
    bytes_str(sql, " FROM (");
    for (size_t i = 0; i < HEAD_STATES; i++) {
        bytes_str(sql, i ? " UNION ALL " : "");
        add_due_of(sql, i, lane, head, also, most);
    }
    /* In the order of the first table: another would be sorted with all texts,
     * in a temporary table on the disk. */
    bytes_printf(sql,
        ") AS due STRAIGHT_JOIN delivery AS d ON d.id = due.id"
        " STRAIGHT_JOIN event AS e ON e.id = d.event_id"
        " ORDER BY due.due_utc, due.id LIMIT %zu",
        most);
}

#define COLUMNS                                                                \
    "id, event_id, action, receiver, state, lane, route, notice, due_utc,"     \
    " expires_utc, plan_utc, epoch, attempts, address, payload,"               \
    " reason, changed_utc, dry, part"

void
stored_add_insert(struct bytes *sql)
{
    bytes_str(sql, "INSERT INTO delivery (" COLUMNS ") VALUES ");
}

/* A time of the server's clock; LLONG_MAX: none. */
static void
add_from_now(struct bytes *sql, int64_t us)
{
    if (us == INT64_MAX)
        bytes_str(sql, "NULL,");
    else
        bytes_printf(
            sql, "UTC_TIMESTAMP(3) + INTERVAL %" PRId64 " MICROSECOND,", us);
}

static void
add_plan(struct bytes *sql, int64_t us)
{
    if (us == 0)
        bytes_str(sql, "NULL,");
    else
        bytes_printf(
            sql, "'1970-01-01' + INTERVAL %" PRId64 " MICROSECOND,", us);
}

void
stored_add_row(struct bytes *sql, const struct delivery *d, const char *base)
{
    char route[ROUTE_TEXT];

    bytes_printf(sql, "(%" PRIu64 ",%s%" PRIu64 ",'%s',%u,'%s','%s',", d->id,
        base, d->event_id, d->action, d->receiver,
        delivery_state_name(d->state), delivery_lane_name(d->lane));
    db_text(sql, d->route.n ? route_print(&d->route, route) : NULL);
    bytes_chr(sql, ',');
    db_text(sql, d->notice);
    bytes_chr(sql, ',');
    add_from_now(sql, d->delay_us);
    add_from_now(sql, d->expires_in_us);
    add_plan(sql, d->plan_us);
    bytes_printf(sql, "%" PRIu64 ",%u,", d->epoch, d->attempts);
    db_text(sql, d->address[0] ? d->address : NULL);
    bytes_chr(sql, ',');
    db_text(sql, d->payload);
    bytes_chr(sql, ',');
    db_text(sql, d->reason[0] ? d->reason : NULL);
    bytes_printf(sql, ",UTC_TIMESTAMP(3),%d,%u)", d->dry, owner_part(d->uid));
}

void
stored_add_renewal(struct bytes *sql)
{
    bytes_str(sql,
        " ON DUPLICATE KEY UPDATE state = VALUES(state), lane = VALUES(lane),"
        " route = VALUES(route), notice = VALUES(notice),"
        " due_utc = VALUES(due_utc), plan_utc = VALUES(plan_utc),"
        " epoch = VALUES(epoch), attempts = VALUES(attempts),"
        " address = VALUES(address), payload = VALUES(payload),"
        " reason = VALUES(reason), changed_utc = VALUES(changed_utc),"
        " dry = VALUES(dry)");
}

void
stored_add_change(struct bytes *sql, const uint64_t *id, size_t n,
    const char *change, const char *are)
{
    bytes_str(sql, "UPDATE ");
    db_ids(sql, id, n);
    bytes_printf(sql,
        " AS one STRAIGHT_JOIN delivery AS d FORCE INDEX (PRIMARY)"
        " ON d.id = one.id SET %s WHERE %s;",
        change, are);
}

void
stored_add_changes(struct bytes *sql, const struct delivery_list *list,
    const char *change, const char *are)
{
    const struct delivery *d = list->first;
    uint64_t id[MOST_IDS];

    while (d) {
        size_t n = 0;

        for (; d && n < MOST_IDS; d = d->next)
            id[n++] = d->id;
        stored_add_change(sql, id, n, change, are);
    }
}
