/* library: see library.h; library_swap() is in library_swap.c. */
#include "library.h"

#include "fault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

static const char file_name[] = "mbev.so";

const struct library_function library_functions[] = {
    { "mbev_json", "STRING" },
    { "mbev_ring", "INTEGER" },
    { "mbev_version", "STRING" },
    { NULL, NULL },
};

/* --- looking ------------------------------------------------------------- */

/* The same folder here and for the server, which may live in a container. Of a
 * server whose root cannot be looked at only the name is known. */
static bool
is_same_folder(pid_t pid, const char *folder)
{
    char theirs[PATH_MAX];
    struct stat here, there;
    int n =
        snprintf(theirs, sizeof theirs, "/proc/%ld/root%s", (long)pid, folder);

    if (stat(folder, &here) != 0 || !S_ISDIR(here.st_mode))
        return false;
    if (n >= (int)sizeof theirs || stat(theirs, &there) != 0)
        return errno == EACCES || errno == EPERM;
    return here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

static bool
is_same_file(const char *a, const char *b)
{
    FILE *one = fopen(a, "re"), *other = fopen(b, "re");
    bool same = one && other;

    while (same) {
        int c = getc_unlocked(one);

        same = c == getc_unlocked(other) && !ferror(one) && !ferror(other);
        if (c == EOF)
            break;
    }
    if (one)
        fclose(one);
    if (other)
        fclose(other);
    return same;
}

/* Whether a line of maps is about our library, and one that was replaced. */
static bool
is_replaced(const char *line)
{
    const char *name = strrchr(line, '/');

    return name && strncmp(name + 1, file_name, sizeof file_name - 1) == 0 &&
           strstr(name, " (deleted)");
}

/* Whether the server has loaded a file that does not lie there any more. */
static bool
has_replaced_one(pid_t pid)
{
    char path[64], line[PATH_MAX + 256];
    bool replaced = false;
    FILE *maps;

    snprintf(path, sizeof path, "/proc/%ld/maps", (long)pid);
    maps = fopen(path, "re");
    while (maps && !replaced && fgets(line, sizeof line, maps))
        replaced = is_replaced(line);
    if (maps)
        fclose(maps);
    return replaced;
}

static void
look_at_files(struct library *l, pid_t pid)
{
    size_t n = strlen(l->folder);

    while (n > 1 && l->folder[n - 1] == '/')
        l->folder[--n] = '\0';
    snprintf(l->to, sizeof l->to, "%.*s/%s",
        (int)(PATH_MAX - sizeof file_name - 1), l->folder, file_name);
    l->packaged = access(l->from, R_OK) == 0;
    l->here = pid != 0 && is_same_folder(pid, l->folder);
    l->there = l->here && access(l->to, F_OK) == 0;
    l->same = l->there && l->packaged && is_same_file(l->from, l->to);
}

void
library_look(struct library *l, const struct admin *a)
{
    pid_t pid = db_peer_pid(a->db);

    *l = (struct library){ .here = false };
    snprintf(l->from, sizeof l->from, "%s",
        a->library_file ? a->library_file : MBEV_LIBRARY_FILE);
    admin_text(a->db, "SELECT @@plugin_dir", l->folder, sizeof l->folder);
    look_at_files(l, pid);
    l->functions = (unsigned)admin_number(a->db,
        "SELECT COUNT(*) FROM mysql.func WHERE name IN"
        " ('mbev_json', 'mbev_ring', 'mbev_version')");
    admin_text(a->db, "SELECT mbev_version()", l->loaded, sizeof l->loaded);
    l->other = *l->loaded && (strcmp(l->loaded, MBEV_VERSION) != 0 ||
                                 (l->here && l->packaged && !l->same) ||
                                 (l->here && has_replaced_one(pid)));
}

/* --- copying ------------------------------------------------------------- */

static int
tell(const char *path, const char *what)
{
    fprintf(stderr, "mbevctl: %s: %s: %s%s\n", path, what, strerror(errno),
        errno == EACCES || errno == EPERM ? "; run it as root: sudo" : "");
    return EX_CANTCREAT;
}

static bool
copy_bytes(int from, int to)
{
    char block[64 * 1024];
    ssize_t n;

    while ((n = read(from, block, sizeof block)) > 0)
        for (ssize_t done = 0, wrote; done < n; done += wrote) {
            wrote = write(to, block + done, (size_t)(n - done));
            if (wrote < 0)
                return false;
        }
    return n == 0;
}

static bool
write_file(const char *from, int to)
{
    int fd = open(from, O_RDONLY | O_CLOEXEC);
    bool good = fd >= 0 && copy_bytes(fd, to) && fchmod(to, 0644) == 0 &&
                fsync(to) == 0;

    if (fd >= 0)
        close(fd);
    return good && !fault_fails("install.copy");
}

/* A name is safe on disk when its folder is. */
static bool
sync_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0)
        close(fd);
    return good;
}

static void
name_new(const struct library *l, char path[PATH_MAX + 8])
{
    snprintf(path, PATH_MAX + 8, "%s.new", l->to);
}

int
library_copy(const struct library *l)
{
    char fresh[PATH_MAX + 8];
    bool good;
    int fd;

    name_new(l, fresh);
    unlink(fresh); /* of a run that was cut short */
    fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
        S_IRUSR | S_IWUSR);
    if (fd < 0)
        return tell(fresh, "cannot be made");
    good = write_file(l->from, fd);
    good = close(fd) == 0 && good;
    fault_point("install.copied");
    if (good && rename(fresh, l->to) == 0 && sync_folder(l->folder))
        return EX_OK;
    tell(l->to, "cannot be laid there");
    unlink(fresh);
    return EX_CANTCREAT;
}

int
library_remove(const struct library *l)
{
    char fresh[PATH_MAX + 8];

    name_new(l, fresh);
    if ((unlink(fresh) != 0 && errno != ENOENT) ||
        (unlink(l->to) != 0 && errno != ENOENT))
        return tell(l->to, "cannot be removed");
    sync_folder(l->folder);
    return EX_OK;
}
