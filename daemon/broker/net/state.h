/*
 * state.h - what the files of net/ share: one struct net, owned by the broker's loop thread.
 *
 * A connection is in `connections` while it lives and in `dead` until the turn ends: libevent, or a
 * loop further up the stack, may still hold it.
 */
#ifndef NET_STATE_H
#define NET_STATE_H

#include "daemon/broker/net/auth.h"
#include "daemon/broker/net/dispatch.h"
#include "daemon/broker/net/net.h"
#include "lib/buf.h"
#include "lib/heap.h"
#include "lib/list.h"
#include "lib/map.h"

/* What one connection may do in one turn, so that no other waits long for its own. */
#define NET_TURN_BYTES	(256 << 10)
#define NET_TURN_WORK	1000		/* calls, or what costs as much as a call */
#define NET_READ_BYTES	(64 << 10)	/* one recv */
#define NET_TAIL_BYTES	(64 << 10)	/* an unfinished line: copied before the next recv */

#define NET_SPARE_OUTPUTS	32
#define NET_SPARE_OUTPUT_BYTES	((size_t)1 << 20)	/* of one: two pieces of what a job says */
#define NET_SPARE_OUTPUTS_BYTES	((size_t)8 << 20)	/* of all */
#define NET_SPARE_WATCHES	4096

enum deadline { DEADLINE_NONE, DEADLINE_AUTH, DEADLINE_LINE, DEADLINE_LINGER, DEADLINES };

struct listener;
struct tls_context;

struct net {
	struct broker	*broker;
	struct listener	*listeners;
	size_t		 listener_count;
	int64_t		 accept_again_ns;	/* 0: accepting */
	struct tls_context *tls;		/* in force for new connections; NULL: no TLS listener */
	struct list	 handshakes;		/* of TLS, oldest first */
	unsigned	 handshake_count;
	bool		 handshakes_full;	/* TLS listeners wait for room */
	bool		 full;			/* refusing connections; said once */
	bool		 finishing;
	bool		 again;			/* another turn is wanted at once */
	char		 user[64];		/* whom the processes of this daemon belong to */
	struct list	 connections, dead;
	struct list	 dirty;			/* has output, or an end to look at */
	struct list	 more;			/* has whole lines left for the next turn */
	struct list	 deadlines[DEADLINES];	/* oldest first */
	struct heap	 timers;		/* of watches */
	struct list	 drains;		/* watches of server.drain */
	struct list	 reloads;		/* of server.reload, oldest first */
	struct list	 reads;			/* of group.results */
	struct list	 subscriptions;		/* of job.watch */
	struct list	 follows;		/* of job.log: all of them, */
	struct list	 behind;		/* and those with something to tell */
	uint64_t	 last_watch;		/* their numbers */
	uint64_t	 tickets;		/* of reads, given out so far */
	struct list	 lines;			/* queues that somebody waits for (room.c) */
	uint32_t	 last_call;		/* their numbers */
	bool		 access_changed;	/* rules or tokens: connections are looked at again */
	int64_t		 expiry_ms;		/* when the next token expires (ms since 1970) */
	unsigned	 room_waits;		/* submits that wait for room */
	size_t		 room_bytes;		/* of their jobs */
	struct list	 purges;		/* of queues, under way (purge.c) */
	struct list	 recalls;		/* calls that wait for the store, in order of asking */
	uint64_t	 last_recall;		/* their numbers */
	size_t		 recall_bytes;		/* what they hold */
	struct idmap	 forgetting;		/* struct recall_mark by id */
	struct list	 marks;			/* those whose jobs are forgotten on disk */
	struct list	 spare_watches;
	unsigned	 spare_watch_count;
	struct buf	 spare_outputs[NET_SPARE_OUTPUTS];
	unsigned	 spare_output_count;
	size_t		 spare_output_bytes;
	struct buf	 nowhere;		/* replies to notifications */
	struct call	 call;			/* the one being served */
	char		*scratch;		/* NET_TAIL_BYTES + NET_READ_BYTES */
	unsigned	 work;			/* done by the connection whose turn it is */
	int64_t		 said_since_ns;		/* the second in which... */
	unsigned	 said;			/* ...so many refusals were logged */
	struct net_stats stats;
};

/*
 * Refusals are logged, but whoever makes them does not fill the log: true for a few of them a
 * second.
 */
bool net_may_log(struct net *n);

#endif
