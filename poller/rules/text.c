/* text: see text.h. */
#include "rules/text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* One step through a template: either literal bytes or a field. */
struct piece {
    const char *p;
    size_t n;
    bool field;
    bool broken; /* a brace is not closed */
};

/* Reads the piece at *at and moves on; false at the end. */
static bool
next_piece(const char **at, struct piece *piece)
{
    const char *p = *at;

    *piece = (struct piece){ .p = p };
    if (*p == '\0')
        return false;
    if (p[0] == '{' && p[1] == '{') {
        piece->n = 1;
        *at = p + 2;
    } else if (p[0] == '{') {
        piece->p = p + 1;
        piece->n = strcspn(p + 1, "{}");
        piece->field = true;
        piece->broken = p[1 + piece->n] != '}';
        *at = p + 1 + piece->n + !piece->broken;
    } else {
        piece->n = strcspn(p, "{");
        *at = p + piece->n;
    }
    return true;
}

static bool
listed(const char *fields, const char *name, size_t n)
{
    while (*fields) {
        size_t len = strcspn(fields, " ");

        if (len == n && strncmp(fields, name, n) == 0)
            return true;
        fields += len + (fields[len] == ' ');
    }
    return false;
}

const char *
text_check(const char *template, const char *fields)
{
    static char what[256];
    struct piece piece;

    while (next_piece(&template, &piece)) {
        if (!piece.field)
            continue;
        if (piece.broken)
            return "a { is not closed; a brace itself is written {{";
        if (listed(fields, piece.p, piece.n))
            continue;
        snprintf(what, sizeof what, "unknown field {%.*s}; there are: %s",
            (int)(piece.n < 40 ? piece.n : 40), piece.p, fields);
        return what;
    }
    return NULL;
}

static const char *
value_of(const struct piece *piece, const struct text_field *fields, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strlen(fields[i].name) == piece->n &&
            strncmp(fields[i].name, piece->p, piece->n) == 0)
            return fields[i].value;
    return "";
}

void
text_render(struct bytes *out, const char *template,
    const struct text_field *fields, size_t n)
{
    struct piece piece;

    while (next_piece(&template, &piece)) {
        if (piece.field)
            bytes_str(out, value_of(&piece, fields, n));
        else
            bytes_add(out, piece.p, piece.n);
    }
}
