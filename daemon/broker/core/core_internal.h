/*
 * core_internal.h - what the files of core/ share: the structures, and who may touch which.
 *
 * How a job comes to run.  A ready job sits in a flow: the jobs that share all their gates (queue,
 * type, tenant, limit key, group) and their lane, by priority and then in order of getting ready.
 * The jobs of one queue and lane are a bench; each tenant has a seat on it.  The benches of a lane
 * that have something to give take turns, and so do the seats of a bench.
 *
 * A flow that comes up and finds a gate closed is parked: in a stall, the flows of one bench that
 * are held by one gate.  While the gate is open a stall gives jobs as the bench itself does, and a
 * start that closes the gate takes the whole stall out of the bench.  So a gate that opens and
 * closes costs the same with one flow behind it as with a million, and nothing ever walks over
 * jobs that cannot run.  Inside a bench or a stall, the flows of one tenant are a row.
 *
 *   bench ── rows ───────────── row of tenant a ── flows ── levels ── jobs
 *     └── open: stalls ── rows ── row of tenant a ── flows ...
 *
 * A place is one lane of one pool: its workers, and the benches of all queues with jobs for them.
 * Jobs that must run alone have places of their own, by what a start takes, with CORE_ALONE_MAX
 * slots in all.  Which places are looked at for the next start follows from lists that are kept up to date
 * (place_refresh), so a thousand pools without jobs, or without a free worker, cost nothing.
 */
#ifndef CORE_CORE_INTERNAL_H
#define CORE_CORE_INTERNAL_H

#include "daemon/broker/core/core.h"
#include "daemon/broker/core/tally.h"
#include "lib/idset.h"
#include "lib/map.h"
#include "lib/names.h"
#include "lib/slab.h"
#include "proto/bounds.h"

#define NS_IN_MS	INT64_C(1000000)
#define LINE_ALONE	LANES		/* what must run alone; the next ones by what it needs */
#define EXEC_EXTRA_MS	5000		/* an exec worker escalates itself, at grace */
#define SLOT_NS	(10 * NS_IN_MS)		/* a window may be filled on for so long while others
						 * wait for its slot */
#define RETRY_NS	(1000 * NS_IN_MS)	/* after a worker for a job alone could not be
						 * started */
#define REFUSED_NS	(10 * NS_IN_MS)		/* after a worker with nothing in flight refused
						 * an attempt */
#define TICK_BUDGET	1024			/* timers handled by one core_tick */
#define PURGE_STEP	500			/* jobs looked at by one core_queue_purge */
#define FAN_BUDGET	4096			/* children of jobs that ended, between two ticks */

/* ---- ready sets (ready.c) ---- */

struct level {
	struct list	 jobs;		/* job->link, by job->seq */
	struct list	*finger;	/* where the last job went back in; NULL: none */
	struct list	*cursor;	/* no job before this one is away; NULL: none at all is */
	uint64_t	 count;
	int		 priority;
};

#define FLOW_GATES	(GATE_STORE + 1)	/* the queue's gate is the bench's */

/* What the jobs of a flow share.  Its bytes are what a flow is found by. */
struct flow_of {
	struct bench	*bench;
	struct gate	*gates[FLOW_GATES];	/* by enum gate_kind; NULL: it has no such */
};

struct flow {
	struct flow_of	 of;
	struct heap_node node;		/* in row->flows, by the place in line of its first job */
	struct seat	*seat;
	struct tally	*tally;		/* where its jobs are counted */
	struct row	*row;		/* where it waits; NULL: no job of it is in line */
	struct list	 link;		/* in seat->flows */
	struct level	**levels;	/* highest priority first; none is empty */
	struct level	*spare;		/* an empty one, so that a flow that comes and goes
					 * allocates nothing */
	uint32_t	 levels_len, levels_cap;
	uint32_t	 refs;		/* jobs and attempts */
	uint32_t	 ahead;		/* jobs with arguments that are being read, or were */
	uint64_t	 count;		/* jobs in line */
};

/* ---- turns (turns.c) ---- */

/* The flows of one tenant that wait in one place: on the bench, or in one stall. */
struct row_of {
	struct stall	*stall;		/* NULL: on the bench */
	struct seat	*seat;
};

