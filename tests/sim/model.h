/*
 * model.h - the scheduler's rules a second time, written as simply as possible: flat arrays, and a
 * look at everything whenever something is to be decided.  It decides nothing itself where the
 * rules leave a choice: it is told what core did, says whether that was allowed, and what must have
 * happened besides.
 */
#ifndef SIM_MODEL_H
#define SIM_MODEL_H

#include "daemon/broker/core/core.h"

#define MODEL_JOBS	4096
#define MODEL_ATTEMPTS	512		/* at once */
#define MODEL_WORKERS	24
#define MODEL_QUEUES	5
#define MODEL_TYPES	7
#define MODEL_POOLS	4
#define MODEL_PLUGINS	1		/* the pool of plugins, */
#define MODEL_EXEC	2		/* that of commands */
#define MODEL_LANGUAGE	3		/* and one of language workers */
#define MODEL_PLACES	(MODEL_POOLS * LANES)	/* LANES times the pool, and the lane */
#define MODEL_SLOT_NS	INT64_C(10000000)	/* a window may keep a wanted CPU slot so long */
#define MODEL_KEYS	4
#define MODEL_TENANTS	4
#define MODEL_LIMITS	3		/* limit keys */
#define MODEL_UNIQUES	4		/* unique keys */
#define MODEL_STARTS	8192		/* under one rate */
#define MODEL_GROUPS	64
#define MODEL_ALONE	2		/* workers for jobs alone, at once */
#define MODEL_PARENTS	3
#define NEVER		INT64_MAX

struct model_attempt;

struct model_retry {
	int64_t	value[RETRY_MEMBERS];	/* -1: says nothing; the factor in thousandths */
};

/* How an attempt ended, as its worker says. */
struct model_end {
	enum attempt_end	end;
	enum failure_kind	kind;
	bool			final;
	int64_t			retry_after_ms;	/* 0: not said */
};

struct model_job {
	uint64_t		 id;
	int			 queue, type, priority, key;	/* key -1: none */
	int			 tenant, limit;			/* limit -1: none */
	enum lane		 lane;
	bool			 asks;				/* for its lane */
	enum on_lost		 on_lost;
	int64_t			 due_ns, ttl_ns, timeout_ms;	/* NEVER: none; due 0: at once */
	int64_t			 bytes;				/* of arguments */
	bool			 poison;			/* kills the worker that runs it */
	struct model_retry	 retry;
	bool			 held, blocks, despite;
	uint64_t		 after[MODEL_PARENTS];		/* 0: that parent is not waited for */
	uint64_t		 after_all[MODEL_PARENTS];	/* as submitted */
	int			 after_len;

	enum job_state		 state;
	enum job_reason		 reason;			/* of the last transition */
	enum failure_kind	 kind;
	uint64_t		 place;				/* in line; 0: none yet */
	int			 suspicions, attempts, failures, beside;
	bool			 unknown_due;			/* core has chosen a delay */
	int64_t			 retry_after_ms;
	int64_t			 tied_ns;			/* the time that made it ready */
	uint64_t		 line_place;			/* among those with its order key */
	bool			 blocking;			/* failed, and keeps its order key */
	bool			 forget_asked, forget_due, aside;
	bool			 begun, cancel_asked, alone_asked;
	bool			 durable;
	bool			 unstored;	/* its submission is not on disk: it does not run */
	bool			 ending;	/* how it ends is known, and not on disk */
	bool			 again;		/* unstored, and it had ended before, so: */
	enum job_state		 end_before;
	bool			 blocked_before, end_blocks;
	enum failure_kind	 kind_before;
	bool			 marked, marking;	/* that it may have begun is, or will be */
	enum record		 record_due;		/* what is to be written down */
	enum job_state		 end_state;		/* ending */
	enum job_reason		 end_reason;
	enum failure_kind	 end_kind;
	int			 group;				/* -1: none */
	bool			 reduces;			/* it, and is no member */
	bool			 group_told;			/* to end, with it */
	struct model_attempt	*attempt;
	int			 unique;			/* its unique key; -1: none */
	int64_t			 unique_until_ns;		/* 0: held until it ends */
	bool			 announced, forgotten;
	int64_t			 announced_ns, kept_bytes;
	uint64_t		 announced_order;
	/* by queue: it had a turn while this one could */
	bool			 unfair[MODEL_QUEUES];
	/* by tenant: starts that it had while this one could */
	uint32_t		 passed[MODEL_TENANTS];
};

/* A rate, and all starts under it. */
struct model_rate {
	uint32_t	 milli, burst;		/* milli 0: none */
	int64_t		 starts[MODEL_STARTS];
	int		 len;
	int64_t		 next_ns;		/* the next may begin then */
};

