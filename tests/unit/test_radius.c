/* radius: requests to end a session, and which replies are believed. */
#include "hostile.h"

#include "hmac.h"
#include "md5.h"
#include "routers/radius.h"

static const char secret[] = "mik-secret";

/* ---- requests: the bytes were computed elsewhere ---- */

static void
assert_built(
    unsigned char id, const struct disconnect *what, const char *want, size_t n)
{
    unsigned char packet[RADIUS_LARGEST];

    assert_int_equal(radius_build(packet, id, what, secret), n);
    assert_memory_equal(packet, want, n);
}

/* For u1, with the identifier 7. */
static const unsigned char request[] =
    "\x28\x07\x00\x18\xEA\x88\xC1\xB6\xE9\xF3\xAD\x69\x13\x68\xAD\x9E"
    "\xA2\x06\x1F\x45\x01\x04\x75\x31";

static void
a_request_may_have_the_login_alone(void **state)
{
    const struct disconnect bare = { .login = "u1" };
    const struct disconnect empty = { "u1", "", "", false };

    (void)state;
    assert_built(7, &bare, (const char *)request, sizeof request - 1);
    assert_built(7, &empty, (const char *)request, sizeof request - 1);
}

static void
a_request_has_what_is_known_of_the_session(void **state)
{
    const struct disconnect what = { .login = "ivan@home",
        .framed_ip = "10.20.0.255",
        .session_id = "81a00f2c" };

    (void)state;
    assert_built(255, &what,
        RAW("\x28\xFF\x00\x2F\x7F\x08\x07\xD3\x6E\x85\x77\xD8\x8E\x0C\x2E\x92"
            "\x3A\x34\xE5\x0C\x01\x0B\x69\x76\x61\x6E\x40\x68\x6F\x6D\x65\x08"
            "\x06\x0A\x14\x00\xFF\x2C\x0A\x38\x31\x61\x30\x30\x66\x32\x63"));
}

static const struct disconnect signed_one = { .login = "Ёж №1",
    .framed_ip = "10.0.0.2",
    .session_id = "80000001",
    .sign = true };

static const unsigned char signed_request[] =
    "\x28\x00\x00\x41\x61\xCB\x87\x51\x69\x26\xE0\xCD\x84\x49\x53\xFB"
    "\x4F\x5B\x21\xA0\x50\x12\x84\x1D\x3D\x4A\x99\x90\xA8\xCC\x13\x18"
    "\x62\x51\xAE\x59\x55\x02\x01\x0B\xD0\x81\xD0\xB6\x20\xE2\x84\x96"
    "\x31\x08\x06\x0A\x00\x00\x02\x2C\x0A\x38\x30\x30\x30\x30\x30\x30"
    "\x31";

static void
a_request_may_be_signed(void **state)
{
    (void)state;
    assert_built(0, &signed_one, (const char *)signed_request,
        sizeof signed_request - 1);
}

static const char *
text_of(size_t n)
{
    static char text[300];

    memset(text, 'x', n);
    text[n] = '\0';
    return text;
}

static void
a_value_has_so_many_bytes_and_no_more(void **state)
{
    unsigned char packet[RADIUS_LARGEST];
    struct disconnect what = { .login = text_of(253),
        .framed_ip = "255.255.255.255",
        .session_id = text_of(253),
        .sign = true };

    (void)state;
    assert_int_equal(
        radius_build(packet, 1, &what, secret), 20 + 18 + 255 + 6 + 255);
    assert_int_equal(packet[2] << 8 | packet[3], 554);
    what.login = "u1";
    what.session_id = text_of(254);
    assert_int_equal(radius_build(packet, 1, &what, secret), 0);
    what.login = text_of(254);
    what.session_id = "";
    assert_int_equal(radius_build(packet, 1, &what, secret), 0);
}