struct row {
	struct row_of	 of;
	struct heap_node node;		/* in stall->rows or bench->rows, by priority and turn;
					 * a turn in a stall may be an older one of its seat's */
	struct heap	 flows;
};

/* A tenant on a bench. */
struct seat_of {
	struct bench	*bench;
	struct tenant	*tenant;
};

struct seat {
	struct seat_of	 of;
	struct row	 own;
	struct list	 link;		/* in tenant->seats */
	struct list	 flows;		/* all of them */
	int64_t		 turn;		/* of the last turn, or of getting its first job: smaller
					 * is next.  Kept while it is held up, so that no turn is
					 * lost by that */
	uint32_t	 credit;	/* starts left of this turn */
	uint32_t	 refs;		/* flows */
	uint64_t	 count;		/* jobs in line */
};

/* The flows of one bench that are parked at one gate. */
struct stall_of {
	struct bench	*bench;
	struct gate	*gate;
};

struct stall {
	struct stall_of	 of;
	struct heap_node node;		/* in bench->open, by its first row, while the gate is
					 * open (a type's: was, when it was last looked at) */
	struct list	 link;		/* in gate->stalls */
	struct list	 wide;		/* in bench->wide, at a type's gate */
	struct list	 sleep;		/* in type->asleep, at a type's gate and not in open */
	struct heap	 rows;		/* one for each tenant */
};

/* The jobs of a queue that wait at a place. */
struct bench_of {
	struct queue	*queue;
	struct place	*place;
};

struct bench {
	struct bench_of	 of;
	struct heap_node node;		/* in place->benches, when it has something to give */
	struct list	 link;		/* in queue->benches */
	int64_t		 turn;		/* of the last turn, or of getting its first job: smaller
					 * is next.  It is kept while the queue is at its limit,
					 * so no turn is lost by that */
	struct heap	 rows;		/* the one with the highest priority is next, then the
					 * one with the smallest turn */
	struct heap	 open;		/* stalls, in the same order */
	struct list	 wide;		/* stalls at gates of types */
	struct flow	*recent;	/* the flow that was found last; NULL: none */
	uint64_t	 count;
};

/* ---- pools and places (pool.c, place.c) ---- */

/* What all pools share of the machine. */
struct budget {
	uint32_t	 limit;		/* 0: none */
	uint64_t	 used;
};

/* Where places stand that could give a job to a worker at this moment, by what else that takes. */
enum starts {
	STARTS_FREE,			/* nothing */
	STARTS_CPU, STARTS_WAITING,	/* a slot of a budget; of these three there are places for
					 * jobs alone: JOB_LINES */
	STARTS_BEHIND,			/* nothing: a place behind another attempt */
	STARTS
};

struct place {
	struct pool	*pool;
	struct budget	*budget;	/* of which each start takes a slot, but behind another;
					 * NULL: of none */
	struct heap	 benches;	/* the one with the smallest turn is next */
	struct list	 thirsty;	/* types whose gate is open and stalls still asleep */
	struct heap	 fresh;		/* workers with a free slot, by attempts there */
	struct heap	 behind;	/* fifo workers that run something, and may take another
					 * behind it */
	struct list	 start, start_behind;	/* in core->starts, while it has something to give
					 * and there is a worker in `fresh`, or in `behind` */
	uint64_t	 looked;	/* core->look when it was its turn last */
	uint32_t	 workers;	/* that serve it, */
	uint64_t	 used, slots;	/* and their attempts and slots */
	uint8_t		 line;		/* enum lane or LINE_* */
	uint8_t		 starts;	/* enum starts, of `start` */
};

struct pool {
	uint32_t	 number;
	int64_t		 short_ns;	/* attempts with a smaller mean may wait behind each other */
	bool		 exec;		/* runs commands */
	bool		 remote;	/* its workers are on other machines */
	struct place	 own[LANES];
	struct place	*places[LANES];	/* its own, but for the inline lane, and the process lane
					 * of plugins: those are of the built-in pool */
	uint32_t	 name_len;
	char		 name[];
};

/* ---- queues, tenants, limit keys (queue.c, tenant.c) ---- */

