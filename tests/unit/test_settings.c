/* settings: what the operator can choose. */
#include "unit.h"

#include "settings.h"

/* Ends a file in which nothing else is wrong. */
#define QUIET "\n[payment]\nsms = no\n"

/* A file that was read, with its name in the errors made "F". */
struct loaded {
    struct settings s;
    struct bytes errors;
    bool good;
};

static void
shorten(struct bytes *errors, const char *path)
{
    struct bytes out = bytes_make(100000);
    const char *p = bytes_text(errors), *at;

    while ((at = strstr(p, path))) {
        bytes_add(&out, p, (size_t)(at - p));
        bytes_chr(&out, 'F');
        p = at + strlen(path);
    }
    bytes_str(&out, p);
    bytes_free(errors);
    *errors = out;
}

static struct loaded
load(const char *text)
{
    struct temp file = temp_text(text);
    struct loaded l = { .errors = bytes_make(100000) };

    l.good = settings_load(&l.s, file.path, &l.errors);
    unlink(file.path);
    shorten(&l.errors, file.path);
    return l;
}

static void
drop(struct loaded *l)
{
    settings_free(&l->s);
    bytes_free(&l->errors);
}

static struct loaded
load_good(const char *text)
{
    struct loaded l = load(text);

    if (!l.good)
        fail_msg("%s: %s", text, bytes_text(&l.errors));
    assert_string_equal(bytes_text(&l.errors), "");
    return l;
}

static void
assert_errors(const char *text, const char *want)
{
    struct loaded l = load(text);

    if (strcmp(bytes_text(&l.errors), want) != 0)
        fail_msg("%s:\n%sinstead of\n%s", text, bytes_text(&l.errors), want);
    assert_false(l.good);
    drop(&l);
}

/* ---- values ---- */

static void
without_settings_the_defaults_hold(void **state)
{
    struct loaded l = load_good(QUIET);

    (void)state;
    assert_string_equal(l.s.database.host, "");
    assert_int_equal(l.s.database.port, 3306);
    assert_string_equal(l.s.database.user, "mbev_service");
    assert_string_equal(l.s.database.password, "");
    assert_string_equal(l.s.database.billing, "mikbill");
    assert_string_equal(l.s.database.events, "mikbill_events");
    assert_int_equal(l.s.service.safety_poll_ms, 1000);
    assert_int_equal(l.s.service.lease_ms, 60000);
    assert_int_equal(l.s.service.batch, 500);
    assert_true(l.s.billing.moved_subscribers);
    assert_int_equal(l.s.billing.backdated_ms, 3600000);
    assert_string_equal(l.s.company.currency, "руб");
    assert_string_equal(l.s.notice.not_sent, "Не отправлено");
    assert_int_equal(l.s.notice.expire_ms, 86400000);
    assert_string_equal(l.s.smspilot.url, "https://smspilot.ru/api.php");
    assert_string_equal(l.s.smspilot.sender, "INFORM");
    assert_int_equal(l.s.payment.minimum_kopecks, 1000);
    assert_int_equal(l.s.payment.ending.n, 3);
    drop(&l);
}

static void
values_of_every_type_are_taken(void **state)
{
    struct loaded l = load_good("[database]\nport = 3307\n"
                                "[service]\nlease = 90 s\nbatch = 5000\n"
                                "[billing]\nmoved_subscribers = off\n"
                                "[company]\nname = \" Тест \"\n"
                                "[smspilot]\napi_key = KEY\n"
                                "[payment]\nsms = yes\nminimum = 0.01\n"
                                "text = {login} {{}\n");

    (void)state;
    assert_int_equal(l.s.database.port, 3307);
    assert_int_equal(l.s.service.lease_ms, 90000);
    assert_int_equal(l.s.service.batch, 5000);
    assert_false(l.s.billing.moved_subscribers);
    assert_string_equal(l.s.company.name, " Тест ");
    assert_true(l.s.payment.sms);
    assert_int_equal(l.s.payment.minimum_kopecks, 1);
    assert_string_equal(l.s.payment.text, "{login} {{}");
    drop(&l);
}

