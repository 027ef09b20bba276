/* Bodies of events that are handed on: what comes out is well-formed, whatever
 * went in, and holds no number with a point. */
#include "fuzz.h"

#include "envelope.h"

#include <json-c/json.h>

static void
check_numbers(json_object *json)
{
    size_t n = json_object_is_type(json, json_type_array)
                   ? json_object_array_length(json)
                   : 0;

    holds(!json_object_is_type(json, json_type_double));
    for (size_t i = 0; i < n; i++)
        check_numbers(json_object_array_get_idx(json, i));
    if (!json_object_is_type(json, json_type_object))
        return;
    json_object_object_foreach(json, name, value)
    {
        (void)name;
        check_numbers(value);
    }
}

/* By a reader that is strict. */
static void
check(const struct bytes *text)
{
    json_tokener *reader = json_tokener_new();
    json_object *json, *row = NULL;

    holds(reader != NULL);
    json_tokener_set_flags(
        reader, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    json = json_tokener_parse_ex(reader, bytes_text(text), (int)text->n + 1);
    holds(json_tokener_get_error(reader) == json_tokener_success);
    json_object_object_get_ex(json, "row", &row);
    holds(json_object_is_type(row, json_type_object));
    check_numbers(json);
    json_object_put(json);
    json_tokener_free(reader);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz in = fuzz_input(data, size);
    char *body = fuzz_rest(&in);
    struct bytes out = bytes_make(ENVELOPE_LARGEST);
    const struct envelope envelope = { .id = 1,
        .identity = "payment:t:1:2:2026-01-01 00:00:00:1.000000",
        .uid = 2,
        .captured_utc = "2026-01-01 00:00:00.000",
        .body = body };

    if (envelope_print(&out, &envelope))
        check(&out);
    bytes_free(&out);
    free(body);
    return 0;
}
