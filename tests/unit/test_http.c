/*
 * http: what goes over the wire. The server is this program itself, between
 * two turns of http_wait(); tests/integration has TLS and slow servers.
 */
#include "unit.h"

#include "bytes.h"
#include "clock.h"
#include "http.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

/* A server, and what was asked of it. */
struct server {
    int listener, client; /* -1 = none */
    char url[64];
    const char *reply; /* NULL = hang up when a request has come */
    struct bytes request;
    unsigned requests, connections;
};

/* A client of it, and what it was told last. */
struct scene {
    struct server server;
    struct http *http;
    unsigned told;
    int status;
    bool maybe_sent;
    char error[200]; /* "" = none */
};

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

static void
listen_anywhere(struct server *s)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof at;

    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_true(s->listener >= 0);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(s->listener, 5), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&at, &n), 0);
    snprintf(s->url, sizeof s->url, "http://127.0.0.1:%u/x",
        (unsigned)ntohs(at.sin_port));
}

static int
set_up(void **state)
{
    static struct scene scene;

    scene = (struct scene){
        .server = { .client = -1, .reply = OK, .request = bytes_make(1 << 20) }
    };
    listen_anywhere(&scene.server);
    scene.http = http_make();
    assert_non_null(scene.http);
    *state = &scene;
    return 0;
}

static int
tear_down(void **state)
{
    struct scene *s = *state;

    http_close(&s->http);
    bytes_free(&s->server.request);
    if (s->server.client >= 0)
        close(s->server.client);
    if (s->server.listener >= 0)
        close(s->server.listener);
    return 0;
}

/* Where the body begins, once the whole request is there; else NULL. */
static const char *
whole(const struct server *s)
{
    const char *text = bytes_text(&s->request);
    const char *end = strstr(text, "\r\n\r\n");
    const char *length = strstr(text, "Content-Length: ");
    size_t want = length && length < end ? strtoul(length + 16, NULL, 10) : 0;

    if (!end || strlen(end + 4) < want)
        return NULL;
    return end + 4;
}

static void
hang_up(struct server *s)
{
    close(s->client);
    s->client = -1;
}

static void
answer(struct server *s)
{
    s->requests++;
    if (s->reply)
        assert_int_equal(
            send(s->client, s->reply, strlen(s->reply), 0), strlen(s->reply));
    else
        hang_up(s);
}

/* Does what can be done at once. */
static void
serve(struct server *s)
{
    char some[4096];
    ssize_t n;

    if (s->client < 0) {
        s->client = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK);
        s->connections += s->client >= 0;
        return;
    }
    n = recv(s->client, some, sizeof some, 0);
    if (n == 0)
        hang_up(s);
    if (n <= 0)
        return;
    if (whole(s))
        bytes_clear(&s->request);
    bytes_add(&s->request, some, (size_t)n);
    if (whole(s))
        answer(s);
}

static void
on_done(void *arg, const struct http_reply *reply)
{
    struct scene *s = arg;

    s->told++;
    s->status = reply->status;
    s->maybe_sent = reply->maybe_sent;
    snprintf(s->error, sizeof s->error, "%s", reply->error ? reply->error : "");
}

static struct http_request
request_to(const struct scene *s, const char *method)
{
    return (struct http_request){
        .url = s->server.url,
        .body = "body",
        .body_len = 4,
        .content_type = "text/plain",
        .ca_file = "",
        .connect_timeout_ms = 5000,
        .timeout_ms = 5000,
        .method = method,
    };
}

/* Serves until the request has ended. */
static void
finish(struct scene *s)
{
    unsigned before = s->told;

    for (int i = 0; s->told == before && i < 1000; i++) {
        http_wait(s->http, NULL, 0, 10);
        serve(&s->server);
    }
    assert_int_equal(s->told, before + 1);
    assert_int_equal(http_active(s->http), 0);
}

/* Asks, and gives the request as the server got it. */
static const char *
ask(struct scene *s, const struct http_request *request)
{
    assert_true(http_start(s->http, request, on_done, s));
    finish(s);
    return bytes_text(&s->server.request);
}

static void
assert_begins(const char *text, const char *with)
{
    if (strncmp(text, with, strlen(with)) != 0)
        fail_msg("\"%s\" does not begin with \"%s\"", text, with);
}

static void
assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" has no \"%s\"", text, part);
}

