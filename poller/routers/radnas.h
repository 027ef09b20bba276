/*
 * radnas: the routers as the billing lists them, in its table of that name.
 *
 * They are told apart by radnas.id. Which of them are meant, the settings say.
 */
#ifndef MBEV_RADNAS_H
#define MBEV_RADNAS_H

#include "billing.h"
#include "db.h"
#include "routers/router.h"
#include "settings.h"

/* Appends the name of the table. */
void radnas_name(struct bytes *sql, const struct billing *billing);

/* Appends the condition by which a row of it is meant. */
void radnas_condition(struct bytes *sql, const struct settings *set);

/* Reads those that are meant, by id; the account must see the table. *rows is
 * to be closed. */
enum db_status radnas_read(struct db *db, const struct billing *billing,
    const struct settings *set, struct db_rows **rows);

/* The router that these rows stand at; its texts are theirs. */
struct router_row radnas_row(const struct db_rows *rows);

#endif