struct model_queue {
	uint32_t		 limit, tenant_limit, key_limit;
	int64_t			 max_jobs, max_bytes;
	bool			 paused, draining;
	uint32_t		 weights[MODEL_TENANTS];
	struct model_rate	 rate;
};

struct model_attempt {
	struct model_job	*job;		/* NULL: free */
	struct attempt		*real;
	uint64_t		 number;	/* order of start, over all */
	int			 worker;	/* index; -1: inline */
	enum lane		 lane;		/* its job's, then, or where it was put since */
	int			 takes;		/* enum model_takes */
	int64_t			 deadline_ns, grace_ns;		/* NEVER: none */
	bool			 told, by_timeout, tell_due, stuck;
	enum job_reason		 why;		/* told, not by time */
};

/* Of which slots a start takes one, that all pools share. */
enum model_slots { MODEL_NO_SLOT, MODEL_CPU_SLOT, MODEL_WAITING_SLOT };

struct model_worker {
	int		 pool;
	int64_t		 slot_ns;		/* fifo: since when it has one */
	bool		 up, fifo, killable, retired, killed, refused, kill_due, idle_due, idle_said;
	uint32_t	 slots[LANES];
	uint32_t	 credit;		/* or CORE_CREDIT_ANY */
	uint64_t	 alone_for;
	int64_t		 refused_until_ns;	/* NEVER: until something ends there */
};

enum model_alone_state { MODEL_FREE, MODEL_ASKED, MODEL_UP, MODEL_COOLING };

struct model_alone {
	enum model_alone_state state;
	uint64_t	 job_id;		/* for which it was asked for */
	bool		 waiting;		/* that job still waits for it */
	enum model_slots takes;			/* meanwhile */
	int		 worker;
	int64_t		 retry_ns;
};

struct model_group {
	uint64_t		 number, reduce_id;
	char			 name[16];
	uint32_t		 max_running;
	int64_t			 max_fails;
	bool			 reduces, forgotten;
	enum group_state	 state, stopped;
	bool			 reduce_due, told_due;	/* effects to come */
	bool			 reduce_asked;		/* the world has the effect */
	int64_t			 forget_ns;
};

struct model {
	struct core_config	 cfg;
	struct core_time	 now;
	struct model_job	 jobs[MODEL_JOBS];
	/* below jobs_first all are forgotten */
	int			 jobs_len, jobs_first;
	struct model_attempt	 attempts[MODEL_ATTEMPTS];
	int			 attempts_end;			/* from there on all are free */
	struct model_worker	 workers[MODEL_WORKERS];
	struct model_alone	 alone[MODEL_ALONE];
	struct type		*types[MODEL_TYPES];		/* core's: what was measured */
	int			 type_pool[MODEL_TYPES];
	int64_t			 type_grace_ms[MODEL_TYPES];	/* 0: as configured */
	uint32_t		 slots[3];			/* by enum model_slots; 0: any number */
	struct model_queue	 queues[MODEL_QUEUES];
	uint32_t		 type_limit[MODEL_TYPES];
	struct model_rate	 type_rate[MODEL_TYPES];
	int			 moved_to[MODEL_TYPES][LANES];	/* 1 + enum lane; 0: there */
	struct model_retry	 type_retry[MODEL_TYPES], queue_retry[MODEL_QUEUES], retry;
	struct model_group	 groups[MODEL_GROUPS];
	int			 groups_len;
	const struct core	*core;				/* to see what chance has chosen */
	uint64_t		 places, line_places, starts, announcements;
	/* since core is there */
	uint64_t		 finished[JOB_STATES], crashes, submitted;
};

#define for_jobs(m, j) \
	for (struct model_job *j = (m)->jobs + (m)->jobs_first; j < (m)->jobs + (m)->jobs_len; j++)
#define for_attempts(m, at) \
	for (struct model_attempt *at = (m)->attempts; at < (m)->attempts + (m)->attempts_end; at++) \
		if (at->job != NULL)

#define for_groups(m, g) \
	for (struct model_group *g = (m)->groups; g < (m)->groups + (m)->groups_len; g++)

/* What is wrong, with the model's view; does not return. */
void model_violation(const struct model *m, const char *fmt, ...)
    __attribute__((noreturn, format(printf, 2, 3)));

/* ---- questions ---- */

