/* chance.h - random numbers that a seed decides. */
#ifndef SIM_CHANCE_H
#define SIM_CHANCE_H

#include <stdbool.h>
#include <stdint.h>

struct chance {
	uint64_t	state;
};

/* splitmix64 */
static inline uint64_t
chance_bits(struct chance *c)
{
	uint64_t	z = c->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* 0 .. n - 1 */
static inline int
below(struct chance *c, int n)
{
	return n <= 0 ? 0 : (int)(chance_bits(c) % (uint64_t)n);
}

/* Once in n times. */
static inline bool
once_in(struct chance *c, int n)
{
	return below(c, n) == 0;
}

#endif
