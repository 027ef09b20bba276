/*
 * smsc: requests and replies of smsc.ru.
 */
#include "unit.h"

#include "providers/provider.h"
#include "utf8.h"
#include "zone.h"

/* ---- requests ---- */

static char *urls[] = { "https://smsc.ru/sys", "https://www2.smsc.ru/sys" };

/* One message on its way out. */
struct scene {
    struct settings set;
    struct message message;
    struct http_request request;
    struct bytes body;
};

static struct scene
scene_make(void)
{
    return (struct scene){
        .set = { .smsc = { .url = { urls, 2 },
                     .login = "lgn",
                     .password = "pw",
                     .api_key = "",
                     .sender = "SNDR",
                     .social_extra = "soc=1",
                     .social_valid = "00:01",
                     .id_style = "text",
                     .ca_file = "/etc/ca.pem",
                     .connections = 4,
                     .connect_timeout_ms = 10000,
                     .timeout_ms = 20000,
                     .ask_after_ms = 65000 } },
        .message = { .to = "79990000001",
            .text = "test",
            .id = "MBEV-0123456789abcdef",
            .channel = CHANNEL_SMSC },
        .body = bytes_make(10000),
    };
}

static const char *
build_at(struct scene *s, size_t host)
{
    bytes_clear(&s->body);
    smsc.build(&s->set, &s->message, host, &s->request, &s->body);
    return bytes_text(&s->body);
}

static const char *
build(struct scene *s)
{
    return build_at(s, 0);
}

static const char *
build_query(struct scene *s)
{
    bytes_clear(&s->body);
    smsc.build_query(&s->set, &s->message, 0, &s->request, &s->body);
    assert_true(bytes_ok(&s->body));
    return bytes_text(&s->body);
}

/* The body is these parameters, among others. */
static void
assert_has(struct scene *s, const char *part)
{
    if (!strstr(build(s), part))
        fail_msg("\"%s\" has no \"%s\"", bytes_text(&s->body), part);
}

static void
assert_lacks(struct scene *s, const char *part)
{
    if (strstr(build(s), part))
        fail_msg("\"%s\" has \"%s\"", bytes_text(&s->body), part);
}

#define END "&login=lgn&psw=pw&id=MBEV-0123456789abcdef&charset=utf-8&fmt=3"

static void
an_sms_has_just_these_parameters(void **state)
{
    struct scene s = scene_make();

    (void)state;
    assert_string_equal(
        build(&s), "phones=79990000001&mes=test&sender=SNDR" END);
    bytes_free(&s.body);
}

static void
a_social_message_says_so_and_how_long_to_try(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.message.channel = CHANNEL_SOCIAL;
    assert_string_equal(build(&s),
        "phones=79990000001&mes=test&sender=SNDR&soc=1&valid=00%3A01" END);
    bytes_free(&s.body);
}

static void
a_social_message_need_not_say_how_long_to_try(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.message.channel = CHANNEL_SOCIAL;
    s.set.smsc.social_valid = "";
    assert_lacks(&s, "valid");
    assert_has(&s, "&soc=1&");
    bytes_free(&s.body);
}

static void
the_social_parameters_are_those_of_the_settings(void **state)
{
    static const struct {
        const char *extra, *want;
    } rows[] = {
        { "viber=1", "&sender=SNDR&viber=1&valid=" },
        { "a=b&c=d", "&sender=SNDR&a=b&c=d&valid=" },
        { "param=a b+c%d=e", "&sender=SNDR&param=a+b%2Bc%25d%3De&valid=" },
        { "bot=Ё", "&sender=SNDR&bot=%D0%81&valid=" },
        { "tg", "&sender=SNDR&tg=&valid=" },
        { "tg=", "&sender=SNDR&tg=&valid=" },
        { "&a=b&&c=d&", "&sender=SNDR&a=b&c=d&valid=" },
        { "", "&sender=SNDR&valid=" },
    };
    struct scene s = scene_make();

    (void)state;
    s.message.channel = CHANNEL_SOCIAL;
    for (size_t i = 0; i < COUNT(rows); i++) {
        s.set.smsc.social_extra = (char *)rows[i].extra;
        assert_has(&s, rows[i].want);
        assert_string_equal(s.set.smsc.social_extra, rows[i].extra);
    }
    bytes_free(&s.body);
}

static void
without_a_sender_none_is_named(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.set.smsc.sender = "";
    assert_string_equal(build(&s), "phones=79990000001&mes=test" END);
    bytes_free(&s.body);
}

static void
a_key_takes_the_place_of_login_and_password(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.set.smsc.api_key = "k=+";
    assert_string_equal(build(&s),
        "phones=79990000001&mes=test&sender=SNDR&apikey=k%3D%2B"
        "&id=MBEV-0123456789abcdef&charset=utf-8&fmt=3");
    assert_string_equal(build_query(&s),
        "phone=79990000001&apikey=k%3D%2B&id=MBEV-0123456789abcdef"
        "&charset=utf-8&fmt=3");
    bytes_free(&s.body);
}

static void
login_password_and_sender_are_encoded(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.set.smsc.login = "a&b";
    s.set.smsc.password = "p=w&fmt=0";
    s.set.smsc.sender = "Ё Ж";
    assert_has(&s, "&sender=%D0%81+%D0%96&login=a%26b&psw=p%3Dw%26fmt%3D0&id=");
    bytes_free(&s.body);
}

