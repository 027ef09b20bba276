/*
 * stream: bytes both ways, plain and in TLS. The other end is this program
 * itself, between two calls of stream_move(); its certificates are made here.
 */
#include "unit.h"

#include "clock.h"
#include "stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

enum { MOST_IN = 1 << 20, LARGE = 600000, DAY_S = 86400 };

/* ---- certificates ---- */

struct identity {
    EVP_PKEY *key;
    X509 *cert;
};

static void
extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509_EXTENSION *extension;

    X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(cert, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

/* names: "IP:127.0.0.1,DNS:router"; NULL = an authority. by: who signs it;
 * NULL = itself. */
static struct identity
identity(const struct identity *by, const char *names, long from_s, long to_s)
{
    struct identity id = { EVP_EC_gen("P-256"), X509_new() };
    X509_NAME *name = X509_get_subject_name(id.cert);

    assert_non_null(id.key);
    X509_set_version(id.cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(id.cert), names ? 2 : 1);
    X509_gmtime_adj(X509_getm_notBefore(id.cert), from_s);
    X509_gmtime_adj(X509_getm_notAfter(id.cert), to_s);
    X509_set_pubkey(id.cert, id.key);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
        (const unsigned char *)(names ? "router" : "authority"), -1, -1, 0);
    X509_set_issuer_name(id.cert, by ? X509_get_subject_name(by->cert) : name);
    extend(id.cert, by ? by->cert : id.cert, NID_basic_constraints,
        names ? "CA:FALSE" : "critical,CA:TRUE");
    if (names)
        extend(id.cert, id.cert, NID_subject_alt_name, names);
    assert_true(X509_sign(id.cert, by ? by->key : id.key, EVP_sha256()) > 0);
    return id;
}

static void
drop_identity(struct identity *id)
{
    EVP_PKEY_free(id->key);
    X509_free(id->cert);
    *id = (struct identity){ .cert = NULL };
}

/* Writes the certificate to a file that can be a ca_file. */
static struct temp
ca_file_of(const struct identity *id)
{
    struct temp temp = temp_text("");
    FILE *file = fopen(temp.path, "w");

    assert_non_null(file);
    assert_int_equal(PEM_write_X509(file, id->cert), 1);
    assert_int_equal(fclose(file), 0);
    return temp;
}

/* ---- the other end ---- */

struct scene {
    struct identity authority, other; /* the other is not in the ca_file */
    struct temp ca_file;
    struct identity id;
    int fd;       /* the other end; -1 = it is closed */
    SSL_CTX *tls; /* NULL = plain */
    SSL *ssl;
    bool joined, ended;
    struct bytes got;  /* at the other end */
    struct bytes send; /* left to be sent from there */
    size_t piece;      /* so many bytes at a time */
    struct stream *stream;
};

static int
make_authorities(void **state)
{
    static struct scene scene;

    scene.authority = identity(NULL, NULL, -DAY_S, DAY_S);
    scene.other = identity(NULL, NULL, -DAY_S, DAY_S);
    scene.ca_file = ca_file_of(&scene.authority);
    *state = &scene;
    return 0;
}

static int
drop_authorities(void **state)
{
    struct scene *s = *state;

    drop_identity(&s->authority);
    drop_identity(&s->other);
    unlink(s->ca_file.path);
    return 0;
}