struct tenant {
	struct gate	 gate;
	struct queue	*queue;
	struct list	 seats;		/* seat->link */
	uint32_t	 refs;		/* seats */
	uint32_t	 weight;	/* starts in one turn */
	uint32_t	 name_len;
	char		 name[];
};

struct limit_key {
	struct gate	 gate;
	struct queue	*queue;
	uint32_t	 refs;		/* flows */
	uint32_t	 key_len;
	char		 key[];
};

struct queue {
	char		*name;
	uint32_t	 name_len;
	uint32_t	 refs;		/* tenants */
	struct gate	 gate;
	uint32_t	 tenant_running, key_running;	/* limits of its tenants and keys; 0: none */
	struct retry_policy retry;	/* for jobs whose type says nothing either */
	int64_t		 max_jobs, max_bytes;	/* that wait; 0: no limit */
	uint64_t	 waiting_bytes;
	uint32_t	 watches;
	bool		 draining;
	bool		 configured;	/* stays when no job refers to it */
	uint64_t	 states[JOB_STATES];
	struct list	 watched;	/* in core->watched, while watches > 0 */
	struct list	 effect;	/* in core->less, when EFFECT_QUEUE is to be given out */
	struct list	 benches;	/* bench->link */
	struct bench	*recent[JOB_LINES];	/* the one that was found last */
	struct namemap	 tenants, keys;
	struct namemap	 weights;	/* struct weight, by tenant */
};

/* ---- order keys (order.c) ---- */

struct order {
	uint32_t	 refs, key_len;
	struct job	*holder;	/* whose turn it is; NULL: nobody's */
	uint64_t	 stuck_id;	/* not 0: the job whose attempt does not end; nobody else
					 * runs until it does */
	struct list	 behind;	/* job->link of those that wait for the key, in order of
					 * submission */
	char		 key[];		/* NUL-terminated; it holds no NUL itself */
};

/* ---- workers (worker.c, place.c) ---- */

struct worker {
	uint32_t	 number;
	uint16_t	 name;		/* in core->worker_names */
	struct list	 attempts;	/* in order of start */
	struct list	 effect;	/* in core->kills or core->idles */
	struct heap_node open[LANES];	/* in `in` */
	struct heap	*in[LANES];	/* fresh or behind of the lane's place, when it can take
					 * one more; NULL: it cannot */
	struct heap_node retry;		/* in core->retries, after a refusal with nothing in
					 * flight */
	uint32_t	 slots[LANES], used[LANES];
	uint32_t	 stuck, stuck_threads;
	uint32_t	 credit;	/* it takes so many more, or CORE_CREDIT_ANY */
	uint64_t	 bytes;		/* of input in flight */
	uint64_t	 alone_for;
	struct pool	*pool;
	struct budget	*held;		/* fifo: of which it has a slot, as something is in flight */
	int64_t		 held_ns;	/* since then */
	bool		 fifo;		/* runs one at a time, in order of start */
	bool		 killable;	/* with it goes what does not end in its process lane */
	bool		 yields;	/* it takes nothing more before it has given its slot back */
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
	struct budget	*held;		/* a slot for the job's attempt; NULL: none */
	int64_t		 retry_ns;	/* COOLING */
};

/* ---- retention (retain.c) ---- */

struct kept {
	struct list	 jobs;		/* oldest first */
	int64_t		 count, bytes, keep_ms;
};

/* ---- groups (group.c) ---- */

struct kept_groups {
	struct list	 groups;		/* the first to be forgotten is the first */
	uint64_t	 count;
	int64_t		 keep_ms;
};

struct groups {
	struct namemap	 names;
	struct idset	 numbers;
	struct list	 known;			/* newest first */
	struct list	 due;			/* may have something to do */
	struct list	 reduce, finished;	/* effects to give out */
	struct kept_groups kept[2];		/* finished and told: memory, durable */
	uint64_t	 unfinished, reducing;
	bool		 held;			/* members wait for the disk */
	struct group	*doomed;		/* forgotten; let go when the next effect is taken */
};

/* ---- changes (changes.c) ---- */

struct changes {
	struct change	*ring;			/* NULL: nobody has asked yet */
	uint64_t	 cap, first, next;	/* numbers of changes */
};