static void
text_cannot_become_a_parameter(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        { "a&phones=7999", "&mes=a%26phones%3D7999&sender" },
        { "a=b;c#d", "&mes=a%3Db%3Bc%23d&sender" },
        { "1+1", "&mes=1%2B1&sender" },
        { "100%41", "&mes=100%2541&sender" },
        { "a\r\nb\tc", "&mes=a%0D%0Ab%09c&sender" },
        { "\"q\" 'r'\\", "&mes=%22q%22+%27r%27%5C&sender" },
        { "Я и ты", "&mes=%D0%AF+%D0%B8+%D1%82%D1%8B&sender" },
        { "\xF0\x9F\x98\x80", "&mes=%F0%9F%98%80&sender" },
        { "\x01\x7F\xFF", "&mes=%01%7F%FF&sender" },
        { "azAZ09-._~", "&mes=azAZ09-._~&sender" },
        { "", "&mes=&sender" },
    };
    struct scene s = scene_make();

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        s.message.text = rows[i].text;
        assert_has(&s, rows[i].want);
    }
    bytes_free(&s.body);
}

static void
phone_and_id_cannot_become_parameters(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.message.to = "7&id=1";
    s.message.id = "a&fmt=0";
    assert_string_equal(build(&s),
        "phones=7%26id%3D1&mes=test&sender=SNDR&login=lgn&psw=pw"
        "&id=a%26fmt%3D0&charset=utf-8&fmt=3");
    assert_string_equal(build_query(&s),
        "phone=7%26id%3D1&login=lgn&psw=pw&id=a%26fmt%3D0"
        "&charset=utf-8&fmt=3");
    bytes_free(&s.body);
}

static void
text_cannot_become_a_command(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        { "__CALL__ you", "&mes=_+_CALL__+you&sender" },
        { "__", "&mes=_+_&sender" },
        { "___x", "&mes=_+__x&sender" },
        { " __SOC__", "&mes=+_+_SOC__&sender" },
        { "\t\r\n\v\f __HLR__", "&mes=%09%0D%0A%0B%0C+_+_HLR__&sender" },
    };
    struct scene s = scene_make();

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        s.message.text = rows[i].text;
        assert_has(&s, rows[i].want);
    }
    bytes_free(&s.body);
}

static void
other_underscores_stay(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        { "_", "&mes=_&sender" },
        { " ", "&mes=+&sender" },
        { "_a__CALL__", "&mes=_a__CALL__&sender" },
        { "user a__b", "&mes=user+a__b&sender" },
        { "_ _", "&mes=_+_&sender" },
    };
    struct scene s = scene_make();

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        s.message.text = rows[i].text;
        assert_has(&s, rows[i].want);
    }
    bytes_free(&s.body);
}

static void
a_body_beyond_the_bound_fails(void **state)
{
    static char text[20000];
    struct scene s = scene_make();

    (void)state;
    memset(text, 'x', sizeof text - 1);
    s.message.text = text;
    build(&s);
    assert_false(bytes_ok(&s.body));
    memset(text, '_', 2);
    build(&s);
    assert_false(bytes_ok(&s.body));
    assert_int_equal(s.body.n, 0);
    bytes_free(&s.body);
}

/* ---- the number of the message ---- */

/* What follows "&id=", as a number. */
static long long
number_for(struct scene *s, const char *id)
{
    const char *at;
    char *end;
    long long n;

    s->message.id = id;
    at = strstr(build(s), "&id=");
    assert_non_null(at);
    n = strtoll(at + 4, &end, 10);
    assert_int_equal(*end, '&');
    return n;
}

static void
an_old_account_gets_a_number_always_the_same(void **state)
{
    struct scene s = scene_make();
    long long n;

    (void)state;
    s.set.smsc.id_style = "number";
    n = number_for(&s, "MBEV-0123456789abcdef");
    assert_int_equal(number_for(&s, "MBEV-0123456789abcdef"), n);
    assert_int_not_equal(number_for(&s, "MBEV-0123456789abcdee"), n);
    /* It is stored at their side: it must not change with a new version. */
    assert_int_equal(n, 1801950425);
    bytes_free(&s.body);
}

static void
the_question_has_the_same_number(void **state)
{
    struct scene s = scene_make();
    char want[40];

    (void)state;
    s.set.smsc.id_style = "number";
    snprintf(want, sizeof want, "&id=%lld&", number_for(&s, "MBEV-1"));
    assert_non_null(strstr(build_query(&s), want));
    bytes_free(&s.body);
}

static void
numbers_fit_into_31_bits(void **state)
{
    struct scene s = scene_make();

    (void)state;
    s.set.smsc.id_style = "number";
    for (unsigned i = 0; i < 20000; i++) {
        char id[24];
        long long n;

        snprintf(id, sizeof id, "MBEV-%u", i);
        n = number_for(&s, id);
        if (n < 1 || n > 2147483647)
            fail_msg("%s became %lld", id, n);
    }
    bytes_free(&s.body);
}

/* ---- planned messages ---- */

/* When the clocks of the zone show this. */
static int64_t
instant(const struct zone *zone, const char *local)
{
    struct civil civil;

    assert_true(civil_parse(&civil, local));
    return zone_instant_us(zone, &civil);
}

static struct zone
zone_of(const char *name)
{
    struct zone zone;

    assert_true(zone_load(&zone, name));
    return zone;
}

/* A message planned for when the clocks of the zone show this asks for that.
 */
static void
assert_plan(const struct zone *zone, const char *local, const char *want)
{
    struct scene s = scene_make();

    s.message.zone = zone;
    s.message.plan_us = instant(zone, local);
    assert_has(&s, want);
    bytes_free(&s.body);
}

