/* snapshot: see snapshot.h. */
#include "snapshot.h"

#include "money.h"
#include "utf8.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST_SQL = 1 << 20 };

static const char contract_key[] = "ext_date_fiz_contract_conclusion";

static const char *const discount_keys[DISCOUNTS] = {
    [DISCOUNT_EXTENDED] = "ext_discount_extended",
    [DISCOUNT_GLOBAL] = "ext_discount_global",
    [DISCOUNT_PACKET] = "ext_discount_packet",
    [DISCOUNT_SUBS] = "ext_discount_subs",
    [DISCOUNT_DEVICE] = "ext_discount_device",
};

static void
add_uids(struct bytes *sql, const uint64_t *uids, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bytes_str(sql, i ? "," : "");
        bytes_uint(sql, uids[i]);
    }
}

/* FROM billing.table */
static void
add_from(struct bytes *sql, const struct billing *billing, const char *table)
{
    bytes_str(sql, " FROM ");
    db_name(sql, billing->name);
    bytes_printf(sql, ".%s", table);
}

/* The tables need not agree on charset and collation. */
#define TEXT_OF(column) "CONVERT(" column " USING utf8mb4) COLLATE utf8mb4_bin"
#define MILLIONTHS_OF(column) "CAST(" column " AS DECIMAL(26,6))"

static void
add_place(struct bytes *sql, const struct billing *billing, enum place place)
{
    bool state = billing->modern && place == PLACE_USERS;

    bytes_printf(sql, "SELECT u.uid, %d AS place, %s AS state, ", (int)place,
        state ? "u.state" : "0");
    bytes_str(sql, TEXT_OF("u.user") "," TEXT_OF("u.sms_tel") ",");
    bytes_str(sql, billing->has_email[place] ? TEXT_OF("u.email") : "NULL");
    bytes_str(sql, ", u.gid");
    bytes_str(
        sql, place == PLACE_USERS ? ", u.blocked, u.date_abonka" : ", 0, 0");
    bytes_str(sql, billing->has_real_ip[place] ? ", u.real_ip" : ", 0");
    bytes_str(sql, ", CAST(ROUND(ROUND(u.credit, 2) * 100) AS SIGNED), ");
    if (billing->has_packets) {
        bytes_str(sql, TEXT_OF("p.packet") ",");
        bytes_str(sql, MILLIONTHS_OF("p.fixed_cost") ",");
        bytes_str(sql, MILLIONTHS_OF("p.razresh_minus"));
    } else {
        bytes_str(sql, "NULL, NULL, NULL");
    }
    add_from(sql, billing, billing_table(place));
    bytes_str(sql, " AS u");
    if (billing->has_packets) {
        bytes_str(sql, " LEFT JOIN ");
        db_name(sql, billing->name);
        bytes_str(sql, ".packets AS p ON p.gid = u.gid");
    }
    bytes_str(sql, " WHERE u.uid IN (");
}

/* From the places before that one. */
static void
build(struct bytes *sql, const struct billing *billing, enum place end,
    const uint64_t *uids, size_t n)
{
    for (enum place p = 0; p < end; p++) {
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

/* An amount of money as millionths; one that is no number, or too large, is
 * taken for the largest: no rule will be met by it. */
static int64_t
millionths(const char *text)
{
    int64_t value = 0;

    return !text || decimal_parse(text, 6, &value) ? value : INT64_MAX;
}

static int64_t
whole(const char *text)
{
    int64_t value = 0;

    return text && decimal_parse(text, 0, &value) ? value : 0;
}

static bool
take_subscriber(struct subscriber *s, const struct db_rows *rows)
{
    s->uid = db_uint(rows, 0);
    s->place = (enum place)db_uint(rows, 1);
    s->state = (int)db_uint(rows, 2);
    s->login = copy(db_col(rows, 3));
    s->sms_tel = copy(db_col(rows, 4));
    s->email = copy(db_col(rows, 5));
    s->gid = db_uint(rows, 6);
    s->blocked = (int)whole(db_col(rows, 7));
    s->fee_day = (int)whole(db_col(rows, 8));
    s->real_ip = (int)whole(db_col(rows, 9));
    s->credit_kopecks = whole(db_col(rows, 10));
    s->tariff.known = db_col(rows, 11) != NULL;
    s->tariff.name = copy(db_col(rows, 11));
    s->tariff.fee_millionths = millionths(db_col(rows, 12));
    s->tariff.overdraft_millionths = millionths(db_col(rows, 13));
    return s->login && s->sms_tel && s->email && s->tariff.name;
}

/* Takes the first row of each subscriber: the one in the smallest place. */
static bool
take(struct snapshot *snap, struct db_rows *rows, bool modern)
{
    size_t n = snap->n + db_rows_count(rows);
    struct subscriber *sub = realloc(snap->sub, (n + 1) * sizeof *sub);

    if (!sub)
        return false;
    snap->sub = sub;
    while (db_next(rows)) {
        struct subscriber *s = &snap->sub[snap->n];

        if (snap->n && s[-1].uid == db_uint(rows, 0))
            continue;
        snap->n++;
        *s = (struct subscriber){ 0 };
        s->modern = modern;
        if (!take_subscriber(s, rows))
            return false;
    }
    return true;
}

static int
compare(const void *key, const void *member)
{
    uint64_t uid = *(const uint64_t *)key;
    const struct subscriber *s = member;

    return (uid > s->uid) - (uid < s->uid);
}

static struct subscriber *
find(const struct snapshot *snap, uint64_t uid)
{
    if (snap->n == 0)
        return NULL;
    return bsearch(&uid, snap->sub, snap->n, sizeof *snap->sub, compare);
}

static bool
is_listed(const struct text_list *list, const char *text)
{
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->text[i], text) == 0)
            return true;
    return false;
}

