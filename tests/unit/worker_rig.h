/*
 * worker_rig.h - plays the broker and the supervisor for a real jobd-worker over a real channel.
 *
 * One worker at a time, in `rig`.  A submitted entry's outcome is written when it is harvested.
 */
#ifndef UNIT_WORKER_RIG_H
#define UNIT_WORKER_RIG_H

#include "tests/unit/unit.h"

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "proto/channel.h"
#include "proto/jobspec.h"

#define OUT_CAP		4096

struct outcome {
	bool			 done;
	enum channel_status	 status;
	char			*text;		/* NUL-terminated; the test frees it */
	size_t			 len;
	uint64_t		 aux;
	struct channel_usage	 usage;
};

struct rig {
	struct channel	*channel;
	pid_t		 pid;			/* 0: none */
	int		 epoll;
	uint64_t	 next_job;
};

extern struct rig	rig;
extern struct outcome	rig_one;		/* of the last rig_run or rig_ask */
extern char		rig_binary[512];	/* jobd-worker of this build */

/* First of all; a test that hangs is ended by SIGALRM. */
void rig_find_binary(void);
void rig_find_program(const char *program);	/* the same of another than jobd-worker */

/* Set-up and tear-down of a test.  The worker gets one --set of the caller's. */
void rig_start(bool io, const char *setting);
/* io: with a loop that is kicked. */
void rig_start_lane(bool io, const char *lane, const char *setting);
int rig_start_cpu(void **state);
int rig_start_io(void **state);
int rig_none(void **state);
/* By stop where nothing runs any more, so that what a sanitizer found is seen; else by force. */
int rig_end(void **state);
/* Waits for the worker's end; the status as wait(2) has it. */
int rig_reap(struct rusage *usage);

/* Writes an entry, not yet published; its token.  The outcome comes in *o. */
uint64_t rig_submit(enum channel_op op, const struct iovec *in, int in_count, uint32_t out_cap,
    uint64_t arg, uint64_t offset, struct outcome *o);
uint64_t rig_submit_run(const char *type, enum lane lane, const char *args, uint32_t out_cap,
    struct outcome *o);
/* What is there, or what comes next after a sleep; the number of completions. */
unsigned rig_harvest(void);
unsigned rig_harvest_some(void);
void rig_await(const struct outcome *o);

/* Submits, publishes, waits; the outcome is in rig_one.  The token. */
uint64_t rig_run(const char *type, enum lane lane, const char *args, uint32_t out_cap);
void rig_ask(enum channel_op op, uint32_t out_cap, uint64_t arg, uint64_t offset);
/* rig_one has this status, and its text this part. */
void rig_expect(enum channel_status status, const char *part);

/* A file of the worker in /proc. */
void rig_read_proc(const char *file, char *out, size_t size);
void rig_await_title(const char *want);

#endif
