/* Login shell of the accounts of a stand-in router: it passes the command on
 * to the test (a socket in the account's home) and prints what comes back.
 *
 *   shell -c COMMAND
 *
 * First line to the test: pid of the session's sshd, then SSH_CLIENT; then,
 * to the end, the command. Without a command the second word is "shell". */

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int
send_all(int to, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t sent = write(to, data, length);
        if (sent <= 0)
            return -1;
        data += sent;
        length -= (size_t)sent;
    }
    return 0;
}

static int
dial(const char *home)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int to = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s/console", home);
    if (to < 0 || connect(to, (struct sockaddr *)&address, sizeof address))
        return -1;
    return to;
}

/* Copies until the test ends, or nobody reads the output any more. */
static int
copy(int from)
{
    static char buffer[65536];
    for (;;) {
        struct pollfd both[] = { { .fd = from, .events = POLLIN },
            { .fd = STDOUT_FILENO } };
        ssize_t got;
        if (poll(both, 2, -1) < 0 || both[1].revents)
            return 1;
        got = read(from, buffer, sizeof buffer);
        if (got <= 0)
            return got < 0;
        if (send_all(STDOUT_FILENO, buffer, (size_t)got))
            return 1;
    }
}

int
main(int argc, char **argv)
{
    const char *home = getenv("HOME"), *client = getenv("SSH_CLIENT");
    const char *command = argc == 3 && !strcmp(argv[1], "-c") ? argv[2] : 0;
    char head[256];
    int test = dial(home ? home : "");
    if (test < 0)
        return 1;
    snprintf(head, sizeof head, "%d %s %s\n", (int)getppid(),
        command ? "exec" : "shell", client ? client : "");
    if (send_all(test, head, strlen(head)) ||
        (command && send_all(test, command, strlen(command))) ||
        shutdown(test, SHUT_WR))
        return 1;
    return copy(test);
}
