/* owner: see owner.h. */
#include "owner.h"

#include "clock.h"
#include "fault.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
lock_failed(const char *path)
{
    if (errno == EWOULDBLOCK)
        log_fatal("owner: another mbevd runs with this doorbell: %s is "
                  "locked; stop it first",
            path);
    else
        log_fatal("owner: cannot open %s: %s; the folder must exist and "
                  "belong to the service's user",
            path, strerror(errno));
    return false;
}

/* Hosts may share a name; the machine's id tells them apart. */
static void
name_holder(struct owner *owner)
{
    char host[65] = "", id[33] = "";
    FILE *f = fopen("/etc/machine-id", "re");

    if (f) {
        if (!fgets(id, sizeof id, f))
            id[0] = '\0';
        fclose(f);
    }
    gethostname(host, sizeof host - 1);
    snprintf(owner->holder, sizeof owner->holder, "%s:%.32s:%s", host, id,
        owner->set->service.doorbell);
}

bool
owner_open(struct owner *owner, const struct settings *set)
{
    char path[160], folder[160];

    *owner = (struct owner){ .set = set, .lock_fd = -1 };
    name_holder(owner);
    snprintf(folder, sizeof folder, "%s", set->service.doorbell);
    mkdir(dirname(folder), 0755);
    snprintf(path, sizeof path, "%s.lock", set->service.doorbell);
    owner->lock_fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (owner->lock_fd < 0)
        return lock_failed(path);
    if (flock(owner->lock_fd, LOCK_EX | LOCK_NB) < 0)
        return lock_failed(path);
    return true;
}

void
owner_close(struct owner *owner)
{
    if (owner->lock_fd >= 0)
        close(owner->lock_fd);
    owner->lock_fd = -1;
}

static void
add_lease(struct bytes *sql, const struct owner *owner)
{
    bytes_printf(sql,
        " lease_until_utc = UTC_TIMESTAMP(3) + INTERVAL %lld MICROSECOND",
        (long long)owner->set->service.lease_ms * 1000);
}

/* Counts from before the statement: the true lease ends no earlier. */
static void
lease_runs(struct owner *owner, int64_t asked_us)
{
    owner->until_us = asked_us + owner->set->service.lease_ms * 1000;
}

/* Appends when the server was started, rather a little later: by its clock,
 * which knows seconds only. */
static enum db_status
add_start(struct bytes *sql, struct db *db)
{
    struct db_rows *rows;
    enum db_status status =
        db_ask(db, "SHOW GLOBAL STATUS LIKE 'Uptime'", &rows);
    uint64_t seconds = 0;

    if (status != DB_OK)
        return status;
    if (db_next(rows))
        seconds = db_uint(rows, 1);
    db_rows_close(&rows);
    bytes_printf(sql,
        "UTC_TIMESTAMP(3) - INTERVAL %llu SECOND + INTERVAL 1 SECOND",
        (unsigned long long)seconds);
    return DB_OK;
}

/* Appends what holds of whatever another holder leaves to us. */
static enum db_status
add_inheritance(struct bytes *sql, struct db *db, const char *epoch)
{
    enum db_status status;

    bytes_str(sql, " inherited_id = (SELECT COALESCE(MAX(id), 0) FROM"
                   " delivery), inherited_utc = ");
    status = add_start(sql, db);
    bytes_printf(sql, ", inherited_epoch = %s,", epoch);
    return status;
}

/* --- rows ---------------------------------------------------------------- */

static const char row_beside[] = "beside-";

static bool
is_main(const char *name)
{
    return strcmp(name, OWNER_MAIN) == 0;
}

/* The number of a row, which is in each of its epochs: so no two rows ever have
 * the same, not even where two nodes of a cluster give them at a time. */
static unsigned
number_of(const char *name)
{
    return is_main(name)
               ? 0
               : (unsigned)strtoul(name + sizeof row_beside - 1, NULL, 10);
}

