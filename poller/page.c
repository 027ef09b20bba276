/* page: see page.h. */
#include "page.h"

#include "clock.h"
#include "engine.h"
#include "listen.h"
#include "log.h"
#include "loopback.h"
#include "page_bytes.h"
#include "report.h"
#include "story.h"
#include "view.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MOST_WAITING = 16,
    MOST_CONNECTIONS = 32,
    RATE = 50, /* requests a second */
    TIMEOUT_S = 10,
    LARGEST = 1 << 20,
    OPEN_AGAIN_US = 60 * 1000000,
    FILE_US = 15 * 1000000,
    HTTP_OK = 200,
    HTTP_BAD_REQUEST = 400,
    HTTP_NOT_FOUND = 404,
    HTTP_NOT_ACCEPTABLE = 406,
};

enum page_route {
    ROUTE_PAGE,
    ROUTE_STATUS,
    ROUTE_EVENT,
    ROUTE_METRICS,
    ROUTE_HEALTH
};

static const struct listen_route routes[] = {
    [ROUTE_PAGE] = { "/", true },
    [ROUTE_STATUS] = { "/status.json", true },
    [ROUTE_EVENT] = { "/event.json", true },
    [ROUTE_METRICS] = { "/metrics", true },
    [ROUTE_HEALTH] = { "/health", true },
};

/* The page is one file, whose style and script stand in it; it asks only where
 * it came from, is in no frame, and what it shows is in no cache. */
static const char *const always[] = {
    "Cache-Control",
    "no-store",
    "X-Content-Type-Options",
    "nosniff",
    "Referrer-Policy",
    "no-referrer",
    "Content-Security-Policy",
    "default-src 'none'; style-src 'sha256-" PAGE_STYLE_HASH "'; script-src "
    "'sha256-" PAGE_SCRIPT_HASH "'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    NULL,
};

static const char JSON[] = "application/json";
static const char METRICS[] = "text/plain; version=0.0.4; charset=utf-8";

/* One that waits for a look at the tables. */
struct asked {
    struct listen_call *call;
    enum page_route route;
    uint64_t event_id;
};

/* Where it listens. */
struct door {
    struct listen *listen; /* NULL = not open */
    int64_t open_us;       /* boot clock: when to try to open it */
};

struct page {
    struct engine *e;
    struct door door[WAKE_LISTENERS]; /* control and status */
    struct asked asked[MOST_WAITING];
    size_t n;
    struct view view;
    int64_t file_us; /* boot clock: when to write the file */
    bool file_told;  /* that it cannot be written */
};

struct page *
page_make(struct engine *e)
{
    struct page *page = calloc(1, sizeof *page);

    if (!page)
        return NULL;
    page->e = e;
    view_init(&page->view);
    return page;
}

void
page_close(struct page **page)
{
    if (!*page)
        return;
    for (int i = WAKE_CONTROL; i <= WAKE_STATUS; i++) {
        (*page)->e->wake.listen[i] = NULL;
        listen_close(&(*page)->door[i].listen);
    }
    view_free(&(*page)->view);
    free(*page);
    *page = NULL;
}

/* --- answers ------------------------------------------------------------- */

static void
answer(struct listen_call *call, int status, const char *type,
    const struct bytes *body)
{
    const struct listen_content content = {
        .type = type, .body = bytes_text(body), .n = body->n
    };

    if (bytes_ok(body))
        listen_answer_with(call, status, &content);
    else
        listen_answer(call, HTTP_UNAVAILABLE);
}

static void
answer_page(struct listen_call *call)
{
    static const struct listen_content content = {
        .type = "text/html; charset=utf-8",
        .encoding = "gzip",
        .body = page_bytes,
        .n = sizeof page_bytes,
        .constant = true,
    };

    if (listen_takes(call, "gzip"))
        listen_answer_with(call, HTTP_OK, &content);
    else
        listen_answer(call, HTTP_NOT_ACCEPTABLE);
}

static void
answer_health(struct page *page, struct listen_call *call)
{
    struct bytes body = bytes_make(256);

    bytes_printf(&body, "%s\n", report_state(page->e));
    answer(call, report_is_healthy(page->e) ? HTTP_OK : HTTP_UNAVAILABLE,
        "text/plain", &body);
    bytes_free(&body);
}

