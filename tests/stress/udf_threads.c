/*
 * udf_threads: the functions of mbev.so called by eight threads at once, as the
 * server does. Built with MBEV_SANITIZE=thread it tells of data races; it also
 * looks at each result.
 *
 *   udf_threads [ROUNDS]
 */
#include "udf_abi.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { THREADS = 8, ROUNDS = 500, ROWS = 5 };

static char folder[] = "/tmp/mbev-threads-XXXXXX";
static char path[64];
static int rounds = ROUNDS;
static atomic_uint faults;
static atomic_uint at_work = THREADS;
static pthread_barrier_t all_there; /* so that their first calls meet */

static void
fault(const char *what)
{
    if (atomic_fetch_add(&faults, 1) == 0)
        fprintf(stderr, "udf_threads: %s\n", what);
}

/* One statement: init, some rows, deinit. */
static void
use_json(unsigned thread, unsigned round)
{
    char value[32], want[80], result[UDF_RESULT_SIZE];
    char *at_init[] = { "uid", NULL, "login", NULL };
    char *at_row[] = { "uid", value, "login", "x\"y" };
    enum Item_result types[] = { STRING_RESULT, INT_RESULT, STRING_RESULT,
        STRING_RESULT };
    unsigned long lengths[] = { 3, 0, 5, 3 };
    UDF_ARGS args = {
        .arg_count = 4, .arg_type = types, .args = at_init, .lengths = lengths
    };
    UDF_INIT init = { .const_item = true };
    char message[UDF_MESSAGE_SIZE];

    if (mbev_json_init(&init, &args, message)) {
        fault("mbev_json_init() failed");
        return;
    }
    args.args = at_row;
    for (unsigned row = 0; row < ROWS; row++) {
        unsigned char is_null = 0, error = 0;
        unsigned long n = sizeof result;
        char *text;

        lengths[1] = (unsigned long)snprintf(
            value, sizeof value, "%u%04u%u", thread + 1, round, row);
        snprintf(want, sizeof want, "{\"uid\":%s,\"login\":\"x\\\"y\"}", value);
        text = mbev_json(&init, &args, result, &n, &is_null, &error);
        if (!text || n != strlen(want) || memcmp(text, want, n) != 0)
            fault("a row is not its own");
    }
    mbev_json_deinit(&init);
}

static void
use_ring(void)
{
    UDF_ARGS args = { .arg_count = 0 };
    UDF_INIT init = { .const_item = true };
    char message[UDF_MESSAGE_SIZE];
    unsigned char is_null = 0, error = 0;
    long long rang;

    if (mbev_ring_init(&init, &args, message))
        fault("mbev_ring_init() failed");
    rang = mbev_ring(&init, &args, &is_null, &error);
    /* Enough rings may wait already. */
    if (rang != 0 && rang != -EAGAIN)
        fault("the bell does not ring");
}

static void
use_version(void)
{
    UDF_ARGS args = { .arg_count = 0 };
    UDF_INIT init = { .const_item = true };
    char message[UDF_MESSAGE_SIZE], result[UDF_RESULT_SIZE];
    unsigned char is_null = 0, error = 0;
    unsigned long n = 0;

    if (mbev_version_init(&init, &args, message) ||
        mbev_version(&init, &args, result, &n, &is_null, &error) != result ||
        n != strlen(MBEV_VERSION))
        fault("the version is another");
}

static void *
run(void *arg)
{
    unsigned thread = *(const unsigned *)arg;

    pthread_barrier_wait(&all_there);
    use_ring();
    for (unsigned i = 0; i < (unsigned)rounds; i++) {
        use_json(thread, i);
        use_ring();
        use_version();
    }
    atomic_fetch_sub(&at_work, 1);
    return NULL;
}

/* A doorbell that somebody answers now and then. */
static int
open_bell(void)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

    if (!mkdtemp(folder) || fd < 0)
        return -1;
    snprintf(path, sizeof path, "%s/doorbell", folder);
    setenv("MBEV_DOORBELL", path, 1);
    memcpy(at.sun_path, path, strlen(path));
    return bind(fd, (struct sockaddr *)&at, sizeof at) == 0 ? fd : -1;
}

int
main(int argc, char **argv)
{
    pthread_t thread[THREADS];
    unsigned number[THREADS];
    int bell = open_bell();
    char ring[4];

    if (argc > 1)
        rounds = atoi(argv[1]);
    if (bell < 0)
        return EXIT_FAILURE;
    pthread_barrier_init(&all_there, NULL, THREADS);
    for (unsigned i = 0; i < THREADS; i++) {
        number[i] = i;
        if (pthread_create(&thread[i], NULL, run, &number[i]) != 0)
            return EXIT_FAILURE;
    }
    /* Of rings that come too fast most are lost, so they cannot be counted. */
    while (atomic_load(&at_work) > 0)
        if (recv(bell, ring, sizeof ring, MSG_DONTWAIT) < 0)
            usleep(100);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    unlink(path);
    rmdir(folder);
    printf("%d threads, %d rounds: %u faults\n", THREADS, rounds, faults);
    return faults ? EXIT_FAILURE : EXIT_SUCCESS;
}
