/* router: see router.h. */
#include "routers/router.h"

#include "atwork.h"
#include "clock.h"
#include "fault.h"
#include "log.h"
#include "utf8.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    MOST_WHY = 400,
    MOST_NAME = 160,
    MOST_HOST = 300,
    MOST_TRIES = 2,
    MOST_ERRORS = 3
};

static const char slow[] = "it is busy, or slow";

enum stage {
    STAGE_IDLE,    /* no connection */
    STAGE_DIALING, /* it is being made */
    STAGE_OPENING, /* the link logs in */
    STAGE_READY,   /* for orders */
    STAGE_BUSY,    /* orders are under way */
};

struct router {
    struct router_world *world;
    uint32_t id;
    char *address, *user, *password, *secret; /* owned */
    int radius_port;
    bool api;
    const struct settings *all; /* from which set is */
    const struct router_settings *set;
    const struct link_ops *ops; /* NULL = it is left out */
    char name[MOST_NAME];       /* in the book of crashes */

    enum stage stage;
    void *link;
    unsigned waits_for; /* what the socket is watched for */
    int64_t limit_us;   /* boot clock: when the stage has lasted too long */
    struct job *first, *last; /* waiting */
    struct job *job[LINK_MOST];
    struct order order[LINK_MOST]; /* under way, those of job[] */
    const char *call[LINK_MOST];   /* the keys of their deliveries */
    size_t n;
    size_t singly;   /* so many are to be tried each by itself */
    unsigned errors; /* answers in a row that were none */
    bool worn;       /* the connection was used before, it may be a dead one */

    enum fault fault; /* it is out of order */
    char why[MOST_WHY];
    unsigned failures; /* in a row */
    int64_t held_until_us;
    unsigned known_version; /* of known hosts, when its key was not right */
    bool proved;            /* it has worked, as it is in radnas now */
    bool renewed;           /* what it is in radnas has changed since a hold */
    bool anew;  /* so have the settings that it does not go by yet */
    bool fresh; /* how it is was not recorded yet */
    uint64_t ended, recorded_ended;
};

/* --- what it is -------------------------------------------------------- */

static const struct link_ops *
ops_of(const char *transport, bool api)
{
    static const struct link_ops *const all[LINKS] = { &link_ssh, &link_api,
        &link_api_tls, &link_radius };

    if (strcmp(transport, "auto") == 0)
        return api ? &link_api : &link_ssh;
    for (size_t i = 0; i < LINKS; i++)
        if (strcmp(all[i]->name, transport) == 0)
            return all[i];
    return NULL;
}

static bool
replace(char **text, const char *by)
{
    char *copy = strdup(by);

    if (copy) {
        free(*text);
        *text = copy;
    }
    return copy != NULL;
}

/* Goes by the settings as they are now. */
static void
take_settings(struct router *r)
{
    r->all = r->world->set;
    r->set = settings_router(r->all, r->address);
    r->ops = ops_of(r->set->transport, r->api);
    snprintf(r->name, sizeof r->name, "%u:%.100s:%s", (unsigned)r->id,
        r->address, router_transport(r->set, r->api));
}

static bool
take_row(struct router *r, const struct router_row *row)
{
    r->id = row->id;
    r->radius_port = row->radius_port;
    r->api = row->api;
    if (!replace(&r->address, row->address) || !replace(&r->user, row->user) ||
        !replace(&r->password, row->password) ||
        !replace(&r->secret, row->secret))
        return false;
    take_settings(r);
    return true;
}

static bool
is_as(const struct router *r, const struct router_row *row)
{
    return r->radius_port == row->radius_port && r->api == row->api &&
           strcmp(r->address, row->address) == 0 &&
           strcmp(r->user, row->user) == 0 &&
           strcmp(r->password, row->password) == 0 &&
           strcmp(r->secret, row->secret) == 0;
}

struct router *
router_make(struct router_world *world, const struct router_row *row)
{
    struct router *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    r->world = world;
    r->limit_us = INT64_MAX;
    if (!take_row(r, row))
        router_close(&r);
    return r;
}

static int
port_of(const struct router *r)
{
    if (r->set->port > 0)
        return (int)r->set->port;
    return r->ops == &link_radius ? r->radius_port : r->ops->port;
}

/* --- jobs -------------------------------------------------------------- */