static bool
take_field(struct subscriber *s, const struct settings *set,
    const struct db_rows *rows)
{
    const char *key = db_col(rows, 1), *day = db_col(rows, 3);

    s->removable += is_listed(&set->discounts.keys, key);
    if (strcmp(key, contract_key) == 0 && day)
        civil_parse(&s->contract, day);
    for (enum discount i = 0; i < DISCOUNTS; i++) {
        if (strcmp(key, discount_keys[i]) == 0 && !s->discount[i]) {
            s->discount[i] = copy(db_col(rows, 2));
            return s->discount[i] != NULL;
        }
    }
    return true;
}

static void
add_fields_query(struct bytes *sql, const struct billing *billing,
    const struct settings *set, const uint64_t *uids, size_t n)
{
    bytes_str(sql, "SELECT uid, `key`, value, DATE(value)");
    add_from(sql, billing, "users_custom_fields");
    bytes_str(sql, " WHERE uid IN (");
    add_uids(sql, uids, n);
    bytes_str(sql, ") AND `key` IN (");
    db_text(sql, contract_key);
    for (enum discount i = 0; i < DISCOUNTS; i++) {
        bytes_chr(sql, ',');
        db_text(sql, discount_keys[i]);
    }
    for (size_t i = 0; i < set->discounts.keys.n; i++) {
        bytes_chr(sql, ',');
        db_text(sql, set->discounts.keys.text[i]);
    }
    bytes_chr(sql, ')');
}

static enum db_status
load_places(struct snapshot *snap, struct db *db, const struct billing *billing,
    enum place end, const uint64_t *uids, size_t n)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    struct db_rows *rows;
    enum db_status status;

    build(&sql, billing, end, uids, n);
    status = db_query(db, &sql, &rows);
    bytes_free(&sql);
    if (status == DB_OK && !take(snap, rows, billing->modern))
        status = DB_REFUSED;
    db_rows_close(&rows);
    return status;
}

static int
compare_subscribers(const void *a, const void *b)
{
    return compare(&((const struct subscriber *)a)->uid, b);
}

/* Those who are not there. One statement sees all places, for a subscriber may
 * be moved from one to another at any time. */
static enum db_status
load_others(struct snapshot *snap, struct db *db, const struct billing *billing,
    const uint64_t *uids, size_t n)
{
    uint64_t *others = calloc(n, sizeof *others);
    enum db_status status = DB_OK;
    size_t missing = 0;

    if (!others)
        return DB_REFUSED;
    for (size_t i = 0; i < n; i++)
        if (!find(snap, uids[i]))
            others[missing++] = uids[i];
    if (missing > 0) {
        status =
            load_places(snap, db, billing, BILLING_PLACES, others, missing);
        qsort(snap->sub, snap->n, sizeof *snap->sub, compare_subscribers);
    }
    free(others);
    return status;
}

enum db_status
snapshot_load(struct snapshot *snap, struct db *db,
    const struct billing *billing, const uint64_t *uids, size_t n)
{
    enum db_status status;

    *snap = (struct snapshot){ 0 };
    if (n == 0)
        return DB_OK;
    status = load_places(snap, db, billing, PLACE_USERS + 1, uids, n);
    if (status == DB_OK && snap->n < n)
        status = load_others(snap, db, billing, uids, n);
    return status;
}

