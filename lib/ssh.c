/* ssh: see ssh.h. */
#include "ssh.h"

#include <errno.h>
#include <libssh2.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    LARGEST_OUTPUT = 64 * 1024,
    LONGEST_LIST = 1024,
    LONGEST_WHY = 512,
    MOST_ROUNDS = 100,
    MOST_AT_ONCE = 64 * 1024,
    MOST_IN_ALL = 256 * 1024,
    COST_OF_READ = 32,
    MOST_PROMPTS = 8,
    FINGERPRINT = 64,
    SHA256_BYTES = 32,
};

enum stage {
    STAGE_HANDSHAKE,
    STAGE_HOST_KEY,
    STAGE_METHODS,
    STAGE_KEY,
    STAGE_PASSWORD,
    STAGE_INTERACTIVE,
    STAGE_READY,
    STAGE_CHANNEL,
    STAGE_EXEC,
    STAGE_READ,
    STAGE_FREE,
    STAGE_FAILED,
    STAGES
};

struct ssh {
    struct ssh_settings set;
    ssize_t allowance; /* bytes that may still come for the login, or for the
                          command */
    bool shaken;       /* the handshake is over */
    bool flooded;      /* more than that came */
    bool closing;      /* nothing more is read */
    ssize_t budget;    /* bytes that may still be read in this step */
    int fd;
    LIBSSH2_SESSION *session;
    LIBSSH2_CHANNEL *channel;
    enum stage stage;
    struct bytes command;
    struct bytes output;
    struct bytes methods;  /* of logging in, as the server lists them */
    const char *preferred; /* our own fault: a list that is not accepted */
    unsigned prompts;      /* questions of the server that were answered */
    enum ssh_trouble trouble;
    char why[LONGEST_WHY];
};

