/*
 * news: what Komtet says of a receipt, and what is recorded of it. The server
 * is replaced by functions of this file, which keep what is to be run.
 */
#include "unit.h"

#include "sql.h"

#include "log.h"
#include "news.h"
#include "utf8.h"

/* ---- in place of the server ---- */

/* What was run, what went with the COMMIT, and what was said last. */
static struct {
    struct bytes sql, log;
    unsigned begun, committed, rolled_back;
    enum log_level level;
    char told[1000];
    enum db_status begin, run, commit; /* what the server answers next */
    bool lost;
    unsigned number; /* of what it refuses; 0 = 1142 */
} server;

enum db_status __wrap_owner_begin(struct owner *owner, struct db *db);
enum db_status
__wrap_owner_commit_with(struct owner *owner, struct db *db, struct bytes *sql);
enum db_status __wrap_db_run(struct db *db, const struct bytes *sql);
void __wrap_db_rollback(struct db *db);
const char *__wrap_db_error(const struct db *db);
unsigned __wrap_db_errno(const struct db *db);
void __wrap_log_at(enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void __wrap_log_about(enum log_level level, const struct log_subject *about,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

enum db_status
__wrap_owner_begin(struct owner *owner, struct db *db)
{
    (void)owner, (void)db;
    server.begun++;
    return server.begin;
}

enum db_status
__wrap_db_run(struct db *db, const struct bytes *sql)
{
    (void)db;
    assert_true(bytes_ok(sql));
    bytes_clear(&server.sql);
    bytes_str(&server.sql, bytes_text(sql));
    return server.run;
}

/* Refuses what is in the billing's list, when it is to refuse. */
enum db_status
__wrap_owner_commit_with(struct owner *owner, struct db *db, struct bytes *sql)
{
    bool empty = sql->n == 0;

    (void)db;
    assert_true(bytes_ok(sql));
    bytes_clear(&server.log);
    bytes_str(&server.log, bytes_text(sql));
    bytes_free(sql);
    owner->lost = server.lost;
    if (!empty && server.commit != DB_OK)
        return server.commit;
    server.committed++;
    return DB_OK;
}

void
__wrap_db_rollback(struct db *db)
{
    (void)db;
    server.rolled_back++;
}

const char *
__wrap_db_error(const struct db *db)
{
    (void)db;
    return "1142 UPDATE command denied";
}

unsigned
__wrap_db_errno(const struct db *db)
{
    (void)db;
    return server.number ? server.number : 1142;
}

void
__wrap_log_at(enum log_level level, const char *fmt, ...)
{
    va_list ap;

    server.level = level;
    va_start(ap, fmt);
    vsnprintf(server.told, sizeof server.told, fmt, ap);
    va_end(ap);
}

void
__wrap_log_about(
    enum log_level level, const struct log_subject *about, const char *fmt, ...)
{
    va_list ap;

    (void)about;
    server.level = level;
    va_start(ap, fmt);
    vsnprintf(server.told, sizeof server.told, fmt, ap);
    va_end(ap);
}

/* One row of an answer. */
struct db_rows {
    const char *col[12];
};

const char *__wrap_db_col(const struct db_rows *rows, unsigned i);
size_t __wrap_db_len(const struct db_rows *rows, unsigned i);
uint64_t __wrap_db_uint(const struct db_rows *rows, unsigned i);

const char *
__wrap_db_col(const struct db_rows *rows, unsigned i)
{
    return rows->col[i];
}

size_t
__wrap_db_len(const struct db_rows *rows, unsigned i)
{
    return rows->col[i] ? strlen(rows->col[i]) : 0;
}

uint64_t
__wrap_db_uint(const struct db_rows *rows, unsigned i)
{
    return rows->col[i] ? strtoull(rows->col[i], NULL, 10) : 0;
}

/* ---- scenes ---- */

struct scene {
    struct settings set;
    struct engine engine;
    struct news news;
};

static int
set_up(void **state)
{
    static struct scene scene;

    memset(&server, 0, sizeof server);
    server.sql = bytes_make(1 << 20);
    server.log = bytes_make(1 << 20);
    scene = (struct scene){
        .set.receipt = { .look_first_ms = 15000, .look_longest_ms = 600000 },
        .engine.billing = { .name = "mikbill",
            .has_receipts = true,
            .locks_at_once = true },
        .news = { .receipt = { .id = 7,
                      .event_id = 9,
                      .uid = 1001,
                      .log_id = 111,
                      .kopecks = 35050,
                      .number = "2611111",
                      .task_id = "4711",
                      .log_table = "receipts_log" },
            .task = { .stage = KOMTET_OPEN,
                .id = "4711",
                .number = "2611111",
                .state = "processing",
                .fiscal.s_kopecks = KOMTET_NO_SUM } },
    };
    scene.engine.set = &scene.set;
    *state = &scene;
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    bytes_free(&server.sql);
    bytes_free(&server.log);
    return 0;
}

static void
record(struct scene *s)
{
    assert_int_equal(news_record(&s->engine, &s->news), DB_OK);
    assert_int_equal(server.committed, 1);
    assert_int_equal(server.rolled_back, 0);
}

static struct scene *
scene_at(void **state, enum komtet_stage stage, const char *word)
{
    struct scene *s = *state;

    s->news.task.stage = stage;
    s->news.task.final = stage == KOMTET_DONE || stage == KOMTET_FAILED;
    strcpy(s->news.task.state, word);
    return s;
}

/* The question was not answered. */
static struct scene *
scene_unknown(void **state, enum outcome_class class)
{
    struct scene *s = *state;

    s->news.task = (struct komtet_task){ .stage = KOMTET_UNKNOWN,
        .fiscal.s_kopecks = KOMTET_NO_SUM };
    s->news.outcome.class = class;
    strcpy(s->news.outcome.why, "komtet: it's \\ no");
    return s;
}

static void
assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" has no \"%s\"", text, part);
}

