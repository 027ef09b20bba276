/*
 * words: the binary API of MikroTik routers, whose messages are sentences of
 * words: how they are framed, and the sentences that we need.
 *
 * A word is a length and as many bytes of any kind, so nothing in a login can
 * become something else. A word without bytes ends a sentence. The first word
 * is a command or the kind of a reply: !re, !done, !trap, !fatal, !empty; the
 * others are mostly attributes, "=name=value".
 */
#ifndef MBEV_WORDS_H
#define MBEV_WORDS_H

#include "bytes.h"

#include <stdbool.h>
#include <stddef.h>

/* ---- writing: check with bytes_ok() at the end ---- */

/* Appends a word. One of no bytes would end the sentence. */
void words_add(struct bytes *out, const void *word, size_t len);

/* Ends the sentence. */
void words_end(struct bytes *out);

/* Log in. From RouterOS 6.43 on with the password itself; an older one
 * answers that with a challenge, as it does words_login_begin(): "!done" with
 * "ret". */
void words_login(struct bytes *out, const char *user, const char *password);
void words_login_begin(struct bytes *out);

/* The answer to a challenge of len hex digits. False, and nothing was
 * appended, when it is no challenge (16 bytes) or there is no MD5. */
bool words_login_response(struct bytes *out, const char *user,
    const char *password, const char *challenge, size_t len);

/* Ask for the PPP sessions of a login: a "!re" with ".id" and "name" for each
 * of them, then "!done". Of newer routers "!empty" before that when there are
 * none. */
void words_find(struct bytes *out, const char *login);

/* End a session by its ".id". */
void words_remove(struct bytes *out, const char *id);

/* ---- reading ---- */

enum {
    WORDS_LONGEST = 64 * 1024,  /* bytes of a word */
    WORDS_MOST = 64,            /* words of a sentence */
    WORDS_LARGEST = 256 * 1024, /* bytes of a sentence, lengths included */
};

/* Points into the bytes it was read from. */
struct sentence {
    size_t n;
    struct {
        const char *p;
        size_t len;
    } word[WORDS_MOST];
};

enum words_status {
    WORDS_MORE,     /* not yet all of it: read on, and ask again */
    WORDS_SENTENCE, /* s is the sentence, of *used bytes */
    WORDS_BROKEN,   /* beyond a bound, or not this protocol: close */
};

/* Reads the sentence that begins at p, where n bytes have arrived; s and used
 * say something only with WORDS_SENTENCE. A sentence may have no words at
 * all. With WORDS_LARGEST bytes there it never wants more. */
enum words_status
words_read(const char *p, size_t n, struct sentence *s, size_t *used);

/* True when the first word is this one. */
bool sentence_is(const struct sentence *s, const char *word);

/* The value of the first attribute of this name, len bytes without a NUL
 * behind them; NULL when there is none. */
const char *
sentence_value(const struct sentence *s, const char *name, size_t *len);

#endif
