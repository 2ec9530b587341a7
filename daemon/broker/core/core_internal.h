/*
 * core_internal.h - what the files of core/ share: the structures, and who may touch which.
 *
 * How a job comes to run.  A ready job sits in a flow: the jobs of one queue, lane and type, by
 * priority and then in order of getting ready.  The flows of one queue and lane make a bench; the
 * benches of a lane that have something to give take turns.  So a type at its limit parks whole
 * flows, a queue at its limit takes whole benches out of the turns, and nothing ever walks over
 * jobs that cannot run.
 *
 * Jobs that must run alone have a lane of their own here (LANE_ALONE) with CORE_ALONE_MAX slots.
 */
#ifndef CORE_CORE_INTERNAL_H
#define CORE_CORE_INTERNAL_H

#include "daemon/broker/core/core.h"
#include "lib/idset.h"
#include "lib/map.h"
#include "proto/bounds.h"

#define NS_IN_MS	INT64_C(1000000)
#define LANE_ALONE	LANES
#define PLACES		(LANES + 1)
#define RETRY_NS	(1000 * NS_IN_MS)	/* after a worker for a job alone could not be
						 * started */
#define REFUSED_NS	(10 * NS_IN_MS)		/* after a worker with nothing in flight refused
						 * an attempt */
#define TICK_BUDGET	1024			/* timers handled by one core_tick */

/* ---- ready sets (ready.c) ---- */

struct level {
	struct list	 jobs;		/* job->link, by job->seq */
	struct list	*finger;	/* where the last job went back in; NULL: none */
	uint64_t	 count;
	int		 priority;
};

struct flow {
	struct heap_node node;		/* in bench->flows, by the place in line of its first job */
	struct list	 link;		/* in type->parked, when held by the type's limit */
	struct bench	*bench;
	struct type	*type;
	struct flow	*next;		/* of the same bench */
	struct level	**levels;	/* highest priority first; none is empty */
	struct level	*spare;		/* an empty one, so that a flow that comes and goes
					 * allocates nothing */
	uint32_t	 levels_len, levels_cap;
	uint64_t	 count;
	bool		 parked;
};

struct bench {
	struct heap_node node;		/* in core->turns[lane].benches, when it has something to
					 * give */
	int64_t		 turn;		/* of the last turn, or of getting its first job: smaller
					 * is next.  It is kept while the queue is at its limit,
					 * so no turn is lost by that */
	struct queue	*queue;
	struct heap	 flows;		/* those with jobs and not parked */
	struct flow	*first;		/* all flows */
	uint64_t	 count;
	uint32_t	 parked;	/* flows */
	int		 lane;		/* enum lane or LANE_ALONE */
};

struct turns {
	struct heap	 benches;	/* the one with the smallest turn is next */
	struct list	 thirsty;	/* types with room again and flows still parked */
};

struct queue {
	char		*name;
	uint32_t	 name_len, refs;
	uint32_t	 max_running;	/* 0: no limit */
	uint32_t	 running;	/* attempts that hold the limit, stuck ones too */
	bool		 configured;	/* stays when no job refers to it */
	uint64_t	 states[JOB_STATES];
	struct bench	*benches[PLACES];
};

/* ---- order keys (order.c) ---- */

struct order {
	uint32_t	 refs, key_len;
	uint64_t	 holder_id;	/* 0: free.  A stuck attempt's job holds it without being
					 * `holder` */
	struct job	*holder;
	struct list	 behind;	/* job->link of those that wait for the key, in order of
					 * submission */
	char		 key[];		/* NUL-terminated; it holds no NUL itself */
};

/* ---- workers (worker.c, place.c) ---- */

struct worker {
	uint32_t	 number;
	struct list	 attempts;	/* in order of start */
	struct list	 effect;	/* in core->kills or core->idles */
	struct heap_node open[LANES];	/* in core->open[lane], by attempts there, when it can
					 * take one more */
	struct heap_node retry;		/* in core->retries, after a refusal with nothing in
					 * flight */
	uint32_t	 slots[LANES], used[LANES];
	uint32_t	 stuck;
	uint64_t	 bytes;		/* of input in flight */
	uint64_t	 alone_for;
	bool		 fifo;		/* runs one at a time, in order of start */
	bool		 retired, killed, refused, idle_said;
	bool		 lost;		/* its attempts are being taken apart */
};

