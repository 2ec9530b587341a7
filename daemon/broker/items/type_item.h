/*
 * type_item.h - how an operator wants a type routed, and what was measured of it, as JSON texts.
 *
 *   pin		{"mode":"pin","lane":"thread","by":"uid:0"}; none when it is as the
 *			configuration says
 *   profile	{"share":{...},"ran":{"async":{...}},"verdict":"waits","verdict_ms":...,...}
 *
 * A profile is written now and then and not after each attempt: what is lost is measured again.
 */
#ifndef ITEMS_TYPE_ITEM_H
#define ITEMS_TYPE_ITEM_H

#include "daemon/broker/core/core.h"
#include "daemon/broker/route/route.h"
#include "lib/buf.h"
#include "proto/rpc.h"

struct pin_item {
	enum route_mode	mode;
	int		lane;		/* PIN: enum lane; -1: the one that the type declares */
	char		by[ROUTE_BY];
};

void pin_item_print(struct buf *out, const struct type_route *tr);
int pin_item_read(struct span text, struct pin_item *out, struct rpc_error *err);

/* The type's route is there. */
void profile_item_print(struct buf *out, struct core_time now, const struct type *t);
/*
 * Into the type, whose route is there.  A verdict is as old as the time since epoch says, and no
 * younger than now.  0, or -1 with *err and the type as it was.
 */
int profile_item_apply(struct type *t, struct core_time now, struct span text,
    struct rpc_error *err);

/* That of a program, `program`: the same members, as far as they are the profile's. */
void program_item_print(struct buf *out, struct core_time now, const struct profile *p);
int program_item_read(struct span text, struct core_time now, struct profile *p,
    struct rpc_error *err);

#endif
