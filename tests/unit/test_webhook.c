/*
 * webhook: requests with events, and what is said to them.
 */
#include "unit.h"

#include "providers/provider.h"
#include "providers/webhook.h"
#include "utf8.h"

/* Secret, id, time, body and signature from the examples of Standard
 * Webhooks. */
#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define ID "msg_p5jXN8AQM9LWM0D4loKWxJek"
#define TIME 1614265330
#define BODY "{\"test\": 2432232314}"
#define SIGNATURE "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

static struct settings
settings_with(char *secret, char *before)
{
    return (struct settings){ .webhook = { .url = "https://example.org/in",
                                  .secret = secret,
                                  .secret_before = before,
                                  .ca_file = "/etc/ca.pem",
                                  .connections = 4,
                                  .rate = 50,
                                  .attempts = 25,
                                  .connect_timeout_ms = 5000,
                                  .timeout_ms = 15000 } };
}

static char secret[] = SECRET, none[] = "",
            plain[] = "a plain secret, 24 bytes";

static void
assert_signature(const struct settings *set, const char *want)
{
    struct bytes body = bytes_make(1000), out = bytes_make(1000);

    bytes_str(&body, BODY);
    assert_true(webhook_sign(&out, set, ID, TIME, &body));
    expect_text(want, bytes_text(&out), want);
    bytes_free(&body);
    bytes_free(&out);
}

static void
the_example_of_the_convention_holds(void **state)
{
    const struct settings set = settings_with(secret, none);

    (void)state;
    assert_signature(&set, SIGNATURE);
}

static void
a_secret_without_the_mark_is_the_key_itself(void **state)
{
    const struct settings set = settings_with(plain, none);

    (void)state;
    assert_signature(&set, "v1,e4nm361e56LEHWtFVTS0M5rphJPuptSQQouDutbj7g0=");
}

static void
two_secrets_sign_both(void **state)
{
    const struct settings set = settings_with(plain, secret);

    (void)state;
    assert_signature(
        &set, "v1,e4nm361e56LEHWtFVTS0M5rphJPuptSQQouDutbj7g0= " SIGNATURE);
}

static void
the_request_names_key_time_and_signature(void **state)
{
    static const char *const want[] = { "User-Agent: mikbill-events",
        "Webhook-Id: tariff_change:1001:2026-11-23_15:24:00_123",
        "Idempotency-Key: tariff_change:1001:2026-11-23_15:24:00_123",
        "Webhook-Timestamp: 1614265330", NULL };
    const struct settings set = settings_with(secret, none);
    struct message message = { .text = BODY,
        .identity = "tariff_change:1001:2026-11-23 15:24:00.123",
        .now_us = TIME * 1000000LL + 999999 };
    struct bytes body = bytes_make(1000);
    struct http_request request;

    (void)state;
    webhook.build(&set, &message, 0, &request, &body);
    assert_true(bytes_ok(&body));
    assert_string_equal(bytes_text(&body), BODY);
    assert_string_equal(request.url, "https://example.org/in");
    assert_string_equal(request.content_type, "application/json");
    assert_string_equal(request.ca_file, "/etc/ca.pem");
    assert_null(request.method);
    for (size_t i = 0; want[i]; i++)
        assert_string_equal(request.headers[i], want[i]);
    assert_int_equal(
        strncmp(request.headers[4], "Webhook-Signature: v1,", 22), 0);
    assert_null(request.headers[5]);
    bytes_free(&body);
}

static void
nothing_goes_out_unsigned(void **state)
{
    static char wrong[] = "whsec_not base64";
    const struct settings set = settings_with(wrong, none);
    struct message message = { .text = BODY, .identity = "payment:1" };
    struct bytes body = bytes_make(1000);
    struct http_request request;

    (void)state;
    webhook.build(&set, &message, 0, &request, &body);
    assert_false(bytes_ok(&body));
    bytes_free(&body);
}

static void
the_status_says_what_becomes_of_it(void **state)
{
    static const struct {
        int status;
        enum outcome_class class;
    } rows[] = {
        { 200, OUTCOME_ACCEPTED },
        { 299, OUTCOME_ACCEPTED },
        { 301, OUTCOME_CONFIGURATION },
        { 400, OUTCOME_PERMANENT },
        { 401, OUTCOME_CONFIGURATION },
        { 403, OUTCOME_CONFIGURATION },
        { 404, OUTCOME_PERMANENT },
        { 408, OUTCOME_TRANSIENT },
        { 409, OUTCOME_TRANSIENT },
        { 410, OUTCOME_PERMANENT },
        { 425, OUTCOME_TRANSIENT },
        { 429, OUTCOME_TRANSIENT },
        { 499, OUTCOME_PERMANENT },
        { 500, OUTCOME_TRANSIENT },
        { 599, OUTCOME_TRANSIENT },
        { 600, OUTCOME_UNKNOWN },
        { 100, OUTCOME_UNKNOWN },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct http_reply reply = {
            .status = rows[i].status, .body = "", .body_len = 0
        };
        struct outcome out;
        char label[16];

        snprintf(label, sizeof label, "%d", rows[i].status);
        webhook.read(&reply, &out);
        expect_number(label, out.class, rows[i].class);
        expect_number(label, out.why[0] != '\0', rows[i].status / 100 != 2);
    }
}

static void
the_beginning_of_its_words_is_kept(void **state)
{
    static char long_words[3000];
    const struct http_reply reply = {
        .status = 500, .body = long_words, .body_len = sizeof long_words - 1
    };
    struct outcome out;

    (void)state;
    for (size_t i = 0; i + 2 < sizeof long_words; i += 2)
        memcpy(long_words + i, "Я", 2);
    webhook.read(&reply, &out);
    assert_string_equal(out.code, "HTTP 500");
    assert_int_equal(strlen(out.words), 200);
    assert_true(utf8_valid(out.why, strlen(out.why)));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_the_convention_holds),
        cmocka_unit_test(a_secret_without_the_mark_is_the_key_itself),
        cmocka_unit_test(two_secrets_sign_both),
        cmocka_unit_test(the_request_names_key_time_and_signature),
        cmocka_unit_test(nothing_goes_out_unsigned),
        cmocka_unit_test(the_status_says_what_becomes_of_it),
        cmocka_unit_test(the_beginning_of_its_words_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
