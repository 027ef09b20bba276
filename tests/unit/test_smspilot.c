/*
 * smspilot: requests and replies of smspilot.ru, interface API-1.
 */
#include "unit.h"

#include "providers/provider.h"
#include "utf8.h"

/* ---- requests ---- */

static struct settings set = {
    .smspilot = { .url = "https://smspilot.ru/api.php",
        .api_key = "PILOTKEY",
        .sender = "INFORM",
        .ca_file = "/etc/ca.pem",
        .connections = 4,
        .connect_timeout_ms = 10000,
        .timeout_ms = 20000 },
};

static void
assert_body(const char *text, const char *want)
{
    struct message message = { .to = "79990000001", .text = text };
    struct bytes body = bytes_make(10000);
    struct http_request request;

    smspilot.build(&set, &message, 0, &request, &body);
    assert_true(bytes_ok(&body));
    assert_string_equal(bytes_text(&body), want);
    bytes_free(&body);
}

#define BODY(send)                                                             \
    "send=" send "&to=79990000001&from=INFORM&format=json&apikey=PILOTKEY"

static void
the_request_has_just_these_parameters(void **state)
{
    (void)state;
    assert_body("test", BODY("test"));
}

static void
blanks_become_plus_and_cyrillic_its_bytes(void **state)
{
    (void)state;
    assert_body("Я и ты", BODY("%D0%AF+%D0%B8+%D1%82%D1%8B"));
}

static void
signs_with_a_meaning_are_encoded(void **state)
{
    (void)state;
    assert_body("a&b+c%d=e;f#g?h/i:j@k!l*m(n)",
        BODY("a%26b%2Bc%25d%3De%3Bf%23g%3Fh%2Fi%3Aj%40k%21l%2Am%28n%29"));
}

static void
quotes_and_newlines_are_encoded(void **state)
{
    (void)state;
    assert_body("\"q\" 'r'\n\r\t\\", BODY("%22q%22+%27r%27%0A%0D%09%5C"));
}

static void
an_emoji_is_four_bytes(void **state)
{
    (void)state;
    assert_body("\xF0\x9F\x98\x80", BODY("%F0%9F%98%80"));
}

static void
unreserved_characters_stay(void **state)
{
    (void)state;
    assert_body("azAZ09-._~", BODY("azAZ09-._~"));
}

static void
sender_and_key_are_encoded_too(void **state)
{
    struct message message = { .to = "79990000001", .text = "t" };
    struct settings odd = set;
    struct bytes body = bytes_make(1000);
    struct http_request request;

    (void)state;
    odd.smspilot.sender = "A&B";
    odd.smspilot.api_key = "k=+";
    smspilot.build(&odd, &message, 0, &request, &body);
    assert_string_equal(bytes_text(&body),
        "send=t&to=79990000001&from=A%26B&format=json&apikey=k%3D%2B");
    bytes_free(&body);
}

static void
the_request_goes_where_the_settings_say(void **state)
{
    struct message message = { .to = "79990000001", .text = "t" };
    struct bytes body = bytes_make(1000);
    struct http_request request;

    (void)state;
    smspilot.build(&set, &message, 0, &request, &body);
    assert_string_equal(request.url, "https://smspilot.ru/api.php");
    assert_string_equal(
        request.content_type, "application/x-www-form-urlencoded");
    assert_string_equal(request.ca_file, "/etc/ca.pem");
    assert_int_equal(request.connect_timeout_ms, 10000);
    assert_int_equal(request.timeout_ms, 20000);
    assert_int_equal(smspilot.limits(&set).connections, 4);
    bytes_free(&body);
}

static void
a_body_beyond_the_bound_fails(void **state)
{
    struct message message = { .to = "79990000001", .text = "a long text" };
    struct bytes body = bytes_make(20);
    struct http_request request;

    (void)state;
    smspilot.build(&set, &message, 0, &request, &body);
    assert_false(bytes_ok(&body));
    bytes_free(&body);
}

