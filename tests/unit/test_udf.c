/*
 * The functions of mbev.so, called as the server calls them, through
 * hand-made arguments. What only a real server can show is in
 * tests/sql/test_udf.py.
 *
 * Started with a word (see parts) the program is one of its own children: a
 * fresh process in which the library has not been used yet.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "json_out.h"
#include "udf_abi.h"

#define MANY 300
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- memory that can run out (linked with --wrap) ---- */

void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);

static int allocations_left = -1; /* -1: no limit */

static bool
memory_is_out(void)
{
    if (allocations_left <= 0)
        return allocations_left == 0;
    allocations_left--;
    return false;
}

void *
__wrap_calloc(size_t n, size_t size)
{
    return memory_is_out() ? NULL : __real_calloc(n, size);
}

void *
__wrap_realloc(void *p, size_t size)
{
    return memory_is_out() ? NULL : __real_realloc(p, size);
}

/* ---- the server's part ---- */

/* One use of mbev_json in a statement. */
struct use {
    UDF_INIT init;
    UDF_ARGS args;
    enum Item_result types[MANY];
    char *at_init[MANY]; /* constants, as x_init sees them */
    char *at_row[MANY];
    unsigned long lengths[MANY];
    char message[512];
    unsigned char is_null;
    unsigned char error;
};

static struct use *
use_new(void)
{
    struct use *use = test_calloc(1, sizeof *use);

    use->args.arg_type = use->types;
    use->args.lengths = use->lengths;
    use->init.const_item = true;
    return use;
}

static void
use_add(struct use *use, enum Item_result type, const char *p, size_t n,
    bool is_constant)
{
    unsigned int i = use->args.arg_count++;

    use->types[i] = type;
    use->at_row[i] = (char *)p;
    use->at_init[i] = is_constant ? (char *)p : NULL;
    use->lengths[i] = n;
}

static void
use_name(struct use *use, const char *name)
{
    use_add(use, STRING_RESULT, name, strlen(name), true);
}

static void
use_pair(
    struct use *use, const char *name, enum Item_result type, const char *value)
{
    use_name(use, name);
    use_add(use, type, value, value ? strlen(value) : 0, false);
}

static bool
use_init(struct use *use)
{
    use->args.args = use->at_init;
    return mbev_json_init(&use->init, &use->args, use->message);
}

/* The text of one row, or NULL; it ends with a NUL that is not counted. */
static const char *
use_row(struct use *use)
{
    char result[UDF_RESULT_SIZE];
    unsigned long length = sizeof result;
    char *text;

    use->is_null = 0;
    use->args.args = use->at_row;
    text = mbev_json(
        &use->init, &use->args, result, &length, &use->is_null, &use->error);
    assert_int_equal(use->error, 0);
    assert_int_equal(use->is_null, text == NULL);
    if (text) {
        assert_true(text != result);
        assert_int_equal(text[length], '\0');
        assert_int_equal(strlen(text), length);
    }
    return text;
}

static void
use_free(struct use *use)
{
    mbev_json_deinit(&use->init);
    assert_null(use->init.ptr);
    test_free(use);
}

/* ---- short forms ---- */

static void
assert_value(enum Item_result type, const char *p, size_t n, const char *want)
{
    struct use *use = use_new();
    char object[512];

    use_name(use, "v");
    use_add(use, type, p, n, false);
    assert_false(use_init(use));
    snprintf(object, sizeof object, "{\"v\":%s}", want);
    assert_string_equal(use_row(use), object);
    use_free(use);
}

static void
assert_text(const char *value, const char *want)
{
    assert_value(STRING_RESULT, value, strlen(value), want);
}

static void
assert_number(const char *value, const char *want)
{
    assert_value(DECIMAL_RESULT, value, strlen(value), want);
}

/* Takes use over. */
static void
assert_refused(struct use *use, const char *message)
{
    assert_true(use_init(use));
    assert_string_equal(use->message, message);
    assert_true(strlen(use->message) < 80);
    use_free(use);
}

