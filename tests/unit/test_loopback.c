/*
 * loopback: nothing that another host can reach.
 */
#include "unit.h"

#include "loopback.h"

static void
test_what_is_read(void **state)
{
    static const struct {
        const char *text, *address;
        unsigned port;
    } rows[] = {
        { "127.0.0.1:9105", "127.0.0.1", 9105 },
        { "127.255.0.9:1", "127.255.0.9", 1 },
        { "[::1]:65535", "::1", 65535 },
    };
    struct loopback at;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        expect_number(rows[i].text, loopback_read(&at, rows[i].text), true);
        expect_text(rows[i].text, at.address, rows[i].address);
        expect_number(rows[i].text, at.port, rows[i].port);
    }
}

static void
test_what_is_refused(void **state)
{
    static const char *const rows[] = { "", ":", ":9105", "9105", "127.0.0.1",
        "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:99999",
        "127.0.0.1:+1", "127.0.0.1: 1", "127.0.0.1:1x", "128.0.0.1:1",
        "0.0.0.0:1", "10.0.0.1:1", "127.1:1", "localhost:1", "::1:1",
        "[127.0.0.1]:1", "[::1:1", "::1]:1", "[::]:1", "[::2]:1",
        "[::ffff:127.0.0.1]:1", "[]:1",
        "127.0.0.1aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:1" };
    struct loopback at;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        expect_number(rows[i], loopback_read(&at, rows[i]), false);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_read),
        cmocka_unit_test(test_what_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
