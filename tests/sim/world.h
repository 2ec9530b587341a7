/*
 * world.h - clients and workers that do at random what clients and workers do, for one seed.
 *
 * What is real here: a cpu worker ends its attempts in their order, an io worker in any; a poison
 * job never ends and kills what runs it; a worker that was told to die dies some time later, and
 * may still finish something before.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "tests/sim/chance.h"
#include "tests/sim/model.h"
#include "tests/sim/promise.h"
#include "tests/sim/store.h"

#define MS	INT64_C(1000000)

struct world {
	struct chance		 chance;
	struct core		*c;
	struct model		 m;
	struct submitter	*by;
	struct sim_store	 store;
	struct promises		 promises;
	uint64_t		 events;
	bool			 trace;

	/* what this seed is like */
	int			 queues, types, keys, tenants, limits, uniques;
	int			 poison_in, refuse_in, tell_in;	/* once in so many; 0: never */
	bool			 random_deaths, all_lanes;
	bool			 nobody_named;	/* dead workers do not say what ran there */
	bool			 failing;	/* attempts fail often */
	bool			 grouped;	/* there are groups */
	bool			 quick;		/* attempts are short: windows open */
	bool			 jumpy;		/* somebody sets the wall clock */
	int			 durable_in;	/* once in so many jobs are durable; 0: never */
	int			 crash_in, full_in;	/* about; 0: never */
	enum lane		 lane;

	/* queues that somebody watches */
	struct queue		*watched[MODEL_QUEUES];
	bool			 told[MODEL_QUEUES];
	int64_t			 held[MODEL_QUEUES];	/* when all was quiet last */

	/* what core has asked for, to come */
	uint64_t		 alone_asked[MODEL_ALONE];
	bool			 doomed[MODEL_WORKERS];
};

extern const char *const world_queues[MODEL_QUEUES], *const world_types[MODEL_TYPES];

/* Runs one seed; a violation aborts.  trace: say on stdout what happens. */
void world_run(uint64_t seed, unsigned steps, bool trace);
void trace(const struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

struct span world_queue(int queue);
/* What a new core is told of types, and of when jobs are tried again. */
void world_define_types(struct world *w);
void world_set_policies(struct world *w);

/* writer.c: on the way to the store, and back */
void write_submission(struct world *w, const struct model_job *j, const struct job *real,
    const struct jobspec *spec);
/* Core forgets it: the disk as well, if somebody asked for that. */
void write_forgotten(struct world *w, const struct job *real);
void on_record(struct world *w, const struct job *real, enum record what);
/* Time passes for the store, and what is done comes back. */
void do_store(struct world *w);

/* crash.c */
void do_crash(struct world *w);
void do_stop(struct world *w);
/* Once in so many times of what this seed is like. */
void maybe_crash(struct world *w, int often);

/* operator.c: what an operator changes */
void random_limits(struct world *w);
void do_operate(struct world *w);
/* A new core is told what operators have set. */
void set_again(struct world *w);
/* No queue is held up any more. */
void resume_all(struct world *w);
void on_queue(struct world *w, const struct queue *q);
/* Were all told of that watch a queue in which something became less? */
void check_watches(struct world *w);

/* clients.c */
/* Each member is said once in so many times; 0: always. */
struct model_retry random_retry(struct world *w, int says_nothing_in);
struct retry_policy real_retry(const struct model_retry *r);
extern const char *const world_tenants[MODEL_TENANTS];
void do_submit(struct world *w);
/* The job that reduces a group; NULL: as many wait as may. */
struct job *submit_reduce(struct world *w, int group);
void do_cancel(struct world *w);
/* May one more wait? */
enum room room(struct world *w, const struct model_job *j);

/* life.c */
/* Holds, releases, changes, runs again or forgets something. */
void do_life(struct world *w);
/* Whatever waits for somebody to act is let go. */
void do_let_go(struct world *w);
/* NULL: the dice fell on none. */
struct model_job *random_known_job(struct world *w);

/* groups.c */
void do_group(struct world *w);
/* One that takes members, for a new job; -1: none. */
int open_group(struct world *w);
void do_reduce(struct world *w);
void close_groups(struct world *w);
bool groups_left(const struct world *w);

/* workers.c */
struct model_worker *worker(struct world *w, int number);
void do_worker_up(struct world *w);
void do_retire(struct world *w);
void do_death(struct world *w);
/* Those that core had killed, or that were stopped with threads that never came back. */
void do_dooms(struct world *w);
/* Workers for jobs alone: some come, some cannot be started. */
void do_alone(struct world *w);
/* One attempt ends, or its worker dies of it. */
void do_end(struct world *w);
void do_relane(struct world *w);
/* A worker that lives has an attempt no more. */
void do_lose(struct world *w);
/* Workers take so many attempts more, and in the end any number. */
void do_credit(struct world *w);
void uncount_credit(struct world *w);
void end_attempt(struct world *w, struct model_attempt *at, enum attempt_end end);

#endif