static void
durations_have_four_units(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } durations[] = { { "0 ms", 0 }, { "500 ms", 500 }, { "500ms", 500 },
        { "20 s", 20000 }, { "20s", 20000 }, { "5 min", 300000 },
        { "24 h", 86400000 }, { "2  h", 7200000 }, { "007 s", 7000 } };
    char text[100];

    (void)state;
    for (size_t i = 0; i < COUNT(durations); i++) {
        struct loaded l;

        snprintf(text, sizeof text, "[billing]\nbackdated = %s" QUIET,
            durations[i].text);
        l = load_good(text);
        expect_number(
            durations[i].text, l.s.billing.backdated_ms, durations[i].ms);
        drop(&l);
    }
}

static void
yes_and_no_have_four_words_each(void **state)
{
    static const char *const words[] = { "no", "yes", "off", "on", "false",
        "true", "0", "1" };
    char text[100];

    (void)state;
    for (size_t i = 0; i < COUNT(words); i++) {
        struct loaded l;

        snprintf(text, sizeof text, "[billing]\nmoved_subscribers = %s" QUIET,
            words[i]);
        l = load_good(text);
        expect_number(words[i], l.s.billing.moved_subscribers, i % 2 != 0);
        drop(&l);
    }
}

static void
bounds_themselves_are_allowed(void **state)
{
    struct loaded low = load_good("[database]\nport = 1\n[service]\nbatch = 1\n"
                                  "safety_poll = 10 ms\nstop_timeout = 0 s\n"
                                  "[smspilot]\nconnections = 1" QUIET);
    struct loaded high = load_good("[database]\nport = 65535\n[service]\n"
                                   "safety_poll = 1 min\nstop_timeout = 1 h\n"
                                   "[smspilot]\nconnections = 64" QUIET);

    (void)state;
    assert_int_equal(low.s.service.safety_poll_ms, 10);
    assert_int_equal(high.s.database.port, 65535);
    drop(&low);
    drop(&high);
}

static void
a_repeated_ending_replaces_the_defaults(void **state)
{
    struct loaded l =
        load_good("[payment]\nending = one\nending =\nending = {site}" QUIET);

    (void)state;
    assert_int_equal(l.s.payment.ending.n, 3);
    assert_string_equal(l.s.payment.ending.text[0], "one");
    assert_string_equal(l.s.payment.ending.text[1], "");
    assert_string_equal(l.s.payment.ending.text[2], "{site}");
    drop(&l);
}

static void
one_ending_replaces_all_the_defaults(void **state)
{
    struct loaded l = load_good("[payment]\nending = one" QUIET);

    (void)state;
    assert_int_equal(l.s.payment.ending.n, 1);
    assert_string_equal(l.s.payment.ending.text[0], "one");
    drop(&l);
}

/* ---- errors ---- */

static void
a_bad_number_is_told(void **state)
{
    static const char *const bad[] = { "", "many", "1.5", "1 000", "0x10",
        "99999999999999999999" };
    char text[100];

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        snprintf(text, sizeof text, "[database]\n\nport = %s" QUIET, bad[i]);
        assert_errors(text, "F:3: [database] port: expected a whole number\n");
    }
}

static void
a_number_out_of_bounds_is_told(void **state)
{
    (void)state;
    assert_errors("[database]\nport = 0" QUIET,
        "F:2: [database] port: must be from 1 to 65535\n");
    assert_errors("[database]\nport = 65536" QUIET,
        "F:2: [database] port: must be from 1 to 65535\n");
    assert_errors("[service]\nbatch = -1" QUIET,
        "F:2: [service] batch: must be from 1 to 5000\n");
}

static void
a_bad_duration_is_told(void **state)
{
    static const char *const bad[] = { "", "soon", "-1 s", "h",
        "99999999999999999999 ms", "9223372036854775807 ms" };
    char text[100];

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        snprintf(text, sizeof text, "[notice]\nexpire = %s" QUIET, bad[i]);
        assert_errors(text, "F:2: [notice] expire: expected a duration such "
                            "as 500 ms, 20 s, 5 min or 24 h\n");
    }
}