struct model_job *model_job(struct model *m, uint64_t id);
bool model_finished(const struct model_job *j);
bool model_waiting(const struct model_job *j);
/* Is it this job's turn inside its order key? */
bool model_open(const struct model *m, const struct model_job *j);
uint32_t model_type_running(const struct model *m, int type);
uint32_t model_queue_running(const struct model *m, int queue);
uint32_t model_tenant_running(const struct model *m, const struct model_job *j);
uint32_t model_limit_running(const struct model *m, const struct model_job *j);
bool model_type_full(const struct model *m, int type);
bool model_queue_full(const struct model *m, int queue);
bool model_tenant_full(const struct model *m, const struct model_job *j);
bool model_limit_full(const struct model *m, const struct model_job *j);
/* Its rate lets nothing start at this moment. */
bool model_dry(const struct model *m, const struct model_rate *r);
/* What waits in a queue. */
int64_t model_queue_jobs(const struct model *m, int queue);
int64_t model_queue_bytes(const struct model *m, int queue);
/* A new rate: what was before does not count. */
void model_rate_set(struct model_rate *r, struct rate rate);
/* Ready, its turn, and below its limits: it runs as soon as there is a worker. */
bool model_eligible(const struct model *m, const struct model_job *j);
uint32_t model_used(const struct model *m, int worker, int lane);	/* lane -1: all */
struct model_attempt *model_head(struct model *m, int worker);
/* Where it waits for a worker: the lane of its pool. */
int model_place(const struct model *m, const struct model_job *j);
/* The same, or one of those where jobs wait that must run alone. */
int model_line(const struct model *m, const struct model_job *j);
/* What a start there takes. */
enum model_slots model_slots_of(int place);
uint32_t model_slots_used(const struct model *m, enum model_slots which);
bool model_slots_full(const struct model *m, enum model_slots which);
/* Can this worker take one more at this place, without any other's slot? */
bool model_has_room(const struct model *m, int worker, int place);
/* Must it give its slot to others before it takes more? */
bool model_yields(struct model *m, int worker);
/* It has had its slot so long that it may: core sees more that might want one than there is. */
bool model_may_yield(const struct model *m, int worker);
/* Is this worker one of those that serve a place? */
bool model_serves(const struct model_worker *w, int place);
/* May this worker take this job now? */
bool model_takes(struct model *m, int worker, const struct model_job *j);
int model_alone_free(const struct model *m);
/* The worker that was asked for, for this job. */
struct model_alone *model_alone_of(struct model *m, const struct model_job *j);

/* ---- events: what the rules say happens then ---- */

struct model_job *model_submit(struct model *m, const struct model_job *as);
void model_tick(struct model *m);
void model_cancel(struct model *m, struct model_job *j);
/* All that waits in the queue ends. */
void model_purge(struct model *m, int queue);
void model_cancel_because(struct model *m, struct model_job *j, enum job_reason why);
void model_done(struct model *m, struct model_attempt *at, const struct model_end *end);
void model_refused(struct model *m, struct model_attempt *at);
void model_attempt_lost(struct model *m, struct model_attempt *at);
void model_worker_up(struct model *m, int worker, const struct worker_offer *offer);
void model_relane(struct model *m, struct model_attempt *at, enum lane lane);
void model_worker_retire(struct model *m, int worker);
void model_worker_lost(struct model *m, int worker,
    enum suspicion (*suspect)(void *ctx, const struct job *j),
    void *ctx);
void model_alone_failed(struct model *m, uint64_t job_id);

/* It takes what a start takes of its rates. */
void model_take(struct model *m, const struct model_job *j);
/* A type's jobs that were routed to one lane go to another. */
void model_move(struct model *m, int type, enum lane from, enum lane to);
/* Its jobs that wait go to another pool; those that run stay. */
void model_repool(struct model *m, int type, int pool);
/* Jobs that got in line since the last call go where their type has moved. */
void model_lanes(struct model *m);
/* It ran in the caller, at once. */
void model_inline(struct model *m, struct model_job *j);

/* It runs now: its deadline, or the grace, begins. */
void model_becomes_head(struct model *m, struct model_attempt *at);
/* A place for a worker that runs a job alone is free again. */
void model_alone_gone(struct model *m, int worker);

/* ---- between attempts (model_life.c) ---- */

/* Another attempt follows this failure: then the job waits for it. */
bool model_retried(struct model *m, struct model_job *j, const struct model_end *end);
/* What core has chosen: is it within its bounds? */
void model_learn(struct model *m, const struct core *c);

/* ---- groups (model_group.c) ---- */

struct model_group *model_group(struct model *m, const struct group *real);
uint32_t model_group_running(const struct model *m, int group);
/* Is the gate of its group closed, by its limit, or because it is stopped? */
bool model_group_full(const struct model *m, const struct model_job *j);
bool model_group_stopped(const struct model *m, const struct model_job *j);
bool model_group_takes(const struct model *m, int group);
/* A job has ended; and was announced. */
void model_group_finished(struct model *m, const struct model_job *j);
void model_group_announced(struct model *m, const struct model_job *j);
void model_groups_run(struct model *m);
void model_group_reduced(struct model *m, struct model_group *g, bool any);
void model_group_reduce(struct model *m, const struct group *real);
void model_group_told(struct model *m, const struct group *real);
void model_group_forgotten(struct model *m, const struct group *real);
void judge_groups(struct model *m, const struct core *c);
void judge_groups_quiet(struct model *m);

