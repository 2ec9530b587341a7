/*
 * core.h - the scheduler: which job runs next, where, and what happens to it then.  Pure.
 *
 * It takes events with the time they happened at, and answers with effects that the caller carries
 * out.  It makes no system call and reads no clock, so the simulation runs exactly what the broker
 * runs.
 *
 * The caller's duty after any event: take effects with core_next_effect until there is none (more
 * events may come in between), and call core_tick no later than core_next_ns says.
 */
#ifndef CORE_CORE_H
#define CORE_CORE_H

#include "daemon/broker/core/group.h"
#include "daemon/broker/core/job.h"
#include "daemon/broker/core/gate.h"
#include "daemon/broker/core/unique.h"
#include "lib/buf.h"

struct core;

#define CORE_MOVES_KEPT	64
#define CORE_TRIES_KEPT	16
#define CORE_ALONE_MAX	2	/* workers at once that run one job alone */

struct core_config {
	int64_t		keep_finished_ms, keep_finished, keep_finished_bytes, keep_failed_ms;
	int64_t		keep_groups_ms;	/* durable ones, that have finished */
	int64_t		max_waiting, max_waiting_bytes;
	int64_t		spec_memory;	/* bytes for arguments of durable jobs that wait; those of
					 * more are in the store alone.  0: all are kept */
	int64_t		grace_ms;
	struct retry_policy retry;	/* for jobs, types and queues that say nothing; whole */
	uint64_t	seed;		/* of the random part of delays */
	uint64_t	fence_base;	/* fences are above it: the boot counter << 32 */
	bool		sequential;	/* one job at a time, in order of submission */
};

struct core_time {
	int64_t	mono_ns;	/* CLOCK_MONOTONIC */
	int64_t	real_ms;	/* since the epoch */
};

struct core *core_new(const struct core_config *cfg);
/*
 * From now on, as if it had been made so; but for seed, fence_base and sequential, and groups that
 * have finished are kept as long as was said then.
 */
void core_configure(struct core *c, struct core_time now, const struct core_config *cfg);
void core_free(struct core *c);

/* ---- pools ---- */

/*
 * A pool is a kind of workers.  A type belongs to one, a worker serves one, and jobs wait for the
 * workers of their type's pool and their own lane.
 *
 *   ""			the built-in cpu and io workers
 *   "plugin"		async and thread types of plugins; their process types run in the built-in cpu
 *			workers
 *   "exec", "exec:USER" commands, of one user of the system.  Their attempts take a waiting slot in
 *			the async lane
 *   "pool:NAME"	language workers, and remote ones
 */
#define CORE_POOLS_MAX	1000
#define CORE_NO_POOL	UINT32_MAX

/* The pool's number, below CORE_POOLS_MAX, made at first use and never gone; "" is 0.  CORE_NO_POOL:
 * there are too many. */
uint32_t core_pool_get(struct core *c, struct span name);
/* NUL-terminated. */
struct span core_pool_name(const struct core *c, uint32_t pool);
struct span core_type_pool(const struct type *t);
/* Its workers are on other machines: its process lane takes no CPU slots of this one.  A job that a
 * dead worker of it ran is not run alone.  To be said before it has types. */
void core_pool_remote(struct core *c, uint32_t pool, bool remote);
/*
 * Would one more worker of this pool start a job at once?  A job is there with all its gates open, no
 * worker of the pool can take one more in its lane, and there is room in the budget, or the lane
 * has no worker at all (it may wait for its slot when it is up).  Workers that are being started are
 * the caller's to count.  Jobs that run alone are not meant (EFFECT_START_ALONE).
 */
bool core_pool_wants(struct core *c, uint32_t pool);
/*
 * What all pools share; 0: no limit, as at first.  More than that may be in use only because of this
 * call or core_attempt_relane.
 *
 *   cpu_slots		attempts in process lanes, of any pool but remote ones.  A fifo worker takes one
 *			for all that was given to it, from the start of the first to the end of the last
 *			in flight; while others wait for a slot, it is not given more than 10 ms long.
 *			A job that waits for a worker of its own has its slot already
 *   waiting_slots	attempts in the async lane of exec pools
 */
