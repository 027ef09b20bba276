/* moves: see moves.h. */
#include "moves.h"

#include "snapshot.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A change of tariff that the billing made by an UPDATE, so long before it
 * deleted the row or since, has an event of its own. */
enum { KNOWN_WITHIN_S = 10 };

/* Where a row of users went is looked at so many times later: until then it
 * shows of one that left another table before that it had come to users. */
enum { MOVED_WAITS = 2 };

bool
moves_is_kind(const char *kind)
{
    return strcmp(kind, MOVES_LEFT) == 0 || strcmp(kind, MOVES_MOVED) == 0;
}

void
moves_add_ripe(struct bytes *sql, const struct settings *set)
{
    bytes_printf(sql,
        "(o.kind NOT IN ('" MOVES_LEFT "', '" MOVES_MOVED "')"
        " OR o.captured_utc <= UTC_TIMESTAMP(3) - INTERVAL"
        " IF(o.kind = '" MOVES_MOVED "', %d, 1) * %" PRId64 " MICROSECOND)",
        MOVED_WAITS, set->billing.state_settle_ms * 1000);
}

static bool
is_active(const struct subscriber *sub)
{
    return sub->place == PLACE_USERS && (!sub->modern || sub->state == 1);
}

static bool
is_away(const struct subscriber *sub)
{
    return sub->place == PLACE_FROZEN || sub->place == PLACE_BLOCKED ||
           sub->place == PLACE_DELETED;
}

/* Whether the next table that the subscriber left was users. */
static enum db_status
ask_been_back(struct db *db, const struct move *move, bool *back)
{
    struct bytes sql = bytes_make(1024);
    struct db_rows *rows;
    enum db_status status;

    bytes_printf(&sql,
        "SELECT body LIKE '%%\"table\":\"users\",%%'"
        " FROM outbox FORCE INDEX (PRIMARY) WHERE id > %" PRIu64
        " AND kind = '" MOVES_MOVED "'"
        " AND body LIKE '%%\"uid\":%" PRIu64 ",%%'"
        " AND body NOT LIKE '%%\"table\":\"%s\",%%' ORDER BY id LIMIT 1",
        move->outbox_id, move->event->uid, move->table);
    status = db_query(db, &sql, &rows);
    bytes_free(&sql);
    if (status != DB_OK)
        return status;
    *back = db_next(rows) && db_uint(rows, 0) > 0;
    db_rows_close(&rows);
    return DB_OK;
}

/* Back among the active, perhaps for a moment only: from where tells what it
 * was. */
static enum db_status
resolve_left(struct db *db, struct move *move, const struct subscriber *sub)
{
    enum db_status status = DB_OK;
    bool back = is_active(sub);

    if (is_away(sub))
        status = ask_been_back(db, move, &back);
    if (status != DB_OK || !back)
        return status;
    move->event->kind = strcmp(move->table, billing_table(PLACE_FROZEN)) == 0
                            ? EVENT_UNFREEZE
                            : EVENT_UNBLOCK;
    return DB_OK;
}

static bool
has_other_tariff(const struct move *move, const struct subscriber *sub)
{
    return sub->place != PLACE_NONE && sub->gid != move->event->gid;
}

/* Whether an UPDATE was captured that gave this tariff. */
static enum db_status
ask_known(struct db *db, const struct move *move, uint64_t gid, bool *known)
{
    struct bytes sql = bytes_make(1024);
    struct db_rows *rows;
    enum db_status status;

    bytes_printf(&sql,
        "SELECT (SELECT COUNT(*) FROM event WHERE uid = %" PRIu64
        " AND kind = 'tariff_change' AND captured_utc >="
        " CAST('%s' AS DATETIME(3)) - INTERVAL %d SECOND"
        " AND body LIKE '%%\"gid_new\":%" PRIu64 "}')"
        " + (SELECT COUNT(*) FROM outbox WHERE kind = 'tariff_change'"
        " AND body LIKE '%%\"uid\":%" PRIu64 ",%%\"gid_new\":%" PRIu64 "}')",
        move->event->uid, move->captured, KNOWN_WITHIN_S, gid, move->event->uid,
        gid);
    status = db_query(db, &sql, &rows);
    bytes_free(&sql);
    if (status != DB_OK)
        return status;
    *known = db_next(rows) && db_uint(rows, 0) > 0;
    db_rows_close(&rows);
    return DB_OK;
}

static void
make_change(struct move *move, const struct subscriber *sub)
{
    struct event *event = move->event;

    snprintf(move->body, sizeof move->body,
        "{\"v\":1,\"table\":\"%s\",\"uid\":%" PRIu64 ",\"gid_old\":%" PRIu64
        ",\"gid_new\":%" PRIu64 "}",
        billing_table(sub->place), event->uid, event->gid, sub->gid);
    event->kind = EVENT_TARIFF_CHANGE;
    event->gid = sub->gid;
}

static enum db_status
resolve(struct db *db, struct move *move, const struct subscriber *sub)
{
    enum db_status status;
    bool known = false;

    if (move->left)
        return resolve_left(db, move, sub);
    if (!has_other_tariff(move, sub))
        return DB_OK;
    status = ask_known(db, move, sub->gid, &known);
    if (status == DB_OK && !known)
        make_change(move, sub);
    return status;
}

enum db_status
moves_resolve(struct engine *e, struct move *move, size_t n)
{
    uint64_t *uids = calloc(n + 1, sizeof *uids);
    struct snapshot snap = { 0 };
    enum db_status status = DB_REFUSED;

    for (size_t i = 0; uids && i < n; i++)
        uids[i] = move[i].event->uid;
    if (uids)
        status = snapshot_load(&snap, e->db, &e->billing, uids, n);
    for (size_t i = 0; status == DB_OK && i < n; i++)
        status =
            resolve(e->db, &move[i], snapshot_find(&snap, move[i].event->uid));
    snapshot_free(&snap);
    free(uids);
    return status;
}
