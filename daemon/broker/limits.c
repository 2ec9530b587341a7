/* limits.c - the configuration as core takes it.  Runs in: broker, loop thread. */
#include "daemon/broker/limits.h"

#include <string.h>
#include <sys/resource.h>

#include "daemon/broker/keep.h"
#include "daemon/broker/lanes/lanes.h"
#include "daemon/broker/metrics/http.h"
#include "daemon/broker/store/spool.h"
#include "lib/log.h"

/* Standard ones, the journal, the audit log, epoll, control, directories, a file that is read. */
#define FILES_OWN	(17 + SPOOL_OPEN_FILES)
#define CONNECTIONS_MIN	16		/* as for net.max_connections */

/* Clients must not take the descriptors with which dead workers are replaced. */
void
limits_fit_connections(struct broker *b)
{
	int64_t		own = lanes_files(&b->config) + http_files(&b->config) + b->listeners + FILES_OWN, left;
	struct rlimit	r;

	b->max_connections = b->config.max_connections;
	if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur == RLIM_INFINITY)
		return;
	left = (int64_t)r.rlim_cur - own;
	if (left >= b->max_connections)
		return;
	b->max_connections = left < CONNECTIONS_MIN ? CONNECTIONS_MIN : left;
	log_warn("fewer connections than net.max_connections connections=%lld open_files=%llu",
	    (long long)b->max_connections, (unsigned long long)r.rlim_cur);
}

struct store_config
limits_of_store(const struct broker *b)
{
	const struct config	*c = &b->config;

	return (struct store_config){
		.state_dir = b->state_dir, .reserve_bytes = c->store_reserve, .sync = c->store_sync,
		.keep_ms = c->history_keep_ms, .keep_failed_ms = c->history_keep_failed_ms,
		.keep_jobs = c->history_keep_jobs, .keep_bytes = c->history_keep_bytes,
		.keep_failed_jobs = c->history_keep_failed_jobs,
		.keep_failed_bytes = c->history_keep_failed_bytes,
	};
}

static struct retry_policy
make_retry(int64_t max_attempts, int64_t backoff_ms, int64_t factor, int64_t max_backoff_ms)
{
	struct retry_policy	p = { 0 };

	retry_policy_set(&p, RETRY_max_attempts, max_attempts);
	retry_policy_set(&p, RETRY_backoff_ms, backoff_ms);
	retry_policy_set(&p, RETRY_factor, factor);
	retry_policy_set(&p, RETRY_max_backoff_ms, max_backoff_ms);
	return p;
}

static struct retry_policy
retry_of(const struct config_limit *l)
{
	return make_retry(l->max_attempts, l->backoff_ms, l->factor, l->max_backoff_ms);
}

static struct core_config
core_config(const struct broker *b)
{
	const struct config	*c = &b->config;

	return (struct core_config){
		.keep_finished_ms = c->keep_finished_ms,
		.keep_finished = c->keep_finished,
		.keep_finished_bytes = c->keep_finished_bytes,
		.keep_failed_ms = c->keep_failed_ms,
		.keep_groups_ms = c->history_keep_ms,
		.max_waiting = c->max_waiting,
		.max_waiting_bytes = c->max_waiting_bytes,
		.spec_memory = c->store_args_memory,
		.grace_ms = c->grace_ms,
		.retry = make_retry(c->max_attempts, c->backoff_ms, c->factor, c->max_backoff_ms),
		.seed = b->seed,
		.sequential = c->sequential,
		.fence_base = (uint64_t)store_boot(b->store) << 32,
	};
}

static void
set_type(const struct broker *b, struct core *c, const struct config_limit *row)
{
	struct retry_policy	retry = retry_of(row);

	core_type_limit(c, b->now, row->name, (uint32_t)row->max_running,
	    (struct rate){ (uint32_t)row->rate, (uint32_t)row->burst });
	core_type_retry(c, row->name, &retry);
}

static void
set_queue_retry(struct core *c, const struct config_limit *row)
{
	struct retry_policy	retry = retry_of(row);

	core_queue_retry(c, row->name, &retry);
}

struct core *
limits_make_core(const struct broker *b)
{
	struct core_config	 cfg = core_config(b);
	struct core		*c = core_new(&cfg);

	list_for(node, &b->config.queues) {
		const struct config_limit	*row = list_entry(node, struct config_limit, link);
		struct queue_settings		 s = keep_queue_row(row);

		core_queue_set(c, b->now, (struct span){ row->name, strlen(row->name) }, &s);
		set_queue_retry(c, row);
	}
	list_for(node, &b->config.types)
		set_type(b, c, list_entry(node, struct config_limit, link));
	return c;
}

/* ---- a reload ---- */

static const struct retry_policy	as_above;

/* What the new configuration does not name is as if it had never been named. */
static void
drop_gone(struct broker *b, const struct config *old)
{
	list_for(node, &old->queues) {
		const char	*name = list_entry(node, struct config_limit, link)->name;

		if (config_limit_find(&b->config.queues, name) == NULL)
			core_queue_retry(b->core, name, &as_above);
	}
	list_for(node, &old->types) {
		const char	*name = list_entry(node, struct config_limit, link)->name;

		if (config_limit_find(&b->config.types, name) != NULL)
			continue;
		core_type_unlimit(b->core, b->now, name);
		core_type_retry(b->core, name, &as_above);
	}
}

void
limits_reload(struct broker *b, const struct config *old)
{
	struct core_config	cfg = core_config(b);
	struct store_config	history = limits_of_store(b);

	limits_fit_connections(b);
	store_set_keep(b->store, &history);
	core_configure(b->core, b->now, &cfg);
	core_changes_resize(b->core, (uint64_t)b->config.keep_changes);
	drop_gone(b, old);
	list_for(node, &b->config.queues)
		set_queue_retry(b->core, list_entry(node, struct config_limit, link));
	list_for(node, &b->config.types)
		set_type(b, b->core, list_entry(node, struct config_limit, link));
}