static enum ssh_status fail(struct ssh *ssh, enum ssh_trouble trouble,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static enum ssh_status
fail(struct ssh *ssh, enum ssh_trouble trouble, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(ssh->why, sizeof ssh->why, fmt, ap);
    va_end(ap);
    ssh->trouble = trouble;
    ssh->stage = STAGE_FAILED;
    return SSH_FAILED;
}

static const char *
library_words(const struct ssh *ssh)
{
    char *words = NULL;

    libssh2_session_last_error(ssh->session, &words, NULL, 0);
    return words && *words ? words : "no reason given";
}

static enum ssh_status
fail_broken(struct ssh *ssh, const char *doing)
{
    return fail(ssh, SSH_BROKEN, "%s: %s", doing, library_words(ssh));
}

/* --- opening ----------------------------------------------------------- */

/* Whether an algorithm is one that the purpose wants first, or not at all. */
typedef bool wanted_alg(const char *alg, const char *by);

/* Appends those of the library's algorithms for which that holds, or for which
 * it does not. */
static void
add_algs(struct ssh *ssh, struct bytes *list, int method, wanted_alg *wanted,
    const char *by, bool holds)
{
    const char **has = NULL;
    int n = libssh2_session_supported_algs(ssh->session, method, &has);

    for (int i = 0; i < n; i++)
        if (wanted(has[i], by) == holds)
            bytes_printf(list, "%s%s", list->n ? "," : "", has[i]);
    if (has)
        libssh2_free(ssh->session, has);
}

static void
use_list(struct ssh *ssh, int method, struct bytes *list)
{
    if (bytes_ok(list) && list->n > 0)
        libssh2_session_method_pref(ssh->session, method, bytes_text(list));
    bytes_free(list);
}

/* One RSA key signs in several ways. */
static bool
is_of_type(const char *alg, const char *type)
{
    return strcmp(alg, type) == 0 ||
           (strcmp(type, "ssh-rsa") == 0 && strncmp(alg, "rsa-sha2-", 9) == 0);
}

/* The known type of key first: the server then shows that one, if it still has
 * it. A file that cannot be read is told of when the key is checked. */
static void
prefer_known_type(struct ssh *ssh)
{
    struct bytes list = bytes_make(LONGEST_LIST);
    const char *type;
    char why[256];

    known_hosts_refresh(ssh->set.known, why, sizeof why);
    type = known_hosts_type(ssh->set.known, ssh->set.host, ssh->set.port);
    if (type) {
        add_algs(ssh, &list, LIBSSH2_METHOD_HOSTKEY, is_of_type, type, true);
        add_algs(ssh, &list, LIBSSH2_METHOD_HOSTKEY, is_of_type, type, false);
    }
    use_list(ssh, LIBSSH2_METHOD_HOSTKEY, &list);
}

/* A group of 16384 bits, which a server may choose, takes more than a second
 * in a single call, in which everybody else waits. */
static bool
is_slow(const char *kex, const char *unused)
{
    (void)unused;
    return strstr(kex, "-group-exchange-") || strstr(kex, "-group16-") ||
           strstr(kex, "-group18-");
}

static void
leave_out_slow_kex(struct ssh *ssh)
{
    struct bytes list = bytes_make(LONGEST_LIST);

    add_algs(ssh, &list, LIBSSH2_METHOD_KEX, is_slow, NULL, false);
    use_list(ssh, LIBSSH2_METHOD_KEX, &list);
}

static void
prefer(struct ssh *ssh, int method, const char *list)
{
    if (*list && libssh2_session_method_pref(ssh->session, method, list) != 0)
        ssh->preferred = list;
}

static void
prefer_all(struct ssh *ssh)
{
    const struct ssh_settings *set = &ssh->set;

    if (*set->kex)
        prefer(ssh, LIBSSH2_METHOD_KEX, set->kex);
    else
        leave_out_slow_kex(ssh);
    prefer(ssh, LIBSSH2_METHOD_CRYPT_CS, set->ciphers);
    prefer(ssh, LIBSSH2_METHOD_CRYPT_SC, set->ciphers);
    prefer(ssh, LIBSSH2_METHOD_MAC_CS, set->macs);
    prefer(ssh, LIBSSH2_METHOD_MAC_SC, set->macs);
    if (*set->hostkeys)
        prefer(ssh, LIBSSH2_METHOD_HOSTKEY, set->hostkeys);
    else if (set->policy != SSH_ANY)
        prefer_known_type(ssh);
}

/* The library reads on as long as something comes, from a server that floods it
 * for ever: it would not return from a single call. So what it gets in one step
 * is bounded, and then it must wait as if there were no more. And it keeps
 * whatever nobody has asked for: so the whole is bounded, too. */
static ssize_t
receive(libssh2_socket_t fd, void *buf, size_t n, int flags, void **abstract)
{
    struct ssh *ssh = *abstract;
    ssize_t got;

    if (ssh->closing)
        return 0;
    ssh->flooded |= ssh->allowance <= 0;
    if (ssh->budget <= 0 || ssh->flooded)
        return -EAGAIN;
    got = recv(fd, buf, n, flags);
    /* It reads a banner byte by byte. */
    ssh->budget -= COST_OF_READ + (got > 0 ? got : 0);
    ssh->allowance -= got > 0 ? got : 0;
    return got < 0 ? -errno : got;
}

/* The library takes functions as pointers to anything. */
static void
set_receive(LIBSSH2_SESSION *session)
{
    ssize_t (*const function)(libssh2_socket_t, void *, size_t, int, void **) =
        receive;
    void *pointer;

    memcpy(&pointer, &function, sizeof pointer);
    libssh2_session_callback_set(session, LIBSSH2_CALLBACK_RECV, pointer);
}

struct ssh *
ssh_open(int fd, const struct ssh_settings *set)
{
    struct ssh *ssh = calloc(1, sizeof *ssh);

    if (!ssh) {
        close(fd);
        return NULL;
    }
    *ssh = (struct ssh){ .set = *set,
        .fd = fd,
        .command = bytes_make(LARGEST_OUTPUT),
        .output = bytes_make(LARGEST_OUTPUT),
        .methods = bytes_make(LONGEST_LIST),
        .allowance = MOST_IN_ALL };
    ssh->session = libssh2_session_init_ex(NULL, NULL, NULL, ssh);
    if (!ssh->session) {
        ssh_close(&ssh);
        return NULL;
    }
    libssh2_session_set_blocking(ssh->session, 0);
    set_receive(ssh->session);
    /* Several small packets for each command: each would wait for the answer to
     * the one before. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
    prefer_all(ssh);
    return ssh;
}

/* What the library has of a handshake that is not over it frees only when that
 * fails: not with the session. */
static void
end_handshake(struct ssh *ssh)
{
    for (int i = 0; i < MOST_ROUNDS; i++)
        if (libssh2_session_handshake(ssh->session, ssh->fd) !=
            LIBSSH2_ERROR_EAGAIN)
            return;
}

/* On a socket that is shut the library has nothing to wait for: everything is
 * freed, where else it would say "again" and keep it. */
void
ssh_close(struct ssh **ssh)
{
    LIBSSH2_SESSION *session;

    if (!*ssh)
        return;
    session = (*ssh)->session;
    (*ssh)->closing = true;
    if (session && (*ssh)->stage == STAGE_READY)
        libssh2_session_disconnect(session, "");
    shutdown((*ssh)->fd, SHUT_RDWR);
    if (session && !(*ssh)->shaken)
        end_handshake(*ssh);
    for (int i = 0; (*ssh)->channel && i < MOST_ROUNDS; i++)
        if (libssh2_channel_free((*ssh)->channel) != LIBSSH2_ERROR_EAGAIN)
            (*ssh)->channel = NULL;
    for (int i = 0; session && i < MOST_ROUNDS; i++)
        if (libssh2_session_free(session) != LIBSSH2_ERROR_EAGAIN)
            session = NULL;
    close((*ssh)->fd);
    bytes_free(&(*ssh)->command);
    bytes_free(&(*ssh)->output);
    bytes_free(&(*ssh)->methods);
    free(*ssh);
    *ssh = NULL;
}

static enum ssh_status
go_to(struct ssh *ssh, enum stage stage)
{
    ssh->stage = stage;
    return SSH_READY;
}

/* Whether the other side has closed the connection. */
static bool
is_closed(const struct ssh *ssh)
{
    char one;
    ssize_t n = recv(ssh->fd, &one, 1, MSG_PEEK | MSG_DONTWAIT);

    return n == 0 || (n < 0 && errno != EAGAIN);
}

/* What both have is in few words hard to say; the operator gets what there is
 * to compare. A connection that breaks while keys are exchanged is the same to
 * the library as keys that cannot be. */
static enum ssh_status
fail_handshake(struct ssh *ssh, int rc)
{
    const char *banner = libssh2_session_banner_get(ssh->session);

    if (rc == LIBSSH2_ERROR_KEY_EXCHANGE_FAILURE && is_closed(ssh))
        return fail(ssh, SSH_BROKEN, "it hung up while keys were exchanged");
    if (rc == LIBSSH2_ERROR_KEX_FAILURE ||
        rc == LIBSSH2_ERROR_KEY_EXCHANGE_FAILURE ||
        rc == LIBSSH2_ERROR_METHOD_NOT_SUPPORTED)
        return fail(ssh, SSH_NO_COMMON,
            "it (%.80s) and libssh2 %s agree on no algorithms: %s",
            banner ? banner : "no banner", libssh2_version(0),
            library_words(ssh));
    if (!banner)
        return fail(ssh, SSH_BROKEN, "no SSH server answers there: %s",
            library_words(ssh));
    return fail_broken(ssh, "the SSH handshake failed");
}

static enum ssh_status
handshake(struct ssh *ssh)
{
    int rc;

    if (ssh->preferred)
        return fail(ssh, SSH_OURS,
            "libssh2 %s has none of the algorithms in \"%.200s\"",
            libssh2_version(0), ssh->preferred);
    rc = libssh2_session_handshake(ssh->session, ssh->fd);
    if (rc == LIBSSH2_ERROR_EAGAIN)
        return SSH_WAITS;
    ssh->shaken = true;
    return rc ? fail_handshake(ssh, rc) : go_to(ssh, STAGE_HOST_KEY);
}

/* --- the server's key -------------------------------------------------- */

/* As ssh-keygen -l prints it. */
static void
print_fingerprint(struct ssh *ssh, char buf[FINGERPRINT])
{
    const char *hash =
        libssh2_hostkey_hash(ssh->session, LIBSSH2_HOSTKEY_HASH_SHA256);
    unsigned char text[FINGERPRINT] = "?";

    if (hash)
        EVP_EncodeBlock(text, (const unsigned char *)hash, SHA256_BYTES);
    text[strcspn((char *)text, "=")] = '\0';
    snprintf(buf, FINGERPRINT, "SHA256:%.50s", (char *)text);
}

static enum ssh_status
meet(struct ssh *ssh, const char *key, size_t len)
{
    char print[FINGERPRINT], why[256];

    print_fingerprint(ssh, print);
    if (ssh->set.policy == SSH_STRICT)
        return fail(ssh, SSH_KEY_UNKNOWN,
            "its key (%s) is not in %s, and host_key is strict", print,
            known_hosts_path(ssh->set.known));
    if (!known_hosts_add(ssh->set.known, ssh->set.host, ssh->set.port, key, len,
            why, sizeof why))
        return fail(ssh, SSH_OURS, "its key cannot be noted: %s", why);
    return go_to(ssh, STAGE_METHODS);
}

static enum ssh_status
fail_changed(struct ssh *ssh)
{
    char print[FINGERPRINT];

    print_fingerprint(ssh, print);
    return fail(ssh, SSH_KEY_CHANGED,
        "its key has changed: it shows %s, and %s has another", print,
        known_hosts_path(ssh->set.known));
}

static enum ssh_status
check_host_key(struct ssh *ssh)
{
    char why[256];
    size_t len = 0;
    int type = 0;
    const char *key = libssh2_session_hostkey(ssh->session, &len, &type);

    if (ssh->set.policy == SSH_ANY)
        return go_to(ssh, STAGE_METHODS);
    if (!key)
        return fail(ssh, SSH_BROKEN, "it shows no host key");
    if (!known_hosts_refresh(ssh->set.known, why, sizeof why))
        return fail(ssh, SSH_OURS, "known hosts cannot be read: %s", why);
    switch (known_hosts_check(
        ssh->set.known, ssh->set.host, ssh->set.port, key, len)) {
    case KNOWN_SAME:
        return go_to(ssh, STAGE_METHODS);
    case KNOWN_NOT:
        return meet(ssh, key, len);
    case KNOWN_OTHER:
        break;
    }
    return fail_changed(ssh);
}

/* --- logging in -------------------------------------------------------- */

/* Whether the server offers that way: a word of its comma list. */
static bool
offers(const struct ssh *ssh, const char *method)
{
    const char *list = bytes_text(&ssh->methods);
    size_t n = strlen(method);

    for (;; list++) {
        size_t word = strcspn(list, ",");

        if (word == n && strncmp(list, method, n) == 0)
            return true;
        list += word;
        if (!*list)
            return false;
    }
}

/* Ways of logging in, in the order in which they are tried. */
static const struct way {
    enum stage stage;
    const char *method;
} ways[] = {
    { STAGE_KEY, "publickey" },
    { STAGE_PASSWORD, "password" },
    { STAGE_INTERACTIVE, "keyboard-interactive" },
};

static bool
can_go(const struct ssh *ssh, const struct way *way)
{
    return offers(ssh, way->method) &&
           (way->stage != STAGE_KEY || *ssh->set.key_file);
}

/* The next way behind that stage, or none is left. */
static enum ssh_status
try_next(struct ssh *ssh)
{
    char last[LONGEST_WHY];

    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (ways[i].stage > ssh->stage && can_go(ssh, &ways[i]))
            return go_to(ssh, ways[i].stage);
    snprintf(last, sizeof last, "%s", ssh->why);
    return fail(ssh, SSH_REFUSED,
        "it refuses the login of user \"%.64s\""
        " (it offers: %.128s)%s%.128s",
        ssh->set.user, bytes_text(&ssh->methods), last[0] ? "; " : "", last);
}

static enum ssh_status
ask_methods(struct ssh *ssh)
{
    const char *user = ssh->set.user;
    const char *list =
        libssh2_userauth_list(ssh->session, user, (unsigned)strlen(user));

    if (list) {
        bytes_clear(&ssh->methods);
        bytes_str(&ssh->methods, list);
        return try_next(ssh);
    }
    if (libssh2_userauth_authenticated(ssh->session))
        return go_to(ssh, STAGE_READY);
    if (libssh2_session_last_errno(ssh->session) == LIBSSH2_ERROR_EAGAIN)
        return SSH_WAITS;
    return fail_broken(ssh, "it says nothing about logins");
}

static bool
is_gone(int rc)
{
    return rc == LIBSSH2_ERROR_SOCKET_SEND || rc == LIBSSH2_ERROR_SOCKET_RECV ||
           rc == LIBSSH2_ERROR_SOCKET_DISCONNECT ||
           rc == LIBSSH2_ERROR_SOCKET_TIMEOUT ||
           rc == LIBSSH2_ERROR_SOCKET_NONE;
}

/* After one way was tried. A server that has enough of wrong passwords hangs
 * up: that is a refusal, too. */
static enum ssh_status
after_way(struct ssh *ssh, int rc, const char *what)
{
    if (rc == LIBSSH2_ERROR_EAGAIN)
        return SSH_WAITS;
    if (rc == 0) {
        ssh->why[0] = '\0';
        return go_to(ssh, STAGE_READY);
    }
    snprintf(ssh->why, sizeof ssh->why, "%s: %.200s", what, library_words(ssh));
    if (is_gone(rc))
        return fail(ssh, SSH_REFUSED,
            "it hung up when user \"%.64s\" logged in (%s)", ssh->set.user,
            what);
    return try_next(ssh);
}

static enum ssh_status
log_in_by_key(struct ssh *ssh)
{
    const char *user = ssh->set.user;

    return after_way(ssh,
        libssh2_userauth_publickey_fromfile_ex(ssh->session, user,
            (unsigned)strlen(user), NULL, ssh->set.key_file, NULL),
        "key");
}

static enum ssh_status
log_in_by_password(struct ssh *ssh)
{
    const char *user = ssh->set.user, *password = ssh->set.password;

    return after_way(ssh,
        libssh2_userauth_password_ex(ssh->session, user, (unsigned)strlen(user),
            password, (unsigned)strlen(password), NULL),
        "password");
}

/* Each hidden question is answered with the password; the library frees the
 * answers. A server that goes on asking is given nothing. */
static void
answer_prompts(const char *name, int name_len, const char *instruction,
    int instruction_len, int n, const LIBSSH2_USERAUTH_KBDINT_PROMPT *prompts,
    LIBSSH2_USERAUTH_KBDINT_RESPONSE *responses, void **abstract)
{
    struct ssh *ssh = *abstract;

    (void)name;
    (void)name_len;
    (void)instruction;
    (void)instruction_len;
    for (int i = 0; i < n; i++) {
        bool known = !prompts[i].echo && ssh->prompts++ < MOST_PROMPTS;

        responses[i].text = strdup(known ? ssh->set.password : "");
        responses[i].length =
            responses[i].text ? (unsigned)strlen(responses[i].text) : 0;
    }
}

static enum ssh_status
log_in_by_answers(struct ssh *ssh)
{
    const char *user = ssh->set.user;

    return after_way(ssh,
        libssh2_userauth_keyboard_interactive_ex(
            ssh->session, user, (unsigned)strlen(user), answer_prompts),
        "keyboard-interactive");
}

/* --- a command --------------------------------------------------------- */

void
ssh_exec(struct ssh *ssh, const char *command)
{
    bytes_clear(&ssh->command);
    bytes_clear(&ssh->output);
    bytes_str(&ssh->command, command);
    ssh->allowance = MOST_IN_ALL;
    ssh->stage = STAGE_CHANNEL;
}

static enum ssh_status
open_channel(struct ssh *ssh)
{
    ssh->channel = libssh2_channel_open_session(ssh->session);
    if (ssh->channel)
        return go_to(ssh, STAGE_EXEC);
    if (libssh2_session_last_errno(ssh->session) == LIBSSH2_ERROR_EAGAIN)
        return SSH_WAITS;
    return fail_broken(ssh, "it opens no channel");
}

static enum ssh_status
begin_command(struct ssh *ssh)
{
    int rc = libssh2_channel_exec(ssh->channel, bytes_text(&ssh->command));

    if (rc == LIBSSH2_ERROR_EAGAIN)
        return SSH_WAITS;
    return rc ? fail_broken(ssh, "it takes no command")
              : go_to(ssh, STAGE_READ);
}

/* Reads what is there of one stream. */
static ssize_t
read_stream(struct ssh *ssh, int stream)
{
    char buf[4096];
    ssize_t n;

    while ((n = libssh2_channel_read_ex(
                ssh->channel, stream, buf, sizeof buf)) > 0) {
        bytes_add(&ssh->output, buf, (size_t)n);
        if (!bytes_ok(&ssh->output))
            break;
    }
    return n;
}

static enum ssh_status
read_output(struct ssh *ssh)
{
    ssize_t out = read_stream(ssh, 0);
    ssize_t err = read_stream(ssh, SSH_EXTENDED_DATA_STDERR);

    if (!bytes_ok(&ssh->output))
        return fail(ssh, SSH_TOO_MUCH, "its answer is longer than %d KiB",
            LARGEST_OUTPUT / 1024);
    if (libssh2_channel_eof(ssh->channel))
        return go_to(ssh, STAGE_FREE);
    if ((out < 0 && out != LIBSSH2_ERROR_EAGAIN) ||
        (err < 0 && err != LIBSSH2_ERROR_EAGAIN))
        return fail_broken(ssh, "the connection broke in its answer");
    return SSH_WAITS;
}

static enum ssh_status
free_channel(struct ssh *ssh)
{
    int rc = libssh2_channel_free(ssh->channel);

    if (rc == LIBSSH2_ERROR_EAGAIN)
        return SSH_WAITS;
    ssh->channel = NULL;
    return rc ? fail_broken(ssh, "the connection broke after its answer")
              : go_to(ssh, STAGE_READY);
}

/* --- the whole --------------------------------------------------------- */

static enum ssh_status (*const stages[STAGES])(struct ssh *) = {
    [STAGE_HANDSHAKE] = handshake,
    [STAGE_HOST_KEY] = check_host_key,
    [STAGE_METHODS] = ask_methods,
    [STAGE_KEY] = log_in_by_key,
    [STAGE_PASSWORD] = log_in_by_password,
    [STAGE_INTERACTIVE] = log_in_by_answers,
    [STAGE_CHANNEL] = open_channel,
    [STAGE_EXEC] = begin_command,
    [STAGE_READ] = read_output,
    [STAGE_FREE] = free_channel,
};

enum ssh_status
ssh_step(struct ssh *ssh)
{
    ssh->budget = MOST_AT_ONCE;
    while (stages[ssh->stage]) {
        enum ssh_status status = stages[ssh->stage](ssh);

        if (ssh->flooded && status != SSH_FAILED)
            return fail(ssh, SSH_TOO_MUCH, "it sends more than can be meant");
        if (status != SSH_READY)
            return status;
    }
    return ssh->stage == STAGE_FAILED ? SSH_FAILED : SSH_READY;
}

int
ssh_fd(const struct ssh *ssh)
{
    return ssh->fd;
}

unsigned
ssh_wants(const struct ssh *ssh)
{
    int blocks = libssh2_session_block_directions(ssh->session);

    if (ssh->stage == STAGE_READY || blocks == 0)
        return EPOLLIN;
    return (blocks & LIBSSH2_SESSION_BLOCK_INBOUND ? EPOLLIN : 0U) |
           (blocks & LIBSSH2_SESSION_BLOCK_OUTBOUND ? EPOLLOUT : 0U);
}

const struct bytes *
ssh_output(const struct ssh *ssh)
{
    return &ssh->output;
}

enum ssh_trouble
ssh_trouble(const struct ssh *ssh)
{
    return ssh->trouble;
}

const char *
ssh_why(const struct ssh *ssh)
{
    return ssh->why;
}
