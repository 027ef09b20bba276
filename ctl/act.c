/* act: what verbs need that change something; see ctl.h. */
#include "bytes.h"
#include "ctl.h"

#include <inttypes.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

enum { LONGEST_WHO = 255, LONGEST_WORDS = 255, LARGEST_ACCOUNT = 16 * 1024 };

int
ctl_confirm(const struct ctl *ctl, const char *hint, const char *question)
{
    char answer[16];

    if (ctl->yes)
        return EX_OK;
    if (!isatty(STDIN_FILENO) || out_is_json()) {
        fputs("mbevctl: there is no terminal to ask at: say --yes\n", stderr);
        return EX_USAGE;
    }
    if (hint)
        puts(hint);
    printf("%s? [y/N] ", question);
    fflush(stdout);
    if (fgets(answer, sizeof answer, stdin) &&
        (answer[0] == 'y' || answer[0] == 'Y'))
        return EX_OK;
    puts("nothing is changed");
    return EX_NOPERM;
}

/* "anna (as root)@billing", "root@billing". */
static void
name_operator(struct bytes *who)
{
    char buf[LARGEST_ACCOUNT], host[128] = "?";
    struct passwd entry, *account = NULL;
    const char *sudo = getenv("SUDO_USER");

    if (getpwuid_r(getuid(), &entry, buf, sizeof buf, &account) != 0)
        account = NULL;
    gethostname(host, sizeof host - 1);
    if (sudo && getuid() == 0)
        bytes_printf(who, "%s (as root)@%s", sudo, host);
    else if (account)
        bytes_printf(who, "%s@%s", account->pw_name, host);
    else
        bytes_printf(who, "uid %u@%s", (unsigned)getuid(), host);
}

void
ctl_note(struct bytes *sql, const struct ctl *ctl, const struct act *act)
{
    struct bytes who = bytes_make(4096), words = bytes_make(64 * 1024);

    name_operator(&who);
    bytes_str(&words, act->words ? act->words : "");
    if (ctl->reason)
        bytes_printf(&words, "%s%s", words.n ? "; " : "", ctl->reason);
    bytes_str(sql, "INSERT INTO audit (at_utc, who, verb, event_id,"
                   " delivery_id, was, words) VALUES (UTC_TIMESTAMP(3), LEFT(");
    db_text(sql, bytes_text(&who));
    bytes_printf(sql, ", %d), ", LONGEST_WHO);
    db_text(sql, ctl->verb);
    bytes_printf(sql, ", NULLIF(%" PRIu64 ", 0), NULLIF(%" PRIu64 ", 0), ",
        act->event_id, act->delivery_id);
    db_text(sql, act->was);
    bytes_str(sql, ", LEFT(");
    db_text(sql, bytes_text(&words));
    bytes_printf(sql, ", %d));", LONGEST_WORDS);
    bytes_free(&who);
    bytes_free(&words);
}

void
ctl_ring(const struct ctl *ctl, char letter, const char *lane)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    char words[32];

    if (fd < 0)
        return;
    snprintf(to.sun_path, sizeof to.sun_path, "%s", ctl->set->service.doorbell);
    snprintf(words, sizeof words, "%c%s", letter, lane ? lane : "");
    (void)sendto(fd, words, strlen(words), MSG_DONTWAIT | MSG_NOSIGNAL,
        (const struct sockaddr *)&to, sizeof to);
    close(fd);
}

static volatile sig_atomic_t interrupted;

static void
on_interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

bool
ctl_interrupted(void)
{
    static bool caught;
    struct sigaction action = { .sa_handler = on_interrupt };

    if (!caught)
        sigaction(SIGINT, &action, NULL);
    caught = true;
    return interrupted != 0;
}
