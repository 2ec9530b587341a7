/*
 * dispatch.h - a line becomes calls, a call finds its method, and its answer the way back.
 */
#ifndef NET_DISPATCH_H
#define NET_DISPATCH_H

#include "daemon/broker/net/reply.h"
#include "proto/rpc.h"

struct connection;
struct net;
struct recall;

/* The request being served.  There is one at a time; nothing in it outlives its method. */
struct call {
	struct net		*net;
	struct connection	*conn;
	struct rpc_call		 rpc;
	struct reply		 reply;
	struct span		 line;		/* its text */
	bool			 parsed;	/* its params are as they should be */
	bool			 parked;	/* the store is asked, and it is served again */
	bool			 foreign;	/* it was about what is another principal's */
	uint32_t		 number;	/* of calls, for the audit log */
	uint64_t		 job;		/* that it made */
	struct recall		*recall;	/* NULL; or what it asked the store, answered: it is
						 * served for the second time */
};

/*
 * What a method returns: it has printed its result into reply_begin(&call->reply), or a watch will
 * answer, or -1 with *err.
 */
#define METHOD_ANSWERED	0
#define METHOD_LATER	1
typedef int method_fn(struct call *call, struct rpc_error *err);

#define METHOD(symbol, name, role, params, result, help) method_fn method_##symbol;
#include "proto/methods.def"
#undef METHOD

static inline const struct rpc_value *
call_param(const struct call *call, enum rpc_param p)
{
	return &call->rpc.params[p];
}

static inline int64_t
call_int(const struct call *call, enum rpc_param p, int64_t otherwise)
{
	return call->rpc.params[p].given ? call->rpc.params[p].i : otherwise;
}

/* Serves one line: a request, or a batch of them. */
void dispatch_line(struct connection *c, struct span line);
/* Serves a call that was parked (recall.h) once more, from its text. */
void dispatch_again(struct connection *c, struct batch *batch, const char *text, size_t len,
    struct recall *r);

#endif
