/* owner: see owner.h. */
#include "owner.h"

#include "clock.h"
#include "fault.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
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

/* Appends what holds of whatever another holder leaves to us. Nobody was there
 * before the first. */
static enum db_status
add_inheritance(struct bytes *sql, const struct owner *owner, struct db *db)
{
    enum db_status status;

    bytes_str(sql, " inherited_id = IF(holder = ");
    db_text(sql, owner->holder);
    bytes_str(sql, ", inherited_id, (SELECT COALESCE(MAX(id), 0) FROM"
                   " delivery)), inherited_utc = IF(holder IN ('', ");
    db_text(sql, owner->holder);
    bytes_str(sql, "), inherited_utc, ");
    status = add_start(sql, db);
    bytes_str(sql, "), inherited_epoch = IF(holder = ");
    db_text(sql, owner->holder);
    bytes_str(sql, ", inherited_epoch, epoch),");
    return status;
}

static enum db_status
take_over(struct owner *owner, struct db *db)
{
    struct bytes sql = bytes_make(2048);
    enum db_status status;

    bytes_printf(&sql, "UPDATE owner SET epoch = GREATEST(epoch, %llu) + 1,",
        (unsigned long long)owner->last_epoch);
    status = add_inheritance(&sql, owner, db);
    bytes_str(&sql, " holder = ");
    db_text(&sql, owner->holder);
    bytes_chr(&sql, ',');
    add_lease(&sql, owner);
    bytes_str(&sql, " WHERE name = 'main' AND (holder = ");
    db_text(&sql, owner->holder);
    bytes_str(&sql, " OR lease_until_utc < UTC_TIMESTAMP(3))");
    if (status == DB_OK)
        status = db_run(db, &sql);
    bytes_free(&sql);
    return status;
}

static enum db_status
read_row(struct owner *owner, struct db *db, uint64_t *epoch, bool *ours)
{
    struct db_rows *rows;
    enum db_status status = db_ask(db,
        "SELECT epoch, holder, inherited_id, inherited_utc, inherited_epoch"
        " FROM owner WHERE name = 'main'",
        &rows);

    *epoch = 0;
    *ours = false;
    if (status != DB_OK)
        return status;
    if (!db_next(rows)) {
        if (!owner->told)
            log_error(
                "owner: table owner has no row 'main'; run sql/schema.sql");
        owner->told = true;
        status = DB_REFUSED;
    } else {
        owner->told = false;
        *epoch = db_uint(rows, 0);
        *ours = strcmp(db_col(rows, 1), owner->holder) == 0;
        owner->inherited_id = db_uint(rows, 2);
        snprintf(owner->inherited_utc, sizeof owner->inherited_utc, "%s",
            db_col(rows, 3));
        owner->inherited_epoch = db_uint(rows, 4);
        snprintf(owner->other, sizeof owner->other, "%s", db_col(rows, 1));
    }
    db_rows_close(&rows);
    return status;
}

/* On a node of a cluster: first all that the holder before us has committed at
 * another one. Servers of other kinds do not know the word. */
static enum db_status
read_row_when_synced(
    struct owner *owner, struct db *db, uint64_t *epoch, bool *ours)
{
    bool knows = db_exec(db, "SET SESSION wsrep_sync_wait = 1") == DB_OK;
    enum db_status status = read_row(owner, db, epoch, ours);

    if (status == DB_OK && knows)
        status = db_exec(db, "SET SESSION wsrep_sync_wait = 0");
    return status;
}

enum db_status
owner_acquire(struct owner *owner, struct db *db)
{
    int64_t asked_us = clock_boot_us();
    uint64_t epoch;
    bool ours;
    enum db_status status = take_over(owner, db);
    bool taken = status == DB_OK && db_matched(db) == 1;

    owner->lost = false;
    owner->epoch = 0;
    if (status == DB_OK)
        status = taken ? read_row_when_synced(owner, db, &epoch, &ours)
                       : read_row(owner, db, &epoch, &ours);
    fault_point("owner.taken");
    if (status == DB_OK && taken && ours) {
        owner->epoch = owner->last_epoch = epoch;
        lease_runs(owner, asked_us);
    }
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
    bytes_printf(sql, " WHERE name = 'main' AND epoch = %llu AND holder = ",
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
        " WHERE name = 'main' AND epoch = %llu",
        (unsigned long long)owner->epoch);
    db_run(db, &sql);
    bytes_free(&sql);
    owner->epoch = 0;
}
