/*
 * api_link: orders carried out through the binary API. The router is this
 * program itself: it notes the sentences that come, and answers each with the
 * next of a script, or by a table of sessions.
 */
#include "unit.h"

#include "bytes.h"
#include "routers/link.h"
#include "routers/words.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { MOST_SESSIONS = 3000, MOST_HEARD = 2000, MOST_IDS = 32 };

/* ---- the router ---- */

struct scene {
    struct settings set;
    struct router_settings router;
    struct peer peer;
    const struct link_ops *ops;
    void *link;
    int fd;           /* the router's end; -1 = it has hung up */
    struct bytes in;  /* what has come, and was not read as sentences */
    struct bytes out; /* what is to be sent */
    size_t piece;     /* so many bytes at a time */
    struct bytes log; /* the sentences that have come: words with a blank
                         between them, one line for each */
    struct order order[LINK_MOST];
};

static int
set_up(void **state)
{
    static struct scene scene;
    int fd[2];

    scene = (struct scene){ .set.routers = { .ca_file = "" },
        .router = { .api_login = "plain", .api_tls = "off" },
        .ops = &link_api,
        .in = bytes_make(1 << 20),
        .out = bytes_make(1 << 20),
        .log = bytes_make(1 << 20),
        .piece = 65536 };
    scene.peer = (struct peer){ .address = "127.0.0.1",
        .port = 8728,
        .user = "mbev",
        .password = "secret",
        .secret = "",
        .all = &scene.set,
        .set = &scene.router };
    assert_int_equal(
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
    scene.fd = fd[1];
    *state = &scene;
    scene.link = scene.ops->open(fd[0], &scene.peer);
    assert_non_null(scene.link);
    assert_int_equal(scene.ops->fd(scene.link), fd[0]);
    return 0;
}

static void
hang_up(struct scene *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

static int
tear_down(void **state)
{
    struct scene *s = *state;

    if (s->link)
        s->ops->close(s->link);
    hang_up(s);
    bytes_free(&s->in);
    bytes_free(&s->out);
    bytes_free(&s->log);
    return 0;
}

/* Opens the link anew, with the settings as they are now. */
static void
open_again(struct scene *s)
{
    int fd[2];

    s->ops->close(s->link);
    hang_up(s);
    bytes_clear(&s->in);
    bytes_clear(&s->out);
    bytes_clear(&s->log);
    assert_int_equal(
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
    s->fd = fd[1];
    s->link = s->ops->open(fd[0], &s->peer);
    assert_non_null(s->link);
}

/* Takes the sentences that have come, into the log. */
static void
hear(struct scene *s)
{
    char some[4096];
    ssize_t n;
    struct sentence sentence;
    size_t used;

    while ((n = recv(s->fd, some, sizeof some, 0)) > 0)
        bytes_add(&s->in, some, (size_t)n);
    while (words_read(bytes_text(&s->in), s->in.n, &sentence, &used) ==
           WORDS_SENTENCE) {
        for (size_t i = 0; i < sentence.n; i++) {
            if (i)
                bytes_chr(&s->log, ' ');
            bytes_add(&s->log, sentence.word[i].p, sentence.word[i].len);
        }
        bytes_chr(&s->log, '\n');
        memmove(s->in.p, s->in.p + used, s->in.n - used + 1);
        s->in.n -= used;
    }
}

/* Appends a sentence to what is to be sent: words with blanks between them;
 * an underscore stands for a blank. */
static void
say(struct scene *s, const char *text)
{
    while (*text) {
        size_t n = strcspn(text, " ");
        char word[200];

        assert_true(n < sizeof word);
        for (size_t i = 0; i < n; i++)
            word[i] = (char)(text[i] == '_' ? ' ' : text[i]);
        words_add(&s->out, word, n);
        text += n + (text[n] == ' ');
    }
    words_end(&s->out);
}

static void
send_out(struct scene *s)
{
    ssize_t n = 0;

    if (s->out.n > 0)
        n = send(s->fd, s->out.p, s->out.n < s->piece ? s->out.n : s->piece,
            MSG_NOSIGNAL);
    if (n <= 0)
        return;
    memmove(s->out.p, s->out.p + n, s->out.n - (size_t)n + 1);
    s->out.n -= (size_t)n;
}

/* Steps, sending what is to be sent, until there is nothing more to send and
 * the link waits, or it is something else. */
static enum link_status
go_on(struct scene *s)
{
    enum link_status status = LINK_WAITS;

    for (int i = 0; i < 1000000; i++) {
        status = s->ops->step(s->link);
        if (status != LINK_WAITS || s->out.n == 0)
            break;
        send_out(s);
    }
    if (s->fd >= 0)
        hear(s);
    return status;
}

/* What the router has heard since the last time. */
static void
assert_heard(struct scene *s, const char *want)
{
    if (s->fd >= 0)
        hear(s);
    expect_text("heard", bytes_text(&s->log), want);
    bytes_clear(&s->log);
}

/* The router says this, and the link comes to that. */
static void
answer(struct scene *s, const char *text, enum link_status want)
{
    say(s, text);
    send_out(s);
    go_on(s);
    expect_number(text, go_on(s), want);
}

static void
assert_failed(struct scene *s, enum fault fault, const char *words)
{
    assert_int_equal(go_on(s), LINK_FAILED);
    expect_text("words", s->ops->words(s->link), words);
    assert_int_equal(s->ops->fault(s->link), fault);
    assert_int_equal(s->ops->step(s->link), LINK_FAILED);
}

static void
log_in(struct scene *s)
{
    assert_int_equal(go_on(s), LINK_WAITS);
    answer(s, "!done", LINK_READY);
    bytes_clear(&s->log);
}

/* Orders for these logins. */
static size_t
give(struct scene *s, const char *const *login, size_t n)
{
    for (size_t i = 0; i < n; i++)
        s->order[i] = (struct order){ .login = login[i], .ended = 77 };
    return s->ops->send(s->link, s->order, n);
}

static void
give_one(struct scene *s, const char *login)
{
    assert_int_equal(give(s, &login, 1), 1);
    assert_int_equal(go_on(s), LINK_WAITS);
}

static void
assert_order(struct scene *s, size_t i, enum order_state how, unsigned ended)
{
    expect_number(s->order[i].login, s->order[i].state, how);
    expect_number(s->order[i].login, s->order[i].ended, ended);
}

#define FIND(login) "/ppp/active/print ?name=" login " =.proplist=.id,name\n"
#define REMOVE(id) "/ppp/active/remove =.id=" id "\n"

/* ---- the login ---- */

static void
it_logs_in_with_the_password(void **state)
{
    struct scene *s = *state;

    assert_int_equal(go_on(s), LINK_WAITS);
    assert_heard(s, "/login =name=mbev =password=secret\n");
    answer(s, "!done", LINK_READY);
    assert_heard(s, "");
    assert_int_equal(go_on(s), LINK_READY);
    assert_string_equal(s->ops->words(s->link), "");
    assert_null(s->ops->due_us);
}

static void
an_empty_password_is_used_as_it_is(void **state)
{
    struct scene *s = *state;

    s->peer.password = "";
    open_again(s);
    assert_int_equal(go_on(s), LINK_WAITS);
    assert_heard(s, "/login =name=mbev =password=\n");
}

/* The digest is MD5 of a NUL, the password and the challenge. */
#define CHALLENGE "00112233445566778899aabbccddeeff"
#define RESPONSE "00c17511d224a5e93170632807d36388aa"

static void
an_old_router_is_answered_its_challenge(void **state)
{
    struct scene *s = *state;

    go_on(s);
    bytes_clear(&s->log);
    answer(s, "!done =ret=" CHALLENGE, LINK_WAITS);
    assert_heard(s, "/login =name=mbev =response=" RESPONSE "\n");
    answer(s, "!done", LINK_READY);
}

static void
where_that_is_set_no_password_is_shown(void **state)
{
    struct scene *s = *state;

    s->router.api_login = "challenge";
    open_again(s);
    go_on(s);
    assert_heard(s, "/login\n");
    answer(s, "!done =ret=" CHALLENGE, LINK_WAITS);
    assert_heard(s, "/login =name=mbev =response=" RESPONSE "\n");
    answer(s, "!done", LINK_READY);
}

static void
a_new_router_has_no_challenge(void **state)
{
    struct scene *s = *state;

    s->router.api_login = "challenge";
    open_again(s);
    go_on(s);
    answer(s, "!done", LINK_FAILED);
    assert_failed(s, FAULT_OURS,
        "it offers no challenge, as RouterOS from 6.43 on; api_login must be "
        "plain");
}

/* Neither the name nor the password was said. */
static void
a_challenge_that_is_refused_is_no_refused_login(void **state)
{
    struct scene *s = *state;

    s->router.api_login = "challenge";
    open_again(s);
    go_on(s);
    answer(s, "!trap =message=missing_name", LINK_FAILED);
    assert_failed(s, FAULT_OURS,
        "it offers no challenge, as RouterOS from 6.43 on; api_login must be "
        "plain: missing name");
}

static void
a_challenge_that_is_none_is_refused(void **state)
{
    static const char *const bad[] = { "!done =ret=", "!done =ret=00",
        "!done =ret=" CHALLENGE "0", "!done =ret=" CHALLENGE "00",
        "!done =ret=0011223344556677889900aabbccddxx" };
    struct scene *s = *state;

    for (size_t i = 0; i < COUNT(bad); i++) {
        open_again(s);
        go_on(s);
        bytes_clear(&s->log);
        answer(s, bad[i], LINK_FAILED);
        assert_failed(s, FAULT_REFUSED, "its challenge cannot be answered");
        assert_heard(s, "");
    }
}

static void
a_second_challenge_is_not_answered(void **state)
{
    struct scene *s = *state;

    go_on(s);
    answer(s, "!done =ret=" CHALLENGE, LINK_WAITS);
    bytes_clear(&s->log);
    answer(s, "!done =ret=" CHALLENGE, LINK_READY);
    assert_heard(s, "");
}

static void
a_refused_login_is_told_in_the_routers_words(void **state)
{
    static const struct {
        const char *answer, *words;
    } rows[] = {
        { "!trap =message=invalid_user_name_or_password_(6)",
            "it refuses the login: invalid user name or password (6)" },
        { "!trap =message=cannot_log_in", "it refuses the login: cannot log "
                                          "in" },
        { "!trap =category=3", "it refuses the login: =category=3" },
        { "!trap", "it refuses the login" },
        { "!trap =message=", "it refuses the login" },
    };
    struct scene *s = *state;

    for (size_t i = 0; i < COUNT(rows) * 2; i++) {
        open_again(s);
        go_on(s);
        if (i % 2)
            answer(s, "!done =ret=" CHALLENGE, LINK_WAITS);
        say(s, rows[i / 2].answer);
        answer(s, "!done", LINK_FAILED);
        assert_failed(s, FAULT_REFUSED, rows[i / 2].words);
    }
}

static void
what_is_no_answer_to_a_login_is_no_api(void **state)
{
    static const char *const bad[] = { "!re =.id=*1", "!empty", "!DONE", "done",
        "=message=x", "!done2" };
    struct scene *s = *state;

    for (size_t i = 0; i < COUNT(bad); i++) {
        open_again(s);
        go_on(s);
        answer(s, bad[i], LINK_FAILED);
        assert_failed(s, FAULT_COMMAND, "it is no RouterOS API that answers");
    }
}

static void
garbage_is_no_api(void **state)
{
    static const struct {
        const char *p;
        size_t n;
    } rows[] = {
        { RAW("\xF8") },
        { RAW("\xFF\xFF\xFF\xFF\xFF\xFF") },
        { RAW("\xE0\x01\x00\x01") }, /* a word of 64 KiB and one byte */
        { RAW("\xF0\xFF\xFF\xFF\xFF") },
    };
    struct scene *s = *state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        open_again(s);
        go_on(s);
        bytes_add(&s->out, rows[i].p, rows[i].n);
        assert_failed(s, FAULT_COMMAND, "it is no RouterOS API that answers");
    }
}

/* Whatever it is, what it says is bounded. */
static void
noise_of_any_kind_comes_to_an_end(void **state)
{
    struct scene *s = *state;

    srand(1);
    for (int i = 0; i < 200; i++) {
        static char noise[30000];

        for (size_t j = 0; j < sizeof noise; j++)
            noise[j] = (char)(rand() % 3 ? rand() % 6 : rand());
        open_again(s);
        bytes_add(&s->out, noise, sizeof noise);
        while (s->out.n > 0 && go_on(s) == LINK_WAITS)
            send_out(s);
        hang_up(s);
        bytes_clear(&s->out);
        assert_int_equal(go_on(s), LINK_FAILED);
    }
}

static void
sentences_without_words_are_nothing(void **state)
{
    struct scene *s = *state;

    go_on(s);
    for (int i = 0; i < 100; i++)
        words_end(&s->out);
    assert_int_equal(go_on(s), LINK_WAITS);
    answer(s, "!done", LINK_READY);
}

/* ---- ends of the connection ---- */

static void
one_that_hangs_up_is_broken(void **state)
{
    struct scene *s = *state;

    for (int i = 0; i < 3; i++) {
        open_again(s);
        if (i > 0)
            log_in(s);
        if (i > 1)
            give_one(s, "u1");
        go_on(s);
        hang_up(s);
        assert_failed(s, FAULT_BROKEN, "the connection ended: it was closed");
    }
    assert_order(s, 0, ORDER_OPEN, 0);
}

static void
one_that_hangs_up_behind_its_answer_has_answered(void **state)
{
    static const char *const login = "u1";
    struct scene *s = *state;

    log_in(s);
    give_one(s, login);
    say(s, "!done");
    send_out(s);
    hang_up(s);
    assert_int_equal(go_on(s), LINK_READY);
    assert_order(s, 0, ORDER_DONE, 0);
    /* That is noticed by the next. */
    assert_int_equal(give(s, &login, 1), 1);
    assert_failed(s, FAULT_BROKEN, "the connection ended: it was closed");
    assert_order(s, 0, ORDER_OPEN, 0);
}

static void
one_that_says_why_it_ends_is_quoted(void **state)
{
    static const struct {
        const char *answer, *words;
    } rows[] = {
        { "!fatal session_terminated_on_request",
            "it ends the connection: session terminated on request" },
        { "!fatal =message=too_many_commands",
            "it ends the connection: too many commands" },
        { "!fatal", "it ends the connection" },
        { "!fatal a\x01\xFF"
          "b",
            "it ends the connection: a\x01?b" },
    };
    struct scene *s = *state;

    for (size_t i = 0; i < COUNT(rows) * 2; i++) {
        open_again(s);
        if (i % 2) {
            log_in(s);
            give_one(s, "u1");
        } else {
            go_on(s);
        }
        answer(s, rows[i / 2].answer, LINK_FAILED);
        /* At the login it is one way of refusing it. */
        assert_failed(
            s, i % 2 ? FAULT_BROKEN : FAULT_REFUSED, rows[i / 2].words);
    }
}

static void
what_was_done_before_the_end_is_done(void **state)
{
    struct scene *s = *state;

    log_in(s);
    give_one(s, "u1");
    say(s, "!done");
    say(s, "!fatal x");
    send_out(s);
    hang_up(s);
    assert_failed(s, FAULT_BROKEN, "it ends the connection: x");
    assert_order(s, 0, ORDER_DONE, 0);
}

/* ---- sessions ---- */

static void
the_session_of_a_login_is_ended(void **state)
{
    struct scene *s = *state;

    log_in(s);
    give_one(s, "u1");
    assert_heard(s, FIND("u1"));
    say(s, "!re =.id=*81A0003C =name=u1");
    answer(s, "!done", LINK_WAITS);
    assert_heard(s, REMOVE("*81A0003C"));
    answer(s, "!done", LINK_READY);
    assert_order(s, 0, ORDER_DONE, 1);
    assert_heard(s, "");
    assert_string_equal(s->ops->words(s->link), "");
}

static void
one_without_a_session_is_done(void **state)
{
    struct scene *s = *state;

    log_in(s);
    for (int i = 0; i < 2; i++) {
        give_one(s, "u1");
        if (i == 1)
            say(s, "!empty");
        answer(s, "!done", LINK_READY);
        assert_order(s, 0, ORDER_DONE, 0);
        assert_heard(s, FIND("u1"));
    }
}

static void
all_its_sessions_are_ended(void **state)
{
    struct scene *s = *state;

    log_in(s);
    give_one(s, "u1");
    say(s, "!re =.id=*1");
    say(s, "!re =.id=*2 =name=u1");
    say(s, "!re =name=u1 =.id=*3");
    answer(s, "!done", LINK_WAITS);
    answer(s, "!done", LINK_WAITS);
    answer(s, "!done", LINK_WAITS);
    answer(s, "!done", LINK_READY);
    assert_heard(s, FIND("u1") REMOVE("*1") REMOVE("*2") REMOVE("*3"));
    assert_order(s, 0, ORDER_DONE, 3);
}

/* ... of a router that takes no notice of the name. */
static void
sessions_of_others_are_left_alone(void **state)
{
    static const char *const others[] = { "u2", "u", "u11", "U1", "u1_", "" };
    struct scene *s = *state;

    log_in(s);
    give_one(s, "u1");
    for (size_t i = 0; i < COUNT(others) * 10; i++) {
        char text[64];

        snprintf(text, sizeof text, "!re =.id=*%zX =name=%s", i,
            others[i % COUNT(others)]);
        say(s, text);
    }
    say(s, "!re =.id=*F1 =name=u1");
    answer(s, "!done", LINK_WAITS);
    answer(s, "!done", LINK_READY);
    assert_heard(s, FIND("u1") REMOVE("*F1"));
    assert_order(s, 0, ORDER_DONE, 1);
}

static void
sentences_in_single_bytes_are_put_together(void **state)
{
    struct scene *s = *state;

    s->piece = 1;
    go_on(s);
    say(s, "!done");
    assert_int_equal(go_on(s), LINK_READY);
    give_one(s, "u1");
    say(s, "!re =.id=*1 =name=u1");
    say(s, "!done");
    assert_int_equal(go_on(s), LINK_WAITS);
    say(s, "!done");
    assert_int_equal(go_on(s), LINK_READY);
    assert_order(s, 0, ORDER_DONE, 1);
}

/* Each would be a turn of the whole service later. */
static void
an_answer_is_followed_by_the_next_question_at_once(void **state)
{
    struct scene *s = *state;

    log_in(s);
    give_one(s, "u1");
    bytes_clear(&s->log);
    say(s, "!re =.id=*1");
    say(s, "!done");
    send_out(s);
    assert_int_equal(s->ops->step(s->link), LINK_WAITS);
    assert_heard(s, REMOVE("*1"));
    assert_int_equal(s->ops->wants(s->link), EPOLLIN);
}

static void
any_login_is_one_word(void **state)
{
    static const char *const logins[] = { "a\"b] c$d", "=.id=*1", "?name=u2",
        "/system/reboot", "!done", "абонент Ё",
        "x234567890123456789012345678901234567890123456789012345678901234" };
    struct scene *s = *state;

    log_in(s);
    for (size_t i = 0; i < COUNT(logins); i++) {
        char want[200];

        give_one(s, logins[i]);
        snprintf(want, sizeof want,
            "/ppp/active/print ?name=%s =.proplist=.id,name\n", logins[i]);
        assert_heard(s, want);
        answer(s, "!done", LINK_READY);
    }
}

/* Each has its own time. */
static void
orders_are_carried_out_one_by_one(void **state)
{
    static const char *const logins[] = { "u1", "u2", "u3" };
    struct scene *s = *state;

    log_in(s);
    assert_int_equal(give(s, logins, 3), 1);
    assert_int_equal(go_on(s), LINK_WAITS);
    say(s, "!re =.id=*1");
    answer(s, "!done", LINK_WAITS);
    answer(s, "!done", LINK_READY);
    assert_heard(s, FIND("u1") REMOVE("*1"));
    assert_order(s, 0, ORDER_DONE, 1);
    assert_int_equal(s->order[1].state, ORDER_OPEN);
    assert_int_equal(s->ops->send(s->link, s->order + 1, 2), 1);
    assert_int_equal(go_on(s), LINK_WAITS);
    answer(s, "!done", LINK_READY);
    assert_heard(s, FIND("u2"));
    assert_order(s, 1, ORDER_DONE, 0);
    assert_int_equal(s->order[2].state, ORDER_OPEN);
}

/* A router with so many sessions of the login; removes what it is told to. */
static void
be_crowded(struct scene *s, size_t sessions)
{
    static bool there[MOST_SESSIONS];
    enum link_status status = LINK_WAITS;

    for (size_t i = 0; i < sessions; i++)
        there[i] = true;
    for (int turn = 0; status == LINK_WAITS && turn < 100000; turn++) {
        const char *line = bytes_text(&s->log), *id;

        if (strncmp(line, FIND("u1"), strlen(FIND("u1"))) == 0) {
            for (size_t i = 0; i < sessions; i++) {
                char text[64];

                snprintf(text, sizeof text, "!re =.id=*%zX =name=u1", i);
                if (there[i])
                    say(s, text);
            }
            say(s, "!done");
        } else if ((id = strstr(line, "=.id=*"))) {
            there[strtoul(id + 6, NULL, 16)] = false;
            say(s, "!done");
        }
        bytes_clear(&s->log);
        status = go_on(s);
    }
    assert_int_equal(status, LINK_READY);
    for (size_t i = 0; i < sessions; i++)
        assert_false(there[i]);
}

static void
more_sessions_than_fit_are_ended_as_well(void **state)
{
    static const unsigned sessions[] = { MOST_IDS - 1, MOST_IDS, MOST_IDS + 1,
        2 * MOST_IDS, 2 * MOST_IDS + 1, 500 };
    struct scene *s = *state;

    log_in(s);
    for (size_t i = 0; i < COUNT(sessions); i++) {
        give_one(s, "u1");
        be_crowded(s, sessions[i]);
        assert_order(s, 0, ORDER_DONE, sessions[i]);
    }
}

/* ---- errors ---- */

static void
a_session_that_is_gone_is_no_error(void **state)
{
    struct scene *s = *state;

    log_in(s);
    give_one(s, "u1");
    say(s, "!re =.id=*1");
    say(s, "!re =.id=*2");
    answer(s, "!done", LINK_WAITS);
    say(s, "!trap =category=0 =message=no_such_item_(4)");
    answer(s, "!done", LINK_WAITS);
    answer(s, "!done", LINK_READY);
    assert_order(s, 0, ORDER_DONE, 1);
}

static void
a_question_that_fails_is_an_error(void **state)
{
    struct scene *s = *state;

    log_in(s);
    give_one(s, "u1");
    say(s, "!re =.id=*1");
    say(s, "!trap =message=not_enough_permissions_(9)");
    answer(s, "!done", LINK_READY);
    assert_order(s, 0, ORDER_ERROR, 0);
    assert_string_equal(s->ops->words(s->link), "not enough permissions (9)");
    assert_heard(s, FIND("u1"));
}

static void
a_session_that_cannot_be_ended_is_an_error(void **state)
{
    struct scene *s = *state;

    log_in(s);
    give_one(s, "u1");
    say(s, "!re =.id=*1");
    say(s, "!re =.id=*2");
    say(s, "!re =.id=*3");
    answer(s, "!done", LINK_WAITS);
    answer(s, "!done", LINK_WAITS);
    say(s, "!trap =message=cannot_remove");
    answer(s, "!done", LINK_READY);
    assert_order(s, 0, ORDER_ERROR, 1);
    assert_string_equal(s->ops->words(s->link), "cannot remove");
    assert_heard(s, FIND("u1") REMOVE("*1") REMOVE("*2"));
}

static void
words_of_one_command_are_not_those_of_the_next(void **state)
{
    struct scene *s = *state;

    log_in(s);
    give_one(s, "u1");
    say(s, "!trap =message=x");
    answer(s, "!done", LINK_READY);
    give_one(s, "u1");
    answer(s, "!done", LINK_READY);
    assert_order(s, 0, ORDER_DONE, 0);
    assert_string_equal(s->ops->words(s->link), "");
}

static void
long_words_are_cut(void **state)
{
    struct scene *s = *state;
    struct bytes word = bytes_make(10000);

    log_in(s);
    give_one(s, "u1");
    bytes_str(&word, "=message=");
    for (int i = 0; i < 2000; i++)
        bytes_str(&word, "Ё");
    words_add(&s->out, "!trap", 5);
    words_add(&s->out, word.p, word.n);
    words_end(&s->out);
    bytes_free(&word);
    answer(s, "!done", LINK_READY);
    assert_int_equal(strlen(s->ops->words(s->link)), LINK_WORDS - 2);
}

/* ---- answers that are none ---- */

static void
a_session_without_a_usable_id_is_an_error(void **state)
{
    static const char *const bad[] = { "!re =name=u1", "!re =.id= =name=u1",
        "!re =.id=*23456789012345678901234567890123" };
    struct scene *s = *state;

    log_in(s);
    for (size_t i = 0; i < COUNT(bad); i++) {
        give_one(s, "u1");
        say(s, bad[i]);
        answer(s, "!done", LINK_READY);
        assert_order(s, 0, ORDER_ERROR, 0);
        expect_text(bad[i], s->ops->words(s->link), "a session without an id");
    }
    give_one(s, "u1");
    say(s, "!re =.id=*2345678901234567890123456789012");
    answer(s, "!done", LINK_WAITS);
    answer(s, "!done", LINK_READY);
    assert_order(s, 0, ORDER_DONE, 1);
}

static void
an_answer_that_does_not_end_is_ended(void **state)
{
    static const char *const floods[] = { "!re =.id=*1", "!re", "!trap", "x",
        "" };
    struct scene *s = *state;

    for (size_t i = 0; i < COUNT(floods); i++) {
        open_again(s);
        log_in(s);
        give_one(s, "u1");
        for (int j = 0; j < MOST_HEARD; j++)
            say(s, floods[i]);
        assert_int_equal(go_on(s), LINK_WAITS);
        say(s, floods[i]);
        assert_failed(s, FAULT_COMMAND, "its answer does not end");
        assert_order(s, 0, ORDER_OPEN, 0);
    }
}

static void
a_flood_is_ended_at_the_login_as_well(void **state)
{
    struct scene *s = *state;

    go_on(s);
    for (int j = 0; j <= MOST_HEARD; j++)
        say(s, "");
    assert_failed(s, FAULT_COMMAND, "its answer does not end");
}

static void
one_word_that_does_not_end_is_ended(void **state)
{
    static char much[100000];
    struct scene *s = *state;

    log_in(s);
    give_one(s, "u1");
    /* A sentence of many long words. */
    for (int i = 0; i < 6; i++)
        words_add(&s->out, much, 60000);
    assert_failed(s, FAULT_COMMAND, "it is no RouterOS API that answers");
}

static void
what_it_says_unasked_is_not_an_answer(void **state)
{
    struct scene *s = *state;

    log_in(s);
    say(s, "!re =.id=*9");
    answer(s, "!done", LINK_READY);
    give_one(s, "u1");
    assert_heard(s, FIND("u1"));
    answer(s, "!done", LINK_READY);
    assert_order(s, 0, ORDER_DONE, 0);
}

static void
it_is_closed_in_the_middle_of_anything(void **state)
{
    struct scene *s = *state;

    log_in(s);
    give_one(s, "u1");
    say(s, "!re =.id=*1");
    send_out(s);
    s->ops->close(s->link);
    s->link = NULL;
    hear(s);
    assert_int_equal(recv(s->fd, &(char){ 0 }, 1, 0), 0);
}

/* ---- in TLS ---- */

static void
in_tls_nothing_is_said_in_the_clear(void **state)
{
    static const char *const kinds[] = { "verify", "anonymous", "off" };
    struct scene *s = *state;

    for (size_t i = 0; i < COUNT(kinds); i++) {
        char got[2000] = "";
        ssize_t n;

        s->router.api_tls = (char *)kinds[i];
        s->ops = &link_api_tls;
        open_again(s);
        assert_int_equal(s->ops->step(s->link), LINK_WAITS);
        n = recv(s->fd, got, sizeof got, 0);
        assert_true(n > 0);
        assert_int_equal(got[0], 22); /* a handshake */
        assert_null(memmem(got, (size_t)n, "secret", 6));
        say(s, "!done");
        assert_int_equal(go_on(s), LINK_FAILED);
        assert_int_equal(s->ops->fault(s->link), FAULT_CERTIFICATE);
    }
}

static void
it_has_the_usual_ports(void **state)
{
    (void)state;
    assert_int_equal(link_api.port, 8728);
    assert_int_equal(link_api_tls.port, 8729);
    assert_string_equal(link_api.name, "api");
    assert_string_equal(link_api_tls.name, "api-tls");
    assert_true(link_api.dials && link_api_tls.dials);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_logs_in_with_the_password),
        TEST(an_empty_password_is_used_as_it_is),
        TEST(an_old_router_is_answered_its_challenge),
        TEST(where_that_is_set_no_password_is_shown),
        TEST(a_new_router_has_no_challenge),
        TEST(a_challenge_that_is_refused_is_no_refused_login),
        TEST(a_challenge_that_is_none_is_refused),
        TEST(a_second_challenge_is_not_answered),
        TEST(a_refused_login_is_told_in_the_routers_words),
        TEST(what_is_no_answer_to_a_login_is_no_api),
        TEST(garbage_is_no_api),
        TEST(noise_of_any_kind_comes_to_an_end),
        TEST(sentences_without_words_are_nothing),
        TEST(one_that_hangs_up_is_broken),
        TEST(one_that_hangs_up_behind_its_answer_has_answered),
        TEST(one_that_says_why_it_ends_is_quoted),
        TEST(what_was_done_before_the_end_is_done),
        TEST(the_session_of_a_login_is_ended),
        TEST(one_without_a_session_is_done),
        TEST(all_its_sessions_are_ended),
        TEST(sessions_of_others_are_left_alone),
        TEST(sentences_in_single_bytes_are_put_together),
        TEST(an_answer_is_followed_by_the_next_question_at_once),
        TEST(any_login_is_one_word),
        TEST(orders_are_carried_out_one_by_one),
        TEST(more_sessions_than_fit_are_ended_as_well),
        TEST(a_session_that_is_gone_is_no_error),
        TEST(a_question_that_fails_is_an_error),
        TEST(a_session_that_cannot_be_ended_is_an_error),
        TEST(words_of_one_command_are_not_those_of_the_next),
        TEST(long_words_are_cut),
        TEST(a_session_without_a_usable_id_is_an_error),
        TEST(an_answer_that_does_not_end_is_ended),
        TEST(a_flood_is_ended_at_the_login_as_well),
        TEST(one_word_that_does_not_end_is_ended),
        TEST(what_it_says_unasked_is_not_an_answer),
        TEST(it_is_closed_in_the_middle_of_anything),
        TEST(in_tls_nothing_is_said_in_the_clear),
        TEST(it_has_the_usual_ports),
    };

    signal(SIGPIPE, SIG_IGN); /* as the service does, for OpenSSL */
    return cmocka_run_group_tests_name("API link", tests, NULL, NULL);
}
