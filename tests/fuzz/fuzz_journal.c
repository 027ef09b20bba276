/*
 * The journal of attempts, whatever its files hold: the input, divided by a
 * byte 0xFF, is the old file and the current one.
 */
#include "fuzz.h"

#include "journal.h"
#include "log.h"

#include <fcntl.h>
#include <sys/stat.h>

#define PERIOD_US (3600 * INT64_C(1000000))

static const char begun_key[] = "payment:bugh_plategi_stat:1/receipt/1";
static const char freed_key[] = "payment:bugh_plategi_stat:2/sms/1";

static char folder[64] = "/dev/shm/mbev-fuzz-XXXXXX";

static void
write_file(const char *name, const char *p, size_t n)
{
    char path[128];
    int fd;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    holds(fd >= 0);
    holds(write(fd, p, n) == (ssize_t)n);
    close(fd);
}

static void
clean_up(void)
{
    char path[128];

    snprintf(path, sizeof path, "%s/attempts.journal", folder);
    unlink(path);
    snprintf(path, sizeof path, "%s/attempts.journal.1", folder);
    unlink(path);
    rmdir(folder);
}

static void
make_folder(void)
{
    static bool made;

    if (made)
        return;
    made = true;
    holds(mkdtemp(folder) != NULL);
    atexit(clean_up);
    log_set_level(LOG_FATAL);
}

/* What is noted and synced is there after a restart, whatever else is. */
static void
note(void)
{
    struct journal j;

    holds(journal_open(&j, folder, PERIOD_US));
    journal_begin(&j, begun_key);
    journal_begin(&j, freed_key);
    journal_free(&j, freed_key);
    holds(journal_begun(&j, begun_key) && !journal_begun(&j, freed_key));
    holds(journal_sync(&j));
    journal_close(&j);
    holds(journal_open(&j, folder, PERIOD_US));
    holds(journal_begun(&j, begun_key) && !journal_begun(&j, freed_key));
    journal_close(&j);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz in = fuzz_input(data, size);
    const char *end = in.n ? memchr(in.p, 0xFF, in.n) : NULL;
    size_t old = end ? (size_t)(end - in.p) : 0;

    make_folder();
    write_file("attempts.journal.1", in.p, old);
    write_file("attempts.journal", in.p + old, in.n - old);
    note();
    return 0;
}
