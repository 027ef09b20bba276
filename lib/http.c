/* http: see http.h. */
#include "http.h"

#include "bytes.h"
#include "clock.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LARGEST_REPLY = 64 * 1024,
    MOST_FDS = 12,
    KEEP_IDLE_S = 10,
    MOST_HOST = 255,
    MOST_SPARE = 64
};

struct http {
    CURLM *multi;
    struct exchange *first;
    size_t active;
    CURL *spare[MOST_SPARE]; /* of exchanges that ended, to be used again */
    size_t spares;
};

/* One request and its reply. */
struct exchange {
    struct http *http;
    struct exchange *next;
    CURL *easy;
    struct curl_slist *headers;
    struct bytes request;
    struct bytes reply;
    size_t sent;
    bool get;            /* has no body */
    bool begun;          /* of a GET: it went out, or nearly */
    bool repeated;       /* of a GET: libcurl wanted to send it once more */
    int64_t deadline_us; /* boot clock */
    bool late;           /* was seen after its deadline once */
    http_done *done;
    http_connected *connected; /* in place of done: it only connects */
    void *arg;
    char error[CURL_ERROR_SIZE];
};

struct http *
http_make(void)
{
    struct http *http = calloc(1, sizeof *http);

    if (!http)
        return NULL;
    http->multi = curl_multi_init();
    if (!http->multi) {
        free(http);
        return NULL;
    }
    return http;
}

static void
unlink_exchange(struct exchange *x)
{
    struct exchange **at = &x->http->first;

    while (*at && *at != x)
        at = &(*at)->next;
    if (*at)
        *at = x->next;
    x->http->active--;
}

static void
link_exchange(struct exchange *x)
{
    x->next = x->http->first;
    x->http->first = x;
    x->http->active++;
}

static CURL *
take_easy(struct http *http)
{
    CURL *easy;

    if (http->spares == 0)
        return curl_easy_init();
    easy = http->spare[--http->spares];
    curl_easy_reset(easy);
    return easy;
}

static void
leave_easy(struct http *http, CURL *easy)
{
    if (http->spares < MOST_SPARE)
        http->spare[http->spares++] = easy;
    else
        curl_easy_cleanup(easy);
}

static void
free_exchange(struct exchange *x)
{
    if (x->easy)
        leave_easy(x->http, x->easy);
    curl_slist_free_all(x->headers);
    bytes_free(&x->request);
    bytes_free(&x->reply);
    free(x);
}

void
http_close(struct http **http)
{
    if (!*http)
        return;
    for (struct exchange *x = (*http)->first, *next; x; x = next) {
        next = x->next;
        curl_multi_remove_handle((*http)->multi, x->easy);
        free_exchange(x);
    }
    while ((*http)->spares)
        curl_easy_cleanup((*http)->spare[--(*http)->spares]);
    curl_multi_cleanup((*http)->multi);
    free(*http);
    *http = NULL;
}

static size_t
on_reply(char *p, size_t size, size_t n, void *arg)
{
    struct exchange *x = arg;

    bytes_add(&x->reply, p, size * n);
    return bytes_ok(&x->reply) ? size * n : 0;
}

/* Hands the body to libcurl piece by piece. There is deliberately no way to
 * rewind it: see the promise in http.h. */
static size_t
on_send(char *to, size_t size, size_t n, void *arg)
{
    struct exchange *x = arg;
    size_t room = size * n, left = x->request.n - x->sent;
    size_t take = left < room ? left : room;

    /* This process was stopped before it came to send: too late. */
    if (x->sent == 0 && clock_boot_us() >= x->deadline_us)
        return CURL_READFUNC_ABORT;
    if (take)
        memcpy(to, x->request.p + x->sent, take);
    x->sent += take;
    return take;
}

/* Called each time before a GET is written, for one without a body cannot be
 * kept from being written twice in another way. */
static int
on_begin(void *arg, char *their_ip, char *our_ip, int their_port, int our_port)
{
    struct exchange *x = arg;

    (void)their_ip;
    (void)our_ip;
    (void)their_port;
    (void)our_port;
    x->repeated = x->begun;
    x->begun = true;
    return x->repeated ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

static bool
has_control(const char *s)
{
    while ((unsigned char)*s >= 0x20 && *s != 0x7F)
        s++;
    return *s != '\0';
}

static bool
add_line(struct exchange *x, const char *line)
{
    struct curl_slist *more;

    more = has_control(line) ? NULL : curl_slist_append(x->headers, line);
    if (!more)
        return false;
    x->headers = more;
    return true;
}

static bool
add_header(struct exchange *x, const char *name, const char *value)
{
    struct bytes line = bytes_make(512);
    bool good;

    bytes_printf(&line, "%s:%s%s", name, *value ? " " : "", value);
    good = bytes_ok(&line) && add_line(x, bytes_text(&line));
    bytes_free(&line);
    return good;
}

/* "Expect:" keeps libcurl from waiting for a 100 before the body. */
static bool
add_headers(struct exchange *x, const struct http_request *r)
{
    if (!x->get && (!add_header(x, "Content-Type", r->content_type) ||
                       !add_header(x, "Expect", "")))
        return false;
    for (size_t i = 0; r->headers && r->headers[i]; i++)
        if (!add_line(x, r->headers[i]))
            return false;
    return true;
}

static void
set_up_post(struct exchange *x)
{
    CURL *e = x->easy;

    curl_easy_setopt(e, CURLOPT_POST, 1L);
    curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)x->request.n);
    curl_easy_setopt(e, CURLOPT_READFUNCTION, on_send);
    curl_easy_setopt(e, CURLOPT_READDATA, x);
}

