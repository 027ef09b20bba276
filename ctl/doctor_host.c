/*
 * doctor_host: what of this host the service depends on: its file, its folder,
 * the doorbell and who gets at it, its lock.
 */
#include "doctor.h"

#include "permit.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    LONGEST_PATH = 256,
    LONGEST_CURE = 4096,
    LONGEST_LINE = 256,
    SERVER_UNKNOWN = 65534, /* an account that has no rights of its own */
    KIB = 1024,
    LEAST_ROOM_KIB = 16 * KIB
};

/* --- the file of the settings ------------------------------------------ */

/* The service is who owns its folder, as its unit makes it. */
static bool
find_service(const struct settings *set, struct person *service)
{
    struct stat folder;

    if (stat(set->service.state_dir, &folder) != 0)
        return false;
    *service = permit_person(folder.st_uid);
    return true;
}

/* Who else may read it is looked at when it is read. */
static void
check_file(struct doctor *d)
{
    char barrier[PERMIT_BARRIER], cure[LONGEST_CURE];
    struct person service;
    struct stat file;

    if (stat(d->ctl->config, &file) != 0)
        return; /* that was said when it could not be read */
    if (d->ctl->config[0] == '/' && find_service(d->ctl->set, &service) &&
        !permit_reaches(&service, d->ctl->config, PERMIT_READ, barrier)) {
        snprintf(cure, sizeof cure, "chgrp %s %s; chmod g+r%s %s", service.name,
            barrier, strcmp(barrier, d->ctl->config) == 0 ? "" : "x", barrier);
        doctor_tell(d, RESULT_FAILED, cure,
            "the service runs as %s, who gets no further than %s", service.name,
            barrier);
    } else {
        doctor_tell(d, RESULT_OK, NULL, "the service may read it");
    }
}

/* --- its folder -------------------------------------------------------- */

static void
check_room(struct doctor *d, const char *path)
{
    struct statvfs disk;
    uint64_t kib;

    if (statvfs(path, &disk) != 0)
        return;
    kib = (uint64_t)disk.f_bavail * disk.f_frsize / KIB;
    if (kib < LEAST_ROOM_KIB)
        doctor_tell(d, RESULT_FAILED, "make room on that disk",
            "%s has %" PRIu64 " KiB left: attempts cannot be noted there", path,
            kib);
    else
        doctor_tell(
            d, RESULT_OK, NULL, "%s, %" PRIu64 " MiB left", path, kib / KIB);
}

static void
check_folder(struct doctor *d)
{
    const char *path = d->ctl->set->service.state_dir;
    char cure[LONGEST_CURE];
    struct stat folder;

    if (stat(path, &folder) != 0) {
        snprintf(
            cure, sizeof cure, "install -d -o mbevd -g mbevd -m 700 %s", path);
        doctor_tell(d, errno == ENOENT ? RESULT_FAILED : RESULT_WARNING, cure,
            "%s: %s", path, strerror(errno));
    } else if (!S_ISDIR(folder.st_mode)) {
        doctor_tell(d, RESULT_FAILED, "name a folder in [service] state_dir",
            "%s is no folder", path);
    } else if (folder.st_mode & S_IWOTH) {
        snprintf(cure, sizeof cure, "chmod 700 %s", path);
        doctor_tell(d, RESULT_FAILED, cure,
            "everybody on this host may write in %s (mode %04o)", path,
            (unsigned)(folder.st_mode & ALLPERMS));
    } else {
        check_room(d, path);
    }
}

/* --- the doorbell ------------------------------------------------------ */

/* Who the database server is on this host; else somebody without rights. */
static struct person
find_server(const struct doctor *d)
{
    uid_t uid;

    if (d->ctl->db && db_peer(d->ctl->db, &uid))
        return permit_person(uid);
    return permit_person(SERVER_UNKNOWN);
}