static enum db_status
read_rows(struct db *db, struct owner_rows *rows, const char *lock)
{
    char sql[256];
    struct db_rows *found;
    enum db_status status;

    rows->n = 0;
    snprintf(sql, sizeof sql,
        "SELECT name, holder, epoch, lease_until_utc < UTC_TIMESTAMP(3), parts"
        " FROM owner ORDER BY name LIMIT %d%s",
        OWNER_MOST, lock);
    status = db_ask(db, sql, &found);
    if (status != DB_OK)
        return status;
    while (rows->n < OWNER_MOST && db_next(found)) {
        struct owner_row *row = &rows->at[rows->n++];

        snprintf(row->name, sizeof row->name, "%s", db_col(found, 0));
        snprintf(row->holder, sizeof row->holder, "%s", db_col(found, 1));
        row->epoch = db_uint(found, 2);
        row->over = db_uint(found, 3) != 0;
        row->parts = (uint32_t)db_uint(found, 4);
    }
    db_rows_close(&found);
    return DB_OK;
}

static const struct owner_row *
find_name(const struct owner_rows *rows, const char *name)
{
    for (size_t i = 0; i < rows->n; i++)
        if (strcmp(rows->at[i].name, name) == 0)
            return &rows->at[i];
    return NULL;
}

static const struct owner_row *
find_ours(const struct owner *owner, const struct owner_rows *rows)
{
    for (size_t i = 0; i < rows->n; i++)
        if (strcmp(rows->at[i].holder, owner->holder) == 0)
            return &rows->at[i];
    return NULL;
}

enum db_status
owner_look(struct owner *owner, struct db *db, struct owner_rows *rows)
{
    enum db_status status = read_rows(db, rows, "");

    if (status != DB_OK || find_name(rows, OWNER_MAIN)) {
        owner->told = false;
        return status;
    }
    if (!owner->told)
        log_error("owner: table owner has no row 'main'; run sql/schema.sql");
    owner->told = true;
    return DB_REFUSED;
}

static bool
is_free(const struct owner_row *row)
{
    return !row || (row->over && row->parts == 0);
}

static bool
find_free(const struct owner_rows *rows, char name[OWNER_NAME + 1])
{
    for (int i = 1; i < OWNER_MOST; i++) {
        snprintf(name, OWNER_NAME + 1, "%s%d", row_beside, i);
        if (is_free(find_name(rows, name)))
            return true;
    }
    return false;
}

/* The row to take: main when nobody else has it; where the work is shared ours,
 * or the first free one. False when there is none. */
static bool
choose(const struct owner *owner, const struct owner_rows *rows,
    char name[OWNER_NAME + 1])
{
    const struct owner_row *ours = find_ours(owner, rows);

    if (find_name(rows, OWNER_MAIN)->over || (ours && is_main(ours->name)))
        snprintf(name, OWNER_NAME + 1, "%s", OWNER_MAIN);
    else if (!owner->shares)
        return false;
    else if (ours)
        snprintf(name, OWNER_NAME + 1, "%s", ours->name);
    else
        return find_free(rows, name);
    return true;
}

/* The next epoch of a row: higher than any that there is, or was. */
static uint64_t
next_epoch(
    const struct owner *owner, const struct owner_rows *rows, const char *name)
{
    uint64_t highest = owner->last_epoch;

    for (size_t i = 0; i < rows->n; i++)
        if (rows->at[i].epoch > highest)
            highest = rows->at[i].epoch;
    return (highest / OWNER_MOST + 1) * OWNER_MOST + number_of(name);
}

/* Whether its parts go to who takes that row: a service that is gone, or what
 * we were before. */
static bool
is_merged(
    const struct owner *owner, const struct owner_row *row, const char *name)
{
    return is_main(name) && !is_main(row->name) &&
           ((row->over && row->parts != 0) ||
               strcmp(row->holder, owner->holder) == 0);
}

uint32_t
owner_missing(const struct owner_rows *rows)
{
    uint32_t parts = 0;

    for (size_t i = 0; i < rows->n; i++)
        parts |= rows->at[i].parts;
    return ~parts;
}

/* What is merged is nobody's any more: whoever wakes up there commits nothing.
 * Returns the parts, with those that stand nowhere. */