static void
push(struct router *r, struct job *job)
{
    job->next = NULL;
    if (r->last)
        r->last->next = job;
    else
        r->first = job;
    r->last = job;
}

static void
push_front(struct router *r, struct job *job)
{
    job->next = r->first;
    r->first = job;
    if (!r->last)
        r->last = job;
}

static struct job *
pop(struct router *r)
{
    struct job *job = r->first;

    if (job) {
        r->first = job->next;
        if (!r->first)
            r->last = NULL;
    }
    return job;
}

/* why: NULL = it was done. */
static void
end_job(struct router *r, struct job *job, const char *why)
{
    if (!why)
        r->ended += job->order.ended;
    r->world->done(r->world->arg, job, why);
}

static void
fail_waiting(struct router *r, const char *why)
{
    struct job *job;

    while ((job = pop(r)))
        end_job(r, job, why);
}

/* --- the connection ---------------------------------------------------- */

static void
tell(const struct router *r, enum router_step step)
{
    if (r->world->reached)
        r->world->reached(r->world->arg, step);
}

static void
watch(struct router *r)
{
    struct epoll_event event = { .data = { .ptr = r } };
    int op = r->waits_for ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

    event.events = r->ops->wants(r->link);
    if (event.events == r->waits_for)
        return;
    r->waits_for = event.events;
    epoll_ctl(r->world->epoll, op, r->ops->fd(r->link), &event);
}

/* The link takes its socket out of the epoll by closing it; a socket that is
 * also known elsewhere would stay. */
static void
drop_link(struct router *r)
{
    if (r->link) {
        epoll_ctl(r->world->epoll, EPOLL_CTL_DEL, r->ops->fd(r->link), NULL);
        r->ops->close(r->link);
        r->link = NULL;
    }
    if (r->stage != STAGE_IDLE)
        r->world->connected--;
    r->waits_for = 0;
    r->stage = STAGE_IDLE;
    r->limit_us = INT64_MAX;
    r->worn = false;
}

/* --- out of order ------------------------------------------------------ */

void
router_cure(const struct router *r, enum fault fault, char *buf, size_t size)
{
    static const char *const cures[] = {
        [FAULT_NONE] = "",
        [FAULT_BROKEN] = "check that it is up and lets this host in; one that "
                         "is gone for good goes out of radnas, or gets "
                         "transport=off in [routers] router",
        [FAULT_REFUSED] = "check naslogin and naspass in radnas, and that the "
                          "router lets this user in from this host",
        [FAULT_COMMAND] = "check that the user's group there has the rights "
                          "(ssh or api, read, write), and that it is a "
                          "RouterOS",
        [FAULT_ALGORITHMS] = "see kex, hostkeys, ciphers and macs in "
                             "[routers]; give a RouterOS 7 an Ed25519 host "
                             "key, or use transport=api",
        [FAULT_CERTIFICATE] = "see ca_file and api_tls in [routers]",
        [FAULT_OURS] = "check section [routers], and its row in radnas",
        [FAULT_CRASH] = "report it with the core dump; use another transport "
                        "for it in [routers] router until then; to try it "
                        "once more, stop the service, remove the file crashes "
                        "in [service] state_dir, and start it",
    };
    const char *file = known_hosts_path(r->world->known);
    char host[MOST_HOST];

    known_hosts_name(host, sizeof host, r->address, port_of(r));
    if (fault == FAULT_KEY)
        snprintf(buf, size,
            "nothing is told to it; if the router was reset, replaced or "
            "upgraded: ssh-keygen -f %s -R '%s'; if not, somebody is in "
            "between",
            file, host);
    else if (fault == FAULT_STRANGER)
        snprintf(buf, size,
            "compare its key with what the router says, then: ssh-keyscan "
            "-p %d %s >>%s",
            port_of(r), r->address, file);
    else if (fault == FAULT_COMMAND && r->ops == &link_radius)
        snprintf(buf, size, "see its log, and /radius incoming there");
    else
        snprintf(buf, size, "%s%s", cures[fault],
            fault == FAULT_BROKEN && r->ops == &link_api_tls
                ? "; without a certificate it ends TLS at once: see ca_file "
                  "and api_tls in [routers]"
                : "");
}