static void
what_cannot_be_said_is_not_built(void **state)
{
    static const char *const ips[] = { "x", "10.0.0", "10.0.0.256", "10.0.0.1 ",
        " 10.0.0.1", "10.0.0.1/32", "::1", "0x0a000001", "10.0.0.1.1", "-" };
    unsigned char packet[RADIUS_LARGEST];
    struct disconnect what = { .login = "" };

    (void)state;
    assert_int_equal(radius_build(packet, 1, &what, secret), 0);
    what.login = NULL;
    assert_int_equal(radius_build(packet, 1, &what, secret), 0);
    what.login = "u1";
    assert_int_equal(radius_build(packet, 1, &what, ""), 0);
    for (size_t i = 0; i < COUNT(ips); i++) {
        what.framed_ip = ips[i];
        expect_number(ips[i], radius_build(packet, 1, &what, secret), 0);
    }
}

/* ---- replies: the bytes were computed elsewhere ---- */

static enum radius_verdict
read_bytes(const unsigned char *reply, size_t n, const unsigned char *to,
    unsigned *cause)
{
    unsigned char *copy = hostile_copy(reply, n);
    enum radius_verdict verdict;

    *cause = 12345;
    verdict = radius_read(copy, n, to, secret, cause);
    if (verdict == RADIUS_NOT_OURS)
        assert_int_equal(*cause, 0);
    free(copy);
    return verdict;
}

static const struct reply {
    const char *label;
    const char *p;
    size_t n;
    const unsigned char *to;
    enum radius_verdict verdict;
    unsigned cause;
} replies[] = {
    { "ACK",
        RAW("\x29\x07\x00\x14\x9E\xD4\xAE\x68\x1C\xC6\x04\x03\x01\xF3\x0E\xF4"
            "\xBC\x25\xDA\x86"),
        request, RADIUS_ACK, 0 },
    { "NAK 503",
        RAW("\x2A\x07\x00\x1A\x90\x30\x6E\x08\x1B\x3C\x88\x66\x89\x82\xE8\xAA"
            "\x89\x42\x95\xD7\x65\x06\x00\x00\x01\xF7"),
        request, RADIUS_NAK, RADIUS_NO_SESSION },
    { "NAK 503 with State, signed",
        RAW("\x2A\x07\x00\x2F\x94\x31\x39\x5E\xE6\xF0\xCD\xEC\xF4\x6E\xCB\xEA"
            "\x0D\x52\x80\x88\x21\x03\x78\x65\x06\x00\x00\x01\xF7\x50\x12\xE6"
            "\xC0\x12\xEE\xE5\xE5\xF0\x15\x88\x18\x60\x95\x99\x60\x0F\xE5"),
        request, RADIUS_NAK, RADIUS_NO_SESSION },
    { "ACK, signed",
        RAW("\x29\x00\x00\x26\xDD\xEA\xFF\x2F\x0E\xD5\xCB\x60\x55\x3B\x56\x72"
            "\xF5\x2D\xBD\x82\x50\x12\x64\xFF\xDA\xC6\xAF\x1B\xC5\x85\x8E\x28"
            "\x9E\x06\x89\x8D\xCE\x08"),
        signed_request, RADIUS_ACK, 0 },
};

enum { LARGEST_REPLY = 64 };

static void
replies_are_believed_when_they_prove_themselves(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(replies); i++) {
        const struct reply *r = &replies[i];
        unsigned cause;

        expect_number(r->label,
            read_bytes((const unsigned char *)r->p, r->n, r->to, &cause),
            r->verdict);
        expect_number(r->label, cause, r->cause);
    }
}

static void
a_reply_with_padding_is_believed(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(replies); i++) {
        const struct reply *r = &replies[i];
        unsigned char text[LARGEST_REPLY];
        unsigned cause;

        memset(text, 0xEE, sizeof text);
        memcpy(text, r->p, r->n);
        expect_number(
            r->label, read_bytes(text, sizeof text, r->to, &cause), r->verdict);
        expect_number(r->label, cause, r->cause);
    }
}

static void
a_reply_cut_anywhere_is_not_ours(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(replies); i++)
        for (size_t n = 0; n < replies[i].n; n++) {
            unsigned cause;

            expect_number(replies[i].label,
                read_bytes((const unsigned char *)replies[i].p, n,
                    replies[i].to, &cause),
                RADIUS_NOT_OURS);
        }
}

