/*
 * jobd.h - libjobd, the C client of jobd: submit jobs, wait for them, have their results.
 *
 *	struct jobd		*j;
 *	struct jobd_error	 err;
 *	char			*result;
 *
 *	if (jobd_open(NULL, &j, &err) != 0)
 *		errx(1, "%s", err.message);
 *	if (jobd_call(j, &(struct jobd_job){ .type = "echo", .args = "{\"n\": 1}" },
 *	    JOBD_FOREVER, &result, &err) == 0)
 *		puts(result);			// {"n": 1}
 *
 * cc example.c $(pkg-config --cflags --libs jobd).  libjobd(3) has the same at more length.
 *
 * Text.  Everything said and heard is UTF-8.  Arguments and results are JSON text, NUL-terminated,
 * and keep their spelling: libjobd builds no tree, use the JSON library that you like.  Line feeds
 * between the tokens of what you give become blanks.
 *
 * Owning.  What a function gives through `char **` is yours: free(3).  What one returns as `const
 * char *` is lent, by the connection until jobd_close or by the future until jobd_forget.  Strings
 * that you pass are copied or done with when the function returns.
 *
 * Time is in milliseconds.  timeout_ms: 0 does not wait, JOBD_FOREVER waits for ever.  A timeout
 * ends the waiting only; the request stays on its way, and the job goes on.
 *
 * Errors are a code, a kind and a sentence, in a struct jobd_error that the caller owns; where one
 * is taken NULL will do.  A function that returns int returns 0, or the code.
 *
 * Threads.  libjobd has no global state, starts no thread, and handles no signal (SIGPIPE is never
 * raised).  A connection and its futures are for one thread at a time: give each thread a
 * connection of its own, or put a lock of yours around it.  Different connections never touch.
 *
 * Memory is bounded by what you ask for: a connection holds at most max_unsent_bytes of requests
 * and one more, one unfinished line of at most max_line_bytes, and the answers in futures that you
 * have not forgotten, max_requests of which can be on their way.  When the machine has no memory
 * left the process is ended, with a message on stderr.
 *
 * Reconnecting is yours to decide: libjobd never does it.  A connection that is lost stays lost;
 * every future of it ends as JOBD_LOST, and jobs go on inside the daemon.  Open another connection
 * and ask there for the jobs whose ids you have (jobd_start_wait).  A job whose id had not come yet
 * may have been accepted or not: a label in its fields finds it again (method job.list).
 */
#ifndef JOBD_H
#define JOBD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define JOBD_API	__attribute__((visibility("default")))
#else
#define JOBD_API
#endif

#define JOBD_FOREVER	INT64_C(-1)

struct jobd;		/* a connection */
struct jobd_future;	/* a request, and its answer once that has come */

/* ---- errors ---- */

enum jobd_code {
	JOBD_OK			= 0,

	/* between us and the daemon; kinds are `unreachable`, `lost`, ... */
	JOBD_UNREACHABLE	= 1,	/* no daemon there, or it does not speak our protocol */
	JOBD_LOST		= 2,	/* the connection ended, by the daemon, the network or you */
	JOBD_TIMED_OUT		= 3,	/* timeout_ms went by; nothing else has changed */
	JOBD_BAD_REPLY		= 4,	/* what came is no answer; the connection is lost */
	JOBD_FULL		= 5,	/* too much is on its way on this connection: turn, or wait */
	JOBD_USAGE		= 6,	/* what you passed is wrong; the message says what */

	/* how a job ended that did not succeed; kind is its failure's, or `cancelled`, `expired` */
	JOBD_JOB_FAILED		= 16,
	JOBD_JOB_CANCELLED	= 17,
	JOBD_JOB_EXPIRED	= 18,

