/*
 * job.h - the objects of the scheduler.  core/ alone writes them; the rest of the broker reads.
 *
 * A state names the place that holds the job: scheduled = the timer heap (and, when an order key is
 * held by another, that key's line); ready = its queue's ready set, or behind its order key, or
 * asked for a worker of its own; running = its attempt is in a worker; finished = the retention
 * list.
 */
#ifndef CORE_JOB_H
#define CORE_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/broker/core/gate.h"
#include "lib/heap.h"
#include "lib/list.h"
#include "proto/jobspec.h"

enum job_state {
#define STATE(symbol, finished, help) JOB_##symbol,
#include "proto/states.def"
#undef STATE
	JOB_STATES
};

enum job_reason {
#define STATE(symbol, finished, help)
#define REASON(symbol, text) REASON_##symbol,
#include "proto/states.def"
#undef REASON
#undef STATE
	REASONS
};

enum failure_kind {
#define FAILURE(symbol, retried, text) FAILURE_##symbol,
#include "proto/failures.def"
#undef FAILURE
	FAILURES
};

extern const char *const job_state_names[JOB_STATES];
extern const char *const job_reason_names[REASONS];
extern const char *const job_reason_texts[REASONS];
extern const char *const failure_names[FAILURES];
extern const bool failure_retried[FAILURES];

static inline bool
job_state_finished(enum job_state s)
{
	return s >= JOB_succeeded;
}

/* What of a durable job is to be written down. */
enum record {
	RECORD_NONE,
	RECORD_CHANGE,		/* what happened to it since it was submitted */
	RECORD_BEGIN,		/* the same, and that an attempt may begin from now on */
	RECORD_AGAIN,		/* it has ended, and is live again */
	RECORD_END		/* how it ended */
};

/* What one principal has: counted by core, for whoever asks for it. */
struct account {
	int64_t		 unfinished;	/* its jobs that wait and run */
	int64_t		 waiting_bytes;	/* memory of those that wait */
};

/* Who submitted a job.  Counted: one per connection, shared by its jobs. */
struct submitter {
	uint32_t	 refs;
	char		*principal;	/* "uid:1000" */
	char		*client;	/* hello.client, or "" */
	char		*addr;		/* "unix", "tcp:127.0.0.1:40000" */
	struct account	*account;	/* the principal's, which outlives it; NULL: nobody asks */
};
struct submitter *submitter_new(const char *principal, const char *client, const char *addr);
struct submitter *submitter_ref(struct submitter *s);
void submitter_unref(struct submitter *s);

/* The lines that jobs of one type stand in: one for each lane, and those for jobs that run alone. */
#define JOB_LINES	(LANES + 3)

/* What jobs of a type get that do not say it themselves: the broker fills it in before
 * core_submit. */
struct type_defaults {
	char		*queue;			/* NULL: the usual one */
	bool		 priority_said;
	int		 priority;
	int64_t		 timeout_ms;		/* 0: none */
	int64_t		 ttl_ms;		/* 0: none */
	enum on_lost	 on_lost;
	struct retry_policy retry;		/* core's own rules follow it, after type->retry */
};

/* What a type declares (its worker's hello, or a file of the administrator's), its limit, and what
 * was measured. */
struct type {
	char		*name;
	char		*summary;		/* for people */
	char		*args_schema;		/* JSON: an object, or true */
	char		*plugin;		/* the name of the plugin; NULL: not of one */
	char		*spec;			/* of a command, proto/command.h: goes with each
						 * attempt; NULL: none */
	char		*file;			/* of the administrator's that says it; NULL: none */
	uint32_t	 pool;			/* core_pool_get: whose workers run it */
	uint32_t	 traits, lanes;		/* workers/handler.h bits */
	uint8_t		 role;			/* least enum rpc_role that may submit it; 0: any
						 * that may submit at all */
	bool		 has_run, has_start;
	int64_t		 grace_ms;		/* between being told to end and the end by force;
						 * 0: as the configuration says */
	uint64_t	 output_bytes;		/* kept of each stream of an attempt; 0: as
						 * logs.max_bytes says */
	uint32_t	 declared_running;	/* attempts at once, where no operator says another
						 * limit (core_type_limit); 0: any number */
	struct type_defaults defaults;
	bool		 unserved;		/* no worker has said that it has it */
	bool		 leaving;		/* core's own: its jobs are on their way to another
						 * pool, and none of them starts */
	struct gate	 gate;			/* its limits */
	struct retry_policy retry;		/* for jobs that say nothing themselves */
	uint64_t	 samples;
	int64_t		 mean_ns;		/* decayed mean of attempts' times */
	uint32_t	 out_hint;		/* bytes of room for a result that were enough
						 * lately */
	uint64_t	 succeeded, failed, cancelled;
	struct type_route *route;		/* the router's (route/route.h); NULL: nothing yet.
						 * Goes by free with the type */
	/* core's own: where jobs that were routed to a lane go now, 1 + enum lane, 0: there; and
	 * the lanes that are to be emptied into those */
	uint8_t		 moved_to[LANES];
	uint8_t		 emptied;		/* bits 1 << lane */
	struct list	 moving;		/* in core->moving, while there are such */
	/* core's own: where its jobs wait, by lane; stalls asleep at its gate, and the places that
	 * wait for them while it is open, by line */
	struct place	*places[LANES];
	struct list	 asleep[JOB_LINES], thirsty[JOB_LINES];
};