static void
answer_report(
    struct page *page, struct listen_call *call, enum page_route route)
{
    struct bytes body = bytes_make(LARGEST);

    if (route == ROUTE_STATUS)
        report_json(&body, page->e, &page->view);
    else
        report_metrics(&body, page->e, &page->view);
    answer(call, HTTP_OK, route == ROUTE_STATUS ? JSON : METRICS, &body);
    bytes_free(&body);
}

static enum db_status
answer_story(struct page *page, const struct asked *asked)
{
    struct bytes body = bytes_make(LARGEST);
    bool found;
    enum db_status status =
        story_read(page->e->db, asked->event_id, &body, &found);

    if (status != DB_OK)
        listen_answer(asked->call, HTTP_UNAVAILABLE);
    else if (!found)
        listen_answer(asked->call, HTTP_NOT_FOUND);
    else
        answer(asked->call, HTTP_OK, JSON, &body);
    bytes_free(&body);
    return status == DB_GONE ? DB_GONE : DB_OK;
}

/* --- questions ----------------------------------------------------------- */

/* A number, and nothing else. */
static bool
read_id(const char *text, uint64_t *id)
{
    size_t n = text ? strspn(text, "0123456789") : 0;

    *id = n > 0 ? strtoull(text, NULL, 10) : 0;
    return n > 0 && n < 20 && text[n] == '\0';
}

/* Whether the tables can be asked in the next round. */
static bool
has_database(const struct page *page)
{
    return page->e->pose >= POSE_STANDS_BY;
}

static void
wait_for_round(struct page *page, const struct asked *asked)
{
    if (page->n == MOST_WAITING || !has_database(page))
        listen_answer(asked->call, HTTP_UNAVAILABLE);
    else
        page->asked[page->n++] = *asked;
}

static void
ask_story(struct page *page, struct listen_call *call)
{
    struct asked asked = { .call = call, .route = ROUTE_EVENT };

    if (read_id(listen_query(call, "id"), &asked.event_id))
        wait_for_round(page, &asked);
    else
        listen_answer(call, HTTP_BAD_REQUEST);
}

static void
ask_report(struct page *page, struct listen_call *call, enum page_route route)
{
    const struct asked asked = { .call = call, .route = route };

    if (has_database(page) && page->n < MOST_WAITING &&
        view_is_old(&page->view, route == ROUTE_STATUS))
        wait_for_round(page, &asked);
    else
        answer_report(page, call, route);
}

static void
on_heard(
    void *arg, struct listen_call *call, const struct listen_request *request)
{
    struct page *page = arg;

    switch ((enum page_route)request->route) {
    case ROUTE_PAGE:
        answer_page(call);
        break;
    case ROUTE_HEALTH:
        answer_health(page, call);
        break;
    case ROUTE_EVENT:
        ask_story(page, call);
        break;
    case ROUTE_STATUS:
    case ROUTE_METRICS:
        ask_report(page, call, (enum page_route)request->route);
        break;
    }
}

/* --- the file ------------------------------------------------------------ */

/* For everybody to read, whatever the service's own files are; the folder may
 * be shared, so nothing that is there is written into. False, and errno, when
 * that fails. */
static bool
write_file(const char *path, const struct bytes *text)
{
    int fd;
    bool good;

    unlink(path);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    good = write(fd, text->p, text->n) == (ssize_t)text->n &&
           fchmod(fd, 0644) == 0;
    return close(fd) == 0 && good;
}

/* Whole, or as it was before. */
static bool
replace_file(const char *path, const struct bytes *text)
{
    char temporary[PATH_MAX];

    snprintf(temporary, sizeof temporary, "%s.new", path);
    if (bytes_ok(text) && write_file(temporary, text) &&
        rename(temporary, path) == 0)
        return true;
    unlink(temporary);
    return false;
}

static void
write_metrics(struct page *page)
{
    const char *path = page->e->set->service.metrics_file;
    struct bytes text = bytes_make(LARGEST);
    bool good;

    report_metrics(&text, page->e, &page->view);
    errno = 0;
    good = replace_file(path, &text);
    if (!good && !page->file_told)
        log_error("page: metrics_file %s cannot be written: %s; the folder "
                  "must exist and belong to the service's user",
            path, strerror(errno));
    page->file_told = !good;
    page->file_us = clock_boot_us() + FILE_US;
    bytes_free(&text);
}