static uint32_t
add_merged(struct bytes *sql, const struct owner *owner,
    const struct owner_rows *rows, const char *name)
{
    uint32_t parts = is_main(name) ? owner_missing(rows) : 0;

    for (size_t i = 0; i < rows->n; i++) {
        const struct owner_row *row = &rows->at[i];

        if (!is_merged(owner, row, name))
            continue;
        parts |= row->parts;
        bytes_printf(sql,
            "UPDATE owner SET epoch = %llu, holder = '', parts = 0,"
            " lease_until_utc = '2000-01-01' WHERE name = '%s';",
            (unsigned long long)next_epoch(owner, rows, row->name), row->name);
    }
    return parts;
}

/* Appends what takes a row. Nobody was there before the first. */
static enum db_status
add_taking(struct bytes *sql, const struct owner *owner, struct db *db,
    const struct owner_rows *rows, const char *name)
{
    const struct owner_row *row = find_name(rows, name);
    uint32_t merged = add_merged(sql, owner, rows, name);
    enum db_status status = DB_OK;

    /* What is said of the epoch below means the new one. */
    bytes_printf(sql, "UPDATE owner SET epoch = %llu,",
        (unsigned long long)next_epoch(owner, rows, name));
    if (merged || (*row->holder && strcmp(row->holder, owner->holder) != 0))
        status = add_inheritance(sql, db, "epoch");
    else if (!*row->holder)
        bytes_str(sql, " inherited_id = (SELECT COALESCE(MAX(id), 0) FROM"
                       " delivery), inherited_epoch = epoch,");
    bytes_printf(sql, " parts = parts | %lu, holder = ", (unsigned long)merged);
    db_text(sql, owner->holder);
    bytes_chr(sql, ',');
    add_lease(sql, owner);
    bytes_printf(sql, " WHERE name = '%s';", name);
    return status;
}

/* Reads our row again, as it was committed. */
static enum db_status
read_ours(struct owner *owner, struct db *db, uint64_t *epoch, bool *ours)
{
    char sql[256];
    struct db_rows *rows;
    enum db_status status;

    *epoch = 0;
    *ours = false;
    snprintf(sql, sizeof sql,
        "SELECT epoch, holder, inherited_id, inherited_utc, inherited_epoch,"
        " parts FROM owner WHERE name = '%s'",
        owner->name);
    status = db_ask(db, sql, &rows);
    if (status != DB_OK)
        return status;
    if (db_next(rows)) {
        *epoch = db_uint(rows, 0);
        *ours = strcmp(db_col(rows, 1), owner->holder) == 0;
        owner->inherited_id = db_uint(rows, 2);
        snprintf(owner->inherited_utc, sizeof owner->inherited_utc, "%s",
            db_col(rows, 3));
        owner->inherited_epoch = db_uint(rows, 4);
        owner->parts = (uint32_t)db_uint(rows, 5);
    }
    db_rows_close(&rows);
    return DB_OK;
}

/* On a node of a cluster: first all that the holder before us has committed at
 * another one. Servers of other kinds do not know the word. */
static enum db_status
read_ours_when_synced(
    struct owner *owner, struct db *db, uint64_t *epoch, bool *ours)
{
    bool knows = db_exec(db, "SET SESSION wsrep_sync_wait = 1") == DB_OK;
    enum db_status status = read_ours(owner, db, epoch, ours);

    if (status == DB_OK && knows)
        status = db_exec(db, "SET SESSION wsrep_sync_wait = 0");
    return status;
}

/* A row of its own for one more service. */
static enum db_status
make_row(struct db *db, const char *name)
{
    struct bytes sql = bytes_make(256);
    enum db_status status;

    bytes_printf(&sql,
        "INSERT IGNORE INTO owner (name, epoch, holder, lease_until_utc,"
        " parts) VALUES ('%s', 0, '', '2000-01-01', 0)",
        name);
    status = db_run(db, &sql);
    bytes_free(&sql);
    return status;
}

/* With all rows locked. *taken: whether there still was one to take. */
static enum db_status
take_locked(struct owner *owner, struct db *db, bool *taken)
{
    struct bytes sql = bytes_make(8192);
    struct owner_rows rows;
    enum db_status status = read_rows(db, &rows, " FOR UPDATE");

    *taken = false;
    if (status == DB_OK && find_name(&rows, OWNER_MAIN) &&
        choose(owner, &rows, owner->name) && find_name(&rows, owner->name)) {
        *taken = true;
        status = add_taking(&sql, owner, db, &rows, owner->name);
        bytes_str(&sql, DB_COMMIT);
        if (status == DB_OK)
            status = db_commit(db, &sql);
    }
    bytes_free(&sql);
    return status;
}

