/*
 * exec.h - the exec worker from the inside: commands that run, and what is said to them.
 *
 * exec.c turns the loop and takes entries; exec_run.c is a command's life; exec_start.c its start;
 * exec_streams.c its stdin, stdout and stderr; exec_outcome.c what is told of its end.
 */
#ifndef WORKERS_EXEC_H
#define WORKERS_EXEC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

#include "lib/buf.h"
#include "lib/heap.h"
#include "lib/list.h"
#include "lib/map.h"
#include "proto/channel.h"
#include "workers/command.h"
#include "workers/group.h"
#include "workers/scratch.h"
#include "workers/tree.h"

struct run;

/* One end of a pipe to a command. */
struct stream {
	struct run	*run;
	int		 fd;		/* -1: closed */
	bool		 ready;		/* worth a try: it was not seen to be empty, or full */
	uint64_t	 bytes;		/* so far */
	struct buf	 head;		/* the first of them, for the outcome */
	size_t		 head_max;
};

/* Bytes for a command's stdin, as the broker sent them. */
struct input {
	struct list		 link;
	struct channel_entry	 entry;
	size_t			 done;
};

enum run_state {
	RUN_RUNNING,
	RUN_TERMINATED,		/* SIGTERM was sent; the grace runs */
	RUN_KILLED,		/* SIGKILL to what is left, again and again until it is gone */
	RUN_ENDED,		/* nothing is left; its last output is told, its files go */
};

struct run {
	struct list		 link;		/* of all runs */
	struct list		 dirty;		/* of those that something has happened to */
	struct channel_entry	 entry;
	struct channel_head	 head;
	struct command		 command;
	struct tree		 tree;
	struct group		 group;
	struct scratch		 scratch;
	enum run_state		 state;
	bool			 told_to_end;
	bool			 cancelled;	/* and it had not ended by itself */
	bool			 main_ended;
	int			 status;	/* of the main process, as wait(2) has it */
	int64_t			 started_ns;
	struct heap_node	 grace;		/* in exec.graces, ns: of the state it is in */
	struct heap_node	 spent_due;	/* in exec.spents: ns */
	int64_t			 spent_after_ns;	/* the next: so long after the start */
	bool			 tell_spent;
	struct channel_spent	 used;		/* by who has been reaped */
	struct channel_spent	 spent;		/* and by who lives, as told last */
	int64_t			 kill_delay_ms;
	struct stream		 out[2];	/* stdout, stderr */
	struct stream		 in;
	struct list		 inputs;	/* of struct input */
	bool			 in_ends;	/* nothing comes behind what is there */
	struct buf		 file;		/* what JOBD_RESULT names, */
	int			 file_error;	/* or why there is none: -errno */
	bool			 output_asked;
	bool			 output_last;	/* told, or given up */
	struct channel_entry	 output;
};

struct kept {
	char	*text;
	size_t	 len;
};

struct exec {
	struct channel_worker	*channel;
	size_t			 max_result;
	struct idmap		 runs;		/* by token */
	struct list		 all, dirty;
	unsigned		 count;
	struct heap		 graces, spents;
	struct idmap		 kept;		/* results that did not fit, by token */
	size_t			 kept_bytes;
	int			 epoll;		/* of all streams, and of SIGCHLD */
	int			 null;		/* /dev/null */
	bool			 unsignalled;	/* completions that the broker was not told of */
	bool			 look;		/* at the worker's children, this turn */
	const char		*path, *home, *lang;	/* of commands that do not say them */
};

extern struct exec	exec;

/* ---- exec.c ---- */
void exec_complete(const struct channel_entry *e, enum channel_status status, uint32_t len,
    uint64_t aux);
void exec_complete_failed(const struct channel_entry *e, const char *message);
void exec_touch(struct run *r);		/* looked at before the loop sleeps */

/* ---- exec_start.c ---- */
/*
 * Its process runs: 0.  Or -1 with a sentence in why[size], and nothing is left of what was made;
 * found: there is such a program.
 */
int start_run(struct run *r, struct span trace, bool *found, char *why, size_t size);

/* ---- exec_run.c ---- */
void run_begin(const struct channel_entry *e);
void run_cancel(struct run *r);
/* SIGKILL is for all of it.  False: it has ended. */
bool run_signal(struct run *r, int sig);
/* Its main process, or an orphan of its, whose status is of no interest. */
void run_reaped(struct run *r, bool was_main, int status, const struct rusage *used);
void run_grace_over(struct run *r);
void run_spent_due(struct run *r, int64_t now_ns);
/* What can go on goes on; it may be freed when this returns. */
void run_advance(struct run *r);
/* Kills what is left of it, at once, and waits for nothing. */
void run_abandon(struct run *r);

/* ---- exec_streams.c ---- */
/* The pipes: 0 or -errno.  given: the command's ends, -1 or for the caller to close. */
int streams_open(struct run *r, int given[3]);
void streams_close(struct run *r);
void streams_output(struct run *r, const struct channel_entry *e);
void streams_input(struct run *r, const struct channel_entry *e);
void streams_write(struct run *r);
/* Answers an OUTPUT that waits, if there is something to say. */
void streams_tell(struct run *r);
/* What nobody will answer any more. */
void streams_refuse(struct run *r);

/* ---- exec_outcome.c ---- */
/* The completion of a run that has ended. */
void outcome_tell(struct run *r);
/* One that never began: why is a sentence. */
void outcome_fail(const struct channel_entry *e, const char *kind, bool final, const char *why);
/* found: there is such a program.  data.exit_code is what a shell would say, 126 or 127. */
void outcome_not_started(const struct channel_entry *e, bool found, const char *why);

#endif
