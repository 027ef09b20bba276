/* console: command lines for a router that no login can turn into others, and
 * what is believed of its output. */
#include "hostile.h"

#include "routers/console.h"
#include "utf8.h"

/* ---- logins ---- */

static void
assert_accepted(const char *login, const char *want)
{
    char why[100] = "x";
    bool good = console_accepts(login, why, sizeof why);

    expect_text(login, why, want);
    assert_int_equal(good, *want == '\0');
}

static const char *
text_of(char c, size_t n)
{
    static char text[300];

    memset(text, c, n);
    text[n] = '\0';
    return text;
}

static void
ordinary_logins_are_accepted(void **state)
{
    static const char *const logins[] = { "u1", "ivan.petrov@home", "A_b-c",
        "0", " ", "иван", "\xC8\xE2\xE0\xED", "\xFF", "a b", "\xF0\x9F\x98\x80",
        "\"", "]" };

    (void)state;
    for (size_t i = 0; i < COUNT(logins); i++)
        assert_accepted(logins[i], "");
}

static void
what_cannot_be_a_login_is_refused_without_repeating_it(void **state)
{
    (void)state;
    assert_accepted("", "the login is empty");
    assert_accepted(text_of('x', 64), "");
    assert_accepted(text_of('x', 65), "the login is longer than 64 bytes");
    assert_accepted(text_of('x', 200), "the login is longer than 64 bytes");
    assert_accepted("a\nb", "the login has a control character in it");
    assert_accepted("\r", "the login has a control character in it");
    assert_accepted("a\x7F", "the login has a control character in it");
}

static void
every_control_character_is_refused_and_no_other_byte(void **state)
{
    (void)state;
    for (int c = 1; c < 256; c++) {
        char login[] = { 'a', (char)c, 'b', '\0' };

        assert_accepted(login, c < 0x20 || c == 0x7F
                                   ? "the login has a control character in it"
                                   : "");
    }
}

static void
the_reason_is_cut_to_its_room(void **state)
{
    char why[6];

    (void)state;
    assert_false(console_accepts("", why, sizeof why));
    assert_string_equal(why, "the l");
}

static void
assert_encoded(const char *login, const char *want)
{
    struct bytes out = bytes_make(1000);

    console_add_login(&out, login);
    assert_true(bytes_ok(&out));
    expect_text(login, bytes_text(&out), want);
    bytes_free(&out);
}

static void
logins_are_encoded_byte_by_byte(void **state)
{
    (void)state;
    assert_encoded("", "");
    assert_encoded("ivan.petrov_1@home-2.NET", "ivan.petrov_1@home-2.NET");
    assert_encoded("a b", "a\\20b");
    assert_encoded(
        "\"; /system reset; \"", "\\22\\3B\\20\\2Fsystem\\20reset\\3B\\20\\22");
    assert_encoded("$(/system reset)", "\\24\\28\\2Fsystem\\20reset\\29");
    assert_encoded("$[/quit]", "\\24\\5B\\2Fquit\\5D");
    assert_encoded("]", "\\5D");
    assert_encoded("}", "\\7D");
    assert_encoded("?", "\\3F");
    assert_encoded("\\", "\\5C");
    assert_encoded("\\22", "\\5C22");
    assert_encoded("a\nb\r", "a\\0Ab\\0D");
    assert_encoded("\xF0\x9F\x98\x80", "\\F0\\9F\\98\\80");
    assert_encoded("Ёж", "\\D0\\81\\D0\\B6");
    assert_encoded("\xAB\xBF\xFA", "\\AB\\BF\\FA");
}

static bool
is_plain(int c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-' ||
           c == '@';
}

static void
every_byte_is_plain_or_two_digits_in_upper_case(void **state)
{
    (void)state;
    for (int c = 1; c < 256; c++) {
        char login[] = { (char)c, '\0' }, want[8];

        if (is_plain(c))
            snprintf(want, sizeof want, "%c", c);
        else
            snprintf(want, sizeof want, "\\%02X", (unsigned)c);
        assert_encoded(login, want);
    }
}