/* ---- mbev_json: the object ---- */

static void
no_arguments_are_an_empty_object(void **state)
{
    struct use *use = use_new();

    (void)state;
    assert_false(use_init(use));
    assert_string_equal(use_row(use), "{}");
    use_free(use);
}

static void
members_keep_their_order(void **state)
{
    struct use *use = use_new();

    (void)state;
    use_pair(use, "z", INT_RESULT, "1");
    use_pair(use, "a", STRING_RESULT, "x");
    use_pair(use, "", STRING_RESULT, NULL);
    assert_false(use_init(use));
    assert_string_equal(use_row(use), "{\"z\":1,\"a\":\"x\",\"\":null}");
    use_free(use);
}

static void
names_are_escaped(void **state)
{
    struct use *use = use_new();

    (void)state;
    use_pair(use, "a\"b\n\xD1\x89", INT_RESULT, "1");
    assert_false(use_init(use));
    assert_string_equal(use_row(use), "{\"a\\\"b\\n\xD1\x89\":1}");
    use_free(use);
}

static void
names_are_those_of_init(void **state)
{
    struct use *use = use_new();

    (void)state;
    use_pair(use, "a", INT_RESULT, "1");
    assert_false(use_init(use));
    use->at_row[0] = NULL;
    use->lengths[0] = 0;
    assert_string_equal(use_row(use), "{\"a\":1}");
    use->at_row[0] = (char *)"\xFF";
    use->lengths[0] = 1;
    assert_string_equal(use_row(use), "{\"a\":1}");
    use_free(use);
}

static void
null_of_every_kind_is_null(void **state)
{
    const enum Item_result types[] = { STRING_RESULT, REAL_RESULT, INT_RESULT,
        DECIMAL_RESULT, TIME_RESULT };

    (void)state;
    for (size_t i = 0; i < COUNT(types); i++) {
        assert_value(types[i], NULL, 0, "null");
        assert_value(types[i], NULL, 7, "null"); /* as old servers leave it */
    }
}

static void
values_are_asked_for_as_text(void **state)
{
    struct use *use = use_new();

    (void)state;
    use_pair(use, "i", INT_RESULT, "1");
    use_pair(use, "r", REAL_RESULT, "1.5");
    use_pair(use, "d", DECIMAL_RESULT, "1.50");
    use_pair(use, "t", TIME_RESULT, "10:00:00");
    assert_false(use_init(use));
    for (unsigned int i = 0; i < use->args.arg_count; i++)
        assert_int_equal(use->types[i], STRING_RESULT);
    assert_string_equal(
        use_row(use), "{\"i\":1,\"r\":1.5,\"d\":1.50,\"t\":\"10:00:00\"}");
    use_free(use);
}

static void
result_is_described_as_a_long_nullable_text(void **state)
{
    struct use *use = use_new();

    (void)state;
    assert_false(use_init(use));
    assert_true(use->init.maybe_null);
    assert_false(use->init.const_item);
    assert_int_equal(use->init.max_length, UINT32_MAX);
    use_free(use);
}

static void
rows_of_one_statement_do_not_mix(void **state)
{
    struct use *use = use_new();

    (void)state;
    use_pair(use, "v", STRING_RESULT, "long value of the first row");
    assert_false(use_init(use));
    assert_non_null(use_row(use));
    use->at_row[1] = (char *)"x";
    use->lengths[1] = 1;
    assert_string_equal(use_row(use), "{\"v\":\"x\"}");
    use->at_row[1] = NULL;
    assert_string_equal(use_row(use), "{\"v\":null}");
    use_free(use);
}

static void
copies_of_udf_init_share_the_buffer(void **state)
{
    struct use *use = use_new();
    char *text = test_malloc(100000);
    UDF_INIT copy;

    (void)state;
    memset(text, 'x', 100000);
    use_pair(use, "v", STRING_RESULT, "short");
    assert_false(use_init(use));
    assert_non_null(use_row(use));
    copy = use->init;
    use->at_row[1] = text;
    use->lengths[1] = 100000;
    assert_int_equal(strlen(use_row(use)), 100008);
    use->init = copy;
    assert_int_equal(strlen(use_row(use)), 100008);
    use_free(use);
    test_free(text);
}

