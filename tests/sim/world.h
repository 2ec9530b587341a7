/*
 * world.h - clients and workers that do at random what clients and workers do, for one seed.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

/* Runs one seed; a violation aborts.  trace: say on stdout what happens. */
void world_run(uint64_t seed, unsigned steps, bool trace);

#endif