void core_budgets(struct core *c, uint32_t cpu_slots, uint32_t waiting_slots);
/* Is a waiting slot free? */
bool core_waiting_room(const struct core *c);

/* ---- names ---- */

/*
 * Makes the type or updates what it declares: all of struct type down to `defaults`; texts are
 * copied.  Limits set before a type is known are kept for it.  With another pool than before, its
 * jobs that wait move there in the next core_ticks, and none of them starts before all have; what
 * runs is left alone.
 */
struct type *core_type_define(struct core *c, const struct type *declared);
/* Nobody has it any more: its jobs wait until it is defined again. */
void core_type_gone(struct core *c, struct type *t);
/*
 * The type of a job that was written down: as it is known, or one that no worker has, whose jobs wait
 * until it is defined.  pool: where it was then, which counts for the latter only; CORE_NO_POOL is 0.
 */
struct type *core_type_get(struct core *c, struct span name, uint32_t pool);
struct type *core_type_find(const struct core *c, const char *name, size_t len);
struct type *core_type_next(const struct core *c, size_t *at);
/*
 * Jobs of this type that were routed to one lane (and did not ask for it) go to another from now
 * on: also those that wait in line, TICK_BUDGET of them in one core_tick.  What runs is left alone.
 */
void core_type_move(struct core *c, struct type *t, enum lane from, enum lane to);
void core_type_retry(struct core *c, const char *name, const struct retry_policy *p);
void core_queue_retry(struct core *c, const char *name, const struct retry_policy *p);
void core_type_limit(struct core *c, struct core_time now, const char *name, uint32_t max_running,
    struct rate rate);
/* What it declares counts again. */
void core_type_unlimit(struct core *c, struct core_time now, const char *name);

/* ---- queues ---- */

/* What an operator asks of a queue; 0: no limit. */
struct queue_settings {
	uint32_t	max_running;		/* attempts at once */
	uint32_t	max_running_per_tenant;	/* of one tenant's jobs in it */
	uint32_t	max_running_per_key;	/* of its jobs with one limit_key */
	struct rate	rate;			/* starts */
	int64_t		max_jobs, max_bytes;	/* that wait in it; more is refused */
};

/* As it is now; all 0 for a queue that nobody has set. */
struct queue_settings core_queue_settings(const struct core *c, struct span name);
void core_queue_set(struct core *c, struct core_time now, struct span name,
    const struct queue_settings *s);
/* How many starts a tenant has in one of its turns; 1 when nobody says otherwise. */
void core_queue_weight(struct core *c, struct span name, struct span tenant, uint32_t weight);
/* Starts nothing while paused. */
void core_queue_pause(struct core *c, struct span name, bool paused);
/* Takes no new jobs while draining. */
void core_queue_drain(struct core *c, struct span name, bool draining);

/*
 * Cancels what waits in a queue: looks at some hundred jobs from id *at on (0 at first), none above
 * last, adds to *purged; false: all are done.
 */
bool core_queue_purge(struct core *c, struct core_time now, struct span name, uint64_t last,
    uint64_t *at, uint64_t *purged);

/* Why a queue takes no job of so many bytes of arguments and labels. */
enum room { ROOM_ENOUGH, ROOM_DRAINING, ROOM_QUEUE_JOBS, ROOM_QUEUE_BYTES, ROOM_JOBS, ROOM_BYTES };
struct room_view {
	enum room	why;
	int64_t		holds, limit;	/* jobs or bytes, for all but DRAINING */
};
/* bytes: core_spec_bytes of the job. */
struct room_view core_room(const struct core *c, struct span queue, size_t bytes);
size_t core_spec_bytes(const struct jobspec *spec);
/* What a job takes while it waits. */
int64_t core_job_bytes(const struct job *j);

/* A queue that holds nothing, or is not known, is empty: nothing waits and nothing runs. */
bool core_queue_empty(const struct core *c, struct span name);
/*
 * From now on EFFECT_QUEUE comes when fewer jobs wait or run in the queue than before, or its
 * limits have changed.  Watched several times, it is let go as often.
 */
