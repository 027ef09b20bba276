/* md5: digests for old protocols. */
#include "unit.h"

#include "hmac.h"
#include "md5.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

static void
assert_digest(const char *text, const char *want)
{
    const struct md5_part part = { text, strlen(text) };
    unsigned char got[MD5_BYTES];
    char hex[2 * MD5_BYTES + 1];

    assert_true(md5_digest(&part, 1, got));
    for (size_t i = 0; i < MD5_BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", got[i]);
    expect_text(text, hex, want);
}

static OSSL_PROVIDER *ordinary;

/* Runs first: afterwards libcrypto has looked for its providers. */
static void
a_system_without_md5_is_told_and_leaves_no_error_behind(void **state)
{
    static const unsigned char zeros[MD5_BYTES];
    OSSL_PROVIDER *none = OSSL_PROVIDER_load(NULL, "null");
    unsigned char got[MD5_BYTES];

    (void)state;
    assert_non_null(none);
    memset(got, 1, sizeof got);
    assert_false(md5_digest(NULL, 0, got));
    assert_memory_equal(got, zeros, sizeof got);
    memset(got, 1, sizeof got);
    assert_false(hmac_md5("key", NULL, 0, got));
    assert_memory_equal(got, zeros, sizeof got);
    assert_int_equal(ERR_peek_error(), 0);
    ordinary = OSSL_PROVIDER_load(NULL, "default");
    assert_non_null(ordinary);
    OSSL_PROVIDER_unload(none);
}

/* RFC 1321, section A.5. */
static void
the_examples_of_the_rfc_hold(void **state)
{
    (void)state;
    assert_digest("", "d41d8cd98f00b204e9800998ecf8427e");
    assert_digest("a", "0cc175b9c0f1b6a831c399e269772661");
    assert_digest("abc", "900150983cd24fb0d6963f7d28e17f72");
    assert_digest("message digest", "f96b697d7cb7938d525a2f31aaf161d0");
    assert_digest(
        "abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b");
    assert_digest(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
        "d174ab98d277d9f5a5611c2c9f419d9f");
    assert_digest("1234567890123456789012345678901234567890"
                  "1234567890123456789012345678901234567890",
        "57edf4a22be3c955ac49da2e2107b67a");
}

static void
parts_are_digested_as_one_text(void **state)
{
    static const char text[] = "message \0digest";
    size_t n = sizeof text - 1;
    const struct md5_part whole = { text, n };
    unsigned char want[MD5_BYTES], got[MD5_BYTES];

    (void)state;
    assert_true(md5_digest(&whole, 1, want));
    for (size_t i = 0; i <= n; i++)
        for (size_t j = i; j <= n; j++) {
            const struct md5_part parts[] = { { text, i }, { text + i, j - i },
                { text + j, n - j } };

            assert_true(md5_digest(parts, COUNT(parts), got));
            assert_memory_equal(got, want, sizeof got);
        }
}

static void
no_parts_are_an_empty_text(void **state)
{
    const struct md5_part part = { "", 0 };
    unsigned char want[MD5_BYTES], got[MD5_BYTES];

    (void)state;
    assert_true(md5_digest(&part, 1, want));
    assert_true(md5_digest(NULL, 0, got));
    assert_memory_equal(got, want, sizeof got);
}

static void
a_system_that_prefers_fips_has_it_all_the_same(void **state)
{
    (void)state;
    assert_int_equal(EVP_default_properties_enable_fips(NULL, 1), 1);
    assert_digest("abc", "900150983cd24fb0d6963f7d28e17f72");
    assert_int_equal(EVP_default_properties_enable_fips(NULL, 0), 1);
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
        cmocka_unit_test(parts_are_digested_as_one_text),
        cmocka_unit_test(no_parts_are_an_empty_text),
        cmocka_unit_test(a_system_that_prefers_fips_has_it_all_the_same),
    };

    return cmocka_run_group_tests_name("md5", tests, NULL, unload);
}