static void
many_arguments(void **state)
{
    struct use *use = use_new();
    char names[128][8];
    const char *text;

    (void)state;
    for (int i = 0; i < 128; i++) {
        snprintf(names[i], sizeof names[i], "n%d", i);
        use_pair(use, names[i], INT_RESULT, "7");
    }
    assert_false(use_init(use));
    text = use_row(use);
    assert_int_equal(strncmp(text, "{\"n0\":7,\"n1\":7,", 15), 0);
    assert_non_null(strstr(text, ",\"n127\":7}"));
    use_free(use);
}

/* ---- mbev_json: what is refused ---- */

static void
a_name_without_value_is_refused(void **state)
{
    struct use *use = use_new();

    (void)state;
    use_pair(use, "a", INT_RESULT, "1");
    use_name(use, "b");
    assert_refused(use, "argument 3: this name has no value");
}

static void
a_name_that_is_a_number_is_refused(void **state)
{
    long long one = 1;
    struct use *use = use_new();

    (void)state;
    use_add(use, INT_RESULT, (char *)&one, 0, true);
    use_add(use, INT_RESULT, "1", 1, false);
    assert_refused(use, "argument 1: a name must be a string");
}

static void
a_name_that_varies_or_is_null_is_refused(void **state)
{
    struct use *use = use_new();

    (void)state;
    use_pair(use, "a", INT_RESULT, "1");
    use_add(use, STRING_RESULT, "b", 1, false);
    use_add(use, INT_RESULT, "1", 1, false);
    assert_refused(use, "argument 3: a name must be a constant and not NULL");
}

static void
a_name_that_is_not_utf8_is_refused(void **state)
{
    struct use *use = use_new();

    (void)state;
    use_pair(use, "\xDD", INT_RESULT, "1");
    assert_refused(use, "argument 1: a name must be valid UTF-8");
}

static void
a_name_there_twice_is_refused(void **state)
{
    struct use *use = use_new();

    (void)state;
    use_pair(use, "uid", INT_RESULT, "1");
    use_pair(use, "ui", INT_RESULT, "1");
    use_pair(use, "uid", INT_RESULT, "2");
    assert_refused(use, "argument 5: this name is there already");
}

static void
a_row_is_refused(void **state)
{
    struct use *use = use_new();

    (void)state;
    use_pair(use, "a", ROW_RESULT, "1");
    assert_refused(use, "argument 2: a row cannot be a value");
}

static void
too_many_arguments_are_refused(void **state)
{
    struct use *use = use_new();
    char names[129][8];

    (void)state;
    for (int i = 0; i < 129; i++) {
        snprintf(names[i], sizeof names[i], "n%d", i);
        use_pair(use, names[i], INT_RESULT, "7");
    }
    assert_refused(use, "argument 257: too many arguments");
}

/* ---- mbev_json: strings ---- */

static void
quotes_and_backslashes_are_escaped(void **state)
{
    (void)state;
    assert_text("\"", "\"\\\"\"");
    assert_text("a\\b\"c", "\"a\\\\b\\\"c\"");
    assert_text("</script>", "\"</script>\"");
}

static void
control_bytes_are_escaped(void **state)
{
    (void)state;
    assert_text("\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\"");
    assert_text("\x01\x0b\x1f", "\"\\u0001\\u000b\\u001f\"");
    assert_text("\x7f", "\"\x7f\"");
    assert_value(STRING_RESULT, "a\0b", 3, "\"a\\u0000b\"");
}

static void
an_empty_string_is_a_string(void **state)
{
    (void)state;
    assert_text("", "\"\"");
}

