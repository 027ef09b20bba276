/* roll: see roll.h. */
#include "routers/roll.h"

#include "clock.h"
#include "db.h"

#include <inttypes.h>

size_t
roll_count_new(const struct router_list *all)
{
    size_t n = 0;

    for (size_t i = 0; i < all->n; i++)
        n += router_is_new(all->at[i]);
    return n;
}

void
roll_add_removal(struct bytes *sql, const struct router_list *all)
{
    bytes_str(sql, "DELETE FROM router WHERE nas_id NOT IN (0");
    for (size_t i = 0; i < all->n; i++)
        if (!router_is_off(all->at[i]))
            bytes_printf(sql, ",%" PRIu32, router_state(all->at[i]).id);
    bytes_str(sql, ");");
}

static void
add_state(struct bytes *sql, const struct router *router)
{
    struct router_state state = router_state(router);
    int64_t held_us = state.until_us - clock_boot_us();
    bool held = state.fault != FAULT_NONE;
    char cure[ROUTER_CURE];

    router_cure(router, state.fault, cure, sizeof cure);
    bytes_printf(sql, "(%" PRIu32 ",", state.id);
    db_text(sql, state.address);
    bytes_printf(sql, ",'%s','%s',UTC_TIMESTAMP(3),", state.transport,
        held ? "held" : "ok");
    if (held && held_us > 0)
        bytes_printf(sql,
            "UTC_TIMESTAMP(3) + INTERVAL %" PRId64 " MICROSECOND,", held_us);
    else
        bytes_str(sql, "NULL,");
    bytes_printf(sql, "%" PRIu64 ",", state.ended);
    db_text(sql, held ? state.why : NULL);
    bytes_chr(sql, ',');
    db_text(sql, held ? cure : NULL);
    bytes_str(sql, ",UTC_TIMESTAMP(3))");
}

/* since_utc is set first, from the state of before. */
void
roll_add_new(struct bytes *sql, const struct router_list *all)
{
    const char *comma = "";

    bytes_str(sql,
        "INSERT INTO router (nas_id, address, transport, state,"
        " since_utc, until_utc, ended, reason, cure, changed_utc) VALUES ");
    for (size_t i = 0; i < all->n; i++) {
        if (!router_is_new(all->at[i]))
            continue;
        bytes_str(sql, comma);
        add_state(sql, all->at[i]);
        comma = ",";
    }
    bytes_str(sql,
        " ON DUPLICATE KEY UPDATE since_utc ="
        " IF(state = VALUES(state), since_utc, VALUES(since_utc)),"
        " state = VALUES(state), address = VALUES(address),"
        " transport = VALUES(transport), until_utc = VALUES(until_utc),"
        " ended = ended + VALUES(ended), reason = VALUES(reason),"
        " cure = VALUES(cure),"
        " changed_utc = VALUES(changed_utc);");
}
