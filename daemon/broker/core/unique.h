/*
 * unique.h - unique keys: while a job holds one, a submission under it is that job again.
 *
 * A key is held until its job has ended, or for so long from the submission, whatever becomes of
 * the job.  core/ does not submit: whoever does asks core_unique_find first, and says with
 * core_unique_hold what the job that it then made holds.
 */
#ifndef CORE_UNIQUE_H
#define CORE_UNIQUE_H

#include "daemon/broker/core/job.h"

struct core;
struct core_time;

#define UNIQUE_HASH_BYTES	16
#define UNIQUE_MEMBERS		24

/* What was submitted, shortened by the caller: the same if both are; and of each member a few bits,
 * to say which is not. */
struct unique_print {
	uint8_t		hash[UNIQUE_HASH_BYTES];
	uint8_t		members[UNIQUE_MEMBERS];
};

struct unique {
	struct job	*job;		/* NULL: it has ended and is forgotten */
	uint64_t	 job_id;
	struct heap_node timer;
	int64_t		 until_ns;	/* CLOCK_MONOTONIC; 0: until its job has ended */
	struct unique_print print;
	uint8_t		 state;		/* without a job: what it came to */
	bool		 durable;	/* the job is, or was */
	bool		 held;		/* the job has it, or its time is not over */
	uint32_t	 key_len;
	char		 key[];		/* NUL-terminated; it holds no NUL itself */
};

struct unique_claim {
	struct span	 key;
	int64_t		 until_ns;	/* 0: until the job has ended */
	struct unique_print print;
};

/* Who holds the key; NULL: nobody. */
const struct unique *core_unique_find(const struct core *c, struct core_time now, struct span key);
/*
 * The job, new or read from the disk, has this key, and holds it if it still may; it is nobody's,
 * or that of the same job, which was forgotten here.
 */
void core_unique_hold(struct core *c, struct core_time now, struct job *j,
    const struct unique_claim *claim);
/* So does a durable one that has ended as `state`, unless it is here and holds it already. */
void core_unique_restore(struct core *c, struct core_time now, uint64_t id, enum job_state state,
    const struct unique_claim *claim);

#endif