	/* the daemon's: a request was not served.  A newer daemon may say codes that are not here. */
	JOBD_PARSE_ERROR	= -32700,
	JOBD_INVALID_REQUEST	= -32600,
	JOBD_METHOD_NOT_FOUND	= -32601,
	JOBD_INVALID_PARAMS	= -32602,
	JOBD_INTERNAL		= -32603,
	JOBD_NOT_FOUND		= -32001,
	JOBD_UNKNOWN_TYPE	= -32002,
	JOBD_LANE_REFUSED	= -32003,
	JOBD_NOT_SUPPORTED	= -32004,
	JOBD_UNAUTHENTICATED	= -32005,
	JOBD_FORBIDDEN		= -32006,
	JOBD_LINE_TOO_LONG	= -32007,
	JOBD_REPLY_TOO_LONG	= -32008,
	JOBD_TOO_MANY_CALLS	= -32009,
	JOBD_TOO_MANY_CONNECTIONS = -32010,
	JOBD_QUEUE_FULL		= -32011,
	JOBD_DRAINING		= -32012,
	JOBD_WAIT_TIMEOUT	= -32013,
	JOBD_TOO_SLOW		= -32014,
	JOBD_NO_RESULT		= -32015,
	JOBD_CONFLICT		= -32016,
	JOBD_QUEUE_DRAINING	= -32017,
	JOBD_STORE_FULL		= -32018,
	JOBD_STORE_UNAVAILABLE	= -32019,
	JOBD_QUOTA_EXCEEDED	= -32021,
	JOBD_INVALID_CONFIGURATION = -32022,
};

struct jobd_error {
	int		code;			/* enum jobd_code, or one of a newer daemon */
	char		kind[32];		/* `queue_full`, `lost`, `timeout`, ... */
	char		message[512];		/* for people, cut to fit */
	bool		retryable;		/* the same may succeed later */
	int64_t		retry_after_ms;		/* when, if the daemon said; else 0 */
	uint64_t	job;			/* the job that it is about; 0: none */
};

/* ---- a connection ---- */

/* All 0 is fine: NULL, or `(struct jobd_options){ 0 }`, is the daemon that jobctl(1) would find. */
struct jobd_options {
	const char	*address;	/* unix:PATH, tcp:HOST:PORT or tls:HOST:PORT; NULL: JOBD_HOST,
					 * else the user's own socket if something answers there, else
					 * the system's */
	const char	*token;		/* for TCP and TLS; NULL: from a file */
	const char	*token_file;	/* NULL: JOBD_TOKEN_FILE, else (TCP) where jobctl(1) looks */
	const char	*client;	/* what the daemon shall call us, 1 to 128 bytes; "libjobd" */
	int64_t		 timeout_ms;	/* to connect to each address, and for hello; 10,000 */
	size_t		 max_line_bytes;	/* longest reply, 1,024 to 64 MiB; 4 MiB */
	size_t		 max_result_bytes;	/* longest result of a job: it comes in pieces; 64 MiB */
	size_t		 max_unsent_bytes;	/* of requests not yet written; 16 MiB */
	size_t		 max_requests;		/* on their way at once; 16,384 */
	/* PEM files for TLS; the daemon's certificate, and that it is for the host, is always checked */
	const char	*ca_file;	/* who may sign it; NULL: JOBD_CA, else the system's authorities */
	const char	*cert_file;	/* to be shown as ours; NULL: JOBD_CERT, else none */
	const char	*key_file;	/* its key; NULL: JOBD_KEY, else it is in cert_file */
};

/*
 * Connects, says hello, and waits for the answer.  *out is the connection, for jobd_close.
 * JOBD_UNREACHABLE, also when the daemon's certificate is not good; JOBD_USAGE: the address is none, an
 * option out of range, a file of TLS not usable; JOBD_UNAUTHENTICATED:
 * no token, or not the right one; what else the daemon says.
 */
JOBD_API int jobd_open(const struct jobd_options *options, struct jobd **out,
    struct jobd_error *err);
