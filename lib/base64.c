/* base64: see base64.h. */
#include "base64.h"

#include <stdint.h>
#include <string.h>

static const char digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Three bytes make four digits; of fewer bytes the last digits are missing. */
static void
print_group(struct bytes *out, const unsigned char *p, size_t n)
{
    uint32_t bits = (uint32_t)p[0] << 16;

    if (n > 1)
        bits |= (uint32_t)p[1] << 8;
    if (n > 2)
        bits |= p[2];
    for (size_t i = 0; i < 4; i++)
        bytes_add(out, i <= n ? &digits[bits >> (18 - 6 * i) & 63] : "=", 1);
}

void
base64_print(struct bytes *out, const void *p, size_t n)
{
    const unsigned char *at = p;

    for (size_t i = 0; i < n; i += 3)
        print_group(out, at + i, n - i < 3 ? n - i : 3);
}

/* Bits that are left over at the end must be zero: each text has one way to be
 * written. */
bool
base64_read(struct bytes *out, const char *text)
{
    size_t n = strspn(text, digits), padding = strspn(text + n, "=");
    uint32_t bits = 0;
    unsigned have = 0;

    if (text[n + padding] || n % 4 == 1 ||
        (padding && (padding > 2 || (n + padding) % 4 != 0)))
        return false;
    for (size_t i = 0; i < n; i++) {
        bits = bits << 6 | (uint32_t)(strchr(digits, text[i]) - digits);
        have += 6;
        if (have < 8)
            continue;
        have -= 8;
        bytes_chr(out, (char)(bits >> have & 0xFF));
        bits &= (1U << have) - 1;
    }
    return bits == 0;
}
