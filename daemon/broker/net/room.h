/*
 * room.h - calls that wait for a queue: submits until it has room, queue.wait until it is empty.
 *
 * A queue that somebody waits for has a line.  Submits come in the order in which they were asked,
 * as soon as the first of them fits; how many there are, and what their jobs take, is bounded
 * (BOUND_ROOM_*).
 */
#ifndef NET_ROOM_H
#define NET_ROOM_H

#include "daemon/broker/net/dispatch.h"
#include "proto/jobspec.h"

struct net;
struct queue;
struct watch;

/*
 * The queue was full (*err says so), and the call asked to wait: METHOD_LATER; or -1, with *err as
 * it was or with too_many_calls.
 */
int room_wait(struct call *call, const struct jobspec *spec, int64_t wait_ms, struct rpc_error *err);
/* Do submits wait for this queue already?  Whoever can wait stands behind them. */
bool room_has_line(const struct net *n, struct span queue);
/* The time of such a submit is over: what it is told. */
void room_time_over(struct watch *w, struct rpc_error *err);
/* Frees what a watch keeps of its job, if it does. */
void room_wish_free(struct watch *w);
/* The call waits until the queue is empty. */
void room_wait_empty(struct call *call, struct span queue, int64_t wait_ms);

/* Core says that the queue holds less. */
void room_queue_less(struct net *n, const struct queue *q);
/* Serves the lines where something has changed; once a turn. */
void room_run(struct net *n);
/* Frees the lines; all watches are gone. */
void room_free(struct net *n);

#endif
