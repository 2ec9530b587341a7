/*
 * channel.h - the shared-memory channel between the broker and one worker incarnation.
 *
 * Two memfds.  Region A is written by the broker only (sealed: the worker can map it read-only at
 * most): submission ring, cancel words, input arena.  Region B is written by the worker only (the
 * broker maps it read-only): completion ring, hints, output arena.  Everything the worker writes is
 * hostile input: copied once, then checked against the broker's private in-flight table.  Layout,
 * orderings and their reasons: docs/channel.md; models: tests/model/.
 *
 * The broker's end and the worker's end are both here, and a process uses one of them.
 */
#ifndef PROTO_CHANNEL_H
#define PROTO_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "lib/log.h"

/* ---- what both ends see ---- */

enum channel_op {
	CHANNEL_OP_HELLO = 1,	/* answer with the types of this worker, as JSON */
	CHANNEL_OP_RUN,		/* payload: struct channel_head, type, args, spec, traceparent */
	CHANNEL_OP_FETCH,	/* a piece of a kept result: arg = token, deadline_ns = offset */
	CHANNEL_OP_DROP,	/* forget a kept result: arg = its token */
	/*
	 * Of an exec worker, each about the run whose token is arg; CHANNEL_FAILED when there is no
	 * such run any more.
	 *
	 * OUTPUT: what the command says from now on.  Answered as soon as there is something, with
	 * records of struct channel_said; aux is 1 in the last answer, which comes before the run's
	 * own completion.  A worker that has no OUTPUT to answer stops reading from that command,
	 * so the command waits.  A run that has ended waits for its last one too, but one
	 * that is cancelled for a second at most.
	 * INPUT: bytes for its stdin.  Answered when all of them are written, or nobody reads them
	 * any more (CHANNEL_FAILED).  deadline_ns 1: nothing comes after them.
	 * SIGNAL: deadline_ns = the number; for the command's process group.  SIGKILL is for its
	 * whole tree.
	 */
	CHANNEL_OP_OUTPUT,
	CHANNEL_OP_INPUT,
	CHANNEL_OP_SIGNAL,
};

enum channel_stream { CHANNEL_STDOUT = 1, CHANNEL_STDERR, CHANNEL_SPENT };

/* Before len bytes of one stream, in the order of arrival; not aligned. */
struct channel_said {
	int64_t		at_ms;		/* since the epoch */
	uint32_t	stream;		/* enum channel_stream; SPENT: a struct channel_spent */
	uint32_t	len;
};

/* What an attempt has used up to now, its children that were waited for included. */
struct channel_spent {
	int64_t		user_us, system_us, wall_us;
	int64_t		max_rss_bytes, read_bytes, write_bytes;
};

enum channel_status {
	CHANNEL_OK = 1,		/* output: the result's JSON; aux = ns the handler ran, a hint */
	CHANNEL_FAILED,		/* output: {"kind","message","data"...}; aux as above */
	CHANNEL_CANCELLED,	/* ended early because it was asked to; no output */
	CHANNEL_NEED_SPACE,	/* aux = bytes of the result; kept until fetched or dropped */
};

/*
 * How an attempt spent its time, as its worker says: a hint, in the completion of a RUN.  All zero:
 * the worker did not look.
 */
struct channel_usage {
	bool		measured;	/* cpu_permille says something */
	bool		queue_known;	/* the wait for a CPU is taken out of it */
	uint16_t	cpu_permille;	/* of its time without the wait for a CPU: 0 .. 1000 */
	uint16_t	stall_ms;	/* it kept the worker's loop from turning for so long; 0: no */
};

/* At the start of a RUN entry's input. */
struct channel_head {
	uint64_t	job, fence;
	uint32_t	attempt;
	uint32_t	lane;		/* enum lane: which implementation to use */
	uint32_t	type_len, args_len;
	uint32_t	spec_len;	/* of a command: proto/command.h; 0: none */
	uint32_t	trace_len;	/* of its traceparent: proto/traceparent.h; 0: none */
};

/* Of a line that an attempt says; what is longer is cut before. */
#define CHANNEL_LINE_BYTES	1024

enum channel_kick { CHANNEL_KICK_FUTEX, CHANNEL_KICK_SOCKET };

/* ---- the broker's end ---- */

struct channel_config {
	bool		  fifo;		/* completions in order (cpu), or by slot (io) */
	enum channel_kick kick;
	uint32_t	  depth;	/* entries in flight at most, a power of two */
	uint32_t	  runs;		/* threads that run attempts, beside the loop; 1 for cpu */
	size_t		  in_bytes, out_bytes;	/* arenas, powers of two; sparse */
};

