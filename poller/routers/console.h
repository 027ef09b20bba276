/*
 * console: ending PPP sessions by the command line of a MikroTik router, as
 * SSH carries it: the line to run, and what the router printed about it.
 *
 * A name reaches the router as a quoted string in which only harmless
 * characters stand for themselves, so no name can become a command. The exit
 * status of a command line means nothing there, so the line prints its own
 * verdict for each name; what is not that verdict is nothing but words for
 * people.
 */
#ifndef MBEV_CONSOLE_H
#define MBEV_CONSOLE_H

#include "bytes.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    CONSOLE_LOGIN = 64,  /* bytes of a name at most */
    CONSOLE_LINE = 4000, /* a command line stays below: their limit is not
                            documented */
    CONSOLE_WORDS = 200, /* bytes of a router's words that are kept */
};

/* True when this can be the name of a PPP session: 1 to CONSOLE_LOGIN bytes,
 * no control character among them. The empty name would find sessions that
 * are nobody's. Otherwise why says what is wrong with it, without the name;
 * it is "" for a good one. */
bool console_accepts(const char *login, char *why, size_t size);

/* Appends the name as it stands between the quotes of a string: A-Z a-z 0-9
 * . _ - @ as they are, every other byte as a backslash and two hex digits in
 * upper case, since some in lower case mean something else. */
void console_add_login(struct bytes *out, const char *login);

/* Appends the command that ends every session of this name and prints
 * "MBEV-OK TAG N", N being how many there were, or "MBEV-ERR TAG". A name that
 * console_accepts() refuses makes the buffer fail. */
void console_add_block(struct bytes *out, const char *login, unsigned tag);

/* Puts the commands for as many of the n names as stay below CONSOLE_LINE
 * together into an empty buffer, as one line without a line end; the tags are
 * the places in the array. How many were put: at least 1 of n > 0. To be
 * checked with bytes_ok(). */
size_t console_build(struct bytes *out, const char *const *logins, size_t n);

enum console_state {
    CONSOLE_SILENT, /* nothing was said about this name */
    CONSOLE_ENDED,  /* ended, or 0 sessions: it was offline */
    CONSOLE_ERROR,  /* the router could not, or a session went meanwhile */
};

struct console_answer {
    enum console_state state;
    unsigned ended; /* sessions; below a million */
};

/* Reads len bytes that a router printed, of whatever kind, and sets all n
 * answers, tag by tag; of two answers for one tag the first counts. The other
 * lines, joined by "; ", go to words, CONSOLE_WORDS bytes of them at most, in
 * UTF-8 and without control characters. size > 0. With whole, nothing will
 * follow: then a last line without line end counts as well. */
void console_read(const char *output, size_t len, bool whole,
    struct console_answer *answer, size_t n, char *words, size_t size);

/* True when the words say that the router will refuse all such commands of
 * this user until somebody changes something there. */
bool console_is_refusal(const char *words);

#endif
