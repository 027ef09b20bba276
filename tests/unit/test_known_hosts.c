/*
 * known_hosts: which key a host has. The lines of files are as ssh-keygen(1)
 * and ssh-keyscan(1) of OpenSSH 9.2 write them; the keys are nobody's.
 */
#include "unit.h"

#include "known_hosts.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>

/* ---- keys ---- */

#define ED25519                                                                \
    "AAAAC3NzaC1lZDI1NTE5AAAAIAS0VVl9eOk4VR6nzkaYBnVFpfTxnLIJ6Pccea7tbPtE"
#define ED25519_OTHER                                                          \
    "AAAAC3NzaC1lZDI1NTE5AAAAIAS0VVl9eOk4VR6nzkaYBnVFpfTxnLIJ6Pccea7tbPtF"
#define ECDSA                                                                  \
    "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBN00TVZMzD+SKjDSgrw"  \
    "SG/t28yLU/oRCV7sJKRkMRkgk2FukcUPs3jymd4qNIsL8UNA43bbXZUyOZ7LokF1fvi4="
#define RSA                                                                    \
    "AAAAB3NzaC1yc2EAAAADAQABAAAAgQC+TAyMx1pQ7hvNGj5hKkWkKJ6hFET/5wsHnqRnOz0"  \
    "zdagiJiDXTVKOHMy37hzMEHPJ0HsxmoUWOUxEncdbAv1fRHPxHgc8v/Lcy56oEysJJAYAfy"  \
    "WVFeB++ZEyqVgtuwhOvj6PczDn0mMdxG1yZRQ2UEY1EEqZM+0r++/uMBrZ9Q=="

#define ED25519_LINE "ssh-ed25519 " ED25519 "\n"
#define ECDSA_LINE "ecdsa-sha2-nistp256 " ECDSA "\n"
#define RSA_LINE "ssh-rsa " RSA "\n"

/* As it comes over the wire. */
struct key {
    char p[400];
    size_t len;
};

static struct key
key_of(const char *base64)
{
    size_t n = strlen(base64);
    struct key key;
    int len = EVP_DecodeBlock(
        (unsigned char *)key.p, (const unsigned char *)base64, (int)n);

    assert_true(len > 0);
    key.len = (size_t)len;
    while (n > 0 && base64[--n] == '=')
        key.len--;
    return key;
}

/* ---- files ---- */

struct scene {
    struct temp file;
    struct known_hosts *known;
    char why[200];
};

static int
set_up(void **state)
{
    static struct scene scene;

    scene = (struct scene){ .file = temp_text("") };
    unlink(scene.file.path);
    scene.known = known_hosts_make(scene.file.path);
    assert_non_null(scene.known);
    *state = &scene;
    return 0;
}

static int
tear_down(void **state)
{
    struct scene *s = *state;

    known_hosts_close(&s->known);
    assert_null(s->known);
    known_hosts_close(&s->known);
    unlink(s->file.path);
    return 0;
}

/* Puts this into the file in place of what is there. */
static void
write_file(struct scene *s, const char *text, size_t n)
{
    int fd = open(s->file.path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, n), n);
    close(fd);
}

static void
assert_refreshes(struct scene *s)
{
    s->why[0] = '\0';
    if (!known_hosts_refresh(s->known, s->why, sizeof s->why))
        fail_msg("%s", s->why);
    assert_string_equal(s->why, "");
}

static void
set_file(struct scene *s, const char *text)
{
    write_file(s, text, strlen(text));
    assert_refreshes(s);
}

static void
assert_file(struct scene *s, const char *want)
{
    char got[4000] = "";
    int fd = open(s->file.path, O_RDONLY);

    assert_true(fd >= 0);
    assert_in_range(read(fd, got, sizeof got - 1), 0, sizeof got - 2);
    close(fd);
    expect_text("file", got, want);
}

static void
add(struct scene *s, const char *host, int port, const char *base64)
{
    struct key key = key_of(base64);

    if (!known_hosts_add(
            s->known, host, port, key.p, key.len, s->why, sizeof s->why))
        fail_msg("%s:%d: %s", host, port, s->why);
}

static void
assert_known(struct scene *s, const char *host, int port, const char *base64,
    enum known want)
{
    struct key key = key_of(base64);

    expect_number(
        host, known_hosts_check(s->known, host, port, key.p, key.len), want);
}