/* Descriptors for the worker; the broker keeps its own of the event and the kick. */
struct channel_fds {
	int	a, b, event, kick;	/* kick: -1 with a futex */
};

struct channel;

/*
 * Creates, maps and seals both regions.  gen (> 0) tells incarnations apart and is part of each
 * token.  *fds are the worker's, to be closed by the caller once passed on.  0 or -errno.
 */
int channel_new(const struct channel_config *cfg, uint32_t gen, struct channel **out,
    struct channel_fds *fds);
void channel_free(struct channel *ch);
/* The eventfd to watch edge-triggered for reading, and never to read. */
int channel_event_fd(const struct channel *ch);

struct channel_submit {
	enum channel_op	 op;
	void		*tag;		/* the caller's; comes back with the completion */
	const struct iovec *in;		/* input, concatenated into one chunk */
	int		 in_count;
	uint32_t	 out_cap;	/* room for the output; 0: none */
	uint64_t	 deadline_ns;	/* CLOCK_MONOTONIC, 0: none */
	uint64_t	 arg;
};

/*
 * Writes an entry, not yet published.  0 and *token; -EAGAIN: depth entries are in flight or
 * harvested and not released; -ENOSPC: no room in an arena now; -EMSGSIZE: input or out_cap is
 * above its whole arena.
 */
int channel_submit(struct channel *ch, const struct channel_submit *s, uint64_t *token);
/* Publishes what was submitted since the last call and wakes the worker if it sleeps. */
void channel_publish(struct channel *ch);
/*
 * Asks for the end of an attempt: writes its cancel word and wakes a worker that sleeps.  Nothing
 * happens when the attempt is not in flight any more.
 */
void channel_cancel(struct channel *ch, uint64_t token);
/* No more entries will come: the worker ends when it has none left. */
void channel_stop(struct channel *ch);
/* What the worker logs from its next turn on; it is not woken for that. */
void channel_log(struct channel *ch, enum log_level level);

/*
 * Before the broker sleeps, over all channels: channel_arm, then one channel_fence, then
 * channel_pending.  If any is pending it does not sleep.  channel_disarm afterwards.
 */
void channel_arm(struct channel *ch);
void channel_fence(void);
bool channel_pending(const struct channel *ch);
void channel_disarm(struct channel *ch);
/*
 * Call at each event on channel_event_fd.  0, or -EPROTO with *why when the worker has woken the
 * broker over and over without a valid completion: kill it.
 */
int channel_woken(struct channel *ch, const char **why);

struct channel_completion {
	void			*tag;
	uint64_t		 token;
	enum channel_op		 op;
	enum channel_status	 status;
	/*
	 * In region B, where the worker may change it at any time: copy, then look.  NULL: no room.
	 */
	const char		*output;
	uint32_t		 out_len;
	uint64_t		 aux;
	struct channel_usage	 usage;		/* of a RUN */
};

/*
 * The next completion.  Its output stays until channel_release(token), which must be called for
 * each.  1: *c is filled; 0: none; -EPROTO: the worker broke the protocol, *why says how; kill it.
 */
int channel_harvest(struct channel *ch, struct channel_completion *c, const char **why);
void channel_release(struct channel *ch, uint64_t token);

uint32_t channel_inflight(const struct channel *ch);
uint64_t channel_wakes(const struct channel *ch);	/* how often a sleeping worker was woken */
/* What is in flight, in order of submission; NULL at the end.  *at starts at 0. */
void *channel_inflight_next(const struct channel *ch, uint64_t *at, uint64_t *token);
size_t channel_bytes_out(const struct channel *ch);	/* input bytes in flight */
/* Hint: is this attempt running, as the worker says?  For an FIFO channel, is it the oldest. */
bool channel_suspect(const struct channel *ch, uint64_t token);

/* A line that an attempt has said. */
struct channel_line {
	void		*tag;			/* of its RUN */
	int64_t		 at_ms;			/* since the epoch, as the worker says */
	uint32_t	 lost;			/* so many lines before it found no room */
	uint32_t	 len;			/* 0: it tells of lost ones only */
	char		 text[CHANNEL_LINE_BYTES];	/* a private copy, of any bytes */
};

