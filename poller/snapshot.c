/* snapshot: see snapshot.h. */
#include "snapshot.h"

#include <stdlib.h>
#include <string.h>

enum { LARGEST_SQL = 1 << 20 };

static void
add_uids(struct bytes *sql, const uint64_t *uids, size_t n)
{
    for (size_t i = 0; i < n; i++)
        bytes_printf(sql, "%s%llu", i ? "," : "", (unsigned long long)uids[i]);
}

/* The tables need not agree on charset and collation. */
static void
add_place(struct bytes *sql, const struct billing *billing, enum place place)
{
    bool state = billing->modern && place == PLACE_USERS;

    bytes_printf(sql,
        "SELECT uid, %d AS place, %s AS state,"
        " CONVERT(user USING utf8mb4) COLLATE utf8mb4_bin,"
        " CONVERT(sms_tel USING utf8mb4) COLLATE utf8mb4_bin FROM ",
        (int)place, state ? "state" : "0");
    db_name(sql, billing->name);
    bytes_printf(sql, ".%s WHERE uid IN (", billing_table(place));
}

static void
build(struct bytes *sql, const struct billing *billing, const uint64_t *uids,
    size_t n)
{
    for (enum place p = 0; p < BILLING_PLACES; p++) {
        if (!billing->has[p])
            continue;
        if (sql->n)
            bytes_str(sql, " UNION ALL ");
        add_place(sql, billing, p);
        add_uids(sql, uids, n);
        bytes_chr(sql, ')');
    }
    bytes_str(sql, " ORDER BY uid, place");
}

static char *
copy(const char *s)
{
    return strdup(s ? s : "");
}

/* Takes the first row of each subscriber: the one in the smallest place. */
static bool
take(struct snapshot *snap, struct db_rows *rows, bool modern)
{
    snap->sub = calloc(db_rows_count(rows) + 1, sizeof *snap->sub);
    if (!snap->sub)
        return false;
    while (db_next(rows)) {
        struct subscriber *s = &snap->sub[snap->n];
        uint64_t uid = db_uint(rows, 0);

        if (snap->n && s[-1].uid == uid)
            continue;
        s->uid = uid;
        s->modern = modern;
        s->place = (enum place)db_uint(rows, 1);
        s->state = (int)db_uint(rows, 2);
        s->login = copy(db_col(rows, 3));
        s->sms_tel = copy(db_col(rows, 4));
        snap->n++;
        if (!s->login || !s->sms_tel)
            return false;
    }
    return true;
}

enum db_status
snapshot_load(struct snapshot *snap, struct db *db,
    const struct billing *billing, const uint64_t *uids, size_t n)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    struct db_rows *rows;
    enum db_status status;

    *snap = (struct snapshot){ 0 };
    if (n == 0)
        return DB_OK;
    build(&sql, billing, uids, n);
    status = db_query(db, &sql, &rows);
    bytes_free(&sql);
    if (status == DB_OK && !take(snap, rows, billing->modern))
        status = DB_REFUSED;
    db_rows_close(&rows);
    return status;
}

static int
compare(const void *key, const void *member)
{
    uint64_t uid = *(const uint64_t *)key;
    const struct subscriber *s = member;

    return (uid > s->uid) - (uid < s->uid);
}

const struct subscriber *
snapshot_find(const struct snapshot *snap, uint64_t uid)
{
    static char nothing[1];
    static const struct subscriber nobody = {
        .place = PLACE_NONE, .login = nothing, .sms_tel = nothing
    };
    const struct subscriber *s = NULL;

    if (snap->n)
        s = bsearch(&uid, snap->sub, snap->n, sizeof *snap->sub, compare);
    return s ? s : &nobody;
}

void
snapshot_free(struct snapshot *snap)
{
    for (size_t i = 0; snap->sub && i <= snap->n; i++) {
        free(snap->sub[i].login);
        free(snap->sub[i].sms_tel);
    }
    free(snap->sub);
    *snap = (struct snapshot){ 0 };
}
