/*
 * methods.h - what the methods of several namespaces need.  Each namespace has a file methods_*.c;
 * the prototypes come from methods.def (dispatch.h).
 */
#ifndef NET_METHODS_H
#define NET_METHODS_H

#include "daemon/broker/broker.h"
#include "daemon/broker/net/connection.h"
#include "daemon/broker/net/dispatch.h"
#include "daemon/broker/net/print_job.h"
#include "daemon/broker/net/state.h"

/* Always -1: not_found, with the id in error.data. */
int no_such_job(uint64_t id, struct rpc_error *err);
/* A new job, or one that was there before, by its unique key. */
struct submitted {
	uint64_t	id;
	bool		unstored;	/* it is not on disk yet */
	bool		deduplicated;
};
/* A job of these checked members is accepted, or *err says why not. */
int submit_job(struct call *call, const struct rpc_value *params, struct submitted *out,
    struct rpc_error *err);
/*
 * The job that `id` names.  0; -1 with not_found; or METHOD_LATER: the store is asked, and the method
 * is called again.
 */
int find_job(struct call *call, struct job **out, struct rpc_error *err);

#endif
