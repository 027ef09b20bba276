/* md5: see md5.h. */
#include "md5.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

/* A context ready for the first part; NULL when there is none. */
static EVP_MD_CTX *
begin(void)
{
    /* Any implementation will do, also on a system whose default is FIPS. */
    EVP_MD *md = EVP_MD_fetch(NULL, "MD5", "-fips");
    EVP_MD_CTX *ctx = md ? EVP_MD_CTX_new() : NULL;
    bool good = ctx && EVP_DigestInit_ex2(ctx, md, NULL) == 1;

    EVP_MD_free(md);
    if (good)
        return ctx;
    EVP_MD_CTX_free(ctx);
    return NULL;
}

bool
md5_digest(const struct md5_part *parts, size_t n, unsigned char out[MD5_BYTES])
{
    EVP_MD_CTX *ctx = begin();
    bool good = ctx != NULL;
    unsigned len = 0;

    for (size_t i = 0; good && i < n; i++)
        good = EVP_DigestUpdate(ctx, parts[i].p, parts[i].n) == 1;
    good = good && EVP_DigestFinal_ex(ctx, out, &len) == 1 && len == MD5_BYTES;
    EVP_MD_CTX_free(ctx);
    /* What is left in the thread's queue of errors would be read as TLS's. */
    ERR_clear_error();
    if (!good)
        memset(out, 0, MD5_BYTES);
    return good;
}