static void
a_plan_is_told_in_the_zone_of_the_message(void **state)
{
    struct zone zone = zone_of("Asia/Yekaterinburg");
    struct scene s = scene_make();

    (void)state;
    s.message.channel = CHANNEL_SOCIAL;
    s.message.zone = &zone;
    s.message.plan_us = 1795410000LL * 1000000; /* 2026-11-23 05:00 UTC */
    assert_string_equal(build(&s),
        "phones=79990000001&mes=test&sender=SNDR&soc=1&valid=00%3A01"
        "&time=2311261000&tz=2" END);
    bytes_free(&s.body);
}

static void
days_months_and_years_end_where_they_do(void **state)
{
    static const struct {
        const char *local, *want;
    } rows[] = {
        { "2026-11-30 23:59:00", "&time=3011262359&tz=2&" },
        { "2026-12-01 10:00:00", "&time=0112261000&tz=2&" },
        { "2026-12-31 23:59:00", "&time=3112262359&tz=2&" },
        { "2027-01-01 10:00:00", "&time=0101271000&tz=2&" },
        { "2027-02-28 10:00:00", "&time=2802271000&tz=2&" },
        { "2027-03-01 00:00:00", "&time=0103270000&tz=2&" },
        { "2028-02-29 10:00:00", "&time=2902281000&tz=2&" },
        { "2028-03-01 10:00:00", "&time=0103281000&tz=2&" },
        { "2099-12-31 01:05:00", "&time=3112990105&tz=2&" },
    };
    struct zone zone = zone_of("+05:00");

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_plan(&zone, rows[i].local, rows[i].want);
}

