/*
 * gather_item.h - durable groups are written down: when they are made, closed, cancelled, reduced and
 * when they have finished.  What else there is to know follows from their members.
 */
#ifndef BROKER_GATHER_ITEM_H
#define BROKER_GATHER_ITEM_H

#include "daemon/broker/broker.h"

/*
 * Who waits for that to be on disk (struct watch, by node.link) may join the list that is returned;
 * net_group_made and net_group_closed answer.  A group that cannot be written down is withdrawn; one
 * is closed only when that is on disk.
 */
struct list *gather_item_made(struct broker *b, const struct group *g);
struct list *gather_item_closing(struct broker *b, const struct group *g);
/* Nobody waits; it is not refused. */
void gather_item_changed(struct broker *b, const struct group *g);
/* net_group_finished when it is on disk. */
void gather_item_finished(struct broker *b, const struct group *g);
void gather_item_forgotten(struct broker *b, const struct group *g);

/* Recovery: 0, or -1 with *err. */
int gather_item_restore(struct broker *b, struct span name, struct span text,
    struct rpc_error *err);
/* What was under way is dropped. */
void gather_item_close(struct broker *b);

#endif