static void
valid_utf8_passes_as_it_is(void **state)
{
    (void)state;
    assert_text("Оплата 10 ₽", "\"Оплата 10 ₽\"");
    assert_text("\xC2\x80\xDF\xBF", "\"\xC2\x80\xDF\xBF\"");
    assert_text("\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF",
        "\"\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF\"");
    assert_text("\xF0\x90\x80\x80\xF4\x8F\xBF\xBF",
        "\"\xF0\x90\x80\x80\xF4\x8F\xBF\xBF\"");
}

static size_t
encode(uint32_t c, char out[4])
{
    static const unsigned char leads[] = { 0, 0, 0xC0, 0xE0, 0xF0 };
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

    for (size_t i = n; i-- > 1; c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3F));
    out[0] = (char)(leads[n] | c);
    return n;
}

static void
every_code_point_is_judged_right(void **state)
{
    (void)state;
    for (uint32_t c = 0; c < 0x1FFFFF; c++) {
        bool is_surrogate = c >= 0xD800 && c <= 0xDFFF;
        char text[4];
        size_t n = encode(c, text);

        if (json_out_is_utf8(text, n) != (c <= 0x10FFFF && !is_surrogate))
            fail_msg("U+%04X is misjudged", (unsigned int)c);
    }
}

#define BAD "\xEF\xBF\xBD"

static void
a_lone_continuation_is_replaced(void **state)
{
    (void)state;
    assert_text("\x80", "\"" BAD "\"");
    assert_text("a\xBF\x80z", "\"a" BAD BAD "z\"");
}

static void
bytes_that_never_occur_are_replaced(void **state)
{
    (void)state;
    assert_text("\xC0\xC1\xF5\xFE\xFF", "\"" BAD BAD BAD BAD BAD "\"");
}

static void
overlong_forms_are_replaced(void **state)
{
    (void)state;
    assert_text("\xC0\xAF", "\"" BAD BAD "\"");
    assert_text("\xE0\x80\xAF", "\"" BAD BAD BAD "\"");
    assert_text("\xF0\x80\x80\xAF", "\"" BAD BAD BAD BAD "\"");
}

static void
surrogates_are_replaced(void **state)
{
    (void)state;
    assert_text("\xED\xA0\x80", "\"" BAD BAD BAD "\"");
    assert_text("\xED\xBF\xBF", "\"" BAD BAD BAD "\"");
}

static void
beyond_unicode_is_replaced(void **state)
{
    (void)state;
    assert_text("\xF4\x90\x80\x80", "\"" BAD BAD BAD BAD "\"");
}

static void
a_cut_character_is_replaced_once(void **state)
{
    (void)state;
    assert_text("\xD1", "\"" BAD "\"");
    assert_text("\xE2\x82", "\"" BAD "\"");
    assert_text("\xF0\x9F\x98", "\"" BAD "\"");
    assert_text("\xF0\x9F\x98\"", "\"" BAD "\\\"\"");
    assert_text("\xE2\x82\xD1\x89", "\"" BAD "\xD1\x89\"");
}

static void
nothing_is_read_past_the_end(void **state)
{
    (void)state;
    assert_value(STRING_RESULT, "\xE2\x82\xAC", 2, "\"" BAD "\"");
    assert_value(STRING_RESULT, "\xD1\x89", 1, "\"" BAD "\"");
    assert_value(DECIMAL_RESULT, "123", 2, "12");
    assert_value(DECIMAL_RESULT, "1e5", 1, "1");
}

/* ---- mbev_json: numbers ---- */

static void
numbers_pass_as_they_are(void **state)
{
    const char *const numbers[] = { "0", "7", "-7", "18446744073709551615",
        "-9223372036854775808", "0.10", "-0.01", "123.450000", "10", "1e20",
        "1e-7", "1.5E+300", "-1.7976931348623157e308" };

    (void)state;
    for (size_t i = 0; i < COUNT(numbers); i++)
        assert_number(numbers[i], numbers[i]);
}

