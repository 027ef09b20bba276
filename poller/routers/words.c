/* words: see words.h. */
#include "routers/words.h"

#include "md5.h"

#include <stdint.h>
#include <string.h>

/* ---- lengths ---- */

/* How a length is written: in bytes, most significant first, marked by the
 * first bits. The last form has all of its first byte as mark. */
static const struct form {
    size_t below;
    unsigned char mark, mask;
    unsigned bytes;
} forms[] = {
    { 0x80, 0x00, 0x80, 1 },
    { 0x4000, 0x80, 0xC0, 2 },
    { 0x200000, 0xC0, 0xE0, 3 },
    { 0x10000000, 0xE0, 0xF0, 4 },
    { SIZE_MAX, 0xF0, 0xFF, 5 },
};

enum { FORMS = sizeof forms / sizeof *forms };

static void
add_length(struct bytes *out, size_t len)
{
    const struct form *form = forms;
    unsigned char text[5] = { 0 };

    while (len >= form->below && form->bytes < sizeof text)
        form++;
    for (unsigned i = form->bytes; i-- > 0; len >>= 8)
        text[i] = (unsigned char)len;
    text[0] |= form->mark;
    bytes_add(out, text, form->bytes);
}

/* NULL for a first byte that is reserved. */
static const struct form *
form_of(unsigned char first)
{
    for (size_t i = 0; i < FORMS; i++)
        if ((first & forms[i].mask) == forms[i].mark)
            return &forms[i];
    return NULL;
}

/* Reads a length; the bytes of its form are there. */
static size_t
length_at(const char *p, const struct form *form)
{
    const unsigned char *u = (const unsigned char *)p;
    size_t len = u[0] & (unsigned char)~form->mask;

    for (unsigned i = 1; i < form->bytes; i++)
        len = len << 8 | u[i];
    return len;
}

/* ---- writing ---- */

void
words_add(struct bytes *out, const void *word, size_t len)
{
    add_length(out, len);
    bytes_add(out, word, len);
}

void
words_end(struct bytes *out)
{
    add_length(out, 0);
}

static void
add_text(struct bytes *out, const char *word)
{
    words_add(out, word, strlen(word));
}

/* "=name=" or "?name=", and the value. */
static void
add_pair(struct bytes *out, const char *name, const char *value)
{
    add_length(out, strlen(name) + strlen(value));
    bytes_str(out, name);
    bytes_str(out, value);
}

void
words_login(struct bytes *out, const char *user, const char *password)
{
    add_text(out, "/login");
    add_pair(out, "=name=", user);
    add_pair(out, "=password=", password);
    words_end(out);
}

void
words_login_begin(struct bytes *out)
{
    add_text(out, "/login");
    words_end(out);
}

/* The value of a hex digit, or -1. */
static int
digit_of(char c)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) % 16 : -1;
}

static bool
parse_challenge(const char *text, size_t len, unsigned char out[MD5_BYTES])
{
    if (len != 2 * MD5_BYTES)
        return false;
    for (size_t i = 0; i < MD5_BYTES; i++) {
        int high = digit_of(text[2 * i]), low = digit_of(text[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        out[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

static void
add_response(struct bytes *out, const unsigned char digest[MD5_BYTES])
{
    static const char name[] = "=response=00";

    add_length(out, sizeof name - 1 + (size_t)2 * MD5_BYTES);
    bytes_str(out, name);
    for (size_t i = 0; i < MD5_BYTES; i++)
        bytes_printf(out, "%02x", (unsigned)digest[i]);
}

bool
words_login_response(struct bytes *out, const char *user, const char *password,
    const char *challenge, size_t len)
{
    unsigned char raw[MD5_BYTES], digest[MD5_BYTES];
    const struct md5_part parts[] = { { "", 1 }, { password, strlen(password) },
        { raw, sizeof raw } };

    if (!parse_challenge(challenge, len, raw) || !md5_digest(parts, 3, digest))
        return false;
    add_text(out, "/login");
    add_pair(out, "=name=", user);
    add_response(out, digest);
    words_end(out);
    return true;
}

void
words_find(struct bytes *out, const char *login)
{
    add_text(out, "/ppp/active/print");
    add_pair(out, "?name=", login);
    add_text(out, "=.proplist=.id,name");
    words_end(out);
}

void
words_remove(struct bytes *out, const char *id)
{
    add_text(out, "/ppp/active/remove");
    add_pair(out, "=.id=", id);
    words_end(out);
}

/* ---- reading ---- */

/* Moves over the word at *at; len is 0 for the end of the sentence. */
static enum words_status
read_word(const char *p, size_t n, size_t *at, size_t *len)
{
    const struct form *form;

    if (*at == n)
        return WORDS_MORE;
    form = form_of((unsigned char)p[*at]);
    if (!form)
        return WORDS_BROKEN;
    if (n - *at < form->bytes)
        return WORDS_MORE;
    *len = length_at(p + *at, form);
    *at += form->bytes;
    if (*len > WORDS_LONGEST)
        return WORDS_BROKEN;
    if (n - *at < *len)
        return WORDS_MORE;
    *at += *len;
    return WORDS_SENTENCE;
}

/* Without the bound on the whole. */
static enum words_status
read_words(const char *p, size_t n, struct sentence *s, size_t *used)
{
    size_t at = 0, len = 0;
    enum words_status status;

    s->n = 0;
    while ((status = read_word(p, n, &at, &len)) == WORDS_SENTENCE && len > 0) {
        if (s->n == WORDS_MOST)
            return WORDS_BROKEN;
        s->word[s->n].p = p + at - len;
        s->word[s->n++].len = len;
    }
    *used = at;
    return status;
}

enum words_status
words_read(const char *p, size_t n, struct sentence *s, size_t *used)
{
    /* Beyond the bound nothing is looked at. */
    size_t most = n < WORDS_LARGEST ? n : WORDS_LARGEST;
    enum words_status status = read_words(p, most, s, used);

    return status == WORDS_MORE && most == WORDS_LARGEST ? WORDS_BROKEN
                                                         : status;
}

bool
sentence_is(const struct sentence *s, const char *word)
{
    size_t n = strlen(word);

    return s->n > 0 && s->word[0].len == n &&
           memcmp(s->word[0].p, word, n) == 0;
}

/* Where the value begins in a word "=name=value", or 0. */
static size_t
value_in(const char *p, size_t len, const char *name)
{
    size_t n = strlen(name);

    if (len < n + 2 || p[0] != '=' || memcmp(p + 1, name, n) != 0 ||
        p[n + 1] != '=')
        return 0;
    return n + 2;
}

const char *
sentence_value(const struct sentence *s, const char *name, size_t *len)
{
    for (size_t i = 0; i < s->n; i++) {
        size_t at = value_in(s->word[i].p, s->word[i].len, name);

        if (at > 0) {
            *len = s->word[i].len - at;
            return s->word[i].p + at;
        }
    }
    return NULL;
}