static void
assert_type(struct scene *s, const char *host, int port, const char *want)
{
    const char *type = known_hosts_type(s->known, host, port);

    expect_text(host, type ? type : "none", want ? want : "none");
}

/* ---- before anything is known ---- */

static void
without_a_file_nobody_is_known(void **state)
{
    struct scene *s = *state;

    assert_refreshes(s);
    assert_known(s, "10.0.0.1", 22, ED25519, KNOWN_NOT);
    assert_type(s, "10.0.0.1", 22, NULL);
    assert_string_equal(known_hosts_path(s->known), s->file.path);
    assert_int_equal(access(s->file.path, F_OK), -1);
}

static void
in_an_empty_file_nobody_is_known(void **state)
{
    struct scene *s = *state;

    set_file(s, "");
    assert_known(s, "10.0.0.1", 22, ED25519, KNOWN_NOT);
    assert_type(s, "10.0.0.1", 22, NULL);
}

/* ---- adding ---- */

static void
what_was_added_is_known_as_ssh_writes_it(void **state)
{
    static const struct {
        const char *host;
        int port;
        const char *key, *line;
    } rows[] = {
        { "10.0.0.1", 22, ED25519, "10.0.0.1 " ED25519_LINE },
        { "10.0.0.1", 2222, ED25519, "[10.0.0.1]:2222 " ED25519_LINE },
        { "10.0.0.1", 1, ECDSA, "[10.0.0.1]:1 " ECDSA_LINE },
        { "10.0.0.1", 65535, RSA, "[10.0.0.1]:65535 " RSA_LINE },
        { "::1", 22, ED25519, "::1 " ED25519_LINE },
        { "::1", 2222, ED25519, "[::1]:2222 " ED25519_LINE },
        { "fe80::1%eth0", 22, ECDSA, "fe80::1%eth0 " ECDSA_LINE },
        { "router.example.net", 22, RSA, "router.example.net " RSA_LINE },
    };
    struct scene *s = *state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        set_file(s, "");
        add(s, rows[i].host, rows[i].port, rows[i].key);
        assert_file(s, rows[i].line);
        assert_known(s, rows[i].host, rows[i].port, rows[i].key, KNOWN_SAME);
        assert_known(s, rows[i].host, rows[i].port, ED25519_OTHER, KNOWN_OTHER);
    }
}

static void
what_was_added_is_still_known_by_another(void **state)
{
    struct scene *s = *state;
    struct known_hosts *other;

    add(s, "10.0.0.1", 22, ED25519);
    add(s, "10.0.0.2", 2222, RSA);
    other = known_hosts_make(s->file.path);
    assert_non_null(other);
    assert_true(known_hosts_refresh(other, s->why, sizeof s->why));
    known_hosts_close(&s->known);
    s->known = other;
    assert_known(s, "10.0.0.1", 22, ED25519, KNOWN_SAME);
    assert_known(s, "10.0.0.2", 2222, RSA, KNOWN_SAME);
}

static void
what_is_there_stays_there(void **state)
{
    struct scene *s = *state;

    set_file(s, "# ours\n10.0.0.9 " RSA_LINE);
    add(s, "10.0.0.1", 22, ED25519);
    assert_file(s, "# ours\n10.0.0.9 " RSA_LINE "10.0.0.1 " ED25519_LINE);
}

/* Somebody has edited it. */
static void
a_last_line_without_an_end_is_not_spoilt(void **state)
{
    struct scene *s = *state;

    set_file(s, "10.0.0.9 ssh-rsa " RSA);
    add(s, "10.0.0.1", 22, ED25519);
    assert_known(s, "10.0.0.9", 22, RSA, KNOWN_SAME);
    assert_known(s, "10.0.0.1", 22, ED25519, KNOWN_SAME);
    assert_file(s, "10.0.0.9 " RSA_LINE "10.0.0.1 " ED25519_LINE);
}