static void
a_bad_unit_is_told(void **state)
{
    static const char *const bad[] = { "5", "5 m", "5 days", "1.5 h", "5 S",
        "5 s 3" };
    char text[100];

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        snprintf(text, sizeof text, "[notice]\nexpire = %s" QUIET, bad[i]);
        assert_errors(
            text, "F:2: [notice] expire: the unit must be ms, s, min or h\n");
    }
}

static void
a_duration_out_of_bounds_is_told(void **state)
{
    (void)state;
    assert_errors("[service]\nsafety_poll = 9 ms" QUIET,
        "F:2: [service] safety_poll: must be from 10 to 60000 milliseconds\n");
    assert_errors("[service]\nsafety_poll = 2 min" QUIET,
        "F:2: [service] safety_poll: must be from 10 to 60000 milliseconds\n");
}

static void
a_bad_amount_is_told(void **state)
{
    static const char *const bad[] = { "", "ten", "-1", "10.001", "10,00",
        "10 руб" };
    char text[100];

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        snprintf(
            text, sizeof text, "[payment]\nminimum = %s\nsms = no\n", bad[i]);
        assert_errors(
            text, "F:2: [payment] minimum: expected an amount such as 10.00\n");
    }
}

static void
a_bad_yes_or_no_is_told(void **state)
{
    static const char *const bad[] = { "", "maybe", "Yes", "да", "2" };
    char text[100];

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        snprintf(text, sizeof text, "[billing]\nmoved_subscribers = %s" QUIET,
            bad[i]);
        assert_errors(
            text, "F:2: [billing] moved_subscribers: expected yes or no\n");
    }
}

static void
a_bad_template_is_told(void **state)
{
    (void)state;
    assert_errors("[payment]\ntext = {sum}\nsms = no\n",
        "F:2: [payment] text: unknown field {sum}; there are: name site "
        "cabinet phone signature currency login uid amount ending\n");
    assert_errors("[payment]\ntext = {login\nsms = no\n",
        "F:2: [payment] text: a { is not closed; a brace itself is written "
        "{{\n");
}

static void
a_bad_ending_is_told(void **state)
{
    (void)state;
    assert_errors("[payment]\nsms = no\nending = good\nending = {login}\n",
        "F:4: [payment] ending: unknown field {login}; there are: name site "
        "cabinet phone signature currency\n");
}

static void
an_unknown_key_is_told(void **state)
{
    (void)state;
    assert_errors("[database]\nhostname = h" QUIET,
        "F:2: [database] has no key \"hostname\"; mbevd --ini prints all\n");
    assert_errors("[database]\nHost = h" QUIET,
        "F:2: [database] has no key \"Host\"; mbevd --ini prints all\n");
}

static void
a_very_long_unknown_key_is_cut(void **state)
{
    char text[2000], want[200];

    (void)state;
    snprintf(text, sizeof text, "[database]\n%01000d = 1" QUIET, 0);
    snprintf(want, sizeof want,
        "F:2: [database] has no key \"%064d\"; mbevd --ini prints all\n", 0);
    assert_errors(text, want);
}

static void
a_key_of_another_section_is_told(void **state)
{
    (void)state;
    assert_errors("[service]\nhost = h" QUIET,
        "F:2: [service] has no key \"host\"; mbevd --ini prints all\n");
}

static void
an_unknown_section_is_told(void **state)
{
    (void)state;
    assert_errors("[mysql]\nhost = h" QUIET,
        "F:2: there is no section [mysql]; mbevd --ini prints all\n");
    assert_errors("host = h" QUIET,
        "F:1: there is no section []; mbevd --ini prints all\n");
}

static void
a_key_set_twice_is_told(void **state)
{
    (void)state;
    assert_errors("[database]\nhost = a\nhost = b" QUIET,
        "F:3: [database] host: is set twice\n");
    assert_errors("[database]\nhost = a\n[payment]\nsms = no\n"
                  "[database]\nhost = a\n",
        "F:6: [database] host: is set twice\n");
}

static void
a_line_of_no_known_form_is_told(void **state)
{
    (void)state;
    assert_errors("[database]\nhost" QUIET,
        "F:2: expected \"key = value\" or \"[section]\"\n");
}

