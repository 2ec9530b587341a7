/*
 * handler.h - how code for a type of job is written in C: built in, or as a plugin.
 *
 * Installed as <jobd/handler.h>; docs/plugins.md is the guide.  Members are only ever added, at the
 * end of a struct, and `size` tells what there is; anything else changes JOBD_HANDLER_ABI.
 *
 * A handler declares what it is like (traits), in which lanes it is safe, and has a blocking
 * `run`, an asynchronous `start`, or both.  Argument and result are JSON text.  Each attempt ends
 * by exactly one call of jobd_succeed, jobd_fail or jobd_cancelled: before `run` returns, or any
 * time after `start` from the loop's thread.  Handlers live in workers only; one that crashes is
 * a failed attempt of its own job.
 */
#ifndef WORKERS_HANDLER_H
#define WORKERS_HANDLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define JOBD_HANDLER_ABI	1

/* Traits: what the handler does with its time. */
#define JOBD_CPU_BOUND		(1u << 0)	/* computes */
#define JOBD_WAITS		(1u << 1)	/* waits: network, disk, timers */
#define JOBD_THREAD_SAFE	(1u << 2)	/* run may be called by several threads at once */

/* Lanes in which it is safe. */
#define JOBD_LANE_INLINE	(1u << 0)	/* built-in code of the broker itself */
#define JOBD_LANE_ASYNC		(1u << 1)	/* needs start */
#define JOBD_LANE_THREAD	(1u << 2)	/* needs run */
#define JOBD_LANE_PROCESS	(1u << 3)	/* needs run */

/* Text of JSON without escapes: JOBD_JSON({"type": "object"}) */
#define JOBD_JSON(...)		#__VA_ARGS__

struct jobd_attempt;		/* one try at running a job; the worker owns it */
struct uv_loop_s;

struct jobd_handler {
	uint32_t	 abi;		/* JOBD_HANDLER_ABI */
	uint32_t	 size;		/* sizeof(struct jobd_handler) */
	const char	*name;		/* [a-z0-9_.-]{1,64} */
	const char	*summary;	/* one line for people */
	/*
	 * What it takes: JSON Schema of the keywords that jobd-handlers(7) lists, checked before
	 * each attempt.  NULL: any JSON, unchecked.  A default tells people what a missing member
	 * means; jobd_args has what was sent.
	 */
	const char	*args_schema;
	uint32_t	 traits, lanes;
	/* Blocking.  Runs in a thread of the io worker or in a cpu worker. */
	void		(*run)(struct jobd_attempt *at);
	/* Asynchronous.  Runs in the io worker's loop thread and must not block. */
	void		(*start)(struct jobd_attempt *at);
	/* Asynchronous only: the attempt should end early; called at most once, from the loop. */
	void		(*cancel)(struct jobd_attempt *at);
};

/*
 * A plugin: a shared object that exports `jobd_plugin`.  Its types are its own: a name that a
 * built-in type or another plugin has, or the inline lane, makes the whole plugin refused.
 */
struct jobd_plugin {
	uint32_t	 abi;		/* JOBD_HANDLER_ABI */
	uint32_t	 size;		/* sizeof(struct jobd_plugin) */
	const char	*name;		/* [a-z0-9_.-]{1,64} */
	const char	*version;	/* for people; at most 64 bytes */
	const struct jobd_handler *const *handlers;	/* NULL ends the list */
};

extern const struct jobd_plugin jobd_plugin __attribute__((visibility("default")));

/* ---- what an attempt can be asked ---- */

uint64_t jobd_job_id(const struct jobd_attempt *at);
uint32_t jobd_attempt_number(const struct jobd_attempt *at);
uint64_t jobd_fence(const struct jobd_attempt *at);
/* The argument's JSON text as it was sent, not NUL-terminated; lives until the attempt ends. */
const char *jobd_args(const struct jobd_attempt *at, size_t *len);
/*
 * Members of an argument that args_schema has checked, defaults filled in; they live until the
 * attempt ends.  Where there is no such member: 0, false, NULL.  A text has no NUL inside.
 */
int64_t jobd_arg_int(const struct jobd_attempt *at, const char *name);
bool jobd_arg_true(const struct jobd_attempt *at, const char *name);
const char *jobd_arg_text(const struct jobd_attempt *at, const char *name);
/*
 * The trace that the job belongs to, as whoever submitted it said: the `traceparent` of W3C Trace Context,
 * checked, 55 bytes and a NUL.  Lives until the attempt ends.  NULL: none was said.
 */
const char *jobd_traceparent(const struct jobd_attempt *at);
/* CLOCK_MONOTONIC nanoseconds at which the attempt's time is over; 0: none. */
int64_t jobd_deadline_ns(const struct jobd_attempt *at);
/* Has the daemon asked for an early end?  Cheap; any thread.  Ask every few milliseconds. */
bool jobd_should_stop(const struct jobd_attempt *at);
/* The libuv loop, for `start` only. */
struct uv_loop_s *jobd_loop(struct jobd_attempt *at);
/*
 * First thing in each callback of an asynchronous attempt: if that callback crashes or blocks the
 * loop, it was this attempt, and not its neighbours.
 */
void jobd_enter(const struct jobd_attempt *at);
/* A pointer of the handler's own, from start to its callbacks. */
void jobd_set_data(struct jobd_attempt *at, void *data);
void *jobd_data(const struct jobd_attempt *at);

/* ---- what an attempt can say ---- */

void jobd_progress(struct jobd_attempt *at, uint64_t done, uint64_t total, const char *text);
/*
 * A line of the job's log (jobctl logs), at most 1024 bytes; any thread until the attempt has ended.  Never waits:
 * what is too much is left out, and the log says how many lines.
 */
void jobd_log(struct jobd_attempt *at, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- how it ends: exactly one of these ---- */

/* json: one JSON value; copied. */
void jobd_succeed(struct jobd_attempt *at, const char *json, size_t len);
/* message: a sentence; data_json: the handler's own JSON, or NULL; copied. */
void jobd_fail(struct jobd_attempt *at, const char *message, const char *data_json);
void jobd_failf(struct jobd_attempt *at, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/*
 * The same with what the handler knows of trying again.
 *
 *   message		a sentence
 *   data_json		the handler's own JSON, or NULL
 *   final		another attempt would fail as well: there is none
 *   retry_after_ms	if there is another one, then it comes after so long, whatever the job's
 *			policy says of delays; 0: as the policy says
 *
 * Whether there is another attempt at all is up to the job: retry.max_attempts.
 */
struct jobd_failure {
	uint32_t	 size;		/* sizeof(struct jobd_failure) */
	const char	*message;
	const char	*data_json;
	bool		 final;
	int64_t		 retry_after_ms;
};
void jobd_fail_as(struct jobd_attempt *at, const struct jobd_failure *f);
/* It ended early because jobd_should_stop, or its cancel, asked it to. */
void jobd_cancelled(struct jobd_attempt *at);

#ifdef __cplusplus
}
#endif

#endif
