/*
 * lanes.h - the broker's end of the lanes: workers' incarnations, their channels, their deaths.
 *
 * Knows the supervisor (control messages) and core (worker and attempt events); knows no connection.
 */
#ifndef LANES_LANES_H
#define LANES_LANES_H

#include "daemon/broker/broker.h"

/* control_fd: the supervisor.  Asks for all workers; broker_ready follows when each lane has one. */
struct lanes *lanes_new(struct broker *b, int control_fd);
/* Descriptors that workers may need. */
int64_t lanes_files(const struct config *cfg);
void lanes_free(struct lanes *l);
/* The daemon ends: idle workers end too, those that are busy are left to the supervisor. */
void lanes_stop(struct lanes *l);

/* Fills places again, looks at memory and lateness; wanted again no later than lanes_next_ns. */
void lanes_tick(struct lanes *l);
int64_t lanes_next_ns(const struct lanes *l);

/* Effects of core. */
void lanes_start(struct lanes *l, struct attempt *at);
void lanes_tell(struct lanes *l, struct attempt *at);
void lanes_kill(struct lanes *l, uint32_t worker, const char *why);
void lanes_start_alone(struct lanes *l, const struct job *j);
void lanes_idle(struct lanes *l, uint32_t worker);

/* Takes at most budget completions from each channel and tells core; true: more may be waiting. */
bool lanes_harvest(struct lanes *l, unsigned budget);
void lanes_publish(struct lanes *l);
/* Before and after the loop sleeps; lanes_arm returns false when completions are waiting already. */
bool lanes_arm(struct lanes *l);
void lanes_disarm(struct lanes *l);

/* AWAY: a remote one whose connection has ended, and that may come back. */
enum worker_state {
	WORKER_GONE, WORKER_STARTING, WORKER_IDLE, WORKER_RUNNING, WORKER_AWAY, WORKER_DRAINING, WORKER_DYING
};
extern const char *const worker_state_names[];

/* Each of our own lanes has a worker that is ready, and they serve. */
bool lanes_ready(const struct lanes *l);

/* What has gone through all channels so far. */
struct lanes_stats {
	uint64_t	runs;		/* attempts handed to workers */
	uint64_t	refused;	/* that a channel had no room for */
	uint64_t	completions;	/* entries that came back, of any kind */
	uint64_t	woke_workers;	/* that slept */
	uint64_t	woken;		/* the broker, by workers */
	uint64_t	starts;		/* of workers of any kind, that were ready then, */
	uint64_t	deaths;		/* and that were not asked to end */
};
void lanes_stats(const struct lanes *l, struct lanes_stats *out);

/* One row of worker.list. */
struct worker_view {
	uint32_t	 number;	/* core's */
	const char	*user;		/* whom it runs as; NULL: the broker's own */
	const char	*name;		/* "cpu-1", "io-1" */
	const char	*lane;		/* "process", "async+thread" */
	int		 pid;		/* 0: none */
	enum worker_state state;
	uint64_t	 job;		/* the oldest in flight, 0: none */
	const char	*type;		/* its type, NULL: none */
	uint32_t	 inflight;
	int64_t		 since_ms;	/* in this state, epoch */
	uint64_t	 done, crashes;
	uint32_t	 generation;
	int64_t		 rss_bytes;
	/* language and remote workers; NULL: of none */
	const char	*pool, *language;
	struct span	 types;		/* JSON strings, with commas between them */
	const char	*why;		/* its last incarnations ended before they were ready: how */
};
/* Walk: *at starts at 0; false at the end. */
bool lanes_worker_next(const struct lanes *l, size_t *at, struct worker_view *out);
/* One row of plugin.list; texts may be NULL, but for file. */
struct plugin_view {
	const char	*file, *name, *version;
	const char	*error;		/* why it was refused; NULL: it is loaded */
};
/* Walk: *at starts at 0; false at the end. */
bool lanes_plugin_next(const struct lanes *l, size_t *at, struct plugin_view *out);
/* Why no worker of this type's pool was ready lately; NULL: nothing is wrong. */
const char *lanes_pool_why(const struct lanes *l, const struct type *t);
/* The name of core's worker number, as in worker_view; "gone" when it has none. */
const char *lanes_worker_name(const struct lanes *l, uint32_t number);
/*
 * No new jobs for a worker: it ends when it has none left, and its place stays empty; again: another
 * worker takes its place.  0, or -EBUSY: it is on its way out already, or not there yet; or -EOPNOTSUPP:
 * again, and it is a remote one, of which nobody here can start another.
 */
int lanes_drain(struct lanes *l, uint32_t number, bool again);
enum worker_state lanes_worker_state(const struct lanes *l, uint32_t number);

/* ---- commands ---- */

/* Who waits until a running command has what it is told. */
struct ask;
struct told {
	struct ask	*ask;		/* lanes' own */
	/* Once, and never before lanes_write has returned; the command has it, or has ended. */
	void		(*done)(struct told *t, bool heard);
};
/* Bytes for its stdin, copied; eof: and nothing after them.  0, or -1 with *err. */
int lanes_write(struct lanes *l, const struct job *j, struct span text, bool eof, struct told *told,
    struct rpc_error *err);
int lanes_signal(struct lanes *l, const struct job *j, int signal, struct told *told,
    struct rpc_error *err);
/* Nobody waits any more: done is not called. */
void lanes_told_leave(struct told *t);

/* The reader of this job's output is not behind any more (logs_held). */
void lanes_output_wanted(struct lanes *l, uint64_t job);

/* A reload: how many workers there are, and what they go by. */
void lanes_reload(struct broker *b, const struct config *old);
/* A reload: the supervisor's catalog, whose descriptor stays the caller's. */
void lanes_catalog(struct lanes *l, int fd);
/* A file of a type or a pool that was left out, and why. */
struct left_out {
	const char	*file, *key, *message;
	int64_t		 line;		/* 0: not of one line */
};
/* Walk: *at starts at 0; false at the end. */
bool lanes_left_out_next(const struct lanes *l, size_t *at, struct left_out *out);
/* The types of the pool of this name, with commas between them; false: there is no such pool. */
bool lanes_pool_types(const struct lanes *l, struct span name, struct buf *out);

/* Progress of a running job, as its handler tells it; false: none. */
struct channel_progress;
bool lanes_progress(const struct lanes *l, const struct job *j, struct channel_progress *out);

#endif