static void
a_new_file_is_for_us_alone(void **state)
{
    struct scene *s = *state;
    mode_t before = umask(0);
    struct stat st;

    add(s, "10.0.0.1", 22, ED25519);
    umask(before);
    assert_int_equal(stat(s->file.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void
what_is_no_key_is_not_added(void **state)
{
    static char large[17 * 1024] = "\0\0\0\x7ssh-rsa", name[100] = "\0\0\0\x41";
    const struct {
        const char *p;
        size_t len;
    } rows[] = { { RAW("") }, { RAW("\0\0\0") }, { RAW("\0\0\0\0") },
        { RAW("\0\0\0\0ssh-rsa") }, { RAW("\0\0\0\x8ssh-rsa") },
        { RAW("\0\1\0\x7ssh-rsa") }, { RAW("\xFF\xFF\xFF\xFFssh-rsa") },
        { RAW("\0\0\xFF\xFFssh-rsa") }, { name, sizeof name },
        { large, sizeof large } };
    struct scene *s = *state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        s->why[0] = '\0';
        if (known_hosts_add(s->known, "10.0.0.1", 22, rows[i].p, rows[i].len,
                s->why, sizeof s->why))
            fail_msg("row %zu is added", i);
        assert_string_equal(s->why, "the key cannot be read");
    }
    assert_int_equal(access(s->file.path, F_OK), -1);
}

/* A line break in it would be a line of a host that was never met. */
static void
the_type_of_a_key_is_a_word(void **state)
{
    static const char *const bad[] = { "a b", "a\nb", "\n", "a\tb", "a\rb", " ",
        "a\x01", "a\x7F", "\xD0\x81" };
    struct scene *s = *state;

    for (size_t i = 0; i < COUNT(bad); i++) {
        char key[40] = { 0 };
        size_t n = strlen(bad[i]);

        key[3] = (char)n;
        memcpy(key + 4, bad[i], n);
        if (known_hosts_add(s->known, "10.0.0.1", 22, key, sizeof key, s->why,
                sizeof s->why))
            fail_msg("row %zu is added", i);
        assert_string_equal(s->why, "the key cannot be read");
    }
    assert_int_equal(access(s->file.path, F_OK), -1);
}

/* ---- looking up ---- */

static void
a_host_with_a_key_must_show_it(void **state)
{
    struct scene *s = *state;

    set_file(s, "10.0.0.1 " ED25519_LINE);
    assert_known(s, "10.0.0.1", 22, ED25519, KNOWN_SAME);
    assert_known(s, "10.0.0.1", 22, ED25519_OTHER, KNOWN_OTHER);
}

static void
a_key_of_another_type_is_not_taken_for_new(void **state)
{
    struct scene *s = *state;

    set_file(s, "10.0.0.1 " ED25519_LINE "10.0.0.2 " RSA_LINE);
    assert_known(s, "10.0.0.1", 22, RSA, KNOWN_OTHER);
    assert_known(s, "10.0.0.1", 22, ECDSA, KNOWN_OTHER);
    assert_known(s, "10.0.0.2", 22, ED25519, KNOWN_OTHER);
}

static void
of_several_keys_any_counts(void **state)
{
    struct scene *s = *state;

    set_file(s,
        "10.0.0.1 " RSA_LINE "10.0.0.1 " ECDSA_LINE "10.0.0.1 " ED25519_LINE);
    assert_known(s, "10.0.0.1", 22, RSA, KNOWN_SAME);
    assert_known(s, "10.0.0.1", 22, ECDSA, KNOWN_SAME);
    assert_known(s, "10.0.0.1", 22, ED25519, KNOWN_SAME);
    assert_known(s, "10.0.0.1", 22, ED25519_OTHER, KNOWN_OTHER);
}

static void
other_hosts_are_not_known_by_it(void **state)
{
    static const char *const others[] = { "10.0.0.2", "10.0.0.11", "0.0.0.1",
        "10.0.0.", "router", "", "*", "10.0.0.1,10.0.0.2" };
    struct scene *s = *state;

    set_file(s, "10.0.0.1 " ED25519_LINE);
    for (size_t i = 0; i < COUNT(others); i++)
        assert_known(s, others[i], 22, ED25519, KNOWN_NOT);
}

static void
an_entry_without_a_port_holds_where_there_is_none_with_it(void **state)
{
    static const struct {
        const char *line;
        int port;
        enum known want;
    } rows[] = {
        { "10.0.0.1 " ED25519_LINE, 22, KNOWN_SAME },
        { "10.0.0.1 " ED25519_LINE, 2222, KNOWN_SAME },
        { "10.0.0.1 " RSA_LINE, 2222, KNOWN_OTHER },
        { "[10.0.0.1]:2222 " ED25519_LINE, 2222, KNOWN_SAME },
        { "[10.0.0.1]:2222 " ED25519_LINE, 22, KNOWN_NOT },
        { "[10.0.0.1]:2222 " ED25519_LINE, 222, KNOWN_NOT },
        { "[10.0.0.1]:2222 " ED25519_LINE, 22222, KNOWN_NOT },
        { "[10.0.0.1]:22 " ED25519_LINE, 22, KNOWN_SAME },
        { "10.0.0.1 " RSA_LINE "[10.0.0.1]:2222 " ED25519_LINE, 2222,
            KNOWN_SAME },
        { "10.0.0.1 " RSA_LINE "[10.0.0.1]:2222 " ED25519_LINE, 22,
            KNOWN_OTHER },
        { "10.0.0.1 " ED25519_LINE "[10.0.0.1]:2222 " RSA_LINE, 2222,
            KNOWN_OTHER },
    };
    struct scene *s = *state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        set_file(s, rows[i].line);
        assert_known(s, "10.0.0.1", rows[i].port, ED25519, rows[i].want);
    }
}

/* Else such a one would be believed anew each time. */
static void
short_names_are_known_as_well(void **state)
{
    static const char *const hosts[] = { "r", "r1", "::", "r01" };
    static const int ports[] = { 22, 2222 };
    struct scene *s = *state;

    for (size_t i = 0; i < COUNT(hosts); i++)
        for (size_t j = 0; j < COUNT(ports); j++) {
            set_file(s, "");
            add(s, hosts[i], ports[j], ED25519);
            assert_known(s, hosts[i], ports[j], ED25519, KNOWN_SAME);
            assert_known(s, hosts[i], ports[j], RSA, KNOWN_OTHER);
            assert_type(s, hosts[i], ports[j], "ssh-ed25519");
        }
}

static void
a_long_name_is_known(void **state)
{
    static const int ports[] = { 2222, 22 };
    char host[240];
    struct scene *s = *state;

    memset(host, 'x', sizeof host - 1);
    host[sizeof host - 1] = '\0';
    for (size_t i = 0; i < COUNT(ports); i++) {
        assert_known(s, host, ports[i], ED25519, KNOWN_NOT);
        add(s, host, ports[i], ED25519);
        assert_known(s, host, ports[i], ED25519, KNOWN_SAME);
        assert_known(s, host, ports[i], RSA, KNOWN_OTHER);
    }
}

/* ssh-keygen -H */
static void
hashed_names_are_found(void **state)
{
    static const char file[] =
        "|1|yHVbNofnJL8Cgl2HylY5S13VQEg=|U12zMNKXNqqfNux2ekGrmxqEpdY="
        " " ED25519_LINE "|1|wrT6SpnpPEkifOX+nL75R8v3IJQ=|"
        "LVLnbnYP7SObaFMe3o06V2ihXIs= " ECDSA_LINE
        "|1|n9sbLfmFJ1Mdi6gQlXcc+AsIHBw=|Bjj1ODGMhlMc7ERPqpDnRuawm48="
        " " ED25519_LINE "|1|JX7+lmh8csnyO7ryjsFWeTlC7b0=|+bF+P+"
        "2IupApHWBXUarYMF5JLJc= " ECDSA_LINE
        "|1|7nct4fnd/ywrQZBz4LF8Zv6vRxE=|nQkzSQYY/"
        "BSj7Ahvfy+kSyUG3Mo= " ED25519_LINE;
    static const struct {
        const char *host;
        int port;
        const char *key, *type;
    } rows[] = {
        { "10.0.0.1", 22, ED25519, "ssh-ed25519" },
        { "10.0.0.2", 2222, ECDSA, "ecdsa-sha2-nistp256" },
        { "::1", 2222, ED25519, "ssh-ed25519" },
        { "fe80::1", 22, ECDSA, "ecdsa-sha2-nistp256" },
        { "r1", 22, ED25519, "ssh-ed25519" },
    };
    struct scene *s = *state;

    set_file(s, file);
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_known(s, rows[i].host, rows[i].port, rows[i].key, KNOWN_SAME);
        assert_known(s, rows[i].host, rows[i].port, ED25519_OTHER, KNOWN_OTHER);
        assert_type(s, rows[i].host, rows[i].port, rows[i].type);
    }
    assert_known(s, "10.0.0.2", 22, ECDSA, KNOWN_NOT);
    assert_known(s, "10.0.0.3", 22, ED25519, KNOWN_NOT);
}

