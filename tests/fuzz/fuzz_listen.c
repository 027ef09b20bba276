/*
 * What reaches the port for callbacks, and that of the status page: the input
 * goes over a real connection, in one or two pieces (the first byte says where
 * it is cut).
 */
#include "fuzz.h"

#include "listen.h"
#include "log.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

enum {
    MOST_BYTES = 4096,
    MOST_TURNS = 2000,
    OK = 200,
    MOST_TRIES = 200,
    PAUSE_MS = 10
};

static struct listen *server;
static unsigned heard;
static size_t header_len; /* so that all of it is read */

static void
on_heard(
    void *arg, struct listen_call *call, const struct listen_request *request)
{
    (void)arg;
    heard++;
    holds(request->body_len <= MOST_BYTES);
    holds(request->body[request->body_len] == '\0');
    holds(request->route < 2);
    if (request->header)
        header_len = strlen(request->header);
    if (listen_query(call, "id"))
        header_len += strlen(listen_query(call, "id"));
    listen_answer(call, OK);
}

static void
open_server(void)
{
    static const struct listen_route routes[] = { { "/komtet", false },
        { "/page", true } };
    static const struct listen_settings usual = {
        .address = "127.0.0.1",
        .routes = routes,
        .routes_n = 2,
        .header = "X-Sign",
        .rate = 1000000,
        .most_bytes = MOST_BYTES,
        .timeout_s = 30,
        .most_connections = 20,
    };
    char why[200] = "";

    if (server)
        return;
    log_set_level(LOG_FATAL);
    server = listen_open(&usual, on_heard, NULL, why, sizeof why);
    holds(server != NULL);
}

/* From another address each time: the ports of one would be used up. -1 when
 * the machine has none just now. */
static int
try_connect(void)
{
    static uint32_t count;
    struct sockaddr_in from = { .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(0x7F000001 + count++ % 0xFFFF00) };
    struct sockaddr_in to = { .sin_family = AF_INET,
        .sin_port = htons(listen_port(server)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd >= 0 && (bind(fd, (struct sockaddr *)&from, sizeof from) ||
                       connect(fd, (struct sockaddr *)&to, sizeof to))) {
        close(fd);
        return -1;
    }
    return fd;
}

static int
connect_client(void)
{
    int fd = try_connect();

    for (int n = 0; fd < 0 && n < MOST_TRIES; n++) {
        poll(NULL, 0, PAUSE_MS);
        fd = try_connect();
    }
    holds(fd >= 0);
    return fd;
}

static void
settle(void)
{
    struct pollfd at = { .fd = listen_fd(server), .events = POLLIN };
    int turns = 0;

    while (poll(&at, 1, 0) > 0 || listen_timeout_ms(server) == 0) {
        holds(++turns < MOST_TURNS);
        listen_run(server);
    }
}

static void
say(int fd, const char *p, size_t n)
{
    /* The other side may have hung up. */
    if (n > 0)
        (void)!send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
    settle();
}

/* Only whole replies of ours come back, none that was not asked for. */
static void
check_replies(int fd)
{
    static char got[65536];
    ssize_t n = recv(fd, got, sizeof got - 1, MSG_DONTWAIT);
    unsigned good = 0;

    if (n <= 0)
        return;
    got[n] = '\0';
    for (char *at = got; (at = strstr(at, "HTTP/1.1 200")); at++)
        good++;
    for (char *at = got; (at = strstr(at, "HTTP/1.0 200")); at++)
        good++;
    holds(good <= heard);
    holds(strncmp(got, "HTTP/1.", 7) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct linger reset = { 1, 0 };
    struct fuzz in = fuzz_input(data, size);
    size_t cut = fuzz_byte(&in);
    int fd;

    open_server();
    heard = 0;
    cut = cut < in.n ? cut : in.n;
    fd = connect_client();
    say(fd, in.p, cut);
    say(fd, in.p + cut, in.n - cut);
    shutdown(fd, SHUT_WR);
    settle();
    check_replies(fd);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(fd);
    settle();
    return 0;
}
