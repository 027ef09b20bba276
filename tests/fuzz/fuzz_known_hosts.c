/* Files of known keys of hosts. */
#include "fuzz.h"

#include "known_hosts.h"

static const struct {
    const char *host;
    int port;
} hosts[] = { { "10.0.0.1", 22 }, { "10.0.0.1", 2222 }, { "r1", 22 },
    { "fd00::1", 8022 } };

/* A key as it comes over the wire, of no curve. */
static const char key[] = "\0\0\0\x0bssh-ed25519\0\0\0\x20"
                          "0123456789abcdef0123456789abcdef";

static void
check_type(const char *type)
{
    if (type)
        holds(strncmp(type, "ssh-", 4) == 0 || strncmp(type, "ecdsa-", 6) == 0);
}

/* A key that was added is known from then on. */
static void
look(struct known_hosts *known, const char *host, int port)
{
    enum known found =
        known_hosts_check(known, host, port, key, sizeof key - 1);
    unsigned version = known_hosts_version(known);
    char why[200] = "";

    holds(found <= KNOWN_NOT);
    check_type(known_hosts_type(known, host, port));
    if (found != KNOWN_NOT)
        return;
    holds(known_hosts_add(
        known, host, port, key, sizeof key - 1, why, sizeof why));
    holds(known_hosts_check(known, host, port, key, sizeof key - 1) ==
          KNOWN_SAME);
    holds(known_hosts_version(known) == version);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz in = fuzz_input(data, size);
    struct known_hosts *known = known_hosts_make(fuzz_file(in.p, in.n));
    char why[200] = "";

    holds(known != NULL);
    holds(known_hosts_refresh(known, why, sizeof why));
    for (size_t i = 0; i < COUNT(hosts); i++)
        look(known, hosts[i].host, hosts[i].port);
    known_hosts_close(&known);
    return 0;
}