/* A move of a job: packed, because there are many. */
struct transition {
	int64_t		at_ms : 48;
	uint64_t	state : 8;
	uint64_t	reason : 8;
};

/* What an attempt has used, the processes that it started included. */
struct spent {
	int64_t	user_us, system_us;
	int64_t	max_rss_bytes;		/* of the largest of its processes */
	int64_t	read_bytes, write_bytes;
};

/* A try, finished or not, as job.get shows it. */
struct attempt_record {
	uint64_t	fence;
	int64_t		started_ms, ended_ms;	/* ended_ms 0: running */
	uint16_t	number;
	uint16_t	worker;			/* core_worker_name */
	uint8_t		lane;			/* enum lane */
	uint8_t		end;			/* enum job_reason */
	uint8_t		kind;			/* enum failure_kind, with message */
	char		*message;		/* how it failed, when another attempt followed;
						 * or NULL */
	struct spent	*spent;			/* NULL: it is not known */
};

struct flow;
struct place;
struct queue;
struct order;
struct attempt;
struct membership;
struct unique;

struct outcome {
	char		*text;		/* succeeded: the result's JSON; failed: the message */
	uint32_t	 len;
	enum failure_kind kind;		/* failed only */
	bool		 final;		/* failed only: another attempt would fail as well */
	int64_t		 retry_after_ms; /* failed only: the next attempt then, and not after
					  * the backoff; 0: not said */
	char		*data;		/* failed only: JSON, or NULL */
};

/*
 * What a job asks for that most jobs do not: made by job_extra_get for those that need it, so that
 * a job without it costs 8 bytes.  A new optional property of a job is a member here, zero meaning
 * "not asked for", and is read through a function like the ones below: job_extra(j) may be NULL.
 */
struct job_extra {
	struct job	*job;
	struct heap_node timer;		/* the next thing that time does to a job that waits: due
					 * or ttl */
	int64_t		 due_ns;	/* not before; 0: at once */
	int64_t		 ttl_ns;	/* absolute, CLOCK_MONOTONIC; 0: none */
	int64_t		 timeout_ms;	/* when no 13 bits times 10 ** 0..6 are it */
	struct order	*order;		/* NULL: no order_key */
	struct membership *member;	/* group.h; NULL: of no group */
	struct job_life	*life;		/* NULL: it has none of that */
	char		*traceparent;	/* NULL: none */
	bool		 held;		/* until core_release */
	bool		 blocks;	/* when it fails, those behind it with its order key wait */
};

/* What a job has to know that is tried again, or waits for others, or is waited for. */
struct job_life {
	struct retry_policy retry;	/* what the job itself says */
	uint32_t	 failures;	/* attempts that failed and were followed by another */
	struct list	 children;	/* of job_edge: who waits for this one */
	struct job_edge	*after;		/* for whom it waits, or waited */
	uint32_t	 after_len, parents_left;
	int64_t		 keep_ms;	/* remembered for so long after its end; 0: not said */
	bool		 despite;	/* on_parent_failure: run */
	struct unique	*unique;	/* unique.h; NULL: no unique_key */
};

/* One job waits for another. */
struct job_edge {
	struct list	 link;		/* in the parent's children, while that has not finished */
	struct job	*child;
	uint64_t	 parent_id;
};

#define JOB_MOVES_FIRST	4

/*
 * What a job needs once something has happened to it besides its submission: it was started,
 * watched, moved again or ended.  Made by job_run_get; a finished job always has it.
 */
