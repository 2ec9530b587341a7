/* lanes_internal.h - what the files of lanes/ share. */
#ifndef LANES_LANES_INTERNAL_H
#define LANES_LANES_INTERNAL_H

#include "daemon/broker/lanes/lanes.h"
#include "lib/list.h"
#include "proto/channel.h"
#include "proto/control.h"

struct event;

/*
 * A place for a worker, and the incarnation that fills it.  A place of the pool is filled again after each
 * death; a place that is `leaving` (its worker is recycled and another place has taken over, or it served
 * one job alone) is given up instead.
 */
struct worker {
	struct lanes	*lanes;
	uint32_t	 number;		/* index in lanes->places, core's number */
	char		 name[24];		/* at most 15 are used: control.h */
	enum control_lane lane;
	enum worker_state state;
	int64_t		 since_ms;		/* in this state */
	bool		 leaving;
	uint64_t	 alone_for;		/* the job it was started for, 0: pool */

	/* the incarnation */
	uint32_t	 gen;
	struct channel	*channel;
	struct event	*completions, *death;
	int		 pid, pidfd;		/* 0 and -1: the supervisor has not answered yet */
	bool		 up;			/* core knows it */
	uint64_t	 done_here;		/* attempts of this incarnation */
	int64_t		 ready_by_ns;		/* STARTING: killed when not ready by then */
	int64_t		 rss_bytes;
	struct list	 fetches;		/* results that are coming in pieces */

	/* across incarnations */
	uint64_t	 done, crashes;
	unsigned	 failures;		/* incarnations in a row that died without doing anything */
	int64_t		 respawn_ns;		/* GONE: when to fill the place again */
};

struct lanes {
	struct broker	*broker;
	int		 control_fd;
	struct event	*control;
	struct worker	**places;		/* NULL: free */
	uint32_t	 places_len, places_cap;
	uint32_t	 next_gen;
	int64_t		 next_look_ns;		/* resident memory and lateness are looked at once a second */
	bool		 serving;		/* broker_ready was called */
};

/* worker.c: the life of a worker */
struct worker *worker_new(struct lanes *l, enum control_lane lane, uint64_t alone_for);
void worker_free(struct worker *w);
void worker_set_state(struct worker *w, enum worker_state state);
void worker_request(struct worker *w);			/* asks the supervisor for an incarnation */
void worker_started(struct worker *w, int pid, int pidfd);
void worker_ready(struct worker *w);			/* its hello was good */
void worker_kill(struct worker *w, const char *why);	/* death is confirmed later, never assumed */
void worker_died(struct worker *w);			/* confirmed: recovers what it had */
void worker_retire(struct worker *w, const char *why);	/* another place takes over; ends when idle */
void worker_look(struct worker *w);			/* once a second */

/* exchange.c: attempts out, completions in */
void exchange_hello(struct worker *w);
/* One completion; false: none is left.  Kills a worker that breaks the protocol. */
bool exchange_take(struct worker *w);
void exchange_drop_fetches(struct worker *w);

/* types.c: what a worker's hello declares.  0, or -1 with a sentence. */
int types_declare(struct core *c, const char *text, size_t len, char *why, size_t size);

struct worker *lanes_worker(const struct lanes *l, uint32_t number);
/* The circuit breaker's question: did every place of this kind fail `times` times without ever serving? */
bool lanes_all_fail(const struct lanes *l, enum control_lane lane, unsigned times);

#endif