enum db_status
snapshot_load_fields(struct snapshot *snap, struct db *db,
    const struct billing *billing, const struct settings *set,
    const uint64_t *uids, size_t n)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    struct db_rows *rows;
    enum db_status status;
    bool good = true;

    if (n == 0 || !billing->has_fields)
        return DB_OK;
    add_fields_query(&sql, billing, set, uids, n);
    status = db_query(db, &sql, &rows);
    bytes_free(&sql);
    if (status != DB_OK)
        return status;
    while (good && db_next(rows)) {
        struct subscriber *s = find(snap, db_uint(rows, 0));

        good = !s || take_field(s, set, rows);
    }
    db_rows_close(&rows);
    return good ? DB_OK : DB_REFUSED;
}

enum db_status
snapshot_load_ended(struct snapshot *snap, struct db *db,
    const struct billing *billing, const struct settings *set,
    const uint64_t *uids, size_t n, const struct civil *since)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    struct db_rows *rows;
    enum db_status status;
    char text[CIVIL_TEXT];

    if (n == 0 || !billing->has_logs)
        return DB_OK;
    bytes_str(&sql, "SELECT uid, date, " TEXT_OF("valuename"));
    add_from(&sql, billing, "logs");
    bytes_printf(&sql,
        " WHERE date >= '%s' AND stuffid = 0 AND logtypeid = 1 AND uid IN (",
        civil_print(since, text));
    add_uids(&sql, uids, n);
    bytes_chr(&sql, ')');
    status = db_query(db, &sql, &rows);
    bytes_free(&sql);
    if (status != DB_OK)
        return status;
    snap->ended = calloc(db_rows_count(rows) + 1, sizeof *snap->ended);
    while (snap->ended && db_next(rows)) {
        struct ended *one = &snap->ended[snap->ended_n];

        if (!db_col(rows, 2) ||
            !is_listed(&set->discounts.keys, db_col(rows, 2)))
            continue;
        one->uid = db_uint(rows, 0);
        civil_parse(&one->at, db_col(rows, 1));
        snap->ended_n++;
    }
    db_rows_close(&rows);
    return snap->ended ? DB_OK : DB_REFUSED;
}

unsigned
snapshot_ended(
    const struct snapshot *snap, uint64_t uid, const struct civil *since)
{
    unsigned n = 0;

    for (size_t i = 0; i < snap->ended_n; i++)
        n += snap->ended[i].uid == uid &&
             civil_compare(&snap->ended[i].at, since) >= 0;
    return n;
}

/* The columns of the operator's table of switches, by what they are. */
static void
add_switch_column(
    struct bytes *sql, const struct settings *set, const char *column)
{
    if (*set->exec.switch_table && *column) {
        bytes_str(sql, ", CONVERT(s.");
        db_name(sql, column);
        bytes_str(sql, " USING utf8mb4)");
    } else {
        bytes_str(sql, ", NULL");
    }
}

static void
add_network(struct bytes *sql, const struct billing *billing,
    const struct settings *set, enum place place)
{
    bytes_printf(sql, "SELECT u.uid, %d AS place,", (int)place);
    bytes_str(sql, TEXT_OF("u.local_ip") "," TEXT_OF("u.local_mac"));
    bytes_str(sql, ", u.switchport");
    add_switch_column(sql, set, set->exec.switch_ip);
    add_switch_column(sql, set, set->exec.switch_community);
    add_switch_column(sql, set, set->exec.switch_snmp_port);
    add_switch_column(sql, set, set->exec.switch_type);
    add_from(sql, billing, billing_table(place));
    bytes_str(sql, " AS u");
    if (*set->exec.switch_table) {
        bytes_str(sql, " LEFT JOIN ");
        db_name(sql, billing->name);
        bytes_chr(sql, '.');
        db_name(sql, set->exec.switch_table);
        bytes_str(sql, " AS s ON s.");
        db_name(sql, set->exec.switch_key);
        bytes_str(sql, " = u.swid");
    }
    bytes_str(sql, " WHERE u.uid IN (");
}

