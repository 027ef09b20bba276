/* words: the framing of the routers' binary API, and our sentences. */
#include "hostile.h"

#include "routers/words.h"

/* Reads from memory of just n bytes; the words point nowhere afterwards. */
static enum words_status
status_of(const char *p, size_t n, size_t *used)
{
    char *copy = hostile_copy(p, n);
    struct sentence s;
    enum words_status status = words_read(copy, n, &s, used);

    if (status == WORDS_SENTENCE) {
        assert_in_range(*used, 1, n);
        assert_in_range(s.n, 0, WORDS_MOST);
        for (size_t i = 0; i < s.n; i++) {
            assert_in_range(s.word[i].len, 1, WORDS_LONGEST);
            assert_true(s.word[i].p > copy);
            assert_true(s.word[i].p + s.word[i].len < copy + *used);
        }
    } else if (status == WORDS_MORE) {
        assert_true(n < WORDS_LARGEST);
    }
    free(copy);
    return status;
}

static void
assert_status(const char *p, size_t n, enum words_status want)
{
    size_t used;

    assert_int_equal(status_of(p, n, &used), want);
}

/* Reads a sentence that is all there is. */
static struct sentence
sentence_of(const char *p, size_t n)
{
    struct sentence s;
    size_t used;

    assert_int_equal(words_read(p, n, &s, &used), WORDS_SENTENCE);
    assert_int_equal(used, n);
    return s;
}

static void
assert_written(const struct bytes *out, const char *p, size_t n)
{
    assert_true(bytes_ok(out));
    assert_int_equal(out->n, n);
    assert_memory_equal(out->p, p, n);
}

/* ---- lengths ---- */

static const struct form {
    size_t len;
    const char *p;
    size_t n;
} forms[] = {
    { 1, RAW("\x01") },
    { 0x7F, RAW("\x7F") },
    { 0x80, RAW("\x80\x80") },
    { 0x321, RAW("\x83\x21") },
    { 0x3FFF, RAW("\xBF\xFF") },
    { 0x4000, RAW("\xC0\x40\x00") },
    { 0xFFFF, RAW("\xC0\xFF\xFF") },
    { 0x10000, RAW("\xC1\x00\x00") },
    { 0x1FFFFF, RAW("\xDF\xFF\xFF") },
    { 0x200000, RAW("\xE0\x20\x00\x00") },
    { 0x10000000, RAW("\xF0\x10\x00\x00\x00") },
};

static void
lengths_are_written_in_five_forms(void **state)
{
    char *word = calloc(1, 0x10000000);

    (void)state;
    assert_non_null(word);
    for (size_t i = 0; i < COUNT(forms); i++) {
        struct bytes out = bytes_make(0x10000010);

        words_add(&out, word, forms[i].len);
        assert_true(bytes_ok(&out));
        assert_int_equal(out.n, forms[i].n + forms[i].len);
        assert_memory_equal(out.p, forms[i].p, forms[i].n);
        bytes_free(&out);
    }
    free(word);
}

static void
words_of_every_allowed_length_are_read(void **state)
{
    static char text[WORDS_LONGEST + 10];

    (void)state;
    for (size_t i = 0; i < COUNT(forms) && forms[i].len <= WORDS_LONGEST; i++) {
        size_t n = forms[i].n + forms[i].len + 1;
        struct sentence s;

        memset(text, 'x', sizeof text);
        memcpy(text, forms[i].p, forms[i].n);
        text[n - 1] = '\0';
        s = sentence_of(text, n);
        assert_int_equal(s.n, 1);
        assert_int_equal(s.word[0].len, forms[i].len);
        assert_ptr_equal(s.word[0].p, text + forms[i].n);
        assert_status(text, n, WORDS_SENTENCE);
        assert_status(text, n - 1, WORDS_MORE);
    }
}

