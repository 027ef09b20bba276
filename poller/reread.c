/* reread: see reread.h. */
#include "reread.h"

#include <errno.h>

bool
reread_is_same(json_object *json, const char *text)
{
    json_object *again;
    bool same;

    errno = 0;
    again = json_tokener_parse(text);
    same = errno != ENOMEM && json_object_equal(json, again);
    json_object_put(again);
    if (!same)
        errno = ENOMEM;
    return same;
}