/* ---- unique keys (model_unique.c) ---- */

struct span model_unique_key(int key);
bool model_holds_unique(const struct model *m, const struct model_job *j);
/* Who does; NULL: nobody. */
struct model_job *model_unique_holder(struct model *m, int key);
/* Does core say the same of each key? */
void judge_uniques(struct model *m, const struct core *c);

/* What it takes while it waits. */
int64_t model_job_bytes(const struct model_job *j);
/* Is there anything but its turn to wait for? */
bool model_must_wait(const struct model_job *j);
int model_parents_left(const struct model_job *j);
/* Does a failed job hold up this one's order key? */
bool model_key_blocked(const struct model *m, const struct model_job *j);
/* Others stand behind this failed job. */
bool model_blocks_others(const struct model *m, const struct model_job *j);
bool model_failure_blocks(const struct model *m, const struct model_job *j);
void model_unblock(struct model *m, struct model_job *j);
/* The end of this job was told. */
void model_tell_children(struct model *m, const struct model_job *parent);
/* One that is submitted behind parents whose end was told already. */
void model_check_parents(struct model *m, struct model_job *j);
int model_hold(struct model *m, struct model_job *j);
int model_release(struct model *m, struct model_job *j);
int model_amend(struct model *m, struct model_job *j, const struct amendment *am);
int model_retry(struct model *m, struct model_job *j, bool room);
int model_forget_asked(struct model *m, struct model_job *j);

/* Moves of model.c that the others need. */
void model_finish(struct model *m, struct model_job *j, enum job_state state,
    enum job_reason reason, enum failure_kind kind);
void model_line_up(struct model *m);
/* It does not wait for a worker of its own any more. */
void model_withdraw_alone(struct model *m, struct model_job *j);

/* The end itself, once nothing is in its way. */
void model_end_now(struct model *m, struct model_job *j, enum job_state state,
    enum job_reason reason, enum failure_kind kind);

/* ---- durable jobs (model_store.c) ---- */

/* Is it neither being written down for the first time, nor for the last? */
bool model_record_open(const struct model_job *j);
/* Nothing more can be asked of it. */
bool model_over(const struct model_job *j);
/* This of a durable job is to be written down. */
void model_want(struct model_job *j, enum record what);
/* It was given out to be written down; what is written by the rules. */
struct model_job model_record(struct model *m, const struct job *real, enum record what);
/* For a submission. */
struct model_job model_snapshot(const struct model_job *j, enum record what);
/* Jobs that were next, and are written down before they start. */
void model_learn_marks(struct model *m, const struct core *c);
/* It is on disk; or the disk was full. */
void model_stored(struct model *m, struct model_job *j);
void model_unstored(struct model *m, struct model_job *j);
void model_recorded(struct model *m, struct model_job *j, enum record what);
/* The daemon stops, and what runs is ready again. */
void model_give_up(struct model *m);
/* The process is gone, with all that was in it: what is left are settings. */
void model_crash(struct model *m);

/* A job of the disk is there again. */
struct model_found {
	struct model_job	 job;		/* as it was written down */
	bool			 live;
	struct core_time	 written;	/* when */
	bool			 in_process;	/* it ran when the daemon ended */
	enum job_reason		 why;
};
void model_restore(struct model *m, const struct model_found *f);
/* One that has ended, and of which only that is left. */
struct model_job *model_remember(struct model *m, const struct model_job *ended);
/* One for which it waits is not live: this is how it ended; JOB_STATES: nobody knows any more. */
/* All that wait for jobs wait for such as are live. */
void model_check_orphans(struct model *m);
void model_parent_was(struct model *m, struct model_job *j, uint64_t parent, enum job_state state);

/* ---- effects (allowed.c): was core allowed to? ---- */

struct model_attempt *model_start(struct model *m, struct attempt *real);
void model_tell(struct model *m, const struct attempt *real);
void model_kill(struct model *m, int worker);
void model_announce(struct model *m, const struct job *j);
int64_t model_kept_bytes(const struct model_job *j, const struct job *real);
void model_forget(struct model *m, const struct job *j);
void model_start_alone(struct model *m, const struct job *j);
void model_idle(struct model *m, int worker);

/* ---- judge.c ---- */

/* After each event and effect: does core hold what the model holds? */
void judge_same(struct model *m, const struct core *c);
/* When there is no effect left: nothing was forgotten, everything that can run does. */
void judge_quiet(struct model *m, const struct core *c);
/* Are the reasons that core gives for this job true? */
void judge_explain(struct model *m, const struct core *c, const struct model_job *j);

#endif
