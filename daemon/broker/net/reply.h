/*
 * reply.h - an answer on its way: printed straight into the output of its connection or of its
 * batch.
 *
 * reply_begin, then the value is printed, then reply_end; or reply_error instead.  What does not
 * fit the client's line becomes reply_too_long.  The connection may be closed (conn->dead) when
 * these return.
 */
#ifndef NET_REPLY_H
#define NET_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"
#include "proto/rpc.h"

struct batch;
struct connection;

struct reply {
	struct connection	*conn;
	struct batch		*batch;		/* NULL: a line of its own */
	struct span		 id;
	bool			 silent;	/* a notification: nobody hears it */
	struct buf		*out;		/* NULL until begun */
	size_t			 mark;		/* length of *out before */
	uint32_t		 number;	/* of a call that was `taken` (audit_call.h); 0: none */
	uint8_t			 method;	/* its enum rpc_method */
};

struct buf *reply_begin(struct reply *r);
/* Bytes that the rest of the value may still take; before reply_begin, the whole of it. */
size_t reply_room(const struct reply *r);
void reply_end(struct reply *r);
void reply_error(struct reply *r, const struct rpc_error *err);

#endif