/*
 * The same over a stream socket that you have connected, which is closed by jobd_close (at failure
 * it stays yours).  Of the options address, token_file, timeout_ms and the files of TLS do not count.  It does not
 * wait: hello goes out with the first requests, and if it is refused the connection is lost, with
 * that reason.
 */
JOBD_API int jobd_attach(int fd, const struct jobd_options *options, struct jobd **out,
    struct jobd_error *err);
/* Frees the connection and all its futures; calls no callback.  NULL is fine. */
JOBD_API void jobd_close(struct jobd *j);

/* Why the connection is lost; code 0 while it is not.  Lent. */
JOBD_API const struct jobd_error *jobd_broken(const struct jobd *j);
/* The daemon's answer to hello, as JSON text: protocol, server, boot_id, principal, role, limits,
 * features.  NULL: it has not come.  Lent. */
JOBD_API const char *jobd_hello(const struct jobd *j);
/* Where we are connected: unix:PATH, tcp:HOST:PORT or tls:HOST:PORT; "" after jobd_attach.  Lent. */
JOBD_API const char *jobd_address(const struct jobd *j);

/* ---- jobs, waited for ---- */

/* Members that are 0 or NULL are not sent: the daemon's defaults stand. */
struct jobd_job {
	const char	*type;		/* whose handler runs it: `echo`.  The only one that must be */
	const char	*args;		/* JSON text; NULL: null */
	const char	*queue;
	const char	*order_key;	/* jobs of one key run one at a time, in order of submission */
	const char	*lane;		/* inline, async, thread, process: one that the type allows */
	int		 priority;	/* -100 .. 100, higher first inside its queue */
	int64_t		 delay_ms;	/* not before so long from now */
	int64_t		 timeout_ms;	/* of an attempt, from its start */
	int64_t		 ttl_ms;	/* expires when not started by then */
	const char	*fields;	/* a JSON object of further members, as jobd-protocol(7) has
					 * them: {"labels": {"run": "7"}} */
	const char	*traceparent;	/* the trace that it belongs to, of W3C Trace Context:
					 * 00-TRACE-PARENT-FLAGS */
	bool		 cancel_on_disconnect;	/* of jobd_call and jobd_start_call */
	bool		 cancellable;	/* of jobd_start_call: submit first, so that the id is known
					 * soon; costs a second request */
};

/*
 * These send one request and wait for its answer.  Others that are on their way go on meanwhile.
 * All may return JOBD_USAGE, JOBD_FULL, JOBD_LOST, JOBD_BAD_REPLY, JOBD_TIMED_OUT, or the daemon's
 * error.
 */

/* Runs a job.  0: *result is its result, JSON text.  JOBD_JOB_...: it did not succeed. */
JOBD_API int jobd_call(struct jobd *j, const struct jobd_job *job, int64_t timeout_ms,
    char **result, struct jobd_error *err);
/* Hands a job in.  0: it is accepted, and *id is its id. */
JOBD_API int jobd_submit(struct jobd *j, const struct jobd_job *job, int64_t timeout_ms,
    uint64_t *id, struct jobd_error *err);
/* The result of a job that was submitted before, here or elsewhere; waits until it has ended. */
JOBD_API int jobd_result_of(struct jobd *j, uint64_t id, int64_t timeout_ms, char **result,
    struct jobd_error *err);
/* Ends a job; returns when it has ended.  JOBD_CONFLICT: it had ended already. */
JOBD_API int jobd_cancel_job(struct jobd *j, uint64_t id, int64_t timeout_ms,
    struct jobd_error *err);
/* Any method of jobd-protocol(7); params: a JSON object, NULL is {}.  *result: what it answers. */
JOBD_API int jobd_ask(struct jobd *j, const char *method, const char *params, int64_t timeout_ms,
    char **result, struct jobd_error *err);

