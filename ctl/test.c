/*
 * mbevctl test [SECTION]: what the configuration makes of every kind of
 * notice, and of a receipt, without the database. The texts are made for nobody
 * and go nowhere. What talks to somebody: see test_send.c and test_router.c.
 */
#include "bytes.h"
#include "ctl.h"
#include "providers/komtet.h"
#include "providers/provider.h"
#include "rules/notice.h"
#include "rules/parts.h"
#include "test_send.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum {
    LONGEST_TEXT = 4 * 1024,
    LONGEST_BODY = 256 * 1024,
    CHEAP_PARTS = 2,
};

static const char receipt_section[] = "receipt";

/* A text and what it takes to send it. */
struct sample {
    struct bytes text; /* owned */
    struct parts parts;
};

static struct sample
make_sample(const struct settings *set, enum notice_kind kind,
    enum notice_way way, uint32_t chance)
{
    struct sample sample = { .text = bytes_make(LONGEST_TEXT) };

    notice_sample(&sample.text, kind, way, set, chance);
    sample.parts = parts_count(bytes_text(&sample.text));
    return sample;
}

static bool
is_longer(const struct sample *a, const struct sample *b)
{
    if (a->text.failed != b->text.failed)
        return a->text.failed;
    if (a->parts.parts != b->parts.parts)
        return a->parts.parts > b->parts.parts;
    return a->parts.units > b->parts.units;
}

/* The texts that the endings make differ in what they cost. */
static void
make_extremes(const struct settings *set, enum notice_kind kind,
    enum notice_way way, struct sample *least, struct sample *most)
{
    *least = make_sample(set, kind, way, 0);
    *most = make_sample(set, kind, way, 0);
    for (uint32_t i = 1; i < set->notices[kind].ending.n; i++) {
        struct sample one = make_sample(set, kind, way, i), spare = one;

        if (is_longer(least, &one)) {
            spare = *least;
            *least = one;
        } else if (is_longer(&one, most)) {
            spare = *most;
            *most = one;
        }
        bytes_free(&spare.text);
    }
}

/* --- what is printed --------------------------------------------------- */

static void
print_way(const char *name, bool on, const struct route *route)
{
    char words[64], channels[ROUTE_TEXT];

    snprintf(words, sizeof words, "on, by %s", route_print(route, channels));
    field_print(name, on ? words : "off");
}

static void
print_quiet(const struct settings *set, const struct hours *quiet)
{
    struct bytes words = bytes_make(512);

    if (quiet->from_min == quiet->until_min)
        bytes_str(&words, "none");
    else
        bytes_printf(&words, "%02d:%02d-%02d:%02d %s, %s", quiet->from_min / 60,
            quiet->from_min % 60, quiet->until_min / 60, quiet->until_min % 60,
            set->notice.time_zone,
            set->notice.plan_at_provider ? "planned at the provider"
                                         : "kept until then");
    field_print("  quiet hours", bytes_text(&words));
    bytes_free(&words);
}

static void
print_size(const char *name, const struct sample *sample, bool by_sms)
{
    struct bytes words = bytes_make(256);

    bytes_printf(
        &words, "%zu characters", text_width(bytes_text(&sample->text)));
    if (by_sms)
        bytes_printf(&words, ", %s, %u SMS",
            sample->parts.ucs2 ? "UCS-2" : "GSM-7", sample->parts.parts);
    field_print(name, bytes_text(&words));
    bytes_free(&words);
}

static void
print_hint(const struct sample *sample)
{
    struct bytes words = bytes_make(256);

    bytes_printf(&words, "each message is paid as %u SMS; two hold %s",
        sample->parts.parts,
        sample->parts.ucs2 ? "134 characters of UCS-2"
                           : "306 characters of GSM-7");
    field_print("  HINT", bytes_text(&words));
    bytes_free(&words);
}

static void
print_sample(const char *name, const struct sample *sample, bool by_sms)
{
    char size[64];

    if (sample->text.failed) {
        field_print(name, "longer than 4 KiB: would not be sent");
        return;
    }
    if (sample->text.n == 0) {
        field_print(name, "empty: would not be sent");
        return;
    }
    field_print(name, bytes_text(&sample->text));
    snprintf(size, sizeof size, "%s size", name);
    print_size(out_is_json() ? size : "  size", sample, by_sms);
}

static void
print_text(const struct settings *set, enum notice_kind kind)
{
    struct sample least, most;

    make_extremes(set, kind, NOTICE_SMS, &least, &most);
    if (is_longer(&most, &least)) {
        print_sample("  shortest", &least, true);
        print_sample("  longest", &most, true);
    } else {
        print_sample("  text", &most, true);
    }
    if (most.parts.parts > CHEAP_PARTS)
        print_hint(&most);
    bytes_free(&least.text);
    bytes_free(&most.text);
}