static void
numbers_are_brought_to_json_grammar(void **state)
{
    static const struct {
        const char *given, *want;
    } cases[] = {
        { "00007", "7" },
        { "0000", "0" },
        { "00001.50", "1.50" },
        { "000.50", "0.50" },
        { "-007", "-7" },
        { "+5", "5" },
        { ".5", "0.5" },
        { "-.5", "-0.5" },
        { "5.", "5" },
        { "0000001e20", "1e20" },
        { ".5e-3", "0.5e-3" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_number(cases[i].given, cases[i].want);
}

static void
zero_has_no_sign(void **state)
{
    (void)state;
    assert_number("-0", "0");
    assert_number("-0.00", "0.00");
    assert_number("-0e0", "0e0");
    assert_number("-0.001", "-0.001");
}

static void
what_is_no_number_becomes_a_string(void **state)
{
    const char *const texts[] = { "", "-", "+", ".", "-.", "e5", "1e", "1e+",
        "1.2.3", "1 ", " 1", "--1", "+-1", "0x10", "1,5", "nan", "inf", "1e5x",
        "1-" };
    char want[32];

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        snprintf(want, sizeof want, "\"%s\"", texts[i]);
        assert_number(texts[i], want);
    }
    assert_value(INT_RESULT, "\0", 1, "\"\\u0000\""); /* a BIT column */
    assert_value(INT_RESULT, "1\0", 2, "\"1\\u0000\"");
    assert_value(INT_RESULT, "\xFF", 1, "\"" BAD "\"");
}

static void
a_string_of_digits_stays_a_string(void **state)
{
    (void)state;
    assert_text("007", "\"007\"");
    assert_value(TIME_RESULT, "2024", 4, "\"2024\"");
}

/* ---- mbev_json: size and memory ---- */

static void
huge_strings(void **state)
{
    const size_t n = (size_t)20 << 20;
    char *text = test_malloc(n);
    struct use *use = use_new();
    const char *row;

    (void)state;
    memset(text, 'x', n);
    text[n - 1] = '\0';
    use_name(use, "v");
    use_add(use, STRING_RESULT, text, n, false);
    assert_false(use_init(use));
    row = use_row(use);
    assert_int_equal(strlen(row), n + 13);
    assert_string_equal(row + n, "xxxxx\\u0000\"}");
    use_free(use);
    test_free(text);
}

static void
a_text_beyond_the_bound_fails_unread(void **state)
{
    const size_t sizes[] = { JSON_OUT_MAX + 1, SIZE_MAX - 1, SIZE_MAX };

    (void)state;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct json_out out = { 0 };

        json_out_add(&out, "abc", 3);
        json_out_add(&out, "d", sizes[i]);
        assert_true(out.failed);
        json_out_add(&out, "e", 1);
        assert_string_equal(out.text, "abc");
        json_out_clear(&out);
        json_out_add(&out, "f", 1);
        assert_false(out.failed);
        assert_string_equal(out.text, "f");
        json_out_free(&out);
    }
}

static void
no_memory_at_init_fails_the_statement(void **state)
{
    bool failed = true;
    int n;

    (void)state;
    for (n = 0; failed && n < 10; n++) {
        struct use *use = use_new();

        use_pair(use, "a", INT_RESULT, "1");
        allocations_left = n;
        failed = use_init(use);
        allocations_left = -1;
        if (failed)
            assert_string_equal(use->message, "out of memory");
        use_free(use);
    }
    assert_int_equal(n, 3); /* the object, the labels; then success */
}

static void
no_memory_for_a_row_makes_that_row_null(void **state)
{
    char text[100000];
    struct use *use = use_new();
    int n = 0;

    (void)state;
    memset(text, '\n', sizeof text);
    use_pair(use, "v", STRING_RESULT, "short");
    assert_false(use_init(use));
    use->at_row[1] = text;
    use->lengths[1] = sizeof text;
    for (allocations_left = 0; !use_row(use); allocations_left = n)
        assert_true(++n < 100);
    allocations_left = -1;
    assert_true(n >= 2);
    use->at_row[1] = (char *)"x";
    use->lengths[1] = 1;
    assert_string_equal(use_row(use), "{\"v\":\"x\"}");
    use_free(use);
}

