/* form: form-encoded bodies, and the JSON that comes back. */
#include "unit.h"

#include "providers/form.h"

/* ---- bodies ---- */

static void
assert_encoded(const char *value, const char *want)
{
    struct bytes body = bytes_make(1000);

    form_add(&body, "a", value);
    assert_true(bytes_ok(&body));
    assert_int_equal(strncmp(bytes_text(&body), "a=", 2), 0);
    expect_text(value, bytes_text(&body) + 2, want);
    bytes_free(&body);
}

static void
parameters_are_joined_in_their_order(void **state)
{
    struct bytes body = bytes_make(1000);

    (void)state;
    form_add(&body, "b", "1");
    assert_string_equal(bytes_text(&body), "b=1");
    form_add(&body, "a", "2");
    form_add(&body, "b", "3");
    assert_string_equal(bytes_text(&body), "b=1&a=2&b=3");
    bytes_free(&body);
}

static void
an_empty_value_keeps_its_name(void **state)
{
    struct bytes body = bytes_make(1000);

    (void)state;
    form_add(&body, "a", "");
    form_add(&body, "b", "");
    assert_string_equal(bytes_text(&body), "a=&b=");
    bytes_free(&body);
}

static void
a_value_cannot_make_a_parameter(void **state)
{
    (void)state;
    assert_encoded("1&admin=1", "1%26admin%3D1");
    assert_encoded("1;b=2#c", "1%3Bb%3D2%23c");
    assert_encoded("a+b", "a%2Bb");
    assert_encoded("100%25", "100%2525");
}

static void
blanks_become_plus_and_other_space_is_encoded(void **state)
{
    (void)state;
    assert_encoded(" a  b ", "+a++b+");
    assert_encoded("\t\r\n", "%09%0D%0A");
}

static void
utf8_goes_byte_by_byte(void **state)
{
    (void)state;
    assert_encoded("Ё №", "%D0%81+%E2%84%96");
    assert_encoded("\xF0\x9F\x98\x80", "%F0%9F%98%80");
}

static bool
is_unreserved(int c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
           c == '~';
}

static void
every_byte_is_plain_or_two_digits(void **state)
{
    (void)state;
    for (int c = 1; c < 256; c++) {
        char value[] = { (char)c, '\0' }, want[8];

        if (is_unreserved(c))
            snprintf(want, sizeof want, "%c", c);
        else
            snprintf(want, sizeof want, "%%%02X", (unsigned)c);
        assert_encoded(value, c == ' ' ? "+" : want);
    }
}

static void
a_body_beyond_its_bound_fails(void **state)
{
    struct bytes body = bytes_make(6);

    (void)state;
    form_add(&body, "a", "1234");
    assert_true(bytes_ok(&body));
    form_add(&body, "b", "");
    assert_false(bytes_ok(&body));
    bytes_clear(&body);
    form_add(&body, "a", "\xFF\xFF");
    assert_false(bytes_ok(&body));
    bytes_free(&body);
}

/* ---- replies ---- */

/* Reads a body from memory of just its size, so that a sanitizer sees what is
 * read behind it. */
static json_object *
read_bytes(const char *p, size_t n)
{
    char *copy = malloc(n + 1);
    struct http_reply reply = { .status = 200, .body = copy, .body_len = n };
    json_object *json;

    assert_non_null(copy);
    memcpy(copy, p, n);
    copy[n] = '\0';
    json = reply_json(&reply);
    free(copy);
    return json;
}

static json_object *
read_text(const char *text)
{
    return read_bytes(text, strlen(text));
}

static void
assert_none(const char *p, size_t n)
{
    json_object *json = read_bytes(p, n);

    if (json)
        fail_msg("\"%s\" is taken for %s", p, json_object_to_json_string(json));
}

static void
an_object_is_read(void **state)
{
    json_object *json = read_text("{\"id\":\"12\",\"cnt\":1}");

    (void)state;
    assert_non_null(json);
    assert_int_equal(json_object_object_length(json), 2);
    assert_string_equal(reply_text(json, "id"), "12");
    json_object_put(json);
}

static void
an_empty_object_is_an_object(void **state)
{
    json_object *json = read_text("{}");

    (void)state;
    assert_non_null(json);
    assert_int_equal(json_object_object_length(json), 0);
    json_object_put(json);
}

static void
white_space_around_it_is_nothing(void **state)
{
    static const char *const texts[] = { " {\"id\":1}", "{\"id\":1}\r\n",
        "\n\t {\"id\":1} \t\r\n ", "{ \"id\" : 1 }" };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        json_object *json = read_text(texts[i]);

        if (!json)
            fail_msg("\"%s\" is refused", texts[i]);
        expect_text(texts[i], reply_text(json, "id"), "1");
        json_object_put(json);
    }
}

static void
anything_but_an_object_is_none(void **state)
{
    static const char *const texts[] = { "", " ", "\n", "null", "true", "1",
        "\"{}\"", "[]", "[{}]", "OK", "<html></html>", "ERROR=1", "{", "}",
        "{\"id\"", "{\"id\":", "{\"id\":1", "{\"id\":1,", "{id:1}",
        "{'id':", "{\"id\":1]", "{\"id\" 1}", "\xEF\xBB\xBF" };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_none(texts[i], strlen(texts[i]));
}

