/* low: see low.h. */
#include "low.h"

enum {
    RIPE_US = 2 * 1000000,
    FIRST_PAUSE_US = 1000000,
    LONGEST_PAUSE_US = 30 * 1000000,
    PARTS = 10, /* one of them for sweeps */
};

int64_t
low_pause_us(int64_t took_us)
{
    int64_t us = took_us * PARTS;

    if (us < FIRST_PAUSE_US)
        return FIRST_PAUSE_US;
    return us < LONGEST_PAUSE_US ? us : LONGEST_PAUSE_US;
}

uint64_t
low_from(struct low *low, int64_t now_us)
{
    if (low->next_id > 0 && now_us >= low->next_us) {
        low->id = low->next_id;
        low->next_id = 0;
    }
    return now_us >= low->sweep_us ? 0 : low->id;
}

void
low_was_read(struct low *low, uint64_t from, int64_t begun_us, int64_t now_us)
{
    if (from == 0)
        low->sweep_us = now_us + low_pause_us(now_us - begun_us);
}

void
low_took(struct low *low, uint64_t first, uint64_t last, int64_t age_us,
    int64_t now_us)
{
    /* A sweep found what was committed late: there may be more of it. */
    if (first <= low->id) {
        low->id = first - 1;
        low->next_id = 0;
    }
    if (low->next_id > 0 && age_us < RIPE_US)
        return;
    low->next_id = last;
    low->next_us = age_us < RIPE_US ? now_us + RIPE_US - age_us : now_us;
}

void
low_forget(struct low *low)
{
    *low = (struct low){ 0 };
}
