/* notice: see notice.h. */
#include "rules/notice.h"

#include "money.h"
#include "rules/credit.h"
#include "rules/state.h"
#include "rules/text.h"

#include <stdio.h>
#include <string.h>

enum { LONGEST_TEXT = 4 * 1024, KOPECK = 10000 /* millionths */ };

/* What the amount of a notice is. */
enum amount {
    AMOUNT_NONE,
    AMOUNT_ROW,    /* of the captured row, without its sign */
    AMOUNT_CREDIT, /* the subscriber's credit */
};

enum limit { AT_LEAST, AT_MOST, AT_MOST_MINUS };

#define USERS PLACE(PLACE_USERS)
#define FROZEN PLACE(PLACE_FROZEN)

/* Who is told, by kind. */
static const struct rule {
    enum amount amount;
    enum limit limit;
    unsigned states; /* modern schema: users.state */
    unsigned places; /* legacy schema: the table decides */
    bool needs_api;  /* announces a row of addons_pay_api */
} rules[NOTICES] = {
    [NOTICE_PAYMENT] = { AMOUNT_ROW, AT_LEAST, STATE_ACTIVE | STATE_FROZEN,
        USERS | FROZEN, false },
    [NOTICE_REFUND] = { AMOUNT_ROW, AT_MOST, STATE_ACTIVE | STATE_FROZEN,
        USERS | FROZEN, false },
    [NOTICE_API_PAYMENT] = { AMOUNT_ROW, AT_LEAST, STATE_ANY, USERS | FROZEN,
        true },
    [NOTICE_API_REFUND] = { AMOUNT_ROW, AT_MOST_MINUS, STATE_ANY,
        USERS | FROZEN, true },
    [NOTICE_CREDIT] = { AMOUNT_CREDIT, AT_LEAST, STATE_ACTIVE, USERS, false },
    [NOTICE_CREDIT_LIMIT] = { AMOUNT_CREDIT, AT_LEAST, STATE_ACTIVE, USERS,
        false },
    [NOTICE_TARIFF_CHANGE] = { AMOUNT_NONE, AT_LEAST, STATE_ACTIVE, USERS,
        false },
    [NOTICE_TARIFF_BY_STAFF] = { AMOUNT_NONE, AT_LEAST,
        STATE_ACTIVE | STATE_FROZEN, USERS | FROZEN, false },
    [NOTICE_FREEZE] = { AMOUNT_NONE, AT_LEAST, STATE_FROZEN, FROZEN, false },
    [NOTICE_UNFREEZE] = { AMOUNT_NONE, AT_LEAST, STATE_ACTIVE, USERS, false },
    [NOTICE_BLOCK] = { AMOUNT_NONE, AT_LEAST, STATE_BLOCKED,
        PLACE(PLACE_BLOCKED), false },
    [NOTICE_UNBLOCK] = { AMOUNT_NONE, AT_LEAST, STATE_ACTIVE, USERS, false },
    [NOTICE_DELETE] = { AMOUNT_NONE, AT_LEAST, STATE_DELETED,
        PLACE(PLACE_DELETED), false },
    [NOTICE_REAL_IP] = { AMOUNT_NONE, AT_LEAST, STATE_ACTIVE | STATE_FROZEN,
        USERS | FROZEN, false },
};

enum notice_kind
notice_kind_of(enum event_kind kind, enum origin origin)
{
    static const enum notice_kind kinds[EVENT_KINDS] = {
        [EVENT_PAYMENT] = NOTICE_PAYMENT,
        [EVENT_REFUND] = NOTICE_REFUND,
        [EVENT_API_PAYMENT] = NOTICE_API_PAYMENT,
        [EVENT_API_REFUND] = NOTICE_API_REFUND,
        [EVENT_CREDIT] = NOTICE_CREDIT,
        [EVENT_CREDIT_LIMIT] = NOTICE_CREDIT_LIMIT,
        [EVENT_TARIFF_CHANGE] = NOTICE_TARIFF_CHANGE,
        [EVENT_FREEZE] = NOTICE_FREEZE,
        [EVENT_UNFREEZE] = NOTICE_UNFREEZE,
        [EVENT_BLOCK] = NOTICE_BLOCK,
        [EVENT_UNBLOCK] = NOTICE_UNBLOCK,
        [EVENT_DELETE] = NOTICE_DELETE,
        [EVENT_REAL_IP] = NOTICE_REAL_IP,
        [EVENT_TURBO] = NOTICES,
    };

    if (kind == EVENT_TARIFF_CHANGE && origin == ORIGIN_STAFF)
        return NOTICE_TARIFF_BY_STAFF;
    return kind < EVENT_KINDS ? kinds[kind] : NOTICES;
}

bool
notice_is_on(
    const struct settings *set, enum notice_kind kind, enum notice_way way)
{
    const struct notice_settings *notice = &set->notices[kind];

    if (kind == NOTICES)
        return false;
    return way == NOTICE_SOCIAL ? notice->social : notice->sms;
}