struct queue *core_queue_watch(struct core *c, struct span name);
void core_queue_unwatch(struct core *c, struct queue *q);
/* All queues together are full, and somebody waits for that: the next time that fewer jobs wait,
 * EFFECT_QUEUE comes for each watched queue. */
void core_want_room(struct core *c);
struct span core_queue_name(const struct queue *q);

/* ---- jobs ---- */

/*
 * Accepts a job.  id: from the store; type: spec->type, found; lane: as routed.
 * spec->group, when it has one, is a group that takes members (core_group_takes).
 * 0 and *out (lives until the caller gives up control to core again, or holds it by core_find), or
 * -ENOSPC: core_room says why.  All jobs of spec->after are known (core_missing_parent).
 */
int core_submit(struct core *c, struct core_time now, uint64_t id, const struct jobspec *spec,
    struct type *type, enum lane lane, struct submitter *by, struct job **out);
/*
 * May this job of the inline lane run at this moment?  Not when it waits for its time, its order
 * key, or a limit: then EFFECT_START with lane inline comes for it, when it may.
 */
bool core_inline_ready(const struct core *c, const struct job *j);
/* Such a job (core_inline_ready) ran in the caller: records start and outcome in one step.
 * Takes o->text. */
void core_inline_done(struct core *c, struct core_time now, struct job *j, struct outcome *o);
struct job *core_find(const struct core *c, uint64_t id);
uint64_t core_newest_id(const struct core *c);	/* 0: none yet */
uint64_t core_oldest_id(const struct core *c);	/* no job has a smaller one; 0: none yet */
/* The first of spec->after that is not known, or 0. */
uint64_t core_missing_parent(const struct core *c, const struct jobspec *spec);
/*
 * A durable job (spec->durability) is made unstored: it has its place, and does not run.  Then its
 * submission is on disk, and it may; or it is refused there, and is gone as if it had never been:
 * nobody was told of it, and the caller holds nothing of it.
 */
void core_stored(struct core *c, struct core_time now, struct job *j);
void core_unstored(struct core *c, struct core_time now, struct job *j);
/* What EFFECT_RECORD said is on disk; AGAIN is answered by core_stored or core_unstored. */
void core_recorded(struct core *c, struct core_time now, struct job *j, enum record what);
/*
 * What EFFECT_LOAD asked for: a copy of the job's arguments; or the store has no such live job, and the
 * job fails.  It may be gone, or not want them any more.
 */
void core_loaded(struct core *c, struct core_time now, uint64_t id, struct span args);
void core_load_failed(struct core *c, struct core_time now, uint64_t id);
/*
 * A durable job as it was written down.  Texts are copied, but for what is owned: tries[].message,
 * tries[].spent and outcome, which core takes.
 */
struct job_saved {
	uint64_t	 id;
	struct jobspec	 spec;		/* without its times; `group` says nothing; args.p NULL with
					 * args.len: they stay in the store */
	struct type	*type;
	enum lane	 lane;		/* as routed */
	struct submitter *by;
	struct group	*group;		/* NULL: none, or it was forgotten */
	uint64_t	 index;		/* in its group */
	bool		 reduces;	/* it is the group's reduce job */
	bool		 parents_done;	/* core_parents_done, when it was written down */
	int64_t		 due_ms, ttl_at_ms;	/* since the epoch; 0: none */
	enum job_state	 state;		/* a finished one, or that of its last transition */
	uint32_t	 attempts, failures, suspicions;
	uint8_t		 beside;	/* deaths of workers in which it was one of many */
	bool		 begun, marked, blocks_others;
	bool		 in_process;	/* it ran when the daemon ended: `why` says how that was */
	enum job_reason	 why;
	const struct transition *moves;	/* oldest first */
	size_t		 moves_len;
	struct attempt_record *tries;	/* without their workers... */
	const struct span *try_workers;	/* ...whose names are here; NULL: they are not known */
	size_t		 tries_len;
	struct outcome	 outcome;
	uint32_t	 log_bytes;	/* of its log, in the caller's memory */
};
/*
 * The job is there again: a live one where it was, one that has ended among those that are remembered
 * for a while.  Live ones come in the order of their ids, each after those for which it waits; one of
 * those that is not there is asked for by core_next_orphan.
 */