static void
set_up_get(struct exchange *x)
{
    curl_easy_setopt(x->easy, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(x->easy, CURLOPT_PREREQFUNCTION, on_begin);
    curl_easy_setopt(x->easy, CURLOPT_PREREQDATA, x);
}

/* What is over does not wait for the thread that still asks a silent name
 * server. */
static void
forget_names(CURL *e)
{
    curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);
}

static void
set_up(struct exchange *x, const struct http_request *r)
{
    CURL *e = x->easy;

    if (x->get)
        set_up_get(x);
    else
        set_up_post(x);
    curl_easy_setopt(e, CURLOPT_URL, r->url);
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(e, CURLOPT_PROXY, "");
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    forget_names(e);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_reply);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, x);
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, x->headers);
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, r->connect_timeout_ms);
    curl_easy_setopt(e, CURLOPT_MAXAGE_CONN, (long)KEEP_IDLE_S);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, x->error);
    curl_easy_setopt(e, CURLOPT_PRIVATE, x);
    if (*r->ca_file)
        curl_easy_setopt(e, CURLOPT_CAINFO, r->ca_file);
}

/* False when it is neither GET nor POST. */
static bool
take_method(struct exchange *x, const char *method)
{
    x->get = method && strcmp(method, "GET") == 0;
    return !method || x->get || strcmp(method, "POST") == 0;
}

static struct exchange *
make_exchange(struct http *http, const struct http_request *r)
{
    struct exchange *x = calloc(1, sizeof *x);

    if (!x)
        return NULL;
    x->http = http;
    x->request = bytes_make(r->body_len);
    x->reply = bytes_make(LARGEST_REPLY);
    if (!take_method(x, r->method) || (x->easy = take_easy(http)) == NULL) {
        free_exchange(x);
        return NULL;
    }
    if (!x->get)
        bytes_add(&x->request, r->body, r->body_len);
    if (!bytes_ok(&x->request) || !add_headers(x, r)) {
        free_exchange(x);
        return NULL;
    }
    set_up(x, r);
    x->deadline_us = clock_boot_us() + r->timeout_ms * 1000;
    return x;
}

/* False, and it is freed, when out of memory. */
static bool
begin(struct exchange *x)
{
    if (curl_multi_add_handle(x->http->multi, x->easy) != CURLM_OK) {
        free_exchange(x);
        return false;
    }
    link_exchange(x);
    return true;
}

bool
http_start(struct http *http, const struct http_request *request,
    http_done *done, void *arg)
{
    struct exchange *x = make_exchange(http, request);

    if (!x)
        return false;
    x->done = done;
    x->arg = arg;
    return begin(x);
}

/* Nothing that could become another part of a URL. */
static bool
is_host(const char *host)
{
    size_t n = strspn(host, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuv"
                            "wxyz0123456789.-_:%");

    return n > 0 && n <= MOST_HOST && host[n] == '\0';
}