static void
zones_are_told_by_their_distance_from_moscow(void **state)
{
    static const struct {
        const char *zone, *want;
    } rows[] = {
        { "+03:00", "&time=2311261000&tz=0&" },
        { "+02:00", "&time=2311261000&tz=-1&" },
        { "+00:00", "&time=2311261000&tz=-3&" },
        { "+12:00", "&time=2311261000&tz=9&" },
        { "+14:00", "&time=2311261000&tz=11&" },
        { "-11:00", "&time=2311261000&tz=-14&" },
        /* No whole hours: the time of Moscow, perhaps on another day. */
        { "+05:30", "&time=2311260730&tz=0&" },
        { "+05:45", "&time=2311260715&tz=0&" },
        { "+12:45", "&time=2311260015&tz=0&" },
        { "+13:45", "&time=2211262315&tz=0&" },
        { "-03:30", "&time=2311261630&tz=0&" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct zone zone = zone_of(rows[i].zone);

        assert_plan(&zone, "2026-11-23 10:00:00", rows[i].want);
    }
}

static void
the_offset_is_that_of_the_planned_time(void **state)
{
    /* As in Berlin: UTC+2 until 2026-10-25 01:00 UTC, then UTC+1. */
    static const struct zone zone = {
        .span = { { INT64_MIN, 7200 }, { 1792890000, 3600 } },
        .n = 2,
    };

    (void)state;
    assert_plan(&zone, "2026-10-24 10:00:00", "&time=2410261000&tz=-1&");
    assert_plan(&zone, "2026-10-25 10:00:00", "&time=2510261000&tz=-2&");
}

static void
a_part_of_a_minute_is_waited_for(void **state)
{
    struct zone zone = zone_of("+05:00");
    struct scene s = scene_make();

    (void)state;
    assert_plan(&zone, "2026-11-23 09:59:01", "&time=2311261000&tz=2&");
    assert_plan(&zone, "2026-12-31 23:59:59", "&time=0101270000&tz=2&");
    s.message.zone = &zone;
    s.message.plan_us = instant(&zone, "2026-11-23 10:00:00") + 1;
    assert_has(&s, "&time=2311261001&tz=2&");
    bytes_free(&s.body);
}

static void
without_a_plan_there_is_no_time(void **state)
{
    struct zone zone = zone_of("+05:00");
    struct scene s = scene_make();

    (void)state;
    s.set.notice.plan_at_provider = true;
    s.message.zone = &zone;
    assert_lacks(&s, "time");
    assert_lacks(&s, "tz");
    bytes_free(&s.body);
}

/* ---- the question ---- */

static void
the_question_has_just_these_parameters(void **state)
{
    struct zone zone = zone_of("+05:00");
    struct scene s = scene_make();

    (void)state;
    s.message.channel = CHANNEL_SOCIAL;
    s.message.zone = &zone;
    s.message.plan_us = 1795410000LL * 1000000;
    assert_string_equal(build_query(&s), "phone=79990000001" END);
    bytes_free(&s.body);
}

/* ---- where it goes ---- */

static void
the_request_goes_where_the_settings_say(void **state)
{
    struct scene s = scene_make();

    (void)state;
    build(&s);
    assert_string_equal(s.request.url, "https://smsc.ru/sys/send.php");
    assert_string_equal(
        s.request.content_type, "application/x-www-form-urlencoded");
    assert_string_equal(s.request.ca_file, "/etc/ca.pem");
    assert_int_equal(s.request.connect_timeout_ms, 10000);
    assert_int_equal(s.request.timeout_ms, 20000);
    build_at(&s, 1);
    assert_string_equal(s.request.url, "https://www2.smsc.ru/sys/send.php");
    build_query(&s);
    assert_string_equal(s.request.url, "https://smsc.ru/sys/status.php");
    assert_string_equal(
        s.request.content_type, "application/x-www-form-urlencoded");
    assert_int_equal(s.request.timeout_ms, 20000);
    bytes_free(&s.body);
}

static void
a_slash_at_the_end_of_the_address_is_nothing(void **state)
{
    char *slashes[] = { "http://127.0.0.1:8080/sys//" };
    struct scene s = scene_make();

    (void)state;
    s.set.smsc.url = (struct text_list){ slashes, 1 };
    build(&s);
    assert_string_equal(s.request.url, "http://127.0.0.1:8080/sys/send.php");
    bytes_free(&s.body);
}

static void
an_address_without_end_is_none(void **state)
{
    char text[5000], *longest[] = { text };
    struct scene s = scene_make();

    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    s.set.smsc.url = (struct text_list){ longest, 1 };
    build(&s);
    assert_string_equal(s.request.url, "");
    text[2047 - strlen("/send.php")] = '\0';
    build(&s);
    assert_int_equal(strlen(s.request.url), 2047);
    bytes_free(&s.body);
}

static void
limits_are_those_of_the_settings(void **state)
{
    struct scene s = scene_make();

    (void)state;
    assert_string_equal(smsc.name, "smsc");
    assert_int_equal(smsc.limits(&s.set).connections, 4);
    assert_int_equal(smsc.limits(&s.set).hosts, 2);
    assert_int_equal(smsc.limits(&s.set).timeout_ms, 20000);
    assert_int_equal(smsc.limits(&s.set).connect_timeout_ms, 10000);
    assert_int_equal(smsc.limits(&s.set).ask_after_ms, 65000);
    assert_int_equal(provider_longest_ms(&smsc, &s.set), 50000);
}

/* ---- replies ---- */

typedef void reader(const struct http_reply *reply, struct outcome *out);

static const char *name_of(enum outcome_class class)
{
    const char *name = outcome_class_name(class);

    return name ? name : "accepted";
}

/* Reads a reply from memory of just its size, so that a sanitizer sees what
 * is read behind it. */
static struct outcome
read_bytes(reader *read, int status, const char *p, size_t n)
{
    char *copy = malloc(n + 1);
    struct http_reply reply = { .status = status, .body = copy, .body_len = n };
    struct outcome out;

    assert_non_null(copy);
    memcpy(copy, p, n);
    copy[n] = '\0';
    memset(&out, 'x', sizeof out);
    read(&reply, &out);
    free(copy);
    return out;
}

static struct outcome
read_sent(const char *text)
{
    return read_bytes(smsc.read, 200, text, strlen(text));
}

static struct outcome
read_answer(const char *text)
{
    return read_bytes(smsc.read_query, 200, text, strlen(text));
}

static void
assert_outcome(const char *text, struct outcome out, enum outcome_class class)
{
    expect_text(text, name_of(out.class), name_of(class));
    if (class != OUTCOME_ACCEPTED && !out.why[0])
        fail_msg("%s: no reason is given", text);
    if (class != OUTCOME_ACCEPTED && out.provider_id[0])
        fail_msg("%s: it has a number", text);
}

static void
assert_sent(const char *text, enum outcome_class class)
{
    assert_outcome(text, read_sent(text), class);
}

static void
assert_answer(const char *text, enum outcome_class class)
{
    assert_outcome(text, read_answer(text), class);
}

static void
assert_accepted(const char *text, const char *id)
{
    struct outcome out = read_sent(text);

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
    assert_accepted("{\"id\":1234,\"cnt\":1}", "1234");
    assert_accepted("{\"id\":\"MBEV-0123456789abcdef\",\"cnt\":2}",
        "MBEV-0123456789abcdef");
    assert_accepted("{\"id\":\"1234\",\"cnt\":\"1\"}", "1234");
    assert_accepted(" \r\n{\"cnt\" : 1, \"id\" : 7 } \n", "7");
}

static void
more_members_do_not_matter(void **state)
{
    (void)state;
    assert_accepted(
        "{\"id\":1234,\"cnt\":1,\"cost\":\"1.40\",\"balance\":100.50}", "1234");
    assert_accepted(
        "{\"id\":1,\"phones\":[{\"phone\":\"7\",\"status\":\"0\"}]}", "1");
    assert_accepted("{\"id\":1,\"error\":null,\"error_code\":null}", "1");
}

static void
ids_of_any_length_that_fits_are_kept(void **state)
{
    (void)state;
    assert_accepted("{\"id\":2147483648}", "2147483648");
    assert_accepted("{\"id\":9223372036854775807}", "9223372036854775807");
    assert_accepted("{\"id\":\"0.1\"}", "0.1");
    assert_accepted("{\"id\":\"1234567890123456789012345678901234567890123456"
                    "789012345678901234\"}",
        "1234567890123456789012345678901234567890123456789012345678901234");
}

static void
an_id_of_another_form_is_unknown(void **state)
{
    static const char *const forms[] = { "null", "true", "false", "[]", "{}",
        "[1]", "1.5", "1e3", "0", "-1", "\"\"", "\"0\"", "\"000\"", "\"-1\"",
        "\" 1\"", "\"1 \"", "\"a b\"", "\"<br>\"", "\"1,1\"", "\"1\\n\"",
        "\"Ё\"" };
    char text[200];

    (void)state;
    for (size_t i = 0; i < COUNT(forms); i++) {
        snprintf(text, sizeof text, "{\"id\":%s,\"cnt\":1}", forms[i]);
        assert_sent(text, OUTCOME_UNKNOWN);
    }
    snprintf(text, sizeof text, "{\"id\":\"%065d\"}", 1);
    assert_sent(text, OUTCOME_UNKNOWN);
}

static void
a_refusal_is_told_with_code_and_words(void **state)
{
    struct outcome out =
        read_sent("{\"error\":\"invalid number\",\"error_code\":7,\"id\":12}");

    (void)state;
    assert_int_equal(out.class, OUTCOME_PERMANENT);
    assert_string_equal(out.code, "7");
    assert_string_equal(out.words, "invalid number");
    assert_string_equal(
        out.why, "smsc refused it with code 7: wrong form of a phone number");
    assert_string_equal(out.provider_id, "");
}

static void
a_refusal_without_words_is_one(void **state)
{
    struct outcome out = read_sent("{\"error_code\":\"3\"}");

    (void)state;
    assert_int_equal(out.class, OUTCOME_CONFIGURATION);
    assert_string_equal(out.code, "3");
    assert_string_equal(out.words, "");
    assert_string_equal(
        out.why, "smsc refused it with code 3: not enough money");
    assert_sent("{\"error\":7,\"error_code\":3}", OUTCOME_CONFIGURATION);
    assert_sent("{\"error\":[],\"error_code\":3}", OUTCOME_CONFIGURATION);
    assert_sent("{\"error\":null,\"error_code\":3}", OUTCOME_CONFIGURATION);
}

static void
a_refusal_beside_a_number_is_a_refusal(void **state)
{
    (void)state;
    assert_sent("{\"id\":1234,\"cnt\":1,\"error_code\":6}", OUTCOME_PERMANENT);
    assert_sent("{\"error_code\":2,\"id\":1234}", OUTCOME_CONFIGURATION);
}

/* smsc's codes, and what they mean for us after sending and after asking. */
static const struct {
    int code;
    enum outcome_class sent, answer;
} codes[] = {
    { 1, OUTCOME_PERMANENT, OUTCOME_UNKNOWN },
    { 2, OUTCOME_CONFIGURATION, OUTCOME_CONFIGURATION },
    { 3, OUTCOME_CONFIGURATION, OUTCOME_ABSENT },
    { 4, OUTCOME_CONFIGURATION, OUTCOME_CONFIGURATION },
    { 5, OUTCOME_PERMANENT, OUTCOME_UNKNOWN },
    { 6, OUTCOME_PERMANENT, OUTCOME_UNKNOWN },
    { 7, OUTCOME_PERMANENT, OUTCOME_UNKNOWN },
    { 8, OUTCOME_PERMANENT, OUTCOME_UNKNOWN },
    { 9, OUTCOME_UNKNOWN, OUTCOME_UNKNOWN },
    { 10, OUTCOME_PERMANENT, OUTCOME_UNKNOWN }, /* not in their list */
    { 77, OUTCOME_PERMANENT, OUTCOME_UNKNOWN },
    { 999999999, OUTCOME_PERMANENT, OUTCOME_UNKNOWN },
};

static void
codes_mean_what_the_sheet_says(void **state)
{
    char text[100], named[20];

    (void)state;
    for (size_t i = 0; i < COUNT(codes) * 2; i++) {
        const char *quote = i % 2 ? "\"" : "";
        int code = codes[i / 2].code;
        struct outcome out;

        snprintf(text, sizeof text, "{\"error\":\"x\",\"error_code\":%s%d%s}",
            quote, code, quote);
        snprintf(named, sizeof named, "code %d: ", code);
        out = read_sent(text);
        assert_outcome(text, out, codes[i / 2].sent);
        assert_non_null(strstr(out.why, named));
        out = read_answer(text);
        assert_outcome(text, out, codes[i / 2].answer);
        if (out.class != OUTCOME_ABSENT)
            assert_non_null(strstr(out.why, named));
    }
}

static void
codes_that_a_missing_channel_gets_speak_of_it(void **state)
{
    (void)state;
    assert_non_null(strstr(read_sent("{\"error_code\":1}").why, "channel"));
    assert_non_null(strstr(read_sent("{\"error_code\":6}").why, "channel"));
    assert_non_null(strstr(read_sent("{\"error_code\":8}").why, "channel"));
}

static void
a_code_of_another_form_is_unknown(void **state)
{
    static const char *const forms[] = { "true", "false", "[]", "{}", "[7]",
        "7.0", "7e0", "0", "-7", "\"\"", "\"0\"", "\"-7\"", "\" 7\"", "\"7 \"",
        "\"+7\"", "\"x\"", "\"7x\"", "\"0x7\"", "4294967303",
        "9223372036854775815", "18446744073709551623",
        "99999999999999999999999999", "-99999999999999999999999999",
        "\"99999999999999999999999999\"" };
    char text[200];

    (void)state;
    for (size_t i = 0; i < COUNT(forms); i++) {
        snprintf(text, sizeof text,
            "{\"error\":\"x\",\"error_code\":%s,\"id\":1}", forms[i]);
        assert_sent(text, OUTCOME_UNKNOWN);
        assert_answer(text, OUTCOME_UNKNOWN);
    }
}

static void
an_error_without_a_code_is_unknown(void **state)
{
    (void)state;
    assert_sent("{\"error\":\"x\"}", OUTCOME_UNKNOWN);
    assert_sent("{\"error\":\"x\",\"id\":1,\"cnt\":1}", OUTCOME_UNKNOWN);
    assert_sent("{\"error\":{\"code\":7}}", OUTCOME_UNKNOWN);
    assert_answer("{\"error\":\"x\"}", OUTCOME_UNKNOWN);
    assert_answer("{\"error\":\"x\",\"status\":-3}", OUTCOME_UNKNOWN);
}

/* Nobody vouches that smsc does not repeat them: its words stay in words. */
static void
the_words_of_smsc_are_not_in_the_reason(void **state)
{
    static const char *const replies[] = {
        "{\"error\":\"wrong psw=S3CRET\",\"error_code\":2}",
        "{\"error\":\"wrong psw=S3CRET\",\"error_code\":77}",
        "{\"error\":\"wrong psw=S3CRET\",\"error_code\":\"S3CRET\"}",
        "{\"error\":\"wrong psw=S3CRET\"}",
        "{\"id\":\"psw=S3CRET\"}",
        "{\"status\":\"S3CRET\"}",
        "wrong psw=S3CRET",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(replies); i++) {
        struct outcome sent = read_sent(replies[i]);
        struct outcome answer = read_answer(replies[i]);

        if (strstr(sent.why, "S3CRET") || strstr(answer.why, "S3CRET"))
            fail_msg("%s: the reason tells it", replies[i]);
        expect_text(replies[i], sent.provider_id, "");
        if (strstr(sent.code, "S3CRET") || strstr(answer.code, "S3CRET"))
            fail_msg("%s: the code tells it", replies[i]);
    }
}

static void
json_of_another_form_is_unknown(void **state)
{
    static const char *const texts[] = { "{}", "[]", "[{\"id\":1}]",
        "[{\"status\":1}]", "{\"cnt\":1}", "{\"cost\":\"1.40\",\"cnt\":1}",
        "{\"ID\":1,\"STATUS\":1}", "{\"reply\":{\"id\":1,\"status\":1}}", "0",
        "1", "-3", "null", "\"ok\"", "true" };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        assert_sent(texts[i], OUTCOME_UNKNOWN);
        assert_answer(texts[i], OUTCOME_UNKNOWN);
    }
}