static enum db_status
take_over(struct owner *owner, struct db *db, bool *taken)
{
    struct owner_rows rows;
    enum db_status status = owner_look(owner, db, &rows);

    *taken = false;
    if (status != DB_OK)
        return status;
    snprintf(owner->other, sizeof owner->other, "%s",
        find_name(&rows, OWNER_MAIN)->holder);
    if (!choose(owner, &rows, owner->name))
        return DB_OK;
    if (!find_name(&rows, owner->name))
        status = make_row(db, owner->name);
    if (status == DB_OK)
        status = db_exec(db, DB_BEGIN);
    if (status == DB_OK)
        status = take_locked(owner, db, taken);
    if (status != DB_GONE && (status != DB_OK || !*taken))
        db_rollback(db);
    return status;
}

enum db_status
owner_acquire(struct owner *owner, struct db *db)
{
    int64_t asked_us = clock_boot_us();
    uint64_t epoch = 0;
    bool ours = false, taken;
    enum db_status status;

    owner->lost = false;
    owner->epoch = 0;
    owner->leaving = 0;
    status = take_over(owner, db, &taken);
    if (status == DB_OK && taken)
        status = read_ours_when_synced(owner, db, &epoch, &ours);
    fault_point("owner.taken");
    if (status == DB_OK && taken && ours) {
        owner->epoch = owner->last_epoch = epoch;
        lease_runs(owner, asked_us);
    }
    return status;
}

/* --- parts --------------------------------------------------------------- */

bool
owner_is_main(const struct owner *owner)
{
    return is_main(owner->name);
}

unsigned
owner_part(uint64_t uid)
{
    return (unsigned)(uid % OWNER_PARTS);
}

unsigned
owner_count(uint32_t parts)
{
    unsigned n = 0;

    for (; parts; parts &= parts - 1)
        n++;
    return n;
}

bool
owner_may_serve(const struct owner *owner, uint64_t uid)
{
    return ((owner->parts & ~owner->leaving) >> owner_part(uid)) & 1;
}

/* Which none are is no part of any. */
static void
add_list(struct bytes *sql, uint32_t parts)
{
    bytes_printf(sql, " IN (%d", OWNER_PARTS);
    for (unsigned i = 0; i < OWNER_PARTS; i++)
        if (parts >> i & 1)
            bytes_printf(sql, ",%u", i);
    bytes_chr(sql, ')');
}

void
owner_add_parts(struct bytes *sql, const struct owner *owner, const char *what)
{
    uint32_t parts = owner->parts & ~owner->leaving;

    if (parts == OWNER_ALL)
        return;
    bytes_printf(sql, " AND %s", what);
    add_list(sql, parts);
}

/* Whether nothing is under way in these; what we know only in memory stands as
 * begun in the table. */
static enum db_status
look_for_calls(struct db *db, uint32_t parts, bool *none)
{
    struct bytes sql = bytes_make(1024);
    struct db_rows *rows;
    enum db_status status;

    bytes_str(&sql, "SELECT 1 FROM delivery WHERE state = 'calling' AND part");
    add_list(&sql, parts);
    bytes_str(&sql, " LIMIT 1");
    status = db_query(db, &sql, &rows);
    bytes_free(&sql);
    if (status != DB_OK)
        return status;
    *none = !db_next(rows);
    db_rows_close(&rows);
    return DB_OK;
}

/* The first statement is the other one's: a row that is not there any more
 * changes nothing. */
static enum db_status
move_parts(struct owner *owner, struct db *db, struct bytes *theirs,
    uint32_t parts, bool *there)
{
    struct bytes ours = bytes_make(512);
    enum db_status status = owner_begin(owner, db);

    if (status == DB_OK)
        status = db_run(db, theirs);
    *there = status == DB_OK && db_matched(db) == 1;
    if (!*there) {
        db_rollback(db);
        bytes_free(&ours);
        return status;
    }
    bytes_printf(&ours,
        "UPDATE owner SET parts = parts & ~%lu WHERE name = '%s';",
        (unsigned long)parts, owner->name);
    return owner_commit_with(owner, db, &ours);
}

