/*
 * mbevctl top [SECONDS]: the lanes and the outbox, again and again, until
 * Ctrl-C. Without a terminal it prints them once for each time.
 */
#include "bytes.h"
#include "choice.h"
#include "ctl.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

enum { USUAL_S = 2, LONGEST_S = 3600 };

#define HOME "\x1b[H\x1b[J"

static enum db_status
print_line(struct ctl *ctl)
{
    struct db_rows *rows;
    enum db_status status = db_ask(ctl->db,
        "SELECT UTC_TIMESTAMP(), COUNT(*), GREATEST(0,"
        " COALESCE(TIMESTAMPDIFF(SECOND, MIN(captured_utc), UTC_TIMESTAMP(3)),"
        " 0)), (SELECT IF(lease_until_utc > UTC_TIMESTAMP(3),"
        " CONCAT('acting: ', holder), 'NO SERVICE ACTS') FROM owner"
        " WHERE name = 'main') FROM outbox",
        &rows);

    if (status != DB_OK)
        return status;
    if (db_next(rows)) {
        out_words("%s UTC   outbox %" PRIu64 ", oldest %" PRIu64 " s   ",
            db_col(rows, 0), db_uint(rows, 1), db_uint(rows, 2));
        if (!out_is_json())
            text_print(stdout, db_col(rows, 3) ? db_col(rows, 3) : "");
        out_words("\n\n");
        out_text("at_utc", db_col(rows, 0));
        out_uint("outbox", db_uint(rows, 1));
        out_uint("outbox_oldest_s", db_uint(rows, 2));
        out_text("service", db_col(rows, 3));
    }
    db_rows_close(&rows);
    return DB_OK;
}

/* A database that was away may have come back. */
static enum db_status
print_once(struct ctl *ctl)
{
    enum db_status status;

    if (isatty(STDOUT_FILENO))
        out_words(HOME);
    status = print_line(ctl);
    if (status == DB_GONE && db_open(ctl->db) == DB_OK)
        status = print_line(ctl);
    if (status == DB_OK)
        status = lanes_print(ctl);
    if (!isatty(STDOUT_FILENO))
        out_words("\n");
    out_next();
    return status;
}

int
ctl_top(struct ctl *ctl)
{
    uint64_t seconds = USUAL_S;
    enum db_status status;

    if (ctl->argc > 0 && (!choice_number(ctl->argv[0], &seconds) ||
                             seconds < 1 || seconds > LONGEST_S))
        return ctl_complain(ctl, "SECONDS is a number from 1 to 3600");
    while ((status = print_once(ctl)) == DB_OK && !ctl_interrupted())
        poll(NULL, 0, (int)seconds * 1000);
    return status == DB_OK ? EX_OK : ctl_failed(ctl);
}
