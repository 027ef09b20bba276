/* hmac: see hmac.h. */
#include "hmac.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

/* Any implementation will do, also on a system whose default is FIPS. */
static char any_kind[] = "-fips";
static char md5_name[] = "MD5";
static char sha256_name[] = "SHA256";

/* A context ready for the first part; NULL when there is none. */
static EVP_MAC_CTX *
begin(char *digest, const void *key, size_t key_len)
{
    const OSSL_PARAM with[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_utf8_string(
            OSSL_MAC_PARAM_PROPERTIES, any_kind, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", any_kind);
    EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;

    EVP_MAC_free(mac);
    if (ctx && EVP_MAC_init(ctx, key, key_len, with) == 1)
        return ctx;
    EVP_MAC_CTX_free(ctx);
    return NULL;
}

/* Ends ctx, which may be NULL. */
static bool
sign(EVP_MAC_CTX *ctx, const struct md5_part *parts, size_t n,
    unsigned char *out, size_t size)
{
    bool good = ctx != NULL;
    size_t len = 0;

    for (size_t i = 0; good && i < n; i++)
        good = EVP_MAC_update(ctx, parts[i].p, parts[i].n) == 1;
    good = good && EVP_MAC_final(ctx, out, &len, size) == 1;
    EVP_MAC_CTX_free(ctx);
    /* What is left in the thread's queue of errors would be read as TLS's. */
    ERR_clear_error();
    good = good && len == size;
    if (!good)
        memset(out, 0, size);
    return good;
}

bool
hmac_md5(const char *key, const struct md5_part *parts, size_t n,
    unsigned char out[MD5_BYTES])
{
    return sign(begin(md5_name, key, strlen(key)), parts, n, out, MD5_BYTES);
}

bool
hmac_sha256(const void *key, size_t key_len, const struct md5_part *parts,
    size_t n, unsigned char out[HMAC_SHA256_BYTES])
{
    return sign(
        begin(sha256_name, key, key_len), parts, n, out, HMAC_SHA256_BYTES);
}

bool
hmac_md5_hex(const char *key, const struct md5_part *parts, size_t n,
    char out[HMAC_MD5_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char raw[MD5_BYTES];

    out[0] = '\0';
    if (!hmac_md5(key, parts, n, raw))
        return false;
    for (size_t i = 0; i < MD5_BYTES; i++) {
        out[2 * i] = digits[raw[i] >> 4];
        out[2 * i + 1] = digits[raw[i] & 15];
    }
    out[HMAC_MD5_TEXT - 1] = '\0';
    return true;
}
