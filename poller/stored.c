/* stored: see stored.h. */
#include "stored.h"

#include "actions/sms.h"
#include "utf8.h"

struct delivery *
stored_read(const struct db_rows *rows)
{
    struct delivery *d = delivery_make(sms_action, db_col(rows, 8));

    if (!d)
        return NULL;
    d->id = db_uint(rows, 0);
    d->event_id = db_uint(rows, 1);
    d->epoch = db_uint(rows, 2);
    d->attempts = (unsigned)db_uint(rows, 3);
    d->receiver = (unsigned)db_uint(rows, 4);
    d->sms_log_id = db_uint(rows, 5);
    d->uid = db_uint(rows, 6);
    utf8_copy(d->address, sizeof d->address, db_col(rows, 7), db_len(rows, 7));
    delivery_set_key(d, db_col(rows, 9));
    return d;
}