/* A worker for a job alone: from the wish to its end. */
enum alone_state { ALONE_FREE, ALONE_ASKED, ALONE_UP, ALONE_COOLING };

struct alone {
	enum alone_state state;
	uint64_t	 job_id;
	struct job	*job;		/* waits for it; NULL: runs, or ended without it */
	struct worker	*worker;	/* UP */
	int64_t		 retry_ns;	/* COOLING */
};

/* ---- retention (retain.c) ---- */

struct kept {
	struct list	 jobs;		/* oldest first */
	int64_t		 count, bytes, keep_ms;
};

struct core {
	struct core_config cfg;
	struct core_stats stats;
	struct idset	 jobs;
	struct namemap	 types, queues, orders, type_limits;
	uint64_t	 newest_id, oldest_id;
	uint64_t	 seq;			/* places in line given so far */
	uint64_t	 fences;		/* attempts started so far */
	int64_t		 turn;			/* turns given out so far */
	uint64_t	 waiting;		/* scheduled and ready */

	struct turns	 turns[PLACES];
	int		 turn_lane;		/* which lane is looked at first */
	struct heap	 open[LANES];		/* workers that can take one more */
	struct worker	**workers;		/* by number; NULL: none */
	uint32_t	 workers_len;
	uint32_t	 lane_workers[LANES];	/* workers that serve the lane */
	uint64_t	 lane_used[LANES], lane_slots[LANES];
	struct worker	*inliner;		/* the caller, as worker of the inline lane */
	struct alone	 alone[CORE_ALONE_MAX];

	struct heap	 job_timers, attempt_timers, retries;

	struct list	 tells, kills, idles;	/* effects to give out */
	struct list	 finished;		/* jobs with an outcome that nobody was told yet */
	struct kept	 kept[2];		/* told: [0] others, [1] failed */
	struct job	*doomed;		/* forgotten; freed when the next effect is taken */
};

/* job.c: states and their records */
struct job *job_new(struct core_time now, uint64_t id, const struct jobspec *spec);
void job_free(struct core *c, struct job *j);
int64_t job_bytes(const struct job *j);
/* It is submitted: its first state. */
void job_enter(struct core *c, struct core_time now, struct job *j, enum job_state state,
    enum job_reason reason);
/* The one function that changes a state after that. */
void job_move(struct core *c, struct core_time now, struct job *j, enum job_state state,
    enum job_reason reason);
void job_try_begin(struct job *j, const struct attempt *at, int64_t now_ms);
/* It was behind another in its worker, and runs only now. */
void job_try_begins(struct job *j, int64_t now_ms);
void job_try_end(struct job *j, int64_t now_ms, enum job_reason end);
void job_try_withdraw(struct job *j);
/* Ends it: takes o (NULL: cancelled or expired).  stuck: an attempt goes on and keeps the order
 * key. */
void job_finish(struct core *c, struct core_time now, struct job *j, enum job_state state,
    enum job_reason reason, struct outcome *o, bool stuck);
void job_fail(struct core *c, struct core_time now, struct job *j, enum job_reason reason,
    enum failure_kind kind, char *message, bool stuck);
bool job_waiting(const struct job *j);
/* Takes a waiting job from wherever it waits. */
void job_withdraw(struct core *c, struct job *j);
void job_expire(struct core *c, struct core_time now, struct job *j);

/* queue.c: queues by name */
struct queue *queue_get(struct core *c, const char *name, size_t len);
void queue_unref(struct core *c, struct queue *q);
void queue_free(struct queue *q);

/* ready.c: jobs that could run now, in line */
void ready_add(struct core *c, struct job *j);
void ready_remove(struct core *c, struct job *j);
struct job *flow_head(const struct flow *f);
int64_t flow_key(const struct flow *f);
/* After what a flow holds, or whether it is parked, has changed. */
void flow_refresh(struct core *c, struct flow *f);
/* After what a bench holds, or whether its queue is full, has changed. */
void bench_refresh(struct core *c, struct bench *b);
/* It had its turn: all others come first. */
void bench_served(struct core *c, struct bench *b);
void bench_free(struct bench *b);

