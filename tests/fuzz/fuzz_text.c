/*
 * Templates: the first line is the value of a field, the rest a template. What
 * is rendered is compared with a plainer reading of the rule.
 */
#include "fuzz.h"

#include "rules/text.h"

enum { LARGEST = 1 << 20 };

static void
render_plainly(
    struct bytes *out, const char *p, const char *login, const char *amount)
{
    while (*p) {
        if (strncmp(p, "{{", 2) == 0) {
            bytes_chr(out, '{');
            p += 2;
        } else if (strncmp(p, "{login}", 7) == 0) {
            bytes_str(out, login);
            p += 7;
        } else if (strncmp(p, "{amount}", 8) == 0) {
            bytes_str(out, amount);
            p += 8;
        } else {
            bytes_chr(out, *p++);
        }
    }
}

static void
check(const char *template, const char *login)
{
    const struct text_field fields[] = { { "login", login },
        { "amount", "{login} {{ 100.00" } };
    struct bytes out = bytes_make(LARGEST), plain = bytes_make(LARGEST);

    text_render(&out, template, fields, COUNT(fields));
    render_plainly(&plain, template, login, fields[1].value);
    holds(bytes_ok(&out) == bytes_ok(&plain));
    holds(strcmp(bytes_text(&out), bytes_text(&plain)) == 0);
    bytes_free(&out);
    bytes_free(&plain);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz in = fuzz_input(data, size);
    char *login = fuzz_line(&in), *template = fuzz_rest(&in);
    const char *wrong = text_check(template, "login amount");
    struct bytes out = bytes_make(LARGEST);

    if (wrong)
        holds(*wrong && strlen(wrong) < 256);
    else
        check(template, login);
    /* What is wrong is rendered somehow. */
    text_render(&out, template, NULL, 0);
    holds(!bytes_ok(&out) || out.n <= strlen(template));
    bytes_free(&out);
    free(login);
    free(template);
    return 0;
}
