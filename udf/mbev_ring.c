/*
 * mbev_ring() RETURNS INTEGER: wakes the service that waits behind the
 * doorbell, a unix datagram socket. Returns 0 when the datagram was sent,
 * else a negative errno: -2 ENOENT and -111 ECONNREFUSED when no service
 * runs, -11 EAGAIN when enough datagrams wait for it already.
 *
 * The path is compiled in. The environment variable MBEV_DOORBELL of the
 * server process replaces it, for tests and containers; it is read once, and
 * not at all when the server's program file is set-user-ID or has
 * capabilities (secure_getenv(3)).
 *
 * Promises never to fail, block or delay a statement: a lost datagram costs
 * the service's poll time, nothing else. Never takes a path from SQL, since
 * any account may call the function. Never reads.
 *
 * Threads: the path is written under pthread_once and constant afterwards;
 * the one socket of the process is published by an atomic exchange and
 * closed when the server unloads the library, which it does only while no
 * statement uses it. sendto() on one socket from many threads is safe.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "udf_abi.h"

static pthread_once_t path_once = PTHREAD_ONCE_INIT;
static struct sockaddr_un doorbell; /* empty path = it did not fit */
static atomic_int process_socket = -1;

static void
find_path(void)
{
    const char *path = secure_getenv("MBEV_DOORBELL");
    size_t length;

    if (!path || !*path)
        path = MBEV_DOORBELL;
    length = strlen(path);
    doorbell.sun_family = AF_UNIX;
    if (length < sizeof doorbell.sun_path)
        memcpy(doorbell.sun_path, path, length);
}

/* The socket of the process, opened by the first caller, or -errno. A
 * failure is not kept: the next call tries again. */
static int
get_socket(void)
{
    int known = atomic_load(&process_socket);
    int fd;

    if (known >= 0)
        return known;
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (atomic_compare_exchange_strong(&process_socket, &known, fd))
        return fd;
    close(fd);
    return known;
}

__attribute__((destructor)) static void
close_socket(void)
{
    int fd = atomic_exchange(&process_socket, -1);

    if (fd >= 0)
        close(fd);
}

static int
ring(void)
{
    int fd;

    pthread_once(&path_once, find_path);
    if (!*doorbell.sun_path)
        return -ENAMETOOLONG;
    fd = get_socket();
    if (fd < 0)
        return fd;
    if (sendto(fd, "!", 1, MSG_DONTWAIT | MSG_NOSIGNAL,
            (const struct sockaddr *)&doorbell, sizeof doorbell) < 0)
        return -errno;
    return 0;
}

bool
mbev_ring_init(UDF_INIT *initid, UDF_ARGS *args, char *message)
{
    if (args->arg_count != 0) {
        snprintf(message, UDF_MESSAGE_SIZE, "mbev_ring() takes no arguments");
        return true;
    }
    initid->maybe_null = false;
    initid->const_item = false; /* rings each time */
    return false;
}

long long
mbev_ring(UDF_INIT *initid, UDF_ARGS *args, unsigned char *is_null,
    unsigned char *error)
{
    (void)initid;
    (void)args;
    (void)is_null;
    (void)error;
    return ring();
}
