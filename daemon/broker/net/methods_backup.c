/* methods_backup.c - server.backup.  Runs in: broker, loop thread; the read thread copies. */
#include <errno.h>
#include <string.h>

#include "daemon/broker/net/methods.h"
#include "daemon/broker/net/recall.h"
#include "lib/alloc.h"

static int
refuse(const struct store_query *q, struct rpc_error *err)
{
	static const struct {
		int			 error;
		enum rpc_error_kind	 kind;
	} rows[] = {
		{ EEXIST, RPC_conflict }, { ENOSPC, RPC_store_full }, { EDQUOT, RPC_store_full },
		{ ENOENT, RPC_invalid_params }, { ENOTDIR, RPC_invalid_params },
		{ EACCES, RPC_invalid_params }, { EROFS, RPC_invalid_params },
		{ ENAMETOOLONG, RPC_invalid_params }, { ELOOP, RPC_invalid_params },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].error == q->error)
			return rpc_fail_member(err, rows[i].kind, "path", 4, "%s", q->why);
	return rpc_fail(err, RPC_internal, "%s", q->why);
}

static int
answer(struct call *call, struct rpc_error *err)
{
	const struct store_query	*q = &call->recall->ask.q;
	struct buf			*out;

	if (q->result != STORE_OK)
		return refuse(q, err);
	out = reply_begin(&call->reply);
	print_literal(out, "{\"path\":");
	print_string(out, q->path);
	print_next(out, "bytes");
	buf_put_u64(out, q->next);
	buf_putc(out, '}');
	return METHOD_ANSWERED;
}

int
method_server_backup(struct call *call, struct rpc_error *err)
{
	const struct rpc_value	*path = call_param(call, PARAM_path);
	struct recall		*r;

	if (call->recall != NULL)
		return answer(call, err);
	if (path->p[0] != '/')
		return rpc_fail_member(err, RPC_invalid_params, "path", 4,
		    "path must be absolute: it is one of the server");
	if (!recall_allowed(call))
		return rpc_fail(err, RPC_not_supported,
		    "store.engine is memory: there is nothing to back up");
	r = mem_zalloc(1, sizeof(*r));
	r->path = mem_strndup(path->p, path->len);
	r->ask.q.what = STORE_BACKUP;
	r->ask.q.path = r->path;
	return recall_ask(call, r, err);
}