/* Doubles with each failure up to the longest. */
static int64_t
hold_ms(const struct router *r)
{
    int64_t ms = r->world->set->routers.hold_first_ms;
    int64_t longest = r->world->set->routers.hold_longest_ms;

    if (r->fault != FAULT_BROKEN)
        return r->world->set->routers.hold_refused_ms;
    for (unsigned i = 1; i < r->failures && ms < longest; i++)
        ms *= 2;
    return ms < longest ? ms : longest;
}

static void
report(struct router *r, bool changed, int64_t ms)
{
    char cure[ROUTER_CURE], again[80] = "";

    router_cure(r, r->fault, cure, sizeof cure);
    if (r->fault != FAULT_CRASH)
        snprintf(again, sizeof again,
            "; it is tried again in %lld s at the earliest",
            (long long)ms / 1000);
    log_at(changed ? LOG_ERROR : LOG_DEBUG,
        "router: %s (radnas %u, %s) is held: %s; %s%s", r->address,
        (unsigned)r->id, r->ops->name, r->why, cure, again);
}

static void
hold(struct router *r, enum fault fault, const char *why)
{
    bool changed = fault != r->fault || r->renewed;
    int64_t ms;

    r->fault = fault;
    r->renewed = false;
    r->failures++;
    r->known_version = known_hosts_version(r->world->known);
    /* MySQL would end the text at a byte that is none. */
    utf8_copy(r->why, sizeof r->why, why, strlen(why));
    ms = hold_ms(r);
    r->held_until_us = clock_boot_us() + ms * 1000;
    r->fresh = true;
    report(r, changed, ms);
}

static void
heal(struct router *r)
{
    if (r->fault != FAULT_NONE)
        log_info("router: %s (radnas %u, %s) works again", r->address,
            (unsigned)r->id, r->ops->name);
    r->fresh |= r->fault != FAULT_NONE || !r->proved;
    r->proved = true;
    r->fault = FAULT_NONE;
    r->failures = 0;
    r->held_until_us = 0;
    r->why[0] = '\0';
}

/* What somebody has changed meanwhile may have cured it. */
static bool
is_held(struct router *r)
{
    char why[MOST_WHY];

    if ((r->fault == FAULT_KEY || r->fault == FAULT_STRANGER) &&
        known_hosts_refresh(r->world->known, why, sizeof why) &&
        known_hosts_version(r->world->known) != r->known_version)
        return false;
    return clock_boot_us() < r->held_until_us;
}

/* What has changed may have cured it. */
static void
renew(struct router *r)
{
    r->held_until_us = 0;
    r->proved = false;
    r->renewed = true;
}

static void go_on(struct router *r);
static void end_stage(struct router *r);

/* Fails what is under way and was not answered, and what waits. */
static void
fail_all(struct router *r, const char *why)
{
    for (size_t i = 0; i < r->n; i++) {
        r->job[i]->order = r->order[i];
        end_job(r, r->job[i], r->order[i].state == ORDER_DONE ? NULL : why);
    }
    r->n = 0;
    fail_waiting(r, why);
}

static void
break_down(struct router *r, enum fault fault, const char *words)
{
    char why[MOST_WHY];

    snprintf(why, sizeof why, "%s", words);
    drop_link(r);
    hold(r, fault, why);
    fail_all(r, r->why);
}

/* A connection that was kept may have died in silence, or with a router that
 * has restarted: that is no fault yet. */
static bool
try_again(struct router *r)
{
    if (!r->ops->dials || !r->worn)
        return false;
    for (size_t i = 0; i < r->n; i++)
        if (r->order[i].state != ORDER_OPEN)
            return false;
    log_debug("router: %s (radnas %u): the kept connection was of no use: %s",
        r->address, (unsigned)r->id, r->link ? r->ops->words(r->link) : "");
    while (r->n > 0)
        push_front(r, r->job[--r->n]);
    drop_link(r);
    go_on(r);
    return true;
}

static void
link_failed(struct router *r)
{
    enum fault fault = r->ops->fault(r->link);

    if (r->stage == STAGE_READY && !r->first)
        drop_link(r);
    else if (fault != FAULT_BROKEN || !try_again(r))
        break_down(r, fault, r->ops->words(r->link));
}

/* --- carrying out ------------------------------------------------------ */

static void
set_stage(struct router *r, enum stage stage, int64_t limit_ms)
{
    r->stage = stage;
    r->limit_us = clock_boot_us() + limit_ms * 1000;
}