static struct exchange *
make_dial(struct http *http, const struct http_dial *dial)
{
    struct exchange *x = calloc(1, sizeof *x);
    bool six = strchr(dial->host, ':') != NULL;
    char url[MOST_HOST + 32], source[MOST_HOST + 8];

    if (!x)
        return NULL;
    x->http = http;
    x->easy = take_easy(http);
    if (!x->easy) {
        free_exchange(x);
        return NULL;
    }
    snprintf(url, sizeof url, "http://%s%s%s:%d/", six ? "[" : "", dial->host,
        six ? "]" : "", dial->port);
    curl_easy_setopt(x->easy, CURLOPT_URL, url);
    curl_easy_setopt(x->easy, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(x->easy, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(x->easy, CURLOPT_PROXY, "");
    curl_easy_setopt(x->easy, CURLOPT_NOSIGNAL, 1L);
    forget_names(x->easy);
    curl_easy_setopt(x->easy, CURLOPT_ERRORBUFFER, x->error);
    curl_easy_setopt(x->easy, CURLOPT_PRIVATE, x);
    if (*dial->source) {
        snprintf(source, sizeof source, "host!%s", dial->source);
        curl_easy_setopt(x->easy, CURLOPT_INTERFACE, source);
    }
    x->deadline_us = clock_boot_us() + dial->timeout_ms * 1000;
    return x;
}

bool
http_dial(struct http *http, const struct http_dial *dial, http_connected *done,
    void *arg)
{
    struct exchange *x = is_host(dial->host) ? make_dial(http, dial) : NULL;

    if (!x)
        return false;
    x->connected = done;
    x->arg = arg;
    return begin(x);
}

size_t
http_active(const struct http *http)
{
    return http->active;
}

/* The socket is libcurl's, which closes it: ours is another name for the same
 * connection. */
static void
tell_connected(struct exchange *x, const char *error)
{
    curl_socket_t theirs = CURL_SOCKET_BAD;
    int fd = -1;

    if (!error)
        curl_easy_getinfo(x->easy, CURLINFO_ACTIVESOCKET, &theirs);
    if (theirs != CURL_SOCKET_BAD)
        fd = fcntl(theirs, F_DUPFD_CLOEXEC, 0);
    if (fd < 0 && !error)
        error = "the connection was lost at once";
    x->connected(x->arg, fd, error);
}

static void
tell_reply(struct exchange *x, const char *error)
{
    struct http_reply reply = { .maybe_sent = x->sent > 0 || x->begun,
        .error = error };
    curl_off_t after_s = 0;
    long status = 0;

    if (!error) {
        curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(x->easy, CURLINFO_RETRY_AFTER, &after_s);
    }
    reply.status = (int)status;
    reply.retry_after_s = after_s > 0 ? (long)after_s : 0;
    reply.body = bytes_text(&x->reply);
    reply.body_len = x->reply.n;
    x->done(x->arg, &reply);
}

/* Tells the user and forgets the exchange. error: why it failed, or NULL. */
static void
finish(struct exchange *x, const char *error)
{
    if (x->connected)
        tell_connected(x, error);
    else
        tell_reply(x, error);
    curl_multi_remove_handle(x->http->multi, x->easy);
    unlink_exchange(x);
    free_exchange(x);
}

/* What libcurl says about an exchange that ended. */
static const char *
error_of(const struct exchange *x, CURLcode code)
{
    if (!bytes_ok(&x->reply))
        return "the reply is larger than 64 KiB";
    if (x->repeated)
        return "the kept connection broke before the reply";
    if (code == CURLE_OK)
        return NULL;
    return x->error[0] ? x->error : curl_easy_strerror(code);
}

static void
tell_finished(struct http *http)
{
    CURLMsg *msg;
    int left;

    while ((msg = curl_multi_info_read(http->multi, &left))) {
        struct exchange *x;

        if (msg->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&x);
        finish(x, error_of(x, msg->data.result));
    }
}

/* Ends what is over its time. libcurl's own limit would end an exchange whose
 * reply waits in the socket, when this process itself was held up; so an
 * exchange is ended only when it is found late twice, with a read between. */
static void
end_late(struct http *http)
{
    int64_t now_us = clock_boot_us();
    struct exchange *next;

    for (struct exchange *x = http->first; x; x = next) {
        next = x->next;
        if (x->deadline_us > now_us)
            continue;
        if (x->late)
            finish(x, x->connected ? "no connection within the time limit"
                                   : "no complete reply within the time limit");
        else
            x->late = true;
    }
}

/* Shortens a sleep so that it ends with the first deadline. */
static int
until_deadline(const struct http *http, int timeout_ms)
{
    int64_t now_us = clock_boot_us();

    for (const struct exchange *x = http->first; x; x = x->next) {
        int64_t left_ms = (x->deadline_us - now_us + 999) / 1000;

        if (left_ms < timeout_ms)
            timeout_ms = left_ms > 0 ? (int)left_ms : 0;
    }
    return timeout_ms;
}

static void
move_on(struct http *http)
{
    int running;

    curl_multi_perform(http->multi, &running);
    tell_finished(http);
}

void
http_wait(struct http *http, const int *fds, unsigned n, int timeout_ms)
{
    struct curl_waitfd extra[MOST_FDS] = { 0 };
    size_t before = http->active;

    for (unsigned i = 0; i < n && i < MOST_FDS; i++)
        extra[i] =
            (struct curl_waitfd){ .fd = fds[i], .events = CURL_WAIT_POLLIN };
    move_on(http);
    if (http->active < before)
        timeout_ms = 0;
    curl_multi_poll(
        http->multi, extra, n, until_deadline(http, timeout_ms), NULL);
    move_on(http);
    end_late(http);
}