/* ---- mbev_ring ---- */

static struct {
    char folder[32];
    struct sockaddr_un address;
} bell = { .folder = "/tmp/mbev-test-XXXXXX" };

static int
bell_setup(void **state)
{
    (void)state;
    if (!mkdtemp(bell.folder))
        return -1;
    bell.address.sun_family = AF_UNIX;
    snprintf(bell.address.sun_path, sizeof bell.address.sun_path, "%s/doorbell",
        bell.folder);
    return setenv("MBEV_DOORBELL", bell.address.sun_path, 1);
}

static int
bell_teardown(void **state)
{
    (void)state;
    return rmdir(bell.folder);
}

static int
bell_bind(void)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

    assert_true(fd >= 0);
    assert_int_equal(
        bind(fd, (struct sockaddr *)&bell.address, sizeof bell.address), 0);
    return fd;
}

static void
bell_close(int fd)
{
    close(fd);
    unlink(bell.address.sun_path);
}

static bool
bell_is_heard(int fd)
{
    char buffer[8];

    return recv(fd, buffer, sizeof buffer, 0) == 1;
}

static long long
ring_once(void)
{
    UDF_INIT init = { .const_item = true, .maybe_null = true };
    UDF_ARGS args = { 0 };
    unsigned char is_null = 0;
    unsigned char error = 0;
    char message[512] = "";
    long long result;

    if (mbev_ring_init(&init, &args, message) || init.const_item)
        return 1;
    result = mbev_ring(&init, &args, &is_null, &error);
    return is_null || error ? 1 : result;
}

static void
a_ring_is_heard(void **state)
{
    int fd = bell_bind();

    (void)state;
    assert_int_equal(ring_once(), 0);
    assert_true(bell_is_heard(fd));
    assert_false(bell_is_heard(fd));
    bell_close(fd);
}

static void
ringing_without_a_service(void **state)
{
    (void)state;
    assert_int_equal(ring_once(), -ENOENT);
}

static void
ringing_at_a_stale_socket(void **state)
{
    int fd = bell_bind();

    (void)state;
    close(fd);
    assert_int_equal(ring_once(), -ECONNREFUSED);
    unlink(bell.address.sun_path);
}

static void
a_restarted_service_hears_again(void **state)
{
    int fd = bell_bind();

    (void)state;
    assert_int_equal(ring_once(), 0);
    bell_close(fd);
    fd = bell_bind();
    assert_int_equal(ring_once(), 0);
    assert_true(bell_is_heard(fd));
    bell_close(fd);
}

static void
a_full_queue_never_blocks(void **state)
{
    int fd = bell_bind();
    int sent = 0;

    (void)state;
    alarm(30); /* ends the test run if a call blocks */
    while (sent < 1 << 20 && ring_once() == 0)
        sent++;
    assert_in_range(sent, 1, (1 << 20) - 1);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(ring_once(), -EAGAIN);
    alarm(0);
    while (bell_is_heard(fd))
        sent--;
    assert_int_equal(sent, 0);
    assert_int_equal(ring_once(), 0);
    bell_close(fd);
}

static void
a_socket_of_another_kind_does_no_harm(void **state)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)state;
    assert_int_equal(
        bind(fd, (struct sockaddr *)&bell.address, sizeof bell.address), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(ring_once(), -EPROTOTYPE);
    bell_close(fd);
}

static void
arguments_are_refused(void **state)
{
    UDF_INIT init = { 0 };
    UDF_ARGS args = { .arg_count = 1 };
    char message[512];

    (void)state;
    assert_true(mbev_ring_init(&init, &args, message));
    assert_string_equal(message, "mbev_ring() takes no arguments");
    assert_true(mbev_version_init(&init, &args, message));
    assert_string_equal(message, "mbev_version() takes no arguments");
}