/* What was not begun in time would not end in time. */
static int64_t
patience_us(const struct router *r)
{
    return (r->set->connect_timeout_ms + r->set->timeout_ms) * 1000;
}

/* What is going on with it now, for the book of crashes. */
static void
note_work(struct router *r)
{
    for (size_t i = 0; i < r->n; i++)
        r->call[i] = r->job[i]->key;
    atwork_begin_router(r->name, r->call, r->n);
}

/* Of several under way nobody knows which one crashed the service. */
static bool
goes_alone(const struct router *r, const struct job *job)
{
    return r->singly || atwork_suspects(WORK_CALL, job->key, NULL);
}

static bool
goes_along(const struct router *r, const struct job *first, size_t n)
{
    return n == 0 ||
           (n < LINK_MOST && !goes_alone(r, first) && !goes_alone(r, r->first));
}

/* Nothing to send: all of it has waited too long. */
static void
send_orders(struct router *r)
{
    size_t n = 0, taken;

    router_withdraw(r, clock_boot_us() - patience_us(r), slow);
    if (!r->first)
        return;
    while (r->first && goes_along(r, r->job[0], n)) {
        r->job[n] = pop(r);
        r->order[n] = r->job[n]->order;
        n++;
    }
    r->n = n;
    note_work(r);
    /* From before the call: one that is held up in it is late. */
    set_stage(r, STAGE_BUSY, r->set->timeout_ms);
    fault_point("routers.send");
    taken = r->ops->send(r->link, r->order, n);
    fault_point("routers.sent");
    while (n > taken)
        push_front(r, r->job[--n]);
    r->n = n;
    if (r->singly)
        r->singly--;
}

/* The router has answered to a command of several, and not as it should to
 * each: those are tried each by itself, so that one that it cannot bear takes
 * no other along. By itself it is tried twice: a session that went between
 * being found and being ended is an error. */
static void
end_failed(struct router *r, struct job *job, bool alone, const char *words)
{
    bool error = job->order.state == ORDER_ERROR;
    char why[MOST_WHY];

    job->order.state = ORDER_OPEN;
    if (!alone || (error && ++job->tries < MOST_TRIES)) {
        r->singly++;
        push_front(r, job);
        return;
    }
    r->errors++;
    snprintf(why, sizeof why, "it answers: %.200s",
        *words  ? words
        : error ? "an error, and does not say which"
                : "nothing that could be read");
    end_job(r, job, why);
}

/* True when something was done. */
static bool
take_results(struct router *r)
{
    bool alone = r->n == 1, useful = false;
    char words[LINK_WORDS];

    fault_point_at("routers.answered", r->id);
    snprintf(words, sizeof words, "%s", r->ops->words(r->link));
    for (size_t i = r->n; i-- > 0;) {
        struct job *job = r->job[i];

        job->order = r->order[i];
        if (job->order.state == ORDER_DONE) {
            r->errors = 0;
            useful = true;
            end_job(r, job, NULL);
        } else {
            end_failed(r, job, alone, words);
        }
    }
    r->n = 0;
    return useful;
}

static void
link_ready(struct router *r)
{
    bool useful = false;

    if (r->stage == STAGE_OPENING)
        tell(r, ROUTER_LET_IN);
    if (r->stage == STAGE_BUSY) {
        useful = take_results(r);
        r->worn = true;
    }
    if (r->errors >= MOST_ERRORS) {
        char words[MOST_WHY];

        snprintf(words, sizeof words,
            "it does not carry out what it is told; it answers: %.200s",
            r->ops->words(r->link));
        r->errors = 0;
        break_down(r, FAULT_COMMAND, words);
        return;
    }
    if (useful)
        heal(r);
    r->stage = STAGE_READY;
    r->limit_us = clock_boot_us() + r->world->set->routers.keep_ms * 1000;
    if (r->first && !r->anew)
        send_orders(r);
}

/* The time is over: because the router is slow, or because we were stopped for
 * a while. Then another service may have the work, and nothing more is sent. */
static bool
is_late(const struct router *r)
{
    return clock_boot_us() >= r->limit_us && r->stage != STAGE_READY;
}