bool
notice_needs_api(enum notice_kind kind)
{
    return kind < NOTICES && rules[kind].needs_api;
}

/* The limit is compared with the amount as stored, before it is rounded. */
static bool
row_fits(struct decision *d, const struct event *event, enum limit how,
    int64_t limit_kopecks)
{
    char amount[MONEY_TEXT], limit[MONEY_TEXT];
    int64_t limit_millionths;
    bool fits;

    if (event->kopecks == 0)
        return decision_skip(d, "the amount is 0.00");
    if (how == AT_MOST_MINUS)
        limit_kopecks = -limit_kopecks;
    if (__builtin_mul_overflow(
            limit_kopecks, (int64_t)KOPECK, &limit_millionths))
        limit_millionths = limit_kopecks < 0 ? INT64_MIN : INT64_MAX;
    fits = how == AT_LEAST ? event->millionths >= limit_millionths
                           : event->millionths <= limit_millionths;
    if (fits)
        return true;
    return decision_skip(d, "the amount %s is %s %s",
        money_print(event->kopecks, amount),
        how == AT_LEAST ? "below the minimum" : "above the limit of",
        money_print(limit_kopecks, limit));
}

static bool
credit_fits(struct decision *d, const struct subscriber *sub, int64_t least)
{
    char credit[MONEY_TEXT], limit[MONEY_TEXT];

    if (sub->credit_kopecks >= least)
        return true;
    return decision_skip(d, "the subscriber's credit %s is below %s",
        money_print(sub->credit_kopecks, credit), money_print(least, limit));
}

static bool
amount_fits(struct decision *d, const struct rule *rule,
    const struct facts *facts, int64_t limit_kopecks)
{
    switch (rule->amount) {
    case AMOUNT_ROW:
        return row_fits(d, facts->event, rule->limit, limit_kopecks);
    case AMOUNT_CREDIT:
        return credit_fits(d, facts->sub, limit_kopecks);
    case AMOUNT_NONE:
        break;
    }
    return true;
}

/* Only that the service was switched on is told. */
static bool
real_ip_fits(struct decision *d, const struct facts *facts)
{
    if (facts->event->kind != EVENT_REAL_IP)
        return true;
    if (!facts->event->on)
        return decision_skip(d, "the real IP address was switched off");
    return facts->sub->real_ip == 1 ||
           decision_skip(d, "the subscriber has no real IP address any more");
}

static bool
has_phone(struct notice *out, const struct subscriber *sub)
{
    out->phones = phone_split(sub->sms_tel, out->phone);
    if (out->phones > 0)
        return true;
    return decision_skip(
        &out->decision, "the subscriber has no phone (sms_tel is empty)");
}

static bool
has_credit(struct decision *d, const struct rule *rule,
    const struct facts *facts, const struct settings *set,
    int64_t limit_kopecks, const struct api_row **row)
{
    *row = NULL;
    if (!rule->needs_api)
        return true;
    *row = credit_to_announce(facts, set, limit_kopecks);
    if (*row)
        return true;
    return decision_skip(d, "there is no credited row in addons_pay_api that "
                            "the payment could come from");
}

/* As after an append that found no memory: no text is better than half of
 * one. */
static void
spoil(struct bytes *out)
{
    bytes_free(out);
    out->failed = out->no_memory = true;
}

/* What a message may name beside the company. */
struct words {
    const char *login, *uid, *amount, *tariff, *comment;
};

/* Those of [company], which an ending may have, too. */
/* clang-format off */
#define COMPANY_FIELDS(set)                                                    \
    { "name", (set)->company.name },                                           \
    { "site", (set)->company.site },                                           \
    { "cabinet", (set)->company.cabinet },                                     \
    { "phone", (set)->company.phone },                                         \
    { "signature", (set)->company.signature },                                 \
    { "currency", (set)->company.currency }
/* clang-format on */

static void
render(struct bytes *out, const struct settings *set,
    const struct notice_settings *notice, enum notice_way way,
    const struct words *words, uint32_t chance)
{
    struct bytes ending = bytes_make(LONGEST_TEXT);
    bool social = way == NOTICE_SOCIAL && *notice->social_text;
    struct text_field field[] = {
        COMPANY_FIELDS(set),
        { "login", words->login },
        { "uid", words->uid },
        { "amount", words->amount },
        { "tariff", words->tariff },
        { "comment", words->comment },
        { "ending", "" },
    };
    size_t n = sizeof field / sizeof *field;

    if (notice->ending.n)
        text_render(
            &ending, notice->ending.text[chance % notice->ending.n], field, n);
    field[n - 1].value = bytes_text(&ending);
    text_render(out, social ? notice->social_text : notice->text, field, n);
    if (bytes_no_memory(&ending))
        spoil(out);
    bytes_free(&ending);
}

static int64_t
amount_of(const struct rule *rule, const struct facts *facts)
{
    int64_t kopecks = facts->event->kopecks;

    if (rule->amount == AMOUNT_CREDIT)
        return facts->sub->credit_kopecks;
    return kopecks < 0 ? -kopecks : kopecks;
}