struct core {
	struct core_config cfg;
	struct core_stats stats;
	struct idset	 jobs;
	struct slab	 slab;			/* jobs without text of their own */
	struct namemap	 types, queues, orders, type_limits;
	struct namemap	 flows, rows, stalls;	/* by struct flow_of, row_of, stall_of */
	struct namemap	 benches, seats;	/* by struct bench_of, seat_of */
	struct namemap	 uniques;		/* keys that are held */
	struct namemap	 tallies;		/* by queue and type */
	uint64_t	 newest_id, oldest_id;
	uint64_t	 seq;			/* places in line given so far */
	uint64_t	 fences;		/* attempts started so far */
	uint64_t	 chance;		/* state of the random numbers */
	int64_t		 turn;			/* turns given out so far */
	uint64_t	 waiting;		/* scheduled and ready */

	struct pool	**pools;		/* by number */
	uint32_t	 pools_len;
	struct namemap	 pool_names;
	struct budget	 cpu, async;		/* core_budgets */
	struct list	 starts[STARTS];	/* place->start, start_behind */
	int		 turn_starts;		/* which of them is looked at first */
	uint64_t	 look;			/* counts looks at them, and changes of them */
	struct place	 alone_places[STARTS_BEHIND];	/* by enum starts */
	int		 turn_alone;
	struct worker	**workers;		/* by number; NULL: none */
	uint32_t	 workers_len;
	struct names	 worker_names;		/* of workers, and of those that attempts had */
	struct worker	*inliner;		/* the caller, as worker of the inline lane */
	struct alone	 alone[CORE_ALONE_MAX];

	struct heap	 job_timers, attempt_timers, gate_timers, unique_timers, retries;
	struct list	 moving;		/* types whose jobs are being put into another lane */

	struct groups	 groups;
	struct changes	 changes;
	struct gate	 store_gate;		/* of all durable jobs */
	char		*store_why;		/* it is paused: in words */
	struct list	 records;		/* job_run->record: EFFECT_RECORD is to be given out */
	uint64_t	 recording;		/* jobs that are unstored or ending */
	uint64_t	 durable_in_line;
	int64_t		 text_bytes;		/* memory for arguments of durable jobs that wait */
	struct list	 loads;			/* EFFECT_LOAD is to be given out */
	uint64_t	 loading;		/* jobs that wait for their arguments, */
	int64_t		 loading_bytes;		/* and what those take */
	struct list	 orphans;		/* job_edge->link: parents that are not known here */
	struct list	 tells, kills, idles, less;	/* effects to give out */
	struct list	 watched;		/* queues */
	bool		 room_wanted;		/* somebody waits until fewer jobs wait in all */
	struct order	*sequence;		/* of all jobs, when they run one at a time */
	struct list	 finished;		/* jobs with an outcome that nobody was told yet */
	struct kept	 kept[2];		/* told: [0] others, [1] failed */
	struct list	 aside;			/* told, failed, and kept while others wait behind */
	struct list	 forgets;		/* forgotten on request */
	uint32_t	 fan_left;		/* children that may be looked at before the next
						 * tick */
	uint64_t	 in_line;		/* jobs in ready sets */
	struct job	*doomed;		/* forgotten; freed when the next effect is taken */
};

/* core.c: what is known of a job when it is made */
struct job_wish {
	uint64_t	 id;
	const struct jobspec *spec;
	struct type	*type;
	enum lane	 lane;
	struct submitter *by;
	struct group	*group;		/* NULL: none; spec->group is not looked at */
};
/* With its flow and its order key; in no list, and of no group. */
struct job *job_build(struct core *c, struct core_time now, struct queue *q,
    const struct job_wish *w);

/* job.c: states and their records */
struct job *job_new(struct core *c, struct core_time now, uint64_t id, const struct jobspec *spec);
void job_free(struct core *c, struct job *j);
int64_t job_bytes(const struct job *j);
/* It is submitted: its first state. */
void job_enter(struct core *c, struct core_time now, struct job *j, enum job_state state,
    enum job_reason reason);
/* The one function that changes a state after that. */
void job_move(struct core *c, struct core_time now, struct job *j, enum job_state state,
    enum job_reason reason);
