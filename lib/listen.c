/* listen: see listen.h. */
#include "listen.h"

#include "bytes.h"
#include "clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { SECOND_US = 1000000, SOCKET_MODE = 0660 };

/* libmicrohttpd can answer before a body or after it, but not amid one; so this
 * is sent without it, as the last thing on that connection. */
static const char TOO_LONG[] = "HTTP/1.1 413 Content Too Large\r\n"
                               "Content-Type: text/plain\r\n"
                               "Content-Length: 17\r\n"
                               "Connection: close\r\n\r\n"
                               "Content Too Large";

struct listen {
    struct MHD_Daemon *daemon;
    struct listen_call *first;
    struct listen_route routes[LISTEN_ROUTES]; /* their paths are owned */
    size_t routes_n;
    char *header;              /* NULL = none */
    char *socket;              /* to be removed; NULL = none */
    const char *const *always; /* NULL = none */
    bool own_names;
    size_t most_bytes;
    int64_t timeout_us;
    int64_t step_us;  /* between two requests at the full rate */
    int64_t spent_us; /* boot clock: when the bucket is full again */
    uint16_t port;
    bool again; /* libmicrohttpd has work that its descriptor does not tell */
    listen_heard *heard;
    void *arg;
};

/* One connection, with the one request that it can carry at a time. */
struct listen_call {
    struct listen *listen;
    struct listen_call *next;
    struct MHD_Connection *connection;
    int64_t deadline_us; /* boot clock; INT64_MAX = none */
    struct bytes body;
    size_t came;      /* bytes of the body, kept or not */
    size_t route;     /* that was asked for; routes_n = none */
    unsigned refusal; /* HTTP status; 0 = it is to be passed on */
    enum {
        COMING,   /* is being read */
        HEARD,    /* the user is being told, and has not answered yet */
        WAITING,  /* suspended until the user answers */
        ANSWERED, /* the answer is queued */
        BROKEN,   /* there can be no answer: the connection is to be closed */
    } state;
};

/* ---- connections ---- */

static int
socket_of(struct MHD_Connection *connection)
{
    return MHD_get_connection_info(
        connection, MHD_CONNECTION_INFO_CONNECTION_FD)
        ->connect_fd;
}

static struct listen_call *
call_of(struct MHD_Connection *connection)
{
    return MHD_get_connection_info(
        connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
        ->socket_context;
}

/* Makes ready for the next request. */
static void
begin_anew(struct listen_call *call)
{
    bytes_free(&call->body);
    call->came = 0;
    call->state = COMING;
    call->deadline_us = clock_boot_us() + call->listen->timeout_us;
}

static struct listen_call *
add_call(struct listen *l, struct MHD_Connection *connection)
{
    struct listen_call *call = calloc(1, sizeof *call);

    if (!call)
        return NULL;
    call->listen = l;
    call->connection = connection;
    call->body = bytes_make(l->most_bytes);
    begin_anew(call);
    call->next = l->first;
    l->first = call;
    return call;
}

static void
remove_call(struct listen_call *call)
{
    struct listen_call **at = &call->listen->first;

    while (*at != call)
        at = &(*at)->next;
    *at = call->next;
    bytes_free(&call->body);
    free(call);
}

/* Told of each connection, when it has come and when it has gone. At the bound
 * of connections the port is not polled; that there is room again,
 * libmicrohttpd sees at its next run only, which nothing else would cause. */
static void
on_connection(void *arg, struct MHD_Connection *connection, void **context,
    enum MHD_ConnectionNotificationCode code)
{
    struct listen *l = arg;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *context = add_call(l, connection);
        if (!*context)
            shutdown(socket_of(connection), SHUT_RDWR);
    } else {
        l->again = true;
        if (*context)
            remove_call(*context);
    }
}

/* ---- answers ---- */

static bool
add_header(struct MHD_Response *response, const char *name, const char *value)
{
    return MHD_add_response_header(response, name, value) == MHD_YES;
}

/* What belongs to a status. */
static bool
add_advice(struct MHD_Response *response, const struct listen_call *call,
    unsigned status)
{
    const struct listen *l = call->listen;

    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        return add_header(response, MHD_HTTP_HEADER_ALLOW,
            l->routes[call->route].get ? "GET, HEAD" : "POST");
    if (status == MHD_HTTP_TOO_MANY_REQUESTS)
        return add_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "1");
    return true;
}