static void
a_length_may_be_written_longer_than_needed(void **state)
{
    struct sentence s = sentence_of(RAW("\x80\x01"
                                        "a\xC0\x00\x01"
                                        "b\xE0\x00\x00\x01"
                                        "c\xF0\x00\x00\x00\x01"
                                        "d\x80\x00"));

    (void)state;
    assert_int_equal(s.n, 4);
    for (size_t i = 0; i < s.n; i++) {
        assert_int_equal(s.word[i].len, 1);
        assert_int_equal(*s.word[i].p, "abcd"[i]);
    }
}

static void
reserved_bytes_break_it(void **state)
{
    (void)state;
    for (int c = 0xF1; c <= 0xFF; c++) {
        const char one[] = { (char)c, 0, 0, 0, 1, 'x', 0 };
        const char later[] = { 1, 'x', (char)c };

        assert_status(one, 1, WORDS_BROKEN);
        assert_status(one, sizeof one, WORDS_BROKEN);
        assert_status(later, 2, WORDS_MORE);
        assert_status(later, 3, WORDS_BROKEN);
    }
}

static void
a_word_beyond_its_bound_breaks_it_before_it_has_arrived(void **state)
{
    (void)state;
    assert_status(RAW("\xC1\x00\x00"), WORDS_MORE);
    assert_status(RAW("\xC1\x00\x01"), WORDS_BROKEN);
    assert_status(RAW("\xDF\xFF\xFF"), WORDS_BROKEN);
    assert_status(RAW("\xE0\x01\x00\x00"), WORDS_MORE);
    assert_status(RAW("\xE0\x01\x00\x01"), WORDS_BROKEN);
    assert_status(RAW("\xEF\xFF\xFF\xFF"), WORDS_BROKEN);
    assert_status(RAW("\xF0\x00\x01\x00\x00"), WORDS_MORE);
    assert_status(RAW("\xF0\x00\x01\x00\x01"), WORDS_BROKEN);
    assert_status(RAW("\xF0\xFF\xFF\xFF\xFF"), WORDS_BROKEN);
    assert_status(RAW("\xF0\xFF\xFF\xFF"), WORDS_MORE);
}

/* ---- sentences ---- */

static void
nothing_is_no_sentence_yet(void **state)
{
    struct sentence s;
    size_t used;

    (void)state;
    assert_int_equal(words_read(NULL, 0, &s, &used), WORDS_MORE);
}

static void
a_sentence_may_have_no_words(void **state)
{
    struct sentence s = sentence_of(RAW("\0"));
    size_t len;

    (void)state;
    assert_int_equal(s.n, 0);
    assert_false(sentence_is(&s, ""));
    assert_false(sentence_is(&s, "!done"));
    assert_null(sentence_value(&s, "ret", &len));
}

static const char replies[] = "\x03!re\x0D=.id=*8000001\x08=name=u1\x00"
                              "\x05!trap\x0D=category=0  \x16"
                              "=message=no such item \x00"
                              "\x05!done\x00";

static void
sentences_are_read_one_after_the_other(void **state)
{
    static const struct {
        const char *kind;
        size_t words;
    } want[] = { { "!re", 3 }, { "!trap", 3 }, { "!done", 1 } };
    size_t at = 0, used;
    struct sentence s;

    (void)state;
    for (size_t i = 0; i < COUNT(want); i++) {
        assert_int_equal(
            words_read(replies + at, sizeof replies - 1 - at, &s, &used),
            WORDS_SENTENCE);
        assert_int_equal(s.n, want[i].words);
        assert_true(sentence_is(&s, want[i].kind));
        at += used;
    }
    assert_int_equal(at, sizeof replies - 1);
}

static void
a_sentence_cut_anywhere_wants_more(void **state)
{
    size_t whole;

    (void)state;
    assert_int_equal(
        status_of(replies, sizeof replies - 1, &whole), WORDS_SENTENCE);
    for (size_t i = 0; i < sizeof replies; i++) {
        size_t used;
        enum words_status status = status_of(replies, i, &used);

        assert_int_equal(status, i < whole ? WORDS_MORE : WORDS_SENTENCE);
        if (i >= whole)
            assert_int_equal(used, whole);
    }
}

