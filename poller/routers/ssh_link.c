/*
 * ssh_link: sessions ended through a router's console, over SSH.
 *
 * Several logins in one command; each block of it reports by itself, in a line
 * that begins with our own mark.
 */
#include "routers/console.h"
#include "routers/link.h"
#include "ssh.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_USER = 128 };

struct ssh_link {
    struct ssh *ssh;
    char user[LONGEST_USER]; /* with the suffix of the settings */
    struct order *order;     /* under way; the router's */
    size_t n;
    char words[LINK_WORDS];
};

static enum ssh_policy
policy_of(const struct router_settings *set)
{
    if (strcmp(set->host_key, "strict") == 0)
        return SSH_STRICT;
    return strcmp(set->host_key, "off") == 0 ? SSH_ANY : SSH_ACCEPT_NEW;
}

static void *
open_link(int fd, const struct peer *peer)
{
    struct ssh_link *link = calloc(1, sizeof *link);
    const struct router_settings *set = peer->set;

    if (link)
        snprintf(link->user, sizeof link->user, "%s%s", peer->user,
            set->login_suffix);
    /* Without a link, too: it takes the socket over. */
    const struct ssh_settings settings = { .host = peer->address,
        .port = peer->port,
        .user = link ? link->user : "",
        .password = peer->password,
        .key_file = set->key_file,
        .kex = set->kex,
        .hostkeys = set->hostkeys,
        .ciphers = set->ciphers,
        .macs = set->macs,
        .policy = policy_of(set),
        .known = peer->known };
    struct ssh *ssh = ssh_open(fd, &settings);

    if (link && ssh) {
        link->ssh = ssh;
        return link;
    }
    ssh_close(&ssh);
    free(link);
    return NULL;
}

static void
close_link(void *arg)
{
    struct ssh_link *link = arg;

    ssh_close(&link->ssh);
    free(link);
}

/* Marks what the router has reported so far. */
static void
read_reports(struct ssh_link *link, bool whole)
{
    const struct bytes *output = ssh_output(link->ssh);
    struct console_answer answer[LINK_MOST] = { 0 };

    console_read(bytes_text(output), output->n, whole, answer, link->n,
        link->words, sizeof link->words);
    for (size_t i = 0; i < link->n; i++) {
        struct order *order = &link->order[i];

        if (answer[i].state == CONSOLE_ENDED)
            order->state = ORDER_DONE;
        else if (answer[i].state == CONSOLE_ERROR)
            order->state = ORDER_ERROR;
        order->ended = answer[i].ended;
    }
}

static enum link_status
step(void *arg)
{
    struct ssh_link *link = arg;
    enum ssh_status status = ssh_step(link->ssh);

    if (link->n > 0)
        read_reports(link, status == SSH_READY);
    if (status == SSH_WAITS)
        return LINK_WAITS;
    link->n = 0;
    return status == SSH_READY ? LINK_READY : LINK_FAILED;
}

static size_t
send_orders(void *arg, struct order *orders, size_t n)
{
    struct ssh_link *link = arg;
    const char *login[LINK_MOST];
    struct bytes line = bytes_make(2 * CONSOLE_LINE);

    if (n > LINK_MOST)
        n = LINK_MOST;
    for (size_t i = 0; i < n; i++)
        login[i] = orders[i].login;
    link->order = orders;
    link->n = console_build(&line, login, n);
    ssh_exec(link->ssh, bytes_text(&line));
    bytes_free(&line);
    return link->n;
}

static int
fd_of(const void *arg)
{
    return ssh_fd(((const struct ssh_link *)arg)->ssh);
}

static unsigned
wants(const void *arg)
{
    return ssh_wants(((const struct ssh_link *)arg)->ssh);
}

static enum fault
fault(const void *arg)
{
    static const enum fault faults[] = {
        [SSH_BROKEN] = FAULT_BROKEN,
        [SSH_REFUSED] = FAULT_REFUSED,
        [SSH_KEY_CHANGED] = FAULT_KEY,
        [SSH_KEY_UNKNOWN] = FAULT_STRANGER,
        [SSH_NO_COMMON] = FAULT_ALGORITHMS,
        [SSH_TOO_MUCH] = FAULT_COMMAND,
        [SSH_OURS] = FAULT_OURS,
    };

    return faults[ssh_trouble(((const struct ssh_link *)arg)->ssh)];
}

static const char *
words(const void *arg)
{
    const struct ssh_link *link = arg;
    const char *why = ssh_why(link->ssh);

    return *why ? why : link->words;
}

const struct link_ops link_ssh = {
    .name = "ssh",
    .port = 22,
    .dials = true,
    .chats = true,
    .open = open_link,
    .close = close_link,
    .step = step,
    .send = send_orders,
    .fd = fd_of,
    .wants = wants,
    .fault = fault,
    .words = words,
};
