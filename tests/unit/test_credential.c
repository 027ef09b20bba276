/* credential: secrets that systemd hands over. */
#include "unit.h"

#include "credential.h"

#include <sys/stat.h>

static char folder[] = "/tmp/mbev-unit-XXXXXX";
static char why[1024];

static int
make_folder(void **state)
{
    (void)state;
    setenv("CREDENTIALS_DIRECTORY", mkdtemp(folder), 1);
    return 0;
}

static int
remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

/* Reads a credential of these bytes; NULL = it is refused. To be freed. */
static char *
read_one(const char *p, size_t n)
{
    struct bytes out = bytes_make(100000);
    char path[64], *secret = NULL;
    FILE *f;

    snprintf(path, sizeof path, "%s/one", folder);
    f = fopen(path, "w");
    assert_non_null(f);
    fwrite(p, 1, n, f);
    fclose(f);
    why[0] = '\0';
    if (credential_read(&out, "one", why, sizeof why))
        secret = strdup(bytes_text(&out));
    unlink(path);
    bytes_free(&out);
    return secret;
}

static void
assert_secret(const char *file, const char *want)
{
    char *secret = read_one(file, strlen(file));

    if (!secret)
        fail_msg("%s", why);
    assert_string_equal(secret, want);
    free(secret);
}

static void
assert_refused(const char *p, size_t n, const char *words)
{
    char *secret = read_one(p, n);

    assert_null(secret);
    if (!strstr(why, words))
        fail_msg("%s", why);
}

static void
a_secret_is_read_without_its_newline(void **state)
{
    (void)state;
    assert_secret("s3cret", "s3cret");
    assert_secret("s3cret\n", "s3cret");
    assert_secret(" blanks stay \n", " blanks stay ");
    assert_secret("секрет\n", "секрет");
}

static void
what_is_no_line_of_text_is_refused(void **state)
{
    (void)state;
    assert_refused("", 0, "is empty");
    assert_refused("\n", 1, "is empty");
    assert_refused(RAW("two\nlines\n"), "is not one line of text");
    assert_refused(RAW("nul\0byte"), "is not one line of text");
    assert_refused(RAW("\xFF\xFE"), "is not one line of text");
}

static void
a_secret_has_a_bound(void **state)
{
    static char most[CREDENTIAL_MOST + 3];
    char *secret;

    (void)state;
    memset(most, 'x', sizeof most - 1);
    most[CREDENTIAL_MOST] = '\n';
    secret = read_one(most, CREDENTIAL_MOST + 1);
    assert_non_null(secret);
    assert_int_equal(strlen(secret), CREDENTIAL_MOST);
    free(secret);
    most[CREDENTIAL_MOST] = 'x';
    assert_refused(most, CREDENTIAL_MOST + 1, "is longer than 4096 bytes");
    assert_refused(most, CREDENTIAL_MOST + 2, "is longer than 4096 bytes");
}

static void
a_refusal_never_tells_the_secret(void **state)
{
    (void)state;
    assert_refused(RAW("hush\nhush"), "one");
    assert_null(strstr(why, "hush"));
}

static void
one_that_is_not_there_is_told_with_its_cure(void **state)
{
    struct bytes out = bytes_make(100);

    (void)state;
    assert_false(credential_read(&out, "password", why, sizeof why));
    assert_non_null(strstr(why, "/password: No such file or directory"));
    assert_non_null(strstr(why, "LoadCredential=password:FILE"));
    bytes_free(&out);
}

static void
without_the_unit_those_of_the_service_are_read(void **state)
{
    struct bytes out = bytes_make(100);

    (void)state;
    unsetenv("CREDENTIALS_DIRECTORY");
    assert_false(credential_read(&out, "no-such-one", why, sizeof why));
    setenv("CREDENTIALS_DIRECTORY", folder, 1);
    assert_non_null(strstr(why, "/run/credentials/mbevd.service/no-such-one"));
    bytes_free(&out);
}

static void
a_name_leads_nowhere_else(void **state)
{
    static const char *const names[] = { "", ".", "..", "../etc/passwd", "a/b",
        "/etc/passwd" };
    struct bytes out = bytes_make(100000);

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++)
        if (credential_read(&out, names[i], why, sizeof why) ||
            !strstr(why, "the name of a credential"))
            fail_msg("%s: %s", names[i], why);
    bytes_free(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_is_read_without_its_newline),
        cmocka_unit_test(what_is_no_line_of_text_is_refused),
        cmocka_unit_test(a_secret_has_a_bound),
        cmocka_unit_test(a_refusal_never_tells_the_secret),
        cmocka_unit_test(one_that_is_not_there_is_told_with_its_cure),
        cmocka_unit_test(without_the_unit_those_of_the_service_are_read),
        cmocka_unit_test(a_name_leads_nowhere_else),
    };

    return cmocka_run_group_tests_name(
        "credential", tests, make_folder, remove_folder);
}
