/* trouble: see trouble.h. */
#include "trouble.h"

#include "clock.h"
#include "hash.h"

#include <errmsg.h>
#include <inttypes.h>
#include <mysqld_error.h>
#include <stdarg.h>
#include <stdio.h>

enum {
    LONGEST = 1024,
    CALM_US = 2000000,
    COMES_AGAIN_US = 60000000,
    LOCKED_MYSQL = 3118, /* the account, MySQL */
};

#define LASTS_US (600LL * 1000000)

/* Where these words stand, or the place of the oldest. */
static size_t
place_of(const struct trouble *t, uint64_t hash)
{
    size_t oldest = 0;

    for (size_t i = 0; i < TROUBLE_WORDS; i++) {
        if (t->told[i].hash == hash)
            return i;
        if (t->told[i].told_us < t->told[oldest].told_us)
            oldest = i;
    }
    return oldest;
}

enum log_level
trouble_level(struct trouble *t, enum log_level level, const char *about)
{
    uint64_t hash = hash_text(about) | 1;
    size_t i = place_of(t, hash);
    int64_t now_us = clock_boot_us();
    int64_t quiet_us = t->told[i].time == t->time ? LASTS_US : COMES_AGAIN_US;

    if (t->told[i].hash == hash && now_us < t->told[i].told_us + quiet_us)
        return LOG_DEBUG;
    t->told[i].hash = hash;
    t->told[i].told_us = now_us;
    t->told[i].time = t->time;
    t->said |= t->since_us > 0;
    return level;
}

void
trouble_tell(struct trouble *t, enum log_level level, const char *fmt, ...)
{
    char text[LONGEST];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    log_at(trouble_level(t, level, text), "%s", text);
}

int64_t
trouble_goes_on(struct trouble *t)
{
    t->last_us = clock_boot_us();
    t->well_us = 0;
    if (t->since_us == 0)
        t->since_us = t->last_us;
    return (t->last_us - t->since_us) / 1000000;
}

void
trouble_calm(struct trouble *t)
{
    int64_t now_us = clock_boot_us();

    if (t->since_us == 0)
        return;
    if (t->well_us == 0)
        t->well_us = now_us;
    if (now_us < t->last_us + CALM_US)
        return;
    if (t->said)
        log_info("engine: the database works again; the trouble lasted %" PRId64
                 " s",
            (t->well_us - t->since_us) / 1000000);
    t->since_us = 0;
    t->said = false;
    t->time++;
}

const char *
trouble_cure(unsigned number)
{
    static const struct {
        unsigned number;
        const char *words;
    } cures[] = {
        { ER_DISK_FULL, "; make room on the server's disk" },
        { ER_CON_COUNT_ERROR,
            "; other clients hold all of them: see SHOW PROCESSLIST, or raise "
            "max_connections" },
        { ER_DBACCESS_DENIED_ERROR, "; run sql/grants.sql in the billing" },
        { ER_ACCESS_DENIED_ERROR,
            "; is it the password of [database]? One that was changed at the "
            "server is to be changed there, too" },
        { ER_BAD_DB_ERROR,
            "; what is ours is made by the sql/schema.sql of this mbevd" },
        { ER_BAD_FIELD_ERROR,
            "; what is ours is made by the sql/schema.sql of this mbevd" },
        { ER_RECORD_FILE_FULL,
            "; make room on the server's disk, or in its tablespace" },
        { ER_HOST_IS_BLOCKED, "; mysqladmin flush-hosts at the server" },
        { ER_HOST_NOT_PRIVILEGED, "; the server does not let this host in" },
        { ER_TABLEACCESS_DENIED_ERROR, "; run sql/grants.sql in the billing" },
        { ER_COLUMNACCESS_DENIED_ERROR, "; run sql/grants.sql in the billing" },
        { ER_NO_SUCH_TABLE,
            "; what is ours is made by the sql/schema.sql of this mbevd" },
        { ER_NET_PACKET_TOO_LARGE, "; raise max_allowed_packet at the server" },
        { ER_TOO_MANY_USER_CONNECTIONS,
            "; raise max_user_connections at the server" },
        { ER_USER_LIMIT_REACHED, "; raise that limit: ALTER USER ... WITH "
                                 "(MySQL 5.6: GRANT USAGE ON "
                                 "*.* TO ... WITH)" },
        { ER_SPECIFIC_ACCESS_DENIED_ERROR,
            "; run sql/grants.sql in the billing" },
        { ER_OPTION_PREVENTS_STATEMENT,
            "; work goes on when the server may be written again; one that was "
            "made a replica is the wrong one for [database]" },
        { ER_UNKNOWN_COM_ERROR,
            "; work goes on when this node of the cluster is back in the "
            "majority" },
        { ER_MUST_CHANGE_PASSWORD,
            "; give the account a new password: SET PASSWORD" },
        { ER_READ_ONLY_MODE,
            "; work goes on when the server may be written again" },
        { CR_CONNECTION_ERROR, "; is the server started?" },
        { CR_CONN_HOST_ERROR, "; is the server started?" },
        { LOCKED_MYSQL, "; ALTER USER ... ACCOUNT UNLOCK" },
        { ER_ACCOUNT_HAS_BEEN_LOCKED, "; ALTER USER ... ACCOUNT UNLOCK" },
    };

    for (size_t i = 0; i < sizeof cures / sizeof *cures; i++)
        if (cures[i].number == number)
            return cures[i].words;
    return "";
}

bool
trouble_is_general(unsigned number)
{
    return number == ER_DISK_FULL || number == ER_RECORD_FILE_FULL ||
           number == ER_OPTION_PREVENTS_STATEMENT ||
           number == ER_READ_ONLY_MODE;
}