/* limits.c: max_running of types and queues */
bool type_full(const struct type *t);
bool queue_full(const struct queue *q);
void limits_hold(struct core *c, struct type *t, struct queue *q);
void limits_release(struct core *c, struct type *t, struct queue *q);
void limits_park(struct core *c, struct flow *f);
void limits_set_type(struct core *c, struct type *t, uint32_t max_running);
/* After the flow of a type at its limit has lost its last job. */
void limits_unpark(struct core *c, struct flow *f);
/* Lets one parked flow of a type with room back into its bench; false: there is none. */
bool limits_wake(struct core *c, int lane);
/* Lets a bench have its parked flows back whose types have room. */
void limits_wake_bench(struct core *c, struct bench *b);

/* order.c: one at a time */
struct order *order_get(struct core *c, const char *key, size_t len);
void order_unref(struct core *c, struct order *o);
/* Is it this job's turn? */
bool order_open(const struct job *j);
void order_enter(struct job *j);
/* The job waits and ends: it leaves the line, or passes the key on. */
void order_leave(struct core *c, struct job *j);
void order_pass(struct core *c, struct order *o);

/* place.c: which worker takes a job */
/* After anything that decides whether a worker can take one more. */
void place_update(struct core *c, struct worker *w);
void place_update_all(struct core *c);
/* Starts the next job that may start; NULL: none. */
struct attempt *place_start(struct core *c, struct core_time now);
/* The next job that may have a worker of its own, now asked for; NULL: none. */
struct job *place_alone(struct core *c, struct core_time now);

/* type.c */
void type_free(struct type *t);
bool type_is_short(const struct type *t);
/* An attempt of this type took so long. */
void type_measure(struct core *c, struct type *t, int64_t took_ns);

/* worker.c */
struct worker *worker_find(const struct core *c, uint32_t number);
struct worker *worker_new(uint32_t number);
void worker_free(struct core *c, struct worker *w);
struct attempt *worker_head(const struct worker *w);
/* It may have nothing left to do. */
void worker_settle(struct core *c, struct worker *w);
void worker_retire(struct core *c, struct worker *w);
void worker_kill(struct core *c, struct worker *w);

/* alone.c: jobs that get a worker of their own */
struct alone *alone_free_slot(struct core *c);
void alone_ask(struct core *c, struct job *j, struct alone *a);
struct alone *alone_of(struct core *c, const struct job *j);
void alone_up(struct core *c, struct worker *w);
void alone_withdraw(struct core *c, struct job *j);
void alone_worker_gone(struct core *c, struct worker *w);
struct attempt *alone_start(struct core *c, struct core_time now);
void alone_tick(struct core *c, int64_t now_ns);
int64_t alone_next_ns(const struct core *c);

/* attempt.c */
struct attempt *attempt_start(struct core *c, struct core_time now, struct job *j,
    struct worker *w);
void attempt_tell(struct core *c, struct core_time now, struct attempt *at, enum job_reason why);
/* Its deadline, or the grace after it, is over. */
void attempt_due(struct core *c, struct core_time now, struct attempt *at);
/* Gives back what it holds and frees it. */
void attempt_free(struct core *c, struct core_time now, struct attempt *at);
/* The job goes back to where it stood in line; the attempt is still to be freed. */
void attempt_requeue(struct core *c, struct core_time now, struct attempt *at,
    enum job_reason reason);
/* Ends the job of an attempt that was told to end, and did. */
void attempt_end_told(struct core *c, struct core_time now, struct attempt *at, bool stuck);

/* timer.c */
int64_t ns_after(int64_t now_ns, int64_t ms);
void job_timer_set(struct core *c, struct job *j);
void job_timer_stop(struct core *c, struct job *j);

/* retain.c */
void retain_add(struct core *c, struct core_time now, struct job *j);
struct job *retain_oldest_due(struct core *c, struct core_time now);
void retain_drop(struct core *c, struct job *j);
int64_t retain_next_ns(const struct core *c);

#endif