enum db_status
owner_give(struct owner *owner, struct db *db, const struct owner_row *to,
    uint32_t parts, bool *given)
{
    struct bytes sql = bytes_make(2048);
    bool none = false;
    enum db_status status = look_for_calls(db, parts, &none);

    *given = false;
    bytes_str(&sql, "UPDATE owner SET");
    if (status == DB_OK && none)
        status = add_inheritance(&sql, db, "epoch + 1");
    bytes_printf(&sql,
        " parts = parts | %lu WHERE name = '%s' AND epoch = %llu"
        " AND lease_until_utc > UTC_TIMESTAMP(3)",
        (unsigned long)parts, to->name, (unsigned long long)to->epoch);
    if (status == DB_OK && none)
        status = move_parts(owner, db, &sql, parts, given);
    bytes_free(&sql);
    if (*given && status == DB_OK)
        owner->parts &= ~parts;
    return status;
}

bool
owner_may_have_lost(
    const struct owner *owner, const char *captured_utc, uint64_t epoch)
{
    return epoch < owner->inherited_epoch &&
           strcmp(captured_utc, owner->inherited_utc) < 0;
}

/* Proves that we still own the work, and prolongs the lease. */
static void
add_proof(struct bytes *sql, const struct owner *owner)
{
    bytes_str(sql, "UPDATE owner SET");
    add_lease(sql, owner);
    bytes_printf(sql,
        " WHERE name = '%s' AND epoch = %llu AND holder = ", owner->name,
        (unsigned long long)owner->epoch);
    db_text(sql, owner->holder);
}

static void
lose(void *arg)
{
    struct owner *owner = arg;

    owner->epoch = 0;
    owner->lost = true;
}

/* The proof goes in one packet with what is done first. */
enum db_status
owner_begin(struct owner *owner, struct db *db)
{
    struct bytes sql = bytes_make(2048);

    owner->asked_us = clock_boot_us();
    bytes_str(&sql, DB_BEGIN ";");
    add_proof(&sql, owner);
    bytes_chr(&sql, ';');
    if (!bytes_ok(&sql))
        return DB_REFUSED;
    db_put_first(db, &sql, DB_BEGIN_STATEMENTS + 1, lose, owner);
    return DB_OK;
}

enum db_status
owner_renew(struct owner *owner, struct db *db)
{
    struct bytes sql = bytes_make(2048);
    int64_t asked_us = clock_boot_us();
    enum db_status status;

    add_proof(&sql, owner);
    status = db_run(db, &sql);
    bytes_free(&sql);
    if (status != DB_OK)
        return status;
    if (db_matched(db) == 0) {
        lose(owner);
        return DB_REFUSED;
    }
    lease_runs(owner, asked_us);
    return DB_OK;
}

enum db_status
owner_commit_with(struct owner *owner, struct db *db, struct bytes *sql)
{
    enum db_status status = db_send_first(db);

    bytes_str(sql, DB_COMMIT);
    fault_point("owner.commit");
    if (status == DB_OK)
        status = db_commit(db, sql);
    fault_point("owner.committed");
    bytes_free(sql);
    if (status == DB_OK)
        lease_runs(owner, owner->asked_us);
    else if (status != DB_GONE)
        db_rollback(db);
    return status;
}

enum db_status
owner_commit(struct owner *owner, struct db *db)
{
    struct bytes nothing = bytes_make(64);

    return owner_commit_with(owner, db, &nothing);
}

enum db_status
owner_run(struct owner *owner, struct db *db, struct bytes *sql)
{
    enum db_status status = owner_begin(owner, db);

    if (status == DB_OK)
        return owner_commit_with(owner, db, sql);
    bytes_free(sql);
    return status;
}

void
owner_release(struct owner *owner, struct db *db)
{
    struct bytes sql = bytes_make(1024);

    if (owner->epoch == 0)
        return;
    bytes_printf(&sql,
        "UPDATE owner SET lease_until_utc = UTC_TIMESTAMP(3)"
        " WHERE name = '%s' AND epoch = %llu",
        owner->name, (unsigned long long)owner->epoch);
    db_run(db, &sql);
    bytes_free(&sql);
    owner->epoch = 0;
}