/* With each look at one that is shorter, as decoded, the library would lose
 * memory: a sanitizer tells. */
static void
spoilt_hashes_are_left_out(void **state)
{
    static const char *const names[] = {
        "|1|yHVbNofnJL8Cgl2HylY5S13VQEg=|U12zMNKXNqqfNux2ekGrmxqEpdY",
        "|1|yHVbNofnJL8Cgl2HylY5S13VQEg=|U12zMNKXNqqfNux2ekGrmxqEpd==",
        "|1|yHVbNofnJL8Cgl2HylY5S13VQEg=|U12zMNKX*qqfNux2ekGrmxqEpdY=",
        "|1|yHVbNofnJL8Cgl2HylY5S13VQEg=|\xC8\xB2zMNKXNqqfNux2ekGrmxqEpd=",
        "|1|yHVbNofnJL8#gl2HylY5S13VQEg=|U12zMNKXNqqfNux",
        "|1|yHVbNofnJL8Cgl2HylY5S13VQEg=|=",
        "|1|yHVbNofnJL8Cgl2HylY5S13VQEg=|",
    };
    struct scene *s = *state;
    char line[400];

    for (size_t i = 0; i < COUNT(names); i++) {
        snprintf(line, sizeof line, "%s %s", names[i], ED25519_LINE);
        set_file(s, line);
        assert_known(s, "10.0.0.1", 22, ED25519, KNOWN_NOT);
        assert_known(s, "10.0.0.1", 2222, ED25519, KNOWN_NOT);
    }
}

