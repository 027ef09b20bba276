/*
 * permit: what a person, that is an account of this host, may do with a file,
 * by owner, group and mode of the file and of every folder above it. What
 * access lists or a sandbox add or take away is not seen.
 */
#ifndef MBEV_CTL_PERMIT_H
#define MBEV_CTL_PERMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { PERMIT_GROUPS = 64, PERMIT_NAME = 64, PERMIT_BARRIER = 512 };

struct person {
    uid_t uid;
    gid_t group[PERMIT_GROUPS];
    int groups;
    char name[PERMIT_NAME];
};

/* What may be wanted of a file. */
enum permit { PERMIT_SEARCH = 1, PERMIT_WRITE = 2, PERMIT_READ = 4 };

/* Who has that number; one that has no name is in no group. */
struct person permit_person(uid_t uid);

/* Whether it may do that. If not, barrier is the file or folder that is in its
 * way, or that is not there (errno is ENOENT then, else EACCES). */
bool permit_reaches(const struct person *person, const char *path,
    enum permit want, char barrier[PERMIT_BARRIER]);

#endif
