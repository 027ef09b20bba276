/*
 * mbev_json(name, value, ...) RETURNS STRING: one JSON object, without white
 * space, its members in the order given; mbev_json() is {}.
 *
 * Names are constants in UTF-8, each there once; a mistake in them fails the
 * statement. Values: NULL is null; numbers stand as the server prints them
 * (all digits of BIGINT UNSIGNED, DECIMAL and DOUBLE(20,6)), less what JSON
 * does not allow; all else is a string. Text in another charset has to be
 * converted in SQL: CONVERT(col USING utf8mb4). A BIT column gives its bytes:
 * write bit_col + 0.
 *
 * Promises valid JSON in valid UTF-8 whatever bytes come in. A row that
 * finds no memory, or is longer than JSON_OUT_MAX, is NULL, that row alone.
 * Never sets *error: that would make NULL of all later rows.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_out.h"
#include "udf_abi.h"

#define MAX_PAIRS 128u

/* What mbev_json_init found out. It stays where it is while its buffer
 * grows: the server may copy UDF_INIT, and with it the pointer here. */
struct object {
    struct json_out row;    /* the result of the last row */
    struct json_out labels; /* "name": of all members, joined by commas */
    unsigned int pairs;
    struct member {
        size_t label_end; /* where in labels this member's ends */
        bool is_number;   /* by the type that the server gave */
    } members[];
};

/* ---- checks ---- */

static bool
is_repeated(const UDF_ARGS *args, unsigned int name)
{
    unsigned long length = args->lengths[name];

    for (unsigned int i = 0; i < name; i += 2)
        if (args->lengths[i] == length &&
            memcmp(args->args[i], args->args[name], length) == 0)
            return true;
    return false;
}

/* What is wrong with the name at this place, or NULL. The names before it
 * are known to be right. */
static const char *
name_fault(const UDF_ARGS *args, unsigned int name)
{
    if (args->arg_type[name] != STRING_RESULT)
        return "a name must be a string";
    if (!args->args[name])
        return "a name must be a constant and not NULL";
    if (!json_out_is_utf8(args->args[name], args->lengths[name]))
        return "a name must be valid UTF-8";
    if (is_repeated(args, name))
        return "this name is there already";
    if (name + 1 == args->arg_count)
        return "this name has no value";
    return NULL;
}

static const char *
argument_fault(const UDF_ARGS *args, unsigned int i)
{
    if (i >= 2 * MAX_PAIRS)
        return "too many arguments";
    if (i % 2 == 0)
        return name_fault(args, i);
    if (args->arg_type[i] == ROW_RESULT)
        return "a row cannot be a value";
    return NULL;
}

/* True when all is well; else the first fault is in message. */
static bool
check(const UDF_ARGS *args, char *message)
{
    for (unsigned int i = 0; i < args->arg_count; i++) {
        const char *fault = argument_fault(args, i);

        if (fault) {
            snprintf(
                message, UDF_MESSAGE_SIZE, "argument %u: %s", i + 1, fault);
            return false;
        }
    }
    return true;
}

/* ---- the object ---- */

static void
free_object(struct object *object)
{
    if (object) {
        json_out_free(&object->row);
        json_out_free(&object->labels);
    }
    free(object);
}

static bool
is_number(enum Item_result type)
{
    return type == INT_RESULT || type == REAL_RESULT || type == DECIMAL_RESULT;
}

/* Takes the names over: a user variable counts as constant in x_init, and
 * may yet change from row to row. */
static void
describe(struct object *object, const UDF_ARGS *args)
{
    struct json_out *labels = &object->labels;

    for (unsigned int i = 0; i < object->pairs; i++) {
        unsigned int name = 2 * i;

        if (i > 0)
            json_out_add(labels, ",", 1);
        json_out_string(labels, args->args[name], args->lengths[name]);
        json_out_add(labels, ":", 1);
        object->members[i].label_end = labels->length;
        object->members[i].is_number = is_number(args->arg_type[name + 1]);
    }
}

static struct object *
make_object(const UDF_ARGS *args)
{
    unsigned int pairs = args->arg_count / 2;
    struct object *object =
        calloc(1, sizeof *object + pairs * sizeof *object->members);

    if (!object)
        return NULL;
    object->pairs = pairs;
    describe(object, args);
    if (object->labels.failed) {
        free_object(object);
        return NULL;
    }
    return object;
}

static void
add_value(struct json_out *row, bool is_number, const char *p, size_t n)
{
    if (!p)
        json_out_add(row, "null", 4);
    else if (is_number)
        json_out_number(row, p, n);
    else
        json_out_string(row, p, n);
}

static void
write_row(struct object *object, const UDF_ARGS *args)
{
    struct json_out *row = &object->row;
    size_t begin = 0;

    json_out_clear(row);
    json_out_add(row, "{", 1);
    for (unsigned int i = 0; i < object->pairs; i++) {
        const struct member *member = &object->members[i];
        unsigned int value = 2 * i + 1;

        json_out_add(
            row, object->labels.text + begin, member->label_end - begin);
        add_value(
            row, member->is_number, args->args[value], args->lengths[value]);
        begin = member->label_end;
    }
    json_out_add(row, "}", 1);
}

/* ---- what the server calls ---- */

bool
mbev_json_init(UDF_INIT *initid, UDF_ARGS *args, char *message)
{
    struct object *object;

    if (!check(args, message))
        return true;
    object = make_object(args);
    if (!object) {
        snprintf(message, UDF_MESSAGE_SIZE, "out of memory");
        return true;
    }
    /* Have numbers as the text that the server itself would show. */
    for (unsigned int i = 0; i < args->arg_count; i++)
        args->arg_type[i] = STRING_RESULT;
    initid->ptr = (char *)object;
    initid->maybe_null = true;
    initid->max_length = UINT32_MAX; /* a LONGBLOB: nothing is cut */
    initid->const_item = false;
    return false;
}

char *
mbev_json(UDF_INIT *initid, UDF_ARGS *args, char *result, unsigned long *length,
    unsigned char *is_null, unsigned char *error)
{
    struct object *object = (void *)initid->ptr;

    (void)result;
    (void)error;
    write_row(object, args);
    if (object->row.failed) {
        *is_null = 1;
        return NULL;
    }
    *length = object->row.length;
    return object->row.text;
}

void
mbev_json_deinit(UDF_INIT *initid)
{
    free_object((void *)initid->ptr);
    initid->ptr = NULL;
}
