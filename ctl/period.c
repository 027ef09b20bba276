/* period: see period.h. */
#include "period.h"

#include "civil.h"

#include <stdio.h>
#include <string.h>

size_t
period_join(const struct ctl *ctl, int at, char *out, size_t size)
{
    size_t n = 0;

    out[0] = '\0';
    for (int i = at; i < ctl->argc && ctl->argv[i][0] != '-'; i++) {
        size_t used = strlen(out);

        snprintf(out + used, size - used, "%s%s", n++ ? " " : "", ctl->argv[i]);
    }
    return n;
}

/* Of a day without a time, or a minute without seconds, the first or the last
 * second. */
static bool
read_time(const char *words, const char *rest, char *out)
{
    static const char form[] = "0000-00-00 00:00:00";
    char text[PERIOD_TIME + sizeof form];
    char buf[CIVIL_TEXT];
    struct civil at;
    size_t n = strlen(words);

    if (n != 10 && n != 16 && n != 19)
        return false;
    snprintf(text, sizeof text, "%s%s", words, rest + n);
    if (!civil_parse(&at, text))
        return false;
    snprintf(out, PERIOD_TIME, "%.19s", civil_print(&at, buf));
    return true;
}

bool
period_read_from(struct period *p, const char *words)
{
    return read_time(words, "0000-00-00 00:00:00", p->from);
}

bool
period_read_to(struct period *p, const char *words)
{
    return read_time(words, "0000-00-00 23:59:59", p->to);
}