static void
a_sentence_has_so_many_words_and_no_more(void **state)
{
    char text[2 * WORDS_MOST + 4];
    size_t used;

    (void)state;
    for (size_t i = 0; i < sizeof text; i += 2)
        memcpy(text + i, "\x01x", 2);
    text[2 * WORDS_MOST] = '\0';
    assert_int_equal(sentence_of(text, 2 * WORDS_MOST + 1).n, WORDS_MOST);
    text[2 * WORDS_MOST] = '\x01';
    text[2 * WORDS_MOST + 2] = '\0';
    assert_int_equal(status_of(text, 2 * WORDS_MOST + 3, &used), WORDS_BROKEN);
    assert_status(text, 2 * WORDS_MOST, WORDS_MORE);
}

/* A sentence of n bytes in words as long as they may be. */
static struct bytes
large_sentence(size_t n)
{
    struct bytes out = bytes_make(n);
    size_t left = n - 1;
    char *word = calloc(1, WORDS_LONGEST);

    assert_non_null(word);
    while (left > 0) {
        size_t len = left - 3 < 60000 ? left - 3 : 60000;

        words_add(&out, word, len);
        left -= len + 3;
    }
    words_end(&out);
    assert_true(bytes_ok(&out));
    assert_int_equal(out.n, n);
    free(word);
    return out;
}

static void
a_sentence_has_so_many_bytes_and_no_more(void **state)
{
    struct bytes most = large_sentence(WORDS_LARGEST);
    struct bytes more = large_sentence(WORDS_LARGEST + 1);

    (void)state;
    assert_int_equal(sentence_of(most.p, most.n).n, 5);
    assert_status(most.p, most.n - 1, WORDS_MORE);
    assert_status(more.p, WORDS_LARGEST - 1, WORDS_MORE);
    assert_status(more.p, WORDS_LARGEST, WORDS_BROKEN);
    assert_status(more.p, more.n, WORDS_BROKEN);
    bytes_free(&most);
    bytes_free(&more);
}

/* ---- attributes ---- */

static void
the_kind_is_the_whole_first_word(void **state)
{
    struct sentence s = sentence_of(RAW("\x05!done\x05!trap\x00"));

    (void)state;
    assert_true(sentence_is(&s, "!done"));
    assert_false(sentence_is(&s, "!trap"));
    assert_false(sentence_is(&s, "!don"));
    assert_false(sentence_is(&s, "!done!"));
    assert_false(sentence_is(&s, ""));
}

static void
assert_value(
    const struct sentence *s, const char *name, const char *want, size_t n)
{
    size_t len = 12345;
    const char *got = sentence_value(s, name, &len);

    if (!want) {
        assert_null(got);
        return;
    }
    assert_non_null(got);
    assert_int_equal(len, n);
    assert_memory_equal(got, want, n);
}

static void
values_are_found_by_name(void **state)
{
    struct sentence s = sentence_of(RAW("\x03!re"
                                        "\x05=.id="
                                        "\x09=name=a=b"
                                        "\x08=name=u2"
                                        "\x08=x=\0=y=\n"
                                        "\x05=name"
                                        "\x01="
                                        "\x02=="
                                        "\x06?bad=1"
                                        "\x06.tag=7"
                                        "\x05names"
                                        "\x00"));

    (void)state;
    assert_value(&s, ".id", RAW(""));
    assert_value(&s, "name", RAW("a=b"));
    assert_value(&s, "x", RAW("\0=y=\n"));
    assert_value(&s, "", RAW(""));
    assert_value(&s, "nam", NULL, 0);
    assert_value(&s, "names", NULL, 0);
    assert_value(&s, "bad", NULL, 0);
    assert_value(&s, ".tag", NULL, 0);
    assert_value(&s, "re", NULL, 0);
    assert_value(&s, "y", NULL, 0);
}

