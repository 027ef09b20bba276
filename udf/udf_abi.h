/*
 * udf_abi: the database server's side of a loadable function, declared here
 * so that no database package is needed to build, and the wrong one cannot
 * be taken: the client's mysql.h declares max_length as unsigned int and
 * ends UDF_ARGS early.
 *
 * Source: include/mysql_com.h of MariaDB, include/mysql/
 * udf_registration_types.h of MySQL and Percona Server 8. Same members, same
 * places on 64-bit Linux; char, my_bool and bool are one byte there, so one
 * binary serves all of them.
 *
 * For a function x the server looks up, by these types:
 *   x_init    once per use in a statement, once per row inside a trigger;
 *             true fails the statement with the text left in message
 *   x         once per row, from many threads at once
 *   x_deinit  once after each x_init that returned false
 */
#ifndef MBEV_UDF_ABI_H
#define MBEV_UDF_ABI_H

#include <stdbool.h>
#include <stddef.h>

#define MBEV_EXPORT __attribute__((visibility("default")))

/* The client sees this much of x_init's message ("%-.80s" in the server's
 * text of error 1123); the server's buffer is larger. */
#define UDF_MESSAGE_SIZE 80

/* Bytes that every server gives as result buffer of a string function. */
#define UDF_RESULT_SIZE 255

enum Item_result {
    INVALID_RESULT = -1,
    STRING_RESULT = 0,
    REAL_RESULT = 1,
    INT_RESULT = 2,
    ROW_RESULT = 3,
    DECIMAL_RESULT = 4,
    TIME_RESULT = 5 /* MariaDB only */
};

typedef struct UDF_ARGS {
    unsigned int arg_count;
    enum Item_result *arg_type; /* x_init may write: the server converts */
    char **args;                /* NULL = SQL NULL; in x_init also = varies */
    unsigned long *lengths;     /* bytes; unset by old servers when NULL */
    char *maybe_null;
    char **attributes;
    unsigned long *attribute_lengths;
    void *extension;
} UDF_ARGS;

typedef struct UDF_INIT {
    bool maybe_null;
    unsigned int decimals;
    unsigned long max_length; /* decides the column type of the result */
    char *ptr;                /* for the function; the server copies it */
    bool const_item;
    void *extension;
} UDF_INIT;

#ifdef __LP64__
_Static_assert(sizeof(enum Item_result) == 4, "Item_result");
_Static_assert(sizeof(bool) == 1, "bool");
_Static_assert(offsetof(UDF_ARGS, arg_type) == 8, "UDF_ARGS.arg_type");
_Static_assert(offsetof(UDF_ARGS, args) == 16, "UDF_ARGS.args");
_Static_assert(offsetof(UDF_ARGS, lengths) == 24, "UDF_ARGS.lengths");
_Static_assert(offsetof(UDF_ARGS, extension) == 56, "UDF_ARGS.extension");
_Static_assert(sizeof(UDF_ARGS) == 64, "UDF_ARGS");
_Static_assert(offsetof(UDF_INIT, decimals) == 4, "UDF_INIT.decimals");
_Static_assert(offsetof(UDF_INIT, max_length) == 8, "UDF_INIT.max_length");
_Static_assert(offsetof(UDF_INIT, ptr) == 16, "UDF_INIT.ptr");
_Static_assert(offsetof(UDF_INIT, const_item) == 24, "UDF_INIT.const_item");
_Static_assert(offsetof(UDF_INIT, extension) == 32, "UDF_INIT.extension");
_Static_assert(sizeof(UDF_INIT) == 40, "UDF_INIT");
#endif

/* mbev_json(name, value, ...) RETURNS STRING; see mbev_json.c. */
MBEV_EXPORT bool
mbev_json_init(UDF_INIT *initid, UDF_ARGS *args, char *message);
MBEV_EXPORT char *mbev_json(UDF_INIT *initid, UDF_ARGS *args, char *result,
    unsigned long *length, unsigned char *is_null, unsigned char *error);
MBEV_EXPORT void mbev_json_deinit(UDF_INIT *initid);

/* mbev_ring() RETURNS INTEGER; see mbev_ring.c. */
MBEV_EXPORT bool
mbev_ring_init(UDF_INIT *initid, UDF_ARGS *args, char *message);
MBEV_EXPORT long long mbev_ring(UDF_INIT *initid, UDF_ARGS *args,
    unsigned char *is_null, unsigned char *error);

/* mbev_version() RETURNS STRING; see mbev_version.c. */
MBEV_EXPORT bool
mbev_version_init(UDF_INIT *initid, UDF_ARGS *args, char *message);
MBEV_EXPORT char *mbev_version(UDF_INIT *initid, UDF_ARGS *args, char *result,
    unsigned long *length, unsigned char *is_null, unsigned char *error);

#endif
