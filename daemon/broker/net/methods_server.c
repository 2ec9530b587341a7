/* methods_server.c - hello, ping, server.*.  Runs in: broker, loop thread. */
#include <stdlib.h>
#include <unistd.h>

#include "daemon/broker/metrics/http.h"
#include "daemon/broker/metrics/metrics.h"
#include "daemon/broker/metrics/process.h"
#include "daemon/broker/net/methods.h"
#include "daemon/broker/net/watch.h"
#include "lib/clock.h"

#define SERVER_NAME	"jobd " PACKAGE_VERSION

/* ---- hello, ping ---- */

struct limit {
	const char	*name;
	int64_t		 value;
};

static void
print_limits(struct buf *out, const struct limit *limits, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		buf_putc(out, i == 0 ? '{' : ',');
		print_string(out, limits[i].name);
		buf_putc(out, ':');
		buf_put_i64(out, limits[i].value);
	}
	buf_putc(out, '}');
}

/* Everything of bounds.h that a client can run into. */
static void
print_bounds(struct buf *out, const struct connection *c)
{
	const struct config	*cfg = &c->net->broker->config;
	const struct limit	 limits[] = {
		{ "line_bytes", cfg->max_line_bytes },
		{ "reply_bytes", c->max_reply },
		{ "depth", BOUND_DEPTH },
		{ "values", BOUND_VALUES },
		{ "batch_calls", BOUND_BATCH_CALLS },
		{ "submit_many", BOUND_SUBMIT_MANY },
		{ "wait_ids", BOUND_WAIT_IDS },
		{ "open_calls", BOUND_OPEN_CALLS },
		{ "id_bytes", BOUND_RPC_ID_BYTES },
		{ "name_bytes", BOUND_NAME_BYTES },
		{ "key_bytes", BOUND_KEY_BYTES },
		{ "labels", BOUND_LABELS },
		{ "labels_bytes", BOUND_LABELS_BYTES },
		{ "list_items", BOUND_LIST_LIMIT },
		{ "result_bytes", cfg->max_result_bytes },
		{ "line_ms", BOUND_LINE_MS },
	};

	print_next(out, "limits");
	print_limits(out, limits, sizeof(limits) / sizeof(limits[0]));
}

static void
print_hello(struct buf *out, const struct connection *c)
{
	print_literal(out, "{\"protocol\":1,\"server\":\"" SERVER_NAME "\"");
	print_next(out, "boot_id");
	print_string(out, c->net->broker->boot_id);
	print_next(out, "principal");
	print_string(out, auth_principal(c));
	print_next(out, "role");
	print_string(out, rpc_role_names[c->role]);
	print_bounds(out, c);
	print_next(out, "features");
	print_literal(out, "[\"batch\",\"cancel_on_disconnect\",\"groups\",\"labels\",\"order_key\",\"watch\"]}");
}

int
method_hello(struct call *call, struct rpc_error *err)
{
	struct connection	*c = call->conn;
	const struct rpc_value	*client = call_param(call, PARAM_client);
	int			 rc;

	if ((rc = auth_hello(call, err)) != METHOD_ANSWERED)
		return rc;
	c->max_reply = (uint32_t)call_int(call, PARAM_max_line_bytes, c->max_reply);
	if (client->given)
		connection_set_client(c, client->p, client->len);
	print_hello(reply_begin(&call->reply), c);
	return METHOD_ANSWERED;
}

int
method_ping(struct call *call, struct rpc_error *err)
{
	struct buf	*out = reply_begin(&call->reply);

	(void)err;
	print_literal(out, "{\"pong\":true}");
	return METHOD_ANSWERED;
}

/* ---- server.stats ---- */

static void
print_count(struct buf *out, const char *name, uint64_t value)
{
	buf_putc(out, ',');
	print_string(out, name);
	buf_putc(out, ':');
	buf_put_u64(out, value);
}

static void
print_by_name(struct buf *out, const char *const *names, const uint64_t *values, int from, int to)
{
	for (int i = from; i < to; i++) {
		buf_putc(out, i == from ? '{' : ',');
		print_string(out, names[i]);
		buf_putc(out, ':');
		buf_put_u64(out, values[i]);
	}
	buf_putc(out, '}');
}

