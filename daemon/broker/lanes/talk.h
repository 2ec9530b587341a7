/*
 * talk.h - what is between the broker and one language or remote worker: the attempts it was given, by
 * their fences, and what it may say about them.
 *
 * Of a local worker it lasts as long as the process; of a remote one as long as its session, with one
 * wire after another.
 */
#ifndef LANES_TALK_H
#define LANES_TALK_H

#include "daemon/broker/core/core.h"
#include "daemon/broker/lanes/ready.h"
#include "daemon/broker/lanes/wire.h"
#include "lib/list.h"
#include "lib/map.h"

struct attempt;
struct broker;
struct channel_progress;
struct language_pool;
struct seat;

struct talk {
	struct seat	*seat;
	struct language_pool	*pool;
	struct wire	*wire;		/* NULL: remote, and not connected */
	struct list	 flights;	/* of struct flight, in order of start */
	struct idmap	 by_fence;
	uint32_t	 count;
	bool		 remote;
	bool		 fifo;		/* it answers in order */
	bool		 said_ready;
	uint32_t	 slots[LANES];
	size_t		 max_line;	/* that it reads; 0: any */
	char		 language[READY_LANGUAGE_MAX + 1];
	struct buf	 types;		/* those that it serves, as JSON text: "a","b" */
	struct buf	 scratch;	/* for decoded texts */
};

/* Of a worker. */
size_t talk_longest_line(const struct broker *b);
struct talk *talk_new(struct seat *seat, struct language_pool *pool, bool remote);
/* Its wire is closed; what was in flight is the caller's to recover first. */
void talk_free(struct talk *t);

/* worker.ready was good so far: its types become core's.  0, or -1 with *why. */
int talk_ready(struct talk *t, const struct ready *r, char *why, size_t size);
/* What core is told of the worker. */
struct worker_offer talk_offer(const struct talk *t, uint64_t alone_for);
/* "process", "thread+async": those that it has slots in. */
const char *talk_lanes(const struct talk *t);
/* Members that the answer to worker.ready always has, without braces. */
void talk_print_ready(const struct talk *t, struct buf *out);
/* The answer of a local worker, if it wants one (said.request). */
void talk_answer_ready(struct talk *t, struct span request);

void talk_start(struct talk *t, struct attempt *at);
void talk_tell(struct talk *t, const struct attempt *at);
void talk_finish(struct talk *t);		/* worker.finish */
/* All messages but worker.ready and worker.credit.  0, or -1 with *why: it broke the protocol. */
int talk_said(struct talk *t, const struct said *s, char *why, size_t size);
/* Is it this attempt that is in flight? */
struct attempt *talk_find(const struct talk *t, const struct ready_attempt *r);
struct attempt *talk_find_fence(const struct talk *t, uint64_t fence);
/* Takes out one that is not listed there any more; NULL: there is none. */
struct attempt *talk_take_unlisted(struct talk *t, const struct ready *r,
    bool (*is_listed)(const struct ready *r, const struct attempt *at));
/* A new wire: those that were asked to end while there was none are told. */
void talk_tell_again(struct talk *t);
/* What is in flight says nothing more: its worker is dead or gone. */
void talk_lost(struct talk *t);
/* The oldest in flight; NULL: none. */
struct attempt *talk_oldest(const struct talk *t);
/* The attempt whose output it is when the worker prints something; NULL: nobody can say. */
struct attempt *talk_speaker(const struct talk *t);
/* An attempt whose job has its outcome, and which was not answered. */
bool talk_has_stuck(const struct talk *t);
bool talk_progress(const struct talk *t, const struct attempt *at, struct channel_progress *out);
/* Forgets what is in flight: core has taken it back. */
void talk_drop(struct talk *t);

#endif