static void
assert_lacks(const char *text, const char *part)
{
    if (strcasestr(text, part))
        fail_msg("\"%s\" has \"%s\"", text, part);
}

/* ---- what is sent ---- */

static void
without_a_method_it_is_a_post(void **state)
{
    struct scene *s = *state;
    struct http_request request = request_to(s, NULL);
    const char *got = ask(s, &request);

    assert_begins(got, "POST /x HTTP/1.1\r\n");
    assert_has(got, "\r\nContent-Type: text/plain\r\n");
    assert_has(got, "\r\nContent-Length: 4\r\n");
    assert_lacks(got, "expect");
    assert_string_equal(whole(&s->server), "body");
    assert_int_equal(s->status, 200);
    assert_string_equal(s->error, "");
}

static void
a_post_may_say_that_it_is_one(void **state)
{
    struct scene *s = *state;
    struct http_request request = request_to(s, "POST");

    assert_begins(ask(s, &request), "POST /x HTTP/1.1\r\n");
    assert_string_equal(whole(&s->server), "body");
}

static void
a_get_has_neither_a_body_nor_its_type(void **state)
{
    struct scene *s = *state;
    struct http_request request = request_to(s, "GET");
    const char *got = ask(s, &request);

    assert_begins(got, "GET /x HTTP/1.1\r\n");
    assert_lacks(got, "content-type");
    assert_lacks(got, "content-length");
    assert_lacks(got, "transfer-encoding");
    assert_string_equal(whole(&s->server), "");
    assert_int_equal(s->status, 200);
    assert_string_equal(s->error, "");
}

static void
a_get_needs_no_body_at_all(void **state)
{
    struct scene *s = *state;
    struct http_request request = request_to(s, "GET");

    request.body = NULL;
    request.body_len = 0;
    request.content_type = NULL;
    assert_begins(ask(s, &request), "GET /x HTTP/1.1\r\n");
}

static void
headers_go_with_both(void **state)
{
    static const char *const methods[] = { "POST", "GET" };
    static const char *const headers[] = { "Accept: application/json",
        "Authorization: shop", "X-Name: \xD0\x81 a:b;c", NULL };
    struct scene *s = *state;

    for (size_t i = 0; i < COUNT(methods); i++) {
        struct http_request request = request_to(s, methods[i]);
        const char *got;

        request.headers = headers;
        got = ask(s, &request);
        assert_has(got, "\r\nAccept: application/json\r\n");
        assert_has(got, "\r\nAuthorization: shop\r\n");
        assert_has(got, "\r\nX-Name: \xD0\x81 a:b;c\r\n");
        assert_lacks(got, "Accept: */*");
    }
}

static void
no_headers_are_none(void **state)
{
    static const char *const headers[] = { NULL };
    struct scene *s = *state;
    struct http_request request = request_to(s, NULL);

    request.headers = headers;
    assert_begins(ask(s, &request), "POST /x HTTP/1.1\r\n");
}

static void
a_request_is_copied(void **state)
{
    struct scene *s = *state;
    struct http_request request = request_to(s, NULL);
    char url[64], body[] = "body", header[] = "X-A: b", method[] = "POST";
    const char *headers[] = { header, NULL };

    memcpy(url, s->server.url, sizeof url);
    request.url = url;
    request.body = body;
    request.method = method;
    request.headers = headers;
    assert_true(http_start(s->http, &request, on_done, s));
    memset(url, 'x', sizeof url - 1);
    memset(body, 'x', sizeof body - 1);
    memset(header, 'x', sizeof header - 1);
    memset(method, 'x', sizeof method - 1);
    headers[0] = NULL;
    finish(s);
    assert_has(bytes_text(&s->server.request), "\r\nX-A: b\r\n");
    assert_string_equal(whole(&s->server), "body");
}

static void
requests_share_a_connection(void **state)
{
    struct scene *s = *state;
    struct http_request get = request_to(s, "GET"), post = request_to(s, NULL);

    ask(s, &get);
    ask(s, &post);
    ask(s, &get);
    assert_begins(bytes_text(&s->server.request), "GET ");
    assert_int_equal(s->server.requests, 3);
    assert_int_equal(s->server.connections, 1);
}

/* ---- what is refused ---- */