static void
a_long_login_is_encoded_whole(void **state)
{
    char want[601] = "";

    (void)state;
    for (size_t i = 0; i < 200; i++)
        memcpy(want + 3 * i, "\\20", 4);
    assert_encoded(text_of(' ', 200), want);
    assert_encoded(text_of('x', 200), text_of('x', 200));
}

/* ---- command lines ---- */

static void
a_block_ends_the_sessions_of_one_login_and_says_so(void **state)
{
    struct bytes out = bytes_make(1000);

    (void)state;
    console_add_block(&out, "u1", 0);
    assert_string_equal(bytes_text(&out),
        ":do {:local mbevL [/ppp active find name=\"u1\"];"
        " :local mbevN [:len $mbevL];"
        " :if ($mbevN > 0) do={/ppp active remove $mbevL};"
        " :put (\"MBEV-OK 0 \" . $mbevN)} on-error={:put \"MBEV-ERR 0\"}");
    bytes_clear(&out);
    console_add_block(&out, "a\"]", 4294967295u);
    assert_string_equal(bytes_text(&out),
        ":do {:local mbevL [/ppp active find name=\"a\\22\\5D\"];"
        " :local mbevN [:len $mbevL];"
        " :if ($mbevN > 0) do={/ppp active remove $mbevL};"
        " :put (\"MBEV-OK 4294967295 \" . $mbevN)}"
        " on-error={:put \"MBEV-ERR 4294967295\"}");
    bytes_free(&out);
}

static void
a_login_that_is_refused_makes_no_command(void **state)
{
    static const char *const logins[] = { "", "a\nb", "\x01", "\x7F",
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" };

    (void)state;
    for (size_t i = 0; i < COUNT(logins); i++) {
        const char *const two[] = { "u1", logins[i] };
        struct bytes out = bytes_make(CONSOLE_LINE);

        console_add_block(&out, logins[i], 0);
        assert_false(bytes_ok(&out));
        assert_int_equal(out.n, 0);
        bytes_clear(&out);
        assert_int_equal(console_build(&out, &logins[i], 1), 1);
        assert_false(bytes_ok(&out));
        bytes_clear(&out);
        console_build(&out, two, 2);
        assert_false(bytes_ok(&out));
        assert_int_equal(out.n, 0);
        bytes_free(&out);
    }
}

static void
blocks_are_joined_into_one_line(void **state)
{
    static const char *const logins[] = { "u1", "u 2", "u3" };
    struct bytes line = bytes_make(CONSOLE_LINE), want = bytes_make(5000);

    (void)state;
    assert_int_equal(console_build(&line, logins, 3), 3);
    for (unsigned i = 0; i < 3; i++) {
        if (i > 0)
            bytes_str(&want, "; ");
        console_add_block(&want, logins[i], i);
    }
    assert_true(bytes_ok(&line));
    assert_string_equal(bytes_text(&line), bytes_text(&want));
    assert_null(strpbrk(bytes_text(&line), "\r\n"));
    bytes_free(&line);
    bytes_free(&want);
}

static void
without_logins_there_is_no_line(void **state)
{
    struct bytes out = bytes_make(CONSOLE_LINE);

    (void)state;
    assert_int_equal(console_build(&out, NULL, 0), 0);
    assert_true(bytes_ok(&out));
    assert_int_equal(out.n, 0);
    bytes_free(&out);
}

/* Fills a line with logins of this many bytes; how many it took. */
static size_t
fill(const char *login, struct bytes *line)
{
    const char *logins[100];

    for (size_t i = 0; i < COUNT(logins); i++)
        logins[i] = login;
    bytes_clear(line);
    return console_build(line, logins, COUNT(logins));
}

static void
a_line_stays_below_its_bound_and_has_no_room_for_one_more(void **state)
{
    struct bytes line = bytes_make(2 * CONSOLE_LINE), block = bytes_make(1000);

    (void)state;
    for (size_t n = 1; n <= CONSOLE_LOGIN; n++) {
        size_t put = fill(text_of(n % 2 ? 'x' : ' ', n), &line);

        assert_true(bytes_ok(&line));
        assert_in_range(put, 5, 25);
        assert_true(line.n < CONSOLE_LINE);
        bytes_clear(&block);
        console_add_block(&block, text_of(n % 2 ? 'x' : ' ', n), (unsigned)put);
        assert_true(line.n + 2 + block.n >= CONSOLE_LINE);
    }
    bytes_free(&line);
    bytes_free(&block);
}

static void
the_line_may_have_all_bytes_below_its_bound(void **state)
{
    struct bytes line = bytes_make(CONSOLE_LINE);
    char first[CONSOLE_LOGIN + 1];
    const char *logins[100];
    size_t longest = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(logins); i++)
        logins[i] = i == 0 ? first : "u1";
    for (size_t n = 1; n <= CONSOLE_LOGIN; n++)
        for (size_t blanks = 0; blanks <= n; blanks++) {
            memset(first, 'x', n);
            memset(first, ' ', blanks);
            first[n] = '\0';
            bytes_clear(&line);
            console_build(&line, logins, COUNT(logins));
            assert_true(bytes_ok(&line));
            longest = line.n > longest ? line.n : longest;
        }
    assert_int_equal(longest, CONSOLE_LINE - 1);
    bytes_free(&line);
}