struct job *core_restore(struct core *c, struct core_time now, struct job_saved *s);
/* It waits for nobody any more: whatever becomes of its parents from now on.  Not one that ends
 * because of them. */
bool core_parents_done(const struct job *j);
/* A restored job that waits for one that core does not know, until core_parent_was says how that ended;
 * false: there is none. */
bool core_next_orphan(const struct core *c, uint64_t *child, uint64_t *parent);
/* For whom the next `max` of them wait, in that order; the same one may come again.  Returns how
 * many. */
size_t core_orphan_parents(const struct core *c, uint64_t *parents, size_t max);
/* It ends as one that holds up those behind it with its order key. */
bool core_will_block(const struct job *j);
/* A job's parent that core does not know ended so; JOB_STATES: nobody remembers how. */
void core_parent_was(struct core *c, struct core_time now, struct job *child, uint64_t parent,
    enum job_state state);
/* Durable jobs do not start, because of `why`; NULL: they do. */
void core_durable_hold(struct core *c, const char *why);
/* The daemon stops: durable jobs that run are ready again, for REASON_daemon_stop.  Their workers are
 * not told. */
void core_give_up(struct core *c, struct core_time now);
/* A waiting job ends at once; a running one is told, then ended by force; a failed one that blocks
 * its order key lets the others pass.  -EALREADY: it has finished. */
int core_cancel(struct core *c, struct core_time now, struct job *j);
/* A waiting job does not run until it is released.  -EALREADY: it runs or has finished. */
int core_hold(struct core *c, struct core_time now, struct job *j);
/* -EALREADY: it is not held. */
int core_release(struct core *c, struct core_time now, struct job *j);

struct amendment {
	bool		priority_given;
	int		priority;
	int64_t		due_in_ms;	/* 0: at once; -1: as it is */
	int64_t		timeout_ms;	/* 0: none; -1: as it is */
	int64_t		ttl_ms;		/* from now; 0: as it is */
	struct retry_policy retry;	/* what it says */
};
/*
 * Changes a job that waits; of one that runs only what it says of trying again.  0, or -EALREADY: it
 * has finished; -EBUSY: it runs; -EINVAL: it has begun before, so its ttl is over.
 */
int core_amend(struct core *c, struct core_time now, struct job *j, const struct amendment *ch);
/*
 * A job that has ended without success runs again: it waits for nothing but its turn.  0, or
 * -EALREADY: it has not ended so; -EBUSY: a group has counted it; -ENOENT: it is being forgotten;
 * -ENOSPC: core_room_again says why; -EEXIST: another job holds its unique key.
 */
int core_retry(struct core *c, struct core_time now, struct job *j);
struct room_view core_room_again(const struct core *c, const struct job *j);
/* So much memory goes to what its attempts have said: it counts when it is decided how long finished
 * jobs are remembered. */
void core_job_log(struct core *c, struct job *j, uint32_t bytes);
/* Forgets a finished job once its end was told; EFFECT_FORGOTTEN follows.  -EBUSY: it has not
 * finished. */
int core_forget(struct core *c, struct core_time now, struct job *j);

/* When this job is tried again, with every member said. */
struct retry_policy core_retry_policy(const struct core *c, const struct job *j);

/*
 * Delay before the next attempt, full jitter: anything from 0 to backoff_ms * factor^(failures-1),
 * at most max_backoff_ms.
 *
 *   failures	attempts that have failed, >= 1
 *   p		with every member said
 *   rnd	random bits
 */
int64_t retry_delay_ms(uint32_t failures, const struct retry_policy *p, uint64_t rnd);
int64_t retry_longest_ms(uint32_t failures, const struct retry_policy *p);

/* ---- workers ---- */

