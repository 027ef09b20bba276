/*
 * hash: fingerprints of texts, the same on every machine and in every
 * version: they are stored.
 */
#ifndef MBEV_HASH_H
#define MBEV_HASH_H

#include <stdint.h>

/* FNV-1a, 64 bits. */
uint64_t hash_text(const char *text);

#endif