static void
a_buffer_that_is_too_small_fails(void **state)
{
    static const char *const logins[] = { "u1", "u2" };
    struct bytes out = bytes_make(250);

    (void)state;
    console_build(&out, logins, 2);
    assert_false(bytes_ok(&out));
    assert_int_equal(out.n, 0);
    bytes_free(&out);
}

/* ---- any login ---- */

/* The byte that stands at *p in a string of the router; moves over it. */
static int
decode(const char **p)
{
    unsigned c;
    int n = 0;

    if (**p != '\\')
        return (unsigned char)*(*p)++;
    if (sscanf(*p, "\\%2X%n", &c, &n) != 1 || n != 3)
        fail_msg("\"%s\" is not two hex digits", *p);
    *p += 3;
    return (int)c;
}

/* Fails unless the block is that of "x" with only harmless characters in its
 * place, and a router reads the login in them. */
static void
assert_harmless(const char *block, const char *login)
{
    static const char open[] = ":do {:local mbevL [/ppp active find name=\"";
    static const char rest[] =
        "\"]; :local mbevN [:len $mbevL];"
        " :if ($mbevN > 0) do={/ppp active remove $mbevL};"
        " :put (\"MBEV-OK 7 \" . $mbevN)} on-error={:put \"MBEV-ERR 7\"}";
    const char *p = block + sizeof open - 1;
    size_t n;

    assert_int_equal(strncmp(block, open, sizeof open - 1), 0);
    n = strcspn(p, "\"");
    for (size_t i = 0; i < n; i++)
        if (!is_plain(p[i]) && p[i] != '\\')
            fail_msg("%s", block);
    for (; *login; login++)
        assert_int_equal(decode(&p), (unsigned char)*login);
    expect_text("behind the login", p, rest);
}

/* Mostly what means something to the console. */
static void
random_login(uint64_t *seed, char *login)
{
    static const char special[] = "\"\\$[](){};?_ =:/.#'`~!*&|<>,%^+\xFF\x80";
    size_t n = 1 + hostile_below(seed, CONSOLE_LOGIN);

    for (size_t i = 0; i < n; i++) {
        size_t kind = hostile_below(seed, 3);

        if (kind == 0)
            login[i] = special[hostile_below(seed, sizeof special - 1)];
        else if (kind == 1)
            login[i] = "ABFXabfnrtv0189"[hostile_below(seed, 15)];
        else
            login[i] = (char)(1 + hostile_below(seed, 255));
    }
    login[n] = '\0';
}