#define CORE_WORKER_INLINE	UINT16_MAX	/* attempt->worker of the inline lane: the caller
						 * itself */

struct worker_offer {
	uint32_t	pool;		/* core_pool_get */
	uint32_t	slots[LANES];	/* attempts at once in each lane; of a fifo worker the depth of
					 * its window */
	bool		fifo;		/* it has slots in the process lane only, and runs one at a
					 * time, in order of start: it gets a second one only while
					 * all that it has is known to be short.  Of what was in
					 * flight when it died the oldest was running */
	bool		killable;	/* what does not end in its process lane within its grace ends
					 * by EFFECT_KILL.  What does not end elsewhere is given up:
					 * its job ends, and it keeps what it holds (stuck) */
	uint64_t	alone_for;	/* 0, or the job for which EFFECT_START_ALONE asked: it runs
					 * that job and retires */
	struct span	name;		/* what attempts remember of it; len 0: nothing */
};
/*
 * A worker can take attempts.
 *
 *   number	small (below CORE_WORKER_INLINE), the caller's; not used for another until
 *		core_worker_lost, or EFFECT_WORKER_IDLE with no stuck attempt left
 */
void core_worker_up(struct core *c, struct core_time now, uint32_t number,
    const struct worker_offer *offer);
/* The name of the worker that an attempt had, lent; "": nobody knows it. */
const char *core_worker_name(const struct core *c, const struct attempt_record *try);
/* Nothing new for it; EFFECT_WORKER_IDLE when it has nothing left but stuck attempts (at once,
 * if so). */
void core_worker_retire(struct core *c, struct core_time now, uint32_t number);
/* What a death says of a job that was in flight. */
enum suspicion {
	SUSPECT_NO,
	SUSPECT_YES,		/* it was what ran, or one of few */
	SUSPECT_AMONG,		/* one of many, and nobody knows which of them did it */
};
/*
 * Its death is confirmed and all it had published is harvested.  how: in plain words ("killed by
 * SIGSEGV").  suspect(job) is asked of each job still in flight; for a fifo worker core knows
 * itself: the oldest.
 *
 * SUSPECT_AMONG is counted.  From BOUND_BESIDE_SUSPECT on, of those that were there most often the
 * last that started (BOUND_TOGETHER of them) are suspected; who was there BOUND_BESIDE times fails.
 * So one that kills its workers ends, whoever runs beside it.  In a remote pool nobody is suspected:
 * nobody runs alone there, so who is innocent could not be told from who is not.
 */
void core_worker_lost(struct core *c, struct core_time now, uint32_t number, const char *how,
    enum suspicion (*suspect)(void *ctx, const struct job *j), void *ctx);
/* A worker that EFFECT_START_ALONE asked for could not be started: core asks again a second
 * later. */
void core_alone_failed(struct core *c, struct core_time now, uint64_t job);
/*
 * It takes so many attempts more, whatever its slots: each one that starts takes 1.  At first, and with
 * CORE_CREDIT_ANY, they are not counted.
 */
#define CORE_CREDIT_ANY	UINT32_MAX
void core_worker_credit(struct core *c, uint32_t number, uint32_t credit);
/* The same and so many more. */
void core_worker_credit_more(struct core *c, uint32_t number, uint32_t more);
/* Attempts of this worker's thread lane whose jobs have their outcome already, and which still hold
 * their slots. */
uint32_t core_worker_stuck_threads(const struct core *c, uint32_t number);

/* ---- attempts ---- */

enum attempt_end { ATTEMPT_OK, ATTEMPT_FAILED, ATTEMPT_CANCELLED };

/*
 * A try in a worker.  It outlives its job's outcome when it is stuck (a thread that does not
 * return): it holds the slot, the limits and the order key until it ends.
 */
