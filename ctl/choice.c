/* choice: see choice.h. */
#include "choice.h"

#include "db.h"
#include "delivery.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool
choice_number(const char *word, uint64_t *out)
{
    char *end;

    if (!isdigit((unsigned char)*word))
        return false;
    errno = 0;
    *out = strtoull(word, &end, 10);
    return errno == 0 && *end == '\0';
}

/* --- who ----------------------------------------------------------------- */

/* Of what is named by a number. */
static const struct way {
    const char *prefix;
    const char *sql;
} ways[] = {
    { "delivery:", "d.id = " },
    { "event:", "d.event_id = " },
    { "uid:", "d.event_id IN (SELECT id FROM event WHERE uid = " },
    { "", "d.event_id = " },
};

static const char *
add_who(struct bytes *sql, const char *word, bool *many)
{
    uint64_t id;

    *many = true;
    if (strcmp(word, "all") == 0) {
        bytes_str(sql, "TRUE");
        return NULL;
    }
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        size_t n = strlen(ways[i].prefix);

        if (strncmp(word, ways[i].prefix, n) == 0 &&
            choice_number(word + n, &id)) {
            *many = strchr(ways[i].sql, '(') != NULL;
            bytes_printf(
                sql, "%s%" PRIu64 "%s", ways[i].sql, id, *many ? ")" : "");
            return NULL;
        }
    }
    return "say which: an event by its number, delivery:17, uid:1001, or all";
}

/* --- which of them ------------------------------------------------------- */

static const char *
add_states(struct bytes *sql, const char *value)
{
    char word[32];
    const char *before = "d.state IN (";

    for (; *value; before = ", ") {
        size_t n = strcspn(value, ",");

        snprintf(word, sizeof word, "%.*s", (int)(n < 31 ? n : 31), value);
        if (delivery_state_of(word) == DELIVERY_STATES)
            return "a state is one of ready calling done retry doubtful dead "
                   "expired skipped cancelled held dry";
        bytes_str(sql, before);
        db_text(sql, word);
        value += n + (value[n] == ',');
    }
    bytes_chr(sql, ')');
    return NULL;
}

static const char *
add_lane(struct bytes *sql, const char *value)
{
    enum lane_id lane;

    if (!delivery_lane_find(value, &lane))
        return "a lane is one of decide smspilot smsc komtet routers exec "
               "webhook kafka";
    bytes_str(sql, "d.lane = ");
    db_text(sql, value);
    return NULL;
}

static const char *
add_action(struct bytes *sql, const char *value)
{
    bytes_str(sql, "d.action = CONVERT(");
    db_text(sql, value);
    bytes_str(sql, " USING ascii)");
    return NULL;
}

static const char *
add_error(struct bytes *sql, const char *value)
{
    bytes_str(sql, "CONVERT(");
    db_text(sql, value);
    bytes_str(sql, " USING ascii) IN (d.error_code, d.error_class)");
    return NULL;
}

static const char *
add_age(struct bytes *sql, const char *value)
{
    static const char wrong[] = "an age is 30min, 2h or 3d";
    uint64_t n;
    char *end;

    if (!isdigit((unsigned char)*value))
        return wrong;
    errno = 0;
    n = strtoull(value, &end, 10);
    if (errno != 0 || n > 100000)
        return wrong;
    if (strcmp(end, "h") != 0 && strcmp(end, "d") != 0 &&
        strcmp(end, "min") != 0)
        return wrong;
    bytes_printf(sql,
        "d.changed_utc < UTC_TIMESTAMP(3) - INTERVAL %" PRIu64 " %s", n,
        *end == 'h'   ? "HOUR"
        : *end == 'd' ? "DAY"
                      : "MINUTE");
    return NULL;
}

static const struct filter {
    const char *name; /* with its equals sign */
    const char *(*add)(struct bytes *sql, const char *value);
} filters[] = {
    { "state=", add_states },
    { "lane=", add_lane },
    { "action=", add_action },
    { "error=", add_error },
    { "older=", add_age },
};

static const char *
add_filter(struct bytes *sql, const char *word, bool *stated)
{
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
        size_t n = strlen(filters[i].name);

        if (strncmp(word, filters[i].name, n) != 0 || word[n] == '\0')
            continue;
        *stated |= filters[i].add == add_states;
        bytes_str(sql, " AND ");
        return filters[i].add(sql, word + n);
    }
    return "what else there is to say is state=, lane=, action=, error= or "
           "older=";
}

const char *
choice_add(
    struct bytes *sql, char *const *words, int n, bool *many, bool *stated)
{
    const char *wrong = add_who(sql, words[0], many);

    *stated = false;
    for (int i = 1; i < n && !wrong; i++)
        wrong = add_filter(sql, words[i], stated);
    return wrong;
}
