/*
 * statements: how long a statement takes, as a client on the server's own
 * machine sees it.
 *
 *   statements SOCKET DATABASE COUNT SQL     # in SQL: the number of the run
 *
 * Runs it so many times, each in a transaction of its own, as root without a
 * password, and prints the microseconds: mean, median.
 */
#include "bytes.h"
#include "db.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t
now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int
compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static void
add_statement(struct bytes *sql, const char *pattern, long n)
{
    for (const char *p = pattern; *p; p++) {
        if (*p == '#')
            bytes_printf(sql, "%ld", n);
        else
            bytes_chr(sql, *p);
    }
}

static int64_t
run(struct db *db, struct bytes *sql, const char *pattern, long n)
{
    int64_t begun_ns;

    bytes_clear(sql);
    add_statement(sql, pattern, n);
    begun_ns = now_ns();
    if (db_run(db, sql) != DB_OK) {
        fprintf(stderr, "statements: %s\n", db_error(db));
        exit(1);
    }
    return now_ns() - begun_ns;
}

/* Runs it so many times and prints what it took. */
static int
measure(struct db *db, const char *pattern, size_t count)
{
    struct bytes sql = bytes_make(65536);
    int64_t *took = calloc(count, sizeof *took), sum = 0;
    size_t middle;

    if (!took)
        return 1;
    for (size_t n = 0; n < count; n++)
        sum += took[n] = run(db, &sql, pattern, (long)n);
    qsort(took, count, sizeof *took, compare);
    middle = count / 2;
    printf("%.3f %.3f\n", (double)sum / (double)count / 1e3,
        (double)took[middle] / 1e3);
    free(took);
    bytes_free(&sql);
    return 0;
}

int
main(int argc, char **argv)
{
    struct db_settings settings = {
        .host = "", .user = "root", .password = ""
    };
    struct db *db;
    long count;
    int code;

    if (argc != 5 || (count = strtol(argv[3], NULL, 10)) < 1)
        return 64;
    settings.socket = argv[1];
    settings.database = argv[2];
    db = db_make(&settings);
    if (!db || db_open(db) != DB_OK)
        return 1;
    code = measure(db, argv[4], (size_t)count);
    db_close(&db);
    return code;
}