static void
the_number_of_ours_and_the_channel_do_not_matter(void **state)
{
    struct message message = { .to = "79990000001",
        .text = "test",
        .id = "MBEV-0123456789abcdef",
        .channel = CHANNEL_SOCIAL };
    struct bytes body = bytes_make(1000);
    struct http_request request;

    (void)state;
    smspilot.build(&set, &message, 7, &request, &body);
    assert_string_equal(bytes_text(&body), BODY("test"));
    assert_string_equal(request.url, "https://smspilot.ru/api.php");
    bytes_free(&body);
}

static void
it_has_one_host_and_cannot_be_asked(void **state)
{
    (void)state;
    assert_string_equal(smspilot.name, "smspilot");
    assert_int_equal(smspilot.limits(&set).hosts, 1);
    assert_null(smspilot.build_query);
    assert_null(smspilot.read_query);
}

static void
a_message_stays_there_no_longer_than_one_request(void **state)
{
    (void)state;
    assert_int_equal(smspilot.limits(&set).timeout_ms, 20000);
    assert_int_equal(smspilot.limits(&set).connect_timeout_ms, 10000);
    assert_int_equal(provider_longest_ms(&smspilot, &set), 20000);
}

/* ---- planned messages ---- */

/* Microseconds since 1970 of a time of UTC. */
static int64_t
utc(const char *text)
{
    struct civil c;

    assert_true(civil_parse(&c, text));
    return civil_seconds(&c) * 1000000;
}

/* A message that is to be delivered then goes with this send_datetime. */
static void
assert_planned(int64_t plan_us, int64_t offset_min, const char *want)
{
    struct zone zone = { .span = { { INT64_MIN, 5 * 3600 } }, .n = 1 };
    struct message message = {
        .to = "79990000001", .text = "test", .plan_us = plan_us, .zone = &zone
    };
    struct settings odd = set;
    struct bytes body = bytes_make(1000);
    struct http_request request;
    char all[200];

    odd.smspilot.datetime_offset_min = offset_min;
    smspilot.build(&odd, &message, 0, &request, &body);
    snprintf(all, sizeof all,
        "send=test&to=79990000001&from=INFORM&send_datetime=%s&format=json"
        "&apikey=PILOTKEY",
        want);
    assert_string_equal(bytes_text(&body), all);
    bytes_free(&body);
}

static void
a_planned_message_says_when_by_utc(void **state)
{
    (void)state;
    assert_planned(utc("2026-11-24 05:00:00"), 0, "2026-11-24+05%3A00%3A00");
    assert_planned(utc("2026-01-02 03:04:05"), 0, "2026-01-02+03%3A04%3A05");
}

static void
a_part_of_a_second_is_dropped(void **state)
{
    (void)state;
    assert_planned(
        utc("2026-11-24 05:00:00") + 999999, 0, "2026-11-24+05%3A00%3A00");
    assert_planned(1, 0, "1970-01-01+00%3A00%3A00");
}

static void
the_offset_moves_what_is_said(void **state)
{
    int64_t at = utc("2026-11-24 05:00:00");

    (void)state;
    assert_planned(at, 180, "2026-11-24+08%3A00%3A00");
    assert_planned(at, 300, "2026-11-24+10%3A00%3A00");
    assert_planned(at, 330, "2026-11-24+10%3A30%3A00");
    assert_planned(at, 840, "2026-11-24+19%3A00%3A00");
    assert_planned(at, -1, "2026-11-24+04%3A59%3A00");
    assert_planned(at, -720, "2026-11-23+17%3A00%3A00");
}