static void
assert_lacks(const char *text, const char *part)
{
    if (strstr(text, part))
        fail_msg("\"%s\" has \"%s\"", text, part);
}

static const char *
sql(void)
{
    return bytes_text(&server.sql);
}

static const char *
list(void)
{
    return bytes_text(&server.log);
}

/* What is recorded as its error, in all three tables. */
static void
assert_error(struct scene *s, const char *literal)
{
    char part[600];

    record(s);
    snprintf(
        part, sizeof part, "looks = looks + 1, error = %s, stage", literal);
    assert_has(sql(), part);
    snprintf(part, sizeof part, ", reason = %s WHERE", literal);
    assert_has(sql(), part);
    snprintf(part, sizeof part, ", error = %s", literal);
    assert_has(list(), part);
}

/* ---- whose task it is ---- */

static void
a_task_is_ours_by_what_both_sides_know(void **state)
{
    static const struct {
        const char *our_id, *id, *number;
        bool fits;
    } rows[] = {
        { "4711", "4711", "2611111", true },
        { "4711", "4711", "", true },
        { "4711", "", "2611111", true },
        { "", "4711", "2611111", true },
        { "", "4711", "", true },
        { "4711", "4712", "2611111", false },
        { "4711", "47110", "2611111", false },
        { "4711", "4712", "", false },
        { "4711", "4711", "2611112", false },
        { "4711", "4711", "261111", false },
        { "4711", "4711", "26111111", false },
        { "4711", "", "2611112", false },
        { "", "4711", "2611112", false },
        { "", "", "2611112", false },
        { "a1", "A1", "2611111", false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct receipt_row row = { .number = "2611111" };
        struct komtet_task task = { 0 };

        strcpy(row.task_id, rows[i].our_id);
        strcpy(task.id, rows[i].id);
        strcpy(task.number, rows[i].number);
        if (news_fits(&row, &task) != rows[i].fits)
            fail_msg("ours %s: %s, %s", rows[i].our_id, task.id, task.number);
    }
}

/* ---- the row that may have news ---- */

static void
a_row_is_read_as_it_is_selected(void **state)
{
    const struct db_rows rows = { { "7", "9", "18446744073709551615", "111",
        "35050", "3", "1", "0", "1", "A-2611111", "4711", "receipts_log" } };
    struct receipt_row row;

    (void)state;
    memset(&row, 'x', sizeof row);
    news_read_row(&row, &rows);
    assert_int_equal(row.id, 7);
    assert_int_equal(row.event_id, 9);
    assert_true(row.uid == UINT64_MAX);
    assert_int_equal(row.log_id, 111);
    assert_int_equal(row.kopecks, 35050);
    assert_int_equal(row.looks, 3);
    assert_true(row.sent);
    assert_false(row.burnt);
    assert_true(row.replaced);
    assert_string_equal(row.number, "A-2611111");
    assert_string_equal(row.task_id, "4711");
    assert_string_equal(row.log_table, "receipts_log");
}

/* One whose delivery is gone, or lost its number, may have no such word. */
static void
what_nobody_knows_to_be_sent_is_not(void **state)
{
    struct db_rows rows = { { "7", "9", "1001", "111", "35050", "0", NULL, "1",
        "0", "2611111", "", "receipts_log" } };
    struct receipt_row row;

    (void)state;
    news_read_row(&row, &rows);
    assert_false(row.sent);
    assert_true(row.burnt);
    assert_false(row.replaced);
    assert_string_equal(row.task_id, "");
    rows.col[6] = "0";
    news_read_row(&row, &rows);
    assert_false(row.sent);
}

/* ---- what is recorded ---- */

static void
an_open_task_is_accepted_and_looked_at_again(void **state)
{
    struct scene *s = scene_at(state, KOMTET_OPEN, "processing");

    record(s);
    assert_has(sql(),
        "UPDATE receipt SET looks = looks + 1, error = NULL,"
        " stage = 'accepted', accepted_utc = COALESCE(accepted_utc,"
        " UTC_TIMESTAMP(3)), task_state = 'processing', task_id = '4711'");
    assert_has(sql(),
        ", look_utc = UTC_TIMESTAMP(3) + INTERVAL 15000000"
        " MICROSECOND WHERE id = 7 AND stage IN ('new', 'accepted'");
    assert_lacks(sql(), "fiscal_");
    assert_lacks(sql(), "link");
    assert_has(sql(),
        "UPDATE delivery SET state = 'done', ask = FALSE,"
        " changed_utc = UTC_TIMESTAMP(3), reason = NULL"
        " WHERE event_id = 9 AND action = 'receipt' AND receiver = 0"
        " AND log_id = 111 AND lane = 'komtet'"
        " AND state IN ('ready', 'retry', 'doubtful'");
    assert_has(list(),
        "UPDATE `mikbill`.`receipts_log` SET state = 'processing',"
        " error = NULL, ext_id = '4711' WHERE id = 111 AND ");
    assert_int_equal(server.level, LOG_DEBUG);
    assert_string_equal(
        server.told, "receipt 2611111 (uid 1001) is processing");
}

static void
a_state_that_is_not_known_is_as_one_that_is_open(void **state)
{
    struct scene *s = scene_at(state, KOMTET_UNKNOWN, "it's new");

    record(s);
    assert_has(sql(), ", stage = 'accepted', ");
    assert_has(sql(), ", task_state = 'it\\'s new', ");
    assert_has(sql(), ", look_utc = UTC_TIMESTAMP(3) + INTERVAL ");
    assert_has(sql(), "UPDATE delivery SET state = 'done', ");
    assert_has(list(), " SET state = 'it\\'s new', error = NULL, ");
}

static void
a_task_whose_id_is_not_told_keeps_the_one_that_is_known(void **state)
{
    struct scene *s = scene_at(state, KOMTET_OPEN, "new");

    s->news.task.id[0] = '\0';
    record(s);
    assert_lacks(sql(), "task_id");
    assert_lacks(list(), "ext_id");
}

static void
a_fiscal_receipt_is_done_with_what_the_till_gave(void **state)
{
    struct scene *s = scene_at(state, KOMTET_DONE, "done");

    s->news.task.fiscal =
        (struct komtet_fiscal){ "123", "99990789", "20261124T1230", "1",
            "3522207165", "0000000400054952", "17", "5", 35050 };
    strcpy(s->news.task.link, "https://example.com/?a='b");
    record(s);
    assert_has(sql(),
        "error = NULL, stage = 'done', accepted_utc = COALESCE(accepted_utc,"
        " UTC_TIMESTAMP(3)), task_state = 'done', task_id = '4711',"
        " fiscal_i = '123', fiscal_fn = '99990789',"
        " fiscal_t = '20261124T1230', fiscal_n = '1',"
        " fiscal_fp = '3522207165', fiscal_rn = '0000000400054952',"
        " fiscal_sh = '17', fiscal_shn = '5', fiscal_kopecks = 35050,"
        " link = 'https://example.com/?a=\\'b',"
        " ended_utc = UTC_TIMESTAMP(3), look_utc = NULL WHERE id = 7"
        " AND stage IN ('new', 'accepted', 'failed', 'doubtful', 'closed', "
        "'replaced');");
    assert_has(sql(), "UPDATE delivery SET state = 'done', ask = FALSE,"
                      " changed_utc = UTC_TIMESTAMP(3), reason = NULL WHERE ");
    assert_has(
        sql(), " AND state IN ('ready', 'retry', 'doubtful', 'held', 'dead')");
    assert_has(list(), " SET state = 'done', error = NULL, ext_id = '4711'");
    assert_int_equal(server.level, LOG_INFO);
    assert_string_equal(
        server.told, "receipt 2611111 (uid 1001) is fiscal: document 123");
}

static void
what_the_till_did_not_give_is_left_as_it_is(void **state)
{
    struct scene *s = scene_at(state, KOMTET_DONE, "done");

    strcpy(s->news.task.fiscal.fp, "3522207165");
    record(s);
    assert_has(sql(), ", task_id = '4711', fiscal_fp = '3522207165',"
                      " ended_utc = UTC_TIMESTAMP(3)");
}

static void
another_sum_at_the_till_is_an_error(void **state)
{
    static const struct {
        int64_t kopecks;
        const char *error;
    } rows[] = {
        { KOMTET_NO_SUM, "NULL" },
        { 35050, "NULL" },
        { 35049, "'the till has 350.49 in place of 350.50'" },
        { 35100, "'the till has 351.00 in place of 350.50'" },
        { 0, "'the till has 0.00 in place of 350.50'" },
    };
    struct scene *s = scene_at(state, KOMTET_DONE, "done");

    for (size_t i = 0; i < COUNT(rows); i++) {
        s->news.task.fiscal.s_kopecks = rows[i].kopecks;
        server.committed = 0;
        assert_error(s, rows[i].error);
        assert_has(sql(), ", stage = 'done', ");
        expect_number(rows[i].error, server.level,
            strcmp(rows[i].error, "NULL") == 0 ? LOG_INFO : LOG_ERROR);
    }
}

static void
what_the_till_refused_has_failed(void **state)
{
    struct scene *s = scene_at(state, KOMTET_FAILED, "error");

    strcpy(s->news.task.error, "it's \\ closed");
    assert_error(s, "'the till refused it: it\\'s \\\\ closed'");
    assert_has(sql(), ", stage = 'failed', ");
    assert_has(sql(), ", ended_utc = UTC_TIMESTAMP(3), look_utc = NULL");
    assert_has(sql(), "UPDATE delivery SET state = 'dead', ask = FALSE, ");
    assert_has(
        sql(), " AND state IN ('ready', 'retry', 'doubtful', 'held', 'done')");
    assert_has(list(), " SET state = 'error', ");
    assert_int_equal(server.level, LOG_ERROR);
    assert_string_equal(server.told,
        "receipt 2611111 (uid 1001): the till refused it: it's \\ closed; see "
        "mbevctl receipts");
}

static void
a_till_may_give_no_reason(void **state)
{
    struct scene *s = scene_at(state, KOMTET_FAILED, "error");

    assert_error(s, "'the till refused it: no reason given'");
}

static void
a_long_reason_is_cut_between_two_characters(void **state)
{
    struct scene *s = scene_at(state, KOMTET_FAILED, "error");
    char want[300] = "'the till refused it: ";

    /* One byte, then characters of two: an even bound would split one. */
    for (int odd = 0; odd <= 1; odd++) {
        memset(s->news.task.error, 0, sizeof s->news.task.error);
        strcat(s->news.task.error, odd ? "x" : "");
        while (strlen(s->news.task.error) < OUTCOME_TEXT - 1)
            strcat(s->news.task.error, "я");
        snprintf(want, sizeof want, "'the till refused it: %.*s'",
            odd ? 233 : 234, s->news.task.error);
        assert_true(utf8_valid(want, strlen(want)));
        server.committed = 0;
        assert_error(s, want);
    }
}

static void
what_was_not_answered_is_asked_again(void **state)
{
    static const enum outcome_class classes[] = { OUTCOME_UNKNOWN,
        OUTCOME_TRANSIENT, OUTCOME_CONFIGURATION, OUTCOME_ABSENT };

    for (size_t i = 0; i < COUNT(classes); i++) {
        struct scene *s = scene_unknown(state, classes[i]);

        server.committed = 0;
        record(s);
        assert_sql(sql(),
            "UPDATE receipt SET looks = looks + 1,"
            " error = 'komtet: it\\'s \\\\ no', look_utc = UTC_TIMESTAMP(3)"
            " + INTERVAL 15000000 MICROSECOND WHERE id = 7"
            " AND stage IN ('new', 'accepted');");
        assert_string_equal(list(), "");
        assert_string_equal(server.told,
            "receipt 2611111 (uid 1001): komtet: it's \\ no; see mbevctl "
            "receipts");
    }
}

static void
pauses_between_two_looks_double_up_to_the_longest(void **state)
{
    static const struct {
        int64_t first_ms, longest_ms;
        unsigned looks;
        int64_t seconds;
    } rows[] = {
        { 15000, 600000, 0, 15 },
        { 15000, 600000, 1, 30 },
        { 15000, 600000, 5, 480 },
        { 15000, 600000, 6, 600 },
        { 15000, 600000, 7, 600 },
        { 15000, 600000, 65535, 600 },
        { 60000, 60000, 3, 60 },
        { 90000, 60000, 0, 60 },
    };
    char part[100];

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct scene *s = scene_at(state, KOMTET_OPEN, "new");

        s->set.receipt.look_first_ms = rows[i].first_ms;
        s->set.receipt.look_longest_ms = rows[i].longest_ms;
        s->news.receipt.looks = rows[i].looks;
        server.committed = 0;
        snprintf(part, sizeof part,
            "look_utc = UTC_TIMESTAMP(3) + INTERVAL %lld MICROSECOND WHERE",
            (long long)rows[i].seconds * 1000000);
        record(s);
        assert_has(sql(), part);
        s = scene_unknown(state, OUTCOME_TRANSIENT);
        server.committed = 0;
        record(s);
        assert_has(sql(), part);
        s->news.outcome = (struct outcome){ 0 };
    }
}