static bool
has_closed(const struct router *r)
{
    char one;
    ssize_t n = recv(r->ops->fd(r->link), &one, 1, MSG_PEEK | MSG_DONTWAIT);

    return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

/* An idle router says good-bye; or something that can wait for the next order:
 * till then only its end is of interest. */
static void
hear_idle(struct router *r)
{
    struct epoll_event event = { .events = EPOLLRDHUP, .data = { .ptr = r } };

    if (!r->ops->chats || r->waits_for == EPOLLRDHUP || has_closed(r)) {
        log_debug("router: %s (radnas %u) has ended the kept connection",
            r->address, (unsigned)r->id);
        drop_link(r);
        return;
    }
    r->waits_for = EPOLLRDHUP;
    epoll_ctl(r->world->epoll, EPOLL_CTL_MOD, r->ops->fd(r->link), &event);
}

static void
go_on_with_link(struct router *r)
{
    if (r->stage == STAGE_READY && !r->first) {
        hear_idle(r);
        return;
    }
    for (;;) {
        enum link_status status;

        if (is_late(r)) {
            end_stage(r);
            return;
        }
        status = r->ops->step(r->link);
        if (status == LINK_FAILED) {
            link_failed(r);
            return;
        }
        if (status == LINK_WAITS)
            break;
        link_ready(r);
        if (r->stage != STAGE_BUSY)
            break;
    }
    if (r->link)
        watch(r);
}

static void
move_link(struct router *r)
{
    note_work(r);
    go_on_with_link(r);
    atwork_end();
}

/* A kept connection that has died in silence is noticed as soon as a new one
 * would be. */
static void
notice_silence(const struct router *r, int fd)
{
    unsigned ms = (unsigned)r->set->connect_timeout_ms;

    if (fd >= 0)
        setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
}

static void
open_link(struct router *r, int fd)
{
    const struct peer peer = { .address = r->address,
        .port = port_of(r),
        .user = r->user,
        .password = r->password,
        .secret = r->secret,
        .all = r->all,
        .set = r->set,
        .known = r->world->known };

    notice_silence(r, fd);
    note_work(r);
    r->link = r->ops->open(fd, &peer);
    atwork_end();
    if (!r->link) {
        break_down(r, FAULT_OURS, "out of memory, or of sockets");
        return;
    }
    set_stage(r, STAGE_OPENING, r->set->timeout_ms);
    move_link(r);
}

static void
on_connected(void *arg, int fd, const char *error)
{
    struct router *r = arg;
    char why[MOST_WHY];

    if (fd >= 0 && is_late(r)) {
        close(fd);
        fd = -1;
        error = "we were held up for too long meanwhile";
    }
    if (fd >= 0) {
        tell(r, ROUTER_CONNECTED);
        open_link(r, fd);
        return;
    }
    snprintf(why, sizeof why, "it cannot be reached: %s", error);
    break_down(r, FAULT_BROKEN, why);
}

/* What it says has crashed the service again and again. */
static bool
is_refused(struct router *r)
{
    unsigned crashes = atwork_refuses(WORK_ROUTER, r->name, NULL);
    char why[MOST_WHY];

    if (crashes == 0)
        crashes = atwork_refuses(WORK_ORDERS, r->name, NULL);
    if (crashes == 0)
        return false;
    snprintf(why, sizeof why, "the service crashed on it %u times", crashes);
    break_down(r, FAULT_CRASH, why);
    return true;
}

static void
dial(struct router *r)
{
    const struct http_dial to = { .host = r->address,
        .port = port_of(r),
        .source = r->world->set->routers.source_address,
        .timeout_ms = (long)r->set->connect_timeout_ms };

    r->world->connected++;
    set_stage(r, STAGE_DIALING, r->set->connect_timeout_ms + 2000);
    if (!r->ops->dials)
        open_link(r, -1);
    else if (!http_dial(r->world->http, &to, on_connected, r))
        break_down(
            r, FAULT_OURS, "radnas.nasname is no address or name of a host");
}

/* Goes by the settings in force, once nothing is under way by older ones. */
static void
catch_up(struct router *r)
{
    if (r->all == r->world->set)
        return;
    if (r->stage == STAGE_READY && r->anew)
        drop_link(r);
    if (r->stage != STAGE_IDLE)
        return;
    take_settings(r);
    if (r->anew)
        renew(r);
    r->anew = false;
    if (!r->ops)
        fail_waiting(r, "it is switched off");
}

/* Does what is next, if that need not wait for anything. */
static void
go_on(struct router *r)
{
    catch_up(r);
    if (!r->first)
        return;
    if (r->stage == STAGE_IDLE && is_held(r)) {
        fail_waiting(r, r->why);
    } else if (r->stage == STAGE_READY) {
        send_orders(r);
        if (r->stage == STAGE_BUSY)
            move_link(r);
    } else if (r->stage == STAGE_IDLE &&
               r->world->connected <
                   (size_t)r->world->set->routers.connections) {
        if (!is_refused(r))
            dial(r);
    }
}

/* --- for the fleet ----------------------------------------------------- */

void
router_reload(struct router *r, bool anew)
{
    r->anew |= anew;
    catch_up(r);
}

bool
router_uses(const struct router *r, const struct settings *set)
{
    return r->all == set;
}

void
router_add(struct router *r, struct job *job)
{
    job->router = r;
    job->id = r->id;
    job->tries = 0;
    job->since_us = clock_boot_us();
    push(r, job);
    go_on(r);
}

void
router_wake(struct router *r)
{
    if (r->link)
        move_link(r);
}

void
router_withdraw(struct router *r, int64_t before_us, const char *why)
{
    while (r->first && r->first->since_us < before_us)
        end_job(r, pop(r), r->why[0] ? r->why : why);
}

static void
end_stage(struct router *r)
{
    char why[MOST_WHY];

    if (r->stage == STAGE_READY) {
        drop_link(r);
        return;
    }
    /* Told by on_connected() in a moment. */
    if (r->stage == STAGE_DIALING)
        return;
    snprintf(why, sizeof why, "it did not %s within %lld s",
        r->stage == STAGE_OPENING ? "let us in" : "answer",
        (long long)r->set->timeout_ms / 1000);
    if (!try_again(r))
        break_down(r, FAULT_BROKEN, why);
}

void
router_tick(struct router *r, int64_t now_us)
{
    if (now_us >= r->limit_us)
        end_stage(r);
    else if (r->link && r->ops->due_us && now_us >= r->ops->due_us(r->link))
        move_link(r);
    if (r->first)
        router_withdraw(r, now_us - patience_us(r), slow);
    go_on(r);
}

int64_t
router_due_us(const struct router *r)
{
    int64_t us = r->stage == STAGE_DIALING ? INT64_MAX : r->limit_us;

    if (r->link && r->ops->due_us && r->ops->due_us(r->link) < us)
        us = r->ops->due_us(r->link);
    if (r->first && r->first->since_us + patience_us(r) < us)
        us = r->first->since_us + patience_us(r);
    return us;
}

bool
router_is_dialing(const struct router *r)
{
    return r->stage == STAGE_DIALING;
}

bool
router_hang_up(struct router *r)
{
    if (r->stage != STAGE_READY || r->first)
        return false;
    drop_link(r);
    return true;
}

void
router_retry(struct router *r)
{
    r->held_until_us = 0;
}

/* A router in the middle of something takes it at the next opportunity. */
bool
router_renew(struct router *r, const struct router_row *row)
{
    if (is_as(r, row) || (r->stage != STAGE_IDLE && !router_hang_up(r)))
        return true;
    renew(r);
    if (!take_row(r, row))
        return false;
    if (!r->ops)
        fail_waiting(r, "it is switched off");
    return true;
}

bool
router_is_off(const struct router *r)
{
    return !r->ops;
}

const char *
router_transport(const struct router_settings *set, bool api)
{
    const struct link_ops *ops = ops_of(set->transport, api);

    return ops ? ops->name : "off";
}

void
router_close(struct router **router)
{
    struct router *r = *router;

    if (!r)
        return;
    drop_link(r);
    fail_all(r, "it is not in radnas any more");
    free(r->address);
    free(r->user);
    free(r->password);
    free(r->secret);
    free(r);
    *router = NULL;
}

bool
router_is_new(const struct router *r)
{
    return r->fresh || r->ended != r->recorded_ended;
}

void
router_was_recorded(struct router *r)
{
    r->fresh = false;
    r->recorded_ended = r->ended;
}

struct router_state
router_state(const struct router *r)
{
    return (struct router_state){ .id = r->id,
        .address = r->address,
        .transport = r->ops ? r->ops->name : "off",
        .port = r->ops ? port_of(r) : 0,
        .fault = r->fault,
        .until_us = r->held_until_us,
        .why = r->why,
        .ended = r->ended - r->recorded_ended };
}
