/*
 * test_send: one real exchange with a provider, as the service would have it.
 */
#ifndef MBEV_TEST_SEND_H
#define MBEV_TEST_SEND_H

#include "ctl.h"

/* mbevctl test sms | social | smspilot | smsc PHONE [TEXT]: sends one message,
 * once the operator has said yes; with --dry-run it only shows the request. */
int test_send(struct ctl *ctl);

/* Asks komtet for the state of our queue of tills, which makes no receipt. */
int test_komtet(struct ctl *ctl);

#endif
