/*
 * net.h - connections of clients: lines in, checked calls to methods, replies out.
 */
#ifndef NET_NET_H
#define NET_NET_H

#include "daemon/broker/broker.h"
#include "daemon/broker/store/store.h"

/*
 * For the listening sockets (already bound and listening; unix or TCP, found by getsockname).
 * 0 or -errno.
 */
int net_new(struct broker *b, const int *listeners, size_t count, struct net **out);
/*
 * The certificate for TLS connections from now on, from a memfd of proto/tls_files.h, which stays the
 * caller's.  0; -1, logged, and the one before stays in force.
 */
int net_tls(struct net *n, int fd);
/* Accepts connections from now on; who connected before has waited in the sockets' backlog. */
void net_serve(struct net *n);
void net_free(struct net *n);

/* Effects of core: the job has an outcome; the job is about to be freed. */
void net_job_finished(struct net *n, struct job *j);
void net_job_forgotten(struct net *n, struct job *j);
/* The job was accepted, and could not be written down: who waits for it is told so. */
void net_job_refused(struct net *n, struct job *j, const struct rpc_error *err);
/* The group has finished; outcomes of its members that were asked for (g NULL: it was forgotten). */
void net_group_finished(struct net *n, struct group *g);
struct outcomes_page;
void net_group_outcomes(struct net *n, struct group *g, uint64_t ticket,
    const struct outcomes_page *page);
/* That it was made, or is closed, is on disk, or could not be written: answers who waits. */
void net_group_made(struct net *n, struct list *waiters, const struct group *g,
    enum store_result result);
void net_group_closed(struct net *n, struct list *waiters, const struct group *g,
    enum store_result result);
/* Settings of a queue, or of a type, are on disk, or could not be written: answers who waits. */
void net_kept(struct net *n, struct list *waiters, bool queue, struct span name,
    enum store_result result);
/* A queue that somebody waits for holds less. */
void net_queue_less(struct net *n, const struct queue *q);
/* Rules or tokens are others, or may be: connections are looked at again in this turn. */
void net_access_changed(struct net *n);
/* Nothing waits and nothing runs any more while draining: answers server.drain. */
void net_drained(struct net *n);
/*
 * Answers server.reload, those with numbers up to `asks`: with a result's text, or the error that
 * there was (NULL: none).
 */
void net_reloaded(struct net *n, uint64_t asks, struct span result, const struct rpc_error *err);
/* The connection of a remote worker, lanes' since its hello, is closed. */
void net_worker_closed(struct net *n);
/*
 * Writes what replies have gathered; once a turn.  Returns when a timer of the net is due next
 * (mono ns).
 */
int64_t net_flush(struct net *n);
/*
 * The daemon ends: takes no more lines, closes each connection once its output is sent; true when
 * none has output left.
 */
bool net_finish(struct net *n);

struct net_stats {
	uint64_t	connections, accepted, refused, requests, errors, bytes_in, bytes_out;
};
void net_stats(const struct net *n, struct net_stats *out);

#endif