/*
 * A job for each argument, at most `at_once` on their way (0: 256), memory bounded by that.
 *
 *   job    all its members but args, for every job
 *   next   returns the next argument as JSON text, lent until the next call; NULL: there is none
 *   done   told of each job as it ends, in whatever order; index counts from 0 as next was called.
 *          The future is lent for the call.  Returns 0 to go on; else next is called no more, what
 *          is on its way is forgotten (the jobs go on), and jobd_map returns that number.
 *
 * An argument that is not JSON, or a job that the daemon refuses, is a failed future too.  Neither
 * next nor done may wait on this connection.  Returns 0 when every job has ended, else a code of
 * the connection (JOBD_LOST, ...), or what done returned.
 */
JOBD_API int jobd_map(struct jobd *j, const struct jobd_job *job, size_t at_once,
    const char *(*next)(void *ctx, size_t index),
    int (*done)(void *ctx, size_t index, struct jobd_future *f), void *ctx,
    struct jobd_error *err);

/* ---- futures: many requests on their way ---- */

/*
 * The start functions queue a request and return at once; it goes out whenever the connection is
 * turned or waited on.  NULL: it was not queued, and *err says why: JOBD_FULL, JOBD_USAGE,
 * JOBD_LINE_TOO_LONG (the daemon would not take it), or the reason why the connection is lost.
 */
JOBD_API struct jobd_future *jobd_start_call(struct jobd *j, const struct jobd_job *job,
    struct jobd_error *err);
JOBD_API struct jobd_future *jobd_start_submit(struct jobd *j, const struct jobd_job *job,
    struct jobd_error *err);
/* Done when job id has ended. */
JOBD_API struct jobd_future *jobd_start_wait(struct jobd *j, uint64_t id, struct jobd_error *err);
JOBD_API struct jobd_future *jobd_start(struct jobd *j, const char *method, const char *params,
    struct jobd_error *err);

JOBD_API bool jobd_done(const struct jobd_future *f);
/* 0 when it has succeeded, or is not done; else the error's code. */
JOBD_API int jobd_code(const struct jobd_future *f);
/* The error; NULL when it has succeeded, or is not done.  Lent. */
JOBD_API const struct jobd_error *jobd_error(const struct jobd_future *f);
/*
 * The `error` of the daemon's reply, or the `failure` of the job, as JSON text: its `data` may have
 * more members.  NULL: there is none.  Lent.
 */
JOBD_API const char *jobd_error_text(const struct jobd_future *f);
/*
 * JSON text: the job's result (calls and waits), or what the method answered.  *len (may be NULL)
 * is its length.  NULL unless it has succeeded.
 */
JOBD_API const char *jobd_result(const struct jobd_future *f, size_t *len);
/* The same given away; the future has no result any more.  free(3). */
JOBD_API char *jobd_take_result(struct jobd_future *f, size_t *len);
/* The job's id; 0 while it is not known. */
JOBD_API uint64_t jobd_id(const struct jobd_future *f);
JOBD_API struct jobd *jobd_of(const struct jobd_future *f);

/* Yours: a pointer that the future keeps for you. */
JOBD_API void jobd_set_data(struct jobd_future *f, void *data);
JOBD_API void *jobd_data(const struct jobd_future *f);

/*
 * done is called once, from jobd_turn, jobd_poll or a function that waits, when the future is done;
 * at once if it is, or as soon as the callback that asks for it has returned.  It may start
 * requests and forget futures, its own too, but not wait on this connection (JOBD_USAGE) nor close
 * it.  The future is not given out by jobd_next then.
 */
JOBD_API void jobd_on_done(struct jobd_future *f, void (*done)(struct jobd_future *f, void *data),
    void *data);

/*
 * Asks the daemon to end the job of a future that is not done: one of jobd_start_wait, of
 * jobd_start_submit, or of jobd_start_call with cancellable; the future then ends as
 * JOBD_JOB_CANCELLED, or as it would have if that came first.  JOBD_USAGE: any other future.
 */
JOBD_API int jobd_cancel(struct jobd_future *f, struct jobd_error *err);
/* Frees a future, done or not.  What it asked for goes on; the answer is dropped.  NULL is fine. */
JOBD_API void jobd_forget(struct jobd_future *f);

