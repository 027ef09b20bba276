/* permit: see permit.h. */
#include "permit.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { LARGEST_ACCOUNT = 16 * 1024, GROUP_SHIFT = 3, OWNER_SHIFT = 6 };

struct person
permit_person(uid_t uid)
{
    struct person person = { .uid = uid, .groups = PERMIT_GROUPS };
    struct passwd entry, *found = NULL;
    char buf[LARGEST_ACCOUNT];

    if (getpwuid_r(uid, &entry, buf, sizeof buf, &found) != 0 || !found) {
        snprintf(person.name, sizeof person.name, "%u", (unsigned)uid);
        person.groups = 0;
        return person;
    }
    snprintf(person.name, sizeof person.name, "%s", found->pw_name);
    if (getgrouplist(
            found->pw_name, found->pw_gid, person.group, &person.groups) < 0)
        person.groups = PERMIT_GROUPS;
    return person;
}

static bool
is_in(const struct person *person, gid_t gid)
{
    for (int i = 0; i < person->groups; i++)
        if (person->group[i] == gid)
            return true;
    return false;
}

static bool
may(const struct person *person, const struct stat *file, enum permit want)
{
    mode_t wanted = (mode_t)want;

    if (person->uid == 0)
        return true;
    if (file->st_uid == person->uid)
        wanted <<= OWNER_SHIFT;
    else if (is_in(person, file->st_gid))
        wanted <<= GROUP_SHIFT;
    return (file->st_mode & wanted) == wanted;
}

static bool
passes(const struct person *person, const char *path, enum permit want)
{
    struct stat file;

    if (stat(path, &file) != 0)
        return false;
    errno = EACCES;
    return may(person, &file, want);
}

bool
permit_reaches(const struct person *person, const char *path, enum permit want,
    char barrier[PERMIT_BARRIER])
{
    for (const char *p = path; (p = strchr(p, '/')); p++) {
        snprintf(barrier, PERMIT_BARRIER, "%.*s",
            p == path ? 1 : (int)(p - path), path);
        if (!passes(person, barrier, PERMIT_SEARCH))
            return false;
    }
    snprintf(barrier, PERMIT_BARRIER, "%s", path);
    return passes(person, path, want);
}
