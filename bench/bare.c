/* bare: see bare.h. */
#include "bare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void
bare_die(struct db *db)
{
    fprintf(stderr, "bare: %s\n", db_error(db));
    exit(1);
}

static void
read_password(const char *path, char *to, int size)
{
    FILE *f = fopen(path, "re");

    if (!f || !fgets(to, size, f)) {
        fprintf(stderr, "bare: cannot read %s\n", path);
        exit(1);
    }
    fclose(f);
    to[strcspn(to, "\n")] = '\0';
}

struct db *
bare_open(const char *socket, const char *user, const char *password_file)
{
    char password[128];
    struct db_settings settings = { .host = "",
        .socket = socket,
        .user = user,
        .password = password,
        .database = "mikbill_events" };
    struct db *db;

    read_password(password_file, password, sizeof password);
    db = db_make(&settings);
    if (!db)
        exit(1);
    if (db_open(db) != DB_OK)
        bare_die(db);
    return db;
}

void
bare_run(struct db *db, struct bytes *sql)
{
    if (db_run(db, sql) != DB_OK)
        bare_die(db);
    bytes_clear(sql);
}

struct db_rows *
bare_query(struct db *db, struct bytes *sql)
{
    struct db_rows *rows;

    if (db_query(db, sql, &rows) != DB_OK)
        bare_die(db);
    bytes_clear(sql);
    return rows;
}

void
bare_begin(struct db *db, struct bytes *sql)
{
    bytes_str(sql, "START TRANSACTION; UPDATE owner SET lease_until_utc ="
                   " UTC_TIMESTAMP(3) WHERE name = 'main'");
    bare_run(db, sql);
}