static void
everything_that_is_wrong_is_told_at_once(void **state)
{
    (void)state;
    assert_errors("[database]\nport = x\nnonsense\nhostname = h\n"
                  "[service]\nlog_level = loud" QUIET,
        "F:2: [database] port: expected a whole number\n"
        "F:3: expected \"key = value\" or \"[section]\"\n"
        "F:4: [database] has no key \"hostname\"; mbevd --ini prints all\n"
        "F:6: [service] log_level: expected error, warning, info or debug\n");
}

static void
a_missing_file_is_told(void **state)
{
    struct bytes errors = bytes_make(1000);
    struct settings s;

    (void)state;
    assert_false(settings_load(&s, "/nowhere/mbevd.ini", &errors));
    assert_string_equal(
        bytes_text(&errors), "/nowhere/mbevd.ini: No such file or directory\n");
    settings_free(&s);
    bytes_free(&errors);
}

static void
more_errors_than_fit_are_errors(void **state)
{
    struct temp file = temp_text("nonsense\n" QUIET);
    struct bytes errors = bytes_make(10);
    struct settings s;

    (void)state;
    assert_false(settings_load(&s, file.path, &errors));
    unlink(file.path);
    settings_free(&s);
    bytes_free(&errors);
}

/* ---- what one key alone cannot tell ---- */

static void
sms_without_a_key_is_told(void **state)
{
    (void)state;
    assert_errors("",
        "F: [smspilot] api_key: is empty but [payment] sms is on; copy it "
        "from the provider's cabinet, or switch sms off\n");
    assert_errors("[smspilot]\napi_key =\n",
        "F:2: [smspilot] api_key: is empty but [payment] sms is on; copy it "
        "from the provider's cabinet, or switch sms off\n");
}

static void
an_address_that_is_none_is_told(void **state)
{
    static const char *const bad[] = { "", "smspilot.ru/api.php",
        "ftp://smspilot.ru", "HTTPS://smspilot.ru" };
    char text[100];

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        snprintf(text, sizeof text, "[smspilot]\nurl = %s" QUIET, bad[i]);
        assert_errors(text, "F:2: [smspilot] url: must begin with https:// "
                            "(or http:// for a test server)\n");
    }
}

static void
a_lease_too_short_for_a_request_is_told(void **state)
{
    struct loaded l =
        load_good("[service]\nlease = 30 s\n[smspilot]\ntimeout = 20 s" QUIET);

    (void)state;
    drop(&l);
    assert_errors(
        "[service]\nlease = 30 s\n[smspilot]\ntimeout = 20001 ms" QUIET,
        "F:2: [service] lease: must be at least 10 s longer than [smspilot] "
        "timeout\n");
}

static void
a_longest_pause_below_the_first_is_told(void **state)
{
    (void)state;
    assert_errors("[notice]\nretry_first = 2 h" QUIET,
        "F: [notice] retry_longest: must not be shorter than retry_first\n");
}

static void
a_log_level_that_is_none_is_told(void **state)
{
    (void)state;
    assert_errors("[service]\nlog_level = fatal" QUIET,
        "F:2: [service] log_level: expected error, warning, info or debug\n");
}

static void
paths_must_be_absolute(void **state)
{
    (void)state;
    assert_errors("[service]\ndoorbell = doorbell\nstate_dir = state" QUIET,
        "F:2: [service] doorbell: must be an absolute path\n"
        "F:3: [service] state_dir: must be an absolute path of at most 150 "
        "characters\n");
    assert_errors("[service]\ndoorbell =\nstate_dir =" QUIET,
        "F:2: [service] doorbell: must be an absolute path\n"
        "F:3: [service] state_dir: must be an absolute path of at most 150 "
        "characters\n");
}

static void
paths_must_not_be_too_long(void **state)
{
    char text[600];
    struct loaded l;

    (void)state;
    snprintf(text, sizeof text,
        "[service]\ndoorbell = /%099d\nstate_dir = /%0149d" QUIET, 0, 0);
    l = load_good(text);
    drop(&l);
    snprintf(text, sizeof text,
        "[service]\ndoorbell = /%0100d\nstate_dir = /%0150d" QUIET, 0, 0);
    assert_errors(text,
        "F:2: [service] doorbell: a socket's path has at most 100 characters\n"
        "F:3: [service] state_dir: must be an absolute path of at most 150 "
        "characters\n");
}

