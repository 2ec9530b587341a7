/*
 * watch.h - who waits for what: calls that are answered when a job has its outcome, when all jobs
 * are gone, or when a delay is over.
 *
 * job->run->watchers points into a ring of struct watcher: the watches of single jobs and the members of
 * waits on many.  A connection lists its watches; its end drops them all.
 */
#ifndef NET_WATCH_H
#define NET_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/broker/core/job.h"
#include "daemon/broker/ledger.h"
#include "daemon/broker/net/dispatch.h"
#include "lib/heap.h"

enum watch_kind {
	WATCH_CALL,	/* job.call */
	WATCH_WAIT,	/* job.wait on one job */
	WATCH_CANCEL,	/* job.cancel: until the job has ended */
	WATCH_GROUP,	/* job.wait on many; watch_group.h */
	WATCH_DRAIN,	/* server.drain */
	WATCH_RELOAD,	/* server.reload */
	WATCH_GROUP_END, /* group.wait, group.cancel: until the group has finished */
	WATCH_GROUP_READ, /* group.results: until they are read from the disk */
	WATCH_ROOM,	/* a submit or call that waits for room; room.h */
	WATCH_EMPTY,	/* queue.wait */
	WATCH_PURGE,	/* queue.purge */
	WATCH_RECALL,	/* any call that asks the store first; recall.h */
	WATCH_KEPT,	/* a change of settings: until it is on disk; kept.h */
	WATCH_SAVED,	/* token.new, token.revoke: until it is on disk */
	WATCH_LOG,	/* job.log: until a part of it was read from the disk */
	WATCH_LOGIN,	/* a failed login, answered late */
	WATCH_TOLD,	/* job.write, job.signal: until the command has it */
	WATCH_STORED,	/* what it did is on its way to the disk; stored.h */
};

/* In the ring of a job. */
struct watcher {
	struct list	 link;
	struct job	*job;		/* NULL: in no ring */
	uint8_t		 kind;		/* enum watch_kind: what it is embedded in */
};

struct watch_group;

struct watch {
	struct watcher		 node;
	struct list		 link;		/* the connection's, or net->spare_watches */
	struct heap_node	 timer;
	struct connection	*conn;
	struct batch		*batch;
	struct watch_group	*group;		/* WATCH_GROUP; freed with it */
	uint64_t		 ticket;	/* WATCH_GROUP_READ, WATCH_RELOAD */
	struct room_wish	*wish;		/* WATCH_ROOM: the job; freed with it */
	struct ledger_wait	 stored;	/* WATCH_STORED */
	void			(*answer)(struct watch *w, enum store_result r);
	void			*what;		/* STORED: answer's */
	void			(*forget)(void *what);
	uint64_t		 job_id;	/* STORED: answer's */
	struct recall		*recall;	/* WATCH_RECALL: it goes on without us */
	uint32_t		 weight;	/* open calls that it counts for */
	bool			 silent;
	bool			 cancel_on_disconnect;
	bool			 deduplicated;	/* the job is one that was there before */
	uint8_t			 method;	/* of the call */
	uint32_t		 number;	/* of the call, for the audit log */
	uint16_t		 id_len;
	char			 id_short[24];
	char			*id_long;	/* when id_short is too short */
};

/* May this call wait, for count jobs?  0, or -1 with too_many_calls. */
int watch_allowed(const struct call *call, uint32_t count, struct rpc_error *err);
/* The call waits.  Ask watch_allowed first. */
struct watch *watch_new(struct call *call, enum watch_kind kind, uint32_t count);
void watch_job(struct watch *w, struct job *j);
/* A WATCH_ROOM or WATCH_PURGE waits for the disk from now on; stored.h. */
void watch_become_stored(struct watch *w);
/* Joins and leaves the ring of a job. */
void watcher_join(struct watcher *node, struct job *j);
void watcher_leave(struct watcher *node);
/* Answers with wait_timeout (WATCH_LOGIN: with its refusal) then. */
void watch_timeout(struct watch *w, int64_t ms);
/*
 * Takes it away from whatever could answer it, and says how to answer.  Then the answer, then
 * watch_free.
 */
struct reply watch_take(struct watch *w);
void watch_free(struct watch *w);
/* Answers with an error, and frees it. */
void watch_refuse(struct watch *w, const struct rpc_error *err);
/* The connection is gone: nobody hears the answers, and jobs that asked for it are cancelled. */
void watch_drop_all(struct connection *c);
/* The client sends no more: jobs that asked to be cancelled with it are told so. */
void watch_cancel_disconnected(struct connection *c);

void watch_job_finished(struct net *n, struct job *j);
void watch_job_forgotten(struct net *n, struct job *j);
/* It was accepted, and could not be written down. */
void watch_job_refused(struct job *j, const struct rpc_error *err);
void watch_drained(struct net *n);
/*
 * Answers those whose time is over; returns when the next is due (CLOCK_MONOTONIC), or INT64_MAX.
 */
int64_t watch_run(struct net *n, int64_t now_ns);
void watch_spare_free(struct net *n);

#endif
