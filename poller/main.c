/*
 * mbevd: drains the outbox that the billing's triggers fill, and does the
 * work.
 *
 *   mbevd [-c FILE]          serve in the foreground until SIGTERM
 *   mbevd [-c FILE] --once   do what is due, then exit
 *   mbevd [-c FILE] -t       check the configuration
 *   mbevd --ini              print the commented sample configuration
 */
#include "bytes.h"
#include "edition.h"
#include "engine.h"
#include "log.h"
#include "settings.h"

#include <curl/curl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

static const char usage[] =
    "usage: mbevd [-c FILE] [--once | -t]\n"
    "       mbevd --ini | --version | --help\n"
    "\n"
    "  -c, --config FILE  configuration (default " MBEV_CONF_FILE ")\n"
    "  -t, --test         check the configuration and exit\n"
    "      --once         do what is due, then exit\n"
    "      --ini          print the commented sample configuration\n"
    "      --version      print the version\n"
    "  -h, --help         print this\n";

enum { OPT_ONCE = 256, OPT_INI, OPT_VERSION };

static const struct option options[] = {
    { "config", required_argument, NULL, 'c' },
    { "test", no_argument, NULL, 't' },
    { "once", no_argument, NULL, OPT_ONCE },
    { "ini", no_argument, NULL, OPT_INI },
    { "version", no_argument, NULL, OPT_VERSION },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

struct wish {
    const char *config;
    bool test;
    bool once;
};

static int
print(const char *text)
{
    return fputs(text, stdout) < 0 || fflush(stdout) != 0 ? EX_IOERR : EX_OK;
}

static int
print_sample(void)
{
    struct bytes out = bytes_make(1 << 20);
    int code;

    settings_sample(&out);
    code = print(bytes_text(&out));
    bytes_free(&out);
    return code;
}

static int
check(const char *path, bool good, const char *errors)
{
    fputs(
        *errors || good ? errors : "more errors than can be listed\n", stderr);
    if (!good)
        return EX_CONFIG;
    printf("%s: good\n", path);
    return EX_OK;
}

#ifdef MBEV_FAULTS
/* A test has no journal of its own. */
static const char *
journal(void)
{
    const char *path = getenv("MBEV_JOURNAL");

    return path ? path : LOG_JOURNAL;
}
#else
#define journal() LOG_JOURNAL
#endif

/* Zones are loaded again while libcurl's threads may read the environment: a
 * variable that is there is then changed in place, and none is added. */
static void
prepare_zones(void)
{
    setenv("TZ", ":/etc/localtime", 0);
}

static int
run(struct editions *editions, bool once)
{
    const char *level = editions_now(editions)->service.log_level;
    int code;

    log_open(journal());
    log_set_level((enum log_level)log_level_of(level));
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0) {
        log_fatal("mbevd: libcurl does not start");
        return EX_SOFTWARE;
    }
    log_info("mbevd %s starts", MBEV_VERSION);
    code = engine_run(editions, once);
    curl_global_cleanup();
    log_close();
    return code;
}

static int
with_settings(const struct wish *wish)
{
    struct bytes errors = bytes_make(64 * 1024);
    struct editions editions;
    bool good;
    int code;

    prepare_zones();
    good = editions_open(&editions, wish->config, &errors);
    if (wish->test || !good)
        code = check(wish->config, good, bytes_text(&errors));
    else
        code = run(&editions, wish->once);
    editions_close(&editions);
    bytes_free(&errors);
    return code;
}

int
main(int argc, char **argv)
{
    struct wish wish = { .config = MBEV_CONF_FILE };
    int c;

    while ((c = getopt_long(argc, argv, "c:th", options, NULL)) != -1) {
        switch (c) {
        case 'c':
            wish.config = optarg;
            break;
        case 't':
            wish.test = true;
            break;
        case OPT_ONCE:
            wish.once = true;
            break;
        case OPT_INI:
            return print_sample();
        case OPT_VERSION:
            return print("mbevd " MBEV_VERSION "\n");
        case 'h':
            return print(usage);
        default:
            fputs(usage, stderr);
            return EX_USAGE;
        }
    }
    if (optind < argc) {
        fputs(usage, stderr);
        return EX_USAGE;
    }
    return with_settings(&wish);
}
