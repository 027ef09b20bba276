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

/* A context ready for the first part; NULL when there is none. */
static EVP_MAC_CTX *
begin(const char *key)
{
    const OSSL_PARAM with[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, md5_name, 0),
        OSSL_PARAM_construct_utf8_string(
            OSSL_MAC_PARAM_PROPERTIES, any_kind, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", any_kind);
    EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;

    EVP_MAC_free(mac);
    if (ctx &&
        EVP_MAC_init(ctx, (const unsigned char *)key, strlen(key), with) == 1)
        return ctx;
    EVP_MAC_CTX_free(ctx);
    return NULL;
}

bool
hmac_md5(const char *key, const struct md5_part *parts, size_t n,
    unsigned char out[MD5_BYTES])
{
    EVP_MAC_CTX *ctx = begin(key);
    bool good = ctx != NULL;
    size_t len = 0;

    for (size_t i = 0; good && i < n; i++)
        good = EVP_MAC_update(ctx, parts[i].p, parts[i].n) == 1;
    good = good && EVP_MAC_final(ctx, out, &len, MD5_BYTES) == 1;
    EVP_MAC_CTX_free(ctx);
    /* What is left in the thread's queue of errors would be read as TLS's. */
    ERR_clear_error();
    good = good && len == MD5_BYTES;
    if (!good)
        memset(out, 0, MD5_BYTES);
    return good;
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