static void
what_is_not_json_is_unknown(void **state)
{
    static const char *const texts[] = {
        "<html><body>502 Bad Gateway</body></html>", "1234,1", "1234,-7",
        "OK - 1 SMS, ID - 1234", "ERROR = 7 (invalid number)",
        "<result><id>1234</id><cnt>1</cnt></result>", "{\"id\":1", "{id:}",
        "{\"id\":1,\"status\":1}}", "\xEF\xBB\xBFx", "\x01\x02\x03"
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct outcome out = read_sent(texts[i]);

        assert_outcome(texts[i], out, OUTCOME_UNKNOWN);
        expect_text(texts[i], out.why, "the reply of smsc is not JSON");
        expect_text(texts[i], out.words, "");
        assert_answer(texts[i], OUTCOME_UNKNOWN);
    }
}

static void
an_empty_reply_is_unknown(void **state)
{
    struct outcome out = read_sent("");

    (void)state;
    assert_int_equal(out.class, OUTCOME_UNKNOWN);
    assert_string_equal(out.why, "the reply of smsc is empty");
    assert_sent(" \r\n", OUTCOME_UNKNOWN);
    assert_answer("", OUTCOME_UNKNOWN);
    assert_answer(" \r\n", OUTCOME_UNKNOWN);
}

