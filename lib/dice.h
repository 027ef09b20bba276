/*
 * dice: chance that needs no secrecy: to pick a text, to spread retries.
 */
#ifndef MBEV_DICE_H
#define MBEV_DICE_H

#include <stdint.h>

/* The next number; *state is any number but 0 at the start (xorshift32). */
uint32_t dice_roll(uint32_t *state);

#endif