void job_try_begin(struct core *c, struct job *j, const struct attempt *at, int64_t now_ms);
/* It was behind another in its worker, and runs only now. */
void job_try_begins(struct job *j, int64_t now_ms);
void job_try_end(struct job *j, int64_t now_ms, enum job_reason end);
void job_try_withdraw(struct core *c, struct job *j);
/* It turned out to belong into another lane. */
void job_try_relaned(struct job *j, enum lane lane);
/* What it has used up to now. */
void job_try_spent(struct job *j, const struct spent *spent);
/* Ends it: takes o (NULL: cancelled or expired). */
void job_finish(struct core *c, struct core_time now, struct job *j, enum job_state state,
    enum job_reason reason, struct outcome *o);
/* It was never there. */
void job_uncount(struct core *c, const struct job *j);
/* It is as it was when the daemon ended: its transitions, its attempts (their texts are taken), its
 * state. */
void job_relive(struct core *c, struct job *j, enum job_state state, const struct job_saved *s);
/* The end itself, once nothing is in its way. */
void job_end(struct core *c, struct core_time now, struct job *j, enum job_state state,
    enum job_reason reason);
void outcome_free(struct outcome *o);
/* How an attempt failed; takes message. */
struct outcome outcome_failed(enum failure_kind kind, char *message);
void job_fail(struct core *c, struct core_time now, struct job *j, enum job_reason reason,
    enum failure_kind kind, char *message);
/* An attempt failed: another one follows, or the job ends with o (taken). */
void job_failed(struct core *c, struct core_time now, struct job *j, enum job_reason reason,
    struct outcome *o);
bool job_waiting(const struct job *j);
/* Takes a waiting job from wherever it waits. */
void job_withdraw(struct core *c, struct job *j);
void job_expire(struct core *c, struct core_time now, struct job *j);

/* core_cancel, for a reason of ours. */
int core_cancel_because(struct core *c, struct core_time now, struct job *j, enum job_reason why);

/* record.c: what of durable jobs is written down, and what waits for that */
/* EFFECT_RECORD is to say this of a durable job, and whatever else was asked for before. */
void record_ask(struct core *c, struct job *j, enum record what);
bool record_take(struct core *c, struct effect *out);
/* It has ended, and is to run again: its outcome stays until that is on disk. */
void record_again(struct core *c, struct job *j);
/* It may be in line, as far as the disk is concerned. */
static inline bool
record_open(const struct job *j)
{
	return !j->unstored && !j->ending && !j->marking;
}
/* Must it be written down first that an attempt of it may have begun?  Then it leaves the line until
 * that was done. */
bool record_mark(struct core *c, struct job *j);

/* load.c: arguments that are in the store alone */
/* What the arguments of a durable job take of memory. */
int64_t load_bytes(const struct job *j);
/* Its arguments go, if there is too much of them; they are in the store. */
void load_send_away(struct core *c, struct job *j);
/* Its turn came, and it is away: it leaves the line, and goes back with its arguments; false: too
 * many do at this moment. */
bool load_ask(struct core *c, struct job *j);
/* It does not wait for them any more. */
void load_leave(struct core *c, struct job *j);
/* A durable job of this flow had its turn: the arguments of others are read ahead. */
void load_ahead(struct core *c, struct flow *f);
bool load_take(struct core *c, struct effect *out);

/* changes.c */
void change_note(struct changes *ch, uint64_t id, struct transition t);
void changes_free(struct changes *ch);

/* group.c: what happens to members, and what follows from it */
void groups_init(struct groups *gs);
/* How long those are kept that finish from now on. */
void groups_configure(struct groups *gs, const struct core_config *cfg);
void groups_free(struct core *c);
void group_unref(struct core *c, struct group *g);
int group_make(struct core *c, int64_t created_ms, const struct group_spec *spec,
    struct group **out);
struct membership *membership_new(struct group *g, struct job *j);
void group_join(struct group *g, struct job *j);
void group_join_reduce(struct group *g, struct job *j);
/* A member, or the reduce job, that could not be written down; before its state is uncounted. */
void group_unjoin(struct core *c, struct core_time now, struct job *j);
/* Its state was, or is, one that may mean something for the group: groups_run looks. */
void group_due(struct core *c, struct group *g);
void group_stop(struct core *c, struct group *g, enum group_state as, char *why);
void group_check_fails(struct core *c, struct group *g);
void group_refresh_gate(struct core *c, struct group *g);
/* group_kept.c */
void group_unname(struct core *c, struct group *g);
void group_keep(struct core *c, struct group *g);
bool groups_take_forgotten(struct core *c, struct core_time now, struct effect *out);
/*
 * A job that comes back, group_saved.c: after its group did, before its state is counted (job_enter).
 * index: of a member.  One that has ended is counted by core_group_restore_ended, and not here.
 */