/* ---- the billing's own file ---- */

#define XML(host)                                                              \
    "<a><parameters><mysql><host>" host "</host><dbname>xml_db</dbname>"       \
    "<username>xml_user</username><password>xml_pass</password></mysql>"       \
    "</parameters></a>"

/* Loads a file with the given lines in [database], where config_xml has this
 * content. */
static struct loaded
load_with_xml(const char *xml, const char *database)
{
    struct temp file = temp_text(xml);
    struct loaded l;
    char text[500];

    snprintf(text, sizeof text, "[database]\n%sconfig_xml = %s" QUIET, database,
        file.path);
    l = load(text);
    unlink(file.path);
    return l;
}

static void
assert_database(struct loaded *l, const char *host, const char *user,
    const char *password, const char *billing)
{
    assert_string_equal(bytes_text(&l->errors), "");
    assert_true(l->good);
    assert_string_equal(l->s.database.host, host);
    assert_string_equal(l->s.database.user, user);
    assert_string_equal(l->s.database.password, password);
    assert_string_equal(l->s.database.billing, billing);
    drop(l);
}

static void
config_xml_fills_what_is_empty(void **state)
{
    struct loaded l = load_with_xml(XML("db.example.ru"), "");

    (void)state;
    assert_database(&l, "db.example.ru", "xml_user", "xml_pass", "xml_db");
}

static void
config_xml_fills_only_what_is_empty(void **state)
{
    struct loaded l = load_with_xml(XML("db.example.ru"),
        "host = h\nuser = u\npassword = p\nbilling = b\n");

    (void)state;
    assert_database(&l, "h", "u", "p", "b");
}

static void
its_password_is_not_for_another_user(void **state)
{
    struct loaded l = load_with_xml(XML("db.example.ru"), "user = u\n");

    (void)state;
    assert_database(&l, "db.example.ru", "u", "", "xml_db");
}

static void
its_localhost_means_the_socket(void **state)
{
    struct loaded l = load_with_xml(XML("localhost"), "");

    (void)state;
    assert_database(&l, "", "xml_user", "xml_pass", "xml_db");
}

static void
a_socket_of_ours_wins_over_its_host(void **state)
{
    struct loaded l = load_with_xml(XML("db.example.ru"), "socket = /run/s\n");

    (void)state;
    assert_database(&l, "", "xml_user", "xml_pass", "xml_db");
}

static void
what_it_leaves_empty_has_the_defaults(void **state)
{
    struct loaded l =
        load_with_xml("<a><parameters><mysql/></parameters></a>", "");

    (void)state;
    assert_database(&l, "", "mbev_service", "", "mikbill");
}

static void
a_config_xml_that_is_missing_is_told(void **state)
{
    (void)state;
    assert_errors("[database]\nconfig_xml = /nowhere/config.xml" QUIET,
        "F:2: [database] config_xml: the file cannot be read; check the path "
        "and its rights\n");
}

static void
a_config_xml_of_another_kind_is_told(void **state)
{
    struct loaded l = load_with_xml("<a/>", "");

    (void)state;
    assert_false(l.good);
    assert_string_equal(bytes_text(&l.errors),
        "F:2: [database] config_xml: the file has no parameters/mysql; is it "
        "MikBill's config.xml?\n");
    drop(&l);
}

/* ---- secrets ---- */

static void
assert_hidden(struct loaded *l)
{
    assert_false(l->good);
    assert_int_not_equal(l->errors.n, 0);
    if (strstr(bytes_text(&l->errors), "hunter2"))
        fail_msg("shown: %s", bytes_text(&l->errors));
    drop(l);
}

