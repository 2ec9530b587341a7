/* purge.h - queue.purge: what waits in a queue is cancelled, some hundred jobs a turn. */
#ifndef NET_PURGE_H
#define NET_PURGE_H

#include "daemon/broker/net/dispatch.h"

/* Begins; the call is answered when it is done.  It goes on when the client is gone. */
void purge_begin(struct call *call, struct span queue);
/* A step of each that is under way; once a turn. */
void purge_run(struct net *n);
void purge_free(struct net *n);

#endif
