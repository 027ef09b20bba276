/* journal: see journal.h. */
#include "journal.h"

#include "clock.h"
#include "fault.h"
#include "hash.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LONGEST_LINE = 512, SMALLEST_SET = 1024, MOST_PENDING = 4 << 20 };

/* The lowest bit is kept free for "begun"; 0 means an empty slot. */
static uint64_t
fingerprint(const char *key)
{
    uint64_t h = hash_text(key) & ~1ULL;

    return h ? h : 2;
}

/* The slot of the fingerprint, or the empty one where it would go. */
static uint64_t *
find(const struct journal_set *set, uint64_t h)
{
    size_t i = (size_t)(h >> 1) & (set->size - 1);

    while (set->slot[i] && (set->slot[i] & ~1ULL) != h)
        i = (i + 1) & (set->size - 1);
    return &set->slot[i];
}

static bool
grow(struct journal_set *set)
{
    struct journal_set more = { .size =
                                    set->size ? 2 * set->size : SMALLEST_SET };

    more.slot = calloc(more.size, sizeof *more.slot);
    if (!more.slot)
        return false;
    more.n = set->n;
    for (size_t i = 0; i < set->size; i++)
        if (set->slot[i])
            *find(&more, set->slot[i] & ~1ULL) = set->slot[i];
    free(set->slot);
    *set = more;
    return true;
}

static bool
put(struct journal_set *set, uint64_t h, bool begun)
{
    uint64_t *slot;

    if (4 * set->n >= 3 * set->size && !grow(set))
        return false;
    slot = find(set, h);
    set->n += *slot == 0;
    *slot = h | begun;
    return true;
}

static uint64_t
get(const struct journal_set *set, uint64_t h)
{
    return set->size ? *find(set, h) : 0;
}

static void
drop(struct journal_set *set)
{
    free(set->slot);
    *set = (struct journal_set){ 0 };
}

/* A last line without its end was never synced: nothing followed it. */
static bool
take_line(struct journal_set *set, char *line)
{
    size_t n = strlen(line);

    if (n < 3 || line[n - 1] != '\n' || line[1] != ' ')
        return true;
    line[n - 1] = '\0';
    return put(set, fingerprint(line + 2), line[0] == 'A');
}

static bool
load(struct journal_set *set, const char *path)
{
    char line[LONGEST_LINE];
    FILE *f = fopen(path, "re");
    bool good = true;

    if (!f)
        return errno == ENOENT;
    while (good && fgets(line, sizeof line, f))
        good = take_line(set, line);
    good = good && !ferror(f);
    fclose(f);
    return good;
}

static bool
failed(const struct journal *j)
{
    log_error("journal: %s: %s; the folder must exist and belong to the "
              "service's user ([service] state_dir)",
        j->path, strerror(errno));
    return false;
}

static void
old_path(const struct journal *j, char path[sizeof j->path])
{
    snprintf(path, sizeof j->path, "%.190s.1", j->path);
}

/* A file that was just made is found after a crash only when its folder was
 * synced too. */
static bool
sync_folder(const struct journal *j)
{
    char folder[sizeof j->path];
    bool good;
    int fd;

    snprintf(folder, sizeof folder, "%s", j->path);
    *strrchr(folder, '/') = '\0';
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    good = fsync(fd) == 0;
    close(fd);
    return good;
}

static bool
open_file(struct journal *j)
{
    j->fd = open(j->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    j->rotate_us = clock_boot_us() + j->period_us;
    return j->fd >= 0 && sync_folder(j);
}

static void
set_path(struct journal *j, const char *folder)
{
    snprintf(j->path, sizeof j->path, "%.160s/attempts.journal", folder);
}

bool
journal_exists(const char *folder)
{
    struct journal j = { .fd = -1 };
    char old[sizeof j.path];

    set_path(&j, folder);
    old_path(&j, old);
    return access(j.path, F_OK) == 0 || access(old, F_OK) == 0;
}

bool
journal_open(struct journal *j, const char *folder, int64_t period_us)
{
    char old[sizeof j->path];

    *j = (struct journal){ .fd = -1, .period_us = period_us };
    j->pending = bytes_make(MOST_PENDING);
    set_path(j, folder);
    old_path(j, old);
    if (load(&j->before, old) && load(&j->now, j->path) && open_file(j))
        return true;
    failed(j);
    journal_close(j);
    return false;
}

void
journal_close(struct journal *j)
{
    if (j->fd >= 0)
        close(j->fd);
    drop(&j->now);
    drop(&j->before);
    bytes_free(&j->pending);
    j->fd = -1;
}

bool
journal_is_open(const struct journal *j)
{
    return j->fd >= 0;
}

bool
journal_begun(const struct journal *j, const char *key)
{
    uint64_t h = fingerprint(key), said = get(&j->now, h);

    if (!said)
        said = get(&j->before, h);
    return said & 1;
}

static void
note(struct journal *j, const char *key, bool begun)
{
    /* The file may end in a line that was torn by a crash or a full disk. */
    if (j->pending.n == 0)
        bytes_chr(&j->pending, '\n');
    /* A note that found no memory makes the next sync fail. */
    if (put(&j->now, fingerprint(key), begun))
        bytes_printf(&j->pending, "%c %s\n", begun ? 'A' : 'F', key);
    else
        j->pending.failed = true;
}

void
journal_begin(struct journal *j, const char *key)
{
    note(j, key, true);
}

void
journal_free(struct journal *j, const char *key)
{
    note(j, key, false);
}

static bool
write_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, p, n);

        if (done < 0)
            return false;
        p += done;
        n -= (size_t)done;
    }
    return true;
}

static void
undo_rotate(struct journal *j, const char *old, int fd)
{
    int reason = errno;

    if (j->fd >= 0)
        close(j->fd);
    j->fd = fd;
    if (rename(old, j->path) < 0)
        log_warning("journal: %s: %s", old, strerror(errno));
    errno = reason;
}

/* The current file becomes the old one; the old one is forgotten. When that
 * fails everything stays as it was, and it is tried again later. */
static bool
rotate(struct journal *j)
{
    char old[sizeof j->path];
    int fd = j->fd;

    old_path(j, old);
    j->rotate_us = clock_boot_us() + j->period_us;
    if (rename(j->path, old) < 0)
        return false;
    if (!open_file(j)) {
        undo_rotate(j, old, fd);
        return false;
    }
    close(fd);
    drop(&j->before);
    j->before = j->now;
    j->now = (struct journal_set){ 0 };
    return true;
}

bool
journal_sync(struct journal *j)
{
    bool good = bytes_ok(&j->pending);

    if (good && j->pending.n == 0)
        return true;
    if (!good)
        errno = ENOMEM;
    fault_point("journal.write");
    good = good && !fault_fails("journal.full") &&
           write_all(j->fd, bytes_text(&j->pending), j->pending.n) &&
           fdatasync(j->fd) == 0;
    fault_point("journal.synced");
    bytes_clear(&j->pending);
    if (good && clock_boot_us() >= j->rotate_us && !rotate(j)) {
        /* Somebody removed the file: what we wrote is not on disk. */
        good = errno != ENOENT;
        if (good)
            log_warning("journal: %s is not rotated: %s; it grows until it is",
                j->path, strerror(errno));
    }
    return good || failed(j);
}
