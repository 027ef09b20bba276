/*
 * bonus_cases: what the bonus rules say to cases read from stdin; for
 * test_bonus.py.
 *
 *   bonus_cases MBEVD.INI < cases > results
 *
 * A case is a line of texts divided by tabs in the order of enum field, \N
 * for NULL. The result is a line too: what is given for the top-up and for
 * loyalty, each an amount ("100.00"), "0", "wait" or "ask".
 */
#include "money.h"
#include "rules/bonus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum field {
    ID,
    KIND,
    PLACE,    /* the table, or none */
    STATE,    /* NULL on a legacy schema */
    PHONE,    /* NULL when sms_tel is */
    FEE,      /* NULL when packets has no row */
    MINUS,    /* razresh_minus */
    BEFORE,   /* deposit before the payment */
    AMOUNT,   /* of the payment */
    DATE,     /* of the payment */
    CAPTURED, /* when */
    AGE_MS,   /* since then */
    DISCOUNT, /* the first of DISCOUNTS */
    CONTRACT = DISCOUNT + DISCOUNTS,
    API, /* rows divided by ';' of texts divided by ',': enum api_field */
    FIELDS
};

enum api_field {
    API_ID,
    API_CATEGORY,
    API_STATUS,
    API_AMOUNT,
    API_UPDATED,
    API_EVENT, /* whose credit it is known to be; 0 = nobody's */
    API_FIELDS
};

enum { MOST_API = 8 };

struct one_case {
    struct event event;
    struct subscriber sub;
    struct api_row api[MOST_API];
    struct facts facts;
};

static unsigned long long line_number;

static void
refuse(const char *what, const char *text)
{
    fprintf(stderr, "bonus_cases: line %llu: %s: \"%s\"\n", line_number, what,
        text ? text : "(missing)");
    exit(EXIT_FAILURE);
}

static int64_t
number(const char *text, int places)
{
    int64_t value = 0;

    if (!text || !decimal_parse(text, places, &value))
        refuse("no such number", text);
    return value;
}

static struct civil
moment(const char *text)
{
    struct civil at = { 0 };

    if (!text || !civil_parse(&at, text))
        refuse("no date", text);
    return at;
}

/* Cuts a line at the divisors into exactly n parts; \N is none. */
static void
cut(char *line, const char *divisor, char **part, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        part[i] = strsep(&line, divisor);
        if (!part[i])
            refuse("too few parts, the last is", i ? part[i - 1] : NULL);
        if (strcmp(part[i], "\\N") == 0)
            part[i] = NULL;
    }
    if (line)
        refuse("too many parts, behind the last is", line);
}

static enum place
place_of(const char *table)
{
    enum place place = 0;

    while (place < BILLING_PLACES && strcmp(billing_table(place), table) != 0)
        place++;
    return place;
}

static void
read_event(struct one_case *c, char **field)
{
    c->event = (struct event){
        .kind = event_kind_of(field[KIND]),
        .row_id = (uint64_t)number(field[ID], 0),
        .millionths = number(field[AMOUNT], 6),
        .before_millionths = number(field[BEFORE], 6),
        .date = moment(field[DATE]),
    };
    if (c->event.kind == EVENT_KINDS)
        refuse("no kind of event", field[KIND]);
}

static void
read_subscriber(struct subscriber *sub, char **field)
{
    static char nothing[1];

    *sub = (struct subscriber){
        .place = place_of(field[PLACE]),
        .modern = field[STATE] != NULL,
        .state = field[STATE] ? (int)number(field[STATE], 0) : 0,
        .sms_tel = field[PHONE] ? field[PHONE] : nothing,
    };
    if (field[FEE])
        sub->tariff = (struct tariff){
            .known = true,
            .fee_millionths = number(field[FEE], 6),
            .overdraft_millionths = number(field[MINUS], 6),
        };
    for (enum discount i = 0; i < DISCOUNTS; i++)
        sub->discount[i] = field[DISCOUNT + i];
    if (field[CONTRACT])
        civil_parse(&sub->contract, field[CONTRACT]);
}

static struct api_row
read_row(char *text)
{
    static char nothing[1];
    char *part[API_FIELDS];

    cut(text, ",", part, API_FIELDS);
    return (struct api_row){
        .id = (uint64_t)number(part[API_ID], 0),
        .category = number(part[API_CATEGORY], 0),
        .status = number(part[API_STATUS], 0),
        .millionths = number(part[API_AMOUNT], 6),
        .updated = moment(part[API_UPDATED]),
        .comment = nothing,
        .mark = nothing,
        .credit_event = (uint64_t)number(part[API_EVENT], 0),
    };
}

static void
read_case(struct one_case *c, char *line)
{
    char *field[FIELDS], *row;
    size_t rows = 0;

    cut(line, "\t", field, FIELDS);
    read_event(c, field);
    read_subscriber(&c->sub, field);
    while ((row = strsep(&field[API], ";"))) {
        if (rows == MOST_API)
            refuse("too many rows of addons_pay_api", row);
        c->api[rows++] = read_row(row);
    }
    c->facts = (struct facts){
        .event = &c->event,
        .event_id = c->event.row_id,
        .sub = &c->sub,
        .captured = moment(field[CAPTURED]),
        .age_ms = number(field[AGE_MS], 0),
        .api = c->api,
        .api_n = rows,
    };
}

static void
print(const struct bonus *bonus, char after)
{
    char amount[MONEY_TEXT];
    const char *result = "0";

    if (bonus->decision.verdict == VERDICT_DO)
        result = money_print(bonus->kopecks, amount);
    else if (bonus->decision.verdict == VERDICT_WAIT)
        result = "wait";
    else if (bonus->decision.verdict == VERDICT_ASK)
        result = "ask";
    printf("%s%c", result, after);
}

static void
run(const struct settings *set)
{
    struct one_case c;
    struct bonus bonus;
    char *line = NULL;
    size_t size = 0;
    ssize_t n;

    while ((n = getline(&line, &size, stdin)) > 0) {
        line_number++;
        line[n - (line[n - 1] == '\n')] = '\0';
        read_case(&c, line);
        bonus_topup(&bonus, &c.facts, set);
        print(&bonus, '\t');
        bonus_loyalty(&bonus, &c.facts, set);
        print(&bonus, '\n');
    }
    free(line);
}

int
main(int argc, char **argv)
{
    struct bytes errors = bytes_make(4096);
    struct settings set;
    bool good;

    if (argc != 2) {
        fprintf(stderr, "usage: bonus_cases MBEVD.INI < cases > results\n");
        return 2;
    }
    good = settings_load(&set, argv[1], &errors);
    if (good)
        run(&set);
    else
        fputs(bytes_text(&errors), stderr);
    settings_free(&set);
    bytes_free(&errors);
    return good && fflush(stdout) == 0 && !ferror(stdin) ? 0 : EXIT_FAILURE;
}
