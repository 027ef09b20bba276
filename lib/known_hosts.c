/* known_hosts: see known_hosts.h. */
#include "known_hosts.h"

#include "bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <libssh2.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SSH_PORT = 22,
    LONGEST_TYPE = 64,
    LONGEST_KEY = 16 * 1024,
    LONGEST_NAME = 300,
    LONGEST_LINE = 64 * 1024,
    HASH_LENGTH = 28, /* SHA-1 in Base64 */
};

struct known_hosts {
    char *path;
    LIBSSH2_SESSION *session; /* owns the memory of the collection */
    LIBSSH2_KNOWNHOSTS *hosts;
    struct stat seen;
    bool there;
    unsigned version;
};

void
known_hosts_close(struct known_hosts **known)
{
    if (!*known)
        return;
    if ((*known)->hosts)
        libssh2_knownhost_free((*known)->hosts);
    if ((*known)->session)
        libssh2_session_free((*known)->session);
    free((*known)->path);
    free(*known);
    *known = NULL;
}

struct known_hosts *
known_hosts_make(const char *path)
{
    struct known_hosts *known = calloc(1, sizeof *known);

    if (!known)
        return NULL;
    known->path = strdup(path);
    known->session = libssh2_session_init();
    if (known->session)
        known->hosts = libssh2_knownhost_init(known->session);
    if (!known->path || !known->hosts)
        known_hosts_close(&known);
    return known;
}

static bool
is_unchanged(const struct known_hosts *known, const struct stat *now)
{
    const struct stat *then = &known->seen;

    return known->there && then->st_ino == now->st_ino &&
           then->st_dev == now->st_dev && then->st_size == now->st_size &&
           then->st_mtim.tv_sec == now->st_mtim.tv_sec &&
           then->st_mtim.tv_nsec == now->st_mtim.tv_nsec;
}

static bool
forget_all(struct known_hosts *known)
{
    if (known->hosts)
        libssh2_knownhost_free(known->hosts);
    known->hosts = libssh2_knownhost_init(known->session);
    return known->hosts != NULL;
}

/* |1|SALT|HASH: the library loses memory with each look at a hash that is not
 * of just as many bytes; it passes over what is not Base64. */
static bool
is_spoilt_hash(const char *line, size_t name)
{
    static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *hash = name > 3 && strncmp(line, "|1|", 3) == 0
                           ? memchr(line + 3, '|', name - 3)
                           : NULL;

    return hash && (line + name - hash - 1 != HASH_LENGTH ||
                       strspn(hash + 1, base64) != HASH_LENGTH - 1 ||
                       hash[HASH_LENGTH] != '=');
}

/* The library wants the end of the line, which the last need not have, and LF
 * alone; and it takes a name of one or two bytes for a hashed one, but not two
 * such names. */
static void
take_line(struct known_hosts *known, const char *line, size_t n)
{
    static const char blanks[] = " \t";
    struct bytes whole = bytes_make(LONGEST_LINE);
    size_t name;

    while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
        n--;
    for (; n > 0 && strchr(blanks, *line); n--)
        line++;
    name = strcspn(line, blanks);
    if (name == 1 || name == 2)
        bytes_printf(&whole, "%.*s,", (int)name, line);
    bytes_add(&whole, line, n);
    bytes_chr(&whole, '\n');
    if (bytes_ok(&whole) && !is_spoilt_hash(line, name))
        libssh2_knownhost_readline(
            known->hosts, whole.p, whole.n, LIBSSH2_KNOWNHOST_FILE_OPENSSH);
    bytes_free(&whole);
}

/* Lines that are no entries are left out, as ssh(1) does: blank ones, comments,
 * and keys of a type that this library does not have. A line that is left out
 * because memory ran out, which only errno tells, would make its host a new
 * one. */
static bool
read_all(struct known_hosts *known)
{
    FILE *file = fopen(known->path, "re");
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    bool good;

    if (!file)
        return false;
    errno = 0;
    while ((n = getline(&line, &room, file)) > 0)
        take_line(known, line, (size_t)n);
    good = !ferror(file) && errno != ENOMEM;
    free(line);
    fclose(file);
    return good;
}

bool
known_hosts_refresh(struct known_hosts *known, char *why, size_t size)
{
    struct stat now;
    bool there = stat(known->path, &now) == 0;

    if (!there && errno != ENOENT) {
        snprintf(why, size, "%s: %s", known->path, strerror(errno));
        return false;
    }
    if (there ? is_unchanged(known, &now) : !known->there && known->version)
        return true;
    known->there = there;
    known->version++;
    if (!forget_all(known)) {
        snprintf(why, size, "out of memory");
        return false;
    }
    if (there && !read_all(known)) {
        known->there = false;
        snprintf(why, size, "%s: %s", known->path, strerror(errno));
        return false;
    }
    if (there)
        known->seen = now;
    return true;
}

unsigned
known_hosts_version(const struct known_hosts *known)
{
    return known->version;
}

const char *
known_hosts_path(const struct known_hosts *known)
{
    return known->path;
}

void
known_hosts_name(char *buf, size_t size, const char *host, int port)
{
    if (port == SSH_PORT)
        snprintf(buf, size, "%s", host);
    else
        snprintf(buf, size, "[%s]:%d", host, port);
}

/* Of a host with several keys each is compared: one that is the same counts.
 * The type of the key is not given, so that any key of the host is found. */