static void
assert_refused(struct scene *s, const struct http_request *request)
{
    assert_false(http_start(s->http, request, on_done, s));
    assert_int_equal(http_active(s->http), 0);
    for (int i = 0; i < 3; i++) {
        http_wait(s->http, NULL, 0, 1);
        serve(&s->server);
    }
    assert_int_equal(s->told, 0);
    assert_int_equal(s->server.connections, 0);
}

static void
a_header_with_a_control_character_is_refused(void **state)
{
    static const char *const methods[] = { "POST", "GET" };
    struct scene *s = *state;

    for (size_t i = 0; i < COUNT(methods); i++) {
        for (int c = 1; c <= 0x7F; c++) {
            char bad[] = "X-A: b_X-C: d";
            const char *const headers[] = { "X-Good: 1", bad, NULL };
            struct http_request request = request_to(s, methods[i]);

            if (c >= 0x20 && c != 0x7F)
                continue;
            bad[6] = (char)c;
            request.headers = headers;
            assert_refused(s, &request);
        }
    }
}

static void
a_header_cannot_become_two(void **state)
{
    static const char *const bad[] = { "X-A: b\r\nX-C: d", "X-A: b\nX-C: d",
        "X-A: b\rX-C: d", "X-A: b\r\n\r\nGET / HTTP/1.1", "X-A: b\r\n", "\n" };
    struct scene *s = *state;

    for (size_t i = 0; i < COUNT(bad); i++) {
        const char *const headers[] = { bad[i], NULL };
        struct http_request request = request_to(s, NULL);

        request.headers = headers;
        assert_refused(s, &request);
    }
}

static void
a_content_type_cannot_become_a_header(void **state)
{
    struct scene *s = *state;
    struct http_request request = request_to(s, NULL);

    request.content_type = "text/plain\r\nX-A: b";
    assert_refused(s, &request);
}

static void
other_methods_are_refused(void **state)
{
    static const char *const bad[] = { "", "get", "post", "PUT", "DELETE",
        "GET ", "POST\r\nX-A: b", "GET / HTTP/1.1\r\n" };
    struct scene *s = *state;

    for (size_t i = 0; i < COUNT(bad); i++) {
        struct http_request request = request_to(s, bad[i]);

        assert_refused(s, &request);
    }
}

/* ---- what is promised ---- */

static void
a_redirect_is_not_followed(void **state)
{
    static const char *const methods[] = { "POST", "GET" };
    struct scene *s = *state;
    static char reply[200];

    snprintf(reply, sizeof reply,
        "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n",
        s->server.url);
    s->server.reply = reply;
    for (size_t i = 0; i < COUNT(methods); i++) {
        struct http_request request = request_to(s, methods[i]);

        ask(s, &request);
        assert_int_equal(s->status, 302);
        assert_string_equal(s->error, "");
        assert_int_equal(s->server.requests, i + 1);
    }
}

/* libcurl would send it again over a new connection. */
static void
assert_sent_once(struct scene *s, const char *method)
{
    struct http_request request = request_to(s, method);

    ask(s, &request);
    s->server.reply = NULL;
    ask(s, &request);
    for (int i = 0; i < 5; i++) {
        http_wait(s->http, NULL, 0, 5);
        serve(&s->server);
    }
    assert_int_equal(s->server.requests, 2);
    assert_int_equal(s->status, 0);
    assert_true(s->maybe_sent);
    assert_string_not_equal(s->error, "");
}

static void
a_get_is_not_repeated_when_its_connection_dies(void **state)
{
    struct scene *s = *state;

    assert_sent_once(s, "GET");
    assert_string_equal(s->error, "the kept connection broke before the reply");
}

static void
a_post_is_not_repeated_when_its_connection_dies(void **state)
{
    assert_sent_once(*state, "POST");
}

static void
a_lost_reply_may_have_been_a_request(void **state)
{
    static const char *const methods[] = { "POST", "GET" };
    struct scene *s = *state;

    s->server.reply = NULL;
    for (size_t i = 0; i < COUNT(methods); i++) {
        struct http_request request = request_to(s, methods[i]);

        ask(s, &request);
        assert_string_not_equal(s->error, "");
        assert_true(s->maybe_sent);
    }
}