/* Finds out whether somebody listens, and sends nothing. */
static bool
is_heard(const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool heard;

    if (fd < 0)
        return false;
    strncpy(addr.sun_path, path, sizeof addr.sun_path - 1);
    heard = connect(fd, (struct sockaddr *)&addr, sizeof addr) == 0;
    close(fd);
    return heard;
}

static void
tell_missing_bell(struct doctor *d, const char *path)
{
    char folder[LONGEST_PATH], cure[LONGEST_CURE];
    int number = errno;

    snprintf(folder, sizeof folder, "%s", path);
    dirname(folder);
    if (access(folder, F_OK) == 0)
        snprintf(cure, sizeof cure, CURE_START);
    else
        snprintf(cure, sizeof cure,
            "install -d -o mbevd -g mbevd %s, or start the service by its "
            "unit, which makes it",
            folder);
    doctor_tell(d, RESULT_WARNING, cure, "%s: %s", path, strerror(number));
}

/* Without it the service looks once a second only. */
static void
tell_barrier(struct doctor *d, const struct person *server, const char *path,
    const char *barrier)
{
    bool above = strcmp(path, barrier) != 0;
    char cure[LONGEST_CURE];

    snprintf(cure, sizeof cure, "chmod %s %s%s", above ? "o+x" : "a+w", barrier,
        above ? ", and in the unit RuntimeDirectoryMode=0755" : "");
    doctor_tell(d, RESULT_WARNING, cure,
        "the database server, which is %s here, does not get past %s: it "
        "cannot ring, so every change is noticed up to %" PRId64 " ms later",
        server->name, barrier, d->ctl->set->service.safety_poll_ms);
}

static void
check_bell(struct doctor *d)
{
    const char *path = d->ctl->set->service.doorbell;
    struct person server = find_server(d);
    char barrier[PERMIT_BARRIER];
    struct stat bell;

    if (stat(path, &bell) != 0)
        tell_missing_bell(d, path);
    else if (!S_ISSOCK(bell.st_mode))
        doctor_tell(d, RESULT_FAILED,
            "take it away, and: systemctl restart mbevd", "%s is no socket",
            path);
    else if (!permit_reaches(&server, path, PERMIT_WRITE, barrier))
        tell_barrier(d, &server, path, barrier);
    else if (!is_heard(path))
        doctor_tell(d, RESULT_WARNING, CURE_START,
            "nobody listens behind %s: %s", path, strerror(errno));
    else
        doctor_tell(
            d, RESULT_OK, NULL, "%s, and %s may ring", path, server.name);
}

/* --- the lock ---------------------------------------------------------- */

/* Who holds it stands in /proc/locks, so it need not be tried. (The number of
 * the device there is not that of stat() on every file system.) */
static bool
find_holder(const struct stat *lock, long *pid)
{
    FILE *f = fopen("/proc/locks", "re");
    char line[LONGEST_LINE];
    uint64_t inode;
    bool found = false;

    while (f && !found && fgets(line, sizeof line, f))
        found = sscanf(line, "%*d: FLOCK %*s %*s %ld %*x:%*x:%" SCNu64, pid,
                    &inode) == 2 &&
                inode == lock->st_ino;
    if (f)
        fclose(f);
    return found;
}

static void
check_lock(struct doctor *d)
{
    char path[LONGEST_PATH];
    struct stat lock;
    long pid;

    snprintf(path, sizeof path, "%s.lock", d->ctl->set->service.doorbell);
    if (stat(path, &lock) == 0 && find_holder(&lock, &pid))
        doctor_tell(d, RESULT_OK, NULL, "%s is held by process %ld", path, pid);
    else
        doctor_tell(d, RESULT_NOTE, NULL,
            "no mbevd runs on this host with this doorbell");
}

static const struct doctor_check checks[] = {
    { .name = "file", .run = check_file },
    { .name = "state folder", .run = check_folder },
    { .name = "doorbell", .run = check_bell },
    { .name = "lock", .run = check_lock },
};

const struct doctor_group doctor_host = { checks,
    sizeof checks / sizeof *checks };