struct attempt {
	struct list	 link;		/* the worker's, in order of start */
	struct job	*job;		/* NULL: its job has an outcome already (fenced off) */
	uint64_t	 job_id;
	uint64_t	 fence;
	uint64_t	 token;		/* the caller's: its channel token */
	struct type	*type;
	struct flow	*flow;
	struct order	*order;
	struct list	 tell;		/* EFFECT_TELL is to be given out */
	struct heap_node timer;		/* deadline, then grace */
	int64_t		 started_ns;	/* later of submission and the previous harvest of a FIFO
					 * worker */
	int64_t		 deadline_ns;	/* as known at the start; 0: none */
	int64_t		 timeout_ms;
	int64_t		 ran_ns;	/* the caller's, before core_attempt_done: how long the
					 * handler ran, as its worker says; 0: it did not say.
					 * Counts for type->mean_ns only */
	uint32_t	 worker;
	uint16_t	 number;
	uint8_t		 lane;		/* as it runs: core_attempt_relane */
	uint8_t		 told;		/* asked to end: 0 (REASON_submitted), or the enum
					 * job_reason why */
	bool		 stuck;		/* its job has an outcome already; job is NULL */
	uint8_t		 held;		/* core's own: of which budget it has a slot, enum starts;
					 * 0: of none, or its worker has */
	int64_t		 ready_ms;	/* its job had been ready since then, since the epoch, */
	int64_t		 waited_ns;	/* and so waited that long; -1: it has not begun yet */
	bool		 stall_told;	/* the caller's: that it keeps its worker's loop is known */
	bool		 said;		/* the caller's: its job's log has something of it */
	uint32_t	 bytes;		/* of input, for the window rule */
};

/* The attempt ended in its worker.  Takes o->text and o->data (freed or kept).  at is gone
 * afterwards. */
void core_attempt_done(struct core *c, struct core_time now, struct attempt *at,
    enum attempt_end end, struct outcome *o);
/* Its worker lives, and has it no more: as when a worker is lost, SUSPECT_AMONG, and nobody stands out.  at is
 * gone afterwards. */
void core_attempt_lost(struct core *c, struct core_time now, struct attempt *at, const char *how);
/* The channel had no room for what EFFECT_START has just given out: the job goes back to the front,
 * the worker gets nothing until something ends there (or for a moment, if nothing is in flight
 * there). */
void core_attempt_refused(struct core *c, struct core_time now, struct attempt *at);

/*
 * A running attempt turns out to belong into another lane of its worker: it gives back the slot that
 * it has, and takes one there.  It goes on whatever that takes: no limit is in its way, also not the
 * worker's own.  Not of a fifo worker.
 */
void core_attempt_relane(struct core *c, struct core_time now, struct attempt *at, enum lane lane);
/* With EFFECT_TELL: this attempt has a grace of its own, which counts from now. */
void core_attempt_grace(struct core *c, struct core_time now, struct attempt *at, int64_t grace_ms);
/* What it has used so far: replaces what was said before, and stays with the job's record of it. */
void core_attempt_spent(struct core *c, struct attempt *at, const struct spent *spent);

/* ---- effects ---- */

enum effect_kind {
	EFFECT_NONE,
	EFFECT_START,		/* submit attempt to attempt->worker; store its channel token.
				 * Lane inline: run it, then core_attempt_done */
	EFFECT_TELL,		/* ask the attempt to end (cancel word) */
	EFFECT_KILL,		/* kill worker: an attempt of its process lane did not end in time */
	EFFECT_FINISHED,	/* job has an outcome: answer its watchers */
	EFFECT_FORGOTTEN,	/* job is about to be freed (retention): drop what refers to it */
	EFFECT_START_ALONE,	/* start a worker for job alone: of its type's pool, for job->lane */
	EFFECT_WORKER_IDLE,	/* a retired worker has nothing left: stop it */
	EFFECT_GROUP_REDUCE,	/* its members have ended, and all were told: submit the reduce
				 * job, core_group_reduce */
	EFFECT_GROUP_FINISHED,	/* the group has finished: answer who waits for it */
	EFFECT_GROUP_FORGOTTEN,	/* the group is forgotten: drop what belongs to it */
	EFFECT_QUEUE,		/* a watched queue may have room, or be empty */
	EFFECT_LOAD,		/* job's arguments are wanted from the store: then core_loaded, or
				 * core_load_failed */
	EFFECT_RECORD,		/* durable: write down what `record` says of the job, as it is now;
				 * then core_recorded, or core_stored */
};