static void
all_of_a_list_are_recorded_together(void **state)
{
    struct scene *s = scene_at(state, KOMTET_OPEN, "new");
    struct news second = s->news;

    second.receipt.id = 8;
    second.receipt.log_id = 112;
    strcpy(second.receipt.log_table, "a`b");
    s->news.next = &second;
    record(s);
    assert_int_equal(server.begun, 1);
    assert_has(strstr(sql(), " WHERE id = 7 "), " WHERE id = 8 ");
    assert_has(strstr(sql(), " AND log_id = 111 "), " AND log_id = 112 ");
    assert_has(strstr(list(), "`receipts_log`"), "UPDATE `mikbill`.`a``b` ");
}

static void
where_the_server_can_only_wait_each_of_a_list_is_recorded_alone(void **state)
{
    struct scene *s = scene_at(state, KOMTET_OPEN, "new");
    struct news second = s->news;

    s->engine.billing.locks_at_once = false;
    second.receipt.id = 8;
    s->news.next = &second;
    assert_int_equal(news_record(&s->engine, &s->news), DB_OK);
    assert_int_equal(server.begun, 2);
    assert_int_equal(server.committed, 2);
    assert_has(sql(), " WHERE id = 8 ");
    assert_lacks(sql(), " WHERE id = 7 ");
}