static void
hang_up(struct scene *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

static int
set_up(void **state)
{
    struct scene *s = *state;

    s->fd = -1;
    s->got = bytes_make(4 * MOST_IN);
    s->send = bytes_make(4 * MOST_IN);
    s->piece = 4096;
    s->joined = s->ended = false;
    return 0;
}

static int
tear_down(void **state)
{
    struct scene *s = *state;

    stream_close(&s->stream);
    assert_null(s->stream);
    hang_up(s);
    SSL_free(s->ssl);
    SSL_CTX_free(s->tls);
    s->ssl = NULL;
    s->tls = NULL;
    drop_identity(&s->id);
    bytes_free(&s->got);
    bytes_free(&s->send);
    ERR_clear_error();
    return 0;
}

static void
open_with(struct scene *s, const struct stream_settings *set)
{
    int fd[2];

    assert_int_equal(
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
    s->fd = fd[1];
    s->stream = stream_open(fd[0], set);
    assert_non_null(s->stream);
    assert_int_equal(stream_fd(s->stream), fd[0]);
    if (s->ssl)
        assert_int_equal(SSL_set_fd(s->ssl, s->fd), 1);
}

static void
open_plain(struct scene *s)
{
    const struct stream_settings set = { .tls = STREAM_PLAIN,
        .host = "127.0.0.1",
        .ca_file = "",
        .most_in = MOST_IN };

    open_with(s, &set);
}

static void
open_tls(struct scene *s, enum stream_tls tls, const char *host)
{
    const struct stream_settings set = {
        .tls = tls, .host = host, .ca_file = s->ca_file.path, .most_in = MOST_IN
    };

    open_with(s, &set);
}

/* The other end speaks TLS from now on; to be made before the stream. */
static void
speak_tls(struct scene *s)
{
    s->tls = SSL_CTX_new(TLS_server_method());
    assert_non_null(s->tls);
    if (s->id.cert) {
        assert_int_equal(SSL_CTX_use_certificate(s->tls, s->id.cert), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey(s->tls, s->id.key), 1);
    } else {
        assert_int_equal(SSL_CTX_set_cipher_list(s->tls, "ADH:@SECLEVEL=0"), 1);
        SSL_CTX_set_max_proto_version(s->tls, TLS1_2_VERSION);
        SSL_CTX_set_dh_auto(s->tls, 1);
    }
    s->ssl = SSL_new(s->tls);
    assert_non_null(s->ssl);
    SSL_set_accept_state(s->ssl);
    SSL_set_mode(s->ssl,
        SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

static void
be(struct scene *s, const struct identity *by, const char *names)
{
    s->id = identity(by, names, -DAY_S, DAY_S);
    speak_tls(s);
}

static ssize_t
send_piece(struct scene *s, const char *p, size_t n)
{
    size_t sent = 0;

    if (!s->ssl)
        return send(s->fd, p, n, MSG_NOSIGNAL);
    return SSL_write_ex(s->ssl, p, n, &sent) == 1 ? (ssize_t)sent : -1;
}

static ssize_t
take_piece(struct scene *s, char *p, size_t n)
{
    size_t got = 0;
    int rc;

    if (!s->ssl)
        return recv(s->fd, p, n, 0);
    rc = SSL_read_ex(s->ssl, p, n, &got);
    if (rc == 1)
        return (ssize_t)got;
    rc = SSL_get_error(s->ssl, rc);
    return rc == SSL_ERROR_WANT_READ || rc == SSL_ERROR_WANT_WRITE ? -1 : 0;
}

/* A turn of the other end: sends a piece, and takes what is there. */
static void
serve(struct scene *s)
{
    char some[8192];
    ssize_t n;

    if (s->fd < 0)
        return;
    ERR_clear_error();
    if (s->ssl && !s->joined) {
        s->joined = SSL_do_handshake(s->ssl) == 1;
        if (!s->joined)
            return;
    }
    n = s->send.n < s->piece ? (ssize_t)s->send.n : (ssize_t)s->piece;
    if (n > 0)
        n = send_piece(s, s->send.p, (size_t)n);
    if (n > 0) {
        memmove(s->send.p, s->send.p + n, s->send.n - (size_t)n);
        s->send.n -= (size_t)n;
    }
    while ((n = take_piece(s, some, sizeof some)) > 0)
        bytes_add(&s->got, some, (size_t)n);
    s->ended |= n == 0;
}

static void
say(struct scene *s, const char *text, size_t n)
{
    struct bytes what = bytes_make(n);

    bytes_add(&what, text, n);
    stream_send(s->stream, &what);
    bytes_free(&what);
}

/* Turns of both, until the other end has so much, and the stream so much. */
static void
turn_until(struct scene *s, size_t there, size_t here)
{
    for (int i = 0; i < 1000000; i++) {
        if (!stream_move(s->stream))
            fail_msg("ended: %s", stream_why(s->stream));
        if (s->got.n >= there && stream_in(s->stream)->n >= here)
            return;
        serve(s);
    }
    fail_msg("%zu of %zu bytes there, %zu of %zu here", s->got.n, there,
        stream_in(s->stream)->n, here);
}

static void
assert_here(struct scene *s, const char *want)
{
    expect_text("here", bytes_text(stream_in(s->stream)), want);
}

/* It ends within some turns, and says so again and again. */
static void
assert_ends(struct scene *s, const char *why)
{
    int i;

    for (i = 0; i < 1000 && stream_move(s->stream); i++)
        serve(s);
    if (i == 1000)
        fail_msg("it does not end with: %s", why);
    if (!strstr(stream_why(s->stream), why))
        fail_msg("\"%s\" instead of \"%s\"", stream_why(s->stream), why);
    assert_false(stream_move(s->stream));
    assert_non_null(strstr(stream_why(s->stream), why));
}

/* It ends for that reason, and nothing that was to be sent had left it. */
static void
assert_distrusted(struct scene *s, const char *why)
{
    say(s, "secret", 6);
    assert_ends(s, why);
    assert_true(stream_is_distrusted(s->stream));
    serve(s);
    assert_int_equal(s->got.n, 0);
}

static void
fill(struct bytes *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        bytes_chr(b, (char)(i * 31 + i / 251));
    assert_true(bytes_ok(b));
}

/* Much of it goes both ways at the same time, in small pieces. */
static void
exchange_much(struct scene *s)
{
    struct bytes data = bytes_make(LARGE);
    int small = 4096;

    setsockopt(s->fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    setsockopt(
        stream_fd(s->stream), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    fill(&data, LARGE);
    fill(&s->send, LARGE);
    s->piece = 1021;
    for (size_t i = 0; i < LARGE; i += 30000)
        say(s, data.p + i, 30000);
    turn_until(s, LARGE, LARGE);
    assert_int_equal(s->got.n, LARGE);
    assert_memory_equal(s->got.p, data.p, LARGE);
    assert_int_equal(stream_in(s->stream)->n, LARGE);
    assert_memory_equal(stream_in(s->stream)->p, data.p, LARGE);
    bytes_free(&data);
}

/* ---- plain ---- */

static void
bytes_go_both_ways(void **state)
{
    struct scene *s = *state;

    open_plain(s);
    say(s, RAW("a\0b"));
    bytes_add(&s->send, RAW("c\0d"));
    turn_until(s, 3, 3);
    assert_memory_equal(s->got.p, "a\0b", 3);
    assert_memory_equal(stream_in(s->stream)->p, "c\0d", 4);
    assert_string_equal(stream_why(s->stream), "");
    assert_false(stream_is_distrusted(s->stream));
}

static void
single_bytes_are_put_together(void **state)
{
    struct scene *s = *state;

    open_plain(s);
    s->piece = 1;
    bytes_str(&s->send, "one byte at a time");
    turn_until(s, 0, s->send.n);
    assert_here(s, "one byte at a time");
}

static void
much_goes_both_ways(void **state)
{
    struct scene *s = *state;

    open_plain(s);
    exchange_much(s);
}

static void
what_was_taken_is_gone(void **state)
{
    struct scene *s = *state;

    open_plain(s);
    stream_take(s->stream, 0);
    bytes_str(&s->send, "abcdef");
    turn_until(s, 0, 6);
    stream_take(s->stream, 0);
    assert_here(s, "abcdef");
    stream_take(s->stream, 2);
    assert_here(s, "cdef");
    bytes_str(&s->send, "g");
    turn_until(s, 0, 5);
    assert_here(s, "cdefg");
    stream_take(s->stream, 5);
    assert_here(s, "");
    assert_int_equal(stream_in(s->stream)->n, 0);
}

static void
it_never_waits(void **state)
{
    struct scene *s = *state;
    int64_t begun_us = clock_boot_us();

    open_plain(s);
    for (int i = 0; i < 100; i++)
        assert_true(stream_move(s->stream));
    assert_int_equal(stream_wants(s->stream), EPOLLIN);
    for (int i = 0; i < 10; i++) {
        static char much[100000];

        say(s, much, sizeof much);
        assert_true(stream_move(s->stream));
    }
    assert_int_equal(stream_wants(s->stream), EPOLLIN | EPOLLOUT);
    assert_true(clock_boot_us() - begun_us < 2000000);
    turn_until(s, 1000000, 0);
    assert_int_equal(stream_wants(s->stream), EPOLLIN);
}

static void
one_that_closes_ends_it_after_what_it_said(void **state)
{
    struct scene *s = *state;

    open_plain(s);
    assert_int_equal(send(s->fd, "good-bye", 8, 0), 8);
    hang_up(s);
    assert_ends(s, "the connection ended: it was closed");
    assert_here(s, "good-bye");
    assert_false(stream_is_distrusted(s->stream));
}

/* ... also by the signal that ends a program. */
static void
what_cannot_be_sent_is_no_signal(void **state)
{
    struct scene *s = *state;

    open_plain(s);
    hang_up(s);
    say(s, "x", 1);
    assert_ends(s, "the connection ended: ");
}

static void
a_connection_may_be_broken_off(void **state)
{
    const struct stream_settings set = { .ca_file = "", .most_in = MOST_IN };
    const struct linger at_once = { .l_onoff = 1 };
    struct sockaddr_in at = { .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof at;
    struct scene *s = *state;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &n), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    s->fd = accept(listener, NULL, NULL);
    close(listener);
    s->stream = stream_open(fd, &set);
    assert_non_null(s->stream);
    assert_true(stream_move(s->stream));
    setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    hang_up(s);
    assert_ends(s, "the connection ended: Connection reset by peer");
}

static void
more_than_can_be_meant_ends_it(void **state)
{
    const struct stream_settings set = { .ca_file = "", .most_in = 10 };
    struct scene *s = *state;

    open_with(s, &set);
    assert_int_equal(send(s->fd, "0123456789", 10, 0), 10);
    assert_true(stream_move(s->stream));
    assert_here(s, "0123456789");
    stream_take(s->stream, 4);
    assert_int_equal(send(s->fd, "abcd", 4, 0), 4);
    assert_true(stream_move(s->stream));
    assert_here(s, "456789abcd");
    assert_int_equal(send(s->fd, "e", 1, 0), 1);
    assert_ends(s, "it sends more than can be meant");
    assert_here(s, "456789abcd");
    assert_false(stream_is_distrusted(s->stream));
}

static void
more_than_fits_to_be_sent_ends_it(void **state)
{
    struct scene *s = *state;
    static char much[1 << 19];

    open_plain(s);
    say(s, much, sizeof much);
    say(s, much, sizeof much);
    say(s, much, 1);
    assert_false(stream_move(s->stream));
    assert_string_equal(stream_why(s->stream), "out of memory");
}

static void
closing_ends_the_connection(void **state)
{
    struct scene *s = *state;
    int fd;

    open_plain(s);
    fd = stream_fd(s->stream);
    stream_close(&s->stream);
    assert_null(s->stream);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    serve(s);
    assert_true(s->ended);
    stream_close(&s->stream);
}

/* ---- a certificate that is good ---- */

static void
a_good_certificate_is_trusted(void **state)
{
    static const struct {
        const char *names, *host;
    } rows[] = {
        { "IP:127.0.0.1", "127.0.0.1" },
        { "DNS:a,IP:10.0.0.1,IP:127.0.0.1", "127.0.0.1" },
        { "IP:::1", "::1" },
        { "DNS:router.example.net", "router.example.net" },
        { "DNS:*.example.net", "router.example.net" },
    };
    struct scene *s = *state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        be(s, &s->authority, rows[i].names);
        open_tls(s, STREAM_VERIFY, rows[i].host);
        say(s, "hello", 5);
        bytes_str(&s->send, "welcome");
        turn_until(s, 5, 7);
        assert_string_equal(bytes_text(&s->got), "hello");
        assert_here(s, "welcome");
        assert_false(stream_is_distrusted(s->stream));
        tear_down(state);
        set_up(state);
    }
}

static void
much_goes_both_ways_in_tls(void **state)
{
    struct scene *s = *state;

    be(s, &s->authority, "IP:127.0.0.1");
    open_tls(s, STREAM_VERIFY, "127.0.0.1");
    exchange_much(s);
}

static void
tls_never_waits(void **state)
{
    struct scene *s = *state;
    int64_t begun_us = clock_boot_us();

    be(s, &s->authority, "IP:127.0.0.1");
    open_tls(s, STREAM_VERIFY, "127.0.0.1");
    say(s, "hello", 5);
    for (int i = 0; i < 100; i++)
        assert_true(stream_move(s->stream));
    /* What waits until it may be said does not wait for the socket. */
    assert_int_equal(stream_wants(s->stream), EPOLLIN);
    assert_true(clock_boot_us() - begun_us < 2000000);
    turn_until(s, 5, 0);
    assert_int_equal(stream_wants(s->stream), EPOLLIN);
}

static void
a_good_bye_in_tls_ends_it_after_what_was_said(void **state)
{
    struct scene *s = *state;

    be(s, &s->authority, "IP:127.0.0.1");
    open_tls(s, STREAM_VERIFY, "127.0.0.1");
    say(s, "x", 1);
    turn_until(s, 1, 0);
    assert_int_equal(SSL_write(s->ssl, "good-bye", 8), 8);
    SSL_shutdown(s->ssl);
    hang_up(s);
    assert_ends(s, "the connection ended: it was closed");
    assert_here(s, "good-bye");
    assert_false(stream_is_distrusted(s->stream));
}

static void
the_end_of_an_agreed_connection_is_no_distrust(void **state)
{
    struct scene *s = *state;

    be(s, &s->authority, "IP:127.0.0.1");
    open_tls(s, STREAM_VERIFY, "127.0.0.1");
    say(s, "x", 1);
    turn_until(s, 1, 0);
    hang_up(s);
    assert_ends(s, "the connection ended: ");
    assert_false(stream_is_distrusted(s->stream));
}

static void
garbage_in_tls_ends_it(void **state)
{
    struct scene *s = *state;

    be(s, &s->authority, "IP:127.0.0.1");
    open_tls(s, STREAM_VERIFY, "127.0.0.1");
    say(s, "x", 1);
    turn_until(s, 1, 0);
    assert_int_equal(
        send(s->fd, "0123456789012345678901234567890123456789", 40, 0), 40);
    assert_ends(s, "the connection ended: ");
    assert_false(stream_is_distrusted(s->stream));
}

static void
more_than_can_be_meant_ends_tls_as_well(void **state)
{
    const struct stream_settings set = {
        .tls = STREAM_ANY, .host = "127.0.0.1", .ca_file = "", .most_in = 1000
    };
    struct scene *s = *state;

    be(s, &s->other, "IP:127.0.0.1");
    open_with(s, &set);
    fill(&s->send, 1001);
    assert_ends(s, "it sends more than can be meant");
}

/* ---- what comes without end ---- */

/* Bytes that nobody has looked at yet. */
static int
unread(const struct scene *s)
{
    int n = 0;

    assert_int_equal(ioctl(stream_fd(s->stream), FIONREAD, &n), 0);
    return n;
}

static int
renew_keys(SSL *ssl)
{
    return SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED);
}

/* One look at it takes a part; all of it does no harm. */
static void
messages_of_tls_are_taken_by_and_by(void **state)
{
    static int (*const kinds[])(SSL *) = { renew_keys, SSL_new_session_ticket };
    struct scene *s = *state;

    for (size_t i = 0; i < COUNT(kinds); i++) {
        be(s, &s->authority, "IP:127.0.0.1");
        open_tls(s, STREAM_VERIFY, "127.0.0.1");
        say(s, "x", 1);
        turn_until(s, 1, 0);
        for (int n = 0;
             n < 200 && kinds[i](s->ssl) == 1 && SSL_do_handshake(s->ssl) == 1;
             n++)
            ;
        assert_true(stream_move(s->stream));
        assert_true(unread(s) > 0);
        for (int n = 0; n < 1000 && unread(s) > 0; n++)
            assert_true(stream_move(s->stream));
        ERR_clear_error();
        bytes_str(&s->send, "on");
        turn_until(s, 1, 2);
        assert_here(s, "on");
        tear_down(state);
        set_up(state);
    }
}

/* A client has to pass over them, as long as it shakes hands. */
static void
requests_to_shake_hands_are_taken_by_and_by(void **state)
{
    static const unsigned char head[] = { 22, 3, 3, 0x40, 0 };
    static char record[sizeof head + 0x4000];
    struct scene *s = *state;

    memcpy(record, head, sizeof head);
    open_tls(s, STREAM_VERIFY, "127.0.0.1");
    assert_true(stream_move(s->stream));
    for (int n = 0; n < 10; n++)
        send(s->fd, record, sizeof record, MSG_NOSIGNAL);
    assert_true(unread(s) > 0);
    assert_true(stream_move(s->stream));
    assert_true(unread(s) > 0);
}

/* ---- one that is not ---- */

static void
a_certificate_of_somebody_else_is_not_trusted(void **state)
{
    static const struct {
        const char *names, *host, *why;
    } rows[] = {
        { "IP:127.0.0.2", "127.0.0.1", "IP address mismatch" },
        { "DNS:127.0.0.1", "127.0.0.1", "IP address mismatch" },
        { "DNS:localhost", "127.0.0.1", "IP address mismatch" },
        { "IP:127.0.0.1", "::1", "IP address mismatch" },
        { "DNS:other.example.net", "router.example.net", "ostname mismatch" },
        { "IP:127.0.0.1", "router.example.net", "ostname mismatch" },
        { "DNS:example.net", "router.example.net", "ostname mismatch" },
    };
    struct scene *s = *state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        be(s, &s->authority, rows[i].names);
        open_tls(s, STREAM_VERIFY, rows[i].host);
        assert_distrusted(s, rows[i].why);
        tear_down(state);
        set_up(state);
    }
}

static void
an_authority_of_the_same_name_is_another(void **state)
{
    struct scene *s = *state;

    be(s, &s->other, "IP:127.0.0.1");
    open_tls(s, STREAM_VERIFY, "127.0.0.1");
    assert_distrusted(
        s, "TLS was not agreed on: certificate signature failure");
}

static void
one_that_signs_itself_is_not_trusted(void **state)
{
    struct scene *s = *state;

    be(s, NULL, "IP:127.0.0.1");
    open_tls(s, STREAM_VERIFY, "127.0.0.1");
    assert_distrusted(s, "TLS was not agreed on: self-signed certificate");
}

static void
one_of_another_time_is_not_trusted(void **state)
{
    static const struct {
        long from_s, to_s;
        const char *why;
    } rows[] = {
        { -2 * DAY_S, -DAY_S, "certificate has expired" },
        { DAY_S, 2 * DAY_S, "certificate is not yet valid" },
    };
    struct scene *s = *state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        s->id = identity(
            &s->authority, "IP:127.0.0.1", rows[i].from_s, rows[i].to_s);
        speak_tls(s);
        open_tls(s, STREAM_VERIFY, "127.0.0.1");
        assert_distrusted(s, rows[i].why);
        tear_down(state);
        set_up(state);
    }
}

static void
without_authorities_nobody_is_trusted(void **state)
{
    static const char *const files[] = { "/nowhere/ca.pem", "/dev/null" };
    struct scene *s = *state;

    for (size_t i = 0; i < COUNT(files); i++) {
        const struct stream_settings set = { .tls = STREAM_VERIFY,
            .host = "127.0.0.1",
            .ca_file = files[i],
            .most_in = MOST_IN };

        be(s, &s->authority, "IP:127.0.0.1");
        open_with(s, &set);
        assert_distrusted(s, "TLS cannot be set up; see ca_file");
        tear_down(state);
        set_up(state);
    }
}

static void
the_authorities_of_the_system_do_not_know_ours(void **state)
{
    const struct stream_settings set = { .tls = STREAM_VERIFY,
        .host = "127.0.0.1",
        .ca_file = "",
        .most_in = MOST_IN };
    struct scene *s = *state;

    be(s, &s->authority, "IP:127.0.0.1");
    open_with(s, &set);
    assert_distrusted(s, "unable to get local issuer certificate");
}

static void
what_is_no_tls_is_not_trusted(void **state)
{
    static const char *const answers[] = { "SSH-2.0-router\r\n",
        "HTTP/1.1 400 Bad Request\r\n\r\n", "\x05!done\0" };
    static const enum stream_tls all[] = { STREAM_VERIFY, STREAM_ANY,
        STREAM_ANONYMOUS };
    struct scene *s = *state;

    for (size_t i = 0; i < COUNT(answers) * COUNT(all); i++) {
        open_tls(s, all[i % COUNT(all)], "127.0.0.1");
        bytes_str(&s->send, answers[i / COUNT(all)]);
        serve(s);
        say(s, "secret", 6);
        assert_ends(s, "TLS was not agreed on: ");
        assert_true(stream_is_distrusted(s->stream));
        serve(s);
        assert_null(memmem(s->got.p, s->got.n, "secret", 6));
        tear_down(state);
        set_up(state);
    }
}

/* A router that restarts has done nothing wrong. */
static void
one_that_goes_before_it_is_agreed_is_not_distrusted(void **state)
{
    static const enum stream_tls all[] = { STREAM_VERIFY, STREAM_ANY,
        STREAM_ANONYMOUS };
    struct scene *s = *state;

    for (size_t i = 0; i < COUNT(all); i++) {
        open_tls(s, all[i], "127.0.0.1");
        assert_true(stream_move(s->stream));
        serve(s);
        hang_up(s);
        assert_ends(s, "TLS was not agreed on: ");
        assert_false(stream_is_distrusted(s->stream));
        tear_down(state);
        set_up(state);
    }
}

static void
one_that_is_gone_already_is_not_distrusted(void **state)
{
    struct scene *s = *state;

    open_tls(s, STREAM_VERIFY, "127.0.0.1");
    hang_up(s);
    assert_ends(s, "TLS was not agreed on: ");
    assert_false(stream_is_distrusted(s->stream));
}

/* ---- without a certificate ---- */

static void
any_certificate_will_do_where_that_is_set(void **state)
{
    struct scene *s = *state;

    for (int i = 0; i < 3; i++) {
        s->id = identity(i == 0 ? NULL : &s->other, "DNS:x", -2 * DAY_S,
            i == 1 ? -DAY_S : DAY_S);
        speak_tls(s);
        open_tls(s, STREAM_ANY, "127.0.0.1");
        say(s, "hello", 5);
        bytes_str(&s->send, "welcome");
        turn_until(s, 5, 7);
        assert_string_equal(bytes_text(&s->got), "hello");
        assert_here(s, "welcome");
        tear_down(state);
        set_up(state);
    }
}

static void
anonymous_tls_needs_no_certificate(void **state)
{
    struct scene *s = *state;

    speak_tls(s);
    open_tls(s, STREAM_ANONYMOUS, "127.0.0.1");
    exchange_much(s);
    assert_non_null(strstr(SSL_get_cipher_name(s->ssl), "ADH"));
}

static void
anonymous_tls_is_not_agreed_with_one_that_has_a_certificate(void **state)
{
    struct scene *s = *state;

    be(s, &s->authority, "IP:127.0.0.1");
    open_tls(s, STREAM_ANONYMOUS, "127.0.0.1");
    assert_distrusted(s, "TLS was not agreed on: ");
}

static void
one_without_a_certificate_is_not_verified(void **state)
{
    static const enum stream_tls all[] = { STREAM_VERIFY, STREAM_ANY };
    struct scene *s = *state;

    for (size_t i = 0; i < COUNT(all); i++) {
        speak_tls(s);
        open_tls(s, all[i], "127.0.0.1");
        assert_distrusted(s, "TLS was not agreed on: ");
        tear_down(state);
        set_up(state);
    }
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bytes_go_both_ways),
        TEST(single_bytes_are_put_together),
        TEST(much_goes_both_ways),
        TEST(what_was_taken_is_gone),
        TEST(it_never_waits),
        TEST(one_that_closes_ends_it_after_what_it_said),
        TEST(what_cannot_be_sent_is_no_signal),
        TEST(a_connection_may_be_broken_off),
        TEST(more_than_can_be_meant_ends_it),
        TEST(more_than_fits_to_be_sent_ends_it),
        TEST(closing_ends_the_connection),
        TEST(a_good_certificate_is_trusted),
        TEST(much_goes_both_ways_in_tls),
        TEST(tls_never_waits),
        TEST(a_good_bye_in_tls_ends_it_after_what_was_said),
        TEST(the_end_of_an_agreed_connection_is_no_distrust),
        TEST(garbage_in_tls_ends_it),
        TEST(more_than_can_be_meant_ends_tls_as_well),
        TEST(messages_of_tls_are_taken_by_and_by),
        TEST(requests_to_shake_hands_are_taken_by_and_by),
        TEST(a_certificate_of_somebody_else_is_not_trusted),
        TEST(an_authority_of_the_same_name_is_another),
        TEST(one_that_signs_itself_is_not_trusted),
        TEST(one_of_another_time_is_not_trusted),
        TEST(without_authorities_nobody_is_trusted),
        TEST(the_authorities_of_the_system_do_not_know_ours),
        TEST(what_is_no_tls_is_not_trusted),
        TEST(one_that_goes_before_it_is_agreed_is_not_distrusted),
        TEST(one_that_is_gone_already_is_not_distrusted),
        TEST(any_certificate_will_do_where_that_is_set),
        TEST(anonymous_tls_needs_no_certificate),
        TEST(anonymous_tls_is_not_agreed_with_one_that_has_a_certificate),
        TEST(one_without_a_certificate_is_not_verified),
    };

    signal(SIGPIPE, SIG_IGN); /* as the service does, for OpenSSL */
    return cmocka_run_group_tests_name(
        "stream", tests, make_authorities, drop_authorities);
}