static enum known
compare(struct known_hosts *known, const char *host, int port, const char *key,
    size_t len, struct libssh2_knownhost **entry)
{
    /* Out of memory: nobody may be taken for new. */
    if (!known->hosts)
        return KNOWN_OTHER;
    switch (libssh2_knownhost_checkp(known->hosts, host, port, key, len,
        LIBSSH2_KNOWNHOST_TYPE_PLAIN | LIBSSH2_KNOWNHOST_KEYENC_RAW, entry)) {
    case LIBSSH2_KNOWNHOST_CHECK_MATCH:
        return KNOWN_SAME;
    case LIBSSH2_KNOWNHOST_CHECK_NOTFOUND:
        return KNOWN_NOT;
    default:
        return KNOWN_OTHER;
    }
}

/* Without a port the library compares the name as it stands in the file. With
 * one, any key of the host would do, also where this port has its own. */
static enum known
look_up(struct known_hosts *known, const char *host, int port, const char *key,
    size_t len, struct libssh2_knownhost **entry)
{
    char name[LONGEST_NAME];
    enum known found;

    if (port == SSH_PORT)
        return compare(known, host, port, key, len, entry);
    known_hosts_name(name, sizeof name, host, port);
    found = compare(known, name, -1, key, len, entry);
    return found == KNOWN_NOT ? compare(known, host, -1, key, len, entry)
                              : found;
}

enum known
known_hosts_check(struct known_hosts *known, const char *host, int port,
    const char *key, size_t len)
{
    struct libssh2_knownhost *entry = NULL;

    return look_up(known, host, port, key, len, &entry);
}

const char *
known_hosts_type(struct known_hosts *known, const char *host, int port)
{
    static const struct {
        int mask;
        const char *name;
    } types[] = {
        { LIBSSH2_KNOWNHOST_KEY_SSHRSA, "ssh-rsa" },
        { LIBSSH2_KNOWNHOST_KEY_SSHDSS, "ssh-dss" },
        { LIBSSH2_KNOWNHOST_KEY_ECDSA_256, "ecdsa-sha2-nistp256" },
        { LIBSSH2_KNOWNHOST_KEY_ECDSA_384, "ecdsa-sha2-nistp384" },
        { LIBSSH2_KNOWNHOST_KEY_ECDSA_521, "ecdsa-sha2-nistp521" },
        { LIBSSH2_KNOWNHOST_KEY_ED25519, "ssh-ed25519" },
    };
    struct libssh2_knownhost *entry = NULL;

    /* No key is this one. */
    if (look_up(known, host, port, "?", 1, &entry) == KNOWN_NOT || !entry)
        return NULL;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if ((entry->typemask & LIBSSH2_KNOWNHOST_KEY_MASK) == types[i].mask)
            return types[i].name;
    return NULL;
}

/* Nothing that could become another part of the line. */
static bool
is_word(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] <= ' ' || p[i] > '~')
            return false;
    return n > 0;
}

/* HOST TYPE KEY, the type being the first string inside the key. */
static bool
add_line(
    struct bytes *line, const char *host, int port, const char *key, size_t len)
{
    const unsigned char *k = (const unsigned char *)key;
    size_t n = len < 4 || k[0] || k[1] ? 0 : (size_t)k[2] << 8 | k[3];
    char *text = malloc(4 * (len / 3 + 1) + 1);
    char name[LONGEST_NAME];

    if (!text || n > LONGEST_TYPE || n + 4 > len || len > LONGEST_KEY ||
        !is_word(key + 4, n)) {
        free(text);
        return false;
    }
    EVP_EncodeBlock((unsigned char *)text, k, (int)len);
    known_hosts_name(name, sizeof name, host, port);
    bytes_printf(line, "%s %.*s %s\n", name, (int)n, key + 4, text);
    free(text);
    return bytes_ok(line);
}

/* Somebody's editor may have left the last line without an end. */
static bool
ends_in_a_line(int fd)
{
    off_t n = lseek(fd, 0, SEEK_END);
    char last = '\n';

    return n <= 0 || pread(fd, &last, 1, n - 1) != 1 || last == '\n';
}

/* One write, so that a line is there whole or not at all. */
static bool
append(const char *path, const struct bytes *line)
{
    int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    struct bytes whole = bytes_make(line->n + 1);
    bool good;

    if (fd < 0)
        return false;
    if (!ends_in_a_line(fd))
        bytes_chr(&whole, '\n');
    bytes_add(&whole, line->p, line->n);
    good = write(fd, bytes_text(&whole), whole.n) == (ssize_t)whole.n &&
           bytes_ok(&whole);
    bytes_free(&whole);
    return close(fd) == 0 && good;
}

bool
known_hosts_add(struct known_hosts *known, const char *host, int port,
    const char *key, size_t len, char *why, size_t size)
{
    struct bytes line = bytes_make(4 * LONGEST_KEY);
    unsigned version = known->version;
    bool good = add_line(&line, host, port, key, len);

    if (!good)
        snprintf(why, size, "the key cannot be read");
    else if (!(good = append(known->path, &line)))
        snprintf(why, size, "%s: %s", known->path, strerror(errno));
    bytes_free(&line);
    if (!good || !known_hosts_refresh(known, why, size))
        return false;
    /* Nobody has changed it but we. */
    known->version = version;
    return true;
}