static void
days_months_and_years_end_where_they_end(void **state)
{
    static const struct {
        const char *at;
        int64_t offset_min;
        const char *want;
    } rows[] = {
        { "2026-11-23 19:00:00", 300, "2026-11-24+00%3A00%3A00" },
        { "2026-11-23 18:59:59", 300, "2026-11-23+23%3A59%3A59" },
        { "2026-11-30 19:00:00", 300, "2026-12-01+00%3A00%3A00" },
        { "2026-10-31 23:59:59", 0, "2026-10-31+23%3A59%3A59" },
        { "2026-10-31 19:00:00", 300, "2026-11-01+00%3A00%3A00" },
        { "2026-12-31 19:00:00", 300, "2027-01-01+00%3A00%3A00" },
        { "2027-01-01 00:30:00", -60, "2026-12-31+23%3A30%3A00" },
        { "2026-02-28 19:00:00", 300, "2026-03-01+00%3A00%3A00" },
        { "2028-02-28 19:00:00", 300, "2028-02-29+00%3A00%3A00" },
        { "2028-02-29 05:00:00", 0, "2028-02-29+05%3A00%3A00" },
        { "2028-02-29 19:00:00", 300, "2028-03-01+00%3A00%3A00" },
        { "2028-03-01 00:00:00", -1, "2028-02-29+23%3A59%3A00" },
        { "2027-03-01 00:00:00", -1, "2027-02-28+23%3A59%3A00" },
        { "2100-02-28 23:00:00", 60, "2100-03-01+00%3A00%3A00" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_planned(utc(rows[i].at), rows[i].offset_min, rows[i].want);
}

static void
a_message_without_a_plan_says_no_time_whatever_the_offset(void **state)
{
    struct message message = { .to = "79990000001", .text = "test" };
    struct settings odd = set;
    struct bytes body = bytes_make(1000);
    struct http_request request;

    (void)state;
    odd.smspilot.datetime_offset_min = 300;
    smspilot.build(&odd, &message, 0, &request, &body);
    assert_string_equal(bytes_text(&body), BODY("test"));
    bytes_free(&body);
}

/* ---- replies ---- */

static const char *name_of(enum outcome_class class)
{
    const char *name = outcome_class_name(class);

    return name ? name : "accepted";
}

/* Reads a reply from memory of just its size, so that a sanitizer sees what
 * is read behind it. */
static struct outcome
read_bytes(int status, const char *p, size_t n)
{
    char *copy = malloc(n + 1);
    struct http_reply reply = { .status = status, .body = copy, .body_len = n };
    struct outcome out;

    assert_non_null(copy);
    memcpy(copy, p, n);
    copy[n] = '\0';
    memset(&out, 'x', sizeof out);
    smspilot.read(&reply, &out);
    free(copy);
    return out;
}

static struct outcome
read_text(const char *text)
{
    return read_bytes(200, text, strlen(text));
}

static void
assert_class(const char *text, enum outcome_class class)
{
    struct outcome out = read_text(text);

    expect_text(text, name_of(out.class), name_of(class));
    if (class != OUTCOME_ACCEPTED && !out.why[0])
        fail_msg("%s: no reason is given", text);
}

static void
assert_accepted(const char *text, const char *id)
{
    struct outcome out = read_text(text);

    expect_text(text, name_of(out.class), "accepted");
    expect_text(text, out.provider_id, id);
    expect_text(text, out.code, "");
    expect_text(text, out.words, "");
    expect_text(text, out.why, "");
}

static void
the_reply_of_the_sheet_is_accepted(void **state)
{
    (void)state;
    assert_accepted(
        "{\"send\":[{\"server_id\":\"9316849\",\"phone\":\"79990000001\","
        "\"price\":\"1.31\",\"status\":\"0\"}],\"balance\":\"2935.50\","
        "\"cost\":\"1.31\",\"server_packet_id\":\"9316849\"}",
        "9316849");
}

static void
numbers_are_as_good_as_strings(void **state)
{
    (void)state;
    assert_accepted("{\"send\":[{\"server_id\":9316849,\"phone\":79990000001,"
                    "\"price\":1.31,\"status\":0}],\"balance\":2935.50,"
                    "\"cost\":1.31,\"server_packet_id\":9316849}",
        "9316849");
}

static void
the_reply_of_the_second_interface_is_accepted(void **state)
{
    (void)state;
    assert_accepted(
        "{\"server_packet_id\":\"123456\",\"balance\":20006.97,\"cost\":2.96,"
        "\"send\":[{\"id\":0,\"server_id\":\"10000\",\"from\":\"INFORM\","
        "\"to\":\"79990000001\",\"text\":\"...\",\"parts\":1,\"status\":0,"
        "\"error\":0,\"send_datetime\":\"\",\"country\":\"RU\","
        "\"operator\":\"TELE2\",\"price\":2.96}]}",
        "10000");
}

static void
every_status_from_zero_on_is_accepted(void **state)
{
    (void)state;
    assert_accepted("{\"send\":[{\"server_id\":1,\"status\":1}]}", "1");
    assert_accepted("{\"send\":[{\"server_id\":1,\"status\":\"2\"}]}", "1");
    assert_accepted("{\"send\":[{\"server_id\":1,\"status\":3}]}", "1");
    assert_accepted("{\"send\":[{\"status\":0}]}", "");
    assert_accepted("{\"error\":null,\"send\":[{\"status\":0}]}", "");
    assert_accepted("{\"send\":[{\"status\":0,\"error\":null}]}", "");
    assert_accepted("{\"send\":[{\"status\":0,\"error\":\"0\"}]}", "");
    assert_accepted(" \r\n{\"send\" : [ {\"status\" : \"0\"} ] } \n", "");
}

static void
a_number_of_19_digits_is_kept(void **state)
{
    (void)state;
    assert_accepted(
        "{\"send\":[{\"server_id\":9223372036854775807,\"status\":0}]}",
        "9223372036854775807");
}

static void
an_error_is_told_with_code_and_words(void **state)
{
    struct outcome out =
        read_text("{\"error\":{\"code\":\"111\",\"description\":\"Invalid "
                  "phone\",\"description_ru\":\"Неверный телефон\"}}");

    (void)state;
    assert_int_equal(out.class, OUTCOME_PERMANENT);
    assert_string_equal(out.code, "111");
    assert_string_equal(out.words, "Invalid phone");
    assert_string_equal(out.why, "smspilot refused it: 111 Invalid phone");
    assert_string_equal(out.provider_id, "");
}

static void
russian_words_do_when_there_are_no_others(void **state)
{
    struct outcome out = read_text("{\"error\":{\"code\":112,"
                                   "\"description_ru\":\"Нет денег\"}}");

    (void)state;
    assert_int_equal(out.class, OUTCOME_CONFIGURATION);
    assert_string_equal(out.code, "112");
    assert_string_equal(out.words, "Нет денег");
}

static void
an_error_without_words_is_an_error(void **state)
{
    struct outcome out = read_text("{\"error\":{\"code\":110}}");

    (void)state;
    assert_int_equal(out.class, OUTCOME_TRANSIENT);
    assert_string_equal(out.code, "110");
    assert_string_equal(out.words, "");
}

static void
an_error_beside_a_list_is_an_error(void **state)
{
    (void)state;
    assert_class("{\"send\":[{\"server_id\":1,\"status\":0}],"
                 "\"error\":{\"code\":\"111\",\"description\":\"x\"}}",
        OUTCOME_PERMANENT);
}

/* The provider's codes and what they mean for us. */
static const struct {
    enum outcome_class class;
    int first, last;
} codes[] = {
    { OUTCOME_PERMANENT, 10, 14 },       /* malformed request */
    { OUTCOME_CONFIGURATION, 100, 102 }, /* key */
    { OUTCOME_CONFIGURATION, 105, 108 }, /* account blocked */
    { OUTCOME_TRANSIENT, 110, 110 },     /* system error */
    { OUTCOME_PERMANENT, 111, 111 },     /* invalid phone */
    { OUTCOME_CONFIGURATION, 112, 112 }, /* no money */
    { OUTCOME_CONFIGURATION, 113, 113 }, /* source address */
    { OUTCOME_CONFIGURATION, 115, 115 }, /* sender */
    { OUTCOME_CONFIGURATION, 200, 201 },
    { OUTCOME_CONFIGURATION, 204, 204 },
    { OUTCOME_PERMANENT, 212, 215 }, /* phone */
    { OUTCOME_PERMANENT, 220, 221 }, /* text */
    { OUTCOME_PERMANENT, 223, 225 }, /* spam protection */
    { OUTCOME_CONFIGURATION, 226, 226 },
    { OUTCOME_PERMANENT, 230, 231 },
    { OUTCOME_PERMANENT, 240, 240 },
    { OUTCOME_PERMANENT, 243, 243 }, /* loop protection */
    { OUTCOME_PERMANENT, 247, 248 },
    { OUTCOME_PERMANENT, 250, 250 },
    { OUTCOME_PERMANENT, 260, 260 },
    { OUTCOME_PERMANENT, 270, 270 },
    { OUTCOME_PERMANENT, 275, 275 },
    { OUTCOME_PERMANENT, 300, 304 },
    { OUTCOME_CONFIGURATION, 400, 401 },
    { OUTCOME_PERMANENT, 500, 500 },
    { OUTCOME_PERMANENT, 600, 605 },
    { OUTCOME_CONFIGURATION, 630, 634 }, /* templates */
    { OUTCOME_CONFIGURATION, 640, 645 }, /* sender registration */
    { OUTCOME_PERMANENT, 999, 999 },     /* not in their list */
    { OUTCOME_PERMANENT, 1101, 1101 },
};

/* Puts each code into the text and compares what it means. */
static void
assert_codes(const char *format)
{
    for (size_t i = 0; i < COUNT(codes); i++) {
        for (int code = codes[i].first; code <= codes[i].last; code++) {
            char number[16], text[200];
            const char *at = strchr(format, '@');
            struct outcome out;

            snprintf(number, sizeof number, "%d", code);
            snprintf(text, sizeof text, "%.*s%s%s", (int)(at - format), format,
                number, at + 1);
            out = read_text(text);
            expect_text(text, name_of(out.class), name_of(codes[i].class));
            expect_text(text, out.code, number);
        }
    }
}

static void
codes_mean_what_the_sheet_says(void **state)
{
    (void)state;
    assert_codes("{\"error\":{\"code\":\"@\",\"description\":\"x\"}}");
}

static void
codes_may_be_numbers(void **state)
{
    (void)state;
    assert_codes("{\"error\":{\"code\":@,\"description\":\"x\"}}");
}

static void
codes_of_the_element_mean_the_same(void **state)
{
    (void)state;
    assert_codes("{\"send\":[{\"server_id\":\"1\",\"status\":-2,"
                 "\"error\":@}]}");
    assert_codes("{\"send\":[{\"server_id\":\"1\",\"status\":0,"
                 "\"error\":\"@\"}]}");
}

static void
a_refused_receiver_is_refused(void **state)
{
    struct outcome out = read_text("{\"send\":[{\"server_id\":\"0\","
                                   "\"phone\":\"7\",\"status\":\"-2\"}]}");

    (void)state;
    assert_int_equal(out.class, OUTCOME_PERMANENT);
    assert_string_equal(out.code, "-2");
    assert_string_equal(
        out.why, "smspilot refused it: -2 the receiver was refused");
    assert_string_equal(out.provider_id, "");
    assert_class("{\"send\":[{\"status\":-2}]}", OUTCOME_PERMANENT);
    assert_class("{\"send\":[{\"status\":-1}]}", OUTCOME_PERMANENT);
    assert_class("{\"send\":[{\"status\":-2,\"error\":0}]}", OUTCOME_PERMANENT);
}

static void
several_elements_are_unknown(void **state)
{
    (void)state;
    assert_class("{\"send\":[{\"status\":0},{\"status\":0}]}", OUTCOME_UNKNOWN);
    assert_class(
        "{\"send\":[{\"status\":-2},{\"status\":0}]}", OUTCOME_UNKNOWN);
}

static void
no_element_is_unknown(void **state)
{
    (void)state;
    assert_class("{\"send\":[]}", OUTCOME_UNKNOWN);
    assert_class("{\"send\":null}", OUTCOME_UNKNOWN);
    assert_class("{\"send\":{\"status\":0}}", OUTCOME_UNKNOWN);
    assert_class("{\"send\":\"ok\"}", OUTCOME_UNKNOWN);
    assert_class("{\"balance\":\"2935.50\"}", OUTCOME_UNKNOWN);
    assert_class("{}", OUTCOME_UNKNOWN);
}

static void
an_element_of_another_form_is_unknown(void **state)
{
    (void)state;
    assert_class("{\"send\":[null]}", OUTCOME_UNKNOWN);
    assert_class("{\"send\":[0]}", OUTCOME_UNKNOWN);
    assert_class("{\"send\":[[]]}", OUTCOME_UNKNOWN);
    assert_class("{\"send\":[\"0\"]}", OUTCOME_UNKNOWN);
    assert_class("{\"send\":[{}]}", OUTCOME_UNKNOWN);
    assert_class("{\"send\":[{\"server_id\":\"1\"}]}", OUTCOME_UNKNOWN);
}

static void
a_status_of_another_form_is_unknown(void **state)
{
    static const char *const forms[] = { "null", "\"\"", "\"ok\"", "\"0x\"",
        "\" 0\"", "true", "false", "[]", "{}", "0.5" };
    char text[100];

    (void)state;
    for (size_t i = 0; i < COUNT(forms); i++) {
        snprintf(text, sizeof text,
            "{\"send\":[{\"server_id\":\"1\",\"status\":%s}]}", forms[i]);
        assert_class(text, OUTCOME_UNKNOWN);
    }
}

static void
html_is_unknown(void **state)
{
    struct outcome out = read_text("<html><body>502 Bad Gateway</body></html>");

    (void)state;
    assert_int_equal(out.class, OUTCOME_UNKNOWN);
    assert_string_equal(out.why, "the reply of smspilot is not JSON");
    assert_string_equal(out.words, "");
}

static void
the_text_format_is_unknown(void **state)
{
    (void)state;
    assert_class("SUCCESS=SMS SENT 1.31/2935.50\n1,79990000001,1.31,0\n",
        OUTCOME_UNKNOWN);
    assert_class("ERROR=111", OUTCOME_UNKNOWN);
}

static void
an_empty_reply_is_unknown(void **state)
{
    struct outcome out = read_text("");

    (void)state;
    assert_int_equal(out.class, OUTCOME_UNKNOWN);
    assert_string_equal(out.why, "the reply of smspilot is empty");
    assert_class(" \r\n", OUTCOME_UNKNOWN);
}

static void
json_that_is_no_object_is_unknown(void **state)
{
    (void)state;
    assert_class("[]", OUTCOME_UNKNOWN);
    assert_class("[{\"status\":0}]", OUTCOME_UNKNOWN);
    assert_class("0", OUTCOME_UNKNOWN);
    assert_class("null", OUTCOME_UNKNOWN);
    assert_class("\"ok\"", OUTCOME_UNKNOWN);
    assert_class("true", OUTCOME_UNKNOWN);
}

static void
a_status_decides_whatever_the_body(void **state)
{
    static const int statuses[] = { 100, 201, 204, 301, 302, 400, 403, 404, 429,
        500, 502, 503 };
    static const char accepted[] =
        "{\"send\":[{\"server_id\":1,\"status\":0}]}";
    static const char refused[] = "{\"error\":{\"code\":\"110\"}}";

    (void)state;
    for (size_t i = 0; i < COUNT(statuses); i++) {
        struct outcome out = read_bytes(statuses[i], RAW(accepted));
        enum outcome_class class =
            statuses[i] == 429 ? OUTCOME_TRANSIENT : OUTCOME_UNKNOWN;
        char why[80];

        expect_number("accepted", out.class, class);
        snprintf(why, sizeof why, "smspilot answered with HTTP status %d",
            statuses[i]);
        expect_text("status", out.why, why);
        expect_text("status", out.provider_id, "");
        out = read_bytes(statuses[i], RAW(refused));
        expect_number("refused", out.class, class);
        out = read_bytes(statuses[i], "", 0);
        expect_number("empty", out.class, class);
    }
}

static void
a_reply_cut_anywhere_is_unknown(void **state)
{
    static const char whole[] =
        "{\"send\":[{\"server_id\":\"9316849\",\"status\":\"0\"}],"
        "\"cost\":\"1.31\"}";

    (void)state;
    for (size_t n = 0; n < sizeof whole - 1; n++) {
        struct outcome out = read_bytes(200, whole, n);

        if (out.class != OUTCOME_UNKNOWN)
            fail_msg("cut behind %zu bytes: %s", n, name_of(out.class));
    }
    assert_class(whole, OUTCOME_ACCEPTED);
}

static void
nul_bytes_make_it_unknown(void **state)
{
    static const char whole[] = "{\"send\":[{\"server_id\":\"93\","
                                "\"status\":\"0\"}],\"cost\":\"1.31\"}";

    (void)state;
    for (size_t i = 0; i < sizeof whole - 1; i++) {
        char text[sizeof whole];
        struct outcome out;

        memcpy(text, whole, sizeof text);
        text[i] = '\0';
        out = read_bytes(200, text, sizeof text - 1);
        if (out.class != OUTCOME_UNKNOWN)
            fail_msg("NUL at %zu: %s", i, name_of(out.class));
    }
}

static void
invalid_utf8_is_unknown(void **state)
{
    (void)state;
    assert_class(
        "{\"send\":[{\"server_id\":\"\xFF\",\"status\":0}]}", OUTCOME_UNKNOWN);
    assert_class("{\"error\":{\"code\":110,\"description\":\"\xCF\xEB\"}}",
        OUTCOME_UNKNOWN);
    assert_class(
        "{\"error\":{\"code\":110,\"description\":\"\xD0\"}}", OUTCOME_UNKNOWN);
}

static void
deep_nesting_is_unknown(void **state)
{
    static char text[20000];

    (void)state;
    memset(text, '[', sizeof text - 1);
    assert_class(text, OUTCOME_UNKNOWN);
    for (size_t i = 0; i + 6 < sizeof text; i += 5)
        memcpy(text + i, "{\"a\":", 5);
    assert_class(text, OUTCOME_UNKNOWN);
}

/* What stands behind the object makes it something else than one JSON object:
 * a program that failed while it answered, or two answers. */
static void
an_object_with_more_behind_it_is_unknown(void **state)
{
    struct outcome out =
        read_bytes(200, RAW("{\"send\":[{\"status\":0}]}\0<br>"));

    (void)state;
    assert_int_equal(out.class, OUTCOME_UNKNOWN);
    assert_class("{\"send\":[{\"status\":0}]}<br>Fatal error", OUTCOME_UNKNOWN);
    assert_class("{\"error\":{\"code\":110}}{\"send\":[{\"status\":0}]}",
        OUTCOME_UNKNOWN);
}

static void
white_space_behind_the_reply_is_nothing(void **state)
{
    (void)state;
    assert_class("{\"send\":[{\"status\":0}]}\r\n", OUTCOME_ACCEPTED);
    assert_class("{\"send\":[{\"status\":0}]} \n\t", OUTCOME_ACCEPTED);
}

static void
an_error_of_no_known_form_is_unknown(void **state)
{
    (void)state;
    assert_class("{\"error\":0,\"send\":[{\"status\":0}]}", OUTCOME_UNKNOWN);
    assert_class("{\"error\":\"x\"}", OUTCOME_UNKNOWN);
}

/* "x" and then n letters of two bytes. */
static struct outcome
read_long_words(size_t n)
{
    struct bytes text = bytes_make(10000);
    struct outcome out;

    bytes_str(&text, "{\"error\":{\"code\":\"111\",\"description\":\"x");
    for (size_t i = 0; i < n; i++)
        bytes_str(&text, "Я");
    bytes_str(&text, "\"}}");
    out = read_text(bytes_text(&text));
    bytes_free(&text);
    return out;
}

static void
long_words_are_cut_on_a_character_boundary(void **state)
{
    struct outcome out = read_long_words(2000);

    (void)state;
    assert_int_equal(out.class, OUTCOME_PERMANENT);
    assert_int_equal(strlen(out.words), OUTCOME_TEXT);
    assert_true(utf8_valid(out.words, strlen(out.words)));
    out = read_long_words(2000);
    assert_memory_equal(out.words, "xЯЯ", 5);
}

static void
a_long_reason_is_cut_on_a_character_boundary(void **state)
{
    struct outcome out = read_long_words(2000);

    (void)state;
    assert_true(utf8_valid(out.why, strlen(out.why)));
}

static void
a_long_code_and_a_long_number_are_cut(void **state)
{
    static const char digits[] = "1234567890123456789012345678901234567890"
                                 "1234567890123456789012345678901234567890";
    struct outcome out;
    char text[200];

    (void)state;
    snprintf(text, sizeof text, "{\"error\":{\"code\":\"x%s\"}}", digits);
    out = read_text(text);
    assert_int_equal(out.class, OUTCOME_PERMANENT);
    assert_int_equal(strlen(out.code), OUTCOME_CODE);
    snprintf(text, sizeof text,
        "{\"send\":[{\"server_id\":\"%s\",\"status\":0}]}", digits);
    out = read_text(text);
    assert_int_equal(out.class, OUTCOME_ACCEPTED);
    assert_int_equal(strlen(out.provider_id), OUTCOME_ID);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_request_has_just_these_parameters),
        cmocka_unit_test(blanks_become_plus_and_cyrillic_its_bytes),
        cmocka_unit_test(signs_with_a_meaning_are_encoded),
        cmocka_unit_test(quotes_and_newlines_are_encoded),
        cmocka_unit_test(an_emoji_is_four_bytes),
        cmocka_unit_test(unreserved_characters_stay),
        cmocka_unit_test(sender_and_key_are_encoded_too),
        cmocka_unit_test(the_request_goes_where_the_settings_say),
        cmocka_unit_test(a_body_beyond_the_bound_fails),
        cmocka_unit_test(the_number_of_ours_and_the_channel_do_not_matter),
        cmocka_unit_test(it_has_one_host_and_cannot_be_asked),
        cmocka_unit_test(a_message_stays_there_no_longer_than_one_request),
        cmocka_unit_test(a_planned_message_says_when_by_utc),
        cmocka_unit_test(a_part_of_a_second_is_dropped),
        cmocka_unit_test(the_offset_moves_what_is_said),
        cmocka_unit_test(days_months_and_years_end_where_they_end),
        cmocka_unit_test(
            a_message_without_a_plan_says_no_time_whatever_the_offset),
        cmocka_unit_test(the_reply_of_the_sheet_is_accepted),
        cmocka_unit_test(numbers_are_as_good_as_strings),
        cmocka_unit_test(the_reply_of_the_second_interface_is_accepted),
        cmocka_unit_test(every_status_from_zero_on_is_accepted),
        cmocka_unit_test(a_number_of_19_digits_is_kept),
        cmocka_unit_test(an_error_is_told_with_code_and_words),
        cmocka_unit_test(russian_words_do_when_there_are_no_others),
        cmocka_unit_test(an_error_without_words_is_an_error),
        cmocka_unit_test(an_error_beside_a_list_is_an_error),
        cmocka_unit_test(codes_mean_what_the_sheet_says),
        cmocka_unit_test(codes_may_be_numbers),
        cmocka_unit_test(codes_of_the_element_mean_the_same),
        cmocka_unit_test(a_refused_receiver_is_refused),
        cmocka_unit_test(several_elements_are_unknown),
        cmocka_unit_test(no_element_is_unknown),
        cmocka_unit_test(an_element_of_another_form_is_unknown),
        cmocka_unit_test(a_status_of_another_form_is_unknown),
        cmocka_unit_test(html_is_unknown),
        cmocka_unit_test(the_text_format_is_unknown),
        cmocka_unit_test(an_empty_reply_is_unknown),
        cmocka_unit_test(json_that_is_no_object_is_unknown),
        cmocka_unit_test(a_status_decides_whatever_the_body),
        cmocka_unit_test(a_reply_cut_anywhere_is_unknown),
        cmocka_unit_test(nul_bytes_make_it_unknown),
        cmocka_unit_test(invalid_utf8_is_unknown),
        cmocka_unit_test(deep_nesting_is_unknown),
        cmocka_unit_test(an_object_with_more_behind_it_is_unknown),
        cmocka_unit_test(white_space_behind_the_reply_is_nothing),
        cmocka_unit_test(an_error_of_no_known_form_is_unknown),
        cmocka_unit_test(long_words_are_cut_on_a_character_boundary),
        cmocka_unit_test(a_long_reason_is_cut_on_a_character_boundary),
        cmocka_unit_test(a_long_code_and_a_long_number_are_cut),
    };

    return cmocka_run_group_tests_name("smspilot", tests, NULL, NULL);
}
