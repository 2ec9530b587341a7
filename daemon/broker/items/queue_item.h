/*
 * queue_item.h - what an operator has set of a queue at run time, as JSON text.
 *
 *   {"max_running":4,"rate_milli":1500,"paused":true,"weights":{"acme":3}}
 *
 * The configuration file comes first, and what an operator set wins over it until it is set to the
 * file's value again: the text has only what differs from the file's settings, and it is empty (no
 * text at all) when nothing does.
 */
#ifndef ITEMS_QUEUE_ITEM_H
#define ITEMS_QUEUE_ITEM_H

#include "daemon/broker/core/core.h"
#include "lib/buf.h"
#include "proto/rpc.h"

/* Appends the text for the queue as it is now; file: its settings in the configuration. */
void queue_item_print(struct buf *out, const struct core *c, struct span name,
    const struct queue_settings *file);
/*
 * Sets the queue as the file and the text (len 0: nothing) say, and not otherwise: also what was
 * set since is undone.  0, or -1 with *err and the queue as it was.
 */
int queue_item_apply(struct core *c, struct core_time now, struct span name,
    const struct queue_settings *file, struct span text, struct rpc_error *err);

#endif