static void
more_behind_the_object_makes_it_none(void **state)
{
    (void)state;
    assert_none(RAW("{}{}"));
    assert_none(RAW("{} {}"));
    assert_none(RAW("{}x"));
    assert_none(RAW("{}<br>Fatal error"));
    assert_none(RAW("{}\n0"));
    assert_none(RAW("{}]"));
}

static void
a_nul_anywhere_makes_it_none(void **state)
{
    static const char whole[] = "{\"id\":\"12\",\"cnt\":1}";

    (void)state;
    for (size_t i = 0; i < sizeof whole - 1; i++) {
        char text[sizeof whole];

        memcpy(text, whole, sizeof text);
        text[i] = '\0';
        assert_none(text, sizeof text - 1);
    }
    assert_none(RAW("{}\0"));
    assert_none(RAW("{}\0{}"));
    assert_none(RAW("{} \0 "));
}

static void
what_is_not_utf8_is_none(void **state)
{
    (void)state;
    assert_none(RAW("{\"error\":\"\xCF\xEB\xEE\"}"));
    assert_none(RAW("{\"error\":\"\xD0\"}"));
    assert_none(RAW("{\"\xFF\":1}"));
    assert_none(RAW("\xFF\xFE{}"));
}

static void
an_object_nested_too_deep_is_none(void **state)
{
    struct bytes text = bytes_make(100000);

    (void)state;
    for (int i = 0; i < 5000; i++)
        bytes_str(&text, "{\"a\":");
    bytes_chr(&text, '1');
    for (int i = 0; i < 5000; i++)
        bytes_chr(&text, '}');
    assert_true(bytes_ok(&text));
    assert_none(bytes_text(&text), text.n);
    bytes_free(&text);
}

/* ---- members ---- */

static void
strings_and_whole_numbers_are_text(void **state)
{
    static const struct {
        const char *name, *want;
    } rows[] = {
        { "string", "12" },
        { "empty", "" },
        { "cyrillic", "Неверный номер" },
        { "escaped", "a\"b\\c\n" },
        { "number", "12" },
        { "zero", "0" },
        { "minus", "-2" },
        { "large", "9223372036854775807" },
    };
    json_object *json =
        read_text("{\"string\":\"12\",\"empty\":\"\",\"cyrillic\":\"Неверный "
                  "номер\",\"escaped\":\"a\\\"b\\\\c\\n\",\"number\":12,"
                  "\"zero\":0,\"minus\":-2,\"large\":9223372036854775807}");

    (void)state;
    assert_non_null(json);
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *got = reply_text(json, rows[i].name);

        expect_text(rows[i].name, got ? got : "(none)", rows[i].want);
    }
    json_object_put(json);
}

static void
anything_else_is_no_text(void **state)
{
    static const char *const names[] = { "null", "true", "false", "fraction",
        "object", "array", "absent", "", "NULL" };
    json_object *json = read_text(
        "{\"null\":null,\"true\":true,\"false\":false,\"fraction\":1.5,"
        "\"object\":{\"x\":\"1\"},\"array\":[\"1\"]}");

    (void)state;
    assert_non_null(json);
    for (size_t i = 0; i < COUNT(names); i++)
        if (reply_text(json, names[i]))
            fail_msg("%s: \"%s\"", names[i], reply_text(json, names[i]));
    json_object_put(json);
}

static void
the_last_of_two_members_of_one_name_counts(void **state)
{
    json_object *json = read_text("{\"id\":\"1\",\"id\":\"2\"}");

    (void)state;
    assert_non_null(json);
    assert_string_equal(reply_text(json, "id"), "2");
    json_object_put(json);
}

static void
what_is_no_object_has_no_members(void **state)
{
    json_object *array = json_tokener_parse("[\"id\"]");

    (void)state;
    assert_non_null(array);
    assert_null(reply_text(array, "id"));
    assert_null(reply_text(NULL, "id"));
    json_object_put(array);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_are_joined_in_their_order),
        cmocka_unit_test(an_empty_value_keeps_its_name),
        cmocka_unit_test(a_value_cannot_make_a_parameter),
        cmocka_unit_test(blanks_become_plus_and_other_space_is_encoded),
        cmocka_unit_test(utf8_goes_byte_by_byte),
        cmocka_unit_test(every_byte_is_plain_or_two_digits),
        cmocka_unit_test(a_body_beyond_its_bound_fails),
        cmocka_unit_test(an_object_is_read),
        cmocka_unit_test(an_empty_object_is_an_object),
        cmocka_unit_test(white_space_around_it_is_nothing),
        cmocka_unit_test(anything_but_an_object_is_none),
        cmocka_unit_test(more_behind_the_object_makes_it_none),
        cmocka_unit_test(a_nul_anywhere_makes_it_none),
        cmocka_unit_test(what_is_not_utf8_is_none),
        cmocka_unit_test(an_object_nested_too_deep_is_none),
        cmocka_unit_test(strings_and_whole_numbers_are_text),
        cmocka_unit_test(anything_else_is_no_text),
        cmocka_unit_test(the_last_of_two_members_of_one_name_counts),
        cmocka_unit_test(what_is_no_object_has_no_members),
    };

    return cmocka_run_group_tests_name("form", tests, NULL, NULL);
}