static void
a_status_decides_whatever_the_body(void **state)
{
    static const int statuses[] = { 100, 201, 204, 301, 302, 400, 401, 403, 404,
        429, 500, 502, 503 };
    static const char *const texts[] = { "{\"id\":1,\"cnt\":1}",
        "{\"error_code\":2}", "{\"error_code\":3}", "{\"status\":1}",
        "{\"status\":-3}", "" };

    (void)state;
    for (size_t i = 0; i < COUNT(statuses) * COUNT(texts); i++) {
        const char *text = texts[i % COUNT(texts)];
        int status = statuses[i / COUNT(texts)];
        enum outcome_class class =
            status == 429 ? OUTCOME_TRANSIENT : OUTCOME_UNKNOWN;
        struct outcome out;
        char why[80];

        snprintf(why, sizeof why, "smsc answered with HTTP status %d", status);
        out = read_bytes(smsc.read, status, text, strlen(text));
        assert_outcome(text, out, class);
        expect_text(text, out.why, why);
        expect_text(text, out.code, "");
        out = read_bytes(smsc.read_query, status, text, strlen(text));
        assert_outcome(text, out, class);
        expect_text(text, out.why, why);
    }
}

/* Every beginning of the text, and the text with each byte made NUL. */
static void
assert_fragile(reader *read, const char *whole, enum outcome_class class)
{
    size_t n = strlen(whole);
    char text[200];

    assert_outcome(whole, read_bytes(read, 200, whole, n), class);
    for (size_t i = 0; i < n; i++) {
        assert_outcome(whole, read_bytes(read, 200, whole, i), OUTCOME_UNKNOWN);
        memcpy(text, whole, n);
        text[i] = '\0';
        assert_outcome(whole, read_bytes(read, 200, text, n), OUTCOME_UNKNOWN);
    }
}

static void
a_reply_cut_anywhere_or_with_a_nul_is_unknown(void **state)
{
    (void)state;
    assert_fragile(
        smsc.read, "{\"id\":\"MBEV-1\",\"cnt\":1}", OUTCOME_ACCEPTED);
    assert_fragile(
        smsc.read, "{\"error\":\"x\",\"error_code\":7}", OUTCOME_PERMANENT);
    assert_fragile(smsc.read_query,
        "{\"status\":1,\"last_timestamp\":1700000000}", OUTCOME_ACCEPTED);
    assert_fragile(smsc.read_query, "{\"status\":-3}", OUTCOME_ABSENT);
}

static void
an_object_with_more_behind_it_is_unknown(void **state)
{
    (void)state;
    assert_sent("{\"id\":1,\"cnt\":1}<br>Fatal error", OUTCOME_UNKNOWN);
    assert_sent("{\"error_code\":7}{\"id\":1}", OUTCOME_UNKNOWN);
    assert_answer("{\"status\":-3}{\"status\":1}", OUTCOME_UNKNOWN);
    assert_answer("{\"status\":-3},", OUTCOME_UNKNOWN);
    assert_outcome("NUL", read_bytes(smsc.read, 200, RAW("{\"id\":1}\0<br>")),
        OUTCOME_UNKNOWN);
    assert_sent("{\"id\":1}\r\n", OUTCOME_ACCEPTED);
    assert_answer("{\"status\":-3} \n\t", OUTCOME_ABSENT);
}