void group_rejoin(struct group *g, struct job *j, uint64_t index, bool live);
void group_rejoin_reduce(struct core *c, struct group *g, struct job *j, bool live);
/* A member came into a state, or left it. */
void group_count(const struct job *j, enum job_state state, int by);
/* It has ended; and everybody was told of that. */
void group_job_ended(struct core *c, struct job *j);
void group_job_told(struct core *c, struct core_time now, struct job *j);
void group_forget_job(struct core *c, struct job *j);
/* Carries out what is due, as far as one effect's time goes. */
void groups_run(struct core *c, struct core_time now);
bool groups_take(struct core *c, struct core_time now, struct effect *out);
void groups_bury(struct core *c);
int64_t groups_next_ns(const struct core *c);

/* wait.c: what a job waits for before it can be in line */
/* Is there anything: its time? */
bool wait_left(const struct job *j);
/* Its state was decided: to where it waits. */
void wait_begin(struct core *c, struct job *j);
/* Something is to be waited for, or not: to `scheduled`, or in line. */
void wait_again(struct core *c, struct core_time now, struct job *j, enum job_reason reason);
/* Something that a scheduled job waited for came: it gets in line when nothing else is left. */
void wait_over(struct core *c, struct core_time now, struct job *j, enum job_reason reason);

/* retry.c */
/* Does another attempt follow this failure?  If so the job waits for it, and o was taken. */
bool retry_follows(struct core *c, struct core_time now, struct job *j, struct outcome *o);

void job_set_timeout(struct job *j, int64_t timeout_ms);

/* depend.c: jobs that wait for others */
/* It waits for its parents; those of which the end was told are not waited for. */
void depend_enter(struct core *c, struct job *j, const struct jobspec *spec);
/* As it was when the daemon ended; one that has ended only tells what it waited for. */
void depend_again(struct core *c, struct job *j, const struct job_saved *s);
/* It fails at once if one of these does not let it run. */
void depend_check(struct core *c, struct core_time now, struct job *j);
/* It waits for nobody any more. */
void depend_leave(struct job *j);
/* What a parent's end means to its children; false: there are more, after the next tick. */
bool depend_told(struct core *c, struct core_time now, struct job *parent);
void depend_told_at_once(struct core *c, struct core_time now, struct job *parent);

/* queue.c: queues by name */
struct queue *queue_get(struct core *c, struct span name);
struct queue *queue_find(const struct core *c, struct span name);
/* As core_room; q NULL: nobody has used it yet. */
struct room_view queue_room(const struct core *c, const struct queue *q, size_t bytes);
/* The weight that the queue's settings give a tenant. */
uint32_t queue_weight(const struct queue *q, struct span tenant);
/* A job that waited or ran there does so no more. */
void queue_less(struct core *c, struct queue *q);
/* Is gone when nothing refers to it. */
void queue_settle(struct core *c, struct queue *q);
void queue_free(struct core *c, struct queue *q);

static inline struct queue *
job_queue(const struct job *j)
{
	return j->flow->of.bench->of.queue;
}

/* tenant.c: tenants and limit keys of a queue; made at first use, gone with their last flow */
struct tenant *tenant_get(struct queue *q, struct span name);
void tenant_set_weight(struct tenant *t, uint32_t weight);
void tenant_unref(struct core *c, struct tenant *t);
struct limit_key *limit_key_get(struct queue *q, struct span key);
void limit_key_unref(struct core *c, struct limit_key *k);