/* Some other channel may take over: then it goes as an SMS. */
static bool
ends_as_sms(const struct route *route)
{
    for (size_t i = 0; i < route->n; i++)
        if (route->at[i] != CHANNEL_SOCIAL)
            return true;
    return false;
}

static void
print_social_text(const struct settings *set, enum notice_kind kind)
{
    bool by_sms = ends_as_sms(&set->notices[kind].social_route);
    struct sample least, most;

    make_extremes(set, kind, NOTICE_SOCIAL, &least, &most);
    print_sample("  social text", &most, by_sms);
    if (by_sms && most.parts.parts > CHEAP_PARTS)
        print_hint(&most);
    bytes_free(&least.text);
    bytes_free(&most.text);
}

static void
print_notice(const struct settings *set, enum notice_kind kind)
{
    const struct notice_settings *notice = &set->notices[kind];

    out_words("\n[%s]\n", settings_notice_name(kind));
    out_group(settings_notice_name(kind));
    print_way("  sms", notice->sms, &notice->sms_route);
    print_way("  social", notice->social, &notice->social_route);
    print_quiet(set, &notice->quiet);
    print_text(set, kind);
    if (*notice->social_text)
        print_social_text(set, kind);
    out_end();
}

/* --- receipts ----------------------------------------------------------- */

static void
print_body(const struct settings *set)
{
    static const struct receipt sample = {
        .contact = "+79001234567",
        .kopecks = 150000,
        .login = "abonent1",
        .uid = "1001",
        .cashier = "Иванова Анна",
        .cashier_inn = "123456789012",
    };
    struct bytes body = bytes_make(LONGEST_BODY);

    komtet_head(&body, set);
    bytes_printf(&body, "%s26111", set->receipt.number_prefix);
    komtet_tail(&body, set, &sample);
    field_print("  request",
        bytes_ok(&body) ? bytes_text(&body) : "too long: would not be sent");
    bytes_free(&body);
}

static void
print_receipt(const struct settings *set)
{
    const char *lacking = komtet.lacks(set);
    struct bytes words = bytes_make(512);

    out_words("\n[%s]\n", receipt_section);
    out_group(receipt_section);
    field_print("  payments", set->receipt.payments ? "on" : "off");
    field_print("  refunds", set->receipt.refunds ? "on" : "off");
    if (lacking)
        bytes_printf(&words,
            "HELD: %s; receipts would be made and kept, and"
            " not be sent",
            lacking);
    else
        bytes_printf(
            &words, "%s, queue %s", set->komtet.version, set->komtet.queue);
    field_print("  komtet", bytes_text(&words));
    print_body(set);
    out_end();
    bytes_free(&words);
}

/* --- the verb ----------------------------------------------------------- */

/* NOTICES when there is none of that name. */
static enum notice_kind
find_notice(const char *section)
{
    enum notice_kind kind = 0;

    while (kind < NOTICES && strcmp(settings_notice_name(kind), section) != 0)
        kind++;
    return kind;
}

static int
complain_section(void)
{
    fputs("mbevctl: a section is one of", stderr);
    for (enum notice_kind kind = 0; kind < NOTICES; kind++)
        fprintf(stderr, " %s", settings_notice_name(kind));
    fprintf(stderr,
        " %s; or say router ADDRESS, or sms PHONE, or social PHONE\n",
        receipt_section);
    return EX_USAGE;
}

static int
test_texts(struct ctl *ctl, const char *only)
{
    bool receipt = !only || strcmp(only, receipt_section) == 0;

    if (only && !receipt && find_notice(only) == NOTICES)
        return complain_section();
    out_words(
        "%s: good\nThe texts are made for a subscriber who does not exist; "
        "nothing is sent.\n",
        ctl->config);
    for (enum notice_kind kind = 0; kind < NOTICES; kind++)
        if (!only || kind == find_notice(only))
            print_notice(ctl->set, kind);
    if (receipt)
        print_receipt(ctl->set);
    return only && receipt ? test_komtet(ctl) : EX_OK;
}

static int
test_router(struct ctl *ctl)
{
    return ctl_with_database(ctl, ctl_test_router);
}

/* The ways that take an address. */
static const struct way {
    const char *name;
    int (*run)(struct ctl *ctl);
} ways[] = {
    { "sms", test_send },
    { "social", test_send },
    { "smspilot", test_send },
    { "smsc", test_send },
    { "router", test_router },
    { "nas", test_router },
};

int
ctl_test(struct ctl *ctl)
{
    const char *word = ctl->argc > 0 ? ctl->argv[0] : NULL;

    for (size_t i = 0; ctl->argc > 1 && i < sizeof ways / sizeof *ways; i++)
        if (strcmp(ways[i].name, word) == 0)
            return ways[i].run(ctl);
    return ctl->argc > 1 ? complain_section() : test_texts(ctl, word);
}
