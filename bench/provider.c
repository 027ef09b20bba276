/*
 * provider: a stand-in for smspilot that keeps up with anything: one thread,
 * kept connections, an answer after a set time.
 *
 *   provider DELAY_MS FILE
 *
 * Prints its port on 127.0.0.1 and serves until SIGTERM; then it writes into
 * FILE a line for each request: the monotonic clock in ns when it had come
 * whole, and its body.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { REQUEST = 8192, MOST = 1024, EVENTS = 64 };

struct connection {
    int fd;
    size_t n; /* bytes that have come */
    char in[REQUEST];
};

/* Answers that are due, in the order in which they are: all wait as long. */
struct due {
    int64_t at_ns;
    struct connection *to;
    uint64_t number;
};

static struct due queue[MOST];
static size_t queue_first, queue_n;
static int64_t delay_ns;
static uint64_t requests;
static FILE *book;

static int64_t
now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void
die(const char *what)
{
    perror(what);
    exit(1);
}

static void
answer(const struct connection *c, uint64_t number)
{
    char body[256], all[512];
    int n = snprintf(body, sizeof body,
        "{\"send\":[{\"server_id\":\"%ju\",\"phone\":\"79000000001\","
        "\"price\":\"1.68\",\"status\":\"0\"}],\"balance\":\"11908.50\","
        "\"cost\":\"1.68\",\"server_packet_id\":\"%ju\"}",
        (uintmax_t)number, (uintmax_t)number);

    n = snprintf(all, sizeof all,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        "Content-Length: %d\r\n\r\n%s",
        n, body);
    if (write(c->fd, all, (size_t)n) != n)
        die("answer");
}

static void
answer_due(void)
{
    int64_t now = now_ns();

    while (queue_n > 0 && queue[queue_first].at_ns <= now) {
        answer(queue[queue_first].to, queue[queue_first].number);
        queue_first = (queue_first + 1) % MOST;
        queue_n--;
    }
}

/* The length of a whole request at the start of what has come; 0: not whole
 * yet. *body: where its body begins. */
static size_t
whole(const struct connection *c, size_t *body)
{
    const char *end = memmem(c->in, c->n, "\r\n\r\n", 4), *line;
    size_t length = 0;

    if (!end)
        return 0;
    for (line = c->in; line < end; line = strstr(line, "\r\n") + 2)
        if (strncasecmp(line, "Content-Length:", 15) == 0)
            length = strtoul(line + 15, NULL, 10);
    *body = (size_t)(end - c->in) + 4;
    return c->n >= *body + length ? *body + length : 0;
}

static void
take(struct connection *c)
{
    size_t body, n = whole(c, &body);

    if (n == 0)
        return;
    if (queue_n == MOST) {
        fprintf(stderr, "provider: too many requests at once\n");
        exit(1);
    }
    fprintf(
        book, "%jd %.*s\n", (intmax_t)now_ns(), (int)(n - body), c->in + body);
    queue[(queue_first + queue_n++) % MOST] = (struct due){
        .at_ns = now_ns() + delay_ns, .to = c, .number = ++requests
    };
    c->n -= n;
    memmove(c->in, c->in + n, c->n);
    c->in[c->n] = '\0';
}

/* A client that goes while an answer is due would be written to: it is told
 * apart by nobody, so nothing of the kind may happen. */
static void
serve(struct connection *c)
{
    ssize_t n = read(c->fd, c->in + c->n, REQUEST - 1 - c->n);

    if (n <= 0) {
        close(c->fd);
        *c = (struct connection){ 0 };
        return;
    }
    c->n += (size_t)n;
    c->in[c->n] = '\0';
    take(c);
}

static struct connection places[MOST];

static struct connection *
free_place(void)
{
    for (size_t i = 0; i < MOST; i++)
        if (places[i].fd == 0)
            return &places[i];
    fprintf(stderr, "provider: too many connections\n");
    exit(1);
}

static void
greet(int poll, int door)
{
    struct connection *c = free_place();
    int yes = 1;

    if ((c->fd = accept(door, NULL, NULL)) < 0)
        die("accept");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (epoll_ctl(poll, EPOLL_CTL_ADD, c->fd,
            &(struct epoll_event){ .events = EPOLLIN, .data.ptr = c }))
        die("epoll");
}

static int
open_door(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&at, size) || listen(fd, 512) ||
        getsockname(fd, (struct sockaddr *)&at, &size))
        die("listen");
    printf("%d\n", ntohs(at.sin_port));
    fflush(stdout);
    return fd;
}

static int
open_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

static int
wait_for(int poll, struct epoll_event *events)
{
    struct timespec pause = { 0 };
    int64_t ns = queue_n ? queue[queue_first].at_ns - now_ns() : 0;
    int n;

    if (ns > 0)
        pause = (struct timespec){ .tv_sec = ns / 1000000000,
            .tv_nsec = ns % 1000000000 };
    n = epoll_pwait2(poll, events, EVENTS, queue_n ? &pause : NULL, NULL);
    if (n < 0 && errno != EINTR)
        die("epoll");
    return n;
}

int
main(int argc, char **argv)
{
    struct epoll_event events[EVENTS], door_event = { .events = EPOLLIN };
    struct epoll_event end_event = { .events = EPOLLIN };
    int poll, door, end;

    if (argc != 3)
        return 64;
    poll = epoll_create1(EPOLL_CLOEXEC);
    delay_ns = strtoll(argv[1], NULL, 10) * 1000000;
    if (!(book = fopen(argv[2], "we")))
        die(argv[2]);
    end = open_signals();
    door = open_door();
    door_event.data.ptr = &door;
    end_event.data.ptr = &end;
    if (epoll_ctl(poll, EPOLL_CTL_ADD, door, &door_event) ||
        epoll_ctl(poll, EPOLL_CTL_ADD, end, &end_event))
        die("epoll");
    for (;;) {
        int n = wait_for(poll, events);

        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr == &end)
                return fclose(book) ? 1 : 0;
            if (events[i].data.ptr == &door)
                greet(poll, door);
            else
                serve(events[i].data.ptr);
        }
        answer_due();
    }
}
