/*
 * follow.h - job.log with `follow`: notifications of what a job says.
 *
 * A follower is a place in a job's log.  While it is at the end, what is said is printed straight
 * into its connection's output, from where the worker's bytes lie.  When that output is long it
 * falls behind, and reads what is kept from there on, at the end of each turn in which there is room; what is
 * not kept is a gap.  One with `hold`, of the client that handed the job in, is never behind: its job's
 * output stays in the worker until the client has read (logs_held).
 */
#ifndef NET_FOLLOW_H
#define NET_FOLLOW_H

#include <stdbool.h>

#include "daemon/broker/logs/reader.h"
#include "daemon/broker/net/dispatch.h"

struct connection;
struct net;

/* The caller follows the job's log from the reader's place on.  every_attempt: those that come after the
 * reader's, too.  0, or -1 with *err. */
int follow_begin(struct call *call, const struct job *j, const struct log_reader *from,
    bool every_attempt, bool hold, struct rpc_error *err);
/* It follows this job no more, if it did. */
void follow_end(struct connection *c, uint64_t job);
void follow_drop_all(struct connection *c);

/* Of logs/: this was said; the followers have something to look at; nothing more will be said; it is
 * forgotten. */
void follow_said(struct net *n, struct log *log, const struct log_attempt *a,
    const struct log_piece *piece);
void follow_look(struct net *n, struct log *log);
void follow_finished(struct net *n, struct log *log);
void follow_forgotten(struct net *n, struct log *log);
/* One that holds its job is behind. */
bool follow_holds(const struct log *log);

/* Tells what those that are behind have room for; before the connections are flushed. */
void follow_run(struct net *n);
/* After that; true: more can be told, or taken from a worker, at once. */
bool follow_sent(struct net *n);

#endif
