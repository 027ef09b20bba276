/* config_xml: the billing's own configuration file. */
#include "unit.h"

#include "config_xml.h"

#define DATA MBEV_SOURCE_DIR "/tests/data/xml/"
#define NO_MYSQL "the file has no parameters/mysql; is it MikBill's config.xml?"
#define UNREADABLE "the file cannot be read; check the path and its rights"

static struct config_xml
read_good(const char *path)
{
    struct config_xml x;
    const char *wrong = config_xml_read(&x, path);

    if (wrong)
        fail_msg("%s: %s", path, wrong);
    return x;
}

static void
assert_wrong(const char *path, const char *want)
{
    struct config_xml x;
    const char *wrong = config_xml_read(&x, path);

    if (!wrong)
        fail_msg("%s is taken", path);
    assert_string_equal(wrong, want);
}

static void
assert_malformed(const char *p, size_t n)
{
    struct temp file = temp_file(p, n);
    struct config_xml x;
    const char *wrong = config_xml_read(&x, file.path);

    unlink(file.path);
    if (!wrong)
        fail_msg("%s is taken", p);
    if (!strstr(wrong, "not well-formed XML"))
        fail_msg("%s: %s", p, wrong);
}

static void
a_good_file_is_read(void **state)
{
    struct config_xml x = read_good(DATA "good.xml");

    (void)state;
    assert_string_equal(x.host, "db.example.ru");
    assert_string_equal(x.dbname, "mikbill_main");
    assert_string_equal(x.username, "mikbill_user");
    assert_string_equal(x.password, "p&ss <Пароль> \"1\"");
    config_xml_free(&x);
    assert_null(x.password);
}

static void
missing_parts_are_empty(void **state)
{
    struct config_xml x = read_good(DATA "missing-parts.xml");

    (void)state;
    assert_string_equal(x.host, "");
    assert_string_equal(x.dbname, "");
    assert_string_equal(x.username, "mikbill_user");
    assert_string_equal(x.password, "");
    config_xml_free(&x);
}

static void
another_encoding_becomes_utf8(void **state)
{
    struct temp file =
        temp_text("<?xml version=\"1.0\" encoding=\"windows-1251\"?>"
                  "<a><parameters><mysql><password>\xCF\xE0\xF0</password>"
                  "</mysql></parameters></a>");
    struct config_xml x = read_good(file.path);

    (void)state;
    unlink(file.path);
    assert_string_equal(x.password, "Пар");
    config_xml_free(&x);
}

static void
cdata_is_text(void **state)
{
    struct temp file =
        temp_text("<a><parameters><mysql><password><![CDATA[<&>]]></password>"
                  "</mysql></parameters></a>");
    struct config_xml x = read_good(file.path);

    (void)state;
    unlink(file.path);
    assert_string_equal(x.password, "<&>");
    config_xml_free(&x);
}

static void
a_file_without_mysql_is_told(void **state)
{
    (void)state;
    assert_wrong(DATA "no-mysql.xml", NO_MYSQL);
}

static void
a_missing_file_is_told(void **state)
{
    (void)state;
    assert_wrong(DATA "there-is-none.xml", UNREADABLE);
}

static void
the_reason_is_of_this_file_not_of_the_one_before(void **state)
{
    (void)state;
    assert_wrong(DATA "there-is-none.xml", UNREADABLE);
    assert_malformed(RAW("<a>"));
    assert_wrong(DATA "there-is-none.xml", UNREADABLE);
    assert_wrong(DATA "no-mysql.xml", NO_MYSQL);
}

static void
a_malformed_file_is_told_with_its_line_but_not_quoted(void **state)
{
    struct config_xml x;
    const char *wrong = config_xml_read(&x, DATA "malformed.xml");

    (void)state;
    assert_non_null(wrong);
    assert_non_null(strstr(wrong, "not well-formed XML (line 6)"));
    assert_null(strstr(wrong, "hunter2"));
}

static void
every_kind_of_malformed_file_is_told(void **state)
{
    (void)state;
    assert_malformed(RAW(""));
    assert_malformed(RAW("host = localhost\n"));
    assert_malformed(RAW("<a><parameters><mysql>"));
    assert_malformed(RAW("<a></b>"));
    assert_malformed(RAW("<a/><b/>"));
    assert_malformed(RAW("<a>&none;</a>"));
    assert_malformed(RAW("<a>\0</a>"));
    assert_malformed(
        RAW("<?xml version=\"1.0\" encoding=\"UTF-8\"?><a>\xCF\xE0</a>"));
}

static void
an_external_entity_is_not_read(void **state)
{
    struct config_xml x = read_good(DATA "external-entity.xml");

    (void)state;
    assert_string_equal(x.host, "");
    assert_string_equal(x.username, "ab");
    assert_string_equal(x.password, "secret");
    config_xml_free(&x);
}

static void
an_external_dtd_is_not_read(void **state)
{
    struct config_xml x = read_good(DATA "external-dtd.xml");

    (void)state;
    assert_string_equal(x.host, "db.example.ru");
    assert_string_equal(x.username, "ab");
    config_xml_free(&x);
}

static void
an_entity_bomb_does_not_go_off(void **state)
{
    struct config_xml x;
    const char *wrong = config_xml_read(&x, DATA "bomb.xml");

    (void)state;
    if (wrong)
        return;
    assert_true(strlen(x.password) < 1 << 20);
    config_xml_free(&x);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_file_is_read),
        cmocka_unit_test(missing_parts_are_empty),
        cmocka_unit_test(another_encoding_becomes_utf8),
        cmocka_unit_test(cdata_is_text),
        cmocka_unit_test(a_file_without_mysql_is_told),
        cmocka_unit_test(a_missing_file_is_told),
        cmocka_unit_test(the_reason_is_of_this_file_not_of_the_one_before),
        cmocka_unit_test(a_malformed_file_is_told_with_its_line_but_not_quoted),
        cmocka_unit_test(every_kind_of_malformed_file_is_told),
        cmocka_unit_test(an_external_entity_is_not_read),
        cmocka_unit_test(an_external_dtd_is_not_read),
        cmocka_unit_test(an_entity_bomb_does_not_go_off),
    };

    return cmocka_run_group_tests_name("config_xml", tests, NULL, NULL);
}
