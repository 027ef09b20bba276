/* dice: see dice.h. */
#include "dice.h"

uint32_t
dice_roll(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}