/* ---- mbev_ring: parts played in a process of their own ---- */

static int
open_descriptors(void)
{
    int count = 0;

    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static int
part_ring(void)
{
    return (int)-ring_once();
}

static void *
ring_often(void *unused)
{
    (void)unused;
    for (int i = 0; i < 1000; i++)
        ring_once();
    return NULL;
}

/* Exits with the number of descriptors that the rings left open. */
static int
part_threads(void)
{
    int before = open_descriptors();
    pthread_t threads[8];

    for (size_t i = 0; i < COUNT(threads); i++)
        if (pthread_create(&threads[i], NULL, ring_often, NULL) != 0)
            return 255;
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    return open_descriptors() - before;
}

/* No descriptor is left for the first ring; the second has one. */
static int
part_descriptors(void)
{
    struct rlimit limit;
    struct rlimit none;

    getrlimit(RLIMIT_NOFILE, &limit);
    none = limit;
    none.rlim_cur = 0;
    setrlimit(RLIMIT_NOFILE, &none);
    if (ring_once() != -EMFILE)
        return 255;
    setrlimit(RLIMIT_NOFILE, &limit);
    return (int)-ring_once();
}

static const struct {
    const char *name;
    int (*play)(void);
} parts[] = {
    { "ring", part_ring },
    { "threads", part_threads },
    { "descriptors", part_descriptors },
};

static int
play(const char *name)
{
    for (size_t i = 0; i < COUNT(parts); i++)
        if (strcmp(parts[i].name, name) == 0)
            return parts[i].play();
    return 255;
}

/* Exit code of this program playing a part; path NULL = no override. */
static int
exit_code_of(const char *part, const char *path)
{
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        if (path)
            setenv("MBEV_DOORBELL", path, 1);
        else
            unsetenv("MBEV_DOORBELL");
        execl("/proc/self/exe", "test_udf", part, (char *)NULL);
        _exit(255);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* What a datagram to this path meets, as errno, without the library. */
static int
errno_of_sending_to(const char *path)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    ssize_t sent;

    assert_true(fd >= 0);
    snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
    sent = sendto(fd, "!", 1, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof to);
    close(fd);
    return sent == 1 ? 0 : errno;
}

static void
the_environment_replaces_the_path(void **state)
{
    int fd = bell_bind();

    (void)state;
    assert_int_equal(exit_code_of("ring", bell.address.sun_path), 0);
    assert_true(bell_is_heard(fd));
    bell_close(fd);
}

static void
without_environment_the_path_is_compiled_in(void **state)
{
    int want = errno_of_sending_to(MBEV_DOORBELL);
    int fd = bell_bind();

    (void)state;
    assert_int_equal(exit_code_of("ring", NULL), want);
    assert_int_equal(exit_code_of("ring", ""), want);
    assert_false(bell_is_heard(fd));
    bell_close(fd);
}

static void
a_path_too_long_is_told(void **state)
{
    char path[sizeof bell.address.sun_path + 1];

    (void)state;
    memset(path, 'x', sizeof path);
    memcpy(path, "/tmp/", 5);
    path[sizeof path - 1] = '\0';
    assert_int_equal(exit_code_of("ring", path), ENAMETOOLONG);
    path[sizeof path - 2] = '\0';
    assert_int_equal(exit_code_of("ring", path), ENOENT);
}

static void
threads_share_one_descriptor(void **state)
{
    (void)state;
    assert_int_equal(exit_code_of("threads", bell.address.sun_path), 1);
}

static void
a_lack_of_descriptors_is_not_remembered(void **state)
{
    (void)state;
    assert_int_equal(
        exit_code_of("descriptors", bell.address.sun_path), ENOENT);
}

/* ---- mbev_version ---- */

static void
version_is_that_of_the_build(void **state)
{
    UDF_INIT init = { .maybe_null = true };
    UDF_ARGS args = { 0 };
    char buffer[UDF_RESULT_SIZE];
    unsigned long length = 0;
    unsigned char is_null = 0;
    unsigned char error = 0;

    (void)state;
    assert_false(mbev_version_init(&init, &args, buffer));
    assert_false(init.maybe_null);
    assert_ptr_equal(
        mbev_version(&init, &args, buffer, &length, &is_null, &error), buffer);
    assert_string_equal(buffer, MBEV_VERSION);
    assert_int_equal(length, strlen(MBEV_VERSION));
    assert_int_equal(init.max_length, length);
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_arguments_are_an_empty_object),
        cmocka_unit_test(members_keep_their_order),
        cmocka_unit_test(names_are_escaped),
        cmocka_unit_test(names_are_those_of_init),
        cmocka_unit_test(null_of_every_kind_is_null),
        cmocka_unit_test(values_are_asked_for_as_text),
        cmocka_unit_test(result_is_described_as_a_long_nullable_text),
        cmocka_unit_test(rows_of_one_statement_do_not_mix),
        cmocka_unit_test(copies_of_udf_init_share_the_buffer),
        cmocka_unit_test(many_arguments),
        cmocka_unit_test(a_name_without_value_is_refused),
        cmocka_unit_test(a_name_that_is_a_number_is_refused),
        cmocka_unit_test(a_name_that_varies_or_is_null_is_refused),
        cmocka_unit_test(a_name_that_is_not_utf8_is_refused),
        cmocka_unit_test(a_name_there_twice_is_refused),
        cmocka_unit_test(a_row_is_refused),
        cmocka_unit_test(too_many_arguments_are_refused),
        cmocka_unit_test(quotes_and_backslashes_are_escaped),
        cmocka_unit_test(control_bytes_are_escaped),
        cmocka_unit_test(an_empty_string_is_a_string),
        cmocka_unit_test(valid_utf8_passes_as_it_is),
        cmocka_unit_test(every_code_point_is_judged_right),
        cmocka_unit_test(a_lone_continuation_is_replaced),
        cmocka_unit_test(bytes_that_never_occur_are_replaced),
        cmocka_unit_test(overlong_forms_are_replaced),
        cmocka_unit_test(surrogates_are_replaced),
        cmocka_unit_test(beyond_unicode_is_replaced),
        cmocka_unit_test(a_cut_character_is_replaced_once),
        cmocka_unit_test(nothing_is_read_past_the_end),
        cmocka_unit_test(numbers_pass_as_they_are),
        cmocka_unit_test(numbers_are_brought_to_json_grammar),
        cmocka_unit_test(zero_has_no_sign),
        cmocka_unit_test(what_is_no_number_becomes_a_string),
        cmocka_unit_test(a_string_of_digits_stays_a_string),
        cmocka_unit_test(huge_strings),
        cmocka_unit_test(a_text_beyond_the_bound_fails_unread),
        cmocka_unit_test(no_memory_at_init_fails_the_statement),
        cmocka_unit_test(no_memory_for_a_row_makes_that_row_null),
        cmocka_unit_test(a_ring_is_heard),
        cmocka_unit_test(ringing_without_a_service),
        cmocka_unit_test(ringing_at_a_stale_socket),
        cmocka_unit_test(a_restarted_service_hears_again),
        cmocka_unit_test(a_full_queue_never_blocks),
        cmocka_unit_test(a_socket_of_another_kind_does_no_harm),
        cmocka_unit_test(arguments_are_refused),
        cmocka_unit_test(the_environment_replaces_the_path),
        cmocka_unit_test(without_environment_the_path_is_compiled_in),
        cmocka_unit_test(a_path_too_long_is_told),
        cmocka_unit_test(threads_share_one_descriptor),
        cmocka_unit_test(a_lack_of_descriptors_is_not_remembered),
        cmocka_unit_test(version_is_that_of_the_build),
    };

    if (argc > 1)
        return play(argv[1]);
    return cmocka_run_group_tests_name("udf", tests, bell_setup, bell_teardown);
}