/* ---- what it may still change ---- */

/* News of these stages, and what stands in the way of each. */
static const struct {
    enum komtet_stage stage;
    const char *receipts, *stage_now, *not_in_list;
} changes[] = {
    { KOMTET_OPEN, "'new', 'accepted', 'doubtful'", "accepted",
        "'done', 'error'" },
    { KOMTET_UNKNOWN, "'new', 'accepted', 'doubtful'", "accepted",
        "'done', 'error'" },
    { KOMTET_FAILED, "'new', 'accepted', 'doubtful'", "failed", "'done'" },
    { KOMTET_DONE,
        "'new', 'accepted', 'failed', 'doubtful', 'closed', 'replaced'", "done",
        "'done'" },
};

/* An answer may come when the end was told already. */
static void
an_open_task_changes_no_end_that_is_known(void **state)
{
    char part[200];

    for (size_t i = 0; i < COUNT(changes); i++) {
        struct scene *s = scene_at(state, changes[i].stage, "x");

        server.committed = 0;
        record(s);
        snprintf(part, sizeof part, " WHERE id = 7 AND stage IN (%s);",
            changes[i].receipts);
        assert_has(sql(), part);
        snprintf(part, sizeof part,
            " WHERE id = 111 AND COALESCE(state, '') NOT IN (%s);",
            changes[i].not_in_list);
        assert_has(list(), part);
    }
}