static void
secrets_are_not_shown_in_errors(void **state)
{
    static const char *const files[] = {
        "[database]\npassword = a\npassword = hunter2\n",
        "[smspilot]\napi_key = hunter2\napi_key = hunter2\n",
        "[smspilot]\napi_key hunter2\n",
        "[smspilot]\napikey = hunter2\n",
        "[database]\npasswd = hunter2\n",
        "[mysql]\npassword = hunter2\n",
        "password = hunter2\n",
        "[database]\npassword = hunter2\xFF\n",
        "[database]\nport = hunter2\n",
        "[database\npassword = hunter2\n",
        "[service]\nlog_level = hunter2\n",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(files); i++) {
        struct loaded l = load(files[i]);

        assert_hidden(&l);
    }
}

static void
a_secret_behind_a_colon_is_not_shown(void **state)
{
    struct loaded l = load("[database]\npassword: hunter2==\n");

    (void)state;
    assert_hidden(&l);
}

static void
secrets_of_config_xml_are_not_shown(void **state)
{
    struct loaded l = load_with_xml(
        "<a><parameters><mysql><password>hunter2<&</password>", "");

    (void)state;
    assert_hidden(&l);
}

static void
passwords_and_keys_are_marked_secret(void **state)
{
    (void)state;
    for (size_t i = 0; i < settings_keys_n; i++) {
        const struct settings_key *k = &settings_keys[i];
        bool secret =
            strcmp(k->name, "password") == 0 || strcmp(k->name, "api_key") == 0;

        expect_number(k->name, k->secret, secret);
    }
}

/* ---- the sample ---- */

static struct bytes
sample(void)
{
    struct bytes out = bytes_make(1 << 20);

    settings_sample(&out);
    assert_true(bytes_ok(&out));
    return out;
}

/* In a build with other folders the defaults are others. */
static void
skip_with_other_folders(void)
{
    if (strcmp(MBEV_DOORBELL, "/run/mikbill-events/doorbell") != 0 ||
        strcmp(MBEV_STATE_DIR, "/var/lib/mikbill-events") != 0)
        skip();
}

static void
the_sample_is_the_file_we_ship(void **state)
{
    static char shipped[1 << 20];
    struct bytes out = sample();
    FILE *f = fopen(MBEV_SOURCE_DIR "/conf/mbevd.ini", "r");
    size_t n;

    (void)state;
    assert_non_null(f);
    n = fread(shipped, 1, sizeof shipped - 1, f);
    fclose(f);
    shipped[n] = '\0';
    skip_with_other_folders();
    assert_string_equal(bytes_text(&out), shipped);
    bytes_free(&out);
}

static void
assert_same(const struct settings *a, const struct settings *b,
    const struct settings_key *k)
{
    const void *at = (const char *)a + k->at, *bt = (const char *)b + k->at;
    const struct text_list *as = at, *bs = bt;

    switch (k->type) {
    case KEY_TEXT:
    case KEY_TEMPLATE:
        expect_text(k->name, *(char *const *)at, *(char *const *)bt);
        break;
    case KEY_TEXTS:
        expect_number(k->name, as->n, bs->n);
        for (size_t i = 0; i < as->n; i++)
            expect_text(k->name, as->text[i], bs->text[i]);
        break;
    case KEY_BOOL:
        expect_number(k->name, *(const bool *)at, *(const bool *)bt);
        break;
    case KEY_NUMBER:
    case KEY_DURATION:
    case KEY_MONEY:
        expect_number(k->name, *(const int64_t *)at, *(const int64_t *)bt);
        break;
    }
}

static void
the_sample_read_again_gives_the_defaults(void **state)
{
    struct bytes out = sample();
    struct loaded empty = load("");
    struct loaded read = load(bytes_text(&out));

    (void)state;
    assert_false(read.good);
    assert_non_null(strstr(bytes_text(&read.errors), "[smspilot] api_key: "));
    assert_ptr_equal(strchr(bytes_text(&read.errors), '\n'),
        bytes_text(&read.errors) + read.errors.n - 1);
    for (size_t i = 0; i < settings_keys_n; i++)
        assert_same(&read.s, &empty.s, &settings_keys[i]);
    drop(&empty);
    drop(&read);
    bytes_free(&out);
}

