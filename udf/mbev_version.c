/*
 * mbev_version() RETURNS STRING: the version of this library, so that the
 * installer and `mbevctl doctor` see which one the server has loaded.
 *
 * Promises to touch nothing but the server's result buffer.
 */
#include <stdio.h>
#include <string.h>

#include "udf_abi.h"

static const char version[] = MBEV_VERSION;

_Static_assert(sizeof version <= UDF_RESULT_SIZE, "version too long");

bool
mbev_version_init(UDF_INIT *initid, UDF_ARGS *args, char *message)
{
    if (args->arg_count != 0) {
        snprintf(
            message, UDF_MESSAGE_SIZE, "mbev_version() takes no arguments");
        return true;
    }
    initid->maybe_null = false;
    initid->max_length = sizeof version - 1;
    return false;
}

char *
mbev_version(UDF_INIT *initid, UDF_ARGS *args, char *result,
    unsigned long *length, unsigned char *is_null, unsigned char *error)
{
    (void)initid;
    (void)args;
    (void)is_null;
    (void)error;
    memcpy(result, version, sizeof version);
    *length = sizeof version - 1;
    return result;
}