static void
no_login_can_leave_its_quotes(void **state)
{
    struct bytes out = bytes_make(1000);
    uint64_t seed = 20260101;
    size_t taken = 0;

    (void)state;
    for (size_t i = 0; i < 100000; i++) {
        char login[CONSOLE_LOGIN + 1], why[100];

        random_login(&seed, login);
        bytes_clear(&out);
        console_add_block(&out, login, 7);
        assert_int_equal(
            console_accepts(login, why, sizeof why), bytes_ok(&out));
        if (!bytes_ok(&out))
            continue;
        taken++;
        assert_harmless(bytes_text(&out), login);
    }
    assert_true(taken > 20000);
    bytes_free(&out);
}

static void
hostile_logins_stay_in_their_quotes(void **state)
{
    static const char *const logins[] = { "; /system reset",
        "\"; /system reset-configuration; :put \"", "$(/quit)", "$[/quit]",
        "$mbevL", "]", "\"]", "}", "} on-error={", "\\", "\\\"", "\\\\\"",
        "\\22", "\\n", "\\_", "?", "#", "\xF0\x9F\x98\x80", "\xC2\x85",
        "MBEV-OK 0 1", "or name=b", "*80000001" };
    struct bytes out = bytes_make(1000);

    (void)state;
    for (size_t i = 0; i < COUNT(logins); i++) {
        bytes_clear(&out);
        console_add_block(&out, logins[i], 7);
        assert_true(bytes_ok(&out));
        assert_harmless(bytes_text(&out), logins[i]);
    }
    bytes_free(&out);
}

static void
every_byte_stays_in_its_quotes(void **state)
{
    struct bytes out = bytes_make(1000);

    (void)state;
    for (int c = 1; c < 256; c++) {
        const char login[] = { (char)c, '\0' };

        bytes_clear(&out);
        console_add_block(&out, login, 7);
        assert_int_equal(bytes_ok(&out), c >= 0x20 && c != 0x7F);
        if (bytes_ok(&out))
            assert_harmless(bytes_text(&out), login);
    }
    bytes_free(&out);
}

/* ---- output ---- */

enum { TAGS = 3 };

struct reading {
    struct console_answer answer[TAGS];
    char words[300];
};

static struct reading
read_bytes(const char *p, size_t n, bool whole)
{
    char *copy = hostile_copy(p, n);
    struct reading got;

    memset(&got, 0x55, sizeof got);
    console_read(copy, n, whole, got.answer, TAGS, got.words, sizeof got.words);
    free(copy);
    return got;
}

static struct reading
read_text(const char *text)
{
    return read_bytes(text, strlen(text), true);
}

/* The answers as text: "-" silent, a count, "E" an error. */
static const char *
shown(const struct reading *got)
{
    static char text[100];
    size_t n = 0;

    for (size_t i = 0; i < TAGS; i++) {
        const struct console_answer *a = &got->answer[i];
        const char *gap = i > 0 ? " " : "";

        if (a->state == CONSOLE_ENDED)
            n += (size_t)snprintf(
                text + n, sizeof text - n, "%s%u", gap, a->ended);
        else
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", gap,
                a->state == CONSOLE_ERROR ? "E" : "-");
    }
    return text;
}

static void
assert_read(const char *output, const char *want, const char *words)
{
    struct reading got = read_text(output);

    expect_text(output, shown(&got), want);
    expect_text(output, got.words, words);
}

static void
answers_are_read_by_their_tags(void **state)
{
    (void)state;
    assert_read("MBEV-OK 0 1\r\n", "1 - -", "");
    assert_read("MBEV-OK 0 0\r\nMBEV-OK 1 2\r\nMBEV-ERR 2\r\n", "0 2 E", "");
    assert_read("MBEV-ERR 2\r\nMBEV-OK 1 999999\r\n", "- 999999 E", "");
    assert_read("MBEV-OK 0 1\nMBEV-ERR 1\n", "1 E -", "");
    assert_read("\r\n\r\nMBEV-OK 0 1\r\r\n\n", "1 - -", "");
    assert_read("", "- - -", "");
    assert_read("\r\n", "- - -", "");
}

static void
the_first_of_two_answers_counts(void **state)
{
    (void)state;
    assert_read("MBEV-OK 0 1\r\nMBEV-OK 0 2\r\n", "1 - -", "");
    assert_read("MBEV-ERR 0\r\nMBEV-OK 0 2\r\n", "E - -", "");
    assert_read("MBEV-OK 0 0\r\nMBEV-ERR 0\r\n", "0 - -", "");
}