struct job_run {
	struct attempt	*attempt;	/* running: the one in a worker */
	struct list	*watchers;	/* the broker's: who waits for the outcome; NULL: nobody */
	struct transition *moves;	/* read it by job_move_at */
	struct attempt_record *tries;	/* the last CORE_TRIES_KEPT, the running one too */
	struct outcome	 outcome;	/* finished */
	int64_t		 keep_ns;	/* finished and told: remembered until then */
	int64_t		 end_ms;	/* ending or finished: since then */
	struct job	*job;
	struct list	 record;	/* in core->records */
	uint32_t	 log_bytes;	/* of memory for what its attempts said: core_job_log */
	uint8_t		 beside;	/* deaths of workers in which it was one of many */
	uint8_t		 record_what;	/* enum record; what EFFECT_RECORD is to say */
	uint8_t		 end_state, end_reason;	/* job->ending; and how it had ended, while it is
						 * not on disk that it runs again */
	bool		 end_blocks;	/* ended so it holds up those behind it */
	bool		 again;		/* unstored: it is to run again */
	bool		 told;		/* its outcome was */
	bool		 forget_asked;	/* on request */
	bool		 aside;		/* not forgotten by itself: others wait for its failure to
					 * be dealt with */
	uint16_t	 attempts;	/* tries so far, innocent ones too */
	uint16_t	 moves_len, tries_len;
	struct transition first_moves[JOB_MOVES_FIRST];	/* most jobs need no more than these */
	struct attempt_record first_try;
};

/*
 * What a job has besides its place: made for those that have anything of it (job_body_get).  Labels
 * are always here, arguments unless job->away.
 */
struct job_body {
	struct job_extra *extra;	/* NULL: it asked for nothing out of the ordinary */
	struct job_run	*run;		/* NULL: nothing has happened to it yet */
	uint32_t	 labels_len;
	char		 text[];	/* labels, then args */
};

#define JOB_TIMEOUT_LONG	7	/* as the exponent: extra->timeout_ms has it */

/* There may be millions that wait, with arguments that are on disk: this is all that each of them
 * needs.  tests/sim/sim --bench says what it comes to. */
struct job {
	uint64_t	 id;		/* first: core's idset looks here */
	struct list	 link;		/* the list that `state` names */
	struct flow	*flow;		/* what it shares with others: queue, type, tenant, limits */
	struct submitter *by;
	struct job_body	*body;		/* NULL: it has none */
	/* its submission: job_first_move */
	int64_t		 created_ms : 45;
	uint64_t	 first_state : 4;
	uint64_t	 first_reason : 7;
	int64_t		 priority : 8;
	uint64_t	 seq : 48;	/* its place in line, given when it was first ready; 0: not
					 * yet */
	uint16_t	 lane : 3;	/* enum lane, as routed */
	int16_t		 lane_asked : 4; /* enum lane or -1 */
	uint16_t	 on_lost : 1;
	uint16_t	 suspicions : 3; /* workers that died while running it; above 0 it runs
					 * alone */
	uint16_t	 alone : 1;	/* its next attempt gets a worker of its own */
	uint16_t	 alone_asked : 1; /* EFFECT_START_ALONE was given out for it; it holds its
					   * limits */
	uint16_t	 begun : 1;	/* an attempt may have begun: its ttl is over, it did
					 * start */
	uint16_t	 cancel_asked : 1;
	uint16_t	 in_line : 1;	/* its flow holds it: it could run now, for all it knows */
	uint32_t	 spec_len;	/* of args and labels, wherever they are */
	uint16_t	 timeout : 13;	/* times 10 ** timeout_exponent; read it by job_timeout_ms */
	uint16_t	 timeout_exponent : 3;
	uint16_t	 state : 4;	/* enum job_state */
	uint16_t	 away : 1;	/* its arguments are in the store alone */
	uint16_t	 body_joined : 1; /* its body is part of its own allocation */
	uint16_t	 in_slab : 1;	/* it is one of core->slab */
	uint16_t	 durable : 1;	/* the store remembers it */
	uint16_t	 unstored : 1;	/* that it is live is not on disk yet: it does not run */
	uint16_t	 ending : 1;	/* how it ends is known, and not on disk yet: it is still what
					 * it was */
	uint16_t	 marked : 1;	/* that an attempt may have begun is on disk (on_lost: fail) */
	uint16_t	 marking : 1;	/* that is being written */
	uint16_t	 loading : 1;	/* away, and its turn came: not in line until its
					 * arguments are there */
	uint16_t	 fetched : 1;	/* in line, and flow->ahead counts it */
};

#define JOB_BYTES	sizeof(struct job)

_Static_assert(JOB_BYTES == 72, "a waiting job costs what it should");