static void
another_charset_is_unknown(void **state)
{
    (void)state;
    assert_sent("{\"error\":\"\xED\xE5\xF2 \xE4\xE5\xED\xE5\xE3\","
                "\"error_code\":3}",
        OUTCOME_UNKNOWN);
    assert_sent("{\"id\":\"\xFF\"}", OUTCOME_UNKNOWN);
    assert_answer(
        "{\"status\":1,\"status_name\":\"\xC4\xEE\"}", OUTCOME_UNKNOWN);
}

static void
deep_nesting_is_unknown(void **state)
{
    static char text[20000];

    (void)state;
    memset(text, '[', sizeof text - 1);
    assert_sent(text, OUTCOME_UNKNOWN);
    assert_answer(text, OUTCOME_UNKNOWN);
    for (size_t i = 0; i + 6 < sizeof text; i += 5)
        memcpy(text + i, "{\"a\":", 5);
    assert_sent(text, OUTCOME_UNKNOWN);
    assert_answer(text, OUTCOME_UNKNOWN);
}

static void
long_words_are_cut_on_a_character_boundary(void **state)
{
    struct bytes text = bytes_make(100000);
    struct outcome out;

    (void)state;
    bytes_str(&text, "{\"error_code\":6,\"error\":\"");
    for (size_t i = 0; i < 20000; i++)
        bytes_str(&text, "Я");
    bytes_str(&text, "\"}");
    out = read_sent(bytes_text(&text));
    bytes_free(&text);
    assert_int_equal(out.class, OUTCOME_PERMANENT);
    assert_int_equal(strlen(out.words), OUTCOME_TEXT - 1);
    assert_true(utf8_valid(out.words, strlen(out.words)));
}

static void
a_huge_reply_is_read(void **state)
{
    struct bytes text = bytes_make(100000);

    (void)state;
    bytes_str(&text, "{\"status\":1,\"id\":5,\"message\":\"");
    for (size_t i = 0; i < 60000; i++)
        bytes_chr(&text, 'x');
    bytes_str(&text, "\"}");
    assert_sent(bytes_text(&text), OUTCOME_ACCEPTED);
    assert_answer(bytes_text(&text), OUTCOME_ACCEPTED);
    bytes_free(&text);
}

/* ---- answers to the question ---- */

static void
a_found_message_is_judged_by_its_status(void **state)
{
    static const struct {
        int status;
        const char *why;
        enum outcome_class class;
    } rows[] = {
        { -2, "-2: stopped", OUTCOME_ACCEPTED },
        { -1, "-1: waiting", OUTCOME_ACCEPTED },
        { 0, "0: handed", OUTCOME_ACCEPTED },
        { 1, "1: delivered", OUTCOME_ACCEPTED },
        { 2, "2: read", OUTCOME_ACCEPTED },
        { 3, "3: expired", OUTCOME_ACCEPTED },
        { 4, "4: its link", OUTCOME_ACCEPTED },
        { 20, "20: cannot be delivered", OUTCOME_ACCEPTED },
        { 21, "21: which is not in its list", OUTCOME_ACCEPTED },
        { 22, "22: wrong number", OUTCOME_PERMANENT },
        { 23, "23: forbidden", OUTCOME_PERMANENT },
        { 24, "24: not enough money", OUTCOME_ABSENT },
        { 25, "25: the number takes no SMS", OUTCOME_PERMANENT },
        { 999999999, "999999999: which is not in its list", OUTCOME_ACCEPTED },
    };
    char text[120], why[120];

    (void)state;
    for (size_t i = 0; i < COUNT(rows) * 2; i++) {
        const char *quote = i % 2 ? "\"" : "";
        struct outcome out;

        snprintf(text, sizeof text,
            "{\"status\":%s%d%s,\"last_date\":\"23.11.2026 10:00:00\","
            "\"last_timestamp\":1700000000,\"err\":1}",
            quote, rows[i / 2].status, quote);
        snprintf(why, sizeof why, "smsc has the message, with status %s",
            rows[i / 2].why);
        out = read_answer(text);
        assert_outcome(text, out, rows[i / 2].class);
        if (strncmp(out.why, why, strlen(why)) != 0)
            fail_msg("%s: \"%s\" instead of \"%s\"", text, out.why, why);
        expect_text(text, out.code, "");
        expect_text(text, out.words, "");
        expect_text(text, out.provider_id, "");
    }
}

static void
a_message_that_smsc_does_not_have_is_absent(void **state)
{
    static const char *const texts[] = { "{\"status\":-3}",
        "{\"status\":\"-3\"}", "{\"status\":-3,\"error_code\":null}",
        "{\"error\":\"message not found\",\"error_code\":3}",
        "{\"error_code\":\"3\"}" };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct outcome out = read_answer(texts[i]);

        assert_outcome(texts[i], out, OUTCOME_ABSENT);
        expect_text(texts[i], out.why, "smsc does not have the message");
        expect_text(texts[i], out.code, "");
        expect_text(texts[i], out.words, "");
    }
}

static void
a_refused_question_is_told_with_code_and_words(void **state)
{
    struct outcome out = read_answer("{\"error\":\"flood\",\"error_code\":9}");

    (void)state;
    assert_int_equal(out.class, OUTCOME_UNKNOWN);
    assert_string_equal(out.code, "9");
    assert_string_equal(out.words, "flood");
    assert_string_equal(out.why,
        "asked for the message, smsc refused with code 9: the same request "
        "twice within a minute, or too many at once");
}

