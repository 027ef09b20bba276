/* credential: see credential.h. */
#include "credential.h"

#include "utf8.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where systemd puts those of the running service. */
#define USUAL_FOLDER "/run/credentials/mbevd.service"

enum { LONGEST_PATH = 4096, LONGEST_NAME = 255 };

static bool
is_name(const char *name)
{
    size_t n = strlen(name);

    return n > 0 && n <= LONGEST_NAME && !strchr(name, '/') && name[0] != '.';
}

static const char *
folder(void)
{
    const char *set = getenv("CREDENTIALS_DIRECTORY");

    return set && *set ? set : USUAL_FOLDER;
}

/* What is wrong with the n bytes of a file, without the newline at its end; or
 * NULL. */
static const char *
wrong_secret(const char *p, size_t n)
{
    if (n > CREDENTIAL_MOST)
        return "is longer than 4096 bytes";
    if (n == 0)
        return "is empty";
    if (memchr(p, '\0', n) || memchr(p, '\n', n) || !utf8_valid(p, n))
        return "is not one line of text";
    return NULL;
}

static const char *
take(struct bytes *out, FILE *f)
{
    char text[CREDENTIAL_MOST + 2]; /* a newline, and one too many */
    size_t n = fread(text, 1, sizeof text, f);
    const char *wrong;

    if (ferror(f))
        return strerror(errno);
    if (n > 0 && text[n - 1] == '\n')
        n--;
    wrong = wrong_secret(text, n);
    if (!wrong)
        bytes_add(out, text, n);
    explicit_bzero(text, sizeof text);
    return wrong;
}

bool
credential_read(struct bytes *out, const char *name, char *why, size_t why_size)
{
    char path[LONGEST_PATH];
    const char *wrong;
    FILE *f;

    if (!is_name(name)) {
        snprintf(why, why_size,
            "the name of a credential has 1 to 255 characters, no / and no . "
            "in front");
        return false;
    }
    snprintf(path, sizeof path, "%s/%s", folder(), name);
    f = fopen(path, "re");
    wrong = f ? take(out, f) : strerror(errno);
    if (wrong)
        snprintf(why, why_size,
            "credential %.255s: %s: %s; the unit needs LoadCredential=%.255s:"
            "FILE, and the service a restart",
            name, path, wrong, name);
    if (f)
        fclose(f);
    return !wrong;
}