/* The length of the word behind it is an equals sign. */
static void
a_name_does_not_reach_into_the_next_word(void **state)
{
    char text[] = "\x03!re\x05=name=-------------------------------------"
                  "------------------------\0";
    struct sentence s = sentence_of(text, 4 + 6 + 62 + 1);

    (void)state;
    assert_int_equal(s.n, 3);
    assert_int_equal(s.word[2].len, '=');
    assert_value(&s, "name", NULL, 0);
}

/* ---- our sentences ---- */

static void
a_login_names_user_and_password(void **state)
{
    struct bytes out = bytes_make(1000);

    (void)state;
    words_login(&out, "admin", "p=w \xFF");
    assert_written(
        &out, RAW("\x06/login\x0B=name=admin\x0F=password=p=w \xFF\x00"));
    bytes_clear(&out);
    words_login(&out, "", "");
    assert_written(&out, RAW("\x06/login\x06=name=\x0A=password=\x00"));
    bytes_free(&out);
}

static void
a_login_of_the_old_form_begins_without_them(void **state)
{
    struct bytes out = bytes_make(1000);

    (void)state;
    words_login_begin(&out);
    assert_written(&out, RAW("\x06/login\x00"));
    bytes_free(&out);
}

/* The second is the exchange of the vendor's manual; the others were computed
 * elsewhere. */
static void
a_challenge_is_answered(void **state)
{
    static const struct {
        const char *password, *challenge, *want;
    } rows[] = {
        { "test", "000102030405060708090a0b0c0d0eff",
            "385d3eb128053a3dfc27cfa4ed2dbff3" },
        { "", "ebddd18303a54111e2dea05a92ab46b4",
            "1ea726ed53ae38520c8334f82d44c9f2" },
        { "пароль", "EBDDD18303A54111E2DEA05A92AB46B4",
            "89698c42a54968a224051d6d03b253f7" },
    };
    char want[100];

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct bytes out = bytes_make(1000);

        assert_true(words_login_response(
            &out, "admin", rows[i].password, rows[i].challenge, 32));
        snprintf(want, sizeof want,
            "\x06/login\x0B=name=admin\x2C=response=00%s", rows[i].want);
        assert_written(&out, want, strlen(want) + 1);
        bytes_free(&out);
    }
}

static void
what_is_no_challenge_is_not_answered(void **state)
{
    static const char *const texts[] = { "", "00",
        "000102030405060708090a0b0c0d0e0", "000102030405060708090a0b0c0d0e0f0",
        "000102030405060708090a0b0c0d0e0g", "x00102030405060708090a0b0c0d0e0f",
        "000102030405060 08090a0b0c0d0e0f",
        "0x0102030405060708090a0b0c0d0e0f" };
    char cut[] = "000102030405060708090a0b0c0d0e0f";
    struct bytes out = bytes_make(1000);

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        char *copy = hostile_copy(texts[i], strlen(texts[i]));

        assert_false(
            words_login_response(&out, "u", "p", copy, strlen(texts[i])));
        free(copy);
    }
    for (size_t i = 0; i < 32; i++) {
        char digit = cut[i];

        cut[i] = '\0';
        assert_false(words_login_response(&out, "u", "p", cut, 32));
        cut[i] = digit;
    }
    assert_int_equal(out.n, 0);
    assert_true(bytes_ok(&out));
    assert_true(words_login_response(&out, "u", "p", cut, 32));
    bytes_free(&out);
}

static void
sessions_are_asked_for_by_login_and_ended_by_id(void **state)
{
    struct bytes out = bytes_make(1000);

    (void)state;
    words_find(&out, "u1");
    assert_written(&out,
        RAW("\x11/ppp/active/print\x08?name=u1\x13=.proplist=.id,name\x00"));
    bytes_clear(&out);
    words_remove(&out, "*80000001");
    assert_written(&out, RAW("\x12/ppp/active/remove\x0E=.id=*80000001\x00"));
    bytes_free(&out);
}