static void
what_is_not_an_answer_to_the_letter_is_words(void **state)
{
    static const char *const lines[] = { "MBEV-OK", "MBEV-OK ", "MBEV-OK 0",
        "MBEV-OK 0 ", "MBEV-OK  0 1", "MBEV-OK 0  1", "MBEV-OK 0 1 ",
        " MBEV-OK 0 1", "mbev-ok 0 1", "MBEV-OK 0 -1", "MBEV-OK 0 +1",
        "MBEV-OK 0 01", "MBEV-OK 00 1", "MBEV-OK -0 1", "MBEV-OK 0 1x",
        "MBEV-OK 0 0x1", "MBEV-OK 0 1.0", "MBEV-OK x 1", "MBEV-OK 3 1",
        "MBEV-OK 4294967296 1", "MBEV-OK 18446744073709551616 1",
        "MBEV-OK 0 1000000", "MBEV-OK 0 4294967297", "MBEV-OK 0 $mbevN",
        "MBEV-OK 0 1 MBEV-OK 1 1", "MBEV-ERR", "MBEV-ERR ", "MBEV-ERR 3",
        "MBEV-ERR 0 ", "MBEV-ERR 0 1", "MBEV-ERR 00", "MBEV-ERR -1",
        "xMBEV-ERR 0", "MBEV-OKAY 0 1", "no such item (4)", " " };
    char output[100];

    (void)state;
    for (size_t i = 0; i < COUNT(lines); i++) {
        snprintf(output, sizeof output, "%s\r\n", lines[i]);
        assert_read(output, "- - -", lines[i]);
        snprintf(output, sizeof output, "%s\r\nMBEV-OK 1 5\r\n", lines[i]);
        assert_read(output, "- 5 -", lines[i]);
    }
}

/* A router that shows the line it cannot read shows no answer. */
static void
our_own_line_is_no_answer(void **state)
{
    static const char *const logins[] = { "MBEV-OK 0 1", "u2", "u3" };
    struct bytes line = bytes_make(CONSOLE_LINE);
    struct reading got;

    (void)state;
    console_build(&line, logins, 3);
    got = read_text(bytes_text(&line));
    assert_string_equal(shown(&got), "- - -");
    bytes_free(&line);
}

static void
a_carriage_return_within_a_line_ends_nothing(void **state)
{
    (void)state;
    assert_read("x\rMBEV-OK 0 1\r\n", "- - -", "x?MBEV-OK 0 1");
    assert_read("MBEV-OK 0 1\rx\r\n", "- - -", "MBEV-OK 0 1?x");
}

static void
words_are_joined(void **state)
{
    (void)state;
    assert_read("no such item\r\nMBEV-ERR 0\r\n\r\nfailure: x\r\n", "E - -",
        "no such item; failure: x");
}

static void
a_last_line_without_end_counts_when_that_is_all(void **state)
{
    struct reading got = read_bytes(RAW("MBEV-OK 0 1\r\nMBEV-OK 1 2"), true);

    (void)state;
    assert_string_equal(shown(&got), "1 2 -");
    got = read_bytes(RAW("MBEV-OK 0 1\r\nMBEV-OK 1 2"), false);
    assert_string_equal(shown(&got), "1 - -");
    got = read_bytes(RAW("MBEV-OK 0 1\r\nMBEV-OK 1 2\r"), false);
    assert_string_equal(shown(&got), "1 - -");
    got = read_bytes(RAW("failure"), false);
    assert_string_equal(got.words, "");
    got = read_bytes(RAW("failure"), true);
    assert_string_equal(got.words, "failure");
}

static void
control_characters_and_other_charsets_do_not_reach_the_words(void **state)
{
    struct reading got =
        read_bytes(RAW("a\0b\x1B[31m\tc\x7F\xC2\x9B\xCF\xEB\xD0\n"), true);

    (void)state;
    assert_string_equal(got.words, "a?b?[31m?c?????");
    assert_read("ошибка\r\n", "- - -", "ошибка");
    got = read_bytes(RAW("MBEV-OK 0\0 1\r\nMBEV-OK 1 1\0\r\n"), true);
    assert_string_equal(shown(&got), "- - -");
    assert_string_equal(got.words, "MBEV-OK 0? 1; MBEV-OK 1 1?");
}

