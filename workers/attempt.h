/*
 * attempt.h - one try at running a job, as the worker sees it; what stands behind handler.h.
 *
 * A host makes it (a worker's loop, or a test), runs its handler, and settles it.  The outcome is
 * written where the host said (out), or into memory of its own (large) when a result does not fit
 * there.
 */
#ifndef WORKERS_ATTEMPT_H
#define WORKERS_ATTEMPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/channel.h"
#include "proto/jobspec.h"
#include "proto/traceparent.h"
#include "workers/handler.h"
#include "workers/schema.h"

/* Where an attempt runs. */
struct attempt_host {
	bool (*should_stop)(const struct jobd_attempt *at);		/* any thread */
	void (*progress)(struct jobd_attempt *at, const struct channel_progress *p);
	void (*ended)(struct jobd_attempt *at);		/* by what ended it, once; may be NULL */
	struct uv_loop_s *(*loop)(void);		/* NULL: there is none */
	void (*entered)(const struct jobd_attempt *at);	/* a callback of its runs; may be NULL */
	/* A line, NUL-terminated UTF-8 of at most CHANNEL_LINE_BYTES; any thread. */
	void (*say)(struct jobd_attempt *at, const char *text, size_t len);
};

struct jobd_attempt {
	const struct attempt_host	*host;
	const struct jobd_handler	*handler;
	const struct schema		*schema;	/* of its argument; NULL: anything */
	struct json_t			*tree;		/* the checked argument, or NULL; owned */
	uint64_t			 job, fence;
	const char			*args;		/* lent */
	size_t				 args_len;
	int64_t				 deadline_ns;
	void				*data;		/* the handler's own */
	char				*out;		/* lent: room for the outcome */
	char				*large;		/* a result longer than out_cap; owned */
	size_t				 out_len;	/* of the outcome, wherever it is */
	size_t				 max_result;
	int64_t				 pace_ns;	/* the host's: when it may say a line again */
	uint32_t			 lost;		/* the host's: lines since one was taken */
	uint32_t			 out_cap;
	uint32_t			 number;	/* which try this is, >= 1 */
	char				 traceparent[TRACEPARENT_BYTES + 1];	/* "": none */
	enum channel_status		 status;	/* 0 until it has ended */
	bool				 ended_twice;
};

/* Checks the argument, runs a blocking attempt to its end, and settles it. */
void attempt_run(struct jobd_attempt *at);
/* Checks the argument and starts an asynchronous attempt; it may have ended when this returns. */
void attempt_start(struct jobd_attempt *at);
/* After it: an attempt that did not end, or ended twice, is made a failed one. */
void attempt_settle(struct jobd_attempt *at);
/* Writes a failure as the outcome; data_json may be NULL.  What does not fit is left out. */
void attempt_write_failure(struct jobd_attempt *at, const char *kind, const char *message,
    const char *data_json);
/* Frees what the attempt owns, not itself. */
void attempt_fini(struct jobd_attempt *at);

#endif