static bool
take_network(struct snapshot *snap, struct db_rows *rows)
{
    snap->network = calloc(db_rows_count(rows) + 1, sizeof *snap->network);
    if (!snap->network)
        return false;
    while (db_next(rows)) {
        struct network *one = &snap->network[snap->network_n];

        if (snap->network_n && one[-1].uid == db_uint(rows, 0))
            continue; /* a smaller place wins */
        snap->network_n++;
        one->uid = db_uint(rows, 0);
        for (unsigned i = 0; i < NETWORK_FACTS; i++) {
            one->text[i] = copy(db_col(rows, 2 + i));
            if (!one->text[i])
                return false;
        }
    }
    return true;
}

enum db_status
snapshot_load_network(struct snapshot *snap, struct db *db,
    const struct billing *billing, const struct settings *set,
    const uint64_t *uids, size_t n)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    struct db_rows *rows;
    enum db_status status;

    if (n == 0)
        return DB_OK;
    for (enum place p = 0; p < BILLING_PLACES; p++) {
        if (!billing->has[p])
            continue;
        bytes_str(&sql, sql.n ? " UNION ALL " : "");
        add_network(&sql, billing, set, p);
        add_uids(&sql, uids, n);
        bytes_chr(&sql, ')');
    }
    bytes_str(&sql, " ORDER BY uid, place");
    status = db_query(db, &sql, &rows);
    bytes_free(&sql);
    if (status != DB_OK)
        return status;
    if (!take_network(snap, rows))
        status = DB_REFUSED;
    db_rows_close(&rows);
    return status;
}

const struct network *
snapshot_network(const struct snapshot *snap, uint64_t uid)
{
    for (size_t i = 0; i < snap->network_n; i++)
        if (snap->network[i].uid == uid)
            return &snap->network[i];
    return NULL;
}

static bool
take_api(struct snapshot *snap, struct db_rows *rows)
{
    snap->api = calloc(db_rows_count(rows) + 1, sizeof *snap->api);
    if (!snap->api)
        return false;
    while (db_next(rows)) {
        struct api_row *row = &snap->api[snap->api_n++];

        row->id = db_uint(rows, 0);
        row->uid = db_uint(rows, 1);
        row->category = whole(db_col(rows, 2));
        row->status = whole(db_col(rows, 3));
        row->millionths = millionths(db_col(rows, 4));
        civil_parse(&row->updated, db_col(rows, 5));
        row->comment = copy(db_col(rows, 6));
        row->mark = copy(db_col(rows, 7));
        row->credit_event = db_uint(rows, 8);
        if (!row->comment || !row->mark)
            return false;
    }
    return true;
}

/* The table has no index on user_ref: one query for all of the batch. */
enum db_status
snapshot_load_api(struct snapshot *snap, struct db *db,
    const struct billing *billing, const uint64_t *uids, size_t n,
    const struct civil *since)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    struct db_rows *rows;
    enum db_status status;
    char text[CIVIL_TEXT];

    if (n == 0 || !billing->has_api)
        return DB_OK;
    bytes_str(&sql, "SELECT a.record_id, a.user_ref, a.category, a.status, ");
    bytes_str(&sql, MILLIONTHS_OF("a.amount") ", a.update_time, ");
    bytes_str(&sql, TEXT_OF("a.comment") "," TEXT_OF("a.misc_id"));
    bytes_str(&sql, ", c.event_id");
    add_from(&sql, billing, "addons_pay_api");
    bytes_str(&sql, " AS a LEFT JOIN api_credit AS c"
                    " ON c.record_id = a.record_id WHERE a.user_ref IN (");
    add_uids(&sql, uids, n);
    bytes_printf(&sql,
        ") AND a.update_time >= '%s' ORDER BY a.user_ref, a.record_id",
        civil_print(since, text));
    status = db_query(db, &sql, &rows);
    bytes_free(&sql);
    if (status == DB_OK && !take_api(snap, rows))
        status = DB_REFUSED;
    db_rows_close(&rows);
    return status;
}

/* Fees for a change of tariff, and whatever the staff did. */
static void
add_traces_query(struct bytes *sql, const struct billing *billing,
    const uint64_t *uids, size_t n, const char *between)
{
    bytes_str(sql, "SELECT uid, date");
    add_from(sql, billing, "bugh_plategi_stat");
    bytes_printf(sql, " WHERE bughtypeid IN (23, 26) AND who > 0%s", between);
    add_uids(sql, uids, n);
    bytes_chr(sql, ')');
    if (!billing->has_logs)
        return;
    bytes_str(sql, " UNION ALL SELECT uid, date");
    add_from(sql, billing, "logs");
    bytes_printf(sql, " WHERE stuffid > 0%s", between);
    add_uids(sql, uids, n);
    bytes_chr(sql, ')');
}

