/* deadline.c - clients that take too long.  Runs in: broker, loop thread. */
#include "daemon/broker/net/deadline.h"

#include "daemon/broker/net/connection.h"
#include "lib/clock.h"

static const int64_t lengths_ns[DEADLINES] = {
	[DEADLINE_AUTH] = BOUND_AUTH_MS * NS_PER_MS,
	[DEADLINE_LINE] = BOUND_LINE_MS * NS_PER_MS,
	[DEADLINE_LINGER] = DEADLINE_LINGER_MS * NS_PER_MS,
};

void
deadline_start(struct connection *c, enum deadline kind)
{
	struct net	*n = c->net;

	list_remove(&c->deadline);
	c->clock = (uint8_t)kind;
	c->since_ns = n->broker->now.mono_ns;
	list_push_back(&n->deadlines[kind], &c->deadline);
}

void
deadline_stop(struct connection *c)
{
	list_remove(&c->deadline);
	c->clock = DEADLINE_NONE;
}

static void
over(struct connection *c)
{
	struct rpc_error	err;
	enum deadline		kind = c->clock;

	deadline_stop(c);
	if (kind == DEADLINE_LINGER) {
		connection_close(c);
		return;
	}
	if (kind == DEADLINE_AUTH)
		rpc_fail(&err, RPC_too_slow,
		    "no hello with a valid token came within %d s; the connection closes",
		    BOUND_AUTH_MS / 1000);
	else
		rpc_fail(&err, RPC_too_slow,
		    "a line was not finished within %d s; the connection closes",
		    BOUND_LINE_MS / 1000);
	connection_refuse(c, &err);
}

int64_t
deadline_run(struct net *n, int64_t now_ns)
{
	int64_t	next = INT64_MAX;

	for (int kind = DEADLINE_AUTH; kind < DEADLINES; kind++) {
		struct list	*head = &n->deadlines[kind];

		while (!list_empty(head)) {
			struct connection	*c;
			int64_t			 due;

			c = list_entry(head->next, struct connection, deadline);
			due = c->since_ns + lengths_ns[kind];
			if (due > now_ns) {
				next = due < next ? due : next;
				break;
			}
			over(c);
		}
	}
	return next;
}
