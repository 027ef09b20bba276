/*
 * A name server that never answers, for a program that has this file loaded
 * before libc: to ask for "router.invalid" takes minutes. All other names are
 * asked for as ever.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

typedef int
ask(const char *, const char *, const struct addrinfo *, struct addrinfo **);

enum { MINUTES = 300 };

int
getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
    struct addrinfo **found)
{
    void *pointer = dlsym(RTLD_NEXT, "getaddrinfo");
    ask *real;

    if (name && strcmp(name, "router.invalid") == 0) {
        sleep(MINUTES);
        return EAI_AGAIN;
    }
    memcpy(&real, &pointer, sizeof real);
    return real(name, service, hints, found);
}