/* ready.c: jobs that could run now, in line */
void ready_add(struct core *c, struct job *j);
void ready_remove(struct core *c, struct job *j);
struct job *flow_head(const struct flow *f);
/* The first in line that is away; NULL: none, or it is far behind. */
struct job *flow_first_away(struct flow *f);
int64_t flow_key(const struct flow *f);
/* The flow of jobs that share this: found or made, and counted. */
struct flow *flow_get(struct core *c, const struct flow_of *of);
struct flow *flow_ref(struct flow *f);
void flow_unref(struct core *c, struct flow *f);
/* The job, not in line, gets the flow with the same gates on another bench of its queue. */
void flow_change(struct core *c, struct job *j, struct place *place);

/* turns.c: whose turn it is on a bench */
struct bench *bench_get(struct core *c, struct queue *q, struct place *place);
void bench_free(struct core *c, struct bench *b);
/* After what a bench holds, or its queue's gate, has changed. */
void bench_refresh(struct core *c, struct bench *b);
/* The flow whose turn it is; NULL: none, and the bench is out of the turns. */
struct flow *bench_next(struct core *c, struct bench *b);
/* This flow of it had its turn: all others come first. */
void bench_served(struct core *c, struct flow *f);
/* When a tenant's job of this priority comes up: smaller is next, by priority and then by turn. */
int64_t turn_key(const struct seat *s, int priority);
/* That of the first job of a row with flows. */
int64_t row_key(const struct row *r);
struct seat *seat_get(struct core *c, struct bench *b, struct tenant *t);
void seat_unref(struct core *c, struct seat *s);
/* A job of this flow came or went, in line. */
void turns_changed(struct core *c, struct flow *f, int by);
/* This gate is closed: the flow waits there. */
void turns_park(struct core *c, struct flow *f, struct gate *g);
void stall_sleep(struct core *c, struct stall *s);
void stall_wake(struct core *c, struct stall *s);

/* gate.c: what keeps a flow from running */
void gates_hold(struct core *c, struct core_time now, struct flow *f);
/* What it took of a rate stays taken, whether anything began or not. */
void gates_release(struct core *c, struct flow *f);
/* The first gate of it that is closed, its queue's not counted; NULL: all are open. */
struct gate *flow_shut_gate(const struct flow *f);
/* A gate's timer is due. */
void gates_tick(struct core *c, struct heap_node *due, int64_t now_ns);
/* Wakes one stall of a type whose gate is open; false: there is none. */
bool gates_wake(struct core *c, struct place *place);
void type_refresh_thirst(struct core *c, struct type *t);
/* All that sleep at its gate look again. */
void type_wake(struct core *c, struct type *t);

/* order.c: one at a time */
struct order *order_get(struct core *c, const char *key, size_t len);
struct order *order_ref(struct order *o);
void order_unref(struct core *c, struct order *o);
/* Is it this job's turn? */
bool order_open(const struct job *j);
void order_enter(struct job *j);
/* The job ends: it leaves the line, or passes the key on. */
void order_leave(struct core *c, struct core_time now, struct job *j);
/* It is its turn, and if it fails nobody else's until somebody has dealt with that. */
bool order_blocks(const struct job *j);
/* It has failed, and others wait behind it. */
bool order_blocked(const struct job *j);
/* It was so when the daemon ended: whoever is here with its key stands behind it. */
void order_block_again(struct core *c, struct job *j);
/* That was dealt with, if it was so: the key passes on. */
void order_unblock(struct core *c, struct job *j);
/* An attempt of this job goes on without it, and then ends. */
void order_stuck(struct order *o, uint64_t id);
void order_unstuck(struct core *c, struct order *o);

/* unique.c: unique keys */
/* It has ended. */
void unique_ended(struct core *c, struct job *j);
/* It runs again; -EEXIST: another holds its key. */
int unique_again(struct core *c, struct core_time now, struct job *j);
/* It goes: its key stays for as long as was said, unless it goes as if it had never been. */
void unique_leave(struct core *c, struct job *j);
/* A key's timer is due. */
void unique_due(struct core *c, struct heap_node *due);
void uniques_free(struct core *c);