static void
one_line_may_be_of_several_names(void **state)
{
    struct scene *s = *state;

    set_file(s, "router,10.0.0.1,[10.0.0.2]:2222 " ED25519_LINE);
    assert_known(s, "router", 22, ED25519, KNOWN_SAME);
    assert_known(s, "10.0.0.1", 22, ED25519, KNOWN_SAME);
    assert_known(s, "10.0.0.2", 2222, ED25519, KNOWN_SAME);
    assert_known(s, "10.0.0.2", 22, ED25519, KNOWN_NOT);
    assert_known(s, "router", 2222, ED25519, KNOWN_SAME);
}

/* ---- what type ---- */

static void
the_type_of_a_known_key_is_preferred(void **state)
{
    static const struct {
        const char *line, *type;
    } rows[] = {
        { "10.0.0.1 " ED25519_LINE, "ssh-ed25519" },
        { "10.0.0.1 " RSA_LINE, "ssh-rsa" },
        { "10.0.0.1 " ECDSA_LINE, "ecdsa-sha2-nistp256" },
        { "10.0.0.1 ecdsa-sha2-nistp384 " ECDSA "\n", "ecdsa-sha2-nistp384" },
        { "10.0.0.1 ecdsa-sha2-nistp521 " ECDSA "\n", "ecdsa-sha2-nistp521" },
        { "10.0.0.1 ssh-dss " RSA "\n", "ssh-dss" },
        { "10.0.0.1 sk-ssh-ed25519@openssh.com " ED25519 "\n", NULL },
        { "10.0.0.2 " RSA_LINE "10.0.0.1 " ED25519_LINE, "ssh-ed25519" },
        { "10.0.0.2 " RSA_LINE, NULL },
        { "[10.0.0.1]:2222 " RSA_LINE, NULL },
    };
    struct scene *s = *state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        set_file(s, rows[i].line);
        assert_type(s, "10.0.0.1", 22, rows[i].type);
    }
}

/* ---- lines that are none ---- */

static void
lines_that_are_no_entries_are_left_out(void **state)
{
    static const char *const rows[] = { "", " ", "\t", "#", "# a comment",
        "#10.0.0.1 " ED25519_LINE, "10.0.0.1", "10.0.0.1 ssh-ed25519",
        "10.0.0.1 ssh-ed25519 ", "x", "|1|", "|1| ssh-ed25519 " ED25519,
        "|1|yHVb|U12z ssh-ed25519 " ED25519,
        "|1|yHVbNofnJL8Cgl2HylY5S13VQEg=| ssh-ed25519 " ED25519,
        "|1|yHVbNofnJL8Cgl2HylY5S13VQEg=|U12zMNKXNqqfNux2ekGrmxqEpd== "
        "ssh-ed25519 " ED25519,
        "|1|yHVbNofnJL8Cgl2HylY5S13VQEg=|U12zMNKXNqqfNux2ekGrmxqEpdYx "
        "ssh-ed25519 " ED25519,
        "|", "\x01\xFF\xFE", ",,,", "<html>", "10.0.0.1 ssh-ed25519 short" };
    struct scene *s = *state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[1000];

        snprintf(text, sizeof text, "%s\n10.0.0.9 %s%s\n", rows[i],
            ED25519_LINE, rows[i]);
        set_file(s, text);
        assert_known(s, "10.0.0.9", 22, ED25519, KNOWN_SAME);
        if (known_hosts_type(s->known, "10.0.0.1", 22))
            fail_msg("row %zu is a key", i);
    }
}