static void
no_login_can_become_another_word(void **state)
{
    char login[256];
    struct bytes out = bytes_make(1000);

    (void)state;
    for (size_t i = 0; i < 255; i++)
        login[i] = (char)(i + 1);
    for (size_t n = 1; n <= 255; n++) {
        struct sentence s;

        login[n - 1] = (char)n;
        login[n] = '\0';
        bytes_clear(&out);
        words_find(&out, login);
        s = sentence_of(out.p, out.n);
        assert_int_equal(s.n, 3);
        assert_int_equal(s.word[1].len, 6 + n);
        assert_memory_equal(s.word[1].p, "?name=", 6);
        assert_memory_equal(s.word[1].p + 6, login, n);
    }
    bytes_free(&out);
}

static void
a_buffer_that_is_too_small_fails(void **state)
{
    struct bytes out = bytes_make(20);

    (void)state;
    words_find(&out, "u1");
    assert_false(bytes_ok(&out));
    assert_int_equal(out.n, 0);
    bytes_free(&out);
}

/* ---- at random ---- */

/* Words and rubbish; short, so that sentences come to an end. */
static size_t
random_bytes(uint64_t *seed, char *p, size_t most)
{
    size_t n = hostile_below(seed, most);

    for (size_t i = 0; i < n; i++)
        p[i] = (char)(hostile_below(seed, 3) ? hostile_below(seed, 6)
                                             : hostile_below(seed, 256));
    return n;
}

/* However it arrives, a sentence is the same one. */
static void
bytes_at_random_mean_the_same_in_any_pieces(void **state)
{
    uint64_t seed = 8728;
    size_t seen[WORDS_BROKEN + 1] = { 0 };
    char p[200];

    (void)state;
    for (size_t i = 0; i < 3000; i++) {
        size_t n = random_bytes(&seed, p, sizeof p), used = 0, before = 0;
        enum words_status whole = status_of(p, n, &used);

        seen[whole]++;
        for (size_t k = 0; k <= n; k++) {
            size_t now = 0;
            enum words_status status = status_of(p, k, &now);

            if (status == WORDS_MORE) {
                assert_int_equal(before, 0);
                continue;
            }
            before = k;
            assert_int_equal(status, whole);
            if (whole == WORDS_SENTENCE)
                assert_int_equal(now, used);
        }
    }
    for (size_t i = 0; i < COUNT(seen); i++)
        assert_true(seen[i] > 100);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths_are_written_in_five_forms),
        cmocka_unit_test(words_of_every_allowed_length_are_read),
        cmocka_unit_test(a_length_may_be_written_longer_than_needed),
        cmocka_unit_test(reserved_bytes_break_it),
        cmocka_unit_test(
            a_word_beyond_its_bound_breaks_it_before_it_has_arrived),
        cmocka_unit_test(nothing_is_no_sentence_yet),
        cmocka_unit_test(a_sentence_may_have_no_words),
        cmocka_unit_test(sentences_are_read_one_after_the_other),
        cmocka_unit_test(a_sentence_cut_anywhere_wants_more),
        cmocka_unit_test(a_sentence_has_so_many_words_and_no_more),
        cmocka_unit_test(a_sentence_has_so_many_bytes_and_no_more),
        cmocka_unit_test(the_kind_is_the_whole_first_word),
        cmocka_unit_test(values_are_found_by_name),
        cmocka_unit_test(a_name_does_not_reach_into_the_next_word),
        cmocka_unit_test(a_login_names_user_and_password),
        cmocka_unit_test(a_login_of_the_old_form_begins_without_them),
        cmocka_unit_test(a_challenge_is_answered),
        cmocka_unit_test(what_is_no_challenge_is_not_answered),
        cmocka_unit_test(sessions_are_asked_for_by_login_and_ended_by_id),
        cmocka_unit_test(no_login_can_become_another_word),
        cmocka_unit_test(a_buffer_that_is_too_small_fails),
        cmocka_unit_test(bytes_at_random_mean_the_same_in_any_pieces),
    };

    return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}
