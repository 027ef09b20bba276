/* radnas: see radnas.h. */
#include "routers/radnas.h"

#include <stdlib.h>
#include <string.h>

enum { LARGEST_SQL = 64 * 1024, RADIUS_PORT = 3799 };

#define TEXT_OF(column) "CONVERT(" column " USING utf8mb4)"

void
radnas_name(struct bytes *sql, const struct billing *billing)
{
    db_name(sql, billing->name);
    bytes_str(sql, ".radnas");
}

static void
add_types(struct bytes *sql, const struct settings *set)
{
    for (size_t i = 0; i < set->routers.nastypes.n; i++) {
        bytes_str(sql, i ? ",LOWER(" : "LOWER(");
        db_text(sql, set->routers.nastypes.text[i]);
        bytes_chr(sql, ')');
    }
}

static bool
goes_by_radius(const struct router_settings *set)
{
    return strcmp(set->transport, "radius") == 0;
}

/* RADIUS wants no login of ours. */
static void
add_login(struct bytes *sql, const struct settings *set)
{
    if (goes_by_radius(&set->routers.usual))
        return;
    bytes_str(sql,
        " AND (naslogin <> '' OR LOWER(" TEXT_OF("nasname") ")"
                                                            " IN (''");
    for (size_t i = 0; i < set->routers.special_n; i++) {
        if (!goes_by_radius(&set->routers.special[i].set))
            continue;
        bytes_str(sql, ",LOWER(");
        db_text(sql, set->routers.special[i].address);
        bytes_chr(sql, ')');
    }
    bytes_str(sql, "))");
}

void
radnas_condition(struct bytes *sql, const struct settings *set)
{
    bytes_str(sql, "nasname <> '' AND LOWER(" TEXT_OF("nastype") ") IN (");
    add_types(sql, set);
    bytes_chr(sql, ')');
    add_login(sql, set);
}

enum db_status
radnas_read(struct db *db, const struct billing *billing,
    const struct settings *set, struct db_rows **rows)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    enum db_status status;

    bytes_str(&sql, "SELECT id, " TEXT_OF("nasname") ", " TEXT_OF("naslogin"));
    bytes_str(&sql, ", " TEXT_OF("naspass") ", " TEXT_OF("secret"));
    bytes_printf(
        &sql, ", impruport, %s FROM ", billing->has_use_api ? "use_api" : "0");
    radnas_name(&sql, billing);
    bytes_str(&sql, " WHERE ");
    radnas_condition(&sql, set);
    bytes_str(&sql, " ORDER BY id");
    status = db_query(db, &sql, rows);
    bytes_free(&sql);
    return status;
}

/* radnas.impruport is text. */
static int
radius_port(const char *text)
{
    long port = text ? strtol(text, NULL, 10) : 0;

    return port > 0 && port < 65536 ? (int)port : RADIUS_PORT;
}

struct router_row
radnas_row(const struct db_rows *rows)
{
    const char *secret = db_col(rows, 4);

    return (struct router_row){ .id = (uint32_t)db_uint(rows, 0),
        .address = db_col(rows, 1),
        .user = db_col(rows, 2),
        .password = db_col(rows, 3) ? db_col(rows, 3) : "",
        .secret = secret ? secret : "",
        .radius_port = radius_port(db_col(rows, 5)),
        .api = db_uint(rows, 6) != 0 };
}