static void
a_reply_with_any_bit_changed_is_not_ours(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(replies); i++)
        for (size_t bit = 0; bit < 8 * replies[i].n; bit++) {
            unsigned char text[LARGEST_REPLY];
            unsigned cause;

            memcpy(text, replies[i].p, replies[i].n);
            text[bit / 8] ^= (unsigned char)(1 << bit % 8);
            expect_number(replies[i].label,
                read_bytes(text, replies[i].n, replies[i].to, &cause),
                RADIUS_NOT_OURS);
        }
}

static void
a_reply_to_another_request_or_by_another_secret_is_not_ours(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(replies); i++) {
        const struct reply *r = &replies[i];
        unsigned char other[RADIUS_HEADER];
        unsigned cause;

        memcpy(other, r->to, sizeof other);
        other[19] ^= 1;
        assert_int_equal(
            read_bytes((const unsigned char *)r->p, r->n, other, &cause),
            RADIUS_NOT_OURS);
        assert_int_equal(radius_read((const unsigned char *)r->p, r->n, r->to,
                             "mik-secreT", &cause),
            RADIUS_NOT_OURS);
        assert_int_equal(
            radius_read((const unsigned char *)r->p, r->n, r->to, "", &cause),
            RADIUS_NOT_OURS);
    }
}

static void
our_own_request_is_no_reply(void **state)
{
    unsigned cause;

    (void)state;
    assert_int_equal(read_bytes(request, sizeof request - 1, request, &cause),
        RADIUS_NOT_OURS);
    assert_int_equal(read_bytes(signed_request, sizeof signed_request - 1,
                         signed_request, &cause),
        RADIUS_NOT_OURS);
}

/* ---- replies that whoever has the secret could send ---- */

/* Makes a reply to the request with these attributes and a good
 * authenticator; the length is what it says, not what is there. */
static size_t
make(unsigned char *out, unsigned code, const char *attributes, size_t n,
    size_t length)
{
    const struct md5_part parts[] = { { out, 4 }, { request + 4, 16 },
        { attributes, n }, { secret, strlen(secret) } };

    out[0] = (unsigned char)code;
    out[1] = request[1];
    out[2] = (unsigned char)(length >> 8);
    out[3] = (unsigned char)length;
    assert_true(md5_digest(parts, 4, out + 4));
    memcpy(out + RADIUS_HEADER, attributes, n);
    return RADIUS_HEADER + n;
}

static void
assert_made(const char *label, unsigned code, const char *attributes, size_t n,
    enum radius_verdict want, unsigned want_cause)
{
    unsigned char text[RADIUS_HEADER + 600];
    unsigned cause;
    size_t len = make(text, code, attributes, n, RADIUS_HEADER + n);

    expect_number(label, read_bytes(text, len, request, &cause), want);
    expect_number(label, cause, want_cause);
}

static void
only_ack_and_nak_are_replies(void **state)
{
    (void)state;
    for (unsigned code = 0; code < 256; code++)
        assert_made("code", code, "", 0,
            code == 41   ? RADIUS_ACK
            : code == 42 ? RADIUS_NAK
                         : RADIUS_NOT_OURS,
            0);
}

static void
attributes_must_fill_the_packet(void **state)
{
    static const struct {
        const char *label, *p;
        size_t n;
    } rows[] = {
        { "no length", RAW("\x12") },
        { "length 0", RAW("\x12\x00") },
        { "length 0 and more", RAW("\x12\x00xx") },
        { "length 1", RAW("\x12\x01") },
        { "one byte too long", RAW("\x12\x03") },
        { "far too long", RAW("\x12\xFFxx") },
        { "half of a second one", RAW("\x12\x03x\x65") },
        { "a second one too long",
            RAW("\x65\x06\x00\x00\x01\xF7\x65\x07\x00\x00\x01\xF7") },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_made(
            rows[i].label, 41, rows[i].p, rows[i].n, RADIUS_NOT_OURS, 0);
        assert_made(
            rows[i].label, 42, rows[i].p, rows[i].n, RADIUS_NOT_OURS, 0);
    }
    assert_made("without a value", 42, RAW("\x12\x02"), RADIUS_NAK, 0);
    assert_made("text", 42, RAW("\x12\x04no"), RADIUS_NAK, 0);
}

