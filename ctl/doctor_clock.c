/*
 * doctor_clock: whether the clocks of this host, of the database server and of
 * the billing's programs show the same.
 */
#include "doctor.h"

#include "clock.h"
#include "zone.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    TRIES = 3,
    SECOND_US = 1000000,
    MUCH_US = 1 * SECOND_US,
    TOO_MUCH_US = 30 * SECOND_US,
    MINUTE_S = 60
};

static int64_t
read_number(const struct db_rows *rows, unsigned column)
{
    const char *text = db_col(rows, column);

    return text ? strtoll(text, NULL, 10) : 0;
}

/* How far the server's clock is ahead of ours, measured in the middle of a
 * question; *trip: how long that took. */
static bool
measure(struct doctor *d, int64_t *ahead_us, int64_t *trip_us)
{
    int64_t boot_us = clock_boot_us(), before_us = clock_wall_us();
    struct db_rows *rows;

    if (!doctor_ask(d, RESULT_WARNING,
            "SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01',"
            " UTC_TIMESTAMP(6))",
            &rows))
        return false;
    *trip_us = clock_boot_us() - boot_us;
    if (db_next(rows))
        *ahead_us = read_number(rows, 0) - before_us - *trip_us / 2;
    db_rows_close(&rows);
    return true;
}

/* The shortest question is the truest. */
static void
check_clocks(struct doctor *d)
{
    int64_t ahead_us = 0, trip_us = INT64_MAX, off_us;
    char words[96];

    for (int i = 0; i < TRIES; i++) {
        int64_t ahead = 0, trip;

        if (!measure(d, &ahead, &trip))
            return;
        if (trip < trip_us) {
            trip_us = trip;
            ahead_us = ahead;
        }
    }
    off_us = ahead_us < 0 ? -ahead_us : ahead_us;
    snprintf(words, sizeof words,
        "the server's clock is %" PRId64 ".%03d s %s this host's",
        off_us / SECOND_US, (int)(off_us % SECOND_US / 1000),
        ahead_us < 0 ? "behind" : "ahead of");
    doctor_tell(d,
        off_us > TOO_MUCH_US ? RESULT_FAILED
        : off_us > MUCH_US   ? RESULT_WARNING
                             : RESULT_OK,
        "set both by NTP: timedatectl set-ntp true, here and at the server",
        "%s", words);
}

static const char *
print_east(int64_t east_s, char buf[16])
{
    int64_t minutes = (east_s < 0 ? -east_s : east_s) / MINUTE_S;

    snprintf(buf, 16, "%c%02d:%02d", east_s < 0 ? '-' : '+',
        (int)(minutes / 60 % 100), (int)(minutes % 60));
    return buf;
}

static int64_t
host_east_s(void)
{
    time_t now = time(NULL);
    struct tm local;

    return localtime_r(&now, &local) ? local.tm_gmtoff : 0;
}

/* Of the server, by what its clock shows; rounded, for the two moments are not
 * the same. */
static bool
server_east_s(struct doctor *d, int64_t *east_s)
{
    struct db_rows *rows;

    if (!doctor_ask(d, RESULT_WARNING,
            "SELECT ROUND(TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), NOW()) / 60)"
            " * 60",
            &rows))
        return false;
    *east_s = db_next(rows) ? read_number(rows, 0) : 0;
    db_rows_close(&rows);
    return true;
}

static void
check_zones(struct doctor *d)
{
    char server[16], host[16];
    int64_t east_s;

    if (!server_east_s(d, &east_s))
        return;
    print_east(east_s, server);
    print_east(host_east_s(), host);
    if (east_s == host_east_s())
        doctor_tell(d, RESULT_OK, NULL, "server and host: %s", server);
    else
        doctor_tell(d, RESULT_WARNING,
            "set the zone in which the billing's programs run: SET GLOBAL"
            " time_zone = 'SYSTEM', the same in my.cnf; or timedatectl"
            " set-timezone here",
            "the server's clock shows %s of UTC, this host's %s: what a program"
            " of the billing dates by the one looks early or late by the other",
            server, host);
}

/* Of the quiet hours. It is checked with the configuration that it is known. */
static void
check_quiet_zone(struct doctor *d)
{
    const char *name = d->ctl->set->notice.time_zone;
    char east[16], host[16];
    struct zone zone;

    if (!zone_load(&zone, name)) {
        doctor_tell(d, RESULT_FAILED,
            "apt-get install tzdata, or an offset such as +05:00",
            "[notice] time_zone: %s is not known on this host", name);
        return;
    }
    print_east(zone_east_s(&zone, clock_wall_us()), east);
    print_east(host_east_s(), host);
    doctor_tell(d,
        zone_east_s(&zone, clock_wall_us()) == host_east_s() ? RESULT_OK
                                                             : RESULT_NOTE,
        "if the subscribers live elsewhere: [notice] time_zone",
        "quiet hours go by %s, now %s; this host's clock shows %s", name, east,
        host);
}

/* The date is written by whoever books it. */
static void
check_dates(struct doctor *d)
{
    struct bytes sql = bytes_make(4096);

    bytes_str(&sql,
        "SELECT IF(ahead > 120, " SQL_WARNING ", " SQL_OK "),"
        " IF(ahead > 120, CONCAT('the newest payments are dated ', ahead, ' s"
        " in the future: who books them has another clock or zone than the"
        " server'), 'the newest payments are not dated in the future'),"
        " 'set time_zone of the server, or date.timezone of PHP, to the same'"
        " FROM (SELECT MIN(TIMESTAMPDIFF(SECOND, NOW(), newest.date)) AS ahead"
        " FROM (SELECT date FROM ");
    db_name(&sql, d->ctl->set->database.billing);
    bytes_str(&sql,
        ".bugh_plategi_stat ORDER BY plategid DESC LIMIT 5) AS newest)"
        " AS seen WHERE ahead IS NOT NULL");
    doctor_run(d, &sql, "there is no payment yet");
}

/* What the trigger saw when it captured: so many seconds after the date. One
 * payment may be booked for another day, but not all. */
static const char booking[] =
    "SELECT IF(n >= 3 AND least > 600, " SQL_WARNING ", " SQL_OK "),"
    " IF(n >= 3 AND least > 600, CONCAT('each of the newest ', n, ' payments"
    " was dated ', least, ' s or more before it was booked: who books them has"
    " another clock or zone than the server, and what is back-dated is not"
    " announced'), 'payments are dated when they are booked'),"
    " 'set time_zone of the server, or date.timezone of PHP, to the same'"
    " FROM (SELECT COUNT(*) AS n, MIN(age) AS least FROM (SELECT"
    " SUBSTRING_INDEX(SUBSTRING_INDEX(body, '\"age_s\":', -1), ',', 1) + 0"
    " AS age FROM event WHERE id > (SELECT GREATEST(MAX(id), 1000) - 1000"
    " FROM event) AND kind = 'payment' AND body LIKE '%\"age_s\":%'"
    " AND body NOT LIKE '%\"late\":%' ORDER BY id DESC LIMIT 20) AS newest)"
    " AS seen";

static const struct doctor_check checks[] = {
    { .name = "clock", .database = true, .run = check_clocks },
    { .name = "time zone", .database = true, .run = check_zones },
    { .name = "quiet hours", .run = check_quiet_zone },
    { .name = "dates", .database = true, .run = check_dates },
    { .name = "booking", .sql = booking },
};

const struct doctor_group doctor_clock = { checks,
    sizeof checks / sizeof *checks };
