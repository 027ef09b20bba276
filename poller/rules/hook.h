/*
 * hook: the arguments with which MikBill calls the shell files of its events.
 *
 *   most      local IP, uid, IP and port of the switch, its SNMP community and
 *             port, the number of its device type, MAC; of money also the sum
 *             and the type of the payment
 *   real IP   local IP, uid, IP of the switch, community, SNMP port, device
 *             type, port
 *
 * What is not known is "". Nothing but letters, digits and . : _ - gets
 * through: shell files are seldom careful.
 */
#ifndef MBEV_HOOK_H
#define MBEV_HOOK_H

#include "program.h"
#include "rules/facts.h"

enum { HOOK_TEXT = 64 };

struct hook_args {
    char text[PROGRAM_ARGS][HOOK_TEXT];
    size_t n;
};

/* The arguments for an event. */
void hook_arguments(struct hook_args *out, const struct facts *facts);

#endif