static void
where_nobody_listens_nothing_was_sent(void **state)
{
    static const char *const methods[] = { "POST", "GET" };
    struct scene *s = *state;

    close(s->server.listener);
    s->server.listener = -1;
    for (size_t i = 0; i < COUNT(methods); i++) {
        struct http_request request = request_to(s, methods[i]);

        ask(s, &request);
        assert_string_not_equal(s->error, "");
        assert_false(s->maybe_sent);
        assert_int_equal(s->status, 0);
    }
}

/* ---- connections for others ---- */

/* What was told of a connection. */
struct dialed {
    unsigned told;
    int fd;
    char error[200];
};

static void
on_connected(void *arg, int fd, const char *error)
{
    struct dialed *d = arg;

    d->told++;
    d->fd = fd;
    snprintf(d->error, sizeof d->error, "%s", error ? error : "");
    assert_int_equal(fd >= 0, error == NULL);
}

static struct http_dial
dial_to(const struct scene *s, const char *host)
{
    struct http_dial dial = { .host = host, .source = "", .timeout_ms = 5000 };

    dial.port = atoi(strrchr(s->server.url, ':') + 1);
    return dial;
}

static struct dialed
dial(struct scene *s, const struct http_dial *to)
{
    struct dialed d = { .fd = -1 };

    assert_true(http_dial(s->http, to, on_connected, &d));
    assert_int_equal(http_active(s->http), 1);
    assert_int_equal(d.told, 0);
    for (int i = 0; d.told == 0 && i < 1000; i++)
        http_wait(s->http, NULL, 0, 10);
    assert_int_equal(d.told, 1);
    assert_int_equal(http_active(s->http), 0);
    return d;
}