static void
a_delivery_goes_with_its_receipt_or_stays(void **state)
{
    char part[200];

    for (size_t i = 0; i < COUNT(changes); i++) {
        struct scene *s = scene_at(state, changes[i].stage, "x");

        server.committed = 0;
        record(s);
        snprintf(part, sizeof part,
            " AND EXISTS (SELECT 1 FROM receipt AS r WHERE r.id = 7"
            " AND r.stage = '%s');",
            changes[i].stage_now);
        assert_has(strstr(sql(), "UPDATE delivery "), part);
    }
}

/* It has no end any more. */
static void
a_doubt_that_komtet_ends_is_followed(void **state)
{
    struct scene *s = scene_at(state, KOMTET_OPEN, "new");

    record(s);
    assert_has(sql(),
        ", ended_utc = NULL, look_utc = UTC_TIMESTAMP(3) + INTERVAL 15000000"
        " MICROSECOND WHERE id = 7 AND stage IN ('new', 'accepted', "
        "'doubtful');");
}

/* What it says of another's task is nothing about ours. */
static void
an_answer_about_another_task_ends_nothing(void **state)
{
    struct scene *s = scene_at(state, KOMTET_DONE, "done");

    s->news.outcome.class = OUTCOME_UNKNOWN;
    record(s);
    assert_has(sql(), " WHERE id = 7 AND stage IN ('new', 'accepted');");
    assert_lacks(sql(), "UPDATE delivery ");
    assert_string_equal(list(), "");
}