static void
lines_may_end_and_be_divided_in_any_way(void **state)
{
    static const char *const rows[] = {
        "10.0.0.1 ssh-ed25519 " ED25519,
        "10.0.0.1 ssh-ed25519 " ED25519 "\r\n",
        "10.0.0.1 ssh-ed25519 " ED25519 " admin@router\n",
        "10.0.0.1\tssh-ed25519\t" ED25519 "\n",
        "  10.0.0.1  ssh-ed25519  " ED25519 "\n",
        "\r\n\r\n10.0.0.1 ssh-ed25519 " ED25519 "\r\n\r\n",
    };
    struct scene *s = *state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct key key = key_of(ED25519);

        set_file(s, rows[i]);
        expect_number(rows[i],
            known_hosts_check(s->known, "10.0.0.1", 22, key.p, key.len),
            KNOWN_SAME);
    }
}

static void
bytes_of_any_kind_do_no_harm(void **state)
{
    static char noise[20000];
    struct scene *s = *state;

    srand(1);
    for (int i = 0; i < 20; i++) {
        for (size_t j = 0; j < sizeof noise; j++)
            noise[j] = (char)(rand() % 8 ? rand() : " |,=\n#@["[rand() % 8]);
        write_file(s, noise, sizeof noise);
        assert_refreshes(s);
        assert_known(s, "10.0.0.1", 22, ED25519, KNOWN_NOT);
    }
    write_file(s, RAW("a\0b\n10.0.0.1 " ED25519_LINE));
    assert_refreshes(s);
    assert_known(s, "10.0.0.1", 22, ED25519, KNOWN_SAME);
}

/* ---- changes ---- */

static void
it_is_read_again_when_it_has_changed(void **state)
{
    struct scene *s = *state;
    unsigned version;

    set_file(s, "10.0.0.1 " ED25519_LINE);
    version = known_hosts_version(s->known);
    assert_refreshes(s);
    assert_refreshes(s);
    assert_int_equal(known_hosts_version(s->known), version);
    set_file(s, "10.0.0.1 " RSA_LINE);
    assert_int_equal(known_hosts_version(s->known), version + 1);
    assert_known(s, "10.0.0.1", 22, RSA, KNOWN_SAME);
    assert_known(s, "10.0.0.1", 22, ED25519, KNOWN_OTHER);
}

/* As ssh-keygen -R does it. */
static void
another_file_of_that_name_is_another(void **state)
{
    struct scene *s = *state;
    struct temp other = temp_text("10.0.0.1 ssh-ed25519 " ED25519_OTHER "\n");

    set_file(s, "10.0.0.1 " ED25519_LINE);
    assert_int_equal(rename(other.path, s->file.path), 0);
    assert_refreshes(s);
    assert_known(s, "10.0.0.1", 22, ED25519_OTHER, KNOWN_SAME);
}

static void
it_may_go_and_come_again(void **state)
{
    struct scene *s = *state;
    unsigned version;

    set_file(s, "10.0.0.1 " ED25519_LINE);
    version = known_hosts_version(s->known);
    unlink(s->file.path);
    assert_refreshes(s);
    assert_known(s, "10.0.0.1", 22, ED25519, KNOWN_NOT);
    assert_int_equal(known_hosts_version(s->known), version + 1);
    assert_refreshes(s);
    assert_int_equal(known_hosts_version(s->known), version + 1);
    set_file(s, "10.0.0.1 " ED25519_LINE);
    assert_int_equal(known_hosts_version(s->known), version + 2);
    assert_known(s, "10.0.0.1", 22, ED25519, KNOWN_SAME);
}

