/*
 * kept.h - changes of settings that are answered when they are on disk.
 */
#ifndef NET_KEPT_H
#define NET_KEPT_H

#include "daemon/broker/net/dispatch.h"
#include "lib/list.h"

/* What is answered: the queue, or how the type is routed, as it is then. */
void queue_print(const struct net *n, struct span name, struct buf *out);
void pin_print(const struct net *n, struct span name, struct buf *out);
typedef void kept_print(const struct net *n, struct span name, struct buf *out);

/* waiters: of keep_queue or keep_pin; NULL: it is answered at once. */
int kept_answer(struct call *call, struct list *waiters, struct span name, kept_print *print);

#endif