static bool
add_headers(struct MHD_Response *response, const struct listen_call *call,
    unsigned status, const struct listen_content *content)
{
    const char *const *at = call->listen->always;

    for (; at && *at; at += 2)
        if (!add_header(response, at[0], at[1]))
            return false;
    if (content->type &&
        !add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content->type))
        return false;
    if (content->encoding &&
        !add_header(
            response, MHD_HTTP_HEADER_CONTENT_ENCODING, content->encoding))
        return false;
    return add_advice(response, call, status);
}

/* MHD_NO: there will be no answer. */
static enum MHD_Result
respond_with(struct listen_call *call, unsigned status,
    const struct listen_content *content)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(content->n, (void *)content->body,
            content->constant ? MHD_RESPMEM_PERSISTENT : MHD_RESPMEM_MUST_COPY);
    enum MHD_Result result = MHD_NO;

    if (!response)
        return MHD_NO;
    if (add_headers(response, call, status, content))
        result = MHD_queue_response(call->connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result
respond(struct listen_call *call, unsigned status)
{
    const char *text = status == 200 ? "" : MHD_get_reason_phrase_for(status);
    const struct listen_content content = {
        .type = status == 200 ? NULL : "text/plain",
        .body = text,
        .n = strlen(text),
        .constant = true,
    };

    return respond_with(call, status, &content);
}

/* A call that waits is suspended, and nobody looks at its connection until it
 * is resumed; so the connection is there, even when the client is not. */
static void
answered(struct listen_call *call, enum MHD_Result result)
{
    bool waited = call->state == WAITING;

    call->state = result == MHD_YES ? ANSWERED : BROKEN;
    if (!waited)
        return;
    call->deadline_us = clock_boot_us() + call->listen->timeout_us;
    call->listen->again = true;
    MHD_resume_connection(call->connection);
}

void
listen_answer(struct listen_call *call, int status)
{
    answered(call, respond(call, (unsigned)status));
}

void
listen_answer_with(
    struct listen_call *call, int status, const struct listen_content *content)
{
    answered(call, respond_with(call, (unsigned)status, content));
}

/* ---- requests ---- */

static const char *
header_of(const struct listen_call *call, const char *name)
{
    return MHD_lookup_connection_value(call->connection, MHD_HEADER_KIND, name);
}

const char *
listen_query(const struct listen_call *call, const char *name)
{
    return MHD_lookup_connection_value(
        call->connection, MHD_GET_ARGUMENT_KIND, name);
}

bool
listen_takes(const struct listen_call *call, const char *encoding)
{
    const char *takes = header_of(call, MHD_HTTP_HEADER_ACCEPT_ENCODING);

    return takes && strcasestr(takes, encoding);
}

static bool
is_address(const char *text)
{
    struct in6_addr address; /* has room for either */

    return inet_pton(AF_INET, text, &address) == 1 ||
           inet_pton(AF_INET6, text, &address) == 1;
}

/* "127.0.0.1:9105", "localhost:9105", "[::1]:9105". */
static bool
is_own_name(const struct listen *l, const char *host)
{
    char name[64], port[8];
    const char *colon = host ? strrchr(host, ':') : NULL;
    size_t n = colon ? (size_t)(colon - host) : 0;

    snprintf(port, sizeof port, "%u", (unsigned)l->port);
    if (n < 2 || n >= sizeof name || strcmp(colon + 1, port) != 0)
        return false;
    if (host[0] == '[' && host[n - 1] == ']')
        snprintf(name, sizeof name, "%.*s", (int)n - 2, host + 1);
    else
        snprintf(name, sizeof name, "%.*s", (int)n, host);
    return is_address(name) || strcasecmp(name, "localhost") == 0;
}

static bool
take_token(struct listen *l)
{
    int64_t now_us = clock_boot_us();
    int64_t from_us = l->spent_us > now_us ? l->spent_us : now_us;

    if (from_us + l->step_us > now_us + SECOND_US)
        return false;
    l->spent_us = from_us + l->step_us;
    return true;
}

/* The length that was given, 0 when none was; libmicrohttpd has seen that it
 * is a number. */
static unsigned long long
length_of(const struct listen_call *call)
{
    const char *value = header_of(call, MHD_HTTP_HEADER_CONTENT_LENGTH);

    return value ? strtoull(value, NULL, 10) : 0;
}

static size_t
find_route(const struct listen *l, const char *path)
{
    size_t i = 0;

    while (i < l->routes_n && strcmp(path, l->routes[i].path) != 0)
        i++;
    return i;
}

static bool
is_method_of(const struct listen_route *route, const char *method)
{
    if (!route->get)
        return strcmp(method, MHD_HTTP_METHOD_POST) == 0;
    return strcmp(method, MHD_HTTP_METHOD_GET) == 0 ||
           strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
}

/* The status a request is refused with; 0 = it is not. */
static unsigned
judge(const struct listen_call *call, const char *method, bool fits)
{
    struct listen *l = call->listen;

    if (l->own_names && !is_own_name(l, header_of(call, MHD_HTTP_HEADER_HOST)))
        return MHD_HTTP_MISDIRECTED_REQUEST;
    if (call->route == l->routes_n)
        return MHD_HTTP_NOT_FOUND;
    if (!is_method_of(&l->routes[call->route], method))
        return MHD_HTTP_METHOD_NOT_ALLOWED;
    if (!fits)
        return MHD_HTTP_CONTENT_TOO_LARGE;
    return take_token(l) ? 0 : MHD_HTTP_TOO_MANY_REQUESTS;
}

/* The headers have come. A refusal is sent at once, which ends the connection,
 * when the body is not worth reading; else the body is read away first: a
 * client that is still sending would see a reset instead of the answer. */
static enum MHD_Result
take_head(struct listen_call *call, const char *path, const char *method)
{
    struct listen *l = call->listen;
    bool fits = length_of(call) <= l->most_bytes;

    call->route = find_route(l, path);
    call->refusal = judge(call, method, fits);
    return fits ? MHD_YES : respond(call, call->refusal);
}

/* Some of the body has come. Only a chunked one can turn out too long here. */
static enum MHD_Result
take_body(struct listen_call *call, const char *p, size_t n)
{
    if (n > call->listen->most_bytes - call->came) {
        send(socket_of(call->connection), TOO_LONG, sizeof TOO_LONG - 1,
            MSG_NOSIGNAL | MSG_DONTWAIT);
        return MHD_NO;
    }
    call->came += n;
    if (!call->refusal)
        bytes_add(&call->body, p, n);
    return MHD_YES;
}

static void
await_answer(struct listen_call *call)
{
    call->state = WAITING;
    call->deadline_us = INT64_MAX;
    MHD_suspend_connection(call->connection);
}

static void
pass_on(struct listen_call *call)
{
    struct listen *l = call->listen;
    struct listen_request request = {
        .route = call->route,
        .body = bytes_text(&call->body),
        .body_len = call->body.n,
        .header = l->header ? header_of(call, l->header) : NULL,
    };

    call->state = HEARD;
    l->heard(l->arg, call, &request);
    bytes_free(&call->body);
    if (call->state == HEARD)
        await_answer(call);
}

/* The whole request is there. */
static enum MHD_Result
take_end(struct listen_call *call)
{
    if (call->refusal)
        return respond(call, call->refusal);
    if (!bytes_ok(&call->body))
        return respond(call, MHD_HTTP_SERVICE_UNAVAILABLE);
    if (call->state == COMING)
        pass_on(call);
    return call->state == BROKEN ? MHD_NO : MHD_YES;
}

/* Told of each request when its headers have come, when some of its body has
 * come, when it is there, and once more when it was resumed without an answer.
 * MHD_NO closes the connection. */
static enum MHD_Result
on_request(void *arg, struct MHD_Connection *connection, const char *path,
    const char *method, const char *version, const char *data, size_t *n,
    void **seen)
{
    struct listen_call *call = call_of(connection);
    size_t came = *n;

    (void)arg;
    (void)version;
    if (!call)
        return MHD_NO;
    if (!*seen) {
        *seen = call;
        return take_head(call, path, method);
    }
    *n = 0;
    return came ? take_body(call, data, came) : take_end(call);
}

/* Told of each request that has been answered, or that has failed. */
static void
on_completed(void *arg, struct MHD_Connection *connection, void **seen,
    enum MHD_RequestTerminationCode code)
{
    (void)arg;
    (void)connection;
    (void)code;
    if (*seen)
        begin_anew(*seen);
}

/* ---- the port ---- */

static void
say_why(char *why, size_t size, const struct listen_settings *set)
{
    static const struct {
        int code;
        const char *cure;
    } cures[] = {
        { EADDRINUSE, "stop the program that has it (ss -ltnp names it) or "
                      "choose another port" },
        { EADDRNOTAVAIL, "choose an address that this host has (ip address "
                         "shows them)" },
        { EACCES, "choose a port above 1023" },
    };
    const char *cure = "see what the system says";
    int code = errno;

    for (size_t i = 0; i < sizeof cures / sizeof *cures; i++)
        if (cures[i].code == code)
            cure = cures[i].cure;
    snprintf(why, size, "cannot listen on port %u of %s: %s; %s",
        (unsigned)set->port, set->address, strerror(code), cure);
}

/* NULL, and errno says nothing, when the address is not one. */
static struct addrinfo *
read_address(const struct listen_settings *set)
{
    const struct addrinfo hints = { .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE };
    struct addrinfo *at = NULL;
    char port[8];

    snprintf(port, sizeof port, "%u", (unsigned)set->port);
    return getaddrinfo(set->address, port, &hints, &at) == 0 ? at : NULL;
}

/* -1, and errno, when that fails. */
static int
open_socket(const struct addrinfo *at)
{
    const int on = 1;
    int fd = socket(
        at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    int code;

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, at->ai_addr, at->ai_addrlen) == 0 &&
        listen(fd, SOMAXCONN) == 0)
        return fd;
    code = errno;
    close(fd);
    errno = code;
    return -1;
}

