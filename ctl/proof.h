/*
 * proof: whether what was installed works: functions, tables, triggers, their
 * definer, the rights of the service, and a change that is captured.
 */
#ifndef MBEV_CTL_PROOF_H
#define MBEV_CTL_PROOF_H

#include "admin.h"

/* Looks, and prints what it finds. EX_OK, or 1 when something has failed. */
int proof_run(const struct admin *a);

/* The settings of the server that installing would refuse, or that somebody
 * should know of; printed. False when one forbids it. */
bool proof_server(const struct admin *a);

#endif
