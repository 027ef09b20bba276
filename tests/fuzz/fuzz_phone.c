/* What stands in a subscriber's phone field. */
#include "fuzz.h"

#include "rules/phone.h"

/* A number is one number, the same, when it is read again. */
static void
check_number(const char *number)
{
    struct phone again[PHONE_MOST];
    size_t n = strlen(number);

    holds(n >= 11 && n <= PHONE_DIGITS);
    holds(strspn(number, "0123456789") == n);
    holds(n != 11 || number[0] != '8');
    holds(phone_split(number, again) == 1);
    holds(strcmp(again[0].number, number) == 0);
}

static void
check(const struct phone *phone, const struct phone *before, size_t n)
{
    holds(strnlen(phone->number, sizeof phone->number) <= PHONE_DIGITS);
    holds(fuzz_is_text(phone->given, sizeof phone->given));
    if (!*phone->number)
        return;
    check_number(phone->number);
    for (size_t i = 0; i < n; i++)
        holds(strcmp(phone->number, before[i].number) != 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz in = fuzz_input(data, size);
    char *field = fuzz_rest(&in);
    struct phone out[PHONE_MOST];
    size_t n;

    memset(out, 0xA5, sizeof out);
    n = phone_split(field, out);
    holds(n <= PHONE_MOST);
    for (size_t i = 0; i < n; i++)
        check(&out[i], out, i);
    free(field);
    return 0;
}