/* libmicrohttpd would open it, too, but does not tell what went wrong. */
static int
open_port(const struct listen_settings *set, char *why, size_t why_size)
{
    struct addrinfo *at = read_address(set);
    int fd;

    if (!at) {
        snprintf(why, why_size,
            "\"%s\" is no address to listen on; write a numeric one, such as "
            "127.0.0.1 or ::1",
            set->address);
        return -1;
    }
    fd = open_socket(at);
    if (fd < 0)
        say_why(why, why_size, set);
    freeaddrinfo(at);
    return fd;
}

/* ---- or the socket ---- */

/* -1, and errno, when that fails. What a bind() makes has the mode that its
 * descriptor has, so there is no moment in which others may connect. */
static int
bind_path(const struct sockaddr_un *at)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int code;

    if (fd < 0)
        return -1;
    if (fchmod(fd, SOCKET_MODE) == 0 &&
        bind(fd, (const struct sockaddr *)at, sizeof *at) == 0 &&
        chmod(at->sun_path, SOCKET_MODE) == 0 && listen(fd, SOMAXCONN) == 0)
        return fd;
    code = errno;
    close(fd);
    errno = code;
    return -1;
}

/* Whether it is a socket that nobody listens on any more. */
static bool
is_stale(const struct sockaddr_un *at)
{
    struct stat file;
    bool stale;
    int fd;

    if (lstat(at->sun_path, &file) < 0 || !S_ISSOCK(file.st_mode))
        return false;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    stale = connect(fd, (const struct sockaddr *)at, sizeof *at) < 0 &&
            errno == ECONNREFUSED;
    close(fd);
    return stale;
}

