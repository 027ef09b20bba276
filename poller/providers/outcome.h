/*
 * outcome: what became of a call to a provider.
 *
 * The class decides what happens next:
 *   accepted       done
 *   transient      tried again after a pause
 *   permanent      dead: this message will never be taken
 *   configuration  the account, not the message, is at fault (key, money,
 *                  sender): the channel is held, no attempt is counted
 *   unknown        the provider may have taken it: it is asked, where it can
 *                  be; else doubtful
 *   absent         asked, the provider has no such message: it may be sent
 *   duplicate      refused, because the provider has a receipt of this number
 *                  already: ours, when the same bytes went out before, else
 *                  somebody else's; provider_id is its number if it was told
 */
#ifndef MBEV_OUTCOME_H
#define MBEV_OUTCOME_H

enum outcome_class {
    OUTCOME_ACCEPTED,
    OUTCOME_TRANSIENT,
    OUTCOME_PERMANENT,
    OUTCOME_CONFIGURATION,
    OUTCOME_UNKNOWN,
    OUTCOME_ABSENT,
    OUTCOME_DUPLICATE,
};

enum {
    OUTCOME_CODE = 32,
    OUTCOME_TEXT = 1023,
    OUTCOME_ID = 64,
    OUTCOME_STATE = 32,
};

struct outcome {
    enum outcome_class class;
    long retry_after_s; /* the provider wants to be left alone so long; 0 = it
                           does not say */
    char code[OUTCOME_CODE + 1];      /* the provider's error code, or "" */
    char words[OUTCOME_TEXT + 1];     /* the provider's own words, or "" */
    char why[OUTCOME_TEXT + 1];       /* what happened, for the operator */
    char provider_id[OUTCOME_ID + 1]; /* the provider's number, or "" */
    char state[OUTCOME_STATE + 1];    /* its word for how far it is, or "" */
};

/* As it stands in delivery.error_class; NULL for accepted. */
const char *outcome_class_name(enum outcome_class class);

#endif
