/*
 * group_item.h - a durable group as JSON text.  Its item is called after its number, in as many
 * digits as any number has, so that the order of names is that of numbers.
 *
 *   {"name":"nightly","max_running":4,"reduce":"{...}","principal":"uid:0","state":"closed",...}
 */
#ifndef ITEMS_GROUP_ITEM_H
#define ITEMS_GROUP_ITEM_H

#include <jansson.h>

#include "daemon/broker/core/group.h"
#include "lib/buf.h"
#include "proto/rpc.h"

#define GROUP_ITEM_NAME	17	/* with the NUL */

struct group_item {
	struct group_saved saved;
	struct span	 reduce;	/* the job as the client wrote it; len 0: none */
	struct span	 principal, client, addr;	/* who made it */
	struct span	 outcome, brief;	/* of the reduce job, as job.call has it; len 0: none */
	json_t		*root;		/* group_item_read: what the spans point into */
};

void group_item_name(uint64_t number, char out[GROUP_ITEM_NAME]);
void group_item_print(struct buf *out, const struct group_item *g);
/* 0, and group_item_fini gives it back; or -1 with *err. */
int group_item_read(struct span name, struct span text, struct group_item *out,
    struct rpc_error *err);
void group_item_fini(struct group_item *g);

#endif