static void
write_text(struct notice *out, enum notice_kind kind, enum notice_way way,
    const struct facts *facts, const struct settings *set)
{
    char amount[MONEY_TEXT], uid[24];
    const struct words words = {
        .login = facts->sub->login,
        .uid = uid,
        .amount = money_print(amount_of(&rules[kind], facts), amount),
        .tariff = facts->sub->tariff.name ? facts->sub->tariff.name : "",
        .comment = out->credit ? out->credit->comment : "",
    };

    snprintf(uid, sizeof uid, "%llu", (unsigned long long)facts->event->uid);
    render(&out->text, set, &set->notices[kind], way, &words, facts->chance);
    if (!bytes_ok(&out->text) || out->text.n == 0)
        decision_skip(&out->decision, "the text is empty or longer than 4 KiB");
}

void
notice_decide(struct notice *out, enum notice_way way,
    const struct facts *facts, const struct settings *set)
{
    enum notice_kind kind = notice_kind_of(facts->event->kind, facts->origin);
    const struct notice_settings *notice = &set->notices[kind];
    const struct rule *rule = &rules[kind];
    struct decision *d = &out->decision;

    *out = (struct notice){ .text = bytes_make(LONGEST_TEXT),
        .route =
            way == NOTICE_SOCIAL ? &notice->social_route : &notice->sms_route };
    if (!notice_is_on(set, kind, way)) {
        decision_skip(d, "switched off ([%s])", settings_notice_name(kind));
        return;
    }
    if (!facts_are_young(d, facts->event, set) ||
        !state_fits(d, rule->states, rule->places, facts->sub, set) ||
        !real_ip_fits(d, facts) ||
        !amount_fits(d, rule, facts, notice->limit_kopecks) ||
        !has_phone(out, facts->sub) ||
        !has_credit(d, rule, facts, set, notice->limit_kopecks, &out->credit))
        return;
    out->quiet_us = quiet_until_us(&notice->quiet, facts->zone, facts->wall_us);
    write_text(out, kind, way, facts, set);
}

void
notice_sample(struct bytes *out, enum notice_kind kind, enum notice_way way,
    const struct settings *set, uint32_t chance)
{
    static const struct words words = {
        .login = "abonent1",
        .uid = "1001",
        .amount = "1500.00",
        .tariff = "Домашний 100",
        .comment = "перерасчёт",
    };

    render(out, set, &set->notices[kind], way, &words, chance);
}

/* The bytes of the first so many characters. */
static size_t
cut_at(const char *text, size_t most)
{
    size_t n = 0;

    for (; text[n]; n++)
        if (((unsigned char)text[n] & 0xC0) != 0x80 && most-- == 0)
            break;
    return n;
}

static bool
same_start(const char *a, const char *b, size_t most)
{
    size_t n = cut_at(a, most);

    return n == cut_at(b, most) && memcmp(a, b, n) == 0;
}

/* a with one ending, found at, in place of another. */
static bool
same_with(const char *a, const char *at, size_t n, const char *other,
    const char *b, size_t most)
{
    struct bytes text = bytes_make(2 * LONGEST_TEXT);
    bool same;

    bytes_add(&text, a, (size_t)(at - a));
    bytes_str(&text, other);
    bytes_str(&text, at + n);
    same = bytes_ok(&text) && same_start(bytes_text(&text), b, most);
    bytes_free(&text);
    return same;
}

static void
render_ending(struct bytes *out, const struct settings *set,
    const struct notice_settings *notice, size_t i)
{
    const struct text_field field[] = { COMPANY_FIELDS(set) };

    *out = bytes_make(LONGEST_TEXT);
    text_render(
        out, notice->ending.text[i], field, sizeof field / sizeof *field);
}

/* The text has that ending somewhere, and with one of the others it is b. */
static bool
same_but_for(const struct settings *set, const struct notice_settings *notice,
    size_t i, const char *a, const char *b, size_t most)
{
    struct bytes ending, other;
    const char *at;
    bool same = false;

    render_ending(&ending, set, notice, i);
    at = ending.n > 0 ? strstr(a, bytes_text(&ending)) : NULL;
    for (size_t j = 0; at && !same && j < notice->ending.n; j++) {
        render_ending(&other, set, notice, j);
        same = same_with(a, at, ending.n, bytes_text(&other), b, most);
        bytes_free(&other);
    }
    bytes_free(&ending);
    return same;
}

bool
notice_same_text(const struct settings *set, enum notice_kind kind,
    const char *a, const char *b, size_t most)
{
    const struct notice_settings *notice = &set->notices[kind];

    if (same_start(a, b, most))
        return true;
    for (size_t i = 0; i < notice->ending.n; i++)
        if (same_but_for(set, notice, i, a, b, most))
            return true;
    return false;
}

void
notice_free(struct notice *notice)
{
    bytes_free(&notice->text);
}