static int
open_path(const char *path, char *why, size_t why_size)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int fd;

    if (strlen(path) >= sizeof at.sun_path) {
        snprintf(why, why_size,
            "the path %s is too long for a socket; choose "
            "a shorter one",
            path);
        return -1;
    }
    strcpy(at.sun_path, path);
    fd = bind_path(&at);
    if (fd < 0 && errno == EADDRINUSE && is_stale(&at)) {
        unlink(path);
        fd = bind_path(&at);
    }
    if (fd < 0)
        snprintf(why, why_size, "cannot make the socket %s: %s; %s", path,
            strerror(errno),
            errno == EADDRINUSE
                ? "another program listens there, or it is no socket: choose "
                  "another "
                  "path"
                : "the folder must exist and belong to the service's user");
    return fd;
}

/* 0 for a socket that has none. */
static uint16_t
port_of(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un path;
    } at = { 0 };
    socklen_t n = sizeof at;

    if (getsockname(fd, &at.any, &n) < 0 || at.any.sa_family == AF_UNIX)
        return 0;
    return ntohs(
        at.any.sa_family == AF_INET6 ? at.v6.sin6_port : at.v4.sin_port);
}

/* ---- the whole ---- */

/* There is no MHD_OPTION_CONNECTION_TIMEOUT: it counts from the last byte, so
 * a client that drips would stay forever; see end_late(). */
static struct MHD_Daemon *
start(struct listen *l, int fd, unsigned most_connections)
{
    return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, l->port,
        NULL, NULL, on_request, l, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_CONNECTION_LIMIT, most_connections,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, l,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, l, MHD_OPTION_END);
}

