/*
 * internal.h - what the sources of libjobd share: the connection, the future, the steps between.
 *
 * A request goes from request_begin to request_end into the output; its reply comes through
 * wire_turn and reply_read to future_reply, which finishes the future or takes the next step.  A
 * finished future is in one list, `done` or `due`, from where jobd_next or its callback takes it.
 */
#ifndef LIBJOBD_INTERNAL_H
#define LIBJOBD_INTERNAL_H

#include "client/jobd.h"
#include "client/json.h"
#include "lib/buf.h"
#include "lib/list.h"
#include "lib/map.h"

struct tls;

struct jobd {
	int			 fd;
	struct tls		*tls;		/* NULL: what is sent is what is said */
	struct buf		 out, in;
	size_t			 scanned;	/* of the unfinished line at the head of in */
	size_t			 max_line, max_result, max_unsent, max_requests;
	size_t			 daemon_line;	/* the longest that the daemon takes; 0: not told */
	uint64_t		 last_id;	/* of a request, counted from 1 */
	struct idmap		 pending;	/* request id to future */
	struct list		 all;		/* of struct jobd_future, oldest first */
	struct list		 done;		/* finished, for jobd_next */
	struct list		 due;		/* finished, their callbacks not yet called */
	struct jobd_error	 broken;	/* why it is lost; code 0 */
	bool			 eof;
	bool			 in_callback;
	bool			 gathered;	/* is in the set that a wait polls */
	char			*hello;
	char			 address[512];
	void			(*notice)(struct jobd *, const char *, const char *, void *);
	void			*notice_data;
	void			(*output)(struct jobd *, const struct jobd_output *, void *);
	void			*output_data;
};

enum future_kind {
	FUTURE_HELLO,
	FUTURE_REQUEST,		/* any method: its result as it is */
	FUTURE_SUBMIT,		/* {id, state} */
	FUTURE_OUTCOME,		/* job.call, job.wait, and the pieces of a long result */
};

enum future_step { STEP_ANSWER, STEP_SUBMITTED, STEP_PIECES };

struct jobd_future {
	struct list		 all;		/* j->all */
	struct list		 link;		/* j->done or j->due */
	struct jobd		*j;
	enum future_kind	 kind;
	enum future_step	 step;		/* what the reply on its way answers */
	bool			 done, abandoned, cancel_asked;
	bool			 cancellable;	/* its job's id is known, or comes before its end */
	uint64_t		 job;
	char			*result;
	size_t			 result_len;
	struct jobd_error	*error;
	char			*error_text;
	struct buf		 pieces;
	int64_t			 total;		/* bytes of the result in pieces */
	void			(*callback)(struct jobd_future *, void *);
	void			*callback_data;
	void			*data;
};

/* ---- error.c ---- */

/* Fills *err (NULL: nobody asked); returns code. */
int error_set(struct jobd_error *err, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The `error` member of a reply. */
void error_read(struct jobd_error *err, struct span error);
int error_copy(struct jobd_error *to, const struct jobd_error *from);

/* ---- reply.c ---- */

enum reply_kind { REPLY_RESULT, REPLY_ERROR, REPLY_NOTICE };

/* One line of the daemon, checked to be JSON; spans point into it. */
struct wire_reply {
	enum reply_kind	 kind;
	uint64_t	 id;		/* 0: an error about the whole connection; notices */
	struct span	 value;		/* the result, the error, or the notice's params (len 0: none) */
	struct span	 method;	/* of a notice: raw, between its quotes */
};
/* NULL, or a sentence about what the line is not. */
const char *reply_read(struct span line, uint64_t last_id, struct wire_reply *out);

struct wire_outcome {
	uint64_t	 id;
	int		 code;		/* 0, JOBD_JOB_... */
	struct span	 result;
	int64_t		 result_bytes;	/* -1: it is in result */
	struct span	 failure, reason;
};
/* {id, state, result | result_bytes | failure | reason}; false: it is something else. */
bool outcome_parse(struct span value, struct wire_outcome *out);

/* ---- wire.c ---- */

struct jobd *wire_new(int fd);
void wire_free(struct jobd *j);
/* Writes, reads and delivers what there is; 0 or the code why the connection is lost. */
int wire_turn(struct jobd *j);
/* Writes what the replies and the callbacks have led to. */
void wire_flush(struct jobd *j);
/* Delivers the lines in j->in. */
void wire_deliver(struct jobd *j);
/* The connection is lost: ends every future with this error. */
int wire_break(struct jobd *j, const struct jobd_error *why);
/* Waits for the descriptors of n connections; 0 or JOBD_TIMED_OUT. */
int wire_poll(struct jobd *const *list, size_t n, int64_t deadline_ns);
int64_t wire_deadline(int64_t timeout_ms);

/* ---- request.c ---- */

/* May another request be queued?  0 or the code. */
int request_room(const struct jobd *j, struct jobd_error *err);
/* `{..."params":` of a request; returns where it begins in j->out. */
size_t request_begin(struct jobd *j, const char *method);
/* Ends it, or takes it back when the daemon would not take it.  0 or the code. */
int request_end(struct jobd *j, size_t begin, struct jobd_error *err);
void request_drop(struct jobd *j, size_t begin);
/* The request that was ended last belongs to f. */
void request_of(struct jobd *j, struct jobd_future *f);
/* Ends a short one of our own, and it belongs to f. */
void request_send(struct jobd *j, struct jobd_future *f);
/* Appends checked JSON text, on one line.  False: it is none, or no object where one must be. */
bool request_put_json(struct buf *out, const char *text, bool object);
/* `{"type":...}` without the closing brace; 0 or JOBD_USAGE. */
int request_put_job(struct buf *out, const struct jobd_job *job, struct jobd_error *err);

/* ---- future.c ---- */

struct jobd_future *future_new(struct jobd *j, enum future_kind kind);
void future_free(struct jobd_future *f);
/* A reply to the future's last request; error: REPLY_ERROR. */
void future_reply(struct jobd_future *f, const struct wire_reply *reply);
void future_fail(struct jobd_future *f, const struct jobd_error *why);
/* Calls the callbacks that are due. */
void future_callbacks(struct jobd *j);

#endif
