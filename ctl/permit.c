/* permit: see permit.h. */
#include "permit.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { LARGEST_ACCOUNT = 16 * 1024, GROUP_SHIFT = 3, OWNER_SHIFT = 6 };

struct account
permit_account(uid_t uid)
{
    struct account account = { .uid = uid, .groups = PERMIT_GROUPS };
    struct passwd entry, *found = NULL;
    char buf[LARGEST_ACCOUNT];

    if (getpwuid_r(uid, &entry, buf, sizeof buf, &found) != 0 || !found) {
        snprintf(account.name, sizeof account.name, "%u", (unsigned)uid);
        account.groups = 0;
        return account;
    }
    snprintf(account.name, sizeof account.name, "%s", found->pw_name);
    if (getgrouplist(
            found->pw_name, found->pw_gid, account.group, &account.groups) < 0)
        account.groups = PERMIT_GROUPS;
    return account;
}

static bool
is_in(const struct account *account, gid_t gid)
{
    for (int i = 0; i < account->groups; i++)
        if (account->group[i] == gid)
            return true;
    return false;
}

static bool
may(const struct account *account, const struct stat *file, enum permit want)
{
    mode_t wanted = (mode_t)want;

    if (account->uid == 0)
        return true;
    if (file->st_uid == account->uid)
        wanted <<= OWNER_SHIFT;
    else if (is_in(account, file->st_gid))
        wanted <<= GROUP_SHIFT;
    return (file->st_mode & wanted) == wanted;
}

static bool
passes(const struct account *account, const char *path, enum permit want)
{
    struct stat file;

    if (stat(path, &file) != 0)
        return false;
    errno = EACCES;
    return may(account, &file, want);
}

bool
permit_reaches(const struct account *account, const char *path,
    enum permit want, char barrier[PERMIT_BARRIER])
{
    for (const char *p = path; (p = strchr(p, '/')); p++) {
        snprintf(barrier, PERMIT_BARRIER, "%.*s",
            p == path ? 1 : (int)(p - path), path);
        if (!passes(account, barrier, PERMIT_SEARCH))
            return false;
    }
    snprintf(barrier, PERMIT_BARRIER, "%s", path);
    return passes(account, path, want);
}