static void
words_are_cut_on_a_character_boundary(void **state)
{
    struct bytes text = bytes_make(1000);
    struct reading got;

    (void)state;
    bytes_chr(&text, 'x');
    for (size_t i = 0; i < 150; i++)
        bytes_str(&text, "Я");
    bytes_str(&text, "\r\ny\r\nMBEV-OK 2 1\r\n");
    got = read_text(bytes_text(&text));
    assert_string_equal(shown(&got), "- - 1");
    assert_int_equal(strlen(got.words), 199);
    assert_true(utf8_valid(got.words, 199));
    assert_string_equal(got.words + 195, "ЯЯ");
    bytes_free(&text);
}

static void
so_many_bytes_of_words_are_kept(void **state)
{
    (void)state;
    assert_read(
        text_of('x', CONSOLE_WORDS), "- - -", text_of('x', CONSOLE_WORDS));
    assert_int_equal(strlen(read_text(text_of('x', CONSOLE_WORDS + 1)).words),
        CONSOLE_WORDS);
}

static void
words_fit_any_room(void **state)
{
    static const char output[] = "abЯ\r\ncd\r\nMBEV-OK 0 1\r\n";

    (void)state;
    for (size_t size = 1; size < 20; size++) {
        char *words = malloc(size);
        struct console_answer answer;

        assert_non_null(words);
        console_read(output, strlen(output), true, &answer, 1, words, size);
        assert_true(strlen(words) < size);
        assert_int_equal(strncmp(words, "abЯ; cd", strlen(words)), 0);
        assert_int_equal(answer.state, CONSOLE_ENDED);
        if (size == 4 || size == 5)
            assert_string_equal(words, size == 4 ? "ab" : "abЯ");
        free(words);
    }
}

static void
without_tags_nothing_is_an_answer(void **state)
{
    char words[100];

    (void)state;
    console_read(RAW("MBEV-OK 0 1\r\n"), true, NULL, 0, words, sizeof words);
    assert_string_equal(words, "MBEV-OK 0 1");
    console_read(NULL, 0, true, NULL, 0, words, sizeof words);
    assert_string_equal(words, "");
}

static void
output_cut_anywhere_has_no_answer_that_was_not_given(void **state)
{
    static const char output[] = "failure: x\r\nMBEV-OK 0 12\r\n"
                                 "MBEV-ERR 1\r\nMBEV-OK 2 345\r\n";
    static const struct console_answer want[] = { { CONSOLE_ENDED, 12 },
        { CONSOLE_ERROR, 0 }, { CONSOLE_ENDED, 345 } };

    (void)state;
    for (size_t i = 0; i < sizeof output; i++) {
        struct reading got = read_bytes(output, i, false);

        for (size_t k = 0; k < TAGS; k++) {
            if (got.answer[k].state == CONSOLE_SILENT)
                continue;
            assert_int_equal(got.answer[k].state, want[k].state);
            assert_int_equal(got.answer[k].ended, want[k].ended);
        }
        read_bytes(output, i, true);
    }
}

static void
assert_sane(const struct reading *got)
{
    const char *end = got->words + strlen(got->words);

    assert_true(strlen(got->words) <= CONSOLE_WORDS);
    for (const char *p = got->words; p < end;) {
        size_t n = utf8_char(p, end);

        assert_true(n > 0);
        assert_false(utf8_is_control(p, n));
        p += n;
    }
    for (size_t i = 0; i < TAGS; i++) {
        assert_in_range(got->answer[i].state, CONSOLE_SILENT, CONSOLE_ERROR);
        assert_in_range(got->answer[i].ended, 0, 999999);
    }
}

