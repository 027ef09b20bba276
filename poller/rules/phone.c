/* phone: see phone.h. */
#include "rules/phone.h"

#include "utf8.h"

#include <string.h>

enum { MOST_RAW = 32 };

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Collects the digits; false when there is a character that has no business
 * in a phone number, or there are too many digits. */
static bool
collect(const char *p, size_t n, char digits[MOST_RAW])
{
    size_t have = 0;

    for (size_t i = 0; i < n; i++) {
        if (is_digit(p[i])) {
            if (have + 1 >= MOST_RAW)
                return false;
            digits[have++] = p[i];
        } else if (!is_blank(p[i]) && !strchr("+-().", p[i])) {
            return false;
        }
    }
    digits[have] = '\0';
    return true;
}

static bool
normalise(const char *p, size_t n, char number[PHONE_DIGITS + 1])
{
    char digits[MOST_RAW];
    size_t have;

    number[0] = '\0';
    if (!collect(p, n, digits))
        return false;
    have = strlen(digits);
    if (have == 10 && digits[0] == '9') {
        number[0] = '7';
        strcpy(number + 1, digits);
    } else if (have >= 11 && have <= PHONE_DIGITS) {
        strcpy(number, digits);
        if (have == 11 && digits[0] == '8')
            number[0] = '7';
    }
    return number[0] != '\0';
}

struct list {
    struct phone *out;
    size_t n;
};

static bool
has_number(const struct list *l, const char *number)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->out[i].number, number) == 0)
            return true;
    return false;
}

static void
add(struct list *l, const char *p, size_t n)
{
    struct phone *phone = &l->out[l->n];

    if (l->n == PHONE_MOST)
        return;
    if (normalise(p, n, phone->number) && has_number(l, phone->number))
        return;
    utf8_copy(phone->given, sizeof phone->given, p, n);
    l->n++;
}

/* Steps over blanks, then measures the word; 0 at the end. */
static size_t
word(const char **p, const char *end)
{
    const char *q;

    while (*p < end && is_blank(**p))
        (*p)++;
    for (q = *p; q < end && !is_blank(*q); q++)
        ;
    return (size_t)(q - *p);
}

/* True when the part is nothing but several numbers divided by blanks. */
static bool
words_are_numbers(const char *p, const char *end)
{
    char number[PHONE_DIGITS + 1];
    size_t n;

    while ((n = word(&p, end)) > 0) {
        if (!normalise(p, n, number))
            return false;
        p += n;
    }
    return true;
}

static void
add_part(struct list *l, const char *p, const char *end)
{
    char number[PHONE_DIGITS + 1];
    size_t n;

    while (p < end && is_blank(*p))
        p++;
    while (end > p && is_blank(end[-1]))
        end--;
    if (p == end)
        return;
    if (normalise(p, (size_t)(end - p), number) || !words_are_numbers(p, end)) {
        add(l, p, (size_t)(end - p));
        return;
    }
    while ((n = word(&p, end)) > 0) {
        add(l, p, n);
        p += n;
    }
}

size_t
phone_split(const char *field, struct phone out[PHONE_MOST])
{
    struct list l = { .out = out };
    const char *p = field;

    while (*p) {
        size_t n = strcspn(p, ",;/|");
        size_t plus = strcspn(p + (*p != '\0'), "+") + 1;

        if (plus < n)
            n = plus;
        add_part(&l, p, p + n);
        p += n;
        if (*p && *p != '+')
            p++;
    }
    return l.n;
}