struct effect {
	enum effect_kind kind;
	struct job	*job;		/* FINISHED, FORGOTTEN, START_ALONE, RECORD, LOAD: valid
					 * until the next effect is taken */
	enum record	 record;	/* RECORD */
	struct attempt	*attempt;	/* START, TELL */
	struct queue	*queue;		/* QUEUE */
	uint32_t	 worker;	/* KILL, WORKER_IDLE */
	struct group	*group;		/* GROUP_*: valid until the next effect is taken */
};

/* Time passes: due jobs, deadlines, graces, retention.  Bounded work per call. */
void core_tick(struct core *c, struct core_time now);
/* When core_tick is wanted next (CLOCK_MONOTONIC), INT64_MAX: never. */
int64_t core_next_ns(const struct core *c);
/* Gives ready jobs to free workers, then hands out effects one at a time; false: none is left. */
bool core_next_effect(struct core *c, struct core_time now, struct effect *out);
/* EFFECT_RECORDs alone, at the end. */
bool core_next_record(struct core *c, struct effect *out);

/* ---- to look at ---- */

/*
 * The members `"text":"...","waits":[{"kind":...},...]` of job.explain, without braces.
 * pool_why: why the workers of its type's pool do not come up, or NULL.
 */
void core_explain(const struct core *c, struct core_time now, const struct job *j,
    const char *pool_why, struct buf *out);

struct queue_view {
	const char	*name;
	uint64_t	 scheduled, ready, running, waiting_bytes, tenants;
	struct queue_settings set;
	bool		 paused, draining;
	const struct queue *queue;
};
/* False: nobody has set it, and it has no jobs. */
bool core_queue_view(const struct core *c, struct span name, struct queue_view *out);
/* Walk over the weights that were set: *at starts at 0; 0 at the end. */
uint32_t core_queue_weight_next(const struct queue *q, size_t *at, struct span *tenant);
/* Walk: *at starts at 0; false at the end. */
bool core_queue_next(const struct core *c, size_t *at, struct queue_view *out);
const char *core_job_queue(const struct job *j);
/* Whose turn it uses. */
const char *core_job_tenant(const struct job *j);
/* "" when it has none. */
const char *core_job_limit_key(const struct job *j);
/* "" when the job has none; *len its length. */
const char *core_order_key(const struct job *j, size_t *len);

/* A transition of a job, and which. */
struct change {
	uint64_t		id;
	struct transition	how;
};
/* The last so many changes are kept from now on; once. */
void core_changes_keep(struct core *c, uint64_t count);
/* So many instead, if any are kept: the last ones of them. */
void core_changes_resize(struct core *c, uint64_t count);
/* Changes are numbered from 0; first <= number < next are there. */
uint64_t core_changes_first(const struct core *c);
uint64_t core_changes_next(const struct core *c);
const struct change *core_change(const struct core *c, uint64_t number);

struct core_stats {
	uint64_t	states[JOB_STATES];	/* jobs now in each state */
	uint64_t	submitted, finished[JOB_STATES];	/* since start */
	uint64_t	attempts, crashes, stuck;
	uint64_t	failures[FAILURES];	/* of attempts, and of jobs that had none */
	uint64_t	retries;		/* attempts that failed and are followed by another */
	uint64_t	unique_keys;		/* held now */
	uint64_t	waiting_bytes, kept_bytes;
	uint64_t	lane_started[LANES];
};
void core_stats(const struct core *c, struct core_stats *out);
/*
 * Nothing runs, and nothing can run before time has passed or somebody has acted: what is left is
 * scheduled, held, waits for such a job, or stands behind one with its order key.  A drain is done.
 */
bool core_drained(const struct core *c);
/* Nothing waits and nothing runs. */
bool core_idle(const struct core *c);

/* For the simulation and debug builds: aborts when an invariant of the structures does not hold. */
void core_check(const struct core *c);

#endif