static void
print_core_stats(struct buf *out, const struct core_stats *s)
{
	print_next(out, "jobs");
	print_literal(out, "{\"now\":");
	print_by_name(out, job_state_names, s->states, 0, JOB_STATES);
	print_count(out, "submitted", s->submitted);
	print_next(out, "finished");
	print_by_name(out, job_state_names, s->finished, JOB_succeeded, JOB_STATES);
	print_count(out, "attempts", s->attempts);
	print_count(out, "crashes", s->crashes);
	print_count(out, "stuck", s->stuck);
	print_count(out, "waiting_bytes", s->waiting_bytes);
	print_count(out, "kept_bytes", s->kept_bytes);
	buf_putc(out, '}');
	print_next(out, "lanes");
	print_by_name(out, lane_names, s->lane_started, 0, LANES);
}

static void
print_net_stats(struct buf *out, const struct net_stats *s)
{
	print_count(out, "connections", s->connections);
	print_count(out, "accepted", s->accepted);
	print_count(out, "refused", s->refused);
	print_count(out, "requests", s->requests);
	print_count(out, "errors", s->errors);
	print_count(out, "bytes_in", s->bytes_in);
	print_count(out, "bytes_out", s->bytes_out);
}

static void
print_lag(struct buf *out, const struct lag *l)
{
	uint64_t	busy_ns = 0;

	for (int i = 0; i < LAG_PHASES_COUNT; i++)
		busy_ns += (uint64_t)l->spent_ns[i];
	print_next(out, "loop");
	print_literal(out, "{\"turns\":");
	buf_put_u64(out, l->turns.count);
	print_count(out, "busy_ms", busy_ns / NS_PER_MS);
	print_count(out, "longest_ms", (uint64_t)(l->longest_ns / NS_PER_MS));
	print_next(out, "slow");
	print_by_name(out, lag_phase_names, l->slow, 0, LAG_PHASES_COUNT);
	buf_putc(out, '}');
}

int
method_server_stats(struct call *call, struct rpc_error *err)
{
	const struct broker	*b = call->net->broker;
	struct buf		*out = reply_begin(&call->reply);
	struct core_stats	 core;
	struct net_stats	 net;

	(void)err;
	core_stats(b->core, &core);
	net_stats(call->net, &net);
	print_literal(out, "{\"server\":\"" SERVER_NAME "\"");
	print_next(out, "boot_id");
	print_string(out, b->boot_id);
	print_count(out, "pid", (uint64_t)getpid());
	print_count(out, "uptime_ms", (uint64_t)(b->now.real_ms - b->started_ms));
	print_next(out, "draining");
	print_bool(out, b->draining);
	print_count(out, "rss_bytes", (uint64_t)process_rss_bytes());
	print_net_stats(out, &net);
	print_core_stats(out, &core);
	print_next(out, "routing");
	print_literal(out, "{\"moves\":");
	buf_put_u64(out, b->lane_moves);
	print_count(out, "stalls", b->loop_stalls);
	buf_putc(out, '}');
	print_lag(out, &b->lag);
	if (http_address(b->http) != NULL) {
		print_next(out, "http");
		print_string(out, http_address(b->http));
	}
	buf_putc(out, '}');
	return METHOD_ANSWERED;
}

int
method_server_metrics(struct call *call, struct rpc_error *err)
{
	struct buf	*out = reply_begin(&call->reply), text = { 0 };

	(void)err;
	metrics_print(call->net->broker, &text);
	print_literal(out, "{\"text\":");
	buf_put_json(out, buf_data(&text), buf_len(&text));
	buf_putc(out, '}');
	buf_free(&text);
	return METHOD_ANSWERED;
}

/* ---- server.drain ---- */

int
method_server_drain(struct call *call, struct rpc_error *err)
{
	struct watch	*w;

	if (watch_allowed(call, 1, err) != 0)
		return -1;
	broker_drain(call->net->broker);
	/* The turn's end finds out whether anything is left. */
	w = watch_new(call, WATCH_DRAIN, 1);
	list_push_back(&call->net->drains, &w->node.link);
	return METHOD_LATER;
}
