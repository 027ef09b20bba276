/* parts: see parts.h. */
#include "rules/parts.h"

#include "utf8.h"

#include <string.h>

/* The default alphabet, one septet each: TS 23.038, 6.2.1, in its order. */
static const char basic[] =
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";

/* Its extension table, an escape and a septet each: 6.2.1.1. */
static const char extension[] = "\f^{}\\[~]|€";

/* How characters are carried. */
struct alphabet {
    /* Units of the character of n bytes at p, n = 0 for a byte that is not
     * UTF-8; 0 = the alphabet does not have it. */
    unsigned (*width)(const char *p, size_t n);
    unsigned single; /* units that one SMS holds */
    unsigned part;   /* units that a part of several holds */
    bool ucs2;
};

static unsigned
gsm_width(const char *p, size_t n)
{
    if (n == 0)
        return 0;
    if (memmem(basic, sizeof basic - 1, p, n))
        return 1;
    return memmem(extension, sizeof extension - 1, p, n) ? 2 : 0;
}

/* What UTF-8 needs four bytes for is a surrogate pair in UTF-16. */
static unsigned
ucs2_width(const char *p, size_t n)
{
    (void)p;
    return n == 4 ? 2 : 1;
}

static const struct alphabet gsm = { gsm_width, 160, 153, false };
static const struct alphabet ucs2 = { ucs2_width, 70, 67, true };

/* False when the text has a character that the alphabet does not have. */
static bool
count(const struct alphabet *a, const char *text, struct parts *out)
{
    const char *end = text + strlen(text);
    unsigned used = a->part; /* of the last part: there is none yet */

    *out = (struct parts){ .ucs2 = a->ucs2 };
    while (text < end) {
        size_t n = utf8_char(text, end);
        unsigned width = a->width(text, n);

        if (width == 0)
            return false;
        if (used + width > a->part) { /* a character is never split */
            out->parts++;
            used = 0;
        }
        used += width;
        out->units += width;
        text += n ? n : 1;
    }
    if (out->parts > 0 && out->units <= a->single)
        out->parts = 1;
    return true;
}

struct parts
parts_count(const char *utf8)
{
    struct parts out;

    if (!count(&gsm, utf8, &out))
        count(&ucs2, utf8, &out);
    return out;
}