static void
a_cause_has_four_bytes_and_the_first_counts(void **state)
{
    (void)state;
    assert_made("three", 42, RAW("\x65\x05\x00\x01\xF7"), RADIUS_NAK, 0);
    assert_made("five", 42, RAW("\x65\x07\x00\x00\x00\x01\xF7"), RADIUS_NAK, 0);
    assert_made("none", 42, RAW("\x65\x02"), RADIUS_NAK, 0);
    assert_made(
        "large", 42, RAW("\x65\x06\xFF\xFE\xFD\xFC"), RADIUS_NAK, 0xFFFEFDFC);
    assert_made("two", 42,
        RAW("\x65\x06\x00\x00\x01\x93\x65\x06\x00\x00\x01\xF7"), RADIUS_NAK,
        403);
    assert_made(
        "with an ACK", 41, RAW("\x65\x06\x00\x00\x00\xC9"), RADIUS_ACK, 201);
}

/* Appends a signature that is right when this is the last attribute, and
 * these are all; their length then. */
static size_t
add_signature(char *attributes, size_t n)
{
    const unsigned char header[] = { 42, request[1], 0,
        (unsigned char)(RADIUS_HEADER + n + 18) };
    const struct md5_part parts[] = { { header, 4 }, { request + 4, 16 },
        { attributes, n + 18 } };
    unsigned char digest[MD5_BYTES];

    memset(attributes + n, 0, 18);
    memcpy(attributes + n, "\x50\x12", 2);
    assert_true(hmac_md5(secret, parts, 3, digest));
    memcpy(attributes + n + 2, digest, sizeof digest);
    return n + 18;
}

static void
a_signature_must_be_right_and_the_only_one(void **state)
{
    char text[36];

    (void)state;
    add_signature(text, 0);
    assert_made("right", 42, text, 18, RADIUS_NAK, 0);
    text[17] ^= 1;
    assert_made("wrong", 42, text, 18, RADIUS_NOT_OURS, 0);
    add_signature(text, 18);
    assert_made("wrong and right", 42, text, 36, RADIUS_NOT_OURS, 0);
    assert_made("empty", 42, RAW("\x50\x02"), RADIUS_NOT_OURS, 0);
    assert_made(
        "short", 42, RAW("\x50\x11xxxxxxxxxxxxxxx"), RADIUS_NOT_OURS, 0);
    assert_made(
        "long", 42, RAW("\x50\x13xxxxxxxxxxxxxxxxx"), RADIUS_NOT_OURS, 0);
}

static void
a_reply_has_the_identifier_of_the_request(void **state)
{
    unsigned char text[RADIUS_HEADER], other[sizeof request - 1];
    unsigned cause;

    (void)state;
    make(text, 41, "", 0, RADIUS_HEADER);
    memcpy(other, request, sizeof other);
    assert_int_equal(read_bytes(text, sizeof text, other, &cause), RADIUS_ACK);
    other[1] ^= 1;
    assert_int_equal(
        read_bytes(text, sizeof text, other, &cause), RADIUS_NOT_OURS);
}

static void
a_length_that_cannot_be_is_not_ours(void **state)
{
    static const size_t lengths[] = { 0, 1, 19, 21, 4096, 4097, 65535 };
    unsigned char text[RADIUS_HEADER];
    unsigned cause;

    (void)state;
    make(text, 41, "", 0, RADIUS_HEADER);
    assert_int_equal(
        read_bytes(text, sizeof text, request, &cause), RADIUS_ACK);
    for (size_t i = 0; i < COUNT(lengths); i++) {
        make(text, 41, "", 0, lengths[i]);
        assert_int_equal(
            read_bytes(text, sizeof text, request, &cause), RADIUS_NOT_OURS);
    }
}

