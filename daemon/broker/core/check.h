/* check.h - what the checks of core's structures share. */
#ifndef CORE_CHECK_H
#define CORE_CHECK_H

#include "daemon/broker/core/core_internal.h"

#define must(condition, j) do { \
		if (!(condition)) \
			check_broken(#condition, __FILE__, __LINE__, j); \
	} while (0)

/* Says which condition does not hold, and aborts. */
void check_broken(const char *what, const char *file, int line, const struct job *j)
    __attribute__((noreturn));
/* check_turns.c: flows, rows, stalls, seats, benches and gates; how many jobs are in line. */
uint64_t check_turns(const struct core *c);

#endif
