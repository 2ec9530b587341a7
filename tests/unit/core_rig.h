/*
 * core_rig.h - a core, the clock that it is told, and one who submits: for tests of a part of it.
 *
 * A world has no workers but those that its test offers.
 */
#ifndef UNIT_CORE_RIG_H
#define UNIT_CORE_RIG_H

#include "tests/unit/unit.h"

#include <string.h>

#include "daemon/broker/core/core.h"

#define MS	INT64_C(1000000)

struct seen;			/* what a test notes of effects; its own */

struct world {
	struct core		*c;
	struct core_time	 now;
	struct submitter	*by;
	struct type		*type;		/* "work" */
	uint64_t		 next_id;	/* 1 at first */
	struct seen		*seen;		/* from malloc, or NULL; freed with the world */
};

/* Room for many jobs, of which the last 100 that ended are kept; one attempt each. */
extern const struct core_config	world_config;

struct world *world_open(const struct core_config *cfg);
/* Set-up with world_config, and tear-down of any. */
int world_set_up(void **state);
int world_tear_down(void **state);

static inline struct span
span(const char *s)
{
	return (struct span){ s, s == NULL ? 0 : strlen(s) };
}

/* A type of this name and no more. */
struct type *world_define(struct world *w, const char *name);
/* Must be accepted.  Queue "default" and arguments null where the spec has none. */
struct job *world_submit(struct world *w, struct type *type, enum lane lane, struct jobspec spec);
/* Time goes on, and core is told. */
void world_pass(struct world *w, int64_t ms);
/* An attempt ends so, with the result 1. */
void world_done(struct world *w, struct attempt *at, enum attempt_end end);

#endif