/* Waits until f is done.  0, also when it failed; JOBD_TIMED_OUT; JOBD_USAGE in a callback. */
JOBD_API int jobd_wait(struct jobd_future *f, int64_t timeout_ms);
/* The same for n futures, of one connection or of several. */
JOBD_API int jobd_wait_all(struct jobd_future *const *list, size_t n, int64_t timeout_ms);
/* Waits until one of them is done: *index is the first that is. */
JOBD_API int jobd_wait_any(struct jobd_future *const *list, size_t n, int64_t timeout_ms,
    size_t *index);
/*
 * The next future of this connection that is done, in the order in which they were, each once; not
 * those with a callback, nor one that a wait has seen done.  JOBD_TIMED_OUT; JOBD_USAGE: none is
 * on its way.  When the connection is lost, what was on its way comes out failed, one by one.
 */
JOBD_API int jobd_next(struct jobd *j, int64_t timeout_ms, struct jobd_future **out);
/* Requests on their way. */
JOBD_API size_t jobd_pending(const struct jobd *j);
/* Bytes of requests that have not been written yet. */
JOBD_API size_t jobd_unsent(const struct jobd *j);

/* ---- in an event loop ---- */

#define JOBD_READ	1
#define JOBD_WRITE	2

/* The descriptor to watch, level-triggered, the same until jobd_close. */
JOBD_API int jobd_fd(const struct jobd *j);
/* What to watch it for: JOBD_READ, with JOBD_WRITE while there is something to write; 0: lost. */
JOBD_API int jobd_want(const struct jobd *j);
/*
 * Writes and reads what can be without waiting, and calls callbacks.  Call it when the descriptor
 * is ready, or at any time.  0, or the code why the connection is lost.
 */
JOBD_API int jobd_turn(struct jobd *j);
/* Waits until there is something to read, or room to write, and turns once.  JOBD_TIMED_OUT. */
JOBD_API int jobd_poll(struct jobd *j, int64_t timeout_ms);
/* What the daemon says without being asked: method and params (JSON text) are lent for the call. */
JOBD_API void jobd_on_notice(struct jobd *j,
    void (*notice)(struct jobd *j, const char *method, const char *params, void *data),
    void *data);

enum jobd_stream { JOBD_STDOUT = 1, JOBD_STDERR, JOBD_NOTE };

/* What a job says, as the daemon tells those who follow its log. */
struct jobd_output {
	uint64_t	 job, attempt;
	int		 stream;	/* enum jobd_stream; 0: this says only a gap, or the end */
	uint64_t	 offset;	/* of the first byte, in its stream */
	uint64_t	 next;		/* the `offset` with which to go on behind these */
	uint64_t	 gap;		/* so many bytes before these are not told */
	int64_t		 at_ms;		/* when they were said, since the epoch */
	const char	*bytes;		/* any bytes, lent for the call */
	size_t		 len;
	bool		 eof;		/* nothing more will be said */
	bool		 truncated;	/* of eof: not all that was said was kept */
	char		 state[16];	/* of eof: the job's */
};
/*
 * Where jobs' output goes that is followed: jobd_start(j, "job.log", "{\"id\": 42, \"follow\":
 * true}").  Bytes come as they were said, not as JSON, and notice is not called for them.  As long
 * as the connection is not turned nothing is read, and with `"hold": true`, which is for who submitted
 * the job, the job waits then.
 */
JOBD_API void jobd_on_output(struct jobd *j,
    void (*output)(struct jobd *j, const struct jobd_output *said, void *data), void *data);

/* ---- helpers ---- */

/* Text as a JSON string, with its quotes; NULL: it is not UTF-8.  free(3). */
JOBD_API char *jobd_quote(const char *text);
/* The version of the library: "0.1.0". */
JOBD_API const char *jobd_version(void);

#ifdef __cplusplus
}
#endif

#endif