/* pool.c */
void pools_init(struct core *c);
void pools_free(struct core *c);
/* Is a job of this type that is routed to a lane in line there, or alone? */
static inline struct place *
place_of(struct core *c, const struct type *t, int lane, bool alone)
{
	return alone ? &c->alone_places[t->places[lane]->starts] : t->places[lane];
}
static inline struct place *
place_of_line(struct core *c, const struct type *t, int line)
{
	return line < LANES ? t->places[line] : &c->alone_places[line - LINE_ALONE];
}
/* After what it has to give, or the workers in fresh or behind, have changed. */
/* Is there anything that might start? */
static inline bool
place_gives(const struct place *p)
{
	return p->benches.len > 0 || !list_empty(&p->thirsty);
}
void place_list(struct core *c, struct list *head, struct list *node, bool in);
static inline void
place_refresh(struct core *c, struct place *p)
{
	bool	gives = place_gives(p);
	bool	start = gives && p->fresh.len > 0, behind = gives && p->behind.len > 0;

	if (start != list_linked(&p->start))
		place_list(c, &c->starts[p->starts], &p->start, start);
	if (behind != list_linked(&p->start_behind))
		place_list(c, &c->starts[STARTS_BEHIND], &p->start_behind, behind);
}
/* The one that such a start takes a slot of; NULL: none. */
static inline struct budget *
budget_for(struct core *c, uint8_t starts)
{
	return starts == STARTS_CPU ? &c->cpu : starts == STARTS_WAITING ? &c->async : NULL;
}
/* Is there a slot for one more? */
static inline bool
budget_open(const struct budget *b)
{
	return b == NULL || b->limit == 0 || b->used < b->limit;
}
/* Takes one, whether there is one or not; NULL takes none. */
struct budget *budget_take(struct budget *b);
void budget_give(struct budget *b);

/* place.c: which worker takes a job */
/* After anything that decides whether a worker can take one more. */
void place_update(struct core *c, struct worker *w);
void place_leave(struct core *c, struct worker *w);
void place_update_all(struct core *c);
/* Starts the next job that may start; NULL: none. */
struct attempt *place_start(struct core *c, struct core_time now);
/* The next job that may have a worker of its own, now asked for; NULL: none. */
struct job *place_alone(struct core *c, struct core_time now);

/* type.c */
void type_free(struct type *t);
/* After what keeps all of its jobs has changed. */
void type_open(struct core *c, struct type *t);
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
/* Its next attempt is one in a worker of its own. */
bool alone_needed(const struct job *j);
struct alone *alone_free_slot(struct core *c);
void alone_ask(struct core *c, struct core_time now, struct job *j, struct alone *a);
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

/* How long it has run. */
int64_t attempt_ran_ns(const struct attempt *at, struct core_time now);

/* tally.c */
struct tally *tally_get(struct core *c, const struct queue *q, const struct type *type);
void tallies_free(struct core *c);
void tally_job(const struct job *j);			/* it was submitted */
void tally_job_ended(const struct job *j);		/* in the state that it has now */
/* An attempt of a job that is ready still. */
void tally_attempt(struct attempt *at, const struct job *j);
void tally_attempt_began(struct attempt *at, struct core_time now);
/* Its worker had no room for it. */
void tally_attempt_withdrawn(const struct attempt *at);
/* Once, of one that has not got its end yet; one that never began does not count. */
void tally_attempt_ended(const struct attempt *at, struct core_time now, enum tally_end end);

/* move.c: types that change their lane */
/* Puts a job that is not in line on the bench of its type's lane. */
void move_job(struct core *c, struct job *j);
void move_tick(struct core *c);

/* timer.c */
int64_t ns_after(int64_t now_ns, int64_t ms);
void job_timer_set(struct core *c, struct job *j);
void job_timer_stop(struct core *c, struct job *j);

/* retain.c */
void retain_add(struct core *c, struct core_time now, struct job *j);
struct job *retain_oldest_due(struct core *c, struct core_time now);
void retain_drop(struct core *c, struct job *j);
/* Out of whatever list a finished job is in. */
void retain_take(struct core *c, struct job *j);
/* Nobody waits any more for what becomes of this failed job. */
void retain_again(struct core *c, struct core_time now, struct job *j);
/* Its own keep_ms is over. */
void retain_over(struct core *c, struct core_time now, struct job *j);
/* How long failed jobs, or all others, are kept: also those that are kept already. */
void retain_configure(struct core *c, struct core_time now, bool failed, int64_t keep_ms);
int64_t retain_next_ns(const struct core *c);

#endif
