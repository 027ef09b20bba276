/*
 * statements: how long a statement takes, as a client on the server's own
 * machine sees it.
 *
 *   statements SOCKET COUNT SQL...        # in SQL: the number of the run
 *
 * Runs each so many times, by turns, so that whatever else the machine does
 * falls on all of them alike; each in a transaction of its own, as root
 * without a password. Prints the median of each, in microseconds.
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

/* Times each statement so many times, one after the other by turns. */
static void
measure(struct db *db, char **patterns, size_t n, size_t count, int64_t *took)
{
    struct bytes sql = bytes_make(65536);

    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < n; k++)
            took[k * count + i] = run(db, &sql, patterns[k], (long)i);
    bytes_free(&sql);
}

static void
print_median(int64_t *took, size_t count)
{
    size_t middle = count / 2;

    qsort(took, count, sizeof *took, compare);
    printf("%.3f\n", (double)took[middle] / 1e3);
}

int
main(int argc, char **argv)
{
    struct db_settings settings = {
        .host = "", .user = "root", .password = "", .database = "mysql"
    };
    struct db *db;
    int64_t *took;
    long count;
    size_t n = (size_t)argc - 3;

    if (argc < 4 || (count = strtol(argv[2], NULL, 10)) < 1)
        return 64;
    settings.socket = argv[1];
    db = db_make(&settings);
    if (!db || db_open(db) != DB_OK)
        return 1;
    took = calloc(n * (size_t)count, sizeof *took);
    if (!took)
        return 1;
    measure(db, argv + 3, n, (size_t)count, took);
    for (size_t k = 0; k < n; k++)
        print_median(took + k * (size_t)count, (size_t)count);
    free(took);
    db_close(&db);
    return 0;
}