/* ---- who must hear of it ---- */

static void
a_receipt_that_was_replaced_and_is_fiscal_is_an_error(void **state)
{
    struct scene *s = scene_at(state, KOMTET_DONE, "done");

    s->news.receipt.replaced = true;
    record(s);
    assert_int_equal(server.level, LOG_ERROR);
    assert_string_equal(server.told,
        "receipt 2611111 (uid 1001) is fiscal after all, although another one "
        "took its place: see mbevctl show 9");
}

/* ---- what the server refuses ---- */

static void
without_the_billings_list_only_our_tables_are_written(void **state)
{
    struct scene *s = scene_at(state, KOMTET_DONE, "done");

    s->engine.billing.has_receipts = false;
    record(s);
    assert_has(sql(), "UPDATE receipt ");
    assert_string_equal(list(), "");
}

static void
where_the_billing_refuses_its_list_only_our_tables_are_written(void **state)
{
    struct scene *s = scene_at(state, KOMTET_DONE, "done");

    server.commit = DB_REFUSED;
    record(s);
    assert_int_equal(server.begun, 2);
    assert_has(sql(), "UPDATE receipt ");
    assert_string_equal(list(), "");
}

static void
a_server_that_is_read_only_or_full_is_not_asked_for_less(void **state)
{
    static const unsigned general[] = { 1290, 1836, 1114, 1021 };
    struct scene *s = scene_at(state, KOMTET_DONE, "done");

    server.commit = DB_REFUSED;
    for (size_t i = 0; i < COUNT(general); i++) {
        server.number = general[i];
        assert_int_equal(news_record(&s->engine, &s->news), DB_REFUSED);
    }
    assert_int_equal(server.begun, COUNT(general));
    assert_int_equal(server.committed, 0);
    assert_string_equal(server.told, "");
}

