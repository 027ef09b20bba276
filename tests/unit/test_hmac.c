/* hmac: the signatures that Komtet and receivers of events want. */
#include "unit.h"

#include "hmac.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

/* A key of n times the same byte. */
static const char *
key_of(int byte, size_t n)
{
    static char key[100];

    memset(key, byte, n);
    key[n] = '\0';
    return key;
}

static void
assert_signed(const char *key, const char *text, size_t n, const char *want)
{
    const struct md5_part part = { text, n };
    char got[HMAC_MD5_TEXT];

    assert_true(hmac_md5_hex(key, &part, 1, got));
    expect_text(text, got, want);
}

static OSSL_PROVIDER *ordinary;

/* Runs first: afterwards libcrypto has looked for its providers. */
static void
a_system_without_md5_is_told_and_leaves_no_error_behind(void **state)
{
    OSSL_PROVIDER *none = OSSL_PROVIDER_load(NULL, "null");
    char got[HMAC_MD5_TEXT] = "x";

    (void)state;
    assert_non_null(none);
    assert_false(hmac_md5_hex("key", NULL, 0, got));
    assert_string_equal(got, "");
    assert_int_equal(ERR_peek_error(), 0);
    ordinary = OSSL_PROVIDER_load(NULL, "default");
    assert_non_null(ordinary);
    OSSL_PROVIDER_unload(none);
}

/* RFC 2202, section 2; of its keys the one with a NUL inside is not ours. */
static void
the_examples_of_the_rfc_hold(void **state)
{
    char fifty[50];

    (void)state;
    memset(fifty, 0xDD, sizeof fifty);
    assert_signed(
        key_of(0x0B, 16), RAW("Hi There"), "9294727a3638bb1c13f48ef8158bfc9d");
    assert_signed("Jefe", RAW("what do ya want for nothing?"),
        "750c783e6ab0b503eaa86e310a5db738");
    assert_signed(key_of(0xAA, 16), fifty, sizeof fifty,
        "56be34521d144c88dbb8c733f0e8b3f6");
    assert_signed(key_of(0x0C, 16), RAW("Test With Truncation"),
        "56461ef2342edc00f9bab995690efd4c");
    assert_signed(key_of(0xAA, 80),
        RAW("Test Using Larger Than Block-Size Key - Hash Key First"),
        "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd");
    assert_signed(key_of(0xAA, 80),
        RAW("Test Using Larger Than Block-Size Key and Larger Than One "
            "Block-Size Data"),
        "6f630fad67cda0ee1fb1f562db3aa53e");
}

static void
an_empty_key_and_an_empty_text_can_be_signed(void **state)
{
    char got[HMAC_MD5_TEXT];

    (void)state;
    assert_signed("", RAW(""), "74e6f7298a9c2d168935f58c001bad88");
    assert_true(hmac_md5_hex("", NULL, 0, got));
    assert_string_equal(got, "74e6f7298a9c2d168935f58c001bad88");
}

static void
parts_are_signed_as_one_text(void **state)
{
    static const char text[] = "what do ya want for nothing?";
    size_t n = strlen(text);
    char got[HMAC_MD5_TEXT];

    (void)state;
    for (size_t i = 0; i <= n; i++)
        for (size_t j = i; j <= n; j++) {
            const struct md5_part parts[] = { { text, i }, { text + i, j - i },
                { text + j, n - j } };

            assert_true(hmac_md5_hex("Jefe", parts, COUNT(parts), got));
            assert_string_equal(got, "750c783e6ab0b503eaa86e310a5db738");
        }
}

static void
bytes_of_any_value_are_signed(void **state)
{
    (void)state;
    assert_signed("k", RAW("a\0b"), "c5ab8e08141a06380c8c7bf546826ee7");
}

static void
a_system_that_prefers_fips_signs_all_the_same(void **state)
{
    (void)state;
    assert_int_equal(EVP_default_properties_enable_fips(NULL, 1), 1);
    assert_signed("Jefe", RAW("what do ya want for nothing?"),
        "750c783e6ab0b503eaa86e310a5db738");
    assert_int_equal(EVP_default_properties_enable_fips(NULL, 0), 1);
}

static void
assert_sha256(const char *key, size_t key_len, const char *text, size_t n,
    const char *want)
{
    const struct md5_part parts[] = { { text, n / 2 },
        { text + n / 2, n - n / 2 } };
    unsigned char raw[HMAC_SHA256_BYTES];
    char got[2 * HMAC_SHA256_BYTES + 1];

    assert_true(hmac_sha256(key, key_len, parts, COUNT(parts), raw));
    for (size_t i = 0; i < sizeof raw; i++)
        snprintf(got + 2 * i, 3, "%02x", raw[i]);
    expect_text(text, got, want);
}

/* RFC 4231, cases 1 to 3. */
static void
the_examples_for_sha256_hold(void **state)
{
    char fifty[50];

    (void)state;
    memset(fifty, 0xDD, sizeof fifty);
    assert_sha256(key_of(0x0B, 20), 20, RAW("Hi There"),
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    assert_sha256(RAW("Jefe"), RAW("what do ya want for nothing?"),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    assert_sha256(key_of(0xAA, 20), 20, fifty, sizeof fifty,
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
}

static int
unload(void **state)
{
    (void)state;
    OSSL_PROVIDER_unload(ordinary);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            a_system_without_md5_is_told_and_leaves_no_error_behind),
        cmocka_unit_test(the_examples_of_the_rfc_hold),
        cmocka_unit_test(an_empty_key_and_an_empty_text_can_be_signed),
        cmocka_unit_test(parts_are_signed_as_one_text),
        cmocka_unit_test(bytes_of_any_value_are_signed),
        cmocka_unit_test(a_system_that_prefers_fips_signs_all_the_same),
        cmocka_unit_test(the_examples_for_sha256_hold),
    };

    return cmocka_run_group_tests_name("hmac", tests, NULL, unload);
}
