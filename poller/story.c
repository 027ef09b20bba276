/* story: see story.h. */
#include "story.h"

#include "listing.h"

#include <inttypes.h>

/* %llu: the event. */
static const struct chapter {
    const char *name; /* NULL = the event itself */
    const char *columns;
    const char *sql;
} chapters[] = {
    { NULL, "#id kind #uid captured ingested problem @body now",
        "id, kind, uid, captured_utc, ingested_utc, problem,"
        " LEFT(body, 65536),"
        " UTC_TIMESTAMP(3) FROM event WHERE id =" },
    { "deliveries",
        "#id action #receiver state lane route @address @payload #attempts due"
        " expires planned #ask provider provider_id class code @reason #log_id"
        " changed",
        "id, action, receiver, state, lane, NULLIF(route, ''), address,"
        " LEFT(payload, 4000), attempts, due_utc, expires_utc, plan_utc, ask,"
        " provider, provider_id, error_class, error_code, reason, log_id,"
        " changed_utc FROM delivery WHERE event_id =" },
    { "receipts",
        "#id number stage task_id task_state @error #kopecks created accepted"
        " ended link document drive sign",
        "id, number, stage, task_id, task_state, error, kopecks, created_utc,"
        " accepted_utc, ended_utc, link, fiscal_i, fiscal_fn, fiscal_fp"
        " FROM receipt WHERE event_id =" },
    { "audit", "#id at who verb was #delivery @words",
        "id, at_utc, who, verb, was, delivery_id, words FROM audit"
        " WHERE event_id =" },
};
enum { CHAPTERS = sizeof chapters / sizeof *chapters, LARGEST_SQL = 4096 };

static enum db_status
ask(struct db *db, const struct chapter *chapter, uint64_t event_id,
    struct db_rows **rows)
{
    struct bytes sql = bytes_make(LARGEST_SQL);
    enum db_status status;

    bytes_printf(&sql,
        LISTING_BRIEF "SELECT %s %" PRIu64 " ORDER BY id LIMIT 50",
        chapter->sql, event_id);
    status = db_query(db, &sql, rows);
    bytes_free(&sql);
    return status;
}

enum db_status
story_read(struct db *db, uint64_t event_id, struct bytes *out, bool *found)
{
    struct json json = { .out = out };
    enum db_status status = DB_OK;

    *found = false;
    json_open(&json, NULL, '{');
    for (size_t i = 0; i < CHAPTERS; i++) {
        const struct chapter *chapter = &chapters[i];
        struct db_rows *rows;

        status = ask(db, chapter, event_id, &rows);
        if (status != DB_OK)
            return status;
        if (chapter->name)
            listing_add(&json, chapter->name, rows, chapter->columns);
        else if ((*found = db_next(rows)))
            listing_add_row(&json, rows, chapter->columns);
        db_rows_close(&rows);
        if (!*found)
            break;
    }
    json_close(&json, '}');
    return DB_OK;
}