static bool
file_is_due(const struct page *page)
{
    return *page->e->set->service.metrics_file &&
           clock_boot_us() >= page->file_us;
}

/* --- the doors ----------------------------------------------------------- */

static void
open_door(struct page *page, int which, struct listen_settings *set,
    const char *where)
{
    struct door *door = &page->door[which];
    char why[256];

    if (door->listen || clock_boot_us() < door->open_us)
        return;
    set->routes = routes;
    set->routes_n = sizeof routes / sizeof *routes;
    set->always = always;
    set->rate = RATE;
    set->timeout_s = TIMEOUT_S;
    set->most_connections = MOST_CONNECTIONS;
    door->listen = listen_open(set, on_heard, page, why, sizeof why);
    page->e->wake.listen[which] = door->listen;
    if (door->listen)
        log_info("page: status on %s", where);
    else if (door->open_us == 0)
        log_warning("page: no status page: %s; tried again each minute", why);
    door->open_us = clock_boot_us() + OPEN_AGAIN_US;
}

static void
open_doors(struct page *page)
{
    const struct settings *set = page->e->set;
    struct listen_settings control = { .socket = set->service.control };
    struct loopback at;

    if (*set->service.control)
        open_door(page, WAKE_CONTROL, &control, control.socket);
    if (loopback_read(&at, set->service.status_address)) {
        struct listen_settings status = {
            .address = at.address, .port = at.port, .own_names = true
        };

        open_door(page, WAKE_STATUS, &status, set->service.status_address);
    }
}

/* --- duties -------------------------------------------------------------- */

void
page_tick(struct engine *e)
{
    struct page *page = e->page;

    if (e->wake.bell_fd < 0) /* it works to the end and goes */
        return;
    open_doors(page);
    if (file_is_due(page) && e->pose != POSE_ACTS)
        write_metrics(page);
}

int64_t
page_due_us(const struct engine *e)
{
    const struct page *page = e->page;

    if (page->n > 0)
        return 0;
    return *e->set->service.metrics_file && e->wake.bell_fd >= 0 ? page->file_us
                                                                 : INT64_MAX;
}

static void
answer_one(struct page *page, const struct asked *asked)
{
    if (asked->route == ROUTE_EVENT)
        listen_answer(asked->call, HTTP_UNAVAILABLE);
    else
        answer_report(page, asked->call, asked->route);
}

void
page_give_up(struct engine *e)
{
    struct page *page = e->page;

    for (size_t i = 0; i < page->n; i++)
        answer_one(page, &page->asked[i]);
    page->n = 0;
}

/* One story in a round: the others wait for the next. */
static enum db_status
tell_story(struct page *page)
{
    size_t i = 0;
    enum db_status status;

    while (i < page->n && page->asked[i].route != ROUTE_EVENT)
        i++;
    if (i == page->n)
        return DB_OK;
    status = answer_story(page, &page->asked[i]);
    page->n--;
    memmove(&page->asked[i], &page->asked[i + 1],
        (page->n - i) * sizeof page->asked[i]);
    return status;
}

/* Whether anybody waits for the figures, and for the lists. */
static bool
is_asked(const struct page *page, bool *lists)
{
    bool any = false;

    *lists = false;
    for (size_t i = 0; i < page->n; i++) {
        any |= page->asked[i].route != ROUTE_EVENT;
        *lists |= page->asked[i].route == ROUTE_STATUS;
    }
    return any;
}

static void
answer_reports(struct page *page)
{
    size_t kept = 0;

    for (size_t i = 0; i < page->n; i++)
        if (page->asked[i].route == ROUTE_EVENT)
            page->asked[kept++] = page->asked[i];
        else
            answer_one(page, &page->asked[i]);
    page->n = kept;
}

enum db_status
page_serve(struct engine *e)
{
    struct page *page = e->page;
    bool lists, file = file_is_due(page);
    enum db_status status = DB_OK;

    if (is_asked(page, &lists) || file)
        status = view_read(e, &page->view, lists);
    answer_reports(page);
    if (file)
        write_metrics(page);
    return status == DB_OK ? tell_story(page) : status;
}