static void
an_owner_that_lost_its_right_does_not_try_again(void **state)
{
    struct scene *s = scene_at(state, KOMTET_DONE, "done");

    server.commit = DB_REFUSED;
    server.lost = true;
    assert_int_equal(news_record(&s->engine, &s->news), DB_REFUSED);
    assert_int_equal(server.begun, 1);
    assert_int_equal(server.committed, 0);
    assert_string_equal(server.told, "");
}

static void
what_was_not_recorded_is_not_told(void **state)
{
    static const enum db_status statuses[] = { DB_GONE, DB_BUSY };
    struct scene *s = scene_at(state, KOMTET_DONE, "done");

    for (size_t i = 0; i < COUNT(statuses); i++) {
        server.begin = statuses[i];
        assert_int_equal(news_record(&s->engine, &s->news), statuses[i]);
        assert_string_equal(sql(), "");
        server.begin = DB_OK;
    }
    for (size_t i = 0; i < COUNT(statuses); i++) {
        server.run = statuses[i];
        assert_int_equal(news_record(&s->engine, &s->news), statuses[i]);
        assert_int_equal(server.rolled_back, i + 1);
        server.run = DB_OK;
    }
    for (size_t i = 0; i < COUNT(statuses); i++) {
        server.commit = statuses[i];
        assert_int_equal(news_record(&s->engine, &s->news), statuses[i]);
    }
    assert_int_equal(server.committed, 0);
    assert_string_equal(server.told, "");
}

#define NEWS_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        NEWS_TEST(a_task_is_ours_by_what_both_sides_know),
        NEWS_TEST(a_row_is_read_as_it_is_selected),
        NEWS_TEST(what_nobody_knows_to_be_sent_is_not),
        NEWS_TEST(an_open_task_is_accepted_and_looked_at_again),
        NEWS_TEST(a_state_that_is_not_known_is_as_one_that_is_open),
        NEWS_TEST(a_task_whose_id_is_not_told_keeps_the_one_that_is_known),
        NEWS_TEST(a_fiscal_receipt_is_done_with_what_the_till_gave),
        NEWS_TEST(what_the_till_did_not_give_is_left_as_it_is),
        NEWS_TEST(another_sum_at_the_till_is_an_error),
        NEWS_TEST(what_the_till_refused_has_failed),
        NEWS_TEST(a_till_may_give_no_reason),
        NEWS_TEST(a_long_reason_is_cut_between_two_characters),
        NEWS_TEST(what_was_not_answered_is_asked_again),
        NEWS_TEST(pauses_between_two_looks_double_up_to_the_longest),
        NEWS_TEST(all_of_a_list_are_recorded_together),
        NEWS_TEST(
            where_the_server_can_only_wait_each_of_a_list_is_recorded_alone),
        NEWS_TEST(an_open_task_changes_no_end_that_is_known),
        NEWS_TEST(a_delivery_goes_with_its_receipt_or_stays),
        NEWS_TEST(a_doubt_that_komtet_ends_is_followed),
        NEWS_TEST(an_answer_about_another_task_ends_nothing),
        NEWS_TEST(a_receipt_that_was_replaced_and_is_fiscal_is_an_error),
        NEWS_TEST(without_the_billings_list_only_our_tables_are_written),
        NEWS_TEST(
            where_the_billing_refuses_its_list_only_our_tables_are_written),
        NEWS_TEST(a_server_that_is_read_only_or_full_is_not_asked_for_less),
        NEWS_TEST(an_owner_that_lost_its_right_does_not_try_again),
        NEWS_TEST(what_was_not_recorded_is_not_told),
    };

    return cmocka_run_group_tests_name("news", tests, NULL, NULL);
}