static unsigned
descriptors(void)
{
    unsigned n = 0;

    for (int fd = 0; fd < 1024; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

/* It is connected with the server, both ways; closes it. */
static void
assert_connected(struct scene *s, struct dialed *d)
{
    char got[8] = "";
    int client;

    assert_string_equal(d->error, "");
    client = accept4(s->server.listener, NULL, NULL, 0);
    assert_true(client >= 0);
    assert_int_equal(send(d->fd, "there", 5, MSG_NOSIGNAL), 5);
    assert_int_equal(recv(client, got, sizeof got, 0), 5);
    assert_string_equal(got, "there");
    assert_int_equal(send(client, "back", 4, MSG_NOSIGNAL), 4);
    assert_int_equal(recv(d->fd, got, 4, 0), 4);
    assert_memory_equal(got, "back", 4);
    assert_int_equal(recv(d->fd, got, sizeof got, 0), -1);
    assert_int_equal(errno, EAGAIN);
    close(client);
    assert_int_equal(recv(d->fd, got, sizeof got, 0), 0);
    close(d->fd);
}

static void
a_connection_is_the_callers_own(void **state)
{
    static const char *const hosts[] = { "127.0.0.1", "localhost" };
    struct scene *s = *state;

    for (size_t i = 0; i < COUNT(hosts); i++) {
        struct http_dial to = dial_to(s, hosts[i]);
        struct dialed d = dial(s, &to);

        assert_true(d.fd >= 0);
        assert_true(fcntl(d.fd, F_GETFL) & O_NONBLOCK);
        assert_true(fcntl(d.fd, F_GETFD) & FD_CLOEXEC);
        for (int j = 0; j < 3; j++)
            http_wait(s->http, NULL, 0, 1);
        assert_connected(s, &d);
    }
}

static void
it_stays_when_all_else_is_gone(void **state)
{
    struct scene *s = *state;
    struct http_dial to = dial_to(s, "127.0.0.1");
    struct dialed d = dial(s, &to);

    http_close(&s->http);
    assert_connected(s, &d);
}

static void
closing_it_leaves_nothing_behind(void **state)
{
    struct scene *s = *state;
    struct http_dial to = dial_to(s, "127.0.0.1");
    unsigned before = 0;

    for (int i = 0; i < 5; i++) {
        struct dialed d = dial(s, &to);

        assert_connected(s, &d);
        http_wait(s->http, NULL, 0, 1);
        if (i == 0)
            before = descriptors();
        assert_int_equal(descriptors(), before);
    }
}

static void
each_connection_is_a_new_one(void **state)
{
    struct scene *s = *state;
    struct http_dial to = dial_to(s, "127.0.0.1");
    struct http_request request = request_to(s, "GET");
    struct dialed one = dial(s, &to), two = dial(s, &to);

    assert_int_not_equal(one.fd, two.fd);
    /* The first is the first that the server sees. */
    assert_connected(s, &one);
    assert_connected(s, &two);
    ask(s, &request);
    assert_int_equal(s->status, 200);
    one = dial(s, &to);
    assert_connected(s, &one);
}

static void
ipv6_is_dialed_as_well(void **state)
{
    struct scene *s = *state;
    struct sockaddr_in6 at = { .sin6_family = AF_INET6,
        .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    socklen_t n = sizeof at;
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct http_dial to = dial_to(s, "::1");
    struct dialed d;

    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0) {
        if (fd >= 0)
            close(fd);
        skip();
    }
    assert_int_equal(listen(fd, 5), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
    close(s->server.listener);
    s->server.listener = fd;
    to.port = ntohs(at.sin6_port);
    d = dial(s, &to);
    assert_connected(s, &d);
}

static void
it_may_come_from_an_address_of_ours(void **state)
{
    struct scene *s = *state;
    struct http_dial to = dial_to(s, "127.0.0.1");
    struct sockaddr_in at;
    socklen_t n = sizeof at;
    struct dialed d;

    to.source = "127.0.0.9";
    d = dial(s, &to);
    assert_string_equal(d.error, "");
    assert_int_equal(getsockname(d.fd, (struct sockaddr *)&at, &n), 0);
    assert_int_equal(ntohl(at.sin_addr.s_addr), INADDR_LOOPBACK + 8);
    assert_connected(s, &d);
    to.source = "192.0.2.1";
    d = dial(s, &to);
    assert_string_not_equal(d.error, "");
}

static void
where_nobody_listens_there_is_no_connection(void **state)
{
    struct scene *s = *state;
    struct http_dial to = dial_to(s, "127.0.0.1");
    unsigned before = descriptors();
    struct dialed d;

    close(s->server.listener);
    s->server.listener = -1;
    d = dial(s, &to);
    assert_int_equal(d.fd, -1);
    assert_string_not_equal(d.error, "");
    assert_int_equal(descriptors(), before - 1);
}

/* Nothing more can wait to be accepted there. Those that wait are in
 * kept[]. */
static void
fill_backlog(struct scene *s, int kept[], size_t n)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

    at.sin_port = htons((uint16_t)dial_to(s, "").port);
    assert_int_equal(listen(s->server.listener, 0), 0);
    for (size_t i = 0; i < n; i++) {
        kept[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        assert_true(kept[i] >= 0);
        connect(kept[i], (struct sockaddr *)&at, sizeof at);
    }
}

static void
one_that_does_not_answer_is_given_up_in_time(void **state)
{
    struct scene *s = *state;
    struct http_dial to = dial_to(s, "127.0.0.1");
    int64_t begun_us = clock_boot_us();
    int kept[4];
    struct dialed d;

    fill_backlog(s, kept, COUNT(kept));
    to.timeout_ms = 300;
    d = dial(s, &to);
    assert_int_equal(d.fd, -1);
    assert_string_equal(d.error, "no connection within the time limit");
    assert_in_range(clock_boot_us() - begun_us, 300000, 2000000);
    for (size_t i = 0; i < COUNT(kept); i++)
        close(kept[i]);
}

static void
ending_it_all_while_dialing_tells_nobody(void **state)
{
    struct scene *s = *state;
    struct http_dial to = dial_to(s, "127.0.0.1");
    unsigned before = descriptors();
    struct dialed d = { .fd = -1 };
    int kept[4];

    fill_backlog(s, kept, COUNT(kept));
    for (int i = 0; i < 3; i++)
        assert_true(http_dial(s->http, &to, on_connected, &d));
    http_wait(s->http, NULL, 0, 20);
    assert_int_equal(http_active(s->http), 3);
    http_close(&s->http);
    assert_int_equal(d.told, 0);
    for (size_t i = 0; i < COUNT(kept); i++)
        close(kept[i]);
    assert_true(descriptors() <= before);
    s->http = http_make();
}

static void
what_is_no_host_is_not_dialed(void **state)
{
    static char longer[301];
    static const char *const bad[] = { "", "a/b", "a@b", "[::1]", "a b", "a?b",
        "a#b", "a\\b", "127.0.0.1/", "user:x@127.0.0.1", "a\r\nb", "a\tb",
        "a;b", "a,b", "\xD0\x81", longer };
    struct scene *s = *state;

    memset(longer, 'x', sizeof longer - 1);
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct http_dial to = dial_to(s, bad[i]);
        struct dialed d = { .fd = -1 };

        if (http_dial(s->http, &to, on_connected, &d))
            fail_msg("%s is dialed", bad[i]);
        assert_int_equal(http_active(s->http), 0);
    }
}

/* They may look like one, but there is none such. */
static void
what_cannot_be_found_is_an_error(void **state)
{
    static const char *const bad[] = { "127.0.0.1:", "127.0.0.1:22", "a:b", ":",
        "::1:::", "a%2Fb", "a%40b", "127.0.0.1%00", "127.0.0.1%0A" };
    struct scene *s = *state;

    for (size_t i = 0; i < COUNT(bad); i++) {
        struct http_dial to = dial_to(s, bad[i]);
        struct dialed d;

        d = dial(s, &to);
        if (d.fd >= 0)
            fail_msg("%s is connected to", bad[i]);
        assert_string_not_equal(d.error, "");
    }
}

static void
a_port_that_is_none_is_an_error(void **state)
{
    static const int ports[] = { -1, 65536, 1000000 };
    struct scene *s = *state;

    for (size_t i = 0; i < COUNT(ports); i++) {
        struct http_dial to = dial_to(s, "127.0.0.1");
        struct dialed d;

        to.port = ports[i];
        d = dial(s, &to);
        expect_number("fd", d.fd, -1);
    }
}

static void
a_proxy_of_the_environment_is_not_asked(void **state)
{
    static const char *const names[] = { "http_proxy", "ALL_PROXY",
        "all_proxy" };
    struct scene *s = *state;
    struct http_dial to = dial_to(s, "127.0.0.1");
    struct dialed d;

    for (size_t i = 0; i < COUNT(names); i++)
        setenv(names[i], "http://127.0.0.1:1", 1);
    d = dial(s, &to);
    for (size_t i = 0; i < COUNT(names); i++)
        unsetenv(names[i]);
    assert_connected(s, &d);
}

#define HTTP_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        HTTP_TEST(without_a_method_it_is_a_post),
        HTTP_TEST(a_post_may_say_that_it_is_one),
        HTTP_TEST(a_get_has_neither_a_body_nor_its_type),
        HTTP_TEST(a_get_needs_no_body_at_all),
        HTTP_TEST(headers_go_with_both),
        HTTP_TEST(no_headers_are_none),
        HTTP_TEST(a_request_is_copied),
        HTTP_TEST(requests_share_a_connection),
        HTTP_TEST(a_header_with_a_control_character_is_refused),
        HTTP_TEST(a_header_cannot_become_two),
        HTTP_TEST(a_content_type_cannot_become_a_header),
        HTTP_TEST(other_methods_are_refused),
        HTTP_TEST(a_redirect_is_not_followed),
        HTTP_TEST(a_get_is_not_repeated_when_its_connection_dies),
        HTTP_TEST(a_post_is_not_repeated_when_its_connection_dies),
        HTTP_TEST(a_lost_reply_may_have_been_a_request),
        HTTP_TEST(where_nobody_listens_nothing_was_sent),
        HTTP_TEST(a_connection_is_the_callers_own),
        HTTP_TEST(it_stays_when_all_else_is_gone),
        HTTP_TEST(closing_it_leaves_nothing_behind),
        HTTP_TEST(each_connection_is_a_new_one),
        HTTP_TEST(ipv6_is_dialed_as_well),
        HTTP_TEST(it_may_come_from_an_address_of_ours),
        HTTP_TEST(where_nobody_listens_there_is_no_connection),
        HTTP_TEST(one_that_does_not_answer_is_given_up_in_time),
        HTTP_TEST(ending_it_all_while_dialing_tells_nobody),
        HTTP_TEST(what_is_no_host_is_not_dialed),
        HTTP_TEST(what_cannot_be_found_is_an_error),
        HTTP_TEST(a_port_that_is_none_is_an_error),
        HTTP_TEST(a_proxy_of_the_environment_is_not_asked),
    };
    int code;

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
        return 1;
    code = cmocka_run_group_tests_name("http", tests, NULL, NULL);
    curl_global_cleanup();
    return code;
}