/* False when out of memory. */
static bool
copy_texts(struct listen *l, const struct listen_settings *set)
{
    bool good = true;

    for (; l->routes_n < set->routes_n && l->routes_n < LISTEN_ROUTES;
         l->routes_n++) {
        l->routes[l->routes_n] = set->routes[l->routes_n];
        l->routes[l->routes_n].path = strdup(set->routes[l->routes_n].path);
        good = good && l->routes[l->routes_n].path;
    }
    if (set->header)
        good = (l->header = strdup(set->header)) && good;
    if (set->socket)
        good = (l->socket = strdup(set->socket)) && good;
    return good;
}

static struct listen *
make(const struct listen_settings *set, listen_heard *heard, void *arg)
{
    struct listen *l = calloc(1, sizeof *l);

    if (!l)
        return NULL;
    l->always = set->always;
    l->own_names = set->own_names;
    l->most_bytes = set->most_bytes;
    l->timeout_us = (int64_t)set->timeout_s * SECOND_US;
    l->step_us = SECOND_US / (set->rate ? set->rate : 1);
    l->heard = heard;
    l->arg = arg;
    if (!copy_texts(l, set))
        listen_close(&l);
    return l;
}

struct listen *
listen_open(const struct listen_settings *set, listen_heard *heard, void *arg,
    char *why, size_t why_size)
{
    struct listen *l;
    int fd = set->socket ? open_path(set->socket, why, why_size)
                         : open_port(set, why, why_size);

    if (fd < 0)
        return NULL;
    l = make(set, heard, arg);
    if (!l) {
        close(fd);
        snprintf(why, why_size, "out of memory");
        return NULL;
    }
    l->port = port_of(fd);
    l->daemon = start(l, fd, set->most_connections);
    if (!l->daemon) {
        /* fd is left: libmicrohttpd closed it, or not, as the case may be. */
        snprintf(why, why_size,
            "libmicrohttpd does not start: no memory or "
            "no descriptors; raise LimitNOFILE");
        listen_close(&l);
    }
    return l;
}

void
listen_close(struct listen **l)
{
    if (!*l)
        return;
    for (struct listen_call *call = (*l)->first; call; call = call->next)
        if (call->state == WAITING)
            MHD_resume_connection(call->connection);
    MHD_stop_daemon((*l)->daemon);
    if ((*l)->socket)
        unlink((*l)->socket);
    for (size_t i = 0; i < (*l)->routes_n; i++)
        free((char *)(*l)->routes[i].path);
    free((*l)->socket);
    free((*l)->header);
    free(*l);
    *l = NULL;
}

int
listen_fd(const struct listen *l)
{
    return MHD_get_daemon_info(l->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

uint16_t
listen_port(const struct listen *l)
{
    return l->port;
}

/* libmicrohttpd knows no time limit here: if it has one, there is work. */
static bool
has_work(const struct listen *l)
{
    MHD_UNSIGNED_LONG_LONG ms;

    return l->again || MHD_get_timeout(l->daemon, &ms) == MHD_YES;
}

int
listen_timeout_ms(const struct listen *l)
{
    int64_t first_us = INT64_MAX, left_ms;

    if (has_work(l))
        return 0;
    for (const struct listen_call *call = l->first; call; call = call->next)
        if (call->deadline_us < first_us)
            first_us = call->deadline_us;
    if (first_us == INT64_MAX)
        return -1;
    left_ms = (first_us - clock_boot_us() + 999) / 1000;
    if (left_ms > INT_MAX)
        return INT_MAX;
    return left_ms > 0 ? (int)left_ms : 0;
}

/* Hangs up on those that took too long; true when there were some. They are
 * closed in the next run, which finds their sockets at an end. */
static bool
end_late(struct listen *l)
{
    int64_t now_us = clock_boot_us();
    bool some = false;

    for (struct listen_call *call = l->first; call; call = call->next) {
        if (call->deadline_us > now_us)
            continue;
        call->deadline_us = INT64_MAX;
        shutdown(socket_of(call->connection), SHUT_RDWR);
        some = true;
    }
    return some;
}

/* Late ones are ended after a run: what had come while this process itself was
 * held up counts as in time. */
void
listen_run(struct listen *l)
{
    l->again = false;
    MHD_run(l->daemon);
    if (end_late(l))
        MHD_run(l->daemon);
}