static void
the_sample_with_a_key_is_good(void **state)
{
    struct bytes out = sample(), changed = bytes_make(1 << 20);
    const char *text = bytes_text(&out);
    const char *at = strstr(text, "\napi_key =\n");
    struct loaded l;

    (void)state;
    assert_non_null(at);
    at += strlen("\napi_key =");
    bytes_add(&changed, text, (size_t)(at - text));
    bytes_printf(&changed, " KEY%s", at);
    l = load_good(bytes_text(&changed));
    assert_string_equal(l.s.smspilot.api_key, "KEY");
    drop(&l);
    bytes_free(&out);
    bytes_free(&changed);
}

static void
freeing_twice_does_no_harm(void **state)
{
    struct loaded l = load_good(QUIET);

    (void)state;
    settings_free(&l.s);
    assert_null(l.s.database.host);
    assert_int_equal(l.s.payment.ending.n, 0);
    drop(&l);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_settings_the_defaults_hold),
        cmocka_unit_test(values_of_every_type_are_taken),
        cmocka_unit_test(durations_have_four_units),
        cmocka_unit_test(yes_and_no_have_four_words_each),
        cmocka_unit_test(bounds_themselves_are_allowed),
        cmocka_unit_test(a_repeated_ending_replaces_the_defaults),
        cmocka_unit_test(one_ending_replaces_all_the_defaults),
        cmocka_unit_test(a_bad_number_is_told),
        cmocka_unit_test(a_number_out_of_bounds_is_told),
        cmocka_unit_test(a_bad_duration_is_told),
        cmocka_unit_test(a_bad_unit_is_told),
        cmocka_unit_test(a_duration_out_of_bounds_is_told),
        cmocka_unit_test(a_bad_amount_is_told),
        cmocka_unit_test(a_bad_yes_or_no_is_told),
        cmocka_unit_test(a_bad_template_is_told),
        cmocka_unit_test(a_bad_ending_is_told),
        cmocka_unit_test(an_unknown_key_is_told),
        cmocka_unit_test(a_very_long_unknown_key_is_cut),
        cmocka_unit_test(a_key_of_another_section_is_told),
        cmocka_unit_test(an_unknown_section_is_told),
        cmocka_unit_test(a_key_set_twice_is_told),
        cmocka_unit_test(a_line_of_no_known_form_is_told),
        cmocka_unit_test(everything_that_is_wrong_is_told_at_once),
        cmocka_unit_test(a_missing_file_is_told),
        cmocka_unit_test(more_errors_than_fit_are_errors),
        cmocka_unit_test(sms_without_a_key_is_told),
        cmocka_unit_test(an_address_that_is_none_is_told),
        cmocka_unit_test(a_lease_too_short_for_a_request_is_told),
        cmocka_unit_test(a_longest_pause_below_the_first_is_told),
        cmocka_unit_test(a_log_level_that_is_none_is_told),
        cmocka_unit_test(paths_must_be_absolute),
        cmocka_unit_test(paths_must_not_be_too_long),
        cmocka_unit_test(config_xml_fills_what_is_empty),
        cmocka_unit_test(config_xml_fills_only_what_is_empty),
        cmocka_unit_test(its_password_is_not_for_another_user),
        cmocka_unit_test(its_localhost_means_the_socket),
        cmocka_unit_test(a_socket_of_ours_wins_over_its_host),
        cmocka_unit_test(what_it_leaves_empty_has_the_defaults),
        cmocka_unit_test(a_config_xml_that_is_missing_is_told),
        cmocka_unit_test(a_config_xml_of_another_kind_is_told),
        cmocka_unit_test(secrets_are_not_shown_in_errors),
        cmocka_unit_test(a_secret_behind_a_colon_is_not_shown),
        cmocka_unit_test(secrets_of_config_xml_are_not_shown),
        cmocka_unit_test(passwords_and_keys_are_marked_secret),
        cmocka_unit_test(the_sample_is_the_file_we_ship),
        cmocka_unit_test(the_sample_read_again_gives_the_defaults),
        cmocka_unit_test(the_sample_with_a_key_is_good),
        cmocka_unit_test(freeing_twice_does_no_harm),
    };

    return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