/* The struct, made if it is not there yet; the job's, gone with it. */
struct job_body *job_body_get(struct job *j);
struct job_extra *job_extra_get(struct job *j);
struct job_run *job_run_get(struct job *j);
struct job_life *job_life_get(struct job *j);

struct type *job_type(const struct job *j);
int64_t job_timeout_ms(const struct job *j);

static inline struct job_extra *
job_extra(const struct job *j)
{
	return j->body == NULL ? NULL : j->body->extra;
}

static inline struct job_run *
job_run(const struct job *j)
{
	return j->body == NULL ? NULL : j->body->run;
}

static inline int64_t
job_due_ns(const struct job *j)
{
	return job_extra(j) == NULL ? 0 : job_extra(j)->due_ns;
}

static inline int64_t
job_ttl_ns(const struct job *j)
{
	return job_extra(j) == NULL ? 0 : job_extra(j)->ttl_ns;
}

static inline struct order *
job_order(const struct job *j)
{
	return job_extra(j) == NULL ? NULL : job_extra(j)->order;
}

static inline struct membership *
job_member(const struct job *j)
{
	return job_extra(j) == NULL ? NULL : job_extra(j)->member;
}

/* It has ended, and that it runs again is being written down. */
static inline bool
job_again(const struct job *j)
{
	return j->unstored && job_run(j) != NULL && job_run(j)->again;
}

/* Nothing more can be asked of it: it has ended, or that is being written down. */
static inline bool
job_over(const struct job *j)
{
	return j->ending || job_again(j) || job_state_finished(j->state);
}

static inline const char *
job_traceparent(const struct job *j)
{
	return job_extra(j) == NULL ? NULL : job_extra(j)->traceparent;
}

static inline bool
job_held(const struct job *j)
{
	return job_extra(j) != NULL && job_extra(j)->held;
}

static inline const struct job_life *
job_life(const struct job *j)
{
	return job_extra(j) == NULL ? NULL : job_extra(j)->life;
}

static inline int64_t
job_keep_ms(const struct job *j)
{
	return job_life(j) == NULL ? 0 : job_life(j)->keep_ms;
}

/* Of it the job may have its key no more. */
static inline struct unique *
job_unique(const struct job *j)
{
	return job_life(j) == NULL ? NULL : job_life(j)->unique;
}

static inline struct attempt *
job_attempt(const struct job *j)
{
	return job_run(j) == NULL ? NULL : job_run(j)->attempt;
}

/* Tries so far, innocent ones too. */
static inline unsigned
job_attempts(const struct job *j)
{
	return job_run(j) == NULL ? 0 : job_run(j)->attempts;
}

/* Of a finished job. */
static inline const struct outcome *
job_outcome(const struct job *j)
{
	return &job_run(j)->outcome;
}

static inline int64_t
job_created_ms(const struct job *j)
{
	return j->created_ms;
}

static inline struct transition
job_first_move(const struct job *j)
{
	return (struct transition){ .at_ms = j->created_ms, .state = j->first_state,
	    .reason = j->first_reason };
}

/* How many transitions are known of it: at most CORE_MOVES_KEPT, of more the oldest but the first
 * are dropped. */
static inline size_t
job_moves_len(const struct job *j)
{
	return job_run(j) == NULL ? 1 : job_run(j)->moves_len;
}

/* One of them, oldest first. */
static inline struct transition
job_move_at(const struct job *j, size_t i)
{
	return job_run(j) == NULL ? job_first_move(j) : job_run(j)->moves[i];
}

/* The one that brought it where it is. */
static inline struct transition
job_last_move(const struct job *j)
{
	return job_move_at(j, job_moves_len(j) - 1);
}

static inline const struct attempt_record *
job_tries(const struct job *j, size_t *len)
{
	*len = job_run(j) == NULL ? 0 : job_run(j)->tries_len;
	return job_run(j) == NULL ? NULL : job_run(j)->tries;
}

static inline uint32_t
job_failures(const struct job *j)
{
	return job_life(j) == NULL ? 0 : job_life(j)->failures;
}

static inline uint32_t
job_labels_len(const struct job *j)
{
	return j->body == NULL ? 0 : j->body->labels_len;
}

static inline const char *
job_labels(const struct job *j)
{
	return j->body == NULL ? "" : j->body->text;
}

static inline uint32_t
job_args_len(const struct job *j)
{
	return j->spec_len - job_labels_len(j);
}

/* Not of one that is away. */
static inline const char *
job_args(const struct job *j)
{
	return j->body == NULL ? "" : j->body->text + j->body->labels_len;
}

#endif
