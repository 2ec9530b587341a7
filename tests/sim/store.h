/*
 * store.h - a store that is not there: it commits in batches, some time later; a full disk refuses
 * what it may refuse; and a crash takes from it what it had not yet committed.
 *
 * Beside what core wants to have written it keeps what the model says should be written.  After a
 * crash the one makes the new core, the other the new model, and both must agree.
 */
#ifndef SIM_STORE_H
#define SIM_STORE_H

#include "daemon/broker/store/store.h"
#include "tests/sim/chance.h"
#include "tests/sim/model.h"

#define SIM_ID_BLOCK	16	/* ids reserved ahead at once */

/* A job, as it is on the disk. */
struct sim_row {
	struct model_job	 job;		/* by the rules */
	struct saved		*saved;		/* by core, saved.h; NULL: none */
	struct core_time	 written;	/* when */
	bool			 live;		/* else history */
};

struct sim_op {
	struct sim_op		*next;
	enum store_verb		 verb;
	enum store_result	 result;	/* once it has come back */
	enum record		 record;	/* which EFFECT_RECORD it is; NONE: of no such */
	uint64_t		 id;		/* of a job or a group; an id block ends before it */
	struct sim_row		 row;		/* not of FORGET and DELETE */
	struct model_group	 group;		/* PUT */
	bool			 ids;		/* PUT: reserves ids, and no group */
};

struct sim_ops {
	struct sim_op		*first, **last;
	int			 len;
};

struct sim_store {
	/* the disk */
	struct sim_row		*rows;		/* by id */
	int			 rows_len, rows_cap;
	struct model_group	 groups[MODEL_GROUPS];
	int			 groups_len;
	uint64_t		 ids_end;	/* below it ids may be in use */
	uint32_t		 boot;
	/* the process */
	struct sim_ops		 waiting, done;
	int			 batch, batch_events;	/* being committed, and for how long yet */
	bool			 full;
	int			 reserve;	/* operations that a full disk still takes */
	uint64_t		 next_id, ids_asked;
	uint64_t		 commits;
};

void sim_store_init(struct sim_store *s);
void sim_store_fini(struct sim_store *s);

/* Takes op (allocated by the caller). */
void sim_store_put(struct sim_store *s, struct sim_op *op);
/* Time passes for it: an event happened somewhere. */
void sim_store_run(struct sim_store *s, struct chance *r);
/* What has come back, in the order of sim_store_put; the caller's, ended with sim_op_free. */
struct sim_op *sim_store_done(struct sim_store *s);
void sim_op_free(struct sim_op *op);
/* Commits everything, if the disk lets it. */
void sim_store_flush(struct sim_store *s);
bool sim_store_idle(const struct sim_store *s);
/* 0: none is reserved. */
uint64_t sim_store_next_id(struct sim_store *s);

/* The process is gone: what was not committed never happened.  The next one begins. */
void sim_store_crash(struct sim_store *s);

/* NULL: the disk does not know it. */
struct sim_row *sim_store_row(const struct sim_store *s, uint64_t id);

#endif
