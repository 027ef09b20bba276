/*
 * wordlist: several words in one value.
 */
#include "unit.h"

#include "wordlist.h"

static void
words_are_divided_by_commas_and_blanks(void **state)
{
    static const struct {
        const char *list, *name;
        bool has;
    } rows[] = {
        { "", "a", false },
        { " ,\t, ", "", false },
        { "a", "a", true },
        { "ab", "a", false },
        { "a", "ab", false },
        { "x, a ,y", "a", true },
        { "x,,a", "a", true },
        { "x a\ty", "y", true },
        { "A", "a", false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        expect_number(rows[i].list, wordlist_has(rows[i].list, rows[i].name),
            rows[i].has);
}

static void
they_are_read_one_after_the_other(void **state)
{
    const char *word = " one,two  three, ";
    char all[64] = "";
    size_t n = 0;

    (void)state;
    while ((word = wordlist_next(word + n, &n)))
        snprintf(all + strlen(all), sizeof all - strlen(all), "[%.*s]", (int)n,
            word);
    assert_string_equal(all, "[one][two][three]");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_divided_by_commas_and_blanks),
        cmocka_unit_test(they_are_read_one_after_the_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
