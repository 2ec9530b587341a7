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

/* The reader of this job's output is not behind any more (logs_held). */
void lanes_output_wanted(struct lanes *l, uint64_t job);

enum worker_state { WORKER_GONE, WORKER_STARTING, WORKER_IDLE, WORKER_RUNNING, WORKER_DRAINING, WORKER_DYING };
extern const char *const worker_state_names[];

/* One row of worker.list. */
struct worker_view {
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
/* The name of core's worker number, as in worker_view; "gone" when it has none. */
const char *lanes_worker_name(const struct lanes *l, uint32_t number);
/* Progress of a running job, as its handler tells it; false: none. */
struct channel_progress;
bool lanes_progress(const struct lanes *l, const struct job *j, struct channel_progress *out);

#endif