enum db_status
snapshot_load_traces(struct snapshot *snap, struct db *db,
    const struct billing *billing, const uint64_t *uids, size_t n,
    const struct civil *from, const struct civil *to)
{
    struct bytes sql = bytes_make(LARGEST_SQL), between = bytes_make(512);
    char first[CIVIL_TEXT], last[CIVIL_TEXT];
    struct db_rows *rows;
    enum db_status status;

    if (n == 0)
        return DB_OK;
    bytes_printf(&between, " AND date BETWEEN '%s' AND '%s' AND uid IN (",
        civil_print(from, first), civil_print(to, last));
    add_traces_query(&sql, billing, uids, n, bytes_text(&between));
    status = db_query(db, &sql, &rows);
    bytes_free(&sql);
    bytes_free(&between);
    if (status != DB_OK)
        return status;
    snap->trace = calloc(db_rows_count(rows) + 1, sizeof *snap->trace);
    while (snap->trace && db_next(rows)) {
        struct staff_trace *trace = &snap->trace[snap->trace_n++];

        trace->uid = db_uint(rows, 0);
        civil_parse(&trace->at, db_col(rows, 1));
    }
    db_rows_close(&rows);
    return snap->trace ? DB_OK : DB_REFUSED;
}

static bool
take_cashier(struct snapshot *snap, const struct db_rows *rows)
{
    struct cashier *c = &snap->cashier[snap->cashier_n++];

    c->id = db_uint(rows, 0);
    c->name = copy(db_col(rows, 1));
    c->inn = copy(db_col(rows, 2));
    return c->name && c->inn;
}

enum db_status
snapshot_load_cashiers(struct snapshot *snap, struct db *db,
    const struct billing *billing, const uint64_t *ids, size_t n)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    struct db_rows *rows;
    enum db_status status;
    bool good;

    if (n == 0 || !billing->has_staff)
        return DB_OK;
    bytes_str(&sql, "SELECT stuffid," TEXT_OF("fio") "," TEXT_OF("inn"));
    add_from(&sql, billing, "stuff_personal");
    bytes_str(&sql, " WHERE stuffid IN (");
    add_uids(&sql, ids, n);
    bytes_chr(&sql, ')');
    status = db_query(db, &sql, &rows);
    bytes_free(&sql);
    if (status != DB_OK)
        return status;
    snap->cashier = calloc(db_rows_count(rows) + 1, sizeof *snap->cashier);
    good = snap->cashier != NULL;
    while (good && db_next(rows))
        good = take_cashier(snap, rows);
    db_rows_close(&rows);
    return good ? DB_OK : DB_REFUSED;
}

static void
copy_text(char *to, size_t size, const struct db_rows *rows, unsigned col)
{
    if (db_col(rows, col))
        utf8_copy(to, size, db_col(rows, col), db_len(rows, col));
}

static void
take_seen(struct snapshot *snap, const struct db_rows *rows)
{
    struct seen *seen = &snap->seen[snap->seen_n];

    snap->seen_uid[snap->seen_n++] = db_uint(rows, 0);
    copy_text(seen->nas, sizeof seen->nas, rows, 1);
    copy_text(seen->ip, sizeof seen->ip, rows, 2);
    copy_text(seen->session, sizeof seen->session, rows, 3);
}

enum db_status
snapshot_load_online(struct snapshot *snap, struct db *db,
    const struct billing *billing, const uint64_t *uids, size_t n)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    struct db_rows *rows;
    enum db_status status;

    if (n == 0 || !billing->has_radacct)
        return DB_OK;
    /* Its index leads to all that a subscriber ever had. */
    bytes_str(&sql, "/*M!100100 SET STATEMENT max_statement_time = 2 FOR */"
                    " SELECT /*+ MAX_EXECUTION_TIME(2000) */ uid,");
    bytes_str(&sql, TEXT_OF("nasipaddress") ",");
    bytes_str(&sql, TEXT_OF("framedipaddress") "," TEXT_OF("acctsessionid"));
    add_from(&sql, billing, "radacct");
    bytes_str(&sql, " WHERE acctterminatecause = 'Online' AND uid IN (");
    add_uids(&sql, uids, n);
    bytes_str(&sql, ") ORDER BY uid");
    status = db_query(db, &sql, &rows);
    bytes_free(&sql);
    if (status != DB_OK)
        return status;
    snap->seen = calloc(db_rows_count(rows) + 1, sizeof *snap->seen);
    snap->seen_uid = calloc(db_rows_count(rows) + 1, sizeof *snap->seen_uid);
    while (snap->seen && snap->seen_uid && db_next(rows))
        take_seen(snap, rows);
    db_rows_close(&rows);
    return snap->seen && snap->seen_uid ? DB_OK : DB_REFUSED;
}

