/*
 * The whole configuration file, with all checks. A secret is written before
 * the input, rightly and as people mistake it; it is made of the input, which
 * so cannot hold it, and no error may repeat it.
 */
#include "fuzz.h"

#include "bytes.h"
#include "hash.h"
#include "settings.h"
#include "zone.h"

#include <inttypes.h>

enum { LARGEST = 1 << 20 };

bool __wrap_zone_load(struct zone *zone, const char *name);

bool
__wrap_zone_load(struct zone *zone, const char *name)
{
    zone->n = 0;
    return *name != '\0' && *name != 'X';
}

static void
check_number(const struct settings *s, const struct settings_key *k)
{
    int64_t value;

    if (k->type != KEY_NUMBER && k->type != KEY_DURATION &&
        k->type != KEY_MONEY && k->type != KEY_PERCENT)
        return;
    memcpy(&value, (const char *)s + k->at, sizeof value);
    holds(value >= k->min && value <= k->max);
}

/* Each error is a line of its own that names the file. */
static void
check_errors(const char *path, const struct bytes *errors, const char *secret)
{
    const char *line = bytes_text(errors);
    size_t n = strlen(path);

    holds(!strstr(line, secret));
    for (; *line; line = strchr(line, '\n') + 1) {
        holds(strncmp(line, path, n) == 0 && line[n] == ':');
        holds(strchr(line, '\n') != NULL);
    }
}

static void
load(const char *p, size_t n, const char *secret,
    bool (*with)(struct settings *, const char *, struct bytes *))
{
    struct bytes errors = bytes_make(LARGEST);
    const char *path = fuzz_file(p, n);
    struct settings s;
    bool good = with(&s, path, &errors);

    check_errors(path, &errors, secret);
    holds(good == (errors.n == 0 && bytes_ok(&errors)));
    for (size_t i = 0; good && i < settings_keys_n; i++)
        check_number(&s, &settings_keys[i]);
    settings_free(&s);
    bytes_free(&errors);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz in = fuzz_input(data, size);
    char *text = fuzz_rest(&in), secret[24];
    struct bytes file = bytes_make(LARGEST);

    snprintf(secret, sizeof secret, "%016" PRIx64, hash_text(text));
    bytes_printf(&file,
        "[smsc]\npassword = %s\npsw: %s\n[database]\npassword: %s = x\n"
        "[smspilot]\napi_key = %s\n",
        secret, secret, secret, secret);
    bytes_add(&file, text, size);
    if (bytes_ok(&file)) {
        load(file.p, file.n, secret, settings_load);
        load(text, size, secret, settings_load);
        load(text, size, secret, settings_load_database);
    }
    bytes_free(&file);
    free(text);
    return 0;
}