static void
a_packet_has_so_many_bytes_and_no_more(void **state)
{
    unsigned char text[RADIUS_LARGEST + 20];
    char attributes[RADIUS_LARGEST];
    size_t n = RADIUS_LARGEST - RADIUS_HEADER;
    unsigned cause;

    (void)state;
    memset(attributes, 2, sizeof attributes);
    assert_int_equal(
        make(text, 41, attributes, n, RADIUS_LARGEST), RADIUS_LARGEST);
    assert_int_equal(
        read_bytes(text, RADIUS_LARGEST, request, &cause), RADIUS_ACK);
    make(text, 41, attributes, n + 2, RADIUS_LARGEST + 2);
    assert_int_equal(
        read_bytes(text, RADIUS_LARGEST + 2, request, &cause), RADIUS_NOT_OURS);
}

static void
bytes_at_random_do_no_harm(void **state)
{
    uint64_t seed = 3799;
    char attributes[500];

    (void)state;
    for (size_t i = 0; i < 30000; i++) {
        size_t n = hostile_below(&seed, sizeof attributes);
        unsigned char text[RADIUS_HEADER + sizeof attributes];
        unsigned cause;

        for (size_t k = 0; k < n; k++)
            attributes[k] =
                (char)(hostile_below(&seed, 3) ? hostile_below(&seed, 6)
                                               : hostile_below(&seed, 256));
        /* Genuine, whatever its attributes are. */
        n = make(text, 42, attributes, n, RADIUS_HEADER + n);
        read_bytes(text, n, request, &cause);
        for (size_t k = 4; k < RADIUS_HEADER; k++)
            text[k] = (unsigned char)hostile_next(&seed);
        assert_int_equal(read_bytes(text, n, request, &cause), RADIUS_NOT_OURS);
    }
}

static void
causes_have_words(void **state)
{
    static const unsigned known[] = { 0, 201, 202, 401, 402, 403, 404, 405, 406,
        407, 501, 502, 503, 504, 505, 506, 507, 508 };
    static const unsigned unknown[] = { 1, 200, 203, 400, 408, 500, 509, 1005,
        4294967295u };
    static const char other[] = "a cause that is not in its list";

    (void)state;
    for (size_t i = 0; i < COUNT(known); i++)
        assert_string_not_equal(radius_cause(known[i]), other);
    for (size_t i = 0; i < COUNT(unknown); i++)
        assert_string_equal(radius_cause(unknown[i]), other);
    assert_string_equal(
        radius_cause(RADIUS_NO_SESSION), "there is no such session");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_may_have_the_login_alone),
        cmocka_unit_test(a_request_has_what_is_known_of_the_session),
        cmocka_unit_test(a_request_may_be_signed),
        cmocka_unit_test(a_value_has_so_many_bytes_and_no_more),
        cmocka_unit_test(what_cannot_be_said_is_not_built),
        cmocka_unit_test(replies_are_believed_when_they_prove_themselves),
        cmocka_unit_test(a_reply_with_padding_is_believed),
        cmocka_unit_test(a_reply_cut_anywhere_is_not_ours),
        cmocka_unit_test(a_reply_with_any_bit_changed_is_not_ours),
        cmocka_unit_test(
            a_reply_to_another_request_or_by_another_secret_is_not_ours),
        cmocka_unit_test(our_own_request_is_no_reply),
        cmocka_unit_test(only_ack_and_nak_are_replies),
        cmocka_unit_test(attributes_must_fill_the_packet),
        cmocka_unit_test(a_cause_has_four_bytes_and_the_first_counts),
        cmocka_unit_test(a_signature_must_be_right_and_the_only_one),
        cmocka_unit_test(a_reply_has_the_identifier_of_the_request),
        cmocka_unit_test(a_length_that_cannot_be_is_not_ours),
        cmocka_unit_test(a_packet_has_so_many_bytes_and_no_more),
        cmocka_unit_test(bytes_at_random_do_no_harm),
        cmocka_unit_test(causes_have_words),
    };

    return cmocka_run_group_tests_name("radius", tests, NULL, NULL);
}