static void
what_we_add_is_no_change_by_others(void **state)
{
    struct scene *s = *state;
    unsigned version;

    assert_refreshes(s);
    version = known_hosts_version(s->known);
    add(s, "10.0.0.1", 22, ED25519);
    assert_int_equal(known_hosts_version(s->known), version);
    assert_known(s, "10.0.0.1", 22, ED25519, KNOWN_SAME);
}

/* ---- files that are of no use ---- */

static void
assert_refresh_fails(struct scene *s, const char *because)
{
    char want[300];

    snprintf(want, sizeof want, "%s: %s", known_hosts_path(s->known), because);
    for (int i = 0; i < 2; i++) {
        s->why[0] = '\0';
        assert_false(known_hosts_refresh(s->known, s->why, sizeof s->why));
        assert_string_equal(s->why, want);
        assert_known(s, "10.0.0.1", 22, ED25519, KNOWN_NOT);
    }
}

static void
one_that_cannot_be_read_is_a_reason(void **state)
{
    struct scene *s = *state;

    set_file(s, "10.0.0.1 " ED25519_LINE);
    unlink(s->file.path);
    assert_int_equal(mkdir(s->file.path, 0700), 0);
    assert_refresh_fails(s, "Is a directory");
    assert_int_equal(rmdir(s->file.path), 0);
    set_file(s, "10.0.0.1 " ED25519_LINE);
    assert_known(s, "10.0.0.1", 22, ED25519, KNOWN_SAME);
}

static void
one_that_cannot_be_found_is_a_reason(void **state)
{
    struct scene *s = *state;

    assert_int_equal(symlink(s->file.path, s->file.path), 0);
    assert_refresh_fails(s, "Too many levels of symbolic links");
}

static void
one_that_cannot_be_written_is_a_reason(void **state)
{
    static const struct {
        const char *path, *because;
    } rows[] = {
        { "/nowhere/known_hosts", "No such file or directory" },
        { "/tmp", "Is a directory" },
        { "/dev/full", "No space left on device" },
    };
    struct scene *s = *state;
    struct key key = key_of(ED25519);

    for (size_t i = 0; i < COUNT(rows); i++) {
        char want[200];

        known_hosts_close(&s->known);
        s->known = known_hosts_make(rows[i].path);
        assert_non_null(s->known);
        assert_false(known_hosts_add(
            s->known, "10.0.0.1", 22, key.p, key.len, s->why, sizeof s->why));
        snprintf(want, sizeof want, "%s: %s", rows[i].path, rows[i].because);
        assert_string_equal(s->why, want);
    }
}

static void
closing_nothing_is_fine(void **state)
{
    struct known_hosts *none = NULL;

    (void)state;
    known_hosts_close(&none);
    assert_null(none);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_a_file_nobody_is_known),
        TEST(in_an_empty_file_nobody_is_known),
        TEST(what_was_added_is_known_as_ssh_writes_it),
        TEST(what_was_added_is_still_known_by_another),
        TEST(what_is_there_stays_there),
        TEST(a_last_line_without_an_end_is_not_spoilt),
        TEST(a_new_file_is_for_us_alone),
        TEST(what_is_no_key_is_not_added),
        TEST(the_type_of_a_key_is_a_word),
        TEST(a_host_with_a_key_must_show_it),
        TEST(a_key_of_another_type_is_not_taken_for_new),
        TEST(of_several_keys_any_counts),
        TEST(other_hosts_are_not_known_by_it),
        TEST(an_entry_without_a_port_holds_where_there_is_none_with_it),
        TEST(short_names_are_known_as_well),
        TEST(a_long_name_is_known),
        TEST(hashed_names_are_found),
        TEST(spoilt_hashes_are_left_out),
        TEST(one_line_may_be_of_several_names),
        TEST(the_type_of_a_known_key_is_preferred),
        TEST(lines_that_are_no_entries_are_left_out),
        TEST(lines_may_end_and_be_divided_in_any_way),
        TEST(bytes_of_any_kind_do_no_harm),
        TEST(it_is_read_again_when_it_has_changed),
        TEST(another_file_of_that_name_is_another),
        TEST(it_may_go_and_come_again),
        TEST(what_we_add_is_no_change_by_others),
        TEST(one_that_cannot_be_read_is_a_reason),
        TEST(one_that_cannot_be_found_is_a_reason),
        TEST(one_that_cannot_be_written_is_a_reason),
        TEST(closing_nothing_is_fine),
    };

    return cmocka_run_group_tests_name("known hosts", tests, NULL, NULL);
}
