/*
 * worker.h - jobd-worker from the inside: one process, one lane, one channel.
 *
 * main.c reads the command line and sets the process up (sandbox.c), then one of the loops
 * (cpu.c, io.c) takes entries and runs them as tasks; what both do is in task.c.
 */
#ifndef WORKERS_WORKER_H
#define WORKERS_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/map.h"
#include "proto/channel.h"
#include "proto/config.h"
#include "proto/control.h"
#include "workers/attempt.h"
#include "workers/measure.h"

struct worker {
	enum control_lane	 lane;
	char			 label[32];	/* "jobd: cpu worker 1" */
	struct config		 config;
	const char		*outcomes;	/* directory of groups' outcomes, to be read;
						 * NULL: none */
	struct channel_worker	*channel;
	struct idmap		 kept;		/* of struct kept: results not fetched yet */
	size_t			 kept_bytes;
	struct idmap		 uses;			/* of struct type_use, by handler */
};

/* The loops: return when the broker has stopped the channel and all is done. */
void cpu_main(struct worker *w);
void io_main(struct worker *w);

/* ---- task.c: entries, from what was taken to what is completed ---- */

/* What this worker knows of a type's use of time.  The loop's thread alone. */
struct type_use {
	struct measure_plan	 plan;
	unsigned		 in_loop;	/* asynchronous attempts that go on */
};

/* A RUN entry in work.  A host's callbacks get &task->at. */
struct task {
	struct jobd_attempt	 at;
	struct channel_entry	 entry;
	int64_t			 started_ns;	/* CLOCK_MONOTONIC */
	struct worker		*worker;
	struct type_use		*use;
	bool			 measured;	/* how it spends its time */
	struct measure		 since, spent;	/* measured: spent.wall_ns 0: all of its time */
	struct channel_usage	 usage;		/* what is told of it */
};

#define task_of(attempt) ((const struct task *)(const void *)(attempt))
_Static_assert(offsetof(struct task, at) == 0, "task_of");

/*
 * Reads a RUN entry into *t.  True: t->at can be run, *lane says by which implementation.  False:
 * it is not for this worker, was cancelled, or has no handler, and has been completed.
 */
bool task_begin(struct task *t, struct worker *w, const struct channel_entry *e,
    const struct attempt_host *host, enum lane *lane);
/* Runs a blocking attempt in this thread. */
void task_run(struct task *t);
/* Publishes the outcome of a settled attempt; the caller signals. */
void task_end(struct task *t);
/* Answers every entry that is not RUN; the caller signals. */
void task_answer(struct worker *w, const struct channel_entry *e);
/* Halves of a struct attempt_host. */
bool task_should_stop(const struct jobd_attempt *at);
void task_progress(struct jobd_attempt *at, const struct channel_progress *p);
void task_fini(struct worker *w);

/* ---- lines.c: what handlers say ---- */

/* Half of a struct attempt_host.  Any thread; it waits for nothing. */
void lines_say(struct jobd_attempt *at, const char *text, size_t len);
/* The attempt has ended, and its last lines were lost: its job's log says so. */
void lines_end(struct task *t);

/* ---- hello.c ---- */

/*
 * `{"types":[{"name","summary","args_schema","traits":{},"lanes":[],"run":,"start":,"plugin"?},...],
 *   "plugins":[{"file","name"?,"version"?,"error"?},...]}`
 */
void hello_print(struct buf *out);

/* ---- sandbox.c ---- */

/* First thing: 0 or -errno; after it, no descriptor above the channel's is open. */
int sandbox_enter(enum control_lane lane, const struct config *config);
/* Last thing: what this process will never need is refused from now on. */
int sandbox_seal(enum control_lane lane);

#endif
