/* stream: see stream.h. */
#include "stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    MOST_OUT = 1 << 20,
    PIECE = 16 * 1024,
    MOST_PIECES = 64,
    MOST_AT_ONCE = 64 * 1024,
    COST_OF_READ = 32,
    LONGEST_WHY = 300
};

struct stream {
    int fd;
    SSL_CTX *context; /* NULL = plain */
    SSL *ssl;
    bool joined; /* TLS is agreed on */
    bool distrusted;
    bool tls_writes; /* TLS waits until it can write */
    long budget;     /* bytes that TLS may still read in this move */
    struct bytes out, in;
    size_t most_in;
    char why[LONGEST_WHY];
};

/* What came of one attempt to read or write. */
enum moved { MOVED_ON, MOVED_NOT, MOVED_NEVER };

static void
set_why(struct stream *s, const char *why)
{
    if (!s->why[0])
        snprintf(s->why, sizeof s->why, "%s", why);
}

static bool
name_host(SSL *ssl, const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];

    if (inet_pton(AF_INET, host, address) == 1 ||
        inet_pton(AF_INET6, host, address) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
    return SSL_set1_host(ssl, host) == 1 &&
           SSL_set_tlsext_host_name(ssl, host) == 1;
}

static bool
set_trust(struct stream *s, const struct stream_settings *set)
{
    if (set->tls == STREAM_ANONYMOUS)
        return SSL_CTX_set_max_proto_version(s->context, TLS1_2_VERSION) &&
               SSL_CTX_set_cipher_list(s->context, "ADH:@SECLEVEL=0") == 1;
    if (set->tls == STREAM_ANY)
        return true;
    SSL_CTX_set_verify(s->context, SSL_VERIFY_PEER, NULL);
    return *set->ca_file
               ? SSL_CTX_load_verify_file(s->context, set->ca_file) == 1
               : SSL_CTX_set_default_verify_paths(s->context) == 1;
}

/* Requests to shake hands are passed over in a single call as long as they
 * come: so what TLS gets in one move is bounded, and then it must wait as if
 * there were no more. */
static long
on_bio(BIO *bio, int op, const char *p, size_t size, int i, long l, int result,
    size_t *n)
{
    struct stream *s = (void *)BIO_get_callback_arg(bio);

    (void)p;
    (void)size;
    (void)i;
    (void)l;
    if (op == BIO_CB_READ && s->budget <= 0) {
        BIO_clear_retry_flags(bio);
        BIO_set_retry_read(bio);
        return -1;
    }
    if (op == (BIO_CB_READ | BIO_CB_RETURN))
        s->budget -= COST_OF_READ + (result > 0 ? (long)*n : 0);
    return result;
}