enum db_status
snapshot_load_resets(struct snapshot *snap, struct db *db, const uint64_t *uids,
    size_t n, uint64_t behind)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    struct db_rows *rows;
    enum db_status status;

    if (n == 0)
        return DB_OK;
    bytes_str(&sql,
        "SELECT e.uid, e.id, d.lane <> 'decide',"
        " GREATEST(0, TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(3), d.due_utc))"
        " FROM event AS e STRAIGHT_JOIN delivery AS d ON d.event_id = e.id"
        " AND d.action = 'session_reset'"
        " AND d.state IN ('ready', 'retry', 'calling', 'done')"
        " WHERE e.uid IN (");
    add_uids(&sql, uids, n);
    bytes_printf(&sql, ") AND e.id > %" PRIu64, behind);
    status = db_query(db, &sql, &rows);
    bytes_free(&sql);
    if (status != DB_OK)
        return status;
    snap->reset = calloc(db_rows_count(rows) + 1, sizeof *snap->reset);
    while (snap->reset && db_next(rows)) {
        struct other_reset *one = &snap->reset[snap->reset_n++];

        one->uid = db_uint(rows, 0);
        one->event_id = db_uint(rows, 1);
        one->decided = db_uint(rows, 2) != 0;
        one->due_us = (int64_t)db_uint(rows, 3);
    }
    db_rows_close(&rows);
    return snap->reset ? DB_OK : DB_REFUSED;
}

const struct cashier *
snapshot_cashier(const struct snapshot *snap, int64_t id)
{
    for (size_t i = 0; i < snap->cashier_n; i++)
        if ((int64_t)snap->cashier[i].id == id)
            return &snap->cashier[i];
    return NULL;
}

const struct subscriber *
snapshot_find(const struct snapshot *snap, uint64_t uid)
{
    static char nothing[1];
    static const struct subscriber nobody = { .place = PLACE_NONE,
        .login = nothing,
        .sms_tel = nothing,
        .email = nothing,
        .tariff = { .name = nothing } };
    const struct subscriber *s = find(snap, uid);

    return s ? s : &nobody;
}

const struct api_row *
snapshot_api(const struct snapshot *snap, uint64_t uid, size_t *n)
{
    size_t first = 0;

    *n = 0;
    while (first < snap->api_n && snap->api[first].uid != uid)
        first++;
    while (first + *n < snap->api_n && snap->api[first + *n].uid == uid)
        ++*n;
    return *n ? &snap->api[first] : NULL;
}

const struct seen *
snapshot_seen(const struct snapshot *snap, uint64_t uid, size_t *n)
{
    size_t first = 0;

    *n = 0;
    while (first < snap->seen_n && snap->seen_uid[first] != uid)
        first++;
    while (first + *n < snap->seen_n && snap->seen_uid[first + *n] == uid)
        ++*n;
    return *n ? &snap->seen[first] : NULL;
}

static void
free_subscriber(struct subscriber *s)
{
    free(s->login);
    free(s->sms_tel);
    free(s->email);
    free(s->tariff.name);
    for (enum discount i = 0; i < DISCOUNTS; i++)
        free(s->discount[i]);
}

void
snapshot_free(struct snapshot *snap)
{
    for (size_t i = 0; i < snap->n; i++)
        free_subscriber(&snap->sub[i]);
    for (size_t i = 0; i < snap->api_n; i++) {
        free(snap->api[i].comment);
        free(snap->api[i].mark);
    }
    for (size_t i = 0; i < snap->cashier_n; i++) {
        free(snap->cashier[i].name);
        free(snap->cashier[i].inn);
    }
    free(snap->sub);
    free(snap->cashier);
    free(snap->api);
    free(snap->trace);
    free(snap->seen);
    free(snap->seen_uid);
    free(snap->reset);
    free(snap->ended);
    for (size_t i = 0; i < snap->network_n; i++)
        for (unsigned j = 0; j < NETWORK_FACTS; j++)
            free(snap->network[i].text[j]);
    free(snap->network);
    *snap = (struct snapshot){ 0 };
}
