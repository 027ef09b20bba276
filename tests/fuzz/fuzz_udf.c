/*
 * The functions in the database server, called as the server calls them, with
 * arguments of all kinds. The input is a row of them: a byte of its kind (type,
 * NULL, whether a constant), a byte of its length, its bytes. What comes out is
 * JSON of UTF-8, or NULL.
 */
#include "fuzz.h"

#include "udf_abi.h"

#include <json-c/json.h>

enum { MOST = 300, IS_NULL = 8, VARIES = 16, LONG = 32 };

struct use {
    UDF_INIT init;
    UDF_ARGS args;
    enum Item_result types[MOST];
    char *at_init[MOST];
    char *at_row[MOST];
    unsigned long lengths[MOST];
    char *attributes[MOST];
    unsigned long attribute_lengths[MOST];
    char maybe_null[MOST];
};

/* A value in memory of just its size: nothing may be read behind it. */
static char *
value_of(struct fuzz *in, size_t n)
{
    size_t len = n < in->n ? n : in->n;
    char *p = malloc(len ? len : 1);

    holds(p != NULL);
    memcpy(p, in->p, len);
    in->p += len;
    in->n -= len;
    return p;
}

/* Names are mostly constants, values mostly not, as in a trigger; a choice
 * turns that round. */
static void
add(struct use *use, struct fuzz *in)
{
    static const enum Item_result types[] = { STRING_RESULT, REAL_RESULT,
        INT_RESULT, ROW_RESULT, DECIMAL_RESULT, TIME_RESULT, INVALID_RESULT,
        STRING_RESULT };
    unsigned i = use->args.arg_count++, choice = fuzz_byte(in);
    size_t n = fuzz_byte(in) * (choice & LONG ? 17u : 1u), before = in->n;
    char *p = value_of(in, n);

    use->types[i] = types[choice % COUNT(types)];
    use->lengths[i] = before - in->n;
    use->at_row[i] = choice & IS_NULL ? NULL : p;
    use->at_init[i] =
        (i % 2 == 0) == !(choice & VARIES) ? use->at_row[i] : NULL;
    use->attributes[i] = p;
    use->attribute_lengths[i] = use->lengths[i];
}

static struct use *
read_use(struct fuzz *in)
{
    struct use *use = calloc(1, sizeof *use);

    holds(use != NULL);
    use->args.arg_type = use->types;
    use->args.lengths = use->lengths;
    use->args.attributes = use->attributes;
    use->args.attribute_lengths = use->attribute_lengths;
    use->args.maybe_null = use->maybe_null;
    while (in->n > 0 && use->args.arg_count < MOST)
        add(use, in);
    return use;
}

static void
free_use(struct use *use)
{
    for (unsigned i = 0; i < use->args.arg_count; i++)
        free(use->attributes[i]);
    free(use);
}

/* The strictest reading there is, and as many members as arguments. */
static void
check_json(const char *text, unsigned long n, unsigned pairs)
{
    json_tokener *tok = json_tokener_new();
    json_object *json;

    holds(strlen(text) == n && utf8_valid(text, n));
    json_tokener_set_flags(
        tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    json = json_tokener_parse_ex(tok, text, (int)n + 1);
    holds(json_tokener_get_error(tok) == json_tokener_success);
    holds(json_object_is_type(json, json_type_object));
    /* json-c ends a name at a NUL: two names may become one. */
    holds((unsigned)json_object_object_length(json) <= pairs);
    json_object_put(json);
    json_tokener_free(tok);
}

static void
row(struct use *use)
{
    char result[UDF_RESULT_SIZE];
    unsigned long n = sizeof result;
    unsigned char is_null = 0, error = 0;
    char *text;

    use->args.args = use->at_row;
    text = mbev_json(&use->init, &use->args, result, &n, &is_null, &error);
    holds(error == 0 && is_null == (text == NULL));
    holds(text != NULL);
    check_json(text, n, use->args.arg_count / 2);
}

/* Another row: no value, where the last one had some. */
static void
forget_values(struct use *use)
{
    for (unsigned i = 1; i < use->args.arg_count; i += 2)
        use->at_row[i] = NULL;
}

static void
no_arguments(struct use *use)
{
    char message[UDF_MESSAGE_SIZE] = "";
    UDF_INIT init = { .ptr = NULL };

    holds(mbev_ring_init(&init, &use->args, message) ==
          (use->args.arg_count > 0));
    holds(mbev_version_init(&init, &use->args, message) ==
          (use->args.arg_count > 0));
    holds(fuzz_is_text(message, sizeof message));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz in = fuzz_input(data, size);
    struct use *use = read_use(&in);
    char message[UDF_MESSAGE_SIZE];

    memset(message, 0xA5, sizeof message);
    no_arguments(use);
    use->args.args = use->at_init;
    if (mbev_json_init(&use->init, &use->args, message)) {
        holds(fuzz_is_text(message, sizeof message) && *message);
        free_use(use);
        return 0;
    }
    row(use);
    forget_values(use);
    row(use);
    mbev_json_deinit(&use->init);
    holds(use->init.ptr == NULL);
    free_use(use);
    return 0;
}