static void
begin_tls(struct stream *s, const struct stream_settings *set)
{
    s->context = SSL_CTX_new(TLS_client_method());
    if (!s->context || !set_trust(s, set))
        set_why(s, "TLS cannot be set up; see ca_file");
    else
        s->ssl = SSL_new(s->context);
    if (!s->ssl || SSL_set_fd(s->ssl, s->fd) != 1 ||
        (set->tls == STREAM_VERIFY && !name_host(s->ssl, set->host))) {
        set_why(s, "TLS cannot be set up for this host");
        s->distrusted = true;
        return;
    }
    BIO_set_callback_ex(SSL_get_rbio(s->ssl), on_bio);
    BIO_set_callback_arg(SSL_get_rbio(s->ssl), (char *)s);
    SSL_set_connect_state(s->ssl);
    /* Else a read goes on as long as something comes that is no data. */
    SSL_clear_mode(s->ssl, SSL_MODE_AUTO_RETRY);
    SSL_set_mode(s->ssl,
        SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

struct stream *
stream_open(int fd, const struct stream_settings *set)
{
    struct stream *s = calloc(1, sizeof *s);

    if (!s) {
        close(fd);
        return NULL;
    }
    s->fd = fd;
    s->out = bytes_make(MOST_OUT);
    s->in = bytes_make(set->most_in);
    s->most_in = set->most_in;
    if (set->tls != STREAM_PLAIN)
        begin_tls(s, set);
    return s;
}

void
stream_close(struct stream **s)
{
    if (!*s)
        return;
    SSL_free((*s)->ssl);
    SSL_CTX_free((*s)->context);
    close((*s)->fd);
    bytes_free(&(*s)->out);
    bytes_free(&(*s)->in);
    free(*s);
    *s = NULL;
}

int
stream_fd(const struct stream *s)
{
    return s->fd;
}

void
stream_send(struct stream *s, const struct bytes *what)
{
    bytes_add(&s->out, bytes_text(what), what->n);
}

/* --- TLS --------------------------------------------------------------- */

static void
set_tls_why(struct stream *s, int error)
{
    unsigned long code = ERR_get_error();
    const char *words = code ? ERR_reason_error_string(code) : NULL;
    long verdict = SSL_get_verify_result(s->ssl);
    char why[LONGEST_WHY];

    /* One that just goes, as a router that restarts, is no such thing. */
    s->distrusted = !s->joined && error == SSL_ERROR_SSL &&
                    ERR_GET_REASON(code) != SSL_R_UNEXPECTED_EOF_WHILE_READING;
    if (s->distrusted && verdict != X509_V_OK)
        words = X509_verify_cert_error_string(verdict);
    if (!words)
        words = error == SSL_ERROR_SYSCALL && errno ? strerror(errno)
                                                    : "it was closed";
    snprintf(why, sizeof why, "%s: %s",
        s->joined ? "the connection ended" : "TLS was not agreed on", words);
    set_why(s, why);
}

static enum moved
after_tls(struct stream *s, int rc)
{
    int error;

    if (rc > 0)
        return MOVED_ON;
    error = SSL_get_error(s->ssl, rc);
    if (error == SSL_ERROR_WANT_WRITE)
        s->tls_writes = true;
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return MOVED_NOT;
    set_tls_why(s, error);
    return MOVED_NEVER;
}

static enum moved
join_tls(struct stream *s)
{
    enum moved moved;

    if (!s->context || s->joined)
        return MOVED_ON;
    ERR_clear_error();
    errno = 0;
    moved = after_tls(s, SSL_do_handshake(s->ssl));
    s->joined = moved == MOVED_ON;
    return moved;
}

/* --- both -------------------------------------------------------------- */

static enum moved
after_socket(struct stream *s, ssize_t n)
{
    char why[LONGEST_WHY];

    if (n > 0)
        return MOVED_ON;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return MOVED_NOT;
    snprintf(why, sizeof why, "the connection ended: %s",
        n == 0 ? "it was closed" : strerror(errno));
    set_why(s, why);
    return MOVED_NEVER;
}

static enum moved
write_some(struct stream *s, size_t *n)
{
    ssize_t sent;

    ERR_clear_error();
    errno = 0;
    if (!s->context) {
        sent = send(s->fd, s->out.p, s->out.n, MSG_NOSIGNAL);
        *n = sent > 0 ? (size_t)sent : 0;
        return after_socket(s, sent);
    }
    return after_tls(s, SSL_write_ex(s->ssl, s->out.p, s->out.n, n));
}

static enum moved
read_some(struct stream *s, char *buf, size_t size, size_t *n)
{
    ssize_t got;

    ERR_clear_error();
    errno = 0;
    if (!s->context) {
        got = recv(s->fd, buf, size, 0);
        *n = got > 0 ? (size_t)got : 0;
        return after_socket(s, got);
    }
    return after_tls(s, SSL_read_ex(s->ssl, buf, size, n));
}

static void
drop_front(struct bytes *b, size_t n)
{
    memmove(b->p, b->p + n, b->n - n + 1);
    b->n -= n;
}

static void
send_all(struct stream *s)
{
    enum moved moved = MOVED_ON;
    size_t n;

    while (s->out.n > 0 && moved == MOVED_ON) {
        moved = write_some(s, &n);
        if (moved == MOVED_ON)
            drop_front(&s->out, n);
    }
}

static void
receive_all(struct stream *s)
{
    char buf[PIECE];
    size_t n;

    for (int i = 0;
         i < MOST_PIECES && read_some(s, buf, sizeof buf, &n) == MOVED_ON;
         i++) {
        if (s->in.n + n > s->most_in) {
            set_why(s, "it sends more than can be meant");
            return;
        }
        bytes_add(&s->in, buf, n);
    }
}

bool
stream_move(struct stream *s)
{
    enum moved joined;

    if (s->why[0])
        return false;
    s->tls_writes = false;
    s->budget = MOST_AT_ONCE;
    joined = join_tls(s);
    if (joined != MOVED_ON)
        return joined != MOVED_NEVER;
    if (!bytes_ok(&s->out))
        set_why(s, "out of memory");
    /* What came before the end is heard, also when nothing can be said any
     * more. */
    send_all(s);
    receive_all(s);
    return !s->why[0];
}

const struct bytes *
stream_in(const struct stream *s)
{
    return &s->in;
}

void
stream_take(struct stream *s, size_t n)
{
    if (n > 0)
        drop_front(&s->in, n);
}

unsigned
stream_wants(const struct stream *s)
{
    bool out = s->context && !s->joined ? s->tls_writes
                                        : s->tls_writes || s->out.n > 0;

    return EPOLLIN | (out ? EPOLLOUT : 0U);
}

const char *
stream_why(const struct stream *s)
{
    return s->why;
}

bool
stream_is_distrusted(const struct stream *s)
{
    return s->distrusted;
}