static void
a_status_of_another_form_is_unknown(void **state)
{
    static const char *const forms[] = { "null", "true", "false", "[]", "{}",
        "[-3]", "-3.0", "-3e0", "1.5", "\"\"", "\"-\"", "\"--3\"", "\"- 3\"",
        "\" -3\"", "\"-3 \"", "\"+1\"", "\"1x\"", "\"delivered\"", "-4",
        "-999999999", "\"-4\"", "4294967293", "-4294967299",
        "18446744073709551613", "99999999999999999999999999",
        "\"-99999999999999999999999999\"" };
    char text[200];

    (void)state;
    for (size_t i = 0; i < COUNT(forms); i++) {
        snprintf(text, sizeof text, "{\"status\":%s}", forms[i]);
        assert_answer(text, OUTCOME_UNKNOWN);
    }
}

static void
a_status_beside_an_error_is_unknown(void **state)
{
    (void)state;
    assert_answer("{\"status\":1,\"error_code\":3}", OUTCOME_UNKNOWN);
    assert_answer("{\"status\":-3,\"error_code\":2}", OUTCOME_UNKNOWN);
}

/* The reply to one request is none to the other. */
static void
replies_do_not_fit_the_other_request(void **state)
{
    (void)state;
    assert_sent(
        "{\"status\":1,\"last_timestamp\":1700000000}", OUTCOME_UNKNOWN);
    assert_sent("{\"status\":-3}", OUTCOME_UNKNOWN);
    assert_answer("{\"id\":1234,\"cnt\":1}", OUTCOME_UNKNOWN);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_sms_has_just_these_parameters),
        cmocka_unit_test(a_social_message_says_so_and_how_long_to_try),
        cmocka_unit_test(a_social_message_need_not_say_how_long_to_try),
        cmocka_unit_test(the_social_parameters_are_those_of_the_settings),
        cmocka_unit_test(without_a_sender_none_is_named),
        cmocka_unit_test(a_key_takes_the_place_of_login_and_password),
        cmocka_unit_test(login_password_and_sender_are_encoded),
        cmocka_unit_test(text_cannot_become_a_parameter),
        cmocka_unit_test(phone_and_id_cannot_become_parameters),
        cmocka_unit_test(text_cannot_become_a_command),
        cmocka_unit_test(other_underscores_stay),
        cmocka_unit_test(a_body_beyond_the_bound_fails),
        cmocka_unit_test(an_old_account_gets_a_number_always_the_same),
        cmocka_unit_test(the_question_has_the_same_number),
        cmocka_unit_test(numbers_fit_into_31_bits),
        cmocka_unit_test(a_plan_is_told_in_the_zone_of_the_message),
        cmocka_unit_test(days_months_and_years_end_where_they_do),
        cmocka_unit_test(zones_are_told_by_their_distance_from_moscow),
        cmocka_unit_test(the_offset_is_that_of_the_planned_time),
        cmocka_unit_test(a_part_of_a_minute_is_waited_for),
        cmocka_unit_test(without_a_plan_there_is_no_time),
        cmocka_unit_test(the_question_has_just_these_parameters),
        cmocka_unit_test(the_request_goes_where_the_settings_say),
        cmocka_unit_test(a_slash_at_the_end_of_the_address_is_nothing),
        cmocka_unit_test(an_address_without_end_is_none),
        cmocka_unit_test(limits_are_those_of_the_settings),
        cmocka_unit_test(the_reply_of_the_sheet_is_accepted),
        cmocka_unit_test(more_members_do_not_matter),
        cmocka_unit_test(ids_of_any_length_that_fits_are_kept),
        cmocka_unit_test(an_id_of_another_form_is_unknown),
        cmocka_unit_test(a_refusal_is_told_with_code_and_words),
        cmocka_unit_test(a_refusal_without_words_is_one),
        cmocka_unit_test(a_refusal_beside_a_number_is_a_refusal),
        cmocka_unit_test(codes_mean_what_the_sheet_says),
        cmocka_unit_test(codes_that_a_missing_channel_gets_speak_of_it),
        cmocka_unit_test(a_code_of_another_form_is_unknown),
        cmocka_unit_test(an_error_without_a_code_is_unknown),
        cmocka_unit_test(the_words_of_smsc_are_not_in_the_reason),
        cmocka_unit_test(json_of_another_form_is_unknown),
        cmocka_unit_test(what_is_not_json_is_unknown),
        cmocka_unit_test(an_empty_reply_is_unknown),
        cmocka_unit_test(a_status_decides_whatever_the_body),
        cmocka_unit_test(a_reply_cut_anywhere_or_with_a_nul_is_unknown),
        cmocka_unit_test(an_object_with_more_behind_it_is_unknown),
        cmocka_unit_test(another_charset_is_unknown),
        cmocka_unit_test(deep_nesting_is_unknown),
        cmocka_unit_test(long_words_are_cut_on_a_character_boundary),
        cmocka_unit_test(a_huge_reply_is_read),
        cmocka_unit_test(a_found_message_is_judged_by_its_status),
        cmocka_unit_test(a_message_that_smsc_does_not_have_is_absent),
        cmocka_unit_test(a_refused_question_is_told_with_code_and_words),
        cmocka_unit_test(a_status_of_another_form_is_unknown),
        cmocka_unit_test(a_status_beside_an_error_is_unknown),
        cmocka_unit_test(replies_do_not_fit_the_other_request),
    };

    return cmocka_run_group_tests_name("smsc", tests, NULL, NULL);
}