/*
 * The next line of those that were published before the last completions that channel_harvest has seen: to
 * be taken after each call of it, and before what it returned is dealt with, so that what an attempt
 * says is heard before its end.  1: *out is filled; 0: none; -EPROTO: the worker broke the protocol, *why
 * says how; kill it.
 */
int channel_line_next(struct channel *ch, struct channel_line *out, const char **why);
/* Would it say anything but 0?  For who asks at each completion. */
bool channel_has_line(const struct channel *ch);

/*
 * Hint: an attempt keeps the worker's loop from turning, for *ms so far.  Its tag, once for each
 * time that the worker says so; NULL: nothing new, or nobody that is in flight.
 */
void *channel_stalled(struct channel *ch, uint32_t *ms);

/* Hint: is it what the worker's loop runs?  Not for an FIFO channel. */
bool channel_blames(const struct channel *ch, uint64_t token);

/* What a running attempt says of its progress; hints.  False when it has said nothing. */
struct channel_progress {
	uint64_t	done, total;
	char		text[48];	/* UTF-8, NUL-terminated */
};
bool channel_progress_read(const struct channel *ch, uint64_t token, struct channel_progress *out);

/* ---- the worker's end ---- */

struct channel_worker;

struct channel_entry {
	uint64_t		 token;
	uint32_t		 slot;
	enum channel_op		 op;
	const char		*in;		/* region A, read-only; valid until completed */
	uint32_t		 in_len;
	char			*out;		/* region B */
	uint32_t		 out_cap;
	uint64_t		 deadline_ns, arg;
};

/* Maps both regions and closes a and b.  0 or -errno. */
int channel_attach(const struct channel_fds *fds, struct channel_worker **out);
void channel_detach(struct channel_worker *w);
uint32_t channel_runs(const struct channel_worker *w);
/* The next entry, copied before it is looked at. */
bool channel_take(struct channel_worker *w, struct channel_entry *e);
/* Writes a completion and publishes it; out_len bytes are in e->out already.  Loop thread only. */
void channel_complete(struct channel_worker *w, const struct channel_entry *e,
    enum channel_status status, uint32_t out_len, uint64_t aux);
/* The same, of a RUN whose time was looked at. */
void channel_complete_used(struct channel_worker *w, const struct channel_entry *e,
    enum channel_status status, uint32_t out_len, uint64_t aux, const struct channel_usage *usage);
/* After one or more completions: wakes the broker if it sleeps. */
void channel_signal(struct channel_worker *w);
/* Any thread: has the broker asked for the end of this attempt? */
bool channel_cancelled(const struct channel_worker *w, const struct channel_entry *e);
/* Changes whenever a cancel word was written: tells a loop that it is time to look. */
uint32_t channel_cancel_count(const struct channel_worker *w);
/*
 * Hint cur[run]: what runs there now; token 0: nothing.  Each run has one writer: 0 .. channel_runs
 * - 1 are the threads', channel_runs itself is the loop's.
 */
void channel_running(struct channel_worker *w, uint32_t run, uint64_t token);
/*
 * Hint: this attempt has kept the loop from turning for so long, and does so still.  Any thread,
 * one at a time; wakes the broker.
 */
void channel_stall(struct channel_worker *w, uint64_t token, uint32_t ms);
void channel_progress_write(struct channel_worker *w, const struct channel_entry *e,
    const struct channel_progress *p);
/*
 * A line of an attempt that has not been completed, at most CHANNEL_LINE_BYTES; lost: so many before it found
 * no room.  False: neither does this one.  Any thread, one at a time; wakes the broker.  There is a little
 * room for len 0 when there is none for lines.
 */
bool channel_say(struct channel_worker *w, uint64_t token, int64_t at_ms, const char *p, size_t len,
    uint32_t lost);
/* The log is of the level that the broker has said, if it has. */
void channel_follow_log(const struct channel_worker *w);
/* channel_stop was called, and there is no entry left to take. */
bool channel_stopped(const struct channel_worker *w);

/*
 * FUTEX: returns when there is an entry, a cancel or a stop (it may return early).  Spins a little
 * first when that pays: docs/channel.md.
 */
void channel_wait(struct channel_worker *w);
/*
 * SOCKET: before the loop blocks: announces the sleep; false when there is work already (do not
 * block). channel_awake after the loop turned, whatever channel_sleep said, and before channel_take
 * and channel_cancel_count are asked; it drains the kick socket.
 */
bool channel_sleep(struct channel_worker *w);
void channel_awake(struct channel_worker *w);
int channel_kick_fd(const struct channel_worker *w);

#endif
