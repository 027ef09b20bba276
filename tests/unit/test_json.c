/*
 * json: what is written is well-formed, whatever the texts are.
 */
#include "unit.h"

#include "json.h"

#include <json-c/json.h>

static void
test_commas_stand_where_they_belong(void **state)
{
    struct bytes out = bytes_make(1024);
    struct json json = { .out = &out };

    (void)state;
    json_open(&json, NULL, '{');
    json_int(&json, "a", -1);
    json_open(&json, "b", '[');
    json_close(&json, ']');
    json_open(&json, "c", '[');
    json_flag(&json, NULL, true);
    json_flag(&json, NULL, false);
    json_open(&json, NULL, '{');
    json_close(&json, '}');
    json_close(&json, ']');
    json_text(&json, "d", NULL);
    json_raw(&json, "e", "[1]");
    json_close(&json, '}');
    assert_string_equal(bytes_text(&out),
        "{\"a\":-1,\"b\":[],\"c\":[true,false,{}],\"d\":null,\"e\":[1]}");
    bytes_free(&out);
}

static void
test_texts_are_escaped(void **state)
{
    static const struct {
        const char *text;
        size_t n;
        const char *want;
    } rows[] = {
        { RAW(""), "\"\"" },
        { RAW("a\"b\\c"), "\"a\\\"b\\\\c\"" },
        { RAW("\n\t\x01"), "\"\\u000a\\u0009\\u0001\"" },
        { RAW("a\0b"), "\"a\\u0000b\"" },
        { RAW("ё</script>"), "\"ё</script>\"" },
        { RAW("\xff\xc3"), "\"??\"" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct bytes out = bytes_make(1024);
        struct json json = { .out = &out };

        json_textn(&json, NULL, rows[i].text, rows[i].n);
        expect_text(rows[i].text, bytes_text(&out), rows[i].want);
        bytes_free(&out);
    }
}

/* Each byte, in a value and in a name, is read back by another program. */
static void
test_every_byte_gives_json(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        const char text[] = { 'x', (char)c, 'y', '\0' };
        struct bytes out = bytes_make(1024);
        struct json json = { .out = &out };
        json_object *read;

        json_open(&json, NULL, '{');
        json_textn(&json, text, text, 3);
        json_close(&json, '}');
        read = json_tokener_parse(bytes_text(&out));
        expect_number(bytes_text(&out), read != NULL, true);
        json_object_put(read);
        bytes_free(&out);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commas_stand_where_they_belong),
        cmocka_unit_test(test_texts_are_escaped),
        cmocka_unit_test(test_every_byte_gives_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