static void
output_at_random_does_no_harm(void **state)
{
    static const char *const pieces[] = { "MBEV-OK ", "MBEV-ERR ", "0", "1 ",
        "2", " ", "9999999", "\r\n", "\n", "\r", "\x1B[m", "Я", "\xE2\x84",
        "failure", "-", "\xC2" };
    struct bytes text = bytes_make(10000);
    uint64_t seed = 3799;

    (void)state;
    for (size_t i = 0; i < 50000; i++) {
        size_t n = hostile_below(&seed, 60);
        struct reading got;

        bytes_clear(&text);
        for (size_t k = 0; k < n; k++) {
            size_t which = hostile_below(&seed, COUNT(pieces) + 4);

            if (which < COUNT(pieces))
                bytes_str(&text, pieces[which]);
            else
                bytes_chr(&text, (char)hostile_below(&seed, 256));
        }
        got = read_bytes(text.p, text.n, i % 2 == 0);
        assert_sane(&got);
    }
    bytes_free(&text);
}

static void
refusals_are_known_by_their_words(void **state)
{
    static const char *const yes[] = { "not enough permissions (9)",
        "bad command name ppp (line 1 column 2)",
        "syntax error (line 1 column 5)",
        "expected end of command (line 1 column 11)",
        "x; not enough permissions (9)" };
    static const char *const no[] = { "", "no such item (4)", "failure: x",
        "not enough", "interrupted", "action timed out", "login failure" };

    (void)state;
    for (size_t i = 0; i < COUNT(yes); i++)
        expect_number(yes[i], console_is_refusal(yes[i]), 1);
    for (size_t i = 0; i < COUNT(no); i++)
        expect_number(no[i], console_is_refusal(no[i]), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ordinary_logins_are_accepted),
        cmocka_unit_test(
            what_cannot_be_a_login_is_refused_without_repeating_it),
        cmocka_unit_test(every_control_character_is_refused_and_no_other_byte),
        cmocka_unit_test(the_reason_is_cut_to_its_room),
        cmocka_unit_test(logins_are_encoded_byte_by_byte),
        cmocka_unit_test(every_byte_is_plain_or_two_digits_in_upper_case),
        cmocka_unit_test(a_long_login_is_encoded_whole),
        cmocka_unit_test(a_block_ends_the_sessions_of_one_login_and_says_so),
        cmocka_unit_test(a_login_that_is_refused_makes_no_command),
        cmocka_unit_test(blocks_are_joined_into_one_line),
        cmocka_unit_test(without_logins_there_is_no_line),
        cmocka_unit_test(
            a_line_stays_below_its_bound_and_has_no_room_for_one_more),
        cmocka_unit_test(the_line_may_have_all_bytes_below_its_bound),
        cmocka_unit_test(a_buffer_that_is_too_small_fails),
        cmocka_unit_test(no_login_can_leave_its_quotes),
        cmocka_unit_test(hostile_logins_stay_in_their_quotes),
        cmocka_unit_test(every_byte_stays_in_its_quotes),
        cmocka_unit_test(answers_are_read_by_their_tags),
        cmocka_unit_test(the_first_of_two_answers_counts),
        cmocka_unit_test(what_is_not_an_answer_to_the_letter_is_words),
        cmocka_unit_test(our_own_line_is_no_answer),
        cmocka_unit_test(a_carriage_return_within_a_line_ends_nothing),
        cmocka_unit_test(words_are_joined),
        cmocka_unit_test(a_last_line_without_end_counts_when_that_is_all),
        cmocka_unit_test(
            control_characters_and_other_charsets_do_not_reach_the_words),
        cmocka_unit_test(words_are_cut_on_a_character_boundary),
        cmocka_unit_test(so_many_bytes_of_words_are_kept),
        cmocka_unit_test(words_fit_any_room),
        cmocka_unit_test(without_tags_nothing_is_an_answer),
        cmocka_unit_test(output_cut_anywhere_has_no_answer_that_was_not_given),
        cmocka_unit_test(output_at_random_does_no_harm),
        cmocka_unit_test(refusals_are_known_by_their_words),
    };

    return cmocka_run_group_tests_name("console", tests, NULL, NULL);
}
