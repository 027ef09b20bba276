/* account: see account.h. */
#include "account.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { LARGEST_SQL = 4096, ANSWER_S = 8, SHA1_BYTES = 20 };

static const char service[] = "mbev_service";

#define OF_SERVICE                                                             \
    " FROM mysql.user WHERE user = 'mbev_service' AND host = 'localhost'"

/* What the server keeps of its password, as grants.sql leaves it. */
static bool
is_fresh(const struct admin *a)
{
    char kept[256];

    if (!admin_text(a->db, "SELECT authentication_string" OF_SERVICE, kept,
            sizeof kept) ||
        !*kept)
        admin_text(a->db, "SELECT password" OF_SERVICE, kept, sizeof kept);
    return !*kept || strcmp(kept, "invalid") == 0 ||
           strncmp(kept, "*THISISNOTAVALID", 16) == 0 ||
           (*kept == '*' && strspn(kept + 1, "0") == strlen(kept + 1));
}

static bool
can_log_in(const struct admin *a)
{
    struct db_settings settings = settings_database(&a->set);
    struct db *db;
    bool good;

    settings.database = "";
    settings.answer_s = ANSWER_S;
    db = db_make(&settings);
    good = db && db_open(db) == DB_OK;
    db_close(&db);
    return good;
}

enum account
account_look(const struct admin *a)
{
    if (!a->configured || !*a->set.database.password)
        return ACCOUNT_EMPTY;
    if (strcmp(a->set.database.user, service) != 0)
        return ACCOUNT_OTHER;
    if (can_log_in(a))
        return ACCOUNT_GOOD;
    return is_fresh(a) ? ACCOUNT_FRESH : ACCOUNT_DIFFERS;
}

static bool
sha1(const void *p, size_t n, unsigned char out[SHA1_BYTES])
{
    return EVP_Digest(p, n, out, NULL, EVP_sha1(), NULL) == 1;
}

/* The digest of mysql_native_password. */
static bool
add_digest(struct bytes *out, const char *password)
{
    unsigned char once[SHA1_BYTES], twice[SHA1_BYTES];
    bool good = sha1(password, strlen(password), once) &&
                sha1(once, sizeof once, twice);

    bytes_chr(out, '*');
    for (size_t i = 0; good && i < sizeof twice; i++)
        bytes_printf(out, "%02X", twice[i]);
    explicit_bzero(once, sizeof once);
    return good;
}

/* MySQL takes a digest by other words than MariaDB and its own old versions. */
static bool
wants_alter_user(const struct admin *a)
{
    return admin_number(a->db,
               "SELECT VERSION() NOT LIKE '%MariaDB%' AND"
               " SUBSTRING_INDEX(VERSION(), '.', 1) * 100"
               " + SUBSTRING_INDEX(SUBSTRING_INDEX(VERSION(), '.', 2), '.', -1)"
               " >= 507") == 1;
}

int
account_set_password(const struct admin *a)
{
    struct bytes sql = bytes_make(LARGEST_SQL), digest = bytes_make(64);
    bool good = add_digest(&digest, a->set.database.password);

    bytes_printf(&sql,
        wants_alter_user(a)
            ? "ALTER USER 'mbev_service'@'localhost' IDENTIFIED WITH"
              " mysql_native_password AS '%s'"
            : "SET PASSWORD FOR 'mbev_service'@'localhost' = '%s'",
        bytes_text(&digest));
    if (!good) {
        fputs("mbevctl: libcrypto offers no SHA-1\n", stderr);
    } else if (db_run(a->db, &sql) != DB_OK) {
        admin_failed(a->db);
        good = false;
    }
    bytes_free(&sql);
    bytes_free(&digest);
    return good ? EX_OK : EX_UNAVAILABLE;
}
